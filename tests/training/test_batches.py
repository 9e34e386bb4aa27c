"""Batches: every example once an epoch, in an order that any step can be sought in."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.batches import Batch, Batches
from lamina.data.dataset import Column, Dataset
from lamina.kinds import Image, Label, Vector

seeds = st.integers(0, 2**63 - 1)
quickly = settings(max_examples=60)


def dataset(examples: int) -> Dataset:
    numbers = torch.arange(examples)
    return Dataset("numbers", Column(numbers[:, None].float(), Vector(1)), Column(numbers % 2, Label(2)))


def batches(examples: int, size: int, seed: int | None) -> Batches:
    """Batches over all rows of a dataset but the first two."""
    return Batches(dataset(examples + 2), torch.arange(2, examples + 2), size, seed)


def rows(stream: object) -> list[list[int]]:
    return [batch.examples.tolist() for batch in stream]


@given(st.integers(1, 60), st.integers(1, 70), seeds | st.none(), st.integers(0, 10**6))
@quickly
def test_an_epoch_is_a_permutation_of_all_rows_in_batches_of_nearly_one_size(
    examples: int, size: int, seed: int | None, epoch: int
) -> None:
    cut = batches(examples, size, seed)
    found = rows(cut.epoch(epoch))
    assert sorted(itertools.chain(*found)) == list(range(2, examples + 2))
    sizes = [len(batch) for batch in found]
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    assert len(found) == cut.count == -(-examples // size)
    if seed is None:
        assert list(itertools.chain(*found)) == list(range(2, examples + 2))


@given(st.integers(1, 40), st.integers(1, 45), seeds, st.integers(0, 50))
@quickly
def test_any_step_can_be_sought(examples: int, size: int, seed: int, step: int) -> None:
    cut = batches(examples, size, seed)

    def described(stream: object) -> list[tuple[list[int], list[float], int]]:
        return [(b.examples.tolist(), b.inputs.tolist(), b.epoch) for b in itertools.islice(stream, 7)]

    straight = itertools.islice(cut.from_step(0), step, None)
    assert described(cut.from_step(step)) == described(straight)


@given(seeds, st.integers(0, 100), st.integers(0, 100))
@quickly
def test_the_order_depends_on_the_seed_and_the_epoch_alone(seed: int, epoch: int, other: int) -> None:
    first = rows(batches(97, 10, seed).epoch(epoch))
    torch.rand(3)
    flat = list(itertools.chain(*first))
    assert flat == list(itertools.chain(*rows(batches(97, 33, seed).epoch(epoch))))  # the size only cuts
    assert (flat == list(itertools.chain(*rows(batches(97, 10, seed).epoch(other))))) == (epoch == other)
    assert flat != list(itertools.chain(*rows(batches(97, 10, seed ^ 1).epoch(epoch))))


def test_every_row_comes_first_about_equally_often() -> None:
    cut = batches(5, 5, 0)
    firsts = torch.tensor([rows(cut.epoch(epoch))[0][0] - 2 for epoch in range(1000)]).bincount()
    # 200 each are expected, with a deviation of 12.6: five deviations never happen.
    assert firsts.min() > 137
    assert firsts.max() < 263


@pytest.mark.parametrize(("scale", "value"), [(1 / 16, 0.5), (None, 8)])
def test_a_batch_holds_its_examples_as_the_net_takes_them(scale: float | None, value: float) -> None:
    pictures = Column(torch.full((3, 1, 2, 5), 8, dtype=torch.uint8), Image(1, 2, 5), scale)
    cut = Batches(Dataset("pictures", pictures, Column(torch.tensor([0, 1, 0]), Label(2))), torch.tensor([2, 1]), 2)
    batch = cut.gather(torch.tensor([1, 2]), epoch=7)
    assert isinstance(batch, Batch)
    assert batch.inputs.unique().tolist() == [value]
    assert batch.target.tolist() == [1, 0]
    assert (batch.examples.tolist(), batch.epoch) == ([1, 2], 7)
