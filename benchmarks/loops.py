"""Training loops side by side: lamina's, one written by hand with care, and the usual torch script."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import lamina as la
from benchmarks.measure import in_turn, table
from lamina.data.batches import Batches
from lamina.data.dataset import Dataset
from lamina.training.machine import prepare, threads_for
from lamina.training.optimizers import Adam

ROUNDS = 9
DEFAULT_THREADS = torch.get_num_threads()


class Problem:
    """A net and data of a size, the same for all contenders."""

    def __init__(self, name: str, examples: int, inputs: int, hidden: tuple[int, ...], batch: int, epochs: int) -> None:
        self.name, self.batch, self.epochs, self.hidden = name, batch, epochs, hidden
        random = torch.Generator().manual_seed(0)
        self.x = torch.randn(examples, inputs, generator=random)
        self.y = torch.randint(10, (examples,), generator=random)

    @property
    def seen(self) -> int:
        return len(self.x) * self.epochs

    def dataset(self) -> Dataset:
        return la.from_arrays(self.x, self.y)

    def torch_net(self) -> nn.Module:
        widths = (self.x.shape[1], *self.hidden)
        layers = [part for a, b in itertools.pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers, nn.Linear(widths[-1], 10))

    def prepare(self) -> None:
        """Make nets and data, which no contender is timed for, and let lamina choose its threads."""
        self.data = self.dataset()
        sentence = " >> ".join([f"Dense({width}) >> ReLU()" for width in self.hidden] + ["Classify()"])
        self.ours = la.build(sentence, self.data.inputs.kind, self.data.target.kind)
        self.hands, self.theirs = self.torch_net(), self.torch_net()
        self.threads = threads_for(self.ours.multiply_adds() * self.batch)

    def lamina(self) -> None:
        prepare(self.threads)
        optimizer = Adam(0.001)
        batches = Batches(self.data, torch.arange(len(self.data)), self.batch, seed=0)
        steps = batches.count * self.epochs
        groups = optimizer.start(self.ours.named_parameters())
        for step in la.fit(self.ours, batches.from_step(0), optimizer, groups, lambda _: 0.001):
            if step.number == steps:
                break

    def by_hand(self) -> None:
        prepare(self.threads)
        optimizer = torch.optim.Adam(self.hands.parameters(), lr=0.001, fused=True)
        for _ in range(self.epochs):
            for rows in torch.randperm(len(self.x)).split(self.batch):
                loss = F.cross_entropy(self.hands(self.x.index_select(0, rows)), self.y.index_select(0, rows))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss.item()

    def usual(self) -> None:
        torch.set_num_threads(DEFAULT_THREADS)
        optimizer = torch.optim.Adam(self.theirs.parameters(), lr=0.001)
        loader = DataLoader(TensorDataset(self.x, self.y), batch_size=self.batch, shuffle=True)
        for _ in range(self.epochs):
            for x, y in loader:
                loss = F.cross_entropy(self.theirs(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss.item()


def feeding() -> tuple[str, ...]:
    """Batches against the bare gather that they are made of."""
    problem = Problem("feeding", 60_000, 784, (), 128, 1)
    batches = Batches(problem.dataset(), torch.arange(60_000), 128, seed=0)

    def bare() -> None:
        for rows in torch.randperm(60_000).split(128):
            problem.x.index_select(0, rows)
            problem.y.index_select(0, rows)

    def fed() -> None:
        for _ in batches.epoch(0):
            pass

    timings = in_turn({"bare": bare, "fed": fed}, 25)
    share = timings["bare"].ratio(timings["fed"])
    return ("feeding 60,000 x 784", f"{60_000 / timings['fed'].median:,.0f}", f"{share:.1%} of index_select", "95 %")


def main() -> str:
    """The table."""
    prepare(0)
    rows: list[tuple[str, ...]] = []
    for problem, wanted in (
        (Problem("digits MLP 64-128-10, batch 32", 1437, 64, (128,), 32, 20), 2.5),
        (Problem("MNIST-sized MLP 784-512-256-10, batch 128", 12_000, 784, (512, 256), 128, 1), 2.0),
    ):
        problem.prepare()
        contenders = {"lamina": problem.lamina, "by hand, fused": problem.by_hand, "usual script": problem.usual}
        timings = in_turn(contenders, ROUNDS)
        ours = timings["lamina"]
        for name, timing in timings.items():
            reach = {"lamina": "", "by hand, fused": "at least 0.97x", "usual script": f"at least {wanted}x"}[name]
            rate = f"{problem.seen / timing.median:,.0f}"
            rows.append((f"{problem.name}: {name}", rate, f"lamina {timing.ratio(ours):.2f}x as fast", reach))
    rows.append(feeding())
    return table(("training loop", "examples/s", "compared", "wanted"), rows)
