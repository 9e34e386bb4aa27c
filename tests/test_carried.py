"""States, taken as they are nested."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lamina.carried import Held, detached, joined, mapped, picked, put_together, rearranged, taken_apart


class Inner(NamedTuple):
    tensor: Tensor
    count: int


def state(rows: int = 5) -> tuple[object, ...]:
    return None, (torch.arange(rows), Inner(torch.arange(rows * 3.0, requires_grad=True).view(rows, 3) * 2, 7)), ()


def test_rows_are_picked_from_every_tensor() -> None:
    none, (first, inner), empty = picked(state(), torch.tensor([3, 3, 0]))
    assert (none, empty, inner.count) == (None, (), 7)
    assert first.tolist() == [3, 3, 0]
    assert inner.tensor[:, 0].tolist() == [18, 18, 0]
    assert isinstance(inner, Inner)


def test_states_of_parts_are_joined_to_that_of_the_whole() -> None:
    whole = state()
    parts = [picked(whole, torch.tensor([0, 1])), picked(whole, torch.tensor([2, 3, 4]))]
    again = joined(parts)
    assert torch.equal(again[1][0], whole[1][0])
    assert torch.equal(again[1][1].tensor, whole[1][1].tensor)
    assert again[1][1].count == 7


def test_gradients_end_where_a_state_is_detached() -> None:
    assert state()[1][1].tensor.requires_grad
    assert not detached(state())[1][1].tensor.requires_grad


def test_a_state_comes_back_from_what_a_checkpoint_keeps() -> None:
    plain, tensors = taken_apart(state())
    assert plain == [None, [{"tensor": "0"}, [{"tensor": "1"}, 7]], []]
    again = put_together(plain, tensors)
    assert again[0] is None
    assert again[2] == ()
    assert torch.equal(again[1][0], torch.arange(5))
    assert torch.equal(again[1][1][0], state()[1][1].tensor)
    assert again[1][1][1] == 7
    assert put_together(*taken_apart(None)) is None


def test_a_function_meets_every_tensor_once() -> None:
    seen = []
    mapped(seen.append, state())
    assert [tuple(tensor.shape) for tensor in seen] == [(5,), (5, 3)]


def test_what_is_held_stays_where_hypotheses_change_places() -> None:
    rows = torch.tensor([1, 1, 0])
    held, moving = rearranged((Held((torch.arange(3), None)), torch.arange(3)), rows)
    assert held.state[0].tolist() == [0, 1, 2]
    assert moving.tolist() == [1, 1, 0]
    assert picked(Held(torch.arange(3)), rows).state.tolist() == [1, 1, 0]
