"""Small runs for tests: the data, the nets, and what is compared of two runs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.sources.arrays import from_arrays
from lamina.training.job import Evaluation, Job
from lamina.training.log import read_log
from lamina.training.loop import Step
from lamina.training.weights import load_weights

NET = "Standardize() >> Dense(5) >> Tanh() >> Classify()"
NOISY = "Dense(5) >> BatchNorm() >> ReLU() >> Dropout(0.3) >> Classify()"

Events = Callable[[Job], AbstractContextManager[Callable[[Step | Evaluation], object]]]


def small(examples: int = 53, seed: int = 0) -> Dataset:
    """Three classes of points about unlike middles; as many batches an epoch as 37 training rows have."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(examples) % 3
    return from_arrays(torch.randn(examples, 4, generator=random) + labels[:, None], labels)


def final(folder: Path) -> dict[str, Tensor]:
    """The weights that a run ended with."""
    return load_weights(Path(folder, "model", "model.safetensors"))


def digest(folder: Path) -> str:
    return hashlib.sha256(Path(folder, "model", "model.safetensors").read_bytes()).hexdigest()


def equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    """Whether tensors agree bit for bit."""
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def entries(folder: Path) -> list[dict[str, Any]]:
    """A run's log without the times of day."""
    return [{name: value for name, value in entry.items() if name != "at"} for entry in read_log(folder)]


def watched(see: Callable[[Job, Step | Evaluation], object]) -> Events:
    """A display that hands every event to `see`."""

    @contextmanager
    def display(job: Job) -> Iterator[Callable[[Step | Evaluation], object]]:
        yield lambda event: see(job, event)

    return display


def stopping_at(*steps: int, number: int = signal.SIGTERM) -> Events:
    """A display that sends this process a signal at each of these steps."""

    def see(job: Job, event: Step | Evaluation) -> None:
        if isinstance(event, Step) and event.number in steps:
            os.kill(os.getpid(), number)

    return watched(see)


def dies(act: Callable[[Events], object], part: str, step: int) -> None:
    """Let `act`, which is given a display, be killed in a process of its own, behind this step of this part of a run."""

    def see(job: Job, event: Step | Evaluation) -> None:
        if job.part == part and isinstance(event, Step) and event.number == step:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            act(watched(see))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
