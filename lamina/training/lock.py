"""One trainer for each run: a lock that the kernel lets go of, however the process ends."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from lamina.errors import RunError

HOLDER = re.compile(r"(\d{1,10}) ([A-Za-z0-9_.-]{1,255})\n")


class Lock:
    """The right to write into a run folder, held while in the `with` block.

    The file `lock` stays behind; what counts is that a living process holds it open. A child made by `os.fork`
    holds it too until it ends.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as run, Lock(Path(run)):
        ...     pass  # train

    Args:
        folder: the run folder; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: int | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            RunError: another process holds it (the message says which), or the folder cannot be locked.
        """
        try:
            self._handle = _take(self.folder / "lock")
        except BlockingIOError:
            raise RunError(
                f"{self.folder} is in use by {_holder(self.folder / 'lock')}; "
                f"wait until it ends, stop it, or choose another folder"
            ) from None
        except OSError as error:
            raise RunError(f"{self.folder} cannot be locked: {error.strerror}; choose another folder") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _take(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()} {socket.gethostname()}\n".encode())
    except BaseException:
        os.close(handle)
        raise
    return handle


def _holder(path: Path) -> str:
    """Who holds the lock, for the message; it may not have signed yet."""
    with path.open(errors="replace") as file:
        signed = HOLDER.fullmatch(file.read(300))
    return f"process {signed[1]} on {signed[2]}" if signed else "another process"
