"""Columns of tokens: rows of unequal length, and windows onto one long text."""

from __future__ import annotations

from collections.abc import Iterator
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
        return sum(self.counts)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The positions of each part: the first, and the one behind the last."""
        ends = [0, *self.edges, len(self.values)]
        return [(first, max(first, last - 1)) for first, last in pairwise(ends)]

    @property
    def counts(self) -> list[int]:
        """How many windows each part has."""
        return [-(-(last - first) // self.length) for first, last in self.spans]

    def bounds(self, rows: Int64[Tensor, " B"]) -> tuple[Int64[Tensor, " B"], Int64[Tensor, " B"]]:
        """The position at which each of these windows begins, and the one behind the last that it shows.

        They are computed and not kept: a long text has millions of windows.
        """
        behind = torch.tensor(self.counts, device=rows.device).cumsum(0)
        part = torch.searchsorted(behind, rows, right=True)
        spans = torch.tensor(self.spans, device=rows.device)[part]  # (B, 2)
        starts = spans[:, 0] + (rows - torch.cat([behind.new_zeros(1), behind])[part]) * self.length
        return starts, torch.minimum(starts + self.length, spans[:, 1])

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
        starts, stops = self.bounds(index)
        return self.at(starts, self.length, stops)

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

    @cached_property
    def hashes(self) -> Int64[Tensor, " N"]:
        """64 bits of what each window shows, the same for equal windows."""
        return torch.cat([torch.empty(0, dtype=torch.int64), *self.hashes_in_turn()])

    def hashes_in_turn(self) -> Iterator[Int64[Tensor, " P"]]:
        for (first, last), count in zip(self.spans, self.counts, strict=True):
            shown = self.values[first + self.ahead : last + self.ahead]
            for row in range(0, count, HASHED_ROWS):
                ends = torch.arange(row, min(row + HASHED_ROWS, count) + 1) * self.length
                yield hashed(shown, ends.clamp(max=last - first))


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
        hashes[first : first + HASHED_ROWS] = running[ends - ends[0]].diff()
    return mixed(hashes)
