"""Every test that asks for `backend` (float32) or `backend64` runs once on each backend that this machine has."""

import sys
from pathlib import Path

import pytest
from backends import BACKENDS, backend_for_test

from tinyaae.backend import Backend

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "without_kernels: launches no kernel of CuPy's backend, so that its stand-in would repeat NumPy's case",
    )


def pytest_collection_modifyitems(items):
    """Leave out the cases on the stand-in for CuPy that would only repeat NumPy's."""
    items[:] = [item for item in items if not (item.get_closest_marker("without_kernels") and on_the_stand_in(item))]


def on_the_stand_in(item):
    parameters = item.callspec.params
    return "cupy-without-gpu" in (parameters.get("backend"), parameters.get("backend64"))


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch):
    """A backend in float32, the type of all training."""
    return backend_for_test(request.param, "float32", monkeypatch)


@pytest.fixture(params=BACKENDS)
def backend64(request, monkeypatch):
    """A backend in float64, the type of gradient checks."""
    return backend_for_test(request.param, "float64", monkeypatch)


@pytest.fixture
def numpy64():
    """NumPy in float64, for gradient checks of what does not depend on the backend."""
    return Backend.named("numpy", "float64")
