"""Features that alone tell the target: found by a guess per bin, formed on half of the rows and tested on the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from lamina.chance import key, mixed
from lamina.data.dataset import Dataset
from lamina.kinds import Label, Table

Array = NDArray[Any]
Bins = NDArray[np.int64]

MOST_ROWS, MOST_CELLS = 50_000, 4_000_000
"""Wide tables are judged by fewer rows, so that their many features take no longer."""

MOST_BINS = 256
ROWS_OF_A_LINE = 4
"""A bin through which a line is laid has so many rows; for a class one will do."""

FEWEST_ROWS, FEWEST_UNUSUAL = 20, 5
"""So many rows, and so many of them outside the commonest class, must be tested: fewer may be told by accident."""

ERRORS_LEFT = 0.1
"""Of those that always guessing the commonest class makes: where 99 % are of one class, being right says little."""


class Halves(NamedTuple):
    """Rows to form a guess on, and others to test it on."""

    fit: Array
    test: Array


def told(dataset: Dataset) -> list[float]:
    """The share of the target that each feature tells about rows that were not looked at; 0 where it may be chance.

    A feature is cut into bins at its quantiles, or has its codes. For a `Label` the guess is the commonest class of
    each bin, and the share that of rows guessed rightly. For a `Value` it is each bin's mean, or a line through the
    bin (one currency is a line in another, and its last bin may be wide); the share is that of the variance explained,
    of the number of the target that is told best.

    Args:
        dataset: its inputs are of kind `Table`.
    """
    rows = Halves(*halves(dataset.inputs.hashes, len(dataset.features)))
    if not isinstance(dataset.inputs.kind, Table) or min(map(len, rows)) < FEWEST_ROWS:
        return [0.0] * len(dataset.features)
    target = Halves(*(dataset.target.values.numpy()[half] for half in rows))
    shares = []
    for feature in range(len(dataset.features)):
        values = Halves(*(dataset.inputs.values[:, feature].numpy()[half] for half in rows))
        number, label = feature < dataset.inputs.kind.numbers, isinstance(dataset.target.kind, Label)
        shares.append(told_by(values, target, number, label))
        # A few blanks must not hide what the other rows say.
        seen = there(values, target) if number else None
        if seen is not None:
            shares[-1] = max(shares[-1], told_by(*seen, number, label))
    return shares


def told_by(values: Halves, target: Halves, number: bool, label: bool) -> float:
    """The share of the target that one feature tells, be it a number or codes."""
    rows_a_bin = 1 if label else ROWS_OF_A_LINE
    bins = binned(values, rows_a_bin) if number else Halves(*(half.astype(np.int64) for half in values))
    if label:
        return right(bins, target)
    x = Halves(*(np.nan_to_num(half.astype(np.float64)) * number for half in values))
    parts = zip(target.fit.T.astype(np.float64), target.test.T.astype(np.float64), strict=True)
    return max(explained(bins, x, Halves(*part)) for part in parts)


def there(values: Halves, target: Halves) -> tuple[Halves, Halves] | None:
    """A number and the target in the rows where it is not blank; None where that is all of them, or too few."""
    visible = [~np.isnan(half) for half in values]
    if all(rows.all() for rows in visible) or min(int(rows.sum()) for rows in visible) < FEWEST_ROWS:
        return None
    kept, meant = (Halves(*(half[rows] for half, rows in zip(both, visible, strict=True))) for both in (values, target))
    return kept, meant


def halves(hashes: Int64[Tensor, " N"], features: int) -> tuple[Array, Array]:
    """Rows drawn by the hash of their inputs: those that repeat fall on one side, as in a split."""
    drawn = mixed(hashes ^ key("giveaways")).numpy()
    most = min(MOST_ROWS, max(1_000, MOST_CELLS // max(1, features)))
    rows = np.arange(len(drawn))
    if len(drawn) > most:
        rows = np.sort(np.argpartition(drawn, most)[:most])
    first = drawn[rows] & 1 == 0
    return rows[first], rows[~first]


def binned(values: Halves, rows_a_bin: int) -> Halves:
    """The bin of each number: the first half is cut at its quantiles, and blanks have a bin of their own."""
    visible = np.sort(values.fit[~np.isnan(values.fit)].astype(np.float64))
    lasts = np.flatnonzero(np.diff(visible))  # of each value, but the highest
    most = min(MOST_BINS, len(visible) // rows_a_bin)
    if len(lasts) >= most:
        lasts = np.linspace(0, len(visible) - 1, most + 1).astype(np.int64)[1:-1]
    edges = np.unique((visible[lasts] + visible[lasts + 1]) / 2)
    # Without the second term a blank would share the bin above the last edge.
    return Halves(*(np.searchsorted(edges, half) + np.isnan(half) for half in values))


def right(bins: Halves, target: Halves) -> float:
    """The share of tested rows that are of the commonest class of their bin; 0 if that says little."""
    classes = 1 + max(int(half.max()) for half in target)
    pairs, counts = np.unique(bins.fit * classes + target.fit, return_counts=True)
    usual = np.bincount(target.fit).argmax()
    guess = np.full(1 + max(int(half.max()) for half in bins), usual)
    pairs = pairs[np.argsort(counts, kind="stable")]
    guess[pairs // classes] = pairs % classes  # of several classes in a bin, the last written is the commonest
    wrong = int((guess[bins.test] != target.test).sum())
    unusual = int((target.test != usual).sum())
    if unusual < FEWEST_UNUSUAL or wrong > ERRORS_LEFT * unusual:
        return 0.0
    return 1 - wrong / len(target.test)


def explained(bins: Halves, x: Halves, target: Halves) -> float:
    """The share of the variance of tested rows (R²) that is explained by the mean of their bin, or by a line in it."""
    count = 1 + max(int(half.max()) for half in bins)
    rows = np.bincount(bins.fit, minlength=count).clip(min=1)

    def means(values: Array) -> Array:
        return np.asarray(np.bincount(bins.fit, weights=values, minlength=count) / rows)

    middle = target.fit.mean()
    level, centre = means(target.fit - middle), means(x.fit)
    away = x.fit - centre[bins.fit]
    spread = means(away**2)
    slope = means(away * (target.fit - middle)) / np.where(spread > 0, spread, 1.0)
    asked = target.test - middle
    variance = ((asked - asked.mean()) ** 2).mean()
    if not variance > 0:
        return 0.0
    flat = level[bins.test]
    line = flat + slope[bins.test] * (x.test - centre[bins.test])
    return max(0.0, *(float(1 - ((guess - asked) ** 2).mean() / variance) for guess in (flat, line)))
