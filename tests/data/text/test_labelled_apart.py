"""Texts with labels of which those that validate come in a file of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runs import digest, stopping_at

import lamina as la
from lamina.command.train import again
from lamina.data.split import fingerprint, split
from lamina.data.tables.reading import as_reading
from lamina.data.text.labelled import Taught, load_labelled
from lamina.errors import DataError
from lamina.training import data as run_data
from lamina.training.data import data_for
from lamina.training.further import data_on
from lamina.training.kept_reading import reading_note
from lamina.training.machine import Interrupted

Write = Callable[[str, str], str]
SHORT: dict[str, Any] = {"threads": 1, "display": None, "say": lambda text: None}
NET = "Embed(3) >> Mean() >> Classify()"


def table(first: int, count: int, word: str) -> str:
    rows = (f"{word} number{place} said,{'no' if place % 3 else 'yes'}" for place in range(first, first + count))
    return "\n".join(["text,label", *rows, ""])


@pytest.fixture
def files(write: Write) -> dict[str, str]:
    said = {"train": table(0, 40, "owl"), "valid": table(35, 7, "owl"), "test": table(100, 5, "cat")}
    return {part: str(Path(write(text, f"{part}.csv")).resolve()) for part, text in said.items()}


def test_the_files_validate_and_test_and_teach_no_tokenizer(files: dict[str, str]) -> None:
    asked = {"target": "label", "valid": files["valid"], "test": files["test"], "least": 1}
    dataset, others = data_for(files["train"], asked)
    parts = split(dataset, others["valid"], others["test"])
    assert [part.tolist() for part in parts] == [list(range(40)), list(range(40, 47)), list(range(47, 52))]
    assert dataset.text is not None
    assert dataset.origin is not None
    tokens = dataset.text.input.tokens()
    assert "number39" in tokens
    assert not {"number40", "cat"} & set(tokens), "what validates or tests has taught the tokenizer"
    assert "5 of 7 texts of the valid file also train; the validation flatters there" in dataset.origin.notes
    assert reading_note(dataset)["text"]["valid"] == [files["valid"]]


def test_other_texts_have_no_file_that_validates(files: dict[str, str]) -> None:
    first, _ = data_for(files["train"], {"target": "label", "valid": files["valid"]})
    assert first.text is not None
    assert first.origin is not None
    reading = as_reading({"target": "label", "kinds": {"text": "text"}})
    known = Taught(first.text, first.classes)
    assert len(load_labelled(files["test"], reading, first.text.reading, known=known)) == 5


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_a_share_tests_where_a_file_validates(files: dict[str, str], share: float) -> None:
    asked = {"target": "label", "valid": files["valid"], "test": share, "least": 1}
    dataset, others = data_for(files["train"], asked)
    parts = split(dataset, others["valid"], others["test"])
    assert parts.valid.tolist() == list(range(40, 47))
    assert len(parts.test) == round(40 * share)
    assert len(parts.train) + len(parts.test) == 40
    labels = dataset.target.values
    assert int(labels[parts.test].sum()) == round(int(labels[:40].sum()) * share), "classes have unlike shares"
    assert dataset.text is not None
    places = {int(token.removeprefix("number")) for token in dataset.text.input.tokens() if token[-1].isdecimal()}
    assert places == set(parts.train.tolist())


def test_a_run_with_a_file_that_validates_goes_on_and_is_measured_on_its_own_test_part(
    files: dict[str, str], tmp_path: Path
) -> None:
    settings = {"target": "label", "valid": files["valid"], "test": 0.2, "batch": 4, "epochs": 2}
    straight = la.train(NET, files["train"], out=tmp_path / "straight", **settings, **SHORT)
    stopped = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        la.train(NET, files["train"], out=stopped, **settings, **(SHORT | {"display": stopping_at(5)}))
    la.resume(stopped, display=None, say=lambda text: None)
    assert digest(stopped) == digest(straight.folder)
    model = la.load(straight.folder)
    own = data_on(model, straight.folder, files["train"])
    rows = run_data.test_rows(straight.folder, own)
    assert len(rows) == 8
    assert model.evaluate(own, rows)["accuracy"].value == straight.test["accuracy"].value
    assert "valid.csv" not in (straight.folder / "model" / "model.json").read_text()
    data, said = again(straight.folder / "run.toml", {})
    assert fingerprint(data_for(data, said)[0]) == fingerprint(own), "the same run again has other parts"


def test_another_file_than_it_was_is_refused_when_a_run_goes_on(files: dict[str, str], tmp_path: Path) -> None:
    settings = {"target": "label", "valid": files["valid"], "batch": 4, "epochs": 2}
    with pytest.raises(Interrupted):
        la.train(NET, files["train"], out=tmp_path / "run", **settings, **(SHORT | {"display": stopping_at(3)}))
    Path(files["valid"]).write_text(table(35, 6, "owl"))
    with pytest.raises(la.RunError, match="is not the data that this run began with; bring that back"):
        la.resume(tmp_path / "run", display=None, say=lambda text: None)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"group": "who"},
            "a.csv: valid='VALID' says which texts validate, and group='who' would, too; leave one of them out",
        ),
        (
            {"valid": ("VALID", "VALID")},
            "a.csv is one file, but valid 2: VALID, VALID; name one file",
        ),
    ],
)
def test_one_file_alone_says_which_texts_validate(
    write: Write, files: dict[str, str], more: dict[str, Any], message: str
) -> None:
    rows = (f"owl number{place} said,{'no' if place % 3 else 'yes'},{place % 5}" for place in range(30))
    name = write("\n".join(["text,label,who", *rows, ""]), "a.csv")
    asked = {"target": "label", "kinds": {"text": "text"}, "valid": files["valid"], **more}
    asked["valid"] = (files["valid"],) * 2 if "valid" in more else files["valid"]
    with pytest.raises(DataError) as caught:
        data_for(name, asked)
    assert str(caught.value) == message.replace("VALID", files["valid"])
