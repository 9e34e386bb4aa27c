"""Which column of a table tells the time, and which are forecast."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables import dates
from lamina.data.tables.gathered import Collected, Gathered
from lamina.data.tables.reading import Reading
from lamina.data.tables.slips import refuse_odd
from lamina.errors import DataError, did_you_mean

MONTH = re.compile(r"[0-9]{4}([-/.])(0[1-9]|1[0-2])")


class Times(NamedTuple):
    """The times of rows.

    Attributes:
        column: that tells them; None where rows just follow each other.
        values: seconds since 1970, or numbers.
        dated: whether they are dates.
        written: how.
    """

    column: str | None
    values: NDArray[np.float64]
    dated: bool = False
    written: str = ""


@dataclass(frozen=True)
class Columns:
    """What a table says of a series: times, and numbers (N, D) with NaN for blanks, as rows stand in the file."""

    times: Times
    names: tuple[str, ...]
    values: NDArray[np.float32]
    notes: tuple[str, ...]


def columns_of(found: Collected, table: Reading) -> Columns:
    """The columns of a series.

    Args:
        found: the table that it stands in.
        table: what the user says of that: which columns, and which tells the time.

    Raises:
        DataError: if there are no such columns, or one does not hold what it should.
    """
    for name in (*table.target, *filter(None, [table.time])):
        if name not in found.columns:
            raise DataError(f"{found.name}: there is no column {name!r}{did_you_mean(name, found.columns)}")
    times = times_of(found, table.time)
    names, notes = forecast_columns(found, times, table.target)
    values = np.stack([np.asarray(found.columns[name].values, np.float32) for name in names], 1)
    if times.column is None:
        notes.insert(0, "no column tells the time: rows are taken as they follow each other")
    elif table.time is None:
        notes.insert(0, f"{times.column}: tells the time; --time names another column")
    return Columns(times, names, values, tuple(notes))


def times_of(found: Collected, said: str | None) -> Times:
    """The times of the rows: of the column that was said, else of the first that holds dates, or counts."""
    if said is not None:
        times = timed(found, found.columns[said], said=True)
        if times is None:
            cure = f"say how it is written, as in --kind '{said}=date:%d/%m/%Y', or name another --time"
            raise DataError(f"{found.name}: expected times in column {said!r}, found neither dates nor numbers; {cure}")
        return times
    each = (timed(found, column) for column in found.columns.values())
    return next(filter(None, each), Times(None, np.arange(found.rows, dtype=np.float64)))


def timed(found: Collected, column: Gathered, said: bool = False) -> Times | None:
    """The times in a column, if it holds such. Numbers that nobody calls times are, if they rise evenly and first."""
    if column.held == "moments" and column.values is not None:
        refuse_odd(found, column, "as in other rows")
        return Times(column.name, np.asarray(column.values, np.float64), True, column.written)
    if column.held == "words" and column.values is not None and all(map(MONTH.fullmatch, column.words)):
        return Times(column.name, months(column), True, f"%Y{column.words[0][4]}%m") if column.words else None
    if column.held != "numbers" or column.values is None:
        return None
    numbers = np.asarray(column.values, np.float64)
    between = np.diff(numbers)
    first = column.name == next(iter(found.columns))
    even = first and len(found.columns) > 1 and len(between) > 1 and np.ptp(between) == 0 and between[0] > 0
    return Times(column.name, numbers) if said or even else None


def months(column: Gathered) -> NDArray[np.float64]:
    """The first of each month, in seconds since 1970; NaN for a blank."""
    known = dates.moments([f"{word[:4]}-{word[5:7]}-01" for word in column.words], "")
    found: NDArray[np.float64] = np.append(known, np.nan)[np.asarray(column.values)]
    return found


def forecast_columns(found: Collected, times: Times, said: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """The columns to forecast, and why others are not."""
    names, notes = list[str](), list[str]()
    for name, column in found.columns.items():
        if name == times.column or (said and name not in said):
            continue
        why = unfit(column)
        if column.held == "numbers" and why != "nothing but blanks":
            refuse_odd(found, column, "as in other rows")
        if said and why not in (None, "constant"):
            raise DataError(f"{found.name}: expected numbers to forecast in column {name!r}, but it holds {why}")
        if why is None or said:
            names.append(name)
        if why is not None:
            notes.append(f"{name}: {why}" + ("" if said else "; left out"))
    if times.column in said:
        raise DataError(f"{found.name}: column {times.column!r} tells the time and cannot be forecast; leave it out")
    if not names:
        listed = f" ({'; '.join(notes)})" if notes else ""
        raise DataError(f"{found.name}: expected a column of numbers that vary, to be forecast, found none{listed}")
    return tuple(name for name in said or names), notes


def unfit(column: Gathered) -> str | None:
    """Why a column is not forecast unless it is asked for; None if it is."""
    if not column.cells:
        return "nothing but blanks"
    if column.held != "numbers" or column.values is None:
        return "no numbers"
    if column.low == column.high:
        return "constant"
    return "row numbers" if column.steps and column.low in (0, 1) else None
