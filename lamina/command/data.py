"""`lamina data`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamina.command.options import emit, json_option, reading_options
from lamina.data.tables.source import is_table

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from lamina.data.dataset import Dataset

EPILOG = """
\b
Examples:
  lamina data
  lamina data digits --draw digits.png
  lamina data houses.csv --target price --draw houses.png
  LAMINA_DATA=/mnt/mirror lamina data mnist
"""

DRAWN = 40


@click.command(epilog=EPILOG)
@click.argument("name", required=False)
@click.argument("files", nargs=-1)
@click.option("--draw", type=click.Path(path_type=Path), metavar="PNG", help="Draw examples or columns into this file.")
@reading_options
@json_option
def command(name: str | None, files: tuple[str, ...], draw: Path | None, as_json: bool, **said: Any) -> None:
    """List the named sets of data with what is already there, or describe NAME: a set, a table, a folder, a .npz file.

    Of a table the columns are described: what each is taken for and why, its blanks, its values; and with --target,
    what will be predicted, repeated rows, and columns that give the target away.
    """
    asked = {option: value for option, value in said.items() if value is not None}
    asked |= {"files": files} if files else {}
    if name is not None and is_table(name):
        _table(name, asked, draw, as_json)
        return
    if asked:
        raise click.UsageError(f"{', '.join(asked)}: for tables only, and {name or 'a list'} is none")
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


def _table(name: str, asked: dict[str, Any], draw: Path | None, as_json: bool) -> None:
    from lamina.data.tables.picture import profile_sheet
    from lamina.data.tables.reading import as_reading
    from lamina.data.tables.show import profile_json, profile_text
    from lamina.data.tables.table import summed_up

    summary = summed_up(name, as_reading(asked))
    description = profile_json(summary)
    if draw is not None:
        _saved(profile_sheet(summary.profiles, name, summary.rows), draw)
        description["drawn"] = str(draw)
    if as_json:
        emit(description)
    else:
        click.echo(profile_text(summary, max(60, shutil.get_terminal_size((100, 24)).columns)))
        if draw is not None:
            click.echo(f"drawn: {draw}")


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

    rows = torch.randperm(len(dataset), generator=generator("drawn", dataset.name))[:DRAWN]
    _saved(sheet(dataset, rows), path)


def _saved(picture: Picture, path: Path) -> None:
    from lamina.errors import DataError

    try:
        picture.save(path, "PNG")
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
