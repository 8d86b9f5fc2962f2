"""Gradient checking: is `backward` really the derivative of `forward`?

A wrong gradient raises no exception; training merely goes less well than it might. So `backward` is compared with
central differences,

    dx_i  ≈  (L(x + h·e_i) − L(x − h·e_i)) / 2h.

They are off by about h², and by the rounding of L divided by h. In float64 with h = 1e-5, each is some 1e-10.

Three things make the check hard to fool. First, a layer's output becomes one number as L = Σ dy·y with a *random*
dy. With ones, a softmax whose backward returns zeros would pass, because its outputs always sum to 1. Second,
noise is repeated: every forward gets a fresh `Context` of the same seed and step. Third, the gradient is computed
twice. Another batch passes through between forward and backward, and the gradients do not start at zero. So a
layer that remembers its input or overwrites a gradient is found. Keep x at least 10h away from kinks such as
ReLU's at 0, where there is no derivative.

A whole phase has many parameters and many ReLUs. `check_phase` therefore compares slopes along random directions:
one for each parameter array, and one for all together. The kink of some ReLU often lies within h. So the slope is
taken at h, h/10 and h/100, and the nearest counts. A kink that spoils one interval is rarely in a hundredth of it;
a wrong gradient is wrong at all three.
"""

import numpy as np

from .backend import Backend, Context
from .errors import UserError

STEP = 1e-5
PHASE_STEPS = (STEP, STEP / 10, STEP / 100)
SMALL = 1e-3  # errors are relative to the larger gradient, or to this where both are (nearly) zero


class GradientError(AssertionError):
    """A gradient is not the derivative, or a pass changed what it must not; the message names which, and where."""


def check_layer(layer, x, backend=None, training=True, tolerance=1e-6, seed=0):
    """Check dx and every dW at `x` (n, d_in), a host array, element by element; return the largest relative error.

    Parameters and buffers are drawn at random, so no scale is 1 and no shift 0; the layer stays bound to them. The
    number that is differentiated is L = Σ dy·y with a random dy, whose gradient with respect to y is dy:

        dx_i ≈ (Σ dy·y(x + h·e_i) − Σ dy·y(x − h·e_i)) / 2h

    Raises `GradientError` above `tolerance`, or where a pass changes an array that it was given. `UserError` where
    the backend is not float64: in float32 the rounding of L divided by h would exceed the tolerance.
    """
    backend = _float64(backend)
    where, parts, rng = type(layer).__name__, list(layer.walk()), np.random.default_rng(seed)

    def draw(shape):
        return backend.array(rng.normal(size=tuple(shape)))

    def named(part, name):
        return name if part is layer else f"{name} of layer {parts.index(part)} ({type(part).__name__})"

    def draw_tree():  # random arrays shaped like the parameters: as the layer's tree, and by name
        by_name = {}
        tree = layer.tree(lambda part, name: by_name.setdefault(named(part, name), draw(part.shapes[name])))
        return tree, by_name

    def forward(x):
        return layer.forward(x, Context(backend, training, seed))

    def loss():
        return _number(backend, backend.xp.sum(dy * forward(x)[0]))

    tree, parameters = draw_tree()
    layer.bind(backend, tree)
    buffers = {named(part, name): getattr(part, name) for part in parts for name in part.buffers}
    for buffer in buffers.values():
        buffer[...] = backend.array(rng.uniform(0.5, 1.5, tuple(buffer.shape)))
    x, other = backend.array(x), draw(np.shape(x))
    dy = draw(forward(x)[0].shape)
    lent = {"x": x, "dy": dy, **parameters, **buffers}
    before = _bytes(backend, lent)
    expected = {name: differences(backend, loss, array) for name, array in {"x": x, **parameters}.items()}
    largest = 0.0
    for time in ("", ", the second time,"):
        grads, sums = draw_tree()
        start = {name: _host(backend, array) for name, array in sums.items()}
        _, cache = forward(x)
        forward(other)
        ours = {"x": _host(backend, layer.backward(dy, cache, grads))}
        ours |= {name: _host(backend, array) - start[name] for name, array in sums.items()}
        for name, gradient in ours.items():
            largest = max(largest, compare(f"{where}: d{name}{time}", gradient, expected[name], tolerance))
        again = layer.backward(dy, cache, None)  # once more: the first backward must have edited neither dy nor cache
        compare(f"{where}: dx without grads, from the same cache,", _host(backend, again), expected["x"], tolerance)
        if parameters:  # the first trained layer of a network is asked for dW alone
            grads, sums = draw_tree()
            start = {name: _host(backend, array) for name, array in sums.items()}
            if layer.backward(dy, cache, grads, want_dx=False) is not None:
                raise GradientError(f"{where}: backward with want_dx=False returned a gradient, expected None")
            for name, array in sums.items():
                gradient = _host(backend, array) - start[name]
                compare(f"{where}: d{name} with want_dx=False", gradient, expected[name], tolerance)
        _expect_same(f"{where}: forward or backward", _bytes(backend, lent), before)
    return largest


