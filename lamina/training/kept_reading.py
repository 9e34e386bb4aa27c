"""How a run's data was read: kept beside its plan, and found there again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lamina.data.dataset import Dataset
from lamina.data.text.reading import TextOrigin, text_origin_in
from lamina.description import read_description
from lamina.errors import RunError
from lamina.model import DESCRIPTION, FOLDER
from lamina.training.plan import noted_in

TOKENS = "tokens.json"
"""The file in a run's folder with the tokens that it began with, if it is one on texts."""


def reading_note(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """How a dataset was read, as a table of run.toml; none where there was nothing to say."""
    if dataset.origin is not None and dataset.text is not None:
        cut = {} if dataset.text.cut is None else {"cut": list(dataset.text.cut)}
        from lamina.data.text.labelled import LABELLED_SETTINGS

        # All that was settled: what is usual elsewhere is not here.
        values = dataset.text.reading.values() | {"valid": list(dataset.text.reading.valid) or None}
        settled = {name: values[name] for name in LABELLED_SETTINGS if values[name] is not None}
        return {"table": dataset.origin.reading.to_json(), "text": settled | cut}
    if dataset.origin is not None:
        return {"table": dataset.origin.reading.to_json()}
    if dataset.series is not None:
        return {"series": dataset.series.table.to_json() | dataset.series.reading.to_json()}
    if dataset.text is not None:
        files = [str(Path(file).resolve()) for file in dataset.text.files]
        cut = {} if dataset.text.cut is None else {"cut": list(dataset.text.cut)}
        return {"text": dataset.text.reading.to_json() | cut | ({"files": files} if files else {})}
    if dataset.pictures is None:
        return {}
    table = dataset.pictures.table.to_json()
    if "target" in table:
        (table["target"],) = table["target"]
    return {"pictures": dataset.pictures.reading.to_json() | table}


def reading_in(toml: Path) -> dict[str, Any]:
    """How the data of a run was read, from its run.toml."""
    return noted_in(toml, "table") | noted_in(toml, "pictures") | noted_in(toml, "series") | noted_in(toml, "text")


def taught_by(start: str) -> TextOrigin | None:
    """The tokens that a model's weights are for, if it has any; that this is no model is said when it is read."""
    folder = Path(start)
    path = (folder / FOLDER if (folder / FOLDER).is_dir() else folder) / DESCRIPTION
    if not path.is_file():
        return None
    said = read_description(path)["text"]
    return None if said is None else text_origin_in(said, str(path))


def tokens_kept(run: Path) -> dict[str, Any]:
    """The tokens that a run began with, as `load` takes them: what the library learns anew may differ a little."""
    path = run / TOKENS
    if not path.is_file():
        return {}
    try:
        return {"taught": text_origin_in(json.loads(path.read_bytes()), str(path))}
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
