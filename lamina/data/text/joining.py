"""Words and marks put together as people write them."""

from __future__ import annotations

from collections.abc import Iterable

BEHIND = frozenset(".,;:!?%…)]}»”")
"""Marks that stand close behind what comes before."""

BEFORE = frozenset("([{«„“¿¡")
"""Marks that stand close before what follows."""

BETWEEN = frozenset("'’-")
"""Marks that join two words: don't, T-Shirt."""

DECIMAL = frozenset(".:")
"""Marks that join two numbers: 3.5, 10:30. A comma would as well, but more often it ends what one number belongs to."""

QUOTE = '"'


def joined_words(words: Iterable[str]) -> str:
    """A text of words and marks. How it was spaced is not kept with them, so this is what is likely.

    What has been written stays as it is when further words come.

    >>> joined_words(["Don", "'", "t", "stop", ",", "(", "she", ")", "said", ":", '"', "go", '"', "!"])
    'Don\\'t stop, (she) said: "go"!'
    """
    text, earlier, last, quoted = list[str](), "", "", False
    for word in words:
        if text and not _close(earlier, last, word, quoted):
            text.append(" ")
        text.append(word)
        quoted ^= word == QUOTE
        earlier, last = last, word
    return "".join(text)


def _close(earlier: str, last: str, word: str, quoted: bool) -> bool:
    """Whether no space stands between the last word and this one.

    Args:
        earlier: the word before the last.
        last: the last word.
        word: the one that follows.
        quoted: whether a quotation has begun and not ended.
    """
    if word in BEHIND or (word == QUOTE and quoted) or (last == QUOTE and quoted):
        return True
    if word in BETWEEN:
        return last.isalnum()
    joins_words = last in BETWEEN and earlier.isalnum() and word.isalnum()
    joins_numbers = last in DECIMAL and earlier.isdecimal() and word.isdecimal()
    return last in BEFORE or joins_words or joins_numbers
