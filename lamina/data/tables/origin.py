"""What a dataset remembers of the table that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamina.data.tables.fields import Field, from_json, to_json
from lamina.data.tables.reading import Reading
from lamina.errors import DataError, SentenceError, shown


@dataclass(frozen=True)
class Origin:
    """The table that a dataset came from.

    Attributes:
        fields: how its columns became numbers, in the order of the inputs.
        reading: what the user said of it.
        columns: the names of all its columns, as they stand.
        notes: what was assumed, decided and found, a sentence each.
        delimiter: what stands between its cells; None where it was no delimited text.
        decimal: "." or ",".
        headed: whether its first line was a head.
    """

    fields: tuple[Field, ...]
    reading: Reading
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    delimiter: str | None = None
    decimal: str = "."
    headed: bool = True

    def to_json(self) -> dict[str, Any]:
        """What a model keeps."""
        fields = [to_json(field) for field in self.fields]
        seen = {"delimiter": self.delimiter, "decimal": self.decimal, "headed": self.headed}
        return {"reading": self.reading.to_json(), "columns": list(self.columns), "fields": fields, **seen}


def origin_in(written: Any, where: str) -> Origin:
    """What `to_json` gave, read from a file that nobody vouches for.

    Raises:
        DataError: if it is damaged.
    """
    expected: dict[str, Any] = {
        "reading": dict, "columns": list, "fields": list,
        "delimiter": (str, type(None)), "decimal": str, "headed": bool,
    }  # fmt: skip
    wrong = [name for name, sort in expected.items() if not isinstance(written.get(name, expected), sort)]
    if wrong or not all(isinstance(name, str) for name in written["columns"]):
        raise DataError(f"{where}: table is not as lamina writes it: {', '.join(wrong) or 'columns'} of a wrong type")
    try:
        reading = Reading(**{str(name): value for name, value in written["reading"].items()})
    except SentenceError as error:
        raise DataError(f"{where}: {error}") from None
    fields = tuple(from_json(field, where) for field in written["fields"])
    columns = [field.column for field in fields]
    if not columns or len(set(columns)) < len(columns):
        raise DataError(f"{where}: table: expected fields of unlike columns, got {shown(columns)}")
    seen = {name: written[name] for name in ("delimiter", "decimal", "headed")}
    return Origin(fields, reading, tuple(written["columns"]), **seen)
