"""Pictures from the shell: look at them, train on them, predict and measure others."""

from __future__ import annotations

import csv
import json
import os
import tomllib
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn import encoded, put
from PIL import Image as Pillow

import lamina as la
from lamina.loading import load
from lamina.training.data import load_data, parts_of
from lamina.training.kept_reading import reading_in
from lamina.training.plan import read_plan

NET = "Flatten() >> Dense(5) >> Tanh() >> Classify()"
CLASSES = {"blue": (30, 60, 200), "red": (200, 60, 30)}


def painted(colour: tuple[int, int, int], seed: int, height: int = 23, width: int = 31) -> bytes:
    """A picture of about one colour."""
    noise = np.random.default_rng(seed).integers(-30, 30, (height, width, 3))
    return encoded((noise + colour).clip(0, 255).astype(np.uint8))


def folder_of(root: Path, each: int = 17, seed: int = 0, **classes: tuple[int, int, int]) -> Path:
    """A folder for each class."""
    named = classes or CLASSES
    files = {
        f"{name}/{number}.png": painted(colour, seed + 100 * place + number)
        for place, (name, colour) in enumerate(named.items())
        for number in range(each)
    }
    return put(root, files)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("photos") / "colours")


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on pictures, brought to 7 x 5."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMINA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        folder = tmp_path_factory.mktemp("runs") / "colours-1"
        la.train(NET, photos, size=(7, 5), fit="pad", epochs=20, batch=8, threads=1, out=folder, display=None)
    return folder


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


# --- training --------------------------------------------------------------------------------------------------------


def test_a_run_notes_how_its_pictures_were_read_and_does_it_again(
    command: Callable[..., Any], photos: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    options = ("--size", "7x5", "--fit", "stretch", "--colour", "grey", "--skip-bad", 3, "--net", NET, "--steps", 3)
    said = command("train", photos, *options, "--out", first)
    assert said.code == 0
    assert "become 7 x 5 (as asked)" in said.err
    noted = tomllib.loads((first / "run.toml").read_text())["pictures"]
    assert noted == {"size": [7, 5], "fit": "stretch", "colour": "grey", "skip_bad": 3}
    assert reading_in(first / "run.toml") == noted
    assert command("train", first / "run.toml", "--out", second).code == 0
    one, two = ((folder / "model" / "model.safetensors").read_bytes() for folder in (first, second))
    assert one == two
    origin = load(second).pictures
    assert origin is not None
    assert (origin.height, origin.width, origin.fit, origin.channels) == (7, 5, "stretch", 1)


def test_a_run_on_pictures_goes_on_after_it_was_stopped(photos: Path, tmp_path: Path) -> None:
    from runs import digest, stopping_at

    from lamina.training.machine import Interrupted

    whole = la.train(NET, photos, size=5, steps=9, threads=1, out=tmp_path / "whole", display=None)
    with pytest.raises(Interrupted):
        la.train(NET, photos, size=5, steps=9, threads=1, out=tmp_path / "cut", display=stopping_at(4))
    la.resume(tmp_path / "cut", display=None)
    assert digest(tmp_path / "cut") == digest(whole.folder)


def test_a_list_of_pictures_is_trained_on_with_the_column_that_was_named(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    folder_of(tmp_path / "pictures", each=9)
    rows = [(f"pictures/{name}/{number}.png", name, number) for name in CLASSES for number in range(9)]
    table = "".join(f"{file},{name},{number}\n" for file, name, number in rows)
    (tmp_path / "list.csv").write_text(f"path,what,number\n{table}")
    options = ("--size", 5, "--net", NET, "--steps", 2, "--out", tmp_path / "run")
    said = ("--target", "what", "--kind", "what=category", "--blank", "unknown")
    assert command("train", tmp_path / "list.csv", *said, *options).code == 0
    noted = {"size": 5, "target": "what", "kinds": ["what=category"], "blanks": ["unknown"]}
    assert reading_in(tmp_path / "run" / "run.toml") == noted
    said = command("evaluate", tmp_path / "run", tmp_path / "list.csv")
    assert said.code == 0
    assert said.err == f"{tmp_path}/list.csv: 4 of 18 examples\n"
    assert command("train", tmp_path / "run" / "run.toml", "--out", tmp_path / "again").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("iris", "--size", "5"), "size would say how pictures are read, but iris is a named set; leave it out"),
        (("iris", "--fit", "pad", "--target", "x"), "target, fit would say how tables and pictures are read, but iris is a named set; leave it out"),
        (("PHOTOS", "--target", "x"), "target would say how a table is read, but PHOTOS is a folder of pictures; leave it out"),
        (("PHOTOS", "--kind", "a=text", "--size", "3"), "kinds would say how a table is read, but PHOTOS is a folder of pictures; leave it out"),
        (("TABLE", "--target", "b", "--colour", "grey"), "colour would say how pictures are read, but TABLE is a table; leave it out"),
        (("PHOTOS", "--fit", "squeeze"), "PictureReading: fit must be one of 'crop', 'pad', 'stretch', got fit='squeeze'"),
        (("PHOTOS", "--size", "9999"), "PictureReading: size must be at most 2,048, got size=9999"),
        (("LIST", "--target", "what,number"), "LIST: expected one column to predict of pictures, got what, number; name one"),
    ],
)  # fmt: skip
def test_what_has_no_effect_on_how_data_is_read_is_refused(
    command: Callable[..., Any], photos: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "table.csv").write_text("a,b\n" + "1,2\n" * 30)
    folder_of(tmp_path / "red", each=1)
    (tmp_path / "list.csv").write_text("path,what,number\nred/red/0.png,a,1\nred/blue/0.png,b,2\n")
    meant = {"PHOTOS": photos, "TABLE": tmp_path / "table.csv", "LIST": tmp_path / "list.csv"}
    said = command("train", *(meant.get(part, part) for part in arguments), "--out", tmp_path / "run")
    assert said.code == 2
    for name, path in meant.items():
        words = words.replace(name, str(path))
    assert words in said.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("size", ["", "x", "5x", "5x6x7", "-5", "5.0", "big"])
