"""Checks of lesson 12."""

import math

import numpy as np

from lessons import lesson_12_clusters as lesson
from lessons.checking import Exercise, changed, checks_of, numerical, scaled


def codes(rng):
    """Probabilities whose purest image in each cluster is alone in its label, so that slips show."""
    k, n = int(rng.integers(3, 6)), int(rng.integers(20, 30))
    y = rng.dirichlet(np.ones(k), n)
    labels = rng.integers(1, 6, n)
    labels[np.argmax(y, axis=0)] = 10 + np.arange(k)  # a label of its own for each cluster's purest image
    return y, labels


def purest(y, labels):
    return np.array([max(zip(column, labels, strict=True))[1] for column in y.T])


def majority(y, labels):
    """The most frequent label among the images that lie in each cluster."""
    chosen = np.argmax(y, axis=1)
    return np.array([np.bincount(labels[chosen == k], minlength=1).argmax() for k in range(y.shape[1])])


def by_weight(y, labels):
    """Another term: the label with the largest sum of probabilities in the cluster."""
    sums = [[column[labels == label].sum() for label in range(labels.max() + 1)] for column in y.T]
    return np.argmax(sums, axis=1)


def least_pure(names, inputs):
    y, labels = inputs
    return np.array([min(zip(column, labels, strict=True))[1] for column in y.T])


def heads_and_eta(rng):
    """Heads whose distances are on both sides of eta."""
    heads = rng.normal(size=(rng.integers(4, 7), rng.integers(2, 4))) * 2
    pairs = [math.dist(a, b) for k, a in enumerate(heads) for b in heads[:k]]
    return heads, (np.sort(pairs)[len(pairs) // 2] + np.sort(pairs)[len(pairs) // 2 + 1]) / 2


def pair_by_pair(heads, eta, cost=lambda missing: missing):
    return sum(cost(max(0.0, eta - math.dist(a, b))) for k, a in enumerate(heads) for b in heads[:k])


def by_differences(heads, eta):
    return pair_by_pair(heads, eta), numerical(lambda heads: pair_by_pair(heads, eta), heads)


def squared(heads, eta):
    """Another term: each pair costs half the square of what is missing."""

    def loss(heads):
        return pair_by_pair(heads, eta, lambda missing: missing**2 / 2)

    return loss(heads), numerical(loss, heads)


def heads(rng):
    d = int(rng.integers(3, 6))
    return (rng.normal(size=(d + int(rng.integers(3, 7)), d)),)


def places(heads):
    turns = [2j * math.pi * k / len(heads) for k in range(len(heads))]
    return np.array([[np.exp(turn).real, np.exp(turn).imag] for turn in turns])


def by_pseudo_inverse(heads):
    return np.linalg.pinv(heads) @ places(heads)


def against_the_clock(heads):
    """Another term: the places go round the other way."""
    return np.linalg.pinv(heads) @ (places(heads) * [1, -1])


EXERCISES = [
    Exercise(
        "12.1", "names_of", ("names",), codes, purest, variants={"by-weight": by_weight},
        mistakes=[
            changed("names", lambda names, inputs: majority(*inputs), "that is the majority, not the purest image"),
            changed("names", least_pure, "the image with the lowest probability named the cluster"),
            changed("names", lambda names, inputs: inputs[0].argmax(axis=0),
                    "those are places in the batch, not labels"),
        ],
        hints=(
            "One image speaks for a cluster: the one that belongs to it most.",
            "y is (n, k): look down each column, over the n images; then look those up in labels (n,).",
            "name_i = label of the image with the largest q(y_i|x)",
        ),
    ),
    Exercise(
        "12.2", "head_cost", ("C", "dheads"), heads_and_eta, by_differences, points=2, variants={"squared": squared},
        mistakes=[
            scaled("C", lambda inputs: 2, "every pair was counted twice"),
            scaled("dheads", lambda inputs: -1, "the heads are pulled together: the sign of dheads is flipped"),
            scaled("dheads", lambda inputs: 2, "every pair was counted twice in dheads"),
        ],
        hints=(
            "Each pair that is too close pushes both of its heads along the line between them.",
            "heads (k, 1, d) less heads (1, k, d) is (k, k, d), all pairs; its norms over the last axis are (k, k).",
            "dc_i = −Σ over close j of (c_i − c_j)/‖c_i − c_j‖",
        ),
        tolerance=1e-5,
    ),
    Exercise(
        "12.3", "to_the_circle", ("A",), heads, by_pseudo_inverse, variants={"clockwise": against_the_clock},
        mistakes=[
            changed("A", lambda A, inputs: A[:, ::-1], "sine and cosine are exchanged"),
            changed("A", lambda A, inputs: inputs[0].T @ places(inputs[0]), "the inverse of W_Cᵀ·W_C is missing"),
            changed("A", lambda A, inputs: places(inputs[0]), "those are the places on the circle, not the map"),
        ],
        hints=(
            "It is a linear regression: from the heads (inputs) to their places on the circle (targets).",
            "heads (k, d) times A (d, 2) should come near the places (k, 2).",
            "A = (W_Cᵀ·W_C)⁻¹·W_Cᵀ·P; NumPy has a function for least squares",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
