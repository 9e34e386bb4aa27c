"""Where parts end: among groups that follow one another by class, and among times."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.errors import DataError


def by_time(dataset: Dataset, time: Tensor, rows: Tensor, shares: dict[str, float]) -> Tensor:
    """The part of each of these rows, 0 for the latest; rows of one time are in one part."""
    blank = int(time.isnan().sum())
    if blank:
        raise DataError(
            f"{dataset.name}: expected a time in every row, got {blank:,} of {len(time):,} without one; "
            "fill them or leave these rows out"
        )
    _, member, sizes = torch.unique(time[rows], return_inverse=True, return_counts=True)
    return part_of_times(dataset, sizes, shares)[member]


def ascending(time: Tensor) -> bool:
    """Whether no row is earlier than the one before it; a blank is no time."""
    return bool((time[1:] >= time[:-1]).all()) and not bool(time[:1].isnan().any())


def ranges_by_time(dataset: Dataset, time: Tensor, shares: dict[str, float]) -> list[Tensor]:
    """The rows that train, validate and test, where times ascend: what each row is need not be kept to find them."""
    _, sizes = torch.unique_consecutive(time, return_counts=True)
    part = part_of_times(dataset, sizes, shares)
    ends = sizes.cumsum(0)
    ranges = list[Tensor]()
    for number in (2, 1, 0):
        here = (part == number).nonzero().flatten()
        first, last = (ends[here[0]] - sizes[here[0]], ends[here[-1]]) if len(here) else (0, 0)
        ranges.append(torch.arange(int(first), int(last)))
    return ranges


def part_of_times(dataset: Dataset, sizes: Tensor, shares: dict[str, float]) -> Tensor:
    """The part of each time, 0 for the latest, by how many rows each has, from the earliest on."""
    parts = asked(shares)
    if len(sizes) < len(parts):
        raise DataError(
            f"{dataset.name}: expected at least {len(parts)} distinct times, one for each of {', '.join(parts)}, "
            f"got {int(sizes.sum())} examples with {len(sizes)}; split by a finer time, or without one"
        )
    if dataset.reach:
        return with_gaps(dataset, len(sizes), shares)
    one = torch.zeros_like(sizes)
    return cut(sizes.flip(0), one, torch.tensor([len(sizes)]), list(shares.values())).flip(0)


def with_gaps(dataset: Dataset, times: int, shares: dict[str, float]) -> Tensor:
    """The part of each of these times, 0 for the latest; -1 for the `reach` between two parts."""
    parts = asked(shares)
    left = times - dataset.reach * (len(parts) - 1)
    if left < len(parts):
        raise DataError(
            f"{dataset.name}: expected at least {times - left + len(parts):,} times for {', '.join(parts)}, with"
            f" {dataset.reach:,} between two of them, got {times:,}; predict less far, or bring more"
        )
    one = torch.ones(left, dtype=torch.int64)
    kept = cut(one, torch.zeros_like(one), torch.tensor([left]), list(shares.values()))
    cuts = torch.cat((kept.new_zeros(1), (kept.diff() != 0).cumsum(0)))
    part = torch.full((times,), -1)
    part[torch.arange(left) + dataset.reach * cuts] = kept
    return part.flip(0)


def cut(sizes: Tensor, class_number: Tensor, groups: Tensor, shares: list[float]) -> Tensor:
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


def asked(shares: dict[str, float]) -> list[str]:
    """The parts that must not be empty, as people list them."""
    return ["train", *reversed([name for name, share in shares.items() if share > 0])]
