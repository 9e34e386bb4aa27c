"""Lines of output: CSV or JSON, one for each answer."""

from __future__ import annotations

import csv
import json
import math
import sys
from typing import Any, TextIO


class CSVLines:
    """A head, then a line for each answer.

    Args:
        stream: where they go; None for standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream
        self.writer: csv.DictWriter[str] | None = None

    def write(self, line: dict[str, Any]) -> None:
        if self.writer is None:
            self.writer = csv.DictWriter(self.stream or sys.stdout, list(line), lineterminator="\n")
            self.writer.writeheader()
        further = [name for name in line if name not in self.writer.fieldnames]
        if further:
            from lamina.errors import DataError

            raise DataError(
                f"expected rows with the columns of the first, which the head names, got one that also has"
                f" {', '.join(map(repr, further))}; use --json, or leave out --keep"
            )
        self.writer.writerow({name: cell_text(value) for name, value in line.items()})


def cell_text(value: Any) -> Any:
    """A value as a cell of CSV: what CSV has no place for, as JSON has it."""
    return json_text(value) if isinstance(value, bool | list | dict) else value


class JSONLines:
    """A JSON object for each answer."""

    def write(self, line: dict[str, Any]) -> None:
        sys.stdout.write(json_text(line) + "\n")


def json_text(value: Any) -> str:
    """A value as JSON: of a table also days, decimals and the like, as they are written."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(finite(value), ensure_ascii=False, allow_nan=False, default=str)


def finite(value: Any) -> Any:
    """A value with null in place of NaN and what is infinite, for which JSON has no word."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
