"""Texts that are documents of sentences: how they are told apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lamina.data.text.subwords import LONGEST_WORD

TITLE = re.compile(r" ?= [^=].* = ?$")
"""The line that begins a document in WikiText; = = Parts = = of one have more signs."""

HEADING = re.compile(r" ?= .* = ?$")

SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)\s+(?=[\"“(]?[^\W\d_a-z])")
"""Between sentences: behind . ! or ?, but not behind the initial of a name, and before a capital letter."""

JOINT = re.compile(r" @([-,.])@ ")
"""A mark within a word or a number, as WikiText writes it."""

MISSING = "<unk>"
"""What WikiText writes for words that its makers left out."""

UNREADABLE = "x" * (LONGEST_WORD + 1)
"""What is no known token, whatever the vocabulary: a word longer than any that is taken apart."""


class Document(NamedTuple):
    """The sentences of a document, in order, none of them empty."""

    sentences: tuple[str, ...]

    def text(self) -> str:
        """All of it, a sentence a line."""
        return "\n".join(self.sentences)


def documents_in(pieces: Iterable[str]) -> Iterator[Document]:
    """The documents of a text.

    Where there are titles as WikiText has them (` = Robert Boulter = `), each begins a document, other headings are
    left out, and lines are paragraphs. Else blank lines stand between documents, and each line is one or more sentences
    (as in the files that BERT's program takes, which have one a line). Words that WikiText left out are unknown tokens.

    Args:
        pieces: the text, cut where lines end as far as there are any.

    >>> [each.sentences for each in documents_in(["One. Two!\\nThree.\\n\\nFour.\\n"])]
    [('One.', 'Two!', 'Three.'), ('Four.',)]
    >>> [each.sentences for each in documents_in([" = A = \\n B . C d .\\n = = E = = \\n F .\\n", " = G = \\n H .\\n"])]
    [('B .', 'C d .', 'F .'), ('H .',)]
    """
    titled: bool | None = None
    sentences = list[str]()
    for piece in pieces:
        lines = piece.splitlines()
        titled = any(map(TITLE.match, lines)) if titled is None else titled
        for line in lines:
            heading = titled and HEADING.match(line) is not None
            if (TITLE.match(line) if titled else not line.strip()) and sentences:
                yield Document(tuple(sentences))
                sentences = []
            if not heading:
                sentences += sentences_in(plain(line) if titled else line)
    if sentences:
        yield Document(tuple(sentences))


def plain(line: str) -> str:
    """A line of WikiText as other texts have it, but for what was left out.

    >>> plain("1 @,@ 400 self @-@ made men")
    '1,400 self-made men'
    """
    return JOINT.sub(r"\1", line).replace(MISSING, UNREADABLE)


def sentences_in(line: str) -> list[str]:
    """The sentences of a line.

    >>> sentences_in("By J. Smith. It is so? Yes .")
    ['By J. Smith.', 'It is so?', 'Yes .']
    """
    return [sentence for sentence in map(str.strip, SENTENCE_END.split(line)) if sentence]
