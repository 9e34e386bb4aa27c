"""CIFAR-10 in all its forms: archive, binary files and strips say the same, and what is wrong is named."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lamina.data.named import NAMED, here, load
from lamina.data.sources import strips
from lamina.data.sources.cifar import (
    ARCHIVE,
    BATCHES,
    INSIDE,
    KEPT,
    KNOWN,
    Batch,
    Known,
    batches_in,
    read_folder,
)
from lamina.data.sources.strips import read_labels
from lamina.errors import DataError

SIZES = {"data_batch_1": 5, "data_batch_2": 5, "test_batch": 5}
FIRST = 3
"""Of the test batch, in a mirror that holds no more."""

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (15, 32, 32, 3), np.uint8)
LABELS = RANDOM.integers(0, 10, 15).astype(np.uint8)


def rows(first: int, last: int) -> NDArray[np.uint8]:
    """Examples as the binary form has them, written by hand: a label, then all red, all green, all blue."""
    planes = [PICTURES[first:last, :, :, channel].reshape(last - first, -1) for channel in range(3)]
    return np.concatenate([LABELS[first:last, None], *planes], axis=1)


def batch(name: str, first: int, last: int) -> Batch:
    return Batch(name, last - first, hashlib.sha256(rows(first, last).tobytes()).hexdigest(), name.startswith("test"))


SMALL = Known(
    tuple(batch(name, 5 * place, 5 * place + 5) for place, name in enumerate(SIZES)),
    batch("test_first2000", 10, 10 + FIRST),
    hashlib.sha256(LABELS.tobytes() + PICTURES.tobytes()).hexdigest(),
)


def as_binary(folder: Path) -> None:
    for place, name in enumerate(SIZES):
        (folder / f"{name}.bin").write_bytes(rows(5 * place, 5 * place + 5).tobytes())


def unpacked(folder: Path) -> None:
    (folder / INSIDE).mkdir()
    as_binary(folder / INSIDE)


def as_archive(folder: Path) -> None:
    with tarfile.open(folder / ARCHIVE, "w:gz") as tar:
        for place in (1, 2, 0):  # the official one is in no order either
            content = rows(5 * place, 5 * place + 5).tobytes()
            member = tarfile.TarInfo(f"{INSIDE}/{list(SIZES)[place]}.bin")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def as_strips(folder: Path) -> None:
    for place, name in enumerate(SIZES):
        Image.fromarray(PICTURES[5 * place : 5 * place + 5].reshape(5, 1024, 3)).save(folder / f"{name}.png")
    (folder / "train_lables.json").write_text(json.dumps(LABELS[:10].tolist()))
    (folder / "test_lables.json").write_text(json.dumps(LABELS[10:].tolist()))


FORMS = [as_binary, unpacked, as_archive, as_strips]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows_and_is_kept(tmp_path: Path, form: Callable[[Path], None]) -> None:
    form(tmp_path)
    assert batches_in(tmp_path, SMALL) == list(SMALL.batches)
    for _ in range(2):
        read = read_folder(tmp_path, SMALL, tmp_path / "kept")
        np.testing.assert_array_equal(read.pictures, PICTURES)
        np.testing.assert_array_equal(read.labels, LABELS)
        assert read.tests == 5
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [KEPT]
    assert (tmp_path / "kept" / KEPT).read_bytes() == LABELS.tobytes() + PICTURES.tobytes()


def test_what_is_kept_is_what_the_next_start_reads_unless_it_is_damaged(tmp_path: Path) -> None:
    as_binary(tmp_path)
    read_folder(tmp_path, SMALL, tmp_path)
    for name in SIZES:
        (tmp_path / f"{name}.bin").write_bytes(b"")
    np.testing.assert_array_equal(read_folder(tmp_path, SMALL, tmp_path).pictures, PICTURES)
    as_binary(tmp_path)
    for damaged in (bytes(15 * 3073), b"short"):
        (tmp_path / KEPT).write_bytes(damaged)
        np.testing.assert_array_equal(read_folder(tmp_path, SMALL, tmp_path).pictures, PICTURES)
        assert (tmp_path / KEPT).read_bytes() == LABELS.tobytes() + PICTURES.tobytes()


def test_where_nothing_can_be_kept_the_set_is_read_all_the_same(tmp_path: Path) -> None:
    as_binary(tmp_path)
    (tmp_path / "file").touch()
    np.testing.assert_array_equal(read_folder(tmp_path, SMALL, tmp_path / "file").labels, LABELS)
    (tmp_path / "place" / KEPT / "folder").mkdir(parents=True)
    np.testing.assert_array_equal(read_folder(tmp_path, SMALL, tmp_path / "place").labels, LABELS)
    assert [path.name for path in (tmp_path / "place").iterdir()] == [KEPT]


def test_part_of_the_set_is_read_as_far_as_it_is_there_and_not_kept(tmp_path: Path) -> None:
    as_strips(tmp_path)
    (tmp_path / "data_batch_1.png").unlink()
    (tmp_path / "test_batch.png").unlink()
    Image.fromarray(PICTURES[10 : 10 + FIRST].reshape(FIRST, 1024, 3)).save(tmp_path / "test_first2000.png")
    assert [batch.name for batch in batches_in(tmp_path, SMALL)] == ["data_batch_2", "test_first2000"]
    read = read_folder(tmp_path, SMALL, tmp_path)
    np.testing.assert_array_equal(read.pictures, PICTURES[5:13])
    np.testing.assert_array_equal(read.labels, LABELS[5:13])
    assert read.tests == FIRST
    assert not (tmp_path / KEPT).exists()


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as error:
        read_folder(folder, SMALL, folder / "kept")
    assert not (folder / "kept").exists()
    return str(error.value).replace(str(folder), "SET")


@pytest.mark.parametrize("held", [[], ["data_batch_1.bin"], ["test_batch.bin"], ["train_lables.json"]])
def test_a_folder_without_something_to_train_or_to_test_on_says_what_belongs_there(
    tmp_path: Path, held: list[str]
) -> None:
    for name in held:
        (tmp_path / name).touch()
    assert refusal(tmp_path) == (
        "SET: expected cifar-10-binary.tar.gz, or data_batch_1 ... test_batch as .bin, or as .png with"
        " train_lables.json and test_lables.json; at least one to train on and one to test on; put them there"
    )


@pytest.mark.parametrize("form", FORMS)
def test_another_content_is_refused(
    tmp_path: Path, form: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = PICTURES.copy()
    changed[7, 3, 5, 1] ^= 1
    monkeypatch.setitem(globals(), "PICTURES", changed)
    form(tmp_path)
    came, due = hashlib.sha256(rows(5, 10).tobytes()).hexdigest(), SMALL.batches[1].sha256
    assert refusal(tmp_path).endswith(
        f": data_batch_2: expected content with sha256 {due[:16]}..., got {came[:16]}...;"
        " the file is damaged or another one: delete it and fetch it again"
    )


def test_another_label_is_refused(tmp_path: Path) -> None:
    as_strips(tmp_path)
    (tmp_path / "test_lables.json").write_text(json.dumps([(label + 1) % 10 for label in LABELS[10:].tolist()]))
    assert "test_batch: expected content with sha256" in refusal(tmp_path)


def test_a_binary_file_of_another_length_is_refused(tmp_path: Path) -> None:
    as_binary(tmp_path)
    with (tmp_path / "data_batch_2.bin").open("ab") as file:
        file.write(b"x")
    assert refusal(tmp_path) == "SET/data_batch_2.bin: expected 15,365 bytes, got 15,366; fetch it again"


STRIP = "SET/data_batch_1.png: expected a PNG strip of 5 colour pictures, 1024 pixels wide"


def saved(path: Path, size: tuple[int, int], mode: str, form: str = "PNG") -> None:
    Image.new(mode, size).save(path, form)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: saved(path, (1024, 4), "RGB"), f"{STRIP}, got RGB 1024 x 4; fetch it again"),
        (lambda path: saved(path, (1024, 5), "L"), f"{STRIP}, got L 1024 x 5; fetch it again"),
        (lambda path: saved(path, (1024, 5), "RGB", "BMP"), f"{STRIP}, got a file that cannot be read; fetch it again"),
        (lambda path: path.write_bytes(path.read_bytes()[:-500]), f"{STRIP}, got a file that cannot be read; fetch it again"),
        (lambda path: saved(path, (10**5, 1000), "1"), f"{STRIP}, got a file that cannot be read; fetch it again"),
    ],
)  # fmt: skip
def test_a_strip_that_is_none_is_refused(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    as_strips(tmp_path)
    spoil(tmp_path / "data_batch_1.png")
    assert refusal(tmp_path) == words


def test_a_strip_that_is_too_large_a_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_strips(tmp_path)
    size = (tmp_path / "data_batch_1.png").stat().st_size
    monkeypatch.setattr(strips, "MOST_BYTES", size - 1)
    assert refusal(tmp_path) == f"{STRIP}, got a file of {size:,} bytes; fetch it again"


@pytest.mark.parametrize(
    ("content", "came"),
    [
        ("[1, 2]", "got 2 items; fetch it again"),
        ("[1, 2, 10]", "got 3 items; fetch it again"),
        ("[1, 2, -1]", "got 3 items; fetch it again"),
        ("[1, 2, true]", "got 3 items; fetch it again"),
        ("[1, 2, 1.0]", "got 3 items; fetch it again"),
        ('{"0": 1}', "got dict; fetch it again"),
        ("[1, 2", "got no JSON; fetch it again"),
        ("[" * 10**5, "got no JSON; fetch it again"),
        ("[" + " " * 2**22 + "]", "got 4,194,306 bytes; fetch it again"),
        (None, "cannot read it (No such file or directory); put it there"),
    ],
)
def test_labels_that_are_none_are_refused(tmp_path: Path, content: str | None, came: str) -> None:
    path = tmp_path / "labels.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError) as error:
        read_labels(path, 3, 10)
    assert str(error.value) == f"{path}: expected a JSON list of 3 whole numbers below 10, {came}"


def test_the_known_set_is_60_000_examples_of_which_10_000_test() -> None:
    assert sum(batch.examples for batch in BATCHES) == NAMED["cifar10"].examples
    assert sum(batch.examples for batch in BATCHES if batch.tests) == NAMED["cifar10"].tests
    assert [batch.tests for batch in BATCHES] == [False] * 5 + [True]
    assert KNOWN.beginning.examples == 2000


@pytest.mark.data
def test_the_real_set_is_as_the_list_says(data_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAMINA_DATA", str(data_folder))
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path))
    if not here("cifar10"):
        pytest.skip(f"no cifar10 in {data_folder}")
    data = load("cifar10")
    assert (data.inputs.kind, data.target.kind) == (NAMED["cifar10"].inputs, NAMED["cifar10"].target)
    assert data.inputs.values.stride()[1:] == (1, 96, 3)
    # The first pictures of each part, as everyone knows them: a frog, a truck, a truck; a cat, two ships.
    assert data.test is not None
    first = [*range(3), *data.test[:3].tolist()]
    assert [data.classes[int(data.target.values[row])] for row in first] == [
        *("frog", "truck", "truck", "cat", "ship", "ship"),
    ]
    assert data.inputs.values[0, :, 0, 0].tolist() == [59, 62, 63]
