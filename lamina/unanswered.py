"""When a net that answers questions says that there is no answer: by how much an answer must beat none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from jaxtyping import Int64
from torch import Tensor

from lamina.answering import Answers, answers_of, questions_in
from lamina.data.dataset import Dataset
from lamina.ends.point_to import PointTo
from lamina.metrics.spans import hit
from lamina.net import Net


class Either(NamedTuple):
    """What a question is worth, either way.

    Attributes:
        odds: ln p(i, j) - ln p(0, 0) of its best answer; -inf if it has none to give.
        answered: the F1 of that.
        silent: the F1 of saying that there is none.
    """

    odds: float
    answered: float
    silent: float


def learn_least(net: Net, dataset: Dataset, rows: Int64[Tensor, " N"]) -> str | None:
    """Let a net that ends in `PointTo(least='auto')` be silent where that suits these rows best.

    Returns:
        What was chosen, a sentence; None if nothing is to be chosen, as for every other net.
    """
    if not isinstance(net.end, PointTo) or net.end.least != "auto":
        return None
    net.end.chosen.zero_()
    answers = answers_of(net, dataset, rows)
    numbers = questions_in(answers.asked, rows)
    questions = [answers.asked.questions.questions[number] for number in numbers]
    if all(question.answers for question in questions):
        return "no question of the validation part is without an answer, so one is given if it beats none by 0 nats"
    each = [either(answers, number) for number in numbers]
    net.end.chosen.fill_(best_least(each))
    least = net.end.chosen.item()
    best, usual = (100 * f1_by(each, bar) for bar in (least, 0.0))
    return (
        f"an answer is given if it beats none by more than {least:.4g} nats, which suits the {len(each):,} questions of"
        f" the validation part best: F1 {best:.1f} there, {usual:.1f} by 0 nats"
    )


def either(answers: Answers, question: int) -> Either:
    """What a question is worth if it is answered, and if not."""
    right = answers.asked.questions.questions[question].answers
    best = answers.best(question)
    silent = hit("", right).f1
    return Either(-math.inf, silent, silent) if best is None else Either(best[0], hit(best[1], right).f1, silent)


def f1_by(each: Sequence[Either], least: float) -> float:
    """The mean F1 if questions are answered whose best answer has greater odds than this."""
    return sum(one.answered if one.odds > least else one.silent for one in each) / len(each)


def best_least(each: Sequence[Either]) -> float:
    """The odds that an answer must have, so that the mean F1 of these questions is greatest.

    It changes only where it passes the odds of a question, so the middle between each two neighbours is tried, what
    answers all and what answers none, and 0; of equal ones the nearest to 0. Source: Rajpurkar et al. 2018, in
    `evaluate-v2.0.py` ("find_best_thresh"), where the odds themselves are tried.

    >>> best_least([Either(2.0, 1.0, 0.0), Either(1.0, 0.0, 1.0), Either(-3.0, 0.0, 1.0)])
    1.5
    """
    odds = sorted({one.odds for one in each if math.isfinite(one.odds)})
    if not odds:
        return 0.0
    tried = [0.0, odds[0] - 1, odds[-1] + 1, *((low + high) / 2 for low, high in pairwise(odds))]
    falling = sorted(each, key=lambda one: -one.odds)
    found, place, total = list[tuple[float, float]](), 0, sum(one.silent for one in each)
    for least in sorted(tried, reverse=True):
        while place < len(falling) and falling[place].odds > least:
            total += falling[place].answered - falling[place].silent
            place += 1
        found.append((total, least))
    most = max(total for total, _ in found)
    # Sums of the same F1s in another order differ in their last bits.
    return min((least for total, least in found if total > most - 1e-9), key=abs)
