"""Checks of lesson 7."""

import math

import numpy as np

from lessons import lesson_07_aae as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, numerical, scaled


def sizes(rng, count):
    return rng.permutation(np.arange(2, 9))[:count]  # all different, so that a missing transpose cannot pass


# 7.1 ------------------------------------------------------------------------------------------------------------------


def two_sets_of_logits(rng):
    n, m = sizes(rng, 2)
    return rng.normal(size=n) * 2, rng.normal(size=m) * 2


def cost(probability_real, target):
    return -(target * math.log(probability_real) + (1 - target) * math.log(1 - probability_real))


def probability(logit):
    return 1 / (1 + math.exp(-logit))


def judge(real, fake, target=1.0):
    def mean_cost(logits, target):
        return sum(cost(probability(logit), target) for logit in logits) / len(logits)

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
    h += 6  # enough units for some to be on and some off
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


def one_by_one(mean, log_var):
    return np.array([kl(m, np.exp(s)) for m, s in zip(mean, log_var, strict=True)]), bag(mean, log_var)


EXERCISES = [
    Exercise(
        "7.1", "discriminator_loss", ("loss", "dreal", "dfake", "accuracy"), two_sets_of_logits, judge, points=2,
        mistakes=[
            Mistake("real and fake have changed roles: D calls the codes real", swapped_roles),
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
        variants={"smooth": lambda real, fake: judge(real, fake, 0.9)},
    ),
    Exercise(
        "7.2", "generator_loss", ("loss", "dz"), codes_and_judge, fooled, points=2,
        mistakes=[
            Mistake("this is the game as first written, min ln(1 − s(D)): its gradient vanishes where D is sure",
                    saturating),
            changed("dz", lambda dz, inputs: -dz, "dz has the wrong sign: the codes flee from what D calls real"),
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
        ],
        hints=(
            "First treat each row as a Gaussian; then pour all rows into one bag and treat that as one Gaussian.",
            "each is (n,): sum over the columns. m and v of the bag are (d,): means over the rows.",
            "v = mean over rows of σ² + variance over rows of μ;  KL = ½ Σ (m² + v − ln v − 1)",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
