"""Ways around a residual block that a picture's usual halving does not show."""

from __future__ import annotations

import pytest
import torch

from lamina.errors import KindError
from lamina.kinds import Image, Kind, Padded, Sequence, Vector
from lamina.layers.compose import Residual
from lamina.layers.norm import BatchNorm
from lamina.sentence import parse


def block(sentence: str, given: Kind) -> Residual:
    stage = parse(sentence)
    assert isinstance(stage, Residual)
    stage.build(given)
    stage.initialise(3, "linear")
    return stage.eval()


def test_a_picture_that_shrinks_on_one_axis_is_projected_on_that_axis() -> None:
    stage = block("Residual(Conv(5, stride=(2, 1), init='zeros'), shortcut='project')", Image(2, 7, 3))
    assert str(stage.way) == "Conv(5, size=1, stride=(2, 1), bias=False) >> BatchNorm()"
    x = torch.randn(2, 2, 7, 3)
    expected = torch.einsum("wc,bcyx->bwyx", stage.way[0].weight[:, :, 0, 0], x[:, :, ::2])
    torch.testing.assert_close(stage(x), expected / (1 + 1e-5) ** 0.5)


@pytest.mark.parametrize("given", [Vector(3), Sequence(3)], ids=str)
def test_vectors_and_positions_are_projected_by_a_dense_layer_without_bias(given: Kind) -> None:
    stage = block("Residual(Dense(5, init='zeros'), shortcut='project')", given)
    assert str(stage.way) == "Dense(5, bias=False) >> BatchNorm()"
    x = torch.randn(2, 7, 3)
    expected = x @ stage.way[0].weight.T / (1 + 1e-5) ** 0.5
    if isinstance(given, Sequence):
        torch.testing.assert_close(stage(Padded(x, torch.ones(2, 7, dtype=torch.bool))).values, expected)
    else:
        torch.testing.assert_close(stage(x[0]), expected[0])
    assert isinstance(stage.way[1], BatchNorm)


@pytest.mark.parametrize("inner", ["Conv(2, 2, padding=0)", "Conv(1)", "UpConv(2)"])
def test_what_places_left_out_and_zeros_do_not_make_is_refused(inner: str) -> None:
    with pytest.raises(KindError, match=r"to the Image\(2, 5, 5\) that it was given: they must be the same"):
        parse(f"Residual({inner}, shortcut='pad')").build(Image(2, 5, 5))