def check_loss(loss, args, backend=None, tolerance=1e-6):
    """Check the gradient of `loss(xp, *args)` with respect to its first argument; return the relative error.

    * `loss`: a function that returns a value without dimensions and a gradient, as those of `losses` do.
    * `args`: host arrays and numbers, e.g. (output, target), both (n, d); those after the first are constants.
    * `backend`: one of float64, or None for NumPy.

    Raises `GradientError` above `tolerance`, or where the loss changes an argument.
    """
    backend = _float64(backend)
    args = [backend.array(arg) if np.ndim(arg) else arg for arg in args]
    lent = {f"argument {k}": arg for k, arg in enumerate(args) if np.ndim(arg)}
    before = _bytes(backend, lent)
    expected = differences(backend, lambda: _number(backend, loss(backend.xp, *args)[0]), args[0])
    _, gradient = loss(backend.xp, *args)
    _expect_same(loss.__name__, _bytes(backend, lent), before)
    return compare(f"{loss.__name__}: the gradient", _host(backend, gradient), expected, tolerance)


def check_phase(phase, batch, frozen=(), tolerance=1e-4, seed=0):
    """Check a phase's gradient, array by array and whole, along random directions; return the largest relative error.

    With v a random unit vector over the weights that the phase moves, the two sides of one equation are compared:

        dw · v  ≈  (L(w + h·v) − L(w − h·v)) / 2h

    The objective L is the sum of the phase's values, without those that `phase.metrics` lists. The networks in
    `frozen` must not change when the phase is updated. This is done once, at the end: a checked phase has taken a
    step. Raises `GradientError` where a gradient is wrong, or where a listed metric is not among the values.
    """
    backend = _float64(phase.backend)
    for network in frozen:
        if any(network is moved for moved in phase.moves):
            raise GradientError(f"{phase.name}: its gradient reaches {network.name}, which is not for it to move")

    start = np.concatenate([_host(backend, network.flat) for network in phase.moves])

    def objective(weights):
        position = 0
        for network in phase.moves:
            network.flat[...] = backend.array(weights[position : position + network.size])
            position += network.size
        values, _ = phase.forward(batch)
        missing = sorted(set(phase.metrics) - values.keys())
        if missing:
            raise GradientError(f"{phase.name}: lists the metric {missing[0]}, expected one of {', '.join(values)}")
        return sum(_number(backend, value) for name, value in values.items() if name not in phase.metrics)

    rng, slopes = np.random.default_rng(seed), []
    phase.held = {}
    try:
        objective(start)  # `phase.constant` then keeps each value of this first pass
        for name, part in [*_arrays_of(phase.moves), ("the gradient", slice(0, start.size))]:
            direction = np.zeros(start.size)
            direction[part] = rng.normal(size=part.stop - part.start)
            direction /= np.linalg.norm(direction)
            pairs = [(objective(start + h * direction), objective(start - h * direction), h) for h in PHASE_STEPS]
            slopes.append((name, direction, np.array([(above - below) / (2 * h) for above, below, h in pairs])))
        objective(start)  # puts the weights back
    finally:
        phase.held = None
    state = {f"{net.name}.{name}": array for net in [*phase.moves, *frozen] for name, array in net.state().items()}
    before, largest = _bytes(backend, state), 0.0
    for time in ("", ", the second time,"):
        _, cache = phase.forward(batch)
        phase.backward(cache)
        gradient = _host(backend, phase.gradients.flat)
        for name, direction, expected in slopes:
            slope = gradient @ direction
            nearest = expected[np.argmin(np.abs(expected - slope))]
            what = f"{phase.name}: {name}, its slope along a random direction{time}"
            largest = max(largest, compare(what, slope, nearest, tolerance))
        _expect_same(f"{phase.name}: forward or backward", _bytes(backend, state), before)
    phase.update()
    moved = tuple(f"{net.name}." for net in phase.moves)
    after = {name: now for name, now in _bytes(backend, state).items() if not name.startswith(moved)}
    _expect_same(f"{phase.name}: update", after, before)
    return largest


