import datetime
import math

import numpy as np
import pyarrow as pa
import pytest
from given_tables import collected, profiled
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.tables import texts
from lamina.data.tables.fields import Boolean, Category, Date, Number
from lamina.data.tables.infer import profiles
from lamina.data.tables.reading import Reading
from lamina.errors import DataError

LETTERS = ["a", "b", "c"] * 10


def profile(cells, **said):
    return profiled({"c": cells}, **said)["c"]


def refusal(given_columns, **said) -> str:
    with pytest.raises(DataError) as caught:
        profiled(given_columns, **said)
    return str(caught.value)


def verdict(cells, **said):
    found = profile(cells, **said)
    return found.kind, found.reason, found.field and str(found.field)


def test_numbers_are_quantities():
    found = profile([1.5, 2.0, 2.0, None])
    assert (found.kind, found.reason, str(found.field)) == (
        "number",
        "numbers",
        "Number('c', blanks=True)",
    )
    assert (found.blanks, found.rows, found.distinct) == (1, 4, 2)
    assert (found.low, found.high, found.top) == (1.5, 2.0, (("2", 2), ("1.5", 1)))
    assert found.mean == pytest.approx(11 / 6)
    assert found.deviation == pytest.approx(math.sqrt(1 / 18))
    assert found.histogram == (1, *[0] * 18, 2)
    assert str(profile([1, 2, 4] * 7).field) == "Number('c')"
    assert profile([1, 2, 4] * 7).reason == "whole numbers"


def test_few_texts_are_a_category_with_sorted_values():
    found = profile([*LETTERS, None, "a"])
    assert (found.kind, found.reason) == ("category", "3 distinct values in 32 rows")
    assert str(found.field) == "Category('c', ('a', 'b', 'c'))"
    assert (found.top, found.distinct, found.histogram, found.low) == ((("a", 11), ("b", 10), ("c", 10)), 3, (), None)


@pytest.mark.parametrize(
    "cells", [["yes", "NO", "no"], ["t", "f", None], [True, None, False], ["On", "off", "ON"], ["1", "no"]]
)
def test_two_words_of_truth_are_a_boolean(cells):
    found = profile(cells)
    assert (found.kind, str(found.field)) == ("boolean", "Boolean('c')")
    assert found.reason.startswith("reads as true and false: ")


def test_words_of_one_truth_or_of_more_are_a_category():
    assert profile(["yes", None, "yes"]).kind == "category"
    assert profile(["yes", "no", "maybe"]).kind == "category"


@pytest.mark.parametrize(
    ("cells", "written", "seconds"),
    [
        (["2024-03-01", "2023-01-01"], "", 1709251200),
        (["2024-03-01T10:00", "2023-01-01 00:00:00"], "", 1709287200),
        (["2024-03-01T10:00:00.25Z", "2023-01-01"], "", 1709287200.25),
        (["2024-03-01 10:00:00.123456789", "2023-01-01"], "", 1709287200.123456),
        (["2024-03-01T10:00:00+02:00", "2023-01-01"], "", 1709280000),
        (["01/03/2024", "13/1/2023"], "%d/%m/%Y", 1709251200),
        (["03/01/2024", "1/13/2023"], "%m/%d/%Y", 1709251200),
        (["1.3.2024", "13.01.2023"], "%d.%m.%Y", 1709251200),
        (["2024/03/01", "2023/01/01"], "%Y/%m/%d", 1709251200),
        (["01-Mar-2024", "13-Jan-2023"], "%d-%b-%Y", 1709251200),
        (["1 March 2024", "13 Jan 2023"], "%d %b %Y", 1709251200),
        (["March 1, 2024", "Jan 13, 2023"], "%b %d, %Y", 1709251200),
        (["01.03.2024 10:00", "13.01.2023 11:30"], "%d.%m.%Y %H:%M", 1709287200),
        (["3/1/2024 10:00:00 AM", "1/13/2023 1:00:00 PM"], "%m/%d/%Y %I:%M:%S %p", 1709287200),
        (["01/03/24", "13/01/23"], "%d/%m/%y", 1709251200),
    ],
)
def test_dates_are_read_as_people_write_them(cells, written, seconds):
    found = profile([*cells, None])
    assert (found.kind, found.field.written, found.field.blanks, found.warnings) == ("date", written, True, ())
    assert found.high == seconds
    assert found.reason.startswith("reads as dates like ")


