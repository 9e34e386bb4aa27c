"""Windows that slide over a series."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.series.sliding import Sliding, powers
from lamina.kinds import Padded, Sequence, Value

SERIES = torch.arange(22.0).view(11, 2)


def test_a_window_of_a_sequence_is_steps_that_follow_each_other_and_all_are_visible() -> None:
    column = Sliding(SERIES, Sequence(2), length=3)
    assert len(column) == 9
    found = column.gather(torch.tensor([0, 8]))
    assert isinstance(found, Padded)
    assert found.values.tolist() == [[[0, 1], [2, 3], [4, 5]], [[16, 17], [18, 19], [20, 21]]]
    assert found.visible.all()


def test_a_window_of_values_is_one_vector_step_by_step() -> None:
    column = Sliding(SERIES, Value(4), length=2)
    assert column.gather(torch.tensor([3])).tolist() == [[6, 7, 8, 9]]


def test_windows_are_views_on_one_array() -> None:
    column = Sliding(SERIES, Sequence(2), length=3)
    assert column.windows.untyped_storage().data_ptr() == SERIES.untyped_storage().data_ptr()


@given(st.lists(st.integers(0, 2), min_size=5, max_size=40), st.integers(1, 5))
def test_two_windows_have_one_hash_just_if_they_are_equal(values: list[int], length: int) -> None:
    column = Sliding(torch.tensor(values).float()[:, None], Value(length), length=length)
    windows = [tuple(window) for window in column.gather(torch.arange(len(column))).tolist()]
    hashes = column.hashes.tolist()
    assert len(set(windows)) == len(set(hashes)) == len(set(zip(windows, hashes, strict=True)))


def test_the_hash_of_a_window_does_not_depend_on_where_it_stands() -> None:
    one = Sliding(SERIES, Sequence(2), length=3).hashes
    other = Sliding(SERIES[4:], Sequence(2), length=3).hashes
    assert torch.equal(one[4:], other)


def test_powers_wrap_around() -> None:
    assert powers(2**63, 3).tolist() == [1, 2**63, 0]
