"""Attention with many heads, against torch's, a plain loop, and itself position by position."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import lamina as la
from lamina.carried import Grown
from lamina.chance import drawing, key
from lamina.errors import KindError
from lamina.kinds import Label, Padded, Sequence
from lamina.layers.attended import attended
from lamina.layers.multi_head import MultiHead, turned, turns_until
from lamina.stage import Stage

WIDTH = 12


def built(*settings: object, width: int = WIDTH, **named: object) -> MultiHead:
    stage = MultiHead(*settings, **named)
    assert stage.build(Sequence(width)) == Sequence(width)
    for name, part in stage.named_modules():
        if isinstance(part, Stage):
            part.place = key(name)
    stage.initialise(0, "linear")
    with torch.no_grad():  # biases that are seen
        for offset in (stage.project.offset, stage.merge.offset):
            offset.normal_(generator=torch.Generator().manual_seed(3))
    return stage


def given(lengths: tuple[int, ...] = (7, 1, 5), width: int = WIDTH) -> Padded:
    random = torch.Generator().manual_seed(1)
    visible = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Padded(torch.randn(len(lengths), max(lengths), width, generator=random), visible)


def parts(stage: MultiHead, x: Padded) -> Tensor:
    """q, k and v of each head, at no place yet."""
    return stage.project(x).values.unflatten(-1, (3, stage.heads, -1))


def of_torch(stage: MultiHead) -> nn.MultiheadAttention:
    other = nn.MultiheadAttention(WIDTH, stage.heads, batch_first=True)
    with torch.no_grad():
        other.in_proj_weight.copy_(stage.project.weight)
        other.in_proj_bias.copy_(stage.project.offset)
        other.out_proj.weight.copy_(stage.merge.weight)
        other.out_proj.bias.copy_(stage.merge.offset)
    return other


def whole(count: int) -> Padded:
    return given((count,) * 3)


@pytest.mark.parametrize("heads", [1, 3, 12])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("lengths", [(7, 1, 5), (7, 7, 7)])
def test_it_gives_what_torch_gives(heads: int, causal: bool, lengths: tuple[int, ...]) -> None:
    stage, x = built(heads, causal=causal), given(lengths)
    ahead = torch.ones(7, 7, dtype=torch.bool).triu(1) if causal else None
    expected, _ = of_torch(stage)(x.values, x.values, x.values, key_padding_mask=~x.visible, attn_mask=ahead)
    torch.testing.assert_close(stage(x).values[x.visible], expected[x.visible])


def test_on_paper() -> None:
    stage = built(1, width=1)
    with torch.no_grad():
        stage.project.weight.copy_(torch.tensor([[1.0], [1.0], [2.0]]))
        stage.project.offset.zero_()
        stage.merge.weight.fill_(5)
        stage.merge.offset.fill_(7)
    one, two = math.log(2), 0.0
    x = Padded(torch.tensor([[[one], [two]]]), torch.ones(1, 2, dtype=torch.bool))
    # From 0 both look alike; from ln 2, with e^(ln 2 ln 2) to 1.
    share = math.exp(one * one) / (math.exp(one * one) + 1)
    assert stage(x).values.flatten().tolist() == pytest.approx([5 * 2 * share * one + 7, 5 * 2 * one / 2 + 7])


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("cuts", [(1,) * 7, (3, 4), (2, 1, 4), (7,)])
def test_parts_one_after_another_come_to_the_whole(rotary: bool, cuts: tuple[int, ...]) -> None:
    stage, state, found = built(3, causal=True, rotary=rotary), None, []
    x = whole(7)
    for part in x.values.split(cuts, 1):
        out, state = stage.carry(Padded(part, x.visible[:, : part.shape[1]]), state)
        found.append(out.values)
    assert tuple(state.seen.shape) == (3, 2 * 3, 7, 4)
    torch.testing.assert_close(torch.cat(found, 1), stage(x).values)


def test_looking_back_never_sees_what_comes_later() -> None:
    stage, x = built(3, causal=True), whole(7)
    later = x._replace(values=torch.cat((x.values[:, :4], x.values[:, 4:] + 1e4), 1))
    assert torch.equal(stage(x).values[:, :4], stage(later).values[:, :4])
    assert stage.looks_back()
    assert not built(3).looks_back()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rotary", [False, True])
def test_what_stands_at_hidden_positions_never_matters(causal: bool, rotary: bool) -> None:
    stage, x = built(3, causal=causal, rotary=rotary), given()
    other = x._replace(values=x.values.masked_fill(~x.visible[:, :, None], 1e4))
    assert torch.equal(stage(x).values[x.visible], stage(other).values[x.visible])


@pytest.mark.parametrize("causal", [False, True])
def test_a_row_with_one_visible_position_has_finite_values_and_gradients(causal: bool) -> None:
    stage, x = built(3, causal=causal), given((7, 1))
    x.values.requires_grad_()
    out = stage(x)
    out.values[x.visible].square().sum().backward()
    assert out.values.isfinite().all()
    assert x.values.grad.isfinite().all()
    assert not x.values.grad[~x.visible].any()
    # Alone with itself it gives W v + b.
    value = torch.nn.functional.linear(x.values[1, 0], stage.project.weight[-WIDTH:], stage.project.offset[-WIDTH:])
    torch.testing.assert_close(out.values[1, 0], stage.merge(value[None])[0])


def test_products_of_turned_vectors_depend_on_their_distance_alone() -> None:
    q, k = (torch.randn(6, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    turns = turns_until(11, 6, q.dtype, q.device)
    one, other = (turned(vector.repeat(1, 11, 3, 1, 1), turns)[0, :, 0, 0] for vector in (q, k))
    products = one @ other.T
    for distance in range(-10, 11):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-4, atol=1e-5)


def test_pairs_of_q_and_k_are_turned_by_the_angles_of_the_paper_and_those_of_v_are_not() -> None:
    x = torch.tensor([1.0, 0.0, 0.0, 1.0])
    fast, slow = 5.0, 5 / 100
    expected = [math.cos(fast), math.sin(fast), -math.sin(slow), math.cos(slow)]
    query, key_, value = turned(x.repeat(1, 1, 3, 1, 1), turns_until(6, 4, x.dtype, x.device)[5:])[0, 0, :, 0]
    assert query.tolist() == key_.tolist() == pytest.approx(expected)
    assert torch.equal(value, x)


def test_with_rotary_a_shift_of_all_positions_changes_nothing() -> None:
    stage, x = built(3, rotary=True), whole(7)
    behind = Grown(torch.empty(3, 2 * 3, 13, 4))
    query, both = stage.placed(parts(stage, x), stage.turns(None, x.values))
    shifted_query, shifted_both = stage.placed(parts(stage, x), stage.turns(behind, x.values))
    key_, shifted_key = both[:, :3], shifted_both[:, :3]
    scores: Tensor = query @ key_.transpose(2, 3)
    torch.testing.assert_close(scores, shifted_query @ shifted_key.transpose(2, 3), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(scores, query @ shifted_key.transpose(2, 3), atol=1e-2)


def test_dropout_is_of_what_comes_out() -> None:
    stage, rest, x = built(3, dropout=0.5).train(), built(3), whole(7)
    with drawing(0, 1, torch.arange(3)):
        out, again = stage(x).values, stage(x).values
    assert torch.equal(out, again)
    kept = out != 0
    assert kept.float().mean().item() == pytest.approx(0.5, abs=0.1)
    torch.testing.assert_close(out[kept], 2 * rest(x).values[kept])


def test_its_numbers_can_be_counted() -> None:
    stage = built(3)
    assert sum(parameter.numel() for parameter in stage.parameters()) == 4 * 12 * 12 + 4 * 12
    assert stage.multiply_adds() == 4 * 12 * 12


@pytest.mark.parametrize(("sentence", "width", "message"), [
    ("MultiHead(5)", 12, "MultiHead(5) cannot follow Sequence(12): 12 is not cut into heads=5 equal parts; let Sequence(15) come before it, or set heads=4"),
    ("MultiHead(4, rotary=True)", 12, "MultiHead(4, rotary=True) cannot follow Sequence(12): 12 is not cut into pairs for each of heads=4, as rotary=True asks; let Sequence(16) come before it, or set heads=3"),
    ("MultiHead(1, rotary=True)", 7, "MultiHead(1, rotary=True) cannot follow Sequence(7): 7 is not cut into pairs for each of heads=1, as rotary=True asks; let Sequence(8) come before it"),
])  # fmt: skip
def test_a_width_that_cannot_be_cut_into_heads_is_refused(sentence: str, width: int, message: str) -> None:
    stage = la.parse(sentence)
    with pytest.raises(KindError) as error:
        stage.build(Sequence(width))
    assert str(error.value) == message
    stage.build(error.value.cured)


def test_a_misfit_behind_heads_that_do_not_fit_is_found_too() -> None:
    with pytest.raises(KindError) as error:
        la.build("MultiHead(5) >> Conv(3) >> Classify()", Sequence(12), Label(2))
    assert [mistake.partition(":")[0] for mistake in error.value.mistakes] == [
        "MultiHead(5) cannot follow Sequence(12)", "Conv(3) cannot follow Sequence(15)"
    ]  # fmt: skip


def test_in_bfloat16_a_cpu_attends_in_single_precision():
    query, keys, values = (
        torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0)).bfloat16() for _ in "qkv"
    )
    keys, values = keys.flip(2), values.flip(3)
    seen = torch.tensor([[True, True, True, True, False]])
    found = attended(query, keys, values, seen)
    assert found.dtype is torch.float32
    assert torch.equal(found, attended(query.float(), keys.float(), values.float(), seen))
