"""Layers: one step of a network, forward and backward side by side.

A layer maps a batch x (n, d_in) to y (n, d_out), and the chain rule maps the gradient of the loss with respect to
y back to x:   dx = dy · ∂y/∂x,   and to its parameters, e.g. for y = x·W:   dW = xᵀ·dy.

    y, cache = layer.forward(x, ctx)           cache holds what backward will need
    dx = layer.backward(dy, cache, grads)      grads["W"] += dW; None: dW is not needed

A layer with parameters also takes `want_dx`: where it is False, backward adds dW and returns None.

A layer keeps nothing between calls. D(real), D(fake) and an encoder under two losses may all be in flight at once,
each with a cache of its own. Parameters are views into the network's flat vector, gradients views into a phase's.
"""

import math

import numpy as np

from .errors import expect_columns


class Layer:
    """A layer without parameters; `shapes` names parameters, `buffers` what is kept but not trained."""

    shapes = {}
    buffers = {}

    def bind(self, backend, parameters):
        """Take `xp`, the parameters (name -> array of its shape) and fresh buffers."""
        self.xp = backend.xp
        for name, value in parameters.items():
            setattr(self, name, value)
        for name, value in self.buffers.items():
            setattr(self, name, backend.array(value))

    def initial(self, name, rng):
        """Return the first value of parameter `name` as a host array, drawn with the NumPy generator `rng`."""
        raise NotImplementedError

    def tree(self, make):
        """Return `make(self, name)` for every parameter, in the form that `backward` takes its gradients in."""
        return {name: make(self, name) for name in self.shapes}

    def walk(self):
        """Yield this layer and those inside it, in order."""
        yield self

    def update_running_statistics(self, cache):
        """Let a training pass that is now an update change the buffers (batch norm alone has something to do)."""


class Linear(Layer):
    """y = x·W + b, with W (d_in, d_out) drawn from N(0, std²); std None means 1/√(3·d_in), a gentle start."""

    def __init__(self, d_in, d_out, std=None):
        self.shapes = {"W": (d_in, d_out), "b": (d_out,)}
        self.std = 1 / math.sqrt(3 * d_in) if std is None else std

    def initial(self, name, rng):
        return rng.normal(0, self.std, self.shapes["W"]) if name == "W" else np.zeros(self.shapes["b"])

    def forward(self, x, ctx):
        """x (n, d_in) -> y (n, d_out)."""
        expect_columns("Linear.forward", x, self.shapes["W"][0], "is the image flattened?")
        y = self.xp.matmul(x, self.W)
        y += self.b
        return y, x

    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] += self.xp.matmul(x.T, dy)  # (d_in, n)·(n, d_out)
            grads["b"] += self.xp.sum(dy, axis=0)
        return self.xp.matmul(dy, self.W.T) if want_dx else None


class ClusterHeads(Layer):
    """r = y·W_C + z for x = [y, z]: each class has a head, a row of W_C (k, d), and z is the place around it."""

    def __init__(self, k, d, std=1.0):
        self.k, self.d, self.std = k, d, std
        self.shapes = {"W": (k, d)}

    def initial(self, name, rng):
        return rng.normal(0, self.std, self.shapes["W"])

    def forward(self, x, ctx):
        """x (n, k + d) -> r (n, d)."""
        expect_columns("ClusterHeads.forward", x, self.k + self.d, "x is y and z side by side")
        y = x[:, : self.k]
        return self.xp.matmul(y, self.W) + x[:, self.k :], y

    def backward(self, dr, y, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] += self.xp.matmul(y.T, dr)  # (k, n)·(n, d)
        return self.xp.concat([self.xp.matmul(dr, self.W.T), dr], axis=1) if want_dx else None


