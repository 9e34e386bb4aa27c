from __future__ import annotations

import errno
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lamina.command.train import command
from lamina.data.batches import Batch, Batches
from lamina.data.dataset import Dataset
from lamina.data.named import load
from lamina.data.sources.arrays import from_arrays
from lamina.ends.classify import Labelled
from lamina.ends.regress import Estimated
from lamina.metrics import ClassTally, Measure, ValueTally
from lamina.report.answers import Answers, mistakes
from lamina.report.content import ClassAnswers, Content, Example, ValueAnswers
from lamina.report.markup import Markup, tag
from lamina.report.page import page
from lamina.table import Row
from lamina.training.result import Run
from lamina.training.run import train

EMPTY = {"meta", "img", "circle", "line", "path", "rect"}
HOSTILE = "<script>alert(\"x\")</script> & 'y'\x00\ud800"


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed, in order. Keeps texts, images, and what is fetched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, given):
        values = dict(given)
        self.tags.append(name)
        self.addresses += [values[key] or "" for key in ("src", "href", "xlink:href") if key in values]
        if name == "img":
            self.images.append(values)
        assert not any(key.startswith("on") for key in values)
        assert len(values) == len(given)
        if name not in EMPTY:
            self.open.append(name)

    def handle_startendtag(self, name, given):
        assert name in EMPTY
        self.handle_starttag(name, given)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, text):
        self.texts.append(text)

    def text(self) -> str:
        return "".join(self.texts)


def read(html: str) -> Reader:
    reader = Reader(html)
    for drawing in re.findall(r"<svg.*?</svg>", html, re.S):
        ElementTree.fromstring(drawing)
    assert "script" not in reader.tags
    assert all(address.startswith("data:image/png;base64,") for address in reader.addresses)
    assert "@import" not in html
    assert "url(" not in html
    assert reader.tags.count("caption") == reader.tags.count("table")
    assert reader.tags.count("h1") == 1
    return reader


def content(**changes) -> Content:
    plain = Content(
        data="flowers",
        about="",
        net="Dense(3) >> Classify()",
        run="runs/flowers-1",
        commands=[("look", "lamina show runs/flowers-1")],
        sizes={"trained on": 10, "validated on": 2, "tested on": 3},
        valid={"accuracy": Measure(0.5, 0.1, 0.9)},
        test={"accuracy": Measure(0.75, 0.25, 0.875)},
        baseline={"majority": {"accuracy": Measure(0.3, 0.2, 0.4)}},
        trained_on={"majority": 10},
        chosen_by="log_loss",
        given="Vector(4)",
        stages=[Row("Dense(3)", "Vector(3)", 1500, 1200)],
        log=[{"step": 1, "loss": 0.5, "gradient_norm": 0.1, "rate": 0.1, "applied": True}],
        troubles=[],
        answers=None,
    )
    return replace(plain, **changes)


def told(dataset: Dataset, probabilities: torch.Tensor) -> ClassAnswers:
    """What is told of these answers to all of a dataset."""
    answers = Answers(dataset)
    target = dataset.target.values
    rows = torch.arange(len(dataset))
    answers.add(Batch(None, target, rows, 0), Labelled(probabilities.argmax(1), probabilities))
    said = answers.told(ClassTally.of(probabilities.log(), target))
    assert isinstance(said, ClassAnswers)
    return said


def vectors(classes: int, rows: int) -> Dataset:
    random = np.random.default_rng(0)
    return from_arrays(random.normal(size=(rows, 3)), np.arange(rows) % classes)


def likely(classes: int, rows: int) -> torch.Tensor:
    return torch.softmax(torch.randn(rows, classes, generator=torch.Generator().manual_seed(0)), 1)


def test_the_page_is_well_formed_and_says_its_figures():
    text = read(page(content())).text()
    for said in ("flowers", "0.75", "[0.25, 0.88]", "Dense(3) >> Classify()", "1,500", "lamina show runs/flowers-1"):
        assert said in text


