"""Recurrences: one layer in one direction each, by torch's kernels, and what one begins with."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.initialise import fill
from lamina.kinds import Kind
from lamina.layers.weights import new_weight
from lamina.stage import Stage


class Recurrence(nn.Module):
    """h_t = f(x_t, h_t-1) along each row, from the first position on.

    Torch's kernels run over whole padded rows: padding stands at the end, so it comes too late to matter. They add a
    bias to x_t's part and another to h_t-1's, whose sum alone counts where f adds these parts; here that is one vector.

    Args:
        stage: whose it is, for messages.
        given: what that stage was given, for messages.
        inputs: the numbers of x_t.
        width: the numbers of h_t.
    """

    gates: ClassVar[int] = 1
    """How many maps of x_t and h_t-1 there are; their weights stand one below the other."""

    states: ClassVar[int] = 1
    """How many vectors are carried from position to position."""

    def __init__(self, stage: Stage, given: Kind, inputs: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.input_weight = new_weight(stage, given, self.gates * width, inputs)
        self.state_weight = new_weight(stage, given, self.gates * width, width)
        self.offset = new_weight(stage, given, self.gates * width)

    @torch.no_grad()
    def initialise(self, random: torch.Generator) -> None:
        """Draw each gate's map of x_t by Glorot's rule, its map of h_t-1 orthogonal; offsets stay 0."""
        for weight in self.input_weight.chunk(self.gates):
            fill(weight, "glorot", "tanh", random)
        for weight in self.state_weight.chunk(self.gates):
            fill(weight, "orthogonal", "tanh", random)

    def forward(
        self, x: Float[Tensor, "B T D"], state: tuple[Float[Tensor, "B W"], ...] | None
    ) -> tuple[Float[Tensor, "B T W"], tuple[Float[Tensor, "B W"], ...]]:
        """All h_t, and the state behind the last position; None begins with zeros."""
        if state is None:
            state = (x.new_zeros(len(x), self.width),) * self.states
        # The kernels want a first axis for layers, and contiguous memory on some devices.
        out, *behind = self.run(x, [part[None].contiguous() for part in state])
        return out, tuple(part[0] for part in behind)

    def run(self, x: Tensor, state: list[Tensor]) -> Items[Tensor]:
        """Torch's kernel: all h_t (B, T, W), and the state's parts (1, B, W)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it runs")

    def weights(self) -> list[Tensor]:
        """The weights as torch's kernels take them, the second bias 0."""
        return [self.input_weight, self.state_weight, self.offset, torch.zeros_like(self.offset)]

    def multiply_adds(self) -> int:
        """Multiplications (each with its addition) for one position."""
        return self.input_weight.numel() + self.state_weight.numel()


class Elman(Recurrence):
    """The recurrence of `RNN`."""

    def run(self, x: Tensor, state: list[Tensor]) -> Items[Tensor]:
        return torch.rnn_tanh(x, state[0], self.weights(), True, 1, 0.0, self.training, False, True)


class LongShortTerm(Recurrence):
    """The recurrence of `LSTM`: gates i, f, g, o; states h and c."""

    gates: ClassVar[int] = 4
    states: ClassVar[int] = 2

    def initialise(self, random: torch.Generator) -> None:
        super().initialise(random)
        with torch.no_grad():
            self.offset[self.width : 2 * self.width] = 1

    @torch.no_grad()
    def remember(self, span: int, random: torch.Generator) -> None:
        """Let the gates i and f hold what is in c for up to `span` positions, each number of c for as long as drawn."""
        lasting = torch.empty(self.width).uniform_(1, span - 1, generator=random).log()
        self.offset[: 2 * self.width] = torch.cat((-lasting, lasting))

    def run(self, x: Tensor, state: list[Tensor]) -> Items[Tensor]:
        return torch.lstm(x, state, self.weights(), True, 1, 0.0, self.training, False, True)


class Gated(Recurrence):
    """The recurrence of `GRU`: gates r, z, n."""

    gates: ClassVar[int] = 3

    def __init__(self, stage: Stage, given: Kind, inputs: int, width: int) -> None:
        super().__init__(stage, given, inputs, width)
        # Inside n, r multiplies the state's part with its bias, so that this one is no sum with the other.
        self.state_offset = new_weight(stage, given, width)

    def weights(self) -> list[Tensor]:
        return [*super().weights()[:3], F.pad(self.state_offset, (2 * self.width, 0))]

    def run(self, x: Tensor, state: list[Tensor]) -> Items[Tensor]:
        return torch.gru(x, state[0], self.weights(), True, 1, 0.0, self.training, False, True)


class Start(nn.Module):
    """s = tanh(V m + b): what recurrences begin with, from one vector m of what they are about.

    Args:
        stage: whose it is, for messages.
        memory: what it is about, for messages.
        size: the numbers of m.
        width: the numbers of each s.
        count: how many s there are; each has its own V and b.
    """

    def __init__(self, stage: Stage, memory: Kind, size: int, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.weight = new_weight(stage, memory, count * width, size)
        self.offset = new_weight(stage, memory, count * width)

    @torch.no_grad()
    def initialise(self, random: torch.Generator) -> None:
        """Draw each V by Glorot's rule; b stays 0."""
        for weight in self.weight.chunk(self.count):
            fill(weight, "glorot", "tanh", random)

    def forward(self, m: Float[Tensor, "B D"]) -> tuple[Float[Tensor, "B W"], ...]:
        return torch.tanh(F.linear(m, self.weight, self.offset)).chunk(self.count, -1)
