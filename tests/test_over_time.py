"""Pooling over positions: what comes of the visible ones."""

from __future__ import annotations

import pytest
import torch

import lamina as la
from lamina.errors import KindError
from lamina.kinds import Padded, Sequence, Vector
from lamina.layers.over_time import OverTime, mean
from lamina.stage import Stage

ROWS = torch.tensor([
    [[1.0, -8.0], [3.0, -4.0], [5.0, -6.0]],
    [[7.0, -2.0], [9.0, -5.0], [99.0, 99.0]],
    [[4.0, -3.0], [-99.0, -99.0], [99.0, 99.0]],
])  # fmt: skip
VISIBLE = torch.tensor([[True, True, True], [True, True, False], [True, False, False]])
POOLED = {
    "Last": [[5, -6], [9, -5], [4, -3]],
    "First": [[1, -8], [7, -2], [4, -3]],
    "Mean": [[3, -6], [8, -3.5], [4, -3]],
    "Max": [[5, -4], [9, -2], [4, -3]],
}

each = pytest.mark.parametrize("name", POOLED)


def made(name: str) -> Stage:
    stage: Stage = getattr(la, name)()
    assert stage.build(Sequence(2)) == Vector(2)
    return stage


@each
def test_only_visible_positions_are_looked_at(name: str) -> None:
    assert made(name)(Padded(ROWS, VISIBLE)).tolist() == POOLED[name]


@each
@pytest.mark.parametrize("noise", [torch.nan, torch.inf, -torch.inf])
def test_not_even_nan_at_a_hidden_position_comes_through(name: str, noise: float) -> None:
    values = ROWS.masked_fill(~VISIBLE[..., None], noise).requires_grad_()
    out = made(name)(Padded(values, VISIBLE))
    assert out.tolist() == POOLED[name]
    out.square().sum().backward()
    assert values.grad.isfinite().all()
    assert not values.grad[~VISIBLE].any()


@each
@pytest.mark.parametrize("noise", [1.0, torch.nan])
def test_a_row_with_nothing_visible_gives_zeros(name: str, noise: float) -> None:
    values = torch.cat((ROWS, torch.full((1, 3, 2), noise))).requires_grad_()
    visible = torch.cat((VISIBLE, torch.zeros(1, 3, dtype=torch.bool)))
    out = made(name)(Padded(values, visible))
    assert out.tolist() == [*POOLED[name], [0, 0]]
    out.sum().backward()
    assert values.grad.isfinite().all()
    assert not values.grad[3].any()


@pytest.mark.parametrize(
    ("name", "gradient"),
    [
        ("Last", [[0, 0], [1, 1], [0, 0]]),
        ("First", [[1, 1], [0, 0], [0, 0]]),
        ("Mean", [[0.5, 0.5], [0.5, 0.5], [0, 0]]),
        ("Max", [[0, 1], [1, 0], [0, 0]]),
    ],
)
def test_the_gradient_goes_to_the_positions_that_counted(name: str, gradient: list[list[float]]) -> None:
    values = ROWS[1:2].clone().requires_grad_()
    made(name)(Padded(values, VISIBLE[1:2])).sum().backward()
    assert values.grad[0].tolist() == gradient


def test_the_last_position_behind_two_directions_is_that_of_both() -> None:
    net = la.BiRNN(3) >> la.Last()
    net.build(Sequence(2))
    net.initialise(0, "linear")
    rows = ROWS / 10  # where tanh is not flat
    whole, alone = net(Padded(rows[1:2], VISIBLE[1:2])), net(Padded(rows[1:2, 1:2], VISIBLE[1:2, 1:2]))
    torch.testing.assert_close(whole[:, 3:], alone[:, 3:])  # backward has seen the last position alone
    assert not torch.isclose(whole[:, :3], alone[:, :3]).any()


@each
def test_nothing_goes_on_behind_it(name: str) -> None:
    assert not made(name).looks_back()
    assert not (la.LSTM(3) >> made(name)).looks_back()


def test_first_weights_are_drawn_as_if_a_choice_of_positions_were_not_there() -> None:
    assert [made(name).following() for name in POOLED] == [None, None, "linear", None]


@each
def test_it_takes_positions(name: str) -> None:
    with pytest.raises(KindError) as error:
        getattr(la, name)().build(Vector(7))
    assert str(error.value) == f"{name}() cannot follow Vector(7): it takes a Sequence"


def test_a_pool_that_says_nothing_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="OverTime does not say how it pools"):
        OverTime()(Padded(ROWS, VISIBLE))


def test_the_mean_is_over_visible_positions() -> None:
    assert mean(Padded(ROWS, VISIBLE)).tolist() == POOLED["Mean"]
    assert mean(Padded(ROWS, torch.zeros_like(VISIBLE))).tolist() == [[0, 0]] * 3
