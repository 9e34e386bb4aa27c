"""What a net that answers questions has to beat: words that stand near those of the question."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from jaxtyping import Int64
from torch import Tensor

from lamina.answering import questions_in
from lamina.data.questions.load import Asked
from lamina.metrics import Measure
from lamina.metrics.spans import hit, measured

LONGEST = 10
"""Words of an answer."""

SENTENCES_END = frozenset(".!?\n")

COMMON = frozenset((
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been", "before",
    "between", "but", "by", "can", "could", "did", "do", "does", "during", "each", "for", "from", "had", "has",
    "have", "he", "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "many", "may", "more", "most",
    "much", "no", "not", "of", "on", "one", "or", "other", "our", "over", "s", "she", "so", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through", "to", "under", "up",
    "was", "we", "were", "what", "when", "where", "which", "while", "who", "whom", "whose", "why", "will", "with",
    "would", "you",
))  # fmt: skip
"""Words of English that no answer begins or ends with here; in another language all words are taken for telling."""

WORDS = re.compile(r"\w+|[^\w\s]|\n")


class Word(NamedTuple):
    """A word or a mark of a passage: what it says in lower case, and passage[first:last]."""

    text: str
    first: int
    last: int


def words_of(text: str) -> list[Word]:
    """The words and marks of a text."""
    return [Word(found[0].lower(), *found.span()) for found in WORDS.finditer(text)]


def sliding_window(passage: str, question: str) -> str:
    """The run of telling words nearest to the question's own, in the sentence that shares most with the question.

    A word w of the question weighs ln(1 + 1 / C(w)), C its count in the passage. Of the sentence with the greatest
    weight of the question's words, the candidates are runs between common words and marks that have no word of the
    question; the one with the least mean distance to those words, each at its nearest, is the answer. Source:
    Richardson, Burges and Renshaw 2013, section 4 (weights, distance); Rajpurkar et al. 2016, section 5.1 (sentences),
    whose candidates are constituents of a parse.

    >>> sliding_window("The dog sleeps. The cat ate a red fish in Rome.", "What did the cat eat in Rome?")
    'red fish'
    """
    words = words_of(passage)
    counts = Counter(word.text for word in words)
    asked = {word.text for word in words_of(question)} - COMMON - {"?"}
    weights = {text: math.log1p(1 / counts[text]) for text in asked if counts[text]}

    def shared(sentence: Sequence[int]) -> float:
        return sum(weights.get(text, 0.0) for text in {words[place].text for place in sentence})

    for sentence in sorted(sentences(words), key=shared, reverse=True):
        hits = [place for place in sentence if words[place].text in weights]
        candidates = [*runs(words, sentence, asked)]
        if candidates:
            first, last = min(candidates, key=lambda run: distance(run, hits, words))
            return passage[words[first].first : words[last].last]
    return ""


def sentences(words: Sequence[Word]) -> Iterator[range]:
    """The places of the words of each sentence."""
    ends = [place + 1 for place, word in enumerate(words) if word.text in SENTENCES_END]
    yield from (range(first, last) for first, last in pairwise([0, *ends, len(words)]) if first < last)


def runs(words: Sequence[Word], sentence: range, asked: set[str]) -> Iterator[tuple[int, int]]:
    """The first and the last place of each run of telling words, cut at so many words."""
    begin = sentence.start
    for place in [*sentence, sentence.stop]:
        inside = place < sentence.stop and telling(words[place].text, asked) and place - begin < LONGEST
        if not inside:
            if place > begin:
                yield begin, place - 1
            again = place < sentence.stop and telling(words[place].text, asked)
            begin = place if again else place + 1


def telling(text: str, asked: set[str]) -> bool:
    """Whether a word may be part of an answer."""
    return text not in COMMON and text not in asked and text[0].isalnum()


def distance(run: tuple[int, int], hits: Sequence[int], words: Sequence[Word]) -> float:
    """How far the question's words are from a run, on average, each at its nearest."""
    nearest = dict[str, int]()
    for place in hits:
        away = max(run[0] - place, place - run[1])
        nearest[words[place].text] = min(away, nearest.get(words[place].text, away))
    return sum(nearest.values()) / max(1, len(nearest))


def lexical(asked: Asked, rows: Int64[Tensor, " N"]) -> dict[str, dict[str, Measure]]:
    """The measures of answers by words alone; and, where some questions have none, of always saying so."""
    held, numbers = asked.questions, questions_in(asked, rows)
    questions = [held.questions[number] for number in numbers]
    groups = [held.article[question.passage] for question in questions]
    found = [hit(sliding_window(held.passages[each.passage], each.text), each.answers) for each in questions]
    silent = {"no_answer": [hit("", question.answers) for question in questions]} if asked.unanswerable else {}
    return {name: measured(hits, groups) for name, hits in (silent | {"sliding_window": found}).items()}
