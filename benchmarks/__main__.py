"""`make bench`: all tables. `python -m benchmarks loops`: one of them."""

from __future__ import annotations

import importlib
import platform
import sys

import torch

from lamina.training.machine import usable_cores

ALL = ("loops", "starting", "saving", "tables", "vision", "sequences", "codes", "reading")


def main() -> None:
    processor = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    print(f"torch {torch.__version__}, {usable_cores()} cores, {processor}\n")
    for name in sys.argv[1:] or ALL:
        print(importlib.import_module(f"benchmarks.{name}").main(), end="\n\n", flush=True)


main()
