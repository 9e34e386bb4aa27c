"""Models, read from the folders of runs and artifacts."""

from __future__ import annotations

from pathlib import Path

from lamina.data.dataset import Part
from lamina.data.pictures.reading import picture_origin_in
from lamina.data.series.origin import series_origin_in
from lamina.data.tables.origin import origin_in
from lamina.data.text.reading import text_origin_in
from lamina.description import check_fields, check_pictures, check_series, read_description
from lamina.errors import KindError, RunError, SentenceError
from lamina.kinds import Kind, Label, Tags
from lamina.model import DESCRIPTION, FOLDER, WEIGHTS, Model
from lamina.net import build
from lamina.sentence import parse, parse_as
from lamina.stage import Stage
from lamina.training.weights import fit_into, load_weights
from lamina.views import Views


def load(folder: str | Path, net: Stage | None = None) -> Model:
    """A model from a run's folder or from the artifact in it.

    Args:
        folder: `RUN` or `RUN/model`.
        net: the sentence with its `Module` stages; needed only where code that is no sentence is part of the net.

    Raises:
        RunError: if there is no model, or it is damaged.
    """
    folder = Path(folder)
    folder = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    path = folder / DESCRIPTION
    if not path.is_file():
        several = "fold" if any(folder.glob("fold-*")) else "seed"
        runs = sorted(str(run) for run in folder.glob(f"{several}-*") if run.is_dir())
        advice = f"; it holds runs of several {several}s, name one: {', '.join(runs)}" if runs else ""
        advice = advice or "; a run has one when it has ended"
        raise RunError(f"{folder} holds no model: it has no {DESCRIPTION}{advice}")
    description = read_description(path)
    if description["needs_code"] and net is None:
        raise RunError(f"{path}: the net holds stages of your own, so its code is needed: lamina.load(folder, net=...)")
    try:
        stage = net if net is not None else parse(description["net"])
        built = build(stage, parse_as(Kind, description["given"]), parse_as(Kind, description["target"]))
        built.views = None if description["views"] is None else parse_as(Views, description["views"])
    except (SentenceError, KindError) as error:
        raise type(error)(f"{path}: {error}") from error
    origin = None if description["table"] is None else origin_in(description["table"], str(path))
    classes, features = tuple(description["classes"]), tuple(description["features"])
    parts = tuple(Part(name, tuple(classes)) for name, classes in description["parts"])
    pictures = None if description["pictures"] is None else picture_origin_in(description["pictures"], str(path))
    text = None if description["text"] is None else text_origin_in(description["text"], str(path))
    series = None if description["series"] is None else series_origin_in(description["series"], str(path))
    model = Model(built, classes, features, description["scale"], origin, parts, pictures, text, series)
    expected = built.target.classes if isinstance(built.target, Label | Tags) else 0
    for what, names, count in (("classes", model.classes, expected), ("features", model.features, model.input_size())):
        if names and len(names) != count:
            raise RunError(f"{path}: expected {count} names of {what}, got {len(names)}; lamina did not write this")
    if origin is not None:
        check_fields(origin, built, model.features, text, str(path))
    if pictures is not None:
        check_pictures(pictures, built, str(path))
    if series is not None:
        check_series(series, built, str(path))
    fit_into(built.state_dict(), load_weights(folder / WEIGHTS), str(folder / WEIGHTS))
    return model


def needs_code(folder: Path) -> bool:
    """Whether the model of a run or an artifact holds torch modules, so that the code that made it is needed."""
    return bool(
        read_description((folder / FOLDER if (folder / FOLDER).is_dir() else folder) / DESCRIPTION)["needs_code"]
    )
