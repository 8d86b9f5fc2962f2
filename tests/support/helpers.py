"""Tiny networks and the phases over them, for the tests of phases and the catalogue of wrong backwards.

Sizes differ, so that a missing transpose cannot pass: 3 images of 4 pixels (11 with labels), hidden layers of 6 and 7,
a y of 8 classes and a z of 5.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest
from backends import BACKENDS

from tinyaae import networks
from tinyaae.extras import InformationMaximization, LatentNoise, VirtualAdversarial
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

IMAGES, LABELLED, PIXELS, WIDTHS, Y_DIM, Z_DIM = 3, 11, 4, [6, 7], 8, 5


class TinyNetworks(NamedTuple):
    """The networks of a semi-supervised AAE and of a GAN, their adversaries, and one batch."""

    encoder: Any
    decoder: Any
    adversaries: list  # of y and z: D_cat and D_gauss
    image_adversary: Adversary  # D_image
    batch: Batch

    @property
    def all(self):
        discriminators = [adversary.discriminator for adversary in (*self.adversaries, self.image_adversary)]
        return [self.encoder, self.decoder, *discriminators]


def tiny_networks(
    backend,
    label_conditional=False,
    condition_on_y=False,
    classes=Y_DIM,
    hidden=WIDTHS,
    batch_norm=False,
    heads=0,
    logits=False,
    **encoder_options,
):
    """Return `TinyNetworks`, their weights, biases, scales and shifts all jolted away from where they start."""
    encoder = networks.encoder(backend, PIXELS, hidden, classes, Z_DIM, batch_norm=batch_norm, **encoder_options)
    decoder = networks.decoder(
        backend, classes + Z_DIM, hidden[::-1], PIXELS, heads=heads, logits=logits, batch_norm=batch_norm
    )
    beside_z = Y_DIM + 1 if label_conditional else Y_DIM if condition_on_y else 0
    d_cat = networks.discriminator(backend, "D_cat", Y_DIM, WIDTHS)
    d_gauss = networks.discriminator(backend, "D_gauss", Z_DIM + beside_z, WIDTHS)
    d_image = networks.discriminator(backend, "D_image", PIXELS, WIDTHS)
    adversaries = [
        Adversary("y", d_cat, Categorical(Y_DIM)),
        Adversary("z", d_gauss, Gaussian(Z_DIM), label_conditional, condition_on_y=condition_on_y),
    ]
    image_adversary, batch = Adversary("x", d_image, None), tiny_batch(backend)
    nets = TinyNetworks(encoder, decoder, adversaries[0 if classes else 1 :], image_adversary, batch)
    rng = np.random.default_rng(0)
    for network in nets.all:
        network.flat += backend.array(rng.normal(0, 0.5, network.size))
    return nets


def tiny_batch(backend, seed=0):
    """Return a random `Batch`; the last of its images is unlabelled."""
    rng = np.random.default_rng(seed + 100)
    x, x_labelled = rng.uniform(0, 1, (IMAGES, PIXELS)), rng.uniform(0, 1, (LABELLED, PIXELS))
    y_labelled = np.eye(Y_DIM)[rng.integers(0, Y_DIM, LABELLED)]
    labels = np.eye(Y_DIM + 1)[[2, 6, Y_DIM]]
    return Batch(*[backend.array(part) for part in (x, x_labelled, y_labelled, labels)])


class PhaseCase(NamedTuple):
    """A phase to test: its class, what it takes besides an optimizer, what it may move, and the networks it needs."""

    kind: type
    takes: Any  # TinyNetworks -> arguments
    moves: set
    options: dict = {}  # of `tiny_networks`
    keywords: dict = {}
    updates_statistics_of: set = set()  # the networks whose running statistics its update moves


def prior_generator(nets):
    return PriorGenerator(nets.decoder, Gaussian(Y_DIM + Z_DIM))


class ConstantYReconstruction(Reconstruction):
    """With `detach_y`, and the y of the weights it is made with: a constant, as its gradient says."""

    def __init__(self, encoder, decoder, x, optimizer, seed=0):
        super().__init__(encoder, decoder, optimizer, seed, detach_y=True)
        y = encoder.forward(x, self.context())[0].y
        self.read = lambda code, batch: code._replace(y=y)


class ConstantYGenerate(Generate):
    """With `condition_on_y`, and the y that D_gauss reads as it is at first: a constant, as its gradient says."""

    def __init__(self, encoder, adversaries, x, optimizer, seed=0):
        super().__init__(encoder, adversaries, optimizer, seed)
        y = encoder.forward(x, self.context())[0].y

        class ConstantYAdversary(Adversary):
            def discriminator_input(self, xp, sample, code, batch):
                return super().discriminator_input(xp, sample, code._replace(y=y), batch)

        self.adversaries = [ConstantYAdversary(*adversary) for adversary in adversaries]


class ConstantExample:
    """With the adversarial examples as they are at first, at full distance: constants, as the gradient says."""

    def __init__(self, encoder, x, optimizer, seed=0, **options):
        super().__init__(encoder, optimizer, seed, **options)
        optimizer.steps = self.rampup
        ctx = self.context()
        example = super().adversarial_example(x, *encoder.forward(x, ctx), ctx)
        optimizer.steps = 0
        self.adversarial_example = lambda x, code, cache, ctx: example


class ConstantExampleVirtualAdversarial(ConstantExample, VirtualAdversarial):
    pass


class ConstantExampleInformationMaximization(ConstantExample, InformationMaximization):
    pass


def q_and_p(nets):
    return [nets.encoder, nets.decoder]


def q_and_adversaries(nets):
    return [nets.encoder, nets.adversaries]


def p_and_image_adversary(nets):
    return [prior_generator(nets), [nets.image_adversary]]


def reconstruction_case(kind=Reconstruction, options=None, **keywords):
    return PhaseCase(kind, q_and_p, {"Q", "P"}, options or {}, keywords, {"Q", "P"})


def latent_noise_case(kind=Reconstruction, options=None, **keywords):
    def takes(nets):
        return [kind(nets.encoder, nets.decoder, Momentum(0.1), **keywords)]

    return PhaseCase(LatentNoise, takes, {"P"}, options or {}, {"distance": 0.7})


def adversarial_case(kind, moves, options=None, **keywords):
    return PhaseCase(kind, q_and_adversaries, moves, options or {}, keywords)


def vat_case(kind=ConstantExampleVirtualAdversarial, **keywords):
    return PhaseCase(kind, lambda nets: [nets.encoder, nets.batch.x], {"Q"}, {}, {"epsilon": 0.7, **keywords})


LABEL_CONDITIONAL, CONDITION_ON_Y = {"label_conditional": True}, {"condition_on_y": True}
DISCRIMINATORS = {"D_cat", "D_gauss"}
PHASES = {
    "reconstruction": reconstruction_case(),
    "cross-entropy": reconstruction_case(options={"logits": True}),
    "decode-true-label": reconstruction_case(decode_true_label=True),
    "detach-y": PhaseCase(
        ConstantYReconstruction,
        lambda nets: [*q_and_p(nets), nets.batch.x],
        {"Q", "P"},
        updates_statistics_of={"Q", "P"},
    ),
    "variational": reconstruction_case(Variational, {"posterior": "gaussian"}),
    "variational-laplace": reconstruction_case(Variational, {"posterior": "gaussian"}, prior=Laplace(Z_DIM)),
    "head-separation": reconstruction_case(HeadSeparation, {"heads": Y_DIM}, eta=3.0),
    "discriminate": adversarial_case(Discriminate, DISCRIMINATORS),
    "discriminate-smoothed": adversarial_case(Discriminate, DISCRIMINATORS, smoothing=0.2),
    "generate": adversarial_case(Generate, {"Q"}),
    "discriminate-label-conditional": adversarial_case(Discriminate, DISCRIMINATORS, LABEL_CONDITIONAL),
    "generate-label-conditional": adversarial_case(Generate, {"Q"}, LABEL_CONDITIONAL),
    "discriminate-condition-on-y": adversarial_case(Discriminate, DISCRIMINATORS, CONDITION_ON_Y),
    "generate-condition-on-y": PhaseCase(
        ConstantYGenerate, lambda nets: [*q_and_adversaries(nets), nets.batch.x], {"Q"}, CONDITION_ON_Y
    ),
    "discriminate-images": PhaseCase(Discriminate, p_and_image_adversary, {"D_image"}),
    "generate-images": PhaseCase(
        Generate, p_and_image_adversary, {"P"}, {}, {"updates_statistics": True}, updates_statistics_of={"P"}
    ),
    "generate-images-of-logits": PhaseCase(Generate, p_and_image_adversary, {"P"}, {"logits": True}),
    "semi-supervised": PhaseCase(SemiSupervised, lambda nets: [nets.encoder], {"Q"}),
    "latent-noise": latent_noise_case(),
    "latent-noise-decode-true-label": latent_noise_case(decode_true_label=True),
    "latent-noise-with-heads": latent_noise_case(HeadSeparation, {"heads": Y_DIM}),
    "latent-noise-of-logits": latent_noise_case(options={"logits": True}),
    "vat": vat_case(),
    "information-maximization": vat_case(ConstantExampleInformationMaximization, weight=0.7),
}


NOISE = {"input_noise": 0.3, "input_dropout": 0.1}
OPTIONS = {  # of the encoder, each with lines of its own
    "plain": {},
    "noise": NOISE,
    "batch-norm": {"batch_norm": True},
    "gaussian": {"posterior": "gaussian"},
    "universal": {"posterior": "universal", "hidden": [20, 7]},
}
EVERYTHING = {"batch_norm": True, "posterior": "gaussian", **NOISE}


def options_on_backends():
    """Return (backend, options) cases: all options on NumPy and a GPU, two on the others, which run the same lines."""
    few = {"plain": {}, "everything": EVERYTHING}
    options = {name: OPTIONS if name in ("numpy", "cupy") else few for name in BACKENDS}
    return [pytest.param(name, options[name][key], id=f"{name}-{key}") for name in BACKENDS for key in options[name]]


each_option = pytest.mark.parametrize("backend64, options", options_on_backends(), indirect=["backend64"])


def phase_of(nets, name, optimizer=None, kind=None, phases=PHASES):
    """Return the phase called `name` in `phases` over some networks, or another class `kind` in its place."""
    case = phases[name]
    return (kind or case.kind)(*case.takes(nets), optimizer or Momentum(0.1), **case.keywords)


def tiny_phase(backend, name, optimizer=None, kind=None, phases=PHASES, **options):
    """Return the phase called `name`, the tiny networks it needs, and those networks that it must not move."""
    nets = tiny_networks(backend, **{**options, **phases[name].options})
    frozen = [network for network in nets.all if network.name not in phases[name].moves]
    return phase_of(nets, name, optimizer, kind, phases), nets, frozen


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


def as_float(backend, value):
    """Return a number on the device as a float."""
    return float(host(backend, value))


def saved(backend, *things):
    """Return name -> bytes of all the state of some networks and phases (a phase's is its optimizer's)."""
    result = {}
    for thing in things:
        state = thing.optimizer.state if isinstance(thing, Phase) else thing.state()
        result |= {f"{thing.name}.{name}": host(backend, value).tobytes() for name, value in state.items()}
    return result
