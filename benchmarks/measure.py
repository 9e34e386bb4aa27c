"""Timing contenders in turn, so that a machine that slows down slows all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Timing(NamedTuple):
    """Seconds of each round of one contender."""

    name: str
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def ratio(self, other: Timing) -> float:
        """How many times as long this takes as the other: the median over rounds, each compared with its neighbour."""
        return statistics.median(a / b for a, b in zip(self.seconds, other.seconds, strict=True))


def in_turn(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Run all contenders once unmeasured, then `rounds` times in turn, A B C A B C."""
    timings = {name: Timing(name, []) for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            gc.collect()
            start = time.perf_counter()
            run()
            if turn:
                timings[name].seconds.append(time.perf_counter() - start)
    return timings


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Rows with aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in (head, *rows))
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
