from __future__ import annotations

import doctest
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

import lamina.baseline_features
import lamina.baselines
from lamina.baselines import baselines
from lamina.data.dataset import Column, Dataset, Part
from lamina.data.named import load
from lamina.data.split import Parts, split
from lamina.kinds import Image, Kind, Label, Table, Targets, Tokens, Value, Vector
from lamina.metrics import ClassTally, ValueTally


def parts(train: int, valid: int, test: int) -> Parts:
    return Parts(*torch.arange(train + valid + test).split([train, valid, test]))


def table(x: Tensor, target: Tensor, kind: Kind) -> Dataset:
    return Dataset("table", Column(x.float(), Vector(x.shape[1])), Column(target, kind))


def labelled(count: int = 211, size: int = 5, classes: int = 3) -> Dataset:
    """Classes apart by their means, in features of very different scales."""
    chance = torch.Generator().manual_seed(0)
    target = torch.randint(classes, (count,), generator=chance)
    x = torch.randn(count, size, generator=chance)
    x[torch.arange(count), target] += 2
    return table(x * 10.0 ** torch.arange(-2, size - 2) + 7, target, Label(classes))


def valued(count: int = 211, size: int = 5, outputs: int = 2, offset: float = 0.0) -> Dataset:
    """Targets affine in the features, with noise."""
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(count, size, generator=chance) * 3 + 1
    noise = torch.randn(count, outputs, generator=chance)
    return table(x, x @ torch.randn(size, outputs, generator=chance) + noise + offset, Value(outputs))


def test_the_majority_is_measured_as_reckoned_by_hand():
    # Training shares 3/5 and 2/5; the test part holds each class once, the second of them is got wrong.
    data = table(torch.zeros(7, 2), torch.tensor([0, 0, 0, 1, 1, 0, 1]), Label(2))
    got = baselines(data, parts(5, 0, 2))["majority"]
    assert got.trained_on == 5
    assert got.measures["accuracy"].value == 0.5
    assert got.measures["log_loss"].value == pytest.approx(-(math.log(0.6) + math.log(0.4)) / 2)


def test_the_mean_is_measured_as_reckoned_by_hand():
    data = table(torch.zeros(5, 2), torch.tensor([[1.0], [2.0], [6.0], [2.0], [7.0]]), Value(1))
    got = baselines(data, parts(3, 0, 2))["mean"]
    assert got.trained_on == 3
    assert got.measures["squared_error"].value == pytest.approx((1 + 16) / 2)
    assert got.measures["r2"].value == pytest.approx(1 - 8.5 / 6.25)


def test_logistic_is_scikit_learns_on_standardised_features():
    data = labelled()
    x, y = data.inputs.values.double().numpy(), data.target.values
    scaler = StandardScaler().fit(x[:149])
    model = LogisticRegression(C=10 / 5).fit(scaler.transform(x[:149]), y[:149].numpy())
    likely = torch.from_numpy(model.predict_log_proba(scaler.transform(x[180:])))
    got = baselines(data, parts(149, 31, 31))
    assert list(got) == ["majority", "logistic"]
    assert got["logistic"].trained_on == 149
    for name, measure in ClassTally.of(likely, y[180:]).measures().items():
        assert got["logistic"].measures[name] == pytest.approx(measure, rel=1e-2)
    assert got["logistic"].measures["log_loss"].high < got["majority"].measures["log_loss"].low


@pytest.mark.parametrize("outputs", [1, 2])
def test_ridge_is_the_solution_of_its_normal_equations(outputs):
    data = valued(outputs=outputs)
    x, y = data.inputs.values.double(), data.target.values.double()
    z = (x - x[:149].mean(0)) / x[:149].std(0, correction=0)
    middle = y[:149].mean(0)
    gram = z[:149].T @ z[:149] + 5 / 10 * torch.eye(5)
    predicted = z[180:] @ torch.linalg.solve(gram, z[:149].T @ (y[:149] - middle)) + middle
    got = baselines(data, parts(149, 31, 31))
    assert list(got) == ["mean", "ridge"]
    for name, measure in ValueTally.of(predicted, y[180:]).measures().items():
        assert got["ridge"].measures[name] == pytest.approx(measure, rel=1e-4)


