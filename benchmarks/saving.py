"""What a checkpoint costs beside the bare writing of its tensors."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.measure import in_turn, table
from lamina.training.checkpoint import Checkpoints, Snapshot


def synced(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """The bare writing, and waiting until the disk has it: the least that outlives a power cut."""
    save_file(tensors, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def compared(megabytes: int) -> list[tuple[str, ...]]:
    """The rows of one size."""
    count = megabytes * 2**18 // 3
    tensors = {name: torch.randn(count) for name in ("w", "w.mean", "w.square")}
    groups = {"model": {"w": tensors["w"]}, "optimizer": {name: tensors[name] for name in ("w.mean", "w.square")}}
    folder = Path(tempfile.mkdtemp())
    checkpoints, step = Checkpoints(folder / "checkpoints", say=print), itertools.count(1)
    timings = in_turn(
        {
            "save_file": lambda: save_file(tensors, folder / "bare.safetensors"),
            "save_file, synced": lambda: synced(tensors, folder / "synced.safetensors"),
            "checkpoint": lambda: checkpoints.save(Snapshot(next(step), groups, {})),
        },
        9,
    )
    shutil.rmtree(folder)
    rows: list[tuple[str, ...]] = []
    for name, timing in timings.items():
        ratio = "" if name == "save_file" else f"{timing.ratio(timings['save_file']):.2f}x save_file"
        wanted = "at most 2x" if name == "checkpoint" else ""
        rows.append((f"{megabytes} MB: {name}", f"{timing.median * 1000:.0f} ms", ratio, wanted))
    return rows


def main() -> str:
    """The table."""
    return table(("saving", "median", "compared", "wanted"), [*compared(10), *compared(100)])
