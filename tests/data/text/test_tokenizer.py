import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.text.joining import joined_words
from lamina.data.text.tokenizer import MOST_JSON_BYTES, Tokenizer
from lamina.errors import DataError
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN

VERSES = [
    "The owl and the pussy-cat went to sea in a beautiful pea-green boat,",
    "They took some honey, and plenty of money, wrapped up in a five-pound note.",
    "The owl looked up to the stars above, and sang to a small guitar:",
] * 7
VOCABULARY = {"characters": None, "bytes": None, "words": 37, "spaced": 29, "bpe": 307, "unigram": 53, "wordpiece": 89}
TRAINED = {how: Tokenizer.train(VERSES, how, size) for how, size in VOCABULARY.items()}


def refusal(written: dict[str, object]) -> str:
    with pytest.raises(DataError) as raised:
        Tokenizer.from_json(json.dumps(written), "m/text.json")
    return str(raised.value)


@pytest.mark.parametrize("how", VOCABULARY)
def test_the_first_three_tokens_are_the_same_in_every_vocabulary(how):
    assert (UNKNOWN_TOKEN, BEGIN_TOKEN, END_TOKEN) == (0, 1, 2)
    assert TRAINED[how].tokens()[:3] == ["<unknown>", "<begin>", "<end>"]


@pytest.mark.parametrize("how", VOCABULARY)
def test_each_token_has_a_number_and_is_called_differently(how):
    tokenizer = TRAINED[how]
    assert len(set(tokenizer.tokens())) == len(tokenizer) == len(tokenizer.tokens())
    assert len(tokenizer) == {"characters": 31, "bytes": 259}.get(how, VOCABULARY[how])


def test_a_vocabulary_is_no_larger_than_what_the_texts_show():
    assert len(Tokenizer.train(["b a b"], "words", 50)) == 5
    assert len(Tokenizer.train(["b a b"], "bpe", 500)) < 270


@pytest.mark.parametrize("how", VOCABULARY)
def test_texts_are_encoded_together_as_each_alone(how):
    texts = [*VERSES[:3], "", "owl and honey"]
    flat, offsets = TRAINED[how].encode_all(texts)
    assert flat.dtype == np.int32
    assert offsets.dtype == np.int64
    rows = [flat[first:last].tolist() for first, last in itertools.pairwise(offsets)]
    assert rows == [TRAINED[how].encode(text) for text in texts]
    assert rows[3] == []
    assert TRAINED[how].encode_all([]).offsets.tolist() == [0]


@given(st.text())
@pytest.mark.parametrize("how", ["bytes", "bpe"])
def test_any_text_comes_back_from_its_bytes(how, text):
    tokens = TRAINED[how].encode(text)
    assert TRAINED[how].decode(tokens) == text
    assert min(tokens, default=3) >= 3


@given(st.text())
def test_any_text_comes_back_from_its_characters_if_training_showed_them(text):
    tokenizer = Tokenizer.train([text], "characters")
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) == 3 + len(set(text))


@given(st.text("abo wl,.-\n"))
def test_a_text_comes_back_from_unigram_if_its_characters_are_known(text):
    known = Tokenizer.train([*VERSES, "\n."], "unigram", 61)
    assert known.decode(known.encode(text)) == text


@pytest.mark.parametrize("how", ["words", "bpe", "wordpiece"])
def test_verses_come_back_as_they_were_written(how):
    tokenizer = Tokenizer.train(VERSES, how)
    assert [tokenizer.decode(tokenizer.encode(verse)) for verse in VERSES[:3]] == VERSES[:3]


@pytest.mark.parametrize("how", VOCABULARY)
def test_no_text_is_taken_for_a_special_token(how):
    texts = ["<unknown>", "<begin>", "<end>", "<begin >", "<end ><end >"] * 9
    tokenizer = Tokenizer.train(texts, how, 271 if how == "bpe" else None if how != "unigram" else 40)
    assert all(min(tokenizer.encode(text)) > END_TOKEN for text in texts)


