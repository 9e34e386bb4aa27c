"""The command as a process: help, signals, kill -9, pipes."""

from __future__ import annotations

import contextlib
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from runs import digest, entries

import lamina as la
from lamina.command import VERBS, main

LAMINA = [sys.executable, "-m", "lamina"]


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_an_example(command: Any, verb: str) -> None:
    said = command(verb, "--help")
    assert said.code == 0
    assert re.search(rf"\n +Examples?:\n(.*\n)* +.*lamina {verb}", said.out)


def test_help_names_every_verb_with_an_example(command: Any) -> None:
    for arguments in (["--help"], ["-h"]):
        said = command(*arguments)
        assert said.code == 0
        assert all(f"  {verb} " in said.out for verb in VERBS)
        assert "  lamina train digits\n" in said.out
    assert command("--version").out == f"lamina, version {la.__version__}\n"


def test_an_unknown_verb_or_option_is_refused(command: Any) -> None:
    assert command("trian").code == 2
    assert command("trian").err.endswith("Error: No such command 'trian'.\n")
    said = command("train", "iris", "--epoch", "3")
    assert said.code == 2
    assert "No such option" in said.err


def test_help_imports_no_torch() -> None:
    code = "import sys; from lamina.command import main\ntry: main(['train', '--help'])\nexcept SystemExit: pass\n"
    code += "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_error_of_the_disk_is_a_message_too(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def write(self, text: str) -> int:
            return len(text)

    messages: list[str] = []
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr("click.echo", lambda text=None, **_: messages.append(str(text)))
    with pytest.raises(SystemExit) as end:
        main(["data"])
    assert end.value.code == 2
    assert messages[-1] == "lamina: No space left on device"


def test_answers_come_as_rows_do_and_a_reader_may_stop_reading(iris: Path) -> None:
    process = subprocess.Popen(
        [*LAMINA, "predict", iris], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    answers = []
    for row in (b"5.1,3.5,1.4,0.2\n", b"6.3,3.3,6.0,2.5\n"):
        process.stdin.write(row)
        process.stdin.flush()
        if not answers:
            answers.append(process.stdout.readline())  # the head comes with the first answer
        answers.append(process.stdout.readline())
    assert answers[0] == b"prediction,probability\n"
    assert all(answer.count(b",") == 1 for answer in answers)
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        for _ in range(20):
            process.stdin.write(b"5.1,3.5,1.4,0.2\n" * 1000)
            process.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) in (0, 1)


def log_lines(run: Path) -> int:
    return (run / "steps.jsonl").read_bytes().count(b"\n") if (run / "steps.jsonl").exists() else 0


def started(*arguments: object, run: Path) -> subprocess.Popen[bytes]:
    """A process of the command that has trained a step or more, or ended."""
    before = log_lines(run)
    process = subprocess.Popen([*LAMINA, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and log_lines(run) <= before:
        time.sleep(0.02)
    return process


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors.decode()


def test_a_run_that_is_terminated_and_killed_ends_with_the_same_bits(tmp_path: Path) -> None:
    run, chance = tmp_path / "run", random.Random(0)
    net, length = "Flatten() >> Dense(16) >> BatchNorm() >> ReLU() >> Dropout(0.2) >> Classify()", 30
    settings = ["--net", net, "--epochs", length, "--threads", 1, "--checkpoint", "0.2s", "--out", run]
    process = started("train", "digits", *settings, run=run)
    process.send_signal(signal.SIGTERM)
    code, errors = ended(process)
    assert code == 143
    assert re.search(
        rf"\nlamina: stopped by SIGTERM after step \d+; `lamina resume {run}` goes on from there\n$", errors
    )
    process = started("resume", run, run=run)
    time.sleep(chance.uniform(0, 0.3))
    process.kill()
    assert ended(process)[0] in (-signal.SIGKILL, 0)  # a fast machine may have ended before
    whole = la.train(net, "digits", epochs=length, threads=1, out=tmp_path / "whole").folder
    assert (run / "result.json").exists() or ended(started("resume", run, run=run))[0] == 0
    assert digest(run) == digest(whole)
    assert entries(run) == entries(whole)
