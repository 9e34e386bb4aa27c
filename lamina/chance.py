"""Chance as a pure function: every draw follows from (seed, step, example), so a run can be repeated and resumed.

Nothing here keeps a stream of random numbers. The loop says which examples are being looked at, with `drawing(...)`; a
stage that needs noise asks for a `kept_mask(...)` at its own place in the net. An example then meets the same noise
whether its batch is whole, cut in two for accumulation, or spread over processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

# SplitMix64 (Steele, Lea, Flood 2014, figure 16), as signed 64-bit numbers since torch has no arithmetic on uint64.
GOLDEN = 0x9E3779B97F4A7C15 - 2**64
FIRST = 0xBF58476D1CE4E5B9 - 2**64
SECOND = 0x94D049BB133111EB - 2**64


class Draws(NamedTuple):
    """Whose draws these are: the run's seed, the step, and the examples of the batch."""

    seed: int
    step: int
    examples: Int64[Tensor, " B"]


_draws: ContextVar[Draws | None] = ContextVar("draws", default=None)


@contextmanager
def drawing(seed: int, step: int, examples: Int64[Tensor, " B"]) -> Iterator[None]:
    """Within this block, noise is a function of (seed, step, example); outside it, of torch's global generator."""
    token = _draws.set(Draws(seed, step, examples))
    try:
        yield
    finally:
        _draws.reset(token)


def key(*parts: object) -> int:
    """A signed 64-bit number that depends on every part and on nothing else, on any machine."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def generator(*parts: object) -> torch.Generator:
    """A CPU generator seeded by `key(*parts)`."""
    return torch.Generator().manual_seed(key(*parts) & (2**63 - 1))


def mixed(state: Int64[Tensor, ...]) -> Int64[Tensor, ...]:
    """SplitMix64's output function: each bit of the result depends on each bit of the state."""
    state = state ^ ((state >> 30) & (2**34 - 1))
    state.mul_(FIRST)
    state ^= (state >> 27) & (2**37 - 1)
    state.mul_(SECOND)
    state ^= (state >> 31) & (2**33 - 1)
    return state


def kept_mask(shape: torch.Size, keep: float, place: int, device: torch.device) -> Tensor:
    """A mask of `shape`, True with probability `keep`, drawn for each example (row) at this place of the net.

    Sixteen bits decide an element, four elements share one 64-bit draw; the probability is right to 2^-16.
    """
    draws = _draws.get()
    if draws is None:
        return torch.rand(shape, device=device) < keep
    rows = mixed(draws.examples.to(device) * GOLDEN + key(draws.seed, draws.step, place))
    elements = shape[1:].numel()
    columns = torch.arange(1, elements // 4 + 2, device=device) * GOLDEN
    words = mixed(rows[:, None] + columns)  # (B, elements / 4)
    sixteen = words.view(torch.int16)[:, :elements].reshape(shape)
    return sixteen < round(keep * 2**16) - 2**15
