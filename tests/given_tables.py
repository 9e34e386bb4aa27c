"""Tables that a test gives by hand, as a source gives those in files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from lamina.data.tables.collect import collect
from lamina.data.tables.infer import Profile, profiles
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, Source


class Given(Source):
    """Batches of houses.csv."""

    def __init__(self, batches: Sequence[pa.RecordBatch], retyped: int = 0) -> None:
        super().__init__("houses.csv")
        self.given = batches
        self.retyped = retyped

    def columns(self) -> dict[str, pa.DataType]:
        return dict(zip(self.given[0].schema.names, self.given[0].schema.types, strict=True))

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self.given:
            yield batch
            if self.retyped:
                self.retyped -= 1
                raise Retyped
        self.notes = ["read as Latin-1"]

    def where(self, row: int) -> str:
        return f"houses.csv:{row + 2}"

    def key(self) -> str:
        return ""


def column(cells: Any) -> pa.Array:
    """Cells as a source gives them: whole numbers as floats, texts in a dictionary."""
    array = cells if isinstance(cells, pa.Array) else pa.array(cells)
    if pa.types.is_integer(array.type):
        return array.cast(pa.float64())
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


def rows(columns: Mapping[str, Any]) -> pa.RecordBatch:
    return pa.record_batch({name: column(cells) for name, cells in columns.items()})


def cut(batch: pa.RecordBatch, size: int) -> list[pa.RecordBatch]:
    """The rows in batches of a size, each with dictionaries of its own."""
    parts = [batch.slice(first, size) for first in range(0, batch.num_rows, size)] or [batch]
    return [
        pa.record_batch(
            [
                part.column(name).dictionary_decode().dictionary_encode()
                if pa.types.is_dictionary(part.schema.field(name).type)
                else part.column(name)
                for name in part.schema.names
            ],
            part.schema.names,
        )
        for part in parts
    ]


def collected(columns, *, size=1000, folder=None, **said):
    """A table as it is collected, in batches of `size` rows."""
    return collect(Given(cut(rows(columns), size)), Reading(**said), folder)


def profiled(columns, *, size=1000, folder=None, **said) -> dict[str, Profile]:
    return profiles(collected(columns, size=size, folder=folder, **said), Reading(**said))
