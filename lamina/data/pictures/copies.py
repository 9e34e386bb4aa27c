"""Pictures that are there more than once, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.pictures.listing import counted


def about_copies(
    hashes: Int64[Tensor, " N"],
    labels: Int64[Tensor, " N"] | None,
    test: Int64[Tensor, " M"] | None,
    name_of: Callable[[int], str],
) -> list[str]:
    """What is to be said of pictures with the same pixels: copies, contradictions, and tests that were trained on.

    Args:
        hashes: of each picture's pixels.
        labels: the class of each; None where the target is no class.
        test: the rows that test, if they are given.
        name_of: what the picture of a row is called.
    """
    distinct, member = torch.unique(hashes, return_inverse=True)
    if len(distinct) == len(hashes):
        return []
    copies = len(hashes) - len(distinct)
    notes = [f"{counted(copies, 'picture is a copy', 'pictures are copies')} of others, pixel by pixel"]

    if labels is not None:
        torn = _mixed(labels, member, len(distinct))
        if torn.any():
            notes.append(
                f"{counted(int(torn.sum()), 'picture is', 'pictures are')} in two classes or more, of which one at most"
                f" is right: {_example(torn, member, labels, name_of)}"
            )
    if test is not None:
        tested = torch.zeros(len(hashes), dtype=torch.int64)
        tested[test] = 1
        both = _mixed(tested, member, len(distinct))
        if both.any():
            count = int(tested[both[member]].sum())
            which = counted(count, "picture of the test part was", "pictures of the test part were")
            notes.append(
                f"{which} also given to train on, so that the test flatters: {_example(both, member, tested, name_of)}"
            )
    return notes


def _mixed(values: Tensor, member: Tensor, groups: int) -> Tensor:
    """Which groups have unlike values."""
    ends = [
        torch.zeros(groups, dtype=torch.int64).scatter_reduce_(0, member, values, how, include_self=False)
        for how in ("amin", "amax")
    ]
    return ends[0] != ends[1]


def _example(groups: Tensor, member: Tensor, values: Tensor, name_of: Callable[[int], str]) -> str:
    """Two pictures with the same pixels and unlike values, the first there are."""
    first = groups[member].nonzero()[0, 0]
    other = ((member == member[first]) & (values != values[first])).nonzero()[0, 0]
    return f"{name_of(int(first))} and {name_of(int(other))}"
