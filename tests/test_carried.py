"""States, taken as they are nested."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from lamina.carried import Grown, Held, detached, joined, mapped, picked, put_together, rearranged, taken_apart


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


def positions(count: int, first: int = 0) -> Tensor:
    return torch.arange(first, first + count, dtype=torch.float32).expand(3, 2, 1, count).transpose(2, 3).clone()


@pytest.mark.parametrize("inference", [False, True])
def test_positions_are_put_behind_those_that_are_there(inference: bool) -> None:
    with torch.inference_mode(inference):
        grown = Grown(positions(2))
        for place in range(2, 13):
            grown = grown.behind(positions(1, place))
        assert torch.equal(grown.seen, positions(13))


def test_states_that_go_on_from_the_same_positions_do_not_meet() -> None:
    with torch.inference_mode():
        first = Grown(positions(2)).behind(positions(1, 2))
        one, other = first.behind(positions(1, 70)), first.behind(positions(1, 80))
        further = one.behind(positions(1, 71))
        assert first.seen[0, 0, :, 0].tolist() == [0, 1, 2]
        assert other.seen[0, 0, :, 0].tolist() == [0, 1, 2, 80]
        assert further.seen[0, 0, :, 0].tolist() == [0, 1, 2, 70, 71]
        assert further.room is one.room is first.room
        assert other.room is not first.room


def test_gradients_pass_through_what_has_grown() -> None:
    x = positions(1).requires_grad_()
    Grown(x).behind(positions(2)).seen.sum().backward()
    assert x.grad is not None


def test_what_has_grown_is_picked_joined_and_kept_as_a_tensor_is() -> None:
    grown = Grown(torch.arange(3.0).view(3, 1, 1, 1))
    assert picked(grown, torch.tensor([2, 0])).seen.flatten().tolist() == [2, 0]
    assert joined([grown, grown]).seen.flatten().tolist() == [0, 1, 2, 0, 1, 2]
    assert torch.equal(put_together(*taken_apart((grown,)))[0].seen, grown.seen)


def test_hypotheses_leave_with_their_example() -> None:
    # Three examples with two hypotheses each; the second leaves.
    held, moving = rearranged(
        (Held(torch.arange(3)), torch.arange(6)), torch.tensor([1, 1, 4, 5]), torch.tensor([0, 2])
    )
    assert held.state.tolist() == [0, 2]
    assert moving.tolist() == [1, 1, 4, 5]


def test_a_part_without_a_mask_is_joined_as_one_that_hides_nothing() -> None:
    mask = torch.tensor([[True, False]])
    without, beside = Held((None, torch.zeros(2, 2))), Held((mask, torch.ones(1, 2)))
    everything = [[True, True]] * 2
    assert joined([without, beside]).state[0].tolist() == [*everything, [True, False]]
    assert joined([beside, without]).state[0].tolist() == [[True, False], *everything]
    assert joined([without, without]).state[0] is None
