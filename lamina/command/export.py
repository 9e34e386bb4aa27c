"""`lamina export`."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.command.options import emit, json_option

EPILOG = """
\b
Examples:
  lamina train reviews.csv --target stars --from models/minilm
  lamina export runs/reviews-1 exported/
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(model: Path, folder: Path, as_json: bool) -> None:
    """Write the model in MODEL as the FOLDER of a BERT, which transformers and sentence-transformers read.

    Its net begins with BERT(...), and its tokens are a BERT's, as `lamina import` makes them. Stages behind the encoder
    are left out, unless they make one vector of a text.
    """
    from lamina.imported.export import export_model
    from lamina.loading import load as load_model

    family, tensors, left_out = export_model(load_model(model), folder)
    if as_json:
        emit({"folder": str(folder), "architecture": family, "tensors": tensors, "left_out": list(left_out)})
        return
    click.echo(f"{folder}: {family}, {tensors} tensors")
    if left_out:
        click.echo(f"left out, as they are no part of the encoder: {' >> '.join(left_out)}")
