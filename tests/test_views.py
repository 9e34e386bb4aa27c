"""Views: what is looked at, and that their mean is what is measured, predicted and calibrated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from runs import stopping_at
from torch import Tensor

import lamina as la
from lamina.data.batches import Batches
from lamina.data.dataset import Column, Dataset
from lamina.errors import KindError, RunError, SentenceError
from lamina.evaluation import evaluate
from lamina.kinds import Image, Label, Padded, Value, Vector
from lamina.sentence import parse_as
from lamina.stage import Flow
from lamina.training.machine import Interrupted
from lamina.views import View, Views, seen


def test_views_have_the_weights_of_their_source() -> None:
    assert Views().all() == (View(0.5, 0, False), View(0.5, 0, True))
    assert Views(flip=False, shift=2).all() == (View(0.5, 0, False), View(0.25, -2, False), View(0.25, 2, False))
    weights = [view.weight for view in Views(shift=1).all()]
    assert weights == [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]


@pytest.mark.parametrize(("view", "expected"), [
    (View(1.0, 0, True), [[3, 2, 1], [6, 5, 4], [9, 8, 7]]),
    (View(1.0, 1, False), [[5, 4, 5], [2, 1, 2], [5, 4, 5]]),
    (View(1.0, -1, False), [[5, 6, 5], [8, 9, 8], [5, 6, 5]]),
    (View(1.0, -1, True), [[5, 6, 5], [8, 9, 8], [5, 6, 5]]),
    (View(1.0, 2, True), [[7, 8, 9], [4, 5, 6], [1, 2, 3]]),
])  # fmt: skip
def test_a_view_is_shifted_and_mirrored(view: View, expected: list[list[int]]) -> None:
    x = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    assert seen(x, view)[0, 0].tolist() == expected
    assert seen(torch.randn(2, 3, 5, 7), view).is_contiguous(memory_format=torch.channels_last)


def net_of(views: Views | None) -> la.Net:
    net = la.build("Dropout(0.5) >> Flatten() >> Dense(7) >> Tanh() >> Classify()", Image(2, 5, 3), Label(3))
    net.views = views
    return net.eval()


def by_hand(net: la.Net, x: Tensor) -> Tensor:
    """The mean of the logits over the six views with a shift of 1."""
    padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
    looks = [(x, 0.25), (padded[:, :, 2:7, 2:5], 0.125), (padded[:, :, 0:5, 0:3], 0.125)]
    bare = torch.nn.Sequential(net.body, net.end)
    return torch.stack([weight * (bare(look) + bare(look.flip(-1))) for look, weight in looks]).sum(0)


def test_the_mean_over_views_is_what_is_scored_predicted_and_measured() -> None:
    net, x, target = net_of(Views(shift=1)), torch.randn(11, 2, 5, 3), torch.arange(11) % 3
    logits = by_hand(net, x)
    torch.testing.assert_close(net(x), logits)
    torch.testing.assert_close(net.predict(x).probabilities, logits.softmax(1))
    nats = F.cross_entropy(logits, target)
    torch.testing.assert_close(net.score(x, target).mean(), nats)
    dataset = Dataset("arrays", Column(x, Image(2, 5, 3)), Column(target, Label(3)))
    tally = evaluate(net, Batches(dataset, torch.arange(11), 5).epoch(0))
    assert tally.measures()["log_loss"].value == pytest.approx(nats.item(), rel=1e-5)
    assert not torch.allclose(net_of(None)(x), logits)


def test_a_net_is_calibrated_by_what_it_will_predict() -> None:
    x, target = torch.randn(31, 2, 5, 3), torch.randn(31, 1)
    nets = [la.build("Flatten() >> Regress()", Image(2, 5, 3), Value(1)).eval() for _ in range(2)]
    nets[0].views = Views(shift=1)
    nets[0].calibrate([(x[:17], target[:17]), (x[17:], target[17:])])
    nets[1].end.calibrate([(nets[0].features(x).detach(), target)])
    torch.testing.assert_close(nets[0].end.radius, nets[1].end.radius)
    nets[1].calibrate([(x, target)])
    assert not torch.allclose(nets[0].end.radius, nets[1].end.radius)


def test_training_sees_one_view() -> None:
    x, target = torch.randn(11, 2, 5, 3), torch.arange(11) % 3
    scores = []
    for views in (None, Views(shift=1)):
        torch.manual_seed(0)
        scores.append(net_of(views).train().score(x, target).total)
    assert torch.equal(scores[0], scores[1])


def test_the_mean_of_positions_keeps_which_are_visible() -> None:
    visible = torch.tensor([[True, True, False]])

    def body(x: Flow) -> Flow:
        assert isinstance(x, Tensor)
        return Padded(x[:, 0].transpose(1, 2), visible)

    mean = Views().mean(body, torch.tensor([[[[1.0, 3.0, 8.0]]]]))
    assert isinstance(mean, Padded)
    assert mean.values.flatten().tolist() == [4.5, 3.0, 4.5]
    assert torch.equal(mean.visible, visible)


@pytest.mark.parametrize(("given", "message"), [
    (Vector(3), "Views(shift=3) looks at pictures, but the inputs are Vector(3): leave the views out"),
    (Image(1, 3, 5), "Views(shift=3) shifts Image(1, 3, 5) out of sight: shift must be below its height and width"),
])  # fmt: skip
def test_views_that_inputs_do_not_have_are_refused(given: la.Kind, message: str) -> None:
    net = la.build("Flatten() >> Classify()", given, Label(2))
    with pytest.raises(KindError) as error:
        net.views = Views(shift=3)
    assert str(error.value) == message
    assert net.views is None


def test_views_of_nothing_else_are_refused() -> None:
    with pytest.raises(SentenceError) as error:
        Views(flip=False)
    text = "Views: flip=False with shift=0 is the picture alone; leave Views out, or give it a shift"
    assert str(error.value) == text
    assert parse_as(Views, "Views(shift=1)") == Views(shift=1)


def images() -> Dataset:
    random = torch.Generator().manual_seed(0)
    inputs, target = torch.randn(150, 2, 5, 3, generator=random), torch.arange(150) % 3
    return Dataset("arrays", Column(inputs, Image(2, 5, 3)), Column(target, Label(3)))


def run_of(folder: object, views: object, **more: Any) -> la.Run:
    more = {"display": None, **more}
    return la.train("Flatten() >> Classify()", images(), epochs=2, out=str(folder), views=views, **more)


def test_a_run_measures_its_test_part_over_its_views(tmp_path: object) -> None:
    plain, viewed = (run_of(f"{tmp_path}/{views}", views) for views in (None, "Views(shift=1)"))
    assert viewed.plan.views == "Views(shift=1)"
    assert run_of(f"{tmp_path}/word", Views(shift=1)).result["test"] == viewed.result["test"]
    assert plain.result["test"] != viewed.result["test"]


@pytest.mark.parametrize(("views", "message"), [
    ("Views(shift=5)", "views: Views(shift=5) shifts Image(2, 5, 3) out of sight: shift must be below its height"),
    ("Views(shfit=1)", "views: Views has no setting 'shfit'; did you mean 'shift'?"),
])  # fmt: skip
def test_a_run_with_views_that_cannot_be_does_not_begin(tmp_path: object, views: str, message: str) -> None:
    with pytest.raises(RunError) as error:
        run_of(tmp_path, views)
    assert message in str(error.value)


def test_a_stopped_run_keeps_its_views_and_refuses_others_that_cannot_be(tmp_path: Path) -> None:
    whole = run_of(tmp_path / "whole", "Views(shift=1)")
    with pytest.raises(Interrupted):
        run_of(tmp_path / "stopped", "Views(shift=1)", display=stopping_at(1))
    toml = tmp_path / "stopped" / "run.toml"
    text = toml.read_text()
    toml.write_text(text.replace("shift=1", "shift=3"))
    with pytest.raises(RunError) as error:
        la.resume(tmp_path / "stopped", images(), display=None)
    assert "views: Views(shift=3) shifts Image(2, 5, 3) out of sight" in str(error.value)
    toml.write_text(text)
    assert la.resume(tmp_path / "stopped", images(), display=None).result["test"] == whole.result["test"]
