import math

import numpy as np
import pyarrow as pa
import pytest
from given_tables import Given, collected, cut, rows
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.tables import collect as collecting
from lamina.data.tables import stored, texts
from lamina.data.tables.collect import collect
from lamina.data.tables.reading import Reading
from lamina.errors import DataError

NUMBERS = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-50, 50).map(float)), min_size=1, max_size=40)
TEXTS = st.lists(st.one_of(st.none(), st.sampled_from(["Ulm", "Rome", "Köln", "New York"])), min_size=1, max_size=40)


def refusal(given_columns, **said) -> str:
    with pytest.raises(DataError) as caught:
        collected(given_columns, **said)
    return str(caught.value)


def test_numbers_are_float32_with_nan_for_blanks():
    column = collected({"x": [1.5, None, 3.0]}).columns["x"]
    np.testing.assert_array_equal(column.values, np.array([1.5, math.nan, 3], np.float32))
    assert column.values.dtype == np.float32
    assert (column.held, column.rows, column.blanks, column.distinct) == ("numbers", 3, 1, 2)
    assert (column.low, column.high, column.mean, column.deviation) == (1.5, 3.0, 2.25, 0.75)


def test_nan_is_blank():
    column = collected({"x": pa.array([math.nan, 2.0])}).columns["x"]
    assert (column.blanks, column.low, column.high) == (1, 2.0, 2.0)


def test_texts_are_codes_into_the_words_in_order_of_appearance():
    column = collected({"x": ["b", None, "a", "b", "c"]}, size=2).columns["x"]
    assert column.values.tolist() == [0, -1, 1, 0, 2]
    assert column.values.dtype == np.int32
    assert column.words == ["b", "a", "c"]
    assert column.counts.tolist() == [2, 1, 1]
    assert (column.blanks, column.distinct, column.repeats, column.length) == (1, 3, True, 1.0)


def test_words_of_a_dictionary_that_no_row_holds_are_left_out():
    array = pa.DictionaryArray.from_arrays(pa.array([2, 0, None], pa.int32()), ["b", "unused", "a"])
    column = collect(Given([pa.record_batch({"x": array})]), Reading()).columns["x"]
    assert column.words == ["b", "a"]
    assert column.values.tolist() == [1, 0, -1]


def test_truths_are_codes_and_moments_are_seconds():
    found = collected({"flag": [True, None, False], "when": pa.array([0, 86_400_000_000, None], pa.timestamp("us"))})
    assert found.columns["flag"].values.tolist() == [1, -1, 0]
    assert found.columns["flag"].words == ["false", "true"]
    assert found.columns["flag"].counts.tolist() == [1, 1]
    np.testing.assert_array_equal(found.columns["when"].values, [0.0, 86_400.0, math.nan])
    assert found.columns["when"].values.dtype == np.float64


def test_texts_that_are_all_dates_are_moments():
    column = collected({"when": ["1970-01-02", None, "1970-01-01T06:00"]}).columns["when"]
    np.testing.assert_array_equal(column.values, [86_400.0, math.nan, 21_600.0])
    assert (column.held, column.written, column.blanks) == ("moments", "", 1)


def test_what_no_field_can_take_is_only_counted():
    found = collected({"nested": [[1], None], "nothing": pa.nulls(2)}).columns
    assert (found["nested"].held, found["nested"].type, found["nested"].values) == ("nested", "list<item: int64>", None)
    assert (found["nothing"].held, found["nothing"].blanks) == ("nothing", 2)


def test_a_column_that_is_to_be_left_out_is_not_looked_at_unless_rows_are_split_by_it():
    given_columns = {"x": [math.inf, 1.0], "y": [1.0, 2.0]}
    found = collected(given_columns, kinds=("x=leave", "y=leave"), time="y").columns
    assert found["x"].values is None
    assert found["y"].values.tolist() == [1.0, 2.0]


def test_what_rows_belong_to_is_kept_as_a_hash_of_what_is_written():
    groups = collected({"who": ["b", "a", "b", None]}, group="who").columns["who"]
    assert (groups.held, groups.blanks) == ("hashes", 1)
    assert groups.values[0] == groups.values[2] != groups.values[1]


def test_a_group_is_the_same_whether_it_has_a_point_or_none():
    one, other, zero, long = (
        collected({"who": ["5", "5.0", "05", "12345678901234567"]}, group="who").columns["who"].values
    )
    assert one == other != zero
    assert long not in (one, zero)


def test_what_is_no_input_keeps_all_its_digits():
    found = collected({"id": [16777216.0, 16777217.0], "x": [16777216.0, 16777217.0]}, target=("id",)).columns
    assert len(set(found["id"].values.tolist())) == 2
    assert len(set(found["x"].values.tolist())) == 1


