"""States that stages carry from position to position: nested tuples of tensors (examples first), numbers and None."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.stage import State


class Held(NamedTuple):
    """A part of a state that stays as it is however far a net goes on: the memory that it looks at.

    All hypotheses about an example share it.
    """

    state: State


def mapped(function: Callable[[Tensor], Tensor], state: State) -> State:
    """The state with a function applied to each tensor of it."""
    if isinstance(state, Tensor):
        return function(state)
    if not isinstance(state, tuple):
        return state
    return tuple_of(state, [mapped(function, part) for part in state])


def picked(state: State, rows: Int64[Tensor, " N"]) -> State:
    """The state of some examples, in this order; one may come several times."""
    return mapped(lambda tensor: tensor.index_select(0, rows), state)


def rearranged(state: State, rows: Int64[Tensor, " N"]) -> State:
    """The state of hypotheses in another order, each still about the example that stood there: what is held stays."""
    if isinstance(state, Held):
        return state
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    return tuple_of(state, [rearranged(part, rows) for part in state]) if isinstance(state, tuple) else state


def tuple_of(like: tuple[Any, ...], parts: Sequence[Any]) -> tuple[Any, ...]:
    """A tuple of these parts, with the names that another has."""
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def detached(state: State) -> State:
    """The state cut off from what it was computed by: gradients end there, as truncation asks."""
    return mapped(Tensor.detach, state)


def joined(states: Sequence[State]) -> State:
    """The states of parts of a batch as that of the whole."""
    first = states[0]
    if len(states) == 1:
        return first
    if isinstance(first, Tensor):
        return torch.cat(list(states))
    if not isinstance(first, tuple):
        return first
    return tuple_of(first, [joined(alike) for alike in zip(*states, strict=True)])


def taken_apart(state: State) -> tuple[Any, dict[str, Tensor]]:
    """A state as JSON and tensors by name, so that a checkpoint can hold it.

    >>> taken_apart((None, (torch.zeros(2), 7)))
    ([None, [{'tensor': '0'}, 7]], {'0': tensor([0., 0.])})
    """
    tensors = dict[str, Tensor]()

    def plain(part: State) -> Any:
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
        return tensors[plain["tensor"]]
    return tuple(put_together(part, tensors) for part in plain) if isinstance(plain, list) else plain
