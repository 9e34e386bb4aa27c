"""What a text costs in memory: `lamina train` of texts of several sizes, whose peak should not grow with the text.

`python -m benchmarks memory` writes texts of 10, 100 and 400 MB (`LAMINA_BENCH_MEGABYTES`) into a temporary folder, one
at a time. Each is trained on for two steps by a process of its own; what is validated and tested on is kept small.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import table

SIZES = tuple(map(int, os.environ.get("LAMINA_BENCH_MEGABYTES", "10,100,400").split(",")))
TOKENS = ("bytes", "words")
WORDS, WORDS_AT_ONCE, LINE = 50_000, 240_000, 12
"""The different words of a text, those written at once, and those of a line."""

ALONE = """
import sys, threading, time
from pathlib import Path

most = 0

def watch():  # own memory: mapped files, which the system takes back when it needs room, are left out
    global most
    while True:
        lines = Path("/proc/self/status").read_text().splitlines()
        most = max(most, next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")))
        time.sleep(0.05)

threading.Thread(target=watch, daemon=True).start()
from lamina.command import main

try:
    main(sys.argv[1:])
finally:
    print(most)
"""


def write(path: Path, megabytes: int) -> None:
    """A text of random words, the n-th of them as common as 1 / n, twelve to a line."""
    random = np.random.default_rng(0)
    letters = random.integers(97, 123, (WORDS, 9), dtype=np.uint8).tobytes().decode()
    lengths = random.integers(2, 10, WORDS)
    words = np.array([letters[9 * place : 9 * place + length] for place, length in enumerate(lengths)], dtype=object)
    often = (1 / np.arange(1, WORDS + 1)).cumsum()
    with path.open("w") as file:
        while file.tell() < megabytes * 1e6:
            drawn = words[often.searchsorted(random.random(WORDS_AT_ONCE) * often[-1])]
            file.writelines(" ".join(line) + ".\n" for line in drawn.reshape(-1, LINE))


def peak(path: Path, tokens: str) -> tuple[int, float]:
    """The most memory that a process which makes two steps on a text has of its own, in MiB, and the seconds."""
    began = time.perf_counter()
    settings = ["--tokens", tokens, "--steps", "2", "--split", "0.998/0.001/0.001", "--out", str(path.parent / tokens)]
    ask = [sys.executable, "-c", ALONE, "train", str(path), "--net", "Embed(16) >> LSTM(16) >> NextToken()", *settings]
    done = subprocess.run(ask, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) // 1024, time.perf_counter() - began


def of_size(megabytes: int) -> list[tuple[str, ...]]:
    """The rows of one size."""
    rows = list[tuple[str, ...]]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        write(path, megabytes)
        for tokens in TOKENS:
            most, seconds = peak(path, tokens)
            rows.append((f"{megabytes} MB by {tokens}", f"{most:,} MiB", f"{seconds:.0f} s"))
    return rows


def main() -> str:
    """The table."""
    return table(("two steps on a text", "own memory", "time"), [row for size in SIZES for row in of_size(size)])
