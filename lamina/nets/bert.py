"""The encoder of BERT and its kin."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from lamina.chance import generator
from lamina.errors import DataError
from lamina.initialise import Following
from lamina.kinds import END_TOKEN, Kind, Padded, Sequence, Tokens
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.embed import Embed
from lamina.layers.norm import LayerNorm
from lamina.layers.positions import Positions
from lamina.layers.transformer import Transformer
from lamina.layers.weights import new_rows
from lamina.settings import Bounds, Count, Fraction, Natural, Positive
from lamina.stage import Stage, expect

SPREAD = 0.02
"""The standard deviation of first weights."""


class BERT(Stage):
    """h = Transformer(norm(E[x_t] + P[t] + S[s_t])): tokens that look at each other in both directions.

    A norm stands behind the sum of the three vectors, and behind each branch (`Transformer` with norm="after").
    Source: Devlin et al. 2019, section 3; DistilBERT (Sanh et al. 2019) is the same without S, MiniLM (Wang et al.
    2020) the same and narrower. Weights start normal with deviation 0.02 and biases at 0, as in their program (which
    draws anew what is beyond two deviations). Their dropout on the weights of attention is left out, see `MultiHead`.

    The segment s_t of a token follows from the tokens: it is 0 up to and with the first `END_TOKEN`, and 1 behind it.
    So a pair of texts is "<begin> one <end> other <end>" ([CLS] one [SEP] other [SEP] in the paper), and needs no
    column of segments beside it.

    Args:
        layers: how many, at most 1,000.
        heads: of attention; they must divide the width.
        width: of the vectors.
        hidden: the width between the two dense layers; 0 for 4 times the width.
        longest: the positions that P knows.
        segments: 2, or 0 for none.
        epsilon: of the norms, see `LayerNorm`.
        dropout: of the sum of the vectors and of what each branch gives, in training.

    Raises:
        DataError: for a row that has more positions than P knows.

    Example:
        >>> import lamina as la
        >>> net = la.build("BERT(6, 12, 384) >> First() >> Classify()", la.Tokens(30522), la.Label(2))
        >>> f"{net.parameter_count():,}"
        '22,566,146'
    """

    layers: Annotated[int, Bounds(low=1, high=1000)] = 12
    heads: Count = 12
    width: Count = 768
    hidden: Natural = 0
    longest: Count = 512
    segments: Literal[0, 2] = 2
    epsilon: Positive = 1e-12
    dropout: Fraction = 0.1

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        width, heads = values["width"], values["heads"]
        if width % heads == 0:
            return []
        return [f"BERT: width must be a multiple of heads, got width={width}, heads={heads}"]

    def build(self, given: Kind) -> Kind:
        given, gives = expect(self, given, Tokens), Sequence(self.width)
        self.embed, self.positions = Embed(self.width), Positions("learned", longest=self.longest)
        self.segment = new_rows(self, given, self.segments, self.width) if self.segments else None
        self.norm, self.drop = LayerNorm(self.epsilon), Dropout(self.dropout)
        self.encoder = Transformer(
            self.layers, self.heads, self.hidden, self.dropout, norm="after", epsilon=self.epsilon
        )
        self.embed.build(given)
        for stage in (self.positions, self.norm, self.drop, self.encoder):
            stage.build(gives)
        return gives

    @torch.no_grad()
    def initialise(self, seed: int, following: Following) -> None:
        for part in self.modules():
            if isinstance(part, Dense):
                part.weight.normal_(0, SPREAD, generator=generator(seed, part.place))
        tables = {"embed": self.embed.table, "positions": self.positions.weight, "segment": self.segment}
        for name, table in tables.items():
            if table is not None:
                table.normal_(0, SPREAD, generator=generator(seed, self.place, name))

    def looks_back(self) -> bool:
        return False

    def forward(self, x: Padded) -> Padded:
        if x.values.shape[1] > self.longest:
            raise DataError(
                f"{self} knows {self.longest} positions, got a text of {x.values.shape[1]} tokens;"
                f" read at most so many of each, with context={self.longest}"
            )
        h = self.positions(self.embed(x))
        if self.segment is not None:
            h = h._replace(values=h.values + nn.functional.embedding(segments_of(x.values), self.segment))
        return self.encoder(self.drop(self.norm(h)))  # type: ignore[no-any-return]

    def depths(self) -> list[list[nn.Module | nn.Parameter]]:
        vectors = [self.embed, self.positions, self.segment, self.norm]
        return [[part for part in vectors if part is not None], *self.encoder.depths()]

    def multiply_adds(self) -> int:
        return self.encoder.multiply_adds()


def segments_of(tokens: Int64[Tensor, "B T"]) -> Int64[Tensor, "B T"]:
    """0 up to and with the first token that ends a text, 1 behind it.

    >>> segments_of(torch.tensor([[1, 7, 2, 5, 2]]))
    tensor([[0, 0, 0, 1, 1]])
    """
    ends = (tokens == END_TOKEN).long()
    return (ends.cumsum(1) > ends).long()
