"""What is known of a table before anything is trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lamina.data.tables.fields import Text
from lamina.data.tables.kept import draft_of, place_of
from lamina.data.tables.profile import Profile
from lamina.data.tables.reading import Reading, as_reading
from lamina.data.tables.show import Summary
from lamina.data.tables.table import LARGE, about, decided, look, source_of
from lamina.data.tables.texts_only import TextsOnly
from lamina.data.text.labelled import LABELLED_SETTINGS, alone, check_texts, table_or_texts


def read_alone(found: dict[str, Profile], columns: Sequence[str], reading: Reading) -> dict[str, Profile]:
    """The columns of a table of which one is read as text, or two as pairs: others but what tells or splits are out."""
    used = (*reading.target, reading.group, reading.time)
    out = f"{alone(columns)}: left out"
    kept = {name: each if name in used else replace(each, field=None, reason=out) for name, each in found.items()}
    texts = {
        name: replace(found[name], field=Text(name), reason=found[name].reason.partition(": left out")[0])
        for name in columns
    }
    return kept | texts


def summed_up(data: Any, asked: Mapping[str, Any]) -> Summary:
    """What is known of a table before anything is trained; with a target, what is to be known of that too.

    Args:
        data: a path.
        asked: the settings of `Reading`, and those that say how texts are read.

    Raises:
        DataError: if the table cannot be read, or the target cannot be predicted.
    """
    of_texts = [name for name in asked if name in LABELLED_SETTINGS]
    reading = as_reading({name: value for name, value in asked.items() if name not in of_texts})
    source = source_of(data, reading)
    folder = draft_of(place_of(source.key())) if source.size >= LARGE else None
    try:
        looked = look(source, reading, folder)
        collected, shown_profiles = looked.collected, looked.profiles
        said: Sequence[str] = ()
        if not reading.target:
            check_texts(collected.name, of_texts)
        else:
            try:
                dataset = decided(looked, folder)
                check_texts(collected.name, of_texts)
            except TextsOnly as only:
                named = only.alone(reading)
                dataset = table_or_texts(data, {**asked, "kinds": named.kinds})
                shown_profiles = read_alone(looked.profiles, only.columns, reading)
            known = {*collected.notes, *collected.skipped, *about(looked.profiles, reading)}
            said = [note for note in dataset.origin.notes if note not in known] if dataset.origin is not None else []
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    return Summary(
        collected.name,
        collected.rows,
        source.size,
        shown_profiles,
        reading.target,
        collected.notes,
        collected.skipped,
        said,
    )
