"""Texts that are read together."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.labelling import ENOUGH, LONGER, POSITIONS, together


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=300))
def test_rows_are_read_once_in_batches_that_are_small_or_little_padding(sizes: list[int]) -> None:
    lengths = torch.tensor(sizes)
    parts = list(together(lengths))
    assert torch.cat(parts).sort().values.tolist() == list(range(len(sizes)))
    for part in parts:
        longest, shortest = int(lengths[part].max()), int(lengths[part].min())
        assert len(part) * longest <= POSITIONS or len(part) == 1
        assert longest <= LONGER * shortest or (len(part) - 1) * shortest < ENOUGH + longest
