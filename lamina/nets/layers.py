"""A net as layers that can be trained one after another: which stages each is made of, and what it becomes for that."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from lamina.end import End
from lamina.ends.reconstruct import Reconstruct
from lamina.kinds import Image, Kind, Vector
from lamina.layers.activation import Sigmoid
from lamina.layers.conv import Conv, UpConv
from lamina.layers.corrupt import Blankout
from lamina.layers.dense import Dense
from lamina.layers.norm import BatchNorm, LayerNorm
from lamina.layers.rbm import RBM
from lamina.layers.shape import Flatten
from lamina.net import Net, misfits, sketched
from lamina.stage import Chain, Stage, links, parts

Machine: TypeAlias = Literal["autoencoder", "rbm"]


class Layer(NamedTuple):
    """Neighbouring stages of a net's body: a dense layer or a convolution, and what has no weights behind it.

    Attributes:
        first, last: the places of the first, and behind the last.
        stages: the words.
        given, gives: what comes in and goes out.
    """

    first: int
    last: int
    stages: tuple[Stage, ...]
    given: Kind
    gives: Kind

    def __str__(self) -> str:
        return str(Chain(self.stages))

    def taught(self, machine: Machine, noise: float, probabilities: bool) -> Chain:
        """The net that teaches a layer: an autoencoder of it, or a Boltzmann machine and what reads its units.

        Args:
            machine: which of both.
            noise: the share of an autoencoder's inputs that is blanked out.
            probabilities: whether its inputs lie in [0, 1], so that the loss is a cross-entropy.
        """
        likelihood: Literal["gaussian", "bernoulli"] = "bernoulli" if probabilities else "gaussian"
        if machine == "rbm":
            return Chain((RBM(self.stages[0].values()["width"]), Reconstruct(likelihood=likelihood)))
        end = Reconstruct(self.way_back(), likelihood=likelihood)
        return Chain((*([Blankout(noise)] if noise else []), *(stage.fresh() for stage in self.stages), end))

    def way_back(self) -> Stage | None:
        """What leads from the code to the last affine map of the decoder."""
        there, here = self.given, self.gives
        if not isinstance(there, Image) or not isinstance(here, Image):
            return None
        times, rest = divmod(there.height, here.height)
        if rest or there.width != times * here.width:
            return Flatten()
        return None if times == 1 else UpConv(here.channels, size=times, stride=times)

    def hand_over(self, taught: Net, net: Net) -> None:
        """Put what a taught net has learned into the net that the layer belongs to."""
        if isinstance(machine := taught.body[0], RBM):
            dense = net.body[self.first]
            dense.load_state_dict({"weight": machine.weight, "offset": machine.offset})
            return
        before = len(taught.body) - len(self.stages)
        for number, place in enumerate(range(self.first, self.last)):
            net.body[place].load_state_dict(taught.body[before + number].state_dict())


def layers_of(net: Net) -> list[Layer]:
    """The layers of a net's body; what stands before the first of them belongs to none.

    A picture that is made a vector behind a layer is not part of it: a decoder has more to go by before.
    """
    stages, kinds = net.body.stages, net.body.kinds
    starts = [place for place, stage in enumerate(stages) if isinstance(stage, Dense | Conv)]
    found = []
    for first, last in pairwise((*starts, len(stages))):
        while last > first + 1 and isinstance(stages[last - 1], Flatten):
            last -= 1
        found.append(Layer(first, last, stages[first:last], kinds[first], kinds[last]))
    return found


def layer_misfits(stage: Stage, given: Kind, target: Kind, machine: Machine) -> list[str]:
    """Why a net that can be built cannot be trained layer by layer; nothing if it can."""
    net = sketched(stage, given, target)
    layers = layers_of(net)
    mistakes = [text for place, link in enumerate(net.body.stages) if (text := strange(link, place, layers))]
    if not layers:
        mistakes.append("the net has no layer: put Dense or Conv into it")
    for layer in () if mistakes else layers:
        if not isinstance(layer.given, Vector | Image):
            mistakes.append(f"{layer.stages[0]} is given {layer.given}: only layers of vectors and pictures are")
        elif machine == "rbm":
            mistakes += machine_misfits(layer)
        else:
            mistakes += misfits(layer.taught(machine, 0.0, False), layer.given, layer.given)
    return [f"pretrain: {text}" for text in mistakes]


def strange(stage: Stage, place: int, layers: list[Layer]) -> str:
    """Why a stage of the body can be in no layer; empty if it can."""
    if isinstance(stage, Dense | Conv):
        return ""
    if isinstance(stage, BatchNorm | LayerNorm):
        alone = not layers or place < layers[0].first
        return f"{stage} stands before the first layer; put Standardize() in its place" if alone else ""
    if not any(True for _ in stage.parameters()):
        return ""
    cure = "write its layers out" if holds_layers(stage) else "leave pretrain out"
    return f"{stage} has weights of its own, but only Dense and Conv are trained layer by layer; {cure}"


def holds_layers(stage: Stage) -> bool:
    """Whether a stage is made of dense layers or convolutions."""
    return any(isinstance(part, Dense | Conv) for part in stage.modules()) or any(
        isinstance(part, Dense | Conv) for held in parts(stage) for part in links(held)
    )


def machine_misfits(layer: Layer) -> list[str]:
    """Why a layer is no restricted Boltzmann machine: its units are on with probability σ(W v + c)."""
    first, *behind = layer.stages
    if not isinstance(first, Dense) or isinstance(first, End):
        return [f'{first} is no layer of an RBM; choose pretrain_with="autoencoder"']
    if not first.bias:
        return [f"{first} has no bias, but an RBM's units have one; leave bias out"]
    if not behind or not isinstance(behind[0], Sigmoid):
        return [f'an RBM has Sigmoid() right behind {first}; put it there, or choose pretrain_with="autoencoder"']
    return []
