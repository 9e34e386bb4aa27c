"""What must be true of every end, whoever wrote it."""

from __future__ import annotations

import math

import pytest
import torch
from examples import ENDS, EndExample, inputs, part, targets

from lamina.data.batches import Batch
from lamina.ends.reconstruct import Reconstruct
from lamina.kinds import Label, Padded, Span, Tags, Targets, Tokens, Value, Vector
from lamina.net import Net, build
from lamina.sentence import parse
from lamina.training.loop import fit
from lamina.training.optimizers import Adam
from lamina.training.precision import computed_in
from lamina.vocabulary import ENDS as WORDS

each_end = pytest.mark.parametrize("example", ENDS, ids=lambda e: f"{e.sentence} of {e.target}")


def net_of(example: EndExample, before: str = "Dense(13) >> Tanh() >> ") -> Net:
    return build(before + example.sentence, example.given, example.target)


def test_every_end_has_an_example() -> None:
    assert {parse(example.sentence).name() for example in ENDS} == {word.name() for word in WORDS}


@each_end
def test_the_score_of_a_batch_is_the_sum_of_its_parts(example: EndExample) -> None:
    net = net_of(example)
    x, y = inputs(example.given, 11), targets(example.target, 11)
    net.eval()  # so that noise, which follows from the example, is at rest
    whole = net.score(x, y)
    one, two = (net.score(part(x, rows), part(y, rows)) for rows in (slice(4), slice(4, None)))
    torch.testing.assert_close(whole.total, one.total + two.total)
    assert whole.count == one.count + two.count


@each_end
def test_every_parameter_gets_a_finite_gradient(example: EndExample) -> None:
    net = net_of(example)
    net.score(inputs(example.given, 5), targets(example.target, 5)).mean().backward()
    for name, parameter in net.end.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@each_end
def test_in_mixed_precision_the_loss_is_nearly_the_same(example: EndExample) -> None:
    net = net_of(example).eval()
    x, y = inputs(example.given, 5), targets(example.target, 5)
    with computed_in("bfloat16", torch.device("cpu")):
        score = net.score(x, y)
    torch.testing.assert_close(score.total.float(), net.score(x, y).total, rtol=0.03, atol=0.05)
    score.total.backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@each_end
def test_it_can_learn_four_examples_by_heart(example: EndExample) -> None:
    net = net_of(example)
    x, y = inputs(example.given, 4), targets(example.target, 4)
    optimizer = Adam(0.03)
    batch = Batch(x, y, torch.arange(4), 0)
    first = net.eval().score(x, y).mean().item()
    net.train()
    for _ in fit(net, [batch] * 300, optimizer, optimizer.start(net.named_parameters()), lambda step: 0.03):
        pass
    least = 0.0 if isinstance(example.target, Label | Span | Tags | Tokens) else 0.5 * math.log(2 * math.pi)
    if isinstance(example.target, Vector) and isinstance(net.end, Reconstruct):  # of all numbers of an example
        least = example.target.size * (least + float(net.end.distance().log().mean()))
    assert net.eval().score(x, y).mean().item() < least + 0.1 * (first - least)


@each_end
def test_prediction_agrees_with_the_tally(example: EndExample) -> None:
    net = net_of(example).eval()
    x, y = inputs(example.given, 11), targets(example.target, 11)
    tally = net.end.tally(net.body(x), y)
    answer = net.predict(x)
    if isinstance(example.target, Tags | Tokens):
        nats = net.score(x, y)
        assert tally.measures()["token_loss"].value == pytest.approx((nats.total / nats.count).item(), rel=1e-5)
        return
    if isinstance(example.target, Label):
        assert tally.measures()["accuracy"].value == pytest.approx((answer.label == y).float().mean().item())
        torch.testing.assert_close(answer.probabilities.sum(1), torch.ones(11))
        nats = -answer.probabilities.gather(1, y[:, None]).log().mean().item()
        assert tally.measures()["log_loss"].value == pytest.approx(nats, rel=1e-5)
    elif isinstance(example.target, Span):
        nats = net.score(x, y)
        assert tally.measures()["span_loss"].value == pytest.approx((nats.total / nats.count).item(), rel=1e-5)
    elif isinstance(net.end, Reconstruct):
        squared = (answer.value - y).square().sum(1).mean().item()
        assert tally.measures()["squared_error_per_example"].value == pytest.approx(squared, rel=1e-5)
    else:
        assert tally.measures()["squared_error"].value == pytest.approx(
            (answer.value - y).square().mean().item(), rel=1e-5
        )


