"""The end of language models."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.chance import generator
from lamina.end import End, Score
from lamina.ends.clustered_head import ClusteredHead
from lamina.ends.vocabulary_head import Head, scored, spread_out
from lamina.errors import KindError
from lamina.initialise import Following, Rule
from lamina.kinds import Kind, Padded, Sequence, Tokens
from lamina.layers.embed import Embed
from lamina.metrics import TokenTally
from lamina.settings import Count, Fraction
from lamina.stage import Chain, expect


class Guessed(NamedTuple):
    """The likeliest token behind each position, and the logarithm of its probability."""

    token: Int64[Tensor, "B T"]
    log_probability: Float[Tensor, "B T"]


class NextToken(End):
    """p(x_t+1 | x_1 .. x_t) = softmax(h_t W^T + b): a categorical distribution over the token behind each position.

    Its loss is the cross-entropy of all visible target tokens, in nats. Source: Bengio et al. 2003, section 2.

    Args:
        smoothing: s of training: (1 - s) on the token plus s spread over all (Szegedy et al. 2016, section 7).
        tied: whether W is the table of the net's `Embed`, so that both are learned as one (Press and Wolf 2017;
            Inan et al. 2017); h must then be as wide as the embedding.
        init: how W is drawn where it is not tied; see `lamina.initialise`.
        cutoffs: the first token of each cluster behind the commonest tokens; then p(y) = p(cluster) p(y | cluster), and
            a step computes what it needs of a large vocabulary (see `lamina.ends.clustered_head`). () for one softmax.
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Tokens,)

    smoothing: Fraction = 0.0
    tied: bool = False
    init: Rule = "auto"
    cutoffs: tuple[Count, ...] = ()

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        cutoffs = values["cutoffs"]
        mistakes = []
        if any(before >= after for before, after in pairwise(cutoffs)):
            mistakes.append(f"cutoffs must grow, got cutoffs={cutoffs}")
        if cutoffs and values["smoothing"]:
            mistakes.append("smoothing spreads over all tokens, most of which cutoffs leave out; give one of them")
        return mistakes

    def meet(self, body: Chain) -> None:
        embeds = [stage for stage in body.stages if isinstance(stage, Embed)]
        self.__dict__["embedding"] = embeds[0] if self.tied and embeds else None
        if self.tied and not embeds:
            raise KindError(f"{self} shares its weights with an Embed, but there is none; put one, or leave tied out")
        for stage in body.stages:
            if not stage.looks_back():
                raise KindError(
                    f"{stage} looks ahead, and {self} would predict what has been seen; take a stage that looks back"
                    " only, such as LSTM(256) or Transformer(causal=True)"
                )

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Sequence)
        target, embedding = self.aimed_at(Tokens), self.__dict__["embedding"]
        if embedding is not None and (embedding.width, embedding.vocabulary) != (given.width, target.vocabulary):
            raise KindError(
                f"{self} takes the weights of {embedding}, for {embedding.vocabulary} tokens, but is given {given} to"
                f" predict {target}; put Dense({embedding.width}) before it, or leave tied out"
            )
        all_of_it = (self, given, given.width, target.vocabulary, embedding)
        self.head = ClusteredHead(*all_of_it, self.cutoffs) if self.cutoffs else Head(*all_of_it)
        return Sequence(target.vocabulary)

    def initialise(self, seed: int, following: Following) -> None:
        self.head.initialise(self.init, following, generator(seed, self.place))

    def forward(self, h: Padded) -> Padded:
        return h._replace(values=self.head(h.values))  # (B, T, V)

    def score(self, h: Padded, target: Padded) -> Score:
        found = scored(h.values, target)
        smoothing = self.smoothing if self.training else 0.0
        return Score(self.head.nats(found.h, found.tokens, smoothing).sum(), len(found.tokens))

    def predict(self, h: Padded) -> Guessed:
        best = self.head.best(h.values.flatten(0, 1))
        return Guessed(best.token.view(h.visible.shape), best.log_probability.view(h.visible.shape))

    def tally(self, h: Padded, target: Padded) -> TokenTally:
        found = scored(h.values, target)
        nats = self.head.nats(found.h, found.tokens)
        right = self.head.best(found.h).token == found.tokens
        visible = target.visible
        return TokenTally.of(spread_out(nats, visible), spread_out(right, visible), visible)

    def sample(self, h: Padded, random: torch.Generator) -> Int64[Tensor, "B T"]:
        """A token behind each position, drawn from p."""
        p = F.softmax(self.head(h.values), -1)
        return p.flatten(0, 1).multinomial(1, generator=random).view(p.shape[:2])

    def multiply_adds(self) -> int:
        return self.head.multiply_adds()
