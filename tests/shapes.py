"""The checker of types and shapes that the tests put on every function of lamina: a whole number is a number to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintException

check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its annotations checked at each call, unless they say what beartype cannot check (`Self`)."""
    try:
        return check(function)
    except BeartypeDecorHintException:
        return function
