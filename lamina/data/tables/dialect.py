"""The dialect of a delimited file: what stands between cells, and whether it has a head."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lamina.data.tables.arrow_cells import NUMBERS, NUMBERS_WITH_COMMA, Blanks
from lamina.data.tables.reading import Reading
from lamina.data.tables.rows import Marks, row_starts
from lamina.errors import DataError, listed, shown

TAB = "\t"
USUAL, UNUSUAL = ",\t;|", ":^~! "
"""Delimiters, the likeliest first. An unusual one must cut nearly all rows alike to be believed."""
ROWS_LOOKED_AT = 1000
SHARE_OF_USUAL, SHARE_OF_UNUSUAL = 0.5, 0.95
MISFIT = 0.1
"""So much of the share of rows is taken off a delimiter that cuts the first row, likely a head, otherwise."""

Rows = list[list[str]]


@dataclass(frozen=True)
class Dialect:
    """How cells and columns are told apart.

    Attributes:
        marks: what stands between cells.
        names: what the columns are called.
        start: the byte where the rows begin, behind the head.
        notes: what was assumed.
        headed: whether the first row is a head.
        taken: what to say of the delimiter where rows do not fit.
    """

    marks: Marks
    names: tuple[str, ...]
    start: int
    notes: tuple[str, ...] = ()
    headed: bool = True
    taken: str = ""


def dialect_of(head: bytes, name: str, reading: Reading, expected: Collection[str] = ()) -> Dialect:
    """The dialect in which the head of a file is written.

    Args:
        head: the first rows, UTF-8; the last may be cut off.
        name: the file, for messages.
        reading: what the user says of it.
        expected: columns that are known to be wanted: a first row that holds them all is a head.

    Raises:
        DataError: if nothing is in it, or its columns cannot be told apart by name.
    """
    text = head.decode("utf-8", "replace")
    if not text.strip():
        raise DataError(f"{name}: expected a table, got an empty file; check the path")
    delimiter = _delimiter(text, name, reading)
    marks = Marks(ord(delimiter), re.search(re.escape(delimiter) + ' +"', text) is not None)
    rows = _rows(text, delimiter)
    if not rows:
        raise DataError(f"{name}: expected rows of cells, found none in its first {len(head):,} bytes; is it a table?")
    taken = _taken(text, delimiter, reading)
    if reading.names:
        return Dialect(marks, _given_names(reading.names, rows, name, taken), 0, headed=False, taken=taken)
    blanks = Blanks(reading.blanks)
    if reading.header is None:
        has_head = (bool(expected) and {cell.strip() for cell in rows[0]} >= set(expected)) or _has_head(rows, blanks)
    else:
        has_head = reading.header
    if has_head:
        starts = row_starts(head, marks)
        names, notes = _head_names(rows[0], name)
        _check_width(rows, name, taken)
        return Dialect(marks, names, int(starts[1]) if len(starts) > 1 else len(head), notes, taken=taken)
    names, notes = _numbered(rows, name)
    return Dialect(marks, names, 0, notes if reading.header is None else (), headed=False, taken=taken)


def _delimiter(text: str, name: str, reading: Reading) -> str:
    """What stands between cells: as said, as the name of the file says, or what cuts rows into the same count."""
    if reading.delimiter is not None:
        if not reading.delimiter.isascii() or reading.delimiter in '"\r\n\0':
            raise DataError(
                f"{name}: the delimiter must be an ASCII character, no quote and no end of a line, "
                f"got {reading.delimiter!r}; use such as ',' or ';'"
            )
        return reading.delimiter
    if re.search(r"\.tsv(\.gz|\.zst)?$", name, re.IGNORECASE):
        return "\t"
    merits = {delimiter: _merit(_rows(text, delimiter), delimiter) for delimiter in USUAL + UNUSUAL}
    for must_fit in (True, False):  # what does not fit the first row is taken only if nothing else is
        for candidates, share in ((USUAL, SHARE_OF_USUAL), (UNUSUAL, SHARE_OF_UNUSUAL)):
            best = max(candidates, key=lambda delimiter: merits[delimiter])  # of equals the first
            if merits[best].share >= share and (merits[best].fits or not must_fit):
                return best
    return ","


class _Merit(NamedTuple):
    """How well a delimiter cuts rows: the greater, the better.

    Attributes:
        merit: the share, less where the first row has another count.
        numbers: the share of numbers in the cells.
        share: the share of rows with the commonest count of cells, if above 1.
        fits: whether the first row has that count.
    """

    merit: float
    numbers: float
    share: float
    fits: bool


def _merit(rows: Rows, delimiter: str) -> _Merit:
    widths = Counter(map(len, rows))
    if not widths:
        return _Merit(0.0, 0.0, 0.0, fits=True)
    width, count = widths.most_common(1)[0]
    if width == 1:
        return _Merit(0.0, 0.0, 0.0, fits=True)
    cells = [cell.strip() for row in rows[:100] for cell in row[:100]]
    numbers = sum(1 for cell in cells if is_number(cell, comma=delimiter != ","))
    share, fits = round(count / len(rows), 2), len(rows[0]) == width
    return _Merit(share if fits else share - MISFIT, numbers / len(cells), share, fits)


def _taken(text: str, delimiter: str, reading: Reading) -> str:
    """What to say of the delimiter where rows do not fit: what was taken, and how to say another."""
    if reading.delimiter is not None:
        return f"read with {delimiter!r}, as you said"
    first = text.lstrip().partition("\n")[0]
    other = max((one for one in ";,\t|" if one != delimiter), key=first.count)  # of equals the first
    return f"read with {delimiter!r}; say --delimiter {'tab' if other == TAB else repr(other)} if that is wrong"


def is_number(cell: str, *, comma: bool = False) -> bool:
    """Whether a cell is a number, with a decimal comma if that may be."""
    return bool(NUMBERS.fullmatch(cell) or (comma and NUMBERS_WITH_COMMA.fullmatch(cell)))


def _rows(text: str, delimiter: str) -> Rows:
    """The first rows taken apart; the last is left out where it may be cut off."""
    rows: Rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
            if row:
                rows.append(row)
            if len(rows) == ROWS_LOOKED_AT:
                return rows
    except csv.Error:  # a cell of more than 128 kB: what was read before it must do
        return rows
    return rows if text.endswith("\n") or len(rows) < 2 else rows[:-1]


def _has_head(rows: Rows, blanks: Blanks) -> bool:
    """Whether the first row names the columns.

    It does if it has words above a column of numbers. Where it has none, and no column holds but numbers, it does if
    its words are all different and never come again below.
    """
    first, below = [cell.strip() for cell in rows[0]], rows[1:]
    words = [place for place, cell in enumerate(first) if cell not in blanks and not is_number(cell, comma=True)]
    if not below or len(words) < sum(1 for cell in first if cell):
        # A number among the names: a year perhaps. Words above numbers decide.
        return bool(words) if not below else any(_holds_numbers(below, place, blanks) for place in words)
    if any(_holds_numbers(below, place, blanks) for place in words):
        return True
    again = any(len(row) > place and row[place].strip() == first[place] for row in below for place in words)
    return bool(words) and not again and len(set(first)) == len(first)


def _holds_numbers(rows: Rows, place: int, blanks: Blanks) -> bool:
    """Whether a column holds numbers and blanks, and numbers for sure."""
    cells = [row[place].strip() for row in rows if len(row) > place and row[place] not in blanks]
    return bool(cells) and all(is_number(cell, comma=True) for cell in cells)


def _given_names(names: Sequence[str], rows: Rows, name: str, taken: str) -> tuple[str, ...]:
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if len(names) != width:
        raise DataError(
            f"{name}: expected {width} names for its {width} columns, got {len(names)} names; name them all ({taken})"
        )
    return _unlike(tuple(names), name)


def _numbered(rows: Rows, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names for the columns of a file without a head, and what to say of them."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    names = tuple(f"column_{number}" for number in range(1, width + 1))
    called = names[0] if width == 1 else f"{names[0]} to {names[-1]}"
    return names, (
        f"{name}: its first line does not look like a head (it begins {shown(rows[0][0])}), so the columns are "
        f"called {called}; say --header if it is one, or --names",
    )


def _head_names(cells: list[str], name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns' names, those left blank numbered, and what to say of these."""
    names = tuple(cell.strip() or f"column_{number}" for number, cell in enumerate(cells, start=1))
    nameless = [called for called, cell in zip(names, cells, strict=True) if not cell.strip()]
    notes = (f"{name}: the head leaves columns without a name; they are called {_some(nameless)}",) if nameless else ()
    return _unlike(names, name), notes


def _check_width(rows: Rows, name: str, taken: str) -> None:
    """Refuse a head that names more or fewer columns than every row has cells."""
    widths = set(map(len, rows[1:]))
    if len(rows) > 2 and len(widths) == 1 and widths != {len(rows[0])}:
        raise DataError(
            f"{name}:1: the head names {len(rows[0])} columns, but the rows have {widths.pop()} cells; mend the head "
            f"({taken})"
        )


def _unlike(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    twice = [called for called, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            listed(
                [
                    f"{name}: several columns are called {called!r}; give each a name of its own"
                    for called in twice[:10]
                ],
                f"{name}: {len(twice)} names stand for several columns",
            )
        )
    return names


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
