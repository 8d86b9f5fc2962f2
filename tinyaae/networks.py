"""Networks: the encoder Q, the decoder P and the discriminators D.

A network is a stack of layers whose parameters are views into one flat vector. So an optimizer is one call, and a
checkpoint is one array. A phase calls its forward and backward, and moves it.

A network counts its updates. Backward needs the W of its forward. For y = x·W, dx = dy·Wᵀ is the derivative at
this W only. A cache from before an update is *stale*. With it, backward would combine inputs of the old weights
with the new weights. The result has the right shape and a wrong value, so a stale cache raises `RuntimeError`.
"""

from itertools import pairwise
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from .layers import (
    AppendNoise,
    BatchNorm,
    ClusterHeads,
    Dropout,
    GaussianNoise,
    GaussianSampling,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    sigmoid,
)


class Network:
    """Layers with one flat parameter vector `flat`, drawn from `seed`; `updates` counts how often it has moved.

    * `name`: keys the first weights, the checkpoint and the gradients. Two networks of a model have two names.
    * `layers`: the layers in order, whose widths fit together.

    The first weights depend on name and seed alone, so a further network does not change the weights of the
    others.
    """

    def __init__(self, backend, name, layers, seed=0):
        self.backend, self.name, self.updates = backend, name, 0
        self.stack = Sequential(layers)
        rng = np.random.Generator(np.random.Philox(key=[seed, crc32(f"initial {name}".encode())]))
        initial = []
        self.stack.tree(lambda layer, parameter: initial.append(layer.initial(parameter, rng).ravel()))
        self.flat = backend.array(np.concatenate(initial))
        self.size = self.flat.shape[0]
        self.stack.bind(backend, self.views(self.flat))

    def __setstate__(self, state):
        """Restore a pickled or copied network; its parameters become views into its one vector again.

        The vector is copied, since one that is mapped from a file may be read-only.
        """
        vars(self).update(state)
        self.flat = self.backend.xp.asarray(self.flat, copy=True)
        copied = self.state()
        self.stack.bind(self.backend, self.views(self.flat))
        for name, array in self.state().items():
            array[...] = copied[name]

    @property
    def networks(self):
        """The networks that a phase moves when it moves this one."""
        return [self]

    def views(self, vector):
        """Return views into a vector like `flat`, shaped like the parameters, in the form of the stack.

        `vector` has `size` numbers. The views share its memory: `grads["W"] += …` changes the vector.
        """
        position = 0

        def view(layer, parameter):
            nonlocal position
            shape = layer.shapes[parameter]
            start, position = position, position + int(np.prod(shape))
            return self.backend.xp.reshape(vector[start:position], shape)

        return self.stack.tree(view)

    def forward(self, x, ctx):
        """x (n, d_in) -> y (n, d_out), and the cache for one backward.

        The cache holds the number of updates at this forward, by which backward recognises a stale one.
        """
        y, caches = self.stack.forward(x, ctx)
        return y, (self.updates, caches)

    def backward(self, dy, cache, gradients=None, want_dx=True):
        """dy (n, d_out) -> dx (n, d_in), or None without `want_dx`.

        dW is added to `gradients` only if the phase moves this network. Otherwise the network is only passed
        through: its dx is needed, its dW is not. Raises `RuntimeError` where the cache is from before an update.
        """
        updates, caches = cache
        if updates != self.updates:
            raise RuntimeError(
                f"{self.name}.backward: the cache is from before an update of {self.name}; run forward again"
            )
        own = None if gradients is None else gradients.by_network.get(self.name)
        return self.stack.backward(dy, caches, own, want_dx)

    def update_running_statistics(self, cache):
        """Move batch norm's running averages towards the batch that made `cache`."""
        self.stack.update_running_statistics(cache[1])

    def state(self):
        """Return name -> array: the flat vector and every buffer (views, not copies)."""
        buffers = {
            f"{k}.{name}": getattr(layer, name) for k, layer in enumerate(self.stack.walk()) for name in layer.buffers
        }
        return {"flat": self.flat, **buffers}


class Gradients:
    """A phase's own gradient: one vector `flat` over all the networks it moves, and `by_network[name]`, its views.

    A network that the phase does not move has no entry, so its gradient cannot be computed by mistake. Gradients
    in a network itself would need zeroing between phases. A forgotten zeroing moves D by the gradient of Generate.
    """

    def __init__(self, backend, networks):
        self.backend, self.networks = backend, networks
        self.flat = backend.zeros((sum(network.size for network in networks),))
        self.by_network, start = {}, 0
        for network in networks:
            self.by_network[network.name] = network.views(self.flat[start : start + network.size])
            start += network.size

    def __reduce__(self):
        return Gradients, (self.backend, self.networks)  # a copy starts from zero, as every backward does

    def zero(self):
        """Set every gradient to zero."""
        self.flat[...] = 0


