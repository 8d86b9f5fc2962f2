"""The numbers of a run: what each mode and preset starts from, and what a flag may change.

A `Config` is plain data; it is written to `config.json` beside the run, and is all that is needed to build the same
system again. `quick` trains in minutes on two CPU cores. `paper` is the paper's own network and recipe: SGD with
momentum, weights drawn from N(0, 0.01), and rates that fall to a tenth at the epochs the paper names.
"""

import json
import math
import os
import sys
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise
from typing import NamedTuple

from .errors import UserError
from .priors import PRIORS

POSTERIORS = ("deterministic", "gaussian", "universal")


class Mode(NamedTuple):
    """What a mode can use: `flags` beside those that all can, and where the widths of Q's and P's y come from."""

    flags: set
    q_y: str | None = None  # "classes", "clusters", or "either": classes where there are labels, else clusters
    p_y: str | None = None
    least_labels: int = 0
    told_labels: bool = False  # whether a phase reads the label of each image of the batch


Y_EXTRAS = {"mutual_information", "y_decoder", "repulsion", "robustness", "balance"}  # they want a y of Q's
Z_EXTRAS = {"z_penalty"}
EXTRAS = Y_EXTRAS | Z_EXTRAS  # what --extra NAME=NUMBER can ask for, NAME with dashes; all are off at 0
OF_Q = {"reconstruction", "rate_reconstruction", "input_dropout", "head_norm"}
OF_D = {"rate_adversarial", "adversarial_momentum", "leak", "dropout", "smoothing"}
OF_ALL = {"optimizer", "weight_std", "batch_norm", "decoder_norm", "decay", "fade"}
SETTINGS = OF_Q | OF_D | OF_ALL | {"rate_classifier", "eta"}  # what --set NAME=VALUE can change
AAE = {"prior", "posterior", "input_noise"} | OF_Q | OF_D | OF_ALL | Z_EXTRAS
MODES = {
    "autoencoder": Mode({"input_noise"} | OF_Q | OF_ALL | Z_EXTRAS),
    "vae": Mode({"prior", "input_noise"} | OF_Q | OF_ALL),
    "gan": Mode({"prior", "input_noise"} | OF_D | OF_ALL),
    "aae": Mode(AAE),
    "label-regularized": Mode(AAE | {"labels"}, None, None, 1, told_labels=True),
    "supervised": Mode(AAE, None, "classes", told_labels=True),
    "semi-supervised": Mode(AAE | Y_EXTRAS | {"labels", "rate_classifier"}, "classes", "classes", 1),
    "clustering": Mode(AAE | Y_EXTRAS | {"clusters"}, "clusters", "clusters"),
    "reduction": Mode(AAE | Y_EXTRAS | {"labels", "clusters", "rate_classifier", "eta"}, "either", "either"),
}
PLANAR = ("mixture", "swiss-roll")  # priors that lie in a plane, and have a mode for each class
SMOOTH = ("gaussian", "laplace", "mixture")  # priors whose ln p(z) has a slope everywhere, which a VAE's KL needs
OPTIONAL = {"prior", "posterior", "input_noise", "labels", "clusters"} | EXTRAS | SETTINGS


