"""`lamina encode`."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.command.options import emit

EPILOG = """
\b
Examples:
  lamina encode runs/digits-1 digits --keep > codes.csv
  lamina encode runs/mnist-1 mnist --out codes.npy
  lamina encode runs/houses-1 new.csv --keep --out codes.parquet
  lamina encode runs/pets-1 holiday/ --json
  lamina encode runs/digits-1 digits --up-to 'Dense(64)'
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), help="Write codes to this .csv, .parquet or .npy file.")
@click.option("--keep", is_flag=True, help="Keep the cells of a table's rows, or a set's row numbers and classes.")
@click.option("--up-to", metavar="STAGE", help="The stage whose output is the code: its words, or its number.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each row; with --out one about the file.")
def command(run: Path, data: tuple[str, ...], out: Path | None, keep: bool, up_to: str | None, as_json: bool) -> None:
    """Turn each row of DATA into its code, by the model of RUN: a line of numbers for each.

    The code is what stands before the end of the net: of an autoencoder what the input is given back from, of
    Gaussian() the mean, of a net that predicts something what its last stage before the end gives. DATA is what
    `lamina predict` takes; of a named set, a .npz file or an IDX folder every row is encoded, those trained on too.
    """
    from lamina.coding import coded, halves, resting
    from lamina.command.questions import questions
    from lamina.command.sinks import FORMS, check_form, opened_sink
    from lamina.loading import load as load_model

    if out is not None:
        check_form(out, tuple(FORMS))
        if keep and out.suffix.lower() == ".npy":
            raise click.UsageError("--keep needs a file with columns: a .npy file holds numbers alone")
    model = load_model(run)
    parts, count, numbers = halves(model.net, up_to), 0, 0
    with opened_sink(out, as_json) as sink:
        for x, cells in questions(run, model, data, keep, whole=True):
            with resting(model.net):
                codes = coded(model.net, parts, x).flatten(1).cpu()
            count, numbers = count + len(codes), codes.shape[1]
            sink.add(cells, [f"code_{place}" for place in range(1, numbers + 1)], codes)
    if out is not None and as_json:
        emit(
            {"out": str(out), "rows": count, "numbers": numbers, "of": str(parts.encoder[-1] if parts.encoder else "")}
        )
    elif out is not None:
        click.echo(f"{out}: {count:,} codes of {numbers:,} numbers each")
