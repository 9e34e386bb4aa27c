"""Muon: momentum made orthogonal, for the matrices inside a net."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from lamina.layers.weights import RowsApart
from lamina.settings import BY_NAME, Count, Fraction, NonNegative, Positive
from lamina.training.optimizers import AdamW, Group, Optimizer
from lamina.training.rates import Rate

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration, steep at 0: few steps bring all singular values near 1 (Jordan et al. 2024)."""


STAGES_OF_ENDS = ("before", "writer", "looks")
"""What an end calls the stages within it."""


class Muon(Optimizer):
    """v <- momentum v + g; w <- w - rate sqrt(max(1, rows / columns)) orthogonal(g + momentum v), for matrices.

    orthogonal(U S V^T) = U V^T, nearly, by Newton-Schulz iteration: every direction learns at one pace. A convolution's
    weight is a matrix with a row for each output. AdamW trains what is no matrix: biases and scales; vectors that are
    looked up one by one (`RowsApart`: of tokens, positions, segments, categories), of which a step meets some; and the
    end's own weights, of which each row belongs to one class. The stages within an end, such as the cell of `Write`,
    are hidden layers like any others.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". Weight decay as in AdamW.

    Args:
        rate: of the matrices.
        others: the peak rate of AdamW for all others; it moves as the rate does.
        momentum: how much of the last v is kept.
        iterations: of Newton-Schulz.
    """

    keeps: ClassVar[tuple[str, ...]] = ("velocity",)

    rate: Positive | Rate = 0.02
    others: Positive = 0.003
    momentum: Fraction = 0.95
    iterations: Annotated[Count, BY_NAME] = 5
    weight_decay: Annotated[NonNegative, BY_NAME] = 0.01

    def start(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> list[Group]:
        trained = list(named_parameters)
        inner = [(name, weight) for name, weight in trained if is_hidden_matrix(name, weight)]
        rest = [(name, weight) for name, weight in trained if not is_hidden_matrix(name, weight)]
        return super().start(inner) + self.beside().start(rest)

    def beside(self) -> AdamW:
        """The rule for all that is no matrix."""
        return AdamW(self.others, weight_decay=self.weight_decay)

    @torch.no_grad()
    def update(self, groups: list[Group], rate: float) -> None:
        peak = self.rate.rate if isinstance(self.rate, Rate) else self.rate
        super().update([group for group in groups if "velocity" in group.state], rate)
        self.beside().update([group for group in groups if "mean" in group.state], rate / peak * self.others)

    def change(
        self, p: list[Tensor], g: list[Tensor], state: dict[str, list[Tensor]], rate: float, weight_decay: float
    ) -> None:
        velocity = state["velocity"]
        torch._foreach_mul_(velocity, self.momentum)
        torch._foreach_add_(velocity, g)
        if weight_decay:
            torch._foreach_mul_(p, 1 - rate * weight_decay)
        for weight, gradient, moving in zip(p, g, velocity, strict=True):
            step = orthogonal((gradient + self.momentum * moving).flatten(1), self.iterations)
            scale = max(1.0, step.shape[0] / step.shape[1]) ** 0.5
            weight.sub_(step.view(weight.shape), alpha=rate * scale)


def is_hidden_matrix(name: str, weight: nn.Parameter) -> bool:
    """Whether a parameter maps vectors inside the net, so that its momentum is made orthogonal."""
    first, *inside = name.split(".")
    ends = first == "end" and not any(part in STAGES_OF_ENDS for part in inside)
    return weight.dim() > 1 and not isinstance(weight, RowsApart) and not ends


def orthogonal(matrix: Tensor, iterations: int) -> Tensor:
    """Nearly U V^T of a matrix U S V^T: its singular values brought between about 0.7 and 1.2.

    X <- a X + (b A + c A^2) X with A = X X^T, begun at X / |X|.
    """
    a, b, c = QUINTIC
    wide = matrix.shape[0] <= matrix.shape[1]
    x: Tensor = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if wide else x.T
