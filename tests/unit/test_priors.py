"""Priors: samples have the moments, the modes and the density they should, on every backend.

Samples are seeded; tolerances are 4.5 standard errors (a right answer would fail once in 150 000 seeds), or for a whole
distribution function Kolmogorov and Smirnov's 2.2/√n (once in 8 000).
"""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import host

from tinyaae.backend import Context
from tinyaae.config.priors import PRIORS, has_slope, prior_named
from tinyaae.errors import UserError
from tinyaae.priors import (
    Categorical,
    Gamma,
    Gaussian,
    GaussianMixture,
    Laplace,
    SwissRoll,
    Uniform,
    is_same,
    random_one_hot,
)

COUNT = 20_000
FLAT = {  # independent coordinates with a density: made for d of them, mean and variance of each
    "gaussian": (lambda d: Gaussian(d, std=1.5), 0, 1.5**2),
    "laplace": (lambda d: Laplace(d, scale=0.7), 0, 2 * 0.7**2),
    "uniform": (lambda d: Uniform(d, -1, 3), 1, 4**2 / 12),
    "gamma": (lambda d: Gamma(d, shape=2.5, scale=0.6), 2.5 * 0.6, 2.5 * 0.6**2),
    "gamma-of-shape-1": (lambda d: Gamma(d, shape=1.0, scale=2.0), 2, 4),
}
each_flat = pytest.mark.parametrize("make, mean, var", FLAT.values(), ids=FLAT)


def sample(backend, prior, n=COUNT, labels=None, seed=0):
    """Return n samples on the host."""
    if labels is not None:
        labels = backend.array(np.eye(prior.modes + 1)[labels])
    return host(backend, prior.sample(n, Context(backend, True, seed), labels))


def density(backend, prior, z):
    """Return p(z) on the host for z (n, d)."""
    return np.exp(host(backend, prior.log_density(backend.xp, backend.array(z))))


def assert_mean(x, expected):
    """The mean over rows is `expected` within 4.5 standard errors, in each column."""
    x = np.asarray(x, "float64")
    assert np.all(np.abs(np.mean(x, axis=0) - expected) < 4.5 * np.std(x, axis=0) / np.sqrt(len(x)))


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_is_found_by_name_and_samples_have_its_shape_in_float32(backend, name):
    prior = prior_named(name, 2)
    z = sample(backend, prior, 7)
    assert isinstance(prior, PRIORS[name])
    assert (z.shape, z.dtype, bool(np.all(np.isfinite(z)))) == ((7, 2), "float32", True)


@pytest.mark.parametrize("name", PRIORS)
def test_samples_are_those_of_the_place(backend, name):
    prior = prior_named(name, 2)
    assert sample(backend, prior, 50).tobytes() == sample(backend, prior, 50).tobytes()
    assert sample(backend, prior, 50).tobytes() != sample(backend, prior, 50, seed=1).tobytes()


@each_flat
def test_mean_and_variance(backend, make, mean, var):
    z = sample(backend, make(2))
    assert_mean(z, mean)
    assert_mean((z - mean) ** 2, var)


@pytest.mark.parametrize("name", ["uniform", "gamma", "swiss-roll", "categorical"])
def test_a_prior_whose_density_has_an_edge_or_no_formula_has_no_slope(name):
    with pytest.raises(UserError, match="no slope"):
        prior_named(name, 2).slope(np, np.zeros((1, 2)))


def test_the_priors_with_a_slope_are_those_a_vae_can_use():
    assert [name for name in PRIORS if has_slope(name)] == ["gaussian", "laplace", "mixture"]


@each_flat
def test_coordinates_are_independent(backend, make, mean, var):
    z = sample(backend, make(2)) - mean
    assert_mean(z[:, 0] * z[:, 1], 0)


