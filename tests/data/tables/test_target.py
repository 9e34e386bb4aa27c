import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.dataset import Part
from lamina.data.tables.gathered import Collected, Gathered, Odd
from lamina.data.tables.profile import Profile
from lamina.data.tables.reading import Reading
from lamina.data.tables.target import Decided, target_of
from lamina.errors import DataError
from lamina.kinds import Label, Targets, Value


def gathered(name, cells) -> Gathered:
    """A column as it is collected: numbers, booleans or texts, None for a blank."""
    held = [cell for cell in cells if cell is not None]
    blanks = len(cells) - len(held)
    if not held:
        return Gathered(name, None, held="nothing", rows=len(cells), blanks=blanks)
    if isinstance(held[0], bool):
        codes = np.array([-1 if cell is None else int(cell) for cell in cells], np.int32)
        return Gathered(name, codes, ["false", "true"], held="booleans", rows=len(cells), blanks=blanks)
    if isinstance(held[0], str):
        words = list(dict.fromkeys(held))
        codes = np.array([-1 if cell is None else words.index(cell) for cell in cells], np.int32)
        return Gathered(name, codes, words, held="words", rows=len(cells), blanks=blanks)
    numbers = np.array([math.nan if cell is None else cell for cell in cells], np.float32)
    return Gathered(name, numbers, held="numbers", rows=len(cells), blanks=blanks)


KINDS = {"numbers": "number", "words": "category", "booleans": "boolean", "moments": "date"}


def profile(column: Gathered) -> Profile:
    settings = dict.fromkeys(Profile.__dataclass_fields__)
    settings |= {"name": column.name, "kind": KINDS.get(column.held, "leave"), "reason": "", "rows": column.rows}
    settings |= {"blanks": column.blanks, "top": (), "histogram": (), "warnings": ()}
    return Profile(**settings)


def target(*given, columns=None, kinds=(), classes=None, labels=None, names=None):
    """The target of houses.csv, whose columns are these, named a, b, c."""
    held = {name: gathered(name, cells) for name, cells in (columns or dict(zip("abc", given, strict=False))).items()}
    return of(held, names or tuple(held), kinds, classes, labels)


def of(held, names, kinds=(), classes=None, labels=None):
    rows = next(iter(held.values())).rows
    collected = Collected("houses.csv", rows, held, [], [], lambda row: f"houses.csv:{row + 2}")
    profiles = {name: profile(column) for name, column in held.items()}
    known = None if classes is None and labels is None else Decided(classes or ())
    return target_of(collected, profiles, Reading(target=names, kinds=kinds), known)


def refusal(*given, **settings) -> str:
    with pytest.raises(DataError) as caught:
        target(*given, **settings)
    return str(caught.value)


def test_texts_are_classes_in_sorted_order():
    found = target(["no", "yes", "no", "no"])
    assert found.column.kind == Label(2)
    assert found.classes == ("no", "yes")
    assert found.column.values.tolist() == [0, 1, 0, 0]
    assert found.column.values.dtype == torch.int64
    assert found.kept is None
    assert found.notes == ["target a: 2 classes, since it holds texts"]


def test_booleans_are_classes():
    found = target([True, None, False, True])
    assert found.classes == ("false", "true")
    assert found.column.values.tolist() == [1, 0, 1]
    assert found.notes[0] == "target a: 2 classes, since it holds true and false"


def test_a_few_whole_numbers_are_classes_in_the_order_of_numbers():
    found = target([10, 2, 10, 2, -1, -1])
    assert found.classes == ("-1", "2", "10")
    assert found.column.values.tolist() == [2, 1, 2, 1, 0, 0]
    assert found.notes == [
        "target a: 3 classes, since it has only 3 distinct whole numbers; --kind a=number to predict a value"
    ]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([0.5, 1, 1, 0.5], "it holds numbers that are not whole"),
        (
            list(range(28)) * 2,
            "it has 28 distinct whole numbers; --kind a=category to predict classes",
        ),
        (list(range(28)), "it has 28 distinct whole numbers"),
        ([200, 310, 415, 200, 99], "it has 4 distinct whole numbers"),  # every second row has its own
    ],
)
def test_other_numbers_are_a_value(cells, why):
    found = target(cells)
    assert found.column.kind == Value(1)
    assert found.classes == ()
    torch.testing.assert_close(found.column.values, torch.tensor(cells, dtype=torch.float32)[:, None])
    assert found.notes == [f"target a: a value, since {why}"]


def test_ten_distinct_whole_numbers_are_classes_and_eleven_are_not():
    assert target(list(range(10)) * 2).column.kind == Label(10)
    assert target(list(range(11)) * 2).column.kind == Value(1)


def test_two_distinct_numbers_are_classes_however_few_the_rows():
    assert target([0, 1, 1]).classes == ("0", "1")


