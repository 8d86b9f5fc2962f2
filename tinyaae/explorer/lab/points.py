"""Data that can be seen whole: points in the plane, as a `Dataset` of rows of a table, and a part of MNIST."""

import math
from functools import cache
from pathlib import Path

import numpy as np

from ... import data
from ...errors import UserError

POINTS, IMAGES, SHOWN = 600, 6000, 400  # points of a shape, images of MNIST, and how many of either are drawn
MOST_DRAWN = 400  # places of a drawing


def ring(rng, n):
    """Return n points (n, 2) on a circle of radius 1 with noise, and which third of it each lies on (n,)."""
    turn = (np.arange(n) + rng.random(n)) / n
    angle, radius = 2 * np.pi * turn, 1 + 0.05 * rng.normal(size=n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), (3 * turn).astype(int)


def moons(rng, n):
    """Return n points (n, 2) on two half circles that interlock, and which of the two each lies on (n,)."""
    side, angle = np.arange(n) % 2, np.pi * rng.random(n)
    sign = 1 - 2 * side
    x = np.stack([0.7 * sign * np.cos(angle) + 0.7 * side - 0.35, 0.7 * sign * np.sin(angle) + 0.35 * side - 0.17], 1)
    return x + 0.05 * rng.normal(size=(n, 2)), side


def spiral(rng, n):
    """Return n points (n, 2) on two arms of a spiral, and which arm each lies on (n,)."""
    arm, t = np.arange(n) % 2, np.sqrt(rng.random(n))
    angle = 1.25 * 2 * np.pi * t + np.pi * arm
    return 1.2 * t[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.03 * rng.normal(size=(n, 2)), arm


SHAPES = {"ring": ring, "moons": moons, "spiral": spiral}


def dataset_of(name, drawing=()):
    """Return the `Dataset` called "ring", "moons", "spiral", "drawing" or "mnist".

    drawing: places [x, y, label], both coordinates in [−1.5, 1.5] and the label 0, 1 or 2. Each place becomes several
    points with a little noise. Raises `UserError` where there are fewer than 3 places, and where MNIST is not found.
    """
    if name == "mnist":
        return mnist()
    rng = np.random.default_rng(0)
    if name == "drawing":
        if len(drawing) < 3:
            raise UserError(f"drawing: {len(drawing)} places given, expected 3 at least; click into the plane of x")
        drawing = np.array(drawing, dtype=float)
        rows = np.tile(np.arange(len(drawing)), math.ceil(300 / len(drawing)))
        x, y = drawing[rows, :2] + 0.05 * rng.normal(size=(len(rows), 2)), drawing[rows, 2].astype(int)
        y = np.unique(y, return_inverse=True)[1]
    else:
        x, y = SHAPES[name](rng, POINTS)
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    return data.from_arrays(x, y, x, y, x, y, name=name, table=True)


@cache
def mnist():
    """Return the first images of MNIST; the test images are some of the same, since they are only looked at."""
    try:
        whole = data.load_mnist()
    except (UserError, OSError) as error:
        raise UserError(f"mnist: its files are not in {Path(data.__file__).parent.name}/; choose points") from error
    x, y = whole.x_train[:IMAGES], whole.y_train[:IMAGES]
    return whole._replace(x_train=x, y_train=y, x_test=x[:SHOWN], y_test=y[:SHOWN], x_validation=x[:SHOWN],
                          y_validation=y[:SHOWN])  # fmt: skip
