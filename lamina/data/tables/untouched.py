"""The cells of a file as they stand, beside what is made of them."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from lamina.data.tables import json_rows
from lamina.data.tables.arrow_cells import Blanks
from lamina.data.tables.arrow_csv import Reader
from lamina.data.tables.dialect import dialect_of
from lamina.data.tables.reading import Reading
from lamina.data.tables.rows import Marks, blocks, row_starts
from lamina.data.tables.source import ENDINGS, JSON, PARQUET, paths_of
from lamina.data.tables.text_file import TextFile

Row = dict[str, Any]
LINES = Marks(None)
ROWS_AT_ONCE = 1024


class FirstRow(NamedTuple):
    """The first row of a delimited file.

    Attributes:
        cells: as they stand, without the spaces around them.
        width: how many cells most rows have.
    """

    cells: tuple[str, ...]
    width: int


def form_of(path: Path) -> Literal["Parquet", "JSON", "delimited"]:
    """What a file is by its name."""
    ending = ENDINGS.search(path.name)
    suffix = f".{ending[1].split('.')[0].lower()}" if ending else ""
    return "Parquet" if suffix in PARQUET else "JSON" if suffix in JSON else "delimited"


def untouched(data: str | Path, reading: Reading, wanted: Sequence[str]) -> Iterator[Row]:
    """The cells of each row that a source of the same file, or files, gives, by column.

    What is delimited keeps its spelling, of JSON and Parquet each value keeps its type. A source says first what is
    wrong with a file: this follows it, and leaves out what it leaves out.

    Args:
        data: a path or a pattern.
        reading: how it is read.
        wanted: the columns that the source takes; a first row that has them all is a head.
    """
    for path in paths_of(str(data)):
        form = form_of(path)
        if form == "Parquet":
            yield from _typed(path)
        elif form == "JSON":
            yield from _objects(path, reading)
        else:
            yield from _spelled(path, reading, wanted)


def first_row(path: Path, reading: Reading) -> FirstRow:
    """The first row of a delimited file, be it a head or not."""
    file = _text(path, reading)
    headless = Reading(**{**reading.values(), "header": False, "names": ()})
    dialect = dialect_of(file.head, file.name, headless)
    starts = [*row_starts(file.head, dialect.marks).tolist(), len(file.head)]
    text = file.head[starts[0] : starts[1]].decode("utf-8", "replace").rstrip("\r\n")
    marks = dialect.marks
    cells = next(csv.reader([text], delimiter=chr(marks.delimiter or 0), skipinitialspace=marks.spaced), [])
    return FirstRow(tuple(cell.strip() for cell in cells), len(dialect.names))


def _text(path: Path, reading: Reading) -> TextFile:
    """A delimited file as its source decodes it."""
    file = TextFile(path, reading.encoding)
    if not file.sure:
        try:
            codecs.getincrementaldecoder("utf-8")().decode(file.head, final=file.whole)
        except UnicodeDecodeError:
            file.turn_to_latin()
    return file


def _spelled(path: Path, reading: Reading, wanted: Sequence[str]) -> Iterator[Row]:
    file = _text(path, reading)
    dialect = dialect_of(file.head, file.name, reading, wanted)
    # The reader of the source cuts the cells, so that they are those of the same rows; texts are left as they stand.
    reader = Reader(dialect, Blanks(reading.blanks))
    kinds = dict.fromkeys(dialect.names, pa.string())
    for block in blocks(file, dialect.marks, dialect.start):
        text = _utf8(block.text)
        for batch in reader.read(text, kinds, [], len(text) + 1).to_batches(ROWS_AT_ONCE):
            yield from batch.to_pylist()


def _utf8(text: bytes) -> bytes:
    """A block in UTF-8; where it is none, its source has begun to read the file as Latin-1."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1").encode()
    return text


def _objects(path: Path, reading: Reading) -> Iterator[Row]:
    for block in blocks(TextFile(path, reading.encoding or "utf-8"), LINES):
        for _, text in json_rows.lines(block):
            yield json.loads(text)


def _typed(path: Path) -> Iterator[Row]:
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            columns = [_values(column) for column in batch.columns]
            yield from (dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True))


def _values(column: pa.Array) -> list[Any]:
    """The values of a column; moments as ISO 8601, which keeps their nanoseconds."""
    if pa.types.is_timestamp(column.type):
        return list(column.cast(pa.string()).to_pylist())
    values = column.to_pylist()
    if pa.types.is_float32(column.type) or pa.types.is_float16(column.type):
        # A float32 means the shortest number that rounds to it: 0.1, not 0.10000000149.
        narrow = np.float32 if pa.types.is_float32(column.type) else np.float16
        return [None if value is None else float(str(narrow(value))) for value in values]
    return list(values)
