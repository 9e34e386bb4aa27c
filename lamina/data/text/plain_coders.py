"""Texts as their characters, and as their bytes in UTF-8."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.text.encoded import OWN, SPECIAL, STRANGE, Encoded, ends_of
from lamina.kinds import UNKNOWN_TOKEN

BYTES = 256


class Characters:
    """Each character of an alphabet is a token.

    Args:
        alphabet: distinct characters, in the order of their numbers.
    """

    def __init__(self, alphabet: str) -> None:
        self.alphabet = alphabet

    @classmethod
    def trained(cls, texts: Iterable[str], most: int | None, least: int) -> Characters:
        """The characters that come at least so often; no more than there may be, the commonest first."""
        counts = Counter[str]()
        for text in texts:
            counts.update(text)
        often = [character for character in counts if counts[character] >= least]
        commonest = sorted(often, key=lambda character: (-counts[character], character))
        return cls("".join(sorted(commonest if most is None else commonest[: most - OWN])))

    def __len__(self) -> int:
        return OWN + len(self.alphabet)

    def encode_all(self, texts: Sequence[str]) -> Encoded:
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
        return Encoded(self._numbers[np.minimum(codes, len(self._numbers) - 1)], ends_of(map(len, texts)))

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.alphabet[number - OWN] if number >= OWN else STRANGE for number in ids)

    def tokens(self) -> list[str]:
        return [*SPECIAL, *self.alphabet]

    def to_json(self) -> dict[str, Any]:
        return {"alphabet": self.alphabet}

    @cached_property
    def _numbers(self) -> NDArray[np.int32]:
        """The token of each code point; the last one stands for all that are beyond."""
        codes = np.frombuffer(self.alphabet.encode("utf-32-le"), np.uint32)
        numbers = np.full(int(codes.max(initial=0)) + 2, UNKNOWN_TOKEN, np.int32)
        numbers[codes] = np.arange(OWN, len(self), dtype=np.int32)
        return numbers


class Bytes:
    """Each byte is a token: nothing is unknown."""

    def __len__(self) -> int:
        return OWN + BYTES

    def encode_all(self, texts: Sequence[str]) -> Encoded:
        written = [text.encode() for text in texts]
        return Encoded(np.frombuffer(b"".join(written), np.uint8).astype(np.int32) + OWN, ends_of(map(len, written)))

    def decode(self, ids: Sequence[int]) -> str:
        return joined_bytes([bytes([number - OWN]) if number >= OWN else STRANGE.encode() for number in ids])

    def tokens(self) -> list[str]:
        return [*SPECIAL, *(byte_name(bytes([byte])) for byte in range(BYTES))]

    def to_json(self) -> dict[str, Any]:
        return {}


def joined_bytes(pieces: Iterable[bytes]) -> str:
    """The text of bytes. A net may put together what is no UTF-8: that reads as the replacement character."""
    return b"".join(pieces).decode(errors="replace")


def byte_name(piece: bytes) -> str:
    """What to call some bytes: the text that they are, else each as it is written in hexadecimal.

    >>> byte_name("é".encode()), byte_name("é".encode()[:1])
    ('é', '<c3>')
    """
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return f"<{piece.hex(' ')}>"
