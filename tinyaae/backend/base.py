"""Backend: the interface to the array library, and the plain version of every kernel.

A `Backend` is built once and passed to everything that makes arrays. Layers, losses, priors and phases use its `xp`,
the array library, with functions of the array API standard only. So the same line of mathematics runs on a CPU and on a
GPU. `numpy.py`, `numba.py` and `cuda/backend.py` replace the kernels that they compute faster. The tests compare every
replacement with the plain version.
"""

from importlib import import_module
from types import SimpleNamespace

import numpy as np

from ..errors import UserError
from .distributed.base import SINGLE_PROCESS


class Functions(SimpleNamespace):
    """The `xp` of a backend that changes some functions of its library; it is pickled as a part of that backend."""

    def __init__(self, backend, **functions):
        super().__init__(**functions, backend=backend)

    def __reduce__(self):
        return getattr, (self.backend, "xp")

    def __deepcopy__(self, memo):
        return self


class Backend:
    """Make arrays of one floating-point type on one device, and run the few kernels where speed matters."""

    name = "plain"
    device = None  # the device's name; None for the CPU
    threads = 1  # CPU threads; with another number matrix products differ in their last bits
    communicator = SINGLE_PROCESS  # the ranks that share each batch

    def __init__(self, xp, dtype="float32"):
        self.xp = xp
        self.dtype = getattr(xp, dtype)
        self._constants = {}

    @staticmethod
    def named(name, dtype="float32", notice=print):
        """Return the backend `numpy`, `numpy-fast`, `cupy` or `auto` (cupy if it works, else numpy and a `notice`).

        `strict` has slow arrays that refuse what a GPU may refuse; it is for tests.
        Raises `UserError` for a backend that cannot be used, and for an unknown name.
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
        if name == "strict":
            try:
                from .strict import StrictBackend
            except ImportError as error:
                raise UserError(
                    "backend strict: array-api-strict is not installed; pip install array-api-strict"
                ) from error
            return StrictBackend(dtype)
        raise UserError(f"--backend: {name!r} is not a backend; expected numpy, numpy-fast, cupy or auto")

    # A copy of a model computes with the same backend; a pickled backend starts anew where it is loaded, and alone.

    def functions(self, name):
        """Return `xp`, the array library called `name`."""
        return import_module(name)

    def __deepcopy__(self, memo):
        return self

    def __getstate__(self):
        made_anew = ("xp", "dtype", "communicator")
        kept = {name: value for name, value in vars(self).items() if name[0] != "_" and name not in made_anew}
        return kept, self.xp.__name__, np.dtype(self.dtype).name

    def __setstate__(self, state):
        kept, library, dtype = state
        vars(self).update(kept)
        Backend.__init__(self, self.functions(library), dtype)

    def join(self, communicator):
        """Share every batch with the ranks of `communicator` from now on; return this backend."""
        self.communicator = communicator
        return self

    # Making arrays and looking at them -------------------------------------------------------------------------

    def array(self, values, dtype=None):
        """Copy host `values` to the device, as floating point unless `dtype` is given."""
        return self.xp.asarray(np.array(values, order="C"), dtype=dtype or self.dtype)

    def zeros(self, shape):
        """Return zeros of `shape` in the backend's floating-point type."""
        return self.xp.zeros(shape, dtype=self.dtype)

    def store(self, images):
        """Copy images to the device in their own type: uint8 takes a quarter of the memory of float32."""
        return self.xp.asarray(images)

    def constant(self, values):
        """Return host `values` as a read-only device array; equal values are copied to the device once."""
        host = np.asarray(values, dtype=np.float64)
        key = host.shape, host.tobytes()
        if key not in self._constants:
            self._constants[key] = self.array(host)
        return self._constants[key]

    def to_numpy(self, x):
        """Return a device array as a NumPy array on the host; on a CPU it is the same memory."""
        return np.asarray(x)

    def synchronize(self):
        """Wait until the device has finished all its work; a CPU has nothing to wait for."""

    # What a GPU needs to replay a step without running its Python again (see `cuda/graph.py`) ---------------------

    def captured(self, function):
        """Return a callable like `function(batch) -> {name: value}`, which a GPU records once and then replays.

        `function` must do the same on the device at every call. What changes passes through the next three methods.
        """
        return function

    def on_replay(self, action):
        """Call `action()`, which changes the host's state; every replay calls `action` again."""
        action()

    def step_scalars(self, size, numbers):
        """Return the list `numbers()` of `size` numbers as an array (size,); every replay calls `numbers` again."""
        return self.array(numbers())

    def counter(self, read):
        """Return the whole number `read()` as a step for `normal` and `uniform`; every replay calls `read` again."""
        return read()

    def accumulate(self, totals, values):
        """Return name -> total + value, for arrays (); a name that `totals` does not have starts from zero."""
        return {**totals, **{name: totals.get(name, 0.0) + value for name, value in values.items()}}

    # Noise: a function of (seed, stream, step, draw), so that any draw can be repeated --------------------------

    def generator(self, seed, stream, step, draw):
        """Return a NumPy generator at the position (seed, stream, step, draw) of Philox's counter space."""
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
        """Update in place: velocity ← decay·velocity + dw;  w ← w − rate·velocity; `rate` is an array (1,)."""
        velocity *= decay
        velocity += dw
        w -= rate * velocity

    def adam(self, w, dw, mean, square, rate, beta1, beta2):
        """Do one Adam update in place; `rate` is an array (2,): the step size and epsilon, bias corrections included.

        `mean` and `square` do not have the factors (1−β) of Adam's paper; `rate` has them instead. This saves two
        passes over memory and changes nothing else (see `optimizers.Adam`).
        """
        mean *= beta1
        mean += dw
        square *= beta2
        square += dw * dw
        w -= mean / (self.xp.sqrt(square) + rate[1]) * rate[0]
