"""Checks of lesson 6."""

import math

import numpy as np

from lessons import lesson_06_gan as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, instead, numerical, scaled


def surprise(right_odds):
    """Return −ln of a probability, from the logit of that probability."""
    return max(-right_odds, 0.0) + math.log1p(math.exp(-abs(right_odds)))


def mean_of(function, logits):
    return sum(function(v) for v in logits.ravel()) / logits.size


def with_gradients(value):
    """Return the function of some logits that gives `value` of them, and the gradients by differences."""

    def answer(*logits):
        def gradient(k):
            return numerical(lambda moved: value(*logits[:k], moved, *logits[k + 1 :]), logits[k])

        return (value(*logits), *(gradient(k) for k in range(len(logits))))

    return answer


# 6.1


def two_heaps(rng):
    n, m = rng.permutation(np.arange(3, 9))[:2]
    real, fake = rng.normal(size=(n, 1)), rng.normal(size=(m, 1))
    real[0], fake[0] = -50, 50  # 1 − s is 0 here, and its logarithm would be lost
    return real, fake


def real_half(real):
    return mean_of(surprise, real)


def fake_half(fake):
    return mean_of(lambda v: surprise(-v), fake)


discriminator_input = with_gradients(lambda real, fake: real_half(real) + fake_half(fake))


def one_mean(right, inputs):
    n, m = map(len, inputs)
    weight = n / (n + m), m / (n + m)
    return {
        "value": real_half(inputs[0]) * weight[0] + fake_half(inputs[1]) * weight[1],
        "dreal": right["dreal"] * weight[0],
        "dfake": right["dfake"] * weight[1],
    }


def swapped(right, inputs):
    value, dfake, dreal = discriminator_input(inputs[1], inputs[0])
    return {"value": value, "dreal": dreal, "dfake": dfake}


def fakes_only(right, inputs):
    return {"value": fake_half(inputs[1]), "dreal": 0 * right["dreal"]}


def s(logits):
    return 0.5 + np.tanh(logits / 2) / 2


# 6.2

called_real = with_gradients(real_half)
minimax = with_gradients(lambda fake: -fake_half(fake))


def helping_d(right, inputs):
    return dict(zip(right, with_gradients(fake_half)(*inputs), strict=True))


def the_other(right, inputs):
    asked_for_minimax = np.allclose(right["value"], minimax(*inputs)[0])
    return dict(zip(right, (called_real if asked_for_minimax else minimax)(*inputs), strict=True))


# 6.3


def loss_of_d(theta, psi):
    return sum(surprise(-t * w) for t, w in zip(theta, psi, strict=True))


def loss_of_g(theta, psi):
    return sum(surprise(t * w) for t, w in zip(theta, psi, strict=True))


def games(rng):
    theta, psi = rng.uniform(0.3, 2, size=(2, rng.integers(2, 7))) * rng.choice([-1, 1])
    return theta, psi, rng.uniform(0.05, 0.5)


def played(theta, psi, rate):
    psi = psi - rate * numerical(lambda w: loss_of_d(theta, w), psi)
    return theta - rate * numerical(lambda t: loss_of_g(t, psi), theta), psi


def old_d(right, inputs):
    theta, psi, rate = inputs
    return {"theta": theta - rate * numerical(lambda t: loss_of_g(t, psi), theta)}


def reached_g(right, inputs):
    theta, psi, rate = inputs
    return {"theta": right["theta"] - rate * numerical(lambda t: loss_of_d(t, psi), theta)}


def reached_d(right, inputs):
    theta, _, rate = inputs
    return {"psi": right["psi"] - rate * numerical(lambda w: loss_of_g(theta, w), right["psi"])}


def other_game(psi_slope=None, theta_slope=None):
    """Return the outcome with another gradient for ψ or θ; each is a function of θ, ψ and their logit's sigmoid."""

    def of(right, inputs):
        theta, psi, rate = inputs
        psi = psi - rate * psi_slope(theta, psi, s(psi * theta)) if psi_slope else right["psi"]
        slope = theta_slope(theta, psi, s(psi * theta)) if theta_slope else -s(-psi * theta) * psi
        return {"theta": theta - rate * slope, "psi": psi}

    return of


