"""Search: what a net would write, greedily, by beam, or by chance; over anything that goes on token by token."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from lamina.carried import picked, rearranged
from lamina.kinds import Padded
from lamina.stage import State

Further: TypeAlias = Callable[[Int64[Tensor, " B"], State], tuple[Float[Tensor, "B V"], State]]
"""Given the newest token of each row and the state behind those before it: the logits of the next, and the state."""

Limit: TypeAlias = int | Int64[Tensor, " B"]
"""The most tokens of all rows, or of each."""

RUN = 64
"""Logits whose maximum is taken at once, when the greatest are looked for."""


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


def greedy(further: Further, first: Int64[Tensor, " B"], state: State, longest: Limit, end: int) -> Found:
    """At each place the likeliest token.

    Args:
        further: goes on by a token.
        first: the token that each row begins behind.
        state: behind all tokens before that one.
        longest: the most tokens written; of all rows, or of each.
        end: the token that ends a row.
    """
    count, device = len(first), first.device
    most = limits(longest, first)
    tokens = torch.full((count, int(most.max()) if count else 0), end, device=device)
    total = torch.zeros(count, device=device)
    length = most.clone()
    rows, newest = torch.arange(count, device=device), first
    for place in range(tokens.shape[1]):
        logits, state = further(newest, state)
        best = F.log_softmax(logits, -1).max(-1)
        newest = best.indices
        tokens[rows, place] = newest
        total[rows] += best.values
        ended = newest == end
        stopped = ended | (most[rows] == place + 1)
        if stopped.any():
            length[rows[ended]] = place + 1
            going = (~stopped).nonzero().squeeze(1)
            if not len(going):
                tokens = tokens[:, : place + 1]
                break
            # What has ended need not be gone on with.
            rows, newest, state = rows[going], newest[going], picked(state, going)
    return Found(tokens[:, None], total[:, None], length[:, None])


def limits(longest: Limit, first: Int64[Tensor, " B"]) -> Int64[Tensor, " B"]:
    """The most tokens of each row."""
    return torch.full_like(first, longest) if isinstance(longest, int) else longest


class Beam(NamedTuple):
    """K unfinished or finished hypotheses of each of B rows, in B K rows of a batch."""

    tokens: Int64[Tensor, "B K T"]
    total: Float[Tensor, "B K"]
    length: Int64[Tensor, "B K"]
    ended: Bool[Tensor, "B K"]

    def of(self, rows: Int64[Tensor, " N"]) -> Beam:
        """Some of the rows."""
        return Beam(*(part.index_select(0, rows) for part in self))


def beam(
    further: Further,
    first: Int64[Tensor, " B"],
    state: State,
    longest: Limit,
    end: int,
    *,
    width: int = 5,
    best: int = 1,
    length_penalty: float = 0.6,
) -> Found:
    """The likeliest of what a beam finds: at each place the `width` best hypotheses go on.

    They are compared by ln p / ((5 + length) / 6)^a, a the length penalty; with a = 0, by their probability. A
    hypothesis that has ended stays in the beam as it is, until better ones push it out. A row is done, and leaves the
    batch, when what is asked for has ended and nothing unfinished can become better.

    Source: Graves 2012, algorithm 1 (the search); Wu et al. 2016, section 7, equation 14 (the penalty).

    Args:
        further, first, state, longest, end: as for `greedy`.
        width: K.
        best: how many of them are given, at most K.
        length_penalty: a, at least 0.
    """
    count, device = len(first), first.device
    going, most = torch.arange(count, device=device), limits(longest, first)
    now = done = begun(count, width, int(most.max()) if count else 0, end, device)
    hypotheses = going.repeat_interleave(width)
    state, newest = rearranged(state, hypotheses), first[hypotheses]
    for place in range(now.tokens.shape[2]):
        logits, state = further(newest, state)
        log_p = F.log_softmax(logits, -1).view(len(going), width, -1)
        now, source = stepped(now, log_p, place, end, length_penalty)
        over = settled(now, most, best, length_penalty) | (most == place + 1)
        examples = None
        if over.any():
            over, left = over.nonzero().squeeze(1), (~over).nonzero().squeeze(1)
            done = Beam(*(a.index_copy(0, going[over], b) for a, b in zip(done, now.of(over), strict=True)))
            if not len(left):
                break
            now, going, most, source, examples = now.of(left), going[left], most[left], source[left], left
        old = torch.arange(len(over), device=device) if examples is None else examples
        state = rearranged(state, (source + old[:, None] * width).flatten(), examples)
        newest = now.tokens[:, :, place].flatten()
    return ranked(done, best, length_penalty)


def begun(count: int, width: int, longest: int, end: int, device: torch.device) -> Beam:
    """Before the first token. All hypotheses of a row begin alike, so only the first of them counts."""
    now = Beam(
        torch.full((count, width, longest), end, device=device),
        torch.full((count, width), -math.inf, device=device),
        torch.zeros(count, width, dtype=torch.int64, device=device),
        torch.zeros(count, width, dtype=torch.bool, device=device),
    )
    now.total[:, 0] = 0.0
    return now


def stepped(
    now: Beam, log_p: Float[Tensor, "B K V"], place: int, end: int, penalty: float
) -> tuple[Beam, Int64[Tensor, "B K"]]:
    """The beam after one more token, and the place in the old beam that each hypothesis came from."""
    width = log_p.shape[1]
    # Among the K best of all are no others than the K best of each hypothesis.
    log_p, token = greatest(log_p, width)  # (B, K, N)
    # What has ended goes on in one way only, at no cost.
    stays = torch.full_like(log_p, -math.inf)
    stays[:, :, 0] = 0.0
    ended = now.ended[:, :, None]
    total = now.total[:, :, None] + torch.where(ended, stays, log_p)
    token = token.masked_fill(ended, end)
    chosen = worth(total, now.length[:, :, None] + ~ended, penalty).flatten(1).topk(width).indices  # (B, K)
    source, added = chosen // token.shape[2], token.flatten(1).gather(1, chosen)
    tokens = now.tokens.gather(1, source[:, :, None].expand(-1, -1, now.tokens.shape[2]))
    tokens[:, :, place] = added
    had_ended = now.ended.gather(1, source)
    length = now.length.gather(1, source) + ~had_ended
    return Beam(tokens, total.flatten(1).gather(1, chosen), length, had_ended | (added == end)), source


def greatest(x: Float[Tensor, "B K V"], count: int) -> tuple[Float[Tensor, "B K N"], Int64[Tensor, "B K N"]]:
    """The greatest `count` numbers of each row (or all, if there are fewer), greatest first, and their places.

    They stand in the `count` runs of numbers with the greatest maxima; to find these is several times as fast as to
    sort out all numbers.
    """
    size = x.shape[-1]
    if size <= 2 * RUN * count:
        found = x.topk(min(count, size))
        return found.values, found.indices
    whole = F.pad(x, (0, -size % RUN), value=-math.inf) if size % RUN else x
    runs = whole.view(*x.shape[:-1], -1, RUN)
    run = runs.amax(-1).topk(count).indices[..., None]  # (B, K, N, 1)
    found = runs.gather(2, run.expand(-1, -1, -1, RUN)).flatten(2).topk(count)
    places = (run * RUN + torch.arange(RUN, device=x.device)).flatten(2)
    return found.values, places.gather(2, found.indices)


def settled(now: Beam, most: Int64[Tensor, " B"], best: int, penalty: float) -> Bool[Tensor, " B"]:
    """Rows whose `best` hypotheses have ended, and are as good as any unfinished one can become.

    At the best it goes on at no cost, and to the greatest length.
    """
    longest = most[:, None].expand_as(now.length)
    can_be = torch.where(now.ended, worth(now.total, now.length, penalty), worth(now.total, longest, penalty))
    order = can_be.sort(dim=1, descending=True, stable=True).indices[:, :best]
    return now.ended.gather(1, order).all(1)


def ranked(now: Beam, best: int, penalty: float) -> Found:
    """The best hypotheses, best first."""
    order = worth(now.total, now.length, penalty).sort(dim=1, descending=True, stable=True).indices[:, :best]
    length = now.length.gather(1, order)
    written = int(length.max()) if len(length) else 0
    tokens = now.tokens.gather(1, order[:, :, None].expand(-1, -1, now.tokens.shape[2]))[:, :, :written]
    return Found(tokens, now.total.gather(1, order), length)


def worth(total: Tensor, length: Tensor, penalty: float) -> Tensor:
    """What hypotheses are compared by."""
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
            # A race: the first of exponential times at the rates p. So `multinomial` draws too, which checks p besides.
            times = torch.empty_like(p, device="cpu").exponential_(generator=random)
            newest = (p.cpu() / times).argmax(-1).to(first.device)
        yield newest
