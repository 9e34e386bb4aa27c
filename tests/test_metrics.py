from __future__ import annotations

import doctest
import math
from functools import reduce
from operator import add

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from torch import Tensor

from lamina import metrics
from lamina.errors import KindError
from lamina.metrics import (
    MEASURES,
    NORMAL_QUANTILE,
    ClassTally,
    Measure,
    Tally,
    ValueTally,
    improves,
    positive,
    wilson,
)

SEEDS = st.integers(0, 2**31 - 1)
patient = settings(max_examples=50)


def answers(seed: int, count: int = 53, classes: int = 7, certainty: float = 2.0) -> tuple[Tensor, Tensor]:
    """Log probabilities that lean to the target."""
    chance = torch.Generator().manual_seed(seed)
    target = torch.randint(classes, (count,), generator=chance)
    logits = torch.randn(count, classes, generator=chance, dtype=torch.float64)
    logits[torch.arange(count), target] += certainty
    return logits.log_softmax(1), target


def guesses(seed: int, count: int = 53, size: int = 3, noise: float = 0.7) -> tuple[Tensor, Tensor]:
    """Predictions near the target, whose outputs have different scales."""
    chance = torch.Generator().manual_seed(seed)
    scale = torch.tensor([1.0, 0.1, 10.0], dtype=torch.float64)[:size]
    target = torch.randn(count, size, generator=chance, dtype=torch.float64) * scale
    return target + noise * scale * torch.randn(count, size, generator=chance, dtype=torch.float64), target


def predicting(predicted: list[int], classes: int) -> Tensor:
    """Log probabilities whose largest is at these classes."""
    return torch.eye(classes, dtype=torch.float64)[predicted].log_softmax(1)


def assert_same(left: Tally, right: Tally, close: float = 1e-9) -> None:
    for name, measure in left.measures().items():
        assert measure == pytest.approx(right.measures()[name], rel=close, abs=close, nan_ok=True), name


# Values redone on paper


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_intervals_of_newcombe_1998_table_one(hits, count, low, high):
    assert wilson(hits, count) == pytest.approx((hits / count, low, high), abs=5e-5)


def test_the_measures_of_eleven_classified_examples_are_those_reckoned_by_hand():
    actual = [0] * 4 + [1] * 7
    predicted = [0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1]
    tally = ClassTally.of(predicting(predicted, 2), torch.tensor(actual))
    assert tally.confusion.tolist() == [[3, 1], [2, 5]]
    assert tally.count == 11
    assert tally.measures()["accuracy"].value == 8 / 11
    assert tally.measures()["macro_f1"].value == pytest.approx((6 / 9 + 10 / 13) / 2)
    first, second = tally.by_class()
    assert (first.precision.value, first.recall.value, first.actual, first.predicted) == (3 / 5, 3 / 4, 4, 5)
    assert (second.precision.value, second.recall.value, second.actual, second.predicted) == (5 / 6, 5 / 7, 7, 6)
    assert first.recall == wilson(3, 4)


def test_log_loss_of_a_half_and_a_quarter_is_one_and_a_half_bits():
    tally = ClassTally.of(torch.tensor([[0.5, 0.5], [0.75, 0.25]]).log(), torch.tensor([0, 1]))
    bit = math.log(2)
    factor = math.exp(NORMAL_QUANTILE * (0.5 * bit) / (1.5 * bit))  # standard error 0.5 bits, mean 1.5 bits
    assert tally.measures()["log_loss"] == pytest.approx((1.5 * bit, 1.5 * bit / factor, 1.5 * bit * factor))


