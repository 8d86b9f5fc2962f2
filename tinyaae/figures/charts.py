"""Pictures made of numbers: learning curves, and what q(y|x) and the likelihood say of the test images.

Each is one function to a matplotlib `Figure`, from a model and its data, from the rows of metrics.csv, or from the
entries of result.json.
"""

import math

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..metrics import contingency, error_rate
from ..metrics.own import own_values
from ..training.collapse import chance_of
from .arrays import MOST_ROWS, palette, shown
from .latent import key_of_classes
from .layout import BLUE, FAINT, GREY, INK, ORANGE, chart_page, name_axes

CURVES = [  # title, column of metrics.csv -> its name, a dotted line (of a model: where, its name), scale
    ("Reconstruction error ½ Σ (x̂ − x)²",
     {"half_squared_error": "training, on noisy input", "reconstruction_error": "validation"}, None, "linear"),
    ("Cross-entropy of the pixels", {"cross_entropy": "training, on noisy input"}, None, "linear"),
    ("KL(q(z|x) ‖ p(z))", {"kl": "training"}, None, "linear"),
    ("Adversarial losses",
     {"D_gauss": "D_gauss", "G_gauss": "Q against D_gauss", "D_cat": "D_cat", "G_cat": "Q against D_cat",
      "D_image": "D of images", "G_image": "P against D of images"},
     lambda model: (chance_of(model), f"{chance_of(model):.3f}: D cannot tell"), "linear"),
    ("Accuracy of D",
     {"D_gauss_accuracy": "D_gauss", "D_cat_accuracy": "D_cat", "D_image_accuracy": "D of images"},
     lambda model: (0.5, "50 %: D guesses"), "share"),
    ("Cluster heads closer than η", {"head_distance": "Σ max(0, η − distance)"}, None, "linear"),
    ("Latent noise: reconstruction from z + noise", {"latent_noise": "training"}, None, "linear"),
    ("Information maximization: λ·(H(y|x) − 4·H(y))", {"information_maximization": "training"}, None, "linear"),
    ("VAT: cross-entropy of y at x + r", {"vat": "training"}, None, "linear"),
    ("Classification loss (log scale)", {"classification": "training, on labelled images"}, None, "log"),
    ("Given the wrong class",
     {"validation_error": "validation", "validation_cluster_error": "validation, clusters named"}, None, "share"),
]  # fmt: skip


