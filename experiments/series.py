"""Forecasts of ETTh1, 24 and 96 hours ahead: `python -m experiments.series --out FOLDER`.

The standard cut of 12, 4 and 4 months, whose targets are whole within each part, and the mean squared and absolute
error of all windows of the test part on data standardised by the 12 months, as in Zeng et al. 2023, table 2. Beside the
nets stand the last value, the last day, and a ridge regression. The file is ETTh1.csv.gz in $LAMINA_DATA/timeseries.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import lamina as la
from lamina.baseline_series import answers_of
from lamina.data.dataset import Dataset
from lamina.data.feeding import looking_feed

MONTH = 30 * 24
CUTS = (12 * MONTH, 16 * MONTH, 20 * MONTH)
CONTEXT = 336
NETS = {
    "linear, trained": "FromLast(Recent({context})) >> Forecast(init='zeros')",
    "linear and dense": (
        "FromLast(Recent({context}) >> Residual(Dense(256) >> ReLU() >> Dropout(0.2)"
        " >> Dense({context}, init='zeros'))) >> Forecast(init='zeros')"
    ),
}


def errors(answer: Callable[[Tensor], Tensor], dataset: Dataset, rows: Tensor, deviation: Tensor) -> dict[str, float]:
    """The mean squared and absolute error over windows, in deviations of the training part."""
    squared = absolute = 0.0
    for part in torch.split(rows, 256):
        target = dataset.target.gather(part)
        away = (answer(part) - target).view(len(part), -1, len(deviation)).double() / deviation
        squared += float(away.square().mean()) * len(part) / len(rows)
        absolute += float(away.abs().mean()) * len(part) / len(rows)
    return {"squared": squared, "absolute": absolute}


def cut(dataset: Dataset, horizon: int, context: int) -> tuple[Tensor, Tensor, Tensor]:
    """The windows whose targets lie whole within each part."""
    edges = (context, *CUTS)
    return tuple(torch.arange(first, last - horizon + 1) - context for first, last in itertools.pairwise(edges))  # type: ignore[return-value]


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--horizons", type=int, nargs="*", default=[24, 96])
    parser.add_argument("--context", type=int, default=CONTEXT)
    asked = parser.parse_args()
    path = Path(os.environ["LAMINA_DATA"]) / "timeseries" / "ETTh1.csv.gz"
    found: dict[str, dict[str, dict[str, float]]] = {}
    for horizon in asked.horizons:
        dataset = la.load_data(path, horizon=horizon, context=asked.context)
        parts = cut(dataset, horizon, asked.context)
        steps = torch.cat((dataset.inputs.values, dataset.target.values[-horizon:]))[: CUTS[0]].double()
        deviation = steps.std(0, correction=0)
        row = found[str(horizon)] = {
            name: errors(answer, dataset, parts[2], deviation) for name, answer in answers_of(dataset, parts[0]).items()
        }
        # The shares that cut the same windows out, of those that end before the last cut.
        whole = la.load_data(shortened(path), horizon=horizon, context=asked.context)
        usable = sum(map(len, parts))
        shares = {"valid": len(parts[1]) / usable, "test": len(parts[2]) / usable}
        for name, net in NETS.items():
            sentence = net.format(context=asked.context)
            with tempfile.TemporaryDirectory() as folder:
                run = la.train(
                    sentence, whole, optimizer="AdamW(cosine(0.001, warmup=100), weight_decay=0.05)", batch=32,
                    epochs=asked.epochs, patience=3, out=Path(folder) / "run", display=None, **shares,
                )  # fmt: skip
                row[name] = errors(forecaster(run.model(), dataset), dataset, parts[2], deviation)
            print(horizon, name, row[name])
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "series.json").write_text(json.dumps(found, indent=1) + "\n")
    for far, row in found.items():
        for name, error in row.items():
            print(f"{far:>4}  {name:<18} {error['squared']:.3f}  {error['absolute']:.3f}")


def shortened(path: Path) -> object:
    """The first 20 months, as the literature takes them."""
    import pandas as pd

    return pd.read_csv(path, parse_dates=["date"]).head(CUTS[2])


def forecaster(model: la.Model, dataset: Dataset) -> Callable[[Tensor], Tensor]:
    """The forecasts of a model of windows."""

    def answer(rows: Tensor) -> Tensor:
        (batch,) = looking_feed(dataset, rows, torch.device("cpu"), False).epoch(0)
        found: Tensor = model.net.predict(batch.inputs).value
        return found

    return answer


if __name__ == "__main__":
    main()
