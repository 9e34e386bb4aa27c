import datetime
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from given_tables import collected, column, cut, profiled, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.tables import encode as encoding
from lamina.data.tables.encode import decoded, encode, feature_names, matrix, ordered, table_kind
from lamina.data.tables.fields import FIELDS, Boolean, Category, Date, Field, Number, from_json, to_json
from lamina.errors import DataError
from lamina.kinds import Table
from lamina.word import same

NAN = math.nan
CITY = Category("city", ("Rome", "Ulm"))
EVERY = Date("when", ("days", "year", "weekday", "day"))
FIELDS_OF_ALL_KINDS = (CITY, Number("age"), Boolean("sex"), EVERY, Number("income", blanks=True))


def where(row: int) -> str:
    return f"late.csv:{row + 2}"


def features(field: Field, cells) -> list:
    """What a field makes of cells, a row each."""
    array = cells if isinstance(cells, pa.Array) else pa.array(cells)
    return encode(pa.record_batch({field.column: array}), [field], where).tolist()


def number(cells) -> list[float]:
    return [None if math.isnan(value) else value for (value,) in features(Number("x"), cells)]


def codes(field, cells) -> list[int]:
    return [code for (code,) in features(field, cells)]


def refusal(fields, table, first=0) -> str:
    batch = table if isinstance(table, pa.RecordBatch) else pa.record_batch({k: pa.array(v) for k, v in table.items()})
    with pytest.raises(DataError) as caught:
        encode(batch, fields, where, first)
    return str(caught.value)


def test_the_matrix_has_numbers_that_may_be_blank_then_other_numbers_then_categories():
    fields = ordered(FIELDS_OF_ALL_KINDS)
    assert [field.column for field in fields] == ["income", "age", "when", "city", "sex"]
    assert feature_names(FIELDS_OF_ALL_KINDS) == (
        *("income", "age", "when.days", "when.year.sine", "when.year.cosine", "when.day.sine", "when.day.cosine"),
        *("when.weekday", "city", "sex"),
    )
    assert same(table_kind(FIELDS_OF_ALL_KINDS), Table(7, (9, 4, 4), blanks=1))


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([1.5, None, -2.0]),
        pa.array([1.5, NAN, -2.0]),
        pa.array([1.5, None, -2.0], pa.float32()),
        pa.array(["1.5", None, "-2"]),
        pa.array([" 1.5 ", "N/A", "-2.0e0"]),
        pa.array(["+1.5", "", "-2."]).dictionary_encode(),
        pa.array(["1.5", "?", "-2"], pa.large_string()),
        pa.array([1.5, None, -2.0]).dictionary_encode(),
        pa.array([datetime.date(1970, 1, 1), None]).slice(2),
    ],
)
def test_numbers_are_read_from_cells_of_any_type(cells):
    assert number(cells) == [1.5, None, -2.0][: len(cells)]


def test_whole_numbers_truths_and_decimals_are_numbers():
    assert number(pa.array([3, None])) == [3.0, None]
    assert number([True, False, None]) == [1.0, 0.0, None]
    assert number(pa.array([3, None]).cast(pa.decimal128(25, 2))) == [3.0, None]
    assert number(pa.nulls(2)) == [None, None]


def test_values_of_a_category_have_codes_from_two_on():
    for cells in (["Ulm", "Rome", None, "Oslo"], [" Ulm", "Rome ", " - ", "ulm"]):
        assert codes(CITY, cells) == [3, 2, 1, 0]
        assert codes(CITY, pa.array(cells).dictionary_encode()) == [3, 2, 1, 0]
    assert codes(CITY, pa.nulls(2)) == [1, 1]


def test_numbers_are_found_among_the_values_of_a_category_however_they_are_written():
    field = Category("x", ("0.1", "12", "2134"))
    assert codes(field, [2134.0, 12.0, 0.1, 7.0, None]) == [4, 3, 2, 0, 1]
    assert codes(field, pa.array([2134, 12])) == [4, 3]
    assert codes(field, pa.array([0.1], pa.float32())) == [2]
    assert codes(field, ["2134.0", "12", "0.10", "7"]) == [4, 3, 2, 0]
    assert codes(Category("x", ("12.0", "7.0")), pa.array([7, 12, 8])) == [3, 2, 0]


def test_leading_zeros_are_part_of_a_name():
    assert codes(Category("x", ("007", "7")), ["007", "7", "07"]) == [2, 3, 0]
    assert codes(Category("x", ("007",)), ["007", "7"]) == [2, 0]


def test_values_that_are_one_number_are_told_apart_only_as_they_are_written():
    assert codes(Category("x", ("7", "7.0")), ["7", "7.0", "7.00"]) == [2, 3, 0]


