"""Training and evaluation on streams of a text, where a batch goes on in the state behind the one before."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lamina.data.batches import Batch
from lamina.data.dataset import Column, Dataset
from lamina.data.text.ragged import Windows
from lamina.data.text.running import ShiftedWindows, Streams
from lamina.ends.next_token import NextToken
from lamina.evaluation import evaluate
from lamina.kinds import Kind, Padded, Sequence, Tokens
from lamina.layers.embed import Embed
from lamina.net import Net, build
from lamina.stage import Stage, State
from lamina.training.loop import Carried, fit
from lamina.training.optimizers import SGD

VOCABULARY, LENGTH = 7, 5
CPU = torch.device("cpu")


class Leaky(Stage):
    """y_t = a y_t-1 + x_t: the least that is recurrent."""

    recurrent = True

    def build(self, given: Kind) -> Kind:
        assert isinstance(given, Sequence)
        self.share = nn.Parameter(torch.full((given.width,), 0.5))
        return given

    def forward(self, x: Padded) -> Padded:
        return self.carry(x, None)[0]

    def carry(self, x: Padded, state: State) -> tuple[Padded, State]:
        now = torch.zeros_like(x.values[:, 0]) if state is None else state[0]
        found = []
        for place in range(x.values.shape[1]):
            now = self.share * now + x.values[:, place]
            found.append(now)
        return x._replace(values=torch.stack(found, 1)), (now,)


def text(tokens: int = 211) -> Dataset:
    values = torch.randint(3, VOCABULARY, (tokens,), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    inputs, target = (Windows(values, Tokens(VOCABULARY), length=LENGTH, ahead=ahead) for ahead in (0, 1))
    return Dataset("a text", inputs, target)


def net() -> Net:
    return build(Embed(3) >> Leaky() >> NextToken(), Tokens(VOCABULARY), Tokens(VOCABULARY))


def trained(batches: list[Batch], parts: int = 1) -> Net:
    made = net()
    optimizer = SGD(0.1)
    groups = optimizer.start(made.named_parameters())
    for _ in fit(made, batches, optimizer, groups, lambda step: 0.1, parts=parts):
        pass
    return made


def streams(size: int, seed: int | None = None) -> list[Batch]:
    data = text()
    return list(Streams(data, torch.arange(len(data.inputs)), size, seed, CPU).epoch(0))


def test_one_stream_measures_what_the_whole_text_at_once_does() -> None:
    made, data = net(), text()
    tally = evaluate(made, streams(1))
    whole = data.inputs.at(torch.tensor([0]), 210), data.target.at(torch.tensor([0]), 210)
    expected = made.eval().score(*whole)
    assert tally.tokens == 210
    assert tally.nats == pytest.approx(expected.total.item(), rel=1e-5)


def test_windows_that_stand_alone_know_nothing_of_what_came_before() -> None:
    made, data = net(), text()
    rows = torch.arange(len(data.inputs))
    apart = evaluate(made, ShiftedWindows(data, rows, 9, None, CPU).epoch(0))
    assert apart.tokens == 210
    assert apart.nats != pytest.approx(evaluate(made, streams(1)).nats, rel=1e-4)


def test_gradients_end_at_the_border_of_a_batch_but_states_do_not() -> None:
    first, second = streams(2)[:2]
    made = net()
    seen = Carried()
    optimizer = SGD(0.1)
    for _ in fit(made, [first], optimizer, optimizer.start(made.named_parameters()), lambda step: 0.0, carried=seen):
        pass
    assert seen.state is not None
    state = next(part for part in seen.state if part is not None)[0]
    assert not state.requires_grad
    x = made.body[0](first.inputs).values.detach()
    by_hand = torch.zeros(2, 3)
    for place in range(LENGTH):
        by_hand = 0.5 * by_hand + x[:, place]
    torch.testing.assert_close(state, by_hand)
    h, _ = made.carried(second.inputs, seen.state)
    fresh, _ = made.carried(second.inputs, None)
    assert not torch.equal(h.values, fresh.values)


@pytest.mark.parametrize("parts", [2, 3])
def test_cutting_batches_of_streams_changes_nothing(parts: int) -> None:
    batches = streams(7, seed=0)
    for one, other in zip(trained(batches).parameters(), trained(batches, parts).parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_the_state_is_not_handed_on_where_streams_begin_anew() -> None:
    made, carried = net(), Carried()
    batches = streams(3)
    optimizer = SGD(0.1)
    run = fit(
        made,
        [*batches, batches[0]],
        optimizer,
        optimizer.start(made.named_parameters()),
        lambda s: 0.0,
        carried=carried,
    )
    for _ in run:
        pass
    last = carried.state
    made.eval()
    _, expected = made.carried(batches[0].inputs, None)
    torch.testing.assert_close(last[1][0], expected[1][0])


def test_a_step_that_is_not_applied_hands_no_state_on() -> None:
    made, carried = net(), Carried("as it was")
    with torch.no_grad():
        made.body[0].table[3] = torch.nan
    optimizer = SGD(0.1)
    (step,) = fit(
        made, streams(3)[:1], optimizer, optimizer.start(made.named_parameters()), lambda s: 0.1, carried=carried
    )
    assert not step.applied
    assert carried.state == "as it was"


def test_a_plain_column_is_no_text() -> None:
    data = Dataset("numbers", Column(torch.zeros(5, 3), Tokens(3)), Column(torch.zeros(5), Tokens(3)))
    with pytest.raises(ValueError, match="numbers: expected one long text"):
        Streams(data, torch.arange(5), 2, None, CPU)


def ids(batch: Batch) -> Tensor:
    return batch.examples


def test_every_window_has_a_number_of_its_own() -> None:
    seen = torch.cat([ids(batch) for batch in streams(4)])
    assert len(seen.unique()) == len(seen)


def test_evaluation_begins_anew_where_streams_do() -> None:
    made = net()
    once, twice = evaluate(made, streams(3)), evaluate(made, [*streams(3), *streams(3)])
    assert twice.nats == pytest.approx(2 * once.nats, rel=1e-6)
