"""Sentences that come as words, as tokens; and which token each word begins at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.text.encoded import Encoded
from lamina.data.text.ragged import Ragged
from lamina.data.text.tokenizer import Tokenizer
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN, Padded, Tokens

SPACED = ("bpe", "unigram", "roberta")
"""Tokenizers for which a word within a text begins with its blank."""

NO_WORD = -1


@dataclass(frozen=True)
class AtWords(Ragged):
    """Rows of numbers of which those below 0 stand for no word: what they show is visible where a word begins."""

    def gather(self, index: Int64[Tensor, " B"]) -> Padded:  # type: ignore[override]  # rows of unequal length
        found = super().gather(index)
        here = found.visible & (found.values > NO_WORD)
        return Padded(found.values.masked_fill(~here, 0), here)


class Worded(NamedTuple):
    """Rows of tokens. A sentence of more tokens than may be in one is several.

    Attributes:
        tokens: what a net is given.
        word: at the first token of each word its number, counted over all sentences, else `NO_WORD`.
        sentence: the sentence of each row.
    """

    tokens: Ragged
    word: Int64[Tensor, " N"]
    sentence: Int64[Tensor, " R"]


def worded(sentences: Sequence[Sequence[str]], tokenizer: Tokenizer, longest: int) -> Worded:
    """The tokens of sentences, word by word, with what begins and ends a text around each row.

    Args:
        sentences: none of them empty.
        tokenizer: what makes tokens of words.
        longest: the most tokens of a row, both ends counted. Only a word that is longer itself loses some.
    """
    flat, offsets = tokens_of_words(sentences, tokenizer)
    room = max(1, longest - 1 - tokenizer.begins)
    begin = [BEGIN_TOKEN] if tokenizer.begins else []
    tokens, words, ends, rows = list[int](), list[int](), [0], list[int]()
    for row, first, last in parted([len(sentence) for sentence in sentences], np.diff(offsets).tolist(), room):
        inner = flat[offsets[first] : offsets[last]][:room]
        marks = np.full(len(inner), NO_WORD)
        marks[offsets[first:last] - offsets[first]] = np.arange(first, last)
        tokens += [*begin, *inner.tolist(), END_TOKEN]
        words += [*([NO_WORD] * len(begin)), *marks.tolist(), NO_WORD]
        ends.append(len(tokens))
        rows.append(row)
    values = torch.tensor(tokens, dtype=torch.int32)
    column = Ragged(values, Tokens(len(tokenizer)), offsets=torch.tensor(ends))
    return Worded(column, torch.tensor(words), torch.tensor(rows))


def tokens_of_words(sentences: Sequence[Sequence[str]], tokenizer: Tokenizer) -> Encoded:
    """The tokens of all words, and where each word begins; a word of none is unknown."""
    blank = " " if tokenizer.how in SPACED else ""
    spelled = [blank * (place > 0) + word for sentence in sentences for place, word in enumerate(sentence)]
    flat, offsets = tokenizer.encode_all(spelled)
    empty = np.diff(offsets) == 0
    filled: np.ndarray[Any, Any] = np.insert(flat, offsets[:-1][empty], UNKNOWN_TOKEN)
    return Encoded(filled, offsets + np.concatenate([[0], np.cumsum(empty)]))


def parted(words: Sequence[int], tokens: Sequence[int], room: int) -> Iterator[tuple[int, int, int]]:
    """Runs of words that have room in a row: the sentence, the first word, and the one behind the last.

    >>> list(parted([3, 1], [2, 2, 1, 9], 4))
    [(0, 0, 2), (0, 2, 3), (1, 3, 4)]
    """
    first = 0
    for sentence, count in enumerate(words):
        last, size = first, 0
        for word in range(first, first + count):
            if word > last and size + tokens[word] > room:
                yield sentence, last, word
                last, size = word, 0
            size += tokens[word]
        first += count
        yield sentence, last, first
