"""The stages over pictures: what they compute, redone by hand or by a plain loop."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lamina.errors import SentenceError
from lamina.kinds import Image, Label, Padded
from lamina.layers.whiten import Whiten
from lamina.net import Net, build, misfits
from lamina.sentence import parse
from lamina.stage import Stage


def built(sentence: str, kind: Image, seed: int = 3) -> Stage:
    stage = parse(sentence)
    stage.build(kind)
    stage.initialise(seed, "linear")
    return stage


def pictures(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


def looped(x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int, groups: int) -> Tensor:
    """A convolution place by place."""
    x = torch.nn.functional.pad(x, (padding,) * 4)
    reach = dilation * (weight.shape[2] - 1) + 1
    rows, columns = ((length - reach) // stride + 1 for length in x.shape[2:])
    out = torch.zeros(len(x), len(weight), rows, columns)
    of_group, each = len(weight) // groups, weight.shape[1]
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride, column * stride
            window = x[:, :, top : top + reach : dilation, left : left + reach : dilation]
            for channel in range(len(weight)):
                first = channel // of_group * each
                out[:, channel, row, column] = (window[:, first : first + each] * weight[channel]).sum((1, 2, 3))
    return out


@settings(max_examples=20)
@given(
    size=st.sampled_from([1, 2, 3]),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
)
def test_a_convolution_is_the_sum_over_each_window(
    size: int, stride: int, padding: int, dilation: int, groups: int
) -> None:
    sentence = f"Conv(4, {size}, {stride}, {padding}, groups={groups}, dilation={dilation})"
    stage = built(sentence, Image(2, 7, 5))
    stage.offset.data.copy_(torch.tensor([1.0, 2.0, 3.0, 5.0]))
    x = pictures(2, 2, 7, 5)
    expected = looped(x, stage.weight, stride, padding, dilation, groups) + stage.offset.view(1, 4, 1, 1)
    torch.testing.assert_close(stage(x), expected)


def test_without_padding_said_a_convolution_keeps_the_size() -> None:
    assert parse("Conv(3, (3, 5), dilation=(2, 1))").build(Image(2, 7, 11)) == Image(3, 7, 11)


def test_a_transposed_convolution_is_the_gradient_of_the_convolution() -> None:
    up, down = built("UpConv(2, 3, 2, 1)", Image(3, 4, 5)), built("Conv(3, 3, 2, 1)", Image(2, 7, 9))
    down.weight.data.copy_(up.weight)
    x = pictures(2, 2, 7, 9).requires_grad_()
    seen = pictures(2, 3, 4, 5)
    (gradient,) = torch.autograd.grad(down(x), x, seen)
    torch.testing.assert_close(up(seen) - up.offset.view(1, 2, 1, 1), gradient)


def test_a_transposed_convolution_starts_with_the_scale_of_its_input() -> None:
    stage = built("UpConv(64)", Image(64, 8, 8))
    assert stage(pictures(20, 64, 8, 8)).std().item() == pytest.approx(1, abs=0.05)


def test_pools_take_the_greatest_and_the_mean_of_each_window() -> None:
    x = torch.arange(20.0).view(1, 1, 4, 5)
    assert built("Pool()", Image(1, 4, 5))(x).tolist() == [[[[6, 8], [16, 18]]]]
    assert built("MeanPool(2)", Image(1, 4, 5))(x).tolist() == [[[[3, 5], [13, 15]]]]
    assert built("Pool(3, stride=2, padding=1)", Image(1, 4, 5))(-x).tolist() == [[[[0, -1, -3], [-5, -6, -8]]]]
    assert built("MeanPool(2, padding=1)", Image(1, 4, 5))(x)[0, 0, 0].tolist() == [0, 0.75, 1.75]
    assert built("GlobalPool()", Image(1, 4, 5))(x).tolist() == [[9.5]]
    assert built("GlobalPool('max')", Image(1, 4, 5))(x).tolist() == [[19]]


def test_a_grid_is_read_row_by_row_and_all_of_it_is_visible() -> None:
    x = pictures(2, 3, 2, 5)
    grid = built("Grid()", Image(3, 2, 5))(x)
    assert isinstance(grid, Padded)
    assert grid.visible.all()
    torch.testing.assert_close(grid.values[:, 7], x[:, :, 1, 2])


def test_local_response_norm_divides_by_its_neighbours() -> None:
    x = pictures(2, 5, 3, 2)
    out = built("LocalResponseNorm(3, alpha=0.3, beta=0.5, k=1.5)", Image(5, 3, 2))(x)
    squares = x[:, 1:4].square().sum(1)
    torch.testing.assert_close(out[:, 2], x[:, 2] / (1.5 + 0.3 / 3 * squares).sqrt())


def test_option_a_takes_every_second_place_and_adds_channels_of_zeros_on_both_sides() -> None:
    x = pictures(2, 2, 5, 4)
    stage = built("Residual(Conv(5, stride=2, init='zeros'), shortcut='pad')", Image(2, 5, 4))
    out = stage(x)
    assert out.shape == (2, 5, 3, 2)
    torch.testing.assert_close(out[:, 1:3], x[:, :, ::2, ::2])
    assert not out[:, :1].any()
    assert not out[:, 3:].any()


def test_a_projection_is_a_strided_map_of_each_place_with_batch_norm() -> None:
    stage = built("Residual(Conv(5, stride=2, init='zeros'), shortcut='project')", Image(2, 5, 4)).eval()
    x = pictures(2, 2, 5, 4)
    weight = stage.way[0].weight[:, :, 0, 0]
    expected = torch.einsum("wc,bcyx->bwyx", weight, x[:, :, ::2, ::2]) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(stage(x), expected)


def test_whitened_windows_have_the_identity_as_covariance() -> None:
    stage = Whiten(2, epsilon=1e-9)
    stage.build(Image(3, 7, 5))
    x = pictures(53, 3, 7, 5)
    x[:, 1] += x[:, 0]
    stage.learn([x[:20], x[20:]])
    out = stage(x)
    axes = out[:, :12].transpose(0, 1).flatten(1)
    torch.testing.assert_close(axes.cov(correction=0), torch.eye(12), atol=1e-3, rtol=0)
    torch.testing.assert_close(out[:, 12:], -out[:, :12])


def test_dirac_starts_as_the_identity_on_the_channels_that_both_sides_have() -> None:
    stage = built("Conv(5, bias=False, init='dirac')", Image(3, 4, 7))
    x = pictures(2, 3, 4, 7)
    out = stage(x)
    torch.testing.assert_close(out[:, :3], x)
    assert out[:, 3:].abs().max() > 0


def test_pictures_flow_channels_last() -> None:
    net: Net = build(
        "Conv(4) >> BatchNorm() >> ReLU() >> Pool() >> Residual(Conv(6), shortcut='pad') >> GlobalPool() >> Classify()",
        Image(3, 8, 6),
        Label(2),
    )
    x = pictures(2, 3, 8, 6).contiguous(memory_format=torch.channels_last)
    for stage in net.body.stages[:-1]:
        x = stage(x)
        assert x.is_contiguous(memory_format=torch.channels_last), stage


def test_multiply_adds_are_those_of_every_place() -> None:
    assert built("Conv(5, 3)", Image(2, 7, 3)).multiply_adds() == 5 * 2 * 9 * 7 * 3
    assert built("UpConv(5, 2)", Image(2, 7, 3)).multiply_adds() == 2 * 5 * 4 * 7 * 3


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("Conv(3, 4)", "Conv: an even size=4 has no middle; say padding=0, or another number"),
        ("Conv(3, groups=2)", "Conv: width=3 is not divided by groups=2"),
        ("Pool(2, padding=2)", "Pool: padding must be at most half of size=2, got padding=2"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(sentence: str, message: str) -> None:
    with pytest.raises(SentenceError) as error:
        parse(sentence)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (
            "Conv(3, 5, padding=0)",
            "Conv(3, size=5, padding=0) cannot follow Image(3, 4, 7): its window of 5 x 5 is larger than that, padding"
            " included; give larger pictures, take a smaller window, or pool less before it",
        ),
        (
            "Conv(4, groups=2)",
            "Conv(4, groups=2) cannot follow Image(3, 4, 7): its channels are not divided by groups=2",
        ),
        (
            "UpConv(3, 2, 1, 3)",
            "UpConv(3, stride=1, padding=3) cannot follow Image(3, 4, 7): its padding cuts everything off; take less",
        ),
        (
            "Residual(Conv(2, stride=2), shortcut='pad')",
            "Residual(Conv(2, stride=2), shortcut='pad') adds its stage's Image(2, 2, 4) to the Image(3, 4, 7) that it"
            " was given: they must be the same; end the inner chain with a stage that gives Image(3, 4, 7), or set"
            " shortcut='project'",
        ),
    ],
)
def test_a_picture_that_does_not_fit_is_refused(sentence: str, message: str) -> None:
    assert misfits(parse(f"{sentence} >> GlobalPool() >> Classify()"), Image(3, 4, 7), Label(2)) == [message]


@pytest.mark.parametrize("sentence", ["Conv(3)", "Whiten(2)"])
def test_what_comes_of_one_channel_has_its_channels_next_to_one_another(sentence: str) -> None:
    apart = torch.rand(2, 1, 5, 7)
    assert apart.stride(1) == 35
    made = built(sentence, Image(1, 5, 7))(apart)
    assert made.stride(1) == 1
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_whitening_bears_with_numbers_far_from_zero() -> None:
    near, far = Whiten(2), Whiten(2)
    for stage in (near, far):
        stage.build(Image(2, 7, 5))
    x = pictures(53, 2, 7, 5)
    near.learn([x[:20], x[20:]])
    far.learn([x[:20] + 1000, x[20:] + 1000])
    y = (x - x.mean()).double()
    windows = torch.nn.functional.unfold(y, 2).transpose(0, 1).flatten(1)
    for stage in (near, far):
        axes = stage.weight[:8].flatten(1).double() @ windows
        torch.testing.assert_close(axes.cov(correction=0), torch.eye(8).double(), atol=0.02, rtol=0)


def test_whitening_has_the_widest_axis_first_and_bears_with_one_of_no_variance() -> None:
    stage = Whiten(1, epsilon=0.01)
    stage.build(Image(3, 5, 7))
    x = pictures(53, 3, 5, 7)
    x[:, 0], x[:, 1] = 3 * x[:, 0], 0
    stage.learn([x])
    axes = stage.weight[:3, :, 0, 0].abs()
    assert axes.argmax(1).tolist() == [0, 2, 1]
    torch.testing.assert_close(axes[2, 1], torch.tensor(10.0), rtol=1e-4, atol=0)  # 1 / sqrt(epsilon)
