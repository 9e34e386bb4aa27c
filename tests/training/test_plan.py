"""The plan and its file: written, read back equal, and refused with every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamina.errors import RunError
from lamina.training.plan import FILE, Plan, noted, read_plan, written_plan
from lamina.word import same

texts = st.text(st.characters(codec="utf-8"), max_size=20)
counts = st.integers(1, 2**31 - 1)
positives = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
lengths = st.one_of(
    st.fixed_dictionaries({"epochs": counts}),
    st.fixed_dictionaries({"steps": counts}),
    st.fixed_dictionaries({"budget_seconds": positives}),
)
others = st.fixed_dictionaries({}, optional={
    "batch": counts, "seed": st.integers(0, 2**63 - 1), "split_seed": st.integers(0, 2**63 - 1), "parts": st.just(1),
    "clip": positives, "average": st.floats(0, 1, exclude_min=True, exclude_max=True), "patience": counts,
    "nonfinite": st.sampled_from(["stop", "skip", "rollback"]), "valid": st.floats(0.01, 0.4),
    "test": st.floats(0.01, 0.4), "checkpoint_seconds": positives, "device": texts, "threads": st.integers(0, 1024),
})  # fmt: skip


@given(texts, texts, texts, lengths, others, st.dictionaries(st.from_regex(r"\A[a-z]{1,8}\Z"), texts, max_size=3))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_is_read_back_as_it_was_written(
    tmp_path: Path, data: str, net: str, optimizer: str, length: dict, other: dict, notes: dict
) -> None:
    plan = Plan(data=data, net=net, optimizer=optimizer, **length, **other)
    (tmp_path / FILE).write_bytes(written_plan(plan, "0.1.0", {"dataset": notes}).encode())
    assert same(read_plan(tmp_path), plan)
    assert noted(tmp_path, "dataset") == notes
    assert noted(tmp_path, "nothing") == {}


def refused(folder: Path, text: str | bytes) -> str:
    (folder / FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunError) as error:
        read_plan(folder)
    return str(error.value).replace(str(folder), "RUN")


def test_all_mistakes_of_a_plan_are_named_at_once(tmp_path: Path) -> None:
    text = 'data = "iris"\nnet = "Dense(3) >> Classify()"\nepochs = 0\nbatsh = 7\nclip = -1\nseed = "one"\nthreads = 9999\n'
    assert refused(tmp_path, text) == (
        "RUN/run.toml cannot be run:\n"
        "  - the plan has no setting 'batsh'; did you mean 'batch'?\n"
        "  - the plan needs 'optimizer': a text\n"
        "  - the plan: epochs must be a whole number at least 1 and at most 2,147,483,647, got epochs=0\n"
        "  - the plan: seed must be a whole number at least 0 and at most 9,223,372,036,854,775,807, got seed='one'\n"
        "  - the plan: clip must be a number above 0, got clip=-1\n"
        "  - the plan: threads must be a whole number at least 0 and at most 1,024, got threads=9999"
    )


BASE = 'data = "iris"\nnet = "Classify()"\noptimizer = "SGD()"\n'


@pytest.mark.parametrize(("text", "message"), [
    (BASE, "give one of epochs, steps and budget_seconds, got none"),
    (BASE + "epochs = 3\nsteps = 5\n", "give one of epochs, steps and budget_seconds, got epochs and steps"),
    (BASE + "epochs = 3\nvalid = 0.5\ntest = 0.5\n", "valid and test must leave something to train on: together below 1"),
    (BASE + "epochs = 3\ntolerance = 2\n",
     'tolerance has no effect with nonfinite="stop"; choose "skip" or "rollback", or leave it out'),
])  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, text) == message


@pytest.mark.parametrize(("text", "message"), [
    ("epochs = \n", "RUN/run.toml cannot be read: Invalid value (at line 1, column 10)"),
    (b"\xff\xfe", "RUN/run.toml cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ("seed = " + "9" * 5000,
     "RUN/run.toml cannot be read: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits;"
     " use sys.set_int_max_str_digits() to increase the limit"),
    ("#" * (2**20 + 1), "RUN/run.toml: expected at most 1,048,576 bytes; this is no file of lamina's"),
])  # fmt: skip
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert refused(tmp_path, text) == message


def test_brackets_without_end_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "seed = " + "[" * 100_000).startswith("RUN/run.toml cannot be read: ")


def test_a_folder_without_a_plan_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError) as error:
        read_plan(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} is no run: it has no run.toml; `lamina train DATA --out {tmp_path}` makes one"
    )
