"""Draw pictures/length.png: the error on validation images against the epochs, for the rows of the short table.

    python -m results curves

So one sees what more epochs would bring. A line is the mean over the seeds of a row, a band goes from the least to
the largest. The likelihood has no panel, because it is not measured at each epoch.
"""

import csv
from pathlib import Path

from .experiments import EXPERIMENTS, HEADLINES

HERE = Path(__file__).parent
PICTURE = HERE / "pictures" / "length.png"
COLUMNS = "the paper's objectives alone", "with additional terms"
PANELS = {first: rows for first, rows in HEADLINES.items() if EXPERIMENTS[first].better == "lower"}
TICKS = 1, 2, 3, 5, 10, 20, 30, 50


def run():
    """Draw the picture from the files of the runs."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 5, figsize=(14, 6), sharey=True, layout="constrained")
    for ax, (first, rows) in zip(axes.flat, PANELS.items(), strict=True):
        draw(ax, first, rows)
    axes.flat[0].legend(frameon=False, loc="upper right")
    figure.supxlabel("epoch")
    figure.supylabel("error on validation images, %")
    figure.savefig(PICTURE, dpi=110)


def draw(ax, first, rows):
    """Draw the curves of `rows`, the two columns of the paper's experiment `first`, and the paper's test error."""
    import numpy as np

    for name, column in zip(rows, COLUMNS, strict=True):
        errors = 100 * np.array([validation_errors(file) for file in sorted(HERE.glob(f"{name}/seed-*/metrics.csv"))])
        epochs = np.arange(1, 1 + errors.shape[1])
        (line,) = ax.plot(epochs, errors.mean(axis=0), label=column)
        ax.fill_between(epochs, errors.min(axis=0), errors.max(axis=0), color=line.get_color(), alpha=0.2, lw=0)
    if (paper := EXPERIMENTS[first].paper) != "none":
        ax.axhline(float(paper.split()[0]), color="grey", ls=":", label="the paper, on test images")
    ax.set_yscale("log")
    ax.set_yticks(TICKS, TICKS)
    ax.minorticks_off()
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_title(EXPERIMENTS[first].title.replace(" error %", ""), fontsize="medium")


def validation_errors(file):
    """Return the error of each epoch in a metrics.csv, that of naming clusters where there are no labels."""
    with open(file, encoding="utf-8") as lines:
        return [float(row.get("validation_error") or row["validation_cluster_error"]) for row in csv.DictReader(lines)]
