"""Large tables: how fast a CSV is read, what it costs in memory, and what mapped columns cost a training.

`python -m benchmarks tables` writes a CSV of 5 million rows and 20 columns (0.7 GB) into a temporary folder. Peak
memory is that of a process of its own, which reads, infers, and trains for an epoch.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import torch
from pyarrow import csv

import lamina as la
from benchmarks.measure import in_turn, table
from lamina.data.batches import Batches
from lamina.data.dataset import Column, Dataset
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import open_source
from lamina.training.machine import prepare
from lamina.training.optimizers import Adam

ROWS, COLUMNS = int(os.environ.get("LAMINA_BENCH_ROWS", 5_000_000)), 20
NET = "Piecewise(16) >> Categories(8) >> Dense(64) >> ReLU() >> Regress()"
WARM, STEPS, BATCH, ROUNDS = 20, 500, 512, 5
NUMBER_BYTES = 8
"""Of a number as pyarrow holds it."""

FIRST_EPOCH = """
import sys, time
import lamina as la

def peak():  # of this program alone: what getrusage says begins with the memory of the process that started it
    lines = open("/proc/self/status").read().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("VmHWM"))

began = time.perf_counter()
data = la.load_data(sys.argv[1], target="y")
loaded = time.perf_counter() - began
held = peak()
la.train(sys.argv[2], data, epochs=1, batch=512, out=sys.argv[3], display=None, say=lambda text: None, beside={})
print(loaded, time.perf_counter() - began - loaded, held, peak())
"""


def write(path: Path) -> None:
    """A table of numbers: normal, whole, skewed; y depends on them."""
    random = np.random.default_rng(0)
    writer = None
    for rows in np.array_split(np.arange(ROWS), max(1, ROWS // 250_000)):
        x = random.standard_normal((len(rows), COLUMNS - 1)).round(4)
        x[:, 6:12] = (x[:, 6:12] * 100).round()
        x[:, 12:] = np.exp(x[:, 12:]).round(3)
        columns = {f"x{place}": x[:, place] for place in range(COLUMNS - 1)}
        columns["y"] = (x[:, 0] * x[:, 1] + np.log(x[:, 12]) + random.standard_normal(len(rows)) / 4).round(4)
        part = pa.table(columns)
        writer = writer or csv.CSVWriter(path, part.schema)
        writer.write(part)
    if writer is not None:
        writer.close()


def reading(path: Path) -> list[tuple[str, ...]]:
    """Batches of the source against pyarrow's reading of the whole."""
    size = path.stat().st_size / 1e6

    def ours() -> None:
        for _ in open_source(path, Reading()).batches():
            pass

    timings = in_turn({"pyarrow": lambda: csv.read_csv(path), "lamina": ours}, ROUNDS)
    share = timings["pyarrow"].ratio(timings["lamina"])
    speed = {name: f"{size / timing.median:,.0f} MB/s" for name, timing in timings.items()}
    return [
        ("pyarrow.csv.read_csv", speed["pyarrow"], "", ""),
        ("lamina, batches of a source", speed["lamina"], f"{share:.0%} of pyarrow", "at least 80 %"),
    ]


def first_epoch(path: Path, folder: Path) -> list[tuple[str, ...]]:
    """Time and peak memory of reading, inferring and one epoch, in a process of its own, and again from the cache."""
    environment = {**os.environ, "LAMINA_CACHE": str(folder / "cache")}
    rows = []
    numeric = ROWS * COLUMNS * NUMBER_BYTES
    for number, what in enumerate(("first", "again, from the cache")):
        said = subprocess.run(
            [sys.executable, "-c", FIRST_EPOCH, str(path), NET, str(folder / f"run-{number}")],
            env=environment, capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        loaded, trained, held, peak = map(float, said)
        times = [1024 * kib / numeric for kib in (held, peak)]
        rows.append((f"profile, {what}", f"{loaded:.1f} s", f"peak {times[0]:.2f}x the numbers", "at most 3x"))
        rows.append((f"and one epoch, {what}", f"{trained:.1f} s", f"peak {times[1]:.2f}x the numbers", "at most 3x"))
    return rows


def feeding(path: Path, folder: Path) -> list[tuple[str, ...]]:
    """The same net fed from columns mapped to memory, and from a tensor in memory."""
    os.environ["LAMINA_CACHE"] = str(folder / "cache")
    mapped = la.load_data(str(path), target="y")
    columns = (mapped.inputs, mapped.target)
    ready = Dataset("ready", *(Column(column.values.clone(), column.kind) for column in columns))

    def trained(dataset: Dataset) -> float:
        prepare(1)
        net = la.build(NET, dataset.inputs.kind, dataset.target.kind)
        optimizer = Adam(0.001)
        groups = optimizer.start(net.named_parameters())
        batches = Batches(dataset, torch.arange(len(dataset)), BATCH, seed=0).from_step(0)
        began = 0.0
        for step in la.fit(net, batches, optimizer, groups, lambda _: 0.001):
            if step.number == WARM:
                began = time.perf_counter()
            if step.number == WARM + STEPS:
                break
        return STEPS * BATCH / (time.perf_counter() - began)

    speeds = [(trained(ready), trained(mapped)) for _ in range(ROUNDS)]
    share = median(ours / theirs for theirs, ours in speeds)
    return [
        ("training from a ready tensor", f"{median(theirs for theirs, _ in speeds):,.0f} rows/s", "", ""),
        ("training from mapped columns", f"{median(ours for _, ours in speeds):,.0f} rows/s", f"{share:.1%}", "95 %"),
    ]


def main() -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "large.csv"
        write(path)
        rows = [*reading(path), *first_epoch(path, folder), *feeding(path, folder)]
    head = f"CSV of {ROWS:,} rows, {COLUMNS} numbers"
    return table((head, "measured", "compared", "wanted"), rows)
