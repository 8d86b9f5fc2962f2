"""The numbers of a run, each described once: default, bounds, meaning, and which modes use it.

Checks, `--help` and docs/settings.md are made from these descriptions.
"""

import math
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from .modes import MODES
from .presets import PRESETS
from .priors import PRIORS


class About(NamedTuple):
    """What a field means and what it can be; `how` says who sets it.

    how: "flag" (--name), "set" (--set name=VALUE), "extra" (--extra name=NUMBER), "preset" (a preset alone), or
    "filled" (the program).
    """

    meaning: str
    how: str
    uses: frozenset = frozenset()  # what a mode must have to use it: see `Mode.has`
    needs: tuple = ()  # fields of which one must be on, for this one to have an effect
    least: float = 0
    below: float = math.inf
    choices: Any = None  # values by name, or a function that returns them


def number(how, default, meaning, uses=(), **bounds):
    """Return a dataclass field of `Numbers`; `default` may be a function that makes one."""
    about = {"about": About(meaning, how, frozenset(uses), **bounds)}
    if callable(default):
        return field(default_factory=default, metadata=about)
    return field(default=default, metadata=about)


def priors_of_z():
    """Return the names of the priors that z can have."""
    return [name for name in PRIORS if name != "categorical"]


MANY = 2**63  # what a whole number stays below
PAIR, READS_Y = ("Q", "D"), ("y",)
POSTERIORS = "deterministic", "gaussian", "universal"
VAT = "vat", "information_maximization"