def test_a_size_that_is_none_is_refused(command: Callable[..., Any], photos: Path, size: str) -> None:
    said = command("train", photos, "--size", size)
    assert said.code == 2
    assert f"expected pixels such as 64, or height x width such as 48x64, got {size!r}" in said.err


def test_settings_of_data_that_is_there_already_are_refused(photos: Path) -> None:
    data = load_data(photos, size=5)
    with pytest.raises(la.DataError) as error:
        la.train(NET, data, size=5, steps=1)
    assert str(error.value) == "size would say how data is read, but this is a dataset already"
    with pytest.raises(la.DataError) as error:
        load_data({"a": [1, 2], "b": [3, 4]}, target="b", size=5)
    assert str(error.value) == "size would say how pictures are read, but this is a frame; leave it out"
    with pytest.raises(la.DataError) as error:
        load_data(([1, 2], [3, 4]), size=5)
    assert str(error.value) == "size would say how data is read, but these are arrays; leave them out"
    with pytest.raises(la.RunError, match="there is no setting 'sizes'; did you mean 'size'"):
        la.train(NET, photos, sizes=5, steps=1)


# --- prediction ------------------------------------------------------------------------------------------------------


def test_photos_and_folders_are_answered_file_by_file(
    command: Callable[..., Any], trained: Path, tmp_path: Path
) -> None:
    put(tmp_path, {
        "one.PNG": painted(CLASSES["red"], 900), "far/2.png": painted(CLASSES["blue"], 901),
        "far/off/1.png": painted(CLASSES["red"], 902), "far/readme.txt": b"no picture", "far/.hidden.png": b"?",
    })  # fmt: skip
    said = command("predict", trained, tmp_path / "one.PNG", tmp_path / "far")
    assert (said.code, said.err) == (0, "")
    got = lines(said.out)
    assert list(got[0]) == ["file", "prediction", "probability"]
    files = [str(tmp_path / name) for name in ("one.PNG", "far/2.png", "far/off/1.png")]
    assert [(line["file"], line["prediction"]) for line in got] == list(zip(files, ["red", "blue", "red"], strict=True))
    answer = load(trained).predict(files)
    assert [float(line["probability"]) for line in got] == pytest.approx(
        answer.probabilities.amax(1).tolist(), rel=1e-5
    )


