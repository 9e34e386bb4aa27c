"""Files of tagged sentences: a word and its tag in a line, a blank line behind each sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from lamina.data.text.files import lines
from lamina.errors import DataError, listed, shown

DOCUMENT = "-DOCSTART-"
"""A line of the CoNLL files that begins a document; it is no sentence."""

MOST_NAMED = 5
OUTSIDE = "O"
PLACES = ("B", "I", "E", "S")
"""What stands before the type of a span: where it begins, goes on, ends; and for a span of one word."""


class Sentences(NamedTuple):
    """Words with their tags.

    Attributes:
        words: of each sentence.
        tags: of each word; empty lists where they were not asked for.
    """

    words: list[list[str]]
    tags: list[list[str]]

    def followed_by(self, other: Sentences) -> Sentences:
        """These sentences and then others."""
        return Sentences([*self.words, *other.words], [*self.tags, *other.tags])


def read_tagged(path: Path, tagged: bool = True) -> Sentences:
    """Sentences from a file in two columns or more, cut at tabs where a line has some, else at blanks.

    The first column is the word and the last its tag, as in the files of the CoNLL tasks (Tjong Kim Sang and De Meulder
    2003, section 2.1); columns between are not looked at.

    Args:
        path: in UTF-8, perhaps packed.
        tagged: whether tags are asked for.

    Raises:
        DataError: naming the lines that are no word with a tag; if there are no sentences.
    """
    found, bad = Sentences([], []), list[str]()
    words, tags = list[str](), list[str]()
    for number, line in enumerate(chain(lines(path), [b""]), start=1):
        cells = _cells(line)
        if cells is None or (tagged and cells and not (len(cells) > 1 and cells[0] and cells[-1])):
            bad.append(f"{path}:{number}: expected '<word> <tag>' in UTF-8, got {shown(line.decode(errors='replace'))}")
        elif cells and cells[0] != DOCUMENT:
            words.append(cells[0])
            tags += [cells[-1]] if tagged else []
        elif words:
            found.words.append(words)
            found.tags.append(tags)
            words, tags = [], []
    if bad:
        more = [f"{len(bad) - MOST_NAMED:,} more lines"] if len(bad) > MOST_NAMED else []
        raise DataError(listed([*bad[:MOST_NAMED], *more], f"{path}: not every line has a word and its tag"))
    if not found.words:
        raise DataError(f"{path}: expected sentences, a word and its tag in each line, got none; check the path")
    return found


def _cells(line: bytes) -> list[str] | None:
    """The columns of a line, none if it is blank; None if it is no text."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None
    if not text.strip():
        return []
    return [cell.strip() for cell in text.split("\t")] if "\t" in text else text.split()


def classes_of(tags: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The tags that occur, "O" first and the others in order."""
    return tuple(sorted({tag for some in tags for tag in some}, key=lambda tag: (tag != OUTSIDE, tag)))


def roles_of(classes: Sequence[str]) -> tuple[int, ...]:
    """What each tag says of a span, as `lamina.kinds.Tags` has it; () if one of them says nothing of any.

    >>> roles_of(["O", "B-PER", "I-PER", "I-LOC"]), roles_of(["NOUN", "VERB"])
    ((0, 5, 6, 2), ())
    """
    marks = [tag for tag in classes if tag != OUTSIDE]
    if not marks or not all(tag[:1] in PLACES and tag[1:2] == "-" and tag[2:] for tag in marks):
        return ()
    types = sorted({tag[2:] for tag in marks})
    return tuple(0 if tag == OUTSIDE else 4 * types.index(tag[2:]) + PLACES.index(tag[0]) + 1 for tag in classes)


def sentences_in(texts: Sequence[str | Sequence[str]]) -> Iterator[list[str]]:
    """The words of sentences that come as texts, cut at blanks, or as words."""
    for text in texts:
        words = text.split() if isinstance(text, str) else list(text)
        if not all(isinstance(word, str) and word for word in words):
            raise DataError(f"expected sentences as texts or as lists of words, got {shown(text)}")
        yield words
