"""Layers: one step of a network, forward and backward side by side.

A layer maps a batch x (n, d_in) to y (n, d_out), one row for each example. L is the loss, a single number. The
name dy stands for the array ∂L/∂y, of the shape of y; dx and dW are named in the same way. The chain rule maps dy
to the gradient of the input and to the gradients of the parameters:

    dx = dy · ∂y/∂x            e.g. for y = x·W:   dx = dy·Wᵀ,   dW = xᵀ·dy

    y, cache = layer.forward(x, ctx)           cache holds what backward will need
    dx = layer.backward(dy, cache, grads)      grads["W"] += dW; None: dW is not needed

No backward forms the Jacobian ∂y/∂x, which has n²·d_in·d_out entries. It only multiplies dy by it. A backward adds
to the arrays in `grads`: gradients of two passes through one network add up. It edits neither dy nor the cache. A
layer with parameters also takes `want_dx`: where it is False, backward adds dW and returns None.

A layer keeps nothing between calls; what backward needs is handed through as the cache. The reason is that two
passes through one network may be open at once. `extras.VirtualAdversarial` passes twice through Q before its first
backward. A layer that stored its input in an attribute would use the second input both times. This mistake raises
no exception, and a check of one pass does not find it.

`ctx` is the `Context` of a pass: whether it is training, and its noise. Parameters are views into the network's
flat vector, gradients are views into a phase's.
"""

import math

import numpy as np

from .errors import expect_columns


class Layer:
    """A layer without parameters.

    `shapes` maps the name of each parameter to its shape. `buffers` maps the name of each array that is kept, but
    not trained by gradients, to its first value.
    """

    shapes = {}
    buffers = {}

    def bind(self, backend, parameters):
        """Take `xp`, the parameters (name -> array of its shape) and fresh buffers.

        The layer does not copy the parameters. An update of the flat vector therefore changes the layer.
        """
        self.xp = backend.xp
        for name, value in parameters.items():
            setattr(self, name, value)
        for name, value in self.buffers.items():
            setattr(self, name, backend.array(value))

    def initial(self, name, rng):
        """Return the first value of parameter `name` as a host array, drawn with the NumPy generator `rng`."""
        raise NotImplementedError

    def tree(self, make):
        """Return `make(self, name)` for every parameter, in the form that `backward` takes its gradients in.

        For one layer the form is a dict by name; for `Sequential` it is a list of such dicts, nested where it is.
        """
        return {name: make(self, name) for name in self.shapes}

    def walk(self):
        """Yield this layer and those inside it, in order."""
        yield self

    def update_running_statistics(self, cache):
        """Let a training pass that is now an update change the buffers; only batch norm has any.

        Forward does not do it, because several phases pass through one network and only one of them shall count.
        """


class Linear(Layer):
    """y = x·W + b, with W (d_in, d_out) drawn from N(0, std²), and b (d_out,) zero at first.

    In single entries y_ij = Σ_k x_ik·W_kj + b_j. L depends on W_kj through column j of y, in every row i. Hence
    dW_kj = Σ_i x_ik·dy_ij. L depends on b_j through the same column with factor 1, and on x_ik through row i of y:

        dW = xᵀ·dy  (d_in, d_out)        db = Σ_i dy_i  (d_out,)        dx = dy·Wᵀ  (n, d_in)

    Where d_in ≠ d_out, the shapes admit no other product. Where they are equal, a missing transpose raises
    nothing: test with two different widths. dW is a sum over rows; the 1/n of the mean is already in dy.

    With `std` None the standard deviation is 1/√(3·d_in). A uniform draw within ±1/√d_in has the same.
    """

    def __init__(self, d_in, d_out, std=None):
        self.shapes = {"W": (d_in, d_out), "b": (d_out,)}
        self.std = 1 / math.sqrt(3 * d_in) if std is None else std

    def initial(self, name, rng):
        """Return W (d_in, d_out), random so that no two columns learn the same, or b (d_out,), zero."""
        return rng.normal(0, self.std, self.shapes["W"]) if name == "W" else np.zeros(self.shapes["b"])

    def forward(self, x, ctx):
        """x (n, d_in) -> y (n, d_out); the cache is x, the factor in dW. Raises `UserError` for another width."""
        expect_columns("Linear.forward", x, self.shapes["W"][0], "is the image flattened?")
        y = self.xp.matmul(x, self.W)
        y += self.b
        return y, x

    def backward(self, dy, x, grads=None, want_dx=True):
        """dy (n, d_out) -> dx (n, d_in), or None without `want_dx`, which spares a product; adds dW and db."""
        if grads is not None:
            grads["W"] += self.xp.matmul(x.T, dy)  # (d_in, n)·(n, d_out)
            grads["b"] += self.xp.sum(dy, axis=0)
        return self.xp.matmul(dy, self.W.T) if want_dx else None


