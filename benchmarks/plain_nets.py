"""The nets of the benchmarks as a usual torch script writes them: channels first, the activation before the pool."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def small_cnn() -> nn.Module:
    """Two convolutions and a dense layer, on 28 x 28 grey pictures."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


class Block(nn.Module):
    """Two convolutions with batch norm, and a way around them."""

    def __init__(self, given: int, width: int, stride: int, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(given, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.way: nn.Module = nn.Identity()
        self.wider = 0
        if given != width and project:
            self.way = nn.Sequential(nn.Conv2d(given, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        elif given != width:
            self.wider = (width - given) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        beside = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.wider, self.wider)) if self.wider else self.way(x)
        return F.relu(y + beside)


def resnet(widths: tuple[int, ...], blocks: int, project: bool) -> nn.Module:
    """A residual net for 32 x 32 colour pictures."""
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    given = widths[0]
    for group, width in enumerate(widths):
        for block in range(blocks):
            layers.append(Block(given, width, 2 if group and not block else 1, project))
            given = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(given, 10))


def resnet20() -> nn.Module:
    """He et al. 2016, section 4.2, with shortcuts of option A."""
    return resnet((16, 32, 64), 3, project=False)


def resnet18() -> nn.Module:
    """He et al. 2016, table 1, with a first layer for small pictures."""
    return resnet((64, 128, 256, 512), 2, project=True)


PLAIN = {"small CNN": small_cnn, "ResNet-20": resnet20, "ResNet-18": resnet18}


def steps(net: nn.Module, x: Tensor, y: Tensor, optimizer: torch.optim.Optimizer, batch: int) -> None:
    """One epoch as a usual script has it."""
    data = torch.utils.data.TensorDataset(x, y)
    for inputs, target in torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True):
        loss = F.cross_entropy(net(inputs), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
