"""Normalisation inside a net."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.errors import DataError
from lamina.kinds import Image, Kind, Padded, Sequence, Vector
from lamina.layers.weights import new_weight
from lamina.settings import Count, Fraction, NonNegative, Positive
from lamina.stage import Flow, Stage, expect, on_values


def features(kind: Vector | Image | Sequence) -> int:
    """How many features a kind has; the places of an image or a sequence share theirs."""
    if isinstance(kind, Vector):
        return kind.size
    return kind.channels if isinstance(kind, Image) else kind.width


class BatchNorm(Stage):
    """y = g (x - mean) / sqrt(variance + epsilon) + b, per feature (channel of an image).

    In training the mean and variance are the batch's, over examples and visible places; in evaluation they are running
    averages. Source: Ioffe and Szegedy 2015, algorithms 1 and 2.

    Args:
        momentum: the weight of a new batch in the running averages.
        epsilon: added to the variance.
        trained_scale: whether g is there; else it is 1, which a convolution that follows can make up for.

    Raises:
        DataError: for a batch of one number per feature, whose variance is no estimate.
    """

    gives_new: ClassVar[bool] = True

    follows_through: ClassVar[bool] = True

    momentum: Fraction = 0.1
    epsilon: Positive = 1e-5
    trained_scale: bool = True

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector, Image, Sequence)
        self.scale = nn.Parameter(torch.ones(features(given))) if self.trained_scale else None
        self.shift = new_weight(self, given, features(given))
        self.running_mean = nn.Buffer(torch.zeros(features(given)))
        self.running_variance = nn.Buffer(torch.ones(features(given)))
        return given

    def forward(self, x: Flow) -> Flow:
        if not isinstance(x, Padded):
            return self.normalised(x)
        # Padding must not weigh in the statistics: only visible positions are normalised, as rows of a table.
        values = torch.zeros_like(x.values)
        values[x.visible] = self.normalised(x.values[x.visible])
        return x._replace(values=values)

    def normalised(self, x: Tensor) -> Tensor:
        if self.training and x.numel() == x.shape[1]:
            raise DataError(
                f"{self} takes the variance of at least 2 examples, got a batch of 1; train in larger batches"
            )
        running, affine = (self.running_mean, self.running_variance), (self.scale, self.shift)
        return F.batch_norm(x, *running, *affine, self.training, self.momentum, self.epsilon)


class LayerNorm(Stage):
    """y = g (x - mean) / sqrt(variance + epsilon) + b, over the numbers of one example (one position of a sequence).

    Source: Ba, Kiros and Hinton 2016, eqs. 3 and 4. For an image the mean runs over channels and places; g and b are
    per channel.

    Args:
        epsilon: added to the variance.
    """

    gives_new: ClassVar[bool] = True

    follows_through: ClassVar[bool] = True

    epsilon: Positive = 1e-5

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector, Image, Sequence)
        self.scale = nn.Parameter(torch.ones(features(given)))
        self.shift = new_weight(self, given, features(given))
        return given

    def forward(self, x: Flow) -> Flow:
        return on_values(self.normalised, x)

    def normalised(self, x: Tensor) -> Tensor:
        if x.dim() == 4:
            return F.group_norm(x, 1, self.scale, self.shift, self.epsilon)
        return F.layer_norm(x, (x.shape[-1],), self.scale, self.shift, self.epsilon)


class LocalResponseNorm(Stage):
    """y_c = x_c / (k + alpha / n sum_j x_j^2)^beta, j over the n channels around c: neighbours inhibit each other.

    Source: Krizhevsky et al. 2012, section 3.3. There alpha is not divided by n; as in later programs it is here, so
    the paper's alpha = 1e-4, n = 5 is alpha=5e-4.

    Args:
        size: n.
        alpha: how strongly they inhibit.
        beta: the power.
        k: keeps the division from growing without bound.
    """

    follows_through: ClassVar[bool] = True

    size: Count = 5
    alpha: NonNegative = 5e-4
    beta: Positive = 0.75
    k: Positive = 2.0

    def build(self, given: Kind) -> Kind:
        return expect(self, given, Image)

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)