@pytest.mark.parametrize("odd", ["2024-13-01", "2024-02-30", "soon", "20240301", "2024-03-01T25:00"])
def test_texts_are_dates_only_if_every_one_is(odd):
    assert profile(["2024-03-01", "2024-03-02", odd]).kind == "category"


def test_the_31st_of_february_is_no_date():
    assert profile(["31/02/2024", "13/01/2024"]).kind == "category"
    assert profile(["29/02/2024", "13/01/2024"]).kind == "date"
    assert profile(["29/02/2023", "13/01/2024"]).kind == "category"


def test_dates_that_read_both_ways_are_month_first_with_a_warning():
    found = profile(["01/02/2024", "03/04/2024"])
    assert found.field.written == "%m/%d/%Y"
    assert found.warnings == (
        "its dates read as %m/%d/%Y and as %d/%m/%Y alike, and %m/%d/%Y is assumed; if that is wrong, say --kind "
        "'c=date:%d/%m/%Y'",
    )
    found = profile(["01/02/2024", "03/04/2024"], kinds=("c=date:%d/%m/%Y",))
    assert (found.field.written, found.warnings, found.reason) == ("%d/%m/%Y", (), "as you said")


@pytest.mark.parametrize(
    ("cells", "parts"),
    [
        (["2024-03-01", "2024-03-08"], ("days",)),
        (["2024-03-01", "2024-03-02"], ("days", "weekday")),
        (["2024-03-01", "2024-07-05"], ("days", "year")),
        (["2024-03-01T10:00", "2024-03-01T11:00"], ("days", "day")),
        (["2024-03-01T10:00", "2024-07-06T11:00"], ("days", "year", "day", "weekday")),
    ],
)
def test_of_a_date_those_parts_are_used_that_vary(cells, parts):
    assert profile(cells).field.parts == parts


def test_moments_of_a_typed_table_are_dates():
    found = profile(pa.array([0, 86_400_000_000, None], pa.timestamp("us")))
    assert str(found.field) == "Date('c', ('days', 'weekday'), blanks=True)"
    assert found.histogram == (1, *[0] * 18, 1)


def test_columns_with_nothing_to_learn_are_left_out_with_the_reason():
    assert verdict([3.0] * 5) == ("leave", "constant: left out", None)
    assert verdict(["a"] * 5) == ("leave", "constant: left out", None)
    assert verdict(pa.nulls(3)) == ("leave", "nothing but blanks: left out", None)
    assert verdict(pa.array([None, None], pa.float64())) == ("leave", "nothing but blanks: left out", None)
    assert verdict([[1], [2]]) == ("leave", "nested (list<item: int64>): left out", None)
    assert verdict([f"k{i}" for i in range(21)]) == ("leave", "every value is different, as an id is: left out", None)


def test_one_value_beside_blanks_may_tell_something():
    assert verdict([3.0, None])[2] == "Number('c', blanks=True)"
    assert verdict(["a", None])[2] == "Category('c', ('a',))"


def test_row_numbers_are_left_out_but_years_are_not():
    reason = "goes up by one from row to row, as a row number does: left out"
    assert verdict(list(range(21))) == ("leave", reason, None)
    assert verdict(list(range(1, 30))) == ("leave", reason, None)
    assert verdict(list(range(500, 800))) == ("leave", reason, None)
    assert profile(list(range(1950, 2020))).kind == "number"
    assert profile(list(range(20))).kind == "number"


@pytest.mark.parametrize("name", ["id", "ID", "user_id", "PassengerId", "user id", "orderID", "customerid"])
def test_different_whole_numbers_called_id_are_left_out(name):
    ids = [place * 7.0 for place in range(30)]
    assert profiled({name: ids})[name].reason == "every value is different, as an id is: left out"
    assert profiled({name: [*ids, 7.0]})[name].kind == "number"
    assert profiled({name: [*ids, 7.5]})[name].kind == "number"


