"""What each column of a table is: a number, one of several values, a date; or nothing to learn from."""

from __future__ import annotations

import re

import numpy as np

from lamina.data.tables import dates
from lamina.data.tables.fields import FALSE, TRUE
from lamina.data.tables.gathered import MOST_ODD, Collected, Gathered
from lamina.data.tables.overruled import as_said
from lamina.data.tables.profile import Profile, commonest, histogram
from lamina.data.tables.reading import Reading
from lamina.data.tables.slips import message, odd_ones, refuse_odd
from lamina.data.tables.spelling import DRESS, UNDRESS, first_dressed, numbers_of
from lamina.data.tables.texts import MOST_WORDS, MOSTLY, mostly_numbers
from lamina.data.tables.verdict import Verdict, boolean, category, date, left_out, number
from lamina.errors import DataError, Problems, did_you_mean, nearest, shown

__all__ = ["Profile", "profiles"]

FEW = 20
"""So many values are a category in any table; and a table of no more rows has no column of ids."""

MOST_VALUES = 1_000
MOST_SHORT_VALUES = 10_000
"""Categories may have so many values if they are short, as postcodes are, and each is met ten times."""

SHORT = 30
ROWS_FOR_EACH_SHORT_VALUE = 10
MOST_LISTED = 20

YEARS_AT_MOST = 200
"""Numbers that go up by one may be years; more of them in a row are row numbers wherever they begin."""

NAMED_ID = re.compile(r"(?:.*[^a-z])?id|.*(?:user|customer|client|order|record|row|patient|case)id", re.IGNORECASE)
CAMEL_ID = re.compile(r".*[a-z0-9](?:Id|ID)")


def profiles(collected: Collected, reading: Reading) -> dict[str, Profile]:
    """What every column is, targets too, with the reason.

    Args:
        collected: the table.
        reading: what the user says of it; that overrules what is inferred.

    Raises:
        DataError: if a column cannot be what the user says, holds a few words among numbers, or is not there; all such
            columns at once.
    """
    said, problems = reading.said(), Problems()
    for name in said:
        if name not in collected.columns:
            problems.add(
                f"{collected.name}: --kind {name}={said[name]}: there is no column {name!r}{_hint(name, collected)}"
                f"{reading.in_one_piece(collected.columns)}"
            )
    found: dict[str, Profile] = {}
    for name, gathered in collected.columns.items():
        try:
            if name in said:
                verdict = as_said(collected, gathered, said[name])
            else:
                verdict = _inferred(collected, gathered, name in reading.target)
            found[name] = _profile(gathered, verdict)
        except DataError as error:
            problems.add(str(error))
    problems.raise_as(DataError, f"{collected.name}: columns that cannot be used as they are")
    return found


def _hint(name: str, collected: Collected) -> str:
    names = list(collected.columns)
    return did_you_mean(name, names) if nearest(name, names) or len(names) <= MOST_LISTED else ""


def _inferred(collected: Collected, gathered: Gathered, is_target: bool) -> Verdict:
    refuse_odd(collected, gathered, "as in other rows")
    if gathered.held == "nested":
        return left_out(f"nested ({gathered.type})")
    if not gathered.cells:
        return left_out("nothing but blanks")
    if gathered.distinct == 1 and not gathered.blanks and not is_target:
        return left_out("constant")
    if gathered.held == "numbers":
        return _of_numbers(gathered, is_target)
    if gathered.held == "moments":
        return date(gathered)
    if gathered.held == "hashes":
        return Verdict("category", "rows that share its value stay on one side of a split")
    if gathered.held == "booleans" or _reads_as_boolean(gathered):
        return boolean(gathered)
    return _of_words(collected, gathered, is_target)


def _of_numbers(gathered: Gathered, is_target: bool) -> Verdict:
    if gathered.whole and gathered.cells > FEW and not is_target:
        if gathered.steps and (gathered.low in (0, 1) or gathered.cells > YEARS_AT_MOST):
            return left_out("goes up by one from row to row, as a row number does")
        if not gathered.repeats and is_named_id(gathered.name):
            return left_out("every value is different, as an id is")
    return number(gathered)


