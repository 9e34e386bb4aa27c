import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.dataset import Column, Dataset
from lamina.data.tables.findings import findings
from lamina.data.tables.giveaways import Halves, binned, explained, right, told
from lamina.kinds import Label, Table, Value


def table(numbers=None, codes=None, *, labels=None, values=None, test=None) -> Dataset:
    """A table with the features n0, n1, .. and c0, c1, .."""
    parts = [np.asarray(part, np.float32).T for part in (numbers, codes) if part is not None]
    inputs = np.ascontiguousarray(np.concatenate(parts, axis=1))
    first = 0 if numbers is None else len(numbers)
    kind = Table(first, tuple(int(max(column)) + 1 for column in codes or ()), first)
    names = (*(f"n{place}" for place in range(first)), *(f"c{place}" for place in range(len(codes or ()))))
    if labels is not None:
        target = Column(torch.as_tensor(np.asarray(labels, np.int64)), Label(int(max(labels)) + 1))
    else:
        held = np.asarray(values, np.float32).reshape(len(inputs), -1)
        target = Column(torch.from_numpy(held), Value(held.shape[1]))
    return Dataset(
        "houses.csv",
        Column(torch.from_numpy(inputs), kind),
        target,
        features=names,
        test=None if test is None else torch.tensor(test),
    )


def found(dataset: Dataset, target=("price",)) -> list[str]:
    return findings(dataset, dataset.features, target)


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(7)


def test_rows_that_repeat_are_counted():
    assert found(table([[1, 2, 1, 1]], [[2, 2, 2, 2]], values=[5, 6, 5, 5])) == [
        "2 of 4 rows repeat the inputs of an earlier one; a split keeps them on one side"
    ]
    assert found(table([[1, 2, 1]], values=[5, 6, 5]))[0].startswith("1 of 3 rows repeats the inputs")
    assert found(table([[1, 2, 3]], values=[5, 6, 5])) == []


def test_blank_cells_repeat_too():
    assert found(table([[np.nan, np.nan, 3]], values=[5, 5, 6]))[0].startswith("1 of 3 rows repeats")


@pytest.mark.parametrize("target", [{"labels": [0, 1, 1, 0, 1]}, {"values": [[1, 5], [1, 6], [2, 7], [2, 5], [2, 7]]}])
def test_rows_that_repeat_with_another_target_are_counted(target):
    assert found(table([[1, 1, 2, 3, 2]], **target)) == [
        "2 of 5 rows repeat the inputs of an earlier one; a split keeps them on one side",
        "2 rows have the same inputs as another but another target; no model can tell these apart",
    ]


def test_rows_that_test_and_repeat_what_trains_are_counted():
    assert found(table([[1, 2, 3, 2, 4, 4]], values=[5, 6, 7, 6, 8, 8], test=[3, 4, 5])) == [
        "2 of 6 rows repeat the inputs of an earlier one",
        "1 of 3 test rows repeats the inputs of a row that trains; the test flatters there",
    ]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=15))
def test_repetitions_are_those_that_a_plain_loop_finds(rows):
    inputs, labels = [row[0] for row in rows], [row[1] for row in rows]
    repeated = len(inputs) - len(set(inputs))
    targets = {value: {label for other, label in rows if other == value} for value in inputs}
    torn = sum(len(targets[value]) > 1 for value in inputs)
    texts = found(table([inputs], labels=labels))
    assert len(texts) == (repeated > 0) + (torn > 0)
    assert not repeated or texts[0].startswith(f"{repeated} of {len(rows)} row")
    assert not torn or texts[1].startswith(f"{torn} rows have")


def test_a_number_that_is_the_target_in_another_currency_is_named(chance):
    price = chance.lognormal(12, 1, 400)
    price_eur = price * 0.92 + 3
    texts = found(table([chance.normal(size=400), price_eur], values=price))
    assert texts == [
        "column 'n1' alone tells price (R2 1.000); "
        "leave it out with --kind n1=leave if it will not be known when predicting"
    ]


def test_a_number_or_a_code_that_splits_the_classes_is_named(chance):
    label = chance.integers(0, 3, 500)
    score = label * 10 + chance.normal(size=500)
    code = 2 + label * 4 + chance.integers(0, 4, 500)
    texts = found(table([score], [code, chance.integers(2, 40, 500)], labels=label))
    assert [text.partition(" alone")[0] for text in texts] == ["column 'n0'", "column 'c0'"]
    assert "tells price (100.0% of rows)" in texts[0]


def test_codes_that_stand_for_values_are_named(chance):
    code = chance.integers(2, 30, 600)
    assert "'c0' alone tells price (R2 1.0" in found(table([chance.normal(size=600)], [code], values=code**2.0))[0]


def test_blanks_that_give_the_class_away_are_named(chance):
    label = chance.integers(0, 2, 300)
    refund = np.where(label == 1, np.nan, chance.normal(size=300))
    assert found(table([refund, chance.normal(size=300)], labels=label))[0].startswith("column 'n0' alone tells")


