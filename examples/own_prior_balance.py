"""Write a prior outside the package: one of y that makes over-used clusters less probable.

    p(y = e_k) ∝ (u_k + 1/K)^(−β), where u is the mean of q(y|x) over the validation images

With β = 0, or where u is uniform, this is the paper's uniform categorical prior. With β > 0, an over-used cluster is
drawn less often, so D_cat more often classifies Q's codes of that cluster as fake. This is a heuristic from
public code. It presses clusters to equal frequency even where the classes are truly unequal.

The lesson: a prior is a class with `sample`; an AAE needs no density. It may even change during training. Here u is
refreshed once an epoch, in place. On a GPU a step is recorded, and the recording keeps the address of the array.
The recipe is assembled network by network, since `build` makes its own prior of y. A difference of a few points of
error may be due to the seed.
"""

import argparse

import numpy as np

from tinyaae import Backend, data
from tinyaae.config import Config
from tinyaae.metrics import cluster_report
from tinyaae.model import Model
from tinyaae.phases import Adversary
from tinyaae.priors import Prior, random_one_hot
from tinyaae.recipes import Builder
from tinyaae.training import Batches


class Balanced(Prior):
    """One-hot vectors (n, d), class k with probability ∝ (`used`[k] + 1/d)^(−`balance`)."""

    def __init__(self, d, backend, balance=1.0):
        super().__init__(d)
        self.used, self.balance = backend.zeros((d,)) + 1 / d, balance

    def sample(self, n, ctx, labels=None):
        xp = ctx.backend.xp
        weights = (self.used + 1 / self.d) ** -self.balance
        upto = ctx.backend.constant(np.triu(np.ones((self.d, self.d))))  # column j has ones down to row j
        return random_one_hot(ctx, n, xp.sum(weights[:, None] * upto, axis=0) / xp.sum(weights))


def main(argv=None):
    """Train 16 clusters with β = 0 and β = 1; print how evenly they are used, and the clustering error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=10_000)
    args, backend, mnist = parser.parse_args(argv), Backend.named("numpy"), data.load_mnist()
    config = Config.of("clustering", hidden=(200, 200), images=args.images).for_data(mnist)
    for balance in (0.0, 1.0):
        make, batches = Builder(config, backend), Batches(mnist, config, backend)
        y_prior = Balanced(config.y_dim, backend, balance)
        q, p, d_cat, d_z = (
            make.encoder(),
            make.decoder(),
            make.discriminator("D_cat", config.y_dim),
            make.adversary_of_z(),
        )
        regularization = make.regularization(q, [Adversary("y", d_cat, y_prior), d_z])
        networks, phases = [q, p, d_cat, d_z.discriminator], [make.reconstruction(q, p), regularization]
        model, (images, labels) = Model(config, backend, networks, phases, make.prior), batches.validation
        for epoch in range(args.epochs):
            for batch in batches.epoch(epoch):
                model.step(batch)
            y = model.encode(images).y
            y_prior.used[...] = backend.array(np.mean(y, axis=0))
        found, u = cluster_report(y, labels, y, labels), np.mean(y, axis=0)  # named and scored on the same images
        print(f"β = {balance:.0f}: u from {min(u):.1%} to {max(u):.1%}, {found['clusters_used']} ", end="")
        print(f"clusters used, validation error {found['cluster_error_majority']:.1%}")


if __name__ == "__main__":
    main()
