"""The numbers of a run: what each mode and preset starts from, and what a flag may change.

A `Config` is plain data; it is written to `config.json` beside the run, and is all that is needed to build the same
system again. `quick` trains in minutes on two CPU cores. `paper` is the paper's own network and recipe: SGD with
momentum, weights drawn from N(0, 0.01), and rates that fall to a tenth at the epochs the paper names.
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace

from .errors import UserError
from .priors import PRIORS

POSTERIORS = ("deterministic", "gaussian", "universal")

# mode -> the flags that it can use beside those that every mode can
MODES = {
    "autoencoder": set(),
    "aae": {"prior", "posterior"},
    "semi-supervised": {"prior", "posterior", "labels"},
}
LATER = ("vae", "gan", "label-regularized", "supervised", "clustering", "reduction")


@dataclass(frozen=True)
class Config:
    """One run's numbers. Rates are per phase; `decay` maps an epoch to the factor its rates take from then on."""

    mode: str = "semi-supervised"
    preset: str = "quick"
    backend: str = "numpy"
    seed: int = 0
    data: str | None = None  # None: the MNIST in the package
    inputs: int = 784  # pixels; counted from the data, like the next two
    classes: int = 10
    side: tuple | None = (28, 28)
    epochs: int = 12
    batch_size: int = 100
    labels: int | str = 0  # how many training images show their label; "all"
    hidden: tuple = (400, 400)
    z: int = 10
    prior: str = "gaussian"
    posterior: str = "deterministic"
    input_noise: float = 0.3  # standard deviation of the noise on Q's input, in pixel units, training only
    batch_norm: bool = True  # in Q and P, never in a discriminator
    weight_std: float | None = None  # None: √(2/d_in)
    optimizer: str = "adam"
    rate_reconstruction: float = 1e-3
    rate_adversarial: float = 3e-4
    rate_classifier: float = 1e-3
    adversarial_momentum: float = 0.5  # Adam's β₁, or SGD's momentum
    decay: dict = field(default_factory=dict)  # epoch -> factor
    fade: float | None = 0.6  # after this share of the run the rates fall in a straight line towards 0.01; None: never

    @property
    def y(self):
        """Width of the code's y: one output a class where the mode has a y, else 0."""
        return self.classes if self.mode == "semi-supervised" else 0

    @classmethod
    def of(cls, mode="semi-supervised", preset="quick", **flags):
        """Return the preset of `mode` changed by `flags`; `UserError` for a flag that the mode cannot use."""
        if mode in LATER:
            raise UserError(f"--mode {mode}: not available yet; available are {', '.join(MODES)}")
        if mode not in MODES:
            raise UserError(f"--mode: {mode!r} is not a mode; expected one of {', '.join(MODES)}")
        if preset not in PRESETS:
            raise UserError(f"--preset: {preset!r} is not a preset; expected one of {', '.join(PRESETS)}")
        for name in sorted({"prior", "posterior", "labels", "clusters"} & flags.keys() - MODES[mode]):
            raise UserError(f"--{name}: mode {mode} has no use for it; leave it out, or choose another --mode")
        if flags.get("prior") in ("mixture", "swiss-roll"):
            flags.setdefault("z", 2)
        config = cls(mode=mode, preset=preset, **(PRESETS[preset] | OWN.get((preset, mode), {}) | flags))
        config.check()
        return config

    def check(self):
        """Raise `UserError` for numbers no run can have."""
        for name in ("epochs", "batch_size", "z"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')}: {getattr(self, name)} given, expected at least 1")
        if not self.hidden or min(self.hidden) < 1:
            raise UserError(f"--hidden: {self.hidden} given, expected one or more widths of at least 1, e.g. 1000,1000")
        if not 0 <= self.input_noise < float("inf"):
            raise UserError(f"--input-noise: {self.input_noise} given, expected a standard deviation from 0 up")
        if not 0 <= self.seed < 2**63:
            raise UserError(f"--seed: {self.seed} given, expected a whole number from 0 up")
        if self.mode == "semi-supervised" and self.labels == 0:
            raise UserError("--labels: 0 given, mode semi-supervised needs some; one a class is the least")
        if self.prior not in PRIORS or self.prior == "categorical":
            known = ", ".join(name for name in PRIORS if name != "categorical")
            raise UserError(f"--prior: {self.prior!r} is not a prior for z; expected one of {known}")
        if self.posterior not in POSTERIORS:
            raise UserError(f"--posterior: {self.posterior!r} is none; expected one of {', '.join(POSTERIORS)}")

    def for_data(self, dataset):
        """Return this config with the sizes of `dataset`."""
        return replace(self, inputs=dataset.x_train.shape[1], classes=dataset.classes, side=dataset.side)

    def to_json(self):
        """Return the text of config.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text, where):
        """Return the config in the text of a config.json; `UserError` naming `where` if it is none."""
        try:
            values = json.loads(text)
            known = {f.name for f in fields(cls)}
            if not isinstance(values, dict) or set(values) != known:
                raise ValueError("its keys are not those of a config")
            values["hidden"] = tuple(values["hidden"])
            values["side"] = values["side"] and tuple(values["side"])
            values["decay"] = {int(epoch): factor for epoch, factor in values["decay"].items()}
            config = cls(**values)
            config.check()
        except (ValueError, TypeError, AttributeError) as error:
            raise UserError(f"{where}: {error}; was it written by another version, or edited?") from error
        return config


PRESETS = {
    "quick": {},
    "paper": dict(
        hidden=(1000, 1000), epochs=5000, batch_norm=False, weight_std=0.01, optimizer="momentum",
        rate_reconstruction=0.01, rate_adversarial=0.1, rate_classifier=0.1, adversarial_momentum=0.1,
        decay={50: 0.1, 1000: 0.1}, fade=None,
    ),
}  # fmt: skip

# (preset, mode) -> what differs from the preset
OWN = {
    ("quick", "autoencoder"): dict(epochs=5, z=10),
    ("quick", "aae"): dict(epochs=5, z=8),
    ("quick", "semi-supervised"): dict(labels=100),
    ("paper", "semi-supervised"): dict(labels=100),
    ("paper", "aae"): dict(z=8),
}
