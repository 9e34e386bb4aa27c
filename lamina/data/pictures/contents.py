"""What files hold, by a hash: remembered, so that a second look at a million pictures need not read them."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from lamina.data.fetch import cache
from lamina.data.pictures.decode import Size, read_size, unreadable
from lamina.data.pictures.threads import Pace, Say, in_order
from lamina.errors import DataError
from lamina.training.files import replace

FORMAT = 1
FRESH_SECONDS = 2.0
"""A file that changed so recently may change again without another time of change: clocks of disks are coarse."""


hasher = partial(blake2b, digest_size=16)
"""Of the bytes of a file."""


class State(NamedTuple):
    """What changes when a file's content does."""

    size: int
    modified: int
    changed: int


class Content(NamedTuple):
    """What a file holds.

    Attributes:
        digest: of its bytes, in hexadecimal; empty where it cannot be read.
        height: of the picture, 0 where it is none.
        width: of the picture, 0 where it is none.
        problem: why it is no picture; empty where it is one.
    """

    digest: str
    height: int
    width: int
    problem: str

    @property
    def sides(self) -> Size:
        """The size of the picture."""
        return Size(self.height, self.width)


def contents(paths: Sequence[Path], root: Path, say: Say | None = None) -> list[Content]:
    """The contents of files. A file of unchanged size and times is not read again.

    Args:
        paths: the files.
        root: the folder or list that they are of; each has its memory.
        say: told how far this is.
    """
    memory = _memory_of(root)
    folder = root if root.is_dir() else root.parent
    names = [str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path) for path in paths]
    known = _remembered(memory)
    began = time.time_ns()
    states = [_state(path) for path in paths]
    found = [
        Content(*seen[len(state) :])
        if state is not None and (seen := known.get(name, ()))[: len(state)] == state
        else None
        for name, state in zip(names, states, strict=True)
    ]
    new = [place for place, content in enumerate(found) if content is None]
    pace = Pace("looking at pictures", len(new), say)
    for place, content in zip(new, in_order(_content, (paths[place] for place in new)), strict=True):
        found[place] = content
        pace.step()
    held = [content for content in found if content is not None]
    settled = {
        name: (*state, *content)
        for name, state, content in zip(names, states, held, strict=True)
        if state is not None and content.digest and began - max(state.modified, state.changed) > FRESH_SECONDS * 1e9
    }
    if settled != known:
        _remember(memory, settled)
    return held


def forget(root: Path) -> None:
    """Forget what was seen of a folder or list: files were not as remembered."""
    with suppress(OSError):
        _memory_of(root).unlink()


def _memory_of(root: Path) -> Path:
    name = blake2b(os.fsencode(root.resolve()), digest_size=12).hexdigest()
    return cache() / "pictures" / "seen" / f"{name}.json"


def _state(path: Path) -> State | None:
    """The state of a file; None where it cannot be told."""
    try:
        now = path.stat()
    except OSError:
        return None
    return State(now.st_size, now.st_mtime_ns, now.st_ctime_ns)


def _content(path: Path) -> Content:
    """What a file holds, by reading it."""
    try:
        if path.exists() and not path.is_file():
            return Content("", 0, 0, "expected a file, got a folder, a pipe or a device; take it out")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, hasher).hexdigest()
            file.seek(0)
            try:
                return Content(digest, *read_size(file, str(path)), "")
            except DataError as error:
                return Content(digest, 0, 0, str(error).removeprefix(f"{path}: "))
    except OSError as error:
        return Content("", 0, 0, unreadable(error))


def _remembered(memory: Path) -> dict[str, tuple[Any, ...]]:
    """What was seen when these files were last looked at, by path; nothing if that is damaged."""
    sorts = (int, int, int, str, int, int, str)
    try:
        written = json.loads(memory.read_bytes())
        if written["format"] != FORMAT:
            return {}
        return {
            name: tuple(seen)
            for name, seen in written["files"].items()
            if len(seen) == len(sorts) and all(map(isinstance, seen, sorts))
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _remember(memory: Path, seen: Mapping[str, tuple[Any, ...]]) -> None:
    """Keep what was seen, if there is a place: without one the next look takes longer, and that is all."""
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        replace(memory, json.dumps({"format": FORMAT, "files": seen}).encode())
    except OSError:
        return
