import json
import os
import resource
import struct
import time

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import RunError
from lamina.training.weights import (
    ENTRY_BYTES,
    HEADER_BYTES,
    TENSORS,
    check_names,
    check_tensors,
    fit_into,
    load_weights,
    save_weights,
)

TYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.float8_e4m3fn),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64),
]
FLOAT = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def bits(tensor):
    return str(tensor.dtype), tuple(tensor.shape), tensor.contiguous().reshape(-1).view(torch.uint8).tolist()


def file_with(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


@st.composite
def tensors(draw):
    dtype = draw(st.sampled_from(TYPES))
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    count = torch.Size(shape).numel() * dtype.itemsize
    data = draw(st.binary(min_size=count, max_size=count))
    return (torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0, dtype=dtype)).reshape(shape)


@settings(max_examples=50)
@given(values=st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,9}", fullmatch=True), tensors(), max_size=4))
def test_every_bit_of_every_type_and_shape_comes_back(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "some.safetensors"
    save_weights(path, values)
    loaded = load_weights(path)
    assert {name: bits(tensor) for name, tensor in loaded.items()} == {name: bits(values[name]) for name in values}


def test_the_payload_of_a_nan_and_the_sign_of_zero_come_back(tmp_path):
    patterns = torch.tensor([0x7FC00001, 0x7F800003, -1, -(2**31), 0x7F800000], dtype=torch.int32)
    save_weights(tmp_path / "odd", {"odd": patterns.view(torch.float32)})
    assert torch.equal(load_weights(tmp_path / "odd")["odd"].view(torch.int32), patterns)


def test_shared_strided_and_conjugated_tensors_are_written_as_what_they_show(tmp_path):
    table = torch.arange(15.0).reshape(3, 5)
    net = {
        "table": table,
        "tied": table,
        "turned": table.T,
        "part": table[1:, 2:4],
        "row": table[1],
        "spread": torch.ones(1).expand(7),
        "conjugated": torch.tensor([3 + 5j]).conj(),
        "trained": torch.nn.Parameter(torch.ones(2)),
        "pictures": torch.arange(210.0).reshape(2, 3, 5, 7).to(memory_format=torch.channels_last),
    }
    save_weights(tmp_path / "net", net)
    loaded = load_weights(tmp_path / "net")
    assert all(torch.equal(loaded[name], tensor) for name, tensor in net.items())
    loaded["tied"].zero_()
    assert loaded["table"].any()


def test_the_official_reader_reads_what_lamina_writes(tmp_path):
    save_weights(tmp_path / "net", {"weight": torch.arange(6.0).reshape(2, 3)})
    assert torch.equal(safetensors.torch.load_file(tmp_path / "net")["weight"], torch.arange(6.0).reshape(2, 3))


def test_the_file_may_be_read_by_whoever_may_read_its_folder(tmp_path):
    for mode, expected in ((0o700, 0o600), (0o755, 0o644), (0o775, 0o664)):
        tmp_path.chmod(mode)
        save_weights(tmp_path / "net", {"weight": torch.ones(2)})
        assert (tmp_path / "net").stat().st_mode & 0o777 == expected


def test_loaded_tensors_do_not_follow_the_file(tmp_path):
    path = tmp_path / "net"
    save_weights(path, {"weight": torch.arange(1000.0)})
    loaded = load_weights(path)
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(b"\xff" * 5000)
    assert torch.equal(loaded["weight"], torch.arange(1000.0))


def test_saving_onto_the_file_just_loaded_keeps_both(tmp_path):
    path = tmp_path / "net"
    save_weights(path, {"weight": torch.arange(100_003.0)})
    for addend in range(3):
        loaded = load_weights(path)
        assert torch.equal(loaded["weight"], torch.arange(100_003.0) + addend)
        loaded["weight"].add_(1)
        save_weights(path, loaded)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "é", "a\n", "__metadata__"])
def test_a_name_outside_the_alphabet_is_neither_written_nor_read(tmp_path, name):
    path = tmp_path / "net"
    message = f"{path}: expected names of letters, digits and _ . - for tensors, got {name!r}; rename them"
    with pytest.raises(RunError) as caught:
        save_weights(path, {"good": torch.ones(2), name: torch.ones(2)})
    assert str(caught.value) == message
    assert not path.exists()
    if name != "__metadata__":
        with pytest.raises(RunError) as caught:
            load_weights(file_with(path, {name: FLOAT}, bytes(8)))
        assert str(caught.value) == message


