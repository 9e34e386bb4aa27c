"""What of a net that was trained before goes on learning: which layers, from when on, and how fast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn

from lamina.data.batches import Batch
from lamina.net import Net
from lamina.stage import Stage
from lamina.training.optimizers import Group
from lamina.training.plan import Plan

Layer = list[nn.Module | nn.Parameter]
"""What holds the weights of a layer."""

ROUNDING = 1e-9
"""Of a quotient of steps, so that 0.14 epochs of 50 steps are 7 steps."""


def frozen_stages(net: Net, plan: Plan) -> int:
    """How many of the body's stages stay as they are."""
    if isinstance(plan.freeze, int):
        return plan.freeze
    return len(net.body) if plan.freeze == "body" else 0


def parameters(net: Net, first: int, last: int) -> list[nn.Parameter]:
    """The parameters of some of the body's stages."""
    return [parameter for stage in net.body.stages[first:last] for parameter in stage.parameters()]


def held_by(layer: Layer) -> list[nn.Parameter]:
    """The parameters of a layer."""
    return [p for part in layer for p in ([part] if isinstance(part, nn.Parameter) else part.parameters())]


def layers_of(stages: Iterable[Stage]) -> list[Layer]:
    """The layers of stages that have weights, from the input on.

    A layer has a weight of two or more axes: what has none (norms, scales) belongs to the layer before it, or behind
    it where there is none before.

    >>> import lamina as la
    >>> sentence = "Dense(3) >> LayerNorm() >> Repeat(2, Dense(3) >> ReLU()) >> Classify()"
    >>> net = la.build(sentence, la.Vector(3), la.Label(2))
    >>> [len(held_by(layer)) for layer in layers_of(net.body.stages)]
    [4, 2, 2]
    """
    layers = list[Layer]()
    for layer in (layer for stage in stages for layer in stage.depths() if held_by(layer)):
        if layers and not (has_matrix(layer) and has_matrix(layers[-1])):
            layers[-1].extend(layer)
        else:
            layers.append(list(layer))
    return layers


def has_matrix(layer: Layer) -> bool:
    """Whether a layer has a weight of two or more axes."""
    return any(parameter.dim() > 1 for parameter in held_by(layer))


def unfrozen(net: Net, plan: Plan, taken: int) -> list[str]:
    """Why what a plan says of the first `taken` stages, which come from its start, cannot be, or would do nothing."""
    frozen = frozen_stages(net, plan)
    if frozen > taken:
        return [
            f"freeze={plan.freeze} would keep stages as they were drawn: the net's first {taken} stages come"
            f" from the start, of {len(net.body)}; freeze at most so many"
        ]
    if frozen and not any(stage.state_dict() for stage in net.body.stages[:frozen]):
        return [f"freeze={plan.freeze} has no effect: the first {frozen} stages have no weights; freeze more"]
    layers, mistakes = len(layers_of(net.body.stages[frozen:taken])), list[str]()
    said = {
        "body_rate": plan.body_rate != 1,
        "layer_decay": plan.layer_decay != 1,
        "unfreeze": plan.unfreeze is not None,
    }
    for name in (name for name, here in said.items() if here and not layers):
        mistakes.append(f"{name}={getattr(plan, name):g} has no effect: all that comes from the start is frozen")
    if said["layer_decay"] and layers == 1:
        mistakes.append(
            f"layer_decay={plan.layer_decay:g} has no effect: one layer alone comes from the start and learns; say"
            " body_rate instead"
        )
    if not mistakes and not [*parameters(net, frozen, len(net.body)), *net.end.parameters()]:
        mistakes.append(f"freeze={plan.freeze} leaves nothing to be trained; freeze fewer stages")
    return mistakes


def freeze(net: Net, stages: int) -> None:
    """Keep the body's first stages as they are: no gradients, and norms by their running statistics in training too."""
    net.frozen = tuple(net.body.stages[:stages])
    for parameter in parameters(net, 0, stages):
        parameter.requires_grad_(False)
    net.train(net.training)


