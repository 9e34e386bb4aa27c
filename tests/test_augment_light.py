"""Augmentation that changes the numbers of pictures: light, turned copies, blots, mixtures."""

from __future__ import annotations

import math

import pytest
import torch
from augmented import pictures, seen_in_training, stage_on
from torch import Tensor

import lamina as la
from lamina.chance import drawing, key, repeatable, uniforms
from lamina.errors import KindError
from lamina.kinds import Image, Label, Targets, Tokens, Value
from lamina.layers.augment.intensity import covariance
from lamina.layers.augment.mix import CutMix, Mixing, span

CPU = torch.device("cpu")


def numbers(examples: int, count: int) -> Tensor:
    """The draws of a stage in `seen_in_training`."""
    with drawing(3, 1, torch.arange(examples)):
        return uniforms(examples, count, key("body.0"), CPU)


def test_brightness_is_added_and_contrast_is_about_the_mean_of_each_channel() -> None:
    x = pictures(5, Image(3, 2, 2))
    drawn = numbers(5, 2)
    out = seen_in_training("Intensity(0.5, 0.3)", x)
    for row, (contrast, brightness) in enumerate(drawn.tolist()):
        for channel in range(3):
            mean = x[row, channel].mean()
            expected = (1 + 0.3 * (2 * contrast - 1)) * (x[row, channel] - mean) + mean + 0.5 * (2 * brightness - 1)
            torch.testing.assert_close(out[row, channel], expected)
    assert not torch.allclose(out[0] - x[0], out[1] - x[1])


def test_colour_noise_has_the_covariance_of_the_training_pixels() -> None:
    random = torch.Generator().manual_seed(0)
    mixing = torch.tensor([[2.0, 0, 0], [1, 1, 0], [0, 0.5, 0.2]])
    x = torch.einsum("dc,bcyx->bdyx", mixing, torch.randn(40, 3, 5, 7, generator=random)) + 7
    known = x.transpose(0, 1).flatten(1).double().cov(correction=0)
    torch.testing.assert_close(covariance([x[:3], x[3:4], x[4:]]), known)
    stage = stage_on("Intensity(0.0, 0.0, pca=0.1)", Image(3, 2, 3))
    stage.learn([x[:17], x[17:]])
    with drawing(0, 1, torch.arange(20011)):
        noise = stage(torch.zeros(20011, 3, 2, 3))
    assert torch.equal(noise, noise[:, :, :1, :1].expand_as(noise))  # one draw for a picture
    torch.testing.assert_close(noise[:, :, 0, 0].T.double().cov(), 0.01 * known, rtol=0.06, atol=0.001)
    assert noise.mean().abs() < 0.01
    assert noise.isfinite().all()


def test_without_colour_noise_no_pass_over_the_data_is_asked_for() -> None:
    def stream() -> object:
        raise AssertionError("begun")
        yield

    stage = stage_on("Intensity()", Image(3, 2, 3))
    stage.learn(stream())  # type: ignore[arg-type]
    assert not stage.state_dict()


def looked_up(picture: Tensor, y: float, x: float, fill: str) -> float:
    """What stands at a place between pixels, by bilinear interpolation, in plain numbers."""
    total = 0.0
    for row, column in [(math.floor(y) + dy, math.floor(x) + dx) for dy in (0, 1) for dx in (0, 1)]:
        weight = (1 - abs(y - row)) * (1 - abs(x - column))
        place = []
        for at, size in ((row, picture.shape[0]), (column, picture.shape[1])):
            while fill == "reflect" and not 0 <= at < size:
                at = -at if at < 0 else 2 * (size - 1) - at
            place.append(at)
        if 0 <= place[0] < picture.shape[0] and 0 <= place[1] < picture.shape[1]:
            total += weight * picture[place[0], place[1]].item()
    return total