class ReLU(Layer):
    """y = max(x, 0)."""

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d)."""
        y = self.xp.maximum(x, 0)
        return y, y

    def backward(self, dy, y, grads=None):
        return dy * self.xp.astype(y > 0, dy.dtype)


class LeakyReLU(Layer):
    """y = x where x > 0, slope·x elsewhere."""

    def __init__(self, slope=0.2):
        self.slope = slope

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d)."""
        slope = self.slope + (1 - self.slope) * self.xp.astype(x > 0, x.dtype)
        return x * slope, slope

    def backward(self, dy, slope, grads=None):
        return dy * slope


class Tanh(Layer):
    """y = tanh x;  dy/dx = 1 − y²."""

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d) in (−1, 1)."""
        y = self.xp.tanh(x)
        return y, y

    def backward(self, dy, y, grads=None):
        return dy * (1 - y * y)


def sigmoid(xp, x):
    """Return 1 / (1 + e⁻ˣ), as ½ (tanh x/2 + 1), which cannot overflow."""
    return (xp.tanh(x / 2) + 1) / 2


class Sigmoid(Layer):
    """y = 1 / (1 + e⁻ˣ);  dy/dx = y·(1 − y)."""

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d) in (0, 1)."""
        y = sigmoid(self.xp, x)
        return y, y

    def backward(self, dy, y, grads=None):
        return dy * y * (1 - y)


class Softmax(Layer):
    """y_k = e^{x_k} / Σ_j e^{x_j};  dx_k = y_k·(dy_k − Σ_j dy_j·y_j)."""

    def forward(self, x, ctx):
        """x (n, k) logits -> y (n, k), rows that sum to 1."""
        e = self.xp.exp(x - self.xp.max(x, axis=1, keepdims=True))  # shifted so that e^x cannot overflow
        y = e / self.xp.sum(e, axis=1, keepdims=True)
        return y, y

    def backward(self, dy, y, grads=None):
        return y * (dy - self.xp.sum(dy * y, axis=1, keepdims=True))


class BatchNorm(Layer):
    """y = γ·(x − μ)/σ + β, with μ and σ² the mean and variance of each column over the batch.

    In evaluation μ and σ² are running averages, which only `update_running_statistics` changes. Both are statistics of
    the batch, so σ² is divided by n; PyTorch divides the running one, and only that, by n − 1. The backward pass must
    follow x into μ and σ too:   dx = γ/σ · (dy − mean(dy) − x̂·mean(dy·x̂)),   x̂ = (x − μ)/σ.   (Ioffe and Szegedy 2015)
    """

    def __init__(self, d, momentum=0.1, epsilon=1e-5):
        self.shapes = {"gamma": (d,), "beta": (d,)}
        self.buffers = {"running_mean": np.zeros(d), "running_var": np.ones(d)}
        self.momentum, self.epsilon = momentum, epsilon

    def initial(self, name, rng):
        return np.ones(self.shapes[name]) if name == "gamma" else np.zeros(self.shapes[name])

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d), each column with mean β and standard deviation γ over the batch."""
        expect_columns("BatchNorm.forward", x, self.shapes["gamma"][0])
        if ctx.training:
            mean, var, centred = ctx.moments(x)
        else:
            mean, var = self.running_mean, self.running_var
            centred = x - mean
        scale = 1 / self.xp.sqrt(var + self.epsilon)
        xhat = centred * scale
        return self.gamma * xhat + self.beta, (xhat, scale, mean, var, ctx)

    def backward(self, dy, cache, grads=None, want_dx=True):
        xhat, scale, _, _, ctx = cache
        if grads is not None:
            grads["gamma"] += self.xp.sum(dy * xhat, axis=0)
            grads["beta"] += self.xp.sum(dy, axis=0)
        if not want_dx:
            return None
        if ctx.training:
            mean_dy, mean_dy_xhat = ctx.means(dy, dy * xhat)
            dy = dy - mean_dy - xhat * mean_dy_xhat
        return self.gamma * scale * dy

    def update_running_statistics(self, cache):
        """Move the running averages by `momentum` towards the batch statistics in `cache`."""
        _, _, mean, var, _ = cache
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_var += self.momentum * (var - self.running_var)


class Dropout(Layer):
    """y = x·mask/(1−p): in training each input is dropped with probability p; the identity in evaluation."""

    def __init__(self, p):
        self.p = p

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d)."""
        if not ctx.training:
            return x, None
        mask = self.xp.astype(ctx.uniform(x.shape) >= self.p, x.dtype) / (1 - self.p)
        return x * mask, mask

    def backward(self, dy, mask, grads=None):
        return dy if mask is None else dy * mask


