"""Dropout."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from lamina.chance import kept_mask
from lamina.settings import Fraction
from lamina.stage import Elementwise


class Dropout(Elementwise):
    """In training y = x m / (1 - rate), each m being 0 with probability `rate`, else 1; in evaluation y = x.

    Source: Srivastava et al. 2014, section 4, in the "inverted" form that leaves evaluation alone. In lamina's loop
    the mask of an example follows from (seed, step, example), so it does not depend on the rest of the batch.

    Args:
        rate: the probability that a number is dropped; at least 0 and below 1.
    """

    follows_through: ClassVar[bool] = True

    rate: Fraction = 0.5

    def curve(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = kept_mask(x.shape, 1 - self.rate, self.place, x.device)
        # Scaled before it meets x, so that one product is remembered for the backward pass, not two.
        return x * keep.to(x.dtype).mul_(1 / (1 - self.rate))
