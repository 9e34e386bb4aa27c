"""Files of text as bytes: plain, or packed by gzip or zstd, and of any size."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamina.errors import DataError

CHUNK_BYTES = 2**20
MARK = b"\xef\xbb\xbf"
"""What some programs write before a text in UTF-8. It is no part of it."""


def chunks(path: Path) -> Iterator[bytes]:
    """A file from its start, unpacked, a megabyte at a time.

    Raises:
        DataError: if it cannot be read, or is damaged.
    """
    packed = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    try:
        with _opened(path, packed) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        number = getattr(error, "errno", None)
        if packed is not None and not number:
            raise DataError(
                f"{path}: expected a file packed by {packed}, got one that is damaged; fetch it anew"
            ) from None
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: cannot be read ({reason}); check the path") from None


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file without what ends them: a line feed, or a carriage return and one."""
    rest = b""
    for number, chunk in enumerate(chunks(path)):
        *whole, rest = (rest + (chunk.removeprefix(MARK) if number == 0 else chunk)).split(b"\n")
        yield from (line.removesuffix(b"\r") for line in whole)
    if rest:
        yield rest.removesuffix(b"\r")


def _opened(path: Path, packed: str | None) -> Any:
    if packed == "gzip":
        return gzip.open(path, "rb")
    if packed is None:
        return path.open("rb")
    import pyarrow as pa  # only for what is packed so

    return pa.CompressedInputStream(pa.OSFile(str(path)), packed)
