"""Losses: each value is its formula, each gradient the derivative of the value, and neither overflows."""

import numpy as np
import pytest
from helpers import host

from tinyaae.gradcheck import check_loss
from tinyaae.losses import (
    binary_cross_entropy,
    entropy,
    half_squared_error,
    head_distance,
    kl_to_standard_normal,
    least_squares,
    log_odds,
    negative_entropy,
    negative_log_density,
    softmax_cross_entropy,
)
from tinyaae.priors import Gaussian, GaussianMixture, Laplace

RNG = np.random.default_rng(7)
OUTPUT = RNG.normal(size=(3, 4))
TARGET = RNG.dirichlet(np.ones(4), size=3)  # in [0, 1], rows that sum to 1
HEADS = np.array([[0.0, 0, 0], [1, 2, 2], [0, 0, 5], [4, 4, 4]])  # distances 3.0, 3.7, 4.1 and 5.0, 5.7, 6.9
LOSSES = {
    "half-squared-error": (half_squared_error, [OUTPUT, TARGET]),
    "binary-cross-entropy": (binary_cross_entropy, [OUTPUT, TARGET]),
    "least-squares": (least_squares, [OUTPUT, TARGET]),
    "softmax-cross-entropy": (softmax_cross_entropy, [OUTPUT, TARGET]),
    "entropy": (entropy, [TARGET]),
    "log-odds": (log_odds, [OUTPUT]),
    "kl": (kl_to_standard_normal, [OUTPUT]),
    "negative-entropy": (negative_entropy, [OUTPUT]),
    "gaussian": (negative_log_density, [OUTPUT, Gaussian(4, std=1.5)]),
    "laplace": (negative_log_density, [OUTPUT, Laplace(4, scale=0.7)]),
    "mixture": (negative_log_density, [OUTPUT[:, :2], GaussianMixture()]),
    "head-distance": (head_distance, [HEADS, 4.5]),
}
each_loss = pytest.mark.parametrize("loss, args", LOSSES.values(), ids=LOSSES)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)


def evaluate(backend, loss, *args):
    """Return value and gradient on the host for host arguments."""
    value, gradient = loss(backend.xp, *[backend.array(arg) if np.ndim(arg) else arg for arg in args])
    return host(backend, value), host(backend, gradient)


@each_loss
def test_gradient_is_the_derivative(backend64, loss, args):
    assert check_loss(loss, args, backend64) < 1e-6


@each_loss
def test_value_is_one_number_in_float32_and_so_is_the_gradient(backend, loss, args):
    value, gradient = evaluate(backend, loss, *args)
    assert (value.shape, value.dtype, gradient.dtype) == ((), "float32", "float32")
    assert gradient.shape == args[0].shape


@pytest.mark.parametrize(
    "loss, args, formula",
    [
        (half_squared_error, [OUTPUT, TARGET], lambda o, t: (o - t) ** 2 / 2),
        (
            binary_cross_entropy,
            [OUTPUT, TARGET],
            lambda o, t: -t * np.log(sigmoid(o)) - (1 - t) * np.log(1 - sigmoid(o)),
        ),
        (least_squares, [OUTPUT, TARGET], lambda o, t: (o - (2 * t - 1)) ** 2 / 2),
        (softmax_cross_entropy, [OUTPUT, TARGET], lambda o, t: -t * np.log(softmax(o))),
        (
            kl_to_standard_normal,
            [OUTPUT],
            lambda p: (p[:, :2] ** 2 + np.exp(p[:, 2:]) - p[:, 2:] - 1) / 2,
        ),
    ],
    ids=["half-squared-error", "binary-cross-entropy", "least-squares", "softmax-cross-entropy", "kl"],
)
def test_value_is_the_sum_over_outputs_and_the_mean_over_the_batch(backend64, loss, args, formula):
    value, _ = evaluate(backend64, loss, *args)
    np.testing.assert_allclose(value, np.mean(np.sum(formula(*args), axis=1)), rtol=1e-12)


