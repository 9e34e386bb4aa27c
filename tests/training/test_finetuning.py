"""Layers of a net that was trained before: which there are, how fast each learns, and from when on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from runs import equal, final, small, watched
from torch import nn

import lamina as la
from lamina.errors import RunError
from lamina.kinds import Kind, Label, Sequence, Tokens, Vector
from lamina.net import Net, build
from lamina.training.finetuning import Thaw, freeze, held_by, layers_of, slowed
from lamina.training.optimizers import SGD, AdamW

SHORT: dict[str, Any] = {"batch": 10, "threads": 1, "display": None}
DATA = small()
NET = "Dense(7) >> BatchNorm() >> Tanh() >> Repeat(2, Dense(7) >> Tanh()) >> Classify()"
"""Three layers: the norm is the first one's."""


def named(net: Net) -> list[set[str]]:
    """The names of the parameters of each layer."""
    names = {id(parameter): name.removeprefix("body.") for name, parameter in net.named_parameters()}
    return [{names[id(parameter)] for parameter in held_by(layer)} for layer in layers_of(net.body.stages)]


@pytest.mark.parametrize(("sentence", "given", "layers"), [
    ("Dense(3) >> BatchNorm() >> ReLU() >> Dense(2)", Vector(5), [{"0.weight", "0.offset", "1.scale", "1.shift"}, {"3.weight", "3.offset"}]),
    ("LayerNorm() >> Dense(3, bias=False)", Vector(5), [{"0.scale", "0.shift", "1.weight"}]),
    ("ReLU() >> Tanh()", Vector(5), []),
    ("Repeat(2, Dense(5, bias=False) >> ReLU())", Vector(5), [{"0.copies.0.weight"}, {"0.copies.2.weight"}]),
], ids=["norm behind", "norm before", "none", "repeated"])  # fmt: skip
def test_a_layer_has_a_matrix_and_what_has_none_belongs_to_one(
    sentence: str, given: Kind, layers: list[set[str]]
) -> None:
    assert named(build(f"{sentence} >> Classify()", given, Label(3))) == layers


@pytest.mark.parametrize(("sentence", "given", "count"), [
    ("BERT(3, 1, 4, longest=7) >> First()", Tokens(11), 4),
    ("Repeat(2, Transformer(3, 1)) >> First()", Sequence(5), 6),
    ("BiLSTM(5, layers=2) >> LSTM(3) >> Last()", Sequence(5), 3),
], ids=["BERT", "nested", "recurrent"])  # fmt: skip
def test_stages_of_many_layers_have_so_many(sentence: str, given: Kind, count: int) -> None:
    net = build(f"{sentence} >> Classify()", given, Label(3))
    layers = named(net)
    assert len(layers) == count
    assert sum(map(len, layers)) == len(list(net.body.parameters())) == len(set.union(*layers))


def test_the_vectors_of_tokens_are_the_lowest_layer_of_a_bert_and_the_uppermost_has_the_last_of_its_encoder() -> None:
    first, second, third = named(build("BERT(2, 1, 4, longest=7) >> First() >> Classify()", Tokens(11), Label(3)))
    assert first == {"0.embed.table", "0.positions.weight", "0.segment", "0.norm.scale", "0.norm.shift"}
    assert all(name.startswith("0.encoder.stack.0.") for name in second)
    assert all(name.startswith("0.encoder.stack.1.") for name in third)


