"""From a table, in files or in memory, to a dataset."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lamina.chance import key
from lamina.data.dataset import Column, Dataset, Part
from lamina.data.tables.collect import collect
from lamina.data.tables.encode import encode, feature_names, matrix, ordered, table_kind
from lamina.data.tables.fields import Boolean, Category, Date, Field
from lamina.data.tables.findings import findings
from lamina.data.tables.gathered import Collected, Gathered
from lamina.data.tables.infer import Profile, profiles
from lamina.data.tables.kept import draft_of, keep, kept, place_of
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import Reading
from lamina.data.tables.show import Summary
from lamina.data.tables.source import Retyped, Source, open_source
from lamina.data.tables.target import Decided, target_of
from lamina.errors import DataError, did_you_mean
from lamina.kinds import Label

AS_TEXT = ("category", "boolean", "date", "text")
"""Kinds of column whose cells are kept as they are spelled, though they may look like numbers."""


LARGE = 2**28
"""Bytes of a table, unpacked, from which on its columns are not held in memory but kept in the cache."""


class Known(NamedTuple):
    """What is decided already of a table: by a model, or by the file that trains where this one tests.

    Attributes:
        fields: how columns become numbers.
        classes: the names of the classes; empty for a target that is a value.
        parts: where targets of unlike kinds stand side by side, what each is.
    """

    fields: tuple[Field, ...]
    classes: tuple[str, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Looked:
    """A table that was read and looked at, of which nothing has been decided yet.

    Attributes:
        collected: the columns.
        profiles: what each column is, and why.
        reading: what the user said.
        source: where the rows came from.
    """

    collected: Collected
    profiles: dict[str, Profile]
    reading: Reading
    source: Source


@dataclass(frozen=True)
class Rows:
    """Rows of a table as tensors, with what is to be predicted of them."""

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


def source_of(data: Any, reading: Reading) -> Source:
    """Where the rows of a table come from, read as the user says."""
    spelled = [name for name, kind in reading.said().items() if kind.partition(":")[0] in AS_TEXT]
    return open_source(data, reading, as_text=spelled)


def look(source: Source, reading: Reading, folder: Path | None = None) -> Looked:
    """Read a table and infer what its columns are.

    Args:
        source: where its rows come from.
        reading: what the user says of it.
        folder: where columns are put that are too large for memory.

    Raises:
        DataError: if it cannot be read, or is not as the user says.
    """
    collected = collect(source, reading, folder)
    return Looked(collected, profiles(collected, reading), reading, source)


def decided(looked: Looked, folder: Path | None = None) -> Dataset:
    """The dataset of a table that was looked at.

    Args:
        looked: the table.
        folder: where the inputs are put that are too large for memory.

    Raises:
        DataError: if there is no target or no input, or the rows that test are of another kind.
    """
    collected, reading, found = looked.collected, looked.reading, looked.profiles
    target = target_of(collected, found, reading)
    fields = ordered(inputs_of(found, reading))
    if not fields:
        raise DataError(
            f"{collected.name}: no column is left to predict {' and '.join(reading.target)} from; `lamina data` says"
            " why each was left out, and --kind COLUMN=KIND overrules"
        )
    known = Known(fields, target.classes, target.parts)
    inputs = matrix(collected, fields, folder)
    kept = slice(None) if target.kept is None else target.kept
    group, time = group_of(collected, reading), time_of(collected, reading)
    rows = Rows(
        torch.from_numpy(inputs[kept]),
        target.column,
        None if group is None else group[kept],
        None if time is None else time[kept],
        [*collected.notes, *collected.skipped, *target.notes, *about(found, reading)],
    )
    test = None
    if reading.test is not None:
        late = fitted(reading.test, reading, known)
        test = torch.arange(len(rows.inputs), len(rows.inputs) + len(late.inputs))
        rows = rows.followed_by(late)
    origin = Origin(fields, reading, tuple(collected.columns))
    dataset = dataset_of(collected.name, rows, known, origin, test)
    rows.notes.extend(findings(dataset, collected.columns, reading.target))
    return replace(dataset, origin=replace(origin, notes=tuple(rows.notes)))


def dataset_of(name: str, rows: Rows, known: Known, origin: Origin, test: Tensor | None = None) -> Dataset:
    """Rows as a dataset."""
    return Dataset(
        name,
        Column(rows.inputs, table_kind(known.fields)),
        rows.target,
        classes=known.classes,
        parts=known.parts,
        features=feature_names(known.fields),
        test=test,
        group=rows.group,
        time=rows.time,
        origin=replace(origin, notes=tuple(rows.notes)),
    )


def inputs_of(found: dict[str, Profile], reading: Reading) -> list[Field]:
    """The fields to predict from: all but the target and what rows are split by."""
    fields = [
        profile.field
        for name, profile in found.items()
        if profile.field is not None and name not in (*reading.target, reading.group)
    ]
    kept = [timeless(field) if field.column == reading.time else field for field in fields]
    return [field for field in kept if field is not None]


def timeless(field: Field) -> Field | None:
    """What remains of the column that tells the past from the future: a date's place in the year, week and day.

    How many days have gone by is for the rows that test beyond all that was trained on.
    """
    parts = tuple(part for part in field.parts if part != "days") if isinstance(field, Date) else ()
    return Date(field.column, parts, field.written, field.blanks) if isinstance(field, Date) and parts else None


def about(found: dict[str, Profile], reading: Reading) -> list[str]:
    """What is to be known of the columns: those left out, and what looks strange."""
    targets = (*reading.target, reading.group, reading.time)
    out = [f"{name}: {profile.reason}" for name, profile in found.items() if not profile.field and name not in targets]
    strange = [f"{name}: {warning}" for name, profile in found.items() for warning in profile.warnings]
    split_by = [f"{name}: used to split by, not to predict from" for name in (reading.group, reading.time) if name]
    return [*out, *strange, *split_by]


def group_of(collected: Collected, reading: Reading) -> Tensor | None:
    """A hash of what each row belongs to.

    Raises:
        DataError: if there is no such column, or a row belongs to nothing.
    """
    if reading.group is None:
        return None
    column = _column(collected, reading.group, "group")
    if column.values is None or column.blanks:
        blank = f"{column.blanks:,} blank cells" if column.blanks else "too many texts to tell apart"
        raise DataError(f"{collected.name}: group {column.name!r} must say of each row where it belongs, got {blank}")
    if column.held in ("words", "booleans"):
        of_word = torch.tensor([key("group", word) for word in column.words])
        return of_word[torch.from_numpy(column.values.astype(np.int64))]
    return Column(torch.from_numpy(np.asarray(column.values)), Label(1)).hashes


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
    return torch.from_numpy(np.asarray(column.values, np.float64))


def _column(collected: Collected, name: str, what: str) -> Gathered:
    if name not in collected.columns:
        hint = did_you_mean(name, collected.columns)
        raise DataError(f"{collected.name}: {what}: there is no column {name!r}{hint}")
    return collected.columns[name]


def fitted(data: Any, reading: Reading, known: Known) -> Rows:
    """The rows of a further table, as numbers by fields that are decided already, with their targets.

    Raises:
        DataError: if columns are missing, or cells do not fit.
    """
    labels = [part.name for part in known.parts if part.classes] or (reading.target if known.classes else ())
    found = collect(
        open_source(data, reading, as_text=labels, only=reading.target, test=True),
        Reading(target=reading.target),
    )
    said = Reading(target=reading.target)
    target = target_of(found, profiles(found, said), reading, Decided(known.classes, known.parts))
    inputs = encoded(data, reading, known.fields)
    kept = slice(None) if target.kept is None else target.kept
    split_by = tuple(name for name in (reading.group, reading.time) if name is not None)
    group = time = None
    if split_by:
        more = collect(open_source(data, reading, only=split_by, test=True), Reading())
        group, time = group_of(more, reading), time_of(more, reading)
    return Rows(
        torch.from_numpy(inputs[kept]),
        target.column,
        None if group is None else group[kept],
        None if time is None else time[kept],
        [*found.notes, *found.skipped, *target.notes],
    )


def encoded(data: Any, reading: Reading, fields: Sequence[Field]) -> NDArray[np.float32]:
    """The inputs of all rows of a table, by fields that are decided already."""
    source = open_source(data, reading, as_text=texts(fields), only=[field.column for field in fields], test=True)
    while True:
        blocks, first = [], 0
        try:
            for batch in source.batches():
                blocks.append(encode(batch, fields, source.where, first))
                first += batch.num_rows
        except Retyped:
            continue
        return np.concatenate(blocks)


def texts(fields: Sequence[Field]) -> list[str]:
    """The columns that fields take as they are spelled."""
    return [field.column for field in fields if isinstance(field, Category | Boolean | Date)]


def load_table(data: Any, reading: Reading, known: Known | None = None) -> Dataset:
    """The dataset of a table.

    Args:
        data: a path, a glob, or a frame of pandas, polars or arrow.
        reading: what the user says of it: the target at least.
        known: what a model has decided, to which the table is fitted; None to decide it by the table.

    Raises:
        DataError: if the table cannot be read, or nothing can be learned from it.
    """
    if known is not None:
        rows = fitted(data, reading, known)
        name = str(data) if isinstance(data, str | Path) else "frame"
        return dataset_of(name, rows, known, Origin(known.fields, reading))
    source = source_of(data, reading)
    if source.size < LARGE:
        return decided(look(source, reading))
    place = place_of(source.key())
    dataset = kept(place)
    if dataset is None:
        draft = draft_of(place)
        try:
            dataset = keep(decided(look(source, reading, draft), draft), draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return dataset


def summed_up(data: Any, reading: Reading) -> Summary:
    """What is known of a table before anything is trained; with a target, what is to be known of that too.

    Raises:
        DataError: if the table cannot be read, or the target cannot be predicted.
    """
    source = source_of(data, reading)
    folder = draft_of(place_of(source.key())) if source.size >= LARGE else None
    try:
        looked = look(source, reading, folder)
        collected = looked.collected
        said: Sequence[str] = ()
        if reading.target:
            dataset = decided(looked, folder)
            known = {*collected.notes, *collected.skipped, *about(looked.profiles, reading)}
            said = [note for note in dataset.origin.notes if note not in known] if dataset.origin is not None else []
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    return Summary(
        collected.name,
        collected.rows,
        source.size,
        looked.profiles,
        reading.target,
        collected.notes,
        collected.skipped,
        said,
    )
