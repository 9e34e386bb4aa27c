"""The named sets: what they are and where they come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.data.dataset import Dataset
from lamina.data.fetch import found, read
from lamina.data.pictures.reading import PictureReading
from lamina.data.series.reading import COLUMN_SETTINGS, SERIES_SETTINGS
from lamina.data.sets import NAMED
from lamina.data.sources.arrays import read_npz
from lamina.data.sources.idx import read_folder
from lamina.data.tables.reading import Reading, as_reading
from lamina.data.tables.source import is_table
from lamina.data.text.reading import PAIR_SETTINGS, QUESTION_SETTINGS, RUNNING_SETTINGS, TextOrigin
from lamina.data.text.which import Form, text_form
from lamina.errors import DataError, did_you_mean, shown

if TYPE_CHECKING:
    from lamina.data.text.load import Cut

LONGEST_NAME = 255
"""Bytes of a file's name; the system refuses to look for a longer one."""

TABLE_SETTINGS = tuple(setting.name for setting in Reading.settings())
PICTURE_SETTINGS = tuple(setting.name for setting in PictureReading.settings())

TEXT_SETTINGS = tuple(dict.fromkeys((*RUNNING_SETTINGS, *PAIR_SETTINGS, *QUESTION_SETTINGS)))

FORMS: dict[Form, tuple[Sequence[str], str]] = {
    "running": (RUNNING_SETTINGS, "one text"),
    "pairs": (PAIR_SETTINGS, "pairs of texts"),
    "questions": (QUESTION_SETTINGS, "questions about passages"),
}
"""What can be said of how a text of each form is read, and what it is called."""

LIST_SETTINGS = ("target", "kinds", "blanks")
"""Those of a table that say something of a list of pictures."""

WHAT_THERE_IS = "is no named set, no table, no folder with pictures or IDX files and no .npz file"


def load(where: str, say: Callable[[str], object] | None = None, /, **asked: Any) -> Dataset:
    """The data set that the user means.

    Args:
        where: a named set; a table: CSV, Parquet or JSONL, which is a series where a `horizon` is said; a folder with
            pictures, or a list of pictures in a table; a folder with IDX files; or a .npz file. A named set goes before
            a folder of that name, which is still to be had as ./name.
        say: takes what people should know while they wait, a sentence each.
        asked: how it is read. Of a table the settings of `Reading`, of which it needs the target; of pictures those of
            `PictureReading`, and for a list the target where it is not plain; of a series those of `SeriesReading`. Of
            texts also `taught`, whose tokens are taken.

    Raises:
        DataError: if it is none of these, or cannot be read or fetched.

    >>> load("iris").features[0]
    'sepal length (cm)'
    """
    if where in NAMED:
        check_effect(where, asked, (), "a named set")
        return read(NAMED[where])
    from lamina.data.pictures.folder import is_idx_folder

    try:
        where.encode()
    except UnicodeEncodeError:
        raise DataError(f"expected a path in UTF-8, got {os.fsencode(where)!r}; rename it") from None
    path = Path(where)
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise DataError(f"{shown(where)} {WHAT_THERE_IS}; check the path")
    of_series = "horizon" in asked
    form = None if of_series else text_form(where, asked.get("files") or (), asked.get("target"))
    cut = asked.pop("cut", None)  # other data is cut when it has been read
    taught: TextOrigin | None = asked.pop("taught", None)
    if of_series:
        return _series(where, asked)
    if form is not None:
        return _text(where, form, cut, asked, say, taught)
    if are_pictures(where):
        return _pictures(where, asked, say)
    if is_table(where):
        return read_table(where, where, cut, asked, taught)
    check_effect(where, asked, (), "none")
    if path.is_dir():
        if not is_idx_folder(path):
            raise DataError(
                f"{where}: expected a folder with pictures, a folder of them for each class, or with IDX files, found"
                " neither in it; check the path"
            )
        return read_folder(path, name=where)
    if path.suffix == ".npz":
        return read_npz(path, name=where)
    if path.is_file():
        raise DataError(
            f"{where}: expected a table (.csv, .tsv, .parquet, .jsonl), a .npz file or a folder with pictures or IDX"
            f" files, got {path.suffix or 'no suffix'!r}"
        )
    raise DataError(f"{where!r} {WHAT_THERE_IS}{did_you_mean(where, NAMED)}")


def are_pictures(where: str) -> bool:
    """Whether a path is that of a folder of pictures, or of a list of pictures."""
    from lamina.data.pictures.folder import is_picture_folder
    from lamina.data.pictures.listed import is_picture_list

    return is_picture_list(Path(where)) if is_table(where) else is_picture_folder(Path(where))


