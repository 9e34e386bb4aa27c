"""Several files as one table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence

import pyarrow as pa

from lamina.data.tables.arrow_cells import TEXT, is_plain
from lamina.data.tables.left_out import LeftOut
from lamina.data.tables.source import Retyped, Source
from lamina.errors import DataError, did_you_mean, listed

Opener = Callable[[Collection[str], Sequence[str] | None, Sequence[str]], Source]


def joined(
    name: str, openers: Sequence[Opener], as_text: Collection[str], only: Sequence[str] | None, skip_bad: int
) -> Source:
    """The files that these open, one after the other; a single one stands for itself."""
    parts = [openers[0](as_text, only, ())]
    for opener in openers[1:]:
        parts.append(opener(as_text, only, tuple(parts[0].columns())))
    return parts[0] if len(parts) == 1 else JoinedSource(name, parts, skip_bad)


class JoinedSource(Source):
    """The rows of several sources whose columns have the same names, in the order of the first.

    A column that holds numbers here and texts there is text everywhere.

    Args:
        name: what the user called them.
        parts: one a file.
        skip_bad: how many rows may be left out of all together.
    """

    def __init__(self, name: str, parts: Sequence[Source], skip_bad: int) -> None:
        super().__init__(name, sum(part.size for part in parts))
        self._skip_bad = skip_bad
        self._parts = parts
        self.delimiter, self.decimal, self.headed = parts[0].delimiter, parts[0].decimal, parts[0].headed
        self._rows = [0] * len(parts)
        self._check_names()
        self._types = self._agreed()
        self._collect_notes()

    def columns(self) -> dict[str, pa.DataType]:
        return dict(self._types)

    def batches(self) -> Iterator[pa.RecordBatch]:
        self._rows = [0] * len(self._parts)
        for number, part in enumerate(self._parts):
            try:
                for batch in part.batches():
                    self._rows[number] += len(batch)
                    yield self._aligned(batch)
            except Retyped:
                self._types = self._agreed()
                raise
            self._collect_notes()

    def where(self, row: int) -> str:
        for part, rows in zip(self._parts, self._rows, strict=True):
            if row < rows:
                return part.where(row)
            row -= rows
        # The part that was being read when the row was asked for has not been counted to its end.
        last = max((number for number, rows in enumerate(self._rows) if rows), default=0)
        return self._parts[last].where(row + self._rows[last])

    def key(self) -> str:
        return hashlib.blake2b("".join(part.key() for part in self._parts).encode(), digest_size=16).hexdigest()

    def _collect_notes(self) -> None:
        self.notes = [note for part in self._parts for note in part.notes]
        left_out = LeftOut(self.name, self._skip_bad)
        for message in (message for part in self._parts for message in part.skipped):
            left_out.add(0, message)
        left_out.check()
        self.skipped = left_out.messages

    def _check_names(self) -> None:
        first = self._parts[0]
        names = list(first.columns())
        mistakes = []
        for part in self._parts[1:]:
            if part.loose and first.loose:
                continue
            own = list(part.columns())
            mistakes += [
                f"{part.name}: column {name!r} is not in {first.name}{did_you_mean(name, names)}"
                for name in own
                if name not in names
            ]
            mistakes += [
                f"{part.name}: there is no column {name!r}, which {first.name} has" for name in names if name not in own
            ]
        if mistakes:
            raise DataError(listed(mistakes[:20], f"{self.name}: the files must have the same columns"))

    def _agreed(self) -> dict[str, pa.DataType]:
        """One type for each column; the parts are told where it is text."""
        types = {}
        columns = [part.columns() for part in self._parts]
        for name in dict.fromkeys(name for own in columns for name in own):
            kinds = {own.get(name, pa.null()): part.name for own, part in zip(columns, self._parts, strict=True)}
            kinds.pop(pa.null(), None)
            if len(kinds) > 1:
                strange = [(kind, where) for kind, where in kinds.items() if not is_plain(kind)]
                if strange:
                    kind, where = strange[0]
                    raise DataError(
                        f"{where}: column {name!r} holds {kind}, which it does not in the other files; leave it out"
                    )
                for part in self._parts:
                    part.as_text.add(name)
            types[name] = TEXT if len(kinds) > 1 else next(iter(kinds), pa.null())
        return types

    def _aligned(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = []
        for name, kind in self._types.items():
            column = batch.column(name) if name in batch.schema.names else pa.nulls(len(batch))
            columns.append(pa.nulls(len(batch), kind) if column.type == pa.null() else column)
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(list(self._types.items())))
