"""From logits to answers, and what they are worth."""

from __future__ import annotations

import math

import pytest
import torch
from asking import origin, pieces
from hypothesis import given
from hypothesis import strategies as st

from lamina.answering import Answers, answered, best_spans
from lamina.baseline_spans import sliding_window
from lamina.data.questions.load import Asked
from lamina.data.questions.squad import Question, Questions
from lamina.data.questions.windows import windows_of
from lamina.ends.point_to import Pointed, PointTo
from lamina.errors import DataError
from lamina.kinds import Padded, Sequence, Span, Tokens
from lamina.metrics.spans import Hit, f1_of, hit, measured, normal
from lamina.net import build

TEXT = "The dog runs in Rome. The cat sleeps in Paris."


@pytest.mark.parametrize(
    ("given_answer", "answers", "exact", "f1"),
    [
        ("Rome", ["Rome"], 1, 1),
        ("the  ROME!", ["Rome"], 1, 1),
        ("in Rome", ["Rome"], 0, 2 / 3),  # 1 of 2 words, 1 of 1: 2 * 1 / 3
        ("Rome", ["Paris", "Rome"], 1, 1),
        ("Paris Paris Rome", ["Paris Rome Rome"], 0, 2 / 3),  # two in common, each as often as in both
        ("London", ["Paris"], 0, 0),
        ("", ["Paris"], 0, 0),
        ("", [], 1, 1),
        ("Rome", [], 0, 0),
        ("the", ["a"], 1, 1),  # nothing is left of either
        ("dog's", ["dogs"], 1, 1),  # marks go before words are told apart
        ("theatre", ["atre"], 0, 0),  # an article is a word of its own
        ("a–b", ["a-b"], 0, 0),  # a dash that is no ASCII mark stays: "–b" and "ab"
    ],
)
def test_answers_are_compared_as_the_official_program_does(
    given_answer: str, answers: list[str], exact: float, f1: float
) -> None:
    assert hit(given_answer, answers) == Hit(exact, pytest.approx(f1))


@given(st.text(max_size=23), st.text(max_size=23))
def test_f1_is_a_share_the_same_both_ways_and_1_where_all_words_are_alike(one: str, other: str) -> None:
    assert 0 <= f1_of(one, other) <= 1
    assert f1_of(one, other) == f1_of(other, one)
    assert f1_of(one, one) == 1
    assert normal(normal(one)) == normal(one) or "the" in one.lower() or "a" in one.lower()


def test_the_interval_is_of_articles_and_not_of_questions() -> None:
    # Two articles, all right and all wrong: samples of two articles are 0, 50 or 100.
    found = measured([Hit(1, 1)] * 5 + [Hit(0, 0)] * 5, [3] * 5 + [7] * 5)
    assert found["f1"] == found["exact_match"] == (50.0, 0.0, 100.0)
    assert measured([Hit(1, 0.5)], [0])["f1"] == (50.0, 0.0, 100.0)
    assert math.isnan(measured([], [])["f1"].value)


def loops(first: list[float], last: list[float], begin: int, end: int, longest: int) -> list[tuple[float, int, int]]:
    spans = [(i, j) for i in range(begin, end + 1) for j in range(i, min(end, i + longest - 1) + 1)]
    return sorted(((first[i] + last[j] - first[0] - last[0], i, j) for i, j in spans), reverse=True)


@pytest.mark.parametrize("longest", [1, 3, 30])
def test_the_best_stretches_are_those_of_a_plain_loop(longest: int) -> None:
    random = torch.Generator().manual_seed(0)
    first, last = torch.randn(2, 3, 11, generator=random)
    target = torch.tensor([[0, 0, 2, 9], [0, 0, 5, 5], [0, 0, 3, 2]])
    found = best_spans(Pointed(first, last), target, longest, 7)
    for row, (begin, end) in enumerate(target[:, 2:].tolist()):
        expected = loops(first[row].tolist(), last[row].tolist(), begin, end, longest)[:7]
        got = [each for each in zip(*(part[row].tolist() for part in found), strict=True) if math.isfinite(each[0])]
        assert [each[1:] for each in got] == [each[1:] for each in expected]
        assert [each[0] for each in got] == pytest.approx([each[0] for each in expected], abs=1e-5)


def asking(least: float | None = None, context: int = 29) -> Answers:
    questions = Questions(["one"], [TEXT], [0], [Question("q", "who", ("dog",), (4,), 0)])
    windows = windows_of([TEXT], questions.questions, pieces(), context, 5)
    return Answers(Asked(questions, windows), PointTo(least=least))


