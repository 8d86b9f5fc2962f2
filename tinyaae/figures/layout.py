"""Pages: a heading, and under it a grid of images, of maps or of axes. Nothing here reads a model.

Nothing is global: no pyplot, no windows, and the same numbers give the same bytes. Images are ink on white.
"""

import math
import textwrap
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.animation import PillowWriter
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..data import unit_interval

DPI, EDGE, GAP = 110, 24, 4  # dots an inch; white around a page and between its images, in pixels
INK, GREY, FAINT, BLUE, ORANGE = "#222222", "#777777", "#d8d8d8", "#1f77b4", "#ff7f0e"
LIGHT = "#9a9a9a"  # of what has no class
HEAD = dict(boxstyle="circle,pad=0.2", fc="white", ec=INK, lw=0.8)


def page(width, height, title, note, run=""):
    """Return a Figure with `height` pixels under its heading, and the y in pixels where they begin.

    The heading is a title, which `run` is shown, and a note.
    """
    parts = [textwrap.wrap(text, int((width - 2 * EDGE) / 6.8)) for text in (run, note)]
    top = 50 + 16 * sum(map(len, parts)) + 4 * bool(run)
    whole = top + height
    figure = Figure(figsize=(width / DPI, whole / DPI), dpi=DPI, facecolor="white")
    text = dict(x=EDGE / width, va="top")
    figure.text(y=1 - 16 / whole, s=title, fontsize=12, fontweight="bold", color=INK, **text)
    y = 42
    for lines, colour in zip(parts, (INK, GREY), strict=True):
        figure.text(y=1 - y / whole, s="\n".join(lines), fontsize=8.5, color=colour, linespacing=1.35, **text)
        y += 16 * len(lines) + 4 * bool(run)
    return figure, top


def save(figure, path):
    """Write `figure` as PNG, the same bytes anywhere; return `path`."""
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
    return path


# Images ---------------------------------------------------------------------------------------------------------------


class ImagePage(NamedTuple):
    """What a page of images shows: rows (r·c, d) in a grid of `shape` (r, c), with names for `rows` and `columns`.

    `side` is an image's height and width, None where its numbers are no rectangle. The gap is wider above the rows in
    `gaps_above` and before the columns in `gaps_before`; columns in `framed` have a frame.
    """

    side: tuple | None
    images: np.ndarray
    shape: tuple
    title: str
    note: str
    rows: list = ()
    columns: list = ()
    gaps_above: tuple = ()
    gaps_before: tuple = ()
    framed: tuple = ()


