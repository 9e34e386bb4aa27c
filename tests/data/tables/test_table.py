"""From a table to a dataset: what is decided once holds for every further table, and what is kept is what was read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import lamina as la
from lamina.data.dataset import Column
from lamina.data.tables import table
from lamina.defaults import default_pace
from lamina.errors import DataError
from lamina.kinds import Table, Value

ROWS = "x,town,who,when,y\n" + "".join(
    f"{number / 7:.3f},{'abc'[number % 3]},{number // 4},2020-01-{1 + number % 28:02},{number % 5 / 2}\n"
    for number in range(60)
)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, within: Path) -> Path:
    """A folder in which every table counts as large."""
    monkeypatch.setattr(table, "LARGE", 0)
    monkeypatch.setenv("LAMINA_CACHE", str(within / "cache"))
    return within


def same(one: la.Dataset, two: la.Dataset) -> bool:
    return all(
        torch.equal(getattr(one, name).values.nan_to_num(-7), getattr(two, name).values.nan_to_num(-7))
        for name in ("inputs", "target")
    ) and said(one) == said(two)


def said(data: la.Dataset) -> tuple:
    return data.features, data.classes, data.origin.fields, data.origin.reading, data.origin.notes


def test_a_large_table_is_mapped_and_equal_to_the_same_in_memory(large, write, monkeypatch):
    name = write(ROWS)
    asked = {"target": "y", "group": "who"}
    first, again = la.load_data(name, **asked), la.load_data(name, **asked)
    monkeypatch.setattr(table, "LARGE", 2**30)
    plain = la.load_data(name, **asked)
    assert same(first, plain)
    assert same(again, plain)
    assert torch.equal(again.group, plain.group)


def test_a_kept_table_is_not_read_again_until_something_changes(large, write, monkeypatch):
    name = write(ROWS)
    la.load_data(name, target="y")
    looked = []
    look = table.look
    monkeypatch.setattr(table, "look", lambda *given: looked.append(1) or look(*given))
    la.load_data(name, target="y")
    assert looked == []
    assert "y" in la.load_data(name, target="x").features
    la.load_data(name, target="y", kinds={"who": "category"})
    write(ROWS, "late.csv")
    la.load_data(name, target="y", test="late.csv")
    seen = len(looked)
    write(ROWS.rpartition("\n")[0].rpartition("\n")[0] + "\n", "late.csv")
    os.utime("late.csv", ns=(1, 1))
    assert len(la.load_data(name, target="y", test="late.csv")) == 119
    assert len(looked) == seen + 1


def test_what_is_kept_goes_by_the_name_that_is_used_now(large, write, monkeypatch):
    name = write(ROWS)
    la.load_data(str(Path(name).resolve()), target="y")
    assert la.load_data(name, target="y").name == name


@pytest.mark.parametrize("file", ["dataset.json", "inputs.tensor"])
def test_a_damaged_cache_is_made_anew(large, write, monkeypatch, file):
    name = write(ROWS)
    with monkeypatch.context() as small:
        small.setattr(table, "LARGE", 2**30)
        before = la.load_data(name, target="y")
    la.load_data(name, target="y")
    (kept,) = Path("cache/tables").iterdir()
    (kept / file).write_bytes(b"{}")
    assert same(la.load_data(name, target="y"), before)


def test_a_cache_that_cannot_be_written_is_named(large, write, monkeypatch):
    name = write(ROWS)
    write("", "file")
    monkeypatch.setenv("LAMINA_CACHE", "file")
    with pytest.raises(DataError, match=r"cannot be written \(Not a directory\); set LAMINA_CACHE to another folder"):
        la.load_data(name, target="y")
    assert not Path("cache").exists()


def test_training_on_mapped_columns_gives_the_weights_of_those_in_memory(large, write, monkeypatch):
    name = write(ROWS)
    net = "Standardize() >> Categories(2) >> Dense(3) >> ReLU() >> Regress()"
    settings = {"target": "y", "epochs": 2, "display": None, "say": lambda text: None, "beside": {}}
    mapped = la.train(net, name, out="mapped", **settings).model().net.state_dict()
    monkeypatch.setattr(table, "LARGE", 2**30)
    plain = la.train(net, name, out="plain", **settings).model().net.state_dict()
    assert all(torch.equal(mapped[key], plain[key]) for key in plain)


def test_groups_are_told_apart_by_what_is_written_and_a_shared_one_is_refused(write):
    write("x,y,who\n" + "".join(f"{n * n},{n % 7}.5,{n // 2}\n" for n in range(40)), "a.csv")
    write("x,y,who\n" + "".join(f"{n * n},{n % 7}.5,{n // 2}\n" for n in range(30, 50)) + "1,2.5,new\n", "b.csv")
    for kinds in ({}, {"who": "category"}):
        data = la.load_data("a.csv", target="y", group="who", test="b.csv", kinds=kinds)
        with pytest.raises(DataError, match="got 5 of the test part's 11 groups among the other rows"):
            la.train("Standardize() >> Categories(2) >> Regress()", data, epochs=1, display=None)


def test_the_times_of_a_further_file_are_written_as_those_of_the_first(write):
    write("x,y,t\n" + "".join(f"{n * n},{n % 7}.5,{1 + n % 28:02}/01/2023\n" for n in range(40)), "a.csv")
    write("x,y,t\n1,2.5,02/01/2024\n2,3.5,03/01/2024\n", "b.csv")
    late = la.load_data("a.csv", target="y", time="t", test="b.csv").time[-2:]
    assert (late[1] - late[0]).item() == 86_400


def test_classes_of_long_numbers_are_not_merged(write):
    write("x,id\n" + "".join(f"{n * n},{100_000_000 + n % 3}\n" for n in range(40)))
    assert la.load_data("a.csv", target="id").classes == ("100000000", "100000001", "100000002")


def test_another_vocabulary_is_not_taken_for_the_same(write):
    write(ROWS, "a.csv")
    run = la.train(None, "a.csv", target="y", epochs=1, out="run", display=None, say=lambda text: None)
    write(ROWS.replace(",b,", ",z,"), "b.csv")
    model = run.model()
    with pytest.raises(DataError, match=r"b\.csv was encoded otherwise than the table that the model was trained on"):
        model.evaluate(la.load_data("b.csv", target="y"))
    own = model.evaluate("b.csv")
    assert own == model.evaluate(model.read("b.csv"))
    assert own["squared_error"].value == pytest.approx(
        (model.predict("b.csv").value[:, 0] - la.load_data("b.csv", target="y").target.values[:, 0])
        .square()
        .mean()
        .item(),
        rel=1e-4,
    )


def test_a_draft_that_a_dead_process_left_is_removed(large, write):
    name = write(ROWS)
    left = Path("cache/tables/x.draft-999999999")
    left.mkdir(parents=True)
    mine = Path(f"cache/tables/y.draft-{os.getppid()}")
    mine.mkdir()
    la.load_data(name, target="y")
    assert not left.exists()
    assert mine.exists()


def test_a_table_that_another_process_kept_first_is_used(large, write, monkeypatch):
    name = write(ROWS)
    first = la.load_data(name, target="y")
    (place,) = Path("cache/tables").iterdir()
    seen = iter([None])
    kept = table.kept
    monkeypatch.setattr(table, "kept", lambda where: next(seen, kept))
    again = la.load_data(name, target="y")
    assert same(first, again)
    assert list(Path("cache/tables").iterdir()) == [place]


def test_a_rare_class_is_pointed_out(write):
    write("x,y\n" + "".join(f"{n * n},{'rare' if n % 30 == 0 else 'usual'}\n" for n in range(300)))
    assert (
        "classes: rare 3.3%, usual 96.7%; rare is rare: look at auc and macro_f1 rather than at accuracy;"
        " Classify(weights='balanced') in --net finds more of it, with probabilities that are too high then"
    ) in la.load_data("a.csv", target="y").origin.notes


def test_what_the_column_of_time_is_used_for_is_said(write):
    write("x,when,y\n" + "".join(f"{n * n},2020-0{1 + n % 9}-11,{n % 7}.5\n" for n in range(100)))
    data = la.load_data("a.csv", target="y", time="when")
    (told,) = (note for note in data.origin.notes if note.startswith("when:"))
    assert told == "when: used to split by; of it only the place in the year and the weekday counts as an input"


def test_a_setting_that_there_is_not_is_named_among_those_of_both_kinds(write):
    write(ROWS)
    with pytest.raises(la.RunError, match=r"there is no setting 'kind'; did you mean 'kinds'\?"):
        la.train(None, "a.csv", target="y", kind={"who": "category"}, say=lambda text: None)


def test_settings_of_text_are_refused_for_what_is_none(write):
    write('{"x": 1, "y": 2}\n', "a.jsonl")
    with pytest.raises(
        DataError, match=r"a.jsonl: delimiter=';' has no effect: this is no delimited text; leave it out"
    ):
        la.load_data("a.jsonl", target="y", delimiter=";")


def test_classes_that_differ_little_in_number_are_only_counted(write):
    write("x,y\n" + "".join(f"{n * n},{'one' if n % 3 == 0 else 'two'}\n" for n in range(300)))
    assert "classes: one 33.3%, two 66.7%" in la.load_data("a.csv", target="y").origin.notes


@pytest.mark.parametrize(
    ("rows", "pace"),
    [
        (400, {"batch": 64, "epochs": 40, "average": 0.9, "patience": 10}),
        (6_400, {"batch": 64, "epochs": 40, "average": 0.99, "patience": 10}),
        (12_800, {"batch": 128, "epochs": 20, "average": 0.99, "patience": 10}),
        (512_000, {"batch": 512, "epochs": 20, "average": 0.998, "patience": 10}),
    ],
)
def test_weights_are_averaged_over_about_an_epoch(rows, pace):
    inputs = Column(torch.zeros(1, 2).expand(rows, 2), Table(2))
    assert default_pace(la.Dataset("d", inputs, Column(torch.zeros(rows, 1), Value(1)))) == pace
