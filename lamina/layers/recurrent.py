"""Recurrent layers: Elman's, long short-term memory, gated recurrent units; onward, or in both directions."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from lamina.chance import generator, kept_mask, key
from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence, Vector
from lamina.layers.cell import Cell
from lamina.layers.over_time import mean
from lamina.layers.recurrence import Elman, Gated, LongShortTerm, Recurrence, Start
from lamina.settings import Bounds, Count, Fraction
from lamina.stage import Flow, Stage, State, expect


class Layered(Stage):
    """Recurrences one upon another: each layer reads what the one below gives.

    Dropout between them is that of Zaremba, Sutskever and Vinyals 2014, section 3.2: never along a row. They also drop
    before the first layer and behind the last, which here are `Dropout` stages of their own.
    """

    makes: ClassVar[type[Recurrence]]
    """What a layer is in one direction."""

    ways: ClassVar[int] = 1
    """In how many directions a layer reads."""

    width: Count
    layers: Annotated[int, Bounds(low=1, high=1_000)] = 1
    dropout: Fraction = 0.0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        if values["dropout"] == 0 or values["layers"] > 1:
            return []
        return [
            f"{cls.name()}: dropout works between layers, but layers=1, got dropout={values['dropout']}; set layers=2"
            " or more, or put Dropout() behind it"
        ]

    def build(self, given: Kind) -> Kind:
        inputs = expect(self, given, Sequence).width
        self.stack = nn.ModuleList()
        for _ in range(self.layers):
            self.stack.extend(self.makes(self, given, inputs, self.width) for _ in range(self.ways))
            inputs = self.ways * self.width
        return Sequence(inputs)

    def recurrences(self) -> list[Recurrence]:
        """Layer by layer, the directions of one side by side."""
        return [part for part in self.stack if isinstance(part, Recurrence)]

    def initialise(self, seed: int, following: Following) -> None:
        for number, recurrence in enumerate(self.recurrences()):
            recurrence.initialise(generator(seed, self.place, number))

    def dropped(self, h: Float[Tensor, "B T W"], layer: int) -> Float[Tensor, "B T W"]:
        """What layer number `layer` (from 0) reads of what the one below gives."""
        if not self.training or self.dropout == 0 or layer == 0:
            return h
        keep = kept_mask(h.shape, 1 - self.dropout, key(self.place, "layer", layer), h.device)
        return h * keep.to(h.dtype).mul_(1 / (1 - self.dropout))

    def depths(self) -> list[list[nn.Module | nn.Parameter]]:
        return [list(self.stack[first : first + self.ways]) for first in range(0, len(self.stack), self.ways)]

    def multiply_adds(self) -> int:
        return sum(recurrence.multiply_adds() for recurrence in self.recurrences())


class Onward(Layered, Cell):
    """A recurrence that reads from the first position on, so that it can go on and can write.

    Its state is a tuple of h (and c) for each layer. About a memory it begins with tanh(V m + b), for each layer and
    part of the state with its own V and b, where m is the memory's vector, or the mean over its visible positions.
    Source: Xu et al. 2015, section 3.1.2, who begin h and c so: an LSTM that begins with c = 0 would have to write all
    that it is to remember in its first step. The tanh keeps c within what one step can write.
    """

    recurrent: ClassVar[bool] = True

    def build(self, given: Kind) -> Kind:
        self.start: Start | None = None
        return super().build(given)

    def build_about(self, given: Sequence, memory: Vector | Sequence) -> Kind:
        gives = self.build(given)
        memory = expect(self, memory, Vector, Sequence)
        size = memory.size if isinstance(memory, Vector) else memory.width
        self.start = Start(self, memory, size, self.width, self.layers * self.makes.states)
        return gives

    def initialise(self, seed: int, following: Following) -> None:
        super().initialise(seed, following)
        if self.start is not None:
            self.start.initialise(generator(seed, self.place, "start"))

    def begin(self, memory: Flow) -> State:
        if self.start is None:
            raise KindError(f"{self} was built without a memory; make it with build_about to begin with one")
        parts, size = self.start(mean(memory) if isinstance(memory, Padded) else memory), self.makes.states
        return tuple(parts[first : first + size] for first in range(0, len(parts), size))

    def forward(self, x: Padded) -> Padded:
        return self.further(x, None)[0]

    def carry(self, x: Flow, state: State) -> tuple[Padded, State]:
        assert isinstance(x, Padded)
        return self.further(x, state)

    def further(self, x: Padded, state: State) -> tuple[Padded, State]:
        """All h_t of the uppermost layer, and the state behind the last position; None begins with zeros."""
        h, behind = x.values, list[State]()
        for layer, recurrence in enumerate(self.recurrences()):
            h, after = recurrence(self.dropped(h, layer), None if state is None else state[layer])
            behind.append(after)
        return x._replace(values=h), tuple(behind)


class BothWays(Layered):
    """A recurrence that reads onward and another that reads backward, side by side: y_t = [onward_t; backward_t].

    Source: Schuster and Paliwal 1997. Each layer reads both directions of the one below. Backward begins
    at the last visible position of each row.
    """

    ways: ClassVar[int] = 2

    def looks_back(self) -> bool:
        return False

    def forward(self, x: Padded) -> Padded:
        h, mirror, recurrences = x.values, mirrored(x.visible), self.recurrences()
        for layer, (ahead, back) in enumerate(zip(recurrences[::2], recurrences[1::2], strict=True)):
            h = self.dropped(h, layer)
            onward, _ = ahead(h, None)
            backward, _ = back(turned(h, mirror), None)
            h = torch.cat((onward, turned(backward, mirror)), -1)  # (B, T, 2 W)
        return x._replace(values=h)


def mirrored(visible: Bool[Tensor, "B T"]) -> Int64[Tensor, " BT"]:
    """Where each position comes from when the visible part of each row is turned round and the rest stays.

    Positions are counted through all rows. Turned round twice, everything is where it was.
    """
    rows, length = visible.shape
    count, place = visible.sum(1, keepdim=True), torch.arange(length, device=visible.device)
    source = torch.where(place < count, count - 1 - place, place)  # (B, T)
    return (source + length * torch.arange(rows, device=visible.device)[:, None]).flatten()


def turned(x: Float[Tensor, "B T D"], mirror: Int64[Tensor, " BT"]) -> Float[Tensor, "B T D"]:
    """The rows with their visible parts turned round."""
    # Whole rows of one table are picked and given back faster, in both passes, than by `gather` along an axis of three.
    return x.flatten(0, 1).index_select(0, mirror).view(x.shape)


class RNN(Onward):
    """h_t = tanh(W x_t + U h_t-1 + b), from h_0 = 0.

    Source: Elman 1990 (there with the logistic function in place of tanh). W starts by Glorot's rule, U orthogonal
    (Saxe, McClelland and Ganguli 2014), b at 0. Padding at the end of a row never matters.

    Args:
        width: the numbers of h_t.
        layers: how many recurrences stand one upon another, at most 1,000.
        dropout: between layers, in training: the probability that a number is dropped.

    Example:
        >>> import lamina as la
        >>> la.build(la.RNN(5) >> la.Last() >> la.Classify(), la.Sequence(3), la.Label(2)).parameter_count()
        57
    """

    makes: ClassVar[type[Recurrence]] = Elman


class LSTM(Onward):
    """Long short-term memory: c_t = f * c_t-1 + i * g and h_t = o * tanh(c_t), from h_0 = c_0 = 0.

    i, f, o = sigmoid(W x_t + U h_t-1 + b) and g = tanh(W x_t + U h_t-1 + b), each with its own W, U and b.

    Source: Hochreiter and Schmidhuber 1997; the forget gate f, Gers, Schmidhuber and Cummins 2000. Each W starts by
    Glorot's rule, each U orthogonal, b at 0, but at 1 in f, so that it remembers before it has learned what
    (Jozefowicz, Zaremba and Sutskever 2015). Gates do not look at c (no peepholes).

    With a span T, each number of c starts to remember for a time of its own, up to about T positions: b of f starts at
    ln(u) and that of i at -ln(u), u uniform in [1, T - 1] (Tallec and Ollivier 2018, section 3, eq. 16). Say it where
    what matters lies hundreds of positions back.

    Args:
        width: the numbers of h_t, and of c_t.
        layers: how many recurrences stand one upon another, at most 1,000.
        dropout: between layers, in training: the probability that a number is dropped.
        span: T, how many positions it is to remember for as it starts, at least 3; None for 1 in f.

    Example:
        >>> import lamina as la
        >>> la.build(la.LSTM(5) >> la.Last() >> la.Classify(), la.Sequence(3), la.Label(2)).parameter_count()
        192
    """

    makes: ClassVar[type[Recurrence]] = LongShortTerm

    span: Annotated[int, Bounds(low=3)] | None = None

    def initialise(self, seed: int, following: Following) -> None:
        super().initialise(seed, following)
        for number, recurrence in enumerate(self.recurrences()):
            if self.span is not None and isinstance(recurrence, LongShortTerm):
                recurrence.remember(self.span, generator(seed, self.place, "span", number))


class GRU(Onward):
    """Gated recurrent units: h_t = z * h_t-1 + (1 - z) * n, from h_0 = 0.

    r, z = sigmoid(W x_t + U h_t-1 + b) and n = tanh(W x_t + b + r * (U h_t-1 + d)), each with its own W, U and b.

    Source: Cho et al. 2014, eqs. 5 to 8. There r multiplies h_t-1 before U does; as in torch it comes behind U, so that
    one product with h_t-1 serves all gates. Each W starts by Glorot's rule, each U orthogonal, b and d at 0.

    Args:
        width: the numbers of h_t.
        layers: how many recurrences stand one upon another, at most 1,000.
        dropout: between layers, in training: the probability that a number is dropped.
    """

    makes: ClassVar[type[Recurrence]] = Gated


class BiRNN(BothWays):
    """`RNN` in both directions, side by side: y_t = [onward_t; backward_t]. Source: Schuster and Paliwal 1997.

    Args:
        width: the numbers of each direction; 2 width come out.
        layers: how many stand one upon another, at most 1,000; each reads both directions of the one below.
        dropout: between layers, in training: the probability that a number is dropped.
    """

    makes: ClassVar[type[Recurrence]] = Elman


class BiLSTM(BothWays):
    """`LSTM` in both directions, side by side: y_t = [onward_t; backward_t]. Source: Graves and Schmidhuber 2005.

    Args:
        width: the numbers of each direction; 2 width come out.
        layers: how many stand one upon another, at most 1,000; each reads both directions of the one below.
        dropout: between layers, in training: the probability that a number is dropped.
    """

    makes: ClassVar[type[Recurrence]] = LongShortTerm


class BiGRU(BothWays):
    """`GRU` in both directions, side by side: y_t = [onward_t; backward_t].

    Source: Bahdanau, Cho and Bengio 2015, A.2.1.

    Args:
        width: the numbers of each direction; 2 width come out.
        layers: how many stand one upon another, at most 1,000; each reads both directions of the one below.
        dropout: between layers, in training: the probability that a number is dropped.
    """

    makes: ClassVar[type[Recurrence]] = Gated
