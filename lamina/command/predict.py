"""`lamina predict`."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lamina.command.lines import CSVLines, JSONLines
from lamina.progress import note

if TYPE_CHECKING:
    from torch import Tensor

    from lamina.model import Model

EPILOG = """
\b
Examples:
  lamina predict runs/iris-1 flowers.csv
  echo 5.1,3.5,1.4,0.2 | lamina predict runs/iris-1 --format json
  lamina predict runs/digits-1 digits --probabilities
  lamina predict runs/houses-1 new.csv --keep > predicted.csv
  lamina predict runs/houses-1 part-*.csv --json
  lamina predict runs/load-1 load.csv
  lamina predict runs/pets-1 photo.jpg holiday/ --top 3
"""

ROWS_AT_ONCE = 1024

Rows = list[dict[str, Any]] | None
"""The cells of rows by column, where they are kept; of pictures, their files."""


class Asked(NamedTuple):
    """What is to be said of classes: whether the probability of each, and how many of the likeliest."""

    probabilities: bool
    top: int


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", nargs=-1)
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--probabilities", is_flag=True, help="The probability of every class, not just of the likeliest.")
@click.option("--top", type=click.IntRange(1), metavar="K", help="The K likeliest classes, likeliest first.")
@click.option("--keep", is_flag=True, help="Keep the cells of the table, as they stand, before the answer.")
def command(
    run: Path, data: tuple[str, ...], form: str, as_json: bool, probabilities: bool, top: int | None, keep: bool
) -> None:
    """Predict DATA with the model of RUN: one line of output for each row of input.

    For a model of a table DATA is a table with its columns, in any order and among others, or - for rows of CSV or JSON
    on standard input, each answered as it comes. For a model of texts it is a table with their column, or a .txt file
    or - with a text in each line. For a model of pictures it is a picture, or a folder of which every
    picture is predicted, in whatever folder in it. For others it is a CSV file of numbers (with a head or without), -
    for such lines, or data as `lamina train` takes it, of which the test part is predicted if the run was trained on
    it. For a model of a series it is a file with one, and the steps that follow its last row are forecast, a line each.
    Several DATA are predicted one after the other. A picture that cannot be read is named, the others are answered,
    and the command ends with code 2.

    A class comes with its probability, a value with the interval that held 90 % of the errors on the validation part.
    """
    from lamina.errors import RunError
    from lamina.kinds import Label, Tags, Targets
    from lamina.loading import load as load_model
    from lamina.uses import use_of

    model = load_model(run)
    if model.text is not None and (use := use_of(model.net.sentence())).writes:
        raise RunError(f"{run}: the model writes texts and predicts no rows; use it: {use.command.format(run=run)}")
    if keep and model.origin is None:
        raise click.UsageError("--keep keeps the columns of a table, but this model was trained on none")
    if top is not None and not isinstance(model.net.target, Label | Targets):
        raise click.UsageError(f"--top names classes, but this model predicts {model.net.target}")
    writer = JSONLines() if as_json or form == "json" else CSVLines()
    if isinstance(model.net.target, Tags):
        from lamina.command.tags import tag_files

        tag_files(model, data or ("-",), as_json or form == "json")
        return
    if model.series is not None:
        forecasts(model, data, writer)
        return
    remarks = Remarks(model)
    try:
        for chunk, rows in asked(run, model, data or ("-",), keep):
            remarks.see(chunk)
            lines = answers(model, chunk, Asked(probabilities, top or 1), remarks)
            for line in lines if rows is None else map(beside, rows, lines):
                writer.write(line)
            sys.stdout.flush()
    finally:
        sys.stdout.flush()  # what was answered before what went wrong is said
        for text in remarks.texts():
            note(text)


def forecasts(model: Model, data: tuple[str, ...], writer: JSONLines | CSVLines) -> None:
    """The steps that follow each series, a line each."""
    if not data or "-" in data:
        raise click.UsageError("a model of a series forecasts what follows a file; name it")
    for name in data:
        found = model.forecast(name)
        for text in found.notes:
            note(text)
        for row in found.rows():
            writer.write(row)


def asked(run: Path, model: Model, data: tuple[str, ...], keep: bool) -> Iterator[tuple[Any, Rows]]:
    """Batches of what the model is asked, of one file after the other; all of them must be there."""
    if model.origin is None:
        from lamina.command.photos import Photos

        photos = Photos(run, model)
        for name in data:
            yield from photos.batches(name) if photos.are(name) else inputs(run, model, name)
        photos.complain()
        return
    from lamina.command.texts import text_inputs
    from lamina.data.tables.source import paths_of

    for name in data:
        if name != "-":
            paths_of(name)
    for name in data:
        yield from text_inputs(model, name, keep) if model.text is not None else table_inputs(model, name, keep)


def beside(row: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """An answer after the cells of its row; where a column is called like a part of the answer, that has its place."""
    return {name: cell for name, cell in row.items() if name not in answer} | answer


def table_inputs(model: Model, data: str, keep: bool) -> Iterator[tuple[Any, Rows]]:
    """Batches of a table's rows as numbers, with their cells if these are to be kept."""
    import torch

    from lamina.data.sources.numbers import Lines
    from lamina.data.tables.fitting import encoded, headed, open_for
    from lamina.data.tables.raw import from_stream
    from lamina.data.tables.untouched import untouched

    assert model.origin is not None
    if data == "-":
        with opened(data) as stream:
            parts = from_stream(Lines(stream, "standard input"), model.origin, keep)
            yield from ((torch.from_numpy(part.inputs), part.rows) for part in parts)
    else:
        fields, reading = model.origin.fields, headed(data, model.origin)
        source = open_for(data, reading, fields)
        cells = untouched(data, reading, [field.column for field in fields]) if keep else None
        yield from ((torch.from_numpy(part.inputs), part.rows) for part in encoded(source, fields, cells))
        for text in source.notes:
            note(text)


