"""What resuming refuses, passes over or bears with, and what it says."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import NET, entries, equal, final, small, stopping_at, watched

import lamina as la
from lamina.errors import DataError, RunError
from lamina.training.checkpoint import Checkpoints
from lamina.training.job import Evaluation, Job
from lamina.training.loop import Step
from lamina.training.machine import Interrupted
from lamina.training.result import Run

DATA = small()
ARRAYS = (DATA.inputs.values, DATA.target.values)
SHORT = {"batch": 10, "threads": 1}


class Dead(BaseException):
    """Ends a run as a crash would: nothing of lamina catches it."""


def dying_at(step: int) -> Any:
    def see(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Step) and event.number == step:
            raise Dead

    return watched(see)


def trained(folder: Path, net: Any = NET, **settings: Any) -> Run:
    return la.train(net, DATA, out=folder, **{**SHORT, **settings})


def test_a_run_that_has_ended_is_not_resumed(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", steps=3)
    with pytest.raises(RunError) as error:
        la.resume(run.folder, ARRAYS)
    assert str(error.value) == f"{run.folder} has ended after 3 steps; there is nothing to resume"


def stopped(folder: Path, net: Any = NET, **settings: Any) -> Path:
    with pytest.raises(Interrupted):
        trained(folder, net, **{"steps": 5, **settings}, display=stopping_at(2))
    return folder


def refusal(folder: Path, *given: Any, **named: Any) -> str:
    before = sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    with pytest.raises((RunError, DataError)) as error:
        la.resume(folder, *given, **named)
    after = sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    assert before == after
    return str(error.value)


def test_a_net_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = stopped(tmp_path / "run")
    plan = folder / "run.toml"
    plan.write_text(plan.read_text().replace("Dense(5) >> Tanh()", "Dense(7, bias=False) >> Tanh()"))
    assert refusal(folder, ARRAYS) == (
        f"{folder}: the checkpoint of step 2: run.toml was edited since: "
        "net='Standardize() >> Dense(5) >> Tanh() >> Classify()', "
        "now 'Standardize() >> Dense(7, bias=False) >> Tanh() >> Classify()'; undo that, or train anew"
    )


def test_another_optimizer_is_refused(tmp_path: Path) -> None:
    folder = stopped(tmp_path / "run", optimizer="SGD(0.1)")
    plan = folder / "run.toml"
    plan.write_text(plan.read_text().replace("SGD(0.1)", "SGD(0.1, momentum=0.9)"))
    assert refusal(folder, ARRAYS) == (
        f"{folder}: the checkpoint of step 2: run.toml was edited since: "
        "optimizer='SGD(0.1)', now 'SGD(0.1, momentum=0.9)'; undo that, or train anew"
    )


def test_other_data_are_refused_also_before_the_first_checkpoint(tmp_path: Path) -> None:
    other = (ARRAYS[0], ARRAYS[1].roll(1))
    expected = "arrays is not the data that this run began with; bring that back"
    assert refusal(stopped(tmp_path / "run"), other) == f"{tmp_path / 'run'}: {expected}"
    with pytest.raises(Dead):
        trained(tmp_path / "young", steps=5, display=dying_at(1))
    assert refusal(tmp_path / "young", other) == f"{tmp_path / 'young'}: {expected}"


def test_a_run_on_arrays_wants_them_again(tmp_path: Path) -> None:
    folder = stopped(tmp_path / "run")
    assert refusal(folder) == (
        f"{folder} was trained on arrays, or on a frame: pass them again, lamina.resume(folder, data=(inputs, target) or data=frame)"
    )


def test_a_net_with_torch_modules_wants_its_code_again(tmp_path: Path) -> None:
    net = la.Dense(5) >> la.Module(torch.nn.Linear(5, 3), gives=la.Vector(3)) >> la.Classify()
    whole, folder = trained(tmp_path / "whole", net, steps=5), stopped(tmp_path / "run", net)
    assert refusal(folder, ARRAYS) == (
        f"{folder}: the net holds stages of your own, so its code is needed: lamina.resume(folder, net=...)"
    )
    la.resume(folder, ARRAYS, net)
    assert equal(final(folder), final(whole.folder))
    assert entries(folder) == entries(whole.folder)


def test_a_damaged_checkpoint_is_passed_over_aloud(tmp_path: Path) -> None:
    whole, folder = trained(tmp_path / "whole", steps=5), tmp_path / "run"
    with pytest.raises(Interrupted):
        trained(folder, steps=5, checkpoint_seconds=1e-9, display=stopping_at(3))
    path = folder / "checkpoints" / "step-0000000003" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    said: list[str] = []
    la.resume(folder, ARRAYS, say=said.append)
    assert len(said) == 2
    assert said[0].startswith(f"{path}: expected sha256 ")
    assert said[0].endswith("; this checkpoint is passed over for that of step 2")
    assert said[1] == "goes on after step 2"
    assert entries(folder) == entries(whole.folder)
    assert equal(final(folder), final(whole.folder))


def test_another_number_of_threads_is_said(tmp_path: Path) -> None:
    folder = stopped(tmp_path / "run")
    plan = folder / "run.toml"
    plan.write_text(plan.read_text().replace("threads = 1", "threads = 2"))
    said: list[str] = []
    la.resume(folder, ARRAYS, say=said.append)
    assert said == [
        "same samples, but not the same bits as without the break: threads 1 then, 2 now",
        "goes on after step 2",
    ]


class Disk:
    """What `os.statvfs` says of a disk without room."""

    f_bavail, f_frsize = 0, 4096


def test_a_full_disk_is_said_training_goes_on_and_the_next_checkpoint_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    kept: list[list[int]] = []
    folder = tmp_path / "run"

    def see(job: Job, event: Step | Evaluation) -> None:
        kept.append(Checkpoints(folder / "checkpoints", print).steps())
        monkeypatch.setattr(os, "statvfs", (lambda _: Disk) if event[0] == 2 else real)

    real = os.statvfs
    trained(folder, NET, steps=4, checkpoint_seconds=1e-9, display=watched(see), say=said.append)
    assert kept[:4] == [[], [1], [1], [1, 3]]
    assert len(said) == 1
    assert said[0].startswith(f"{folder / 'checkpoints'}: the checkpoint of step 2 was not saved, older ones stand: ")
    assert said[0].endswith(
        " MB free: '" + str(folder / "checkpoints") + "'; free space or mend the disk; training goes on"
    )
    assert equal(final(folder), final(trained(tmp_path / "whole", NET, steps=4).folder))


def test_a_last_checkpoint_that_cannot_be_written_is_an_error_and_can_be_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: Disk)
        with pytest.raises(RunError, match="the checkpoint of step 4 was not saved, older ones stand: "):
            trained(folder, NET, steps=4)
    assert not (folder / "result.json").exists()
    la.resume(folder, ARRAYS)
    assert equal(final(folder), final(trained(tmp_path / "whole", NET, steps=4).folder))


def test_a_second_trainer_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    folder, texts = tmp_path / "run", []

    def see(job: Job, event: Step | Evaluation) -> None:
        for again in (lambda: trained(folder, NET, steps=1), lambda: la.resume(folder, ARRAYS)):
            with pytest.raises(RunError) as error:
                again()
            texts.append(str(error.value))

    trained(folder, NET, steps=1, display=watched(see))
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    assert set(texts) == {f"{folder} is in use by {holder}; wait until it ends, stop it, or choose another folder"}


@pytest.mark.parametrize(("inner", "reason"), [("file", "File exists"), ("file/run", "Not a directory")])
def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path, inner: str, reason: str) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(RunError) as error:
        trained(tmp_path / inner, NET, steps=1)
    assert str(error.value) == f"{tmp_path / inner} cannot be made into a run's folder: {reason}; name another --out"
