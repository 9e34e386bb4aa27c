"""What all tests share: shapes are checked as they are declared, and real data is found or the test is skipped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# Before lamina is imported, so that every function with shapes in its annotations is checked.
install_import_hook("lamina", "shapes.checked")

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with real data, for tests marked `data`."""
    folder = Path(os.environ.get("LAMINA_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no folder of real data: set LAMINA_DATA")
    return folder


@pytest.fixture
def within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(within: Path) -> Callable[..., str]:
    """Writes a file of this content in a fresh working folder, and gives its name."""

    def written(content: str | bytes, name: str = "a.csv") -> str:
        (within / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return written