def test_the_likeliest_classes_come_in_their_order(command: Callable[..., Any], photos: Path, tmp_path: Path) -> None:
    colours = {**CLASSES, "green": (30, 200, 60)}
    la.train(NET, folder_of(tmp_path / "three", each=9, **colours), size=5, steps=2, out=tmp_path / "run", display=None)
    photo = tmp_path / "three" / "red" / "0.png"
    probabilities = load(tmp_path / "run").predict(photo).probabilities[0]
    order = probabilities.argsort(descending=True).tolist()
    names = ("blue", "green", "red")
    for top in (1, 2, 3, 9):
        said = command("predict", tmp_path / "run", photo, "--top", top, "--json")
        got = json.loads(said.out)
        ranks = ["", "_2", "_3"][:top]
        assert list(got) == ["file", *(f"{what}{rank}" for rank in ranks for what in ("prediction", "probability"))]
        assert [got[f"prediction{rank}"] for rank in ranks] == [names[place] for place in order][:top]
        shares = [got[f"probability{rank}"] for rank in ranks]
        assert shares == pytest.approx(probabilities[order].tolist()[:top], rel=1e-5)
    said = command("predict", tmp_path / "run", photo, "--probabilities")
    assert list(lines(said.out)[0])[3:] == ["p(blue)", "p(green)", "p(red)"]


def test_a_bad_photo_among_others_is_named_and_the_others_are_answered(
    command: Callable[..., Any], trained: Path, tmp_path: Path
) -> None:
    good = put(tmp_path, {f"{n}.png": painted(CLASSES["red"], n) for n in range(3)} | {"1b.png": b"junk", "3.png": b""})
    said = command("predict", trained, good, tmp_path / "none.jpg")
    assert said.code == 2
    assert [Path(line["file"]).name for line in lines(said.out)] == ["0.png", "1.png", "2.png"]
    assert said.err.splitlines() == [
        f"{good}/1b.png: expected a picture (PNG, JPEG, BMP, GIF or WebP), got something that begins with b'junk';"
        " convert it, or leave it out",
        f"{good}/3.png: expected a picture, got an empty file; get it anew, or leave it out",
        f"{tmp_path}/none.jpg: expected a picture, found nothing there; check the path",
        "lamina: 3 of 6 pictures could not be read; the others are answered",
    ]


def test_what_holds_no_pictures_is_named_and_the_others_are_answered(
    command: Callable[..., Any], trained: Path, tmp_path: Path
) -> None:
    good = put(tmp_path / "good", {"0.png": painted(CLASSES["red"], 0)})
    os.mkfifo(good / "pipe.png")
    (tmp_path / "empty").mkdir()
    long = tmp_path / f"{'y' * 300}.png"
    said = command("predict", trained, tmp_path / "empty", long, good)
    assert said.code == 2
    assert [Path(line["file"]).name for line in lines(said.out)] == ["0.png"]
    assert said.err.splitlines() == [
        f"{tmp_path}/empty: expected a folder with pictures, found none in it; check the path",
        f"{long}: cannot be read (File name too long); check the file and who may read it",
        f"{good}/pipe.png: expected a picture, got a pipe or a device; take it out, or copy it to a file",
        "lamina: 3 of 4 pictures could not be read; the others are answered",
    ]


def test_a_photo_whose_name_is_no_utf8_is_answered(command: Callable[..., Any], trained: Path, tmp_path: Path) -> None:
    put(tmp_path / "odd", {"\udcff.png": painted(CLASSES["red"], 0)})
    said = command("predict", trained, tmp_path / "odd", "--json")
    assert json.loads(said.out)["file"] == f"{tmp_path}/odd/\\xff.png"


def test_a_list_of_pictures_is_not_predicted(command: Callable[..., Any], trained: Path, tmp_path: Path) -> None:
    put(tmp_path, {"0.png": painted(CLASSES["red"], 0), "list.csv": b"path,label\n0.png,red\n"})
    assert command("predict", trained, tmp_path / "list.csv").err == (
        f"lamina: {tmp_path}/list.csv: expected pictures or a folder of them, got a list of pictures; name what it"
        f" lists, or measure it with `lamina evaluate {trained} {tmp_path}/list.csv`\n"
    )


def test_bad_pictures_to_measure_are_named_without_an_option_that_there_is_not(
    command: Callable[..., Any], trained: Path, tmp_path: Path
) -> None:
    put(tmp_path / "more", {"red/0.png": painted(CLASSES["red"], 0), "red/1.png": b""})
    assert command("evaluate", trained, tmp_path / "more").err == (
        f"lamina: {tmp_path}/more/red/1.png: expected a picture, got an empty file; get it anew, or leave it out\n"
    )
    put(tmp_path / "more", {"red/2.png": b""})
    first = command("evaluate", trained, tmp_path / "more").err.splitlines()[0]
    assert first == f"lamina: {tmp_path}/more: 2 of 3 pictures cannot be read; mend or remove them:"


