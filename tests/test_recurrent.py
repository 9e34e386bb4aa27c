"""Recurrent layers: against torch's, against plain loops, and what they begin with."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from recurring import BOTH, INPUTS, LENGTH, ONWARD, WIDTH, each, made, rows
from torch import Tensor, nn

import lamina as la
from lamina.chance import drawing, key
from lamina.errors import KindError, SentenceError
from lamina.kinds import Padded, Sequence, Vector
from lamina.layers.recurrence import Gated, LongShortTerm, Recurrence
from lamina.layers.recurrent import BothWays, Layered, Onward, mirrored, turned
from lamina.nets.traits import recurrent
from lamina.sentence import parse


def step(recurrence: Recurrence, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The equations of the docstrings for one position: h, and c where there is one."""
    given = recurrence.input_weight @ x + recurrence.offset
    kept = recurrence.state_weight @ state[0]
    if isinstance(recurrence, LongShortTerm):
        i, f, g, o = (given + kept).chunk(4)
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
    if isinstance(recurrence, Gated):
        (r, z, n), (kept_r, kept_z, kept_n) = given.chunk(3), kept.chunk(3)
        r, z = (r + kept_r).sigmoid(), (z + kept_z).sigmoid()
        return (z * state[0] + (1 - z) * (n + r * (kept_n + recurrence.state_offset)).tanh(),)
    return ((given + kept).tanh(),)


def looped(recurrence: Recurrence, row: list[Tensor]) -> list[Tensor]:
    """One layer in one direction over one row without padding."""
    state = (torch.zeros(WIDTH),) * recurrence.states
    out = []
    for x in row:
        state = step(recurrence, x, state)
        out.append(state[0])
    return out


def by_loops(stage: Layered, x: Padded) -> Tensor:
    """What the stage gives at the visible positions, one after another."""
    found = []
    for values, visible in zip(x.values, x.visible, strict=True):
        row = list(values[visible])
        for layer in range(stage.layers):
            here = stage.recurrences()[layer * stage.ways : (layer + 1) * stage.ways]
            ways = [looped(here[0], row)]
            if isinstance(stage, BothWays):
                ways.append(looped(here[1], row[::-1])[::-1])
            row = [torch.cat(parts) for parts in zip(*ways, strict=True)]
        found += row
    return torch.stack(found)


@each
def test_padded_rows_come_to_what_plain_loops_over_their_visible_parts_come_to(name: str) -> None:
    stage, x = made(name), rows(7, 1, 4, 6, 2)
    out = stage(x)
    expected = by_loops(stage, x)
    torch.testing.assert_close(out.values[x.visible], expected)
    assert out.visible is x.visible
    assert out.values.isfinite().all()
    weights = torch.randn(expected.shape)
    parameters = list(stage.parameters())
    ours = torch.autograd.grad((out.values[x.visible] * weights).sum(), parameters)
    theirs = torch.autograd.grad((expected * weights).sum(), parameters)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@each
def test_rows_of_full_length_come_to_what_torch_has(name: str) -> None:
    stage, ways = made(name, layers=3), 2 if name in BOTH else 1
    theirs = getattr(nn, name.removeprefix("Bi"))(INPUTS, WIDTH, 3, batch_first=True, bidirectional=ways == 2)
    ends = [f"l{layer}{way}" for layer in range(3) for way in ("", "_reverse")[:ways]]
    with torch.no_grad():
        for recurrence, end in zip(stage.recurrences(), ends, strict=True):
            for ours, called in zip(
                recurrence.weights(), ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), strict=True
            ):
                getattr(theirs, f"{called}_{end}").copy_(ours)
    x = rows(7, 7, 7)
    out, state = theirs(x.values)
    torch.testing.assert_close(stage(x).values, out)
    if isinstance(stage, Onward):
        last = state if name == "LSTM" else (state,)
        for layer, parts in enumerate(stage.carry(x, None)[1]):
            for part, whole in zip(parts, last, strict=True):
                torch.testing.assert_close(part, whole[layer])


def test_torch_runs_an_lstm_on_padded_rows_in_one_piece() -> None:
    out = made("LSTM", layers=1)(rows(7, 3)).values
    names, found = [out.grad_fn], set()
    while names:
        node = names.pop()
        found.add(node.name())
        names += [after for after, _ in node.next_functions if after is not None]
    assert any("MkldnnRnnLayer" in name for name in found) or not torch.backends.mkldnn.is_available()


