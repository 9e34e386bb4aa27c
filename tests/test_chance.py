"""Chance: the same draws for an example wherever it stands, unlike draws for all else, and the right share of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.chance import (
    GOLDEN,
    at_position,
    batch_random,
    drawing,
    generator,
    kept_mask,
    key,
    mixed,
    mixed_array,
    repeatable,
    signed,
    uniforms,
)
from lamina.kinds import Vector
from lamina.sentence import parse

CPU = torch.device("cpu")
whole = st.integers(-(2**63), 2**63 - 1)
natural = st.integers(0, 2**62)


def mask(
    examples: list[int],
    shape: tuple[int, ...] = (101,),
    keep: float = 0.5,
    seed: int = 0,
    step: int = 1,
    place: int = 0,
) -> torch.Tensor:
    with drawing(seed, step, torch.tensor(examples)):
        return kept_mask(torch.Size((len(examples), *shape)), keep, place, CPU)


@given(st.lists(natural, min_size=2, max_size=7), natural, natural, whole, st.sampled_from([(1,), (5,), (3, 2, 7)]))
@settings(max_examples=60)
def test_an_example_has_one_mask_in_every_batch(
    examples: list[int], seed: int, step: int, place: int, shape: tuple[int, ...]
) -> None:
    together = mask(examples, shape, 0.5, seed, step, place)
    for example, row in zip(examples, together, strict=True):
        assert torch.equal(mask([example], shape, 0.5, seed, step, place)[0], row)
    assert torch.equal(mask(examples[::-1], shape, 0.5, seed, step, place), together.flip(0))


@given(natural, natural, whole, natural)
@settings(max_examples=60)
def test_other_steps_seeds_places_and_examples_have_other_masks(seed: int, step: int, place: int, example: int) -> None:
    first = mask([example], seed=seed, step=step, place=place)
    others = [
        mask([example], seed=seed + 1, step=step, place=place),
        mask([example], seed=seed, step=step + 1, place=place),
        mask([example], seed=seed, step=step, place=place - 1),
        mask([example + 1], seed=seed, step=step, place=place),
    ]
    for other in others:  # of 101 fair bits 22 to 79 differ, but for one case in 10^8
        assert 21 < int((first ^ other).sum()) < 80


@pytest.mark.parametrize("keep", [0.001, 0.1, 0.5, 0.7, 0.999])
def test_the_share_that_is_kept_is_the_one_asked_for(keep: float) -> None:
    kept = mask(list(range(997)), (1009,), keep)
    count = kept.numel()
    bound = 5 * math.sqrt(count * keep * (1 - keep)) + count * 2**-16
    assert abs(int(kept.sum()) - count * keep) < bound


@pytest.mark.parametrize(("keep", "share"), [(1 - 1e-7, 1.0), (1e-7, 0.0)])
def test_a_share_close_to_all_or_none_keeps_almost_all_or_none(keep: float, share: float) -> None:
    assert mask(list(range(97)), (1009,), keep).float().mean().item() == pytest.approx(share, abs=1e-4)


def test_a_hint_of_dropout_drops_a_hint() -> None:
    stage = parse("Dropout(0.000001)").train()
    stage.build(Vector(11))
    with drawing(0, 1, torch.arange(7)):
        assert stage(torch.ones(7, 11)).mean().item() == pytest.approx(1, abs=0.02)


def correlation(one: torch.Tensor, two: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), two.flatten()]).float())[0, 1])


def test_masks_of_neighbours_are_independent() -> None:
    rows = list(range(1001))
    first = mask(rows, (101,))
    bound = 5 / math.sqrt(first.numel())
    assert abs(correlation(first[1:], first[:-1])) < bound  # neighbouring examples
    assert abs(correlation(first[:, 1:], first[:, :-1])) < bound  # neighbouring numbers of one example
    assert abs(correlation(first[:, 4:], first[:, :-4])) < bound  # those of neighbouring 64-bit draws
    assert abs(correlation(first[1:, 4:], first[:-1, :-4])) < bound
    assert abs(correlation(first, mask(rows, (101,), step=2))) < bound
    assert abs(correlation(first, mask(rows, (101,), seed=1))) < bound
    assert abs(correlation(first, mask(rows, (101,), place=1))) < bound


def test_outside_a_drawing_block_torchs_generator_is_used() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return kept_mask(torch.Size((5, 101)), 0.5, 0, CPU)

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))


def test_a_drawing_block_leaves_torchs_generator_alone_and_ends_where_it_ends() -> None:
    before = torch.get_rng_state()
    with drawing(0, 1, torch.arange(3)):
        outer = kept_mask(torch.Size((3, 101)), 0.5, 0, CPU)
        with pytest.raises(ZeroDivisionError), drawing(0, 2, torch.arange(3)):
            raise ZeroDivisionError
        assert torch.equal(kept_mask(torch.Size((3, 101)), 0.5, 0, CPU), outer)
    assert torch.equal(torch.get_rng_state(), before)
    kept_mask(torch.Size((3, 101)), 0.5, 0, CPU)
    assert not torch.equal(torch.get_rng_state(), before)


def test_keys_depend_on_every_part_and_on_where_parts_end() -> None:
    assert len({key("ab", "c"), key("a", "bc"), key("abc"), key("a", "b", "c")}) == 4
    assert generator("order", 3).initial_seed() == key("order", 3) & (2**63 - 1)


@given(st.lists(whole, min_size=1, max_size=5))
@settings(max_examples=60)
def test_torch_and_numpy_mix_alike(states: list[int]) -> None:
    by_torch = mixed(torch.tensor(states))
    by_numpy = mixed_array(torch.tensor(states).numpy().view(np.uint64))
    assert by_torch.tolist() == by_numpy.view(np.int64).tolist()


def test_the_mixer_is_splitmix64_as_published() -> None:
    # The first outputs of the generator that starts from 1234567, as its reference implementation prints them.
    states = (torch.arange(1, 6) * signed(GOLDEN)) + 1234567
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [value % 2**64 for value in mixed(states).tolist()] == published


def uniform(examples: list[int], count: int = 5, step: int = 1, each: str = "step", **more: int) -> torch.Tensor:
    with drawing(more.get("seed", 0), step, torch.tensor(examples), more.get("epoch", 0)):
        return uniforms(len(examples), count, more.get("place", 0), CPU, each)  # type: ignore[arg-type]


@given(st.lists(natural, min_size=2, max_size=7), natural, natural, whole)
@settings(max_examples=60)
def test_an_example_has_the_same_numbers_in_every_batch(examples: list[int], seed: int, step: int, place: int) -> None:
    together = uniform(examples, step=step, seed=seed, place=place)
    for example, row in zip(examples, together, strict=True):
        assert torch.equal(uniform([example], step=step, seed=seed, place=place)[0], row)
    assert torch.equal(uniform(examples, 3, step=step, seed=seed, place=place), together[:, :3])


def test_numbers_spread_evenly_from_0_to_below_1() -> None:
    drawn = uniform(list(range(1009)), 101)
    assert 0 <= drawn.min() < 1e-4
    assert 1 - 1e-4 < drawn.max() < 1
    shares = torch.histc(drawn, bins=10, min=0, max=1) / drawn.numel()
    assert (shares - 0.1).abs().max() < 5 * math.sqrt(0.09 / drawn.numel())
    assert abs(correlation(drawn[:, 1:], drawn[:, :-1])) < 5 / math.sqrt(drawn.numel())


def test_numbers_change_with_the_step_unless_they_are_for_the_run() -> None:
    first = uniform([3, 5])
    others = [uniform([3, 5], step=2), uniform([3, 5], seed=1), uniform([3, 5], place=1), uniform([5, 3])]
    assert not any(torch.equal(first, other) for other in others)
    assert torch.equal(first, uniform([3, 5], epoch=1))
    kept = uniform([3, 5], each="run")
    assert torch.equal(kept, uniform([3, 5], step=2, each="run"))
    assert not torch.equal(kept, first)
    assert not torch.equal(kept, uniform([3, 5], seed=1, each="run"))


def test_a_batchs_own_numbers_follow_from_the_step_and_its_first_example() -> None:
    def drawn(examples: list[int], step: int = 1, place: int = 0) -> float:
        with drawing(0, step, torch.tensor(examples)):
            return float(batch_random(place).random())

    assert drawn([3, 5]) == drawn([3, 7, 9])
    assert len({drawn([3, 5]), drawn([5, 3]), drawn([3, 5], step=2), drawn([3, 5], place=1)}) == 4


def test_in_a_repeatable_block_draws_can_be_asked_for_again() -> None:
    torch.manual_seed(0)
    with repeatable(3):
        first, again = uniforms(3, 2, 0, CPU), uniforms(3, 2, 0, CPU)
    assert torch.equal(first, again)
    with repeatable(3):
        assert not torch.equal(uniforms(3, 2, 0, CPU), first)
    with drawing(0, 1, torch.tensor([7, 5, 3])), repeatable(3):
        assert torch.equal(uniforms(3, 2, 0, CPU), uniform([7, 5, 3], 2))
    assert not torch.equal(uniforms(3, 2, 0, CPU), uniforms(3, 2, 0, CPU))


def test_each_position_of_rows_met_one_by_one_has_draws_of_its_own_and_the_first_those_of_the_rows() -> None:
    with drawing(0, 1, torch.arange(3)):
        found = []
        for position in (0, 1, 2, 1):
            with at_position(position):
                found.append(uniforms(3, 5, 7, CPU))
        assert torch.equal(uniforms(3, 5, 7, CPU), found[0])
    assert torch.equal(found[1], found[3])
    assert len({tuple(row) for draws in found for row in draws.tolist()}) == 9
    with at_position(2):  # without a loop there is nothing to count
        assert uniforms(3, 5, 7, CPU).shape == (3, 5)