@dataclass(frozen=True)
class Config:
    """One run's numbers. Rates are per phase; `decay` maps an epoch to the factor its rates take from then on."""

    mode: str = "semi-supervised"
    preset: str = "quick"
    backend: str = "numpy"
    threads: int = 0  # of the CPU, filled in when the run starts; a resumed run wants the same
    ranks: int = 1  # processes that share each batch, filled in like `threads`
    revision: str = ""  # the run's name, filled in when its folder is made
    seed: int = 0
    data: str | None = None  # None: the MNIST in the package
    inputs: int = 784  # pixels; counted from the data, like the next two
    classes: int = 10
    side: tuple | None = (28, 28)
    epochs: int = 12
    batch_size: int = 100
    labels: int | str = 0  # how many training images show their label; "all"
    images: int = 0  # train on this many images at most, labelled or not; 0: all but those for validation
    animate: bool = False  # keep codes of validation images along the run, for a GIF of the latent space
    hidden: tuple = (400, 400)
    z: int = 10
    clusters: int = 0  # how many, in the modes that cluster without labels
    eta: float = 5.0  # cluster heads (in a plane), or pictures under `repulsion`, closer than this push each other away
    mutual_information: float = 0.0  # weight of: Q reads in P(y, z) the y that P was given
    z_penalty: float = 0.0  # weight of ½ Σ z² of each image
    y_decoder: float = 0.0  # weight of the reconstruction from y alone, by a decoder of its own
    repulsion: float = 0.0  # weight of the push between the pictures of two clusters in one style
    robustness: float = 0.0  # within this distance of an image (Euclidean, pixels in [0, 1]) its y shall not change
    balance: float = 0.0  # exponent with which the prior of y leans against over-used outputs
    prior: str = "gaussian"
    posterior: str = "deterministic"
    reconstruction: str = "squared"  # ½ Σ (x̂ − x)², the paper's, or "cross-entropy" of the pixels
    input_noise: float = 0.3  # standard deviation of the noise on Q's (a GAN: D's) images, in training only
    input_dropout: float = 0.0  # probability that a pixel of Q's input is dropped, training only
    batch_norm: bool = True  # in Q and P, never in a discriminator
    decoder_norm: bool | None = None  # batch norm in P, where it is not as in Q
    head_norm: bool = False  # batch norm on Q's output, y and z, too
    weight_std: float | None = None  # None: 1/√(3·d_in)
    optimizer: str = "adam"
    rate_reconstruction: float = 1e-3
    rate_adversarial: float = 3e-4
    rate_classifier: float = 0.1  # always SGD with momentum 0.9: as the few labels are learned, its steps must shrink
    adversarial_momentum: float = 0.5  # Adam's β₁, or SGD's momentum
    leak: float = 0.0  # slope of a discriminator's units below 0: 0 is ReLU, more is LeakyReLU
    dropout: float = 0.0  # in the hidden layers of a discriminator
    smoothing: float = 0.0  # a discriminator's target for what is real is 1 less this
    decay: dict = field(default_factory=dict)  # epoch -> factor
    fade: float | None = 0.6  # after this share of the run the rates fall in a straight line towards 0.01; None: never
    save_every: int = 1  # epochs from checkpoint to checkpoint
    save_minutes: float = 10.0  # and minutes, within an epoch

    @property
    def y(self):
        """Width of Q's y: one output a class or a cluster, 0 where the mode has no y."""
        return self._width(MODES[self.mode].q_y)

    @property
    def given_y(self):
        """Width of the y that P reads: Q's, or the true label's in mode supervised."""
        return self._width(MODES[self.mode].p_y)

    @property
    def y_is_class(self):
        """Whether output k of y means class k, rather than some cluster."""
        return self.y > 0 and self.labels != 0

    def _width(self, source):
        if source == "either":
            source = "clusters" if self.labels == 0 else "classes"
        return getattr(self, source) if source else 0

    @classmethod
    def of(cls, mode="semi-supervised", preset="quick", **flags):
        """Return the preset of `mode` changed by `flags`; `UserError` for a flag that the mode cannot use."""
        expect_one_of("mode", mode, MODES)
        expect_one_of("preset", preset, PRESETS)
        flags |= extras_in(flags.pop("extra", ())) | settings_in(flags.pop("set", ()))
        for name in sorted(OPTIONAL & flags.keys() - MODES[mode].flags):
            raise UserError(f"{flag(name)}: mode {mode} has no use for it; leave it out, or choose another --mode")
        if flags.get("prior") in PLANAR:
            flags.setdefault("z", 2)
        if mode == "reduction" and "clusters" in flags and flags.setdefault("labels", 0) != 0:
            raise UserError("--clusters: with --labels each class is a cluster; leave one of the two out")
        own = OWN.get(mode, {}) | OWN.get((preset, mode), {})
        gentle = (own | flags).get("labels", 0) != 0 and ((own | flags).get("z") == 2 or flags.get("robustness"))
        recipe = preset, mode, "gentle" if gentle else "elsewhere"
        own |= OWN.get(recipe, {})
        config = cls(mode=mode, preset=preset, **(PRESETS[preset] | own | flags))
        config.check()
        if recipe == ("quick", "reduction", "gentle") and "eta" not in flags:  # draws of z lie about √z from their head
            config = replace(config, eta=config.eta * math.sqrt(config.z / 2))
        return config

    def check(self):
        """Raise `UserError` for values no run can have, be they from flags or from an edited config.json."""
        for f in fields(self):
            expect_kind(f.name, getattr(self, f.name), f.type)
        for size in (*self.hidden, *(self.side or ())):
            expect_kind("hidden and side", size, int)
        for factor in self.decay.values():
            expect_kind("decay", factor, float)
        for name, known in KNOWN.items():
            expect_one_of(name, getattr(self, name), known)
        for name, least in LEAST.items():
            if not least <= getattr(self, name) < 2**63:
                raise UserError(f"{flag(name)}: {getattr(self, name)} given, expected a whole number from {least} up")
        if not 1 <= len(self.hidden) <= 100 or not 1 <= min(self.hidden) <= max(self.hidden) < 2**31:
            came = f"{self.hidden}"[:80]
            raise UserError(f"--hidden: {came} given, expected one to a hundred widths of at least 1, e.g. 1000,1000")
        if self.side and (len(self.side) != 2 or min(self.side) < 1 or self.side[0] * self.side[1] != self.inputs):
            raise UserError(f"side: {self.side} given, expected height and width of an image of {self.inputs} pixels")
        for name in sorted(EXTRAS - MODES[self.mode].flags):
            if getattr(self, name):
                raise UserError(f"{flag(name)}: {getattr(self, name)} given, but mode {self.mode} has no use for it")
        for name in ("input_dropout", "adversarial_momentum", "leak", "dropout", "smoothing", "fade"):
            if (getattr(self, name) or 0) >= 1:
                raise UserError(f"{flag(name)}: {getattr(self, name)} given, expected a number below 1")
        if isinstance(self.labels, str) and self.labels != "all":
            raise UserError(f'--labels: {self.labels!r} given, expected a whole number or "all"')
        if self.labels == 0 and MODES[self.mode].least_labels:
            raise UserError(f"--labels: 0 given, mode {self.mode} needs some; one a class is the least")
        if MODES[self.mode].q_y and not self.y_is_class and self.clusters < 2:
            raise UserError(f"--clusters: {self.clusters} given, expected at least 2")
        own = OWN.get(self.mode, {})
        for name in sorted({"prior", "posterior"} - MODES[self.mode].flags):
            expected = own.get(name, getattr(Config, name))
            if getattr(self, name) != expected:
                raise UserError(f"{name}: {getattr(self, name)} given, but mode {self.mode} works with {expected} only")
        if self.mode == "vae" and self.prior not in SMOOTH:
            raise UserError(
                f"--prior: the KL of a VAE needs the slope of ln p(z), and {self.prior} has none everywhere; expected "
                f"one of {', '.join(SMOOTH)}, or mode aae, which needs samples alone"
            )
        if self.mode == "gan" and self.animate:
            raise UserError("--animate: a GAN has no encoder, so no codes to watch; choose another --mode")
        if self.mode == "label-regularized" and self.prior not in PLANAR:
            raise UserError(f"--prior: {self.prior} has no modes to give labels to; expected mixture or swiss-roll")
        if self.labels != 0 and not ("labels" in MODES[self.mode].flags or MODES[self.mode].told_labels):
            raise UserError(f"labels: {self.labels!r} given, but mode {self.mode} shows no label to anyone")

    def for_data(self, dataset):
        """Return this config with the sizes of `dataset`."""
        return replace(self, inputs=dataset.x_train.shape[1], classes=dataset.classes, side=dataset.side)

    def for_backend(self, backend):
        """Return this config with the number of CPU threads, and of ranks, that it is run on."""
        return replace(self, threads=backend.threads, ranks=backend.team.size)

    def expect_memory(self):
        """Raise `UserError` where the networks, their gradients and momenta are larger than this machine's memory."""
        code, *hidden = max(self.y, self.given_y) + 2 * self.z, *self.hidden
        read = max(code, self.inputs) + self.classes + 1  # no network reads more
        weights = 4 * sum(a * b for a, b in pairwise([read, *hidden, max(self.inputs, code)]))  # Q, P and two D
        needed = 4 * 4 * weights  # float32: the weights, and for one phase at least a gradient and two moments
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else math.inf
        if needed > memory:
            came = f"{needed / 1e9:.3g} GB for {list(self.hidden)}, z {self.z}"
            raise UserError(f"--hidden: about {came}; this machine has {memory / 1e9:.3g} GB; smaller widths?")

    def to_json(self):
        """Return the text of config.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text, where):
        """Return the config in the text of a config.json; `UserError` naming `where` if it is none."""
        try:
            values = json.loads(text)
            known = {f.name for f in fields(cls)}
            if not isinstance(values, dict) or not known - NEWER <= set(values) <= known:
                raise ValueError("its keys are not those of a config")
            values["hidden"] = tuple(values["hidden"])
            values["side"] = values["side"] and tuple(values["side"])
            values["decay"] = epochs_of(values["decay"])
            config = cls(**values)
            config.check()
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{where}: {error}; was it written by another version, or edited?") from error
        return config


# The paper's optimizer: where no label helps Q, Adam lets D_cat win before y has become one-hot, and this does not.
SGD = dict(
    weight_std=0.01, optimizer="momentum", rate_reconstruction=0.01, rate_adversarial=0.1, adversarial_momentum=0.1
)

PRESETS = {
    "quick": {},
    "paper": SGD | dict(hidden=(1000, 1000), epochs=5000, batch_norm=False, decay={50: 0.1, 1000: 0.1}, fade=None),
}

# mode, or (preset, mode), or these and "gentle" or "elsewhere" -> what differs from the preset. Gentle is: there are
# labels, and z has two dimensions or Robustness is at work; without it SGD gets further in as many epochs
OWN = {
    "vae": dict(posterior="gaussian", z=8),
    "gan": dict(input_noise=0.0),
    "aae": dict(z=8),
    "label-regularized": dict(prior="mixture", z=2, labels=10000, images=50000),  # 40 000 unlabelled, as in the paper
    "supervised": dict(z=15, labels="all"),
    "semi-supervised": dict(labels=100),
    # with batch norm in P, too, it learns so fast that y is taken for style before it is one-hot
    "clustering": dict(clusters=16, z=5, input_noise=0.0, input_dropout=0.2, head_norm=True, decoder_norm=False),
    "reduction": dict(labels=1000, clusters=20, z=2),
    ("quick", "semi-supervised"): dict(
        epochs=17, z=15, input_noise=0.4, reconstruction="cross-entropy", head_norm=True, fade=0.75
    ),
    ("quick", "supervised"): dict(z=5),  # in minutes 15 dimensions learn to hold the digit too; 5 keep to style
    # what keeps D from winning: slow steps, units that leak and drop out, a target out of reach, noise over all images
    ("quick", "gan"): dict(
        epochs=25, hidden=(300, 300), z=20, input_noise=0.5, rate_adversarial=2e-4, leak=0.2, dropout=0.3, smoothing=0.1
    ),
    ("quick", "label-regularized"): dict(rate_reconstruction=5e-4, rate_adversarial=1e-3),
    ("quick", "clustering"): SGD | dict(epochs=20),
    ("quick", "reduction"): dict(epochs=15),
    ("quick", "reduction", "elsewhere"): SGD,
    # y reaches P through the long rows of W_C, so Reconstruction pulls hard at it: slow steps there, fast ones beside
    ("quick", "reduction", "gentle"): dict(
        input_noise=0.4,
        reconstruction="cross-entropy",
        head_norm=True,
        rate_reconstruction=3e-4,
        rate_adversarial=1e-3,
    ),
    ("paper", "clustering"): dict(hidden=(3000, 3000), epochs=1500, batch_norm=True, decay={50: 0.1}),
}

# what `Config.check` holds a config to
KNOWN = {
    "mode": MODES,
    "preset": PRESETS,
    "prior": [name for name in PRIORS if name != "categorical"],
    "posterior": POSTERIORS,
    "reconstruction": ("squared", "cross-entropy"),
    "optimizer": ("adam", "momentum"),
}
NEWER = EXTRAS | {  # keys that an older config.json lacks; the defaults fit it
    "save_every", "save_minutes", "images", "animate", "leak", "dropout", "smoothing", "decoder_norm", "ranks",
}  # fmt: skip
LEAST = {
    "inputs": 1, "classes": 2, "epochs": 1, "batch_size": 1, "z": 1, "clusters": 0, "seed": 0, "threads": 0,
    "save_every": 1, "images": 0, "ranks": 1,
}  # fmt: skip


def flag(name):
    """Return how a field of `Config` is written on the command line."""
    if name in SETTINGS:
        return f"--set {name}"
    return ("--extra " if name in EXTRAS else "--") + name.replace("_", "-")


def extras_in(texts):
    """Return the fields that `--extra` sets: ["z-penalty=0.1", …] -> {"z_penalty": 0.1, …}."""
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        known = [extra.replace("_", "-") for extra in sorted(EXTRAS)]
        if name not in known:
            raise UserError(f"--extra: there is no extra {name!r}; expected one of {', '.join(known)}, as NAME=NUMBER")
        try:
            found[name.replace("-", "_")] = float(number)
        except ValueError:
            raise UserError(f"--extra {name}: {number!r} given, expected a number, as in --extra {name}=0.1") from None
    return found


def settings_in(texts):
    """Return the fields that `--set` sets, values as in config.json: ["eta=2", …] -> {"eta": 2, …}."""
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in SETTINGS:
            known = ", ".join(sorted(SETTINGS))
            raise UserError(f"--set: there is no setting {name!r}; expected one of {known}, as NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            found[name] = value  # a word needs no quotes
    if "decay" in found:
        try:
            found["decay"] = epochs_of(found["decay"])
        except (ValueError, AttributeError):
            came = str(found["decay"])[:80]
            raise UserError(f"--set decay: {came} given, expected epochs and factors, as '{{\"40\": 0.1}}'") from None
    return found


def epochs_of(decay):
    """Return `decay` as JSON has it, its epochs in quotes, with whole numbers for them."""
    return {int(epoch): factor for epoch, factor in decay.items()}


def expect_one_of(name, value, known):
    """Raise `UserError` unless `value` is one of `known`."""
    if value not in known:
        raise UserError(f"{flag(name)}: there is no {name} {value!r}; expected one of {', '.join(known)}")


def expect_kind(name, value, kind):
    """Raise `UserError` unless `value` is a `kind` and, if it is a real number, finite and not negative."""
    real = isinstance(0.5, kind)
    wants_bool = kind in (bool, bool | None)
    if not isinstance(value, kind | int if real else kind) or (isinstance(value, bool) and not wants_bool):
        expected = kind.__name__ if isinstance(kind, type) else kind
        raise UserError(f"{name}: {value!r} given, expected {expected}")
    if real and value is not None and not 0 <= value <= sys.float_info.max:
        raise UserError(f"{flag(name)}: {value} given, expected a finite number from 0 up")