def test_each_layer_learns_at_a_share_of_the_rate_of_the_one_above() -> None:
    def after(decay: float) -> list[torch.Tensor]:
        net = build(NET, Vector(5), Label(2))
        before = [parameter.detach().clone() for parameter in net.parameters()]
        groups = slowed(SGD(0.5).start(net.named_parameters()), net, len(net.body), 0.5, decay)
        x = torch.randn(11, 5, generator=torch.Generator().manual_seed(3))
        net.score(x, torch.arange(11) % 2).total.backward()
        SGD(0.5).update(groups, 0.5)
        return [now.detach() - was for now, was in zip(net.parameters(), before, strict=True)]

    # 4 parameters in the first layer, 2 in each of the others, 2 in the end.
    net = build(NET, Vector(5), Label(2))
    groups = slowed(SGD(0.5).start(net.named_parameters()), net, len(net.body), 0.5, 0.1)
    shares = {name: group.factor for group in groups for name in group.names}
    expected = [*[0.005] * 4, *[0.05] * 2, *[0.5] * 2, *[1.0] * 2]
    torch.testing.assert_close([shares[name] for name, _ in net.named_parameters()], expected)
    for place, (slow, full) in enumerate(zip(after(0.1), after(1.0), strict=True)):
        torch.testing.assert_close(slow, full * (0.01, 0.1, 1.0, 1.0)[max(0, place // 2 - 1)], rtol=1e-4, atol=1e-7)


def test_what_learns_later_counts_its_updates_from_there_on() -> None:
    """Adam's mean is freed of its bias by the number of updates: the first moves each weight by the rate."""
    net = build(NET, Vector(5), Label(2))
    rule = AdamW(0.01, weight_decay=0.0)
    groups = slowed(rule.start(net.named_parameters()), net, len(net.body), 1.0, 1.0, gradual=True)
    thaw = Thaw(net, 0, len(net.body), steps=2)
    x, y = torch.randn(11, 5, generator=torch.Generator().manual_seed(3)), torch.arange(11) % 2
    top = held_by(thaw.layers[-1])[0]
    for step in range(3):
        thaw.to(step)
        net.zero_grad()
        net.score(x, y).total.backward()
        before = top.detach().clone()
        rule.update(groups, 0.01)
        moved = (top.detach() - before).abs()
        expected = 0.01 if step == 2 else 0.0
        torch.testing.assert_close(moved, torch.full_like(moved, expected), rtol=1e-3, atol=0)


def test_layers_thaw_from_above_and_norms_rest_till_then() -> None:
    net = build(NET, Vector(5), Label(2))
    net.train()
    thaw, seen = Thaw(net, 0, len(net.body), steps=2.5), []
    for step in range(9):
        thaw.to(step)
        learning = [all(p.requires_grad for p in held_by(layer)) for layer in thaw.layers]
        assert [p.requires_grad for p in net.end.parameters()] == [True, True]
        assert net.body[1].training == learning[0]
        seen.append(learning)
    f, t = False, True
    assert seen == [[f, f, f]] * 3 + [[f, f, t]] * 2 + [[f, t, t]] * 3 + [[t, t, t]]
    net.eval()
    net.train()
    assert net.body[1].training


def test_what_is_frozen_stays_so_while_the_rest_thaws() -> None:
    net = build("Dense(3) >> Dense(3) >> Classify()", Vector(5), Label(2))
    freeze(net, 1)
    thaw = Thaw(net, 1, 2, steps=1)
    thaw.to(7)
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, True, True, True]


def test_a_net_of_which_nothing_else_learns_begins_with_the_uppermost_layer() -> None:
    net = build("Dense(5) >> Dense(5) >> Classify()", Vector(5), Label(2))
    for parameter in net.end.parameters():
        parameter.requires_grad_(False)
    assert [Thaw(net, 0, 2, steps=1).learning_at(step) for step in range(3)] == [1, 2, 2]


def test_a_share_of_an_epoch_is_not_a_step_late_for_rounding() -> None:
    net = build("Dense(5) >> Dense(5) >> Classify()", Vector(5), Label(2))
    assert 0.14 * 50 > 7
    assert Thaw(net, 0, 2, steps=0.14 * 50).learning_at(7) == 1


# --- runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return la.train(NET, DATA, out=tmp_path_factory.mktemp("begun") / "run", steps=5, rewrite=False, **SHORT).folder


class Dead(BaseException):
    """Ends a run as a crash would."""


RULE: dict[str, Any] = {"epochs": 4, "layer_decay": 0.5, "unfreeze": 0.8, "rewrite": False, **SHORT}


def test_layers_learn_one_after_another_in_a_run(tmp_path: Path, begun: Path) -> None:
    seen = list[int]()

    def see(job: Any, event: Any) -> None:
        if hasattr(event, "number"):
            seen.append(sum(p.requires_grad for p in job.net.body.parameters()))

    la.train(None, DATA, start=begun, out=tmp_path / "run", **(RULE | {"unfreeze": 1.0, "display": watched(see)}))
    count = len(seen) // 4
    assert seen == [0] * count + [2] * count + [4] * count + [8] * count


@pytest.mark.parametrize("step", [1, 5, 9, 14])
def test_a_run_that_thaws_goes_on_exactly(tmp_path: Path, begun: Path, step: int) -> None:
    whole = la.train(None, DATA, start=begun, out=tmp_path / "whole", **RULE)

    def die(job: Any, event: Any) -> None:
        if getattr(event, "number", None) == step:
            job.save()
            raise Dead

    with pytest.raises(Dead):
        la.train(None, DATA, start=begun, out=tmp_path / "cut", **(RULE | {"display": watched(die)}))
    la.resume(tmp_path / "cut", DATA, display=None)
    assert equal(final(tmp_path / "cut"), final(whole.folder))


def test_layers_that_a_run_will_not_reach_are_said(tmp_path: Path, begun: Path) -> None:
    said = list[str]()
    la.train(None, DATA, start=begun, out=tmp_path / "run", say=said.append, **(RULE | {"unfreeze": 3.0}))
    assert "unfreeze: the run ends after 16 steps, before 2 of 3 layers learn" in said


def refused(start: Path | None, folder: Path, **settings: Any) -> str:
    with pytest.raises(RunError) as caught:
        la.train(None, DATA, start=start, out=folder, steps=1, **SHORT, **settings)
    return str(caught.value)


@pytest.mark.parametrize(("settings", "message"), [
    ({"layer_decay": 0.9}, "layer_decay has no effect without start: name a model to start from, or leave it out"),
    ({"unfreeze": 1}, "unfreeze has no effect without start: name a model to start from, or leave it out"),
    ({"layer_decay": 1.5}, "the plan: layer_decay must be a number above 0 and at most 1, got layer_decay=1.5"),
    ({"unfreeze": 0}, "the plan: unfreeze must be a number above 0, got unfreeze=0"),
])  # fmt: skip
def test_settings_that_do_nothing_or_cannot_be_are_refused(tmp_path: Path, settings: dict, message: str) -> None:
    assert message in refused(None, tmp_path / "run", **settings)


@pytest.mark.parametrize(("settings", "message"), [
    ({"freeze": "body", "layer_decay": 0.9}, "layer_decay=0.9 has no effect: all that comes from the start is frozen"),
    ({"freeze": "body", "unfreeze": 1.0}, "unfreeze=1 has no effect: all that comes from the start is frozen"),
])  # fmt: skip
def test_what_has_no_effect_on_a_start_is_refused(tmp_path: Path, begun: Path, settings: dict, message: str) -> None:
    assert message in refused(begun, tmp_path / "run", **settings)


def test_a_decay_over_one_layer_is_refused(tmp_path: Path) -> None:
    start = la.train("Dense(3) >> Tanh() >> Classify()", DATA, out=tmp_path / "first", steps=1, **SHORT).folder
    assert (
        "layer_decay=0.9 has no effect: one layer alone comes from the start and learns; say body_rate instead"
    ) in refused(start, tmp_path / "run", layer_decay=0.9)


def test_modules_of_ones_own_are_a_layer(tmp_path: Path) -> None:
    net = la.build(la.Module(nn.Linear(5, 3), gives=Vector(3)) >> la.Classify(), Vector(5), Label(2))
    assert [len(held_by(layer)) for layer in layers_of(net.body.stages)] == [2]
