"""Typed settings of a word: read from its annotations, checked when it is made."""

from __future__ import annotations

import inspect
import math
import types
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from lamina.errors import did_you_mean, nearest, shown

REQUIRED = object()
UNKNOWN = object()
"""Stands where a value could not be read; that mistake has been named already, so no setting complains of it."""


@dataclass(frozen=True)
class Bounds:
    """The interval that a number must lie in; an open end excludes its limit."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def hold(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def __str__(self) -> str:
        parts = []
        if self.low > -math.inf:
            parts.append(f"{'above' if self.low_open else 'at least'} {self.low:,}")
        if self.high < math.inf:
            parts.append(f"{'below' if self.high_open else 'at most'} {self.high:,}")
        return " and ".join(parts)


BY_NAME = object()
"""Marks a setting, inside `Annotated`, that must be given with its name; `bind` takes no positional value for it."""

# No count of anything exceeds 2^31 - 1: products of two still fit a 64-bit number when memory is reckoned.
Count = Annotated[int, Bounds(low=1, high=2**31 - 1)]
Natural = Annotated[int, Bounds(low=0, high=2**31 - 1)]
Positive = Annotated[float, Bounds(low=0, low_open=True)]
NonNegative = Annotated[float, Bounds(low=0)]
Fraction = Annotated[float, Bounds(low=0, high=1, high_open=True)]


@dataclass(frozen=True)
class Setting:
    """One typed field of a word."""

    name: str
    type: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def by_name(self) -> bool:
        return get_origin(self.type) is Annotated and BY_NAME in get_args(self.type)


class Unfit(Exception):
    """A value that its setting's type does not admit."""


def read_settings(word: type, root: type) -> tuple[Setting, ...]:
    """The settings of `word`: the annotated fields of it and its parents up to `root`, in order of writing."""
    owners = [owner for owner in reversed(word.__mro__) if issubclass(owner, root) and owner is not root]
    names = dict.fromkeys(name for owner in owners for name in inspect.get_annotations(owner))
    hints = get_type_hints(word, include_extras=True)
    return tuple(
        Setting(name, hints[name], getattr(word, name, REQUIRED))
        for name in names
        if get_origin(hints[name]) is not ClassVar and not name.startswith("_")
    )


def fitted(value: Any, hint: Any) -> Any:
    """`value` as its setting keeps it (a whole number becomes a float where one is asked for).

    Raises:
        Unfit: if the type does not admit the value.
    """
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *conditions = get_args(hint)
        value = fitted(value, inner)
        if any(isinstance(condition, Bounds) and not condition.hold(value) for condition in conditions):
            raise Unfit
        return value
    if origin in (Union, types.UnionType):
        return _fitted_to_one_of(value, get_args(hint))
    if origin is Literal:
        if value in get_args(hint):
            return value
    elif origin is tuple:
        return _fitted_tuple(value, get_args(hint))
    elif hint is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif hint is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif hint is Any or (isinstance(hint, type) and isinstance(value, hint)):
        return value
    raise Unfit


def _fitted_to_one_of(value: Any, hints: tuple[Any, ...]) -> Any:
    for hint in hints:
        try:
            return fitted(value, hint)
        except Unfit:
            continue
    raise Unfit


def _fitted_tuple(value: Any, hints: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):
        raise Unfit
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(fitted(item, hints[0]) for item in value)
    if len(value) != len(hints):
        raise Unfit
    return tuple(fitted(item, hint) for item, hint in zip(value, hints, strict=True))


def described(hint: Any) -> str:
    """What a setting admits, in words: 'a whole number at least 1'."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *conditions = get_args(hint)
        return " ".join([described(inner), *(str(c) for c in conditions if isinstance(c, Bounds))])
    if origin in (Union, types.UnionType):
        return " or ".join(described(part) for part in get_args(hint) if part is not types.NoneType)
    if origin is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(hint))
    if origin is tuple:
        return "a tuple of " + ", ".join(described(part) for part in get_args(hint) if part is not Ellipsis)
    plain = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", types.NoneType: "None"}
    name = getattr(hint, "__name__", str(hint)).lower()
    return plain.get(hint) or f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _stand_in(setting: Setting) -> Any:
    """A value for a setting that was given a wrong one, so that the rest can still be checked."""
    if not setting.required:
        return setting.default
    for guess in (1, 0.5, True, "", ()):
        try:
            return fitted(guess, setting.type)
        except Unfit:
            continue
    return None


def _unknown(value: Any) -> bool:
    return value is UNKNOWN or (isinstance(value, tuple) and any(map(_unknown, value)))


def bind(
    word: str, settings: tuple[Setting, ...], given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Match arguments to settings.

    Returns:
        A value for every setting (a stand-in where the given one was wrong), and the list of mistakes.
    """
    mistakes: list[str] = []
    positional = [setting.name for setting in settings if not setting.by_name]
    offered = dict(zip(positional, given, strict=False))
    if len(given) > len(positional):
        most = f"takes at most {len(positional)} without a name" if settings else "takes no settings"
        mistakes.append(f"{word} {most}, got {len(given)}")
    known = [setting.name for setting in settings]
    for name, value in named.items():
        if name not in known:
            mistakes.append(f"{word} has no setting {name!r}{did_you_mean(name, known)}")
            offered.setdefault(nearest(name, known) or "", UNKNOWN)
        elif name in offered:
            mistakes.append(f"{word} is given {name!r} twice")
        else:
            offered[name] = value
    values: dict[str, Any] = {}
    for setting in settings:
        if setting.name not in offered:
            if setting.required:
                mistakes.append(f"{word} needs {setting.name!r}: {described(setting.type)}")
            values[setting.name] = _stand_in(setting)
            continue
        if _unknown(offered[setting.name]):
            values[setting.name] = _stand_in(setting)
            continue
        try:
            values[setting.name] = fitted(offered[setting.name], setting.type)
        except Unfit:
            came = shown(offered[setting.name])
            mistakes.append(f"{word}: {setting.name} must be {described(setting.type)}, got {setting.name}={came}")
            values[setting.name] = _stand_in(setting)
    return values, mistakes
