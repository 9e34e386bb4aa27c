"""Nets for pictures: lamina against the same nets as a usual torch script writes and trains them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch

import lamina as la
from benchmarks.measure import Timing, in_turn, table
from benchmarks.plain_nets import PLAIN, steps
from lamina.data.batches import Batches
from lamina.data.dataset import Column, Dataset
from lamina.fold import folded
from lamina.kinds import Image, Label
from lamina.rewrite import rewritten
from lamina.training.machine import prepare
from lamina.training.optimizers import SGD, Adam, Optimizer

ROUNDS = 4
SMALL = (
    "Conv(32) >> ReLU() >> Pool() >> Conv(64) >> ReLU() >> Pool() >> Flatten() >> Dense(128) >> ReLU() >> Classify()"
)


class Case(NamedTuple):
    """A net, how it is trained, and what is wanted of it."""

    name: str
    sentence: str
    given: Image
    examples: int
    batch: int
    optimizer: Optimizer
    wanted: str

    def dataset(self) -> Dataset:
        """Bytes for lamina, whose channels lie last, and labels."""
        random = torch.Generator().manual_seed(0)
        shape = (self.examples, self.given.height, self.given.width, self.given.channels)
        x = torch.randint(256, shape, generator=random, dtype=torch.uint8).permute(0, 3, 1, 2)
        y = torch.randint(10, (self.examples,), generator=random)
        return Dataset(self.name, Column(x, self.given, 1 / 255), Column(y, Label(10)), tuple("0123456789"))

    def net(self) -> la.Net:
        """lamina's net, as `lamina train` builds it."""
        return la.build(rewritten(la.parse(self.sentence), self.given).stage, self.given, Label(10))


CASES = (
    Case("small CNN", SMALL, Image(1, 28, 28), 6400, 128, Adam(0.001), "1.8x"),
    Case("ResNet-20", "ResNet(20, small=True) >> Classify()", Image(3, 32, 32), 1280, 128, SGD(0.1, 0.9), "1.4x"),
    Case("ResNet-18", "ResNet(18, stem='small') >> Classify()", Image(3, 32, 32), 256, 64, SGD(0.1, 0.9), ""),
)


def channels_first(data: Dataset) -> torch.Tensor:
    """All pictures as a usual script has them, also by their strides, which one channel leaves open."""
    x = data.inputs.gather(torch.arange(len(data)))
    return torch.empty(x.shape).copy_(x)


def sgemm_rate() -> float:
    """Multiply-adds a second of a product of large matrices."""
    size = 2048
    a, b = torch.randn(size, size), torch.randn(size, size)
    return size**3 / in_turn({"sgemm": lambda: a @ b}, 9)["sgemm"].median


def train_ours(case: Case, net: la.Net, data: Dataset) -> None:
    """An epoch by lamina's loop."""
    batches = Batches(data, torch.arange(len(data)), case.batch, seed=0)
    rate = case.optimizer.rate
    assert isinstance(rate, float)
    groups = case.optimizer.start(net.named_parameters())
    for step in la.fit(net, batches.from_step(0), case.optimizer, groups, lambda _: rate):
        if step.number == batches.count:
            break


def rival(case: Case, net: torch.nn.Module) -> torch.optim.Optimizer:
    """The optimizer of the usual script."""
    if isinstance(case.optimizer, Adam):
        return torch.optim.Adam(net.parameters(), lr=0.001)
    return torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def training(case: Case) -> dict[str, Timing]:
    """An epoch of both."""
    data, net, plain = case.dataset(), case.net().train(), PLAIN[case.name]().train()
    x, y = channels_first(data), data.target.values
    rule = rival(case, plain)
    return in_turn(
        {
            "lamina": lambda: train_ours(case, net, data),
            "usual script": lambda: steps(plain, x, y, rule, case.batch),
        },
        ROUNDS,
    )


