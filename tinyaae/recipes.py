"""Recipes: every system is a list of phases over the same few networks.

    autoencoder        Reconstruction
    aae                Reconstruction, Regularization of z
    semi-supervised    Reconstruction, Regularization of y and z, SemiSupervised

Read one function and you have read the model. What the numbers are is `config.py`'s business.
"""

from . import networks
from .errors import UserError
from .optimizers import Adam, Momentum
from .phases import Part, Reconstruction, Regularization, SemiSupervised
from .priors import Categorical, prior_named
from .system import System


def autoencoder(make):
    """Images to codes and back; nothing says how the codes should lie."""
    q, p = make.encoder(), make.decoder()
    return [q, p], [Reconstruction(q, p, make.optimizer("reconstruction"), make.seed)]


def aae(make):
    """Figure 1: an autoencoder whose codes an adversary cannot tell from the prior."""
    q, p, d = make.encoder(), make.decoder(), make.discriminator("D_gauss", make.prior.d)
    return [q, p, d], [
        Reconstruction(q, p, make.optimizer("reconstruction"), make.seed),
        make.regularization(q, [Part("z", d, make.prior)]),
    ]


def semi_supervised(make):
    """Figure 8: y and z each have an adversary, and a few labels say which y is which digit."""
    q, p = make.encoder(), make.decoder()
    d_cat = make.discriminator("D_cat", make.config.y)
    d_gauss = make.discriminator("D_gauss", make.prior.d)
    return [q, p, d_cat, d_gauss], [
        Reconstruction(q, p, make.optimizer("reconstruction"), make.seed),
        make.regularization(q, [Part("y", d_cat, Categorical(make.config.y)), Part("z", d_gauss, make.prior)]),
        SemiSupervised(q, make.optimizer("classifier"), make.seed),
    ]


RECIPES = {"autoencoder": autoencoder, "aae": aae, "semi-supervised": semi_supervised}


class Make:
    """Makes the pieces of a recipe with the sizes and rates of a config."""

    def __init__(self, config, backend):
        self.config, self.backend, self.seed = config, backend, config.seed
        self.prior = prior_named(config.prior, config.z)

    def encoder(self):
        c = self.config
        return networks.encoder(
            self.backend, c.inputs, c.hidden, c.y, c.z, posterior=c.posterior, input_noise=c.input_noise,
            batch_norm=c.batch_norm, std=c.weight_std, seed=c.seed,
        )  # fmt: skip

    def decoder(self):
        c = self.config
        return networks.decoder(
            self.backend, c.y + c.z, c.hidden, c.inputs, batch_norm=c.batch_norm, std=c.weight_std, seed=c.seed
        )

    def discriminator(self, name, d_in):
        return networks.discriminator(
            self.backend, name, d_in, self.config.hidden, std=self.config.weight_std, seed=self.seed
        )

    def optimizer(self, kind):
        """Return the optimizer of a phase; `kind` is reconstruction, adversarial or classifier."""
        c = self.config
        rate = getattr(c, f"rate_{kind}")
        momentum = c.adversarial_momentum if kind == "adversarial" else 0.9
        return Adam(rate, beta1=momentum) if c.optimizer == "adam" else Momentum(rate, momentum)

    def regularization(self, encoder, parts):
        return Regularization(encoder, parts, self.optimizer("adversarial"), self.optimizer("adversarial"), self.seed)


def build(config, backend):
    """Return the `System` that `config` describes, with fresh weights drawn from its seed."""
    if config.mode not in RECIPES:
        raise UserError(f"mode {config.mode}: no recipe; expected one of {', '.join(RECIPES)}")
    make = Make(config, backend)
    nets, phases = RECIPES[config.mode](make)
    return System(config, backend, nets, phases, make.prior)
