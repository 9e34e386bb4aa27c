"""Files of questions as SQuAD has them."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from asking import asked, squad

from lamina.data.questions.squad import Question, read_questions
from lamina.errors import DataError

TEXT = "The dog runs in Rome. The cat sleeps in Rome."


def told(path: Path, skip_bad: int = 0) -> str:
    with pytest.raises(DataError) as caught:
        read_questions(path, skip_bad)
    return str(caught.value)


def test_a_file_is_read_with_its_answers_and_their_places(tmp_path: Path) -> None:
    first = asked("Where does the dog run?", TEXT, "Rome", "in Rome", name="a")
    found = read_questions(squad(tmp_path / "squad.json", ("Dogs", TEXT, [first])))
    assert found.questions == [Question("a", "Where does the dog run?", ("Rome", "in Rome"), (16, 13), 0)]
    assert (found.titles, found.passages, found.article, found.notes) == (["Dogs"], [TEXT], [0], ())


def test_a_packed_file_says_what_the_file_says(tmp_path: Path) -> None:
    plain = squad(tmp_path / "squad.json", ("Dogs", TEXT, [asked("Who?", TEXT, "dog")]))
    packed, archive = tmp_path / "squad.json.gz", tmp_path / "squad.json.zip"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    with zipfile.ZipFile(archive, "w") as held:
        held.write(plain, "dev/squad.json")
        held.writestr("__MACOSX/._squad.json", "no JSON")
    assert read_questions(packed) == read_questions(plain) == read_questions(archive)


def test_a_question_without_an_answer_is_one_where_the_file_says_so(tmp_path: Path) -> None:
    path = squad(tmp_path / "s.json", ("Dogs", TEXT, [asked("Why?", TEXT, impossible=True)]), version="v2.0")
    assert read_questions(path).questions[0].answers == ()


def test_answers_that_are_not_where_the_file_says_are_named_or_left_out(tmp_path: Path) -> None:
    wrong = asked("Who?", TEXT, "dog", name="b17")
    wrong["answers"][0]["answer_start"] = 5
    unsaid, blank = asked("Why?", TEXT, name="c"), asked(" ", TEXT, "dog", name="d")
    path = squad(tmp_path / "s.json", ("Dogs", TEXT, [wrong, asked("Who?", TEXT, "dog"), unsaid, blank]))
    named = (
        "'b17' has the answer 'dog' at 5, where the passage has 'og '; 'c' has no answer, and is_impossible does not say"
        " so; 'd' is blank"
    )
    assert told(path) == f"{path}: 3 questions cannot be used: {named}; --skip-bad 3 leaves them out"
    found = read_questions(path, skip_bad=3)
    assert (len(found.questions), found.notes) == (1, (f"3 questions of s.json left out: {named}",))


def test_of_many_bad_questions_the_first_five_are_named(tmp_path: Path) -> None:
    path = squad(tmp_path / "s.json", ("Dogs", TEXT, [asked("", TEXT, "dog", name=str(n)) for n in range(7)]))
    named = "; ".join(f"'{number}' is blank" for number in range(5))
    assert told(path) == f"{path}: 7 questions cannot be used: {named}; and 2 more; --skip-bad 7 leaves them out"


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    held = squad(path, ("Dogs", TEXT, [asked("Who?", TEXT, "dog")])).read_text().replace("Who?", "Who\\ud800?")
    path.write_text(held)
    assert "'q' holds half of a surrogate pair, which is no text" in told(path)


def test_what_is_no_json_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"data": [\n{"title": }]}')
    assert told(path) == f"{path}:2: expected JSON, got what is none at column 11: Expecting value"
    path.write_bytes(b'{"data": "\xff"}')
    assert told(path) == f"{path}: expected JSON in UTF-8, got other bytes from byte 10 on"


def test_what_is_missing_is_named_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("[1, 2]")
    assert told(path) == f"{path}: expected a list called 'data', as SQuAD has it, got none in [1, 2]"
    question = asked("Who?", TEXT, "dog")
    question["answers"][0]["answer_start"] = "4"
    squad(path, ("Cats", TEXT, []), ("Dogs", TEXT, [question]))
    place = f"{path}: data[1].paragraphs[0].qas[0].answers[0]"
    assert told(path) == f"{place}: expected a whole number called 'answer_start', as SQuAD has it, got '4'"
    path.write_text(json.dumps({"data": [{"title": "Dogs", "paragraphs": [{"qas": []}]}]}))
    where = f"{path}: data[0].paragraphs[0]"
    assert told(path) == f"{where}: expected a text called 'context', as SQuAD has it, got none in {{'qas': []}}"


def test_a_file_without_questions_is_none(tmp_path: Path) -> None:
    path = squad(tmp_path / "s.json", ("Dogs", TEXT, []))
    assert told(path) == f"{path}: expected questions, got 1 passages without any; check the path"


def test_damaged_archives_and_missing_files_are_named(tmp_path: Path) -> None:
    archive, packed, absent = tmp_path / "s.json.zip", tmp_path / "s.json.gz", tmp_path / "absent.json"
    archive.write_bytes(b"PK, but no more")
    assert told(archive) == f"{archive}: cannot be unpacked: File is not a zip file; fetch it again"
    packed.write_bytes(gzip.compress(b"{}" * 100)[:20])
    assert told(packed).startswith(f"{packed}: cannot be unpacked: ")
    assert told(absent) == f"{absent}: cannot be read: No such file or directory"
    with zipfile.ZipFile(archive, "w") as held:
        held.writestr("readme.txt", "nothing")
    assert told(archive) == f"{archive}: expected one .json file in it, got 0; unpack it and name one"
