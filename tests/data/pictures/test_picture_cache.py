import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import encoded, noise, put

from lamina.data.pictures.contents import FRESH_SECONDS
from lamina.data.pictures.load import load_pictures
from lamina.data.pictures.reading import PictureReading
from lamina.errors import DataError

PROGRAM = """
import sys
from lamina.data.pictures.load import load_pictures
from lamina.data.pictures.reading import PictureReading
dataset = load_pictures("pets", PictureReading(64), say=lambda text: print(text, flush=True))
print(int(dataset.inputs.values.long().sum()), len(dataset.pictures.notes))
"""


@pytest.fixture
def pets(within, monkeypatch):
    """A folder of 13 pictures of two classes in the working folder."""
    monkeypatch.setenv("LAMINA_CACHE", str(within / "cache"))
    files = {f"{'cat' if number < 5 else 'dog'}/{number}.png": noise(5, 7, seed=number) for number in range(13)}
    return put(within / "pets", {name: encoded(drawn) for name, drawn in files.items()})


@pytest.fixture
def settled(pets):
    """The same after the seconds in which a file may change without another time of change."""
    time.sleep(FRESH_SECONDS + 0.1)
    return pets


class Said(list):
    def __call__(self, text):
        self.append(text)


def loaded(said=None, **reading):
    return load_pictures("pets", PictureReading(**reading), say=said)


def kept(root):
    return [path for path in (root.parent / "cache" / "pictures").glob("*") if path.name != "seen"]


def test_the_pixels_are_those_of_the_files_laid_out_with_channels_last(pets):
    dataset = loaded()
    assert dataset.inputs.values.shape == (13, 3, 5, 7)
    assert dataset.inputs.values.dtype == torch.uint8
    assert dataset.inputs.values.permute(0, 2, 3, 1).is_contiguous()
    assert dataset.inputs.scale == 1 / 255
    for number in range(13):
        np.testing.assert_array_equal(dataset.inputs.values[number].permute(1, 2, 0), noise(5, 7, seed=number))


def test_a_second_start_makes_nothing_anew(pets):
    said = Said()
    first = loaded(said)
    assert len(said) == 1
    assert said[0].startswith("decoding 13 pictures, once: they are kept in ")
    (place,) = kept(pets)
    before = {path: path.stat().st_mtime_ns for path in [place, *place.iterdir()]}
    again = loaded(said)
    assert len(said) == 1
    assert {path: path.stat().st_mtime_ns for path in [place, *place.iterdir()]} == before
    assert torch.equal(first.inputs.values, again.inputs.values)
    assert first.pictures == again.pictures


def test_the_contents_are_remembered_and_not_read_again(settled):
    loaded()
    (memory,) = (settled.parent / "cache" / "pictures" / "seen").iterdir()
    whole = memory.read_text()
    for damage in ("", "{", "[]", '{"format": 1, "files": {"cat/0.png": [1, 2]}}'):
        memory.write_text(damage)
        loaded()
        assert memory.read_text() == whole
    written = json.loads(whole)
    assert len(written["files"]) == 13
    entry = written["files"]["cat/0.png"]
    assert entry[4:] == [5, 7, ""]
    entry[3] = "another digest"
    memory.write_text(json.dumps(written))
    # The digest was believed, and then it was seen that the file has another.
    with pytest.raises(DataError, match="it changed while the pictures were being read"):
        loaded()
    assert not memory.exists()
    loaded()
    assert memory.read_text() == whole


class Meanwhile:
    """Does something to the files after they were looked at, just before they are decoded."""

    def __init__(self, change):
        self.change = change

    def __call__(self, text):
        if text.startswith("decoding"):
            self.change()


