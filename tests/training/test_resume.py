"""Exact resume: however often and however a run is stopped, it ends with the same bits and the same log."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ending import ends_in_child
from runs import NET, NOISY, digest, entries, equal, final, small, stopping_at, watched

import lamina as la
from lamina.errors import RunError
from lamina.training.checkpoint import Checkpoints
from lamina.training.job import Evaluation, Job
from lamina.training.loop import Step
from lamina.training.machine import Interrupted
from lamina.training.result import Run

DATA = small()
ARRAYS = (DATA.inputs.values, DATA.target.values)
SHORT = {"batch": 10, "threads": 1}
COUNT = 4
"""The batches of an epoch, under these settings."""

RULES: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": "SGD(cosine(0.1), momentum=0.9, nesterov=True)", "epochs": 3},
    "AdamW, average, parts": {"optimizer": "AdamW(linear(0.01))", "average": 0.9, "parts": 2, "clip": 0.5, "epochs": 3},
    "patience, average": {"optimizer": "SGD(cosine(3.0), momentum=0.9)", "patience": 2, "average": 0.5, "epochs": 30},
    "rollback": {"optimizer": "SGD(steps(0.1), momentum=0.5)", "nonfinite": "rollback", "epochs": 3},
}


class Dead(BaseException):
    """Ends a run as a crash would: nothing of lamina catches it."""


def dying_at(step: int) -> Any:
    def see(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Step) and event.number == step:
            raise Dead

    return watched(see)


def trained(folder: Path, net: Any = NOISY, **settings: Any) -> Run:
    return la.train(net, DATA, out=folder, **{**SHORT, **settings})


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Runs that were never stopped, by the name of their rule."""
    runs: dict[str, Run] = {}

    def run(rule: str) -> Run:
        if rule not in runs:
            runs[rule] = trained(tmp_path_factory.mktemp("straight"), **RULES[rule])
        return runs[rule]

    return run


def same_outcome(folder: Path, other: Path) -> None:
    assert equal(final(folder), final(other))
    assert digest(folder) == digest(other)
    assert entries(folder) == entries(other)
    one, two = (json.loads((run / "result.json").read_text()) for run in (folder, other))
    assert {**one, "run": "", "seconds": 0} == {**two, "run": "", "seconds": 0}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("stops", [[1], [COUNT], [COUNT + 1], [2, 6, 11]], ids=str)
def test_a_run_that_was_asked_to_stop_goes_on_to_the_same_bits(
    tmp_path: Path, straight: Callable[[str], Run], rule: str, stops: list[int]
) -> None:
    folder = tmp_path / "run"
    for place, step in enumerate(stops):
        go = (
            functools.partial(la.resume, folder, ARRAYS) if place else functools.partial(trained, folder, **RULES[rule])
        )
        with pytest.raises(Interrupted) as stop:
            go(display=stopping_at(step))
        assert stop.value.exit_code == 143
        assert str(stop.value) == (f"stopped by SIGTERM after step {step}; `lamina resume {folder}` goes on from there")
        assert not Run(folder).result
        assert Run(folder).steps_done() == step
    said: list[str] = []
    la.resume(folder, ARRAYS, say=said.append)
    assert said == [f"goes on after step {stops[-1]}"]
    same_outcome(folder, straight(rule).folder)


