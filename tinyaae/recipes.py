"""Recipes: every model is a list of phases over the same few networks.

    autoencoder        Reconstruction
    vae                Variational
    gan                Regularization of images (Discriminate x, Generate x)
    aae                Reconstruction, Regularization of z
    label-regularized  Reconstruction, Regularization of (z, label)
    supervised         Reconstruction with the label given to P, Regularization of z
    semi-supervised    Reconstruction, Regularization of y and z, SemiSupervised
    clustering         Reconstruction, Regularization of y and z
    reduction          the same with cluster heads W_C kept apart, and SemiSupervised where there are labels

The three modes in which Q has a y take a further phase for it, off unless asked for (`Builder.extras`). They and
supervised can have D_gauss read y and z (`condition_on_y` in `Builder.adversary_of_z`). `examples/` adds phases
from outside. Each function is a whole model; its numbers are in `config/presets.py`.
"""

from . import networks
from .extras import InformationMaximization, LatentNoise, VirtualAdversarial
from .optimizers import Adam, Momentum
from .phases import (
    Adversary,
    HeadSeparation,
    PriorGenerator,
    Reconstruction,
    Regularization,
    SemiSupervised,
    Variational,
)
from .priors import Categorical, Gaussian, is_same


def autoencoder(make):
    """Images to codes and back; nothing constrains where the codes lie.

    Minimises ½ Σ (P(Q(x)) − x)². Draws of a prior may fall where P was never trained, so this model cannot sample.
    """
    q, p = make.encoder(), make.decoder()
    return [q, p], [make.reconstruction(q, p)]


def vae(make):
    """The other way to a prior: q(z|x) is a Gaussian, and a formula pulls it towards p(z).

    Minimises ½ Σ (P(z) − x)² + KL(q(z|x) ‖ p(z)) (Kingma and Welling 2014). The paper compares it in figure 2.
    """
    q, p = make.encoder(), make.decoder()
    other = None if is_same(make.prior, Gaussian(make.config.z)) else make.prior
    return [q, p], [Variational(q, p, make.optimizer("reconstruction"), make.seed, other)]


def gan(make):
    """No encoder: P paints images from the prior, D compares them with real ones, and Generate moves P's averages.

    The game of section 2.2 is played on images, not on codes (Goodfellow et al. 2014). No Q reads images.
    """
    p, d = make.decoder(), make.discriminator("D_image", make.config.inputs, make.config.input_noise)
    return [p, d], [
        make.regularization(PriorGenerator(p, make.prior), [Adversary("x", d, None)], updates_statistics=True)
    ]


def aae(make):
    """Figure 1: an autoencoder whose codes an adversary cannot separate from the prior.

    Reconstruction keeps in z what P needs. Regularization matches q(z) to p(z), so P can decode draws of p(z).
    """
    q, p, d = make.encoder(), make.decoder(), make.discriminator("D_gauss", make.prior.d)
    return [q, p, d], [
        make.reconstruction(q, p),
        make.regularization(q, [Adversary("z", d, make.prior)]),
    ]


def label_regularized(make):
    """Figure 3: D reads the label, so each class finds its own mode of the prior; an extra slot means "unlabelled".

    D matches q(z given label) to p(z given label) (section 2.3). Unlabelled images are matched to the mixture.
    """
    q, p = make.encoder(), make.decoder()
    d = make.discriminator("D_gauss", make.prior.d + make.config.classes + 1)
    return [q, p, d], [
        make.reconstruction(q, p),
        make.regularization(q, [Adversary("z", d, make.prior, label_conditional=True)]),
    ]


def supervised(make):
    """Figure 6: P is given the label, so z need only hold the rest: style.

    The paper's D reads z alone, so a sample may pair a label with a style that P never read with it. With
    `condition_on_y` few samples do. The label is exact, so no D_cat is needed (section 4).
    """
    q, p, z = make.encoder(), make.decoder(), make.adversary_of_z()
    return [q, p, z.discriminator], [
        make.reconstruction(q, p, decode_true_label=True),
        make.regularization(q, [z]),
    ]


def semi_supervised(make):
    """Figure 8: y and z each have an adversary, and a few labels fix which y is which digit.

    Section 5. D_cat matches q(y) to one-hot vectors, D_gauss q(z) to p(z). SemiSupervised reads the labels.
    """
    nets, phases = clustering(make)
    return nets, [*phases, SemiSupervised(nets[0], make.optimizer("classifier"), make.seed)]


def clustering(make):
    """The same without a label: y is pressed to be one of k, and its k values become clusters.

    Section 6, figure 9. The objective is the same for any permutation of the k values, so a cluster has no class
    of its own. An error rate needs an assignment of clusters to classes, made after training.
    """
    q, p = make.encoder(), make.decoder()
    return make.adversaries_of_y_and_z(q, p, make.reconstruction(q, p))


