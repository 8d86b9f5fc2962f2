"""The numbers of a run, whole: those of its mode and preset, changed by flags, and held to what a run can have.

A `Config` is plain data; it is written to `config.json` beside the run, and is all that is needed to build the same
model again.
"""

import json
import math
import os
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise

import numpy as np

from ..data import digest
from ..errors import UserError, expect_columns
from .fields import ABOUT, Numbers, choices_of, lacks, names, priors_of_z
from .flags import (
    PRIOR,
    epochs_of,
    expect_bounds,
    expect_choice,
    expect_kind,
    expect_known,
    extras_in,
    flag,
    is_finite_number,
    plain,
    settings_in,
)
from .modes import MODES
from .presets import MODE_DEFAULTS, PRESETS, is_labelled_reduction, numbers_of
from .priors import has_modes, has_slope, in_a_plane, options_of, prior_named
from .units import Units


@dataclass(frozen=True)
class Config(Units):
    """One run's numbers, each described in `fields.py`, and what follows from them."""

    @property
    def recipe(self):
        """The function that makes the networks and the phases: `Builder` -> networks, phases."""
        return MODES[self.mode].recipe

    @property
    def has_prior(self):
        """Whether training matches the codes to a prior."""
        return "prior" in MODES[self.mode].has

    @property
    def label_to(self):
        """What reads the label of each image of the batch: "P", "prior" or None."""
        return MODES[self.mode].label_to

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

    @property
    def is_table(self):
        """Whether a row is real numbers, standardized by columns, and not an image."""
        return self.reconstruction == "gaussian"

    @property
    def label_names(self):
        """The labels of the data, sorted: the k-th belongs to column k of y."""
        return self.names or tuple(range(self.classes))

    def make_prior(self):
        """Return the prior of z, with its options."""
        modes = self.classes or None if has_modes(self.prior) else None  # without labels as many as it has by default
        return prior_named(self.prior, self.z, modes, **self.prior_options)

    def _width(self, source):
        if source == "either":
            source = "clusters" if self.labels == 0 else "classes"
        return getattr(self, source) if source else 0

    @classmethod
    def of(cls, mode=None, preset="quick", **flags):
        """Return the numbers of `mode` under `preset`, changed by `flags`; `UserError` for a flag that has no use.

        mode: semi-supervised unless the preset has one of its own. NumPy's numbers, lists and paths are taken, too.
        """
        flags = {name: plain(value) for name, value in flags.items()}
        expect_choice("preset", preset)
        own = PRESETS[preset].get("mode")
        if mode is None:
            mode = own or "semi-supervised"
        expect_choice("mode", mode)
        expect_known(flags)
        if own not in (None, mode):
            raise UserError(f"--preset {preset}: is of mode {own}, and mode {mode} was asked for; leave --mode out")
        flags |= extras_in(flags.pop("extra", ())) | settings_in(flags.pop("set", ()))
        options = {name: flags.pop(name) for name in list(flags) if name.startswith(PRIOR) and name != "prior_options"}
        if options:
            flags["prior_options"] = flags.get("prior_options", {}) | {k[len(PRIOR) :]: v for k, v in options.items()}
        if "prior" in flags:
            flags.setdefault("prior_options", {})  # those of the mode's own prior are not another's
        for name in sorted(flags):
            if name in ABOUT and ABOUT[name].how == "preset":
                raise UserError(f"{name}: only a preset sets it; from Python, dataclasses.replace changes it")
            if name in ABOUT and lacks(MODES[mode], name):
                raise UserError(f"{flag(name)}: mode {mode} has no use for it; leave it out, or choose another --mode")
        if in_a_plane(flags.get("prior")):
            flags.setdefault("z", 2)
        either = {"labels", "clusters"} <= MODES[mode].has
        if either and "clusters" in flags and flags.setdefault("labels", 0) != 0:
            raise UserError("--clusters: with --labels each class is a cluster; leave one of the two out")
        default = MODES[mode].like or mode
        numbers = numbers_of(default, preset, flags)
        if flags.get("data") and numbers.get("labels", 0) != 0:  # the labels that somebody has; --labels draws some
            numbers["labels"] = "all"
        config = cls(**numbers | {"mode": mode, "preset": preset} | flags)
        config.check()
        for name in sorted(flags):
            needs = ABOUT[name].needs
            if needs and not any(getattr(config, other) for other in needs):
                what = " or ".join(flag(other) for other in needs)
                raise UserError(f"{flag(name)}: of use with {what} only; leave it out, or add that")
        if config.vat_optimizer not in (None, config.optimizer) and config.lr_vat is None:
            came = f"{config.vat_optimizer} beside {config.optimizer}, whose learning rate of {config.lr_adversarial:g}"
            raise UserError(f"--set vat_optimizer: {came} would not suit it; give it its own by --set lr_vat=NUMBER")
        if (preset, default) == ("quick", "reduction") and "eta" not in flags and is_labelled_reduction(vars(config)):
            config = replace(
                config, eta=config.eta * math.sqrt(config.z / 2)
            )  # draws of z lie about √z from their head
        return config

    def check(self):
        """Raise `UserError` for values no run can have, be they from flags or from an edited config.json."""
        mode = MODES.get(self.mode) if isinstance(self.mode, str) else None
        for f in fields(self):
            expect_kind(f.name, getattr(self, f.name), f.type)
        for size in (*self.hidden, *(self.side or ())):
            expect_kind("hidden and side", size, int)
        for factor in self.step_decay.values():
            expect_kind("step_decay", factor, float)
        for option, value in self.prior_options.items():
            if not is_finite_number(value):
                raise UserError(f"--set prior_{option}: {value!r} given, expected a finite number")
        for name in ABOUT:
            expect_choice(name, getattr(self, name))
            expect_bounds(name, getattr(self, name))
        if not 1 <= len(self.hidden) <= 100 or not 1 <= min(self.hidden) <= max(self.hidden) < 2**31:
            came = f"{self.hidden}"[:80]
            raise UserError(f"--hidden: {came} given, expected one to a hundred widths of at least 1, e.g. 1000,1000")
        pixels = self.inputs / self.channels
        if self.side is not None and (
            len(self.side) != 2 or min(self.side) < 1 or self.side[0] * self.side[1] != pixels
        ):
            raise UserError(f"side: {self.side} given, expected height and width of an image of {pixels:g} pixels")
        if len(self.names) not in (0, self.classes) or not all(isinstance(name, str | int) for name in self.names):
            raise UserError(f"names: {len(self.names)} given, expected {self.classes}, whole numbers or words")
        for name in ("mean", "std"):
            values = getattr(self, name)
            fits = len(values) == len(self.mean) and len(values) in (0, self.inputs)
            if not fits or not all(map(is_finite_number, values)) or (name == "std" and not all(x > 0 for x in values)):
                raise UserError(f"{name}: {len(values)} given, expected {self.inputs} finite numbers, one a column")
        for name, about in ABOUT.items():
            if about.how == "extra" and lacks(mode, name) and getattr(self, name):
                raise UserError(f"{flag(name)}: {getattr(self, name)} given, but mode {self.mode} has no use for it")
        if isinstance(self.labels, str) and self.labels != "all":
            raise UserError(f'--labels: {self.labels!r} given, expected a whole number or "all"')
        if self.labels == 0 and mode.least_labels:
            raise UserError(f"--labels: 0 given, mode {self.mode} needs some; one a class is the least")
        if self.labels != 0 and not ("labels" in mode.has or mode.label_to):
            raise UserError(f"labels: {self.labels!r} given, but mode {self.mode} shows no label to anyone")
        if mode.q_y and not self.y_is_class and self.clusters < 2:
            raise UserError(f"--clusters: {self.clusters} given, expected at least 2")
        if self.classes < 2 and (self.y_is_class or mode.label_to):
            came = f"the data have {self.classes} distinct labels"
            raise UserError(f"--mode {self.mode}: reads labels, and {came}; add labels, or choose aae or clustering")
        if self.animate and "Q" not in mode.has:
            raise UserError(f"--animate: mode {self.mode} has no encoder, so no codes to watch; choose another --mode")
        self._check_prior(mode)

    def _check_prior(self, mode):
        for name in ("prior", "prior_options", "posterior"):
            expected = MODE_DEFAULTS.get(mode.like or self.mode, {}).get(name, getattr(Numbers(), name))
            if lacks(mode, name) and getattr(self, name) != expected:
                raise UserError(f"{name}: {getattr(self, name)} given, but mode {self.mode} works with {expected} only")
        known = options_of(self.prior)
        for option in sorted(self.prior_options.keys() - known):
            expected = " or ".join(f"prior_{each}" for each in sorted(known)) or "no option"
            came = f"--set prior_{option}: prior {self.prior} has no {option}"
            raise UserError(f"{came}; expected {expected}, or another --prior")
        prior_named(self.prior, 2 if in_a_plane(self.prior) else 1, **self.prior_options)  # refuses values out of range
        if mode.smooth_prior and not has_slope(self.prior):
            raise UserError(
                f"--prior: the KL of a VAE needs the slope of ln p(z), and {self.prior} has none everywhere; expected "
                f"one of {', '.join(filter(has_slope, priors_of_z()))}, or mode aae, which needs samples alone"
            )
        if mode.label_to == "prior" and not has_modes(self.prior):
            known = " or ".join(filter(has_modes, priors_of_z()))
            raise UserError(f"--prior: {self.prior} has no modes to give labels to; expected {known}")

    def for_data(self, dataset):
        """Return this config with the sizes, the name and the digest of `dataset`."""
        return replace(
            self, inputs=dataset.x_train.shape[1], classes=dataset.classes, side=dataset.side,
            channels=dataset.channels, names=dataset.names, integer_range=dataset.integer_range,
            float_range=dataset.float_range, mean=dataset.mean, std=dataset.std, data_name=dataset.name,
            data_digest=digest(dataset),
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
        if dataset.mean and not self.is_table:
            raise UserError(f"{where}: a table; expected images, or --set reconstruction=gaussian (from Python, "
                            "reconstruction='gaussian'), by which P decodes real numbers")  # fmt: skip
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

    def expect_widths(self, model):
        """Raise `UserError` unless Q outputs and P paints what this config says; a recipe may have its own networks."""
        if "Q" in model.networks:
            code = model.encode(np.zeros((2, self.inputs), np.uint8))
            expect_columns("Q", code.z, self.z, "is its last layer as wide as y and z?", "z")
        if "P" in model.networks:
            y = np.zeros((2, self.decoder_y_dim)) if self.decoder_y_dim else None
            image = model.decode(np.zeros((2, self.z)), y)
            expect_columns("P", image, self.inputs, "is its last layer as wide as an image?", "its image")

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
            filled = set(names("filled"))  # of these, a config of an earlier day may lack some
            if not isinstance(values, dict) or not known - filled <= set(values) <= known:
                raise ValueError("its keys are not those of a config")
            for name in ("hidden", "side", "names", "mean", "std"):
                if values.get(name) is not None:
                    values[name] = tuple(values[name])
            values["step_decay"] = epochs_of(values["step_decay"])
            for name in ("mode", "prior"):
                if isinstance(values[name], str) and values[name] not in choices_of(name):
                    raise ValueError(
                        f"there is no {name} {ascii(values[name])[:80]} here; --import the file that registers it, or "
                        "in Python import that file before tinyaae.load"
                    )
            config = cls(**values)
            config.check()
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{where}: {error}; was it written by another version, or edited?") from error
        return config
