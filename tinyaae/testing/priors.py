"""Check a prior: does it draw what the discriminator can read, can a draw be repeated, and is its slope a derivative?

A prior that is wrong in one of these ways raises nothing. Training merely goes to another distribution, a resumed run
differs from an uninterrupted one, or a VAE follows a gradient that is none.
"""

import numpy as np

from ..backend import Backend, Context
from ..errors import UserError
from ..gradcheck import compare, differences
from ..networks import one_hot
from ..priors import Prior

DRAWS = 1000  # of each kind
POINTS = 20  # at which the slope is compared; the differences need two densities for each coordinate
SURE = 6  # standard errors that a right prior exceeds once in 500 million seeds


class PriorError(AssertionError):
    """A prior does not do what training relies on; the message says what came and what was expected."""


def check_prior(prior, backend=None, tolerance=1e-6, seed=0):
    """Check the draws of a prior, its labelled modes and its slope; return the slope's relative error, 0 without one.

    The draws have shape (n, d) and the backend's type, are finite, are the same from equal contexts, and are others at
    another step. Where the prior has modes, each label has draws of its own, and the label "unlabelled" has draws of
    all modes, as no labels have. A density is finite where the prior draws, and `slope` is its derivative by central
    differences, within `tolerance`. Raises `PriorError`, or `GradientError` for the slope.
    """
    backend = backend or Backend.named("numpy", "float64")
    if backend.dtype != backend.xp.float64:
        raise UserError("check_prior: the backend's numbers are float32, expected float64; differences need the digits")
    name = type(prior).__name__

    def draw(labels=None, step=0, n=DRAWS):
        """Return n draws at a step, in a context of their own, as a host array."""
        labels = None if labels is None else backend.array(one_hot(labels, prior.modes + 1))
        drawn = prior.sample(n, Context(backend, True, seed, "check_prior", step), labels)
        if not isinstance(drawn, type(backend.zeros((1,)))) or drawn.dtype != backend.dtype:
            came = f"{type(drawn).__name__} of {getattr(drawn, 'dtype', 'no type')}"
            raise PriorError(f"{name}: its draws are {came}, expected an array of {backend.dtype}; use ctx.backend.xp")
        if tuple(drawn.shape) != (n, prior.d):
            raise PriorError(f"{name}: {n} draws are {tuple(drawn.shape)}, expected {(n, prior.d)}")
        drawn = np.array(backend.to_numpy(drawn))
        if not np.all(np.isfinite(drawn)):
            raise PriorError(f"{name}: a draw is {drawn[~np.isfinite(drawn)][0]}, expected finite numbers")
        return drawn

    draws = draw()
    draw(n=1)
    if not np.array_equal(draws, draw()):
        raise PriorError(
            f"{name}: equal contexts give different draws; all noise must be from ctx.normal or ctx.uniform"
        )
    if np.array_equal(draws, draw(step=1)):
        raise PriorError(f"{name}: two steps have the same draws; noise must be from ctx.normal or ctx.uniform")
    if prior.modes:
        _check_modes(name, prior, draw, draws, seed)
    return _check_density(name, prior, backend, draws[:POINTS], tolerance)


def _check_modes(name, prior, draw, draws, seed):
    """Compare draws with known labels with further ones: by the label of the nearest draw."""
    rng, k = np.random.default_rng(seed), prior.modes
    known, asked = rng.integers(0, k, DRAWS), rng.integers(0, k, DRAWS)
    reference = draw(known, step=2)

    def nearest(points):
        squares = np.sum(reference**2, axis=1) - 2 * points @ reference.T  # without |point|², the same for all
        return known[np.argmin(squares, axis=1)]

    right, chance = np.mean(nearest(draw(asked, step=3)) == asked), 1 / k
    if k > 1 and right < chance + SURE * np.sqrt(chance * (1 - chance) / DRAWS):
        came = (
            f"draws with label k are nearest to others with label k in {right:.0%} of all cases, by chance {chance:.0%}"
        )
        raise PriorError(f"{name}: {came}; does sample read its labels?")
    unlabelled = draw(np.full(DRAWS, k), step=4)
    shares = np.bincount(nearest(unlabelled), minlength=k) / DRAWS
    if np.min(shares) < chance / 5:
        came = f"unlabelled draws are nearest to mode {np.argmin(shares)} in {np.min(shares):.1%} of all cases"
        raise PriorError(f"{name}: {came}, expected draws of all {k} modes; the last column of labels is unlabelled")
    apart = np.abs(np.mean(unlabelled, axis=0) - np.mean(draws, axis=0))
    if np.any(apart > SURE * np.sqrt((np.var(unlabelled, axis=0) + np.var(draws, axis=0)) / DRAWS)):
        raise PriorError(
            f"{name}: unlabelled draws have another mean than draws without labels, by {np.max(apart):.3g}"
        )


def _check_density(name, prior, backend, points, tolerance):
    """Compare the slope with differences of ln p(z), where there are both; return the relative error."""
    has_density = type(prior).log_density is not Prior.log_density
    has_slope = type(prior).slope is not Prior.slope
    if has_slope and not has_density:
        raise PriorError(f"{name}: has a slope and no log_density; a VAE needs both")
    if not has_density:
        return 0.0
    z = backend.array(points)
    density = prior.log_density(backend.xp, z)
    if tuple(density.shape) != (len(points),):
        raise PriorError(f"{name}: ln p of {z.shape} is {tuple(density.shape)}, expected ({len(points)},)")
    if not np.all(np.isfinite(backend.to_numpy(density))):
        raise PriorError(f"{name}: ln p is not finite at one of its own draws")
    if not has_slope:
        return 0.0
    expected = differences(backend, lambda: float(backend.xp.sum(prior.log_density(backend.xp, z))), z)
    return compare(f"{name}: the slope of ln p", backend.to_numpy(prior.slope(backend.xp, z)), expected, tolerance)
