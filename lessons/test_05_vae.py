"""Checks of lesson 5."""

import math

import numpy as np

from lessons import lesson_05_vae as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, numerical, scaled


def clouds(rng, arrays):
    n, d = rng.permutation(np.arange(3, 8))[:2]
    mean, *others = rng.normal(size=(arrays, n, d))
    log_var = rng.uniform(-1.5, 1, size=(n, d))
    return mean, log_var, *others


def rows(inputs):
    return len(inputs[0])


def columns(inputs):
    return inputs[0].shape[1]


def deviation(inputs):
    return np.array([[math.exp(v) ** 0.5 for v in row] for row in inputs[1]])


# 5.2


def draws_by_differences(dz, log_var, noise):
    def loss(mean, log_var):
        cases = zip(dz.ravel(), mean.ravel(), log_var.ravel(), noise.ravel(), strict=True)
        return sum(g * (m + math.sqrt(math.exp(v)) * e) for g, m, v, e in cases)

    zero = np.zeros_like(dz)
    return numerical(lambda m: loss(m, log_var), zero), numerical(lambda v: loss(zero, v), log_var)


# 5.3: the integral of q ln(q/p), on a grid; for normal distributions the sum is exact to many digits


def integral(mean, log_var, std=1.0, swapped=False):
    """Return the KL of each element."""
    step = 0.2
    places = np.arange(-50, 51)[:, None, None] * step
    m, s = mean, np.exp(log_var / 2)
    x = places if swapped else m + s * places

    def log_normal(x, m, s):
        return -(((x - m) / s) ** 2) / 2 - np.log(s * math.sqrt(2 * math.pi))

    log_q, log_p = log_normal(x, m, s), log_normal(x, 0.0, std)
    if swapped:
        return np.sum(np.exp(log_p) * (log_p - log_q), axis=0) * step
    return np.sum(np.exp(log_q) * (log_q - log_p) * s, axis=0) * step


def divergence(h=1e-5, **how):
    def answer(mean, log_var):
        by_mean = integral(mean + h, log_var, **how) - integral(mean - h, log_var, **how)
        by_log_var = integral(mean, log_var + h, **how) - integral(mean, log_var - h, **how)
        n = len(mean)
        return np.sum(integral(mean, log_var, **how)) / n, by_mean / (2 * h * n), by_log_var / (2 * h * n)

    return answer


# 5.4


def moments(mean, log_var):
    first, second = [], []
    for means, log_vars in zip(mean.T, log_var.T, strict=True):
        first.append(sum(means) / len(means))
        second.append(sum(m * m + math.exp(v) for m, v in zip(means, log_vars, strict=True)) / len(means))
    return np.array(first), np.array([s - f * f for f, s in zip(first, second, strict=True)])


def within(inputs):
    return np.sum(deviation(inputs) ** 2, axis=0) / rows(inputs)


EXERCISES = [
    Exercise(
        "5.1", "draw", ("z",), lambda rng: clouds(rng, 2),
        lambda mean, log_var, noise: np.array(
            [[m + math.sqrt(math.exp(v)) * e for m, v, e in zip(*row, strict=True)]
             for row in zip(mean, log_var, noise, strict=True)]
        ),
        mistakes=[
            changed("z", lambda z, inputs: inputs[0] + (z - inputs[0]) * deviation(inputs),
                    "the noise is multiplied by the variance σ²; σ is its root"),
            changed("z", lambda z, inputs: inputs[0] + inputs[1] * inputs[2],
                    "the noise is multiplied by ln σ² itself; σ has to be made of it"),
            changed("z", lambda z, inputs: inputs[0] + inputs[2], "the noise is added as it is; σ is missing"),
        ],
        hints=(
            "Stretch the noise to the width of the cloud, then move it to the cloud's place.",
            "All four arrays are (n, d), and everything goes element by element.",
            "σ = √(e^(ln σ²)) = e^(½ ln σ²);  z = μ + σ·ε",
        ),
    ),
    Exercise(
        "5.2", "draw_backward", ("dmean", "dlog_var"), lambda rng: clouds(rng, 2), draws_by_differences, points=2,
        mistakes=[
            scaled("dlog_var", lambda inputs: 2, "the ½ is missing: σ is e to the half of ln σ²"),
            changed("dlog_var", lambda g, inputs: g / inputs[2], "the noise is missing in dlog_var"),
            changed("dlog_var", lambda g, inputs: g * deviation(inputs), "dlog_var has σ² where σ belongs"),
            changed("dlog_var", lambda g, inputs: g / deviation(inputs),
                    "σ is missing in dlog_var; the derivative of an exponential is the exponential"),
            scaled("dmean", lambda inputs: 1 / rows(inputs), "dmean is averaged over the batch; the loss does that"),
        ],
        hints=(
            "Hold ε fixed. By how much does z move when μ moves by a little? When ln σ² does?",
            "Element by element: dmean and dlog_var are (n, d) like dz, and nothing is summed.",
            "dμ = dz;  d ln σ² = dz·ε·½σ, because the derivative of e^(½v) is ½e^(½v)",
        ),
    ),
    Exercise(
        "5.3", "kl", ("value", "dmean", "dlog_var"), lambda rng: clouds(rng, 1), divergence(), points=2,
        mistakes=[
            Mistake("value and gradients are means over the coordinates, too; those are summed",
                    lambda right, inputs: {name: x / columns(inputs) for name, x in right.items()}),
            Mistake("value and gradients are sums over the batch where they should be means",
                    lambda right, inputs: {name: x * rows(inputs) for name, x in right.items()}),
            Mistake("the ½ in front is missing",
                    lambda right, inputs: {name: x * 2 for name, x in right.items()}),
            changed("dlog_var", lambda g, inputs: g / deviation(inputs) ** 2,
                    "dlog_var is the gradient with respect to σ²; with respect to ln σ² it is σ² times that"),
            Mistake("this is KL(p‖q), with prior and posterior swapped",
                    lambda right, inputs: dict(zip(right, divergence(swapped=True)(*inputs), strict=True))),
        ],
        hints=(
            "Each coordinate of each image adds its own term. Write σ² as e^v with v = ln σ², and differentiate by v.",
            "value is one number, both gradients are (n, d); n divides all three.",
            "KL = Σ(μ² + e^v − v − 1)/2n;  dμ = μ/n;  dv = (e^v − 1)/2n",
        ),
        variants={"wide-prior": divergence(std=2.0)},
    ),
    Exercise(
        "5.4", "all_together", ("mean", "variance"), lambda rng: clouds(rng, 1), moments,
        mistakes=[
            changed("variance", lambda variance, inputs: within(inputs),
                    "this is the mean of the variances; that the clouds lie apart is left out"),
            changed("variance", lambda variance, inputs: variance - within(inputs),
                    "this is the variance of the means; the width of each cloud is left out"),
            changed("variance", lambda variance, inputs:
                    variance - within(inputs) + np.mean(deviation(inputs), axis=0) ** 2,
                    "the widths σ are averaged; it is variances that add up"),
            changed("variance", lambda variance, inputs:
                    variance + (variance - within(inputs)) / (rows(inputs) - 1),
                    "the spread of the means is divided by n − 1; these n clouds are all there is, so by n"),
        ],
        hints=(
            "A z differs from the mean of all for two reasons: where its cloud is, and where in its cloud it is.",
            "mean and variance are (d,), one number a coordinate: average over the n rows.",
            "variance = mean of e^(ln σ²) + variance of μ, both over the rows",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
