"""`lamina predict` and `lamina evaluate`: a line of answer for each row, and what is wrong with a row said with its line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as la
from lamina.command.predict import opened
from lamina.data.sources import numbers
from lamina.errors import DataError
from lamina.loading import load

FEATURES = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
ROWS = b"5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"
HEAD = ",".join(FEATURES).encode() + b"\n"


def predictions(text: str) -> list[str]:
    return [row["prediction"] for row in csv.DictReader(text.splitlines())]


def test_each_row_has_a_line(command: Any, iris: Path) -> None:
    said = command("predict", iris, stdin=ROWS)
    answer = load(iris).predict([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]])
    expected = [
        f"{load(iris).classes[label]},{float(f'{p[label]:.6g}')}"
        for label, p in zip(answer.label.tolist(), answer.probabilities.tolist(), strict=True)
    ]
    assert said == (0, "\n".join(["prediction,probability", *expected, ""]), "")


@pytest.mark.parametrize("text", [
    HEAD + ROWS,
    b"\xef\xbb\xbf" + HEAD + ROWS,
    b"\xef\xbb\xbf" + ROWS,
    ROWS.replace(b"\n", b"\r\n"),
    ROWS.rstrip(),
    b"\n\n" + HEAD + b"\n" + ROWS + b"\n\n",
    b'"sepal length (cm)" ,sepal width (cm), petal length (cm),petal width (cm)\n 5.1 ,"3.5",1.4,0.2\n6.3,3.3,6,25e-1\n',
    b"petal width (cm),note,sepal width (cm),petal length (cm),sepal length (cm)\n"
    b"0.2,a,3.5,1.4,5.1\n2.5,\"two\nlines\",3.3,6.0,6.3\n",
], ids=["head", "mark and head", "mark", "CRLF", "no last end", "blank lines", "blanks and quotes", "other order"])  # fmt: skip
def test_a_table_may_be_written_in_many_ways(command: Any, iris: Path, text: bytes) -> None:
    assert command("predict", iris, stdin=text) == command("predict", iris, stdin=ROWS)


def test_files_are_read_as_standard_input_is(command: Any, iris: Path, within: Path) -> None:
    Path("flowers.CSV").write_bytes(HEAD + ROWS)
    assert command("predict", iris, "flowers.CSV") == command("predict", iris, stdin=ROWS)


def test_json_gives_an_object_a_line_with_every_probability_if_asked(command: Any, iris: Path) -> None:
    said = command("predict", iris, "--json", "--probabilities", stdin=ROWS)
    assert said.out == command("predict", iris, "--format", "json", "--probabilities", stdin=ROWS).out
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert list(line) == ["prediction", "probability", "p(setosa)", "p(versicolor)", "p(virginica)"]
        assert sum(list(line.values())[2:]) == pytest.approx(1, abs=1e-5)
        assert line["probability"] == line[f"p({line['prediction']})"] == max(list(line.values())[2:])


def test_the_test_part_is_predicted_of_the_data_that_the_run_was_trained_on(command: Any, iris: Path) -> None:
    said = command("predict", iris, "iris")
    assert said.err == "iris: 30 of 150 examples\n"
    assert len(said.out.splitlines()) == 31
    # The model's own folder lies in the run's, and the data is known by its content, not by its name.
    assert command("predict", iris / "model", "iris").err == "iris: 30 of 150 examples\n"


def test_numbers_are_predicted_with_the_digits_they_have(command: Any, diabetes: Path) -> None:
    said = command("predict", diabetes, "diabetes", "--json")
    values = [json.loads(line)["prediction"] for line in said.out.splitlines()]
    assert said.err == f"diabetes: {len(values)} of 442 examples\n"
    answer = load(diabetes).predict(la.load_data("diabetes").inputs.values).value.flatten().tolist()
    assert all(any(value == float(f"{exact:.9g}") for exact in answer) for value in values)


@pytest.mark.parametrize(("text", "message"), [
    (b"", "standard input: expected rows of 4 numbers, got nothing"),
    (b"\n\n", "standard input: expected rows of 4 numbers, got nothing"),
    (b"1,2,3\n", "standard input:1: expected 4 cells, got 3"),
    (ROWS + b"1,2,3\n", "standard input:3: expected 4 cells, got 3"),
    (ROWS + b"1,2,3,4,5\n", "standard input:3: expected 4 cells, got 5"),
    (HEAD + b"1,2,3,4,5\n", "standard input:2: expected 4 cells, got 5"),
    (b"1,2,tall,4\n", "standard input:1: expected a finite number in column 3, got 'tall'"),
    (ROWS + b"1,2,,4\n", "standard input:3: expected a finite number in column 3, got ''"),
    (ROWS + b"1,nan,3,4\n", "standard input:3: expected a finite number in column 2, got 'nan'"),
    (b"1,2,3,inf\n", "standard input:1: expected a finite number in column 4, got 'inf'"),
    (b"1,2,3,1e39\n", "standard input:1: expected a finite number in column 4, got '1e39'"),
    (b"1,2,3,1e400\n", "standard input:1: expected a finite number in column 4, got '1e400'"),
    (b"1_000,2,3,4\n", "standard input:1: expected a finite number in column 1, got '1_000'"),
    (HEAD.replace(b"petal width (cm)", b"petal widt (cm)") + ROWS,
     "standard input:1: missing columns: petal width (cm); did you mean 'petal widt (cm)'?"),
    (b"a,b,c,d\n1,2,3,4\n",
     f"standard input:1: expected the columns {', '.join(FEATURES)}, got 'a, b, c, d'"),
    (HEAD.replace(b"\n", b",sepal width (cm)\n") + b"1,2,3,4,5\n",
     "standard input:1: the column 'sepal width (cm)' stands there twice; leave one out"),
    (ROWS + b"1,\xff,3,4\n", "standard input:3: expected UTF-8 text, got byte 0xff; save it as UTF-8"),
    (b"\x89PNG\r\n\x1a\n\0\0", "standard input:1: expected UTF-8 text, got byte 0x89; save it as UTF-8"),
    (b"PK\x03\x04\0\0\n", "standard input:1: expected a line of text, got one with a NUL; this is no CSV file"),
    (b'1,2,3,"4\n' + b"x" * 140_000,
     "standard input:2: cannot be read as CSV: field larger than field limit (131072); quote the cell or mend the line"),
])  # fmt: skip
def test_a_wrong_row_is_named_by_its_line(command: Any, iris: Path, text: bytes, message: str) -> None:
    said = command("predict", iris, stdin=text)
    assert said.code == 2
    assert said.err == f"lamina: {message}\n"


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    command: Any, iris: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "LONGEST_LINE", 2**20)
    said = command("predict", iris, stdin=b"1" * 2**24)
    text = "standard input:1: expected a line of text, got one with more than 1,048,576 bytes; this is no CSV file"
    assert said == (2, "", f"lamina: {text}\n")


def test_a_head_is_told_from_rows_also_where_columns_have_no_names(command: Any, within: Path) -> None:
    x = [[float(row), float(row % 7)] for row in range(40)]
    la.train("Standardize() >> Classify()", (x, [row % 2 for row in range(40)]), steps=2, threads=1, out="run")
    assert len(command("predict", "run", stdin=b"height,width\n1,2\n").out.splitlines()) == 2
    assert command("predict", "run", stdin=b"height\n1\n").err == (
        "lamina: standard input:1: expected 2 columns, got 1 in the head\n"
    )
    # A row must never pass for a head, or it would be left out without a word.
    assert command("predict", "run", stdin=b"1,?\n1,2\n").err == (
        "lamina: standard input:1: expected a finite number in column 2, got '?'\n"
    )


@pytest.mark.parametrize(("arguments", "message"), [
    (["nowhere", "-"], "nowhere holds no model: it has no model.json; a run has one when it has ended"),
    (["RUN", "no.csv"], "no.csv cannot be read: No such file or directory; check the path"),
    (["RUN", "digits"],
     "digits has Image(1, 8, 8) and Label(10); the net was built for Vector(4) and Label(3)"),
    (["RUN", "wine"], "wine has Vector(13) and Label(3); the net was built for Vector(4) and Label(3)"),
])  # fmt: skip
def test_data_that_do_not_fit_are_refused(
    command: Any, iris: Path, within: Path, arguments: list[str], message: str
) -> None:
    said = command("predict", *(str(iris) if argument == "RUN" else argument for argument in arguments))
    assert said == (2, "", f"lamina: {message}\n")


def test_evaluation_gives_the_measures_of_the_test_part(command: Any, iris: Path) -> None:
    result = json.loads((iris / "result.json").read_text())
    said = command("evaluate", iris, "iris", "--json")
    (line,) = said.out.splitlines()
    found = json.loads(line)
    assert (found["run"], found["data"], found["examples"]) == (str(iris), "iris", 30)
    for name, measure in result["test"].items():
        assert found["measures"][name]["value"] == pytest.approx(measure["value"])
    assert json.loads(command("evaluate", iris, "iris", "--all", "--json").out)["examples"] == 150
    people = command("evaluate", iris, "iris")
    assert people.err == "iris: 30 of 150 examples\n"
    assert [row.split()[0] for row in people.out.splitlines()] == [
        "accuracy",
        "log_loss",
        "macro_f1",
        "baseline",
        "baseline",
        "baseline",
    ]
    assert found["baseline"] == result["baseline"]


@pytest.mark.parametrize(
    ("data", "has"), [("digits", "Image(1, 8, 8) and Label(10)"), ("wine", "Vector(13) and Label(3)")]
)
def test_evaluation_on_data_of_another_kind_is_refused(command: Any, iris: Path, data: str, has: str) -> None:
    said = command("evaluate", iris, data)
    assert said.code == 2
    assert said.err.splitlines()[-1] == f"lamina: {data} has {has}; the net was built for Vector(4) and Label(3)"


def test_a_damaged_model_is_refused(command: Any, iris: Path, elsewhere: Callable[[Path], Path]) -> None:
    run = elsewhere(iris)
    weights, description = run / "model" / "model.safetensors", run / "model" / "model.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    for verb in (["predict", run, "iris"], ["evaluate", run, "iris"], ["show", run], ["show", run / "model"]):
        said = command(*verb)
        assert said.code == 2
        assert said.err.splitlines()[-1].startswith(f"lamina: {weights}: expected tensors in safetensors format: ")
    weights.write_bytes(whole[:5])
    assert command("evaluate", run, "iris").err.splitlines()[-1].endswith("this is no file of weights, or it was cut")
    weights.write_bytes(whole)
    description.write_text("{")
    assert command("evaluate", run, "iris") == (2, "", (
        f"lamina: {description}: expected a JSON object, got something else: Expecting property name enclosed in double"
        " quotes: line 1 column 2 (char 1)\n"
    ))  # fmt: skip


def test_data_under_another_name_is_known_by_its_content(command: Any, tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(53, 4)), np.arange(53) % 3
    for name in ("one.npz", "two.npz"):
        np.savez(tmp_path / name, x=x, y=y)
    command("train", tmp_path / "one.npz", "--epochs", "1", "--out", tmp_path / "run")
    assert command("evaluate", tmp_path / "run", tmp_path / "two.npz").err.endswith("11 of 53 examples\n")
    np.savez(tmp_path / "one.npz", x=x + 1, y=y)
    changed = command("evaluate", tmp_path / "run", tmp_path / "one.npz")
    assert changed.code == 2
    assert changed.err == (
        f"lamina: {tmp_path / 'one.npz'} has changed since {tmp_path / 'run'} was trained on it;"
        " bring that back, or use --all\n"
    )


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError) as caught:
        opened("-")
    assert str(caught.value) == "standard input: expected rows, but it is closed; pipe them in, or name a file"
