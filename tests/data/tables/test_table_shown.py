import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.tables.fields import Category, Number
from lamina.data.tables.printed import cut, padded, printable, spread
from lamina.data.tables.profile import Profile
from lamina.data.tables.show import (
    Summary,
    blanks_text,
    date_text,
    number_text,
    profile_json,
    profile_text,
    share_text,
    size_text,
    values_text,
)


def number(name="age", **changes) -> Profile:
    plain = Profile(name, "number", "numbers", 0, 200, 60, 1.0, 99.0, 38.5, 12.25, (), (10,) * 20, (), Number(name))
    return replace(plain, **changes)


def category(name="town", **changes) -> Profile:
    top = (("Oslo", 120), ("Bergen", 60))
    return replace(
        Profile(name, "category", "texts", 20, 200, 2, top=top, field=Category(name, ("Bergen", "Oslo"))), **changes
    )


def summary(*profiles, **changes) -> Summary:
    return replace(Summary("houses.csv", 200, 1_234_567, {profile.name: profile for profile in profiles}), **changes)


def test_a_table_is_told_as_a_head_a_line_a_column_and_what_to_beware_of():
    told = summary(
        number(),
        category(),
        number("id", field=None, kind="leave", reason="counts the rows, 1 to 200", low=1, high=200),
        number("price", blanks=1, warnings=("3 cells lie far from the others",)),
        target=("price",),
        notes=("houses.csv: read as Latin-1",),
        skipped=("houses.csv:17: expected 4 cells, got 3",),
        findings=("target price: a value, since it holds numbers that are not whole",),
    )
    assert profile_text(told).splitlines() == [
        "houses.csv: 200 rows, 4 columns, 1.2 MB",
        "  houses.csv: read as Latin-1",
        "  left out, since they cannot be read: 1 row",
        "    houses.csv:17: expected 4 cells, got 3",
        "",
        "column  kind      blanks    values                          why",
        "-------------------------------------------------------------------",
        "age     number              1..99, mean 38.5                numbers",
        "town    category  20 (10%)  2 values: Oslo 67%, Bergen 33%  texts",
        "id      left out            counts the rows, 1 to 200",
        "price   target    1 (0.5%)  1..99, mean 38.5                numbers",
        "",
        "price: 3 cells lie far from the others",
        "target price: a value, since it holds numbers that are not whole",
    ]


def test_a_table_in_memory_has_no_size():
    assert profile_text(summary(number(), size=0)).splitlines()[0] == "houses.csv: 200 rows, 1 column"


def test_a_reason_too_long_for_its_line_stands_below():
    reason = "whole numbers of 52 values, more than are taken for categories"
    lines = profile_text(summary(number(reason=reason), category())).splitlines()
    assert lines[4] == "age     number              1..99, mean 38.5"
    assert lines[5] == " " * 28 + reason
    assert lines[6].startswith("town ")


def test_a_table_without_columns_can_be_told():
    assert profile_text(summary()).splitlines()[0] == "houses.csv: 200 rows, 0 columns, 1.2 MB"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width):
    long = "x" * 70
    told = summary(
        number("a" + long, reason="because " * 20),
        category(top=((long, 90), ("y" * 90, 80))),
        number("b", field=None, reason=long * 2),
        notes=("word " * 60,),
    )
    assert max(map(len, profile_text(told, width).splitlines())) <= width


def test_of_many_columns_the_last_are_counted_by_kind():
    columns = [number(f"n{place}") for place in range(70)] + [category(f"c{place}") for place in range(9)]
    columns += [number("odd", field=None), number("price")]
    lines = profile_text(summary(*columns, target=("price",))).splitlines()
    assert lines[4].startswith("n0 ")
    assert lines[62].startswith("n58 ")
    assert lines[63].startswith("price   target ")
    assert lines[64] == "and 21 more: 11 number, 9 category, 1 left out"
    assert len(lines) == 65


def test_of_many_messages_the_first_are_told():
    told = summary(number(), skipped=[f"row {place}" for place in range(14)])
    lines = profile_text(told).splitlines()
    assert lines[1] == "  left out, since they cannot be read: 14 rows"
    assert lines[11:13] == ["    row 9", "    and 4 more"]


