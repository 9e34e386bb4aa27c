"""What each part of a recipe is worth on MNIST: one change at a time, three seeds, five epochs.

    python -m experiments.ablation --out FOLDER

writes FOLDER/ablation.json and prints the table.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

import lamina as la
from lamina.baselines import baselines
from lamina.data.split import split
from lamina.training.result import plain

EPOCHS, SEEDS, BATCH, WIDTH = 5, 3, 128, 256
FAST = "AdamW(cosine(0.003, warmup=100))"
HEAD = "Standardize() >> Flatten() >> "


class Trial(NamedTuple):
    """One line of the table."""

    question: str
    name: str
    net: str
    optimizer: str = FAST


def deep(layers: int, activation: str = "ReLU()", init: str = "auto", between: str = "") -> str:
    """A net of that many dense layers of 256."""
    rule = "" if init == "auto" else f", init='{init}'"
    block = f"Dense({WIDTH}{rule}) >> {between}{activation} >> "
    return HEAD + block * layers + "Classify()"


TRIALS = [
    *(Trial("depth with ReLU", f"{n} hidden", deep(n)) for n in (1, 2, 3, 8)),
    *(Trial("depth with Sigmoid", f"{n} hidden", deep(n, "Sigmoid()")) for n in (1, 2, 3, 8)),
    *(
        Trial("first weights, 8 hidden, ReLU", rule, deep(8, init=rule))
        for rule in ("he", "glorot", "lecun", "orthogonal")
    ),
    *(Trial("first weights, 8 hidden, Sigmoid", rule, deep(8, "Sigmoid()", rule)) for rule in ("glorot", "lecun")),
    Trial("normalisation, 8 hidden, Sigmoid", "BatchNorm", deep(8, "Sigmoid()", between="BatchNorm() >> ")),
    Trial("normalisation, 8 hidden, ReLU", "BatchNorm", deep(8, between="BatchNorm() >> ")),
    Trial("regularisation, 2 hidden, ReLU", "BatchNorm", deep(2, between="BatchNorm() >> ")),
    Trial("regularisation, 2 hidden, ReLU", "Dropout(0.3)", deep(2, "ReLU() >> Dropout(0.3)")),
    Trial("regularisation, 2 hidden, ReLU", "both", deep(2, "ReLU() >> Dropout(0.3)", between="BatchNorm() >> ")),
    *(
        Trial("optimizer, 2 hidden, ReLU", name, deep(2), rule)
        for name, rule in (
            ("SGD 0.1", "SGD(cosine(0.1, warmup=100))"),
            ("SGD 0.1, momentum 0.9", "SGD(cosine(0.1, warmup=100), momentum=0.9)"),
            ("SGD 0.1, Nesterov 0.9", "SGD(cosine(0.1, warmup=100), momentum=0.9, nesterov=True)"),
            ("AdaGrad 0.03", "AdaGrad(cosine(0.03, warmup=100))"),
            ("RMSProp 0.001", "RMSProp(cosine(0.001, warmup=100))"),
            ("AdaDelta 1", "AdaDelta(cosine(1.0, warmup=100))"),
            ("Adam 0.003", "Adam(cosine(0.003, warmup=100))"),
            ("Adam 0.003, constant", "Adam(0.003)"),
        )
    ),
]


def main() -> None:
    """Train all of them, or go on where an earlier call stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ablation.json"
    rows = json.loads(path.read_text()) if path.is_file() else []
    data = la.load_data("mnist")
    beside = baselines(data, split(data))
    for number, trial in enumerate(TRIALS[len(rows) :], start=len(rows)):
        start = time.perf_counter()
        runs = la.train_seeds(
            trial.net,
            data,
            SEEDS,
            optimizer=trial.optimizer,
            out=folder / f"trial-{number}",
            beside=beside,
            epochs=EPOCHS,
            batch=BATCH,
            threads=1,
        )
        seconds = round(time.perf_counter() - start, 1)
        rows.append({**trial._asdict(), "seeds": SEEDS, "seconds": seconds, "test": plain(runs.test())})
        path.write_text(json.dumps(rows, indent=1) + "\n")
        print(f"{trial.question:<34} {trial.name:<24} accuracy {runs.test()['accuracy']}  {seconds} s", flush=True)


main()
