"""How long it takes until something happens: help, and the first step of a training."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import in_turn, table

LAMINA = str(Path(sys.executable).with_name("lamina"))


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def first_step() -> float:
    """Seconds from the start of the process to the end of its first step, as its log has it."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.time()
        run(LAMINA, "train", "digits", "--steps", "1", "--out", f"{folder}/run")
        entry = json.loads(Path(folder, "run", "steps.jsonl").read_text().splitlines()[0])
    return float(entry["at"]) - start


def main() -> str:
    """The table."""
    shown = in_turn(
        {
            "python -c pass": lambda: run(sys.executable, "-c", "pass"),
            "lamina --help": lambda: run(LAMINA, "--help"),
            "python -c 'import torch'": lambda: run(sys.executable, "-c", "import torch"),
        },
        7,
    )
    torch_seconds = shown["python -c 'import torch'"].median
    steps = sorted(first_step() for _ in range(7))[3]
    rows = [(name, f"{timing.median:.3f} s", "", "") for name, timing in shown.items()]
    rows[1] = (*rows[1][:2], "torch not imported", "under 0.25 s")
    rows.append(
        (
            "lamina train digits, to its first step",
            f"{steps:.3f} s",
            f"{steps / torch_seconds:.2f}x import torch",
            "at most 1.3x",
        )
    )
    return table(("starting", "median", "compared", "wanted"), rows)