class ClusterHeads(Layer):
    """r = y·W_C + z for x = [y, z]; row k of W_C (k, d) is the head of class k, and z the offset from it.

    Mode reduction (section 7, figure 10). For a one-hot y the product y·W_C selects one row, the cluster head. A
    soft y gives a weighted mean of the heads. As in `Linear`, and with r depending on z through the identity:

        dW_C = yᵀ·dr  (k, d)        dy = dr·W_Cᵀ  (n, k)        dz = dr  (n, d)

    * `k`: the number of heads, the width of y.
    * `d`: the width of z and of each head.
    * `std`: the standard deviation of the first heads. At 0 all heads would be equal.
    """

    def __init__(self, k, d, std=1.0):
        self.k, self.d, self.std = k, d, std
        self.shapes = {"W": (k, d)}

    def initial(self, name, rng):
        """Return the first heads (k, d), drawn from N(0, std²)."""
        return rng.normal(0, self.std, self.shapes["W"])

    def forward(self, x, ctx):
        """x (n, k + d) -> r (n, d); the cache is y. Raises `UserError` for another width."""
        expect_columns("ClusterHeads.forward", x, self.k + self.d, "x is y and z side by side")
        y = x[:, : self.k]
        return self.xp.matmul(y, self.W) + x[:, self.k :], y

    def backward(self, dr, y, grads=None, want_dx=True):
        """dr (n, d) -> dx = [dy, dz] (n, k + d); adds dW_C."""
        if grads is not None:
            grads["W"] += self.xp.matmul(y.T, dr)  # (k, n)·(n, d)
        return self.xp.concat([self.xp.matmul(dr, self.W.T), dr], axis=1) if want_dx else None


class ReLU(Layer):
    """y = max(x, 0);  dx = dy where x > 0, else 0.

    At x = 0 there is no derivative, and 0 is taken. The cache is y and not x, since y > 0 exactly where x > 0.
    """

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d)."""
        y = self.xp.maximum(x, 0)
        return y, y

    def backward(self, dy, y, grads=None):
        """dy (n, d) -> dx (n, d)."""
        return dy * self.xp.astype(y > 0, dy.dtype)


class LeakyReLU(Layer):
    """y = x where x > 0, slope·x elsewhere;  dx = dy where x > 0, slope·dy elsewhere (Maas et al. 2013).

    A ReLU whose input is negative for every example gets no gradient and stays so. A small slope keeps a gradient
    there. Discriminators often use one, because Q receives no gradient except through D.
    """

    def __init__(self, slope=0.2):
        self.slope = slope

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d)."""
        slope = self.slope + (1 - self.slope) * self.xp.astype(x > 0, x.dtype)
        return x * slope, slope

    def backward(self, dy, slope, grads=None):
        """dy (n, d) -> dx (n, d); the cache is the slope at each x."""
        return dy * slope


class Tanh(Layer):
    """y = tanh x;  dx = dy·(1 − y²).

    With tanh = sinh/cosh the derivative is (cosh² − sinh²)/cosh² = 1 − tanh². So y alone is enough for backward.
    """

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d) in (−1, 1)."""
        y = self.xp.tanh(x)
        return y, y

    def backward(self, dy, y, grads=None):
        """dy (n, d) -> dx (n, d)."""
        return dy * (1 - y * y)


def sigmoid(xp, x):
    """Return s(x) = 1 / (1 + e⁻ˣ), as ½ (tanh x/2 + 1), which cannot overflow.

    x has any shape, and s(x) has the same. In float32 e⁻ˣ overflows for x below −89.
    """
    return (xp.tanh(x / 2) + 1) / 2


class Sigmoid(Layer):
    """y = s(x) = 1 / (1 + e⁻ˣ);  dx = dy·y·(1 − y).

    From s = (1 + e⁻ˣ)⁻¹ follows ds/dx = e⁻ˣ·(1 + e⁻ˣ)⁻², and e⁻ˣ/(1 + e⁻ˣ) is 1 − s. The derivative is at most ¼,
    and almost 0 where y is near 0 or 1. A cross-entropy therefore takes logits, where this factor cancels.
    """

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d) in (0, 1)."""
        y = sigmoid(self.xp, x)
        return y, y

    def backward(self, dy, y, grads=None):
        """dy (n, d) -> dx (n, d)."""
        return dy * y * (1 - y)


