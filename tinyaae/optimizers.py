"""Optimizers: turn a gradient into a step.

An optimizer belongs to one phase and keeps its state in flat vectors shaped like that phase's gradient, so two
phases that move the same network never share a momentum. What changes from step to step (the learning rate, Adam's bias
correction) sits in one small array on the device, so that a GPU can replay a step whose numbers have moved on; the
arithmetic on the long vectors is a kernel of the backend.
"""

import math


class Optimizer:
    """Base: `state` holds the flat vectors, `steps` counts updates, `lr_scale` is a schedule's factor on `lr`."""

    vectors = ()
    numbers = 1  # how many `step_scalars` returns

    def __init__(self, lr):
        self.lr, self.lr_scale, self.steps = lr, 1.0, 0

    def bind(self, backend, size):
        """Allocate the state for a flat gradient of `size` numbers."""
        self.backend = backend
        self.state = {name: backend.zeros((size,)) for name in self.vectors}

    def update(self, weights, gradient):
        """Move each flat vector in the list `weights`, whose gradients stand one after another in `gradient`."""
        self.backend.on_replay(self.count)
        lr = self.backend.step_scalars(self.numbers, self.step_scalars)
        start = 0
        for w in weights:
            part = slice(start, start + w.shape[0])
            self.kernel(w, gradient[part], *(vector[part] for vector in self.state.values()), lr)
            start = part.stop

    def count(self):
        """Say that one more update is on its way; `step_scalars` are those of update number `steps`."""
        self.steps += 1


class SGD(Optimizer):
    """w ← w − lr·dw."""

    def step_scalars(self):
        return [self.lr * self.lr_scale]

    def kernel(self, w, dw, lr):
        w -= lr * dw


class Momentum(Optimizer):
    """v ← momentum·v + dw;  w ← w − lr·v."""

    vectors = ("velocity",)

    def __init__(self, lr, momentum=0.9):
        super().__init__(lr)
        self.momentum = momentum

    def step_scalars(self):
        return [self.lr * self.lr_scale]

    def kernel(self, w, dw, velocity, lr):
        self.backend.momentum(w, dw, velocity, lr, self.momentum)


class Adam(Optimizer):
    """m ← β₁m + (1−β₁)dw,  v ← β₂v + (1−β₂)dw²,  w ← w − lr·m̂/(√v̂ + ε),  m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    Kingma and Ba 2015. The state holds m/(1−β₁) and v/(1−β₂), which need no factor in front of dw; with
    c = √((1−β₂)/(1−β₂ᵗ)) the same step is  w ← w − [lr·(1−β₁)/(1−β₁ᵗ)/c] · m/(√v + ε/c).
    """

    vectors = ("mean", "square")
    numbers = 2

    def __init__(self, lr, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(lr)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def step_scalars(self):
        c = math.sqrt((1 - self.beta2) / (1 - self.beta2**self.steps))
        return [self.lr * self.lr_scale * (1 - self.beta1) / (1 - self.beta1**self.steps) / c, self.epsilon / c]

    def kernel(self, w, dw, mean, square, lr):
        self.backend.adam(w, dw, mean, square, lr, self.beta1, self.beta2)


def step_schedule(decays):
    """Return epoch -> factor: each `{epoch: factor}` multiplies the learning rate from that epoch on."""
    return lambda epoch: math.prod(factor for start, factor in decays.items() if epoch >= start)


def linear_schedule(start, end):
    """Return epoch -> factor: 1 until epoch `start`, then a straight line that reaches 0.01 at epoch `end`."""
    return lambda epoch: 1.0 if epoch <= start else max(0.01, (end - epoch) / (end - start))
