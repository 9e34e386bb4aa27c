"""Codes of positions."""

from __future__ import annotations

import functools
import math
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamina.chance import generator
from lamina.errors import DataError
from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence
from lamina.layers.weights import new_rows
from lamina.settings import Count
from lamina.stage import Flow, Stage, State, expect

BASE = 10_000.0
"""How many times slower the slowest code turns than the fastest, nearly."""


def rates(width: int, like: Tensor) -> Float[Tensor, " R"]:
    """BASE^(-2i / width) for i = 0, 1, ...: the angle by which each pair of numbers turns from position to position."""
    places = torch.arange(0, width, 2, dtype=like.dtype, device=like.device)
    return torch.pow(BASE, -places / width)


def enough(count: int) -> int:
    """The power of two that is no less, and at least 64: so a table of codes is made anew now and then, not often."""
    return max(64, 1 << (count - 1).bit_length())


@functools.lru_cache(maxsize=16)
def waves(count: int, width: int, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "T D"]:
    """The sinusoidal codes of the first `count` positions: made once for all steps."""
    with torch.inference_mode(False):  # so that training may use what generation made
        turned = angles(0, count, width, torch.empty(0, dtype=dtype, device=device))
        return torch.stack((turned.sin(), turned.cos()), -1).flatten(1)[:, :width] / math.sqrt(width)


def angles(first: int, count: int, width: int, like: Tensor) -> Float[Tensor, "T R"]:
    """t rate_i for `count` positions t that begin with `first`."""
    positions = torch.arange(first, first + count, dtype=like.dtype, device=like.device)
    return positions[:, None] * rates(width, like)


class Positions(Stage):
    """y_t = x_t + p_t: each position is told where it stands, as attention would not know otherwise.

    With "sinusoidal", p_t = (sin a_0, cos a_0, sin a_1, cos a_1, ...) / sqrt(width) with a_i = t / 10000^(2i / width).
    Source: Vaswani et al. 2017, section 3.5. They multiply the tokens' vectors by sqrt(width) (section 3.4) and add the
    code as it is; as `Embed` gives vectors of length about 1, here the code is divided instead, so that the ratio is
    theirs. With "learned", p_t is row t of a table (Gehring et al. 2017, section 3.1), which starts normal with
    variance 1 / (2 width): as long as a sinusoidal code, sqrt(1/2).

    Args:
        how: "sinusoidal", for sequences of any length, or "learned".
        longest: the rows of the table; "learned" alone has one.

    Raises:
        DataError: for a sequence that is longer than the table.
    """

    grows: ClassVar[bool] = True

    how: Literal["sinusoidal", "learned"] = "sinusoidal"
    longest: Count = 512

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        if values["how"] == "learned" or values["longest"] == cls.longest:
            return []
        return [f"Positions: longest={values['longest']} is of no use without how='learned'; leave it out"]

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Sequence)
        self.weight = new_rows(self, given, self.longest, given.width) if self.how == "learned" else None
        return given

    def initialise(self, seed: int, following: Following) -> None:
        if self.weight is not None:
            spread = (2 * self.weight.shape[1]) ** -0.5
            nn.init.normal_(self.weight, 0, spread, generator=generator(seed, self.place))

    def forward(self, x: Padded) -> Padded:
        return self.carry(x, None)[0]

    def carry(self, x: Flow, state: State) -> tuple[Padded, State]:
        """Go on behind `state` positions."""
        assert isinstance(x, Padded)
        first = state or 0
        after = first + x.values.shape[1]
        return x._replace(values=x.values + self.codes(first, after, x.values)), after

    def codes(self, first: int, after: int, like: Tensor) -> Float[Tensor, "T D"]:
        """p_t for t from `first` to before `after`."""
        width = like.shape[-1]
        if self.weight is None:
            return waves(enough(after), width, like.dtype, like.device)[first:after]
        if after > self.longest:
            raise DataError(
                f"{self} knows {self.longest} positions, got a sequence of {after};"
                f" set longest={after} or more, cut the sequences, or take Positions(), which knows any number"
            )
        learned: Tensor = self.weight[first:after]
        return learned