@pytest.mark.parametrize("name", ["half-squared-error", "binary-cross-entropy", "softmax-cross-entropy", "kl"])
def test_the_same_batch_twice_over_has_the_same_value_and_half_the_gradient_each(backend64, name):
    loss, args = LOSSES[name]
    value, gradient = evaluate(backend64, loss, *args)
    twice, gradients = evaluate(backend64, loss, *[np.concatenate([arg, arg]) for arg in args])
    np.testing.assert_allclose(twice, value, rtol=1e-12)
    np.testing.assert_allclose(gradients, np.concatenate([gradient, gradient]) / 2, rtol=1e-12)


@pytest.mark.parametrize("loss", [binary_cross_entropy, softmax_cross_entropy])
def test_huge_logits_do_not_overflow(backend, loss):
    value, gradient = evaluate(backend, loss, [[-1e4, 0, 1e4]], [[0, 0, 1]])
    assert np.isfinite(value) and np.all(np.isfinite(gradient))
    value, _ = evaluate(backend, loss, [[-1e4, 0, 1e4]], [[1, 0, 0]])
    assert value >= 1e4


def test_binary_cross_entropy_costs_ln_2_where_the_logit_is_0(backend):
    value, gradient = evaluate(backend, binary_cross_entropy, np.zeros((5, 1)), np.ones((5, 1)))
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(gradient, -0.5 / 5, rtol=1e-6)


def test_binary_cross_entropy_is_stationary_where_the_sigmoid_is_the_target(backend64):
    _, gradient = evaluate(backend64, binary_cross_entropy, OUTPUT, sigmoid(OUTPUT))
    np.testing.assert_allclose(gradient, 0, atol=1e-15)


def test_softmax_cross_entropy_does_not_see_a_constant_added_to_the_logits(backend64):
    value, gradient = evaluate(backend64, softmax_cross_entropy, OUTPUT, TARGET)
    shifted, its_gradient = evaluate(backend64, softmax_cross_entropy, OUTPUT + 100, TARGET)
    np.testing.assert_allclose(shifted, value, rtol=1e-12)
    np.testing.assert_allclose(its_gradient, gradient, atol=1e-13)


def test_softmax_cross_entropy_of_even_logits_is_ln_k(backend):
    value, _ = evaluate(backend, softmax_cross_entropy, np.zeros((3, 8)), np.eye(8)[:3])
    np.testing.assert_allclose(value, np.log(8), rtol=1e-6)


@pytest.mark.without_kernels
def test_kl_of_the_standard_normal_itself_is_zero(backend):
    value, gradient = evaluate(backend, kl_to_standard_normal, np.zeros((3, 4)))
    assert value == 0 and not np.any(gradient)


@pytest.mark.without_kernels
def test_kl_is_the_integral_of_q_ln_q_over_p(backend64):
    mean, log_var = 0.7, -0.4
    z = np.linspace(-12, 12, 20001)
    log_q = -((z - mean) ** 2) / np.exp(log_var) / 2 - log_var / 2 - np.log(2 * np.pi) / 2
    log_p = -(z**2) / 2 - np.log(2 * np.pi) / 2
    integral = np.sum(np.exp(log_q) * (log_q - log_p)) * (z[1] - z[0])
    value, _ = evaluate(backend64, kl_to_standard_normal, [[mean, log_var]])
    np.testing.assert_allclose(value, integral, rtol=1e-8)


@pytest.mark.without_kernels
def test_head_distance_counts_each_close_pair_once(backend64):
    value, _ = evaluate(backend64, head_distance, HEADS, 4.5)
    close = [3, np.sqrt(1 + 4 + 9), np.sqrt(9 + 4 + 4)]
    np.testing.assert_allclose(value, sum(4.5 - distance for distance in close), rtol=1e-12)


@pytest.mark.without_kernels
def test_head_distance_pushes_two_close_heads_apart_along_the_line_between_them(backend64):
    _, gradient = evaluate(backend64, head_distance, [[0.0, 0], [3, 4]], 6.0)
    np.testing.assert_allclose(gradient, [[0.6, 0.8], [-0.6, -0.8]])


