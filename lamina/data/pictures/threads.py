"""Work on many files in the threads of this machine's cores, in order and in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from lamina.progress import PIPE_SECONDS
from lamina.training.machine import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 8
"""So many results for each thread may wait for the one that is next."""

Say = Callable[[str], object]
"""Takes a sentence for people, now and then."""


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """work(item) for each item, in their order, several at a time."""
    cores = usable_cores()
    rest = iter(items)
    with ThreadPoolExecutor(cores) as pool:
        waiting: deque[Future[Result]] = deque(pool.submit(work, item) for item in islice(rest, AHEAD * cores))
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()


class Pace:
    """Says how far the work is, every ten seconds; what is over sooner needs no words.

    Args:
        doing: what is done, as in "decoding pictures".
        total: how many there are.
        say: takes the sentence; None for nobody.
    """

    def __init__(self, doing: str, total: int, say: Say | None) -> None:
        self.doing, self.total, self.say = doing, total, say
        self.done = 0
        self.said = time.perf_counter()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        now = time.perf_counter()
        if self.say is not None and now - self.said >= PIPE_SECONDS:
            self.said = now
            self.say(f"{self.doing}: {self.done:,} of {self.total:,}")
