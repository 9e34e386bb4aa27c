"""Which examples train, validate and test: a pure function of what the examples are, not of where they stand."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.chance import key, mixed
from lamina.data.cut import ascending, asked, by_time, cut, ranges_by_time
from lamina.data.dataset import Dataset
from lamina.errors import DataError
from lamina.kinds import Label

ROWS_AT_ONCE = 2**16
"""So many times or groups are made bytes together."""


class Parts(NamedTuple):
    """The rows of each part, ascending."""

    train: Int64[Tensor, " N"]
    valid: Int64[Tensor, " N"]
    test: Int64[Tensor, " N"]


def split(
    dataset: Dataset,
    valid: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    fold: int | None = None,
    folds: int | None = None,
) -> Parts:
    """Cut a data set into parts that share no input, or no group, or no time.

    The examples of each class are put in the order of a hash of their input and the seed, and cut there. So equal
    inputs fall on one side, the order of the rows does not matter, and each class has its share of every part. A class
    with fewer distinct inputs than there are parts only trains.

    Where the rows have a `group`, groups are dealt in place of inputs. A group goes with the class that most of its
    rows have, argmax_c #{i in group: y_i = c}, the lowest of several. Classes with fewer groups than there are parts
    are dealt together: if that is all of them, the order is the hash's alone.

    Where they have a `time`, nothing is drawn: max time(train) < min time(valid), max time(valid) < min time(test). As
    many times as what is predicted may `reach` further are in no part where one ends.

    Fold k of K tests each input (or group) whose place, by class, then size, then hash, is k modulo K; `valid` is a
    share of the others. So the K test parts are disjoint, together everything, and alike in their classes.

    Source: Geisser 1975 (cross-validation), Kohavi 1995 (by class), Roberts et al. 2017 (groups and times: parts that
    share them measure too well), López de Prado 2018, section 7.4.1 (times that are left out between parts).

    Args:
        dataset: if it comes with test rows, these are the test part, and `valid` is a share of the others.
        valid: share of the examples that validates; 0 for none.
        test: share of the examples that tests; 0 for none. Without effect where the test rows are given, or in folds.
        seed: another seed cuts elsewhere. Without effect where time cuts.
        fold: which fold tests, from 0; with `folds` only.
        folds: K, at least 2.

    Raises:
        DataError: if the shares leave nothing to train on; if there are too few distinct inputs, groups or times; if
            given test rows share a group with others, or are no later; if folds are asked of data that has none.

    >>> from lamina.data.named import load
    >>> [len(part) for part in split(load("digits"))]
    [1258, 180, 359]
    >>> [len(part) for part in split(load("digits"), fold=0, folds=5)]
    [1294, 143, 360]
    """
    testing = torch.zeros(len(dataset), dtype=torch.bool)
    if dataset.test is not None:
        testing[dataset.test] = True
        test = 0.0
    if fold is not None or folds is not None:
        testing = _folded(dataset, seed, *_checked(dataset, fold, folds))
        test = 0.0
    if not (0 <= valid < 1 and 0 <= test < 1 and valid + test < 1):
        raise DataError(
            f"{dataset.name}: expected shares of at least 0 that leave something to train on, "
            f"got valid={valid}, test={test}; try valid=0.1, test=0.2"
        )
    shares = {"test": test, "valid": valid}
    if dataset.time is not None and dataset.group is None and not testing.any() and ascending(dataset.time):
        return Parts(*ranges_by_time(dataset, dataset.time, shares))
    rows = torch.arange(len(dataset))
    others = rows[~testing]
    part = torch.zeros_like(rows)
    if dataset.time is None:
        part[others] = _dealt(dataset, others, shares, seed)
    elif dataset.group is None:
        part[others] = by_time(dataset, dataset.time, others, shares)
    else:
        raise DataError(f"{dataset.name}: expected a group or a time to split by, got both; leave one of them out")
    parts = Parts(train=rows[part == 2], valid=rows[part == 1], test=rows[part == 0])
    if dataset.test is not None:
        _check_apart(dataset, testing)
    return parts


class Lots(NamedTuple):
    """What is dealt, each as a whole: distinct inputs, or groups.

    Attributes:
        number: what the hash of each is taken of.
        sizes: how many rows each has.
        label: the class that each goes with.
        member: of each row, which of them it belongs to.
    """

    number: Int64[Tensor, " G"]
    sizes: Int64[Tensor, " G"]
    label: Int64[Tensor, " G"]
    member: Int64[Tensor, " N"]

    def ordered(self, seed: int, by_size: bool = False) -> Tensor:
        """Them by class, in a class by size if asked, then by hash."""
        order = mixed(self.number ^ key("split", seed)).argsort()
        if by_size:
            order = order[self.sizes[order].argsort(stable=True, descending=True)]
        return order[self.label[order].argsort(stable=True)]


def _lots(dataset: Dataset, rows: Tensor, least: int) -> Lots:
    """What is dealt of these rows. Classes of fewer than `least` groups become one."""
    numbers = dataset.inputs.hashes if dataset.group is None else dataset.group
    number, member, sizes = torch.unique(numbers[rows], return_inverse=True, return_counts=True)
    label = torch.zeros_like(number)
    if isinstance(dataset.target.kind, Label):
        target, classes = dataset.target.values[rows], dataset.target.kind.classes
        if dataset.group is None:
            # Equal inputs of unlike classes go with the lowest: some class must be chosen, whatever the order of rows.
            label.scatter_reduce_(0, member, target, "amin", include_self=False)
        else:
            label = _commonest(member, target, len(number), classes)
            few = label.bincount(minlength=classes) < least
            label = label.masked_fill(few[label], classes)
    return Lots(number, sizes, label, member)


def _commonest(member: Tensor, target: Tensor, groups: int, classes: int) -> Tensor:
    """The class that most rows of each group have, the lowest of several."""
    pair, count = torch.unique(member * classes + target, return_counts=True)
    # One number to compare: a larger count wins, then a lower class.
    rank = count * classes + (classes - 1 - pair % classes)
    best = torch.zeros(groups, dtype=torch.int64).scatter_reduce_(0, pair // classes, rank, "amax")
    return classes - 1 - best % classes


def _dealt(dataset: Dataset, rows: Tensor, shares: dict[str, float], seed: int) -> Tensor:
    """The part of each of these rows: 0 for the first share, 1 for the second, ..., and last for what remains."""
    parts = asked(shares)
    lots = _lots(dataset, rows, len(parts))
    order = lots.ordered(seed)
    _, class_number, counts = torch.unique_consecutive(lots.label[order], return_inverse=True, return_counts=True)
    if not (counts >= len(parts)).any():
        raise DataError(_too_small(dataset, len(rows), len(lots.number), parts))
    part = torch.empty_like(order)
    part[order] = cut(lots.sizes[order], class_number, counts, list(shares.values()))
    return part[lots.member]


def _folded(dataset: Dataset, seed: int, fold: int, folds: int) -> Tensor:
    """Which rows this fold tests. Two folds differ in a class by its largest lot at most."""
    lots = _lots(dataset, torch.arange(len(dataset)), folds)
    if len(lots.number) < folds:
        what = _what(dataset)
        raise DataError(
            f"{dataset.name}: expected at least {folds} {what}, one for each of {folds} folds, "
            f"got {len(dataset)} examples with {len(lots.number)} {what}; ask for fewer folds"
        )
    order = lots.ordered(seed, by_size=True)
    tested = torch.empty_like(order)
    tested[order] = torch.arange(len(order)) % folds
    return tested[lots.member] == fold


def _what(dataset: Dataset) -> str:
    return "distinct inputs" if dataset.group is None else "groups"


def _too_small(dataset: Dataset, examples: int, lots: int, parts: list[str]) -> str:
    labelled = dataset.group is None and bool(dataset.classes)
    advice = "add examples" if dataset.group is None else "group by something finer, or add groups"
    return (
        f"{dataset.name}: expected at least {len(parts)} {_what(dataset)}{' of one class' if labelled else ''}, "
        f"one for each of {', '.join(parts)}, got {examples} examples with {lots} {_what(dataset)}; {advice}"
        + ("; if the target is a quantity and no class, give it as floats" if labelled else "")
    )


def _checked(dataset: Dataset, fold: int | None, folds: int | None) -> tuple[int, int]:
    """The fold and the folds, which must be possible."""
    if fold is None or folds is None or not 0 <= fold < folds or folds < 2:
        raise DataError(
            f"{dataset.name}: expected folds of at least 2 and a fold from 0 to folds - 1, got {fold=}, {folds=}"
        )
    if dataset.test is not None:
        raise DataError(
            f"{dataset.name} comes with a test part, and in cross-validation everything tests once; leave folds out"
        )
    if dataset.time is not None:
        raise DataError(
            f"{dataset.name} is split by time, and folds would train on the future of what they test; "
            "leave folds out, or the time"
        )
    return fold, folds


def _check_apart(dataset: Dataset, testing: Tensor) -> None:
    """Given test rows must be no group's with the others, and later than they are."""
    if dataset.group is not None:
        shared = torch.isin(torch.unique(dataset.group[testing]), dataset.group[~testing])
        if count := int(shared.sum()):
            raise DataError(
                f"{dataset.name}: expected no group on two sides, got {count:,} of the test part's "
                f"{len(shared):,} groups among the other rows too; take their rows out of one of the two"
            )
    if dataset.time is not None:
        early = dataset.time[testing] <= dataset.time[~testing].max()
        if count := int(early.sum()):
            raise DataError(
                f"{dataset.name}: expected a test part later than all other rows, got {count:,} of its "
                f"{len(early):,} rows no later than the latest of them; split without the time, or cut elsewhere"
            )


def fingerprint(dataset: Dataset) -> str:
    """16 hex digits that depend on all inputs and targets, their order, their kinds, test rows, groups and times."""
    columns = (dataset.inputs, dataset.target)
    kinds = [f"{column.kind} {column.values.dtype} {column.scale}" for column in columns]
    digest = hashlib.blake2b("\x1f".join([*kinds, *dataset.classes]).encode(), digest_size=8)
    for column in columns:
        for hashes in column.hashes_in_turn():
            digest.update(hashes.numpy().tobytes())
    if dataset.test is not None:
        digest.update(dataset.test.numpy().tobytes())
    for name, values, kind in (("group", dataset.group, torch.int64), ("time", dataset.time, torch.float64)):
        if values is not None:
            digest.update(name.encode())
            for first in range(0, len(values), ROWS_AT_ONCE):
                digest.update(values[first : first + ROWS_AT_ONCE].to(kind).numpy().tobytes())
    return digest.hexdigest()
