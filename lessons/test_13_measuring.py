"""Checks of lesson 13."""

import math

import numpy as np

from lessons import lesson_13_measuring as lesson
from lessons.checking import Exercise, changed, checks_of, scaled
from tinyaae.metrics import normalized_mutual_information
from tinyaae.metrics.likelihood import parzen_log_likelihood


def distances(rng):
    n, samples, d = rng.permutation(np.arange(3, 9))[:3]
    return rng.uniform(0.5, 2, size=(n, samples)) * d, rng.uniform(0.1, 0.3), int(d)


def far_distances(rng):
    """Distances so large that a plain exponential is 0."""
    square, sigma, d = distances(rng)
    return square * 1000, sigma, d


def one_window_at_a_time(squared_distances, sigma, d):
    """The library's, on images at the origin and samples along one axis at the given distances."""
    found = []
    for row in squared_distances:
        samples = np.zeros((len(row), d))
        samples[:, 0] = np.sqrt(row)
        found.append(parzen_log_likelihood([samples], np.zeros((1, d)), sigma)[0])
    return np.array(found)


def no_height(log_p, inputs):
    _, sigma, d = inputs
    return log_p + d * np.log(sigma)


def seeds(rng):
    return (rng.uniform(0.01, 0.1, rng.integers(3, 9)),)


def k(inputs):
    return len(inputs[0])


def spread(values):
    k = len(values)
    pairs = [(a - b) ** 2 for a in values for b in values]  # the variance is half the mean square of all differences
    deviation = math.sqrt(sum(pairs) / (2 * k * (k - 1)))
    return math.fsum(values) / k, deviation, deviation / math.sqrt(k)


def robust(values):
    """Another term: median, median distance from it, and that over √k."""
    ordered = sorted(values)
    k = len(ordered)
    middle = (ordered[(k - 1) // 2] + ordered[k // 2]) / 2
    apart = sorted(abs(value - middle) for value in values)
    distance = (apart[(k - 1) // 2] + apart[k // 2]) / 2
    return middle, distance, distance / math.sqrt(k)


def table(rng):
    counts = rng.integers(0, 9, size=rng.permutation(np.arange(2, 7))[:2])
    counts[:, 0] = 1 + np.arange(len(counts))  # no row is empty, and the classes are not equally frequent
    counts[0] += 2  # nor is any column
    counts[-1, -1] = 0
    return (counts,)


def entropies(counts):
    shares = [np.sum(counts, axis=axis) / np.sum(counts) for axis in (1, 0)]
    return [-sum(q * math.log(q) for q in share if q) for share in shares]


EXERCISES = [
    Exercise(
        "13.1", "parzen", ("log_p",), lambda rng: (distances if rng.random() < 0.5 else far_distances)(rng),
        one_window_at_a_time, points=2,
        mistakes=[
            changed("log_p", lambda p, inputs: p + np.log(inputs[0].shape[1]), "a sum over the N samples, not a mean"),
            changed("log_p", no_height, "the height of a window, σ to the power −d, is missing"),
            changed("log_p", lambda p, inputs: p - np.inf, "the exponential is 0: take the largest exponent out"),
            changed("log_p", lambda p, inputs: 0 * p + np.mean(p), "one number for all images where each has its own"),
        ],
        hints=(
            "A mean of exponentials, in logarithms: take out the largest exponent, or everything becomes 0.",
            "Work on (n, N): exponents, their largest along axis 1 (n, 1), then a sum along axis 1 gives (n,).",
            "m + ln Σ e^(a − m) − ln N − d/2·ln(2πσ²), a = −distance²/2σ², m the largest a of the row",
        ),
    ),
    Exercise(
        "13.2", "over_seeds", ("mean", "deviation", "standard_error"), seeds, spread, variants={"robust": robust},
        mistakes=[
            scaled("deviation", lambda inputs: np.sqrt(1 - 1 / k(inputs)), "divided by k, but k − 1 of them are free"),
            scaled("standard_error", lambda inputs: np.sqrt(k(inputs)), "the standard error is not divided by √k"),
            scaled("standard_error", lambda inputs: 1 / np.sqrt(k(inputs)), "divided by k where it should be √k"),
        ],
        hints=(
            "How far does one run fall from the mean, and how far would the mean of other runs fall?",
            "values is (k,); all three results are single numbers.",
            "s² = Σ (v − mean)² / (k − 1); the standard error is s/√k",
        ),
    ),
    Exercise(
        "13.3", "normalized_information", ("information",), table, normalized_mutual_information,
        mistakes=[
            scaled("information", lambda inputs: np.mean(entropies(*inputs)), "it is not divided by the mean entropy"),
            scaled("information", lambda inputs: 0.5, "divided by the sum of the entropies, not by their mean"),
            changed("information", lambda p, inputs: p * np.nan, "0·ln 0 came out as NaN; leave the empty cells out"),
        ],
        hints=(
            "Compare the share of each cell with what it would be if row and column knew nothing of each other.",
            "counts (r, c) -> shares (r, c), their row sums (r,) and column sums (c,); the result is one number.",
            "Σ p·ln(p / (p_r·p_c)) over cells with p > 0, divided by ½(H(rows) + H(columns)), H = −Σ q·ln q",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
