"""Starting from other weights: what is taken, adapted, frozen and slowed, and that such runs go on exactly."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import digest, entries, equal, final, small, stopping_at, watched
from torch import Tensor

import lamina as la
from lamina.data.dataset import Dataset
from lamina.data.sources.arrays import from_arrays
from lamina.errors import RunError
from lamina.kinds import Label, Vector
from lamina.net import build
from lamina.training.finetuning import freeze, slowed
from lamina.training.machine import Interrupted
from lamina.training.muon import Muon
from lamina.training.optimizers import SGD, state_tensors
from lamina.training.plan import read_plan
from lamina.training.source import finetuning_optimizer
from lamina.training.start import kernel_for, statistics_for

SHORT: dict[str, Any] = {"batch": 10, "threads": 1, "display": None}
NET = "Standardize() >> Dense(7, bias=False) >> BatchNorm() >> Tanh() >> Dense(5) >> ReLU() >> Classify()"
PICTURES = "Standardize() >> Conv(5, bias=False) >> BatchNorm() >> ReLU() >> GlobalPool() >> Classify()"
DATA = small()
OTHER = (DATA.inputs.values, torch.arange(len(DATA)) % 2)
"""The same points in two classes."""


def pictures(channels: int = 3, size: tuple[int, int] = (7, 5), classes: int = 3) -> Dataset:
    random = torch.Generator().manual_seed(1)
    labels = torch.arange(53) % classes
    return from_arrays(torch.rand(53, channels, *size, generator=random) + labels[:, None, None, None], labels)


@pytest.fixture(autouse=True)
def _elsewhere(within: Path) -> None:
    """Runs without a folder of their own go into a fresh one."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run to start from, on points."""
    return la.train(NET, DATA, out=tmp_path_factory.mktemp("runs") / "first", steps=7, **SHORT).folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run to start from, on pictures."""
    return la.train(PICTURES, pictures(), out=tmp_path_factory.mktemp("runs") / "drawn", steps=7, **SHORT).folder


def first_weights(net: Any, data: Any, folder: Path, **settings: Any) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of a net when its first step comes, and what was said before."""
    seen, said = [], []

    def see(job: Any, event: Any) -> None:
        if not seen:
            seen.append({name: tensor.clone() for name, tensor in job.net.state_dict().items()})

    settings = {**SHORT, "optimizer": "SGD(1e-30)", "display": watched(see), "say": said.append} | settings
    la.train(net, data, out=folder, steps=1, **settings)
    return seen[0], said


def still(tensors: dict[str, Tensor], names: str) -> dict[str, Tensor]:
    """Those under a name, without the running statistics, which the first step moves."""
    return {name: held for name, held in tensors.items() if name.startswith(names) and "running" not in name}


def refused(net: Any, data: Any, **settings: Any) -> str:
    with pytest.raises(RunError) as error:
        la.train(net, data, steps=1, **{**SHORT, **settings})
    return str(error.value)


# --- what is taken -------------------------------------------------------------------------------------------------


def test_without_a_net_the_starts_body_gets_an_end_for_the_target(tmp_path: Path, begun: Path) -> None:
    tensors, said = first_weights(None, OTHER, tmp_path / "run", start=begun)
    theirs = final(begun)
    assert equal(still(tensors, "body."), still(theirs, "body."))
    assert tensors["end.weight"].shape == (2, 5)
    assert read_plan(tmp_path / "run").net == NET
    assert said[0] == f"starts from {begun}: 9 of 11 tensors taken, the end is new (3 -> 2 classes)"


def test_the_same_classes_keep_the_end_too(tmp_path: Path, begun: Path) -> None:
    tensors, said = first_weights(None, DATA, tmp_path / "run", start=str(begun / "model"))
    assert equal(still(tensors, ""), still(final(begun), ""))
    assert said[0] == f"starts from {begun / 'model'}: 11 of 11 tensors taken, the end too"


def test_another_sort_of_target_gets_its_usual_end(tmp_path: Path, begun: Path) -> None:
    points = DATA.inputs.values
    tensors, said = first_weights(None, (points, points[:, :1].numpy()), tmp_path / "run", start=begun)
    assert equal(still(tensors, "body."), still(final(begun), "body."))
    assert read_plan(tmp_path / "run").net.endswith(">> Regress()")
    assert said[0].endswith("9 of 11 tensors taken, the end is new")


