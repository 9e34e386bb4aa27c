"""The copy task, a neural Turing machine against an LSTM: `python -m experiments.copying --out FOLDER`.

A row shows vectors of 8 random bits, then a delimiter on a channel of its own; then nothing is shown, and the vectors
are to be said again in order. Source: Graves, Wayne and Danihelka 2014, section 4.1. As there, nets are trained on 1 to
20 vectors, drawn anew for each update, and also tested on longer rows; the LSTM has three layers of 256. In place of
their RMSProp with momentum both are trained by Adam, with rates that are asked for.

The loss is that of the answers alone, the sum over the bits of -log p(bit) in one row, here in bits: a net that knows
nothing pays 8 for each vector. An error is a bit whose probability is on the wrong side of 1/2.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from statistics import mean
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import lamina as la
from lamina.chance import generator, key
from lamina.kinds import Padded

BITS = 8
LONGEST = 20
TESTED = (10, 20, 30, 50, 100)
TESTS = 64
"""Rows of each tested length."""
NETS = {
    "Turing": la.Turing(100, slots=128, size=20) >> la.Dense(BITS),
    "LSTM": la.LSTM(256, layers=3) >> la.Dense(BITS),
}
CLIP = 10.0
"""The longest gradient."""


def copying(length: int, examples: int, random: torch.Generator) -> tuple[Padded, Tensor]:
    """Rows of the copy task, (B, 2 length + 1, 9), and the bits that are asked for, (B, length, 8)."""
    bits = torch.randint(2, (examples, length, BITS), generator=random).float()
    values = torch.zeros(examples, 2 * length + 1, BITS + 1)
    values[:, :length, :BITS] = bits
    values[:, length, BITS] = 1
    return Padded(values, torch.ones(values.shape[:2], dtype=torch.bool)), bits


def built(name: str, seed: int) -> la.Stage:
    """A net without an end, for no end gives bits at each position: what it gives are their logits."""
    net = NETS[name].fresh()
    net.build(la.Sequence(BITS + 1))
    for part_name, part in net.named_modules():
        if isinstance(part, la.Stage):
            part.place = key(part_name)
    net.initialise(seed, "linear")
    return net


def answers(net: la.Stage, x: Padded) -> Tensor:
    """The logits behind the delimiter."""
    logits: Tensor = net(x).values[:, x.values.shape[1] // 2 + 1 :]
    return logits


def paid(logits: Tensor, bits: Tensor) -> Tensor:
    """The loss of a row, in bits, as a mean over rows."""
    return F.binary_cross_entropy_with_logits(logits, bits, reduction="sum") / (math.log(2) * len(bits))


def tested(net: la.Stage, seed: int) -> list[dict[str, float]]:
    """Loss and errors of a row, at each tested length."""
    found = list[dict[str, float]]()
    with torch.inference_mode():
        for length in TESTED:
            x, bits = copying(length, TESTS, generator(seed, "test", length))
            logits = answers(net, x)
            errors = ((logits > 0) != bits.bool()).sum().item() / TESTS
            found.append({"length": length, "loss_bits": paid(logits, bits).item(), "errors": errors})
    return found


def trained(name: str, rate: float, asked: argparse.Namespace) -> dict[str, Any]:
    """What one net comes to."""
    net, losses, began = built(name, asked.seed), list[float](), time.monotonic()
    optimizer, parameters = la.Adam(rate), list(net.parameters())
    groups = optimizer.start(net.named_parameters())
    for step in range(asked.steps):
        random = generator(asked.seed, "copying", step)
        x, bits = copying(int(torch.randint(1, LONGEST + 1, (), generator=random)), asked.batch, random)
        for parameter in parameters:
            parameter.grad = None
        loss = paid(answers(net, x), bits)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP, error_if_nonfinite=True)
        optimizer.update(groups, rate)
        losses.append(loss.item() / bits.shape[1])
        if (step + 1) % asked.every == 0:
            print(f"{name:6}  step {step + 1}  {mean(losses[-asked.every :]):.3f} bits a vector", flush=True)
    return {
        "net": str(net),
        "parameters": sum(parameter.numel() for parameter in parameters),
        "rate": rate,
        "loss_bits_a_vector": [round(mean(losses[i : i + asked.every]), 4) for i in range(0, asked.steps, asked.every)],
        "test": tested(net, asked.seed),
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """Train both nets, write the JSON, print a line of each test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=5_000)
    parser.add_argument("--every", type=int, default=100, help="steps that a loss is a mean over")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rates", type=float, nargs=len(NETS), default=(0.01, 0.001), help=f"of {' and '.join(NETS)}")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = {name: getattr(asked, name) for name in ("steps", "every", "batch", "seed")}
    said = f"--steps {asked.steps} --rates {' '.join(f'{rate:g}' for rate in asked.rates)} --seed {asked.seed}"
    runs = list[dict[str, Any]]()
    for name, rate in zip(NETS, asked.rates, strict=True):
        runs.append(trained(name, rate, asked))
        for test in runs[-1]["test"]:
            print(f"{name:6}  {test['length']:3} vectors  {test['errors']:.2f} wrong bits a row", flush=True)
        result = {"command": f"python -m experiments.copying {said} --out docs/results", **settings, "runs": runs}
        (asked.out / "copying.json").write_text(f"{json.dumps(result, indent=1)}\n")


if __name__ == "__main__":
    main()
