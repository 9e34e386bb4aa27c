"""Rows of a table as the one matrix of numbers that a net takes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lamina.data.tables.cells import Cells, Features, Misfit, cells_in, cells_of, encoder
from lamina.data.tables.fields import Date, Field
from lamina.data.tables.gathered import Collected
from lamina.data.tables.reading import BLANKS
from lamina.data.tables.texts import MOST_WORDS
from lamina.errors import DataError, Problems, did_you_mean
from lamina.kinds import BLANK, FIRST, Table

CELLS_AT_ONCE = 2**22
MOST_NAMED = 20


class Place(NamedTuple):
    """Where the features of a field stand in a row."""

    field: Field
    numbers: slice
    categories: slice


def ordered(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields as the matrix has them: those whose numbers may be blank, those with numbers, the others."""
    return tuple(sorted(fields, key=lambda field: (not field.numbers(), not field.may_be_blank())))


def table_kind(fields: Sequence[Field]) -> Table:
    """The kind of a row of these fields.

    >>> from lamina.data.tables.fields import Category, Number
    >>> table_kind([Number("age"), Category("city", ("Rome", "Ulm")), Number("income", blanks=True)])
    Table(2, categories=(4,), blanks=1)
    """
    return Table(
        sum(len(field.numbers()) for field in fields),
        tuple(len(values) + FIRST for field in ordered(fields) for values in field.categories().values()),
        sum(len(field.numbers()) for field in fields if field.may_be_blank()),
    )


def feature_names(fields: Sequence[Field]) -> tuple[str, ...]:
    """The names of the features in the order of the matrix: "age", "when.days", "sex"."""
    fields = ordered(fields)
    return (
        *(name for field in fields for name in field.numbers()),
        *(name for field in fields for name in field.categories()),
    )


