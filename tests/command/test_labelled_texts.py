"""Texts with labels, from the file to the answer, as a shell would."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import digest, entries, stopping_at

import lamina as la
from lamina.errors import DataError
from lamina.training.machine import Interrupted
from lamina.training.plan import noted

GOOD, BAD = ("fine", "lovely", "bright"), ("dull", "sour", "grim")
PLAIN = ("it", "is", "a", "play", "of", "some", "length", "and", "so", "on")
NET = "Embed(7) >> Dropout(0.2) >> BiGRU(5) >> Max() >> Classify()"
SHORT: dict[str, Any] = {"threads": 1, "display": None, "say": lambda text: None}
QUICK = ("--threads", "1", "--epochs", "2")


def reviews(count: int = 120, seed: int = 0) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    told = []
    for _ in range(count):
        mood = draw.choice(("good", "bad"))
        words = draw.choices(PLAIN, k=draw.randint(4, 17))
        words.insert(draw.randrange(len(words)), draw.choice(GOOD if mood == "good" else BAD))
        told.append((" ".join(words), mood))
    return told


def written(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("\n".join(["review,mood", *(",".join(row) for row in rows)]) + "\n")
    return path


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reviews.csv and a run on it that has learned what tells."""
    folder = tmp_path_factory.mktemp("moods")
    path = written(folder / "reviews.csv", reviews())
    la.train("Embed(7) >> Mean() >> Classify()", path, target="mood", epochs=30, optimizer="AdamW(0.05)", out=folder / "run", **SHORT)  # fmt: skip
    return folder


def test_texts_are_told_apart_and_measured_beside_counts_of_words(command: Any, within: Path) -> None:
    written(within / "reviews.csv", reviews())
    said = command("train", "reviews.csv", "--target", "mood", *QUICK)
    assert said.code == 0, said.err
    assert "120 texts, which are few to learn from the order of their words: the mean of their vectors" in said.err
    assert "tokens are words and marks: a vocabulary of 19, learned from the part that trains" in said.err
    assert [line.split()[1] for line in said.out.splitlines() if "baseline" in line] == ["majority:", "bag_of_words:"]
    assert noted(Path("runs/reviews-1"), "table") == {"target": ["mood"], "kinds": ["review=text"]}
    page = Path("runs/reviews-1/report.html").read_text()
    assert ">review<" in page
    assert ">feature 0<" not in page


def test_such_a_run_goes_on_to_the_same_bits_and_can_be_run_again(command: Any, within: Path) -> None:
    path = written(within / "reviews.csv", reviews())
    settings = {"target": "mood", "epochs": 2, "batch": 16, "valid": 0.15}
    straight = la.train(NET, path, out="straight", **settings, **SHORT)
    with pytest.raises(Interrupted):
        la.train(NET, path, out="stopped", **{**settings, **SHORT, "display": stopping_at(3)})
    la.resume("stopped", display=None, say=lambda text: None)
    assert digest(Path("stopped")) == digest(straight.folder)
    assert entries(Path("stopped")) == entries(straight.folder)
    assert command("train", "stopped/run.toml", "--out", "again").code == 0
    assert digest(Path("again")) == digest(straight.folder)


def test_lines_tables_and_lists_are_answered_alike(command: Any, moods: Path) -> None:
    run, rows = moods / "run", reviews(11, seed=3)
    written(moods / "new.csv", rows)
    (moods / "new.txt").write_text("".join(f"{text}\n" for text, _ in rows))
    of_table = command("predict", run, moods / "new.csv")
    assert of_table.out.splitlines()[0] == "prediction,probability"
    assert [line.partition(",")[0] for line in of_table.out.splitlines()[1:]] == [mood for _, mood in rows]
    assert command("predict", run, moods / "new.txt").out == of_table.out
    assert command("predict", run, stdin=(moods / "new.txt").read_bytes()).out == of_table.out
    model = la.load(run)
    answer = model.predict([text for text, _ in rows])
    assert [model.classes[number] for number in answer.label.tolist()] == [mood for _, mood in rows]
    for other in (moods / "new.csv", {"review": [text for text, _ in rows]}):
        torch.testing.assert_close(model.predict(other).probabilities, answer.probabilities)
    one = model.predict(rows[4][0])
    torch.testing.assert_close(one.probabilities[0], answer.probabilities[4])


def test_answers_tell_more_on_request(command: Any, moods: Path) -> None:
    written(moods / "one.csv", [("it is a lovely play", "good")])
    said = command("predict", moods / "run", moods / "one.csv", "--keep", "--json", "--probabilities", "--top", "2")
    (line,) = map(json.loads, said.out.splitlines())
    assert list(line) == ["review", "mood", "prediction", "probability", "prediction_2", "probability_2", "p(bad)", "p(good)"]  # fmt: skip
    assert (line["review"], line["prediction"]) == ("it is a lovely play", "good")


