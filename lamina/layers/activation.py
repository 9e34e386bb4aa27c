"""Functions that bend the signal, number by number (softmax: position by position)."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.initialise import Following
from lamina.kinds import Kind, Sequence, Vector
from lamina.stage import Elementwise, Flow, Stage, expect, on_values

SQRT_HALF = 0.5**0.5

FEW = 2048
"""So many numbers are bent faster by several small kernels than by one that must be made ready."""


class ReLU(Elementwise):
    """Rectified linear unit: y = max(x, 0).

    Source: Nair and Hinton 2010.
    """

    overwrites: ClassVar[bool] = True

    def following(self) -> Following:
        return "relu"

    def curve(self, x: Tensor) -> Tensor:
        return F.relu(x, inplace=self.given_new)


class GELU(Elementwise):
    """Gaussian error linear unit: y = x Phi(x), Phi the standard normal distribution function (exact, by erf).

    Source: Hendrycks and Gimpel 2016, section 2.
    """

    def following(self) -> Following:
        return "gelu"

    def curve(self, x: Tensor) -> Tensor:
        if x.numel() > FEW or torch.is_grad_enabled() or x.device.type != "cpu":
            return F.gelu(x)
        # On the CPU torch asks oneDNN, which takes longer to make ready than a few numbers take by hand.
        half = x * 0.5
        return torch.addcmul(half, half, torch.erf(x * SQRT_HALF))


class Tanh(Elementwise):
    """Hyperbolic tangent: y = tanh x, in (-1, 1).

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.4.
    """

    def following(self) -> Following:
        return "tanh"

    def curve(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


class Sigmoid(Elementwise):
    """Logistic sigmoid: y = 1 / (1 + exp(-x)), in (0, 1).

    Source: Rumelhart, Hinton and Williams 1986, eq. 2.
    """

    def following(self) -> Following:
        return "sigmoid"

    def curve(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


class Threshold(Elementwise):
    """Threshold unit: y = 1 if x > at, else 0.

    Source: McCulloch and Pitts 1943; Rosenblatt 1958. Its derivative is 0 wherever it exists, so learning passes the
    gradient straight through where |x - at| < 1 and stops it elsewhere (Hubara et al. 2016, eq. 4).

    Args:
        at: the threshold.
    """

    at: float = 0.0

    def curve(self, x: Tensor) -> Tensor:
        through = x.clamp(self.at - 1, self.at + 1)
        return (x > self.at).to(x.dtype) + (through - through.detach())


class Softmax(Stage):
    """y_i = exp(x_i) / sum_j exp(x_j), over the numbers of a vector or of each position: they become probabilities.

    Source: Bridle 1990. `Classify` has its own, fused with its loss: do not put one before it.
    """

    def build(self, given: Kind) -> Kind:
        return expect(self, given, Vector, Sequence)

    def forward(self, x: Flow) -> Flow:
        return on_values(lambda values: F.softmax(values, -1), x)
