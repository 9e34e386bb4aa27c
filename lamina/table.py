"""The volume-to-volume table: what each stage gives, and what it costs."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from lamina.end import End
from lamina.kinds import Kind
from lamina.stage import Chain


class Row(NamedTuple):
    """One stage of a net."""

    stage: str
    gives: str
    parameters: int
    multiply_adds: int


def parameter_count(module: nn.Module) -> int:
    """The numbers that training changes."""
    return sum(parameter.numel() for parameter in module.parameters())


def rows(body: Chain, end: End, gives: Kind) -> list[Row]:
    """A row for each stage of a built body, and one for its end.

    Multiply-adds are for one example, for one position where positions flow; other arithmetic is not counted.
    """
    stages = zip((*body.stages, end), (*body.kinds[1:], gives), strict=True)
    return [Row(str(stage), str(kind), parameter_count(stage), stage.multiply_adds()) for stage, kind in stages]


def table(body: Chain, end: End, given: Kind, gives: Kind) -> str:
    """The rows as text, with a head, the kind that goes in, and the sums."""
    lines = rows(body, end, gives)
    cells = [("stage", "gives", "parameters", "multiply-adds"), ("", str(given), "", "")]
    cells += [(line.stage, line.gives, f"{line.parameters:,}", f"{line.multiply_adds:,}") for line in lines]
    sums = sum(line.parameters for line in lines), sum(line.multiply_adds for line in lines)
    cells.append(("", "", f"{sums[0]:,}", f"{sums[1]:,}"))
    widths = [max(len(row[place]) for row in cells) for place in range(4)]
    texts = [
        f"{stage:<{widths[0]}}  {kind:<{widths[1]}}  {parameters:>{widths[2]}}  {work:>{widths[3]}}".rstrip()
        for stage, kind, parameters, work in cells
    ]
    rule = "-" * max(map(len, texts))
    return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1]])
