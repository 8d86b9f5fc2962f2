"""Checks of lesson 1."""

import numpy as np

from lessons import lesson_01_linear as lesson
from lessons.checking import Exercise, changed, checks_of, instead, numerical, scaled, transposed


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


def two_gradients(rng, larger, smaller):
    """A gradient and one that is a little smaller, which differ most where both are largest, and negative."""
    gradient = rng.normal(size=rng.integers(3, 9))
    most = np.argmax(np.abs(gradient))
    gradient *= -1.5 * np.sign(gradient[most])
    gradient[most - 1] = gradient[most] / 100  # the largest relative difference is elsewhere
    other = gradient * rng.uniform(0.94, 0.98, size=len(gradient))
    other[most], other[most - 1] = gradient[most] * 0.9, gradient[most - 1] / 2
    return {larger: gradient, smaller: other}


def both_sides(rng, ours, theirs):
    middle, h = rng.normal(size=len(theirs)), 10.0 ** -rng.integers(3, 6)
    return middle + h * theirs, middle - h * theirs, h, ours


def sides(rng):
    return both_sides(rng, **two_gradients(rng, larger="theirs", smaller="ours"))


def sides_of_a_smaller(rng):
    return both_sides(rng, **two_gradients(rng, larger="ours", smaller="theirs"))


def from_sides(above, below, h, ours):
    theirs = [(a - b) / h / 2 for a, b in zip(above, below, strict=True)]
    apart = max(abs(o - t) for o, t in zip(ours, theirs, strict=True))
    return np.array(theirs), apart / max(map(abs, [*ours, *theirs]))


def from_sides_by_sum(above, below, h, ours):
    theirs, error = from_sides(above, below, h, ours)
    largest = sorted([max(abs(ours)), max(abs(theirs))])
    return theirs, error * largest[1] / (largest[0] + largest[1])


def error_by(measure):
    """Return the wrong error `measure(theirs, ours)`, as a function of the inputs."""
    return lambda above, below, h, ours: measure((above - below) / h / 2, ours)


def apart(theirs, ours):
    return np.max(np.abs(theirs - ours))


def rows(inputs):
    return len(inputs[0])


EXERCISES = [
    Exercise(
        "1.1", "linear_forward", ("y",), forward_inputs, element_by_element,
        mistakes=[
            changed("y", lambda y, inputs: y - inputs[2], "b is not added"),
            transposed("y"),
            changed("y", lambda y, inputs: y - 2 * inputs[2], "b is subtracted; it should be added"),
            changed("y", lambda y, inputs: y + inputs[2], "b is added twice; is that line inside a loop"),
            changed("y", lambda y, inputs: y - inputs[2] + np.sum(inputs[2]),
                    "the sum of b is added to every output; each output has its own element of b"),
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
            transposed("dx"),
            instead("dW", lambda dy, x, W: np.einsum("ni,no->io", x, np.ones_like(dy)),
                    "dW does not depend on dy: each weight's input should be multiplied by the dy of its output"),
            instead("db", lambda dy, x, W: np.ones(dy.shape[1]),
                    "db does not depend on dy: b reaches the loss through every row of dy"),
            instead("db", lambda dy, x, W: np.sum(dy, axis=1),
                    "db is summed along each row (axis 1); it is a sum over the rows (axis 0)"),
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
            instead("error", error_by(lambda d, ours: np.max(np.abs(d - ours) / np.maximum(np.abs(d), np.abs(ours)))),
                    "the error divides element by element; here one number, the largest, divides all"),
            instead("error", error_by(lambda d, ours: np.max(d - ours) / max(np.max(d), np.max(ours))),
                    "the absolute values are missing in the error: a negative difference counts, too"),
            instead("error", error_by(lambda d, ours: np.max(d - ours) / max(np.max(np.abs(d)), np.max(np.abs(ours)))),
                    "the absolute value of the difference is missing in the error"),
            instead("error", error_by(lambda d, ours: np.max(ours - d) / max(np.max(np.abs(d)), np.max(np.abs(ours)))),
                    "the absolute value of the difference is missing in the error: ours may be the smaller one",
                    at_edge=True),
            instead("error", error_by(lambda d, ours: apart(d, ours) / np.max(np.abs(ours))),
                    "the error is relative to our gradient alone; the larger of the two should divide"),
            instead("error", error_by(lambda d, ours: apart(d, ours) / np.max(np.abs(d))),
                    "the error is relative to the differences alone; the larger of the two should divide",
                    at_edge=True),
            instead("error", error_by(apart), "the error is absolute; relative means divided by the larger gradient"),
        ],
        hints=(
            "The slope is the rise over the run, and the run is from x − h to x + h.",
            "above and below are (d,), so the differences are (d,); the error is one number.",
            "(above − below)/2h;  max|ours − theirs| / max(max|ours|, max|theirs|)",
        ),
        variants={"scaled-by-sum": from_sides_by_sum},
        edge=sides_of_a_smaller,
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
