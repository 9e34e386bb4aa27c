"""Pretraining layer by layer, and training on few labels."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import dies, digest, entries, equal, final, small, stopping_at, watched

import lamina as la
from lamina.data.dataset import Dataset
from lamina.data.named import load
from lamina.data.sources.arrays import from_arrays
from lamina.errors import RunError
from lamina.kinds import Image, Label, Sequence, Vector
from lamina.nets.layers import layer_misfits, layers_of
from lamina.sentence import parse
from lamina.training import layerwise
from lamina.training.data import all_parts_of
from lamina.training.job import Evaluation, Job
from lamina.training.labels import labelled
from lamina.training.layerwise import pretrained
from lamina.training.log import read_log
from lamina.training.loop import Step
from lamina.training.machine import Interrupted
from lamina.training.result import Run
from lamina.training.weights import load_weights

POINTS = small()
SQUEEZED = from_arrays(POINTS.inputs.values.sigmoid(), POINTS.target.values)
TWO = "Dense(7) >> ReLU() >> Dense(5) >> Tanh() >> Classify()"
NORMED = "Standardize() >> Dense(7) >> BatchNorm() >> ReLU() >> Dropout(0.2) >> Dense(5) >> ReLU() >> Classify()"
MACHINES = "Dense(7) >> Sigmoid() >> Dense(5) >> Sigmoid() >> Classify()"
SHORT: dict[str, Any] = {"batch": 10, "threads": 1, "epochs": 2, "pretrain": "layerwise", "pretrain_epochs": 2}
STEPS = 8
"""Of each layer, and of the net behind them: two passes over 38 rows."""


def trained(folder: Path, net: str = TWO, data: Dataset = POINTS, **settings: Any) -> Run:
    return la.train(net, data, out=folder, **{**SHORT, **settings})


def resumed(folder: Path, data: Dataset, **settings: Any) -> Run:
    return la.resume(folder, (data.inputs.values, data.target.values), **settings)


def same_outcome(folder: Path, other: Path) -> None:
    assert equal(final(folder), final(other))
    assert digest(folder) == digest(other)
    for part in (".", *(path.relative_to(other) for path in (other / "layers").iterdir())):
        assert entries(folder / part) == entries(other / part)
    one, two = pretrained(folder), pretrained(other)
    assert [{**layer, "seconds": 0} for layer in one] == [{**layer, "seconds": 0} for layer in two]


# --- what is a layer ---------------------------------------------------------------------------------------------------


def test_stages_without_weights_and_norms_belong_to_the_layer_before_them() -> None:
    net = la.build(NORMED, Vector(4), Label(3))
    assert [(layer.first, layer.last, str(layer)) for layer in layers_of(net)] == [
        (1, 5, "Dense(7) >> BatchNorm() >> ReLU() >> Dropout(0.2)"),
        (5, 7, "Dense(5) >> ReLU()"),
    ]


def test_a_picture_is_given_back_by_the_way_that_its_code_came() -> None:
    text = (
        "Conv(5) >> ReLU() >> Pool() >> Conv(3) >> ReLU() >> Conv(3, stride=3) >> Flatten() >> Dense(7) >> Classify()"
    )
    layers = layers_of(la.build(text, Image(1, 8, 8), Label(3)))
    assert [str(layer.taught("autoencoder", 0.25, number == 0)) for number, layer in enumerate(layers)] == [
        "Blankout(0.25) >> Conv(5) >> ReLU() >> Pool() >> Reconstruct(UpConv(5), likelihood='bernoulli')",
        "Blankout(0.25) >> Conv(3) >> ReLU() >> Reconstruct()",
        "Blankout(0.25) >> Conv(3, stride=3) >> Reconstruct(UpConv(3))",
        "Blankout(0.25) >> Dense(7) >> Reconstruct()",
    ]
    assert str(layers[-1].taught("autoencoder", 0.0, False)) == "Dense(7) >> Reconstruct()"
    odd = layers_of(la.build("Conv(5, stride=3) >> Flatten() >> Classify()", Image(1, 8, 8), Label(3)))
    assert str(odd[0].taught("autoencoder", 0.0, False)) == "Conv(5, stride=3) >> Reconstruct(Flatten())"


MISFITS: list[tuple[str, Any, str, str]] = [
    (
        "Embed(5) >> Last() >> Dense(3) >> Classify()",
        la.Tokens(11),
        "autoencoder",
        "pretrain: Embed(5) has weights of its own, but only Dense and Conv are trained layer by layer; leave pretrain"
        " out",
    ),
    (
        "Residual(Dense(4)) >> Dense(3) >> Classify()",
        Vector(4),
        "autoencoder",
        "pretrain: Residual(Dense(4)) has weights of its own, but only Dense and Conv are trained layer by layer; write"
        " its layers out",
    ),
    (
        "BatchNorm() >> Dense(3) >> Classify()",
        Vector(4),
        "autoencoder",
        "pretrain: BatchNorm() stands before the first layer; put Standardize() in its place",
    ),
    (
        "Standardize() >> Classify()",
        Vector(4),
        "autoencoder",
        "pretrain: the net has no layer: put Dense or Conv into it",
    ),
    (
        "Dense(3) >> Last() >> Classify()",
        Sequence(4),
        "autoencoder",
        "pretrain: Dense(3) is given Sequence(4): only layers of vectors and pictures are",
    ),
    (
        "Dense(3) >> ReLU() >> Classify()",
        Vector(4),
        "rbm",
        'pretrain: an RBM has Sigmoid() right behind Dense(3); put it there, or choose pretrain_with="autoencoder"',
    ),
    (
        "Dense(3, bias=False) >> Sigmoid() >> Classify()",
        Vector(4),
        "rbm",
        "pretrain: Dense(3, bias=False) has no bias, but an RBM's units have one; leave bias out",
    ),
    (
        "Conv(3) >> Sigmoid() >> Flatten() >> Classify()",
        Image(1, 5, 5),
        "rbm",
        'pretrain: Conv(3) is no layer of an RBM; choose pretrain_with="autoencoder"',
    ),
]


@pytest.mark.parametrize(("net", "given", "machine", "text"), MISFITS, ids=[net for net, *_ in MISFITS])
def test_what_cannot_be_trained_layer_by_layer_is_said(net: str, given: Any, machine: Any, text: str) -> None:
    assert layer_misfits(parse(net), given, Label(3), machine) == [text]


ASKED: list[tuple[dict[str, Any], str]] = [
    ({"pretrain": None, "pretrain_epochs": 3}, "pretrain_epochs has no effect without pretrain"),
    (
        {"pretrain": None, "pretrain_noise": 0.0, "pretrain_epochs": None},
        "pretrain_noise has no effect without pretrain",
    ),
    ({"pretrain": "deep"}, "the plan: pretrain must be one of 'layerwise', got pretrain='deep'"),
    ({"pretrain_with": "vae"}, "the plan: pretrain_with must be one of 'autoencoder', 'rbm', got pretrain_with='vae'"),
    ({"pretrain_noise": 1.0}, "pretrain_noise must be a number at least 0 and below 1, got pretrain_noise=1.0"),
    ({"pretrain_with": "rbm", "pretrain_noise": 0.1}, 'pretrain_noise has no effect with pretrain_with="rbm"; leave'),
    ({"pretrain_optimizer": "Adm(0.1)"}, "pretrain_optimizer: there is no 'Adm'; did you mean 'Adam'?"),
    ({"labels": 39}, "labels must be at most the 38 rows that train, got labels=39"),
    ({"labels": 0}, "the plan: labels must be a whole number at least 1"),
]


@pytest.mark.parametrize(("asked", "text"), ASKED, ids=[text for _, text in ASKED])
def test_a_wish_that_cannot_be_is_refused_before_anything_is_made(
    tmp_path: Path, asked: dict[str, Any], text: str
) -> None:
    with pytest.raises(RunError) as error:
        trained(tmp_path / "run", MACHINES, SQUEEZED, **asked)
    assert text in str(error.value)
    assert not (tmp_path / "run").exists()


def test_pretraining_and_a_start_exclude_each_other(tmp_path: Path) -> None:
    start = trained(tmp_path / "start", pretrain=None, pretrain_epochs=None).folder
    with pytest.raises(RunError) as error:
        trained(tmp_path / "run", start=start)
    assert "pretrain and start both say what the first weights are; leave one of them out" in str(error.value)


def test_numbers_that_are_no_probabilities_are_refused_for_machines(tmp_path: Path) -> None:
    with pytest.raises(RunError) as error:
        trained(tmp_path / "run", MACHINES, POINTS, pretrain_with="rbm")
    assert str(error.value) == (
        "pretrain: an RBM is given numbers from 0 to 1, arrays has others; bring the data to"
        ' [0, 1], or choose pretrain_with="autoencoder"'
    )
    assert not (tmp_path / "run").exists()


# --- what is learned ---------------------------------------------------------------------------------------------------


def layer_weights(run: Path, number: int) -> dict[str, torch.Tensor]:
    (last,) = (run / "layers" / str(number) / "checkpoints").iterdir()
    return load_weights(last / "model.safetensors")


@pytest.mark.parametrize(
    ("net", "machine", "data"), [(TWO, "autoencoder", POINTS), (MACHINES, "rbm", SQUEEZED)], ids=["codes", "machines"]
)
def test_each_layer_learns_from_what_those_before_give_and_the_net_begins_with_them(
    tmp_path: Path, net: str, machine: str, data: Dataset
) -> None:
    seen: list[tuple[str, torch.Tensor, dict[str, torch.Tensor]]] = []

    def see(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Step) and event.number == 1:
            state = {name: tensor.detach().clone() for name, tensor in job.net.state_dict().items()}
            seen.append((job.part, job.dataset.inputs.values, state))

    run = trained(tmp_path / "run", net, data, pretrain_with=machine, optimizer="SGD(1e-30)", display=watched(see))
    assert [part for part, _, _ in seen] == ["layer 1 of 2", "layer 2 of 2", ""]
    place = 1 if machine == "autoencoder" else 0
    first, second = (layer_weights(run.folder, number) for number in (1, 2))
    for number, learned in ((0, first), (2, second)):
        for name in ("weight", "offset"):
            assert torch.equal(seen[2][2][f"body.{number}.{name}"], learned[f"body.{place}.{name}"])
    assert torch.equal(seen[0][1], data.inputs.values)
    code = data.inputs.values @ first[f"body.{place}.weight"].T + first[f"body.{place}.offset"]
    torch.testing.assert_close(seen[1][1], code.relu() if machine == "autoencoder" else code.sigmoid())
    assert not torch.equal(seen[0][2][f"body.{place}.weight"], first[f"body.{place}.weight"])


def test_the_log_and_the_result_keep_the_loss_of_each_layer(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", pretrain_epochs=40)
    told = run.result["pretrained"]
    page = (run.folder / "report.html").read_text()
    for layer in told:
        loss = f"squared error per example {layer['valid']['squared_error_per_example']['value']:.4g}"
        cells = (escape(layer["layer"], quote=False), escape(layer["net"], quote=False), "160", loss)
        assert all(f">{cell}</t" in page for cell in cells)
    assert [(layer["layer"], layer["steps"]) for layer in told] == [
        ("Dense(7) >> ReLU()", 160),
        ("Dense(5) >> Tanh()", 160),
    ]
    for number, layer in enumerate(told, start=1):
        valid = [entry["valid"] for entry in read_log(run.folder / "layers" / str(number)) if "valid" in entry]
        assert len(valid) == 40
        assert layer["valid"]["restoration_loss"]["value"] == pytest.approx(valid[-1]["restoration_loss"])
        assert valid[-1]["restoration_loss"] < valid[0]["restoration_loss"]


def test_layers_learn_from_rows_without_label_and_the_net_from_the_others_alone(tmp_path: Path) -> None:
    seen: dict[str, set[int]] = {}

    def see(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Step):
            seen.setdefault(job.part, set()).update(event.examples.tolist())

    trained(tmp_path / "run", labels=11, display=watched(see))
    assert {part: len(rows) for part, rows in seen.items()} == {"layer 1 of 2": 38, "layer 2 of 2": 38, "": 11}
    assert seen[""] < seen["layer 1 of 2"] == seen["layer 2 of 2"]


def test_labels_change_nothing_for_the_layers(tmp_path: Path) -> None:
    trained(tmp_path / "all")
    trained(tmp_path / "few", labels=11)
    for number in (1, 2):
        assert equal(layer_weights(tmp_path / "all", number), layer_weights(tmp_path / "few", number))


def test_inputs_that_do_not_fit_in_memory_are_made_anew_and_come_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "kept", NORMED).folder
    monkeypatch.setattr(layerwise, "memory_bytes", lambda: 0)
    other = trained(tmp_path / "anew", NORMED).folder
    for name, tensor in final(whole).items():
        torch.testing.assert_close(final(other)[name], tensor, atol=1e-5, rtol=1e-4)


def test_pictures_are_pretrained_too(tmp_path: Path) -> None:
    x = torch.rand(53, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    data = from_arrays(x, torch.arange(53) % 3)
    net = "Conv(5) >> BatchNorm() >> ReLU() >> Pool() >> Conv(3) >> ReLU() >> Flatten() >> Dense(7) >> ReLU() >> Classify()"
    told = trained(tmp_path / "run", net, data).result["pretrained"]
    assert ["bernoulli" in layer["net"] for layer in told] == [True, False, False]


def test_the_part_that_validates_has_a_likelihood_where_it_alone_lies_beyond_one(tmp_path: Path) -> None:
    plan = trained(tmp_path / "first", data=SQUEEZED).plan
    valid = all_parts_of(SQUEEZED, plan).valid
    # Of a row that validates: rows are split by what they hold, so it must go on validating.
    for far in range(2, 50):
        x = SQUEEZED.inputs.values.clone()
        x[valid[0], 0] = far
        data = from_arrays(x, SQUEEZED.target.values)
        parts = all_parts_of(data, plan)
        if valid[0] in parts.valid:
            break
    assert float(x[parts.train].max()) <= 1
    told = trained(tmp_path / "run", data=data).result["pretrained"]
    assert "bernoulli" not in told[0]["net"]


# --- going on ----------------------------------------------------------------------------------------------------------

KINDS: dict[str, tuple[str, Dataset, dict[str, Any]]] = {
    "codes": (NORMED, POINTS, {"labels": 23, "pretrain_noise": 0.4}),
    "machines": (MACHINES, SQUEEZED, {"pretrain_with": "rbm"}),
}


@pytest.mark.parametrize("seconds", [1e-9, 100.0], ids=["with checkpoints", "without"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_in_any_layer_goes_on_to_the_same_bits(tmp_path: Path, kind: str, seconds: float) -> None:
    net, data, settings = KINDS[kind]
    settings = settings | {"checkpoint_seconds": seconds}
    whole, folder = trained(tmp_path / "whole", net, data, **settings).folder, tmp_path / "run"
    dies(lambda display: trained(folder, net, data, display=display, **settings), "layer 1 of 2", 3)
    assert not pretrained_so_far(folder)
    dies(lambda display: resumed(folder, data, display=display), "layer 1 of 2", STEPS)
    dies(lambda display: resumed(folder, data, display=display), "layer 2 of 2", 5)
    assert pretrained_so_far(folder) == 1
    dies(lambda display: resumed(folder, data, display=display), "", 3)
    assert pretrained_so_far(folder) == 2
    resumed(folder, data)
    same_outcome(folder, whole)


def pretrained_so_far(folder: Path) -> int:
    return len(list((folder / "layers").glob("*/result.json")))


def test_a_signal_in_a_layer_names_it_and_the_run(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as stop:
        trained(tmp_path / "run", display=stopping_at(3))
    assert str(stop.value) == (
        f"stopped by SIGTERM after step 3 of layer 1 of 2; `lamina resume {tmp_path / 'run'}` goes on from there"
    )
    said: list[str] = []
    resumed(tmp_path / "run", POINTS, say=said.append)
    same_outcome(tmp_path / "run", trained(tmp_path / "whole").folder)


# --- few labels --------------------------------------------------------------------------------------------------------


def test_few_labels_are_of_each_class_by_its_share_and_fewer_are_among_more() -> None:
    classes = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    data = from_arrays(torch.randn(100, 3, generator=torch.Generator().manual_seed(0)), classes)
    rows = torch.arange(100)
    taken = [labelled(data, rows, count) for count in (10, 20, 50)]
    assert [classes[some].bincount().tolist() for some in taken] == [[6, 3, 1], [12, 6, 2], [30, 15, 5]]
    assert set(taken[0].tolist()) < set(taken[1].tolist()) < set(taken[2].tolist())
    assert not torch.equal(taken[0], labelled(data, rows, 10, seed=1))
    assert torch.equal(labelled(data, rows, 100), rows)


def test_which_labels_are_taken_does_not_depend_on_where_rows_stand() -> None:
    x, y = POINTS.inputs.values, POINTS.target.values
    turned = from_arrays(x.flip(0), y.flip(0))
    rows = torch.arange(53)
    one, other = x[labelled(POINTS, rows, 11)], x.flip(0)[labelled(turned, rows, 11)]
    assert sorted(one.tolist()) == sorted(other.tolist())


def test_few_labels_of_values_are_any() -> None:
    data = from_arrays(POINTS.inputs.values, POINTS.inputs.values[:, 0])
    assert len(labelled(data, torch.arange(53), 13)) == 13


def test_validation_and_test_are_the_same_however_few_labels_there_are(tmp_path: Path) -> None:
    parts: list[tuple[int, ...]] = []

    def see(job: Job, event: Step | Evaluation) -> None:
        parts.append(tuple(map(len, job.shares)))

    few = {"pretrain": None, "pretrain_epochs": None, "steps": 1, "epochs": None}
    trained(tmp_path / "few", labels=13, display=watched(see), **few)
    trained(tmp_path / "all", display=watched(see), **few)
    assert sorted(set(parts)) == [(13, *parts[-1][1:]), (38, *parts[-1][1:])]


def test_the_first_layers_of_an_autoencoder_start_a_classifier_frozen_or_not(tmp_path: Path) -> None:
    digits, plain = load("digits"), {"pretrain": None, "pretrain_epochs": None, "epochs": 1, "batch": 64}
    code = "Flatten() >> Dense(31) >> ReLU()"
    start = trained(tmp_path / "codes", f"{code} >> Reconstruct(likelihood='bernoulli')", digits, **plain).folder
    for name, freeze in (("free", "none"), ("frozen", "body")):
        said: list[str] = []
        run = la.train(
            None if freeze == "body" else f"{code} >> Classify()",
            digits,
            **(SHORT | plain | {"out": tmp_path / name, "start": start, "freeze": freeze, "labels": 101}),
            say=said.append,
        )
        assert run.plan.net == f"{code} >> Classify()"
        assert "starts from" in said[-1]
        assert "the end is new" in said[-1]
        same = torch.equal(final(run.folder)["body.1.weight"], final(start)["body.1.weight"])
        assert same == (freeze == "body")


def test_the_command_pretrains_and_tells_of_each_layer(tmp_path: Path) -> None:
    from command.conftest import called

    net = "Flatten() >> Dense(17) >> ReLU() >> Classify()"
    asked = ("--pretrain", "layerwise", "--pretrain-epochs", 1, "--labels", 50, "--epochs", 1, "--threads", 1)
    said = called("train", "digits", "--net", net, *asked, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    loss = json.loads((tmp_path / "run" / "result.json").read_text())["pretrained"][0]["valid"]["restoration_loss"]
    assert f"layer 1  Dense(17) >> ReLU(): restoration_loss {loss['value']:.4g}\n" in said.out
    assert "layer 1 of 1  step 40 of 40" in said.err
