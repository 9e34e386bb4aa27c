"""The log: every line once, whole, and none lost to a disk that was full for a while."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch

from lamina.errors import RunError
from lamina.training.log import FILE, Log, read_log
from lamina.training.loop import Step


def step(number: int, loss: float = 0.5) -> Step:
    return Step(number, 0, loss, 7, 1.25, 0.1, torch.arange(7), True)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    log = Log(tmp_path)
    yield log
    log.close()


def numbers(folder: Path) -> list[int]:
    return [entry["step"] for entry in read_log(folder)]


def test_a_step_is_a_line_of_json(log: Log, tmp_path: Path) -> None:
    log.step(step(3))
    log.step(step(4, float("inf"))._replace(applied=False, gradient_norm=float("nan")))
    log.evaluation(4, {"log_loss": 0.25, "accuracy": float("nan")})
    log.flush()
    first, second, evaluation = read_log(tmp_path)
    assert first.pop("at") > 1.7e9
    assert first == {"step": 3, "epoch": 0, "loss": 0.5, "gradient_norm": 1.25, "rate": 0.1, "applied": True}
    assert (second["loss"], second["gradient_norm"], second["applied"]) == (None, None, False)
    assert evaluation == {"step": 4, "valid": {"log_loss": 0.25, "accuracy": None}}


def test_a_log_is_cut_back_to_what_it_was(log: Log, tmp_path: Path) -> None:
    log.step(step(1))
    size = log.flush()
    assert size == (tmp_path / FILE).stat().st_size
    log.step(step(2))
    log.flush()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b"\0\0\0 left by a power failure\n")
    log.step(step(3))
    log.cut(size)
    log.step(step(2))
    log.flush()
    assert numbers(tmp_path) == [1, 2]


def test_a_log_shorter_than_its_checkpoint_says_is_left_as_it_is(log: Log, tmp_path: Path) -> None:
    log.step(step(1))
    size = log.flush()
    log.cut(size + 1000)
    assert numbers(tmp_path) == [1]
    assert (tmp_path / FILE).stat().st_size == size


def test_lines_reach_the_file_within_a_second_or_so(log: Log, tmp_path: Path) -> None:
    log.step(step(1))
    assert numbers(tmp_path) == []
    log._written_at -= 1.5
    log.step(step(2))
    assert numbers(tmp_path) == [1, 2]


class FullDisk:
    """A file on a disk that takes ten bytes more and no other."""

    def __init__(self, file: object) -> None:
        self.file, self.room = file, 10

    def write(self, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self.file.write(data[: self.room])
        self.room = 0
        return taken

    def fileno(self) -> int:
        return self.file.fileno()


def test_a_full_disk_loses_no_line_and_leaves_none_half_written(log: Log, tmp_path: Path) -> None:
    log.step(step(1))
    log.flush()
    real, log._file = log._file, FullDisk(log._file)
    log.step(step(2))
    log._written_at -= 1.5
    log.step(step(3))  # the disk refuses; that is no reason to stop
    assert numbers(tmp_path) == [1]
    with pytest.raises(OSError, match="No space left"):
        log.flush()
    log._file = real
    log.step(step(4))
    log.flush()
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_a_last_line_still_being_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"step": 1}\n{"step": 2')
    assert numbers(tmp_path) == [1]
    assert read_log(tmp_path / "nowhere") == []


@pytest.mark.parametrize("line", ["no json", "[1]", '{"loss": 1}', '{"step": "1"}', "[" * 100_000, "\x00\x00",
    '{"step": 1, "loss": NaN}', '{"step": 1, "loss": -Infinity}', '{"step": 1, "loss": 1e999}', '{"step": true}',
    '{"step": 1, "loss": ' + " " * 2**16 + "1}",
])  # fmt: skip
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE).write_text(f"{json.dumps({'step': 1})}\n{line}\n")
    with pytest.raises(RunError) as error:
        read_log(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / FILE}:2: expected a JSON object with a step, got {(line + chr(10))[:60]!r}; remove the line"
    )
