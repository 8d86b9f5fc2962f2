"""Optimizers: hand-computed numbers, the textbook's formulas over many steps, and fast kernels that equal the plain."""

import sys

import numpy as np
import pytest
from backends import BACKENDS, backend_for_test
from helpers import host

from tinyaae.backend import Backend
from tinyaae.backend.numba import FastBackend
from tinyaae.backend.numpy import BLOCK, NumpyBackend
from tinyaae.errors import UserError
from tinyaae.optimizers import SGD, Adam, Momentum, linear_schedule, step_schedule

OPTIMIZERS = {
    "sgd": lambda **options: SGD(0.1, **options),
    "momentum": lambda **options: Momentum(0.1, 0.9, **options),
    "adam": lambda **options: Adam(0.1, **options),
}
each_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


@pytest.fixture(params=[*BACKENDS, "numpy-fast"])
def backend(request, monkeypatch):
    """The backends of all tests, and the one whose kernels for optimizers are compiled."""
    return backend_for_test(request.param, "float32", monkeypatch)


@pytest.fixture(params=[*BACKENDS, "numpy-fast"])
def backend64(request, monkeypatch):
    return backend_for_test(request.param, "float64", monkeypatch)


def run(backend, optimizer, start, gradients):
    """Return w on the host after a step along each of `gradients`."""
    w = backend.array(start)
    optimizer.bind(backend, len(start))
    for gradient in gradients:
        optimizer.update([w], backend.array(gradient))
    return host(backend, w)


def random_run(size=9, steps=7, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=size), rng.normal(size=(steps, size))


def textbook_momentum(w, gradients, rate=0.1, momentum=0.9):
    v = np.zeros_like(w)
    for g in gradients:
        v = momentum * v + g
        w = w - rate * v
    return w


def textbook_adam(w, gradients, rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Algorithm 1 of Kingma and Ba, line by line."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        w = w - rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return w


@pytest.mark.without_kernels
def test_sgd_by_hand(backend64):
    np.testing.assert_allclose(run(backend64, SGD(0.1), [1.0, 2], [[0.5, -3], [1, 0]]), [0.85, 2.3])


def test_momentum_by_hand(backend64):
    """v = 0.5, then 0.5·0.5 + 1 = 1.25;  w = 1 − 0.05 − 0.125."""
    np.testing.assert_allclose(run(backend64, Momentum(0.1, 0.5), [1.0], [[0.5], [1]]), [0.825])


def test_momentum_is_that_of_the_textbook(backend64):
    start, gradients = random_run()
    w = run(backend64, Momentum(0.1, 0.9), start, gradients)
    np.testing.assert_allclose(w, textbook_momentum(start, gradients), rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"beta1": 0.5}, {"beta1": 0.1, "beta2": 0.9, "epsilon": 0.1}], ids=str)
def test_adam_rearranged_is_that_of_the_textbook(backend64, options):
    start, gradients = random_run()
    w = run(backend64, Adam(0.1, **options), start, gradients)
    np.testing.assert_allclose(w, textbook_adam(start, gradients, **options), rtol=1e-11)


def test_adam_in_float32_is_that_of_the_textbook_to_single_precision(backend):
    start, gradients = random_run(steps=20)
    np.testing.assert_allclose(run(backend, Adam(0.1), start, gradients), textbook_adam(start, gradients), atol=1e-5)


def test_adam_takes_a_first_step_of_the_rate_whatever_the_gradient(backend64):
    w = run(backend64, Adam(0.1), [1.0, 1, 1], [[5, -0.01, 300]])
    np.testing.assert_allclose(w, [0.9, 1.1, 0.9], rtol=1e-6)


@each_optimizer
def test_a_zero_gradient_at_the_start_moves_nothing(backend, make):
    assert run(backend, make(), [1.0, 2], np.zeros((3, 2))).tolist() == [1, 2]


@each_optimizer
def test_several_networks_are_moved_like_one(backend, make):
    start, gradients = random_run()
    together = run(backend, make(), start, gradients)
    parts = [backend.array(part) for part in (start[:2], start[2:3], start[3:])]
    optimizer = make()
    optimizer.bind(backend, len(start))
    for gradient in gradients:
        optimizer.update(parts, backend.array(gradient))
    assert np.concatenate([host(backend, part) for part in parts]).tobytes() == together.tobytes()