def test_a_picture_that_changes_between_two_looks_is_refused_and_never_kept(pets):
    path = pets / "cat" / "0.png"
    before = path.read_bytes()
    with pytest.raises(DataError) as caught:
        loaded(Meanwhile(lambda: path.write_bytes(encoded(255 - noise(5, 7)))))
    assert str(caught.value) == (
        "pets/cat/0.png: it changed while the pictures were being read; begin again when nothing writes to it; "
        "--skip-bad 1 leaves it out"
    )
    assert kept(pets) == []
    path.write_bytes(before)
    np.testing.assert_array_equal(loaded().inputs.values[0].permute(1, 2, 0), noise(5, 7))


def test_a_picture_that_vanishes_meanwhile_is_there_again_when_it_is_back(pets):
    path = pets / "cat" / "0.png"
    dataset = loaded(Meanwhile(lambda: path.rename(pets / "away")), skip_bad=1)
    assert len(dataset) == 12
    assert dataset.pictures.notes[-1] == "left out: cat/0.png: expected a picture, found nothing there; check the path"
    assert kept(pets) == []
    (pets / "away").rename(path)
    assert len(loaded(skip_bad=1)) == 13


def test_the_memory_is_the_same_from_any_folder(settled, monkeypatch):
    loaded()
    (memory,) = (settled.parent / "cache" / "pictures" / "seen").iterdir()
    before = memory.stat().st_mtime_ns
    monkeypatch.chdir(settled)
    load_pictures(".", PictureReading())
    load_pictures(settled, PictureReading())
    assert memory.stat().st_mtime_ns == before


def test_what_changed_just_now_is_not_remembered(pets):
    loaded()
    assert list((pets.parent / "cache" / "pictures").glob("seen/*")) == []


