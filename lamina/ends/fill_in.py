"""The end that tells hidden tokens from what stands around them."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.chance import generator
from lamina.end import End, Score
from lamina.ends.next_token import Guessed
from lamina.ends.vocabulary_head import Head, Scored, scored, spread_out
from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence, Tokens, rows
from lamina.layers.dense import Dense
from lamina.layers.embed import Embed
from lamina.layers.mask_tokens import MaskTokens
from lamina.layers.norm import LayerNorm
from lamina.metrics import TokenTally
from lamina.nets.bert import BERT, SPREAD
from lamina.stage import Chain, expect

EPSILON = 1e-12
"""Of the norm, as in BERT."""


class FillIn(End):
    """p(x_t | the text with holes) = softmax(LayerNorm(GELU(A h_t)) W^T + b): a masked language model.

    Its loss is the cross-entropy of the tokens that the net's `MaskTokens` has hidden, in nats, and only at these
    positions are logits made. In a net that is not given tokens, all visible positions of the target count.

    Beside another end it is the mean over the hidden tokens of each text, so that the sum with `NextSentence` is the
    loss that BERT was pre-trained by, but for texts of unlike length, of which each has the same weight here.

    Source: Devlin et al. 2019, section 3.1 and appendix A.1; W is the table of embeddings as in their program. Weights
    start normal with deviation 0.02.

    Args:
        tied: whether W is the table of the net's `BERT` or `Embed` (Press and Wolf 2017).
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Tokens,)
    fills: ClassVar[bool] = True

    tied: bool = True

    def meet(self, body: Chain) -> None:
        masks = [stage for stage in body.stages if isinstance(stage, MaskTokens)]
        if not masks and body.kinds and isinstance(body.kinds[0], Tokens):
            raise KindError(f"{self} fills in what is hidden, but nothing hides it; put MaskTokens() first")
        for mask in masks:
            mask.__dict__["filled"] = True
        # They are parts of the body, and no parts of this.
        self.__dict__["mask"] = masks[0] if masks else None
        self.__dict__["embedding"] = embedding_of(body) if self.tied else None
        if self.tied and self.__dict__["embedding"] is None:
            raise KindError(f"{self} shares its weights with a BERT or an Embed, but there is none; say tied=False")

    def build(self, given: Kind) -> Kind:
        given, target = expect(self, given, Sequence), self.aimed_at(Tokens)
        embedding: Embed | None = self.__dict__["embedding"]
        inner = embedding.width if embedding is not None else given.width
        if embedding is not None and embedding.vocabulary != target.vocabulary:
            raise KindError(
                f"{self} takes the weights of {embedding}, for {embedding.vocabulary} tokens, to predict {target}; say"
                " tied=False"
            )
        self.dense, self.norm = Dense(inner), LayerNorm(EPSILON)
        self.norm.build(self.dense.build(given))
        self.head = Head(self, Sequence(inner), inner, target.vocabulary, embedding)
        return Sequence(target.vocabulary)

    @torch.no_grad()
    def initialise(self, seed: int, following: Following) -> None:
        self.dense.weight.normal_(0, SPREAD, generator=generator(seed, self.place, "dense"))
        if self.__dict__["embedding"] is None:
            self.head.weight.normal_(0, SPREAD, generator=generator(seed, self.place))

    def inner(self, h: Float[Tensor, "... D"]) -> Float[Tensor, "... K"]:
        """What the head takes."""
        flat: Tensor = self.norm(F.gelu(self.dense(h.flatten(0, -2))))
        return flat.view(*h.shape[:-1], flat.shape[-1])

    def forward(self, h: Padded) -> Padded:
        return h._replace(values=self.head(self.inner(h.values)))  # (B, T, V)

    def counted(self, target: Padded) -> Padded:
        """The target, visible where it counts."""
        mask: MaskTokens | None = self.__dict__["mask"]
        return target if mask is None else target._replace(visible=mask.chosen(target))

    def nats(self, h: Padded, counted: Padded) -> Float[Tensor, " N"]:
        """-ln p of each token that counts."""
        found = scored(h.values, counted)
        return self.head.nats(self.inner(found.h), found.tokens)

    def score(self, h: Padded, target: Padded) -> Score:
        nats = self.nats(h, self.counted(target))
        # Texts of which nothing can be hidden have no loss, but the mean over none of them would be no number.
        return Score(nats.sum(), max(1, len(nats)))

    def score_beside(self, h: Padded, target: Padded) -> Score:
        counted = self.counted(target)
        nats, visible = self.nats(h, counted), counted.visible
        each = visible.sum(1, keepdim=True).expand_as(visible)[visible]  # (N,)
        return Score((nats / each).sum(), rows(target))

    def predict(self, h: Padded) -> Guessed:
        best = self.head.best(self.inner(h.values).flatten(0, 1))
        return Guessed(best.token.view(h.visible.shape), best.log_probability.view(h.visible.shape))

    def tally(self, h: Padded, target: Padded) -> TokenTally:
        counted = self.counted(target)
        found: Scored = scored(h.values, counted)
        inner = self.inner(found.h)
        right = self.head.best(inner).token == found.tokens
        nats, visible = self.head.nats(inner, found.tokens), counted.visible
        return TokenTally.of(spread_out(nats, visible), spread_out(right, visible), visible)

    def sample(self, h: Padded, random: torch.Generator) -> Int64[Tensor, "B T"]:
        """A token for each position, drawn from p."""
        p = F.softmax(self(h).values, -1)
        return p.flatten(0, 1).multinomial(1, generator=random).view(p.shape[:2])

    def multiply_adds(self) -> int:
        return self.dense.multiply_adds() + self.head.multiply_adds()


def embedding_of(body: Chain) -> Embed | None:
    """The vectors of a body's tokens."""
    for stage in body.stages:
        found: Any = getattr(stage, "embed", None) if isinstance(stage, BERT) else stage
        if isinstance(found, Embed):
            return found
    return None
