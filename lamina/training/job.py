"""A run in progress: the plan carried out step by step, so that it can be stopped anywhere and goes on exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from lamina.data.batches import Batch
from lamina.data.dataset import Dataset
from lamina.data.feeding import Feed, looking_feed, training_feed
from lamina.data.split import Parts
from lamina.errors import RunError
from lamina.evaluation import evaluate
from lamina.layers.towers import gpus, spread
from lamina.metrics import Tally
from lamina.net import build
from lamina.nets.traits import foreign, recurrent, work_of
from lamina.sentence import parse_as
from lamina.stage import Stage
from lamina.training import machine, saving
from lamina.training.average import Average, moving_tensors
from lamina.training.best import Best
from lamina.training.checkpoint import Checkpoints, Snapshot
from lamina.training.data import all_parts_of, parts_of
from lamina.training.finetuning import Thaw, freeze, frozen_stages, slowed
from lamina.training.log import Log
from lamina.training.loop import Carried, Step, fit
from lamina.training.optimizers import Optimizer
from lamina.training.plan import Plan
from lamina.training.precision import say_if_slow
from lamina.training.rates import rate_at, unreached
from lamina.training.start import Taken, take
from lamina.training.weights import fit_into
from lamina.unanswered import learn_least


class Evaluation(NamedTuple):
    """How the net does on the validation part after a step."""

    step: int
    tally: Tally


class Job:
    """What a run holds while it goes.

    Args:
        plan: what to do.
        dataset: the data that the plan names.
        stage: the net's words.
        folder: the run's folder, locked by this process.
        say: takes what the user should know, a sentence each.
        within: the job that this one is a part of; its data are cut as there, and labels are not needed.
        part: which part it is, for people.
    """

    def __init__(
        self,
        plan: Plan,
        dataset: Dataset,
        stage: Stage,
        folder: Path,
        say: Callable[[str], object],
        within: Job | None = None,
        part: str = "",
    ) -> None:
        self.plan, self.dataset, self.folder, self.say = plan, dataset, folder, say
        self.whole, self.part = within or self, part
        machine.prepare(1)
        self.device = machine.chosen_device(plan.device)
        self.shares: Parts = parts_of(dataset, plan) if within is None else all_parts_of(within.dataset, within.plan)
        self.optimizer = parse_as(Optimizer, plan.optimizer)
        self.net = build(stage, dataset.inputs.kind, dataset.target.kind, plan.seed).to(self.device)
        if plan.device == "auto" and spread(self.net, gpus()):
            say("towers stand on a GPU each")
        say_if_slow(plan.precision, self.device, say)
        self.take_threads()
        self.groups = self.optimizer.start(self.net.named_parameters())
        self.average = Average(self.net, plan.average) if plan.average is not None else None
        self.taken: Taken | None = None
        self.thaw: Thaw | None = None
        self.carries = recurrent(self.net) if plan.carry is None else plan.carry
        self.carried = Carried()
        self.batches = training_feed(
            dataset, self.shares.train, plan.batch, plan.batch_tokens, plan.seed, self.device, self.carries
        )
        if self.groups and plan.budget_seconds is None and (text := unreached(self.optimizer.rate, self.total_steps())):
            say(text)
        self.checkpoints = Checkpoints(folder / "checkpoints", say)
        self.log = Log(folder)
        self.step = 0
        self.seconds_before = 0.0
        self.started = time.perf_counter()
        self.best, self.troubles = Best(), 0
        self.rate_factor, self.stopped_early = 1.0, False

    def take_threads(self) -> None:
        """Give torch the threads that a step of this job is fastest with, or those that were asked for."""
        work = work_of(self.net, self.plan.batch // self.plan.parts)
        machine.prepare(self.plan.threads or machine.threads_for(work))

    # --- what is asked of it ---------------------------------------------------------------------------------------

    def start_from(self, taken: Taken) -> None:
        """Bear in mind what comes from the plan's start: what of it is frozen, and at what rate the rest learns."""
        self.taken = taken
        plan, frozen = self.plan, frozen_stages(self.net, self.plan)
        freeze(self.net, frozen)
        groups, gradual = self.optimizer.start(self.net.named_parameters()), plan.unfreeze is not None
        self.groups = slowed(groups, self.net, taken.stages, plan.body_rate, plan.layer_decay, gradual)
        if plan.unfreeze is not None:
            self.thaw = Thaw(self.net, frozen, taken.stages, plan.unfreeze * self.batches.count)
            if plan.budget_seconds is None and (text := self.thaw.unreached(self.total_steps())):
                self.say(text)

    def begin(self) -> None:
        """Take weights and statistics that the net starts with; after this the first step can come."""
        still = self.still(self.shares.train)
        if self.taken is not None:
            self.say(take(self.net, self.plan, self.taken, self.dataset))
        stages, end = (0, False) if self.taken is None else (self.taken.stages, self.taken.end)
        self.net.learn(lambda: ((batch.inputs, batch.target) for batch in still.epoch(0)), stages, end)
        self.average = None if self.plan.average is None else Average(self.net, self.plan.average)
        self.started = time.perf_counter()

    def events(self, signals: machine.Signals) -> Iterator[Step | Evaluation]:
        """Train until the plan is fulfilled. The caller sees every step and every evaluation.

        Raises:
            RunError: if loss or gradient stop being numbers and the plan does not bear with it.
            Interrupted: if a signal came; a checkpoint has been written.
        """
        self.net.train()
        if (self.plan.nonfinite == "rollback" or foreign(self.net)) and not self.checkpoints.steps():
            # So that there is a state to roll back to from the first epoch on, and that weights which were brought from
            # elsewhere are not asked for again.
            self.save(must=True)
        saved_at = time.perf_counter()
        while not self.finished():
            for step in self.steps():
                self.step = step.number
                self.log.step(step)
                if not step.applied and self.bear_with(step):
                    break  # rolled back: the generator must start again from there
                if self.average is not None and step.applied:
                    self.average.update(step.number)
                yield step
                finished = self.finished()
                if finished or step.number % self.batches.count == 0:
                    evaluation = Evaluation(step.number, self.validate())
                    self.judge(evaluation)
                    yield evaluation
                    finished = finished or self.stopped_early
                if finished or signals.number or self.checkpoint_due(saved_at):
                    self.save(must=finished or signals.number is not None)
                    saved_at = time.perf_counter()
                if finished:
                    return
                signals.heed(f"after step {self.step}{self.part and f' of {self.part}'}", self.whole.folder)

    def keep_best(self) -> None:
        """Leave the net with the weights that the run is to end with: the best, the average, or the last."""
        if self.best.weights:
            fit_into(self.net.state_dict(), self.best.weights, "the best weights")
        elif self.average is not None:
            fit_into(moving_tensors(self.net), self.average.tensors(), "the average")

    def evaluate(self, rows: Tensor, see: Callable[[Batch, Any], object] | None = None) -> Tally:
        """The tally of the net as it is now over these rows; `see` takes each batch with the answer to it."""
        return evaluate(self.net, self.still(rows).epoch(0), see)

    def calibrate(self) -> None:
        """Let the net see how far its answers are off on the validation part."""
        self.net.calibrate((batch.inputs, batch.target) for batch in self.still(self.shares.valid).epoch(0))
        if (chosen := learn_least(self.net, self.dataset, self.shares.valid)) is not None:
            self.say(chosen)

    def still(self, rows: Tensor) -> Feed:
        """Rows in batches to be looked at."""
        return looking_feed(self.dataset, rows, self.device, self.carries)

    # --- how far it is ---------------------------------------------------------------------------------------------

    def seconds(self) -> float:
        """The time trained so far, over all sittings."""
        return self.seconds_before + time.perf_counter() - self.started

    def total_steps(self) -> int:
        """The updates that the run will have; with a budget, as the pace so far lets expect."""
        if not self.groups:
            return 0  # nothing is to be trained: statistics were taken before the first step
        if self.plan.steps is not None:
            return self.plan.steps
        if self.plan.epochs is not None:
            return self.plan.epochs * self.batches.count
        share = self.seconds() / (self.plan.budget_seconds or math.inf)
        return max(self.step + 1, round(self.step / share)) if share > 0 else self.step + 1

    def finished(self) -> bool:
        """Whether the plan is fulfilled."""
        if self.stopped_early or not self.groups:
            return True
        if self.plan.budget_seconds is not None:
            return self.seconds() >= self.plan.budget_seconds
        return self.step >= self.total_steps()

    def checkpoint_due(self, saved_at: float) -> bool:
        """Whether it is time to save; a run that may roll back saves where epochs end, so that it rolls back alike."""
        if self.plan.nonfinite == "rollback" and self.step % self.batches.count:
            return False
        return time.perf_counter() - saved_at >= self.plan.checkpoint_seconds or self.plan.nonfinite == "rollback"

    # --- the parts of a step ---------------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """The loop from here on."""
        batches = self.batches.from_step(self.step)
        return fit(
            self.net,
            batches if self.thaw is None else self.thaw.before(batches, self.step),
            self.optimizer,
            self.groups,
            lambda step: rate_at(self.optimizer.rate, step, self.total_steps()) * self.rate_factor,
            seed=self.plan.seed,
            done=self.step,
            parts=self.plan.parts,
            clip=self.plan.clip,
            carried=self.carried,
            precision=self.plan.precision,
        )

    def validate(self) -> Tally:
        """The tally of the validation part, with the averaged weights where there are any."""
        if self.average is None:
            return self.evaluate(self.shares.valid)
        with self.average.in_place():
            return self.evaluate(self.shares.valid)

    def judge(self, evaluation: Evaluation) -> None:
        """Log an evaluation, keep the weights if they are the best so far, and see whether patience is spent."""
        measures = evaluation.tally.measures()
        self.log.evaluation(evaluation.step, {name: measure.value for name, measure in measures.items()})
        if self.plan.patience is None:
            return
        chosen = evaluation.tally.chosen_by
        self.best.judge(chosen, measures[chosen].value, evaluation.step, self.weights)
        self.stopped_early = self.best.waited >= self.plan.patience

    def weights(self) -> dict[str, Tensor]:
        """A copy of what would be kept if the run ended now."""
        average = self.average.tensors() if self.average is not None else {}
        return {name: average.get(name, tensor).detach().clone() for name, tensor in self.net.state_dict().items()}

    def bear_with(self, step: Step) -> bool:
        """Do what the plan says about a step whose loss or gradient is no number. True if the run was rolled back."""
        self.troubles += 1
        text = step.trouble()
        if self.plan.nonfinite == "stop" or self.troubles > self.plan.tolerance:
            raise RunError(f'{text}; lower the rate, set clip=1.0, or choose nonfinite="rollback"')
        if self.plan.nonfinite == "skip":
            self.say(f"{text}; skipped, {self.plan.tolerance - self.troubles} more are borne")
            return False
        factor, troubles, spent = self.rate_factor / 2, self.troubles, self.seconds()
        # The newest may be of mid-epoch, left by a signal: a run that was never stopped would not have it.
        epoch_began = (self.step - 1) // self.batches.count * self.batches.count
        whole = epoch_began in self.checkpoints.steps()
        self.restore(self.checkpoints.load(epoch_began) if whole else self.checkpoints.newest())
        self.rate_factor, self.troubles, self.seconds_before = factor, troubles, spent
        self.say(f"{text}; rolled back to step {self.step}, the rate is now {factor:g} of what was planned")
        return True

    # --- saving and going on ---------------------------------------------------------------------------------------

    def save(self, must: bool = False) -> None:
        """Write a checkpoint. If the disk refuses, say so and train on, unless this one must be."""
        try:
            saving.save(self)
        except RunError as error:
            if must:
                raise
            self.say(f"{error}; training goes on")

    def restore(self, snapshot: Snapshot | None) -> None:
        """Take up a checkpoint's state; without one, the state before the first step."""
        if snapshot is not None:
            saving.restore(self, snapshot)
            return
        self.carried.state = None
        self.log.cut(0)
        self.begin()