def test_hostile_names_are_shown_and_never_run():
    answers = told(vectors(3, 30), likely(3, 30))
    answers = replace(
        answers, names=(HOSTILE, "b", "c"), hardest=[Example(3, HOSTILE, HOSTILE, 0.9, 0.1, True, "", (HOSTILE,))]
    )
    strange = content(
        data=HOSTILE, about=HOSTILE, net=HOSTILE, run=HOSTILE, commands=[(HOSTILE, HOSTILE)], given=HOSTILE,
        sizes={HOSTILE: 3}, baseline={HOSTILE: {"accuracy": Measure(0.3, 0.2, 0.4)}}, trained_on={HOSTILE: 10},
        stages=[Row(HOSTILE, HOSTILE, 1, 1)], troubles=[HOSTILE], answers=answers, features=(HOSTILE,),
        facts={HOSTILE: HOSTILE}, plan={HOSTILE: HOSTILE}, machine={HOSTILE: HOSTILE},
    )  # fmt: skip
    html = page(strange)
    assert read(html).text().count("<script>alert(\"x\")</script> & 'y'\ufffd\ufffd") >= 15
    html.encode()


@given(words=st.text())
def test_any_text_can_stand_in_an_element_and_an_attribute(words):
    element = ElementTree.fromstring(tag("p", words, title=words))
    shown = (element.text or "").replace("\r\n", "\n").replace("\r", "\n")
    expected = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "\ufffd", words)
    assert shown == expected.replace("\r\n", "\n").replace("\r", "\n")
    assert set(element.attrib) == {"title"}


def test_markup_is_not_escaped_twice():
    assert (
        tag("p", tag("b", "a & b"), Markup("<i></i>"), class_="x", hidden=False)
        == '<p class="x"><b>a &amp; b</b><i></i></p>'
    )


@pytest.mark.parametrize(
    "log",
    [
        [],
        [{"step": 1, "loss": None, "gradient_norm": None, "rate": 0.1, "applied": False, "at": 0}],
        [{"step": 1, "valid": {"log_loss": None}}],
        [{"step": 1}],
        [
            {"step": 1, "loss": 1e308, "gradient_norm": 1e-320, "rate": 0.0},
            {"step": 2, "loss": -1e308, "gradient_norm": 0},
        ],
    ],
)
def test_short_and_empty_logs_make_a_page(log):
    read(page(content(log=log)))


def test_measures_that_are_no_numbers_make_a_page():
    nothing = Measure(math.nan, 0.0, math.inf)
    test = {"root_mean_squared_error": nothing, "r2": Measure(math.nan, math.nan, math.nan)}
    text = read(
        page(content(test=test, valid={}, baseline={"mean": {"r2": Measure(-math.inf, -math.inf, 1.0)}}))
    ).text()
    assert "nan" in text
    read(page(content(test={}, valid={}, baseline={}, stages=[])))


def test_a_thousand_classes_are_told_by_their_commonest_mistakes():
    dataset, probabilities = vectors(1000, 5000), likely(1000, 5000)
    answers = told(dataset, probabilities)
    assert answers.confusion == []
    assert len(answers.mistakes) == 20
    html = page(content(answers=answers))
    text = read(html).text()
    assert "The 20 commonest mistakes among 1,000 classes" in text
    assert "The 50 classes of 1,000 with the lowest recall" in text
    assert len(html) < 200_000


def test_mistakes_are_counted_most_of_all_first():
    confusion = torch.tensor([[5, 2, 0], [7, 1, 0], [0, 2, 9]])
    assert [tuple(mistake) for mistake in mistakes(confusion, "abc")] == [
        ("b", "a", 7, 8),
        ("a", "b", 2, 7),
        ("c", "b", 2, 11),
    ]


def test_the_confusion_matrix_stands_on_the_page_as_counted():
    dataset, probabilities = vectors(3, 30), likely(3, 30)
    answers = told(dataset, probabilities)
    expected = ClassTally.of(probabilities.log(), dataset.target.values).confusion.tolist()
    assert answers.confusion == expected
    html = page(content(answers=answers))
    for counts in expected:
        row = "".join(f"<td[^>]*>{count or '[·0]'}</td>" for count in counts)
        assert re.search(row, html)