@pytest.mark.parametrize("name", ["paid", "humidity", "bid", "grid", "identity"])
def test_names_that_only_end_like_an_id_are_none(name):
    assert profiled({name: [place * 7.0 for place in range(30)]})[name].kind == "number"


def test_ids_are_known_beyond_the_numbers_that_are_counted():
    ids = np.random.default_rng(0).permutation(20_000) * 3.0
    assert profiled({"id": ids})["id"].kind == "leave"
    assert profiled({"id": np.append(ids[:9_000], ids)})["id"].kind == "number"


def test_texts_of_several_words_that_all_differ_are_text():
    assert verdict([f"a house {i}" for i in range(30)]) == (
        "text",
        "30 distinct texts: left out; --kind 'c=text' reads it, and it alone",
        None,
    )


def test_a_target_is_never_left_out_for_what_it_holds():
    assert profile([3.0] * 5, target=("c",)).kind == "number"
    assert profile(list(range(30)), target=("c",)).kind == "number"
    assert profile([f"k{i}" for i in range(20)], target=("c",)).kind == "category"


def test_categories_are_texts_that_come_again():
    many = [f"a b {place}" for place in range(600)]
    assert profile(many * 2).kind == "category"
    assert profile([*many, *many[:599]]).kind == "text"
    short = [f"{place:05}" for place in range(1100)]
    assert profile(short * 10).kind == "category"
    assert profile(short * 9).kind == "text"
    assert profile([f"{place:050}" for place in range(1100)] * 10).kind == "text"


def test_texts_that_are_all_numbers_are_a_category():
    found = profile(["007", "012", "007"] * 10)
    assert (str(found.field), found.warnings) == ("Category('c', ('007', '012'))", ())
    found = profile(["7", "12", "7"] * 10)
    assert found.kind == "category"
    assert found.warnings == ("its texts are all numbers; to read them so, say --kind c=number",)


def test_texts_beyond_the_most_are_left_out(monkeypatch):
    monkeypatch.setattr(texts, "MOST_WORDS", 10)
    assert verdict([f"a {place}" for place in range(30)])[:2] == (
        "text",
        "more than 100,000 distinct texts: left out; --kind 'c=text' reads it, and it alone",
    )
    assert verdict([f"a{place}" for place in range(30)])[1] == "every value is different, as an id is: left out"
    assert verdict(["a0", *(f"a{place}" for place in range(30))])[0] == "text"


NUMBERS = [str(place / 2) for place in range(60)]


def test_a_word_among_numbers_is_refused_with_its_row():
    cells = [*NUMBERS, "unknown", None]
    message = (
        "houses.csv:62: column 'c': expected a number, as in other rows, got 'unknown' (1 cell holds it); mend it, say "
        "`--blank 'unknown'` to read it as blank, or --kind 'c=category'"
    )
    assert refusal({"c": cells}) == message
    assert refusal({"c": cells}, kinds=("c=number",)) == message.replace("as in other rows", "as you said")
    assert profile(cells, kinds=("c=category",)).kind == "category"
    assert profile(cells, kinds=("c=leave",)).reason == "as you said: left out"


def test_all_columns_with_words_among_numbers_are_named_at_once():
    assert refusal({"c": [*NUMBERS, "oops", "err", "oops"], "d": ["x", *NUMBERS, "y", "z"], "e": [1.0] * 63}) == (
        "houses.csv: columns that cannot be used as they are:\n"
        "  - houses.csv:62: column 'c': expected a number, as in other rows, got 'oops' (3 cells hold it or one of 1 other "
        "such word); mend it, say `--blank 'oops' --blank 'err'` to read it as blank, or --kind 'c=category'\n"
        "  - houses.csv:2: column 'd': expected a number, as in other rows, got 'x' (3 cells hold it or one of 2 other "
        "such words); mend it, say `--blank 'x' --blank 'y' --blank 'z'` to read it as blank, or --kind 'd=category'"
    )


def test_a_word_among_very_many_numbers_is_refused_too(monkeypatch):
    monkeypatch.setattr(texts, "MOST_WORDS", 10)
    cells = NUMBERS * 3
    cells[100] = "oops"
    assert refusal({"c": cells}, size=7).startswith("houses.csv:102: column 'c': expected a number, as in other rows")


