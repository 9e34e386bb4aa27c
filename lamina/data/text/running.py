"""Batches of one long text: windows that begin elsewhere in each epoch, or streams that go on from batch to batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.chance import generator
from lamina.data.batches import Batch, Batches, moved
from lamina.data.text.ragged import Windows
from lamina.errors import DataError

SHARE_TO_SHIFT = 10
"""At most one part in so many of a text is left out of an epoch so that its windows can begin elsewhere."""

ROWS_AT_ONCE = 2**16
"""So many rows are looked at together."""


@dataclass(frozen=True)
class Running(Batches):
    """Batches of a span of a text: inputs and target are `Windows`, and the rows follow one another.

    No batch shows a position outside of the span, which is one of the text's parts, or some of its windows. (Rows of
    several parts are looked at as one text.)

    Raises:
        DataError: if the data is no long text, or the rows leave gaps.
    """

    def __post_init__(self) -> None:
        columns = (self.dataset.inputs, self.dataset.target)
        if not all(isinstance(column, Windows) for column in columns):
            raise DataError(f"{self.dataset.name}: expected one long text, got {' and '.join(map(_kind, columns))}")
        # The last of a part is the first of the next, so that no neighbours are missed.
        parts = (self.rows[first : first + ROWS_AT_ONCE + 1] for first in range(0, len(self.rows), ROWS_AT_ONCE))
        if not all(bool((part.diff() == 1).all()) for part in parts):
            raise DataError(f"{self.dataset.name}: expected windows that follow one another, got some with gaps")

    @property
    def windows(self) -> Windows:
        """What is given."""
        assert isinstance(self.dataset.inputs, Windows)
        return self.dataset.inputs

    @property
    def length(self) -> int:
        """T, the positions of a window."""
        return self.windows.length

    @cached_property
    def start(self) -> int:
        """The first position of the span."""
        return int(self.windows.bounds(self.rows[:1])[0]) if len(self.rows) else 0

    @cached_property
    def stop(self) -> int:
        """The position behind the last one of the span."""
        return int(self.windows.bounds(self.rows[-1:])[1]) if len(self.rows) else 0

    @property
    def slack(self) -> int:
        """The positions that may be left out of an epoch; in evaluation none."""
        return 0 if self.seed is None else min(self.length - 1, (self.stop - self.start) // SHARE_TO_SHIFT)

    def offset(self, used: int, epoch: int) -> int:
        """How far behind the start of the span an epoch begins that looks at so many positions; below T."""
        if self.seed is None:
            return 0
        choices = min(self.length, self.stop - self.start - used + 1)
        return int(torch.randint(choices, (), generator=generator(self.seed, "offset", epoch)))

    def shown(
        self,
        starts: Int64[Tensor, " B"],
        length: int,
        stops: Int64[Tensor, " B"],
        epoch: int,
        position: int | None = None,
    ) -> Batch:
        """The batch of windows at these positions; they also say which examples these are."""
        target = self.dataset.target
        assert isinstance(target, Windows)
        inputs, following = (column.at(starts, length, stops) for column in (self.windows, target))
        return Batch(moved(inputs, self.device), moved(following, self.device), starts, epoch, position)


@dataclass(frozen=True)
class ShiftedWindows(Running):
    """Windows that stand alone.

    In each epoch of training they follow one another from an offset in [0, T) on that is drawn for it, in an order
    drawn for it. So over the epochs a token is seen with contexts of any length. What does not fill a window at the two
    ends, fewer than 2 T positions, is not seen in that epoch; the count of windows is always the same. Without a seed
    the windows are the rows as they stand.
    """

    @property
    def whole(self) -> int:
        """The windows of an epoch."""
        span = self.stop - self.start
        return len(self.rows) if self.seed is None else max(int(span > 0), (span - self.slack) // self.length)

    @property
    def count(self) -> int:
        return -(-self.whole // self.size)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        if not self.whole:
            return
        if self.seed is None:
            starts, stops = self.windows.bounds(self.rows)
        else:
            offset = self.offset(min(self.whole * self.length, self.stop - self.start), number)
            # In place: of a long text these are millions of numbers.
            order = torch.randperm(self.whole, generator=generator(self.seed, "order", number))
            starts = order.mul_(self.length).add_(self.start + offset)
            stops = torch.tensor([self.stop]).expand(len(starts))
        pieces = zip(starts.tensor_split(self.count), stops.tensor_split(self.count), strict=True)
        for some, ends in islice(pieces, first, None):
            yield self.shown(some, self.length, ends, number)


@dataclass(frozen=True)
class Streams(Running):
    """The span cut into `size` streams side by side: batch k shows the positions k T, ..., (k + 1) T - 1 of each.

    So a net can go on in the state that it was in behind the batch before.

    In training the streams are equally long and begin, as a whole, at an offset in [0, T) that is drawn for the epoch;
    the last batch may be narrower. Without a seed every position is looked at once. Some streams are then one longer
    than others, and hidden where they have ended; rather than begin a batch for that one position, the last is T + 1
    wide.

    Source: Mikolov et al. 2010, Zaremba et al. 2014, section 4.1 (states that go on from batch to batch).
    """

    @property
    def streams(self) -> int:
        """How many there are: as many as asked for, if the span has so many positions."""
        return min(self.size, self.stop - self.start)

    @property
    def long(self) -> int:
        """The positions that each stream has at least."""
        span = self.stop - self.start
        return max(1, (span - self.slack) // self.streams) if span else 0

    @property
    def count(self) -> int:
        return -(-self.long // self.length)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        if not self.count:
            return
        more = (self.stop - self.start) % self.streams if self.seed is None else 0
        lengths = self.long + (torch.arange(self.streams) < more).long()
        starts = self.start + self.offset(self.streams * self.long, number) + lengths.cumsum(0) - lengths
        for batch in range(first, self.count):
            position = batch * self.length
            length = self.length + (batch == self.count - 1 and more > 0)
            yield self.shown(starts + position, length, starts + lengths, number, position)


def _kind(column: object) -> str:
    return type(column).__name__
