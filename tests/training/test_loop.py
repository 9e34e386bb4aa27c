"""The loop: what an update does, what it leaves alone, and what it reports."""

from __future__ import annotations

import copy
import itertools
import math

import pytest
import torch
from runs import equal, small
from torch import nn

import lamina as la
from lamina.data.batches import Batch, Batches
from lamina.kinds import Label, Padded, Vector
from lamina.net import Net, build
from lamina.training.loop import Step, fit, length, pieces
from lamina.training.optimizers import SGD, Adam, Optimizer, state_tensors

NET = "Dense(7) >> Tanh() >> Dropout(0.4) >> Classify()"
DATA = small(37)


def batches(size: int = 10, seed: int | None = 0) -> Batches:
    return Batches(DATA, torch.arange(len(DATA)), size, seed)


def trained(net: Net, steps: int = 7, optimizer: Optimizer | None = None, **settings: object) -> list[Step]:
    rule = optimizer or Adam()
    groups = rule.start(net.named_parameters())
    return list(itertools.islice(fit(net, batches().from_step(0), rule, groups, lambda _: 0.05, **settings), steps))


@pytest.mark.parametrize("parts", [2, 3, 10, 50])
def test_cutting_a_batch_in_parts_leaves_the_weights_and_the_loss_as_they_were(parts: int) -> None:
    whole, cut = (build(NET, Vector(4), Label(3)) for _ in range(2))
    one, two = trained(whole), trained(cut, parts=parts)
    for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert [step.loss for step in one] == pytest.approx([step.loss for step in two], rel=1e-4)
    assert [step.gradient_norm for step in one] == pytest.approx([step.gradient_norm for step in two], rel=1e-3)
    assert [step.units for step in one] == [step.units for step in two]


def test_parts_of_a_batch_are_nearly_equal_and_hold_every_example_once() -> None:
    batch = next(batches(11).epoch(3))
    cut = pieces(batch, 4)
    assert [len(piece.examples) for piece in cut] == [3, 3, 2, 2]
    assert torch.equal(torch.cat([piece.examples for piece in cut]), batch.examples)
    assert torch.equal(torch.cat([piece.inputs for piece in cut]), batch.inputs)
    assert {piece.epoch for piece in cut} == {3}


def test_a_padded_batch_is_cut_with_its_visible_positions() -> None:
    tokens = Padded(torch.arange(10).view(5, 2), torch.tensor([[True, False]]).repeat(5, 1))
    cut = pieces(Batch(tokens, torch.zeros(5, dtype=torch.int64), torch.arange(5), 0), 2)
    assert torch.equal(cut[1].inputs.values, tokens.values[3:])
    assert torch.equal(cut[1].inputs.visible, tokens.visible[3:])


def test_clip_scales_a_longer_gradient_to_its_length_and_leaves_a_shorter_one() -> None:
    for clip in (0.01, 1e6):
        free, clipped = (build(NET, Vector(4), Label(3)) for _ in range(2))
        before = [parameter.detach().clone() for parameter in free.parameters()]
        step, same = trained(free, 1, SGD(1.0))[0], trained(clipped, 1, SGD(1.0), clip=clip)[0]
        assert step.gradient_norm == same.gradient_norm > 0.01
        scale = min(1.0, clip / step.gradient_norm)
        for start, one, two in zip(before, free.parameters(), clipped.parameters(), strict=True):
            torch.testing.assert_close(two - start, (one - start) * scale, rtol=1e-3, atol=1e-7)


class Shout(nn.Module):
    """Gives what it is given, but `wrong` instead the second time; or only its gradient is wrong."""

    def __init__(self, wrong: float, gradient: bool) -> None:
        super().__init__()
        self.wrong, self.gradient, self.calls = wrong, gradient, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls != 2:
            return x
        if self.gradient:
            return x + (x - x.detach()).clamp(min=0).sqrt()  # 0, with an infinite slope
        return x + self.wrong


