"""Sentences: printed, read back, and refused with every mistake at once."""

from __future__ import annotations

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lamina as la
from lamina.errors import KindError, SentenceError
from lamina.kinds import Image, Label, Sequence, Tokens, Value, Vector
from lamina.net import build
from lamina.sentence import parse, parse_as, read
from lamina.stage import Chain, Stage
from lamina.training.optimizers import SGD, Optimizer
from lamina.training.rates import Cosine, Rate
from lamina.vocabulary import ENDS, OPTIMIZERS, RATES, STAGES, WORDS
from lamina.word import Word, same

counts = st.integers(1, 2**31 - 1)
shares = st.floats(0, 1, exclude_max=True)
positives = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
rules = st.sampled_from(["auto", "he", "glorot", "lecun", "orthogonal", "zeros"])
leaves = st.one_of(
    st.builds(la.Dense, counts, st.booleans(), rules),
    st.builds(la.Embed, counts),
    st.sampled_from([la.ReLU, la.GELU, la.Tanh, la.Sigmoid, la.Softmax, la.Standardize, la.Flatten]).map(
        lambda word: word()
    ),
    st.builds(la.Threshold, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(la.Dropout, shares),
    st.builds(la.BatchNorm, shares, positives),
    st.builds(la.LayerNorm, positives),
)
stages = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(la.Repeat, st.integers(1, 10_000), inner),
        st.builds(la.Residual, inner),
        st.lists(inner, min_size=2, max_size=4).map(Chain),
    ),
    max_leaves=8,
)
ends = st.one_of(
    st.builds(la.Classify, shares, rules), st.builds(la.Regress, st.sampled_from(["linear", "log"]), rules)
)
rates = st.one_of(
    st.builds(
        lambda rate, warmup, part: la.cosine(rate, warmup, part * rate), positives, st.integers(0, 10**6), shares
    ),
    st.builds(
        lambda rate, warmup, part: la.linear(rate, warmup, part * rate), positives, st.integers(0, 10**6), shares
    ),
    st.builds(la.constant, positives, st.integers(0, 10**6)),
    st.builds(la.inverse_sqrt, positives, st.integers(1, 10**6)),
    st.builds(la.steps, positives, at_shares=st.lists(st.floats(0.01, 0.99), max_size=3).map(tuple)),
)
optimizers = st.one_of(
    st.builds(la.SGD, positives | rates, st.floats(0.1, 0.99), st.booleans(), weight_decay=st.floats(0, 1)),
    st.builds(la.Adam, positives | rates, shares, shares),
    st.builds(la.AdamW, positives | rates, weight_decay=st.floats(0, 1)),
)


@given(stages, ends)
@settings(max_examples=300)
def test_a_sentence_prints_and_parses_back_to_an_equal_one(stage: Stage, end: Stage) -> None:
    net = stage >> end
    again = parse(str(net))
    assert same(again, net)
    assert str(again) == str(net)


@given(optimizers)
@settings(max_examples=200)
def test_optimizers_and_schedules_are_sentences_too(optimizer: Optimizer) -> None:
    assert same(parse_as(Optimizer, str(optimizer)), optimizer)


@given(stages, ends)
@settings(max_examples=100)
def test_a_sentence_is_python_code_for_the_same_words(stage: Stage, end: Stage) -> None:
    net = stage >> end
    assert same(eval(str(net), {name: getattr(la, name) for name in WORDS}), net)


@given(st.text(max_size=60) | st.text("Dense(128)>+=,.'\" ReLU", max_size=60))
@settings(max_examples=300)
def test_any_text_is_read_or_refused_and_never_runs_anything(text: str) -> None:
    before = set(sys.modules)
    word, mistakes = read(text)
    assert mistakes or not isinstance(word, str) or text.strip().startswith(("'", '"'))
    assert set(sys.modules) == before


def test_chains_are_flat_however_they_are_bracketed() -> None:
    a, b, c = la.Dense(3), la.ReLU(), la.Dense(5)
    assert same((a >> b) >> c, a >> (b >> c))
    assert str(a >> (b >> c)) == "Dense(3) >> ReLU() >> Dense(5)"


def test_defaults_are_left_out_and_numbers_come_in_either_spelling() -> None:
    assert str(parse("Dense(width=1_000, bias=true, init='auto') >> Dropout(5e-1)")) == "Dense(1000) >> Dropout()"
    assert str(parse("Residual( Dense( 7 )>>ReLU( ) )")) == "Residual(Dense(7) >> ReLU())"


def test_the_sentence_of_the_brief_says_what_it_says() -> None:
    optimizer = parse_as(Optimizer, "SGD(rate=cosine(0.1, warmup=100), momentum=0.9, nesterov=true)")
    assert same(optimizer, SGD(Cosine(0.1, warmup=100), momentum=0.9, nesterov=True))
    assert str(optimizer) == "SGD(cosine(0.1, warmup=100), momentum=0.9, nesterov=True)"


