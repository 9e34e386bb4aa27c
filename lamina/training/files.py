"""Files that outlive a crash: what is written here is on the disk when the call returns, or it is not there at all.

Every change goes through `os`, one call at a time, so that a test can stop the process at each of them.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import secrets
import shutil
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from lamina.errors import RunError, shown

DRAFT = ".tmp-"
TRASH = ".trash-"


class Written(NamedTuple):
    """What a file should be found to hold: its size in bytes and its sha256 as hexadecimal digits."""

    size: int
    sha256: str


def write(path: Path, data: bytes) -> Written:
    """Write a new file and wait until the disk has it.

    Raises:
        OSError: the file is there already, or the disk fails.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(data)
        while rest:  # one call may take less than it was given
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    return Written(len(data), hashlib.sha256(data).hexdigest())


def replace(path: Path, data: bytes) -> None:
    """Give a file new contents, all at once: whoever reads it meanwhile, or after a crash, finds the old or the new.

    Raises:
        OSError: the disk fails; the file is as it was.
    """
    draft = draft_of(path)
    try:
        write(draft, data)
        draft.rename(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def settle(path: Path) -> Written:
    """Wait until the disk has a file that other code wrote; it is hashed in the meantime."""
    with path.open("rb") as file, ThreadPoolExecutor(max_workers=1) as pool:
        digest = pool.submit(hashlib.file_digest, file, "sha256")
        os.fsync(file.fileno())
        return Written(os.fstat(file.fileno()).st_size, digest.result().hexdigest())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder: a file is only safe when its name is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder that will still be there after a crash. What it stands in must exist."""
    if not folder.is_dir():
        folder.mkdir()
        sync_folder(folder.parent)


def check_room(folder: Path, size: int) -> None:
    """See that a disk has room for `size` bytes and a fifth more, before anything is written.

    Raises:
        OSError: it has not, or it does not answer.
    """
    disk = os.statvfs(folder)
    needed, free = 1.2 * size, disk.f_bavail * disk.f_frsize
    if free < needed:
        reason = f"No space left on device: {needed / 1e6:.1f} MB needed, {free / 1e6:.1f} MB free"
        raise OSError(errno.ENOSPC, reason, str(folder))


def draft_of(folder: Path) -> Path:
    """A name beside `folder` under which it can be prepared: no other process has it, and `clean` knows it."""
    return folder.with_name(f"{DRAFT}{folder.name}-{os.getpid()}-{secrets.token_hex(4)}")


def publish(draft: Path, folder: Path) -> None:
    """Give a finished draft its name, all at once: before this call there is nothing, after it everything."""
    draft.rename(folder)
    sync_folder(folder.parent)


def discard(folders: Iterable[Path]) -> list[str]:
    """Remove folders that lie side by side. None is ever seen half empty: each loses its name before its contents.

    Returns:
        What could not be removed, and why.
    """
    failures, trash = [], []
    for folder in folders:
        hidden = folder.with_name(f"{TRASH}{folder.name}-{secrets.token_hex(4)}")
        try:
            folder.rename(hidden)
        except OSError as error:
            failures.append(_not_removed(folder, error))
        else:
            trash.append(hidden)
    try:
        for parent in {hidden.parent for hidden in trash}:
            sync_folder(parent)
    except OSError as error:
        # Whether the names are gone for good is not known, so the contents must stay.
        return [*failures, *(_not_removed(hidden, error) for hidden in trash)]
    return failures + delete(trash)


def delete(paths: Iterable[Path]) -> list[str]:
    """Remove files and folders, those that are there.

    Returns:
        What could not be removed, and why.
    """
    failures = []
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            failures.append(_not_removed(path, error))
    return failures


def clean(folder: Path) -> list[str]:
    """Remove drafts and trash that a crash left in a folder. Only for the process that alone writes there.

    Returns:
        What could not be removed, and why.
    """
    return delete([path for mark in (DRAFT, TRASH) for path in sorted(folder.glob(f"{mark}*"))])


def read(path: Path, limit: int) -> bytes:
    """The contents of a regular file of at most `limit` bytes.

    Raises:
        RunError: it is missing, no regular file, or larger.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise RunError(f"{path}: expected a file, got a folder or a device")
        if found.st_size > limit:
            raise RunError(f"{path}: expected at most {limit} bytes, got {found.st_size}; lamina did not write this")
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error


def read_json(path: Path, limit: int) -> dict[str, Any]:
    """A JSON object from a file that nobody vouches for: its size is capped, its numbers are finite.

    Raises:
        RunError: it cannot be read, or is no such object.
    """
    try:
        value = parse_json(read(path, limit))
    except RecursionError:
        raise RunError(f"{path}: expected a JSON object, got one nested too deeply") from None
    except ValueError as error:
        raise RunError(f"{path}: expected a JSON object, got something else: {error}") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: expected a JSON object, got {shown(value)}")
    return value


def parse_json(text: str | bytes) -> Any:
    """What JSON says, without NaN, Infinity and numbers too large, which Python would take.

    Raises:
        ValueError: it is no JSON, or holds such a number.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def verify(path: Path, expected: Written) -> None:
    """Check that a file still holds what was written.

    Raises:
        RunError: it is missing, cut, or changed.
    """
    try:
        size = path.stat().st_size
        if size != expected.size:
            raise RunError(f"{path}: expected {expected.size} bytes, got {size}; the file was cut or overwritten")
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error
    if sha256 != expected.sha256:
        raise RunError(f"{path}: expected sha256 {expected.sha256}, got {sha256}; the file has changed on the disk")


def _not_removed(path: Path, error: OSError) -> str:
    return f"{path} could not be removed: {error.strerror}; remove it by hand"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:60]} is too large a number")
    return number
