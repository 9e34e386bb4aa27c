"""Forecasts: the view from the last value, the end, what is measured, and what has to be beaten."""

from __future__ import annotations

import math

import pytest
import torch
from examples import inputs

from lamina.baseline_series import linear, naive, seasonal
from lamina.chance import drawing
from lamina.data.dataset import Dataset
from lamina.data.series.sliding import Sliding
from lamina.errors import DataError, KindError
from lamina.kinds import Padded, Sequence, Value, Vector
from lamina.metrics import ForecastTally
from lamina.net import build
from lamina.sentence import parse


def series(*columns: list[float]) -> Padded:
    values = torch.tensor(columns).T[None]
    return Padded(values, torch.ones(values.shape[:2], dtype=torch.bool))


def test_recent_positions_are_the_last_that_are_visible_and_zeros_before() -> None:
    stage = parse("Recent(3)")
    assert stage.build(Sequence(2)) == Vector(6)
    x = Padded(torch.arange(1.0, 17.0).view(2, 4, 2), torch.tensor([[True] * 4, [True, True, False, False]]))
    assert stage(x).tolist() == [[3, 4, 5, 6, 7, 8], [0, 0, 9, 10, 11, 12]]


def test_a_series_is_seen_from_its_last_value_in_units_of_what_is_usual() -> None:
    stage = parse("FromLast(Recent(2))")
    assert stage.build(Sequence(2)) == Vector(8)
    x = series([1.0, 5.0, 3.0], [10.0, 40.0, 40.0])
    stage.learn([x])
    reach = [math.sqrt(8 / 3), math.sqrt(900 / 3)]
    torch.testing.assert_close(stage.reach, torch.tensor(reach))
    expected = [2 / reach[0], 0, 0, 0, 3, 40, *reach]
    torch.testing.assert_close(stage(x), torch.tensor([expected]))


def test_together_the_columns_are_given_side_by_side_and_on_a_log_scale_as_ratios() -> None:
    stage = parse("FromLast(Recent(2), columns='together', scale='log')")
    assert stage.build(Sequence(2)) == Vector(8)
    x = series([1.0, 2.0, 4.0], [27.0, 9.0, 9.0])
    ln = math.log
    torch.testing.assert_close(stage(x), torch.tensor([[-ln(2), 0, 0, 0, ln(4), ln(9), 1, 1]]))
    with pytest.raises(DataError) as error:
        stage(series([1.0, 0.0, 4.0], [27.0, 9.0, 9.0]))
    assert str(error.value) == (
        "FromLast takes the logarithm of a series, which must be above 0; the least is 0; use scale='linear'"
    )


def test_each_column_meets_noise_of_its_own() -> None:
    stage = parse("FromLast(Recent(5) >> Dropout(0.5))").train()
    stage.build(Sequence(2))
    column = [8.0, 7.0, 6.0, 5.0, 4.0]
    with drawing(0, 1, torch.arange(1)):
        h = stage(series(column, column))[0]
    assert not torch.equal(h[:5], h[5:10])


def test_without_weights_the_forecast_is_the_last_value_whatever_the_level() -> None:
    net = build("FromLast(Recent(3)) >> Forecast(init='zeros')", Sequence(2), Value(6))
    net.learn(lambda: [(series([0.0, 1.0, 2.0], [5.0, 5.0, 7.0]), torch.tensor([[3.0, 7, 4, 7, 5, 9]]))])
    for shift in (0.0, 1000.0):
        x = series([0.0 + shift, 3.0 + shift, 2.0 + shift], [9.0, 6.0, 7.0])
        torch.testing.assert_close(net(x), torch.tensor([[2.0 + shift, 7] * 3]))


