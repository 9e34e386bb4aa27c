import json
import os
import re
import shutil

import pytest
import torch

from lamina.errors import RunError
from lamina.training.checkpoint import Checkpoints, Snapshot


def snapshot(step, average=True, mark=0):
    """A small snapshot that differs from that of any other step in every part."""
    chance = torch.Generator().manual_seed(1000 * step + mark)
    weight = torch.randn(3, 5, generator=chance)
    model = {"weight": weight, "tied": weight, "seen": torch.tensor(step), "nothing": torch.empty(0, 7)}
    model["odd"] = torch.tensor([float("nan"), -0.0, float("inf")], dtype=torch.bfloat16)
    optimizer = {"weight.mean": torch.randn(3, 5, generator=chance).T, "weight.square": weight**2}
    state = {"epoch": step // 2, "best": None, "seconds": 0.1 * step, "threads": 2, "mark": mark}
    groups = {"model": model, "optimizer": optimizer}
    return Snapshot(step, groups | ({"average": {"weight": weight / 3}} if average else {}), state)


def content(saved):
    """Everything in a snapshot, down to the bits, as something that can be compared."""
    if saved is None:
        return None
    bits = {
        (part, name): (tensor.dtype, tensor.shape, tensor.contiguous().reshape(-1).view(torch.uint8).tolist())
        for part, tensors in saved.files().items()
        for name, tensor in tensors.items()
    }
    return saved.step, bits, saved.state


@pytest.fixture
def said():
    return []


@pytest.fixture
def checkpoints(tmp_path, said):
    return Checkpoints(tmp_path / "checkpoints", said.append)


def names(checkpoints):
    return sorted(path.name for path in checkpoints.folder.iterdir())


@pytest.mark.parametrize("average", [True, False])
def test_a_snapshot_comes_back_bit_for_bit(checkpoints, average):
    folder = checkpoints.save(snapshot(123, average))
    assert folder.name == "step-0000000123"
    assert content(checkpoints.newest()) == content(checkpoints.load(123)) == content(snapshot(123, average))
    assert (folder / "average.safetensors").exists() == average


def test_no_checkpoints_is_none_and_not_an_error(checkpoints):
    assert checkpoints.newest() is None
    assert checkpoints.steps() == []
    checkpoints.folder.mkdir()
    (checkpoints.folder / ".tmp-step-0000000001-2-ab").mkdir()
    (checkpoints.folder / "notes").mkdir()
    assert checkpoints.newest() is None


def test_a_step_that_is_not_there_is_named_with_those_that_are(checkpoints):
    with pytest.raises(RunError) as caught:
        checkpoints.load(3)
    assert str(caught.value) == f"{checkpoints.folder}: expected a checkpoint of step 3, there are: none at all"
    for step in (1, 20):
        checkpoints.save(snapshot(step))
    with pytest.raises(RunError, match="expected a checkpoint of step 3, there are: 1, 20"):
        checkpoints.load(3)


def test_the_newest_and_the_protected_stay(checkpoints):
    for step in range(1, 8):
        checkpoints.save(snapshot(step), protected=[2])
    assert names(checkpoints) == ["step-0000000002", "step-0000000006", "step-0000000007"]


def test_they_are_ordered_by_step_whatever_the_clock_says(checkpoints):
    for step in (9, 10):
        checkpoints.save(snapshot(step))
    for step, when in ((9, 2_000_000_000), (10, 5)):
        os.utime(checkpoints.folder / f"step-{step:010d}", (when, when))
    assert checkpoints.newest().step == 10
    checkpoints.save(snapshot(10**11))
    assert checkpoints.steps() == [10, 10**11]


def test_a_step_saved_again_replaces_its_checkpoint(checkpoints):
    for mark in (1, 2, 3):
        checkpoints.save(snapshot(5, mark=mark))
    assert names(checkpoints) == ["step-0000000005-3"]
    assert content(checkpoints.newest()) == content(checkpoints.load(5)) == content(snapshot(5, mark=3))


def test_saving_an_earlier_step_gives_up_the_later_ones(checkpoints):
    for step in (1, 2, 3):
        checkpoints.save(snapshot(step), protected=[3])
    checkpoints.save(snapshot(2, mark=1), protected=[3])
    assert content(checkpoints.newest()) == content(snapshot(2, mark=1))
    assert checkpoints.steps() == [2]


def test_what_was_loaded_can_be_changed_and_saved_onto_itself(checkpoints):
    checkpoints.save(snapshot(5))
    loaded = checkpoints.newest()
    for tensor in loaded.tensors["model"].values():
        tensor.zero_()
    assert content(checkpoints.newest()) == content(snapshot(5))
    checkpoints.save(loaded)
    assert content(checkpoints.newest()) == content(loaded)


def truncate(folder):
    os.truncate(folder / "model.safetensors", (folder / "model.safetensors").stat().st_size - 100)


def flip(folder):
    data = bytearray((folder / "optimizer.safetensors").read_bytes())
    data[-3] ^= 4
    (folder / "optimizer.safetensors").write_bytes(data)


def edit(entries=(), **changes):
    def change(folder):
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"].update(entries)
        (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))

    return change


