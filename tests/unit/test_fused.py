"""Formulas that a backend computes in another way, each compared with what `layers` and `losses` say."""

import numpy as np
import pytest
from backends import GPU, backend_for_test
from fake_cupy import COMPILER, backend_without_gpu
from helpers import host

from tinyaae import losses, phases
from tinyaae.backend import Backend, Context
from tinyaae.layers import BatchNorm, Linear, ReLU, Sequential, Sigmoid, Softmax
from tinyaae.losses import binary_cross_entropy, half_squared_error, softmax_cross_entropy
from tinyaae.networks import Gradients, Network


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=["numpy", "numpy-fast", *GPU, "cupy-without-gpu"])
def backend(request, monkeypatch, dtype):
    return backend_for_test(request.param, dtype, monkeypatch)


def fused_cases():
    """Return name -> (backend, random arrays) -> what the formula of that name gives."""
    on = lambda b: Context(b, training=True)  # noqa: E731
    dense = lambda backend: bound(Linear(7, 300), backend)  # noqa: E731
    norm = lambda backend: bound(BatchNorm(70), backend)  # noqa: E731
    return {
        "Linear.backward": lambda b, r: backward_of(dense(b), b, r((30, 300)), r((30, 7))),
        "Linear.backward without dx": lambda b, r: backward_of(dense(b), b, r((1, 300)), r((1, 7)), want_dx=False),
        "Linear.backward without dW": lambda b, r: [dense(b).backward(r((30, 300)), r((30, 7)))],
        "Linear.backward of one column": lambda b, r: backward_of(bound(Linear(7, 1), b), b, r((30, 1)), r((30, 7))),
        "Sequential.forward": lambda b, r: stack_of(b).forward(r((30, 7)), on(b))[1],
        "ReLU.forward": lambda b, r: bound(ReLU(), b).forward(r((30, 300)), on(b)),
        "ReLU.backward": lambda b, r: [bound(ReLU(), b).backward(r((30, 300)), r((30, 300)))],
        "ReLU.backward at 0": lambda b, r: [bound(ReLU(), b).backward(r((30, 7)), 0 * r((30, 7)))],
        "ReLU.backward of columns": lambda b, r: [bound(ReLU(), b).backward(r((30, 300))[:, :7], r((30, 7)))],
        "Sigmoid.forward": lambda b, r: bound(Sigmoid(), b).forward(30 * r((30, 300)), on(b)),
        "Sigmoid.backward": lambda b, r: [bound(Sigmoid(), b).backward(r((30, 300)), r((30, 300)))],
        "Softmax.forward": lambda b, r: bound(Softmax(), b).forward(30 * r((300, 11)), on(b)),
        "Softmax.forward of columns": lambda b, r: bound(Softmax(), b).forward(r((300, 20))[:, 2:13], on(b)),
        "Softmax.backward": lambda b, r: [bound(Softmax(), b).backward(r((300, 11)), r((300, 11)))],
        "BatchNorm.forward": lambda b, r: (lambda y, cache: [y, *cache[:4]])(*norm(b).forward(3 + r((41, 70)), on(b))),
        "BatchNorm.backward": lambda b, r: backward_of(norm(b), b, r((41, 70)), norm_cache(b, r)),
        "BatchNorm.backward without dx": lambda b, r: backward_of(
            norm(b), b, r((41, 70)), norm_cache(b, r), want_dx=False
        ),
        "BatchNorm.backward without dW": lambda b, r: [norm(b).backward(r((41, 70)), norm_cache(b, r))],
        "BatchNorm.update_running_statistics": lambda b, r: updated_statistics(norm(b), norm_cache(b, r)),
        "Gradients.zero": lambda b, r: [zeroed(Gradients(b, [Network(b, "Q", [Linear(7, 3), Linear(3, 2)])]))],
        "half_squared_error": lambda b, r: half_squared_error(b.xp, r((30, 300)), r((30, 300))),
        "binary_cross_entropy": lambda b, r: binary_cross_entropy(b.xp, 30 * r((30, 300)), abs(r((30, 300)))),
        "binary_cross_entropy of one column": lambda b, r: binary_cross_entropy(b.xp, r((300, 1)), r((300, 1))),
        "softmax_cross_entropy": lambda b, r: softmax_cross_entropy(b.xp, 30 * r((300, 11)), abs(r((300, 11)))),
        "softmax_cross_entropy of columns": lambda b, r: softmax_cross_entropy(b.xp, r((9, 20))[:, :11], r((9, 11))),
    }


def stack_of(backend):
    """Return a stack whose every cache is an array: with a ReLU behind a Linear, behind something else, and none."""
    layers = [Linear(7, 300), ReLU(), Sigmoid(), ReLU(), Linear(300, 5), Sigmoid()]
    stack = Sequential(layers)
    stack.bind(backend, [{} for _ in layers])
    for layer in layers:
        bound(layer, backend)
    return stack


