"""Rows of numbers from a text stream, as they come: what `lamina predict` reads."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Iterator

from lamina.errors import DataError, did_you_mean, shown

LONGEST_LINE = 2**24


def number_rows(lines: Iterable[str], where: str, size: int, features: tuple[str, ...] = ()) -> Iterator[list[float]]:
    """The numbers of each line of a CSV, for a net that takes `size` of them.

    A first line with a cell that is no number is a head: if it holds the names in `features`, columns are taken by
    these names, in any order, and others are ignored. Without a head, columns are taken as they stand.

    Args:
        lines: the text, line by line.
        where: the file's name, for messages.
        size: how many numbers an example has.
        features: the names of the columns in training, if they had any.

    Raises:
        DataError: naming the line and column of what is missing or no finite number.
    """
    reader = csv.reader(_bounded(lines, where))
    try:
        first = next(reader, None)
        if first is None:
            raise DataError(f"{where}: expected rows of {size} numbers, got nothing")
        first[0] = first[0].removeprefix("\ufeff")
        if all(map(_is_number, first)):
            yield _numbers(first, list(range(len(first))), f"{where}:1", size)
            places = list(range(size))
        else:
            places = _places([cell.strip() for cell in first], where, size, features)
        for row in reader:
            if row:
                yield _numbers(row, places, f"{where}:{reader.line_num}", size)
    except csv.Error as error:
        raise DataError(
            f"{where}:{reader.line_num}: cannot be read as CSV: {error}; quote the cell or mend the line"
        ) from None


def _places(head: list[str], where: str, size: int, features: tuple[str, ...]) -> list[int]:
    """Which columns to take, by a head."""
    if not features:
        if len(head) != size:
            raise DataError(f"{where}:1: expected {size} columns, got {len(head)} in the head")
        return list(range(size))
    missing = [name for name in features if name not in head]
    if missing and len(head) == size and len(missing) == size:
        raise DataError(f"{where}:1: expected the columns {shown(', '.join(features))}, got {shown(', '.join(head))}")
    if missing:
        advice = did_you_mean(missing[0], [name for name in head if name not in features])
        raise DataError(f"{where}:1: the columns {shown(', '.join(missing))} are missing{advice}")
    return [head.index(name) for name in features]


def _numbers(row: list[str], places: list[int], where: str, size: int) -> list[float]:
    if len(row) <= max(places, default=0) or len(places) != size:
        raise DataError(f"{where}: expected {size} numbers, got {len(row)} cells")
    numbers = []
    for place in places:
        if not _is_number(row[place]):
            raise DataError(f"{where}: expected a finite number in column {place + 1}, got {shown(row[place])}")
        numbers.append(float(row[place]))
    return numbers


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _bounded(lines: Iterable[str], where: str) -> Iterator[str]:
    """The lines, unless one is too long to be a row or holds a NUL, which no text does."""
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE or "\0" in line:
            what = "a NUL" if "\0" in line else f"{len(line):,} characters"
            raise DataError(f"{where}:{number}: expected a line of text, got one with {what}; this is no CSV file")
        yield line


def chunked(rows: Iterable[list[float]], most: int) -> Iterator[list[list[float]]]:
    """Rows in lists of at most `most`."""
    rows = iter(rows)
    while chunk := list(itertools.islice(rows, most)):
        yield chunk
