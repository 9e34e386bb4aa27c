"""How numbers are written in delimited files: with a decimal comma, with thousands apart."""

import pytest
from reading_tables import read

from lamina.data.tables.arrow_cells import NUMBER, TEXT
from lamina.data.tables.collect import collect
from lamina.data.tables.infer import profiles
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import open_source
from lamina.errors import DataError


def test_a_decimal_comma_is_seen_and_said(write):
    source, table = read(write("a;b\n1,5;x\n-2;y\n,25;?\n"))
    assert table.column("a").to_pylist() == [1.5, -2.0, 0.25]
    assert source.notes == ["a.csv: read with a decimal comma, since column 'a' holds '1,5'"]


def test_commas_stay_letters_where_other_columns_have_points(write):
    source, table = read(write("a;b\n1,5;1.5\n2,5;2.5\n"))
    assert table.to_pydict() == {"a": ["1,5", "2,5"], "b": [1.5, 2.5]}
    assert source.notes == []


NEARLY = [f"{number},25;x" for number in range(30)]


def test_words_among_numbers_with_a_decimal_comma_stand_among_numbers_with_a_point(write):
    text = "a;b\n" + "\n".join([*NEARLY, "n.v.;y", "7;x"]) + "\n"
    source, table = read(write(text))
    assert source.columns() == {"a": TEXT, "b": TEXT}
    assert table.column("a").to_pylist() == [*(f"{number}.25" for number in range(30)), "n.v.", "7"]
    assert source.decimal == ","
    assert source.notes == ["a.csv: read with a decimal comma, since column 'a' holds '0,25'"]
    assert read(write(text), Reading(blanks=("n.v.",)))[0].columns() == {"a": NUMBER, "b": TEXT}
    assert read(write(text), as_text=["a"])[1].column("a").to_pylist()[0] == "0,25"


def test_a_late_word_among_numbers_with_a_decimal_comma_leaves_the_others_their_points(write):
    source, table = read(write("a;b;c\n" + "1,25;2;3\n" * 200_000 + "n.v.;2,5;k.A.\n1;2;3,5\n"))
    assert (source.columns(), source.decimal) == ({"a": TEXT, "b": NUMBER, "c": TEXT}, ",")
    assert table.column("a").to_pylist()[-3:] == ["1.25", "n.v.", "1"]
    assert table.column("b").to_pylist()[-3:] == [2.0, 2.5, 2.0]
    assert table.column("c").to_pylist()[-3:] == ["3", "k.A.", "3.5"]


def test_commas_stay_letters_where_their_column_has_points_too(write):
    for late in ("", "1,25;2\n" * 200_000):
        text = "a;b\n" + "\n".join([*NEARLY, ""]) + late + "1.234;y\n" + "n.v.;y\n"
        source, table = read(write(text))
        assert source.columns()["a"] == TEXT
        assert table.column("a").to_pylist()[0] == "0,25"
        assert table.column("a").to_pylist()[-2:] == ["1.234", "n.v."]


def test_many_words_among_numbers_with_a_decimal_comma_make_a_text_unless_numbers_are_said(write):
    text = "a;b\n1,5;x\n2,5;x\nn.v.;y\n"
    assert read(write(text))[1].column("a").to_pylist() == ["1,5", "2,5", "n.v."]
    assert read(write(text), Reading(kinds=("a=number",)))[1].column("a").to_pylist() == ["1.5", "2.5", "n.v."]
    assert read(write(text), only=["a"])[1].column("a").to_pylist() == ["1.5", "2.5", "n.v."]
    mostly_words = "a;b\n1,5;x\n" + "n.v.;y\n" * 3
    assert read(write(mostly_words), Reading(kinds=("a=number",)))[1].column("a").to_pylist() == ["1.5", *["n.v."] * 3]
    twenty = "a;b\n" + "\n".join([*NEARLY * 20, *(f"w{word};y" for word in range(21))]) + "\n"
    assert read(write(twenty))[1].column("a").to_pylist()[0] == "0,25"


def test_numbers_that_may_be_thousands_are_pointed_out(write):
    note = "a.csv: column 'preis': every number has three digits after its point; if these are thousands, take the points out"
    assert read(write("preis;b\n162.200;x\n1.000;y\n?;z\n"))[0].notes == [note]
    for other in ("162", "1.5", "0.125", "1234.500", "1.2345"):
        assert read(write(f"preis;b\n162.200;x\n{other};y\n"))[0].notes == []
    assert read(write("preis,b\n162.200,x\n1.000,y\n"))[0].notes == []
    wide = ";".join(f"c{number}" for number in range(9)) + "\n" + ";".join(["1.000"] * 9) + "\n"
    assert len(read(write(wide))[0].notes) == 5


@pytest.mark.parametrize(("kinds", "why"), [((), "as in other rows"), (("a=number",), "as you said")])
def test_a_word_among_numbers_with_a_decimal_comma_is_refused_as_among_those_with_a_point(write, kinds, why):
    name = write("a;b\n" + "\n".join([*NEARLY, "k.A.;y", "7;x", "k.A.;y"]) + "\n")

    def kind(**said):
        reading = Reading(kinds=kinds, **said)
        return profiles(collect(open_source(name, reading), reading), reading)["a"].kind

    with pytest.raises(DataError) as caught:
        kind()
    assert str(caught.value) == (
        f"a.csv:32: column 'a': expected a number, {why}, got 'k.A.' (2 cells hold it); mend it, say `--blank 'k.A.'` to "
        "read it as blank, or --kind 'a=category'"
    )
    assert kind(blanks=("k.A.",)) == "number"
