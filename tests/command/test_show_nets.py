"""`lamina show` of named nets: what they are made of, what rewriting gains, and what is too small for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LENET = (
    "Conv(6, size=5, padding=2) >> Tanh() >> MeanPool() >> Conv(16, size=5, padding=0) >> Tanh() >> MeanPool() >> Flatten()"
    " >> Dense(120) >> Tanh() >> Dense(84) >> Tanh()"
)


def test_a_named_net_is_shown_with_what_it_is_made_of(command: Any) -> None:
    said = command("show", "LeNet() >> Classify()")
    assert said.out == (
        "LeNet() >> Classify()\n(--on DATA shows the table of kinds, parameters and multiply-adds)\n"
        f"LeNet() = {LENET}\n"
    )  # fmt: skip
    assert json.loads(command("show", "LeNet() >> Classify()", "--json").out) == {
        "net": "LeNet() >> Classify()", "expanded": {"LeNet()": LENET},
    }  # fmt: skip


def test_a_named_net_is_written_out_if_asked_for(command: Any) -> None:
    assert command("show", "LeNet() >> Classify()", "--expand").out.splitlines()[0] == f"{LENET} >> Classify()"
    said = command("show", "ResNet(8, small=true) >> Classify()", "--on", "digits", "--expand")
    lines = said.out.splitlines()
    assert lines[0].startswith("Conv(16, bias=False) >> BatchNorm() >> ReLU() >> Residual(")
    assert [line.split()[0] for line in lines[4:8]] == ["Image(1,", "Conv(16,", "BatchNorm()", "ReLU()"]
    assert not any(" = " in line for line in lines)


def test_a_sentence_is_shown_rewritten_with_its_gains(command: Any) -> None:
    sentence = "ReLU() >> Pool() >> Flatten() >> Classify()"
    said = command("show", sentence, "--on", "digits", "--rewrite")
    gain = "ReLU() comes behind Pool(): it works on 1x4x4 instead of 1x8x8, 25% of the numbers"
    assert said.out.splitlines()[0] == "Pool() >> ReLU() >> Flatten() >> Classify()"
    assert said.out.splitlines()[-1] == f"gained: {gain}"
    shown = json.loads(command("show", sentence, "--on", "digits", "--rewrite", "--json").out)
    assert (shown["net"], shown["gains"]) == ("Pool() >> ReLU() >> Flatten() >> Classify()", [gain])
    said = command("show", "Pool() >> ReLU()", "--rewrite")
    assert said.out.splitlines()[-1] == "gained: nothing; it is written as it should be"


def test_a_map_that_is_too_small_is_named_below_the_table(command: Any) -> None:
    said = command("show", "Pool(8) >> Conv(5) >> Flatten() >> Classify()", "--on", "digits")
    note = (
        "Conv(5), convolution 1 of 1, works on a map of 1x1: 89% of its window only ever sees padding; take larger pictures"
        " than 8x8 (--size 16), or fewer strides or pools"
    )
    assert said.out.splitlines()[-1] == note
    shown = json.loads(command("show", "Pool(8) >> Conv(5) >> Flatten() >> Classify()", "--on", "digits", "--json").out)
    assert shown["notes"] == [note]


@pytest.mark.parametrize("option", ["--expand", "--rewrite"])
def test_only_sentences_are_expanded_and_rewritten(command: Any, within: Path, option: str) -> None:
    for what in ("runs/none-1", "--words"):
        said = command("show", what, option)
        assert said.code == 2
        assert said.err.endswith("Error: --expand and --rewrite are for sentences\n")


def test_a_net_is_trained_as_it_is_written_if_asked_for(command: Any, within: Path) -> None:
    sentence = "ReLU() >> Pool() >> Flatten() >> Classify()"
    for options, net in ([], "Pool() >> ReLU() >> Flatten() >> Classify()"), (["--as-written"], sentence):
        said = command("train", "digits", "--net", sentence, "--steps", "1", "--threads", "1", "--json", *options)
        assert json.loads(said.out)["net"] == net
        assert ("net: ReLU() comes behind Pool(): it works on 1x4x4 instead of 1x8x8" in said.err) == (not options)


def test_wrong_words_and_what_does_not_fit_are_named_together(command: Any) -> None:
    said = command("show", "Conv(32, sise=5) >> Pool(20) >> Flatten() >> Clasify()", "--on", "digits")
    assert said.code == 2
    assert "Conv has no setting 'sise'; did you mean 'size'?" in said.err
    assert "there is no 'Clasify'; did you mean 'Classify'?" in said.err
    assert "Pool(20) cannot follow Image(32, 8, 8)" in said.err
