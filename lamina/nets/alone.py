"""Stages that no error reaches, in nets that predict something."""

from __future__ import annotations

from lamina.layers.rbm import RBM
from lamina.net import Net


def left_alone(net: Net) -> list[str]:
    """A sentence about each stage that learns by its own rule, where the net's end would have it learn something else.

    Frozen ones learn nothing, and in a net that gives back its input the rule is what is wanted.
    """
    if net.end.restores:
        return []
    texts, frozen = list[str](), {part for top in net.frozen for part in top.modules()}
    for stage in net.body.stages:
        if stage.learns_alone and stage not in frozen:
            cure = "Dense(...) in its place is trained by that error"
            if isinstance(stage, RBM):
                width = stage.width
                cure = (
                    f'Dense({width}) >> Sigmoid() with pretrain="layerwise" and pretrain_with="rbm" is fine-tuned by it'
                )
            texts.append(f"{stage} learns by its own rule: no error of {net.end} reaches it; {cure}")
    return texts
