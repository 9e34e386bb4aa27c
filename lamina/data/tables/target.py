"""What of a table is to be predicted: which columns, and whether as classes or as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lamina.data.dataset import Column, Part
from lamina.data.tables.gathered import Collected
from lamina.data.tables.labels import (
    Asked,
    Classes,
    as_classes,
    as_numbers,
    listed_names,
    number_text,
    refuse_dressed,
    share_of_numbers,
)
from lamina.data.tables.profile import Profile
from lamina.data.tables.reading import Reading
from lamina.errors import DataError, Problems, nearest, shown
from lamina.kinds import Label, Targets, Value

MOST_WHOLE = 10
"""Whole numbers of so many distinct values are classes, unless the user says otherwise."""

NEARLY_ALL = 0.99
"""Of numbers so many are numbers, and what few others there are is a slip."""

MOST_CLASSES = 1_000
"""More are refused: each needs examples to be learned from."""

USUAL = ("target", "label", "class", "y", "outcome")
"""What a column that is to be predicted is often called."""

POSSIBLE = ("number", "category", "boolean")
"""The kinds of column that can be predicted."""


UNWRITABLE = frozenset("'\"\\\n")
"""What a sentence cannot hold in a text; targets with such names go by their numbers in measures."""


class Decided(NamedTuple):
    """What is decided already of a target.

    Attributes:
        classes: the names of the classes; empty for a value, and where there are several targets.
        parts: the several targets, unless all are values.
    """

    classes: tuple[str, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Target:
    """What is to be predicted of each row.

    Attributes:
        column: a `Label` or a `Value`, of those rows only that have a target.
        classes: the names of the classes by number; empty for a `Value`.
        kept: which rows of the table have a target; None for all of them.
        notes: what was decided, a sentence each.
        parts: where targets of unlike kinds stand side by side, what each is.
    """

    column: Column
    classes: tuple[str, ...]
    kept: NDArray[np.bool_] | None
    notes: list[str]
    parts: tuple[Part, ...] = ()


def target_of(
    collected: Collected,
    profiles: dict[str, Profile],
    reading: Reading,
    known: Decided | None = None,
) -> Target:
    """The target of a table, as the user named it.

    Texts, and whole numbers of at most ten distinct values, become a `Label`, whose classes are sorted; other numbers a
    `Value`, as do several columns of such numbers; several of unlike kinds become `Targets`. `reading.kinds` overrules
    that. Rows without a target are left out.

    Args:
        collected: the columns of the table.
        profiles: what they hold.
        reading: names the target.
        known: what is decided already, by a model or by the training file; None to decide it here.

    Raises:
        DataError: if there is no such column, or nothing in it to learn from.
    """
    if reading.inputs_only:
        # What stands for it until the inputs are numbers; they are the target then.
        return Target(Column(torch.zeros(collected.rows, 1), Value(1)), (), None, [])
    said = reading.said()
    columns = [
        Asked(collected.name, collected.columns[name], collected.where) for name in _named(collected, profiles, reading)
    ]
    for column in columns:
        _check(column, said.get(column.name))
    if len(columns) == 1:
        return _one(columns[0], said.get(columns[0].name), known)
    if known is None and not any(_decided(column, said.get(column.name))[0] for column in columns):
        return _values(columns, [f"targets {_names(columns)}: {len(columns)} values"], known=False)
    if known is not None and not known.parts:
        return _values(columns, [], known=True)
    parts = [None] * len(columns) if known is None else [Decided(part.classes) for part in known.parts]
    each = [_one(column, said.get(column.name), part) for column, part in zip(columns, parts, strict=True)]
    return _several(columns, each, known is not None)


def _one(column: Asked, said: str | None, known: Decided | None) -> Target:
    """A single target."""
    if known is not None:
        return _labels(column, known.classes, "") if known.classes else _values([column], [], known=True)
    as_label, why = _decided(column, said)
    return (
        _labels(column, None, why) if as_label else _values([column], [f"target {column.name}: a value, {why}"], False)
    )


def _several(columns: list[Asked], each: list[Target], known: bool) -> Target:
    """Several targets side by side, of the rows that have all of them."""
    rows = columns[0].cells.rows
    visible = np.ones(rows, bool)
    for target in each:
        visible &= True if target.kept is None else target.kept
    kept, notes = _kept(columns, visible, known)
    pieces = []
    for target in each:
        here = visible if target.kept is None else visible[target.kept]
        values = target.column.values[torch.from_numpy(here)].float()
        pieces.append(values if values.dim() > 1 else values[:, None])
    names = tuple(column.name for column in columns)
    writable = all(set(name).isdisjoint(UNWRITABLE) for name in names)
    kind = Targets(tuple(target.column.kind for target in each), names if writable else ())
    said = [note for target in each for note in target.notes]
    parts = tuple(Part(name, target.classes) for name, target in zip(names, each, strict=True))
    return Target(Column(torch.cat(pieces, 1), kind), (), kept, list(dict.fromkeys([*said, *notes])), parts)


def _named(collected: Collected, profiles: dict[str, Profile], reading: Reading) -> tuple[str, ...]:
    """The columns that the user named, if they are there."""
    columns = list(collected.columns)
    if not reading.target:
        guess = _guess(columns, profiles)
        hint = f"; --target {_quoted(guess)} if that is it" if guess else ""
        raise DataError(
            f"{collected.name}: expected the name of the column to predict; "
            f"say --target COLUMN, one of: {listed_names(columns)}{hint}"
        )
    problems = Problems()
    for place, name in enumerate(reading.target):
        if name in reading.target[:place]:
            problems.add(f"{collected.name}: target {name!r} is named twice; name it once")
        elif name not in columns:
            close = nearest(name, columns)
            hint = f"did you mean {close!r}?" if close is not None else f"there are: {listed_names(columns)}"
            hint += reading.in_one_piece(columns)
            problems.add(f"{collected.name}: there is no column {name!r}; {hint}")
    problems.raise_as(DataError, f"{collected.name}: the target cannot be found")
    return reading.target


def _guess(columns: list[str], profiles: dict[str, Profile]) -> str | None:
    """The column that is probably meant: one with a usual name, else the last, if it can be predicted."""
    possible = [name for name in columns if profiles[name].kind in POSSIBLE]
    usual = [name for name in possible if name.strip().lower() in USUAL]
    return next((name for name in (*usual, *columns[-1:]) if name in possible), None)


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name


def _names(columns: list[Asked]) -> str:
    return ", ".join(column.name for column in columns)


def _check(column: Asked, said: str | None) -> None:
    """Refuse what cannot be predicted, whatever is there."""
    if said is not None and said.partition(":")[0] not in POSSIBLE:
        raise DataError(
            f"{column.where}: expected a number or a category, got --kind {column.name}={said}; "
            f"say --kind {column.name}=number or --kind {column.name}=category"
        )


def _decided(column: Asked, said: str | None) -> tuple[bool, str]:
    """Whether this target is a label, and why."""
    name = column.name
    if said is not None:
        return said != "number", f"since --kind {name}={said} says so"
    if column.cells.held == "booleans":
        return True, "since it holds true and false"
    refuse_dressed(column)
    share = share_of_numbers(column)
    if share < 1:
        # Many numbers and a slip: as numbers the slip is refused, which is better than a class for each number.
        slip = (share > 1 / 2 and len(column.cells.words) > MOST_WHOLE) or share > NEARLY_ALL
        return not slip, "since it holds texts"
    numbers = as_numbers(column)
    numbers = numbers[~np.isnan(numbers)]
    if (numbers != np.floor(numbers)).any():
        return False, "since it holds numbers that are not whole"
    distinct = len(np.unique(numbers))
    whole = f"{distinct:,} distinct whole numbers"
    # Where every second row has a number of its own, these are quantities, however few.
    repeated = 2 * distinct <= len(numbers)
    if distinct <= MOST_WHOLE and (repeated or distinct <= 2):
        return True, f"since it has only {whole}; --kind {name}=number to predict a value"
    if repeated and distinct <= MOST_CLASSES:
        return False, f"since it has {whole}; --kind {name}=category to predict classes"
    return False, f"since it has {whole}"


def _labels(column: Asked, known: tuple[str, ...] | None, why: str) -> Target:
    """A class for each row whose cell is not blank."""
    found = as_classes(column, known)
    kept, notes = _kept([column], found.numbers >= 0, known=not why)
    if why:
        _check_classes(column, found)
        notes.insert(0, f"target {column.name}: {len(found.names):,} classes, {why}")
    numbers = torch.from_numpy(found.numbers if kept is None else found.numbers[kept])
    return Target(Column(numbers, Label(len(found.names))), found.names, kept, found.notes + notes)


def _check_classes(column: Asked, found: Classes) -> None:
    """Refuse a single class, and more classes than could be learned."""
    classes, rows = len(found.names), int((found.numbers >= 0).sum())
    if classes == 1:
        raise _constant(column, shown(found.names[0]))
    if classes <= MOST_CLASSES and (classes <= MOST_WHOLE or 2 * classes <= rows):
        return
    if column.numeric:
        advice = f"say --kind {column.name}=number to predict a value"
    else:
        advice = "name another column, or leave out the rows of rare classes"
    most = f"at most {MOST_CLASSES:,} classes" if classes > MOST_CLASSES else "two rows or more of a class"
    raise DataError(f"{column.where}: expected {most}, got {classes:,} classes in {rows:,} rows; {advice}")


def _values(columns: list[Asked], notes: list[str], known: bool) -> Target:
    """A value for each row in which no cell is blank."""
    numbers = np.stack([as_numbers(column).astype(np.float32) for column in columns], axis=1)  # (N, K)
    kept, more = _kept(columns, np.asarray(~np.isnan(numbers).any(1)), known)
    numbers = numbers if kept is None else numbers[kept]
    for column, values in zip(columns, numbers.T, strict=True):
        if not known and values.min() == values.max():
            raise _constant(column, number_text(float(values[0])))
    return Target(Column(torch.from_numpy(numbers), Value(len(columns))), (), kept, notes + more)


def _kept(columns: list[Asked], visible: NDArray[np.bool_], known: bool) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """Which rows have a target, None for all of them; and what is said of the others."""
    rows, blanks = len(visible), int((~visible).sum())
    table = columns[0].table
    if rows and blanks == rows:
        cure = "add what is to be predicted" if known else "name another column"
        raise DataError(f"{table}: target {_names(columns)!r}: expected values, got {rows:,} blank cells; {cure}")
    if rows - blanks < (1 if known else 2):
        least = "a row" if known else "at least 2 rows"
        raise DataError(f"{table}: expected {least} with a target, got {rows - blanks}; add rows")
    if not blanks:
        return None, []
    return visible, [f"{blanks:,} of {rows:,} rows have no {_names(columns)} and are left out"]


def _constant(column: Asked, value: str) -> DataError:
    return DataError(f"{column.where}: expected unlike values, got {value} in every row; name another column")
