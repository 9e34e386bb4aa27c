"""LeNet-5."""

from __future__ import annotations

from lamina.layers.activation import Tanh
from lamina.layers.conv import Conv
from lamina.layers.dense import Dense
from lamina.layers.pool import MeanPool
from lamina.layers.shape import Flatten
from lamina.nets.composition import Composition
from lamina.stage import Stage


class LeNet(Composition):
    """LeNet-5: two convolutions of 5x5, each with a mean pool, and two dense layers; for pictures of 28x28.

    As it is commonly built: 61,706 parameters with ten classes on Image(1, 28, 28). In the paper pools have a trained
    scale, the second convolution's outputs see some of the first's only, and the end is of Gaussian units.
    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B.

    Example:
        >>> import lamina as la
        >>> la.build("LeNet() >> Classify()", la.Image(1, 28, 28), la.Label(10)).parameter_count()
        61706
    """

    def expand(self) -> Stage:
        maps = Conv(6, 5, padding=2) >> Tanh() >> MeanPool() >> Conv(16, 5, padding=0) >> Tanh() >> MeanPool()
        return maps >> Flatten() >> Dense(120) >> Tanh() >> Dense(84) >> Tanh()
