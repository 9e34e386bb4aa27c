"""Texts from the shell: from the file to what is written."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORDS = ("a", "dog", "cat", "runs", "sleeps", "and", "the", "old", "under", "tree")
MODEL = "Embed(6) >> LSTM(7) >> NextToken()"
WRITING = "Embed(6) >> GRU(5) >> Write(GRU(5), attend=Dot(), width=3, longest=7)"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, draw = tmp_path_factory.mktemp("texts"), random.Random(0)
    lines = [" ".join(draw.choices(WORDS, k=draw.randint(2, 7))) for _ in range(80)]
    (folder / "book.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "train.en").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "train.de").write_text("\n".join(line.upper() for line in lines) + "\n", encoding="utf-8")
    (folder / "short.en").write_text("a dog\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def book(files: Path, command: Callable[..., Any]) -> Path:
    run = files / "book"
    said = command(
        "train", files / "book.txt", "--net", MODEL, "--context", 8, "--steps", 5, "--threads", 1, "--out", run
    )
    assert said.code == 0, said.err
    assert f"model: {run}/model  (use it: lamina write {run} --prompt TEXT)" in said.out
    assert "  baseline unigram: perplexity " in said.out
    return run


@pytest.fixture(scope="module")
def pairs(files: Path, command: Callable[..., Any]) -> Path:
    run = files / "pairs"
    said = command(
        "train", files / "train.de", files / "train.en", "--net", WRITING, "--tokens", "words", "--steps", 5, "--threads", 1, "--out", run
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "  bleu is nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in said.out
    greedy = json.loads((run / "result.json").read_text())["answers"]
    assert greedy.startswith("greedy answers to ")
    assert f", of {greedy}\n" in said.out
    assert f"  (answers of a beam: lamina evaluate {run} DATA)\n" in said.out
    report = (run / "report.html").read_text(encoding="utf-8")
    assert f"All measures of answers are of {greedy}" in report
    assert "train.de and train.en" in report
    assert f"lamina evaluate {run} {files / 'train.de'} {files / 'train.en'}" in report
    assert f"(use it: lamina translate {run} < FILE)" in said.out
    return run


def test_what_a_text_is_read_as_is_told(files: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    said = command("train", files / "book.txt", "--net", MODEL, "--context", 8, "--steps", 1, "--out", tmp_path / "run")
    first = said.err.splitlines()[0]
    assert first.startswith("tokens are characters: a vocabulary of ")
    assert first.endswith(", learned from the part that trains")


def test_a_text_is_gone_on_with_from_a_prompt(book: Path, command: Callable[..., Any]) -> None:
    said = command("write", book, "--prompt", "a dog", "--tokens", 20)
    assert said.code == 0
    assert said.out.startswith("a dog")
    assert said.out == command("write", book, "--prompt", "a dog", "--tokens", 20).out
    assert said.out != command("write", book, "--prompt", "a dog", "--tokens", 20, "--seed", 1).out
    piped = command("write", book, "--tokens", 20, stdin=b"a dog\n")
    assert piped.out == said.out


def test_texts_for_programs_are_a_line_each(book: Path, command: Callable[..., Any]) -> None:
    said = command("write", book, "--prompt", "a", "--count", 2, "--tokens", 5, "--temperature", 0, "--json")
    one, two = map(json.loads, said.out.splitlines())
    assert (one["prompt"], one["seed"], two["seed"]) == ("a", 0, 1)
    assert one["text"] == two["text"]  # the likeliest does not depend on the seed
    assert len(one["text"]) == 5


def test_each_line_is_answered_by_a_line(pairs: Path, command: Callable[..., Any]) -> None:
    said = command("translate", pairs, stdin=b"A DOG\n\nTHE CAT RUNS")
    assert said.code == 0
    assert len(said.out.split("\n")) == 4
    assert said.out.split("\n")[1] == ""
    best = command("translate", pairs, "--beam", 3, "--best", 2, stdin=b"A DOG\n")
    assert all("\t" in line for line in best.out.splitlines())
    assert len(best.out.splitlines()) == 2
    rich = json.loads(command("translate", pairs, "--json", stdin=b"A DOG\n").out)
    assert rich["source"] == "A DOG"
    assert rich["answers"][0]["log_probability"] < 0


def test_further_pairs_are_measured(files: Path, pairs: Path, command: Callable[..., Any]) -> None:
    said = command("evaluate", pairs, files / "train.de", files / "train.en", "--json")
    assert said.code == 0, said.err
    whole = json.loads(said.out)
    assert whole["measures"]["perplexity"]["value"] > 1
    assert whole["answers"].startswith("answers by a beam of 5 to ")
    said = command("evaluate", pairs, files / "train.de", files / "train.en", "--beam", 1)
    assert re.search(r"^  bleu is nrefs:1\|.*, of greedy answers to \d+ texts$", said.out, re.MULTILINE)


def test_unknown_tokens_are_counted_and_said_once(book: Path, pairs: Path, command: Callable[..., Any]) -> None:
    unknown = "tokens are unknown to the model, which learned none like them\n"
    said = command("write", book, "--prompt", "ЖЖЖ", "--tokens", 5)
    assert said.code == 0
    assert said.err == f"prompt: all 3 {unknown}"
    assert "nan" not in said.out.lower()
    assert command("write", book, "--prompt", "aЖ", "--tokens", 5).err == f"prompt: 1 of 2 {unknown}"
    assert command("write", book, "--prompt", "a dog", "--tokens", 5).err == ""
    said = command("translate", pairs, stdin="A ЖЖЖ\nЖЖЖ\nDOG\n".encode())
    assert said.code == 0
    assert said.err == f"standard input: 2 of 4 {unknown}"
    assert len(said.out.splitlines()) == 3


def test_who_predicts_with_a_model_that_writes_is_told_what_to_use(
    book: Path, pairs: Path, command: Callable[..., Any]
) -> None:
    for run, use in ((book, f"lamina write {book} --prompt TEXT"), (pairs, f"lamina translate {pairs} < FILE")):
        said = command("predict", run, stdin=b"a dog\n")
        assert said.code == 2
        assert f"{run}: the model writes texts and predicts no rows; use it: {use}\n" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("write", "{pairs}", "--prompt", "a"), "and does not go on with a text; one that ends in NextToken() does"),
        (("translate", "{book}", "{files}/book.txt"), "and does not write about texts; one that ends in Write(...) does"),
        (("translate", "{pairs}", "--best", 9), "--best must be at most --beam, got --best 9 and --beam 5"),
        (("translate", "{pairs}", "{files}/none.txt"), "none.txt cannot be read: No such file or directory; check the path"),
        (
            ("train", "{files}/train.de", "{files}/short.en"),
            "expected as many lines in both, got 80 and 1;",
        ),
        (("train", "{files}/book.txt", "--joint"), "joint would say how"),
        (("train", "{files}/book.txt", "--size", 8), "size would say how pictures are read"),
        (("train", "{files}/book.txt", "--valid", 0.0001), "bring a longer text, or ask for other shares"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(
    files: Path, book: Path, pairs: Path, command: Callable[..., Any], arguments: tuple[Any, ...], words: str
) -> None:
    known = {"files": files, "book": book, "pairs": pairs}
    said = (
        command(*(str(each).format(**known) for each in arguments), "--out", files / "never")
        if arguments[0] == "train"
        else command(*(str(each).format(**known) for each in arguments))
    )
    assert said.code == 2
    assert words in said.err
    assert not (files / "never").exists()


def test_a_prompt_that_is_no_text_is_told(book: Path, command: Callable[..., Any]) -> None:
    said = command("write", book, stdin=b"a\xff")
    assert said.code == 2
    assert said.err == "lamina: standard input: expected UTF-8 text, got byte 0xff at 1; save it as UTF-8\n"
