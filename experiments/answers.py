"""How a run's answers to SQuAD's questions fare: `python -m experiments.answers --run RUN --out FOLDER`.

RUN was trained by `lamina train squad-dev-v1.1.json.zip --from MODEL`. Of its test articles the JSON has exact match
and F1, of all and by the length of the answer and by what is asked for, those of the baseline that learns nothing, and
some answers that are wrong and some that are right.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import monotonic
from typing import Any

import lamina as la
from lamina.answers_measured import answers_measured
from lamina.baselines import baselines
from lamina.training.data import parts_of
from lamina.training.further import data_on


def fared(folder: Path) -> dict[str, Any]:
    """How a run does on the test part of the file that it was trained on."""
    run, began = la.Run(folder), monotonic()
    model = run.model()
    dataset = data_on(model, folder, run.plan.data)
    parts = parts_of(dataset, run.plan)
    found = answers_measured(model.net.eval(), dataset, parts.test)
    seconds = round(monotonic() - began, 1)
    print(", ".join(f"{name} {measure}" for name, measure in found.measures.items()))
    return {
        **told(folder),
        "rows": dict(zip(("train", "valid", "test"), map(len, parts), strict=True)),
        "test": {name: measure._asdict() for name, measure in found.measures.items()},
        "baseline": {
            name: {what: measure._asdict() for what, measure in simple.measures.items()}
            for name, simple in baselines(dataset, parts).items()
        },
        "answering_seconds": seconds,
        "tables": [{"caption": sheet.caption, "head": sheet.head, "rows": sheet.rows} for sheet in found.sheets],
    }


def told(folder: Path) -> dict[str, Any]:
    """What a run says of itself."""
    result = json.loads((folder / "result.json").read_text())
    return {name: result[name] for name in ("net", "parameters", "steps", "seconds", "test")}


def main() -> None:
    """Answer, write the JSON and print a line of each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--first", type=Path, help="a run of the same net from weights that were drawn")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    plan = la.Run(asked.run).plan
    result = {
        "command": "lamina import all-MiniLM-L6-v2/ --out models/minilm; lamina train squad-dev-v1.1.json.zip --from"
        f" models/minilm --epochs {plan.epochs} --optimizer {str(plan.optimizer)!r} --precision {plan.precision}",
        **fared(asked.run),
        **({} if asked.first is None else {"first_weights": told(asked.first)}),
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "squad.json").write_text(f"{json.dumps(result, indent=1)}\n")


if __name__ == "__main__":
    main()
