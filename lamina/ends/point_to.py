"""The end of nets whose answer is a stretch of what they read."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from lamina.chance import generator
from lamina.end import End, Score
from lamina.initialise import Following, Rule, fill
from lamina.kinds import Kind, Padded, Sequence, Span
from lamina.layers.weights import new_weight
from lamina.metrics import PointedTally
from lamina.settings import Count
from lamina.stage import expect


class Pointed(NamedTuple):
    """How much speaks for each position as the first of the answer, and as the last; -inf where none may be seen.

    Only differences within a row mean anything. See `lamina.answering` for the answers that follow.
    """

    first: Float[Tensor, "B T"]
    last: Float[Tensor, "B T"]


class PointTo(End):
    """p(i, j | h) = softmax(h w)_i softmax(h v)_j: where an answer begins and where it ends.

    The softmaxes run over the positions of the passage, and position 0, which stands for "no answer here"; the target
    says where the passage is, see `lamina.kinds.Span`. The loss is the mean of the two cross-entropies: a sum of both,
    over two units a row. Source: Devlin et al. 2019, section 4.2 and (for no answer) 4.3. Two departures: their
    softmaxes run over the question too, which no answer is in; and there is no offset, which a softmax over positions
    would not notice.

    Args:
        longest: the most tokens of an answer when one is looked for; training does not mind.
        least: by how many nats the best answer must beat "no answer" to be given, ln p(i, j) - ln p(0, 0) > least;
            "auto" for what suits the validation part best when training has ended, 0 until then (see
            `lamina.unanswered`); None where every question has an answer, so that one is always given.
        init: how w and v are drawn; see `lamina.initialise`.

    Example:
        >>> import lamina as la
        >>> net = la.build("BERT(2, 2, 8) >> PointTo()", la.Tokens(100), la.Span())
        >>> net.end.weight.shape
        torch.Size([2, 8])
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Span,)

    longest: Count = 30
    least: float | Literal["auto"] | None = None
    init: Rule = "auto"

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Sequence)
        self.weight = new_weight(self, given, 2, given.width)
        if self.least == "auto":
            self.chosen = nn.Buffer(torch.zeros(()))
        return Sequence(2)

    @property
    def bar(self) -> float | None:
        """The nats by which an answer must beat none; None if one is always given."""
        return self.chosen.item() if self.least == "auto" else self.least

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, self.init, following, generator(seed, self.place))

    def forward(self, h: Padded) -> Padded:
        return h._replace(values=F.linear(h.values, self.weight))  # (B, T, 2)

    def nats(self, h: Padded, target: Int64[Tensor, "B 4"]) -> Float[Tensor, "B T 2"]:
        """-ln p of each position as the first and as the last of the answer; inf where no answer may stand."""
        # In float32, whatever the products were computed in: exponentials of many positions are added up.
        logits = self(h).values.float().masked_fill(~allowed(h.visible, target)[..., None], -torch.inf)
        return -F.log_softmax(logits, 1)

    def score(self, h: Padded, target: Int64[Tensor, "B 4"]) -> Score:
        due = self.nats(h, target).gather(1, target[:, None, :2])  # (B, 1, 2)
        return Score(due.sum(), 2 * len(target))

    def predict(self, h: Padded) -> Pointed:
        logits = self(h).values.float().masked_fill(~h.visible[..., None], -torch.inf)
        return Pointed(*logits.unbind(-1))

    def sample(self, h: Padded, random: torch.Generator) -> Int64[Tensor, "B 4"]:
        """A target of each row, drawn from p where all that is visible is the passage; first and last alone."""
        p = torch.stack(self.predict(h), 1).softmax(-1)  # (B, 2, T)
        drawn = p.flatten(0, 1).multinomial(1, generator=random).view(-1, 2)
        return torch.cat((drawn, torch.zeros_like(drawn[:, :1]), h.visible.sum(1, keepdim=True) - 1), 1)

    def tally(self, h: Padded, target: Int64[Tensor, "B 4"]) -> PointedTally:
        nats = self.nats(h, target)
        due = nats.gather(1, target[:, None, :2]).squeeze(1)  # (B, 2)
        return PointedTally.of(due.mean(1), (nats.argmin(1) == target[:, :2]).all(1))

    def multiply_adds(self) -> int:
        return self.weight.numel()


def allowed(visible: Bool[Tensor, "B T"], target: Int64[Tensor, "B 4"]) -> Bool[Tensor, "B T"]:
    """Where an answer may stand: in the passage, and at position 0 for none."""
    places = torch.arange(visible.shape[1], device=visible.device)
    passage = (places >= target[:, 2, None]) & (places <= target[:, 3, None])
    return visible & (passage | (places == 0))
