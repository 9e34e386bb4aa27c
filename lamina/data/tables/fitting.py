"""A further table, fitted to what is decided already: by a model, or by the table that trains where this one tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from lamina.data.dataset import Column, Part
from lamina.data.tables.collect import collect
from lamina.data.tables.encode import encode
from lamina.data.tables.fields import Boolean, Category, Date, Field, Text
from lamina.data.tables.gathered import Collected, Gathered
from lamina.data.tables.infer import profiles
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, Source, open_source, paths_of
from lamina.data.tables.target import Decided, target_of
from lamina.data.tables.untouched import first_row, form_of
from lamina.errors import DataError, did_you_mean
from lamina.kinds import Value

ROWS_AT_ONCE = 1024
"""Rows that are encoded together."""


class Known(NamedTuple):
    """What is decided already of a table.

    Attributes:
        fields: how columns become numbers.
        classes: the names of the classes; empty for a target that is a value.
        parts: where targets of unlike kinds stand side by side, what each is.
    """

    fields: tuple[Field, ...]
    classes: tuple[str, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Rows of a table as tensors, with what is to be predicted of them and what they are split by."""

    inputs: Tensor
    target: Column
    group: Tensor | None
    time: Tensor | None
    notes: list[str]

    def followed_by(self, late: Rows) -> Rows:
        """These rows and then others."""
        return Rows(
            torch.cat((self.inputs, late.inputs)),
            replace(self.target, values=torch.cat((self.target.values, late.target.values))),
            None if self.group is None or late.group is None else torch.cat((self.group, late.group)),
            None if self.time is None or late.time is None else torch.cat((self.time, late.time)),
            [*self.notes, *late.notes],
        )


class Asked(NamedTuple):
    """Some rows that a model is asked about.

    Attributes:
        inputs: their numbers.
        rows: their cells by column, where these are to be kept.
    """

    inputs: NDArray[np.float32]
    rows: list[dict[str, Any]] | None = None


def fitted(data: Any, reading: Reading, known: Known) -> Rows:
    """The rows of a further table, as numbers by fields that are decided already, with their targets.

    Args:
        data: the table.
        reading: as the one that decided was read; its `files` and `test` are not part of this one.
        known: what is decided.

    Raises:
        DataError: if columns are missing, or cells do not fit.
    """
    split_by = [name for name in (reading.group, reading.time) if name is not None]
    if reading.inputs_only and not split_by:
        alone = [part.inputs for part in encoded(open_for(data, reading, known.fields), known.fields)]
        rows = torch.from_numpy(np.concatenate(alone))
        return Rows(rows, Column(rows[:, :1], Value(1)), None, None, [])
    labels = [part.name for part in known.parts if part.classes] or (reading.target if known.classes else ())
    as_text = [*labels, *(split_by if reading.group else ())]
    beside = tuple(dict.fromkeys((*reading.target, *split_by)))
    # What the user said of other columns is in the fields.
    said = tuple(text for text in reading.kinds if text.rpartition("=")[0] in beside)
    plain = Reading(**{**reading.values(), "kinds": said})
    found = collect(open_source(data, plain, as_text=as_text, only=beside, test=True), plain)
    target = target_of(found, profiles(found, plain), plain, Decided(known.classes, known.parts))
    inputs = [part.inputs for part in encoded(open_for(data, reading, known.fields), known.fields)]
    return kept_rows(
        torch.from_numpy(np.concatenate(inputs)),
        target.column,
        group_of(found, reading),
        time_of(found, reading),
        target.kept,
        [*found.notes, *found.skipped, *target.notes],
    )


def kept_rows(
    inputs: Tensor,
    target: Column,
    group: Tensor | None,
    time: Tensor | None,
    kept: NDArray[np.bool_] | None,
    notes: list[str],
) -> Rows:
    """Those rows of a table that have a target; `target` has no others already."""
    if kept is None:
        return Rows(inputs, target, group, time, notes)
    rows = torch.from_numpy(kept)
    group, time = (None if values is None else values[rows] for values in (group, time))
    return Rows(inputs[rows], target, group, time, notes)


def open_for(data: Any, reading: Reading, fields: Sequence[Field]) -> Source:
    """A table opened for what fields take of it."""
    # A date that has a type is no text, and has no way of being written.
    typed = not isinstance(data, str | Path) or any(form_of(path) == "Parquet" for path in paths_of(str(data)))
    spelled = Category | Boolean | Text if typed else Category | Boolean | Text | Date
    texts = [field.column for field in fields if isinstance(field, spelled)]
    return open_source(data, reading, as_text=texts, only=_wanted(data, reading, fields), test=True)


def _wanted(data: Any, reading: Reading, fields: Sequence[Field]) -> list[str] | None:
    """The columns that are asked of a table; None for all of them, if it lacks some that may be absent."""
    columns = [field.column for field in fields]
    if not isinstance(data, str | Path) or any(form_of(path) != "JSON" for path in paths_of(str(data))):
        return columns
    there = open_source(data, reading, test=True).columns()
    absent = [field for field in fields if field.column not in there]
    return None if 0 < len(absent) < len(fields) and all(map(may_be_absent, absent)) else columns


