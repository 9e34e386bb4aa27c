"""Looking at a series from where it is now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamina.chance import multiplied
from lamina.errors import DataError, KindError
from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence, Vector
from lamina.layers.standardize import moments
from lamina.stage import Flow, Stage, expect


class FromLast(Stage):
    """h = (f((x - l) / r), l, r): what a stage makes of a series seen from its last value l, and where that view is.

    l is the last visible value of each of D columns, and r how far values of the training part typically lie from it,
    r² = mean of (x - l)², taken once before the first step. `Forecast` predicts l + r (W f + b) from them: whatever
    level the series has come to, the same past in relation to it gives the same future. Source: Zeng et al. 2023,
    section 3.3 (NLinear); Kim et al. 2022 (reversible instance normalisation, with each window's own deviation for r).

    Args:
        stage: f, from a `Sequence` to a `Vector`.
        columns: "apart" gives f each column alone, with the same weights for all, and `Forecast` forecasts each column
            from what f makes of it (Nie et al. 2023, section 3.1, "channel independence"); "together" gives it all.
        scale: "log" looks at ln x, for a series of positive values that grows by shares; with `Forecast('log')`.
    """

    learns: ClassVar[bool] = True

    stage: Stage
    columns: Literal["apart", "together"] = "apart"
    scale: Literal["linear", "log"] = "linear"

    def build(self, given: Kind) -> Kind:
        self.width = expect(self, given, Sequence).width
        apart = self.columns == "apart"
        gives = self.stage.build(Sequence(1) if apart else given)
        if not isinstance(gives, Vector):
            raise KindError(f"{self} needs a Vector of its stage, which gives {gives}; end that with Recent(96)")
        self.reach = nn.Buffer(torch.ones(self.width))
        return Vector(gives.size * (self.width if apart else 1) + 2 * self.width)

    def initialise(self, seed: int, following: Following) -> None:
        self.stage.initialise(seed, following)

    def following(self) -> Following | None:
        return self.stage.following()

    def learn(self, stream: Iterable[Flow]) -> None:
        mean, deviation = moments(x._replace(values=self.seen(x)[0]) for x in stream if isinstance(x, Padded))
        reach = (mean.square() + deviation.square()).sqrt()
        self.reach.copy_(reach.masked_fill(reach == 0, 1.0))

    def seen(self, x: Padded) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
        """The values from the last one, and that.

        Raises:
            DataError: if the logarithm is asked of what has none.
        """
        values = x.values
        if self.scale == "log":
            least = float(values[x.visible].min())
            if least <= 0:
                raise DataError(
                    f"{self.name()} takes the logarithm of a series, which must be above 0; the least is {least:g}; use"
                    " scale='linear'"
                )
            values = values.masked_fill(~x.visible[:, :, None], 1.0).log()
        rows = torch.arange(len(values), device=values.device)
        last = values[rows, x.visible.sum(1) - 1]  # (B, D)
        return values - last[:, None], last

    def looks_back(self) -> bool:
        return False

    def forward(self, x: Padded) -> Float[Tensor, "B H"]:
        values, last = self.seen(x)
        values = values / self.reach
        if self.columns == "together":
            features = self.stage(Padded(values, x.visible))
        else:
            columns = values.transpose(1, 2).flatten(0, 1)[:, :, None]  # (B D, T, 1)
            with multiplied(self.width):
                made = self.stage(Padded(columns, x.visible.repeat_interleave(self.width, 0)))
            features = made.reshape(len(values), -1)  # (B, D F)
        return torch.cat((features, last, self.reach.expand_as(last)), 1)

    def multiply_adds(self) -> int:
        return self.stage.multiply_adds() * (self.width if self.columns == "apart" else 1)
