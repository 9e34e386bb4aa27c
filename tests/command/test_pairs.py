"""Pairs of texts with a label, from the file to the answer, as a shell would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import lamina as la
from lamina.data.split import split
from lamina.errors import DataError

NET = "Embed(5) >> Mean() >> Classify()"


@pytest.fixture
def pairs(write: Callable[..., str]) -> str:
    rows = [f"it is {n},{'so' if n % 2 else 'but'} it is {n},{'yes' if n % 2 else 'no'}" for n in range(43)]
    return write("\n".join(["one,other,same", *rows]) + "\n")


def test_a_model_of_pairs_answers_tables_lines_and_pairs_alike(pairs: str, command: Any) -> None:
    la.train(NET, pairs, target="same", steps=2, out="run", threads=1, display=None, say=lambda text: None)
    Path("new.csv").write_text("same,other,one\nyes,so it is 3,it is 3\nno,but it is 4,it is 4\n")
    model, asked = la.load("run"), [("it is 3", "so it is 3"), ("it is 4", "but it is 4")]
    answer = model.predict(asked).probabilities
    frame = {"one": [one for one, _ in asked], "other": [other for _, other in asked]}
    for other in ("new.csv", frame, [list(pair) for pair in asked]):
        torch.testing.assert_close(model.predict(other).probabilities, answer)
    torch.testing.assert_close(model.predict(asked[0]).probabilities, answer[:1])
    of_table = command("predict", "run", "new.csv", "--json").out
    lines = "".join(f"{one}\t{other}\n" for one, other in asked)
    assert command("predict", "run", "--json", stdin=lines.encode()).out == of_table
    assert [json.loads(line)["prediction"] for line in of_table.splitlines()] == [
        model.classes[number] for number in answer.argmax(1).tolist()
    ]
    refused = command("predict", "run", stdin=b"it is 3\n")
    assert refused.code == 2
    assert "standard input:1: expected a pair of texts with a tab between, got 'it is 3'" in refused.err
    assert command("evaluate", "run", "new.csv").code == 0
    with pytest.raises(DataError) as raised:
        model.predict(["it is 3"])
    assert str(raised.value) == (
        "inputs must be pairs of texts, a path or a frame with 'one' and 'other', got ['it is 3']"
    )


def test_a_text_that_keeps_pairs_together_is_read_if_that_is_said(write: Callable[..., str], command: Any) -> None:
    rows = [f"it is {n // 3},so it was {n},{'yes' if n % 2 else 'no'}" for n in range(43)]
    path = write("\n".join(["one,other,same", *rows]) + "\n")
    how: dict[str, Any] = {"target": "same", "group": "one", "steps": 2, "threads": 1, "display": None}
    said = list[str]()
    la.train(NET, path, kinds=("one=text", "other=text"), out="both", say=said.append, **how)
    assert any("43 pairs of texts" in text for text in said)
    dataset = la.load_data(path, target="same", group="one", kinds=("one=text", "other=text"))
    shares = split(dataset)
    sides = [{row // 3 for row in part.tolist()} for part in (shares.train, shares.valid, shares.test)]
    assert not (sides[0] & sides[1])
    assert not (sides[0] & sides[2])
    assert not (sides[1] & sides[2])
    Path("new.csv").write_text("one,other\nit is 3,so it was 3\n")
    assert command("predict", "both", "new.csv").code == 0
    said.clear()
    la.train(NET, path, out="single", say=said.append, **how)
    assert "one: keeps rows together and is not read; --kind one=text reads it too" in said
    assert any("43 texts" in text for text in said)


def test_where_no_net_is_named_pairs_are_compared(pairs: str) -> None:
    run = la.train(None, pairs, target="same", steps=1, out="run", threads=1, display=None, say=lambda text: None)
    assert run.plan.net == "Compare(128) >> Dropout(0.3) >> Classify()"
