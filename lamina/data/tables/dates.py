"""Dates as people write them, as seconds since 1970, and the numbers that they are taken apart into."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

DAY = 86_400.0
YEAR = 365.2425
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
LIKE_A_DATE = re.compile(
    r"[0-9]{1,4}([/. -])(?:[0-9]{1,2}|[A-Za-z]{3,9})\1[0-9]{2,4}\b|[A-Za-z]{3,9} [0-9]{1,2},? [0-9]{4}\b"
)
DAYS = (
    *("%Y/%m/%d", "%Y.%m.%d", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d.%m.%Y"),
    *("%d-%b-%Y", "%d %b %Y", "%d/%b/%Y", "%b %d, %Y", "%b %d %Y"),
    *("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y"),
)
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FEW = 64
"""So many words are tried first when it is found out how dates are written."""


class Guess(NamedTuple):
    """How dates seem to be written: as in `strptime`, "" for ISO 8601; and the other way, if both fit."""

    written: str
    moments: NDArray[np.float64]
    otherwise: str | None


def guess(words: Sequence[str]) -> Guess | None:
    """How these words are written, if all of them are dates; month first where day first would do as well."""
    if not words:
        return None
    if ISO.fullmatch(words[0]):
        found = moments(words, "")
        return None if np.isnan(found).any() else Guess("", found, None)
    if not LIKE_A_DATE.match(words[0]):
        return None
    fitting: list[tuple[str, NDArray[np.float64]]] = []
    for written in (day + time for day in DAYS for time in TIMES):
        if np.isnan(moments(words[:FEW], written)).any():
            continue
        found = moments(words, written)
        if not np.isnan(found).any():
            fitting.append((written, found))
    if not fitting:
        return None
    return Guess(*fitting[0], otherwise=fitting[1][0] if len(fitting) > 1 else None)


def nearly(words: Sequence[str]) -> str | None:
    """How most of these words are written, if most are dates; some of the first words speak for all."""
    few = words[:FEW]
    if sum(bool(ISO.fullmatch(word)) for word in few) > len(few) / 2:
        return ""
    if sum(bool(LIKE_A_DATE.match(word)) for word in few) <= len(few) / 2:
        return None
    written = (day + time for day in DAYS for time in TIMES)
    return max(written, key=lambda one: int((~np.isnan(moments(few, one))).sum()))


def moments(words: Sequence[str], written: str) -> NDArray[np.float64]:
    """Seconds since 1970 of each word; NaN where it is no date written that way.

    Args:
        words: the dates.
        written: how, as in `strptime`; "" for ISO 8601. Times without a zone are taken as they stand.
    """
    return _iso(words) if written == "" else _written(words, written)


def seconds_of(array: pa.Array) -> NDArray[np.float64]:
    """Seconds since 1970 of dates or timestamps; NaN where there is none."""
    whole = array.cast(pa.timestamp("us"), safe=False) if not pa.types.is_timestamp(array.type) else array
    ticks = whole.cast(pa.timestamp("us", whole.type.tz), safe=False).cast(pa.int64())
    seconds: NDArray[np.float64] = ticks.fill_null(0).to_numpy(zero_copy_only=False) / 1e6
    if array.null_count:
        seconds[array.is_null().to_numpy(zero_copy_only=False)] = math.nan
    return seconds


def _iso(words: Sequence[str]) -> NDArray[np.float64]:
    found = [ISO.fullmatch(word) for word in words]
    seconds = np.full(len(words), math.nan)
    for zoned, zone in ((False, None), (True, "UTC")):
        places = [place for place, match in enumerate(found) if match and (match[1] is not None) == zoned]
        # Arrow knows no more than six digits of a second.
        texts = [re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", words[place]) for place in places]
        try:
            seconds[places] = seconds_of(pa.array(texts, pa.string()).cast(pa.timestamp("us", zone)))
        except pa.ArrowInvalid:  # one of them is no day of the calendar
            seconds[places] = [_second(text, "") for text in texts]
    return seconds


def _written(words: Sequence[str], written: str) -> NDArray[np.float64]:
    if "%f" in written or "%z" in written or "%Z" in written:  # arrow reads none of these
        return np.array([_second(word, written) for word in words], np.float64)
    parsed = pc.strptime(pa.array(words, pa.string()), format=written, unit="us", error_is_null=True)
    seconds = seconds_of(parsed)
    # Arrow takes 31 February for 2 March, and 24 for the year 24: look again where that may have been.
    days = parsed.cast(pa.date32())
    doubtful = pc.or_(pc.less(pc.day(days), 4), pc.less(pc.year(days), 1000)).fill_null(False)
    for place in np.flatnonzero(doubtful.to_numpy(zero_copy_only=False)).tolist():
        second = _second(words[place], written)
        seconds[place] = _second(words[place], written.replace("%b", "%B")) if math.isnan(second) else second
    return seconds


def _second(word: str, written: str) -> float:
    try:
        moment = datetime.strptime(word, written) if written else datetime.fromisoformat(word)
    except ValueError:
        return math.nan
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH).total_seconds()


def parts_that_vary(seconds: NDArray[np.float64]) -> tuple[str, ...]:
    """What of these moments is worth knowing: the parts of `Date` that differ between them."""
    seconds = seconds[~np.isnan(seconds)]
    parts = ["days"]
    if not len(seconds):
        return tuple(parts)
    if seconds.max() - seconds.min() > YEAR / 6 * DAY:
        parts.append("year")
    times = seconds % DAY
    if times.max() - times.min() > 1:
        parts.append("day")
    days = np.floor(seconds / DAY)
    if len(np.unique(days % 7)) > 1:
        parts.append("weekday")
    return tuple(parts)


def taken_apart(seconds: NDArray[np.float64], part: str) -> list[NDArray[np.float64]]:
    """The numbers of a part of `Date`; NaN where there is no moment. The weekday is counted from Monday, 0."""
    days = seconds / DAY
    if part == "days":
        return [days]
    if part == "weekday":
        return [(np.floor(days) + 3) % 7]  # 1970 began on a Thursday
    if part == "day":
        turns = days % 1
    else:
        known = ~np.isnan(days)
        whole = np.zeros(len(days), "datetime64[D]")
        whole[known] = np.floor(days[known]).astype(np.int64).astype("datetime64[D]")
        years = whole.astype("datetime64[Y]")
        starts = years.astype("datetime64[D]").astype(np.int64)
        ends = (years + 1).astype("datetime64[D]").astype(np.int64)
        turns = (days - starts) / (ends - starts)
    return [np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)]


def example(written: str) -> str:
    """A day written like this."""
    return datetime(2024, 12, 31, 18, 30, tzinfo=UTC).strftime(written or "%Y-%m-%d")


def text(seconds: float, written: str = "") -> str:
    """A moment as people write it; without the time if that is midnight."""
    moment = EPOCH + timedelta(seconds=seconds)
    if written:
        return moment.strftime(written)
    return moment.replace(tzinfo=None).isoformat(" ").removesuffix(" 00:00:00")
