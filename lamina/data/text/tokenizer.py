"""Tokenizers: texts as numbers, and numbers as texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from lamina.data.text.encoded import BEGUN, BROUGHT, HOWS, OWN, Coder, Encoded, How, blocks
from lamina.data.text.pieces import Pieces
from lamina.data.text.plain_coders import BYTES, Bytes, Characters
from lamina.data.text.stored_coder import coder_in
from lamina.data.text.subwords import Subwords
from lamina.errors import DataError, shown
from lamina.kinds import END_TOKEN, UNKNOWN_TOKEN

VOCABULARY = 8000
"""The tokens of a vocabulary where nothing is said, except of characters and bytes."""

MOST = 2**31 - 1
"""No limit."""

MOST_JSON_BYTES = 2**26


class Unknown(NamedTuple):
    """How many tokens of texts are unknown, and how many there are."""

    unknown: int
    total: int


class Tokenizer:
    """Turns texts into tokens, numbers below its length, and back.

    The first three tokens of every vocabulary are `UNKNOWN_TOKEN`, `BEGIN_TOKEN` and `END_TOKEN`. No text is ever
    encoded as one of the last two, whatever it says; who needs them puts them there.

    Args:
        how: what a token is.
        coder: what knows the tokens.
        lower: whether texts are brought to lower case first.
    """

    def __init__(self, how: How, coder: Coder, lower: bool = False) -> None:
        self.how, self.coder, self.lower = how, coder, lower

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        how: How,
        vocabulary: int | None = None,
        least: int = 1,
        lower: bool = False,
    ) -> Tokenizer:
        """Learn a vocabulary from texts; from those of two languages, one for both.

        All but "unigram", "wordpiece" and "bert" come to the same whenever the same texts are given. With these, what
        the library finds varies a little, so a model keeps its tokenizer rather than learning it again.

        Args:
            texts: what is learned from.
            how: "characters"; "bytes" of UTF-8; "words", as runs of letters and digits, and single marks; "spaced",
                what stands between blanks, and ends of lines; or parts of words: "bpe", "unigram", "wordpiece",
                and "bert", which is wordpiece as BERT has it: with its special tokens, and marks apart.
            vocabulary: the most tokens, the three special ones counted; None for all characters and all that is spaced,
                else for 8,000.
                Without effect on bytes, of which there are 259.
            least: how often a character, a word or a pair of parts must come to be known. Without effect on bytes and
                on "unigram".
            lower: whether upper and lower case are one.

        Raises:
            DataError: if the vocabulary is too small; if a text is none; of those in `BROUGHT`, which are not learned.

        >>> tokenizer = Tokenizer.train(["abba"], "characters")
        >>> tokenizer.encode("abc"), tokenizer.decode([3, 4])
        ([3, 4, 0], 'ab')
        """
        size = (MOST if how == "spaced" else VOCABULARY) if vocabulary is None else vocabulary
        fewest = OWN + (BYTES if how == "bpe" else 1)
        if how != "bytes" and size < fewest:
            raise DataError(f"tokens={how!r} needs a vocabulary of at least {fewest}, got vocabulary={size}")
        own = how != "bert" and lower  # which brings texts to lower case itself
        shown_texts = map(str.lower, texts) if own else texts
        try:
            return cls(how, _trained(shown_texts, how, vocabulary, size, least, lower), own)
        except UnicodeEncodeError as error:
            raise DataError(_no_text(error)) from None

    def __len__(self) -> int:
        return len(self.coder)

    @property
    def begins(self) -> bool:
        """Whether `BEGIN_TOKEN` stands before a text that is read, as it does where BERT's kin learned to read."""
        return self.how in BEGUN

    def encode_all(self, texts: Sequence[str]) -> Encoded:
        """The tokens of texts, one behind another, and where each begins.

        Raises:
            DataError: if one holds half of a surrogate pair, which is no text.
        """
        try:
            return self.coder.encode_all([text.lower() for text in texts] if self.lower else texts)
        except UnicodeEncodeError as error:
            raise DataError(_no_text(error)) from None

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return [int(number) for number in self.encode_all([text]).flat]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens.

        Of "characters", "bytes" and "bpe" it is the one that was encoded, where all of it was known; of "unigram" too,
        but for ▁, which becomes a space. Of the others it is spaced as people would. What begins and ends a text is
        left out; an unknown token becomes the character U+FFFD.

        Raises:
            DataError: if a number is none of the vocabulary.
        """
        numbers = [int(number) for number in ids]
        if wrong := [number for number in numbers if not 0 <= number < len(self)]:
            raise DataError(f"expected tokens from 0 to {len(self) - 1:,}, got {wrong[0]}")
        return self.coder.decode([number for number in numbers if number == UNKNOWN_TOKEN or number > END_TOKEN])

    def tokens(self) -> list[str]:
        """What each token stands for, in the order of their numbers."""
        return self.coder.tokens()

    def unknown_share(self, texts: Iterable[str]) -> float:
        """The share of the tokens of texts that is unknown; 0 where there are none."""
        unknown, total = self.unknown_of(texts)
        return unknown / max(1, total)

    def unknown_of(self, texts: Iterable[str]) -> Unknown:
        """How many tokens of texts are unknown."""
        unknown, total = 0, 0
        for flat in self._parts(texts):
            unknown, total = unknown + int((flat == UNKNOWN_TOKEN).sum()), total + len(flat)
        return Unknown(unknown, total)

    @cached_property
    def digest(self) -> str:
        """32 hex digits that follow from what this makes of texts."""
        return blake2b(self.to_json().encode(), digest_size=16).hexdigest()

    def described(self) -> dict[str, Any]:
        """What it is made from, as JSON has it."""
        return {"tokens": self.how, "lower": self.lower, **self.coder.to_json()}

    def to_json(self) -> str:
        """What a model keeps."""
        return json.dumps(self.described(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "tokenizer.json") -> Tokenizer:
        """What `to_json` gave, read from a file that nobody vouches for.

        Raises:
            DataError: if it is damaged, or larger than 64 MB.
        """
        if len(text) > MOST_JSON_BYTES:
            raise DataError(f"{where}: expected at most {MOST_JSON_BYTES:,} bytes, got {len(text):,}")
        try:
            written = json.loads(text)
        except (ValueError, RecursionError):
            raise DataError(f"{where}: a tokenizer is not as lamina writes it: expected JSON") from None
        return cls.of(written, where)

    @classmethod
    def of(cls, written: Any, where: str) -> Tokenizer:
        """What `described` gave.

        Raises:
            DataError: if it is damaged.
        """
        if not isinstance(written, dict):
            raise DataError(
                f"{where}: a tokenizer is not as lamina writes it: expected an object, got {shown(written)}"
            )
        how, lower = written.get("tokens"), written.get("lower")
        if how not in (*HOWS, *BROUGHT) or not isinstance(lower, bool):
            came = f"tokens={shown(how)}, lower={shown(lower)}"
            raise DataError(f"{where}: a tokenizer is not as lamina writes it: {came}; train the model anew")
        return cls(how, coder_in(how, written, where), lower)

    def _parts(self, texts: Iterable[str]) -> Iterator[np.ndarray[Any, np.dtype[np.int32]]]:
        for block in blocks(texts):
            yield self.encode_all(block).flat


def _trained(texts: Iterable[str], how: How, vocabulary: int | None, size: int, least: int, lower: bool) -> Coder:
    if how == "bytes":
        return Bytes()
    if how == "bert":
        return Pieces.trained(texts, size, least, lower)
    if how == "characters":
        return Characters.trained(texts, vocabulary, least)
    if how == "roberta":
        raise DataError(
            f"tokens={how!r} are not learned from texts: they come with a model that lamina import made, start from it"
            " with --from MODEL; tokens='bpe' are learned"
        )
    return Subwords.trained(how, texts, size, least)


def _no_text(error: UnicodeEncodeError) -> str:
    letter = ord(error.object[error.start])
    return f"expected text, got the half surrogate U+{letter:04X} in {shown(error.object)}; take it out"
