"""Two texts, side by side."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lamina.chance import generator
from lamina.initialise import Following
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Kind, Padded, Tokens, Vector
from lamina.layers.weights import new_rows
from lamina.settings import Count
from lamina.stage import Stage, expect


class Compare(Stage):
    """(u, v, |u - v|, u v) of a pair of texts, u = D^(1/2) m / |m|, m = Σ E[x_t] over the one; v of the other.

    The texts are parted by the first token that ends one; what begins and ends them is no part. A text of no tokens is
    0. E starts normal, so the mean of u v starts near the cosine of the two bags of words: where words are shared, the
    product shows it before anything is learned. Source: Mou et al. 2016, "Natural language inference by tree-based
    convolution and heuristic matching", section 3.3; there u and v are not brought to one length, without which the
    product of long texts' means vanishes beside them.

    Args:
        width: D, the numbers of a token's vector.
    """

    width: Count

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Tokens)
        self.table = new_rows(self, given, given.vocabulary, self.width)
        return Vector(4 * self.width)

    def initialise(self, seed: int, following: Following) -> None:
        nn.init.normal_(self.table, 0, self.width**-0.5, generator=generator(seed, self.place))

    def forward(self, x: Padded) -> Float[Tensor, "B K"]:
        tokens = x.values
        other = (tokens == END_TOKEN).cumsum(1) > 0
        said = x.visible & (tokens != BEGIN_TOKEN) & (tokens != END_TOKEN)
        vectors = F.embedding(tokens, self.table)  # (B, T, D)
        u, v = (self.one_of(vectors, said & side) for side in (~other, other))
        return torch.cat((u, v, (u - v).abs(), u * v), 1)

    def one_of(self, vectors: Float[Tensor, "B T D"], said: Bool[Tensor, "B T"]) -> Float[Tensor, "B D"]:
        """A vector of a text, of length D^(1/2)."""
        total = vectors.masked_fill(~said[..., None], 0.0).sum(1)
        vector: Tensor = self.width**0.5 * F.normalize(total, dim=1)
        return vector

    def looks_back(self) -> bool:
        return False