def _arrays_of(networks):
    """Return (name, slice of a phase's gradient) of each parameter array of the `networks` it moves, in order."""
    found, position = [], 0
    for network in networks:
        layers = list(network.stack.walk())

        def see(layer, parameter, network=network, layers=layers):
            nonlocal position
            part = slice(position, position + int(np.prod(layer.shapes[parameter])))
            where = f"layer {layers.index(layer)} ({type(layer).__name__})"
            found.append((f"d{parameter} of {network.name}, {where}", part))
            position = part.stop

        network.stack.tree(see)
    return found


def differences(backend, loss, x):
    """Return dL/dx as a host array by central differences: `loss()` is a number that depends on the device array x.

    By Taylor's formula (L(x + h) − L(x − h)) / 2h = L′ + h²·L‴/6 + …; the one-sided difference is off by h·L″/2. x
    is changed in place, one element at a time, and restored. It costs two evaluations of `loss` for each element.
    """
    values = _host(backend, x)
    gradient = np.zeros_like(values)

    def moved(index, step):
        changed = values.copy()
        changed[index] += step
        x[...] = backend.array(changed)
        return loss()

    for index in np.ndindex(values.shape):
        gradient[index] = (moved(index, STEP) - moved(index, -STEP)) / (2 * STEP)
    x[...] = backend.array(values)
    return gradient


def compare(what, ours, theirs, tolerance):
    """Return the relative error between a gradient and its differences; raise `GradientError` above `tolerance`.

        error = max|ours − theirs| / max(max|ours|, max|theirs|, 1e-3)

    The maxima are over the whole array. Relative errors of single elements would fail where an element is nearly
    zero. `what` names the gradient in the message.
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        raise GradientError(f"{what} has shape {ours.shape}, expected {theirs.shape}")
    apart = np.abs(ours - theirs)
    error = float(np.max(apart) / max(np.max(np.abs(ours)), np.max(np.abs(theirs)), SMALL))
    if not error <= tolerance:  # written so that NaN is an error, too
        worst = tuple(int(k) for k in np.unravel_index(np.argmax(apart), apart.shape))
        place = f"at {worst}, the worst of {ours.shape}, " if worst else ""
        raise GradientError(
            f"{what} has relative error {error:.1e}, allowed {tolerance:.0e}; "
            f"{place}backward says {ours[worst]:.6g}, differences say {theirs[worst]:.6g}"
        )
    return error


def _float64(backend):
    backend = backend or Backend.named("numpy", "float64")
    if backend.dtype != backend.xp.float64:
        raise UserError("gradcheck: the backend's numbers are float32, expected float64; differences need the digits")
    return backend


def _host(backend, x):
    return np.array(backend.to_numpy(x))  # a copy: on a CPU `to_numpy` may return the array itself


def _bytes(backend, arrays):
    return {name: _host(backend, array).tobytes() for name, array in arrays.items()}


def _number(backend, value):
    if tuple(value.shape) != ():
        raise GradientError(f"a loss has shape {tuple(value.shape)}, expected a single number")
    return float(backend.to_numpy(value))


def _expect_same(what, now, before):
    changed = [name for name in now if now[name] != before[name]]
    if changed:
        raise GradientError(f"{what} changed {', '.join(changed)}, which it was only lent")
