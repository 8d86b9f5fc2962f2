"""Checks of lesson 7."""

import math

import numpy as np

from lessons import lesson_07_aae as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, instead, numerical, scaled


def sizes(rng, count):
    return rng.permutation(np.arange(2, 9))[:count]  # all different, so that a missing transpose cannot pass


# 7.1 ------------------------------------------------------------------------------------------------------------------


def two_sets_of_logits(rng):
    n, m = sizes(rng, 2)
    real, fake = rng.normal(size=n) * 2, rng.normal(size=m) * 2
    real[0] = rng.uniform(0.1, 0.4)  # right, though not above ½
    return real, np.where(np.abs(fake) < 0.5, fake + np.sign(fake), fake)


def sure_logits(rng):
    """Logits of which e^l overflows, and 1 − s is 0 on a computer."""
    real, fake = two_sets_of_logits(rng)
    real[:2], fake[:2] = (800.0, -800.0), (-800.0, 800.0)
    return real, fake


def cost(logit, target):
    """−target·ln s − (1 − target)·ln(1 − s), without e to the power of a large number."""
    return max(logit, 0.0) - logit * target + math.log1p(math.exp(-abs(logit)))


def judge(real, fake, target=1.0):
    def mean_cost(logits, target):
        return sum(cost(logit, target) for logit in logits) / len(logits)

    right = sum(logit > 0 for logit in real) + sum(logit <= 0 for logit in fake)
    return (
        mean_cost(real, target) + mean_cost(fake, 0.0),
        numerical(lambda logits: mean_cost(logits, target), real),
        numerical(lambda logits: mean_cost(logits, 0.0), fake),
        right / (len(real) + len(fake)),
    )


def swapped_roles(right, inputs):
    real, fake = inputs
    return {
        "loss": right["loss"] + np.mean(real) - np.mean(fake),
        "dreal": right["dreal"] + 1 / len(real),
        "dfake": right["dfake"] - 1 / len(fake),
        "accuracy": 1 - right["accuracy"],
    }


# 7.2 ------------------------------------------------------------------------------------------------------------------


def codes_and_judge(rng):
    n, d, h = sizes(rng, 3)
    h += 7  # enough units for some to be on and some off, and more than n or d can be
    return rng.normal(size=(n, d)), rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=h), rng.normal()


def logit_of(code, W, b, v, c):
    units = (sum(code * column) + shift for column, shift in zip(W.T, b, strict=True))
    return sum((unit if unit.real > 0 else 0) * weight for unit, weight in zip(units, v, strict=True)) + c


def fooled(z, W, b, v, c):
    """By complex steps: the imaginary part of f(z + ih)/h, without the rounding of a difference or fear of kinks."""

    def cost_of(code):
        return np.log(1 + np.exp(-logit_of(code, W, b, v, c))) / len(z)

    dz = np.zeros(z.shape)
    for i, k in np.ndindex(z.shape):
        moved = z[i].astype(complex)
        moved[k] += 1e-20j
        dz[i, k] = cost_of(moved).imag * 1e20
    return sum(cost_of(code) for code in z), dz


def s(logits):
    return 0.5 + np.tanh(logits / 2) / 2


def other_dz(dlogit=None, mask=None, v_=None):
    """Return the wrong dz where one of its three factors is another; each is a function of what it may be made of."""

    def dz(z, W, b, v, c):
        units = np.einsum("nd,dh->nh", z, W) + b
        logits = np.array([logit_of(code, W, b, v, c) for code in z])
        dl = (dlogit(logits) if dlogit else -s(-logits)) / len(z)
        weights = np.ones_like(v) if v_ else v
        dh = dl[:, None] * weights
        return np.einsum("nh,dh->nd", dh * (mask(units, dh) if mask else units > 0), W)

    return dz


def without_relu(right, inputs):
    z, W, b, v, c = inputs
    logits = np.einsum("nd,dh,h->n", z, W, v) + np.sum(b * v) + c
    dz = np.einsum("n,h,dh->nd", -s(-logits) / len(z), v, W)
    return {"loss": sum(cost(logit, 1.0) for logit in logits) / len(z), "dz": dz}


def without_c(right, inputs):
    return dict(zip(right, fooled(*inputs[:4], 0.0), strict=True))


def without_b(right, inputs):
    z, W, b, v, c = inputs
    return dict(zip(right, fooled(z, W, 0 * b, v, c), strict=True))


