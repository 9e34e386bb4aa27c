"""A word: a named thing with typed settings that prints as the text it is made from.

Stages, ends, kinds, optimizers and schedules are all words, so one grammar writes and reads them all.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar, Self, dataclass_transform

from lamina.errors import Problems, SentenceError
from lamina.settings import Setting, bind, read_settings


@dataclass_transform(eq_default=False)
class Word:
    """Base of everything that a sentence is made of.

    A subclass writes its settings as annotated fields, with defaults where there are any. They are checked
    when the word is made, and the word prints as the text that makes it again.
    """

    called: ClassVar[str] = ""
    """The name in a sentence; the class's own name unless it says otherwise."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__()
        values, mistakes = bind(self.name(), self.settings(), given, named)
        mistakes = mistakes or list(self.conflicts(**values))
        problems = Problems()
        problems.extend(mistakes)
        problems.raise_as(SentenceError, f"{self.name()} cannot be made")
        for name, value in values.items():
            setattr(self, name, value)

    @classmethod
    def name(cls) -> str:
        return cls.__dict__.get("called") or cls.__name__

    @classmethod
    @functools.cache
    def settings(cls) -> tuple[Setting, ...]:
        """The settings of this word in order, as read from its annotations."""
        return read_settings(cls, Word)

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        """Mistakes that only show when settings are seen together; a word that has such settings overrides this."""
        return []

    def values(self) -> dict[str, Any]:
        """The settings of this word, by name."""
        return {setting.name: getattr(self, setting.name) for setting in self.settings()}

    def fresh(self) -> Self:
        """A copy made from the settings alone: nothing built, nothing learned."""
        return type(self)(**{name: _fresh(value) for name, value in self.values().items()})

    def __str__(self) -> str:
        arguments = []
        for place, setting in enumerate(self.settings()):
            value = getattr(self, setting.name)
            # Settings without a default, and the first one, are what the word is about: they need no name.
            if setting.required or (place == 0 and value != setting.default):
                arguments.append(written(value))
            elif value != setting.default:
                arguments.append(f"{setting.name}={written(value)}")
        return f"{self.name()}({', '.join(arguments)})"

    def __repr__(self) -> str:
        return str(self)


class Saying(Word):
    """A word that is no more than what it says: two are equal when they say the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Saying) and same(self, other)

    def __hash__(self) -> int:
        return hash(str(self))


def written(value: Any) -> str:
    """A setting's value as text; a tuple of one keeps its comma, as in Python."""
    if isinstance(value, tuple):
        return f"({', '.join(map(written, value))}{',' * (len(value) == 1)})"
    return str(value) if isinstance(value, Word) else repr(value)


def same(one: Word, other: Word) -> bool:
    """Whether two words say the same thing. (Stages keep torch's identity for `==`: a module is not its text.)"""
    if type(one) is not type(other):
        return False
    return all(_same(value, other.values()[name]) for name, value in one.values().items())


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Word) and isinstance(other, Word):
        return same(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)


def _fresh(value: Any) -> Any:
    if isinstance(value, Word):
        return value.fresh()
    return tuple(map(_fresh, value)) if isinstance(value, tuple) else value
