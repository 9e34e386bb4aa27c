"""From a table, in files or in memory, to a dataset."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.data.dataset import Column, Dataset
from lamina.data.tables.collect import collect
from lamina.data.tables.encode import feature_names, matrix, ordered, table_kind
from lamina.data.tables.fields import Date, Field, Text
from lamina.data.tables.findings import findings
from lamina.data.tables.fitting import Known, Rows, fitted, group_of, kept_rows, time_of
from lamina.data.tables.gathered import Collected
from lamina.data.tables.infer import Profile, profiles
from lamina.data.tables.kept import draft_of, keep, kept, place_of
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Source, open_source
from lamina.data.tables.target import target_of
from lamina.data.tables.texts_only import nothing_left
from lamina.errors import DataError
from lamina.kinds import Label

AS_TEXT = ("category", "boolean", "date", "text")
"""Kinds of column whose cells are kept as they are spelled, though they may look like numbers."""

MOST_LISTED = 10
"""Classes whose shares are told."""

RARE = 0.2
"""Of the share that a class would have if all had the same: with less it is rare."""

LARGE = 2**28
"""Bytes of a table, unpacked, from which on its columns are not held in memory but kept in the cache."""


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


def load_table(data: Any, reading: Reading, known: Known | None = None) -> Dataset:
    """The dataset of a table.

    Args:
        data: a path, a glob, or a frame of pandas, polars or arrow.
        reading: what the user says of it: the target at least.
        known: what a model has decided, to which the table is fitted; None to decide it by the table.

    Raises:
        DataError: if the table cannot be read, or nothing can be learned from it.
    """
    reading = reading.anywhere()
    name = str(data) if isinstance(data, str | Path) else "frame"
    if known is not None:
        rows = fitted(data, reading, known)
        return dataset_of(name, rows, known, Origin(known.fields, reading))
    source = source_of(data, reading)
    if source.size < LARGE:
        return decided(look(source, reading))
    place = place_of(cache_key(source, reading))
    dataset = kept(place)
    if dataset is None:
        draft = draft_of(place)
        try:
            dataset = keep(decided(look(source, reading, draft), draft), draft, place)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            advice = "free space, or set LAMINA_CACHE to another folder"
            raise DataError(f"{draft}: cannot be written ({error.strerror}); {advice}") from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return replace(dataset, name=name)


def cache_key(source: Source, reading: Reading) -> str:
    """What the dataset of a table follows from: the content of its files, and how they are read."""
    tests = () if reading.test is None else (open_source(reading.test, reading, test=True).key(),)
    return repr((source.key(), *tests, sorted(reading.to_json().items())))


def source_of(data: Any, reading: Reading) -> Source:
    """Where the rows of a table come from, read as the user says."""
    spelled = [name for name, kind in reading.said().items() if kind.partition(":")[0] in AS_TEXT]
    return open_source(data, reading, as_text=[*spelled, *filter(None, [reading.group])])


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
    if not fields or any(isinstance(field, Text) for field in fields):
        raise nothing_left(collected.name, found, reading)
    known = Known(fields, target.classes, target.parts)
    rows = kept_rows(
        torch.from_numpy(matrix(collected, fields, folder)),
        target.column,
        group_of(collected, reading),
        time_of(collected, reading),
        target.kept,
        [
            *(*collected.notes, *collected.skipped, *target.notes),
            *(*about_classes(target.column, target.classes), *about(found, reading)),
        ],
    )
    test = None
    if reading.test is not None:
        late = fitted(reading.test, as_it_was_read(collected, reading), known)
        test = torch.arange(len(rows.inputs), len(rows.inputs) + len(late.inputs))
        rows = rows.followed_by(late)
    dataset = dataset_of(collected.name, rows, known, looked.source.origin(fields, reading), test)
    rows.notes.extend(findings(dataset, collected.columns, reading.target))
    return noting(dataset, rows.notes)


def dataset_of(name: str, rows: Rows, known: Known, origin: Origin, test: Tensor | None = None) -> Dataset:
    """Rows as a dataset."""
    inputs = Column(rows.inputs, table_kind(known.fields))
    dataset = Dataset(
        name,
        inputs,
        inputs if origin.reading.inputs_only else rows.target,
        classes=known.classes,
        parts=known.parts,
        features=feature_names(known.fields),
        test=test,
        group=rows.group,
        time=rows.time,
        origin=origin,
    )
    return noting(dataset, rows.notes)


def noting(dataset: Dataset, notes: Sequence[str]) -> Dataset:
    """The dataset with what is to be said of it."""
    return replace(dataset, origin=None if dataset.origin is None else replace(dataset.origin, notes=tuple(notes)))


def as_it_was_read(collected: Collected, reading: Reading) -> Reading:
    """The reading for a further file, whose times are written as those of the first."""
    if reading.time is None or reading.time in reading.said():
        return reading
    written = collected.columns[reading.time].written
    kinds = (*reading.kinds, f"{reading.time}=date:{written}") if written else reading.kinds
    return Reading(**{**reading.values(), "kinds": kinds})


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
    return [*out, *strange, *about_split(found, reading)]


def about_split(found: dict[str, Profile], reading: Reading) -> list[str]:
    """What becomes of the columns that rows are split by."""
    texts = [f"{name}: used to split by, not to predict from" for name in (reading.group, reading.time) if name]
    field = found[reading.time].field if reading.time is not None else None
    rest = timeless(field) if field is not None else None
    if isinstance(rest, Date):
        place = " and ".join(f"the {part}" if part == "weekday" else f"the place in the {part}" for part in rest.parts)
        texts[-1] = f"{rest.column}: used to split by; of it only {place} counts as an input"
    return texts


def about_classes(target: Column, classes: Sequence[str]) -> list[str]:
    """How the classes of a target are spread, where they are few."""
    if not isinstance(target.kind, Label) or len(classes) > MOST_LISTED:
        return []
    counts = target.values.bincount(minlength=len(classes)).tolist()
    rows = max(1, sum(counts))
    shares = ", ".join(f"{name} {count / rows:.1%}" for name, count in zip(classes, counts, strict=True))
    rarest = min(range(len(counts)), key=counts.__getitem__)
    if counts[rarest] / rows >= RARE / len(classes):
        return [f"classes: {shares}"]
    judged = "auc and macro_f1" if len(classes) == 2 else "macro_f1"
    hint = "; Classify(weights='balanced') in --net finds more of it, with probabilities that are too high then"
    return [f"classes: {shares}; {classes[rarest]} is rare: look at {judged} rather than at accuracy{hint}"]
