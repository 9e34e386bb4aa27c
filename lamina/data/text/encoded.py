"""What text becomes: numbers of tokens, many texts in one array; and what turns the one into the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lamina.kinds import BEGIN_TOKEN, END_TOKEN

How = Literal["characters", "bytes", "words", "spaced", "bpe", "unigram", "wordpiece", "bert", "roberta"]
HOWS: tuple[How, ...] = ("characters", "bytes", "words", "spaced", "bpe", "unigram", "wordpiece", "bert")
"""What can be learned from texts."""

BROUGHT: tuple[How, ...] = ("roberta",)
"""What comes with the weights of another system alone."""

BEGUN: tuple[How, ...] = ("bert", "roberta")
"""What has a token before a text that is read: BERT's kin learned to read so."""

SPECIAL = ("<unknown>", "<begin>", "<end>")
"""What the first three tokens of every vocabulary are called."""

OWN = END_TOKEN + 1
"""The first token that stands for text."""

STRANGE = "\N{REPLACEMENT CHARACTER}"
"""What an unknown token reads as."""

BLOCK_CHARACTERS = 2**18
"""So much text is turned at once: what the library makes of it takes a hundred times its memory."""


PIECE_CHARACTERS = 2**13
"""A text is cut into pieces of so much or a little more where that changes nothing."""

BETWEEN_LINES = re.compile(r"(?<=\S\n)(?=\S)")
"""Where a line ends and the next begins, and nothing is blank around it: there every tokenizer but unigram cuts."""

BEFORE_SPACE = re.compile(r"(?= )")
"""Where unigram cuts."""


class Encoded(NamedTuple):
    """The tokens of texts, one behind another: those of text i are flat[offsets[i] : offsets[i + 1]]."""

    flat: NDArray[np.int32]
    offsets: NDArray[np.int64]


class Coder(Protocol):
    """Turns texts into tokens and back. Texts have been brought to lower case where that is asked for."""

    def __len__(self) -> int:
        """The size of the vocabulary."""

    def encode_all(self, texts: Sequence[str]) -> Encoded:
        """The tokens of texts.

        Raises:
            UnicodeEncodeError: if one is no text: half of a surrogate pair cannot be written in UTF-8.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, all of the vocabulary, none that begins or ends a text."""

    def tokens(self) -> list[str]:
        """What each token stands for, in the order of their numbers."""

    def to_json(self) -> dict[str, Any]:
        """What it is made from."""


def ends_of(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Where pieces of these lengths begin, and where the last one ends.

    >>> ends_of([3, 0, 2]).tolist()
    [0, 3, 3, 5]
    """
    counts = np.fromiter(lengths, np.int64)
    return np.concatenate([np.zeros(1, np.int64), counts.cumsum()])


def shortened(encoded: Encoded, longest: int | NDArray[np.int64]) -> Encoded:
    """The first tokens of each text, at most so many; of each so many, or of all the same.

    >>> shortened(Encoded(np.arange(5, dtype=np.int32), np.array([0, 3, 5])), 2)
    Encoded(flat=array([0, 1, 3, 4], dtype=int32), offsets=array([0, 2, 4]))
    """
    lengths = np.diff(encoded.offsets)
    places = np.arange(len(encoded.flat)) - np.repeat(encoded.offsets[:-1], lengths)
    kept = np.minimum(lengths, longest)
    return Encoded(encoded.flat[places < np.repeat(kept, lengths)], ends_of(kept.tolist()))


def closed(encoded: Encoded, ends: int = 1) -> Encoded:
    """Each text with `END_TOKEN` behind it, or with several.

    >>> closed(Encoded(np.arange(5, 8, dtype=np.int32), np.array([0, 1, 1, 3]))).flat.tolist()
    [5, 2, 2, 6, 7, 2]
    """
    flat, offsets = encoded
    behind = np.insert(flat, np.repeat(offsets[1:], ends), END_TOKEN)
    return Encoded(behind, offsets + ends * np.arange(len(offsets)))


def beside(one: Encoded, other: Encoded) -> Encoded:
    """Each text of one with that of the other behind it.

    >>> beside(Encoded(np.array([5, 6, 7]), np.array([0, 1, 3])), Encoded(np.array([8, 9]), np.array([0, 2, 2])))
    Encoded(flat=array([5, 8, 9, 6, 7]), offsets=array([0, 3, 5]))
    """
    places = np.repeat(one.offsets[1:], np.diff(other.offsets))
    return Encoded(np.insert(one.flat, places, other.flat), one.offsets + other.offsets)


def begun(encoded: Encoded) -> Encoded:
    """Each text with `BEGIN_TOKEN` before it.

    >>> begun(Encoded(np.arange(5, 8, dtype=np.int32), np.array([0, 1, 1, 3]))).flat.tolist()
    [1, 5, 1, 1, 6, 7]
    """
    flat, offsets = encoded
    return Encoded(np.insert(flat, offsets[:-1], BEGIN_TOKEN), offsets + np.arange(len(offsets)))


def blocks(texts: Iterable[str], characters: int = BLOCK_CHARACTERS) -> Iterator[list[str]]:
    """Texts by the block: as many at a time as reach so many characters."""
    return ([text for _, text in block] for block in _numbered(enumerate(texts), characters))


def shorter(texts: Iterable[str], between: re.Pattern[str] = BETWEEN_LINES) -> Iterator[str]:
    """Texts in pieces of some thousand characters that become the same tokens as the whole.

    The library holds 256 of what it is given to learn from, and what it makes of each takes a hundred times its memory.

    Args:
        texts: of any size.
        between: where they may be cut.

    >>> [len(piece) for piece in shorter(["line\\n" * 4_000])]
    [8195, 8195, 3610]
    """
    for text in texts:
        first = 0
        while cut := between.search(text, first + PIECE_CHARACTERS):
            yield text[first : cut.start()]
            first = cut.start()
        yield text[first:]


def encoded_by(library: Any, texts: Sequence[str], between: re.Pattern[str] = BETWEEN_LINES) -> Encoded:
    """What an object of the library `tokenizers` makes of texts, some at a time.

    Args:
        library: what encodes.
        texts: what is encoded.
        between: where a text may be cut without another result.

    Raises:
        UnicodeEncodeError: if one is no text.
    """
    rows, lengths = list[np.ndarray[Any, np.dtype[np.int32]]](), np.zeros(len(texts), np.int64)
    for text in texts:
        text.encode()  # the library names no reason when a text is none
    pieces = ((place, piece) for place, text in enumerate(texts) for piece in shorter([text], between))
    for some in _numbered(pieces, BLOCK_CHARACTERS):
        found = library.encode_batch_fast([piece for _, piece in some], add_special_tokens=False)
        for (place, _), encoding in zip(some, found, strict=True):
            rows.append(np.array(encoding.ids, np.int32))
            lengths[place] += len(rows[-1])
    flat = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    return Encoded(flat, ends_of(lengths.tolist()))


def _numbered(texts: Iterable[tuple[int, str]], characters: int) -> Iterator[list[tuple[int, str]]]:
    """The same of texts that have numbers."""
    block, held = list[tuple[int, str]](), 0
    for number, text in texts:
        block.append((number, text))
        held += len(text)
        if held >= characters:
            yield block
            block, held = [], 0
    if block:
        yield block