@each
def test_gradients_stop_at_padding_and_it_changes_none(name: str) -> None:
    stage, x = made(name), rows(7, 3, 5)
    found = []
    for noise in (0.0, 1e4):
        values = x.values.masked_fill(~x.visible[..., None], noise).requires_grad_()
        out = stage(x._replace(values=values)).values[x.visible]
        found.append(torch.autograd.grad(out.square().sum(), [values, *stage.parameters()]))
    assert not found[0][0][~x.visible].any()
    assert found[0][0][x.visible].all()
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@each
def test_a_row_that_is_all_hidden_does_no_harm(name: str) -> None:
    stage, x = made(name), rows(7, 0, 4)
    values = x.values.requires_grad_()
    out = stage(x._replace(values=values)).values
    assert out.isfinite().all()
    torch.testing.assert_close(out[x.visible], by_loops(stage, x))


@pytest.mark.parametrize(
    ("sentence", "parameters"),
    [
        ("RNN(5)", 5 * 3 + 5 * 5 + 5),
        ("LSTM(5)", 4 * (5 * 3 + 5 * 5 + 5)),
        ("GRU(5)", 3 * (5 * 3 + 5 * 5 + 5) + 5),
        ("LSTM(5, layers=2)", 4 * (5 * 3 + 5 * 5 + 5) + 4 * (5 * 5 + 5 * 5 + 5)),
        ("BiRNN(5)", 2 * (5 * 3 + 5 * 5 + 5)),
        ("BiLSTM(5, layers=2)", 8 * (5 * 3 + 5 * 5 + 5) + 8 * (5 * 10 + 5 * 5 + 5)),
        ("BiGRU(5)", 2 * (3 * (5 * 3 + 5 * 5 + 5) + 5)),
    ],
)
def test_parameters_are_as_many_as_on_paper(sentence: str, parameters: int) -> None:
    stage = parse(sentence)
    stage.build(Sequence(3))
    assert sum(parameter.numel() for parameter in stage.parameters()) == parameters
    offsets = sum(parameter.numel() for parameter in stage.parameters() if parameter.dim() == 1)
    assert stage.multiply_adds() == parameters - offsets
    assert not list(stage.buffers())


@each
def test_first_weights_are_orthogonal_along_a_row_and_glorots_across(name: str) -> None:
    stage = getattr(la, name)(53, layers=2)
    stage.build(Sequence(31))
    stage.place = key("here")
    stage.initialise(0, "linear")
    for recurrence in stage.recurrences():
        inputs = recurrence.input_weight.shape[1]
        limit = math.sqrt(6 / (inputs + 53))
        for weight in recurrence.input_weight.chunk(recurrence.gates):
            assert 0.99 * limit < weight.abs().max() <= limit
            assert weight.var().item() == pytest.approx(limit**2 / 3, rel=0.1)
        for weight in recurrence.state_weight.chunk(recurrence.gates):
            torch.testing.assert_close(weight @ weight.T, torch.eye(53), atol=1e-5, rtol=0)
        offset = torch.zeros(recurrence.gates, 53)
        if "LSTM" in name:
            offset[1] = 1
        assert torch.equal(recurrence.offset, offset.flatten())
    seen = [weight for part in stage.recurrences() for weight in part.state_weight.chunk(part.gates)]
    assert all(not torch.equal(one, other) for place, one in enumerate(seen) for other in seen[:place])


def test_an_lstm_with_a_span_starts_to_remember_for_times_up_to_it() -> None:
    stage = la.build("LSTM(1009, layers=2, span=101) >> Last() >> Regress()", Sequence(3), la.Value(1)).body[0]
    for recurrence in stage.recurrences():
        i, f, g, o = recurrence.offset.detach().chunk(4)
        assert torch.equal(i, -f)
        assert not g.any()
        assert not o.any()
        lasting = f.exp()  # a number of c decays to 1 / e in about so many positions
        assert 1 <= lasting.min() < 2
        assert 99 < lasting.max() <= 100.001
        assert lasting.mean().item() == pytest.approx(50.5, abs=3)
    one, other = (recurrence.offset for recurrence in stage.recurrences())
    assert not torch.equal(one, other)


