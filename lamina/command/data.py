"""`lamina data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamina.command.options import emit, json_option

if TYPE_CHECKING:
    from lamina.data.dataset import Dataset

EPILOG = """
\b
Examples:
  lamina data
  lamina data digits --draw digits.png
  LAMINA_DATA=/mnt/mirror lamina data mnist
"""

DRAWN = 40


@click.command(epilog=EPILOG)
@click.argument("name", required=False)
@click.option("--draw", type=click.Path(path_type=Path), metavar="PNG", help="Draw a few examples into this file.")
@json_option
def command(name: str | None, draw: Path | None, as_json: bool) -> None:
    """List the named sets of data with what is already there, or describe NAME: a set, a folder, or an .npz file."""
    if name is None:
        if draw is not None:
            raise click.UsageError("--draw needs the name of the data to draw")
        _list(as_json)
        return
    from lamina.data.named import load

    dataset = load(name)
    description = describe(dataset)
    if draw is not None:
        _draw(dataset, draw)
        description["drawn"] = str(draw)
    if as_json:
        emit(description)
        return
    for what, value in description.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {count:,}" for key, count in value.items())
        click.echo(f"{what:<10}{value:,}" if isinstance(value, int) else f"{what:<10}{value}")


def describe(dataset: Dataset) -> dict[str, Any]:
    """What a person wants to know of a dataset first."""
    from lamina.data.named import NAMED

    description: dict[str, Any] = {"name": dataset.name}
    if dataset.about:
        description["about"] = dataset.about
    description |= {"examples": len(dataset), "tests": 0 if dataset.test is None else len(dataset.test)}
    description |= {"input": str(dataset.inputs.kind), "target": str(dataset.target.kind)}
    values = dataset.target.values
    if dataset.classes:
        counts = values.bincount(minlength=len(dataset.classes)).tolist()
        description["classes"] = dict(zip(dataset.classes, counts, strict=True))
    else:
        low, mean, high = (f"{number:.6g}" for number in (values.min(), values.mean(), values.max()))
        description["values"] = f"{low} to {high}, mean {mean}"
    if dataset.features:
        description["features"] = ", ".join(dataset.features)
    if dataset.name in NAMED:
        description |= {"licence": NAMED[dataset.name].licence, "source": NAMED[dataset.name].source}
    return description


def _draw(dataset: Dataset, path: Path) -> None:
    import torch

    from lamina.chance import generator
    from lamina.data.picture import sheet
    from lamina.errors import DataError

    rows = torch.randperm(len(dataset), generator=generator("drawn", dataset.name))[:DRAWN]
    try:
        sheet(dataset, rows).save(path, "PNG")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}; name another --draw") from None


def _list(as_json: bool) -> None:
    from lamina.data.named import NAMED, here

    where = {name: here(name) for name in NAMED}
    if as_json:
        sets = {
            name: {
                "examples": known.examples,
                "tests": known.tests,
                "input": str(known.inputs),
                "target": str(known.target),
                "about": known.about,
                "here": where[name],
            }
            for name, known in NAMED.items()
        }
        emit({"sets": sets})
        return
    width = max(map(len, NAMED))
    for name, known in NAMED.items():
        kinds = f"{known.inputs} -> {known.target}"
        click.echo(f"{name:<{width}}  {known.examples:>6,}  {kinds:<30}  {where[name] or 'fetched when first used'}")
        click.echo(f"{'':<{width}}          {known.about}")
