"""Runs on texts: from the file to what is written, and exactly on after a stop."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from runs import digest, entries, stopping_at

import lamina as la
import lamina.baseline_texts
from lamina.errors import DataError
from lamina.training.machine import Interrupted
from lamina.training.plan import noted, read_plan

WORDS = ("a", "dog", "cat", "runs", "sleeps", "and", "the", "old", "under", "tree")
OTHERS = ("ein", "Hund", "Katze", "rennt", "schläft", "und", "der", "alte", "unter", "Baum")
STREAMED = "Embed(5) >> LSTM(7, layers=2, dropout=0.2) >> NextToken()"
WINDOWED = "Embed(8) >> Transformer(1, heads=2, causal=True, rotary=True, dropout=0.2) >> NextToken(tied=True)"
WRITING = "Embed(6) >> BiGRU(3) >> Write(GRU(5), attend=Additive(5), dropout=0.1, longest=12)"
SHORT: dict[str, Any] = {"threads": 1, "display": None, "say": lambda text: None}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    draw = random.Random(0)
    path = tmp_path / "book.txt"
    path.write_text("".join(f"{' '.join(draw.choices(WORDS, k=7))}.\n" for _ in range(60)), encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    draw = random.Random(0)
    path = tmp_path / "pairs.tsv"
    lines = []
    for _ in range(90):
        places = draw.choices(range(10), k=draw.randint(1, 6))
        lines.append(f"{' '.join(OTHERS[p] for p in places)}\t{' '.join(WORDS[p] for p in places)}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("net", "settings"),
    [
        (STREAMED, {"batch": 4, "context": 8, "epochs": 2}),
        (STREAMED, {"batch": 4, "context": 8, "epochs": 2, "parts": 2, "average": 0.9}),
        (STREAMED, {"batch": 4, "context": 8, "epochs": 2, "carry": False}),
        (WINDOWED, {"batch": 4, "context": 8, "epochs": 2}),
        (STREAMED, {"batch": 4, "context": 8, "epochs": 2, "precision": "bfloat16"}),
    ],
    ids=["streams", "streams, cut in two", "an LSTM on windows", "windows", "streams in bfloat16"],
)
def test_a_run_on_a_text_goes_on_to_the_same_bits(
    book: Path, tmp_path: Path, net: str, settings: dict[str, Any]
) -> None:
    straight = la.train(net, book, out=tmp_path / "straight", **settings, **SHORT)
    folder = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        la.train(net, book, out=folder, **{**settings, **SHORT, "display": stopping_at(7)})
    with pytest.raises(Interrupted):
        la.resume(folder, display=stopping_at(12), say=lambda text: None)
    la.resume(folder, display=None, say=lambda text: None)
    assert digest(folder) == digest(straight.folder)
    assert entries(folder) == entries(straight.folder)


def test_a_run_on_pairs_goes_on_to_the_same_bits(pairs: Path, tmp_path: Path) -> None:
    settings = {"tokens": "words", "batch_tokens": 40, "epochs": 2, "valid": 0.1, "test": 0.1}
    straight = la.train(WRITING, pairs, out=tmp_path / "straight", **settings, **SHORT)
    folder = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        la.train(WRITING, pairs, out=folder, **{**settings, **SHORT, "display": stopping_at(3)})
    la.resume(folder, display=None, say=lambda text: None)
    assert digest(folder) == digest(straight.folder)
    measures = straight.result["test"]
    assert {"perplexity", "token_accuracy", "sentence_accuracy", "bleu", "chrf"} <= set(measures)
    assert straight.result["signatures"]["bleu"].startswith("nrefs:1|")


def test_run_toml_says_how_a_text_was_read_and_cut(book: Path, tmp_path: Path) -> None:
    run = la.train(
        STREAMED, book, out=tmp_path / "run", tokens="words", context=8, valid=0.2, test=0.1, steps=2, **SHORT
    )
    assert noted(run.folder, "text") == {"tokens": "words", "context": 8, "cut": [0.2, 0.1, 0]}
    plan = read_plan(run.folder)
    assert (plan.data, plan.valid, plan.test) == (str(book), 0.2, 0.1)


def test_a_model_of_a_text_goes_on_with_it(book: Path, tmp_path: Path) -> None:
    for net in (STREAMED, WINDOWED):
        run = la.train(net, book, out=tmp_path / f"run-{len(net)}", context=8, steps=3, **SHORT)
        model = la.load(run.folder)
        one, two = model.write("a dog ", tokens=40), model.write("a dog ", tokens=40)
        assert one == two
        assert len(one) == 40  # characters are tokens, and far more of them than a window holds
        assert "".join(model.continued("a dog ", tokens=40)) == one
        assert model.write("", tokens=3)


def test_a_model_of_pairs_translates_and_leaves_empty_texts_empty(pairs: Path, tmp_path: Path) -> None:
    run = la.train(WRITING, pairs, out=tmp_path / "run", tokens="words", epochs=30, optimizer="Adam(0.02)", **SHORT)
    model = la.load(run.folder)
    alone = [model.translate([text])[0] for text in ("ein Hund", "", "die Welt")]
    assert model.translate(["ein Hund", "", "die Welt"]) == alone
    assert alone[1] == ""
    best = model.written_about(["ein Hund rennt"], beam=3, best=3)[0]
    assert [p for _, p in best] == sorted((p for _, p in best), reverse=True)
    with pytest.raises(DataError, match=r"does not go on with a text; one that ends in NextToken\(\) does"):
        model.write("a")


def test_a_model_of_numbers_writes_nothing(tmp_path: Path) -> None:
    run = la.train("Standardize() >> Classify()", "iris", steps=1, out=tmp_path / "run", **SHORT)
    with pytest.raises(DataError) as caught:
        la.load(run.folder).write("a")
    assert str(caught.value) == "the model was trained on no text; it takes Vector(4)"


def test_counts_of_runs_of_tokens_stand_beside_a_language_model(book: Path, tmp_path: Path) -> None:
    run = la.train(WINDOWED, book, out=tmp_path / "run", context=8, steps=1, **SHORT)
    assert list(run.baseline) == ["unigram", "5-gram"]
    assert run.baseline["5-gram"]["perplexity"].value < run.baseline["unigram"]["perplexity"].value
    assert "baseline_tested_on" not in run.result


def test_counts_are_measured_on_the_first_of_a_long_test_part_which_is_said(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lamina.baseline_texts, "MOST_TESTED", 23)
    run = la.train(WINDOWED, book, out=tmp_path / "run", context=8, steps=1, **SHORT)
    assert run.result["baseline_tested_on"] == {"unigram": 23, "5-gram": 23}
    page = (tmp_path / "run" / "report.html").read_text()
    assert "unigram is measured on the first 23 tokens of the test part alone" in page


@pytest.mark.parametrize("tokens", ["unigram", "wordpiece"])
def test_a_run_goes_on_with_the_tokens_that_it_began_with(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: str
) -> None:
    settings = {"tokens": tokens, "vocabulary": 60, "batch": 4, "context": 8, "epochs": 2}
    with pytest.raises(Interrupted):
        la.train(WINDOWED, book, out=tmp_path / "run", **settings, **(SHORT | {"display": stopping_at(3)}))
    # What the library would learn now may be other than it was.
    monkeypatch.setattr("lamina.data.text.load.learned", lambda *asked: pytest.fail("tokens are learned anew"))
    run = la.resume(tmp_path / "run", **{name: SHORT[name] for name in ("display", "say")})
    assert run.result["steps"] > 3
    assert la.load(run.folder).text is not None


def test_what_starts_from_a_model_takes_its_tokens(book: Path, tmp_path: Path) -> None:
    first = la.train(WINDOWED, book, out=tmp_path / "first", tokens="words", context=8, steps=2, **SHORT)
    other = tmp_path / "other.txt"
    other.write_text("the owl sleeps and the dog runs under the moon.\n" * 40, encoding="utf-8")
    heard: list[str] = []
    second = la.train(
        None, other, out=tmp_path / "second", start=str(first.folder), steps=2, **(SHORT | {"say": heard.append})
    )
    texts = [la.load(run.folder).text for run in (first, second)]
    assert texts[0] is not None
    assert texts[1] is not None
    assert texts[1].input.tokens() == texts[0].input.tokens()
    assert texts[1].context == 8
    assert any("as the model has them" in text for text in heard)


def test_other_tokens_than_the_start_s_are_refused(book: Path, tmp_path: Path) -> None:
    first = la.train(WINDOWED, book, out=tmp_path / "first", tokens="words", context=8, steps=2, **SHORT)
    with pytest.raises(DataError, match="tokens='bytes' would make other tokens than the weights are for"):
        la.train(None, book, out=tmp_path / "second", start=str(first.folder), tokens="bytes", steps=2, **SHORT)


def test_labelled_texts_take_the_tokens_of_their_start(book: Path, tmp_path: Path) -> None:
    first = la.train(WINDOWED, book, out=tmp_path / "first", tokens="words", context=8, steps=2, **SHORT)
    table = tmp_path / "opinions.csv"
    lines = [f"the {'old ' * place}dog,yes\nan owl {'and a cat ' * place},no\n" for place in range(9)]
    table.write_text("text,good\n" + "".join(lines), encoding="utf-8")
    net = "Embed(8) >> Transformer(1, heads=2, causal=True, rotary=True, dropout=0.2) >> Last() >> Classify()"
    settings = {"target": "good", "kinds": {"text": "text"}, "start": str(first.folder), "steps": 2, "valid": 0.2}
    second = la.train(net, table, out=tmp_path / "second", **settings, **SHORT)
    theirs, ours = la.load(first.folder).text, la.load(second.folder).text
    assert theirs is not None
    assert ours is not None
    assert ours.input.tokens() == theirs.input.tokens()


def test_pairs_that_test_from_files_are_translated_and_compared(pairs: Path, tmp_path: Path) -> None:
    lines = pairs.read_text(encoding="utf-8").splitlines(keepends=True)
    train, valid, test = (tmp_path / f"{part}.tsv" for part in ("train", "valid", "test"))
    for path, some in ((train, lines[:60]), (valid, lines[60:70]), (test, lines[70:])):
        path.write_text("".join(some), encoding="utf-8")
    run = la.train(WRITING, train, valid=valid, test=test, steps=2, out=tmp_path / "run", tokens="words", **SHORT)
    assert "bleu" in run.result["test"]
    answers = (run.folder / "report.html").read_text(encoding="utf-8")
    assert lines[70].split("\t")[0] in answers, "the report shows other pairs than those that tested"
