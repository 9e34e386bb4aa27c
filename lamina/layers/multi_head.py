"""Attention with many heads: of a sequence to itself, and to a memory."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence
from lamina.layers.attention import hiding
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.positions import angles
from lamina.settings import Count, Fraction
from lamina.stage import Flow, Stage, State, expect


class MultiHead(Stage):
    """y_t = W (o_1t; ...; o_Ht) + b, o_ht = sum over s of softmax_s(q_ht . k_hs / sqrt(K)) v_hs; H heads of K = D / H.

    Every position of a sequence looks at every other, or at those before it and itself. q, k and v are affine in x.
    Source: Vaswani et al. 2017, section 3.2.2. Dropout comes behind W alone, not on the weights of attention: fused
    kernels do without it, and its noise would not follow from the step and the example.

    Args:
        heads: H; it must divide the width.
        causal: whether positions look back only.
        rotary: whether q and k are turned by angles that grow with their positions, so that their products depend on
            the distance alone (Su et al. 2021, equation 34). Nothing else needs to tell positions apart then.
        dropout: of what comes out, in training.
    """

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
        """Go on behind a cache: the keys and values of the positions so far, (B, H, P, K) each."""
        assert isinstance(x, Padded)
        before = 0 if state is None else state[0].shape[2]
        query, key, value = self.projected(x, before)
        if state is not None:
            key, value = torch.cat((state[0], key), 2), torch.cat((state[1], value), 2)
        # Padding stands behind all that is visible, so that looking back never meets it.
        mask = self.reach(before, x) if self.causal else hidden_keys(hiding(x.visible))
        out = F.scaled_dot_product_attention(query, key, value, mask, is_causal=self.causal and not before)
        merged = self.merge(x._replace(values=out.transpose(1, 2).flatten(2)))  # (B, T, D)
        return self.drop(merged), (key, value)

    def projected(self, x: Padded, before: int) -> tuple[Tensor, Tensor, Tensor]:
        """q, k and v of positions behind so many others, (B, H, T, K) each."""
        parts = self.project(x).values.unflatten(-1, (3, self.heads, -1))  # (B, T, 3, H, K)
        value = parts[:, :, 2].transpose(1, 2)
        both = turned(parts[:, :, :2], before) if self.rotary else parts[:, :, :2]
        query, key = both.transpose(1, 3).unbind(2)
        return query, key, value

    def reach(self, before: int, x: Padded) -> Bool[Tensor, "T S"] | None:
        """What further positions may look at; None where `is_causal` says it, or where one looks at everything."""
        count = x.values.shape[1]
        if not before or count == 1:
            return None
        return torch.ones(count, before + count, dtype=torch.bool, device=x.values.device).tril(before)

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
        key, value = parts.transpose(1, 3).unbind(2)
        return key, value

    def forward(
        self,
        x: Padded,
        prepared: tuple[Float[Tensor, "B H S K"], Float[Tensor, "B H S K"]],
        visible: Bool[Tensor, "B S"] | None,
    ) -> Padded:
        query = self.ask(x).values.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, T, K)
        out = F.scaled_dot_product_attention(query, *prepared, hidden_keys(visible))
        return self.drop(self.merge(x._replace(values=out.transpose(1, 2).flatten(2))))  # type: ignore[no-any-return]

    def multiply_adds(self) -> int:
        """For one position that looks, and one of the memory."""
        return sum(part.multiply_adds() for part in (self.ask, self.project, self.merge))


def hidden_keys(visible: Bool[Tensor, "B S"] | None) -> Bool[Tensor, "B 1 1 S"] | None:
    """The mask of a memory as all heads and all positions have it."""
    return None if visible is None else visible[:, None, None]


def turned(x: Float[Tensor, "B T N H K"], before: int) -> Float[Tensor, "B T N H K"]:
    """Each pair of numbers (x_2i, x_2i+1) turned by t / 10000^(2i / K), at position t; Su et al. 2021, equation 34.

    As complex numbers, for that is one product, and several times as fast as sines and cosines by hand.
    """
    turns = turns_at(before, x.shape[1], x.shape[-1], x.dtype, x.device)
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))  # type: ignore[no-untyped-call]
    return torch.view_as_real(pairs * turns).flatten(-2)


@functools.lru_cache(maxsize=64)
def turns_at(first: int, count: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """exp(i t rate) for `count` positions t from `first` on, (T, 1, 1, K / 2): made once for all layers and steps."""
    with torch.inference_mode(False):  # so that training may use what generation made
        angle = angles(first, count, width, torch.empty(0, dtype=dtype, device=device))
        return torch.polar(torch.ones_like(angle), angle)[:, None, None]


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
