"""Search: what a net would write, greedily, by beam, or by chance; over anything that goes on token by token."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.carried import picked, rearranged
from lamina.kinds import Padded
from lamina.stage import State

Further: TypeAlias = Callable[[Int64[Tensor, " B"], State], tuple[Float[Tensor, "B V"], State]]
"""Given the newest token of each row and the state behind those before it: the logits of the next, and the state."""


class Found(NamedTuple):
    """What was written.

    Attributes:
        tokens: the n best of each row, best first, each with its end where it has one: (B, N, T).
        log_probability: of the whole, ln p.
        length: how many tokens of each count, its end included.
    """

    tokens: Int64[Tensor, "B N T"]
    log_probability: Float[Tensor, "B N"]
    length: Int64[Tensor, "B N"]

    def best(self) -> Padded:
        """The best of each row."""
        tokens, length = self.tokens[:, 0], self.length[:, 0]
        return Padded(tokens, torch.arange(tokens.shape[1], device=tokens.device) < length[:, None])


def greedy(further: Further, first: Int64[Tensor, " B"], state: State, longest: int, end: int) -> Found:
    """At each place the likeliest token.

    Args:
        further: goes on by a token.
        first: the token that each row begins behind.
        state: behind all tokens before that one.
        longest: the most tokens written.
        end: the token that ends a row.
    """
    count, device = len(first), first.device
    tokens = torch.full((count, longest), end, device=device)
    total = torch.zeros(count, device=device)
    length = torch.full((count,), longest, device=device)
    rows, newest = torch.arange(count, device=device), first
    for place in range(longest):
        logits, state = further(newest, state)
        best = F.log_softmax(logits, -1).max(-1)
        newest = best.indices
        tokens[rows, place] = newest
        total[rows] += best.values
        ended = newest == end
        if ended.any():
            length[rows[ended]] = place + 1
            going = (~ended).nonzero().squeeze(1)
            if not len(going):
                tokens = tokens[:, : place + 1]
                break
            # What has ended need not be gone on with.
            rows, newest, state = rows[going], newest[going], picked(state, going)
    return Found(tokens[:, None], total[:, None], length[:, None])


class Beam(NamedTuple):
    """K unfinished or finished hypotheses of each of B rows, in B K rows of a batch."""

    tokens: Int64[Tensor, "B K T"]
    total: Float[Tensor, "B K"]
    length: Int64[Tensor, "B K"]
    ended: Tensor


def beam(
    further: Further,
    first: Int64[Tensor, " B"],
    state: State,
    longest: int,
    end: int,
    *,
    width: int = 5,
    best: int = 1,
    length_penalty: float = 0.6,
) -> Found:
    """The likeliest of what a beam finds: at each place the `width` best hypotheses go on.

    They are compared by ln p / ((5 + length) / 6)^a, a the length penalty; with a = 0, by their probability. A
    hypothesis that has ended stays in the beam as it is, until better ones push it out.

    Source: Graves 2012, algorithm 1 (the search); Wu et al. 2016, section 7, equation 14 (the penalty).

    Args:
        further, first, state, longest, end: as for `greedy`.
        width: K.
        best: how many of them are given, at most K.
        length_penalty: a.
    """
    count, device = len(first), first.device
    row = torch.arange(count, device=device).repeat_interleave(width)
    state, newest = picked(state, row), first[row]
    now = Beam(
        torch.full((count, width, longest), end, device=device),
        torch.full((count, width), -math.inf, device=device),
        torch.zeros(count, width, dtype=torch.int64, device=device),
        torch.zeros(count, width, dtype=torch.bool, device=device),
    )
    now.total[:, 0] = 0.0  # all begin alike: only one of them counts
    for place in range(longest):
        logits, state = further(newest, state)
        now, source = _stepped(now, F.log_softmax(logits, -1).view(count, width, -1), place, end, length_penalty)
        state = rearranged(state, (source + torch.arange(count, device=device)[:, None] * width).flatten())
        newest = now.tokens[:, :, place].flatten()
        if now.ended.all():
            break
    order = _worth(now.total, now.length, length_penalty).sort(dim=1, descending=True, stable=True).indices[:, :best]
    written = int(now.length.gather(1, order).max())
    tokens = now.tokens.gather(1, order[:, :, None].expand(-1, -1, longest))[:, :, :written]
    return Found(tokens, now.total.gather(1, order), now.length.gather(1, order))


def _stepped(
    now: Beam, log_p: Float[Tensor, "B K V"], place: int, end: int, penalty: float
) -> tuple[Beam, Int64[Tensor, "B K"]]:
    """The beam after one more token, and the place in the old beam that each hypothesis came from."""
    vocabulary = log_p.shape[2]
    # What has ended goes on in one way only, at no cost.
    log_p = log_p.masked_fill(now.ended[:, :, None], -math.inf)
    log_p[:, :, end] = log_p[:, :, end].masked_fill(now.ended, 0.0)
    total = now.total[:, :, None] + log_p
    length = (now.length + ~now.ended)[:, :, None]
    chosen = _worth(total, length, penalty).flatten(1).topk(log_p.shape[1]).indices  # (B, K)
    source, token = chosen // vocabulary, chosen % vocabulary
    tokens = now.tokens.gather(1, source[:, :, None].expand(-1, -1, now.tokens.shape[2]))
    tokens[:, :, place] = token
    ended = now.ended.gather(1, source)
    return Beam(
        tokens,
        total.flatten(1).gather(1, chosen),
        now.length.gather(1, source) + ~ended,
        ended | (token == end),
    ), source


def _worth(total: Tensor, length: Tensor, penalty: float) -> Tensor:
    return total / ((5 + length) / 6) ** penalty


def likely(
    logits: Float[Tensor, "B V"], temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Float[Tensor, "B V"]:
    """The probabilities that tokens are drawn by: softmax(logits / temperature), its tail cut off and the rest scaled.

    Args:
        logits: of each token.
        temperature: above 0; below 1 the likely becomes likelier.
        top_k: only so many of the likeliest (Fan, Lewis and Dauphin 2018, section 5.1).
        top_p: only the likeliest that together reach this probability (Holtzman et al. 2020, section 3.1).
    """
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[1]:
        least = logits.topk(top_k, 1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
    if top_p is not None:
        ranked = logits.sort(1, descending=True)
        p = F.softmax(ranked.values, -1)
        beyond = p.cumsum(1) - p >= top_p  # the one that reaches top_p still counts
        logits = logits.masked_fill(beyond.scatter(1, ranked.indices, beyond), -math.inf)
    return F.softmax(logits, -1)


def drawn(
    further: Further,
    first: Int64[Tensor, " B"],
    state: State,
    *,
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Iterator[Int64[Tensor, " B"]]:
    """Token after token, each drawn from what the net thinks likely, without end.

    Args:
        further, first, state: as for `greedy`.
        seed: the same draws come again for the same seed.
        temperature, top_k, top_p: as for `likely`; a temperature of 0 takes the likeliest.
    """
    random = torch.Generator().manual_seed(seed)
    newest = first
    while True:
        logits, state = further(newest, state)
        if temperature == 0:
            newest = logits.argmax(-1)
        else:
            p = likely(logits, temperature, top_k, top_p)
            newest = p.cpu().multinomial(1, generator=random).squeeze(1).to(first.device)
        yield newest
