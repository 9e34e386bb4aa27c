"""How the answers of a net to questions fare: in all, by kinds of questions, and one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxtyping import Int64
from torch import Tensor

from lamina.answering import answers_of, questions_in
from lamina.data.dataset import Dataset
from lamina.data.questions.show import question_word
from lamina.data.questions.squad import Question, Questions
from lamina.metrics import Measure
from lamina.metrics.spans import Hit, measured
from lamina.net import Net
from lamina.sheet import Sheet

SHOWN = 10
"""Wrong answers that a report shows, and right ones."""

LENGTHS = ((1, "1 word"), (2, "2 words"), (4, "3 to 4"), (8, "5 to 8"), (2**31, "9 and more"))
"""The most words of an answer of each class, and its name."""

NONE = "(none)"


class Fared(NamedTuple):
    """A question, what was answered, and how that fares."""

    question: Question
    answer: str
    hit: Hit


class Measured(NamedTuple):
    """The measures of all answers, and tables that tell more."""

    measures: dict[str, Measure]
    sheets: tuple[Sheet, ...]


def answers_measured(net: Net, dataset: Dataset, rows: Int64[Tensor, " N"]) -> Measured:
    """F1 and exact match of what a net answers to the questions of these rows.

    Raises:
        DataError: if it answers none.
    """
    answers = answers_of(net, dataset, rows)
    asked, numbers = answers.asked.questions, questions_in(answers.asked, rows)
    given = [answers.of(number)[0].text for number in numbers]
    fared = [
        Fared(asked.questions[number], text, hit)
        for number, text, hit in zip(numbers, given, answers.hits(numbers), strict=True)
    ]
    sheets = (
        by_kind("By the length of the answer", "answer", fared, asked, answer_length),
        by_kind("By what is asked for", "asked by", fared, asked, lambda each: question_word(each.question)),
        one_by_one("Some wrong answers", [each for each in fared if not each.hit.exact]),
        one_by_one("Some right answers", [each for each in fared if each.hit.exact]),
    )
    return Measured(of_some(fared, asked), tuple(sheet for sheet in sheets if sheet.rows))


def of_some(fared: Sequence[Fared], asked: Questions) -> dict[str, Measure]:
    """The measures of some questions."""
    return measured([each.hit for each in fared], [asked.article[each.question.passage] for each in fared])


def answer_length(each: Fared) -> str:
    """How long the first answer that people gave is."""
    if not each.question.answers:
        return "no answer"
    words = len(each.question.answers[0].split())
    return next(name for most, name in LENGTHS if words <= most)


def by_kind(caption: str, what: str, fared: Sequence[Fared], asked: Questions, kind: Callable[[Fared], str]) -> Sheet:
    """The measures of each kind of question, those of most questions first."""
    kinds = dict[str, list[Fared]]()
    for each in fared:
        kinds.setdefault(kind(each), []).append(each)
    rows = []
    for name, some in sorted(kinds.items(), key=lambda each: (-len(each[1]), each[0])):
        found = of_some(some, asked)
        rows.append((name, f"{len(some):,}", str(found["f1"]), str(found["exact_match"])))
    return Sheet(caption, (what, "questions", "F1", "exact match"), tuple(rows))


def one_by_one(caption: str, fared: Sequence[Fared]) -> Sheet:
    """Some questions, evenly spread, with what was answered."""
    rows = [
        (
            each.question.text,
            " / ".join(dict.fromkeys(each.question.answers)) or NONE,
            each.answer or NONE,
            f"{100 * each.hit.f1:.0f}",
        )
        for each in fared[:: -(-len(fared) // SHOWN) or 1]
    ]
    return Sheet(caption, ("question", "right", "answered", "F1"), tuple(rows))
