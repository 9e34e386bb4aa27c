"""What several verbs share: options, durations, and how results are printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lamina.metrics import Measure

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """A time such as 90, 60s, 10m or 1.5h, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min|h|)", str(value).strip())
        if match is None or float(match[1]) == 0:
            self.fail(f"expected a time such as 60s, 10m or 1.5h, got {value!r}", param, ctx)
        return float(match[1]) * SECONDS[match[2]]


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