def test_a_single_bad_photo_is_the_error(command: Callable[..., Any], trained: Path, tmp_path: Path) -> None:
    said = command("predict", trained, tmp_path / "none.jpg")
    assert (said.code, said.out) == (2, "")
    assert said.err == f"lamina: {tmp_path}/none.jpg: expected a picture, found nothing there; check the path\n"
    (tmp_path / "photo.tif").write_bytes(b"II*\0")
    said = command("predict", trained, tmp_path / "photo.tif")
    assert said.code == 2
    assert "expected a picture (PNG, JPEG, BMP, GIF or WebP), got something that begins with b'II*" in said.err


def test_many_photos_are_predicted_in_batches(
    command: Callable[..., Any], trained: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lamina.command import photos as batches

    whole = command("predict", trained, photos)
    monkeypatch.setattr(batches, "MOST_AT_ONCE", 3)
    assert lines(command("predict", trained, photos).out) == lines(whole.out)
    assert len(lines(whole.out)) == 34
    assert whole.err == (
        f"{photos}: the run was trained on part of this; `lamina evaluate {trained} {photos}` measures the rest\n"
    )


def test_classes_cannot_be_ranked_where_there_are_none(command: Callable[..., Any], diabetes: Path) -> None:
    said = command("predict", diabetes, "diabetes", "--top", 2)
    assert said.code == 2
    assert "--top names classes, but this model predicts Value(1)" in said.err


def test_the_likeliest_classes_are_told_of_other_data_too(command: Callable[..., Any], iris: Path) -> None:
    said = command("predict", iris, "iris", "--top", 2)
    assert list(lines(said.out)[0]) == ["prediction", "probability", "prediction_2", "probability_2"]


# --- measures --------------------------------------------------------------------------------------------------------


def test_the_test_part_of_the_runs_own_pictures_is_measured(
    command: Callable[..., Any], trained: Path, photos: Path
) -> None:
    said = command("evaluate", trained, photos, "--json")
    tested = parts_of(load_data(photos, size=(7, 5), fit="pad"), read_plan(trained)).test
    assert said.err == f"{photos}: {len(tested)} of 34 examples\n"
    assert json.loads(said.out)["measures"] == json.loads((trained / "result.json").read_text())["test"]


def test_another_folder_is_measured_by_the_names_of_its_classes(
    command: Callable[..., Any], trained: Path, tmp_path: Path
) -> None:
    # Other sizes, and one class only: the number that it has here is not the one that it has in the model.
    other = folder_of(tmp_path / "other", each=5, seed=500, red=CLASSES["red"])
    said = command("evaluate", trained, other, "--json")
    assert said.code == 0
    assert said.err.endswith(f"\n{other}: 5 of 5 examples\n")
    got = json.loads(said.out)
    assert (got["examples"], got["measures"]["accuracy"]["value"]) == (5, 1.0)
    swapped = folder_of(tmp_path / "swapped", each=5, seed=600, red=CLASSES["blue"], blue=CLASSES["red"])
    assert json.loads(command("evaluate", trained, swapped, "--json").out)["measures"]["accuracy"]["value"] == 0.0


def test_a_class_that_the_model_does_not_know_is_named(
    command: Callable[..., Any], trained: Path, tmp_path: Path
) -> None:
    other = folder_of(tmp_path / "other", each=2, red=(200, 0, 0), violet=(100, 0, 100))
    said = command("evaluate", trained, other)
    assert said.code == 2
    assert said.err == f"lamina: {other}: expected classes that the model knows, got 'violet'; there are: blue, red\n"


def test_pictures_that_trained_are_counted_in_another_folder(
    command: Callable[..., Any], trained: Path, photos: Path, tmp_path: Path
) -> None:
    parts = parts_of(load_data(photos, size=(7, 5), fit="pad"), read_plan(trained))
    files = [photos / name / f"{number}.png" for name in sorted(CLASSES) for number in sorted(range(17))]
    seen = {f"red/{n}.png": files[row].read_bytes() for n, row in enumerate(parts.train.tolist()) if row >= 17}
    other = put(tmp_path / "other", {**seen, "blue/new.png": painted(CLASSES["blue"], 777)})
    said = command("evaluate", trained, other)
    assert (
        f"{other}: {len(seen)} of its rows have the inputs of a row that trained; the measures flatter there"
        in said.err
    )


def test_pictures_that_changed_since_they_trained_are_told(command: Callable[..., Any], tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "colours", each=9)
    la.train(NET, folder, size=5, steps=1, out=tmp_path / "run", display=None)
    (folder / "red" / "0.png").write_bytes(painted(CLASSES["red"], 999))
    said = command("evaluate", tmp_path / "run", folder)
    assert said.code == 2
    assert f"{folder} has changed since {tmp_path / 'run'} was trained on it; bring that back, or use --all" in said.err


# --- looking ---------------------------------------------------------------------------------------------------------


def test_a_folder_of_pictures_is_described_with_what_is_odd(command: Callable[..., Any], tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "colours", each=12)
    put(folder, {"rare/1.png": painted((1, 2, 3), 1, 9, 40), "red/bad.png": b"junk", "blue/notes.txt": b"hello"})
    (folder / "rare" / "2.png").write_bytes((folder / "red" / "0.png").read_bytes())
    said = command("data", folder, "--json", "--size", 8)
    assert said.code == 0
    got = json.loads(said.out)
    assert got["classes"] == {"blue": 12, "rare": 2, "red": 12}
    assert (got["examples"], got["input"], got["target"]) == (26, "Image(3, 8, 8)", "Label(3)")
    notes = "\n".join(got["notes"])
    for words in (
        "pictures are from 9 x 31 to 23 x 40 (height x width), and become 8 x 8 (as asked)",
        "pictures have colour: three channels",
        "1 picture is a copy of others",
        "1 picture is in two classes or more",
        "left out: red/bad.png: expected a picture",
        "classes of fewer than 10 pictures, of which a test tells little: rare 2",
    ):
        assert words in notes
    shown = command("data", folder, "--size", 8)
    assert "classes   blue 12, rare 2, red 12\n" in shown.out
    assert f"notes     {got['notes'][0]}\n          {got['notes'][1]}\n" in shown.out


def test_many_notes_are_cut_for_people(command: Callable[..., Any], tmp_path: Path) -> None:
    folder = put(folder_of(tmp_path / "colours", each=2), {f"red/bad-{n:02}.png": b"junk" for n in range(40)})
    shown = command("data", folder)
    assert sum("left out: red/bad-" in line for line in shown.out.splitlines()) == 10
    assert "left out: 30 more that cannot be read" in shown.out


def test_many_classes_are_cut_for_people(command: Callable[..., Any], tmp_path: Path) -> None:
    root = put(tmp_path / "many", {f"{n}/0.png": painted(CLASSES["red"], n) for n in range(103)})
    lines = command("data", root).out.splitlines()
    (counts,) = [line for line in lines if line.startswith("classes ")]
    assert counts.startswith("classes   0 1, 1 1, ")
    assert counts.endswith(", 99 1 and 3 more; --json has all")
    assert lines[-1].endswith(
        "classes of fewer than 10 pictures, of which a test tells little: "
        + ", ".join(f"{n} 1" for n in range(10))
        + " and 93 more"
    )
    assert len(json.loads(command("data", root, "--json").out)["classes"]) == 103


def test_some_pictures_of_each_class_are_drawn(command: Callable[..., Any], photos: Path, tmp_path: Path) -> None:
    said = command("data", photos, "--size", "30x40", "--draw", tmp_path / "sheet.png")
    assert said.code == 0
    assert f"drawn     {tmp_path / 'sheet.png'}\n" in said.out
    page = torch.from_numpy(np.array(Pillow.open(tmp_path / "sheet.png").convert("RGB"))).long()
    # Two rows of twelve tiles of 80 x 60, blue over red.
    for rows, (strong, weak) in ((slice(0, 122), (2, 0)), (slice(122, None), (0, 2))):
        coloured = (page[rows, :, strong] - page[rows, :, weak] > 60).sum()
        assert coloured > 11 * 80 * 60 * 0.9
        assert not (page[rows, :, weak] - page[rows, :, strong] > 60).any()


def test_options_of_data_need_data(command: Callable[..., Any]) -> None:
    said = command("data", "--size", "8")
    assert said.code == 2
    assert "size: for a table or pictures; name them" in said.err


def test_the_report_of_pictures_shows_them_with_what_was_decided(trained: Path) -> None:
    page = (trained / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 6  # the whole test part is no more
    assert "<h1>colours</h1>" in page
    assert "become 7 x 5 (as asked)" in page
    assert "pictures, or folders of them, predicted" in page
    assert "pictures size" in page
