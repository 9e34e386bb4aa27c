"""What must be true of every stage, whoever wrote it."""

from __future__ import annotations

import copy

import pytest
import torch
from examples import SEQUENCE, STAGES, TOKENS, Example, inputs, values
from torch import Tensor, nn

import lamina as la
from lamina.chance import drawing, key
from lamina.errors import KindError
from lamina.initialise import fill
from lamina.kinds import Image, Kind, Label, Padded, Sequence, Table, Tokens, Vector
from lamina.layers.augment.mix import Mixing
from lamina.layers.norm import BatchNorm
from lamina.nets.composition import Composition
from lamina.sentence import parse
from lamina.stage import Stage
from lamina.training.precision import computed_in
from lamina.vocabulary import STAGES as WORDS
from lamina.word import same

FLOWING = [SEQUENCE, TOKENS, Sequence(6)]
"""Kinds of which positions flow."""

each_stage = pytest.mark.parametrize("example", STAGES, ids=lambda e: f"{e.sentence} on {e.given}")


def built(example: Example, seed: int = 0) -> Stage:
    stage = parse(example.sentence).fresh()
    assert stage.build(example.given) == example.gives
    for name, part in stage.named_modules():
        if isinstance(part, Stage):
            part.place = key(name)
    stage.initialise(seed, "linear")
    if stage.learns:
        stage.learn([inputs(example.given, 53, seed=7)])
    return stage


def shape_of(kind: Kind, examples: int, length: int = 5) -> tuple[int, ...]:
    if isinstance(kind, Vector):
        return (examples, kind.size)
    if isinstance(kind, Table):
        return (examples, kind.numbers + len(kind.categories))
    if isinstance(kind, Image):
        return (examples, kind.channels, kind.height, kind.width)
    if isinstance(kind, Tokens):
        return (examples, length)
    assert isinstance(kind, Sequence)
    return (examples, length, kind.width)


def doubled(x: Tensor | Padded) -> Tensor | Padded:
    if isinstance(x, Padded):
        return x if x.values.dtype == torch.int64 else x._replace(values=x.values.double())
    return x.double()


def tolerance_of(stage: Stage) -> dict[str, float]:
    """Sums of thousands of numbers are added in another order."""
    return {"rtol": 1e-4, "atol": 1e-4} if isinstance(stage, Composition) else {}


def test_every_word_has_an_example() -> None:
    shown = {parse(example.sentence).name() for example in STAGES}
    assert shown == {word.name() for word in WORDS}


@each_stage
def test_what_comes_out_has_the_shape_of_its_kind(example: Example) -> None:
    out = built(example)(inputs(example.given, 3))
    tensor = out.values if isinstance(out, Padded) else out
    # A picture has as many positions as places.
    length = example.given.height * example.given.width if isinstance(example.given, Image) else 5
    assert tuple(tensor.shape) == shape_of(example.gives, 3, length)
    assert tensor.dtype == (torch.int64 if isinstance(example.gives, Tokens) else torch.float32)


@each_stage
def test_every_parameter_gets_a_finite_gradient(example: Example) -> None:
    stage = built(example)
    x = inputs(example.given, 5)
    out = values(stage(x))
    (out * torch.randn(out.shape)).sum().backward() if out.requires_grad else None
    if stage.charges and not isinstance(x, Padded):
        assert isinstance(x, Tensor)
        _, nats = stage.charge(x.sigmoid())
        nats.sum().backward() if nats is not None and nats.requires_grad else None
    for name, parameter in stage.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@each_stage
def test_its_layers_hold_every_parameter_once(example: Example) -> None:
    stage = built(example)
    parts = [part for layer in stage.depths() for part in layer]
    held = [id(p) for part in parts for p in ([part] if isinstance(part, nn.Parameter) else part.parameters())]
    assert sorted(held) == sorted(map(id, stage.parameters()))


@each_stage
def test_in_mixed_precision_it_gives_nearly_the_same_with_finite_gradients(example: Example) -> None:
    x = inputs(example.given, 3, seed=1)
    stage = built(example).eval()
    whole = values(stage(x)).detach().float()
    with computed_in("bfloat16", torch.device("cpu")):
        out = values(stage(x))
    # bfloat16 keeps 8 bits: a sum of n products is off by about sqrt(n) / 256 of their size.
    torch.testing.assert_close(out.detach().float(), whole, rtol=0.1, atol=0.1 * float(whole.abs().max()) + 1e-3)
    parameters = [parameter for parameter in stage.parameters() if parameter.requires_grad]
    if parameters and out.requires_grad:
        for gradient in torch.autograd.grad(out.float().square().sum(), parameters, allow_unused=True):
            assert gradient is None or (gradient.isfinite().all() and gradient.dtype == torch.float32)


