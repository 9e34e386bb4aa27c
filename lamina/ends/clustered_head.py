"""A softmax over a large vocabulary that is computed in parts: most tokens cost a few columns of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.ends.vocabulary_head import Best, Head
from lamina.errors import KindError
from lamina.initialise import Following, Rule, fill
from lamina.kinds import Kind
from lamina.layers.embed import Embed
from lamina.layers.weights import new_weight
from lamina.stage import Stage


class Cluster(NamedTuple):
    """A run of tokens behind the first ones.

    Attributes:
        place: its place among the clusters.
        start: its first token.
        end: the one behind its last.
    """

    place: int
    start: int
    end: int


class ClusteredHead(Head):
    """p(y) = p(c) p(y | c): which cluster y is in, then which token of it. The first cluster's tokens are their own.

    One softmax is over tokens 0 to cutoffs_1 - 1 and a vector for each further cluster; one over the tokens of each
    cluster. A loss takes the first for all positions, and of the others what the target is in; where tokens are
    numbered by how often they come, that is little. Every token has a vector of full width, so that W may be tied.

    Source: Goodman 2001, "Classes for fast maximum entropy training"; clusters by frequency, the first without a
    cluster's vector, as in Grave et al. 2017, "Efficient softmax approximation for GPUs", section 4.3 (there the
    vectors of rare tokens are narrower).

    Args:
        owner, given, width, vocabulary, embedding: as of `Head`.
        cutoffs: the first token of each cluster behind the first, in growing order.

    Raises:
        KindError: if a cutoff is beyond the vocabulary.
    """

    def __init__(
        self,
        owner: Stage,
        given: Kind,
        width: int,
        vocabulary: int,
        embedding: Embed | None,
        cutoffs: Sequence[int],
    ) -> None:
        super().__init__(owner, given, width, vocabulary, embedding)
        if cutoffs[-1] >= vocabulary:
            raise KindError(
                f"{owner} cuts the vocabulary at {cutoffs[-1]}, but it has {vocabulary} tokens; take smaller cutoffs"
            )
        self.cutoffs = tuple(cutoffs)
        self.clusters = new_weight(owner, given, len(cutoffs), width)
        self.cluster_offset = new_weight(owner, given, len(cutoffs))

    def initialise(self, rule: Rule, following: Following, random: torch.Generator) -> None:
        super().initialise(rule, following, random)
        fill(self.clusters, rule, following, random)

    def forward(self, h: Float[Tensor, "... D"]) -> Float[Tensor, "... V"]:
        """ln p of every token: logits whose softmax is p."""
        weights, offsets = self._parts()
        first = self._first(h, weights[0], offsets[0])
        parts = [first[..., : self.cutoffs[0]]]
        for cluster in self._each():
            inner = F.log_softmax(F.linear(h, weights[1 + cluster.place], offsets[1 + cluster.place]), -1)
            parts.append(inner + first[..., self.cutoffs[0] + cluster.place].unsqueeze(-1))
        return torch.cat(parts, -1)

    def nats(self, h: Float[Tensor, "N D"], tokens: Int64[Tensor, " N"], smoothing: float = 0.0) -> Float[Tensor, " N"]:
        if smoothing:
            raise ValueError("smoothing spreads over all tokens, of which clusters leave most uncomputed")
        weights, offsets = self._parts()
        first = self._first(h, weights[0], offsets[0])
        bounds = torch.tensor(self.cutoffs, device=tokens.device)
        place = torch.bucketize(tokens, bounds, right=True) - 1  # -1: the token is its own
        column = torch.where(place < 0, tokens, self.cutoffs[0] + place)
        nats = -first.gather(1, column[:, None]).squeeze(1)
        for cluster in self._each():
            rows = (place == cluster.place).nonzero().squeeze(1)
            if len(rows):
                logits = F.linear(h.index_select(0, rows), weights[1 + cluster.place], offsets[1 + cluster.place])
                within = tokens.index_select(0, rows) - cluster.start
                inner = F.cross_entropy(logits.to(self.offset.dtype), within, reduction="none")
                nats = nats.index_add(0, rows, inner)
        return nats

    def best(self, h: Float[Tensor, "N D"]) -> Best:
        # No token is likelier than its cluster: only clusters above the best so far are looked into.
        weights, offsets = self._parts()
        first = self._first(h, weights[0], offsets[0])
        value, token = first[:, : self.cutoffs[0]].max(1)
        for cluster in self._each():
            above = first[:, self.cutoffs[0] + cluster.place]
            rows = (above > value).nonzero().squeeze(1)
            if len(rows):
                logits = F.linear(h.index_select(0, rows), weights[1 + cluster.place], offsets[1 + cluster.place])
                found, where = (F.log_softmax(logits, 1) + above.index_select(0, rows)[:, None]).max(1)
                better = found > value.index_select(0, rows)
                rows = rows[better]
                value = value.index_copy(0, rows, found[better])
                token = token.index_copy(0, rows, where[better] + cluster.start)
        return Best(token, value)

    def _each(self) -> Iterator[Cluster]:
        edges = pairwise((*self.cutoffs, len(self.offset)))
        return (Cluster(place, start, end) for place, (start, end) in enumerate(edges))

    def _parts(self) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """The weights and offsets of the first tokens, then of each cluster."""
        # One split in place of many slices: each slice would have a gradient as large as the whole table.
        sizes = [self.cutoffs[0], *(cluster.end - cluster.start for cluster in self._each())]
        return torch.split(self.table(), sizes), torch.split(self.offset, sizes)

    def _first(self, h: Tensor, weight: Tensor, offset: Tensor) -> Tensor:
        """ln p of the first tokens, then of each cluster."""
        both = torch.cat((weight, self.clusters)), torch.cat((offset, self.cluster_offset))
        return F.log_softmax(F.linear(h, *both).to(self.offset.dtype), -1)
