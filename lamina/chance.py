"""Chance as a pure function: every draw follows from (seed, step, example), so a run can be repeated and resumed.

Nothing here keeps a stream of random numbers. The loop says which examples are being looked at, with `drawing(...)`; a
stage that needs noise asks for a `kept_mask(...)` or for `uniforms(...)` at its own place in the net. An example then
meets the same noise whether its batch is whole, cut in two for accumulation, or spread over processes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int16, Int64
from numpy.typing import NDArray
from torch import Tensor

# SplitMix64 (Steele, Lea, Flood 2014, figure 16).
GOLDEN = 0x9E3779B97F4A7C15
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB


class Draws(NamedTuple):
    """Whose draws these are: the run's seed, the step, the examples of the batch, the epochs before this one.

    And the position in the rows, where a step looks at one position after another.
    """

    seed: int
    step: int
    examples: Int64[Tensor, " B"]
    epoch: int
    position: int = 0


_draws: ContextVar[Draws | None] = ContextVar("draws", default=None)


@contextmanager
def drawing(seed: int, step: int, examples: Int64[Tensor, " B"], epoch: int = 0) -> Iterator[None]:
    """Within this block, noise is a function of (seed, step, example); outside it, of torch's global generator."""
    token = _draws.set(Draws(seed, step, examples, epoch))
    try:
        yield
    finally:
        _draws.reset(token)


@contextmanager
def at_position(position: int) -> Iterator[None]:
    """Within this block noise is that of one position of the rows: else all that are met one by one had the same."""
    draws = _draws.get()
    if draws is None or draws.position == position:
        yield
        return
    token = _draws.set(draws._replace(position=position))
    try:
        yield
    finally:
        _draws.reset(token)


@contextmanager
def own_noise(seed: int, step: int, piece: int) -> Iterator[None]:
    """Within this block torch's global generator follows from these numbers, for modules that draw from it."""
    with torch.random.fork_rng():
        torch.manual_seed(key(seed, step, "piece", piece) & (2**63 - 1))
        yield


def key(*parts: object) -> int:
    """A signed 64-bit number that depends on every part and on nothing else, on any machine."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def generator(*parts: object) -> torch.Generator:
    """A CPU generator seeded by `key(*parts)`."""
    return torch.Generator().manual_seed(key(*parts) & (2**63 - 1))


def signed(number: int) -> int:
    """A 64-bit number as torch has it, which knows no arithmetic on unsigned ones."""
    number %= 2**64
    return number - 2**64 if number >= 2**63 else number


def mixed(state: Int64[Tensor, ...]) -> Int64[Tensor, ...]:
    """SplitMix64's output function: each bit of the result depends on each bit of the state."""
    # Torch shifts the sign in, so what is shifted in is masked away.
    state = state ^ ((state >> 30) & (2**34 - 1))
    state.mul_(signed(FIRST))
    state ^= (state >> 27) & (2**37 - 1)
    state.mul_(signed(SECOND))
    state ^= (state >> 31) & (2**33 - 1)
    return state