FIVE = "Dens(128) >> ReLU(3) >> Dense(widht=5) >> Dropout(1.5) >> Clasify()"


def test_five_mistakes_are_named_at_once() -> None:
    with pytest.raises(SentenceError) as error:
        parse(FIVE)
    assert str(error.value) == (
        "'Dens(128) >> ReLU(3) >> Dense(widht=5) >> Dropout(1.5) >... cannot be read:\n"
        "  - there is no 'Dens'; did you mean 'Dense'?\n"
        "  - ReLU takes no settings, got 1\n"
        "  - Dense has no setting 'widht'; did you mean 'width'?\n"
        "  - Dropout: rate must be a number at least 0 and below 1, got rate=1.5\n"
        "  - there is no 'Clasify'; did you mean 'Classify'?"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Dense()", "Dense needs 'width': a whole number at least 1 and at most 2,147,483,647"),
        ("Dense(2.5)", "Dense: width must be a whole number at least 1 and at most 2,147,483,647, got width=2.5"),
        ("Dense(0)", "Dense: width must be a whole number at least 1 and at most 2,147,483,647, got width=0"),
        ("Dense(5, width=5)", "Dense is given 'width' twice"),
        ("Dense(5, bias=1)", "Dense: bias must be True or False, got bias=1"),
        (
            "Dense(5, init='hee')",
            "Dense: init must be one of 'auto', 'he', 'glorot', 'lecun', 'orthogonal', 'dirac', 'zeros', got init='hee'",
        ),
        ("Dropout(True)", "Dropout: rate must be a number at least 0 and below 1, got rate=True"),
        (
            "os.system('rm')",
            "column 3: expected a word, a number or one of >> + ( ) , =, got '.' in \"os.system('rm')\"",
        ),
        ("Wibble(3)", "there is no 'Wibble'; `lamina show --words` lists what there is"),
        ("Dense(5", "column 8: expected ')' to close Dense(, got the end of the text in 'Dense(5'"),
        (
            "Dense(5) >>",
            "column 12: expected a word such as Dense(128), or a value, got the end of the text in 'Dense(5) >>'",
        ),
        ("Dense(5) ReLU()", "column 10: expected '>>' or the end of the text, got 'ReLU' in 'Dense(5) ReLU()'"),
        (
            "Dense",
            "column 6: expected '(' after Dense: every word has brackets, as in Dense(), got the end of the text in 'Dense'",
        ),
        ("", "column 1: expected a word such as Dense(128), or a value, got the end of the text in ''"),
        ("Dense(5) >> 7", "7 cannot be chained by >>: it is no stage"),
        ("7", "expected a stage, got 7"),
        ("SGD(0.1)", "expected a stage, got SGD()"),
        (
            "Repeat(10001, ReLU())",
            "Repeat: times must be a whole number at least 1 and at most 10,000, got times=10001",
        ),
    ],
)
def test_a_mistake_has_its_message(text: str, message: str) -> None:
    with pytest.raises(SentenceError) as error:
        parse(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SGD(nesterov=true)", "SGD: nesterov has no effect without momentum; set momentum=0.9, or leave nesterov out"),
        ("SGD(cosine(0.1, floor=0.5))", "cosine: floor must be at most rate=0.1, got floor=0.5"),
        ("Adam(rat=0.1)", "Adam has no setting 'rat'; did you mean 'rate'?"),
        ("Adam(cosine(0.1, warmpu=3))", "cosine has no setting 'warmpu'; did you mean 'warmup'?"),
        ("Adam(-1)", "Adam: rate must be a number above 0 or a rate, got rate=-1"),
        ("Adam(1e400)", "Adam: rate must be a number above 0 or a rate, got rate=inf"),
        ("SGD(0.1, 0.9, True, 0.1)", "SGD takes at most 3 without a name, got 4"),
        ("Dense(3)", "expected an optimizer, got Dense(3)"),
    ],
)
def test_a_mistake_in_an_optimizer_has_its_message(text: str, message: str) -> None:
    with pytest.raises(SentenceError) as error:
        parse_as(Optimizer, text)
    assert str(error.value) == message


def test_nesting_and_length_are_bounded() -> None:
    with pytest.raises(SentenceError, match="expected at most 25 brackets within one another, got one more"):
        parse("Residual(" * 60 + "ReLU()" + ")" * 60)
    with pytest.raises(SentenceError, match="a sentence has at most 100,000 characters, got 100,001"):
        parse("x" * 100_001)


