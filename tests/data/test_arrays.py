import io
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.sources.arrays import from_arrays, read_npz
from lamina.errors import DataError
from lamina.kinds import Image, Label, Value, Vector

X = np.arange(15.0).reshape(5, 3)
Y = ["b", "a", "b", "c", "a"]


def refusal(inputs, target, **settings) -> str:
    with pytest.raises(DataError) as caught:
        from_arrays(inputs, target, **settings)
    return str(caught.value)


def test_rows_of_numbers_are_vectors_of_float32():
    for inputs in (
        X,
        X.tolist(),
        torch.from_numpy(X),
        X.astype(">f8"),
        X.astype(np.int16),
        X[::-1][::-1],
        X.astype("f2"),
    ):
        dataset = from_arrays(inputs, Y)
        assert dataset.inputs.kind == Vector(3)
        assert dataset.inputs.scale is None
        torch.testing.assert_close(dataset.inputs.values, torch.arange(15.0).reshape(5, 3))


def test_half_precision_tensors_and_tensors_with_gradients_are_taken():
    inputs = torch.from_numpy(X).bfloat16().requires_grad_()
    torch.testing.assert_close(from_arrays(inputs, Y).inputs.values, torch.arange(15.0).reshape(5, 3))


def test_bytes_in_three_axes_are_grey_pictures():
    pictures = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    dataset = from_arrays(pictures, Y)
    assert dataset.inputs.kind == Image(1, 4, 3)
    assert dataset.inputs.values.dtype == torch.uint8
    torch.testing.assert_close(
        dataset.inputs.gather(torch.tensor([1])), torch.arange(12.0, 24.0).reshape(1, 1, 4, 3) / 255
    )


def test_floats_in_four_axes_are_pictures_that_keep_their_numbers():
    pictures = np.random.default_rng(0).normal(size=(5, 3, 7, 2))
    dataset = from_arrays(pictures, Y)
    assert dataset.inputs.kind == Image(3, 7, 2)
    assert dataset.inputs.scale is None
    torch.testing.assert_close(dataset.inputs.gather(torch.arange(5)), torch.from_numpy(pictures).float())


def test_an_array_that_may_not_be_written_is_copied():
    inputs = X.astype(np.float32)
    inputs.flags.writeable = False
    from_arrays(inputs, Y).inputs.values.zero_()
    assert inputs[0, 1] == 1


def test_an_array_whose_type_fits_is_shared():
    inputs = X.astype(np.float32)
    assert from_arrays(inputs, Y).inputs.values.data_ptr() == inputs.ctypes.data


@pytest.mark.parametrize(
    ("target", "classes", "numbers"),
    [
        (Y, ("a", "b", "c"), [1, 0, 1, 2, 0]),
        (np.array(Y, dtype="S1"), ("a", "b", "c"), [1, 0, 1, 2, 0]),
        ([7, -3, 7, 10, -3], ("-3", "7", "10"), [1, 0, 1, 2, 0]),
        (np.array([2, 1, 2, 9, 1], dtype=np.uint8), ("1", "2", "9"), [1, 0, 1, 2, 0]),
        (torch.tensor([True, False, True, True, False]), ("False", "True"), [1, 0, 1, 1, 0]),
    ],
)
def test_whole_numbers_bools_and_texts_are_labels_in_sorted_order(target, classes, numbers):
    dataset = from_arrays(X, target)
    assert dataset.target.kind == Label(len(classes))
    assert dataset.classes == classes
    assert dataset.target.values.tolist() == numbers
    assert dataset.target.values.dtype == torch.int64


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=20).filter(lambda items: len(set(items)) > 1))
def test_the_name_of_an_examples_class_is_what_was_given(target):
    dataset = from_arrays(np.ones((len(target), 1)), np.array(target))
    assert [dataset.classes[number] for number in dataset.target.values.tolist()] == [str(item) for item in target]


