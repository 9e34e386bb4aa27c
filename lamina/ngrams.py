"""What a language model has to beat: how often tokens stood behind the same few tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.chance import GOLDEN, mixed_array

DISCOUNT = 0.75
"""Taken off every count and given to what was never seen; Ney, Essen and Kneser 1994 find about this for English."""

AT_ONCE = 2**20
"""Tokens that are counted together."""


class Tallied(NamedTuple):
    """Different sequences in order, what each begins with, and how often it occurs."""

    sequence: NDArray[np.uint64]
    context: NDArray[np.uint64]
    times: NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """How often each sequence of n tokens occurs, by a 64-bit number for each, and what followed its first n - 1.

    Attributes:
        sequence, count: the sequences in order, and how often each occurs.
        context, total, kinds: of what they begin with: how often it occurs, and with how many different followers.
    """

    sequence: NDArray[np.uint64]
    count: NDArray[np.int64]
    context: NDArray[np.uint64]
    total: NDArray[np.int64]
    kinds: NDArray[np.int64]


@dataclass(frozen=True)
class NGrams:
    """p_n(x | c) = max(N(c x) - d, 0) / N(c) + d K(c) / N(c) p_n-1(x | c without its first), K(c) the followers of c.

    Interpolated absolute discounting (Ney, Essen and Kneser 1994, section 3), down to p_1(x) = (N(x) + 1) / (N + V).

    Attributes:
        orders: the counts of sequences of 2, 3, ... tokens.
        unigrams: p_1.
    """

    orders: tuple[Counts, ...]
    unigrams: NDArray[np.float64]

    @classmethod
    def of(
        cls, tokens: NDArray[np.integer], vocabulary: int, order: int, sought: NDArray[np.integer] | None = None
    ) -> NGrams:
        """Count a text, some of it at a time: the memory is what sequences the text shows.

        Args:
            tokens: the text.
            vocabulary: V.
            order: the length of the longest sequences.
            sought: a text that alone will be asked about: what does not follow anything that it shows is left out,
                which changes none of its probabilities. None for any text.
        """
        counts = np.zeros(vocabulary, np.int64)
        for part in _cut(tokens, 1):
            counts += np.bincount(part, minlength=vocabulary)
        orders = tuple(_counted(tokens, size, sought) for size in range(2, order + 1) if len(tokens) >= size)
        return cls(orders, (counts + 1.0) / (len(tokens) + vocabulary))

    def nats(self, tokens: NDArray[np.integer], known: int) -> NDArray[np.float64]:
        """-ln p of each token of a text but the first `known`, which are there to look back at."""
        back = len(self.orders)
        parts = [
            self._nats(tokens[max(0, first - back) : first + AT_ONCE])[min(first, back) :]
            for first in range(known, len(tokens), AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _nats(self, tokens: NDArray[np.integer]) -> NDArray[np.float64]:
        p: NDArray[np.float64] = self.unigrams[tokens]
        for size, counts in enumerate(self.orders, start=2):
            if len(tokens) < size or not len(counts.context):  # then no longer one was seen either
                break
            context, sequence = _keys(tokens, size)
            at, seen = _found(counts.context, context)
            total = np.where(seen, counts.total[at], 1)
            kinds = np.where(seen, counts.kinds[at], 0)
            there, shown = _found(counts.sequence, sequence)
            count = np.where(shown, counts.count[there], 0)
            shorter = p[size - 1 :]
            longer = (np.maximum(count - DISCOUNT, 0) + DISCOUNT * kinds * shorter) / total
            p = np.concatenate((p[: size - 1], np.where(seen, longer, shorter)))
        nats: NDArray[np.float64] = -np.log(p)
        return nats


def _cut(tokens: NDArray[np.integer], size: int) -> Iterator[NDArray[np.integer]]:
    """A text in parts, so that each sequence of `size` tokens lies in one of them."""
    for first in range(0, len(tokens) - size + 1, AT_ONCE):
        yield tokens[first : first + AT_ONCE + size - 1]


def _keys(tokens: NDArray[np.integer], size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """A number for the first size - 1 of each sequence of `size` tokens, and one for the whole."""
    count = len(tokens) - size + 1
    context = np.zeros(count, np.uint64)
    for place in range(size - 1):
        context = _further(context, tokens[place : place + count])
    return context, _further(context, tokens[size - 1 :])


def _further(number: NDArray[np.uint64], token: NDArray[np.integer]) -> NDArray[np.uint64]:
    """The number of a sequence with one more token; two sequences share one with probability 2^-64."""
    return mixed_array(number * np.uint64(GOLDEN) + token.astype(np.uint64) + np.uint64(1))


def _counted(tokens: NDArray[np.integer], size: int, sought: NDArray[np.integer] | None) -> Counts:
    asked = None if sought is None else _contexts(sought, size)
    # Put together as soon as they are as many as what was put together before: so few more are held than there are.
    found, further = list[Tallied](), 0
    for part in _cut(tokens, size):
        found.append(_counted_part(part, size, asked))
        further += len(found[-1].sequence)
        if further >= len(found[0].sequence):
            found, further = [_together(found)], 0
    sequence, context, count = _together(found)
    begins, place, kinds = np.unique(context, return_inverse=True, return_counts=True)
    total = np.bincount(place, weights=count).astype(np.int64)
    return Counts(sequence, count, begins, total, kinds)


def _together(parts: list[Tallied]) -> Tallied:
    """What is tallied of several parts, as one."""
    if len(parts) == 1:
        return parts[0]
    sequence, context, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    unique, first, place = np.unique(sequence, return_index=True, return_inverse=True)
    return Tallied(unique, context[first], np.bincount(place, weights=count).astype(np.int64))


def _contexts(tokens: NDArray[np.integer], size: int) -> NDArray[np.uint64]:
    """The numbers of what sequences of `size` tokens begin with, in order."""
    found = [np.unique(_keys(part, size)[0]) for part in _cut(tokens, size)]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)


def _counted_part(tokens: NDArray[np.integer], size: int, asked: NDArray[np.uint64] | None) -> Tallied:
    """The sequences of a part of a text that are asked for."""
    context, sequence = _keys(tokens, size)
    if asked is not None:
        there = _found(asked, context)[1]
        context, sequence = context[there], sequence[there]
    unique, first, count = np.unique(sequence, return_index=True, return_counts=True)
    return Tallied(unique, context[first], count)


def _found(ordered: NDArray[np.uint64], sought: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each number stands, and whether it does."""
    if not len(ordered):
        return np.zeros(len(sought), np.int64), np.zeros(len(sought), np.bool_)
    at = np.minimum(np.searchsorted(ordered, sought), len(ordered) - 1)
    return at, ordered[at] == sought
