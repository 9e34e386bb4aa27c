"""A picture of a table: how the values of each column spread."""

from __future__ import annotations

import math

from PIL import Image as Picture
from PIL import ImageDraw

from lamina.data.picture import COLOURS, GAP, INK, LANE, LINE, MARGIN, PALE, PANEL_WIDTH, blank_page, fitting, font_of
from lamina.data.tables.printed import printable
from lamina.data.tables.profile import Profile
from lamina.data.tables.show import date_text, number_text, share_text

MOST_PANELS = 24
COLUMNS = 4
HEAD, FOOT = 22, 18
BAR_HEIGHT, MOST_BARS = 18, 6
LANE_HEIGHT = MOST_BARS * BAR_HEIGHT + 6
PANEL_HEIGHT = HEAD + LANE_HEIGHT + FOOT
LABEL_WIDTH, SHARE_WIDTH = 96, 44
BLANK, OTHERS = COLOURS[1], (176, 180, 185)

Corner = tuple[int, int]


def profile_sheet(profiles: dict[str, Profile], name: str, rows: int) -> Picture.Image:
    """A panel for each column that is used, of the first 24; a line below names those that are left out.

    Numbers and dates become a histogram, others a bar for each of their commonest values. A bar under the panel is as
    long as the share of cells that are blank.

    Args:
        profiles: of all columns, in their order.
        name: what the user called the table.
        rows: how many it has.
    """
    used = [profile for profile in profiles.values() if profile.field is not None]
    left_out = [printable(profile.name) for profile in profiles.values() if profile.field is None]
    drawn = used[:MOST_PANELS]
    columns = min(COLUMNS, max(1, len(drawn)))
    width = columns * (PANEL_WIDTH + 2 * GAP) - 2 * GAP
    lines = math.ceil(len(drawn) / columns)
    title = f"{printable(name)}: {rows:,} rows, {len(profiles):,} columns"
    title += f"; the first {len(drawn)} of {len(used):,} that are used" if len(used) > len(drawn) else ""
    height = lines * (PANEL_HEIGHT + 2 * GAP) - 2 * GAP if lines else 0
    below = (GAP if lines else 0) + FOOT if left_out else 0
    page, draw, top = blank_page(title, width, height + below)
    for number, profile in enumerate(drawn):
        x = MARGIN + number % columns * (PANEL_WIDTH + 2 * GAP)
        _panel(draw, (x, top + number // columns * (PANEL_HEIGHT + 2 * GAP)), profile)
    if left_out:
        text = fitting(f"left out: {', '.join(left_out)}", font_of(13), page.width - 2 * MARGIN)
        draw.text((MARGIN, top + height + below - FOOT), text, PALE, font_of(13))
    return page


def _panel(draw: ImageDraw.ImageDraw, corner: Corner, profile: Profile) -> None:
    left, top = corner
    kind = font_of(11).getlength(profile.kind)
    draw.text(corner, fitting(printable(profile.name), font_of(13), PANEL_WIDTH - kind - GAP), INK, font_of(13))
    draw.text((left + PANEL_WIDTH, top + 2), profile.kind, PALE, font_of(11), anchor="ra")
    lane = (left, top + HEAD)
    draw.rectangle((*lane, left + PANEL_WIDTH - 1, top + HEAD + LANE_HEIGHT - 1), fill=LANE)
    foot = top + HEAD + LANE_HEIGHT + 4
    if profile.histogram and profile.kind in ("number", "date"):
        _histogram(draw, lane, profile.histogram)
        _ends(draw, (left, foot), profile)
    else:
        _bars(draw, lane, profile)
    if profile.blanks:
        _blanks(draw, (left, foot), profile)


def _histogram(draw: ImageDraw.ImageDraw, corner: Corner, counts: tuple[int, ...]) -> None:
    """A bar for each bin, the fullest as high as the lane."""
    left, top = corner
    floor = top + LANE_HEIGHT - 1
    for number, count in enumerate(counts):
        if count:
            bar = max(2, round(count / max(counts) * (LANE_HEIGHT - 8)))
            start, end = (left + PANEL_WIDTH * place // len(counts) for place in (number, number + 1))
            draw.rectangle((start, floor - bar, end - 2, floor), fill=COLOURS[0])


def _ends(draw: ImageDraw.ImageDraw, corner: Corner, profile: Profile) -> None:
    """The lowest and the highest value, under the ends of the histogram."""
    if profile.low is None or profile.high is None:
        return
    text = date_text if profile.kind == "date" else number_text
    left, top = corner
    draw.text(corner, text(profile.low), PALE, font_of(11))
    draw.text((left + PANEL_WIDTH, top), text(profile.high), PALE, font_of(11), anchor="ra")


def _bars(draw: ImageDraw.ImageDraw, corner: Corner, profile: Profile) -> None:
    """A bar for each of the commonest values, and a pale one for all others together."""
    held = max(1, profile.rows - profile.blanks)
    bars = [(printable(value), count, COLOURS[0]) for value, count in profile.top]
    others = held - sum(count for _, count in profile.top[:MOST_BARS])
    if others > 0 and len(bars) >= MOST_BARS:
        others += bars[MOST_BARS - 1][1]
        bars = [*bars[: MOST_BARS - 1], ("others", others, OTHERS)]
    elif others > 0 and profile.top:
        bars.append(("others", others, OTHERS))
    left, top = corner
    room = PANEL_WIDTH - LABEL_WIDTH - SHARE_WIDTH - 2 * GAP
    for number, (label, count, colour) in enumerate(bars[:MOST_BARS]):
        y = top + 3 + number * BAR_HEIGHT
        start = left + 6 + LABEL_WIDTH + 6
        ink = PALE if colour == OTHERS else INK
        draw.text((left + 6, y + 2), fitting(label, font_of(11), LABEL_WIDTH), ink, font_of(11))
        draw.rectangle((start, y + 3, start + max(1, round(room * count / held)), y + BAR_HEIGHT - 4), fill=colour)
        draw.text((left + PANEL_WIDTH - 6, y + 2), share_text(count, held), PALE, font_of(11), anchor="ra")


def _blanks(draw: ImageDraw.ImageDraw, corner: Corner, profile: Profile) -> None:
    """The share of blank cells, between the ends of the histogram."""
    left, top = corner
    text = f"{share_text(profile.blanks, profile.rows)} blank"
    middle = left + PANEL_WIDTH // 2
    draw.text((middle, top), text, BLANK, font_of(11), anchor="ma")
    draw.rectangle((left, top - 4, left + PANEL_WIDTH - 1, top - 2), fill=LINE)
    length = max(1, round((PANEL_WIDTH - 1) * profile.blanks / max(1, profile.rows)))
    draw.rectangle((left, top - 4, left + length, top - 2), fill=BLANK)
