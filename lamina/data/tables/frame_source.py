"""Tables that are already in memory: of pandas, polars or arrow, or a dict of arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lamina.data.tables.arrow_cells import Blanks
from lamina.data.tables.parquet_source import check_names, read_batch, read_types
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Source, chosen
from lamina.errors import DataError, shown

BATCH_ROWS = 2**16
NAME = "frame"


class FrameSource(Source):
    """The rows of a table in memory.

    Args:
        frame: anything that gives an arrow stream, a table of pandas, or a dict of arrays of one length.
        reading: what the user says of it.
        as_text: columns read as text whatever they are.
        only: the columns wanted.
    """

    def __init__(
        self, frame: Any, reading: Reading, as_text: Collection[str] = (), only: Sequence[str] | None = None
    ) -> None:
        super().__init__(NAME, 0, as_text)
        self._blanks = Blanks(reading.blanks)
        table = _arrow(frame)
        check_names(NAME, table.column_names)
        self._table = table.select(chosen(NAME, table.column_names, only))
        if not len(self._table):
            raise DataError(f"{NAME}: expected rows, got none")

    def columns(self) -> dict[str, pa.DataType]:
        return read_types({field.name: field.type for field in self._table.schema}, self.as_text)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._table.to_batches(BATCH_ROWS):
            if len(batch):
                yield read_batch(batch, self.columns(), self._blanks)

    def where(self, row: int) -> str:
        return f"{self.name}, row {row}"

    def key(self) -> str:
        digest = hashlib.blake2b(repr((sorted(self.as_text), sorted(self._blanks.lower))).encode(), digest_size=16)
        sink = pa.BufferOutputStream()
        for batch in self._table.to_batches(BATCH_ROWS):
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            digest.update(sink.getvalue())
            sink = pa.BufferOutputStream()
        return digest.hexdigest()


def _arrow(frame: Any) -> pa.Table:
    """The table as arrow has it."""
    try:
        if type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "columns"):
            # Through its own stream, pandas would give its index as a column.
            return pa.Table.from_pandas(frame, preserve_index=False)
        if isinstance(frame, Mapping):
            return pa.table({str(name): _array(name, values) for name, values in frame.items()})
        if hasattr(frame, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(frame).read_all()
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{NAME}: cannot be read ({shown(str(error))}); give every column one type and one length"
        ) from None
    raise DataError(
        f"expected a path, a table of pandas, polars or arrow, or a dict of arrays, got {shown(frame)}; "
        "for arrays pass a dict that names the columns"
    )


def _array(name: Any, values: Any) -> pa.Array:
    array = np.asarray(values) if hasattr(values, "__array__") else values
    if isinstance(array, np.ndarray) and array.ndim != 1:
        raise DataError(f"{NAME}: column {str(name)!r} must be one value a row, got shape {array.shape}")
    return pa.array(array)