def test_the_kind_that_the_user_says_overrules():
    found = target([0, 1, 1], kinds=("a=number",))
    assert found.column.values.tolist() == [[0], [1], [1]]
    assert found.notes == ["target a: a value, since --kind a=number says so"]
    found = target(["1", "30", "4", "4", "30"], kinds=("a=category",))
    assert found.classes == ("1", "4", "30")
    assert found.notes == ["target a: 3 classes, since --kind a=category says so"]
    assert target([0.5, 1.5, 0.5], kinds=("a=category",)).classes == ("0.5", "1.5")


def test_texts_that_all_spell_numbers_are_taken_as_numbers():
    found = target([f"{number}.25" for number in range(30)])
    assert found.column.kind == Value(1)
    assert found.column.values[3].item() == 3.25
    assert target(["1", "0", "1", "0"]).classes == ("0", "1")


def test_texts_among_many_numbers_are_refused():
    cells = [str(number) for number in range(30)] + ["n.k.", None, "n.k."]
    assert refusal(cells) == (
        "houses.csv:32: target 'a': expected a number, got 'n.k.' (2 such rows); mend it, `--blank n.k.` to leave it out, "
        "or --kind a=category to predict classes"
    )


DRESSED = (
    "this looks like numbers with thousands separators, a decimal comma or a unit: take these out first, and write"
)


@pytest.mark.parametrize("kinds", [(), ("a=number",)])
@pytest.mark.parametrize("word", ["1,818,268", "€ 2.103,50", "1.234,56", "12 %"])
def test_numbers_with_separators_or_units_are_refused_unless_they_are_said_to_be_classes(word, kinds):
    cells = [None, word, "950", "7"] * 5
    assert refusal(cells, kinds=kinds) == (
        f"houses.csv:3: target 'a': expected a number, got {word!r}; {DRESSED} fractions with a point, or --kind "
        "a=category to predict classes"
    )
    assert target(cells, kinds=("a=category",)).column.kind == Label(3)
    assert target([word, "7"], classes=("7", word)).column.values.tolist() == [1, 0]


def test_a_number_with_separators_among_others_is_never_to_be_blanked():
    column = gathered("a", [1.5, None, 2.5])
    column.odd = Odd({"1,000": 2}, 2, ("1,000", 1))
    with pytest.raises(DataError) as caught:
        of({"a": column}, ("a",))
    assert str(caught.value) == (
        f"houses.csv:3: target 'a': expected a number, got '1,000' (2 such rows); {DRESSED} fractions with a point, or "
        "--kind a=category to predict classes"
    )


def test_numbers_with_separators_that_were_too_many_to_keep_are_refused_too():
    with pytest.raises(DataError) as caught:
        of({"a": Gathered("a", None, words=["1,818,268"], held="words", rows=2)}, ("a",))
    assert str(caught.value).startswith(f"houses.csv: target 'a': expected a number, got '1,818,268'; {DRESSED}")


def test_a_delimiter_that_was_said_is_named_where_it_leaves_one_column():
    held = {"a;b": gathered("a;b", ["1;2", "3;4"])}
    collected = Collected("houses.csv", 2, held, [], [], str)
    with pytest.raises(DataError) as caught:
        target_of(collected, {}, Reading(target=("b",), delimiter="tab"))
    assert str(caught.value) == (
        "houses.csv: there is no column 'b'; there are: a;b (read with '\\t', as you said; say another --delimiter if that "
        "is wrong)"
    )


def test_texts_among_few_numbers_are_classes():
    assert target(["1", "2", "3+", "1", "2", "1"]).classes == ("1", "2", "3+")


@pytest.mark.parametrize("word", ["nan", "1e400", "1_000", "seven"])
def test_cells_that_spell_no_number_are_refused_where_the_user_says_number(word):
    assert refusal(["1", "2", word], kinds=("a=number",)).startswith(
        f"houses.csv:4: target 'a': expected a number, got '{word}'; mend it, "
    )


def test_words_that_were_odd_while_reading_numbers_are_refused():
    column = gathered("a", [1.5, None, 2.5])
    column.odd = Odd({"oops": 1}, 1, ("oops", 1))
    with pytest.raises(DataError) as caught:
        of({"a": column}, ("a",))
    assert str(caught.value).startswith("houses.csv:3: target 'a': expected a number, got 'oops'; mend it, ")


def test_several_columns_of_numbers_are_one_value():
    found = target([1.5, 2, 3], [0.5, None, 1], names=("b", "a"))
    assert found.column.kind == Value(2)
    assert found.column.values.tolist() == [[0.5, 1.5], [1, 3]]
    assert found.kept.tolist() == [True, False, True]
    assert found.notes == ["targets b, a: 2 values", "1 of 3 rows have no b, a and are left out"]