def test_ridge_keeps_its_digits_when_the_target_is_far_from_zero():
    near, far = (baselines(valued(offset=offset), parts(149, 31, 31))["ridge"] for offset in (0.0, 2.0**20))
    # A float32 beside 2^20 is right to 1/16.
    assert far.measures["squared_error"].value == pytest.approx(near.measures["squared_error"].value, rel=0.05)


def test_the_part_that_validates_is_not_looked_at():
    data = labelled()
    before = baselines(data, parts(149, 31, 31))
    data.inputs.values[149:180] = math.nan
    data.target.values[149:180] = 0
    assert baselines(data, parts(149, 31, 31)) == before


def test_at_most_so_many_examples_train_a_linear_model_drawn_from_the_seed():
    data = labelled()
    first, again = (baselines(data, parts(149, 31, 31), examples=53) for _ in range(2))
    other = baselines(data, parts(149, 31, 31), examples=53, seed=1)
    assert first == again
    assert first["logistic"].trained_on == 53
    assert first["majority"] == other["majority"]
    assert first["majority"].trained_on == 149
    assert first["logistic"].measures != other["logistic"].measures


@pytest.mark.parametrize("make", [labelled, valued])
def test_constant_columns_change_nothing(make):
    data = make()
    fixed = torch.tensor([0.0, 0.1, -1e6]).expand(211, 3)
    # The penalty counts features, so the ones compared with stand beside columns of zeros.
    left, right = (
        baselines(
            table(torch.cat((data.inputs.values, extra), 1), data.target.values, data.target.kind), parts(149, 0, 62)
        )
        for extra in (torch.zeros(211, 3), fixed)
    )
    assert left == right


def test_a_column_that_varies_only_in_the_test_part_is_passed_over():
    data = labelled()
    extra = torch.zeros(211, 1)
    extra[149:] = torch.randn(62, 1, generator=torch.Generator().manual_seed(1)) * 1e6
    left, right = (
        baselines(table(torch.cat((data.inputs.values, more), 1), data.target.values, Label(3)), parts(149, 0, 62))
        for more in (torch.zeros(211, 1), extra)
    )
    assert left == right


def test_a_class_that_never_trained_costs_much_but_not_infinitely_much():
    data = labelled(classes=5)
    missing = data.target.values == 2
    rows = Parts(train=torch.nonzero(~missing)[:97, 0], valid=torch.arange(0), test=torch.nonzero(missing)[:, 0])
    for baseline in baselines(data, rows).values():
        assert baseline.measures["accuracy"].value == 0
        assert baseline.measures["log_loss"].value == pytest.approx(-math.log(1e-6), rel=1e-5)


def test_a_training_part_of_one_class_has_only_its_majority():
    data = labelled()
    data.target.values[:149] = 1
    assert list(baselines(data, parts(149, 0, 62))) == ["majority"]


def test_pictures_are_flattened():
    chance = torch.Generator().manual_seed(0)
    target = torch.randint(2, (211,), generator=chance)
    pixels = torch.randint(256, (211, 1, 3, 5), generator=chance, dtype=torch.uint8)
    pixels[:, 0, 1, 2] = 255 * target
    data = Dataset("pictures", Column(pixels, Image(1, 3, 5), 1 / 255), Column(target, Label(2)))
    assert baselines(data, parts(149, 0, 62))["logistic"].measures["accuracy"].value == 1


