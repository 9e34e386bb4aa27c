"""Texts as the joined bytes that a RoBERTa of another system has learned to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamina.data.text.encoded import OWN, STRANGE
from lamina.data.text.pieces import Normal, Pieces, Spanned
from lamina.data.text.plain_coders import joined_bytes
from lamina.data.text.subwords import RESERVED, letters_of_bytes, library_for

UNTOUCHED = Normal(clean=False, chinese=False, accents=False, lower=False)


class BytePieces(Pieces):
    """The bytes of words, each with the blank before it, joined pair by pair as learned; nothing is unknown.

    Source: Radford et al. 2019, section 2.2; Liu et al. 2019, section 4.4, "RoBERTa". The three tokens that lamina
    numbers first are <unk>, <s> and </s> there; all others keep their order behind them. No text comes to be one of
    these, nor <mask> nor <pad>, whatever it says.

    Args:
        parts: all but those three, in the order of their numbers, a letter for each byte.
        names: what those three are called there.
        places: their numbers there.
        merges: the pairs that are joined, in this order.
    """

    def __init__(
        self,
        parts: Sequence[str],
        names: tuple[str, ...],
        places: tuple[int, ...],
        merges: Sequence[tuple[str, str]],
    ) -> None:
        self.parts, self.names, self.places, self.normal = tuple(parts), names, places, UNTOUCHED
        self.merges = tuple(merges)
        self._library = library_for("bpe", [*RESERVED, *self.parts], self.merges)
        self._letters = {letter: byte for byte, letter in enumerate(letters_of_bytes())}

    @classmethod
    def joined_by(
        cls, vocabulary: Sequence[str], names: tuple[str, ...], merges: Sequence[tuple[str, str]]
    ) -> BytePieces:
        """From a vocabulary in the order that it has there, which holds the three names."""
        parts = [part for part in vocabulary if part not in names]
        return cls(parts, names, tuple(map(vocabulary.index, names)), merges)

    def spanned(self, text: str) -> Spanned:
        """The tokens of a text, and from which of its characters each was made, blanks around them left out."""
        tokens, spans = super().spanned(text)
        for span in spans:
            first, last = span.tolist()
            begin = last - len(text[first:last].lstrip(" "))
            span[:] = begin, max(begin, first + len(text[first:last].rstrip(" ")))
        return Spanned(tokens, spans)

    def decode(self, ids: Sequence[int]) -> str:
        return joined_bytes([self._bytes(number) for number in ids])

    def to_json(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "places": list(self.places),
            "parts": list(self.parts),
            "merges": [list(pair) for pair in self.merges],
        }

    def _bytes(self, number: int) -> bytes:
        """What a token stands for."""
        if number < OWN:
            return STRANGE.encode()
        part = self.parts[number - OWN]
        return bytes(self._letters[letter] for letter in part)
