"""The end that writes: a text about what a net has read."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.carried import Held
from lamina.chance import generator, kept_mask, key
from lamina.end import End, Score
from lamina.ends.vocabulary_head import Head, scored, spread_out, writable
from lamina.errors import KindError
from lamina.initialise import Following, fill
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Kind, Padded, Sequence, Tokens, Vector
from lamina.layers.attention import Attention
from lamina.layers.cell import Cell
from lamina.layers.embed import Embed
from lamina.layers.weights import new_weight
from lamina.metrics import SentenceTally
from lamina.search import Found, greedy
from lamina.settings import Count, Fraction, Natural
from lamina.stage import Chain, Flow, Stage, State, expect, links

AHEAD = 50
"""By how many tokens an answer may be longer than what it is about."""


class Written(NamedTuple):
    """What is written about each example, up to its end, and ln p of it."""

    tokens: Padded
    log_probability: Float[Tensor, " B"]


class Writing(NamedTuple):
    """The state of writing, behind some tokens.

    Attributes:
        before: of the stages before the cell.
        cell: of the cell.
        memory: what attention looks at, made ready, as `Held`; None without.
        seen: what was given last, to look with; None where attention comes behind the cell.
    """

    before: State
    cell: State
    memory: Any
    seen: Tensor | None


class Write(End):
    """p(y | h) = product over t of softmax(W o_t + b)_{y_t}; o_t is from a cell that reads y_1 .. y_t-1 and looks at h.

    In training the cell reads the true tokens (teacher forcing, Williams and Zipser 1989). Without attention o_t is
    what the cell gives, which begins with what it is about (Sutskever, Vinyals and Le 2014), or looks at it
    by itself, as `Transformer` does. With attention `Additive` a context c_t is looked up by what the cell gave before,
    and the cell reads it beside the token (Bahdanau, Cho and Bengio 2015, section 3.1 and A.2.2); with `Dot` and
    `Bilinear` by what it gives now (Luong, Pham and Manning 2015, section 3). Then o_t = tanh(V [s_t; c_t]). With
    `Summary` c_t is the same at each step, and is read beside the token (Cho et al. 2014, section 2.2).

    Args:
        cell: `LSTM`, `GRU`, `RNN`, `Transformer`; or a chain that ends in one, as in Positions() >> Transformer().
        attend: how the cell looks at h; None where it does so itself, or has h as its beginning.
        width: the numbers of a token's vector; 0 for as many as h has.
        dropout: of the tokens' vectors and of o_t, in training.
        smoothing: s of training: (1 - s) on the token plus s spread over all (Szegedy et al. 2016, section 7).
        tied: whether W is the table of the tokens' vectors too (Press and Wolf 2017); o_t must be as wide.
        longest: the most tokens that `predict` writes; of what has positions, no more than these and 50 (Vaswani et al.
            2017, section 6.1), so that a net that has not learned to end stops.

    Example:
        >>> import lamina as la
        >>> sentence = "Embed(8) >> BiLSTM(8) >> Write(LSTM(8), attend=Additive(8))"
        >>> la.build(sentence, la.Tokens(11), la.Tokens(13)).gives
        Sequence(13)
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Tokens,)

    cell: Stage
    attend: Attention | None = None
    width: Natural = 0
    dropout: Fraction = 0.0
    smoothing: Fraction = 0.0
    tied: bool = False
    longest: Count = 100

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # What is built is a copy beside the words: the cell at the end of a chain is built otherwise than the others.
        self.__dict__["cell"] = self._modules.pop("cell")
        self.__dict__["attend"] = self._modules.pop("attend", None)

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        last = links(values["cell"])[-1]
        if not isinstance(last, Cell):
            return [f"Write needs a cell that goes on token by token, such as LSTM(256), got {last}"]
        before = links(values["cell"])[:-1]
        return [f"{stage} looks ahead and cannot write" for stage in before if not stage.looks_back()]

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Sequence, Vector)
        vocabulary = self.aimed_at(Tokens).vocabulary
        *before, cell = (stage.fresh() for stage in links(self.cell))
        size = given.size if isinstance(given, Vector) else given.width
        self.embed = Embed(self.width or size)
        self.before = Chain(before)
        reads = self.before.build(self.embed.build(Tokens(vocabulary)))
        assert isinstance(reads, Sequence)
        assert isinstance(cell, Cell)
        self.looks = None
        if self.attend is not None and not self.attend.steady and isinstance(given, Vector):
            raise KindError(
                f"{self} looks at positions, but is given {given}; leave Last() and the like out before it, or say"
                " attend=Summary()"
            )
        if self.attend is not None and self.attend.fed:
            reads = Sequence(reads.width + size)
        self.writer = cell
        gives = cell.build_about(reads, given)
        assert isinstance(gives, Sequence)
        out = gives.width
        if self.attend is not None:
            self.looks = self.attend.fresh()
            context = self.looks.build_about(gives, Sequence(size))
            self.mix = new_weight(self, given, gives.width, gives.width + context.size)
        if self.tied and self.embed.width != out:
            raise KindError(f"{self} is tied: set width={out}, as wide as what {cell} gives, or leave tied out")
        self.head = Head(self, given, out, vocabulary, self.embed if self.tied else None)
        return Sequence(vocabulary)

    def initialise(self, seed: int, following: Following) -> None:
        self.embed.initialise(seed, "linear")
        self.before.initialise(seed, "linear")
        self.writer.initialise(seed, "linear")
        if self.looks is not None:
            self.looks.initialise(seed, "linear")
            fill(self.mix, "auto", "tanh", generator(seed, self.place, "mix"))
        self.head.initialise("auto", "linear", generator(seed, self.place))

    def begin(self, h: Flow) -> Writing:
        """The state before the first token."""
        if self.looks is None:
            return Writing(None, self.writer.begin(h), None, None)
        positions = h if isinstance(h, Padded) else Padded(h[:, None], h.new_ones(len(h), 1, dtype=torch.bool))
        seen = positions.values.new_zeros(len(positions.values), 1, self.mix.shape[0]) if self.one_by_one else None
        return Writing(None, self.writer.begin(h), Held(self.looks.prepare(positions)), seen)

    @property
    def one_by_one(self) -> bool:
        """Whether each step reads what the step before looked up."""
        return self.looks is not None and self.looks.fed and not self.looks.steady

    def further(self, tokens: Int64[Tensor, "B T"], state: Writing) -> tuple[Float[Tensor, "B T D"], Writing]:
        """o behind further tokens, and the state there."""
        visible = torch.ones_like(tokens, dtype=torch.bool)
        vectors = self.embed(Padded(tokens, visible)).values
        x, before = self.before.carry(Padded(self.dropped(vectors, 0), visible), state.before)
        assert isinstance(x, Padded)
        if self.looks is None:
            given, cell = self.stepped(x, state.cell)
            return self.dropped(given, 1), Writing(before, cell, None, None)
        if self.one_by_one:
            given, context, cell = self.stepwise(x, state)
        elif self.looks.steady:
            context, _ = self.looks.look(x.values, state.memory.state)
            given, cell = self.stepped(x._replace(values=torch.cat((x.values, context), -1)), state.cell)
        else:
            given, cell = self.stepped(x, state.cell)
            context, _ = self.looks.look(given, state.memory.state)
        seen = given[:, -1:] if self.one_by_one else None
        o = torch.tanh(F.linear(torch.cat((given, context), -1), self.mix))
        return self.dropped(o, 1), Writing(before, cell, state.memory, seen)

    def stepped(self, x: Padded, state: State, place: int = 0) -> tuple[Float[Tensor, "B T D"], State]:
        """What the cell gives from position `place` on, and its state."""
        out, behind = self.writer.carry_at(x, state, place)
        assert isinstance(out, Padded)
        return out.values, behind

    def stepwise(self, x: Padded, state: Writing) -> tuple[Tensor, Tensor, State]:
        """What the cell gives, and the contexts, where each step looks with what the step before gave."""
        cell, seen, given, contexts = state.cell, state.seen, list[Tensor](), list[Tensor]()
        assert seen is not None
        assert self.looks is not None
        for place in range(x.values.shape[1]):
            context, _ = self.looks.look(seen, state.memory.state)
            both = torch.cat((x.values[:, place : place + 1], context), -1)
            seen, cell = self.stepped(Padded(both, x.visible[:, :1]), cell, place)
            given.append(seen)
            contexts.append(context)
        return torch.cat(given, 1), torch.cat(contexts, 1), cell

    def dropped(self, x: Tensor, which: int) -> Tensor:
        """Dropout, in training; each of its two places has noise of its own."""
        if not self.training or self.dropout == 0:
            return x
        keep = kept_mask(x.shape, 1 - self.dropout, key(self.place, "dropout", which), x.device)
        return x * keep.to(x.dtype).mul_(1 / (1 - self.dropout))

    def taught(self, h: Flow, target: Padded) -> Float[Tensor, "B T D"]:
        """o_t for each token of the target, given those before it."""
        begin = torch.full_like(target.values[:, :1], BEGIN_TOKEN)
        read = torch.cat((begin, target.values[:, :-1]), 1)
        return self.further(read, self.begin(h))[0]

    def forward(self, h: Flow) -> Padded:
        """The logits of the first token, (B, 1, V): those further on depend on what is written."""
        first = torch.full(
            (len(h.values if isinstance(h, Padded) else h), 1), BEGIN_TOKEN, device=self.head.offset.device
        )
        out, _ = self.further(first, self.begin(h))
        return Padded(self.head(out), torch.ones_like(first, dtype=torch.bool))

    def score(self, h: Flow, target: Padded) -> Score:
        found = scored(self.taught(h, target), target)
        smoothing = self.smoothing if self.training else 0.0
        nats = F.cross_entropy(self.head(found.h), found.tokens, reduction="sum", label_smoothing=smoothing)
        return Score(nats, len(found.tokens))

    def step(self, newest: Int64[Tensor, " B"], state: State) -> tuple[Float[Tensor, "B V"], State]:
        """The logits behind one more token of each row, for `lamina.search`; what is no text is never written."""
        out, state = self.further(newest[:, None], state)
        return writable(self.head(out[:, 0])), state

    def searched(self, h: Flow) -> Found:
        """The likeliest token at each place."""
        return greedy(self.step, beginnings(h), self.begin(h), self.limit(h), END_TOKEN)

    def limit(self, h: Flow) -> Int64[Tensor, " B"]:
        """The most tokens that are written about each example: `longest`, or as many as were read and `AHEAD` more."""
        if not isinstance(h, Padded):
            return torch.full_like(beginnings(h), self.longest)
        return (h.visible.sum(1) + AHEAD).clamp(max=self.longest)

    def predict(self, h: Flow) -> Written:
        found = self.searched(h)
        return Written(found.best(), found.log_probability[:, 0])

    def tally(self, h: Flow, target: Padded) -> SentenceTally:
        found = scored(self.taught(h, target), target)
        logits, visible = self.head(found.h), target.visible
        nats = F.cross_entropy(logits, found.tokens, reduction="none")
        right = logits.argmax(-1) == found.tokens
        return SentenceTally.of(spread_out(nats, visible), spread_out(right, visible), visible)

    def multiply_adds(self) -> int:
        mixed = 0 if self.looks is None else self.mix.numel() + self.looks.multiply_adds()
        return self.before.multiply_adds() + self.writer.multiply_adds() + mixed + self.head.multiply_adds()


def beginnings(h: Flow) -> Int64[Tensor, " B"]:
    """The token that stands before the first, for each row of h."""
    values = h.values if isinstance(h, Padded) else h
    return torch.full((len(values),), BEGIN_TOKEN, device=values.device)
