"""What only a GPU can show of the CuPy backend: its precision, 100 steps beside NumPy's, its graphs.

Without a GPU this file is skipped as a whole, with the reason, and no case of any other file has the parameter `cupy`.
"""

import numpy as np
import pytest
from backends import GPU, backend_for_test, why_no_gpu
from helpers import host
from steps import assert_close, each_stepped, values_and_state, with_noise_of_numpy

from tinyaae.backend.numpy import NumpyBackend

if not GPU:
    pytest.skip(why_no_gpu(), allow_module_level=True)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def cupy(dtype):
    return backend_for_test("cupy", dtype)


def test_products_are_not_rounded_to_tf32(cupy, dtype):
    a, b = np.random.default_rng(0).normal(size=(2, 256, 256))
    error = np.linalg.norm(host(cupy, cupy.xp.matmul(cupy.array(a), cupy.array(b))) - a @ b) / np.linalg.norm(a @ b)
    assert error < {"float32": 3e-6, "float64": 1e-14}[dtype]  # TF32: 3e-4


@each_stepped
def test_training_is_numpys_for_100_steps(cupy, dtype, flags):
    """Float64 to six digits; float32 for ten steps, since the game amplifies what rounding leaves.

    A bias before batch norm has no gradient but rounding, which Adam blows up to whole steps: it may differ by them.
    """
    cupy.graphs = False
    n, near, weights = {"float32": (10, 2e-3, 0.1), "float64": (100, 1e-6, 1e-6)}[dtype]
    found, expected = with_noise_of_numpy(cupy), NumpyBackend(dtype)
    assert_close(values_and_state(found, flags, n), values_and_state(expected, flags, n), near, weights)


@each_stepped
def test_graphs_repeat_the_steps_as_written(dtype, cupy, flags):
    """The same kernels in the same order: float32 rounding is all that may differ, and nothing does that we know of."""
    eager = values_and_state(type(cupy)(dtype, graphs=False), flags, 30)
    assert_close(values_and_state(cupy, flags, 30), eager, {"float32": 1e-5, "float64": 1e-12}[dtype])
