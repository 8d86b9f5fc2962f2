"""Checks of lesson 4."""

import numpy as np

from lessons import lesson_04_autoencoder as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, instead, numerical, scaled, transposed


def sizes(rng, count):
    return rng.permutation(np.arange(2, 8))[:count]  # all different, so that a missing transpose cannot pass


def rows(inputs):
    return len(inputs[0])


def columns(inputs):
    return inputs[0].shape[1]


# 4.1


def images(rng):
    shape = sizes(rng, 2) + 1  # three rows and columns or more, or a factor n could not be told from a factor 2
    return rng.uniform(size=shape), rng.uniform(size=shape)


def pixel_by_pixel(output, target, weigh=lambda t: 1.0):
    total = 0.0
    for o, t in zip(output.ravel(), target.ravel(), strict=True):
        total += weigh(t) * (o - t) * (o - t) / 2
    return total / output.shape[0]


def errors(weigh=lambda t: 1.0):
    return lambda output, target: (
        pixel_by_pixel(output, target, weigh),
        numerical(lambda o: pixel_by_pixel(o, target, weigh), output),
    )


# 4.2: P's output is written out as sums, and everything else is differences


def small_autoencoder(rng):
    n, d, z = sizes(rng, 3)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)), rng.normal(size=(d, z)), rng.normal(size=(z, d))


def by_differences(x, noise, WQ, WP, target=None, seen=None):
    """Where `seen` is given, WQ's gradient is that of an encoder which read it in place of x + noise."""
    target, read = x if target is None else target, x + noise
    seen = read if seen is None else seen

    def loss(WQ_, WP_):
        code = np.einsum("nd,dz->nz", read, WQ) + np.einsum("nd,dz->nz", seen, WQ_ - WQ)
        return pixel_by_pixel(np.einsum("nz,zd->nd", code, WP_), target)

    return loss(WQ, WP), numerical(lambda w: loss(w, WP), WQ), numerical(lambda w: loss(WQ, w), WP)


def noisy_target(right, inputs):
    x, noise, WQ, WP = inputs
    return dict(zip(right, by_differences(x, noise, WQ, WP, target=x + noise), strict=True))


def clean_input(right, inputs):
    return dict(zip(right, by_differences(inputs[0], 0 * inputs[1], *inputs[2:]), strict=True))


def noise_alone(right, inputs):
    x, noise, WQ, WP = inputs
    return dict(zip(right, by_differences(0 * x, noise, WQ, WP, target=x), strict=True))


def forgotten_noise(dWQ, inputs):
    return by_differences(*inputs, seen=inputs[0])[1]


# 4.3


def probes_and_codes(rng):
    m, n, d = sizes(rng, 3)
    probes, codes = rng.normal(size=(m, d)), rng.normal(size=(n, d))
    probes[0] = codes[-1] + rng.normal(size=d) / 100  # so that code 0 is not the nearest of all
    return probes, codes


def all_distances(probes, codes, power=2):
    return np.array([[sum(abs(p - c) ** power for p, c in zip(a, b, strict=True)) ** (1 / power) for b in codes]
                     for a in probes])  # fmt: skip


def over_the_codes(probes, codes):
    pairs = np.sqrt(np.sum((probes[:, None] - codes) ** 2, axis=1))
    return np.min(pairs, axis=1)


def without_the_two(probes, codes):
    squares = np.sum(probes**2, axis=1)[:, None] + np.sum(codes**2, axis=1)
    return np.sqrt(np.min(squares - np.einsum("md,nd->mn", probes, codes), axis=1))


# 4.4


def two_ends(rng):
    d, steps = sizes(rng, 2) + 1
    return rng.normal(size=d), rng.normal(size=d), int(steps)


def stepwise(a, b, steps):
    return np.array([[p + (q - p) * k / (steps - 1) for p, q in zip(a, b, strict=True)] for k in range(steps)])


