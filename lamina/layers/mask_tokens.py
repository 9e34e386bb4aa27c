"""Tokens hidden in training, so that a net learns to tell them from what stands around them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from lamina.chance import uniforms
from lamina.errors import KindError
from lamina.kinds import END_TOKEN, Kind, Padded, Tokens
from lamina.settings import Bounds, Fraction
from lamina.stage import Stage, expect

Rate: TypeAlias = Annotated[float, Bounds(low=0, high=1, low_open=True, high_open=True)]

DRAWS = 3
"""Numbers that are drawn for each position: whether it is chosen, what becomes of it, and which token."""


class Masked(NamedTuple):
    """A batch as the net sees it, and which of its positions are to be filled in."""

    tokens: Padded
    chosen: Bool[Tensor, "B T"]


class MaskTokens(Stage):
    """Of n tokens max(1, round(rate n)) are chosen; each becomes the mask, or any token, or stays.

    What is chosen is drawn anew at each step of training, and is the same each time in evaluation. `FillIn` at the end
    of the net is measured by just these. Behind any other end the stage rests in evaluation, and always in `forward`
    there, so that a text that is asked about is read as it is.

    Tokens that begin or end a text, and unknown ones, are never chosen nor put in a place. With `each="word"` all parts
    of a word are chosen or none, so that there may be a few more. Source: Devlin et al. 2019, section 3.1 and appendix
    A.1; whole words as in the later release of their program. There the number is limited to 20 besides.

    Args:
        rate: the share of the tokens that is chosen.
        masked: the share of those that becomes the mask.
        random: the share of those that becomes a token drawn from the vocabulary; the others stay.
        each: whether tokens are chosen, or words.
    """

    charges: ClassVar[bool] = True

    rate: Rate = 0.15
    masked: Annotated[float, Bounds(low=0, high=1)] = 0.8
    random: Fraction = 0.1
    each: Literal["token", "word"] = "token"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # Whether an end is about what is hidden here; said by that end when it meets the body. No part of the state.
        self.__dict__["filled"] = False

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        masked, random = values["masked"], values["random"]
        if masked + random <= 1:
            return []
        return [f"MaskTokens: masked and random are shares of one whole, got masked={masked:g}, random={random:g}"]

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Tokens)
        if not given.mask:
            raise KindError(f"{self} puts [MASK] for tokens, but {given} has none; read the text with tokens='bert'")
        if self.each == "word" and not given.parts:
            raise KindError(
                f"{self} hides whole words, but {given} does not say which tokens go on with one; leave each='word' out"
            )
        self.kind = given
        return given

    def forward(self, x: Padded) -> Padded:
        return self.drawn(x).tokens if self.training else x

    def charge(self, x: Any) -> tuple[Any, None]:
        return (self.drawn(x).tokens if self.training or self.__dict__["filled"] else x), None

    def chosen(self, x: Padded) -> Bool[Tensor, "B T"]:
        """The positions of these tokens that are hidden, by the draws at hand."""
        return self.drawn(x).chosen

    def drawn(self, x: Padded) -> Masked:
        """What becomes of tokens; asked again with the same draws, the same."""
        tokens, length = x.values, x.values.shape[1]
        # Those of a position do not depend on how far its row is padded.
        draws = uniforms(len(tokens), DRAWS * length, self.place, tokens.device).view(len(tokens), length, DRAWS)
        chosen = self.choice(tokens, x.visible & (tokens > END_TOKEN), draws[..., 0])
        fate, own = draws[..., 1], END_TOKEN + 1
        other = (draws[..., 2] * (self.kind.vocabulary - own)).long() + own
        new = torch.where(
            fate < self.masked, self.kind.mask, torch.where(fate < self.masked + self.random, other, tokens)
        )
        return Masked(x._replace(values=torch.where(chosen, new, tokens)), chosen)

    def choice(
        self, tokens: Int64[Tensor, "B T"], may: Bool[Tensor, "B T"], draw: Float[Tensor, "B T"]
    ) -> Bool[Tensor, "B T"]:
        """The positions with the least draws, of those that may be; of a word its first part draws for all."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        starts = may
        if self.each == "word":
            # A part without a beginning, as where a text was cut, begins a word itself.
            starts = may & ((tokens < self.kind.parts) | ~may.roll(1, 1) | (places == 0))
        first = torch.where(starts, places, 0).cummax(1).values  # (B, T)
        draw = draw.gather(1, first).masked_fill(~may, 2.0)
        # Stable, so that the parts of a word stay together.
        order = draw.argsort(dim=1, stable=True)
        rank = torch.empty_like(order).scatter_(1, order, places.expand_as(order))
        number = may.sum(1, keepdim=True)
        wanted = (number * self.rate).round().long().clamp(min=1)
        return may & (rank.gather(1, first) < wanted)