def test_a_net_takes_its_first_stages_as_far_as_their_words_are_the_starts(tmp_path: Path, begun: Path) -> None:
    net = "Standardize() >> Dense(7, bias=False) >> BatchNorm() >> Tanh() >> Dense(3) >> ReLU() >> Classify()"
    tensors, said = first_weights(net, DATA, tmp_path / "run", start=begun)
    theirs = final(begun)
    assert torch.equal(tensors["body.1.weight"], theirs["body.1.weight"])
    assert tensors["body.4.weight"].shape == (3, 7)
    assert not torch.equal(tensors["end.offset"], theirs["end.offset"])
    expected = "7 of 11 tensors taken, of 4 of its 6 stages, the end is new (3 -> 3 classes)"
    assert said[0] == f"starts from {begun}: {expected}"


def test_statistics_of_the_start_are_not_taken_anew(tmp_path: Path, begun: Path) -> None:
    moved = (DATA.inputs.values + 100, DATA.target.values)
    tensors, _ = first_weights(None, moved, tmp_path / "run", start=begun)
    assert torch.equal(tensors["body.0.mean"], final(begun)["body.0.mean"])


def test_stages_that_are_new_take_statistics_as_ever(tmp_path: Path, begun: Path) -> None:
    net = "Standardize() >> Dense(7, bias=False) >> Standardize() >> Classify()"
    tensors, _ = first_weights(net, DATA, tmp_path / "run", start=begun)
    assert (tensors["body.2.mean"] != 0).any()


def test_an_average_begins_with_what_was_taken(tmp_path: Path, begun: Path) -> None:
    rates = {"optimizer": "SGD(1e-30)", "average": 0.9}
    run = la.train(None, DATA, start=begun, out=tmp_path / "run", steps=1, **rates, **SHORT)
    assert equal(still(final(run.folder), ""), still(final(begun), ""))


# --- pictures of other channels and sizes --------------------------------------------------------------------------


def test_grey_pictures_give_what_they_gave_when_grey_stood_in_every_channel() -> None:
    random = torch.Generator().manual_seed(2)
    weight, grey = torch.randn(5, 3, 3, 3, generator=random), torch.randn(2, 1, 7, 11, generator=random)
    thrice = torch.conv2d(grey.expand(-1, 3, -1, -1), weight, padding=1)
    torch.testing.assert_close(torch.conv2d(grey, kernel_for(weight, 1), padding=1), thrice)


def test_more_channels_are_the_old_ones_in_turn_scaled_to_their_number() -> None:
    weight = torch.arange(1.0, 4.0).view(1, 3, 1, 1)
    assert kernel_for(weight, 5).flatten().tolist() == pytest.approx([0.6, 1.2, 1.8, 0.6, 1.2])
    assert kernel_for(weight, 2).flatten().tolist() == [1.5, 3.0]
    assert kernel_for(weight, 1).flatten().tolist() == [6.0]
    assert statistics_for(torch.tensor([2.0, 4.0, 9.0]), 1).tolist() == [5.0]
    assert statistics_for(torch.tensor([2.0, 4.0, 9.0]), 5).tolist() == [2.0, 4.0, 9.0, 2.0, 4.0]


@pytest.mark.parametrize("channels", [1, 4])
def test_a_start_on_colour_serves_other_channels(tmp_path: Path, drawn: Path, channels: int) -> None:
    tensors, said = first_weights(None, pictures(channels), tmp_path / "run", start=drawn)
    theirs = final(drawn)
    torch.testing.assert_close(tensors["body.1.weight"], kernel_for(theirs["body.1.weight"], channels))
    torch.testing.assert_close(tensors["body.0.mean"], statistics_for(theirs["body.0.mean"], channels))
    assert torch.equal(tensors["body.2.scale"], theirs["body.2.scale"])
    assert torch.equal(tensors["end.weight"], theirs["end.weight"])
    changed = f"it was trained on Image(3, 7, 5), this is Image({channels}, 7, 5)"
    assert said[0].endswith(f": 9 of 9 tensors taken, the end too; {changed}")


def test_only_the_first_convolution_is_brought_to_other_channels(tmp_path: Path) -> None:
    # The second is given three channels too, whatever the pictures have.
    net = "Conv(3, bias=False) >> ReLU() >> Conv(5, bias=False) >> GlobalPool() >> Classify()"
    start = la.train(net, pictures(), out=tmp_path / "first", steps=1, **SHORT).folder
    tensors, _ = first_weights(None, pictures(1), tmp_path / "run", start=start)
    theirs = final(start)
    assert tensors["body.0.weight"].shape == (3, 1, 3, 3)
    assert torch.equal(tensors["body.2.weight"], theirs["body.2.weight"])