def matrix(collected: Collected, fields: Sequence[Field], folder: Path | None = None) -> NDArray[np.float32]:
    """All rows of a table as features (N, F), made in blocks of rows.

    Args:
        collected: the table.
        fields: what its columns become.
        folder: where the matrix is put when it is too large for memory; it comes back mapped to it.

    Raises:
        DataError: if a column is missing, or holds what its field cannot take.
    """
    places, width = _places(fields)
    _refuse_missing(fields, collected.columns, collected.name)
    shape = (collected.rows, width)
    if folder is None or 0 in shape:
        features: NDArray[np.float32] = np.empty(shape, np.float32)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        features = np.memmap(folder / "matrix", np.float32, "w+", shape=shape)
    columns = [(place, *_prepared(collected, place.field)) for place in places]
    step = max(1, CELLS_AT_ONCE // max(1, width))
    for first in range(0, collected.rows, step):
        problems = Problems()
        for place, cells, encode_values in columns:
            try:
                _put(features[first : first + step], place, encode_values(cells.values[first : first + step]))
            except Misfit as misfit:
                problems.add(_named(collected.where(first + misfit.place), place.field, misfit))
        problems.raise_as(DataError, f"{collected.name} cannot be used")
    return features


def _prepared(collected: Collected, field: Field) -> tuple[Cells, Callable[[NDArray[np.float32]], Features]]:
    gathered = collected.columns[field.column]
    cells = cells_of(gathered)
    if gathered.odd.cells:
        word, row = gathered.odd.first
        raise DataError(_named(collected.where(row), field, Misfit(row, f"{_wanted(field)}, got {word!r}; mend it")))
    if cells is None:
        held = "nested values" if gathered.held == "nested" else f"more than {MOST_WORDS:,} distinct texts"
        raise DataError(f"{collected.name}: column {field.column!r}: {_wanted(field)}, got {held}; mend the column")
    return cells, encoder(field, cells)


def _wanted(field: Field) -> str:
    return {"Number": "expected numbers", "Date": "expected dates"}.get(field.name(), "expected one of several values")


def encode(
    batch: pa.RecordBatch,
    fields: Sequence[Field],
    where: Callable[[int], str],
    first: int = 0,
    blanks: Collection[str] = BLANKS,
) -> NDArray[np.float32]:
    """Raw rows as features (B, F): the same numbers that `matrix` gives for the same cells.

    Args:
        batch: the rows; its columns may stand in any order, others are ignored, and each may have any type that can
            hold what its field needs.
        fields: what the columns become.
        where: where a row stands, counted from 0.
        first: the row that the batch begins with.
        blanks: the texts that stand for a blank cell, in lower case.

    Raises:
        DataError: if columns are missing or hold what their fields cannot take; all of them at once.
    """
    places, width = _places(fields)
    names = batch.schema.names
    _refuse_missing(fields, names, where(first))
    features = np.empty((batch.num_rows, width), np.float32)
    problems = Problems()
    index = {name: place for place, name in enumerate(names)}
    if len(index) < len(names):
        _refuse_twice(fields, names, where(first))
    for place in places:
        array = batch.column(index[place.field.column])
        cells = cells_in(array, blanks)
        try:
            if cells is None:
                raise Misfit(0, f"{_wanted(place.field)}, got {array.type}; convert the column")
            _put(features, place, encoder(place.field, cells)(cells.values))
        except Misfit as misfit:
            problems.add(_named(where(first + misfit.place), place.field, misfit))
    problems.raise_as(DataError, f"{where(first)}: these rows cannot be read")
    return features


def decoded(row: NDArray[np.float32], fields: Sequence[Field]) -> tuple[str, ...]:
    """The features of a row as text, for people; "" where a cell is blank."""
    texts: dict[int, str] = {}
    for field, numbers, categories in _places(fields)[0]:
        for place, name in zip(range(numbers.start, numbers.stop), field.numbers(), strict=True):
            is_day = isinstance(field, Date) and name == f"{field.column}.days"
            texts[place] = _number_text(float(row[place]), str(row[place]), is_day)
        for place, values in zip(range(categories.start, categories.stop), field.categories().values(), strict=True):
            code = int(row[place])
            texts[place] = values[code - FIRST] if code >= FIRST else "" if code == BLANK else "(never seen)"
    return tuple(texts[place] for place in sorted(texts))


def _number_text(number: float, text: str, is_day: bool) -> str:
    if math.isnan(number):
        return ""
    if is_day:
        return str(np.datetime64(0, "D") + int(number // 1))
    return text.removesuffix(".0")


def _places(fields: Sequence[Field]) -> tuple[list[Place], int]:
    """Where each field's features stand, and how many there are in all."""
    fields = ordered(fields)
    number, category = 0, sum(len(field.numbers()) for field in fields)
    places = []
    for field in fields:
        after_number, after_category = number + len(field.numbers()), category + len(field.categories())
        places.append(Place(field, slice(number, after_number), slice(category, after_category)))
        number, category = after_number, after_category
    return places, category


def _put(features: NDArray[np.float32], place: Place, made: Features) -> None:
    numbers = len(place.field.numbers())
    features[:, place.numbers] = made[:, :numbers]
    features[:, place.categories] = made[:, numbers:]


def _named(where: str, field: Field, misfit: Misfit) -> str:
    return f"{where}: column {field.column!r}: {misfit.message}"


def _refuse_twice(fields: Sequence[Field], names: Sequence[str], where: str) -> None:
    counts, problems = Counter(names), Problems()
    for field in fields:
        if counts[field.column] > 1:
            problems.add(
                f"{where}: expected one column {field.column!r}, got {counts[field.column]}; give them unlike names"
            )
    problems.raise_as(DataError, f"{where}: columns are not unique")


def _refuse_missing(fields: Sequence[Field], names: Collection[str], where: str) -> None:
    have = set(names)
    missing = [field.column for field in fields if field.column not in have]
    if not missing:
        return
    listed = ", ".join(map(repr, missing[:MOST_NAMED]))
    more = f" and {len(missing) - MOST_NAMED:,} more" if len(missing) > MOST_NAMED else ""
    hint = did_you_mean(missing[0], list(names)[: 10 * MOST_NAMED])
    columns, are = ("columns", "are") if len(missing) > 1 else ("column", "is")
    raise DataError(f"{where}: expected the {columns} {listed}{more}, which {are} not there{hint}")