def test_floats_are_values():
    assert from_arrays(X, [0.5, 1, 2, 3, 4]).target.kind == Value(1)
    dataset = from_arrays(X, X[:, :2])
    assert dataset.target.kind == Value(2)
    torch.testing.assert_close(dataset.target.values, torch.from_numpy(X[:, :2]).float())
    assert dataset.classes == ()


def test_the_task_overrules_the_type_of_the_target():
    assert from_arrays(X, [1, 2, 3, 4, 5], task="value").target.values.tolist() == [[1.0], [2.0], [3.0], [4.0], [5.0]]
    assert from_arrays(X, [1.0, 2.0, 1.0, 1.0, 2.0], task="label").classes == ("1", "2")


def test_class_names_stand_for_the_numbers_from_0():
    dataset = from_arrays(X, [2, 0, 2, 0, 0], classes=["cat", "dog", "emu"])
    assert (dataset.classes, dataset.target.kind) == (("cat", "dog", "emu"), Label(3))
    assert dataset.target.values.tolist() == [2, 0, 2, 0, 0]


def test_class_names_give_texts_their_order():
    dataset = from_arrays(X, Y, classes=["c", "b", "a"])
    assert dataset.target.values.tolist() == [1, 2, 1, 0, 2]


def holed(*places, number=np.nan, like=X):
    array = like.astype(float).copy()
    for place in places:
        array[place] = number
    return array


REFUSED = [
    (
        holed((3, 2)),
        Y,
        "inputs must be finite, got inputs[3, 2]=nan (row 3, column 2; 1 such number in 1 row); fill or drop them",
    ),
    (
        holed((1, 0), (1, 2), (4, 1), number=-np.inf),
        Y,
        "inputs must be finite, got inputs[1, 0]=-inf (row 1, column 0; 3 such numbers in 2 rows); fill or drop them",
    ),
    (
        holed((2, 1), number=1e300),
        Y,
        "inputs must be finite, got inputs[2, 1]=1e+300 (row 2, column 1; 1 such number in 1 row); fill or drop them",
    ),
    (
        holed((2, 0, 1, 1), like=np.zeros((5, 1, 2, 2))),
        Y,
        "inputs must be finite, got inputs[2, 0, 1, 1]=nan (row 2; 1 such number in 1 row); fill or drop them",
    ),
    (
        X,
        [0, 1, np.nan, 1, 1],
        "target must be finite, got target[2, 0]=nan (row 2, column 0; 1 such number in 1 row); fill or drop them",
    ),
    (X, Y[:4], "inputs and target must be of one length, got 5 inputs and 4 targets"),
    ([], Y, "inputs must have at least 2 examples, got shape (0,)"),
    (X[:1], Y, "inputs must have at least 2 examples, got shape (1, 3)"),
    (X[:, :0], Y, "inputs must have something in every example, got shape (5, 0)"),
    (X, ["a"] * 5, "target must have at least two classes, got only 'a'"),
    (X, [3] * 5, "target must have at least two classes, got only '3'"),
    (
        X[:, 0],
        Y,
        "inputs must have shape (N, D), (N, Y, X) or (N, C, Y, X), got (5,); "
        "for one number an example pass inputs[:, None]",
    ),
    (
        np.zeros((5, 1, 2, 2, 2)),
        Y,
        "inputs must have shape (N, D), (N, Y, X) or (N, C, Y, X), got (5, 1, 2, 2, 2); reshape them to one of these",
    ),
    (
        np.zeros((5, 8, 9, 3)),
        Y,
        "inputs must have their channels first, (N, C, Y, X), got (5, 8, 9, 3); pass inputs.transpose(0, 3, 1, 2)",
    ),
    (
        X.astype(object),
        Y,
        "inputs must hold numbers, got dtype=object; convert it first, as in inputs.astype(float)",
    ),
    (
        X,
        np.array(Y, dtype=object),
        "target must hold numbers, bools or texts, got dtype=object; convert it first, as in target.astype(str)",
    ),
    (
        X.astype(complex),
        Y,
        "inputs must hold numbers, got dtype=complex128; convert it first, as in inputs.astype(float)",
    ),
    ([["a"], ["b"]], Y, "inputs must hold numbers, got texts such as 'a'; number them first"),
    (X, [[0], [1], [0], [1], [1]], "target must have shape (N,), one class an example, got (5, 1); pass target[:, 0]"),
    (
        X,
        np.eye(5, dtype=int),
        "target must have shape (N,), one class an example, got (5, 5); for one-hot rows pass target.argmax(1)",
    ),
    (X, np.zeros((5, 2, 2)), "target must have shape (N,) or (N, K), got (5, 2, 2)"),
    (
        np.ma.masked_less(X, 3),
        Y,
        "inputs must be a plain array, got a masked one; drop the masked rows, then pass its .data",
    ),
]