def test_all_names_are_checked_at_once():
    with pytest.raises(RunError) as caught:
        check_names(["a b", "c", "d e"], "net")
    assert str(caught.value) == (
        "net: expected names of letters, digits and _ . - for tensors, got 'a b', 'd e'; rename them"
    )


def test_a_type_that_the_format_lacks_is_refused(tmp_path):
    path = tmp_path / "net"
    with pytest.raises(RunError) as caught:
        save_weights(path, {"weight": torch.ones(2, dtype=torch.complex128)})
    assert str(caught.value) == f"{path}: cannot hold tensors of type torch.complex128; convert them before saving"


def test_a_full_disk_is_an_os_error_and_leaves_nothing(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_weights(tmp_path / "net", {"weight": torch.ones(10_007)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [33 * 2**20, 2**63, 2**64 - 1, 1000])
def test_a_header_larger_than_the_cap_or_the_file_is_not_read(tmp_path, length):
    path = file_with(tmp_path / "net", {"a": FLOAT}, bytes(8), length)
    with pytest.raises(RunError) as caught:
        load_weights(path)
    assert str(caught.value) == (
        f"{path}: expected at most 33554432 bytes of header in a file of {path.stat().st_size}, got {length}; "
        "this is no file of weights, or it was cut"
    )


def test_a_header_at_the_cap_in_a_larger_file_is_still_refused(tmp_path):
    path = tmp_path / "net"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", HEADER_BYTES + 1))
        file.truncate(HEADER_BYTES + 2**20)
    with pytest.raises(RunError, match="expected at most 33554432 bytes of header"):
        load_weights(path)


def test_too_many_tensors_are_refused_before_they_are_parsed(tmp_path):
    path = file_with(tmp_path / "net", {f"t{i}": {"dtype": "F32", "data_offsets": [0, 0]} for i in range(TENSORS + 1)})
    start = time.process_time()
    with pytest.raises(RunError) as caught:
        load_weights(path)
    assert str(caught.value) == f"{path}: expected at most 100000 tensors, got 100001; lamina did not write this"
    assert time.process_time() - start < 1


FEWER = "make the net of fewer stages, or take an optimizer that keeps less, such as SGD()"


def test_more_tensors_than_would_be_read_are_not_written(tmp_path):
    with pytest.raises(RunError) as caught:
        save_weights(tmp_path / "net", dict.fromkeys(map(str, range(TENSORS + 1)), torch.ones(2)))
    assert str(caught.value) == f"{tmp_path}/net: expected at most 100000 tensors in a file, got 100001; {FEWER}"
    assert not (tmp_path / "net").exists()


def test_a_header_larger_than_would_be_read_is_not_written():
    names = [f"{number:0500}" for number in range(60_000)]
    with pytest.raises(RunError) as caught:
        check_tensors(dict.fromkeys(names, torch.ones(2)), "net")
    size = 60_000 * (500 + len("[2]") + 2 * len("480000") + 64)
    assert str(caught.value) == (
        f"net: expected names and shapes that fit into a header of 33554432 bytes, got {size}; "
        f"shorten the names, or {FEWER}"
    )


@given(values=st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,9}", fullmatch=True), tensors(), max_size=4))
def test_a_header_is_never_larger_than_was_reckoned(values):
    offset = len(str(sum(tensor.nbytes for tensor in values.values())))
    reckoned = 16 + sum(len(n) + len(str(list(t.shape))) + 2 * offset + ENTRY_BYTES for n, t in values.items())
    assert int.from_bytes(safetensors.torch.save(values)[:8], "little") <= reckoned


def test_what_adamw_keeps_of_ten_thousand_stages_is_within_the_limits(tmp_path):
    one = torch.ones(1)
    state = {
        f"body.{stage}.{parameter}.{kept}": one
        for stage in range(10_000)
        for parameter in ("weight", "offset")
        for kept in ("mean", "square", "count")
    }
    save_weights(tmp_path / "optimizer", state)
    assert load_weights(tmp_path / "optimizer").keys() == state.keys()


@pytest.mark.parametrize(
    "header",
    [
        {"a": FLOAT, "b": FLOAT},  # overlap
        {"a": {**FLOAT, "data_offsets": [8, 0]}},
        {"a": {**FLOAT, "data_offsets": [0, 16]}},
        {"a": {**FLOAT, "data_offsets": [0, 2**63]}},
        {"a": {**FLOAT, "shape": [2**62, 2**62]}},
        {"a": {**FLOAT, "shape": [3]}},
        {"a": {**FLOAT, "shape": [-2]}},
        {"a": {**FLOAT, "dtype": "OBJECT"}},
        {"a": {"dtype": "F4", "shape": [16], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}},
        {"a": FLOAT, "b": {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [8, 8]}},
        {"a": FLOAT, "b": {"dtype": "F32", "shape": [2**64 - 1, 0], "data_offsets": [8, 8]}},
        {},  # data that belong to no tensor
        [FLOAT],
        b'{"a":' * 1000,
        b"[" * 100_000,
        b"\xff\xfe",
        b"",
    ],
)
def test_a_header_that_does_not_describe_the_data_is_refused(tmp_path, header):
    path = file_with(tmp_path / "net", header, bytes(8))
    with pytest.raises(RunError, match=f"^{path}: expected tensors in safetensors format: "):
        load_weights(path)


def test_every_type_code_is_loaded_or_refused_but_never_a_surprise(tmp_path):
    for code in ("F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "C64", "BOOL", "U64", "BF16"):
        header = {"a": {"dtype": code, "shape": [32], "data_offsets": [0, 0]}}
        for size in (16, 24, 32, 64, 256):
            header["a"]["data_offsets"] = [0, size]
            try:
                load_weights(file_with(tmp_path / "net", header, bytes(size)))
            except RunError as error:
                assert "expected tensors in safetensors format" in str(error)  # noqa: PT017


@pytest.mark.parametrize("size", [0, 1, 7, 8, 30])
def test_a_file_cut_anywhere_is_refused(tmp_path, size):
    path = tmp_path / "net"
    save_weights(path, {"weight": torch.ones(7)})
    os.truncate(path, size)
    with pytest.raises(RunError, match=f"^{path}: expected"):
        load_weights(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(RunError) as caught:
            load_weights(path)
        assert str(caught.value) == f"{path}: expected a file of weights, got a folder or nothing"


def test_a_pickle_is_refused_and_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"weight": Bomb()}, tmp_path / "net")
    with pytest.raises(RunError, match="this is no file of weights"):
        load_weights(tmp_path / "net")
    assert not (tmp_path / "ran").exists()


def small_net():
    return torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(5))


def test_fitting_copies_into_the_very_tensors_of_the_net():
    net, other = small_net(), small_net()
    where = {name: tensor.data_ptr() for name, tensor in net.state_dict().items()}
    fit_into(net.state_dict(), other.state_dict(), "model.safetensors")
    assert {name: bits(tensor) for name, tensor in net.state_dict().items()} == {
        name: bits(tensor) for name, tensor in other.state_dict().items()
    }
    assert {name: tensor.data_ptr() for name, tensor in net.state_dict().items()} == where


def test_all_differences_are_listed_and_nothing_is_copied():
    net = small_net()
    before = {name: bits(tensor) for name, tensor in net.state_dict().items()}
    loaded = {name: torch.zeros_like(tensor) for name, tensor in net.state_dict().items()}
    loaded["0.weigth"] = loaded.pop("0.weight")
    loaded["0.bias"] = torch.zeros(7)
    loaded["1.bias"] = torch.zeros(5, dtype=torch.float64)
    loaded["surplus"] = torch.zeros(2)
    with pytest.raises(RunError) as caught:
        fit_into(net.state_dict(), loaded, "model.safetensors")
    assert str(caught.value) == (
        "model.safetensors does not fit this net; load it into the net that it was saved from:\n"
        "  - '0.weight' (5, 3) float32 is missing\n"
        "  - '0.weigth' is not in the net; did you mean '0.weight'?\n"
        "  - 'surplus' is not in the net\n"
        "  - '0.bias': expected (5,) float32, got (7,) float32\n"
        "  - '1.bias': expected (5,) float32, got (5,) float64"
    )
    assert {name: bits(tensor) for name, tensor in net.state_dict().items()} == before


def test_ten_thousand_surplus_names_are_listed_in_a_moment():
    net = {f"layer.{i}.weight": torch.zeros(0) for i in range(300)}
    loaded = {f"layer.{i}.weights": torch.zeros(0) for i in range(10_000)}
    start = time.process_time()
    with pytest.raises(RunError) as caught:
        fit_into(net, loaded, "model.safetensors")
    assert len(str(caught.value).splitlines()) == 10_301
    assert time.process_time() - start < 5