def test_words_that_are_no_slips_make_a_category():
    assert profile([*["1", "2", "3"] * 10, *["none at all"] * 10]).kind == "category"
    assert profile([*["01", "02", "03"] * 10, "2A"]).kind == "category"
    codes = [str(place) for place in range(300)] + [f"A{place}" for place in range(25)]
    assert profile(codes * 3).kind == "category"


@pytest.mark.parametrize(("written", "kind"), [("%Y-%m-%d", "date"), ("%d/%m/%Y", "date:%d/%m/%Y")])
def test_a_word_among_dates_is_pointed_out(written, kind):
    days = [(datetime.date(2024, 1, 1) + datetime.timedelta(place)).strftime(written) for place in range(40)]
    assert profile([*days, "soon"]).warnings == (
        f"it would read as dates, but for 'soon' (houses.csv:42); mend it, or name it with --blank and say --kind 'c={kind}'",
    )
    assert profile(["a 1/1/2024", "soon"] * 9).warnings == ()


def test_a_kind_overrules_what_is_inferred():
    assert verdict(["7", "007"] * 3, kinds=("c=number",)) == ("number", "as you said", "Number('c')")
    assert verdict(["2", "1"] * 3, kinds=("c=category",)) == ("category", "as you said", "Category('c', ('1', '2'))")
    assert verdict([2.0, 1.5] * 3, kinds=("c=category",)) == ("category", "as you said", "Category('c', ('1.5', '2'))")
    assert verdict([True, False], kinds=("c=category",))[2] == "Category('c', ('false', 'true'))"
    assert verdict(["a"] * 3, kinds=("c=category",))[2] == "Category('c', ('a',))"
    assert verdict([1.0, 0.0], kinds=("c=boolean",)) == ("boolean", "as you said", "Boolean('c')")
    assert verdict(["yes", "yes"], kinds=("c=boolean",))[2] == "Boolean('c')"
    assert verdict([True, False], kinds=("c=number",))[2] == "Number('c')"
    assert verdict(LETTERS, kinds=("c=leave",)) == ("leave", "as you said: left out", None)
    assert verdict(LETTERS, kinds=("c=text",)) == ("text", "as you said", "Text('c')")
    assert verdict(["20240301", "20240302"], kinds=("c=date:%Y%m%d",))[2] == (
        "Date('c', ('days', 'weekday'), written='%Y%m%d')"
    )
    assert verdict(["2024-03-01", "2024-03-02"], kinds=("c=category",))[0] == "category"
    assert verdict(pa.nulls(2), kinds=("c=number",)) == ("leave", "nothing but blanks: left out", None)


def test_a_kind_that_a_column_cannot_have_is_refused():
    def said(kind, cells):
        return refusal({"c": cells}, kinds=(f"c={kind}",))

    tail = "or --kind 'c=category'"
    assert said("number", ["a", "1"]) == (
        "houses.csv:2: column 'c': expected a number, as you said, got 'a' (1 cell holds it); mend it, say "
        f"`--blank 'a'` to read it as blank, {tail}"
    )
    assert said("boolean", ["yes", "perhaps"]) == (
        "houses.csv:3: column 'c': expected true or false, as you said, got 'perhaps' (1 cell holds it); mend it, say "
        f"`--blank 'perhaps'` to read it as blank, {tail}"
    )
    assert said("date", ["2024-01-01", None, "x"]) == (
        "houses.csv:4: column 'c': expected a date like 2024-12-31, as you said, got 'x' (1 cell holds it); mend it, say "
        f"`--blank 'x'` to read it as blank, {tail}"
    )
    assert said("date:%d/%m/%Y", ["31/12/2024", "12/31/2024"]) == (
        "houses.csv:3: column 'c': expected a date, as you said, got '12/31/2024' (1 cell holds it); mend it, say "
        f"`--blank '12/31/2024'` to read it as blank, {tail}"
    )
    assert said("date", [1.0, 2.0]) == (
        "houses.csv: column 'c': expected dates, as you said, got numbers; say how they are written, as in --kind "
        "c=date:%d/%m/%Y"
    )
    assert said("boolean", [1.0, 2.0]) == (
        "houses.csv: column 'c': expected true and false, as you said, got numbers such as 2; leave out that --kind"
    )
    assert said("number", pa.array([1, 2], pa.timestamp("s"))) == (
        "houses.csv: column 'c': expected numbers, as you said, got dates; leave out that --kind"
    )
    assert said("number", [[1], [2]]) == (
        "houses.csv: column 'c': expected a number, as you said, got list<item: int64>; make it a column of plain values"
    )
    assert said("date:%Q", ["x"]) == (
        "houses.csv: --kind c=date:%Q: expected a way that dates are written, such as %Y-%m-%d, got '%Q': 'Q' is a bad "
        "directive in format '%Q'"
    )
    assert said("date:day", ["x"]).endswith("got 'day': it has no directive such as %d")


