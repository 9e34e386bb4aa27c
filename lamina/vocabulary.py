"""The closed list of words: what a sentence may say. A new word is one import and one name here."""

from __future__ import annotations

from lamina.end import End
from lamina.ends.classify import Classify
from lamina.ends.direction import Direction
from lamina.ends.fill_in import FillIn
from lamina.ends.forecast import Forecast
from lamina.ends.next_sentence import NextSentence
from lamina.ends.next_token import NextToken
from lamina.ends.point_to import PointTo
from lamina.ends.reconstruct import Reconstruct
from lamina.ends.regress import Regress
from lamina.ends.tag import Tag
from lamina.ends.write import Write
from lamina.kinds import Image, Kind, Label, Sequence, Sound, Span, Table, Tags, Targets, Tokens, Value, Vector
from lamina.layers.activation import GELU, ReLU, Sigmoid, Softmax, Tanh, Threshold
from lamina.layers.attention import Additive, Bilinear, Dot, Summary
from lamina.layers.augment.crop import Crop
from lamina.layers.augment.erase import Erase
from lamina.layers.augment.intensity import Intensity
from lamina.layers.augment.mix import CutMix, Mixup
from lamina.layers.augment.move import Flip, Shift
from lamina.layers.augment.rotate import Rotate
from lamina.layers.categories import Categories, OneHot
from lamina.layers.compare import Compare
from lamina.layers.compose import Repeat, Residual
from lamina.layers.conv import Conv, UpConv
from lamina.layers.corrupt import Blankout, GaussianNoise, SaltAndPepper
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.embed import Embed
from lamina.layers.from_last import FromLast
from lamina.layers.gaussian import Gaussian
from lamina.layers.hebb import Hebb
from lamina.layers.mask_tokens import MaskTokens
from lamina.layers.memory import Memory
from lamina.layers.multi_head import MultiHead
from lamina.layers.norm import BatchNorm, LayerNorm, LocalResponseNorm
from lamina.layers.over_time import First, Last, Max, Mean
from lamina.layers.pca import PCA
from lamina.layers.periodic import Periodic
from lamina.layers.piecewise import Piecewise
from lamina.layers.pool import GlobalPool, MeanPool, Pool
from lamina.layers.positions import Positions
from lamina.layers.rbm import RBM
from lamina.layers.recent import Recent
from lamina.layers.recurrent import GRU, LSTM, RNN, BiGRU, BiLSTM, BiRNN
from lamina.layers.shape import Flatten, Grid, Reshape
from lamina.layers.sparse import Contract, Sparse
from lamina.layers.standardize import Standardize
from lamina.layers.towers import Towers
from lamina.layers.transformer import Transformer
from lamina.layers.turing import Turing
from lamina.layers.whiten import Whiten
from lamina.nets.alexnet import AlexNet
from lamina.nets.bert import BERT
from lamina.nets.fast import FastNet
from lamina.nets.lenet import LeNet
from lamina.nets.resnet import ResNet
from lamina.stage import Stage
from lamina.training.muon import Muon
from lamina.training.optimizers import SGD, AdaDelta, AdaGrad, Adam, AdamW, Optimizer, RMSProp
from lamina.training.rates import Constant, Cosine, InverseSqrt, Linear, Rate, Steps
from lamina.views import Views
from lamina.word import Word

STAGES: tuple[type[Stage], ...] = (
    Dense,
    Conv,
    Whiten,
    UpConv,
    Pool,
    MeanPool,
    GlobalPool,
    Embed,
    Compare,
    Positions,
    MultiHead,
    Transformer,
    RNN,
    LSTM,
    GRU,
    BiRNN,
    BiLSTM,
    BiGRU,
    Turing,
    Memory,
    Last,
    First,
    Mean,
    Max,
    ReLU,
    GELU,
    Tanh,
    Sigmoid,
    Softmax,
    Threshold,
    Dropout,
    BatchNorm,
    LayerNorm,
    LocalResponseNorm,
    Standardize,
    Piecewise,
    Periodic,
    Categories,
    OneHot,
    Flatten,
    Reshape,
    Grid,
    Recent,
    FromLast,
    Repeat,
    Residual,
    Towers,
    LeNet,
    AlexNet,
    ResNet,
    FastNet,
    BERT,
    Flip,
    Shift,
    Crop,
    Rotate,
    Intensity,
    Erase,
    Mixup,
    CutMix,
    PCA,
    Gaussian,
    Hebb,
    RBM,
    Sparse,
    Contract,
    Blankout,
    GaussianNoise,
    SaltAndPepper,
    MaskTokens,
)
ENDS: tuple[type[End], ...] = (
    Classify,
    Regress,
    Direction,
    NextToken,
    FillIn,
    NextSentence,
    Tag,
    PointTo,
    Write,
    Forecast,
    Reconstruct,
)
OPTIMIZERS: tuple[type[Optimizer], ...] = (SGD, AdaGrad, AdaDelta, RMSProp, Adam, AdamW, Muon)
RATES: tuple[type[Rate], ...] = (Constant, Cosine, Linear, Steps, InverseSqrt)
KINDS: tuple[type[Kind], ...] = (Vector, Image, Sequence, Tokens, Sound, Table, Label, Value, Tags, Span, Targets)
ATTENTIONS: tuple[type[Stage], ...] = (Additive, Dot, Bilinear, Summary)
"""What goes into `Write(..., attend=...)`."""

OTHERS: tuple[type[Word], ...] = (*ATTENTIONS, Views)

WORDS: dict[str, type[Word]] = {word.name(): word for word in (*STAGES, *ENDS, *OPTIMIZERS, *RATES, *KINDS, *OTHERS)}
