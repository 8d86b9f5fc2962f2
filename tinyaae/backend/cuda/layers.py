"""Layers and losses in one kernel each, where their formula takes CuPy three to fourteen.

On a fast GPU all small kernels cost about the same, so the number of kernels determines a step's time. Each function
replaces the formula of the same name in `layers` or `losses` (see `fused.py`), with the same arguments and results. The
tests compare it with the formula. `Sequential` passes a Linear, its batch norm and its ReLU as one layer: a product and
one kernel each way, which also sums dy for the bias. A gradient that counts as zero is written and not added to.
"""

import numpy as np

from ...errors import expect_columns
from ...layers import BatchNorm, Linear, ReLU
from .. import lazy
from . import kernels

NOBODY = np.uint64(0)  # a null pointer: this is not needed, or not there
SMALL = 16  # elements a thread, up to which one block computes a loss alone
TOGETHER = [(Linear, BatchNorm, ReLU), (Linear, BatchNorm), (Linear, ReLU)]  # what one kernel computes


def neighbours(layers, method):
    """Return (index, layers) of those neighbours among `layers` that one kernel computes, and of each other layer.

    A layer whose `method` is watched stays alone: `divergence` checks what each layer returns.
    """
    found, left = [], [*layers]
    while left:
        for kinds in TOGETHER:
            group = left[: len(kinds)]
            if tuple(map(type, group)) == kinds and not any(method in vars(layer) for layer in group):
                break
        else:
            group = left[:1]
        found.append((len(layers) - len(left), group))
        left = left[len(group) :]
    return found


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

    def pointer(x):
        return NOBODY if x is None else x

    # Sequential: neighbours in one kernel ----------------------------------------------------------------------

    def sequential_forward(stack, x, ctx):
        caches = []
        for _, group in neighbours(stack.layers, "forward"):
            linear, *others = group
            kinds = tuple(map(type, others))
            if kinds == (ReLU,):
                expect_width(linear, x)
                caches += [x, linear_relu(linear, x)]
                x = caches[-1]
            elif kinds and fits(ctx):
                expect_width(linear, x)
                y, cache = batch_norm(others[0], backend.matmul(x, linear.W), ctx, linear.b, relu=ReLU in kinds)
                caches += [x, cache, *[y] * (ReLU in kinds)]
                x = y
            else:
                for layer in group:
                    x, cache = layer.forward(x, ctx)
                    caches.append(cache)
        return x, caches

    def expect_width(linear, x):
        expect_columns("Linear.forward", x, linear.shapes["W"][0], "is the image flattened?")

    def linear_relu(layer, x):
        y = backend.matmul(x, layer.W)
        backend.launch("bias_relu", y.size, y, layer.b, np.int64(y.shape[0]), np.int32(y.shape[1]))
        return y

    def sequential_backward(stack, dy, caches, grads=None, want_dx=True):
        last = 0 if want_dx else stack._first_trained
        for start, group in reversed(neighbours(stack.layers, "backward")):
            if start < last:
                break
            linear, *others = group
            kinds, inner = tuple(map(type, others)), caches[start : start + len(group)]
            own = [None] * len(group) if grads is None else grads[start : start + len(group)]
            needed = {} if want_dx or start > last else {"want_dx": False}
            if own[0] is not None and kinds == (ReLU,):
                dy = linear_backward(linear, dy, inner[0], own[0], **needed, y=inner[1])
            elif kinds and kinds != (ReLU,) and fits(inner[1][-1]):
                y = inner[2] if ReLU in kinds else None
                dy = batch_norm_backward(others[0], dy, inner[1], own[1], y=y, linear_grads=own[0])
                if own[0] is not None:
                    write_or_add_product(own[0], inner[0], dy)
                dy = backend.matmul(dy, linear.W.T) if not needed else None
            else:
                for layer, cache, mine in reversed([*zip(others, inner[1:], own[1:], strict=True)]):
                    dy = layer.backward(dy, cache, mine)
                dy = linear.backward(dy, inner[0], own[0], **needed)
        return dy

    # Linear ------------------------------------------------------------------------------------------------------

    def linear_backward(layer, dy, x, grads=None, want_dx=True, y=None):
        """Do `Linear.backward`; y is the output of a ReLU behind the layer, if it is done together with that."""
        if grads is not None:
            dy, (n, d) = dense(dy), dy.shape
            dx = None if y is None else like(dy)
            (db,), add = targets(grads, "b")
            sizes = np.int64(n), np.int32(d), add
            backend.launch_columns("bias_backward", d, pointer(dx), db, dy, pointer(y), *sizes)
            dy = dy if dx is None else dx
            write_or_add_product(grads, x, dy)
        return backend.matmul(dy, layer.W.T) if want_dx else None

    def write_or_add_product(grads, x, dy):
        """Add xᵀ·dy to dW, or write it where dW counts as zero."""
        (dW,), add = targets(grads, "W")
        backend.add_product(dW, x.T, dy, add)

    def targets(grads, *names):
        """Return the arrays of gradients, and whether a kernel must add to them: not where all count as zero."""
        first = isinstance(grads, lazy.Unwritten) and grads.unwritten.issuperset(names)
        return [grads.place(name) if first else grads[name] for name in names], np.int32(not first)

    # Layers in one kernel each -----------------------------------------------------------------------------------

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

    # Losses ------------------------------------------------------------------------------------------------------

    def value_of(kernel, elements, n, *arguments):
        """Return the value of a loss of n rows: one block writes it, several write parts of it."""
        few = elements <= SMALL * kernels.THREADS
        blocks = 1 if few else min(-(-elements // (4 * kernels.THREADS)), kernels.BLOCKS)
        values = backend.xp.empty((blocks,), dtype=backend.dtype)
        backend.launch_blocks(kernel, blocks, values, *arguments)
        if few:
            return values[0, ...]
        value = backend.xp.empty((), dtype=backend.dtype)
        backend.launch_blocks("mean_of", 1, value, values, np.int32(blocks), np.int64(n))
        return value

    def by_elements(kernel):
        def loss(xp, output, target):
            if getattr(target, "shape", ()) != output.shape:
                return NotImplemented  # the target is one number
            output, target = dense(output), dense(target)
            (n, d), doutput = output.shape, like(output)
            sizes = np.int64(n), np.int32(d)
            return value_of(kernel, n * d, n, doutput, output, target, *sizes), doutput

        return loss

    def softmax_cross_entropy(xp, logits, target):
        (n, k), dlogits = logits.shape, like(logits)
        logits, stride = rows_of(logits)
        sizes = np.int64(n), np.int32(k), stride
        return value_of("softmax_cross_entropy", n, n, dlogits, logits, dense(target), *sizes), dlogits

    def accuracy(xp, logits, target):
        out = xp.empty((), dtype=logits.dtype)
        backend.launch_blocks("accuracy", 1, out, dense(logits), dense(target), np.int64(logits.size))
        return out

    # Batch norm --------------------------------------------------------------------------------------------------

    def fits(ctx):
        return ctx.training and ctx.communicator.size == 1  # the kernel has the rows of one GPU only

    def batch_norm(layer, x, ctx, bias=None, relu=False):
        """Do `BatchNorm.forward` of x + bias, with a ReLU behind it if `relu`."""
        if not fits(ctx):
            return NotImplemented
        expect_columns("BatchNorm.forward", x, layer.shapes["gamma"][0])
        x = dense(x)
        (n, d), y, xhat = x.shape, like(x), like(x)
        scale, average, var = [like(layer.gamma) for _ in range(3)]
        numbers = np.int64(n), np.int32(d), backend.real(layer.epsilon), np.int32(relu)
        results = y, xhat, scale, average, var
        backend.launch_columns("batch_norm", d, *results, x, pointer(bias), layer.gamma, layer.beta, *numbers)
        return y, (xhat, scale, average, var, ctx)

    def batch_norm_backward(layer, dy, cache, grads=None, want_dx=True, y=None, linear_grads=None):
        """Do `BatchNorm.backward`; y is the output of a ReLU behind it, and `linear_grads` those of a Linear before."""
        xhat, scale, _, _, ctx = cache
        if not fits(ctx):
            return NotImplemented
        (n, d), dx = dy.shape, like(dy) if want_dx else None
        wanted, add = ([None, None], np.int32(0)) if grads is None else targets(grads, "gamma", "beta")
        (db,), add_db = ([None], np.int32(0)) if linear_grads is None else targets(linear_grads, "b")
        results, given = map(pointer, (dx, *wanted, db)), (dense(dy), pointer(y), xhat, scale, layer.gamma)
        backend.launch_columns("batch_norm_backward", d, *results, *given, np.int64(n), np.int32(d), add, add_db)
        return dx

    def batch_norm_commit(layer, cache):
        _, _, average, var, _ = cache
        d, rate = layer.running_mean.size, backend.real(layer.momentum)
        running = layer.running_mean, layer.running_var
        backend.launch("running_averages", d, *running, average, var, rate, np.int64(d))

    return {
        "Gradients.zero": lazy.zero,
        "Linear.backward": linear_backward,
        "Sequential.forward": sequential_forward,
        "Sequential.backward": sequential_backward,
        "ReLU.backward": lambda layer, dy, y, grads=None: relu_backward(dy, y),
        "Sigmoid.forward": sigmoid_forward,
        "Sigmoid.backward": lambda layer, dy, y, grads=None: sigmoid_backward(dy, y),
        "Softmax.forward": softmax_forward,
        "Softmax.backward": softmax_backward,
        "BatchNorm.forward": batch_norm,
        "BatchNorm.backward": batch_norm_backward,
        "BatchNorm.update_running_statistics": batch_norm_commit,
        "half_squared_error": by_elements("half_squared_error"),
        "binary_cross_entropy": by_elements("binary_cross_entropy"),
        "softmax_cross_entropy": softmax_cross_entropy,
        "accuracy": accuracy,
    }
