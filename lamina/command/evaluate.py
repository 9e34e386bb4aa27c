"""`lamina evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.command.options import emit, json_option, measure_lines
from lamina.progress import note

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

    from lamina.data.named import load
    from lamina.model import load as load_model
    from lamina.training.result import plain
    from lamina.training.run import test_rows

    dataset, model = load(data), load_model(run)
    rows = torch.arange(len(dataset)) if whole else test_rows(run, dataset)
    note(f"{dataset.name}: {len(rows):,} of {len(dataset):,} examples")
    measures = model.evaluate(dataset, rows)
    if as_json:
        emit({"run": str(run), "data": data, "examples": len(rows), "measures": plain(measures)})
    else:
        click.echo("\n".join(measure_lines(measures)))
