"""What `import lamina as la` offers: every word of the vocabulary, and the functions that use them."""

from __future__ import annotations

from lamina.data.dataset import Dataset
from lamina.data.sources.arrays import from_arrays
from lamina.errors import DataError, KindError, LaminaError, RunError, SentenceError
from lamina.evaluation import evaluate
from lamina.fold import folded
from lamina.layers.compose import Module
from lamina.loading import load
from lamina.model import Model
from lamina.net import Net, build
from lamina.rewrite import rewritten
from lamina.sentence import parse
from lamina.stage import Chain, Stage
from lamina.training.data import load_data
from lamina.training.folds import train_folds
from lamina.training.loop import fit
from lamina.training.rates import Constant as constant
from lamina.training.rates import Cosine as cosine
from lamina.training.rates import InverseSqrt as inverse_sqrt
from lamina.training.rates import Linear as linear
from lamina.training.rates import Steps as steps
from lamina.training.result import Run
from lamina.training.run import resume, train
from lamina.training.seeds import train_seeds
from lamina.vocabulary import *  # noqa: F403
from lamina.word import same
