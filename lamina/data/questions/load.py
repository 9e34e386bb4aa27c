"""From files of questions about passages to a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.questions.squad import Question, Questions, read_questions, together
from lamina.data.questions.windows import (
    CONTEXT,
    LONGEST_QUESTION,
    OVERLAP,
    Windowed,
    check_room,
    pieces_of,
    windows_of,
)
from lamina.data.split import split
from lamina.data.text.apart import apart, check_files, times
from lamina.data.text.load import USUAL, WHAT, Cut
from lamina.data.text.pairs_apart import hashes, unread
from lamina.data.text.reading import TextOrigin, TextReading, settled_by
from lamina.errors import DataError
from lamina.kinds import UNKNOWN_TOKEN


@dataclass(frozen=True)
class Asked:
    """What the rows of a dataset ask.

    Attributes:
        questions: as the files have them.
        windows: the rows that they became.
    """

    questions: Questions = field(repr=False)
    windows: Windowed = field(repr=False)

    @property
    def unanswerable(self) -> int:
        """How many questions have no answer."""
        return sum(not question.answers for question in self.questions.questions)


def load_questions(
    path: str | Path,
    reading: TextReading,
    cut: Cut = USUAL,
    taught: TextOrigin | None = None,
    own: bool = True,
) -> Dataset:
    """The dataset of questions about passages: a row for each window onto the passage of each question.

    Articles are dealt whole to the parts: their titles are the groups that `split` keeps together.

    Args:
        path: a file as SQuAD has it.
        reading: how it is read, and the files that validate and test.
        cut: how it will be split, where a file says only one of the parts.
        taught: the tokens of the model that is to learn, or that has learned.
        own: whether it is for training; else the files of the reading say nothing of it.

    Raises:
        DataError: if it cannot be read; if there is no model whose tokens are those of a BERT.
    """
    name = str(path)
    if taught is None:
        raise DataError(
            f"{name}: questions are answered by a net that has learned to read: name a BERT's folder that `lamina"
            " import` made with --from"
        )
    pieces = pieces_of(taught.input, name)
    reading = settled(taught, reading, name)
    check_files(name, reading if own else TextReading(), 1)
    context, overlap = reading.context or CONTEXT, OVERLAP if reading.overlap is None else reading.overlap
    check_room(context, overlap, name)
    files = {part: apart(reading, part)[0] for part in ("valid", "test") if own and apart(reading, part)}
    parts = [read_questions(Path(each), reading.skip_bad) for each in (name, *files.values())]
    questions = together(parts)
    rows = windows_of(questions.passages, questions.questions, pieces, context, overlap)
    titles = hashes([questions.title_of(question) for question in questions.questions])
    of_each, notes, time = rows.question_of_each(), list[str](), None
    if files:
        counts = {part: len(some.questions) for part, some in zip(files, parts[1:], strict=True)}
        of_questions = parts_of_questions(name, titles[: len(parts[0].questions)], counts, cut)
        time, notes = of_questions[of_each], also_train(titles, of_questions)
    notes = [*about(questions, rows, context, overlap), *notes, *questions.notes]
    return Dataset(
        name,
        rows.inputs,
        rows.target,
        group=titles[of_each] if time is None else None,
        time=time,
        text=TextOrigin(reading, taught.input, notes=tuple(notes), cut=tuple(cut) if own else None),
        asked=Asked(questions, rows),
        about=f"{len(questions.questions):,} questions about {len(questions.passages):,} passages of"
        f" {len(questions.titles):,} articles.",
    )


def settled(taught: TextOrigin, reading: TextReading, name: str) -> TextReading:
    """A reading by the tokens of a model; by its windows too, if it has learned from questions and no other is said."""
    found = settled_by(taught, reading, name, takes_context=taught.reading.overlap is not None)
    overlap = taught.reading.overlap if reading.overlap is None else reading.overlap
    usual = {"context": found.context or CONTEXT, "overlap": OVERLAP if overlap is None else overlap}
    return TextReading(**{**found.values(), **usual})


def parts_of_questions(name: str, titles: Int64[Tensor, " N"], more: dict[str, int], cut: Cut) -> Tensor:
    """The part of each question, where files say some of them: 0 trains, 1 validates, 2 tests.

    Args:
        name: of the data.
        titles: a hash of the article's title of each question that is in no file of its own part.
        more: how many questions the file of a part has; they follow, in this order.
        cut: the shares of the parts that have none.
    """
    shares = (0.0 if "valid" in more else cut.valid, 0.0 if "test" in more else cut.test)
    nothing = torch.zeros(0, dtype=torch.int64)
    if not any(shares):
        return times(len(titles), nothing, nothing, more)
    dealt = split(replace(unread(name, titles), group=titles), *shares, cut.seed)
    return times(len(titles), dealt.valid, dealt.test, more)


def also_train(titles: Int64[Tensor, " N"], part: Tensor) -> list[str]:
    """How many articles of the parts that validate and test are among those that train, a sentence for each."""
    found = list[str]()
    for number, name in ((1, "valid"), (2, "test")):
        there = torch.unique(titles[part == number])
        if shared := int(torch.isin(there, titles[part == 0]).sum()):
            found.append(f"{shared:,} of the {len(there):,} articles of the {name} part also train; measures flatter")
    return found


def about(questions: Questions, rows: Windowed, context: int, overlap: int) -> list[str]:
    """What became of questions and passages, a sentence each."""
    count, windows = len(questions.questions), len(rows.places)
    lengths = rows.inputs.lengths
    unanswerable = sum(not question.answers for question in questions.questions)
    unknown = float((rows.inputs.values == UNKNOWN_TOKEN).double().mean())
    notes = [
        f"tokens are {WHAT['bert']}, as the model has them; {unknown:.2%} of them are unknown",
        f"{count:,} questions are {windows:,} rows of {float(lengths.double().mean()):.1f} tokens on average, at most"
        f" {context:,}; windows onto one passage share {overlap:,}",
    ]
    if unanswerable:
        notes.append(f"{unanswerable:,} of the questions have no answer")
    if rows.cut:
        notes.append(f"{rows.cut:,} of the questions cut at {LONGEST_QUESTION} tokens")
    if rows.halved:
        notes.append(
            f"{rows.halved:,} of the answers are longer than an overlap and whole in no window; none is learned"
        )
    if rows.unread:
        notes.append(f"{rows.unread:,} of the answers stand at no token and cannot be learned")
    return notes


def asked_about(passage: str, asked: Sequence[str], text: TextOrigin) -> Dataset:
    """Questions about one passage, of which nobody knows the answers.

    Args:
        passage: what is read.
        asked: the questions.
        text: how texts become tokens.

    Raises:
        DataError: if one of them is no text.
    """
    try:
        "".join((passage, *asked)).encode()
    except UnicodeEncodeError:
        raise DataError("expected texts, got half of a surrogate pair; read them as UTF-8") from None
    questions = Questions(
        [""], [passage], [0], [Question(str(place), each, (), (), 0) for place, each in enumerate(asked)]
    )
    overlap = OVERLAP if text.reading.overlap is None else text.reading.overlap
    rows = windows_of(
        questions.passages, questions.questions, pieces_of(text.input, "the model"), text.context, overlap
    )
    return Dataset("questions", rows.inputs, rows.target, text=text, asked=Asked(questions, rows))
