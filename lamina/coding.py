"""What a trained net makes of inputs without labels: their codes, what they are given back as, and new ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.chance import drawing, normals
from lamina.data.dataset import Dataset
from lamina.data.feeding import LOOK_ROWS, rows_at_once
from lamina.ends.reconstruct import Reconstruct
from lamina.errors import DataError, KindError, Problems, RunError, did_you_mean
from lamina.joined import joined
from lamina.kinds import Image, Kind, Padded, Vector
from lamina.layers.gaussian import Gaussian
from lamina.net import Net, through
from lamina.stage import Flow, Stage

if TYPE_CHECKING:
    from lamina.model import Model


class Halves(NamedTuple):
    """A net cut at its code.

    Attributes:
        encoder: the stages that lead to the code.
        decoder: those behind it, but for the end.
        kind: of the code: a vector or a picture.
    """

    encoder: tuple[Stage, ...]
    decoder: tuple[Stage, ...]
    kind: Kind


class GivenBack(NamedTuple):
    """Inputs and what they are given back as, in the units that the net sees."""

    given: Float[Tensor, "B ..."]
    value: Float[Tensor, "B ..."]
    squared_error: Float[Tensor, " B"]


def halves(net: Net, up_to: str | None = None) -> Halves:
    """A net cut behind its code: the last `Gaussian`, else all that stands before the end.

    Args:
        net: any net whose code is a vector or a picture.
        up_to: another stage to cut behind, by its number in the table, from 1, or as it is written there.

    Raises:
        KindError: if there is no such stage, or it gives no numbers of a fixed count.
    """
    stages = net.body.stages
    place = code_place(net) if up_to is None else named_place(net, up_to)
    kind = net.body.kinds[place]
    if not isinstance(kind, Vector | Image):
        where = str(stages[place - 1]) if place else "the input"
        raise KindError(f"{where} gives {kind}, which is no code: name a stage that gives a Vector or an Image")
    return Halves(stages[:place], stages[place:], kind)


def code_place(net: Net) -> int:
    """The number of the stage that gives the code, from 1: the last `Gaussian`, else the last before the end."""
    drawn = [place for place, stage in enumerate(net.body.stages, start=1) if isinstance(stage, Gaussian)]
    return drawn[-1] if drawn else len(net.body)


def named_place(net: Net, up_to: str) -> int:
    """The number of a stage that is meant by its number, or by its words."""
    texts = [str(stage) for stage in net.body.stages]
    if up_to.strip().isdecimal():
        number = int(up_to)
        if not 1 <= number <= len(texts):
            raise KindError(f"up_to: expected a stage from 1 to {len(texts)}, got {number}; see `lamina show`")
        return number
    found = [place for place, text in enumerate(texts, start=1) if up_to in (text, text.partition("(")[0])]
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(map(str, found))
        raise KindError(f"up_to: {up_to!r} is several stages of the net, {numbers}; name one by its number")
    raise KindError(f"up_to: the net has no stage {up_to!r}{did_you_mean(up_to, texts)}")


def encoded(model: Model, data: Any, up_to: str | None = None) -> Float[Tensor, "N K"]:
    """The code of each input: what the encoder gives, of a `Gaussian` the mean. See `Model.encode`."""
    parts = halves(model.net, up_to)
    with resting(model.net):
        codes = [coded(model.net, parts, x).flatten(1).cpu() for x in ready(model, data)]
    return torch.cat(codes).clone()  # made in inference mode, which a user's own gradients could not go through


def coded(net: Net, parts: Halves, x: Flow) -> Tensor:
    """The code of a batch, in its own shape; the mean over views, where the net looks at several."""

    def encoder(seen: Flow) -> Flow:
        return through(parts.encoder, seen)

    code = encoder(x) if net.views is None or not isinstance(x, Tensor) else net.views.mean(encoder, x)
    assert isinstance(code, Tensor)
    return code


def decoded(net: Net, parts: Halves, code: Tensor) -> Tensor:
    """What the end gives for codes: the mean of p(x | code)."""
    value: Tensor = net.end(through(parts.decoder, code))
    return value


def given_back(model: Model, data: Any) -> GivenBack:
    """Inputs and what the net gives them back as. See `Model.reconstruct`."""
    net = restoring(model.net)
    found: GivenBack = joined([back(net, x) for x in ready(model, data)])
    return found


def back(net: Net, x: Flow) -> GivenBack:
    """A batch that is ready, and what a net that restores gives it back as."""
    assert isinstance(x, Tensor)
    with resting(net):
        value = net(x)
        error = (value - x).flatten(1).double().square().sum(1)
    return GivenBack(*(part.cpu().clone() for part in (x, value, error.to(value.dtype))))


def sampled(net: Net, count: int, seed: int = 0, temperature: float = 1.0) -> Float[Tensor, "N ..."]:
    """Inputs that a variational autoencoder makes up. See `Model.sample`."""
    problems = Problems()
    problems.extend([f"count must be at least 1, got count={count}"] if count < 1 else [])
    problems.extend([f"temperature must be at least 0, got {temperature=}"] if not temperature >= 0 else [])
    problems.raise_as(RunError, "nothing can be drawn")
    net, parts = prior(net)
    gaussian = parts.encoder[-1]
    assert isinstance(gaussian, Gaussian)
    found = []
    with resting(net):
        for rows in torch.split(torch.arange(count), rows_at_once(net.given, LOOK_ROWS)):
            with drawing(seed, 0, rows):
                z = normals(len(rows), gaussian.latent, gaussian.place, net.device)
            found.append(decoded(net, parts, temperature * z).cpu())
    return torch.cat(found).clone()


def prior(net: Net) -> tuple[Net, Halves]:
    """A net that has a distribution of codes to draw from, cut behind them.

    Raises:
        KindError: if it has none.
    """
    if isinstance(net.end, Reconstruct) and not any(isinstance(stage, Gaussian) for stage in net.body.stages):
        raise KindError(
            f"{net} gives back what it is given, but has no distribution of codes to draw from: train one with"
            " Gaussian(...) before Reconstruct(...)"
        )
    return restoring(net), halves(net)


def restoring(net: Net) -> Net:
    """A net that gives back its input.

    Raises:
        KindError: if it does not.
    """
    if not isinstance(net.end, Reconstruct):
        raise KindError(f"{net} gives back no inputs: that is what a net does that ends in Reconstruct(...)")
    return net


def ready(model: Model, data: Any) -> Iterator[Flow]:
    """Batches of data as the net takes them, in order.

    Args:
        model: of the net.
        data: the name of a set, a dataset, or what `Model.predict` takes.

    Raises:
        DataError: if it is not of the kind that the net takes.
    """
    from lamina.data.named import load
    from lamina.data.sets import NAMED

    data = load(data) if isinstance(data, str) and data in NAMED else data
    if isinstance(data, Dataset):
        yield from (x for x, _ in dataset_batches(model.net, data, torch.arange(len(data))))
    else:
        yield from (on_device(x, model.net) for x in asked_batches(model, data))


def dataset_batches(net: Net, dataset: Dataset, rows: Int64[Tensor, " N"]) -> Iterator[tuple[Flow, Tensor]]:
    """The inputs of some rows of a dataset, as the net takes them, with the rows; its targets do not matter.

    Raises:
        DataError: if the inputs are of another kind.
    """
    if dataset.inputs.kind != net.given:
        raise DataError(f"{dataset.name} has {dataset.inputs.kind}; the net was built for {net.given}")
    for part in torch.split(rows, rows_at_once(net.given, LOOK_ROWS)):
        yield on_device(dataset.inputs.gather(part), net), part


def on_device(x: Flow, net: Net) -> Flow:
    """A batch where the net's weights are."""
    return Padded(x.values.to(net.device), x.visible.to(net.device)) if isinstance(x, Padded) else x.to(net.device)


def asked_batches(model: Model, data: Any) -> Iterator[Flow]:
    """What `Model.predict` takes."""
    most = rows_at_once(model.net.given, LOOK_ROWS)
    if model.text is None:
        yield from torch.split(model.prepared(data), most)
        return
    from lamina.data.text.paired import rows_of
    from lamina.labelling import texts_of

    texts = list(data) if model.origin is None else texts_of(data, model.origin)
    rows = rows_of(texts, model.text.input, longest=model.text.context)
    for part in torch.split(torch.arange(len(texts)), most):
        yield rows.gather(part)


@contextmanager
def resting(net: Net) -> Iterator[None]:
    """Within this block a net is in evaluation mode, and nothing keeps gradients."""
    was_training = net.training
    net.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        net.train(was_training)
