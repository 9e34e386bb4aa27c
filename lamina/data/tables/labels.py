"""The cells of a target as classes, or as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables.fields import FALSE, TRUE
from lamina.data.tables.gathered import Gathered
from lamina.data.tables.spelling import DRESS, UNDRESS, dressed, first_dressed, numbers_of, spelled
from lamina.errors import SHOWN_CHARACTERS, DataError, nearest, shown

MOST_LISTED = 20
TRUTHS = ("false", "true")
"""The classes of a target that spells true and false in more than two ways."""


@dataclass(frozen=True)
class Asked:
    """A column that is to be predicted.

    Attributes:
        table: what the user called the table.
        cells: of the column.
        row_at: where a row stands.
    """

    table: str
    cells: Gathered
    row_at: Callable[[int], str]

    @property
    def name(self) -> str:
        return self.cells.name

    @property
    def where(self) -> str:
        """Leads messages about the whole column."""
        return f"{self.table}: target {self.name!r}"

    def at(self, row: int) -> str:
        """Leads messages about a cell."""
        return f"{self.row_at(row)}: target {self.name!r}"

    @property
    def values(self) -> NDArray[Any]:
        """Numbers, or the places of words.

        Raises:
            DataError: if the column has no such values.
        """
        if self.cells.held == "nothing":
            raise DataError(f"{self.where}: expected values, got {self.cells.rows:,} blank cells; name another column")
        if self.cells.held == "nested":
            raise DataError(
                f"{self.where}: expected numbers or texts, got cells of type {shown(self.cells.type)}; "
                "name another column"
            )
        if self.cells.held == "moments":
            raise DataError(
                f"{self.where}: expected numbers or classes, got dates; "
                "add a column with what is to be known of them, such as the days until then, and name that"
            )
        if self.cells.values is None:
            raise DataError(
                f"{self.where}: expected numbers or classes, got texts of which almost every one is another; "
                "name another column"
            )
        return self.cells.values

    @property
    def numeric(self) -> bool:
        return self.cells.held == "numbers"


@dataclass(frozen=True)
class Classes:
    """The class of each row.

    Attributes:
        names: of the classes, by number.
        numbers: of the class of each row; -1 where the cell is blank.
        notes: what was read as something else.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.int64]
    notes: list[str]


def as_classes(asked: Asked, known: tuple[str, ...] | None = None) -> Classes:
    """The cells as classes: the known ones, else all that occur, sorted, as numbers where all are numbers.

    A label that differs from a known class only by a trailing dot, spaces or capitals is read as that.

    Raises:
        DataError: if a label is not among the known classes.
    """
    codes, words = _coded(asked)
    used = np.unique(codes[codes >= 0]).tolist()
    names = in_order(words[code] for code in used) if known is None else known
    if known is None and len(names) > 2 and are_truths(names):
        known = names = TRUTHS
    numbers = {name: number for number, name in enumerate(names)}
    respelled = {} if known is None else _respelled({words[code] for code in used} - set(known), known)
    strange = [code for code in used if words[code] not in numbers and words[code] not in respelled]
    if strange:
        _refuse(asked, np.isin(codes, strange), codes, words, names)
    place = np.full(len(words) + 1, -1, dtype=np.int64)  # the last is where the code of a blank, -1, looks
    place[used] = [numbers[respelled.get(words[code], words[code])] for code in used]
    notes = []
    if respelled:
        rows = int(np.isin(codes, [code for code in used if words[code] in respelled]).sum())
        first = next(words[code] for code in used if words[code] in respelled)
        notes.append(
            f"target {asked.name}: {rows:,} rows spell their class otherwise, as in {shown(first)}, "
            f"which is read as {shown(respelled[first])}"
        )
    return Classes(names, place[codes], notes)


def as_numbers(asked: Asked) -> NDArray[np.float64]:
    """The cells as numbers, NaN where they are blank.

    Raises:
        DataError: if a cell is a text that spells no number.
    """
    if asked.numeric:
        if asked.cells.odd.cells:
            raise _no_number(asked, *asked.cells.odd.first, asked.cells.odd.cells)
        return asked.values.astype(np.float64, copy=False)
    refuse_dressed(asked)
    codes, words = _coded(asked)
    numbers = _numbers_of(words)
    odd = np.isin(codes, np.flatnonzero(np.isnan(numbers)))
    if odd.any():
        row = int(odd.argmax())
        raise _no_number(asked, words[codes[row]], row, int(odd.sum()))
    return np.append(numbers, np.nan)[codes]  # the last is where the code of a blank, -1, looks


