"""steps.jsonl: what happened, a line for each step and each evaluation."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamina.errors import RunError
from lamina.train.loop import Step

FILE = "steps.jsonl"


class Log:
    """Appends lines; what is flushed before a checkpoint is cut back to that checkpoint when a run goes on."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._file = self.path.open("a", encoding="utf-8")

    def step(self, step: Step) -> None:
        """Write what a step did, with the time of day in seconds since 1970."""
        self._file.write(
            f'{{"step": {step.number}, "epoch": {step.epoch}, "loss": {_number(step.loss)},'
            f' "gradient_norm": {_number(step.gradient_norm)}, "rate": {step.rate:.6g}, "applied":'
            f' {"true" if step.applied else "false"}, "at": {time.time():.3f}}}\n'
        )

    def evaluation(self, step: int, measures: dict[str, float]) -> None:
        """Write what an evaluation on the validation part gave."""
        numbers = ", ".join(f'"{name}": {_number(value)}' for name, value in measures.items())
        self._file.write(f'{{"step": {step}, "valid": {{{numbers}}}}}\n')

    def flush(self) -> None:
        """Hand all lines to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def cut(self, step: int) -> None:
        """Drop the lines of later steps, and a last one that was not finished."""
        self._file.flush()
        kept = [line for line, entry in _lines(self.path) if entry["step"] <= step]
        draft = self.path.with_suffix(".tmp")
        draft.write_text("".join(kept), encoding="utf-8")
        self._file.close()
        draft.replace(self.path)
        self._file = self.path.open("a", encoding="utf-8")

    def close(self) -> None:
        self._file.close()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The entries of a run's log, oldest first."""
    path = folder / FILE
    return [entry for _, entry in _lines(path)] if path.is_file() else []


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                entry = None
            if not isinstance(entry, dict) or not isinstance(entry.get("step"), int):
                raise RunError(
                    f"{path}:{number}: expected a JSON object with a step, got {line[:60]!r}; remove the line"
                )
            yield line, entry


def _number(value: float) -> str:
    return json.dumps(value) if value == value and abs(value) != float("inf") else "null"
