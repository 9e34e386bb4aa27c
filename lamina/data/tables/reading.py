"""How a table is read: what the user says of it, and what is assumed where nothing is said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lamina.data.tables.fields import KINDS
from lamina.errors import did_you_mean
from lamina.settings import Natural
from lamina.word import Saying

BLANKS = frozenset(
    ("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "1.#qnan", "1.#ind", "null", "none", "nil", "?", "-", "--", ".")
)
"""What stands for a blank cell, in lower case and without spaces around it."""


TABS = ("tab", "\\t")
"""How people write a tab on a command line: by its name, or as a backslash and a t."""


class Reading(Saying):
    """How a table is read.

    Args:
        target: the columns to be predicted.
        files: further files with the same columns, whose rows follow those of the first.
        kinds: what a column is, where what is inferred does not suit: "zip=category"; see `KINDS` for what there is. A
            date may say how it is written: "when=date:%d/%m/%Y".
        test: a file of rows that test.
        group: a column; rows that share its value are never on two sides of a split.
        time: a column; what comes early trains, what comes late tests.
        names: the columns' names, for files without a head.
        header: whether the first line is a head; None to see for oneself.
        delimiter: between cells, "tab" for a tab; None to see for oneself.
        encoding: such as "latin-1"; None for UTF-8, and for Latin-1 where it is no UTF-8.
        blanks: further texts that stand for a blank cell.
        inputs_only: whether nothing is predicted but the inputs themselves, so that no target is named.
        skip_bad: how many rows that cannot be read are left out, and listed, before it is a mistake.
    """

    target: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    test: str | None = None
    group: str | None = None
    time: str | None = None
    names: tuple[str, ...] = ()
    header: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None
    blanks: tuple[str, ...] = ()
    skip_bad: Natural = 0
    inputs_only: bool = False

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if self.delimiter in TABS:
            self.delimiter = "\t"

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        mistakes = []
        for said in values["kinds"]:
            name, equals, kind = said.rpartition("=")
            if not (name and equals):
                mistakes.append(f"a kind is said as COLUMN=KIND, got {said!r}")
            elif kind.partition(":")[0] not in KINDS:
                mistakes.append(f"{said!r}: there is no kind {kind!r}{did_you_mean(kind, KINDS)}")
        split_by = [what for what in ("group", "time") if values[what] is not None and values[what] in values["target"]]
        mistakes += [f"{what}={values[what]!r} is the target: split by another column" for what in split_by]
        if values["group"] is not None and values["time"] is not None:
            mistakes.append("split by group or by time, not by both; leave one out")
        if values["inputs_only"] and values["target"]:
            mistakes.append("inputs_only says that nothing else is predicted, but there is a target; leave one out")
        delimiter = values["delimiter"]
        if delimiter is not None and len(delimiter) != 1 and delimiter not in TABS:
            mistakes.append(f"the delimiter must be one character, got {delimiter!r}")
        if values["header"] and values["names"]:
            mistakes.append("names are for files without a head; leave out names or header=True")
        return mistakes

    def said(self) -> dict[str, str]:
        """The kind that was asked for, by column."""
        return {name: kind for name, _, kind in (text.rpartition("=") for text in self.kinds)}

    def in_one_piece(self, columns: Collection[str]) -> str:
        """The tail of a message about a missing column, where the delimiter that was said found but one column."""
        if self.delimiter is None or len(columns) != 1:
            return ""
        return f" (read with {self.delimiter!r}, as you said; say another --delimiter if that is wrong)"

    def anywhere(self) -> Reading:
        """The same with paths from the root, so that it means the same from any folder."""
        files = tuple(str(Path(file).resolve()) for file in self.files)
        test = None if self.test is None else str(Path(self.test).resolve())
        return Reading(**{**self.values(), "files": files, "test": test})

    def to_json(self) -> dict[str, Any]:
        """What was said, as TOML and JSON keep it: what is as it would be anyway is left out."""
        defaults = {setting.name: setting.default for setting in self.settings()}
        said = {name: value for name, value in self.values().items() if value != defaults[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


SEVERAL = ("target", "files", "names", "blanks")


def as_reading(asked: Mapping[str, Any]) -> Reading:
    """A reading as people say it in Python: one name for several, and kinds as a dict.

    Raises:
        SentenceError: naming every mistake.

    >>> as_reading({"target": "price", "kinds": {"zip": "category"}})
    Reading(('price',), kinds=('zip=category',))
    """
    said = dict(asked)
    for name in SEVERAL:
        if isinstance(said.get(name), str):
            said[name] = (said[name],)
    if isinstance(said.get("kinds"), Mapping):
        said["kinds"] = tuple(f"{column}={kind}" for column, kind in said["kinds"].items())
    if isinstance(said.get("test"), Path):
        said["test"] = str(said["test"])
    return Reading(**said)