def test_probabilities_are_shared_by_the_odds_against_no_answer() -> None:
    answers = asking()
    answers.take(0, [(math.log(3), 4, 4), (0.0, 3, 4)])
    assert [(answer.text, answer.first, answer.last) for answer in answers.of(0)] == [("dog", 4, 7), ("The dog", 0, 7)]
    assert [answer.probability for answer in answers.of(0)] == pytest.approx([0.75, 0.25])


def test_a_stretch_that_two_windows_hold_counts_once_by_the_better_one() -> None:
    answers = asking(context=14)
    assert len(answers.asked.windows.places) == 2
    # Token 5 of the passage stands at 3 + 5 in the first window, and at 3 in the second, which begins with it.
    assert answers.asked.windows.places[1].first == 5
    answers.take(0, [(1.0, 8, 8)])
    answers.take(1, [(2.0, 3, 3), (2.0, 4, 4)])
    assert [(answer.text, answer.probability) for answer in answers.of(0)] == [("Rome", 0.5), (".", 0.5)]


@pytest.mark.parametrize(("least", "first"), [(0.0, "dog"), (1.0, "dog"), (1.2, "")])
def test_an_answer_must_beat_none_by_so_much(least: float, first: str) -> None:
    answers = asking(least)
    answers.take(0, [(1.1, 4, 4)])
    found = answers.of(0)
    share = math.exp(1.1) / (1 + math.exp(1.1))
    assert found[0].text == first
    assert {answer.text: answer.probability for answer in found} == pytest.approx({"dog": share, "": 1 - share})


def test_the_loss_is_that_of_a_plain_loop_over_where_an_answer_may_stand() -> None:
    net = build("PointTo()", Sequence(3), Span())
    random = torch.Generator().manual_seed(1)
    h = torch.randn(2, 5, 3, generator=random)
    x = Padded(h, torch.tensor([[True] * 5, [True] * 4 + [False]]))
    target = torch.tensor([[3, 4, 2, 4], [0, 0, 1, 3]])
    expected = 0.0
    for row, allowed in ((0, [0, 2, 3, 4]), (1, [0, 1, 2, 3])):
        for side in (0, 1):
            logits = {place: float(h[row, place] @ net.end.weight[side].detach()) for place in allowed}
            expected += math.log(sum(map(math.exp, logits.values()))) - logits[int(target[row, side])]
    score = net.score(x, target)
    assert score.total.item() == pytest.approx(expected, rel=1e-5)
    assert score.count == 4


def test_a_net_answers_by_a_stretch_of_a_passage_of_any_length() -> None:
    net = build("BERT(1, 2, 8, longest=97) >> PointTo(4)", Tokens(len(pieces())), Span()).eval()
    passage = TEXT * 23
    ((one, two), (three, _)) = answered(net, origin(97, 5), passage, ["Who runs?", "Where?"], 2)
    for answer in (one, two, three):
        assert answer.text == passage[answer.first : answer.last] != ""
        assert len(answer.text.split()) <= 5
    assert 1 >= one.probability >= two.probability >= 0
    assert answered(net, origin(97, 5), passage, []) == []
    assert [found[0].text for found in answered(net, origin(97, 5), "", ["Who?"])] == [""]


def test_what_cannot_be_answered_is_said() -> None:
    net = build("BERT(1, 2, 8) >> PointTo()", Tokens(len(pieces())), Span())
    with pytest.raises(DataError, match=r"^question 2 is blank; ask something$"):
        answered(net, origin(), TEXT, ["Who?", " "])
    with pytest.raises(DataError, match=r"^expected texts, got half of a surrogate pair; read them as UTF-8$"):
        answered(net, origin(97, 5), TEXT, ["Who\ud800?"])
    other = build("Embed(3) >> NextToken()", Tokens(7), Tokens(7))
    with pytest.raises(
        DataError, match=r"the model answers no questions: it ends in NextToken\(\), not in PointTo\(\)"
    ):
        answered(other, origin(), TEXT, ["Who?"])


def test_the_baseline_answers_from_the_sentence_that_shares_most() -> None:
    assert sliding_window(TEXT, "Where does the cat sleep, in which town?") == "sleeps"
    assert sliding_window(TEXT, "Where has the cat that sleeps been in?") == "Paris"
    assert sliding_window("", "Who?") == ""
    assert sliding_window("the of and", "Who?") == ""


def test_the_best_answer_is_known_whether_it_is_given_or_not() -> None:
    answers = asking(least=2.0)
    assert answers.best(0) is None
    answers.take(0, [(0.5, 5, 5), (1.5, 4, 4), (1.5, 3, 4)])
    assert answers.of(0)[0].text == ""
    assert answers.best(0) == (1.5, "The dog")  # of equal ones the first
