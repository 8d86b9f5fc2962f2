"""Formulas of the textbook that some backends compute in fewer kernels.

`layers` and `losses` say what is true. A backend whose `xp` has a table `fused` with the name of a formula computes it
by what stands there, with the same arguments and results; the tests hold every replacement to the formula. Importing
this module puts the look into that table in front of the formulas in `REPLACEABLE`. A class that overrides a method is
not affected.
"""

from functools import wraps

from .. import layers, losses

REPLACEABLE = {
    layers.Linear: ["backward"],
    layers.ReLU: ["forward", "backward"],
    layers.Sigmoid: ["forward", "backward"],
    layers.Softmax: ["forward", "backward"],
    layers.BatchNorm: ["forward", "backward", "update_running_statistics"],
    layers.Sequential: ["forward"],
    losses: ["half_squared_error", "binary_cross_entropy", "softmax_cross_entropy"],
}


def replaceable(formula):
    """Return `formula` with a look into `xp.fused` first; its first argument is `xp` or has it.

    A replacement that returns `NotImplemented` gives the call back to the formula.
    """
    name = formula.__qualname__

    @wraps(formula)
    def call(owner, *arguments, **named):
        fused = owner.__dict__.get("xp", owner).__dict__.get("fused")
        result = fused[name](owner, *arguments, **named) if fused and name in fused else NotImplemented
        return formula(owner, *arguments, **named) if result is NotImplemented else result

    return call


for owner, names in REPLACEABLE.items():
    for name in names:
        setattr(owner, name, replaceable(getattr(owner, name)))
