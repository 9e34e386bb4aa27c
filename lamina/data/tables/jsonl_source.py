"""JSON, one object a line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import json

from lamina.data.tables import json_rows
from lamina.data.tables.arrow_cells import NUMBER, TEXT, Blanks, as_texts, code_with_zeros, given, is_plain, numbers
from lamina.data.tables.file_key import file_key
from lamina.data.tables.json_rows import TYPES, Fault, Kind
from lamina.data.tables.left_out import LeftOut
from lamina.data.tables.reading import Reading
from lamina.data.tables.rows import Block, Marks, blocks, last_end, row_starts
from lamina.data.tables.source import Retyped, Source, ahead, chosen
from lamina.data.tables.text_file import TextFile
from lamina.errors import DataError

LINES = Marks(None)
PIECE_BYTES = 2**20
MOST_BRACKETS = 500
"""Arrow goes down into nested values by recursion, and the process dies with it if they are too deep."""
RESTARTS = 3


class JsonlSource(Source):
    """The rows of a file of JSON objects, one a line, whose keys may differ.

    Texts that are all numbers in the first megabyte are read as numbers. Blocks in which everything is as expected
    are read by arrow; any other one by Python, which knows what is wrong with it.
    """

    loose = True

    def __init__(
        self, path: Path, reading: Reading, as_text: Collection[str] = (), only: Sequence[str] | None = None
    ) -> None:
        self._file = TextFile(path, reading.encoding or "utf-8")
        super().__init__(self._file.name, self._file.size, as_text)
        self._reading = reading
        self._only = only
        self._blanks = Blanks(reading.blanks)
        self._kinds: dict[str, Kind | None] = {}
        self._spelled: set[str] = set()
        self._left_out = LeftOut(self.name, reading.skip_bad)
        self._restarts = 0
        self._look()

    def columns(self) -> dict[str, pa.DataType]:
        names = chosen(self.name, list(self._kinds), self._only)
        return {name: self._type(name) for name in names}

    def batches(self) -> Iterator[pa.RecordBatch]:
        return ahead(self._batches())

    def where(self, row: int) -> str:
        row = self._left_out.place(row)
        for block in blocks(self._file, LINES):
            for line, _ in json_rows.lines(block):
                if not row:
                    return f"{self.name}:{line}"
                row -= 1
        return self.name

    def key(self) -> str:
        return file_key(self._file.path, self._reading, sorted(self.as_text), self._only)

    def _type(self, name: str) -> pa.DataType:
        plain = given(TYPES[self._kinds[name]])
        if name in self.as_text and is_plain(plain):
            return TEXT
        return NUMBER if name in self._spelled else plain

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self._left_out = LeftOut(self.name, self._reading.skip_bad)
        self.skipped = self._left_out.messages
        stream, rows = ahead(blocks(self._file, LINES)), 0
        for block in stream:
            batch = self._batch(block, rows)
            if batch is None:
                self._restarts += 1
                if self._restarts >= RESTARTS:
                    for further in stream:
                        self._batch(further, rows)
                raise Retyped
            rows += len(batch)
            if len(batch):
                yield batch
        if not rows:
            raise DataError(f"{self.name}: expected rows, found none that can be read; check the file")

    def _batch(self, block: Block, rows: int) -> pa.RecordBatch | None:
        """The rows of a block, after so many; None if they hold more than was known."""
        plain = self._by_arrow(block) or self._by_line(block, rows)
        if plain is None:
            return None
        made, fits = [], True
        types = self.columns()
        for name, kind in types.items():
            column = plain[name]
            if kind == TEXT or name in self._spelled:
                column = as_texts(column, self._blanks)
            if kind == NUMBER and name in self._spelled:
                column = numbers(column)
                if column is None:
                    self._spelled.discard(name)
                    fits = False
            made.append(column)
        return pa.RecordBatch.from_arrays(made, names=list(types)) if fits else None

    def _by_arrow(self, block: Block) -> dict[str, pa.Array] | None:
        """The columns of a block as arrow reads them; None if it had better not, or found what is not known."""
        starts = row_starts(block.text, LINES)
        if "mixed" in self._kinds.values() or _is_risky(block.text, starts):
            return None
        schema = [(name, TYPES[kind]) for name, kind in self._kinds.items() if kind != "nested"]
        for size in (PIECE_BYTES, len(block.text) + 1):
            try:
                table = json.read_json(
                    pa.BufferReader(block.text),
                    read_options=json.ReadOptions(block_size=size),
                    parse_options=json.ParseOptions(explicit_schema=pa.schema(schema)),
                )
            except pa.ArrowException:
                continue  # once more in one piece, for a line may be longer than a piece
            if len(table) != len(starts) or set(table.column_names) - set(self._kinds):
                return None
            return {
                name: pa.nulls(len(table), TYPES[kind])
                if kind == "nested"
                else pa.concat_arrays(table.column(name).chunks)
                for name, kind in self._kinds.items()
            }
        return None

    def _by_line(self, block: Block, rows: int) -> dict[str, pa.Array] | None:
        """The columns of a block, line by line; None if they hold more than was known."""
        faults: list[Fault] = []
        found = json_rows.objects(block, faults)
        if faults:
            self._leave_out(faults, rows)
        if json_rows.learned(self._kinds, found):
            return None
        return {name: json_rows.column(found, name, kind) for name, kind in self._kinds.items()}

    def _leave_out(self, faults: list[Fault], before: int) -> None:
        """Note which lines cannot be read, and refuse them if they are more than may be left out."""
        before += len(self._left_out)
        for fault in faults:
            self._left_out.add(before + fault.row, f"{self.name}:{fault.line}: {fault.message}")
        self._left_out.check()

    def _look(self) -> None:
        """See from the first lines which keys there are and what they hold."""
        head = self._file.head
        if not head.strip():
            raise DataError(f"{self.name}: expected one JSON object a line, got an empty file; check the path")
        head = head if self._file.whole else head[: last_end(head, LINES)]
        faults: list[Fault] = []
        rows = json_rows.objects(Block(head, 1), faults)
        if faults:
            self._leave_out(faults, 0)
        json_rows.learned(self._kinds, rows)
        if not self._kinds and rows:
            raise DataError(f"{self.name}: expected objects with keys, found only empty ones; check the file")
        for name in self.columns():
            if self._kinds[name] != "text" or name in self.as_text:
                continue
            texts = as_texts(json_rows.column(rows, name, "text"), self._blanks)
            if len(texts.dictionary) and numbers(texts) is not None:
                code = code_with_zeros(texts)
                if code is None:
                    self._spelled.add(name)
                else:
                    self.notes.append(f"{self.name}: column {name!r} is kept as text: {code} would lose its zero")


def _is_risky(text: bytes, starts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bool:
    """Whether lines hold what arrow takes but should not, or what it does not survive."""
    if b"NaN" in text or b"Inf" in text or not len(starts):
        return True
    # The codes of both opening brackets differ in one bit.
    opening = (np.frombuffer(text, np.uint8) | 0x20) == ord("{")
    return int(np.add.reduceat(opening, starts, dtype=np.int64).max()) > MOST_BRACKETS
