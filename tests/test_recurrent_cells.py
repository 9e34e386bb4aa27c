"""Recurrent layers as cells: what they carry from position to position, and how they begin about a memory."""

from __future__ import annotations

import math

import pytest
import torch
from recurring import INPUTS, WIDTH, each_onward, made, rows, started

import lamina as la
from lamina.carried import picked, put_together, taken_apart
from lamina.errors import KindError
from lamina.kinds import Padded, Sequence, Vector


@each_onward
@pytest.mark.parametrize("cut", [1, 3, 6])
def test_parts_one_after_another_come_to_the_whole(name: str, cut: int) -> None:
    stage, x = made(name), rows(7, 7, 7)
    whole, behind = stage.carry(x, None)
    first, state = stage.carry(Padded(x.values[:, :cut], x.visible[:, :cut]), None)
    then, after = stage.carry(Padded(x.values[:, cut:], x.visible[:, cut:]), put_together(*taken_apart(state)))
    torch.testing.assert_close(torch.cat((first.values, then.values), 1), whole.values)
    torch.testing.assert_close(after, behind)
    torch.testing.assert_close(stage(x).values, whole.values)


@each_onward
def test_a_state_has_the_examples_first_so_that_rows_can_be_picked(name: str) -> None:
    stage, x = made(name), rows(7, 7, 7)
    _, state = stage.carry(x, None)
    assert [[tuple(part.shape) for part in layer] for layer in state] == [[(3, WIDTH)] * stage.makes.states] * 2
    again = Padded(x.values[[2, 0, 0, 1]], x.visible[[2, 0, 0, 1]])
    one = stage.carry(again, picked(state, torch.tensor([2, 0, 0, 1])))[0].values
    torch.testing.assert_close(one, stage.carry(x, state)[0].values[[2, 0, 0, 1]])


@each_onward
def test_gradients_flow_back_through_a_state(name: str) -> None:
    stage, x = made(name), rows(7, 7)
    early = x.values[:, :3].clone().requires_grad_()
    _, state = stage.carry(Padded(early, x.visible[:, :3]), None)
    out, _ = stage.carry(Padded(x.values[:, 3:], x.visible[:, 3:]), state)
    (cut,) = torch.autograd.grad(out.values.square().sum(), early)
    values = x.values.clone().requires_grad_()
    (whole,) = torch.autograd.grad(stage(x._replace(values=values)).values[:, 3:].square().sum(), values)
    torch.testing.assert_close(cut, whole[:, :3])


@each_onward
def test_what_is_about_a_memory_begins_with_tanh_of_a_map_of_it(name: str) -> None:
    stage = getattr(la, name)(WIDTH, layers=2)
    assert stage.build_about(Sequence(INPUTS), Vector(11)) == Sequence(WIDTH)
    started(stage)
    memory = torch.randn(3, 11)
    state, at = stage.begin(memory), 0
    assert len(state) == 2
    for layer in state:
        assert len(layer) == stage.makes.states
        for part in layer:
            v, b = stage.start.weight[at : at + WIDTH], stage.start.offset[at : at + WIDTH]
            torch.testing.assert_close(part, torch.tanh(memory @ v.T + b))
            at += WIDTH
    assert at == len(stage.start.weight)
    out, _ = stage.carry(rows(7, 7, 7), state)
    assert (out.values != stage(rows(7, 7, 7)).values).all()
    (out.values.sum()).backward()
    assert all(parameter.grad.any() for parameter in stage.parameters())


@each_onward
def test_of_a_memory_of_positions_the_mean_of_the_visible_ones_counts(name: str) -> None:
    stage = getattr(la, name)(WIDTH)
    stage.build_about(Sequence(2), Sequence(INPUTS))
    started(stage)
    x = rows(7, 1, 4)
    means = torch.stack([x.values[0].mean(0), x.values[1, 0], x.values[2, :4].mean(0)])
    noisy = x._replace(values=x.values.masked_fill(~x.visible[..., None], torch.nan))
    torch.testing.assert_close(stage.begin(noisy), stage.begin(means))


@each_onward
def test_maps_of_a_memory_begin_by_glorots_rule_each_by_itself(name: str) -> None:
    stage = getattr(la, name)(53)
    stage.build_about(Sequence(2), Vector(31))
    stage.initialise(0, "linear")
    limit = math.sqrt(6 / (31 + 53))
    for weight in stage.start.weight.chunk(stage.makes.states):
        assert 0.99 * limit < weight.abs().max() <= limit
    assert not stage.start.offset.any()


def test_a_cell_that_was_built_without_a_memory_says_so() -> None:
    with pytest.raises(KindError) as error:
        made("GRU").begin(torch.zeros(2, 3))
    assert str(error.value) == "GRU(5, layers=2) was built without a memory; make it with build_about to begin with one"


def test_a_cell_that_is_built_anew_forgets_its_memory() -> None:
    stage = la.LSTM(WIDTH)
    stage.build_about(Sequence(3), Vector(2))
    stage.build(Sequence(3))
    assert [name for name, _ in stage.named_parameters() if "start" in name] == []