def thumbnails(images, side):
    """Turn rows (n, d) into small pictures (n, h, w) or, in colour, (n, h, w, 3); without a `side`, wrap them.

    They are enlarged a whole number of times.
    """
    images = unit_interval(images)
    if side is None:
        w = math.isqrt(images.shape[1] - 1) + 1
        side = -(-images.shape[1] // w), w
        images = np.pad(images, ((0, 0), (0, side[0] * w - images.shape[1])))
    longest = max(side)
    scale = max(1, round(64 / longest)) if longest <= 96 else 64 / longest
    high, wide = [max(8, round(n * scale)) for n in side]  # 8: the thinnest images are stretched, to be seen at all
    rows, columns = np.arange(high) * side[0] // high, np.arange(wide) * side[1] // wide
    colour = () if images.shape[1] == side[0] * side[1] else (3,)
    return images.reshape(-1, *side, *colour)[:, rows][:, :, columns]


def image_page(shown, run=""):
    """Return a Figure of an `ImagePage` of a `run`, pixel for pixel."""
    pictures, note = thumbnails(shown.images, shown.side), shown.note
    if shown.side is None:
        note += f" (An image's {shown.images.shape[1]} numbers are no rectangle of pixels; they are wrapped into one.)"
    h, w, *colour = pictures.shape[1:]
    rows, columns = shown.shape
    left = EDGE + (8 + 7 * max(map(len, shown.rows)) if shown.rows else 0)
    lefts = [left + j * (w + GAP) + 12 * sum(b <= j for b in shown.gaps_before) for j in range(columns)]
    width = max(lefts[-1] + w + EDGE, 620)
    height = rows * (h + GAP) + 12 * len(shown.gaps_above) + 2 * EDGE
    figure, top = page(width, height, shown.title, note, run)
    tops = [top + EDGE + i * (h + GAP) + 12 * sum(b <= i for b in shown.gaps_above) for i in range(rows)]
    paper, frame = (1.0, 0.6) if colour else (0.0, 0.4)  # in grey 0 is white: ink on paper
    canvas = np.full((top + height, width, *colour), paper, np.float32)
    for k, picture in enumerate(pictures):
        y, x = tops[k // columns], lefts[k % columns]
        if k % columns in shown.framed:
            canvas[y - 1 : y + h + 1, x - 1 : x + w + 1] = frame
        canvas[y : y + h, x : x + w] = picture
    ax = figure.add_axes([0, 0, 1, 1], zorder=-1)  # one unit is one pixel
    ax.set_axis_off()
    extent = (0, width, top + height, 0)
    ax.imshow(canvas, "gray_r", vmin=0, vmax=1, interpolation="nearest", aspect="auto", extent=extent)
    for name, y in zip(shown.rows, tops, strict=False):
        ax.text(left - 8, y + h / 2, name, fontsize=8.5, color=INK, ha="right", va="center")
    for name, x in zip(shown.columns, lefts, strict=False):
        ax.text(x + w / 2, top + EDGE - 6, name, fontsize=8.5, color=INK, ha="center", va="baseline")
    return figure


# Charts ---------------------------------------------------------------------------------------------------------------


def chart_page(width, height, title, note, run="", shape=(1, 1), between=0.42, above=30):
    """Return a Figure and its axes, `shape` rows and columns of them.

    Rows are this part of their height apart, and there are `above` pixels for the titles of the first.
    """
    figure, top = page(width, height, title, note, run)
    whole = top + height
    grid = figure.add_gridspec(
        *shape, left=3 * EDGE / width, right=1 - EDGE / width, top=1 - (top + above) / whole, bottom=56 / whole,
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


# Maps -----------------------------------------------------------------------------------------------------------------


class Map(NamedTuple):
    """Points (n, 2) of `classes` (n,), or None for grey ones, within `reach`; names of its two `axes`.

    `contours` are the prior's lines, or None; `heads` (k, 2) are the cluster heads.
    """

    title: str
    axes: tuple
    points: np.ndarray
    classes: np.ndarray | None
    reach: tuple
    contours: tuple | None = None
    heads: np.ndarray = ()


class MapPage(NamedTuple):
    """What a page of maps shows: `maps` side by side, and the `names` of the classes of their data."""

    title: str
    note: str
    maps: list
    names: tuple


def map_page(shown, run=""):
    """Return a Figure of a `MapPage` of a `run`."""
    n = len(shown.maps)
    columns = n if n <= 3 else 2 if n == 4 else 3
    wide = 560 if n == 1 else 520 if n == 2 else 400
    titles = [textwrap.wrap(each.title, (wide - 56) // 8) for each in shown.maps]
    above = 15 + 15 * max(1, *map(len, titles))
    rows, width, height = -(-n // columns), 100 + wide * columns, wide + 15 + above
    figure, axes = chart_page(width, height * rows, shown.title, shown.note, run, (rows, columns), 0.25, above)
    for ax, each, title in zip(axes, shown.maps, titles, strict=False):
        scatter(ax, each, len(shown.names))
        name_axes(ax, "\n".join(title), *each.axes)
    for ax in axes[n:]:
        ax.remove()
    key_of_classes(figure, shown.names)
    return figure


def scatter(ax, shown, classes):
    """Draw a `Map`: points with a colour each, the prior's lines, and the cluster heads by number."""
    if shown.classes is None or classes == 0:
        colours = LIGHT
    else:  # −1, the last row: no label
        colours = np.concatenate([palette(classes), [to_rgba(LIGHT)]])[shown.classes]
    ax.scatter(*shown.points.T, s=7, c=colours, alpha=0.8, linewidths=0)
    if shown.contours:
        ax.contour(*shown.contours, colors=INK, linewidths=0.7, alpha=0.6)
    for k, (x, y) in enumerate(shown.heads):
        ax.text(x, y, str(k), fontsize=9, color=INK, ha="center", va="center", clip_on=True, bbox=HEAD)
    ax.set(xlim=shown.reach, ylim=shown.reach, aspect="equal")


def palette(classes):
    """Return a colour (classes, 4) for each class."""
    places = np.arange(10) if classes <= 10 else np.linspace(0.05, 0.95, classes)
    return colormaps["tab10" if classes <= 10 else "turbo"](places)[:classes]


def key_of_classes(figure, names):
    """Write which colour is which class: at the top right, or, on a narrow page, between the heading and a title."""
    if not names:
        return
    colours, step = palette(len(names)), 1 if len(names) <= 10 else -(-len(names) // 7)
    shown = range(0, len(names), step)
    keys = [Line2D([], [], ls="", marker="o", color=colours[k], label=str(names[k])[:12]) for k in shown]
    look = dict(fontsize=8.5, frameon=False, columnspacing=0.6, handletextpad=-0.2, borderaxespad=0.2)
    ax, whole = figure.axes[0], figure.get_figheight() * DPI
    box, wide = ax.get_position(), figure.get_figwidth() * DPI > 760
    if not wide and ax.get_title(loc="left"):  # it goes down, for the keys to stand above it
        ax.set_position([box.x0, box.y0, box.width, box.height - 20 / whole])
    top = 1 if wide else box.y1 + 30 / whole
    figure.legend(handles=keys, loc="upper right", bbox_to_anchor=(1, top), ncols=10, **look)


def animate(shown, moves, path, run=""):
    """Save as GIF how the points of a `MapPage` with one map move; `moves` = [(title, points (n, 2)), …]."""
    figure = map_page(shown, run)
    ax = figure.axes[0]
    dots = ax.collections[0]
    writer = PillowWriter(fps=max(4, min(15, len(moves) / 10)))
    writer.setup(figure, path, dpi=DPI)
    for title, points in moves + 8 * moves[-1:]:  # the end stands still for a while
        dots.set_offsets(points)
        ax.set_title(title, fontsize=9.5, color=INK, loc="left")
        writer.grab_frame()
    writer.finish()
