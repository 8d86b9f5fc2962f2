"""Put a layer of your own into the encoder: a convolution, as one matrix product over all its windows (im2col).

    y[row, column] = Σ over the window of x · W + b

Each window of kernel × kernel pixels is copied into a row of a matrix, once for every place where it can stand. The
convolution is then a Linear layer on these rows. Backward adds the gradient of each window back to its pixels, which
overlap where the stride is smaller than the kernel. Pictures are rows (n, height·width·channels), channels last.

The lesson: a layer is forward and backward, and `check_layer` compares the two. An encoder is a function of the
recipe's `Builder` that returns an `Encoder`. `build` puts it in, and every phase trains it. A mode of your own can do
the same: set `make.encoder` and return a recipe. A run that is to be loaded again needs such a mode.
"""

import argparse

import numpy as np

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.layers import GaussianNoise, Layer, Linear, ReLU
from tinyaae.metrics import diagnostics
from tinyaae.networks import Encoder
from tinyaae.training import Batches


class Conv2d(Layer):
    """Pictures of `shape` (height, width, channels) -> pictures of shape `out`, one channel for each column of W."""

    def __init__(self, shape, channels, kernel=3, stride=2):
        self.shape, self.kernel, self.stride = shape, kernel, stride
        self.out = *((side - kernel) // stride + 1 for side in shape[:2]), channels
        self.shapes = {"W": (kernel * kernel * shape[2], channels), "b": (channels,)}

    def initial(self, name, rng):
        std = 1 / np.sqrt(3 * self.shapes["W"][0])
        return rng.normal(0, std, self.shapes["W"]) if name == "W" else np.zeros(self.shapes["b"])

    def windows(self):
        """Yield for each of the kernel × kernel places in a window the pixels that stand there, one for each window."""
        ends = [self.stride * (count - 1) + 1 for count in self.out[:2]]
        for i, j in np.ndindex(self.kernel, self.kernel):
            yield ..., slice(i, i + ends[0], self.stride), slice(j, j + ends[1], self.stride), slice(None)

    def forward(self, x, ctx):
        x = self.xp.reshape(x, (-1, *self.shape))
        patches = ctx.backend.zeros((x.shape[0], *self.out[:2], self.kernel**2, self.shape[2]))
        for k, window in enumerate(self.windows()):
            patches[:, :, :, k, :] = x[window]
        patches = self.xp.reshape(patches, (-1, self.shapes["W"][0]))  # (n · rows · columns, kernel² · channels)
        return self.xp.reshape(self.xp.matmul(patches, self.W) + self.b, (x.shape[0], -1)), (x, patches)

    def backward(self, dy, cache, grads=None, want_dx=True):
        x, patches = cache
        dy = self.xp.reshape(dy, (-1, self.out[2]))
        if grads is not None:
            grads["W"] += self.xp.matmul(patches.T, dy)
            grads["b"] += self.xp.sum(dy, axis=0)
        if not want_dx:
            return None
        dpatches = self.xp.reshape(self.xp.matmul(dy, self.W.T), (-1, *self.out[:2], self.kernel**2, self.shape[2]))
        dx = self.xp.zeros_like(x)
        for k, window in enumerate(self.windows()):
            dx[window] += dpatches[:, :, :, k, :]
        return self.xp.reshape(dx, (x.shape[0], -1))


def conv_encoder(make):
    """Return Q with two convolutions and one hidden layer."""
    c = make.config
    first = Conv2d((*c.side, 1), 8)
    second = Conv2d(first.out, 16)
    layers = [GaussianNoise(c.input_noise), first, ReLU(), second, ReLU()]
    layers += [Linear(int(np.prod(second.out)), 100), ReLU(), Linear(100, c.y_dim + c.z)]
    return Encoder(make.backend, layers, c.y_dim, c.posterior, make.seed)


def main(argv=None):
    """Train an AAE whose Q is two Linear layers, and one whose Q has convolutions; print their errors on validation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=10_000)
    args, backend, mnist = parser.parse_args(argv), Backend.named("numpy"), data.load_mnist()
    config = Config.of("aae", hidden=(100, 100), images=args.images).for_data(mnist)
    for name, encoder in (("linear", None), ("convolutional", conv_encoder)):
        model, batches = build(config, backend, encoder=encoder), Batches(mnist, config, backend)
        for batch in (batch for epoch in range(args.epochs) for batch in batches.epoch(epoch)):
            model.step(batch)
        error = diagnostics(model, *batches.validation)["reconstruction_error"]
        print(f"{name:13} Q of {model.networks['Q'].size:6} weights: reconstruction error {error:.2f}")


if __name__ == "__main__":
    main()
