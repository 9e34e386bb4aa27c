"""`lamina show` and `lamina data`: sentences, runs, models, words, and sets of data, for people and programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Picture

import lamina as la
from lamina.data.sets import NAMED
from lamina.vocabulary import WORDS


@pytest.fixture(autouse=True)
def nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "cache"))


def only(said: Any) -> Any:
    """The object on the only line of output."""
    assert said.code == 0
    (line,) = said.out.splitlines()
    return json.loads(line)


SENTENCE = "Flatten() >> Dense(5) >> ReLU() >> Classify()"


def test_a_sentence_is_shown_as_a_table_for_its_data(command: Any) -> None:
    assert command("show", SENTENCE, "--on", "digits") == (0, (
        f"{SENTENCE}\n\n"
        "stage       gives           parameters  multiply-adds\n"
        "-----------------------------------------------------\n"
        "            Image(1, 8, 8)\n"
        "Flatten()   Vector(64)               0              0\n"
        "Dense(5)    Vector(5)              325            320\n"
        "ReLU()      Vector(5)                0              0\n"
        "Classify()  Vector(10)              60             50\n"
        "-----------------------------------------------------\n"
        "                                   385            370\n"
    ), "")  # fmt: skip
    shown = only(command("show", SENTENCE, "--on", "digits", "--json"))
    assert (shown["net"], shown["parameters"], len(shown["stages"])) == (SENTENCE, 385, 4)
    assert shown["stages"][1] == {"stage": "Dense(5)", "gives": "Vector(5)", "parameters": 325, "multiply_adds": 320}


def test_a_sentence_alone_is_read_and_written(command: Any) -> None:
    said = command("show", "Dense( width=5 )>>Classify( )")
    assert said.out == "Dense(5) >> Classify()\n(--on DATA shows the table of kinds, parameters and multiply-adds)\n"
    long = " >> ".join(["Dense(5)"] * 99)
    assert only(command("show", long, "--json")) == {"net": long}


@pytest.mark.parametrize(("what", "message"), [
    ("Dens(5)", "there is no 'Dens'; did you mean 'Dense'?"),
    ("Dense", "column 6: expected '(' after Dense: every word has brackets, as in Dense(), got the end of the text in"
     " 'Dense'"),
    ("runs/none-1", "runs/none-1 is no run: it has no run.toml; `lamina train DATA --out runs/none-1` makes one"),
    (".", ". is no run: it has no run.toml; `lamina train DATA --out .` makes one"),
])  # fmt: skip
def test_what_cannot_be_shown_is_refused(command: Any, within: Path, what: str, message: str) -> None:
    assert command("show", what) == (2, "", f"lamina: {message}\n")


def test_one_thing_is_shown_at_a_time(command: Any) -> None:
    for arguments in ([], ["Dense(5)", "--words"]):
        said = command("show", *arguments)
        assert said.code == 2
        assert said.err.endswith("Error: name one thing to show: a sentence, a run's folder, or --words\n")


def test_a_run_is_shown_with_its_plan_its_table_and_its_measures(command: Any, iris: Path) -> None:
    said = command("show", iris)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "data               iris"
    assert "epochs             9" in lines
    assert any(line.startswith("Classify()     Vector(3)") for line in lines)
    assert any(line.startswith("36 steps in ") for line in lines)
    result = json.loads((iris / "result.json").read_text())
    assert f"  accuracy  {la.Run(iris).test['accuracy']}" in lines
    assert any(line.startswith("  baseline majority: accuracy 0.33 ") for line in lines)
    assert only(command("show", iris, "--json")) == result


def test_a_model_is_shown_with_its_table(command: Any, iris: Path) -> None:
    said = command("show", iris / "model")
    assert said.out.startswith("Standardize() >> Dense(5) >> Tanh() >> Classify()\n\nstage ")
    assert only(command("show", iris / "model", "--json")) == {
        "net": "Standardize() >> Dense(5) >> Tanh() >> Classify()", "parameters": 43, "given": "Vector(4)",
    }  # fmt: skip


def test_a_run_with_torch_modules_is_shown_without_its_table(command: Any, within: Path) -> None:
    net = la.Module(torch.nn.Linear(4, 5), gives=la.Vector(5)) >> la.Classify()
    la.train(net, "iris", steps=2, threads=1, out="run")
    said = command("show", "run")
    assert said.code == 0
    assert "net                Module(Linear, gives=Vector(5)) >> Classify()" in said.out
    assert "stage " not in said.out
    text = "run/model/model.json: the net holds stages of your own, so its code is needed: lamina.load(folder, net=...)"
    assert command("evaluate", "run", "iris").err.splitlines()[-1] == f"lamina: {text}"


def test_words_are_listed_with_what_they_are(command: Any) -> None:
    said = command("show", "--words")
    lines = said.out.splitlines()
    assert {
        line.strip().partition("(")[0] for line in lines if line.startswith("  ") and not line.startswith("   ")
    } == set(WORDS)
    assert "  Dense(width, bias=True, init=auto)" in lines
    shelves = only(command("show", "--words", "--json"))
    assert {word for shelf in shelves.values() for word in shelf} == set(WORDS)
    assert shelves["stages"]["Dropout"] == {"rate": "a number at least 0 and below 1"}


def test_sets_are_listed_with_where_they_are(command: Any) -> None:
    lines = command("data").out.splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(NAMED)
    assert lines[0] == "digits          1,797  Image(1, 8, 8) -> Label(10)     embedded"
    assert lines[2 * list(NAMED).index("mnist")].endswith("fetched when first used")
    sets = only(command("data", "--json"))["sets"]
    assert list(sets) == list(NAMED)
    assert sets["mnist"]["here"] is None
    assert sets["iris"]["here"] == "embedded"


def test_a_set_is_described(command: Any) -> None:
    said = command("data", "iris")
    lines = said.out.splitlines()
    assert lines[0] == "name      iris"
    assert lines[2:7] == [
        "examples  150", "tests     0", "input     Vector(4)", "target    Label(3)",
        "classes   setosa 50, versicolor 50, virginica 50",
    ]  # fmt: skip
    described = only(command("data", "diabetes", "--json"))
    assert described["values"] == "25 to 346, mean 152.133"
    assert described["features"].startswith("age, sex, ")


def test_a_set_is_drawn(command: Any, within: Path) -> None:
    said = command("data", "digits", "--draw", "digits.png", "--json")
    assert only(said)["drawn"] == "digits.png"
    with Picture.open("digits.png", formats=["PNG"]) as picture:
        picture.load()
        assert min(picture.size) > 100


@pytest.mark.parametrize(("arguments", "message"), [
    (["iris", "--draw", "no/folder.png"], "no/folder.png cannot be written: No such file or directory; name another --draw"),
    (["irish"], "'irish' is no named set, no table, no folder with pictures or IDX files and no .npz file; did you mean 'iris'?"),
    (["x.doc"], "x.doc: expected a table (.csv, .tsv, .parquet, .jsonl), a .npz file or a folder with pictures or IDX files, got '.doc'"),
])  # fmt: skip
def test_a_mistake_is_one_message(command: Any, within: Path, arguments: list[str], message: str) -> None:
    Path("x.doc").write_text("text")
    assert command("data", *arguments) == (2, "", f"lamina: {message}\n")


def test_drawing_needs_data(command: Any) -> None:
    said = command("data", "--draw", "x.png")
    assert said.code == 2
    assert said.err.endswith("Error: --draw needs the name of the data to draw\n")
