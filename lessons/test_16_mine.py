"""Checks of lesson 16."""

import math

import numpy as np

from lessons import lesson_16_mine as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, instead, scaled

STEP = 1e-20


def sizes(rng, count):
    return rng.permutation(np.arange(2, 9))[:count]  # all different, so that a wrong width cannot pass


# One network, for many vectors of weights at once: w is (m, N), and what comes out has m in front ---------------------


def network(x, w, hidden):
    d_in = x.shape[-1]
    d_out = (w.shape[-1] - (d_in + 1) * hidden) // (hidden + 1)
    W1, b1, W2, b2 = np.split(w, np.cumsum([d_in * hidden, hidden, hidden * d_out]), axis=-1)
    units = x @ W1.reshape(-1, d_in, hidden) + b1[:, None]
    return np.where(units.real > 0, units, 0) @ W2.reshape(-1, hidden, d_out) + b2[:, None]


def heads(x, q, classes, hidden):
    h = network(x, q, hidden)
    e = np.exp(h[..., :classes])
    return e / np.sum(e, axis=-1, keepdims=True), h[..., classes:]


def side_by_side(a, b):
    rows = np.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    return np.concatenate([np.broadcast_to(x, (*rows, x.shape[-1])) for x in (a, b)], axis=-1)


def slope(loss, w):
    """By complex steps, in all weights at once: `loss(w)` of w (m, N) is (m,)."""
    return loss(w + STEP * 1j * np.eye(len(w))).imag / STEP


def value(loss, w):
    return float(loss(w[None].astype(complex)).real[0])


def surprise(logits):
    """−ln s(l), the mean over the rows."""
    return np.mean(np.log(1 + np.exp(-logits)), axis=(-2, -1))


def weights(rng, d_in, hidden, d_out):
    return rng.normal(size=(d_in + 1) * hidden + (hidden + 1) * d_out) / 2


# 16.1 -----------------------------------------------------------------------------------------------------------------


def images_q_and_p(rng):
    n, d, k, e = sizes(rng, 4)
    hidden = int(rng.integers(9, 12))
    x, noise = rng.normal(size=(n, d)), rng.normal(size=(n, d))
    return x, noise, weights(rng, d, hidden, k + e), weights(rng, k + e, hidden, d), int(k), hidden


def half_square(output, target):
    return np.sum((output - target) ** 2, axis=(-2, -1)) / (2 * len(target))


def cost_of_p(x, noise, q, p, classes, hidden, target=None, swapped=False):
    """The loss with weights q (m, Nq), p (m, Np); `target` is the clean image unless it is given."""
    y, z = heads(x + noise, q, classes, hidden)
    code = side_by_side(z, y) if swapped else side_by_side(y, z)
    return half_square(network(code, p, hidden), x if target is None else target)


def reconstruction(x, noise, q, p, classes, hidden, **otherwise):
    def of_q(q):
        return cost_of_p(x, noise, q, p[None], classes, hidden, **otherwise)

    def of_p(p):
        return cost_of_p(x, noise, q[None], p, classes, hidden, **otherwise)

    return value(of_q, q), slope(of_q, q), slope(of_p, p)


def noisy_target(right, inputs):
    x, noise, *others = inputs
    return dict(zip(right, reconstruction(x, noise, *others, target=x + noise), strict=True))


def no_noise(right, inputs):
    x, noise, *others = inputs
    return dict(zip(right, reconstruction(x, 0 * noise, *others), strict=True))


def z_first(right, inputs):
    return dict(zip(right, reconstruction(*inputs, swapped=True), strict=True))


def through_one_head(through_y):
    """Return the mistake's dq: one of the two heads is a constant on the way back."""

    def dq(x, noise, q, p, classes, hidden):
        y_now, z_now = heads(x + noise, q[None], classes, hidden)

        def loss(q):
            y, z = heads(x + noise, q, classes, hidden)
            code = side_by_side(y, z_now) if through_y else side_by_side(y_now, z)
            return half_square(network(code, p[None], hidden), x)

        return slope(loss, q)

    return dq


