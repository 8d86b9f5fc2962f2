"""A course of one lesson with two small exercises, for the tests of grading; `lesson_with` writes a submission."""

SMALL_LESSON = '''# %% [markdown]
# # 1. Small

# %%
import os
import sys

import numpy as np

MORE

# %%
def double(x):
    """x (n, d) -> y (n, d)."""
    ### BEGIN SOLUTION
    DOUBLE
    ### END SOLUTION


# %%
def sums(x, h):
    """x (n, d), h -> a (d,), b (n,)."""
    ### BEGIN SOLUTION
    SUMS
    ### END SOLUTION
'''

SMALL_CHECKS = """import numpy as np

from lessons import lesson_01_small as lesson
from lessons.checking import Exercise, checks_of, scaled


def inputs(rng):
    n, d = rng.permutation(np.arange(2, 6))[:2]
    return (rng.normal(size=(n, d)),)


def twice(x):
    return np.array([[number + number for number in row] for row in x])


def both(x, h):
    return np.array([h * sum(column) for column in x.T]), np.array([h * sum(row) for row in x])


EXERCISES = [
    Exercise(
        "1.1", "double", ("y",), inputs, twice, [scaled("y", lambda inputs: 2, "four times")],
        ("", "", ""), variants={"thrice": lambda x: 3 * x},
    ),
    Exercise("1.2", "sums", ("a", "b"), lambda rng: (*inputs(rng), 0.5), both, [], ("", "", "")),
]
test_exercise = checks_of(lesson, EXERCISES)
"""

SMALL_HIDDEN = """
def one_row(rng):
    '''one row'''
    return (rng.normal(size=(1, 7)),)


HIDDEN = {"1.1": one_row}
"""

RIGHT = {"DOUBLE": "return 2 * x", "SUMS": "return h * x.sum(axis=0), h * x.sum(axis=1)"}


def lesson_with(more="", **functions):
    """Return the text of a lesson with statements for its two functions, right where none are given."""
    text = SMALL_LESSON.replace("MORE", more)
    for name, statements in {**RIGHT, **functions}.items():
        text = text.replace(f"    {name}\n", "".join(f"    {line}\n" for line in statements.splitlines()))
    return text


def write_course(folder):
    """Write the course's lesson, checks and hidden inputs into a new folder."""
    (folder / "instructor").mkdir(parents=True)
    (folder / "lesson_01_small.py").write_text(lesson_with(), encoding="utf-8")
    (folder / "test_01_small.py").write_text(SMALL_CHECKS, encoding="utf-8")
    (folder / "instructor" / "hidden.py").write_text(SMALL_HIDDEN, encoding="utf-8")
    return folder
