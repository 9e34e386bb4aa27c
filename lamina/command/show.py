"""`lamina show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamina.command.options import baseline_lines, commas, emit, json_option, measure_lines

if TYPE_CHECKING:
    from lamina.data.dataset import Dataset
    from lamina.stage import Stage

EPILOG = """
\b
Examples:
  lamina show 'Flatten() >> Dense(64) >> ReLU() >> Classify()' --on digits
  lamina show 'ResNet(20, small=true) >> Classify()' --expand
  lamina show 'Conv(32) >> BatchNorm() >> ReLU() >> Pool() >> Flatten() >> Classify()' --on mnist --rewrite
  lamina show 'Standardize() >> Flip() >> Shift(4) >> GlobalPool() >> Classify()' --on photos --draw seen.png
  lamina show runs/digits-1
  lamina show runs/digits-1 --draw restored.png --of restored
  lamina show --words
"""


LONGEST_NAME = 255
"""Of a file; a sentence may be longer."""


@click.command(epilog=EPILOG)
@click.argument("what", required=False)
@click.option("--on", "data", metavar="DATA", help="The data that a sentence is built for, or a run's drawing shows.")
@click.option("--target", multiple=True, callback=commas, metavar="C", help="What to predict, where DATA is a table.")
@click.option("--expand", is_flag=True, help="Write named nets of the sentence out.")
@click.option("--rewrite", is_flag=True, help="Rewrite the sentence as training does, and say what is gained.")
@click.option(
    "--draw",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="Draw what augmentation makes of pictures; of a run, what --of says.",
)
@click.option(
    "--of",
    "what_of",
    type=click.Choice(["restored", "samples", "map", "walk", "codes", "filters", "variance"]),
    help="What is drawn of a run: inputs beside what they are given back as, samples of a prior, its codes decoded over"
    " a plane or from one example to another, codes as points, first weights, or explained variance.",
)
@click.option("--words", is_flag=True, help="List the words that a sentence may use.")
@json_option
def command(
    what: str | None,
    data: str | None,
    target: tuple[str, ...] | None,
    expand: bool,
    rewrite: bool,
    draw: Path | None,
    what_of: str | None,
    words: bool,
    as_json: bool,
) -> None:
    """Show WHAT: a sentence (as a table, if --on says for which data), a run's folder, or a model's."""
    if words == (what is not None):
        raise click.UsageError("name one thing to show: a sentence, a run's folder, or --words")
    of_run = what is not None and _names_folder(what)
    if draw is not None and data is None and not of_run:
        raise click.UsageError("--draw needs a sentence and, with --on, pictures")
    if (what_of is not None) != (draw is not None and of_run):
        raise click.UsageError("--of says what --draw draws of a run: give both with a run's folder, or neither")
    if (expand or rewrite) and (what is None or _names_folder(what)):
        raise click.UsageError("--expand and --rewrite are for sentences")
    if what is None:
        _words(as_json)
    elif draw is not None and what_of is not None:
        from lamina.command.drawn import draw as draw_run

        draw_run(Path(what), draw, what_of, data, as_json)
    elif _names_folder(what):
        _folder(Path(what), as_json)
    else:
        _sentence(what, data, target, expand, rewrite, draw, as_json)


def _names_folder(what: str) -> bool:
    """Whether a text is a path: one that is there, or one that looks like no sentence."""
    there = len(what) <= LONGEST_NAME and Path(what).is_dir()
    return there or ("/" in what and "(" not in what)


def _words(as_json: bool) -> None:
    from lamina.settings import described
    from lamina.views import Views
    from lamina.vocabulary import ATTENTIONS, ENDS, KINDS, OPTIMIZERS, RATES, STAGES
    from lamina.word import Word

    shelves: dict[str, tuple[type[Word], ...]] = {
        "stages": STAGES, "attention": ATTENTIONS, "ends": ENDS, "optimizers": OPTIMIZERS, "rates": RATES,
        "kinds": KINDS, "views": (Views,),
    }  # fmt: skip
    if as_json:
        listing = {
            shelf: {word.name(): {s.name: described(s.type) for s in word.settings()} for word in words}
            for shelf, words in shelves.items()
        }
        emit(listing)
        return
    for shelf, words in shelves.items():
        click.echo(f"{shelf}")
        for word in words:
            settings = [s.name if s.required else f"{s.name}={s.default}" for s in word.settings()]
            click.echo(f"  {word.name()}({', '.join(settings)})")
            click.echo(f"      {(word.__doc__ or '').strip().splitlines()[0]}")


def _folder(folder: Path, as_json: bool) -> None:
    from lamina.loading import load as load_model
    from lamina.loading import needs_code
    from lamina.metrics.said import in_words
    from lamina.model import DESCRIPTION
    from lamina.training.plan import FILE
    from lamina.training.result import Run

    if not (folder / FILE).is_file() and (folder / DESCRIPTION).is_file():
        net = load_model(folder).net
        if as_json:
            emit({"net": net.sentence(), "parameters": net.parameter_count(), "given": str(net.given)})
        else:
            click.echo(f"{net.sentence()}\n\n{net.table()}")
        return
    run = Run(folder)
    if as_json:
        emit(run.result or {"run": str(folder), "net": run.plan.net, "steps": run.steps_done()})
        return
    click.echo("\n".join(f"{name:<19}{value}" for name, value in run.plan.values().items() if value is not None))
    if not run.result:
        click.echo(f"\nnot ended: {run.steps_done():,} steps are logged; `lamina resume {folder}` goes on")
        return
    if not needs_code(run.folder):
        click.echo(f"\n{run.model().net.table()}")
    click.echo(f"\n{run.result['steps']:,} steps in {run.result['seconds']:.1f} s\ntest")
    click.echo("\n".join(measure_lines(run.test)))
    click.echo("".join(f"{line}\n" for line in baseline_lines(run.baseline)), nl=False)
    for sentence in in_words(run.test, run.baseline):
        click.echo(f"  {sentence}")


def read_sentence(text: str, dataset: Dataset | None) -> Stage:
    """The words of a net.

    Raises:
        SentenceError: naming every mistake; of words that are wrong also how their best guess fails to fit the data.
    """
    from lamina.errors import SentenceError, listed, shown
    from lamina.net import misfits
    from lamina.sentence import read_as
    from lamina.stage import Stage

    stage, mistakes = read_as(Stage, text)
    if mistakes and stage is not None and dataset is not None:
        mistakes = [*mistakes, *misfits(stage, dataset.inputs.kind, dataset.target.kind)]
    if mistakes or stage is None:
        raise SentenceError(listed(mistakes, f"{shown(text)} cannot be read"))
    return stage


def _sentence(
    text: str,
    data: str | None,
    target: tuple[str, ...] | None,
    expand: bool,
    rewrite: bool,
    draw: Path | None,
    as_json: bool,
) -> None:
    from lamina.data.named import load
    from lamina.net import build
    from lamina.nets.composition import expanded, named_nets
    from lamina.nets.shrinking import shrunk
    from lamina.rewrite import rewritten

    dataset = None if data is None else load(data, **({} if target is None else {"target": target}))
    stage = read_sentence(text, dataset)
    stage = expanded(stage) if expand else stage
    gains: tuple[str, ...] = ()
    net = None if dataset is None else build(stage, dataset.inputs.kind, dataset.target.kind)
    if rewrite:
        stage, gains = rewritten(stage, None if dataset is None else dataset.inputs.kind)
        net = None if dataset is None else build(stage, dataset.inputs.kind, dataset.target.kind)
    if net is not None and dataset is not None and draw is not None:
        from lamina.command.options import save_picture
        from lamina.report.augmented import augmented_sheet

        save_picture(augmented_sheet(dataset, net), draw)
    made_of = {str(part): str(expanded(part)) for part in named_nets(stage)}
    notes = [] if net is None else shrunk(net)
    if as_json:
        shown: dict[str, object] = {"net": str(stage)}
        if net is not None:
            rows = [row._asdict() for row in net.rows()]
            shown = {"net": net.sentence(), "parameters": net.parameter_count(), "stages": rows}
        more = {"expanded": made_of, "gains": gains, "notes": notes, "drawn": None if draw is None else str(draw)}
        emit(shown | {name: value for name, value in more.items() if value})
        return
    lines = [f"{stage}", "(--on DATA shows the table of kinds, parameters and multiply-adds)"]
    lines = lines if net is None else [net.sentence(), "", net.table()]
    lines += [f"{name} = {sentence}" for name, sentence in made_of.items()]
    if rewrite:
        lines += [f"gained: {gain}" for gain in gains] or ["gained: nothing; it is written as it should be"]
    drawn = [] if draw is None else [f"drawn: {draw}"]
    click.echo("\n".join([*lines, *notes, *drawn]))
