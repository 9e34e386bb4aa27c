import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from lamina.data.dataset import Column, Dataset
from lamina.data.named import load
from lamina.data.sources.arrays import from_arrays
from lamina.data.split import Parts, fingerprint, split
from lamina.errors import DataError
from lamina.kinds import Image, Label, Value, Vector

DIGITS = load("digits")


def labelled(inputs: torch.Tensor, labels: torch.Tensor, classes: int) -> Dataset:
    return Dataset(
        "made",
        Column(inputs, Vector(inputs.shape[1])),
        Column(labels, Label(classes)),
        classes=tuple(str(number) for number in range(classes)),
    )


def reordered(dataset: Dataset, order: torch.Tensor) -> Dataset:
    inputs = dataclasses.replace(dataset.inputs, values=dataset.inputs.values[order])
    target = dataclasses.replace(dataset.target, values=dataset.target.values[order])
    return dataclasses.replace(dataset, inputs=inputs, target=target)


@st.composite
def with_duplicates(draw) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Few distinct inputs, many rows; equal inputs may have unlike labels: what `labelled` takes."""
    distinct = draw(st.integers(7, 20))
    rows = draw(st.lists(st.integers(0, distinct - 1), min_size=30, max_size=60))
    labels = draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows)))
    rows = torch.tensor([*range(distinct), *rows])
    values = torch.randn(distinct, 3, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))))
    return values[rows], torch.tensor([number % 2 for number in range(distinct)] + labels), 2


def together(parts: Parts) -> list[int]:
    return sorted(torch.cat(parts).tolist())


@given(with_duplicates(), st.integers(0, 5))
def test_the_parts_hold_each_row_once_and_in_order(made, seed):
    dataset = labelled(*made)
    parts = split(dataset, seed=seed)
    assert together(parts) == list(range(len(dataset)))
    assert all(torch.equal(part, part.sort().values) and part.dtype == torch.int64 for part in parts)


@given(with_duplicates(), st.integers(0, 5))
def test_equal_inputs_fall_on_one_side(made, seed):
    dataset = labelled(*made)
    sides = [{tuple(row) for row in dataset.inputs.values[part].tolist()} for part in split(dataset, seed=seed)]
    assert sum(map(len, sides)) == len(set.union(*sides))


@given(with_duplicates(), st.randoms(use_true_random=False))
def test_shuffling_the_rows_changes_nothing(made, chance):
    dataset = labelled(*made)
    order = torch.tensor(chance.sample(range(len(dataset)), len(dataset)))
    before, after = split(dataset), split(reordered(dataset, order))
    for one, other in zip(before, after, strict=True):
        assert one.tolist() == order[other].sort().values.tolist()


@given(
    sizes=st.lists(st.integers(3, 30), min_size=2, max_size=5), valid=st.floats(0.01, 0.4), test=st.floats(0.01, 0.5)
)
@example(sizes=[3, 3], valid=0.4, test=0.5)
def test_every_class_with_three_examples_is_in_every_part(sizes, valid, test):
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    dataset = labelled(torch.randn(len(labels), 2, generator=torch.Generator().manual_seed(0)), labels, len(sizes))
    for part in split(dataset, valid, test):
        assert labels[part].unique().tolist() == list(range(len(sizes)))


def test_a_class_with_fewer_distinct_examples_than_parts_only_trains():
    labels = torch.tensor([0] * 10 + [1] * 2 + [2] * 6)
    inputs = torch.randn(18, 2, generator=torch.Generator().manual_seed(0))
    inputs[12:] = inputs[12]  # the third class is one example six times
    parts = split(labelled(inputs, labels, 3))
    assert labels[parts.train].unique().tolist() == [0, 1, 2]
    assert labels[parts.valid].unique().tolist() == labels[parts.test].unique().tolist() == [0]


def test_each_class_of_digits_has_its_share_of_every_part():
    parts = split(DIGITS, valid=0.1, test=0.2)
    total = torch.bincount(DIGITS.target.values)
    for part, share in zip(parts, (0.7, 0.1, 0.2), strict=True):
        assert (torch.bincount(DIGITS.target.values[part]) - share * total).abs().max() <= 1


def test_a_split_is_the_same_each_time_and_another_for_another_seed():
    one, same, other = split(DIGITS), split(DIGITS), split(DIGITS, seed=1)
    assert all(map(torch.equal, one, same))
    shared = set(one.test.tolist()) & set(other.test.tolist())
    assert 0.1 * len(one.test) < len(shared) < 0.3 * len(one.test)  # a fifth, by chance


def test_the_parts_are_chosen_evenly_over_the_inputs():
    inputs = torch.linspace(0, 1, 10_000)[:, None]
    dataset = Dataset("line", Column(inputs, Vector(1)), Column(inputs, Value(1)))
    for part in split(dataset, valid=0.25, test=0.25):
        spread = torch.histc(inputs[part, 0], bins=5, min=0, max=1) / len(part)
        assert (spread - 0.2).abs().max() < 0.03


def test_negative_zero_is_zero():
    inputs = torch.arange(40.0)[:, None].repeat(2, 1)
    inputs[0] = -0.0
    dataset = Dataset("zeros", Column(inputs, Vector(1)), Column(inputs, Value(1)))
    assert dataset.inputs.hashes[0] == dataset.inputs.hashes[40]


@given(st.integers(1, 19), st.sampled_from([torch.uint8, torch.int64, torch.float32]), st.data())
def test_any_changed_number_changes_the_hash_of_its_row_alone(width, dtype, data):
    values = torch.arange(5 * width).reshape(5, width).to(dtype)
    row, column = data.draw(st.integers(0, 4)), data.draw(st.integers(0, width - 1))
    changed = values.clone()
    changed[row, column] += 1
    unlike = Column(values, Vector(width)).hashes != Column(changed, Vector(width)).hashes
    assert unlike.nonzero().flatten().tolist() == [row]


def test_hashes_do_not_depend_on_where_a_row_stands_or_how_it_lies_in_memory():
    values = torch.randint(0, 256, (9000, 1, 5, 7), dtype=torch.uint8)
    whole = Column(values, Image(1, 5, 7)).hashes
    assert torch.equal(Column(values[1:], Image(1, 5, 7)).hashes, whole[1:])
    assert torch.equal(Column(values.flip(0), Image(1, 5, 7)).hashes, whole.flip(0))
    turned = values.transpose(2, 3).contiguous().transpose(2, 3)
    assert torch.equal(Column(turned, Image(1, 5, 7)).hashes, whole)


def test_a_part_of_no_share_is_empty():
    parts = split(DIGITS, valid=0, test=0.5)
    assert len(parts.valid) == 0
    assert len(parts.train) + len(parts.test) == len(DIGITS)
    assert [len(part) for part in split(DIGITS, valid=0, test=0)] == [len(DIGITS), 0, 0]


def test_given_test_rows_are_the_test_part_and_validation_comes_from_the_others():
    dataset = dataclasses.replace(DIGITS, test=torch.arange(1500, 1797))
    parts = split(dataset, valid=0.1)
    assert parts.test.tolist() == list(range(1500, 1797))
    assert together(parts) == list(range(1797))
    assert len(parts.valid) == pytest.approx(150, abs=5)


@pytest.mark.parametrize(("valid", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.1, 1.0), (float("nan"), 0.2)])
def test_shares_that_leave_nothing_to_train_on_are_refused(valid, test):
    with pytest.raises(DataError) as caught:
        split(DIGITS, valid, test)
    assert str(caught.value) == (
        "digits: expected shares of at least 0 that leave something to train on, "
        f"got valid={valid}, test={test}; try valid=0.1, test=0.2"
    )


def test_too_few_examples_of_every_class_are_refused():
    with pytest.raises(DataError) as caught:
        split(from_arrays(np.eye(6), [0, 1, 2, 0, 1, 2]))
    assert str(caught.value) == (
        "arrays: expected at least 3 distinct inputs of one class, one for each of train, valid, test, "
        "got 6 examples with 6 distinct inputs; add examples; "
        "if the target is a quantity and no class, give it as floats"
    )


def test_too_few_distinct_examples_of_a_value_are_refused():
    with pytest.raises(DataError) as caught:
        split(from_arrays([[1.0]] * 50, [0.5] * 50), valid=0)
    assert str(caught.value) == (
        "arrays: expected at least 2 distinct inputs, one for each of train, test, "
        "got 50 examples with 1 distinct inputs; add examples"
    )


def test_the_fingerprint_depends_on_everything():
    order = torch.arange(len(DIGITS))
    order[:2] = torch.tensor([1, 0])
    inputs, labels = DIGITS.inputs.values.clone(), DIGITS.target.values.clone()
    inputs[7, 0, 7, 7] += 1
    labels[11] = (labels[11] + 1) % 10
    others = [
        reordered(DIGITS, order),
        dataclasses.replace(DIGITS, inputs=dataclasses.replace(DIGITS.inputs, values=inputs)),
        dataclasses.replace(DIGITS, inputs=dataclasses.replace(DIGITS.inputs, kind=Image(1, 4, 16))),
        dataclasses.replace(DIGITS, inputs=dataclasses.replace(DIGITS.inputs, scale=1 / 255)),
        dataclasses.replace(DIGITS, target=dataclasses.replace(DIGITS.target, values=labels)),
        dataclasses.replace(DIGITS, test=torch.arange(100)),
        dataclasses.replace(DIGITS, classes=tuple("abcdefghij")),
        reordered(DIGITS, torch.arange(len(DIGITS) - 1)),
    ]
    assert len({fingerprint(dataset) for dataset in [DIGITS, *others]}) == len(others) + 1


def test_the_fingerprint_is_16_hex_digits_and_the_same_for_the_same_data():
    assert fingerprint(load("digits")) == fingerprint(DIGITS)
    assert len(fingerprint(DIGITS)) == 16
    assert int(fingerprint(DIGITS), 16) >= 0


@pytest.mark.data
def test_mnist_keeps_its_official_test_rows(data_folder, monkeypatch):
    monkeypatch.setenv("LAMINA_DATA", str(data_folder))
    dataset = load("mnist")
    parts = split(dataset, valid=0.1)
    assert parts.test.tolist() == list(range(60_000, 70_000))
    assert [len(part) for part in parts] == [54_001, 5_999, 10_000]
    assert len(dataset.inputs.hashes.unique()) == 70_000  # MNIST has no two equal pictures
