"""What pre-training gains where labels are few: `python -m experiments.reading --start RUN --out FOLDER`.

Sentences of SQuAD's passages are to be told apart by the article that they are from, of 48: a passage is in one part
whole. Nets are trained on 100 labels, on 1,000 and on all, once from the weights of RUN, a net that was pre-trained by
`lamina train`, and once from first weights, with the same net, tokens and steps, at the best of three rates. The file
lies in $LAMINA_DATA.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lamina as la
from lamina.chance import key

SQUAD = "qa/squad-dev-v1.1.json.zip"
PARTS = {"test": 0.2, "valid": 0.1, "train": 1.0}
"""The parts, and up to which share of the hashes of passages each reaches."""
COMMAND = "python -m experiments.reading --start RUN --out docs/results"
FEWEST_WORDS = 5
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")

STEPS: dict[int | None, int] = {100: 250, 1000: 500, None: 1000}
"""Of training, by how many labels there are; None for all."""
SEEDS: dict[int | None, int] = {100: 3, 1000: 2, None: 1}
SIZES = {"100": 100, "1000": 1000, "all": None}
RATES = (0.0005, 0.002, 0.005)
SETTINGS: dict[str, Any] = {"batch": 32, "clip": 1.0, "precision": "bfloat16", "checkpoint_seconds": 300.0}


def part_of(passage: str) -> str:
    """The part that a passage is in, by a hash of its text."""
    share = (key(passage) % 10_000) / 10_000
    begun = 0.0
    for part, reach in PARTS.items():
        begun = begun + reach if part != "train" else 1.0
        if share < begun:
            return part
    return "train"


def written(source: Path, folder: Path) -> dict[str, int]:
    """A CSV of each part, with the columns `sentence` and `article`; how many sentences each has."""
    with zipfile.ZipFile(source) as archive:
        articles = json.loads(archive.read(archive.namelist()[0]))["data"]
    rows: dict[str, list[tuple[str, str]]] = {part: [] for part in PARTS}
    for article in articles:
        for paragraph in article["paragraphs"]:
            sentences = (text for text in SENTENCE.split(paragraph["context"]) if len(text.split()) >= FEWEST_WORDS)
            rows[part_of(paragraph["context"])] += [(sentence, article["title"]) for sentence in sentences]
    for part, found in rows.items():
        with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("sentence", "article"), *found])
    return {part: len(found) for part, found in rows.items()}


def trained(data: Path, labels: int | None, seed: int, rate: float, out: Path, **more: Any) -> dict[str, Any]:
    """What one net comes to on the test part."""
    run = la.train(
        data=str(data / "train.csv"),
        target="article",
        valid=str(data / "valid.csv"),
        test=str(data / "test.csv"),
        labels=labels,
        seed=seed,
        steps=STEPS[labels],
        optimizer=f"AdamW(linear({rate:g}, warmup={STEPS[labels] // 10}), weight_decay=0.01)",
        out=out,
        display=None,
        **SETTINGS,
        **more,
    )
    result = json.loads((run.folder / "result.json").read_text())
    kept = {name: result[name] for name in ("net", "parameters", "steps", "seconds", "valid", "test", "baseline")}
    return {"seed": seed, "rate": rate, **kept}


def several(data: Path, labels: int | None, rates: Sequence[float], out: Path, **more: Any) -> list[dict[str, Any]]:
    """A run of each seed, all at the rate that the first one does best at on the validation part."""
    tried = [trained(data, labels, 0, rate, out / f"0-{rate:g}", **more) for rate in rates]
    best = max(tried, key=lambda found: found["valid"]["accuracy"]["value"])
    others = [trained(data, labels, seed, best["rate"], out / f"{seed}", **more) for seed in range(1, SEEDS[labels])]
    return [best, *others]


def untrained(start: Path, folder: Path) -> Path:
    """A model like that of a run, with its tokens, whose weights are drawn."""
    model = la.load(start)
    model.net = la.build(model.net.sentence(), model.net.given, model.net.target, seed=1)
    model.save(folder)
    return folder


def main() -> None:
    """Train from the start and without, write the JSON, print a line of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="the run of a pre-trained net, MaskTokens() first")
    parser.add_argument("--pool", default="First()", help="what a text's vectors become one by")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--labels", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--name", default="few-labels", help="of the JSON")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    _, *body, _ = la.Run(asked.start).plan.net.split(" >> ")
    net = " >> ".join((*body, asked.pool, "Dropout(0.1)", "Classify()"))
    rates = " ".join(f"{rate:g}" for rate in asked.rates)
    command = f"{COMMAND} --pool '{asked.pool}' --rates {rates} --name {asked.name}"
    runs = list[dict[str, Any]]()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        sizes = written(Path(os.environ["LAMINA_DATA"]) / SQUAD, data)
        begins = {"pre-trained": asked.start, "first weights": untrained(asked.start, Path(folder) / "untrained")}
        for labels in map(SIZES.__getitem__, asked.labels):
            for name, start in begins.items():
                for found in several(
                    data, labels, asked.rates, Path(folder) / f"{name}-{labels}", net=net, start=str(start)
                ):
                    runs.append({"begins": name, "labels": labels, **found})
                    accuracy, seed, rate = found["test"]["accuracy"]["value"], found["seed"], found["rate"]
                    print(f"{labels or 'all'} labels, {name}, seed {seed}, rate {rate:g}: {accuracy:.4f}", flush=True)
                    result = {"command": command, **sizes}
                    (asked.out / f"{asked.name}.json").write_text(f"{json.dumps({**result, 'runs': runs}, indent=1)}\n")


if __name__ == "__main__":
    main()