@pytest.mark.without_kernels
def test_head_distance_leaves_far_heads_alone(backend64):
    value, gradient = evaluate(backend64, head_distance, [[0.0, 0], [3, 4]], 4.9)
    assert value == 0 and not np.any(gradient)


@pytest.mark.without_kernels
def test_head_distance_leaves_heads_at_just_eta_alone(backend64):
    value, gradient = evaluate(backend64, head_distance, [[0.0, 0], [3, 4]], 5.0)
    assert value == 0 and np.all(gradient == 0)


@pytest.mark.without_kernels
def test_head_distance_of_two_equal_heads_is_eta_and_finite(backend64):
    value, gradient = evaluate(backend64, head_distance, [[1.0, 2], [1, 2]], 2.0)
    np.testing.assert_allclose(value, 2, rtol=1e-5)
    assert np.all(np.isfinite(gradient))


@pytest.mark.without_kernels
def test_the_two_halves_of_a_kl_are_the_whole(backend64):
    # where p is N(0, I), −H(q) − E ln p is the formula; the mean over ±σ is the mean over z, for ln p is a square
    posterior = OUTPUT
    mean, std = posterior[:, :2], np.exp(posterior[:, 2:] / 2)
    half, _ = evaluate(backend64, negative_entropy, posterior)
    rest = [evaluate(backend64, negative_log_density, mean + sign * std, Gaussian(2))[0] for sign in (-1, 1)]
    whole, _ = evaluate(backend64, kl_to_standard_normal, posterior)
    assert half + np.mean(rest) == pytest.approx(float(whole))


@pytest.mark.without_kernels
def test_far_from_every_petal_the_slope_of_the_mixture_still_points_home(backend):
    _, dz = evaluate(backend, negative_log_density, np.array([[30.0, 0.0]]), GaussianMixture())
    assert dz[0, 0] == pytest.approx((30 - 1.4) / 0.5**2, rel=1e-4)
    assert abs(dz[0, 1]) < 1e-3


@pytest.mark.without_kernels
def test_entropy_in_nats_by_hand(backend64):
    value, _ = evaluate(backend64, entropy, [[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]])
    by_hand = np.log(2) + (0.25 * np.log(4) + 0.75 * np.log(4 / 3)) + 0
    assert value == pytest.approx(by_hand / 3, rel=1e-12)


@pytest.mark.without_kernels
def test_entropy_of_a_one_hot_y_has_a_finite_slope(backend):
    value, gradient = evaluate(backend, entropy, np.eye(3))
    assert value == 0
    assert np.all(np.isfinite(gradient))


@pytest.mark.without_kernels
def test_log_odds_are_those_of_the_largest(backend64):
    value, _ = evaluate(backend64, log_odds, OUTPUT)
    y = np.max(softmax(OUTPUT), axis=1)
    assert value == pytest.approx(np.sum(np.log(y / (1 - y))), rel=1e-12)


@pytest.mark.without_kernels
def test_log_odds_have_a_slope_where_the_softmax_is_flat(backend):
    """In float32 the softmax of the first row is one-hot; the odds are against its largest rival."""
    value, gradient = evaluate(backend, log_odds, [[1000.0, 0, 20], [3, 3 - np.log(2), 3 - np.log(2)]])
    assert value == pytest.approx(980)
    assert gradient == pytest.approx(np.array([[1, 0, -1], [1, -0.5, -0.5]]), abs=1e-6)


@pytest.mark.without_kernels
def test_log_odds_do_not_depend_on_a_constant_added_to_the_logits(backend64):
    value, gradient = evaluate(backend64, log_odds, OUTPUT)
    more, same = evaluate(backend64, log_odds, OUTPUT + 300)
    assert more == pytest.approx(value, rel=1e-9)
    assert same == pytest.approx(gradient, rel=1e-9)