@pytest.mark.parametrize("fill", ["zero", "reflect"])
def test_a_picture_is_turned_scaled_and_sheared_as_the_formula_says(fill: str) -> None:
    x = torch.randn(7, 2, 5, 8, generator=torch.Generator().manual_seed(0))
    out = seen_in_training(f"Rotate(90.0, scale=(0.5, 1.5), shear=20.0, fill='{fill}')", x)
    for row, draws in enumerate((2 * numbers(7, 3) - 1).tolist()):
        angle, slant, scale = draws[0] * math.pi / 2, math.tan(draws[1] * math.pi / 9), 1 + draws[2] / 2
        for i in range(5):
            for j in range(8):
                down, across = i - 2.0, j - 3.5
                leant = across + slant * down
                there = (
                    2.0 + (math.sin(angle) * leant + math.cos(angle) * down) / scale,
                    3.5 + (math.cos(angle) * leant - math.sin(angle) * down) / scale,
                )
                for channel in range(2):
                    expected = looked_up(x[row, channel], *there, fill)
                    assert out[row, channel, i, j].item() == pytest.approx(expected, abs=1e-4)


def test_a_picture_of_one_row_cannot_be_turned() -> None:
    with pytest.raises(KindError) as error:
        la.build("Rotate() >> Flatten() >> Classify()", Image(1, 1, 3), Label(2))
    assert str(error.value) == "Rotate() cannot turn Image(1, 1, 3): it needs 2 rows and 2 columns at least"


def test_an_erased_window_has_its_share_and_any_middle() -> None:
    x = pictures(997, Image(2, 8, 8))
    out = seen_in_training("Erase(0.25)", x)
    gone = out == 0
    assert torch.equal(gone[:, 0], gone[:, 1])
    assert torch.equal(out.where(~gone, x), x)
    sizes = gone[:, 0].flatten(1).sum(1)
    assert sizes.max() == 16  # 4 x 4 inside, less at the edge: a middle in the first column leaves 2 x 4
    assert sizes.min() == 4
    rows, columns = gone[:, 0].any(2), gone[:, 0].any(1)
    assert torch.equal(gone[:, 0], rows[:, :, None] & columns[:, None, :])
    assert (gone[:, 0].float().mean(0) > 0.05).all()  # no place is safe


def test_an_erased_window_of_odd_size_has_as_much_on_both_sides_of_its_middle() -> None:
    gone = seen_in_training("Erase(0.36)", pictures(499, Image(1, 5, 5))) == 0
    rows = {tuple(row) for row in gone[:, 0].any(2).int().tolist()}
    assert rows == {(1, 1, 0, 0, 0), (1, 1, 1, 0, 0), (0, 1, 1, 1, 0), (0, 0, 1, 1, 1), (0, 0, 0, 1, 1)}


def test_an_erased_window_may_be_of_many_sizes_and_may_stay_away() -> None:
    gone = seen_in_training("Erase((0.04, 0.36), probability=0.3)", pictures(997, Image(1, 10, 10))) == 0
    sizes = gone[:, 0].flatten(1).sum(1)
    assert sizes.max() == 36
    assert abs(int((sizes > 0).sum()) - 299) < 5 * 14.5


LABEL = Label(3)
MIX = ["Mixup(1.0)", "CutMix(probability=1.0)"]


def mixed_net(sentence: str, end: str = "Classify()", target: la.Kind = LABEL) -> la.Net:
    return la.build(f"{sentence} >> Flatten() >> Dense(5) >> Tanh() >> {end}", Image(2, 3, 5), target)


def mixture(net: la.Net, x: Tensor) -> tuple[Tensor, float, Tensor]:
    """What the body is given after mixing, by hand, in step 1 of seed 3; the share; the partners."""
    stage = net.mixing()
    assert isinstance(stage, Mixing)
    share, partner = stage.pairing(len(x))
    if not isinstance(stage, CutMix):
        return share * x + (1 - share) * x[partner], share, partner
    _, (top, left, bottom, right) = stage.drawn(len(x))
    mixed = x.clone()
    for row in range(len(x)):
        mixed[row, :, top:bottom, left:right] = x[partner[row], :, top:bottom, left:right]
    return mixed, share, partner


@pytest.mark.parametrize("sentence", MIX)
def test_the_loss_of_a_mixture_is_shared_between_both_targets(sentence: str) -> None:
    net, x = mixed_net(sentence).train(), torch.randn(7, 2, 3, 5)
    target = torch.tensor([0, 1, 2, 0, 1, 2, 1])
    with drawing(3, 1, torch.arange(7)):
        score = net.score(x, target)
        mixed, share, partner = mixture(net, x)
        assert torch.allclose(net.body.stages[0](x), mixed)
    net.eval()
    nats = -net(mixed).log_softmax(1)
    expected = sum(share * nats[i, target[i]] + (1 - share) * nats[i, target[partner[i]]] for i in range(7))
    torch.testing.assert_close(score.total, torch.as_tensor(expected))
    assert score.count == 7
    assert sorted(partner.tolist()) == list(range(7))
    assert 0 < share < 1
    torch.testing.assert_close(net.score(x, target).total, -net(x).log_softmax(1)[torch.arange(7), target].sum())


