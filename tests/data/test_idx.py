import gzip
import hashlib
import resource
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lamina.data.sources.idx import read_folder, read_idx
from lamina.errors import DataError
from lamina.kinds import Image, Label, Vector

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(">BBBB", 0, 0, CODES[array.dtype.str[1:]], array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def refusal(path: Path, **settings: str) -> str:
    with pytest.raises(DataError) as caught:
        read_idx(path, **settings)
    return str(caught.value).removeprefix(f"{path}: ")


def mnist_like(folder: Path, train: int = 7, test: int = 3) -> np.ndarray:
    pictures = np.random.default_rng(0).integers(0, 256, (train + test, 5, 3), dtype=np.uint8)
    labels = np.arange(train + test, dtype=np.uint8) % 3
    put(folder / "train-images-idx3-ubyte", idx_bytes(pictures[:train]))
    put(folder / "train-labels-idx1-ubyte.gz", gzip.compress(idx_bytes(labels[:train])))
    put(folder / "t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(pictures[train:])))
    put(folder / "t10k-labels.idx1-ubyte", idx_bytes(labels[train:]))
    return pictures


@given(
    array=st.sampled_from(sorted(CODES)).flatmap(
        lambda code: hnp.arrays(np.dtype(code), hnp.array_shapes(min_dims=1, max_dims=4, max_side=5))
    ),
    zipped=st.booleans(),
)
def test_what_is_written_as_idx_is_read_back(tmp_path_factory, array, zipped):
    content = idx_bytes(array)
    path = put(tmp_path_factory.mktemp("idx") / "some", gzip.compress(content) if zipped else content)
    read = read_idx(path)
    np.testing.assert_array_equal(read.numpy(), array)
    assert read.numpy().dtype == array.dtype
    read.zero_()  # its memory is its own


def test_a_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "no") == "expected an IDX file, found nothing there; check the path"


def test_a_folder_is_no_file(tmp_path):
    assert refusal(tmp_path) == "expected an IDX file, cannot read it (Is a directory); check the path"


def test_a_gzip_file_that_ends_early_is_refused(tmp_path):
    content = gzip.compress(idx_bytes(np.random.default_rng(0).integers(0, 256, 999, dtype=np.uint8)))
    assert refusal(put(tmp_path / "a.gz", content[:-40])) == (
        "expected a whole gzip file, got a damaged one "
        "(Compressed file ended before the end-of-stream marker was reached); fetch it again"
    )


@pytest.mark.parametrize("place", [30, 300, -6])
def test_a_gzip_file_with_a_changed_bit_is_refused(tmp_path, place):
    content = bytearray(gzip.compress(idx_bytes(np.random.default_rng(0).integers(0, 256, 999, dtype=np.uint8))))
    content[place] ^= 1
    assert refusal(put(tmp_path / "a.gz", bytes(content))).startswith("expected a whole gzip file, got a damaged one (")


@pytest.mark.parametrize(
    ("content", "came"),
    [
        (b"\x89PNG....", "89 50 4e 47"),
        (b"\0\0", "00 00"),
        (b"", "an empty file"),
        (b"\0\0\x08\0....", "00 00 08 00"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"1", "00 00 08 ff"),
    ],
)
def test_a_file_that_begins_otherwise_is_no_idx_file(tmp_path, content, came):
    assert refusal(put(tmp_path / "a", content)) == (
        "expected an IDX file, which begins with 00 00, a type and 1 to 8 dimensions, "
        f"got {came}; check that it is the right file"
    )


def test_an_unknown_type_is_refused(tmp_path):
    assert refusal(put(tmp_path / "a", b"\0\0\x0a\1\0\0\0\1.")) == (
        "expected an IDX type among 08, 09, 0b, 0c, 0d, 0e, got 0a; write it as one of these"
    )


def test_a_header_that_ends_early_is_refused(tmp_path):
    assert refusal(put(tmp_path / "a", b"\0\0\x08\3\0\0\0\1\0\0")) == (
        "its header promises 3 dimensions, got only 1; fetch it again"
    )


def test_too_few_numbers_are_refused(tmp_path):
    content = gzip.compress(idx_bytes(np.zeros((7, 11), np.int16))[:-5])
    assert refusal(put(tmp_path / "a", content)) == (
        "its header promises 7 x 11 numbers in 154 bytes, got only 149; fetch it again"
    )


@pytest.mark.parametrize("zipped", [True, False])
def test_too_many_numbers_are_refused(tmp_path, zipped):
    content = idx_bytes(np.zeros((7, 11), np.int16)) + b"!"
    assert refusal(put(tmp_path / "a", gzip.compress(content) if zipped else content)) == (
        "its header promises 7 x 11 numbers in 154 bytes, got more; fetch it again"
    )


def test_sizes_that_the_file_cannot_hold_are_refused_before_memory_is_taken(tmp_path):
    header = b"\0\0\x0e\3" + b"\xff" * 12
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(put(tmp_path / "a", header + b"12345")) == (
        "its header promises 4294967295 x 4294967295 x 4294967295 numbers "
        f"in {8 * (2**32 - 1) ** 3:,} bytes, but this file can hold 21 at most; fetch it again"
    )
    zipped = gzip.compress(header + b"12345")
    assert f"but this file can hold {1032 * len(zipped):,} at most" in refusal(put(tmp_path / "b", zipped))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 50_000  # kilobytes


def test_more_than_fits_into_memory_is_refused_though_the_file_could_hold_it(tmp_path):
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.write(b"\0\0\x08\2" + struct.pack(">II", 2**17, 2**16))
        file.truncate(12 + 2**33)
    assert refusal(path) == (
        "its header promises 131072 x 65536 numbers in 8,589,934,592 bytes, but lamina reads 4,294,967,296 at most; "
        "fetch it again"
    )


def test_content_with_another_hash_is_refused(tmp_path):
    path = put(tmp_path / "a", idx_bytes(np.arange(5, dtype=np.uint8)))
    came = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_idx(path, sha256=came).tolist() == [0, 1, 2, 3, 4]
    assert refusal(path, sha256="0123456789abcdef" * 4) == (
        f"expected content with sha256 0123456789abcdef..., got {came[:16]}...; "
        "the file is damaged or another one: delete it and fetch it again"
    )


def test_a_folder_like_that_of_mnist_is_a_dataset_whose_test_rows_come_last(tmp_path):
    pictures = mnist_like(tmp_path)
    dataset = read_folder(tmp_path, name="mine")
    assert (dataset.name, dataset.inputs.kind, dataset.target.kind) == ("mine", Image(1, 5, 3), Label(3))
    assert dataset.classes == ("0", "1", "2")
    assert dataset.test is not None
    assert dataset.test.tolist() == [7, 8, 9]
    assert dataset.inputs.values.dtype == torch.uint8
    np.testing.assert_array_equal(dataset.inputs.values[:, 0].numpy(), pictures)
    expected = torch.from_numpy(pictures[[8]]).float()[:, None] / 255
    torch.testing.assert_close(dataset.inputs.gather(torch.tensor([8])), expected)
    assert dataset.target.values.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


def test_a_folder_without_test_files_leaves_the_split_to_us(tmp_path):
    put(tmp_path / "train-images-idx3-ubyte", idx_bytes(np.ones((5, 2), np.float32)))
    put(tmp_path / "train-labels-idx1-ubyte", idx_bytes(np.array([3, 5, 3, 5, 3], np.uint8)))
    dataset = read_folder(tmp_path, name="mine")
    assert (dataset.inputs.kind, dataset.classes, dataset.test) == (Vector(2), ("3", "5"), None)


def test_the_files_that_a_folder_lacks_are_named(tmp_path):
    mnist_like(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path, name="mine")
    assert str(caught.value) == (
        f"{tmp_path}: expected the files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
        "t10k-labels-idx1-ubyte (.gz or not), found no train-labels-idx1-ubyte, t10k-images-idx3-ubyte; put them there"
    )


@pytest.mark.parametrize("shape", [(3, 5, 2), (2, 5, 3), (4, 5, 3), (3, 15)])
def test_images_must_be_as_many_as_labels_and_of_one_size(tmp_path, shape):
    mnist_like(tmp_path)
    put(tmp_path / "t10k-images-idx3-ubyte.gz", idx_bytes(np.zeros(shape, np.uint8)))
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path, name="mine")
    assert str(caught.value) == (
        f"{tmp_path}/t10k-images-idx3-ubyte: expected shape (3, 5, 3) to fit the labels and the training images, "
        f"got {shape}; put files there that belong together"
    )