def learning_curves(model, metrics):
    """Draw each phase's losses over the epochs, from the rows of metrics.csv, and what validation says of them."""
    panels = [panel for panel in CURVES if panel[1].keys() & metrics[0].keys()]
    panels += [(name, {name: "training"}, None, "linear") for name in own_values(metrics[0])]
    columns = min(3, len(panels))
    shape = -(-len(panels) // columns), columns
    figure, axes = chart_page(max(380 * columns, 620), 300 * shape[0], "Learning curves", "One point an epoch.", shape)
    epochs = [row["epoch"] for row in metrics]
    look = dict(lw=1.5, marker="o", ms=3) if len(epochs) < 40 else dict(lw=0.8)
    for ax, (title, names, reference, scale) in zip(axes, panels, strict=False):
        for column in [column for column in names if column in metrics[0]]:
            values = [max(row[column], 1e-9) if scale == "log" else row[column] for row in metrics]
            colour = ORANGE if column[1:5] == "_cat" or "error" in column else BLUE
            style = "--" if column.startswith("G_") else "-"
            ax.plot(epochs, values, style, color=colour, label=names[column], **look)
        where, name = reference(model) if reference else (math.inf, "")
        if math.isfinite(where):
            ax.axhline(where, color=GREY, ls=":", lw=1.2, label=name)
        name_axes(ax, title, "epoch")
        ax.set_yscale("log" if scale == "log" else "linear")
        if scale == "share":
            ax.yaxis.set_major_formatter(PercentFormatter(1))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(axis="y", color=FAINT, lw=0.5)
        ax.margins(y=0.15)
        free = "best" if len(epochs) < 1000 else "upper right"  # searching the best place is slow among many points
        ax.legend(loc=free, fontsize=7.5, edgecolor="none", framealpha=0.8, labelcolor=INK)
    for ax in axes[len(panels) :]:
        ax.remove()
    return figure


def label_histogram(model, dataset):
    """Draw how many test images each y gets: beside how many there are, or, for clusters, of which classes they are."""
    chosen, k = np.argmax(model.encode(dataset.x_test).logits, axis=1), model.config.y_dim
    counts = contingency(dataset.y_test, chosen, dataset.classes, k)
    what, place = "How often is each class said?", np.arange(k)
    classify = model.config.y_is_class
    note = f"Counts of {len(chosen)} test images by argmax q(y|x)."
    if not classify:
        what, note = "Who is in each cluster?", note + " Each bar is a cluster, and its colours are the true classes."
    figure, (ax,) = chart_page(max(620, min(26 * k + 100, 1400)), 400, what, note)
    if classify:
        ax.bar(place - 0.2, np.sum(counts, axis=1), 0.36, color="#b8b8b8", label="true")
        ax.bar(place + 0.2, np.sum(counts, axis=0), 0.36, color=BLUE, label="said by q(y|x)")
        ax.legend(fontsize=8.5, frameon=False, labelcolor=INK, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    else:
        bottom = np.zeros(k)
        for colour, row in zip(palette(dataset.classes), counts, strict=True):
            ax.bar(place, row, 0.8, bottom, color=colour)
            bottom += row
        key_of_classes(figure, dataset.classes)
    ax.set_xticks(range(0, k, -(-k // 40)))
    name_axes(ax, "", "class" if classify else "cluster", "test images")
    return figure


def confidence(model, dataset):
    """Draw how sure q(y|x) is of the y it chooses; where y is a class, where it is right and where it is wrong."""
    code = model.encode(dataset.x_test)
    chosen, sure = np.argmax(code.logits, axis=1), np.max(code.y, axis=1)
    note = "The probability max q(y|x) of the chosen y, on test images; counts on a log scale."
    if model.config.y_is_class:
        right, title = chosen == dataset.y_test, "How sure is the classifier?"
        shares = [(right, "right", dict(color=BLUE, alpha=0.4)),
                  (~right, "wrong", dict(color=ORANGE, histtype="step", lw=1.8))]  # fmt: skip
    else:
        everyone, title = np.full(len(sure), True), "How sure is Q of a cluster?"
        shares = [(everyone, "images", dict(color=BLUE, alpha=0.4))]
    figure, (ax,) = chart_page(620, 400, title, note)
    bins = np.linspace(1 / code.y.shape[1], 1, 41)
    for where, name, look in shares:
        mean = f", {np.mean(sure[where]):.1%} sure on average" if np.any(where) else ""
        ax.hist(np.clip(sure[where], bins[0], 1), bins, label=f"{np.sum(where)} {name}{mean}", **look)
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(0, 8 * len(sure))  # room for the legend
    name_axes(ax, "", "max q(y|x)", "images")
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK, loc="upper left")
    return figure


def confusion(model, dataset):
    """Draw how many test images of each class get each y: a class, or a cluster, in the order of their main classes."""
    chosen = np.argmax(model.encode(dataset.x_test).logits, axis=1)
    counts = contingency(dataset.y_test, chosen, dataset.classes, model.config.y_dim)
    order = np.arange(model.config.y_dim)
    note = f"Counts of {len(chosen)} test images. The colour is the share of the row."
    if model.config.y_is_class:
        column, title = "argmax q(y|x)", f"Confusion: {error_rate(chosen, dataset.y_test):.2%} of test images wrong"
    else:
        order = np.argsort(np.argmax(counts, axis=0), kind="stable")
        column, title = "cluster: argmax q(y|x)", "Which classes share a cluster?"
        note += " Clusters stand in the order of the class that most of their images have."
    counts = counts[:, order]
    shares = counts / np.maximum(np.sum(counts, axis=1, keepdims=True), 1)
    crowded = counts.shape[1] > MOST_ROWS
    figure, (ax,) = chart_page(1000 if crowded else 620, 600, title, note)
    ax.imshow(shares, "Blues", norm=PowerNorm(0.4, 0, 1), aspect="auto", interpolation="nearest")
    ticks = [range(0, n, -(-n // most)) for n, most in zip(counts.shape, (MOST_ROWS, 40), strict=True)]
    ax.set(xticks=ticks[1], yticks=ticks[0], xticklabels=order[ticks[1]])
    for (i, j), count in np.ndenumerate(counts):
        if count and max(counts.shape) <= 40:  # more numbers could not be read
            colour = "white" if shares[i, j] > 0.2 else INK
            ax.text(j, i, count, fontsize=6.5 if crowded else 7.5, color=colour, ha="center", va="center")
    ax.tick_params(length=0)
    name_axes(ax, "", column, "true class")
    return figure


def matching(found):
    """Draw for each label what `evaluate` found: the clusters named after it, and how precise and complete they are."""
    rows = found["per_label"][:MOST_ROWS]
    clustered = "clusters" in rows[0]
    title = "Which clusters stand for which label?" if clustered else "Label by label"
    note = "Precision: of the test images given this label, the share that have it. "
    note += "Recall: of those that have it, the share that are given it."
    if clustered:
        note += " A cluster's label is that of the validation image that Q is surest of, as in the paper."
    note += shown(len(rows), len(found["per_label"]), "labels")
    figure, (ax,) = chart_page(760, max(34 * len(rows), 200) + 86, title, note)
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
    name_axes(ax, "", "share of test images", "")
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def name_of(row):
    """Return a label, with the clusters named after it, as many as a line holds."""
    if "clusters" not in row:
        return str(row["label"])
    first, more = ", ".join(map(str, row["clusters"][:10])), " …" if len(row["clusters"]) > 10 else ""
    word = {0: "no cluster", 1: "cluster "}.get(len(row["clusters"]), "clusters ")
    return f"{row['label']}:  {word}{first}{more}"


def sigma_curve(found):
    """Draw the search of the Parzen windows' width, for each number of samples that has been tried."""
    note = "The mean of ln p(x) over 1000 validation images for each width of the windows. The best, marked, is kept "
    figure, (ax,) = chart_page(620, 420, "How wide should a Parzen window be?", note + "for the test images.")
    ends = [name.removeprefix("parzen_curve") for name in found if name.startswith("parzen_curve")]
    for colour, end in zip((BLUE, ORANGE, INK, GREY), ends, strict=False):
        sigmas, values = np.array(found[f"parzen_curve{end}"]).T
        best = int(np.argmax(values))
        which = "samples resampled by D" if end.endswith("_resampled") else "samples"
        name = f"{found[f'parzen_searched{end}']:,} {which}: σ = {sigmas[best]:.3f}".replace(",", " ")
        ax.plot(sigmas, values, "-o", ms=3, lw=1.5, color=colour, label=name)
        ax.plot(sigmas[best], values[best], "o", ms=9, mfc="none", mew=1.5, color=colour)
    highest = max(max(value for _, value in found[f"parzen_curve{end}"]) for end in ends)
    lowest = min(value for _, value in found[f"parzen_curve{ends[0]}"])
    lowest = max(lowest, highest - 1000)  # too narrow windows are hopeless beyond measure
    margin = 0.06 * (highest - lowest) + 1e-6
    ax.set_ylim(lowest - margin, highest + margin)
    ax.grid(axis="y", color=FAINT, lw=0.5)
    name_axes(ax, "", "σ", "mean of ln p(x), validation")
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK, loc="lower center")
    return figure
