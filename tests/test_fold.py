"""Nets for inference: what is folded gives what the net gave."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import STAGES as EXAMPLES
from examples import Example, inputs
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

import lamina as la
from lamina.fold import Quick, affine, fill_all, fold, folded, parts_of, pieces_of
from lamina.kinds import Image, Kind, Label, Value, Vector
from lamina.layers.norm import BatchNorm
from lamina.net import Net
from lamina.sentence import parse
from lamina.stage import Chain
from lamina.word import same

PICTURE = Image(3, 19, 17)


def trained(sentence: str, given: Kind, negative: bool = True) -> Net:
    """A net whose norms are as if it had been trained."""
    net = la.build(f"{sentence} >> Regress()", given, Value(2))
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in (*net.named_parameters(), *net.named_buffers()):
            if name.endswith("running_variance"):
                tensor.uniform_(0.5, 2, generator=random)
            elif name.startswith("body") and tensor.dim() == 1:
                low = 0.1 if name.endswith("scale") and not negative else -1
                tensor.uniform_(low, 1, generator=random)
    return net.eval()


def some(given: Kind, examples: int = 5) -> Tensor:
    return inputs(given, examples)


def check(sentence: str, becomes: str, given: Kind = PICTURE, negative: bool = True) -> tuple[str, ...]:
    net = trained(sentence, given, negative)
    made, gains = fold(net)
    assert made.sentence() == f"{becomes} >> Regress()"
    x = some(given)
    with torch.inference_mode():
        torch.testing.assert_close(made(x), net(x), rtol=1e-4, atol=1e-5)
    again = la.build(made.sentence(), given, Value(2))
    again.load_state_dict(made.state_dict())
    torch.testing.assert_close(again.eval()(x), made(x))
    return gains


@pytest.mark.parametrize(("sentence", "becomes"), [
    ("Conv(5) >> BatchNorm() >> Flatten()", "Conv(5) >> Flatten()"),
    ("Conv(5, bias=False) >> BatchNorm(epsilon=0.1) >> ReLU() >> Flatten()", "Conv(5) >> ReLU() >> Flatten()"),
    ("Conv(6, 3, stride=2, groups=3) >> BatchNorm(trained_scale=False) >> Flatten()", "Conv(6, stride=2, groups=3) >> Flatten()"),
    ("UpConv(5, 3, stride=2) >> BatchNorm() >> Flatten()", "UpConv(5, size=3) >> Flatten()"),
    ("Conv(5) >> MeanPool() >> BatchNorm() >> Flatten()", "Conv(5) >> MeanPool() >> Flatten()"),
    ("Conv(5) >> GlobalPool() >> BatchNorm()", "Conv(5) >> GlobalPool()"),
    ("Conv(5) >> Dropout(0.3) >> BatchNorm() >> Flatten()", "Conv(5) >> Flatten()"),
    ("Flatten() >> Dense(5) >> BatchNorm() >> Tanh() >> Dense(7, bias=False) >> BatchNorm()", "Flatten() >> Dense(5) >> Tanh() >> Dense(7)"),
    ("Flip() >> Shift(2) >> Crop((19, 17), padding=2) >> Flatten() >> Mixup() >> Dense(5)", "Flatten() >> Dense(5)"),
    ("Crop(11, padding=2) >> Conv(5) >> BatchNorm() >> Flatten()", "Crop(11, padding=2) >> Conv(5) >> Flatten()"),
    ("Residual(Conv(5, stride=2) >> BatchNorm(), shortcut='project') >> Flatten()", "Residual(Conv(5, stride=2), shortcut=Conv(5, size=1, stride=2)) >> Flatten()"),
    ("Residual(Conv(5, stride=2) >> BatchNorm(), shortcut='pad') >> Flatten()", "Residual(Conv(5, stride=2), shortcut='pad') >> Flatten()"),
    ("Residual(Dropout(0.3)) >> Residual(Conv(3) >> BatchNorm(), shortcut=Dropout(0.3)) >> Flatten()", "Residual(Dropout(0.3)) >> Residual(Conv(3)) >> Flatten()"),
    ("Repeat(3, Conv(3) >> BatchNorm() >> ReLU()) >> Flatten()", "Repeat(3, Conv(3) >> ReLU()) >> Flatten()"),
    ("Repeat(2, Dropout(0.3)) >> Conv(3) >> BatchNorm() >> Flatten()", "Conv(3) >> Flatten()"),
    ("Towers(3, Conv(2) >> BatchNorm() >> Tanh()) >> Flatten()", "Towers(3, Conv(2) >> Tanh()) >> Flatten()"),
    ("Conv(5, bias=False) >> BatchNorm() >> BatchNorm() >> Flatten()", "Conv(5) >> BatchNorm() >> Flatten()"),
])  # fmt: skip
def test_a_folded_net_gives_the_same(sentence: str, becomes: str) -> None:
    assert check(sentence, becomes)


@pytest.mark.parametrize("pool", ["Pool(3, padding=1)", "GlobalPool('max')"])
def test_a_norm_goes_past_a_max_where_no_scale_is_negative(pool: str) -> None:
    sentence = f"Conv(5) >> {pool} >> BatchNorm() >> Flatten()"
    assert check(sentence, f"Conv(5) >> {pool} >> Flatten()", negative=False)
    net = trained(sentence, PICTURE)
    assert (net.body[2].scale < 0).any()
    assert folded(net) is net


def test_copies_that_become_different_are_written_out_and_towers_then_stay() -> None:
    inner = "Conv(6) >> Pool(3, stride=1, padding=1) >> BatchNorm()"
    for sentence, becomes in (
        (f"Repeat(2, {inner})", f"Conv(6) >> Pool(3, stride=1, padding=1) >> {inner}"),
        (f"Dropout(0.1) >> Towers(2, {inner})", f"Towers(2, {inner})"),
    ):
        net = trained(f"{sentence} >> Flatten()", Image(6, 5, 7), negative=False)
        norms = [part for part in net.modules() if isinstance(part, BatchNorm)]
        with torch.no_grad():
            norms[1].scale[0] = -0.5
        made, x = folded(net), some(Image(6, 5, 7))
        assert made.sentence() == f"{becomes} >> Flatten() >> Regress()"
        torch.testing.assert_close(made(x), net(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sentence", [
    "Conv(5) >> ReLU() >> BatchNorm() >> Flatten()",
    "Conv(5) >> MeanPool(3, padding=1) >> BatchNorm() >> Flatten()",
    "Conv(5) >> Flatten() >> BatchNorm()",
    "Conv(5) >> LayerNorm() >> Flatten()",
    "BatchNorm() >> Conv(5) >> Flatten()",
    "LeNet()",
])  # fmt: skip
def test_a_net_without_anything_to_fold_is_the_very_same(sentence: str) -> None:
    net = trained(sentence, PICTURE)
    assert fold(net) == (net, ())


@pytest.mark.parametrize(("sentence", "given"), [
    ("ResNet(8, small=True)", PICTURE),
    ("ResNet(14, small=True, shortcut='project-all')", PICTURE),
    ("ResNet(18)", PICTURE),
    ("Standardize() >> Residual(ResNet(8, small=True, shortcut='none') >> Dense(8), shortcut=GlobalPool() >> Dense(8))", PICTURE),
])  # fmt: skip
def test_named_nets_are_written_out(sentence: str, given: Kind) -> None:
    net = trained(sentence, given)
    made, x = folded(net), some(given)
    assert "BatchNorm" not in made.sentence()
    assert "ResNet" not in made.sentence()
    with torch.inference_mode():
        torch.testing.assert_close(made(x), net(x), rtol=1e-4, atol=1e-5)
    assert same(parse(made.sentence()), parse(str(parse(made.sentence()))))


def test_a_dense_layer_of_positions_takes_its_norm_in() -> None:
    chain = parse("Conv(5) >> Grid() >> Dense(7) >> Dropout(0.2) >> BatchNorm()")
    assert isinstance(chain, Chain)
    chain.build(PICTURE)
    chain.initialise(0, "linear")
    with torch.no_grad():
        chain[4].running_mean.normal_()
    x = some(PICTURE)
    pieces = pieces_of(parts_of(chain.eval(), PICTURE, None), lambda gain: None)
    made = Chain([piece.word for piece in pieces])
    assert str(made) == "Conv(5) >> Grid() >> Dense(7)"
    made.build(PICTURE)
    with torch.no_grad():
        fill_all(pieces, made.stages)
    torch.testing.assert_close(made(x).values, chain(x).values)


PARTS = st.sampled_from([
    "Conv(4) >> BatchNorm()", "Conv(4, bias=False) >> MeanPool(2, stride=1) >> BatchNorm() >> Tanh()", "BatchNorm()", "Dropout(0.4)", "ReLU()",
    "Residual(Conv(4) >> BatchNorm() >> ReLU() >> Conv(4) >> BatchNorm())", "Repeat(2, Conv(4) >> BatchNorm() >> Dropout(0.2))",
    "Residual(Conv(6) >> BatchNorm(), shortcut='project') >> Conv(4)", "Towers(2, Conv(2) >> BatchNorm())", "Flip()", "Pool(2, stride=1)",
])  # fmt: skip


@settings(max_examples=25)
@over(parts=st.lists(PARTS, max_size=4))
def test_whatever_is_folded_gives_the_same(parts: list[str]) -> None:
    net = trained(" >> ".join(["Conv(4)", *parts, "GlobalPool()"]), Image(2, 11, 13))
    made, x = folded(net), some(Image(2, 11, 13))
    torch.testing.assert_close(made(x), net(x), rtol=1e-4, atol=1e-5)
    assert made.parameter_count() <= net.parameter_count() + 200


@pytest.mark.parametrize(
    "example", [e for e in EXAMPLES if isinstance(e.gives, Vector | Image)], ids=lambda e: f"{e.sentence} on {e.given}"
)
def test_every_stage_is_folded_to_what_it_is_in_evaluation(example: Example) -> None:
    if example.sentence in ("AlexNet()", "ResNet(8, small=True)", "LeNet()"):
        pytest.skip("named nets have tests of their own")
    net = la.build(f"{example.sentence} >> Dropout(0.3) >> Flatten() >> Regress()", example.given, Value(2))
    net.learn(lambda: [(inputs(example.given, 53), torch.randn(53, 2))])
    x = inputs(example.given, 5)
    made = folded(net.eval())
    assert made is not net
    torch.testing.assert_close(made(x), net(x), rtol=1e-4, atol=1e-5)


def test_a_norm_at_rest_is_an_affine_map() -> None:
    norm = parse("BatchNorm(epsilon=0.5)")
    assert isinstance(norm, BatchNorm)
    norm.build(Vector(2))
    with torch.no_grad():
        norm.running_mean.copy_(torch.tensor([3.0, -1.0]))
        norm.running_variance.copy_(torch.tensor([3.5, 0.5]))
        norm.scale.copy_(torch.tensor([4.0, 5.0]))
        norm.shift.copy_(torch.tensor([1.0, 2.0]))
    scale, shift = affine(norm)  # 4 / 2 and 5 / 1; 1 - 3 * 2 and 2 + 1 * 5
    assert (scale.tolist(), shift.tolist()) == ([2, 5], [-5, 7])
    norm.scale = None
    assert affine(norm).scale.tolist() == [0.5, 1]


def test_gains_say_what_is_less() -> None:
    sentence = "Flip() >> Conv(5) >> BatchNorm() >> Repeat(2, Conv(5) >> BatchNorm()) >> Towers(5, Conv(1) >> MeanPool() >> BatchNorm()) >> Flatten()"
    assert fold(trained(sentence, PICTURE)).gains == (
        "Flip() is left out: it does nothing in evaluation",
        "BatchNorm() goes into Conv(5): one pass over 5x19x17 less",
        "in each of 2 copies, BatchNorm() goes into Conv(5): one pass over 5x19x17 less",
        "in each of 5 towers, BatchNorm() goes into Conv(1): one pass over 1x9x8 less",
    )


def test_views_the_mode_and_the_end_are_carried_over() -> None:
    net = trained("Conv(5) >> BatchNorm() >> Flatten()", PICTURE)
    net.views = la.Views()
    made, x = folded(net), some(PICTURE)
    assert made.views is net.views
    assert not made.training
    for one, other in zip(made.predict(x), net.predict(x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert not {parameter.data_ptr() for parameter in made.parameters()} & {p.data_ptr() for p in net.parameters()}


def test_a_net_in_double_precision_stays_so() -> None:
    net = trained("Conv(5) >> BatchNorm() >> Flatten()", PICTURE).double()
    x = some(PICTURE).double()
    torch.testing.assert_close(folded(net)(x), net(x), rtol=1e-12, atol=1e-12)


def test_weights_that_changed_are_folded_anew() -> None:
    net = trained("Conv(5) >> BatchNorm() >> Flatten()", PICTURE)
    quick, x = Quick(net), some(PICTURE)
    first = quick.now()
    assert quick.now() is first
    with torch.no_grad():
        net.body[0].weight.mul_(3)
    net.views = la.Views(shift=1)
    assert quick.now() is not first
    torch.testing.assert_close(quick.now().predict(x).value, net.predict(x).value, rtol=1e-4, atol=1e-4)


def test_a_model_answers_many_examples_as_it_answers_few() -> None:
    net = la.build("Conv(5) >> BatchNorm() >> ReLU() >> Flatten() >> Classify()", Image(3, 5, 7), Label(3))
    net.train()
    net.body(torch.randn(11, 3, 5, 7))  # so that running statistics have moved
    model = la.Model(net)
    x = np.random.default_rng(0).normal(size=(67, 3, 5, 7)).astype(np.float32)
    many, few = model.predict(x), model.predict(x[:13])
    assert "BatchNorm" not in model.net_for(67).sentence()
    assert model.net_for(13) is net
    torch.testing.assert_close(many.probabilities[:13], few.probabilities)


def test_a_net_of_inference_tensors_is_used_as_it_is() -> None:
    with torch.inference_mode():
        net = la.build("Conv(5) >> BatchNorm() >> Flatten() >> Regress()", PICTURE, Value(2))
        assert Quick(net).now() is net


def test_a_block_of_nothing_gains_nothing() -> None:
    net = trained("Residual(Dropout(0.5)) >> Flatten()", PICTURE)
    assert fold(net) == (net, ())