def remove(name):
    return lambda folder: (folder / name).unlink()


DAMAGES = {
    "cut": (truncate, r"model.safetensors: expected \d+ bytes, got \d+; the file was cut or overwritten"),
    "a bit": (flip, r"optimizer.safetensors: expected sha256 \w{64}, got \w{64}; the file has changed on the disk"),
    "no manifest": (remove("manifest.json"), "manifest.json: cannot be read: No such file or directory"),
    "no state": (remove("state.json"), "state.json: cannot be read: No such file or directory"),
    "path": (
        edit(entries={"../x": {"size": 1, "sha256": ""}}),
        r"manifest.json: expected model.safetensors, optimizer.safetensors, state.json and perhaps average.safetensors,"
        r" best.safetensors, carried.safetensors, got \['../x', .*\.\.\.; lamina did not write this",
    ),
    "no files": (edit(files=[]), r"manifest.json: expected model.safetensors, .*, got \[\]; lamina did not write this"),
    "entry": (
        edit(entries={"state.json": {"size": "3"}}),
        "manifest.json: expected the size and sha256 of state.json, got {'size': '3'}; lamina did not write this",
    ),
    "format": (
        edit(format=2),
        "manifest.json: expected format=1, got format=2; another lamina wrote this, use that one",
    ),
    "step": (edit(step=3), "manifest.json: expected step=2, got step=3; it was moved here"),
    "deep": (
        lambda folder: (folder / "manifest.json").write_text("[" * 60_000),
        "manifest.json: expected a JSON object, got one nested too deeply",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_passed_over_and_when_all_are_it_is_an_error(checkpoints, said, damage):
    act, reason = DAMAGES[damage]
    for step in (1, 2):
        checkpoints.save(snapshot(step))
    act(checkpoints.folder / "step-0000000002")
    assert content(checkpoints.newest()) == content(snapshot(1))
    path = re.escape(f"{checkpoints.folder}/step-0000000002/")
    (sentence,) = said
    assert re.fullmatch(f"{path}{reason}; this checkpoint is passed over for that of step 1", sentence)
    with pytest.raises(RunError, match=f"^{path}{reason}$"):
        checkpoints.load(2)
    remove("manifest.json")(checkpoints.folder / "step-0000000001")
    with pytest.raises(RunError) as caught:
        checkpoints.newest()
    folder, advice = re.escape(str(checkpoints.folder)), "restore one from a backup, or train anew in another folder"
    other = f"{folder}/step-0000000001/manifest.json: cannot be read: No such file or directory"
    listing = f"\n  - {path}{reason}\n  - {other}"
    assert re.fullmatch(f"{folder}: all checkpoints are damaged; {advice}:{listing}", str(caught.value))


def test_a_damaged_checkpoint_is_not_counted_among_those_that_stay(checkpoints, said):
    for step in (1, 2):
        checkpoints.save(snapshot(step))
    truncate(checkpoints.folder / "step-0000000002")
    checkpoints.newest()
    checkpoints.save(snapshot(3))
    assert checkpoints.steps() == [1, 3]


def test_leftovers_are_ignored_and_cleaned_at_opening(checkpoints, said):
    whole = checkpoints.save(snapshot(1))
    for name in (".tmp-step-0000000009-7-abcd", ".trash-step-0000000008-abcd"):
        shutil.copytree(whole, checkpoints.folder / name)
    (checkpoints.folder / "latest").symlink_to("step-0000000009")
    assert checkpoints.newest().step == 1
    checkpoints.clean()
    assert names(checkpoints) == ["latest", "step-0000000001"]
    assert said == []


@pytest.mark.parametrize("state", [{"best": float("nan")}, {"place": (1, 2)}, {"seen": {1: 2}}, {"model": object()}])
def test_a_state_that_would_not_come_back_is_refused_before_anything_is_written(checkpoints, state):
    with pytest.raises(ValueError, match="a checkpoint's state must be plain JSON"):
        checkpoints.save(Snapshot(1, {}, state))
    assert not checkpoints.folder.exists()


def test_a_tensor_name_that_cannot_be_written_is_refused_before_anything_is_written(checkpoints):
    with pytest.raises(RunError) as caught:
        checkpoints.save(Snapshot(1, {"optimizer": {"a/b": torch.ones(1)}}, {}))
    assert str(caught.value) == (
        f"{checkpoints.folder}: optimizer.safetensors: expected names of letters, digits and _ . - for tensors, "
        "got 'a/b'; rename them"
    )
    assert not checkpoints.folder.exists()
