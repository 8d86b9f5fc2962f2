"""Layers: each backward is the derivative of its forward, on every backend, and a layer keeps nothing between calls."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import host

from tinyaae.backend import Context
from tinyaae.errors import UserError
from tinyaae.gradcheck import STEP, check_layer
from tinyaae.layers import (
    AppendNoise,
    BatchNorm,
    ClusterHeads,
    Dropout,
    GaussianNoise,
    GaussianSampling,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)

N, D = 3, 4
LAYERS = {
    "linear": lambda: Linear(D, 5),
    "cluster-heads": lambda: ClusterHeads(1, 3),
    "relu": ReLU,
    "leaky-relu": lambda: LeakyReLU(0.3),
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "softmax": Softmax,
    "batch-norm": lambda: BatchNorm(D),
    "dropout": lambda: Dropout(0.4),
    "noise": lambda: GaussianNoise(0.7),
    "append-noise": lambda: AppendNoise(D, 2),
    "sampling": GaussianSampling,
    "sequential": lambda: Sequential([Linear(D, 5), BatchNorm(5), Tanh(), Linear(5, 6), Sigmoid()]),
    "nested": lambda: Sequential([Sequential([Linear(D, 5), Tanh()]), Sequential([]), Linear(5, 6)]),
}
NOISY = ["dropout", "noise", "append-noise", "sampling"]

each_layer = pytest.mark.parametrize("name", LAYERS)


def x_away_from_kinks(seed=1):
    """Return x (n, d), every element more than 10h away from 0, where ReLU and its kin have their kink."""
    x = np.random.default_rng(seed).normal(size=(N, D))
    assert np.min(np.abs(x)) > 10 * STEP
    return x


def bound(backend, name, seed=0):
    """Return the layer bound to random parameters."""
    layer, rng = LAYERS[name](), np.random.default_rng(seed)
    layer.bind(backend, layer.tree(lambda part, name: backend.array(rng.normal(size=part.shapes[name]))))
    return layer


def zero_gradients(backend, layer):
    """Return the tree that `backward` adds into, and its arrays."""
    arrays = []

    def make(part, name):
        arrays.append(backend.zeros(part.shapes[name]))
        return arrays[-1]

    return layer.tree(make), arrays


@each_layer
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_backward_is_the_derivative(backend64, name, training):
    assert check_layer(LAYERS[name](), x_away_from_kinks(), backend64, training) < 1e-6


@each_layer
def test_backward_is_the_derivative_behind_another_layer(backend64, name):
    """A layer in front shows mistakes that cancel at the input, such as a gradient that lands on the wrong example."""
    stack = Sequential([Linear(6, D), LAYERS[name]()])
    assert check_layer(stack, np.random.default_rng(3).normal(size=(N, 6)), backend64, seed=3) < 1e-6


@each_layer
def test_two_forwards_may_be_in_flight_at_once(backend, name):
    layer, rng = bound(backend, name), np.random.default_rng(4)
    a, b = backend.array(rng.normal(size=(N, D))), backend.array(rng.normal(size=(7, D)))

    def forward(x):
        return layer.forward(x, Context(backend, True))

    y, cache = forward(a)
    dy = backend.array(rng.normal(size=tuple(y.shape)))
    alone = host(backend, layer.backward(dy, cache))
    _, cache = forward(a)
    _, other = forward(b)
    layer.backward(backend.array(rng.normal(size=(7, y.shape[1]))), other)
    assert host(backend, layer.backward(dy, cache)).tobytes() == alone.tobytes()


@each_layer
def test_forward_and_backward_keep_nothing_in_the_layer(backend, name):
    layer = bound(backend, name)
    before = [dict(vars(part)) for part in layer.walk()]
    y, cache = layer.forward(backend.array(x_away_from_kinks()), Context(backend, True))
    layer.backward(y, cache, zero_gradients(backend, layer)[0])
    for part, attributes in zip(layer.walk(), before, strict=True):
        assert vars(part).keys() == attributes.keys()
        assert all(value is attributes[key] for key, value in vars(part).items())


@each_layer
def test_float32_stays_float32(backend, name):
    layer = bound(backend, name)
    y, cache = layer.forward(backend.array(x_away_from_kinks()), Context(backend, True))
    grads, arrays = zero_gradients(backend, layer)
    dx = layer.backward(y, cache, grads)
    assert {host(backend, array).dtype for array in (y, dx, *arrays)} == {np.dtype("float32")}


@pytest.mark.without_kernels
@pytest.mark.parametrize("name", NOISY)
def test_noise_and_dropout_are_off_in_evaluation(backend, name):
    layer, x = bound(backend, name), x_away_from_kinks()
    first, again = [host(backend, layer.forward(backend.array(x), Context(backend, seed=s))[0]) for s in (0, 1)]
    quiet = {"append-noise": np.concatenate([x, np.zeros((N, 2))], axis=1), "sampling": x[:, : D // 2]}.get(name, x)
    np.testing.assert_array_equal(first, quiet.astype("float32"))
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("name", NOISY)
def test_noise_is_that_of_the_place(backend, name):
    layer, x = bound(backend, name), backend.array(x_away_from_kinks())

    def y(**place):
        return host(backend, layer.forward(x, Context(backend, True, **place))[0]).tobytes()

    assert y(seed=1, stream="a", step=2) == y(seed=1, stream="a", step=2)
    assert y(seed=1, stream="a", step=2) != y(seed=1, stream="a", step=3)


@pytest.mark.parametrize(
    "name, of, layer",
    [
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), Sigmoid),
        ("tanh", np.tanh, Tanh),
        ("relu", lambda x: np.where(x > 0, x, 0), ReLU),
        ("leaky", lambda x: np.where(x > 0, x, 0.2 * x), LeakyReLU),
        ("softmax", lambda x: np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True), Softmax),
    ],
)
def test_activation_is_its_formula(backend64, name, of, layer):
    layer, x = layer(), np.linspace(-5, 5, 14).reshape(2, 7)
    layer.bind(backend64, {})
    y, _ = layer.forward(backend64.array(x), Context(backend64))
    np.testing.assert_allclose(host(backend64, y), of(x), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("layer", [Sigmoid, Softmax])
def test_large_inputs_do_not_overflow(backend, layer):
    layer = layer()
    layer.bind(backend, {})
    y, cache = layer.forward(backend.array([[-1e4, 0, 1e4]]), Context(backend))
    dx = layer.backward(backend.array([[1.0, 2, 3]]), cache)
    assert np.all(np.isfinite(host(backend, y))) and np.all(np.isfinite(host(backend, dx)))
    assert host(backend, y)[0, 2] == 1


def test_linear_is_x_times_w_plus_b(backend):
    layer = Linear(2, 3)
    layer.bind(backend, {"W": backend.array([[1, 2, 3], [4, 5, 6]]), "b": backend.array([10, 20, 30])})
    y, _ = layer.forward(backend.array([[1, -1]]), Context(backend))
    assert host(backend, y).tolist() == [[7, 17, 27]]


@pytest.mark.parametrize("std, expected", [(None, 1 / np.sqrt(3 * 200)), (0.01, 0.01)])
def test_linear_starts_with_the_standard_deviation_it_says_and_no_bias(std, expected):
    rng, layer = np.random.default_rng(0), Linear(200, 300, std)
    w = layer.initial("W", rng)
    assert w.shape == (200, 300)
    assert abs(np.std(w) / expected - 1) < 4 / np.sqrt(2 * w.size)  # four standard errors
    assert not np.any(layer.initial("b", rng))


def test_cluster_heads_put_z_around_the_head_of_y(backend):
    layer = ClusterHeads(3, 2)
    layer.bind(backend, {"W": backend.array([[1, 2], [30, 40], [500, 600]])})
    r, _ = layer.forward(backend.array([[0, 1, 0, 7, 8], [0.5, 0, 0.5, 1, 1]]), Context(backend))
    assert host(backend, r).tolist() == [[37, 48], [251.5, 302]]


def test_batch_norm_normalises_each_column_in_training(backend64):
    layer = BatchNorm(D, epsilon=0)
    layer.bind(backend64, {"gamma": backend64.array([1, 2, 3, 4]), "beta": backend64.array([5, 6, 7, 8])})
    y, _ = layer.forward(backend64.array(x_away_from_kinks()), Context(backend64, True))
    np.testing.assert_allclose(np.mean(host(backend64, y), axis=0), [5, 6, 7, 8])
    np.testing.assert_allclose(np.std(host(backend64, y), axis=0), [1, 2, 3, 4])


@pytest.mark.without_kernels
def test_batch_norm_uses_its_running_averages_in_evaluation(backend64):
    layer, x = bound(backend64, "batch-norm"), x_away_from_kinks()
    layer.running_mean[...] = backend64.array([1.0, 2, 3, 4])
    layer.running_var[...] = backend64.array([4.0, 3, 2, 1])
    y, _ = layer.forward(backend64.array(x), Context(backend64))
    xhat = (x - [1, 2, 3, 4]) / np.sqrt(np.array([4, 3, 2, 1]) + 1e-5)
    np.testing.assert_allclose(
        host(backend64, y), host(backend64, layer.gamma) * xhat + host(backend64, layer.beta), rtol=1e-12
    )


def test_batch_norm_moves_its_running_statistics_by_a_tenth(backend64):
    layer, x = bound(backend64, "batch-norm"), x_away_from_kinks()
    layer.running_mean[...] = backend64.array([1.0, 2, 3, 4])
    layer.running_var[...] = backend64.array([4.0, 3, 2, 1])
    _, cache = layer.forward(backend64.array(x), Context(backend64, True))
    layer.update_running_statistics(cache)
    mean, var = (
        0.9 * np.array([1, 2, 3, 4]) + 0.1 * np.mean(x, axis=0),
        0.9 * np.array([4, 3, 2, 1]) + 0.1 * np.var(x, axis=0),
    )
    np.testing.assert_allclose(host(backend64, layer.running_mean), mean, rtol=1e-12)
    np.testing.assert_allclose(host(backend64, layer.running_var), var, rtol=1e-12)


@pytest.mark.without_kernels
def test_batch_norm_bound_again_starts_with_fresh_averages(backend64):
    layer = bound(backend64, "batch-norm")
    layer.running_mean += 1
    layer.bind(backend64, {})
    assert not np.any(host(backend64, layer.running_mean))


def test_dropout_keeps_the_mean(backend):
    layer = Dropout(0.3)
    layer.bind(backend, {})
    y = host(backend, layer.forward(backend.zeros((200, 500)) + 1, Context(backend, True))[0])
    dropped = np.mean(y == 0)
    assert abs(dropped - 0.3) < 4 * np.sqrt(0.3 * 0.7 / y.size)  # four standard errors
    np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-6)


def test_noise_has_the_standard_deviation_asked_for(backend):
    layer = GaussianNoise(0.7)
    layer.bind(backend, {})
    y = host(backend, layer.forward(backend.zeros((200, 500)) + 2, Context(backend, True))[0])
    assert abs(np.mean(y) - 2) < 4 * 0.7 / np.sqrt(y.size)
    assert abs(np.std(y) / 0.7 - 1) < 4 / np.sqrt(2 * y.size)


def test_sampling_has_the_mean_and_variance_asked_for(backend):
    layer, ones = GaussianSampling(), backend.zeros((200, 500)) + 1
    layer.bind(backend, {})
    x = backend.xp.concat([3 * ones, -1.5 * ones], axis=1)
    z = host(backend, layer.forward(x, Context(backend, True))[0])
    std = np.exp(-0.75)
    assert abs(np.mean(z) - 3) < 4 * std / np.sqrt(z.size)
    assert abs(np.std(z) / std - 1) < 4 / np.sqrt(2 * z.size)


@pytest.mark.parametrize("name", ["linear", "batch-norm", "cluster-heads"])
def test_gradients_of_parameters_are_the_same_where_nobody_wants_dx(backend, name):
    layer = bound(backend, name)
    y, cache = layer.forward(backend.array(x_away_from_kinks()), Context(backend, True))
    (all_of_it, expected), (only_dw, got) = zero_gradients(backend, layer), zero_gradients(backend, layer)
    layer.backward(y, cache, all_of_it)
    assert layer.backward(y, cache, only_dw, want_dx=False) is None
    assert [host(backend, g).tobytes() for g in got] == [host(backend, g).tobytes() for g in expected]


def test_sequential_stops_at_the_first_layer_with_parameters_where_nobody_wants_dx(backend):
    class Untouchable(GaussianNoise):
        def backward(self, dy, cache, grads=None):
            raise AssertionError("nobody asked for the gradient of the input")

    stack, rng = Sequential([Untouchable(0.1), Linear(D, 5), Tanh()]), np.random.default_rng(0)
    stack.bind(backend, stack.tree(lambda part, name: backend.array(rng.normal(size=part.shapes[name]))))
    y, caches = stack.forward(backend.array(x_away_from_kinks()), Context(backend, True))
    grads, (dw, _) = zero_gradients(backend, stack)
    assert stack.backward(y, caches, grads, want_dx=False) is None
    assert np.all(host(backend, dw) != 0)


@pytest.mark.without_kernels
@pytest.mark.parametrize(
    "layer, shape, message",
    [
        (Linear(784, 5), (32, 100), "Linear.forward: x is (32, 100), expected (n, 784); is the image flattened?"),
        (Linear(784, 5), (2, 28, 28), "Linear.forward: x is (2, 28, 28), expected (n, 784); is the image flattened?"),
        (Linear(784, 5), (784,), "Linear.forward: x is (784,), expected (n, 784); is the image flattened?"),
        (
            ClusterHeads(2, 3),
            (3, 4),
            "ClusterHeads.forward: x is (3, 4), expected (n, 5); x is y and z side by side",
        ),
        (BatchNorm(4), (3, 5), "BatchNorm.forward: x is (3, 5), expected (n, 4)"),
        (AppendNoise(4, 2), (3, 5), "AppendNoise.forward: x is (3, 5), expected (n, 4)"),
    ],
)
def test_a_wrong_shape_is_refused_in_one_line(backend, layer, shape, message):
    with pytest.raises(UserError) as error:
        layer.forward(backend.zeros(shape), Context(backend))
    assert str(error.value) == message


# The borders, which no random input hits --------------------------------------------------------------------------


@pytest.mark.without_kernels
def test_leaky_relu_has_its_slope_at_zero_itself(backend):
    layer = LeakyReLU(0.3)
    layer.bind(backend, {})
    _, cache = layer.forward(backend.zeros((1, 2)), Context(backend))
    assert host(backend, layer.backward(backend.zeros((1, 2)) + 1, cache)).ravel().tolist() == pytest.approx([0.3] * 2)


@pytest.mark.without_kernels
def test_dropout_keeps_what_draws_just_its_probability(backend):
    """u is in [0, 1), so that u ≥ p keeps a share of 1 − p exactly."""
    layer = Dropout(0.5)
    layer.bind(backend, {})
    ctx = SimpleNamespace(training=True, uniform=lambda shape: backend.zeros(shape) + 0.5)
    y, _ = layer.forward(backend.zeros((1, 2)) + 1, ctx)
    assert host(backend, y).tolist() == [[2, 2]]


def test_batch_norm_starts_as_the_plain_normalization():
    layer = BatchNorm(D)
    assert (layer.initial("gamma", None).tolist(), layer.initial("beta", None).tolist()) == ([1] * D, [0] * D)
