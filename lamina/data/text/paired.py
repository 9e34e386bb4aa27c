"""Texts of which something is to be told, one by one or in pairs, as rows of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from lamina.data.text.encoded import Encoded, begun, beside, closed, shortened
from lamina.data.text.load import cut_short, ended
from lamina.data.text.ragged import Ragged
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.kinds import Tokens

Said: TypeAlias = str | tuple[str, str]
"""A text, or a pair of texts."""


class Kept(NamedTuple):
    """How many tokens of each text of pairs are read."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]


def are_pairs(texts: Sequence[Said]) -> bool:
    """Whether these are pairs of texts."""
    return bool(texts) and not isinstance(texts[0], str)


def one_by_one(texts: Sequence[Said]) -> Iterator[str]:
    """Each text by itself, those of a pair one after the other."""
    for said in texts:
        yield from (said,) if isinstance(said, str) else said


def rows_of(
    texts: Sequence[Said],
    tokenizer: Tokenizer,
    identity: Int64[Tensor, " N"] | None = None,
    longest: int | None = None,
) -> Ragged:
    """The tokens of texts as `ended` has them; of pairs "<begin> one <end> other <end>".

    <begin> is left out where the tokenizer begins no texts. A RoBERTa, which knows no segments, has two <end> between.
    Source: Devlin et al. 2019, section 3 and figure 4a; Liu et al. 2019, in their program.

    Args:
        texts: all single, or all pairs.
        tokenizer: what makes tokens.
        identity: a hash of each.
        longest: the most tokens of a row; a pair is cut by `fitting`. None for no limit.

    Raises:
        DataError: if no two tokens of a pair fit.
    """
    if not are_pairs(texts):
        return ended([str(text) for text in texts], tokenizer, identity, longest)
    one, other = sides(texts, tokenizer)
    if longest is not None:
        kept = fitting(np.diff(one.offsets), np.diff(other.offsets), room_of(tokenizer, longest))
        one, other = shortened(one, kept.one), shortened(other, kept.other)
    one = begun(one) if tokenizer.begins else one
    row = beside(closed(one, ends_between(tokenizer)), closed(other))
    flat, offsets = (torch.from_numpy(part) for part in row)
    return Ragged(flat, Tokens(len(tokenizer)), offsets=offsets, identity=identity)


def sides(texts: Sequence[Said], tokenizer: Tokenizer) -> tuple[Encoded, Encoded]:
    """The tokens of the first texts of pairs, and of the second."""
    return tokenizer.encode_all([text[0] for text in texts]), tokenizer.encode_all([text[1] for text in texts])


def ends_between(tokenizer: Tokenizer) -> int:
    """How many tokens end the first text of a pair."""
    return 2 if tokenizer.how == "roberta" else 1


def room_of(tokenizer: Tokenizer, longest: int) -> int:
    """The tokens of two texts that a row of so many has beside those that begin and end them.

    Raises:
        DataError: if that is no token of each.
    """
    ends = tokenizer.begins + ends_between(tokenizer) + 1
    if longest < ends + 2:
        raise DataError(
            f"a pair of texts needs a context of at least {ends + 2} tokens, {ends} of which begin and end texts, got"
            f" context={longest}; ask for more"
        )
    return longest - ends


def fitting(one: NDArray[np.int64], other: NDArray[np.int64], room: int) -> Kept:
    """How many tokens of each text are read, so that both together have no more than `room`.

    Of the longer the last token is left out until they fit, of equal ones that of the second. Source: Devlin et al.
    2019, `_truncate_seq_pair` in their `run_classifier.py`.

    >>> fitting(np.array([9, 2, 9, 3]), np.array([2, 9, 9, 3]), 7)
    Kept(one=array([5, 2, 4, 3]), other=array([2, 5, 3, 3]))
    """
    first = np.minimum(one, np.maximum(room - other, room - room // 2))
    return Kept(first, np.minimum(other, room - first))


def shortened_of(texts: Sequence[Said], tokenizer: Tokenizer, longest: int) -> int:
    """How many rows have more tokens than so many, those that begin and end texts counted."""
    if not are_pairs(texts):
        return cut_short([str(text) for text in texts], tokenizer, longest)
    one, other = sides(texts, tokenizer)
    return int((np.diff(one.offsets) + np.diff(other.offsets) > room_of(tokenizer, longest)).sum())
