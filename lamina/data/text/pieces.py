"""Texts as the parts of words that a BERT of another system has learned to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64

from lamina.data.text.encoded import OWN, PIECE_CHARACTERS, SPECIAL, STRANGE, Encoded, blocks, encoded_by, shorter
from lamina.data.text.joining import joined_words
from lamina.data.text.subwords import GOES_ON, LONGEST_WORD, RESERVED, Library, whole_words
from lamina.errors import DataError

TOKENS_OF_BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
NAMES = ("[UNK]", "[CLS]", "[SEP]")


class Normal(NamedTuple):
    """What is done to a text before it is cut, as BERT's own tokenizer does it.

    Attributes:
        clean: control characters are left out, and each kind of blank is a space.
        chinese: a space is put around each Chinese character, so that it is a word.
        accents: accents are taken off.
        lower: upper case becomes lower case.
    """

    clean: bool = True
    chinese: bool = True
    accents: bool = True
    lower: bool = True


USUAL = Normal()
"""As the uncased BERT has it."""


class Spanned(NamedTuple):
    """The tokens of a text, and where each comes from: text[first:last] for every row of `spans`."""

    tokens: Int64[np.ndarray[Any, Any], " T"]
    spans: Int64[np.ndarray[Any, Any], "T 2"]


class Pieces:
    """The longest known parts of words from the left, of a text that is cut at blanks and around each mark.

    Source: Devlin et al. 2019, section 3, and their `tokenization.py`. The three tokens that lamina numbers first are
    [UNK], [CLS] and [SEP] there; all others keep their order behind them. No text comes to be one of the last two, and
    none comes to be [MASK] or [PAD], whatever it says: "[SEP]" in a text is three words.

    Args:
        parts: all but those three, in the order of their numbers.
        names: what those three are called there.
        places: their numbers there.
        normal: what is done to a text first.
    """

    def __init__(
        self, parts: Sequence[str], names: tuple[str, ...], places: tuple[int, ...], normal: Normal = USUAL
    ) -> None:
        self.parts, self.names, self.places, self.normal = tuple(parts), names, places, normal
        self._library = library_of([*RESERVED, *self.parts], RESERVED[0], normal)

    @classmethod
    def of(cls, vocabulary: Sequence[str], names: tuple[str, ...], normal: Normal) -> Pieces:
        """From a vocabulary in the order that it has there, which holds the three names."""
        parts = [part for part in vocabulary if part not in names]
        return cls(parts, names, tuple(map(vocabulary.index, names)), normal)

    @classmethod
    def trained(cls, texts: Iterable[str], vocabulary: int, least: int = 1, lower: bool = False) -> Pieces:
        """The parts that texts show, with BERT's special tokens; those that go on with a word are numbered last.

        Args:
            texts: what is learned from.
            vocabulary: the most tokens, the five special ones counted.
            least: how often a pair of parts must come to be joined.
            lower: whether upper and lower case are one, and accents are taken off.

        Raises:
            DataError: if the vocabulary is too small for the characters of the texts.
            UnicodeEncodeError: if a text is none.
        """
        from tokenizers import trainers

        normal = Normal(accents=lower, lower=lower)
        learner = library_of(["[UNK]"], "[UNK]", normal)
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocabulary, min_frequency=least, special_tokens=list(TOKENS_OF_BERT), show_progress=False
        )
        learner.train_from_iterator(blocks(shorter(texts), PIECE_CHARACTERS), trainer)
        found = sorted(
            set(learner.get_vocab()) - set(TOKENS_OF_BERT), key=lambda part: (part.startswith(GOES_ON), part)
        )
        if len(found) + len(TOKENS_OF_BERT) > vocabulary:
            raise DataError(
                f"tokens='bert' cannot be learned: expected a vocabulary that holds every character, got"
                f" vocabulary={vocabulary} ({len(found) + len(TOKENS_OF_BERT):,} needed); ask for a larger one"
            )
        return cls.of([*TOKENS_OF_BERT, *found], NAMES, normal)

    def __len__(self) -> int:
        return OWN + len(self.parts)

    def order(self) -> Int64[np.ndarray[Any, Any], " V"]:
        """The number there of each token here."""
        others = np.setdiff1d(np.arange(len(self)), self.places)
        return np.concatenate([np.array(self.places, np.int64), others])

    def vocabulary(self) -> list[str]:
        """The tokens in the order that they have there."""
        there = dict(zip(self.order().tolist(), (*self.names, *self.parts), strict=True))
        return [there[number] for number in range(len(self))]

    def number(self, part: str) -> int | None:
        """The number of a token by its name there, such as "[MASK]"; None if there is none."""
        return {name: number for number, name in enumerate((*self.names, *self.parts))}.get(part)

    def encode_all(self, texts: Sequence[str]) -> Encoded:
        return encoded_by(self._library, texts)

    def spanned(self, text: str) -> Spanned:
        """The tokens of a text, and from which of its characters each was made.

        >>> pieces = Pieces.of(["[UNK]", "[CLS]", "[SEP]", "na", "##ive"], ("[UNK]", "[CLS]", "[SEP]"), Normal())
        >>> pieces.spanned("A naïve").spans.tolist()
        [[0, 1], [2, 4], [4, 7]]
        """
        text.encode()
        found = self._library.encode(text, add_special_tokens=False)
        return Spanned(np.array(found.ids, np.int64), np.array(found.offsets, np.int64).reshape(-1, 2))

    def decode(self, ids: Sequence[int]) -> str:
        return joined_words(whole_words([self.parts[number - OWN] if number >= OWN else STRANGE for number in ids]))

    def tokens(self) -> list[str]:
        return [*SPECIAL, *self.parts]

    def to_json(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "places": list(self.places),
            "normal": self.normal._asdict(),
            "parts": list(self.parts),
        }


def library_of(vocabulary: Sequence[str], unknown: str, normal: Normal) -> Library:
    """What cuts texts so, by the library `tokenizers`."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    numbers = {part: number for number, part in enumerate(vocabulary)}
    library = Tokenizer(models.WordPiece(numbers, unk_token=unknown, max_input_chars_per_word=LONGEST_WORD))
    library.normalizer = normalizers.BertNormalizer(
        clean_text=normal.clean,
        handle_chinese_chars=normal.chinese,
        strip_accents=normal.accents,
        lowercase=normal.lower,
    )
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return library
