"""Pooling over positions: a sequence becomes one vector."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence, Vector
from lamina.stage import Stage, expect


class OverTime(Stage):
    """A stage that makes one vector of the visible positions of each row; zeros where a row has none."""

    def build(self, given: Kind) -> Kind:
        return Vector(expect(self, given, Sequence).width)

    def forward(self, x: Padded) -> Float[Tensor, "B D"]:
        # Fill, don't multiply: what was made of no position may be inf, and inf * 0 is nan.
        return self.pooled(x).masked_fill(~x.visible.any(1, keepdim=True), 0.0)

    def pooled(self, x: Padded) -> Float[Tensor, "B D"]:
        """The vector of each row; anything where the row has no visible position."""
        raise NotImplementedError(f"{self.name()} does not say how it pools")

    def following(self) -> Following | None:
        return None

    def looks_back(self) -> bool:
        return False


class Last(OverTime):
    """y = h_T: the last visible position, behind a recurrence all that it kept of the row.

    Source: Hochreiter and Schmidhuber 1997, section 5.4; Sutskever, Vinyals and Le 2014, section 2.

    Behind `BiLSTM` and its like it is that position of both directions: the half that reads onward has seen the whole
    row there, the half that reads backward the last position alone. `Mean` and `Max` look at both halves everywhere.
    """

    def pooled(self, x: Padded) -> Float[Tensor, "B D"]:
        last = x.visible.sum(1) - 1  # (B,); -1 where there is none, which is a position too
        return x.values[torch.arange(len(last), device=last.device), last]  # (B, D)


class First(OverTime):
    """y = h_1: the first position, such as that of a token that stands for the whole text.

    Source: Devlin et al. 2019, section 4.1. Behind `BiLSTM` and its like it is that position of both directions, so
    that the half that reads backward has seen the whole row.
    """

    def pooled(self, x: Padded) -> Float[Tensor, "B D"]:
        return x.values[:, 0]


class Mean(OverTime):
    """y = (sum over visible t of h_t) / (how many there are).

    Source: Iyyer et al. 2015, section 2 (there of the vectors of words, with nothing recurrent).
    """

    def pooled(self, x: Padded) -> Float[Tensor, "B D"]:
        return mean(x)

    def following(self) -> Following | None:
        return "linear"


class Max(OverTime):
    """y = the greatest h_t over visible t, of each number alone.

    Source: Collobert et al. 2011, section 3.3.2 ("max over time"). Positions that are equally great share the gradient.
    """

    def pooled(self, x: Padded) -> Float[Tensor, "B D"]:
        return x.values.masked_fill(~x.visible[..., None], -torch.inf).amax(1)


def mean(x: Padded) -> Float[Tensor, "B D"]:
    """The mean over the visible positions of each row; zeros where there are none."""
    count = x.visible.sum(1, keepdim=True).clamp(min=1)  # (B, 1)
    return x.values.masked_fill(~x.visible[..., None], 0.0).sum(1) / count