def check_effect(where: str, asked: Mapping[str, Any], takes: Collection[str], what: str) -> None:
    """Refuse what is said of how data is read where it changes nothing.

    Raises:
        DataError: naming it.
    """
    idle = [name for name in asked if name not in takes]
    if not idle:
        return
    if "valid" in idle:
        raise DataError(
            f"valid={asked['valid']!r} is a file, but only of texts one may validate; for {where} say a share"
        )
    series = [name for name in idle if name in SERIES_SETTINGS and name != "context"]
    if series and what != "a series":
        raise DataError(
            f"{', '.join(series)} would say how a series is read; for {where} leave it out, or say its horizon"
        )
    of_pictures = [name in PICTURE_SETTINGS and name not in TABLE_SETTINGS for name in idle]
    how = "pictures are" if all(of_pictures) else "tables and pictures are" if any(of_pictures) else "a table is"
    raise DataError(f"{', '.join(idle)} would say how {how} read, but {where} is {what}; leave it out")


def _text(
    where: str,
    form: Form,
    cut: Sequence[float] | None,
    asked: dict[str, Any],
    say: Callable[[str], object] | None,
    taught: TextOrigin | None,
) -> Dataset:
    from lamina.data.text.load import Cut, load_pairs, load_text
    from lamina.data.text.load_documents import load_documents
    from lamina.data.text.reading import as_text_reading

    files = asked.get("files") or ()
    said = {name: value for name, value in asked.items() if name != "files"}
    parts = Cut() if cut is None else Cut(float(cut[0]), float(cut[1]), int(cut[2]))
    if form == "tagged":
        return _tagged(where, said, parts, taught)
    takes, what = FORMS[form]
    check_effect(where, said, takes, what)
    reading = as_text_reading(said)
    if form == "questions":
        from lamina.data.questions.load import load_questions

        return load_questions(where, reading, parts, taught)
    if reading.packed is not None:
        dataset = load_documents(where, reading, parts, say, taught)
    elif form == "running":
        dataset = load_text(where, reading, parts, say, taught)
    else:
        dataset = load_pairs(where, files[0] if files else None, reading, parts, say, taught)
    assert dataset.text is not None
    return replace(dataset, name=where, text=replace(dataset.text, cut=tuple(parts), files=tuple(files)))


def _tagged(where: str, said: dict[str, Any], parts: Cut, taught: TextOrigin | None) -> Dataset:
    from lamina.data.text.load_tagged import TAGGED_SETTINGS, load_tagged

    check_effect(where, said, TAGGED_SETTINGS, "tagged sentences")
    dataset = load_tagged(where, said, parts, taught)
    assert dataset.text is not None
    return replace(dataset, text=replace(dataset.text, cut=tuple(parts)))


def read_table(
    where: str, data: Any, cut: Sequence[float] | None, asked: dict[str, Any], taught: TextOrigin | None = None
) -> Dataset:
    """The dataset of a table, in files or in memory, or of the texts in it.

    Args:
        where: what it is called in messages.
        data: a path, or a frame.
        cut: how it will be split: what validates and tests teaches no tokenizer.
        asked: the settings of `Reading`, and those of texts.
        taught: tokens of texts that are there already.
    """
    from lamina.data.text.labelled import LABELLED_SETTINGS, table_or_texts  # brings pyarrow

    what = "a table" if isinstance(data, str | Path) else "a frame"
    check_effect(where, asked, (*TABLE_SETTINGS, *LABELLED_SETTINGS), what)
    return table_or_texts(data, asked, cut, taught)


def _series(where: str, asked: dict[str, Any]) -> Dataset:
    from lamina.data.series.load import load_series  # brings pyarrow

    if not is_table(where):
        raise DataError(f"{where}: expected a series in a table (.csv, .tsv, .parquet, .jsonl), as horizon says")
    check_effect(where, asked, (*SERIES_SETTINGS, *COLUMN_SETTINGS), "a series")
    return load_series(where, asked)


def _pictures(where: str, asked: dict[str, Any], say: Callable[[str], object] | None) -> Dataset:
    from lamina.data.pictures.load import load_pictures
    from lamina.data.pictures.reading import as_picture_reading

    listed = is_table(where)
    takes = (*PICTURE_SETTINGS, *LIST_SETTINGS) if listed else PICTURE_SETTINGS
    check_effect(where, asked, takes, "a list of pictures" if listed else "a folder of pictures")
    reading = as_picture_reading({name: value for name, value in asked.items() if name in PICTURE_SETTINGS})
    said = asked.get("target") or ()
    targets = (said,) if isinstance(said, str) else tuple(said)
    if len(targets) > 1:
        raise DataError(f"{where}: expected one column to predict of pictures, got {', '.join(targets)}; name one")
    target = targets[0] if targets else None
    table = as_reading({name: value for name, value in asked.items() if name in LIST_SETTINGS})
    dataset = load_pictures(where, reading, target, say, table={"kinds": table.kinds, "blanks": table.blanks})
    assert dataset.pictures is not None
    return replace(dataset, pictures=replace(dataset.pictures, table=table))


def here(name: str) -> str | None:
    """Where the files of a named set already are: "embedded", a folder, or None if they are yet to be fetched."""
    if name not in NAMED:
        raise DataError(f"{name!r} is no named set{did_you_mean(name, NAMED)}")
    return found(NAMED[name])