@each_optimizer
def test_weights_move_in_place_and_all_stays_float32(backend, make):
    w, optimizer = backend.array([1.0, 2, 3]), make()
    view = backend.xp.reshape(w[1:], (2, 1))
    optimizer.bind(backend, 3)
    optimizer.update([w], backend.array([1.0, 1, 1]))
    assert host(backend, view)[:, 0].tolist() == host(backend, w)[1:].tolist() != [2, 3]
    assert {host(backend, array).dtype for array in (w, *optimizer.state.values())} == {np.dtype("float32")}


@each_optimizer
def test_scale_multiplies_the_rate(backend64, make):
    start, gradients = random_run(steps=1)
    optimizer = make()
    optimizer.lr_scale = 0.25
    moved, scaled = (
        run(backend64, make(), start, gradients) - start,
        run(backend64, optimizer, start, gradients) - start,
    )
    np.testing.assert_allclose(scaled, moved / 4, rtol=1e-12)


@each_optimizer
def test_steps_counts_updates(make):
    optimizer = make()
    run(NumpyBackend(), optimizer, *random_run(steps=7))
    assert optimizer.steps == 7


@each_optimizer
def test_state_and_step_number_are_all_there_is_to_resume(backend, make):
    start, gradients = random_run()
    whole = run(backend, make(), start, gradients)
    first, second, w = make(), make(), backend.array(start)
    first.bind(backend, len(start))
    second.bind(backend, len(start))
    for gradient in gradients[:3]:
        first.update([w], backend.array(gradient))
    second.steps = first.steps
    for name, value in first.state.items():
        second.state[name][...] = value
    for gradient in gradients[3:]:
        second.update([w], backend.array(gradient))
    assert host(backend, w).tobytes() == whole.tobytes()


# Schedules ------------------------------------------------------------------------------------------


def test_step_schedule_multiplies_from_each_epoch_on():
    factor = step_schedule({50: 0.1, 100: 0.5})
    assert [factor(epoch) for epoch in (0, 49, 50, 99, 100, 1000)] == pytest.approx([1, 1, 0.1, 0.1, 0.05, 0.05])


def test_linear_schedule_goes_down_from_start_to_a_hundredth_at_the_end():
    factor = linear_schedule(10, 20)
    assert [factor(epoch) for epoch in (0, 10, 15, 20, 25)] == pytest.approx([1, 1, 0.5, 0.01, 0.01])


def test_linear_schedule_that_starts_where_it_ends_stays_at_one():
    assert linear_schedule(10, 10)(10) == 1


# The fast kernels of NumPy against the plain ones ----------------------------------------------------------------

SIZES = [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 6 * BLOCK + 5]  # the last is shared by up to three threads


def weights_and_state(backend, make, size):
    optimizer = make()
    w = run(backend, optimizer, *random_run(size, steps=3, seed=size))
    return np.stack([w, *(host(backend, value) for value in optimizer.state.values())])


@each_optimizer
@pytest.mark.parametrize("size", SIZES)
def test_numpy_kernels_give_the_bits_of_the_plain_ones_on_any_number_of_threads(make, size):
    plain = weights_and_state(Backend(np), make, size)
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(weights_and_state(NumpyBackend(threads=threads), make, size), plain)


@each_optimizer
@pytest.mark.parametrize("size", [1, 7, 2 * BLOCK + 5, 6 * BLOCK + 5])
def test_compiled_kernels_give_the_bits_of_the_plain_ones_on_any_number_of_threads(make, size):
    pytest.importorskip("numba")
    plain = weights_and_state(Backend(np), make, size)
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(weights_and_state(FastBackend(threads=threads), make, size), plain)


def test_compiled_kernels_without_numba_are_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(
        UserError, match=r"^backend numpy-fast: Numba is not installed; run pip install -e '.\[fast\]'$"
    ):
        Backend.named("numpy-fast")


@each_optimizer
def test_every_backend_gives_the_numbers_of_numpy(backend, make):
    start, gradients = random_run()
    ours, theirs = run(backend, make(), start, gradients), run(NumpyBackend(), make(), start, gradients)
    np.testing.assert_array_max_ulp(ours, theirs, maxulp=4)
