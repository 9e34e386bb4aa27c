"""The dialect of a delimited file: what stands between cells, and whether it has a head."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lamina.data.tables.arrow_cells import NUMBERS, NUMBERS_WITH_COMMA, Blanks
from lamina.data.tables.reading import Reading
from lamina.data.tables.rows import Marks, row_starts
from lamina.errors import DataError, listed, shown

USUAL, UNUSUAL = ",\t;|", ":^~! "
"""Delimiters, the likeliest first. An unusual one must cut nearly all rows alike to be believed."""
ROWS_LOOKED_AT = 1000
SHARE_OF_USUAL, SHARE_OF_UNUSUAL = 0.5, 0.95

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
    """

    marks: Marks
    names: tuple[str, ...]
    start: int
    notes: tuple[str, ...] = ()
    headed: bool = True


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
    if reading.names:
        return Dialect(marks, _given_names(reading.names, rows, name), 0, headed=False)
    blanks = Blanks(reading.blanks)
    if reading.header is None:
        has_head = (bool(expected) and {cell.strip() for cell in rows[0]} >= set(expected)) or _has_head(rows, blanks)
    else:
        has_head = reading.header
    if has_head:
        starts = row_starts(head, marks)
        names, notes = _head_names(rows[0], name)
        _check_width(rows, name)
        return Dialect(marks, names, int(starts[1]) if len(starts) > 1 else len(head), notes)
    names, notes = _numbered(rows, name)
    return Dialect(marks, names, 0, notes if reading.header is None else (), headed=False)


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
    for candidates, share in ((USUAL, SHARE_OF_USUAL), (UNUSUAL, SHARE_OF_UNUSUAL)):
        best = max(candidates, key=lambda delimiter: merits[delimiter])  # of equals the first
        if merits[best][0] >= share:
            return best
    return ","


def _merit(rows: Rows, delimiter: str) -> tuple[float, float]:
    """The share of rows with the commonest count of cells, if above 1, and then the share of numbers in the cells."""
    widths = Counter(map(len, rows))
    if not widths:
        return 0.0, 0.0
    width, count = widths.most_common(1)[0]
    if width == 1:
        return 0.0, 0.0
    cells = [cell.strip() for row in rows[:100] for cell in row[:100]]
    numbers = sum(1 for cell in cells if is_number(cell, comma=delimiter != ","))
    return round(count / len(rows), 2), numbers / len(cells)


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


def _given_names(names: Sequence[str], rows: Rows, name: str) -> tuple[str, ...]:
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if len(names) != width:
        raise DataError(
            f"{name}: expected {width} names for its {width} columns, got {len(names)} names; name them all"
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


def _check_width(rows: Rows, name: str) -> None:
    """Refuse a head that names more or fewer columns than every row has cells."""
    widths = set(map(len, rows[1:]))
    if len(rows) > 2 and len(widths) == 1 and widths != {len(rows[0])}:
        raise DataError(
            f"{name}:1: the head names {len(rows[0])} columns, but the rows have {widths.pop()} cells; mend the head"
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
