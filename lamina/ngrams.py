"""What a language model has to beat: how often tokens stood behind the same few tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.chance import GOLDEN, mixed_array

DISCOUNT = 0.75
"""Taken off every count and given to what was never seen; Ney, Essen and Kneser 1994 find about this for English."""


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
    def of(cls, tokens: NDArray[np.int64], vocabulary: int, order: int) -> NGrams:
        """Count a text. Of sequences the memory is what the text shows of them."""
        counts = np.bincount(tokens, minlength=vocabulary)
        orders = tuple(_counted(tokens, size) for size in range(2, order + 1) if len(tokens) >= size)
        return cls(orders, (counts + 1.0) / (len(tokens) + vocabulary))

    def nats(self, tokens: NDArray[np.int64], known: int) -> NDArray[np.float64]:
        """-ln p of each token of a text but the first `known`, which are there to look back at."""
        p = self.unigrams[tokens]
        for size, counts in enumerate(self.orders, start=2):
            if len(tokens) < size:
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
        return -np.log(p[known:])


def _keys(tokens: NDArray[np.int64], size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """A number for the first size - 1 of each sequence of `size` tokens, and one for the whole."""
    count = len(tokens) - size + 1
    context = np.zeros(count, np.uint64)
    for place in range(size - 1):
        context = _further(context, tokens[place : place + count])
    return context, _further(context, tokens[size - 1 :])


def _further(number: NDArray[np.uint64], token: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The number of a sequence with one more token; two sequences share one with probability 2^-64."""
    return mixed_array(number * np.uint64(GOLDEN) + token.astype(np.uint64) + np.uint64(1))


def _counted(tokens: NDArray[np.int64], size: int) -> Counts:
    context, sequence = _keys(tokens, size)
    unique, first, count = np.unique(sequence, return_index=True, return_counts=True)
    begins, place, kinds = np.unique(context[first], return_inverse=True, return_counts=True)
    total = np.bincount(place, weights=count).astype(np.int64)
    return Counts(unique, count, begins, total, kinds)


def _found(ordered: NDArray[np.uint64], sought: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each number stands, and whether it does."""
    at = np.minimum(np.searchsorted(ordered, sought), len(ordered) - 1)
    return at, ordered[at] == sought
