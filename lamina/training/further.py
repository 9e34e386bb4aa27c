"""Further data for the model of a run: read as the data was that it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lamina.asked import origin_for
from lamina.data.dataset import Dataset
from lamina.data.named import are_pictures, load
from lamina.data.sets import NAMED
from lamina.data.tables.source import is_table
from lamina.data.text.which import text_form
from lamina.errors import LaminaError
from lamina.kinds import Image
from lamina.training.data import address_of, parts_of, run_of, trained_on
from lamina.training.kept_reading import reading_in
from lamina.training.plan import FILE, noted, read_plan

if TYPE_CHECKING:
    from lamina.data.text.reading import TextOrigin
    from lamina.model import Model


def data_on(
    model: Model, folder: Path, where: str, say: Callable[[str], object] | None = None, beside: str | None = None
) -> Dataset:
    """Data for the model of a run: a table is encoded as the one that it was trained on, pictures are sized so.

    Args:
        model: what is to take the data.
        folder: its own, or that of its run.
        where: the data.
        say: takes what people should know while they wait.
        beside: of pairs of texts in two files, the one with the targets.
    """
    if model.text is not None and model.origin is None and where not in NAMED:
        return _texts_on(model, model.text, folder, where, beside)
    given = model.net.given
    if isinstance(given, Image) and where not in NAMED and are_pictures(where):
        return _pictures_on(model, given, folder, where, say)
    if model.series is not None and is_table(where):
        run = run_of(folder)
        own = run is not None and read_plan(run).data == address_of(where)
        # Its own data may be more than this file.
        return load(where, **(reading_in(run / FILE) if run is not None and own else model.series.settled()))
    if model.origin is None or not is_table(where):
        return load(where)
    run = run_of(folder)
    own = run is not None and read_plan(run).data == address_of(where)
    if model.text is not None:
        # Its own tokenizer is taken, which that of other texts may differ from; the test part is known by the reading.
        return load(where, **reading_in(run / FILE), taught=model.text) if own and run else model.read_texts(where)
    if own:
        dataset = load(where, **model.origin.reading.values())  # its test part is known then
        if dataset.origin is not None and dataset.origin.fields == model.origin.fields:
            return dataset
    return model.read(where)


def _texts_on(model: Model, text: TextOrigin, folder: Path, where: str, beside: str | None) -> Dataset:
    """Text as the tokens of a model; its test part is known if the run was trained on it."""
    from lamina.data.text.load import Cut, load_pairs, load_text
    from lamina.data.text.reading import TextReading

    run = run_of(folder)
    said = {} if run is None else noted(run, "text")
    files = [] if beside is None else [str(Path(beside).resolve())]
    own = run is not None and read_plan(run).data == address_of(where) and files == list(said.get("files", ()))
    if own and run is not None:
        return load(where, **reading_in(run / FILE), taught=text)
    if model.classes and text_form(where) == "tagged":
        from lamina.data.text.load_tagged import load_tagged

        return load_tagged(where, {}, Cut(0.0, 0.0), text, model.classes)
    if text.reading.packed is not None:
        from lamina.data.text.load_documents import load_documents

        return load_documents(where, TextReading(packed=text.reading.packed), Cut(0.0, 0.0), known=text)
    if beside is None and text_form(where) == "questions":
        from lamina.data.questions.load import load_questions

        return load_questions(where, TextReading(), Cut(0.0, 0.0), text, own=False)
    if beside is None and text_form(where) != "pairs":
        return load_text(where, None, Cut(0.0, 0.0), known=text)
    dataset = load_pairs(where, beside, None, Cut(0.0, 0.0), known=text)
    # Their texts are read once more where answers are compared with them.
    origin = dataset.text
    assert origin is not None
    return replace(dataset, name=where, text=replace(origin, files=() if beside is None else (beside,)))


def _pictures_on(model: Model, given: Image, folder: Path, where: str, say: Callable[[str], object] | None) -> Dataset:
    from lamina.data.pictures.load import load_pictures

    run = run_of(folder)
    said = {} if run is None else noted(run, "pictures")
    if run is not None and read_plan(run).data == address_of(where):
        return load(where, say, **reading_in(run / FILE))  # its test part is known then
    reading = origin_for(given, model.scale, model.pictures).settled()
    if not is_table(where):
        return load_pictures(where, reading, None, say, model.classes)
    blanks = {"blanks": tuple(said.get("blanks", ()))}
    return load_pictures(where, reading, said.get("target"), say, model.classes, blanks)


def trained_before(model: Model, folder: Path, dataset: Dataset) -> int:
    """How many rows of further data have the inputs of a row that trained the model, as far as can be told."""
    run = run_of(folder)
    like = (model.origin is None) == (dataset.origin is None) and (model.pictures is None) == (dataset.pictures is None)
    if (model.origin is None and model.pictures is None) or not like or run is None or trained_on(run, dataset):
        return 0
    plan = read_plan(run)
    try:
        own = load(plan.data, **reading_in(run / FILE))
    except LaminaError:  # it is not there any more, or is another
        return 0
    fields = None if model.origin is None else model.origin.fields
    if (None if own.origin is None else own.origin.fields) != fields or not trained_on(run, own):
        return 0
    return int(torch.isin(dataset.inputs.hashes, own.inputs.hashes[parts_of(own, plan).train]).sum())
