"""Checks of lesson 3."""

import math

import numpy as np

from lessons import lesson_03_losses as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, numerical, scaled
from tinyaae import Backend
from tinyaae.optimizers import Adam

# 3.1


def scores_and_targets(rng):
    n, k = rng.permutation(np.arange(2, 8))[:2]
    scores, target = rng.normal(size=(n, k)), rng.uniform(0.1, 1, size=(n, k))
    scores[rng.integers(n)] += 900  # changes no probability, but e^900 is too large a number
    return scores, target / target.sum(axis=1, keepdims=True)


def surprise(temperature):
    def value(scores, target):
        total = 0.0
        for s, t in zip(scores, target, strict=True):
            s = [v / temperature for v in s]
            top = max(s)
            room = top + math.log(sum(math.exp(v - top) for v in s))
            total += sum(t_j * (room - s_j) for t_j, s_j in zip(t, s, strict=True))
        return total / len(scores)

    # The middle of each row is taken away for the differences, which would lose their digits next to 900.
    return lambda scores, target: (
        value(scores, target),
        numerical(lambda s: value(s, target), scores - np.median(scores, axis=1, keepdims=True)),
    )


def rows(inputs):
    return len(inputs[0])


def classes(inputs):
    return inputs[0].shape[1]


def softmax_twice(right, inputs):
    powers = [[math.exp(v - max(row)) for v in row] for row in inputs[0]]
    value, dscores = surprise(1)(np.array([[e / sum(row) for e in row] for row in powers]), inputs[1])
    return {"value": value, "dscores": dscores}


# 3.2


def rolling(rng):
    w, dw, velocity = rng.normal(size=(3, rng.integers(2, 9)))
    return w, dw, velocity, rng.uniform(0.05, 0.5), rng.uniform(0.5, 0.95)


def rolled(nesterov=False):
    def answer(w, dw, velocity, rate, momentum):
        after = np.array([v * momentum + g for v, g in zip(velocity, dw, strict=True)])
        ahead = [g + v * momentum for v, g in zip(after, dw, strict=True)] if nesterov else after
        return np.array([place - v * rate for place, v in zip(w, ahead, strict=True)]), after

    return answer


# 3.3: the library keeps m/(1 − β₁) and v/(1 − β₂), and takes the same step


def halfway(rng):
    d = rng.integers(2, 9)
    beta1, beta2, t = rng.uniform(0.5, 0.95), rng.uniform(0.9, 0.99), int(rng.integers(1, 12))
    w, dw, mean = rng.normal(size=(3, d)) + 0.01
    return w, dw, mean, rng.uniform(0.5, 2, size=d), t, rng.uniform(0.05, 0.5), beta1, beta2, 1e-8


def adam_of_the_library(w, dw, mean, square, t, rate, beta1, beta2, epsilon):
    optimizer = Adam(rate, beta1, beta2, epsilon)
    optimizer.bind(Backend.named("numpy", "float64"), len(w))
    optimizer.state["mean"][...] = mean / (1 - beta1)
    optimizer.state["square"][...] = square / (1 - beta2)
    optimizer.steps = t - 1
    optimizer.update([w], dw)
    return w, optimizer.state["mean"] * (1 - beta1), optimizer.state["square"] * (1 - beta2)


def step_of_adam(right, inputs):
    return right["w"] - inputs[0]


def uncorrected(right, inputs):
    _, _, _, _, t, _, beta1, beta2, _ = inputs
    return {"w": inputs[0] + step_of_adam(right, inputs) * (1 - beta1**t) / math.sqrt(1 - beta2**t)}


def one_step_late(right, inputs):
    _, _, _, _, t, _, beta1, beta2, _ = inputs
    share = (1 - beta1**t) / (1 - beta1 ** (t + 1)) * math.sqrt((1 - beta2 ** (t + 1)) / (1 - beta2**t))
    return {"w": inputs[0] + step_of_adam(right, inputs) * share}


