"""`lamina evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamina.command.options import emit, json_option, measure_lines
from lamina.progress import note

if TYPE_CHECKING:
    from lamina.data.dataset import Dataset
    from lamina.metrics import Measure

EPILOG = """
\b
Examples:
  lamina evaluate runs/digits-1 digits
  lamina evaluate runs/mnist-1 other-digits.npz --json
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--all", "whole", is_flag=True, help="Measure on all examples, those trained on too.")
@json_option
def command(run: Path, data: str, whole: bool, as_json: bool) -> None:
    """Measure the model of RUN on DATA.

    Where DATA is what the run was trained on, its test part is measured; other data is measured whole.
    """
    import torch

    from lamina.model import load as load_model
    from lamina.training.data import data_on, test_rows
    from lamina.training.result import plain

    model = load_model(run)
    dataset = data_on(model, run, data)
    rows = torch.arange(len(dataset)) if whole else test_rows(run, dataset)
    note(f"{dataset.name}: {len(rows):,} of {len(dataset):,} examples")
    measures = model.evaluate(dataset, rows)
    beside = {} if whole else baseline_of(run, dataset)
    if as_json:
        result = {"run": str(run), "data": data, "examples": len(rows), "measures": plain(measures)}
        emit({**result, "baseline": {name: plain(simple) for name, simple in beside.items()}})
        return
    click.echo("\n".join(measure_lines(measures)))
    for name, simple in beside.items():
        click.echo(f"  baseline {name}: {next(iter(simple))} {next(iter(simple.values()))}")


def baseline_of(run: Path, dataset: Dataset) -> dict[str, dict[str, Measure]]:
    """The baselines of the run's own test part, if that is what is measured; they are known since it ended."""
    from lamina.training.data import run_of, trained_on
    from lamina.training.result import Run

    whole = run_of(run)
    return Run(whole).baseline if whole is not None and trained_on(whole, dataset) else {}
