"""The crash sweep: the process ends, or the power fails, at each change of the disk in turn; and disks that fail."""

import errno
import itertools
import os
import resource
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from ending import ends_in_child

from lamina.errors import RunError
from lamina.training.checkpoint import Checkpoints, Snapshot


def snapshot(step, mark=0):
    """A small snapshot that differs from any other in every part."""
    weight = torch.randn(3, 5, generator=torch.Generator().manual_seed(1000 * step + mark))
    groups = {"model": {"weight": weight}, "optimizer": {"weight.mean": weight.T}, "average": {"weight": weight / 3}}
    return Snapshot(step, groups, {"mark": mark})


def content(saved):
    if saved is None:
        return None
    tensors = {name: next(iter(part.values())).tolist() for name, part in saved.files().items()}
    return saved.step, saved.state, tensors


@pytest.fixture
def said():
    return []


@pytest.fixture
def checkpoints(tmp_path, said):
    return Checkpoints(tmp_path / "checkpoints", said.append)


def names(checkpoints):
    return sorted(path.name for path in checkpoints.folder.iterdir())


@pytest.mark.parametrize(
    ("power_fails", "older", "step"),
    [(True, [], 1), (True, [1, 2], 3), (True, [1, 2], 2), (True, [3, 4], 2), (False, [1, 2], 3)],
)
def test_a_crash_at_any_change_leaves_the_old_or_the_new_checkpoint_whole(
    tmp_path, monkeypatch, power_fails, older, step
):
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # slow, and `Ending` keeps its own account of what is synced
    before = Checkpoints(tmp_path / "before", print)
    tmp_path.joinpath("before").mkdir()
    for past in older:
        before.save(snapshot(past))
    old, new = content(before.newest()), content(snapshot(step, mark=7))
    met = []
    for number in itertools.count(1):
        said = []
        checkpoints = Checkpoints(tmp_path / f"crash-{number}", said.append)
        shutil.copytree(before.folder, checkpoints.folder)
        crashed = ends_in_child(lambda: checkpoints.save(snapshot(step, mark=7)), number, power_fails)  # noqa: B023
        met.append(content(checkpoints.newest()))
        assert met[-1] in (old, new)
        checkpoints.clean()
        assert not [name for name in names(checkpoints) if not name.startswith("step-")]
        assert said == []
        checkpoints.save(snapshot(9))
        assert content(checkpoints.newest()) == content(snapshot(9))
        if not crashed:
            break
        assert number < 100
    assert met[0] == old
    assert met[-1] == new
    assert number > 10


def test_data_reach_the_disk_before_the_manifest_and_the_manifest_before_the_name(checkpoints, monkeypatch):
    order = []
    rename, fsync = os.rename, os.fsync

    def shown(path):
        return Path(path).name.partition("-")[0].replace(".tmp", "draft")

    def watched_fsync(handle):
        order.append(f"sync {shown(Path(f'/proc/self/fd/{handle}').readlink())}")
        fsync(handle)

    def watched_rename(old, new):
        order.append(f"rename {shown(old)} to {shown(new)}")
        rename(old, new)

    checkpoints.save(snapshot(1))
    checkpoints.save(snapshot(2))
    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "rename", watched_rename)
    checkpoints.save(snapshot(3))
    assert order == [
        *("sync model.safetensors", "sync optimizer.safetensors", "sync average.safetensors", "sync state.json"),
        *("sync manifest.json", "sync draft", "rename draft to step", "sync checkpoints"),
        *("rename step to .trash", "sync checkpoints"),
    ]


def failing(real, number, code=errno.EIO):
    """A call of `os` that fails at its `number`th use."""
    count = itertools.count(1)

    def call(*given):
        if next(count) == number:
            raise OSError(code, os.strerror(code))
        return real(*given)

    return call


@pytest.mark.parametrize(("name", "number"), [*(("fsync", n) for n in range(1, 7)), ("rename", 1), ("mkdir", 1)])
def test_a_failing_disk_is_reported_and_the_older_checkpoint_stands(checkpoints, said, monkeypatch, name, number):
    checkpoints.save(snapshot(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, name, failing(getattr(os, name), number))
        with pytest.raises(RunError) as caught:
            checkpoints.save(snapshot(2))
    assert str(caught.value) == (
        f"{checkpoints.folder}: the checkpoint of step 2 was not saved, older ones stand: "
        "[Errno 5] Input/output error; free space or mend the disk"
    )
    assert names(checkpoints) == ["step-0000000001"]
    assert content(checkpoints.newest()) == content(snapshot(1))
    checkpoints.save(snapshot(2))
    assert content(checkpoints.newest()) == content(snapshot(2))
    assert said == []


def test_a_name_that_the_disk_does_not_confirm_is_a_failure_and_nothing_older_is_removed(checkpoints, monkeypatch):
    for step in (1, 2):
        checkpoints.save(snapshot(step))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(os.fsync, 7))
        with pytest.raises(RunError, match="step 3 was not saved"):
            checkpoints.save(snapshot(3))
    assert checkpoints.steps() == [1, 2, 3]


def test_a_full_disk_is_reported_and_the_next_save_works_when_there_is_room(checkpoints):
    checkpoints.save(snapshot(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit, reason in ((100, "os error 27"), (900, "File too large")):  # in the tensors, and in the state
        large = Snapshot(2, {"model": {"w": torch.ones(1)}}, {"text": "x" * 1000})
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
        try:
            with pytest.raises(RunError, match=f"step 2 was not saved, older ones stand: .*{reason}"):
                checkpoints.save(snapshot(2) if limit == 100 else large)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert names(checkpoints) == ["step-0000000001"]
    checkpoints.save(snapshot(2))
    assert content(checkpoints.newest()) == content(snapshot(2))


def test_a_disk_without_room_is_found_out_before_anything_is_written(checkpoints, monkeypatch):
    class Disk:
        f_bavail, f_frsize = 0, 4096

    monkeypatch.setattr(os, "statvfs", lambda folder: Disk)
    monkeypatch.setattr(safetensors.torch, "save_file", None)
    with pytest.raises(RunError, match=r"No space left on device: 0\.0 MB needed, 0\.0 MB free"):
        checkpoints.save(snapshot(1))


def test_a_vanished_run_folder_is_an_error_and_is_not_made_anew(checkpoints, tmp_path):
    gone = Checkpoints(tmp_path / "run" / "checkpoints", print)
    with pytest.raises(RunError, match=r"step 1 was not saved.*No such file or directory"):
        gone.save(snapshot(1))
    assert not (tmp_path / "run").exists()


def test_a_file_where_the_folder_should_be_is_named(checkpoints):
    checkpoints.folder.write_text("x")
    for act in (checkpoints.newest, checkpoints.steps, lambda: checkpoints.save(snapshot(1))):
        with pytest.raises(RunError) as caught:
            act()
        assert str(caught.value) == f"{checkpoints.folder}: expected a folder of checkpoints: Not a directory"


def test_what_cannot_be_removed_is_said_and_the_save_counts(checkpoints, said, monkeypatch):
    for step in (1, 2):
        checkpoints.save(snapshot(step))
    monkeypatch.setattr(os, "rename", failing(os.rename, 2, errno.EACCES))
    checkpoints.save(snapshot(3))
    folder = checkpoints.folder / "step-0000000001"
    assert said == [f"{folder} could not be removed: Permission denied; remove it by hand"]
    assert content(checkpoints.newest()) == content(snapshot(3))
