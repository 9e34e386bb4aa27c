"""Codes of positions, against what the paper says they are."""

from __future__ import annotations

import math

import pytest
import torch

from lamina.chance import key
from lamina.errors import DataError, SentenceError
from lamina.kinds import Padded, Sequence
from lamina.layers.positions import Positions


def built(width: int, *settings: object, **named: object) -> Positions:
    stage = Positions(*settings, **named)
    assert stage.build(Sequence(width)) == Sequence(width)
    stage.place = key("positions")
    stage.initialise(0, "linear")
    return stage


def nothing(length: int, width: int, rows: int = 1) -> Padded:
    return Padded(torch.zeros(rows, length, width), torch.ones(rows, length, dtype=torch.bool))


def test_sines_and_cosines_turn_ten_thousand_times_slower_from_first_to_beyond_last() -> None:
    codes = built(4)(nothing(3, 4)).values[0] * 2  # sqrt(4)
    for position, code in enumerate(codes.tolist()):
        fast, slow = position, position / 100
        assert code == pytest.approx([math.sin(fast), math.cos(fast), math.sin(slow), math.cos(slow)], abs=1e-6)


def test_an_odd_width_ends_with_a_sine() -> None:
    last = built(5)(nothing(4, 5)).values[0, 3] * math.sqrt(5)
    turns = [3 / 10_000 ** (pair / 5) for pair in (0, 2, 4)]
    expected = [f(turn) for turn in turns for f in (math.sin, math.cos)]
    assert last.tolist() == pytest.approx(expected[:5], abs=1e-6)


@pytest.mark.parametrize("how", ["sinusoidal", "learned"])
def test_a_code_is_as_long_beside_a_vector_of_length_one_as_in_the_paper(how: str) -> None:
    lengths = built(128, how)(nothing(211, 128)).values[0].norm(dim=-1)
    # Vaswani et al.: a vector of sqrt(width) beside a code of sqrt(width / 2).
    assert lengths.mean().item() == pytest.approx(math.sqrt(1 / 2), rel=0.02)


def test_how_alike_two_codes_are_depends_on_their_distance_alone() -> None:
    codes = built(8)(nothing(23, 8)).values[0]
    alike = codes @ codes.T
    for distance in range(23):
        diagonal = alike.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))


def test_a_learned_code_is_a_row_of_the_table() -> None:
    stage = built(3, "learned", longest=7)
    x = Padded(torch.randn(2, 5, 3), torch.ones(2, 5, dtype=torch.bool))
    torch.testing.assert_close(stage(x).values - x.values, stage.weight[:5].expand(2, 5, 3))
    assert sum(parameter.numel() for parameter in stage.parameters()) == 21
    assert not list(built(3).parameters())


@pytest.mark.parametrize("how", ["sinusoidal", "learned"])
@pytest.mark.parametrize("cuts", [(1,) * 7, (3, 4), (2, 1, 4)])
def test_parts_one_after_another_come_to_the_whole(how: str, cuts: tuple[int, ...]) -> None:
    stage, state, parts = built(5, how), None, []
    x = Padded(torch.randn(3, 7, 5), torch.ones(3, 7, dtype=torch.bool))
    for part in x.values.split(cuts, 1):
        out, state = stage.carry(Padded(part, x.visible[:, : part.shape[1]]), state)
        parts.append(out.values)
    assert state == 7
    torch.testing.assert_close(torch.cat(parts, 1), stage(x).values)


def test_a_sequence_longer_than_the_table_is_refused() -> None:
    stage = built(3, "learned", longest=7)
    assert stage(nothing(7, 3)).values.shape == (1, 7, 3)
    _, state = stage.carry(nothing(5, 3), None)
    for give in (lambda: stage(nothing(8, 3)), lambda: stage.carry(nothing(3, 3), state)):
        with pytest.raises(DataError) as error:
            give()
        assert str(error.value) == (
            "Positions('learned', longest=7) knows 7 positions, got a sequence of 8;"
            " set longest=8 or more, cut the sequences, or take Positions(), which knows any number"
        )


def test_a_length_without_a_table_is_refused() -> None:
    with pytest.raises(SentenceError) as error:
        Positions(longest=7)
    assert str(error.value) == "Positions: longest=7 is of no use without how='learned'; leave it out"
