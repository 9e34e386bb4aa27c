"""`lamina data`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamina.command.options import emit, json_option, reading_options, save_picture
from lamina.data.tables.source import is_table
from lamina.progress import note

if TYPE_CHECKING:
    from lamina.data.dataset import Dataset

EPILOG = """
\b
Examples:
  lamina data
  lamina data digits --draw digits.png
  lamina data houses.csv --target price --draw houses.png
  lamina data photos/ --draw photos.png
  LAMINA_DATA=/mnt/mirror lamina data mnist
"""

DRAWN = 40
FIRST, MOST_LETTERS = 5, 200
MOST_CLASSES = 100
MOST_NOTES = 30
TINY = 10
"""A class of fewer pictures has none or one in a part that is a tenth."""

ANY = 2**31 - 1
"""Pictures that cannot be read, all of which are listed."""


@click.command(epilog=EPILOG)
@click.argument("name", required=False)
@click.argument("files", nargs=-1)
@click.option("--draw", type=click.Path(path_type=Path), metavar="PNG", help="Draw examples or columns into this file.")
@reading_options
@json_option
def command(name: str | None, files: tuple[str, ...], draw: Path | None, as_json: bool, **said: Any) -> None:
    """List the named sets of data with what is already there, or describe NAME: a set, a table, a folder, a .npz file.

    Of pictures the classes are counted, and told what sizes and colours they have and what is odd about them; pictures
    that cannot be read are listed. --draw shows some of each class.

    Of questions about passages it tells how many there are, of how many articles, and how long all of them are.

    Of a text, or of pairs of texts, the tokens are told, and how it begins.

    Of a table the columns are described: what each is taken for and why, its blanks, its values; and with --target,
    what will be predicted, repeated rows, and columns that give the target away.
    """
    asked = {option: value for option, value in said.items() if value is not None}
    asked |= {"files": files} if files else {}
    if name is None:
        if asked:
            raise click.UsageError(f"{', '.join(asked)}: for a table or pictures; name them")
        if draw is not None:
            raise click.UsageError("--draw needs the name of the data to draw")
        _list(as_json)
        return
    from lamina.data.named import are_pictures, load
    from lamina.data.sets import NAMED
    from lamina.data.text.which import text_form
    from lamina.training.data import data_for

    if name not in NAMED and text_form(name, files, asked.get("target")) == "questions":
        _questions(name, asked, draw, as_json)
        return
    pictures = name not in NAMED and are_pictures(name)
    text = name not in NAMED and not pictures and is_text(name, asked)
    if is_table(name) and not pictures and not text and "horizon" not in asked:
        _table(name, asked, draw, as_json)
        return
    if text and draw is not None:
        raise click.UsageError(f"--draw draws pictures and columns, but {name} is read as text; leave it out")
    if pictures:
        asked.setdefault("skip_bad", ANY)
    if text and not files and is_table(name):
        note(f"{name}: read as `lamina train` would where nothing is said; to see it as a table, name its --target")
    dataset = data_for(name, asked)[0] if text else load(name, note, **asked)
    description = describe(dataset)
    if draw is not None:
        _draw(dataset, draw)
        description["drawn"] = str(draw)
    _tell(description, as_json)


def _tell(description: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(description)
        return
    for what, value in description.items():
        if isinstance(value, dict):
            more = f" and {len(value) - MOST_CLASSES:,} more; --json has all" if len(value) > MOST_CLASSES else ""
            counts = list(value.items())[:MOST_CLASSES]
            value = ", ".join(f"{key} {count:,}" for key, count in counts) + more
        for place, line in enumerate(value[:MOST_NOTES] if isinstance(value, list) else [value]):
            click.echo(
                f"{'' if place else what:<10}{line:,}"
                if isinstance(line, int)
                else f"{'' if place else what:<10}{line}"
            )
        if isinstance(value, list) and len(value) > MOST_NOTES:
            click.echo(f"{'':<10}and {len(value) - MOST_NOTES:,} more; --json has all")


def _questions(name: str, asked: dict[str, Any], draw: Path | None, as_json: bool) -> None:
    from lamina.data.named import check_effect
    from lamina.data.questions.show import described
    from lamina.data.questions.squad import read_questions

    if draw is not None:
        raise click.UsageError(
            f"--draw draws pictures and columns, but {name} is questions about passages; leave it out"
        )
    check_effect(name, asked, ("skip_bad",), "questions about passages, here described without a model")
    _tell(described(name, read_questions(Path(name), asked.get("skip_bad", 0))), as_json)


def _table(name: str, asked: dict[str, Any], draw: Path | None, as_json: bool) -> None:
    from lamina.data.tables.picture import profile_sheet
    from lamina.data.tables.show import profile_json, profile_text
    from lamina.data.tables.summed import summed_up

    summary = summed_up(name, asked)
    description = profile_json(summary)
    if draw is not None:
        save_picture(profile_sheet(summary.profiles, name, summary.rows), draw)
        description["drawn"] = str(draw)
    if as_json:
        emit(description)
    else:
        click.echo(profile_text(summary, max(60, shutil.get_terminal_size((100, 24)).columns)))
        if draw is not None:
            click.echo(f"drawn: {draw}")


def describe(dataset: Dataset) -> dict[str, Any]:
    """What a person wants to know of a dataset first."""
    from lamina.data.sets import NAMED
    from lamina.training.data import notes_on

    description: dict[str, Any] = {"name": dataset.name}
    if dataset.about:
        description["about"] = dataset.about
    description |= {"examples": len(dataset), "tests": 0 if dataset.test is None else len(dataset.test)}
    description |= {"input": str(dataset.inputs.kind), "target": str(dataset.target.kind)}
    values = dataset.target.values
    if dataset.text is not None:
        description["first"] = first_texts(dataset)
    elif dataset.classes:
        counts = values.bincount(minlength=len(dataset.classes)).tolist()
        description["classes"] = dict(zip(dataset.classes, counts, strict=True))
    else:
        low, mean, high = (f"{number:.6g}" for number in (values.min(), values.mean(), values.max()))
        description["values"] = f"{low} to {high}, mean {mean}"
    notes = [*notes_on(dataset), *tiny(description.get("classes", {}) if dataset.pictures is not None else {})]
    if notes:
        description["notes"] = notes
    if dataset.features:
        description["features"] = ", ".join(dataset.features)
    if dataset.name in NAMED:
        description |= {"licence": NAMED[dataset.name].licence, "source": NAMED[dataset.name].source}
    return description


def is_text(name: str, asked: dict[str, Any]) -> bool:
    """Whether data is a text, or pairs of texts, as `lamina train` would read it without a target.

    A lone .tsv is taken for pairs if it has two columns; else it is a table whose target is still to be named.
    """
    from lamina.data.tables.reading import Reading
    from lamina.data.tables.source import open_source
    from lamina.data.text.which import text_form

    form = text_form(name, asked.get("files", ()), asked.get("target"))
    if form != "pairs" or asked.get("files"):
        return form is not None and not asked.keys() & {"kinds", "names", "header", "delimiter", "horizon"}
    return (
        not asked.keys() & {"kinds", "names", "header", "horizon"} and len(open_source(name, Reading()).columns()) == 2
    )


def first_texts(dataset: Dataset) -> list[str]:
    """How a text begins, or the first of many pairs."""
    import torch

    from lamina.kinds import Tokens

    assert dataset.text is not None
    sides = [(dataset.inputs, dataset.text.input)]
    lone = len({id(column.values) for column in (dataset.inputs, dataset.target)}) == 1
    if isinstance(dataset.target.kind, Tokens) and not lone:
        sides.append((dataset.target, dataset.text.output))
    rows = min(FIRST, len(dataset))
    told = []
    for column, tokenizer in sides:
        values, visible = column.gather(torch.arange(rows))
        told.append([tokenizer.decode(row[seen].tolist()) for row, seen in zip(values, visible, strict=True)])
    if lone:
        return "".join(told[0]).splitlines()[:FIRST]
    return [" | ".join(texts)[:MOST_LETTERS] for texts in zip(*told, strict=True)]


def tiny(classes: dict[str, int]) -> list[str]:
    """What is to be said of classes with few pictures."""
    from lamina.data.pictures.listing import some

    few = [f"{name} {count}" for name, count in classes.items() if count < TINY]
    return [f"classes of fewer than {TINY} pictures, of which a test tells little: {some(few)}"] if few else []


def _draw(dataset: Dataset, path: Path) -> None:
    import torch

    from lamina.chance import generator
    from lamina.data.class_sheet import class_sheet
    from lamina.data.picture import sheet
    from lamina.kinds import Label

    if dataset.pictures is not None and isinstance(dataset.target.kind, Label):
        save_picture(class_sheet(dataset), path)
        return
    rows = torch.randperm(len(dataset), generator=generator("drawn", dataset.name))[:DRAWN]
    save_picture(sheet(dataset, rows), path)


def _list(as_json: bool) -> None:
    from lamina.data.named import here
    from lamina.data.sets import NAMED

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