def is_named_id(name: str) -> bool:
    """Whether a column is called an id: "id", "user_id", "PassengerId", "customerid"; but not "paid"."""
    return bool(NAMED_ID.fullmatch(name) or CAMEL_ID.fullmatch(name))


def _reads_as_boolean(gathered: Gathered) -> bool:
    words = {word.lower() for word in gathered.words[:5]}
    return len(gathered.words) <= 4 and words <= TRUE | FALSE and bool(words & TRUE) and bool(words & FALSE)


def _of_words(collected: Collected, gathered: Gathered, is_target: bool) -> Verdict:
    distinct, cells = gathered.distinct, gathered.cells
    warnings: tuple[str, ...] = ()
    if distinct is not None:
        numbers = numbers_of(gathered.words)
        if mostly_numbers(gathered.words, gathered.counts, numbers):
            strange = np.isnan(numbers)
            if strange.any() and not is_target:
                expected = "a number, as in other rows"
                raise DataError(message(collected, gathered, odd_ones(gathered, strange), expected))
            if not strange.any():
                warnings = (f"its texts are all numbers; to read them so, say --kind {gathered.name}=number",)
        warnings += _nearly_dates(collected, gathered)
    warnings += _dressed(collected, gathered)
    if not gathered.repeats and cells > FEW and not is_target and not _spaced(gathered):
        return left_out("every value is different, as an id is", warnings)
    if distinct is not None and _is_category(gathered, distinct):
        return category(gathered, tuple(sorted(gathered.words)), warnings=warnings)
    many = f"more than {MOST_WORDS:,}" if distinct is None else f"{distinct:,}"
    instead = f"--kind {shown(f'{gathered.name}=text')} reads it, and it alone"
    return Verdict("text", f"{many} distinct texts: left out; {instead}", warnings=warnings)


def _dressed(collected: Collected, gathered: Gathered) -> tuple[str, ...]:
    """A warning where nearly all texts are numbers but for separators and units."""
    place = first_dressed(gathered.words)
    if place is None:
        return ()
    where = ""
    if gathered.values is not None:
        where = f" ({collected.where(int((np.asarray(gathered.values) == place).argmax()))})"
    return (f"it looks like {DRESS}, as in {shown(gathered.words[place])}{where}; to read it as numbers, {UNDRESS}",)


def _nearly_dates(collected: Collected, gathered: Gathered) -> tuple[str, ...]:
    """A warning where all but a few words are dates."""
    written = dates.nearly(gathered.words)
    if written is None:
        return ()
    strange = np.isnan(dates.moments(gathered.words, written))
    if strange.sum() > MOST_ODD or gathered.counts[strange].sum() > (1 - MOSTLY) * gathered.cells:
        return ()
    word, row = odd_ones(gathered, strange).first
    said = f"{gathered.name}=date{written and ':' + written}"
    cure = f"mend it, or name it with --blank and say --kind {shown(said)}"
    return (f"it would read as dates, but for {shown(word)} ({collected.where(row)}); {cure}",)


def _is_category(gathered: Gathered, distinct: int) -> bool:
    if distinct <= FEW or (distinct <= MOST_VALUES and 2 * distinct <= gathered.cells):
        return True
    short = distinct <= MOST_SHORT_VALUES and gathered.length <= SHORT
    return short and gathered.cells >= ROWS_FOR_EACH_SHORT_VALUE * distinct


def _spaced(gathered: Gathered) -> bool:
    """Whether texts are several words, as they are in prose and are not in an id."""
    return gathered.spaced if gathered.values is None else any(" " in word for word in gathered.words)


def _profile(gathered: Gathered, verdict: Verdict) -> Profile:
    measured = gathered.held in ("numbers", "moments") and gathered.cells > 0
    return Profile(
        gathered.name,
        verdict.kind,
        verdict.reason,
        gathered.blanks,
        gathered.rows,
        gathered.distinct,
        low=gathered.low if measured else None,
        high=gathered.high if measured else None,
        mean=gathered.mean if measured else None,
        deviation=gathered.deviation if measured else None,
        top=commonest(gathered),
        histogram=histogram(gathered.values, gathered.low, gathered.high)
        if measured and gathered.values is not None
        else (),
        warnings=verdict.warnings,
        field=verdict.field,
    )