def bound(layer, backend):
    """Return `layer` with weights of its own, none of them 0 or 1."""
    rng = np.random.default_rng(1)
    layer.bind(backend, {name: backend.array(rng.uniform(0.5, 1.5, shape)) for name, shape in layer.shapes.items()})
    return layer


def backward_of(layer, backend, dy, cache, **named):
    """Return dx and the gradients, which hold something already."""
    grads = {name: backend.zeros(shape) + 1 for name, shape in layer.shapes.items()}
    dx = layer.backward(dy, cache, grads, **named)
    return [*([] if dx is None else [dx]), *grads.values()]


def norm_cache(b, r):
    return r((41, 70)), abs(r((70,))), r((70,)), abs(r((70,))), Context(b, training=True)


def updated_statistics(layer, cache):
    layer.update_running_statistics(cache)
    return [layer.running_mean, layer.running_var]


def zeroed(gradients):
    """Return the vector of `gradients` after 1 was added to each of its numbers and all were set to zero."""
    gradients.flat[...] = gradients.flat + 1
    gradients.zero()
    return gradients.flat


def check_fused(backend, near):
    plain = Backend(np, "float64")
    for name, case in fused_cases().items():
        if name.split(" ")[0] not in backend.xp.fused:
            continue
        results = []
        for b in (plain, backend):
            rng = np.random.default_rng(0)
            given = []

            def random(shape, b=b, rng=rng, given=given):
                host = rng.normal(size=shape).astype(np.float32).astype(np.float64)
                given.append((b.array(host), host))
                return given[-1][0]

            results.append([host(b, x) for x in case(b, random)])
            for x, before in given:
                assert np.array_equal(host(b, x), before), f"{name} changed what it was given"
        for found, expected in zip(*results[::-1], strict=True):
            assert found.shape == expected.shape, name
            np.testing.assert_allclose(found, expected, rtol=near, atol=near, err_msg=name)
    assert set(backend.xp.fused) <= {name.split(" ")[0] for name in fused_cases()}


def test_fused_formulas_are_what_is_written(backend, dtype):
    check_fused(backend, {"float32": 1e-4, "float64": 1e-12}[dtype])


@pytest.mark.skipif(COMPILER is None, reason="g++ is not installed")
def test_they_are_so_with_few_threads_a_block(monkeypatch, dtype):
    check_fused(backend_without_gpu(monkeypatch, dtype, 32), {"float32": 1e-4, "float64": 1e-12}[dtype])


def test_what_is_not_a_number_is_not_hidden_by_a_relu(backend):
    stack = Sequential([Linear(1, 1), ReLU()])
    stack.bind(backend, [{"W": backend.array([[1.0]]), "b": backend.zeros((1,))}, {}])
    given = backend.array([[np.nan], [-np.inf], [np.inf], [-1.0]])
    for y in (stack.forward(given, Context(backend))[0], stack.layers[1].forward(given, Context(backend))[0]):
        assert [str(number) for number in host(backend, y)[:, 0].tolist()] == ["nan", "0.0", "inf", "0.0"]


@pytest.mark.parametrize("make", [ReLU, lambda: Linear(7, 5)], ids=["ReLU", "Linear"])
def test_compiled_forward_and_backward_give_the_bits_of_numpy(make):
    pytest.importorskip("numba")
    results = []
    for backend in (Backend(np), Backend.named("numpy-fast")):
        rng = np.random.default_rng(0)
        stack = Sequential([Linear(9, 7), ReLU(), make()])
        stack.bind(backend, [{} for _ in stack.layers])
        for layer in stack.layers:
            bound(layer, backend)
        y, caches = stack.forward(backend.array(rng.normal(size=(6, 9))), Context(backend))
        dx = stack.backward(backend.array(rng.normal(size=y.shape)), caches)
        results.append((y, dx))
    for plain, compiled in zip(*results, strict=True):
        np.testing.assert_array_equal(compiled, plain)


def test_what_a_backend_brings_is_called_in_place_of_the_formula():
    backend, layer = Backend.named("numpy"), ReLU()
    layer.bind(backend, {})
    backend.xp.fused["ReLU.forward"] = lambda layer, x, ctx: ("another", "way")
    assert layer.forward(backend.zeros((1, 1)), Context(backend)) == ("another", "way")
    backend.xp.fused["half_squared_error"] = lambda xp, output, target: "a loss"
    for module in (losses, phases):
        assert module.half_squared_error(backend.xp, backend.zeros((1, 1)), 0) == "a loss"


def test_a_class_that_overrides_a_method_has_its_own():
    class Mine(ReLU):
        def forward(self, x, ctx):
            return "mine", None

    backend, layer = Backend.named("numpy"), Mine()
    layer.bind(backend, {})
    assert layer.forward(backend.zeros((1, 1)), Context(backend)) == ("mine", None)
