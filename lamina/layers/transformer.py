"""The Transformer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamina.carried import Grown, Held
from lamina.initialise import Following
from lamina.kinds import Kind, Padded, Sequence, Vector
from lamina.layers.activation import GELU, ReLU
from lamina.layers.attention import hiding
from lamina.layers.cell import Cell
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.multi_head import Across, MultiHead, affine, check_heads
from lamina.layers.norm import LayerNorm
from lamina.settings import Bounds, Count, Fraction, Natural, Positive
from lamina.stage import Chain, Flow, State, expect

ACTIVATIONS = {"gelu": GELU, "relu": ReLU}


class Transformer(Cell):
    """Layers of two branches that are added to what they are given: attention, and two dense layers at each position.

    With norm="before", x + f(norm(x)) and a last norm behind all (Xiong et al. 2020, figure 1b), which trains without
    warm-up; with "after", norm(x + f(x)), as in the paper. In `Write` each layer has a branch between the two that
    looks at the memory, and attention looks back only.

    Source: Vaswani et al. 2017, section 3. Weights are drawn as those of `Dense`; the last of each branch is divided by
    sqrt(n), n the number of branches (Radford et al. 2019, section 2.3), so that their sum varies as one does. Dropout
    is at the end of each branch (section 5.4); for tokens' vectors put Dropout() before.

    Args:
        layers: how many, at most 1,000.
        heads: of attention; they must divide the width.
        hidden: the width between the two dense layers; 0 for 4 times the width.
        dropout: of what each branch gives, in training.
        norm: where the norms stand.
        causal: whether positions look back only, as a language model does.
        rotary: whether attention tells positions apart by rotation, see `MultiHead`; without, put Positions() before.
        activation: between the two dense layers.
        epsilon: of the norms, see `LayerNorm`.
    """

    grows: ClassVar[bool] = True

    layers: Annotated[int, Bounds(low=1, high=1000)] = 2
    heads: Count = 4
    hidden: Natural = 0
    dropout: Fraction = 0.1
    norm: Literal["before", "after"] = "before"
    causal: bool = False
    rotary: bool = False
    activation: Literal["gelu", "relu"] = "gelu"
    epsilon: Positive = 1e-5

    def build(self, given: Kind) -> Kind:
        return self.stacked(expect(self, given, Sequence), None)

    def build_about(self, given: Sequence, memory: Vector | Sequence) -> Kind:
        return self.stacked(given, Sequence(memory.size) if isinstance(memory, Vector) else memory)

    def stacked(self, given: Sequence, memory: Sequence | None) -> Sequence:
        """Make the layers, for a memory to look at or for none."""
        check_heads(self, given, self.heads, self.rotary)
        self.stack = nn.ModuleList(Layer(self, given, memory) for _ in range(self.layers))
        self.last = LayerNorm(self.epsilon) if self.norm == "before" else None
        if self.last is not None:
            self.last.build(given)
        return given

    def initialise(self, seed: int, following: Following) -> None:
        branches = sum(len(layer.branches()) for layer in self.each())
        for layer in self.each():
            layer.initialise(seed, branches**-0.5)

    def each(self) -> list[Layer]:
        """The layers, in order."""
        return list(self.stack)  # type: ignore[arg-type]

    def looks_back(self) -> bool:
        return self.causal

    def forward(self, x: Padded) -> Padded:
        return self.carry(x, None)[0]

    def begin(self, memory: Flow) -> State:
        """The keys and values of a memory for each layer, and what of it may be looked at; no position yet."""
        if isinstance(memory, Tensor):  # one position
            memory = Padded(memory[:, None], torch.ones(len(memory), 1, dtype=torch.bool, device=memory.device))
        prepared = tuple(layer.across.prepare(memory) for layer in self.each() if layer.across is not None)
        return Held((hiding(memory.visible), prepared)), (None,) * self.layers

    def carry(self, x: Flow, state: State) -> tuple[Padded, State]:
        """Go on behind what layers looked at (None without memory) and their caches, see `MultiHead.carry`."""
        assert isinstance(x, Padded)
        nothing = (None,) * self.layers
        memory, caches = (None, nothing) if state is None else state
        visible, prepared = (None, nothing) if memory is None else memory.state
        after = list[State]()
        if caches[0] is not None and x.values.shape[1] == 1 and not self.training:
            h, layers = x.values[:, 0], self.each()
            turns = layers[0].attention.turns(caches[0], x.values)
            for layer, cache, beside in zip(layers, caches, prepared, strict=True):
                h, behind = layer.further(h, cache, beside, visible, turns)
                after.append(behind)
            h = h if self.last is None else self.last.normalised(h)
            return x._replace(values=h[:, None]), (memory, tuple(after))
        out: Padded = x
        for layer, cache, beside in zip(self.each(), caches, prepared, strict=True):
            out, behind = layer(out, cache, beside, visible)
            after.append(behind)
        return out if self.last is None else self.last(out), (memory, tuple(after))

    def depths(self) -> list[list[nn.Module | nn.Parameter]]:
        layers: list[list[nn.Module | nn.Parameter]] = [[layer] for layer in self.stack]
        if self.last is not None:
            layers[-1].append(self.last)
        return layers

    def multiply_adds(self) -> int:
        return sum(part.multiply_adds() for layer in self.each() for part in layer.branches())


class Layer(nn.Module):
    """One layer of a Transformer.

    Args:
        whole: the Transformer.
        given: the kind of its positions.
        memory: the kind of what it looks at; None for nothing.
    """

    def __init__(self, whole: Transformer, given: Sequence, memory: Sequence | None) -> None:
        super().__init__()
        looks_back = whole.causal or memory is not None
        self.first = whole.norm == "before"
        self.attention = MultiHead(whole.heads, looks_back, whole.rotary, whole.dropout)
        self.across = None if memory is None else Across(whole.heads, whole.dropout, given, memory)
        wide, narrow = Dense(whole.hidden or 4 * given.width), Dense(given.width)
        self.inner = Chain((wide, ACTIVATIONS[whole.activation](), narrow, Dropout(whole.dropout)))
        self.norms = nn.ModuleList(LayerNorm(whole.epsilon) for _ in self.branches())
        for stage in (self.attention, self.inner, *self.norms):
            stage.build(given)

    def branches(self) -> list[MultiHead | Across | Chain]:
        """What is added, in order."""
        return [branch for branch in (self.attention, self.across, self.inner) if branch is not None]

    @torch.no_grad()
    def initialise(self, seed: int, scale: float) -> None:
        """Draw the first weights, those at the end of each branch smaller by `scale`."""
        for branch in self.branches():
            branch.initialise(seed, "linear")
            last = branch.merge if isinstance(branch, MultiHead | Across) else branch[2]
            assert isinstance(last, Dense)
            last.weight.mul_(scale)

    def forward(
        self, x: Padded, cache: State, beside: tuple[Tensor, Tensor] | None, visible: Tensor | None
    ) -> tuple[Padded, State]:
        found, cache = self.attention.carry(self.normed(0, x, self.first), cache)
        x = self.added(0, x, found)
        if self.across is not None:
            x = self.added(1, x, self.across(self.normed(1, x, self.first), beside, visible))
        return self.added(-1, x, self.inner(self.normed(-1, x, self.first))), cache

    def added(self, branch: int, x: Padded, found: Padded) -> Padded:
        """What a branch found, added to what it was given."""
        return self.normed(branch, x._replace(values=x.values + found.values), not self.first)

    def normed(self, branch: int, x: Padded, here: bool) -> Padded:
        """A branch's norm, if here is its place."""
        return self.norms[branch](x) if here else x

    def further(
        self,
        x: Float[Tensor, "B D"],
        cache: Grown,
        beside: tuple[Tensor, Tensor] | None,
        visible: Tensor | None,
        turns: Tensor | None,
    ) -> tuple[Float[Tensor, "B D"], Grown]:
        """As `forward` at rest, for one position behind others; see `MultiHead.further`."""
        norms: list[Callable[[Tensor], Tensor]] = [norm.normalised for norm in self.norms]  # type: ignore[misc]
        none = [as_it_is] * len(norms)
        ahead, behind = (norms, none) if self.first else (none, norms)
        found, cache = self.attention.further(ahead[0](x), cache, turns)
        x = behind[0](x + found)
        if self.across is not None and beside is not None:
            x = behind[1](x + self.across.further(ahead[1](x), beside, visible))
        wide, bent, narrow, _ = self.inner.stages
        assert isinstance(wide, Dense)
        assert isinstance(narrow, Dense)
        inner = bent.forward(affine(wide, ahead[-1](x)))
        return behind[-1](x + affine(narrow, inner)), cache


def as_it_is(x: Tensor) -> Tensor:
    """What stands where there is no norm."""
    return x