@each_flat
def test_density_integrates_to_one_and_is_that_of_the_samples(backend64, make, mean, var):
    z = np.linspace(-30, 60, 40_001)  # has all but a millionth of each one's mass
    cumulative = np.cumsum(density(backend64, make(1), z[:, None])) * (z[1] - z[0])
    np.testing.assert_allclose(cumulative[-1], 1, rtol=2e-3)
    x = np.sort(sample(backend64, make(2))[:, 1])
    empirical = (np.arange(COUNT) + 0.5) / COUNT
    assert np.max(np.abs(np.interp(x, z, cumulative) - empirical)) < 2.2 / np.sqrt(COUNT) + 2e-3


@pytest.mark.without_kernels
@each_flat
def test_density_of_two_coordinates_is_the_product(backend64, make, mean, var):
    z = np.random.default_rng(0).uniform(0.1, 2, size=(5, 2))
    product = density(backend64, make(1), z[:, :1]) * density(backend64, make(1), z[:, 1:])
    np.testing.assert_allclose(density(backend64, make(2), z), product, rtol=1e-10)


@pytest.mark.without_kernels
@pytest.mark.parametrize(
    "prior, outside", [(Uniform(2, -1, 3), [0, 3.5]), (Gamma(2), [1, -0.1])], ids=["uniform", "gamma"]
)
def test_density_is_zero_outside_the_support(backend, prior, outside):
    assert density(backend, prior, [outside, [1, 1]]).tolist()[0] == 0
    assert density(backend, prior, [outside, [1, 1]]).tolist()[1] > 0


def test_gamma_below_shape_1_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"^prior gamma: shape is 0[.]5, expected at least 1$"):
        Gamma(2, shape=0.5)


@pytest.mark.parametrize("low, high", [(1.0, 1.0), (2.0, 1.0)])
def test_uniform_without_width_is_refused_in_one_line(low, high):
    with pytest.raises(UserError, match=rf"^prior uniform: low is {low} and high {high}, expected low below high$"):
        Uniform(2, low, high)


@pytest.mark.without_kernels
@pytest.mark.parametrize("prior", [Uniform(2, -1, 3)])
def test_density_of_a_closed_cube_counts_its_faces(backend, prior):
    assert density(backend, prior, [[-1, 3], [3, -1]]).tolist() == pytest.approx([1 / 16] * 2)


@pytest.mark.without_kernels
def test_the_density_of_gamma_is_zero_at_its_edge(backend):
    assert density(backend, Gamma(2), [[1, 0]]).tolist() == [0]


# Samples are the function of the noise that they should be: with signs, which distributions alone cannot tell ------


def of_noise(backend64, prior, normal=None, uniform=None, n=1):
    """Return the samples (n, d) that `prior` makes of this noise, each draw of a pass the same."""

    def given(noise):
        return lambda shape: backend64.array(np.broadcast_to(np.reshape(noise, (n, -1)[: len(shape)]), shape).copy())

    return host(
        backend64, prior.sample(n, SimpleNamespace(backend=backend64, normal=given(normal), uniform=given(uniform)))
    )


@pytest.mark.without_kernels
def test_laplace_inverts_its_distribution_function(backend64):
    u = np.array([0.0, 0.1, 0.5, 0.8])
    z = of_noise(backend64, Laplace(1, scale=0.7), uniform=u, n=4)[:, 0]
    np.testing.assert_allclose(z[1:], [0.7 * np.log(0.2), 0, -0.7 * np.log(0.4)], rtol=1e-5)
    assert -0.7 * 14 < z[0] < -0.7 * 13  # as far out as ln 1e-6, not infinite


@pytest.mark.without_kernels
@pytest.mark.parametrize("u", [0.0, 0.5])
def test_gamma_takes_a_proposal_that_is_good(backend64, u):
    d = 2.5 - 1 / 3
    z = of_noise(backend64, Gamma(1, shape=2.5, scale=0.6), normal=[0.3], uniform=[u])
    np.testing.assert_allclose(z, 0.6 * d * (1 + 0.3 / np.sqrt(9 * d)) ** 3)


@pytest.mark.without_kernels
def test_gamma_whose_proposals_are_all_bad_is_its_mode_nearly(backend64):
    z = of_noise(backend64, Gamma(1, shape=2.5, scale=0.6), normal=[-10.0], uniform=[0.5])
    np.testing.assert_allclose(z, 0.6 * (2.5 - 1 / 3))


