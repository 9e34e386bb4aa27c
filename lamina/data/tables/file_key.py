"""What tells whether a file is still the one that was read."""

from __future__ import annotations

import hashlib
from pathlib import Path

END_BYTES = 2**20


def file_key(path: Path, *reading: object) -> str:
    """A text that changes when a file may have changed, or is read in another way.

    Args:
        path: the file: its place, size, time of change, first and last megabyte count.
        reading: how it is read, as things whose text says it.
    """
    state = path.stat()
    digest = hashlib.blake2b(digest_size=16)
    digest.update(
        repr((str(path.resolve()), state.st_size, state.st_mtime_ns, [str(item) for item in reading])).encode()
    )
    with path.open("rb") as stream:
        digest.update(stream.read(END_BYTES))
        stream.seek(max(0, state.st_size - END_BYTES))
        digest.update(stream.read(END_BYTES))
    return digest.hexdigest()
