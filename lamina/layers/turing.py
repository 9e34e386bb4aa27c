"""The neural Turing machine: a recurrence with a memory that it reads and writes by attention."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.chance import generator
from lamina.initialise import Following, fill
from lamina.kinds import Kind, Padded, Sequence
from lamina.layers.recurrence import LongShortTerm
from lamina.layers.weights import new_rows, new_weight
from lamina.settings import Count
from lamina.stage import Flow, Stage, State, expect

EPSILON = 1e-8
"""Added to the lengths that a cosine divides by."""
LEAST = 1e-16
"""Added to a weight whose logarithm is taken; less than what float32 tells from 0 in a weighting of any use."""
BLANK = 1e-6
"""What stands in a new memory."""
AT_FIRST = 5.0
"""The logarithm of how much more a new head weighs the first slot than all others together."""


class Focus(NamedTuple):
    """What the heads are to look for, each head with its own.

    Attributes:
        key: k, compared with the slots.
        strength: beta > 0, how sharply the most similar slots stand out.
        gate: g in (0, 1), how much of the weighting comes from the content, against the position before.
        shift: s, how much of the weighting moves by -S, ..., S slots; sums to 1.
        sharpness: gamma > 1, the power that undoes the blur of the shift.
    """

    key: Float[Tensor, "B H K"]
    strength: Float[Tensor, "B H 1"]
    gate: Float[Tensor, "B H 1"]
    shift: Float[Tensor, "B H P"]
    sharpness: Float[Tensor, "B H 1"]


class Turing(Stage):
    """y_t = [h_t; r_t]: an LSTM's h_t beside what its heads read of a memory, r_t = sum_i w_t(i) M_t(i).

    The LSTM (the controller) reads [x_t; r_t-1]. An affine map of h_t says what each head looks for: keys as they come,
    strengths by softplus, gates by the logistic function, shifts by softmax, sharpness by 1 + softplus. So the heads
    move their weightings over the slots. Then those that write erase (by the logistic function) and add (by tanh), and
    the others read what has become of the memory.

    Source: Graves, Wayne and Danihelka 2014, "Neural Turing machines", section 3, equations 1 to 9; each equation is a
    function below. Left open there, and so here: all heads compare with M_t-1, as writing heads must, in one product;
    what is added goes through tanh, so that one step writes no more than an LSTM says. A new memory is a
    small constant everywhere (Collier and Beel 2018, "Implementing neural Turing machines", who found it to learn
    faster than a random or a learned one); the first weightings and the first r are parameters. All heads begin at one
    slot, the first: what is written from there on in steps of a shift is then found again by the same steps, and
    copying is learnt in hundreds of updates, not in tens of thousands.

    Args:
        width: the numbers of h_t; width + heads * size come out.
        slots: N, the rows of the memory.
        size: the numbers of a slot.
        heads: how many heads read, and as many others write.
        shift: S, the most slots that a weighting moves at one position, in both directions; at most (slots - 1) / 2.

    Example:
        >>> import lamina as la
        >>> la.build(la.Turing(5, slots=7, size=3) >> la.Last() >> la.Classify(), la.Sequence(2), la.Label(2)).gives
        Vector(2)
    """

    recurrent: ClassVar[bool] = True

    width: Count
    slots: Count = 128
    size: Count = 20
    heads: Count = 1
    shift: Count = 1

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        slots, shift = values["slots"], values["shift"]
        if 2 * shift < slots:
            return []
        return [
            f"Turing: shift={shift} moves a weighting to {2 * shift + 1} places, got slots={slots};"
            f" give it {2 * shift + 1} slots or more"
        ]

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Sequence)
        seen = self.heads * self.size
        self.controller = LongShortTerm(self, given, given.width + seen, self.width)
        self.parts = (self.size, 2, 1, 2 * self.shift + 1)
        asked = 2 * self.heads * sum(self.parts) + 2 * seen
        self.weight = new_weight(self, given, asked, self.width)
        self.offset = new_weight(self, given, asked)
        self.first_weighting = new_rows(self, given, 2 * self.heads, self.slots)
        self.first_read = new_weight(self, given, seen)
        return Sequence(self.width + seen)

    def initialise(self, seed: int, following: Following) -> None:
        self.controller.initialise(generator(seed, self.place, "controller"))
        fill(self.weight, "auto", "linear", generator(seed, self.place, "heads"))
        nn.init.zeros_(self.first_weighting)
        nn.init.constant_(self.first_weighting[:, 0], math.log(self.slots) + AT_FIRST)

    def begin(self, rows: int) -> State:
        """The state before the first position, of so many rows: h, c, the memory, the weightings, and what was read."""
        zeros = self.offset.new_zeros(rows, self.width)
        memory = self.offset.new_full((rows, self.slots, self.size), BLANK)
        weighting = self.first_weighting.softmax(-1).expand(rows, -1, -1)
        return zeros, zeros, memory, weighting, self.first_read.expand(rows, -1)

    def forward(self, x: Padded) -> Padded:
        return self.carry(x, None)[0]

    def carry(self, x: Flow, state: State) -> tuple[Padded, State]:
        assert isinstance(x, Padded)
        state, found = self.begin(len(x.values)) if state is None else state, list[Tensor]()
        for here in x.values.unbind(1):
            state = self.step(here, state)
            found.append(torch.cat((state[0], state[-1]), -1))
        return x._replace(values=torch.stack(found, 1)), state  # (B, T, W + R)

    def step(self, x: Float[Tensor, "B D"], state: State) -> State:
        """The state behind one more position."""
        h, c, memory, weighting, seen = state
        _, (h, c) = self.controller(torch.cat((x, seen), -1)[:, None], (h, c))
        focus, erase, add = self.asked(h)
        weighting = addressed(memory, weighting, focus)
        reading, writing = weighting.chunk(2, 1)
        memory = written(memory, writing, erase, add)
        return h, c, memory, weighting, read(memory, reading).flatten(1)

    def asked(
        self, h: Float[Tensor, "B W"]
    ) -> tuple[Focus, Float[Tensor, "B {self.heads} K"], Float[Tensor, "B {self.heads} K"]]:
        """What all heads look for, those that read first; what the writing heads erase, and what they add."""
        of_heads = 2 * self.heads
        said = F.linear(h, self.weight, self.offset).to(self.offset.dtype)
        focus, change = said.tensor_split([of_heads * sum(self.parts)], -1)
        key, two, gate, shift = torch.split(focus.view(len(h), of_heads, -1), list(self.parts), -1)  # (B, 2 H, .)
        strength, power = F.softplus(two).chunk(2, -1)
        erase, add = change.view(len(h), 2, self.heads, -1).unbind(1)  # (B, H, K)
        return Focus(key, strength, gate.sigmoid(), shift.softmax(-1), 1 + power), erase.sigmoid(), add.tanh()

    def multiply_adds(self) -> int:
        """The controller, the map for the heads, and per slot: compare, erase, add and read, and the shift."""
        per_slot = self.heads * (5 * self.size + 2 * (2 * self.shift + 1))
        return self.controller.multiply_adds() + self.weight.numel() + self.slots * per_slot


def addressed(memory: Float[Tensor, "B N K"], before: Float[Tensor, "B H N"], focus: Focus) -> Float[Tensor, "B H N"]:
    """w_t: each head's weighting over the slots, by content, then by location.

    Source: Graves et al. 2014, figure 2. As equation 1 asks, no weight is below 0 and those of a head sum to 1.

    Args:
        memory: M_t-1.
        before: w_t-1.
        focus: what the heads look for.
    """
    content = by_content(memory, focus.key, focus.strength)
    gated = torch.lerp(before, content, focus.gate)  # equation 7: w^g = g w^c + (1 - g) w_t-1
    return sharpened(shifted(gated, focus.shift), focus.sharpness)


def similarity(memory: Float[Tensor, "B N K"], key: Float[Tensor, "B H K"]) -> Float[Tensor, "B H N"]:
    """K(u, v) = u . v / (|u| |v|), the cosine of each key and each slot; 0 where one of them is 0.

    Source: Graves et al. 2014, equation 6.
    """
    lengths = torch.linalg.vector_norm(key, dim=-1, keepdim=True) * torch.linalg.vector_norm(memory, dim=-1)[:, None]
    cosine: Tensor = key @ memory.transpose(1, 2) / (lengths + EPSILON)
    return cosine


def by_content(
    memory: Float[Tensor, "B N K"], key: Float[Tensor, "B H K"], strength: Float[Tensor, "B H 1"]
) -> Float[Tensor, "B H N"]:
    """w^c(i) = exp(beta K(k, M(i))) / sum_j exp(beta K(k, M(j))).

    Source: Graves et al. 2014, equation 5.
    """
    return (strength * similarity(memory, key)).softmax(-1)


def shifted(weighting: Float[Tensor, "B H N"], shift: Float[Tensor, "B H P"]) -> Float[Tensor, "B H N"]:
    """w~(i) = sum_j w^g(j) s(i - j), slots counted in a circle.

    Source: Graves et al. 2014, equation 8.

    Args:
        weighting: w^g.
        shift: s(-S), ..., s(S).
    """
    places = shift.shape[-1]
    reach = places // 2
    circle = torch.cat((weighting[..., -reach:], weighting, weighting[..., :reach]), -1)
    around = circle.unfold(-1, places, 1)  # (B, H, N, P): at i, w(i - S) to w(i + S)
    return (around @ shift.flip(-1)[..., None]).squeeze(-1)


def sharpened(weighting: Float[Tensor, "B H N"], sharpness: Float[Tensor, "B H 1"]) -> Float[Tensor, "B H N"]:
    """w(i) = w~(i)^gamma / sum_j w~(j)^gamma, as softmax(gamma log w~), where no power of all weights comes to 0.

    Source: Graves et al. 2014, equation 9.
    """
    return (sharpness * (weighting + LEAST).log()).softmax(-1)


def read(memory: Float[Tensor, "B N K"], weighting: Float[Tensor, "B H N"]) -> Float[Tensor, "B H K"]:
    """r = sum_i w(i) M(i), of each head.

    Source: Graves et al. 2014, equation 2.
    """
    return weighting @ memory


def written(
    memory: Float[Tensor, "B N K"],
    weighting: Float[Tensor, "B H N"],
    erase: Float[Tensor, "B H K"],
    add: Float[Tensor, "B H K"],
) -> Float[Tensor, "B N K"]:
    """M~_t(i) = M_t-1(i) (1 - w(i) e), then M_t(i) = M~_t(i) + w(i) a. Of several heads all erase before any adds.

    Source: Graves et al. 2014, equations 3 and 4.
    """
    for weights, gone in zip(weighting.unbind(1), erase.unbind(1), strict=True):
        memory = memory * (1 - weights[:, :, None] * gone[:, None])
    return torch.baddbmm(memory, weighting.transpose(1, 2), add)