def y_into_logits(x, noise, q, p, classes, hidden):
    """dq where dy is handed on as if it were the gradient of the logits."""
    y, z = heads(x + noise, q[None], classes, hidden)
    code = side_by_side(y, z)[0].astype(complex)
    dcode = np.zeros(code.shape)
    for i, k in np.ndindex(code.shape):
        moved = code.copy()
        moved[i, k] += STEP * 1j
        dcode[i, k] = half_square(network(moved, p[None], hidden), x).imag[0] / STEP
    return slope(lambda q: np.sum(dcode * network(x + noise, q, hidden), axis=(-2, -1)), q)


# 16.2 -----------------------------------------------------------------------------------------------------------------


def two_kinds_of_rows(rng):
    n, m, d = sizes(rng, 3)
    hidden = int(rng.integers(9, 12))
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5, weights(rng, d, hidden, 1), hidden


def told_apart(real, fake, d, hidden, weigh=(1, 1)):
    def loss(d):
        return weigh[0] * surprise(network(real, d, hidden)) + weigh[1] * surprise(-network(fake, d, hidden))

    return value(loss, d), slope(loss, d)


def weighed(weigh):
    """Return the outcome where `weigh(n, m)` are the weights of the two halves."""

    def of(right, inputs):
        real, fake, *_ = inputs
        return dict(zip(right, told_apart(*inputs, weigh(len(real), len(fake))), strict=True))

    return of


def exchanged(right, inputs):
    real, fake, *others = inputs
    return dict(zip(right, told_apart(fake, real, *others), strict=True))


def as_generator(right, inputs):
    _, fake, d, hidden = inputs

    def loss(d):
        return surprise(network(fake, d, hidden))

    return {"loss": value(loss, d), "dd": slope(loss, d)}


# 16.3 -----------------------------------------------------------------------------------------------------------------


def images_q_and_two_d(rng):
    n, d, k, e = sizes(rng, 4)
    hidden = int(rng.integers(9, 12))
    networks = weights(rng, d, hidden, k + e), weights(rng, k, hidden, 1), weights(rng, e + k, hidden, 1)
    return rng.normal(size=(n, d)), *networks, int(k), hidden


def fooled(x, q, d_cat, d_gauss, classes, hidden, constant=True, shares=(1, 1), sign=1, y_first=False):
    y_now, _ = heads(x, q[None], classes, hidden)

    def loss(q):
        y, z = heads(x, q, classes, hidden)
        beside = y_now if constant else y
        read = side_by_side(beside, z) if y_first else side_by_side(z, beside)
        of_y, of_z = network(y, d_cat[None], hidden), network(read, d_gauss[None], hidden)
        return sign * (shares[0] * surprise(sign * of_y) + shares[1] * surprise(sign * of_z))

    return value(loss, q), slope(loss, q)


def fooled_otherwise(**otherwise):
    return lambda right, inputs: dict(zip(right, fooled(*inputs, **otherwise), strict=True))


# 16.4 -----------------------------------------------------------------------------------------------------------------


def partly_labelled(rng):
    n, d, k, e = sizes(rng, 4)
    n, hidden = n + 3, int(rng.integers(9, 12))
    labels = rng.integers(0, k, size=n)
    labels[rng.random(n) < 0.3] = -1
    labels[:3] = 0, -1, 1  # two that are known, one that is not
    return rng.normal(size=(n, d)), labels, weights(rng, d, hidden, k + e), int(k), hidden


def known_rows_pay(x, labels, q, classes, hidden, divisor=None):
    rows = np.flatnonzero(labels >= 0)

    def loss(q):
        y, _ = heads(x, q, classes, hidden)
        return -np.sum(np.log(y[..., rows, labels[rows]]), axis=-1) / (divisor or len(rows))

    return value(loss, q), slope(loss, q)


def last_class(right, inputs):
    x, labels, q, classes, hidden = inputs
    return dict(zip(right, known_rows_pay(x, labels % classes, q, classes, hidden), strict=True))


def softmax_twice(right, inputs):
    x, labels, q, classes, hidden = inputs
    rows = np.flatnonzero(labels >= 0)

    def loss(q):
        y, _ = heads(x, q, classes, hidden)
        again = np.exp(y) / np.sum(np.exp(y), axis=-1, keepdims=True)
        return -np.sum(np.log(again[..., rows, labels[rows]]), axis=-1) / len(rows)

    return {"loss": value(loss, q), "dq": slope(loss, q)}


