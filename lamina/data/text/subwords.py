"""Texts as words, or as parts of words that the `tokenizers` library learns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal, TypeAlias

from lamina.data.text.encoded import (
    BEFORE_SPACE,
    BETWEEN_LINES,
    OWN,
    PIECE_CHARACTERS,
    SPECIAL,
    STRANGE,
    Encoded,
    blocks,
    encoded_by,
    shorter,
)
from lamina.data.text.joining import joined_words
from lamina.data.text.plain_coders import BYTES, byte_name, joined_bytes
from lamina.errors import DataError

Part = Literal["words", "spaced", "bpe", "unigram", "wordpiece"]
WHOLE: tuple[Part, ...] = ("words", "spaced")
"""Those whose tokens are whole words."""
Library: TypeAlias = Any
"""An object of the library `tokenizers`, which is only loaded where text is read."""

RESERVED = ("<unknown >", "<begin >", "<end >")
"""The special tokens within the library: no text comes to them, as none of the parts holds a space."""

WORD = r"\w+|[^\w\s]"
"""A word, or a single mark."""

BETWEEN_BLANKS = r"\n|\S+"
"""What stands between blanks, or the end of a line."""

SPACE = "▁"
"""What unigram writes for a space."""

GOES_ON = "##"
"""What wordpiece writes before a part that begins no word."""

LONGEST_WORD = 100
"""Characters of a word that wordpiece takes apart; a longer one is unknown."""

DECIMALS = 3
"""Unigram's scores are kept so exactly. What the library finds varies in the fourth."""


class Subwords:
    """Each word, or each of the parts that words are made of, is a token.

    - words: `\\w+` or a single mark; the commonest are known.
    - spaced: what stands between blanks, and the end of each line, as texts come that were cut into words before
      (Merity et al. 2017: WikiText).
    - bpe: bytes joined pair by pair, the commonest pair first (Sennrich et al. 2016; over bytes, Radford et al. 2019).
    - unigram: the likeliest parts under a model in which parts are independent (Kudo 2018).
    - wordpiece: the longest known parts from the left (Schuster and Nakajima 2012, as in Devlin et al. 2019).

    Args:
        how: which of them.
        parts: the parts as the library writes them, in the order of their numbers.
        merges: of bpe, the pairs that are joined, in this order.
        scores: of unigram, ln p of each part.
    """

    def __init__(
        self,
        how: Part,
        parts: Sequence[str],
        merges: Sequence[tuple[str, str]] = (),
        scores: Sequence[float] = (),
    ) -> None:
        self.how, self.parts, self.merges, self.scores = how, tuple(parts), tuple(merges), tuple(scores)
        self._library = library_for(how, self.parts, self.merges, self.scores)

    @classmethod
    def trained(cls, how: Part, texts: Iterable[str], vocabulary: int, least: int) -> Subwords:
        """The parts that texts show.

        Raises:
            DataError: if the vocabulary is too small for the characters of the texts.
        """
        learner = _empty(how)
        try:
            pieces = shorter(texts, BEFORE_SPACE if how == "unigram" else BETWEEN_LINES)
            learner.train_from_iterator(blocks(pieces, PIECE_CHARACTERS), _trainer(how, vocabulary, least))
        except UnicodeEncodeError:
            raise
        except Exception as error:  # the library knows no kinds of errors
            raise DataError(f"tokens='{how}' cannot be learned: {_too_small(how, vocabulary, str(error))}") from None
        model = json.loads(learner.to_str())["model"]
        if how == "unigram":
            scores = {part: round(score, DECIMALS) for part, score in model["vocab"][OWN:]}
            parts = sorted(scores)
            return cls(how, [*RESERVED, *parts], scores=[0.0] * OWN + [scores[part] for part in parts])
        # The library numbers wordpiece's parts as they happen to come.
        parts = sorted(model["vocab"], key=None if how == "wordpiece" else model["vocab"].__getitem__)
        parts = [part for part in parts if part not in RESERVED]
        if OWN + len(parts) > vocabulary:
            raise DataError(
                f"tokens='{how}' cannot be learned: {_too_small(how, vocabulary, f'{OWN + len(parts):,} needed')}"
            )
        return cls(how, [*RESERVED, *parts], [(one, other) for one, other in model.get("merges", ())])

    def __len__(self) -> int:
        return len(self.parts)

    def encode_all(self, texts: Sequence[str]) -> Encoded:
        return encoded_by(self._library, texts, BEFORE_SPACE if self.how == "unigram" else BETWEEN_LINES)

    def decode(self, ids: Sequence[int]) -> str:
        if self.how == "bpe":
            return joined_bytes([self._bytes[number] if number >= OWN else STRANGE.encode() for number in ids])
        parts = [self.parts[number] if number >= OWN else STRANGE for number in ids]
        if self.how == "unigram":
            return "".join(parts).replace(SPACE, " ")
        if self.how == "spaced":
            return " ".join(parts).replace(" \n", "\n").replace("\n ", "\n")
        return joined_words(whole_words(parts) if self.how == "wordpiece" else parts)

    def tokens(self) -> list[str]:
        own = [byte_name(part) for part in self._bytes[OWN:]] if self.how == "bpe" else self.parts[OWN:]
        return [*SPECIAL, *own]

    def to_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {"parts": list(self.parts[OWN:])}
        if self.how == "bpe":
            said["merges"] = [list(pair) for pair in self.merges]
        if self.how == "unigram":
            said["scores"] = list(self.scores[OWN:])
        return said

    @cached_property
    def _bytes(self) -> list[bytes]:
        """The bytes of each part of bpe."""
        letters = {letter: byte for byte, letter in enumerate(letters_of_bytes())}
        return [b""] * OWN + [bytes(letters[letter] for letter in part) for part in self.parts[OWN:]]


