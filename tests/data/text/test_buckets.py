import gzip
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.dataset import Column, Dataset
from lamina.data.text.buckets import Buckets
from lamina.data.text.ragged import Ragged
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.kinds import Label, Tokens, Vector

LENGTHS = st.lists(st.tuples(st.integers(1, 11), st.integers(1, 13)), min_size=1, max_size=60)


def column(lengths) -> Ragged:
    ends = torch.tensor([0, *lengths]).cumsum(0)
    return Ragged(torch.full((int(ends[-1]),), 3, dtype=torch.int32), Tokens(4), offsets=ends)


def pairs(lengths) -> Dataset:
    return Dataset("pairs", column([given for given, _ in lengths]), column([target for _, target in lengths]))


def width(batch) -> int:
    return max(batch.inputs.values.shape[1], batch.target.values.shape[1])


@given(LENGTHS, st.integers(1, 9), st.integers(17, 60), st.sampled_from([None, 5]), st.integers(0, 3))
def test_each_row_is_seen_once_in_batches_within_the_budget(lengths, size, tokens, seed, epoch):
    buckets = Buckets(pairs(lengths), torch.arange(len(lengths)), size, tokens, seed)
    batches = list(buckets.epoch(epoch))
    assert sorted(torch.cat([batch.examples for batch in batches]).tolist()) == list(range(len(lengths)))
    assert all(len(batch.examples) <= size and len(batch.examples) * width(batch) <= tokens for batch in batches)
    assert len(batches) == buckets.count


@given(LENGTHS)
def test_without_a_budget_the_size_alone_cuts(lengths):
    assert Buckets(pairs(lengths), torch.arange(len(lengths)), 7).count == -(-len(lengths) // 7)


def test_rows_are_sorted_by_target_and_then_by_input():
    lengths = [(9, 2), (1, 3), (1, 2), (5, 3), (5, 1)]
    order = [batch.examples.tolist() for batch in Buckets(pairs(lengths), torch.arange(5), 2, None).epoch(0)]
    assert order == [[4, 2], [0, 3], [1]]  # inputs grow at target 2 and shrink at target 3


def test_the_budget_counts_the_padded_length_of_the_longer_side():
    lengths = [(4, 2), (4, 2), (4, 2), (1, 6), (1, 6)]
    sizes = [len(batch.examples) for batch in Buckets(pairs(lengths), torch.arange(5), 9, 12).epoch(0)]
    assert sizes == [3, 2]


def test_a_row_beyond_the_budget_stands_alone():
    order = [
        batch.examples.tolist() for batch in Buckets(pairs([(2, 2), (2, 9), (2, 2)]), torch.arange(3), 9, 8).epoch(0)
    ]
    assert order == [[0, 2], [1]]


def test_rows_of_like_length_share_other_batches_in_each_epoch_and_batches_come_in_another_order():
    lengths = [(1 + number % 4, 5) for number in range(40)] + [(3, 9)] * 10
    buckets = Buckets(pairs(lengths), torch.arange(50), 5, None, 3)
    epochs = [[frozenset(batch.examples.tolist()) for batch in buckets.epoch(number)] for number in range(2)]
    assert set(epochs[0]) != set(epochs[1])
    short = [[max(rows) < 40 for rows in epoch] for epoch in epochs]
    assert short[0] != short[1]
    assert sorted(short[0]) == sorted(short[1]) == [False] * 2 + [True] * 8


def test_an_epoch_follows_from_its_seed_and_number_and_any_step_can_be_sought():
    dataset = pairs([(1 + number % 7, 1 + number % 5) for number in range(60)])
    buckets, other = (Buckets(dataset, torch.arange(60), 9, 40, seed) for seed in (3, 4))
    several = [batch.examples.tolist() for epoch in range(3) for batch in buckets.epoch(epoch)]
    step = buckets.count + 2
    sought = itertools.islice(buckets.from_step(step), len(several) - step)
    assert [batch.examples.tolist() for batch in sought] == several[step:]
    assert several[: other.count] != [batch.examples.tolist() for batch in other.epoch(0)]


def test_texts_with_labels_go_by_the_length_of_the_text():
    dataset = Dataset("reviews", column([5, 1, 3, 2]), Column(torch.tensor([0, 1, 0, 1]), Label(2)))
    batches = list(Buckets(dataset, torch.tensor([0, 1, 2]), 2).epoch(0))
    assert [batch.examples.tolist() for batch in batches] == [[1, 2], [0]]
    assert [batch.target.tolist() for batch in batches] == [[1, 0], [0]]


def test_efficiency_is_the_share_that_is_no_padding():
    lengths = [(1, 2), (3, 2), (5, 4)]
    assert Buckets(pairs(lengths), torch.arange(3), 2).efficiency() == (1 + 3 + 5 + 2 + 2 + 4) / (6 + 5 + 4 + 4)


def test_data_of_one_length_is_refused():
    column = Column(torch.zeros(3, 2), Vector(2))
    with pytest.raises(DataError) as raised:
        Buckets(Dataset("points", column, column), torch.arange(3), 2)
    assert str(raised.value) == "points: expected rows of unequal length, got Vector(2)"


def test_no_rows_give_no_batches():
    buckets = Buckets(pairs([(1, 1)]), torch.arange(0), 3, 8, 3)
    assert buckets.count == 0
    assert not list(buckets.epoch(0))


@pytest.mark.data
def test_of_real_sentences_nine_tenths_are_no_padding(data_folder):
    sides = []
    for language in ("de", "en"):
        with gzip.open(data_folder / "mt" / "multi30k" / f"train.{language}.gz", "rt", encoding="utf-8") as file:
            lines = file.read().splitlines()
        tokenizer = Tokenizer.train(lines, "words")
        flat, offsets = tokenizer.encode_all(lines)
        sides.append(Ragged(torch.from_numpy(flat), Tokens(len(tokenizer)), offsets=torch.from_numpy(offsets)))
    buckets = Buckets(Dataset("multi30k", *sides), torch.arange(len(sides[0])), 512, 4096, 1)
    assert buckets.efficiency() > 0.9
    assert sum(len(batch.examples) for batch in buckets.epoch(1)) == 29_000
