"""The step that all contenders take: one minibatch of a semi-supervised adversarial autoencoder, all its phases.

784-width-width-(10 + 10) encoder, its mirror image as decoder, two 10-width-width-1 discriminators, input noise,
squared error, no batch norm: the paper's network. A minibatch is, in this order,

    Reconstruction    Q and P    forward and backward of both
    Discriminate      D          Q's forward, both D on real and fake codes in one product of 2n rows each
    Generate          Q          both D forward and backward without their dW, Q's backward; Q's forward is shared
    SemiSupervised    Q          forward and backward on as many labelled images

Every contender starts from the same weights (`weights`) and reads the same images (`images`).
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

CLASSES, STYLE, PIXELS, NOISE = 10, 10, 784, 0.3
RATES = {"adam": dict(reconstruction=1e-3, adversarial=3e-4, classifier=1e-3)}
RATES["momentum"] = dict(reconstruction=0.01, adversarial=0.1, classifier=0.1)
MOMENTA = {"adam": dict(reconstruction=0.9, adversarial=0.5, classifier=0.9)}  # Adam's first β
MOMENTA["momentum"] = dict(reconstruction=0.9, adversarial=0.1, classifier=0.9)


class Workload(NamedTuple):
    """What is timed: `width` of the hidden layers, `batch` images (as many labelled ones), and the optimizer."""

    width: int = 1000
    batch: int = 100
    optimizer: str = "adam"

    @property
    def sizes(self):
        """Widths of the layers of each network, input first."""
        w = self.width
        return {
            "Q": (PIXELS, w, w, CLASSES + STYLE),
            "P": (CLASSES + STYLE, w, w, PIXELS),
            "D_cat": (CLASSES, w, w, 1),
            "D_gauss": (STYLE, w, w, 1),
        }

    def weights(self, seed=0):
        """Return network -> [(W, b), …], float32, the same for every contender."""
        rng = np.random.default_rng(seed)
        return {
            name: [
                (rng.normal(0, (3 * i) ** -0.5, (i, o)).astype(np.float32), np.zeros(o, np.float32))
                for i, o in pairwise(sizes)
            ]
            for name, sizes in self.sizes.items()
        }

    def images(self, step=0):
        """Return x (n, 784), x_labelled (n, 784), y_labelled (n, 10) of a step: made-up images, mostly empty."""
        rng = np.random.default_rng(1000 + step)
        x = np.maximum(rng.normal(-0.5, 0.7, (2, self.batch, PIXELS)), 0).clip(0, 1).astype(np.float32)
        y = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, self.batch)]
        return x[0], x[1], y

    def products(self):
        """Return the (m, k, n) of every matrix product of a step, with the transposition of its factors."""
        n, sizes = self.batch, self.sizes

        def forward(name, rows):
            return [("x@W", rows, i, o) for i, o in layers(name)]

        def backward(name, rows, dw=True, dx_first=False):
            found = []
            for k, (i, o) in enumerate(layers(name)):
                found += [("x.T@dy", i, rows, o)] if dw else []
                found += [("dy@W.T", rows, o, i)] if k or dx_first else []
            return found

        def layers(name):
            return list(pairwise(sizes[name]))

        adversaries = ("D_cat", "D_gauss")
        steps = [forward("Q", n), forward("P", n), backward("P", n, dx_first=True), backward("Q", n)]
        steps += [forward("Q", n)]
        steps += [part for d in adversaries for part in (forward(d, 2 * n), backward(d, 2 * n))]
        steps += [part for d in adversaries for part in (forward(d, n), backward(d, n, dw=False, dx_first=True))]
        steps += [backward("Q", n), forward("Q", n), backward("Q", n)]
        return [product for step in steps for product in step]

    @property
    def flops(self):
        """Floating-point operations of a step's matrix products."""
        return sum(2 * m * k * n for _, m, k, n in self.products())