def known(inputs):
    return np.sum(inputs[1] >= 0)


# 16.5 -----------------------------------------------------------------------------------------------------------------


def samples_and_images(rng):
    """Images of different lengths, so that neither wrong distance finds the nearest image."""
    while True:
        inputs = some_samples_and_images(rng)
        right, product, half = judged(*inputs), by_product(*inputs), by_half_the_product(*inputs)
        if product > 0 and len({round(12 * found) for found in (right, 1 - right, product, half)}) == 4:
            return inputs


def some_samples_and_images(rng):
    classes, d = rng.permutation(np.arange(3, 7))[:2]
    labels = rng.permutation(np.concatenate([np.arange(classes), rng.integers(0, classes, size=10)]))
    images = rng.normal(size=(len(labels), d)) * rng.uniform(0.3, 3, size=(len(labels), 1))
    shown = rng.integers(0, len(labels), size=12)
    samples = images[shown] + rng.normal(size=(12, d)) / 1000
    wanted = labels[shown].copy()
    wrong = rng.permutation(12)[: rng.integers(2, 6)]
    wanted[wrong] = (wanted[wrong] + rng.integers(1, classes, size=len(wrong))) % classes
    return samples, wanted, images, labels


def judged(samples, wanted, images, labels):
    hits = 0
    for sample, digit in zip(samples, wanted, strict=True):
        far = [math.dist(sample, image) for image in images]
        hits += labels[far.index(min(far))] == digit
    return hits / len(samples)


def judged_by_means(samples, wanted, images, labels):
    means = {}
    for digit in set(labels.tolist()):
        rows = [image for image, label in zip(images, labels, strict=True) if label == digit]
        means[digit] = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    shown = [min(means, key=lambda digit: math.dist(sample, means[digit])) for sample in samples]
    return sum(a == b for a, b in zip(shown, wanted, strict=True)) / len(samples)


def by_product(samples, wanted, images, labels):
    return np.mean(labels[np.argmax(np.einsum("md,nd->mn", samples, images), axis=1)] == wanted)


def by_half_the_product(samples, wanted, images, labels):
    far = np.einsum("nd,nd->n", images, images) - np.einsum("md,nd->mn", samples, images)
    return np.mean(labels[np.argmin(far, axis=1)] == wanted)


