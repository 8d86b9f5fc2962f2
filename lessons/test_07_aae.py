"""Checks of lesson 7."""

import math

import numpy as np

from lessons import lesson_07_aae as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, instead, numerical, scaled


def sizes(rng, count):
    return rng.permutation(np.arange(2, 9))[:count]  # all different, so that a missing transpose cannot pass


# 7.1 ------------------------------------------------------------------------------------------------------------------


def codes_of_a_gaussian(rng):
    n, d = sizes(rng, 2)
    return rng.normal(size=(n, d)) * 2 + 3, rng.normal(size=d), rng.uniform(0.2, 0.7, size=d)


def codes_far_out(rng):
    """So far out that both densities are 0 on a computer."""
    z, mean, variance = codes_of_a_gaussian(rng)
    return z * 100, mean, variance


def log_normal(code, mean, variance):
    terms = ((x - m) ** 2 / v + math.log(2 * math.pi * v) for x, m, v in zip(code, mean, variance, strict=True))
    return -0.5 * sum(terms)


def logits_of_the_best(z, mean, variance):
    zeros, ones = 0 * mean, 0 * mean + 1
    return np.array([log_normal(code, zeros, ones) - log_normal(code, mean, variance) for code in z])


def best_by_differences(z, mean, variance):
    return logits_of_the_best(z, mean, variance), numerical(lambda z: sum(logits_of_the_best(z, mean, variance)), z)


def best_of_another(change):
    """Return the outcome for another Gaussian; `change` returns its mean and variance."""

    def of(right, inputs):
        z, mean, variance = inputs
        return dict(zip(right, best_by_differences(z, *change(mean, variance)), strict=True))

    return of


# 7.2 ------------------------------------------------------------------------------------------------------------------


def codes_and_judge(rng):
    n, d, h = sizes(rng, 3)
    h += 7  # enough units for some to be on and some off, and more than n or d can be
    return rng.normal(size=(n, d)), rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=h), rng.normal()


def codes_that_d_is_sure_of(rng):
    """Logits of which e^l overflows, of either sign."""
    z, W, b, v, c = codes_and_judge(rng)
    return z * 2000, W, b, v, c


def logit_of(code, W, b, v, c):
    units = (sum(code * column) + shift for column, shift in zip(W.T, b, strict=True))
    return sum((unit if unit.real > 0 else 0) * weight for unit, weight in zip(units, v, strict=True)) + c


def slopes(z, *weights):
    """By complex steps: the imaginary part of f(z + ih)/h, without the rounding of a difference or fear of kinks."""
    slope = np.zeros(z.shape)
    for i, k in np.ndindex(z.shape):
        moved = z[i].astype(complex)
        moved[k] += 1e-20j
        slope[i, k] = logit_of(moved, *weights).imag * 1e20
    return slope


def logits_of(z, *weights):
    return np.array([logit_of(code, *weights) for code in z])


def fooled(z, *weights):
    slope = slopes(z, *weights)
    return slope, -s(-logits_of(z, *weights))[:, None] * slope / len(z)


def s(logits):
    return 0.5 + np.tanh(logits / 2) / 2


def other_path(mask=None, v_=None):
    """Return the mistake's outcome where the mask of the ReLU or v is another."""

    def of(right, inputs):
        z, W, b, v, _ = inputs
        units = np.einsum("nd,dh->nh", z, W) + b
        weights = np.ones_like(v) if v_ else v
        slope = np.einsum("nh,dh->nd", weights * (mask(units, v) if mask else units > 0), W)
        return {"slope": slope, "dz": -s(-logits_of(*inputs))[:, None] * slope / len(z)}

    return of


def other_dlogit(factor):
    """Return the wrong dz where `factor` of the logits stands for s − 1."""

    def dz(z, *weights):
        return factor(logits_of(z, *weights))[:, None] * slopes(z, *weights) / len(z)

    return dz


def without_relu(right, inputs):
    z, W, b, v, c = inputs
    logits = np.einsum("nd,dh,h->n", z, W, v) + np.sum(b * v) + c
    slope = np.einsum("h,dh->d", v, W) * np.ones_like(z)
    return {"slope": slope, "dz": -s(-logits)[:, None] * slope / len(z)}


def without_c(right, inputs):
    return {"dz": fooled(*inputs[:4], 0.0)[1]}


