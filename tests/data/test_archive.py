"""Members out of a .tar.gz: only what is asked for, whatever else the archive tries."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lamina.data.sources import archive
from lamina.data.sources.archive import read_members
from lamina.errors import DataError

WANTED = {"set/a.bin": 700, "set/b.bin": 512}
A, B = b"a" * 700, b"b" * 512


def packed(path: Path, *members: tuple[Any, bytes], form: int = tarfile.USTAR_FORMAT) -> Path:
    """A .tar.gz of these members: a name or a header, and the content."""
    with tarfile.open(path, "w:gz", format=form) as tar:
        for what, content in members:
            header = what if isinstance(what, tarfile.TarInfo) else tarfile.TarInfo(what)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return path


def header(name: str, sort: bytes, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = sort, target
    return made


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as error:
        list(read_members(path, WANTED))
    return str(error.value).replace(str(path), "SET")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_members_asked_for_come_in_the_order_of_the_archive(tmp_path: Path, form: int) -> None:
    path = packed(tmp_path / "x.tar.gz", ("readme", b"hello"), ("set/b.bin", B), ("set/a.bin", A), form=form)
    assert list(read_members(path, WANTED)) == [("set/b.bin", B), ("set/a.bin", A)]


def test_a_long_name_is_put_together_from_its_two_parts(tmp_path: Path) -> None:
    name = f"{'folder/' * 20}a.bin"
    path = packed(tmp_path / "x.tar.gz", (name, A))
    assert list(read_members(path, {name: 700})) == [(name, A)]


def test_links_devices_and_paths_that_lead_outside_are_passed_over_and_nothing_is_written(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "x.tar.gz",
        *((f"../../{name}", b"evil") for name in WANTED),
        ("/etc/passwd", b"evil"),
        (header("set/a.bin", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (header("set/b.bin", tarfile.LNKTYPE, "set/a.bin"), b""),
        (header("set/a.bin", tarfile.CHRTYPE), b""),
        (header("set/a.bin", tarfile.FIFOTYPE), b""),
        (header("set/a.bin", tarfile.DIRTYPE), b""),
        ("set/a.bin", A),
        ("set/b.bin", B),
    )
    assert dict(read_members(path, WANTED)) == {"set/a.bin": A, "set/b.bin": B}
    assert [item.name for item in tmp_path.iterdir()] == ["x.tar.gz"]


def test_where_a_member_is_only_a_link_it_is_missing(tmp_path: Path) -> None:
    link = header("set/a.bin", tarfile.SYMTYPE, "/etc/passwd")
    path = packed(tmp_path / "x.tar.gz", (link, b""), ("set/b.bin", B))
    assert refusal(path) == "SET: expected set/a.bin in it, found no such regular file; fetch it again"


@pytest.mark.parametrize("size", [0, 699, 701, 10_000])
def test_a_member_of_another_size_is_refused(tmp_path: Path, size: int) -> None:
    path = packed(tmp_path / "x.tar.gz", ("set/a.bin", b"a" * size))
    assert refusal(path) == f"SET: set/a.bin: expected 700 bytes, got {size:,}; fetch it again"


def test_an_archive_that_is_mostly_something_else_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_PASSED", 4096)
    path = packed(tmp_path / "x.tar.gz", ("zeros", bytes(4096)), ("set/a.bin", A), ("set/b.bin", B))
    assert refusal(path) == "SET: expected little but set/a.bin, set/b.bin in it, got more; fetch it again"


def test_a_size_that_no_tar_writes_is_refused(tmp_path: Path) -> None:
    for written in (b"\x80" + b"\xff" * 11, b"-0000000017\0", b"0_000000017\0"):
        block = bytearray(tarfile.TarInfo("set/a.bin").tobuf(tarfile.USTAR_FORMAT))
        block[124:136] = written
        block[148:156] = b"%06o\0 " % (sum(block[:148]) + 256 + sum(block[156:512]))
        path = tmp_path / "x.tar.gz"
        path.write_bytes(gzip.compress(bytes(block)))
        assert refusal(path) == "SET: expected a .tar.gz file, got a header that is none; fetch it again"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"hello" * 200), "SET: expected a .tar.gz file, got a header that is none; fetch it again"),
        (gzip.compress(b"hello"), "SET: expected a .tar.gz file, got a header that is none; fetch it again"),
        (gzip.compress(bytes(1024)), "SET: expected set/a.bin, set/b.bin in it, found no such regular file; fetch it again"),
        (b"no gzip", "SET: expected a whole .tar.gz file, got a damaged one (Not a gzipped file (b'no')); fetch it again"),
    ],
)  # fmt: skip
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    assert refusal(path) == words


def test_an_archive_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.tar.gz", ("set/a.bin", A), ("set/b.bin", B))
    path.write_bytes(path.read_bytes()[:-30])
    assert refusal(path).startswith("SET: expected a whole .tar.gz file, got a damaged one (")
    whole = gzip.compress(gzip.decompress(packed(path, ("set/b.bin", B)).read_bytes())[:700])
    path.write_bytes(whole)
    assert refusal(path) == "SET: set/b.bin: expected 512 bytes, got 188; fetch it again"


def test_an_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no") == "SET: expected a .tar.gz file, found nothing there; check the path"
    (tmp_path / "folder").mkdir()
    assert refusal(tmp_path / "folder") == "SET: cannot be read (Is a directory); check the path"