def test_a_strong_column_that_leaves_something_open_is_not_named(chance):
    value = chance.normal(size=2_000)
    assert found(table([value + chance.normal(size=2_000) * 0.2], values=value)) == []
    label = chance.integers(0, 2, 2_000)
    wrong = chance.random(2_000) < 0.03
    assert found(table([chance.normal(size=2_000)], [2 + (label ^ wrong)], labels=label)) == []


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from([12, 60, 200]), st.sampled_from([0.5, 0.9, 0.99]))
def test_chance_alone_is_never_named(seed, rows, share):
    chance = np.random.default_rng(seed)
    numbers = [chance.normal(size=rows) for _ in range(5)]
    codes = [chance.integers(2, 32, rows) for _ in range(5)]
    labels = (chance.random(rows) > share).astype(int)
    labels[:2] = 0, 1
    assert found(table(numbers, codes, labels=labels)) == []
    assert found(table(numbers, codes, values=chance.lognormal(0, 2, rows))) == []


def test_being_right_where_nearly_all_rows_are_of_one_class_is_no_sign(chance):
    labels = (np.arange(3_000) % 500 == 0).astype(int)
    assert max(told(table([chance.normal(size=3_000)], [chance.integers(2, 9, 3_000)], labels=labels))) == 0


def test_rows_that_repeat_do_not_make_their_column_a_sign(chance):
    code = np.repeat(np.arange(2, 202), 10)
    labels = np.repeat(chance.integers(0, 2, 200), 10)
    assert max(told(table(None, [code], labels=labels))) < 0.9


def test_the_parts_of_a_date_are_one_column(chance):
    value = chance.normal(size=300)
    dataset = table([value, -value, value * 2], values=value)
    dataset = Dataset("x", dataset.inputs, dataset.target, features=("sold.days", "sold.year", "a.b"))
    texts = findings(dataset, {"sold": 1, "a.b": 2})
    assert [text.partition(" alone")[0] for text in texts] == ["column 'sold'", "column 'a.b'"]
    assert " tells the target (R2 1.000)" in texts[0]


def test_of_many_columns_five_are_told_in_full(chance):
    value = chance.normal(size=300)
    texts = findings(table([value] * 8, values=value), [f"n{place}" for place in range(8)], ("price",))
    assert len(texts) == 6
    assert texts[-1] == "3 more tell price alone: n5, n6, n7"


def test_one_of_several_targets_that_is_given_away_suffices(chance):
    first, second = chance.normal(size=(2, 300))
    texts = found(table([first], values=np.stack([second, first], 1)), ("price", "rent"))
    assert texts[0].startswith("column 'n0' alone tells one of price, rent (R2 1.000)")


def test_numbers_of_few_values_have_a_bin_each_and_blanks_another():
    values = Halves(np.array([0, 1, 5] * 6 + [np.nan]), np.array([1, 5, np.nan, 0, 9, -3]))
    fit, test = binned(values, 1)
    assert fit.tolist() == [0, 1, 2] * 6 + [3]
    assert test.tolist() == [1, 2, 3, 0, 2, 0]


def test_numbers_of_many_values_have_bins_of_alike_many_rows(chance):
    fit, test = binned(Halves(chance.lognormal(size=4_096), np.zeros(1)), 4)
    counts = np.bincount(fit)
    assert len(counts) == 256
    assert counts.min() >= 15
    assert counts.max() <= 18
    assert test.tolist() == [0]


def test_the_guess_is_the_commonest_class_of_a_bin():
    fit = np.array([0] * 5 + [1] * 5), np.array([0, 0, 0, 1, 1, 2, 2, 1, 1, 1])
    test = np.array([0] * 50 + [1] * 50), np.array([0] * 49 + [1] + [1] * 48 + [2, 0])
    # Commonest overall is class 1, of which 51 are not: 3 wrong are fewer than a tenth of them.
    assert right(Halves(fit[0], test[0]), Halves(fit[1], test[1])) == pytest.approx(0.97)


def test_the_share_explained_is_that_of_lines_or_means():
    bins = Halves(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1]))
    x = Halves(np.array([0.0, 1, 2, 0, 1, 2]), np.array([5.0, 4]))
    lines = Halves(np.array([1.0, 3, 5, 9, 8, 7]), np.array([11.0, 5]))
    assert explained(bins, x, lines) == pytest.approx(1)
    nothing = Halves(np.zeros(6), np.zeros(2))
    means = Halves(np.array([1.0, 3, 5, 9, 8, 7]), np.array([4.0, 8]))
    assert explained(bins, nothing, means) == pytest.approx(1 - 0.5 / 4)


def test_a_large_table_takes_little_time(chance):
    numbers, codes = chance.normal(size=(12, 50_000)), list(chance.integers(2, 100, (8, 50_000)))
    dataset = table(numbers, codes, labels=chance.integers(0, 10, 50_000))
    start = time.perf_counter()
    assert found(dataset) == []
    assert time.perf_counter() - start < 3  # a third of a second on a machine that does nothing else
