"""Columns of tokens: rows of unequal length, and windows onto one long text."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from lamina.chance import GOLDEN, mixed, signed
from lamina.data.dataset import Column
from lamina.kinds import Padded, Value

HASHED_ROWS = 2**12
"""So many are hashed at once."""


@dataclass(frozen=True)
class Ragged(Column):
    """Rows of unequal length: row i is values[offsets[i] : offsets[i + 1]].

    Attributes:
        values: the rows one behind another: tokens (N,), or numbers (N, D).
        offsets: where each row begins, and where the last one ends.
        identity: hashes to go by in place of those of the values: splits go by the text that tokens were made from.
    """

    offsets: Int64[Tensor, " M"] = field(kw_only=True, repr=False)
    identity: Int64[Tensor, " N"] | None = field(default=None, kw_only=True, repr=False)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> Int64[Tensor, " N"]:
        """How long each row is."""
        return self.offsets.diff()

    def gather(self, index: Int64[Tensor, " B"]) -> Padded:  # type: ignore[override]  # rows of unequal length
        """These rows, padded with 0 to the longest of them."""
        lengths = self.lengths[index]
        longest = int(lengths.max()) if len(lengths) else 0
        places = torch.arange(longest, device=lengths.device)
        visible = places < lengths[:, None]  # (B, T)
        found = self.values[(self.offsets[index, None] + places)[visible]]
        if not found.is_floating_point() and self.scale is None:
            found = found.long()
        elif self.scale is not None:
            found = found.to(torch.get_default_dtype()) * self.scale
        values = found.new_zeros(*visible.shape, *found.shape[1:])  # (B, T, ...)
        values[visible] = found
        return Padded(values, visible)

    @cached_property
    def hashes(self) -> Int64[Tensor, " N"]:
        """64 bits of each row, the same for equal rows, or those that were given."""
        return hashed(self.values, self.offsets) if self.identity is None else self.identity


@dataclass(frozen=True)
class Windows(Column):
    """Windows onto one long text: row i shows the positions i T, ..., (i + 1) T - 1. The last may show fewer.

    A text of N tokens has N - 1 positions: each has a token behind it, which is what `ahead=1` shows there. So inputs
    and targets are two views of the same tokens. Where the text has parts, each of them is a text of its own: its first
    window begins where it does, and neither a window nor a target lies across an edge.

    Attributes:
        values: the tokens: int32 or uint16, in memory or mapped to it.
        length: T, the positions of a window.
        ahead: how many tokens behind its position each is that is shown.
        edges: the tokens at which further parts begin, ascending; a part may be empty.
    """

    length: int = field(kw_only=True)
    ahead: int = field(default=0, kw_only=True)
    edges: tuple[int, ...] = field(default=(), kw_only=True)

    def __len__(self) -> int:
        return int(self.windows_before[-1])

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The positions of each part: the first, and the one behind the last."""
        ends = [0, *self.edges, len(self.values)]
        return [(first, max(first, last - 1)) for first, last in pairwise(ends)]

    @cached_property
    def windows_before(self) -> Int64[Tensor, " P"]:
        """The windows of all parts before each part, and at last those of all."""
        counts = [0, *(-(-(last - first) // self.length) for first, last in self.spans)]
        return torch.tensor(counts).cumsum(0)

    def starts(self, index: Int64[Tensor, " B"]) -> Int64[Tensor, " B"]:
        """The position at which each of these windows begins. None is kept: a long text has many."""
        part = self.part(index)
        first = torch.tensor([first for first, _ in self.spans])
        return first[part] + (index - self.windows_before[part]) * self.length

    def stops(self, index: Int64[Tensor, " B"]) -> Int64[Tensor, " B"]:
        """The position behind the last one that each of these windows shows."""
        last = torch.tensor([last for _, last in self.spans])
        return torch.minimum(self.starts(index) + self.length, last[self.part(index)])

    def part(self, index: Int64[Tensor, " B"]) -> Int64[Tensor, " B"]:
        """The part that each of these windows is in, from 0 on; a part without windows has none of them."""
        return torch.bucketize(index, self.windows_before[1:], right=True)

    @property
    def tokens(self) -> Shaped[Tensor, " N"]:
        """The whole text."""
        return self.values

    @property
    def positions(self) -> int:
        """How many tokens have one behind them."""
        return max(0, len(self.values) - 1)

    def gather(self, index: Int64[Tensor, " B"]) -> Padded:  # type: ignore[override]  # the last window may be shorter
        """These windows."""
        return self.at(self.starts(index), self.length, self.stops(index))

    def at(self, starts: Int64[Tensor, " B"], length: int, stops: Int64[Tensor, " B"] | None = None) -> Padded:
        """Windows that begin anywhere, padded with 0 to the longest of them.

        Args:
            starts: the positions at which they begin.
            length: the most positions of a window.
            stops: the positions before which they end, at the latest; None for the end of the text.
        """
        places = starts[:, None] + torch.arange(length, device=starts.device)  # (B, T)
        end = self.positions if stops is None else stops.clamp(max=self.positions)[:, None]
        visible = places < end
        longest = int(visible.sum(1).max()) if len(visible) else 0
        places, visible = places[:, :longest], visible[:, :longest]
        values = self.values[(places + self.ahead).clamp(max=len(self.values) - 1)].long()
        return Padded(values.masked_fill(~visible, 0), visible)

    @property
    def hashes(self) -> Int64[Tensor, " N"]:  # not kept: a long text has many
        """64 bits of what each window shows, the same for equal windows."""
        found = torch.empty(len(self), dtype=torch.int64)
        for (first, last), (start, stop) in zip(self.spans, pairwise(self.windows_before.tolist()), strict=True):
            ends = torch.arange(stop - start + 1).mul_(self.length)
            ends[-1] = last - first
            found[start:stop] = hashed(self.values[first + self.ahead : last + self.ahead], ends)
        return found


def hashed(values: Shaped[Tensor, "N ..."], offsets: Int64[Tensor, " M"]) -> Int64[Tensor, " R"]:
    """64 bits of each row: sum_j mixed(v_j + j c) mod 2^64, mixed once more, where v_j are bits of the value at j."""
    rows = len(offsets) - 1
    hashes = torch.empty(rows, dtype=torch.int64)
    for first in range(0, rows, HASHED_ROWS):
        ends = offsets[first : first + HASHED_ROWS + 1]
        part = values[int(ends[0]) : int(ends[-1])]
        whole = part.dim() == 1 and not part.is_floating_point()
        words = part.long() if whole else Column(part, Value(1)).hashes
        places = torch.arange(int(ends[0]), int(ends[-1])) - ends[:-1].repeat_interleave(ends.diff())
        # A sum of a part is the difference of two running sums; both wrap around at 2^64, and so does that.
        running = torch.cat([words.new_zeros(1), mixed(words + (places + 1) * signed(GOLDEN)).cumsum(0)])
        hashes[first : first + HASHED_ROWS] = mixed(running[ends - ends[0]].diff())
    return hashes
