"""Add a phase that has a network of its own: a second decoder P_y, which reads y alone.

    min over Q and P_y of λ·½ Σ (P_y(y) − x)², with y = q(y|x), summed over pixels, mean over the images

Where y is one-hot, this is the objective of k-means (MacQueen 1967). P_y(e_k) moves to the mean of the images of
cluster k, and each image to the cluster whose picture is nearest.

The lesson: a phase may move networks of its own. Its gradient vector spans all networks that it lists. `Model` takes
the lists of networks and phases. It refuses two of one name, since names key the weights in a checkpoint.
A difference of a few points of error may be due to the seed.
"""

import argparse

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.layers import Linear, Sigmoid
from tinyaae.losses import half_squared_error
from tinyaae.metrics import cluster_report
from tinyaae.model import Model
from tinyaae.networks import Code, Network
from tinyaae.optimizers import Momentum
from tinyaae.phases import Phase
from tinyaae.training import Batches


class ReconstructionFromY(Phase):
    """min over Q and P_y of λ·½ Σ (P_y(y) − x)², with λ = `weight`."""

    def __init__(self, encoder, y_decoder, optimizer, seed=0, weight=1.0):
        super().__init__("reconstruction-from-y", [encoder, y_decoder], optimizer, seed)
        self.encoder, self.y_decoder, self.weight = encoder, y_decoder, weight

    def forward(self, batch):
        ctx = self.context()
        code, q_cache = self.encoder.forward(batch.x, ctx)
        image, p_cache = self.y_decoder.forward(code.y, ctx)
        value, dimage = half_squared_error(self.backend.xp, image, batch.x)
        return {"reconstruction_from_y": self.weight * value}, (q_cache, p_cache, self.weight * dimage)

    def backward(self, cache):
        q_cache, p_cache, dimage = cache
        self.gradients.zero()
        dy = self.y_decoder.backward(dimage, p_cache, self.gradients)
        self.encoder.backward(Code(y=dy), q_cache, self.gradients)


def main(argv=None):
    """Train 16 clusters without P_y and with it; print how many are used, and the clustering error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=10_000)
    args, backend, mnist = parser.parse_args(argv), Backend.named("numpy"), data.load_mnist()
    config = Config.of("clustering", hidden=(200, 200), images=args.images).for_data(mnist)
    for added in (False, True):
        model, batches = build(config, backend), Batches(mnist, config, backend)
        if added:  # row k of W, through the sigmoid, is the picture of cluster k
            p_y = Network(backend, "P_y", [Linear(config.y_dim, config.inputs), Sigmoid()])
            phase = ReconstructionFromY(model.networks["Q"], p_y, Momentum(config.lr_reconstruction), weight=0.3)
            networks, phases = [*model.networks.values(), p_y], [*model.phases, phase]
            model = Model(config, backend, networks, phases, model.prior)
        for batch in (batch for epoch in range(args.epochs) for batch in batches.epoch(epoch)):
            model.step(batch)
        images, labels = batches.validation
        y = model.encode(images).y
        found = cluster_report(y, labels, y, labels)  # each cluster is named and scored on the same images
        print(f"{'with' if added else 'without':7} P_y: {found['clusters_used']} clusters used, ", end="")
        print(f"validation error {found['cluster_error_majority']:.1%}")


if __name__ == "__main__":
    main()
