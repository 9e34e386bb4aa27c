"""`lamina train` and `lamina resume`: results for people and programs, and every mistake as one message."""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import equal, final, stopping_at

import lamina as la
from lamina.command.options import Duration
from lamina.training.lock import Lock
from lamina.training.machine import Interrupted
from lamina.training.plan import read_plan

NET = "Standardize() >> Dense(5) >> Tanh() >> Classify()"
SHORT = ("--net", NET, "--steps", 3, "--threads", 1)


def finite(value: Any) -> bool:
    """Whether every number in what JSON gave is finite."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def test_a_run_prints_what_it_came_to(command: Any, within: Path) -> None:
    said = command("train", "iris", *SHORT, "--optimizer", "SGD(0.1)", "--batch", 32)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "test"
    assert [line.split()[0] for line in lines[1:4]] == ["accuracy", "log_loss", "macro_f1"]
    assert re.fullmatch(r"  baseline majority: accuracy 0\.33 \[0\.19, 0\.51\]", lines[4])
    assert "model: runs/iris-1/model  (use it: lamina predict runs/iris-1 FILE)" in lines
    head = said.err.splitlines()
    assert head[:4] == [
        "data       iris: Vector(4) -> Label(3); 105 train, 15 validate, 30 test",
        f"net        {NET}",
        "optimizer  SGD(0.1), 3 steps of 32 examples, seed 0",
        "run        runs/iris-1",
    ]
    assert re.fullmatch(r"step 3 of 3  epoch 0\.8  loss \d\.\d{4}  valid accuracy .*  in 0:0\d", head[-1])


def test_json_is_the_last_line_and_alone(command: Any, within: Path) -> None:
    said = command("train", "iris", *SHORT, "--json")
    (line,) = said.out.splitlines()
    result = json.loads(line)
    assert finite(result)
    assert result == json.loads(Path("runs/iris-1/result.json").read_text())
    assert (result["steps"], result["run"]) == (3, "runs/iris-1")


@pytest.mark.parametrize("seeds", [1, 2])
def test_json_of_several_seeds_is_one_object_too(command: Any, within: Path, seeds: int) -> None:
    said = command("train", "iris", *SHORT, "--seeds", seeds, "--json")
    assert said.code == 0, said.err
    (line,) = said.out.splitlines()
    result = json.loads(line)
    assert finite(result)
    assert len(result["runs"]) == seeds
    assert (result["test"]["log_loss"]["low"] is None) == (seeds == 1)


def test_several_seeds_print_a_line_each_and_the_mean(command: Any, within: Path) -> None:
    lines = command("train", "iris", *SHORT, "--seeds", 2).out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["seed", "0:"], ["seed", "1:"], ["mean", "accuracy"], ["mean", "log_loss"], ["mean", "macro_f1"],
    ]  # fmt: skip


def test_options_reach_the_plan(command: Any, within: Path) -> None:
    given = {
        "--optimizer": "SGD(0.1)", "--epochs": "1", "--batch": "16", "--seed": "7", "--patience": "3", "--average": "0.9",
        "--clip": "2.0", "--parts": "2", "--nonfinite": "skip", "--valid": "0.2", "--test": "0.3", "--device": "cpu",
        "--threads": "1", "--checkpoint": "2m",
    }  # fmt: skip
    arguments = [part for pair in given.items() for part in pair]
    assert command("train", "iris", "--net", NET, "--out", "here", *arguments).code == 0
    values = read_plan(Path("here")).values()
    for option, value in given.items():
        name = option.removeprefix("--") + ("_seconds" if option == "--checkpoint" else "")
        assert str(values[name]) == ("120.0" if option == "--checkpoint" else value)


def test_a_plans_file_is_data_to_train_on_again(command: Any, within: Path) -> None:
    command("train", "iris", *SHORT, "--seed", 3)
    assert command("train", "runs/iris-1/run.toml").code == 0
    assert equal(final(Path("runs/iris-1")), final(Path("runs/iris-2")))
    assert command("train", "runs/iris-1/run.toml", "--epochs", 2, "--seed", 4).code == 0
    assert (read_plan(Path("runs/iris-3")).epochs, read_plan(Path("runs/iris-3")).seed) == (2, 4)
    assert command("train", "no.toml").err == "lamina: no.toml cannot be read: No such file or directory\n"


COUNT = "a whole number at least 1 and at most 2,147,483,647"


@pytest.mark.parametrize(("arguments", "message"), [
    (["nope.npz"], "nope.npz: expected a .npz file, found nothing there; check the path"),
    (["digit"], "'digit' is no named set, no table, no folder with pictures or IDX files and no .npz file; did you mean 'digits'?"),
    (["x" * 999], f"'{'x' * 56}... is no named set, no table, no folder with pictures or IDX files and no .npz file; check the path"),
    (["iris", "--epochs", "3", "--steps", "5"], "give one of epochs, steps and budget_seconds, got epochs and steps"),
    (["iris", "--seeds", "0"], "seeds must be at least 1, got seeds=0"),
    (["iris", "--optimizer", "SGD(0.1, nesterov=True)"],
     "optimizer: SGD: nesterov has no effect without momentum; set momentum=0.9, or leave nesterov out"),
    (["iris", "--nonfinite", "hope"],
     "the plan: nonfinite must be one of 'stop', 'skip', 'rollback', got nonfinite='hope'"),
    (["iris", "--average", "1"], "the plan: average must be a number above 0 and below 1, got average=1.0"),
    (["iris", "--net", "Dens(5) >> Dense(0, bas=True) >> Relu() >> Clasify()", "--optimizer", "Adam(rat=1)",
      "--epochs", "0"],
     "the run cannot begin:\n"
     "  - net: there is no 'Dens'; did you mean 'Dense'?\n"
     "  - net: Dense has no setting 'bas'; did you mean 'bias'?\n"
     f"  - net: Dense: width must be {COUNT}, got width=0\n"
     "  - net: there is no 'Relu'; did you mean 'ReLU'?\n"
     "  - net: there is no 'Clasify'; did you mean 'Classify'?\n"
     "  - optimizer: Adam has no setting 'rat'; did you mean 'rate'?\n"
     f"  - the plan: epochs must be {COUNT}, got epochs=0"),
    (["digits", "--net", "Dense(5) >> Classify()"],
     "net: Dense(5) cannot follow Image(1, 8, 8): it takes a Vector or a Sequence; put Flatten() before it"),
    (["iris", "--out", "taken/run"],
     "taken/run cannot be made into a run's folder: Not a directory; name another --out"),
])  # fmt: skip
def test_a_mistake_is_one_message_and_leaves_nothing_behind(
    command: Any, within: Path, arguments: list[str], message: str
) -> None:
    Path("taken").write_text("a file")
    assert command("train", *arguments) == (2, "", f"lamina: {message}\n")
    assert [path.name for path in within.iterdir()] == ["taken"]


def test_a_net_beyond_memory_is_refused_at_once(command: Any, within: Path) -> None:
    said = command("train", "iris", "--net", "Dense(1000000000) >> Classify()")
    assert said.code == 2
    assert re.fullmatch(
        r"lamina: net: the net has 8,000,000,003 parameters; training them takes about 119 GiB, more than this machine's "
        r"memory \(\d+ GiB\); make it narrower or shallower\n",
        said.err,
    )


@pytest.mark.parametrize(("x", "y", "message"), [
    ([[1.0, 2], [3, 4]], [1, 1], "target must have at least two classes, got only '1'"),
    ([[1.0, 2], [float("nan"), 4]], [0, 1],
     "inputs must be finite, got inputs[1, 0]=nan (row 1, column 0; 1 such number in 1 row); fill or drop them"),
    ([[1.0, 2], [3, 4]], [0, 1],
     "expected at least 3 distinct inputs of one class, one for each of train, valid, test, got 2 examples with 2 distinct"
     " inputs; add examples; if the target is a quantity and no class, give it as floats"),
])  # fmt: skip
def test_arrays_that_cannot_be_trained_on_are_refused(
    command: Any, within: Path, x: list[list[float]], y: list[int], message: str
) -> None:
    np.savez("data.npz", x=np.array(x), y=np.array(y))
    assert command("train", "data.npz") == (2, "", f"lamina: data.npz: {message}\n")


def test_a_corrupt_idx_folder_is_refused(command: Any, within: Path) -> None:
    Path("set").mkdir()
    Path("set/train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x02\0\x01")
    packed = gzip.compress(b"\0\0\x08\x03" + b"\0\0\0\x02" * 3 + bytes(8))
    Path("set/train-images-idx3-ubyte.gz").write_bytes(packed[:-9])
    said = command("train", "set")
    assert said.code == 2
    assert said.err.startswith(
        "lamina: set/train-images-idx3-ubyte.gz: expected a whole gzip file, got a damaged one ("
    )
    assert said.err.endswith("); fetch it again\n")


def test_a_folder_in_use_is_refused_with_its_process(command: Any, within: Path) -> None:
    Path("run").mkdir()
    with Lock(Path("run")):
        said = command("train", "iris", *SHORT, "--out", "run")
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    text = f"run is in use by {holder}; wait until it ends, stop it, or choose another folder"
    assert said == (2, "", f"lamina: {text}\n")


def test_a_folder_that_holds_a_run_is_refused(command: Any, within: Path, iris: Path) -> None:
    text = f"{iris} holds a run already: `lamina resume {iris}` goes on with it, or name another --out"
    assert command("train", "iris", "--out", iris) == (2, "", f"lamina: {text}\n")


def test_a_stopped_run_is_resumed(command: Any, within: Path) -> None:
    with pytest.raises(Interrupted):
        la.train(NET, "iris", steps=5, threads=1, out="run", display=stopping_at(2))
    whole = la.train(NET, "iris", steps=5, threads=1, out="whole")
    said = command("show", "run")
    assert said.out.endswith("\nnot ended: 2 steps are logged; `lamina resume run` goes on\n")
    (line,) = command("show", "run", "--json").out.splitlines()
    assert json.loads(line) == {"run": "run", "net": NET, "steps": 2}
    said = command("resume", "run", "--json")
    assert said.code == 0
    assert said.err.startswith("goes on after step 2\n")
    assert json.loads(said.out)["steps"] == 5
    assert equal(final(Path("run")), final(whole.folder))
    text = "run has ended after 5 steps; there is nothing to resume"
    assert command("resume", "run") == (2, "", f"lamina: {text}\n")


def test_a_folder_that_is_no_run_is_not_resumed(command: Any, within: Path) -> None:
    text = "nowhere is no run: it has no run.toml; `lamina train DATA --out nowhere` makes one"
    assert command("resume", "nowhere") == (2, "", f"lamina: {text}\n")


def test_a_loss_that_is_no_number_ends_the_run_with_exit_code_2(command: Any, within: Path) -> None:
    said = command(
        "train", "iris", "--net", "Dense(5) >> ReLU() >> Classify()", "--optimizer", "SGD(1e38)", "--steps", 9
    )
    assert said.code == 2
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith("lamina: step 2: the loss is nan and its gradient has length nan; ")
    assert not Path("runs/iris-1/result.json").exists()


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("60s", 60), ("1.5h", 5400), ("10m", 600), ("2min", 120)])
def test_times_are_read_with_their_units(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["0s", "-5", "1d", "", "ten", "1e3"])
def test_what_is_no_time_is_refused(command: Any, within: Path, text: str) -> None:
    said = command("train", "iris", f"--budget={text}")
    assert said.code == 2
    assert said.err.endswith(
        f"Error: Invalid value for '--budget': expected a time such as 60s, 10m or 1.5h, got {text!r}\n"
    )
