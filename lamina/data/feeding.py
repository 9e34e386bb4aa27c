"""Which batches a dataset is fed in: rows that stand alone, rows of unequal length, or one long text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.batches import Batch, Batches
from lamina.data.dataset import Dataset
from lamina.kinds import Image, Kind, Sequence, Tokens

LOOK_ROWS = 1024
"""Most examples in a batch that is only looked at: for statistics, and for evaluation."""

MOST_NUMBERS = 2**22
"""In a batch of pictures that is only looked at: the layers of a net make some twenty times as many."""

LOOK_TOKENS = 2**14
"""Positions in a batch that is only looked at: each may have the logits of a vocabulary."""

LOOK_STREAMS = 16
"""Streams that a text is looked at in: few, as each begins without knowing what came before."""


class Feed(Protocol):
    """Batches in an order that is a pure function of (seed, epoch)."""

    @property
    def count(self) -> int:
        """The batches of an epoch."""

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from its batch `first` on."""

    def from_step(self, step: int) -> Iterator[Batch]:
        """The batches of all epochs without end, beginning with the one that update number `step` (from 0) takes."""


def training_feed(
    dataset: Dataset,
    rows: Int64[Tensor, " N"],
    size: int,
    tokens: int | None,
    seed: int,
    device: torch.device,
    carried: bool,
) -> Feed:
    """The batches that a net learns from.

    Args:
        dataset: where the examples are.
        rows: which of them train.
        size: the most examples in a batch; the streams of a text, where states are carried.
        tokens: the most positions in a batch, where examples are of unequal length; None for no limit.
        seed: of the order.
        device: where batches are wanted.
        carried: whether the batches of a long text go on where those before ended.
    """
    from lamina.data.text.buckets import Buckets
    from lamina.data.text.packed import Documents, Packed
    from lamina.data.text.ragged import Ragged, Windows
    from lamina.data.text.running import ShiftedWindows, Streams

    if isinstance(dataset.inputs, Windows):
        return (Streams if carried else ShiftedWindows)(dataset, rows, size, seed, device)
    if isinstance(dataset.inputs, Documents):
        return Packed(dataset, rows, size, seed, device)
    if isinstance(dataset.inputs, Ragged):
        return Buckets(dataset, rows, size, tokens, seed, device)
    return Batches(dataset, rows, size, seed, device)


def looking_feed(
    dataset: Dataset, rows: Int64[Tensor, " N"], device: torch.device, carried: bool, most: int = LOOK_ROWS
) -> Feed:
    """Batches to be looked at, in the order of the rows or, where they are of unequal length, of that."""
    from lamina.data.text.buckets import Buckets
    from lamina.data.text.packed import Documents, Packed
    from lamina.data.text.ragged import Ragged, Windows
    from lamina.data.text.running import ShiftedWindows, Streams

    if isinstance(dataset.inputs, Windows):
        if carried:
            return Streams(dataset, rows, min(LOOK_STREAMS, max(1, len(rows))), None, device)
        return ShiftedWindows(dataset, rows, max(1, min(most, LOOK_TOKENS // dataset.inputs.length)), None, device)
    if isinstance(dataset.inputs, Documents):
        return Packed(dataset, rows, max(1, min(most, LOOK_TOKENS // dataset.inputs.length)), None, device)
    if isinstance(dataset.inputs, Ragged):
        return Buckets(dataset, rows, most, LOOK_TOKENS, None, device)
    return Batches(dataset, rows, min(most, rows_at_once(dataset.inputs.kind)), None, device)


def rows_at_once(given: Kind, most: int = 4096) -> int:
    """How many examples are looked at together, so that they fit in memory however large one is."""
    if isinstance(given, Image):
        return max(1, min(most, MOST_NUMBERS // math.prod((given.channels, given.height, given.width))))
    return min(most, 256) if isinstance(given, Tokens | Sequence) else most
