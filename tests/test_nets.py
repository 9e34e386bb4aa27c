"""Named nets, towers, and pictures that a net shrinks away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import lamina as la
from lamina.errors import KindError, RunError, SentenceError
from lamina.kinds import Image, Kind, Label, Value, Vector
from lamina.layers.towers import spread
from lamina.nets.composition import Composition, expanded, named_nets, with_parts
from lamina.nets.shrinking import shrunk
from lamina.sentence import parse
from lamina.stage import Chain
from lamina.training.loop import length
from lamina.training.optimizers import AdamW
from lamina.word import same


def sketched(sentence: str, given: Kind) -> tuple[Any, Kind]:
    """A stage that is built without memory for its parameters, and what it gives."""
    stage = parse(sentence)
    with torch.device("meta"):
        return stage, stage.build(given)


def parameters(sentence: str, given: Kind, classes: int) -> int:
    stage, gives = sketched(sentence, given)
    assert isinstance(gives, Vector)
    return sum(parameter.numel() for parameter in stage.parameters()) + classes * (gives.size + 1)


@pytest.mark.parametrize(("sentence", "given", "classes", "count"), [
    ("ResNet(18)", Image(3, 224, 224), 1000, 11_689_512),
    ("ResNet(34)", Image(3, 224, 224), 1000, 21_797_672),
    ("ResNet(50)", Image(3, 224, 224), 1000, 25_557_032),
    ("ResNet(101)", Image(3, 224, 224), 1000, 44_549_160),
    ("ResNet(152)", Image(3, 224, 224), 1000, 60_192_808),
    ("ResNet(20, small=True)", Image(3, 32, 32), 10, 269_722),
    ("ResNet(56, small=True)", Image(3, 32, 32), 10, 853_018),
    ("AlexNet()", Image(3, 224, 224), 1000, 61_100_840),
    ("AlexNet(2)", Image(3, 227, 227), 1000, 60_965_224),
    ("LeNet()", Image(1, 28, 28), 10, 61_706),
])  # fmt: skip
def test_named_nets_have_the_parameters_that_are_known_of_them(
    sentence: str, given: Kind, classes: int, count: int
) -> None:
    assert parameters(sentence, given, classes) == count


def test_the_maps_of_a_residual_net_are_those_of_the_paper() -> None:
    stage, gives = sketched("ResNet(50, pool=False)", Image(3, 224, 224))
    assert gives == Image(2048, 7, 7)
    maps = list(dict.fromkeys(stage.inner.kinds))
    assert maps[1:] == [
        Image(64, 112, 112), Image(64, 56, 56), Image(256, 56, 56), Image(512, 28, 28), Image(1024, 14, 14), gives,
    ]  # fmt: skip
    assert sketched("ResNet(18, stem='small', pool=False)", Image(3, 32, 32))[1] == Image(512, 4, 4)
    assert sketched("ResNet(8, small=True, stem='large', pool=False)", Image(3, 32, 32))[1] == Image(64, 2, 2)
    assert sketched("ResNet(8, small=True, pool=False) >> Grid()", Image(3, 29, 23))[1] == la.Sequence(64)


def plain_residual_net(
    x: Tensor, tensors: Iterator[Tensor], blocks: tuple[int, ...], strides: tuple[int, ...]
) -> Tensor:
    """A small residual net by torch's functions in training, with weights in the order of the paper's layers."""

    def normed(x: Tensor, stride: int = 1) -> Tensor:
        y = F.conv2d(x, next(tensors), stride=stride, padding=1)
        return F.batch_norm(y, None, None, next(tensors), next(tensors), training=True)

    x = normed(x).relu()
    for count, first in zip(blocks, strides, strict=True):
        for number in range(count):
            stride = first if number == 0 else 1
            learned = normed(normed(x, stride).relu())
            new = learned.shape[1] - x.shape[1]
            x = (F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, new // 2, new // 2)) + learned).relu()
    return x.mean((2, 3))


def test_a_small_residual_net_computes_what_its_layers_do_one_by_one() -> None:
    net = la.build("ResNet(14, small=True) >> Regress()", Image(3, 11, 13), Value(2))
    x = torch.randn(5, 3, 11, 13)
    tensors = iter([parameter for _, parameter in net.body.named_parameters()])
    torch.testing.assert_close(net.body(x), plain_residual_net(x, tensors, (2, 2, 2), (1, 2, 2)))
    assert next(tensors, None) is None


def bottleneck(x: Tensor, block: nn.Module, stride: int) -> Tensor:
    """A block of three convolutions by torch's functions in training, the stride in the middle one."""
    tensors = iter([parameter for _, parameter in block.named_parameters()])

    def normed(x: Tensor, stride: int, padding: int) -> Tensor:
        y = F.conv2d(x, next(tensors), stride=stride, padding=padding)
        return F.batch_norm(y, None, None, next(tensors), next(tensors), training=True)

    learned = normed(normed(normed(x, 1, 0).relu(), stride, 1).relu(), 1, 0)
    return (normed(x, stride, 0) + learned).relu()