def mixed_array(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same in place on the CPU, in a third of the time: numpy has unsigned shifts and little to do before each."""
    state ^= state >> np.uint64(30)
    state *= np.uint64(FIRST)
    state ^= state >> np.uint64(27)
    state *= np.uint64(SECOND)
    state ^= state >> np.uint64(31)
    return state


def words(draws: Draws, count: int, place: int, device: torch.device, step: object) -> Int64[Tensor, "B N"]:
    """`count` draws of 64 bits for each example."""
    at = (draws.position,) if draws.position else ()
    start = key(draws.seed, step, place, *at)
    if device.type != "cpu":
        rows = mixed(draws.examples.to(device) * signed(GOLDEN) + start)
        columns = torch.arange(1, count + 1, device=device) * signed(GOLDEN)
        return mixed(rows[:, None] + columns)
    examples = draws.examples.numpy().view(np.uint64)
    rows_here = mixed_array(examples * np.uint64(GOLDEN) + np.uint64(start % 2**64))
    columns_here = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    return torch.from_numpy(mixed_array(rows_here[:, None] + columns_here).view(np.int64))


def sixteen_bits(draws: Draws, count: int, place: int, device: torch.device) -> Int16[Tensor, "B N"]:
    """`count` or more draws of 16 bits for each example; four of them share one 64-bit number."""
    return words(draws, count // 4 + 1, place, device, draws.step).view(torch.int16)


def epoch() -> int:
    """The passes over the data before the one that is being drawn for; 0 where nothing says which it is."""
    draws = _draws.get()
    return 0 if draws is None else draws.epoch


def step() -> int | None:
    """The step that is being drawn for, the first being 1; None where nothing says which it is."""
    draws = _draws.get()
    return None if draws is None else draws.step


def uniforms(
    examples: int, count: int, place: int, device: torch.device, each: Literal["step", "run"] = "step"
) -> Float[Tensor, "B N"]:
    """Numbers at least 0 and below 1, `count` for each example, drawn at this place of the net.

    Args:
        examples: how many there are in the batch.
        count: how many numbers each takes. Who needs several asks once: asked again, the same come again.
        place: of the stage that asks.
        device: where they are wanted.
        each: "step" for new ones at each step; "run" for the same at all steps of a run.
    """
    draws = _draws.get()
    if draws is None:
        return torch.rand(examples, count, device=device)
    drawn = words(draws, count, place, device, draws.step if each == "step" else each)
    # 24 bits are what a float32 has, so that none is rounded up to 1.
    return ((drawn >> 40) & (2**24 - 1)).to(torch.get_default_dtype()).mul_(2.0**-24)


def normals(examples: int, count: int, place: int, device: torch.device) -> Float[Tensor, "B N"]:
    """Numbers from a normal distribution of mean 0 and variance 1, `count` for each example, at this place of the net.

    Source: Box and Muller 1958, equation 1. As a uniform number has 24 bits, none is beyond 5.8.
    """
    half = -(-count // 2)
    first, second = uniforms(examples, 2 * half, place, device).chunk(2, 1)  # (B, N / 2) each
    radius, angle = (1 - first).log_().mul_(-2).sqrt_(), second * (2 * math.pi)  # 1 - u is never 0
    return torch.cat((radius * angle.cos(), radius * angle.sin()), 1)[:, :count]


@contextmanager
def still_drawing(examples: int) -> Iterator[None]:
    """Within this block noise is fixed: where nothing says whose it is, it follows from the row in the batch."""
    if _draws.get() is not None:
        yield
        return
    with drawing(0, 0, torch.arange(examples)):
        yield


@contextmanager
def multiplied(times: int) -> Iterator[None]:
    """Within this block each example stands for so many rows, one after another, each with noise of its own."""
    draws = _draws.get()
    if draws is None:
        yield
        return
    each = torch.arange(times, device=draws.examples.device)
    with drawing(draws.seed, draws.step, (draws.examples[:, None] * times + each).flatten(), draws.epoch):
        yield


@contextmanager
def repeatable(examples: int) -> Iterator[None]:
    """Within this block draws can be asked for again, outside `drawing` too: a seed then comes from torch's generator.

    Args:
        examples: how many there are in the batch.
    """
    if _draws.get() is not None:
        yield
        return
    with drawing(int(torch.randint(2**62, ())), 0, torch.arange(examples)):
        yield


def batch_random(place: int) -> np.random.Generator:
    """Random numbers for a batch as a whole, at this place of the net: they follow from (seed, step, first example)."""
    draws = _draws.get()
    if draws is None:
        return np.random.default_rng(int(torch.randint(2**62, ())))
    first = int(draws.examples[0]) if len(draws.examples) else 0
    return np.random.default_rng(key(draws.seed, draws.step, place, "batch", first) % 2**64)


def kept_mask(shape: torch.Size, keep: float, place: int, device: torch.device) -> Bool[Tensor, ...]:
    """A mask of `shape`, True with probability `keep`, drawn for each example (row) at this place of the net.

    Sixteen bits decide an element; the probability is right to 2^-16.
    """
    draws = _draws.get()
    if draws is None:
        return torch.rand(shape, device=device) < keep
    elements = shape[1:].numel()
    drawn = sixteen_bits(draws, elements, place, device)[:, :elements].reshape(shape)
    # At most 65535: torch would take 65536 - 32768 for -32768, as 16 bits have it, and drop everything.
    return drawn < min(round(keep * 2**16), 2**16 - 1) - 2**15
