"""What a net that gives back its input has to beat: the mean, and as many components as its code has numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import reduce
from operator import add

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.baselines import Baseline
from lamina.coding import code_place
from lamina.data.dataset import Dataset
from lamina.data.feeding import LOOK_ROWS, rows_at_once
from lamina.data.split import Parts
from lamina.kinds import Image, Kind, Vector
from lamina.layers.pca import PCA, WIDEST, numbers_in
from lamina.layers.shape import Flatten
from lamina.layers.standardize import moments
from lamina.metrics import Measure, RestoredTally
from lamina.net import Net

SQUARED = ("squared_error_per_example", "explained_variance")
"""What can be said of a simple answer that is no distribution."""


def restored(net: Net, dataset: Dataset, parts: Parts) -> dict[str, Baseline]:
    """Simple ways to give back the inputs of the test part, measured as the net will be.

    "mean" is that of the training part, whatever the input. "pca_k" goes through the first k principal components of
    the training part, k being the numbers in the code of the net: no linear code of that size has a smaller squared
    error there. It is left out where the code is no smaller than the input, where fewer examples train than it has
    numbers, where examples have more than 4,096, and where it would be the net again.

    Args:
        net: whose end gives back its input.
        dataset: the examples.
        parts: its rows.

    Returns:
        The baselines by name; none if nothing trains or tests.
    """
    if not (len(parts.train) and len(parts.test)):
        return {}
    size, code = numbers_in(net.end, dataset.inputs.kind), numbers_of(net.body.kinds[code_place(net)])
    *before, last = net.body.stages or (None,)
    again = isinstance(last, PCA) and all(isinstance(stage, Flatten) for stage in before)
    mean, _ = moments(flat(dataset, parts.train))
    ways: dict[str, Callable[[Tensor], Tensor]] = {"mean": lambda x: mean.expand(len(x), -1)}
    if code is not None and code < min(size, len(parts.train)) and size <= WIDEST and not again:
        model = PCA(code)
        model.build(Vector(size))
        model.learn(flat(dataset, parts.train))
        ways[f"pca_{code}"] = lambda x: model.restored(model(x))
    return {name: Baseline(measured(dataset, parts.test, way), len(parts.train)) for name, way in ways.items()}


def numbers_of(kind: Kind) -> int | None:
    """How many numbers a code has; None where it has no fixed number of them."""
    if isinstance(kind, Image):
        return math.prod((kind.channels, kind.height, kind.width))
    return kind.size if isinstance(kind, Vector) else None


def flat(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Iterator[Float[Tensor, "B D"]]:
    """The inputs of rows as vectors, batch by batch."""
    for piece in torch.split(rows, rows_at_once(dataset.inputs.kind, LOOK_ROWS)):
        yield dataset.inputs.gather(piece).cpu().flatten(1)


def measured(dataset: Dataset, rows: Int64[Tensor, " N"], way: Callable[[Tensor], Tensor]) -> dict[str, Measure]:
    """The measures of a way to give inputs back, over these rows."""

    def tally(x: Float[Tensor, "B D"]) -> RestoredTally:
        squares = (way(x).double() - x).square().sum(1)
        each = torch.stack([torch.zeros_like(squares)] * 2 + [squares, torch.zeros_like(squares)], 1)
        return RestoredTally.of(each, x, drawn=False, nats_first=False)

    found = reduce(add, map(tally, flat(dataset, rows))).measures()
    return {name: found[name] for name in SQUARED}
