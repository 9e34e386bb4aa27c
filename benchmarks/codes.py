"""Learning without labels: lamina against what a usual torch script does, and its PCA against scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import lamina as la
from benchmarks.measure import Timing, in_turn, table
from lamina.data.batches import Batches
from lamina.data.dataset import Column, Dataset
from lamina.training.machine import prepare, threads_for
from lamina.training.optimizers import Adam

ROUNDS = 5
BATCH = 128
EXAMPLES = 12_800
Precision: TypeAlias = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
DEFAULT_THREADS = torch.get_num_threads()

AUTOENCODER = "Dense(256) >> ReLU() >> Dense(64) >> ReLU() >> Dense(16) >> "
AUTOENCODER += "Reconstruct(Dense(64) >> ReLU() >> Dense(256) >> ReLU(), likelihood='bernoulli')"
VARIATIONAL = "Dense(400) >> ReLU() >> Gaussian(20) >> Reconstruct(Dense(400) >> ReLU(), likelihood='bernoulli')"


class PlainAutoencoder(nn.Module):
    """784-256-64-16 and back."""

    def __init__(self) -> None:
        super().__init__()
        self.there = nn.Sequential(
            nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 16)
        )  # fmt: skip
        self.back = nn.Sequential(
            nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid()
        )

    def loss(self, x: Tensor) -> Tensor:
        return F.binary_cross_entropy(self.back(self.there(x)), x, reduction="sum")


class PlainVariational(nn.Module):
    """784-400-20 and back, as Kingma and Welling's is usually written."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.mean, self.log_variance = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.back = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid())

    def loss(self, x: Tensor) -> Tensor:
        h = F.relu(self.hidden(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        deviation = torch.exp(0.5 * log_variance)
        restored = self.back(mean + deviation * torch.randn_like(deviation))
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        return F.binary_cross_entropy(restored, x, reduction="sum") + divergence


def pixels(examples: int) -> Tensor:
    """Bytes, of which most are black, as those of digits are."""
    random = torch.Generator().manual_seed(0)
    bright = torch.randint(256, (examples, 784), generator=random)
    return bright.where(torch.rand(examples, 784, generator=random) < 0.2, 0).to(torch.uint8)


def training(sentence: str, plain: nn.Module) -> dict[str, Timing]:
    """An epoch of both. The usual script holds its pictures as numbers, lamina holds bytes."""
    x, kind = pixels(EXAMPLES), la.Vector(784)
    data = Dataset("pixels", Column(x, kind, 1 / 255), Column(x, kind, 1 / 255))
    rule, nets = Adam(0.001), {precision: la.build(sentence, kind, kind) for precision in PRECISIONS}
    threads = threads_for(nets["float32"].multiply_adds() * BATCH)
    loader = DataLoader(TensorDataset(x.float() / 255), batch_size=BATCH, shuffle=True)
    theirs = torch.optim.Adam(plain.parameters(), lr=0.001)

    def ours(precision: Precision) -> None:
        prepare(threads)
        net, batches = nets[precision], Batches(data, torch.arange(len(data)), BATCH, seed=0)
        groups = rule.start(net.named_parameters())
        for step in la.fit(net, batches.from_step(0), rule, groups, lambda _: 0.001, precision=precision):
            if step.number == batches.count:
                break

    def usual() -> None:
        torch.set_num_threads(DEFAULT_THREADS)
        for (batch,) in loader:
            loss = plain.loss(batch)
            theirs.zero_grad()
            loss.backward()
            theirs.step()
            loss.item()

    contenders = {"lamina": lambda: ours("float32"), "lamina, bfloat16": lambda: ours("bfloat16")}
    return in_turn({**contenders, "usual script": usual}, ROUNDS)


def components() -> dict[str, Timing]:
    """50 components of 60,000 examples of 784 numbers, both from float32."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(60_000, 100, generator=random) @ torch.randn(100, 784, generator=random)
    stage = la.PCA(50).fresh()
    stage.build(la.Vector(784))

    def exact(solver: str) -> Callable[[], object]:
        return lambda: PCA(50, svd_solver=solver).fit(x.numpy())

    def ours() -> None:
        prepare(0)
        stage.learn(x.split(4096))

    return in_turn(
        {"lamina": ours, "scikit-learn, covariance_eigh": exact("covariance_eigh"), "arpack": exact("arpack")}, ROUNDS
    )


def main() -> str:
    """The table."""
    rows: list[tuple[str, ...]] = []
    for name, sentence, plain in (
        ("autoencoder 784-256-64-16, batch 128", AUTOENCODER, PlainAutoencoder()),
        ("variational 784-400-20, batch 128", VARIATIONAL, PlainVariational()),
    ):
        timings = training(sentence, plain)
        for who, timing in timings.items():
            compared = f"{timings['usual script'].ratio(timing):.2f}x the usual script"
            wanted = "at least 1.5x" if who == "lamina" else ""
            rows.append((f"{name}: {who}", f"{EXAMPLES / timing.median:,.0f} examples/s", compared, wanted))
    timings = components()
    for who, timing in timings.items():
        compared = f"lamina takes {timings['lamina'].ratio(timing):.2f}x as long"
        wanted = "at most 1.5x" if who != "lamina" else ""
        rows.append((f"PCA, 60,000 x 784 to 50: {who}", f"{timing.median:.2f} s", compared, wanted))
    return table(("without labels", "speed", "compared", "wanted"), rows)
