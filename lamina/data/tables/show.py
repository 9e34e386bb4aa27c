"""What a table holds, as text for people and as a dict for programs, before anything is trained."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.data.tables.printed import cut, padded, printable, spread
from lamina.data.tables.profile import Profile

WIDTH = 100
MOST_COLUMNS = 60
MOST_MESSAGES = 10
NAME_WIDTH, VALUES_WIDTH, LEAST_ROOM = 24, 44, 16
MOST_OF_VALUE = 20
HEAD = ("column", "kind", "blanks", "values", "why")
LEFT_OUT = "left out"
UNITS = ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Summary:
    """What is known of a table before anything is trained.

    Attributes:
        name: what the user called it.
        rows: how many there are.
        size: bytes it takes on disk; 0 for what is in memory.
        profiles: of all columns, in their order.
        target: the names of the columns to be predicted.
        notes: how it was read.
        skipped: rows that were left out since they cannot be read.
        findings: what to beware of, and what the target was taken for.
    """

    name: str
    rows: int
    size: int
    profiles: dict[str, Profile]
    target: tuple[str, ...] = ()
    notes: Sequence[str] = ()
    skipped: Sequence[str] = ()
    findings: Sequence[str] = ()


def profile_text(summary: Summary, width: int = WIDTH) -> str:
    """A summary for people: a head, a line a column, and what to beware of.

    Args:
        summary: what to tell.
        width: of the terminal. Lines are cut to it, sentences are broken.
    """
    told = _told(summary)
    others = [profile for name, profile in summary.profiles.items() if name not in told]
    lines = [_headline(summary)]
    lines += _sentences(summary.notes, "  ", width)
    if summary.skipped:
        lines.append(f"  left out, since they cannot be read: {_counted(len(summary.skipped), 'row')}")
        lines += _sentences(_first(summary.skipped), "    ", width)
    lines += ["", *_table([summary.profiles[name] for name in told], summary.target, width)]
    if others:
        lines += _sentences([f"and {len(others):,} more: {_by_kind(others)}"], "", width)
    warnings = [f"{profile.name}: {text}" for profile in summary.profiles.values() for text in profile.warnings]
    if warnings or summary.findings:
        lines += ["", *_sentences([*_first(warnings), *summary.findings], "", width)]
    return "\n".join(line.rstrip() for line in lines)


def _told(summary: Summary) -> list[str]:
    """The columns that have a line: the first, and those to be predicted wherever they stand."""
    others = [name for name in summary.profiles if name not in summary.target]
    chosen = {*others[: MOST_COLUMNS - len(summary.target)], *summary.target}
    return [name for name in summary.profiles if name in chosen]


def _headline(summary: Summary) -> str:
    columns = len(summary.profiles)
    parts = [_counted(summary.rows, "row"), _counted(columns, "column")]
    return f"{printable(summary.name)}: {', '.join([*parts, size_text(summary.size)] if summary.size else parts)}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _sentences(texts: Sequence[str], indent: str, width: int) -> list[str]:
    lines = []
    for text in texts:
        lines += textwrap.wrap(
            printable(text), max(width, LEAST_ROOM), initial_indent=indent, subsequent_indent=indent + "  "
        )
    return lines


def _first(texts: Sequence[str]) -> list[str]:
    more = len(texts) - MOST_MESSAGES
    return [*texts[:MOST_MESSAGES], *([f"and {more:,} more"] if more > 0 else [])]


def _by_kind(profiles: Sequence[Profile]) -> str:
    counts = Counter(LEFT_OUT if profile.field is None else profile.kind for profile in profiles)
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common())


def _table(profiles: Sequence[Profile], target: Sequence[str], width: int) -> list[str]:
    """A line a column under a head, and one more where there is no room for why it is what it is."""
    rows = [HEAD, *(tuple(map(printable, _cells(profile, target))) for profile in profiles)]
    widths = [max(spread(row[place]) for row in rows) for place in range(3)]
    widths[0] = min(widths[0], NAME_WIDTH, width // 4)
    room = max(LEAST_ROOM, width - sum(widths) - 2 * len(widths))
    # A column that is left out tells why in place of its values, and needs no two columns.
    room_of_values = min(room - LEAST_ROOM, VALUES_WIDTH, max(spread(row[3]) for row in rows if row[4]))
    lines = []
    for *cells, values, why in rows:
        line = "".join(padded(cut(cell, place), place) + "  " for cell, place in zip(cells, widths, strict=True))
        if not why or room_of_values + 2 + spread(why) > room:
            lines.append(line + cut(values, room))
            lines += [" " * spread(line) + cut(why, room)] if why else []
        else:
            lines.append(f"{line}{padded(cut(values, room_of_values), room_of_values)}  {why}")
    return [lines[0], "-" * max(map(spread, lines)), *lines[1:]]


def _cells(profile: Profile, target: Sequence[str]) -> tuple[str, ...]:
    kind, blanks = kind_text(profile, target), blanks_text(profile)
    if kind == LEFT_OUT:
        return profile.name, kind, blanks, profile.reason.replace(f": {LEFT_OUT}", ""), ""
    # How many values a category has is told beside them.
    counted = profile.distinct is not None and profile.reason.startswith(f"{profile.distinct:,} distinct")
    return profile.name, kind, blanks, values_text(profile), "" if counted else profile.reason


def kind_text(profile: Profile, target: Sequence[str] = ()) -> str:
    """What a column is taken for."""
    if profile.name in target:
        return "target"
    return profile.kind if profile.field is not None else LEFT_OUT


def blanks_text(profile: Profile) -> str:
    """How many cells are blank, and which share; nothing where none is."""
    if not profile.blanks:
        return ""
    return f"{profile.blanks:,} ({share_text(profile.blanks, profile.rows)})"


def share_text(part: int, whole: int) -> str:
    """A share in per cent that shows 0 and 100 only where it is that."""
    share = 100 * part / max(1, whole)
    if 0 < share < 0.1:
        return "<0.1%"
    if 99.9 < share < 100:
        return ">99.9%"
    return f"{share:.1f}%" if 0 < share < 9.95 or 99.5 <= share < 100 else f"{share:.0f}%"


def values_text(profile: Profile) -> str:
    """The range of numbers and dates; the commonest of several values."""
    if profile.kind in ("number", "date") and profile.low is not None and profile.high is not None:
        if profile.kind == "date":
            return f"{date_text(profile.low)}..{date_text(profile.high)}"
        mean = "" if profile.mean is None else f", mean {number_text(profile.mean)}"
        return f"{number_text(profile.low)}..{number_text(profile.high)}{mean}"
    count = _counted(profile.distinct, "value") if profile.distinct is not None else ""
    if not profile.top or profile.top[0][1] <= 1:
        return count
    held = profile.rows - profile.blanks
    shares = [f"{cut(printable(value), MOST_OF_VALUE)} {share_text(cells, held)}" for value, cells in profile.top]
    text = f"{count}: {shares[0]}" if count and profile.kind != "boolean" else shares[0]
    for share in shares[1:]:
        if spread(f"{text}, {share}") > VALUES_WIDTH:
            break
        text += f", {share}"
    return text


def number_text(number: float) -> str:
    """A number with four or five digits that matter, thousands parted."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    if 1_000 <= abs(number) < 1e12:
        return f"{number:,.0f}"
    return f"{number:.4g}"


