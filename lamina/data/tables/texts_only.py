"""A table of which nothing is left to predict from, or nothing but texts."""

from __future__ import annotations

from lamina.data.tables.profile import Profile
from lamina.data.tables.reading import Reading
from lamina.errors import DataError, shown


class TextsOnly(DataError):
    """Of a table no column is left to predict from but texts, which are for a model of texts.

    Args:
        name: what the user called the table.
        columns: of texts.
        target: the columns to be predicted.
    """

    def __init__(self, name: str, columns: tuple[str, ...], target: tuple[str, ...]) -> None:
        one = f"{columns[-1]}=text"
        super().__init__(
            f"{name}: no column is left to predict {' and '.join(target)} from but the texts {', '.join(columns)}; "
            f"name the one to read, as with --kind {shown(one)}, or two that are pairs"
        )
        self.columns = columns

    def alone(self, reading: Reading) -> Reading:
        """A reading that names the one column of texts, or the two of pairs.

        Raises:
            TextsOnly: if there are more.
        """
        if len(self.columns) > 2:
            raise self
        texts = [f"{column}=text" for column in self.columns]
        others = [said for said in reading.kinds if said not in texts]
        return Reading(**{**reading.values(), "kinds": (*others, *texts)})


def nothing_left(name: str, found: dict[str, Profile], reading: Reading) -> DataError:
    """What to say of a table of which no column is left to predict from but texts."""
    said = [name for name, kind in reading.said().items() if kind == "text"]
    texts = said or [each for each, profile in found.items() if profile.kind == "text" and each not in reading.target]
    if texts:
        return TextsOnly(name, tuple(texts), reading.target)
    target = f" {' and '.join(reading.target)}" if reading.target else ""
    return DataError(
        f"{name}: no column is left to predict{target} from; `lamina data` says"
        " why each was left out, and --kind COLUMN=KIND overrules"
    )
