"""Writing about what was read: one code path for training and for search."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lamina as la
from lamina.chance import drawing
from lamina.errors import KindError, SentenceError
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN, Padded, Tokens, Value, Vector
from lamina.layers.dropout import Dropout
from lamina.net import Net, build
from lamina.search import beam

GIVEN, TARGET = Tokens(11), Tokens(13)
ATTENTIVE = "Embed(7) >> BiLSTM(3) >> Write(LSTM(5), attend=Additive(3))"
ENDS = (
    ATTENTIVE,
    "Embed(7) >> GRU(5) >> Write(Dropout(0.2) >> GRU(5, layers=2), attend=Dot(), width=5, tied=True)",
    "Embed(7) >> RNN(5) >> Write(RNN(3), attend=Bilinear())",
    "Embed(7) >> LSTM(5) >> Last() >> Write(LSTM(3))",
    "Embed(7) >> LSTM(5) >> Last() >> Write(LSTM(3), attend=Summary())",
    "Embed(7) >> BiGRU(5) >> Write(Dropout(0.2) >> GRU(3, layers=2), attend=Summary())",
    "Embed(6) >> Positions() >> Transformer(1, heads=3) >> Write(Positions() >> Transformer(2, heads=2))",
    "Embed(6) >> Mean() >> Write(Transformer(1, heads=3, rotary=True))",
)
each = pytest.mark.parametrize("sentence", ENDS)


def rows(kind: Tokens, lengths: list[int], seed: int = 0) -> Padded:
    random = torch.Generator().manual_seed(seed)
    values = torch.randint(3, kind.vocabulary, (len(lengths), max(lengths)), generator=random)
    return Padded(values, torch.arange(max(lengths)) < torch.tensor(lengths)[:, None])


def made(sentence: str) -> Net:
    return build(sentence, GIVEN, TARGET, seed=3).eval()


SOURCE, WRITTEN = rows(GIVEN, [5, 2, 3]), rows(TARGET, [3, 7, 1], seed=1)


def by_steps(net: Net, target: Padded, h: Padded | Tensor) -> Tensor:
    """o_t, one token at a time."""
    state, found = net.end.begin(h), []
    read = torch.cat((torch.full_like(target.values[:, :1], BEGIN_TOKEN), target.values[:, :-1]), 1)
    for place in range(read.shape[1]):
        out, state = net.end.further(read[:, place : place + 1], state)
        found.append(out)
    return torch.cat(found, 1)


@each
def test_token_by_token_is_the_whole_at_once(sentence: str) -> None:
    net = made(sentence)
    h = net.features(SOURCE)
    torch.testing.assert_close(by_steps(net, WRITTEN, h), net.end.taught(h, WRITTEN), rtol=1e-5, atol=1e-5)


@each
def test_the_loss_is_that_of_each_token_given_those_before(sentence: str) -> None:
    net = made(sentence)
    logits = net.end.head(by_steps(net, WRITTEN, net.features(SOURCE)))
    nats = F.cross_entropy(logits[WRITTEN.visible], WRITTEN.values[WRITTEN.visible], reduction="sum")
    score = net.score(SOURCE, WRITTEN)
    torch.testing.assert_close(score.total, nats)
    assert score.count == 11


@each
def test_what_stands_at_padding_never_changes_the_loss(sentence: str) -> None:
    net = made(sentence)
    source = SOURCE._replace(values=SOURCE.values.masked_fill(~SOURCE.visible, 7))
    written = WRITTEN._replace(values=WRITTEN.values.masked_fill(~WRITTEN.visible, 9))
    torch.testing.assert_close(net.score(source, written).total, net.score(SOURCE, WRITTEN).total)


@each
def test_a_row_is_written_as_if_it_were_alone(sentence: str) -> None:
    net = made(sentence)
    together = net.predict(SOURCE)
    for row, length in enumerate((5, 2, 3)):
        alone = net.predict(Padded(SOURCE.values[row : row + 1, :length], SOURCE.visible[row : row + 1, :length]))
        count = int(alone.tokens.visible.sum())
        assert together.tokens.values[row, :count].tolist() == alone.tokens.values[0].tolist()
        torch.testing.assert_close(together.log_probability[row], alone.log_probability[0], rtol=1e-4, atol=1e-4)


@each
def test_log_probabilities_of_a_beam_are_those_that_teaching_gives(sentence: str) -> None:
    net = made(sentence)
    with torch.no_grad():
        # What is no text is never written, so its probability goes to the rest.
        net.end.head.offset[[UNKNOWN_TOKEN, BEGIN_TOKEN]] = -1e4
        h = net.features(SOURCE)
        found = beam(net.end.step, torch.full((3,), BEGIN_TOKEN), net.end.begin(h), 4, END_TOKEN, width=3, best=2)
        for place in range(2):
            visible = torch.arange(found.tokens.shape[2]) < found.length[:, place, None]
            written = Padded(found.tokens[:, place], visible)
            logits = net.end.head(net.end.taught(h, written))
            each_token = F.log_softmax(logits, -1).gather(2, written.values[:, :, None]).squeeze(2)
            total = each_token.masked_fill(~visible, 0).sum(1)
            torch.testing.assert_close(found.log_probability[:, place], total, rtol=1e-4, atol=1e-4)


def test_what_is_no_text_is_never_written() -> None:
    net = made(ATTENTIVE)
    with torch.no_grad():
        net.end.head.offset[[UNKNOWN_TOKEN, BEGIN_TOKEN]] = 100.0
    tokens = net.predict(SOURCE).tokens
    assert not torch.isin(tokens.values[tokens.visible], torch.tensor([UNKNOWN_TOKEN, BEGIN_TOKEN])).any()


def test_additive_attention_sees_what_the_cell_gave_before_and_feeds_the_cell() -> None:
    # Redone with the parts themselves, step by step, as Bahdanau, Cho and Bengio write it.
    net = made(ATTENTIVE)
    h, end = net.features(SOURCE), net.end
    assert isinstance(h, Padded)
    keys, cell, given = F.linear(h.values, end.looks.key_weight), end.writer.begin(h), torch.zeros(3, 1, 5)
    outs = []
    for token in (torch.full((3, 1), BEGIN_TOKEN), WRITTEN.values[:, :1]):
        scores = torch.tanh(F.linear(given, end.looks.query_weight) + keys) @ end.looks.score_weight[0]  # (B, S)
        weights = scores.masked_fill(~h.visible, -torch.inf).softmax(-1)
        context = (weights[:, :, None] * h.values).sum(1, keepdim=True)
        x = torch.cat((F.embedding(token, end.embed.table), context), -1)
        out, cell = end.writer.carry(Padded(x, torch.ones(3, 1, dtype=torch.bool)), cell)
        given = out.values
        outs.append(torch.tanh(torch.cat((given, context), -1) @ end.mix.T))
    torch.testing.assert_close(torch.cat(outs, 1), end.taught(h, WRITTEN)[:, :2])


def test_noise_follows_from_the_example_in_the_end_too() -> None:
    net = build("Embed(6) >> Mean() >> Write(Dropout(0.5) >> LSTM(5), dropout=0.5)", GIVEN, TARGET)
    with drawing(0, 7, torch.arange(3)):
        whole, other = net.score(SOURCE, WRITTEN).total, None
    with drawing(0, 7, torch.arange(3)):
        again = net.score(SOURCE, WRITTEN).total
    with drawing(0, 8, torch.arange(3)):
        other = net.score(SOURCE, WRITTEN).total
    assert whole == again
    assert whole != other


@pytest.mark.parametrize("attend", ["", ", attend=Additive(3)", ", attend=Bilinear()"])
def test_between_layers_each_position_has_noise_of_its_own(attend: str) -> None:
    net = build(f"Embed(7) >> BiLSTM(3) >> Write(GRU(97, layers=2, dropout=0.5){attend})", GIVEN, TARGET)
    seen, given = list[Tensor](), net.end.writer.recurrences()[1]
    given.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with drawing(0, 7, torch.arange(3)):
        net.score(SOURCE, WRITTEN)
    dropped = torch.cat(seen, 1) == 0  # (B, T, W)
    assert dropped.shape == (3, 7, 97)
    assert dropped.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert len({tuple(row) for row in dropped.flatten(0, 1).tolist()}) == 21


def test_in_a_transformer_too_that_is_fed_position_by_position() -> None:
    writer = "Positions() >> Transformer(1, heads=2, dropout=0.5)"
    net = build(f"Embed(7) >> BiLSTM(3) >> Write({writer}, attend=Additive(3), width=94)", GIVEN, TARGET)
    drops = [part for part in net.end.writer.modules() if isinstance(part, Dropout)]
    for drop in drops:
        seen = list[Tensor]()
        handle = drop.register_forward_hook(
            lambda _, __, out, seen=seen: seen.append(out if isinstance(out, Tensor) else out.values)
        )
        with drawing(0, 7, torch.arange(3)):
            net.score(SOURCE, WRITTEN)
        handle.remove()
        dropped = torch.cat(seen, 1) == 0  # (B, T, D)
        assert dropped.shape == (3, 7, 100)
        assert dropped.float().mean().item() == pytest.approx(0.5, abs=0.05)
        assert len({tuple(row) for row in dropped.flatten(0, 1).tolist()}) == 21
    assert len(drops) == 3


def test_an_answer_is_at_most_so_much_longer_than_what_was_read() -> None:
    net = made("Embed(7) >> GRU(5) >> Write(GRU(5))")
    with torch.no_grad():
        net.end.head.offset[END_TOKEN] = -1e4  # it never ends
    assert net.predict(SOURCE).tokens.visible.sum(1).tolist() == [55, 52, 53]
    short = made("Embed(7) >> GRU(5) >> Write(GRU(5), longest=3)")
    assert short.end.limit(short.features(SOURCE)).tolist() == [3, 3, 3]
    vector = made("Embed(7) >> GRU(5) >> Last() >> Write(GRU(5))")
    assert vector.end.limit(vector.features(SOURCE)).tolist() == [100, 100, 100]


def test_with_a_summary_each_step_reads_what_was_read_beside_its_token() -> None:
    net = made("Embed(7) >> LSTM(5) >> Last() >> Write(RNN(3), attend=Summary())").double()
    end, h = net.end, net.features(SOURCE)
    o = end.taught(h, WRITTEN)
    state, (recurrence,) = end.writer.begin(h), end.writer.recurrences()
    read = torch.cat((torch.full_like(WRITTEN.values[:, :1], BEGIN_TOKEN), WRITTEN.values[:, :-1]), 1)
    s = state[0][0]
    for place in range(read.shape[1]):
        x = torch.cat((end.embed.table[read[:, place]], h), 1)
        s = torch.tanh(x @ recurrence.input_weight.T + s @ recurrence.state_weight.T + recurrence.offset)
        torch.testing.assert_close(o[:, place], torch.tanh(torch.cat((s, h), 1) @ end.mix.T))


def test_a_tied_end_has_one_table() -> None:
    one = build("Embed(6) >> Mean() >> Write(LSTM(6))", GIVEN, TARGET)
    two = build("Embed(6) >> Mean() >> Write(LSTM(6), tied=True)", GIVEN, TARGET)
    assert one.parameter_count() - two.parameter_count() == 13 * 6


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("Embed(6) >> Write(Dense(5))", "Write needs a cell that goes on token by token, such as LSTM(256), got Dense(5)"),
        ("Embed(6) >> Write(BiLSTM(5) >> LSTM(5))", "BiLSTM(5) looks ahead and cannot write"),
        (
            "Embed(6) >> Last() >> Write(LSTM(5), attend=Dot())",
            "Write(LSTM(5), attend=Dot()) looks at positions, but is given Vector(6);"
            " leave Last() and the like out before it, or say attend=Summary()",
        ),
        (
            "Embed(6) >> Write(LSTM(5), tied=True)",
            "Write(LSTM(5), tied=True) is tied: set width=5, as wide as what LSTM(5) gives, or leave tied out",
        ),
        (
            "Embed(6) >> Write(LSTM(5), attend=Dot())",
            "Dot() compares Sequence(5) with Sequence(6): they must be as wide; take Bilinear(), or a cell that gives"
            " Sequence(6)",
        ),
        ("Embed(6) >> BiLSTM(3) >> NextToken()", "BiLSTM(3) looks ahead, and NextToken() would predict what has been"
            " seen; take a stage that looks back only, such as LSTM(256) or Transformer(causal=True)"),
        ("Embed(6) >> LSTM(5) >> NextToken(tied=True)", "NextToken(tied=True) takes the weights of Embed(6), for 11 tokens,"
            " but is given Sequence(5) to predict Tokens(13); put Dense(6) before it, or leave tied out"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(sentence: str, words: str) -> None:
    with pytest.raises((KindError, SentenceError)) as caught:
        build(sentence, GIVEN, TARGET)
    assert str(caught.value) == words


def test_an_end_that_is_tied_needs_an_embedding() -> None:
    with pytest.raises(KindError) as caught:
        build("LSTM(5) >> NextToken(tied=True)", la.Sequence(3), TARGET)
    assert str(caught.value) == (
        "NextToken(tied=True) shares its weights with an Embed, but there is none; put one, or leave tied out"
    )


def test_ends_of_tokens_predict_nothing_else() -> None:
    with pytest.raises(KindError, match=r"Write\(LSTM\(5\)\) cannot predict Value\(1\): it predicts a Tokens"):
        build("Dense(3) >> Write(LSTM(5))", Vector(3), Value(1))
