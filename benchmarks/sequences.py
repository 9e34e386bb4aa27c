"""Nets for sequences: lamina against the same nets as a usual torch script writes, trains and uses them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import NamedTuple

import torch

import lamina as la
from benchmarks import plain_sequences as plain
from benchmarks.generation import SIZES, generating, searching
from benchmarks.measure import Timing, in_turn, table
from benchmarks.vision import most_memory, sgemm_rate
from lamina.data.dataset import Dataset
from lamina.data.feeding import Feed
from lamina.data.text.buckets import Buckets
from lamina.data.text.ragged import Ragged, Windows
from lamina.data.text.running import ShiftedWindows, Streams
from lamina.kinds import END_TOKEN, Tokens
from lamina.rewrite import rewritten
from lamina.training.machine import prepare
from lamina.training.optimizers import Adam
from lamina.training.precision import Precision, slow_in

ROUNDS = 4
BUDGET, MOST_PAIRS = 4096, 512
LSTM = "Embed(256) >> LSTM(256, layers=2) >> NextToken(tied=True)"
GPT = "Embed(128) >> Transformer(4, heads=4, causal=True, rotary=True, dropout=0.1) >> NextToken(tied=True)"
TRANSLATOR = "Embed(256) >> Positions() >> Transformer(3, heads=8) >> Write(Positions() >> Transformer(3, heads=8))"


class Seen(NamedTuple):
    """The tokens of some batches that are no padding: those that are read, and those that are predicted."""

    given: int
    target: int


class Case(NamedTuple):
    """What is trained beside what.

    Attributes:
        name: of the row.
        sentence: lamina's net.
        vocabulary: of both sides.
        batch: windows, streams or (None) as many pairs as there is room for.
        length: of a window; of pairs, how many there are.
        steps: the updates that are timed.
        wanted: the ratio that is.
    """

    name: str
    sentence: str
    vocabulary: int
    batch: int | None
    length: int
    steps: int
    wanted: str

    def dataset(self) -> Dataset:
        """A text, or pairs, of random tokens."""
        if self.batch is None:
            return pairs(self.length, self.vocabulary)
        # An epoch is a little longer than what is timed.
        return text(self.batch * self.length * (self.steps + 2), self.vocabulary, self.length)

    def feed(self, data: Dataset) -> Feed:
        """lamina's batches."""
        rows = torch.arange(len(data))
        if self.batch is None:
            return Buckets(data, rows, MOST_PAIRS, BUDGET, 0)
        return (Streams if "LSTM" in self.sentence else ShiftedWindows)(data, rows, self.batch, 0)

    def net(self) -> la.Net:
        """lamina's net, as `lamina train` builds it."""
        given = Tokens(self.vocabulary)
        return la.build(rewritten(la.parse(self.sentence), given).stage, given, given)

    def plain(self) -> torch.nn.Module:
        """The usual script's."""
        if self.batch is None:
            return plain.Translator(self.vocabulary, 256, 3, 8)
        if "LSTM" in self.sentence:
            return plain.LanguageLSTM(self.vocabulary, 256, 2)
        return plain.LanguageTransformer(self.vocabulary, 128, 4, 4, self.length)


CASES = (
    Case("LSTM, 20 streams of 35 words", LSTM, 10_000, 20, 35, 20, "1.3x"),
    Case("GPT, 32 windows of 64 characters", GPT, 68, 32, 64, 20, "1.3x"),
    Case("GPT, 12 windows of 64 characters", GPT, 68, 12, 64, 40, "1.3x"),
    Case("Transformer, pairs of sentences", TRANSLATOR, 8_000, None, 29_000, 6, "2x"),
)


def text(count: int, vocabulary: int, length: int) -> Dataset:
    """One long text."""
    random = torch.Generator().manual_seed(0)
    tokens = torch.randint(END_TOKEN + 1, vocabulary, (count,), generator=random, dtype=torch.int32)
    columns = (Windows(tokens, Tokens(vocabulary), length=length, ahead=ahead) for ahead in (0, 1))
    return Dataset("text", *columns)