def test_a_bottleneck_has_its_stride_in_the_middle_and_a_projection_beside_it() -> None:
    word = parse("ResNet(50)")
    assert isinstance(word, la.ResNet)
    block = word.block(3, 2, changes=True)
    assert str(block) == (
        "Residual(Conv(3, size=1, bias=False) >> BatchNorm() >> ReLU() >> Conv(3, stride=2, bias=False) >> BatchNorm()"
        " >> ReLU() >> Conv(12, size=1, bias=False) >> BatchNorm(), shortcut='project') >> ReLU()"
    )
    assert block.build(Image(5, 7, 11)) == Image(12, 4, 6)
    block.initialise(0, "relu")
    x = torch.randn(3, 5, 7, 11)
    torch.testing.assert_close(block(x), bottleneck(x, block, 2))


@pytest.mark.parametrize(("shortcut", "ways"), [
    (None, ["pad", "pad"]), ("'pad'", ["pad", "pad"]), ("'project'", ["project", "project"]),
    ("'project-all'", ["project"] * 6), ("'none'", []),
])  # fmt: skip
def test_a_shortcut_is_where_its_option_has_it(shortcut: str | None, ways: list[str]) -> None:
    text = str(parse(f"ResNet(14, small=True, shortcut={shortcut or 'None'})").expand())
    assert [part.partition("'")[0] for part in text.split("shortcut='")[1:]] == ways[: text.count("shortcut")]
    stage, _ = sketched(f"ResNet(14, small=True, shortcut={shortcut or 'None'})", Image(3, 8, 8))
    blocks = [part for part in stage.modules() if isinstance(part, la.Residual)]
    assert sorted(block.shortcut for block in blocks) == sorted(ways + ["identity"] * (6 - len(ways)) * bool(ways))


def test_larger_residual_nets_project_unless_told_otherwise() -> None:
    assert same(parse("ResNet(18)").expand(), parse("ResNet(18, shortcut='project')").expand())
    assert str(parse("ResNet(50, shortcut='pad')").expand()).count("'pad'") == 4


@pytest.mark.parametrize(("sentence", "message"), [
    ("ResNet(19)", "ResNet: depth must be one of 18, 34, 50, 101, 152, got depth=19"),
    ("ResNet(20)", "ResNet: depth must be one of 18, 34, 50, 101, 152, got depth=20; with small=True it may"),
    ("ResNet(18, small=True)",
     "ResNet: with small=True depth must be 6 n + 2, such as 20, 32, 44, 56 or 110, got depth=18"),
    ("ResNet(2, small=True)",
     "ResNet: with small=True depth must be 6 n + 2, such as 20, 32, 44, 56 or 110, got depth=2"),
    ("AlexNet(3)", "AlexNet: towers must be one of 1, 2, got towers=3"),
    ("Towers(1, ReLU())", "Towers: count must be a whole number at least 2 and at most 1,024, got count=1"),
])  # fmt: skip
def test_a_net_that_nobody_knows_is_refused(sentence: str, message: str) -> None:
    with pytest.raises(SentenceError) as error:
        parse(sentence)
    assert str(error.value).endswith(message)


LARGER = "larger than that, padding included; give larger pictures, take a smaller window, or pool less before it"


@pytest.mark.parametrize(("sentence", "given", "message"), [
    ("LeNet()", Vector(7), "LeNet() cannot follow Vector(7): it takes an Image"),
    ("AlexNet()", Image(3, 32, 32),
     f"AlexNet(): Pool(3, stride=2) cannot follow Image(256, 1, 1): its window of 3 x 3 is {LARGER}"),
    ("LeNet()", Image(1, 7, 28),
     f"LeNet(): Conv(16, size=5, padding=0) cannot follow Image(6, 3, 14): its window of 5 x 5 is {LARGER}"),
])  # fmt: skip
def test_a_named_net_says_which_of_its_stages_does_not_fit(sentence: str, given: Kind, message: str) -> None:
    with pytest.raises(KindError) as error:
        la.build(f"{sentence} >> Classify()", given, Label(3))
    assert str(error.value) == message


