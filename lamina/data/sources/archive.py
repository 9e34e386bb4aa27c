"""Files out of a .tar.gz that nobody vouches for: only those asked for, each of the size that is known beforehand.

Source: POSIX.1-1988, the ustar format: blocks of 512 bytes, a header and then the content of each member.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lamina.errors import DataError

BLOCK = 512
MOST_PASSED = 2**28
"""Bytes of other members that are passed over before a file is taken to be something else: a packed one may be long."""

REGULAR = (b"0", b"\0")


class Member(NamedTuple):
    """What a header says of the member that follows it."""

    name: str
    size: int
    regular: bool


def read_members(path: Path, wanted: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """The contents of these members, in the order of the archive.

    Nothing is written to the disk, so names, links and devices can do no harm: they are passed over.

    Args:
        path: the .tar.gz file.
        wanted: how many bytes each member has, by the name that it has in the archive.

    Raises:
        DataError: if a member is missing or of another size, or the file is no whole .tar.gz.
    """
    try:
        with gzip.open(path) as stream:
            yield from _members(stream, path, dict(wanted))
    except FileNotFoundError:
        raise DataError(f"{path}: expected a .tar.gz file, found nothing there; check the path") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: expected a whole .tar.gz file, got a damaged one ({error}); fetch it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def _members(stream: gzip.GzipFile, path: Path, wanted: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    passed = 0
    while wanted:
        member = _header(stream.read(BLOCK), path)
        if member is None:
            names = ", ".join(wanted)
            raise DataError(f"{path}: expected {names} in it, found no such regular file; fetch it again")
        if not (member.regular and member.name in wanted):
            passed += BLOCK + _blocks(member.size)
            if passed > MOST_PASSED:
                raise DataError(f"{path}: expected little but {', '.join(wanted)} in it, got more; fetch it again")
            stream.seek(_blocks(member.size), 1)
            continue
        size = wanted.pop(member.name)
        if member.size != size:
            raise DataError(f"{path}: {member.name}: expected {size:,} bytes, got {member.size:,}; fetch it again")
        content = stream.read(_blocks(size))[:size]
        if len(content) != size:
            raise DataError(f"{path}: {member.name}: expected {size:,} bytes, got {len(content):,}; fetch it again")
        yield member.name, content


def _header(block: bytes, path: Path) -> Member | None:
    """What a header says; None where the archive ends."""
    if not block.strip(b"\0"):
        return None
    try:
        # The sum is taken over the header with spaces in place of itself.
        if len(block) < BLOCK or sum(block[:148]) + 8 * 32 + sum(block[156:]) != _octal(block[148:156]):
            raise ValueError
        size = _octal(block[124:136])
    except ValueError:
        raise DataError(f"{path}: expected a .tar.gz file, got a header that is none; fetch it again") from None
    name, folder = (part.partition(b"\0")[0].decode("utf-8", "replace") for part in (block[:100], block[345:500]))
    ustar = block[257:262] == b"ustar"
    return Member(f"{folder}/{name}" if folder and ustar else name, size, block[156:157] in REGULAR)


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):  # int() also takes signs and underscores
        raise ValueError
    return int(digits or b"0", 8)


def _blocks(size: int) -> int:
    """The bytes that so many take in whole blocks."""
    return -(-size // BLOCK) * BLOCK