def test_wrong_examples_come_first_the_least_likely_of_all_at_the_head():
    dataset = from_arrays(np.eye(5, dtype=np.float32), np.array([0, 0, 0, 1, 1]))
    p = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3], [0.01, 0.99]])
    answers = told(dataset, p)
    assert [(e.row, e.wrong) for e in answers.hardest] == [(1, True), (3, True), (2, False), (0, False), (4, False)]
    assert answers.hardest[0].due == pytest.approx(0.2)
    assert answers.hardest[0].sure == pytest.approx(0.8)
    assert answers.hardest[0].features == ("0", "1", "0", "0", "0")
    assert answers.wrong == 2
    text = read(page(content(answers=answers))).text()
    assert "2 of 5 test examples are wrong." in text
    assert "1 (wrong)" in text


def test_a_wrong_example_comes_before_a_right_one_of_which_the_net_was_less_sure():
    dataset = from_arrays(np.eye(3, dtype=np.float32), np.array([0, 1, 2]))
    answers = told(dataset, torch.tensor([[0.34, 0.33, 0.33], [0.55, 0.45, 0.0], [0.0, 0.0, 1.0]]))
    assert [example.row for example in answers.hardest] == [1, 0, 2]


def test_right_cells_of_the_confusion_matrix_are_shaded_unlike_wrong_ones():
    dataset = from_arrays(np.eye(3, dtype=np.float32), np.array([0, 0, 1]))
    html = page(content(answers=told(dataset, torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]))))
    cells = re.findall(r"<td style=.background:rgb.var.--(good|bad).[^>]*>(\d+)</td>", html)
    assert cells == [("good", "1"), ("bad", "1"), ("good", "1")]


def test_a_probability_that_is_no_number_is_the_worst_of_all():
    dataset = from_arrays(np.eye(3, dtype=np.float32), np.array([0, 1, 1]))
    p = torch.tensor([[0.1, 0.9], [0.2, 0.8], [math.nan, math.nan]])
    answers = Answers(dataset)
    answers.add(Batch(None, dataset.target.values, torch.arange(3), 0), Labelled(torch.tensor([1, 1, 0]), p))
    said = answers.told(ClassTally(torch.tensor([[0, 1], [1, 1]]), 1.0, 1.0, 3))
    assert isinstance(said, ClassAnswers)
    assert [e.row for e in said.hardest] == [2, 0, 1]
    read(page(content(answers=said)))


def test_pictures_are_drawn_with_their_classes_in_words():
    digits = load("digits")
    batch = Batches(digits, torch.arange(40), 40).gather(torch.arange(40))
    answers = Answers(digits)
    p = likely(10, 40)
    answers.add(batch, Labelled(p.argmax(1), p))
    said = answers.told(ClassTally.of(p.log(), batch.target))
    reader = read(page(content(answers=said)))
    assert len(reader.images) == 12
    assert isinstance(said, ClassAnswers)
    first = said.hardest[0]
    assert (
        reader.images[0]["alt"] == f"test example, row {first.row}: actual {first.actual}, predicted {first.predicted}"
    )


def values(size: int, rows: int, error: torch.Tensor) -> ValueAnswers:
    dataset = from_arrays(
        np.arange(rows * 3, dtype=np.float32).reshape(rows, 3),
        np.arange(rows * size, dtype=np.float32).reshape(rows, size),
    )
    answers, target = Answers(dataset), dataset.target.values
    answers.add(
        Batch(None, target, torch.arange(rows), 0),
        Estimated(target + error, *torch.full((2, *target.shape), torch.inf)),
    )
    said = answers.told(ValueTally.of(target + error, target))
    assert isinstance(said, ValueAnswers)
    return said


def test_values_are_drawn_as_dots_and_errors_as_a_histogram():
    said = values(1, 5000, torch.linspace(-1, 3, 5000)[:, None])
    (output,) = said.outputs
    assert len(output.actual) <= 2000
    assert sum(output.histogram) == 5000
    assert output.ends == (-3.0, 3.0)
    assert [example.row for example in said.worst][:2] == [4999, 4998]
    reader = read(page(content(answers=said, chosen_by="squared_error")))
    assert reader.tags.count("circle") >= len(output.actual)
    assert "1,667 of 5,000 test examples" in reader.text()