def test_pooling_before_the_activation_leaves_alexnet_what_it_is() -> None:
    net = parse("AlexNet()").expand()
    assert isinstance(net, Chain)
    assert str(net) == (
        "Conv(64, size=11, stride=4, padding=2) >> Pool(3, stride=2) >> ReLU() >> Conv(192, size=5) >> Pool(3, stride=2)"
        " >> ReLU() >> Conv(384) >> ReLU() >> Conv(256) >> ReLU() >> Conv(256) >> Pool(3, stride=2) >> ReLU() >> Flatten()"
        " >> Dropout() >> Dense(4096) >> ReLU() >> Dropout() >> Dense(4096) >> ReLU()"
    )


def test_the_two_sides_of_alexnet_meet_before_the_third_convolution_and_the_dense_layers() -> None:
    assert str(parse("AlexNet(2)").expand()) == (
        "Towers(2, Conv(48, size=11, stride=4, padding=0) >> ReLU() >> LocalResponseNorm() >> Pool(3, stride=2) >>"
        " Conv(128, size=5) >> ReLU() >> LocalResponseNorm() >> Pool(3, stride=2), split=False) >> Towers(2, Conv(192) >>"
        " ReLU() >> Conv(192) >> ReLU() >> Conv(128) >> Pool(3, stride=2) >> ReLU(), split=False) >> Flatten() >> Towers(2,"
        " Dense(2048) >> ReLU(), split=False) >> Dropout() >> Towers(2, Dense(2048) >> ReLU(), split=False) >> Dropout()"
    )


def test_a_named_net_is_expanded_wherever_it_stands() -> None:
    lenet = str(parse("LeNet()").expand())
    assert str(expanded(parse("Repeat(2, LeNet()) >> Classify()"))) == f"Repeat(2, {lenet}) >> Classify()"
    assert [str(part) for part in named_nets(parse("LeNet() >> Residual(LeNet() >> ResNet(18)) >> Classify()"))] == [
        "LeNet()", "ResNet(18)",
    ]  # fmt: skip
    net = la.build("LeNet() >> Classify()", Image(1, 28, 28), Label(10))
    assert net.expanded() == f"{lenet} >> Classify()"
    assert net.sentence() == "LeNet() >> Classify()"


def test_a_sentence_without_change_stays_the_very_same() -> None:
    stage = parse("Repeat(2, Residual(Dense(5) >> ReLU()))")
    assert with_parts(stage, lambda part: part) is stage
    assert expanded(stage) is stage


def test_an_expansion_learns_as_the_named_net_does() -> None:
    net = la.build("LeNet() >> Classify()", Image(1, 13, 17), Label(3))
    other = la.build(net.expanded(), Image(1, 13, 17), Label(3))
    other.load_state_dict({name.replace("body.0.inner.", "body."): t for name, t in renamed(net).items()})
    x, y = torch.randn(5, 1, 13, 17), torch.tensor([0, 1, 2, 1, 0])
    for each in (net, other):
        each.score(x, y).mean().backward()
    gradients = [[parameter.grad for parameter in each.parameters()] for each in (net, other)]
    torch.testing.assert_close(*gradients, rtol=0, atol=0)
    assert net.multiply_adds() == other.multiply_adds()


def renamed(net: nn.Module) -> dict[str, Tensor]:
    return dict(net.state_dict())


def test_the_first_weights_of_a_named_net_suit_what_follows_in_it() -> None:
    net = la.build("ResNet(8, small=True) >> Classify()", Image(16, 8, 8), Label(3))
    first = next(net.parameters())
    assert first.var().item() == pytest.approx(2 / (16 * 9), rel=0.1)


def test_a_composition_that_says_nothing_is_named() -> None:
    with pytest.raises(NotImplementedError, match="Composition does not say what it is made of"):
        Composition()


class Late(Composition):
    """A named net whose second stage takes statistics of what the first gives."""

    def expand(self) -> la.Stage:
        return la.MeanPool() >> la.Standardize() >> la.Flatten()


def test_a_stage_within_a_named_net_takes_its_statistics() -> None:
    x, y = torch.randn(53, 3, 7, 5), torch.randint(3, (53,))
    named, plain = (
        la.build(sentence >> la.Classify(), Image(3, 7, 5), Label(3)) for sentence in (Late(), Late().expand())
    )
    for net in (named, plain):
        net.learn(lambda: [(x[:20], y[:20]), (x[20:], y[20:])])
    assert torch.equal(named.body(x), plain.body(x))
    assert named.body(x).mean().item() == pytest.approx(0, abs=1e-6)
    assert not Late.learns
    assert not parse("LeNet()").learns


