"""BERT, against torch's layers; the end that gives directions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import lamina as la
from lamina.chance import key
from lamina.errors import DataError, KindError, SentenceError
from lamina.kinds import Padded, Sequence, Tokens, Value, Vector
from lamina.layers.dense import Dense
from lamina.nets.bert import BERT, segments_of
from lamina.stage import Stage

VOCABULARY, WIDTH, HIDDEN = 11, 6, 7


def built(seed: int = 0, **named: object) -> BERT:
    stage = BERT(**{"layers": 2, "heads": 3, "width": WIDTH, "hidden": HIDDEN, "longest": 5, **named})
    assert stage.build(Tokens(VOCABULARY)) == Sequence(stage.width)
    for name, part in stage.named_modules():
        if isinstance(part, Stage):
            part.place = key(name)
    stage.initialise(seed, "linear")
    return stage


def shaken(stage: BERT) -> BERT:
    """With biases and norms that are seen."""
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=random), alpha=0.3)
    return stage.eval()


def given(*rows: list[int]) -> Padded:
    longest = max(map(len, rows))
    values = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    return Padded(values, torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None])


@torch.no_grad()
def by_torch(stage: BERT, tokens: list[int], segments: list[int]) -> Tensor:
    """The same by torch's encoder, for one text."""
    h = stage.embed.table[tokens] + stage.positions.weight[: len(tokens)]
    h = h + stage.segment[segments] if stage.segment is not None else h
    h = nn.functional.layer_norm(h, (WIDTH,), stage.norm.scale, stage.norm.shift, 1e-12)[None]
    for mine in stage.encoder.each():
        layer = nn.TransformerEncoderLayer(WIDTH, 3, HIDDEN, 0.0, "gelu", 1e-12, batch_first=True)
        for name, part in (
            ("self_attn.in_proj_", mine.attention.project),
            ("self_attn.out_proj.", mine.attention.merge),
        ):
            layer.get_parameter(f"{name}weight").copy_(part.weight)
            layer.get_parameter(f"{name}bias").copy_(part.offset)
        for name, part in (("linear1", mine.inner[0]), ("linear2", mine.inner[2])):
            layer.get_parameter(f"{name}.weight").copy_(part.weight)
            layer.get_parameter(f"{name}.bias").copy_(part.offset)
        for name, part in (("norm1", mine.norms[0]), ("norm2", mine.norms[1])):
            layer.get_parameter(f"{name}.weight").copy_(part.scale)
            layer.get_parameter(f"{name}.bias").copy_(part.shift)
        h = layer(h)
    return h[0]


@pytest.mark.parametrize("segments", [0, 2])
def test_it_gives_what_torchs_layers_give_whatever_the_lengths(segments: int) -> None:
    stage = shaken(built(segments=segments))
    rows = [[1, 7, 2, 5, 2], [1, 4, 2], [8]]
    out = stage(given(*rows))
    for place, (row, number) in enumerate(zip(rows, ([0, 0, 0, 1, 1], [0, 0, 0], [0]), strict=True)):
        torch.testing.assert_close(out.values[place, : len(row)], by_torch(stage, row, number), rtol=1e-5, atol=1e-5)


def test_a_segment_ends_with_the_first_token_that_ends_a_text() -> None:
    tokens = torch.tensor([[1, 7, 2, 5, 2, 6], [2, 2, 3, 3, 3, 3], [1, 3, 4, 5, 6, 7]])
    assert segments_of(tokens).tolist() == [[0, 0, 0, 1, 1, 1], [0, 1, 1, 1, 1, 1], [0] * 6]


def test_first_weights_have_deviation_two_hundredths_and_biases_none() -> None:
    stage = built(layers=3, width=210, hidden=0, longest=97)
    tables = [stage.embed.table, stage.positions.weight, stage.segment]
    for weight in [*tables, *(part.weight for part in stage.modules() if isinstance(part, Dense))]:
        assert weight.std().item() == pytest.approx(0.02, rel=0.1)
    for part in (part for part in stage.modules() if isinstance(part, Dense)):
        assert not part.offset.any()
    assert stage.encoder.each()[0].inner[0].width == 840
    assert not torch.equal(tables[0][:2], tables[2])
    again, other = built(0), built(1)
    assert torch.equal(built(0).embed.table, again.embed.table)
    assert not torch.equal(other.embed.table, again.embed.table)


def test_epsilon_is_that_of_every_norm() -> None:
    stage = built(epsilon=0.5)
    assert {stage.norm.epsilon, *(norm.epsilon for layer in stage.encoder.each() for norm in layer.norms)} == {0.5}


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(SentenceError) as width:
        BERT(2, 5, 12)
    assert str(width.value) == "BERT: width must be a multiple of heads, got width=12, heads=5"
    with pytest.raises(KindError) as kind:
        la.build("BERT(1, 3, 6) >> Mean() >> Direction()", Vector(3), Value(6))
    assert str(kind.value) == "BERT(1, heads=3, width=6) cannot follow Vector(3): it takes a Tokens"
    with pytest.raises(DataError) as long:
        built()(given([1, 3, 4, 5, 6, 2]))
    assert str(long.value) == (
        "BERT(2, heads=3, width=6, hidden=7, longest=5) knows 5 positions, got a text of 6 tokens;"
        " read at most so many of each, with context=5"
    )


def test_a_direction_has_length_one_and_its_loss_grows_with_the_angle() -> None:
    net = la.build("Direction()", Vector(2), Value(2))
    h, target = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[0.0, 5.0], [1.0, 0.0]])
    torch.testing.assert_close(net.predict(h).value, torch.tensor([[0.6, 0.8], [0.0, 1.0]]))
    score = net.score(h, target)
    # 1 - cos is 0.2 and 1; each of four numbers has its share of the normaliser.
    assert score.total.item() == pytest.approx(1.2 + 2 * math.log(2 * math.pi))
    assert score.count == 4
    torch.testing.assert_close(net.score(7 * h, 3 * target).total, score.total)


def test_a_direction_of_another_size_than_the_target_is_refused() -> None:
    with pytest.raises(KindError) as error:
        la.build("Direction()", Vector(3), Value(2))
    assert str(error.value) == (
        "Direction() cannot follow Vector(3): its target is Value(2); let Vector(2) come before it, such as Dense(2)"
    )