def pairs(count: int, vocabulary: int) -> Dataset:
    """Sentences as long as those of Multi30k: log-normal, 14 tokens in the mean, and their translations nearly so."""
    random = torch.Generator().manual_seed(0)
    spread, apart = 0.35, 0.15
    noise = torch.randn(2, count, generator=random)
    long = 14 * torch.exp(spread * noise[0] - spread**2 / 2)
    columns = []
    for lengths in (long, long * torch.exp(apart * noise[1] - apart**2 / 2)):
        ends = torch.cat((torch.zeros(1), lengths.round().clamp(3, 60) + 1)).cumsum(0).long()  # each with its end
        tokens = torch.randint(END_TOKEN + 1, vocabulary, (int(ends[-1]),), generator=random, dtype=torch.int32)
        tokens[ends[1:] - 1] = END_TOKEN
        columns.append(Ragged(tokens, Tokens(vocabulary), offsets=ends))
    return Dataset("pairs", *columns)


def apart(data: Dataset) -> list[plain.Pair]:
    """Pairs as a usual script has them: a tensor for each side, before which the target's begins."""
    sides = [torch.split(side.values.long(), side.lengths.tolist()) for side in (data.inputs, data.target)]
    begin = torch.tensor([plain.BEGIN])
    return [(source, torch.cat((begin, target))) for source, target in zip(*sides, strict=True)]


def train_ours(case: Case, feed: Feed, precision: Precision) -> Callable[[], None]:
    """The case's updates by lamina's loop."""
    net = case.net().train()
    return partial(updated, net, feed, case.steps, precision)


def updated(net: la.Net, feed: Feed, steps: int, precision: Precision) -> None:
    """Update a net so often."""
    optimizer = Adam(0.001)
    groups = optimizer.start(net.named_parameters())
    for step in la.fit(net, feed.from_step(0), optimizer, groups, lambda _: 0.001, precision=precision):
        if step.number == steps:
            break


def contenders(case: Case) -> dict[str, tuple[Callable[[], None], Seen]]:
    """What trains, and what it sees."""
    data = case.dataset()
    feed, rival = case.feed(data), case.plain().train()
    given = seen_of(feed, case.steps)
    ours = {"lamina": (train_ours(case, feed, "float32"), given)}
    if not slow_in("bfloat16", torch.device("cpu")):
        ours["lamina in bfloat16"] = (train_ours(case, feed, "bfloat16"), given)
    if case.batch is None:
        items, size = apart(data), round(len(data) / feed.count)
        batches = list(islice(plain.shuffled(items, size), case.steps))
        seen = Seen(*(int(sum((batch[side] != plain.PADDING).sum() for batch in batches)) for side in (0, 1)))
        seen = seen._replace(target=seen.target - size * case.steps)  # what begins a target is not predicted
        run = partial(plain.train_translator, rival, items, size, case.steps)
        return {**ours, "usual script": (run, seen)}
    count = case.batch * case.length * case.steps
    train = plain.train_lstm if "LSTM" in case.sentence else plain.train_gpt
    run = partial(train, rival, data.inputs.values, case.batch, case.length, case.steps)
    return {**ours, "usual script": (run, Seen(count, count))}


def seen_of(feed: Feed, steps: int) -> Seen:
    """What the first batches show."""
    batches = list(islice(feed.from_step(0), steps))
    return Seen(*(int(sum(getattr(batch, side).visible.sum() for batch in batches)) for side in ("inputs", "target")))


def training(case: Case, sgemm: float) -> list[tuple[str, ...]]:
    """The rows of a case."""
    both, net = contenders(case), case.net()
    timings = in_turn({name: run for name, (run, _) in both.items()}, ROUNDS)
    rows = list[tuple[str, ...]]()
    for name, timing in timings.items():
        seen, usual = both[name][1], both["usual script"][1]
        # They need not see as many tokens: what is compared is the time that a token takes.
        ratio = timings["usual script"].ratio(timing) * seen.target / usual.target
        work = 3 * (net.body.multiply_adds() * seen.given + net.end.multiply_adds() * seen.target)
        wanted = case.wanted if name == "lamina" else ""
        share = f"{work / timing.median / sgemm:.0%}"
        speed = f"{seen.target / timing.median:,.0f}"
        rows.append((f"{case.name}: {name}", speed, f"{ratio:.2f}x", wanted, share, peak(case, name)))
    return rows