def test_a_named_net_that_takes_statistics_stands_in_the_main_chain() -> None:
    with pytest.raises(KindError) as error:
        la.build(la.Residual(Late()) >> la.Classify(), Image(3, 7, 5), Label(3))
    assert "Late() learns from the data as it comes: put it into the main chain, not into Residual(Late())" in str(
        error.value
    )


# --- towers ------------------------------------------------------------------------------------------------------------


def test_two_towers_are_a_grouped_convolution() -> None:
    towers, grouped = parse("Towers(2, Conv(5))"), parse("Conv(10, groups=2)")
    for stage in (towers, grouped):
        assert stage.build(Image(6, 7, 11)) == Image(10, 7, 11)
    with torch.no_grad():
        grouped.weight.copy_(torch.randn(10, 3, 3, 3))
        grouped.offset.copy_(torch.randn(10))
        for number, copy in enumerate(towers.copies):
            copy.weight.copy_(grouped.weight[5 * number : 5 * number + 5])
            copy.offset.copy_(grouped.offset[5 * number : 5 * number + 5])
    x = torch.randn(3, 6, 7, 11)
    torch.testing.assert_close(towers(x), grouped(x))
    assert towers.multiply_adds() == grouped.multiply_adds()
    towers.spread(("cpu", "cpu"))
    torch.testing.assert_close(towers(x), grouped(x))
    towers(x).sum().backward()
    grouped(x).sum().backward()
    gradients = torch.cat([copy.weight.grad for copy in towers.copies])
    torch.testing.assert_close(gradients, grouped.weight.grad)


def test_towers_that_see_all_are_one_dense_layer() -> None:
    towers = parse("Towers(3, Dense(5), split=False)")
    assert towers.build(Vector(7)) == Vector(15)
    towers.initialise(0, "relu")
    x = torch.randn(11, 7)
    weight = torch.cat([copy.weight for copy in towers.copies])
    torch.testing.assert_close(towers(x), x @ weight.T)


def test_towers_begin_with_weights_of_their_own() -> None:
    net = la.build("Towers(2, Dense(5)) >> Classify()", Vector(6), Label(3))
    one, other = net.body[0].copies
    assert not torch.equal(one.weight, other.weight)


def test_towers_keep_pictures_with_their_channels_last_in_memory() -> None:
    stage = parse("Towers(2, Conv(5) >> ReLU())")
    stage.build(Image(6, 7, 11))
    x = torch.randn(3, 6, 7, 11).contiguous(memory_format=torch.channels_last)
    assert stage(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("sentence", "given", "message"), [
    ("Towers(2, Conv(5))", Image(3, 5, 7),
     "Towers(2, Conv(5)) cannot follow Image(3, 5, 7): 3 is not divided by count=2; let another width come before it, or"
     " give all to each, with split=False"),
    ("Towers(2, Grid())", Image(4, 5, 7), "Towers(2, Grid()) joins pictures or vectors, not Sequence(2): put Grid() behind it"),
    ("Towers(2, Dense(5))", la.Sequence(4), "Towers(2, Dense(5)) cannot follow Sequence(4): it takes an Image or a Vector; put Last() or Mean() before it"),
])  # fmt: skip
def test_towers_that_do_not_fit_are_refused(sentence: str, given: Kind, message: str) -> None:
    with pytest.raises(KindError) as error:
        parse(sentence).build(given)
    assert str(error.value) == message


def test_towers_stand_on_the_devices_that_are_named() -> None:
    stage = parse("Towers(2, Dense(5))")
    stage.build(Vector(6))
    with pytest.raises(RunError) as error:
        stage.spread(["cpu"])
    assert str(error.value) == "Towers(2, Dense(5)) has 2 copies, got 1 devices; name one for each"
    stage.spread(["cpu", "meta"])
    assert stage.homes(torch.device("cpu")) == [torch.device("cpu"), torch.device("meta")]
    bare = parse("Towers(2, ReLU())")
    bare.build(Vector(6))
    assert bare.homes(torch.device("meta")) == [torch.device("meta")] * 2


