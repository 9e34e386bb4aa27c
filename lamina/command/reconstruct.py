"""`lamina reconstruct`."""

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
  lamina reconstruct runs/mnist-1 mnist --out restored.png
  lamina reconstruct runs/mnist-1 mnist --keep > errors.csv
  lamina reconstruct runs/mnist-1 mnist --out restored.npy
  lamina reconstruct runs/pump-1 readings.csv --keep --out restored.csv
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this .png, .csv, .parquet or .npy file.")
@click.option("--count", type=click.IntRange(1), default=20, show_default=True, help="How many pictures a .png shows.")
@click.option("--keep", is_flag=True, help="Keep the cells of a table's rows, or a set's row numbers and classes.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each row; with --out one about the file.")
def command(run: Path, data: tuple[str, ...], out: Path | None, count: int, keep: bool, as_json: bool) -> None:
    """Give back each row of DATA by the autoencoder in RUN, with its squared error: large for rows unlike the others.

    A line has the squared error of the row, the sum over its numbers; of rows that are no pictures also what each
    number is given back as. A .png file shows pictures beside what they are given back as, spoiled ones in between
    where the net learned to mend them; a .npy file has what they are given back as. All is in the units that the net
    sees, those of pictures from 0 to 1. Of data that the run was trained on it is the test part.
    """
    from lamina.coding import back, restoring
    from lamina.command.questions import questions
    from lamina.command.sample import named
    from lamina.command.sinks import FORMS, check_form, opened_sink
    from lamina.kinds import Image
    from lamina.loading import load as load_model

    model = load_model(run)
    pictures = isinstance(restoring(model.net).given, Image)
    form = "" if out is None else out.suffix.lower()
    if out is not None:
        check_form(out, (".png", *FORMS) if pictures else tuple(FORMS))
        if keep and form in (".npy", ".png"):
            raise click.UsageError(f"--keep needs a file with columns: a {form} file has none")
    if out is not None and form == ".png":
        draw(run, model, data, out, count, as_json)
        return
    names, done, total = ["squared_error", *([] if pictures else named(model))], 0, 0.0
    with opened_sink(out, as_json) as sink:
        for x, cells in questions(run, model, data, keep, whole=False):
            found = back(model.net, x)
            values = found.squared_error[:, None]
            if form == ".npy":
                values = found.value
            elif not pictures:
                import torch

                values = torch.cat((values, found.value), 1)
            sink.add(cells, names, values)
            done, total = done + len(values), total + float(found.squared_error.double().sum())
    tell(out, done, total, as_json)


def tell(out: Path | None, done: int, total: float, as_json: bool) -> None:
    """What is in a file."""
    if out is not None and as_json:
        emit({"out": str(out), "rows": done, "squared_error_per_example": total / done if done else None})
    elif out is not None:
        mean = f", mean squared error {total / done:.4g} an example" if done else ""
        click.echo(f"{out}: {done:,} rows{mean}")


def draw(run: Path, model: Model, data: tuple[str, ...], out: Path, count: int, as_json: bool) -> None:
    """Write the first so many pictures beside what they are given back as."""
    import torch

    from lamina.command.options import save_picture
    from lamina.command.questions import questions
    from lamina.errors import DataError
    from lamina.report.restored import restored_sheet

    given, have = list["torch.Tensor"](), 0
    for x, _ in questions(run, model, data, keep=False, whole=False):
        assert isinstance(x, torch.Tensor)
        given.append(x[: count - have])
        have += len(given[-1])
        if have == count:
            break
    if not have:
        raise DataError(f"{' '.join(data)}: expected pictures to draw, got none")
    save_picture(restored_sheet(model.net, torch.cat(given), torch.arange(have), " ".join(data)), out)
    if as_json:
        emit({"out": str(out), "rows": have})
    else:
        click.echo(f"{out}: {have:,} pictures")
