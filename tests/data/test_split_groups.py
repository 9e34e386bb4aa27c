"""Splits by group, by time and into folds."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from lamina.data.dataset import Column, Dataset
from lamina.data.named import load
from lamina.data.split import Parts, fingerprint, split
from lamina.errors import DataError
from lamina.kinds import Label, Value, Vector

DIGITS = load("digits")
patient = settings(max_examples=60)
seeds = st.integers(0, 5)
shares = st.sampled_from([0.0, 0.1, 0.25, 0.4])
group_numbers = st.lists(st.integers(-7, 17), min_size=20, max_size=60).filter(lambda drawn: len(set(drawn)) >= 3)
times = st.lists(st.integers(-5, 23).map(float), min_size=20, max_size=60).filter(lambda drawn: len(set(drawn)) >= 3)


def made(
    rows: int, group: list[int] | None = None, time: list[float] | None = None, labels: list[int] | None = None
) -> Dataset:
    """Rows without two equal inputs; what is predicted is a number unless there are labels."""
    inputs = torch.randn(rows, 3, generator=torch.Generator().manual_seed(rows))
    target = Column(inputs[:, :1], Value(1))
    classes: tuple[str, ...] = ()
    if labels is not None:
        classes = tuple(str(number) for number in range(max(labels) + 1))
        target = Column(torch.tensor(labels), Label(len(classes)))
    return Dataset(
        "made",
        Column(inputs, Vector(3)),
        target,
        classes=classes,
        group=None if group is None else torch.tensor(group),
        time=None if time is None else torch.tensor(time, dtype=torch.float64),
    )


def reordered(dataset: Dataset, order: Tensor) -> Dataset:
    return dataclasses.replace(
        dataset,
        inputs=dataclasses.replace(dataset.inputs, values=dataset.inputs.values[order]),
        target=dataclasses.replace(dataset.target, values=dataset.target.values[order]),
        group=None if dataset.group is None else dataset.group[order],
        time=None if dataset.time is None else dataset.time[order],
    )


def assert_same_after_shuffling(dataset: Dataset, chance, **how) -> None:
    order = torch.tensor(chance.sample(range(len(dataset)), len(dataset)))
    for one, other in zip(split(dataset, **how), split(reordered(dataset, order), **how), strict=True):
        assert one.tolist() == order[other].sort().values.tolist()


def assert_whole(parts: Parts, rows: int) -> None:
    assert sorted(torch.cat(parts).tolist()) == list(range(rows))
    assert all(torch.equal(part, part.sort().values) for part in parts)


def refused(dataset: Dataset, *shares: float, **how) -> str:
    with pytest.raises(DataError) as caught:
        split(dataset, *shares, **how)
    return str(caught.value)


# Groups


@st.composite
def grouped(draw) -> Dataset:
    """Rows in groups, with or without labels."""
    group = draw(group_numbers)
    labels = draw(st.none() | st.lists(st.integers(0, 2), min_size=len(group), max_size=len(group)))
    if labels is not None:
        labels[0] = 2
    return made(len(group), group=group, labels=labels)


@patient
@given(grouped(), seeds, shares, shares)
def test_no_group_is_on_two_sides_and_every_part_that_is_asked_for_has_one(dataset, seed, valid, test):
    parts = split(dataset, valid, test, seed)
    assert_whole(parts, len(dataset))
    sides = [set(dataset.group[part].tolist()) for part in parts]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert [bool(side) for side in sides] == [True, valid > 0, test > 0]


@patient
@given(grouped(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_to_groups(dataset, chance):
    assert_same_after_shuffling(dataset, chance)


@patient
@given(st.integers(1, 5), st.integers(30, 90), shares, shares)
def test_parts_of_groups_are_as_large_as_their_shares_up_to_a_group(size, groups, valid, test):
    dataset = made(size * groups, group=[place // size for place in range(size * groups)])
    for part, share in zip(split(dataset, valid, test)[1:], (valid, test), strict=True):
        assert abs(len(part) - share * len(dataset)) <= size


def test_a_group_goes_with_the_class_that_most_of_its_rows_have():
    # Ten groups of five: those of class 1 hold two rows of class 0, which must not count.
    labels = [1 if group % 2 and place < 3 else 0 for group in range(10) for place in range(5)]
    dataset = made(50, group=[place // 5 for place in range(50)], labels=labels)
    for seed in range(20):
        for part in split(dataset, valid=0.2, test=0.2, seed=seed):
            groups = dataset.group[part].unique() % 2
            assert len(groups) == 2 * int(groups.sum())


def test_of_two_classes_as_common_in_a_group_the_lower_counts():
    group = [place // 2 for place in range(60)]
    tied = made(60, group=group, labels=[place % 2 if number % 3 else 1 for place, number in enumerate(group)])
    lower = made(60, group=group, labels=[0 if number % 3 else 1 for number in group])
    for seed in range(5):
        assert all(map(torch.equal, split(tied, seed=seed), split(lower, seed=seed)))


def test_classes_with_too_few_groups_of_their_own_are_dealt_together():
    # Three classes, a group each: no class could be in all parts, but three groups are enough for three parts.
    dataset = made(30, group=[place // 10 for place in range(30)], labels=[place // 10 for place in range(30)])
    assert [len(part) for part in split(dataset)] == [10, 10, 10]


def test_the_hash_of_the_groups_number_decides_and_not_what_is_in_the_group():
    group = [place % 12 for place in range(60)]
    one = made(60, group=group)
    other = dataclasses.replace(one, inputs=Column(torch.zeros(60, 3), Vector(3)))
    assert all(map(torch.equal, split(one), split(other)))
    renamed = made(60, group=[number + 100 for number in group])
    assert not torch.equal(split(one).test, split(renamed).test)


def test_too_few_groups_are_refused():
    group = [place % 2 for place in range(50)]
    words = "got 50 examples with 2 groups; group by something finer, or add groups"
    text = f"made: expected at least 3 groups, one for each of train, valid, test, {words}"
    assert refused(made(50, group=group)) == text
    assert refused(made(50, group=group, labels=[place % 2 for place in range(50)])) == text
    assert [len(part) for part in split(made(50, group=group), valid=0)] == [25, 0, 25]


def test_a_group_of_the_given_test_rows_that_is_among_the_others_is_refused():
    group = [place // 10 for place in range(100)]
    dataset = dataclasses.replace(made(100, group=group), test=torch.arange(75, 100))
    assert refused(dataset) == (
        "made: expected no group on two sides, got 1 of the test part's 3 groups among the other rows too; "
        "take their rows out of one of the two"
    )
    parts = split(dataclasses.replace(dataset, test=torch.arange(70, 100)))
    assert parts.test.tolist() == list(range(70, 100))
    assert_whole(parts, 100)


def test_a_group_and_a_time_are_refused():
    dataset = made(20, group=list(range(20)), time=[float(place) for place in range(20)])
    assert refused(dataset) == "made: expected a group or a time to split by, got both; leave one of them out"


# Time


@patient
@given(times, shares, shares)
@example([0.0] * 18 + [1.0, 2.0], 0.4, 0.4)
@example([0.0, 1.0] + [2.0] * 18, 0.1, 0.1)
def test_the_past_trains_and_the_future_tests_and_one_time_is_on_one_side(time, valid, test):
    dataset = made(len(time), time=time)
    parts = split(dataset, valid, test)
    assert_whole(parts, len(time))
    assert [len(part) > 0 for part in parts] == [True, valid > 0, test > 0]
    spans = [dataset.time[part] for part in parts if len(part)]
    for earlier, later in itertools.pairwise(spans):
        assert earlier.max() < later.min()


@patient
@given(times, shares, shares, st.integers(0, 2))
def test_rows_in_the_order_of_their_times_are_parted_as_any_others(time, valid, test, reach):
    dataset = dataclasses.replace(made(len(time), time=sorted(time)), reach=reach)
    assume(len(set(time)) >= 3 + 2 * reach)
    mixed = torch.arange(len(dataset)).flip(0)
    behind = split(reordered(dataset, mixed), valid, test)
    for rows, other in zip(split(dataset, valid, test), behind, strict=True):
        assert rows.tolist() == mixed[other].sort().values.tolist()


def test_times_of_a_byte_count_as_the_same_numbers_do():
    dataset = made(7, time=[0.0, 0, 0, 0, 1, 2, 2])
    small = dataclasses.replace(dataset, time=dataset.time.to(torch.uint8))
    assert fingerprint(small) == fingerprint(dataset)
    assert [part.tolist() for part in split(small)] == [[0, 1, 2, 3], [4], [5, 6]]


@patient
@given(times, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_to_times(time, chance):
    assert_same_after_shuffling(made(len(time), time=time), chance)


@patient
@given(st.integers(30, 200), shares, shares, seeds)
def test_parts_of_unlike_times_are_as_large_as_their_shares_whatever_the_seed(rows, valid, test, seed):
    parts = split(made(rows, time=[float(place) for place in range(rows)]), valid, test, seed)
    for part, share in zip(parts[1:], (valid, test), strict=True):
        assert abs(len(part) - share * rows) <= 1


def test_a_cut_falls_where_more_of_the_tied_rows_are_in_their_share():
    # A fifth of 10 is 2, and the last three are of one time: their middle one is within it.
    assert split(made(10, time=[0.0, 1, 2, 3, 4, 5, 6, 7, 7, 7]), valid=0, test=0.2).test.tolist() == [7, 8, 9]
    # Of five tied ones it is not, but a part that is asked for is not empty.
    assert split(made(10, time=[0.0, 1, 2, 3, 4, 5, 5, 5, 5, 5]), valid=0, test=0.2).test.tolist() == list(range(5, 10))


def test_too_few_times_are_refused():
    words = "split by a finer time, or without one"
    expected = "made: expected at least 3 distinct times, one for each of train, valid, test, got 20 examples with"
    assert refused(made(20, time=[1e9] * 20)) == f"{expected} 1; {words}"
    assert refused(made(20, time=[1e9, 2e9] * 10)) == f"{expected} 2; {words}"
    assert [len(part) for part in split(made(20, time=[1e9, 2e9] * 10), valid=0)] == [10, 0, 10]


def test_rows_without_a_time_are_refused_with_their_number():
    time = [float(place) for place in range(20)]
    time[3] = time[17] = float("nan")
    assert refused(made(20, time=time)) == (
        "made: expected a time in every row, got 2 of 20 without one; fill them or leave these rows out"
    )


def test_the_latest_before_given_test_rows_validate():
    dataset = made(20, time=[float(place) for place in range(20)])
    parts = split(dataclasses.replace(dataset, test=torch.arange(15, 20)), valid=0.2)
    assert [part.tolist() for part in parts] == [list(range(12)), [12, 13, 14], list(range(15, 20))]


def test_given_test_rows_that_are_no_later_than_the_others_are_refused():
    dataset = made(20, time=[0.0, 1, *range(15), 13, 14, 15])
    assert refused(dataclasses.replace(dataset, test=torch.arange(17, 20))) == (
        "made: expected a test part later than all other rows, got 2 of its 3 rows no later than the latest of them; "
        "split without the time, or cut elsewhere"
    )


# Folds


@patient
@given(grouped(), seeds, st.sampled_from([0.0, 0.3]))
def test_the_folds_of_groups_part_the_groups(dataset, seed, valid):
    groups, sizes = dataset.group.unique(return_counts=True)
    assume(valid == 0 or len(groups) > 3)  # so that two are left to train and validate
    folds = 2 if valid else min(len(groups), 4)
    parts = [split(dataset, valid, seed=seed, fold=fold, folds=folds) for fold in range(folds)]
    assert sorted(torch.cat([part.test for part in parts]).tolist()) == list(range(len(dataset)))
    for part in parts:
        assert_whole(part, len(dataset))
        assert [len(side) > 0 for side in part] == [True, valid > 0, True]
        sides = [set(dataset.group[side].tolist()) for side in part]
        assert sum(map(len, sides)) == len(groups)
    tested = [len(part.test) for part in parts]
    assert max(tested) - min(tested) <= 4 * sizes.max()  # one of each class, and one of the few


@patient
@given(st.integers(2, 7), st.lists(st.integers(0, 3), min_size=30, max_size=60), st.randoms(use_true_random=False))
def test_folds_have_each_class_alike_and_do_not_depend_on_the_order_of_rows(folds, labels, chance):
    dataset = made(len(labels), labels=[*labels, 0, 1, 2, 3][: len(labels)])
    parts = [split(dataset, fold=fold, folds=folds) for fold in range(folds)]
    assert sorted(torch.cat([part.test for part in parts]).tolist()) == list(range(len(labels)))
    counts = torch.stack([dataset.target.values[part.test].bincount(minlength=4) for part in parts])
    assert (counts.max(0).values - counts.min(0).values).max() <= 1
    sizes = counts.sum(1)
    assert sizes.max() - sizes.min() <= 1
    assert_same_after_shuffling(dataset, chance, fold=1, folds=folds)


@patient
@given(st.lists(st.integers(1, 9), min_size=30, max_size=60), st.integers(2, 5), seeds)
def test_folds_of_unequal_groups_differ_by_the_largest_at_most(sizes, folds, seed):
    group = [number for number, size in enumerate(sizes) for _ in range(size)]
    tested = [
        len(split(made(len(group), group=group), seed=seed, fold=fold, folds=folds).test) for fold in range(folds)
    ]
    assert max(tested) - min(tested) <= max(sizes)


def test_equal_inputs_test_in_one_fold():
    inputs = torch.arange(20.0)[:, None].repeat(3, 1)
    dataset = Dataset("thrice", Column(inputs, Vector(1)), Column(inputs, Value(1)))
    for fold in range(4):
        sides = [set(inputs[part, 0].tolist()) for part in split(dataset, fold=fold, folds=4)]
        assert sum(map(len, sides)) == 20
        assert len(sides[2]) == 5


def test_validation_is_a_share_of_what_a_fold_does_not_test_on():
    parts = split(DIGITS, valid=0.25, fold=3, folds=4)
    assert len(parts.test) == pytest.approx(1797 / 4, abs=1)
    assert len(parts.valid) == pytest.approx((1797 - len(parts.test)) / 4, abs=5)
    assert len(split(DIGITS, valid=0, fold=3, folds=4).valid) == 0


def test_the_share_that_tests_has_no_effect_on_folds():
    assert all(
        map(torch.equal, split(DIGITS, test=0.2, fold=1, folds=3), split(DIGITS, 0.1, test=0.95, fold=1, folds=3))
    )


def test_another_seed_makes_other_folds():
    one, other = split(DIGITS, fold=0, folds=5), split(DIGITS, seed=1, fold=0, folds=5)
    shared = set(one.test.tolist()) & set(other.test.tolist())
    assert 0.1 * len(one.test) < len(shared) < 0.3 * len(one.test)  # a fifth, by chance


@pytest.mark.parametrize(("fold", "folds"), [(None, 5), (1, None), (5, 5), (-1, 5), (0, 1), (0, 0)])
def test_folds_that_cannot_be_are_refused(fold, folds):
    assert refused(DIGITS, fold=fold, folds=folds) == (
        f"digits: expected folds of at least 2 and a fold from 0 to folds - 1, got fold={fold}, folds={folds}"
    )


def test_folds_of_a_set_with_its_own_test_part_are_refused():
    assert refused(dataclasses.replace(DIGITS, test=torch.arange(100)), fold=0, folds=5) == (
        "digits comes with a test part, and in cross-validation everything tests once; leave folds out"
    )


def test_folds_of_a_set_split_by_time_are_refused():
    assert refused(made(20, time=[float(place) for place in range(20)]), fold=0, folds=5) == (
        "made is split by time, and folds would train on the future of what they test; leave folds out, or the time"
    )


def test_more_folds_than_there_is_to_deal_are_refused():
    words = "one for each of 7 folds, got 20 examples with"
    group = [place % 5 for place in range(20)]
    assert refused(made(20, group=group), fold=0, folds=7) == (
        f"made: expected at least 7 groups, {words} 5 groups; ask for fewer folds"
    )
    inputs = torch.tensor(group)[:, None].float()
    assert refused(Dataset("few", Column(inputs, Vector(1)), Column(inputs, Value(1))), fold=0, folds=7) == (
        f"few: expected at least 7 distinct inputs, {words} 5 distinct inputs; ask for fewer folds"
    )


# The fingerprint


def test_the_fingerprint_depends_on_groups_and_times():
    plain = made(20)
    bits = torch.arange(20)
    others = [
        dataclasses.replace(plain, group=bits),
        dataclasses.replace(plain, group=bits.flip(0)),
        dataclasses.replace(plain, test=bits),
        dataclasses.replace(plain, time=bits.double()),
        dataclasses.replace(plain, time=bits.view(torch.float64)),
    ]
    assert len({fingerprint(dataset) for dataset in [plain, *others]}) == len(others) + 1
    assert fingerprint(DIGITS) == "8b56088639b9d361"
