"""Checks of lesson 9."""

import numpy as np

from lessons import lesson_09_encoders as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, numerical, scaled, transposed


def sizes(rng, count):
    return rng.permutation(np.arange(2, 8))[:count]  # all different, so that a missing transpose cannot pass


def images_noise_weights(rng):
    n, i, d, e = sizes(rng, 4)
    return (
        rng.normal(size=(n, i)), rng.normal(size=(n, d)), rng.normal(size=(n, e)),
        rng.normal(size=(i, d)), rng.normal(size=(i, d)) / 2, rng.normal(size=(e, d)),
    )  # fmt: skip


def sums(x, W):
    return np.einsum("ni,io->no", x, W)


def gaussian(x, epsilon, A, B, power=0.5):
    return sums(x, A) + np.exp(sums(x, B)) ** power * epsilon


def universal(x, eta, A, C):
    e = np.exp(2 * sums(np.hstack([x, eta]), np.vstack([A, C])))
    return (e - 1) / (e + 1)


def one_of_each(x, epsilon, eta, A, B, C):
    return sums(x, A), gaussian(x, epsilon, A, B), universal(x, eta, A, C)


def with_log_std(x, epsilon, eta, A, B, C):
    return sums(x, A), gaussian(x, epsilon, A, B, power=1), universal(x, eta, A, C)


def instead(name, wrong, says):
    """The mistake of `wrong(*inputs)` in place of one output."""
    return changed(name, lambda right, inputs: wrong(*inputs), says)


# 9.2 and 9.3 ----------------------------------------------------------------------------------------------------------


def for_gaussian(rng):
    x, epsilon, _, A, B, _ = images_noise_weights(rng)
    return rng.normal(size=epsilon.shape), x, epsilon, A, B


def for_universal(rng):
    x, epsilon, eta, A, _, C = images_noise_weights(rng)
    return rng.normal(size=epsilon.shape), x, eta, A / 2, C / 2


def gaussian_slopes(dz, x, epsilon, A, B, power=0.5):
    return (
        numerical(lambda x: np.sum(dz * gaussian(x, epsilon, A, B, power)), x),
        numerical(lambda A: np.sum(dz * gaussian(x, epsilon, A, B, power)), A),
        numerical(lambda B: np.sum(dz * gaussian(x, epsilon, A, B, power)), B),
    )


def universal_slopes(dz, x, eta, A, C):
    return (
        numerical(lambda x: np.sum(dz * universal(x, eta, A, C)), x),
        numerical(lambda A: np.sum(dz * universal(x, eta, A, C)), A),
        numerical(lambda C: np.sum(dz * universal(x, eta, A, C)), C),
    )


def of_the_mean_alone(dx, inputs):
    dz, _, _, A, _ = inputs
    return np.einsum("no,io->ni", dz, A)


def without_noise(dB, inputs):
    dz, x, epsilon, A, B = inputs
    return gaussian_slopes(dz, x, np.ones_like(epsilon), A, B)[2]


def straight_through(right, inputs):
    dz, x, eta, A, _ = inputs
    names = dict(dx=("no,io->ni", dz, A), dA=("ni,no->io", x, dz), dC=("ne,no->eo", eta, dz))
    return {name: np.einsum(*what) for name, what in names.items()}


# 9.4 ------------------------------------------------------------------------------------------------------------------


def many_draws(rng):
    draws, n, d = sizes(rng, 3)
    return (rng.normal(size=(draws, n, d)) + rng.normal(size=(n, d)) * 2,)


def by_moments(z):
    """Within: E[z²] − E[E[z|x]²]. Between: E[E[z|x]²] − E[z]²."""
    draws, n, d = z.shape
    squares = of_means = middle = 0.0
    for k in range(d):
        for i in range(n):
            mean = sum(z[:, i, k]) / draws
            squares += sum(z[:, i, k] ** 2) / draws / n / d
            of_means += mean**2 / n / d
        middle += (sum(map(sum, z[:, :, k])) / draws / n) ** 2 / d
    return squares - of_means, of_means - middle


