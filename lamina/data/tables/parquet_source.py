"""Parquet files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from lamina.data.tables.arrow_cells import TEXT, Blanks, as_texts, given, is_plain, typed
from lamina.data.tables.file_key import file_key
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Source, ahead, chosen
from lamina.errors import DataError, shown

BATCH_CELLS = 2**22


class ParquetSource(Source):
    """The rows of a Parquet file, whose columns have types of their own.

    Args:
        path: the file.
        reading: what the user says of it.
        as_text: columns read as text whatever they are.
        only: the columns wanted.
    """

    def __init__(
        self, path: Path, reading: Reading, as_text: Collection[str] = (), only: Sequence[str] | None = None
    ) -> None:
        self._path = path
        self._blanks = Blanks(reading.blanks)
        try:
            with parquet.ParquetFile(path) as file:
                schema, metadata = file.schema_arrow, file.metadata
        except PermissionError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); check the file") from None
        except (OSError, pa.ArrowException) as error:
            raise DataError(_damaged(path, error)) from None
        groups = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
        super().__init__(str(path), sum(groups), as_text)
        if not metadata.num_rows:
            raise DataError(f"{path}: expected rows, found none; check the file")
        check_names(self.name, schema.names)
        self._names = chosen(self.name, schema.names, only)
        self._types = {name: schema.field(name).type for name in self._names}

    def columns(self) -> dict[str, pa.DataType]:
        return read_types(self._types, self.as_text)

    def batches(self) -> Iterator[pa.RecordBatch]:
        return ahead(self._batches())

    def where(self, row: int) -> str:
        return f"{self.name}, row {row}"

    def key(self) -> str:
        return file_key(self._path, sorted(self.as_text), self._names, sorted(self._blanks.lower))

    def _batches(self) -> Iterator[pa.RecordBatch]:
        texts = [name for name, kind in self.columns().items() if kind == TEXT]
        try:
            with parquet.ParquetFile(self._path, read_dictionary=texts) as file:
                size = max(1, min(2**16, BATCH_CELLS // len(self._names)))
                for batch in file.iter_batches(size, columns=self._names):
                    yield read_batch(batch, self.columns(), self._blanks)
        except (OSError, pa.ArrowException) as error:
            raise DataError(_damaged(self._path, error)) from None


def read_types(types: dict[str, pa.DataType], as_text: Collection[str]) -> dict[str, pa.DataType]:
    """What a source gives of columns of these types."""
    return {name: TEXT if name in as_text and is_plain(given(kind)) else given(kind) for name, kind in types.items()}


def read_batch(batch: pa.RecordBatch, types: dict[str, pa.DataType], blanks: Blanks) -> pa.RecordBatch:
    """A batch as a source gives it."""
    columns = []
    for name, kind in types.items():
        column = batch.column(name)
        columns.append(as_texts(column, blanks) if kind == TEXT else typed(column, blanks))
    return pa.RecordBatch.from_arrays(columns, names=list(types))


def check_names(name: str, columns: Sequence[str]) -> None:
    """Refuse columns that cannot be told apart by name."""
    twice = sorted({column for column in columns if list(columns).count(column) > 1})
    if twice:
        raise DataError(f"{name}: several columns are called {twice[0]!r}; give each a name of its own")


def _damaged(path: Path, error: Exception) -> str:
    return f"{path}: expected a Parquet file, got one that cannot be read ({shown(str(error))}); write it anew"