def test_unknown_characters_are_counted_and_read_as_the_replacement_character():
    tokenizer = Tokenizer.train(["abc"], "characters")
    assert tokenizer.encode("cab🦉") == [5, 3, 4, 0]
    assert tokenizer.decode([1, 5, 0, 3, 2]) == "c\ufffda"
    assert tokenizer.unknown_share(["cab🦉", "ab!"]) == 2 / 7
    assert tokenizer.unknown_share([]) == 0


def test_characters_that_are_rare_or_too_many_are_unknown():
    assert Tokenizer.train(["aaabbc"], "characters", least=2).tokens()[3:] == ["a", "b"]
    assert Tokenizer.train(["ccbbba"], "characters", 5).tokens()[3:] == ["b", "c"]


def test_words_that_are_rare_or_too_many_are_unknown():
    assert Tokenizer.train(["b b b a a c"], "words", least=2).tokens()[3:] == ["b", "a"]
    assert Tokenizer.train(["b b b a a c"], "words", 4).tokens()[3:] == ["b"]


def test_words_are_runs_of_letters_and_single_marks():
    tokenizer = Tokenizer.train(["Don't stop!! 3.5 été"], "words")
    assert sorted(tokenizer.tokens()[3:]) == sorted(["Don", "'", "t", "stop", "!", "3", ".", "5", "été"])


def test_bytes_of_which_no_text_can_be_made_read_as_the_replacement_character():
    whole = TRAINED["bytes"].encode("é")
    assert TRAINED["bytes"].decode(whole[:1]) == "\ufffd"
    assert TRAINED["bytes"].tokens()[whole[0]] == "<c3>"
    assert TRAINED["bpe"].decode(TRAINED["bpe"].encode("🦉")[:2]) == "\ufffd"


@pytest.mark.parametrize("how", VOCABULARY)
def test_lower_case_is_as_python_has_it(how):
    size = {"bpe": 300, "unigram": 40}.get(how)
    lower, plain = (
        Tokenizer.train(["Owl AND Ölweg"], how, size, lower=True),
        Tokenizer.train(["owl and ölweg"], how, size),
    )
    assert lower.encode("OWL and ÖLWEG") == lower.encode("owl and ölweg")
    assert sorted(lower.tokens()) == sorted(plain.tokens())


def test_two_languages_share_one_vocabulary():
    tokenizer = Tokenizer.train(iter(["a small owl", "eine kleine Eule"]), "words")
    assert tokenizer.unknown_share(["small Eule", "eine owl"]) == 0


@pytest.mark.parametrize("how", ["characters", "words", "bpe"])
def test_the_same_texts_give_the_same_tokenizer(how):
    assert Tokenizer.train(VERSES, how, VOCABULARY[how]).digest == TRAINED[how].digest


@pytest.mark.parametrize("how", VOCABULARY)
def test_a_tokenizer_comes_back_from_json(how):
    again = Tokenizer.from_json(TRAINED[how].to_json())
    assert again.to_json() == TRAINED[how].to_json()
    assert again.encode("The owl’s boat, à la mer") == TRAINED[how].encode("The owl’s boat, à la mer")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ('He said : " go on " , twice .', 'He said: "go on", twice.'),
        ("the dogs ' toys - ( all of them ) !", "the dogs'toys- (all of them)!"),
        ("a T - Shirt at 10 : 30 for 3 . 5 , 4 or 7 %", "a T-Shirt at 10:30 for 3.5, 4 or 7%"),
        ("« oui » „ ja “ ¿ no ?", "«oui» „ja “no?".replace("“no", "“¿no")),
        ("", ""),
    ],
)
def test_words_are_joined_as_people_write_them(words, text):
    assert joined_words(words.split()) == text


@given(st.lists(st.sampled_from(["owl", "3", ".", ",", '"', "'", "-", "(", ")"])), st.integers(0, 9))
def test_what_was_joined_stays_as_further_words_come(words, first):
    assert joined_words(words).startswith(joined_words(words[:first]))


