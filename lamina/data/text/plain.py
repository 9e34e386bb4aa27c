"""One long text in a file of any size."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from lamina.data.text import files
from lamina.data.text.files import MARK, chunks
from lamina.errors import DataError


@dataclass(frozen=True)
class Plain:
    """A text that has been looked through: it is UTF-8, and not blank.

    Attributes:
        path: its file.
        characters: how many it has.
        size: its bytes in UTF-8.
        digest: 32 hex digits that follow from what it says.
    """

    path: Path
    characters: int
    size: int
    digest: str

    def pieces(self, first: int = 0, last: int | None = None) -> Iterator[str]:
        """The text between two characters, about a million at a time, cut where lines end as far as there are any."""
        end = 0
        for piece in pieces_of(self.path):
            start, end = end, end + len(piece)
            if last is not None and start >= last:
                return
            if end > first:
                yield piece[max(0, first - start) : None if last is None else last - start]


def read_plain(path: Path) -> Plain:
    """Look through a text.

    Raises:
        DataError: if it cannot be read, is no UTF-8, or is blank.
    """
    characters, size, blank = 0, 0, True
    digest = blake2b(digest_size=16)
    for piece in pieces_of(path):
        characters += len(piece)
        blank = blank and piece.isspace()
        written = piece.encode()
        size += len(written)
        digest.update(written)
    if blank:
        what = f"got {characters:,} characters of white space" if characters else "got an empty file"
        raise DataError(f"{path}: expected a text, {what}; check the path")
    return Plain(path, characters, size, digest.hexdigest())


def pieces_of(path: Path) -> Iterator[str]:
    """A text from its start, in pieces of bounded size.

    A piece ends behind the last end of a line in it, else before the last space, so that no word is cut in two.
    Where there is neither in a million characters it ends anywhere.

    Raises:
        DataError: if it cannot be read, or is no UTF-8, which names the byte.
    """
    held, bytes_left, offset = "", b"", 0
    for number, chunk in enumerate(chunks(path)):
        if number == 0 and chunk.startswith(MARK):
            chunk, offset = chunk[len(MARK) :], len(MARK)
        data = bytes_left + chunk
        text, used = _decoded(path, data, offset, final=False)
        bytes_left, offset = data[used:], offset + used
        held += text
        cut = held.rfind("\n") + 1 or max(0, held.rfind(" ")) or len(held) * (len(held) >= files.CHUNK_BYTES)
        if cut:
            yield held[:cut]
        held = held[cut:]
    text, _ = _decoded(path, bytes_left, offset, final=True)
    if held or text:
        yield held + text


def _decoded(path: Path, data: bytes, offset: int, final: bool) -> tuple[str, int]:
    """The text of bytes, and how many make whole characters."""
    try:
        text, used = codecs.utf_8_decode(data, "strict", final)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8, got 0x{data[error.start]:02x} at byte {offset + error.start:,}, which is none; "
            "save the text as UTF-8"
        ) from None
    place = data.find(b"\0", 0, used)
    if place >= 0:
        raise DataError(f"{path}: expected a text, got a NUL at byte {offset + place:,}; is this a binary file?")
    return text, used
