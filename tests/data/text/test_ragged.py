import functools
import operator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.dataset import Dataset
from lamina.data.split import fingerprint, split
from lamina.data.text.ragged import Ragged, Windows
from lamina.kinds import Sequence, Tokens

ROWS = st.lists(st.lists(st.integers(-3, 12), max_size=7), min_size=1, max_size=11)


def ragged(rows, **more) -> Ragged:
    ends = torch.tensor([0, *map(len, rows)]).cumsum(0)
    return Ragged(
        torch.tensor(functools.reduce(operator.iadd, rows, []), dtype=torch.int32), Tokens(13), offsets=ends, **more
    )


def test_rows_are_padded_to_the_longest_of_those_asked_for():
    column = ragged([[3, 4, 5, 6, 7], [8], [9, 10, 11]])
    values, visible = column.gather(torch.tensor([2, 1]))
    assert values.tolist() == [[9, 10, 11], [8, 0, 0]]
    assert values.dtype == torch.int64
    assert visible.tolist() == [[True, True, True], [True, False, False]]
    assert len(column) == 3
    assert column.lengths.tolist() == [5, 1, 3]


@given(ROWS, st.data())
def test_gathered_rows_are_those_of_a_plain_loop(rows, data):
    index = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5))
    values, visible = ragged(rows).gather(torch.tensor(index, dtype=torch.int64))
    assert [value[seen].tolist() for value, seen in zip(values, visible, strict=True)] == [rows[row] for row in index]
    assert not values[~visible].any()


def test_rows_of_numbers_keep_their_width():
    column = Ragged(torch.arange(10.0).view(5, 2), Sequence(2), offsets=torch.tensor([0, 2, 2, 5]))
    values, visible = column.gather(torch.tensor([0, 2]))
    assert values.tolist() == [[[0, 1], [2, 3], [0, 0]], [[4, 5], [6, 7], [8, 9]]]
    assert visible.tolist() == [[True, True, False], [True, True, True]]


def test_bytes_become_numbers_at_their_scale():
    column = Ragged(torch.tensor([[51], [255]], dtype=torch.uint8), Sequence(1), 1 / 255, offsets=torch.tensor([0, 2]))
    torch.testing.assert_close(column.gather(torch.tensor([0])).values, torch.tensor([[[0.2], [1.0]]]))


@given(ROWS)
def test_rows_have_equal_hashes_just_when_they_are_equal(rows):
    hashes = ragged(rows).hashes.tolist()
    assert len(set(hashes)) == len(set(map(tuple, rows)))
    assert all(
        (a == b) == (x == y) for a, x in zip(hashes, rows, strict=True) for b, y in zip(hashes, rows, strict=True)
    )


def test_a_row_s_hash_depends_neither_on_its_place_nor_on_how_tokens_are_kept(monkeypatch):
    rows = [[3, 4], [4, 3], [], [0], [0, 0], [3, 4]]
    together = ragged(rows).hashes
    monkeypatch.setattr("lamina.data.text.ragged.HASHED_ROWS", 2)
    assert torch.equal(ragged(rows).hashes, together)
    assert torch.equal(ragged(rows[::-1]).hashes, together.flip(0))
    long = ragged(rows)
    assert torch.equal(Ragged(long.values.long(), long.kind, offsets=long.offsets).hashes, together)


def test_rows_of_numbers_have_hashes_too():
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [3.0, 4.0], [4.0, 3.0]])
    hashes = Ragged(values, Sequence(2), offsets=torch.tensor([0, 2, 4, 5])).hashes.tolist()
    assert hashes[0] == hashes[1] != hashes[2]


def test_hashes_may_be_given():
    column = ragged([[3], [4, 5]], identity=torch.tensor([7, 7]))
    assert column.hashes.tolist() == [7, 7]


def test_pairs_of_equal_texts_fall_on_one_side():
    rows = [[number % 17 + 3] for number in range(60)]
    dataset = Dataset("pairs", ragged(rows, identity=torch.tensor([number % 10 for number in range(60)])), ragged(rows))
    parts = split(dataset)
    sides = [{int(row) % 10 for row in part} for part in parts]
    assert not (sides[0] & sides[1])
    assert not (sides[0] & sides[2])
    assert not (sides[1] & sides[2])
    assert fingerprint(dataset) != fingerprint(Dataset("pairs", dataset.inputs, ragged(rows[::-1])))


