"""The cells of a column, however they came, and the features that a field makes of them.

Training and prediction both go through here, so that the same cell gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lamina.data.tables import dates
from lamina.data.tables.fields import FALSE, TRUE, Boolean, Category, Date, Field, Number
from lamina.data.tables.gathered import Gathered
from lamina.data.tables.growth import coded
from lamina.data.tables.spelling import LEADING_ZERO, numbers_of, spelled, without_blanks
from lamina.errors import shown
from lamina.kinds import BLANK, FIRST, UNSEEN

BOOLEANS = ("false", "true")
TOO_LARGE = "expected a number up to 3.4e38"
Features = NDArray[np.float32]


class Misfit(Exception):
    """A cell that its field cannot take.

    Attributes:
        place: of the cell among those that were given.
        message: what was expected, what came, and what to do.
    """

    def __init__(self, place: int, message: str) -> None:
        self.place = place
        self.message = message
        super().__init__(message)


@dataclass(frozen=True)
class Cells:
    """The cells of a column.

    Attributes:
        values: numbers or seconds since 1970, NaN for a blank; or places in `words`, -1 for a blank.
        words: the distinct texts; None for numbers and moments.
        moments: whether the numbers are seconds since 1970.
    """

    values: NDArray[Any]
    words: Sequence[str] | None = None
    moments: bool = False


def cells_of(gathered: Gathered) -> Cells | None:
    """The cells of a column that was collected; None if they were not kept."""
    if gathered.values is None:
        return Cells(np.full(gathered.rows, math.nan)) if gathered.blanks == gathered.rows else None
    if gathered.values.dtype == np.int32:
        return Cells(gathered.values, BOOLEANS if gathered.held == "booleans" else gathered.words)
    return Cells(gathered.values, moments=gathered.values.dtype == np.float64)


def cells_in(array: pa.Array, blanks: Collection[str]) -> Cells | None:
    """The cells of a column of a batch; None if it is of a type that no field takes.

    Args:
        array: the column.
        blanks: the texts that stand for a blank cell, in lower case.
    """
    types, type_ = pa.types, array.type
    if types.is_null(type_):
        return Cells(np.full(len(array), math.nan))
    if types.is_dictionary(type_) and not _of_texts(type_.value_type):
        return cells_in(array.dictionary_decode(), blanks)
    if types.is_dictionary(type_) or _of_texts(type_):
        words, codes, _ = coded(array)
        meant = without_blanks(words, blanks)
        known = np.array([word is not None for word in meant] + [False])
        return Cells(np.where(known[codes], codes, -1), [word or "" for word in meant])
    if types.is_boolean(type_):
        return Cells(array.cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False), BOOLEANS)
    if types.is_timestamp(type_) or types.is_date(type_):
        return Cells(dates.seconds_of(array), moments=True)
    if types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_):
        # A float32 stays one: 0.1 would become another number.
        wide = array if types.is_float32(type_) else array.cast(pa.float64(), safe=False)
        return Cells(wide.to_numpy(zero_copy_only=False))
    return None


def _of_texts(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def as_words(cells: Cells, values: NDArray[Any]) -> tuple[Sequence[str], NDArray[Any]]:
    """The distinct texts that these values of the cells are written as, and the place of each value's; -1 is blank."""
    if cells.words is not None:
        return cells.words, values
    known = ~np.isnan(values)
    distinct, places = np.unique(values[known], return_inverse=True)
    codes = np.full(len(values), -1)
    codes[known] = places
    if cells.moments:
        return [dates.text(seconds) for seconds in distinct.tolist()], codes
    # A float32 means the shortest number that rounds to it: 0.1, not 0.10000000149.
    numbers = (float(str(number)) for number in distinct)
    return [spelled(number) for number in numbers], codes


