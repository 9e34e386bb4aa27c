"""Batches of rows of unequal length: rows of like length side by side, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.chance import generator
from lamina.data.batches import Batch, Batches
from lamina.data.dataset import Dataset
from lamina.data.text.ragged import Ragged
from lamina.errors import DataError

RUNG = 4
"""Rows change places in each epoch if their inputs differ by less in length, and their targets not at all."""


class Layout(NamedTuple):
    """How an epoch is cut, which follows from the lengths alone.

    Attributes:
        rows: them, sorted.
        rung: of each, a number: rows that share it may change places.
        sizes: of the batches, in this order.
    """

    rows: Int64[Tensor, " N"]
    rung: Int64[Tensor, " N"]
    sizes: list[int]


@dataclass(frozen=True)
class Buckets:
    """Batches with a budget of positions: rows x padded length <= tokens, in the longer of the two sides.

    Rows are sorted by the length of their target, then of their input, and cut there, so an epoch always has the same
    count of batches. Which rows of like length share a batch is drawn for each epoch, and so is the order of the
    batches. Without a seed everything is sorted, the shortest first.

    Source: Vaswani et al. 2017, section 5.1 (batches by the number of tokens).

    Attributes:
        dataset: where the examples are; its input is `Ragged`, or its target, or both.
        rows: which of them, as rows of the dataset.
        size: the most rows in a batch.
        tokens: the budget; None for no limit. A row that is longer than it stands alone.
        seed: what the draws of each epoch follow from; None for none.
        device: where batches are wanted.

    Raises:
        DataError: if all rows are of one length by their kind.
    """

    dataset: Dataset
    rows: Int64[Tensor, " N"] = field(repr=False)
    size: int
    tokens: int | None = None
    seed: int | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        if not self.sides:
            raise DataError(f"{self.dataset.name}: expected rows of unequal length, got {self.dataset.inputs.kind}")

    @property
    def sides(self) -> list[Ragged]:
        """What is of unequal length, the target first."""
        return [side for side in (self.dataset.target, self.dataset.inputs) if isinstance(side, Ragged)]

    @property
    def count(self) -> int:
        """The batches of an epoch."""
        return len(self.layout.sizes)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from its batch `first` on."""
        rows, rung, sizes = self.layout
        order = torch.arange(self.count)
        if self.seed is not None:
            draw = generator(self.seed, "order", number)
            shuffled = torch.randperm(len(rows), generator=draw)
            rows = rows[shuffled[rung[shuffled].argsort(stable=True)]]
            order = torch.randperm(self.count, generator=draw)
        batches = torch.split(rows, sizes)
        for batch in order[first:].tolist():
            yield self.gather(batches[batch], number)

    def from_step(self, step: int) -> Iterator[Batch]:
        """The batches of all epochs without end, beginning with the one that update number `step` (from 0) takes."""
        epoch, first = divmod(step, self.count)
        while True:
            yield from self.epoch(epoch, first)
            epoch, first = epoch + 1, 0

    def gather(self, rows: Int64[Tensor, " B"], epoch: int = 0) -> Batch:
        """The batch of these rows."""
        return Batches(self.dataset, self.rows, self.size, self.seed, self.device).gather(rows, epoch)

    def efficiency(self) -> float:
        """The share of what a net computes that is no padding, over both sides; rows of like length as they stand."""
        real, padded = 0, 0
        for rows in torch.split(self.layout.rows, self.layout.sizes):
            for side in self.sides:
                lengths = side.lengths[rows]
                real, padded = real + int(lengths.sum()), padded + len(rows) * int(lengths.max())
        return real / max(1, padded)

    @cached_property
    def layout(self) -> Layout:
        """How each epoch is cut."""
        lengths = torch.stack([side.lengths[self.rows] for side in self.sides], 1)  # (N, 2), or (N, 1)
        # What may stand in a row's place is at most as long as the top of its rung.
        tops = lengths if len(self.sides) == 1 else lengths + (-lengths) % torch.tensor([1, RUNG])
        # Inputs grow while targets have an even length and shrink while it is odd: no leap where the target's changes.
        turned = torch.where(tops[:, 0] % 2 == 0, tops[:, -1], -tops[:, -1])
        order = turned.argsort(stable=True)
        order = order[tops[order, 0].argsort(stable=True)]
        _, rung = torch.unique_consecutive(tops[order], dim=0, return_inverse=True)
        return Layout(self.rows[order], rung, self._cut(tops[order].amax(1).tolist()))

    def _cut(self, lengths: list[int]) -> list[int]:
        """The sizes of batches of rows of these lengths, each as large as may be."""
        sizes, rows, longest = list[int](), 0, 0
        for length in lengths:
            longer = max(longest, length)
            too_much = self.tokens is not None and (rows + 1) * longer > self.tokens
            if rows and (too_much or rows == self.size):
                sizes.append(rows)
                rows, longer = 0, length
            rows, longest = rows + 1, longer
        return [*sizes, rows] if rows else sizes
