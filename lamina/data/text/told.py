"""The texts of a table's column, with what is to be predicted of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Part
from lamina.data.tables.collect import collect
from lamina.data.tables.fitting import Rows, group_of, kept_rows, time_of
from lamina.data.tables.infer import profiles
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, Source, open_source
from lamina.data.tables.target import Decided, target_of
from lamina.data.text.paired import Said
from lamina.errors import DataError, did_you_mean, shown


@dataclass(frozen=True)
class Told:
    """Texts, or pairs of texts, with what is to be predicted of them.

    Attributes:
        texts: all of them, those too that have no target.
        rows: the place of each that has one among them, its target, and what it is split by.
        classes: the names of the classes.
        parts: of several targets, what each is.
    """

    texts: list[Said]
    rows: Rows
    classes: tuple[str, ...]
    parts: tuple[Part, ...]

    def kept(self) -> list[Said]:
        """The texts that have a target, in the order of the rows."""
        return [self.texts[place] for place in self.rows.inputs.tolist()]

    def followed_by(self, late: Told) -> Told:
        """These texts and then others."""
        moved = replace(late.rows, inputs=late.rows.inputs + len(self.texts))
        return replace(self, texts=[*self.texts, *late.texts], rows=self.rows.followed_by(moved))


def texts_said(reading: Reading) -> tuple[str, ...]:
    """The columns that the user calls texts, but those that are used otherwise; a group may be read as well."""
    used = (*reading.target, reading.time)
    return tuple(name for name, kind in reading.said().items() if kind == "text" and name not in used)


def columns_of(name: str, reading: Reading) -> tuple[str, ...]:
    """The column of texts, or the two of pairs.

    Raises:
        DataError: if the reading names more, or none.
    """
    said = texts_said(reading)
    if not 1 <= len(said) <= 2:
        raise DataError(
            f"{name}: expected a column of texts, or two for pairs, got {', '.join(said) or 'none'}; say --kind"
            " COLUMN=text once or twice"
        )
    return said


def check_there(name: str, column: str, columns: Sequence[str]) -> None:
    """Refuse a column of texts that is not there."""
    if column not in columns:
        hint = did_you_mean(column, columns)
        raise DataError(f"{name}: --kind {shown(f'{column}=text')}: there is no column {column!r}{hint}")


def read(
    data: Any, reading: Reading, texts_of: Sequence[str], known: Decided | None = None, test: bool = False
) -> Told:
    """The texts of a table and their targets.

    Args:
        data: the table.
        reading: as the user says.
        texts_of: the columns of the texts.
        known: what is decided of the target.
        test: whether this is a file beside the one that `reading` was said of.
    """
    split_by = [name for name in (reading.group, reading.time) if name is not None]
    beside = tuple(dict.fromkeys((*reading.target, *split_by)))
    kinds = tuple(said for said in reading.kinds if said.rpartition("=")[0] in beside)
    plain = Reading(**{**reading.values(), "kinds": kinds})
    labels = [] if known is None else [part.name for part in known.parts if part.classes]
    labels = list(reading.target) if known is not None and known.classes else labels
    as_text = [*labels, *filter(None, [reading.group])]
    # Who names no target is told of all columns.
    only = beside if reading.target else None
    found = collect(open_source(data, plain, as_text=as_text, only=only, test=test), plain)
    target = target_of(found, profiles(found, plain), plain, known)
    source = open_source(data, plain, as_text=texts_of, only=texts_of, test=test)
    texts = texts_in(source, texts_of)
    if len(texts) != found.rows:
        raise DataError(f"{found.name}: expected the rows that it had, got others; it has changed while it was read")
    group, time = group_of(found, plain), time_of(found, plain)
    notes = list(dict.fromkeys([*found.notes, *source.notes, *found.skipped, *target.notes]))
    rows = kept_rows(torch.arange(len(texts)), target.column, group, time, target.kept, notes)
    return Told(texts, rows, target.classes, target.parts)


def with_files(
    told: Told, files: Mapping[str, str], reading: Reading, columns: Sequence[str]
) -> tuple[Told, dict[str, Int64[Tensor, " _"]]]:
    """Texts with those of further files behind them, and the rows of each file.

    Args:
        told: what trains, whose classes are those of all.
        files: their paths.
        reading: how they are read: as what trains.
        columns: those of the texts.
    """
    later = Reading(**{**reading.values(), "files": (), "test": None})
    rows = dict[str, Tensor]()
    for part, path in files.items():
        late = read(path, later, columns, Decided(told.classes, told.parts), test=True)
        first = len(told.rows.inputs)
        rows[part] = torch.arange(first, first + len(late.rows.inputs))
        told = told.followed_by(late)
    return told, rows


def texts_in(source: Source, columns: Sequence[str]) -> list[Said]:
    """The texts of a column, row by row, or the pairs of two; a blank cell is an empty text, and what JSON leaves out.

    Raises:
        DataError: if they hold anything else.
    """
    while True:
        held = source.columns()
        for column in columns:
            check_texts_in(source.name, column, held.get(column))
        there = [column for column in columns if column in held]
        try:
            found = {column: list[str]() for column in columns}
            for batch in source.batches():
                for column in columns:
                    cells = batch.column(column).to_pylist() if column in there else [None] * batch.num_rows
                    found[column] += [cell or "" for cell in cells]
        except Retyped:
            continue
        sides = list(found.values())
        return list(sides[0]) if len(sides) == 1 else list(zip(*sides, strict=True))


def check_texts_in(name: str, column: str, held: pa.DataType | None) -> None:
    """Refuse a column that holds no texts."""
    held = held.value_type if held is not None and pa.types.is_dictionary(held) else held
    if not (held is None or pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_null(held)):
        raise DataError(f"{name}: column {column!r}: expected texts, got {held}; name another column")
