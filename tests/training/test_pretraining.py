"""Runs that fill in what is hidden: they go on exactly, answer what is missing, and are the start of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from runs import equal, final, stopping_at

import lamina as la
from lamina.command import lamina
from lamina.errors import DataError
from lamina.training.data import data_for, packing
from lamina.training.machine import Interrupted

PAIRS = "MaskTokens() >> BERT(1, 2, 16, longest=23, dropout=0.0) >> (FillIn() + NextSentence())"
WINDOWS = "MaskTokens() >> Embed(32) >> BiLSTM(16) >> FillIn()"
"""It learns in two hundred steps which words stand side by side; attention takes a thousand to find where to look."""

HOW: dict[str, Any] = {"display": None, "threads": 1, "batch": 11, "context": 23, "vocabulary": 211}
ANIMALS = {"cat": "purrs", "dog": "barks", "cow": "moos", "owl": "hoots"}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text in which the animal tells the verb."""
    path = tmp_path_factory.mktemp("texts") / "book.txt"
    names = list(ANIMALS)
    stories = []
    for number in range(211):
        one, other = names[number % 4], names[(number // 4) % 4]
        lines = [f"The {name} {ANIMALS[name]} at night {number}." for name in (one, other, one)]
        stories.append("\n".join(lines))
    path.write_text("\n\n".join(stories) + "\n")
    return path


@pytest.fixture(scope="module")
def pretrained(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned which verb goes with which animal."""
    out = tmp_path_factory.mktemp("runs") / "animals"
    return la.train(
        WINDOWS, book, out=out, steps=200, optimizer="AdamW(cosine(0.01, warmup=20))", **{**HOW, "batch": 32}
    ).folder


def test_what_an_example_is_follows_from_the_end() -> None:
    assert packing(PAIRS) == "pairs"
    assert packing(la.parse(WINDOWS)) == "windows"
    assert packing("Embed(5) >> NextToken()") is None
    assert packing(None) is None


def test_both_losses_are_measured_and_a_run_that_was_stopped_goes_on_exactly(book: Path, within: Path) -> None:
    # Read once: what the library learns as tokens varies a little, and a run that goes on keeps its own.
    dataset, shares = data_for(str(book), {"context": 23, "vocabulary": 211}, net=PAIRS)
    how: dict[str, Any] = {"steps": 5, "batch": 11, "threads": 1, **shares}
    run = la.train(PAIRS, dataset, out="whole", display=None, **how)
    told = {"perplexity of filled", "token_accuracy of filled", "accuracy of next"}
    assert told <= set(run.test)
    assert told <= set(run.baseline["unigram/majority"])
    with pytest.raises(Interrupted):
        la.train(PAIRS, dataset, out="stopped", display=stopping_at(3), **how)
    assert equal(final(la.resume("stopped", display=None).folder), final(run.folder))


def test_a_model_fills_in_what_is_missing(pretrained: Path) -> None:
    model = la.load(pretrained)
    for name, verb in ANIMALS.items():
        (gap,) = model.fill(f"The {name} [MASK] at night 7.", best=3)
        assert gap[0].word == verb
        assert gap[0].probability > 0.5
        assert len(gap) == 3
    first, second = model.fill("The [MASK] barks at [MASK] 7.", best=1)
    assert (first[0].word, second[0].word) == ("dog", "night")


def test_what_training_has_most_often_stands_beside_a_model_that_fills_in(pretrained: Path, book: Path) -> None:
    result = json.loads((pretrained / "result.json").read_text())
    guessed = result["baseline"]["unigram"]
    assert result["test"]["perplexity"]["value"] < guessed["perplexity"]["value"]
    said = CliRunner().invoke(lamina, ["evaluate", str(pretrained), str(book)])
    lines = [line for line in said.output.splitlines() if line.startswith("  baseline ")]
    assert len(lines) == 1, said.output
    assert lines[0].startswith("  baseline unigram: perplexity ")
    assert ", token_accuracy " in lines[0]


def test_the_command_prints_the_words_for_each_gap(pretrained: Path) -> None:
    text = "The [MASK] barks at [MASK] 7."
    plain = CliRunner().invoke(lamina, ["fill", str(pretrained), text, "--best", "2"])
    rows = [line.split("\t") for line in plain.output.splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "2", "2"]
    assert (rows[0][2], rows[2][2]) == ("dog", "night")
    said = CliRunner().invoke(lamina, ["fill", str(pretrained), "--json"], input=f"{text}\n{text}\n")
    one, other = map(json.loads, said.output.splitlines())
    assert one == other
    assert one["text"] == text
    assert [gap[0]["word"] for gap in one["gaps"]] == ["dog", "night"]


def test_what_is_no_text_with_gaps_is_refused(pretrained: Path) -> None:
    model = la.load(pretrained)
    with pytest.raises(DataError) as raised:
        model.fill("The cat purrs.")
    assert str(raised.value) == "expected a text with [MASK] where a word is missing, got 'The cat purrs.'"
    with pytest.raises(DataError) as raised:
        model.fill("[MASK]" * 22)
    assert str(raised.value) == "expected a text of at most 23 tokens, got 24; shorten it"


def test_it_is_measured_on_another_text_by_its_own_tokens(pretrained: Path, within: Path) -> None:
    Path("more.txt").write_text("The cat purrs at night 3.\nThe dog barks.\n\nThe owl hoots at night 5.\n")
    said = CliRunner().invoke(lamina, ["evaluate", str(pretrained), "more.txt", "--json"])
    assert said.exit_code == 0, said.output
    assert "perplexity" in said.output


def test_few_labels_are_enough_for_what_was_pre_trained(pretrained: Path, within: Path) -> None:
    label = {"cat": "pet", "dog": "pet", "cow": "other", "owl": "other"}
    rows = [f"The {name} {verb} at night {n}.,{label[name]}" for n in range(13) for name, verb in ANIMALS.items()]
    Path("few.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    said = list[str]()
    how: dict[str, Any] = {"optimizer": "AdamW(cosine(0.01))", "epochs": 20, "display": None, "say": said.append}
    run = la.train(None, "few.csv", target="label", start=pretrained, out="few", **how)
    assert run.plan.net == "Embed(32) >> BiLSTM(16) >> First() >> Dropout(0.1) >> Classify()"
    assert any("tensors taken" in text and "the end is new" in text for text in said)
    assert run.test["accuracy"].value > 0.8
    (answer,) = la.load("few").predict(["The cow moos."]).label.tolist()
    assert la.load("few").classes[answer] == "other"


def test_pre_training_goes_on_from_what_was_pre_trained(pretrained: Path, book: Path, within: Path) -> None:
    run = la.train(None, book, start=pretrained, out="on", steps=2, batch=11, threads=1, display=None)
    assert run.plan.net == la.load(pretrained).net.sentence()
    assert run.test["perplexity"].value < 5


def test_weights_are_found_behind_what_hides_where_nothing_hides(pretrained: Path, within: Path) -> None:
    Path("few.csv").write_text("text,label\n" + "".join(f"The cat purrs {n}.,{'ab'[n % 2]}\n" for n in range(31)))
    net = "Embed(32) >> BiLSTM(16) >> Mean() >> Classify()"
    how: dict[str, Any] = {"optimizer": "SGD(1e-9)", "steps": 1, "display": None, "threads": 1}
    run = la.train(net, "few.csv", target="label", start=pretrained, out="mean", **how)
    before, after = final(pretrained), final(run.folder)
    torch.testing.assert_close(after["body.0.table"], before["body.1.table"])
    moved = {name: tensor for name, tensor in before.items() if name.startswith("body.2.")}
    assert moved
    for name, tensor in moved.items():
        torch.testing.assert_close(after[name.replace("body.2.", "body.1.")], tensor)
