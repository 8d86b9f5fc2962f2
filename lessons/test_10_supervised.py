"""Checks of lesson 10."""

import numpy as np

from lessons import lesson_10_supervised as lesson
from lessons.checking import Exercise, changed, checks_of, numerical, scaled


def sizes(rng, count):
    return rng.permutation(np.arange(2, 8))[:count]  # all different, so that a missing transpose cannot pass


def repeating_labels(rng, classes, n):
    """Labels (n,) with n > classes: one at least occurs twice, and every class occurs."""
    return rng.permutation(np.concatenate([np.arange(classes), rng.integers(0, classes, size=n - classes)]))


# 10.1 -----------------------------------------------------------------------------------------------------------------


def labels_and_codes(rng):
    classes, d, more = sizes(rng, 3)
    n = 8 + more  # more than any other size
    return repeating_labels(rng, classes, n), rng.normal(size=(n, d)), int(classes)


def side_by_side(labels, z, classes):
    return np.array(
        [[float(c == label) for c in range(classes)] + list(row) for label, row in zip(labels, z, strict=True)]
    )


# 10.2 -----------------------------------------------------------------------------------------------------------------


def for_backward(rng):
    classes, d, more, o = sizes(rng, 4)
    n = 13 + more  # more than classes + d
    return (
        rng.normal(size=(n, o)),
        repeating_labels(rng, classes, n),
        rng.normal(size=(n, d)),
        rng.normal(size=(classes + d, o)),
    )


def first_layer(labels, z, W):
    k = W.shape[0] - len(z[0])
    return np.array(
        [
            W[label] + sum(a * row for a, row in zip(code, W[k:], strict=True))
            for label, code in zip(labels, z, strict=True)
        ]
    )


def by_differences(dh, labels, z, W):
    return (
        numerical(lambda z: np.sum(dh * first_layer(labels, z, W)), z),
        numerical(lambda W: np.sum(dh * first_layer(labels, z, W)), W),
    )


def last_one_wins(dW, inputs):
    dh, labels, _, _ = inputs
    wrong = dW.copy()
    for row, label in zip(dh, labels, strict=True):
        wrong[label] = row
    return wrong


def rows_of_the_label(dz, inputs):
    dh, _, z, W = inputs
    return dh @ W[: z.shape[1]].T


def without_label_rows(dW, inputs):
    _, _, z, W = inputs
    return dW * (np.arange(len(W)) >= len(W) - z.shape[1])[:, None]


# 10.3 -----------------------------------------------------------------------------------------------------------------


def some_styles(rng):
    s, d, classes = sizes(rng, 3)
    return rng.normal(size=(s, d)), int(classes)


def page(styles, classes):
    cells = [(digit, style) for digit in range(classes) for style in styles]
    return np.array([digit for digit, _ in cells]), np.array([style for _, style in cells])


def page_of_rows_of_styles(styles, classes):
    cells = [(digit, style) for style in styles for digit in range(classes)]
    return np.array([digit for digit, _ in cells]), np.array([style for _, style in cells])


# 10.4 -----------------------------------------------------------------------------------------------------------------


def two_sets(rng):
    classes, d, more = sizes(rng, 3)
    n, m = 14 + more, 2 * rng.integers(11, 15) + 1  # m is odd, so that half of it cannot be right
    labels, other = repeating_labels(rng, classes, n), repeating_labels(rng, classes, m)
    middles = rng.normal(size=(classes, d)) * 2
    return (
        middles[labels] + rng.normal(size=(n, d)),
        labels,
        middles[other] + rng.normal(size=(m, d)),
        other,
        int(classes),
    )


def one_at_a_time(z, labels, other_z, other_labels, classes):
    groups = [[code for code, label in zip(z, labels, strict=True) if label == c] for c in range(classes)]
    means = [sum(group) / len(group) for group in groups]
    right = 0
    for code, label in zip(other_z, other_labels, strict=True):
        far = [np.linalg.norm(code - mean) for mean in means]
        right += far.index(min(far)) == label
    return np.array(means), right / len(other_labels)


def of_everything(means, inputs):
    z, labels, other_z, other_labels, classes = inputs
    everything, all_labels = np.concatenate([z, other_z]), np.concatenate([labels, other_labels])
    return one_at_a_time(everything, all_labels, z, labels, classes)[0]


EXERCISES = [
    Exercise(
        "10.1", "decoder_input", ("yz",), labels_and_codes, side_by_side,
        mistakes=[
            changed("yz", lambda yz, inputs: np.roll(yz, -inputs[2], axis=1), "z stands before y"),
            changed("yz", lambda yz, inputs: np.hstack([inputs[0][:, None], inputs[1]]),
                    "the label stands there as one number; 7 is not more than 3, so each class needs its own column"),
            changed("yz", lambda yz, inputs: np.hstack([np.roll(yz[:, : inputs[2]], 1, axis=1), inputs[1]]),
                    "the one-hot is off by one column; classes are counted from 0"),
        ],
        hints=(
            "A row of the identity matrix is a one-hot vector.",
            "y is (n, k) and z is (n, d); side by side, axis=1, they are (n, k + d).",
            "[y, z] with y_{n, label} = 1 and 0 elsewhere",
        ),
    ),
    Exercise(
        "10.2", "label_layer_backward", ("dz", "dW"), for_backward, by_differences, points=2,
        mistakes=[
            changed("dW", last_one_wins, "of images with one label only the last counts; their dh should add up"),
            changed("dz", rows_of_the_label, "dz came through the label's rows of W; z's are the last d"),
            changed("dW", without_label_rows, "the labels' rows of dW are zero; P learns them, too"),
            scaled("dW", lambda inputs: 1 / len(inputs[0]), "dW is averaged over the batch; it should be a sum"),
        ],
        hints=(
            "It is the backward of a linear layer. Only, half of its input is a constant, and mostly zeros.",
            "dW (k + d, o): its first k rows from the labels, the others from z (n, d) and dh (n, o). dz is (n, d).",
            "dW_c = Σ of dh over the images with label c;  dW of z = zᵀ·dh;  dz = dh·W_zᵀ",
        ),
    ),
    Exercise(
        "10.3", "style_grid", ("labels", "z"), some_styles, page,
        mistakes=[
            changed("labels", lambda labels, inputs: labels + 1, "labels start at 1; classes are counted from 0"),
            changed("z", lambda z, inputs: z[::-1], "the styles run backwards"),
            changed("z", lambda z, inputs: z[np.arange(len(z)) // inputs[1]],
                    "each style stays for k images in a row; it should change from image to image"),
        ],
        hints=(
            "Read the page aloud: which of the two numbers changes with every image, which with every row?",
            "labels is (k·s,) and z is (k·s, d). NumPy has repeat (a a b b) and tile (a b a b).",
            "image i has the label i // s and the style i mod s",
        ),
        variants={"transposed": page_of_rows_of_styles},
    ),
    Exercise(
        "10.4", "nearest_means", ("means", "accuracy"), two_sets, one_at_a_time,
        mistakes=[
            changed("accuracy", lambda accuracy, inputs: 1 - accuracy, "that is the error, 1 − accuracy"),
            changed("means", of_everything, "the means know the images that they are tested on"),
            changed("means", lambda means, inputs: means * np.bincount(inputs[1])[:, None],
                    "sums of the codes came where their means should"),
        ],
        hints=(
            "A classifier in two lines: where is each class at home, and which home is nearest?",
            "other_z (m, 1, d) less means (k, d) is (m, k, d); squared and summed over d it is (m, k).",
            "accuracy = mean of [argmin over c of ‖z − mean_c‖² = label]",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
