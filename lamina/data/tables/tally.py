"""What is kept of numbers that pass by: their count, extremes, mean and spread, and how many differ."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MOST_DISTINCT = 10_000
"""Distinct numbers are counted up to here."""

WIDEST = 2**14
"""Whole numbers that lie no farther apart are counted at their places, which is quicker than looking them up."""

AT_ONCE = 2**14
"""So many numbers are gone over at once: they and what is made of them stay in the processor's cache."""

Numbers = NDArray[np.float64]


class Distinct:
    """How often each number occurs, while there are no more than `MOST_DISTINCT`."""

    def __init__(self) -> None:
        self.over = False
        self.cells = 0
        self.repeats = False
        self._low = 0
        self._at_places = np.zeros(0, np.int64)
        self._waiting: list[tuple[Numbers, NDArray[np.int64]]] = []
        self._many = 0

    def add(self, numbers: Numbers, low: float, high: float, whole: bool) -> None:
        """Count numbers, none of them NaN, that lie from `low` to `high`."""
        if self.over or not len(numbers):
            return
        self.cells += len(numbers)
        if (
            whole
            and high - low < WIDEST
            and abs(low) < 2**52
            and abs(high) < 2**52
            and self._reach(int(low), int(high))
        ):
            counts = np.bincount((numbers - self._low).astype(np.int64), minlength=len(self._at_places))
            self._at_places += counts
            return
        counted = pc.value_counts(pa.array(numbers))
        self._wait(counted.field(0).to_numpy(), counted.field(1).to_numpy())

    def counted(self) -> tuple[Numbers, NDArray[np.int64]] | None:
        """The numbers in order and how often each occurs; None if they are too many."""
        if not self.over:
            self._settle()
        return None if self.over else self._waiting[0]

    def _reach(self, low: int, high: int) -> bool:
        """Make places for the numbers from `low` to `high`, if that does not take too many."""
        if not len(self._at_places):
            self._low = low
        start, end = min(self._low, low), max(self._low + len(self._at_places), high + 1)
        if end - start > WIDEST:
            return False
        if end - start > len(self._at_places):
            wider = np.zeros(end - start, np.int64)
            wider[self._low - start : self._low - start + len(self._at_places)] = self._at_places
            self._low, self._at_places = start, wider
        return True

    def _wait(self, numbers: Numbers, counts: NDArray[np.int64]) -> None:
        self._waiting.append((numbers, counts))
        self._many += len(numbers)
        # Seldom, since all that wait are sorted.
        if self._many > 4 * MOST_DISTINCT or len(numbers) > MOST_DISTINCT:
            self._settle()

    def _settle(self) -> None:
        """Bring together what was counted at different times."""
        used = np.flatnonzero(self._at_places)
        parts = [*self._waiting, ((used + self._low).astype(np.float64), self._at_places[used])]
        numbers, places = np.unique(np.concatenate([part for part, _ in parts]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([part for _, part in parts]), len(numbers)).astype(np.int64)
        self._waiting, self._many, self._at_places = [(numbers, counts)], len(numbers), np.zeros(0, np.int64)
        self.repeats = len(numbers) < self.cells
        if len(numbers) > MOST_DISTINCT:
            self.over = True
            self._waiting = []


class Tally:
    """A summary of numbers, exact and independent of the order in which they come, but for rounding.

    Attributes:
        infinite: the place of the first number that float32 cannot hold and that number, if there is one.
    """

    def __init__(self) -> None:
        self.cells = 0
        self.blanks = 0
        self.low = math.inf
        self.high = -math.inf
        self.mean = 0.0
        self.squares = 0.0
        self.whole = True
        self.steps = True
        self.last: float | None = None
        self.distinct = Distinct()
        self.infinite: tuple[int, float] | None = None

    def add(self, numbers: Numbers, first: int = 0) -> None:
        """Take account of the numbers of the rows from `first` on, NaN for a blank."""
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(numbers), AT_ONCE):
                self._add(numbers[start : start + AT_ONCE], first + start)

    @property
    def deviation(self) -> float:
        return math.sqrt(self.squares / self.cells) if self.cells else math.nan

    def _add(self, numbers: Numbers, first: int) -> None:
        total = float(numbers.sum())
        if not math.isfinite(total):
            beyond = np.flatnonzero(np.isinf(numbers.astype(np.float32)))
            if len(beyond):
                self._beyond(numbers, first, int(beyond[0]))
            known = numbers[~np.isnan(numbers)]
            self.blanks += len(numbers) - len(known)
            self.steps &= len(known) == len(numbers)
            numbers, total = known, float(known.sum())
            if not len(numbers):
                return
        low, high = float(numbers.min()), float(numbers.max())
        if math.isinf(float(np.float32(low))) or math.isinf(float(np.float32(high))):
            self._beyond(numbers, first, int(np.flatnonzero(np.isinf(numbers.astype(np.float32)))[0]))
            return
        self._merge(numbers, total / len(numbers))
        self.low, self.high = min(self.low, low), max(self.high, high)
        # The first few show it nearly always.
        self.whole = self.whole and bool(
            (np.floor(numbers[:8]) == numbers[:8]).all() and (np.floor(numbers) == numbers).all()
        )
        self.steps = self.steps and self._one_by_one(numbers)
        self.distinct.add(numbers, low, high, self.whole)

    def _beyond(self, numbers: Numbers, first: int, place: int) -> None:
        if self.infinite is None:
            self.infinite = (first + place, float(numbers[place]))

    def _merge(self, numbers: Numbers, mean: float) -> None:
        """Bring the mean and the squared distances from it together with those of further numbers.

        Source: Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm (1979), equation 2.1.
        """
        away = numbers - mean
        cells = self.cells + len(numbers)
        difference = mean - self.mean
        self.squares += float(away @ away) + difference * difference * self.cells * len(numbers) / cells
        self.mean += difference * len(numbers) / cells
        self.cells = cells

    def _one_by_one(self, numbers: Numbers) -> bool:
        last, self.last = self.last, float(numbers[-1])
        if last is not None and numbers[0] != last + 1:
            return False
        if numbers[-1] - numbers[0] != len(numbers) - 1:
            return False
        return bool((np.diff(numbers) == 1).all())
