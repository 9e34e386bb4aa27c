"""The stages of tables and what ends take from data, by values that can be redone on paper."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import LogNormal
from torch.nn.functional import cross_entropy

import lamina as la
from lamina.data.dataset import Column, Dataset
from lamina.defaults import default_net
from lamina.errors import DataError, KindError, SentenceError
from lamina.kinds import Kind, Label, Table, Targets, Value, Vector
from lamina.layers.piecewise import spread_out
from lamina.model import Model
from lamina.sentence import parse
from lamina.stage import Stage

NAN = math.nan


def learned(sentence: str, kind: Kind, *batches: list[list[float]]) -> Stage:
    """A stage that has seen these batches of training."""
    stage = parse(sentence).fresh()
    stage.build(kind)
    stage.initialise(0, "linear")
    stage.learn([torch.tensor(batch) for batch in batches])
    return stage


def of(stage: Stage, *rows: list[float]) -> list[list[float]]:
    out = stage(torch.tensor(rows))
    assert isinstance(out, Tensor)
    return [[round(value, 4) for value in row] for row in out.tolist()]


def test_numbers_are_standardised_by_those_that_are_there_and_blanks_become_the_mean_with_a_flag():
    stage = learned("Standardize()", Table(2, (4,), blanks=1), [[1.0, 5.0, 2.0], [NAN, 7.0, 3.0]], [[3.0, 9.0, 1.0]])
    assert stage.mean.tolist() == [2, 7]
    assert of(stage, [3.0, 7.0, 2.0], [NAN, 9.0, 1.0]) == [[1, 0, 0, 2], [0, 1.2247, 1, 1]]


def test_a_number_that_is_blank_by_surprise_counts_as_a_usual_one():
    stage = learned("Standardize()", Table(1), [[1.0], [3.0]])
    assert of(stage, [NAN], [3.0]) == [[0], [1]]
    stage = learned("Piecewise(2, width=3)", Table(1), [[1.0], [2.0], [40.0]])
    assert of(stage, [NAN]) == of(stage, [2.0])
    stage = learned("Periodic(3)", Table(1), [[1.0], [3.0]])
    assert of(stage, [NAN]) == of(stage, [2.0])


def test_a_column_of_nothing_but_blanks_stays_finite():
    stage = learned("Standardize()", Table(1, blanks=1), [[NAN], [NAN]])
    assert of(stage, [NAN], [7.0]) == [[0, 1], [7, 0]]


def test_a_number_runs_up_its_bins_one_after_another():
    stage = learned("Piecewise(2)", Table(1, blanks=1), [[0.0], [1.0], [2.0], [NAN]], [[3.0], [4.0]])
    assert of(stage, [1.0], [3.0], [NAN]) == [[0.5, 0, 0], [1, 0.5, 0], [0, 0, 1]]
    assert of(stage, [-9.0], [99.0]) == [[0, 0, 0], [1, 1, 0]]


def test_a_column_of_few_values_has_an_edge_at_each_and_unused_bins_stay_empty():
    stage = learned("Piecewise(4)", Table(2), [[0.0, 7.0], [1.0, 7.0], [1.0, 7.0]])
    assert of(stage, [0.5, 7.0], [1.0, 9.0]) == [[0.5, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=40), st.integers(1, 9))
def test_the_code_of_a_number_rises_with_it_and_its_sum_never_falls(values, bins):
    stage = learned(f"Piecewise({bins})", Table(1), [[value] for value in values])
    code = stage(torch.tensor(sorted(values))[:, None])
    assert code.diff(dim=0).ge(0).all()
    assert code.ge(0).all()
    assert code.le(1).all()


def test_quantiles_do_not_depend_on_how_training_is_cut_into_batches():
    rows = torch.randn(97, 1).tolist()
    whole, parts = (learned("Piecewise(7)", Table(1), *batches) for batches in ([rows], [rows[:13], rows[13:]]))
    assert torch.equal(whole.low, parts.low)


def test_waves_are_those_of_the_standardised_number():
    stage = learned("Periodic(1, frequencies=1, sigma=1.0)", Table(1, blanks=1), [[2.0], [4.0], [NAN]])
    with torch.no_grad():
        stage.frequency.fill_(0.25)
        stage.weight.copy_(torch.tensor([[[2.0], [3.0]]]))
        stage.offset.fill_(0.5)
    # z = 1: a quarter of a turn, so sine 1 and cosine 0.
    assert of(stage, [4.0], [3.0], [NAN]) == [[2.5, 0], [3.5, 0], [0, 1]]


def test_values_that_training_has_too_seldom_or_never_share_the_vector_of_the_unseen():
    rows = [[2.0], [2.0], [2.0], [3.0], [1.0], [1.0]]
    stage = learned("Categories(2, least=2)", Table(0, (5,)), rows)
    two, three, four, unseen, blank = of(stage, [2.0], [3.0], [4.0], [0.0], [1.0])
    assert three == four == unseen == [0, 0]
    assert two != blank != unseen


def test_one_hot_has_a_place_for_each_known_value_and_none_for_others():
    stage = learned("OneHot(1)", Table(1, (4, 3)), [[0.5, 2.0, 1.0], [0.5, 3.0, 2.0]])
    assert of(stage, [7.0, 3.0, 1.0], [7.0, 1.0, 0.0]) == [[7, 0, 0, 0, 1, 0, 1, 0], [7, 0, 0, 0, 0, 0, 0, 0]]


def test_categories_of_several_columns_do_not_mix():
    stage = learned("Categories(3, least=1)", Table(0, (3, 3)), [[2.0, 2.0]])
    (row,) = of(stage, [2.0, 2.0])
    assert row[:3] != row[3:]


@pytest.mark.parametrize(
    ("sentence", "kind", "message"),
    [
        ("Dense(3) >> Classify()", Table(2, (3,)), "Dense(3) cannot follow Table(2, categories=(3,)): it takes a Vector or a Sequence; put Standardize() >> Categories(8) before it"),
        ("Categories(3) >> Classify()", Table(2, (3,), blanks=1), "Categories(3) cannot follow Table(2, categories=(3,), blanks=1), whose first 1 numbers may be blank; put Standardize() before it"),
        ("Classify(weights=(1, 2))", Vector(2), "Classify(weights=(1.0, 2.0)) has 2 weights for 3 classes: give each class one"),
    ],
)  # fmt: skip
def test_a_misfit_says_what_to_do(sentence, kind, message):
    with pytest.raises(KindError) as error:
        la.build(sentence, kind, Label(3))
    assert str(error.value) == message


def test_a_table_needs_columns_and_no_more_blanks_than_numbers():
    for wrong in ("Table(0)", "Table(1, blanks=2)"):
        with pytest.raises(SentenceError, match="Table"):
            la.parse(wrong)


def net_of(end: str, target: Kind, targets: Tensor) -> la.Net:
    net = la.build(end, Vector(2), target)
    net.end.learn([targets[:3], targets[3:]])
    return net


def test_the_log_scale_has_the_likelihood_of_a_lognormal():
    y = torch.rand(7, 1) * 100 + 1
    net = net_of("Regress('log')", Value(1), y).double()
    x, y = torch.randn(7, 2).double(), y.double()
    expected = LogNormal(net.end.middle(x), net.end.deviation.expand(7, 1)).log_prob(y).sum()
    torch.testing.assert_close(net.score(x, y).total, -expected)


def test_on_the_log_scale_the_mean_is_predicted_and_not_the_median():
    random = torch.Generator().manual_seed(0)
    y = torch.randn(4001, 1, generator=random).exp()
    net = net_of("Regress('log', init='zeros')", Value(1), y)
    net.calibrate([(torch.zeros(4001, 2), y)])
    assert net.predict(torch.zeros(1, 2)).value.item() == pytest.approx(y.mean().item(), rel=1e-4)


def test_a_logarithm_of_what_has_none_is_refused():
    with pytest.raises(DataError) as error:
        net_of("Regress('log')", Value(1), torch.tensor([[1.0], [0.0], [2.0], [3.0]]))
    assert str(error.value) == "Regress('log') takes the logarithm of targets, which must be above 0; the least is 0; use Regress()"  # fmt: skip


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_the_interval_holds_nine_in_ten(scale):
    random = torch.Generator().manual_seed(0)
    y = torch.randn(4000, 2, generator=random).exp()
    net = net_of(f"Regress('{scale}', init='zeros')", Value(2), y)
    net.calibrate([(torch.zeros(1000, 2), part) for part in y[:2000].split(1000)])
    answer = net.predict(torch.zeros(2000, 2))
    held = ((answer.low <= y[2000:]) & (y[2000:] <= answer.high)).float().mean(0)
    assert held.tolist() == pytest.approx([0.9, 0.9], abs=0.02)


def test_without_enough_to_tell_the_interval_is_everything():
    net = net_of("Regress()", Value(1), torch.rand(5, 1))
    net.calibrate([(torch.zeros(8, 2), torch.rand(8, 1))])
    answer = net.predict(torch.zeros(1, 2))
    assert (answer.low.item(), answer.high.item()) == (-math.inf, math.inf)


def test_calibrating_again_forgets_what_was_and_nothing_to_tell_from_is_no_mistake():
    net = net_of("Regress('log')", Value(1), torch.rand(50, 1) + 0.5)
    net.calibrate([(torch.randn(50, 2), torch.rand(50, 1) + 0.5)])
    assert net.end.radius.isfinite().all()
    net.calibrate([])
    assert (net.end.radius.item(), net.end.smear.item()) == (math.inf, 1.0)


def test_ends_that_are_added_are_calibrated_each_with_its_own_target():
    net = la.build("Regress() + Classify()", Vector(2), Targets((Value(1), Label(3))))
    targets = torch.cat((torch.randn(50, 1), torch.randint(3, (50, 1)).float()), 1)
    net.end.learn([targets[:20], targets[20:]])
    net.calibrate([(torch.randn(50, 2), targets)])
    assert net.end.ends[0].radius.isfinite().all()


def test_on_the_log_scale_weights_are_chosen_by_the_likelihood():
    y = torch.rand(7, 1) * 100 + 1
    net = net_of("Regress('log')", Value(1), y)
    x = torch.randn(7, 2)
    tally = net.end.tally(x, y) + net.end.tally(x, y)
    assert tally.chosen_by == "loss"
    assert tally.headline == "root_mean_squared_error"
    assert tally.measures()["loss"].value == pytest.approx(net.score(x, y).mean().item(), rel=1e-6)


@pytest.mark.parametrize("sentence", ["Standardize()", "Piecewise(3)", "Piecewise(3, width=2)", "Periodic(2)"])
def test_the_code_of_a_blank_is_zero_whatever_was_learned(sentence):
    stage = learned(sentence, Table(2, (3,), blanks=1), torch.randn(30, 3).abs().tolist())
    for parameter in stage.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.tensor([[NAN, 0.5, 2.0]])
    out = stage(x)
    width = (out.shape[1] - 2) // 2
    assert out[0, :width].eq(0).all()
    assert out[0, -2:].tolist() == [1, 2]
    out.sum().backward() if out.requires_grad else None
    assert all(parameter.grad.isfinite().all() for parameter in stage.parameters())


def test_quantiles_of_a_long_stream_come_from_rows_spread_over_it(monkeypatch):
    monkeypatch.setattr("lamina.layers.piecewise.MOST_ROWS", 10)
    kept = spread_out(part[:, None] for part in torch.arange(997.0).split(13))
    steps = kept[:, 0].diff()
    assert 10 <= len(kept) <= 20
    assert steps.unique().tolist() == [64]


def test_rows_that_are_no_rows_of_the_table_are_refused():
    model = Model(la.build("OneHot() >> Classify()", Table(1, (3,)), Label(2)))
    for row in ([1.0, 3.0], [1.0, 0.5], [1.0, -1.0], [math.inf, 1.0], [1.0, NAN]):
        with pytest.raises(DataError, match="but row 1 is none; pass a path or a frame"):
            model.predict([[NAN, 2.0], row])


def test_class_weights_and_smoothing_weigh_the_smoothed_loss():
    y = torch.tensor([0, 1, 2, 2])
    net = net_of("Classify(0.1, weights=(1, 1, 100))", Label(3), y).train()
    x = torch.randn(4, 2)
    each = cross_entropy(net(x), y, reduction="none", label_smoothing=0.1)
    torch.testing.assert_close(net.score(x, y).total, each @ torch.tensor([1.0, 1.0, 100.0, 100.0]))


def test_a_skewed_positive_target_is_learned_on_a_log_scale_by_what_trains():
    random = torch.Generator().manual_seed(0)
    skewed = torch.randn(500, 1, generator=random).mul(1.5).exp()
    even = torch.rand(500, 1, generator=random) + 1
    inputs = Column(torch.randn(500, 2, generator=random), Table(2))

    def end(target, test=None):
        return default_net(Dataset("d", inputs, Column(target, Value(1)), test=test)).net.rpartition(" >> ")[2]

    assert end(skewed) == "Regress('log')"
    assert end(even) == end(skewed - skewed.min()) == "Regress()"
    assert end(torch.cat((even[:400], skewed[400:])), torch.arange(400, 500)) == "Regress()"


def test_class_weights_weigh_in_training_only():
    y = torch.tensor([0, 0, 0, 1])
    net = net_of("Classify(weights='balanced')", Label(3), y)
    assert net.end.class_weight.tolist() == pytest.approx([4 / 9, 4 / 3, 4 / 3])
    x = torch.randn(4, 2)
    weighted = cross_entropy(net(x), y, net.end.class_weight, reduction="sum")
    torch.testing.assert_close(net.train().score(x, y).total, weighted)
    torch.testing.assert_close(net.eval().score(x, y).total, cross_entropy(net(x), y, reduction="sum"))
