import gc
import gzip
import hashlib
import io
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from lamina.data.fetch import File, NamedSet, found, read
from lamina.data.named import here, load
from lamina.data.sets import NAMED
from lamina.data.sources import cifar
from lamina.errors import DataError
from lamina.kinds import Image, Label

# requests leaves the socket of a download that broke off to the garbage collector, which `served` therefore calls.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def contents() -> dict[str, bytes]:
    """Four small files as those of MNIST: 6 examples to train and 4 to test."""
    made = {}
    for name in NAMES:
        count = 6 if name.startswith("train") else 4
        shape = (count, 3, 2) if "images" in name else (count,)
        numbers = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape) % (200 if "images" in name else 2)
        made[name] = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + numbers.tobytes()
    return made


def named(address: str) -> NamedSet:
    return NamedSet(
        name="small",
        about="Ten small pictures.",
        examples=10,
        tests=4,
        inputs=Image(1, 3, 2),
        target=Label(2),
        licence="none",
        source="here",
        address=address,
        files=tuple(
            File(
                name,
                gzipped=hashlib.sha256(gzip.compress(content, mtime=0)).hexdigest(),
                content=hashlib.sha256(content).hexdigest(),
            )
            for name, content in contents().items()
        ),
        classes=("even", "odd"),
    )


class Served:
    """A server on this machine, what it gives, and what it was asked for."""

    def __init__(self) -> None:
        self.files = {f"/{name}.gz": gzip.compress(content, mtime=0) for name, content in contents().items()}
        self.asked: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.give
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked.append(self.path)
                served.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def give(self, handler: BaseHTTPRequestHandler, length: int | None = None) -> None:
        content = self.files[handler.path]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()
    gc.collect()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "small"


def refusal(wanted: NamedSet) -> str:
    with pytest.raises(DataError) as caught:
        read(wanted)
    return str(caught.value)


def test_a_set_is_fetched_once_and_then_read_from_the_cache(served, cache):
    small = named(served.address)
    assert found(small) is None
    dataset = read(small)
    assert (dataset.name, dataset.inputs.kind, dataset.target.kind) == ("small", Image(1, 3, 2), Label(2))
    assert (dataset.classes, dataset.about) == (("even", "odd"), "Ten small pictures.")
    assert dataset.test is not None
    assert dataset.test.tolist() == [6, 7, 8, 9]
    assert found(small) == str(cache)
    read(small)
    assert sorted(served.asked) == sorted(f"/{name}.gz" for name in NAMES)


def test_a_mirror_goes_before_the_network_and_may_have_zipped_the_files_anew(served, monkeypatch, tmp_path):
    folder = tmp_path / "mirror" / "small"
    folder.mkdir(parents=True)
    for number, (name, content) in enumerate(contents().items()):
        packed = gzip.compress(content, compresslevel=1, mtime=12345)
        (folder / (name if number % 2 else f"{name}.gz")).write_bytes(content if number % 2 else packed)
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "mirror"))
    small = named(served.address)
    assert found(small) == str(folder)
    assert len(read(small)) == 10
    assert served.asked == []


def test_a_mirror_without_the_set_leaves_it_to_the_network(served, monkeypatch, tmp_path):
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "mirror"))
    assert len(read(named(served.address))) == 10


def test_a_mirror_that_lacks_a_file_says_so(served, monkeypatch, tmp_path):
    folder = tmp_path / "mirror" / "small"
    folder.mkdir(parents=True)
    for name in NAMES[:3]:
        (folder / name).write_bytes(contents()[name])
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "mirror"))
    assert found(named(served.address)) is None
    assert refusal(named(served.address)) == (
        f"{folder}: expected the files {', '.join(NAMES)} (.gz or not), found no t10k-labels-idx1-ubyte; put them there"
    )


def test_a_mirror_with_another_content_is_refused(monkeypatch, tmp_path):
    folder = tmp_path / "mirror" / "small"
    folder.mkdir(parents=True)
    for name, content in contents().items():
        (folder / name).write_bytes(content[:-1] + b"\x09")
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "mirror"))
    expected = named("").files[0].content
    came = hashlib.sha256((folder / NAMES[0]).read_bytes()).hexdigest()
    assert refusal(named("http://127.0.0.1:9/")) == (
        f"{folder}/{NAMES[0]}: expected content with sha256 {expected[:16]}..., got {came[:16]}...; "
        "the file is damaged or another one: delete it and fetch it again"
    )


def test_a_mirror_that_is_no_folder_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "no"))
    words = f"LAMINA_DATA={tmp_path / 'no'}: expected a folder, found none; make it or unset LAMINA_DATA"
    assert refusal(named("http://127.0.0.1:9/")) == words
    with pytest.raises(DataError) as caught:
        here("mnist")
    assert str(caught.value) == words
    assert len(load("digits")) == 1797  # which needs no mirror


