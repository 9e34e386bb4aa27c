"""What is found out about a column, for people and for the plan."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables.fields import Field
from lamina.data.tables.gathered import Gathered
from lamina.data.tables.spelling import spelled

BINS = 20
MOST_COMMON = 10
ROWS_AT_ONCE = 2**16


@dataclass(frozen=True)
class Profile:
    """What a column holds and what becomes of it.

    Attributes:
        name: of the column.
        kind: one of `fields.KINDS`.
        reason: why it is of that kind, or is left out.
        blanks: how many cells are blank.
        rows: how many there are.
        distinct: how many values there are; None if too many to count.
        low: the least number, or the first moment in seconds since 1970; None for texts. So are `high`, `mean` and
            `deviation`.
        top: the commonest values and how many cells hold each, at most ten.
        histogram: how many numbers lie in each of twenty equal parts of `low` to `high`; empty for texts.
        warnings: what the user should look at.
        field: how it becomes numbers; None if it is left out.
    """

    name: str
    kind: str
    reason: str
    blanks: int
    rows: int
    distinct: int | None
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    deviation: float | None = None
    top: tuple[tuple[str, int], ...] = ()
    histogram: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    field: Field | None = None


def commonest(gathered: Gathered) -> tuple[tuple[str, int], ...]:
    """The commonest values of a column and how many cells hold each; those that are as common in their order."""
    if gathered.held == "numbers":
        return tuple((spelled(number), count) for number, count in gathered.commonest[:MOST_COMMON])
    counts = gathered.counts
    if not len(counts) or len(gathered.words) == 0:
        return ()
    # No more than those as common as the tenth are sorted: there may be very many words.
    least = -np.partition(-counts, min(MOST_COMMON, len(counts)) - 1)[min(MOST_COMMON, len(counts)) - 1]
    places = np.flatnonzero(counts >= max(1, least)).tolist()
    places.sort(key=lambda place: (-counts[place], gathered.words[place]))
    return tuple((gathered.words[place], int(counts[place])) for place in places[:MOST_COMMON])


def histogram(
    values: NDArray[np.floating], low: float, high: float, counts: NDArray[np.int64] | None = None
) -> tuple[int, ...]:
    """How many of the values lie in each of twenty equal parts of `low` to `high`; NaN in none.

    Args:
        values: the numbers.
        low: the least of them.
        high: the greatest.
        counts: how often each stands in the column; None for once.
    """
    if math.isnan(low):
        return ()
    bins = np.zeros(BINS + 1, np.int64)
    scale = BINS / (high - low) if high > low else 0.0
    for first in range(0, len(values), ROWS_AT_ONCE):
        part = np.asarray(values[first : first + ROWS_AT_ONCE], np.float64)
        # Blanks go behind the last part; a float32 may lie a little beyond the limits.
        places = np.nan_to_num((part - low) * scale, nan=BINS).clip(0, BINS - 1)
        places[np.isnan(part)] = BINS
        weights = None if counts is None else counts[first : first + ROWS_AT_ONCE]
        bins += np.bincount(places.astype(np.int64), weights, BINS + 1).astype(np.int64)
    return tuple(bins[:BINS].tolist())
