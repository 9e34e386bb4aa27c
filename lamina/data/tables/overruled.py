"""Columns that are what the user says, if they can be."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables import dates
from lamina.data.tables.cells import as_words, cells_of
from lamina.data.tables.fields import FALSE, TRUE, Text, unwritable
from lamina.data.tables.gathered import Collected, Gathered
from lamina.data.tables.slips import message, odd_ones, refuse_odd
from lamina.data.tables.spelling import numbers_of
from lamina.data.tables.texts import MOST_WORDS
from lamina.data.tables.verdict import Verdict, boolean, category, date, left_out, number
from lamina.errors import DataError

SAID = "as you said"
HELD = {"numbers": "numbers", "words": "texts", "booleans": "true and false", "moments": "dates"}


def as_said(collected: Collected, gathered: Gathered, said: str) -> Verdict:
    """The verdict that the user has given.

    Raises:
        DataError: if the column cannot be that.
    """
    kind, _, written = said.partition(":")
    if kind == "leave":
        return left_out(SAID)
    if kind == "text":
        return Verdict("text", SAID, Text(gathered.name))
    why = unwritable(written)
    if why is not None:
        way = f"a way that dates are written, such as %Y-%m-%d, got {written!r}: {why}"
        raise DataError(f"{collected.name}: --kind {gathered.name}={said}: expected {way}")
    refuse_odd(collected, gathered, SAID)
    if gathered.held == "nested":
        _refuse(collected, gathered, f"a {kind}", f"{gathered.type}; make it a column of plain values")
    if not gathered.cells:
        return left_out("nothing but blanks")
    if kind == "number":
        return _number(collected, gathered)
    if kind == "date":
        return _date(collected, gathered, written)
    return _boolean(collected, gathered) if kind == "boolean" else _category(collected, gathered)


def _number(collected: Collected, gathered: Gathered) -> Verdict:
    if gathered.held in ("numbers", "booleans"):
        return number(gathered, SAID)
    if gathered.held == "words" and gathered.values is not None:
        strange = np.isnan(numbers_of(gathered.words))
        _refuse_words(collected, gathered, strange, f"a number, {SAID}")
        return number(gathered, SAID)
    return _refuse(collected, gathered, "numbers", f"{HELD[gathered.held]}; leave out that --kind")


def _category(collected: Collected, gathered: Gathered) -> Verdict:
    cells = cells_of(gathered)
    if cells is None:
        _refuse(collected, gathered, "one of several values", f"more than {MOST_WORDS:,} of them; leave it out")
    words, _ = as_words(cells, np.asarray(cells.values))
    return category(gathered, tuple(sorted(words)), SAID)


def _boolean(collected: Collected, gathered: Gathered) -> Verdict:
    cells = cells_of(gathered)
    if cells is None:
        _refuse(
            collected, gathered, "true and false", f"more than {MOST_WORDS:,} distinct texts; leave out that --kind"
        )
    words, _ = as_words(cells, np.asarray(cells.values))
    strange = np.array([word.lower() not in TRUE | FALSE for word in words])
    if gathered.held == "words":
        _refuse_words(collected, gathered, strange, f"true or false, {SAID}")
    elif strange.any():
        came = f"{HELD[gathered.held]} such as {words[int(strange.argmax())]}"
        _refuse(collected, gathered, "true and false", f"{came}; leave out that --kind")
    return boolean(gathered, SAID)


def _date(collected: Collected, gathered: Gathered, written: str) -> Verdict:
    if gathered.held == "moments":
        return date(gathered, SAID)
    if gathered.held == "words" and gathered.values is not None:
        strange = np.isnan(dates.moments(gathered.words, written))
        _refuse_words(collected, gathered, strange, f"a date like {dates.example(written)}, {SAID}")
    came = f"{HELD[gathered.held]}; say how they are written, as in --kind {gathered.name}=date:%d/%m/%Y"
    return _refuse(collected, gathered, "dates", came)


def _refuse(collected: Collected, gathered: Gathered, expected: str, came: str) -> NoReturn:
    raise DataError(f"{collected.name}: column {gathered.name!r}: expected {expected}, {SAID}, got {came}")


def _refuse_words(collected: Collected, gathered: Gathered, strange: NDArray[np.bool_], expected: str) -> None:
    if strange.any():
        raise DataError(message(collected, gathered, odd_ones(gathered, strange), expected))
