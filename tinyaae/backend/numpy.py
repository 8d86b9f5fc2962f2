"""NumPy on a CPU.

NumPy's matrix products are fast. Arithmetic on long vectors is slow: each operation makes another temporary array. The
optimizers therefore work on the flat vectors in blocks that stay in the cache. They write into existing scratch memory.
Threads share the blocks, because NumPy releases Python's lock inside its loops. Each number is computed exactly as in
the plain version, for any number of threads.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..surroundings import THREADS, usable_cpus
from . import lazy
from .base import Backend, Functions

BLOCK = 1 << 17  # elements; five float32 vectors fit in a cache of 3 MB, and threads rarely wait for Python's lock


class NumpyBackend(Backend):
    """Arrays are `numpy.ndarray`; `threads` work on the optimizers' vectors."""

    name = "numpy"
    _pool = _process = None

    def __init__(self, dtype="float32", threads=None):
        super().__init__(self.functions(), dtype)
        self.threads = threads or cores()

    def functions(self, name="numpy"):
        return Functions(self, **vars(np), fused=self.fused())

    @property
    def pool(self):
        """Return the pool of threads, started on first use, and again in a forked process, which has no threads."""
        if self._process != os.getpid():
            self._pool, self._process = ThreadPoolExecutor(self.threads - 1), os.getpid()
        return self._pool

    def fused(self):
        """Return name of a formula (see `fused.py`) -> its faster replacement."""
        return {"Linear.backward": linear_backward, "ReLU.forward": self.relu, "Gradients.zero": lazy.zero}

    def relu(self, layer, x, ctx):
        y = np.maximum(x, self.constant(np.zeros(x.shape[-1])))  # a row of zeros is faster than one 0
        return y, y

    def normal(self, place, shape):
        return self.generator(*place).standard_normal(shape, dtype=self.dtype)

    def rows(self, images, index):
        picked = np.take(images, index, axis=0).astype(self.dtype)
        if images.dtype == np.uint8:
            picked /= 255
        return picked

    def momentum(self, w, dw, velocity, rate, decay):
        def update(w, dw, velocity, scratch):
            np.multiply(velocity, decay, out=velocity)
            np.add(velocity, dw, out=velocity)
            np.multiply(velocity, rate, out=scratch)
            np.subtract(w, scratch, out=w)

        self._in_blocks(update, w, dw, velocity)

    def adam(self, w, dw, mean, square, rate, beta1, beta2):
        step, epsilon = rate[:1], rate[1:]

        def update(w, dw, mean, square, scratch):
            np.multiply(mean, beta1, out=mean)
            np.add(mean, dw, out=mean)
            np.multiply(dw, dw, out=scratch)
            np.multiply(square, beta2, out=square)
            np.add(square, scratch, out=square)
            np.sqrt(square, out=scratch)
            np.add(scratch, epsilon, out=scratch)
            np.divide(mean, scratch, out=scratch)
            np.multiply(scratch, step, out=scratch)
            np.subtract(w, scratch, out=w)

        self._in_blocks(update, w, dw, mean, square)

    def _in_blocks(self, update, *vectors):
        """Call `update(*blocks, scratch)` for every block of the vectors, shared among the threads."""
        starts = range(0, vectors[0].size, BLOCK)

        def work(share):
            scratch = np.empty(BLOCK, self.dtype)
            for start in share:
                blocks = [vector[start : start + BLOCK] for vector in vectors]
                update(*blocks, scratch[: blocks[0].size])

        if self.threads == 1 or len(starts) < 2 * self.threads:
            work(starts)
            return
        pool = self.pool
        helpers = [pool.submit(work, starts[k :: self.threads]) for k in range(1, self.threads)]
        work(starts[:: self.threads])
        for helper in helpers:
            helper.result()


def linear_backward(layer, dy, x, grads=None, want_dx=True):
    """Do `Linear.backward`; the first gradient is written into place, and one output takes no matrix product for dx."""
    if grads is not None:
        for name, of, arguments in ("W", np.matmul, (x.T, dy)), ("b", np.sum, (dy, 0)):
            place = grads.place(name) if isinstance(grads, lazy.Unwritten) else None
            if place is None:
                grads[name] += of(*arguments)
            else:
                of(*arguments, out=place)
    if not want_dx:
        return None
    # for one column the product is an outer product, at which BLAS is slow
    return dy * layer.W.T if dy.shape[1] == 1 else np.matmul(dy, layer.W.T)


def cores():
    """Return the number of CPU cores that this process may use; OPENBLAS_NUM_THREADS and OMP_NUM_THREADS limit it."""
    available = usable_cpus()
    for variable in THREADS:
        if os.environ.get(variable, "").isdigit():
            return max(1, min(available, int(os.environ[variable])))
    return available