def test_the_measures_of_two_values_are_those_reckoned_by_hand():
    got = ValueTally.of(torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [4.0]])).measures()
    assert {name: measure.value for name, measure in got.items()} == pytest.approx(
        {"root_mean_squared_error": 2.5**0.5, "squared_error": 2.5, "absolute_error": 1.5, "r2": 1 - 2.5 / 4}
    )
    # Squares 1 and 4: variance 4.5, standard error 1.5. Sizes 1 and 2: variance 0.5, standard error 0.5.
    assert got["squared_error"] == pytest.approx(positive(2.5, 1.5**2))
    assert got["absolute_error"] == pytest.approx(positive(1.5, 0.5**2))
    assert got["root_mean_squared_error"] == pytest.approx([end**0.5 for end in got["squared_error"]])


def test_the_interval_of_macro_f1_has_the_variance_that_differentiation_gives():
    log_probabilities, target = answers(0, count=211, classes=5, certainty=1.0)
    tally = ClassTally.of(log_probabilities, target)
    counts = tally.confusion.double().requires_grad_()
    f1 = (2 * counts.diagonal() / (counts.sum(0) + counts.sum(1))).mean()
    (slope,) = torch.autograd.grad(f1, counts)
    variance = (counts * slope.square()).sum().item() - (counts * slope).sum().item() ** 2 / 211
    draws = f1.item() * (1 - f1.item()) / variance
    assert tally.macro_f1() == pytest.approx(wilson(f1.item() * draws, draws))


def test_the_interval_of_r2_has_the_variance_that_differentiation_gives():
    predicted, target = guesses(0)

    def unexplained(weights: Tensor) -> Tensor:
        weights = weights[:, None] / weights.sum()
        middle = (weights * target).sum(0)
        errors, around = (predicted - target).square(), (target - middle).square()
        return ((weights * errors).sum(0) / (weights * around).sum(0)).mean()

    weights = torch.ones(53, dtype=torch.float64, requires_grad=True)
    value = unexplained(weights)
    (influence,) = torch.autograd.grad(value, weights)
    expected = positive(value.item(), influence.square().sum().item() * 53 / 52)
    assert ValueTally.of(predicted, target).r2() == pytest.approx((1 - expected[0], 1 - expected[2], 1 - expected[1]))


# Parity with scikit-learn


@patient
@given(pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=31))
def test_accuracy_and_macro_f1_are_those_of_scikit_learn(pairs):
    actual, predicted = map(list, zip(*pairs, strict=True))
    got = ClassTally.of(predicting(predicted, 5), torch.tensor(actual)).measures()
    assert got["accuracy"].value == pytest.approx(sklearn_metrics.accuracy_score(actual, predicted))
    assert got["macro_f1"].value == pytest.approx(sklearn_metrics.f1_score(actual, predicted, average="macro"))


@patient
@given(seed=SEEDS, count=st.integers(1, 31), classes=st.integers(2, 7))
def test_log_loss_is_that_of_scikit_learn(seed, count, classes):
    log_probabilities, target = answers(seed, count, classes)
    expected = sklearn_metrics.log_loss(target, log_probabilities.exp().numpy(), labels=range(classes))
    assert ClassTally.of(log_probabilities, target).measures()["log_loss"].value == pytest.approx(expected)


@patient
@given(seed=SEEDS, count=st.integers(2, 31), size=st.integers(1, 3))
def test_the_measures_of_values_are_those_of_scikit_learn(seed, count, size):
    predicted, target = guesses(seed, count, size)
    got = ValueTally.of(predicted, target).measures()
    squared = sklearn_metrics.mean_squared_error(target, predicted)
    assert got["squared_error"].value == pytest.approx(squared)
    assert got["root_mean_squared_error"].value == pytest.approx(squared**0.5)
    assert got["absolute_error"].value == pytest.approx(sklearn_metrics.mean_absolute_error(target, predicted))
    assert got["r2"].value == pytest.approx(sklearn_metrics.r2_score(target, predicted))


# Additivity


@patient
@given(seed=SEEDS, cuts=st.lists(st.integers(0, 53), max_size=5).map(sorted))
def test_cutting_a_batch_in_any_way_leaves_the_measures_of_classes_as_they_were(seed, cuts):
    log_probabilities, target = answers(seed)
    parts = zip(log_probabilities.tensor_split(cuts), target.tensor_split(cuts), strict=True)
    assert_same(reduce(add, [ClassTally.of(*part) for part in parts]), ClassTally.of(log_probabilities, target))


