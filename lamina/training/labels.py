"""Few labels: those rows of the training part whose labels are used, where it has more."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.chance import key, mixed
from lamina.data.dataset import Dataset
from lamina.data.text.ragged import Windows
from lamina.errors import DataError
from lamina.kinds import Label


def labelled(dataset: Dataset, rows: Int64[Tensor, " N"], count: int, seed: int = 0) -> Int64[Tensor, " M"]:
    """So many of the rows that train, each class by its share.

    The rows of a class are put in the order of a hash of their input and the seed; row r of the n of its class, from 0,
    stands at (r + ½) / n, and those that stand lowest are taken. So fewer are always among more, the order of the rows
    does not matter, and the share of no class is off by more than a row or so. What is no label is one class.

    Args:
        dataset: where they are.
        rows: those that train, ascending.
        count: how many are taken.
        seed: another one takes others.

    Raises:
        DataError: if there are not so many, or the data are one long text.

    Example:
        >>> from lamina.data.named import load
        >>> digits = load("digits")
        >>> taken = labelled(digits, torch.arange(1797), 10)
        >>> sorted(digits.target.values[taken].tolist())
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    if isinstance(dataset.inputs, Windows):
        raise DataError(
            f"labels={count} takes examples with a label each, but {dataset.name} is one long text; leave it out"
        )
    if count > len(rows):
        raise DataError(f"labels must be at most the {len(rows):,} rows that train, got labels={count}")
    order = rows[mixed(dataset.inputs.hashes[rows] ^ key("labels", seed)).argsort(stable=True)]
    label = isinstance(dataset.target.kind, Label)
    classes = dataset.target.values[order] if label else torch.zeros_like(order)
    order, classes = order[by_class := classes.argsort(stable=True)], classes[by_class]
    _, member, sizes = torch.unique_consecutive(classes, return_inverse=True, return_counts=True)
    place = torch.arange(len(order)) - (sizes.cumsum(0) - sizes)[member]
    stands = (place.double() + 0.5) / sizes[member]
    return order[stands.argsort(stable=True)[:count]].sort().values
