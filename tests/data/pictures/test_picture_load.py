import os

import numpy as np
import pytest
import torch
from drawn import encoded, noise, put

from lamina.data.pictures.load import load_pictures
from lamina.data.pictures.reading import PictureReading
from lamina.data.split import fingerprint, split
from lamina.errors import DataError
from lamina.kinds import Image, Label


@pytest.fixture
def root(within, monkeypatch):
    monkeypatch.setenv("LAMINA_CACHE", str(within / "cache"))
    return within


def drawn(names, height=5, width=7, channels=3):
    return {name: encoded(noise(height, width, channels, seed)) for seed, name in enumerate(names)}


NAMES = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(11)]


def loaded(root, files, target=None, **reading):
    put(root / "pets", files)
    return load_pictures("pets", PictureReading(**reading), target)


def refused(*given, **named):
    with pytest.raises(DataError) as caught:
        loaded(*given, **named)
    return str(caught.value)


def test_a_folder_becomes_a_dataset(root):
    dataset = loaded(root, drawn(NAMES))
    assert dataset.inputs.kind == Image(3, 5, 7)
    assert dataset.target.kind == Label(2)
    assert dataset.about == "22 pictures of 2 classes."
    assert dataset.name == "pets"
    assert dataset.pictures.notes == (
        "all pictures are 5 x 7 (height x width) and taken as they are",
        "pictures have colour: three channels",
    )
    assert [len(part) for part in split(dataset)] == [16, 2, 4]


def test_grey_pictures_have_one_channel(root):
    dataset = loaded(root, drawn(NAMES, channels=1))
    assert dataset.inputs.kind == Image(1, 5, 7)
    assert dataset.pictures.notes[-1] == "no picture has colour: one channel of grey"


@pytest.mark.parametrize(
    ("colour", "channels", "said"),
    [
        ("grey", 1, "colours become grey, as asked (0.299 red + 0.587 green + 0.114 blue)"),
        ("colour", 3, "three channels, as asked"),
    ],
)
def test_channels_are_as_asked(root, colour, channels, said):
    dataset = loaded(root, drawn(NAMES, channels=4 - channels), colour=colour)
    assert dataset.inputs.kind == Image(channels, 5, 7)
    assert dataset.pictures.notes[-1] == said


@pytest.mark.parametrize("reading", [{}, {"size": (11, 13), "fit": "pad"}, {"fit": "stretch"}, {"colour": "grey"}])
def test_a_model_reads_a_picture_as_it_was_trained_on(root, reading):
    files = {name: encoded(noise(200 + seed, 150, 3, seed), "JPEG") for seed, name in enumerate(NAMES[::5])}
    dataset = loaded(root, files, **reading)
    for row, name in enumerate(files):
        assert torch.equal(dataset.pictures.read(f"pets/{name}"), dataset.inputs.values[row])
    again = load_pictures("pets", dataset.pictures.settled())
    assert torch.equal(again.inputs.values, dataset.inputs.values)


def test_what_was_done_to_pictures_is_counted(root):
    special = {
        "cat/a.png": encoded(noise(5, 7, 4)),
        "cat/b.gif": encoded(noise(5, 7, 1), "GIF", save_all=True, append_images=[]),
        "dog/c.png": encoded((noise(5, 7, 1).astype(np.uint16)) * 257),
        "dog/d.png": encoded((noise(5, 7, 1, 9).astype(np.uint16)) * 257),
    }
    assert loaded(root, drawn(NAMES) | special).pictures.notes[2:4] == (
        "1 picture is transparent in places; what shows through is white",
        "2 pictures are of 16 bits, scaled to 8",
    )


def test_bad_pictures_are_named_at_once(root):
    bad = {f"dog/{number}.png": b"" for number in range(12)}
    text = refused(root, drawn(NAMES) | bad)
    assert text.splitlines()[:2] == [
        "pets: 12 of 23 pictures cannot be read; mend or remove them, or leave them out with --skip-bad 12:",
        "  - pets/dog/0.png: expected a picture, got an empty file; get it anew, or leave it out",
    ]
    assert text.splitlines()[-1] == "  - and 2 more"
    assert len(text.splitlines()) == 12


def test_one_bad_picture_is_one_sentence(root):
    content = encoded(noise(53, 31), "JPEG")[:-300]
    text = refused(root, drawn(NAMES) | {"cat/x.jpg": content})
    assert text.startswith("pets/cat/x.jpg: the picture is damaged (image file is truncated")
    assert text.endswith("get it anew, or leave it out; --skip-bad 1 leaves it out")


