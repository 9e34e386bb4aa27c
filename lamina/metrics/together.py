"""Several targets of the same examples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from lamina.metrics.measure import OF, Measure, Tally


@dataclass(frozen=True, eq=False)
class LossTally(Tally):
    """A tally with the sum of the loss, by which weights are chosen.

    Attributes:
        tally: what is measured.
        nats: the sum of -ln p.
    """

    tally: Tally
    nats: float
    count: int
    chosen_by: ClassVar[str] = "loss"

    @property
    def headline(self) -> str:  # type: ignore[override]
        """That of the tally."""
        return self.tally.headline

    def __add__(self, other: Self) -> Self:
        return type(self)(self.tally + other.tally, self.nats + other.nats, self.count + other.count)

    def measures(self) -> dict[str, Measure]:
        return self.tally.measures() | {"loss": loss_of(self.nats, self.count)}


def loss_of(nats: float, count: int) -> Measure:
    """The mean loss, of whose spread nothing is known."""
    return Measure(nats / count if count else math.nan, -math.inf, math.inf)


@dataclass(frozen=True, eq=False)
class TogetherTally(Tally):
    """The tallies of several targets, and the sum of the loss of all of them.

    Attributes:
        parts: the tally of each target, by what it is called.
        nats: the sum of -ln p of all targets.
    """

    parts: dict[str, Tally]
    nats: float
    count: int
    headline: ClassVar[str] = "loss"
    chosen_by: ClassVar[str] = "loss"

    def __add__(self, other: Self) -> Self:
        parts = {name: tally + other.parts[name] for name, tally in self.parts.items()}
        return type(self)(parts, self.nats + other.nats, self.count + other.count)

    def measures(self) -> dict[str, Measure]:
        """Those of each target in turn, and the loss."""
        each = of_each({name: tally.measures() for name, tally in self.parts.items()})
        return each | {"loss": loss_of(self.nats, self.count)}


def of_each(measures: dict[str, dict[str, Measure]]) -> dict[str, Measure]:
    """The measures of several targets under one name each: "accuracy of smoker"."""
    return {f"{what}{OF}{name}": found for name, each in measures.items() for what, found in each.items()}
