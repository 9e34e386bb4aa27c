"""`lamina translate`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from lamina.command.options import emit, json_option

EPILOG = """
\b
Examples:
  lamina translate runs/pairs-1 < in.txt > out.txt
  echo 'Ein Hund rennt .' | lamina translate runs/pairs-1 --beam 8 --best 3
  lamina translate runs/pairs-1 in.txt --json
"""

LINES_AT_ONCE = 512


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", default="-")
@click.option("--beam", type=click.IntRange(1), default=5, show_default=True, help="Hypotheses kept; 1 is greedy.")
@click.option("--best", type=click.IntRange(1), default=1, show_default=True, help="How many answers to each line.")
@click.option("--length-penalty", type=float, default=0.6, show_default=True, help="0 prefers what is short.")
@click.option("--tokens", type=click.IntRange(1), metavar="N", help="The most tokens of an answer.")
@json_option
def command(
    run: Path, data: str, beam: int, best: int, length_penalty: float, tokens: int | None, as_json: bool
) -> None:
    """Write what the model of RUN, trained on pairs of texts, answers to each line of DATA (- for standard input).

    One line of output for each line of input, an empty one for an empty one. With --best N there are N, each after its
    log-probability and a tab.
    """
    from lamina.command.texts import UnknownTokens
    from lamina.errors import RunError
    from lamina.loading import load as load_model

    if best > beam:
        raise RunError(f"--best must be at most --beam, got --best {best} and --beam {beam}")
    model = load_model(run)
    strange = None if model.text is None else UnknownTokens(model.text.input, "standard input" if data == "-" else data)
    for lines in chunks(data):
        if strange is not None:
            strange.see(lines)
        answers = model.written_about(lines, beam=beam, best=best, length_penalty=length_penalty, tokens=tokens)
        for line, found in zip(lines, answers, strict=True):
            if as_json:
                emit({"source": line, "answers": [{"text": text, "log_probability": p} for text, p in found]})
                continue
            for text, p in found:
                click.echo(text if best == 1 else f"{p:.4f}\t{text}")
        sys.stdout.flush()
    if strange is not None:
        strange.tell()


def chunks(data: str) -> Iterator[list[str]]:
    """The lines to be read, many together, but never waiting for one while others are unanswered."""
    from lamina.command.predict import opened
    from lamina.data.sources.numbers import Lines

    with opened(data) as stream:
        lines = Lines(stream, "standard input" if data == "-" else data)
        chunk = list[str]()
        for line in lines:
            chunk.append(line.rstrip("\r\n"))
            if len(chunk) == LINES_AT_ONCE or not lines.at_hand:
                yield chunk
                chunk = []
