"""steps.jsonl: what happened, a line for each step and each evaluation."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

from lamina.errors import RunError
from lamina.training import files
from lamina.training.loop import Step

FILE = "steps.jsonl"
LINE_CHARACTERS = 2**16
WAIT_SECONDS = 1.0


class Log:
    """Appends lines, a second's worth at a time; those after a checkpoint are cut off when a run goes on from there.

    A disk that is full does not stop the run: lines wait in memory until they can be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._file = self.path.open("ab", buffering=0)
        self._waiting: list[str] = []
        self._written_at = time.time()

    def step(self, step: Step) -> None:
        """Write what a step did, with the time of day in seconds since 1970."""
        now = time.time()
        self._waiting.append(
            f'{{"step": {step.number}, "epoch": {step.epoch}, "loss": {_number(step.loss)},'
            f' "gradient_norm": {_number(step.gradient_norm)}, "rate": {step.rate:.6g}, "applied":'
            f' {"true" if step.applied else "false"}, "at": {now:.3f}}}\n'
        )
        if now - self._written_at >= WAIT_SECONDS:
            with contextlib.suppress(OSError):  # the next checkpoint meets it too, and says so
                self._write()

    def evaluation(self, step: int, measures: dict[str, float]) -> None:
        """Write what an evaluation on the validation part gave."""
        numbers = ", ".join(f'"{name}": {_number(value)}' for name, value in measures.items())
        self._waiting.append(f'{{"step": {step}, "valid": {{{numbers}}}}}\n')

    def flush(self) -> int:
        """Hand all lines to the disk.

        Returns:
            The bytes of the log so far, for `cut`.

        Raises:
            OSError: if the disk refuses; no line is lost.
        """
        size = self._write()
        os.fsync(self._file.fileno())
        return size

    def cut(self, size: int) -> None:
        """Drop what was written after the log had this many bytes."""
        self._waiting.clear()
        if os.fstat(self._file.fileno()).st_size > size:
            os.ftruncate(self._file.fileno(), size)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._write()
        self._file.close()

    def _write(self) -> int:
        self._written_at = time.time()
        before = os.fstat(self._file.fileno()).st_size
        rest = memoryview("".join(self._waiting).encode())
        size = before + len(rest)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            os.ftruncate(self._file.fileno(), before)  # no half lines: the whole is written when there is room
            raise
        self._waiting.clear()
        return size


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The entries of a run's log, oldest first; a last line that is still being written is left out.

    Raises:
        RunError: a line is no JSON object with a step, holds a number that JSON has not, or is far too long.
    """
    path = folder / FILE
    if not path.is_file():
        return []
    entries = []
    with path.open(encoding="utf-8", errors="replace") as file:
        # A damaged file may be one line as long as the disk, so each is read up to a cap.
        for number, line in enumerate(iter(lambda: file.readline(LINE_CHARACTERS), ""), start=1):
            if not line.endswith("\n") and len(line) < LINE_CHARACTERS:
                break
            try:
                entry = files.parse_json(line) if line.endswith("\n") else None
            except (ValueError, RecursionError):
                entry = None
            if not isinstance(entry, dict) or type(entry.get("step")) is not int:
                raise RunError(
                    f"{path}:{number}: expected a JSON object with a step, got {line[:60]!r}; remove the line"
                )
            entries.append(entry)
    return entries


def _number(value: float) -> str:
    return json.dumps(value) if math.isfinite(value) else "null"
