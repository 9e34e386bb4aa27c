"""What linear baselines see: standardised numbers, a 1 for each value of a category, pictures made small."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Column, Dataset
from lamina.kinds import Image, Kind, Table
from lamina.layers.categories import OneHot
from lamina.layers.standardize import Standardize

MOST_PIXELS, NUMBERS_AT_ONCE = 2**10, 2**24
"""Numbers of a picture that a linear model sees, and of pictures that are reduced to that together. With all its
pixels, 27,648 in 96 x 96, it is slow and no better: of CIFAR-10 it tells 37 % with 972 numbers, 36 % with 3,072."""


def reduced_to(kind: Kind) -> tuple[int, int] | None:
    """Height and width that a linear model sees a picture in; None if as it is, or for what is no picture."""
    if not isinstance(kind, Image) or kind.channels * kind.height * kind.width <= MOST_PIXELS:
        return None
    factor = math.sqrt(MOST_PIXELS / (kind.channels * kind.height * kind.width))
    return max(1, int(kind.height * factor)), max(1, int(kind.width * factor))


def seen_as(dataset: Dataset) -> str:
    """What is added to the name of a linear model that sees pictures reduced."""
    sides = reduced_to(dataset.inputs.kind)
    return "" if sides is None else f"_{sides[0]}x{sides[1]}"


def penalty(x: Tensor) -> float:
    """The factor of |weights|² / 2 in the loss of N examples: a tenth of the features."""
    return x.shape[1] / 10


def standardised(inputs: Column, rows: Int64[Tensor, " N"]) -> Callable[[Tensor], Tensor]:
    """From rows to features of mean 0 and variance 1 over the rows given; a constant feature becomes 0 everywhere."""
    plain = spelled_out(inputs, rows)
    x = plain(rows).double()  # (N, D)
    middle = x.mean(0)
    spread = x.std(0, correction=0)
    # A constant column may have a spread of rounding errors; divided by it, they would look like data.
    constant = spread <= 1e-12 * middle.abs()
    scale = torch.where(constant, 0.0, 1 / spread.masked_fill(constant, 1.0))
    return lambda batch: ((plain(batch).double() - middle) * scale).float()


def spelled_out(inputs: Column, rows: Int64[Tensor, " N"]) -> Callable[[Tensor], Tensor]:
    """From rows to plain numbers: those of a table with flags, and a 1 for each category's value that `rows` show."""
    sides = reduced_to(inputs.kind)
    if sides is not None:
        at_once = max(1, NUMBERS_AT_ONCE // math.prod(inputs.values.shape[1:]))
        return lambda batch: torch.cat(
            [F.adaptive_avg_pool2d(inputs.gather(part), sides).flatten(1) for part in torch.split(batch, at_once)]
        )
    if not isinstance(inputs.kind, Table):
        return lambda batch: inputs.gather(batch).flatten(1)
    plain = Standardize() >> OneHot()
    plain.build(inputs.kind)
    plain[0].learn([inputs.gather(rows)])
    plain[1].learn([plain[0](inputs.gather(rows))])
    return lambda batch: cast(Tensor, plain(inputs.gather(batch)))
