"""The running average of weights."""

from __future__ import annotations

import contextlib

import pytest
import torch
from runs import equal

from lamina.kinds import Label, Vector
from lamina.net import Net, build
from lamina.training.average import Average, moving_tensors


def net() -> Net:
    return build("Dense(5) >> BatchNorm() >> Classify()", Vector(4), Label(3))


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_the_average_is_that_of_its_formula(decay: float) -> None:
    trained = net()
    average = Average(trained, decay)
    random = torch.Generator().manual_seed(0)
    by_hand = {name: parameter.detach().double() for name, parameter in moving_tensors(trained).items()}
    for step in range(1, 12):
        with torch.no_grad():
            for parameter in moving_tensors(trained).values():
                parameter.copy_(torch.randn(parameter.shape, generator=random))
        average.update(step)
        d = min(decay, (1 + step) / (10 + step))
        for name, parameter in moving_tensors(trained).items():
            by_hand[name] = d * by_hand[name] + (1 - d) * parameter.detach().double()
    for name, tensor in average.tensors().items():
        torch.testing.assert_close(tensor.double(), by_hand[name], rtol=1e-5, atol=1e-6)


def test_within_its_block_the_net_has_the_average_and_afterwards_its_own_weights() -> None:
    trained = net()
    average = Average(trained, 0.9)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(1)
    own = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
    averaged = {name: tensor.clone() for name, tensor in average.tensors().items()}
    with contextlib.suppress(ZeroDivisionError), average.in_place():
        assert equal(moving_tensors(trained), averaged)
        raise ZeroDivisionError
    assert equal(trained.state_dict(), own)
    assert equal(average.tensors(), averaged)


def test_the_statistics_of_norms_are_averaged_with_the_weights() -> None:
    trained = build("Dense(5) >> BatchNorm() >> Classify()", Vector(3), Label(2))
    average = Average(trained, 0.9)
    with torch.no_grad():
        trained.body[1].running_mean.fill_(11.0)
    average.update(100)
    torch.testing.assert_close(average.tensors()["body.1.running_mean"], torch.full((5,), 1.1))
    with average.in_place():
        torch.testing.assert_close(trained.body[1].running_mean, torch.full((5,), 1.1))
    assert trained.body[1].running_mean.tolist() == [11.0] * 5
