"""Rows of numbers from a stream of CSV, as they come: what `lamina predict` reads."""

from __future__ import annotations

import csv
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

from lamina.errors import DataError, did_you_mean, shown

Row = TypeVar("Row")

LONGEST_LINE = 2**24
BLOCK = 2**16
LARGEST = 3.4028235e38
"""Beyond it lies no float32, which nets compute with."""


@runtime_checkable
class Bytes(Protocol):
    """A binary stream that gives what it has, and waits only where it has nothing."""

    def read1(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class Lines:
    """The lines of a stream of UTF-8 text, as they arrive; a byte order mark before the first is dropped.

    Attributes:
        at_hand: how many more can be had without waiting.

    Raises:
        DataError: at a line that is too long to be a row, is no UTF-8, or holds a NUL, which no text does.
    """

    def __init__(self, stream: Bytes, where: str) -> None:
        self.stream, self.where = stream, where
        self.number = 0
        self._lines: deque[bytes] = deque()
        self._rest: list[bytes] = []  # of a line whose end has not come yet
        self._ended = False

    @property
    def at_hand(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self._lines and not self._ended:
            self._fetch()
        if not self._lines:
            raise StopIteration
        self.number += 1
        line = self._lines.popleft()
        if b"\0" in line:
            self._refuse("a NUL")
        try:
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.where}:{self.number}: expected UTF-8 text, got byte {line[error.start]:#04x}; save it as UTF-8"
            ) from None

    def _fetch(self) -> None:
        """Take what the stream has, in whole lines; the last of the file may have no end."""
        block = self.stream.read1(BLOCK)
        self._ended = not block
        first, *others = block.split(b"\n")
        self._rest.append(first)
        if others:
            *whole, rest = others
            self._lines.extend(line + b"\n" for line in (b"".join(self._rest), *whole))
            self._rest = [rest]
        elif self._ended and any(self._rest):
            self._lines.append(b"".join(self._rest))
        elif len(self._rest) % 64 == 0 and sum(map(len, self._rest)) > LONGEST_LINE:
            self.number += 1
            self._refuse(f"more than {LONGEST_LINE:,} bytes")

    def _refuse(self, what: str) -> None:
        raise DataError(
            f"{self.where}:{self.number}: expected a line of text, got one with {what}; this is no CSV file"
        )


def number_rows(lines: Iterable[str], where: str, size: int, features: tuple[str, ...] = ()) -> Iterator[list[float]]:
    """The numbers of each line of a CSV, for a net that takes `size` of them.

    A first line in which no cell is a number, or that has all names in `features`, is a head: columns are then taken by
    these names, in any order, and others are ignored. Without a head, columns are taken as they stand.

    Args:
        lines: the text, line by line.
        where: the file's name, for messages.
        size: how many numbers an example has.
        features: the names of the columns in training, if they had any.

    Raises:
        DataError: naming the line and column of what is missing or no finite number.
    """
    reader = csv.reader(lines)
    cells, places = size, list(range(size))
    try:
        first = next((row for row in reader if row), None)
        if first is None:
            raise DataError(f"{where}: expected rows of {size} numbers, got nothing")
        head = [cell.strip() for cell in first]
        if not any(map(_reads_as_number, head)) or (features and set(features) <= set(head)):
            cells, places = len(head), _places(head, f"{where}:{reader.line_num}", size, features)
        else:
            yield _numbers(first, places, cells, f"{where}:{reader.line_num}")
        for row in reader:
            if row:
                yield _numbers(row, places, cells, f"{where}:{reader.line_num}")
    except csv.Error as error:
        raise DataError(
            f"{where}:{reader.line_num}: cannot be read as CSV: {error}; quote the cell or mend the line"
        ) from None


def _places(head: list[str], where: str, size: int, features: tuple[str, ...]) -> list[int]:
    """Which columns to take, by a head."""
    if not features:
        if len(head) != size:
            raise DataError(f"{where}: expected {size} columns, got {len(head)} in the head")
        return list(range(size))
    missing = [name for name in features if name not in head]
    if len(missing) == len(features):
        raise DataError(f"{where}: expected the columns {', '.join(features)}, got {shown(', '.join(head))}")
    if missing:
        advice = did_you_mean(missing[0], [name for name in head if name not in features])
        raise DataError(f"{where}: missing columns: {', '.join(missing)}{advice}")
    twice = [name for name in features if head.count(name) > 1]
    if twice:
        raise DataError(f"{where}: the column {twice[0]!r} stands there twice; leave one out")
    return [head.index(name) for name in features]


def _numbers(row: list[str], places: list[int], cells: int, where: str) -> list[float]:
    if len(row) != cells:
        raise DataError(f"{where}: expected {cells} cells, got {len(row)}")
    for place in places:
        if not _is_number(row[place]):
            raise DataError(f"{where}: expected a finite number in column {place + 1}, got {shown(row[place])}")
    return [float(row[place]) for place in places]


def _reads_as_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python's own spelling, not that of files


def _is_number(cell: str) -> bool:
    return _reads_as_number(cell) and abs(number := float(cell)) <= LARGEST and not math.isnan(number)


def chunked(rows: Iterable[Row], most: int, waits: Callable[[], bool]) -> Iterator[list[Row]]:
    """Rows in lists of at most `most`, and of fewer where the next one would have to be waited for.

    Raises:
        DataError: as `rows` does, when those before the bad one have been given.
    """
    chunk: list[Row] = []
    try:
        for row in rows:
            chunk.append(row)
            if len(chunk) >= most or waits():
                yield chunk
                chunk = []
    except DataError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk
