"""A few training steps of tiny models on any backend, for comparing one backend with another."""

from itertools import count, islice

import numpy as np
import pytest
from helpers import host
from tiny import assembled, tiny_config

from tinyaae.backend.numpy import NumpyBackend
from tinyaae.config.fields import names

STEPPED = [  # flags of the models that are stepped
    {"mode": "semi-supervised"},
    {"mode": "gan"},
    {"mode": "reduction", "labels": 0},
    {"mode": "vae"},
    {"mode": "label-regularized", "prior": "mixture", "z": 2},
    {"mode": "aae", "prior": "gamma"},
    {"mode": "aae", "prior": "swiss-roll", "z": 2},
    {"mode": "semi-supervised", "preset": "paper", "posterior": "universal"},
    {"mode": "clustering", **dict.fromkeys(names("extra"), 0.5), "vat_rampup": 6, "adversarial_warmup": 4},
]
each_stepped = pytest.mark.parametrize("flags", STEPPED, ids=lambda flags: "-".join(map(str, flags.values())))


def values_and_state(backend, flags, n=6):
    """Train a tiny model; return the values of each of the first n steps, and the model's state after them."""
    model, batches = assembled(tiny_config(**flags), backend)
    endless = (batch for epoch in count() for batch in batches.epoch(epoch))
    values = [model.step(batch) for batch in islice(endless, n)]
    values = [{name: float(value) for name, value in row.items()} for row in values]
    return values, {name: host(backend, array) for name, array in model.state().items()}


def with_noise_of_numpy(backend):
    """Let `backend` draw NumPy's noise, so that it can be compared with NumPy; it then cannot record."""
    plain = NumpyBackend(str(np.dtype(backend.dtype)))
    backend.normal = lambda place, shape: backend.array(plain.normal(place, shape))
    backend.uniform = lambda place, shape: backend.array(plain.uniform(place, shape))
    return backend


def assert_close(found, expected, near, weights=None):
    """Values agree to `near`, and the state to `weights`, which is `near` too unless given."""
    (values, state), (expected_values, expected_state) = found, expected
    for row, expected_row in zip(values, expected_values, strict=True):
        assert row == pytest.approx(expected_row, rel=near, abs=near)
    for name, x in state.items():
        size = 1 + np.max(np.abs(expected_state[name]))
        assert np.max(np.abs(x - expected_state[name])) <= (weights or near) * size, name
