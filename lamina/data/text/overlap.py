"""How much of a text that validates or tests also trains: there a measure flatters, and that must be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from lamina.data.text.apart import MEASURED, Laid, apart
from lamina.data.text.pairs_apart import text_hash
from lamina.data.text.reading import TextReading

TOLD = 0.1
"""The share of a text from which on it is said: short lines, such as who speaks, come again in any book."""


def about_shared_lines(laid: Laid, reading: TextReading) -> list[str]:
    """How much of the files beside a text that runs on stands in lines that also train, a sentence for each file."""
    spans = {"valid": (laid.edges[0], laid.edges[1]), "test": (laid.edges[1], None)}
    notes = list[str]()
    for part, (first, last) in spans.items():
        share = 0.0
        if apart(reading, part):
            share = share_that_trains(laid.text.pieces(first, last), laid.text.pieces(0, laid.edges[0]))
        if share >= TOLD:
            flatters = "tells nothing of new text" if share == 1 else "flatters there"
            notes.append(f"{share:.0%} of the {part} file are lines that also train; the {MEASURED[part]} {flatters}")
    return notes


def share_that_trains(late: Iterable[str], trains: Iterable[str]) -> float:
    """The share of a text, by characters, that stands in lines which are also lines of another text."""
    lengths = Counter[int]()
    for line in lines_of(late):
        lengths[text_hash(line)] += len(line)
    whole, shared = lengths.total(), 0
    for line in lines_of(trains):
        shared += lengths.pop(text_hash(line), 0)
    return shared / max(1, whole)


def lines_of(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text in pieces, that are not blank; a piece without an end of a line is one."""
    for piece in pieces:
        yield from (line.strip() for line in piece.split("\n") if line and not line.isspace())
