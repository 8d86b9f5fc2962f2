"""Add a phase from outside the package: InfoGAN's bound on the mutual information of y and the painted image.

    min over Q and P of −λ·E ln q(y|P(y, z)), where y and z are drawn from their priors

InfoGAN (Chen et al. 2016) adds this term to a GAN. It is a variational bound (Barber and Agakov 2003):
I(y; P(y, z)) ≥ H(y) + E ln q(y|P(y, z)), with equality where q is the true posterior. Here the encoder Q is q.

The lesson: a phase is one objective with its own optimizer. `forward` returns its values and a cache; `backward`
fills `self.gradients`. `system.phases.append` adds it to a system. Its name keys its noise, so it must be distinct.
Calling `forward` alone measures a term and trains nothing. So `main` prints the bound of both runs.
A difference of a few points of error may be due to the seed.
"""

import argparse
import math

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.losses import softmax_cross_entropy
from tinyaae.metrics import cluster_report
from tinyaae.networks import Code
from tinyaae.optimizers import Momentum
from tinyaae.phases import Batch, Phase
from tinyaae.priors import Categorical
from tinyaae.training import Batches


class MutualInformation(Phase):
    """min over Q and P of −λ·E ln q(y|P(y, z)), with λ = `weight`."""

    def __init__(self, encoder, decoder, y_prior, z_prior, optimizer, seed=0, weight=1.0):
        super().__init__("mutual-information", [encoder, decoder], optimizer, seed)
        self.encoder, self.decoder, self.y_prior, self.z_prior, self.weight = encoder, decoder, y_prior, z_prior, weight

    def forward(self, batch):
        ctx, n = self.context(), batch.x.shape[0]  # the images of the batch are only counted
        drawn = Code(self.y_prior.sample(n, ctx), self.z_prior.sample(n, ctx))
        output, p_cache = self.decoder.forward(drawn, ctx)
        image = self.decoder.image(output)
        code, q_cache = self.encoder.forward(image, ctx)
        value, dlogits = softmax_cross_entropy(self.backend.xp, code.logits, drawn.y)
        return {"mutual_information": self.weight * value}, (p_cache, image, q_cache, self.weight * dlogits)

    def backward(self, cache):
        p_cache, image, q_cache, dlogits = cache
        self.gradients.zero()
        dimage = self.encoder.backward(Code(logits=dlogits), q_cache, self.gradients, want_dx=True)
        self.decoder.backward(self.decoder.image_backward(dimage, image), p_cache, self.gradients, want_dx=False)


def main(argv=None):
    """Train 16 clusters without the term and with it; print the bound and the clustering error of each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=10_000)
    args, backend, mnist = parser.parse_args(argv), Backend.named("numpy"), data.load_mnist()
    config = Config.of("clustering", hidden=(200, 200), images=args.images).for_data(mnist)
    for added in (False, True):
        model, batches = build(config, backend), Batches(mnist, config, backend)
        q, p, k = model.networks["Q"], model.networks["P"], config.y_dim
        phase = MutualInformation(q, p, Categorical(k), model.prior, Momentum(config.lr_reconstruction))
        model.phases += [phase] if added else []
        for batch in (batch for epoch in range(args.epochs) for batch in batches.epoch(epoch)):
            model.step(batch)
        images, labels = batches.validation
        y, bound = model.encode(images).y, math.log(k) - phase.forward(Batch(images))[0]["mutual_information"]
        found = cluster_report(y, labels, y, labels)  # each cluster is named and scored on the same images
        print(f"{'with' if added else 'without':7} the term: {bound:.2f} nats, at most {math.log(k):.2f}; ", end="")
        print(f"{found['clusters_used']} clusters used, validation error {found['cluster_error_majority']:.1%}")


if __name__ == "__main__":
    main()
