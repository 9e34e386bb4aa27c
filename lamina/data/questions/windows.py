"""Questions with their passages as rows of tokens: a long passage in windows that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from lamina.data.dataset import Column
from lamina.data.questions.squad import Question
from lamina.data.text.encoded import Encoded, ends_of
from lamina.data.text.pieces import Pieces, Spanned
from lamina.data.text.ragged import Ragged
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Span, Tokens

CONTEXT, OVERLAP = 384, 128
"""Tokens of a row, and those that two windows share, where nothing is said. Source: Devlin et al. 2019, `run_squad.py`
(which steps by 128 instead)."""

LONGEST_QUESTION = 64
"""Tokens of a question that are read. Source: as above."""

ENDS = 3
"""Tokens of a row that are none of its texts: one that begins it, one behind each text."""

NOTHING = (0, 0)
"""Where a row points that has no answer: at the token that begins it."""


class Place(NamedTuple):
    """What a row shows.

    Attributes:
        question: its number.
        first: the first token of the passage in it.
        begins: the position of the row at which that stands.
        tokens: how many of the passage follow one another there.
    """

    question: int
    first: int
    begins: int
    tokens: int


@dataclass(frozen=True)
class Windowed:
    """Rows of tokens, "<begin> question <end> part of the passage <end>", in the order of the questions.

    Attributes:
        inputs: the rows.
        target: of each row, where the answer stands and where the passage does; see `lamina.kinds.Span`.
        places: what each row shows.
        spans: of each passage, the characters that its tokens come from.
        cut: the questions of which only the first tokens are read.
        halved: those whose answer is longer than what two windows share, and whole in none.
        unread: those whose answer has no token.
    """

    inputs: Ragged = field(repr=False)
    target: Column = field(repr=False)
    places: Sequence[Place] = field(repr=False)
    spans: Sequence[NDArray[np.int64]] = field(repr=False)
    cut: int = 0
    halved: int = 0
    unread: int = 0

    def question_of_each(self) -> Int64[Tensor, " N"]:
        """The number of each row's question."""
        return torch.tensor([place.question for place in self.places], dtype=torch.int64)

    def characters(self, row: int, first: int, last: int, passage: int) -> tuple[int, int]:
        """The characters of a passage between two positions of a row, the latter's counted."""
        place, spans = self.places[row], self.spans[passage]
        begin, end = (place.first + position - place.begins for position in (first, last))
        return int(spans[begin, 0]), int(spans[end, 1])


def pieces_of(tokenizer: Tokenizer, name: str) -> Pieces:
    """What cuts texts so that it is known which characters a token comes from.

    Raises:
        DataError: if the tokenizer is none of a BERT.
    """
    if not isinstance(tokenizer.coder, Pieces):
        raise DataError(
            f"{name}: questions are answered by a net that has learned to read: name a BERT's folder that `lamina"
            " import` made with --from, or a run that began with one"
        )
    return tokenizer.coder


def check_room(context: int, overlap: int, name: str) -> None:
    """Refuse windows that do not go forward, or hold nothing of the passage.

    Raises:
        DataError: with what would do.
    """
    least = overlap + LONGEST_QUESTION + ENDS + 1
    if context < least:
        raise DataError(
            f"{name}: windows of context={context} tokens hold a question of up to {LONGEST_QUESTION}, {ENDS} that end"
            f" texts, and an overlap={overlap} of the passage: ask for a context of at least {least}, or a smaller"
            " overlap"
        )


def windows_of(
    passages: Sequence[str], questions: Sequence[Question], pieces: Pieces, context: int, overlap: int
) -> Windowed:
    """The rows of questions about passages. Every passage gives one at least.

    A row points at its answer, the commonest of several, if the whole of it is there, and else at its own beginning.

    Args:
        passages: the texts.
        questions: each names its passage.
        pieces: what cuts texts into tokens.
        context: the most tokens of a row.
        overlap: how many tokens of the passage a window shares with the one before.
    """
    read = [pieces.spanned(passage) for passage in passages]
    asked, cut = questions_as_tokens(questions, pieces)
    rows, places, targets, halved, unread = list[Any](), list[Place](), list[tuple[int, ...]](), 0, 0
    for number, (question, tokens) in enumerate(zip(questions, asked, strict=True)):
        passage, begins = read[question.passage], len(tokens) + 2
        answer = tokens_of(question, passage)
        unread += bool(question.answers) and answer is None
        room, found = context - len(tokens) - ENDS, False
        for first in starts(len(passage.tokens), room, overlap):
            part = passage.tokens[first : first + room]
            rows.append(np.concatenate([[BEGIN_TOKEN], tokens, [END_TOKEN], part, [END_TOKEN]]))
            places.append(Place(number, first, begins, len(part)))
            whole = answer is not None and first <= answer[0] and answer[1] < first + len(part)
            found = found or whole
            span = tuple(token - first + begins for token in answer) if answer and whole else NOTHING
            targets.append((*span, begins, begins + len(part) - 1))
        halved += answer is not None and not found
    flat = torch.from_numpy(np.concatenate(rows).astype(np.int32))
    inputs = Ragged(flat, Tokens(len(pieces)), offsets=torch.from_numpy(ends_of(map(len, rows))))
    target = Column(torch.tensor(targets, dtype=torch.int64), Span())
    return Windowed(inputs, target, places, [each.spans for each in read], cut, halved, unread)


def questions_as_tokens(questions: Sequence[Question], pieces: Pieces) -> tuple[list[Any], int]:
    """The first tokens of each question, and how many questions have more."""
    encoded: Encoded = pieces.encode_all([question.text for question in questions])
    rows = np.split(encoded.flat, encoded.offsets[1:-1])
    return [row[:LONGEST_QUESTION] for row in rows], sum(len(row) > LONGEST_QUESTION for row in rows)


def starts(tokens: int, room: int, overlap: int) -> range:
    """Where the windows onto so many tokens begin, each of `room` tokens at most.

    >>> list(starts(20, 10, 4)), list(starts(10, 10, 4)), list(starts(0, 10, 4))
    ([0, 6, 12], [0], [0])
    """
    return range(0, max(1, tokens - overlap), room - overlap)


def tokens_of(question: Question, passage: Spanned) -> tuple[int, int] | None:
    """The first and the last token of a question's commonest answer, the earliest of several; None if it has none.

    A token belongs to the answer if one of its characters does.
    """
    if not question.answers:
        return None
    said = list(zip(question.answers, question.starts, strict=True))
    text, start = max(said, key=said.count)
    first = int(np.searchsorted(passage.spans[:, 1], start, side="right"))
    last = int(np.searchsorted(passage.spans[:, 0], start + len(text), side="left")) - 1
    return (first, last) if first <= last else None
