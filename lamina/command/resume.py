"""`lamina resume`."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.command.options import json_option
from lamina.progress import note

EPILOG = """
\b
Example:
  lamina train mnist --out runs/night --epochs 50
  kill -9 ...
  lamina resume runs/night
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@json_option
def command(run: Path, as_json: bool) -> None:
    """Go on with RUN, a run's folder, from its newest whole checkpoint.

    On the same machine with as many threads the weights come out bit for bit as if the run had not been stopped. (A
    --budget is time, so such a run goes on with the same samples, but not to the same bits.)
    """
    from lamina.command.train import tell
    from lamina.progress import shown
    from lamina.training.run import resume

    tell(resume(run, display=shown, say=note), as_json)
