import gzip
import json
from pathlib import Path

import pytest
import torch
from drawn import encoded, noise, put

from lamina.data.pictures.listed import is_picture_list
from lamina.data.pictures.load import load_pictures
from lamina.data.pictures.reading import PictureReading
from lamina.errors import DataError
from lamina.kinds import Label, Targets, Value


@pytest.fixture
def shelf(within, monkeypatch):
    """A folder with pictures 0.png to 12.png, each of its own grey."""
    monkeypatch.setenv("LAMINA_CACHE", str(within / "cache"))
    put(within, {f"pics/{number}.png": encoded(noise(2, 3, 1) // 99 + number) for number in range(13)})
    return within


def table(lines, name="list.csv"):
    return put_text(name, "\n".join(lines) + "\n")


def put_text(name, text):
    Path(name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return name


def loaded(name, target=None, classes=None):
    return load_pictures(name, PictureReading(), target, classes=classes)


def refused(name, target=None, **table):
    with pytest.raises(DataError) as caught:
        load_pictures(name, PictureReading(), target, table=table)
    return str(caught.value)


LABELLED = [f"pics/{number}.png,{'cat' if number % 3 else 'dog'}" for number in range(13)]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "csv.gz"])
def test_a_table_may_list_pictures(shelf, ending):
    rows = [line.split(",") for line in LABELLED]
    if ending == "jsonl":
        lines = [json.dumps({"path": path, "label": label}) for path, label in rows]
    else:
        lines = [("\t" if ending == "tsv" else ",").join(row) for row in [["path", "label"], *rows]]
    name = table(lines, f"list.{ending}")
    assert is_picture_list(name)
    dataset = loaded(name)
    assert dataset.target.kind == Label(2)
    assert [dataset.classes[row] for row in dataset.target.values] == [label for _, label in rows]
    assert dataset.inputs.values[:, 0, 0, 0].tolist() == [noise(2, 3, 1)[0, 0] // 99 + row for row in range(13)]
    assert dataset.pictures.notes[:2] == (
        "pictures are named in column 'path'",
        "target label: 2 classes, since it holds texts",
    )


def test_numbers_become_values(shelf):
    dataset = loaded(table(["file,age", *[f"pics/{number}.png,{number + 0.5}" for number in range(13)]]))
    assert dataset.target.kind == Value(1)
    assert dataset.classes == ()
    assert dataset.target.values[:, 0].tolist() == [number + 0.5 for number in range(13)]


def test_several_columns_can_be_predicted(shelf):
    lines = [f"pics/{number}.png,{number + 0.5},{'ab'[number % 2]}" for number in range(13)]
    dataset = loaded(table(["file,age,sort", *lines]), ("age", "sort"))
    assert isinstance(dataset.target.kind, Targets)
    assert [part.name for part in dataset.parts] == ["age", "sort"]


def test_rows_without_a_target_are_left_out(shelf):
    dataset = loaded(table(["file,label", *LABELLED[:5], "pics/5.png,", *LABELLED[6:]]))
    assert len(dataset) == 12
    assert dataset.inputs.values[5, 0, 0, 0] == noise(2, 3, 1)[0, 0] // 99 + 6
    assert "1 of 13 rows have no label and are left out" in dataset.pictures.notes


def test_paths_are_relative_to_the_table(shelf):
    table(["path,label", *[line.replace("pics/", "") for line in LABELLED]], "pics/list.csv")
    dataset = loaded("pics/list.csv")
    assert torch.equal(dataset.inputs.values, loaded(table(["path,label", *LABELLED])).inputs.values)


def test_paths_may_begin_at_the_root(shelf):
    assert len(loaded(table(["path,label", *[f"{shelf}/{line}" for line in LABELLED]]))) == 13


def test_the_target_must_be_named_among_several(shelf):
    name = table(["path,label,more", *[f"{line},{place}" for place, line in enumerate(LABELLED)]])
    assert refused(name) == (
        "list.csv: expected the name of the column to predict; there are: label, more; say --target COLUMN"
    )
    assert loaded(name, "label").classes == ("cat", "dog")
    assert refused(name, "lable") == "list.csv: there is no column 'lable'; did you mean 'label'?"
    assert refused(name, "path") == "list.csv: target 'path' holds the paths of the pictures; name another column"


def test_the_kind_of_the_target_may_be_said(shelf):
    name = table(["path,label", *[f"pics/{number}.png,{number // 2}" for number in range(13)]])
    dataset = load_pictures(name, PictureReading())
    assert dataset.target.kind == Value(1)
    dataset = load_pictures(name, PictureReading(), table={"kinds": ("label=category",)})
    assert dataset.classes == ("0", "1", "2", "3", "4", "5", "6")
    assert "target label: 7 classes, since --kind label=category says so" in dataset.pictures.notes


def test_the_kind_of_another_column_has_no_effect(shelf):
    name = table(["path,label", *LABELLED])
    assert refused(name, kinds=("path=category",)) == (
        "list.csv: --kind path=category has no effect, for of a list of pictures only the target is read, label; "
        "leave it out"
    )


def test_a_further_text_may_stand_for_no_target(shelf):
    name = table(["path,label", *LABELLED[:12], "pics/12.png,unknown"])
    assert loaded(name).classes == ("cat", "dog", "unknown")
    dataset = load_pictures(name, PictureReading(), table={"blanks": ("unknown",)})
    assert (len(dataset), dataset.classes) == (12, ("cat", "dog"))


def test_a_name_that_is_too_long_for_a_file_is_missing(shelf):
    name = table(["path,label", *LABELLED, f"{'y' * 5000}.png,cat"])
    assert refused(name) == (
        f"list.csv: {'y' * 200}...: there is no such file; paths are relative to the table's folder; put them right, "
        "or remove the rows"
    )


def test_paths_alone_say_nothing(shelf):
    name = table(["path", *[line.split(",")[0] for line in LABELLED]])
    assert refused(name) == (
        "list.csv: expected the name of the column to predict; there is none beside the paths; say --target COLUMN"
    )


def test_missing_files_are_named_together(shelf):
    lines = [f"pics/{number}.png,{'ab'[number % 2]}" for number in range(26)]
    text = refused(table(["path,label", *lines]))
    assert text.splitlines()[0] == (
        "list.csv: 13 of 26 pictures are missing; paths are relative to the table's folder; put them right, or remove "
        "the rows:"
    )
    assert text.splitlines()[1] == "  - pics/13.png: there is no such file"
    assert text.splitlines()[-1] == "  - and 3 more"
    assert len(text.splitlines()) == 12


def test_one_missing_file_is_named(shelf):
    assert refused(table(["path,label", *LABELLED, "pics/99.png,cat"])) == (
        "list.csv: pics/99.png: there is no such file; paths are relative to the table's folder; put them right, or "
        "remove the rows"
    )


def test_a_blank_path_is_refused(shelf):
    assert refused(table(["path,label", *LABELLED[:3], ",cat", *LABELLED[3:]])) == (
        "list.csv:5: expected a path in column 'path', got a blank cell (1 such row); fill or remove it"
    )


def test_a_table_without_pictures_is_no_list(shelf):
    name = table(["size,label", "1,a", "2,b"])
    assert not is_picture_list(name)
    assert refused(name) == (
        "list.csv: expected a column of picture files, relative to ., got the columns size, label; "
        "check what is in them"
    )


def test_a_table_that_only_mentions_files_is_no_list(shelf):
    assert not is_picture_list(table(["icon,label,price", "a.png,a,1", "b.png,b,2"]))
    assert is_picture_list(table(["icon,label", "a.png,a", "b.png,b"]))  # of two columns the paths are plain, and wrong
    assert not is_picture_list(table(["icon,label", "a.png,a", "b.exe,b"]))
    assert not is_picture_list("nothing.csv")
    assert not is_picture_list(put_text("empty.csv", ""))
    assert not is_picture_list("pics/1.png")


def test_the_classes_of_a_model_keep_their_numbers(shelf):
    dataset = loaded(table(["path,label", *LABELLED]), classes=("ape", "cat", "dog"))
    assert dataset.target.kind == Label(3)
    assert set(dataset.target.values.tolist()) == {1, 2}
