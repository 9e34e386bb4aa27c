import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.dataset import Column, Dataset
from lamina.data.text.ragged import Windows
from lamina.data.text.running import ShiftedWindows, Streams
from lamina.errors import DataError
from lamina.kinds import Tokens, Vector

SPANS = st.tuples(st.integers(2, 90), st.integers(1, 7), st.data())


def text(count: int, length: int) -> Dataset:
    """Each token is the number of its place, so that what is shown says where it stands."""
    tokens = torch.arange(count, dtype=torch.int32)
    columns = (Windows(tokens, Tokens(count), length=length, ahead=ahead) for ahead in (0, 1))
    return Dataset("verse", *columns)


def some_rows(dataset: Dataset, data) -> torch.Tensor:
    first = data.draw(st.integers(0, len(dataset) - 1))
    return torch.arange(first, data.draw(st.integers(first + 1, len(dataset))))


def span_of(dataset: Dataset, rows: torch.Tensor) -> range:
    values, visible = dataset.inputs.gather(rows)
    places = values[visible].tolist()
    return range(places[0], places[-1] + 1)


def seen(batches) -> list[int]:
    found = []
    for batch in batches:
        assert torch.equal(batch.inputs.visible, batch.target.visible)
        assert batch.inputs.visible.any(1).all()
        assert torch.equal(batch.target.values[batch.target.visible], batch.inputs.values[batch.inputs.visible] + 1)
        found += batch.inputs.values[batch.inputs.visible].tolist()
    return found


@given(SPANS, st.integers(1, 5), st.sampled_from([ShiftedWindows, Streams]), st.integers(0, 3))
def test_training_sees_no_position_twice_and_none_outside_of_its_rows(made, size, kind, epoch):
    count, length, data = made
    dataset = text(count, length)
    rows = some_rows(dataset, data)
    batches, span = kind(dataset, rows, size, 7), span_of(dataset, rows)
    shown = list(batches.epoch(epoch))
    places = seen(shown)
    assert set(places) <= set(span)
    assert len(set(places)) == len(places)
    # What is left out: less than two windows at the ends, and for streams less than a position for each.
    assert len(span) - len(places) < (2 * length if kind is ShiftedWindows else length + size)
    assert len(shown) == batches.count
    assert all(1 <= len(batch.examples) <= size for batch in shown)


@given(SPANS, st.integers(1, 5), st.sampled_from([ShiftedWindows, Streams]))
def test_evaluation_sees_each_position_of_its_rows_once(made, size, kind):
    count, length, data = made
    dataset = text(count, length)
    rows = some_rows(dataset, data)
    batches = kind(dataset, rows, size)
    shown = list(batches.epoch(0))
    assert sorted(seen(shown)) == list(span_of(dataset, rows))
    assert len(shown) == batches.count


@given(SPANS, st.integers(1, 5), st.sampled_from([ShiftedWindows, Streams]), st.sampled_from([None, 3]))
def test_no_batch_and_no_target_is_of_another_part(made, size, kind, seed):
    count, length, data = made
    edge = data.draw(st.integers(0, count))
    tokens = torch.arange(count, dtype=torch.int32)
    columns = (Windows(tokens, Tokens(count), length=length, ahead=ahead, edges=(edge,)) for ahead in (0, 1))
    dataset = Dataset("verse", *columns)
    late = dataset.inputs.bounds(torch.arange(len(dataset)))[0] >= edge
    for rows, first, last in ((~late, 0, edge), (late, edge, count)):
        places = seen(kind(dataset, rows.nonzero().flatten(), size, seed).epoch(2))
        assert set(places) <= set(range(first, last - 1))
        if seed is None:
            assert sorted(places) == list(range(first, last - 1))


def test_windows_of_several_parts_are_looked_at_as_the_rows_that_they_are():
    tokens = torch.arange(11, dtype=torch.int32)
    columns = (Windows(tokens, Tokens(11), length=3, ahead=ahead, edges=(5,)) for ahead in (0, 1))
    batches = ShiftedWindows(Dataset("verse", *columns), torch.arange(4), 9).epoch(0)
    assert [batch.inputs.values.tolist() for batch in batches] == [[[0, 1, 2], [3, 0, 0], [5, 6, 7], [8, 9, 0]]]


