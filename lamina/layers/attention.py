"""How a decoder looks at a memory: weights over its positions, and their mean."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from lamina.chance import generator
from lamina.errors import KindError
from lamina.initialise import Following, fill
from lamina.kinds import Kind, Padded, Sequence, Vector
from lamina.layers.weights import new_weight
from lamina.settings import Count
from lamina.stage import Stage, State


class Prepared(NamedTuple):
    """A memory, made ready to be looked at many times.

    Attributes:
        keys: what a query is compared with.
        values: what is looked up: the memory itself.
        visible: which positions may be looked at; None for all.
    """

    keys: Float[Tensor, "B S K"]
    values: Float[Tensor, "B S M"]
    visible: Bool[Tensor, "B S"] | None


def hiding(visible: Bool[Tensor, "B S"]) -> Bool[Tensor, "B S"] | None:
    """The mask of what may be looked at; None where nothing is hidden, so that none is needed."""
    return None if bool(visible.all()) else visible


class Attention(Stage):
    """c_t = sum over s of a_ts h_s, with a_t = softmax(score(q_t, h_1), ..., score(q_t, h_S)).

    It goes into `Write(..., attend=...)`. A kind of attention says what its keys are and how they score.
    """

    fed: ClassVar[bool]
    """True where the context is fed into the cell before its step, so that steps go one by one; False where the cell's
    outputs do the looking, at all positions at once."""

    steady: ClassVar[bool] = False
    """True where the context does not depend on the query: it may be of one vector, and all steps are taken at once."""

    def build(self, given: Kind) -> Kind:
        raise KindError(f"{self} is no stage of a chain: it goes into the end, as in Write(LSTM(256), attend={self})")

    def build_about(self, query: Sequence, memory: Sequence) -> Vector:
        """Make the parameters for queries and a memory of these kinds, and say what a context is.

        Raises:
            KindError: if they cannot be compared.
        """
        raise NotImplementedError(f"{self.name()} does not say what it builds")

    def keys(self, memory: Float[Tensor, "B S M"]) -> Float[Tensor, "B S K"]:
        """What queries are compared with."""
        return memory

    def scores(self, query: Float[Tensor, "B T D"], keys: Float[Tensor, "B S K"]) -> Float[Tensor, "B T S"]:
        """How well each key suits each query."""
        return query @ keys.transpose(1, 2)

    def prepare(self, memory: Padded) -> Prepared:
        """Project the memory, once for all queries."""
        return Prepared(self.keys(memory.values), memory.values, hiding(memory.visible))

    def look(
        self, query: Float[Tensor, "N T D"], prepared: State
    ) -> tuple[Float[Tensor, "N T M"], Float[Tensor, "N T S"]]:
        """The context of each query, and the weights that it is made with: exactly 0 at hidden positions.

        About a row of which nothing may be looked at, all weights and the context are 0.

        Args:
            query: of the memory's rows; or of several hypotheses about each, which stand one behind the other.
            prepared: the memory, see `prepare`.
        """
        keys, values, visible = prepared
        asked, length = query.shape[:2]
        # Hypotheses about one example look at its memory side by side, as positions of one row.
        scores = self.scores(query.view(len(keys), -1, query.shape[2]), keys)
        if visible is not None:
            # The least finite number, for a softmax over nothing but -inf is nan.
            scores = scores.masked_fill(~visible[:, None], torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1)
        weights = weights if visible is None else weights.masked_fill(~visible[:, None], 0.0)
        return (weights @ values).view(asked, length, -1), weights.view(asked, length, -1)

    def multiply_adds(self) -> int:
        return sum(weight.numel() for weight in self.parameters())


class Additive(Attention):
    """score(q, h) = v^T tanh(W q + U h).

    Source: Bahdanau, Cho and Bengio 2015, appendix A.1.2. They start with v = 0 and W, U near 0; here all are drawn so
    that W q, U h and the score vary by about 1, and learn from the first step on.

    Args:
        width: the size of v.
    """

    fed: ClassVar[bool] = True

    width: Count

    def build_about(self, query: Sequence, memory: Sequence) -> Vector:
        self.query_weight = new_weight(self, query, self.width, query.width)
        self.key_weight = new_weight(self, memory, self.width, memory.width)
        self.score_weight = new_weight(self, query, 1, self.width)
        return Vector(memory.width)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.query_weight, "auto", "tanh", generator(seed, self.place, "query"))
        fill(self.key_weight, "auto", "tanh", generator(seed, self.place, "key"))
        fill(self.score_weight, "auto", "linear", generator(seed, self.place, "score"))

    def keys(self, memory: Float[Tensor, "B S M"]) -> Float[Tensor, "B S K"]:
        return F.linear(memory, self.key_weight)

    def scores(self, query: Float[Tensor, "B T D"], keys: Float[Tensor, "B S K"]) -> Float[Tensor, "B T S"]:
        both = F.linear(query, self.query_weight)[:, :, None] + keys[:, None]  # (B, T, S, K)
        return F.linear(both.tanh_(), self.score_weight).squeeze(-1)


class Dot(Attention):
    """score(q, h) = q^T h.

    Source: Luong, Pham and Manning 2015, equation 8, "dot".
    """

    fed: ClassVar[bool] = False

    def build_about(self, query: Sequence, memory: Sequence) -> Vector:
        if query.width != memory.width:
            raise KindError(
                f"{self} compares {query} with {memory}: they must be as wide;"
                f" take Bilinear(), or a cell that gives {memory}"
            )
        return Vector(memory.width)


class Bilinear(Attention):
    """score(q, h) = q^T W h.

    Source: Luong, Pham and Manning 2015, equation 8, "general".
    """

    fed: ClassVar[bool] = False

    def build_about(self, query: Sequence, memory: Sequence) -> Vector:
        self.weight = new_weight(self, memory, query.width, memory.width)
        return Vector(memory.width)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, "auto", "linear", generator(seed, self.place))

    def keys(self, memory: Float[Tensor, "B S M"]) -> Float[Tensor, "B S K"]:
        return F.linear(memory, self.weight)


class Summary(Attention):
    """c_t = (1/S) sum over s of h_s, the same at each step: what was read as a whole, which the cell need not remember.

    Of one vector, as `Last()` gives it, c_t is that vector: the decoder of the plain encoder-decoder, which reads c
    beside each token. Source: Cho et al. 2014, section 2.2 and appendix A.1.2.
    """

    fed: ClassVar[bool] = True
    steady: ClassVar[bool] = True

    def build_about(self, query: Sequence, memory: Sequence) -> Vector:
        return Vector(memory.width)

    def scores(self, query: Float[Tensor, "B T D"], keys: Float[Tensor, "B S K"]) -> Float[Tensor, "B T S"]:
        return query.new_zeros(*query.shape[:2], keys.shape[1])
