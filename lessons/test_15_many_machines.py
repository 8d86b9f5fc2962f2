"""Checks of lesson 15."""

import numpy as np

from lessons import lesson_15_many_machines as lesson
from lessons.checking import Exercise, changed, checks_of, scaled


def rows_and_ranks(rng):
    ranks = int(rng.integers(3, 7))
    return int(ranks * rng.integers(2, 9) + rng.integers(1, ranks)), ranks  # never a multiple


def dealt(n, ranks):
    """Deal the rows like cards, then see how many each rank has."""
    hands = [len(range(rank, n, ranks)) for rank in range(ranks)]
    edges = [sum(hands[:rank]) for rank in range(ranks + 1)]
    return np.array(edges[:-1]), np.array(edges[1:])


def dealt_from_the_back(n, ranks):
    """Another term: the larger shares come last."""
    starts, stops = dealt(n, ranks)
    return n - stops[::-1], n - starts[::-1]


def equal_shares_and_a_long_last(starts, inputs):
    n, ranks = inputs
    return np.arange(ranks) * (n // ranks)


def gradients(rng):
    ranks, d = rng.permutation(np.arange(2, 8))[:2]
    return rng.normal(size=(ranks, d)), rng.permutation(np.arange(1, 20))[:ranks]


def of_all_rows(gradients, rows):
    each = [g for g, n in zip(gradients, rows, strict=True) for _ in range(n)]
    return np.mean(each, axis=0)


def columns(rng):
    ranks, d = rng.permutation(np.arange(2, 8))[:2]
    rows = rng.permutation(np.arange(2, 20))[:ranks]
    x = [rng.normal(2, 1, size=(n, d)) for n in rows]
    return np.array([np.sum(part, axis=0) for part in x]), np.array([np.sum(part**2, axis=0) for part in x]), rows


def moments(sums, squares, rows):
    n = float(sum(rows))
    mean = [sum(column) / n for column in sums.T]
    return np.array(mean), np.array([sum(c) / n - m * m for c, m in zip(squares.T, mean, strict=True)])


def unbiased(sums, squares, rows):
    """Another term: the variance divided by n − 1."""
    mean, variance = moments(sums, squares, rows)
    return mean, variance * sum(rows) / (sum(rows) - 1)


def cluster(rng):
    ranks = np.arange(2, rng.integers(5, 12))
    return ranks, rng.uniform(0.05, 0.2), rng.uniform(1e7, 4e7), rng.uniform(1e8, 1e9), rng.uniform(1e-5, 1e-4)


def times(ranks, seconds, vector_bytes, bytes_per_second, latency, trips=2):
    found = []
    for r in ranks:
        messages = [vector_bytes / r / bytes_per_second + latency for _ in range(trips * (r - 1))]
        found.append(seconds / r + sum(messages))
    return np.array(found)


def message_by_message(ranks, seconds, *line):
    return seconds / times(ranks, seconds, *line)


EXERCISES = [
    Exercise(
        "15.1", "shares", ("starts", "stops"), rows_and_ranks, dealt, variants={"from-the-back": dealt_from_the_back},
        mistakes=[
            changed("starts", equal_shares_and_a_long_last, "the rows that are left over all go to the last rank"),
            changed("stops", lambda stops, inputs: stops - 1, "stops is the last row, not the row after it"),
        ],
        hints=(
            "Everybody gets the whole part of n / ranks; the first few get one more.",
            "Both results are (ranks,); each stop is the next rank's start.",
            "⌊n/ranks⌋ rows each, one more for the first n mod ranks; running sums of these are the stops",
        ),
    ),
    Exercise(
        "15.2", "combine", ("gradient",), gradients, of_all_rows,
        mistakes=[
            changed("gradient", lambda g, inputs: np.mean(inputs[0], axis=0), "a plain mean, though the shares differ"),
            scaled("gradient", lambda inputs: np.sum(inputs[1]), "it is not divided by the rows of the whole batch"),
            changed("gradient", lambda g, inputs: np.sum(inputs[0], axis=0), "the sum of the means is no mean"),
        ],
        hints=(
            "A rank with more rows has more to say.",
            "rows (ranks,) weighs gradients (ranks, d); the sum over ranks is (d,).",
            "g = Σ n_r·g_r / Σ n_r",
        ),
    ),
    Exercise(
        "15.3", "batch_statistics", ("mean", "variance"), columns, moments, variants={"unbiased": unbiased},
        mistakes=[
            changed("variance", lambda v, inputs: sum(inputs[1]) / sum(inputs[2]), "the mean is not taken off"),
            changed("mean", lambda m, inputs: np.mean(inputs[0].T / inputs[2], axis=1), "a mean of the ranks' means"),
            scaled("variance", lambda inputs: sum(inputs[2]) / (sum(inputs[2]) - 1), "divided by n − 1, not by n"),
        ],
        hints=(
            "Add up first, divide once.",
            "sums and squares are (ranks, d): sum over axis 0, divide by the number of all rows.",
            "mean = Σ sums / n,  variance = Σ squares / n − mean²",
        ),
    ),
    Exercise(
        "15.4", "speed_up", ("gain",), cluster, message_by_message, points=2,
        mistakes=[
            changed("gain", lambda g, inputs: 1 / g, "that is t(R)/t(1), the other way round"),
            changed("gain", lambda g, inputs: inputs[0] * 1.0, "the gradients have to travel, too"),
            changed("gain", lambda g, inputs: inputs[1] / times(*inputs, trips=1), "the vector goes round twice"),
        ],
        hints=(
            "A step is one rank's share of the work, and the journey of the gradient.",
            "Everything is elementwise over ranks (k,).",
            "t₁ / (t₁/R + 2(R−1)/R·B/w + 2(R−1)·l)",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
