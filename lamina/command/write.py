"""`lamina write`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lamina.command.options import emit, json_option

EPILOG = """
\b
Examples:
  lamina write runs/book-1 --prompt 'It was a dark night'
  lamina write runs/book-1 --prompt 'ROMEO:' --temperature 0.8 --top-p 0.95 --tokens 500
  lamina write runs/book-1 --count 3 --seed 7 --json
  lamina write runs/book-1 < beginning.txt
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--prompt", metavar="TEXT", help="What it begins with.  [default: standard input, if something is piped]")
@click.option("--tokens", type=click.IntRange(1), default=300, show_default=True, help="The most that are written.")
@click.option("--temperature", type=click.FloatRange(0), default=1.0, show_default=True, help="0 takes the likeliest.")
@click.option("--top-k", type=click.IntRange(1), metavar="K", help="Draw from the K likeliest tokens only.")
@click.option(
    "--top-p", type=click.FloatRange(0, 1, min_open=True), metavar="P", help="From the likeliest that reach P."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The draws follow from it.")
@click.option(
    "--count", type=click.IntRange(1), default=1, show_default=True, help="How many texts, with seeds one apart."
)
@json_option
def command(
    run: Path,
    prompt: str | None,
    tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    count: int,
    as_json: bool,
) -> None:
    """Go on with a text as the language model of RUN would, token by token as they come."""
    from lamina.command.texts import UnknownTokens
    from lamina.loading import load as load_model

    model = load_model(run)
    prompt = given() if prompt is None else prompt
    if model.text is not None:
        strange = UnknownTokens(model.text.input, "prompt")
        strange.see([prompt])
        strange.tell()
    for number in range(count):
        how = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed + number}
        pieces = model.continued(prompt, tokens, **how)
        if as_json:
            emit({"prompt": prompt, "text": "".join(pieces), "seed": seed + number})
            continue
        click.echo(prompt, nl=False)
        for piece in pieces:
            click.echo(piece, nl=False)
            sys.stdout.flush()
        click.echo("\n" if number + 1 < count else "")


def given() -> str:
    """The prompt on standard input; none where a person sits there."""
    from lamina.errors import DataError

    if sys.stdin is None or sys.stdin.isatty():
        return ""
    try:
        return sys.stdin.buffer.read().decode("utf-8").rstrip("\n")
    except UnicodeDecodeError as error:
        came = f"byte {error.object[error.start]:#04x} at {error.start:,}"
        raise DataError(f"standard input: expected UTF-8 text, got {came}; save it as UTF-8") from None
