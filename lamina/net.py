"""A built net: a sentence that has met its data. A plain `torch.nn.Module`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Self

import torch
from torch import Tensor, nn

from lamina.chance import key, repeatable, still_drawing
from lamina.end import End, Score
from lamina.errors import KindError, SentenceError
from lamina.kinds import Kind, rows
from lamina.layers.augment.mix import Mixing, of_partners
from lamina.metrics import Tally
from lamina.nets.composition import expanded
from lamina.nets.misfits import chain_misfits, check_size, memory_misfits
from lamina.sentence import parse
from lamina.stage import Chain, Flow, Stage, State, links
from lamina.table import Row, parameter_count, table
from lamina.table import rows as table_rows
from lamina.views import Views
from lamina.word import written


class Net(nn.Module):
    """The stages of a sentence with their parameters, and its end.

    Calling it gives what the end's distribution is made from (the logits of `Classify`, the mean of `Regress`).

    Attributes:
        body: all stages but the end.
        end: the distribution of the target.
        given: the kind of an input.
        gives: the kind of what the distribution is made from.
        target: the kind of what is predicted.
        frozen: the parts of the body that are not trained now.

    Example:
        >>> import lamina as la, torch
        >>> net = la.build("Dense(7) >> ReLU() >> Classify()", la.Vector(5), la.Label(3))
        >>> net(torch.randn(2, 5)).shape
        torch.Size([2, 3])
    """

    def __init__(self, body: Chain, end: End, given: Kind, gives: Kind, target: Kind) -> None:
        super().__init__()
        self.body, self.end = body, end
        self.given, self.gives, self.target = given, gives, target
        self.charges = any(stage.charges for stage in body.stages)
        self._views: Views | None = None
        self.frozen: tuple[nn.Module, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where its weights are. Principal components are buffers: a net of them alone has no parameters."""
        return next((tensor.device for tensor in (*self.parameters(), *self.buffers())), torch.device("cpu"))

    @property
    def views(self) -> Views | None:
        """What is averaged in evaluation; None to look at an input once, as it is.

        Raises:
            KindError: when it is set, if the inputs have no such views.
        """
        return self._views

    @views.setter
    def views(self, views: Views | None) -> None:
        if views is not None:
            views.check(self.given)
        self._views = views

    def features(self, x: Flow) -> Flow:
        """What the body gives and the end takes: h. In evaluation it is the mean over the views, if there are any."""
        if self.training or self._views is None or not isinstance(x, Tensor):
            return self.body(x)  # type: ignore[no-any-return]
        return self._views.mean(self.body, x)

    def forward(self, x: Flow) -> Any:
        return self.end(self.features(x))

    def carried(self, x: Flow, state: State) -> tuple[Flow, State]:
        """What the body gives for positions that go on behind a state, and the state behind them; see `Stage.carry`."""
        return self.body.carry(x, state)

    def score(self, x: Flow, target: Any) -> Score:
        """The loss: -log p(target | x) in nats, with what stages add, as a sum and the number of units it runs over."""
        target, mixing = self.aim(x, target), self.mixing()
        if self.end.fills:
            # The end asks once more for what the body has drawn.
            with repeatable(rows(x)) if self.training else still_drawing(rows(x)):
                return self.end.charged(*self.charged(x), target)
        if mixing is None or not mixing.training:
            return self.end.charged(*self.charged(x), target)
        with repeatable(rows(x)):
            (h, nats), (share, partner) = self.charged(x), mixing.pairing(rows(x))
            one, other = self.end.charged(h, nats, target), self.end.charged(h, nats, of_partners(target, partner))
        return Score(share * one.total + (1 - share) * other.total, one.count)

    def charged(self, x: Flow) -> tuple[Flow, Tensor | None]:
        """What the end's loss is taken of, and the nats that the body's stages add for each row of it."""
        return self.body.charge(x) if self.charges else (self.features(x), None)

    def aim(self, x: Flow, target: Any) -> Any:
        """What is predicted: the target, or the input itself, as it came, where that is what the end is about."""
        return x if self.end.restores else target

    def tally(self, x: Flow, target: Any, h: Flow | None) -> Tally:
        """What a batch adds to the measures, `h` being its features; what is drawn is drawn for it, without them."""
        target = self.aim(x, target)
        return self.end.charged_tally(*self.charged(x), target) if self.draws else self.end.tally(h, target)

    @property
    def draws(self) -> bool:
        """Whether measures are taken of what is drawn, codes or what is hidden, and not of `features`."""
        return self.charges and (self.end.restores or self.end.fills)

    def mixing(self) -> Mixing | None:
        """The stage that mixes examples with each other in training, if there is one."""
        return next((stage for stage in self.body.stages if isinstance(stage, Mixing)), None)

    def predict(self, x: Flow) -> Any:
        """The end's answer for each example, without gradients and with dropout and the like at rest."""
        was_training = self.training
        self.eval()
        try:
            with torch.inference_mode():
                return self.end.predict(self.features(x))
        finally:
            self.train(was_training)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode. What has weights in frozen parts stays in the latter, so that norms rest."""
        super().train(mode)
        for part in (part for frozen in self.frozen for part in frozen.modules()):
            if [*part.parameters(recurse=False), *part.buffers(recurse=False)]:
                part.training = False
        return self

    def learn(
        self, batches: Callable[[], Iterable[tuple[Flow, Any]]], learned: int = 0, end_learned: bool = False
    ) -> None:
        """Let the stages that need statistics of the training data take them, in order, each in one pass.

        Args:
            batches: starts a pass over the training data: batches of inputs and targets.
            learned: so many of the first stages have theirs already.
            end_learned: whether the end has its own, but for what must be of these data.
        """
        was_training = self.training
        self.eval()
        self.learn_body(batches, learned, len(self.body))
        with torch.no_grad():
            if self.end.learns:
                learn = self.end.learn_anew if end_learned else self.end.learn
                learn(self.aim(inputs, target) for inputs, target in batches())
        self.train(was_training)

    @torch.no_grad()
    def learn_body(self, batches: Callable[[], Iterable[tuple[Flow, Any]]], first: int, last: int) -> None:
        """Let some of the body's stages take their statistics; the net must be in evaluation mode."""
        for place, stage in enumerate(self.body.stages[:last]):
            if stage.learns and place >= first:
                before = self.body.stages[:place]
                stage.learn(through(before, inputs) for inputs, _ in batches())

    def calibrate(self, batches: Iterable[tuple[Flow, Any]]) -> None:
        """Let the end see how far its answers are off, in one pass over the validation part, after training."""
        was_training = self.training
        self.eval()
        with torch.no_grad():
            self.end.calibrate((self.features(inputs), self.aim(inputs, target)) for inputs, target in batches)
        self.train(was_training)

    def multiply_adds(self) -> int:
        """The multiplications (each with its addition) of one example; of one position where positions flow."""
        return self.body.multiply_adds() + self.end.multiply_adds()

    def parameter_count(self) -> int:
        return parameter_count(self)

    def sentence(self) -> str:
        """The text that this net was built from."""
        return " >> ".join(map(written, (*self.body.stages, self.end)))

    def expanded(self) -> str:
        """The sentence with every named net in it written out."""
        return " >> ".join(map(written, (expanded(self.body), self.end)))

    def rows(self) -> list[Row]:
        """The rows of the table."""
        return table_rows(self.body, self.end, self.gives)

    def table(self) -> str:
        """The net stage by stage: kind out, parameters, multiply-adds."""
        return table(self.body, self.end, self.given, self.gives)

    def __repr__(self) -> str:
        return self.sentence()


