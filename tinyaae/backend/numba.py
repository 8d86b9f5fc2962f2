"""NumPy with compiled kernels: `--backend numpy-fast` (the extra `fast`: Numba).

An optimizer's step is one simple formula for each of millions of numbers, and so are a bias and a ReLU. NumPy passes
over memory once for every operation of the formula; a compiled kernel passes once. It does the operations of the plain
backend in the same order, so the bits are the same. Everything else is NumPy's.
"""

import numpy as np

from ..errors import UserError, expect_columns
from .numpy import NumpyBackend


class FastBackend(NumpyBackend):
    """`NumpyBackend` with Numba's kernels; raises `UserError` where Numba is missing."""

    name = "numpy-fast"

    def functions(self, name="numpy"):
        try:
            from numba import njit
        except ImportError as error:
            raise UserError("backend numpy-fast: Numba is not installed; run pip install -e '.[fast]'") from error

        def compiled(kernel):
            try:
                return njit(nogil=True, error_model="numpy", cache=True)(kernel)
            except RuntimeError:  # Numba finds no folder for its cache, and compiles in each process
                return njit(nogil=True, error_model="numpy")(kernel)

        self._momentum, self._adam = compiled(momentum), compiled(adam)
        self._bias_relu, self._relu_backward = compiled(bias_relu), compiled(relu_backward)
        return super().functions(name)

    def fused(self):
        return super().fused() | {
            "Sequential.forward": sequential_forward(self.linear_relu),
            "ReLU.backward": self.relu_backward,
        }

    def linear_relu(self, layer, x):
        y = np.matmul(x, layer.W)
        self._bias_relu(y, layer.b)
        return y

    def relu_backward(self, layer, dy, y, grads=None):
        dx = np.empty_like(dy)
        self._relu_backward(dy, y, dx)
        return dx

    def momentum(self, w, dw, velocity, rate, decay):
        decay, rate = self.dtype(decay), rate[0]
        self._in_blocks(lambda *blocks: self._momentum(*blocks[:-1], rate, decay), w, dw, velocity)

    def adam(self, w, dw, mean, square, rate, beta1, beta2):
        numbers = rate[0], rate[1], self.dtype(beta1), self.dtype(beta2)
        self._in_blocks(lambda *blocks: self._adam(*blocks[:-1], *numbers), w, dw, mean, square)


def sequential_forward(linear_relu):
    """Return a `Sequential.forward` that calls `linear_relu(linear, x)` -> y for each Linear followed by a ReLU."""

    def forward(stack, x, ctx):
        caches, left = [], list(stack.layers)
        while left:
            layer = left.pop(0)
            pair = [layer, *left[:1]]
            watched = any("forward" in vars(found) for found in pair)  # `divergence` checks what each layer returns
            if [type(found).__qualname__ for found in pair] == ["Linear", "ReLU"] and not watched:
                left.pop(0)
                expect_columns("Linear.forward", x, layer.shapes["W"][0], "is the image flattened?")
                y = linear_relu(layer, x)
                caches += [x, y]  # the caches of the two layers
                x = y
            else:
                x, cache = layer.forward(x, ctx)
                caches.append(cache)
        return x, caches

    return forward


def bias_relu(y, b):
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = np.maximum(y[i, j] + b[j], y.dtype.type(0))


def relu_backward(dy, y, dx):
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            dx[i, j] = dy[i, j] * (y[i, j] > 0)


def momentum(w, dw, velocity, rate, decay):
    for k in range(w.size):
        velocity[k] = decay * velocity[k] + dw[k]
        w[k] -= rate * velocity[k]


def adam(w, dw, mean, square, rate, epsilon, beta1, beta2):
    for k in range(w.size):
        mean[k] = beta1 * mean[k] + dw[k]
        square[k] = beta2 * square[k] + dw[k] * dw[k]
        w[k] -= mean[k] / (np.sqrt(square[k]) + epsilon) * rate
