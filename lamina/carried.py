"""States that stages carry from position to position: nested tuples of tensors (examples first), numbers and None."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.stage import State


def mapped(function: Callable[[Tensor], Tensor], state: State) -> State:
    """The state with a function applied to each tensor of it."""
    if isinstance(state, Tensor):
        return function(state)
    if not isinstance(state, tuple):
        return state
    parts = [mapped(function, part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def picked(state: State, rows: Int64[Tensor, " N"]) -> State:
    """The state of some examples, in this order; one may come several times."""
    return mapped(lambda tensor: tensor.index_select(0, rows), state)


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
    parts = [joined(alike) for alike in zip(*states, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


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
