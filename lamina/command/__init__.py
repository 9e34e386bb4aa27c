"""The command `lamina`. Each verb is a file of this folder, imported when it is asked for: help needs no torch."""

from __future__ import annotations

import importlib
import os
import sys

import click

from lamina import __version__

VERBS = {
    "train": "Train a net on data; everything goes into a run's folder.",
    "resume": "Go on with a run that was stopped, exactly as if it had not been.",
    "evaluate": "Measure a trained net on data.",
    "predict": "Predict each row of a file or of standard input.",
    "write": "Go on with a text, as a language model would.",
    "fill": "Say which words a masked language model would put into the gaps of a text.",
    "translate": "Write what a model of pairs of texts answers to each line.",
    "answer": "Answer questions about a passage by a stretch of it.",
    "embed": "Turn texts into vectors, or find those that are nearest to a query.",
    "encode": "Turn each row into its code: what a net makes of it before its end.",
    "reconstruct": "Give rows back by an autoencoder, with the error of each.",
    "sample": "Make up examples by a variational autoencoder.",
    "show": "Show a sentence as a table, a run, a model, or the words there are.",
    "import": "Make a model of the weights of another system, such as torchvision's ResNet.",
    "export": "Write a model of texts as the folder that other systems read.",
    "data": "List the named sets of data, or describe one.",
}

EXAMPLES = """
\b
Examples:
  lamina train digits
  lamina train mnist --net 'Flatten() >> Dense(512) >> ReLU() >> Classify()' --budget 60s
  lamina predict runs/digits-1 digits --format json
"""


class Verbs(click.Group):
    """The verbs, each loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = "import_" if cmd_name == "import" else cmd_name  # Python's own word
        command = importlib.import_module(f"lamina.command.{module}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lamina")
def lamina() -> None:
    """Deep learning in sentences: a net is a chain of stages, trained on your data by one exact, restartable loop."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command, on the process's arguments if none are given. A user's mistake is a message and exit code 2."""
    from lamina.errors import LaminaError

    try:
        lamina.main(arguments, prog_name="lamina", standalone_mode=False)
        sys.stdout.flush()
    except LaminaError as error:
        click.echo(f"lamina: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 2))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever reads the output has had enough; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"lamina: {where}{error.strerror or error}", err=True)
        sys.exit(2)