@patient
@given(seed=SEEDS, cuts=st.lists(st.integers(0, 53), max_size=5).map(sorted), offset=st.sampled_from([0.0, -1e6]))
def test_cutting_a_batch_in_any_way_leaves_the_measures_of_values_as_they_were(seed, cuts, offset):
    predicted, target = (part + offset for part in guesses(seed))
    target, order = target.sort(dim=0)  # parts with means far apart
    predicted = predicted.gather(0, order)
    parts = zip(predicted.tensor_split(cuts), target.tensor_split(cuts), strict=True)
    assert_same(reduce(add, [ValueTally.of(*part) for part in parts]), ValueTally.of(predicted, target), 1e-7)


@patient
@given(seed=SEEDS)
def test_a_large_offset_of_target_and_prediction_changes_no_measure(seed):
    predicted, target = guesses(seed)
    shifted = reduce(add, [ValueTally.of(predicted[i::7] + 2.0**20, target[i::7] + 2.0**20) for i in range(7)])
    assert_same(shifted, ValueTally.of(predicted, target), 1e-7)


def test_tallies_do_not_change_when_they_are_added():
    for tally in (ClassTally.of(*answers(0)), ValueTally.of(*guesses(0))):
        before = tally.measures()
        assert (tally + tally).count == 106
        assert tally.measures() == before


# Intervals


def coverage(tally, truth: dict[str, float], repeats: int = 500) -> dict[str, float]:
    """The share of repeated experiments whose interval holds the truth."""
    held = dict.fromkeys(truth, 0)
    for seed in range(repeats):
        for name, measure in tally(seed).measures().items():
            held[name] += measure.low <= truth[name] <= measure.high
    return {name: times / repeats for name, times in held.items()}


def test_intervals_of_class_measures_cover_the_truth_95_times_in_100():
    whole = ClassTally.of(*answers(997, count=1_000_003, classes=3)).measures()
    shares = coverage(
        lambda seed: ClassTally.of(*answers(seed, count=307, classes=3)), {k: m.value for k, m in whole.items()}
    )
    assert all(0.92 <= share <= 0.98 for share in shares.values()), shares


def test_intervals_of_value_measures_cover_the_truth_95_times_in_100():
    # Errors have standard deviations 0.7, 0.07 and 7 where targets have 1, 0.1 and 10.
    squared = (0.7**2 + 0.07**2 + 7**2) / 3
    absolute = (2 / math.pi) ** 0.5 * (0.7 + 0.07 + 7) / 3
    truth = {"squared_error": squared, "root_mean_squared_error": squared**0.5, "absolute_error": absolute}
    shares = coverage(lambda seed: ValueTally.of(*guesses(seed, count=307)), truth | {"r2": 1 - 0.7**2})
    assert all(0.92 <= share <= 0.98 for share in shares.values()), shares


@patient
@given(seed=SEEDS, count=st.integers(1, 31), certainty=st.sampled_from([0.0, 2.0, 50.0]))
def test_every_interval_holds_its_value_and_stays_within_the_range_of_the_measure(seed, count, certainty):
    classes = ClassTally.of(*answers(seed, count, certainty=certainty)).measures()
    values = ValueTally.of(*guesses(seed, count, noise=10 * math.exp(-certainty))).measures()
    for name, measure in (classes | values).items():
        assert math.isnan(measure.value) or measure.low <= measure.value <= measure.high
        assert measure.low >= (-math.inf if name == "r2" else 0)
        assert measure.high <= (1 if name in ("accuracy", "macro_f1", "r2") else math.inf)


# Edges


