"""Where the arrays live: the one place that knows NumPy from CuPy.

A `Backend` is built once and handed to everything that makes arrays. Layers, losses, priors and phases use its
`xp` (the array library) with functions of the array API standard only, so the same line of mathematics runs on a
CPU and on a GPU. This class is the plain version of everything; `numpy_backend` and `cupy_backend` replace what
they can do faster, and the tests hold every replacement to the plain version.
"""

import numpy as np

from ..errors import UserError
from .distributed.base import SINGLE_PROCESS


class Backend:
    """Arrays of one floating-point type on one device, and the few kernels where speed matters."""

    name = "plain"
    device = None  # its name, where it is not the CPU
    threads = 1  # of the CPU; matrix products on another number of threads differ in their last bits
    communicator = SINGLE_PROCESS  # with whom each batch is shared

    def __init__(self, xp, dtype="float32"):
        self.xp = xp
        self.dtype = getattr(xp, dtype)
        self._constants = {}

    @staticmethod
    def named(name, dtype="float32", notice=print):
        """Return the backend `numpy`, `numpy-fast`, `cupy` or `auto` (cupy if it works, else numpy and a `notice`).

        Raises `UserError` when one is asked for that cannot be used, or for an unknown name.
        """
        if name == "numpy":
            from .numpy import NumpyBackend

            return NumpyBackend(dtype)
        if name == "numpy-fast":
            from .numba import FastBackend

            return FastBackend(dtype)
        if name in ("cupy", "auto"):
            from .cuda.backend import CupyBackend

            try:
                return CupyBackend(dtype)
            except UserError as error:
                if name == "cupy":
                    raise
                notice(f"No GPU, so this runs on NumPy ({error}).")
                return Backend.named("numpy", dtype)
        raise UserError(f"--backend: {name!r} is not a backend; expected numpy, numpy-fast, cupy or auto")

    def join(self, communicator):
        """Share every batch with the ranks of `communicator` from now on; return this backend."""
        self.communicator = communicator
        return self

    # Making arrays and looking at them -------------------------------------------------------------------------

    def array(self, values, dtype=None):
        """Copy host `values` to the device, as floating point unless `dtype` says otherwise."""
        return self.xp.asarray(np.array(values, order="C"), dtype=dtype or self.dtype)

    def zeros(self, shape):
        """Return zeros of `shape` in the backend's floating-point type."""
        return self.xp.zeros(shape, dtype=self.dtype)

    def store(self, images):
        """Put images on the device as they are (uint8 stays uint8: a quarter of the memory)."""
        return self.xp.asarray(images)

    def constant(self, values):
        """Return host `values` as an array to read and never to write, sent to the device once however often asked."""
        host = np.asarray(values, dtype=np.float64)
        key = host.shape, host.tobytes()
        if key not in self._constants:
            self._constants[key] = self.array(host)
        return self._constants[key]

    def to_numpy(self, x):
        """Return a device array as a NumPy array on the host; on a CPU it is the same memory."""
        return np.asarray(x)

    def synchronize(self):
        """Wait until the device has done all it was told to do (a CPU already has)."""

    # What a GPU needs to replay a step without running its Python again (see `cuda/graph.py`) ---------------------

    def captured(self, function):
        """Return a callable like `function(batch) -> {name: value}`, which a GPU records once and then replays.

        `function` must do the same on the device at every call, but for what the next three methods say.
        """
        return function

    def on_replay(self, action):
        """Call `action()`, which changes something on the host; a replay calls it again."""
        action()

    def step_scalars(self, size, numbers):
        """Return the `size` numbers that `numbers()` lists as an array (size,); a replay asks for them again."""
        return self.array(numbers())

    def counter(self, read):
        """Return the whole number `read()` as a step for `normal` and `uniform`; a replay asks for it again."""
        return read()

    # Noise: a function of (seed, stream, step, draw), so that any draw can be repeated --------------------------

    def generator(self, seed, stream, step, draw):
        """Return a NumPy generator at the place `(seed, stream, step, draw)` of Philox's counter space."""
        return np.random.Generator(np.random.Philox(key=[seed, stream], counter=[0, draw, step, 0]))

    def normal(self, place, shape):
        """Return N(0, 1) noise of `shape`, drawn at `place` = (seed, stream, step, draw)."""
        return self.array(self.generator(*place).standard_normal(shape))

    def uniform(self, place, shape):
        """Return uniform noise in [0, 1) of `shape`, drawn at `place` = (seed, stream, step, draw)."""
        return self.array(self.generator(*place).random(shape, dtype=np.float32))

    # Kernels: the plain version of each --------------------------------------------------------------------------

    def rows(self, images, index):
        """Return rows `index` (n,) of stored images as floating point (n, d) in [0, 1]."""
        picked = self.xp.take(images, index, axis=0)
        if picked.dtype == self.xp.uint8:
            return self.xp.astype(picked, self.dtype) / 255
        return self.xp.astype(picked, self.dtype)

    def momentum(self, w, dw, velocity, rate, decay):
        """velocity ← decay·velocity + dw;  w ← w − rate·velocity, in place; `rate` is an array (1,)."""
        velocity *= decay
        velocity += dw
        w -= rate * velocity

    def adam(self, w, dw, mean, square, rate, beta1, beta2):
        """One Adam update in place; `rate` is an array (2,): the step size and epsilon, bias corrections included.

        `mean` and `square` are kept without the factors (1−β) of the paper, which sit in `rate` instead: that
        saves two passes over memory and changes nothing else (see `optimizers.Adam`).
        """
        mean *= beta1
        mean += dw
        square *= beta2
        square += dw * dw
        w -= mean / (self.xp.sqrt(square) + rate[1]) * rate[0]
