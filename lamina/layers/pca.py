"""Principal components, taken from the training data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from lamina.errors import DataError, KindError
from lamina.kinds import Image, Kind, Table, Vector
from lamina.settings import Count
from lamina.stage import Stage, expect

WIDEST = 4096
"""Numbers of an example up to which their covariance is held: 128 MiB, and its eigenvectors take a minute."""

SPARE = 50
"""Directions kept beside those asked for, where the covariance is not held."""

NOTHING = 1e-7
"""The share of the variance that may be rounding."""

Stream = Iterable[Float[Tensor, "B ..."]]


class PCA(Stage):
    """y = V (x - mean): the k directions in which the training data vary most, the foremost first. It takes no steps.

    The rows of V are eigenvectors of the covariance, which is added up over one pass of the data, so that they need not
    fit in memory; the sign is such that the largest number of a direction is above 0. Examples of more than 4,096
    numbers have a covariance too large to hold: the directions are then brought up to date with each batch, with 50 or
    k more kept than asked for, which is exact while what is dropped has no variance.

    Source: Pearson 1901; Hotelling 1933; brought up to date as by Ross et al. 2008, section 2 ("Incremental learning
    for robust visual tracking").

    Args:
        components: k.
        whiten: True to divide each y by its deviation in training, so that all have variance 1.

    Example:
        >>> import lamina as la
        >>> la.build("PCA(5) >> Classify()", la.Vector(13), la.Label(3)).body.kinds[1]
        Vector(5)
    """

    learns: ClassVar[bool] = True
    gives_new: ClassVar[bool] = True

    components: Count
    whiten: bool = False

    def build(self, given: Kind) -> Kind:
        size = numbers_in(self, given)
        if self.components > size:
            raise KindError(
                f"{self} cannot follow {given}: it has {size:,} numbers, fewer than the components; "
                f"take at most {size:,}",
                cured=Vector(max(size, self.components)),
            )
        self.mean = nn.Buffer(torch.zeros(size))
        self.directions = nn.Buffer(torch.eye(self.components, size))
        self.variances = nn.Buffer(torch.ones(self.components))
        self.total_variance = nn.Buffer(torch.tensor(float(size)))
        return Vector(self.components)

    def learn(self, stream: Stream) -> None:
        flat = (x.flatten(1).float().cpu() for x in stream)
        if len(self.mean) <= WIDEST:
            count, mean, scatter = scattered(self, flat, len(self.mean))
            total = scatter.trace()
            values, vectors = torch.linalg.eigh(scatter)
            strengths, found = values.flip(0).clamp(min=0), vectors.T.flip(0)
        else:
            count, mean, strengths, found, total = brought_up((finite(self, x).double() for x in flat), self.components)
        if count <= self.components:
            raise DataError(
                f"{self} needs more training examples than components, got {count:,}; "
                f"take at most {max(1, count - 1):,} components, or add examples"
            )
        found, strengths = found[: self.components], strengths[: self.components]
        largest = found.gather(1, found.abs().argmax(1, keepdim=True))
        self.directions.copy_(found * largest.sign())
        self.mean.copy_(mean)
        self.variances.copy_(strengths / count)
        self.total_variance.copy_(total / count)

    def explained(self) -> Float[Tensor, " K"]:
        """The share of the training data's variance that each direction has."""
        return self.variances / self.total_variance

    def scale(self) -> Float[Tensor, " K"]:
        """What y is divided by. A direction without variance, but for rounding, is left alone."""
        if not self.whiten:
            return torch.ones_like(self.variances)
        nothing = self.variances <= NOTHING * self.total_variance
        return self.variances.sqrt().masked_fill(nothing, 1.0)

    def forward(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B K"]:
        # Shifted before the product: of numbers far from 0 the difference of two products would be rounding.
        return (x.flatten(1) - self.mean) @ self.directions.T / self.scale()

    def restored(self, y: Float[Tensor, "B K"]) -> Float[Tensor, "B D"]:
        """The x in the plane of the directions that has these y: no other affine map comes as near to all x."""
        return torch.addmm(self.mean, y * self.scale(), self.directions)

    def multiply_adds(self) -> int:
        return self.directions.numel()


def numbers_in(stage: Stage, given: Kind) -> int:
    """How many numbers an example has: a vector, a picture, or a row of a table that is numbers alone.

    Raises:
        KindError: if it has categories, or numbers that may be blank.
    """
    given = expect(stage, given, Vector, Image, Table)
    if isinstance(given, Table):
        if given.categories or given.blanks:
            what = "categories" if given.categories else "numbers that may be blank"
            raise KindError(f"{stage} cannot take {given}, which has {what}; leave out their columns")
        return given.numbers
    return given.size if isinstance(given, Vector) else math.prod((given.channels, given.height, given.width))


def finite(stage: Stage, x: Tensor) -> Tensor:
    """A batch, if every number of it is one.

    Raises:
        DataError: naming the stage and how many are none.
    """
    # What is none spoils the sum, which is quick to take.
    if not x.sum().isfinite() and (wrong := ~x.isfinite()).any():
        count, place = int(wrong.sum()), int(wrong.any(0).nonzero()[0])
        raise DataError(
            f"{stage} learns from numbers, got {count:,} that {'is' if count == 1 else 'are'} NaN or infinite in a"
            f" batch (first in column {place}); fill or drop them"
        )
    return x


def scattered(
    stage: Stage, stream: Iterable[Tensor], size: int
) -> tuple[int, Float64[Tensor, " D"], Float64[Tensor, "D D"]]:
    """The count, the mean, and Σ (x - mean)(x - mean)ᵀ, in one pass.

    The products of a batch are taken in single precision, of numbers from which the mean of the first batch is gone
    already; they are added up in double. So a variance is off by some millionths of the greatest at most.
    All is numpy's: it knows a product with itself, of which it takes one half alone, and threads of torch that wait
    for work between its own would take the processor from it.
    Source: Chan, Golub and LeVeque 1979, equation 2.1, of products in place of squares.
    """
    count, mean, scatter, near = 0, np.zeros(size), np.zeros((size, size)), np.zeros(0, np.float32)
    centred, ones = np.zeros((0, size), np.float32), np.zeros(0, np.float32)
    for batch in stream:
        x = batch.numpy()
        if len(ones) != len(x):
            centred, ones = np.empty(x.shape, np.float32), np.ones(len(x), np.float32)
        near = ones @ x / np.float32(len(x)) if count == 0 else near
        np.subtract(x, near, out=centred)
        rest = (ones @ centred / len(x)).astype(np.float64)
        if not np.isfinite(rest).all():
            finite(stage, batch)
        here = near + rest
        gap, together = here - mean, count + len(x)
        scatter += centred.T @ centred
        scatter += np.outer(gap, gap) * (count * len(x) / together) - np.outer(rest, rest) * len(x)
        mean, count = mean + gap * (len(x) / together), together
    return count, torch.from_numpy(mean), torch.from_numpy(scatter)


def brought_up(stream: Iterable[Tensor], components: int) -> tuple[int, Tensor, Tensor, Tensor, Tensor]:
    """The count, the mean, Σ of squares along each direction, the directions, and Σ of squares in all, in one pass."""
    kept = components + max(components, SPARE)
    count, mean, rows, total = 0, torch.zeros(()), torch.zeros(0), torch.zeros((), dtype=torch.float64)
    strengths, directions = torch.zeros(0), torch.zeros(0)
    for x in stream:
        here = x.mean(0)
        gap, together = (here - mean if count else torch.zeros_like(here)), count + len(x)
        shift = gap * math.sqrt(count * len(x) / together)
        centred = x - here
        total = total + centred.square().sum() + shift.square().sum()
        # Rows whose products with themselves are those of all examples so far: what is known, the batch, the shift.
        rows = torch.cat((rows, centred, shift[None])) if count else centred
        values, vectors = torch.linalg.eigh(rows @ rows.T)
        strengths = values.flip(0)[:kept].clamp(min=0)
        real = strengths > 1e-12 * strengths[0]
        strengths = strengths[real]
        directions = (vectors.T.flip(0)[:kept][real] @ rows) / strengths.sqrt()[:, None]
        rows = directions * strengths.sqrt()[:, None]
        mean = here if not count else mean + gap * (len(x) / together)
        count = together
    return count, mean, strengths, directions, total