def test_wide_letters_keep_the_columns_in_line():
    names = "住宅", "e\u0301te", "plain"
    lines = profile_text(summary(*map(number, names))).splitlines()[4:]
    assert [line.partition("number")[0] for line in lines] == ["住宅    ", "e\u0301te     ", "plain   "]


def test_nothing_in_a_table_reaches_the_terminal_as_a_command():
    text = profile_text(
        summary(category("a\x1b[31m\nb", top=(("x\ty\u202e", 100),)), notes=("red \x1b[0m",), name="evil\r.csv")
    )
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert "a·[31m b" in text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 9, "0%"),
        (9, 9, "100%"),
        (1, 3, "33%"),
        (1, 100_000, "<0.1%"),
        (99_999, 100_000, ">99.9%"),
        (997, 1000, "99.7%"),
        (21, 1000, "2.1%"),
        (999, 10_000, "10%"),
        (0, 0, "0%"),
    ],
)
def test_shares_show_nothing_and_all_only_where_it_is_that(part, whole, text):
    assert share_text(part, whole) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (3.0, "3"),
        (0.000123456, "0.0001235"),
        (-119.5697, "-119.6"),
        (20640.4, "20,640"),
        (1.5e9, "1,500,000,000"),
        (2e15, "2e+15"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_show_the_digits_that_matter(value, text):
    assert number_text(value) == text


def test_dates_show_the_time_where_there_is_one():
    assert date_text(86_400.0 * 365) == "1971-01-01"
    assert date_text(-86_400.0) == "1969-12-31"
    assert date_text(3_661.5) == "1970-01-01T01:01:01"
    assert date_text(math.nan) == "?"
    assert values_text(number(kind="date", low=0.0, high=86_400.0)) == "1970-01-01..1970-01-02"


def test_sizes_are_in_the_largest_unit_that_fits():
    assert [size_text(size) for size in (999, 1_500, 250_000, 3.2e9, 5e15)] == [
        "999 bytes",
        "1.5 kB",
        "250 kB",
        "3.2 GB",
        "5,000 TB",
    ]


def test_values_are_told_by_their_kind():
    assert values_text(category(kind="boolean", top=(("true", 90), ("false", 90)))) == "true 50%, false 50%"
    assert values_text(category(top=(("a", 1), ("b", 1)), distinct=180)) == "180 values"
    assert values_text(category(top=(), distinct=None)) == ""
    assert values_text(number(kind="category", top=(("7", 150), ("9", 50)), distinct=2)) == "2 values: 7 75%, 9 25%"
    many = tuple((f"a value of some length {place}", 20) for place in range(9))
    assert values_text(category(top=many, distinct=9)) == "9 values: a value of some len… 11%"
    assert blanks_text(number(blanks=0)) == ""


def test_a_program_gets_all_of_it():
    told = profile_json(
        summary(number(mean=math.nan, low=math.inf), category(warnings=("rare",)), target=("town",), notes=("n",))
    )
    assert told["columns"][0] == {
        "name": "age",
        "kind": "number",
        "used": True,
        "reason": "numbers",
        "blanks": 0,
        "distinct": 60,
        "low": None,
        "high": 99.0,
        "mean": None,
        "deviation": 12.25,
        "top": [],
        "histogram": [10] * 20,
        "warnings": [],
        "field": "Number('age')",
    }
    assert told["columns"][1]["top"] == [{"value": "Oslo", "count": 120}, {"value": "Bergen", "count": 60}]
    assert told["columns"][1]["used"] is False
    assert {name: told[name] for name in told if name != "columns"} == {
        "name": "houses.csv",
        "rows": 200,
        "bytes": 1_234_567,
        "target": ["town"],
        "notes": ["n"],
        "skipped": [],
        "findings": [],
    }


@given(st.floats(), st.floats(), st.text())
def test_what_a_program_gets_is_json(low, mean, name):
    json.dumps(profile_json(summary(number(name, low=low, mean=mean))), allow_nan=False)


@given(st.text(), st.integers(1, 30))
def test_text_is_cut_and_padded_to_its_room(text, room):
    shown = cut(printable(text), room)
    assert spread(shown) <= room
    assert spread(padded(shown, room)) == room
    assert shown == printable(text) or shown.endswith("…")
