"""Add a phase that reads no image: a hinge loss that pushes the pictures of two clusters apart.

    min over P of λ·Σ_{i<j} max(0, η − ‖P(e_i, z) − P(e_j, z)‖), with one z per step, drawn from the prior

The paper has this hinge between cluster heads (Makhzani et al. 2015, section 7); here it is between images.

The lesson: a phase can override `context`. P paints k pictures in one style z. Their batch statistics would describe
these pictures, and not the data. So batch norm uses its running averages here.
The second lesson: measure. With 30 clusters this term raised the error from 20 to 33 % (results/README.md). It
separates the pictures of P, but its gradient does not reach Q, which assigns the images.
"""

import argparse

import numpy as np

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.losses import head_distance
from tinyaae.metrics import cluster_report
from tinyaae.networks import Code
from tinyaae.optimizers import Momentum
from tinyaae.phases import Phase
from tinyaae.training import Batches


class Repulsion(Phase):
    """min over P of λ·Σ_{i<j} max(0, η − ‖P(e_i, z) − P(e_j, z)‖), with λ = `weight` and η = `eta`."""

    def __init__(self, decoder, prior, k, optimizer, seed=0, weight=1.0, eta=1.0):
        super().__init__("repulsion", [decoder], optimizer, seed)
        self.decoder, self.prior, self.weight, self.eta = decoder, prior, weight, eta
        self.y = self.backend.array(np.eye(k))

    def context(self):
        ctx = super().context()
        ctx.training = False
        return ctx

    def forward(self, batch):
        ctx = self.context()
        z = self.prior.sample(1, ctx) + self.backend.zeros((self.y.shape[0], 1))  # one row, k times
        output, p_cache = self.decoder.forward(Code(self.y, z), ctx)
        image = self.decoder.image(output)
        value, dimage = head_distance(self.backend.xp, image, self.eta)
        doutput = self.decoder.image_backward(self.weight * dimage, image)
        return {"repulsion": self.weight * value}, (p_cache, doutput)

    def backward(self, cache):
        p_cache, doutput = cache
        self.gradients.zero()
        self.decoder.backward(doutput, p_cache, self.gradients, want_dx=False)


def main(argv=None):
    """Train 16 clusters without the term and with it; print the distance of the two nearest pictures, and the error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=10_000)
    args, backend, mnist = parser.parse_args(argv), Backend.named("numpy"), data.load_mnist()
    config = Config.of("clustering", hidden=(200, 200), images=args.images).for_data(mnist)
    for added in (False, True):
        model, batches, k = build(config, backend), Batches(mnist, config, backend), config.y_dim
        if added:
            rate = Momentum(config.lr_reconstruction)
            model.phases.append(Repulsion(model.networks["P"], model.prior, k, rate, weight=0.01, eta=5.0))
        for batch in (batch for epoch in range(args.epochs) for batch in batches.epoch(epoch)):
            model.step(batch)
        pictures = model.decode(np.zeros((k, config.z)), np.eye(k))  # in the style z = 0
        apart = np.sqrt(np.sum((pictures[:, None] - pictures) ** 2, axis=2))[np.triu_indices(k, 1)]
        images, labels = batches.validation
        y = model.encode(images).y
        found = cluster_report(y, labels, y, labels)  # each cluster is named and scored on the same images
        print(f"{'with' if added else 'without':7} the term: nearest pictures {np.min(apart):.2f} apart, ", end="")
        print(f"{found['clusters_used']} clusters used, validation error {found['cluster_error_majority']:.1%}")


if __name__ == "__main__":
    main()