def test_targets_of_unlike_kinds_stand_side_by_side_in_the_rows_that_have_all():
    found = target([1.5, None, 3.5, 4.5], ["x", "y", None, "y"])
    assert found.column.kind == Targets((Value(1), Label(2)), names=("a", "b"))
    assert found.column.values.tolist() == [[1.5, 0], [4.5, 1]]
    assert found.kept.tolist() == [True, False, False, True]
    assert found.parts == (Part("a", ()), Part("b", ("x", "y")))
    assert found.notes[-1] == "2 of 4 rows have no a, b and are left out"
    known = Decided((), found.parts)
    columns = {"a": gathered("a", [7.5]), "b": gathered("b", ["y"])}
    collected = Collected("late.csv", 1, columns, [], [], str)
    late = target_of(collected, {}, Reading(target=("a", "b")), known)
    assert late.column.kind == found.column.kind
    assert late.column.values.tolist() == [[7.5, 1]]


def test_targets_whose_names_no_sentence_can_hold_go_by_numbers():
    found = target(columns={"it's": [1.5, 2.5], "b": ["x", "y"]})
    assert found.column.kind == Targets((Value(1), Label(2)))
    assert found.column.kind.name_of(1) == "2"


def test_rows_without_a_target_are_left_out_and_counted():
    found = target([None, "x", "y", None, "x"])
    assert found.kept.tolist() == [False, True, True, False, True]
    assert found.column.values.tolist() == [0, 1, 0]
    assert found.notes[1] == "2 of 5 rows have no a and are left out"
    found = target([0.5, None, 1.5])
    assert found.kept.tolist() == [True, False, True]
    assert found.column.values.tolist() == [[0.5], [1.5]]


@given(st.lists(st.one_of(st.none(), st.text("abc1.", min_size=1, max_size=3)), min_size=2, max_size=30))
def test_the_class_of_a_row_is_what_its_cell_says(cells):
    held = [cell for cell in cells if cell is not None]
    if len(set(held)) < 2 or len(set(held)) > 10:
        return
    found = target(cells, kinds=("a=category",))
    assert [found.classes[number] for number in found.column.values.tolist()] == held


HOUSES = {"rooms": [1, 2], "price": [3.5, 4], "town": ["a", "b"]}


def test_columns_that_are_not_there_are_refused():
    assert refusal(columns=HOUSES, names=("pirce",)) == (
        "houses.csv: there is no column 'pirce'; did you mean 'price'?"
    )
    assert refusal(columns=HOUSES, names=("xyz",)) == (
        "houses.csv: there is no column 'xyz'; there are: rooms, price, town"
    )
    assert refusal(columns=HOUSES, names=("pirce", "town", "town")) == (
        "houses.csv: the target cannot be found:\n"
        "  - houses.csv: there is no column 'pirce'; did you mean 'price'?\n"
        "  - houses.csv: target 'town' is named twice; name it once"
    )


def test_a_table_without_a_target_is_refused_with_a_guess():
    def asked(columns) -> str:
        with pytest.raises(DataError) as caught:
            of({name: gathered(name, cells) for name, cells in columns.items()}, ())
        return str(caught.value)

    assert asked(HOUSES) == (
        "houses.csv: expected the name of the column to predict; say --target COLUMN, one of: rooms, price, town; "
        "--target town if that is it"
    )
    assert asked({"Class": [1, 2], **HOUSES}).endswith("Class, rooms, price, town; --target Class if that is it")
    assert asked({"a": [1, 2], "the price": [1, 2]}).endswith("; --target 'the price' if that is it")
    assert asked({"a": [1, 2], "empty": [None, None]}).endswith("one of: a, empty")
    many = {f"c{number}": [1, 2] for number in range(23)}
    assert asked(many).endswith("c18, c19 and 3 more; --target c22 if that is it")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([None, None], "target 'a': expected values, got 2 blank cells; name another column"),
        (["x", "x", None], "target 'a': expected unlike values, got 'x' in every row; name another column"),
        ([3, 3, 3], "target 'a': expected unlike values, got '3' in every row; name another column"),
        ([0.25, 0.25], "target 'a': expected unlike values, got 0.25 in every row; name another column"),
        ([None, 3], "expected at least 2 rows with a target, got 1; add rows"),
        (
            [f"x{number}" for number in range(11)],
            "target 'a': expected two rows or more of a class, got 11 classes in 11 rows; "
            "name another column, or leave out the rows of rare classes",
        ),
        (
            [f"x{number}" for number in range(1001)] * 3,
            "target 'a': expected at most 1,000 classes, got 1,001 classes in 3,003 rows; "
            "name another column, or leave out the rows of rare classes",
        ),
    ],
)
def test_targets_from_which_nothing_can_be_learned_are_refused(cells, words):
    assert refusal(cells) == f"houses.csv: {words}"


