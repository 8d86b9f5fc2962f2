"""Pictures made of numbers: learning curves, and what q(y|x) and the likelihood say of the test images.

Each function draws what the function of its name in `arrays` returns, and reads no model.
"""

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .arrays import MOST_ROWS, shown
from .layout import BLUE, FAINT, GREY, INK, ORANGE, chart_page, name_axes

CLUSTER_NAMES = " A cluster has the label of the validation image with the highest q(y|x), as in the paper."


def learning_curves(panels, run=""):
    """Draw each phase's losses over the epochs, and what validation says of them."""
    columns = min(3, len(panels))
    shape = -(-len(panels) // columns), columns
    width = max(380 * columns, 620)
    note = "Training: the mean over an epoch's batches, with noise and dropout where the mode has them. "
    if any(line.name.startswith("validation") for panel in panels for line in panel.lines):
        note += "Validation: after the epoch."
    figure, axes = chart_page(width, 300 * shape[0], "Losses and errors over the epochs", note, run, shape)
    for ax, panel in zip(axes, panels, strict=False):
        draw_panel(ax, panel)
    for ax in axes[len(panels) :]:
        ax.remove()
    return figure


def draw_panel(ax, panel):
    """Draw a `Panel` of learning curves."""
    epochs = len(panel.lines[0].values)
    for line in panel.lines:
        colour, style = ORANGE if line.second else BLUE, "--" if line.dashed else "-"
        look = dict(lw=0.8) if epochs >= 40 else dict(lw=1.5, ms=3, marker=None if line.dashed and epochs > 1 else "o")
        ax.plot(range(1, epochs + 1), line.values, style, color=colour, label=line.name, **look)
    if panel.reference:
        height, name = panel.reference
        ax.axhline(height, color=GREY, ls=":", lw=1.2, label=name)
    name_axes(ax, panel.title, "epoch")
    ax.set_yscale("log" if panel.scale == "log" else "linear")
    if panel.scale == "percent":
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.grid(axis="y", color=FAINT, lw=0.5)
    ax.margins(y=0.05)
    names = len(panel.lines) + bool(panel.reference)
    bottom, top = ax.transScale.transform([(1, y) for y in ax.get_ylim()])[:, 1]
    room = top + (top - bottom) * 0.12 * -(-names // 2)  # for the names, above the curves
    ax.set_ylim(top=ax.transScale.inverted().transform((1, room))[1])
    narrow = dict(handlelength=1.8, handletextpad=0.5, columnspacing=1)
    ax.legend(loc="upper right", ncols=2, fontsize=7.5, frameon=False, labelcolor=INK, **narrow)


def confidence(found, run=""):
    """Draw the probability of the most probable y; where y is a class, of right and of wrong predictions."""
    probability, n = found.probability, len(found.probability)
    note = "The probability max q(y|x) of the most probable y of each test image. Counts are on a log scale."
    if found.right is not None:
        title = "Confidence of the classifier"
        parts = [(found.right, "right", dict(color=BLUE, alpha=0.4)),
                 (~found.right, "wrong", dict(color=ORANGE, histtype="step", lw=1.8))]  # fmt: skip
    else:
        title = "Confidence in the cluster"
        parts = [(np.full(n, True), "images", dict(color=BLUE, alpha=0.4))]
    figure, (ax,) = chart_page(620, 400, title, note, run)
    bins = np.linspace(1 / found.k, 1, 41)
    for where, name, look in parts:
        mean = f", mean {np.mean(probability[where]):.1%}" if np.any(where) else ""
        label = f"{np.sum(where)} {name}{mean}"
        ax.hist(np.clip(probability[where], bins[0], 1), bins, label=label, **look)
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(0, 8 * n)  # room for the legend
    name_axes(ax, "", "max q(y|x)", "images")
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK, loc="upper left")
    return figure


def confusion(found, run=""):
    """Draw how many test images of each class get each y: a class, or a cluster, in the order of their main classes."""
    counts = found.counts
    note = f"Counts of {np.sum(counts)} test images. The larger its part of the row, the darker a field."
    column, title = "argmax q(y|x)", "True class and predicted class"
    if found.clusters:
        column, title = "cluster: argmax q(y|x)", "True class and cluster"
        note += " Clusters stand in the order of the class that most of their images have."
    if found.error is not None:
        title += f": {'cluster' if found.clusters else 'test'} error {found.error:.2%}"
        note += CLUSTER_NAMES if found.clusters else ""
    parts = counts / np.maximum(np.sum(counts, axis=1, keepdims=True), 1)
    crowded = counts.shape[1] > MOST_ROWS
    figure, (ax,) = chart_page(1000 if crowded else 620, 600, title, note, run)
    ax.imshow(parts, "Blues", norm=PowerNorm(0.4, 0, 1), aspect="auto", interpolation="nearest")
    ticks = [range(0, n, -(-n // most)) for n, most in zip(counts.shape, (MOST_ROWS, 40), strict=True)]
    ax.set(xticks=ticks[1], yticks=ticks[0], xticklabels=found.columns[ticks[1]], yticklabels=found.rows[ticks[0]])
    for (i, j), count in np.ndenumerate(counts):
        if count and max(counts.shape) <= 40:  # more numbers could not be read
            colour = "white" if parts[i, j] > 0.2 else INK
            ax.text(j, i, count, fontsize=6.5 if crowded else 7.5, color=colour, ha="center", va="center")
    ax.tick_params(length=0)
    name_axes(ax, "", column, "true class")
    return figure


def z_histogram(found, run=""):
    """Draw how often each value of z occurs, over all its coordinates, and how often in the prior."""
    note = f"All {found.d} coordinates of z together. Each thin line is one coordinate alone."
    figure, (ax,) = chart_page(620, 400, "The values of z", note + shown(len(found.alone), found.d, "have one"), run)
    for values in found.alone:
        ax.stairs(values, found.edges, color=BLUE, alpha=0.25, lw=0.6)
    ax.stairs(found.codes, found.edges, color=BLUE, alpha=0.35, fill=True, label="codes z of test images")
    if found.prior is not None:
        ax.stairs(found.prior, found.edges, color=INK, lw=1.5, label="prior p(z)")
    name_axes(ax, "", "value of a coordinate", "density")
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK)
    return figure


def matching(per_label, run=""):
    """Draw for each label what `evaluate` found: the clusters named after it, and how precise and complete they are."""
    rows = per_label[:MOST_ROWS]
    clustered = "clusters" in rows[0]
    title = "Precision and recall of each label" + (", with its clusters" if clustered else "")
    note = "Precision: of the test images that are predicted as a label, the part that has it. "
    note += "Recall: of the test images that have it, the part that is predicted as it."
    if clustered:
        note += CLUSTER_NAMES
    note += shown(len(rows), len(per_label), "labels")
    figure, (ax,) = chart_page(760, max(34 * len(rows), 200) + 86, title, note, run)
    place = np.arange(len(rows))
    for shift, key, colour in ((-0.19, "precision", BLUE), (0.19, "recall", ORANGE)):
        values = [row[key] or 0 for row in rows]
        ax.barh(place + shift, values, 0.34, color=colour, alpha=0.75, label=key)
        for y, row in zip(place + shift, rows, strict=True):
            text = "–" if row[key] is None else f"{row[key]:.1%}"
            ax.text((row[key] or 0) + 0.005, y, text, fontsize=7, color=INK, va="center")
    names = [name_of(row) for row in rows]
    box = ax.get_position()
    left = min(0.5, (40 + 5.6 * max(map(len, names))) / 760)
    ax.set_position([left, box.y0, box.x1 - left - 0.03, box.height])
    ax.set(yticks=place, yticklabels=names, xlim=(0, 1.04), ylim=(len(rows) - 0.5, -0.5))
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.tick_params(axis="y", length=0)
    name_axes(ax)
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def name_of(row):
    """Return a label, with the clusters named after it, as many as a line holds."""
    if "clusters" not in row:
        return str(row["label"])
    first, more = ", ".join(map(str, row["clusters"][:10])), " …" if len(row["clusters"]) > 10 else ""
    word = {0: "no cluster", 1: "cluster "}.get(len(row["clusters"]), "clusters ")
    return f"{row['label']}:  {word}{first}{more}"


def sigma_curve(searches, run=""):
    """Draw the search of the Parzen windows' width, for each number of samples that has been tried."""
    note = "The mean of ln p(x) over at most 1000 validation images, for each width σ that was tried. "
    note += "The likelihood of the test images is estimated with the best, which is marked."
    highest = max(np.max(search.values) for search in searches)
    least = np.min(searches[0].values)
    lowest = max(least, highest - 1000)
    note += " Values more than 1000 under it are left out." if lowest > least else ""
    figure, (ax,) = chart_page(620, 420, "Likelihood of validation images by Parzen width σ", note, run)
    for colour, search in zip((BLUE, ORANGE, INK, GREY), searches, strict=False):
        best = int(np.argmax(search.values))
        ax.plot(search.sigmas, search.values, "-o", ms=3, lw=1.5, color=colour, label=search.name)
        ax.plot(search.sigmas[best], search.values[best], "o", ms=9, mfc="none", mew=1.5, color=colour)
    margin = 0.06 * (highest - lowest) + 1e-6
    ax.set_ylim(lowest - margin, highest + margin)
    ax.grid(axis="y", color=FAINT, lw=0.5)
    name_axes(ax, "Mean of ln p(x)", "σ")
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK, loc="lower center")
    return figure


def columns(errors, run=""):
    """Draw the error (d,) of each column of a table."""
    note = "The mean of (x̂ − x)² over the test rows, in units of the variance of the training rows. 1 is the error of "
    note += "the mean of a column."
    figure, (ax,) = chart_page(max(620, min(14 * len(errors) + 100, 1400)), 400, "Error of each column", note, run)
    ax.bar(np.arange(len(errors)), errors, 0.8, color=BLUE)
    ax.axhline(1, color=GREY, ls=":", lw=1.2)
    name_axes(ax, "", "column", "(x̂ − x)²")
    return figure