def test_inputs_that_are_no_table_have_only_the_constant_answer():
    chance = torch.Generator().manual_seed(0)
    words = Column(torch.randint(7, (31, 5), generator=chance), Tokens(7))
    label = Column(torch.randint(2, (31,), generator=chance), Label(2))
    value = Column(torch.randn(31, 1, generator=chance), Value(1))
    assert list(baselines(Dataset("words", words, label), parts(17, 0, 14))) == ["majority"]
    assert list(baselines(Dataset("words", words, value), parts(17, 0, 14))) == ["mean"]
    assert baselines(Dataset("words", value, words), parts(17, 0, 14)) == {}


def test_nothing_to_train_on_or_to_test_on_gives_no_baseline():
    assert baselines(labelled(), parts(211, 0, 0)) == {}
    assert baselines(labelled(), parts(0, 0, 211)) == {}


def test_more_test_rows_than_are_looked_at_together_are_all_measured():
    data = labelled(count=5003)
    got = baselines(data, parts(211, 0, 4792))["majority"].measures["accuracy"].value
    commonest = data.target.values[:211].bincount().argmax()
    assert got == (data.target.values[211:] == commonest).double().mean().item()


def test_a_fit_that_stops_early_is_silent(monkeypatch):
    data = labelled()
    scaled = StandardScaler().fit_transform(data.inputs.values.double().numpy())
    with pytest.warns(ConvergenceWarning):
        LogisticRegression(max_iter=1).fit(scaled, data.target.values.numpy())
    # No data was found that a hundred iterations do not suffice for.
    monkeypatch.setattr(lamina.baselines, "ITERATIONS", 1)
    assert list(baselines(data, parts(149, 31, 31))) == ["majority", "logistic"]


def test_scikit_learn_is_imported_only_when_a_linear_model_is_fitted():
    code = "import sys, lamina.baselines; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode == 0


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(lamina.baselines).failed == 0


def test_ridge_on_diabetes_explains_about_half_of_the_variance():
    diabetes = load("diabetes")
    got = baselines(diabetes, split(diabetes))
    assert 0.3 < got["ridge"].measures["r2"].value < 0.7
    assert got["mean"].measures["r2"].value <= 0


@pytest.mark.data
def test_logistic_on_ten_thousand_pictures_of_mnist_gets_nine_in_ten_right(data_folder, monkeypatch):
    monkeypatch.setenv("LAMINA_DATA", str(data_folder))
    mnist = load("mnist")
    got = baselines(mnist, split(mnist))["logistic"]
    assert got.trained_on == 10_000
    assert 0.90 < got.measures["accuracy"].value < 0.93


def rows_of_a_table(count: int = 400) -> Dataset:
    """Numbers of which one may be blank, and a category; the target follows from a product, which no line is."""
    chance = torch.Generator().manual_seed(0)
    numbers = torch.randn(count, 2, generator=chance)
    codes = torch.randint(2, 5, (count, 1), generator=chance).float()
    target = numbers[:, :1] * numbers[:, 1:] + codes
    numbers[::7, 0] = math.nan
    inputs = Column(torch.cat((numbers, codes), 1), Table(2, (5,), blanks=1))
    return Dataset("table", inputs, Column(target, Value(1)), features=("a", "b", "c"))


def test_trees_see_blanks_and_categories_as_they_are_and_beat_a_line_where_there_is_none():
    got = baselines(rows_of_a_table(), parts(280, 40, 80))
    assert list(got) == ["mean", "ridge", "trees"]
    error = {name: baseline.measures["root_mean_squared_error"].value for name, baseline in got.items()}
    assert error["trees"] < 0.8 * error["ridge"] < error["mean"]


def test_a_linear_model_sees_a_value_that_training_lacks_as_none_of_those_it_has():
    data = rows_of_a_table()
    data.inputs.values[320:, 2] = 0
    assert math.isfinite(baselines(data, parts(280, 40, 80))["ridge"].measures["r2"].value)


def test_trees_are_left_out_where_they_would_take_too_long(monkeypatch):
    monkeypatch.setattr("lamina.baselines.MOST_TREE_COLUMNS", 2)
    assert list(baselines(rows_of_a_table(), parts(280, 40, 80))) == ["mean", "ridge"]


