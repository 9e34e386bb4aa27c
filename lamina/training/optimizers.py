"""Optimizers: words that say how a gradient becomes a step, and the state that they keep.

Each works on whole lists of tensors, by torch's fused kernels where there are any. They are torch's own rules (a test
compares them step by step); what differs is that weight decay touches only weights of two or more axes, so biases and
the scales of norms are left alone, that state is plain named tensors, and that making one does not import a compiler.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from lamina.settings import BY_NAME, Fraction, NonNegative, Positive
from lamina.training.rates import Rate
from lamina.training.weights import fit_into
from lamina.word import Word


@dataclass
class Group:
    """Parameters that are treated alike, and the optimizer's tensors for each, by name."""

    names: list[str]
    parameters: list[nn.Parameter]
    weight_decay: float
    state: dict[str, list[Tensor]] = field(default_factory=dict)
    factor: float = 1.0
    """What the rate is multiplied by for these."""

    def with_gradients(self) -> tuple[list[Tensor], list[Tensor], dict[str, list[Tensor]]]:
        """The parameters that have a gradient now, these gradients, and the state that goes with them."""
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if len(gradients) == len(self.parameters):
            return list(self.parameters), gradients, self.state
        places = [place for place, parameter in enumerate(self.parameters) if parameter.grad is not None]
        state = {name: [tensors[place] for place in places] for name, tensors in self.state.items()}
        return [self.parameters[place] for place in places], gradients, state


class Optimizer(Word):
    """A rule that turns gradients into changes of the parameters."""

    rate: Positive | Rate

    keeps: ClassVar[tuple[str, ...]] = ()
    """The names of the tensors kept for each parameter, of its shape and 0 at the start."""
    counts: ClassVar[bool] = False
    """Whether updates are counted (torch counts each parameter's own; here a group's parameters share one count)."""

    weight_decay: Annotated[NonNegative, BY_NAME] = 0.0

    def kept(self) -> tuple[str, ...]:
        """The tensors that this optimizer, with its settings, keeps for each parameter."""
        return self.keeps

    def start(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> list[Group]:
        """Group the parameters (weights that decay, and the rest, of each device) and make the state of each."""
        trained = [(name, parameter) for name, parameter in named_parameters if parameter.requires_grad]
        decays = self.weight_decay > 0
        decayed = [(name, parameter) for name, parameter in trained if decays and parameter.dim() > 1]
        plain = [(name, parameter) for name, parameter in trained if not decays or parameter.dim() <= 1]
        groups = []
        for members, decay in ((decayed, self.weight_decay), (plain, 0.0)):
            # One kernel works on one device.
            for device in dict.fromkeys(parameter.device for _, parameter in members):
                here = [(name, parameter) for name, parameter in members if parameter.device == device]
                groups.append(self.group(here, decay))
        return groups

    def group(self, members: list[tuple[str, nn.Parameter]], weight_decay: float) -> Group:
        """Parameters of one device, with new state for each."""
        group = Group([name for name, _ in members], [parameter for _, parameter in members], weight_decay)
        for name in self.kept():
            group.state[name] = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in group.parameters]
        if self.counts:
            # One number for all of them: counting each apart would take as long as a small net's update.
            group.state["count"] = [torch.zeros((), device=members[0][1].device)] * len(members)
        return group

    @torch.no_grad()
    def update(self, groups: list[Group], rate: float) -> None:
        """One step of every parameter that has a gradient."""
        for group in groups:
            parameters, gradients, state = group.with_gradients()
            if not gradients:
                continue
            if self.counts:
                state["count"][0].add_(1)
            self.change(parameters, gradients, state, rate * group.factor, group.weight_decay)

    def change(
        self, p: list[Tensor], g: list[Tensor], state: dict[str, list[Tensor]], rate: float, weight_decay: float
    ) -> None:
        """The rule itself, in place: parameters `p` with gradients `g`."""
        raise NotImplementedError(f"{self.name()} does not say its rule")


