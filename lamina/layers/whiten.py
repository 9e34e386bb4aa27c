"""A first convolution that is taken from the training pictures and not trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.kinds import Image, Kind
from lamina.layers.weights import new_weight
from lamina.layers.window import beside, slid
from lamina.settings import Count, Positive
from lamina.stage import Stage, expect


class Whiten(Stage):
    """y = (w + b, b' - w) with w = E^T p / sqrt(l + epsilon), for each window p of the picture.

    E and l are the eigenvectors and eigenvalues of the covariance of the training part's windows, so that what follows
    sees uncorrelated numbers of one scale; each also with the other sign, for the activation that follows keeps one
    side. Only b is trained. Source: Page 2018, "How to train your ResNet", part 8; Jordan 2024, section 3.2.

    Args:
        size: of the window; 2 C size^2 channels come out.
        epsilon: added to the eigenvalues, so that axes of nearly no variance, which are noise, stay small.
    """

    gives_new: ClassVar[bool] = True

    learns: ClassVar[bool] = True

    size: Count = 2
    epsilon: Positive = 5e-4

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        size = (self.size, self.size)
        self.places = slid(self, given, size, (1, 1), (0, 0))
        axes = given.channels * self.size**2
        identity = torch.eye(axes).view(axes, given.channels, *size)
        self.weight = nn.Buffer(torch.cat((identity, -identity)).contiguous(memory_format=torch.channels_last))
        self.offset = new_weight(self, given, 2 * axes)
        return Image(2 * axes, *self.places)

    def learn(self, stream: Iterable[Tensor]) -> None:
        axes = self.weight[0].numel()
        count, total, products = 0, torch.zeros(axes, dtype=torch.float64), torch.zeros(axes, axes, dtype=torch.float64)
        middle: Tensor | None = None
        for x in stream:
            windows = F.unfold(x, self.size).transpose(0, 1).flatten(1)  # (D, N)
            # Of numbers far from 0 the products would lose the variance; where they are counted from is all the same.
            middle = windows.mean(1, keepdim=True) if middle is None else middle
            windows = windows - middle
            count += windows.shape[1]
            total += windows.sum(1).cpu().double()
            products += (windows @ windows.T).cpu().double()
        mean = total / max(1, count)
        values, vectors = torch.linalg.eigh(products / max(1, count) - mean.outer(mean))
        scaled = (vectors / (values.clamp(min=0) + self.epsilon).sqrt()).T.flip(0)
        self.weight.copy_(torch.cat((scaled, -scaled)).view_as(self.weight))

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B W V U"]:
        return F.conv2d(beside(x), self.weight, self.offset)

    def multiply_adds(self) -> int:
        return self.weight.numel() * self.places[0] * self.places[1]
