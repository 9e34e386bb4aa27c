"""The machine under a run: its threads, its signals, and what must be equal for two runs to agree bit for bit."""

from __future__ import annotations

import math
import os
import platform
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch

import lamina
from lamina.errors import LaminaError, RunError, shown


class Interrupted(LaminaError):
    """A signal asked the run to stop; its checkpoint is written.

    Attributes:
        exit_code: 143 for SIGTERM, 130 for SIGINT.
    """

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class Signals:
    """What has been asked for since `listening` began."""

    def __init__(self) -> None:
        self.number: int | None = None

    def name(self) -> str:
        """The signal that came, for a message."""
        return "SIGTERM" if self.number == signal.SIGTERM else "an interrupt"

    def heed(self, when: str, folder: Path) -> None:
        """Stop if that was asked for.

        Raises:
            Interrupted: if a signal came; `when` says how far the run is.
        """
        if self.number:
            text = f"stopped by {self.name()} {when}; `lamina resume {folder}` goes on from there"
            raise Interrupted(text, 128 + self.number)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            # Asked twice: whoever asks does not want to wait. The last whole checkpoint stands.
            os._exit(128 + number)
        self.number = number


@contextmanager
def listening() -> Iterator[Signals]:
    """Within this block SIGTERM and SIGINT set a flag; a second one ends the process at once.

    Such a block within another shares its flag: a signal that comes as one of several runs ends stops the others too.
    """
    outer = signal.getsignal(signal.SIGTERM)
    if isinstance(outer, Signals):
        yield outer
        return
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def usable_cores() -> int:
    """The cores that this process may really use: by its affinity, and by the quota of its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return cores if quota == "max" else max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores


SHARED_WORK = 10_000_000
"""Multiply-adds of a step from which on a second core pays. With less, threads wait for one another longer than they
work, and much longer when another program wants the core."""


def prepare(threads: int) -> None:
    """Set the threads of torch (0: all usable cores), and let it flush denormals, which slow the late steps of Adam."""
    torch.set_num_threads(threads or usable_cores())
    torch.set_flush_denormal(True)


def threads_for(multiply_adds: int | None) -> int:
    """The threads that a step of this much work is fastest with; all cores where it is not known."""
    return usable_cores() if multiply_adds is None or multiply_adds >= SHARED_WORK else 1


@contextmanager
def restored() -> Iterator[None]:
    """After this block torch has as many threads as before it, and keeps denormals: both are the caller's affair."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


def chosen_device(name: str) -> torch.device:
    """The device of a name; "auto" is the first GPU if there is one, else the CPU.

    Raises:
        RunError: if there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise RunError(f"device={name!r} cannot be used ({shown(reason)}); choose auto or cpu") from None
    return device


def processor() -> str:
    """The processor's name: libraries choose other kernels, with other rounding, for other makes."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def fingerprint(device: torch.device) -> dict[str, str]:
    """What two runs must share to agree bit for bit, and not just in the samples that they see."""
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    return {
        "torch": str(torch.__version__),
        "device": f"{device.type} {kind}",
        "threads": str(torch.get_num_threads()),
        "processor": processor(),
        "lamina": lamina.__version__,
    }


def changes(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """What differs between the fingerprints of two machines."""
    return [f"{name} {was} then, {now[name]} now" for name, was in then.items() if now[name] != was]
