"""What goes wrong for a user: one family of errors whose text is the whole message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

SHOWN_CHARACTERS = 60


class LaminaError(Exception):
    """A mistake that the user can mend. The command prints the text without a traceback and exits with 2."""


class SentenceError(LaminaError, ValueError):
    """A sentence that cannot be read: its syntax, its words, or their settings."""


class KindError(LaminaError, TypeError):
    """Stages that do not fit together, or a net that does not fit its data.

    Attributes:
        mistakes: every misfit found, a text each.
        cured: the kind that the stage would get if the advice were followed, so that a reader can look further.
    """

    def __init__(self, *mistakes: str, cured: Any = None) -> None:
        self.mistakes = mistakes
        self.cured = cured
        super().__init__(listed(mistakes, "the stages do not fit"))


class DataError(LaminaError, ValueError):
    """Data that cannot be found, read, or trained on."""


class RunError(LaminaError, RuntimeError):
    """A run that cannot start or go on: its folder, its checkpoints, its numbers."""


def listed(mistakes: Sequence[str], headline: str) -> str:
    """Several mistakes under one headline, a line each; a single one needs no headline."""
    if len(mistakes) == 1:
        return mistakes[0]
    return f"{headline}:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes)


class Problems:
    """Mistakes collected over one input, so that the user sees all of them at once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        self.texts.append(text)

    def extend(self, texts: Iterable[str], where: str = "") -> None:
        """Take over the mistakes of a part, each led by where that part stands."""
        self.texts.extend(f"{where}: {text}" if where else text for text in texts)

    def raise_as(self, kind: type[LaminaError], headline: str) -> None:
        """Raise all mistakes as one error, if there are any; a single one needs no headline."""
        if self.texts:
            raise kind(listed(self.texts, headline))


def shown(value: object) -> str:
    """A value as it stands in a message: its repr, cut at 60 characters."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The tail of a message about an unknown name: a suggestion, else the list of what there is."""
    known = list(known)
    close = nearest(name, known)
    if close is not None:
        return f"; did you mean {close!r}?"
    return f"; there are: {', '.join(known)}" if known else ""
