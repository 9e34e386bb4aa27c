"""Files of questions about passages, as SQuAD has them (versions 1.1 and 2.0)."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lamina.errors import DataError, shown

MOST_BYTES = 2**31
"""Of a file when it is unpacked."""

NAMED = 5
"""Questions that a message names."""

WHAT = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}

T = TypeVar("T")


class Question(NamedTuple):
    """A question about a passage.

    Attributes:
        name: its id.
        text: what is asked.
        answers: what answers it, all of them right; empty if nothing in the passage does.
        starts: the character of the passage at which each answer begins.
        passage: the number of the passage.
    """

    name: str
    text: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    passage: int


@dataclass(frozen=True)
class Questions:
    """Questions about the passages of articles.

    Attributes:
        titles: of the articles.
        passages: the texts.
        article: of each passage, the number of its article.
        questions: them.
        notes: what was left out, a sentence each.
    """

    titles: Sequence[str]
    passages: Sequence[str]
    article: Sequence[int]
    questions: Sequence[Question]
    notes: tuple[str, ...] = ()

    def title_of(self, question: Question) -> str:
        """What the article of a question is called."""
        return self.titles[self.article[question.passage]]


def read_questions(path: Path, skip_bad: int = 0) -> Questions:
    """The questions of a file: .json, alone in a .zip, or packed as .gz.

    Args:
        path: the file.
        skip_bad: how many questions may be left out: those that are blank, or whose answers are not in the passage
            where the file says, or that have no answer and are not said to have none.

    Raises:
        DataError: if it cannot be read; if it is no such file, with the place in it; if there are more bad questions.
    """
    try:
        held = json.loads(unpacked(path))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected JSON in UTF-8, got other bytes from byte {error.start:,} on") from None
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}"
        raise DataError(f"{where}: expected JSON, got what is none at column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise DataError(f"{path}: expected questions as SQuAD has them, got JSON that is nested too deep") from None
    titles, passages, article, questions, bad = list[str](), list[str](), list[int](), list[Question](), list[str]()
    for where, each in members(held, "data", str(path)):
        titles.append(member(each, "title", str, where))
        for inner, paragraph in members(each, "paragraphs", where):
            passages.append(member(paragraph, "context", str, inner))
            article.append(len(titles) - 1)
            for place, asked in members(paragraph, "qas", inner):
                question = read_question(asked, len(passages) - 1, place)
                trouble = trouble_of(question, passages[-1], asked)
                bad.extend([f"{shown(question.name)} {trouble}"] if trouble else [])
                questions.extend([] if trouble else [question])
    notes = left_out(path, bad, skip_bad)
    if not questions:
        raise DataError(f"{path}: expected questions, got {len(passages):,} passages without any; check the path")
    return Questions(titles, passages, article, questions, notes)


def read_question(asked: Any, passage: int, where: str) -> Question:
    """A question as the file has it."""
    given = asked.get("answers", []) if isinstance(asked, dict) and not asked.get("is_impossible") else []
    if not isinstance(given, list):
        raise DataError(f"{where}: expected a list called 'answers', got {shown(given)}")
    places = [(f"{where}.answers[{number}]", answer) for number, answer in enumerate(given)]
    return Question(
        member(asked, "id", str, where),
        member(asked, "question", str, where),
        tuple(member(answer, "text", str, place) for place, answer in places),
        tuple(member(answer, "answer_start", int, place) for place, answer in places),
        passage,
    )


def trouble_of(question: Question, passage: str, asked: dict[str, Any]) -> str:
    """Why a question cannot be learned from or measured; empty if it can."""
    try:
        (question.text + passage).encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is no text"
    if not question.text.strip():
        return "is blank"
    if not question.answers and not asked.get("is_impossible"):
        return "has no answer, and is_impossible does not say so"
    for answer, start in zip(question.answers, question.starts, strict=True):
        there = passage[start : start + len(answer)] if start >= 0 else ""
        if there != answer or not answer.strip():
            return f"has the answer {shown(answer)} at {start:,}, where the passage has {shown(there)}"
    return ""


def left_out(path: Path, bad: Sequence[str], skip_bad: int) -> tuple[str, ...]:
    """What is said of questions that are left out.

    Raises:
        DataError: if they are more than may be.
    """
    if not bad:
        return ()
    named = "; ".join(bad[:NAMED]) + (f"; and {len(bad) - NAMED:,} more" if len(bad) > NAMED else "")
    if len(bad) > skip_bad:
        raise DataError(
            f"{path}: {len(bad):,} questions cannot be used: {named}; --skip-bad {len(bad)} leaves them out"
        )
    return (f"{len(bad):,} questions of {path.name} left out: {named}",)


def members(held: Any, name: str, where: str) -> Iterator[tuple[str, Any]]:
    """The members of a list in an object, each with its place in the file."""
    start = f"{where}: " if ": " not in where else f"{where}."
    for number, each in enumerate(member(held, name, list, where)):
        yield f"{start}{name}[{number}]", each


def member(held: Any, name: str, sort: type[T], where: str) -> T:
    """What an object of the file holds under a name.

    Raises:
        DataError: if it is not there, or of another type.
    """
    value = held.get(name) if isinstance(held, dict) else None
    if not isinstance(value, sort) or isinstance(value, bool):
        got = shown(value) if isinstance(held, dict) and name in held else f"none in {shown(held)}"
        raise DataError(f"{where}: expected {WHAT[sort]} called {name!r}, as SQuAD has it, got {got}")
    return value


def unpacked(path: Path) -> bytes:
    """The JSON in a file.

    Raises:
        DataError: if it cannot be read, or is too large.
    """
    try:
        data = path.read_bytes()
        ending = path.suffix.lower()
        if ending == ".zip":
            data = only_member(data, path)
        elif ending == ".gz":
            with gzip.open(io.BytesIO(data)) as stream:
                data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path}: cannot be unpacked: {error}; fetch it again") from None
    if len(data) > MOST_BYTES:
        raise DataError(f"{path}: expected at most {MOST_BYTES:,} bytes of JSON; cut it into several files")
    return data


def only_member(data: bytes, path: Path) -> bytes:
    """The one file of JSON in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # What a Mac puts beside each file begins with a dot.
        names = [name for name in archive.namelist() if name.endswith(".json") and not Path(name).name.startswith(".")]
        if len(names) != 1:
            raise DataError(f"{path}: expected one .json file in it, got {len(names)}; unpack it and name one")
        with archive.open(names[0]) as stream:
            return stream.read(MOST_BYTES + 1)


def together(parts: Sequence[Questions]) -> Questions:
    """The questions of several files, one behind another."""
    titles, passages, article, questions = list[str](), list[str](), list[int](), list[Question]()
    for part in parts:
        article.extend(number + len(titles) for number in part.article)
        questions.extend(each._replace(passage=each.passage + len(passages)) for each in part.questions)
        titles.extend(part.titles)
        passages.extend(part.passages)
    return Questions(titles, passages, article, questions, tuple(note for part in parts for note in part.notes))
