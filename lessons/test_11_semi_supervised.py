"""Checks of lesson 11."""

import math

import numpy as np

from lessons import lesson_11_semi_supervised as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, everywhere, instead, numerical, scaled


def sizes(rng, count):
    return rng.permutation(np.arange(2, 8))[:count]  # all different, so that a missing transpose cannot pass


def shares(row, temperature=1):
    weights = [math.exp((logit - max(row)) / temperature) for logit in row]
    return [weight / sum(weights) for weight in weights]


def probabilities(logits, temperature=1):
    return np.array([shares(row, temperature) for row in logits])


# 11.1 -----------------------------------------------------------------------------------------------------------------


def outputs_and_gradients(rng):
    n, k, d = sizes(rng, 3)
    return (rng.normal(size=(n, k + d)), int(k), *(rng.normal(size=(n, width)) for width in (k, k, d)))


def logits_far_apart(rng):
    """Rows far above and far below the others, and one with a logit far above its neighbours."""
    h, gradients = rng.normal(size=(5, 5)), (rng.normal(size=(5, width)) for width in (3, 3, 2))
    h[1, :3] += 2000
    h[2, :3] -= 2000
    h[3, rng.integers(3)] += 2000
    return h, 3, *gradients


def both_heads(h, classes, dy, dlogits, dz, temperature=1):
    def loss(h):
        logits = h[:, :classes]
        into_logits = np.sum(dy * probabilities(logits, temperature)) + np.sum(dlogits * logits)
        return into_logits + np.sum(dz * h[:, classes:])

    return probabilities(h[:, :classes], temperature), h[:, classes:], numerical(loss, h)


def softmax_part(inputs, right):
    """Return the part of dh that has passed the softmax."""
    return right["dh"][:, : inputs[1]] - inputs[3]


def other_dh(make):
    """Return the mistake's outcome where `make(y, dy, dlogits, passed)` stands in the first k columns of dh."""

    def of(right, inputs):
        _, _, dy, dlogits, dz = inputs
        first = make(right["y"], dy, dlogits, softmax_part(inputs, right))
        return {"dh": np.concatenate([first, dz], axis=1)}

    return of


def through(y, dy):
    return y * (dy - np.sum(dy * y, axis=1, keepdims=True))


def with_another_y(make):
    """Return the outcome with `make(logits)` for the softmax, and its backward as if it were one."""

    def of(right, inputs):
        h, classes, dy, dlogits, dz = inputs
        y = make(h[:, :classes])
        return {"y": y, "dh": np.concatenate([through(y, dy) + dlogits, dz], axis=1)}

    return of


def down_the_columns(right, inputs):
    h, classes, dy, dlogits, dz = inputs
    y = probabilities(h[:, :classes].T).T
    passed = y * (dy - np.sum(y * dy, axis=0))
    return {"y": y, "dh": np.concatenate([passed + dlogits, dz], axis=1)}


def not_normalized(logits):
    return np.exp(logits - np.max(logits, axis=1, keepdims=True))


def over_all_columns(right, inputs):
    h, classes, *_ = inputs
    return {"y": probabilities(h)[:, :classes]}


def style_first(right, inputs):
    h, classes, dy, dlogits, dz = inputs
    d = h.shape[1] - classes
    y, z, dh = both_heads(np.concatenate([h[:, d:], h[:, :d]], axis=1), classes, dy, dlogits, dz)
    return {"y": y, "z": z, "dh": np.concatenate([dh[:, classes:], dh[:, :classes]], axis=1)}


# 11.2 -----------------------------------------------------------------------------------------------------------------


def partly_labelled(rng):
    n, k = sizes(rng, 2) + 2
    labels = rng.integers(0, k, size=n)
    labels[rng.random(n) < 0.3] = -1
    labels[:3] = 0, -1, 1  # two that are known, one that is not
    return rng.normal(size=(n, k)), labels


def one_known_row_after_another(logits, labels, again=False):
    def loss(logits):
        paid = []
        for row, label in zip(logits, labels, strict=True):
            if label >= 0:
                paid.append(-math.log((shares(shares(row)) if again else shares(row))[label]))
        return sum(paid) / len(paid)

    return loss(logits), numerical(loss, logits)


def softmax_twice(right, inputs):
    loss, dlogits = one_known_row_after_another(*inputs, again=True)
    return {"loss": loss, "dlogits": dlogits}


def known(inputs):
    return np.sum(inputs[1] >= 0)