def _no_number(asked: Asked, word: str, row: int, count: int) -> DataError:
    if dressed(word):
        return _dressed(asked, asked.at(row), word, count)
    return DataError(
        f"{asked.at(row)}: expected a number, got {shown(word)}{_such_rows(count)}; mend it, "
        f"`--blank {word[:SHOWN_CHARACTERS]}` to leave it out, or --kind {asked.name}=category to predict classes"
    )


def refuse_dressed(asked: Asked) -> None:
    """Refuse texts that are numbers but for separators and units.

    Raises:
        DataError: if nearly all words are.
    """
    words = asked.cells.words
    place = first_dressed(words) if asked.cells.held == "words" else None
    if place is None:
        return
    if asked.cells.values is None:
        raise _dressed(asked, asked.where, words[place], 1)
    row = int((np.asarray(asked.cells.values) == place).argmax())
    raise _dressed(asked, asked.at(row), words[place], 1)


def _dressed(asked: Asked, where: str, word: str, count: int) -> DataError:
    return DataError(
        f"{where}: expected a number, got {shown(word)}{_such_rows(count)}; this looks like {DRESS}: {UNDRESS}, or "
        f"--kind {asked.name}=category to predict classes"
    )


def share_of_numbers(asked: Asked) -> float:
    """The share of the cells that spell a number, of those that are not blank."""
    if asked.numeric:
        return 1.0
    codes, words = _coded(asked)
    numbers = np.isin(codes, np.flatnonzero(~np.isnan(_numbers_of(words))))
    return float(numbers.sum() / max(1, (codes >= 0).sum()))


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes sorted: by what they spell where all are numbers, so that 2 stands before 10."""
    distinct = sorted(set(names))
    numbers = numbers_of(distinct)
    order = range(len(distinct)) if np.isnan(numbers).any() else np.argsort(numbers, kind="stable").tolist()
    return tuple(distinct[place] for place in order)


def number_text(value: float) -> str:
    """A number as the name of a class: the shortest text that means it, "2" for 2.0 and "0.1" for 0.1."""
    return spelled(value)


def _numbers_of(words: Sequence[str]) -> NDArray[np.float64]:
    """The number that each word spells; NaN where it spells none, or one that float32 cannot hold."""
    numbers = numbers_of(words)
    numbers[np.abs(numbers) > np.finfo(np.float32).max] = np.nan
    return numbers


def _coded(asked: Asked) -> tuple[NDArray[np.int64], Sequence[str]]:
    """The cells as codes into words, -1 where they are blank."""
    values = asked.values
    if not asked.numeric:
        return values.astype(np.int64), asked.cells.words
    visible = ~np.isnan(values)
    distinct, inverse = np.unique(values[visible], return_inverse=True)
    codes = np.full(len(values), -1, dtype=np.int64)
    codes[visible] = inverse
    return codes, [number_text(value) for value in distinct.tolist()]


def are_truths(words: Iterable[str]) -> bool:
    """Whether words spell true and false, and nothing else."""
    lower = {word.lower() for word in words}
    return lower <= TRUE | FALSE and bool(lower & TRUE) and bool(lower & FALSE)


def _respelled(strange: Iterable[str], known: tuple[str, ...]) -> dict[str, str]:
    """The known class that each strange label stands for, of those that stand for just one."""
    if known == TRUTHS:
        return {label: TRUTHS[label.lower() in TRUE] for label in strange if are_truths((label, *TRUTHS))}
    by_core: dict[str, set[str]] = {}
    for name in known:
        by_core.setdefault(_core(name), set()).add(name)
    meant = {label: by_core.get(_core(label), set()) for label in strange}
    return {label: next(iter(names)) for label, names in meant.items() if len(names) == 1}


def _core(label: str) -> str:
    """What of a label tells it from others; "1.0" is "1"."""
    text = label.strip().removesuffix(".").strip().casefold()
    number = float(numbers_of([text])[0])
    return spelled(number) if math.isfinite(number) else text


def _refuse(
    asked: Asked, strange: NDArray[np.bool_], codes: NDArray[np.int64], words: Sequence[str], known: tuple[str, ...]
) -> None:
    row = int(strange.argmax())
    label = words[codes[row]]
    close = nearest(label, known)
    hint = f"did you mean {close!r}?" if close is not None else f"there are: {listed_names(known)}"
    raise DataError(
        f"{asked.at(row)}: expected one of the {len(known):,} classes that are known, "
        f"got {shown(label)}{_such_rows(int(strange.sum()))}; {hint}"
    )


def _such_rows(count: int) -> str:
    return f" ({count:,} such rows)" if count > 1 else ""


def listed_names(names: Sequence[str]) -> str:
    """Names for a message, the first twenty of them."""
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more