def test_the_share_of_a_cut_mixture_is_the_area_that_stayed() -> None:
    stage = stage_on("CutMix(probability=1.0)", Image(1, 5, 7))
    assert isinstance(stage, CutMix)
    shares = set()
    for step in range(101):
        with drawing(0, step, torch.arange(2)):
            share, partner = stage.pairing(2)
            out = stage(torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 5, 7))
        stayed = (out[0] == 0).float().mean().item() if partner[0] == 1 else share
        assert share == pytest.approx(stayed)
        shares.add(share)
    assert len(shares) > 11


@pytest.mark.parametrize(("middle", "places"), [(0.0, (0, 2)), (0.5, (1, 4)), (0.99, (3, 5))])
def test_a_window_lies_round_its_middle_and_ends_at_the_edge(middle: float, places: tuple[int, int]) -> None:
    assert span(middle, 0.7, 5) == places


def test_a_batch_is_cut_and_mixed_as_often_as_was_asked() -> None:
    stage = stage_on("CutMix(probability=0.3)", Image(1, 29, 31))
    assert isinstance(stage, CutMix)
    shares = []
    for step in range(499):
        with drawing(0, step, torch.arange(2)):
            shares.append(stage.pairing(2).share)
    assert 0.2 < sum(share < 1 for share in shares) / 499 < 0.4


def test_shares_of_a_mixup_are_of_the_beta_distribution() -> None:
    stage = stage_on("Mixup(2.0)", Image(1, 2, 3))
    assert isinstance(stage, Mixing)
    shares = []
    for step in range(997):
        with drawing(0, step, torch.arange(2)):
            shares.append(stage.pairing(2).share)
    found = torch.tensor(shares)
    assert found.mean().item() == pytest.approx(0.5, abs=0.04)
    assert found.var().item() == pytest.approx(0.05, abs=0.01)  # of Beta(2, 2)


@pytest.mark.parametrize("sentence", MIX)
def test_outside_the_loop_loss_and_mixture_agree_too(sentence: str) -> None:
    net, x, target = mixed_net(sentence).train(), torch.randn(7, 2, 3, 5), torch.tensor([0, 1, 2, 0, 1, 2, 1])
    torch.manual_seed(5)
    score = net.score(x, target)
    torch.manual_seed(5)
    with repeatable(7):
        mixed, share, partner = mixture(net, x)
    nats = -net.eval()(mixed).log_softmax(1)
    rows = torch.arange(7)
    expected = share * nats[rows, target].sum() + (1 - share) * nats[rows, target[partner]].sum()
    torch.testing.assert_close(score.total, expected)


def test_several_targets_are_mixed_alike_as_a_tuple_or_side_by_side() -> None:
    net = mixed_net("Mixup(1.0)", "(Classify() + Regress())", Targets((Label(3), Value(2)))).train()
    x, label, value = torch.randn(5, 2, 3, 5), torch.tensor([0, 2, 1, 1, 0]), torch.randn(5, 2)
    scores = []
    for target in ((label, value), torch.cat((label[:, None].float(), value), 1)):
        with drawing(3, 1, torch.arange(5)):
            scores.append(net.score(x, target).total)
    torch.testing.assert_close(scores[0], scores[1])


@pytest.mark.parametrize(("sentence", "target", "message"), [
    ("Residual(Mixup()) >> Flatten()", Label(2),
     "Mixup() changes the targets too: put it into the main chain, not into Residual(Mixup())"),
    ("Mixup() >> CutMix() >> Flatten()", Label(2), "Mixup() and CutMix() would mix what is mixed: leave one of them"),
    ("Mixup() >> Flatten()", Tokens(5), "Mixup() mixes the losses of labels and values, not of Tokens(5): leave it out"),
])  # fmt: skip
def test_a_mixture_that_the_loss_could_not_follow_is_refused(sentence: str, target: la.Kind, message: str) -> None:
    with pytest.raises(KindError) as error:
        la.build(f"{sentence} >> Classify()", Image(1, 2, 3), target)
    assert message in str(error.value)
