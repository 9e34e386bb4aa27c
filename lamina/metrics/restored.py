"""What is measured of inputs that are given back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from jaxtyping import Float, Float64
from torch import Tensor

from lamina.metrics.measure import NORMAL_QUANTILE, Measure, Tally, positive

NATS, CODE, SQUARES, BOUND = range(4)
"""What is known of each example: -ln p(x | code), the nats of the code, the squared error, and -(the bound)."""


@dataclass(frozen=True, eq=False)
class RestoredTally(Tally):
    """Inputs given back: the sums over examples of four numbers u, and of their squares.

    The spread of the inputs about their own mean is joined pairwise, so that no digits are lost where the mean is large
    (Chan, Golub and LeVeque 1979, equation 2.1).

    Attributes:
        sums: of u = (-ln p(x | code), nats of the code, squared error, -(bound)).
        squares: of the four, squared.
        centre: the mean of the inputs.
        scatter: Σ |x - centre|².
        drawn: whether codes are drawn, so that the bound is what is looked at.
        nats_first: whether -ln p(x | code) is looked at first, and not the squared error.
    """

    sums: Float64[Tensor, 4]
    squares: Float64[Tensor, 4]
    centre: Float64[Tensor, " D"]
    scatter: float
    count: int
    drawn: bool
    nats_first: bool

    chosen: ClassVar[tuple[str, str]] = ("restoration_loss", "elbo")

    @property
    def headline(self) -> str:  # type: ignore[override]
        """The bound where there is one, else what the likelihood is about."""
        return "elbo" if self.drawn else "restoration_loss" if self.nats_first else "squared_error_per_example"

    @property
    def chosen_by(self) -> str:  # type: ignore[override]
        """The loss, or the bound, which is the loss and moves the other way."""
        return self.chosen[self.drawn]

    @classmethod
    def of(
        cls, each: Float[Tensor, "B 4"], target: Float[Tensor, "B ..."], *, drawn: bool, nats_first: bool
    ) -> RestoredTally:
        """The tally of a batch, on any device.

        Args:
            each: u of each example.
            target: the inputs.
            drawn: whether codes were drawn.
            nats_first: whether people look at -ln p(x | code) first.
        """
        u, x = each.detach().cpu().double(), target.detach().cpu().flatten(1).double()
        first = x[:1].sum(0)  # (D,); zero if there is no example
        centre = first + (x - first).mean(0) if len(x) else first
        scatter = (x - centre).square().sum().item()
        return cls(u.sum(0), u.square().sum(0), centre, scatter, len(x), drawn, nats_first)

    def __add__(self, other: Self) -> Self:
        if not (self.count and other.count):
            return self if self.count else other
        count, gap = self.count + other.count, other.centre - self.centre
        share = other.count / count
        scatter = self.scatter + other.scatter + gap.square().sum().item() * self.count * share
        return type(self)(
            self.sums + other.sums,
            self.squares + other.squares,
            self.centre + gap * share,
            scatter,
            count,
            self.drawn,
            self.nats_first,
        )

    def measures(self) -> dict[str, Measure]:
        squared = positive(self.mean(SQUARES), self.variance(SQUARES))
        unexplained = self.sums[SQUARES].item() / self.scatter if self.scatter else math.nan
        found = {
            "restoration_loss": self.normal(NATS),
            "squared_error_per_example": squared,
            "explained_variance": Measure(1 - unexplained, -math.inf, math.inf),
        }
        if self.drawn:
            bound = self.normal(BOUND)
            found["elbo"] = Measure(-bound.value, -bound.high, -bound.low)
            found["code_nats"] = self.normal(CODE)
        return {self.headline: found.pop(self.headline), **found}

    def mean(self, place: int) -> float:
        return self.sums[place].item() / self.count if self.count else math.nan

    def variance(self, place: int) -> float:
        """Of a mean; nan for a single example, whose spread is unknown."""
        if self.count < 2:
            return math.nan
        spread = max(0.0, self.squares[place].item() / self.count - self.mean(place) ** 2)
        return spread / (self.count - 1)

    def normal(self, place: int) -> Measure:
        """A mean of either sign: value ± 1.96 deviations of it."""
        mean, variance = self.mean(place), self.variance(place)
        reach = NORMAL_QUANTILE * math.sqrt(variance) if math.isfinite(variance) else math.inf
        return Measure(mean, mean - reach, mean + reach)