def peak(case: Case, who: str) -> str:
    """The most memory that a process of its own takes to train so, beyond what torch takes."""
    code = f"from benchmarks.sequences import Case, alone; alone({case!r}, {who!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return f"{int(done.stdout):,} MiB"


def alone(case: Case, who: str) -> None:
    """Train and print by how much the most memory so far grew, in MiB."""
    prepare(0)
    before = most_memory()
    contenders(case)[who][0]()
    print((most_memory() - before) // 1024)


def padding() -> list[tuple[str, ...]]:
    """The share of what is computed that is no padding."""
    data = pairs(29_000, 8_000)
    feed = Buckets(data, torch.arange(len(data)), MOST_PAIRS, BUDGET, 0)
    size = round(len(data) / feed.count)
    real = padded = 0
    for batch in plain.shuffled(apart(data), size):
        for side in batch:
            real, padded = real + int((side != plain.PADDING).sum()), padded + side.numel()
    shares = {"lamina's Buckets": (feed.efficiency(), "85 %"), "usual script, shuffled": (real / padded, "")}
    return [(f"no padding: {who}", "", f"{share:.1%}", wanted, "", "") for who, (share, wanted) in shares.items()]


def feeding() -> tuple[str, ...]:
    """Windows against the bare indexing that they are made of."""
    count, batch, length = 1_000_000, 32, 64
    data = text(count, 68, length)
    feed, tokens = ShiftedWindows(data, torch.arange(len(data)), batch, 0), data.inputs.values
    places = torch.arange(length)

    def bare() -> None:
        for starts in (torch.randperm(feed.whole) * length).split(batch):
            at = starts[:, None] + places
            tokens[at].long()
            tokens[at + 1].long()

    def fed() -> None:
        for _ in feed.epoch(0):
            pass

    timings = in_turn({"bare": bare, "fed": fed}, 15)
    share, rate = timings["bare"].ratio(timings["fed"]), feed.whole * length / timings["fed"].median
    return (f"feeding {batch} windows of {length}", f"{rate:,.0f}", f"{share:.1%} of indexing", "", "", "")


def compared(
    timings: dict[str, Timing], name: str, count: int, unit: str, wanted: dict[str, str]
) -> list[tuple[str, ...]]:
    """A row for each contender: how fast it is, and how many times as fast as each other the first one is."""
    ours = next(iter(timings.values()))
    rows = list[tuple[str, ...]]()
    for who, timing in timings.items():
        ratio = "" if timing is ours else f"{ours.name} {timing.ratio(ours):.2f}x"
        rows.append((f"{name}: {who}", f"{count / timing.median:,.0f}{unit}", ratio, wanted.get(who, ""), "", ""))
    return rows


def main() -> str:
    """The table."""
    prepare(0)
    sgemm, rows = sgemm_rate(), list[tuple[str, ...]]()
    for case in CASES:
        rows += training(case, sgemm)
    rows += padding()
    rows.append(feeding())
    translator = CASES[-1]
    for size in SIZES:
        timings, note = generating(size, ROUNDS)
        what, wanted = (
            f"256 characters by GPT, {size.layers} x {size.width}",
            {"whole text each time": "5x", "transformers": "2x"},
        )
        rows += compared(timings, what, 256, "", wanted)
    timings = searching(
        translator.net().eval(), pairs(64, translator.vocabulary).inputs.gather(torch.arange(64)), ROUNDS
    )
    rows += compared(timings, "64 sentences, 20 tokens each", 64, " sentences", {})
    head = (
        "sequences",
        "tokens/s",
        "of the usual script",
        "wanted",
        f"of sgemm ({sgemm / 1e9:.0f} G/s)",
        "peak memory",
    )
    return table(head, rows) + note
