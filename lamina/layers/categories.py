"""The categories of a table as vectors."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from lamina.chance import generator
from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import UNSEEN, Kind, Table, Vector
from lamina.layers.weights import new_rows
from lamina.settings import Count
from lamina.stage import Stage, expect


class Coded(Stage):
    """A stage after which a table's row is one vector: its numbers, and something for each category's value.

    Which values the training part has is learned before the first step. A value that it has fewer times than `enough()`
    says, or never, is one with all such values of its column.
    """

    learns: ClassVar[bool] = True
    follows_through: ClassVar[bool] = True

    def enough(self) -> int:
        """How often a value must occur in the training part to count as one of its own."""
        raise NotImplementedError(f"{self.name()} does not say when a value is rare")

    def places(self, given: Kind) -> Table:
        """Lay the codes of all categories out in one row of places."""
        given = expect(self, given, Table)
        if given.blanks:
            raise KindError(
                f"{self} cannot follow {given}, whose first {given.blanks} numbers may be blank; put Standardize()"
                " before it",
                cured=Table(given.numbers + given.blanks, given.categories),
            )
        self.count, self.categories = given.numbers, given.categories
        first = list(accumulate((0, *given.categories)))
        self.first = nn.Buffer(torch.tensor(first[:-1], dtype=torch.int64), persistent=False)
        self.known = nn.Buffer(torch.zeros(first[-1], dtype=torch.bool))
        return given

    def learn(self, stream: Iterable[Tensor]) -> None:
        seen = torch.zeros(len(self.known), dtype=torch.int64)
        for x in stream:
            seen += self.coded(x).flatten().bincount(minlength=len(self.known)).cpu()
        known = seen >= self.enough()
        known[self.first.cpu()] = False
        self.known.copy_(known)

    def coded(self, x: Float[Tensor, "B F"]) -> Int64[Tensor, "B K"]:
        """The place of each category's value."""
        return x[:, self.count :].long() + self.first

    def found(self, x: Float[Tensor, "B F"]) -> Int64[Tensor, "B K"]:
        """The place of each category's value where training knew it, else its column's place for the unseen."""
        coded = self.coded(x)
        return torch.where(self.known[coded], coded, self.first + UNSEEN)


class Categories(Coded):
    """A learned vector for the value of each category, beside the numbers: [x; E_1[c_1]; ...; E_K[c_K]].

    Source: Guo and Berkhahn 2016, "Entity embeddings of categorical variables". Vectors start normal with variance
    1 / width; that of the unseen starts at zero, and is trained by the values that are rarer than `least`.

    Args:
        width: the numbers in a vector.
        least: how often a value must occur in the training part to have a vector of its own.
    """

    width: Count
    least: Count = 3

    def enough(self) -> int:
        return self.least

    def build(self, given: Kind) -> Kind:
        table = self.places(given)
        self.weight = new_rows(self, given, sum(table.categories), self.width)
        return Vector(table.numbers + self.width * len(table.categories))

    def initialise(self, seed: int, following: Following) -> None:
        nn.init.normal_(self.weight, 0, self.width**-0.5, generator=generator(seed, self.place))
        with torch.no_grad():
            self.weight[self.first + UNSEEN] = 0.0

    def forward(self, x: Float[Tensor, "B F"]) -> Float[Tensor, "B D"]:
        vectors = F.embedding(self.found(x), self.weight).flatten(1)  # (B, K width)
        return torch.cat((x[:, : self.count], vectors), 1)


class OneHot(Coded):
    """The value of each category as a vector with a single 1, beside the numbers; all zeros for an unseen value.

    Args:
        least: how often a value must occur in the training part to have a place of its own.
    """

    least: Count = 3

    def enough(self) -> int:
        return self.least

    def build(self, given: Kind) -> Kind:
        table = self.places(given)
        return Vector(table.numbers + sum(table.categories))

    def forward(self, x: Float[Tensor, "B F"]) -> Float[Tensor, "B D"]:
        found = self.found(x)
        ones = x.new_zeros(len(x), len(self.known)).scatter_(1, found, 1.0)
        ones[:, self.first] = 0.0
        return torch.cat((x[:, : self.count], ones), 1)
