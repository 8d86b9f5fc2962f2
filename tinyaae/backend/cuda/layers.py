"""Layers and losses in one kernel each, where their formula takes CuPy three to fourteen.

On a fast GPU all small kernels cost about the same, so the number of kernels determines a step's time. Each function
replaces the formula of the same name in `layers` or `losses` (see `fused.py`), with the same arguments and results. The
tests compare it with the formula.
"""

import numpy as np

from ...errors import expect_columns
from ..pairs import sequential_forward

NOBODY = np.uint64(0)  # a null pointer: this result is not needed


def fused(backend):
    """Return name of a formula -> its replacement on the CuPy `backend`."""

    def like(x):
        return backend.xp.empty(x.shape, dtype=x.dtype)

    def dense(x):
        """Return x with its rows one after another; most arrays are stored so."""
        return backend.xp.ascontiguousarray(x)

    def elementwise(kernel):
        def compute(*arrays):
            arrays = [dense(x) for x in arrays]
            out = like(arrays[0])
            backend.launch(kernel, out.size, out, *arrays, np.int64(out.size))
            return out

        return compute

    def linear_backward(layer, dy, x, grads=None, want_dx=True):
        if grads is not None:
            ones = backend.constant(np.ones((dy.shape[0], 1)))
            backend.add_product(grads["W"], x.T, dy)
            backend.add_product(grads["b"][:, None], dy.T, ones)  # the sum over rows
        return backend.matmul(dy, layer.W.T) if want_dx else None

    def linear_relu(layer, x):
        y = backend.matmul(x, layer.W)
        backend.launch("bias_relu", y.size, y, layer.b, np.int64(y.shape[0]), np.int32(y.shape[1]))
        return y

    relu_backward, sigmoid = elementwise("relu_backward"), elementwise("sigmoid")
    sigmoid_backward = elementwise("sigmoid_backward")

    def sigmoid_forward(layer, x, ctx):
        y = sigmoid(x)
        return y, y

    def softmax_forward(layer, x, ctx):
        (n, k), y = x.shape, like(x)
        x, stride = rows_of(x)
        backend.launch("softmax", n, y, x, np.int64(n), np.int32(k), stride)
        return y, y

    def softmax_backward(layer, dy, y, grads=None):
        (n, k), dx = y.shape, like(y)
        backend.launch("softmax_backward", n, dx, dense(dy), y, np.int64(n), np.int32(k))
        return dx

    def rows_of(x):
        """Return x (n, k) and its row stride in elements: x may be columns of a wider array."""
        if x.strides[1] != x.itemsize:
            x = dense(x)
        return x, np.int64(x.strides[0] // x.itemsize)

    def mean(values):
        value = backend.xp.empty((), dtype=values.dtype)
        backend.launch_blocks("mean_of", 1, value, values, np.int64(values.size))
        return value

    def by_rows(kernel):
        def loss(xp, output, target):
            if getattr(target, "shape", ()) != output.shape:
                return NotImplemented  # the target is one number
            output, target = dense(output), dense(target)
            (n, d), doutput = output.shape, like(output)
            values = xp.empty((n,), dtype=output.dtype)
            backend.launch_blocks(kernel, n, values, doutput, output, target, np.int64(n), np.int32(d))
            return mean(values), doutput

        return loss

    def softmax_cross_entropy(xp, logits, target):
        (n, k), dlogits, values = logits.shape, like(logits), xp.empty((logits.shape[0],), dtype=logits.dtype)
        logits, stride = rows_of(logits)
        sizes = np.int64(n), np.int32(k), stride
        backend.launch("softmax_cross_entropy", n, values, dlogits, logits, dense(target), *sizes)
        return mean(values), dlogits

    def batch_norm(layer, x, ctx):
        if not ctx.training or ctx.communicator.size > 1:  # the kernel has the rows of one GPU only
            return NotImplemented
        expect_columns("BatchNorm.forward", x, layer.shapes["gamma"][0])
        x = dense(x)
        (n, d), y, xhat = x.shape, like(x), like(x)
        scale, average, var = [like(layer.gamma) for _ in range(3)]
        sizes = np.int64(n), np.int32(d), backend.real(layer.epsilon)
        results = y, xhat, scale, average, var
        backend.launch_blocks("batch_norm", -(-d // 32), *results, x, layer.gamma, layer.beta, *sizes)
        return y, (xhat, scale, average, var, ctx)

    def batch_norm_backward(layer, dy, cache, grads=None, want_dx=True):
        xhat, scale, _, _, ctx = cache
        if not ctx.training or ctx.communicator.size > 1:
            return NotImplemented
        (n, d), dx = dy.shape, like(dy) if want_dx else None
        wanted = (NOBODY, NOBODY) if grads is None else (grads["gamma"], grads["beta"])
        given = dense(dy), xhat, scale, layer.gamma, np.int64(n), np.int32(d)
        backend.launch_blocks("batch_norm_backward", -(-d // 32), NOBODY if dx is None else dx, *wanted, *given)
        return dx

    def batch_norm_commit(layer, cache):
        _, _, average, var, _ = cache
        d, rate = layer.running_mean.size, backend.real(layer.momentum)
        running = layer.running_mean, layer.running_var
        backend.launch("running_averages", d, *running, average, var, rate, np.int64(d))

    return {
        "Linear.backward": linear_backward,
        "Sequential.forward": sequential_forward(linear_relu),
        "ReLU.backward": lambda layer, dy, y, grads=None: relu_backward(dy, y),
        "Sigmoid.forward": sigmoid_forward,
        "Sigmoid.backward": lambda layer, dy, y, grads=None: sigmoid_backward(dy, y),
        "Softmax.forward": softmax_forward,
        "Softmax.backward": softmax_backward,
        "BatchNorm.forward": batch_norm,
        "BatchNorm.backward": batch_norm_backward,
        "BatchNorm.update_running_statistics": batch_norm_commit,
        "half_squared_error": by_rows("half_squared_error"),
        "binary_cross_entropy": by_rows("binary_cross_entropy"),
        "softmax_cross_entropy": softmax_cross_entropy,
    }