@pytest.mark.parametrize("u, petal", [(0.05, 0), (0.35, 3)])
def test_mixture_puts_its_noise_along_and_across_the_petal(backend64, u, petal):
    z = of_noise(backend64, GaussianMixture(), normal=[2.0, 3.0], uniform=[u])
    angle = 2 * np.pi * petal / 10
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    np.testing.assert_allclose(z, [(1.4 + 0.5 * 2) * along + 0.1 * 3 * across], atol=1e-12)


def test_swiss_roll_adds_its_noise_to_the_spiral(backend64):
    z, middle = (of_noise(backend64, SwissRoll(noise=s), normal=[2.0, 3.0], uniform=[0.4]) for s in (0.05, 0.0))
    np.testing.assert_allclose(z - middle, [[0.1, 0.15]])


def test_mixture_walks_along_each_petal():
    walks = GaussianMixture().walks(3)
    angle = 2 * np.pi * np.arange(10) / 10
    for step, distance in enumerate((1.4 - 1, 1.4, 1.4 + 1)):  # two standard deviations of 0.5 to either side
        np.testing.assert_allclose(walks[:, step], distance * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def test_swiss_roll_walks_from_its_centre_to_its_end():
    root = np.sqrt((np.arange(10)[:, None] + [0, 0.5, 1]) / 10)
    expected = 3.0 * root[..., None] * np.stack([np.cos(4 * np.pi * root), np.sin(4 * np.pi * root)], axis=-1)
    np.testing.assert_allclose(SwissRoll().walks(3), expected, atol=1e-12)


# The mixture -----------------------------------------------------------------------------------------------------


def test_mixture_has_the_moments_of_a_flower(backend):
    z = sample(backend, GaussianMixture())
    assert_mean(z, 0)
    assert_mean(z**2, (1.4**2 + 0.5**2 + 0.1**2) / 2)
    assert_mean(z[:, 0] * z[:, 1], 0)


@pytest.mark.parametrize("modes", [10, 3])  # an odd number of petals has no two that lie opposite
def test_mixture_density_integrates_to_one_and_is_that_of_the_samples(backend64, modes):
    prior = GaussianMixture(modes=modes)
    side = np.linspace(-4.5, 4.5, 301)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    p = density(backend64, prior, grid) * (side[1] - side[0]) ** 2
    np.testing.assert_allclose(np.sum(p), 1, rtol=1e-4)
    z = backend64.array(sample(backend64, prior))
    assert_mean(host(backend64, prior.log_density(backend64.xp, z)), np.sum(p * np.log(p / (side[1] - side[0]) ** 2)))


def test_the_label_of_a_mixture_is_the_number_of_its_petal(backend):
    prior, labels = GaussianMixture(), np.arange(COUNT) % 10
    z = sample(backend, prior, labels=labels)
    for k in range(10):
        angle = 2 * np.pi * k / 10
        turned = z[labels == k] @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        assert_mean(turned, [1.4, 0])
        assert_mean((turned - [1.4, 0]) ** 2, [0.5**2, 0.1**2])


# The swiss roll --------------------------------------------------------------------------------------------------


def test_swiss_roll_lies_on_its_spiral(backend64):
    z = sample(backend64, SwissRoll(noise=0.0))
    radius = np.hypot(z[:, 0], z[:, 1])
    angle = 4 * np.pi * radius / 3.0
    np.testing.assert_allclose(z, np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), atol=1e-12)


def test_swiss_roll_is_spread_evenly_and_its_label_is_the_number_of_the_stretch(backend64):
    prior, labels = SwissRoll(noise=0.0), np.arange(COUNT) % 10
    z = sample(backend64, prior, labels=labels)
    u = np.sum(z**2, axis=1) / 3.0**2
    assert np.array_equal(np.floor(u * 10 + 1e-9), labels)
    everywhere = np.sort(np.sum(sample(backend64, prior) ** 2, axis=1) / 3.0**2)
    assert np.max(np.abs(everywhere - (np.arange(COUNT) + 0.5) / COUNT)) < 2.2 / np.sqrt(COUNT)


