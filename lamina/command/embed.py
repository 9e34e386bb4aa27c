"""`lamina embed`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamina.command.options import emit, json_option
from lamina.progress import note

if TYPE_CHECKING:
    from torch import Tensor

    from lamina.model import Model

EPILOG = """
\b
Examples:
  lamina import all-MiniLM-L6-v2/ --out models/minilm
  lamina embed models/minilm texts.txt --out texts.npy
  lamina embed models/minilm notes.txt --query 'how do I reset it' --best 5
  echo 'It was a dark night' | lamina embed models/minilm --json
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", default="-", metavar="[TEXTS]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the vectors to this .npy file, a row for each text."
)
@click.option("--query", metavar="TEXT", help="Print the lines that are nearest to this text instead.")
@click.option("--best", type=click.IntRange(1), metavar="K", help="How many of them.  [default: 10]")
@json_option
def command(model: Path, data: str, out: Path | None, query: str | None, best: int | None, as_json: bool) -> None:
    """Turn each line of TEXTS (- for standard input) into a vector of length 1, by the model of texts in MODEL.

    Vectors are printed as they come, numbers between spaces, one line for each line of input; two are the more alike in
    meaning, the greater their product. With --query lines are ranked by it: each comes with the cosine, its number, and
    its text, between tabs.
    """
    from lamina.loading import load as load_model

    if best is not None and query is None:
        raise click.UsageError("--best says how many lines are nearest to a --query; name one")
    if out is not None and (query is not None or as_json or out.suffix != ".npy"):
        raise click.UsageError(f"--out writes vectors as .npy, without --query and --json, got --out {out}")
    loaded = load_model(model)
    if query is not None:
        search(loaded, data, query, best or 10, as_json)
        return
    found, reads = list["Tensor"](), chunk_reader(loaded, data)
    for lines, vectors in reads:
        if out is not None:
            found.append(vectors)
            continue
        for line, vector in zip(lines, vectors.tolist(), strict=True):
            if as_json:
                emit({"text": line, "vector": vector})
            else:
                click.echo(" ".join(f"{number:.7g}" for number in vector))
    if out is not None:
        keep(out, found, loaded)


def chunk_reader(model: Model, data: str) -> Iterator[tuple[list[str], Tensor]]:
    """Lines and their vectors, many together; at the end it is said how many were read in part."""
    from lamina.command.translate import chunks
    from lamina.data.text.load import cut_short

    text, cut = model.text, 0
    for lines in chunks(data):
        yield lines, model.embed(lines)
        cut += 0 if text is None else cut_short(lines, text.input, text.context)
    if cut and text is not None:
        where = "standard input" if data == "-" else data
        note(f"{where}: {cut:,} of the texts cut at {text.context:,} tokens")


def search(model: Model, data: str, query: str, best: int, as_json: bool) -> None:
    """Print the lines that are nearest to a query."""
    import torch

    from lamina.embedding import ranked

    asked = model.embed([query])[0]
    texts, parts = list[str](), list["Tensor"]()
    for lines, vectors in chunk_reader(model, data):
        texts += lines
        parts.append(vectors)
    found = ranked(torch.cat(parts), asked, best) if parts else []
    for place, cosine in found:
        if as_json:
            emit({"cosine": cosine, "line": place + 1, "text": texts[place]})
        else:
            click.echo(f"{cosine:.4f}\t{place + 1}\t{texts[place]}")


def keep(out: Path, found: list[Tensor], model: Model) -> None:
    """Write vectors as numpy reads them."""
    import io

    import numpy as np
    import torch

    from lamina.embedding import width_of
    from lamina.training import files

    vectors = torch.cat(found) if found else torch.zeros(0, width_of(model.net))
    held = io.BytesIO()
    np.save(held, vectors.numpy())
    files.replace(out, held.getvalue())
    click.echo(f"{out}: {len(vectors):,} texts, {vectors.shape[1]:,} numbers each")