def test_too_small_a_vocabulary_is_refused():
    cases = {
        "bpe": "tokens='bpe' needs a vocabulary of at least 259, got vocabulary=258",
        "words": "tokens='words' needs a vocabulary of at least 4, got vocabulary=3",
        "characters": "tokens='characters' needs a vocabulary of at least 4, got vocabulary=3",
        "unigram": "tokens='unigram' cannot be learned: expected a vocabulary that holds every character, got vocabulary=5 (The vocabulary is not large enough to contain all chars); ask for a larger one, or for tokens='bpe', which needs 259",
        "wordpiece": "tokens='wordpiece' cannot be learned: expected a vocabulary that holds every character, got vocabulary=5 (11 needed); ask for a larger one, or for tokens='bpe', which needs 259",
    }
    for how, message in cases.items():
        with pytest.raises(DataError) as raised:
            Tokenizer.train(["abcd e"], how, {"bpe": 258, "unigram": 5, "wordpiece": 5}.get(how, 3))
        assert str(raised.value) == message


@pytest.mark.parametrize("how", VOCABULARY)
def test_half_a_surrogate_pair_is_no_text(how):
    with pytest.raises(DataError) as raised:
        TRAINED[how].encode_all(["fine", "owl \ud83e"])
    assert str(raised.value).startswith("expected text, got the half surrogate U+D83E in '")
    assert str(raised.value).endswith("'; take it out")


def test_a_number_that_is_no_token_is_refused():
    with pytest.raises(DataError) as raised:
        TRAINED["bytes"].decode([5, 259])
    assert str(raised.value) == "expected tokens from 0 to 258, got 259"


def test_damaged_json_is_refused():
    start = "m/text.json: a tokenizer is not as lamina writes it: "
    with pytest.raises(DataError, match=r"^m/text.json: expected at most 67,108,864 bytes, got 67,108,865$"):
        Tokenizer.from_json(" " * (MOST_JSON_BYTES + 1), "m/text.json")
    for text in ("{", "[" * 100_000):
        with pytest.raises(DataError) as raised:
            Tokenizer.from_json(text, "m/text.json")
        assert str(raised.value) == start + "expected JSON"
    assert refusal([3]) == start + "expected an object, got [3]"
    assert refusal({"tokens": "x", "lower": 1}) == start + "tokens='x', lower=1; train the model anew"
    assert refusal({"tokens": [], "lower": True}) == start + "tokens=[], lower=True; train the model anew"


@pytest.mark.parametrize(
    ("how", "changes", "expected"),
    [
        ("characters", {"alphabet": "aba"}, "alphabet should hold distinct characters"),
        ("characters", {"alphabet": ["a"]}, "alphabet should hold distinct characters"),
        ("characters", {"alphabet": "a\ud800"}, "alphabet should hold distinct characters"),
        ("words", {"parts": ["a", 3]}, "parts should hold a list of texts"),
        ("words", {"parts": ["a", ""]}, "parts should hold a list of texts"),
        ("words", {"parts": ["a", "<end >"]}, "parts should hold distinct parts"),
        ("wordpiece", {"parts": ["a", "a"]}, "parts should hold distinct parts"),
        ("bpe", {"parts": ["a"]}, "parts should hold every byte, and nothing but bytes"),
        ("bpe", {"merges": None}, "merges should hold pairs of parts"),
        ("bpe", {"merges": [["a"]]}, "merges should hold pairs of parts"),
        ("bpe", {"merges": [["a", "zzz"]]}, "merges should hold pairs whose parts, and what they make, are known"),
        ("unigram", {"scores": []}, "scores should hold a logarithm for each part"),
        ("unigram", {"scores": [1.0] * 58}, "scores should hold a logarithm for each part"),
    ],
)
def test_a_damaged_vocabulary_is_refused(how, changes, expected):
    start = "m/text.json: a tokenizer is not as lamina writes it: "
    assert refusal({**TRAINED[how].described(), **changes}) == f"{start}{expected}; train the model anew"


def test_the_library_is_loaded_only_where_text_is_read():
    code = "import sys, lamina, lamina.data.text.tokenizer; sys.exit('tokenizers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
