"""`lamina fill`."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.command.options import emit, json_option

EPILOG = """
\b
Examples:
  lamina fill runs/wiki-1 'The capital of France is [MASK] .'
  lamina fill runs/wiki-1 'He [MASK] the [MASK] .' --best 3 --json
  lamina fill runs/wiki-1 < gaps.txt
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("text", required=False)
@click.option("--best", type=click.IntRange(1), default=5, show_default=True, metavar="N", help="Words for each gap.")
@json_option
def command(run: Path, text: str | None, best: int, as_json: bool) -> None:
    """Say which words the masked language model of RUN would put for each [MASK] of TEXT, or of each line that comes.

    A line for each word, between tabs: the number of the gap, the probability, the word. What goes on with the word
    before it begins with ##. A line between texts is empty.
    """
    from lamina.command.translate import chunks
    from lamina.loading import load as load_model

    model = load_model(run)
    lines = [text] if text is not None else [line for part in chunks("-") for line in part]
    for number, line in enumerate(lines):
        found = model.fill(line, best)
        if as_json:
            emit({"text": line, "gaps": [[filling._asdict() for filling in gap] for gap in found]})
            continue
        if number:
            click.echo()
        for place, gap in enumerate(found, start=1):
            for word, probability in gap:
                click.echo(f"{place}\t{probability:.4f}\t{word}")