def test_a_start_serves_pictures_of_another_size(tmp_path: Path, drawn: Path) -> None:
    tensors, _ = first_weights(None, pictures(size=(11, 13)), tmp_path / "run", start=drawn)
    assert equal(still(tensors, ""), still(final(drawn), ""))


def test_where_the_pictures_size_is_part_of_the_weights_the_cure_is_named(tmp_path: Path) -> None:
    net = "Flatten() >> Dense(5) >> Classify()"
    start = la.train(net, pictures(), out=tmp_path / "first", steps=1, **SHORT).folder
    assert refused(None, pictures(size=(3, 5)), start=start) == (
        f"start={start}: body.1.weight: expected (5, 45), got (5, 105); it was trained on pictures of 7x5: read them so,"
        " with --size 7x5"
    )
    assert "(5, 35), got (5, 105); it was trained on pictures of 3 channels: read them so" in refused(
        None, pictures(1), start=start
    )


# --- frozen and slowed ---------------------------------------------------------------------------------------------


def test_a_frozen_body_stays_bit_for_bit_and_has_no_gradients(tmp_path: Path, begun: Path) -> None:
    gradients: list[list[bool]] = []

    def see(job: Any, event: Any) -> None:
        gradients.append([parameter.grad is None for parameter in job.net.body.parameters()])
        assert all(parameter.grad is not None for parameter in job.net.end.parameters())

    said: list[str] = []
    settings = {**SHORT, "display": watched(see), "say": said.append, "average": 0.9}
    run = la.train(None, OTHER, start=begun, freeze="body", epochs=3, out=tmp_path / "run", **settings)
    ours, theirs = final(run.folder), final(begun)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs if name.startswith("body."))
    assert "body.2.running_mean" in ours
    assert gradients
    assert all(map(all, gradients))
    assert said[0].endswith("the end is new (3 -> 2 classes); 9 frozen, with the statistics of norms")


def test_a_number_freezes_so_many_stages(tmp_path: Path, begun: Path) -> None:
    run = la.train(None, OTHER, start=begun, freeze=3, epochs=1, out=tmp_path / "run", **SHORT)
    ours, theirs = final(run.folder), final(begun)
    same = {name for name in theirs if name in ours and torch.equal(ours[name], theirs[name])}
    assert same == {name for name in theirs if name.startswith(("body.0.", "body.1.", "body.2."))}


def test_dropout_among_frozen_stages_acts_as_ever_and_norms_rest() -> None:
    net = build("BatchNorm() >> Dropout(0.5) >> BatchNorm() >> Classify()", Vector(7), Label(3))
    freeze(net, 2)
    for _ in range(2):
        assert [stage.training for stage in net.body.stages] == [False, True, True]
        net.eval()
        assert not any(part.training for part in net.modules())
        net.train()
    assert [parameter.requires_grad for parameter in net.parameters()] == [False] * 2 + [True] * 4


@pytest.mark.parametrize("rule", [SGD(0.5), SGD(0.5, momentum=0.9)], ids=str)
def test_what_was_brought_along_learns_at_its_share_of_the_rate(rule: SGD) -> None:
    def after(factor: float) -> list[Tensor]:
        net = build("Dense(5) >> Dense(3) >> Classify()", Vector(7), Label(2))
        before = [parameter.detach().clone() for parameter in net.parameters()]
        groups = slowed(rule.start(net.named_parameters()), net, 1, factor)
        x, y = torch.randn(11, 7, generator=torch.Generator().manual_seed(3)), torch.arange(11) % 2
        net.score(x, y).total.backward()
        rule.update(groups, 0.5)
        return [now.detach() - was for now, was in zip(net.parameters(), before, strict=True)]

    for place, (slow, full) in enumerate(zip(after(0.1), after(1.0), strict=True)):
        torch.testing.assert_close(slow, full * (0.1 if place < 2 else 1.0))


def test_groups_that_were_parted_count_each_for_itself_and_keep_their_names() -> None:
    net = build("Dense(5) >> Dense(3) >> Classify()", Vector(7), Label(2))
    rule = la.AdamW()
    groups = slowed(rule.start(net.named_parameters()), net, 1, 0.5)
    assert [(group.factor, group.weight_decay) for group in groups] == [
        (0.5, 0.01),
        (1.0, 0.01),
        (0.5, 0.0),
        (1.0, 0.0),
    ]
    net.score(torch.ones(2, 7), torch.tensor([0, 1])).total.backward()
    rule.update(groups, 0.01)
    assert [float(group.state["count"][0]) for group in groups] == [1.0] * 4
    assert state_tensors(groups).keys() == state_tensors(rule.start(net.named_parameters())).keys()


