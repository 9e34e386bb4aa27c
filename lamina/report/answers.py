"""The answers to the test examples, collected while they are evaluated, and what a report tells of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image as Picture
from torch import Tensor

from lamina.data.batches import Batch
from lamina.data.dataset import Dataset
from lamina.ends.classify import Labelled
from lamina.ends.regress import Estimated
from lamina.kinds import Image, Vector
from lamina.metrics import ClassTally
from lamina.report.content import ClassAnswers, Example, Mistake, Output, ValueAnswers

MOST_CLASSES = 20
"""In a confusion matrix that can still be read."""

MISTAKES = 20
PICTURES = 12
ROWS = 10
FEATURES = 8
TOKENS = 24
DOTS = 2000
OUTPUTS = 4
BINS = 30


class Answers:
    """Takes batches with what the net says of them: `evaluate(net, batches, answers.add)`.

    Of an example it keeps four numbers, or the predicted values, so that a test part of any size fits.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.rows: list[Tensor] = []
        self.label: list[Tensor] = []
        self.sure: list[Tensor] = []
        self.due: list[Tensor] = []
        self.value: list[Tensor] = []
        self.held = 0

    def add(self, batch: Batch, answer: Any) -> None:
        """Take a batch and the end's answer to it."""
        if isinstance(answer, Labelled):
            self.label.append(answer.label.cpu())
            self.sure.append(answer.probabilities.gather(1, answer.label[:, None]).squeeze(1).cpu())
            self.due.append(answer.probabilities.gather(1, batch.target[:, None]).squeeze(1).cpu())
        elif isinstance(answer, Estimated):
            self.value.append(answer.value.cpu())
            held = (answer.low <= batch.target) & (batch.target <= answer.high)
            self.held += int((held & answer.low.isfinite()).sum())
        else:
            return
        self.rows.append(batch.examples.cpu())

    def coverage(self) -> float | None:
        """The share of values that lie in the interval predicted for them; None where there is no interval."""
        count = sum(value.numel() for value in self.value)
        return self.held / count if self.held else None

    def told(self, tally: Any) -> ClassAnswers | ValueAnswers | None:
        """What a report tells of the answers; None if it knows nothing to tell."""
        if self.label and isinstance(tally, ClassTally):
            return self._classes(tally)
        return self._values() if self.value else None

    def _classes(self, tally: ClassTally) -> ClassAnswers:
        names = class_names(self.dataset, len(tally.confusion))
        rows, label, due = torch.cat(self.rows), torch.cat(self.label), torch.cat(self.due)
        sure = torch.cat(self.sure)
        actual = self.dataset.target.values[rows].cpu()
        right = label == actual
        # Wrong ones come first: no probability exceeds 1. One that is no number is as bad as can be.
        order = (due.nan_to_num(-1.0) + 2.0 * right).argsort(stable=True)
        first = order[: PICTURES if isinstance(self.dataset.inputs.kind, Image) else ROWS]
        pictures, features = drawn(self.dataset, rows[first]), numbers(self.dataset, rows[first])
        hardest = [
            Example(*row)
            for row in zip(
                rows[first].tolist(),
                [names[place] for place in actual[first].tolist()],
                [names[place] for place in label[first].tolist()],
                sure[first].tolist(),
                due[first].tolist(),
                (~right[first]).tolist(),
                pictures,
                features,
                strict=True,
            )
        ]
        few = len(names) <= MOST_CLASSES
        return ClassAnswers(
            names,
            tally.by_class(),
            tally.confusion.tolist() if few else [],
            [] if few else mistakes(tally.confusion, names),
            hardest,
            int((~right).sum()),
        )

    def _values(self) -> ValueAnswers:
        rows, predicted = torch.cat(self.rows), torch.cat(self.value).double()
        actual = self.dataset.target.gather(rows).cpu().double()
        error = (predicted - actual).flatten(1).square().mean(1).sqrt()
        first = error.nan_to_num(torch.inf).argsort(descending=True, stable=True)[:ROWS]
        worst = [
            Example(row, listed_values(y), listed_values(f), length, picture=picture, features=features)
            for row, y, f, length, picture, features in zip(
                rows[first].tolist(),
                actual[first],
                predicted[first],
                error[first].tolist(),
                drawn(self.dataset, rows[first]),
                numbers(self.dataset, rows[first]),
                strict=True,
            )
        ]
        size = predicted.shape[1]
        outputs = [
            output(number, size, actual[:, number], predicted[:, number]) for number in range(min(size, OUTPUTS))
        ]
        return ValueAnswers(outputs, size, len(rows), worst)