def test_truths_and_days_are_found_among_the_values_of_a_category():
    assert codes(Category("x", ("False", "True")), [True, False, None]) == [3, 2, 1]
    assert codes(Category("x", ("2024-03-01",)), [datetime.date(2024, 3, 1), datetime.date(2024, 3, 2)]) == [2, 0]


def test_true_and_false_are_read_however_they_are_spelled():
    assert codes(Boolean("x"), ["YES", "no", "t", "0", "perhaps", None]) == [3, 2, 3, 2, 0, 1]
    assert codes(Boolean("x"), [True, False, None]) == [3, 2, 1]
    assert codes(Boolean("x"), [1.0, 0.0, 2.0, None]) == [3, 2, 0, 1]
    assert codes(Boolean("x"), ["1.0", "0.0"]) == [3, 2]


def test_a_date_is_taken_apart():
    noon = 12 * 3600
    (row,) = features(EVERY, pa.array([18_000 * 86_400 + noon], pa.timestamp("s")))  # Monday, 14 April 2019
    turn = 2 * math.pi * ((31 + 28 + 31 + 13) + 0.5) / 365
    assert datetime.date(1970, 1, 1) + datetime.timedelta(18_000) == datetime.date(2019, 4, 14)
    assert row[0] == 18_000.5
    assert row[1:3] == pytest.approx([math.sin(turn), math.cos(turn)], abs=1e-6)
    assert row[3:5] == pytest.approx([0, -1], abs=1e-6)
    assert row[5] == 2 + datetime.date(2019, 4, 14).weekday()


def test_a_blank_date_is_nan_in_numbers_and_blank_in_categories():
    (row,) = features(EVERY, pa.array([None], pa.timestamp("us")))
    assert [math.isnan(value) for value in row[:5]] == [True] * 5
    assert row[5] == 1


@pytest.mark.parametrize(
    ("written", "cells"),
    [
        ("", ["2024-03-01", None]),
        ("", pa.array([datetime.date(2024, 3, 1), None])),
        ("", pa.array([datetime.date(2024, 3, 1), None]).cast(pa.date64())),
        ("", pa.array([datetime.datetime(2024, 3, 1), None], pa.timestamp("ns"))),
        ("", pa.array([datetime.datetime(2024, 3, 1), None], pa.timestamp("ms", "UTC"))),
        ("%d/%m/%Y", ["1/3/2024", ""]),
        ("%Y%m%d", [20240301, None]),
        ("%Y-%m-%d %H:%M:%S.%f", ["2024-03-01 00:00:00.0", "-"]),
    ],
)
def test_dates_are_read_from_cells_of_any_type(written, cells):
    days = [day for (day,) in features(Date("x", ("days",), written), cells)]
    assert days[0] == 19_783
    assert math.isnan(days[1])


def test_a_cell_that_does_not_fit_is_refused_with_its_row():
    cure = "mend it, or leave the cell empty"
    assert refusal([Number("x")], {"x": ["1", "oops"]}) == (
        f"late.csv:3: column 'x': expected a number, got 'oops'; {cure}"
    )
    assert refusal([Number("x")], {"x": [1.0, math.inf]}, first=100) == (
        f"late.csv:103: column 'x': expected a number up to 3.4e38, got inf; {cure}"
    )
    assert refusal([Number("x")], {"x": ["1e39"]}).endswith(f"got '1e39'; {cure}")
    assert refusal([Number("x")], {"x": [datetime.date(2024, 3, 1)]}).endswith(f"got '2024-03-01'; {cure}")
    for parts in (("days",), ("weekday",)):
        assert refusal([Date("x", parts, "%d/%m/%Y")], {"x": ["12/31/2024"]}) == (
            f"late.csv:2: column 'x': expected a date like '31/12/2024', got '12/31/2024'; {cure}"
        )
    assert refusal([Number("x")], {"x": [[1.0]]}) == (
        "late.csv:2: column 'x': expected numbers, got list<item: double>; convert the column"
    )


def test_all_columns_that_do_not_fit_are_named_at_once():
    assert refusal([Number("x"), Number("y")], {"x": ["1", "oops"], "y": ["err", "2"]}) == (
        "late.csv:2: these rows cannot be read:\n"
        "  - late.csv:3: column 'x': expected a number, got 'oops'; mend it, or leave the cell empty\n"
        "  - late.csv:2: column 'y': expected a number, got 'err'; mend it, or leave the cell empty"
    )


def test_words_that_no_row_holds_do_no_harm():
    array = pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int32()), ["1.5", "oops"])
    assert number(array) == [1.5, None]


