"""The artifact: a net with all that using it takes, in a folder that loads alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lamina.asked import as_inputs, pictures_in, sizes_of
from lamina.data.dataset import Dataset, Part
from lamina.data.feeding import Feed, looking_feed, rows_at_once
from lamina.data.pictures.reading import PictureOrigin
from lamina.data.series.origin import SeriesOrigin
from lamina.data.tables.origin import Origin
from lamina.data.text.reading import TextOrigin
from lamina.description import described
from lamina.errors import DataError
from lamina.evaluation import evaluate
from lamina.fold import Quick
from lamina.joined import joined
from lamina.kinds import Image
from lamina.later_data import check_fits, table_for, texts_for
from lamina.metrics import Measure
from lamina.net import Net
from lamina.nets.traits import recurrent
from lamina.training import files
from lamina.training.weights import save_weights
from lamina.writing import TOKENS, Draw, are_texts, check_answers, check_settings, continued, written_about

if TYPE_CHECKING:
    from lamina.answering import Answer
    from lamina.coding import GivenBack
    from lamina.data.tables.reading import Reading
    from lamina.filling import Filling
    from lamina.forecasting import Forecasted

DESCRIPTION = "model.json"
WEIGHTS = "model.safetensors"
FOLDER = "model"
QUICK_ROWS = 64
"""Examples from which on folding the net first is worth its time."""


class Model:
    """A trained net and how to use it.

    Attributes:
        net: the net, a plain torch module in evaluation mode.
        classes: the names of the classes by number; empty if it predicts no label.
        features: the names of the input's columns, where the training data had them.
        scale: what raw inputs are multiplied by before the net sees them (1/255 where it was trained on bytes).
        origin: how the columns of a table become the inputs, where it was trained on one.
        pictures: how a picture becomes an input, where it was trained on pictures.
        parts: where there are several targets, what each is called, with the names of its classes.
        text: how texts become tokens and back, where it was trained on texts.
        series: how a series is read and goes on, where it was trained on one.
    """

    def __init__(
        self,
        net: Net,
        classes: tuple[str, ...] = (),
        features: tuple[str, ...] = (),
        scale: float | None = None,
        origin: Origin | None = None,
        parts: tuple[Part, ...] = (),
        pictures: PictureOrigin | None = None,
        text: TextOrigin | None = None,
        series: SeriesOrigin | None = None,
    ) -> None:
        self.net = net.eval()
        self.classes = classes
        self.features = features
        self.scale = scale
        self.origin = origin
        self.parts = parts
        self.pictures = pictures
        self.text = text
        self.series = series

    def __repr__(self) -> str:
        known = f", of {len(self.classes)} classes" if self.classes else ""
        return f"a model of {self.net.given}{known}: {self.net.sentence()}"

    def predict(self, inputs: Any) -> Any:
        """The answers for raw inputs: arrays, tensors or lists of examples, in the units of the training data.

        A model of a table takes tables: a path, or a frame of pandas, polars or arrow, with its columns in any order. A
        model of pictures takes them as files, a path or a list of paths; as images of Pillow's; and as arrays of bytes
        of any size. They become its inputs as those became that it was trained on. A model of texts takes a list of
        them, or one; a path or a frame with the column of texts; of each as many tokens as it was trained on.

        Returns:
            The end's named tuple of tensors: `Labelled(label, probabilities)` for `Classify`, `Estimated(value, low,
            high)` for `Regress`; a tuple of such where there are several targets.

        Raises:
            DataError: if the inputs are not of the kind that the net takes; if the net writes about texts.
        """
        if are_texts(inputs):
            check_answers(self.net)
        if self.origin is not None and self.text is not None:
            from lamina.labelling import answers_to, texts_of

            return answers_to(self.net, self.text, texts_of(inputs, self.origin))
        batch = self.prepared(inputs)
        net = self.net_for(len(batch))
        return joined([net.predict(piece) for piece in torch.split(batch, rows_at_once(net.given))])

    @cached_property
    def quick(self) -> Quick:
        """The net's folded form, for many examples."""
        return Quick(self.net)

    def net_for(self, examples: int) -> Net:
        """The net, or its folded form, equal but for rounding, where folding pays."""
        return self.quick.now() if examples >= QUICK_ROWS else self.net

    def prepared(self, inputs: Any) -> Tensor:
        """Raw inputs as the net takes them."""
        if self.origin is not None and not isinstance(inputs, Tensor | np.ndarray):
            from lamina.data.tables.fitting import inputs_for

            return torch.from_numpy(inputs_for(inputs, self.origin))
        if isinstance(self.net.given, Image):
            found = pictures_in(inputs, self.net.given, self.scale, self.pictures)
            inputs = inputs if found is None else found
        return as_inputs(inputs, self.net.given, self.scale)

    def input_size(self) -> int:
        """How many numbers an example has."""
        return math.prod(sizes_of(self.net.given))

    def read(self, data: Any) -> Dataset:
        """A table with its targets as this model takes them, by the columns and classes that it was trained on.

        Args:
            data: a path, or a frame of pandas, polars or arrow.

        Raises:
            DataError: if the model was trained on no table, or this one does not fit.
        """
        return table_for(self, data)

    def read_texts(self, data: Any, reading: Reading | None = None) -> Dataset:
        """A table of texts with their targets, by the tokenizer and the classes of this model.

        Args:
            data: a path, or a frame of pandas, polars or arrow.
            reading: how it is read; None for what still holds for another table.
        """
        return texts_for(self, self._text(), data, reading)

    def evaluate(self, data: Any, rows: Tensor | None = None) -> dict[str, Measure]:
        """The measures of the net on these rows (all, if none are named).

        Args:
            data: a dataset; or, for a model of a table, a path or a frame.
            rows: which of them.

        Raises:
            DataError: if the data are not of the kinds that the net was built for.
        """
        dataset = data if isinstance(data, Dataset) else self.read(data)
        self.check(dataset)
        rows = torch.arange(len(dataset)) if rows is None else rows
        net = self.net_for(len(rows))
        return evaluate(net, self.feed(dataset, rows).epoch(0)).measures()

    def continued(self, prompt: str = "", tokens: int = TOKENS, **how: Any) -> Iterator[str]:
        """What a language model writes behind a prompt, piece by piece as it comes.

        Args:
            prompt: what it begins with.
            tokens: the most that are written.
            how: temperature (1; 0 takes the likeliest), top_k (draw from the K likeliest tokens only), top_p (from the
                likeliest that reach P), seed (0), as the options of `lamina write`.

        Raises:
            DataError: if the model is none of a text; if a setting is unknown, or cannot be.
        """
        text, draw = self._text(), Draw.said(how)
        return continued(self.net, text.input, text.context, prompt, draw, tokens)

    def write(self, prompt: str = "", tokens: int = TOKENS, **how: Any) -> str:
        """The text of `continued` as a whole, without its prompt."""
        return "".join(self.continued(prompt, tokens, **how))

    def fill(self, text: str, best: int = 5) -> list[list[Filling]]:
        """The likeliest tokens for each [MASK] of a text, with their probabilities, of a masked language model.

        Raises:
            DataError: if the model is none, or nothing is missing.
        """
        from lamina.filling import filled

        return filled(self.net, self._text(), text, best)

    def written_about(self, texts: Sequence[str], **how: Any) -> list[list[tuple[str, float]]]:
        """The best answers to each text, with ln p, of a model of pairs.

        Args:
            texts: what is read.
            how: best (the answers to each, 1), and what `translate` takes.
        """
        text = self._text()
        check_settings("written_about", how, ("beam", "best", "length_penalty", "tokens"))
        return written_about(self.net, text.input, text.target or text.input, texts, **how)

    def translate(self, texts: Sequence[str], **how: Any) -> list[str]:
        """The best answer to each text, of a model of pairs.

        Args:
            texts: what is read.
            how: beam (the hypotheses that are kept, 5; 1 is greedy), length_penalty (0.6), tokens (the most of an
                answer), as the options of `lamina translate`.

        Raises:
            DataError: if the model was trained on no pairs; if a setting is unknown, or cannot be.
        """
        check_settings("translate", how, ("beam", "length_penalty", "tokens"))
        return [found[0][0] for found in self.written_about(texts, **how)]

    def tag(self, sentences: Sequence[str | Sequence[str]]) -> list[list[str]]:
        """The tag of each word, of a model of tagged sentences.

        Args:
            sentences: as texts, cut at blanks, or as lists of words.

        Raises:
            DataError: if the model gives no tags; if a sentence is none.
        """
        from lamina.tagging import tags_of

        return tags_of(self.net, self.text, self.classes, sentences)

    def answer(self, passage: str, question: str) -> Answer:
        """The best answer to a question, of a model of questions about passages: a stretch of the passage.

        Returns:
            Its text, its probability, and the characters passage[first:last] that it is; "" if there is no answer.
        """
        return self.answers(passage, [question])[0][0]

    def answers(self, passage: str, questions: Sequence[str], best: int = 1) -> list[list[Answer]]:
        """The best answers to each question about one passage; see `lamina.answering.answered`."""
        from lamina.answering import answered

        return answered(self.net, self._text(), passage, questions, best)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """A vector of length 1 for each text, (N, D): what the body gives, or its mean over the text's positions.

        Args:
            texts: what is read; of each as many tokens as the model was trained on.

        Raises:
            DataError: if the model was trained on no text, or these are none.
        """
        from lamina.embedding import embedded

        return embedded(self.net, self._text(), texts)

    def encode(self, data: Any, up_to: str | None = None) -> Tensor:
        """The code of each input, (N, K): what stands before the end, of a `Gaussian` its mean; else a stage's output.

        Of a net that predicts something it is what its last stage but the end gives.

        Args:
            data: the name of a set, a dataset, or what `predict` takes.
            up_to: the stage whose output is the code: its number in the table, from 1, or its words.

        Raises:
            KindError: if there is no such stage, or it gives positions.
            DataError: if the net does not take such data.
        """
        from lamina.coding import encoded

        return encoded(self, data, up_to)

    def reconstruct(self, data: Any) -> GivenBack:
        """Inputs, what the net gives them back as, and the squared error of each, in the units that the net sees.

        Args:
            data: the name of a set, a dataset, or what `predict` takes.

        Raises:
            KindError: if the net does not end in `Reconstruct`.
            DataError: if the net does not take such data.
        """
        from lamina.coding import given_back

        return given_back(self, data)

    def sample(self, count: int, seed: int = 0, temperature: float = 1.0) -> Tensor:
        """Inputs made up: the mean of p(x | z), z drawn from the prior N(0, temperature²), of a net with `Gaussian`.

        Args:
            count: how many; the first are the same, but for rounding, however many follow.
            seed: others follow from another seed.
            temperature: the deviation of z: below 1 likelier ones, 0 the likeliest z alone.

        Raises:
            KindError: if the net has no distribution of codes, or does not end in `Reconstruct`.
            RunError: if count is below 1, or the temperature below 0.
        """
        from lamina.coding import sampled

        return sampled(self.net, count, seed, temperature)

    def forecast(self, data: Any) -> Forecasted:
        """The steps that follow a series: a path, a frame, or an array whose last steps are looked at.

        Raises:
            DataError: if the model was trained on no series, or this one does not fit.
        """
        from lamina.forecasting import forecast

        return forecast(self.net, self.series, data)

    def _text(self) -> TextOrigin:
        if self.text is None:
            raise DataError(f"the model was trained on no text; it takes {self.net.given}")
        return self.text

    def feed(self, dataset: Dataset, rows: Tensor) -> Feed:
        """Rows of a dataset in batches to be looked at."""
        return looking_feed(dataset, rows, self.net.device, recurrent(self.net), rows_at_once(self.net.given))

    def check(self, dataset: Dataset) -> None:
        """Refuse a dataset that the net was not built for."""
        check_fits(self, dataset)

    def save(self, folder: Path) -> None:
        """Write the artifact: `model.json` (sentence, kinds, names) and `model.safetensors`.

        Raises:
            OSError: if the disk fails.
        """
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(folder / WEIGHTS, self.net.state_dict())
        files.replace(folder / DESCRIPTION, f"{json.dumps(described(self), indent=1, ensure_ascii=False)}\n".encode())
