"""The generators of experiments: stories are true to their text, rows of the copy task show what they ask for."""

from __future__ import annotations

import math
from random import Random

import pytest
import torch

from experiments.copying import NETS, built, copying, paid
from experiments.stories import (
    DROPS,
    GOES,
    LENGTHS,
    NUMBERS,
    ROOMS,
    TAKES,
    WORDS,
    Story,
    World,
    dataset,
    happening,
    questions,
    stories,
)
from lamina.kinds import END_TOKEN, Label, Tokens

each_task = pytest.mark.parametrize("facts", [1, 2, 3])


def answered(sentences: tuple[str, ...], question: str) -> str:
    """The answer from the text alone: the rooms that the thing was handled in, and those that its holder went to.

    It keeps no world, and shares nothing with the generator but the words.
    """
    read = [sentence.split() for sentence in sentences]

    def room_of(person: str, before: int) -> str:
        return next(words[-1] for words in reversed(read[:before]) if words[0] == person and words[-1] in ROOMS)

    asked = question.split()
    if len(asked) == 4:  # where is mary ?
        return room_of(asked[2], len(read))
    thing = asked[3]  # where is/was the milk
    carrying, trail = "", list[str]()
    for place, words in enumerate(read):
        said = " ".join(words[1:-2])
        if words[-1] == thing:
            carrying = words[0] if said in TAKES else ""
            trail.append(room_of(words[0], place))
        elif words[0] == carrying and words[-1] in ROOMS:
            trail.append(words[-1])
    if "before" not in asked:
        return trail[-1]
    rooms = [room for number, room in enumerate(trail) if number == 0 or trail[number - 1] != room]
    return rooms[rooms.index(asked[-2]) - 1]


@each_task
def test_a_thousand_stories_are_answered_alike_from_their_text_alone(facts: int) -> None:
    for told in stories(facts, 1_000, seed=7):
        assert answered(told.sentences, told.question) == told.answer, told.text()


@each_task
def test_stories_have_the_lengths_and_questions_of_their_task(facts: int) -> None:
    told = stories(facts, 500, seed=3)
    fewest, most = LENGTHS[facts]
    assert {len(each.sentences) for each in told} <= set(range(fewest, most + 1))
    assert {len(each.question.split()) for each in told} == {{1: 4, 2: 5, 3: 8}[facts]}
    assert {each.answer for each in told} == set(ROOMS)
    handled = any(verb in sentence for each in told for sentence in each.sentences for verb in (*TAKES, *DROPS))
    assert handled == (facts > 1)


def test_stories_follow_from_their_seed_and_no_two_are_the_same() -> None:
    one, again, other = stories(1, 300, seed=0), stories(1, 300, seed=0), stories(1, 300, seed=1)
    assert one == again
    assert one != other
    assert len(set(one)) == 300
    assert stories(1, 200, seed=0) == one[:200]


def test_what_is_carried_goes_along_and_what_is_dropped_stays() -> None:
    world = World({"apple": "office", "football": "garden", "milk": "office"})
    world.go("mary", "office")
    assert world.lying("office") == ["apple", "milk"]
    world.take("mary", "milk")
    world.go("mary", "garden")
    world.go("john", "garden")
    world.drop("milk")
    world.go("mary", "kitchen")
    assert world.rooms == {"apple": "office", "football": "garden", "milk": "garden"}
    world.take("john", "milk")
    world.go("john", "office")
    assert world.trails == {"milk": ["office", "garden", "office"]}
    assert questions(world, 1) == [("where is mary ?", "kitchen"), ("where is john ?", "office")]
    assert questions(world, 2) == [("where is the milk ?", "office")]
    # It has been in the office twice: what came before is asked of the garden alone.
    assert questions(world, 3) == [("where was the milk before the garden ?", "office")]


def test_nobody_takes_what_is_elsewhere_or_goes_where_they_are() -> None:
    random = Random(5)
    for _ in range(50):
        world = World({"apple": "office", "football": "garden", "milk": "office"})
        for _ in range(30):
            before, carried, rooms = dict(world.people), dict(world.holders), dict(world.rooms)
            words = happening(world, random, things=True).split()
            said = " ".join(words[1:-2])
            if said in GOES:
                assert words[-1] != before.get(words[0])
            elif said in TAKES:
                assert words[-1] not in carried
                assert rooms[words[-1]] == before[words[0]]
            else:
                assert carried[words[-1]] == words[0]


def test_a_dataset_holds_the_words_of_the_stories_and_their_answers() -> None:
    told = [Story(("mary went to the garden",), "where is mary ?", "garden"), *stories(3, 5, seed=0)]
    data = dataset(3, told)
    assert data.inputs.kind == Tokens(len(WORDS) + 3)
    assert data.target.kind == Label(6)
    x = data.inputs.gather(torch.arange(6))
    names = {number: word for word, number in NUMBERS.items()}
    for each, row, visible in zip(told, x.values, x.visible, strict=True):
        assert " ".join(names[number] for number in row[visible].tolist()) == each.text()
    assert x.values[0, 5] == END_TOKEN
    assert [ROOMS[label] for label in data.target.values] == [each.answer for each in told]


def test_a_row_of_the_copy_task_shows_its_bits_then_a_delimiter_then_nothing() -> None:
    x, bits = copying(3, 5, torch.Generator().manual_seed(0))
    assert x.values.shape == (5, 7, 9)
    assert bits.shape == (5, 3, 8)
    assert torch.equal(x.values[:, :3, :8], bits)
    assert x.values[:, 3].tolist() == [[0] * 8 + [1]] * 5
    assert not x.values[:, :3, 8].any()
    assert not x.values[:, 4:].any()
    assert bits.unique().tolist() == [0, 1]


def test_knowing_nothing_costs_a_bit_for_each_bit_and_knowing_all_nothing() -> None:
    bits = torch.tensor([[[0.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]]])
    assert paid(torch.zeros(3, 1, 2), bits).item() == pytest.approx(2)
    assert paid(torch.where(bits == 1, 50.0, -50.0), bits).item() == pytest.approx(0)
    # p = 3/4 for every one: log2(4/3) where it is, 2 bits where it is none.
    ones = torch.full((3, 1, 2), math.log(3))
    assert paid(ones, bits).item() == pytest.approx((3 * math.log2(4 / 3) + 3 * 2) / 3)


@pytest.mark.parametrize("name", list(NETS))
def test_nets_of_the_copy_task_give_the_logits_of_eight_bits(name: str) -> None:
    x, _ = copying(2, 3, torch.Generator().manual_seed(0))
    one, again, other = (built(name, seed)(x).values for seed in (0, 0, 1))
    assert one.shape == (3, 5, 8)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