def test_missing_columns_are_named_at_once():
    assert refusal([Number("age"), Number("x"), CITY], {"Age": [1.0], "x": [2.0]}) == (
        "late.csv:2: expected the columns 'age', 'city', which are not there; did you mean 'Age'?"
    )
    assert refusal([Number("age")], {"x": [1.0]}) == (
        "late.csv:2: expected the column 'age', which is not there; there are: x"
    )
    fields = [Number(f"a{place}") for place in range(30)]
    assert "'a19' and 10 more, which are not there" in refusal(fields, {"x": [1.0]})


def test_a_column_that_is_there_twice_is_refused():
    batch = pa.record_batch([pa.array([1.0]), pa.array([2.0])], ["x", "x"])
    assert refusal([Number("x")], batch) == "late.csv:2: expected one column 'x', got 2; give them unlike names"


def test_other_columns_and_the_order_of_columns_do_not_matter():
    table = {"age": [1.0, 2.0], "city": ["Ulm", "Rome"], "other": [[1], [2]]}
    fields = [CITY, Number("age")]
    one = encode(pa.record_batch(table), fields, where)
    other = encode(pa.record_batch(dict(reversed(table.items()))), fields, where)
    assert one.tolist() == other.tolist() == [[1.0, 3.0], [2.0, 2.0]]


def test_the_cells_of_a_row_are_told_to_people():
    row = encode(
        pa.record_batch(
            {
                "age": [7.0],
                "city": ["Ulm"],
                "income": [None],
                "sex": ["maybe"],
                "when": pa.array([datetime.datetime(2024, 2, 29, 6)]),
            }
        ),
        FIELDS_OF_ALL_KINDS,
        where,
    )[0]
    texts = dict(zip(feature_names(FIELDS_OF_ALL_KINDS), decoded(row, FIELDS_OF_ALL_KINDS), strict=True))
    assert (texts["age"], texts["income"], texts["city"], texts["sex"]) == ("7", "", "Ulm", "(never seen)")
    assert (texts["when.days"], texts["when.weekday"], texts["when.day.sine"]) == ("2024-02-29", "Thursday", "1")


TABLES = st.integers(1, 25).flatmap(
    lambda size: st.fixed_dictionaries(
        {
            "number": _column(st.floats(-1e30, 1e30), size),
            "digits": _column(st.integers(0, 5).map(str), size),
            "letters": _column(st.sampled_from(["a", "B", "ü", "New York", "7.0", "true"]), size),
            "truth": _column(st.sampled_from(["yes", "No", "no"]), size),
            "flag": _column(st.booleans(), size),
            "when": _column(st.datetimes(datetime.datetime(1800, 1, 1), datetime.datetime(2200, 1, 1)), size),
            "day": _column(st.dates(datetime.date(1000, 1, 1)).map(lambda day: day.strftime("%d.%m.%Y")), size),
            "iso": _column(st.datetimes().map(str), size),
        }
    )
)


def _column(cells, size):
    return st.lists(st.one_of(st.none(), cells), min_size=size, max_size=size)


TYPES = {"number": pa.float64(), "flag": pa.bool_(), "when": pa.timestamp("us")}


@settings(max_examples=30)
@given(table=TABLES, size=st.integers(1, 9), filed=st.booleans())
def test_rows_that_come_alone_are_encoded_as_they_were_in_training(table, size, filed):
    table = {name: pa.array(cells, TYPES.get(name, pa.string())) for name, cells in table.items()}
    fields = [found.field for found in profiled(table, size=size).values() if found.field is not None]
    if not fields:
        return
    with tempfile.TemporaryDirectory() as folder:
        given_table = collected(table, size=size, folder=Path(folder) if filed else None)
        made = np.array(matrix(given_table, fields, Path(folder) if filed else None))
    assert made.dtype == np.float32
    assert made.shape == (len(table["number"]), len(feature_names(fields)))
    alone = [encode(part, fields, where) for part in cut(rows(table), 1)]
    np.testing.assert_array_equal(made, np.concatenate(alone))
    plain = pa.record_batch({name: table[name] for name in reversed(table)})
    np.testing.assert_array_equal(made, encode(plain, fields, where))
    typeless = pa.record_batch({name: _text(cells) for name, cells in table.items()})
    np.testing.assert_array_equal(made, encode(typeless, fields, where))
    again = [from_json(json.loads(json.dumps(to_json(field)))) for field in fields]
    np.testing.assert_array_equal(made, encode(plain, again, where))


def _text(cells):
    return pa.array([None if cell is None else str(cell) for cell in cells.to_pylist()], pa.string())