@dataclass(frozen=True)
class Numbers:
    """One run's numbers. Learning rates (`lr_…`) are per phase."""

    mode: str = number("flag", "semi-supervised", "what to train, one of the modes below", choices=MODES)
    preset: str = number("flag", "quick", "the numbers to start from", choices=PRESETS)
    backend: str = number("flag", "numpy", "numpy, numpy-fast (Numba), cupy (an NVIDIA GPU) or auto")
    threads: int = number("filled", 0, "of the CPU", below=MANY)
    ranks: int = number("filled", 1, "processes that share each batch", least=1, below=MANY)
    revision: str = number("filled", "", "the name of the run")
    seed: int = number("flag", 0, "of weights, noise, batches and drawn labels", below=MANY)
    data: str | None = number("flag", None, "a folder or file with your own images; without it MNIST")
    data_name: str = number("filled", "", "what the data is called")
    data_digest: str = number("filled", "", "of all arrays of the data")
    inputs: int = number("filled", 784, "pixels of an image", least=1, below=MANY)
    classes: int = number("filled", 10, "distinct labels of the data", below=MANY)
    side: tuple | None = number("filled", (28, 28), "height and width of an image")
    channels: int = number("filled", 1, "1, or 3 of an image in colour", least=1, below=MANY)
    names: tuple = number("filled", (), "the labels, sorted; none: 0 to classes - 1")
    integer_range: float = number(
        "filled", 255.0, "what 1 in [0, 1] is in images of whole numbers", choices=(1.0, 255.0)
    )
    float_range: float = number("filled", 1.0, "what 1 is in images of real numbers", choices=(1.0, 255.0))
    mean: tuple = number("filled", (), "of each column of a table")
    std: tuple = number("filled", (), "of each column of a table")
    epochs: int = number("flag", 12, "times through the training images", least=1, below=MANY)
    batch_size: int = number("flag", 100, "images a step", least=1, below=MANY)
    labels: int | str = number("flag", 0, "how many training images show their label, or all", ("labels",))
    images: int = number("flag", 0, "train on N images at most, labelled or not; 0: on all", below=MANY)
    animate: bool = number("flag", False, "make a GIF of the latent space over the epochs")
    hidden: tuple = number("flag", (400, 400), "hidden widths, of P in reverse; one number is used for two layers")
    z: int = number("flag", 10, "dimensions of z", least=1, below=MANY)
    clusters: int = number("flag", 0, "how many clusters, where there are no labels", ("clusters",), below=MANY)
    eta: float = number("set", 5.0, "cluster heads closer than this push each other away", ("heads",))
    latent_noise: float = number("extra", 0.0, "train P at z plus noise of this standard deviation, too", ("Q",))
    vat: float = number(
        "extra", 0.0, "virtual adversarial training: y must not change within this Euclidean distance of an image",
        READS_Y,
    )  # fmt: skip
    information_maximization: float = number(
        "extra", 0.0, "weight of H(y|x) − 4·H(y): each image is sure of its y, and all y are used", READS_Y
    )
    vat_rampup: int = number(
        "set", 10_000, "updates over which the distance of vat grows from 0", READS_Y, needs=("vat",), least=1,
        below=MANY,
    )  # fmt: skip
    adversarial_warmup: int = number(
        "set", 0, "updates over which the weight of D_cat's loss in Generate grows to 1", READS_Y, below=MANY
    )
    detach_y: bool = number("set", False, "Reconstruction moves Q through z alone", READS_Y)
    condition_on_y: bool = number("set", False, "D_gauss reads y beside z: z follows the prior given each y", ("p_y",))
    prior: str = number("flag", "gaussian", "of z", ("prior",), choices=priors_of_z)
    prior_options: dict = number("set", dict, "options of the prior, such as prior_std", ("prior",))
    posterior: str = number("flag", "deterministic", "q(z|x)", PAIR, choices=POSTERIORS)
    reconstruction: str = number(
        "set", "squared", "½ Σ (x̂ − x)² of pixels, their cross-entropy, or ½ Σ (x̂ − x)² of a table", ("Q",),
        choices=("squared", "cross-entropy", "gaussian"),
    )  # fmt: skip
    input_noise: float = number("flag", 0.3, "standard deviation of the noise on Q's (a GAN: D's) images in training")
    input_dropout: float = number("preset", 0.0, "probability that a pixel of Q's input is dropped", ("Q",), below=1)
    batch_norm: bool = number("set", True, "batch norm in Q and P, never in a discriminator")
    decoder_norm: bool | None = number("preset", None, "batch norm in P, where it is not as in Q")
    head_norm: bool = number("preset", False, "batch norm on Q's output, y and z", ("Q",))
    weight_std: float | None = number("preset", None, "of the first weights; null: 1/√(3·d_in)")
    optimizer: str = number("set", "adam", "of all phases but the classifier's", choices=("adam", "momentum"))
    lr_reconstruction: float = number("set", 1e-3, "learning rate of Reconstruction", ("Q",))
    lr_adversarial: float = number("set", 3e-4, "learning rate of Discriminate and Generate", ("D",))
    vat_optimizer: str | None = number(
        "set", None, "of vat, with momentum 0.9; null: as that of Generate", READS_Y, needs=VAT,
        choices=("adam", "momentum", None),
    )  # fmt: skip
    lr_vat: float | None = number("set", None, "learning rate of vat; null: lr_adversarial", READS_Y, needs=VAT)
    lr_classifier: float = number(
        "set", 0.1, "learning rate of SemiSupervised, always SGD with momentum 0.9", ("y", "labels"), needs=("labels",)
    )
    adversarial_momentum: float = number(
        "preset", 0.5, "Adam's β₁ in the adversarial phases, or SGD's momentum", ("D",), below=1
    )
    leak: float = number("preset", 0.0, "slope of a discriminator's units below 0", ("D",), below=1)
    dropout: float = number("preset", 0.0, "in the hidden layers of a discriminator", ("D",), below=1)
    smoothing: float = number(
        "preset", 0.0, "a discriminator's target for real samples is 1 less this", ("D",), below=1
    )
    step_decay: dict = number("set", dict, "epoch -> factor of all learning rates from then on")
    linear_decay_from: float | None = number(
        "set", 0.6, "from this fraction of the run on, learning rates fall linearly to 0.01; null: never", below=1
    )
    save_every: int = number("flag", 1, "epochs from checkpoint to checkpoint", least=1, below=MANY)
    save_minutes: float = number("flag", 10.0, "minutes from checkpoint to checkpoint within an epoch")


ABOUT = {f.name: f.metadata["about"] for f in fields(Numbers)}


def names(how):
    """Return the names of the fields that are set in this way, in order of the alphabet."""
    return sorted(name for name, about in ABOUT.items() if about.how == how)


def choices_of(name):
    """Return the values that field `name` can have by name, or None where it is no such field."""
    known = ABOUT[name].choices
    return known() if callable(known) else known


def lacks(mode, name):
    """Return whether a mode has no use for field `name`."""
    has = mode.has | ({"p_y"} if mode.p_y and "D" in mode.has else set())
    return not ABOUT[name].uses <= has
