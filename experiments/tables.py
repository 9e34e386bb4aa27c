"""The tables that lamina is measured on: `python -m experiments.tables --data FOLDER --out FOLDER`.

FOLDER holds california_housing.csv.gz, adult-train.csv.gz, adult-test.csv.gz and abalone.csv. Each is what `lamina
train` does by itself with three seeds; a JSON file of it is left in the folder for results.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import lamina as la

ADULT = (
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship"),
    *("race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income"),
)
ABALONE = ("sex", "length", "diameter", "height", "whole", "shucked", "viscera", "shell", "rings")
SEEDS = 3


def tables(folder: Path) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Of each table what is trained on, the options of the command, and the same as keywords."""
    housing, train, test = (
        str(folder / name) for name in ("california_housing.csv.gz", "adult-train.csv.gz", "adult-test.csv.gz")
    )
    return {
        "california-housing": (housing, "--target median_house_value", {"target": "median_house_value"}),
        "adult": (
            train,
            "--target income --test adult-test.csv.gz --names age,...,income",
            {"target": "income", "test": test, "names": ADULT},
        ),
        "abalone": (
            str(folder / "abalone.csv"),
            "--target rings --names sex,...,rings",
            {"target": "rings", "names": ABALONE},
        ),
        "diabetes": ("diabetes", "", {}),
    }


def main() -> None:
    """Train on each, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, (data, options, keywords) in tables(asked.data).items():
        with tempfile.TemporaryDirectory() as folder:
            runs = la.train_seeds(
                None, data, SEEDS, out=folder, threads=asked.threads, display=None, say=lambda text: None, **keywords
            )
            command = f"lamina train {Path(data).name} {options}".strip() + f" --seeds {SEEDS} --json"
            summary = runs.summary()
        result = {
            "command": command,
            "seeds": list(range(SEEDS)),
            **{key: summary[key] for key in ("net", "parameters", "baseline", "test", "seconds")},
            "runs": [
                {key: run[key] for key in ("test", "valid", "steps", "seconds", "baseline_trained_on")}
                for run in summary["runs"]
            ],
        }
        (asked.out / f"{name}.json").write_text(f"{json.dumps(result, indent=1)}\n")
        print(name, *runs.runs, f"{summary['seconds']:.0f} s", sep="\n  ", flush=True)


if __name__ == "__main__":
    main()
