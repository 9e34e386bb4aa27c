"""Which examples train, validate and test: a pure function of what the examples are, not of where they stand."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.chance import key, mixed
from lamina.data.dataset import Dataset
from lamina.errors import DataError
from lamina.kinds import Label


class Parts(NamedTuple):
    """The rows of each part, ascending."""

    train: Int64[Tensor, " N"]
    valid: Int64[Tensor, " N"]
    test: Int64[Tensor, " N"]


def split(dataset: Dataset, valid: float = 0.1, test: float = 0.2, seed: int = 0) -> Parts:
    """Cut a data set into parts that share no input.

    The examples of each class are put in the order of a hash of their input and the seed, and cut there. So equal
    inputs fall on one side, the order of the rows does not matter, and each class has its share of every part. A class
    with fewer distinct inputs than there are parts only trains.

    Args:
        dataset: if it comes with test rows, these are the test part, and `valid` is a share of the others.
        valid: share of the examples that validates; 0 for none.
        test: share of the examples that tests; 0 for none. Without effect where the test rows are given.
        seed: another seed cuts elsewhere.

    Raises:
        DataError: if the shares leave nothing to train on, or there are too few distinct examples.

    >>> from lamina.data.named import load
    >>> [len(part) for part in split(load("digits"))]
    [1258, 180, 359]
    """
    rows = torch.arange(len(dataset))
    if dataset.test is not None:
        given = torch.zeros(len(dataset), dtype=torch.bool)
        given[dataset.test] = True
        rows, test_rows, test = rows[~given], rows[given], 0.0
    if not (0 <= valid < 1 and 0 <= test < 1 and valid + test < 1):
        raise DataError(
            f"{dataset.name}: expected shares of at least 0 that leave something to train on, "
            f"got valid={valid}, test={test}; try valid=0.1, test=0.2"
        )
    part = _dealt(dataset, rows, [test, valid], seed)
    if dataset.test is None:
        test_rows = rows[part == 0]
    return Parts(train=rows[part == 2], valid=rows[part == 1], test=test_rows)


def _dealt(dataset: Dataset, rows: Tensor, shares: list[float], seed: int) -> Tensor:
    """The part of each of these rows: 0 for the first share, 1 for the second, ..., and last for what remains."""
    # Equal inputs are one group, and a group is dealt as a whole.
    distinct, group, sizes = torch.unique(dataset.inputs.hashes[rows], return_inverse=True, return_counts=True)
    label = torch.zeros_like(distinct)
    if isinstance(dataset.target.kind, Label):
        # Equal inputs of unlike classes go with the lowest: some class must be chosen, whatever the order of rows.
        label.scatter_reduce_(0, group, dataset.target.values[rows], "amin", include_self=False)
    order = mixed(distinct ^ key("split", seed)).argsort()
    order = order[label[order].argsort(stable=True)]
    _, class_number, groups = torch.unique_consecutive(label[order], return_inverse=True, return_counts=True)
    if not (groups >= 1 + sum(share > 0 for share in shares)).any():
        raise DataError(_too_small(dataset, len(rows), len(distinct), shares))
    part = torch.empty_like(distinct)
    part[order] = _cut(sizes[order], class_number, groups, shares)
    return part[group]


def _cut(sizes: Tensor, class_number: Tensor, groups: Tensor, shares: list[float]) -> Tensor:
    """The part of each group, where the groups of a class follow one another.

    A group belongs to the share in which its middle example lies; then each part is seen to have one group at least.
    """
    first = groups.cumsum(0) - groups  # of each class
    before = sizes.cumsum(0) - sizes
    before = before - before[first][class_number]
    examples = torch.zeros_like(groups).index_add_(0, class_number, sizes)
    middle = (before + sizes / 2.0) / examples[class_number]
    place = torch.arange(len(sizes)) - first[class_number]
    asked = [share > 0 for share in shares]
    enough = groups > sum(asked)
    part = torch.zeros_like(sizes)
    edge, taken = 0.0, torch.zeros_like(groups)
    for number, share in enumerate(shares):
        edge += share
        below = torch.zeros_like(groups).index_add_(0, class_number, (middle < edge).long())
        still_to_come = 1 + sum(asked[number + 1 :])
        taken = torch.minimum(torch.maximum(below, taken + asked[number]), groups - still_to_come) * enough
        part += place >= taken[class_number]
    return part


def _too_small(dataset: Dataset, examples: int, distinct: int, shares: list[float]) -> str:
    parts = [name for name, share in zip(("test", "valid"), shares, strict=True) if share > 0] + ["train"]
    of_a_class = " of one class" if dataset.classes else ""
    return (
        f"{dataset.name}: expected at least {len(parts)} distinct inputs{of_a_class}, one for each of "
        f"{', '.join(reversed(parts))}, got {examples} examples with {distinct} distinct inputs; add examples"
        + ("; if the target is a quantity and no class, give it as floats" if dataset.classes else "")
    )


def fingerprint(dataset: Dataset) -> str:
    """16 hex digits that depend on all inputs and targets, their order, their kinds and the test rows."""
    columns = (dataset.inputs, dataset.target)
    kinds = [f"{column.kind} {column.values.dtype} {column.scale}" for column in columns]
    digest = hashlib.blake2b("\x1f".join([*kinds, *dataset.classes]).encode(), digest_size=8)
    for column in columns:
        digest.update(column.hashes.numpy().tobytes())
    if dataset.test is not None:
        digest.update(dataset.test.numpy().tobytes())
    return digest.hexdigest()
