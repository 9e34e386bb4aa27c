"""Texts that validate and test from files of their own, beside the text that trains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.split import Parts
from lamina.data.text.plain import Plain, read_plain
from lamina.data.text.reading import TextReading
from lamina.errors import DataError

PARTS = ("train", "valid", "test")
"""The parts in the order of their times: 0, 1 and 2."""

MEASURED = {"valid": "validation", "test": "test"}
"""The parts that may be in files of their own, and what is done with each."""


class Written(Protocol):
    """A text of any size."""

    @property
    def characters(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def digest(self) -> str: ...

    def pieces(self, first: int = 0, last: int | None = None) -> Iterator[str]:
        """The text between two characters, in pieces of bounded size."""


class Span(NamedTuple):
    """The characters of a text from `first` to before `last`."""

    text: Plain
    first: int
    last: int


@dataclass(frozen=True)
class Joined:
    """Spans of texts, one behind another, as one text."""

    spans: tuple[Span, ...]

    @cached_property
    def characters(self) -> int:
        return sum(last - first for _, first, last in self.spans)

    @cached_property
    def size(self) -> int:
        return sum({text.path: text.size for text, _, _ in self.spans}.values())

    @cached_property
    def digest(self) -> str:
        said = repr([(text.digest, first, last) for text, first, last in self.spans])
        return blake2b(said.encode(), digest_size=16).hexdigest()

    def pieces(self, first: int = 0, last: int | None = None) -> Iterator[str]:
        begins = 0
        for text, start, stop in self.spans:
            low, high = max(first - begins, 0), stop - start if last is None else min(last - begins, stop - start)
            if low < high:
                yield from text.pieces(start + low, start + high)
            begins += stop - start


class Laid(NamedTuple):
    """A text with what validates behind what trains, and what tests behind that.

    Attributes:
        text: all of it.
        edges: the characters at which the latter two begin.
        parts: those of the three that must not be empty.
    """

    text: Written
    edges: list[int]
    parts: tuple[str, ...]


def laid_out(text: Plain, reading: TextReading, valid: float, test: float) -> Laid:
    """A text with the files that validate and test, or, where there are none, with shares of its end in their place."""
    valid, test = 0.0 if reading.valid else valid, 0.0 if reading.test else test
    own = [round(text.characters * (1 - valid - test)), round(text.characters * (1 - test))]
    shares = dict(zip(PARTS, (1.0, valid, test), strict=True))
    parts = tuple(part for part in PARTS if shares[part] or apart(reading, part))
    if not (reading.valid or reading.test):
        return Laid(text, own, parts)
    spans = [Span(text, 0, own[0])]
    for part, first, last in (("valid", own[0], own[1]), ("test", own[1], text.characters)):
        files = apart(reading, part)
        spans += [Span(one, 0, one.characters) for one in map(read_plain, map(Path, files))]
        spans += [] if files else [Span(text, first, last)]
    edges = list(accumulate(last - first for _, first, last in spans))
    return Laid(Joined(tuple(spans)), edges[:2], parts)


def apart(reading: TextReading, part: str) -> tuple[str, ...]:
    """The files of a part, if it is in files of its own."""
    return {"valid": reading.valid, "test": reading.test}.get(part, ())


def check_files(name: str, reading: TextReading, count: int) -> None:
    """See that what validates and tests comes in as many files as what trains.

    Raises:
        DataError: naming the part.
    """
    for part in ("valid", "test"):
        files = apart(reading, part)
        if files and len(files) != count:
            raise DataError(
                f"{name} is {'one file' if count == 1 else 'two files'}, but {part} {len(files)}: {', '.join(files)};"
                f" name {'one file' if count == 1 else f'the sources and the targets, --{part} A --{part} B'}"
            )


def shares_of(dataset: Dataset) -> dict[str, float]:
    """The shares that cut a dataset just where its parts end, if they are in files of their own; empty otherwise."""
    text = dataset.text
    if text is None or dataset.time is None or not (text.reading.valid or text.reading.test):
        return {}
    return {
        part: int((dataset.time == number).sum()) / len(dataset.time) for number, part in enumerate(PARTS) if number
    }


def parts_in(time: Tensor) -> Parts:
    """The rows of each part, by the part of each row."""
    return Parts(*((time == number).nonzero().flatten() for number in range(len(PARTS))))


def times(train: int, valid: Tensor, test: Tensor, more: dict[str, int]) -> Tensor:
    """The part of each of so many rows, by the rows that do not train, and of the rows of files behind them."""
    time = torch.zeros(train, dtype=torch.float64)
    time[valid], time[test] = 1.0, 2.0
    return torch.cat((time, *(time.new_full((more.get(part, 0),), PARTS.index(part)) for part in ("valid", "test"))))


def about_shared(part: str, what: str, shared: int, whole: int) -> list[str]:
    """How much of the file of a part also trains: a sentence, or none.

    >>> about_shared("test", "sources", 3, 17)
    ['3 of 17 sources of the test file also train; the test flatters there']
    """
    if not shared:
        return []
    if shared == whole:
        return [f"all {whole:,} {what} of the {part} file also train; the {MEASURED[part]} tells nothing of new ones"]
    return [f"{shared:,} of {whole:,} {what} of the {part} file also train; the {MEASURED[part]} flatters there"]