class SGD(Optimizer):
    """Gradient descent: v <- momentum v + g, then w <- w - rate v (with nesterov: w - rate (g + momentum v)).

    Source: Robbins and Monro 1951; Polyak 1964; Nesterov's form as in Sutskever et al. 2013, section 2.
    Weight decay adds weight_decay w to g.
    """

    rate: Positive | Rate = 0.1
    momentum: Fraction = 0.0
    nesterov: bool = False

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        if values["nesterov"] and values["momentum"] == 0:
            return ["SGD: nesterov has no effect without momentum; set momentum=0.9, or leave nesterov out"]
        return []

    def kept(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def change(
        self, p: list[Tensor], g: list[Tensor], state: dict[str, list[Tensor]], rate: float, weight_decay: float
    ) -> None:
        torch._fused_sgd_(
            p,
            g,
            state.get("velocity", []),
            weight_decay=weight_decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
            is_first_step=False,
        )


class AdaGrad(Optimizer):
    """s <- s + g^2, then w <- w - rate g / (sqrt(s) + epsilon).

    Source: Duchi, Hazan and Singer 2011, section 1.1, diagonal form. Weight decay adds weight_decay w to g.
    """

    keeps: ClassVar[tuple[str, ...]] = ("square",)
    counts: ClassVar[bool] = True

    rate: Positive | Rate = 0.01
    epsilon: Positive = 1e-10

    def change(
        self, p: list[Tensor], g: list[Tensor], state: dict[str, list[Tensor]], rate: float, weight_decay: float
    ) -> None:
        torch._fused_adagrad_(
            p,
            g,
            state["square"],
            state["count"],
            lr=rate,
            lr_decay=0.0,
            weight_decay=weight_decay,
            eps=self.epsilon,
            maximize=False,
        )


class AdaDelta(Optimizer):
    """d = g sqrt(u + epsilon) / sqrt(s + epsilon), w <- w - rate d, s and u the running means of g^2 and d^2.

    Source: Zeiler 2012, algorithm 1. Weight decay adds weight_decay w to g.
    """

    keeps: ClassVar[tuple[str, ...]] = ("square", "change")

    rate: Positive | Rate = 1.0
    rho: Fraction = 0.9
    epsilon: Positive = 1e-6

    def change(
        self, p: list[Tensor], g: list[Tensor], state: dict[str, list[Tensor]], rate: float, weight_decay: float
    ) -> None:
        g = _with_decay(p, g, weight_decay)
        square, change = state["square"], state["change"]
        torch._foreach_mul_(square, self.rho)
        torch._foreach_addcmul_(square, g, g, 1 - self.rho)
        below = torch._foreach_sqrt(torch._foreach_add(square, self.epsilon))
        delta = torch._foreach_sqrt(torch._foreach_add(change, self.epsilon))
        torch._foreach_div_(delta, below)
        torch._foreach_mul_(delta, g)
        torch._foreach_mul_(change, self.rho)
        torch._foreach_addcmul_(change, delta, delta, 1 - self.rho)
        torch._foreach_add_(p, delta, alpha=-rate)


class RMSProp(Optimizer):
    """s <- rho s + (1 - rho) g^2; v <- momentum v + g / (sqrt(s) + epsilon); w <- w - rate v.

    Source: Tieleman and Hinton 2012, lecture 6.5. Weight decay adds weight_decay w to g.
    """

    rate: Positive | Rate = 0.01
    rho: Fraction = 0.99
    momentum: Fraction = 0.0
    epsilon: Positive = 1e-8

    def kept(self) -> tuple[str, ...]:
        return ("square", "velocity") if self.momentum else ("square",)

    def change(
        self, p: list[Tensor], g: list[Tensor], state: dict[str, list[Tensor]], rate: float, weight_decay: float
    ) -> None:
        g = _with_decay(p, g, weight_decay)
        torch._foreach_mul_(state["square"], self.rho)
        torch._foreach_addcmul_(state["square"], g, g, 1 - self.rho)
        below = torch._foreach_sqrt(state["square"])
        torch._foreach_add_(below, self.epsilon)
        if self.momentum:
            torch._foreach_mul_(state["velocity"], self.momentum)
            torch._foreach_addcdiv_(state["velocity"], g, below)
            torch._foreach_add_(p, state["velocity"], alpha=-rate)
        else:
            torch._foreach_addcdiv_(p, g, below, -rate)


class Adam(Optimizer):
    """w <- w - rate m / (sqrt(s) + epsilon), m and s the running means of g and g^2, freed of their bias towards 0.

    Source: Kingma and Ba 2015, algorithm 1. Weight decay adds weight_decay w to g; `AdamW` decays apart from it.
    """

    keeps: ClassVar[tuple[str, ...]] = ("mean", "square")
    counts: ClassVar[bool] = True

    rate: Positive | Rate = 0.001
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8

    def change(
        self, p: list[Tensor], g: list[Tensor], state: dict[str, list[Tensor]], rate: float, weight_decay: float
    ) -> None:
        kernel = torch._fused_adamw_ if isinstance(self, AdamW) else torch._fused_adam_
        kernel(
            p,
            g,
            state["mean"],
            state["square"],
            [],
            state["count"],
            lr=rate,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=weight_decay,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
        )


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: w <- w - rate weight_decay w, then Adam's step.

    Source: Loshchilov and Hutter 2019, algorithm 2.
    """

    weight_decay: Annotated[NonNegative, BY_NAME] = 0.01


def _with_decay(p: list[Tensor], g: list[Tensor], weight_decay: float) -> list[Tensor]:
    return list(torch._foreach_add(g, p, alpha=weight_decay)) if weight_decay else g


def state_tensors(groups: list[Group]) -> dict[str, Tensor]:
    """An optimizer's state as named tensors, to be saved: `<parameter>.<what>`."""
    return {
        f"{name}.{what}": tensor
        for group in groups
        for what, tensors in group.state.items()
        for name, tensor in zip(group.names, tensors, strict=True)
    }


def restore_state(groups: list[Group], saved: dict[str, Tensor], where: str = "the optimizer") -> None:
    """Put saved state back.

    Raises:
        RunError: lists how it differs from the state of this optimizer over this net. Nothing was copied.
    """
    fit_into(state_tensors(groups), saved, where)
