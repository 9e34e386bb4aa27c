"""What a trained net is good for: the command that uses it, by how its sentence ends."""

from __future__ import annotations

from typing import NamedTuple


class Use(NamedTuple):
    """A use of a model.

    Attributes:
        what: what the command does, for people.
        command: the line, with `{run}` for the run's folder.
        writes: whether it writes texts, where others predict.
    """

    what: str
    command: str
    writes: bool = False


USES = {
    "FillIn(": Use("what is missing, filled in", "lamina fill {run} 'Some [MASK] text'"),
    "PointTo(": Use("questions about a passage, answered", "lamina answer {run} --passage FILE --question TEXT"),
    "Reconstruct(": Use("the code of each row of a file", "lamina encode {run} FILE"),
    "NextToken(": Use("a text, gone on with", "lamina write {run} --prompt TEXT", writes=True),
    "Write(": Use("the lines of a file, answered", "lamina translate {run} < FILE", writes=True),
}
"""By the end of a net."""

PREDICT = Use("the rows of a file, predicted", "lamina predict {run} FILE")


def use_of(net: str) -> Use:
    """The use of a net, a sentence.

    >>> use_of("PCA(5) >> Reconstruct()").command.format(run="runs/iris-1")
    'lamina encode runs/iris-1 FILE'
    """
    return next((use for end, use in USES.items() if end in net), PREDICT)
