"""What a checkpoint costs beside the bare writing of its tensors."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.measure import in_turn, table
from lamina.train.checkpoint import Checkpoints, Snapshot


def main() -> str:
    """The table."""
    rows = []
    for megabytes in (10, 100):
        count = megabytes * 2**18 // 3
        tensors = {name: torch.randn(count) for name in ("w", "w.mean", "w.square")}
        model, optimizer = {"w": tensors["w"]}, {name: tensors[name] for name in ("w.mean", "w.square")}
        folder = Path(tempfile.mkdtemp())
        checkpoints, step = Checkpoints(folder / "checkpoints", say=print), itertools.count(1)
        timings = in_turn(
            {
                "save_file": lambda: save_file(tensors, folder / "bare.safetensors"),
                "checkpoint": lambda: checkpoints.save(
                    Snapshot(next(step), {"model": model, "optimizer": optimizer}, {})
                ),
            },
            9,
        )
        shutil.rmtree(folder)
        for name, timing in timings.items():
            ratio = f"{timing.ratio(timings['save_file']):.2f}x save_file" if name == "checkpoint" else ""
            rows.append(
                (f"{megabytes} MB: {name}", f"{timing.median * 1000:.0f} ms", ratio, "at most 2x" if ratio else "")
            )
    return table(("saving (synced to the disk)", "median", "compared", "wanted"), rows)
