"""What a person wants to know of a file of questions first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.data.questions.squad import Question, Questions

SHOWN = 5

ASKED = ("what", "who", "whom", "whose", "which", "when", "where", "why", "how", "how many", "how much")
"""What English asks by."""

OTHER = "other"


def described(name: str, questions: Questions) -> dict[str, Any]:
    """How many articles, passages, questions and answers, how long they are in words, and what is asked by."""
    asked = questions.questions
    silent = sum(not question.answers for question in asked)
    first = [question.answers[0] for question in asked if question.answers]
    description: dict[str, Any] = {
        "name": name,
        "articles": len(questions.titles),
        "passages": f"{len(questions.passages):,}, {words_in(questions.passages)}",
        "questions": f"{len(asked):,}, {words_in([question.text for question in asked])}",
        "answers": f"{len(first):,}, {words_in(first)}; {silent:,} questions have none",
        "asked by": dict(Counter(question_word(question) for question in asked).most_common()),
        "first": [f"{each.text} | {' / '.join(dict.fromkeys(each.answers))}" for each in asked[:SHOWN]],
    }
    return description | ({"notes": list(questions.notes)} if questions.notes else {})


def words_in(texts: Sequence[str]) -> str:
    """How many words texts have.

    >>> words_in(["one", "one two", "one two three four"])
    '1 to 4 words, half of them at most 2'
    """
    if not texts:
        return "none"
    counts = np.array([len(text.split()) for text in texts])
    return f"{counts.min():,} to {counts.max():,} words, half of them at most {int(np.quantile(counts, 0.5)):,}"


def question_word(question: Question) -> str:
    """The first of the words in a question that English asks by, "how many" and "how much" as one; else "other".

    >>> question_word(Question("q", "In which year, and how, did it end?", (), (), 0))
    'which'
    """
    words = question.text.lower().replace("?", " ").replace(",", " ").split()
    for place, word in enumerate(words):
        both = " ".join(words[place : place + 2])
        if both in ASKED:
            return both
        if word in ASKED:
            return word
    return OTHER
