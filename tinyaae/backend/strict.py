"""The backend `strict`: arrays of `array-api-strict`, which have the array API standard and nothing else. For tests.

It refuses what NumPy lets pass and a GPU library may not: unknown functions and silent changes of type. Its arrays live
on a second device, where any mixing of host and device arrays raises. So it finds without a GPU most of what would go
wrong on one.
"""

import array_api_strict
import numpy as np

from .base import Backend


class StrictBackend(Backend):
    """The plain kernels of `Backend` on `array_api_strict` arrays that live on its second device."""

    name = "array-api-strict"

    def __init__(self, dtype="float32"):
        super().__init__(array_api_strict, dtype)
        self.device = array_api_strict.Device("device1")

    def array(self, values, dtype=None):
        return self.xp.asarray(np.array(values, order="C"), dtype=dtype or self.dtype, device=self.device)

    def zeros(self, shape):
        return self.xp.zeros(shape, dtype=self.dtype, device=self.device)

    def store(self, images):
        return self.xp.asarray(images, device=self.device)

    def to_numpy(self, x):
        return np.asarray(x.to_device(array_api_strict.Device("CPU_DEVICE")))
