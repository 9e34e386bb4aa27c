"""A text file as a stream of UTF-8, whatever it is packed in or encoded by."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from lamina.errors import DataError, shown

CHUNK_BYTES = 2**24
HEAD_BYTES = 2**20
PACKED = {".gz": "gzip", ".zst": "zstd"}
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
STRANGERS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK\x03\x04", "a zip archive, or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "packed by gzip; let its name end in .gz"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd; let its name end in .zst"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
)
"""How files begin that are no text but are called so."""


class TextFile:
    """A text file.

    Attributes:
        name: its path, as the user gave it.
        encoding: how it is encoded; "" for UTF-8.
        sure: whether the encoding was given, or is marked in the file.
        size: its bytes unpacked, as far as can be told.
        head: the first megabyte or so, as UTF-8; it may end anywhere.
        whole: whether the head is all there is.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path, self.name = path, str(path)
        self._packed = PACKED.get(path.suffix.lower())
        self._line_end = b"\n"
        with _readable(self.name, self._packed), self._opened() as stream:
            start = stream.read(16)
        stranger = next((what for mark, what in STRANGERS if start.startswith(mark)), None)
        if stranger is not None:
            raise DataError(f"{self.name}: expected a text file, got {stranger}; export the table as CSV or Parquet")
        marked = next((name for mark, name in MARKS if start.startswith(mark)), None)
        self.encoding = _known(self.name, encoding) if encoding is not None else marked or ""
        self.sure = encoding is not None or marked is not None
        self.size = self._unpacked_size()
        self.head, self.whole = self._head()

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The file from its start as UTF-8, about `size` bytes a piece."""
        before = 0
        for chunk in self._decoded(size):
            place = chunk.find(b"\0")
            if place >= 0:
                raise DataError(
                    f"{self.name}:{self._line(before + place)}: expected text, got a NUL byte; is this a binary file, "
                    "or is it in an encoding such as UTF-16 (say encoding='utf-16-le')?"
                )
            before += len(chunk)
            yield chunk

    def _line(self, offset: int) -> int:
        """The line that a byte stands in."""
        line = 1
        for chunk in self._decoded(CHUNK_BYTES):
            line += chunk.count(b"\n", 0, max(0, offset))
            offset -= len(chunk)
        return line

    def turn_to_latin(self) -> None:
        """Read as Latin-1 from now on, in which every byte is a letter."""
        self.encoding, self.sure = "latin-1", True
        self.head, self.whole = self._head()

    def _head(self) -> tuple[bytes, bool]:
        head, whole = b"", True
        for chunk in self.chunks(HEAD_BYTES):
            if len(head) >= HEAD_BYTES:
                whole = False
                break
            head += chunk
        if b"\r" in head and b"\n" not in head:  # as the oldest Macs ended their lines
            self._line_end = b"\r"
            head = head.replace(b"\r", b"\n")
        return head, whole

    def _decoded(self, size: int) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)() if self.encoding else None
        line = 1
        with _readable(self.name, self._packed), self._opened() as stream:
            while chunk := stream.read(size):
                if decoder is not None:
                    try:
                        chunk = decoder.decode(chunk).encode()
                    except UnicodeDecodeError as error:
                        line += bytes(error.object).count(b"\n", 0, error.start)
                        raise DataError(
                            f"{self.name}:{line}: expected {self.encoding.removesuffix('-sig')}, got the byte "
                            f"0x{error.object[error.start]:02x} that is none; name its encoding"
                        ) from None
                if self._line_end != b"\n":
                    chunk = chunk.replace(self._line_end, b"\n")
                line += chunk.count(b"\n") if decoder is not None else 0
                yield chunk

    def _opened(self) -> Any:
        if self._packed is None:
            return self.path.open("rb", buffering=0)
        return pa.CompressedInputStream(pa.OSFile(self.name), self._packed)

    def _unpacked_size(self) -> int:
        size = self.path.stat().st_size
        if self._packed == "gzip":
            with self.path.open("rb") as stream:
                stream.seek(-min(4, size), 2)
                # What gzip writes of the size before packing, of which it keeps 32 bits.
                size = max(size, int.from_bytes(stream.read(4), "little"))
        return size


def _known(name: str, encoding: str) -> str:
    try:
        found = codecs.lookup(encoding).name
    except LookupError:
        raise DataError(f"{name}: encoding={encoding!r} is not known; use such as 'utf-8' or 'latin-1'") from None
    # A mark at the start is no part of the text.
    return "utf-8-sig" if found == "utf-8" else found


@contextmanager
def _readable(name: str, packed: str | None) -> Iterator[None]:
    """What the system says of a file it cannot read, as a message."""
    try:
        yield
    except OSError as error:
        if packed is None or isinstance(error, PermissionError):
            raise DataError(f"{name}: cannot be read ({error.strerror or error}); check the file") from None
        raise DataError(
            f"{name}: expected a file packed by {packed}, got one that is cut off or damaged "
            f"({shown(str(error))}); fetch or pack it anew"
        ) from None
