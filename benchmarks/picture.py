"""Draw benchmarks/cost.png from the table of sizes in benchmarks/README.md: what a step costs over its products alone.

python -m benchmarks.picture
"""

import re
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
ROW = re.compile(r"^\| (\d+), (\d+), Adam \|(.*)\|$", re.M)
CONTENDERS = ("tinyaae", "numpy-fast", "PyTorch", "PyTorch fused", "JAX")
MARKS = ("o-", "s-", "^--", "v--", "D:")


def table(text):
    """Return (width, batch) -> the ratio of each contender's time to the floor, from the page's text."""
    found = {}
    for width, batch, cells in ROW.findall(text):
        floor, *times = (float(cell.split()[0]) for cell in cells.split("|"))
        found[int(width), int(batch)] = [time / floor for time in times]
    return found


def draw(path, ratios):
    """Write the picture of `ratios`, as `table` returns them, to the file `path`."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    panels = ("width, at 100 images a step", 0, 100), ("images a step, at width 1000", 1, 1000)
    for ax, (label, axis, other) in zip(axes, panels, strict=True):
        sizes = sorted(size for size in ratios if size[1 - axis] == other)
        for k, (name, mark) in enumerate(zip(CONTENDERS, MARKS, strict=True)):
            ax.plot([size[axis] for size in sizes], [ratios[size][k] for size in sizes], mark, label=name)
        ax.axhline(1, color="0.4", lw=1)
        ax.set_xscale("log")
        ax.set_xticks([size[axis] for size in sizes], [str(size[axis]) for size in sizes])
        ax.minorticks_off()
        ax.set_xlabel(label)
    axes[0].set_ylabel("time of a step ÷ its products alone")
    axes[1].legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    draw(HERE / "cost.png", table((HERE / "README.md").read_text(encoding="utf-8")))
