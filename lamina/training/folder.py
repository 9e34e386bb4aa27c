"""A new run's folder."""

from __future__ import annotations

import errno
import itertools
import os
import re
from contextlib import suppress
from pathlib import Path

from lamina.data.tables.source import ENDINGS, is_table
from lamina.errors import RunError
from lamina.training import files


def new_folder(out: str | Path | None, name: str) -> Path:
    """The folder of a new run, made: `out`, or the next free `runs/<name>-<number>`.

    Raises:
        RunError: if it cannot be made.
    """
    try:
        if out is not None:
            made(Path(out))
            return Path(out)
        last = ENDINGS.sub("", Path(name).name) if is_table(name) else Path(name).stem
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", last).strip("-") or "run"
        for number in itertools.count(1):
            folder = Path("runs", f"{stem}-{number}")
            with suppress(FileExistsError):  # another run may take it at this very moment
                made(folder.parent)
                folder.mkdir()
                files.sync_folder(folder.parent)
                return folder
    except OSError as error:
        raise RunError(
            f"{out or 'runs'} cannot be made into a run's folder: {error.strerror}; name another --out"
        ) from error
    raise RunError("no number is free")


def made(folder: Path) -> None:
    """Make a folder, and those that it stands in, so that a power cut does not take their names."""
    for path in [*reversed(folder.parents), folder]:
        if path != folder and path.is_file():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        files.make_folder(path)
