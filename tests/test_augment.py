"""Augmentation that moves pictures: what stands where, on paper and against plain loops."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from augmented import pictures, seen_in_training, stage_on
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import lamina as la
from lamina.chance import drawing, epoch
from lamina.data.batches import Batches
from lamina.data.dataset import Column, Dataset
from lamina.errors import KindError, SentenceError
from lamina.kinds import Image, Label, Vector
from lamina.layers.augment.corruption import mirrored
from lamina.layers.augment.crop import Crop, Windows, resampled
from lamina.training.loop import fit
from lamina.training.optimizers import SGD

SMALL = Image(1, 2, 3)
STAGES = (
    "Flip()", "Flip('alternate')", "Shift(2)", "Shift(2, fill='zero')", "Rotate(shear=10.0)", "Rotate(fill='zero')",
    "Intensity()", "Intensity(pca=0.1)", "Erase()", "Mixup()", "CutMix(probability=1.0)",
    "Crop((3, 5))", "Crop((3, 5), padding=1)", "Crop((3, 5), scale=(0.2, 0.9))",
)  # fmt: skip


@pytest.mark.parametrize(
    ("axis", "turned"), [("x", [[3.0, 2, 1], [6, 5, 4]]), ("y", [[4.0, 5, 6], [1, 2, 3]])]
)  # fmt: skip
def test_a_flip_mirrors_half_of_the_pictures_and_leaves_the_others(axis: str, turned: list[list[float]]) -> None:
    picture = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    out = seen_in_training(f"Flip(axis='{axis}')", picture.expand(1009, 1, 2, 3))
    mirrored = [torch.equal(one[0], torch.tensor(turned)) for one in out]
    assert all(turn or torch.equal(one[0], picture) for turn, one in zip(mirrored, out, strict=True))
    assert 425 < sum(mirrored) < 584  # 5 deviations about 504.5


def test_an_alternating_flip_shows_the_other_side_in_each_epoch_whatever_the_step() -> None:
    x = pictures(101, SMALL)
    first, second, third = (seen_in_training("Flip('alternate')", x, step, step - 1) for step in (1, 2, 3))
    assert torch.equal(second, first.flip(-1))
    assert torch.equal(third, first)
    assert not torch.equal(first, x)
    assert not torch.equal(first, x.flip(-1))
    assert torch.equal(seen_in_training("Flip('alternate')", x, step=7), first)
    assert not torch.equal(seen_in_training("Flip('alternate')", x, seed=4), first)
    assert not torch.equal(seen_in_training("Flip()", x, step=7), seen_in_training("Flip()", x, step=8))


@pytest.mark.parametrize("fill", ["reflect", "zero"])
def test_a_shift_moves_a_picture_by_up_to_so_many_places_in_both_directions(fill: str) -> None:
    x = pictures(1, Image(2, 5, 7)).expand(997, -1, -1, -1)
    padded = F.pad(x[:1], (2,) * 4, mode="reflect" if fill == "reflect" else "constant")[0]
    windows = [padded[:, top : top + 5, left : left + 7] for top, left in product(range(5), repeat=2)]
    out = seen_in_training(f"Shift(2, fill='{fill}')", x)
    seen = [[torch.equal(one, window) for window in windows].index(True) for one in out]
    counts = torch.bincount(torch.tensor(seen), minlength=25)
    assert counts.min() > 40 - 5 * 6.3
    assert counts.max() < 40 + 5 * 6.3


@pytest.mark.parametrize(("size", "inside"), [(4, [2, 1, 0, 1, 2, 3, 2, 1]), (3, [2, 1, 0, 1, 2, 1, 0])])
def test_a_mirror_shows_the_edge_once(size: int, inside: list[int]) -> None:
    places = torch.arange(-2, len(inside) - 2)
    assert mirrored(places, size).tolist() == inside


def test_a_shift_as_long_as_the_picture_is_refused() -> None:
    with pytest.raises(KindError) as error:
        la.build("Shift(3) >> Flatten() >> Classify()", Image(1, 5, 3), Label(2))
    text = "Shift(3) shifts Image(1, 5, 3) out of sight: most must be below its height and width"
    assert str(error.value) == text


def test_a_crop_is_any_window_in_training_and_the_middle_one_in_evaluation() -> None:
    x = pictures(1, Image(2, 5, 4)).expand(499, -1, -1, -1)
    windows = [x[0, :, top : top + 3, left : left + 2] for top, left in product(range(3), repeat=2)]
    out = seen_in_training("Crop((3, 2))", x)
    counts = torch.bincount(torch.tensor([[torch.equal(one, w) for w in windows].index(True) for one in out]))
    assert len(counts) == 9
    assert counts.min() > 55 - 5 * 7
    assert torch.equal(stage_on("Crop((3, 2))", Image(2, 5, 4)).eval()(x), x[:, :, 1:4, 1:3])


def test_a_padded_crop_sees_zeros_round_the_picture() -> None:
    x = pictures(1, SMALL)
    stage = stage_on("Crop((4, 5), padding=1)", SMALL).eval()
    framed = [[0.0, 0, 0, 0, 0], [0, 1, 2, 3, 0], [0, 4, 5, 6, 0], [0, 0, 0, 0, 0]]
    assert stage(x)[0, 0].tolist() == framed
    corners = {tuple(one[0, 0].tolist()) for one in seen_in_training("Crop(2, padding=1)", x.expand(997, 1, 2, 3))}
    assert corners == {(0, 0), (0, 1), (1, 2), (2, 3), (3, 0), (0, 4), (4, 5), (5, 6), (6, 0)}


def box(window: Windows, row: int) -> tuple[slice, slice]:
    top, left, height, width = (int(side[row]) for side in window)
    return slice(top, top + height), slice(left, left + width)


@given(st.data())
@settings(max_examples=40)
def test_a_window_is_brought_to_size_as_torch_interpolates_a_copy_of_it(data: st.DataObject) -> None:
    high, wide, height, width = (data.draw(st.integers(1, 11)) for _ in range(4))
    tall, broad = data.draw(st.integers(1, high)), data.draw(st.integers(1, wide))
    top, left = data.draw(st.integers(0, high - tall)), data.draw(st.integers(0, wide - broad))
    x = torch.randn(2, 3, high, wide, dtype=torch.float64)
    window = Windows(*(torch.tensor([float(place)] * 2) for place in (top, left, tall, broad)))
    rows, columns = box(window, 0)
    options = {"mode": "bilinear", "antialias": True, "align_corners": False}
    # In other memory torch 2.13 takes a window of one column for something else, and gives wrong numbers.
    copy = x[:, :, rows, columns].clone(memory_format=torch.channels_last)
    expected = F.interpolate(copy, (height, width), **options)  # type: ignore[arg-type]
    torch.testing.assert_close(resampled(x, window, height, width), expected, atol=1e-5, rtol=1e-5)


def test_windows_have_the_areas_and_shapes_that_were_asked_for() -> None:
    x = torch.zeros(997, 1, 101, 97)
    stage = stage_on("Crop(31, scale=(0.2, 0.6), ratio=(0.5, 2.0))", Image(1, 101, 97))
    assert isinstance(stage, Crop)
    with drawing(0, 1, torch.arange(997)):
        window = stage.windows(x, (0.2, 0.6))
    share, ratio = window.height * window.width / (101 * 97), window.width / window.height
    assert 0.19 < share.min() < 0.22
    assert 0.58 < share.max() < 0.61
    assert 0.48 < ratio.min() < 0.53
    assert 1.9 < ratio.max() < 2.1
    assert window.top.min() == window.left.min() == 0
    assert (window.top + window.height).max() == 101
    assert (window.left + window.width).max() == 97
    assert torch.equal(torch.stack(window), torch.stack(window).floor())
    free = 101 - window.height
    assert (window.top == free)[free > 0].any()  # the last place is one of them
    related = torch.corrcoef(torch.stack((share, window.top / free.clamp(min=1), window.left)))
    assert related[0, 1].abs() < 5 / math.sqrt(997)


@pytest.mark.parametrize(("given", "ratio", "middle"), [
    (Image(1, 4, 12), (0.5, 0.75), [0, 4, 4, 3]), (Image(1, 12, 4), (1.5, 2.0), [4, 0, 3, 4]),
])  # fmt: skip
def test_where_no_window_fits_the_largest_in_the_middle_is_taken(
    given: Image, ratio: tuple[float, float], middle: list[int]
) -> None:
    stage = stage_on(f"Crop(2, scale=(0.9, 1.0), ratio={ratio})", given)
    assert isinstance(stage, Crop)
    window = stage.windows(pictures(3, given), (0.9, 1.0))
    assert torch.stack(window).T.tolist() == [middle] * 3


@pytest.mark.parametrize(("text", "message"), [
    ("Crop(2, ratio=(1.0, 2.0))", "Crop: ratio has no effect without scale; give scale=(0.08, 1.0) or leave it out"),
    ("Crop(2, padding=1, scale=(0.5, 1.0))", "Crop: padding has no effect with scale; leave one of them out"),
    ("Crop(2, scale=(0.5, 0.1))", "Crop: scale is the least and the greatest, got scale=(0.5, 0.1)"),
    ("Rotate(scale=(2.0, 1.0))", "Rotate: scale is the least and the greatest, got scale=(2.0, 1.0)"),
    ("Rotate(0.0)", "Rotate changes nothing: give it degrees, a scale or a shear, or leave it out"),
    ("Erase((0.5, 0.1))", "Erase: share is the least and the greatest, got share=(0.5, 0.1)"),
    ("Intensity(0.0, 0.0)", "Intensity changes nothing: give it brightness, contrast or pca, or leave it out"),
])  # fmt: skip
def test_settings_that_do_not_go_together_are_refused(text: str, message: str) -> None:
    with pytest.raises(SentenceError) as error:
        la.parse(text)
    assert str(error.value) == message


@pytest.mark.parametrize(("sentence", "message"), [
    ("Crop(5)", "Crop(5) is larger than Image(1, 4, 3): make it at most 4 x 3"),
    ("Crop(7, padding=1)", "Crop(7, padding=1) is larger than Image(1, 4, 3) with padding=1: make it at most 6 x 5"),
])  # fmt: skip
def test_a_crop_larger_than_its_picture_is_refused(sentence: str, message: str) -> None:
    with pytest.raises(KindError) as error:
        la.build(f"{sentence} >> Flatten() >> Classify()", Image(1, 4, 3), Label(2))
    assert str(error.value) == message


def test_augmentation_takes_pictures_alone() -> None:
    with pytest.raises(KindError) as error:
        la.build("Flip() >> Classify()", Vector(3), Label(2))
    assert str(error.value) == "Flip() cannot follow Vector(3): it takes an Image"


@pytest.mark.parametrize("sentence", STAGES)
def test_in_evaluation_pictures_stay_as_they_are(sentence: str) -> None:
    x = pictures(3, Image(3, 5, 7))
    out = stage_on(sentence, Image(3, 5, 7)).eval()(x)
    assert torch.equal(out, x[:, :, 1:4, 1:6] if sentence.startswith("Crop") else x)


@pytest.mark.parametrize("sentence", STAGES)
@pytest.mark.parametrize("training", [True, False])
def test_pictures_stay_in_channels_last_memory(sentence: str, training: bool) -> None:
    out = stage_on(sentence, Image(3, 5, 7)).train(training)(pictures(11, Image(3, 5, 7)))
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("sentence", STAGES)
def test_gradients_flow_through_augmentation(sentence: str) -> None:
    stage = stage_on(sentence, Image(2, 5, 7)).double()

    def function(x: Tensor) -> Tensor:
        with drawing(3, 1, torch.arange(2)):
            out: Tensor = stage(x)
        return out

    x = torch.randn(2, 2, 5, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (x,))
    assert torch.autograd.grad(function(x).sum(), x)[0].any()


@pytest.mark.parametrize("sentence", STAGES)
def test_training_outside_the_loop_draws_from_torchs_generator(sentence: str) -> None:
    x, stage = pictures(31, Image(3, 5, 7)), stage_on(sentence, Image(3, 5, 7))

    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        out: Tensor = stage(x)
        return out

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1)) or sentence == "Intensity(pca=0.0)"


def noisy_net() -> la.Net:
    body = "Standardize() >> Flip('alternate') >> Shift(1) >> Rotate() >> Intensity(pca=0.1) >> Erase() >> CutMix()"
    return la.build(f"{body} >> Flatten() >> Classify()", Image(3, 5, 7), Label(2), seed=1)


def batches() -> Batches:
    random = torch.Generator().manual_seed(0)
    inputs = Column(torch.randn(22, 3, 5, 7, generator=random), Image(3, 5, 7))
    target = Column(torch.randint(2, (22,), generator=random), Label(2))
    return Batches(Dataset("arrays", inputs, target), torch.arange(22), size=11, seed=5)


def trained(net: la.Net, done: int, steps: int) -> None:
    optimizer = SGD(0.1)
    groups = optimizer.start(net.named_parameters())
    stream = fit(net.train(), batches().from_step(done), optimizer, groups, lambda step: 0.1, seed=5, done=done)
    for _, step in zip(range(steps), stream, strict=False):
        assert step.applied


def test_training_that_was_interrupted_goes_on_with_the_draws_it_would_have_had() -> None:
    whole, first, rest = noisy_net(), noisy_net(), noisy_net()
    trained(whole, 0, 5)
    trained(first, 0, 3)
    rest.load_state_dict(first.state_dict())
    trained(rest, 3, 2)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, rest.state_dict()[name]), name


def test_the_loop_says_which_epoch_it_is() -> None:
    class Told(la.Stage):
        def build(self, given: la.Image) -> la.Image:
            self.epochs: list[int] = []
            return given

        def forward(self, x: Tensor) -> Tensor:
            self.epochs.append(epoch())
            return x

    net = la.build(Told() >> la.Flatten() >> la.Classify(), Image(3, 5, 7), Label(2))
    trained(net, 1, 4)
    assert net.body.stages[0].epochs[:4] == [0, 1, 1, 2]
    assert epoch() == 0
