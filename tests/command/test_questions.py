"""Questions from the shell: described, learned, measured, answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import asked, eleven, reader, squad

import lamina as la
from lamina.data.split import fingerprint
from lamina.training.data import as_dataset
from lamina.training.kept_reading import reading_in, tokens_kept
from lamina.training.plan import noted

TEXT = "The dog runs in Rome."


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Any]) -> Path:
    folder = tmp_path_factory.mktemp("questions")
    eleven(folder / "squad.json")
    said = command(
        "train", folder / "squad.json", "--from", reader(folder / "reader"), "--context", 97, "--overlap", 5,
        "--epochs", 1, "--batch", 3, "--threads", 1, "--out", folder / "run",
    )  # fmt: skip
    assert said.code == 0, said.err
    out = folder / "run"
    assert "net        BERT(1, heads=2, width=8, longest=128) >> PointTo()" in said.err
    assert "optimizer  AdamW(linear(5e-05" in said.err
    assert "  f1 " in said.out
    assert "  exact_match " in said.out
    assert "  baseline sliding_window: f1 " in said.out
    assert f"(use it: lamina answer {out} --passage FILE --question TEXT)" in said.out
    return out


def test_a_run_is_measured_again_on_its_test_part_and_on_other_files(
    run: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    first = json.loads((run / "result.json").read_text())
    said = command("evaluate", run, run.parent / "squad.json", "--json")
    assert said.code == 0, said.err
    again = json.loads(said.out.splitlines()[-1])
    assert again["measures"]["f1"] == first["test"]["f1"]
    assert again["examples"] == 2
    other = squad(tmp_path / "other.json", *((f"new {n}", TEXT, [asked("Who?", TEXT, "dog")]) for n in range(7)))
    assert json.loads(command("evaluate", run, other, "--json").out)["examples"] == 7


def test_what_is_measured_is_said_in_questions_and_in_rows(
    run: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    long = squad(
        tmp_path / "long.json", ("long", TEXT * 23, [asked("Who?", TEXT, "dog"), asked("Where?", TEXT, "Rome")])
    )
    said = command("evaluate", run, long, "--json")
    found = json.loads(said.out)
    assert found["questions"] == 2
    rows = found["examples"]
    assert rows > 2
    assert f": 2 of 2 questions, {rows} of {rows} rows\n" in said.err


def test_a_run_of_questions_is_done_again_exactly(run: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    said = command("train", run / "run.toml", "--out", tmp_path / "again", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["test"] == json.loads((run / "result.json").read_text())["test"]


def test_a_stopped_run_finds_the_same_rows_again(run: Path) -> None:
    again = as_dataset(str(run.parent / "squad.json"), reading_in(run / "run.toml") | tokens_kept(run))
    assert noted(run, "dataset")["fingerprint"] == fingerprint(again)


def test_the_report_tells_how_answers_fare(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    for caption in ("What it answers", "By the length of the answer", "By what is asked for", "lamina answer "):
        assert caption in page


@pytest.fixture(scope="module")
def doubtful(run: Path, tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Any]) -> tuple[Path, str]:
    """A run on questions of which half have no answer, and what was said of it."""
    articles = [
        (f"{n}", TEXT, [asked("Who?", TEXT, "dog"), asked("Why?", TEXT, name="p", impossible=True)]) for n in range(29)
    ]
    folder = tmp_path_factory.mktemp("doubtful")
    path = squad(folder / "two.json", *articles, version="v2.0")
    said = command("train", path, "--from", run.parent / "reader", "--context", 97, "--overlap", 5, "--steps", 1,
                   "--threads", 1, "--out", folder / "run")  # fmt: skip
    assert said.code == 0, said.err
    # Half of the questions have none, so to be silent is right for half of them.
    assert "  baseline no_answer: f1 50" in said.out
    return folder / "run", said.err


def test_questions_without_an_answer_get_an_end_that_can_be_silent(doubtful: tuple[Path, str]) -> None:
    out, said = doubtful
    assert "PointTo(least='auto')" in said
    assert "29 of the questions have no answer" in said
    chosen = la.load(out).net.end.bar
    assert chosen is not None
    words = f"an answer is given if it beats none by more than {chosen:.4g} nats, which suits the "
    assert words in said
    assert " questions of the validation part best: F1 " in said


def test_a_reader_that_always_answered_learns_to_be_silent_and_keeps_its_weights(
    run: Path, doubtful: tuple[Path, str], tmp_path: Path, command: Callable[..., Any]
) -> None:
    two, still = doubtful[0].parent / "two.json", ("--optimizer", "SGD(1e-9)", "--steps", 1, "--threads", 1)
    said = command("train", two, "--from", run, *still, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    assert "PointTo(least='auto')" in said.err
    assert ", the end too" in said.err
    torch.testing.assert_close(la.load(tmp_path / "run").net.end.weight, la.load(run).net.end.weight)
    again = command("train", run.parent / "squad.json", "--from", tmp_path / "run", *still, "--out", tmp_path / "again")
    assert again.code == 0, again.err
    assert ", the end too" in again.err


def test_the_bar_for_an_answer_is_kept_and_measured_with(
    doubtful: tuple[Path, str], command: Callable[..., Any]
) -> None:
    out, _ = doubtful
    again = command("evaluate", out, out.parent / "two.json", "--json")
    assert again.code == 0, again.err
    result, model = json.loads((out / "result.json").read_text()), la.load(out)
    assert json.loads(again.out)["measures"]["f1"] == result["test"]["f1"]
    assert result["least"] == model.net.end.bar
    for bar, silent in ((1000.0, True), (-1000.0, False)):
        model.net.end.chosen.fill_(bar)
        assert (model.answer(TEXT, "Who?").text == "") is silent


def test_a_run_that_may_be_silent_is_done_again_exactly(
    doubtful: tuple[Path, str], tmp_path: Path, command: Callable[..., Any]
) -> None:
    out, _ = doubtful
    assert command("train", out / "run.toml", "--out", tmp_path / "again").code == 0
    assert la.load(tmp_path / "again").net.end.bar == la.load(out).net.end.bar


def test_questions_are_answered_with_the_passage_marked(run: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    passage = tmp_path / "passage.txt"
    passage.write_text(TEXT)
    said = command("answer", run, "--passage", passage, "--question", "Who runs?", "--best", 2)
    assert said.code == 0, said.err
    question, first, second, marked, _ = said.out.splitlines()
    assert question == "Who runs?"
    answer = first.split(maxsplit=1)[1]
    assert float(first.split()[0]) >= float(second.split()[0])
    assert marked == TEXT.replace(answer, f"[[{answer}]]", 1)


def test_questions_come_a_line_each_and_answers_as_json(run: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    passage = tmp_path / "passage.txt"
    passage.write_text(TEXT)
    said = command("answer", run, "--passage", passage, "--json", stdin=b"Who runs?\n\nWhere?\n")
    found = [json.loads(line) for line in said.out.splitlines()]
    assert [each["question"] for each in found] == ["Who runs?", "Where?"]
    answer = found[0]["answers"][0]
    assert answer["text"] == TEXT[answer["first"] : answer["last"]]
    assert la.load(run).answer(TEXT, "Who runs?")._asdict() == pytest.approx(answer)


def test_a_question_is_asked_in_one_place(run: Path, command: Callable[..., Any]) -> None:
    said = command("answer", run, "more.txt", "--passage", "p.txt", "--question", "Who?")
    assert said.code == 2
    assert "--question asks, and so do the lines of more.txt; leave one of them out" in said.err


def test_a_model_of_something_else_answers_nothing(iris: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    passage = tmp_path / "passage.txt"
    passage.write_text(TEXT)
    said = command("answer", iris, "--passage", passage, "--question", "Who?")
    assert (said.code, said.err) == (2, "lamina: the model was trained on no text; it takes Vector(4)\n")


def test_a_file_of_questions_is_described_without_a_model(tmp_path: Path, command: Callable[..., Any]) -> None:
    path = eleven(tmp_path / "squad.json")
    said = command("data", path)
    assert said.code == 0, said.err
    assert "articles  11\n" in said.out
    assert "passages  11, 5 to 13 words, half of them at most 9\n" in said.out
    assert "questions 11, 4 to 4 words, half of them at most 4\n" in said.out
    assert "answers   11, 1 to 1 words, half of them at most 1; 0 questions have none\n" in said.out
    assert "asked by  where 11\n" in said.out
    refused = command("data", path, "--context", 97)
    assert refused.code == 2
    assert "context would say how a table is read, but" in refused.err


def test_without_a_silent_question_in_validation_there_is_nothing_to_choose_by(
    run: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    articles = [(f"{n}", TEXT, [asked("Who?", TEXT, "dog")]) for n in range(5)]
    mixed = [("x", TEXT, [asked("Who?", TEXT, "dog"), asked("Why?", TEXT, name="p", impossible=True)]), *articles]
    path, valid = squad(tmp_path / "two.json", *mixed), squad(tmp_path / "valid.json", ("v", *articles[0][1:]))
    said = command("train", path, "--from", run.parent / "reader", "--context", 97, "--overlap", 5, "--steps", 1,
                   "--valid", valid, "--test", valid, "--threads", 1, "--out", tmp_path / "run")  # fmt: skip
    assert said.code == 0, said.err
    assert "no question of the validation part is without an answer, so one is given if it beats none by 0" in said.err
    assert la.load(tmp_path / "run").net.end.bar == 0.0
