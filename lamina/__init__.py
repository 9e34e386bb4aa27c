"""lamina: deep learning in sentences.

A net is a chain of stages that ends in a distribution: `la.Dense(128) >> la.ReLU() >> la.Classify()`. `la.train` trains
it, `la.build` makes a plain torch module of it. Everything is loaded when it is first asked for, so that importing
lamina costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina.api import *  # noqa: F403

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    api = importlib.import_module("lamina.api")
    if hasattr(api, name):
        return getattr(api, name)
    from lamina.errors import did_you_mean

    raise AttributeError(f"lamina has no {name!r}{did_you_mean(name, __dir__())}")


def __dir__() -> list[str]:
    return [name for name in dir(importlib.import_module("lamina.api")) if not name.startswith("_")]
