"""Reading a table in a test."""

import pyarrow as pa
import pytest

from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, open_source
from lamina.errors import DataError


def read(data, reading=None, restarts=99, **settings):
    """The source and all its rows, begun again as often as it asks for."""
    source = open_source(data, reading or Reading(), **settings)
    for _ in range(restarts):
        types = source.columns()
        try:
            batches = list(source.batches())
        except Retyped:
            continue
        assert source.columns() == types
        table = pa.Table.from_batches(batches)
        assert {field.name: field.type for field in table.schema} == types
        return source, table
    raise AssertionError(f"{source.name} was not read in {restarts} attempts")


def rows_of(data, reading=None, **settings):
    """All rows, as tuples."""
    _, table = read(data, reading, **settings)
    return list(zip(*table.to_pydict().values(), strict=True))


def refused(data, reading=None, **settings) -> str:
    """What is said of data that cannot be read."""
    with pytest.raises(DataError) as caught:
        read(data, reading, **settings)
    return str(caught.value)


def read_or_refused(data, reading=None):
    """The source and its rows, or None and what is said of it."""
    try:
        return read(data, reading)
    except DataError as error:
        return None, str(error)
