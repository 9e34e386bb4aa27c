"""Codes of inputs, what they are given back as, and what is made up."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import lamina as la
from lamina.coding import decoded, halves, ready, resting
from lamina.data.sources.arrays import from_arrays
from lamina.errors import DataError, KindError, RunError
from lamina.layers.gaussian import Gaussian
from lamina.model import Model

VARIATIONAL = "Dense(5) >> Tanh() >> Gaussian(2) >> Reconstruct(Dense(3) >> Tanh())"


def random(*sizes: int, seed: int = 0) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed))


def model(sentence: str = VARIATIONAL, size: int = 7) -> Model:
    net = la.build(sentence, la.Vector(size), la.Label(3))
    x = random(53, size)
    net.learn(lambda: ((part, torch.zeros(len(part))) for part in x.split(11)))
    return Model(net)


def test_the_code_of_a_variational_net_is_the_mean() -> None:
    m, x = model(), random(11, 7)
    gaussian = m.net.body[2]
    assert isinstance(gaussian, Gaussian)
    with torch.no_grad():
        expected = gaussian.posterior(m.net.body[1](m.net.body[0](x))).mean
    assert torch.equal(m.encode(x), expected)


def test_inputs_go_where_a_net_without_parameters_has_its_directions() -> None:
    m = model("PCA(3) >> Reconstruct()")
    assert not list(m.net.parameters())
    m.net.to("meta")
    assert [x.device.type for x in ready(m, random(11, 7)) if isinstance(x, Tensor)] == ["meta"]


def test_the_code_of_principal_components_is_the_projection_and_what_it_leaves_out_is_the_error() -> None:
    m, x = model("PCA(3) >> Reconstruct()"), random(11, 7)
    directions, mean = m.net.body[0].directions, m.net.body[0].mean
    code = (x - mean) @ directions.T
    torch.testing.assert_close(m.encode(x), code)
    found = m.reconstruct(x)
    torch.testing.assert_close(found.value, mean + code @ directions)
    assert torch.equal(found.given, x)
    torch.testing.assert_close(found.squared_error, (x - mean - code @ directions).square().sum(1))


def test_stages_behind_the_drawn_code_are_part_of_the_decoder() -> None:
    m, x = model("Dense(5) >> Gaussian(2) >> Dense(3) >> Tanh() >> Reconstruct()"), random(11, 7)
    parts = halves(m.net)
    assert [stage.name() for stage in parts.encoder] == ["Dense", "Gaussian"]
    assert [stage.name() for stage in parts.decoder] == ["Dense", "Tanh"]
    with resting(m.net):
        again = decoded(m.net, parts, m.encode(x))
    torch.testing.assert_close(again.clone(), m.reconstruct(x).value)


def test_the_code_of_a_classifier_is_what_its_end_is_given() -> None:
    m, x = model("Dense(5) >> Tanh() >> Classify()"), random(11, 7)
    torch.testing.assert_close(m.net.end(m.encode(x)), m.net(x))


@pytest.mark.parametrize("up_to", ["1", "Dense(5)", "Dense"])
def test_a_stage_is_named_by_its_number_or_its_words(up_to: str) -> None:
    m, x = model(), random(11, 7)
    assert torch.equal(m.encode(x, up_to), m.net.body[0](x))


@pytest.mark.parametrize(
    ("up_to", "message"),
    [
        ("4", "up_to: expected a stage from 1 to 3, got 4; see `lamina show`"),
        ("0", "up_to: expected a stage from 1 to 3, got 0; see `lamina show`"),
        ("Desne(5)", "up_to: the net has no stage 'Desne(5)'; did you mean 'Dense(5)'?"),
        ("Dense", "up_to: 'Dense' is several stages of the net, 1, 2; name one by its number"),
    ],
)
def test_a_stage_that_is_none_or_several_is_refused(up_to: str, message: str) -> None:
    m = model("Dense(5) >> Dense(3) >> Gaussian(2) >> Reconstruct()")
    with pytest.raises(KindError) as raised:
        m.encode(random(3, 7), up_to)
    assert str(raised.value) == message


def test_positions_are_no_code() -> None:
    net = la.build("Embed(5) >> Mean() >> Classify()", la.Tokens(11), la.Label(3))
    with pytest.raises(KindError) as raised:
        halves(net, "1")
    assert (
        str(raised.value)
        == "Embed(5) gives Sequence(5), which is no code: name a stage that gives a Vector or an Image"
    )


def test_data_of_another_kind_is_refused() -> None:
    with pytest.raises(DataError) as raised:
        model().encode(from_arrays(random(11, 5), torch.arange(11) % 3))
    assert str(raised.value) == "arrays has Vector(5); the net was built for Vector(7)"


def test_a_dataset_an_array_and_rows_one_by_one_have_the_same_codes() -> None:
    m, x = model(), random(11, 7)
    whole = m.encode(from_arrays(x, torch.arange(11) % 3))
    assert torch.equal(whole, m.encode(x.numpy()))
    torch.testing.assert_close(torch.cat([m.encode(row[None]) for row in x]), whole)


def test_encoding_leaves_the_mode_of_the_net_alone_and_gives_tensors_of_the_users_own() -> None:
    m = model()
    m.net.train()
    codes = m.encode(random(11, 7))
    assert m.net.training
    assert not codes.is_inference()
    assert next(iter(ready(m, random(3, 7)))).shape == (3, 7)


def test_samples_are_decoded_draws_of_the_prior() -> None:
    m = model()
    drawn = m.sample(997)
    assert drawn.shape == (997, 7)
    torch.testing.assert_close(m.sample(13), drawn[:13])
    assert not torch.equal(m.sample(13, seed=1), drawn[:13])
    with torch.no_grad():
        torch.testing.assert_close(m.sample(3, temperature=0), m.net.end(torch.zeros(3, 2)))


def test_samples_of_an_affine_decoder_have_the_mean_and_spread_that_the_prior_gives_them() -> None:
    m = model("Gaussian(2) >> Reconstruct()")
    drawn, end = m.sample(20011, temperature=0.5).double(), m.net.end
    weight = (end.unit[:, None] * end.weight).detach().double()
    with torch.no_grad():
        middle = end(torch.zeros(1, 2))[0].double()
    torch.testing.assert_close(drawn.mean(0), middle, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), 0.25 * weight @ weight.T, atol=0.03, rtol=0)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (
            "PCA(2) >> Reconstruct()",
            "PCA(2) >> Reconstruct() gives back what it is given, but has no distribution of codes to draw from: train"
            " one with Gaussian(...) before Reconstruct(...)",
        ),
        (
            "Gaussian(2) >> Classify()",
            "Gaussian(2) >> Classify() gives back no inputs: that is what a net does that ends in Reconstruct(...)",
        ),
    ],
)
def test_a_net_without_a_prior_draws_nothing(sentence: str, message: str) -> None:
    with pytest.raises(KindError) as raised:
        model(sentence).sample(3)
    assert str(raised.value) == message


def test_a_classifier_gives_back_nothing() -> None:
    with pytest.raises(KindError, match=r"^Dense\(5\) >> Classify\(\) gives back no inputs: that is what a net does"):
        model("Dense(5) >> Classify()").reconstruct(random(3, 7))


def test_counts_and_temperatures_that_are_none_are_all_named() -> None:
    with pytest.raises(RunError) as raised:
        model().sample(0, temperature=-1.0)
    assert str(raised.value) == (
        "nothing can be drawn:\n  - count must be at least 1, got count=0\n"
        "  - temperature must be at least 0, got temperature=-1.0"
    )


def test_codes_of_views_are_the_mean_over_them() -> None:
    net = la.build("Flatten() >> Dense(5) >> Classify()", la.Image(1, 3, 5), la.Label(3))
    net.views = la.Views(flip=True)
    x = random(7, 1, 3, 5)
    with torch.no_grad():
        torch.testing.assert_close(Model(net).encode(x), net.body(x) / 2 + net.body(x.flip(-1)) / 2)