def through(stages: Iterable[Stage], x: Flow) -> Flow:
    """What comes out of the stages one after another."""
    for stage in stages:
        x = stage(x)
    return x


def build(sentence: Stage | str, given: Kind, target: Kind, seed: int = 0) -> Net:
    """Build a net from a sentence for inputs and targets of these kinds. The sentence itself stays as it is.

    Args:
        sentence: a net with an end, as words or as text.
        given: the kind of an input.
        target: the kind of what is to be predicted.
        seed: first weights follow from it and from each stage's place in the net.

    Raises:
        SentenceError: if the text cannot be read.
        KindError: if stages do not fit together or to the data, or the net would not fit in memory; all at once.
    """
    stage = parse(sentence) if isinstance(sentence, str) else sentence
    mistakes = misfits(stage, given, target)
    if mistakes:
        raise KindError(*mistakes)
    net = _built(stage, given, target)
    for name, part in net.named_modules():
        if isinstance(part, Stage):
            part.place = key(name)
    net.end.initialise(seed, "linear")
    net.body.initialise(seed, net.end.following() or "linear")
    net.end.settle()
    return net


def misfits(stage: Stage, given: Kind, target: Kind) -> list[str]:
    """Why a net cannot be built for these kinds, if it cannot: stages that do not fit, or too many numbers.

    Asked on torch's "meta" device, where tensors have shapes but no memory, so that the answer costs nothing.
    """
    try:
        sketch = sketched(stage, given, target)
    except KindError as error:
        return list(error.mistakes)
    except SentenceError as error:  # a kind beyond all bounds, such as a vector of more than 2^31 numbers
        return [str(error)]
    return memory_misfits(sketch)


def sketched(stage: Stage, given: Kind, target: Kind) -> Net:
    """A net on torch's "meta" device.

    Raises:
        KindError: if stages do not fit; all at once.
    """
    with torch.device("meta"):
        return _built(stage, given, target)


def _built(stage: Stage, given: Kind, target: Kind) -> Net:
    check_size(stage)
    *body, end = (link.fresh() for link in links(stage))
    # What gives back its own input is about that, whatever else the data say.
    target = given if isinstance(end, End) and end.restores else target
    mistakes = chain_misfits(body, end, target)
    if not isinstance(end, End):
        body.append(end)
        mistakes.append(f"the net stops with {end} and predicts nothing; put an end behind it, such as >> Classify()")
    trunk = Chain([link for link in body if not isinstance(link, End)])
    reached, misfits = trunk.fit(given)
    mistakes.extend(misfits)
    gives = None
    if isinstance(end, End):
        try:
            end.aim(target)
            end.meet(trunk)
            gives = end.build(reached) if reached is not None else None
        except KindError as error:
            mistakes.extend(error.mistakes)
    if mistakes or not isinstance(end, End) or gives is None:
        raise KindError(*mistakes)
    return Net(trunk, end, given, gives, target)
