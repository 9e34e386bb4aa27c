"""Learning rates as functions of the step: a schedule is a word, `cosine(0.1, warmup=100)`.

Every schedule may warm up: over the first `warmup` steps the rate climbs linearly to its peak, (step + 1) / warmup of
it (Goyal et al. 2017, section 2.2). Steps count from 0; `total` is how many the run will have.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from lamina.settings import Bounds, Count, Natural, NonNegative, Positive
from lamina.word import Word

Share = Annotated[float, Bounds(low=0, high=1, low_open=True, high_open=True)]


class Rate(Word):
    """A learning rate that changes over a run."""

    rate: Positive
    warmup: Natural = 0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        if values.get("floor", 0.0) > values["rate"]:
            return [f"{cls.name()}: floor must be at most rate={values['rate']}, got floor={values['floor']}"]
        return []

    def at(self, step: int, total: int) -> float:
        """The rate of update number `step` (from 0) out of `total`."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        return self.after_warmup(step, total)

    def after_warmup(self, step: int, total: int) -> float:
        """The rate of a step that is not among the first `warmup`."""
        raise NotImplementedError(f"{self.name()} does not say its rate")

    def progress(self, step: int, total: int) -> float:
        """How far the run is between the end of the warm-up and its last step: from 0 to below 1."""
        return min(1.0, (step - self.warmup) / max(1, total - self.warmup))


class Constant(Rate):
    """The same rate throughout."""

    called: ClassVar[str] = "constant"

    def after_warmup(self, step: int, total: int) -> float:
        return self.rate


class Cosine(Rate):
    """floor + (rate - floor) (1 + cos(pi p)) / 2, with p the progress after the warm-up.

    Source: Loshchilov and Hutter 2017, eq. 5, one period.
    """

    called: ClassVar[str] = "cosine"

    floor: NonNegative = 0.0

    def after_warmup(self, step: int, total: int) -> float:
        return self.floor + (self.rate - self.floor) * (1 + math.cos(math.pi * self.progress(step, total))) / 2


class Linear(Rate):
    """rate + (floor - rate) p, with p the progress after the warm-up."""

    called: ClassVar[str] = "linear"

    floor: NonNegative = 0.0

    def after_warmup(self, step: int, total: int) -> float:
        return self.rate + (self.floor - self.rate) * self.progress(step, total)


class Steps(Rate):
    """The rate is multiplied by `factor` each time the run has passed one of the shares `at`.

    Source: He et al. 2016, section 4.2, which divides by 10 at 1/2 and 3/4 of the run.
    """

    called: ClassVar[str] = "steps"

    at_shares: tuple[Share, ...] = (0.5, 0.75)
    factor: Positive = 0.1

    def after_warmup(self, step: int, total: int) -> float:
        passed = sum(step >= share * total for share in self.at_shares)
        return self.rate * float(self.factor**passed)


class InverseSqrt(Rate):
    """rate sqrt(warmup / (step + 1)): it peaks at the end of the warm-up and needs no end of the run.

    Source: Vaswani et al. 2017, eq. 3, with the peak as the setting.
    """

    called: ClassVar[str] = "inverse_sqrt"

    warmup: Count = 1000

    def after_warmup(self, step: int, total: int) -> float:
        return self.rate * math.sqrt(self.warmup / (step + 1))


def rate_at(rate: float | Rate, step: int, total: int) -> float:
    """The rate of a step, whether it is a number or a schedule."""
    return rate.at(step, total) if isinstance(rate, Rate) else rate


def unreached(rate: float | Rate, total_steps: int) -> str | None:
    """What is said of a rate that will never reach its peak in so many steps; None if it will."""
    if isinstance(rate, Rate) and rate.warmup >= total_steps:
        return f"{rate}: the run ends after {total_steps:,} steps, before the warm-up does"
    return None
