"""Pictures brighter or darker, of more or less contrast, in another light."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from lamina.kinds import Image, Kind
from lamina.layers.augment.corruption import Corruption
from lamina.layers.standardize import as_rows
from lamina.settings import Fraction, NonNegative
from lamina.stage import Flow, expect


class Intensity(Corruption):
    """In training y = (1 + c) (x - m) + m + b + P a per example, m being the mean of each of its channels.

    The contrast c is drawn evenly from -contrast ... contrast and the brightness b from -brightness ... brightness.
    Each column of P is a principal component of the training part's pixels, as long as the deviation along it, and
    each number of a is Gaussian with deviation `pca`. In evaluation y = x. Nothing is cut off at black or white.

    Source: Howard 2013, section 2.1 (brightness, contrast); Krizhevsky et al. 2012, section 4.1 (colour), which has
    pca=0.1. They write the variance for the length of a component; with it the noise would not scale with the pixels.

    Args:
        brightness: in units of the input: of the range from black to white before Standardize, of the deviation after.
        contrast: as a share; below 1.
        pca: the colour noise, as a share of the deviation along each component; 0 for none.
    """

    learns: ClassVar[bool] = True

    brightness: NonNegative = 0.2
    contrast: Fraction = 0.2
    pca: NonNegative = 0.0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        if any(values.values()):
            return []
        return ["Intensity changes nothing: give it brightness, contrast or pca, or leave it out"]

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        if self.pca:
            self.components = nn.Buffer(torch.zeros(given.channels, given.channels))
        return given

    def learn(self, stream: Iterable[Flow]) -> None:
        if not self.pca:
            return  # before the stream is begun: it costs a pass over the data
        variances, directions = torch.linalg.eigh(covariance(stream))
        self.components.copy_(directions * variances.clamp(min=0).sqrt())

    def corrupted(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
        channels = x.shape[1] if self.pca else 0
        drawn = self.drawn(x, 2 + 2 * channels).to(x.dtype)
        gain = 1 + self.contrast * (2 * drawn[:, :1] - 1)  # (B, 1)
        offset = (self.brightness * (2 * drawn[:, 1:2] - 1)).expand(-1, x.shape[1])  # (B, C)
        if self.contrast:
            offset = offset + (1 - gain) * x.mean((2, 3))
        if self.pca:
            noise = gaussian(drawn[:, 2 : 2 + channels], drawn[:, 2 + channels :])
            offset = offset + self.pca * noise @ self.components.T
        return (x * gain[:, :, None, None]).add_(offset[:, :, None, None])


def gaussian(one: Float[Tensor, "B N"], two: Float[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """Standard normal numbers made of pairs of uniform ones. Source: Box and Muller 1958."""
    return (-2 * (1 - one).log()).sqrt() * (2 * math.pi * two).cos()


def covariance(stream: Iterable[Flow]) -> Float64[Tensor, "C C"]:
    """The covariance of the channels over all pixels of a stream of batches, in one pass and double precision.

    Source: Chan, Golub and LeVeque 1979, eq. 2.1, with products in the place of squares.
    """
    count, mean, products = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for x in stream:
        pixels = as_rows(x).cpu().double()  # (N, C)
        here = pixels.mean(0)
        shift, away = here - mean, pixels - here
        share = len(pixels) / (count + len(pixels))
        products = products + away.T @ away + torch.outer(shift, shift) * count * share
        mean, count = mean + shift * share, count + len(pixels)
    return products / count