def by_all_rows(right, inputs):
    return {name: value * known(inputs) / len(inputs[1]) for name, value in right.items()}


def unknown_pay(dlogits, inputs):
    """−1 is the last class to NumPy: rows without a label are pulled to it."""
    logits, labels = inputs
    classes = logits.shape[1]
    return one_known_row_after_another(logits, labels % classes)[1] * len(labels) / known(inputs)


def last_class(right, inputs):
    logits, labels = inputs
    return dict(zip(right, one_known_row_after_another(logits, labels % logits.shape[1]), strict=True))


# 11.3 -----------------------------------------------------------------------------------------------------------------


def some_probabilities(rng):
    n, k = sizes(rng, 2) + 2
    y = probabilities(rng.normal(size=(n, k)) * 2)
    y[0] = np.arange(k) == rng.integers(0, k)  # one row is exactly one-hot
    return (y,)


def entropy(row):
    return sum(p * math.log(1 / p) for p in row if p > 0)


def of_mean_and_each(y):
    mean = [sum(column) / len(column) for column in y.T]
    return entropy(mean), sum(map(entropy, y)) / len(y)


# 11.4 -----------------------------------------------------------------------------------------------------------------


def labels_and_order(rng):
    classes, each = rng.integers(4, 7), rng.integers(2, 4)
    labels = rng.permutation(np.concatenate([np.repeat(np.arange(classes), 8), rng.integers(0, classes, size=7)]))
    cycle = rng.permutation(len(labels))
    order = np.empty_like(cycle)
    order[cycle] = np.roll(cycle, 1)  # one long cycle, so that no image stands at its own place
    return labels, order, int(each), int(classes)


def one_image_after_another(labels, order, each, classes):
    rows = [[] for _ in range(classes)]
    for image in order:
        if len(rows[labels[image]]) < each:
            rows[labels[image]].append(image)
    return np.array(rows)


def places_in_order(numbers, inputs):
    return np.argsort(inputs[1])[numbers]