# 6.4: the best answer by bisection, the loss by its distance from 2 ln 2


def two_shares(rng):
    p, q = rng.uniform(0.2, 1, size=(2, rng.integers(3, 9)))
    p[0] *= 8  # unlike each other, or both halves of the loss would be ln 2
    return p / p.sum(), q / q.sum()


def best_by_bisection(p, q):
    answers = []
    for a, b in zip(p, q, strict=True):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if b / (1 - middle) < a / middle else (low, middle)
        answers.append(low)
    half = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    apart = sum(a * math.log(a / h) + b * math.log(b / h) for a, b, h in zip(p, q, half, strict=True))
    return np.array(answers), 2 * math.log(2) - apart


def real_cost(right, inputs):
    return {"loss": -sum(a * math.log(d) for a, d in zip(inputs[0], right["d"], strict=True))}


EXERCISES = [
    Exercise(
        "6.1", "discriminator_loss", ("value", "dreal", "dfake"), two_heaps, discriminator_input, points=2,
        mistakes=[
            Mistake("one mean runs over both halves together; each half has a mean of its own", one_mean),
            Mistake("real and fake are swapped: this D would call the fakes real", swapped),
            Mistake("the real samples are not in it", fakes_only),
            instead("dreal", lambda real, fake: s(real) / len(real),
                    "dreal lacks its −1: the target of a real sample is 1, and the gradient is s(l) − target"),
            instead("dreal", lambda real, fake: -s(real) * s(-real) / len(real),
                    "dreal has the slope s(1 − s) of the sigmoid; the logarithm cancels it, and s(l) − target is left"),
            instead("dfake", lambda real, fake: s(fake) * s(-fake) / len(fake),
                    "dfake has the slope s(1 − s) of the sigmoid; the logarithm cancels it, and s(l) − target is left"),
            scaled("dfake", lambda inputs: len(inputs[1]) / len(inputs[0]),
                   "dfake is divided by n; there are m fake samples"),
            scaled("dreal", lambda inputs: len(inputs[0]) / len(inputs[1]),
                   "dreal is divided by m; there are n real samples"),
            instead("value", lambda real, fake: np.mean(np.log2(1 + 2**-real)) + np.mean(np.log2(1 + 2**fake)),
                    "the powers and logarithms have base 2 (logaddexp2); ours are the natural ones"),
            scaled("value", lambda inputs: 0.5, "the value is the mean of its two halves; it should be their sum"),
            scaled("value", lambda inputs: 1 / math.log(2), "the logarithm has base 2; ours is the natural one"),
            scaled("dreal", lambda inputs: len(inputs[0]), "the value is a mean, but dreal is not divided by n"),
            scaled("dfake", lambda inputs: len(inputs[1]), "the value is a mean, but dfake is not divided by m"),
        ],
        hints=(
            "Two losses in one sum. Differentiate ln(1 + e^l): what comes out is the sigmoid.",
            "value is one number; dreal is (n, 1) and dfake (m, 1), each divided by its own number of rows.",
            "L = mean ln(1 + e^(−real)) + mean ln(1 + e^fake);  dreal = (s(real) − 1)/n,  dfake = s(fake)/m",
        ),
    ),
    Exercise(
        "6.2", "generator_loss", ("value", "dfake"), lambda rng: two_heaps(rng)[1:], called_real,
        mistakes=[
            Mistake("this is what D pays for its fakes: the generator would help D", helping_d),
            Mistake("this is the other one of the two losses that a generator may go down; read once more which is "
                    "asked for", the_other),
            instead("value", lambda fake: real_half(fake) + fake_half(fake),
                    "the value has both halves of D's loss; the generator pays one"),
            instead("dfake", lambda fake: -s(fake) * s(-fake) / len(fake),
                    "dfake has the slope s(1 − s) of the sigmoid; the logarithm of the loss changes it"),
            scaled("dfake", lambda inputs: len(inputs[0]), "the value is a mean, but dfake is not divided by m"),
            Mistake("value and gradient are sums over the batch where they should be means",
                    lambda right, inputs: {name: x * len(inputs[0]) for name, x in right.items()}),
        ],
        hints=(
            "The same curves as in 6.1. Which one goes down as the logit of a fake goes up?",
            "value is one number, dfake is (m, 1), divided by m.",
            "mean ln(1 + e^(−l));  (s(l) − 1)/m",
        ),
        variants={"minimax": minimax},
    ),
    Exercise(
        "6.3", "game_step", ("theta", "psi"), games, played, points=2,
        mistakes=[
            Mistake("the generator met D as it was before its move; it should pass through the D that has just moved",
                    old_d),
            Mistake("the discriminator's gradient reached the generator: for D the samples are constants", reached_g),
            Mistake("the generator's gradient reached D: the generator only passes through it", reached_d),
            changed("theta", lambda theta, inputs: 2 * inputs[0] - theta,
                    "θ walks away from where D says real: its step has the wrong sign"),
            Mistake("ψ walks uphill: its step has the wrong sign", other_game(lambda t, p, s: -s * t)),
            Mistake("ψ's gradient lacks the factor θ: the logit is ψθ, and its derivative by ψ is θ",
                    other_game(lambda t, p, s: s)),
            Mistake("θ's gradient lacks the factor ψ: the logit is ψθ, and its derivative by θ is ψ",
                    other_game(None, lambda t, p, s: s - 1)),
            Mistake("θ goes down ln(1 − s), the game as first written; here it goes down −ln s",
                    other_game(None, lambda t, p, s: -s * p)),
            Mistake("ψ's gradient has a −½ from the real samples; they are all 0, so their logit 0·ψ does not change "
                    "with ψ", other_game(lambda t, p, s: s * t - 0.5)),
            Mistake("the gradients are divided by the number of games; games do not mix, so there is no mean",
                    other_game(lambda t, p, s: s * t / len(t), lambda t, p, s: (s - 1) * p / len(t))),
        ],
        hints=(
            "Two steps in turn, each with the gradient of its own loss and with respect to its own number only.",
            "All are (k,), and games do not mix: no sum, no mean.",
            "ψ ← ψ − η·s(ψθ)·θ, and then, with this ψ, θ ← θ + η·s(−ψθ)·ψ",
        ),
    ),
    Exercise(
        "6.4", "best_discriminator", ("d", "loss"), two_shares, best_by_bisection, points=2,
        mistakes=[
            changed("d", lambda d, inputs: 1 - d, "d is the probability of fake; D answers how likely real is"),
            changed("d", lambda d, inputs: inputs[0] / inputs[1],
                    "d is the ratio of the two shares; a probability is a share of the whole, real and fake"),
            scaled("loss", lambda inputs: 1 / math.log(2), "the logarithm has base 2; ours is the natural one"),
            scaled("loss", lambda inputs: 0.5, "the loss is the mean of its two halves; it should be their sum"),
            Mistake("only the real half is in the loss", real_cost),
            changed("loss", lambda loss, inputs: np.sum(np.log(sum(inputs) ** 2 / (inputs[0] * inputs[1]))),
                    "the logarithms are not weighed by p and q, so each cell counts alike"),
            instead("loss", lambda p, q: np.sum(np.log((p + q) / p) * (p + q)),
                    "both halves have ln d; what a fake costs is −ln(1 − d)"),
            scaled("loss", lambda inputs: 1 / len(inputs[0]), "the loss is a mean over the cells; p and q are weights "
                   "that sum to 1 already, so sum"),
        ],
        hints=(
            "In one cell: the derivative of −p ln d − q ln(1 − d) with respect to d is 0 at the best d.",
            "d is (k,), one answer a cell; the loss is one number, summed over the cells.",
            "the best answer is p/(p + q);  loss = −Σ (p ln d + q ln(1 − d))",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