def test_numbers_of_too_many_values_are_no_classes_even_if_the_user_says_so():
    assert refusal(list(range(30)), kinds=("a=category",)) == (
        "houses.csv: target 'a': expected two rows or more of a class, got 30 classes in 30 rows; "
        "say --kind a=number to predict a value"
    )


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (
            Gathered("a", np.zeros(2), held="moments", rows=2),
            "expected numbers or classes, got dates; "
            "add a column with what is to be known of them, such as the days until then, and name that",
        ),
        (
            Gathered("a", None, held="nested", type="list<item: double>", rows=2),
            "expected numbers or texts, got cells of type 'list<item: double>'; name another column",
        ),
        (
            Gathered("a", None, held="words", rows=2),
            "expected numbers or classes, got texts of which almost every one is another; name another column",
        ),
    ],
)
def test_columns_that_hold_neither_numbers_nor_classes_are_refused(column, words):
    with pytest.raises(DataError) as caught:
        of({"a": column}, ("a",))
    assert str(caught.value) == f"houses.csv: target 'a': {words}"


@pytest.mark.parametrize("kind", ["date:%d/%m/%Y", "text", "leave"])
def test_kinds_that_cannot_be_predicted_are_refused(kind):
    assert refusal(["x", "y"], kinds=(f"a={kind}",)) == (
        f"houses.csv: target 'a': expected a number or a category, got --kind a={kind}; "
        "say --kind a=number or --kind a=category"
    )


def test_known_classes_keep_their_numbers():
    found = target(["c", "a", None], classes=("c", "b", "a"))
    assert found.classes == ("c", "b", "a")
    assert found.column.kind == Label(3)
    assert found.column.values.tolist() == [0, 2]
    assert found.notes == ["1 of 3 rows have no a and are left out"]
    assert target([2, 0], classes=("0", "1", "2")).column.values.tolist() == [2, 0]


def test_a_single_row_or_class_can_be_evaluated():
    assert target(["a"], classes=("a", "b")).column.values.tolist() == [0]
    assert target([1.5], labels=False).column.values.tolist() == [[1.5]]
    assert target([3, 3], labels=False).column.kind == Value(1)


def test_a_dot_spaces_and_capitals_do_not_make_another_class():
    found = target(["<=50K.", ">50k", "<=50K", "<=50K."], classes=("<=50K", ">50K"))
    assert found.column.values.tolist() == [0, 1, 0, 0]
    assert found.notes == [
        "target a: 3 rows spell their class otherwise, as in '<=50K.', which is read as '<=50K'",
    ]
    assert target(["1.0", "02", "2"], classes=("1", "2")).column.values.tolist() == [0, 1, 1]


def test_a_spelling_that_two_classes_share_stands_for_none():
    assert refusal(["no", "NO", "No"], classes=("no", "NO")) == (
        "houses.csv:4: target 'a': expected one of the 2 classes that are known, got 'No'; did you mean 'NO'?"
    )


def test_unknown_classes_are_refused_with_the_first_row():
    assert refusal(["cat", "dgo", "emu", "dgo"], classes=("cat", "dog")) == (
        "houses.csv:3: target 'a': expected one of the 2 classes that are known, got 'dgo' (3 such rows); "
        "did you mean 'dog'?"
    )
    assert refusal(["cat", "xyz"], classes=("cat", "dog")) == (
        "houses.csv:3: target 'a': expected one of the 2 classes that are known, got 'xyz'; there are: cat, dog"
    )


def test_rows_to_evaluate_that_are_all_blank_are_refused():
    column = gathered("a", ["x", None])
    column.values[:] = -1
    with pytest.raises(DataError) as caught:
        of({"a": column}, ("a",), classes=("x", "y"))
    assert str(caught.value) == (
        "houses.csv: target 'a': expected values, got 2 blank cells; add what is to be predicted"
    )


def test_the_table_is_not_changed():
    column = gathered("a", [0.5, 1.5])
    column.values.flags.writeable = False
    of({"a": column}, ("a",)).column.values.zero_()
    assert column.values.tolist() == [0.5, 1.5]


def test_true_and_false_spelled_in_many_ways_are_two_classes():
    found = target(["yes", "No", "NO", None, "Yes", "yes"])
    assert found.classes == ("false", "true")
    assert found.column.values.tolist() == [1, 0, 0, 1, 1]
    assert "target a: 5 rows spell their class otherwise, as in 'yes', which is read as 'true'" in found.notes
    assert target(["y", "N"], classes=("false", "true")).column.values.tolist() == [1, 0]


def test_one_word_among_numbers_that_could_be_classes_is_refused():
    words = [str(number % 5) for number in range(400)]
    assert "expected a number, got 'oops'" in refusal([*words, "oops"])
    assert target([*words, "oops"], kinds=("a=category",)).classes[-1] == "oops"