def test_targets_of_unlike_kinds_have_baselines_side_by_side():
    data = rows_of_a_table()
    labels = (data.target.values > 3).float()
    target = Column(torch.cat((data.target.values, labels), 1), Targets((Value(1), Label(2)), names=("y", "big")))
    both = replace(data, target=target, parts=(Part("y", ()), Part("big", ("no", "yes"))))
    got = baselines(both, parts(280, 40, 80))
    assert list(got) == ["mean/majority", "ridge/logistic", "trees"]
    assert {"r2 of y", "accuracy of big", "auc of big"} <= got["trees"].measures.keys()


def test_a_category_of_more_values_than_bins_is_ordered_and_no_category_to_the_trees():
    data = rows_of_a_table()
    values = data.inputs.values.clone()
    values[:, 2] = torch.arange(len(values)) % 300 + 2
    wide = replace(data, inputs=Column(values, Table(2, (302,), blanks=1)))
    assert lamina.baselines.boosted("HistGradientBoostingRegressor", data, 280).categorical_features == [
        False,
        False,
        True,
    ]
    assert lamina.baselines.boosted("HistGradientBoostingRegressor", wide, 280).categorical_features == [False] * 3
    assert "trees" in baselines(wide, parts(280, 40, 80))


def pictures(height: int, width: int, count: int = 211) -> Dataset:
    """Noise in three channels, lighter on the left of one class and on the right of the other."""
    chance = torch.Generator().manual_seed(0)
    target = torch.randint(2, (count,), generator=chance)
    x = torch.randint(100, (count, 3, height, width), generator=chance).byte()
    x[target == 0, :, :, : width // 2] += 30
    x[target == 1, :, :, width // 2 :] += 30
    return Dataset("pictures", Column(x, Image(3, height, width), scale=1 / 255), Column(target, Label(2)))


def test_large_pictures_are_reduced_to_the_means_of_fields_and_the_name_says_to_how_many():
    # 3 x 64 x 48 is nine times 1,024 numbers: a third of each side is left.
    data = pictures(64, 48)
    got = baselines(data, parts(149, 31, 31))
    assert list(got) == ["majority", "logistic_21x16"]
    assert got["logistic_21x16"].measures["accuracy"].value > 0.9
    assert lamina.baseline_features.MOST_PIXELS >= 3 * 21 * 16
    reduced = lamina.baseline_features.spelled_out(data.inputs, torch.arange(5))(torch.tensor([3, 1]))
    assert reduced.shape == (2, 3 * 21 * 16)
    # The first field of 64 rows in 21 and of 48 columns in 16: rows 0 to 3, columns 0 to 2.
    assert float(reduced[1, 0]) == pytest.approx(float(data.inputs.values[1, 0, :4, :3].float().mean()) / 255, rel=1e-5)


def test_how_many_pictures_are_reduced_together_does_not_matter(monkeypatch):
    data, rows = pictures(40, 40), torch.arange(11)
    whole = lamina.baseline_features.spelled_out(data.inputs, rows)(rows)
    monkeypatch.setattr(lamina.baseline_features, "NUMBERS_AT_ONCE", 3 * 40 * 40 * 2)
    assert torch.equal(lamina.baseline_features.spelled_out(data.inputs, rows)(rows), whole)


@pytest.mark.parametrize(
    ("kind", "sides"),
    [
        (Image(1, 32, 32), None),
        (Image(1, 28, 28), None),
        (Image(3, 32, 32), (18, 18)),
        (Image(3, 96, 96), (18, 18)),
        (Image(1, 2, 2000), (1, 1011)),
        (Image(2000, 1, 1), (1, 1)),
        (Vector(5000), None),
    ],
)
def test_a_picture_is_reduced_to_about_a_thousand_numbers(kind, sides):
    assert lamina.baseline_features.reduced_to(kind) == sides