def date_text(seconds: float) -> str:
    """A moment since 1970, as a day where it is midnight."""
    if not math.isfinite(seconds):
        return "?"
    moment = np.datetime64(math.floor(seconds), "s")
    return str(moment.astype("datetime64[D]") if moment == moment.astype("datetime64[D]") else moment)


def size_text(size: float) -> str:
    """Bytes in the largest unit that leaves a number of at least 1."""
    unit = 0
    while size >= 1_000 and unit < len(UNITS) - 1:
        size, unit = size / 1_000, unit + 1
    return f"{size:,.0f} {UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {UNITS[unit]}"


def profile_json(summary: Summary) -> dict[str, Any]:
    """A summary for programs: numbers as they are, and null for those that are not finite."""
    return {
        "name": summary.name,
        "rows": summary.rows,
        "bytes": summary.size,
        "columns": [_column(profile, summary.target) for profile in summary.profiles.values()],
        "target": list(summary.target),
        "notes": list(summary.notes),
        "skipped": list(summary.skipped),
        "findings": list(summary.findings),
    }


def _column(profile: Profile, target: Sequence[str]) -> dict[str, Any]:
    numbers = {name: getattr(profile, name) for name in ("low", "high", "mean", "deviation")}
    return {
        "name": profile.name,
        "kind": profile.kind,
        "used": profile.field is not None and profile.name not in target,
        "reason": profile.reason,
        "blanks": profile.blanks,
        "distinct": profile.distinct,
        **{name: number if number is not None and math.isfinite(number) else None for name, number in numbers.items()},
        "top": [{"value": value, "count": count} for value, count in profile.top],
        "histogram": list(profile.histogram),
        "warnings": list(profile.warnings),
        "field": None if profile.field is None else str(profile.field),
    }
