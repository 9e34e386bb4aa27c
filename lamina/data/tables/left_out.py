"""Rows that cannot be read: left out as far as the user allows, else a mistake."""

from __future__ import annotations

from lamina.errors import DataError, listed

SHOWN_ROWS = 5


class LeftOut:
    """The rows of one file that are left out.

    Attributes:
        messages: what is wrong with each.
    """

    def __init__(self, name: str, allowed: int) -> None:
        self.messages: list[str] = []
        self._name, self._allowed = name, allowed
        self._rows: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def enough(self) -> int:
        """So many more need not be told apart: then it is a mistake, and a few are shown."""
        return self._allowed - len(self) + SHOWN_ROWS

    def add(self, row: int, message: str) -> None:
        """Leave out a row, counted over all that stand in the file."""
        self._rows.append(row)
        self.messages.append(message)

    def check(self) -> None:
        """Refuse the file if more had to be left out than is allowed."""
        count = len(self)
        if count <= self._allowed:
            return
        if count == 1:
            raise DataError(f"{self.messages[0]}; mend the line, or leave such rows out with --skip-bad 1")
        raise DataError(
            listed(
                self.messages[:SHOWN_ROWS],
                f"{self._name}: at least {count} rows cannot be read; mend them, or leave them out with "
                f"--skip-bad {count} or more",
            )
        )

    def place(self, row: int) -> int:
        """The place in the file of a row that is counted without those left out."""
        for left_out in self._rows:
            row += left_out <= row
        return row