@each_stage
def test_in_evaluation_two_runs_agree_and_a_row_does_not_depend_on_its_batch(example: Example) -> None:
    stage = built(example).eval()
    x = inputs(example.given, 5)
    whole, again = stage(x), stage(x)
    assert torch.equal(values(whole), values(again))
    alone = stage(Padded(x.values[:1], x.visible[:1]) if isinstance(x, Padded) else x[:1])
    torch.testing.assert_close(
        (whole.values if isinstance(whole, Padded) else whole)[:1],
        alone.values if isinstance(alone, Padded) else alone,
        **tolerance_of(stage),
    )


@pytest.mark.parametrize("example", [e for e in STAGES if e.given in (SEQUENCE, TOKENS)], ids=lambda e: e.sentence)
@pytest.mark.parametrize("training", [False, True])
def test_what_stands_at_hidden_positions_never_matters(example: Example, training: bool) -> None:
    stage = built(example).train(training)
    x = inputs(example.given, 5)
    assert isinstance(x, Padded)
    assert not x.visible.all()
    noise = 0 if isinstance(example.given, Tokens) else 1e4
    other = x._replace(values=x.values.masked_fill(~x.visible.view(5, 5, *[1] * (x.values.dim() - 2)), noise))
    with drawing(0, 1, torch.arange(5)):
        one, two = copy.deepcopy(stage)(x), copy.deepcopy(stage)(other)
    assert torch.equal(values(one), values(two))