def test_a_forecast_is_the_last_value_and_a_change_in_units_of_what_is_usual() -> None:
    net = build("FromLast(Recent(2)) >> Forecast()", Sequence(2), Value(6))
    net.end.learn([torch.randn(5, 6), torch.randn(5, 6)])
    x = inputs(Sequence(2), 7)
    net.body[0].learn([x])
    assert isinstance(x, Padded)
    h = net.body(x)
    f, last, reach = h[:, :4].view(7, 2, 2), h[:, 4:6], h[:, 6:]
    expected = torch.stack([last[:, c, None] + reach[:, c, None] * (f[:, c] @ net.end.weight.T + net.end.offset) for c in range(2)], 2)  # fmt: skip
    torch.testing.assert_close(net(x), expected.flatten(1), rtol=1e-4, atol=1e-5)
    normal = torch.distributions.Normal(net(x), net.end.deviation)
    y = torch.randn(7, 6)
    torch.testing.assert_close(net.score(x, y).total, -normal.log_prob(y).sum(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("columns", ["apart", "together"])
def test_weights_are_shared_by_columns_that_are_seen_apart(columns: str) -> None:
    net = build(f"FromLast(Recent(3) >> Dense(5), columns='{columns}') >> Forecast()", Sequence(2), Value(14))
    assert net.end.weight.shape == ((7, 5) if columns == "apart" else (14, 5))
    assert net.end.steps == 7


def test_behind_other_stages_a_forecast_is_a_regression() -> None:
    nets = [build(f"Recent(3) >> Dense(5) >> {end}()", Sequence(2), Value(4)) for end in ("Forecast", "Regress")]
    x, y = inputs(Sequence(2), 7), torch.randn(7, 4)
    for net in nets:
        net.end.learn([y])
    nets[0].load_state_dict(nets[1].state_dict() | {"end.unit": nets[0].end.unit})
    torch.testing.assert_close(nets[0].score(x, y).total, nets[1].score(x, y).total)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("Standardize() >> FromLast(Recent(3)) >> Forecast()", "FromLast(Recent(3)) must be all that stands before Forecast(): put the other stages into it"),
        ("FromLast(Recent(3), scale='log') >> Forecast()", "Forecast() and FromLast must have one scale, got 'log' for the latter"),
        ("FromLast(Recent(3)) >> Forecast()", "Forecast() behind FromLast forecasts each of its 2 columns, but not 5 numbers"),
        ("FromLast(Dense(3)) >> Forecast()", "FromLast(Dense(3)) needs a Vector of its stage, which gives Sequence(3); end that with Recent(96)"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(sentence: str, message: str) -> None:
    with pytest.raises(KindError) as error:
        build(sentence, Sequence(2), Value(5))
    assert str(error.value) == message


def test_errors_are_measured_in_deviations_and_in_the_unit() -> None:
    target = torch.tensor([[1.0, 10.0], [3.0, 30.0], [2.0, 20.0]])
    error = torch.tensor([[1.0, 0.0], [0.0, 20.0], [1.0, -10.0]])
    tally = ForecastTally.of(target + error, target, torch.tensor([1.0, 10.0]), steps=2)
    measures = tally.measures()
    assert {name: measure.value for name, measure in measures.items()} == pytest.approx(
        {"scaled_squared_error": 7 / 6, "scaled_absolute_error": 5 / 6, "root_mean_squared_error": math.sqrt(502 / 6), "squared_error": 502 / 6, "absolute_error": 32 / 6}
    )  # fmt: skip


def test_tallies_of_parts_add_up_and_overlap_widens_the_interval() -> None:
    predicted, target, unit = torch.randn(11, 4), torch.randn(11, 4), torch.ones(4)
    whole = ForecastTally.of(predicted, target, unit, steps=2).measures()
    parts = ForecastTally.of(predicted[:3], target[:3], unit, 2) + ForecastTally.of(predicted[3:], target[3:], unit, 2)
    for name, measure in parts.measures().items():
        assert measure == pytest.approx(whole[name])
    alone = ForecastTally.of(predicted, target, unit, steps=1).measures()["scaled_squared_error"]
    wide = whole["scaled_squared_error"]
    assert math.log(wide.high / wide.value) == pytest.approx(math.sqrt(2) * math.log(alone.high / alone.value))


def windows(values: torch.Tensor, length: int, horizon: int) -> Dataset:
    width = values.shape[1]
    return Dataset(
        "made",
        Sliding(values[:-horizon], Sequence(width), length=length),
        Sliding(values[length:], Value(horizon * width), length=horizon),
    )


def test_naive_forecasts_repeat_the_last_value_or_the_last_season() -> None:
    data = windows(torch.tensor([[1.0, 5], [2, 6], [3, 7], [4, 8], [0, 0], [0, 0], [0, 0]]), 4, 3)
    assert isinstance(data.inputs, Sliding)
    rows = torch.tensor([0])
    assert naive(data.inputs, 3)(rows).tolist() == [[4, 8, 4, 8, 4, 8]]
    assert seasonal(data.inputs, 3, 2)(rows).tolist() == [[3, 7, 4, 8, 3, 7]]


def test_the_linear_forecast_finds_what_is_linear_at_any_level() -> None:
    time = torch.arange(400.0)
    values = torch.stack((torch.sin(time / 5), 3 * torch.cos(time / 7) + 50), 1)
    data = windows(values, 8, 3)
    answer = linear(data, torch.arange(200))
    rows = torch.arange(300, 380)
    torch.testing.assert_close(answer(rows), data.target.gather(rows).double(), rtol=0, atol=0.15)