def windows(count: int, length: int, dtype=torch.int32) -> tuple[Windows, Windows]:
    tokens = torch.arange(100, 100 + count).to(dtype)
    return Windows(tokens, Tokens(300), length=length), Windows(tokens, Tokens(300), length=length, ahead=1)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint16, torch.int64])
def test_targets_are_the_tokens_behind_the_inputs(dtype):
    inputs, target = windows(8, 5, dtype)
    assert len(inputs) == len(target) == 2
    values, visible = inputs.gather(torch.tensor([0, 1]))
    assert values.tolist() == [[100, 101, 102, 103, 104], [105, 106, 0, 0, 0]]
    assert values.dtype == torch.int64
    assert visible.tolist() == [[True] * 5, [True, True, False, False, False]]
    values, seen = target.gather(torch.tensor([0, 1]))
    assert values.tolist() == [[101, 102, 103, 104, 105], [106, 107, 0, 0, 0]]
    assert torch.equal(seen, visible)


def test_a_batch_is_no_wider_than_its_longest_window():
    inputs, _ = windows(8, 5)
    assert inputs.gather(torch.tensor([1])).values.tolist() == [[105, 106]]


def test_windows_begin_anywhere_and_end_before_their_stops():
    inputs, target = windows(20, 5)
    assert target.at(torch.tensor([7, 3]), 3).values.tolist() == [[108, 109, 110], [104, 105, 106]]
    values, visible = inputs.at(torch.tensor([7, 3]), 3, torch.tensor([9, 4]))
    assert values.tolist() == [[107, 108], [103, 0]]
    assert visible.tolist() == [[True, True], [True, False]]


@given(st.integers(1, 30), st.integers(1, 7))
def test_each_token_but_the_last_is_an_input_once_and_each_but_the_first_a_target(count, length):
    for column, expected in zip(windows(count, length), (range(100, 99 + count), range(101, 100 + count)), strict=True):
        values, visible = column.gather(torch.arange(len(column)))
        assert values[visible].tolist() == list(expected)
        assert len(column.hashes) == len(column)


@given(st.lists(st.integers(0, 17), min_size=1, max_size=4), st.integers(1, 7))
def test_the_parts_of_a_text_are_texts_of_their_own(sizes, length):
    tokens = torch.arange(100, 100 + sum(sizes), dtype=torch.int32)
    edges = tuple(sum(sizes[:place]) for place in range(1, len(sizes)))
    for ahead in (0, 1):
        whole = Windows(tokens, Tokens(300), length=length, ahead=ahead, edges=edges)
        alone = [Windows(part, Tokens(300), length=length, ahead=ahead) for part in tokens.split(sizes)]
        alone = [part for part in alone if len(part)]
        assert len(whole) == sum(map(len, alone))
        if not alone:
            continue
        values, visible = whole.gather(torch.arange(len(whole)))
        rows = [row[seen].tolist() for row, seen in zip(values, visible, strict=True)]
        shown = [part.gather(torch.tensor([row])).values[0].tolist() for part in alone for row in range(len(part))]
        assert rows == shown
        assert torch.equal(whole.hashes, torch.cat([part.hashes for part in alone]))


def test_equal_windows_have_equal_hashes():
    tokens = torch.tensor([3, 4, 5, 3, 4, 5, 3, 4, 6], dtype=torch.int32)
    inputs, target = Windows(tokens, Tokens(7), length=3), Windows(tokens, Tokens(7), length=3, ahead=1)
    assert inputs.hashes[0] == inputs.hashes[1] != inputs.hashes[2]
    assert target.hashes[0] == target.hashes[1]


def test_a_text_mapped_to_memory_is_read_where_it_is_looked_at(tmp_path):
    np.arange(50, dtype=np.uint16).tofile(tmp_path / "tokens")
    mapped = torch.from_numpy(np.memmap(tmp_path / "tokens", np.uint16, "c"))
    assert Windows(mapped, Tokens(50), length=7).gather(torch.tensor([6])).values.tolist() == [list(range(42, 49))]
