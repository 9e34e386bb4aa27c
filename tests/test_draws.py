"""What cannot be drawn is refused before a word is written."""

from __future__ import annotations

import math
from typing import Any

import pytest

import lamina as la
from lamina.command.translate import command as translate
from lamina.command.write import command as write
from lamina.data.text.reading import TextOrigin, TextReading
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.model import Model
from lamina.writing import Draw, continued, written_about

TOKENIZER = Tokenizer.train(["a dog"], "characters")


def net(end: str = "NextToken()") -> la.Net:
    kind = la.Tokens(len(TOKENIZER))
    return la.build(f"Embed(5) >> RNN(5) >> {end}", kind, kind)


def model(end: str) -> Model:
    return Model(net(end), text=TextOrigin(TextReading("characters"), TOKENIZER))


@pytest.mark.parametrize("temperature", [math.nan, math.inf, 1e300, -1.0, 1e-9])
def test_a_temperature_that_is_none_is_refused_at_once(temperature: float) -> None:
    with pytest.raises(DataError, match=r"expected a temperature of 0, or from 0\.001 to 1000, got"):
        continued(net(), TOKENIZER, 8, "a", Draw(temperature))


@pytest.mark.parametrize("temperature", [0.0, 1e-3, 1.0, 1e3])
def test_others_draw(temperature: float) -> None:
    assert "".join(continued(net(), TOKENIZER, 8, "a", Draw(temperature), 7))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"temprature": 0.8}, "write has no setting 'temprature'; did you mean 'temperature'?"),
        ({"topk": 3}, "write has no setting 'topk'; did you mean 'top_k'?"),
        (
            {"topp": 3, "penalty": 1},
            "write cannot be done so:\n  - write has no setting 'topp'; did you mean 'top_p'?\n"
            "  - write has no setting 'penalty'; there are: tokens, temperature, top_k, top_p, seed",
        ),
        ({"top_k": 0}, "top_k must be at least 1, got top_k=0; None draws from all tokens"),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1, got top_p=1.5; None draws from all tokens"),
        ({"top_p": math.nan}, "top_p must be above 0 and at most 1, got top_p=nan; None draws from all tokens"),
    ],
)
def test_a_wrong_setting_is_named_with_the_one_that_was_meant(how: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        model("NextToken()").write("a", **how)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"num_beams": 3}, "translate has no setting 'num_beams'; did you mean 'beam'?"),
        ({"max_new_tokens": 3}, "translate has no setting 'max_new_tokens'; did you mean 'tokens'?"),
        ({"best": 3}, "translate has no setting 'best'; there are: beam, length_penalty, tokens"),
        ({"beam": 0}, "best must be at least 1 and at most beam, got best=1 and beam=0"),
    ],
)
def test_a_wrong_setting_of_a_translation_is_named_too(how: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        model("Write(RNN(5))").translate(["a dog"], **how)
    assert str(caught.value) == message


def test_python_says_it_as_the_commands_do() -> None:
    writes, translates = model("NextToken()"), model("Write(RNN(5))")
    assert len(writes.write("a", tokens=7, temperature=0.8, top_k=3, top_p=0.9, seed=5)) == 7
    assert writes.write("a", tokens=7, temperature=0) == writes.write("a", tokens=7, top_k=1)
    greedy = translates.translate(["a dog", "a god"], beam=1, tokens=3)
    assert len(greedy) == 2
    assert translates.written_about(["a dog"], beam=3, best=2, length_penalty=0.0, tokens=3)[0][1][1] < 0
    options = {
        name: {option.name for option in verb.params} for name, verb in (("write", write), ("translate", translate))
    }
    assert {*Draw._fields, "tokens"} <= options["write"]
    assert {"beam", "best", "length_penalty", "tokens"} <= options["translate"]


@pytest.mark.parametrize(
    ("end", "verb"),
    [
        ("NextToken()", "goes on with texts: model.write(prompt)"),
        ("Write(RNN(5))", "writes about texts: model.translate(texts)"),
    ],
)
@pytest.mark.parametrize("inputs", ["a dog", ["a dog"]])
def test_to_predict_texts_of_a_net_that_writes_points_to_what_writes(end: str, verb: str, inputs: Any) -> None:
    made = model(end)
    with pytest.raises(DataError) as caught:
        made.predict(inputs)
    assert str(caught.value) == f"the model ends in {made.net.end} and {verb}"


def test_a_net_that_does_not_go_on_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="does not go on with a text; one that ends in"):
        continued(net("Write(RNN(5))"), TOKENIZER, 8, "a", Draw())


def test_a_single_text_is_not_taken_for_many_of_a_character_each() -> None:
    with pytest.raises(DataError, match="expected a list of texts, got 'a dog'; put a single text into a list"):
        written_about(net("Write(RNN(5))"), TOKENIZER, TOKENIZER, "a dog")
