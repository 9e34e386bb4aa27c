"""`lamina sample`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamina.command.options import emit

if TYPE_CHECKING:
    from lamina.model import Model

EPILOG = """
\b
Examples:
  lamina sample runs/mnist-1
  lamina sample runs/mnist-1 --count 25 --seed 7 --out sheet.png
  lamina sample runs/mnist-1 --temperature 0.7 --out samples.npy
  lamina sample runs/houses-1 --count 1000 > houses.csv
"""

SHEET = "samples.png"


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(1), default=64, show_default=True, help="How many are drawn.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Others follow from another.")
@click.option("--temperature", type=click.FloatRange(0), default=1.0, show_default=True, help="The deviation of codes.")
@click.option("--out", type=click.Path(path_type=Path), help="Write them to this .png, .npy, .csv or .parquet file.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each, or one about the file.")
def command(run: Path, count: int, seed: int, temperature: float, out: Path | None, as_json: bool) -> None:
    """Make up examples: codes drawn from the prior of the variational autoencoder in RUN, decoded.

    Pictures become a sheet, samples.png in the folder of the run unless --out names another file; vectors become lines
    of CSV. Codes are drawn from a normal distribution of deviation --temperature: below 1 the examples are likelier and
    less varied. What is given is the mean of the distribution of each number, which is smoother than the data. An
    autoencoder without Gaussian() has no distribution to draw codes from.
    """
    from lamina.coding import prior
    from lamina.command.sinks import FORMS, check_form
    from lamina.kinds import Image
    from lamina.loading import load as load_model

    model = load_model(run)
    pictures = isinstance(prior(model.net)[0].given, Image)
    if out is None and pictures:
        out = run / SHEET
    if out is not None:
        check_form(out, (".png", ".npy") if pictures else tuple(FORMS))
    if out is not None and out.suffix.lower() == ".png":
        from lamina.command.options import save_picture
        from lamina.report.latent import sample_sheet

        ends = None if model.scale is None else (0.0, 1.0)
        save_picture(sample_sheet(model.net, count, seed, temperature, ends), out)
    else:
        numbers(model, count, seed, temperature, out, as_json)
    if out is not None and as_json:
        emit({"out": str(out), "count": count, "seed": seed, "temperature": temperature})
    elif out is not None:
        click.echo(f"{out}: {count:,} samples")


def numbers(model: Model, count: int, seed: int, temperature: float, out: Path | None, as_json: bool) -> None:
    """Write samples as numbers."""
    from lamina.command.sinks import opened_sink

    values = model.sample(count, seed, temperature)
    with opened_sink(out, as_json) as sink:
        sink.add(None, named(model) if values.dim() == 2 else (), values)


def named(model: Model) -> list[str]:
    """What the numbers of an example are called: as the columns that the model was trained on, or by their places."""
    return list(model.features) or [f"x_{place}" for place in range(1, model.input_size() + 1)]
