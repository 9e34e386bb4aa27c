"""The size that pictures of many sizes are brought to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from lamina.data.pictures.decode import Size
from lamina.data.pictures.frame import Frame
from lamina.data.pictures.reading import Fit, PictureReading

LARGEST_AS_IS = 128
"""Pictures of one size are taken as they are if neither side is longer: nets on a CPU can work with that."""
LARGEST_SIDE = 96
MULTIPLE = 8
"""Halving a side three times, as convolutional nets do, then leaves no odd row."""

DONE: dict[Fit, str] = {
    "crop": "resized to cover that, and their middle cut out",
    "pad": "resized to stay within that, with black around",
    "stretch": "stretched to that",
}


def frame_of(sizes: Sequence[Size], reading: PictureReading) -> tuple[Frame, str]:
    """The size for pictures of these sizes, as asked or by rule, and a sentence about it.

    The rule: as they are where all have one size of at most 128 x 128. Else a square whose side is the median of their
    shorter sides, at most 96, rounded down to a multiple of 8, and at least 8.

    Args:
        sizes: of all pictures that have one.
        reading: what the user said.
    """
    least = Size(min(size.height for size in sizes), min(size.width for size in sizes))
    most = Size(max(size.height for size in sizes), max(size.width for size in sizes))
    asked = reading.sides()
    came = _said(least) if least == most else f"from {_said(least)} to {_said(most)}"
    if asked is None and least == most and max(most) <= LARGEST_AS_IS:
        return Frame(*most, reading.fit), f"all pictures are {came} (height x width) and taken as they are"
    if asked is not None:
        height, width = asked
        why = "as asked"
    else:
        median = statistics.median_low([min(size) for size in sizes])
        height = width = max(MULTIPLE, min(median, LARGEST_SIDE) // MULTIPLE * MULTIPLE)
        why = f"by the median of their shorter sides, {median:,}; --size takes another"
    frame = Frame(height, width, reading.fit)
    if least == most == (height, width):
        return frame, f"all pictures are {came} (height x width), {why.partition(';')[0]}, and taken as they are"
    return frame, f"pictures are {came} (height x width), and become {height} x {width} ({why}): {DONE[reading.fit]}"


def _said(size: Size) -> str:
    return f"{size.height:,} x {size.width:,}"