EXERCISES = [
    Exercise(
        "4.1", "reconstruction_loss", ("value", "doutput"), images, errors(), points=2,
        mistakes=[
            Mistake("value and gradient are means over the pixels, too: with 784 of them training hardly moves",
                    lambda right, inputs: {name: x / columns(inputs) for name, x in right.items()}),
            Mistake("value and gradient are sums over the batch where they should be means",
                    lambda right, inputs: {name: x * rows(inputs) for name, x in right.items()}),
            scaled("value", lambda inputs: 1 / columns(inputs),
                   "the value is a mean over the pixels, too; an image's pixels are summed"),
            scaled("value", lambda inputs: 2, "the ½ in front of the value is missing"),
            Mistake("this is the mean squared error of many libraries: a mean over the pixels, too, and without the ½",
                    lambda right, inputs: {name: x * 2 / columns(inputs) for name, x in right.items()}),
            scaled("doutput", rows, "the value is a mean over the batch, but doutput is not divided by n"),
            scaled("doutput", lambda inputs: 2, "doutput has a factor 2, which the ½ of the value should cancel"),
            scaled("doutput", lambda inputs: -1, "doutput points from output to target; a gradient points uphill"),
        ],
        hints=(
            "A parabola in each pixel. Its slope is the distance from the bottom.",
            "value is one number, doutput is (n, d); n, the number of rows, divides both.",
            "L = Σ(x̂ − x)²/2n;  dx̂ = (x̂ − x)/n",
        ),
        variants={"ink": errors(lambda t: 1 + 4 * t)},
    ),
    Exercise(
        "4.2", "denoising_gradients", ("value", "dWQ", "dWP"), small_autoencoder, by_differences, points=3,
        mistakes=[
            Mistake("the target is the noisy image; the clean one is what should come back", noisy_target),
            Mistake("the encoder read the clean image; the noise is never used", clean_input),
            Mistake("the encoder read the noise alone; it is added to the image", noise_alone),
            changed("dWQ", forgotten_noise, "dWQ is made with the clean x, but the encoder has read x + noise"),
            transposed("dWP"),
            scaled("dWQ", lambda inputs: 1 / rows(inputs), "dWQ is averaged over the batch; the loss does that"),
        ],
        hints=(
            "Two linear layers without b, and your loss on top. Go down as in exercise 2.3.",
            "z and dz are (n, z). dWP (z, d) needs z and doutput; dWQ (d, z) needs what Q has read, and dz.",
            "x̃ = x + noise, z = x̃·WQ, x̂ = z·WP;  dWP = zᵀ·dx̂, dz = dx̂·WPᵀ, dWQ = x̃ᵀ·dz",
        ),
    ),
    Exercise(
        "4.3", "nearest", ("distance",), probes_and_codes,
        lambda probes, codes: np.min(all_distances(probes, codes), axis=1),
        mistakes=[
            changed("distance", lambda distance, inputs: distance**2, "the distances are squares; the root is missing"),
            changed("distance", lambda distance, inputs: np.max(all_distances(*inputs), axis=1),
                    "this is the farthest code, not the nearest"),
            changed("distance", lambda distance, inputs: np.min(all_distances(*inputs), axis=0),
                    "one distance for each code came; the minimum should run over the codes, and leave the probes"),
            changed("distance", lambda distance, inputs: all_distances(inputs[0], [np.mean(inputs[1], axis=0)])[:, 0],
                    "this is the distance to the mean of the codes"),
            instead("distance", lambda *inputs: np.argmin(all_distances(*inputs), axis=1),
                    "this is which code is nearest (argmin); the distance to it was asked for (min)"),
            instead("distance", lambda *inputs: np.min(all_distances(*inputs, 1), axis=1),
                    "this is the city-block distance; the Euclidean one squares, sums and takes the root"),
            instead("distance", lambda *inputs: np.min(all_distances(*inputs), axis=1) / np.sqrt(columns(inputs)),
                    "a mean over the dimensions stands under the root; they are summed"),
            instead("distance", over_the_codes,
                    "the squares are summed over the codes (axis 1); sum over the dimensions (axis 2)"),
            instead("distance", lambda probes, codes: np.min(np.einsum("md,nd->mn", probes, codes), axis=1),
                    "this is the smallest scalar product; a distance is made of differences"),
            instead("distance", without_the_two, "‖p‖² + ‖c‖² − p·c lacks a 2: (p − c)² has 2·p·c in the middle"),
        ],
        hints=(
            "Make all pairs, measure each pair, and keep the smallest for each probe.",
            "(m, 1, d) and (1, n, d) make pairs (m, n, d). Sum over the last axis, then take the minimum of (m, n).",
            "√(Σ over d of (p − c)²), smallest over n",
        ),
        variants={"city-block": lambda probes, codes: np.min(all_distances(probes, codes, 1), axis=1)},
    ),
    Exercise(
        "4.4", "walk", ("points",), two_ends, stepwise,
        mistakes=[
            changed("points", lambda points, inputs: points[::-1], "the walk goes from b to a"),
            changed("points", lambda points, inputs: stepwise(*inputs[:2], inputs[2] + 1)[:-1],
                    "b is never reached; the last point should be b itself"),
            transposed("points"),
            instead("points", lambda a, b, steps: stepwise(a, b, steps + 1),
                    "there is one point too many; steps counts the points, both ends among them"),
            instead("points", lambda a, b, steps: stepwise(a, b, steps + 2)[1:-1],
                    "the ends are left out; the first point is a, and the last is b"),
            changed("points", lambda points, inputs: points + np.linspace(0, 1, inputs[2])[:, None] * inputs[0],
                    "a stays whole on the way (a + t·b); it fades as b comes: (1 − t)·a + t·b"),
        ],
        hints=(
            "Each point is a little less of a and a little more of b.",
            "t is (steps, 1), a and b are (d,); together they make (steps, d).",
            "t_k = k/(steps − 1);  z_k = (1 − t_k)·a + t_k·b",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
