"""Data that come after training: read as a model's own were, and refused where it was not built for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamina.data.dataset import Dataset
from lamina.errors import DataError, shown
from lamina.forms import form_misfits

if TYPE_CHECKING:
    from lamina.data.tables.reading import Reading
    from lamina.data.text.reading import TextOrigin
    from lamina.model import Model


def table_for(model: Model, data: Any) -> Dataset:
    """A table with its targets as a model takes them. See `Model.read`."""
    if model.origin is None:
        raise DataError(f"{shown(data)}: the model was trained on no table; pass a dataset of {model.net.given}")
    if model.text is not None:
        return texts_for(model, model.text, data)
    from lamina.data.tables.fitting import Known
    from lamina.data.tables.table import load_table

    return load_table(data, reading_for(model, data), Known(model.origin.fields, model.classes, model.parts))


def texts_for(model: Model, text: TextOrigin, data: Any, reading: Reading | None = None) -> Dataset:
    """A table of texts with their targets as a model takes them. See `Model.read_texts`."""
    from lamina.data.text.labelled import Taught, load_labelled

    known = Taught(text, model.classes, model.parts)
    return load_labelled(data, reading or reading_for(model, data), text.reading, known=known)


def reading_for(model: Model, data: Any) -> Reading:
    """How another table than the model's own is read: what still holds for it."""
    from lamina.data.tables.fitting import headed
    from lamina.data.tables.reading import Reading

    assert model.origin is not None
    return Reading(**{**headed(data, model.origin).values(), "kinds": model.origin.reading.kinds})


def check_fits(model: Model, dataset: Dataset) -> None:
    """Refuse a dataset that a model was not built for.

    Raises:
        DataError: naming what is otherwise.
    """
    net = model.net
    for misfit in form_misfits(net.end, dataset):
        raise DataError(misfit)
    kinds = (dataset.inputs.kind, dataset.inputs.kind if net.end.restores else dataset.target.kind)
    if kinds != (net.given, net.target):
        raise DataError(
            f"{dataset.name} has {dataset.inputs.kind} and {dataset.target.kind};"
            f" the net was built for {net.given} and {net.target}"
        )
    if model.origin is not None and dataset.origin is not None and dataset.origin.fields != model.origin.fields:
        raise DataError(
            f"{dataset.name} was encoded otherwise than the table that the model was trained on; pass its path or"
            " frame, or read it with model.read(...)"
        )
    texts = (model.text, dataset.text) if model.origin is not None else (None, None)
    if texts[0] is not None and texts[1] is not None and texts[0].input.digest != texts[1].input.digest:
        raise DataError(
            f"{dataset.name} has other tokens than the texts that the model was trained on; pass its path or frame,"
            " or read it with model.read(...)"
        )
    if model.classes and dataset.classes and dataset.classes != model.classes:
        raise DataError(
            f"{dataset.name} has the classes {shown(dataset.classes)}; the net was trained on {shown(model.classes)}"
        )