def without_b(right, inputs):
    z, W, b, v, c = inputs
    return dict(zip(right, fooled(z, W, 0 * b, v, c), strict=True))


# 7.3 ------------------------------------------------------------------------------------------------------------------


def whole_vector(rng):
    sizes_of = sizes(rng, 3)
    n = sizes_of.sum()
    return rng.normal(size=n), rng.normal(size=(3, n)), sizes_of, rng.uniform(0.1, 0.9)


def weight_by_weight(weights, gradients, sizes, rate):
    owner = "Q" * sizes[0] + "P" * sizes[1] + "D" * sizes[2]
    movers = "QP", "D", "Q"
    masks = np.array([[float(name in names) for name in owner] for names in movers])
    after = list(weights)
    for k, name in enumerate(owner):
        for phase, names in enumerate(movers):
            if name in names:
                after[k] -= rate * gradients[phase, k]
    return masks, np.array(after)


def masked_otherwise(change):
    """Return the outcome with masks that `change(masks, q, p)` has changed, and the weights that follow."""

    def of(right, inputs):
        weights, gradients, sizes, rate = inputs
        masks = right["masks"].copy()
        change(masks, sizes[0], sizes[0] + sizes[1])
        return {"masks": masks, "weights": weights - np.sum(masks * gradients, axis=0) * rate}

    return of


def decoder_for_discriminator(masks, q, end):
    masks[1] = 0
    masks[1, q:end] = 1


def from_p_on(masks, q, end):
    masks[1, end - q :] = 1


def leak(phase, network, says):
    """The mistake of a mask of `phase` that lets `network` move, too."""

    def of(right, inputs):
        _, gradients, sizes, rate = inputs
        ends = np.cumsum([0, *sizes])
        part = slice(ends[network], ends[network + 1])
        masks, weights = right["masks"].copy(), right["weights"].copy()
        masks[phase, part] = 1
        weights[part] -= rate * gradients[phase, part]
        return {"masks": masks, "weights": weights}

    return Mistake(says, of)


# 7.4 ------------------------------------------------------------------------------------------------------------------


def posteriors(rng):
    n, d = sizes(rng, 2)
    return rng.normal(size=(n, d)) + rng.normal(size=d), rng.normal(size=(n, d)) - 1


def kl(mean, variance):
    return sum(m * m / 2 + v / 2 - math.log(v) / 2 - 0.5 for m, v in zip(mean, variance, strict=True))


def bag(mean, log_var, within=1.0, between=1.0):
    """The KL of the bag from the moments of q(z): E[z] and E[z²] − E[z]²."""
    middle = [sum(column) / len(column) for column in mean.T]
    squares = [sum(between * m * m for m in column) / len(column) for column in mean.T]
    widths = [sum(within * math.exp(s) for s in column) / len(column) for column in log_var.T]
    spread = [w + s - between * m * m for w, s, m in zip(widths, squares, middle, strict=True)]
    return kl(middle, spread)


def kl_of(variance, mean):
    return kl(np.mean(mean, axis=0), variance)


def with_between(spread):
    """Return together with another variance between the means."""
    return lambda mean, log_var: kl_of(np.mean(np.exp(log_var), axis=0) + spread(mean), mean)


def log_for_variance(right, inputs):
    """−1 is no variance: the KL of the bag may be NaN, and each KL has ln σ² in both places."""
    mean, log_var = inputs
    variance = np.mean(log_var, axis=0) + np.var(mean, axis=0)
    with np.errstate(invalid="ignore"):
        together = np.sum(np.mean(mean, axis=0) ** 2 + variance - np.log(variance) - 1) / 2
    return {"each": np.sum(mean**2 - 1, axis=1) / 2, "together": together}


def one_by_one(mean, log_var):
    return np.array([kl(m, np.exp(s)) for m, s in zip(mean, log_var, strict=True)]), bag(mean, log_var)