@pytest.mark.parametrize("example", [e for e in ENDS if not e.sentence.startswith("Write")], ids=lambda e: e.sentence)
def test_samples_are_of_the_target_and_follow_from_the_generator(example: EndExample) -> None:
    net = net_of(example)
    h = net.body(inputs(example.given, 5))
    one, two = (net.end.sample(h, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)
    y = targets(example.target, 5)
    assert one.shape == (y.values if isinstance(y, Padded) else y).shape


def test_cross_entropy_is_what_it_is_on_paper() -> None:
    net = build("Classify(init='zeros')", Vector(2), Label(4))
    score = net.score(torch.ones(3, 2), torch.tensor([0, 1, 3]))
    assert score.total.item() == pytest.approx(3 * math.log(4))
    assert score.count == 3


def test_smoothing_is_for_training_only_and_mixes_in_the_even_distribution() -> None:
    plain, smooth = (build(f"Classify({s})", Vector(7), Label(5)) for s in ("0.0", "0.2"))
    x, y = inputs(Vector(7), 3), targets(Label(5), 3)
    smooth.load_state_dict(plain.state_dict())
    logs = plain(x).log_softmax(1)
    expected = -(0.8 * logs.gather(1, y[:, None]).sum() + 0.2 * logs.mean(1).sum())
    torch.testing.assert_close(smooth.score(x, y).total, expected)
    torch.testing.assert_close(smooth.eval().score(x, y).total, plain.score(x, y).total)


def test_a_gaussian_in_the_units_of_the_target_is_its_own_loss() -> None:
    net = build("Regress(init='zeros')", Vector(2), Value(2))
    y = torch.tensor([[100.0, 1.0], [300.0, 3.0], [500.0, 8.0]])
    net.end.learn([y[:1], y[1:]])
    normal = torch.distributions.Normal(y.mean(0), y.std(0, unbiased=False))
    torch.testing.assert_close(net.score(torch.ones(3, 2), y).total, -normal.log_prob(y).sum())
    torch.testing.assert_close(net.predict(torch.ones(3, 2)).value, y.mean(0).expand(3, 2))


def test_samples_have_the_moments_of_the_distribution() -> None:
    net = build("Regress()", Vector(3), Value(1))
    net.end.learn([torch.tensor([[10.0], [20.0]])])
    h = inputs(Vector(3), 1).expand(20_011, 3)
    drawn = net.end.sample(h, torch.Generator().manual_seed(0))
    assert drawn.mean().item() == pytest.approx(net(h)[0].item(), abs=0.15)
    assert drawn.std().item() == pytest.approx(5.0, rel=0.02)


def test_two_ends_add_their_likelihoods() -> None:
    net = build("Dense(5) >> (Classify() + Regress())", Vector(7), Targets((Label(3), Value(2))))
    assert str(net) == "Dense(5) >> (Classify() + Regress())"
    x, labels, numbers = inputs(Vector(7), 5), targets(Label(3), 5), targets(Value(2), 5)
    h = net.body(x)
    one, two = net.end.ends[0].score(h, labels), net.end.ends[1].score(h, numbers)
    both = net.score(x, (labels, numbers))
    torch.testing.assert_close(both.total, one.total + two.total)
    assert both.count == 5


def test_each_end_of_a_sum_learns_from_its_own_target() -> None:
    net = build("Classify() + Regress()", Vector(7), Targets((Label(3), Value(1))))
    numbers = torch.tensor([[10.0], [30.0]])
    net.learn(lambda: [(torch.zeros(2, 7), (torch.tensor([0, 1]), numbers))])
    assert net.end.ends[1].mean.item() == 20
    assert net.end.ends[1].deviation.item() == 10
