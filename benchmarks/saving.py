"""What a checkpoint costs beside the bare writing of its tensors."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.measure import in_turn, table
from lamina.training.checkpoint import Checkpoints, Snapshot


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
            "checkpoint": lambda: checkpoints.save(Snapshot(next(step), groups, {})),
        },
        9,
    )
    shutil.rmtree(folder)
    ratio = f"{timings['checkpoint'].ratio(timings['save_file']):.2f}x save_file"
    return [
        (f"{megabytes} MB: save_file", f"{timings['save_file'].median * 1000:.0f} ms", "", ""),
        (f"{megabytes} MB: checkpoint", f"{timings['checkpoint'].median * 1000:.0f} ms", ratio, "at most 2x"),
    ]


def main() -> str:
    """The table."""
    return table(("saving", "median", "compared", "wanted"), [*compared(10), *compared(100)])
