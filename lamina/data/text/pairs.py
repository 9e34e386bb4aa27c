"""Pairs of texts: two columns of one file, or two files side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from lamina.data.text.files import lines
from lamina.errors import DataError, listed, shown

MOST_NAMED = 5
"""Bad lines that a message names; of further ones it tells the number."""


class Pairs(NamedTuple):
    """Pairs of texts, as they stand in their files: nothing is normalised.

    Attributes:
        sources: the first of each pair.
        targets: the second.
        notes: what was left out, a sentence each.
    """

    sources: list[str]
    targets: list[str]
    notes: tuple[str, ...]


class Line(NamedTuple):
    """A line: its two sides, or why it has none."""

    source: str = ""
    target: str = ""
    problem: str = ""


def read_pairs(source: Path, target: Path | None = None, skip_bad: int = 0) -> Pairs:
    """Pairs of texts, each in one line.

    Args:
        source: a file whose lines have a source, a tab and a target, perhaps with further columns; or, with a `target`,
            the file of the sources.
        target: the file of the targets, line by line.
        skip_bad: how many lines that are no pair are left out, and noted, before it is a mistake.

    Raises:
        DataError: naming the lines that are no pair; if two files differ in their numbers of lines; if there are none.
    """
    sources, targets, bad = list[str](), list[str](), list[str]()
    columns = _Columns(str(source))
    for line in _side_by_side(source, target) if target is not None else map(columns.line, _texts(source)):
        if line.problem:
            bad.append(line.problem)
        else:
            sources.append(line.source)
            targets.append(line.target)
    if len(bad) > skip_bad or (bad and not sources):
        raise DataError(_about_bad(str(source), bad, len(bad) + len(sources)))
    if not sources:
        raise DataError(f"{source}: expected pairs of texts, got an empty file; check the path")
    return Pairs(sources, targets, (*columns.notes(), *(f"left out: {text}" for text in _named(bad))))


class _Columns:
    """Cuts the lines of one file, which must all have as many columns as the first that has two."""

    def __init__(self, name: str) -> None:
        self.name, self.count, self.number = name, 0, 0

    def line(self, text: str | DataError) -> Line:
        self.number += 1
        where = f"{self.name}:{self.number}"
        if isinstance(text, DataError):
            return Line(problem=str(text))
        cells = text.split("\t")
        if len(cells) < 2:
            return Line(problem=f"{where}: expected '<source><TAB><target>', got {shown(text)}")
        self.count = self.count or len(cells)
        if len(cells) != self.count:
            return Line(problem=f"{where}: expected {self.count - 1} tabs as in the lines before, got {len(cells) - 1}")
        return _line(where, where, cells[0], cells[1])

    def notes(self) -> list[str]:
        further = self.count - 2
        return [f"{self.name}: {further} of {self.count} columns are not looked at"] if further > 0 else []


def _side_by_side(source: Path, target: Path) -> Iterator[Line]:
    counts = [0, 0]
    for number, pair in enumerate(zip_longest(_texts(source), _texts(target)), start=1):
        counts = [count + (text is not None) for count, text in zip(counts, pair, strict=True)]
        damaged = next((text for text in pair if isinstance(text, DataError)), None)
        if damaged is not None:
            yield Line(problem=str(damaged))
        elif counts[0] == counts[1]:
            yield _line(f"{source}:{number}", f"{target}:{number}", *map(str, pair))
    if counts[0] != counts[1]:
        raise DataError(
            f"{source} and {target}: expected as many lines in both, got {counts[0]:,} and {counts[1]:,}; "
            "line by line one must be the translation of the other"
        )


def _line(source_where: str, target_where: str, source: str, target: str) -> Line:
    if not source.strip():
        return Line(problem=f"{source_where}: expected a source, got an empty one")
    if not target.strip():
        return Line(problem=f"{target_where}: expected a target, got an empty one")
    return Line(source, target)


def _texts(path: Path) -> Iterator[str | DataError]:
    """The lines of a file as text; what is none comes as the mistake that it is."""
    for number, line in enumerate(lines(path), start=1):
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            yield DataError(f"{path}:{number}: expected UTF-8, got 0x{line[error.start]:02x}, which is none")


def _named(bad: list[str]) -> list[str]:
    more = len(bad) - MOST_NAMED
    return [*bad[:MOST_NAMED], f"{more:,} more lines that are no pair"] if more > 0 else bad


def _about_bad(name: str, bad: list[str], count: int) -> str:
    if len(bad) == count == 1:
        return bad[0]
    if len(bad) == count:
        cure = "a pair is two columns with a tab between, or a line of each of two files; a text that runs on is a .txt"
        return f"{name}: none of {count:,} lines is a pair of texts; {bad[0]}; {cure}"
    if len(bad) == 1:
        return f"{bad[0]}; mend it, or leave it out with --skip-bad 1"
    cure = f"mend them, or leave them out with --skip-bad {len(bad)}"
    return listed(_named(bad), f"{name}: {len(bad):,} of {count:,} lines are no pair of texts; {cure}")