class Softmax(Layer):
    """y_k = e^{x_k} / Σ_j e^{x_j};  dx_k = y_k·(dy_k − Σ_j dy_j·y_j), row by row.

    Every output depends on every input of its row, since all share the denominator. Here δ_jk is 1 for j = k, else
    0.

        ∂y_j/∂x_k = y_j·(δ_jk − y_k)
        dx_k = Σ_j dy_j·∂y_j/∂x_k = dy_k·y_k − y_k·Σ_j dy_j·y_j

    Keeping only the diagonal y_k·(1 − y_k), as for a sigmoid, is a well-known mistake. A row of dx sums to 0:
    adding a constant to all logits of a row does not change y. For the same reason dy = 1 everywhere gives dx = 0.
    """

    def forward(self, x, ctx):
        """x (n, k) logits -> y (n, k), rows that sum to 1."""
        e = self.xp.exp(x - self.xp.max(x, axis=1, keepdims=True))  # shifted so that e^x cannot overflow
        y = e / self.xp.sum(e, axis=1, keepdims=True)
        return y, y

    def backward(self, dy, y, grads=None):
        """dy (n, k) -> dx (n, k)."""
        return y * (dy - self.xp.sum(dy * y, axis=1, keepdims=True))


class BatchNorm(Layer):
    """y = γ·x̂ + β, with x̂ = (x − μ)/σ (Ioffe and Szegedy 2015).

    μ and σ² are the mean and variance of each column over the batch. In the code σ is √(var + ε), which is above 0
    where a column is constant. Row x_i changes L in three ways. Let g = γ·dy be the gradient with respect to x̂;
    means are over the batch:

        directly, ∂x̂_i/∂x_i = 1/σ                                         g_i/σ
        through μ, ∂μ/∂x_i = 1/n and ∂x̂_j/∂μ = −1/σ                       −mean(g)/σ
        through σ, ∂σ/∂x_i = x̂_i/n and ∂x̂_j/∂σ = −x̂_j/σ                   −x̂_i·mean(g·x̂)/σ

        dx = γ/σ · (dy − mean(dy) − x̂·mean(dy·x̂))        dγ = Σ_i dy_i·x̂_i        dβ = Σ_i dy_i

    σ depends on μ as well, but that derivative is 0, since Σ (x_j − μ) = 0. Leaving out the last two terms is the
    famous mistake. It treats μ and σ as constants, and then γ/σ·dy is right in evaluation alone.

    In evaluation μ and σ² are running averages, which only `update_running_statistics` changes. Both are
    statistics of the batch, so σ² is divided by n; PyTorch divides the running one, and only that, by n − 1.

    * `momentum`: the part of the way that a running average moves at each update, in (0, 1].
    * `epsilon`: ε, added to the variance.
    """

    def __init__(self, d, momentum=0.1, epsilon=1e-5):
        self.shapes = {"gamma": (d,), "beta": (d,)}
        self.buffers = {"running_mean": np.zeros(d), "running_var": np.ones(d)}
        self.momentum, self.epsilon = momentum, epsilon

    def initial(self, name, rng):
        """Return γ (d,), ones, or β (d,), zeros: at first the layer only standardizes."""
        return np.ones(self.shapes[name]) if name == "gamma" else np.zeros(self.shapes[name])

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d), each column with mean β and standard deviation γ over the batch.

        The cache holds x̂, 1/σ, μ, σ² and `ctx`. `UserError` for another width.
        """
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
        """dy (n, d) -> dx (n, d), or None without `want_dx`; adds dγ and dβ.

        The means of dy are over the batch of all ranks, as μ and σ² are.
        """
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
        """Move both running averages: μ_run ← μ_run + momentum·(μ − μ_run), and σ² likewise."""
        _, _, mean, var, _ = cache
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_var += self.momentum * (var - self.running_var)


class Dropout(Layer):
    """y = x·m, m = 0 with probability p, else 1/(1−p), in training; the identity in evaluation.

    m is drawn for each input and each example (Srivastava et al. 2014). The factor 1/(1−p) makes the mean of m 1,
    so evaluation needs no other scale. Backward must use the m of its own forward: dx = dy·m. `p` is in [0, 1).
    """

    def __init__(self, p):
        self.p = p

    def forward(self, x, ctx):
        """x (n, d) -> y (n, d)."""
        if not ctx.training:
            return x, None
        mask = self.xp.astype(ctx.uniform(x.shape) >= self.p, x.dtype) / (1 - self.p)
        return x * mask, mask

    def backward(self, dy, mask, grads=None):
        """dy (n, d) -> dx (n, d); the cache is m (n, d), or None in evaluation."""
        return dy if mask is None else dy * mask


class GaussianNoise(Layer):
    """y = x + std·ε with ε ~ N(0, 1) in training, the identity in evaluation;  dx = dy.

    ε does not depend on x, so backward has no trace of it. At Q's input it makes a denoising autoencoder.
    """

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
        """dy (n, d) -> dx = dy."""
        return dy


class AppendNoise(Layer):
    """y = [x, η] with η ~ N(0, 1): feeds randomness to q(z|x) = f(x, η), the universal approximator (section 2).

    q(z|x) then need not be Gaussian: f can map η to any shape, even one with several modes. The VAE cannot use it,
    since its KL needs a density q(z|x). An adversary needs samples only. η is no variable, so backward drops its
    columns: `dx = dy[:, :d_in]`.

    In evaluation η = 0, its mean, so that a trained encoder gives one code for one image.
    """

    def __init__(self, d_in, d_noise):
        self.d_in, self.d_noise = d_in, d_noise

    def forward(self, x, ctx):
        """x (n, d_in) -> y (n, d_in + d_noise). `UserError` for another width."""
        expect_columns("AppendNoise.forward", x, self.d_in)
        shape = (x.shape[0], self.d_noise)
        noise = ctx.normal(shape) if ctx.training else ctx.backend.zeros(shape)
        return self.xp.concat([x, noise], axis=1), None

    def backward(self, dy, cache, grads=None):
        """dy (n, d_in + d_noise) -> dx (n, d_in)."""
        return dy[:, : self.d_in]


class GaussianSampling(Layer):
    """z = μ + σ·ε, with x = [μ, ln σ²] and ε ~ N(0, 1): the reparametrisation (Kingma and Welling 2014).

    A draw from N(μ, σ²) has no derivative. With ε drawn first and held fixed, z is a smooth function of μ and σ.
    From σ = e^{½ ln σ²} follows ∂σ/∂ ln σ² = ½σ, and so

        dμ = dz        d ln σ² = dz·½σ·ε

    Q outputs ln σ², because any real number is a valid one. Reading the second half as σ or ln σ in one place, and
    as ln σ² in another, is a common mistake. In evaluation ε = 0 and z = μ.
    """

    def forward(self, x, ctx):
        """x (n, 2d) -> z (n, d); the cache is σ·ε (n, d), the factor in d ln σ²."""
        d = x.shape[1] // 2
        mean, log_var = x[:, :d], x[:, d:]
        if not ctx.training:
            return mean, None
        spread = self.xp.exp(log_var / 2) * ctx.normal(mean.shape)
        return mean + spread, spread

    def backward(self, dz, spread, grads=None):
        """dz (n, d) -> dx = [dμ, d ln σ²] (n, 2d)."""
        dlog_var = self.xp.zeros_like(dz) if spread is None else dz * spread / 2
        return self.xp.concat([dz, dlog_var], axis=1)


class Sequential(Layer):
    """Layers one after another, y = f_m(…f_2(f_1(x))); backward runs through them in reverse.

    The cache is the list of the layers' caches. Each dx is the dy of the layer before:

        dx = (((dy · ∂f_m) · ∂f_{m−1}) · …) · ∂f_1

    From the left each product is a batch of rows times a Jacobian, and no larger matrix arises. Without `want_dx`
    backward stops at the first layer that has parameters, because nothing below it needs a gradient.
    """

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
        """dy (n, d_out) -> dx (n, d_in), or None without `want_dx`; adds dW of each layer to the list `grads`."""
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
