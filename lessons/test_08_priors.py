"""Checks of lesson 8."""

import math

import numpy as np

from lessons import lesson_08_priors as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, scaled

# 8.1 and 8.2 ----------------------------------------------------------------------------------------------------------


def petals_and_noise(rng):
    n, petals = rng.integers(4, 9), rng.integers(5, 12)
    petal = rng.integers(0, petals, size=n)
    petal[0] = 1  # one at least that is turned
    return petal, rng.normal(size=(n, 2)), petals, rng.uniform(1, 2), rng.uniform(0.4, 0.8), rng.uniform(0.1, 0.3)


def petal_by_petal(petal, noise, petals, distance, long, short, turn=1):
    """A draw as a complex number: its place in the frame of the petal, times e^{iα}."""
    frame = [complex(distance + long * e, short * f) for e, f in noise]
    turned = [z * np.exp(turn * 2j * math.pi * k / petals) for z, k in zip(frame, petal, strict=True)]
    return np.array([[z.real, z.imag] for z in turned])


def lengths_swapped(z, inputs):
    petal, noise, petals, distance, long, short = inputs
    return petal_by_petal(petal, noise, petals, distance, short, long)


def noise_unturned(z, inputs):
    petal, noise, petals, distance, long, short = inputs
    return petal_by_petal(petal, 0 * noise, petals, distance, long, short) + noise * [long, short]


def places(rng):
    n, petals = rng.permutation(np.arange(3, 12))[:2]
    z = rng.normal(size=(n, 2))
    z[-1] = 40, 0.1  # so far out that e^{…} of every petal is rounded to 0
    return z, petals, rng.uniform(1, 2), rng.uniform(0.4, 0.8), rng.uniform(0.05, 0.15)


def logs_of_petals(z, petals, distance, long, short):
    logs = []
    for k in range(petals):
        frame = [complex(*point) * np.exp(-2j * math.pi * k / petals) - distance for point in z]
        squares = np.array([(w.real / long) ** 2 + (w.imag / short) ** 2 for w in frame])
        logs.append(-squares / 2 - math.log(2 * math.pi) - math.log(long) - math.log(short) - math.log(petals))
    return np.array(logs)


def one_petal_after_another(*inputs):
    return np.logaddexp.reduce(logs_of_petals(*inputs))


# 8.3 and 8.4 ----------------------------------------------------------------------------------------------------------


def stretches(rng):
    n, classes = rng.integers(3, 9), rng.integers(3, 12)
    k = rng.integers(0, classes, size=n)
    return k, rng.random(n), rng.normal(size=(n, 2)), classes, rng.uniform(2, 4), rng.uniform(0.05, 0.2)


def point_by_point(k, u, noise, classes, length, width, windings=2, root=math.sqrt, divided=True):
    z = np.zeros((len(k), 2))
    for row, (stretch, share) in enumerate(zip(k, u, strict=True)):
        t = (stretch + share) / classes if divided else stretch / classes + share
        point = length * root(t) * np.exp(2j * math.pi * windings * root(t))
        z[row] = [point.real + width * noise[row, 0], point.imag + width * noise[row, 1]]
    return z


def otherwise(**how):
    return lambda z, inputs: point_by_point(*inputs, **how)


def uniforms(rng):
    s, n, d = rng.permutation(np.arange(2, 7))[:3]
    return rng.uniform(0.01, 0.99, size=(s, n, d)), rng.uniform(1.5, 3)


def waiting(u, scale):
    """How long one waits for s events: the sum of the times t at which 1 − e^{−t/scale} = u."""
    total = np.zeros(u.shape[1:])
    for one in u:
        total += scale * np.log(1 / (1 - one))
    return total


# 8.5 ------------------------------------------------------------------------------------------------------------------


def partly_known(rng):
    classes = rng.integers(4, 9)
    n = rng.integers(classes + 2, classes + 6)
    labels, random = rng.integers(1, classes, size=(2, n))
    known = rng.random(n) < 0.5
    known[:2] = False, True
    random[0] = labels[0] % (classes - 1) + 1  # an unknown row whose random petal is not its label
    return labels, known, random, classes


def row_by_row(labels, known, random, classes):
    rows, petals = [], []
    for label, is_known, other in zip(labels, known, random, strict=True):
        rows.append([1.0 if column == (label if is_known else classes) else 0.0 for column in range(classes + 1)])
        petals.append(label if is_known else other)
    return np.array(rows), np.array(petals)


