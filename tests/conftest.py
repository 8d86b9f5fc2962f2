"""Every test that asks for `backend` (float32) or `backend64` runs once on each of these."""

import sys
from pathlib import Path

import pytest

from tinyaae.backend import Backend
from tinyaae.errors import UserError

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
BACKENDS = ["numpy", "array-api-strict", "array-api-strict-device1", "cupy", "cupy-without-gpu"]


def backend_for_test(name, dtype, monkeypatch=None):
    """Return the backend called `name`; skip the test, with the reason, where it cannot be used."""
    if name.startswith("array-api-strict"):
        pytest.importorskip("array_api_strict")
        from tinyaae.backend.strict import StrictBackend

        return StrictBackend(dtype, "device1" if name.endswith("device1") else "CPU_DEVICE")
    if name == "cupy-without-gpu":
        import fake_cupy

        if fake_cupy.COMPILER is None:
            pytest.skip("g++ is not installed")
        return fake_cupy.backend_without_gpu(monkeypatch, dtype)
    try:
        return Backend.named(name, dtype)
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch):
    """A backend in float32, the type of all training."""
    return backend_for_test(request.param, "float32", monkeypatch)


@pytest.fixture(params=BACKENDS)
def backend64(request, monkeypatch):
    """A backend in float64, the type of gradient checks."""
    return backend_for_test(request.param, "float64", monkeypatch)
