"""A small lesson with two exercises, one of them with a variant, for tests of the course's tools."""

LESSON = '''# %% [markdown]
# # 1. Twice as much
#
# Double a number.

# %%
import numpy as np


def double(x):
    """x (n,) -> y (n,), twice as large."""
    ### BEGIN SOLUTION
    doubled = 2.0 * x
    return doubled
    ### END SOLUTION


class Given:
    """A class that is not an exercise."""

    def forward(self, x):
        """x (n,) -> double(x)."""
        return double(x)


# %%
def weigh(x, w):
    """x (n,), w (n,) -> total (), mean ()."""
    weighed = x * w
    ### BEGIN SOLUTION
    total = np.add.reduce(weighed)
    mean = total / weighed.size
    ### END SOLUTION
    return total, mean


# %%
if __name__ == "__main__":
    print(double(np.ones(3)))
'''

CHECKS = '''"""Checks of lesson 1."""

import numpy as np

from lessons import lesson_01_twice as lesson
from lessons.checking import Exercise, changed, checks_of, scaled


def vector(rng):
    return (rng.uniform(1, 2, size=rng.integers(2, 6)),)


def pair(rng):
    n = rng.integers(2, 6)
    return rng.uniform(1, 2, size=n), rng.uniform(1, 2, size=n)


def weighted(x, w):
    total = sum(a * b for a, b in zip(x, w))
    return total, total / len(x)


EXERCISES = [
    Exercise(
        "1.1", "double", ("y",), vector, lambda x: x + x,
        mistakes=[scaled("y", lambda inputs: 0.5, "nothing was doubled")],
        hints=("Add it to itself.", "y has the shape of x.", "y = 2x"),
        variants={"thrice": lambda x: x + x + x},
    ),
    Exercise(
        "1.2", "weigh", ("total", "mean"), pair, weighted, points=2,
        mistakes=[
            scaled("mean", lambda inputs: len(inputs[0]), "mean is a sum"),
            changed("total", lambda total, inputs: total / len(inputs[0]), "total is a mean"),
        ],
        hints=("Sum.", "Both are numbers.", "Σ xw, Σ xw / n"),
    ),
]

test_exercise = checks_of(lesson, EXERCISES)
'''

TABLE = {"1.1": {"thrice": {"twice as large.": "three times as large.", "doubled = 2.0 * x": "doubled = 3.0 * x"}}}


def write(folder, lesson=LESSON, checks=CHECKS):
    """Write the lesson and its checks into `folder`, which is made; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lesson_01_twice.py").write_text(lesson, encoding="utf-8")
    (folder / "test_01_twice.py").write_text(checks, encoding="utf-8")
    return folder
