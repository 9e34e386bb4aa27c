"""Cutting texts into short pieces where that changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.text import encoded, subwords
from lamina.data.text.encoded import BEFORE_SPACE, BETWEEN_LINES, How, shorter
from lamina.data.text.pieces import Pieces
from lamina.data.text.tokenizer import Tokenizer

TEXTS = st.text("ab cd\n\n\t.,'é\u0301\r\u2003", max_size=60)


@given(st.lists(TEXTS, max_size=3), st.sampled_from([BEFORE_SPACE, BETWEEN_LINES]))
def test_the_pieces_of_texts_are_the_texts(texts: list[str], between) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded, "PIECE_CHARACTERS", 3)
        assert "".join(shorter(texts, between)) == "".join(texts)


@given(TEXTS, st.sampled_from(["words", "spaced", "bpe", "wordpiece", "bert", "unigram"]))
@settings(deadline=None)
def test_a_text_in_pieces_becomes_the_tokens_of_the_whole(text: str, how: How) -> None:
    tokenizer = Tokenizer.train(["ab abc a b\ncd dab, é. 'a ba\n"] * 3, how, 290)
    whole = tokenizer.encode_all([text, "ab\ncd"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded, "PIECE_CHARACTERS", 2)
        patch.setattr(encoded, "BLOCK_CHARACTERS", 3)
        cut = tokenizer.encode_all([text, "ab\ncd"])
    assert cut.flat.tolist() == whole.flat.tolist()
    assert cut.offsets.tolist() == whole.offsets.tolist()


@pytest.mark.parametrize("how", ["words", "spaced", "bpe"])
def test_what_is_learned_from_pieces_is_learned_from_the_whole(how: How, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a bab  \n\n ab'cd cd,\ncab\nab abc\tcd\n\ncd.\n a\nb" * 7
    expected = Tokenizer.train([text, "a\ncd"], how, 290).to_json()
    monkeypatch.setattr(encoded, "PIECE_CHARACTERS", 2)
    monkeypatch.setattr(subwords, "PIECE_CHARACTERS", 3)
    assert Tokenizer.train([text, "a\ncd"], how, 290).to_json() == expected


def test_the_pieces_that_bert_learns_from_show_the_same_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = set(Pieces.trained(["abc é\ncd ab\nab"] * 5, 60).parts)
    monkeypatch.setattr(encoded, "PIECE_CHARACTERS", 2)
    assert set(Pieces.trained(["abc é\ncd ab\nab"] * 5, 60).parts) == expected
