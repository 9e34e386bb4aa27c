"""Questions about generated stories, a memory network against an LSTM and a bag of words.

`python -m experiments.stories --out FOLDER`

The stories are synthetic: people go from room to room, take things and drop them, by the rules below. Source: in the
spirit of tasks 1 to 3 of Weston et al. 2015, "Towards AI-complete question answering"; neither their stories nor their
program. An answer takes at least as many sentences of its story as the task has facts:

1. where is mary ?                       She was last seen going there.
2. where is the milk ?                   Who took it, and where they went then.
3. where was the milk before the garden ? Who took it, where they went, and where they were before.

Each net is trained on the same 10,000 stories of a task and tested, once training has ended, on 1,000 others.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch

import lamina as la
from lamina.chance import key
from lamina.data.batches import Batches
from lamina.data.dataset import Column
from lamina.data.text.ragged import Ragged
from lamina.kinds import END_TOKEN

PEOPLE = ("daniel", "john", "mary", "sandra")
ROOMS = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
THINGS = ("apple", "football", "milk")
GOES = ("went to", "moved to", "travelled to", "journeyed to")
TAKES = ("took", "picked up", "got", "grabbed")
DROPS = ("dropped", "put down", "left")
OTHERS = ("the", "where", "is", "was", "before", "?")

LENGTHS = {1: (2, 10), 2: (4, 16), 3: (8, 30)}
"""The fewest and the most sentences of a story, by the facts that an answer takes."""

WORDS = tuple(
    sorted(
        {
            word
            for group in (PEOPLE, ROOMS, THINGS, GOES, TAKES, DROPS, OTHERS)
            for said in group
            for word in said.split()
        }
    )
)
NUMBERS = {".": END_TOKEN} | {word: number for number, word in enumerate(WORDS, start=END_TOKEN + 1)}
"""The token of each word; the full stop ends a sentence."""

NETS = {
    "memory": la.Memory(64, hops=3) >> la.Classify(),
    "LSTM": la.Embed(64) >> la.LSTM(64) >> la.Last() >> la.Classify(),
    "bag of words": la.Embed(64) >> la.Mean() >> la.Classify(),
}
TESTS = 1_000


class Story(NamedTuple):
    """Sentences, a question about them, and the room that answers it."""

    sentences: tuple[str, ...]
    question: str
    answer: str

    def text(self) -> str:
        """What a net reads."""
        return " . ".join((*self.sentences, self.question))


@dataclass
class World:
    """What is true at some point of a story.

    Attributes:
        rooms: where each thing lies or is carried.
        people: where everyone is whose place has been told.
        holders: who has each thing that is carried.
        trails: the rooms that each thing has been in since it was first taken, in order.
    """

    rooms: dict[str, str]
    people: dict[str, str] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    trails: dict[str, list[str]] = field(default_factory=dict)

    def go(self, person: str, room: str) -> None:
        """A person goes to a room, with all that they carry."""
        self.people[person] = room
        for thing in (thing for thing, holder in self.holders.items() if holder == person):
            self.rooms[thing] = room
            self.trails[thing].append(room)

    def take(self, person: str, thing: str) -> None:
        """A person takes a thing that lies where they are."""
        self.holders[thing] = person
        self.trails.setdefault(thing, [self.rooms[thing]])

    def drop(self, thing: str) -> None:
        """Whoever has a thing leaves it where they are."""
        del self.holders[thing]

    def lying(self, room: str | None) -> list[str]:
        """The things in a room that nobody has."""
        return [thing for thing in THINGS if self.rooms[thing] == room and thing not in self.holders]


def happening(world: World, random: Random, things: bool) -> str:
    """Let something happen, and tell it.

    Someone is drawn. Where they can take or drop something and there are things, they do so as often as not; a taken
    thing and one of theirs to be dropped are equally likely. Otherwise they go to another room than they are in.
    """
    person = random.choice(PEOPLE)
    here = world.people.get(person)
    handled = world.lying(here) + [thing for thing in THINGS if world.holders.get(thing) == person]
    if things and handled and random.random() < 0.5:
        thing = random.choice(handled)
        if thing in world.holders:
            world.drop(thing)
            return f"{person} {random.choice(DROPS)} the {thing}"
        world.take(person, thing)
        return f"{person} {random.choice(TAKES)} the {thing}"
    room = random.choice([room for room in ROOMS if room != here])
    world.go(person, room)
    return f"{person} {random.choice(GOES)} the {room}"


def questions(world: World, facts: int) -> list[tuple[str, str]]:
    """All that can be asked of so many facts, with the answers. Of rooms that a thing has been in twice nothing is."""
    if facts == 1:
        return [(f"where is {person} ?", room) for person, room in world.people.items()]
    if facts == 2:
        return [(f"where is the {thing} ?", world.rooms[thing]) for thing in world.trails]
    return [
        (f"where was the {thing} before the {room} ?", before)
        for thing, trail in world.trails.items()
        for before, room in pairwise(trail)
        if trail.count(room) == 1
    ]


def story(facts: int, random: Random) -> Story:
    """A story about which so many facts can be asked; others are thrown away."""
    while True:
        world = World({thing: random.choice(ROOMS) for thing in THINGS})
        count = random.randint(*LENGTHS[facts])
        sentences = tuple(happening(world, random, things=facts > 1) for _ in range(count))
        asked = questions(world, facts)
        if asked:
            return Story(sentences, *random.choice(asked))


def stories(facts: int, count: int, seed: int) -> list[Story]:
    """So many stories of which no two are the same."""
    random, found = Random(key(seed, "stories", facts)), dict[Story, None]()
    while len(found) < count:
        found[story(facts, random)] = None
    return list(found)


def dataset(facts: int, told: Sequence[Story]) -> la.Dataset:
    """The stories as tokens, and the rooms that answer them as classes."""
    rows = [[NUMBERS[word] for word in each.text().split()] for each in told]
    offsets = torch.tensor([0, *map(len, rows)]).cumsum(0)
    tokens = torch.tensor([token for row in rows for token in row])
    inputs = Ragged(tokens, la.Tokens(END_TOKEN + 1 + len(WORDS)), offsets=offsets)
    answers = Column(torch.tensor([ROOMS.index(each.answer) for each in told]), la.Label(len(ROOMS)))
    return la.Dataset(f"stories of {facts} facts", inputs, answers, ROOMS)


def trained(name: str, data: la.Dataset, asked: argparse.Namespace) -> dict[str, Any]:
    """What one net comes to on the stories of one task, of which the last test."""
    net = la.build(NETS[name], data.inputs.kind, data.target.kind, seed=asked.seed)
    rows = torch.arange(len(data))
    batches = Batches(data, rows[:-TESTS], asked.batch, asked.seed)
    steps = asked.epochs * batches.count
    optimizer = la.Adam(asked.rate)
    groups, losses, began = optimizer.start(net.named_parameters()), [0.0] * asked.epochs, time.monotonic()
    seen = islice(batches.from_step(0), steps)
    for step in la.fit(net, seen, optimizer, groups, lambda step: asked.rate * (1 - step / steps), clip=1.0):
        losses[step.epoch] += step.loss / batches.count
    measured = {
        part: la.evaluate(net, Batches(data, of, TESTS).epoch(0)).measures()["accuracy"]._asdict()
        for part, of in (("train", rows[:-TESTS]), ("test", rows[-TESTS:]))
    }
    return {
        "net": net.sentence(),
        "parameters": net.parameter_count(),
        "loss": [round(loss, 4) for loss in losses],
        "accuracy": measured,
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """Train all nets on each task, write the JSON, print a line of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stories", type=int, default=10_000, help="of each task, to train on")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.003, help="at first; it falls to 0 in a line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--facts", type=int, nargs="+", default=sorted(LENGTHS), choices=sorted(LENGTHS))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = {name: getattr(asked, name) for name in ("stories", "epochs", "batch", "rate", "seed")}
    tasks = list[dict[str, Any]]()
    for facts in asked.facts:
        told = stories(facts, asked.stories + TESTS, asked.seed)
        data, often = (
            dataset(facts, told),
            torch.tensor([ROOMS.index(each.answer) for each in told[-TESTS:]]).bincount(),
        )
        runs = list[dict[str, Any]]()
        tasks.append(
            {"facts": facts, "example": told[0]._asdict(), "accuracy_of_the_most_frequent": often.max().item() / TESTS}
        )
        for name in NETS:
            runs.append({"name": name, **trained(name, data, asked)})
            new, old = (runs[-1]["accuracy"][part]["value"] for part in ("test", "train"))
            print(f"{facts} facts  {name:12}  right: {new:.1%} of new stories, {old:.1%} of old ones", flush=True)
            result = {"command": "python -m experiments.stories --out docs/results", "data": "synthetic", **settings}
            tasks[-1]["runs"] = runs
            (asked.out / "stories.json").write_text(f"{json.dumps({**result, 'tasks': tasks}, indent=1)}\n")


if __name__ == "__main__":
    main()
