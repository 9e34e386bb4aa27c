"""Attention with many heads: of a sequence to itself, and to a memory."""

from __future__ import annotations

import functools
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Complex, Float
from torch import Tensor, nn

from lamina.carried import Grown
from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence
from lamina.layers.attended import attended
from lamina.layers.attention import hiding
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.positions import angles, enough
from lamina.settings import Count, Fraction
from lamina.stage import Flow, Stage, State, expect


class MultiHead(Stage):
    """y_t = W (o_1t; ...; o_Ht) + b, o_ht = sum over s of softmax_s(q_ht . k_hs / sqrt(K)) v_hs; H heads of K = D / H.

    Every position of a sequence looks at every other, or at those before it and itself. q, k and v are affine in x.
    Where a row has nothing to look at, o is 0. Source: Vaswani et al. 2017, section 3.2.2. Dropout comes behind W
    alone, not on the weights of attention: fused kernels do without it, and its noise would not follow from the step
    and the example.

    Args:
        heads: H; it must divide the width.
        causal: whether positions look back only.
        rotary: whether q and k are turned by angles that grow with their positions, so that their products depend on
            the distance alone (Su et al. 2021, equation 34). Nothing else needs to tell positions apart then.
        dropout: of what comes out, in training.
    """

    grows: ClassVar[bool] = True

    heads: Count
    causal: bool = False
    rotary: bool = False
    dropout: Fraction = 0.0

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Sequence)
        check_heads(self, given, self.heads, self.rotary)
        self.project, self.merge, self.drop = Dense(3 * given.width), Dense(given.width), Dropout(self.dropout)
        self.project.build(given)
        return self.merge.build(given)

    def initialise(self, seed: int, following: Following) -> None:
        self.project.initialise(seed, "linear")
        self.merge.initialise(seed, following)

    def looks_back(self) -> bool:
        return self.causal

    def forward(self, x: Padded) -> Padded:
        return self.carry(x, None)[0]

    def carry(self, x: Flow, state: State) -> tuple[Padded, State]:
        """Go on behind a cache: the keys of the positions so far and, beside them, their values, (B, 2 H, P, K)."""
        assert isinstance(x, Padded)
        parts = self.project(x).values.unflatten(-1, (3, self.heads, -1))  # (B, T, 3, H, K)
        # Padding stands behind all that is visible, so that looking back never meets it.
        hidden = None if self.causal else hidden_keys(hiding(x.visible))
        out, state = self.found(parts, state, hidden, self.turns(state, parts))
        out = out.transpose(1, 2).flatten(2)  # (B, T, D)
        return self.drop(self.merge(x._replace(values=out))), state

    def further(
        self, x: Float[Tensor, "B D"], state: Grown, turns: Complex[Tensor, "1 3 1 R"] | None
    ) -> tuple[Float[Tensor, "B D"], Grown]:
        """As `carry` at rest, for one position behind others. No module is called: that would take as long again."""
        parts = affine(self.project, x).view(len(x), 1, 3, self.heads, -1)
        out, state = self.found(parts, state, None, turns)
        return affine(self.merge, out.reshape(x.shape)), state

    def found(
        self,
        parts: Float[Tensor, "B T 3 H K"],
        state: Grown | None,
        hidden: Bool[Tensor, "B 1 1 S"] | None,
        turns: Complex[Tensor, "T 3 1 R"] | None,
    ) -> tuple[Float[Tensor, "B H T K"], Grown]:
        """What the heads find, and the cache behind these positions."""
        before = 0 if state is None else state.seen.shape[2]
        query, both = self.placed(parts, turns)
        cache = Grown(both) if state is None else state.behind(both)
        keys, values = cache.seen.chunk(2, 1)
        mask = self.reach(before, query) if self.causal else hidden
        alone = self.causal and not before
        return attended(query, keys, values, mask, causal=alone), cache

    def placed(
        self, parts: Float[Tensor, "B T 3 H K"], turns: Complex[Tensor, "T 3 1 R"] | None
    ) -> tuple[Float[Tensor, "B H T K"], Float[Tensor, "B 2*H T K"]]:
        """q of each head; and k, and beside it v."""
        placed = (parts if turns is None else turned(parts, turns)).flatten(2, 3).transpose(1, 2)  # (B, 3 H, T, K)
        return placed[:, : self.heads], placed[:, self.heads :]

    def turns(self, state: Grown | None, like: Float[Tensor, "B T ..."]) -> Complex[Tensor, "T 3 1 R"] | None:
        """By what positions behind a cache are turned, see `turned`; None where they are not."""
        if not self.rotary:
            return None
        before = 0 if state is None else state.seen.shape[2]
        after = before + like.shape[1]
        return turns_until(enough(after), self.merge.width // self.heads, like.dtype, like.device)[before:after]

    def reach(self, before: int, query: Float[Tensor, "B H T K"]) -> Bool[Tensor, "T S"] | None:
        """What further positions may look at; None where `is_causal` says it, or where one looks at everything."""
        count = query.shape[2]
        if not before or count == 1:
            return None
        return torch.ones(count, before + count, dtype=torch.bool, device=query.device).tril(before)

    def multiply_adds(self) -> int:
        return self.project.multiply_adds() + self.merge.multiply_adds()


class Across(nn.Module):
    """As MultiHead, but the keys and values are affine in a memory, and made of it once. A part of Transformer.

    Args:
        heads: H.
        dropout: of what comes out, in training.
        given: the kind of the positions that look.
        memory: the kind of what they look at.
    """

    def __init__(self, heads: int, dropout: float, given: Sequence, memory: Sequence) -> None:
        super().__init__()
        self.heads = heads
        self.ask, self.project, self.merge = Dense(given.width), Dense(2 * given.width), Dense(given.width)
        self.drop = Dropout(dropout)
        self.ask.build(given)
        self.project.build(memory)
        self.merge.build(given)

    def initialise(self, seed: int, following: Following) -> None:
        """Draw the first weights."""
        self.ask.initialise(seed, "linear")
        self.project.initialise(seed, "linear")
        self.merge.initialise(seed, following)

    def prepare(self, memory: Padded) -> tuple[Float[Tensor, "B H S K"], Float[Tensor, "B H S K"]]:
        """The keys and values of a memory."""
        parts = self.project(memory).values.unflatten(-1, (2, self.heads, -1))  # (B, S, 2, H, K)
        # Made contiguous once, as it is looked at many times.
        key, value = parts.permute(2, 0, 3, 1, 4).contiguous().unbind()
        return key, value

    def forward(self, x: Padded, prepared: tuple[Tensor, Tensor], visible: Bool[Tensor, "B S"] | None) -> Padded:
        out = self.found(self.ask(x).values, prepared, visible)
        return self.drop(self.merge(x._replace(values=out)))  # type: ignore[no-any-return]

    def further(
        self, x: Float[Tensor, "N D"], prepared: tuple[Tensor, Tensor], visible: Bool[Tensor, "B S"] | None
    ) -> Float[Tensor, "N D"]:
        """As `forward` at rest, for one position; see `MultiHead.further`."""
        return affine(self.merge, self.found(affine(self.ask, x)[:, None], prepared, visible)[:, 0])

    def found(
        self, query: Float[Tensor, "N T D"], prepared: tuple[Tensor, Tensor], visible: Bool[Tensor, "B S"] | None
    ) -> Float[Tensor, "N T D"]:
        """What the heads find in the memory, side by side.

        Args:
            query: of each example, or of several hypotheses about each, which stand one behind the other.
            prepared: keys and values of the memory, (B, H, S, K) each.
            visible: what of it may be looked at; None for all.
        """
        # Hypotheses about one example look side by side, as positions of one row.
        count, width = len(prepared[0]), query.shape[2] // self.heads
        beside = query.view(count, -1, self.heads, width).transpose(1, 2)  # (B, H, N / B T, K)
        out = attended(beside, *prepared, hidden_keys(visible))
        return out.transpose(1, 2).reshape(query.shape)

    def multiply_adds(self) -> int:
        """For one position that looks, and one of the memory."""
        return sum(part.multiply_adds() for part in (self.ask, self.project, self.merge))


def affine(dense: Dense, x: Float[Tensor, "B D"]) -> Float[Tensor, "B W"]:
    """What a dense layer gives, without the call of a module."""
    return F.linear(x, dense.weight, dense.offset)


def hidden_keys(visible: Bool[Tensor, "B S"] | None) -> Bool[Tensor, "B 1 1 S"] | None:
    """The mask of a memory as all heads and all positions have it."""
    return None if visible is None else visible[:, None, None]


def turned(parts: Float[Tensor, "B T 3 H K"], turns: Complex[Tensor, "T 3 1 R"]) -> Float[Tensor, "B T 3 H K"]:
    """Each pair of numbers (x_2i, x_2i+1) of q and k turned by t / 10000^(2i / K), at position t, and v as it is.

    Source: Su et al. 2021, equation 34. As complex numbers, for that is one product, and several times as fast as sines
    and cosines by hand. v is turned by nothing, so that all three stay in one piece.
    """
    pairs = torch.view_as_complex(parts.view(*parts.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).view(parts.shape)


@functools.lru_cache(maxsize=64)
def turns_until(count: int, width: int, dtype: torch.dtype, device: torch.device) -> Complex[Tensor, "T 3 1 R"]:
    """exp(i t rate) for q and k at the first `count` positions t, and 1 for v: made once for all layers and steps."""
    with torch.inference_mode(False):  # so that training may use what generation made
        angle = angles(0, count, width, torch.empty(0, dtype=dtype, device=device))
        angle = torch.stack((angle, angle, torch.zeros_like(angle)), 1)[:, :, None]
        return torch.polar(torch.ones_like(angle), angle)


def check_heads(stage: Stage, given: Sequence, heads: int, rotary: bool) -> None:
    """See that every head gets as many numbers, and pairs of them where they are turned.

    Raises:
        KindError: if they cannot.
    """
    least = 2 if rotary else 1
    if given.width % (heads * least) == 0:
        return
    fitting = Sequence(-(-given.width // (heads * least)) * heads * least)
    fewer = max((count for count in range(1, heads) if given.width % (count * least) == 0), default=None)
    advice = f"let {fitting} come before it" + ("" if fewer is None else f", or set heads={fewer}")
    share = f"pairs for each of heads={heads}, as rotary=True asks" if rotary else f"heads={heads} equal parts"
    raise KindError(f"{stage} cannot follow {given}: {given.width} is not cut into {share}; {advice}", cured=fitting)