def letters_of_bytes() -> str:
    """The letter that the library writes for each byte: the byte's own where it can be seen, else one from 256 on."""
    seen = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    further = iter(range(BYTES, 2 * BYTES))
    return "".join(chr(byte if byte in seen else next(further)) for byte in range(BYTES))


def whole_words(parts: Iterable[str]) -> list[str]:
    """Words from wordpiece's parts."""
    words = list[str]()
    for part in parts:
        if part.startswith(GOES_ON) and words:
            words[-1] += part.removeprefix(GOES_ON)
        else:
            words.append(part.removeprefix(GOES_ON))
    return words


def library_for(
    how: Part, parts: Sequence[str], merges: Sequence[tuple[str, str]] = (), scores: Sequence[float] = ()
) -> Library:
    """What encodes. It is made from its parts alone, so that nothing is ever taken for a special token."""
    from tokenizers import Tokenizer, models

    numbers = {part: number for number, part in enumerate(parts)}
    model: models.Model
    if how in WHOLE:
        model = models.WordLevel(numbers, unk_token=RESERVED[0])
    elif how == "bpe":
        model = models.BPE(numbers, list(merges))
    elif how == "unigram":
        model = models.Unigram(list(zip(parts, scores, strict=True)), unk_id=0)
    else:
        model = models.WordPiece(numbers, unk_token=RESERVED[0], max_input_chars_per_word=LONGEST_WORD)
    library = Tokenizer(model)
    library.pre_tokenizer = _cutter(how)
    return library


def _empty(how: Part) -> Library:
    """What learns."""
    from tokenizers import Tokenizer, models

    unknown = RESERVED[0]
    if how in WHOLE:
        library = Tokenizer(models.WordLevel(unk_token=unknown))
    elif how == "wordpiece":
        library = Tokenizer(models.WordPiece(unk_token=unknown))
    else:
        library = Tokenizer(models.BPE() if how == "bpe" else models.Unigram())
    library.pre_tokenizer = _cutter(how)
    return library


def _cutter(how: Part) -> Library:
    """What cuts a text into pieces that are learned and encoded each alone."""
    from tokenizers import Regex, pre_tokenizers

    if how == "bpe":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    if how == "unigram":
        return pre_tokenizers.Metaspace(SPACE, prepend_scheme="never")
    return pre_tokenizers.Split(Regex(BETWEEN_BLANKS if how == "spaced" else WORD), behavior="removed", invert=True)


def _trainer(how: Part, vocabulary: int, least: int) -> Library:
    from tokenizers import pre_tokenizers, trainers

    said: dict[str, Any] = {"vocab_size": vocabulary, "special_tokens": list(RESERVED), "show_progress": False}
    if how == "unigram":
        return trainers.UnigramTrainer(unk_token=RESERVED[0], **said)
    if how in WHOLE:
        return trainers.WordLevelTrainer(min_frequency=least, **said)
    if how == "wordpiece":
        return trainers.WordPieceTrainer(min_frequency=least, **said)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return trainers.BpeTrainer(min_frequency=least, initial_alphabet=alphabet, **said)


def _too_small(how: Part, vocabulary: int, reason: str) -> str:
    return (
        f"expected a vocabulary that holds every character, got vocabulary={vocabulary} ({reason}); ask for a larger "
        "one, or for tokens='bpe', which needs 259"
    )
