"""`lamina answer`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamina.command.options import emit, json_option

if TYPE_CHECKING:
    from lamina.answering import Answer

EPILOG = """
\b
Examples:
  lamina answer runs/squad-1 --passage moon.txt --question 'Who walked on it first?'
  lamina answer runs/squad-1 questions.txt --passage moon.txt --best 3
  echo 'How far is it?' | lamina answer runs/squad-1 --passage moon.txt --json
"""

WHOLE, AROUND = 2000, 400
"""Characters of a passage that is shown whole, and what is shown on either side of an answer in a longer one."""

NONE = "(no answer in the passage)"


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", default="-", metavar="[QUESTIONS]")
@click.option("--passage", type=click.Path(path_type=Path), required=True, help="The text that holds the answers.")
@click.option("--question", "asked", multiple=True, metavar="TEXT", help="What is asked; may be given again.")
@click.option("--best", type=click.IntRange(1), default=1, show_default=True, help="How many answers to each question.")
@json_option
def command(run: Path, data: str, passage: Path, asked: tuple[str, ...], best: int, as_json: bool) -> None:
    """Answer questions about a passage by a stretch of it, with the model of RUN, trained on questions.

    Questions are those of --question, else the lines of QUESTIONS (- for standard input). The passage may be of any
    length. Each question is followed by its answers, each after its probability, and by the passage with the first of
    them marked: in bold on a terminal, else in [[ ]].
    """
    from lamina.data.text.plain import pieces_of
    from lamina.loading import load as load_model

    if asked and data != "-":
        raise click.UsageError(f"--question asks, and so do the lines of {data}; leave one of them out")
    model = load_model(run)
    text = "".join(pieces_of(passage))
    for questions in [list(asked)] if asked else lines_of(data):
        for question, found in zip(questions, model.answers(text, questions, best), strict=True):
            if as_json:
                emit({"question": question, "answers": [answer._asdict() for answer in found]})
                continue
            click.echo(question)
            for answer in found:
                click.echo(f"  {answer.probability:.3f}  {answer.text or NONE}")
            click.echo(f"{marked(text, found[0], sys.stdout.isatty())}\n")
        sys.stdout.flush()


def lines_of(data: str) -> Iterator[list[str]]:
    """The questions of a file, a line each; blank lines are none."""
    from lamina.command.translate import chunks

    for lines in chunks(data):
        yield [line for line in lines if line.strip()]


def marked(passage: str, answer: Answer, bold: bool) -> str:
    """A passage, or what stands around the answer in a long one, with the answer marked."""
    whole = len(passage) <= WHOLE
    first = 0 if whole else max(0, answer.first - AROUND)
    last = len(passage) if whole else min(len(passage), answer.last + AROUND)
    before, behind = "… " if first else "", " …" if last < len(passage) else ""
    if not answer.text:
        return f"{before}{passage[first:last]}{behind}"
    there = click.style(answer.text, bold=True) if bold else f"[[{answer.text}]]"
    return f"{before}{passage[first : answer.first]}{there}{passage[answer.last : last]}{behind}"
