"""Checks of lesson 1."""

import numpy as np

from lessons import lesson_01_linear as lesson
from lessons.checking import Exercise, changed, checks_of, numerical, scaled, transposed


def sizes(rng):
    return rng.permutation(np.arange(2, 8))[:3]  # all different, so that a missing transpose cannot pass


def forward_inputs(rng):
    n, i, o = sizes(rng)
    return rng.normal(size=(n, i)), rng.normal(size=(i, o)), rng.normal(size=o)


def backward_inputs(rng):
    n, i, o = sizes(rng)
    return rng.normal(size=(n, o)), rng.normal(size=(n, i)), rng.normal(size=(i, o))


def element_by_element(x, W, b):
    weighted_sums = [[sum(x_i * w_i for x_i, w_i in zip(row, column, strict=True)) for column in W.T] for row in x]
    return np.array([[y_j + b_j for y_j, b_j in zip(row, b, strict=True)] for row in weighted_sums])


def by_differences(dy, x, W):
    b = np.zeros(W.shape[1])
    return (
        numerical(lambda x: np.sum(dy * element_by_element(x, W, b)), x),
        numerical(lambda W: np.sum(dy * element_by_element(x, W, b)), W),
        numerical(lambda b: np.sum(dy * element_by_element(x, W, b)), b),
    )


def sides(rng):
    d = rng.integers(3, 9)
    gradient, h = rng.normal(size=d), 10.0 ** -rng.integers(3, 6)
    middle = rng.normal(size=d)
    return middle + h * gradient, middle - h * gradient, h, gradient + rng.normal(size=d) * 0.01


def from_sides(above, below, h, ours):
    theirs = [(a - b) / h / 2 for a, b in zip(above, below, strict=True)]
    apart = max(abs(o - t) for o, t in zip(ours, theirs, strict=True))
    return np.array(theirs), apart / max(map(abs, [*ours, *theirs]))


def from_sides_by_sum(above, below, h, ours):
    theirs, error = from_sides(above, below, h, ours)
    largest = sorted([max(abs(ours)), max(abs(theirs))])
    return theirs, error * largest[1] / (largest[0] + largest[1])


def rows(inputs):
    return len(inputs[0])


EXERCISES = [
    Exercise(
        "1.1", "linear_forward", ("y",), forward_inputs, element_by_element,
        mistakes=[
            changed("y", lambda y, inputs: y - inputs[2], "b is not added"),
            transposed("y"),
        ],
        hints=(
            "Every output is a weighted sum of the inputs of its row, and a constant.",
            "x (n, d_in) times W (d_in, d_out) is (n, d_out); b (d_out,) is added to every row.",
            "y = xW + b",
        ),
    ),
    Exercise(
        "1.2", "linear_backward", ("dx", "dW", "db"), backward_inputs, by_differences, points=2,
        mistakes=[
            transposed("dW"),
            scaled("dW", lambda inputs: 1 / rows(inputs), "dW is averaged over the batch; the loss does that already"),
            scaled("db", lambda inputs: 1 / rows(inputs), "db is a mean over the batch where it should be a sum"),
        ],
        hints=(
            "Each weight reaches the loss through one output of every row: add up what each row says.",
            "dx is (n, d_in): only dy (n, d_out) times the transpose of W (d_in, d_out) fits; find dW so, too.",
            "dx = dy·Wᵀ,  dW = xᵀ·dy,  db = Σ over rows of dy",
        ),
    ),
    Exercise(
        "1.3", "compare_with_differences", ("differences", "error"), sides, from_sides,
        mistakes=[
            scaled("differences", lambda inputs: 2, "divided by h where the two sides are 2h apart"),
        ],
        hints=(
            "The slope is the rise over the run, and the run is from x − h to x + h.",
            "above and below are (d,), so the differences are (d,); the error is one number.",
            "(above − below)/2h;  max|ours − theirs| / max(max|ours|, max|theirs|)",
        ),
        variants={"scaled-by-sum": from_sides_by_sum},
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
