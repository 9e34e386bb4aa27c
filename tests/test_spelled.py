"""Bits per character, of any tokens."""

from __future__ import annotations

import math

import pytest
import torch

from lamina.data.text.load import Cut, load_text
from lamina.data.text.reading import TextReading
from lamina.metrics import Measure
from lamina.spelled import per_character

TEXT = "the owl and the cat went to sea in a pea-green boat. " * 40


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(TEXT)
    return "a.txt"


@pytest.mark.parametrize("tokens", ["characters", "bytes", "bpe", "words"])
def test_the_bits_of_all_tokens_are_those_of_all_characters(path, tokens):
    dataset = load_text(path, TextReading(tokens, context=7), Cut(0.1, 0.1))
    rows = torch.arange(3, 11)
    values, visible = dataset.target.gather(rows)
    told = dataset.text.output.decode(values[visible].tolist())
    assert told in TEXT
    bits = per_character({"bits_per_token": Measure(2.0, 1.0, math.inf)}, dataset, rows)["bits_per_character"]
    assert bits.value * len(told) == pytest.approx(2.0 * int(visible.sum()))
    assert bits.low == bits.value / 2
    assert bits.high == math.inf
    assert (tokens in ("characters", "bytes")) == (bits.value == 2.0)


def test_what_is_no_long_text_has_none(path):
    dataset = load_text(path, TextReading("characters", context=7), Cut(0.1, 0.1))
    assert per_character({"accuracy": Measure(1.0, 1.0, 1.0)}, dataset, torch.arange(3)) == {}
    assert per_character({"bits_per_token": Measure(1.0, 1.0, 1.0)}, dataset, torch.arange(0)) == {}