@pytest.mark.parametrize(("wrong", "gradient"), [(math.inf, False), (math.nan, False), (0.0, True)])
def test_a_step_whose_loss_or_gradient_is_no_number_changes_nothing(wrong: float, gradient: bool) -> None:
    net = build(la.Dense(5) >> la.Module(Shout(wrong, gradient), gives=Vector(5)) >> la.Classify(), Vector(4), Label(3))
    rule = Adam()
    groups = rule.start(net.named_parameters())
    loop = fit(net, batches().from_step(0), rule, groups, lambda _: 0.1)
    assert next(loop).applied
    before, state = copy.deepcopy(net.state_dict()), copy.deepcopy(state_tensors(groups))
    step = next(loop)
    assert not step.applied
    assert not (math.isfinite(step.loss) and math.isfinite(step.gradient_norm))
    assert math.isfinite(step.loss) == gradient
    assert equal(net.state_dict(), before)
    assert equal(state_tensors(groups), state)
    after = next(loop)
    assert after.applied
    assert math.isfinite(after.loss)
    assert not equal(net.state_dict(), before)


def test_a_step_says_what_it_did() -> None:
    net = build("Dense(5) >> Classify()", Vector(4), Label(3))
    batch = next(batches().epoch(0))
    with torch.no_grad():
        loss = net.score(batch.inputs, batch.target).mean().item()
    step = trained(net, 1)[0]
    assert (step.number, step.epoch, step.units, step.rate, step.applied) == (1, 0, 10, 0.05, True)
    assert step.loss == pytest.approx(loss)
    assert torch.equal(step.examples, batch.examples)
    assert step.gradient_norm == pytest.approx(length([p.grad for p in net.parameters()]))
    assert length([]) == 0.0
    assert length([torch.tensor([3.0]), torch.tensor([[4.0]])]) == pytest.approx(5.0)


def test_the_schedule_is_asked_with_the_number_of_updates_before() -> None:
    net, asked = build("Dense(5) >> Classify()", Vector(4), Label(3)), []
    rule = SGD()
    loop = fit(
        net, batches().from_step(11), rule, rule.start(net.named_parameters()),
        lambda step: asked.append(step) or 0.5 ** (step - 10), done=11,
    )  # fmt: skip
    steps = list(itertools.islice(loop, 3))
    assert asked == [11, 12, 13]
    assert [step.number for step in steps] == [12, 13, 14]
    assert [step.rate for step in steps] == [0.5, 0.25, 0.125]


def test_examples_and_epochs_are_those_of_the_batches() -> None:
    steps = trained(build("Dense(5) >> Classify()", Vector(4), Label(3)), 9)
    assert [step.epoch for step in steps] == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    for epoch in (0, 1):
        seen = torch.cat([step.examples for step in steps if step.epoch == epoch])
        assert sorted(seen.tolist()) == list(range(37))


def test_noise_follows_from_the_seed_and_the_step_alone() -> None:
    one, two, other = (build(NET, Vector(4), Label(3)) for _ in range(3))
    trained(one, seed=3)
    torch.rand(7)  # whatever else draws numbers
    trained(two, seed=3)
    trained(other, seed=4)
    assert equal(one.state_dict(), two.state_dict())
    assert not equal(one.state_dict(), other.state_dict())


def test_the_length_of_large_and_small_gradients_together_is_that_of_one_vector() -> None:
    random = torch.Generator().manual_seed(0)
    shapes = [(300, 401), (7,), (401, 300), (2, 3, 5)]
    gradients = [torch.randn(shape, generator=random) for shape in shapes]
    gradients[2] = gradients[2].T
    whole = torch.cat([gradient.flatten() for gradient in gradients])
    assert length(gradients) == pytest.approx(whole.double().norm().item(), rel=1e-6)
    assert length([torch.full((300, 401), torch.inf), *gradients]) == torch.inf
