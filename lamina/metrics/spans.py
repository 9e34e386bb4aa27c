"""How near answers come to those that people gave: exact match and F1, as SQuAD's own program has them."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lamina.metrics.measure import Measure

RESAMPLED, SEED = 1000, 12345
"""Times that articles are drawn anew for the interval, and the seed of the draws."""

ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
MARKS = str.maketrans("", "", string.punctuation)


class Hit(NamedTuple):
    """How an answer fares: whether it is right (1 or 0), and its F1, both between 0 and 1."""

    exact: float
    f1: float


def normal(text: str) -> str:
    """An answer without what does not count: case, ASCII punctuation, the words a, an and the, and white space.

    Source: Rajpurkar et al. 2016, section 6.1, and their `evaluate-v1.1.py`. Marks go before articles do.

    >>> normal("The  Beyoncé-effect, a study!")
    'beyoncéeffect study'
    """
    return " ".join(ARTICLES.sub(" ", text.lower().translate(MARKS)).split())


def f1_of(given: str, answer: str) -> float:
    """F1 = 2 c / (m + n): c the words in common, each as often as in both, of m and n words after `normal`.

    If either has no words, F1 is 1 where both have none, else 0 (Rajpurkar et al. 2018, `evaluate-v2.0.py`).

    >>> f1_of("in the Denver Broncos", "Denver Broncos")
    0.8
    """
    one, other = normal(given).split(), normal(answer).split()
    if not (one and other):
        return float(one == other)
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other))


def hit(given: str, answers: Sequence[str]) -> Hit:
    """How an answer fares against the best of several; "" says that there is none, and none are right then but "".

    >>> hit("a cat", ["dog", "the cat!"])
    Hit(exact=1.0, f1=1.0)
    >>> hit("cat", []), hit("", [])
    (Hit(exact=0.0, f1=0.0), Hit(exact=1.0, f1=1.0))
    """
    # An answer that is nothing but marks and articles is left out, as their program does, unless all are.
    right = [answer for answer in answers if normal(answer)] or [""]
    return Hit(
        max(float(normal(given) == normal(answer)) for answer in right), max(f1_of(given, answer) for answer in right)
    )


def measured(hits: Sequence[Hit], groups: Sequence[int]) -> dict[str, Measure]:
    """Mean F1 and exact match, of 100, each with a 95 % interval by the bootstrap over groups.

    Questions about one article are alike in how hard they are, so articles are drawn anew with replacement, and not
    questions: the middle 95 % of Σ_g x_g / Σ_g n_g over 1,000 samples of as many articles (Efron and Tibshirani 1993,
    section 13.3; Davison and Hinkley 1997, section 3.8, for groups). Of few articles it is somewhat too narrow.

    Args:
        hits: of each question.
        groups: the number of each question's article.
    """
    if not hits:
        return {name: Measure(math.nan, 0.0, 100.0) for name in ("f1", "exact_match")}
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    count = np.bincount(member).astype(float)
    random, articles = np.random.default_rng(SEED), len(count)
    drawn = random.integers(0, articles, (RESAMPLED, articles))
    found = dict[str, Measure]()
    for name, values in (("f1", [each.f1 for each in hits]), ("exact_match", [each.exact for each in hits])):
        total = np.bincount(member, weights=np.asarray(values))
        value = 100 * float(total.sum() / count.sum())
        low, high = np.quantile(100 * total[drawn].sum(1) / count[drawn].sum(1), (0.025, 0.975)).tolist()
        found[name] = Measure(value, min(low, value), max(high, value)) if articles > 1 else Measure(value, 0.0, 100.0)
    return found
