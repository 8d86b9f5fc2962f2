"""How the numbers of a run are written on the command line, and the line that says why a value cannot be."""

import difflib
import json
import math
import os
import sys
from typing import get_args

import numpy as np

from ..errors import UserError
from .fields import ABOUT, choices_of, names

PRIOR = "prior_"  # begins the names of the settings that are options of the prior, such as prior_std
MOVED = {  # what --extra could once ask for -> where it is now
    "mutual-information": "moved to examples/own_phase_infogan.py; did you mean --extra information-maximization?",
    "y-decoder": "moved to examples/own_phase_y_decoder.py",
    "repulsion": "moved to examples/own_phase_repulsion.py",
    "balance": "moved to examples/own_prior_balance.py",
    "z-penalty": "removed; commit 7358c58 still has it, in tinyaae/phases.py",
}
RENAMED = {  # what an extra or a setting was called in version 0.1 -> now
    "robustness": "vat", "information": "information-maximization", "smoothness": "latent-noise",
    "rate_reconstruction": "lr_reconstruction", "rate_adversarial": "lr_adversarial",
    "rate_classifier": "lr_classifier", "rate_y": "lr_vat", "optimizer_y": "vat_optimizer", "ramp": "vat_rampup",
    "patience": "adversarial_warmup", "held_y": "detach_y", "joint": "condition_on_y", "decay": "step_decay",
    "fade": "linear_decay_from",
}  # fmt: skip
KINDS = {
    bool: "true or false", int: "a whole number", float: "a number", str: "a word", type(None): "null",
    tuple: "a tuple or a list",
}  # fmt: skip


def flag(name):
    """Return how a field of `Config` is written on the command line; a field without a flag has its name."""
    how = "set" if name.startswith(PRIOR) else ABOUT[name].how if name in ABOUT else "flag"
    if how in ("preset", "filled"):
        return name
    return f"--set {name}" if how == "set" else ("--extra " if how == "extra" else "--") + name.replace("_", "-")


def extras_in(texts):
    """Return the fields that `--extra` sets: ["vat=2", …] -> {"vat": 2.0, …}."""
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        if moved := MOVED.get(name.replace("_", "-")):
            raise UserError(f"--extra {name}: {moved}")
        if name in RENAMED:
            raise UserError(f"--extra {name}: is called {RENAMED[name]} now; --extra {RENAMED[name]}={number}?")
        known = [extra.replace("_", "-") for extra in names("extra")]
        if name.replace("_", "-") not in known:
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
        if name in RENAMED:
            raise UserError(f"--set {name}: is called {RENAMED[name]} now; --set {RENAMED[name]}={value}?")
        if name not in names("set") and not name.startswith(PRIOR):
            if name in names("preset"):
                raise UserError(f"--set {name}: only a preset sets it; from Python, dataclasses.replace changes it")
            known = ", ".join([*(each for each in names("set") if each != "prior_options"), "prior_OPTION"])
            raise UserError(f"--set: there is no setting {name!r}; expected one of {known}, as NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            found[name] = value  # a word needs no quotes
    if "step_decay" in found:
        try:
            found["step_decay"] = epochs_of(found["step_decay"])
        except (ValueError, AttributeError):
            came = str(found["step_decay"])[:80]
            raise UserError(
                f"--set step_decay: {came} given, expected epochs and factors, as '{{\"40\": 0.1}}'"
            ) from None
    return found


def epochs_of(decay):
    """Return `decay` as JSON has it, its epochs in quotes, with whole numbers for them."""
    return {int(epoch): factor for epoch, factor in decay.items()}


def plain(value):
    """Return NumPy's numbers as Python's, a path as its text, and a list as a tuple, so that JSON can hold each."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    return tuple(plain(each) for each in value) if isinstance(value, list | tuple) else value


def expect_known(flags):
    """Raise `UserError` for a name in `flags` that no number of a run has, with the name that may be meant."""
    known = [name for how in ("flag", "set", "extra") for name in names(how)]
    for name in sorted(flags.keys() - ABOUT.keys() - {"extra", "set"}):
        if name.startswith(PRIOR):
            continue
        new = RENAMED.get(name, "").replace("-", "_")
        close = [new] if new else difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"
        raise UserError(f"{name}: there is no setting of this name; {hint}")


def expect_choice(name, value):
    """Raise `UserError` unless `value` is one that field `name` can have, where it has its values by name."""
    known = choices_of(name)
    if known is not None and value not in known:
        choices = ", ".join("null" if choice is None else str(choice) for choice in known)
        hint = ", or --import FILE for your own" if name in ("mode", "prior") else ""
        raise UserError(f"{flag(name)}: there is no {name} {value!r}; expected one of {choices}{hint}")


def expect_bounds(name, value):
    """Raise `UserError` unless a whole number is in the bounds of field `name`, or a real number below its bound."""
    about = ABOUT[name]
    if isinstance(value, bool | str | None) or not isinstance(value, int | float):
        return
    if about.below == 1 and value >= 1:
        raise UserError(f"{flag(name)}: {value} given, expected a number below 1")
    if value >= about.below:
        raise UserError(f"{flag(name)}: {value} given, expected a whole number below 2**63")
    if value < about.least:
        raise UserError(f"{flag(name)}: {value} given, expected a whole number from {about.least} up")


def expect_kind(name, value, kind):
    """Raise `UserError` unless `value` is a `kind` and, if it is a real number, finite and not negative."""
    real = isinstance(0.5, kind)
    is_bool = kind in (bool, bool | None)
    if not isinstance(value, kind | int if real else kind) or (isinstance(value, bool) and not is_bool):
        expected = " or ".join(KINDS.get(each, each.__name__) for each in get_args(kind) or [kind])
        written = flag(name) if name in names("set") else name
        raise UserError(f"{written}: {value!r} given, expected {expected}")
    if real and value is not None and not 0 <= value <= sys.float_info.max:
        raise UserError(f"{flag(name)}: {value} given, expected a finite number from 0 up")


def is_finite_number(value):
    """Return whether `value` is a whole or real number, and finite."""
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
