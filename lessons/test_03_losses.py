"""Checks of lesson 3."""

import math

import numpy as np

from lessons import lesson_03_losses as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, instead, numerical, scaled
from tinyaae import Backend
from tinyaae.optimizers import Adam

# 3.1


def scores_and_targets(rng):
    n, k = rng.permutation(np.arange(2, 8))[:2]
    scores, target = rng.normal(size=(n, k)), rng.uniform(0.1, 1, size=(n, k))
    scores[rng.integers(n)] += 900  # changes no probability, but e^900 is too large a number
    return scores, target / target.sum(axis=1, keepdims=True)


def scores_far_apart(rng):
    """Within a row: the probability of the lower ones is 0 on a computer, and its logarithm would be lost."""
    n, k = rng.permutation(np.arange(3, 8))[:2]
    scores, target = rng.normal(size=(n, k)), rng.uniform(0.1, 1, size=(n, k))
    scores[np.arange(n), rng.integers(0, k, n)] += 1600  # at a temperature of 2, too
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


def powers(scores, axis=1):
    return np.exp(scores - np.max(scores, axis=axis, keepdims=True))


def along_the_batch(right, inputs):
    scores, target = inputs
    total = np.sum(powers(scores, 0), axis=0)
    log_p = scores - np.max(scores, axis=0) - np.log(total)
    return {
        "value": np.sum(-log_p * target) / len(scores),
        "dscores": (powers(scores, 0) / total - target) / len(scores),
    }


def likeliest_alone(scores, target):
    return surprise(1)(scores, np.eye(target.shape[1])[np.argmax(target, axis=1)])[0]


def with_a_small_number(scores, target):
    p = powers(scores) / np.sum(powers(scores), axis=1, keepdims=True)
    return np.sum(np.log(p + 1e-12) * -target) / len(scores)


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


def rate_inside(sign):
    def of(right, inputs):
        w, dw, velocity, rate, momentum = inputs
        v = velocity * momentum + sign * dw * rate
        return {"w": w - sign * v, "velocity": v}

    return of


# 3.3: the library keeps m/(1 − β₁) and v/(1 − β₂), and takes the same step


def halfway(rng):
    d = rng.integers(2, 9)
    beta1, beta2, t = rng.uniform(0.5, 0.95), rng.uniform(0.9, 0.99), int(rng.integers(2, 12))
    w, dw, mean = rng.normal(size=(3, d)) + 0.01
    return w, dw, mean, rng.uniform(0.5, 2, size=d), t, rng.uniform(0.05, 0.5), beta1, beta2, 1e-8


def first_step(rng):
    """t = 1, all averages 0, a weight without a gradient (0/0 without the epsilon) and one whose gradient is tiny."""
    w, dw = rng.normal(size=(2, 5))
    dw[2], dw[3] = 0, 1e-6
    return w, dw, np.zeros(5), np.zeros(5), 1, 0.01, 0.9, 0.999, 1e-8


def adam_of_the_library(w, dw, mean, square, t, rate, beta1, beta2, epsilon):
    optimizer = Adam(rate, beta1, beta2, epsilon)
    optimizer.bind(Backend.named("numpy", "float64"), len(w))
    optimizer.state["mean"][...] = mean / (1 - beta1)
    optimizer.state["square"][...] = square / (1 - beta2)
    optimizer.steps = t - 1
    w = w.copy()
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


def half_corrected(power):
    """Correct the mean alone (power 0), or the mean square alone (power 1)."""

    def of(right, inputs):
        t, beta1, beta2 = inputs[4], inputs[6], inputs[7]
        return {"w": inputs[0] + step_of_adam(right, inputs) * (1 - beta1**t if power else (1 - beta2**t) ** -0.5)}

    return of


def betas_swapped(right, inputs):
    *before, beta1, beta2, epsilon = inputs
    return dict(zip(right, adam_of_the_library(*before, beta2, beta1, epsilon), strict=True))


def corrected_averages(right, inputs):
    t, beta1, beta2 = inputs[4], inputs[6], inputs[7]
    return {"mean": right["mean"] / (1 - beta1**t), "square": right["square"] / (1 - beta2**t)}


def epsilon_inside(right, inputs):
    w, _, _, _, t, rate, beta1, beta2, epsilon = inputs
    root = np.sqrt(epsilon + right["square"] / (1 - beta2**t))
    return {"w": w - right["mean"] * rate / (1 - beta1**t) / root}


def without_epsilon(right, inputs):
    return epsilon_inside(right, (*inputs[:-1], 0.0))


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
            Mistake("the softmax runs down the columns (axis 0); each row (axis 1) is one example", along_the_batch),
            instead("value", likeliest_alone,
                    "the value is that of the likeliest class alone; every class counts with its target"),
            changed("value", lambda value, inputs: value + np.inf,
                    "the value is inf: far-apart scores make a probability of 0, and its logarithm is −inf; compute "
                    "ln p from the scores, not from p", at_edge=True),
            instead("value", with_a_small_number,
                    "a small number is added within the logarithm; it hides the 0 and makes large values wrong. "
                    "Compute ln p from the scores, not from p", at_edge=True),
        ],
        hints=(
            "Write ln p as score − ln Σ e^score. Its slope is 1 at the class itself, and −p at every class.",
            "Row maxima and sums are (n, 1) with keepdims; value is one number; dscores is (n, k), like scores.",
            "ln p = s − max s − ln Σ e^(s − max s);  L = −Σ t·ln p / n;  dscores = (p − t)/n",
        ),
        variants={"temperature": surprise(2)}, edge=scores_far_apart,
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
            Mistake("the learning rate is inside the velocity, as some write it (v = μv − η·dw, then w + v); here the "
                    "velocity sums up gradients, and the rate comes in with the step", rate_inside(-1)),
            Mistake("the learning rate is inside the velocity (v = μv + η·dw, then w − v); here the velocity sums up "
                    "gradients, and the rate comes in with the step", rate_inside(1)),
            Mistake("rate and momentum have changed places",
                    lambda right, inputs: dict(zip(right, rolled()(*inputs[:3], inputs[4], inputs[3]), strict=True))),
        ],
        hints=(
            "First the velocity, then the step. The old velocity fades, the new gradient is added.",
            "All arrays are (m,); rate and momentum are numbers. Make new arrays, leave the arguments alone.",
            "v = momentum·v + dw;  w = w − rate·v, with the new v",
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
            Mistake("only the bias of the mean is corrected; the mean square starts at 0, too", half_corrected(0)),
            Mistake("only the bias of the mean square is corrected; the mean starts at 0, too", half_corrected(1)),
            Mistake("the two betas have changed places: β₁ belongs to the mean, β₂ to the mean square", betas_swapped),
            Mistake("the corrected averages are returned; those without correction go into the next step",
                    corrected_averages),
            Mistake("ε is inside the root; it is added to the root, or a tiny gradient takes far too small a step",
                    epsilon_inside, at_edge=True),
            Mistake("ε is missing: a weight whose gradient has always been 0 becomes 0/0", without_epsilon,
                    at_edge=True),
        ],
        edge=first_step,
        hints=(
            "Two running means first, each a little of the new and most of the old. Then their corrected quotient.",
            "Everything is (d,) and goes element by element. t is a whole number, 1 at the first step.",
            "m = β₁m + (1−β₁)dw;  v = β₂v + (1−β₂)dw²;  w = w − rate·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