def test_codes_lie_within_the_kind_of_the_table():
    table = {"x": ["a", None, "b"], "day": ["2024-03-01", None, "2024-03-02"], "flag": ["yes", "no", None]}
    fields = [found.field for found in profiled(table).values()]
    sizes = table_kind(fields).categories
    made = matrix(collected(table), fields)[:, -len(sizes) :]
    assert (made < np.array(sizes)).all()
    assert (made >= 1).all()


def test_the_matrix_is_the_same_in_blocks_and_in_a_file(tmp_path, monkeypatch):
    table = {"x": [1.0, None, 3.0, 4.0, 5.0], "y": ["a", "b", None, "b", "a"]}
    fields = [found.field for found in profiled(table).values()]
    whole = matrix(collected(table), fields)
    monkeypatch.setattr(encoding, "CELLS_AT_ONCE", 4)
    filed = matrix(collected(table, folder=tmp_path), fields, tmp_path)
    assert isinstance(filed, np.memmap)
    np.testing.assert_array_equal(whole, filed)


def test_a_table_whose_cells_do_not_fit_is_refused_with_the_row(monkeypatch):
    monkeypatch.setattr(encoding, "CELLS_AT_ONCE", 4)

    def refused(cells):
        with pytest.raises(DataError) as caught:
            matrix(collected({"x": cells}), [Number("x")])
        return str(caught.value)

    assert refused([*(str(place) for place in range(9)), "oops"]) == (
        "houses.csv:11: column 'x': expected a number, got 'oops'; mend it, or leave the cell empty"
    )
    assert refused([[1], [2]]) == ("houses.csv: column 'x': expected numbers, got nested values; mend the column")
    with pytest.raises(DataError, match=r"houses.csv: expected the column 'y', which is not there; there are: x"):
        matrix(collected({"x": [1.0]}), [Number("y")])


def test_a_column_of_blanks_fits_every_field():
    assert np.isnan(matrix(collected({"x": pa.nulls(2)}), [Number("x")])).all()
    assert matrix(collected({"x": pa.nulls(2)}), [Boolean("x")]).tolist() == [[1.0], [1.0]]


def test_a_category_of_numbers_has_the_codes_of_their_texts():
    cells = [0.1, 7.0, None, 2134.0]
    field = profiled({"x": cells}, kinds=("x=category",))["x"].field
    assert field.known == ("0.1", "2134", "7")
    assert matrix(collected({"x": cells}), [field]).tolist() == [[2], [4], [1], [3]]
    assert codes(field, cells) == [2, 4, 1, 3]


@pytest.mark.parametrize("field", [*FIELDS_OF_ALL_KINDS, Category("Größe\n=\"'", ("a,b", "\u2028"))])
def test_a_field_survives_being_written(field):
    assert same(from_json(json.loads(json.dumps(to_json(field)))), field)
    assert type(field) in FIELDS


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (7, "model.json: expected a field, such as {'field': 'Number', 'column': 'age', 'blanks': False}, got 7"),
        (
            {"column": "x"},
            "model.json: expected the name of a field, got field=None; there are: Number, Category, Boolean, Date, Text",
        ),
        ({"field": "Numbr"}, "model.json: expected the name of a field, got field='Numbr'; did you mean 'Number'?"),
        ({"field": "Number"}, "model.json: Number needs 'column': a text"),
        ({"field": "Number", "column": 7}, "model.json: Number: column must be a text, got column=7"),
        ({"field": "Boolean", "column": "x", "y": 1}, "model.json: Boolean has no setting 'y'; there are: column"),
        (
            {"field": "Category", "column": "x", "known": ["a", 2]},
            "model.json: Category: known must be a tuple of a text, got known=['a', 2]",
        ),
        (
            {"field": "Category", "column": "x", "known": ["a", "a"]},
            "model.json: Category: the known values must differ and be sorted",
        ),
        (
            {"field": "Date", "column": "x", "parts": ["dayz"]},
            "model.json: Date has no part 'dayz'; did you mean 'day'?",
        ),
        ({"field": "Date", "column": "x", "parts": []}, "model.json: Date needs parts, each once, got parts=()"),
        (
            {"field": "Date", "column": "x", "parts": ["days"], "written": "%Q"},
            "model.json: Date: written must be a way that dates are written, such as '%d/%m/%Y', got written='%Q'",
        ),
    ],
)
def test_a_damaged_field_is_refused(written, message):
    with pytest.raises(DataError) as caught:
        from_json(written)
    assert str(caught.value) == message


def test_thousands_of_columns_are_encoded():
    batch = pa.record_batch({f"x{place}": column([place % 7, 3.5]) for place in range(3_000)})
    fields = [Number(f"x{place}") for place in range(3_000)]
    assert encode(batch, fields, where)[0, :9].tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1]
