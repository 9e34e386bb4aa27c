"""Whole runs: what they write, when they end, which weights they keep, and what they bear with."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import NET, NOISY, entries, equal, final, small, watched
from torch import nn

import lamina as la
from lamina.data.batches import Batches
from lamina.data.split import split
from lamina.errors import DataError, RunError
from lamina.evaluation import evaluate
from lamina.kinds import Vector
from lamina.training import data as of_runs
from lamina.training.average import moving_tensors
from lamina.training.job import Evaluation, Job
from lamina.training.loop import Step
from lamina.training.machine import Interrupted
from lamina.training.result import Run
from lamina.word import same

DATA = small()
SHORT = {"batch": 10, "threads": 1}
COUNT = 4
"""The batches of an epoch, under these settings."""


def trained(folder: Path, net: Any = NET, **settings: Any) -> Run:
    return la.train(net, DATA, out=folder / "run", **{**SHORT, **settings})


@pytest.mark.parametrize(("data", "headline"), [("iris", "accuracy"), ("diabetes", "root_mean_squared_error")])
def test_a_run_writes_its_result_as_plain_numbers(within: Path, data: str, headline: str) -> None:
    run = la.train(None, data, epochs=2, threads=1)
    assert run.folder == Path("runs", f"{data}-1")
    result = json.loads((run.folder / "result.json").read_text())
    assert result == run.result
    keys = ["run", "net", "parameters", "steps", "seconds", "valid", "test", "baseline", "baseline_trained_on"]
    assert list(result) == keys + ["interval"] * (data == "diabetes")
    assert (result["run"], result["net"]) == (str(run.folder), run.plan.net)
    assert isinstance(result["parameters"], int)
    assert result["steps"] == run.steps_done()
    assert result["seconds"] > 0
    for measures in (result["valid"], result["test"], *result["baseline"].values()):
        assert next(iter(measures)) == headline
        assert all(list(measure) == ["value", "low", "high"] for measure in measures.values())
        numbers = [number for measure in measures.values() for number in measure.values()]
        assert all(number is None or math.isfinite(number) for number in numbers)
    assert run.test[headline].value == result["test"][headline]["value"]
    assert str(run.test).startswith(f"{headline} {run.test[headline]}   baseline (")
    assert repr(run) == f"Run({str(run.folder)!r}): {run.test}"


def test_training_is_better_than_guessing(tmp_path: Path) -> None:
    run = la.train(None, "iris", epochs=30, threads=1, out=tmp_path / "run")
    assert run.test["accuracy"].low > run.baseline["majority"]["accuracy"].value


def test_a_plan_that_is_read_back_and_trained_again_gives_the_same_bits(tmp_path: Path) -> None:
    first = trained(tmp_path, NOISY, epochs=2, average=0.9, clip=1.0, seed=5, parts=2)
    plan = Run(first.folder).plan
    assert same(plan, first.plan)
    said = {name: value for name, value in plan.values().items() if name not in ("net", "data") and value is not None}
    again = la.train(plan.net, DATA, out=tmp_path / "again", **said)
    assert equal(final(first.folder), final(again.folder))
    assert entries(first.folder) == entries(again.folder)
    other = la.train(plan.net, DATA, out=tmp_path / "other", **{**said, "seed": 6})
    assert not equal(final(first.folder), final(other.folder))


def test_the_function_train_is_not_hidden_by_the_module_of_its_name() -> None:
    assert la.train.__module__ == "lamina.training.run"
    assert la.evaluate.__module__ == "lamina.evaluation"


def test_a_run_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    trained(tmp_path, steps=1, threads=threads + 1)
    assert torch.get_num_threads() == threads
    # Denormals are flushed while training only: in another's arithmetic 5e-324 must not become 0.
    assert (torch.tensor([5e-324], dtype=torch.float64) * 1).item() == 5e-324


def test_the_best_weights_on_the_validation_part_are_kept_and_patience_ends_the_run(tmp_path: Path) -> None:
    seen: list[tuple[float, dict[str, torch.Tensor]]] = []

    def see(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Evaluation):
            state = {name: tensor.clone() for name, tensor in job.net.state_dict().items()}
            seen.append((event.tally.measures()["log_loss"].value, state))

    run = trained(
        tmp_path, NOISY, optimizer="SGD(cosine(3.0), momentum=0.9)", epochs=40, patience=3, display=watched(see)
    )
    losses = [loss for loss, _ in seen]
    best = losses.index(min(losses))
    assert len(seen) == best + 1 + 3 < 40
    assert run.result["steps"] == COUNT * len(seen)
    assert equal(final(run.folder), seen[best][1])
    assert run.valid["log_loss"].value == pytest.approx(losses[best])


def test_a_run_with_patience_that_gets_no_number_ends_and_keeps_the_last_weights(tmp_path: Path) -> None:
    class OnlyInTraining(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if self.training else x * math.inf

    net = la.Dense(5) >> la.Module(OnlyInTraining(), gives=Vector(5)) >> la.Classify()
    run = trained(tmp_path, net, epochs=9, patience=2)
    assert run.result["steps"] == 2 * COUNT
    assert run.result["test"]["log_loss"]["value"] is None


def test_a_run_with_an_average_ends_with_it(tmp_path: Path) -> None:
    averaged: dict[str, torch.Tensor] = {}

    def see(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Step):
            decay = min(0.9, (1 + event.number) / (10 + event.number))
            for name, parameter in moving_tensors(job.net).items():
                averaged[name] = torch.lerp(averaged.get(name, start[name]), parameter.detach(), 1 - decay)

    first = moving_tensors(la.build(NOISY, DATA.inputs.kind, DATA.target.kind, seed=0))
    start = {name: tensor.detach().clone() for name, tensor in first.items()}
    run = trained(tmp_path, NOISY, epochs=3, average=0.9, display=watched(see))
    kept = final(run.folder)
    for name, tensor in averaged.items():
        torch.testing.assert_close(kept[name], tensor)
    assert not torch.equal(kept["body.0.weight"], start["body.0.weight"])
    valid = entries(run.folder)[-1]["valid"]  # measured with the average too
    assert run.valid["log_loss"].value == pytest.approx(valid["log_loss"])


def test_a_budget_ends_in_time_and_its_schedule_with_it(tmp_path: Path) -> None:
    began = time.perf_counter()
    run = trained(tmp_path, optimizer="SGD(cosine(0.1, warmup=5))", budget_seconds=0.7)
    assert time.perf_counter() - began < 7
    rates = [entry["rate"] for entry in entries(run.folder) if "rate" in entry]
    assert len(rates) == run.result["steps"] > 20
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert max(rates) == pytest.approx(0.1)
    assert rates[-1] < 0.002
    assert 0.7 <= run.result["seconds"] < 3


def test_the_log_tells_every_step_and_every_epochs_evaluation(tmp_path: Path) -> None:
    run = trained(tmp_path, optimizer="SGD(linear(0.1, warmup=2))", steps=10)
    steps = [entry for entry in entries(run.folder) if "loss" in entry]
    assert [entry["step"] for entry in steps] == list(range(1, 11))
    assert [entry["epoch"] for entry in steps] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert [entry["rate"] for entry in steps] == pytest.approx([0.05, 0.1, *(0.1 * (1 - p / 8) for p in range(8))])
    assert [entry["step"] for entry in entries(run.folder) if "valid" in entry] == [4, 8, 10]


class WrongAt(nn.Module):
    """Hands its input on, but as no numbers at these calls in training."""

    def __init__(self, *calls: int) -> None:
        super().__init__()
        self.wrong, self.calls = set(calls), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        return x * math.nan if self.training and self.calls in self.wrong else x


def wrong_at(*calls: int) -> Any:
    return la.Standardize() >> la.Dense(5) >> la.Module(WrongAt(*calls), gives=Vector(5)) >> la.Tanh() >> la.Classify()


def rows_of(step: int) -> str:
    """The first examples of a step, as the messages name them."""
    batch = next(Batches(DATA, split(DATA).train, 10, 0).from_step(step - 1))
    return ", ".join(map(str, batch.examples[:5].tolist()))


def test_a_rate_beyond_reason_stops_the_run_with_advice(tmp_path: Path) -> None:
    with pytest.raises(RunError) as error:
        trained(tmp_path, "Dense(5) >> ReLU() >> Classify()", optimizer="SGD(1e38)", steps=9)
    assert str(error.value) == (
        f"step 2: the loss is nan and its gradient has length nan; nothing was changed (examples {rows_of(2)}, ...); "
        'lower the rate, set clip=1.0, or choose nonfinite="rollback"'
    )
    assert not (tmp_path / "run" / "result.json").exists()
    assert [entry["applied"] for entry in entries(tmp_path / "run")] == [True, False]


def test_steps_that_are_no_number_are_skipped_so_many_times(tmp_path: Path) -> None:
    said: list[str] = []
    settings = {"optimizer": "SGD(0.1)", "nonfinite": "skip", "tolerance": 2, "say": said.append}
    run = trained(tmp_path, wrong_at(3, 5), steps=7, **settings)
    what = "the loss is nan and its gradient has length nan; nothing was changed"
    assert said == [
        f"step 3: {what} (examples {rows_of(3)}, ...); skipped, 1 more are borne",
        f"step 5: {what} (examples {rows_of(5)}, ...); skipped, 0 more are borne",
    ]
    assert [entry["applied"] for entry in entries(run.folder) if "loss" in entry] == [1, 1, 0, 1, 0, 1, 1]
    with pytest.raises(RunError) as error:
        la.train(wrong_at(1, 2, 3), DATA, out=tmp_path / "worse", steps=7, **SHORT, **settings)
    assert str(error.value) == (
        f'step 3: {what} (examples {rows_of(3)}, ...); lower the rate, set clip=1.0, or choose nonfinite="rollback"'
    )


def test_a_skipped_step_leaves_running_statistics_as_they_were(tmp_path: Path) -> None:
    net = la.Module(WrongAt(2), gives=Vector(4)) >> la.BatchNorm() >> la.Classify()
    run = trained(tmp_path, net, steps=7, nonfinite="skip")
    assert all(tensor.isfinite().all() for tensor in run.model(net).net.state_dict().values())
    assert [entry["applied"] for entry in run.log if "applied" in entry] == [True, False, True, True, True, True, True]


@pytest.mark.parametrize("wrong", [3, 6])
def test_a_run_rolls_back_to_where_its_epoch_began_and_goes_on_with_half_the_rate(tmp_path: Path, wrong: int) -> None:
    said: list[str] = []
    run = trained(tmp_path, wrong_at(wrong), optimizer="SGD(0.1)", epochs=2, nonfinite="rollback", say=said.append)
    began = (wrong - 1) // COUNT * COUNT
    assert said == [
        f"step {wrong}: the loss is nan and its gradient has length nan; nothing was changed "
        f"(examples {rows_of(wrong)}, ...); rolled back to step {began}, the rate is now 0.5 of what was planned"
    ]
    rates = [entry["rate"] for entry in entries(run.folder) if "loss" in entry]
    assert rates == [0.1] * began + [0.05] * (8 - began)
    if wrong == 3:  # as if the rate had been half from the start
        half = la.train(wrong_at(), DATA, out=tmp_path / "half", optimizer="SGD(0.05)", epochs=2, **SHORT)
        assert equal(final(run.folder), final(half.folder))


def test_a_run_folder_holds_one_run(tmp_path: Path) -> None:
    run = trained(tmp_path, steps=1)
    with pytest.raises(RunError) as error:
        trained(tmp_path, steps=1)
    assert str(error.value) == (
        f"{run.folder} holds a run already: `lamina resume {run.folder}` goes on with it, or name another --out"
    )


def test_a_model_that_cannot_be_written_is_an_error_and_leaves_no_result(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model").write_text("in the way")
    with pytest.raises(RunError) as error:
        trained(tmp_path, steps=2)
    folder = tmp_path / "run"
    assert str(error.value) == (
        f"{folder}: the model was not saved: File exists; free space or mend the disk, then `lamina resume {folder}`"
    )
    assert not (folder / "result.json").exists()
    (folder / "model").unlink()
    assert la.resume(folder, (DATA.inputs.values, DATA.target.values)).result["steps"] == 2


def test_data_of_no_known_sort_is_refused() -> None:
    with pytest.raises(DataError) as error:
        la.train(NET, 17)
    assert str(error.value) == "data must be a name, a path, a frame, or a pair (inputs, target) of arrays, got int"


def test_an_unknown_device_is_named_with_the_other_mistakes() -> None:
    with pytest.raises(RunError) as error:
        la.train(NET, DATA, device="cuda:77", batch=0, steps=1)
    first, second, third = str(error.value).splitlines()
    assert first == "the run cannot begin:"
    assert second == "  - the plan: batch must be a whole number at least 1 and at most 2,147,483,647, got batch=0"
    assert third.startswith("  - device='cuda:77' cannot be used (")
    assert third.endswith("); choose auto or cpu")


def test_the_net_is_measured_as_it_was_kept(tmp_path: Path) -> None:
    run = trained(tmp_path, NOISY, epochs=3)
    tally = evaluate(run.model().net, Batches(DATA, split(DATA).test, 3).epoch(0))
    assert tally.measures()["log_loss"].value == pytest.approx(run.test["log_loss"].value)


@pytest.mark.parametrize(("content", "message"), [
    ("{", "expected a JSON object, got something else: Expecting property name enclosed in double quotes: line 1"
     " column 2 (char 1)"),
    ("[]", "expected a JSON object, got []"),
    ('{"run": "x"}', None),
])  # fmt: skip
def test_a_damaged_result_is_named(tmp_path: Path, content: str, message: str | None) -> None:
    run = trained(tmp_path, steps=1)
    path = run.folder / "result.json"
    path.write_text(content)
    with pytest.raises(RunError) as error:
        Run(run.folder)
    missing = "net, parameters, steps, seconds, valid, test, baseline missing or of a wrong type"
    other = f"{path} is not as lamina writes it: {missing}; remove it, and `lamina resume` writes it anew"
    assert str(error.value) == (f"{path}: {message}" if message else other)


def test_a_signal_after_the_last_step_stops_the_run_and_resuming_measures_it(tmp_path: Path) -> None:
    def interrupt(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Evaluation):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as error:
        trained(tmp_path, epochs=1, display=watched(interrupt))
    assert error.value.exit_code == 143
    assert str(error.value) == (
        "stopped by SIGTERM after training, before all was measured;"
        f" `lamina resume {tmp_path / 'run'}` goes on from there"
    )
    assert not Run(tmp_path / "run").result
    whole = trained(tmp_path / "whole", epochs=1)
    resumed = la.resume(tmp_path / "run", data=DATA, display=None)
    assert resumed.result["steps"] == COUNT
    assert resumed.result["test"] == whole.result["test"]
    assert equal(final(resumed.folder), final(whole.folder))


def test_a_budget_for_less_than_the_whole_data_is_told(tmp_path: Path) -> None:
    said = list[str]()
    run = la.train(
        NET, small(5003), out=tmp_path / "run", budget_seconds=0.001, batch=1, threads=1, display=None, say=said.append
    )
    steps = run.result["steps"]
    assert 0 < steps < 3000
    assert any(text.startswith(f"the budget was enough for {steps:,} of the ") for text in said)
    assert any("the net has not seen all of it; give it more time, or take a smaller net" in text for text in said)


def test_a_models_own_data_apart_the_test_part_of_a_set_is_measured(tmp_path: Path) -> None:
    run = trained(tmp_path, epochs=1)
    other = replace(small(31, seed=5), name="digits", test=torch.tensor([3, 5, 7]))
    assert of_runs.test_rows(run.folder, other).tolist() == [3, 5, 7]
    assert len(of_runs.test_rows(run.folder, replace(other, test=None))) == 31
    run.model().save(tmp_path / "apart")
    assert of_runs.test_rows(tmp_path / "apart", other).tolist() == [3, 5, 7]


def test_a_model_says_what_it_is(tmp_path: Path) -> None:
    assert repr(trained(tmp_path, epochs=1).model()) == f"a model of Vector(4), of 3 classes: {NET}"