def test_a_kind_that_nearly_no_cell_has_is_answered_with_another_and_not_with_blanks():
    def said(kind, cells):
        return refusal({"c": cells}, kinds=(f"c={kind}",))

    assert said("number", [*LETTERS, "1", "2"]) == (
        "houses.csv:2: column 'c': expected a number, as you said, got 'a' (30 of 32 cells do not fit); say --kind "
        "'c=category', or leave out what you said of it"
    )
    assert said("boolean", LETTERS).endswith(
        "got 'a' (30 of 30 cells do not fit); say --kind 'c=category', or leave out what you said of it"
    )
    assert said("date:%d/%m/%Y", ["13.1.2024", "2.1.2024"]) == (
        "houses.csv:2: column 'c': expected a date, as you said, got '13.1.2024' (2 of 2 cells do not fit); say --kind "
        "'c=date:%d.%m.%Y', or --kind 'c=category', or leave out what you said of it"
    )
    assert "; say --kind 'c=date', or" in said("date:%d/%m/%Y", ["2024-01-13", "2024-01-14"])
    assert said("date", LETTERS).endswith(
        "got 'a' (30 of 30 cells do not fit); say how they are written, as in --kind 'c=date:%d/%m/%Y', or --kind "
        "'c=category', or leave out what you said of it"
    )


LOOKS = "looks like numbers with thousands separators, a decimal comma or a unit"
CURE = "take these out first, and write fractions with a point"
DRESSED = ["1,818,268", "€ 2.103,50", "1.234,56", "12 %", "$5", "-62,29", "1'000", "3 000 EUR"]


@pytest.mark.parametrize("word", DRESSED)
def test_numbers_with_separators_or_units_are_pointed_out(word):
    assert profile([None, word, "7"] * 10).warnings == (
        f"it {LOOKS}, as in {word!r} (houses.csv:3); to read it as numbers, {CURE}",
    )


def test_numbers_with_separators_are_found_however_far_down():
    cells = [*(f"{place}.5" for place in range(2000)), *(f"2,{place:03}.5" for place in range(1000))]
    assert profile(cells).warnings == (f"it {LOOKS}, as in '2,000.5' (houses.csv:2002); to read it as numbers, {CURE}",)


@pytest.mark.parametrize("word", ["1.2.2024", "12 Elm Street", "1,2,3", "%", "A4", "3+", "10-20"])
def test_other_words_are_no_numbers_with_separators(word):
    assert profile([word, "7"] * 10).warnings == ()


def test_numbers_with_separators_are_pointed_out_even_where_their_column_is_left_out(monkeypatch):
    found = profile([f"{place},818,268" for place in range(100, 150)])
    assert (found.kind, found.reason) == ("leave", "every value is different, as an id is: left out")
    assert found.warnings == (f"it {LOOKS}, as in '100,818,268' (houses.csv:2); to read it as numbers, {CURE}",)
    assert profile([*["1 %", "2 %", "3 %"] * 10, "much", "more"]).warnings == ()
    monkeypatch.setattr(texts, "MOST_WORDS", 10)
    found = profile([f"{place},818,268" for place in range(100, 150)])
    assert found.warnings == (f"it {LOOKS}, as in '100,818,268'; to read it as numbers, {CURE}",)