def class_names(dataset: Dataset, count: int) -> tuple[str, ...]:
    """The names of the classes, or their numbers."""
    return dataset.classes or tuple(map(str, range(count)))


def mistakes(confusion: Tensor, names: Sequence[str]) -> list[Mistake]:
    """The commonest mistakes, most of all first; those that never happened are left out."""
    wrong = confusion.clone()
    wrong.diagonal().zero_()
    count, place = wrong.flatten().sort(descending=True, stable=True)
    of = confusion.sum(1).tolist()
    pairs = [
        (*divmod(cell, len(names)), many) for cell, many in zip(place[:MISTAKES].tolist(), count.tolist(), strict=False)
    ]
    return [Mistake(names[a], names[p], many, of[a]) for a, p, many in pairs if many]


def output(number: int, size: int, actual: Tensor, predicted: Tensor) -> Output:
    """One predicted number: at most 2,000 examples, evenly spread over the rows, and the histogram of all errors."""
    kept = torch.arange(0, len(actual), max(1, -(-len(actual) // DOTS)))
    error = predicted - actual
    error = error[error.isfinite()]
    name = f"output {number}" if size > 1 else ""
    if not len(error):
        return Output(name, actual[kept].tolist(), predicted[kept].tolist(), [], (0.0, 0.0))
    reach = float(error.abs().max()) or 0.5
    place = ((error + reach) / (2 * reach) * BINS).long().clamp(0, BINS - 1)
    counts = place.bincount(minlength=BINS).tolist()
    return Output(name, actual[kept].tolist(), predicted[kept].tolist(), counts, (-reach, reach))


def drawn(dataset: Dataset, rows: Tensor) -> list[str]:
    """The pictures of examples as `data:` addresses; empty texts where inputs are no pictures."""
    if not (isinstance(dataset.inputs.kind, Image) and len(rows)):
        return [""] * len(rows)
    from lamina.data.picture import thumbnails

    return [address(tile) for tile in thumbnails(dataset.inputs.gather(rows.to(dataset.inputs.values.device)).cpu())]


def address(picture: Picture.Image) -> str:
    """A picture as a `data:` address of a PNG."""
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def numbers(dataset: Dataset, rows: Tensor) -> list[tuple[str, ...]]:
    """The first numbers of examples that are vectors, the first cells of those that are rows of a table."""
    if dataset.text is not None:
        return [(beginning(dataset, row),) for row in rows.tolist()]
    if dataset.origin is not None and len(rows):
        from lamina.data.tables.encode import decoded

        cells = dataset.inputs.gather(rows).numpy()
        return [decoded(row, dataset.origin.fields)[:FEATURES] for row in cells]
    if not isinstance(dataset.inputs.kind, Vector):
        return [()] * len(rows)
    first = dataset.inputs.gather(rows)[:, :FEATURES].tolist()
    return [tuple(f"{value:.4g}" for value in values) for values in first]


def beginning(dataset: Dataset, row: int) -> str:
    """How a text begins, as its tokens have it."""
    assert dataset.text is not None
    values, visible = dataset.inputs.gather(torch.tensor([row]))
    tokens = values[visible].tolist()
    return dataset.text.input.decode(tokens[:TOKENS]) + (" …" if len(tokens) > TOKENS + 1 else "")


def listed_values(values: Tensor) -> str:
    """Numbers of one example as text, the first few."""
    first = ", ".join(f"{value:.4g}" for value in values[:OUTPUTS].tolist())
    return first + (", …" if len(values) > OUTPUTS else "")
