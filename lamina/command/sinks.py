"""Where the numbers of rows go: lines on standard output, or a CSV, Parquet or numpy file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lamina.command.lines import CSVLines, JSONLines
from lamina.errors import DataError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetWriter
    from torch import Tensor

Cells = list[dict[str, Any]] | None
"""What is kept of rows beside their numbers, by column."""


class Sink(Protocol):
    """Takes batches of rows, one after another."""

    def add(self, cells: Cells, names: Sequence[str], values: Tensor) -> None:
        """Take rows.

        Args:
            cells: what stands before the numbers of each; None for nothing.
            names: of the numbers; empty where a file of numpy's alone has a place for them.
            values: the numbers of each.
        """

    def close(self) -> None:
        """Write what is left."""


class Lines:
    """A line for each row."""

    def __init__(self, writer: CSVLines | JSONLines) -> None:
        self.writer = writer

    def add(self, cells: Cells, names: Sequence[str], values: Tensor) -> None:
        from lamina.command.predict import beside, rounded

        for place, row in enumerate(rounded(values, 9)):
            line = dict(zip(names, row, strict=True))
            self.writer.write(line if cells is None else beside(cells[place], line))

    def close(self) -> None:
        sys.stdout.flush()


class CSVFile(Lines):
    """A CSV file."""

    def __init__(self, path: Path) -> None:
        self.stream = path.open("w", encoding="utf-8", newline="")
        super().__init__(CSVLines(self.stream))

    def close(self) -> None:
        self.stream.close()


class ParquetFile:
    """A Parquet file, whose columns are those of the first rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer: ParquetWriter | None = None

    def add(self, cells: Cells, names: Sequence[str], values: Tensor) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kept = {} if not cells else {name: [row[name] for row in cells] for name in cells[0] if name not in names}
        columns = kept | dict(zip(names, values.T.contiguous().numpy(), strict=True))
        table = pa.table(columns, schema=None if self.writer is None else self.writer.schema)
        self.writer = self.writer or pq.ParquetWriter(self.path, table.schema)
        self.writer.write_table(table)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


class ArrayFile:
    """A file that numpy reads, of the numbers alone, in their own shape. They are held until the last has come."""

    def __init__(self, path: Path) -> None:
        self.path, self.parts = path, list["Tensor"]()

    def add(self, cells: Cells, names: Sequence[str], values: Tensor) -> None:
        self.parts.append(values)

    def close(self) -> None:
        import numpy as np
        import torch

        if self.parts:
            with self.path.open("wb") as file:
                np.save(file, torch.cat(self.parts).contiguous().numpy())


FORMS: dict[str, type[CSVFile] | type[ParquetFile] | type[ArrayFile]] = {
    ".csv": CSVFile, ".parquet": ParquetFile, ".npy": ArrayFile,
}  # fmt: skip


def check_form(out: Path, forms: Sequence[str]) -> None:
    """Refuse a file of no known form, before anything is computed.

    Raises:
        DataError: naming the forms.
    """
    if out.suffix.lower() not in forms:
        raise DataError(f"--out {out}: expected a file that ends in {' or '.join(forms)}, got {out.suffix!r}")
    if not out.absolute().parent.is_dir():
        raise DataError(f"--out {out}: its folder is not there; make it, or name another")


@contextmanager
def opened_sink(out: Path | None, as_json: bool) -> Iterator[Sink]:
    """Takes rows and writes them: to a file, which has its name when all of it is there, or as lines.

    Raises:
        DataError: if the file cannot be written, or its form has no place for no rows.
    """
    from lamina.training import files

    if out is None:
        lines = Lines(JSONLines() if as_json else CSVLines())
        try:
            yield lines
        finally:
            lines.close()  # what was answered before what went wrong is said
        return
    draft = files.draft_of(out)
    try:
        sink = FORMS[out.suffix.lower()](draft)
        try:
            yield sink
        finally:
            sink.close()
        if not draft.is_file():
            raise DataError(f"{out} is not written: there are no rows for it")
        draft.replace(out)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror or error}; name another --out") from None
    finally:
        draft.unlink(missing_ok=True)
