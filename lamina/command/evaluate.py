"""`lamina evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamina.command.options import baseline_lines, emit, json_option, measure_lines, signed
from lamina.progress import note

if TYPE_CHECKING:
    from torch import Tensor

    from lamina.data.dataset import Dataset
    from lamina.metrics import Measure
    from lamina.model import Model

EPILOG = """
\b
Examples:
  lamina evaluate runs/digits-1 digits
  lamina evaluate runs/mnist-1 other-digits.npz --json
  lamina evaluate runs/houses-1 new-*.csv
  lamina evaluate runs/pets-1 other-pets/
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", nargs=-1, required=True)
@click.option("--all", "whole", is_flag=True, help="Measure on all examples, those trained on too.")
@click.option("--beam", type=click.IntRange(1), default=5, show_default=True, help="Of a model of pairs of texts.")
@click.option("--draws", type=click.IntRange(1), help="Of a model with Gaussian(): estimate ln p(x) by so many codes.")
@json_option
def command(run: Path, data: tuple[str, ...], whole: bool, beam: int, draws: int | None, as_json: bool) -> None:
    """Measure the model of RUN on DATA.

    Where DATA is what the run was trained on, its test part is measured; other data is measured whole. Several DATA are
    measured together. Pairs of texts are two files, and their answers are searched for by a beam. Pictures are brought
    to the size that the model takes, and their classes are known by name.
    """
    import torch

    from lamina.loading import load as load_model
    from lamina.metrics.said import in_words
    from lamina.spelled import per_character
    from lamina.training.data import test_rows
    from lamina.training.further import trained_before
    from lamina.training.result import plain
    from lamina.translating import texts_at

    model = load_model(run)
    parts = []
    for dataset in datasets(model, run, data):
        rows = torch.arange(len(dataset)) if whole else test_rows(run, dataset)
        note(f"{dataset.title()}: {how_many(dataset, rows)}")
        seen = 0 if whole else trained_before(model, run, dataset)
        if seen:
            flatter = "have the inputs of a row that trained; the measures flatter there"
            note(f"{dataset.name}: {seen:,} of its rows {flatter}")
        parts.append((dataset, rows))
    measures = measured(model, parts)
    if draws is not None:
        from lamina.likelihood import likelihood

        feeds = (batch for dataset, rows in parts for batch in model.feed(dataset, rows).epoch(0))
        measures |= {"log_probability": likelihood(model.net, feeds, draws)}
    texts = texts_at(model.net, *parts[0], beam) if len(parts) == 1 else None
    measures |= per_character(measures, *parts[0]) if len(parts) == 1 else {}
    measures |= {} if texts is None else texts.measures()
    told = {} if texts is None else texts.told()
    beside = {} if whole or len(parts) > 1 else baseline_of(run, parts[0][0])
    if as_json:
        named = data[0] if len(data) == 1 else list(data)
        count = sum(len(rows) for _, rows in parts)
        result: dict[str, Any] = {"run": str(run), "data": named, "examples": count, **asked_in(parts)}
        emit(
            {
                **result,
                "measures": plain(measures),
                **told,
                "baseline": {name: plain(simple) for name, simple in beside.items()},
            }
        )
        return
    click.echo("\n".join(measure_lines(measures)))
    click.echo("".join(f"{line}\n" for line in signed(told)), nl=False)
    click.echo("".join(f"{line}\n" for line in baseline_lines(beside)), nl=False)
    for sentence in in_words(measures, beside):
        click.echo(f"  {sentence}")


def how_many(dataset: Dataset, rows: Tensor) -> str:
    """What is measured, for people: so many of all examples; of questions both these and the rows they became."""
    if dataset.asked is None:
        return f"{len(rows):,} of {len(dataset):,} examples"
    from lamina.answering import questions_in

    some, questions = len(questions_in(dataset.asked, rows)), len(dataset.asked.questions.questions)
    return f"{some:,} of {questions:,} questions, {len(rows):,} of {len(dataset):,} rows"


def asked_in(parts: list[tuple[Dataset, Tensor]]) -> dict[str, int]:
    """How many questions are measured, of which each may be several examples; empty where nothing is asked."""
    from lamina.answering import questions_in

    counts = [len(questions_in(dataset.asked, rows)) for dataset, rows in parts if dataset.asked is not None]
    return {"questions": sum(counts)} if counts else {}


def datasets(model: Model, run: Path, data: tuple[str, ...]) -> list[Dataset]:
    """The datasets of these names: a single one, if together they are the files that the run was trained on."""
    from lamina.data.tables.source import is_table
    from lamina.ends.write import Write
    from lamina.training.data import files_of, run_of, trained_files
    from lamina.training.further import data_on
    from lamina.training.plan import read_plan

    folder = run_of(run)
    if model.text is not None and len(data) == 2 and isinstance(model.net.end, Write):
        return [data_on(model, run, data[0], note, data[1])]
    if len(data) > 1 and folder is not None and all(map(is_table, data)):
        plan = read_plan(folder)
        if {file for name in data for file in files_of(name)} == trained_files(folder, plan):
            return [data_on(model, run, plan.data, note)]
    return [data_on(model, run, name, note) for name in data]


def measured(model: Model, parts: list[tuple[Dataset, Tensor]]) -> dict[str, Measure]:
    """The measures of a model on these rows of these datasets, taken together."""
    from lamina.evaluation import evaluate

    for dataset, _ in parts:
        model.check(dataset)
    batches = (batch for dataset, rows in parts for batch in model.feed(dataset, rows).epoch(0))
    return evaluate(model.net, batches).measures()


def baseline_of(run: Path, dataset: Dataset) -> dict[str, dict[str, Measure]]:
    """The baselines of the run's own test part, if that is what is measured; they are known since it ended."""
    from lamina.training.data import run_of, trained_on
    from lamina.training.result import Run

    whole = run_of(run)
    return Run(whole).baseline if whole is not None and trained_on(whole, dataset) else {}
