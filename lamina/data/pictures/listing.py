"""What pictures there are, and what is to be predicted of each: the outcome of looking at a folder or a list."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Column, Part

MOST_NAMED = 10
DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Listing:
    """Pictures before they are decoded.

    Attributes:
        name: what the user called them.
        root: the folder that holds them, or their list.
        paths: their files, in the order of the rows.
        target: what is to be predicted of each.
        classes: the names of the classes, by number; empty for values.
        test: the rows set aside for testing, if those who made the set did so.
        notes: what was found and decided, a sentence each.
        parts: where there are several targets, what each is.
    """

    name: str
    root: Path
    paths: tuple[Path, ...]
    target: Column
    classes: tuple[str, ...]
    test: Int64[Tensor, " M"] | None
    notes: tuple[str, ...]
    parts: tuple[Part, ...] = ()

    def short(self, place: int) -> str:
        """A picture by its place, as its path from the root."""
        path = self.paths[place]
        return written(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


def written(path: Path) -> str:
    """A path as a text that can be written anywhere: of a name that is no UTF-8 the odd bytes become \\xff."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def natural(name: str) -> tuple[list[str | int], str]:
    """What names are sorted by so that "2" stands before "10": texts and numbers in turn, then the name as it is."""
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(DIGITS.split(name))], name


def some(names: Sequence[str] | Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def counted(count: int, one: str, several: str | None = None) -> str:
    """A number with its noun: '1 picture', '3 classes'."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
