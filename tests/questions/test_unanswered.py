"""By how much an answer must beat none."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.unanswered import Either, best_least, f1_by

SHARE = st.sampled_from([0.0, 0.25, 0.5, 1.0])
ODDS = st.one_of(st.integers(-5, 5).map(float), st.just(-math.inf))


@given(st.lists(st.builds(Either, ODDS, SHARE, st.sampled_from([0.0, 1.0])), min_size=1, max_size=13))
def test_no_other_bar_is_better(each: list[Either]) -> None:
    best = f1_by(each, best_least(each))
    for bar in torch.arange(-7, 7.5, 0.5).tolist():
        assert f1_by(each, bar) <= best + 1e-12


def test_the_bar_stands_between_answers_that_are_wrong_and_right_ones() -> None:
    each = [Either(5.0, 1.0, 0.0), Either(3.0, 0.5, 0.0), Either(2.0, 0.0, 1.0), Either(-1.0, 0.0, 1.0)]
    assert best_least(each) == 2.5
    assert f1_by(each, 2.5) == (1 + 0.5 + 1 + 1) / 4
    assert f1_by(each, 0.0) == (1 + 0.5 + 0 + 1) / 4


@pytest.mark.parametrize(
    ("each", "least"),
    [
        ([Either(-2.0, 1.0, 0.0)], -3.0),  # all are to be answered
        ([Either(2.0, 0.0, 1.0)], 3.0),  # none is
        ([Either(2.0, 1.0, 0.0), Either(-2.0, 0.0, 1.0)], 0.0),  # 0 is as good as any
        ([Either(-math.inf, 1.0, 1.0)], 0.0),  # nothing could be answered
    ],
)
def test_of_bars_that_are_as_good_the_nearest_to_0_is_taken(each: list[Either], least: float) -> None:
    assert best_least(each) == least