EXERCISES = [
    Exercise(
        "9.1", "three_codes", ("deterministic", "gaussian", "universal"), images_noise_weights, one_of_each,
        mistakes=[
            instead("gaussian", lambda x, epsilon, eta, A, B, C: gaussian(x, epsilon, A, B, power=2),
                    "σ is e^{2·ln σ²}: the factor stands on the wrong side of the logarithm"),
            instead("gaussian", lambda x, epsilon, eta, A, B, C: sums(x, A) + sums(x, B) * epsilon,
                    "xB is taken for σ itself; then σ could be negative"),
            instead("universal", lambda x, epsilon, eta, A, B, C: universal(x, 0 * eta, A, C) + sums(eta, C),
                    "η is added after the activation; it has to be bent by it"),
        ],
        hints=(
            "All three start with the same xA. One adds nothing, one stretched noise, one mixes noise in and bends.",
            "x (n, i) times A (i, d) is (n, d), as are ε, σ, and η (n, e) times C (e, d).",
            "xA;  xA + √(e^{ln σ²})·ε;  tanh(xA + ηC)",
        ),
        variants={"log-std": with_log_std},
    ),
    Exercise(
        "9.2", "gaussian_backward", ("dx", "dA", "dB"), for_gaussian, gaussian_slopes, points=2,
        mistakes=[
            scaled("dB", lambda inputs: 2, "the ½ in σ = e^{½·ln σ²} got lost"),
            changed("dB", without_noise, "dB lacks the factor ε: where no noise was drawn, the spread does not matter"),
            changed("dx", of_the_mean_alone, "dx comes back by the mean alone; the spread is made of x, too"),
            transposed("dA"),
        ],
        hints=(
            "z is a sum: the mean, and the spread times a constant. Each is made of x by weights of its own.",
            "Make the gradient of xB first; it is (n, d), like dz. Then dB (i, d) is xᵀ times it, and so on.",
            "with s = xB:  ds = dz·ε·dσ/ds;  dA = xᵀ·dz,  dB = xᵀ·ds,  dx = dz·Aᵀ + ds·Bᵀ",
        ),
        variants={"log-std": lambda *inputs: gaussian_slopes(*inputs, power=1)},
    ),
    Exercise(
        "9.3", "universal_backward", ("dx", "dA", "dC"), for_universal, universal_slopes,
        mistakes=[
            Mistake("the derivative of tanh is missing", straight_through),
            transposed("dA"),
            scaled("dC", lambda inputs: 1 / len(inputs[0]), "dC is averaged over the batch; it should be a sum"),
        ],
        hints=(
            "First through the activation, then it is the linear layer of lesson 1 with two inputs.",
            "The gradient of the sum xA + ηC is (n, d). dA (i, d) needs x, dC (e, d) needs η.",
            "da = dz·(1 − z²);  dx = da·Aᵀ, dA = xᵀ·da, dC = ηᵀ·da",
        ),
    ),
    Exercise(
        "9.4", "within_and_between", ("within", "between"), many_draws, by_moments,
        mistakes=[
            Mistake("within and between have changed places",
                    lambda right, inputs: {"within": right["between"], "between": right["within"]}),
            scaled("within", lambda inputs: len(inputs[0]) / (len(inputs[0]) - 1),
                   "divided by S − 1; here a variance is a mean over all S draws"),
            changed("within", lambda within, inputs: inputs[0].var(axis=1).mean(),
                    "within is taken over the images; it is over the draws of each image"),
        ],
        hints=(
            "Two questions: how much does one image's code move, and how much do the images differ?",
            "Axis 0 of z (S, n, d) is the draws. A variance or mean over it leaves (n, d): images and coordinates.",
            "within: mean of Var over axis 0.  between: mean of Var over images of (Mean over axis 0).",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
