"""`check_prior` accepts the priors of the package and rejects what people get wrong in one of their own."""

import math

import numpy as np
import pytest

from tinyaae.backend import Backend
from tinyaae.config.priors import PRIORS, has_modes, prior_named
from tinyaae.errors import UserError
from tinyaae.priors import Gaussian, GaussianMixture, Laplace, Prior, SwissRoll
from tinyaae.testing import GradientError, PriorError, check_prior


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("modes", [2, 10])
def test_a_prior_of_the_package_is_accepted(backend64, name, modes):
    prior = prior_named(name, 2, modes if has_modes(name) else None)
    assert check_prior(prior, backend64) < 1e-6


@pytest.mark.parametrize("name", PRIORS)
def test_it_accepts_the_package_s_priors_for_many_seeds(name):
    prior = prior_named(name, 2, 10 if has_modes(name) else None)
    assert all(check_prior(prior, seed=seed) < 1e-6 for seed in range(20))


@pytest.fixture
def strict64():
    pytest.importorskip("array_api_strict")
    return Backend.named("strict", "float64")


WRONG = []


def wrong(says, *arguments):
    """Enter a prior, made with `arguments`, and what the line about it says."""
    return lambda kind: WRONG.append(pytest.param(kind(*arguments), says, id=kind.__name__)) or kind


@wrong("equal contexts give different draws", 2)
class NoiseOfItsOwn(Prior):
    rng = np.random.default_rng(0)

    def sample(self, n, ctx, labels=None):
        return ctx.backend.array(self.rng.normal(size=(n, self.d)))


@wrong("equal contexts give different draws", 2)
class Counts(Gaussian):
    calls = 0

    def sample(self, n, ctx, labels=None):
        self.calls += 1
        return super().sample(n, ctx) + self.calls


@wrong("two steps have the same draws", 2)
class SameAtEveryStep(Prior):
    def sample(self, n, ctx, labels=None):
        return ctx.backend.array(np.random.default_rng(0).normal(size=(n, self.d)))


@wrong("1000 draws are (1000,), expected (1000, 2)", 2)
class NoColumns(Prior):
    def sample(self, n, ctx, labels=None):
        return ctx.normal((n,))


@wrong("1000 draws are (1000, 2), expected (1000, 3)", 3)
class Planar(Prior):
    def sample(self, n, ctx, labels=None):
        return ctx.normal((n, 2))


@wrong("its draws are list of no type", 2)
class Lists(Prior):
    def sample(self, n, ctx, labels=None):
        return ctx.normal((n, self.d)).tolist()


@wrong("its draws are ndarray of float32", 2)
class Single(Prior):
    def sample(self, n, ctx, labels=None):
        return ctx.normal((n, self.d)).astype("float32")


@wrong("a draw is nan", 2)
class LogOfNegative(Prior):
    def sample(self, n, ctx, labels=None):
        with np.errstate(invalid="ignore"):
            return np.log(ctx.normal((n, self.d)))


@wrong("a draw is inf", 2)
class LogOfZero(Prior):
    def sample(self, n, ctx, labels=None):
        with np.errstate(divide="ignore"):
            return -np.log(np.floor(10 * ctx.uniform((n, self.d))))


@wrong("does sample read its labels?")
class IgnoresLabels(GaussianMixture):
    def sample(self, n, ctx, labels=None):
        return super().sample(n, ctx)


@wrong("does sample read its labels?")
class LabelsInOrder(GaussianMixture):
    """Row k gets mode k, whatever its label is."""

    def _mode(self, n, ctx, labels):
        return ctx.backend.array(np.eye(self.modes)[np.arange(n) % self.modes])


@wrong("expected draws of all 10 modes")
class UnlabelledIsTheCentre(GaussianMixture):
    def _mode(self, n, ctx, labels):
        return super()._mode(n, ctx, None) if labels is None else labels[:, :-1]


@wrong("expected draws of all 10 modes")
class UnlabelledIsTheFirstMode(SwissRoll):
    def _mode(self, n, ctx, labels):
        if labels is None:
            return super()._mode(n, ctx, None)
        return labels[:, :-1] + labels[:, -1:] * ctx.backend.array(np.eye(self.modes)[:1])


@wrong("unlabelled draws have another mean than draws without labels")
class ShiftedWithoutLabels(GaussianMixture):
    def sample(self, n, ctx, labels=None):
        return super().sample(n, ctx, labels) + (0.5 if labels is None else 0.0)


@wrong("has a slope and no log_density", 2)
class SlopeAlone(Prior):
    def sample(self, n, ctx, labels=None):
        return ctx.normal((n, self.d))

    def slope(self, xp, z):
        return -z


@wrong("ln p of (20, 2) is (20, 1), expected (20,)", 2)
class DensityWithAColumn(Gaussian):
    def log_density(self, xp, z):
        return super().log_density(xp, z)[:, None]


@wrong("ln p is not finite at one of its own draws", 2)
class DensityElsewhere(Gaussian):
    def log_density(self, xp, z):
        return np.where(z[:, 0] > 0, super().log_density(xp, z), -math.inf)


@wrong("the slope of ln p", 2)
class SlopeSign(Gaussian):
    def slope(self, xp, z):
        return z / self.std**2


@wrong("the slope of ln p", 2)
class SlopeOfTheDensity(Laplace):
    def slope(self, xp, z):
        return super().slope(xp, z) * np.exp(self.log_density(xp, z))[:, None]


@wrong("the slope of ln p", 2, 2.0)
class SlopeScale(Gaussian):
    def slope(self, xp, z):
        return -z / self.std


@wrong("the slope of ln p", 2)
class SlopeShape(Gaussian):
    def slope(self, xp, z):
        return np.sum(-z, axis=1)


@pytest.mark.parametrize("prior, says", WRONG)
def test_a_wrong_prior_is_rejected_and_told_why(prior, says):
    with pytest.raises(GradientError if says.startswith("the slope") else PriorError) as error:
        check_prior(prior)
    assert str(error.value).startswith(f"{type(prior).__name__}: ") and says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_prior_that_makes_host_arrays_is_found_on_the_strict_backend(strict64):
    class Host(Gaussian):
        def sample(self, n, ctx, labels=None):
            return super().sample(n, ctx) + np.ones((n, self.d))

    check_prior(Host(2))
    with pytest.raises(TypeError):
        check_prior(Host(2), strict64)


def test_float32_is_refused():
    with pytest.raises(UserError, match="expected float64"):
        check_prior(Gaussian(2), Backend.named("numpy"))
