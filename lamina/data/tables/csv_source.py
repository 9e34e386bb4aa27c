"""Delimited text: CSV and its relatives."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lamina.data.tables.arrow_cells import (
    NUMBER,
    TEXT,
    Blanks,
    code_with_zeros,
    like_thousands,
    numbers,
    share_with_comma,
    tidied,
    with_points,
)
from lamina.data.tables.arrow_csv import Kinds, NoNumber, Ragged, Reader, Refused
from lamina.data.tables.dialect import dialect_of
from lamina.data.tables.file_key import file_key
from lamina.data.tables.gathered import MOST_ODD
from lamina.data.tables.left_out import LeftOut
from lamina.data.tables.reading import Reading
from lamina.data.tables.rows import Block, blocks, last_end, quotes, row_starts
from lamina.data.tables.source import Retyped, Source, ahead, chosen
from lamina.data.tables.text_file import TextFile
from lamina.data.tables.texts import MOSTLY
from lamina.errors import DataError, shown

Columns = dict[str, pa.DictionaryArray]

MOST_NOTED = 5
"""So many columns are pointed out whose numbers may be thousands."""

RESTARTS = 3
"""After so many, the rest of the file is searched at once for further columns that are no numbers."""


class CsvSource(Source):
    """The rows of a delimited file.

    A column is numbers if all its cells in the first megabyte are, and text else. When a word comes up later, the
    column is known to be text from then on, and the reader must begin again.

    Args:
        path: the file.
        reading: what the user says of it.
        as_text: columns read as text whatever they look like.
        only: the columns wanted.
        expected: the columns that a file before this one has.
    """

    def __init__(
        self,
        path: Path,
        reading: Reading,
        as_text: Collection[str] = (),
        only: Sequence[str] | None = None,
        expected: Sequence[str] = (),
    ) -> None:
        self._file = TextFile(path, reading.encoding)
        super().__init__(self._file.name, self._file.size, as_text)
        self._reading = reading
        self._blanks = Blanks(reading.blanks)
        strange = _no_utf8(Block(self._file.head, 1), self._file)
        if strange:
            self.notes.append(strange)
            self._file.turn_to_latin()
        dialect = dialect_of(self._file.head, self.name, reading, only or expected)
        self.notes.extend(dialect.notes)
        self._reader = Reader(dialect, self._blanks)
        self._names = self._chosen(only)
        self._texts: set[str] = set()
        self._commas: set[str] = set()  # texts among them are numbers with a decimal comma, but for some
        # Columns that must be numbers: that was said, or they are asked for by name and not as text.
        self._sought = {name for name, kind in reading.said().items() if kind == "number"} | set(only or ())
        self._left_out = LeftOut(self.name, reading.skip_bad)
        self._restarts = 0
        self._look()
        self.delimiter = chr(dialect.marks.delimiter) if dialect.marks.delimiter is not None else None
        self.decimal = self._reader.decimal
        self.headed = dialect.headed

    def columns(self) -> Kinds:
        return {name: TEXT if name in self._texts or name in self.as_text else NUMBER for name in self._names}

    def batches(self) -> Iterator[pa.RecordBatch]:
        return ahead(self._batches())

    def where(self, row: int) -> str:
        row = self._left_out.place(row)
        for block in self._blocks():
            starts = row_starts(block.text, self._reader.dialect.marks)
            if row < len(starts):
                return f"{self.name}:{block.line_of(int(starts[row]))}"
            row -= len(starts)
        return self.name

    def key(self) -> str:
        return file_key(self._file.path, self._reading, sorted(self.as_text), self._names)

    def _chosen(self, only: Sequence[str] | None) -> list[str]:
        try:
            return chosen(self.name, self._reader.dialect.names, only)
        except DataError as error:
            raise DataError(f"{error}{self._reading.in_one_piece(self._reader.dialect.names)}") from None

    def _blocks(self) -> Iterator[Block]:
        return blocks(self._file, self._reader.dialect.marks, self._reader.dialect.start)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self._left_out = LeftOut(self.name, self._reading.skip_bad)
        self.skipped = self._left_out.messages
        stream, rows = ahead(self._blocks()), 0
        for block in stream:
            self._check_letters(block)
            batch = self._batch(block, rows)
            if batch is None:
                self._restarts += 1
                if self._restarts >= RESTARTS:
                    for further in stream:
                        self._check_letters(further)
                        self._converted(further, rows)
                raise Retyped
            rows += len(batch)
            yield batch
        if not rows:
            raise DataError(f"{self.name}: expected rows, found none that can be read; check the file")

    def _batch(self, block: Block, before: int) -> pa.RecordBatch | None:
        """The rows of a block, after so many; None if they show that columns are no numbers."""
        kinds = self.columns()
        try:
            table = self._table(block, kinds, before)
        except NoNumber:
            return self._converted(block, before)
        columns = [_one(chunks) for chunks in table.columns]
        columns = [
            self._pointed(name, tidied(column, self._blanks)) if column.type == TEXT else column
            for name, column in zip(kinds, columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, names=list(kinds))

    def _converted(self, block: Block, before: int) -> pa.RecordBatch | None:
        """The rows of a block of which arrow could not read the numbers: perhaps blanks are spelled in an odd way."""
        kinds = self.columns()
        table = self._table(block, dict.fromkeys(kinds, TEXT), before)
        columns = {name: tidied(_one(chunks), self._blanks) for name, chunks in zip(kinds, table.columns, strict=True)}
        for name, kind in kinds.items():
            if kind == NUMBER:
                columns[name] = numbers(columns[name], self._reader.decimal)
            else:
                columns[name] = self._pointed(name, columns[name])
        words = [name for name, column in columns.items() if column is None]
        self._texts.update(words)
        return None if words else pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def _pointed(self, name: str, column: pa.DictionaryArray) -> pa.DictionaryArray:
        """A tidied column of texts; numbers with a decimal comma get a point, so that all know them as numbers.

        Raises:
            Retyped: if some have a point already: then commas and points are letters of this column from now on.
        """
        if name not in self._commas:
            return column
        pointed = with_points(column)
        if pointed is None:
            self._commas.discard(name)
            raise Retyped
        return pointed

    def _table(self, block: Block, kinds: Kinds, before: int) -> pa.Table:
        """The rows of a block as arrow reads them; ragged ones are left out."""
        ragged: list[Ragged] = []
        try:
            table = self._reader.read(block.text, kinds, ragged, self._left_out.enough)
        except Refused as error:
            self._leave_out(block, before)
            raise DataError(
                f"{self.name}: the rows from line {block.line} on cannot be read ({shown(str(error))}); mend them"
            ) from None
        if ragged:
            self._leave_out(block, before)
        return table

    def _leave_out(self, block: Block, before: int) -> None:
        """Note which rows of a block are ragged, and refuse them if they are more than may be left out."""
        starts = row_starts(block.text, self._reader.dialect.marks)
        before += len(self._left_out)
        for row, message in self._reader.ragged(block.text, self._left_out.enough):
            line = block.line_of(int(starts[row]))
            self._left_out.add(before + row, f"{self.name}:{line}: {message}")
        try:
            self._left_out.check()
        except DataError as error:
            taken = self._reader.dialect.taken
            raise DataError(f"{error}\n{taken}" if len(self._left_out) > 1 else f"{error} ({taken})") from None

    def _look(self) -> None:
        """See from the first rows which columns are numbers, and how they are written."""
        marks = self._reader.dialect.marks
        text = self._file.head[self._reader.dialect.start :]
        text = text if self._file.whole else text[: last_end(text, marks)]
        if self._file.whole and not len(row_starts(text, marks)):
            raise DataError(f"{self.name}: expected rows, found only a head; check the file")
        names = [name for name in self._names if name not in self.as_text]
        if not names or not text or quotes(text, marks).open_at(len(text)) is not None:
            return
        try:
            table = self._reader.read(text, dict.fromkeys(names, TEXT), [], len(text) + 1)
        except Refused:
            return  # which will be said when the rows are read
        self._sort(
            {name: tidied(_one(chunks), self._blanks) for name, chunks in zip(names, table.columns, strict=True)}
        )

    def _sort(self, columns: Columns) -> None:
        """Tell numbers from texts, and see how numbers are written."""
        pointed = {name: column for name, column in columns.items() if numbers(column) is not None}
        self._texts.update(name for name in columns if name not in pointed)
        if self._reader.dialect.marks.delimiter != ord(","):
            self._settle_decimals(columns, pointed)
            for name in [name for name, column in pointed.items() if like_thousands(column)][:MOST_NOTED]:
                self.notes.append(
                    f"{self.name}: column {name!r}: every number has three digits after its point; if these are "
                    "thousands, take the points out"
                )
        for name, column in pointed.items():
            code = code_with_zeros(column)
            if code is not None:
                self._texts.add(name)
                self.notes.append(f"{self.name}: column {name!r} is kept as text: {code} would lose its zero")

    def _settle_decimals(self, columns: Columns, pointed: Columns) -> None:
        """Read with a decimal comma if columns of numbers, but for a few words, have one, and no other has a point."""
        whole, nearly = [], {}
        for name in [name for name in columns if name not in pointed]:
            share, others, example = share_with_comma(columns[name])
            is_whole = numbers(columns[name], ",") is not None
            whole += [name] * is_whole
            few_others = share >= MOSTLY and others <= MOST_ODD
            if example is not None and (is_whole or few_others or name in self._sought):
                nearly[name] = example
        if not nearly or any(pc.any(pc.match_substring(one.dictionary, ".")).as_py() for one in pointed.values()):
            return
        name, example = next(iter(nearly.items()))
        self._reader.decimal = ","
        self._texts.difference_update(whole)
        self._commas = {*pointed, *whole, *nearly}
        self.notes.append(f"{self.name}: read with a decimal comma, since column {name!r} holds {example!r}")

    def _check_letters(self, block: Block) -> None:
        """Begin again in Latin-1 if a block is no UTF-8."""
        strange = _no_utf8(block, self._file)
        if strange is None:
            return
        self.notes.append(strange)
        self._file.turn_to_latin()
        # The columns' names were UTF-8, and are known already; but the head takes other bytes now.
        dialect = self._reader.dialect
        anew = dialect_of(self._file.head, self.name, self._reading, dialect.names)
        self._reader.dialect = replace(dialect, start=anew.start)
        raise Retyped


def _no_utf8(block: Block, file: TextFile) -> str | None:
    """What to say of a block that is no UTF-8 where nothing was said of the encoding."""
    if file.sure or block.text.isascii():
        return None
    try:
        block.text.decode()
    except UnicodeDecodeError as error:
        if block.text is file.head and error.end == len(block.text) and not file.whole:
            return None  # a letter cut in two
        byte, line = block.text[error.start], block.line_of(error.start)
        return f"{file.name}: read as Latin-1, since byte 0x{byte:02x} at line {line} is no UTF-8"
    return None


def _one(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