def test_the_source_says_where_rows_stand_and_what_it_assumed():
    found = collected({"x": [1.0, 2.0]})
    assert (found.name, found.rows, found.notes, found.skipped) == ("houses.csv", 2, ["read as Latin-1"], [])
    assert found.where(17) == "houses.csv:19"


def test_reading_begins_again_when_the_source_has_learned_better(tmp_path):
    batches = cut(rows({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "a"]}), 1)
    for folder in (None, tmp_path):
        found = collect(Given(batches, retyped=2), Reading(), folder)
        assert found.rows == 3
        assert found.columns["x"].values.tolist() == [1.0, 2.0, 3.0]
        assert found.columns["y"].counts.tolist() == [2, 1]


@pytest.mark.parametrize(("value", "text"), [(math.inf, "inf"), (-math.inf, "-inf"), (1e39, "1e+39")])
def test_numbers_that_float32_cannot_hold_are_refused_with_their_row(value, text):
    assert refusal({"price": [1.0, None, value, value]}) == (
        f"houses.csv:4: column 'price' must hold numbers up to 3.4e38, got {text}; mend it, name its spelling with --blank "
        "to read it as blank, or say --kind price=leave"
    )


def test_all_columns_with_such_numbers_are_named_at_once():
    tail = "mend it, name its spelling with --blank to read it as blank, or say"
    assert refusal({"a": [math.inf, 1.0], "b": [1.0, 2.0], "c": [1.0, -1e39]}) == (
        "houses.csv holds numbers that are too large:\n"
        f"  - houses.csv:2: column 'a' must hold numbers up to 3.4e38, got inf; {tail} --kind a=leave\n"
        f"  - houses.csv:3: column 'c' must hold numbers up to 3.4e38, got -1e+39; {tail} --kind c=leave"
    )


def test_the_largest_float32_is_still_a_number():
    largest = float(np.finfo(np.float32).max)
    assert collected({"x": [largest, -largest]}).columns["x"].values.tolist() == [largest, -largest]


def test_row_numbers_are_recognised_over_batches():
    def steps(cells):
        return collected({"x": cells}, size=3).columns["x"].steps

    assert steps([5, 6, 7, 8, 9, 10, 11])
    assert not steps([5, 6, 7, 9, 10])
    assert not steps([5, 7, 6, 8])
    assert not steps([5, 6, 7, 7, 8])
    assert not steps([5, 6, None, 8])
    assert not steps([0.5, 2.0])


@pytest.mark.parametrize("scale", [1.0, 0.25, 1000.0])
def test_distinct_numbers_are_counted_up_to_ten_thousand(scale):
    several = np.arange(10_000) * scale
    column = collected({"x": np.tile(several, 3)}, size=7000).columns["x"]
    assert (column.distinct, column.repeats) == (10_000, True)
    assert column.commonest[:2] == ((0.0, 3), (scale, 3))
    column = collected({"x": np.append(several, -scale)}, size=7000).columns["x"]
    assert (column.distinct, column.repeats, column.commonest) == (None, False, ())


def test_numbers_are_counted_alike_at_places_and_by_looking_them_up():
    cells = [3.0, 3.0, -2.0, 1e6, 3.0, 0.5, -2.0, 0.5, 2.0**60]
    column = collected({"x": cells}, size=2).columns["x"]
    assert (column.distinct, column.whole) == (5, False)
    assert column.commonest == ((3.0, 3), (-2.0, 2), (0.5, 2), (1e6, 1), (2.0**60, 1))


@given(cells=NUMBERS, size=st.integers(1, 9))
def test_what_is_known_of_numbers_does_not_depend_on_batches(cells, size):
    column = collected({"x": pa.array(cells, pa.float64())}, size=size).columns["x"]
    known = np.array([cell for cell in cells if cell is not None])
    assert (column.rows, column.blanks, column.distinct or 0) == (len(cells), len(cells) - len(known), len(set(known)))
    if len(known):
        assert (column.low, column.high, column.whole) == (known.min(), known.max(), bool((known % 1 == 0).all()))
        assert column.mean == pytest.approx(known.mean(), abs=1e-6)
        assert column.deviation == pytest.approx(known.std(), abs=1e-3)
    np.testing.assert_array_equal(column.values, np.array(cells, float).astype(np.float32))


@given(cells=TEXTS, size=st.integers(1, 9))
def test_texts_come_back_whatever_the_batches(cells, size):
    column = collected({"x": pa.array(cells, pa.string())}, size=size).columns["x"]
    assert [None if code < 0 else column.words[code] for code in column.values.tolist()] == cells
    assert dict(zip(column.words, column.counts.tolist(), strict=True)) == {
        word: cells.count(word) for word in cells if word is not None
    }