def test_the_share_of_the_rate_is_muons_too() -> None:
    net = build("Dense(5) >> Dense(3) >> Classify()", Vector(7), Label(2))
    still_there = [parameter.detach().clone() for parameter in net.parameters()]
    rule = Muon(weight_decay=0.0)
    groups = slowed(rule.start(net.named_parameters()), net, 1, 1e-30)
    net.score(torch.ones(2, 7), torch.tensor([0, 1])).total.backward()
    rule.update(groups, 0.02)
    moved = [float((now.detach() - was).abs().max()) for now, was in zip(net.parameters(), still_there, strict=True)]
    assert max(moved[:2]) < 1e-20
    assert min(moved[2:]) > 1e-4


def test_fine_tuning_is_slower_unless_the_body_rests() -> None:
    assert finetuning_optimizer(None, DATA, 100) == "AdamW(cosine(0.0003, warmup=10))"
    assert finetuning_optimizer(3, DATA, 100) == "AdamW(cosine(0.0003, warmup=10))"
    assert finetuning_optimizer("body", DATA, 100) == "AdamW(cosine(0.003, warmup=10))"


# --- going on ------------------------------------------------------------------------------------------------------

RULE: dict[str, Any] = {"epochs": 3, "freeze": 2, "body_rate": 0.3, "average": 0.8, "patience": 9, **SHORT}


class Dead(BaseException):
    """Ends a run as a crash would."""


def dying_at(step: int) -> Any:
    def see(job: Any, event: Any) -> None:
        if getattr(event, "number", None) == step:
            raise Dead

    return watched(see)


