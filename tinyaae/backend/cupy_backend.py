"""CuPy on an NVIDIA GPU: the same interface, every array on the device.

This is the plain form: CuPy runs the portable code as it stands, and only what must differ is here. Noise is
drawn on the device by CuPy's own counter-based Philox generator, placed like NumPy's by (seed, stream, step, draw).
"""

import numpy as np

from ..errors import UserError
from . import Backend


class CupyBackend(Backend):
    """Arrays are `cupy.ndarray`; raises `UserError` where CuPy or a GPU is missing."""

    name = "cupy"

    def __init__(self, dtype="float32"):
        try:
            import cupy
        except ImportError as error:
            raise UserError(
                "backend cupy: CuPy is not installed; for CUDA 12 run pip install -e '.[cuda12]', for CUDA 13 .[cuda13]"
            ) from error
        try:
            devices = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"backend cupy: CuPy finds no usable GPU ({reason}); is the driver installed?") from error
        if devices == 0:
            raise UserError("backend cupy: this machine has no NVIDIA GPU; use --backend numpy")
        super().__init__(cupy, dtype)

    def to_numpy(self, x):
        return self.xp.asnumpy(x)

    def synchronize(self):
        self.xp.cuda.get_current_stream().synchronize()

    def device_generator(self, seed, stream, step, draw):
        """Return CuPy's Philox generator, seeded by the whole place through NumPy's seed sequence."""
        words = np.random.SeedSequence([seed, stream, step, draw]).generate_state(1, np.uint64)
        return self.xp.random.Generator(self.xp.random.Philox4x3210(int(words[0])))

    def normal(self, place, shape):
        return self.device_generator(*place).standard_normal(shape, dtype=self.dtype)

    def uniform(self, place, shape):
        return self.device_generator(*place).random(shape, dtype=self.dtype)
