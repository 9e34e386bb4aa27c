"""Axes: where a value stands in a drawing, and which values are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

LARGEST, SMALLEST = 1e300, 1e-290
LOG_SPREAD = 30
"""From so many times the smallest value on, a scale of powers of ten shows more than a linear one."""


class Axis(NamedTuple):
    """A scale from `low` to `high`, drawn from `start` to `stop`.

    Attributes:
        ticks: the values that are written.
        log: whether equal ratios, not equal differences, have equal lengths.
    """

    low: float
    high: float
    start: float
    stop: float
    ticks: tuple[float, ...]
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value is drawn; what lies beyond an end is drawn there."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)


def linear(values: Iterable[float], start: float, stop: float, *, most_ticks: int = 5, snug: bool = False) -> Axis:
    """A linear axis over finite values. Its ends are round numbers, unless it is to be snug."""
    low, high = _ends(values)
    step = _round_step((high - low) / most_ticks)
    if not snug:
        low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(low, high, start, stop, tuple(number * step for number in range(first, last + 1)))


def logarithmic(values: Iterable[float], start: float, stop: float) -> Axis:
    """A logarithmic axis over positive values that differ; its ends are 1, 2 or 5 times a power of ten."""
    low, high = _ends(values)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    marks = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
    low = max((mark for mark in marks if mark <= low * 1.0001), default=low)
    high = min((mark for mark in marks if mark >= high * 0.9999), default=high)
    inside = [mark for mark in marks if low <= mark <= high]
    if len(inside) > 6:
        inside = [10.0**power for power in range(first, last + 1) if low <= 10.0**power <= high]
        inside = inside[:: math.ceil(len(inside) / 6)]
    return Axis(low, high, start, stop, tuple(inside), log=True)


def wants_log(values: Iterable[float]) -> bool:
    """Whether these values are better seen on a logarithmic axis."""
    known = [value for value in values if math.isfinite(value)]
    return bool(known) and min(known) > 1e-300 and max(known) / min(known) >= LOG_SPREAD


def number(value: float, step: float = 0.0) -> str:
    """A number beside a tick, as short as it can be; `step` is the distance to the next.

    >>> number(1600), number(0.25, 0.05), number(1e-5), number(3e8)
    ('1,600', '0.25', '1e-5', '3e8')
    """
    size = max(abs(value), step)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if not 1e-4 <= size < 1e7:
        digits = 0 if not step else max(0, math.floor(math.log10(abs(value))) - math.floor(math.log10(step)))
        mantissa, _, power = f"{value:.{min(digits, 6)}e}".partition("e")
        return f"{mantissa}e{int(power)}"
    if not step:
        return f"{value:,.4g}" if size < 1000 else f"{value:,.0f}"
    return f"{value:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def tick_texts(axis: Axis) -> list[str]:
    """What is written beside the ticks."""
    step = 0.0 if axis.log or len(axis.ticks) < 2 else axis.ticks[1] - axis.ticks[0]
    return [number(tick if abs(tick) > 1e-9 * step else 0.0, step) for tick in axis.ticks]


def _ends(values: Iterable[float]) -> tuple[float, float]:
    """The smallest and the largest, apart even where all are equal."""
    known = [min(max(value, -LARGEST), LARGEST) for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    if high - low > max(1e-9 * max(abs(low), abs(high)), SMALLEST):
        return low, high
    half = abs(low) / 10 if abs(low) > SMALLEST else 0.5
    return low - half, high + half


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