def reduction(make):
    """Figure 10: P reads y·W_C + z, a cluster head and an offset, so codes of few dimensions can be drawn.

    Section 7. HeadSeparation keeps the heads η apart; otherwise clusters could lie on top of each other.
    """
    q, p = make.encoder(), make.decoder(heads=make.config.y_dim)
    nets, phases = make.adversaries_of_y_and_z(q, p, make.reconstruction(q, p, HeadSeparation, eta=make.config.eta))
    if make.config.y_is_class:
        phases.append(SemiSupervised(q, make.optimizer("classifier"), make.seed))
    return nets, phases


def networks_and_phases(make):
    """Return the networks and the phases of the config's mode, with the further phase that trains P alone if asked.

    The order of phases is the order of steps. `LatentNoise` comes last.
    """
    networks, phases = make.config.recipe(make)
    if make.config.latent_noise:
        optimizer = make.optimizer("reconstruction")
        phases.append(LatentNoise(phases[0], optimizer, make.seed, make.config.latent_noise))
    return networks, phases


class Builder:
    """Makes the pieces of a recipe with the sizes and learning rates of a config.

    `config` has the numbers, `backend` the arrays. Each optimizer is new, so that no two phases share its state.
    """

    def __init__(self, config, backend):
        self.config, self.backend, self.seed = config, backend, config.seed
        self.prior = config.make_prior()

    def encoder(self):
        """Return Q: image (n, inputs) -> Code with y (n, y_dim) and z (n, z)."""
        c = self.config
        return networks.encoder(
            self.backend, c.inputs, c.hidden, c.y_dim, c.z, posterior=c.posterior, input_noise=c.input_noise,
            input_dropout=c.input_dropout, batch_norm=c.batch_norm, head_norm=c.head_norm, std=c.weight_std,
            seed=c.seed,
        )  # fmt: skip

    def decoder(self, heads=0):
        """Return P, whose hidden widths are Q's in reverse."""
        c = self.config
        batch_norm = c.batch_norm if c.decoder_norm is None else c.decoder_norm
        return networks.decoder(
            self.backend, c.decoder_y_dim + c.z, c.hidden[::-1], c.inputs, heads=heads,
            logits=c.reconstruction == "cross-entropy", linear=c.is_table, batch_norm=batch_norm, std=c.weight_std,
            seed=c.seed,
        )  # fmt: skip

    def discriminator(self, name, d_in, input_noise=0.0):
        """Return a discriminator called `name`, of rows (n, d_in), with Q's hidden widths."""
        c = self.config
        return networks.discriminator(
            self.backend, name, d_in, c.hidden, input_noise=input_noise, std=c.weight_std, leak=c.leak,
            dropout=c.dropout, seed=c.seed,
        )  # fmt: skip

    def optimizer(self, kind):
        """Return the optimizer of a phase; `kind` is reconstruction, adversarial, vat or classifier."""
        c, own = self.config, kind == "vat" and self.config.vat_optimizer
        rate = c.lr_adversarial if kind == "vat" and c.lr_vat is None else getattr(c, f"lr_{kind}")
        momentum = c.adversarial_momentum if kind in ("adversarial", "vat") and not own else 0.9
        is_momentum = (own or c.optimizer) == "momentum" or kind == "classifier"
        return Momentum(rate, momentum) if is_momentum else Adam(rate, momentum)

    def reconstruction(self, q, p, kind=Reconstruction, **options):
        """Return the phase `kind` of Q and P; `options` are further arguments of it."""
        return kind(q, p, self.optimizer("reconstruction"), self.seed, detach_y=self.config.detach_y, **options)

    def regularization(self, encoder, adversaries, updates_statistics=False):
        """Return Regularization of `encoder` by `adversaries`, with one optimizer for D and another for Q."""
        d_optimizer, g_optimizer = self.optimizer("adversarial"), self.optimizer("adversarial")
        return Regularization(
            encoder, adversaries, d_optimizer, g_optimizer, self.seed, self.config.smoothing, updates_statistics
        )

    def adversaries_of_y_and_z(self, q, p, reconstruction):
        """Return the networks and phases in which y has an adversary D_cat, and z one called D_gauss."""
        d_cat, z = self.discriminator("D_cat", self.config.y_dim), self.adversary_of_z()
        adversaries = [
            Adversary("y", d_cat, Categorical(self.config.y_dim), adversarial_warmup=self.config.adversarial_warmup),
            z,
        ]
        return [q, p, d_cat, z.discriminator], [reconstruction, self.regularization(q, adversaries), *self.extras(q)]

    def adversary_of_z(self):
        """Return the adversary of z, D_gauss; with `condition_on_y` it reads z and P's y, or the label."""
        condition_on_y = self.config.condition_on_y
        d_gauss = self.discriminator("D_gauss", self.prior.d + (self.config.decoder_y_dim if condition_on_y else 0))
        return Adversary("z", d_gauss, self.prior, condition_on_y=condition_on_y)

    def extras(self, q):
        """Return the phase in addition to the paper's that the config asks for: one more for y, by default none."""
        c = self.config
        if c.information_maximization:
            kind, options = InformationMaximization, {"weight": c.information_maximization}
        elif c.vat:
            kind, options = VirtualAdversarial, {}
        else:
            return []
        return [kind(q, self.optimizer("vat"), self.seed, c.vat, c.vat_rampup, **options)]