def saturating(right, inputs):
    odds = np.exp([logit_of(code, *inputs[1:]) for code in inputs[0]])
    return {"loss": -np.mean(np.log1p(odds)), "dz": right["dz"] * odds[:, None]}


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
        "7.1", "discriminator_loss", ("loss", "dreal", "dfake", "accuracy"), two_sets_of_logits, judge, points=2,
        mistakes=[
            Mistake("real and fake have changed roles: D calls the codes real", swapped_roles),
            instead("dreal", lambda real, fake: s(real) / len(real),
                    "dreal lacks its −1: the target of a real draw is 1, and the gradient is s(l) − target"),
            scaled("dreal", lambda inputs: len(inputs[0]) / sum(map(len, inputs)),
                   "dreal is divided by n + m; each half is a mean of its own"),
            scaled("dreal", lambda inputs: len(inputs[0]) / len(inputs[1]),
                   "dreal is divided by m; there are n real draws"),
            scaled("dfake", lambda inputs: len(inputs[1]) / len(inputs[0]), "dfake is divided by n; there are m codes"),
            instead("accuracy", lambda real, fake: (np.sum(real > 0.5) + np.sum(fake < 0.5)) / (len(real) + len(fake)),
                    "the accuracy compares logits with ½; a probability of ½ is a logit of 0"),
            scaled("accuracy", lambda inputs: sum(map(len, inputs)),
                   "the accuracy is a count; divide by all n + m of them"),
            scaled("accuracy", lambda inputs: 100, "the accuracy is in per cent; a share from 0 to 1 was asked for"),
            changed("loss", lambda loss, inputs: loss + np.inf,
                    "the loss is inf: where s rounds to 0 or 1, ln s or ln(1 − s) is −inf; compute both from the "
                    "logit, as ln(1 + e^l) with np.logaddexp", at_edge=True),
            scaled("dreal", lambda inputs: len(inputs[0]), "dreal is not divided by n, but the loss is a mean"),
            scaled("dfake", lambda inputs: len(inputs[1]) / (len(inputs[0]) + len(inputs[1])),
                   "dfake is divided by n + m; each half is a mean of its own"),
            scaled("loss", lambda inputs: 0.5, "the loss is the mean of the two halves; it should be their sum"),
        ],
        hints=(
            "Two classifiers' losses added up: one whose answer should be 1, and one whose answer should be 0.",
            "dreal has one number for each of the n draws, dfake one for each of the m codes; the others are numbers.",
            "−t·ln s(l) − (1 − t)·ln(1 − s(l)) has the derivative s(l) − t, t the target; divide by n, and by m.",
        ),
        variants={"smooth": lambda real, fake: judge(real, fake, 0.9)}, edge=sure_logits,
    ),
    Exercise(
        "7.2", "generator_loss", ("loss", "dz"), codes_and_judge, fooled, points=2,
        mistakes=[
            Mistake("this is the game as first written, min ln(1 − s(D)): its gradient vanishes where D is sure",
                    saturating),
            changed("dz", lambda dz, inputs: -dz, "dz has the wrong sign: the codes flee from what D calls real"),
            instead("dz", other_dz(mask=lambda units, dh: 1.0),
                    "the mask of the ReLU is forgotten: no gradient passes a unit that is off"),
            instead("dz", other_dz(mask=lambda units, dh: dh > 0),
                    "the mask is made from the gradient; a unit is on or off by zW + b"),
            instead("dz", other_dz(dlogit=s), "dz lacks the −1: the derivative of −ln s(l) is s(l) − 1"),
            instead("dz", other_dz(v_=1.0), "dz lacks the factor v, through which the units reach the logit"),
            Mistake("there is no ReLU between the layers", without_relu),
            Mistake("c is not added to the logit", without_c),
            Mistake("b is not added in the first layer", without_b),
            scaled("dz", lambda inputs: len(inputs[0]), "dz is not divided by n, but the loss is a mean"),
        ],
        hints=(
            "It is the loss of D's real half with codes in place of draws; then the chain rule back through D.",
            "dlogits (n,) times v (h,) is (n, h); off where the unit is off; times W transposed it is (n, d).",
            "dlogit = (s(l) − 1)/n;  dhidden = dlogit·v where zW + b > 0, else 0;  dz = dhidden·Wᵀ",
        ),
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
