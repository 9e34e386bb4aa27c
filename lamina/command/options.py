"""What several verbs share: options, durations, and how results are printed."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image as Picture

    from lamina.metrics import Measure

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

TOLD = ("auc", "token_accuracy")
"""Measures that are told of a baseline beside the one that comes first."""


class Duration(click.ParamType[float]):
    """A time such as 90, 60s, 10m or 1.5h, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min|h|)", str(value).strip())
        if match is None or float(match[1]) == 0:
            self.fail(f"expected a time such as 60s, 10m or 1.5h, got {value!r}", param, ctx)
        return float(match[1]) * SECONDS[match[2]]


class ShareOrFile(click.ParamType[float | str]):
    """A share such as 0.2 or 20%, or the path of a file."""

    name = "share or file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        try:
            return float(str(value).removesuffix("%")) / (100 if str(value).endswith("%") else 1)
        except ValueError:
            return str(value)


def share_or_files(ctx: click.Context, param: click.Parameter, given: tuple[float | str, ...]) -> Any:
    """One share, the path of one file, or those of several."""
    if len(given) > 1 and any(isinstance(one, float) for one in given):
        raise click.BadParameter(f"expected one share, or files, got {' and '.join(map(str, given))}", ctx, param)
    return (given[0] if len(given) == 1 else given) if given else None


class Size(click.ParamType["int | tuple[int, int]"]):
    """A number of pixels such as 64, for a square, or height x width such as 48x64."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | tuple[int, int]:
        match = re.fullmatch(r"(\d{1,9})(?:x(\d{1,9}))?", str(value).strip())
        if match is None:
            self.fail(f"expected pixels such as 64, or height x width such as 48x64, got {value!r}", param, ctx)
        return int(match[1]) if match[2] is None else (int(match[1]), int(match[2]))


class Stages(click.ParamType[int | str]):
    """A number of stages, or a word such as body."""

    name = "body|n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        return int(value) if re.fullmatch(r"\d{1,9}", str(value)) else str(value)


class Shares(click.ParamType[tuple[float, float]]):
    """Shares of the rows such as 0.8/0.1/0.1, or 80/10/10: those that validate and test, after those that train."""

    name = "train/valid/test"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        try:
            train, valid, test = map(float, str(value).split("/"))
        except ValueError:
            self.fail(f"expected three shares such as 0.8/0.1/0.1, got {value!r}", param, ctx)
        whole = train + valid + test
        if min(train, valid, test) <= 0 or not (math.isclose(whole, 1) or math.isclose(whole, 100)):
            self.fail(f"expected shares above 0 that add up to 1 (or 100), got {value!r}", param, ctx)
        return valid / whole, test / whole


def reading_options(function: Decorated) -> Decorated:
    """How a table is read, or pictures. Names that may be several can be given with commas or again and again."""
    for option in reversed(READING):
        function = option(function)
    return function


def commas(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...] | None:
    """Names from options that may be given again, each with one name or several between commas."""
    return tuple(name for text in given for name in parted(text)) or None


def parted(text: str) -> list[str]:
    """Names between commas; one with a line break is one name."""
    return [text] if "\n" in text or "\r" in text else [name.strip() for name in next(csv.reader([text]))]


READING = (
    click.option("--target", multiple=True, callback=commas, metavar="C", help="The column to predict, or several."),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        callback=lambda ctx, param, given: given or None,
        metavar="C=KIND",
        help="What column C is: number, category, boolean, date, text or leave (it out).",
    ),
    click.option("--names", multiple=True, callback=commas, metavar="N,N,...", help="Of a file without a head."),
    click.option("--header/--no-header", default=None, help="Whether the first line is a head.  [default: seen]"),
    click.option("--delimiter", metavar="D", help="What stands between cells.  [default: seen]"),
    click.option("--encoding", metavar="E", help="Of the text.  [default: UTF-8, else Latin-1]"),
    click.option(
        "--blank",
        "blanks",
        multiple=True,
        callback=lambda ctx, param, given: given or None,
        metavar="TEXT",
        help="A further text that stands for a blank cell.",
    ),
    click.option("--skip-bad", type=int, metavar="N", help="Leave out, and list, up to N rows or pictures."),
    click.option("--size", type=Size(), metavar="P|YxX", help="Bring pictures to this size.  [default: seen]"),
    click.option("--fit", metavar="HOW", help="How pictures get there: crop, pad or stretch.  [default: crop]"),
    click.option(
        "--tokens", metavar="T", help="Of texts: characters, bytes, words, spaced, bpe, unigram, wordpiece, bert."
    ),
    click.option("--vocabulary", type=int, metavar="N", help="The most different tokens."),
    click.option("--least", type=int, metavar="N", help="How often a token must come to be known."),
    click.option("--lower/--no-lower", default=None, help="Whether upper and lower case are one.  [default: no]"),
    click.option("--joint/--no-joint", default=None, help="Whether both sides of pairs share a vocabulary."),
    click.option("--context", type=int, metavar="N", help="Positions of a text, or steps of a series, seen at once."),
    click.option("--overlap", type=int, metavar="N", help="Tokens that windows onto the passage of a question share."),
    click.option("--horizon", type=int, metavar="N", help="Forecast the N steps that follow; DATA is a series then."),
    click.option("--gaps", metavar="HOW", help="Missing steps of a series: fill, refuse or ignore.  [default: fill]"),
    click.option("--colour", metavar="C", help="Of pictures: grey, colour or auto.  [default: auto]"),
)


def json_option(function: Decorated) -> Decorated:
    """`--json`: results as one JSON object on the last line of stdout."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line of stdout.")(function)