@pytest.fixture(scope="module")
def straight(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fine-tuning run that was never stopped."""
    return la.train(None, OTHER, start=begun, out=tmp_path_factory.mktemp("runs") / "straight", **RULE).folder


@pytest.mark.parametrize("stops", [[1], [4], [2, 5, 9]], ids=str)
def test_fine_tuning_goes_on_to_the_same_bits_without_its_start(
    tmp_path: Path, begun: Path, straight: Path, stops: list[int]
) -> None:
    folder, start = tmp_path / "run", shutil.copytree(begun, tmp_path / "start")
    go: Callable[..., Any] = la.train
    arguments: tuple[Any, ...] = (None, OTHER)
    settings: dict[str, Any] = {**RULE, "start": start, "out": folder}
    for stop in stops:
        with pytest.raises(Interrupted):
            go(*arguments, **{**settings, "display": stopping_at(stop)})
        shutil.rmtree(start, ignore_errors=True)
        go, arguments, settings = la.resume, (folder, OTHER), {}
    go(*arguments, display=None)
    assert digest(folder) == digest(straight)
    assert entries(folder) == entries(straight)


def test_fine_tuning_that_died_before_its_first_checkpoint_reads_its_start_again(
    tmp_path: Path, begun: Path, straight: Path
) -> None:
    folder, start = tmp_path / "run", shutil.copytree(begun, tmp_path / "start")
    with pytest.raises(Dead):
        la.train(None, OTHER, start=start, out=folder, **{**RULE, "display": dying_at(2)})
    hidden = start.rename(tmp_path / "hidden")
    with pytest.raises(RunError, match="holds no model: it has no"):
        la.resume(folder, OTHER, display=None)
    other = la.train(NET, DATA, out=start, steps=3, **SHORT).folder
    with pytest.raises(RunError) as error:
        la.resume(folder, OTHER, display=None)
    text = "is not what it was when the run began; bring that back, or train anew"
    assert str(error.value) == f"start={start} {text}"
    shutil.rmtree(other)
    hidden.rename(start)
    la.resume(folder, OTHER, display=None)
    assert digest(folder) == digest(straight)
    assert entries(folder) == entries(straight)


def test_a_run_that_does_not_say_what_it_took_cannot_go_on(tmp_path: Path, begun: Path) -> None:
    with pytest.raises(Interrupted):
        la.train(None, OTHER, start=begun, out=tmp_path / "run", **{**RULE, "display": stopping_at(2)})
    path = tmp_path / "run" / "run.toml"
    path.write_text(path.read_text().partition("[taken]")[0])
    with pytest.raises(RunError) as error:
        la.resume(tmp_path / "run", OTHER, display=None)
    text = "run.toml does not say what was taken from the start, under [taken]; train anew"
    assert str(error.value) == f"{tmp_path / 'run'}: {text}"


# --- mistakes ------------------------------------------------------------------------------------------------------


def test_a_start_that_is_not_there_is_named_with_other_mistakes(within: Path) -> None:
    assert refused("Dense(3) >> Classify()", DATA, start="models/none", clip=-1) == (
        "the run cannot begin:\n"
        f"  - start={within / 'models' / 'none'} holds no model: it has no model.json; name a model's folder, or that of a"
        " run that has ended\n"
        "  - the plan: clip must be a number above 0, got clip=-1"
    )


@pytest.mark.parametrize(("settings", "message"), [
    ({"freeze": "body"}, "freeze has no effect without start: name a model to start from, or leave it out"),
    ({"freeze": 3}, "freeze has no effect without start: name a model to start from, or leave it out"),
    ({"body_rate": 0.1}, "body_rate has no effect without start: name a model to start from, or leave it out"),
    ({"body_rate": 0.0}, "the plan: body_rate must be a number above 0, got body_rate=0.0"),
    ({"freeze": "end"}, "the plan: freeze must be one of 'none', 'body' or a whole number at least 0 and at most"
     " 2,147,483,647, got freeze='end'"),
])  # fmt: skip
def test_settings_that_do_nothing_or_cannot_be_are_refused(settings: dict, message: str) -> None:
    assert refused(NET, DATA, **settings) == message


@pytest.mark.parametrize(("net", "settings", "message"), [
    ("Dense(7) >> Classify()", {}, "the net has no weights in common with it: it begins 'Standardize()', the net"
     " 'Dense(7) >> Classify()'; name no net, or one that begins like it"),
    (None, {"freeze": 7}, "freeze=7 would keep stages as they were drawn: the net's first 6 stages come from the start, of"
     " 6; freeze at most so many"),
    ("Standardize() >> Dense(7, bias=False) >> Dense(3) >> Classify()", {"freeze": "body"}, "freeze=body would keep stages as they were"
     " drawn: the net's first 2 stages come from the start, of 3; freeze at most so many"),
    (None, {"freeze": "body", "body_rate": 0.1}, "body_rate=0.1 has no effect: all that comes from the start is frozen"),
], ids=["first stage", "too many", "drawn", "rate of nothing"])  # fmt: skip
def test_a_start_that_does_not_fit_the_net_or_the_plan_is_refused(
    tmp_path: Path, begun: Path, net: str | None, settings: dict, message: str
) -> None:
    assert message in refused(net, DATA, start=begun, out=tmp_path / "run", **settings)
    assert not (tmp_path / "run" / "run.toml").exists()


def test_freezing_what_has_no_weights_is_refused(tmp_path: Path) -> None:
    start = la.train("ReLU() >> Dense(3) >> Classify()", DATA, out=tmp_path / "first", steps=1, **SHORT).folder
    message = refused(None, DATA, start=start, freeze=1, out=tmp_path / "run")
    assert message == "freeze=1 has no effect: the first 1 stages have no weights; freeze more"


def test_inputs_of_another_kind_are_refused(begun: Path) -> None:
    message = f"start={begun} takes Vector(4), but arrays has Image(3, 7, 5): start from a model of such inputs"
    assert message in refused(None, pictures(), start=begun)


def test_columns_of_other_names_are_refused(tmp_path: Path) -> None:
    start = la.train("Standardize() >> Classify()", "iris", out=tmp_path / "first", steps=1, **SHORT).folder
    text = refused(None, "wine", start=start)
    assert f"start={start} takes the columns ('sepal length (cm)'," in text
    assert ", but wine has ('alcohol', " in text
    assert text.endswith(": its weights are for others")


def test_tables_that_are_encoded_otherwise_are_refused(write: Callable[..., str], within: Path) -> None:
    write("a,b,y\n" + "".join(f"{row % 7},{'pqr'[row % 3]},{'uv'[row % 2]}\n" for row in range(60)), "one.csv")
    write("a,b,y\n" + "".join(f"{row % 7},{'pqs'[row % 3]},{'uv'[row % 2]}\n" for row in range(60)), "two.csv")
    net = "Standardize() >> Categories(3) >> Dense(5) >> Classify()"
    start = la.train(net, "one.csv", target="y", out=within / "first", steps=1, say=len, **SHORT).folder
    again = la.train(None, "one.csv", target="y", start=start, out=within / "again", steps=1, say=len, **SHORT)
    assert again.result["net"] == net
    with pytest.raises(RunError) as error:
        la.train(None, "two.csv", target="y", start=start, steps=1, say=len, **SHORT)
    assert "two.csv is encoded otherwise than the table that it was trained on; its weights are for" in str(error.value)


def test_a_start_with_stages_of_ones_own_asks_for_its_code(tmp_path: Path) -> None:
    net = la.Module(torch.nn.Linear(4, 5), gives=la.Vector(5)) >> la.Classify()
    start = la.train(net, DATA, out=tmp_path / "first", steps=1, **SHORT).folder
    text = "its net holds stages of your own; load it by lamina.load(folder, net=...) and train its stages"
    assert f"start={start}: {text}" in refused(None, DATA, start=start)


def test_other_scales_of_the_inputs_are_said(tmp_path: Path, drawn: Path) -> None:
    dataset = pictures()
    column = type(dataset.inputs)((dataset.inputs.values * 50).to(torch.uint8), dataset.inputs.kind, 1 / 255)
    told = Dataset("bytes", column, dataset.target, dataset.classes)
    _, said = first_weights(None, told, tmp_path / "run", start=drawn)
    assert said[0].endswith("; its inputs were multiplied by 1, these are by 0.003922")


def test_the_command_starts_from_a_run(within: Path, begun: Path) -> None:
    from command.conftest import called

    np.savez("two.npz", inputs=DATA.inputs.values.numpy(), target=OTHER[1].numpy())
    asked = ("train", "two.npz", "--from", begun, "--freeze", 3, "--body-rate", 0.1, "--steps", 2, "--threads", 1)
    said = called(*asked, "--out", "run")
    assert said.code == 0, said.err
    assert "9 of 11 tensors taken, the end is new (3 -> 2 classes); 7 frozen, with the statistics of norms" in said.err
    plan = read_plan(Path("run"))
    assert (plan.start, plan.freeze, plan.body_rate, plan.net) == (str(begun), 3, 0.1, NET)
    again = called("train", "run/run.toml", "--out", "again")
    assert again.code == 0, again.err
    assert equal(final(Path("run")), final(Path("again")))


def test_seeds_start_from_the_same_weights(tmp_path: Path, begun: Path) -> None:
    several = la.train_seeds(None, DATA, 2, start=begun, freeze="body", steps=3, out=tmp_path / "runs", **SHORT)
    one, two = (final(run.folder) for run in several.runs)
    assert torch.equal(one["body.1.weight"], two["body.1.weight"])


def test_balanced_weights_are_those_of_the_data_at_hand(tmp_path: Path) -> None:
    net, points = "Standardize() >> Dense(5) >> ReLU() >> Classify(weights='balanced')", DATA.inputs.values
    first = la.train(net, DATA, out=tmp_path / "first", steps=3, **SHORT).folder
    labels = torch.arange(len(DATA)).remainder(10).clamp(max=2)
    tensors, said = first_weights(None, (points, labels), tmp_path / "run", start=first)
    assert "the end too" in said[0]
    assert torch.equal(tensors["end.weight"], final(first)["end.weight"])
    weights = tensors["end.class_weight"]
    assert weights[2] < 0.5 < 2 < weights[0]


def test_what_spoils_an_input_is_left_out_where_weights_are_sought(tmp_path: Path) -> None:
    """Wherever it stands, and in either net."""
    noisy = "Blankout(0.3) >> Dense(7) >> GaussianNoise(0.1) >> Tanh() >> Dense(5) >> Reconstruct()"
    start = la.train(noisy, DATA.inputs.values, out=tmp_path / "noisy", steps=2, **SHORT).folder
    held = final(start)
    for number, net in enumerate(
        ("Dense(7) >> Tanh() >> Dense(5) >> ", "Dense(7) >> Blankout(0.2) >> Tanh() >> Dense(5) >> ")
    ):
        first, said = first_weights(f"{net}Classify()", DATA, tmp_path / str(number), start=start)
        torch.testing.assert_close(first["body.0.weight"], held["body.1.weight"])
        last = max(name for name in first if name.startswith("body.") and name.endswith("weight"))
        torch.testing.assert_close(first[last], held["body.4.weight"])
        assert any("4 of" in text for text in said)