def inference(case: Case) -> dict[str, Timing]:
    """Predictions for the whole set, in batches of 256."""
    data, plain = case.dataset(), PLAIN[case.name]().eval()
    ours = case.net().eval()
    quick = folded(ours).eval()
    parts = torch.arange(len(data)).split(256)
    x = channels_first(data)

    def usual() -> None:
        with torch.no_grad():
            for rows in parts:
                plain(x[rows]).softmax(1)

    def lamina(net: la.Net) -> None:
        for rows in parts:
            net.predict(data.inputs.gather(rows))

    return in_turn({"folded": lambda: lamina(quick), "lamina": lambda: lamina(ours), "usual script": usual}, ROUNDS)


def peak(case: Case, who: str) -> str:
    """The most memory that a process of its own takes to train an epoch, beyond what torch takes."""
    code = f"from benchmarks.vision import alone; alone({case.name!r}, {who!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return f"{int(done.stdout):,} MiB"


def alone(name: str, who: str) -> None:
    """Train an epoch and print by how much the most memory so far grew, in MiB."""
    case = next(each for each in CASES if each.name == name)
    prepare(0)
    before = most_memory()
    data = case.dataset()
    if who == "lamina":
        train_ours(case, case.net().train(), data)
    else:
        plain = PLAIN[name]().train()
        x = channels_first(data)
        steps(plain, x, data.target.values, rival(case, plain), case.batch)
    print((most_memory() - before) // 1024)


def most_memory() -> int:
    """The most memory that this process has had so far, in KiB; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def feeding() -> tuple[str, ...]:
    """Batches of a folder's pictures from the cache against the same from memory."""
    from PIL import Image as Pictures

    from lamina.data.pictures.load import load_pictures
    from lamina.data.pictures.reading import PictureReading

    with tempfile.TemporaryDirectory() as folder:
        random = torch.Generator().manual_seed(0)
        for number in range(2000):
            path = Path(folder, str(number % 5), f"{number}.png")
            path.parent.mkdir(exist_ok=True)
            pixels = torch.randint(256, (64, 64, 3), generator=random, dtype=torch.uint8).numpy()
            Pictures.fromarray(pixels).save(path, compress_level=1)
        mapped = load_pictures(folder, PictureReading())
        column = mapped.inputs
        copied = column.values.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
        held = Dataset("memory", Column(copied, column.kind, column.scale), mapped.target, mapped.classes)

        def epoch(data: Dataset) -> None:
            for _ in range(3):
                for _ in Batches(data, torch.arange(2000), 128, seed=0).epoch(0):
                    pass

        timings = in_turn({"memory": lambda: epoch(held), "cache": lambda: epoch(mapped)}, 15)
    share = timings["memory"].ratio(timings["cache"])
    rate = f"{6000 / timings['cache'].median:,.0f}"
    return ("feeding 2,000 pictures 64 x 64 from the cache", rate, f"{share:.1%} of memory", "95 %", "", "")


def main() -> str:
    """The table."""
    prepare(0)
    rate, rows = sgemm_rate(), list[tuple[str, ...]]()
    for case in CASES:
        work = case.net().multiply_adds() * case.examples
        timings = training(case)
        ours, theirs = timings["lamina"], timings["usual script"]
        for who, timing, wanted in (("lamina", ours, case.wanted), ("usual script", theirs, "")):
            share = f"{3 * work / timing.median / rate:.0%}"
            compared = f"{theirs.ratio(timing):.2f}x"
            speed = f"{case.examples / timing.median:,.0f}"
            rows.append((f"{case.name}, training: {who}", speed, compared, wanted, share, peak(case, who)))
        timings = inference(case)
        for who, timing in timings.items():
            wanted = "1.2x of unfolded" if who == "folded" else ""
            compared = f"{timings['usual script'].ratio(timing):.2f}x"
            if who == "folded":
                compared += f" ({timings['lamina'].ratio(timing):.2f}x)"
            speed = f"{case.examples / timing.median:,.0f}"
            rows.append(
                (f"{case.name}, inference: {who}", speed, compared, wanted, f"{work / timing.median / rate:.0%}", "")
            )
    rows.append(feeding())
    head = (
        "pictures",
        "examples/s",
        "of the usual script",
        "wanted",
        f"of sgemm ({rate / 1e9:.0f} G/s)",
        "peak memory",
    )
    return table(head, rows)
