"""Drawings with axes: codes as points of a plane, and how much of the variance components explain."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float, Int64
from PIL import Image as Picture
from PIL import ImageDraw
from torch import Tensor

from lamina.data.picture import COLOURS, INK, LINE, MARGIN, PALE, blank_page, font_of
from lamina.errors import KindError
from lamina.kinds import Vector
from lamina.layers.pca import PCA
from lamina.net import Net
from lamina.report.axis import Axis, linear, tick_texts

WIDTH, HEIGHT = 720, 560
LEFT, BOTTOM = 64, 48
DOT = 3
OPAQUE = 150


def code_sheet(
    codes: Float[Tensor, "N K"], name: str, labels: Int64[Tensor, " N"] | None, classes: Sequence[str]
) -> Picture.Image:
    """A point for each code, in the colour of its class. Of codes of more than two numbers it is their shadow on the
    plane of their first two principal components.

    Args:
        codes: of the examples.
        name: of the data.
        labels: the class of each; None where there are none.
        classes: their names; beyond the tenth they are drawn grey.

    Raises:
        KindError: if a code is a single number.
    """
    if codes.shape[1] < 2:
        raise KindError("codes of a single number fill no plane; draw them as a table, with `lamina encode`")
    axes = ("code 1", "code 2")
    if codes.shape[1] > 2:
        model = PCA(2)
        model.build(Vector(codes.shape[1]))
        model.learn([codes])
        codes, shares = model(codes), model.explained().tolist()
        axes = tuple(  # type: ignore[assignment]
            f"principal component {place} of the codes ({share:.0%} of their variance)"
            for place, share in enumerate(shares, start=1)
        )
    shown = list(classes[: len(COLOURS)])
    page, draw, top = blank_page(f"{name}: the codes of {len(codes):,} examples", WIDTH, HEIGHT, shown)
    across, up = frame(page, top, codes[:, 0].tolist(), codes[:, 1].tolist(), *axes)
    numbers = [-1] * len(codes) if labels is None else labels.tolist()
    for (x, y), label in zip(codes.tolist(), numbers, strict=True):
        colour = COLOURS[0] if labels is None else COLOURS[label] if label < len(shown) else PALE
        u, v = across.place(x), up.place(y)
        draw.ellipse((u - DOT, v - DOT, u + DOT, v + DOT), fill=(*colour, OPAQUE))
    return page


def variance_sheet(net: Net) -> Picture.Image:
    """The share of the training data's variance that the first so many components explain together.

    Raises:
        KindError: if the net has no principal components.
    """
    found = next((stage for stage in net.body.modules() if isinstance(stage, PCA)), None)
    if found is None:
        raise KindError(f"{net} has no PCA(...), whose explained variance could be drawn")
    shares = [0.0, *found.explained().cpu().double().cumsum(0).tolist()]
    page, draw, top = blank_page(f"{found} explains {shares[-1]:.1%} of the variance", WIDTH, HEIGHT)
    counts = list(range(len(shares)))
    across, up = frame(page, top, counts, [0.0, 1.0], "components", "share of the variance explained")
    points = [(across.place(count), up.place(share)) for count, share in zip(counts, shares, strict=True)]
    draw.line(points, fill=COLOURS[0], width=3, joint="curve")
    if len(points) <= 60:
        for x, y in points[1:]:
            draw.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=COLOURS[0])
    for count, wanted in reached(shares).items():
        x, y = points[count]
        last = count == counts[-1]  # at the edge of the page there is no room to its right
        draw.text((x - 8, y + 5) if last else (x + 8, y + 5), f"{wanted:.0%} by {count}", PALE, font_of(13),
            anchor="ra" if last else "la")  # fmt: skip
    return page


def reached(shares: Sequence[float]) -> dict[int, float]:
    """How many components first explain half of the variance, and more: by their count the largest share reached."""
    found = dict[int, float]()
    for wanted in (0.5, 0.8, 0.9, 0.95, 0.99):
        count = next((count for count, share in enumerate(shares) if share >= wanted), None)
        if count is not None:
            found[count] = wanted
    return found


def frame(
    page: Picture.Image, top: int, xs: Sequence[float], ys: Sequence[float], right: str, upwards: str
) -> tuple[Axis, Axis]:
    """Axes with their lines, numbers and names."""
    draw = ImageDraw.Draw(page)
    floor, start, stop = top + HEIGHT - BOTTOM, MARGIN + LEFT, MARGIN + WIDTH
    across, up = linear(xs, start, stop), linear(ys, floor, top)
    for tick, text in zip(across.ticks, tick_texts(across), strict=True):
        x = across.place(tick)
        draw.line((x, top, x, floor), fill=LINE)
        draw.text((x, floor + 6), text, PALE, font_of(12), anchor="ma")
    for tick, text in zip(up.ticks, tick_texts(up), strict=True):
        y = up.place(tick)
        draw.line((start, y, stop, y), fill=LINE)
        draw.text((start - 8, y), text, PALE, font_of(12), anchor="rm")
    draw.text(((start + stop) / 2, floor + 26), right, INK, font_of(13), anchor="ma")
    turned = Picture.new("RGBA", (int(font_of(13).getlength(upwards)) + 4, 20))
    ImageDraw.Draw(turned).text((2, 1), upwards, INK, font_of(13))
    turned = turned.rotate(90, expand=True)
    page.paste(turned, (MARGIN - 6, int((top + floor - turned.height) / 2)), turned)
    return across, up
