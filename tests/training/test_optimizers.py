"""Optimizers and rates: torch's own rules, step by step, and schedules as on paper."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from lamina.errors import RunError
from lamina.sentence import parse_as
from lamina.training.optimizers import Optimizer, restore_state, state_tensors
from lamina.training.rates import Rate, rate_at, unreached

PAIRS = [
    ("SGD(0.1)", lambda p: torch.optim.SGD(p, lr=0.1)),
    (
        "SGD(0.1, momentum=0.9, weight_decay=0.03)",
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.03),
    ),
    ("SGD(0.1, momentum=0.9, nesterov=True)", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
    ("AdaGrad(0.1, weight_decay=0.03)", lambda p: torch.optim.Adagrad(p, lr=0.1, weight_decay=0.03)),
    ("AdaDelta(weight_decay=0.03)", lambda p: torch.optim.Adadelta(p, lr=1.0, weight_decay=0.03)),
    ("RMSProp(0.01, weight_decay=0.03)", lambda p: torch.optim.RMSprop(p, lr=0.01, weight_decay=0.03)),
    ("RMSProp(0.01, momentum=0.9)", lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9)),
    ("Adam(0.01, weight_decay=0.03)", lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.03)),
    (
        "Adam(0.01, beta1=0.5, beta2=0.9, epsilon=1e-3)",
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.9), eps=1e-3),
    ),
    ("AdamW(0.01, weight_decay=0.1)", lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)),
]


def weights() -> list[torch.nn.Parameter]:
    random = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=random)) for shape in ((7, 5), (3, 7))]


@pytest.mark.parametrize(("sentence", "theirs"), PAIRS, ids=[sentence for sentence, _ in PAIRS])
def test_each_optimizer_equals_torchs_own_step_by_step(sentence: str, theirs: object) -> None:
    ours, other = weights(), weights()
    optimizer = parse_as(Optimizer, sentence)
    groups = optimizer.start([(str(place), parameter) for place, parameter in enumerate(ours)])
    reference = theirs(other)
    random = torch.Generator().manual_seed(1)
    for _ in range(13):
        for one, two in zip(ours, other, strict=True):
            one.grad = torch.randn(one.shape, generator=random)
            two.grad = one.grad.clone()
        optimizer.update(groups, optimizer.rate)
        reference.step()
        for one, two in zip(ours, other, strict=True):
            torch.testing.assert_close(one, two)


@pytest.mark.parametrize("name", ["SGD", "AdaGrad", "AdaDelta", "RMSProp", "Adam", "AdamW"])
def test_weight_decay_leaves_biases_and_norms_alone(name: str) -> None:
    matrix, bias = torch.nn.Parameter(torch.ones(3, 5)), torch.nn.Parameter(torch.ones(5))
    optimizer = parse_as(Optimizer, f"{name}(weight_decay=0.5)")
    groups = optimizer.start([("matrix", matrix), ("bias", bias)])
    matrix.grad, bias.grad = torch.zeros(3, 5), torch.zeros(5)
    optimizer.update(groups, 0.1)
    assert torch.equal(bias, torch.ones(5))
    assert (matrix < 1).all()


@pytest.mark.parametrize("sentence", [sentence for sentence, _ in PAIRS])
def test_an_optimizer_goes_on_from_saved_state_bit_for_bit(sentence: str) -> None:
    optimizer = parse_as(Optimizer, sentence)
    straight, broken = weights(), weights()

    def steps(parameters: list[torch.nn.Parameter], groups: object, first: int, last: int) -> None:
        for number in range(first, last):
            for parameter in parameters:
                parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
            optimizer.update(groups, optimizer.rate)

    def begin(parameters: list[torch.nn.Parameter]) -> object:
        return optimizer.start([(str(place), parameter) for place, parameter in enumerate(parameters)])

    steps(straight, begin(straight), 0, 11)
    groups = begin(broken)
    steps(broken, groups, 0, 5)
    again = begin(broken)
    restore_state(again, {name: tensor.clone() for name, tensor in state_tensors(groups).items()})
    steps(broken, again, 5, 11)
    assert all(torch.equal(one, two) for one, two in zip(straight, broken, strict=True))


def test_state_of_another_optimizer_is_refused() -> None:
    adam, sgd = parse_as(Optimizer, "Adam()"), parse_as(Optimizer, "SGD(momentum=0.9)")
    parameters = [("w", weights()[0])]
    with pytest.raises(RunError) as error:
        restore_state(adam.start(parameters), state_tensors(sgd.start(parameters)))
    form = f"{tuple(parameters[0][1].shape)} float32"
    assert str(error.value) == (
        "the optimizer does not fit this net; load it into the net that it was saved from:\n"
        f"  - 'w.mean' {form} is missing\n"
        f"  - 'w.square' {form} is missing\n"
        "  - 'w.count' () float32 is missing\n"
        "  - 'w.velocity' is not in the net"
    )


def test_state_of_another_shape_is_refused_not_spread() -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    groups = parse_as(Optimizer, "SGD(momentum=0.9)").start([("w", parameter)])
    with pytest.raises(RunError) as error:
        restore_state(groups, {"w.velocity": torch.ones(1)}, "step 7, optimizer")
    assert str(error.value) == (
        "step 7, optimizer does not fit this net; load it into the net that it was saved from:\n"
        "  - 'w.velocity': expected (3,) float32, got (1,) float32"
    )
    assert not groups[0].state["velocity"][0].any()


def test_a_parameter_without_a_gradient_stays() -> None:
    used, unused = weights()
    optimizer = parse_as(Optimizer, "Adam(0.1)")
    groups = optimizer.start([("used", used), ("unused", unused)])
    before = unused.clone()
    used.grad = torch.ones_like(used)
    optimizer.update(groups, 0.1)
    assert torch.equal(unused, before)
    assert not torch.equal(used, weights()[0])


@pytest.mark.parametrize(("sentence", "step", "rate"), [
    ("constant(0.3)", 50, 0.3),
    ("constant(0.3, warmup=10)", 0, 0.03),
    ("constant(0.3, warmup=10)", 9, 0.3),
    ("cosine(0.4)", 0, 0.4),
    ("cosine(0.4)", 50, 0.2),
    ("cosine(0.4, floor=0.1)", 100, 0.1),
    ("cosine(0.4, warmup=20)", 60, 0.2),
    ("cosine(0.4)", 25, 0.2 * (1 + math.sqrt(0.5))),
    ("linear(0.4)", 25, 0.3),
    ("linear(0.4, warmup=20, floor=0.2)", 60, 0.3),
    ("steps(0.4)", 49, 0.4),
    ("steps(0.4)", 50, 0.04),
    ("steps(0.4)", 75, 0.004),
    ("steps(0.4, at_shares=(0.3,), factor=0.5)", 30, 0.2),
    ("inverse_sqrt(0.4, warmup=4)", 0, 0.1),
    ("inverse_sqrt(0.4, warmup=4)", 3, 0.4),
    ("inverse_sqrt(0.4, warmup=4)", 15, 0.2),
])  # fmt: skip
def test_schedules_are_what_they_are_on_paper(sentence: str, step: int, rate: float) -> None:
    assert rate_at(parse_as(Rate, sentence), step, 100) == pytest.approx(rate)


def test_making_an_optimizer_does_not_import_a_compiler() -> None:
    code = """
import sys
import lamina as la
net = la.build("Dense(5) >> ReLU() >> Classify()", la.Vector(7), la.Label(3))
import torch
from lamina.data.batches import Batch
for name in ("SGD", "AdaGrad", "AdaDelta", "RMSProp", "Adam", "AdamW"):
    optimizer = getattr(la, name)()
    batch = Batch(torch.randn(3, 7), torch.tensor([0, 1, 2]), torch.arange(3), 0)
    list(la.fit(net, [batch] * 2, optimizer, optimizer.start(net.named_parameters()), lambda step: 0.1))
assert "torch._dynamo" not in sys.modules and "sklearn" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_rate_whose_warm_up_outlasts_the_run_is_said() -> None:
    rate = parse_as(Rate, "cosine(0.1, warmup=20)")
    assert unreached(rate, 20) == "cosine(0.1, warmup=20): the run ends after 20 steps, before the warm-up does"
    assert unreached(rate, 21) is None
    assert unreached(0.1, 1) is None
