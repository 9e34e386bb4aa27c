"""What the tests of augmentation share: stages that are built and in training, and pictures whose numbers tell places."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.chance import drawing, key
from lamina.kinds import Image
from lamina.sentence import parse
from lamina.stage import Stage


def stage_on(sentence: str, given: Image, place: str = "body.0") -> Stage:
    """The stage, built and in training mode."""
    stage = parse(sentence)
    stage.build(given)
    stage.place = key(place)
    return stage.train()


def pictures(examples: int, given: Image, dtype: torch.dtype = torch.float32) -> Tensor:
    """Pictures whose numbers are 1, 2, 3, ..., in channels-last memory."""
    shape = (examples, given.channels, given.height, given.width)
    count = torch.Size(shape).numel()
    return torch.arange(1, count + 1).view(shape).to(dtype).contiguous(memory_format=torch.channels_last)


def seen_in_training(sentence: str, x: Tensor, step: int = 1, epoch: int = 0, seed: int = 3) -> Tensor:
    """What a stage makes of these pictures in a step of training."""
    stage = stage_on(sentence, Image(*x.shape[1:]))
    with drawing(seed, step, torch.arange(len(x)), epoch):
        out: Tensor = stage(x)
    return out
