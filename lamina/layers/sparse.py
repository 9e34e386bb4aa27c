"""Penalties on a code: that few of its numbers speak, or that it moves little when the input does."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from lamina.chance import normals
from lamina.errors import DataError, KindError
from lamina.initialise import Following
from lamina.kinds import Image, Kind, Vector
from lamina.layers.activation import ReLU, Sigmoid, Tanh
from lamina.layers.dense import Dense
from lamina.settings import Bounds, Positive
from lamina.stage import Stage, expect, links

EDGE = 1e-6
"""How near to 0 and 1 a rate is taken, so that its logarithm is a number."""


class Sparse(Stage):
    """y = x; in training the loss grows by weight Σ_j |x_j| for each example, or by weight Σ_j KL(rate ‖ mean x_j).

    KL(r ‖ m) = r ln(r / m) + (1 - r) ln((1 - r) / (1 - m)) holds each number's mean over the batch at a rate: x must
    lie in [0, 1], as `Sigmoid` gives it. That mean is of the micro-batch, where a batch is cut in parts.
    Source: Tibshirani 1996 (the first); Lee, Ekanadham and Ng 2008, and Ng 2011, "Sparse autoencoder", section 3.

    Args:
        weight: of the penalty, in nats.
        rate: the mean that each number is to have; None for the sum of sizes.
    """

    follows_through: ClassVar[bool] = True
    charges: ClassVar[bool] = True

    weight: Positive
    rate: Annotated[float, Bounds(low=0, high=1, low_open=True, high_open=True)] | None = None

    def build(self, given: Kind) -> Kind:
        return expect(self, given, Vector, Image)

    def forward(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        return x

    def charge(self, x: Float[Tensor, "B ..."]) -> tuple[Tensor, Tensor | None]:
        if not self.training:
            return x, None
        flat = x.flatten(1)
        if self.rate is None:
            return x, self.weight * flat.abs().sum(1)
        if bool((flat < 0).any()) or bool((flat > 1).any()):
            worst = max(flat.detach().flatten().tolist(), key=lambda number: abs(number - 0.5))
            raise DataError(
                f"{self} holds means of numbers from 0 to 1 at a rate, got {worst:.4g}; put Sigmoid() before it, or"
                " leave rate out"
            )
        mean, rate = flat.mean(0).clamp(EDGE, 1 - EDGE), torch.tensor(self.rate, device=x.device)
        apart = rate * (rate / mean).log() + (1 - rate) * ((1 - rate) / (1 - mean)).log()
        return x, (self.weight * apart.sum()).expand(len(x))


class Contract(Stage):
    """y = f(x); in training the loss grows by weight |∂f/∂x|² for each example, the sum of squares of all derivatives.

    For `Dense(...)`, and a function of one number behind it, it is exact: Σ_i f'(a_i)² |W_i|². For other stages it is
    the mean of |vᵀ ∂f/∂x|² over v from a normal distribution, of which one is drawn for each example and step.
    Source: Rifai et al. 2011, equations 5 and 7 ("Contractive auto-encoders"); Hutchinson 1990 (the estimate).

    Args:
        weight: of the penalty, in nats.
        stage: f, a stage or a chain.
    """

    charges: ClassVar[bool] = True

    weight: Positive
    stage: Stage

    def build(self, given: Kind) -> Kind:
        gives = self.stage.build(expect(self, given, Vector, Image))
        if not isinstance(gives, Vector | Image):
            raise KindError(f"{self} penalises a code of numbers, not {gives}; put Flatten() or Last() into it")
        return gives

    def initialise(self, seed: int, following: Following) -> None:
        self.stage.initialise(seed, following)

    def following(self) -> Following | None:
        return self.stage.following()

    def forward(self, x: Any) -> Any:
        return self.stage(x)

    def charge(self, x: Float[Tensor, "B ..."]) -> tuple[Tensor, Tensor | None]:
        if not self.training:
            return self.stage(x), None
        first, *behind = links(self.stage)
        if isinstance(first, Dense) and all(isinstance(stage, ReLU | Tanh | Sigmoid) for stage in behind):
            return self.exact(first, behind, x)
        return self.estimated(x)

    def exact(self, dense: Dense, behind: list[Stage], x: Float[Tensor, "B D"]) -> tuple[Tensor, Tensor]:
        """Where each number of the code sees the input by one row of weights."""
        before = dense(x)
        before = before if before.requires_grad else before.requires_grad_()
        y = before.clone()  # a ReLU may write over what it is given
        for stage in behind:
            y = stage(y)
        (slope,) = torch.autograd.grad(y.sum(), before, create_graph=True)
        return y, self.weight * (slope.square() @ dense.weight.square().sum(1))

    def estimated(self, x: Float[Tensor, "B ..."]) -> tuple[Tensor, Tensor]:
        """By one random direction of the code for each example."""
        x = x if x.requires_grad else x.detach().requires_grad_()
        y = self.stage(x)
        along = normals(len(y), y.shape[1:].numel(), self.place, y.device).view(y.shape)
        (slope,) = torch.autograd.grad((y * along).sum(), x, create_graph=True)
        return y, self.weight * slope.flatten(1).square().sum(1)

    def multiply_adds(self) -> int:
        return self.stage.multiply_adds()
