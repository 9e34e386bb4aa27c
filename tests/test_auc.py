"""The area under the ROC curve and its interval."""

from __future__ import annotations

import itertools
import math
import statistics
from functools import reduce
from operator import add

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from torch import Tensor

from lamina.metrics import MEASURES, NORMAL_QUANTILE, ClassTally, Margins, auc, improves, wilson

patient = settings(max_examples=100)
few = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=13)
"""Few values, so that many are tied."""


def numbers(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def tally(margins: list[float], labels: list[int]) -> ClassTally:
    """The tally of examples whose log-odds of class 1 are these."""
    half = numbers(margins) / 2
    return ClassTally.of(torch.stack((-half, half), 1).log_softmax(1), torch.tensor(labels, dtype=torch.int64))


def shares_below(low: list[float], high: list[float]) -> list[float]:
    """Of each of `high`, the share of `low` below it: every pair looked at."""
    return [statistics.fmean(1.0 if x < y else 0.5 if x == y else 0.0 for x in low) for y in high]


def test_the_area_of_three_and_two_examples_is_the_one_reckoned_by_hand():
    # 2 lies above 1 and half of 2, 4 above all: (1/2 + 1) / 2. Above 1, 2, 3 lie 1, 3/4 and 1/2 of the others.
    # Var(1/2, 1) / 2 + Var(1, 3/4, 1/2) / 3 = 1/16 + 1/48 = 1/12, and the odds are 3 to 1.
    measure = auc(numbers([1, 2, 3]), numbers([2, 4]))
    factor = math.exp(NORMAL_QUANTILE * math.sqrt(1 / 12) / (3 / 16))
    assert measure.value == 0.75
    assert measure[1:] == pytest.approx(((3 / factor) / (1 + 3 / factor), 3 * factor / (1 + 3 * factor)))


def test_it_stands_after_the_log_loss_of_two_classes_and_of_no_other_number():
    assert list(tally([1.0, -1.0], [1, 0]).measures()) == ["accuracy", "log_loss", "auc", "macro_f1"]
    for classes in (1, 3):
        uniform = torch.zeros(5, classes).log_softmax(1)
        both = ClassTally.of(uniform, torch.zeros(5, dtype=torch.int64))
        assert list((both + both).measures()) == ["accuracy", "log_loss", "macro_f1"]


def test_it_is_a_share_of_which_more_is_better():
    assert MEASURES["auc"].unit == "share"
    assert improves("auc", 0.9, 0.8)


@patient
@given(low=few, high=few)
def test_it_is_the_share_of_pairs_in_the_right_order_where_ties_count_half(low, high):
    assert auc(numbers(low), numbers(high)).value == pytest.approx(statistics.fmean(shares_below(low, high)))


@patient
@given(low=few, high=few)
@example(low=[0.0, 1.0, 2.0], high=[1.0, 3.0])
def test_its_interval_has_the_variance_of_delong_taken_over_all_pairs(low, high):
    measure = auc(numbers(low), numbers(high))
    if min(len(low), len(high)) == 1:
        assert measure[1:] == (0, 1)
        return
    p, q = shares_below(low, high), [1 - share for share in shares_below(high, low)]
    variance = statistics.variance(p) / len(p) + statistics.variance(q) / len(q)
    if variance < 1e-12:
        assert measure == pytest.approx(wilson(measure.value * min(len(p), len(q)), min(len(p), len(q))))
        return
    step = NORMAL_QUANTILE * math.sqrt(variance) / (measure.value * (1 - measure.value))
    for end, sign in ((measure.low, -1), (measure.high, 1)):
        logit = math.log(measure.value / (1 - measure.value)) + sign * step
        assert end == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-9)
    assert 0 <= measure.low <= measure.value <= measure.high <= 1


@patient
@given(low=few, high=few)
def test_the_classes_can_be_exchanged_if_the_order_is_turned(low, high):
    there, back = auc(numbers(low), numbers(high)), auc(-numbers(high), -numbers(low))
    assert there == pytest.approx(back)
    against = auc(numbers(high), numbers(low))
    assert (1 - against.value, 1 - against.high, 1 - against.low) == pytest.approx(tuple(there))


