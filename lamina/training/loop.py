"""The loop: a generator of steps. What happens between two steps is the body of the caller's `for`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lamina.carried import detached, joined, picked
from lamina.chance import drawing, own_noise
from lamina.data.batches import Batch
from lamina.kinds import Padded
from lamina.net import Net
from lamina.nets.traits import foreign
from lamina.stage import State
from lamina.training.optimizers import Group, Optimizer
from lamina.training.precision import Precision, computed_in

LARGE = 2**16
"""Numbers in a gradient from which on its norm is worth more than one core."""


class Step(NamedTuple):
    """What one update did.

    Attributes:
        number: the updates so far, this one included.
        epoch: the passes over the data before the one that it is in.
        loss: the batch's mean negative log-likelihood before the update, in nats.
        units: how many units (examples, tokens, ...) that mean runs over.
        gradient_norm: the length of the mean's gradient before clipping.
        rate: the learning rate.
        examples: the rows that it saw.
        applied: False if loss or gradient were not finite, so that nothing was changed.
    """

    number: int
    epoch: int
    loss: float
    units: int
    gradient_norm: float
    rate: float
    examples: Tensor
    applied: bool

    def trouble(self) -> str:
        """What is said of a step that was not applied."""
        rows = ", ".join(str(int(row)) for row in self.examples[:5])
        numbers = f"the loss is {self.loss:g} and its gradient has length {self.gradient_norm:g}"
        return f"step {self.number}: {numbers}; nothing was changed (examples {rows}, ...)"


class Carried:
    """What is handed from one batch of a stream to the next: the state of the net's body behind it."""

    def __init__(self, state: State = None) -> None:
        self.state = state


def fit(
    net: Net,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    groups: list[Group],
    rate: Callable[[int], float],
    *,
    seed: int = 0,
    done: int = 0,
    parts: int = 1,
    clip: float | None = None,
    carried: Carried | None = None,
    precision: Precision = "float32",
) -> Iterator[Step]:
    """Update the net once for each batch.

    The loss of an update is a sum over its batch, divided once by the batch's count: cutting it into parts changes the
    memory that it takes, and nothing else.

    A batch that goes on where the one before ended begins with the state that the net was in there, without its
    gradient: truncated back-propagation through time (Williams and Peng 1990).

    Args:
        net: trained in place; it must be in training mode whenever the generator is asked for the next step.
        batches: what each update sees.
        optimizer: the rule.
        groups: the parameters and the rule's state, from `optimizer.start(...)`.
        rate: the learning rate of an update, by the number of updates before it.
        seed: every draw (dropout and the like) follows from (seed, step, example).
        done: how many updates came before, when a run goes on.
        parts: into how many micro-batches each batch is cut, one after another.
        clip: the greatest length of the gradient; longer ones are scaled down to it (Pascanu et al. 2013, algorithm 1).
        carried: where the state behind the last batch is kept; one that holds a state goes on from there.
        precision: what products of matrices are computed in; see `lamina.training.precision`.
    """
    carried = Carried() if carried is None else carried
    parameters = [parameter for group in groups for parameter in group.parameters]
    strange = foreign(net)
    # Running statistics move in the forward pass, before it is known whether the step will count.
    statistics = list(net.buffers())
    before = [statistic.clone() for statistic in statistics]
    for number, batch in enumerate(batches, start=done + 1):
        for parameter in parameters:
            parameter.grad = None
        if statistics:
            torch._foreach_copy_(before, statistics)
        cut = pieces(batch, parts)
        state = carried.state if batch.position else None
        total, units, behind = differentiate(net, cut, seed, number, strange, state, precision)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if len(cut) > 1:
            torch._foreach_div_(gradients, units)
        norm = length(gradients)
        applied = math.isfinite(total) and math.isfinite(norm)
        now = rate(number - 1)
        if applied:
            if clip is not None and norm > clip:
                torch._foreach_mul_(gradients, clip / norm)
            optimizer.update(groups, now)
            carried.state = behind
        elif statistics:
            torch._foreach_copy_(statistics, before)
        # Held on to, they would send the next step's tensors to other, cold memory.
        del gradients, cut
        yield Step(number, batch.epoch, total / units, units, norm, now, batch.examples, applied)


def differentiate(
    net: Net,
    cut: list[Batch],
    seed: int,
    number: int,
    strange: bool,
    state: State = None,
    precision: Precision = "float32",
) -> tuple[float, int, State]:
    """Add up the gradients of the pieces of a batch: of their mean if it is whole, of their sum if it was cut.

    Returns:
        The sum of the loss, the units that it runs over, and the state behind the batch, if it is one of a stream.
    """
    total, units, behind = 0.0, 0, list[State]()
    first = 0
    for place, piece in enumerate(cut):
        draws = drawing(seed, number, piece.examples, piece.epoch)
        own = own_noise(seed, number, place) if strange else nullcontext()
        with draws, own, computed_in(precision, device_of(piece.target)):
            if piece.position is None:
                score = net.score(piece.inputs, piece.target)
            else:
                rows = torch.arange(first, first + len(piece.examples), device=piece.target.values.device)
                h, after = net.carried(piece.inputs, picked(state, rows) if len(cut) > 1 else state)
                score = net.end.score(h, piece.target)
                behind.append(detached(after))
                first += len(piece.examples)
        # The mean's gradient comes from the seed of the backward pass: no node for a division, nothing to do after.
        torch.autograd.backward(score.total, score.total.new_tensor(1 / score.count if len(cut) == 1 else 1.0))
        total, units = total + score.total.item(), units + score.count
    return total, units, joined(behind) if behind else None


def pieces(batch: Batch, parts: int) -> list[Batch]:
    """A batch cut into at most `parts` micro-batches of nearly equal size."""
    if parts == 1:
        return [batch]
    cuts = torch.arange(len(batch.examples)).tensor_split(min(parts, len(batch.examples)))
    return [
        batch._replace(inputs=narrow(batch.inputs, cut), target=narrow(batch.target, cut), examples=batch.examples[cut])
        for cut in cuts
    ]


def device_of(x: Any) -> torch.device:
    """Where a column of a batch stands, or several of them."""
    first = x.values if isinstance(x, Padded) else x
    return first.device if isinstance(first, Tensor) else device_of(first[0])


def narrow(x: Any, rows: Tensor) -> Any:
    """Some examples of a batch's column, or of several."""
    if isinstance(x, Padded):
        return Padded(x.values[rows], x.visible[rows])
    return x[rows] if isinstance(x, Tensor) else tuple(narrow(column, rows) for column in x)


def length(gradients: list[Tensor]) -> float:
    """The Euclidean norm of all gradients as one vector."""
    if not gradients:
        return 0.0
    # A product of a vector with itself runs on all cores, a norm on one: for large ones that is the shorter way.
    large = [gradient.view(-1) for gradient in gradients if gradient.numel() >= LARGE and gradient.is_contiguous()]
    small = [gradient for gradient in gradients if gradient.numel() < LARGE or not gradient.is_contiguous()]
    norms = [torch.dot(gradient, gradient).sqrt() for gradient in large]
    norms += torch._foreach_norm(small) if small else []
    # Gradients may stand on several devices; their norms come to one.
    return float(torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms])))