def encoder(field: Field, cells: Cells) -> Callable[[NDArray[Any]], Features]:
    """What turns values of these cells into the features of `field`: its numbers and then its codes, (B, K).

    It raises `Misfit` if a cell is no number, or no date, where one is needed.
    """
    if cells.words is None:
        if isinstance(field, Number) and not cells.moments:
            return lambda values: _numbers(field, values)
        if isinstance(field, Date) and cells.moments:
            return lambda values: _apart(field, values)
        return lambda values: _looked_up(field, *as_words(cells, values))
    words = cells.words
    table = _table(field, words)
    return lambda codes: _checked(field, words, table[codes], codes)


def _looked_up(field: Field, words: Sequence[str], codes: NDArray[Any]) -> Features:
    return _checked(field, words, _table(field, words)[codes], codes)


def _table(field: Field, words: Sequence[str]) -> Features:
    """The features of each word, and of a blank in the last row, where code -1 looks."""
    if isinstance(field, Number):
        numbers = np.array((0.0, 1.0)) if words is BOOLEANS else numbers_of(words)
        return _float32(np.append(numbers, math.nan))[:, None]
    if isinstance(field, Date):
        return _apart(field, np.append(dates.moments(words, field.written), math.nan))
    code = _boolean_code if isinstance(field, Boolean) else _category_code(field, words)
    return np.array([*map(code, words), BLANK], np.float32)[:, None]


def _boolean_code(word: str) -> int:
    lower = word.lower().removesuffix(".0")
    return FIRST + 1 if lower in TRUE else FIRST if lower in FALSE else UNSEEN


def _category_code(field: Field, words: Sequence[str]) -> Callable[[str], int]:
    known = field.known if isinstance(field, Category) else ()
    codes = {value: code for code, value in enumerate(known, FIRST)}
    if all(word in codes for word in words):
        return codes.__getitem__
    # 7 and 7.0 are one number, and so are true and True one truth; that counts only where nothing is written the same.
    plain: dict[str, int] = {}
    for value, code in codes.items():
        plain[_plain(value)] = UNSEEN if _plain(value) in plain else code
    return lambda word: codes.get(word) or plain.get(_plain(word), UNSEEN)


def _plain(word: str) -> str:
    """A number or a truth as any program would write it; other words as they are."""
    if word.lower() in BOOLEANS:
        return word.lower()
    number = numbers_of([word])[0]
    return spelled(number) if math.isfinite(number) and not LEADING_ZERO.match(word) else word


def _checked(field: Field, words: Sequence[str], features: Features, codes: NDArray[Any]) -> Features:
    """The features, if every word could be read."""
    if isinstance(field, Number):
        strange = ~np.isfinite(features[:, 0]) & (codes >= 0)
    elif isinstance(field, Date):
        strange = (
            np.isnan(features[:, 0]) & (codes >= 0) if field.numbers() else (features[:, -1] == BLANK) & (codes >= 0)
        )
    else:
        return features
    if strange.any():
        place = int(strange.argmax())
        word = words[codes[place]]
        raise Misfit(place, f"{_expected(field, word)}, got {shown(word)}; mend it, or leave the cell empty")
    return features


def _expected(field: Field, word: str) -> str:
    if isinstance(field, Number):
        return "expected a number" if np.isnan(numbers_of([word])[0]) else TOO_LARGE
    written = field.written if isinstance(field, Date) else ""
    return f"expected a date like {dates.example(written)!r}"


def _numbers(field: Field, values: NDArray[Any]) -> Features:
    numbers = _float32(values)
    infinite = np.isinf(numbers)
    if infinite.any():
        place = int(infinite.argmax())
        raise Misfit(place, f"{TOO_LARGE}, got {values[place]:g}; mend it, or leave the cell empty")
    return numbers[:, None]


def _float32(values: NDArray[Any]) -> Features:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _apart(field: Date, seconds: NDArray[np.float64]) -> Features:
    """The parts of moments; NaN, or the code of a blank, where there is none."""
    parts = [part for part in field.parts if part != "weekday"]
    columns = [column for part in parts for column in dates.taken_apart(seconds, part)]
    if "weekday" in field.parts:
        (weekday,) = dates.taken_apart(seconds, "weekday")
        columns.append(np.where(np.isnan(weekday), BLANK, weekday + FIRST))
    return np.stack(columns, axis=1).astype(np.float32)
