"""What is measured of a net that points at a first and a last position, row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from jaxtyping import Bool, Float
from torch import Tensor

from lamina.metrics.measure import Measure, Tally, positive, wilson


@dataclass(frozen=True)
class PointedTally(Tally):
    """Rows with the positions that were pointed to.

    Attributes:
        nats: the sum over rows of a = (-ln p(first) - ln p(last)) / 2.
        squares: that of a².
        right: the rows in which both likeliest positions are right.
        count: the rows.
    """

    nats: float
    squares: float
    right: int
    count: int
    headline: ClassVar[str] = "span_accuracy"
    chosen_by: ClassVar[str] = "span_loss"

    @classmethod
    def of(cls, nats: Float[Tensor, " B"], right: Bool[Tensor, " B"]) -> Self:
        """The tally of a batch.

        Args:
            nats: of each row, the mean over its two positions of -ln p.
            right: whether both are the likeliest.
        """
        each = nats.detach().double()
        return cls(each.sum().item(), each.square().sum().item(), int(right.sum()), len(right))

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.nats + other.nats, self.squares + other.squares, self.right + other.right, self.count + other.count
        )

    def measures(self) -> dict[str, Measure]:
        mean = self.nats / self.count if self.count else math.nan
        spread = self.squares - self.count * mean**2
        variance = max(0.0, spread) / (self.count - 1) / self.count if self.count > 1 else math.nan
        return {"span_accuracy": wilson(self.right, self.count), "span_loss": positive(mean, variance)}
