"""`model.json`: what a model's artifact says of itself; read, it is a file that nobody vouches for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import lamina
from lamina.data.pictures.reading import PictureOrigin
from lamina.data.series.origin import SeriesOrigin
from lamina.data.tables.origin import Origin
from lamina.data.text.reading import TextOrigin
from lamina.errors import RunError
from lamina.kinds import Image, Sequence, Tokens, Value
from lamina.net import Net
from lamina.nets.traits import foreign
from lamina.training import files

if TYPE_CHECKING:
    from lamina.model import Model

FORMAT = 4
ADDED = {3: ("pictures", "views"), 4: ("text", "series")}
"""What each format has more than the one before; a file of an older format says nothing of it."""

OLDEST = 2
LARGEST_BYTES = 8 * 2**20


def described(model: Model) -> dict[str, Any]:
    """The description of a model, as JSON has it."""
    return {
        "format": FORMAT,
        "lamina": lamina.__version__,
        "net": model.net.sentence(),
        "needs_code": foreign(model.net.body),
        "given": str(model.net.given),
        "target": str(model.net.target),
        "classes": model.classes,
        "features": model.features,
        "scale": model.scale,
        "parts": model.parts,
        "table": None if model.origin is None else model.origin.to_json(),
        "pictures": None if model.pictures is None else model.pictures.to_json(),
        "views": None if model.net.views is None else str(model.net.views),
        "text": None if model.text is None else model.text.to_json(),
        "series": None if model.series is None else model.series.to_json(),
    }


def read_description(path: Path) -> dict[str, Any]:
    """The description of a model, all its parts there and of their types.

    Raises:
        RunError: if it is damaged, or of another format.
    """
    expected: dict[str, Any] = {
        "format": int, "net": str, "needs_code": bool, "given": str, "target": str, "classes": list, "features": list,
        "scale": (float, type(None)), "table": (dict, type(None)),
        "parts": list, "pictures": (dict, type(None)), "views": (str, type(None)),
        "text": (dict, type(None)), "series": (dict, type(None)),
    }  # fmt: skip
    description = files.read_json(path, LARGEST_BYTES)
    older = description.get("format")
    if isinstance(older, int) and older < OLDEST:
        raise RunError(f"{path}: format {older} is older than this lamina reads, from {OLDEST} on; train it again")
    for number, names in ADDED.items():
        if isinstance(older, int) and older < number:
            description |= dict.fromkeys(names)
    wrong = [name for name, sort in expected.items() if not isinstance(description.get(name, expected), sort)]
    if "parts" not in wrong and not all(map(is_part, description["parts"])):
        wrong.append("parts")
    for name in ("classes", "features"):
        if name not in wrong and not all(isinstance(text, str) for text in description[name]):
            wrong.append(name)
    if wrong:
        raise RunError(f"{path} is not as lamina writes it: {', '.join(wrong)} missing or of a wrong type")
    if description["format"] > FORMAT:
        raise RunError(f"{path}: format {description['format']} is newer than this lamina knows; install a newer one")
    return description


def is_part(written: Any) -> bool:
    """Whether this is what JSON makes of a `Part`."""
    if not (isinstance(written, list) and len(written) == 2 and isinstance(written[1], list)):
        return False
    return all(isinstance(text, str) for text in (written[0], *written[1]))


def check_fields(origin: Origin, net: Net, features: tuple[str, ...], text: TextOrigin | None, where: str) -> None:
    """Refuse fields that do not give what the net takes.

    Raises:
        RunError: naming what they give.
    """
    from lamina.data.tables.encode import feature_names, ordered, table_kind
    from lamina.data.tables.fields import Text

    if text is not None or any(isinstance(field, Text) for field in origin.fields):
        tokens = None if text is None else Tokens(len(text.input))
        if tokens != net.given or {type(field) for field in origin.fields} != {Text} or len(origin.fields) > 2:
            raise RunError(f"{where}: its texts give {tokens}, not what the net takes; lamina did not write this")
        return
    gives, named = table_kind(origin.fields), feature_names(origin.fields)
    if (gives, named, tuple(ordered(origin.fields))) != (net.given, features, origin.fields):
        raise RunError(f"{where}: its fields give {gives}, not what the net takes; lamina did not write this")


def check_pictures(pictures: PictureOrigin, net: Net, where: str) -> None:
    """Refuse pictures of another size than the net takes.

    Raises:
        RunError: naming what they are.
    """
    gives = Image(pictures.channels, pictures.height, pictures.width)
    if gives != net.given:
        raise RunError(f"{where}: its pictures give {gives}, not what the net takes; lamina did not write this")


def check_series(series: SeriesOrigin, net: Net, where: str) -> None:
    """Refuse a series of other columns or another horizon than the net forecasts.

    Raises:
        RunError: naming what it gives.
    """
    width = len(series.columns)
    gives, follows = Sequence(width), Value(series.horizon * width)
    if (gives, follows) != (net.given, net.target):
        raise RunError(
            f"{where}: its series gives {gives} and {follows}, not what the net takes; lamina did not write this"
        )
