"""The drawings of what a net learned without labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import lamina as la
from lamina.data.picture import MARGIN
from lamina.data.sources.arrays import from_arrays
from lamina.errors import DataError, KindError
from lamina.metrics import Measure
from lamina.metrics.said import in_words
from lamina.net import Net
from lamina.report.drawings import DRAWINGS, Subject, drawings
from lamina.report.filters import first_filters
from lamina.report.latent import map_sheet, pictured
from lamina.report.plane import code_sheet, reached, variance_sheet
from lamina.report.restored import spoiled
from lamina.report.tiles import Row, limits, shaded, tile_sheet


def pictures(count: int = 53, seed: int = 0) -> Tensor:
    return torch.rand(count, 1, 3, 5, generator=torch.Generator().manual_seed(seed))


def net(sentence: str, given: la.Kind | None = None) -> Net:
    built = la.build(sentence, given or la.Image(1, 3, 5), la.Label(3))
    x = pictures() if given is None else torch.rand(53, 7, generator=torch.Generator().manual_seed(0))
    built.learn(lambda: ((part, torch.zeros(len(part))) for part in x.split(11)))
    return built.eval()


VARIATIONAL = "Flatten() >> Blankout(0.3) >> Dense(7) >> Tanh() >> Gaussian(2) >> Reconstruct()"


def subject(sentence: str) -> Subject:
    return Subject(net(sentence), from_arrays(pictures(), torch.arange(53) % 3), torch.arange(7, 53))


def test_pictures_stand_side_by_side_enlarged_without_blur() -> None:
    black, white = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    page = np.asarray(tile_sheet("", [[Row(torch.cat((black, white)))]], gap=0).convert("L"))
    tiles = page[page.shape[0] - MARGIN - 64 : -MARGIN, MARGIN : MARGIN + 128]
    assert (tiles[:, :64] == 0).all()
    assert (tiles[:, 64:] == 255).all()


def test_black_and_white_are_0_and_1_unless_numbers_lie_beyond() -> None:
    assert limits(torch.tensor([0.25, 0.5])) == (0.0, 1.0)
    assert limits(torch.tensor([-3.0, 0.5])) == (-3.0, 0.5)
    values = torch.tensor([-5.0, -3.0, 1.0, 9.0]).view(4, 1, 1, 1)
    assert shaded(values, (-3.0, 5.0)).flatten().tolist() == [0.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("sentence", "name", "shape"),
    [
        ("Standardize() >> Flatten() >> Dense(7) >> Reconstruct()", "Dense", (7, 1, 3, 5)),
        ("Conv(7) >> Flatten() >> Classify()", "Conv", (7, 1, 3, 3)),
        ("PCA(2) >> Reconstruct()", "PCA", (2, 1, 3, 5)),
        ("RBM(7) >> Reconstruct()", "RBM", (7, 1, 3, 5)),
        ("Flatten() >> Gaussian(2) >> Reconstruct()", "Gaussian", (2, 1, 3, 5)),
        ("Flatten() >> Contract(0.1, Dense(7) >> Tanh()) >> Reconstruct()", "Dense", (7, 1, 3, 5)),
    ],
)
def test_filters_are_the_first_weights(sentence: str, name: str, shape: tuple[int, ...]) -> None:
    stage, filters = first_filters(net(sentence))
    assert stage.name() == name
    assert filters.shape == shape


def test_a_row_of_dense_weights_is_the_picture_that_it_answers_to() -> None:
    built = net("Flatten() >> Dense(7) >> Reconstruct()")
    _, filters = first_filters(built)
    answers = built.body(filters)
    torch.testing.assert_close(answers.diagonal(), filters.flatten(1).square().sum(1))


def test_what_is_spoiled_is_seen_in_its_own_units() -> None:
    built, x = net("Standardize() >> Flatten() >> Blankout(0.5) >> Dense(7) >> Reconstruct()"), pictures(11, 1)
    found = spoiled(built, x, torch.arange(11))
    assert found is not None
    mean = built.body[0].mean.view(1, -1, 1, 1).expand_as(x)
    kept = (found.seen - x).abs() < 1e-5
    assert 0.3 < kept.double().mean() < 0.7
    torch.testing.assert_close(found.seen[~kept], mean[~kept])
    again = spoiled(built, x[3:], torch.arange(3, 11))
    assert again is not None
    assert torch.equal(again.seen, found.seen[3:])


@pytest.mark.parametrize("sentence", ["Flatten() >> Dense(7) >> Reconstruct()", "Flatten() >> Dense(7) >> Blankout() >> Reconstruct()"])  # fmt: skip
def test_noise_that_is_not_of_the_picture_is_not_shown(sentence: str) -> None:
    assert spoiled(net(sentence), pictures(3), torch.arange(3)) is None


def test_the_map_has_the_first_number_to_the_right_and_the_second_upwards() -> None:
    built = net("Flatten() >> Gaussian(2) >> Reconstruct(likelihood='bernoulli')")
    end = built.end
    with torch.no_grad():
        end.base.zero_()
        end.offset.zero_()
        end.weight.copy_(torch.tensor([[9.0, 0.0]] * 7 + [[0.0, 9.0]] * 8))  # the first 7 pixels, then the other 8
    assert pictured(built).kind == la.Vector(2)
    page = np.asarray(map_sheet(built).convert("L")).astype(int)
    sheet = page[-MARGIN - 15 * 39 :, MARGIN:][: 15 * 39, : 15 * 65]  # 15 tiles of 5 x 3 pixels, 13 times enlarged
    assert sheet[:39, :65][0, 0] == 0  # left: the first number is low
    assert sheet[:39, :65][-1, -1] == 255  # top: the second is high
    assert sheet[-39:, -65:][0, 0] == 255
    assert sheet[-39:, -65:][-1, -1] == 0


def test_codes_of_two_numbers_are_points_in_the_colours_of_their_classes() -> None:
    codes, labels = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.5, 0.25]]), torch.tensor([0, 1, 1])
    with_labels = np.asarray(code_sheet(codes, "a", labels, ("x", "y")))
    without = np.asarray(code_sheet(codes, "a", None, ()))
    assert with_labels.shape[1] == without.shape[1]
    orange = (with_labels[..., 0].astype(int) - with_labels[..., 2]) > 100
    assert orange.any()
    assert not ((without[..., 0].astype(int) - without[..., 2]) > 100).any()


def test_codes_of_a_single_number_are_refused() -> None:
    with pytest.raises(KindError) as raised:
        code_sheet(torch.zeros(3, 1), "a", None, ())
    assert str(raised.value) == ("codes of a single number fill no plane; draw them as a table, with `lamina encode`")


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        (VARIATIONAL, ["restored", "samples", "map", "walk", "codes", "filters"]),
        ("PCA(2) >> Reconstruct()", ["restored", "walk", "codes", "filters", "variance"]),
        ("Conv(2) >> Reconstruct()", ["restored", "walk", "codes", "filters"]),
        ("Flatten() >> Dense(7) >> Gaussian(3) >> Reconstruct()", ["restored", "samples", "walk", "codes", "filters"]),
        ("Flatten() >> Dense(1) >> Reconstruct()", ["restored", "walk", "filters"]),
        ("Flatten() >> Dense(5) >> Classify()", ["codes", "filters"]),
        ("Reconstruct()", ["restored", "walk", "codes"]),
    ],
)
def test_a_net_has_the_drawings_that_suit_it(sentence: str, found: list[str]) -> None:
    assert list(drawings(subject(sentence))) == found
    assert set(found) <= set(DRAWINGS)


def test_pairs_of_a_walk_are_of_unlike_classes() -> None:
    one = subject(VARIATIONAL)
    pairs = one.pairs()
    assert pairs.shape == (5, 2, 1, 3, 5)
    everything = pictures().flatten(1)
    rows = [[int((everything == x.flatten()).all(1).nonzero()[0, 0]) for x in pair] for pair in pairs]
    assert all(a % 3 != b % 3 for a, b in rows)
    assert len({row for pair in rows for row in pair}) == 10


@pytest.mark.parametrize(
    ("what", "sentence", "message"),
    [
        ("map", "Flatten() >> Gaussian(3) >> Reconstruct()", " has no map of its codes: that is for Gaussian(2), whose codes fill a plane"),
        ("variance", "Flatten() >> Dense(2) >> Reconstruct()", " has no PCA(...), whose explained variance could be drawn"),
        ("restored", "Flatten() >> Dense(2) >> Classify()", " gives back no inputs: that is what a net does that ends in Reconstruct(...)"),
    ],
)  # fmt: skip
def test_a_drawing_that_does_not_suit_is_refused(what: str, sentence: str, message: str) -> None:
    with pytest.raises(KindError) as raised:
        subject(sentence).drawn(what)
    assert str(raised.value) == sentence + message


def test_without_examples_there_is_nothing_to_draw() -> None:
    with pytest.raises(DataError, match=r"^expected examples to draw, got none$"):
        Subject(net(VARIATIONAL), None, torch.arange(0)).drawn("walk")


def test_explained_variance_goes_from_nothing_to_its_sum() -> None:
    built = net("PCA(7) >> Reconstruct()", la.Vector(7))
    assert float(built.body[0].explained().sum()) == pytest.approx(1, abs=1e-5)
    assert variance_sheet(built).width > 300


def test_a_count_of_components_is_said_once_with_the_most_that_it_explains() -> None:
    assert reached([0.0, 0.6, 0.85, 0.97, 0.98]) == {1: 0.5, 2: 0.8, 3: 0.95}
    assert reached([0.0, 1.0]) == {1: 0.99}
    assert reached([0.0, 0.3]) == {}


def test_words_give_the_ratios_and_the_parts_of_the_bound() -> None:
    one = {name: Measure(value, 0.0, 9.0) for name, value in {
        "elbo": -25.0, "restoration_loss": 23.0, "squared_error_per_example": 3.0, "code_nats": 2.0,
    }.items()}  # fmt: skip
    simple = {
        "mean": {"squared_error_per_example": Measure(6.0, 5.0, 7.0)},
        "pca_2": {"squared_error_per_example": Measure(4.0, 3.0, 5.0)},
    }
    assert in_words(one, simple) == [
        "an example's squared error by a drawn code, 3, is 0.50 times that of the mean (6) and 0.75 times that of the"
        " first 2 principal components (4)",
        "it takes 2 nats (2.89 bits) to tell an example's code, and 23 to tell the example by it",
        "so ln p of an example is at least -25 on average: the elbo",
    ]
    several = in_words(one | {"elbo": Measure(-24.0, 0.0, 9.0)}, {})
    assert several[-1] == "by several codes weighed together, ln p of an example is at least -24 on average: the elbo"
    plain = {"squared_error_per_example": one["squared_error_per_example"]}
    assert in_words(plain, {"pca_1": simple["pca_2"]}) == [
        "an example's squared error, 3, is 0.75 times that of the first principal component (4)"
    ]
    assert in_words({"accuracy": Measure(0.5, 0.4, 0.6)}, {}) == []
    assert in_words({"squared_error_per_example": Measure(3.0, 2.0, 4.0)}, {}) == []
