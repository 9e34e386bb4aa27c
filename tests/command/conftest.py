"""What tests of the command share: calling it as a shell would, and runs to use it on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

import lamina as la
from lamina.command import main


class Said(NamedTuple):
    """What a call of the command came to."""

    code: int
    out: str
    err: str


def called(*arguments: object, stdin: bytes = b"") -> Said:
    """`lamina` with these arguments, in this process."""
    code = 0
    with CliRunner().isolation(input=stdin) as streams:
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code or 0
        out, err = (stream.getvalue().decode() for stream in streams[:2])
    assert "Traceback" not in err
    return Said(code, out, err)


@pytest.fixture(scope="session")
def command() -> Callable[..., Said]:
    return called


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on iris."""
    folder = tmp_path_factory.mktemp("runs") / "iris-1"
    la.train("Standardize() >> Dense(5) >> Tanh() >> Classify()", "iris", epochs=9, threads=1, out=folder)
    return folder


@pytest.fixture(scope="session")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on diabetes, whose target is a number."""
    folder = tmp_path_factory.mktemp("runs") / "diabetes-1"
    la.train("Standardize() >> Regress()", "diabetes", epochs=2, threads=1, out=folder)
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[[Path], Path]:
    """Makes a copy of a folder, to be damaged."""
    return lambda folder: shutil.copytree(folder, tmp_path / f"copy-of-{folder.name}")
