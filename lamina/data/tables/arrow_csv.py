"""Blocks of delimited text, read by arrow."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
from pyarrow import csv

from lamina.data.tables.arrow_cells import TEXT, Blanks
from lamina.data.tables.dialect import Dialect
from lamina.data.tables.rows import closed_up
from lamina.errors import shown

PIECE_BYTES = 2**20
"""Threads share a block in pieces of this size."""
WIDE = 500
"""From so many columns on, what arrow does once for each column of each piece takes longer than reading: then a block
is one piece, and only the commonest spellings of blanks are looked out for. The others take the long way."""

Kinds = dict[str, pa.DataType]


class NoNumber(Exception):
    """A cell is no number where one should be."""


class Refused(Exception):
    """Arrow cannot read a block at all; the text says why."""


class Ragged(NamedTuple):
    """A row with too many or too few cells: its place in its block (-1 if threads read it), and what is wrong."""

    row: int
    message: str


class Reader:
    """How the rows of a file are read once it is cut into blocks.

    Attributes:
        dialect: how cells and columns are told apart.
        decimal: what stands between a number's whole part and its fraction.
    """

    def __init__(self, dialect: Dialect, blanks: Blanks) -> None:
        self.dialect = dialect
        self.decimal = "."
        self._is_wide = len(dialect.names) >= WIDE
        self._nulls = blanks.commonest if self._is_wide else blanks.spellings

    def read(self, text: bytes, kinds: Kinds, ragged: list[Ragged], enough: int) -> pa.Table:
        """The rows of a block.

        Args:
            text: its rows.
            kinds: the columns wanted, numbers or texts.
            ragged: takes the rows with too many or too few cells.
            enough: with so many of these, reading stops.

        Raises:
            NoNumber: if a cell of a column of numbers is none.
            Refused: if the block cannot be read, or is too ragged.
        """
        text = closed_up(text, self.dialect.marks)
        pieces = len(text) if self._is_wide else PIECE_BYTES
        try:
            try:
                return self._read(text, kinds, ragged, enough, pieces)
            except pa.ArrowInvalid as error:
                if "straddling" not in str(error):
                    raise
                # A row is longer than a piece.
                ragged.clear()
                return self._read(text, kinds, ragged, enough, len(text))
        except pa.ArrowInvalid as error:
            if "conversion error" in str(error):
                raise NoNumber from None
            raise Refused(str(error)) from None

    def ragged(self, text: bytes, enough: int) -> list[Ragged]:
        """The rows with too many or too few cells, with their places, which only a single thread knows."""
        found: list[Ragged] = []
        text = closed_up(text, self.dialect.marks)
        try:
            self._read(text, {self.dialect.names[0]: TEXT}, found, enough, len(text), threads=False)
        except pa.ArrowInvalid:
            return found
        return found

    def _read(
        self, text: bytes, kinds: Kinds, ragged: list[Ragged], enough: int, pieces: int, threads: bool = True
    ) -> pa.Table:
        def leave_out(row: csv.InvalidRow) -> str:
            ragged.append(_described(row))
            return "skip" if len(ragged) < enough else "error"

        return csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(
                column_names=self.dialect.names, block_size=max(pieces, 1), use_threads=threads
            ),
            parse_options=csv.ParseOptions(
                delimiter=chr(self.dialect.marks.delimiter or 0),
                newlines_in_values=b'"' in text,
                invalid_row_handler=leave_out,
            ),
            convert_options=csv.ConvertOptions(
                column_types=kinds,
                include_columns=list(kinds),
                null_values=self._nulls,
                decimal_point=self.decimal,
            ),
        )


def _described(row: csv.InvalidRow) -> Ragged:
    over = ", over several lines: is a quote left open?" if "\n" in row.text else ""
    return Ragged(
        -1 if row.number is None else row.number - 1,
        f"expected {row.expected_columns} cells, got {row.actual_columns}: {shown(row.text)}{over}",
    )