def cannot_fetch(address: str, reason: str) -> str:
    return (
        f"small: cannot fetch {address}{NAMES[0]}.gz ({reason}); try again with a network, "
        f"or set LAMINA_DATA to a folder in which small/ holds {', '.join(f'{name}.gz' for name in NAMES)}"
    )


def test_without_a_network_one_sentence_says_what_to_do(cache):
    address = "http://127.0.0.1:9/"
    assert refusal(named(address)) == cannot_fetch(address, "ConnectionError")
    assert list(cache.iterdir()) == []


def test_an_answer_that_is_an_error_is_told(served, cache):
    served.answer = lambda handler: handler.send_error(404)
    assert refusal(named(served.address)) == cannot_fetch(served.address, "HTTP 404")
    assert list(cache.iterdir()) == []


def test_a_download_that_ends_early_leaves_nothing(served, cache):
    served.answer = lambda handler: served.give(handler, length=10_000)
    assert refusal(named(served.address)) == cannot_fetch(served.address, "ChunkedEncodingError")
    assert list(cache.iterdir()) == []


def test_a_download_with_another_hash_is_deleted(served, cache):
    served.files[f"/{NAMES[0]}.gz"] += b"!"
    small = named(served.address)
    assert refusal(small) == (
        f"small: {served.address}{NAMES[0]}.gz gave a file whose sha256 is not {small.files[0].gzipped[:16]}..., "
        "and it was deleted; try again, or set LAMINA_DATA to a folder in which small/ holds the right one"
    )
    assert list(cache.iterdir()) == []


def test_a_redirect_to_a_file_of_this_machine_is_not_followed(served, cache, tmp_path):
    (tmp_path / "secret").write_text("secret")

    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"file://{tmp_path / 'secret'}")
        handler.end_headers()

    served.answer = redirect
    assert refusal(named(served.address)) == cannot_fetch(served.address, "InvalidSchema")
    assert list(cache.iterdir()) == []


def test_after_a_failure_only_what_is_missing_is_fetched(served, cache):
    good = dict(served.files)
    served.files[f"/{NAMES[2]}.gz"] = b"?"
    refusal(named(served.address))
    served.files = good
    served.asked.clear()
    assert len(read(named(served.address))) == 10
    assert served.asked == [f"/{name}.gz" for name in NAMES[2:]]


def test_a_cache_that_cannot_be_written_is_told(served, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "file"))
    assert refusal(named(served.address)) == (
        f"{tmp_path}/file/small: cannot be written (Not a directory); set LAMINA_CACHE to another folder"
    )


def test_a_folder_and_an_npz_file_are_loaded_by_their_path(tmp_path):
    for name, content in contents().items():
        (tmp_path / name).write_bytes(content)
    assert load(str(tmp_path)).name == str(tmp_path)
    np.savez(tmp_path / "mine.npz", x=np.eye(3), y=[0, 1, 1])
    assert load(f"{tmp_path}/mine.npz").name == f"{tmp_path}/mine.npz"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (
            "digit",
            "'digit' is no named set, no table, no folder with pictures or IDX files and no .npz file; did you mean 'digits'?",
        ),
        (
            "Fashion_MNIST",
            "'Fashion_MNIST' is no named set, no table, no folder with pictures or IDX files and no .npz file; did you mean 'fashion-mnist'?",
        ),
        (
            "quux",
            "'quux' is no named set, no table, no folder with pictures or IDX files and no .npz file; "
            "there are: digits, iris, wine, breast-cancer, diabetes, mnist, fashion-mnist, cifar10",
        ),
        (
            "é" * 130,
            f"{'é' * 130!r:.60}"[:57]
            + "... is no named set, no table, no folder with pictures or IDX files and no .npz file; check the path",
        ),
        ("no/such.npz", "no/such.npz: expected a .npz file, found nothing there; check the path"),
        (
            __file__,
            f"{__file__}: expected a table (.csv, .tsv, .parquet, .jsonl), a .npz file or a folder with pictures or IDX files, got '.py'",
        ),
    ],
)
def test_what_cannot_be_loaded_is_named_with_what_can(where, words):
    with pytest.raises(DataError) as caught:
        load(where)
    assert str(caught.value) == words


def test_a_path_that_is_no_utf8_is_refused():
    with pytest.raises(DataError) as caught:
        load("photos\udcff")
    assert str(caught.value) == "expected a path in UTF-8, got b'photos\\xff'; rename it"


def test_a_folder_of_neither_pictures_nor_idx_files_is_told(tmp_path):
    with pytest.raises(DataError) as caught:
        load(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}: expected a folder with pictures, a folder of them for each class, or with IDX files, found neither"
        " in it; check the path"
    )


def test_where_an_unknown_set_is_cannot_be_asked():
    with pytest.raises(DataError) as caught:
        here("irsi")
    assert str(caught.value) == "'irsi' is no named set; did you mean 'iris'?"
    assert (here("iris"), here("mnist")) == ("embedded", None)


