"""Progress on stderr: a line that is rewritten on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamina.training.job import Evaluation, Job
    from lamina.training.loop import Step

TERMINAL_SECONDS = 0.1
PIPE_SECONDS = 10.0


def span(seconds: float) -> str:
    """A time for people: 0:07, 12:30, 1:05:00."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Takes a job's events and says how far it is."""

    def __init__(self, job: Job, terminal: bool) -> None:
        self.job = job
        self.terminal = terminal
        self.pause = TERMINAL_SECONDS if terminal else PIPE_SECONDS
        self.began = self.shown = time.perf_counter()
        self.first = job.step
        self.seen = 0
        self.loss = math.nan
        self.valid = ""

    def __call__(self, event: Step | Evaluation) -> None:
        from lamina.training.loop import Step

        if isinstance(event, Step):
            self.seen += len(event.examples)
            # A running mean over about 20 steps: one batch says little.
            self.loss = event.loss if math.isnan(self.loss) else 0.95 * self.loss + 0.05 * event.loss
        else:
            name, measure = next(iter(event.tally.measures().items()))
            self.valid = f"  valid {name} {measure.value:.4g}"
        now = time.perf_counter()
        if now - self.shown >= self.pause:
            self.shown = now
            self.write()

    def text(self) -> str:
        job, spent = self.job, time.perf_counter() - self.began
        total = job.total_steps()
        if job.plan.budget_seconds is not None:
            left = job.plan.budget_seconds - job.seconds()
        else:
            left = spent * (total - job.step) / max(1, job.step - self.first)
        epoch = job.step / job.batches.count
        if not total:
            return f"nothing is trained by steps: all was taken from the data{self.valid}  {span(0)} left"
        part = f"{job.part}  " if job.part else ""
        loss = "" if math.isnan(self.loss) and not self.seen else f"  loss {self.loss:.4f}"
        where = (
            f"{part}step {job.step:,} of {'about ' * (job.plan.budget_seconds is not None)}{total:,}  epoch {epoch:.1f}"
        )
        rate = self.seen / max(spent, 1e-9)
        return f"{where}{loss}{self.valid}  {rate:,.0f} examples/s  {span(left)} left"

    def write(self) -> None:
        text = self.text()
        sys.stderr.write(f"\r\x1b[2K{text}" if self.terminal else f"{text}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the last state standing, with the time spent in place of the time left."""
        text = re_left(self.text(), f"in {span(time.perf_counter() - self.began)}")
        sys.stderr.write(f"\r\x1b[2K{text}\n" if self.terminal else f"{text}\n")
        sys.stderr.flush()


def re_left(text: str, instead: str) -> str:
    """The line with its last part exchanged."""
    return f"{text.rpartition('  ')[0]}  {instead}"


def head(job: Job, reason: str | None) -> str:
    """What is about to be trained: the data, the sentence, the table, the pace."""
    plan, shares = job.plan, job.shares
    counts = f"{len(shares.train):,} train, {len(shares.valid):,} validate, {len(shares.test):,} test"
    lines = [f"data       {job.dataset.title()}: {job.dataset.inputs.kind} -> {job.dataset.target.kind}; {counts}"]
    lines += [f"net        {plan.net}"]
    reason = None if job.part else reason
    lines += [f"           (chosen for {reason}; edit it with --net)"] if reason else []
    long = f"{plan.budget_seconds:g} s" if plan.budget_seconds else f"{job.total_steps():,} steps"
    epochs = f"{plan.epochs} epochs, " if plan.epochs else ""
    lines += [f"optimizer  {plan.optimizer}, {epochs}{long} of {plan.batch} examples, seed {plan.seed}"]
    lines += [f"run        {job.folder}", "", job.net.table(), ""]
    return "\n".join(lines)


@contextmanager
def shown(job: Job, reason: str | None = None) -> Iterator[Progress]:
    """A display on stderr: the head, then progress. `reason` says why the net was chosen, if it was."""
    sys.stderr.write(head(job, reason) + "\n")
    progress = Progress(job, sys.stderr.isatty())
    try:
        yield progress
    finally:
        progress.close()


def note(text: str) -> None:
    """Tell the user, on stderr, something that was not asked for but should be known."""
    print(text, file=sys.stderr, flush=True)
