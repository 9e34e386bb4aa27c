"""Learning without labels: nets whose target is their own input."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import lamina as la
from lamina.baseline_codes import restored
from lamina.chance import drawing, normals
from lamina.data.batches import Batch, Batches
from lamina.data.split import split
from lamina.ends.reconstruct import Reconstruct
from lamina.errors import DataError, KindError, RunError, SentenceError
from lamina.evaluation import evaluate
from lamina.kinds import Image, Label, Table, Vector
from lamina.layers import pca as components
from lamina.layers.gaussian import Gaussian, Normal, bound, divergence
from lamina.layers.hebb import Hebb
from lamina.layers.pca import PCA
from lamina.layers.rbm import RBM
from lamina.likelihood import log_probability
from lamina.net import Net
from lamina.sentence import parse
from lamina.training.loop import fit
from lamina.training.optimizers import SGD, Adam


def spread_out(examples: int, sizes: tuple[float, ...], seed: int = 0, shift: float = 0.0) -> Tensor:
    """Numbers whose principal components have about these deviations, turned so that no axis is one."""
    random = torch.Generator().manual_seed(seed)
    turned, _ = torch.linalg.qr(torch.randn(len(sizes), len(sizes), generator=random))
    return torch.randn(examples, len(sizes), generator=random) * torch.tensor(sizes) @ turned + shift


def learned(sentence: str, x: Tensor, seed: int = 0) -> Net:
    """A net that has taken its statistics of these examples."""
    kind = Vector(x.shape[1]) if x.dim() == 2 else Image(*x.shape[1:])
    net = la.build(sentence, kind, Label(3), seed)
    net.learn(lambda: ((part, torch.zeros(len(part))) for part in x.split(11)))
    return net


def trained(net: Net, x: Tensor, steps: int, optimizer: Adam | SGD, rate: float) -> Net:
    net.train()
    batch = Batch(x, None, torch.arange(len(x)), 0)
    batch = batch._replace(target=torch.zeros(len(x)))
    groups = optimizer.start(net.named_parameters())
    for _ in fit(net, [batch] * steps, optimizer, groups, lambda step: rate):
        pass
    return net.eval()


def projection(rows: Tensor) -> Tensor:
    """The projection onto the plane that rows span."""
    basis, _ = torch.linalg.qr(rows.T.double())
    return basis @ basis.T


# --- principal components ----------------------------------------------------------------------------------------------


def test_the_components_are_those_of_the_singular_values() -> None:
    x = spread_out(53, (5.0, 3.0, 2.0, 1.0, 0.5), shift=1000.0)
    stage = learned("PCA(3) >> Reconstruct()", x).body[0]
    assert isinstance(stage, PCA)
    centred = x.double() - x.double().mean(0)
    _, strengths, directions = torch.linalg.svd(centred, full_matrices=False)
    torch.testing.assert_close(projection(stage.directions), projection(directions[:3].float()), atol=1e-5, rtol=0)
    torch.testing.assert_close(stage.variances.double(), strengths[:3].square() / 53, rtol=1e-5, atol=0)
    torch.testing.assert_close(stage.explained().sum().item(), float((strengths[:3] ** 2).sum() / (strengths**2).sum()))
    assert (stage.directions.gather(1, stage.directions.abs().argmax(1, keepdim=True)) > 0).all()


def test_codes_of_components_are_uncorrelated_and_whitened_ones_have_variance_one() -> None:
    x = spread_out(211, (5.0, 3.0, 2.0, 1.0), shift=-7.0)
    y = learned("PCA(3, whiten=True) >> Reconstruct()", x).body(x)
    torch.testing.assert_close(y.T @ y / 211, torch.eye(3), atol=1e-4, rtol=0)


def test_the_squared_error_of_components_is_the_variance_that_they_leave() -> None:
    x = spread_out(53, (5.0, 3.0, 2.0, 1.0))
    net = learned("PCA(2) >> Reconstruct()", x).eval()
    measures = net.tally(x, None, net.features(x)).measures()
    _, strengths, _ = torch.linalg.svd(x - x.mean(0))
    assert measures["squared_error_per_example"].value == pytest.approx(
        float((strengths[2:] ** 2).sum() / 53), rel=1e-4
    )
    assert measures["explained_variance"].value == pytest.approx(float(net.body[0].explained().sum()), rel=1e-4)  # type: ignore[operator]


@pytest.mark.parametrize("sentence", ["PCA(2, whiten=True)", "Standardize() >> PCA(4)", "GaussianNoise(0.5) >> PCA(4)"])
def test_the_way_back_of_components_is_in_the_units_of_the_input(sentence: str) -> None:
    x = spread_out(53, (5.0, 3.0, 1e-4, 1e-4), shift=100.0)
    net = learned(f"{sentence} >> Reconstruct()", x)
    torch.testing.assert_close(net.predict(x).value, x, atol=1e-2, rtol=0)
    assert net.parameter_count() == 0


def test_components_of_too_many_numbers_for_a_covariance_are_brought_up_to_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = spread_out(101, (7.0, 5.0, 3.0, 0.1, 0.1, 0.1, 0.1), shift=3.0)
    exact = learned("PCA(3) >> Reconstruct()", x).body[0]
    monkeypatch.setattr(components, "WIDEST", 1)
    monkeypatch.setattr(components, "SPARE", 1)
    found = learned("PCA(3) >> Reconstruct()", x).body[0]
    assert isinstance(exact, PCA)
    assert isinstance(found, PCA)
    torch.testing.assert_close(found.directions, exact.directions, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.mean, exact.mean)
    torch.testing.assert_close(found.variances, exact.variances, rtol=1e-3, atol=0)
    torch.testing.assert_close(found.total_variance, exact.total_variance)


def test_a_linear_autoencoder_comes_to_the_plane_of_the_components() -> None:
    x = spread_out(101, (3.0, 2.0, 0.5, 0.3, 0.1))
    plane = learned("PCA(2) >> Reconstruct()", x).body[0]
    net = trained(learned("Dense(2) >> Reconstruct()", x), x, 700, Adam(0.02), 0.02)
    assert isinstance(plane, PCA)
    torch.testing.assert_close(projection(net.end.weight.T), projection(plane.directions), atol=0.01, rtol=0)  # type: ignore[operator, union-attr]


def test_constant_columns_are_given_back_as_they_are() -> None:
    x = torch.cat((spread_out(53, (3.0, 2.0)), torch.full((53, 1), 7.0)), 1)
    for sentence in ("PCA(2) >> Reconstruct()", "Dense(2) >> Reconstruct(deviation='each')"):
        net = learned(sentence, x)
        assert net.score(x, None).total.isfinite()
    torch.testing.assert_close(learned("PCA(2) >> Reconstruct()", x).predict(x).value, x, atol=1e-4, rtol=0)


def test_components_of_data_that_never_changes_are_nothing_but_numbers() -> None:
    net = learned("PCA(2, whiten=True) >> Reconstruct()", torch.full((53, 3), 5.0))
    assert net.predict(torch.full((2, 3), 5.0)).value.tolist() == [[5.0] * 3] * 2


# --- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sentence", "kind", "message"), [
    ("PCA(14) >> Reconstruct()", Vector(13),
     "PCA(14) cannot follow Vector(13): it has 13 numbers, fewer than the components; take at most 13"),
    ("Standardize() >> OneHot() >> Dense(2) >> Reconstruct()", Table(5, (7,)),
     "Reconstruct() cannot take Table(5, categories=(7,)), which has categories; leave out their columns"),
    ("Standardize() >> OneHot() >> Dense(2) >> Reconstruct()", Table(5, blanks=2),
     "Reconstruct() cannot take Table(5, blanks=2), which has numbers that may be blank; leave out their columns"),
    ("Conv(5) >> Reconstruct(tied=True)", Image(1, 5, 7),
     "Reconstruct(tied=True) cannot go back through Conv(5): only Dense, PCA and what works number by number has a way"
     " back; leave tied out, and give a net that leads back"),
    ("Sigmoid() >> Reconstruct(tied=True)", Vector(5),
     "Reconstruct(tied=True) has no weights to share: put Dense or PCA before it, or leave tied out"),
    ("Conv(5) >> Pool() >> Reconstruct()", Image(1, 8, 6),
     "Reconstruct() gives back Image(1, 8, 6), but its net ends in Image(5, 4, 3): give it as many places, as UpConv(8)"
     " doubles them, or put Flatten() at its end"),
    ("Dense(6) >> Reconstruct(Reshape(1, 2, 3))", Vector(5),
     "Reconstruct(Reshape(1, 2, 3)) gives back Vector(5), but is reached as Image(1, 2, 3); put Flatten() at the end of its"
     " net"),
    ("Gaussian(2, draws=3) >> Classify()", Vector(5),
     "Gaussian(2, draws=3) weighs its draws by how well each gives back the input, but Classify() does not: say draws=1"),
    ("Gaussian(2, draws=3) >> Gaussian(2, draws=3) >> Reconstruct()", Vector(5),
     "Gaussian(2, draws=3) and Gaussian(2, draws=3) would draw for each draw: leave draws=1 in all but one"),
    ("Residual(Gaussian(5)) >> Reconstruct()", Vector(5),
     "Gaussian(5) adds to the loss: put it into the main chain, not into Residual(Gaussian(5))"),
    ("Dense(3) >> Reconstruct(Sparse(0.1))", Vector(5),
     "Sparse(0.1) adds to the loss: put it into the main chain, not into Reconstruct(Sparse(0.1))"),
    ("Mixup() >> Dense(3) >> Reconstruct()", Vector(5),
     "Mixup() mixes the losses of labels and values, not of Vector(5): leave it out"),
    ("Dense(6) >> Reshape(1, 2, 4) >> Flatten() >> Reconstruct()", Vector(5),
     "Reshape(1, 2, 4) cannot follow Vector(6): it has room for 8 numbers; put Dense(8) before it"),
])  # fmt: skip
def test_a_net_that_cannot_give_back_its_input_says_why(sentence: str, kind: la.Vector, message: str) -> None:
    with pytest.raises(KindError) as error:
        la.build(sentence, kind, Label(3))
    assert str(error.value) == message


@pytest.mark.parametrize(("sentence", "message"), [
    ("Gaussian(0)", "Gaussian: latent must be a whole number at least 1 and at most 2,147,483,647, got latent=0"),
    ("Gaussian(2, free=0.5, draws=2)",
     "Gaussian: free=0.5 has no effect with draws above 1, where no KL is taken; leave it out"),
    ("Blankout(0.0)", "Blankout: share must be a number above 0 and below 1, got share=0.0"),
    ("Blankout(1.0)", "Blankout: share must be a number above 0 and below 1, got share=1.0"),
    ("SaltAndPepper(0)", "SaltAndPepper: share must be a number above 0 and below 1, got share=0"),
    ("SaltAndPepper(low=1.0)", "SaltAndPepper: low must be below high, got low=1, high=1"),
    ("GaussianNoise(0)", "GaussianNoise: deviation must be a number above 0, got deviation=0"),
    ("Reconstruct(Dense(3), tied=True)",
     "Reconstruct: tied=True goes back through the stages before it; leave net out"),
    ("Reconstruct(likelihood='bernoulli', deviation='each')",
     "Reconstruct: deviation has no effect with likelihood='bernoulli'; leave it out"),
])  # fmt: skip
def test_settings_that_cannot_be_say_why(sentence: str, message: str) -> None:
    with pytest.raises(SentenceError) as error:
        parse(sentence)
    assert str(error.value) == message


def test_more_components_than_examples_are_refused() -> None:
    with pytest.raises(DataError) as error:
        learned("PCA(5) >> Reconstruct()", torch.randn(5, 7))
    assert str(error.value) == (
        "PCA(5) needs more training examples than components, got 5; take at most 4 components, or add examples"
    )


def test_what_is_no_number_is_refused() -> None:
    x = torch.randn(5, 7)
    x[2, 3] = torch.nan
    for sentence, who in (("PCA(2) >> Reconstruct()", "PCA(2)"), ("Dense(2) >> Reconstruct()", "Reconstruct()")):
        with pytest.raises(DataError) as error:
            learned(sentence, x)
        assert str(error.value) == (
            f"{who} learns from numbers, got 1 that is NaN or infinite in a batch (first in column 3); fill or drop them"
        )


@pytest.mark.parametrize(("worst", "said"), [(1.5, "1.5"), (-0.25, "-0.25")])
def test_probabilities_beyond_0_and_1_are_refused(worst: float, said: str) -> None:
    x = torch.rand(13, 5)
    x[3, 2] = worst
    with pytest.raises(DataError) as error:
        learned("Dense(2) >> Reconstruct(likelihood='bernoulli')", x)
    assert str(error.value) == (
        f"Reconstruct(likelihood='bernoulli') gives back numbers from 0 to 1, got {said}; bring the data to [0, 1], or use"
        " likelihood='gaussian'"
    )
    with pytest.raises(DataError) as error:
        learned("RBM(3) >> Reconstruct()", x).score(x, None)
    assert str(error.value) == (
        f"RBM(3) takes numbers from 0 to 1, got {said}; bring the data to [0, 1], and put no Standardize() before it"
    )


# --- the end -----------------------------------------------------------------------------------------------------------


def test_a_net_that_gives_back_its_input_lets_the_labels_be() -> None:
    x = torch.randn(11, 7)
    net = learned("Dense(3) >> Reconstruct()", x)
    assert net.target == Vector(7)
    assert torch.equal(net.score(x, torch.zeros(11)).total, net.score(x, torch.ones(11)).total)


def test_the_loss_is_the_density_of_a_normal_distribution_at_the_input() -> None:
    x = spread_out(53, (3.0, 2.0, 1.0), shift=5.0)
    for deviation, scale in (
        ("'shared'", x.var(0, unbiased=False).mean().sqrt()), ("'each'", x.std(0, unbiased=False)), ("0.5", torch.tensor(0.5)),
    ):  # fmt: skip
        net = learned(f"Dense(2) >> Reconstruct(Dense(5) >> Tanh(), deviation={deviation})", x)
        normal = torch.distributions.Normal(net.predict(x).value, scale)
        torch.testing.assert_close(net.score(x, None).total, -normal.log_prob(x).sum())
        assert net.score(x, None).count == 53


def test_of_probabilities_the_loss_is_the_cross_entropy() -> None:
    x = torch.rand(53, 1, 3, 5)
    net = learned("Flatten() >> Dense(2) >> Reconstruct(likelihood='bernoulli')", x)
    p = net.predict(x).value
    torch.testing.assert_close(net.score(x, None).total, -(x * p.log() + (1 - x) * (1 - p).log()).sum())
    assert p.shape == x.shape


def test_before_the_first_step_it_gives_back_about_the_mean() -> None:
    x = spread_out(53, (3.0, 2.0, 1.0), shift=100.0)
    net = learned("Dense(2, init='zeros') >> Reconstruct()", x)
    torch.testing.assert_close(net.predict(x).value, x.mean(0).expand(53, 3))


def test_tied_weights_lead_back_by_their_transposes() -> None:
    x = torch.randn(11, 7)
    net = learned("Dense(5) >> Tanh() >> Dense(3) >> Sigmoid() >> Reconstruct(tied=True)", x)
    first, second = net.body[0], net.body[2]
    offsets = net.end.offsets
    h = net.body(x)
    expected = torch.tanh(h @ second.weight + offsets[0]) @ first.weight + offsets[1]  # type: ignore[operator]
    torch.testing.assert_close(net(x), expected)
    assert [len(offset) for offset in offsets] == [5, 7]  # type: ignore[union-attr]
    assert net.parameter_count() == 5 * 8 + 3 * 6 + 5 + 7


def test_tied_weights_follow_the_layer_that_they_are_of() -> None:
    x = torch.randn(11, 7)
    net = learned("Dense(3) >> Reconstruct(tied=True)", x)
    torch.testing.assert_close(la.folded(net).predict(x).value, net.predict(x).value)
    with torch.no_grad():
        net.body[0].weight.mul_(2)  # type: ignore[operator, union-attr]
    torch.testing.assert_close(net(x), net.body(x) @ net.body[0].weight + net.end.offsets[0])  # type: ignore[operator, index]


def test_tied_weights_begin_at_a_scale_that_suits_both_ways() -> None:
    x = torch.rand(101, 64)
    net = learned("Dense(200) >> Sigmoid() >> Reconstruct(tied=True)", x)
    squared = net.tally(x, None, net.features(x)).measures()["squared_error_per_example"].value
    assert squared < float((x - x.mean(0)).square().sum(1).mean())


def test_a_picture_is_given_back_by_a_convolutional_decoder() -> None:
    x = torch.rand(11, 2, 4, 6)
    decoder = "Dense(18) >> ReLU() >> Reshape(3, 2, 3) >> UpConv(5) >> ReLU()"
    net = learned(f"Conv(3) >> ReLU() >> Flatten() >> Dense(2) >> Reconstruct({decoder}, likelihood='bernoulli')", x)
    assert net.predict(x).value.shape == x.shape
    assert net.end.weight.shape == (2, 5)  # type: ignore[union-attr]
    net = trained(net, x, 30, Adam(0.01), 0.01)
    assert net.score(x, None).total < 11 * 48 * math.log(2)


def test_flattening_and_reshaping_are_inverse() -> None:
    x = torch.randn(3, 2, 5, 7)
    stage = parse("Flatten() >> Reshape(2, 5, 7)")
    assert stage.build(Image(2, 5, 7)) == Image(2, 5, 7)
    assert torch.equal(stage(x), x)


# --- corruptions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sentence", "low", "high", "kept"), [
    ("Blankout(0.3)", 0.0, 0.0, 0.7), ("SaltAndPepper(0.3, low=-9.0, high=9.0)", -9.0, 9.0, 0.7),
])  # fmt: skip
def test_a_share_of_the_numbers_is_spoiled(sentence: str, low: float, high: float, kept: float) -> None:
    stage = parse(sentence)
    stage.build(Vector(211))
    x = torch.ones(97, 211)
    with drawing(0, 1, torch.arange(97)):
        y = stage(x)
    assert (y == 1).float().mean().item() == pytest.approx(kept, abs=0.02)
    assert set(y[y != 1].tolist()) == {low, high}
    if low != high:
        assert (y == low).float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(stage.eval()(x), x)


def test_gaussian_noise_has_its_deviation() -> None:
    stage = parse("GaussianNoise(0.5)")
    stage.build(Vector(211))
    with drawing(0, 1, torch.arange(97)):
        y = stage(torch.full((97, 211), 3.0))
    assert y.mean().item() == pytest.approx(3, abs=0.02)
    assert y.std().item() == pytest.approx(0.5, rel=0.02)


def test_what_is_given_back_is_the_input_as_it_was() -> None:
    x = torch.full((11, 7), 5.0)
    net = la.build("Blankout(0.9) >> Dense(3, init='zeros') >> Reconstruct()", Vector(7), Vector(7))
    expected = 11 * 7 * (0.5 * 25 + 0.5 * math.log(2 * math.pi))
    assert net.score(x, None).total.item() == pytest.approx(expected)


def test_normal_draws_are_normal_and_follow_from_the_example() -> None:
    with drawing(3, 7, torch.arange(997)):
        whole = normals(997, 13, 5, torch.device("cpu"))
    with drawing(3, 7, torch.arange(10, 20)):
        part = normals(10, 13, 5, torch.device("cpu"))
    assert torch.equal(whole[10:20], part)
    assert whole.mean().item() == pytest.approx(0, abs=0.03)
    assert whole.var().item() == pytest.approx(1, rel=0.03)
    assert whole.pow(4).mean().item() == pytest.approx(3, rel=0.1)
    assert torch.corrcoef(whole.T).fill_diagonal_(0).abs().max() < 0.15


# --- penalties ---------------------------------------------------------------------------------------------------------


def test_the_sum_of_sizes_of_a_code_costs_its_weight_in_training_alone() -> None:
    net = la.build(
        "Sparse(0.5) >> Classify(init='zeros')",
        Vector(3),
        Label(2),
    )
    x = torch.tensor([[1.0, -2.0, 0.0], [0.5, 0.0, 0.0]])
    y = torch.tensor([0, 1])
    assert net.score(x, y).total.item() == pytest.approx(2 * math.log(2) + 0.5 * 3.5)
    assert net.eval().score(x, y).total.item() == pytest.approx(2 * math.log(2))


def test_a_rate_is_held_by_the_divergence_of_each_mean_from_it() -> None:
    stage = parse("Sparse(2.0, rate=0.2)")
    stage.build(Vector(2))
    _, nats = stage.charge(torch.tensor([[0.1, 0.2], [0.7, 0.2]]))
    apart = 0.2 * math.log(0.2 / 0.4) + 0.8 * math.log(0.8 / 0.6)
    assert nats is not None
    assert nats.tolist() == pytest.approx([2 * apart] * 2)


def test_a_rate_of_numbers_that_are_no_shares_is_refused() -> None:
    stage = parse("Sparse(2.0, rate=0.2)")
    stage.build(Vector(2))
    with pytest.raises(DataError) as error:
        stage.charge(torch.tensor([[0.1, 1.75]]))
    assert str(error.value) == (
        "Sparse(2.0, rate=0.2) holds means of numbers from 0 to 1 at a rate, got 1.75; put Sigmoid() before it, or leave"
        " rate out"
    )


@pytest.mark.parametrize("bend", ["Sigmoid()", "Tanh()", "ReLU()"])
def test_the_contractive_penalty_is_the_sum_of_squares_of_all_derivatives(bend: str) -> None:
    stage = parse(f"Contract(0.5, Dense(5) >> {bend})")
    stage.build(Vector(7))
    stage.initialise(0, "linear")
    x = torch.randn(3, 7)
    y, nats = stage.charge(x)
    assert nats is not None
    torch.testing.assert_close(y, stage(x))
    for row, cost in zip(x, nats, strict=True):
        slopes = torch.autograd.functional.jacobian(lambda one: stage(one[None])[0], row)
        torch.testing.assert_close(cost, 0.5 * slopes.square().sum())


def test_of_other_stages_the_contractive_penalty_is_right_on_average() -> None:
    stage = parse("Contract(1.0, Dense(5) >> Tanh() >> Dense(3) >> Tanh())")
    stage.build(Vector(7))
    stage.initialise(0, "linear")
    x = torch.randn(1, 7)
    slopes = torch.autograd.functional.jacobian(lambda one: stage(one), x)
    with drawing(0, 1, torch.arange(9973)):
        _, nats = stage.charge(x.expand(9973, 7))
    assert nats is not None
    assert nats.mean().item() == pytest.approx(slopes.square().sum().item(), rel=0.05)


# --- codes that are drawn ----------------------------------------------------------------------------------------------


def test_the_cost_of_a_code_is_its_divergence() -> None:
    normal = Normal(torch.tensor([[1.0, -0.5]]), torch.tensor([[0.3, -2.0]]))
    q = torch.distributions.Normal(normal.mean, (normal.log_variance / 2).exp())
    p = torch.distributions.Normal(torch.zeros(1, 2), torch.ones(1, 2))
    torch.testing.assert_close(divergence(normal), torch.distributions.kl_divergence(q, p))


def test_the_weight_of_a_code_warms_up_with_the_step_and_is_whole_in_evaluation() -> None:
    stage = parse("Gaussian(3, weight=2.0, warmup_steps=10)")
    assert isinstance(stage, Gaussian)
    found = []
    for step in (1, 5, 10, 99):
        with drawing(0, step, torch.arange(3)):
            found.append(stage.weight_now())
    assert found == pytest.approx([0.2, 1.0, 2.0, 2.0])
    assert stage.weight_now() == 2.0
    assert stage.eval().weight_now() == 1.0


def test_what_is_free_of_a_code_costs_no_less_and_no_more() -> None:
    stage = parse("Gaussian(2, free=0.5)")
    assert isinstance(stage, Gaussian)
    each = torch.tensor([[0.1, 2.0], [0.3, 4.0]])
    assert stage.kept_free(each).tolist() == pytest.approx([3.5, 3.5])
    assert stage.eval().kept_free(each).tolist() == pytest.approx([2.1, 4.3])


def test_in_evaluation_the_code_is_the_mean_and_the_bound_has_draws_that_stay() -> None:
    x = torch.randn(11, 7)
    data = la.from_arrays(x)
    net = learned("Dense(5) >> Tanh() >> Gaussian(3) >> Reconstruct()", x).eval()
    assert torch.equal(net.predict(x).code, net.body[2].posterior(net.body[1](net.body[0](x))).mean)  # type: ignore[operator]
    one, again = (evaluate(net, Batches(data, torch.arange(11), 11).epoch(0)).measures()["elbo"] for _ in range(2))
    assert one == again
    parts = evaluate(net, Batches(data, torch.arange(11), 3).epoch(0)).measures()
    assert parts["elbo"].value == pytest.approx(one.value, rel=1e-5)
    assert parts["elbo"].value == pytest.approx(-parts["restoration_loss"].value - parts["code_nats"].value)


def test_cutting_a_batch_leaves_the_gradient_of_drawn_codes_as_it_was() -> None:
    x = torch.randn(12, 7)
    found = []
    for parts in (1, 3):
        net = learned("Dense(5) >> Gaussian(3, draws=2) >> Reconstruct()", x)
        optimizer = SGD(0.1)
        batch = Batch(x, torch.zeros(12), torch.arange(12), 0)
        groups = optimizer.start(net.named_parameters())
        (step,) = fit(net.train(), [batch], optimizer, groups, lambda step: 0.1, parts=parts)
        found.append((step.loss, net.body[0].weight.clone()))  # type: ignore[operator, union-attr]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-4, atol=1e-5)


def test_weighing_several_draws_by_their_importance() -> None:
    nats = torch.tensor([1.0, 3.0, 2.0, 2.0])
    expected = [-math.log((math.exp(-1) + math.exp(-3)) / 2), 2.0]
    assert bound(nats, 2).tolist() == pytest.approx(expected)


def linear_gaussian(draws: int = 1) -> tuple[Net, Tensor]:
    """A net whose p(x) is known: x = 2 z + e, with q(z | x) that is not quite the posterior."""
    net = la.build(f"Gaussian(1, draws={draws}) >> Reconstruct(deviation=1.0)", Vector(1), Vector(1)).eval()
    with torch.no_grad():
        net.end.weight.fill_(2.0)  # type: ignore[operator, union-attr]
        net.body[0].weights.copy_(torch.tensor([[0.3], [0.0]]))  # type: ignore[operator, union-attr]
        net.body[0].offset.copy_(torch.tensor([0.0, -1.0]))  # type: ignore[operator, union-attr]
    return net, torch.tensor([[0.5], [-3.0], [2.0]])


def test_the_probability_of_an_input_is_found_by_importance_sampling() -> None:
    net, x = linear_gaussian()
    exact = torch.distributions.Normal(0.0, math.sqrt(5.0)).log_prob(x[:, 0])
    found = log_probability(net, x, samples=20_011)
    torch.testing.assert_close(found, exact, atol=0.03, rtol=0)
    assert torch.equal(found, log_probability(net, x, samples=20_011))
    assert not torch.equal(found, log_probability(net, x, samples=20_011, seed=1))


def test_more_draws_bring_the_bound_nearer() -> None:
    wide = torch.tensor([[1.0]]).expand(2003, 1)
    bounds = [-linear_gaussian(draws)[0].score(wide, None).mean().item() for draws in (1, 5, 50)]
    exact = torch.distributions.Normal(0.0, math.sqrt(5.0)).log_prob(torch.tensor(1.0)).item()
    assert bounds[0] < bounds[1] < bounds[2] < exact + 0.01
    assert bounds[2] == pytest.approx(exact, abs=0.02)


def test_the_probability_of_an_input_is_asked_of_a_net_that_draws_one_code() -> None:
    net = la.build("Dense(3) >> Reconstruct()", Vector(5), Vector(5))
    with pytest.raises(KindError) as error:
        log_probability(net, torch.randn(2, 5))
    assert str(error.value) == (
        "Dense(3) >> Reconstruct(): ln p(x) is that of a net with one Gaussian(...) that ends in Reconstruct(...)"
    )
    with pytest.raises(RunError) as few:
        log_probability(linear_gaussian()[0], torch.randn(2, 1), samples=0)
    assert str(few.value) == "samples must be at least 1, got samples=0"


def test_a_drawn_code_before_classes_costs_its_divergence_too() -> None:
    net = la.build("Gaussian(3) >> Classify(init='zeros')", Vector(5), Label(2))
    x, y = torch.randn(7, 5), torch.zeros(7, dtype=torch.int64)
    cost = divergence(net.body[0].posterior(x)).sum()  # type: ignore[operator]
    torch.testing.assert_close(net.score(x, y).total, 7 * torch.tensor(2.0).log() + cost)


# --- learning without back-propagation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["oja", "sanger"])
def test_the_rules_find_the_principal_components(rule: str) -> None:
    x = spread_out(101, (2.0, 1.0, 0.3, 0.1))
    x = x - x.mean(0)
    plane = learned("PCA(2) >> Reconstruct()", x).body[0]
    assert isinstance(plane, PCA)
    one = trained(learned("Hebb(1) >> Reconstruct()", x), x, 200, SGD(0.05), 0.05).body[0]
    assert isinstance(one, Hebb)
    assert abs(float(one.weight.detach()[0] @ plane.directions[0])) == pytest.approx(1, abs=1e-3)
    two = trained(learned(f"Hebb(2, rule='{rule}') >> Reconstruct()", x), x, 300, SGD(0.05), 0.05).body[0]
    assert isinstance(two, Hebb)
    torch.testing.assert_close(projection(two.weight.detach()), projection(plane.directions), atol=1e-3, rtol=0)
    if rule == "sanger":
        torch.testing.assert_close((two.weight.detach() @ plane.directions.T).abs(), torch.eye(2), atol=1e-2, rtol=0)


def test_a_step_of_hebbs_rule_is_the_mean_of_what_came_in_times_what_went_out() -> None:
    x = torch.randn(7, 3)
    net = la.build("Hebb(2, rule='hebb') >> Reconstruct()", Vector(3), Vector(3))
    weight = net.body[0].weight.detach().clone()  # type: ignore[operator, union-attr]
    trained(net, x, 1, SGD(0.1), 0.1)
    torch.testing.assert_close(net.body[0].weight, weight + 0.1 * (x @ weight.T).T @ x / 7)  # type: ignore[arg-type]


def test_a_rule_adds_nothing_to_the_loss_and_no_error_reaches_its_weights() -> None:
    x = torch.randn(7, 3)
    net = la.build("Hebb(2) >> Reconstruct()", Vector(3), Vector(3))
    net.score(x, None).total.backward()
    stage = net.body[0]
    assert isinstance(stage, Hebb)
    torch.testing.assert_close(stage.weight.grad, -stage.change(x, stage(x)))
    torch.testing.assert_close(net.score(x, None).total, net.end.score(stage(x), x).total)


def test_contrastive_divergence_is_the_difference_of_two_correlations() -> None:
    stage = parse("RBM(3)")
    assert isinstance(stage, RBM)
    stage.build(Vector(5))
    stage.initialise(0, "linear")
    v = torch.rand(7, 5)
    with drawing(0, 1, torch.arange(7)):
        _, nats = stage.charge(v)
        after = stage.dreamt(v)
    assert nats is not None
    nats.sum().backward()
    data, model = (stage(seen).detach().T @ seen for seen in (v, after))
    torch.testing.assert_close(stage.weight.grad, model - data)
    torch.testing.assert_close(stage.visible_offset.grad, (after - v).sum(0))
    torch.testing.assert_close(stage.offset.grad, (stage(after) - stage(v)).sum(0).detach())


def test_the_free_energy_sums_over_all_hidden_states() -> None:
    stage = parse("RBM(2)")
    assert isinstance(stage, RBM)
    stage.build(Vector(3))
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.normal_()
    v = torch.tensor([[1.0, 0.0, 1.0]])
    hidden = torch.tensor([[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)])
    each = hidden @ stage.weight @ v[0] + v[0] @ stage.visible_offset + hidden @ stage.offset
    torch.testing.assert_close(stage.energy(v)[0], -each.logsumexp(0))


def test_a_boltzmann_machine_learns_which_pictures_there_are() -> None:
    x = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]).repeat(31, 1)
    net = trained(learned("RBM(3) >> Reconstruct(tied=False)", x), x, 400, SGD(0.3), 0.3)
    stage = net.body[0]
    assert isinstance(stage, RBM)
    every = torch.tensor([[float(place >> bit & 1) for bit in range(4)] for place in range(16)])
    shares = (-stage.energy(every)).softmax(0)
    assert shares[[3, 12]].sum() > 0.8


# --- measures and baselines --------------------------------------------------------------------------------------------


def test_baselines_of_a_code_are_the_mean_and_as_many_components() -> None:
    x = spread_out(101, (3.0, 2.0, 1.0, 0.5, 0.1))
    data = la.from_arrays(x)
    parts = split(data)
    net = la.build("Dense(7) >> Tanh() >> Dense(2) >> Reconstruct()", Vector(5), Vector(5))
    found = restored(net, data, parts)
    assert list(found) == ["mean", "pca_2"]
    train, test = x[parts.train], x[parts.test]
    squares = (test - train.mean(0)).square().sum(1).mean().item()
    assert found["mean"].measures["squared_error_per_example"].value == pytest.approx(squares, rel=1e-5)
    net = learned("PCA(2) >> Reconstruct()", train)
    mine = evaluate(net, Batches(data, parts.test, 7).epoch(0)).measures()["squared_error_per_example"]
    assert found["pca_2"].measures["squared_error_per_example"].value == pytest.approx(mine.value, rel=1e-5)
    assert list(restored(net, data, parts)) == ["mean"]


def test_the_baseline_has_as_many_components_as_the_code_wherever_that_stands() -> None:
    x = spread_out(101, (3.0, 2.0, 1.0, 0.5, 0.1))
    data = la.from_arrays(x)
    net = la.build("Dense(7) >> Gaussian(2) >> Dense(3) >> ReLU() >> Reconstruct()", Vector(5), Vector(5))
    assert list(restored(net, data, split(data))) == ["mean", "pca_2"]
    net = la.build("Flatten() >> PCA(2) >> Reconstruct()", Vector(5), Vector(5))
    assert list(restored(net, data, split(data))) == ["mean"]


def test_measures_of_parts_add_up_to_those_of_the_whole() -> None:
    x = spread_out(53, (3.0, 2.0, 1.0), shift=1e4)
    net = learned("Dense(2) >> Reconstruct()", x)
    whole = net.end.tally(net.body(x), x)
    one, two = (net.end.tally(net.body(part), part) for part in (x[:11], x[11:]))
    for name, measure in (one + two).measures().items():
        assert measure == pytest.approx(whole.measures()[name], rel=1e-6)
    assert whole.headline == "squared_error_per_example"
    assert whole.chosen_by == "restoration_loss"
    assert isinstance(net.end, Reconstruct)


# --- data without a target ---------------------------------------------------------------------------------------------


def test_arrays_without_a_target_are_their_own() -> None:
    data = la.from_arrays(torch.randn(11, 3))
    assert data.target is data.inputs
    batch = next(Batches(data, torch.arange(5), 5).epoch(0))
    assert batch.target is batch.inputs


def test_names_of_classes_without_a_target_are_refused() -> None:
    with pytest.raises(DataError) as error:
        la.from_arrays(torch.randn(11, 3), classes=["a"], task="label")
    assert str(error.value) == (
        "arrays: classes and task would say something of a target, but there is none; leave it out"
    )