def all_shown(right, inputs):
    labels, known, random, classes = inputs
    one_hot, _ = row_by_row(labels, known | True, random, classes)
    return {"one_hot": one_hot}


def without_slot(one_hot, inputs):
    return one_hot * (np.arange(one_hot.shape[1]) < inputs[3])


EXERCISES = [
    Exercise(
        "8.1", "flower", ("z",), petals_and_noise, petal_by_petal,
        mistakes=[
            changed("z", lambda z, inputs: petal_by_petal(*inputs, turn=-1), "the petals turn the other way round"),
            changed("z", lengths_swapped, "long and short have changed places"),
            changed("z", noise_unturned, "the noise is added unturned: every petal has the shape of petal 0"),
        ],
        hints=(
            "Think in the petal's own frame: how far out, how far to the side. Then turn the frame.",
            "a and c are (n, 2), one direction a row; the factors before them (n, 1): noise[:, :1], noise[:, 1:].",
            "z = (distance + long·ε₁)·(cos α, sin α) + short·ε₂·(−sin α, cos α), with α = 2πk/K",
        ),
    ),
    Exercise(
        "8.2", "flower_log_density", ("log_density",), places, one_petal_after_another, points=2,
        mistakes=[
            changed("log_density", lambda d, inputs: d + math.log(inputs[1]), "the weight 1/K of a petal is missing"),
            changed("log_density", lambda d, inputs: d + math.log(2 * math.pi * inputs[3] * inputs[4]),
                    "the factor 1/(2π·long·short) of the Gaussian is missing"),
            changed("log_density", lambda d, inputs: logs_of_petals(*inputs).sum(axis=0),
                    "the logarithms of the petals are added; that is their product, not their mixture"),
        ],
        hints=(
            "A mixture adds up densities. Only the sum is put into the logarithm, and the largest term is taken out.",
            "z[:, :1] (n, 1) with cos α (K,) is (n, K), all points against all petals; their sum is (n,).",
            "M = max over k of t_k;  M + ln Σ e^{t_k − M} − ln(K·2π·long·short), with t_k = −(e_k² + f_k²)/2",
        ),
    ),
    Exercise(
        "8.3", "swiss_roll", ("z",), stretches, point_by_point,
        mistakes=[
            changed("z", otherwise(root=lambda t: t), "t stands where √t should: the roll is crowded in the middle"),
            changed("z", otherwise(windings=1), "the angle is half of what it should be"),
            changed("z", otherwise(divided=False), "only k is divided by K; u chooses a place within the stretch"),
            changed("z", lambda z, inputs: z[:, ::-1], "the two coordinates have changed places"),
        ],
        hints=(
            "One number t says where on the curve; radius and angle both grow with its root.",
            "t is (n,), the points (n, 2): stack the cosine and the sine, axis=1.",
            "z = length·√t·(cos θ, sin θ) + width·ε, with t = (k + u)/K",
        ),
        variants={"three-windings": lambda *inputs: point_by_point(*inputs, windings=3)},
    ),
    Exercise(
        "8.4", "gamma", ("z",), uniforms, waiting,
        mistakes=[
            scaled("z", lambda inputs: 1 / len(inputs[0]), "the mean of the waiting times came; wait for all of them"),
            scaled("z", lambda inputs: 1 / inputs[1] ** 2, "divided by the scale, where it multiplies"),
            changed("z", lambda z, inputs: waiting(1 - inputs[0], inputs[1]),
                    "that is −ln u; as good for drawing, but u can be 0, and 1 − u cannot"),
        ],
        hints=(
            "Waiting for s events is waiting s times for one.",
            "u is (s, n, d); the sum runs over the first axis and leaves (n, d).",
            "z = −scale · Σ over s of ln(1 − u)",
        ),
    ),
    Exercise(
        "8.5", "label_slots", ("one_hot", "petal"), partly_known, row_by_row,
        mistakes=[
            changed("one_hot", without_slot, "the slot for unknown labels is missing: their rows are all zero"),
            Mistake("the label is shown although it is not known", all_shown),
            changed("petal", lambda petal, inputs: petal * inputs[1],
                    "unknown rows all take petal 0; they come from the whole mixture"),
            changed("petal", lambda petal, inputs: inputs[0], "an unknown row's draw comes from its label's petal"),
        ],
        hints=(
            "Unknown is one class more, for D to read; it is no petal, so a random one stands in.",
            "one_hot is (n, K + 1): columns 0 to K − 1 are classes, column K is the slot. petal is (n,).",
            "column = label where known, else K;  petal = label where known, else random: twice np.where",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
