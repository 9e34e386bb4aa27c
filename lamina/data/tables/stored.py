"""Arrays that grow while a table is read: in memory, or in a file."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_FILES = 200
"""Each mapped file stays open, and a process may open some 1,000; columns beyond this share one file."""

SMALLEST = 2**10
GROWTH = 1.25
"""So much larger an array is made when it is full. The system moves large ones without copying them."""


class Growing:
    """An array to which parts are added.

    Args:
        dtype: of its items.
        path: the file it grows in; None for memory.
    """

    def __init__(self, dtype: type[np.generic], path: Path | None = None) -> None:
        self.dtype = np.dtype(dtype)
        self.path = path
        self.length = 0
        self._memory: NDArray[Any] = np.zeros(0, self.dtype)
        self.clear()

    def add(self, part: NDArray[Any]) -> None:
        """Put a copy of `part` behind what is there."""
        first, self.length = self.length, self.length + len(part)
        if self.path is not None:
            # Opened anew for each part: a table may have more columns than a process may have open files.
            with self.path.open("ab") as stream:
                stream.write(np.ascontiguousarray(part, self.dtype).data)
            return
        if self.length > len(self._memory):
            room = max(self.length, SMALLEST, int(len(self._memory) * GROWTH))
            self._memory.resize(room, refcheck=False)
        self._memory[first : self.length] = part

    def clear(self) -> None:
        """Forget everything."""
        self.length = 0
        self._memory = np.zeros(0, self.dtype)
        if self.path is not None:
            self.path.write_bytes(b"")

    def array(self) -> NDArray[Any]:
        """All of it; mapped to memory if it lies in a file. Nothing may be added while that is in use."""
        if self.path is not None:
            return mapped(self.path, self.dtype, self.length)
        self._memory.resize(self.length, refcheck=False)
        return self._memory


def mapped(path: Path, dtype: Any, length: int) -> NDArray[Any]:
    """So many items of a file as an array that is read when it is looked at."""
    if not length:  # an empty file cannot be mapped
        return np.zeros(0, dtype)
    return np.memmap(path, dtype, "r", shape=(length,))


def arrays(growing: Sequence[Growing]) -> list[NDArray[Any]]:
    """What has grown. Many files are joined to one, since each that is mapped stays open."""
    filed = [(column, column.path) for column in growing if column.path is not None]
    if len(filed) <= MOST_FILES:
        return [column.array() for column in growing]
    joined = filed[0][1].with_name("columns")
    first: dict[Path, int] = {}
    with joined.open("wb") as stream:
        for _, path in filed:
            stream.write(bytes(-stream.tell() % 8))  # so that every array begins where its items may
            first[path] = stream.tell()
            with path.open("rb") as part:
                shutil.copyfileobj(part, stream, 2**20)
            path.unlink()
    whole = mapped(joined, np.uint8, joined.stat().st_size)
    return [
        column.array()
        if column.path is None
        else whole[first[column.path] :][: column.length * column.dtype.itemsize].view(column.dtype)
        for column in growing
    ]
