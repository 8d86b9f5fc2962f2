"""Divergence: detect a number that is not finite, and locate where it arose.

One infinity or NaN spreads through everything within a step or two. So a sum over all arrays detects it, on the device
and without waiting for the device at every step. The sum does not locate it. But every draw of noise and every batch is
a function of its step. So the steps since the last good checkpoint can be repeated, now with a check of what every
layer returns. This is slow, but it gives the phase, the layer and the step.
"""

from contextlib import ExitStack, contextmanager

from ..layers import Layer


def finite(backend, arrays):
    """Return whether every number in `arrays` is finite; the sum of finite ones overflows only in a lost run."""
    total = sum(backend.xp.sum(array) for array in arrays)
    return bool(backend.xp.isfinite(backend.xp.asarray(total)))


def all_finite(model, totals):
    """Return whether the running `totals` (name -> array), all gradients, weights and optimizer states are finite."""
    gradients = [phase.gradients.flat for phase in model.phases_with_optimizer()]
    return finite(model.backend, [*totals.values(), *gradients, *model.state().values()])


class NotFinite(ArithmeticError):
    """Something returned a number that is not finite; `str(error)` names it."""


def locate_non_finite(model, steps):
    """Take `steps`, an iterable of (name, batch), from the present `model`; return what fails first, in words."""
    with every_layer_checked(model):
        for name, batch in steps:
            try:
                for phase in model.due():
                    phase.step(batch)
            except NotFinite as found:
                return f"{name}: {found}"
    return "which did not happen again when these steps were repeated"


@contextmanager
def every_layer_checked(model):
    """While open, each layer, loss, gradient and update of `model` raises `NotFinite` if its result is not finite."""
    present = [""]

    def check(what, *arrays):
        if not finite(model.backend, [array for array in arrays if array is not None]):
            raise NotFinite(f"phase {present[0]}, {what}")

    with ExitStack() as stack:
        for phase in model.phases:
            for part in {id(part): part for part in (phase, *phase.phases_with_optimizer())}.values():
                for method in {"step", "forward", "backward", "update"} & set(dir(part)):
                    watch_phase(stack, part, method, present, check)
        for network in model.networks.values():
            owned = [part for part in vars(network).values() if isinstance(part, Layer)]
            layers = [layer for part in owned for layer in part.walk()]
            for k, layer in enumerate(layers, 1):
                name = f"{network.name} layer {k} of {len(layers)} ({type(layer).__name__})"
                wrap(stack, layer, "forward", lambda out, name=name: check(f"{name} forward", out[0]))
                wrap(stack, layer, "backward", lambda out, name=name: check(f"{name} backward", out))
        yield


def watch_phase(stack, phase, method, present, check):
    """Wrap one method of a phase: `present` gets the phase's name, and the results of the method are checked."""

    def begin():
        present[0] = phase.name

    def after(out):
        if method == "forward":
            for name, value in out[0].items():
                check(f"loss {name}", value)
        if method == "backward":
            check("gradient", phase.gradients.flat)
        if method == "update":
            for network in phase.moves:
                check(f"update of {network.name}", network.flat)

    wrap(stack, phase, method, after, begin)


def wrap(stack, owner, method, after, before=lambda: None):
    """Until `stack` closes, call `before()` before `owner.method` and `after(result)` after it."""
    original = getattr(owner, method)

    def wrapped(*arguments, **named):
        before()
        result = original(*arguments, **named)
        after(result)
        return result

    setattr(owner, method, wrapped)
    stack.callback(delattr, owner, method)
