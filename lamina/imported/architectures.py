"""The nets of other systems whose weights lamina takes: their tensors' names, in the order of lamina's own stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lamina.kinds import Image

AFFINE = {"weight": "weight", "bias": "offset"}
PLAIN = {"weight": "weight"}
NORM = {"weight": "scale", "bias": "shift", "running_mean": "running_mean", "running_var": "running_variance"}

Unit: TypeAlias = tuple[str, dict[str, str]]
"""A layer: its name there, and what each of its tensors is called here."""

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
SMALL_DEPTHS = (20, 32, 44, 56, 110)

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Architecture:
    """A net of another system.

    Attributes:
        name: what it is called there.
        body: the words that say it here, without `Standardize` and the end.
        given: the pictures that it was made for.
        units: its layers with parameters, in the order in which they stand in lamina's net.
        classes: the names of the classes, if nothing else is said and there are as many.
    """

    name: str
    body: str
    given: Image
    units: tuple[Unit, ...]
    classes: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """The names of its tensors."""
        return [f"{unit}.{tensor}" for unit, tensors in self.units for tensor in tensors]


def resnet(depth: int) -> Architecture:
    """A residual net for ImageNet, as torchvision and timm name its tensors.

    Source: He et al. 2016, table 1; the stride of a bottleneck in its 3x3 convolution, as in torchvision.
    """
    convolutions = 2 if depth < 50 else 3
    units: list[Unit] = [("conv1", PLAIN), ("bn1", NORM)]
    for stage, blocks in enumerate(BLOCKS[depth], start=1):
        for block in range(blocks):
            changes = block == 0 and (stage > 1 or convolutions == 3)
            units += residual(f"layer{stage}.{block}", convolutions, "downsample" if changes else None)
    units.append(("fc", AFFINE))
    return Architecture(f"torchvision's resnet{depth}", f"ResNet({depth})", Image(3, 224, 224), tuple(units))


def small_resnet(depth: int) -> Architecture:
    """A residual net for CIFAR-10, with shortcuts that have no parameters.

    Source: He et al. 2016, section 4.2, option A; names as in akamaster/pytorch_resnet_cifar10.
    """
    units: list[Unit] = [("conv1", PLAIN), ("bn1", NORM)]
    for stage in (1, 2, 3):
        for block in range((depth - 2) // 6):
            units += residual(f"layer{stage}.{block}", 2, None)
    units.append(("linear", AFFINE))
    name = f"a CIFAR resnet{depth}"
    return Architecture(name, f"ResNet({depth}, small=True)", Image(3, 32, 32), tuple(units), CIFAR)


def residual(name: str, convolutions: int, shortcut: str | None) -> list[Unit]:
    """The layers of one block, the shortcut's last."""
    units: list[Unit] = []
    for place in range(1, convolutions + 1):
        units += [(f"{name}.conv{place}", PLAIN), (f"{name}.bn{place}", NORM)]
    if shortcut is not None:
        units += [(f"{name}.{shortcut}.0", PLAIN), (f"{name}.{shortcut}.1", NORM)]
    return units


def alexnet() -> Architecture:
    """AlexNet on one device, as in torchvision. Source: Krizhevsky 2014, "One weird trick", section 5."""
    layers = [*(f"features.{place}" for place in (0, 3, 6, 8, 10)), *(f"classifier.{place}" for place in (1, 4, 6))]
    return Architecture("torchvision's alexnet", "AlexNet()", Image(3, 224, 224), tuple((n, AFFINE) for n in layers))


def known() -> list[Architecture]:
    """All architectures that are recognised."""
    return [*map(resnet, BLOCKS), *map(small_resnet, SMALL_DEPTHS), alexnet()]
