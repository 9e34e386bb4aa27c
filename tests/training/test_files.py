import errno
import hashlib
import json
import os
import stat

import pytest

from lamina.errors import RunError
from lamina.training import files
from lamina.training.files import Written


def test_a_written_file_holds_the_bytes_and_the_hash_is_theirs(tmp_path):
    data = os.urandom(1009)
    written = files.write(tmp_path / "new", data)
    assert (tmp_path / "new").read_bytes() == data
    assert written == Written(1009, hashlib.sha256(data).hexdigest())


def test_a_write_that_the_system_takes_in_parts_is_whole(tmp_path, monkeypatch):
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, data[:7]))
    files.write(tmp_path / "new", b"0123456789" * 5)
    assert (tmp_path / "new").read_bytes() == b"0123456789" * 5


def test_a_file_that_is_there_is_never_written_over(tmp_path):
    files.write(tmp_path / "new", b"first")
    with pytest.raises(FileExistsError):
        files.write(tmp_path / "new", b"second")
    assert (tmp_path / "new").read_bytes() == b"first"


def test_settling_a_file_hashes_what_is_in_it(tmp_path):
    (tmp_path / "large").write_bytes(b"\x07" * 2_000_003)
    assert files.settle(tmp_path / "large") == Written(2_000_003, hashlib.sha256(b"\x07" * 2_000_003).hexdigest())


def test_a_file_is_synced_after_it_was_written_and_a_folder_as_a_folder(tmp_path, monkeypatch):
    synced = []

    def fsync(handle):
        found = os.fstat(handle)
        synced.append("folder" if stat.S_ISDIR(found.st_mode) else found.st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write(tmp_path / "new", b"12345")
    files.settle(tmp_path / "new")
    files.sync_folder(tmp_path)
    assert synced == [5, 5, "folder"]


def test_a_folder_is_made_once_and_never_its_parents(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    files.make_folder(tmp_path / "run")
    files.make_folder(tmp_path / "run")
    with pytest.raises(FileNotFoundError):
        files.make_folder(tmp_path / "gone" / "run")
    assert synced == [tmp_path.stat().st_ino]


def test_discarded_folders_lose_their_names_before_their_contents(tmp_path, monkeypatch):
    seen = []
    unlink = os.unlink

    def watched(*given, **named):
        seen.append(sorted(path.name[:7] for path in tmp_path.iterdir()))
        unlink(*given, **named)

    monkeypatch.setattr(os, "unlink", watched)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    assert files.discard([tmp_path / "one", tmp_path / "two"]) == []
    assert seen == [[".trash-", ".trash-"], [".trash-"]]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_discarded_is_named_and_the_rest_goes(tmp_path):
    (tmp_path / "two").mkdir()
    one = tmp_path / "one"
    assert files.discard([one, tmp_path / "two"]) == [
        f"{one} could not be removed: No such file or directory; remove it by hand"
    ]
    assert list(tmp_path.iterdir()) == []


def test_contents_stay_when_the_disk_does_not_confirm_the_renaming(tmp_path, monkeypatch):
    def fsync(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "file").write_text("x")
    (failure,) = files.discard([tmp_path / "one"])
    assert failure.endswith(" could not be removed: Input/output error; remove it by hand")
    assert len(list(tmp_path.glob(".trash-one-*/file"))) == 1


def test_cleaning_takes_drafts_and_trash_and_nothing_else(tmp_path):
    for name in (".tmp-step-5", ".trash-step-3", "step-7"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    (tmp_path / ".tmp-file").write_text("x")
    (tmp_path / ".tmp-link").symlink_to(tmp_path / "step-7")
    assert files.clean(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["step-7"]
    assert (tmp_path / "step-7" / "file").exists()


def test_a_draft_never_has_the_name_of_another(tmp_path):
    drafts = {files.draft_of(tmp_path / "step-7") for _ in range(100)}
    assert len(drafts) == 100
    assert all(draft.parent == tmp_path and draft.name.startswith(".tmp-step-7-") for draft in drafts)


def test_room_is_refused_below_six_fifths_of_the_size(tmp_path, monkeypatch):
    class Disk:
        f_bavail, f_frsize = 1200, 1000

    monkeypatch.setattr(os, "statvfs", lambda folder: Disk)
    files.check_room(tmp_path, 1_000_000)
    with pytest.raises(OSError, match=r"No space left on device: 2\.4 MB needed, 1\.2 MB free") as caught:
        files.check_room(tmp_path, 2_000_000)
    assert caught.value.errno == errno.ENOSPC


def test_a_file_over_the_limit_is_not_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert files.read(path, 5) == b"12345"
    with pytest.raises(RunError) as caught:
        files.read(path, 4)
    assert str(caught.value) == f"{path}: expected at most 4 bytes, got 5; lamina did not write this"


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(RunError) as caught:
            files.read(path, 100)
        assert str(caught.value) == f"{path}: expected a file, got a folder or a device"
    with pytest.raises(RunError) as caught:
        files.read(tmp_path / "none", 100)
    assert str(caught.value) == f"{tmp_path / 'none'}: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "expected a JSON object, got one nested too deeply"),
        ('{"a":' * 100_000, "expected a JSON object, got one nested too deeply"),
        ('{"a": NaN}', "expected a JSON object, got something else: NaN is no JSON number"),
        ('{"a": -Infinity}', "expected a JSON object, got something else: -Infinity is no JSON number"),
        ('{"a": 1e400}', "expected a JSON object, got something else: 1e400 is too large a number"),
        ('{"a": 1', "expected a JSON object, got something else: Expecting ',' delimiter: line 1 column 8 (char 7)"),
        ("[3, 5]", "expected a JSON object, got [3, 5]"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path, text, reason):
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(RunError) as caught:
        files.read_json(path, 10**6)
    assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.parametrize("data", [b'{"a": ' + b"9" * 100_000 + b"}", b'{"a": "\xff"}', b""])
def test_endless_digits_and_foreign_bytes_are_refused(tmp_path, data):
    (tmp_path / "state.json").write_bytes(data)
    with pytest.raises(RunError, match="expected a JSON object, got something else"):
        files.read_json(tmp_path / "state.json", 10**6)


def test_a_json_object_comes_back_as_it_was(tmp_path):
    value = {"best": 0.1 + 0.2, "epoch": 7, "names": ["a", None, True], "far": 1e-300}
    (tmp_path / "state.json").write_text(json.dumps(value))
    assert files.read_json(tmp_path / "state.json", 10**6) == value


def test_a_file_is_verified_by_size_and_by_hash(tmp_path):
    path = tmp_path / "file"
    written = files.write(path, b"12345")
    files.verify(path, written)
    path.write_bytes(b"12355")
    with pytest.raises(RunError) as caught:
        files.verify(path, written)
    sha256 = hashlib.sha256(b"12355").hexdigest()
    assert str(caught.value) == (
        f"{path}: expected sha256 {written.sha256}, got {sha256}; the file has changed on the disk"
    )
    path.write_bytes(b"1234")
    with pytest.raises(RunError) as caught:
        files.verify(path, written)
    assert str(caught.value) == f"{path}: expected 5 bytes, got 4; the file was cut or overwritten"
    path.unlink()
    with pytest.raises(RunError) as caught:
        files.verify(path, written)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"