class Thaw:
    """One more layer learns every so often, from the uppermost down; till then it is frozen.

    Source: Howard and Ruder 2018, section 3.3, "gradual unfreezing", who take one epoch each. How many layers learn
    follows from the number of steps alone.

    Args:
        net: what learns.
        first, last: from which to before which of the body's stages layers wait; those before `first` stay frozen.
        steps: between two layers.
    """

    def __init__(self, net: Net, first: int, last: int, steps: float) -> None:
        self.net, self.steps = net, steps
        self.frozen, self.layers = tuple(net.body.stages[:first]), layers_of(net.body.stages[first:last])
        waiting = {id(parameter) for layer in self.layers for parameter in held_by(layer)}
        # A net of which nothing else learns begins with the uppermost.
        self.least = 0 if any(p.requires_grad and id(p) not in waiting for p in net.parameters()) else 1
        self.learning: int | None = None

    def learning_at(self, step: int) -> int:
        """How many layers learn in update number `step` (from 0)."""
        return min(self.least + int(step / self.steps + ROUNDING), len(self.layers))

    def to(self, step: int) -> None:
        """Bring the net to how it is to be in update number `step`."""
        learning = self.learning_at(step)
        if learning == self.learning:
            return
        self.learning, waiting = learning, len(self.layers) - learning
        for place, layer in enumerate(self.layers):
            for parameter in held_by(layer):
                parameter.requires_grad_(place >= waiting)
        still = (part for layer in self.layers[:waiting] for part in layer if isinstance(part, nn.Module))
        self.net.frozen = (*self.frozen, *still)
        self.net.train(self.net.training)

    def before(self, batches: Iterable[Batch], done: int) -> Iterator[Batch]:
        """Batches, each handed out when the net is ready for its update; `done` updates came before."""
        for step, batch in enumerate(batches, done):
            self.to(step)
            yield batch

    def unreached(self, total_steps: int) -> str | None:
        """What is said of layers that will never learn in so many steps; None if there are none."""
        missing = len(self.layers) - self.learning_at(max(0, total_steps - 1))
        if not missing:
            return None
        return (
            f"unfreeze: the run ends after {total_steps:,} steps, before {missing} of {len(self.layers)} layers learn"
        )


def slowed(
    groups: list[Group], net: Net, stages: int, factor: float, decay: float = 1.0, gradual: bool = False
) -> list[Group]:
    """An optimizer's groups, parted where parameters have other shares of the rate, or begin to learn at other times.

    Of the L layers of the body's first stages, layer l has the share factor decay^(L - l); all else has 1.
    Source: Sun et al. 2019, "How to fine-tune BERT for text classification?", section 5.3.4, equation 2.

    Args:
        groups: from `Optimizer.start`.
        net: whose parameters they are.
        stages: how many of the body's first stages come from the start.
        factor: the share of the uppermost of their layers.
        decay: the share of a layer in that of the one above.
        gradual: whether each layer has groups of its own: what begins later counts its updates from there.
    """
    if factor == decay == 1 and not gradual:
        return groups
    layers = layers_of(net.body.stages[:stages])
    place_of = {id(p): place for place, layer in enumerate(layers) for p in held_by(layer)}
    shares = [factor * decay ** (len(layers) - 1 - place) for place in range(len(layers))] + [1.0]
    found = []
    for group in groups:
        homes = [place_of.get(id(parameter), len(layers)) for parameter in group.parameters]
        keys = [(shares[home], home if gradual else 0) for home in homes]
        found += [
            part_of(group, [place for place, own in enumerate(keys) if own == key], key[0])
            for key in dict.fromkeys(keys)
        ]
    return found


def part_of(group: Group, places: list[int], factor: float) -> Group:
    """Some parameters of a group, with their state, at a share of the rate."""
    # A group's count is one tensor for all; two groups must not count on one.
    count = {name: [held[0].clone()] * len(places) for name, held in group.state.items() if name == "count"}
    state = {name: [held[place] for place in places] for name, held in group.state.items()} | count
    names, members = [group.names[place] for place in places], [group.parameters[place] for place in places]
    return Group(names, members, group.weight_decay, state, factor)