def test_parameters_of_two_devices_are_updated_apart() -> None:
    stage = parse("Towers(2, Dense(5))")
    stage.build(Vector(6))
    stage.spread(["cpu", "meta"])
    groups = AdamW(0.1).start(stage.named_parameters())
    assert [(group.names, group.weight_decay) for group in groups] == [
        (["copies.0.weight"], 0.01), (["copies.1.weight"], 0.01), (["copies.0.offset"], 0.0), (["copies.1.offset"], 0.0),
    ]  # fmt: skip
    assert all(tensor.device == group.parameters[0].device for group in groups for tensor in group.state["count"])


def test_the_length_of_a_gradient_runs_over_all_its_tensors() -> None:
    assert length([torch.tensor([3.0]), torch.tensor([[0.0, 4.0]])]) == pytest.approx(5.0)


def test_towers_stay_together_where_there_are_too_few_devices() -> None:
    net = la.build("Towers(2, Dense(5)) >> Classify()", Vector(6), Label(3))
    assert not spread(net, ["meta"])
    assert {parameter.device.type for parameter in net.parameters()} == {"cpu"}
    assert spread(net, ["cpu", "meta"])
    assert [parameter.device.type for parameter in net.body.parameters()] == ["cpu", "cpu", "meta", "meta"]
    assert {parameter.device.type for parameter in net.end.parameters()} == {"cpu"}


def test_what_towers_work_on_is_carried_there_and_back() -> None:
    stage = parse("Towers(2, Dense(5))")
    stage.build(Vector(6))
    stage.spread(["meta", "meta"])
    # It arrives, for else the product would be of two devices; and only the way back from nowhere is refused.
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        stage(torch.randn(3, 6))


def test_so_many_towers_within_towers_are_refused_before_they_are_built() -> None:
    with pytest.raises(KindError) as error:
        la.build("Towers(1000, Towers(1000, Dense(5), split=False), split=False) >> Classify()", Vector(6), Label(3))
    assert str(error.value) == "the net has 1,000,001 stages; at most 100,000 can be built"


# --- pictures that shrink away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sentence", "size", "message"), [
    ("ResNet(18)", 32,
     "Conv(512, stride=2, bias=False), convolution 16 of 20, works on a map of 2x2: 56% of its window only ever sees"
     " padding, and 3 more are like it; take larger pictures than 32x32 (--size 64), or fewer strides or pools, or"
     " ResNet(18, stem='small')"),
    ("Conv(5) >> Pool(4) >> Conv(5, padding=2) >> Pool(9) >> Conv(7) >> Conv(7) >> Flatten()", 28,
     "Conv(7), convolution 3 of 4, works on a map of 1x1: 89% of its window only ever sees padding, and one more is like"
     " it; take larger pictures than 28x28 (--size 112), or fewer strides or pools"),
    ("Pool(9) >> Repeat(3, Conv(5)) >> Flatten()", 9,
     "Conv(5), convolution 1 of 3, works on a map of 1x1: 89% of its window only ever sees padding, and 2 more are like it;"
     " take larger pictures than 9x9 (--size 18), or fewer strides or pools"),
    ("Towers(3, Repeat(2, Conv(1, (1, 3)) >> Pool(3))) >> Residual(Conv(3)) >> Flatten()", 9,
     "Conv(3), convolution 3 of 3, works on a map of 1x1: 89% of its window only ever sees padding; take larger pictures"
     " than 9x9 (--size 18), or fewer strides or pools"),
])  # fmt: skip
def test_a_window_that_sees_mostly_padding_is_named_with_the_cure(sentence: str, size: int, message: str) -> None:
    net = la.build(f"{sentence} >> Classify()", Image(3, size, size), Label(2))
    assert shrunk(net) == [message]


@pytest.mark.parametrize(("sentence", "given"), [
    ("ResNet(18, stem='small')", Image(3, 32, 32)),
    ("ResNet(18)", Image(3, 97, 101)),
    ("Conv(5, 1) >> Flatten()", Image(3, 1, 1)),
    ("Conv(5, (1, 3)) >> Flatten()", Image(3, 1, 11)),
    ("Conv(5, 3, padding=0) >> Flatten()", Image(3, 3, 3)),
    ("Conv(5, 31, padding=30) >> Flatten()", Image(3, 1, 1)),
    ("Dense(5)", Vector(3)),
])  # fmt: skip
def test_a_window_that_sees_enough_is_passed_over(sentence: str, given: Kind) -> None:
    assert shrunk(la.build(f"{sentence} >> Classify()", given, Label(2))) == []


def test_no_size_is_advised_where_none_would_do() -> None:
    net = la.build("Conv(5, 99) >> GlobalPool() >> Classify()", Image(3, 1, 1), Label(2))
    assert "larger pictures than 1x1, or fewer strides or pools" in shrunk(net)[0]
