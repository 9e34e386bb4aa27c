"""Corruptions: numbers spoiled in training, so that a net learns to see past it. In evaluation they rest."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

import torch
from torch import Tensor

from lamina.chance import kept_mask, normals, uniforms
from lamina.settings import Bounds, Positive
from lamina.stage import Elementwise

Share: TypeAlias = Annotated[float, Bounds(low=0, high=1, low_open=True, high_open=True)]
"""Of the numbers of an example: 0 would spoil nothing, 1 everything."""


class Corrupting(Elementwise):
    """A stage that spoils numbers in training, each example's by draws of its own, and rests in evaluation.

    An end that gives back the input, as `Reconstruct` does, is held to the input as it was before.
    """

    follows_through: ClassVar[bool] = True

    def curve(self, x: Tensor) -> Tensor:
        return self.spoiled(x) if self.training else x

    def spoiled(self, x: Tensor) -> Tensor:
        """The numbers as training sees them."""
        raise NotImplementedError(f"{self.name()} does not say what it does")


class Blankout(Corrupting):
    """In training y = 0 with probability `share`, else x, each number by itself; in evaluation y = x.

    What is left is not scaled up, as `Dropout` does. Source: Vincent et al. 2010, section 3.3 ("masking noise").

    Args:
        share: the probability that a number is blanked out; above 0 and below 1.
    """

    share: Share = 0.3

    def spoiled(self, x: Tensor) -> Tensor:
        return x.masked_fill(~kept_mask(x.shape, 1 - self.share, self.place, x.device), 0.0)


class GaussianNoise(Corrupting):
    """In training y = x + deviation e, e from a normal distribution of variance 1; in evaluation y = x.

    Source: Vincent et al. 2010, section 3.3; Bishop 1995, "Training with noise is equivalent to Tikhonov
    regularization".

    Args:
        deviation: of the noise, in the units of x.
    """

    deviation: Positive = 0.1

    def spoiled(self, x: Tensor) -> Tensor:
        noise = normals(len(x), x.shape[1:].numel(), self.place, x.device)
        return torch.add(x, noise.view(x.shape).to(x.dtype), alpha=self.deviation)


class SaltAndPepper(Corrupting):
    """In training y = low or high, each with probability share / 2, else x; in evaluation y = x.

    Source: Vincent et al. 2010, section 3.3.

    Args:
        share: the probability that a number is spoiled; above 0 and below 1.
        low, high: the least and the greatest value of the data.
    """

    share: Share = 0.1
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        low, high = values["low"], values["high"]
        return [] if low < high else [f"SaltAndPepper: low must be below high, got low={low:g}, high={high:g}"]

    def spoiled(self, x: Tensor) -> Tensor:
        drawn = uniforms(len(x), x.shape[1:].numel(), self.place, x.device).view(x.shape)
        extreme = torch.where(drawn < self.share / 2, self.low, self.high).to(x.dtype)
        return torch.where(drawn < self.share, extreme, x)
