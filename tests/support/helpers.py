"""What several test files and the catalogue of wrong backwards share: a tiny adversarial autoencoder and its phases.

Its sizes differ, so that a missing transpose cannot pass: 3 images of 4 pixels (11 with labels), hidden layers of 6 and
7, a y of 8 classes and a z of 5.
"""

from typing import Any, NamedTuple

import numpy as np

from tinyaae import networks
from tinyaae.extras import LatentNoise, VirtualAdversarial
from tinyaae.networks import Code
from tinyaae.optimizers import Momentum
from tinyaae.phases import (
    Adversary,
    Batch,
    Discriminate,
    Generate,
    HeadSeparation,
    Phase,
    PriorGenerator,
    Reconstruction,
    SemiSupervised,
    Variational,
)
from tinyaae.priors import Categorical, Gaussian, Laplace

N, M, PIXELS, HIDDEN, CLASSES, STYLE = 3, 11, 4, [6, 7], 8, 5


class Model(NamedTuple):
    """The networks of a semi-supervised AAE and a GAN, what their discriminators judge, and one batch."""

    encoder: Any
    decoder: Any
    parts: list  # y and z, judged by D_y and D_z
    image: Adversary  # judged by D_x
    batch: Batch

    @property
    def networks(self):
        discriminators = [part.discriminator for part in (*self.parts, self.image)]
        return [self.encoder, self.decoder, *discriminators]


def tiny_model(
    backend,
    label_conditional=False,
    condition_on_y=False,
    classes=CLASSES,
    hidden=HIDDEN,
    batch_norm=False,
    heads=0,
    logits=False,
    **encoder_options,
):
    """Return the tiny `Model`, its weights, biases, scales and shifts all jolted away from where they start."""
    encoder = networks.encoder(backend, PIXELS, hidden, classes, STYLE, batch_norm=batch_norm, **encoder_options)
    decoder = networks.decoder(
        backend, classes + STYLE, hidden[::-1], PIXELS, heads=heads, logits=logits, batch_norm=batch_norm
    )
    d_y = networks.discriminator(backend, "D_y", CLASSES, HIDDEN)
    d_z = networks.discriminator(
        backend, "D_z", STYLE + (CLASSES + 1 if label_conditional else CLASSES if condition_on_y else 0), HIDDEN
    )
    d_x = networks.discriminator(backend, "D_x", PIXELS, HIDDEN)
    parts = [
        Adversary("y", d_y, Categorical(CLASSES)),
        Adversary("z", d_z, Gaussian(STYLE), label_conditional, condition_on_y=condition_on_y),
    ]
    image, batch = Adversary("x", d_x, None), tiny_batch(backend)
    model = Model(encoder, decoder, parts[0 if classes else 1 :], image, batch)
    rng = np.random.default_rng(0)
    for network in model.networks:
        network.flat += backend.array(rng.normal(0, 0.5, network.size))
    return model


def tiny_batch(backend, seed=0):
    """Return a random `Batch`; the last of its images is unlabelled."""
    rng = np.random.default_rng(seed + 100)
    x, x_labelled = rng.uniform(0, 1, (N, PIXELS)), rng.uniform(0, 1, (M, PIXELS))
    y_labelled = np.eye(CLASSES)[rng.integers(0, CLASSES, M)]
    labels = np.eye(CLASSES + 1)[[2, 6, CLASSES]]
    return Batch(*[backend.array(part) for part in (x, x_labelled, y_labelled, labels)])


class Case(NamedTuple):
    """A phase to test: its class, what it takes besides an optimizer, what it may move, and the model it needs."""

    kind: type
    takes: Any  # System -> arguments
    moves: set
    options: dict = {}
    keywords: dict = {}
    commits: set = set()  # whose batch statistics its update moves


def prior_generator(model):
    return PriorGenerator(model.decoder, Gaussian(CLASSES + STYLE))


class HeldReconstruction(Reconstruction):
    """With the y of the weights it is made with: a constant, as its gradient says where y is held."""

    def __init__(self, encoder, decoder, x, optimizer, seed=0):
        super().__init__(encoder, decoder, optimizer, seed, detach_y=True)
        y = encoder.forward(x, self.context())[0].y
        self.read = lambda code, batch: code._replace(y=y)


class HeldGenerate(Generate):
    """With the y that D reads held as it is at first: a constant, as its gradient says with `condition_on_y`."""

    def __init__(self, encoder, parts, x, optimizer, seed=0):
        super().__init__(encoder, parts, optimizer, seed)
        y = encoder.forward(x, self.context())[0].y

        class HeldAdversary(Adversary):
            def discriminator_input(self, xp, sample, code, batch):
                return super().discriminator_input(xp, sample, code._replace(y=y), batch)

        self.adversaries = [HeldAdversary(*part) for part in parts]


class HeldVirtualAdversarial(VirtualAdversarial):
    """With the adversarial examples held as they are at first, at full distance: constants, as its gradient says."""

    def __init__(self, encoder, x, optimizer, seed=0, epsilon=1.0, information_maximization=0.0):
        super().__init__(encoder, optimizer, seed, epsilon, information_maximization=information_maximization)
        optimizer.steps = self.rampup
        held = super().adversarial_example(x, *encoder.forward(x, self.context()))
        optimizer.steps = 0
        self.adversarial_example = lambda x, code, cache: held


