"""Batches in an order that is a pure function of (seed, epoch): any step can be sought, nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.chance import generator
from lamina.data.dataset import Dataset
from lamina.kinds import Padded


class Batch(NamedTuple):
    """Examples for one update or one look.

    Attributes:
        inputs: what the net is given.
        target: what is to be predicted.
        examples: their rows in the dataset.
        epoch: how many passes over the data came before.
        position: None where examples stand alone; in streams of a long text 0 where they begin, more where they go on
            behind the batch before.
    """

    inputs: Any
    target: Any
    examples: Int64[Tensor, " B"]
    epoch: int
    position: int | None = None


@dataclass(frozen=True)
class Batches:
    """Part of a dataset, cut into batches.

    An epoch of N examples has ceil(N / size) batches whose sizes differ by one at most, so no small rest is left over.

    Attributes:
        dataset: where the examples are.
        rows: which of them, as rows of the dataset.
        size: the most examples in a batch.
        seed: what the order of each epoch follows from; None keeps the rows as they stand.
        device: where batches are wanted.
    """

    dataset: Dataset
    rows: Int64[Tensor, " N"] = field(repr=False)
    size: int
    seed: int | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def count(self) -> int:
        """The batches of an epoch."""
        return -(-len(self.rows) // self.size)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from its batch `first` on."""
        order = self.rows
        if self.seed is not None:
            order = order[torch.randperm(len(order), generator=generator(self.seed, "order", number))]
        if not len(order):
            return
        for rows in order.tensor_split(self.count)[first:]:
            yield self.gather(rows, number)

    def from_step(self, step: int) -> Iterator[Batch]:
        """The batches of all epochs without end, beginning with the one that update number `step` (from 0) takes."""
        epoch, first = divmod(step, self.count)
        while True:
            yield from self.epoch(epoch, first)
            epoch, first = epoch + 1, 0

    def gather(self, rows: Int64[Tensor, " B"], epoch: int = 0) -> Batch:
        """The batch of these rows."""
        data = self.dataset
        kept_on = data.target.values.device
        there = rows if kept_on == rows.device else rows.to(kept_on)
        inputs: Tensor | Padded = data.inputs.gather(there)
        target: Tensor | Padded = inputs if data.target is data.inputs else data.target.gather(there)
        if kept_on != self.device:
            inputs, target = moved(inputs, self.device), moved(target, self.device)
        return Batch(inputs, target, rows, epoch)


def moved(x: Any, device: torch.device) -> Any:
    """What flows, or several of them, on another device."""
    if isinstance(x, Padded):
        return Padded(x.values.to(device), x.visible.to(device))
    return x.to(device) if isinstance(x, Tensor) else tuple(moved(column, device) for column in x)
