"""Questions with their passages as rows of tokens."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from asking import asked, eleven, origin, pieces, squad
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.questions.load import load_questions
from lamina.data.questions.squad import Question
from lamina.data.questions.windows import check_room, starts, windows_of
from lamina.data.split import split
from lamina.data.text.reading import TextOrigin, TextReading
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError

TEXT = "The naïve dog runs. The cat sleeps in Rome."


def question(text: str, answer: str = "", passage: str = TEXT) -> Question:
    return Question("q", text, (answer,) if answer else (), (passage.index(answer),) if answer else (), 0)


def test_a_row_is_the_question_and_the_passage_between_marks() -> None:
    found = windows_of([TEXT], [question("Who runs?", "naïve dog")], pieces(), 29, 5)
    row = found.inputs.gather(torch.tensor([0])).values[0].tolist()
    names = [("[UNK]", "[CLS]", "[SEP]", *pieces().parts)[token] for token in row]
    told = "[CLS] who run ##s ? [SEP] the naive dog run ##s . the cat sleep ##s in rome . [SEP]"
    assert " ".join(names) == told
    assert found.target.values.tolist() == [[7, 8, 6, 18]]
    assert TEXT[slice(*found.characters(0, 7, 8, 0))] == "naïve dog"


def test_a_long_passage_comes_in_windows_that_overlap() -> None:
    # 13 tokens of passage, room for 15 - 1 - 3 = 11 less the question's; each window begins 11 - 5 = 6 further.
    found = windows_of([TEXT], [question("who", "Rome")], pieces(), 15, 5)
    assert [(place.first, place.begins, place.tokens) for place in found.places] == [(0, 3, 11), (6, 3, 7)]
    # The first window shows tokens 0 to 10, and Rome is token 11: there is no answer in it.
    assert found.target.values.tolist() == [[0, 0, 3, 13], [8, 8, 3, 9]]
    assert TEXT[slice(*found.characters(1, 8, 8, 0))] == "Rome"


@given(tokens=st.integers(0, 97), room=st.integers(2, 31), shared=st.integers(0, 30))
def test_windows_show_every_token_and_share_what_was_asked(tokens: int, room: int, shared: int) -> None:
    overlap = min(shared, room - 1)
    begins = list(starts(tokens, room, overlap))
    assert {token for first in begins for token in range(first, min(first + room, tokens))} == set(range(tokens))
    assert all(two - one == room - overlap for one, two in pairwise(begins))
    assert len(begins) == 1 or begins[-2] + room < tokens  # none that only repeats


def test_the_commonest_answer_is_learned_and_the_earliest_of_several() -> None:
    one = Question("q", "who", ("cat", "dog", "dog"), (TEXT.index("cat"), 10, 10), 0)
    assert windows_of([TEXT], [one], pieces(), 29, 5).target.values[0, :2].tolist() == [5, 5]


def test_an_answer_within_a_token_gets_the_whole_token() -> None:
    found = windows_of([TEXT], [question("who", "aï")], pieces(), 29, 5)
    assert TEXT[slice(*found.characters(0, *found.target.values[0, :2].tolist(), 0))] == "naïve"


def test_texts_in_other_scripts_keep_their_places() -> None:
    text = "\u200b東京 — Rome"
    found = windows_of([text], [Question("q", "who", ("京",), (2,), 0)], pieces(), 29, 5)
    assert text[slice(*found.characters(0, *found.target.values[0, :2].tolist(), 0))] == "京"


def test_an_empty_passage_is_one_row_where_no_answer_can_stand() -> None:
    found = windows_of([""], [Question("q", "who", (), (), 0)], pieces(), 29, 5)
    assert found.target.values.tolist() == [[0, 0, 3, 2]]


def test_long_questions_are_cut_and_answers_that_no_window_holds_are_counted() -> None:
    long = question("dog " * 70, "naïve dog runs. The cat sleeps")
    found = windows_of([TEXT], [long], pieces(), 73, 5)
    assert (found.cut, found.halved, found.unread) == (1, 1, 0)
    assert int(found.inputs.lengths.max()) == 73


def test_an_answer_without_a_token_is_counted() -> None:
    text = "dog \u200b\u200b cat"
    found = windows_of([text], [Question("q", "who", ("\u200b",), (4,), 0)], pieces(), 29, 5)
    assert (found.unread, found.target.values[0, :2].tolist()) == (1, [0, 0])


def test_windows_that_hold_nothing_are_refused() -> None:
    check_room(73, 5, "squad.json")
    with pytest.raises(DataError) as caught:
        check_room(72, 5, "squad.json")
    assert str(caught.value) == (
        "squad.json: windows of context=72 tokens hold a question of up to 64, 3 that end texts, and an overlap=5 of the"
        " passage: ask for a context of at least 73, or a smaller overlap"
    )


def test_articles_stay_whole_and_what_was_found_is_said(tmp_path: Path) -> None:
    path = squad(
        tmp_path / "s.json",
        *(
            (f"article {number}", TEXT, [asked(f"Who {ask}?", TEXT, "dog", name=f"{number}{ask}") for ask in "abc"])
            for number in range(7)
        ),
    )
    data = load_questions(path, TextReading(context=97, overlap=5), taught=origin())
    assert data.group is not None
    parts = split(data, 0.2, 0.3)
    sides = [set(data.group[rows].tolist()) for rows in parts]
    assert sum(map(len, sides)) == 7
    assert [len(rows) % 3 for rows in parts] == [0, 0, 0]
    assert data.text is not None
    assert data.text.notes == (
        "tokens are parts of words (wordpiece, as BERT has them), as the model has them; 3.51% of them are unknown",
        "21 questions are 21 rows of 19.0 tokens on average, at most 97; windows onto one passage share 5",
    )
    assert data.about == "21 questions about 7 passages of 7 articles."


def test_files_that_validate_and_test_are_parts_of_their_own(tmp_path: Path) -> None:
    own, valid = eleven(tmp_path / "a.json"), squad(tmp_path / "v.json", ("new", TEXT, [asked("Who?", TEXT, "dog")]))
    reading = TextReading(context=97, overlap=5, valid=(str(valid),), test=(str(own),))
    data = load_questions(own, reading, taught=origin())
    assert data.time is not None
    assert data.time.tolist() == [0.0] * 11 + [1.0] + [2.0] * 11
    assert data.text is not None
    assert data.text.notes[-1] == "11 of the 11 articles of the test part also train; measures flatter"


def test_without_a_net_that_reads_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    path = eleven(tmp_path / "a.json")
    with pytest.raises(DataError) as caught:
        load_questions(path, TextReading())
    assert str(caught.value) == (
        f"{path}: questions are answered by a net that has learned to read: name a BERT's folder that `lamina import`"
        " made with --from"
    )
    words = TextOrigin(TextReading("words"), Tokenizer.train(["the dog"], "words"))
    with pytest.raises(DataError, match="name a BERT's folder that `lamina import` made with --from, or a run that"):
        load_questions(path, TextReading(), taught=words)
