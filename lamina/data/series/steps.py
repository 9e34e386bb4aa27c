"""Rows brought to regular steps: sorted, none twice, and what is missing carried forward and counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.data.series.clock import TOLERANCE, Clock, clock_of
from lamina.data.series.columns import Columns, Times
from lamina.errors import DataError, listed

LONGEST_GAP = 24
"""Steps in a row that are filled; more of them would be made up rather than mended."""

MOST_NAMED = 5


class Steps(NamedTuple):
    """A series at regular steps.

    Attributes:
        values: of the columns (N, D), none of them blank.
        last: the time of the last step; seconds since 1970 where times are dates.
        clock: how time goes on.
        notes: what was done to get there, a sentence each.
    """

    values: NDArray[np.float32]
    last: float
    clock: Clock
    notes: tuple[str, ...]


def regular(name: str, columns: Columns, gaps: str, where: Callable[[int], str]) -> Steps:
    """The rows of a file as regular steps.

    Args:
        name: of the file.
        columns: what it says.
        gaps: "fill", "refuse" or "ignore"; see `SeriesReading`.
        where: says where a row stands: "series.csv:17".

    Raises:
        DataError: if times are missing or come twice, do not lie on regular steps, or too many steps are missing.
    """
    order = in_order(name, columns.times, where)
    times, values = columns.times.values[order], columns.values[order]
    notes = list[str]()
    moved = int((order != np.arange(len(order))).sum())
    if moved:
        notes.append(f"sorted by {columns.times.column}: {moved:,} of {len(order):,} rows stood elsewhere")
    clock = Clock() if columns.times.column is None else clock_of(times, columns.times.dated, columns.times.written)
    if gaps == "ignore":
        places = np.arange(len(order))
    else:
        places = places_of(clock, times, lambda place: where(int(order[place])))
        refuse_gaps(clock, times, places, gaps, lambda place: where(int(order[place])))
        notes += told_gaps(clock, places)
    spread = np.full((int(places[-1]) + 1, values.shape[1]), np.nan, np.float32)
    spread[places] = values
    begun = first_whole(spread)
    if begun:
        notes.append(f"the first {begun:,} steps are left out: not every column has a value before")
    notes += told_blanks(columns.names, values[places >= begun])
    spread = carried_forward(
        name, columns.names, spread[begun:], gaps, lambda place: step_text(clock, times, places, place + begun)
    )
    return Steps(spread, float(times[-1]), clock, tuple(notes))


def in_order(name: str, times: Times, where: Callable[[int], str]) -> NDArray[np.int64]:
    """The rows by time.

    Raises:
        DataError: if a row has no time, or two have the same; naming the first few.
    """
    blank = np.flatnonzero(np.isnan(times.values))
    if len(blank):
        raise DataError(
            f"{where(int(blank[0]))}: expected a time in column {times.column!r} of every row, got {len(blank):,} rows"
            " without one; fill them or leave these rows out"
        )
    order = np.argsort(times.values, kind="stable")
    twice = np.flatnonzero(np.diff(times.values[order]) == 0)
    if len(twice):
        cure = "keep one of each, or make a file of each series"
        named = [
            f"{where(int(order[place + 1]))} has the same time as {where(int(order[place]))}; {cure}"
            for place in twice[:MOST_NAMED].tolist()
        ]
        raise DataError(listed(named, f"{name}: {len(twice):,} rows have the time of another"))
    return order


def places_of(clock: Clock, times: NDArray[np.float64], where: Callable[[int], str]) -> NDArray[np.int64]:
    """The step of each row, from 0.

    Raises:
        DataError: if a row lies between steps.
    """
    between = np.diff(clock.places(times))
    whole = np.round(between)
    off = np.flatnonzero((np.abs(between - whole) > TOLERANCE) | (whole < 1))
    if len(off):
        place = int(off[0])
        raise DataError(
            f"{where(place + 1)}: expected steps of {clock.told()}, as between most rows, but {len(off):,} of"
            f" {len(between):,} rows lie otherwise, this one {clock.told(float(between[place]))} after the one before;"
            " say --gaps ignore to take rows as they follow each other"
        )
    return np.concatenate((np.zeros(1, np.int64), whole.astype(np.int64).cumsum()))


def refuse_gaps(
    clock: Clock, times: NDArray[np.float64], places: NDArray[np.int64], gaps: str, where: Callable[[int], str]
) -> None:
    """Refuse steps without a row: all of them if that was asked for, else runs that are too long.

    Raises:
        DataError: naming the first.
    """
    missing = np.diff(places) - 1
    wrong = np.flatnonzero(missing > (0 if gaps == "refuse" else LONGEST_GAP))
    if not len(wrong):
        return
    place = int(wrong[0])
    count = int(missing[place])
    came = f"{where(place)}: {count:,} step{'s' * (count > 1)} of {clock.told()}"
    came += f" {'are' if count > 1 else 'is'} missing behind {clock.text(float(times[place]))}"
    if gaps == "refuse":
        raise DataError(f"{came}, the first of {len(wrong):,} gaps; add the rows, or let gaps be filled")
    raise DataError(
        f"{came}, and at most {LONGEST_GAP} in a row are filled; add the rows, train on what comes after, or say --gaps"
        " ignore to take rows as they follow each other"
    )


def told_gaps(clock: Clock, places: NDArray[np.int64]) -> list[str]:
    """What is to be said of steps without a row."""
    missing = np.diff(places) - 1
    count = int(missing.sum())
    if not count:
        return []
    share, longest = count / (int(places[-1]) + 1), int(missing.max())
    what = (
        f"{count:,} step{'s' * (count > 1)} of {clock.told()} ({share:.1%}) without a row, at most {longest} in a row"
    )
    return [f"{what}: the last values are carried forward"]


def first_whole(values: NDArray[np.float32]) -> int:
    """The first step from which on every column has had a value."""
    return int((~np.isnan(values)).argmax(0).max())


def told_blanks(names: tuple[str, ...], values: NDArray[np.float32]) -> list[str]:
    """What is to be said of blank cells."""
    counts = zip(names, np.isnan(values).sum(0).tolist(), strict=True)
    return [
        f"{name}: {count:,} blank{'s' * (count > 1)}, the last value is carried forward"
        for name, count in counts
        if count
    ]


def carried_forward(
    name: str, names: tuple[str, ...], values: NDArray[np.float32], gaps: str, text: Callable[[int], str]
) -> NDArray[np.float32]:
    """Each blank as the last value before it. The first step has none.

    Args:
        name: of the file.
        names: of the columns.
        values: theirs, step by step, NaN for a blank.
        gaps: "refuse" to refuse any.
        text: the time of a step.

    Raises:
        DataError: if a column has too many blanks in a row, or blanks are refused.
    """
    blank, steps = np.isnan(values), np.arange(len(values))[:, None]
    known = np.maximum.accumulate(np.where(blank, 0, steps), 0)  # the step that each value is taken from
    longest = 0 if gaps == "refuse" else LONGEST_GAP
    wrong = np.argwhere(steps - known > longest)
    if len(wrong):
        place, column = wrong[0].tolist()
        what = "blank behind" if gaps == "refuse" else f"blank for more than {LONGEST_GAP} steps behind"
        cure = "fill it, or leave --gaps out" if gaps == "refuse" else "fill it, or leave the column out"
        raise DataError(f"{name}: column {names[column]!r} is {what} {text(place - longest - 1)}; {cure}")
    return np.take_along_axis(values, known, 0)


def step_text(clock: Clock, times: NDArray[np.float64], places: NDArray[np.int64], place: int) -> str:
    """The time of a step, of which there may be no row: that of the last row before it."""
    return clock.text(float(times[np.searchsorted(places, place, "right") - 1]))