def test_the_noise_of_a_swiss_roll_is_its_distance_from_the_spiral(backend64):
    with_noise, without = [sample(backend64, SwissRoll(noise=noise)) for noise in (0.05, 0.0)]
    assert_mean(with_noise - without, 0)
    assert_mean((with_noise - without) ** 2, 0.05**2)


@pytest.mark.without_kernels
def test_swiss_roll_has_no_density_and_says_so_in_one_line(backend):
    with pytest.raises(UserError, match=r"no density in closed form; it can only be sampled$"):
        SwissRoll().log_density(backend.xp, backend.zeros((3, 2)))


# Labels ----------------------------------------------------------------------------------------------------------

each_with_modes = pytest.mark.parametrize("prior", [GaussianMixture(), SwissRoll()], ids=["mixture", "swiss-roll"])


@each_with_modes
def test_the_label_unlabelled_means_the_whole_mixture(backend, prior):
    unlabelled = sample(backend, prior, 200, labels=np.full(200, prior.modes))
    assert unlabelled.tobytes() == sample(backend, prior, 200).tobytes()


@each_with_modes
def test_labelled_rows_do_not_change_the_unlabelled_among_them(backend, prior):
    labels = np.where(np.arange(200) % 2 == 0, prior.modes, 3)
    np.testing.assert_array_equal(sample(backend, prior, 200, labels=labels)[::2], sample(backend, prior, 200)[::2])


@pytest.mark.parametrize("name", ["mixture", "swiss-roll"])
def test_a_plane_figure_in_another_number_of_dimensions_is_refused_in_one_line(name):
    with pytest.raises(UserError, match=f"^prior {name}: .* not 3$"):
        prior_named(name, 3)


# The categorical -------------------------------------------------------------------------------------------------


def test_categorical_is_one_hot_and_its_classes_are_equally_frequent(backend):
    z = sample(backend, Categorical(4))
    assert np.array_equal(np.sort(z, axis=1), np.tile([0, 0, 0, 1], (COUNT, 1)))
    assert np.all(np.abs(np.mean(z, axis=0) - 0.25) <= 4.5 * np.sqrt(0.25 * 0.75 / COUNT))


@pytest.mark.without_kernels
def test_categorical_density_is_one_over_the_number_of_classes(backend):
    np.testing.assert_allclose(density(backend, Categorical(3), np.eye(3)), [1 / 3] * 3, rtol=1e-6)


@pytest.mark.without_kernels
def test_every_u_below_one_draws_exactly_one_class(backend):
    """The cumulative weights are sums of rounded numbers, and their last must still lie above the largest u."""
    u = backend.array([[0.0], [0.5], [1 - 2.0**-24]])
    ctx = SimpleNamespace(backend=backend, uniform=lambda shape: u)
    for k in (2, 10, 77):
        classes = host(backend, random_one_hot(ctx, 3, backend.array(np.cumsum(np.full(k, 1 / k)))))
        assert np.argmax(classes, axis=1).tolist() == [0, k // 2, k - 1]
        assert np.all(np.sum(classes, axis=1) == 1)


def test_priors_are_the_same_where_kind_and_numbers_are():
    assert is_same(Gaussian(2), Gaussian(2)) and is_same(GaussianMixture(), GaussianMixture())
    assert not is_same(Gaussian(2), Gaussian(3))
    assert not is_same(GaussianMixture(modes=10), GaussianMixture(modes=9))

    class OtherGaussian(Gaussian):
        """The same numbers, and perhaps other samples."""

    assert not is_same(Gaussian(2), OtherGaussian(2))


def test_an_unknown_prior_is_refused_in_one_line():
    with pytest.raises(UserError) as error:
        prior_named("cauchy", 2)
    assert str(error.value).startswith("prior: 'cauchy' is not a prior; expected one of gaussian, laplace,")
    assert "\n" not in str(error.value)