def test_texts_that_are_empty_unknown_or_very_long_are_answered(command: Any, moods: Path) -> None:
    long = "lovely " * 3000
    said = command("predict", moods / "run", "--json", stdin=f"\nzebra quagga\n{long}\n".encode())
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert len(lines) == 3
    assert all(0 < line["probability"] <= 1 for line in lines)
    assert lines[2]["prediction"] == "good"
    assert said.err == (
        "standard input: 2 of 3,002 tokens are unknown to the model, which learned none like them\n"
        "standard input: 1 of the texts cut at 1,024 tokens, as in training\n"
    )


def test_what_was_not_trained_on_is_measured(command: Any, moods: Path) -> None:
    own = command("evaluate", moods / "run", moods / "reviews.csv")
    assert re.search(r"reviews\.csv: 2\d of 120 examples", own.err)
    assert "baseline bag_of_words" in own.out
    written(moods / "other.csv", reviews(29, seed=5))
    other = command("evaluate", moods / "run", moods / "other.csv", "--json")
    assert json.loads(other.out)["examples"] == 29
    assert json.loads(other.out)["measures"]["accuracy"]["value"] > 0.9


def test_a_table_of_texts_is_described_as_it_will_be_read(command: Any, within: Path) -> None:
    written(within / "reviews.csv", reviews())
    said = command("data", "reviews.csv", "--target", "mood", "--tokens", "characters")
    assert said.code == 0, said.err
    assert re.search(r"^review +text +120 values", said.out, re.MULTILINE)
    assert "tokens are characters: a vocabulary of" in said.out


def test_texts_and_pairs_are_described_by_how_they_begin(command: Any, within: Path) -> None:
    Path("book.txt").write_text("".join(f"It is line {place} of a book.\n" for place in range(200)))
    Path("pairs.tsv").write_text("".join(f"ein Hund {place}\ta dog {place}\n" for place in range(60)))
    book = json.loads(command("data", "book.txt", "--json").out)
    assert (book["input"], book["first"][:2]) == ("Tokens(28)", ["It is line 0 of a book.", "It is line 1 of a book."])
    assert book["notes"][0] == "tokens are characters: a vocabulary of 28, learned from the part that trains"
    pairs = command("data", "pairs.tsv", "--tokens", "words")
    assert re.search(r"^first +ein Hund \S+ \| a dog \S+$", pairs.out, re.MULTILINE)
    assert pairs.err == (
        "pairs.tsv: read as `lamina train` would where nothing is said; to see it as a table, name its --target\n"
    )
    drawn = command("data", "book.txt", "--draw", "a.png")
    assert "--draw draws pictures and columns, but book.txt is read as text; leave it out" in drawn.err


def test_values_are_told_of_texts_with_an_interval(command: Any, within: Path) -> None:
    rows = [(text, f"{len(text.split())}.5") for text, _ in reviews()]
    written(within / "reviews.csv", rows)
    net = "Embed(5) >> Mean() >> Regress()"
    assert command("train", "reviews.csv", "--target", "mood", "--net", net, *QUICK, "--out", "run").code == 0
    said = command("predict", "run", stdin=b"it is\n")
    assert said.out.splitlines()[0] == "prediction,low,high"


def test_a_line_that_is_no_text_is_refused_when_those_before_it_are_answered(command: Any, moods: Path) -> None:
    said = command("predict", moods / "run", stdin=b"a\n\xff\xfe\n")
    assert said.code == 2
    assert len(said.out.splitlines()) == 2
    assert said.err == "lamina: standard input:2: expected UTF-8 text, got byte 0xff; save it as UTF-8\n"


def test_a_table_without_the_column_and_inputs_that_are_no_texts_are_refused(command: Any, moods: Path) -> None:
    (moods / "odd.csv").write_text("revue,mood\na b,good\n")
    said = command("predict", moods / "run", moods / "odd.csv")
    assert (said.code, said.err) == (2, f"lamina: {moods / 'odd.csv'}: there is no column 'review'; did you mean 'revue'?\n")  # fmt: skip
    with pytest.raises(DataError) as caught:
        la.load(moods / "run").predict([[1.0, 2.0]])
    assert str(caught.value) == "inputs must be texts, a path or a frame with 'review', got [[1.0, 2.0]]"


def test_a_model_whose_tokens_are_not_those_of_its_net_is_refused(moods: Path, elsewhere: Any) -> None:
    copy = elsewhere(moods / "run")
    path = copy / "model" / "model.json"
    said = json.loads(path.read_text())
    said["text"] = None
    path.write_text(json.dumps(said))
    with pytest.raises(la.LaminaError) as caught:
        la.load(copy)
    assert str(caught.value) == f"{path}: its texts give None, not what the net takes; lamina did not write this"


def test_what_stands_behind_the_end_of_a_text_never_matters(moods: Path) -> None:
    model = la.load(moods / "run")
    texts = ["it is a fine play", "grim"]
    alone = torch.cat([model.predict([text]).probabilities for text in texts])
    torch.testing.assert_close(model.predict(texts).probabilities, alone)
    torch.testing.assert_close(model.predict(texts[::-1]).probabilities, alone.flip(0))
