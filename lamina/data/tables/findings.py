"""What a user must be warned of before training on a table: rows that repeat, columns that give the target away."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.tables.giveaways import told
from lamina.kinds import Label

TELLS = 0.99
"""The share that a column must tell to be named: of the rows' classes, or of the target's variance."""

MOST_NAMED = 5


def findings(dataset: Dataset, columns: Collection[str], target: Sequence[str] = ()) -> list[str]:
    """What is odd about a table, a sentence each.

    Args:
        dataset: its inputs are of kind `Table`.
        columns: the names of the table's columns; its profiles will do.
        target: the names of the columns that are predicted.
    """
    if dataset.target is dataset.inputs:
        return repetitions(dataset)
    return [*repetitions(dataset), *giveaways(dataset, columns, target)]


def repetitions(dataset: Dataset) -> list[str]:
    """Rows with the inputs of another row: how many, how many with another target, and how many across a given test."""
    distinct, group, sizes = torch.unique(dataset.inputs.hashes, return_inverse=True, return_counts=True)
    rows = len(group)
    if len(distinct) == rows:
        return []
    sides = "; a split keeps them on one side" if dataset.test is None else ""
    texts = [f"{_of(rows - len(distinct), rows, 'row')} the inputs of an earlier one{sides}"]
    torn = int(sizes[_differ(dataset.target.values, group, len(distinct))].sum())
    if torn:
        texts.append(f"{torn:,} rows have the same inputs as another but another target; no model can tell these apart")
    if dataset.test is not None:
        trains = torch.ones(rows, dtype=torch.bool)
        trains[dataset.test] = False
        known = torch.zeros(len(distinct), dtype=torch.bool)
        known[group[trains]] = True
        shared = int(known[group[dataset.test]].sum())
        if shared:
            texts.append(
                f"{_of(shared, len(dataset.test), 'test row')} the inputs of a row that trains; the test flatters there"
            )
    return texts


def _of(count: int, rows: int, what: str) -> str:
    return f"{count:,} of {rows:,} {what}s {'repeats' if count == 1 else 'repeat'}"


def _differ(target: Tensor, group: Int64[Tensor, " N"], groups: int) -> Bool[Tensor, " G"]:
    """Which groups of rows have more than one target."""
    columns = target if target.dim() > 1 else target[:, None]  # (N, K)
    places = group[:, None].expand_as(columns)
    empty = columns.new_zeros(groups, columns.shape[1])
    low = empty.scatter_reduce(0, places, columns, "amin", include_self=False)
    high = empty.scatter_reduce(0, places, columns, "amax", include_self=False)
    return (low != high).any(1)


def giveaways(dataset: Dataset, columns: Collection[str], target: Sequence[str] = ()) -> list[str]:
    """Columns that alone tell nearly all of the target: often they are only known once the target is."""
    strength: dict[str, float] = {}
    for feature, share in zip(dataset.features, told(dataset), strict=True):
        # A date has several features, named after it: "sold.days".
        column = feature if feature in columns else feature.rpartition(".")[0] or feature
        strength[column] = max(strength.get(column, 0.0), share)
    found = sorted((column for column in strength if strength[column] > TELLS), key=lambda column: -strength[column])
    what = ("one of " if len(target) > 1 else "") + (", ".join(target) or "the target")
    how = "{:.1%} of rows" if isinstance(dataset.target.kind, Label) else "R2 {:.3f}"
    texts = [
        f"column {column!r} alone tells {what} ({how.format(strength[column])}); "
        f"leave it out with --kind {column}=leave if it will not be known when predicting"
        for column in found[:MOST_NAMED]
    ]
    if found[MOST_NAMED:]:
        texts.append(f"{len(found) - MOST_NAMED:,} more tell {what} alone: {', '.join(found[MOST_NAMED:])}")
    return texts
