"""Windows that slide over a series one step at a time: views on one array, of which a batch alone is copied."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor

from lamina.chance import GOLDEN, mixed
from lamina.data.dataset import Column
from lamina.kinds import Padded, Sequence, Vector

INVERSE = pow(GOLDEN, -1, 2**64)
"""Of an odd number modulo 2^64."""


@dataclass(frozen=True)
class Sliding(Column):
    """Row i is values[i : i + length]: as a sequence, or step by step as one vector, as the kind says.

    Attributes:
        values: the steps of the series (N, D).
        length: T, the steps of a window. There are N - T + 1 windows.
    """

    length: int = field(kw_only=True)

    def __len__(self) -> int:
        return len(self.values) - self.length + 1

    @property
    def windows(self) -> Float[Tensor, "N T D"]:
        """All of them, without a copy."""
        return self.values.unfold(0, self.length, 1).transpose(1, 2)  # (N, T, D)

    def gather(self, index: Int64[Tensor, " B"]) -> Tensor | Padded:  # type: ignore[override]  # as the kind says
        """These windows; all of a sequence may be looked at."""
        found = self.windows[index].contiguous()  # (B, T, D)
        if not isinstance(self.kind, Sequence):
            return found.flatten(1)
        return Padded(found, torch.ones(found.shape[:2], dtype=torch.bool, device=found.device))

    @cached_property
    def hashes(self) -> Int64[Tensor, " N"]:
        """64 bits of each window, the same for equal windows: sum_j h_(i + j) g^j mod 2^64, h those of the steps.

        Source: Karp and Rabin 1987: such sums roll on, so that all windows take no longer than all steps.
        """
        steps = Column(self.values, Vector(self.values.shape[1])).hashes.numpy().view(np.uint64)
        summed = np.concatenate((np.zeros(1, np.uint64), np.cumsum(steps * powers(GOLDEN, len(steps)))))
        rolled = (summed[self.length :] - summed[: -self.length]) * powers(INVERSE, len(self))
        return mixed(torch.from_numpy(rolled.view(np.int64)))


def powers(base: int, count: int) -> NDArray[np.uint64]:
    """1, b, b², ..., modulo 2^64.

    >>> powers(3, 4).tolist()
    [1, 3, 9, 27]
    """
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)