class Code(NamedTuple):
    """What Q outputs for a batch of images, or the gradient with respect to it.

    None stands for a part that Q does not have, or that has no gradient.
    """

    y: Any = None  # (n, k) class probabilities, the softmax of the logits
    z: Any = None  # (n, d) style
    logits: Any = None  # (n, k)
    posterior: Any = None  # (n, d) z itself, or (n, 2d) [μ, ln σ²] where q(z|x) is a Gaussian

    def plus(self, other):
        """Return the sum, field by field, of two gradients; None counts as zero.

        Two losses of one code add their gradients, as L = L₁ + L₂ has the derivative dL₁ + dL₂.
        """
        pairs = zip(self, other, strict=True)
        return Code(*[b if a is None else a if b is None else a + b for a, b in pairs])


def one_hot(labels, k):
    """Return labels (n,), from 0 to k − 1, as float32 rows (n, k) with a one in the label's column."""
    return np.eye(k, dtype=np.float32)[labels]


class Encoder(Network):
    """Q: image -> Code. One last Linear makes the logits of y (its first k columns) and the parameters of z.

        h = [logits, posterior] = f(x)        y = softmax(logits)        z = posterior, or a draw from N(μ, σ²)

    * `classes`: k, the width of y; 0 where Q has no y.
    * `posterior`: "deterministic", "gaussian" or "universal", the three choices for q(z|x) in section 2.
      "gaussian" draws z from N(μ, σ²) with posterior = [μ, ln σ²]. With "universal", Q reads x and η.
    """

    output = Code

    def __init__(self, backend, layers, classes, posterior, seed=0):
        super().__init__(backend, "Q", layers, seed)
        self.classes = classes
        self.softmax = Softmax()
        self.sampling = Sequential([GaussianSampling()] if posterior == "gaussian" else [])
        self.softmax.bind(backend, {})
        self.sampling.bind(backend, self.sampling.tree(None))

    def forward(self, x, ctx):
        """x (n, d_in) -> Code, and the cache for one backward; y and logits are None where k is 0."""
        h, cache = super().forward(x, ctx)
        logits, posterior = h[:, : self.classes], h[:, self.classes :]
        z, z_cache = self.sampling.forward(posterior, ctx)
        if self.classes == 0:
            return Code(z=z, posterior=posterior), (cache, None, z_cache, h.shape)
        y, y_cache = self.softmax.forward(logits, ctx)
        return Code(y, z, logits, posterior), (cache, y_cache, z_cache, h.shape)

    def backward(self, dcode, cache, gradients, want_dx=False):
        """dCode -> adds Q's gradient to `gradients`; returns dx (n, d_in) with `want_dx`, else None.

        Several fields may be given; they are added up in dh. y depends on the logits through softmax, and z on the
        posterior through sampling. So dy and dz pass through the backward of these two, while dlogits and
        dposterior enter directly:

            dh = [softmax′(dy) + dlogits, sampling′(dz) + dposterior]
        """
        cache, y_cache, z_cache, shape = cache
        dh = self.backend.zeros(shape)
        if dcode.y is not None:
            dh[:, : self.classes] += self.softmax.backward(dcode.y, y_cache)
        if dcode.logits is not None:
            dh[:, : self.classes] += dcode.logits
        if dcode.z is not None:
            dh[:, self.classes :] += self.sampling.backward(dcode.z, z_cache)
        if dcode.posterior is not None:
            dh[:, self.classes :] += dcode.posterior
        return super().backward(dh, cache, gradients, want_dx)

    def update_running_statistics(self, cache):
        super().update_running_statistics(cache[0])


class Decoder(Network):
    """P: Code -> image; reads y and z side by side.

        x̂ = f([y, z])        dcode = [dy, dz]: the columns of f's dx, split as they were joined

    Its output is the image, or, where `logits`, the image's logits l with x̂ = s(l), for a loss that takes logits.
    """

    def __init__(self, backend, layers, logits=False, seed=0):
        super().__init__(backend, "P", layers, seed)
        self.logits = logits

    def forward(self, code, ctx):
        """Code with z (n, d), and with y (n, k) or None -> output (n, d_in)."""
        read = code.z if code.y is None else self.backend.xp.concat([code.y, code.z], axis=1)
        x, cache = super().forward(read, ctx)
        return x, (cache, None if code.y is None else code.y.shape[1])

    def image(self, output):
        """Return an output (n, d_in) as pixels in (0, 1)."""
        return sigmoid(self.backend.xp, output) if self.logits else output

    def image_backward(self, dimage, image):
        """Return the gradient with respect to the output (n, d_in), from `dimage`, with respect to `image`.

        Where the output is logits, image = s(l), so dl = dimage·image·(1 − image).
        """
        return dimage * image * (1 - image) if self.logits else dimage

    def backward(self, dx, cache, gradients=None, want_dx=True):
        """dx (n, d_in), of the output -> the gradient with respect to the Code, or None where it is not needed."""
        cache, k = cache
        dcode = super().backward(dx, cache, gradients, want_dx)
        if not want_dx:
            return None
        return Code(None if k is None else dcode[:, :k], dcode[:, k or 0 :])

    def update_running_statistics(self, cache):
        super().update_running_statistics(cache[0])


