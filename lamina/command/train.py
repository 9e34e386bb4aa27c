"""`lamina train`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamina.command.options import (
    Duration,
    ShareOrFile,
    Shares,
    Stages,
    baseline_lines,
    emit,
    json_option,
    measure_lines,
    reading_options,
    share_or_files,
    signed,
)
from lamina.progress import note

if TYPE_CHECKING:
    from lamina.data.dataset import Dataset
    from lamina.training.result import Run

REPORT = "report.html"

EPILOG = """
\b
Examples:
  lamina train digits
  lamina train mnist --net 'Flatten() >> Dense(512) >> ReLU() >> Classify()' --epochs 5
  lamina train mnist --optimizer 'SGD(cosine(0.1, warmup=100), momentum=0.9, nesterov=True)' --budget 60s
  lamina train iris --seeds 3 --json
  lamina train iris --folds 5
  lamina train houses.csv --target price
  lamina train sales-*.parquet --target revenue --time day --kind zip=category
  lamina train load.csv --horizon 24
  lamina train photos/ --size 48x64 --fit pad --skip-bad 5
  lamina train photos/ --from models/resnet18 --freeze body
  lamina train mnist --net 'Flatten() >> Dense(1000) >> ReLU() >> Classify()' --pretrain layerwise --labels 100
  lamina train book.txt
  lamina train squad.json --from models/bert --precision bfloat16
  lamina train train.de train.en --net 'Embed(256) >> BiLSTM(256) >> Write(LSTM(256), attend=Additive(256))'
  lamina train runs/iris-1/run.toml --seed 1
