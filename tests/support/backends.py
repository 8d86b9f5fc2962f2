"""The backends of the tests, by name, and which of them this machine has.

`cupy` is one of them only where CuPy finds a GPU. `cupy-without-gpu` is CuPy's backend on the stand-in of `fake_cupy`.
"""

from functools import cache

import pytest

from tinyaae.backend import Backend
from tinyaae.errors import UserError


@cache
def why_no_gpu():
    """Return in one line why backend cupy cannot be used here, or None where it can."""
    try:
        Backend.named("cupy")
    except UserError as error:
        return str(error)


GPU = [] if why_no_gpu() else ["cupy"]
BACKENDS = ["numpy", "array-api-strict", *GPU, "cupy-without-gpu"]


def backend_for_test(name, dtype, monkeypatch=None):
    """Return the backend called `name`; skip the test, with the reason, where it cannot be used."""
    if name == "array-api-strict":
        pytest.importorskip("array_api_strict")
        from tinyaae.backend.strict import StrictBackend

        return StrictBackend(dtype)
    if name == "cupy-without-gpu":
        import fake_cupy

        if fake_cupy.COMPILER is None:
            pytest.skip("g++ is not installed")
        return fake_cupy.backend_without_gpu(monkeypatch, dtype)
    try:
        return Backend.named(name, dtype)
    except UserError as error:
        pytest.skip(str(error))
