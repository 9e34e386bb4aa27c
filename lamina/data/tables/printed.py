"""Text in columns of a terminal: how wide it is, cut, and padded."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """The text without what would move the cursor, colour the screen or turn the direction of reading."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "·" for letter in text)


def spread(text: str) -> int:
    """The places that a text takes: two for each wide letter, none for an accent that joins the one before."""
    if text.isascii():
        return len(text)
    return sum(map(_places, text))


def _places(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def cut(text: str, room: int) -> str:
    """The text, or as much of its beginning as fits, and an ellipsis."""
    if spread(text) <= room:
        return text
    kept, taken = [], 1
    for letter in text:
        taken += _places(letter)
        if taken > room:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + "…"


def padded(text: str, room: int) -> str:
    """The text, filled with spaces up to so many places."""
    return text + " " * (room - spread(text))
