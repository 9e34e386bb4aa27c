"""The restricted Boltzmann machine."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.chance import generator, uniforms
from lamina.errors import DataError
from lamina.initialise import Following
from lamina.kinds import Image, Kind, Vector
from lamina.layers.pca import numbers_in
from lamina.layers.weights import new_weight
from lamina.settings import Count
from lamina.stage import Stage, expect

SMALL = 0.01
"""The deviation of first weights (Hinton 2010, "A practical guide", section 8)."""


class RBM(Stage):
    """y = p(h = 1 | v) = σ(W v + c), in a model p(v, h) ∝ exp(hᵀ W v + bᵀ v + cᵀ h), learned by contrastive divergence.

    The visible v lie in [0, 1]. To the loss comes F(v) - F(v'), F(v) = -bᵀ v - Σ_j ln(1 + exp(W v + c)_j) the free
    energy, v' what is left of v after `sweeps` of Gibbs sampling, each example's by its own draws. Its gradient is that
    of CD-k, and no error of what follows reaches W, b and c. Hidden units are drawn, the last v' are probabilities.

    Source: Hinton 2002, section 4 ("Training products of experts"); Hinton 2010, "A practical guide", section 3.

    Args:
        width: the number of hidden units.
        sweeps: k.
    """

    charges: ClassVar[bool] = True
    learns_alone: ClassVar[bool] = True

    width: Count
    sweeps: Count = 1

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector, Image)
        size = numbers_in(self, given)
        self.weight = new_weight(self, given, self.width, size)
        self.offset = new_weight(self, given, self.width)
        self.visible_offset = new_weight(self, given, size)
        return Vector(self.width)

    def initialise(self, seed: int, following: Following) -> None:
        with torch.no_grad():
            self.weight.normal_(0.0, SMALL, generator=generator(seed, self.place))

    def forward(self, v: Float[Tensor, "B ..."]) -> Float[Tensor, "B W"]:
        return F.linear(v.flatten(1), self.weight, self.offset).sigmoid()

    def charge(self, v: Float[Tensor, "B ..."]) -> tuple[Tensor, Tensor | None]:
        if not self.training:
            return self(v), None
        flat = v.detach().flatten(1)
        if not 0 <= float(flat.min()) <= float(flat.max()) <= 1:
            worst = float(flat.min()) if float(flat.min()) < 0 else float(flat.max())
            raise DataError(
                f"{self} takes numbers from 0 to 1, got {worst:g}; bring the data to [0, 1], and put no Standardize()"
                " before it"
            )
        y = F.linear(v.flatten(1), self.weight.detach(), self.offset.detach()).sigmoid()
        return y, self.energy(flat) - self.energy(self.dreamt(flat))

    def energy(self, v: Float[Tensor, "B D"]) -> Float[Tensor, " B"]:
        """F(v) = -ln Σ_h exp(hᵀ W v + bᵀ v + cᵀ h)."""
        return -(v @ self.visible_offset) - F.softplus(F.linear(v, self.weight, self.offset)).sum(1)

    @torch.no_grad()
    def dreamt(self, v: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """What Gibbs sampling comes to from v."""
        size = self.width + v.shape[1]
        drawn = torch.split(uniforms(len(v), size * self.sweeps, self.place, v.device), size, 1)
        for sweep, noise in enumerate(drawn, start=1):
            hidden = (noise[:, : self.width] < F.linear(v, self.weight, self.offset).sigmoid()).to(v.dtype)
            v = torch.addmm(self.visible_offset, hidden, self.weight).sigmoid()
            if sweep < self.sweeps:
                v = (noise[:, self.width :] < v).to(v.dtype)
        return v

    def multiply_adds(self) -> int:
        return self.weight.numel()