@given(SPANS, st.integers(1, 5), st.sampled_from([None, 3]))
def test_streams_go_on_where_the_batch_before_ended(made, size, seed):
    count, length, data = made
    dataset = text(count, length)
    batches = list(Streams(dataset, some_rows(dataset, data), size, seed).epoch(1))
    assert [batch.position for batch in batches] == [length * number for number in range(len(batches))]
    for one, next_one in itertools.pairwise(batches):
        assert one.inputs.visible.all()
        assert one.inputs.values.shape[1] == length
        assert torch.equal(next_one.inputs.values[:, 0], one.inputs.values[:, -1] + 1)
        assert torch.equal(next_one.examples, one.examples + length)


@pytest.mark.parametrize("kind", [ShiftedWindows, Streams])
def test_examples_are_the_positions_at_which_windows_begin(kind):
    dataset = text(200, 7)
    for batch in kind(dataset, torch.arange(3, 25), 4, 5).epoch(2):
        assert torch.equal(batch.examples, batch.inputs.values[:, 0])
        assert batch.epoch == 2


@pytest.mark.parametrize("kind", [ShiftedWindows, Streams])
def test_over_the_epochs_windows_begin_at_every_offset(kind):
    batches = kind(text(211, 5), torch.arange(42), 3, 11)
    offsets = {min(int(batch.examples.min()) for batch in batches.epoch(epoch)) for epoch in range(60)}
    assert offsets == set(range(5))


@pytest.mark.parametrize("kind", [ShiftedWindows, Streams])
def test_an_epoch_follows_from_its_seed_and_number(kind):
    dataset, rows = text(300, 7), torch.arange(40)
    order = [batch.examples.tolist() for batch in kind(dataset, rows, 3, 5).epoch(2)]
    assert order == [batch.examples.tolist() for batch in kind(dataset, rows, 3, 5).epoch(2)]
    assert order[2:] == [batch.examples.tolist() for batch in kind(dataset, rows, 3, 5).epoch(2, first=2)]
    assert order != [batch.examples.tolist() for batch in kind(dataset, rows, 3, 6).epoch(2)]


@pytest.mark.parametrize("kind", [ShiftedWindows, Streams])
def test_any_step_can_be_sought(kind):
    batches = kind(text(300, 7), torch.arange(40), 3, 5)
    several = [batch.examples.tolist() for epoch in range(3) for batch in batches.epoch(epoch)]
    step = batches.count + 2
    sought = itertools.islice(batches.from_step(step), len(several) - step)
    assert [batch.examples.tolist() for batch in sought] == several[step:]


def test_windows_are_shuffled():
    batches = ShiftedWindows(text(300, 7), torch.arange(40), 3, 5)
    starts = torch.cat([batch.examples for batch in batches.epoch(0)])
    assert not torch.equal(starts, starts.sort().values)
    assert all(batch.position is None for batch in batches.epoch(0))


def test_one_stream_that_is_longer_makes_the_last_batch_wider():
    batches = list(Streams(text(10, 2), torch.arange(5), 2).epoch(0))  # 9 positions: streams of 5 and 4
    assert [batch.inputs.values.tolist() for batch in batches] == [[[0, 1], [5, 6]], [[2, 3, 4], [7, 8, 0]]]
    assert batches[1].inputs.visible.tolist() == [[True] * 3, [True, True, False]]


def test_no_rows_give_no_batches():
    for kind in (ShiftedWindows, Streams):
        for seed in (None, 3):
            batches = kind(text(30, 7), torch.arange(0), 3, seed)
            assert batches.count == 0
            assert not list(batches.epoch(0))


def test_rows_with_gaps_and_data_that_is_no_text_are_refused():
    with pytest.raises(DataError) as raised:
        Streams(text(30, 7), torch.tensor([0, 2]), 3)
    assert str(raised.value) == "verse: expected windows that follow one another, got some with gaps"
    column = Column(torch.zeros(3, 2), Vector(2))
    with pytest.raises(DataError) as raised:
        ShiftedWindows(Dataset("points", column, column), torch.arange(3), 2)
    assert str(raised.value) == "points: expected one long text, got Column and Column"