def test_a_changed_picture_is_seen_though_its_size_and_time_are_as_before(settled):
    path = settled / "cat" / "0.png"
    path.write_bytes(encoded(noise(5, 7), "BMP"))
    time.sleep(FRESH_SECONDS + 0.1)
    loaded()
    state = path.stat()
    path.write_bytes(encoded(255 - noise(5, 7), "BMP"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # as programs do that keep times
    assert path.stat().st_size == state.st_size
    np.testing.assert_array_equal(loaded().inputs.values[0].permute(1, 2, 0), 255 - noise(5, 7))


def test_moving_the_folder_or_renaming_a_class_decodes_nothing(pets):
    loaded()
    (pets / "cat").rename(pets / "car")
    pets.rename(pets.parent / "other")
    said = Said()
    dataset = load_pictures("other", PictureReading(), say=said)
    assert said == []
    assert dataset.classes == ("car", "dog")


def test_another_size_or_colour_is_kept_beside(pets):
    shapes = [tuple(loaded(**reading).inputs.values.shape) for reading in ({}, {"size": 8}, {"colour": "grey"})]
    assert shapes == [(13, 3, 5, 7), (13, 3, 8, 8), (13, 1, 5, 7)]
    assert len(kept(pets)) == 3


@pytest.mark.parametrize("name", ["pixels", "hashes", "pictures.json"])
@pytest.mark.parametrize("how", ["cut", "gone", "longer"])
def test_a_damaged_cache_is_made_anew(pets, name, how):
    before = loaded().inputs.values.clone()
    (place,) = kept(pets)
    content = (place / name).read_bytes()
    if how == "gone":
        (place / name).unlink()
    else:
        (place / name).write_bytes(content[:-1] if how == "cut" else content + b"x")
    said = Said()
    assert torch.equal(loaded(said).inputs.values, before)
    assert len(said) == 1
    assert kept(pets) == [place]
    assert (place / name).read_bytes() == content


def test_a_cache_of_fewer_pictures_is_made_anew(pets):
    loaded()
    (place,) = kept(pets)
    said = json.loads((place / "pictures.json").read_text())
    said["shape"][0] -= 1
    (place / "pictures.json").write_text(json.dumps(said))
    for name, row in (("pixels", 5 * 7 * 3), ("hashes", 8)):
        (place / name).write_bytes((place / name).read_bytes()[:-row])
    assert len(loaded().inputs) == 13


def test_what_is_written_to_the_pixels_does_not_reach_the_file(pets):
    dataset = loaded()
    before = dataset.inputs.values.clone()
    dataset.inputs.values.fill_(7)
    assert torch.equal(loaded().inputs.values, before)


def started(**more):
    environment = {**os.environ, **more}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment,
    )  # fmt: skip


def many(pets, count=400):
    """The folder with so many more names for one large picture."""
    (pets / "cat" / "large.png").write_bytes(encoded(noise(401, 403)))
    for number in range(count):
        os.link(pets / "cat" / "large.png", pets / "dog" / f"{number}-large.png")


def test_a_killed_process_leaves_no_half_a_cache(pets):
    many(pets)
    process = started()
    assert "decoding" in process.stdout.readline()
    waited = time.monotonic() + 60
    while not any((path / "pixels").exists() and (path / "pixels").stat().st_size for path in kept(pets)):
        assert time.monotonic() < waited
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (draft,) = kept(pets)
    assert ".draft-" in draft.name
    for path in pets.glob("dog/*-large.png"):
        path.unlink()
    assert len(loaded(size=8)) == 14
    assert [path for path in kept(pets) if ".draft-" in path.name] == []


def test_a_cache_that_cannot_be_written_leaves_memory(pets, monkeypatch):
    expected = loaded().inputs.values.clone()
    (pets.parent / "file").write_text("")
    monkeypatch.setenv("LAMINA_CACHE", str(pets.parent / "file"))
    said = Said()
    dataset = loaded(said)
    assert torch.equal(dataset.inputs.values, expected)
    assert dataset.inputs.values.permute(0, 2, 3, 1).is_contiguous()
    assert said[-1] == dataset.pictures.notes[-1]
    assert said[-1].startswith("the pictures cannot be kept in the cache (")
    assert said[-1].endswith("so they are held in memory, and decoded at every start")


def test_a_full_disk_leaves_memory_and_nothing_behind(pets):
    program = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n" + PROGRAM
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "the pictures cannot be kept in the cache (File too large), so they are held in memory" in out.stdout
    assert kept(pets) == []
    assert out.stdout.splitlines()[-1].split()[0] == str(int(loaded(size=64).inputs.values.long().sum()))


def test_neither_disk_nor_memory_is_an_error(pets, monkeypatch):
    for number in range(4_000):
        os.link(pets / "cat" / "0.png", pets / "dog" / f"{number}-more.png")
    (pets.parent / "file").write_text("")
    monkeypatch.setenv("LAMINA_CACHE", str(pets.parent / "file"))
    with pytest.raises(DataError) as caught:
        loaded(size=2048)
    text = str(caught.value)
    assert text.startswith("the pictures can neither be kept in the cache (")
    assert " nor held in memory (50,495 MB needed, " in text
    assert text.endswith("; free space, set LAMINA_CACHE to another folder, or ask for a smaller size")


def test_grey_pictures_before_the_first_with_colour_get_three_channels(pets, monkeypatch):
    grey = noise(5, 7, 1, seed=99)
    (pets / "cat" / "0.png").write_bytes(encoded(grey))
    for cache in (pets.parent / "cache", pets.parent / "cat.txt"):
        (pets.parent / "cat.txt").write_text("")
        monkeypatch.setenv("LAMINA_CACHE", str(cache))
        dataset = loaded()
        np.testing.assert_array_equal(dataset.inputs.values[0], np.stack([grey] * 3))
        np.testing.assert_array_equal(dataset.inputs.values[1].permute(1, 2, 0), noise(5, 7, seed=1))


def test_drafts_of_other_processes_that_run_are_left_alone(pets):
    loaded()
    (place,) = kept(pets)
    theirs = place.with_name(f"abc.draft-{os.getppid()}")
    theirs.mkdir()
    loaded(size=8)
    assert theirs.is_dir()


def test_the_cache_lies_where_it_is_said_to(pets):
    loaded()
    assert Path(os.environ["LAMINA_CACHE"], "pictures").is_dir()
