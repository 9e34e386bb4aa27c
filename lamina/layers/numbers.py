"""What the stages share that encode the numbers of a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lamina.kinds import Table
from lamina.stage import Stage


class Encoder(Stage):
    """A stage that encodes the numbers of a table, each by itself, and hands the codes of categories on.

    A blank has the code 0 in every place, and a flag beside the numbers: 1 where it was blank. Only columns that the
    kind says may be blank have a flag; one that is blank by surprise counts as the column's usual number.
    """

    def remember(self, given: Table) -> Table:
        """Remember where the numbers of a table end and which may be blank."""
        self.count, self.blanks, self.codes = given.numbers, given.blanks, given.categories
        return given

    def widened(self, width: int) -> Table:
        """The kind that comes out where each number becomes `width` of them."""
        return Table(self.count * width + self.blanks, self.codes)

    def encoded(self, numbers: Float[Tensor, "B N"]) -> Float[Tensor, "B M"]:
        """The encoding of numbers, none of them blank."""
        raise NotImplementedError(f"{self.name()} does not say how it encodes")

    def usual(self) -> Float[Tensor, " N"]:
        """What each number counts as where it is blank by surprise."""
        raise NotImplementedError(f"{self.name()} does not say what is usual")

    def beside_codes(self, x: Float[Tensor, "B F"]) -> Float[Tensor, "B G"]:
        """The encoded numbers, the flags, and the codes."""
        if not self.count:
            return x
        numbers = x[:, : self.count]
        blank = numbers.isnan()
        # Filled before a weight meets it: NaN has no slope. Where a blank has a flag, its code is taken out again.
        codes = self.encoded(torch.where(blank, self.usual(), numbers)).reshape(len(x), self.count, -1)  # (B, N, M / N)
        flagged = blank[:, : self.blanks]
        first = codes[:, : self.blanks].masked_fill(flagged[:, :, None], 0.0)
        pieces = (first.flatten(1), codes[:, self.blanks :].flatten(1), flagged.to(x.dtype), x[:, self.count :])
        return torch.cat(pieces, 1)  # (B, M + blanks + K)


def observed(stream: Iterable[Any], count: int) -> Iterable[Tensor]:
    """The first `count` columns of each batch: the numbers of a table."""
    return (x[:, :count] for x in stream)