def inputs(run: Path, model: Model, data: str) -> Iterator[tuple[Any, None]]:
    """Batches of raw inputs."""
    import torch

    from lamina.data.named import load
    from lamina.data.sources.numbers import Lines, chunked, number_rows
    from lamina.training.data import test_rows

    if data != "-" and Path(data).suffix.lower() not in (".csv", ".tsv", ".txt"):
        dataset = load(data)
        model.check(dataset)
        rows = test_rows(run, dataset)
        note(f"{dataset.name}: {len(rows):,} of {len(dataset):,} examples")
        yield from ((dataset.inputs.values[part], None) for part in torch.split(rows, ROWS_AT_ONCE))
        return
    size = model.input_size()
    with opened(data) as stream:
        lines = Lines(stream, "standard input" if data == "-" else data)
        numbers = number_rows(lines, lines.where, size, model.features)
        # Whoever waits for an answer before the next question must get it: never wait for a row with others unanswered.
        yield from ((chunk, None) for chunk in chunked(numbers, ROWS_AT_ONCE, lambda: not lines.at_hand))


def opened(data: str) -> AbstractContextManager[Any]:
    """The bytes to read."""
    from lamina.errors import DataError

    if data == "-":
        if sys.stdin is None:  # Python's way to say that it was closed before
            raise DataError("standard input: expected rows, but it is closed; pipe them in, or name a file")
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(data).open("rb")
    except OSError as error:
        raise DataError(f"{data} cannot be read: {error.strerror}; check the path") from None


def answers(model: Model, chunk: Any, asked: Asked, remarks: Remarks) -> Iterator[dict[str, Any]]:
    """A line of output for each row: names and numbers in their order."""
    answer = model.predict(chunk)
    if hasattr(answer, "_fields"):
        yield from one_answer(remarks.bounded(answer), model.classes, targets_of(model), asked)
        return
    ends = zip(map(remarks.bounded, answer), model.parts, strict=True)
    each = [one_answer(part, named.classes, (), asked) for part, named in ends]
    for lines in zip(*each, strict=True):
        named = zip(model.parts, lines, strict=True)
        yield {f"{what}_{part.name}": value for part, line in named for what, value in line.items()}


