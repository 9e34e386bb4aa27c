"""A list of pictures: a table of their paths and what is to be predicted of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamina.data.pictures.folder import SUFFIXES, is_picture
from lamina.data.pictures.listing import MOST_NAMED, Listing, counted
from lamina.data.tables.collect import collect
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, Source, is_table, open_source
from lamina.data.tables.target import Decided, target_of
from lamina.errors import DataError, did_you_mean, listed, shown

ROWS_LOOKED = 20
HEAD_BYTES = 2**16
MOST_SHOWN = 200
PLAIN = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")


def is_picture_list(path: str | Path) -> bool:
    """Whether this is a table with a column of picture files, as far as its first rows tell.

    The cells of such a column are called like pictures, and one of the files is there; in a table of two columns that
    is not asked for, so that a wrong folder is told as such.
    """
    path = Path(path)
    if not is_table(path.name) or not path.is_file():
        return False
    try:
        return _path_column(path) is not None
    except DataError:
        return False  # whoever reads it as a table says what is wrong


def list_table(path: Path, name: str, asked: Reading, classes: tuple[str, ...] | None = None) -> Listing:
    """The pictures that a table names, relative to its folder.

    Args:
        path: CSV, TSV, JSONL or Parquet.
        name: what the user called it.
        asked: the columns to predict; none for the only one beside the paths. Texts, and few whole numbers, are
            classes; other numbers are values; its kinds overrule that. Its blanks stand for no target.
        classes: those that a model knows; empty for a value; None to decide by the table.

    Raises:
        DataError: if there is no column of pictures or no target; if files are missing: all of them are counted.
    """
    column = _path_column(path) if path.is_file() else None
    columns = list(open_source(path, Reading()).columns())
    if column is None:
        raise DataError(
            f"{name}: expected a column of picture files, relative to {path.parent}, got the columns"
            f" {', '.join(columns[:MOST_NAMED])}; check what is in them"
        )
    reading = Reading(_targets(name, columns, column, asked.target), kinds=asked.kinds, blanks=asked.blanks)
    _check_kinds(name, reading)
    collected = collect(open_source(path, reading, only=reading.target), reading)
    collected.name = name
    decided = target_of(collected, {}, reading, None if classes is None else Decided(classes))
    rows = range(collected.rows) if decided.kept is None else decided.kept.nonzero()[0].tolist()
    cells = list(_cells(open_source(path, Reading(), as_text=[column], only=[column]), column))
    paths = tuple(path.parent / str(cells[row] or "") for row in rows)
    _check(name, column, paths, [(collected.where(row), cells[row]) for row in rows if not cells[row]])
    return Listing(
        name,
        path.parent,
        paths,
        decided.column,
        decided.classes,
        None,
        (f"pictures are named in column {column!r}", *collected.notes, *decided.notes),
        decided.parts,
    )


def _path_column(path: Path) -> str | None:
    """The column of picture files, by the first rows."""
    if not _mentions_pictures(path):
        return None
    called: list[str] = []
    source = open_source(path, Reading())
    cells = _first(source)
    for column, texts in cells.items():
        if not texts or not all(isinstance(text, str) and is_picture(text) for text in texts):
            continue
        if any(_is_file(path.parent / text) for text in texts):
            return column
        called.append(column)
    return called[0] if called and len(cells) == 2 else None


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that the system does not take is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _cut(path: Path) -> str:
    """A path as it stands in a message: the end of a long one says little."""
    text = str(path)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _mentions_pictures(path: Path) -> bool:
    """Whether the first lines of a text have a picture's suffix in them; what is packed is not looked into.

    Nearly every table is told from a list of pictures by that, which costs nothing.
    """
    if path.suffix.lower() not in PLAIN:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).replace(b"\0", b"").lower()  # UTF-16 has zeros between its letters
    except OSError:
        return False
    return any(suffix.encode() in head for suffix in SUFFIXES)


def _first(source: Source) -> dict[str, list[Any]]:
    """The first cells of each column that are not blank."""
    while True:
        try:
            batch = next(source.batches(), None)
        except Retyped:
            continue
        if batch is None:
            return {}
        rows = batch.slice(0, ROWS_LOOKED).to_pydict()
        return {column: [cell for cell in cells if cell is not None] for column, cells in rows.items()}


def _cells(source: Source, column: str) -> Iterator[Any]:
    """The cells of a column; None for a blank."""
    given = 0
    while True:
        place = 0
        try:
            for batch in source.batches():
                for cell in batch.column(column).to_pylist():
                    place += 1
                    if place > given:
                        given = place
                        yield cell
            return
        except Retyped:
            continue  # the source knows better now, and begins again


def _targets(name: str, columns: list[str], path_column: str, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The columns to predict."""
    others = [column for column in columns if column != path_column]
    if not asked:
        if len(others) == 1:
            return (others[0],)
        there = f"; there are: {', '.join(others[:MOST_NAMED])}" if others else "; there is none beside the paths"
        raise DataError(f"{name}: expected the name of the column to predict{there}; say --target COLUMN")
    for target in asked:
        if target == path_column:
            raise DataError(f"{name}: target {target!r} holds the paths of the pictures; name another column")
        if target not in others:
            raise DataError(f"{name}: there is no column {shown(target)}{did_you_mean(target, others)}")
    return asked


def _check_kinds(name: str, reading: Reading) -> None:
    """See that what is said of columns is said of those that are predicted."""
    for column, kind in reading.said().items():
        if column not in reading.target:
            targets = ", ".join(reading.target)
            raise DataError(
                f"{name}: --kind {column}={kind} has no effect, for of a list of pictures only the target is read,"
                f" {targets}; leave it out"
            )


def _check(name: str, column: str, paths: tuple[Path, ...], blank: list[tuple[str, Any]]) -> None:
    """See that all pictures are there."""
    if blank:
        raise DataError(
            f"{blank[0][0]}: expected a path in column {column!r}, got a blank cell"
            f" ({counted(len(blank), 'such row')}); fill or remove it"
        )
    missing = [path for path in paths if not _is_file(path)]
    if not missing:
        return
    texts = [f"{_cut(path)}: there is no such file" for path in missing[:MOST_NAMED]]
    if len(missing) > MOST_NAMED:
        texts.append(f"and {len(missing) - MOST_NAMED:,} more")
    cure = "paths are relative to the table's folder; put them right, or remove the rows"
    raise DataError(
        listed(texts, f"{name}: {len(missing):,} of {counted(len(paths), 'picture')} are missing; {cure}")
        if len(missing) > 1
        else f"{name}: {texts[0]}; {cure}"
    )