def test_of_many_outputs_the_first_are_drawn():
    said = values(7, 11, torch.ones(11, 7))
    assert [output.name for output in said.outputs] == ["output 0", "output 1", "output 2", "output 3"]
    assert "The first 4 of 7 outputs." in read(page(content(answers=said))).text()


def test_predictions_that_are_no_numbers_are_the_worst_and_not_drawn():
    error = torch.zeros(4, 1)
    error[2], error[1] = math.nan, math.inf
    said = values(1, 4, error)
    assert {example.row for example in said.worst[:2]} == {1, 2}
    assert sum(said.outputs[0].histogram) == 2
    text = read(page(content(answers=said))).text()
    assert "2 of 4 test examples" in text
    read(page(content(answers=values(1, 3, torch.full((3, 1), math.nan)))))


# --- of whole runs ---------------------------------------------------------------------------------------------------


def test_the_page_of_a_run_says_what_its_result_says(tmp_path):
    run = train("Standardize() >> Dense(5) >> Tanh() >> Classify()", "iris", epochs=2, threads=1, out=tmp_path / "run")
    text = read((tmp_path / "run" / "report.html").read_text()).text()
    for measures in (run.test, run.valid, *run.baseline.values()):
        for measure in measures.values():
            number, _, interval = str(measure).partition(" ")
            assert f"{number} {interval}" in text
    assert f"lamina train {tmp_path}/run/run.toml" in text
    assert f"{run.result['parameters']:,}" in text
    for name, value in run.plan.values().items():
        assert name in text
        assert ("none" if value is None else str(value)) in text


@pytest.mark.parametrize("data", ["iris", "diabetes"])
def test_a_run_of_one_step_has_a_page(tmp_path, data):
    train(None, data, steps=1, threads=1, out=tmp_path)
    read((tmp_path / "report.html").read_text())


def test_equal_runs_have_equal_pages_up_to_times_and_places(tmp_path):
    pages = []
    for name in ("one", "two"):
        train(None, "iris", steps=3, threads=1, out=tmp_path / name)
        html = (tmp_path / name / "report.html").read_text()
        html = re.sub(r"\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", "", html)
        pages.append(re.sub(r"training time</dt><dd>[^<]*", "", html).replace(str(tmp_path / name), "RUN"))
    assert pages[0] == pages[1]


def test_a_disk_that_refuses_the_page_does_not_spoil_the_run(tmp_path, monkeypatch):
    really = os.open

    def refuse(path, *flags, **more):
        if "report.html" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return really(path, *flags, **more)

    monkeypatch.setattr(os, "open", refuse)
    said: list[str] = []
    run = train(None, "iris", steps=1, threads=1, out=tmp_path, say=said.append)
    path = tmp_path / "report.html"
    assert said[-1] == f"{path}: the report was not written: No space left on device; the run is complete without it"
    assert not path.exists()
    assert Run(tmp_path).result == run.result != {}
    assert json.loads((tmp_path / "result.json").read_text())["steps"] == 1


def test_a_folder_in_the_way_of_the_page_is_said(tmp_path):
    (tmp_path / "report.html").mkdir()
    said: list[str] = []
    train(None, "iris", steps=1, threads=1, out=tmp_path, say=said.append)
    assert re.fullmatch(r".*report\.html: the report was not written: .*; the run is complete without it", said[-1])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".tmp-")] == []


def test_the_command_says_where_the_page_is_and_json_stays_as_it_was(tmp_path):
    asked = ["iris", "--steps", "1", "--threads", "1", "--out"]
    told = CliRunner().invoke(command, [*asked, str(tmp_path / "one")])
    assert told.stdout.splitlines()[-1] == f"report: {tmp_path / 'one' / 'report.html'}"
    told = CliRunner().invoke(command, [*asked, str(tmp_path / "two"), "--json"])
    keys = {"run", "net", "parameters", "steps", "seconds", "valid", "test", "baseline", "baseline_trained_on"}
    assert json.loads(told.stdout.splitlines()[-1]).keys() == keys


def test_importing_training_does_not_import_the_report():
    code = "import sys, lamina.training.run; print([name for name in sys.modules if name.startswith('lamina.report')])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
