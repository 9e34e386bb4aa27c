"""The neural Turing machine: its equations on paper, and the whole against a plain loop over them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import lamina as la
from lamina.carried import picked
from lamina.chance import key
from lamina.errors import KindError, SentenceError
from lamina.kinds import Padded, Sequence, Vector
from lamina.layers.turing import BLANK, Focus, addressed, by_content, read, sharpened, shifted, similarity, written
from lamina.nets.traits import recurrent

INPUTS, WIDTH, SLOTS, SIZE, LENGTH = 3, 5, 11, 2, 7


def made(heads: int = 2, shift: int = 2) -> la.Turing:
    """A stage with first weights, and offsets that are not the zeros that they begin with."""
    stage = la.Turing(WIDTH, slots=SLOTS, size=SIZE, heads=heads, shift=shift)
    assert stage.build(Sequence(INPUTS)) == Sequence(WIDTH + heads * SIZE)
    stage.place = key("here")
    stage.initialise(0, "linear")
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=random))
    return stage


def rows(*lengths: int) -> Padded:
    values = torch.randn(len(lengths), LENGTH, INPUTS, generator=torch.Generator().manual_seed(2))
    return Padded(values, torch.arange(LENGTH) < torch.tensor(lengths)[:, None])


def one(*numbers: float) -> Tensor:
    """Numbers of one head of one example."""
    return torch.tensor([[numbers]], dtype=torch.float64)


def memory(*slots: tuple[float, ...]) -> Tensor:
    return torch.tensor([slots], dtype=torch.float64)


def test_a_key_is_compared_by_the_cosine_alone() -> None:
    found = similarity(memory((1, 0), (0, 5), (-3, 0), (2, 2)), one(2, 0))
    torch.testing.assert_close(found, one(1, 0, -1, math.sqrt(0.5)))


def test_an_empty_slot_and_an_empty_key_are_like_nothing() -> None:
    assert similarity(memory((0, 0), (1, 0)), one(1, 0)).tolist() == [[[0, pytest.approx(1)]]]
    assert similarity(memory((3, 4)), one(0, 0)).tolist() == [[[0]]]


def test_the_content_is_weighted_by_a_softmax_of_strength_times_cosine() -> None:
    # Cosines 1 and 0, and e^(beta 1) : e^0 = 3 : 1 for beta = log 3.
    found = by_content(memory((7, 0), (0, 1)), one(2, 0), one(math.log(3)))
    torch.testing.assert_close(found, one(0.75, 0.25))


def test_a_shift_of_one_moves_the_weighting_to_the_next_slot() -> None:
    assert shifted(one(0.7, 0.2, 0.1), one(0, 0, 1)).tolist() == one(0.1, 0.7, 0.2).tolist()
    assert shifted(one(0.7, 0.2, 0.1), one(0, 1, 0)).tolist() == one(0.7, 0.2, 0.1).tolist()
    assert shifted(one(0.7, 0.2, 0.1), one(1, 0, 0)).tolist() == one(0.2, 0.1, 0.7).tolist()


def test_a_shift_wraps_around_at_both_ends() -> None:
    assert shifted(one(0, 0, 0, 0, 1), one(0, 0, 0, 0, 1)).tolist() == one(0, 1, 0, 0, 0).tolist()
    assert shifted(one(1, 0, 0, 0, 0), one(1, 0, 0, 0, 0)).tolist() == one(0, 0, 0, 1, 0).tolist()


def test_a_shift_of_several_places_blurs() -> None:
    torch.testing.assert_close(shifted(one(0, 1, 0), one(0.1, 0.8, 0.1)), one(0.1, 0.8, 0.1))
    torch.testing.assert_close(shifted(one(0.5, 0.5, 0), one(0.5, 0.25, 0.25)), one(0.375, 0.25, 0.375))


def test_sharpening_takes_a_power_and_makes_the_sum_one_again() -> None:
    torch.testing.assert_close(sharpened(one(0.5, 0.25, 0.25), one(2)), one(4 / 6, 1 / 6, 1 / 6))
    torch.testing.assert_close(sharpened(one(0.5, 0.3, 0.2), one(1)), one(0.5, 0.3, 0.2))


def test_sharpening_stays_finite_where_every_power_is_too_small_for_a_number() -> None:
    weighting = torch.tensor([[[0.4, 0.3, 0.3, 0.0]]], requires_grad=True)
    sharpness = torch.tensor([[[500.0]]], requires_grad=True)
    found = sharpened(weighting, sharpness)
    assert found.tolist() == [[[1, 0, 0, 0]]]
    found[..., 1:].sum().backward()
    assert weighting.grad is not None
    assert weighting.grad.isfinite().all()
    assert sharpness.grad is not None
    assert sharpness.grad.isfinite().all()


@pytest.mark.parametrize(
    ("gate", "shift", "expected"),
    [
        (0.0, (0, 1, 0), (0.2, 0.5, 0.3)),  # where it was
        (0.0, (0, 0, 1), (0.3, 0.2, 0.5)),  # the slot behind it
        (1.0, (0, 1, 0), (0.6, 0.2, 0.2)),  # what is like the key: 3 : 1 : 1
        (1.0, (1, 0, 0), (0.2, 0.2, 0.6)),  # the slot before what is like the key
        (0.5, (0, 1, 0), (0.4, 0.35, 0.25)),  # half and half
    ],
)
def test_a_weighting_is_interpolated_then_shifted(
    gate: float, shift: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    slots = memory((1, 0), (0, 1), (0, 2))
    focus = Focus(one(1, 0), one(math.log(3)), one(gate), one(*shift), one(1))
    torch.testing.assert_close(addressed(slots, one(0.2, 0.5, 0.3), focus), one(*expected))


def test_reading_takes_the_mean_of_the_slots() -> None:
    assert read(memory((1, 2), (3, 4)), one(0.25, 0.75)).tolist() == [[[2.5, 3.5]]]


def test_writing_erases_and_then_adds() -> None:
    found = written(memory((1, 2), (3, 4)), one(1, 0.5), one(1, 0.5), one(10, -20))
    # The first slot: (1 (1 - 1) + 10, 2 (1 - 0.5) - 20); the second, written by half: (3 / 2 + 5, 4 (1 - 0.25) - 10).
    assert found.tolist() == [[[10, -19], [6.5, -7]]]


def test_two_heads_erase_both_before_either_adds() -> None:
    weighting = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    erase, add = torch.tensor([[[0.5], [0.5]]]), torch.tensor([[[1.0], [2.0]]])
    assert written(torch.tensor([[[8.0], [7.0]]]), weighting, erase, add).tolist() == [[[8 / 4 + 1 + 2], [7]]]


def softplus(x: Tensor) -> Tensor:
    return (1 + x.exp()).log()


def weighting_of(head: Tensor, slots: list[Tensor], before: list[Tensor], shift: int) -> list[Tensor]:
    """Equations 5 to 9 for one head, slot by slot."""
    k, rest = head[:SIZE], head[SIZE:]
    beta, gamma, g, s = (
        softplus(rest[0]),
        1 + softplus(rest[1]),
        rest[2].sigmoid(),
        rest[3:].exp() / rest[3:].exp().sum(),
    )
    like = [(beta * (k @ slot) / (k.norm() * slot.norm() + 1e-8)).exp() for slot in slots]
    gated = [g * part / sum(like) + (1 - g) * old for part, old in zip(like, before, strict=True)]
    moved = [sum(gated[(i - d) % SLOTS] * s[d + shift] for d in range(-shift, shift + 1)) for i in range(SLOTS)]
    powers = [weight**gamma for weight in moved]
    return [power / sum(powers) for power in powers]


def by_loops(stage: la.Turing, row: Tensor) -> Tensor:
    """What the stage gives of one row, from the equations of the paper, head by head and slot by slot."""
    controller, heads = stage.controller, stage.heads
    h, c = row.new_zeros(WIDTH), row.new_zeros(WIDTH)
    slots = [row.new_full((SIZE,), 1e-6)] * SLOTS
    weightings = [list(first.exp() / first.exp().sum()) for first in stage.first_weighting]
    seen, found = stage.first_read, []
    for x in row:
        gates = controller.input_weight @ torch.cat((x, seen)) + controller.state_weight @ h + controller.offset
        i, f, new, o = gates.chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * new.tanh()
        h = o.sigmoid() * c.tanh()
        asked = stage.weight @ h + stage.offset
        each = SIZE + 3 + 2 * stage.shift + 1
        looks = asked[: 2 * heads * each].view(2 * heads, each)
        erase, add = asked[2 * heads * each :].view(2, heads, SIZE)
        weightings = [
            weighting_of(look, slots, before, stage.shift) for look, before in zip(looks, weightings, strict=True)
        ]
        writing = weightings[heads:]
        for w, e in zip(writing, erase, strict=True):
            slots = [slot * (1 - weight * e.sigmoid()) for slot, weight in zip(slots, w, strict=True)]
        for w, a in zip(writing, add, strict=True):
            slots = [slot + weight * a.tanh() for slot, weight in zip(slots, w, strict=True)]
        reads = [sum(weight * slot for weight, slot in zip(w, slots, strict=True)) for w in weightings[:heads]]
        seen = torch.cat(reads)
        found.append(torch.cat((h, seen)))
    return torch.stack(found)


@pytest.mark.parametrize(("heads", "shift"), [(1, 1), (2, 2), (3, 5)])
def test_it_comes_to_what_a_plain_loop_over_the_equations_comes_to(heads: int, shift: int) -> None:
    stage, x = made(heads, shift).double(), rows(7, 1, 4)
    x = x._replace(values=x.values.double())
    out = stage(x).values[x.visible]
    expected = torch.cat([by_loops(stage, row[seen]) for row, seen in zip(x.values, x.visible, strict=True)])
    torch.testing.assert_close(out, expected)
    weights = torch.randn(out.shape, dtype=out.dtype)
    ours = torch.autograd.grad((out * weights).sum(), list(stage.parameters()))
    theirs = torch.autograd.grad((expected * weights).sum(), list(stage.parameters()))
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_what_is_carried_on_is_the_whole_to_the_last_bit() -> None:
    stage, x = made(), rows(7, 7, 7)
    whole = stage(x).values
    first, state = stage.carry(Padded(x.values[:, :3], x.visible[:, :3]), None)
    rest, _ = stage.carry(Padded(x.values[:, 3:], x.visible[:, 3:]), state)
    assert torch.equal(torch.cat((first.values, rest.values), 1), whole)


def test_every_part_of_a_state_has_the_examples_first() -> None:
    stage, x = made(), rows(7, 7, 7)
    _, state = stage.carry(x, None)
    assert [tuple(part.shape) for part in state] == [(3, 5), (3, 5), (3, 11, 2), (3, 4, 11), (3, 4)]
    order = torch.tensor([2, 0])
    out, _ = stage.carry(x, state)
    fewer, _ = stage.carry(Padded(x.values[order], x.visible[order]), picked(state, order))
    torch.testing.assert_close(fewer.values, out.values[order])


def test_weightings_are_not_below_zero_and_sum_to_one() -> None:
    stage = made()
    _, _, _, first, _ = stage.begin(3)
    _, (_, _, _, weighting, _) = stage.carry(rows(7, 7, 7), None)
    for each in (first, weighting):
        assert (each >= 0).all()
        torch.testing.assert_close(each.sum(-1), torch.ones(3, 4))


def test_a_new_memory_is_blank_and_all_heads_begin_at_the_first_slot() -> None:
    stage = la.Turing(WIDTH, slots=SLOTS, size=SIZE)
    stage.build(Sequence(INPUTS))
    stage.initialise(0, "linear")
    h, c, slots, weighting, seen = stage.begin(3)
    assert slots.unique().tolist() == [pytest.approx(BLANK)]
    assert not h.any()
    assert not c.any()
    assert not seen.any()
    # exp(5) n against n - 1 others of weight 1 each.
    first = math.exp(5) * SLOTS / (math.exp(5) * SLOTS + SLOTS - 1)
    torch.testing.assert_close(weighting[:, :, 0], torch.full((3, 2), first))
    assert torch.equal(weighting[0], weighting[2])


def test_it_is_recurrent_so_that_a_text_may_be_read_in_streams() -> None:
    net = la.build("Embed(3) >> Turing(5, slots=7, size=2) >> NextToken()", la.Tokens(5), la.Tokens(5))
    assert recurrent(net)


def test_work_is_counted_by_position() -> None:
    # The controller 4 * 5 * (3 + 4 + 5), the map for the heads 5 * (4 * (2 + 3 + 5) + 8); each of the 11 slots: of
    # 4 heads compare 2 and shift 5, of 2 erase 2 and add 2, of 2 read 2.
    assert made().multiply_adds() == 4 * 5 * 12 + 5 * 48 + 11 * (4 * 7 + 2 * 4 + 2 * 2)


def test_more_places_to_move_to_than_slots_are_refused() -> None:
    with pytest.raises(SentenceError) as error:
        la.Turing(5, slots=4, shift=2)
    assert str(error.value) == ("Turing: shift=2 moves a weighting to 5 places, got slots=4; give it 5 slots or more")


def test_a_vector_has_no_positions_to_read() -> None:
    stage = la.Turing(5)
    with pytest.raises(KindError) as error:
        stage.build(Vector(3))
    assert str(error.value) == "Turing(5) cannot follow Vector(3): it takes a Sequence"