@pytest.mark.parametrize(("inputs", "target", "words"), REFUSED)
def test_arrays_that_cannot_be_trained_on_are_refused(inputs, target, words):
    assert refusal(inputs, target, name="mine") == f"mine: {words}"


def test_rows_of_unequal_length_are_refused():
    text = refusal([[1, 2], [3]], [0, 1])
    assert text.startswith(
        "arrays: inputs must be an array with rows of one length, got [[1, 2], [3]] (setting an array"
    )


def test_all_faults_of_inputs_and_target_are_told_at_once():
    assert refusal(holed((0, 0)), ["a"] * 4) == (
        "arrays cannot be used:\n"
        "  - arrays: inputs must be finite, got inputs[0, 0]=nan "
        "(row 0, column 0; 1 such number in 1 row); fill or drop them\n"
        "  - arrays: target must have at least two classes, got only 'a'"
    )


@pytest.mark.parametrize(
    ("target", "settings", "words"),
    [
        (
            [0.5] * 5,
            {"classes": ["a", "b"]},
            "classes are names of labels, but this target is a value; leave them out or say task='label'",
        ),
        (Y, {"task": "value"}, "target must hold numbers for task='value', got texts such as 'b'"),
        (
            [0.5, 1, 1, 1, 1],
            {"task": "label"},
            "target must hold whole numbers for task='label'; leave task out to predict a value",
        ),
        (Y, {"classes": ["a", "b", "a"]}, "classes must have unlike names, got ['a', 'b', 'a']"),
        (
            ["cat", "dgo"] * 2 + ["cat"],
            {"classes": ["cat", "dog"]},
            "target holds 'dgo', which is not among the classes; did you mean 'dog'?",
        ),
        ([0, 1, 2, 0, 1], {"classes": ["a", "b"]}, "target must lie from 0 to 1 for 2 classes, got target[2]=2"),
        ([0, 1, 1, -1, 1], {"classes": ["a", "b"]}, "target must lie from 0 to 1 for 2 classes, got target[3]=-1"),
    ],
)
def test_settings_that_do_not_fit_the_target_are_refused(target, settings, words):
    assert refusal(X, target, **settings) == f"arrays: {words}"


@pytest.mark.parametrize("names", [("x", "y"), ("inputs", "target")])
def test_an_npz_file_with_two_arrays_is_a_dataset(tmp_path, names):
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, more=np.zeros(2), **dict(zip(names, (X, np.array(Y)), strict=True)))
    dataset = read_npz(path)
    assert (dataset.name, dataset.inputs.kind, dataset.classes) == (str(path), Vector(3), ("a", "b", "c"))
    torch.testing.assert_close(dataset.inputs.values, torch.arange(15.0).reshape(5, 3))


def npz_refusal(path) -> str:
    with pytest.raises(DataError) as caught:
        read_npz(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_npz_files_that_are_none_are_refused(tmp_path):
    assert npz_refusal(tmp_path / "no.npz") == "expected a .npz file, found nothing there; check the path"
    (tmp_path / "text.npz").write_text("hello")
    assert npz_refusal(tmp_path / "text.npz") == (
        "expected a .npz file, got one that cannot be read (File is not a zip file); write it anew"
    )
    np.savez(tmp_path / "other.npz", images=X, y=Y)
    assert npz_refusal(tmp_path / "other.npz") == (
        "expected the arrays x and y, or inputs and target, got 'images, y'; write it with np.savez(path, x=..., y=...)"
    )


def test_an_npz_file_is_never_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("marker").touch, ())

    np.savez(tmp_path / "evil.npz", x=np.array([Evil(), 1], dtype=object), y=Y)
    assert npz_refusal(tmp_path / "evil.npz") == (
        "x must be a plain array of at most 4,294,967,296 bytes, got Python objects"
    )
    assert not (tmp_path / "marker").exists()


