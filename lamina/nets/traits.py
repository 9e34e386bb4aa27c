"""What a net is like, as far as training and use depend on it."""

from __future__ import annotations

from torch import nn

from lamina.end import Sum
from lamina.kinds import Image, Table, Vector
from lamina.net import Net
from lamina.stage import Chain, Stage
from lamina.vocabulary import WORDS


def foreign(net: nn.Module) -> bool:
    """Whether a net holds stages that are no words of the vocabulary, so that its sentence cannot make it again."""
    stages = (part for part in net.modules() if isinstance(part, Stage) and not isinstance(part, (Chain, Sum)))
    return any(WORDS.get(stage.name()) is not type(stage) for stage in stages)


def recurrent(net: Net) -> bool:
    """Whether a net carries a state of one size from position to position, so that a text may be read in streams."""
    stages = [part for part in net.body.modules() if isinstance(part, Stage)]
    steady = net.body.looks_back() and not any(part.grows for part in stages)
    return steady and any(part.recurrent for part in stages)


def work_of(net: Net, examples: int) -> int | None:
    """The multiply-adds of so many examples; None where stages of the user's own, or lengths, leave it open."""
    if foreign(net) or not isinstance(net.given, Vector | Image | Table):
        return None
    return net.multiply_adds() * examples
