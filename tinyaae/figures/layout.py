"""Pages: the paper that figures are drawn on, a heading and under it a grid of images or axes.

Nothing is global: no pyplot, no windows, and the same numbers give the same bytes. Images are ink on white.
"""

import math
import textwrap

import numpy as np
from matplotlib.figure import Figure

from ..data import unit_interval

DPI, EDGE, GAP = 110, 24, 4  # dots an inch; white around a page and between its images, in pixels
INK, GREY, FAINT, BLUE, ORANGE = "#222222", "#777777", "#d8d8d8", "#1f77b4", "#ff7f0e"


def page(width, height, title, note):
    """Return a Figure with `height` pixels under its heading, and the y in pixels where they begin."""
    lines = textwrap.wrap(note, int((width - 2 * EDGE) / 6.8))
    top = 50 + 16 * len(lines)
    figure = Figure(figsize=(width / DPI, (top + height) / DPI), dpi=DPI, facecolor="white")
    text = dict(x=EDGE / width, va="top")
    figure.text(y=1 - 16 / (top + height), s=title, fontsize=12, fontweight="bold", color=INK, **text)
    figure.text(y=1 - 42 / (top + height), s="\n".join(lines), fontsize=8.5, color=GREY, linespacing=1.35, **text)
    return figure, top


def save(figure, path):
    """Write `figure` as PNG, the same bytes anywhere; return `path`."""
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
    return path


def chart_page(width, height, title, note, shape=(1, 1), between=0.42):
    """Return a Figure and its axes, `shape` rows and columns of them; `between` rows is this share of their height."""
    figure, top = page(width, height, title, note)
    whole = top + height
    grid = figure.add_gridspec(
        *shape, left=3 * EDGE / width, right=1 - EDGE / width, top=1 - (top + 30) / whole, bottom=56 / whole,
        wspace=0.25, hspace=between,
    )  # fmt: skip
    axes = [figure.add_subplot(cell) for cell in grid]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(GREY)
        ax.tick_params(which="both", labelsize=8, color=GREY, labelcolor=INK)
    return figure, axes


def name_axes(ax, title="", x="", y=""):
    """Write the title of an axes and what its x and y are."""
    ax.set_title(title, fontsize=9.5, color=INK, loc="left")
    ax.set_xlabel(x, fontsize=8.5, color=INK)
    ax.set_ylabel(y, fontsize=8.5, color=INK)


def thumbnails(images, side):
    """Turn rows (n, d) into small pictures (n, h, w) enlarged a whole number of times; without a `side`, wrap them."""
    images = unit_interval(images)
    if side is None:
        w = math.isqrt(images.shape[1] - 1) + 1
        side = -(-images.shape[1] // w), w
        images = np.pad(images, ((0, 0), (0, side[0] * w - images.shape[1])))
    longest = max(side)
    scale = max(1, round(64 / longest)) if longest <= 96 else 64 / longest
    high, wide = [max(8, round(n * scale)) for n in side]  # 8: the thinnest images are stretched, to be seen at all
    rows, columns = np.arange(high) * side[0] // high, np.arange(wide) * side[1] // wide
    return images.reshape(-1, *side)[:, rows][:, :, columns]


def image_page(model, images, shape, title, note, rows=(), columns=(), wide_above=(), wide_before=(), framed=()):
    """Return a Figure of images (r·c, d) in `shape` (r, c), pixel for pixel, with names for `rows` and `columns`.

    The gap is wider above the rows and before the columns with these numbers; columns in `framed` have a frame.
    """
    pictures = thumbnails(images, model.config.side)
    if model.config.side is None:
        note += f" (An image's {images.shape[1]} numbers are no rectangle of pixels; they are wrapped into one.)"
    _, h, w = pictures.shape
    left = EDGE + (8 + 7 * max(map(len, rows)) if rows else 0)
    lefts = [left + j * (w + GAP) + 12 * sum(b <= j for b in wide_before) for j in range(shape[1])]
    width = max(lefts[-1] + w + EDGE, 620)
    height = shape[0] * (h + GAP) + 12 * len(wide_above) + 2 * EDGE
    figure, top = page(width, height, title, note)
    tops = [top + EDGE + i * (h + GAP) + 12 * sum(b <= i for b in wide_above) for i in range(shape[0])]
    canvas = np.zeros((top + height, width), np.float32)
    for k, picture in enumerate(pictures):
        y, x = tops[k // shape[1]], lefts[k % shape[1]]
        if k % shape[1] in framed:
            canvas[y - 1 : y + h + 1, x - 1 : x + w + 1] = 0.4
        canvas[y : y + h, x : x + w] = picture
    ax = figure.add_axes([0, 0, 1, 1], zorder=-1)  # one unit is one pixel
    ax.set_axis_off()
    extent = (0, width, top + height, 0)
    ax.imshow(canvas, "gray_r", vmin=0, vmax=1, interpolation="nearest", aspect="auto", extent=extent)
    for name, y in zip(rows, tops, strict=False):
        ax.text(left - 8, y + h / 2, name, fontsize=8.5, color=INK, ha="right", va="center")
    for name, x in zip(columns, lefts, strict=False):
        ax.text(x + w / 2, top + EDGE - 6, name, fontsize=8.5, color=INK, ha="center", va="baseline")
    return figure
