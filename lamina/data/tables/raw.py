"""Raw rows as they come in a stream, while it is written."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import pyarrow as pa

from lamina.data.sources.numbers import Lines, chunked
from lamina.data.tables.encode import encode
from lamina.data.tables.fields import Field, Number
from lamina.data.tables.fitting import ROWS_AT_ONCE, Asked, may_be_absent, named_for
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import BLANKS
from lamina.errors import DataError, did_you_mean, shown

Row = tuple[int, dict[str, Any]]
"""The cells of a row by column, after the number of its line."""


def from_stream(lines: Lines, origin: Origin, keep: bool) -> Iterator[Asked]:
    """The rows of a stream, CSV or JSON a line, as they come: none waits for the next to be written.

    Raises:
        DataError: naming the line of a row that does not fit, when those before it have been given.
    """
    made = partial(_asked, origin=origin, where=lines.where, keep=keep)
    for part in chunked(_rows(lines, origin), ROWS_AT_ONCE, lambda: not lines.at_hand):
        try:
            asked = made(part)
        except DataError:
            good = _fitting(part, made)
            if good:
                yield made(part[:good])
            # What is said does not depend on which rows came at the same time.
            made(part[good : good + 1])
            raise
        yield asked


def _asked(part: Sequence[Row], origin: Origin, where: str, keep: bool) -> Asked:
    """Rows as numbers."""
    numbers = [number for number, _ in part]
    cells = [row for _, row in part]
    columns = {
        field.column: pa.array([_text(row.get(field.column), field, origin) for row in cells], pa.string())
        for field in origin.fields
    }
    blanks = BLANKS | {text.strip().lower() for text in origin.reading.blanks}
    inputs = encode(pa.RecordBatch.from_pydict(columns), origin.fields, _at(numbers, where), blanks=blanks)
    return Asked(inputs, cells if keep else None)


def _fitting(part: Sequence[Row], made: Callable[[Sequence[Row]], Asked]) -> int:
    """How many rows there are before the first that does not fit; there is one."""
    fit, end = 0, len(part)
    while end - fit > 1:
        middle = (fit + end) // 2
        try:
            made(part[fit:middle])
            fit = middle
        except DataError:
            end = middle
    return fit


def _at(numbers: Sequence[int], where: str) -> Callable[[int], str]:
    """Where the rows of a batch stand, whose lines have these numbers."""
    return lambda row: f"{where}:{numbers[row]}"


def _rows(lines: Lines, origin: Origin) -> Iterator[Row]:
    """Each row with the number of its line."""
    first = next(lines, None)
    while first is not None and not first.strip():
        first = next(lines, None)
    if first is None:
        raise DataError(f"{lines.where}: expected rows with the columns of the model, got nothing")
    if first.lstrip().startswith("{"):
        yield from _objects(first, lines, origin)
        return
    if "\r" in first.rstrip("\r\n"):
        raise DataError(f"{lines.where}:1: expected lines that end in a line feed, got carriage returns only")
    yield from _cut(_delimited(first, lines, origin), lines, origin)


def _delimited(first: str, lines: Lines, origin: Origin) -> Iterator[list[str]]:
    """The cells of each row, from the line on that was read already; spaces before a quote are none of its cell."""
    delimiter = origin.reading.delimiter or _delimiter(first, origin)
    reader = csv.reader(chain([first], lines), delimiter=delimiter, skipinitialspace=True, strict=True)
    began = lines.number
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            reason = "a quote opens here and is never closed" if "end of data" in str(error) else str(error)
            raise DataError(f"{lines.where}:{began}: cannot be read as CSV: {reason}; mend the line") from None
        if row is None:
            return
        yield row
        began = lines.number + 1


def _cut(reader: Iterator[list[str]], lines: Lines, origin: Origin) -> Iterator[Row]:
    """Rows of CSV, the first of which may be a head."""
    cells = next(reader)
    head = [cell.strip() or f"column_{number}" for number, cell in enumerate(cells, start=1)]
    if origin.headed or {field.column for field in origin.fields} <= set(head):
        names: Sequence[str] = head
        _check(names, origin.fields, f"{lines.where}:{lines.number}")
    else:
        names = named_for(len(cells), origin, lines.where)
        yield lines.number, dict(zip(names, cells, strict=True))
    for row in reader:
        if len(row) != len(names) and row:
            raise DataError(f"{lines.where}:{lines.number}: expected {len(names)} cells, got {len(row)}")
        if row:
            yield lines.number, dict(zip(names, row, strict=True))


def _delimiter(first: str, origin: Origin) -> str:
    """What stands between the cells of a first line: as in training, or else what makes it the head that is wanted."""
    needed = {field.column for field in origin.fields}
    likely = [*filter(None, [origin.delimiter]), ",", "\t", ";", "|"]
    for delimiter in likely:
        cells = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True))
        if needed <= {cell.strip() for cell in cells}:
            return delimiter
    return likely[0]


def _objects(first: str, lines: Lines, origin: Origin) -> Iterator[Row]:
    """Rows of JSON, an object a line."""
    line: str | None = first
    while line is not None:
        if line.strip():
            where = f"{lines.where}:{lines.number}"
            row = _object(line, where)
            absent = [field for field in origin.fields if field.column not in row]
            needed = [field for field in absent if not may_be_absent(field)]
            _check(list(row), absent if len(absent) == len(origin.fields) else needed, where)
            yield lines.number, row
        line = next(lines, None)


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_constant=_no_constant)
        if "\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except UnicodeEncodeError:
        raise DataError(f"{where}: expected texts, got half of a surrogate pair in {shown(line.strip())}") from None
    except (ValueError, RecursionError) as error:
        reason = str(error) if str(error).endswith("write null") else shown(line.strip())
        raise DataError(f"{where}: expected a JSON object, got {reason}") from None
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected a JSON object, got {shown(row)}")
    return row


def _no_constant(name: str) -> float:
    raise ValueError(f"{name}, which is no number of JSON; write null")


def _check(names: Sequence[str], needed: Sequence[Field], where: str) -> None:
    """Refuse a row or a head that lacks columns, or has two of a name, naming them."""
    missing = [field.column for field in needed if field.column not in names]
    if missing:
        raise DataError(f"{where}: missing columns: {', '.join(missing)}{did_you_mean(missing[0], names)}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{where}: several columns are called {twice[0]!r}; give each a name of its own")


def _text(cell: Any, field: Field, origin: Origin) -> str | None:
    """A cell of CSV or JSON as text, a number with a decimal point."""
    if cell is None or isinstance(cell, str):
        comma = cell is not None and origin.decimal == "," and isinstance(field, Number)
        return cell.replace(",", ".") if comma and cell is not None else cell
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
