"""What cannot be drawn is refused before a word is written."""

from __future__ import annotations

import math

import pytest

import lamina as la
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.writing import Draw, continued, written_about

TOKENIZER = Tokenizer.train(["a dog"], "characters")


def net(end: str = "NextToken()") -> la.Net:
    kind = la.Tokens(len(TOKENIZER))
    return la.build(f"Embed(5) >> RNN(5) >> {end}", kind, kind)


@pytest.mark.parametrize("temperature", [math.nan, math.inf, 1e300, -1.0, 1e-9])
def test_a_temperature_that_is_none_is_refused_at_once(temperature: float) -> None:
    with pytest.raises(DataError, match=r"expected a temperature of 0, or from 0\.001 to 1000, got"):
        continued(net(), TOKENIZER, 8, "a", Draw(temperature))


@pytest.mark.parametrize("temperature", [0.0, 1e-3, 1.0, 1e3])
def test_others_draw(temperature: float) -> None:
    assert "".join(continued(net(), TOKENIZER, 8, "a", Draw(temperature), 7))


def test_a_net_that_does_not_go_on_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="does not go on with a text; one that ends in"):
        continued(net("Write(RNN(5))"), TOKENIZER, 8, "a", Draw())


def test_a_single_text_is_not_taken_for_many_of_a_character_each() -> None:
    with pytest.raises(DataError, match="expected a list of texts, got 'a dog'; put a single text into a list"):
        written_about(net("Write(RNN(5))"), TOKENIZER, TOKENIZER, "a dog")