@pytest.mark.parametrize(
    ("file", "rows", "expected", "came"),
    [
        ("t10k-images-idx3-ubyte.gz", np.zeros((3, 5, 3), np.int32), "(5, 3) of uint8", "(5, 3) of int32"),
        ("t10k-labels.idx1-ubyte", np.zeros(3, np.int16), "() of uint8", "() of int16"),
        ("t10k-labels.idx1-ubyte", np.zeros((3, 2), np.uint8), "() of uint8", "(2,) of uint8"),
    ],
)
def test_test_files_must_hold_what_the_training_files_hold(tmp_path, file, rows, expected, came):
    mnist_like(tmp_path)
    put(tmp_path / file, idx_bytes(rows))
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path, name="mine")
    named = file.removesuffix(".gz").replace(".idx", "-idx")
    assert str(caught.value) == (
        f"{tmp_path}/{named}: expected rows of shape {expected} as in the training file, "
        f"got rows of shape {came}; put files there that belong together"
    )


@pytest.mark.data
def test_mnist_is_as_its_makers_count_it(data_folder):
    dataset = read_folder(data_folder / "mnist", name="mnist")
    assert len(dataset) == 70_000
    assert dataset.test is not None
    assert (int(dataset.test[0]), len(dataset.test)) == (60_000, 10_000)
    counts = torch.bincount(dataset.target.values[:60_000])
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    mean = dataset.inputs.values[:60_000].float().mean() / 255
    assert float(mean) == pytest.approx(0.1307, abs=1e-4)
