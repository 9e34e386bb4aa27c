"""What of a table is to be predicted: which columns, and whether as classes or as values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lamina.data.dataset import Column
from lamina.data.tables.gathered import Collected
from lamina.data.tables.labels import (
    Asked,
    Classes,
    as_classes,
    as_numbers,
    listed_names,
    number_text,
    share_of_numbers,
)
from lamina.data.tables.profile import Profile
from lamina.data.tables.reading import Reading
from lamina.errors import DataError, Problems, nearest, shown
from lamina.kinds import Label, Value

MOST_WHOLE = 10
"""Whole numbers of so many distinct values are classes, unless the user says otherwise."""

MOST_CLASSES = 1_000
"""More are refused: each needs examples to be learned from."""

USUAL = ("target", "label", "class", "y", "outcome")
"""What a column that is to be predicted is often called."""

POSSIBLE = ("number", "category", "boolean")
"""The kinds of column that can be predicted."""


@dataclass(frozen=True)
class Target:
    """What is to be predicted of each row.

    Attributes:
        column: a `Label` or a `Value`, of those rows only that have a target.
        classes: the names of the classes by number; empty for a `Value`.
        kept: which rows of the table have a target; None for all of them.
        notes: what was decided, a sentence each.
    """

    column: Column
    classes: tuple[str, ...]
    kept: NDArray[np.bool_] | None
    notes: list[str]


def target_of(
    collected: Collected,
    profiles: dict[str, Profile],
    reading: Reading,
    classes: tuple[str, ...] | None = None,
    labels: bool | None = None,
) -> Target:
    """The target of a table, as the user named it.

    Texts, and whole numbers of at most ten distinct values, become a `Label`, whose classes are sorted; other numbers a
    `Value`, as do several columns of numbers. `reading.kinds` overrules that. Rows without a target are left out.

    Args:
        collected: the columns of the table.
        profiles: what they hold.
        reading: names the target.
        classes: those that are known already, from a model or from the training file; None to find them here.
        labels: whether the target is a `Label`, where that is known already.

    Raises:
        DataError: if there is no such column, or nothing in it to learn from.
    """
    said = reading.said()
    columns = [
        Asked(collected.name, collected.columns[name], collected.where) for name in _named(collected, profiles, reading)
    ]
    for column in columns:
        _check(column, said.get(column.name))
    known = classes is not None or labels is not None
    if len(columns) > 1:
        _check_numbers(columns, said)
        return _values(columns, [f"targets {_names(columns)}: {len(columns)} values"], known)
    column = columns[0]
    if known:
        return _values(columns, [], known) if labels is False else _labels(column, classes, "")
    as_label, why = _decided(column, said.get(column.name))
    return (
        _labels(column, None, why) if as_label else _values(columns, [f"target {column.name}: a value, {why}"], known)
    )


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


def _check_numbers(columns: list[Asked], said: dict[str, str]) -> None:
    """Several targets must all be numbers."""
    for column in columns:
        kind = said.get(column.name)
        if kind == "number" or (kind is None and share_of_numbers(column) == 1):
            continue
        what = f"is a {kind}" if kind is not None else "holds texts"
        raise DataError(
            f"{column.table}: expected numbers where there are several targets, but {column.name!r} {what}; "
            f"train one run for each of: {_names(columns)}"
        )


def _decided(column: Asked, said: str | None) -> tuple[bool, str]:
    """Whether this target is a label, and why."""
    name = column.name
    if said is not None:
        return said != "number", f"since --kind {name}={said} says so"
    if column.cells.held == "booleans":
        return True, "since it holds true and false"
    share = share_of_numbers(column)
    if share < 1:
        # Many numbers and a slip: as numbers the slip is refused, which is better than a class for each number.
        slip = share > 1 / 2 and len(column.cells.words) > MOST_WHOLE
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
    numbers = np.stack([as_numbers(column) for column in columns], axis=1)  # (N, K)
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
