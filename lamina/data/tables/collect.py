"""A table read from beginning to end: its columns as arrays in memory, or in files that are mapped to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from lamina.data.tables.columns import Booleans, Hashes, Nothing, Numbers
from lamina.data.tables.gathered import Collected, Gathered
from lamina.data.tables.growth import Growth, Misread
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, Source
from lamina.data.tables.stored import arrays
from lamina.data.tables.texts import Parsed, Words
from lamina.errors import DataError, Problems

__all__ = ["Collected", "Gathered", "collect"]

CELLS_AT_ONCE = 2**23
ROWS_AT_ONCE = 2**16
"""Small batches are put together up to this: what a batch costs is paid for each column."""


def collect(source: Source, reading: Reading, folder: Path | None = None) -> Collected:
    """Read a table.

    Args:
        source: where its rows come from.
        reading: what the user says of it.
        folder: where the columns are put when they are too large for memory; they come back mapped to it.

    Raises:
        DataError: if a number is infinite or too large, all such columns of a batch at once; if the user speaks of a
            column that is not there; and what the source finds.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    said = _said(reading)
    while True:
        try:
            columns, rows = _read(source, reading, said, folder)
        except Retyped:
            continue
        except Misread as dates:
            said[dates.column] = f"date:{dates.written}"
            continue
        growing = {name: column.growing() for name, column in columns.items()}
        values = iter(arrays([values for values in growing.values() if values is not None]))
        gathered = {name: column.gathered() for name, column in columns.items()}
        for name, found in gathered.items():
            found.values = None if growing[name] is None else next(values)
        return Collected(source.name, rows, gathered, list(source.notes), list(source.skipped), source.where)


def _read(source: Source, reading: Reading, said: dict[str, str], folder: Path | None) -> tuple[dict[str, Growth], int]:
    types, exact = source.columns(), {*reading.target, reading.time}
    columns: dict[str, Growth] = {}
    for place, (name, type_) in enumerate(types.items()):
        path = folder and folder / f"{place}.column"
        if name == reading.group:
            columns[name] = Hashes(name, path, str(type_))
        else:
            columns[name] = _begun(name, type_, path, said.get(name, ""), name in exact)
    rows = 0
    for table in _grouped(source.batches()):
        for name, column in columns.items():
            columns[name] = column.add(table.column(name))
        rows += table.num_rows
        _refuse_infinite(source, columns)
    return {name: column.ended() for name, column in columns.items()}, rows


def _begun(name: str, type_: pa.DataType, path: Path | None, said: str = "", exact: bool = False) -> Growth:
    """The beginning of a column of this type.

    Args:
        name: of the column.
        type_: of its cells.
        path: the file for its values; None for memory.
        said: what the user says that it is.
        exact: whether all digits of numbers are kept.
    """
    if pa.types.is_null(type_) or said == "leave":
        return Nothing(name, path, str(type_), "nothing")
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return Numbers(name, path, moments=True)
    if pa.types.is_floating(type_) or pa.types.is_integer(type_):
        return Numbers(name, path, exact=exact)
    if pa.types.is_boolean(type_):
        return Booleans(name, path)
    if pa.types.is_dictionary(type_) or pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return Parsed(name, path, None, said=True) if said == "number" else Words(name, path, said)
    return Nothing(name, path, str(type_), "nested")


def _said(reading: Reading) -> dict[str, str]:
    """The kinds that were asked for; what rows are split by is read even if nothing is predicted from it."""
    used = {*reading.target, reading.group, reading.time}
    return {name: kind for name, kind in reading.said().items() if not (kind == "leave" and name in used)}


def _grouped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows in batches that are not small."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= ROWS_AT_ONCE or rows * batch.num_columns >= CELLS_AT_ONCE:
            yield _together(waiting)
            waiting, rows = [], 0
    if rows:
        yield _together(waiting)


def _together(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _refuse_infinite(source: Source, columns: dict[str, Growth]) -> None:
    problems = Problems()
    for name, column in columns.items():
        infinite = column.infinite()
        if infinite is not None:
            row, value = infinite
            problems.add(
                f"{source.where(row)}: column {name!r} must hold numbers up to 3.4e38, got {value:g}; mend it, "
                f"name its spelling with --blank to read it as blank, or say --kind {name}=leave"
            )
    problems.raise_as(DataError, f"{source.name} holds numbers that are too large")