def targets_of(model: Model) -> tuple[str, ...]:
    """The names of the columns that are predicted, where they are known."""
    return model.origin.reading.target if model.origin is not None else ()


def one_answer(
    answer: Any, classes: tuple[str, ...], targets: tuple[str, ...], asked: Asked
) -> Iterator[dict[str, Any]]:
    """The lines of one end's answer. One value needs no name; several have those of their columns, or their numbers."""
    if hasattr(answer, "label"):
        names = classes or tuple(map(str, range(answer.probabilities.shape[1])))
        for label, row in zip(answer.label.tolist(), rounded(answer.probabilities), strict=True):
            line: dict[str, Any] = {"prediction": names[label], "probability": row[label]}
            # The label comes first even where another class is as likely.
            order = sorted(range(len(row)), key=lambda place: (place != label, -(row[place] or 0)))
            for rank, place in enumerate(order[1 : asked.top], start=2):
                line |= {f"prediction_{rank}": names[place], f"probability_{rank}": row[place]}
            if asked.probabilities:
                line |= {f"p({name})": value for name, value in zip(names, row, strict=True)}
            yield line
        return
    if hasattr(answer, "code"):
        for code in rounded(answer.code, 9):
            yield {f"code_{number}": value for number, value in enumerate(code, start=1)}
        return
    for value, low, high in zip(*(rounded(part, 9) for part in (answer.value, answer.low, answer.high)), strict=True):
        line = {}
        for number, (middle, least, most) in enumerate(zip(value, low, high, strict=True), start=1):
            name = "" if len(value) == 1 else f"_{targets[number - 1] if targets else number}"
            line |= {f"prediction{name}": middle, f"low{name}": least, f"high{name}": most}
        yield line


def rounded(values: Tensor, digits: int = 6) -> list[list[float | None]]:
    """Numbers with the digits that float32 has, for people and files; None for what is no number."""
    return [
        [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in row] for row in values.tolist()
    ]


class Remarks:
    """What is unusual about rows and answers, counted over all of them, to be said at the end."""

    def __init__(self, model: Model) -> None:
        from lamina.data.tables.encode import ordered

        fields = () if model.origin is None else ordered(model.origin.fields)
        self._numbers = [field.column for field in fields for _ in field.numbers()]
        self._categories = [field.column for field in fields for _ in field.categories()]
        self._blanks = getattr(model.net.given, "blanks", 0)
        self._unseen, self._blank = Counter[str](), Counter[str]()
        self._boundless = False

    def see(self, rows: Any) -> None:
        """Count in these rows what training never had."""
        numbers = len(self._numbers)
        if not numbers and not self._categories:
            return
        unseen = dict(zip(self._categories, (rows[:, numbers:] == 0).sum(0).tolist(), strict=True))
        # A date gives several numbers, blank together: the cell is counted once.
        blank = dict(zip(self._numbers, rows[:, :numbers].isnan().sum(0).tolist(), strict=True))
        self._unseen.update(unseen)
        self._blank.update({name: blank[name] for name in self._numbers[self._blanks :]})

    def bounded(self, answer: Any) -> Any:
        """An answer without bounds where none are known: everything is possible then."""
        if not hasattr(answer, "high"):
            return answer
        unknown = answer.high.isinf() & answer.value.isfinite()
        self._boundless |= bool(unknown.any())
        return answer._replace(low=answer.low.masked_fill(unknown, math.nan))

    def texts(self) -> Iterator[str]:
        """A sentence for each finding."""
        for name, count in (+self._unseen).items():
            yield f"predicted with {count:,} value{'s' * (count > 1)} of {name!r} that training never had"
        for name, count in (+self._blank).items():
            yield f"predicted with {count:,} blank{'s' * (count > 1)} in {name!r}, which had none in training"
        if self._boundless:
            yield "no interval: the validation part was too small to tell"
