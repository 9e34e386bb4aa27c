"""Why a sentence cannot become a net, as far as its stages alone show it: misplaced, too many, or too large."""

from __future__ import annotations

from torch import nn

from lamina.end import End, Sum
from lamina.errors import KindError
from lamina.kinds import Kind
from lamina.layers.augment.mix import mixing_misfits
from lamina.layers.compose import Repeat
from lamina.layers.gaussian import drawing_misfits
from lamina.layers.towers import Towers
from lamina.layers.weights import memory_bytes
from lamina.stage import Chain, Stage, parts
from lamina.table import parameter_count

MOST_STAGES = 100_000


def chain_misfits(body: list[Stage], end: Stage, target: Kind) -> list[str]:
    """What stands in the wrong place of the main chain, whatever flows there."""
    mistakes = [f"{early} is an end and must stand last" for early in body if isinstance(early, End)]
    mistakes += mixing_misfits(body, target)
    mistakes += drawing_misfits(body, end, isinstance(end, End) and end.restores)
    return mistakes + [text for link in (*body, end) for text in hidden_misfits(link)]


def hidden_misfits(link: Stage) -> list[str]:
    """What a link of the main chain holds that would not be asked there for what it does beside `forward`."""
    inner = [part for part in parts(link) if part is not link]
    texts = [(part, "learns from the data as it comes") for part in inner if part.learns and not isinstance(link, Sum)]
    texts += [(part, "adds to the loss") for part in inner if part.charges]
    return [f"{part} {why}: put it into the main chain, not into {link}" for part, why in texts]


def memory_misfits(net: nn.Module) -> list[str]:
    """That training a net would not fit in memory: its weights, their gradients and two moments of these."""
    needed = 4 * sum(tensor.nbytes for tensor in net.parameters())
    if needed <= memory_bytes():
        return []
    return [
        f"the net has {parameter_count(net):,} parameters; training them takes about {needed / 2**30:,.0f} GiB,"
        f" more than this machine's memory ({memory_bytes() / 2**30:.0f} GiB); make it narrower or shallower"
    ]


def check_size(stage: Stage) -> None:
    """Refuse a sentence of too many stages.

    Raises:
        KindError: naming their number.
    """
    if size(stage) > MOST_STAGES:
        raise KindError(f"the net has {size(stage):,} stages; at most {MOST_STAGES:,} can be built")


def size(stage: Stage) -> int:
    """How many stages a sentence comes to when its repetitions are written out."""
    parts = [value for value in stage.values().values() if isinstance(value, (Stage, tuple))]
    flat = [part for value in parts for part in (value if isinstance(value, tuple) else (value,))]
    inner = sum(size(part) for part in flat if isinstance(part, Stage))
    if isinstance(stage, Repeat):
        return stage.times * inner
    if isinstance(stage, Towers):
        return stage.count * inner
    return inner if isinstance(stage, Chain) else 1 + inner