EXERCISES = [
    Exercise(
        "11.1", "two_heads", ("y", "z", "dh"), outputs_and_gradients, both_heads, points=2,
        mistakes=[
            Mistake("dy has not passed the softmax: it stands in dh as it came",
                    other_dh(lambda y, dy, dlogits, passed: dy + dlogits)),
            Mistake("dlogits has passed the softmax, too; it is a gradient of what the softmax reads",
                    other_dh(lambda y, dy, dlogits, passed: passed + through(y, dlogits))),
            Mistake("dlogits is missing in dh: the labels would teach nothing",
                    other_dh(lambda y, dy, dlogits, passed: passed)),
            Mistake("dy is missing in dh: neither P nor D_cat would move y",
                    other_dh(lambda y, dy, dlogits, passed: dlogits)),
            Mistake("the two ways into the logits are averaged; gradients of one place add up",
                    other_dh(lambda y, dy, dlogits, passed: (passed + dlogits) / 2)),
            Mistake("dz is missing in dh", lambda right, inputs: {
                "dh": right["dh"] * (np.arange(right["dh"].shape[1]) < inputs[1])}),
            Mistake("the two blocks of dh have changed places; its first k columns belong to the logits",
                    lambda right, inputs: {"dh": np.roll(right["dh"], inputs[4].shape[1], axis=1)}),
            Mistake("the sum over the classes is missing: each logit moves the other probabilities, too",
                    other_dh(lambda y, dy, dlogits, passed: y * dy + dlogits)),
            Mistake("dy passes as dy·y(1 − y), as if each probability depended on its own logit alone",
                    other_dh(lambda y, dy, dlogits, passed: y * (1 - y) * dy + dlogits)),
            Mistake("y − dy is in dh; y − target is the gradient of softmax and cross-entropy together, and dy is a "
                    "gradient, not a target", other_dh(lambda y, dy, dlogits, passed: y - dy + dlogits)),
            Mistake("the softmax runs down the columns (axis 0); each row (axis 1) is one example", down_the_columns),
            Mistake("the exponentials are not divided by their sum, so the rows of y do not sum to 1",
                    with_another_y(not_normalized)),
            Mistake("the softmax runs over all k + d columns; z is no logit", over_all_columns),
            Mistake("the sum is over dy alone; each dy_j in it has the weight y_j", other_dh(
                lambda y, dy, dlogits, passed: y * (dy - np.sum(dy, axis=1, keepdims=True)) + dlogits)),
            Mistake("the factor y_i in front of the difference is missing", other_dh(
                lambda y, dy, dlogits, passed: dy - np.sum(dy * y, axis=1, keepdims=True) + dlogits)),
            Mistake("z and the logits have changed places; the first k columns of h are the logits", style_first),
            Mistake("z was put through something; it is the last d columns of h as they are", lambda right, inputs: {
                "z": np.tanh(right["z"])}),
            scaled("dh", lambda inputs: 1 / len(inputs[0]), "divided by n; the losses that made them have done that"),
        ],
        hints=(
            "h has k + d columns, and dh has the same. Ask for each block of columns: by which ways does it reach L?",
            "dy, dlogits and y are (n, k); dz and z are (n, d). np.concatenate([…, …], axis=1) makes (n, k + d).",
            "first k columns: y·(dy − s) + dlogits with s = Σ_j dy_j·y_j in each row;  last d columns: dz",
        ),
        variants={"temperature": lambda *inputs: both_heads(*inputs, temperature=2)}, edge=logits_far_apart,
    ),
    Exercise(
        "11.2", "loss_of_known", ("loss", "dlogits"), partly_labelled, one_known_row_after_another, points=2,
        mistakes=[
            Mistake("divided by all n rows; only the known ones count", by_all_rows),
            scaled("dlogits", known, "dlogits is not divided by the number of known rows, but the loss is their mean"),
            Mistake("loss and gradient are sums over the known rows; they should be means",
                    lambda right, inputs: {name: value * known(inputs) for name, value in right.items()}),
            Mistake("rows without a label pay, too: −1 was taken for the last class", last_class),
            changed("dlogits", unknown_pay, "rows without a label get a gradient: −1 was taken for the last class"),
            Mistake("softmax twice: the loss takes logits, and the probabilities were put through it once more",
                    softmax_twice),
        ],
        hints=(
            "Sort out the known rows first. It is the loss of lesson 3 on them, and nothing on the others.",
            "loss is a number; dlogits is (n, k) with a row of zeros where the label is −1.",
            "with m known rows: −1/m Σ ln y_label, and (y − one-hot)/m on those rows",
        ),
    ),
    Exercise(
        "11.3", "two_entropies", ("of_mean", "mean_of_each"), some_probabilities, of_mean_and_each,
        mistakes=[
            Mistake("the two have changed places",
                    lambda right, inputs: {"of_mean": right["mean_of_each"], "mean_of_each": right["of_mean"]}),
            everywhere(lambda x: x / math.log(2), "that is in bits, with log2; nats were asked for"),
            scaled("mean_of_each", lambda inputs: 1 / inputs[0].shape[1],
                   "the mean is over the classes, too; an entropy sums over them"),
            scaled("mean_of_each", lambda inputs: len(inputs[0]), "the rows' entropies are added up; take the mean"),
        ],
        hints=(
            "Once the mean first and then the entropy; once the entropy of each row first and then the mean.",
            "The mean row is (k,): a mean over axis 0. Both results are numbers.",
            "H(mean over n of y) and 1/n Σ_n H(y_n), with H(p) = −Σ p ln p",
        ),
    ),
    Exercise(
        "11.4", "draw_evenly", ("numbers",), labels_and_order, one_image_after_another,
        mistakes=[
            changed("numbers", lambda numbers, inputs: inputs[1][: numbers.size].reshape(numbers.shape),
                    "the first of the order, of whatever class: that is not even"),
            changed("numbers", lambda numbers, inputs: one_image_after_another(
                        inputs[0], np.arange(len(inputs[0])), inputs[2], inputs[3]),
                    "the order is not used: the first images of the file come, whatever the seed"),
            instead("numbers", lambda labels, order, each, classes:
                    one_image_after_another(labels, order[::-1], each, classes)[:, ::-1],
                    "these are the last of each class in the order; the first were asked for"),
            instead("numbers", lambda labels, order, each, classes:
                    np.array([order[np.flatnonzero(labels == c)[:each]] for c in range(classes)]),
                    "order[labels == c] mixes two countings: labels[i] is the label of image i, order[i] is the image "
                    "at place i; the labels in that order are labels[order]"),
            changed("numbers", places_in_order, "these are places in the order; which images stand there?"),
        ],
        hints=(
            "Walk along the order and keep an image if its class has not got enough yet.",
            "labels[order] (n,) are the labels in the shuffled order; the result is (classes, each) of image numbers.",
            "row c = the first `each` of those order[i] for which labels[order[i]] = c",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