def test_bad_pictures_are_left_out_as_far_as_allowed(root):
    cut = encoded(noise(5, 7, seed=2), "PNG")[:-60]
    files = drawn(NAMES) | {"cat/2.png": b"text", "dog/3.png": cut}
    assert "2 of 22 pictures" in refused(root, files, skip_bad=1)
    dataset = loaded(root, files, skip_bad=2)
    assert len(dataset) == 20
    assert dataset.target.values.tolist() == [0] * 10 + [1] * 10
    left = [note for note in dataset.pictures.notes if note.startswith("left out: ")]
    assert left[0] == (
        "left out: cat/2.png: expected a picture (PNG, JPEG, BMP, GIF or WebP), got something that begins with "
        "b'text'; convert it, or leave it out"
    )
    assert left[1].startswith("left out: dog/3.png: the picture is damaged (")
    np.testing.assert_array_equal(dataset.inputs.values[2].permute(1, 2, 0), noise(5, 7, seed=3))
    assert torch.equal(loaded(root, {}, skip_bad=9).inputs.values, dataset.inputs.values)


def test_only_bad_pictures_are_refused_whatever_is_allowed(root):
    text = refused(root, {"cat/1.png": b"", "dog/1.png": b""}, skip_bad=9)
    assert text.startswith("pets: 2 of 2 pictures cannot be read; none is left:\n")


def test_a_link_to_nothing_is_a_bad_picture(root):
    put(root / "pets", drawn(NAMES))
    (root / "pets" / "cat" / "x.png").symlink_to("nowhere.png")
    assert refused(root, {}) == (
        "pets/cat/x.png: expected a picture, found nothing there; check the path; --skip-bad 1 leaves it out"
    )


def test_many_bad_pictures_are_counted_where_they_are_allowed(root):
    dataset = loaded(root, drawn(NAMES) | {f"dog/x{number}.png": b"" for number in range(12)}, skip_bad=12)
    assert dataset.pictures.notes[-2:] == (
        "left out: dog/x9.png: expected a picture, got an empty file; get it anew, or leave it out",
        "left out: 2 more that cannot be read",
    )


def test_a_pipe_is_not_waited_for(root):
    put(root / "pets", drawn(NAMES))
    os.mkfifo(root / "pets" / "cat" / "x.png")
    assert refused(root, {}) == (
        "pets/cat/x.png: expected a file, got a folder, a pipe or a device; take it out; --skip-bad 1 leaves it out"
    )


def test_test_pictures_are_set_aside_and_follow_what_is_left_out(root):
    files = {f"train/{name}": content for name, content in drawn(NAMES).items()}
    files |= {f"test/{name}": content for name, content in drawn([f"{name}.png" for name in NAMES[:4]]).items()}
    files |= {"train/cat/0.png": b"", "test/cat/1.png.png": b""}
    dataset = loaded(root, files, skip_bad=2)
    assert len(dataset) == 24
    assert dataset.test.tolist() == [21, 22, 23]
    assert split(dataset).test.tolist() == [21, 22, 23]


def test_copies_and_contradictions_are_told(root):
    files = drawn(NAMES)
    files["dog/0.png"] = files["cat/0.png"]
    files["dog/2.png"] = files["dog/3.png"] = encoded(noise(5, 7, seed=1), "BMP")  # the pixels of cat/1.png
    assert loaded(root, files).pictures.notes[2:] == (
        "3 pictures are copies of others, pixel by pixel",
        "2 pictures are in two classes or more, of which one at most is right: cat/0.png and dog/0.png",
    )


def test_pictures_that_train_and_test_are_told(root):
    files = {f"train/{name}": content for name, content in drawn(NAMES).items()}
    files |= {"test/cat/9.png": files["train/cat/4.png"], "test/dog/x.png": encoded(noise(5, 7, seed=99))}
    assert loaded(root, files).pictures.notes[-1] == (
        "1 picture of the test part was also given to train on, so that the test flatters: "
        "train/cat/4.png and test/cat/9.png"
    )


def test_a_target_has_no_meaning_for_folders(root):
    assert refused(root, drawn(NAMES), target="label") == (
        "pets: target='label' has no effect: the folders of pictures are their classes; leave it out"
    )


def test_the_split_does_not_depend_on_where_pictures_lie(root):
    one = loaded(root, drawn(NAMES))
    put(root / "other", {f"{label}/deep/{name}": content for path, content in drawn(NAMES).items() for label, name in [path.split("/")]})  # fmt: skip
    other = load_pictures("other", PictureReading())
    assert fingerprint(one) == fingerprint(other)


def test_thousands_of_classes_load(root):
    files = {f"{number}/a.png": encoded(np.full((1, 2), number % 251, np.uint8)) for number in range(3_000)}
    dataset = loaded(root, files)
    assert dataset.target.kind == Label(3_000)
    assert dataset.inputs.kind == Image(1, 1, 2)
    assert dataset.inputs.values[:, 0, 0, 1].tolist() == [number % 251 for number in range(3_000)]
