"""Learned vectors for tokens."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

from lamina.chance import generator
from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence, Tokens
from lamina.layers.weights import new_rows
from lamina.settings import Count
from lamina.stage import Stage, expect


class Embed(Stage):
    """A learned vector for each token: y_t = E[x_t].

    Source: Bengio et al. 2003, section 2. E starts normal with variance 1 / width, so that a vector has length about 1.

    Args:
        width: the numbers in a vector.
    """

    width: Count

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Tokens)
        self.vocabulary = given.vocabulary
        self.table = new_rows(self, given, given.vocabulary, self.width)
        return Sequence(self.width)

    def initialise(self, seed: int, following: Following) -> None:
        nn.init.normal_(self.table, 0, self.width**-0.5, generator=generator(seed, self.place))

    def forward(self, x: Padded) -> Padded:
        return x._replace(values=F.embedding(x.values, self.table))  # (B, T, D)
