"""Drawings of a trained net, for `lamina show RUN --draw`."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.command.options import emit, save_picture


def draw(run: Path, out: Path, what: str, data: str | None, as_json: bool) -> None:
    """Write one drawing of the net of a run.

    Args:
        run: the run's folder, or a model's.
        out: the picture.
        what: which drawing.
        data: whose examples are shown; None for the test part of what the run was trained on.
    """
    import torch

    from lamina.loading import load as load_model
    from lamina.report.drawings import WITHOUT_DATA, Subject
    from lamina.training.data import ARRAYS, run_of, test_rows
    from lamina.training.further import data_on
    from lamina.training.plan import read_plan

    model, whole = load_model(run), run_of(run)
    if data is None and whole is not None and what not in WITHOUT_DATA:
        data = read_plan(whole).data
    if what not in WITHOUT_DATA and data in (None, ARRAYS):
        raise click.UsageError(f"--of {what} shows examples: name the data that they are taken of with --on")
    dataset = None if data is None else data_on(model, run, data)
    rows = torch.zeros(0, dtype=torch.int64) if dataset is None else test_rows(run, dataset)
    save_picture(Subject(model.net, dataset, rows).drawn(what), out)
    if as_json:
        emit({"run": str(run), "of": what, "drawn": str(out)})
    else:
        click.echo(f"drawn: {out}")