def emit(result: dict[str, Any]) -> None:
    """A result for programs: one line."""
    click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))


def measure_lines(measures: dict[str, Measure]) -> list[str]:
    """Measures for people, a line each, names aligned."""
    width = max(map(len, measures), default=0)
    return [f"  {name:<{width}}  {measure}" for name, measure in measures.items()]


def baseline_lines(baselines: Mapping[str, Mapping[str, Measure]]) -> list[str]:
    """The measures of baselines that come first, for people, a line each; of several targets the first of each.

    >>> from lamina.metrics import Measure
    >>> baseline_lines({"majority": {"accuracy": Measure(0.5, 0.4, 0.6), "log_loss": Measure(1.0, 0.9, 1.1)}})
    ['  baseline majority: accuracy 0.50 [0.40, 0.60]']
    """
    from lamina.metrics.measure import OF

    lines = list[str]()
    for name, measures in baselines.items():
        told, targets = list[str](), set[str]()
        for what, measure in measures.items():
            kind, _, target = what.partition(OF)
            if target not in targets or kind in TOLD:
                told.append(f"{what} {measure}")
            targets.add(target)
        lines.append(f"  baseline {name}: {', '.join(told)}")
    return lines


def signed(told: dict[str, Any]) -> list[str]:
    """What must be stated with scores of answers, from a result: how each is computed, and of which answers.

    >>> signed({"signatures": {"bleu": "nrefs:1"}, "answers": "greedy answers to 17 texts"})
    ['  bleu is nrefs:1, of greedy answers to 17 texts']
    """
    answers = f", of {told['answers']}" if "answers" in told else ""
    return [f"  {name} is {signature}{answers}" for name, signature in told.get("signatures", {}).items()]


def save_picture(picture: Picture, path: Path) -> None:
    """Write a picture as PNG.

    Raises:
        DataError: if the file cannot be written, or is called like one that holds something else.
    """
    from lamina.errors import DataError

    if path.suffix.lower() != ".png":
        raise DataError(f"{path}: expected a file that ends in .png, got {path.suffix!r}; name another --draw")
    try:
        picture.save(path, "PNG")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}; name another --draw") from None