def test_an_interrupt_from_the_keyboard_has_its_own_exit_code(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as stop:
        trained(tmp_path / "run", steps=5, display=stopping_at(3, number=signal.SIGINT))
    assert stop.value.exit_code == 130
    assert str(stop.value) == (
        f"stopped by an interrupt after step 3; `lamina resume {tmp_path / 'run'}` goes on from there"
    )
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_a_signal_at_the_last_step_resuming_only_measures(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Interrupted) as stop:
        trained(folder, steps=3, display=stopping_at(3))
    assert str(stop.value) == (
        f"stopped by SIGTERM after training, before all was measured; `lamina resume {folder}` goes on from there"
    )
    assert la.resume(folder, ARRAYS).result["steps"] == 3
    assert len(entries(folder)) == len(entries(trained(tmp_path / "straight", steps=3).folder))
    assert digest(folder) == digest(tmp_path / "straight")


@pytest.mark.parametrize("rule", RULES)
def test_a_run_that_died_before_its_first_checkpoint_begins_anew_and_ends_alike(
    tmp_path: Path, straight: Callable[[str], Run], rule: str
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Dead):
        trained(folder, **RULES[rule], display=dying_at(2))
    assert Run(folder).steps_done() == 2
    said: list[str] = []
    la.resume(folder, ARRAYS, say=said.append)
    assert said == ["goes on after step 0"]
    same_outcome(folder, straight(rule).folder)


def test_a_run_that_died_after_checkpoints_repeats_what_came_after(
    tmp_path: Path, straight: Callable[[str], Run]
) -> None:
    folder, rule = tmp_path / "run", "patience, average"
    with pytest.raises(Interrupted):
        trained(folder, **RULES[rule], display=stopping_at(5))
    for step in (7, 10):
        with pytest.raises(Dead):
            la.resume(folder, ARRAYS, display=dying_at(step))
    la.resume(folder, ARRAYS)
    same_outcome(folder, straight(rule).folder)


@pytest.mark.parametrize("stops", [[5], [5, 6], [5, 6, 7]], ids=str)
def test_a_run_that_rolls_back_does_so_alike_after_a_stop_in_mid_epoch(tmp_path: Path, stops: list[int]) -> None:
    # Step 7 takes a rate beyond reason, so step 8 finds a loss that is no number, half the rate or not.
    rate = "SGD(steps(1e-3, at_shares=(0.5,), factor=1e30))"
    settings = {"net": "Dense(5) >> ReLU() >> Classify()", "optimizer": rate, "epochs": 3, "nonfinite": "rollback"}
    with pytest.raises(RunError) as whole:
        trained(tmp_path / "whole", **settings)
    folder = tmp_path / "run"
    with pytest.raises(Interrupted):
        trained(folder, **settings, display=stopping_at(stops[0]))
    for step in stops[1:]:
        with pytest.raises(Interrupted):
            la.resume(folder, ARRAYS, display=stopping_at(step))
    said: list[str] = []
    with pytest.raises(RunError) as error:
        la.resume(folder, ARRAYS, say=said.append)
    assert str(error.value) == str(whole.value)
    assert [text.partition("rolled back ")[2] for text in said[1:]] == [
        f"to step 4, the rate is now {0.5**time:g} of what was planned" for time in range(1, 6)
    ]
    assert entries(folder) == entries(tmp_path / "whole")


def test_a_process_killed_at_any_change_of_the_disk_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        os, "fsync", lambda handle: None
    )  # slow, and a killed process leaves what it wrote to the system
    settings = {"net": NET, "steps": 2, "checkpoint_seconds": 1e-9}
    whole = trained(tmp_path / "whole", **settings).folder
    for number in range(1, 200):
        folder = tmp_path / f"run-{number}"
        if not ends_in_child(lambda: trained(folder, **settings), number, power_fails=False):  # noqa: B023
            break
        if (folder / "result.json").exists():
            with pytest.raises(RunError, match="there is nothing to resume"):
                la.resume(folder, ARRAYS)
        elif (folder / "run.toml").exists():
            la.resume(folder, ARRAYS)
        else:
            trained(folder, **settings)
        assert equal(final(folder), final(whole))
        assert entries(folder) == entries(whole)
        assert not [path for path in folder.rglob(".*") if path.is_dir()]
    assert 30 < number < 199


def killed(act: Callable[[], object], seconds: float) -> bool:
    """Whether `act`, in a process of its own, was killed after this time; False if it had ended before."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            act()
            os._exit(0)
        os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path: Path) -> None:
    settings = {"net": NOISY, "epochs": 80, "checkpoint_seconds": 0.05, "average": 0.9, "patience": 1000}
    whole, folder = trained(tmp_path / "whole", **settings).folder, tmp_path / "run"
    chance, deaths = random.Random(0), 0
    while killed(lambda: trained(folder, **settings), chance.uniform(0.05, 0.3)) and not (folder / "run.toml").exists():
        deaths += 1
    # Longer each time, so that on however slow a machine one of them comes to the end.
    while killed(lambda: la.resume(folder, ARRAYS), chance.uniform(0.1, 0.5) * 1.1**deaths):
        deaths += 1
        if (folder / "result.json").exists():
            break
    assert deaths >= 1
    same_outcome(folder, whole)


def test_a_second_signal_ends_the_process_at_once_and_the_older_checkpoint_stands(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def see(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Step) and event.number == 3:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)

    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            trained(folder, NET, steps=5, checkpoint_seconds=1e-9, display=watched(see))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 143
    assert Checkpoints(folder / "checkpoints", print).newest().step == 2
    la.resume(folder, ARRAYS)
    assert equal(final(folder), final(trained(tmp_path / "whole", NET, steps=5).folder))


def test_a_torch_module_that_draws_noise_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    def net() -> Any:
        torch.manual_seed(0)
        return (
            la.Module(torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Dropout(0.5)), gives=la.Vector(5))
            >> la.Classify()
        )

    whole = trained(tmp_path / "whole", net(), steps=9)
    with pytest.raises(Interrupted):
        trained(tmp_path / "run", net(), steps=9, display=stopping_at(4))
    torch.manual_seed(7)
    la.resume(tmp_path / "run", ARRAYS, net())
    assert equal(final(tmp_path / "run"), final(whole.folder))
