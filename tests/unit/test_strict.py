"""The backend `strict`, from the package by name."""

import sys

import numpy as np
import pytest
from tiny import assembled, refusal, tiny_config

from tinyaae.backend import Backend


def test_a_run_on_the_strict_backend_takes_the_steps_of_numpy():
    pytest.importorskip("array_api_strict")
    ends = []
    for name in ("strict", "numpy"):
        backend = Backend.named(name, "float64")
        model, batches = assembled(tiny_config("semi-supervised"), backend)
        batch = next(batches.epoch(0))
        values = model.step(batch)
        ends.append(np.array([float(backend.to_numpy(value)) for value in values.values()]))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-4)


def test_its_arrays_are_of_a_second_device():
    pytest.importorskip("array_api_strict")
    backend = Backend.named("strict")
    with pytest.raises(TypeError):
        backend.zeros((2,)) + np.ones(2)


def test_without_the_library_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "array_api_strict", None)
    monkeypatch.delitem(sys.modules, "tinyaae.backend.strict", raising=False)
    assert refusal(Backend.named, "strict").endswith("pip install array-api-strict")
