"""States that stages carry from position to position: nested tuples of tensors (examples first), numbers and None.

Two parts are of a kind of their own: what is `Held`, and what has `Grown`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.stage import State

AXIS = 2
"""Along which positions grow: examples and heads come before them."""


class Room:
    """Memory for positions, the first so many of which are taken."""

    __slots__ = ("memory", "taken")

    def __init__(self, memory: Tensor, taken: int) -> None:
        self.memory, self.taken = memory, taken


class Grown:
    """A part of a state with one tensor for all positions so far, (B, H, P, K), behind which others are put.

    In inference they are put into memory that has room for more, so that what is there is not copied each time. Several
    states may go on from the same positions: the first to do so takes the room behind them, any other one of its own.

    Attributes:
        seen: the positions.
    """

    __slots__ = ("room", "seen")

    def __init__(self, seen: Tensor, room: Room | None = None) -> None:
        self.seen, self.room = seen, room

    def behind(self, further: Float[Tensor, "B H T K"]) -> Grown:
        """These positions and further ones behind them."""
        if not torch.is_inference_mode_enabled():  # gradients need what was there, as it was
            return Grown(torch.cat((self.seen, further), AXIS))
        count, room = self.seen.shape[AXIS], self.room
        after = count + further.shape[AXIS]
        if room is None or room.taken != count or room.memory.shape[AXIS] < after:
            room = Room(self.seen.new_empty((*self.seen.shape[:AXIS], 2 * after, self.seen.shape[-1])), count)
            room.memory.narrow(AXIS, 0, count).copy_(self.seen)
        room.memory.narrow(AXIS, count, after - count).copy_(further)
        room.taken = after
        return Grown(room.memory.narrow(AXIS, 0, after), room)


class Held(NamedTuple):
    """A part of a state that stays as it is however far a net goes on: the memory that it looks at.

    All hypotheses about an example share it.
    """

    state: State


def mapped(function: Callable[[Tensor], Tensor], state: State) -> State:
    """The state with a function applied to each tensor of it."""
    if isinstance(state, Tensor):
        return function(state)
    if isinstance(state, Grown):
        return Grown(function(state.seen))
    if not isinstance(state, tuple):
        return state
    return tuple_of(state, [mapped(function, part) for part in state])


def picked(state: State, rows: Int64[Tensor, " N"]) -> State:
    """The state of some examples, in this order; one may come several times."""
    return mapped(lambda tensor: tensor.index_select(0, rows), state)


def rearranged(state: State, rows: Int64[Tensor, " N"], examples: Int64[Tensor, " M"] | None = None) -> State:
    """The state of hypotheses in another order, or of some of them; one may come several times.

    Args:
        state: of hypotheses; what is held in it is of their examples.
        rows: the hypotheses.
        examples: those whose hypotheses are left; None for all. Hypotheses stay with their example.
    """
    if isinstance(state, Held):
        return state if examples is None else picked(state, examples)
    if isinstance(state, tuple):
        return tuple_of(state, [rearranged(part, rows, examples) for part in state])
    return picked(state, rows)


def tuple_of(like: tuple[Any, ...], parts: Sequence[Any]) -> tuple[Any, ...]:
    """A tuple of these parts, with the names that another has."""
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def detached(state: State) -> State:
    """The state cut off from what it was computed by: gradients end there, as truncation asks."""
    return mapped(Tensor.detach, state)


def joined(states: Sequence[State]) -> State:
    """The states of parts of a batch as that of the whole."""
    if len(states) == 1:
        return states[0]
    return _joined(states, [count_of(state) for state in states])


def _joined(states: Sequence[State], counts: Sequence[int]) -> State:
    first = states[0]
    known = next((state for state in states if isinstance(state, Tensor)), None)
    if known is not None:
        # A mask is left out of a part that it would hide nothing of.
        alike = zip(states, counts, strict=True)
        return torch.cat([known.new_ones(n, *known.shape[1:]) if part is None else part for part, n in alike])
    if isinstance(first, Grown):
        return Grown(torch.cat([state.seen for state in states]))
    if not isinstance(first, tuple):
        return first
    return tuple_of(first, [_joined(alike, counts) for alike in zip(*states, strict=True)])


def count_of(state: State) -> int:
    """The examples that a state is of; 0 where it does not say."""
    if isinstance(state, Grown):
        state = state.seen
    if isinstance(state, tuple):
        return max(map(count_of, state), default=0)
    return len(state) if isinstance(state, Tensor) else 0


def taken_apart(state: State) -> tuple[Any, dict[str, Tensor]]:
    """A state as JSON and tensors by name, so that a checkpoint can hold it.

    >>> taken_apart((None, (torch.zeros(2), 7)))
    ([None, [{'tensor': '0'}, 7]], {'0': tensor([0., 0.])})
    """
    tensors = dict[str, Tensor]()

    def plain(part: State) -> Any:
        if isinstance(part, Grown):
            return {"grown": plain(part.seen)}
        if isinstance(part, Tensor):
            name = str(len(tensors))
            tensors[name] = part
            return {"tensor": name}
        return [plain(inner) for inner in part] if isinstance(part, tuple) else part

    return plain(state), tensors


def put_together(plain: Any, tensors: dict[str, Tensor]) -> State:
    """The state that `taken_apart` took apart; what had named fields is a plain tuple now.

    >>> put_together([None, [{'tensor': '0'}, 7]], {'0': torch.zeros(2)})
    (None, (tensor([0., 0.]), 7))
    """
    if isinstance(plain, dict):
        return Grown(put_together(plain["grown"], tensors)) if "grown" in plain else tensors[plain["tensor"]]
    return tuple(put_together(part, tensors) for part in plain) if isinstance(plain, list) else plain