EXERCISES = [
    Exercise(
        "16.1", "reconstruct", ("loss", "dq", "dp"), images_q_and_p, reconstruction, points=2, library=True,
        mistakes=[
            Mistake("P pays for the noisy image; it should paint the clean one", noisy_target),
            Mistake("Q reads the clean image; the noise is not used", no_noise),
            Mistake("P reads [z, y]; here the order is [y, z]", z_first),
            instead("dq", through_one_head(through_y=False), "the gradient of y does not reach Q, only that of z"),
            instead("dq", through_one_head(through_y=True), "the gradient of z does not reach Q, only that of y"),
            instead("dq", y_into_logits, "dy stands for dlogits: it has not passed the softmax"),
            scaled("dq", lambda inputs: 1 / len(inputs[0]), "dq is divided by n once more; the loss has done that"),
            changed("dp", lambda dp, inputs: 0 * dp, "P does not move; in this phase both do"),
            changed("dq", lambda dq, inputs: 0 * dq, "Q does not move; in this phase both do"),
        ],
        hints=(
            "Forward through Q and P, the loss, and backward through P and Q. Which line hands which gradient on?",
            "dcode = [dy, dz] is (n, k + e): its first `classes` columns are dy.",
            "encode(x + noise) → forward([y, z], p) → part 4.1 against x → backward → encode_backward(dy=…, dz=…)",
        ),
    ),
    Exercise(
        "16.2", "discriminate", ("loss", "dd"), two_kinds_of_rows, told_apart, library=True,
        mistakes=[
            Mistake("real and fake have changed places", exchanged),
            Mistake("this is the loss of the generator, on the made rows alone", as_generator),
            Mistake("one mean runs over both kinds; each half is a mean of its own",
                    weighed(lambda n, m: (n / (n + m), m / (n + m)))),
            Mistake("the two halves are averaged; the loss is their sum", weighed(lambda n, m: (0.5, 0.5))),
            Mistake("only the real rows pay", weighed(lambda n, m: (1, 0))),
            Mistake("only the made rows pay", weighed(lambda n, m: (0, 1))),
            scaled("dd", lambda inputs: 0.5, "dd is half as large as the loss says"),
        ],
        hints=(
            "One forward of D over both kinds, the loss of lesson 6 on the two halves of the logits, one backward.",
            "The logits are (n + m, 1), the first n of them for real rows; dreal and dfake go back in the same order.",
            "forward([real; fake]) → part 6.1(logits[:n], logits[n:]) → the second output of backward([dreal; dfake])",
        ),
    ),
    Exercise(
        "16.3", "generate", ("loss", "dq"), images_q_and_two_d, fooled, points=2, library=True,
        mistakes=[
            changed("dq", lambda dq, inputs: fooled(*inputs, constant=False)[1],
                    "D_gauss's gradient reaches y, too; there y is a constant, and only z may answer"),
            changed("dq", lambda dq, inputs: fooled(*inputs, shares=(1, 0))[1],
                    "z gets no gradient: only D_cat's reaches Q"),
            changed("dq", lambda dq, inputs: fooled(*inputs, shares=(0, 1))[1],
                    "y gets no gradient: only D_gauss's reaches Q"),
            Mistake("only D_cat is to be fooled; D_gauss, too", fooled_otherwise(shares=(1, 0))),
            Mistake("only D_gauss is to be fooled; D_cat, too", fooled_otherwise(shares=(0, 1))),
            Mistake("the two losses are averaged; Q pays their sum", fooled_otherwise(shares=(0.5, 0.5))),
            Mistake("this is the game as first written, min ln(1 − s(D)); the generator's loss is −ln s(D)",
                    fooled_otherwise(sign=-1)),
            Mistake("D_gauss reads [y, z]; here the order is [z, y]", fooled_otherwise(y_first=True)),
            scaled("dq", lambda inputs: 1 / len(inputs[0]), "dq is divided by n once more; the loss has done that"),
        ],
        hints=(
            "Twice the same way: a part of the code through its D, the generator's loss, and back to that part.",
            "backward of D_gauss gives (n, e + k): the first e columns are dz, the others belong to the constant y.",
            "dy = backward(dlogit_cat)[0];  dz = backward(dlogit_gauss)[0][:, :e];  encode_backward(…, dy=dy, dz=dz)",
        ),
    ),
    Exercise(
        "16.4", "classify", ("loss", "dq"), partly_labelled, known_rows_pay, library=True,
        mistakes=[
            Mistake("rows without a label pay, too: −1 was taken for the last class", last_class),
            Mistake("divided by all n rows; only the known ones count", lambda right, inputs: {
                name: x * known(inputs) / len(inputs[1]) for name, x in right.items()}),
            scaled("dq", known, "dq is not divided by the number of known rows, but the loss is their mean"),
            Mistake("softmax twice: the loss takes logits, the first columns of h, and y came", softmax_twice),
        ],
        hints=(
            "Part 11.2 does all that is new. Which of Q's numbers does it take?",
            "The logits are h[:, :classes], (n, k); its gradient goes back as dlogits, behind the softmax.",
            "_, _, cache = encode(x, …);  part 11.2(cache[0][:, :classes], labels);  encode_backward(cache, dlogits=…)",
        ),
    ),
    Exercise(
        "16.5", "content_accuracy", ("accuracy",), samples_and_images, judged,
        mistakes=[
            changed("accuracy", lambda right, inputs: 1 - right, "that is the share of those that show something else"),
            scaled("accuracy", lambda inputs: len(inputs[1]), "that is a count; divide by the number of samples"),
            instead("accuracy", by_product,
                    "the largest product s·x is not the nearest image: a long image has it with many; |x|² is missing"),
            instead("accuracy", by_half_the_product, "the product counts twice in |s − x|²"),
            scaled("accuracy", lambda inputs: 100, "that is in per cent; a share from 0 to 1 was asked for"),
        ],
        hints=(
            "Which image is nearest to each sample? Its label is what the sample shows.",
            "The squared distances are (m, n); argmin over axis 1 gives an image for each of the m samples.",
            "row = argmin over n of |x_n|² − 2 s·x_n;  mean of (labels[row] = wanted)",
        ),
        variants={"mean-image": judged_by_means},
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
