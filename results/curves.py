"""Draw pictures/length.png: the validation error against the epochs, for rows of the same experiment.

    python -m results curves

So one sees what more epochs bring. A line is the mean over the seeds of a row, a band goes from the least to the
largest.
"""

import csv
from pathlib import Path

HERE = Path(__file__).parent
PICTURE = HERE / "pictures" / "length.png"
ROWS = {
    "semi-supervised-100-longer": "the paper's objectives alone",
    "semi-supervised-100-robust-pairs": "with VAT",
}


def run():
    """Draw the picture from the files of the runs."""
    import matplotlib.pyplot as plt
    import numpy as np

    figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for name, label in ROWS.items():
        errors = 100 * np.array([validation_errors(file) for file in sorted(HERE.glob(f"{name}/seed-*/metrics.csv"))])
        epochs = np.arange(1, 1 + errors.shape[1])
        (line,) = ax.plot(epochs, errors.mean(axis=0), label=f"{label}, {len(errors)} seeds")
        ax.fill_between(epochs, errors.min(axis=0), errors.max(axis=0), color=line.get_color(), alpha=0.2, lw=0)
    ax.set_yscale("log")
    ax.set_yticks([1, 1.5, 2, 3, 4, 6, 10], ["1", "1.5", "2", "3", "4", "6", "10"])
    ax.minorticks_off()
    ax.set_xlabel("epoch")
    ax.set_ylabel("validation error, %")
    ax.set_title("100 labels")
    ax.legend(frameon=False)
    figure.savefig(PICTURE, dpi=110)


def validation_errors(file):
    """Return the validation error of each epoch in a metrics.csv."""
    with open(file, encoding="utf-8") as lines:
        return [float(row["validation_error"]) for row in csv.DictReader(lines)]
