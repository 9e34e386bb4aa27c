"""How text is read: what the user says of it, and what a model keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lamina.data.text.encoded import How
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError, SentenceError, shown
from lamina.settings import Count, Natural
from lamina.word import Saying


class TextReading(Saying):
    """How text is read.

    Args:
        tokens: what a token is: "characters", "bytes", "words", "spaced" (what stands between blanks), or parts of
            words: "bpe", "unigram", "wordpiece", "bert". None for bert of documents to be filled in, for characters of
            a text below five million, else for bpe.
        vocabulary: the most tokens, the three special ones counted; None for all characters and all that is spaced,
            else for 8,000.
        least: how often a character, a word or a pair of parts must come to be known.
        lower: whether upper and lower case are one.
        context: the tokens of a window onto a long text, and the most of a text with a label; None for 128. Of a
            question with a window onto its passage; None for 384.
        overlap: the tokens that two windows onto the passage of a question share; None for 128.
        joint: whether both sides of pairs share one vocabulary.
        skip_bad: how many lines that are no pair are left out, and listed, before it is a mistake.
        packed: of documents to be filled in, whether an example is a stretch of one ("windows") or of two ("pairs"); it
            follows from the net. None for a text that runs on.
        valid, test: the file that validates, and that tests; of pairs in two files two each. Else shares do.
    """

    tokens: How | None = None
    vocabulary: Count | None = None
    least: Count = 1
    lower: bool = False
    context: Count | None = None
    overlap: Natural | None = None
    joint: bool = False
    skip_bad: Natural = 0
    packed: Literal["windows", "pairs"] | None = None
    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        tokens = values["tokens"]
        idle = []
        if tokens == "bytes" and values["vocabulary"] is not None:
            idle.append("vocabulary")
        if tokens in ("bytes", "unigram") and values["least"] > 1:
            idle.append("least")
        return [f"TextReading: {name} has no effect with tokens={tokens!r}; leave it out" for name in idle]

    def to_json(self) -> dict[str, Any]:
        """What was said, as TOML and JSON keep it: what is as it would be anyway is left out."""
        defaults = {setting.name: setting.default for setting in self.settings()}
        said = {name: value for name, value in self.values().items() if value != defaults[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

    def settled(self, tokens: How) -> TextReading:
        """The same with what was left open."""
        return TextReading(**{**self.values(), "tokens": self.tokens or tokens})


CONTEXT = 128
"""The context where nothing is said."""

SHARED_SETTINGS = ("tokens", "vocabulary", "least", "lower")
FILE_SETTINGS = ("valid", "test")
RUNNING_SETTINGS = (*SHARED_SETTINGS, "context", "packed", *FILE_SETTINGS)
"""What says how one long text is read."""
PAIR_SETTINGS = (*SHARED_SETTINGS, "joint", "skip_bad", *FILE_SETTINGS)
"""What says how pairs of texts are read."""
QUESTION_SETTINGS = (*SHARED_SETTINGS, "context", "overlap", "skip_bad", *FILE_SETTINGS)
"""What says how questions about passages are read."""


@dataclass(frozen=True)
class TextOrigin:
    """The text that a dataset came from, and how further text becomes tokens of its model.

    Attributes:
        reading: what the user said, and what followed where nothing was said.
        input: the tokenizer of what is given.
        target: that of what is to be predicted; None where it is the same.
        notes: what was decided and found, a sentence each.
        cut: how the data is split, as `lamina.data.text.load.Cut` says it.
        files: the file of the targets, if they are in one of their own.
    """

    reading: TextReading
    input: Tokenizer
    target: Tokenizer | None = None
    notes: tuple[str, ...] = field(default=())
    cut: tuple[float, ...] | None = None
    files: tuple[str, ...] = ()

    @property
    def context(self) -> int:
        """The tokens of a window onto a long text."""
        return self.reading.context or CONTEXT

    @property
    def output(self) -> Tokenizer:
        """The tokenizer of what is to be predicted."""
        return self.input if self.target is None else self.target

    def to_json(self) -> dict[str, Any]:
        """What a model keeps: nothing of where the texts of its run lay."""
        reading = {name: said for name, said in self.reading.to_json().items() if name not in FILE_SETTINGS}
        return {
            "reading": reading,
            "input": self.input.described(),
            "target": None if self.target is None else self.target.described(),
            "notes": list(self.notes),
        }


def settled_by(known: TextOrigin, asked: TextReading, name: str, takes_context: bool = True) -> TextReading:
    """A reading by tokens that are there already, with the context that is asked for, else that of their model.

    Raises:
        DataError: if other tokens are asked for.
    """
    said, theirs = asked.to_json(), known.reading.values()
    kept = {each: theirs[each] for each in SHARED_SETTINGS}
    others = [f"{each}={said[each]!r}" for each in kept if said.get(each, kept[each]) != kept[each]]
    if others:
        raise DataError(
            f"{name}: {', '.join(others)} would make other tokens than the weights are for, which come with their own:"
            f" {known.reading}; leave it out, or begin without these weights"
        )
    context = asked.context or (known.reading.context if takes_context else None)
    return TextReading(**{**asked.values(), **kept, "context": context})


def as_text_reading(asked: Mapping[str, Any]) -> TextReading:
    """A reading as people say it in Python.

    Raises:
        SentenceError: naming every mistake.

    >>> as_text_reading({"tokens": "bpe", "vocabulary": 4000})
    TextReading('bpe', vocabulary=4000)
    """
    files = {name: _paths(asked[name]) for name in FILE_SETTINGS if name in asked}
    return TextReading(**{**asked, **files})


def _paths(said: Any) -> tuple[str, ...]:
    """Paths from the root, of one or several.

    Raises:
        DataError: if it is none.
    """
    several = [said] if isinstance(said, str | Path) else said
    if not isinstance(several, list | tuple) or not all(isinstance(path, str | Path) for path in several):
        raise DataError(f"expected the path of a file that validates or tests, or of two, got {shown(said)}")
    return tuple(str(Path(path).resolve()) for path in several)


def text_origin_in(written: Any, where: str) -> TextOrigin:
    """What `to_json` gave, read from a file that nobody vouches for.

    Raises:
        DataError: if it is damaged.
    """
    if not isinstance(written, dict):
        raise DataError(f"{where}: text is not as lamina writes it: expected an object, got {shown(written)}")
    said, notes = written.get("reading"), written.get("notes")
    if not isinstance(said, dict) or not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        came = f"reading={shown(said)}, notes={shown(notes)}"
        raise DataError(f"{where}: text is not as lamina writes it: {came}; train the model anew")
    try:
        reading = TextReading(**{str(name): value for name, value in said.items()})
    except SentenceError as error:
        raise DataError(f"{where}: {error}") from None
    target = written.get("target")
    given = Tokenizer.of(written.get("input"), f"{where}: input")
    return TextOrigin(
        reading, given, None if target is None else Tokenizer.of(target, f"{where}: target"), tuple(notes)
    )
