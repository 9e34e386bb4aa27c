"""Raw rows as they come in a stream, while it is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from lamina.data.sources.numbers import Lines, chunked
from lamina.data.tables.encode import encode
from lamina.data.tables.fields import Field, Number
from lamina.data.tables.fitting import ROWS_AT_ONCE, Asked, named_for
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import BLANKS
from lamina.errors import DataError, did_you_mean, shown


def from_stream(lines: Lines, origin: Origin, keep: bool) -> Iterator[Asked]:
    """The rows of a stream, CSV or JSON a line, as they come: none waits for the next to be written.

    Raises:
        DataError: naming the line of a row that does not fit.
    """
    rows = _rows(lines, origin)
    blanks = BLANKS | {text.strip().lower() for text in origin.reading.blanks}
    for part in chunked(rows, ROWS_AT_ONCE, lambda: not lines.at_hand):
        numbers = [number for number, _ in part]
        cells = [row for _, row in part]
        columns = {
            field.column: pa.array([_text(row.get(field.column), field, origin) for row in cells], pa.string())
            for field in origin.fields
        }
        batch = pa.RecordBatch.from_pydict(columns)
        inputs = encode(batch, origin.fields, _at(numbers, lines.where), blanks=blanks)
        yield Asked(inputs, cells if keep else None)


def _at(numbers: Sequence[int], where: str) -> Callable[[int], str]:
    """Where the rows of a batch stand, whose lines have these numbers."""
    return lambda row: f"{where}:{numbers[row]}"


def _rows(lines: Lines, origin: Origin) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row with the number of its line."""
    first = next(lines, None)
    while first is not None and not first.strip():
        first = next(lines, None)
    if first is None:
        raise DataError(f"{lines.where}: expected rows with the columns of the model, got nothing")
    if first.lstrip().startswith("{"):
        yield from _objects(first, lines, origin)
        return
    delimiter = origin.reading.delimiter or _delimiter(first, origin)
    head = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
    if not origin.headed:
        names: Sequence[str] = named_for(len(head), origin, lines.where)
        yield lines.number, dict(zip(names, head, strict=True))
    else:
        names = head
        _check(names, origin, f"{lines.where}:{lines.number}")
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in reader:
            if len(row) != len(names) and row:
                raise DataError(f"{lines.where}:{lines.number}: expected {len(names)} cells, got {len(row)}")
            if row:
                yield lines.number, dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise DataError(f"{lines.where}:{lines.number}: cannot be read as CSV: {error}; mend the line") from None


def _delimiter(first: str, origin: Origin) -> str:
    """What stands between the cells of a first line: as in training, or else what makes it the head that is wanted."""
    needed = {field.column for field in origin.fields}
    likely = [*filter(None, [origin.delimiter]), ",", "\t", ";", "|"]
    for delimiter in likely:
        cells = next(csv.reader([first], delimiter=delimiter))
        if needed <= {cell.strip() for cell in cells}:
            return delimiter
    return likely[0]


def _objects(first: str, lines: Lines, origin: Origin) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of JSON, an object a line."""
    line: str | None = first
    while line is not None:
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{lines.where}:{lines.number}: expected a JSON object, got {shown(line.strip())}"
                ) from error
            if not isinstance(row, dict):
                raise DataError(f"{lines.where}:{lines.number}: expected a JSON object, got {shown(row)}")
            _check(list(row), origin, f"{lines.where}:{lines.number}")
            yield lines.number, row
        line = next(lines, None)


def _check(names: Sequence[str], origin: Origin, where: str) -> None:
    """Refuse a row or a head that lacks columns, naming them."""
    missing = [field.column for field in origin.fields if field.column not in names]
    if missing:
        raise DataError(f"{where}: missing columns: {', '.join(missing)}{did_you_mean(missing[0], names)}")


def _text(cell: Any, field: Field, origin: Origin) -> str | None:
    """A cell of CSV or JSON as text, a number with a decimal point."""
    if cell is None or isinstance(cell, str):
        comma = cell is not None and origin.decimal == "," and isinstance(field, Number)
        return cell.replace(",", ".") if comma and cell is not None else cell
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
