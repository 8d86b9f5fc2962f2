"""The backend `strict`: arrays of `array-api-strict`, which have the array API standard and nothing else. For tests.

It refuses what NumPy lets pass and a GPU library may not (unknown functions, silent changes of type), and it plays a
second device, `device1`, on which any mixing of host and device arrays raises: most of what goes wrong on a GPU, found
without one.
"""

import array_api_strict
import numpy as np

from .base import Backend


class StrictBackend(Backend):
    """The plain kernels of `Backend` on `array_api_strict` arrays that live on `device`."""

    name = "array-api-strict"

    def __init__(self, dtype="float32", device="device1"):
        super().__init__(array_api_strict, dtype)
        self.device = array_api_strict.Device(device)

    def array(self, values, dtype=None):
        return self.xp.asarray(np.array(values, order="C"), dtype=dtype or self.dtype, device=self.device)

    def zeros(self, shape):
        return self.xp.zeros(shape, dtype=self.dtype, device=self.device)

    def store(self, images):
        return self.xp.asarray(images, device=self.device)

    def to_numpy(self, x):
        return np.asarray(x.to_device(array_api_strict.Device("CPU_DEVICE")))