def test_a_single_example_has_a_value_and_says_nothing_of_its_spread():
    got = ClassTally.of(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([1])).measures()
    assert got["accuracy"] == wilson(1, 1)
    assert got["log_loss"] == (pytest.approx(-math.log(0.75)), 0, math.inf)
    got = ValueTally.of(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 2.0]])).measures()
    assert got["squared_error"] == (2, 0, math.inf)
    assert got["absolute_error"] == (1, 0, math.inf)
    assert str(got["r2"]) == "nan [-inf, 1.000]"


def test_no_example_at_all_measures_nothing():
    classes = ClassTally.of(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    values = ValueTally.of(torch.zeros(0, 2), torch.zeros(0, 2))
    for tally in (classes, classes + classes, values, values + values):
        assert tally.count == 0
        assert all(math.isnan(measure.value) for measure in tally.measures().values())


def test_perfect_predictions_of_classes_leave_room_for_doubt():
    got = ClassTally.of(torch.eye(3)[[0, 1, 2] * 7].log(), torch.tensor([0, 1, 2] * 7)).measures()
    assert got["accuracy"] == got["macro_f1"] == wilson(21, 21)
    assert got["log_loss"] == (0, 0, 0)
    assert not str(got["log_loss"]).startswith("-")


def test_wholly_wrong_predictions_leave_room_for_doubt():
    got = ClassTally.of(predicting([1, 0] * 5, 2), torch.tensor([0, 1] * 5)).measures()
    assert got["accuracy"] == got["macro_f1"] == wilson(0, 10)


def test_a_share_whose_estimated_variance_is_zero_gets_the_interval_of_its_examples():
    # Class 0 is always right, 1 and 2 are always confused: each F1 stays as it is for any change of the counts.
    got = ClassTally.of(predicting([0, 2, 1] * 5, 3), torch.tensor([0, 1, 2] * 5)).measures()
    assert got["macro_f1"] == pytest.approx(wilson(5, 15))


def test_one_class_alone_is_measured():
    got = ClassTally.of(torch.zeros(11, 1), torch.zeros(11, dtype=torch.int64)).measures()
    assert got["accuracy"] == got["macro_f1"] == wilson(11, 11)


def test_a_class_that_never_occurs_nor_is_predicted_counts_for_nothing():
    few = ClassTally.of(predicting([0, 1, 1], 2), torch.tensor([0, 1, 0]))
    many = ClassTally.of(predicting([0, 1, 1], 5), torch.tensor([0, 1, 0]))
    assert few.macro_f1() == pytest.approx(many.macro_f1())
    absent = many.by_class()[4]
    assert str(absent.precision) == str(absent.recall) == "nan [0.00, 1.00]"


@pytest.mark.parametrize("value", [0.1, 1e6 + 0.1, 0.0])
def test_r2_of_a_constant_target_is_nan(value):
    target = torch.full((53, 1), value, dtype=torch.float64)
    tally = reduce(add, [ValueTally.of(part + 1, part) for part in target.split(7)])
    assert tally.measures()["squared_error"] == pytest.approx((1, 1, 1))
    assert str(tally.measures()["r2"]) == "nan [-inf, 1.000]"


def test_r2_leaves_out_the_outputs_whose_target_is_constant():
    predicted, target = guesses(0)
    held = torch.full((53, 1), 0.3, dtype=torch.float64)
    both = ValueTally.of(torch.cat((held + 1, predicted), 1), torch.cat((held, target), 1))
    assert both.r2() == pytest.approx(ValueTally.of(predicted, target).r2())


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_numbers_that_are_not_finite_show_in_the_measures_and_crash_nothing(bad):
    log_probabilities, target = answers(0)
    log_probabilities[3] = bad
    tally = reduce(add, map(ClassTally.of, log_probabilities.split(7), target.split(7)))
    assert tally.count == 53
    assert tally.measures()["accuracy"].low > 0
    assert not math.isfinite(tally.measures()["log_loss"].value)
    predicted, target = guesses(0)
    predicted[3, 0] = predicted[51, 1] = bad
    values = reduce(add, map(ValueTally.of, predicted.split(7), target.split(7))).measures()
    squared = values["squared_error"]
    assert math.isnan(squared.value) if math.isnan(bad) else squared.value == math.inf
    assert (squared.low, squared.high) == (0, math.inf)
    assert not math.isfinite(values["r2"].value)
    target[3, 0] = bad
    ValueTally.of(predicted, target).measures()


def test_sums_are_taken_in_float64_from_predictions_in_any_precision():
    log_probabilities, target = answers(0)
    tally = ClassTally.of(log_probabilities.bfloat16().requires_grad_(), target)
    assert tally.nats == -log_probabilities.bfloat16()[torch.arange(53), target].double().sum().item()
    values = ValueTally.of(*(part.half().requires_grad_() for part in guesses(0)))
    assert (values.mean.dtype, values.mean.requires_grad) == (torch.float64, False)


def test_shapes_that_would_broadcast_are_refused():
    words = "ValueTally: expected two tensors of one shape (B, D), got predicted (3,) and target (3, 1); reshape them"
    with pytest.raises(KindError) as caught:
        ValueTally.of(torch.zeros(3), torch.zeros(3, 1))
    assert str(caught.value) == words
    with pytest.raises(KindError, match=r"predicted \(3,\) and target \(3,\)"):
        ValueTally.of(torch.zeros(3), torch.zeros(3))


# What is said of measures


@pytest.mark.parametrize("tally", [ClassTally.of(*answers(0)), ValueTally.of(*guesses(0))])
def test_every_measure_is_in_the_table_and_the_headline_comes_first(tally):
    names = list(tally.measures())
    assert names[0] == tally.headline
    assert tally.chosen_by in names
    assert set(names) <= set(MEASURES)


def test_better_is_higher_or_lower_as_the_table_says_and_nan_is_worst():
    assert improves("accuracy", 0.9, 0.8)
    assert not improves("accuracy", 0.8, 0.8)
    assert improves("log_loss", 0.8, 0.9)
    assert not improves("log_loss", 0.9, 0.8)
    assert improves("log_loss", math.inf, math.nan)
    assert not improves("accuracy", math.nan, 0.0)
    assert not improves("r2", math.nan, math.nan)


@pytest.mark.parametrize(
    ("measure", "text"),
    [
        ((0.98611, 0.97321, 0.99409), "0.986 [0.973, 0.994]"),
        ((1.0, 0.99616, 1.0), "1.0000 [0.9962, 1.0000]"),
        ((0.5, 0.1, 0.9), "0.50 [0.10, 0.90]"),
        ((3000.123, 2990.4, 3010.2), "3000.1 [2990.4, 3010.2]"),
        ((3000.123, 2876.2, 3123.9), "3000 [2876, 3124]"),
        ((1e-5, 0.9e-5, 1.11e-5), "1.00e-05 [9.00e-06, 1.11e-05]"),
        ((2.5e9, 2.4e9, 2.6e9), "2.50e+09 [2.40e+09, 2.60e+09]"),
        ((-0.0004, -0.3, 0.2), "0.00 [-0.30, 0.20]"),
        ((1.0986, 1.0986, 1.0986), "1.10 [1.10, 1.10]"),
        ((22.2222, 22.2222 - 2e-15, 22.2222 + 4e-15), "22.2 [22.2, 22.2]"),
        ((0.0, 0.0, 0.0), "0.000 [0.000, 0.000]"),
        ((2.3026, 0.0, math.inf), "2.30 [0.00, inf]"),
        ((2.3026, 0.0, math.nan), "2.30"),
        ((math.nan, math.nan, math.nan), "nan"),
        ((0.5, -math.inf, math.inf), "0.500"),
    ],
)
def test_a_measure_prints_with_two_digits_of_its_half_width(measure, text):
    assert str(Measure(*measure)) == text


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(metrics.measure).failed == 0
