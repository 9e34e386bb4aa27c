"""Texts and series met again after training: evaluated, gone on with, started from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lamina as la
from lamina.command import main
from lamina.errors import DataError, RunError
from lamina.nets.traits import recurrent
from lamina.training.further import data_on
from lamina.training.kept_reading import reading_in

QUIET: dict[str, Any] = {"threads": 1, "display": None, "say": lambda text: None}
LANGUAGE = "Embed(8) >> LSTM(8) >> NextToken()"
PAIRED = "Embed(8) >> LSTM(8) >> Write(LSTM(8), longest=9)"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    words = [f"w{number % 7} v{number % 3}" for number in range(60)]
    for name, text in (("a.de", words), ("a.en", words), ("b.de", words[::2]), ("b.en", words[::2])):
        Path(name).write_text("\n".join(text) + "\n", encoding="utf-8")
    Path("book.txt").write_text(" ".join(words) * 9, encoding="utf-8")
    return tmp_path


def test_new_pairs_in_two_files_are_evaluated(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = la.train(PAIRED, "a.de", files=("a.en",), tokens="words", steps=2, out="run", **QUIET)
    main(["evaluate", str(run.folder), "b.de", "b.en"])
    assert "bleu" in capsys.readouterr().out


def test_pairs_that_start_from_a_language_model_are_met_again(here: Path) -> None:
    first = la.train(LANGUAGE, "book.txt", tokens="words", context=32, steps=2, out="first", **QUIET)
    settings = {"files": ("a.en",), "start": str(first.folder), "steps": 2, "out": "run"}
    run = la.train(PAIRED, "a.de", **settings, **QUIET)
    assert "context" not in reading_in(run.folder / "run.toml")
    assert len(data_on(la.load(run.folder), run.folder, "a.de", None, "a.en")) == 60


PAIRS_ONLY = (
    "writes about the first text of a pair, but book.txt is one text that runs on; take pairs (a .tsv, or two files), or"
    " a net that ends in NextToken()"
)
ONE_ONLY = (
    "NextToken() goes on with one text, but a.de is pairs of texts; take a text that runs on (a .txt), or a net that"
    " ends in Write(...)"
)


def test_a_net_is_told_which_texts_it_is_for_before_anything_is_trained_or_measured(here: Path) -> None:
    pairs = la.train(PAIRED, "a.de", files=("a.en",), tokens="words", steps=2, out="pairs", **QUIET)
    book = la.train(LANGUAGE, "book.txt", tokens="words", steps=2, out="book", **QUIET)
    end = pairs.model().net.end
    for net, start in ((PAIRED, None), (None, str(pairs.folder))):
        with pytest.raises(RunError) as caught:
            la.train(net, "book.txt", start=start, out="never", **QUIET)
        assert str(caught.value) == f"net: {end} {PAIRS_ONLY}"
    for net, start in ((LANGUAGE, None), (None, str(book.folder))):
        with pytest.raises(RunError) as caught:
            la.train(net, "a.de", files=("a.en",), start=start, out="never", **QUIET)
        assert str(caught.value) == f"net: {ONE_ONLY}"
    assert not Path("never").exists()
    for run, where, beside, words in (
        (pairs, "book.txt", None, f"{end} {PAIRS_ONLY}"),
        (book, "a.de", "a.en", ONE_ONLY),
    ):
        model = la.load(run.folder)
        with pytest.raises(DataError) as refused:
            model.evaluate(data_on(model, run.folder, where, None, beside))
        assert str(refused.value) == words


def test_a_context_that_is_the_usual_one_may_be_asked_for(here: Path) -> None:
    first = la.train(LANGUAGE, "book.txt", tokens="words", context=32, steps=2, out="first", **QUIET)
    for asked, context in ((None, 32), (128, 128)):
        said = {} if asked is None else {"context": asked, "valid": 0.2, "test": 0.2}
        run = la.train(None, "book.txt", start=str(first.folder), steps=2, out=f"run-{asked}", **said, **QUIET)
        text = la.load(run.folder).text
        assert text is not None
        assert text.context == context


def test_what_is_usual_for_other_texts_is_noted_of_labelled_ones(here: Path) -> None:
    lines = [f"only{number} word{number % 4},{'yes' if number % 2 else 'no'}" for number in range(60)]
    Path("r.csv").write_text("text,good\n" + "\n".join(lines) + "\n", encoding="utf-8")
    net = "Embed(4) >> Mean() >> Classify()"
    settings = {"target": "good", "kinds": {"text": "text"}, "least": 1, "context": 128, "steps": 2, "out": "run"}
    run = la.train(net, "r.csv", **settings, **QUIET)
    said = reading_in(run.folder / "run.toml")
    assert (said["least"], said["context"]) == (1, 128)


def test_folds_of_texts_are_refused_whose_tokens_are_learned(here: Path) -> None:
    with pytest.raises((RunError, DataError), match="tokens of texts are learned from what trains"):
        la.train_folds(PAIRED, "a.de", 3, files=("a.en",), tokens="words", steps=2, **QUIET)


@pytest.mark.parametrize(
    ("body", "streams"),
    [
        ("LSTM(8)", True),
        ("LSTM(8) >> Transformer(1, heads=2, causal=True)", False),
        ("Positions('learned', longest=64) >> LSTM(8)", False),
        ("Transformer(1, heads=2, causal=True)", False),
    ],
)
def test_a_text_is_read_in_streams_where_no_state_grows(body: str, streams: bool) -> None:
    net = la.build(f"Embed(8) >> {body} >> NextToken()", la.Tokens(11), la.Tokens(11))
    assert recurrent(net) is streams


def test_a_series_of_several_files_is_met_again_as_a_whole(here: Path) -> None:
    for name, days in (("s1.csv", range(1, 29)), ("s2.csv", range(29, 57))):
        rows = [f"2020-{1 + (day - 1) // 28:02d}-{1 + (day - 1) % 28:02d},{day % 7}" for day in days]
        Path(name).write_text("when,load\n" + "\n".join(rows) + "\n", encoding="utf-8")
    settings = {"files": ("s2.csv",), "horizon": 2, "context": 4, "gaps": "ignore", "steps": 2, "out": "run"}
    run = la.train(None, "s1.csv", **settings, **QUIET)
    assert len(data_on(la.load(run.folder), run.folder, "s1.csv")) > 28
