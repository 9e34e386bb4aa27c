"""The adding problem: RNN, LSTM, and an LSTM told how long to remember: `python -m experiments.adding --out FOLDER`.

A row has two numbers at each position: one drawn from [-1, 1], and a mark. Two positions are marked; what is asked for,
at the end, is 0.5 + (the sum of their numbers) / 4. Source: Hochreiter and Schmidhuber 1997, section 5.4, experiment 4;
there a row counts as right if the error is below 0.04. Every update sees new rows, as there.

For each net, at each length, the JSON holds the loss as training went on, the error on rows that training never had,
and how far back the loss is felt: the length of d loss / d h_t at each position t, of the first weights and of the
last. For an LSTM also that of d loss / d c_t, what comes back through its cell and not through its gates; behind the
last position nothing does, so it ends with 0.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import lamina as la
from lamina.chance import generator
from lamina.data.batches import Batch
from lamina.kinds import Padded

LENGTHS = (50, 100, 400)
NETS = {"RNN": "RNN(64)", "LSTM": "LSTM(64)", "LSTM with span": "LSTM(64, span={length})"}
RIGHT = 0.04
TESTS = 1_000
LOOKED_AT = 64
"""Rows that the lengths of gradients are a mean over."""


def adding(length: int, examples: int, random: torch.Generator, longest: int | None = None) -> tuple[Padded, Tensor]:
    """Rows of the adding problem and what is asked for, (B, 1).

    The first mark is among the first ten positions, the second among the first half that is still unmarked; both ends
    have the mark -1. Where the first position is drawn, its number counts as 0.

    Args:
        length: the least of a row; at least 20.
        examples: how many rows.
        random: what they are drawn from.
        longest: the most of a row; None for a tenth more than the least.
    """
    longest = length + length // 10 if longest is None else longest
    lengths = torch.randint(length, longest + 1, (examples,), generator=random)
    numbers = 2 * torch.rand(examples, longest, generator=random) - 1
    one = torch.randint(10, (examples,), generator=random)
    other = torch.randint(length // 2 - 1, (examples,), generator=random)
    other += other >= one  # the place of the first mark is skipped
    rows, marks = torch.arange(examples), torch.zeros(examples, longest)
    marks[rows, one] = marks[rows, other] = 1
    added = numbers.where(marks == 1, 0.0)[:, 1:].sum(1)
    marks[:, 0] = marks[rows, lengths - 1] = -1
    visible = torch.arange(longest) < lengths[:, None]
    values = torch.stack((numbers, marks), -1).masked_fill(~visible[..., None], 0.0)  # (B, T, 2)
    return Padded(values, visible), (0.5 + added / 4)[:, None]


def batches(length: int, size: int, seed: int) -> Iterator[Batch]:
    """New rows for each update, without end."""
    step = 0
    while True:
        inputs, target = adding(length, size, generator(seed, "adding", length, step))
        yield Batch(inputs, target, torch.arange(step * size, (step + 1) * size), 0)
        step += 1


def felt(net: la.Net, length: int) -> dict[str, list[float]]:
    """The length of d loss / d h_t of a row, by position t from the first on, as a mean over rows.

    The row is read position by position, so that what comes after h_t hangs on it as on any other number. In double
    precision: what an RNN of 400 positions leaves of a gradient may be too small for single.
    """
    net = copy.deepcopy(net).double().eval()
    x, target = adding(length, LOOKED_AT, generator("felt", length), longest=length)
    cell, pool = net.body[0], net.body[1]
    visible, state, states = x.visible[:, :1], None, list[tuple[Tensor, ...]]()
    for place in range(length):
        _, state = cell.carry(Padded(x.values[:, place : place + 1].double(), visible), state)
        states.append(state[0])
    # The last h is given out as well as kept; what comes of it must hang on the one that is looked at.
    loss = net.end.score(pool(Padded(states[-1][0][:, None], visible)), target.double()).total
    names = ("h", "c")[: len(states[0])]
    found = {}
    for number, name in enumerate(names):
        of = [parts[number] for parts in states]
        gradients = torch.autograd.grad(loss, of, retain_graph=True, allow_unused=True)
        found[name] = [0.0 if grad is None else grad.norm(dim=1).mean().item() for grad in gradients]
    return found


def trained(name: str, length: int, asked: argparse.Namespace) -> dict[str, Any]:
    """What one net comes to at one length."""
    net = la.build(
        f"{NETS[name].format(length=length)} >> Last() >> Regress()", la.Sequence(2), la.Value(1), seed=asked.seed
    )
    net.learn(lambda: ((batch.inputs, batch.target) for batch in islice(batches(length, 256, asked.seed), 8)))
    optimizer = la.Adam(asked.rate)
    groups = optimizer.start(net.named_parameters())
    x, target = adding(length, TESTS, generator(asked.seed, "test", length))
    seen = islice(batches(length, asked.batch, asked.seed), asked.steps)
    steps, tests, at_first, began = list[float](), list[dict[str, float]](), felt(net, length), time.monotonic()
    for step in la.fit(net, seen, optimizer, groups, lambda _: asked.rate, seed=asked.seed, clip=1.0):
        steps.append(round(step.loss, 4))
        if step.number % asked.every == 0 or step.number == asked.steps:
            errors = net.predict(x).value - target
            squared, right = errors.square().mean().item(), (errors.abs() < RIGHT).double().mean().item()
            tests.append({"step": step.number, "squared_error": squared, "right": right})
    return {
        "net": net.sentence(),
        "length": length,
        "parameters": net.parameter_count(),
        "squared_error_of_the_mean": target.var(correction=0).item(),
        "loss": steps,
        "test": tests,
        "felt_at_first": at_first,
        "felt_at_last": felt(net, length),
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """Train the nets at each length, write the JSON, print a line of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--every", type=int, default=100, help="steps between one test and the next")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.002)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--nets", nargs="+", default=sorted(NETS), choices=sorted(NETS))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = {name: getattr(asked, name) for name in ("steps", "batch", "rate", "seed")}
    runs = list[dict[str, Any]]()
    for length in asked.lengths:
        for name in asked.nets:
            run = trained(name, length, asked)
            runs.append(run)
            last, first = run["test"][-1], run["felt_at_last"]["h"]
            print(
                f"{name:14} length {length:3}  squared error {last['squared_error']:.5f} (the mean's"
                f" {run['squared_error_of_the_mean']:.5f})  right {last['right']:.1%}  felt at the first position"
                f" {first[0] / first[-1]:.1e} of what it is at the last  {run['seconds']:.0f} s",
                flush=True,
            )
            result = {"command": "python -m experiments.adding --out docs/results", **settings, "runs": runs}
            (asked.out / "adding.json").write_text(f"{json.dumps(result, indent=1)}\n")


if __name__ == "__main__":
    main()
