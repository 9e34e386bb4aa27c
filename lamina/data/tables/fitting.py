"""A further table, fitted to what is decided already: by a model, or by the table that trains where this one tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from lamina.data.dataset import Column, Part
from lamina.data.tables.collect import collect
from lamina.data.tables.encode import encode
from lamina.data.tables.fields import Boolean, Category, Date, Field
from lamina.data.tables.gathered import Collected, Gathered
from lamina.data.tables.infer import profiles
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, Source, open_source
from lamina.data.tables.target import Decided, target_of
from lamina.errors import DataError, did_you_mean

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


def open_for(data: Any, reading: Reading, fields: Sequence[Field], keep: bool = False) -> Source:
    """A table opened for what fields take of it; with `keep`, for all of its columns."""
    texts = [field.column for field in fields if isinstance(field, Category | Boolean | Date)]
    only = None if keep else [field.column for field in fields]
    return open_source(data, reading, as_text=texts, only=only, test=True)


def encoded(source: Source, fields: Sequence[Field], keep: bool = False) -> Iterator[Asked]:
    """The rows of a table as numbers, some at a time, with their cells if these are to be kept.

    Raises:
        DataError: if columns are missing, or cells do not fit; rows before the first such one have been given then.
    """
    done = 0
    while True:
        first = 0
        try:
            for part in _cut(source.batches()):
                # After a restart batches are cut as before, and what was given is not given again.
                if first + part.num_rows > done:
                    inputs = encode(part, fields, source.where, first)
                    yield Asked(inputs, part.to_pylist() if keep else None)
                    done = first + part.num_rows
                first += part.num_rows
        except Retyped:
            continue
        return


def _cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield from (batch.slice(first, ROWS_AT_ONCE) for first in range(0, batch.num_rows, ROWS_AT_ONCE))


def inputs_for(data: Any, origin: Origin) -> NDArray[np.float32]:
    """All rows of a table as the inputs of the model that has this origin."""
    source = open_for(data, headed(data, origin), origin.fields)
    return np.concatenate([part.inputs for part in encoded(source, origin.fields)])


def headed(data: Any, origin: Origin) -> Reading:
    """How a table is read that a model is asked about: if it was trained on one without a head, this has none."""
    said = {**origin.reading.values(), "files": (), "test": None, "group": None, "time": None, "kinds": ()}
    if not origin.headed:
        there = len(open_source(data, Reading(**{**said, "header": False, "names": ()}), test=True).columns())
        said |= {"header": None, "names": named_for(there, origin, str(data))}
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
