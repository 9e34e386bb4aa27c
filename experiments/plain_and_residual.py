"""Plain nets against residual ones, at 20 and 56 layers: `python -m experiments.plain_and_residual --out FOLDER`.

He et al. 2016 (section 4.2) found that a plain net of 56 layers learns worse than one of 20, also what it is trained
on, and that shortcuts mend it. Here on a small budget: the first 10,000 training pictures of CIFAR-10, made 16 x 16 by
the mean of each 2 x 2, and the same number of steps for all; each with and without augmentation and dropout.

The pictures are a mirror folder of their own in $LAMINA_DATA/cifar10 (see docs/data.md), whole or in part.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import lamina as la
from lamina.data.dataset import Column, Dataset

PICTURES = 10_000
TESTS = 2_000
OPTIMIZER = "SGD(steps(0.1, warmup=100), momentum=0.9, weight_decay=0.0001)"
BATCH = 128


def first_pictures() -> Dataset:
    """The first pictures of CIFAR-10, and the first of its test part."""
    whole = la.load_data("cifar10")
    assert whole.test is not None
    testing = torch.zeros(len(whole), dtype=torch.bool)
    testing[whole.test] = True
    rows = torch.cat(((~testing).nonzero()[:PICTURES, 0], whole.test[:TESTS]))
    inputs, target = whole.inputs, whole.target
    return replace(
        whole,
        inputs=Column(inputs.values[rows], inputs.kind, inputs.scale),
        target=Column(target.values[rows], target.kind),
        test=torch.arange(PICTURES, len(rows)),
    )


def sentence(depth: int, shortcut: str, augmented: bool, dropout: bool) -> str:
    """The net of one row of the table."""
    moved = "Flip() >> Shift(4, fill='zero') >> " if augmented else ""
    dropped = "Dropout(0.3) >> " if dropout else ""
    return (
        f"Standardize() >> {moved}MeanPool(2) >> ResNet({depth}, small=True, shortcut='{shortcut}') >>"
        f" {dropped}Classify()"
    )


def trained(data: Dataset, net: str, steps: int, threads: int) -> dict[str, Any]:
    """What one net came to: its accuracies, and its loss on what it was trained on over the last tenth of the steps."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        run = la.train(
            net, data, optimizer=OPTIMIZER, steps=steps, batch=BATCH, threads=threads, beside={}, out=out, display=None,
            say=lambda text: None,
        )  # fmt: skip
        lines = [json.loads(line) for line in (out / "steps.jsonl").read_text().splitlines()]
        losses = [line["loss"] for line in lines if "loss" in line and line["step"] > 0.9 * steps]
        return {
            "net": net,
            "train_loss": sum(losses) / len(losses),
            "test": run.result["test"]["accuracy"],
            "seconds": run.result["seconds"],
            "parameters": run.result["parameters"],
        }


def main() -> None:
    """Train all, write the JSON, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    data, rows = first_pictures(), list[dict[str, Any]]()
    cases = itertools.product((False, True), (False, True), (20, 56), ("none", "pad"))
    for dropout, augmented, depth, shortcut in cases:
        row = trained(data, sentence(depth, shortcut, augmented, dropout), asked.steps, asked.threads)
        row = {"depth": depth, "residual": shortcut == "pad", "augmented": augmented, "dropout": dropout, **row}
        rows.append(row)
        test = row["test"]
        print(
            f"{depth} layers, {'residual' if row['residual'] else 'plain':8}  augmented {augmented!s:5}  dropout"
            f" {dropout!s:5}  loss {row['train_loss']:.3f}  test {test['value']:.3f} [{test['low']:.3f},"
            f" {test['high']:.3f}]  {row['seconds']:.0f} s",
            flush=True,
        )
        result = {
            "command": f"python -m experiments.plain_and_residual --steps {asked.steps} --out docs/results",
            "optimizer": OPTIMIZER,
            "batch": BATCH,
            "steps": asked.steps,
            "seed": 0,
            "pictures": {"train": PICTURES, "test": TESTS, "size": "16 x 16"},
            "runs": rows,
        }
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "plain-and-residual.json").write_text(f"{json.dumps(result, indent=1)}\n")


if __name__ == "__main__":
    main()
