"""The closed list of words: what a sentence may say. A new word is one import and one name here."""

from __future__ import annotations

from lamina.end import End
from lamina.ends.classify import Classify
from lamina.ends.regress import Regress
from lamina.kinds import Image, Kind, Label, Sequence, Sound, Table, Targets, Tokens, Value, Vector
from lamina.layers.activation import GELU, ReLU, Sigmoid, Softmax, Tanh, Threshold
from lamina.layers.categories import Categories, OneHot
from lamina.layers.compose import Repeat, Residual
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.embed import Embed
from lamina.layers.norm import BatchNorm, LayerNorm
from lamina.layers.periodic import Periodic
from lamina.layers.piecewise import Piecewise
from lamina.layers.shape import Flatten
from lamina.layers.standardize import Standardize
from lamina.stage import Stage
from lamina.training.optimizers import SGD, AdaDelta, AdaGrad, Adam, AdamW, Optimizer, RMSProp
from lamina.training.rates import Constant, Cosine, InverseSqrt, Linear, Rate, Steps
from lamina.word import Word

STAGES: tuple[type[Stage], ...] = (
    Dense,
    Embed,
    ReLU,
    GELU,
    Tanh,
    Sigmoid,
    Softmax,
    Threshold,
    Dropout,
    BatchNorm,
    LayerNorm,
    Standardize,
    Piecewise,
    Periodic,
    Categories,
    OneHot,
    Flatten,
    Repeat,
    Residual,
)
ENDS: tuple[type[End], ...] = (Classify, Regress)
OPTIMIZERS: tuple[type[Optimizer], ...] = (SGD, AdaGrad, AdaDelta, RMSProp, Adam, AdamW)
RATES: tuple[type[Rate], ...] = (Constant, Cosine, Linear, Steps, InverseSqrt)
KINDS: tuple[type[Kind], ...] = (Vector, Image, Sequence, Tokens, Sound, Table, Label, Value, Targets)

WORDS: dict[str, type[Word]] = {word.name(): word for word in (*STAGES, *ENDS, *OPTIMIZERS, *RATES, *KINDS)}