@pytest.mark.parametrize("example", [e for e in STAGES if e.given in FLOWING], ids=lambda e: e.sentence)
@pytest.mark.parametrize("cuts", [(1, 1, 1, 1, 1), (2, 3), (4, 1)])
def test_what_is_carried_on_in_parts_is_the_whole(example: Example, cuts: tuple[int, ...]) -> None:
    stage = built(example).eval()
    if not stage.looks_back():
        pytest.skip("it looks ahead, and is never asked to go on")
    x = inputs(example.given, 3)
    assert isinstance(x, Padded)
    x = x._replace(visible=torch.ones_like(x.visible))
    state, found = None, list[Tensor]()
    for piece in x.values.split(cuts, 1):
        out, state = stage.carry(Padded(piece, torch.ones(piece.shape[:2], dtype=torch.bool)), state)
        assert isinstance(out, Padded)
        found.append(out.values)
    torch.testing.assert_close(torch.cat(found, 1), stage(x).values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("example", [e for e in STAGES if e.given in FLOWING], ids=lambda e: e.sentence)
def test_what_looks_back_does_not_look_ahead(example: Example) -> None:
    stage = built(example).eval()
    if not stage.looks_back():
        pytest.skip("it looks ahead")
    x = inputs(example.given, 3)
    assert isinstance(x, Padded)
    x = x._replace(visible=torch.ones_like(x.visible))
    later = x.values.clone()
    later[:, 3:] = later[:, 3:].roll(1, 0)
    torch.testing.assert_close(stage(x).values[:, :3], stage(x._replace(values=later)).values[:, :3])


@each_stage
def test_state_makes_the_round_trip(example: Example) -> None:
    stage, other = built(example, seed=0), built(example, seed=1)
    x = inputs(example.given, 5)
    stage(x)  # so that running statistics have moved
    other.load_state_dict(stage.state_dict())
    assert torch.equal(values(stage.eval()(x)), values(other.eval()(x)))


@each_stage
def test_the_sentence_prints_and_parses_back(example: Example) -> None:
    stage = parse(example.sentence)
    assert same(parse(str(stage)), stage)
    assert same(stage.fresh(), stage)


@each_stage
def test_gradients_are_those_of_finite_differences(example: Example) -> None:
    if "Threshold" in example.sentence:
        pytest.skip("its gradient passes straight through by design, and is no derivative")
    stage = built(example).double().eval()
    if isinstance(stage, Composition):
        pytest.skip("it is made of words that are checked themselves, and has too many numbers")
    x = doubled(inputs(example.given, 2, length=2))
    names, parameters = zip(*stage.named_parameters(), strict=True) if list(stage.parameters()) else ((), ())

    def function(*tensors: Tensor) -> Tensor:
        given = tensors[len(names)] if len(tensors) > len(names) else (x.values if isinstance(x, Padded) else x)
        now = x._replace(values=given) if isinstance(x, Padded) else given
        return values(torch.func.functional_call(stage, dict(zip(names, tensors, strict=False)), (now,)))

    tensors = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    if not isinstance(example.given, Tokens | Table):  # codes are whole numbers
        tensors.append((x.values if isinstance(x, Padded) else x).clone().requires_grad_())
    assert not tensors or torch.autograd.gradcheck(function, tensors)


@each_stage
def test_noise_of_an_example_does_not_depend_on_the_rest_of_its_batch(example: Example) -> None:
    stage = built(example).train()
    if any(isinstance(part, BatchNorm) for part in stage.modules()):
        pytest.skip("its statistics are the batch's by definition")
    if isinstance(stage, Mixing):
        pytest.skip("it mixes an example with others of its batch by definition")
    x = inputs(example.given, 5)
    with drawing(3, 7, torch.arange(10, 15)):
        whole = stage(x)
    part = Padded(x.values[2:4], x.visible[2:4]) if isinstance(x, Padded) else x[2:4]
    with drawing(3, 7, torch.arange(12, 14)):
        half = stage(part)
    torch.testing.assert_close(
        (whole.values if isinstance(whole, Padded) else whole)[2:4],
        half.values if isinstance(half, Padded) else half,
        **tolerance_of(stage),
    )


def test_first_weights_follow_from_the_seed_and_the_place_alone() -> None:
    one, again, other = (built(STAGES[0], seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.weight, again.weight)
    assert not torch.equal(one.weight, other.weight)


@pytest.mark.parametrize(("rule", "following", "variance"), [
    ("auto", "relu", 2 / 211), ("auto", "gelu", 2 / 211), ("auto", "linear", 1 / 211), ("auto", "tanh", 2 / (211 + 307)),
    ("auto", "sigmoid", 32 / (211 + 307)), ("he", "linear", 2 / 211), ("lecun", "relu", 1 / 211), ("glorot", "relu", 2 / (211 + 307)),
    ("zeros", "relu", 0.0),
])  # fmt: skip
def test_first_weights_have_the_variance_of_their_rule(rule: str, following: str, variance: float) -> None:
    weight = torch.empty(307, 211)
    fill(weight, rule, following, torch.Generator().manual_seed(0))
    assert weight.var().item() == pytest.approx(variance, rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=0.002)


@pytest.mark.parametrize("shape", [(5, 11), (11, 5), (7, 7)])
def test_orthogonal_first_weights_keep_lengths(shape: tuple[int, int]) -> None:
    weight = torch.empty(shape)
    fill(weight, "orthogonal", "linear", torch.Generator().manual_seed(0))
    gram = weight @ weight.T if shape[0] <= shape[1] else weight.T @ weight
    torch.testing.assert_close(gram, torch.eye(min(shape)), atol=1e-5, rtol=0)


def test_initialisation_looks_past_norms_and_dropout_to_the_activation_that_follows() -> None:
    net = parse("Dense(400) >> BatchNorm() >> Dropout(0.1) >> ReLU() >> Residual(Dense(400)) >> Dense(400) >> Tanh()")
    net.build(Vector(400))
    net.initialise(0, "linear")
    spreads = [parameter.var().item() * 400 for parameter in net.parameters() if parameter.dim() == 2]
    assert spreads == pytest.approx([2, 1, 1], rel=0.02)


def test_a_threshold_far_from_zero_is_exact() -> None:
    stage = parse("Threshold(1e8)")
    stage.build(Vector(3))
    assert stage(torch.tensor([[0.0, 1e8, 2e8]])).tolist() == [[0, 0, 1]]


def test_a_repeated_module_is_counted_and_trained_as_often_as_it_is_repeated() -> None:
    net = la.build(
        la.Repeat(2, la.Module(torch.nn.Linear(3, 3), gives=Vector(3))) >> la.Classify(), Vector(3), Label(2)
    )
    assert net.parameter_count() == 2 * 12 + 8


def test_a_stage_that_learns_is_refused_where_it_would_not_be_asked() -> None:
    with pytest.raises(KindError) as error:
        la.build("Residual(Standardize()) >> Classify()", Vector(3), Label(2))
    assert str(error.value) == (
        "Standardize() learns from the data as it comes: put it into the main chain, not into Residual(Standardize())"
    )