def test_it_is_that_of_scikit_learn():
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(997) % 2
    margins = (torch.randn(997, generator=random, dtype=torch.float64) + labels).mul(4).round()  # with ties
    got = tally(margins.tolist(), labels.tolist()).measures()["auc"].value
    assert got == pytest.approx(sklearn_metrics.roc_auc_score(labels, margins), abs=1e-12)


def test_its_interval_covers_the_truth_95_times_in_100():
    # Normals of variance 1 a distance d apart: the area is Φ(d / √2).
    for distance in (0.5, 1.5):
        truth = (1 + math.erf(distance / 2)) / 2
        random = torch.Generator().manual_seed(3)
        draws = torch.randn(500, 97, generator=random, dtype=torch.float64)
        draws[:, 41:] += distance
        held = [auc(draw[:41], draw[41:]) for draw in draws]
        share = statistics.fmean(measure.low <= truth <= measure.high for measure in held)
        assert 0.92 <= share <= 0.98, (distance, share)


# Additivity


@patient
@given(
    rows=st.lists(st.tuples(st.integers(-4, 4).map(float), st.integers(0, 1)), min_size=1, max_size=31),
    cuts=st.lists(st.integers(0, 31), max_size=5).map(sorted),
    chance=st.randoms(use_true_random=False),
)
def test_it_does_not_matter_how_the_examples_are_cut_nor_in_which_order_they_are_added(rows, cuts, chance):
    whole = tally(*map(list, zip(*rows, strict=True))).measures()["auc"]
    edges = [0, *cuts, len(rows)]
    parts = [rows[first:last] for first, last in itertools.pairwise(edges) if rows[first:last]]
    tallies = [tally(*map(list, zip(*part, strict=True))) for part in parts]
    chance.shuffle(tallies)
    while len(tallies) > 1:  # any tree of sums
        first = tallies.pop(chance.randrange(len(tallies)))
        tallies.append(tallies.pop(chance.randrange(len(tallies))) + first)
    merged = tallies[0].measures()["auc"]
    assert math.isnan(whole.value) if math.isnan(merged.value) else merged == whole


def test_ten_thousand_batches_are_added_without_copying_and_without_recursion():
    one = tally([1.0, 0.0, 2.0], [1, 0, 0])
    whole = reduce(add, [one] * 10_000)
    assert whole.margins is not None
    assert len(whole.margins.margin) == 0
    assert whole.margins.halves[1] is one.margins
    assert whole.count == 30_000
    assert whole.measures()["auc"].value == 0.5


def test_unlike_margins_that_single_precision_would_make_equal_are_no_tie():
    close = torch.tensor([[0.0, 1e-4], [0.0, 1.0001e-4]]).log_softmax(1)
    margins = Margins.of(close.bfloat16().float(), torch.tensor([0, 1]))
    assert margins.margin.dtype == torch.float64
    large = torch.tensor([[-30.0, -1e-7], [-30.0, -2e-7]])
    assert Margins.of(large, torch.tensor([1, 0])).margin.unique().numel() == 2


# Edges


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], []])
def test_it_is_nan_where_a_class_is_absent(labels):
    measure = tally([0.5, -0.5, 0.0][: len(labels)], labels).measures()["auc"]
    assert math.isnan(measure.value)
    assert measure[1:] == (0, 1)


def test_it_is_nan_where_a_prediction_is_no_number():
    measure = tally([0.5, math.nan, 0.0], [0, 1, 1]).measures()["auc"]
    assert math.isnan(measure.value)
    assert measure[1:] == (0, 1)


def test_a_class_of_one_example_says_nothing_of_the_spread():
    assert tally([0.5, -0.5, 1.5], [0, 0, 1]).measures()["auc"] == (1, 0, 1)


@pytest.mark.parametrize(("sign", "area"), [(1.0, 1.0), (-1.0, 0.0), (0.0, 0.5)])
def test_all_in_order_or_none_or_all_tied_leave_the_doubt_that_the_rarer_class_leaves(sign, area):
    measure = tally([sign * (-2.0 if place < 7 else 2.0) for place in range(20)], [0] * 7 + [1] * 13).measures()["auc"]
    assert measure == wilson(area * 7, 7)
    assert measure.value == area