EXERCISES = [
    Exercise(
        "7.1", "best_logit", ("logit", "slope"), codes_of_a_gaussian, best_by_differences, points=2,
        mistakes=[
            changed("logit", lambda logit, inputs: -logit,
                    "in the logit p and q have changed places: this one is positive where the codes are"),
            changed("logit", lambda logit, inputs: logit - np.sum(np.log(inputs[2])) / 2,
                    "the logit lacks ½ Σ ln v: a narrow Gaussian is higher at its middle"),
            changed("logit", lambda logit, inputs: logit + np.sum(np.log(inputs[2])) / 2,
                    "ln v is not halved; the ½ in front belongs to it, too"),
            scaled("logit", lambda inputs: 2, "the ½ in front is missing"),
            scaled("logit", lambda inputs: 1 / inputs[0].shape[1],
                   "the logit is a mean over the dimensions; the logarithms of a product add up"),
            instead("logit", lambda *inputs: s(logits_of_the_best(*inputs)),
                    "the logit was put through the sigmoid; D's logit is asked for, not its probability"),
            changed("logit", lambda logit, inputs: logit + np.inf,
                    "the logit is inf: far out both densities round to 0; subtract their logarithms", at_edge=True),
            Mistake("the variance is squared, as if it were a standard deviation",
                    best_of_another(lambda mean, variance: (mean, variance**2))),
            Mistake("the codes are divided by the standard deviation; it is the square that is divided by v",
                    best_of_another(lambda mean, variance: (mean, np.sqrt(variance)))),
            Mistake("the mean is not taken from the codes",
                    best_of_another(lambda mean, variance: (0 * mean, variance))),
            instead("slope", lambda z, mean, variance: (z - mean) / variance,
                    "the slope lacks the prior's part, −z: only the codes push"),
            instead("slope", lambda z, mean, variance: -z,
                    "the slope lacks the codes' part, (z − m)/v: only the prior pulls"),
            scaled("slope", lambda inputs: 2, "the slope is twice too large: the ½ cancels the 2 of the square"),
            changed("slope", lambda slope, inputs: slope / len(slope),
                    "the slope is divided by n; it is the slope at each code, and no mean was taken"),
            instead("slope", lambda z, mean, variance: best_by_differences(z, mean, variance)[1]
                    * s(-logits_of_the_best(z, mean, variance))[:, None],
                    "the slope is that of ln s(l); the slope of l itself was asked for"),
        ],
        hints=(
            "Write ln p and ln q down, each a sum over the dimensions, and subtract. What cancels?",
            "logit is (n,): a sum over the columns. slope is (n, d): a dimension has one term, so no sum is left.",
            "l = ½ Σ ((z − m)²/v + ln v − z²);  ∂l/∂z_k = (z_k − m_k)/v_k − z_k",
        ),
        variants={"log-variance": lambda z, mean, variance: best_by_differences(z, mean, np.exp(variance))},
        edge=codes_far_out,
    ),
    Exercise(
        "7.2", "through_discriminator", ("slope", "dz"), codes_and_judge, fooled, points=2,
        mistakes=[
            instead("dz", other_dlogit(lambda logits: -s(logits)),
                    "this is the game as first written, min ln(1 − s(D)): its gradient vanishes where D is sure"),
            changed("dz", lambda dz, inputs: -dz, "dz has the wrong sign: the codes flee from what D calls real"),
            Mistake("the mask of the ReLU is forgotten: no gradient passes a unit that is off",
                    other_path(mask=lambda units, v: np.ones_like(units))),
            Mistake("the mask is made from the gradient; a unit is on or off by zW + b",
                    other_path(mask=lambda units, v: np.ones_like(units) * (v > 0))),
            Mistake("the mask is the hidden output itself; the slope of a ReLU is 1 where it is on",
                    other_path(mask=lambda units, v: np.maximum(units, 0))),
            instead("dz", other_dlogit(s), "dz lacks the −1: the derivative of −ln s(l) is s(l) − 1"),
            Mistake("the factor v is missing, through which the units reach the logit", other_path(v_=1.0)),
            Mistake("there is no ReLU between the layers", without_relu),
            Mistake("c is not added to the logit", without_c),
            Mistake("b is not added in the first layer", without_b),
            scaled("dz", lambda inputs: len(inputs[0]), "dz is not divided by n, but the loss is a mean"),
            changed("dz", lambda dz, inputs: slopes(*inputs) / -len(inputs[0]),
                    "dz is the slope for every code alike; the loss weighs each by s(l) − 1"),
            changed("slope", lambda slope, inputs: slope / len(slope),
                    "the slope is divided by n; it is D's slope at each code, and no mean was taken"),
        ],
        hints=(
            "The slope is the backward of lesson 2 with a gradient of 1 for each logit. dz weighs it by the loss's.",
            "v (h,) is the gradient of the units, the same for every code; off where the unit is off, (n, h); times W "
            "transposed it is (n, d).",
            "slope = (v where zW + b > 0, else 0)·Wᵀ;  dz = (s(l) − 1)/n · slope, a row of it for each code",
        ),
        edge=codes_that_d_is_sure_of,
    ),
    Exercise(
        "7.3", "three_steps", ("masks", "weights"), whole_vector, weight_by_weight,
        mistakes=[
            leak(1, 0, "the discriminator's gradient reached the encoder (a forgotten detach)"),
            Mistake("the row of Discriminate is 1 on the decoder; the order in the vector is Q, P, D",
                    masked_otherwise(decoder_for_discriminator)),
            Mistake("D's part starts too early, at p; the encoder and the decoder are before it, q + p numbers",
                    masked_otherwise(from_p_on)),
            changed("weights", lambda weights, inputs: 2 * inputs[0] - weights,
                    "the weights walk uphill: the steps are added, not subtracted"),
            instead("weights", lambda weights, gradients, sizes, rate: weights - np.sum(gradients, axis=0) * rate,
                    "the steps are taken without the masks, so every phase moves every weight"),
            changed("weights", lambda weights, inputs: inputs[0] - inputs[3] * inputs[1],
                    "the weights are a row for each phase, and without masks; all three steps move one vector"),
            leak(2, 2, "Generate moved the discriminator: D would learn to be fooled"),
            leak(0, 2, "Reconstruction moved the discriminator"),
            leak(2, 1, "Generate moved the decoder, which it does not even pass through"),
        ],
        hints=(
            "Ask of each phase whose loss it is: who gets better by it?",
            "A row of masks is (N,): sizes[0] places for Q, then sizes[1] for P, then sizes[2] for D.",
            "Rows: 1 on Q and P; 1 on D; 1 on Q. Weights less rate times the sum over phases of mask times gradient.",
        ),
    ),
    Exercise(
        "7.4", "two_kls", ("each", "together"), posteriors, one_by_one,
        mistakes=[
            changed("together", lambda kl, inputs: bag(*inputs, between=0.0),
                    "the bag's variance lacks the part between the means: they lie apart, too"),
            changed("together", lambda kl, inputs: bag(*inputs, within=0.0),
                    "the bag's variance lacks the part within: the mean of the σ²"),
            scaled("each", lambda inputs: 1 / inputs[0].shape[1], "each is averaged over the dimensions; KLs add up"),
            changed("together", lambda kl, inputs: np.mean([one for one in one_by_one(*inputs)[0]]),
                    "together is the mean of the KLs; it should be the KL of the mixed-up codes"),
            scaled("together", lambda inputs: 1 / inputs[0].shape[1],
                   "together is averaged over the dimensions; KLs add up"),
            instead("together", with_between(lambda mean: np.var(mean, axis=0, ddof=1)),
                    "the spread of the means is divided by n − 1; these n codes are all there is, so by n"),
            instead("together", with_between(lambda mean: np.std(mean, axis=0)),
                    "the standard deviation of the means is added; it is variances that add up"),
            instead("together", with_between(np.var),
                    "the variance of the means is one number for all dimensions; each dimension has its own (axis 0)"),
            instead("together", lambda mean, log_var:
                    kl_of(np.exp(np.mean(log_var, axis=0)) + np.var(mean, axis=0), mean),
                    "the mean is taken of ln σ² before the exponential; it is the σ² that are averaged"),
            Mistake("σ² is made as e^(2·ln σ²); e^(ln σ²) is the variance already",
                    lambda right, inputs: dict(zip(right, one_by_one(inputs[0], 2 * inputs[1]), strict=True))),
            Mistake("ln σ² stands where σ² should: take its exponential first", log_for_variance),
        ],
        hints=(
            "First treat each row as a Gaussian; then pour all rows into one bag and treat that as one Gaussian.",
            "each is (n,): sum over the columns. m and v of the bag are (d,): means over the rows.",
            "v = mean over rows of σ² + variance over rows of μ;  KL = ½ Σ (m² + v − ln v − 1)",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