def hidden_layers(sizes, batch_norm=False, std=None, leak=0.0, dropout=0.0):
    """Return Linear, (BatchNorm,) ReLU (or LeakyReLU), (Dropout) for each two neighbours in `sizes`.

    * `sizes`: the widths, that of the input first; m widths make m − 1 blocks.
    * `std`: the standard deviation of the first W, or None for the default of `Linear`.
    * `leak`: the slope of LeakyReLU; 0 means ReLU.
    * `dropout`: the probability of dropping a hidden unit; 0 means no Dropout layer.
    """
    layers = []
    for d_in, d_out in pairwise(sizes):
        layers += [Linear(d_in, d_out, std), *([BatchNorm(d_out)] if batch_norm else [])]
        layers += [LeakyReLU(leak) if leak else ReLU(), *([Dropout(dropout)] if dropout else [])]
    return layers


def encoder(backend, d_in, hidden, classes, d_z, *, posterior="deterministic", input_noise=0.0, input_dropout=0.0,
            batch_norm=False, head_norm=False, std=None, seed=0):  # fmt: skip
    """Return Q: corruption of the input (training only), hidden layers, and one Linear for y and z together.

    * `d_in`, `hidden`: the width of an image, and a list of the widths of the hidden layers.
    * `classes`, `d_z`: the widths of y (0: none) and z.
    * `posterior`: see `Encoder`. "universal" adds η of a tenth of the first hidden width to the input.
    * `input_noise`, `input_dropout`: standard deviation of noise on pixels; probability that one is dropped.
    * `batch_norm`, `head_norm`: batch norm in the hidden layers, and on the output h.
    """
    corruption = [GaussianNoise(input_noise)] if input_noise else []
    corruption += [Dropout(input_dropout)] if input_dropout else []
    d_noise = max(1, hidden[0] // 10) if posterior == "universal" else 0
    corruption += [AppendNoise(d_in, d_noise)] if d_noise else []
    d_out = classes + (2 * d_z if posterior == "gaussian" else d_z)
    heads = [Linear(hidden[-1], d_out, std), *([BatchNorm(d_out)] if head_norm else [])]
    layers = [*corruption, *hidden_layers([d_in + d_noise, *hidden], batch_norm, std), *heads]
    return Encoder(backend, layers, classes, posterior, seed)


def decoder(backend, d_code, hidden, d_out, *, heads=0, logits=False, linear=False, batch_norm=False, std=None,
            seed=0):  # fmt: skip
    """Return P: hidden layers and an image; with `heads` = k it reads y·W_C + z instead of y and z.

    * `d_code`: the width of y and z together; `d_out`: the width of an image.
    * `heads`: k, the number of cluster heads; 0 where P reads y and z side by side.
    * `logits`, `linear`: the output is logits of pixels, or real numbers; otherwise pixels in (0, 1).
    """
    reads = [ClusterHeads(heads, d_code - heads)] if heads else []
    sizes = [d_code - heads, *hidden]
    image = [Linear(sizes[-1], d_out, std), *([] if logits or linear else [Sigmoid()])]
    layers = [*reads, *hidden_layers(sizes, batch_norm, std), *image]
    return Decoder(backend, layers, logits, seed)


def discriminator(backend, name, d_in, hidden, *, input_noise=0.0, std=None, leak=0.0, dropout=0.0, seed=0):
    """Return D: one logit per sample (n, 1), positive for "drawn from the prior".

    It has no batch norm: with it D sticks at 50 %. Batch norm would also couple the real and the fake rows of a
    batch. `input_noise` blurs codes and prior samples alike. `d_in` includes the width of a label or y that D
    reads with z.
    """
    noise = [GaussianNoise(input_noise)] if input_noise else []
    layers = hidden_layers([d_in, *hidden], std=std, leak=leak, dropout=dropout)
    return Network(backend, name, [*noise, *layers, Linear(hidden[-1], 1, std)], seed)