def test_an_npz_file_that_promises_more_than_it_holds_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 3)})
    with zipfile.ZipFile(tmp_path / "big.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + b"12345678")
        archive.writestr("y.npy", b"nothing of the kind")
    assert npz_refusal(tmp_path / "big.npz") == (
        "x must be a plain array of at most 4,294,967,296 bytes, got shape (1000000000000, 3) of float64 in 136 bytes"
    )


def test_an_npz_file_whose_member_is_no_array_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as archive:
        archive.writestr("x.npy", b"nothing of the kind")
        archive.writestr("y.npy", b"nothing of the kind")
    text = npz_refusal(tmp_path / "odd.npz")
    assert text.startswith("x must be an array as np.savez writes it (the magic string is not correct;")
    assert text.endswith("; write it anew")


@pytest.mark.parametrize("spoilt", [(b"}", b"{"), (b"(5, 3)", b"(05,3)")])
def test_an_npz_file_whose_array_has_a_damaged_header_is_refused(tmp_path, spoilt):
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as archive:
        archive.writestr("x.npy", npy(X).replace(*spoilt))
        archive.writestr("y.npy", npy(np.array(Y)))
    text = npz_refusal(tmp_path / "odd.npz")
    assert text.startswith("x must be an array as np.savez writes it (")
    assert text.endswith("; write it anew")


def npy(array) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def test_an_npz_file_whose_members_have_no_suffix_is_read_as_numpy_reads_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "bare.npz", "w") as archive:
        archive.writestr("x", npy(X))
        archive.writestr("y", npy(np.array(Y)))
    assert read_npz(tmp_path / "bare.npz").classes == ("a", "b", "c")


def zipped(path, compression=zipfile.ZIP_STORED, change=None) -> None:
    """A .npz file, both headers of whose first member, which begin with `PK`, `change` may spoil."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x.npy", npy(X))
        archive.writestr("y.npy", npy(np.array(Y)))
    content = bytearray(path.read_bytes())
    if change is not None:
        change(content, 0, 6)
        change(content, content.index(b"PK\1\2"), 8)
    path.write_bytes(bytes(content))


def misname(content, header, flags) -> None:
    content[header + flags + 1] |= 8  # its name is UTF-8, which it is not
    content[header + (46 if flags == 8 else 30)] = 0xFF


def encrypt(content, header, flags) -> None:
    content[header + flags] |= 1


def compress_otherwise(content, header, flags) -> None:
    content[header + flags + 2] = 77


def spoil(content, header, flags) -> None:
    if header == 0:
        content[30 + len("x.npy") + 4] = 0xFF  # the first byte of LZMA's settings


@pytest.mark.parametrize(
    ("compression", "change", "reason"),
    [
        (zipfile.ZIP_STORED, encrypt, "File 'x.npy' is encrypted, password required for extraction"),
        (zipfile.ZIP_STORED, compress_otherwise, "That compression method is not supported"),
        (
            zipfile.ZIP_STORED,
            misname,
            "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (zipfile.ZIP_LZMA, spoil, "Invalid or unsupported options"),
    ],
)
def test_npz_files_that_zip_cannot_open_are_refused(tmp_path, compression, change, reason):
    zipped(tmp_path / "mine.npz", compression)
    assert len(read_npz(tmp_path / "mine.npz")) == 5
    zipped(tmp_path / "mine.npz", compression, change)
    assert npz_refusal(tmp_path / "mine.npz") == (
        f"expected a .npz file, got one that cannot be read ({reason}); write it anew"
    )