@pytest.mark.parametrize(
    ("text", "given", "target", "message"),
    [
        ("Dense(128) >> Classify()", Image(3, 5, 7), Label(3),
         "Dense(128) cannot follow Image(3, 5, 7): it takes a Vector or a Sequence; put Flatten() before it"),
        ("Dense(5) >> Classify()", Tokens(7), Label(3),
         "the stages do not fit:\n  - Dense(5) cannot follow Tokens(7): it takes a Vector or a Sequence; put Embed(64) before it\n"
         "  - Classify() cannot follow Sequence(5): it takes a Vector; put Last() or Mean() before it"),
        ("Dense(5)", Vector(7), Label(3), "the net stops with Dense(5) and predicts nothing; put an end behind it, such as >> Classify()"),
        ("Classify() >> Regress()", Vector(7), Value(1), "Classify() is an end and must stand last"),
        ("Regress()", Vector(7), Label(3), "Regress() cannot predict Label(3): it predicts a Value"),
        ("Residual(Dense(5)) >> Classify()", Vector(7), Label(3),
         "Residual(Dense(5)) adds its stage's Vector(5) to the Vector(7) that it was given: they must be the same;"
         " end the inner chain with a stage that gives Vector(7), or set shortcut='project'"),
        ("Repeat(9999, Repeat(9999, ReLU())) >> Classify()", Vector(7), Label(3), "the net has 99,980,002 stages; at most 100,000 can be built"),
    ],
)  # fmt: skip
def test_kinds_that_do_not_fit_are_named_with_the_cure(text: str, given: object, target: object, message: str) -> None:
    with pytest.raises(KindError) as error:
        build(text, given, target)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Dense(1000000000) >> Classify()",
         "Dense(1000000000) after Vector(64) would have 64,000,000,000 weights (238 GiB), more than this machine's memory (8 GiB);"
         " make it narrower"),
        ("Dense(2000000000, bias=False) >> Dense(2000000000) >> Classify()",
         "Dense(2000000000, bias=False) after Vector(64) would have 128,000,000,000 weights (477 GiB), more than this machine's"
         " memory (8 GiB); make it narrower"),
        ("Repeat(9, Dense(10000)) >> Classify()",
         "the net has 800,830,010 parameters; training them takes about 12 GiB, more than this machine's memory (8 GiB);"
         " make it narrower or shallower"),
    ],
)  # fmt: skip
def test_a_net_beyond_memory_is_refused_before_it_is_allocated(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("lamina.nets.misfits", "lamina.layers.weights"):
        monkeypatch.setattr(f"{module}.memory_bytes", lambda: 8 * 2**30)
    with pytest.raises(KindError) as error:
        build(text, Vector(64), Label(10))
    assert str(error.value) == message


def test_every_misfit_is_found_as_if_those_before_were_cured() -> None:
    with pytest.raises(KindError) as error:
        build("Dense(128) >> Embed(3) >> Dense(9) >> Regress()", Image(1, 28, 28), Label(10))
    assert len(error.value.mistakes) == 3


def test_building_leaves_the_sentence_as_it_was() -> None:
    net = la.Dense(5) >> la.ReLU() >> la.Classify()
    one, two = (build(net, Vector(7), Label(3), seed=seed) for seed in (0, 0))
    assert not list(net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_the_table_says_kinds_parameters_and_multiply_adds() -> None:
    net = build("Flatten() >> Repeat(2, Dense(35) >> ReLU()) >> Classify()", Image(1, 5, 7), Label(3))
    assert net.table() == (
        "stage                           gives           parameters  multiply-adds\n"
        "-------------------------------------------------------------------------\n"
        "                                Image(1, 5, 7)\n"
        "Flatten()                       Vector(35)               0              0\n"
        "Repeat(2, Dense(35) >> ReLU())  Vector(35)           2,520          2,450\n"
        "Classify()                      Vector(3)              108            105\n"
        "-------------------------------------------------------------------------\n"
        "                                                     2,628          2,555"
    )


def test_a_torch_module_joins_a_net_and_keeps_its_weights() -> None:
    module = torch.nn.Linear(7, 5)
    net = build(la.Module(module, gives=Vector(5)) >> la.Classify(), Vector(7), Label(3))
    assert torch.equal(net.body[0].module.weight, module.weight)
    assert net.body[0].module is not module
    assert str(net) == "Module(Linear, gives=Vector(5)) >> Classify()"


@pytest.mark.parametrize("word", list(WORDS.values()), ids=list(WORDS))
def test_every_word_has_a_docstring_and_is_offered_by_the_package(word: type[Word]) -> None:
    assert word.__doc__ is not Word.__doc__
    assert getattr(la, word.name()) is word


def test_an_unknown_name_of_the_package_has_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="lamina has no 'Dens'; did you mean 'Dense'"):
        la.Dens  # noqa: B018


def test_the_lists_of_words_hold_what_they_say() -> None:
    assert all(issubclass(word, Stage) for word in (*STAGES, *ENDS))
    assert all(issubclass(word, Optimizer) for word in OPTIMIZERS)
    assert all(issubclass(word, Rate) for word in RATES)
    assert Sequence.name() == "Sequence"
