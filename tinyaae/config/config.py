"""The numbers of a run, whole: those of its mode and preset, changed by flags, and held to what a run can have.

A `Config` is plain data; it is written to `config.json` beside the run, and is all that is needed to build the same
system again.
"""

import json
import math
import os
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise

from ..data import digest
from ..errors import UserError
from ..priors import PLANAR, PRIORS, SMOOTH, expect_options, prior_named
from .flags import PRIOR, epochs_of, expect_kind, expect_one_of, extras_in, flag, settings_in
from .modes import EXTRAS, MODES, OPTIONAL, POSTERIORS
from .presets import OWN, PRESETS, is_gentle, numbers_of


@dataclass(frozen=True)
class Config:
    """One run's numbers. Learning rates (`lr_…`) are per phase."""

    mode: str = "semi-supervised"
    preset: str = "quick"
    backend: str = "numpy"
    threads: int = 0  # of the CPU, filled in when the run starts; a resumed run wants the same
    ranks: int = 1  # processes that share each batch, filled in like `threads`
    revision: str = ""  # the run's name, filled in when its folder is made
    seed: int = 0
    data: str | None = None  # None: the MNIST in the package, or arrays in memory, if the next two are not MNIST's
    data_name: str = ""  # filled in from the data, like the next four
    data_digest: str = ""  # of all its arrays, so that a run is never continued or judged on others
    inputs: int = 784  # pixels
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
    eta: float = 5.0  # cluster heads (in a plane) closer than this push each other away
    latent_noise: float = 0.0  # P learns to paint an image from all around its code: the noise on z, standard deviation
    vat: float = 0.0  # within this distance of an image (Euclidean, pixels in [0, 1]) its y shall not change
    information_maximization: float = 0.0  # weight, beside that, of: each image is sure of its y, and all y are used
    vat_rampup: int = 10_000  # updates over which that distance grows from 0
    adversarial_warmup: int = 0  # updates over which the weight of D_cat's loss in Generate grows to 1; 0: none
    detach_y: bool = False  # Reconstruction moves Q by way of z alone; P reads y all the same
    condition_on_y: bool = (
        False  # D_gauss sees y beside z, so that z follows its prior within each y and not only over all
    )
    prior: str = "gaussian"
    prior_options: dict = field(default_factory=dict)  # its numbers by name, such as std; `--set prior_std=5` sets one
    posterior: str = "deterministic"
    reconstruction: str = "squared"  # ½ Σ (x̂ − x)², the paper's, or "cross-entropy" of the pixels
    input_noise: float = 0.3  # standard deviation of the noise on Q's (a GAN: D's) images, in training only
    input_dropout: float = 0.0  # probability that a pixel of Q's input is dropped, training only
    batch_norm: bool = True  # in Q and P, never in a discriminator
    decoder_norm: bool | None = None  # batch norm in P, where it is not as in Q
    head_norm: bool = False  # batch norm on Q's output, y and z, too
    weight_std: float | None = None  # None: 1/√(3·d_in)
    optimizer: str = "adam"
    lr_reconstruction: float = 1e-3
    lr_adversarial: float = 3e-4
    vat_optimizer: str | None = None  # of vat, with momentum 0.9; None: as that of Q's adversary
    lr_vat: float | None = None  # and its rate; None: as lr_adversarial
    lr_classifier: float = 0.1  # always SGD with momentum 0.9: as the few labels are learned, its steps must shrink
    adversarial_momentum: float = 0.5  # Adam's β₁, or SGD's momentum
    leak: float = 0.0  # slope of a discriminator's units below 0: 0 is ReLU, more is LeakyReLU
    dropout: float = 0.0  # in the hidden layers of a discriminator
    smoothing: float = 0.0  # a discriminator's target for what is real is 1 less this
    step_decay: dict = field(default_factory=dict)  # epoch -> factor of all learning rates from then on
    linear_decay_from: float | None = 0.6  # from this part of the run on they fall linearly to 0.01; None: never
    save_every: int = 1  # epochs from checkpoint to checkpoint
    save_minutes: float = 10.0  # and minutes, within an epoch

    @property
    def y_dim(self):
        """Width of Q's y: one output a class or a cluster, 0 where the mode has no y."""
        return self._width(MODES[self.mode].q_y)

    @property
    def decoder_y_dim(self):
        """Width of the y that P reads: Q's, or the true label's in mode supervised."""
        return self._width(MODES[self.mode].p_y)

    @property
    def y_is_class(self):
        """Whether output k of y means class k, rather than some cluster."""
        return self.y_dim > 0 and self.labels != 0

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
        options = {name: flags.pop(name) for name in list(flags) if name.startswith(PRIOR) and name != "prior_options"}
        if options:
            flags["prior_options"] = flags.get("prior_options", {}) | {k[len(PRIOR) :]: v for k, v in options.items()}
        if "prior" in flags:
            flags.setdefault("prior_options", {})  # those of the mode's own prior are not another's
        for name in sorted(OPTIONAL & flags.keys() - MODES[mode].flags):
            raise UserError(f"{flag(name)}: mode {mode} has no use for it; leave it out, or choose another --mode")
        if flags.get("prior") in PLANAR:
            flags.setdefault("z", 2)
        if mode == "reduction" and "clusters" in flags and flags.setdefault("labels", 0) != 0:
            raise UserError("--clusters: with --labels each class is a cluster; leave one of the two out")
        gentle = is_gentle(mode, preset, flags)
        config = cls(mode=mode, preset=preset, **(numbers_of(mode, preset, gentle) | flags))
        config.check()
        for name in sorted(NEEDS.keys() & flags.keys()):
            what, has = NEEDS[name]
            if not has(config):
                raise UserError(f"{flag(name)}: of use with {what} only; leave it out, or add that")
        if config.vat_optimizer not in (None, config.optimizer) and config.lr_vat is None:
            came = f"{config.vat_optimizer} beside {config.optimizer}, whose rate of {config.lr_adversarial:g}"
            raise UserError(f"--set vat_optimizer: {came} would not suit it; give it its own by --set lr_vat=NUMBER")
        if gentle and "eta" not in flags:  # draws of z lie about √z from their head
            config = replace(config, eta=config.eta * math.sqrt(config.z / 2))
        return config

    def check(self):
        """Raise `UserError` for values no run can have, be they from flags or from an edited config.json."""
        for f in fields(self):
            expect_kind(f.name, getattr(self, f.name), f.type)
        for size in (*self.hidden, *(self.side or ())):
            expect_kind("hidden and side", size, int)
        for factor in self.step_decay.values():
            expect_kind("step_decay", factor, float)
        for option, value in self.prior_options.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise UserError(f"--set prior_{option}: {value!r} given, expected a finite number")
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
        for name in ("input_dropout", "adversarial_momentum", "leak", "dropout", "smoothing", "linear_decay_from"):
            if (getattr(self, name) or 0) >= 1:
                raise UserError(f"{flag(name)}: {getattr(self, name)} given, expected a number below 1")
        if isinstance(self.labels, str) and self.labels != "all":
            raise UserError(f'--labels: {self.labels!r} given, expected a whole number or "all"')
        if self.labels == 0 and MODES[self.mode].least_labels:
            raise UserError(f"--labels: 0 given, mode {self.mode} needs some; one a class is the least")
        if MODES[self.mode].q_y and not self.y_is_class and self.clusters < 2:
            raise UserError(f"--clusters: {self.clusters} given, expected at least 2")
        own = OWN.get(self.mode, {})
        for name in sorted({"prior", "prior_options", "posterior"} - MODES[self.mode].flags):
            expected = own.get(name, {} if name == "prior_options" else getattr(Config, name))
            if getattr(self, name) != expected:
                raise UserError(f"{name}: {getattr(self, name)} given, but mode {self.mode} works with {expected} only")
        expect_options(self.prior, self.prior_options)
        prior_named(self.prior, 2 if self.prior in PLANAR else 1, **self.prior_options)  # refuses values out of range
        if self.mode == "vae" and self.prior not in SMOOTH:
            raise UserError(
                f"--prior: the KL of a VAE needs the slope of ln p(z), and {self.prior} has none everywhere; expected "
                f"one of {', '.join(SMOOTH)}, or mode aae, which needs samples alone"
            )
        if self.mode == "gan" and self.animate:
            raise UserError("--animate: a GAN has no encoder, so no codes to watch; choose another --mode")
        if self.mode == "label-regularized" and self.prior not in PLANAR:
            raise UserError(f"--prior: {self.prior} has no modes to give labels to; expected mixture or swiss-roll")
        if self.labels != 0 and not ("labels" in MODES[self.mode].flags or MODES[self.mode].label_conditional):
            raise UserError(f"labels: {self.labels!r} given, but mode {self.mode} shows no label to anyone")

    def for_data(self, dataset):
        """Return this config with the sizes, the name and the digest of `dataset`."""
        return replace(
            self, inputs=dataset.x_train.shape[1], classes=dataset.classes, side=dataset.side,
            data_name=dataset.name, data_digest=digest(dataset),
        )  # fmt: skip

    def expect_data(self, dataset):
        """Raise `UserError` unless `dataset` is what this config was made for, array by array."""
        here = self.for_data(dataset)
        where = self.data or ("MNIST" if dataset.name == "mnist" else dataset.name)
        if self.data_digest not in ("", here.data_digest):
            name = ascii(self.data_name)[:80]
            if self.data is None and self.data_name != "mnist":
                hint = "were in memory and must be given again, from Python; tinyaae.load opens the model without them"
                raise UserError(
                    f"data: came {where}, expected the arrays {name} that the run was trained on; they {hint}"
                )
            raise UserError(
                f"{where}: not the arrays {name} that the run was trained on (digest {here.data_digest}, expected "
                f"{ascii(self.data_digest)[:80]}); has the data changed? train a new run on it"
            )
        if (here.inputs, here.classes, here.side) != (self.inputs, self.classes, self.side):
            raise UserError(
                f"{where}: {here.inputs} pixels {here.side}, {here.classes} classes, expected the run's {self.inputs} "
                f"{self.side} and {self.classes}; has the data changed?"
            )

    def for_backend(self, backend):
        """Return this config with the number of CPU threads, and of ranks, that it is run on."""
        return replace(self, threads=backend.threads, ranks=backend.communicator.size)

    def expect_memory(self):
        """Raise `UserError` where the networks, their gradients and momenta are larger than this machine's memory."""
        code, *hidden = max(self.y_dim, self.decoder_y_dim) + 2 * self.z, *self.hidden
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
            if isinstance(values, dict) and "rate_reconstruction" in values:
                raise ValueError("the run is of tinyaae 0.1.0, and that version reads it")
            if not isinstance(values, dict) or set(values) != known:
                raise ValueError("its keys are not those of a config")
            values["hidden"] = tuple(values["hidden"])
            values["side"] = values["side"] and tuple(values["side"])
            values["step_decay"] = epochs_of(values["step_decay"])
            config = cls(**values)
            config.check()
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{where}: {error}; was it written by another version, or edited?") from error
        return config


OF_VAT = "--extra vat or information-maximization", lambda config: config.vat or config.information_maximization
# a setting that not every run of its modes has a use for -> with what it has one, and whether a config has that
NEEDS = {
    "lr_classifier": ("--labels", lambda config: config.labels != 0),
    "vat_rampup": ("--extra vat", lambda config: config.vat),
    "vat_optimizer": OF_VAT,
    "lr_vat": OF_VAT,
}
# what `Config.check` holds a config to
KNOWN = {
    "mode": MODES,
    "preset": PRESETS,
    "prior": [name for name in PRIORS if name != "categorical"],
    "posterior": POSTERIORS,
    "reconstruction": ("squared", "cross-entropy"),
    "optimizer": ("adam", "momentum"),
    "vat_optimizer": ("adam", "momentum", None),
}
LEAST = {
    "inputs": 1, "classes": 2, "epochs": 1, "batch_size": 1, "z": 1, "clusters": 0, "seed": 0, "threads": 0,
    "save_every": 1, "images": 0, "ranks": 1, "vat_rampup": 1, "adversarial_warmup": 0,
}  # fmt: skip
