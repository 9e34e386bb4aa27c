"""The pictures that lamina is measured on: `python -m experiments.vision [NAME ...] --out FOLDER`.

MNIST, Fashion-MNIST and CIFAR-10 are found as `lamina train` finds them (see docs/data.md). A JSON file of each is left
in the folder for results, with the command that does the same.
"""

from __future__ import annotations

import argparse
import json
import shlex
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import lamina as la


class Recipe(NamedTuple):
    """What is trained on what, how, and how good it is wanted to be in how many seconds."""

    data: str
    net: str
    optimizer: str
    settings: dict[str, Any]
    accuracy: float
    seconds: float
    seeds: int

    def command(self) -> str:
        """The same as a line for the shell."""
        said = {"net": self.net, "optimizer": self.optimizer, **self.settings}
        options = " ".join(f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in said.items())
        return f"lamina train {self.data} {options} --seeds {self.seeds}"


MUON = "Muon(linear(0.2), others=0.01, momentum=0.6, weight_decay=0.1)"
GENTLE = "Muon(linear(0.1), others=0.01, momentum=0.6)"
DIGIT = "Standardize() >> Shift(2) >> FastNet({}) >> Classify(0.1)"
CLOTHES = "Standardize() >> Flip('alternate') >> Shift(1) >> FastNet({}) >> Classify(0.1)"
THINGS = "Standardize() >> Flip('alternate') >> Shift(2) >> FastNet((64, 256, 256)) >> Classify(0.2)"

CUT = {"batch": 250, "valid": 0.02}
TURNED = "Rotate(10.0, scale=(0.9, 1.1), fill='zero') >> Shift(2, fill='zero')"
LONG = f"Standardize() >> {TURNED} >> FastNet({{}}) >> Classify(0.1)"

RECIPES = {
    "mnist-12s": Recipe("mnist", DIGIT.format("(16, 32, 32)"), MUON, {"epochs": 1, **CUT}, 0.99, 12, 3),
    "mnist-45s": Recipe("mnist", DIGIT.format("(16, 32, 32)"), MUON, {"epochs": 4, **CUT}, 0.995, 45, 3),
    "mnist-10min": Recipe(
        "mnist", LONG.format("(32, 64, 128)"), GENTLE, {"epochs": 16, "average": 0.995, **CUT}, 0.997, 600, 1
    ),
    "fashion-mnist-3min": Recipe(
        "fashion-mnist", CLOTHES.format("(32, 64, 64)"), MUON, {"epochs": 5, "views": "Views()", **CUT}, 0.93, 180, 3
    ),
    "fashion-mnist-20min": Recipe(
        "fashion-mnist",
        CLOTHES.format("(32, 64, 128)"),
        MUON,
        {"epochs": 12, "views": "Views(shift=1)", **CUT},
        0.945,
        1200,
        1,
    ),
    "cifar10-20min": Recipe(
        "cifar10", THINGS, MUON, {"epochs": 3, "views": "Views(shift=1)", "batch": 500, "valid": 0.02}, 0.90, 1200, 1
    ),
    "cifar10-65min": Recipe(
        "cifar10", THINGS, MUON, {"epochs": 14, "views": "Views(shift=1)", "batch": 500, "valid": 0.02}, 0.94, 3900, 1
    ),
}


def main() -> None:
    """Train what is named, or all, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECIPES)}; all if none is named")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.names or RECIPES:
        recipe = RECIPES[name]
        with tempfile.TemporaryDirectory() as folder:
            runs = la.train_seeds(
                recipe.net,
                recipe.data,
                recipe.seeds,
                optimizer=recipe.optimizer,
                out=folder,
                display=None,
                say=lambda text: None,
                **recipe.settings,
            )
            summary = runs.summary()
        result = {
            "command": recipe.command(),
            "wanted": {"accuracy": recipe.accuracy, "seconds": recipe.seconds},
            **{key: summary[key] for key in ("net", "parameters", "seconds")},
            # The interval of one run is over test examples, that of a mean over seeds.
            "test": summary["test"] if recipe.seeds > 1 else summary["runs"][0]["test"],
            "runs": [{key: run[key] for key in ("test", "valid", "steps", "seconds")} for run in summary["runs"]],
        }
        (asked.out / f"{name}.json").write_text(f"{json.dumps(result, indent=1)}\n")
        each = ", ".join(f"{run['test']['accuracy']['value']:.4f} in {run['seconds']:.0f} s" for run in result["runs"])
        print(f"{name}: {each} (wanted: {recipe.accuracy} in {recipe.seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
