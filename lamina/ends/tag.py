"""The end that says something of each word."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.chance import generator
from lamina.end import End, Score
from lamina.ends.vocabulary_head import scored, spread_out
from lamina.initialise import Following, Rule, fill
from lamina.kinds import Kind, Padded, Sequence, Tags
from lamina.layers.weights import new_weight
from lamina.metrics import SpanTally, TagTally, TokenTally
from lamina.settings import Fraction
from lamina.stage import expect


class Tagged(NamedTuple):
    """The most probable class at each position, and the logarithm of its probability."""

    label: Int64[Tensor, "B T"]
    log_probability: Float[Tensor, "B T"]


class Tag(End):
    """p(y_t | h_t) = softmax(h_t W^T + b): a categorical distribution over classes at each position that has a tag.

    Its loss is the cross-entropy of all tags, in nats. Source: Collobert et al. 2011, section 3.4 (word-level
    log-likelihood); of parts of words the first carries the tag of the word (Devlin et al. 2019, section 5.3).

    Args:
        smoothing: s of training: (1 - s) on the tag plus s spread over all (Szegedy et al. 2016, section 7).
        init: how W is drawn; see `lamina.initialise`.

    Example:
        >>> import lamina as la
        >>> net = la.build("Embed(5) >> BiLSTM(7) >> Tag()", la.Tokens(11), la.Tags(3))
        >>> net.gives
        Sequence(3)
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Tags,)

    smoothing: Fraction = 0.0
    init: Rule = "auto"

    def build(self, given: Kind) -> Kind:
        given, classes = expect(self, given, Sequence), self.aimed_at(Tags).classes
        self.weight = new_weight(self, given, classes, given.width)
        self.offset = new_weight(self, given, classes)
        return Sequence(classes)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, self.init, following, generator(seed, self.place))

    def forward(self, h: Padded) -> Padded:
        return h._replace(values=F.linear(h.values, self.weight, self.offset))  # (B, T, C)

    def score(self, h: Padded, target: Padded) -> Score:
        found = scored(h.values, target)
        smoothing = self.smoothing if self.training else 0.0
        logits = F.linear(found.h, self.weight, self.offset)  # (N, C)
        nats = F.cross_entropy(logits, found.tokens, reduction="sum", label_smoothing=smoothing)
        return Score(nats, len(found.tokens))

    def predict(self, h: Padded) -> Tagged:
        best = F.log_softmax(self(h).values, -1).max(-1)
        return Tagged(best.indices, best.values)

    def tally(self, h: Padded, target: Padded) -> TagTally:
        found, kind = scored(h.values, target), self.aimed_at(Tags)
        logs = F.log_softmax(F.linear(found.h, self.weight, self.offset), -1)
        label, nats = logs.argmax(-1), -logs.gather(1, found.tokens[:, None]).squeeze(1)
        tokens = TokenTally.of(
            spread_out(nats, target.visible), spread_out(label == found.tokens, target.visible), target.visible
        )
        if not kind.roles:
            return TagTally(tokens, tokens.count)
        return SpanTally.of(tokens, label, found.tokens, target.visible, torch.tensor(kind.roles))

    def sample(self, h: Padded, random: torch.Generator) -> Int64[Tensor, "B T"]:
        """A class of each position, drawn from p."""
        p = F.softmax(self(h).values, -1)
        return p.flatten(0, 1).multinomial(1, generator=random).view(p.shape[:2])

    def multiply_adds(self) -> int:
        return self.weight.numel()
