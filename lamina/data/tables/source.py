"""A source: the rows of a table as a stream of arrow batches, in bounded memory, whatever they come from."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from lamina.data.tables.fields import Field
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import Reading
from lamina.errors import DataError, did_you_mean, listed

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET, JSON, DELIMITED = (".parquet", ".pq"), (".jsonl", ".ndjson"), (".csv", ".tsv", ".txt")
ENDINGS = re.compile(r"\.((csv|tsv|txt|jsonl|ndjson)(\.gz|\.zst)?|parquet|pq)$", re.IGNORECASE)
GLOB = re.compile(r"[*?\[]")

Item = TypeVar("Item")


class Retyped(Exception):
    """A column turned out to hold something else than it seemed; the source now knows better: begin again."""


class Source(ABC):
    """The rows of a table.

    Attributes:
        name: what the user called it.
        size: the bytes that its rows take on disk, unpacked as far as can be told; 0 for what is in memory.
        notes: what was assumed or converted, a sentence each; complete when `batches` has ended.
        skipped: the rows left out, a message each.
        as_text: columns that are read as text whatever they look like.
        loose: whether rows may lack columns, which are blank there.
        delimiter: what stands between cells; None where it is no delimited text.
        decimal: "." or ",".
        headed: whether the first line is a head.
    """

    loose: ClassVar[bool] = False

    def __init__(self, name: str, size: int = 0, as_text: Collection[str] = ()) -> None:
        self.name = name
        self.size = size
        self.as_text = set(as_text)
        self.delimiter: str | None = None
        self.decimal = "."
        self.headed = True
        self.notes: list[str] = []
        self.skipped: list[str] = []

    @abstractmethod
    def columns(self) -> dict[str, pa.DataType]:
        """The columns in order, with their types: float64, texts in a dictionary, bool, timestamp, null, or others."""

    @abstractmethod
    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows from the start.

        Raises:
            Retyped: if a column holds something else than `columns` said. It says better now.
            DataError: if rows cannot be read.
        """

    @abstractmethod
    def where(self, row: int) -> str:
        """Where a row stands, counted from 0 over all that `batches` gives, for messages."""

    @abstractmethod
    def key(self) -> str:
        """What changes when the rows may have."""

    def origin(self, fields: tuple[Field, ...], reading: Reading) -> Origin:
        """What a dataset of these rows remembers of them."""
        return Origin(
            fields,
            reading,
            tuple(self.columns()),
            delimiter=self.delimiter,
            decimal=self.decimal,
            headed=self.headed,
        )


def is_table(where: str) -> bool:
    """Whether a path, or a pattern of paths, is called like a table."""
    return ENDINGS.search(where) is not None


def open_source(
    data: str | Path | Any,
    reading: Reading,
    *,
    as_text: Collection[str] = (),
    only: Sequence[str] | None = None,
    test: bool = False,
) -> Source:
    """The rows of a file, of several, or of a table in memory.

    Args:
        data: a path, a pattern such as "data/part-*.csv", or a table: of pandas, polars or arrow, or a dict of arrays.
        reading: how it is read.
        as_text: columns read as text whatever they look like.
        only: the columns wanted; others are ignored.
        test: whether this is a file beside the one that `reading` was said of: its `files` do not belong to it.

    Raises:
        DataError: if it cannot be found or read, or lacks columns that are wanted.
    """
    if not isinstance(data, str | Path):
        from lamina.data.tables.frame_source import FrameSource

        return FrameSource(data, reading, as_text, only)
    from lamina.data.tables.joined_source import joined

    patterns = [str(data), *(() if test else reading.files)]
    paths = [path for pattern in patterns for path in paths_of(pattern)]
    return joined(str(data), [_opener(path, reading) for path in paths], as_text, only, reading.skip_bad)


def _opener(path: Path, reading: Reading) -> Callable[[Collection[str], Sequence[str] | None, Sequence[str]], Source]:
    """What opens one file, given the columns that are text, those wanted, and those it is expected to have."""

    def opened(as_text: Collection[str], only: Sequence[str] | None, expected: Sequence[str]) -> Source:
        ending = ENDINGS.search(path.name)
        suffix = f".{ending[1].split('.')[0].lower()}" if ending else ""
        if suffix in PARQUET + JSON:
            _refuse_text_settings(path, reading, ("delimiter", "header", "names"))
        if suffix in PARQUET:
            from lamina.data.tables.parquet_source import ParquetSource

            return ParquetSource(path, reading, as_text, only)
        if suffix in JSON:
            from lamina.data.tables.jsonl_source import JsonlSource

            return JsonlSource(path, reading, as_text, only)
        from lamina.data.tables.csv_source import CsvSource

        return CsvSource(path, reading, as_text, only, expected)

    return opened


def _refuse_text_settings(path: Path, reading: Reading, names: tuple[str, ...]) -> None:
    """Refuse what says how delimited text is read, of a file that is none."""
    said = [
        f"{name}={value!r}" for name, value in reading.values().items() if name in names and value not in (None, ())
    ]
    if said:
        raise DataError(f"{path}: {', '.join(said)} has no effect: this is no delimited text; leave it out")


def paths_of(pattern: str) -> list[Path]:
    """The files that a path or a pattern stands for, in order.

    Raises:
        DataError: if there are none.
    """
    path = Path(pattern)
    if path.is_dir():
        raise DataError(f"{pattern}: expected a file, got a folder; name its files, as in {path / '*.csv'}")
    if path.exists():
        if not path.is_file():
            raise DataError(f"{pattern}: expected a file, which can be read more than once; save the rows to one")
        return [path]
    if GLOB.search(pattern):
        # The folder is what stands before the first part that is a pattern.
        parts = path.parts
        fixed = next(number for number, part in enumerate(parts) if GLOB.search(part))
        found = sorted(item for item in Path(*parts[:fixed]).glob(str(Path(*parts[fixed:]))) if item.is_file())
        if not found:
            raise DataError(f"{pattern}: expected files, found none that are called so; check the pattern")
        return found
    raise DataError(f"{pattern}: expected a file, found nothing there{_neighbour(path)}")


def _neighbour(path: Path) -> str:
    """What may have been meant by a path where nothing is."""
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent}"
    try:
        near = [item.name for item in path.parent.iterdir() if is_table(item.name)]
    except OSError:
        return "; check the path"
    return did_you_mean(path.name, near[:1000]) if len(near) <= 20 and near else "; check the path"


def chosen(name: str, columns: Sequence[str], only: Sequence[str] | None) -> list[str]:
    """The columns wanted, in the order of the table.

    Raises:
        DataError: if some are missing; all of them are named.
    """
    if only is None:
        return list(columns)
    missing = [column for column in only if column not in columns]
    if missing:
        mistakes = [f"{name}: there is no column {column!r}{did_you_mean(column, columns)}" for column in missing[:20]]
        raise DataError(listed(mistakes, f"{name}: {len(missing)} columns are missing"))
    wanted = set(only)
    return [column for column in columns if column in wanted]


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items, each made in another thread while the one before it is used."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(next, items, None)
        while (item := future.result()) is not None:
            future = pool.submit(next, items, None)
            yield item
