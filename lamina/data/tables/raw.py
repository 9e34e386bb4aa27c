"""Raw rows, as they come when a model is asked about them: from a file, or from a stream while it is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lamina.data.sources.numbers import Lines, chunked
from lamina.data.tables.encode import encode
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, open_source
from lamina.data.tables.table import texts
from lamina.errors import DataError, did_you_mean, shown

ROWS_AT_ONCE = 1024


class Asked(NamedTuple):
    """Some rows that a model is asked about.

    Attributes:
        inputs: their numbers.
        rows: their cells by column, where these are to be kept.
    """

    inputs: NDArray[np.float32]
    rows: list[dict[str, Any]] | None


def from_file(where: str, origin: Origin, keep: bool) -> Iterator[Asked]:
    """The rows of a file, whose columns may stand in any order.

    Raises:
        DataError: if columns are missing, or cells do not fit; rows before the first such one have been given then.
    """
    needed = [field.column for field in origin.fields]
    source = open_source(
        where, headed(where, origin), as_text=texts(origin.fields), only=None if keep else needed, test=True
    )
    done = 0
    while True:
        first = 0
        try:
            for batch in source.batches():
                for part in _cut(batch):
                    if first + part.num_rows > done:
                        yield Asked(
                            encode(part, origin.fields, source.where, first), part.to_pylist() if keep else None
                        )
                        done = first + part.num_rows
                    first += part.num_rows
        except Retyped:
            continue  # from the start, up to where it was; batches are cut where they were
        return


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (batch.slice(first, ROWS_AT_ONCE) for first in range(0, batch.num_rows, ROWS_AT_ONCE))


def headed(where: str, origin: Origin) -> Reading:
    """How a file is read that a model is asked about: if it was trained on one without a head, this has none."""
    said = {**origin.reading.values(), "files": (), "test": None, "group": None, "time": None, "kinds": ()}
    if headless(origin):
        there = len(open_source(where, Reading(**{**said, "header": False, "names": ()}), test=True).columns())
        said |= {"header": None, "names": named_for(there, origin, where)}
    return Reading(**said)


def headless(origin: Origin) -> bool:
    """Whether the table that trained had no head."""
    counted = tuple(f"column_{number}" for number in range(1, len(origin.columns) + 1))
    return bool(origin.columns) and (bool(origin.reading.names) or origin.columns == counted)


def named_for(cells: int, origin: Origin, where: str) -> tuple[str, ...]:
    """The names of so many cells in a row without a head: all that training had, or all but the target."""
    without = tuple(name for name in origin.columns if name not in origin.reading.target)
    for names in (origin.columns, without):
        if len(names) == cells:
            return names
    raise DataError(
        f"{where}: expected rows of {len(origin.columns)} cells as in training, or {len(without)} without the target, "
        f"got {cells}"
    )


def from_stream(lines: Lines, origin: Origin, keep: bool) -> Iterator[Asked]:
    """The rows of a stream, CSV or JSON a line, as they come: none waits for the next to be written.

    Raises:
        DataError: naming the line of a row that does not fit.
    """
    rows = _rows(lines, origin)
    for part in chunked(rows, ROWS_AT_ONCE, lambda: not lines.at_hand):
        numbers = [number for number, _ in part]
        cells = [row for _, row in part]
        columns = {
            field.column: pa.array([_text(row.get(field.column)) for row in cells], pa.string())
            for field in origin.fields
        }
        batch = pa.RecordBatch.from_pydict(columns)
        inputs = encode(batch, origin.fields, lambda row, at=numbers: f"{lines.where}:{at[row]}")  # type: ignore[misc]
        yield Asked(inputs, cells if keep else None)


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
    delimiter = origin.reading.delimiter or ("\t" if "\t" in first and "," not in first else ",")
    head = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
    if headless(origin):
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


def _text(cell: Any) -> str | None:
    """A cell of CSV or JSON as text."""
    if cell is None or isinstance(cell, str):
        return cell
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
