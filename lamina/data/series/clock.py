"""The steps of a series: how long one is, how many lie between two times, and when the next ones come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables import dates

Unit = Literal["rows", "number", "seconds", "months"]
UNITS = ("rows", "number", "seconds", "months")

TOLERANCE = 0.01
"""Of a step: so far may a time lie off it."""

LENGTHS = (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
SEASONS = {"seconds": (86_400, 604_800, 31_557_600), "months": (12,)}
"""What comes again in most series: each day, each week, each year."""

LONGEST_SEASON = 2000


@dataclass(frozen=True)
class Clock:
    """How time goes on from step to step.

    Attributes:
        unit: of times: seconds since 1970, months since the year 0, numbers as they stand, or rows where no column
            tells the time.
        step: from one to the next, in that unit.
        written: how dates are written, as in `strptime`; "" for ISO 8601.
        month_end: whether months are told by their last day.
        day: of the month, counted from 0, and the share of a day that has gone by, where months are counted.
    """

    unit: Unit = "rows"
    step: float = 1.0
    written: str = ""
    month_end: bool = False
    day: float = 0.0

    def places(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times, in seconds since 1970 where they are dates, as numbers of steps."""
        return (months_of(times) if self.unit == "months" else times) / self.step

    def after(self, last: float, steps: int) -> list[float]:
        """The times of the steps that follow one."""
        count = np.arange(1, steps + 1, dtype=np.float64)
        if self.unit != "months":
            return [float(last + step * self.step) for step in count]
        months = months_of(np.array([last]))[0] + count * self.step
        starts, ends = first_days(months), first_days(months + 1)
        days = ends - 1 if self.month_end else np.minimum(starts + np.floor(self.day), ends - 1)
        return [float(day) for day in (days + self.day % 1) * dates.DAY]

    def text(self, time: float) -> str:
        """A time as people write it."""
        dated = self.unit in ("seconds", "months")
        return dates.text(time, self.written) if dated else f"{time:.10g}"

    def told(self, steps: float = 1) -> str:
        """So many steps as people say it: "1 hour".

        >>> Clock("seconds", 900.0).told(), Clock("seconds", 172800.0).told(), Clock("months", 1.0).told(3)
        ('15 minutes', '2 days', '3 months')
        """
        count, name = (
            steps * self.step,
            {"rows": "row", "number": "", "months": "month", "seconds": "second"}[self.unit],
        )
        if self.unit == "seconds":
            name, length = next((entry for entry in LENGTHS if count % entry[1] == 0), LENGTHS[-1])
            count = count / length
        return f"{count:.10g} {name}{'s' * (count != 1)}" if name else f"{count:.10g}"

    def season(self) -> int | None:
        """After how many steps much comes again: the shortest of a day, a week and a year that is several steps.

        >>> Clock("seconds", 3600.0).season(), Clock("seconds", 86400.0).season(), Clock("months", 3.0).season()
        (24, 7, 4)
        """
        counts = [whole / self.step for whole in SEASONS.get(self.unit, ())]
        return next((round(count) for count in counts if 2 <= count <= LONGEST_SEASON), None)

    def to_json(self) -> dict[str, Any]:
        """What a model keeps."""
        return dict(self.__dict__)


def clock_of(times: NDArray[np.float64], dated: bool, written: str = "") -> Clock:
    """The clock of times in order: the step is the commonest difference, the shortest of several.

    Args:
        times: at least two, all different; in seconds since 1970 where they are dates.
        dated: whether they are.
        written: how dates are written.
    """
    days = times / dates.DAY
    if dated and (days[-1] - days[0]) / (len(days) - 1) > 27.5:
        months = months_of(times)
        in_month = days - first_days(months)
        at_end = np.floor(days) + 1 == first_days(months + 1)
        same = np.ptp(in_month) == 0
        if (same or (at_end.all() and np.ptp(in_month % 1) == 0)) and (np.diff(months) >= 1).all():
            return Clock("months", commonest(np.diff(months)), written, not same, float(in_month[0]))
    return Clock("seconds" if dated else "number", commonest(np.diff(times)), written)


def commonest(values: NDArray[np.float64]) -> float:
    """The value that comes most often, the least of several; what differs by rounding alone is one."""
    rounded = np.array([float(f"{value:.9g}") for value in np.unique(values)])
    counts = np.unique(values, return_counts=True)[1]
    distinct, member = np.unique(rounded, return_inverse=True)
    return float(distinct[np.bincount(member, counts).argmax()])


def months_of(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Months since the year 0."""
    days = np.floor(seconds / dates.DAY).astype(np.int64).astype("datetime64[D]")
    return days.astype("datetime64[M]").astype(np.int64).astype(np.float64) + 1970 * 12


def first_days(months: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first day of each month, in days since 1970."""
    whole = np.round(months).astype(np.int64) - 1970 * 12
    return whole.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64).astype(np.float64)
