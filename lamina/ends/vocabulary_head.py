"""From vectors to the logits of a vocabulary, over positions that count, with weights of its own or an embedding's."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from lamina.initialise import Following, Rule, fill
from lamina.kinds import BEGIN_TOKEN, UNKNOWN_TOKEN, Kind, Padded
from lamina.layers.embed import Embed
from lamina.layers.weights import new_weight
from lamina.stage import Stage


class Best(NamedTuple):
    """The likeliest token of each row, and ln p of it."""

    token: Int64[Tensor, " N"]
    log_probability: Float[Tensor, " N"]


class Head(nn.Module):
    """logits = h W^T + b over V tokens. Tied, W is an embedding's table (Press and Wolf 2017) and no weight of its own.

    Args:
        owner: the end that it is part of, for messages.
        given: the kind of h.
        width: the numbers of h.
        vocabulary: V.
        embedding: whose table is W; None for a W of its own.
    """

    def __init__(self, owner: Stage, given: Kind, width: int, vocabulary: int, embedding: Embed | None) -> None:
        super().__init__()
        self.offset = new_weight(owner, given, vocabulary)
        if embedding is None:
            self.weight = new_weight(owner, given, vocabulary, width)
        # The embedding is a part of the body, and no part of this.
        self.__dict__["embedding"] = embedding

    def initialise(self, rule: Rule, following: Following, random: torch.Generator) -> None:
        if self.__dict__["embedding"] is None:
            fill(self.weight, rule, following, random)

    def table(self) -> Float[Tensor, "V D"]:
        """W."""
        embedding: Embed | None = self.__dict__["embedding"]
        return self.weight if embedding is None else embedding.table

    def forward(self, h: Float[Tensor, "... D"]) -> Float[Tensor, "... V"]:
        return F.linear(h, self.table(), self.offset)

    def nats(self, h: Float[Tensor, "N D"], tokens: Int64[Tensor, " N"], smoothing: float = 0.0) -> Float[Tensor, " N"]:
        """-ln p of each token; smoothed, with the share s taken from it and spread over all."""
        return F.cross_entropy(self(h).to(self.offset.dtype), tokens, reduction="none", label_smoothing=smoothing)

    def best(self, h: Float[Tensor, "N D"]) -> Best:
        """The likeliest token of each row."""
        found = F.log_softmax(self(h), -1).max(-1)
        return Best(found.indices, found.values)

    def multiply_adds(self) -> int:
        return self.table().numel()


class Scored(NamedTuple):
    """What counts of a batch: vectors and the tokens that they are to give, N of them."""

    h: Float[Tensor, "N D"]
    tokens: Int64[Tensor, " N"]


def scored(h: Float[Tensor, "B T D"], target: Padded) -> Scored:
    """The positions of a batch whose target may be seen; logits of the others are never made."""
    flat, tokens = h.flatten(0, 1), target.values.flatten()
    if target.visible.all():
        return Scored(flat, tokens)
    where = target.visible.flatten().nonzero().squeeze(1)
    return Scored(flat.index_select(0, where), tokens.index_select(0, where))


def spread_out(values: Tensor, visible: Bool[Tensor, "B T"]) -> Tensor:
    """Numbers of the positions that count, back at their places, zeros elsewhere: (N,) to (B, T)."""
    out = values.new_zeros(visible.shape)
    out[visible] = values
    return out


def writable(
    logits: Float[Tensor, "B V"], never: tuple[int, ...] = (UNKNOWN_TOKEN, BEGIN_TOKEN)
) -> Float[Tensor, "B V"]:
    """Logits by which some tokens are never written: those that are no text."""
    return logits.index_fill(1, places(never, logits.device), -torch.inf)


@functools.lru_cache(maxsize=16)
def places(tokens: tuple[int, ...], device: torch.device) -> Int64[Tensor, " N"]:
    """Tokens as a tensor: made once for all steps."""
    with torch.inference_mode(False):
        return torch.tensor(tokens, device=device)