def test_columns_in_a_folder_are_the_same_as_in_memory(tmp_path):
    given_columns = {
        "x": [1.0, None, 3.0],
        "y": ["a", "b", None],
        "flag": [True, None, False],
        "when": ["2024-01-01", None, "2024-02-01"],
    }
    memory, filed = (collected(given_columns, size=2, folder=folder) for folder in (None, tmp_path / "cache"))
    for name, column in filed.columns.items():
        assert isinstance(column.values, np.memmap)
        np.testing.assert_array_equal(column.values, memory.columns[name].values)


def test_many_columns_in_a_folder_share_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "MOST_FILES", 2)
    given_columns = {"a": [True, False, True], "b": [1.0, 2.0, 3.0], "c": ["x", "y", "x"], "d": [1.5, 2.5, None]}
    given_columns["when"] = pa.array([1, 2, 3], pa.timestamp("s"))
    found = collected(given_columns, size=2, folder=tmp_path).columns
    assert [item.name for item in tmp_path.iterdir()] == ["columns"]
    assert found["a"].values.tolist() == [1, 0, 1]
    assert found["b"].values.tolist() == [1, 2, 3]
    assert found["c"].values.tolist() == [0, 1, 0]
    assert found["when"].values.tolist() == [1.0, 2.0, 3.0]


def test_a_table_without_rows_has_columns_without_cells(tmp_path):
    batch = rows({"x": [1.0], "y": ["a"]}).slice(0, 0)
    for folder in (None, tmp_path):
        found = collect(Given([batch]), Reading(), folder)
        assert [len(column.values) for column in found.columns.values()] == [0, 0]


@pytest.fixture
def few_words(monkeypatch):
    """A column of more than ten distinct words is given up."""
    monkeypatch.setattr(texts, "MOST_WORDS", 10)
    monkeypatch.setattr(collecting, "ROWS_AT_ONCE", 4)


@pytest.mark.usefixtures("few_words")
def test_texts_with_too_many_words_are_given_up_but_counted(tmp_path):
    cells = [f"word {place}" for place in range(30)] + [None] * 5
    for folder in (None, tmp_path):
        column = collected({"x": cells}, size=4, folder=folder).columns["x"]
        assert (column.values, column.words, column.distinct) == (None, [], None)
        assert (column.rows, column.blanks, column.repeats, column.spaced) == (35, 5, False, True)
        assert column.length == sum(len(cell or "") for cell in cells) / 30


@pytest.mark.usefixtures("few_words")
def test_dates_are_not_given_up_however_many_there_are(tmp_path):
    cells = [f"{1 + place % 28:02}/{1 + place // 28:02}/1970" for place in range(40)]
    cells[7] = None
    for folder in (None, tmp_path):
        # Only the thirteenth shows that the day comes first.
        column = collected({"x": cells}, size=4, folder=folder).columns["x"]
        assert (column.held, column.written, column.otherwise) == ("moments", "%d/%m/%Y", None)
        np.testing.assert_array_equal(column.values[:8] / 86_400, [0, 1, 2, 3, 4, 5, 6, math.nan])
        assert (len(column.values), column.blanks, column.odd.cells) == (40, 1, 0)


@pytest.mark.usefixtures("few_words")
def test_numbers_with_a_few_words_among_them_are_remembered_with_their_first_row(tmp_path):
    cells = [str(place / 2) for place in range(40)]
    cells[33] = cells[38] = "unknown"
    cells[20] = None
    for folder in (None, tmp_path):
        column = collected({"x": cells}, size=4, folder=folder).columns["x"]
        assert (column.held, column.odd.words, column.odd.first) == ("numbers", {"unknown": 2}, ("unknown", 33))
        assert column.blanks == 1
        assert column.values[3] == 1.5


@pytest.mark.usefixtures("few_words")
def test_what_seemed_to_be_numbers_is_given_up_when_too_many_words_follow():
    cells = [str(place) for place in range(20)] + [f"word{place}" for place in range(30)]
    column = collected({"x": cells}, size=4).columns["x"]
    assert (column.values, column.held, column.rows, column.blanks) == (None, "words", 50, 0)


def test_texts_that_are_said_to_be_numbers_are_read_as_such():
    column = collected({"x": ["007", "-1.5e3", None, "oops"]}, kinds=("x=number",)).columns["x"]
    np.testing.assert_array_equal(column.values, np.array([7, -1500, math.nan, math.nan], np.float32))
    assert (column.odd.words, column.odd.first, column.blanks) == ({"oops": 1}, ("oops", 3), 1)


def test_thousands_of_columns_are_collected():
    batch = pa.record_batch({f"x{place}": pa.array(np.arange(20.0) * place) for place in range(3_000)})
    found = collect(Given([batch] * 3), Reading())
    assert found.columns["x2999"].high == 19 * 2999
