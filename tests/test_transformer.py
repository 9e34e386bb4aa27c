"""The Transformer, against torch's and against itself position by position."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lamina as la
from lamina.carried import picked
from lamina.chance import drawing, key
from lamina.errors import KindError
from lamina.kinds import Kind, Padded, Sequence, Vector
from lamina.layers.multi_head import Across, MultiHead
from lamina.layers.transformer import Layer, Transformer
from lamina.stage import Stage

WIDTH, SEEN, HIDDEN = 12, 5, 11
LENGTHS = pytest.mark.parametrize("lengths", [(7, 1, 5), (7, 7, 7)])
NORMS = pytest.mark.parametrize("norm", ["before", "after"])
CUTS = pytest.mark.parametrize("cuts", [(1,) * 7, (3, 4), (2, 1, 4), (7,)])


def built(about: Kind | None = None, **named: Any) -> Transformer:
    stage = Transformer(**{"heads": 3, "hidden": HIDDEN, "dropout": 0.0, **named})
    gives = stage.build(Sequence(WIDTH)) if about is None else stage.build_about(Sequence(WIDTH), about)
    assert gives == Sequence(WIDTH)
    for name, part in stage.named_modules():
        if isinstance(part, Stage):
            part.place = key(name)
    stage.initialise(0, "linear")
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():  # biases and norms that are seen
        for vector in (parameter for parameter in stage.parameters() if parameter.dim() == 1):
            vector.add_(torch.randn(vector.shape, generator=random), alpha=0.3)
    return stage


def given(lengths: tuple[int, ...] = (7, 7, 7), width: int = WIDTH, seed: int = 1) -> Padded:
    random = torch.Generator().manual_seed(seed)
    visible = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Padded(torch.randn(len(lengths), max(lengths), width, generator=random), visible)


def memory(lengths: tuple[int, ...] = (4, 1, 3)) -> Padded:
    return given(lengths, SEEN, seed=2)


def blurred(x: Padded) -> Padded:
    return x._replace(values=x.values.masked_fill(~x.visible[:, :, None], 1e4))


@torch.no_grad()
def copied(layer: Layer, other: Any) -> None:
    """Put a layer's weights into torch's."""
    for mine, torchs in (("weight", "weight"), ("offset", "bias")):
        getattr(other.self_attn, f"in_proj_{torchs}").copy_(getattr(layer.attention.project, mine))
        getattr(other.self_attn.out_proj, torchs).copy_(getattr(layer.attention.merge, mine))
        getattr(other.linear1, torchs).copy_(getattr(layer.inner[0], mine))
        getattr(other.linear2, torchs).copy_(getattr(layer.inner[2], mine))
    for number, norm in enumerate(layer.norms, 1):
        getattr(other, f"norm{number}").weight.copy_(norm.scale)
        getattr(other, f"norm{number}").bias.copy_(norm.shift)
    if layer.across is not None:
        beside, parts = other.multihead_attn, (layer.across.ask, layer.across.project, layer.across.merge)
        beside.q_proj_weight.copy_(parts[0].weight)
        beside.k_proj_weight.copy_(parts[1].weight[:WIDTH])
        beside.v_proj_weight.copy_(parts[1].weight[WIDTH:])
        beside.in_proj_bias.copy_(torch.cat((parts[0].offset, parts[1].offset)))
        beside.out_proj.weight.copy_(parts[2].weight)
        beside.out_proj.bias.copy_(parts[2].offset)


def settled(stage: Transformer, values: Tensor) -> Tensor:
    """Behind the last norm, if there is one."""
    if stage.last is None:
        return values
    return nn.functional.layer_norm(values, (WIDTH,), stage.last.scale, stage.last.shift)


@NORMS
@LENGTHS
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("causal", [False, True])
def test_it_gives_what_torchs_encoder_gives(norm: str, lengths: tuple[int, ...], activation: str, causal: bool) -> None:
    stage, x = built(norm=norm, activation=activation, causal=causal), given(lengths)
    ahead = torch.ones(7, 7, dtype=torch.bool).triu(1) if causal else None
    values = x.values
    for layer in stage.each():
        other = nn.TransformerEncoderLayer(
            WIDTH, 3, HIDDEN, 0.0, activation, batch_first=True, norm_first=norm == "before"
        )
        copied(layer, other)
        values = other(values, src_mask=ahead, src_key_padding_mask=~x.visible)
    torch.testing.assert_close(stage(x).values[x.visible], settled(stage, values)[x.visible], rtol=1e-4, atol=1e-5)


@NORMS
@pytest.mark.parametrize("lengths", [(4, 1, 3), (4, 4, 4)])
def test_it_gives_what_torchs_decoder_gives(norm: str, lengths: tuple[int, ...]) -> None:
    stage, x, seen = built(Sequence(SEEN), norm=norm), given(), memory(lengths)
    ahead = torch.ones(7, 7, dtype=torch.bool).triu(1)
    values = x.values
    for layer in stage.each():
        other = nn.TransformerDecoderLayer(WIDTH, 3, HIDDEN, 0.0, "gelu", batch_first=True, norm_first=norm == "before")
        other.multihead_attn = nn.MultiheadAttention(WIDTH, 3, kdim=SEEN, vdim=SEEN, batch_first=True)
        copied(layer, other)
        values = other(values, seen.values, tgt_mask=ahead, memory_key_padding_mask=~seen.visible)
    out, _ = stage.carry(x, stage.begin(seen))
    torch.testing.assert_close(out.values, settled(stage, values), rtol=1e-4, atol=1e-5)


def in_parts(stage: Transformer, x: Padded, state: Any, cuts: tuple[int, ...]) -> Tensor:
    parts = []
    for part in x.values.split(cuts, 1):
        out, state = stage.carry(Padded(part, x.visible[:, : part.shape[1]]), state)
        parts.append(out.values)
    return torch.cat(parts, 1)


@NORMS
@CUTS
@pytest.mark.parametrize("rotary", [False, True])
def test_parts_one_after_another_come_to_the_whole(norm: str, cuts: tuple[int, ...], rotary: bool) -> None:
    stage, x = built(norm=norm, causal=True, rotary=rotary), given()
    torch.testing.assert_close(in_parts(stage, x, None, cuts), stage(x).values, rtol=1e-4, atol=1e-5)


@CUTS
@pytest.mark.parametrize("rotary", [False, True])
def test_parts_about_a_memory_come_to_the_whole(cuts: tuple[int, ...], rotary: bool) -> None:
    stage, x, seen = built(Sequence(SEEN), rotary=rotary), given(), memory()
    whole, _ = stage.carry(x, stage.begin(seen))
    torch.testing.assert_close(in_parts(stage, x, stage.begin(seen), cuts), whole.values, rtol=1e-4, atol=1e-5)


def test_rows_of_a_state_go_on_as_they_would_have() -> None:
    stage, x, seen, rows = built(Sequence(SEEN)), given(), memory(), torch.tensor([2, 0, 0, 1])
    whole, _ = stage.carry(x, stage.begin(seen))
    _, state = stage.carry(Padded(x.values[:, :3], x.visible[:, :3]), stage.begin(seen))
    further, _ = stage.carry(Padded(x.values[rows, 3:], x.visible[rows, 3:]), picked(state, rows))
    torch.testing.assert_close(further.values, whole.values[rows, 3:], rtol=1e-4, atol=1e-5)


def test_what_an_example_gives_does_not_depend_on_its_batch() -> None:
    stage, x, seen = built(Sequence(SEEN)), given(), memory()
    whole, _ = stage.carry(x, stage.begin(seen))
    for row, length in enumerate((4, 1, 3)):
        alone = Padded(seen.values[row : row + 1, :length], seen.visible[row : row + 1, :length])
        out, _ = stage.carry(Padded(x.values[row : row + 1], x.visible[row : row + 1]), stage.begin(alone))
        torch.testing.assert_close(out.values[0], whole.values[row], rtol=1e-4, atol=1e-5)


@NORMS
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rotary", [False, True])
def test_what_stands_at_hidden_positions_never_matters(norm: str, causal: bool, rotary: bool) -> None:
    stage, x = built(norm=norm, causal=causal, rotary=rotary), given((7, 1, 5))
    assert torch.equal(stage(x).values[x.visible], stage(blurred(x)).values[x.visible])


def test_what_stands_at_hidden_positions_of_a_memory_never_matters() -> None:
    stage, x, seen = built(Sequence(SEEN)), given(), memory()
    one, other = (stage.carry(x, stage.begin(m))[0].values for m in (seen, blurred(seen)))
    assert torch.equal(one, other)


def test_a_row_with_one_visible_position_has_finite_gradients() -> None:
    stage, x = built(), given((7, 1))
    x.values.requires_grad_()
    stage(x).values[x.visible].square().sum().backward()
    assert x.values.grad.isfinite().all()
    assert not x.values.grad[~x.visible].any()
    assert all(parameter.grad.isfinite().all() for parameter in stage.parameters())


def test_about_a_memory_without_visible_positions_a_branch_gives_the_bias_alone_and_gradients_are_finite() -> None:
    stage, x, seen = built(Sequence(SEEN), layers=1), given(), memory((4, 0, 3))
    x.values.requires_grad_()
    out = stage.carry(x, stage.begin(seen))[0].values
    across = stage.each()[0].across
    assert across is not None
    found = across(x, across.prepare(seen), seen.visible).values[1]
    torch.testing.assert_close(found, across.merge.offset.expand(7, WIDTH))
    out.square().sum().backward()
    assert x.values.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in stage.parameters())


def test_a_vector_is_a_memory_of_one_position() -> None:
    stage, x, seen = built(Vector(SEEN)), given(), memory((1, 1, 1))
    one, other = (stage.carry(x, stage.begin(m))[0].values for m in (seen, seen.values[:, 0]))
    assert torch.equal(one, other)


def test_a_memory_reaches_every_position_and_every_weight() -> None:
    stage, seen = built(Sequence(SEEN)), memory()
    seen.values.requires_grad_()
    out, _ = stage.carry(given(), stage.begin(seen))
    out.values.square().sum().backward()
    assert all(parameter.grad.any() for parameter in stage.parameters())
    assert (seen.values.grad != 0).any(-1).equal(seen.visible)


def test_each_place_has_noise_of_its_own_and_each_example_the_same_in_any_batch() -> None:
    stage, x, seen = built(Sequence(SEEN), dropout=0.3), given(), memory()
    drops = [part for part in stage.modules() if isinstance(part, la.Dropout)]
    assert [part.rate for part in drops] == [0.3] * 6
    assert len({part.place for part in drops}) == 6
    with drawing(0, 1, torch.arange(3)):
        whole, _ = stage.carry(x, stage.begin(seen))
    with drawing(0, 1, torch.arange(1, 3)):
        part, _ = stage.carry(picked(x, torch.arange(1, 3)), stage.begin(picked(seen, torch.arange(1, 3))))
    torch.testing.assert_close(whole.values[1:], part.values, rtol=1e-4, atol=1e-5)
    resting, _ = stage.eval().carry(x, stage.begin(seen))
    assert not torch.allclose(whole.values, resting.values)


def test_branches_start_smaller_the_more_there_are() -> None:
    stage = Transformer(3, heads=1, hidden=400)
    stage.build_about(Sequence(100), Sequence(100))
    stage.initialise(0, "linear")
    for layer in stage.each():
        assert isinstance(layer.across, Across)
        scales = {
            layer.attention.project: 1 / 100, layer.attention.merge: 1 / 900,
            layer.across.project: 1 / 100, layer.across.merge: 1 / 900,
            layer.inner[0]: 2 / 100, layer.inner[2]: 1 / 400 / 9,
        }  # fmt: skip
        for part, variance in scales.items():
            assert part.weight.var().item() == pytest.approx(variance, rel=0.05)
            assert not part.offset.any()


@pytest.mark.parametrize(("about", "norm", "count"), [
    (None, "before", 2 * (4 * 144 + 48 + 2 * 12 * 11 + 23 + 48) + 24),
    (None, "after", 2 * (4 * 144 + 48 + 2 * 12 * 11 + 23 + 48)),
    (Sequence(5), "before", 2 * (4 * 144 + 48 + 2 * 12 * 11 + 23 + 72 + 2 * 144 + 2 * 60 + 48) + 24),
])  # fmt: skip
def test_its_numbers_can_be_counted(about: Kind | None, norm: str, count: int) -> None:
    stage = built(about, norm=norm)
    assert sum(parameter.numel() for parameter in stage.parameters()) == count
    assert stage.multiply_adds() == sum(parameter.numel() for parameter in stage.parameters() if parameter.dim() == 2)


def test_the_inner_width_is_four_times_the_width_unless_it_is_said() -> None:
    assert built(hidden=0).each()[0].inner[0].weight.shape == (48, 12)


def test_it_looks_back_where_it_is_causal_and_always_about_a_memory() -> None:
    assert built(causal=True).looks_back()
    assert not built().looks_back()
    attentions = [part for part in built(Sequence(SEEN)).modules() if isinstance(part, MultiHead)]
    assert [part.causal for part in attentions] == [True, True]


@pytest.mark.parametrize("rotary", [False, True])
def test_only_rotation_tells_the_order_of_positions(rotary: bool) -> None:
    stage, x, order = built(rotary=rotary), given(), torch.tensor([3, 0, 6, 1, 5, 2, 4])
    moved = stage(x._replace(values=x.values[:, order])).values
    assert torch.allclose(moved, stage(x).values[:, order], atol=1e-5) == (not rotary)


@pytest.mark.parametrize("about", [None, Sequence(SEEN)])
def test_a_width_that_its_heads_do_not_divide_is_refused(about: Kind | None) -> None:
    with pytest.raises(KindError) as error:
        built(about, heads=7, hidden=0)
    assert str(error.value) == (
        "Transformer(heads=7, dropout=0.0) cannot follow Sequence(12): 12 is not cut into heads=7 equal parts;"
        " let Sequence(14) come before it, or set heads=6"
    )


def test_tokens_need_vectors_before_it() -> None:
    with pytest.raises(KindError) as error:
        la.build("Transformer() >> Classify()", la.Tokens(11), la.Label(2))
    assert error.value.mistakes[0] == (
        "Transformer() cannot follow Tokens(11): it takes a Sequence; put Embed(64) before it"
    )
