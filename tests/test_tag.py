"""The end that tags words, its measures, and runs on tagged sentences."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

import lamina as la
from lamina.errors import DataError, KindError
from lamina.kinds import Padded, Sequence, Tags
from lamina.metrics import SpanTally, TokenTally
from lamina.metrics.tags import spans
from lamina.net import build

PLAIN, SPANS = ("O", "B-A", "I-A", "B-B", "I-B"), (0, 1, 2, 5, 6)


def chunks(tags: list[str]) -> set[tuple[int, int, str]]:
    """The spans of a sentence by a plain loop, as conlleval finds them."""
    found, begin = set(), 0
    before, sort = "O", ""
    for place, tag in enumerate([*tags, "O"]):
        now, _, kind = tag.partition("-")
        if before != "O" and (now in "OBS" or kind != sort or before in "ES"):
            found.add((begin, place, sort))
            before = "O"
        if now != "O" and before == "O":
            begin = place
        before, sort = now, kind
    return found


def tally_of(rows: list[tuple[list[str], list[str]]], names: tuple[str, ...], roles: tuple[int, ...]) -> SpanTally:
    longest = max(len(there) for there, _ in rows)
    scored = torch.tensor([[place < len(there) for place in range(longest)] for there, _ in rows])
    there, found = (torch.tensor([names.index(tag) for row in rows for tag in row[side]]) for side in (0, 1))
    tokens = TokenTally.of(torch.zeros(scored.shape), torch.ones_like(scored), scored)
    return SpanTally.of(tokens, found, there, scored, torch.tensor(roles))


def test_a_span_is_found_if_both_ends_and_its_type_are() -> None:
    rows = [
        (["B-A", "I-A", "O", "B-B"], ["B-A", "I-A", "O", "B-A"]),  # one of two, and one too many
        (["B-A", "I-A", "I-A"], ["B-A", "I-A", "O"]),  # too short
        (["O", "B-B"], ["O", "B-B"]),
    ]
    measures = tally_of(rows, PLAIN, SPANS).measures()
    assert measures["span_precision"].value == pytest.approx(2 / 4)
    assert measures["span_recall"].value == pytest.approx(2 / 4)
    assert measures["span_f1"].value == pytest.approx(0.5)
    assert next(iter(measures)) == "span_f1"


@pytest.mark.parametrize("names", [PLAIN, ("O", "I-A", "I-B"), ("O", *(f"{p}-{t}" for t in "AB" for p in "BIES"))])
def test_spans_are_those_of_a_plain_loop_and_parts_add_up(names: tuple[str, ...]) -> None:
    from lamina.data.text.tagged import roles_of

    draw = random.Random(3)
    rows = [([draw.choice(names) for _ in range(n)], [draw.choice(names) for _ in range(n)]) for n in (5, 1, 7, 3) * 11]
    tally = tally_of(rows, names, roles_of(names))
    pairs = [(chunks(there), chunks(found)) for there, found in rows]
    counts = [sum(len(part) for part in parts) for parts in zip(*((t & f, f, t) for t, f in pairs), strict=True)]
    assert tally.sums[:3].tolist() == counts
    f1 = 2 * counts[0] / (counts[1] + counts[2])
    assert tally.measures()["span_f1"].value == pytest.approx(f1)
    parts = tally_of(rows[:13], names, roles_of(names)) + tally_of(rows[13:], names, roles_of(names))
    assert parts.measures() == tally.measures()


def test_the_interval_of_f1_is_that_of_a_ratio_over_rows() -> None:
    rows = [(["B-A", "O"], ["B-A", "O"]), (["B-A", "O"], ["O", "O"]), (["B-A", "B-A"], ["B-A", "B-A"])]
    a, n = torch.tensor([2.0, 0.0, 4.0]), torch.tensor([2.0, 1.0, 4.0])
    ratio = float(a.sum() / n.sum())
    half = 1.959964 * float(((a - ratio * n).square().sum() * 3 / 2).sqrt() / n.sum())
    measure = tally_of(rows, PLAIN, SPANS).f1()
    assert measure == pytest.approx((ratio, max(0.0, ratio - half), min(1.0, ratio + half)), rel=1e-5)


def test_nothing_predicted_and_nothing_there_is_no_number() -> None:
    measures = tally_of([(["O"], ["O"])], PLAIN, SPANS).measures()
    assert all(measures[name].value != measures[name].value for name in ("span_f1", "span_precision", "span_recall"))
    assert spans(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long)).begin.tolist() == []


def test_only_where_words_begin_the_loss_is_taken() -> None:
    net = build("Tag(init='zeros')", Sequence(2), Tags(4))
    x = Padded(torch.ones(1, 3, 2), torch.tensor([[True, True, True]]))
    score = net.score(x, Padded(torch.tensor([[1, 9, 2]]), torch.tensor([[True, False, True]])))
    assert score.count == 2
    assert score.total.item() == pytest.approx(2 * torch.tensor(4.0).log().item())


def test_tags_are_predicted_of_positions() -> None:
    with pytest.raises(KindError) as error:
        build("Embed(3) >> Mean() >> Tag()", la.Tokens(5), Tags(3))
    assert "Tag() cannot follow Vector(3): it takes a Sequence" in str(error.value)
    with pytest.raises(Exception, match="Tags: 2 roles for 3 classes; give each class one"):
        Tags(3, (0, 1))


# --- runs ----------------------------------------------------------------------------------------------------------

FIRST, LAST, PLACES = ["Ada", "Alan", "Grace"], ["Hill", "Wood", "Rivers"], ["Paris", "Oslo", "Rome"]


def written(path: Path, sentences: int, seed: int) -> Path:
    """Sentences in which a name after "in" is a place, and one before a verb a person."""
    draw = random.Random(seed)
    text = ""
    for _ in range(sentences):
        name = draw.choice(FIRST + LAST)
        text += f"{name} B-PER\n"
        text += f"{draw.choice(LAST)} I-PER\n" if draw.random() < 0.5 else ""
        text += f"lives O\nin O\n{draw.choice(PLACES + LAST)} B-LOC\n. O\n\n"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tags")
    data = written(folder / "names.conll", 211, 1)
    net = "Embed(8) >> BiLSTM(8) >> Tag()"
    settings = {"epochs": 8, "optimizer": "AdamW(0.03)", "threads": 1, "display": None, "batch": 16}
    return la.train(net, str(data), out=folder / "run", **settings).folder


def test_a_tagger_learns_names_by_what_stands_around_them(trained: Path) -> None:
    result = json.loads((trained / "result.json").read_text())
    assert result["test"]["span_f1"]["value"] > 0.95
    assert list(result["test"]) == ["span_f1", "span_precision", "span_recall", "token_accuracy", "token_loss"]
    # "Hill" is a person or a place: a table of words cannot know.
    assert 0.3 < result["baseline"]["commonest_tag"]["span_f1"]["value"] < 0.9


def test_a_model_tags_texts_and_words(trained: Path) -> None:
    model = la.load(trained)
    assert model.tag(["Ada Wood lives in Hill .", [], ["Hill", "lives", "in", "Rome"]]) == [
        ["B-PER", "I-PER", "O", "O", "B-LOC", "O"],
        [],
        ["B-PER", "O", "O", "B-LOC"],
    ]
    assert model.tag("Ada lives") == [["B-PER", "O"]]


def test_a_model_without_tags_says_so(tmp_path: Path) -> None:
    run = la.train("Dense(3) >> Classify()", "iris", out=tmp_path / "run", steps=1, display=None, threads=1)
    with pytest.raises(DataError) as error:
        la.load(run.folder).tag(["Ada"])
    assert str(error.value) == "the model ends in Classify() and gives no tags; one that ends in Tag() does"


def test_a_tagging_run_goes_on_exactly(tmp_path: Path, trained: Path) -> None:
    from runs import equal, final, stopping_at

    from lamina.training.machine import Interrupted

    data = str(trained.parent / "names.conll")
    settings = {"steps": 9, "threads": 1, "batch": 16}
    whole = la.train("Embed(8) >> BiLSTM(8) >> Tag()", data, out=tmp_path / "whole", display=None, **settings)
    with pytest.raises(Interrupted):
        la.train("Embed(8) >> BiLSTM(8) >> Tag()", data, out=tmp_path / "cut", display=stopping_at(4), **settings)
    la.resume(tmp_path / "cut", display=None)
    assert equal(final(tmp_path / "cut"), final(whole.folder))


def test_the_commands_tag_and_measure(trained: Path, tmp_path: Path) -> None:
    from command.conftest import called

    other = written(tmp_path / "other.conll", 31, 2)
    said = called("evaluate", trained, other, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["measures"]["span_f1"]["value"] > 0.9
    lines = tmp_path / "lines.txt"
    lines.write_text("Ada Wood lives in Hill .\n\nHill lives in Rome\n")
    said = called("predict", trained, lines)
    assert said.out == (
        "Ada\tB-PER\nWood\tI-PER\nlives\tO\nin\tO\nHill\tB-LOC\n.\tO\n\nHill\tB-PER\nlives\tO\nin\tO\nRome\tB-LOC\n\n"
    )
    said = called("predict", trained, other, "--json")
    assert len(said.out.splitlines()) == 31
    assert json.loads(said.out.splitlines()[0])["words"][0] in FIRST + LAST
    said = called("data", other)
    assert said.code == 0, said.err