def test_the_list_tells_all_of_every_set():
    for name, each in NAMED.items():
        assert name == each.name
        assert each.about.endswith(".")
        assert each.licence
        assert each.source.startswith("http")
        assert bool(each.files) == bool(each.address) == (each.tests > 0)
        assert all(len(file.gzipped) == len(file.content) == 64 for file in each.files)
        assert each.address.endswith("/") or not each.files


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_real_sets_are_as_the_list_says(name, data_folder, monkeypatch):
    monkeypatch.setenv("LAMINA_DATA", str(data_folder))
    if not (data_folder / name).is_dir():
        pytest.skip(f"no {name} in {data_folder}")
    dataset, each = load(name), NAMED[name]
    assert (len(dataset), dataset.inputs.kind, dataset.target.kind) == (each.examples, each.inputs, each.target)
    assert dataset.test is not None
    assert len(dataset.test) == each.tests
    assert dataset.about == each.about
    assert dataset.classes == (each.classes or tuple("0123456789"))


def few_pictures(monkeypatch) -> dict[str, bytes]:
    """Twelve pictures that take the place of CIFAR-10's, as its binary files."""
    rows = np.arange(12 * 3073, dtype=np.int64).reshape(12, 3073) % 251
    rows[:, 0] = np.arange(12) % 10
    names = ("data_batch_1", "data_batch_2", "test_batch")
    content = {name: rows[4 * n : 4 * n + 4].astype(np.uint8).tobytes() for n, name in enumerate(names)}
    batches = tuple(
        cifar.Batch(name, 4, hashlib.sha256(held).hexdigest(), name == "test_batch") for name, held in content.items()
    )
    monkeypatch.setattr(cifar, "KNOWN", cifar.Known(batches, cifar.KNOWN.beginning, kept_as(content)))
    return content


def pixels(content: dict[str, bytes]) -> np.ndarray:
    rows = np.concatenate([np.frombuffer(held, np.uint8).reshape(-1, 3073) for held in content.values()])
    return rows[:, 1:].reshape(-1, 3, 32, 32)


def kept_as(content: dict[str, bytes]) -> str:
    labels = b"".join(held[::3073] for held in content.values())
    return hashlib.sha256(labels + pixels(content).transpose(0, 2, 3, 1).tobytes()).hexdigest()


def test_a_part_of_cifar_says_so_and_a_photo_becomes_an_input_of_its_models(monkeypatch, tmp_path):
    content = few_pictures(monkeypatch)
    folder = tmp_path / "mirror" / "cifar10"
    folder.mkdir(parents=True)
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "mirror"))
    assert here("cifar10") is None
    for name in ("data_batch_2", "test_batch"):
        (folder / f"{name}.bin").write_bytes(content[name])
    assert here("cifar10") == f"{folder} (part of it)"
    dataset = load("cifar10")
    assert dataset.about.endswith("10,000 of them for testing. Here are only 8 of them, 4 for testing.")
    assert dataset.pictures is not None
    assert dataset.pictures.notes == (f"cifar10: {folder} holds 8 of its 60,000 examples",)
    assert (dataset.pictures.height, dataset.pictures.width, dataset.pictures.channels) == (32, 32, 3)
    assert dataset.test is not None
    assert dataset.test.tolist() == [4, 5, 6, 7]
    np.testing.assert_array_equal(dataset.inputs.values, pixels(content)[4:])
    assert dataset.inputs.values.stride() == (3072, 1, 96, 3)
    np.testing.assert_allclose(dataset.inputs.gather(dataset.test), pixels(content)[8:] / 255, rtol=1e-6)
    assert dataset.target.values.tolist() == [4, 5, 6, 7, 8, 9, 0, 1]


def test_without_a_mirror_cifar_is_fetched_once_as_one_archive(served, monkeypatch, tmp_path):
    content = few_pictures(monkeypatch)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, held in content.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(held)
            tar.addfile(member, io.BytesIO(held))
    served.files = {"/cifar-10-binary.tar.gz": stream.getvalue()}
    file = File("cifar-10-binary.tar", hashlib.sha256(stream.getvalue()).hexdigest(), cifar.KNOWN.content)
    ours = replace(NAMED["cifar10"], address=served.address, files=(file,))
    assert found(ours) is None
    for _ in range(2):
        np.testing.assert_array_equal(read(ours).inputs.values, pixels(content))
        assert served.asked == ["/cifar-10-binary.tar.gz"]
    assert found(ours) == str(tmp_path / "cache" / "cifar10")
    (tmp_path / "cache" / "cifar10" / "cifar-10-binary.tar.gz").unlink()  # what was read from it is kept
    assert found(ours) == str(tmp_path / "cache" / "cifar10")
    assert read(ours).classes == NAMED["cifar10"].classes
    assert served.asked == ["/cifar-10-binary.tar.gz"]
    assert NAMED["cifar10"].address + file.name + ".gz" == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
