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

AT_ONCE = 2**18
"""Tokens that are counted together."""

MOST_HELD = 2**21
"""Sequences that are held while a text is looked through: 20 bytes each, and as much again while some are added."""


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
        """Count a text, some of it at a time: the memory is what the text shows that is sought.

        Args:
            tokens: the text.
            vocabulary: V.
            order: the length of the longest sequences.
            sought: a text that alone will be asked about: what it does not show is counted, but not kept, which
                changes none of its probabilities. None for any text.
        """
        counts = np.zeros(vocabulary, np.int64)
        for part in _cut(tokens, 1):
            counts += np.bincount(part, minlength=vocabulary)
        asked = tokens if sought is None else sought
        orders = tuple(_counted(tokens, size, asked) for size in range(2, order + 1) if len(tokens) >= size)
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
            count = np.zeros(len(sequence), np.int64)
            count[shown] = counts.count[there[shown]]
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


class Held(NamedTuple):
    """Sequences in order, how often each occurs, and the place of what each begins with among the contexts."""

    sequence: NDArray[np.uint64]
    often: NDArray[np.int64]
    context: NDArray[np.int32]


def _counted(tokens: NDArray[np.integer], size: int, sought: NDArray[np.integer]) -> Counts:
    """The sequences of a text that another shows, and what of it stands behind what the other shows."""
    context, sequence = _asked(sought, size)
    total, kinds = np.zeros((2, len(context)), np.int64)
    count = np.zeros(len(sequence), np.int64)
    for held in _ranges(tokens, size, context):
        np.add.at(total, held.context, held.often)
        np.add.at(kinds, held.context, 1)
        at, there = _found(held.sequence, sequence)
        count[there] = held.often[at[there]]
    seen, shown = total > 0, count > 0
    return Counts(sequence[shown], count[shown], context[seen], total[seen], kinds[seen])


def _asked(tokens: NDArray[np.integer], size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The numbers of what sequences of `size` tokens begin with, in order, and those of the sequences."""
    contexts, sequences = np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    for part in _cut(tokens, size):
        begins, whole = _keys(part, size)
        contexts, sequences = np.union1d(contexts, begins), np.union1d(sequences, whole)
    return contexts, sequences


def _ranges(tokens: NDArray[np.integer], size: int, context: NDArray[np.uint64]) -> Iterator[Held]:
    """The sequences of a text that begin with one of these, by ranges of their numbers, of which each fits in memory.

    The text is looked through once for each range: a range is halved whenever more than `MOST_HELD` are in it.
    """
    low, high = np.uint64(0), None
    while True:
        held = Held(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int32))
        for part in _cut(tokens, size):
            begins, whole = _keys(part, size)
            inside = whole >= low if high is None else (whole >= low) & (whole < high)
            held = _with(held, begins[inside], whole[inside], context)
            if len(held.sequence) > MOST_HELD:
                half = len(held.sequence) // 2
                high = held.sequence[half]
                held = Held(held.sequence[:half].copy(), held.often[:half].copy(), held.context[:half].copy())
        yield held
        if high is None:
            return
        low, high = high, None


def _with(held: Held, begins: NDArray[np.uint64], whole: NDArray[np.uint64], context: NDArray[np.uint64]) -> Held:
    """What is held, and the sequences of one more part of a text that begin with one of the contexts."""
    at, there = _found(context, begins)
    sequence, first, count = np.unique(whole[there], return_index=True, return_counts=True)
    place, known = _found(held.sequence, sequence)
    held.often[place[known]] += count[known]
    new = ~known
    added = Held(sequence[new], count[new], at[there][first[new]].astype(np.int32))
    before = np.searchsorted(held.sequence, added.sequence)
    return Held(
        np.insert(held.sequence, before, added.sequence),
        np.insert(held.often, before, added.often),
        np.insert(held.context, before, added.context),
    )


def _found(ordered: NDArray[np.uint64], sought: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each number stands, and whether it does."""
    if not len(ordered):
        return np.zeros(len(sought), np.int64), np.zeros(len(sought), np.bool_)
    at = np.minimum(np.searchsorted(ordered, sought), len(ordered) - 1)
    return at, ordered[at] == sought
