"""ReLU writes over what comes in where that is nobody else's, which nobody must notice."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.kinds import Image, Label, Vector
from lamina.layers.activation import ReLU
from lamina.layers.compose import Residual
from lamina.net import build
from lamina.sentence import parse


def made_up(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


def test_a_relu_writes_over_what_is_nobody_elses_and_over_nothing_else() -> None:
    chain = parse("ReLU() >> Conv(3) >> ReLU() >> Residual(ReLU() >> Conv(3) >> ReLU()) >> ReLU() >> GELU() >> ReLU()")
    chain.build(Image(3, 5, 7))
    assert [stage.given_new for stage in chain.modules() if isinstance(stage, ReLU)] == [
        False, True, False, True, True, False,
    ]  # fmt: skip


def test_a_relu_that_is_built_anew_forgets_what_it_stood_behind() -> None:
    chain = parse("Dense(5) >> ReLU()")
    chain.build(Vector(5))
    for block in (Residual(chain[1]), Residual(chain[1] >> parse("Dense(5)"))):
        block.build(Vector(5))
        x = torch.tensor([[-2.0, -1.0, 0.0, 1.0, 2.0]])
        block(x)
        assert x.tolist() == [[-2.0, -1.0, 0.0, 1.0, 2.0]]


def test_hooks_see_what_a_stage_gave_before_the_relu_behind_it() -> None:
    x, seen, gradients = made_up(2, 3, 5, 7) - 0.5, [], []
    net = build("Conv(4) >> ReLU() >> GlobalPool() >> Classify()", Image(3, 5, 7), Label(2))
    expected = net.body[0](x)
    handle = net.body[0].register_forward_hook(lambda stage, given, gave: seen.append(gave))
    net(x)
    assert torch.equal(seen[0], expected)
    assert (expected < 0).any()
    handle.remove()
    handle = net.body[1].register_forward_pre_hook(lambda stage, given: seen.append(given[0]))
    net(x)
    assert torch.equal(seen[1], expected)
    handle.remove()
    net.body[0].register_full_backward_hook(lambda stage, given, gave: gradients.append(gave[0]))
    net(x.requires_grad_()).sum().backward()
    assert gradients[0].shape == expected.shape


def test_per_example_gradients_are_those_of_each_example_alone() -> None:
    net = build("Conv(4) >> ReLU() >> GlobalPool() >> Classify()", Image(3, 5, 7), Label(2))
    x, weights = made_up(3, 3, 5, 7) - 0.5, dict(net.named_parameters())

    def loss(weights: dict[str, Tensor], one: Tensor) -> Tensor:
        return torch.func.functional_call(net, weights, (one[None],)).square().sum()

    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, x)
    alone = torch.func.grad(loss)(weights, x[1])
    torch.testing.assert_close(each["body.0.weight"][1], alone["body.0.weight"])
