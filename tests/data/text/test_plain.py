import gzip
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.text import files, plain, tokenised
from lamina.data.text.plain import read_plain
from lamina.data.text.tokenised import tokens_of
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError


@pytest.fixture
def small(monkeypatch):
    """Pieces of a few bytes, so that small texts are cut."""
    monkeypatch.setattr(files, "CHUNK_BYTES", 7)


def refusal(path) -> str:
    with pytest.raises(DataError) as raised:
        read_plain(path)
    return str(raised.value)


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_the_pieces_are_the_text(tmp_path_factory, text, first, length):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(f"owl{text}".encode())
    whole = path.read_bytes().decode().removeprefix("\ufeff")
    for chunk_bytes in (3, 2**20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "CHUNK_BYTES", chunk_bytes)
            found = read_plain(path)
            assert found.characters == len(whole)
            assert "".join(found.pieces()) == whole
            assert "".join(found.pieces(first, first + length)) == whole[first : first + length]


def test_pieces_end_with_lines_or_before_spaces(small, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("ab cd\nef gh ij kl mnopqrstuvwxyz")
    assert list(read_plain(path).pieces()) == ["ab cd\n", "ef gh", " ij kl", " mnopqrstuv", "wxyz"]


def test_a_mark_at_the_start_and_what_packs_a_file_are_no_part_of_the_text(tmp_path):
    plain_file, marked, packed = (tmp_path / name for name in ("a.txt", "b.txt", "c.txt.gz"))
    plain_file.write_text("été")
    marked.write_bytes(b"\xef\xbb\xbf" + "été".encode())
    packed.write_bytes(gzip.compress("été".encode()))
    assert [list(read_plain(path).pieces()) for path in (plain_file, marked, packed)] == [["été"]] * 3
    assert len({read_plain(path).digest for path in (plain_file, marked, packed)}) == 1


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_that_is_no_utf_8_is_named(small, tmp_path, mark):
    path = tmp_path / "a.txt"
    path.write_bytes(mark + b"owls and cats \xe9t\xe9")
    expected = f"{path}: expected UTF-8, got 0xe9 at byte {14 + len(mark)}, which is none; save the text as UTF-8"
    assert refusal(path) == expected
    path.write_bytes(mark + "owl é".encode()[:-1])
    assert (
        refusal(path)
        == f"{path}: expected UTF-8, got 0xc3 at byte {4 + len(mark)}, which is none; save the text as UTF-8"
    )


def test_what_is_no_text_is_refused(small, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    assert refusal(path) == f"{path}: expected a text, got an empty file; check the path"
    path.write_bytes(b" \n\t" * 5)
    assert refusal(path) == f"{path}: expected a text, got 15 characters of white space; check the path"
    path.write_bytes(b"owls and \0cats")
    assert refusal(path) == f"{path}: expected a text, got a NUL at byte 9; is this a binary file?"
    assert (
        refusal(tmp_path / "b.txt") == f"{tmp_path}/b.txt: cannot be read (No such file or directory); check the path"
    )
    for packed in ("c.txt.gz", "c.txt.zst"):
        path = tmp_path / packed
        path.write_bytes(b"owls and cats, and what they ate")
        what = "gzip" if packed.endswith("gz") else "zstd"
        assert refusal(path) == f"{path}: expected a file packed by {what}, got one that is damaged; fetch it anew"
    path = tmp_path / "d.gz"
    path.write_bytes(gzip.compress(b"owls and cats")[:-9])
    assert refusal(path) == f"{path}: expected a file packed by gzip, got one that is damaged; fetch it anew"


def test_a_line_of_fifty_megabytes_takes_little_memory(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("é".encode() * 25_000_000)
    tracemalloc.start()
    try:
        assert read_plain(path).characters == 25_000_000
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("large", [False, True])
def test_tokens_are_those_of_the_text_and_none_lies_across_an_edge(tmp_path, monkeypatch, large):
    if large:
        monkeypatch.setattr(tokenised, "LARGE_BYTES", 10)
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.txt"
    path.write_text("the owl and the cat\nwent to sea")
    tokenizer, said = Tokenizer.train(["the owl and the cat went to sea"], "bpe", 300), list[str]()
    for _ in range(2):
        found = tokens_of(read_plain(path), tokenizer, [5, 31], said.append)
        assert found.tokens.long().tolist() == tokenizer.encode("the o") + tokenizer.encode(
            "wl and the cat\nwent to sea"
        )
        assert found.edges == (len(tokenizer.encode("the o")), len(found.tokens))
        assert found.notes == ()
    assert found.tokens.dtype == (torch.uint16 if large else torch.int32)
    places = list((tmp_path / "cache" / "texts").glob("*")) if large else []
    assert said == [f"encoding 31 characters, once: their tokens are kept in {place}" for place in places]


def test_damaged_tokens_in_the_cache_are_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenised, "LARGE_BYTES", 10)
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.txt"
    path.write_text("the owl and the cat")
    tokenizer = Tokenizer.train([], "bytes")
    first = tokens_of(read_plain(path), tokenizer).tokens.long()
    (kept,) = (tmp_path / "cache" / "texts").glob("*")
    for damage in (
        b"",
        b"{}",
        b'{"count": 19, "dtype": "object", "edges": []}',
        b'{"count": 3, "dtype": "uint16", "edges": []}',
    ):
        (kept / "tokens.json").write_bytes(damage)
        assert torch.equal(tokens_of(read_plain(path), tokenizer).tokens.long(), first)


def test_without_a_cache_tokens_are_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenised, "LARGE_BYTES", 10)
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.txt"
    path.write_text("the owl and the cat")
    found = tokens_of(read_plain(path), Tokenizer.train([], "bytes"))
    np.testing.assert_array_equal(found.tokens, np.frombuffer(b"the owl and the cat", np.uint8) + 3)
    (note,) = found.notes
    assert note.startswith("the tokens cannot be kept in the cache (")
    assert note.endswith("set LAMINA_CACHE to another folder), so they are held in memory, and made at every start")


def test_pieces_are_of_bounded_size(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("owl " * 1_000_000)
    assert max(map(len, plain.pieces_of(path))) <= 2 * files.CHUNK_BYTES