def test_numbers_with_separators_are_never_to_be_blanked():
    assert refusal({"c": [*NUMBERS, "1,818"]}) == (
        "houses.csv:62: column 'c': expected a number, as in other rows, got '1,818' (1 cell holds it); this "
        f"{LOOKS}: {CURE}, or say --kind 'c=category'"
    )
    assert refusal({"c": DRESSED * 3}, kinds=("c=number",)) == (
        "houses.csv:2: column 'c': expected a number, as you said, got '1,818,268' (24 cells hold it or one of 7 other such "
        f"words); this {LOOKS}: {CURE}, or say --kind 'c=category'"
    )
    assert refusal({"c": [*NUMBERS, "1,818", "oops"]}) == (
        "houses.csv:62: column 'c': expected a number, as in other rows, got '1,818' (2 cells hold it or one of 1 other such "
        f"word); '1,818' {LOOKS}: {CURE}; mend the others, say `--blank 'oops'` to read them as blank, or --kind "
        "'c=category'"
    )


def test_too_many_values_cannot_be_a_category(monkeypatch):
    monkeypatch.setattr(texts, "MOST_WORDS", 10)
    assert refusal({"c": [f"a{place}" for place in range(30)]}, kinds=("c=category",)) == (
        "houses.csv: column 'c': expected one of several values, as you said, got more than 100,000 of them; leave it out"
    )


def test_a_kind_of_a_column_that_is_not_there_is_refused():
    assert refusal({"city": LETTERS}, kinds=("citty=category",)) == (
        "houses.csv: --kind citty=category: there is no column 'citty'; did you mean 'city'?"
    )


def test_numbers_that_float32_cannot_tell_apart_are_pointed_out():
    assert profile([1e9, 1e9 + 64, 1e9 - 64] * 3).warnings == (
        "its numbers differ by some 52 around 1000000000, and of so little only a part is left in 32 bits; take away what "
        "they have in common",
    )
    assert profile([1e9, 2e9, 3e9] * 3).warnings == ()


CELLS = st.one_of(
    st.lists(st.one_of(st.none(), st.floats(-1e5, 1e5)), min_size=4, max_size=30).map(
        lambda x: pa.array(x, pa.float64())
    ),
    st.lists(st.one_of(st.none(), st.sampled_from("abcd")), min_size=4, max_size=30).map(
        lambda x: pa.array(x, pa.string())
    ),
    st.lists(st.one_of(st.none(), st.dates().map(str)), min_size=4, max_size=30).map(
        lambda x: pa.array(x, pa.string())
    ),
)


@given(cells=CELLS, size=st.integers(1, 9), seed=st.integers(0, 99))
def test_a_profile_does_not_depend_on_batches_or_on_the_order_of_rows(cells, size, seed):
    order = np.random.default_rng(seed).permutation(len(cells))
    one, other = profile(cells), profile(cells.take(pa.array(order)), size=size)
    assert (one.kind, str(one.field), one.warnings) == (other.kind, str(other.field), other.warnings)
    assert (one.blanks, one.distinct, one.low, one.high) == (other.blanks, other.distinct, other.low, other.high)
    assert (one.top, one.histogram, one.reason) == (other.top, other.histogram, other.reason)


def test_the_order_of_columns_does_not_matter():
    table = {"x": [1.0, 2.5, 3.0], "y": ["a", "b", "a"], "z": ["2024-01-01", None, "2024-02-01"]}
    one = profiled(table)
    other = profiled(dict(reversed(table.items())))
    assert list(other) == ["z", "y", "x"]
    assert {name: str(found) for name, found in one.items()} == {name: str(found) for name, found in other.items()}


def test_fields_are_of_the_four_words():
    found = profiled({"a": [1.0, 2.5], "b": ["x", "y"], "c": [True, False], "d": ["2024-01-01", "2024-01-02"]})
    assert [type(item.field) for item in found.values()] == [Number, Category, Boolean, Date]


def test_columns_in_a_folder_have_the_same_profile(tmp_path):
    table = {"x": [1.0, 2.5, None], "z": ["2024-01-01", None, "2024-02-01"]}
    found = profiles(collected(table, folder=tmp_path), Reading())
    assert {name: str(item) for name, item in found.items()} == {
        name: str(item) for name, item in profiled(table).items()
    }
