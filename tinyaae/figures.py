"""Figures: what a trained system looks like, saved as PNG beside its run.

Each picture is one function from a system and its data to a matplotlib `Figure`. The table `PICTURES` says what a system
must be able to do for a picture to make sense, and `draw_all` draws those that do. Images are ink on white. Nothing
is global: no pyplot, no windows, and the same system gives the same bytes.
"""

import math
import textwrap

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .context import Context
from .data import unit_interval
from .errors import UserError
from .evaluation import confusion as count_pairs
from .evaluation import contingency, error_rate
from .layers import ClusterHeads

DPI, EDGE, GAP = 110, 24, 4  # dots an inch; white around a page and between its images, in pixels
INK, GREY, FAINT = "#222222", "#7a7a7a", "#d0d0d0"
BLUE, ORANGE, GREEN = "#1f77b4", "#ff7f0e", "#2ca02c"
MOST_ROWS, MOST_POINTS = 20, 2000


# Pages: a heading, and under it images or axes ------------------------------------------------------------------------


def page(width, height, title, note):
    """Return a Figure for `height` pixels of content, and the y in pixels where that content begins."""
    lines = textwrap.wrap(note, (width - 2 * EDGE) // 7)
    top = 54 + 16 * len(lines)
    figure = Figure(figsize=(width / DPI, (top + height) / DPI), dpi=DPI, facecolor="white")
    x, y = EDGE / width, 1 - 16 / (top + height)
    figure.text(x, y, title, fontsize=12, fontweight="bold", color=INK, va="top")
    y = 1 - 42 / (top + height)
    figure.text(x, y, "\n".join(lines), fontsize=8.5, color=GREY, va="top", linespacing=1.35)
    return figure, top


def chart_page(width, height, title, note, shape=(1, 1), names=EDGE * 2):
    """Return a Figure and its axes, `shape` rows and columns of them, with `names` pixels for what stands left of each."""
    figure, top = page(width, height, title, note)
    whole = top + height
    grid = figure.add_gridspec(
        *shape, left=(EDGE + names) / width, right=1 - EDGE / width, top=1 - (top + 12) / whole, bottom=56 / whole,
        wspace=0.28, hspace=0.42,
    )  # fmt: skip
    axes = [figure.add_subplot(cell) for cell in grid]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(GREY)
        ax.tick_params(labelsize=8, color=GREY, labelcolor=INK)
    return figure, axes


def label(ax, title="", x="", y=""):
    """Write the names of an axes in the house's letters."""
    ax.set_title(title, fontsize=9.5, color=INK, loc="left")
    ax.set_xlabel(x, fontsize=8.5, color=INK)
    ax.set_ylabel(y, fontsize=8.5, color=INK)


def thumbnails(images, side):
    """Turn rows (n, d) into small pictures (n, h, w), enlarged a whole number of times; no `side`: wrap them."""
    images = unit_interval(images)
    n, d = images.shape
    if side is None:
        w = math.isqrt(d - 1) + 1
        side = -(-d // w), w
        images = np.concatenate([images, np.zeros((n, side[0] * w - d), images.dtype)], axis=1)
    h, w = side
    longest = max(h, w)
    scale = max(1, round(64 / longest)) if longest <= 96 else 96 / longest
    high, wide = max(8, round(h * scale)), max(8, round(w * scale))
    rows, columns = np.arange(high) * h // high, np.arange(wide) * w // wide
    return images.reshape(n, h, w)[:, rows][:, :, columns]


def image_page(system, images, shape, title, note, rows=(), columns=(), row_breaks=(), column_breaks=(), framed=()):
    """Return a Figure of images (r·c, d) in `shape` (r, c), pixel for pixel, with names for `rows` and `columns`.

    Before the rows and columns in the breaks is a wider gap; columns in `framed` get a frame.
    """
    pictures = thumbnails(images, system.config.side)
    if system.config.side is None:
        note += f" The {images.shape[1]} numbers of an image are no rectangle of pixels, so they are wrapped into one."
    _, h, w = pictures.shape
    names = 8 + 7 * max(map(len, rows), default=-1)
    lefts = [EDGE + names + j * (w + GAP) + 12 * sum(b <= j for b in column_breaks) for j in range(shape[1])]
    tops = [(22 if columns else 6) + i * (h + GAP) + 12 * sum(b <= i for b in row_breaks) for i in range(shape[0])]
    width = max(lefts[-1] + w + EDGE, 620)
    figure, top = page(width, tops[-1] + h + EDGE, title, note)
    canvas = np.zeros((top + tops[-1] + h + EDGE, width), np.float32)
    ax = figure.add_axes([0, 0, 1, 1], zorder=-1)
    ax.set_axis_off()
    for k, picture in enumerate(pictures):
        x, y = lefts[k % shape[1]], top + tops[k // shape[1]]
        canvas[y : y + h, x : x + w] = picture
        if k % shape[1] in framed:
            ax.add_patch(matplotlib.patches.Rectangle((x - 2, y - 2), w + 3, h + 3, fill=False, ec=BLUE, lw=1.2))
    ax.imshow(canvas, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", aspect="auto",
              extent=(0, width, len(canvas), 0))  # fmt: skip
    for name, y in zip(rows, tops):
        ax.text(lefts[0] - 8, top + y + h / 2, name, fontsize=8.5, color=INK, ha="right", va="center")
    for name, x in zip(columns, lefts):
        ax.text(x + w / 2, top + 16, name, fontsize=8.5, color=INK, ha="center", va="bottom")
    return figure


# What the pictures show: a few functions from a system to arrays ------------------------------------------------------


def can(system):
    """Return what a system can do, in the words of `PICTURES`."""
    c = system.config
    words = {
        "encode": "Q" in system.networks,
        "sample": c.mode != "autoencoder",  # nothing pulled its codes to the prior
        "read y": c.given_y > 0,
        "classify": c.y_is_class,
        "cluster": c.y > 0 and not c.y_is_class,
    }
    return {word for word, true in words.items() if true}


def first(n, things, word):
    """Say so where `n` of more `things` are shown."""
    return f" The first {n} of {things} {word}." if n < things else ""


def examples(labels, each):
    """Return indices (classes, each) of images of each class in `labels` (n,), and those classes, 20 at most."""
    present = np.unique(labels)[:MOST_ROWS]
    found = [np.flatnonzero(labels == k) for k in present]
    return np.stack([where[np.arange(each) % len(where)] for where in found]), present


def from_prior(system, n, labels=None):
    """Return z (n, d) from the prior; `labels` (n,) choose its modes where training told D the labels."""
    told = None
    if system.config.mode == "label-regularized" and labels is not None:
        told = system.backend.array(np.eye(system.prior.modes + 1)[labels])
    ctx = Context(system.backend, stream="figures")
    return system.backend.to_numpy(system.prior.sample(n, ctx, told))


def from_q(system, images):
    """Return the `Code` of images (n, d) as D saw it: z is drawn where q(z|x) is a Gaussian, not its mean."""
    code = system.encode(images)
    d = code.z.shape[1]
    if code.posterior.shape[1] == d:
        return code
    noise = np.random.default_rng(0).standard_normal(code.z.shape)
    return code._replace(z=code.z + np.exp(code.posterior[:, d:] / 2) * noise)


def decoded(system, z, labels):
    """Return images (n, d) of z (n, z) and, where P reads a y, the one-hot of `labels` (n,)."""
    k = system.config.given_y
    return system.decode(z, np.eye(k)[labels] if k else None)


def style_grid(system, rows, columns):
    """Return z (rows·columns, d), the same down each column, and labels (rows·columns,), the same along each row."""
    z = from_prior(system, columns)
    return np.tile(z, (rows, 1)), np.repeat(np.arange(rows), columns)


def cluster_heads(system):
    """Return W_C (k, d) where P reads y·W_C + z, else None."""
    layer = system.networks["P"].stack.layers[0]
    return system.backend.to_numpy(layer.W) if isinstance(layer, ClusterHeads) else None


def plane(z):
    """Return a map from (n, d) to (n, 2), and names for its two axes: z itself, or its principal components."""
    if z.shape[1] == 1:  # height means nothing, it keeps the points apart
        spread = lambda x: np.concatenate([x, np.random.default_rng(0).uniform(-1, 1, x.shape)], axis=1)  # noqa: E731
        return spread, ("z", "(height is random, to keep the points apart)")
    if z.shape[1] == 2:
        return lambda x: x, ("first coordinate", "second coordinate")
    mean = np.mean(z, axis=0)
    _, singular, directions = np.linalg.svd(z - mean, full_matrices=False)
    share = np.zeros(2)
    share[: len(singular)] = (singular**2 / max(np.sum(singular**2), 1e-12))[:2]
    names = [f"{word} principal component ({part:.0%} of the variance)" for word, part in zip(("1st", "2nd"), share)]
    directions = np.concatenate([directions, np.zeros((1, z.shape[1]))])[:2]  # one image alone has one direction
    return lambda x: (x - mean) @ directions.T, names


# The pictures ---------------------------------------------------------------------------------------------------------

LINES = {  # column of metrics.csv -> how it is called and drawn
    "reconstruction": ("training, with noise on the input", BLUE, "-"),
    "reconstruction_error": ("validation", ORANGE, "-"),
    "kl": ("KL(q(z|x) ‖ N(0, I))", BLUE, "-"),
    "D_z": ("D of z", BLUE, "-"), "G_z": ("G against it", BLUE, ":"),
    "D_y": ("D of y", ORANGE, "-"), "G_y": ("G against it", ORANGE, ":"),
    "D_x": ("D of images", GREEN, "-"), "G_x": ("G against it", GREEN, ":"),
    "D_z_accuracy": ("D of z", BLUE, "-"),
    "D_y_accuracy": ("D of y", ORANGE, "-"),
    "D_x_accuracy": ("D of images", GREEN, "-"),
    "head_distance": ("Σ max(0, η − distance) over pairs", BLUE, "-"),
    "classification": ("cross-entropy, training", BLUE, "-"),
    "validation_error": ("validation images", ORANGE, "-"),
    "validation_cluster_error": ("validation images", ORANGE, "-"),
}  # fmt: skip
PANELS = [  # title, columns, a dashed line (where, what it means), kind of scale
    ("Reconstruction error ½ Σ (x̂ − x)²", ["reconstruction", "reconstruction_error"], None, "plain"),
    ("Divergence from the prior", ["kl"], None, "plain"),
    (
        "Adversarial losses",
        ["D_z", "G_z", "D_y", "G_y", "D_x", "G_x"],
        (2 * math.log(2), "2 ln 2: D cannot tell"),
        "plain",
    ),
    ("How often D is right", ["D_z_accuracy", "D_y_accuracy", "D_x_accuracy"], (0.5, "50 %: D guesses"), "share"),
    ("Cluster heads that are too close", ["head_distance"], None, "plain"),
    ("Loss on the labelled images", ["classification"], None, "log"),
    ("Classified wrong", ["validation_error"], None, "share"),
    ("Clustered wrong", ["validation_cluster_error"], None, "share"),
]


def learning_curves(metrics):
    """Each phase's losses over the epochs, from the rows of metrics.csv, and what validation says about them."""
    panels = [panel for panel in PANELS if any(column in metrics[0] for column in panel[1])]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    note = "One point an epoch. D tells the prior's samples from codes, G is the encoder's loss when it fools D."
    figure, axes = chart_page(max(370 * columns, 620), 300 * rows, "Learning curves", note, (rows, columns))
    epochs = [row["epoch"] for row in metrics]
    for ax, (title, names, reference, scale) in zip(axes, panels):
        for name in [name for name in names if name in metrics[0]]:
            words, colour, line = LINES[name]
            values = [max(row[name], 1e-8) if scale == "log" else row[name] for row in metrics]
            ax.plot(
                epochs, values, line, color=colour, label=words, lw=1.5, marker="o" if len(epochs) < 40 else "", ms=3
            )
        if reference:
            ax.axhline(reference[0], color=GREY, ls="--", lw=1, label=reference[1])
        label(ax, title, "epoch")
        ax.set_yscale("log" if scale == "log" else "linear")
        if scale == "share":
            ax.yaxis.set_major_formatter(PercentFormatter(1))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        ax.grid(axis="y", color=FAINT, lw=0.5)
        ax.margins(y=0.12)
        ax.legend(fontsize=7.5, frameon=False, labelcolor=INK)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    return figure


def reconstructions(system, dataset):
    """Test images of every class above what the decoder makes of their codes."""
    present = min(len(np.unique(dataset.y_test)), MOST_ROWS)
    across = max(1, 10 // present)
    where, classes = examples(dataset.y_test, 2 * across)
    bands = [where[:, band * across : (band + 1) * across].ravel() for band in range(2)]
    images = []
    for band in bands:
        images += [unit_interval(dataset.x_test[band]), system.reconstruct(dataset.x_test[band], dataset.y_test[band])]
    note = "Test images x, each above x̂ = P(Q(x)), what the decoder makes of its code."
    return image_page(
        system, np.concatenate(images), (4, len(bands[0])), "Reconstructions",
        note + first(present, dataset.classes, "classes"), ["x", "x̂"] * 2,
        [str(k) for k in np.repeat(classes, across)], row_breaks=(2,),
    )  # fmt: skip


def samples(system, dataset):
    """Images decoded from the prior; where the content can be chosen, each row has its own."""
    k = system.config.given_y or (system.prior.modes if system.config.mode == "label-regularized" else 0)
    rows = min(k, MOST_ROWS) or 10
    labels = np.repeat(np.arange(rows), 10)
    images = decoded(system, from_prior(system, 10 * rows, labels if k else None), labels)
    word = "y" if system.config.given_y else "class"
    note = "Images nobody drew: z comes from the prior p(z), and P decodes it."
    if k:
        note += f" Each row has its own {word}, each image its own z." + first(rows, k, "rows")
    return image_page(system, images, (rows, 10), "Samples from the prior", note,
                      [f"{word} = {i}" for i in range(rows)] if k else ())  # fmt: skip


def walk(system, dataset):
    """Straight lines in latent space from one test image to another, eight of them."""
    where, classes = examples(dataset.y_test, 8)
    c, steps, images = len(classes), 10, []
    for row in range(8):
        ends = [where[row % c, row // c], where[(row + c // 2) % c, -1 - row // c]]
        a, b = unit_interval(dataset.x_test[ends])
        between = system.interpolate(a, b, steps, dataset.y_test[ends] if system.config.given_y else None)
        images += [a, *between, b]
    note = "Framed: two real test images. Between them, the decoder's images on the straight line from one code to the other."
    return image_page(
        system, np.stack(images), (8, steps + 2), "A walk through latent space", note,
        columns=["real", "t = 0", *[""] * (steps - 2), "t = 1", "real"], column_breaks=(1, steps + 1),
        framed=(0, steps + 1),
    )  # fmt: skip


def style_content(system, dataset):
    """The same styles in every class: what y says and what is left to z."""
    rows = min(system.config.given_y, MOST_ROWS)
    z, labels = style_grid(system, rows, 10)
    note = (
        "Each row has one y, the content. Each column has one z from the prior, the style, the same all the way down."
    )
    return image_page(system, decoded(system, z, labels), (rows, 10), "Style × content: each row one y, each column one z",
                      note + first(rows, system.config.given_y, "rows"),
                      [f"y = {k}" for k in range(rows)])  # fmt: skip