def may_be_absent(field: Field) -> bool:
    """Whether JSON may leave out a key: what is absent is blank, and that can be told to the net."""
    return field.may_be_blank() or isinstance(field, Category | Boolean | Text)


def encoded(source: Source, fields: Sequence[Field], cells: Iterator[dict[str, Any]] | None = None) -> Iterator[Asked]:
    """The rows of a table as numbers, some at a time.

    Args:
        source: the table.
        fields: how its columns become numbers.
        cells: those of each row as they stand, if they are to be kept.

    Raises:
        DataError: if columns are missing, or cells do not fit; rows before the first such one have been given then.
    """
    done = 0
    while True:
        first = 0
        try:
            for part in _cut(source.batches()):
                given = max(0, done - first)  # before a restart, after which batches may be cut in other places
                first += part.num_rows
                if first > done:
                    new = _filled(part.slice(given), fields)
                    inputs = _encoded(new, fields, source, done)
                    yield Asked(inputs, None if cells is None else _beside(cells, new.num_rows, source.name))
                    done = first
        except Retyped:
            continue
        return


def _encoded(part: pa.RecordBatch, fields: Sequence[Field], source: Source, first: int) -> NDArray[np.float32]:
    """Rows as numbers; where they stand is looked up only if it must be said: the source reads its file for it."""
    try:
        return encode(part, fields, str, first)
    except DataError:
        return encode(part, fields, source.where, first)


def _filled(part: pa.RecordBatch, fields: Sequence[Field]) -> pa.RecordBatch:
    """Rows with blank columns for those that are absent and may be."""
    for field in fields:
        if field.column not in part.schema.names and may_be_absent(field):
            part = part.append_column(field.column, pa.nulls(part.num_rows))
    return part


def _beside(cells: Iterator[dict[str, Any]], count: int, name: str) -> list[dict[str, Any]]:
    """The cells of the next so many rows."""
    rows = list(islice(cells, count))
    if len(rows) < count:
        raise DataError(f"{name}: expected the rows that it had, got fewer; it has changed while it was read")
    return rows


def _cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield from (batch.slice(first, ROWS_AT_ONCE) for first in range(0, batch.num_rows, ROWS_AT_ONCE))


def inputs_for(data: Any, origin: Origin) -> NDArray[np.float32]:
    """All rows of a table as the inputs of the model that has this origin."""
    source = open_for(data, headed(data, origin), origin.fields)
    return np.concatenate([part.inputs for part in encoded(source, origin.fields)])


def headed(data: Any, origin: Origin) -> Reading:
    """How a table is read that a model is asked about.

    If the model was trained on one without a head, this has none either, unless its first row is one that names the
    columns. What was said of delimited text holds for such only.
    """
    of_training = {"files": (), "test": None, "group": None, "time": None, "kinds": (), "skip_bad": 0}
    said = {**origin.reading.values(), **of_training}
    path = paths_of(str(data))[0] if isinstance(data, str | Path) else None
    if path is None or form_of(path) != "delimited":
        return Reading(**said | {"delimiter": None, "header": None, "names": ()})
    if not origin.headed:
        first = first_row(path, Reading(**said))
        if {field.column for field in origin.fields} <= set(first.cells):
            said |= {"header": True, "names": ()}
        else:
            said |= {"header": None, "names": named_for(first.width, origin, str(data))}
    return Reading(**said)


def named_for(cells: int, origin: Origin, where: str) -> tuple[str, ...]:
    """The names of so many cells in a row without a head: all that training had, or all but the target."""
    without = tuple(name for name in origin.columns if name not in origin.reading.target)
    for names in (origin.columns, without):
        if len(names) == cells:
            return names
    expected = f"{len(origin.columns)} cells as in training, or {len(without)} without the target"
    raise DataError(f"{where}: expected rows of {expected}, got {cells}")


def group_of(collected: Collected, reading: Reading) -> Tensor | None:
    """A hash of what each row belongs to.

    Raises:
        DataError: if there is no such column, or a row belongs to nothing.
    """
    if reading.group is None:
        return None
    column = _column(collected, reading.group, "group")
    if column.values is None or column.blanks:
        what = f"{column.blanks:,} blank cells" if column.blanks else f"cells of type {column.type}"
        raise DataError(f"{collected.name}: group {column.name!r} must say of each row where it belongs, got {what}")
    return torch.from_numpy(np.array(column.values, np.int64))


def time_of(collected: Collected, reading: Reading) -> Tensor | None:
    """When each row was.

    Raises:
        DataError: if there is no such column, or it is neither numbers nor dates.
    """
    if reading.time is None:
        return None
    column = _column(collected, reading.time, "time")
    if column.values is None or column.held not in ("numbers", "moments"):
        raise DataError(
            f"{collected.name}: time {column.name!r} must be numbers or dates, got {column.held}; say how its dates are"
            f" written with --kind '{column.name}=date:%d/%m/%Y'"
        )
    return torch.from_numpy(np.array(column.values, np.float64))


def _column(collected: Collected, name: str, what: str) -> Gathered:
    if name not in collected.columns:
        hint = did_you_mean(name, collected.columns)
        raise DataError(f"{collected.name}: {what}: there is no column {name!r}{hint}")
    return collected.columns[name]
