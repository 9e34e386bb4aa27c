"""Steps in bfloat16: what is stored stays float32, and what is learned is nearly the same."""

from __future__ import annotations

import pytest
import torch

import lamina as la
from lamina.data.batches import Batch
from lamina.training.optimizers import Adam
from lamina.training.precision import say_if_slow

NET = "Dense(31) >> Tanh() >> Dense(17) >> Classify()"


def trained(precision: str) -> tuple[la.Net, list[float]]:
    random = torch.Generator().manual_seed(3)
    x = torch.randn(64, 13, generator=random)
    y = (x[:, :5].sum(1) > 0).long()
    net = la.build(NET, la.Vector(13), la.Label(2)).train()
    optimizer = Adam(0.01)
    groups = optimizer.start(net.named_parameters())
    batches = [Batch(x, y, torch.arange(64), 0)] * 60
    steps = la.fit(net, batches, optimizer, groups, lambda step: 0.01, precision=precision)
    return net, [step.loss for step in steps]


def test_a_net_learns_as_it_does_in_float32() -> None:
    exact, mixed = trained("float32")[1], trained("bfloat16")[1]
    assert mixed != exact
    assert mixed[0] == pytest.approx(exact[0], rel=0.01)
    assert mixed[-1] == pytest.approx(exact[-1], rel=0.1)
    assert mixed[-1] < 0.1 < mixed[0]


def test_weights_stay_float32() -> None:
    net, _ = trained("bfloat16")
    assert {weight.dtype for weight in net.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("able", "said"),
    [
        ({}, ["precision=bfloat16 is slower than float32 on this CPU: it has neither AVX512-BF16 nor AMX"]),
        ({"avx512_bf16": True, "amx_bf16": False}, []),
        ({"avx512_bf16": False, "amx_bf16": True}, []),
    ],
)
def test_a_cpu_without_it_is_told_of(monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], said: list[str]) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    heard: list[str] = []
    say_if_slow("bfloat16", torch.device("cpu"), heard.append)
    say_if_slow("float32", torch.device("cpu"), heard.append)
    assert heard == said


def test_other_precisions_are_refused() -> None:
    with pytest.raises(la.RunError, match="precision"):
        la.train(NET, "digits", precision="float16", display=None)
