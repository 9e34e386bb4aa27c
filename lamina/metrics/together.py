"""Several targets of the same examples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from lamina.metrics.measure import OF, Measure, Tally


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
        """Those of each target in turn, and the loss, of whose spread nothing is known."""
        loss = Measure(self.nats / self.count if self.count else math.nan, -math.inf, math.inf)
        return of_each({name: tally.measures() for name, tally in self.parts.items()}) | {"loss": loss}


def of_each(measures: dict[str, dict[str, Measure]]) -> dict[str, Measure]:
    """The measures of several targets under one name each: "accuracy of smoker"."""
    return {f"{what}{OF}{name}": found for name, each in measures.items() for what, found in each.items()}
