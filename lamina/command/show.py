"""`lamina show`."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.command.options import commas, emit, json_option, measure_lines

EPILOG = """
\b
Examples:
  lamina show 'Flatten() >> Dense(64) >> ReLU() >> Classify()' --on digits
  lamina show runs/digits-1
  lamina show --words
"""


LONGEST_NAME = 255
"""Of a file; a sentence may be longer."""


@click.command(epilog=EPILOG)
@click.argument("what", required=False)
@click.option("--on", "data", metavar="DATA", help="The data that a sentence is built for.")
@click.option("--target", multiple=True, callback=commas, metavar="C", help="What to predict, where DATA is a table.")
@click.option("--words", is_flag=True, help="List the words that a sentence may use.")
@json_option
def command(what: str | None, data: str | None, target: tuple[str, ...] | None, words: bool, as_json: bool) -> None:
    """Show WHAT: a sentence (as a table, if --on says for which data), a run's folder, or a model's."""
    if words == (what is not None):
        raise click.UsageError("name one thing to show: a sentence, a run's folder, or --words")
    if what is None:
        _words(as_json)
    elif _names_folder(what):
        _folder(Path(what), as_json)
    else:
        _sentence(what, data, target, as_json)


def _names_folder(what: str) -> bool:
    """Whether a text is a path: one that is there, or one that looks like no sentence."""
    there = len(what) <= LONGEST_NAME and Path(what).is_dir()
    return there or ("/" in what and "(" not in what)


def _words(as_json: bool) -> None:
    from lamina.settings import described
    from lamina.vocabulary import ENDS, KINDS, OPTIMIZERS, RATES, STAGES

    shelves = {"stages": STAGES, "ends": ENDS, "optimizers": OPTIMIZERS, "rates": RATES, "kinds": KINDS}
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
    from lamina.model import DESCRIPTION, needs_code
    from lamina.model import load as load_model
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
    for name, measures in run.baseline.items():
        click.echo(f"  baseline {name}: {next(iter(measures))} {next(iter(measures.values()))}")


def _sentence(text: str, data: str | None, target: tuple[str, ...] | None, as_json: bool) -> None:
    from lamina.net import build
    from lamina.sentence import parse

    stage = parse(text)
    if data is None:
        if as_json:
            emit({"net": str(stage)})
        else:
            click.echo(f"{stage}\n(--on DATA shows the table of kinds, parameters and multiply-adds)")
        return
    from lamina.data.named import load

    dataset = load(data, **({} if target is None else {"target": target}))
    net = build(stage, dataset.inputs.kind, dataset.target.kind)
    if as_json:
        rows = [row._asdict() for row in net.rows()]
        emit({"net": net.sentence(), "parameters": net.parameter_count(), "stages": rows})
    else:
        click.echo(f"{net.sentence()}\n\n{net.table()}")
