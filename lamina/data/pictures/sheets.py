"""Where decoded pictures are put, one behind the other: a file, or memory."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from lamina.data.tables.kept import mapped
from lamina.training.files import check_room

PIXELS = "pixels"
WIDEN_BYTES = 2**24


class Sheets(ABC):
    """Pictures of one size, laid out (N, Y, X, C).

    All have one channel until the first with colour comes, which gives three to those before it too.

    Args:
        height: of each, in pixels.
        width: of each, in pixels.
        channels: 1 or 3, to begin with.
    """

    def __init__(self, height: int, width: int, channels: int) -> None:
        self.height, self.width, self.channels = height, width, channels
        self.count = 0

    def add(self, pixels: UInt8[np.ndarray, "Y X C"]) -> UInt8[np.ndarray, "Y X C2"]:
        """Put one more behind them.

        Returns:
            It, with as many channels as all have now.

        Raises:
            OSError: if the disk fails or is full.
        """
        if pixels.shape[2] > self.channels:
            self.widen()
            self.channels = 3
        pixels = np.repeat(pixels, self.channels // pixels.shape[2], 2)
        self.put(pixels)
        self.count += 1
        return pixels

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, Y, X, C)."""
        return self.count, self.height, self.width, self.channels

    @abstractmethod
    def put(self, pixels: NDArray[np.uint8]) -> None:
        """Write one picture behind the last."""

    @abstractmethod
    def widen(self) -> None:
        """Give each pixel that is there three equal channels."""

    @abstractmethod
    def ended(self) -> UInt8[Tensor, "N Y X C"]:
        """All of them; nothing can be added then."""


class FileSheets(Sheets):
    """Pictures in a file.

    Args:
        folder: a draft that the file is made in.
        most: so many pictures will come at most: there must be room for them.
    """

    def __init__(self, folder: Path, most: int, height: int, width: int, channels: int) -> None:
        super().__init__(height, width, channels)
        check_room(folder, most * height * width * 3)
        self.path = folder / PIXELS
        self.file = self.path.open("wb")

    def put(self, pixels: NDArray[np.uint8]) -> None:
        self.file.write(pixels.data)

    def widen(self) -> None:
        self.file.close()
        narrow = self.path.rename(self.path.with_suffix(".narrow"))
        self.file = self.path.open("wb")
        with narrow.open("rb") as file:
            while part := file.read(WIDEN_BYTES):
                self.file.write(np.repeat(np.frombuffer(part, np.uint8), 3).data)
        narrow.unlink()

    def ended(self) -> Tensor:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        return mapped(self.path, "uint8", *self.shape)

    def close(self) -> None:
        """Give the file up."""
        try:
            self.file.close()
        except OSError:  # what was not written yet does not matter any more
            return


class MemorySheets(Sheets):
    """Pictures in memory.

    Args:
        most: so many pictures will come at most: there must be room for them.
    """

    def __init__(self, most: int, height: int, width: int, channels: int) -> None:
        super().__init__(height, width, channels)
        size, free = most * height * width * 3, memory_left()
        if size > free / 2:
            reason = f"{size / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free, of which half is for training"
            raise OSError(errno.ENOMEM, reason)
        self.most = most
        self.values = np.empty((most, height, width, channels), np.uint8)

    def put(self, pixels: NDArray[np.uint8]) -> None:
        self.values[self.count] = pixels

    def widen(self) -> None:
        wide = np.empty((self.most, self.height, self.width, 3), np.uint8)
        wide[: self.count] = self.values[: self.count]
        self.values = wide

    def ended(self) -> Tensor:
        return torch.from_numpy(self.values[: self.count])


def memory_left() -> int:
    """The bytes of memory that can be had without swapping, as far as the system tells."""
    left = [_linux_memory()]
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            left.append(max(0, int(limit) - int(Path("/sys/fs/cgroup/memory.current").read_text())))
    except (OSError, ValueError):
        pass
    return min(left)


def _linux_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