@each
def test_dropout_lies_between_layers_with_noise_of_its_own_for_each(name: str) -> None:
    stage, x = made(name, layers=3, dropout=0.5).train(), rows(7, 7)
    before = torch.get_rng_state()
    with drawing(0, 1, torch.arange(2)):
        ones = torch.ones(2, LENGTH, stage.ways * WIDTH)
        masks = [stage.dropped(ones, layer) for layer in range(3)]
        out = stage(x).values
        for number, part in enumerate(stage.eval().recurrences()):
            part.train(number % 2 == 0)  # torch's kernels must not drop anything themselves
        h = x.values
        for layer in range(3):
            read = h * masks[layer] if layer else h
            here = stage.recurrences()[layer * stage.ways : (layer + 1) * stage.ways]
            parts = [here[0](read, None)[0]]
            if stage.ways == 2:
                parts.append(here[1](read.flip(1), None)[0].flip(1))
            h = torch.cat(parts, -1)
    torch.testing.assert_close(out, h)
    assert torch.equal(before, torch.get_rng_state())
    assert masks[0] is ones
    assert not torch.equal(masks[1], masks[2])
    assert set(masks[1].unique().tolist()) == {0, 2}
    assert torch.equal(stage.dropped(ones, 1), ones)  # at rest


def test_as_much_is_dropped_as_was_asked_for() -> None:
    stage = made("LSTM", dropout=0.3).train()
    with drawing(0, 1, torch.arange(101)):
        kept = stage.dropped(torch.ones(101, 211, WIDTH), 1)
    assert (kept == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert kept.max().item() == pytest.approx(1 / 0.7)


def test_a_visible_part_turned_round_twice_is_as_it_was() -> None:
    visible = torch.arange(5) < torch.tensor([5, 1, 3, 0])[:, None]
    x = torch.arange(20.0).view(4, 5, 1)
    mirror = mirrored(visible)
    assert turned(x, mirror)[..., 0].tolist() == [
        [4, 3, 2, 1, 0],
        [5, 6, 7, 8, 9],
        [12, 11, 10, 13, 14],
        [15, 16, 17, 18, 19],
    ]
    assert torch.equal(turned(turned(x, mirror), mirror), x)


@each
def test_a_built_stage_can_be_copied(name: str) -> None:
    stage, x = made(name), rows(7, 4)
    copied = copy.deepcopy(stage)
    torch.testing.assert_close(copied(x).values, stage(x).values)
    assert {id(parameter) for parameter in stage.parameters()}.isdisjoint(map(id, copied.parameters()))


@each
def test_it_goes_on_only_where_it_looks_back(name: str) -> None:
    net = la.build(getattr(la, name)(WIDTH) >> la.Dense(2) >> la.Last() >> la.Classify(), Sequence(3), la.Label(2))
    body = net.body[0] >> net.body[1]
    assert body.looks_back() == (name in ONWARD)
    assert not net.body.looks_back()
    assert not recurrent(net)
    assert net.body[0].recurrent == (name in ONWARD)


@each
def test_a_net_learns_which_token_came_first(name: str) -> None:
    net = la.build(f"Embed(8) >> {name}(16) >> Last() >> Classify()", la.Tokens(5), la.Label(5))
    tokens = torch.randint(5, (40, 6), generator=torch.Generator().manual_seed(0))
    visible = torch.arange(6) < torch.tensor([2, 3, 4, 6]).repeat(10)[:, None]
    target = tokens[:, 0]
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(150):
        optimizer.zero_grad()
        score = net.score(Padded(tokens, visible), target)
        (score.total / score.count).backward()
        optimizer.step()
    assert (net(Padded(tokens, visible)).argmax(-1) == target).all()


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (
            "LSTM(5, dropout=0.2)",
            "LSTM: dropout works between layers, but layers=1, got dropout=0.2; set layers=2 or more,"
            " or put Dropout() behind it",
        ),
        ("BiGRU(5, layers=0)", "BiGRU: layers must be a whole number at least 1 and at most 1,000, got layers=0"),
        ("RNN(0)", "RNN: width must be a whole number at least 1 and at most 2,147,483,647, got width=0"),
    ],
)
def test_settings_that_make_no_sense_are_named(sentence: str, message: str) -> None:
    with pytest.raises(SentenceError) as error:
        parse(sentence)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Vector(7), "LSTM(5) cannot follow Vector(7): it takes a Sequence"),
        (la.Tokens(7), "LSTM(5) cannot follow Tokens(7): it takes a Sequence; put Embed(64) before it"),
    ],
)
def test_it_takes_positions(given: la.Vector, message: str) -> None:
    with pytest.raises(KindError) as error:
        la.LSTM(5).build(given)
    assert str(error.value) == message


def test_a_recurrence_that_says_nothing_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="Recurrence does not say how it runs"):
        Recurrence(la.LSTM(5), Sequence(3), 3, 5)(torch.zeros(1, 1, 3), None)