def autoencoder(kind=Reconstruction, options=None, **keywords):
    return Case(kind, lambda s: [s.encoder, s.decoder], {"Q", "P"}, options or {}, keywords, {"Q", "P"})


def smoothness(kind=Reconstruction, options=None, **keywords):
    def takes(model):
        return [kind(model.encoder, model.decoder, Momentum(0.1), **keywords)]

    return Case(LatentNoise, takes, {"P"}, options or {}, {"distance": 0.7})


PHASES = {
    "reconstruction": autoencoder(),
    "cross-entropy": autoencoder(options={"logits": True}),
    "given-label": autoencoder(decode_true_label=True),
    "held-y": Case(HeldReconstruction, lambda s: [s.encoder, s.decoder, s.batch.x], {"Q", "P"}, commits={"Q", "P"}),
    "variational": autoencoder(Variational, {"posterior": "gaussian"}),
    "variational-laplace": autoencoder(Variational, {"posterior": "gaussian"}, prior=Laplace(STYLE)),
    "separated": autoencoder(HeadSeparation, {"heads": CLASSES}, eta=3.0),
    "discriminate": Case(Discriminate, lambda s: [s.encoder, s.parts], {"D_y", "D_z"}),
    "discriminate-smoothed": Case(
        Discriminate, lambda s: [s.encoder, s.parts], {"D_y", "D_z"}, keywords={"smoothing": 0.2}
    ),
    "generate": Case(Generate, lambda s: [s.encoder, s.parts], {"Q"}),
    "discriminate-told-labels": Case(
        Discriminate, lambda s: [s.encoder, s.parts], {"D_y", "D_z"}, {"label_conditional": True}
    ),
    "generate-told-labels": Case(Generate, lambda s: [s.encoder, s.parts], {"Q"}, {"label_conditional": True}),
    "discriminate-joint": Case(Discriminate, lambda s: [s.encoder, s.parts], {"D_y", "D_z"}, {"condition_on_y": True}),
    "generate-joint": Case(HeldGenerate, lambda s: [s.encoder, s.parts, s.batch.x], {"Q"}, {"condition_on_y": True}),
    "discriminate-images": Case(Discriminate, lambda s: [prior_generator(s), [s.image]], {"D_x"}),
    "generate-images": Case(
        Generate, lambda s: [prior_generator(s), [s.image]], {"P"}, {}, {"updates_statistics": True}, commits={"P"}
    ),
    "generate-images-of-logits": Case(Generate, lambda s: [prior_generator(s), [s.image]], {"P"}, {"logits": True}),
    "semi-supervised": Case(SemiSupervised, lambda s: [s.encoder], {"Q"}),
    "latent_noise": smoothness(),
    "smoothness-given-label": smoothness(decode_true_label=True),
    "smoothness-with-heads": smoothness(HeadSeparation, {"heads": CLASSES}),
    "smoothness-of-logits": smoothness(options={"logits": True}),
    "vat": Case(HeldVirtualAdversarial, lambda s: [s.encoder, s.batch.x], {"Q"}, {}, {"epsilon": 0.7}),
    "information_maximization": Case(
        HeldVirtualAdversarial,
        lambda s: [s.encoder, s.batch.x],
        {"Q"},
        {},
        {"epsilon": 0.7, "information_maximization": 0.7},
    ),
}


def phase_of(model, name, optimizer=None, kind=None, phases=PHASES):
    """Return the phase called `name` in `phases` over a model, or another class `kind` in its place."""
    case = phases[name]
    return (kind or case.kind)(*case.takes(model), optimizer or Momentum(0.1), **case.keywords)


def tiny_phase(backend, name, optimizer=None, kind=None, phases=PHASES, **options):
    """Return the phase called `name`, the tiny model it needs, and those networks that it must not move."""
    model = tiny_model(backend, **{**options, **phases[name].options})
    frozen = [network for network in model.networks if network.name not in phases[name].moves]
    return phase_of(model, name, optimizer, kind, phases), model, frozen


class EveryField(Phase):
    """min over Q of Σ r·field over y, z, logits and posterior, r random: gives every field of a Code a gradient."""

    def __init__(self, encoder):
        super().__init__("every-field", [encoder], Momentum(0.1))
        self.encoder = encoder

    def forward(self, batch):
        code, cache = self.encoder.forward(batch.x, self.context())
        rng = np.random.default_rng(5)
        dcode = Code(*[None if f is None else self.backend.array(rng.normal(size=tuple(f.shape))) for f in code])
        pairs = zip(Code._fields, code, dcode, strict=True)
        return {name: self.backend.xp.sum(f * df) for name, f, df in pairs if f is not None}, (dcode, cache)

    def backward(self, cache):
        self.gradients.zero()
        self.encoder.backward(*cache, self.gradients)


def host(backend, x):
    """Return a copy of a device array on the host."""
    return np.array(backend.to_numpy(x))


def saved(backend, *things):
    """Return name -> bytes of all the state of some networks and phases (a phase's is its optimizer's)."""
    result = {}
    for thing in things:
        state = thing.optimizer.state if isinstance(thing, Phase) else thing.state()
        result |= {f"{thing.name}.{name}": host(backend, value).tobytes() for name, value in state.items()}
    return result