class GaussianNoise(Layer):
    """y = x + std·ε with ε ~ N(0, 1) in training; the identity in evaluation."""

    def __init__(self, std):
        self.std = std

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d)."""
        if not ctx.training:
            return x, None
        noise = ctx.normal(x.shape)
        noise *= self.std
        noise += x
        return noise, None

    def backward(self, dy, cache, grads=None):
        return dy


class AppendNoise(Layer):
    """y = [x, η] with η ~ N(0, 1): feeds randomness to q(z|x) = f(x, η), the universal approximator (section 2).

    In evaluation η = 0, its mean, so that a trained encoder gives one code for one image.
    """

    def __init__(self, d_in, d_noise):
        self.d_in, self.d_noise = d_in, d_noise

    def forward(self, x, ctx):
        """x (n, d_in) -> y (n, d_in + d_noise)."""
        expect_columns("AppendNoise.forward", x, self.d_in)
        shape = (x.shape[0], self.d_noise)
        noise = ctx.normal(shape) if ctx.training else ctx.backend.zeros(shape)
        return self.xp.concat([x, noise], axis=1), None

    def backward(self, dy, cache, grads=None):
        return dy[:, : self.d_in]


class GaussianSampling(Layer):
    """z = μ + σ·ε, with x = [μ, ln σ²] and ε ~ N(0, 1): the reparametrisation (Kingma and Welling 2014).

    With ε held fixed z is a smooth function of μ and σ, so gradients pass through the sampling:
    dμ = dz,   d ln σ² = dz·½σ·ε.   In evaluation ε = 0 and z = μ.
    """

    def forward(self, x, ctx):
        """x (n, 2d) -> z (n, d)."""
        d = x.shape[1] // 2
        mean, log_var = x[:, :d], x[:, d:]
        if not ctx.training:
            return mean, None
        spread = self.xp.exp(log_var / 2) * ctx.normal(mean.shape)
        return mean + spread, spread

    def backward(self, dz, spread, grads=None):
        dlog_var = self.xp.zeros_like(dz) if spread is None else dz * spread / 2
        return self.xp.concat([dz, dlog_var], axis=1)


class Sequential(Layer):
    """Layers one after another; backward runs through them in reverse, and stops where no gradient is needed."""

    def __init__(self, layers):
        self.layers = list(layers)
        trained = [k for k, layer in enumerate(self.layers) if any(inner.shapes for inner in layer.walk())]
        self._first_trained = trained[0] if trained else len(self.layers)

    def bind(self, backend, parameters):
        self.xp = backend.xp
        for layer, own in zip(self.layers, parameters, strict=True):
            layer.bind(backend, own)

    def tree(self, make):
        return [layer.tree(make) for layer in self.layers]

    def walk(self):
        for layer in self.layers:
            yield from layer.walk()

    def forward(self, x, ctx):
        """x (n, d_in) -> y (n, d_out)."""
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x, ctx)
            caches.append(cache)
        return x, caches

    def backward(self, dy, caches, grads=None, want_dx=True):
        last = 0 if want_dx else self._first_trained
        for k in reversed(range(last, len(self.layers))):
            own = None if grads is None else grads[k]
            if k == last and not want_dx:
                return self.layers[k].backward(dy, caches[k], own, want_dx=False)
            dy = self.layers[k].backward(dy, caches[k], own)
        return dy

    def update_running_statistics(self, caches):
        for layer, cache in zip(self.layers, caches, strict=True):
            layer.update_running_statistics(cache)