def without_root(right, inputs):
    t, beta2 = inputs[4], inputs[7]
    return {"w": inputs[0] + step_of_adam(right, inputs) / np.sqrt(right["square"] / (1 - beta2**t))}


EXERCISES = [
    Exercise(
        "3.1", "softmax_cross_entropy", ("value", "dscores"), scores_and_targets, surprise(1), points=3,
        mistakes=[
            Mistake("the softmax is taken twice; give the loss scores, not probabilities", softmax_twice),
            Mistake("value and gradient are sums over the batch where they should be means",
                    lambda right, inputs: {name: x * rows(inputs) for name, x in right.items()}),
            Mistake("value and gradient are means over the classes, too; an example's outputs are summed",
                    lambda right, inputs: {name: x / classes(inputs) for name, x in right.items()}),
            scaled("dscores", rows, "the value is a mean over the batch, but dscores is not divided by n"),
            changed("dscores", lambda dscores, inputs: dscores + inputs[1] / rows(inputs),
                    "the target is not taken from the probabilities"),
        ],
        hints=(
            "Write ln p as score − ln Σ e^score. Its slope is 1 at the class itself, and −p at every class.",
            "Row maxima and sums are (n, 1) with keepdims; value is one number; dscores is (n, k), like scores.",
            "ln p = s − max s − ln Σ e^(s − max s);  L = −Σ t·ln p / n;  dscores = (p − t)/n. "
            "(With a temperature T: s/T in place of s, and 1/T in the gradient.)",
        ),
        variants={"temperature": surprise(2)},
    ),
    Exercise(
        "3.2", "momentum_step", ("w", "velocity"), rolling, rolled(),
        mistakes=[
            changed("w", lambda w, inputs: inputs[0] - inputs[2] * inputs[3],
                    "w moves along the old velocity; the new one is what it should follow"),
            changed("w", lambda w, inputs: inputs[0] - inputs[1] * inputs[3],
                    "w moves along dw alone, as in SGD; the velocity is never used"),
            Mistake("dw enters the velocity with the factor (1 − momentum); here it enters whole",
                    lambda right, inputs: {"velocity": right["velocity"] - inputs[1] * inputs[4],
                                           "w": right["w"] + inputs[1] * inputs[4] * inputs[3]}),
            changed("w", lambda w, inputs: 2 * inputs[0] - w, "w walks uphill: the step is added, not subtracted"),
        ],
        hints=(
            "First the velocity, then the step. The old velocity fades, the new gradient is added.",
            "All arrays are (m,); rate and momentum are numbers. Make new arrays, leave the arguments alone.",
            "v = momentum·v + dw;  w = w − rate·v, with the new v. (Nesterov: w = w − rate·(dw + momentum·v).)",
        ),
        variants={"nesterov": rolled(nesterov=True)},
    ),
    Exercise(
        "3.3", "adam_step", ("w", "mean", "square"), halfway, adam_of_the_library, points=2,
        mistakes=[
            Mistake("the bias is not corrected: mean and square start at 0 and are too small at first", uncorrected),
            Mistake("the bias is corrected for t + 1 steps; t counts this one already", one_step_late),
            Mistake("w is divided by the mean square itself; its root is missing", without_root),
            changed("square", lambda square, inputs: square + (1 - inputs[7]) * (inputs[1] - inputs[1] ** 2),
                    "square gathers dw where it should gather dw²"),
            changed("w", lambda w, inputs: 2 * inputs[0] - w, "w walks uphill: the step is added, not subtracted"),
        ],
        hints=(
            "Two running means first, each a little of the new and most of the old. Then their corrected quotient.",
            "Everything is (d,) and goes element by element. t is a whole number, 1 at the first step.",
            "m = β₁m + (1−β₁)dw;  v = β₂v + (1−β₂)dw²;  w = w − rate·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