"""

LENGTHS = {"epochs", "steps", "budget_seconds"}


@click.command(epilog=EPILOG)
@click.argument("data", nargs=-1, required=True)
@reading_options
@click.option("--net", metavar="SENTENCE", help="The net; without it, one that suits the data is chosen and shown.")
@click.option(
    "--as-written",
    "rewrite",
    is_flag=True,
    flag_value=False,
    default=None,
    help="Train the net exactly as it is written.",
)
@click.option("--optimizer", metavar="SENTENCE", help="The optimizer with its rate.  [default: AdamW with a cosine]")
@click.option("--epochs", type=int, metavar="N", help="Passes over the training data.")
@click.option("--steps", type=int, metavar="N", help="Updates.")
@click.option("--budget", "budget_seconds", type=Duration(), help="Time, such as 60s or 10m; schedules end with it.")
@click.option("--batch", type=int, metavar="N", help="The most examples in an update.")
@click.option("--batch-tokens", type=int, metavar="N", help="Of texts, the most positions in an update.")
@click.option("--carry/--no-carry", default=None, help="Whether batches of a text go on in the state before.")
@click.option("--seed", type=int, metavar="N", help="First weights, order and noise follow from it.  [default: 0]")
@click.option("--seeds", type=int, metavar="K", help="Train K times, with seeds one apart; runs go into OUT/seed-N.")
@click.option("--folds", type=int, metavar="K", help="Test on each of K parts in turn; runs go into OUT/fold-N.")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/DATA-N]")
@click.option("--patience", type=int, metavar="N", help="Stop after N epochs without a better validation loss.")
@click.option("--average", type=float, metavar="D", help="Keep a running average of the weights, with this decay.")
@click.option("--clip", type=float, metavar="L", help="The greatest length of the gradient.")
@click.option("--parts", type=int, metavar="N", help="Cut each batch into N pieces to save memory.")
@click.option("--nonfinite", help="On a loss that is no number: stop, skip or rollback.  [default: stop]")
@click.option("--checkpoint", "checkpoint_seconds", type=Duration(), help="Time between checkpoints.  [default: 30s]")
@click.option(
    "--valid",
    type=ShareOrFile(),
    multiple=True,
    callback=share_or_files,
    help="The share of the data that validates, or a file of texts that do.  [default: 0.1; of a long text 0.05]",
)
@click.option(
    "--test",
    type=ShareOrFile(),
    multiple=True,
    callback=share_or_files,
    help="The share that tests, or a file that does (of pairs in two files, two).  [default: 0.2; of a long text 0.05]",
)
@click.option("--split", type=Shares(), help="Instead of both: shares such as 0.8/0.1/0.1.")
@click.option("--group", metavar="C", help="Rows that share the value of column C stay on one side of the split.")
@click.option("--time", metavar="C", help="Split by column C: the past trains, the future tests.")
@click.option("--from", "start", metavar="FOLDER", help="Start from the weights of this run or model.")
@click.option("--freeze", type=Stages(), help="What of them stays as it is: body, or its first N stages.")
@click.option("--body-rate", type=float, metavar="F", help="Their rate, as a share of that of the rest.  [default: 1]")
@click.option("--labels", type=int, metavar="N", help="Train on so few rows of the training part, of each class alike.")
@click.option("--pretrain", metavar="HOW", help="layerwise: first train its layers in turn, without labels.")
@click.option("--pretrain-with", metavar="WHAT", help="A layer as autoencoder or rbm.  [default: autoencoder]")
@click.option("--pretrain-epochs", type=int, metavar="N", help="Passes for each layer.  [default: 10]")
@click.option("--pretrain-batch", type=int, metavar="N", help="The most examples in an update of a layer.")
@click.option("--pretrain-noise", type=float, metavar="S", help="The share that is blanked out.  [default: 0.3]")
@click.option(
    "--pretrain-optimizer", metavar="SENTENCE", help="Of the layers.  [default: what suits autoencoders, or machines]"
)
@click.option("--layer-decay", type=float, metavar="F", help="The rate of a layer of theirs, of the one above it: 0.9.")
@click.option("--unfreeze", type=float, metavar="E", help="One more layer of theirs learns every E epochs, from above.")
@click.option("--views", metavar="SENTENCE", help="Views of a picture to average when testing: 'Views(shift=1)'.")
@click.option("--precision", metavar="P", help="Of products of matrices: float32 or bfloat16.  [default: float32]")
@click.option("--device", help="auto, cpu, cuda, ...  [default: auto]")
@click.option("--threads", type=int, metavar="N", help="Threads of the CPU.  [default: as many as pay]")
@json_option
def command(
    data: tuple[str, ...], seeds: int | None, folds: int | None, out: Path | None, as_json: bool, **said: Any
) -> None:
    """Train a net on DATA: a named set (`lamina data` lists them), pictures, a table, IDX files, or an .npz file.

    Pictures lie in a folder with a folder for each class, perhaps within train/ and test/; or a table lists their paths
    and classes. They are brought to one --size.

    A text is a .txt or .md file, of which each token is predicted from those before; pairs of texts are a .tsv file of
    two columns, or two files of as many lines, of which the second is written by what the first says.

    A series is a table with a --horizon: all its columns of numbers are forecast, or those of --target.

    A table is a .csv, .tsv, .txt, .parquet or .jsonl file, packed (.gz, .zst) or not, or several of one kind; it needs
    --target. Where DATA is a run.toml, what it says is done again; options go before it.

    The run's folder gets the plan (run.toml), a log of every step, checkpoints, and the model. A run that was stopped,
    even by kill -9, goes on exactly with `lamina resume`.
    """
    from lamina.defaults import default_net
    from lamina.progress import shown
    from lamina.training.folds import train_folds
    from lamina.training.seeds import train_seeds

    dataset, settings = asked_for(
        data, seeds, folds, {name: value for name, value in said.items() if value is not None}
    )
    net = settings.pop("net", None)
    chosen = default_net(dataset) if net is None and "start" not in settings else None
    several = partial(train_seeds, seeds=seeds or 1) if folds is None else partial(train_folds, folds=folds)
    runs = several(
        net,
        dataset,
        out=out,
        display=partial(shown, reason=chosen.reason if chosen else None),
        say=note,
        **settings,
    )
    if seeds is None and folds is None:
        tell(runs.runs[0], as_json)
    elif as_json:
        emit(runs.summary())
    else:
        click.echo(str(runs))


def asked_for(
    data: tuple[str, ...], seeds: int | None, folds: int | None, settings: dict[str, Any]
) -> tuple[Dataset, dict[str, Any]]:
    """The dataset that is meant, and the settings that do not say how it is read."""
    from lamina.data.split import fingerprint
    from lamina.errors import RunError
    from lamina.training.data import data_for
    from lamina.training.plan import noted_in

    if seeds is not None and folds is not None:
        raise RunError(f"give one of --seeds and --folds, got --seeds {seeds} and --folds {folds}")
    if seeds is not None and seeds < 1:
        raise RunError(f"seeds must be at least 1, got seeds={seeds}")
    if "split" in settings:
        if settings.keys() & {"valid", "test"}:
            raise RunError("--split says what --valid and --test would; give it alone")
        settings["valid"], settings["test"] = settings.pop("split")
    first, *files = data
    if files:
        settings["files"] = tuple(files)
    if Path(first).suffix != ".toml":
        return data_for(first, settings, note)
    was = noted_in(Path(first), "dataset").get("fingerprint")
    dataset, settings = data_for(*again(Path(first), settings), note)
    if was is not None and was != fingerprint(dataset):
        note(f"{dataset.name} is not what it was when {first} was written: this is not the same run again")
    # Which fold a run was is not asked for again where all of them are.
    return dataset, {name: value for name, value in settings.items() if folds is None or name not in ("fold", "folds")}


def again(toml: Path, settings: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The data of a plan in a file, and its settings where nothing else is asked for."""
    from lamina.errors import DataError
    from lamina.training.data import ARRAYS
    from lamina.training.kept_reading import reading_in
    from lamina.training.plan import plan_in

    plan = plan_in(toml)
    # A length that is asked for takes the place of the plan's, whichever that was.
    passed_over = LENGTHS if settings.keys() & LENGTHS else set()
    defaults = {setting.name: setting.default for setting in plan.settings()}
    known = {n: value for n, value in plan.values().items() if value != defaults[n] and n not in passed_over}
    settings = known | reading_in(toml) | settings
    data = settings.pop("data")
    if data == ARRAYS:
        raise DataError(f"{toml}: that run was trained on arrays; train it from Python, where they are")
    return data, settings


def tell(run: Run, as_json: bool) -> None:
    """Print what a run came to."""
    from lamina.metrics.said import in_words
    from lamina.uses import use_of

    if as_json:
        emit(run.result)
        return
    for number, layer in enumerate(run.result.get("pretrained", ()), start=1):
        (name, measure), *_ = layer["valid"].items()
        click.echo(f"layer {number}  {layer['layer']}: {name} {measure['value']:.4g}")
    click.echo("test")
    click.echo("\n".join(measure_lines(run.test)))
    click.echo("".join(f"{line}\n" for line in signed(run.result)), nl=False)
    if "bleu" in run.test:
        click.echo(f"  (answers of a beam: lamina evaluate {run.folder} DATA)")
    click.echo("".join(f"{line}\n" for line in baseline_lines(run.baseline)), nl=False)
    for sentence in in_words(run.test, run.baseline):
        click.echo(f"  {sentence}")
    if "interval" in run.result:
        click.echo(f"intervals for 90 % hold {run.result['interval']['held']:.1%} of the test part")
    click.echo(f"model: {run.folder / 'model'}  (use it: {use_of(run.plan.net).command.format(run=run.folder)})")
    if (run.folder / REPORT).is_file():
        click.echo(f"report: {run.folder / REPORT}")
