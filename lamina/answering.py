"""Answers to questions about passages: the best stretch of text, over all windows onto a passage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.data.batches import Batch
from lamina.data.dataset import Dataset
from lamina.data.feeding import looking_feed
from lamina.data.questions.load import Asked, asked_about
from lamina.data.text.reading import TextOrigin
from lamina.ends.point_to import Pointed, PointTo
from lamina.errors import DataError
from lamina.metrics.spans import Hit, hit
from lamina.net import Net

KEPT = 20
"""Answers of each window that are looked at, the best ones. Source: Devlin et al. 2019, `run_squad.py`."""


class Answer(NamedTuple):
    """What may answer a question.

    Attributes:
        text: it, as it stands in the passage; "" for "there is no answer".
        probability: of it.
        first, last: the characters that it is of the passage, passage[first:last].
    """

    text: str
    probability: float
    first: int
    last: int


class Best(NamedTuple):
    """The best stretches of each row.

    Attributes:
        odds: ln p(i, j) - ln p(0, 0), descending; -inf where a row has no more.
        first, last: i and j.
    """

    odds: Float[Tensor, "B K"]
    first: Int64[Tensor, "B K"]
    last: Int64[Tensor, "B K"]


def best_spans(pointed: Pointed, target: Int64[Tensor, "B 4"], longest: int, count: int = KEPT) -> Best:
    """The stretches from i to j with the greatest p(i, j), i <= j < i + longest, within the passage.

    Args:
        pointed: what the net says.
        target: says where the passage is, as `lamina.kinds.Span` has it; where its answer is does not matter.
        longest: the most tokens of an answer.
        count: how many are wanted.
    """
    first, last = pointed
    places = torch.arange(first.shape[1], device=first.device)
    passage = (places >= target[:, 2, None]) & (places <= target[:, 3, None])
    begin = (first - first[:, :1]).masked_fill(~passage, -torch.inf)
    end = (last - last[:, :1]).masked_fill(~passage, -torch.inf)
    ends = torch.nn.functional.pad(end, (0, longest - 1), value=-torch.inf).unfold(1, longest, 1)  # (B, T, L)
    odds = (begin[:, :, None] + ends).flatten(1)  # (B, T L)
    found = odds.topk(min(count, odds.shape[1]), 1)
    i = found.indices // longest
    return Best(found.values, i, i + found.indices % longest)


class Answers:
    """Takes batches with what the net says of them, and then knows the answers: `evaluate(net, batches, answers.add)`.

    Attributes:
        asked: what is asked.
        end: of the net.
        count: how many answers are kept of each question.
    """

    def __init__(self, asked: Asked, end: PointTo, count: int = KEPT) -> None:
        self.asked, self.end, self.count = asked, end, count
        self.found: dict[int, dict[tuple[int, int], float]] = {}

    def add(self, batch: Batch, answer: Pointed) -> None:
        """Take a batch and the end's answer to it."""
        best = best_spans(answer, batch.target, self.end.longest, max(KEPT, self.count))
        for row, *spans in zip(batch.examples.tolist(), *(part.tolist() for part in best), strict=True):
            self.take(row, zip(*spans, strict=True))

    def take(self, row: int, spans: object) -> None:
        """Take the stretches of a window: one that two windows hold counts once, by the one that speaks for it most."""
        windows, question = self.asked.windows, self.asked.windows.places[row].question
        held = self.found.setdefault(question, {})
        passage = self.asked.questions.questions[question].passage
        for odds, first, last in spans:  # type: ignore[attr-defined]
            if math.isfinite(odds):
                where = windows.characters(row, first, last, passage)
                held[where] = max(odds, held.get(where, -math.inf))

    def of(self, question: int) -> list[Answer]:
        """The answers to a question, the one to be given first.

        Windows are taken for independent witnesses, of which at most one is right: an answer in window w has, against
        "no answer" by all of them, the odds p_w(i, j) / p_w(0, 0). So what each window's softmax was shared by does not
        matter. Probabilities are the softmax over these, and over "no answer" (odds 1) where there may be none, of the
        best 20 of each window; what is left out is neglected.
        """
        passage = self.asked.questions.passages[self.asked.questions.questions[question].passage]
        held = [*self.found.get(question, {}).items()]
        least = self.end.bar
        none = least is not None or not held
        odds = torch.tensor([*(value for _, value in held), *([0.0] if none else [])], dtype=torch.float64)
        places = [*(where for where, _ in held), *([(0, 0)] if none else [])]
        shares = odds.softmax(0).tolist()
        found = [Answer(passage[a:b], share, a, b) for (a, b), share in zip(places, shares, strict=True)]
        # Equal ones by their places, so that the order does not hang on which window came first.
        found.sort(key=lambda answer: (-answer.probability, answer.first, answer.last))
        if least is not None and held:
            silent = max(value for _, value in held) <= least
            found.sort(key=lambda answer: (answer.text == "") != silent)
        return found[: self.count]

    def best(self, question: int) -> tuple[float, str] | None:
        """The odds and the text of the best answer to a question, whether it is to be given or not; None without any.

        Of equal ones it is the first of the passage, as in `of`.
        """
        held = self.found.get(question)
        if not held:
            return None
        first, last = min(held, key=lambda where: (-held[where], where))
        passage = self.asked.questions.passages[self.asked.questions.questions[question].passage]
        return held[first, last], passage[first:last]

    def hits(self, questions: Sequence[int]) -> list[Hit]:
        """How the first answers to these questions fare."""
        asked = self.asked.questions.questions
        return [hit(self.of(number)[0].text, asked[number].answers) for number in questions]


def questions_in(asked: Asked, rows: Int64[Tensor, " N"]) -> list[int]:
    """The questions that these rows are of, ascending."""
    return sorted({asked.windows.places[row].question for row in rows.tolist()})


def answers_of(net: Net, dataset: Dataset, rows: Int64[Tensor, " N"], count: int = KEPT) -> Answers:
    """The answers of a net to the questions of these rows.

    Raises:
        DataError: if it does not answer questions.
    """
    if not isinstance(net.end, PointTo) or dataset.asked is None:
        raise DataError(f"the model answers no questions: it ends in {net.end}, not in PointTo()")
    answers = Answers(dataset.asked, net.end, count)
    device = next(net.parameters()).device
    for batch in looking_feed(dataset, rows, device, False).epoch(0):
        answers.add(batch, net.predict(batch.inputs))
    return answers


def answered(net: Net, text: TextOrigin, passage: str, questions: Sequence[str], best: int = 1) -> list[list[Answer]]:
    """The best answers to questions about one passage.

    Args:
        net: ends in `PointTo`.
        text: how texts become its tokens.
        passage: what is read, of any length.
        questions: any number; a blank one is an error.
        best: how many answers to each.

    Raises:
        DataError: if the net does not answer questions, or a question is blank.
    """
    blank = next((number for number, question in enumerate(questions, start=1) if not question.strip()), None)
    if blank is not None:
        raise DataError(f"question {blank} is blank; ask something")
    if not isinstance(net.end, PointTo):
        raise DataError(f"the model answers no questions: it ends in {net.end}, not in PointTo()")
    if not questions:
        return []
    dataset = asked_about(passage, questions, text)
    answers = answers_of(net, dataset, torch.arange(len(dataset)), best)
    return [answers.of(number) for number in range(len(questions))]
