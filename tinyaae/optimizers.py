"""Optimizers: turn a gradient into a step.

An optimizer belongs to one phase and keeps its state in flat vectors shaped like that phase's gradient. So two
phases that move the same network never share a momentum. A shared momentum would mix two objectives: a step of one
phase would go on along the gradient of the other.

What changes from step to step (the learning rate, Adam's bias correction) is in one small array on the device. A
GPU can then replay a recorded step with new numbers. The arithmetic on the long vectors is a kernel of the
backend.
"""

import math


class Optimizer:
    """Base: `state` holds the flat vectors, `steps` counts updates, `lr_scale` is a schedule's factor on `lr`.

    A subclass names its `vectors` and gives two methods: `step_scalars`, the numbers of the present step, and
    `kernel`. `kernel` changes w and the state in place, with w, dw and each vector of the same length. `lr` is the
    learning rate, above 0.
    """

    vectors = ()
    numbers = 1  # how many `step_scalars` returns

    def __init__(self, lr):
        self.lr, self.lr_scale, self.steps = lr, 1.0, 0

    def bind(self, backend, size):
        """Allocate the state for a flat gradient of `size` numbers, zero at first."""
        self.backend = backend
        self.state = {name: backend.zeros((size,)) for name in self.vectors}

    def update(self, weights, gradient):
        """Move each flat vector in the list `weights`, whose gradients stand one after another in `gradient`.

        `gradient` (size,) is only read. One call is one step, however many networks move: Adam's t grows by 1.
        """
        self.backend.on_replay(self.count)
        lr = self.backend.step_scalars(self.numbers, self.step_scalars)
        start = 0
        for w in weights:
            part = slice(start, start + w.shape[0])
            self.kernel(w, gradient[part], *(vector[part] for vector in self.state.values()), lr)
            start = part.stop

    def count(self):
        """Count one more update; `step_scalars` are those of update number `steps`, from 1 on."""
        self.steps += 1


class SGD(Optimizer):
    """w ← w − lr·dw: a step against the gradient, the direction of steepest descent."""

    def step_scalars(self):
        """Return [lr], times the schedule's factor."""
        return [self.lr * self.lr_scale]

    def kernel(self, w, dw, lr):
        """Change w (m,) in place by −lr·dw."""
        w -= lr * dw


class Momentum(Optimizer):
    """v ← momentum·v + dw;  w ← w − lr·v (Polyak 1964).

    v is the sum Σ_s momentum^s·dw_{t−s} over past steps. A steady gradient so moves w by lr/(1 − momentum) at each
    step: at 0.9 ten times as far as SGD. Some texts write (1 − momentum)·dw instead, and then their lr is not
    comparable. `momentum` is in [0, 1).
    """

    vectors = ("velocity",)

    def __init__(self, lr, momentum=0.9):
        super().__init__(lr)
        self.momentum = momentum

    def step_scalars(self):
        """Return [lr], times the schedule's factor."""
        return [self.lr * self.lr_scale]

    def kernel(self, w, dw, velocity, lr):
        """Change w and the velocity (m,) in place."""
        self.backend.momentum(w, dw, velocity, lr, self.momentum)


class Adam(Optimizer):
    """w ← w − lr·m̂/(√v̂ + ε), from running means m of dw and v of dw² (Kingma and Ba 2015).

        m ← β₁m + (1−β₁)dw        v ← β₂v + (1−β₂)dw²        m̂ = m/(1−β₁ᵗ)        v̂ = v/(1−β₂ᵗ)

    m and v start at 0. After t steps of a steady gradient m is (1 − β₁ᵗ)·dw, too small by that factor; m̂ corrects
    it. Without the corrections the first step would be 3.2·lr with the default β, instead of lr. The step is about
    lr for any size of dw. So a constant factor on the whole objective hardly changes it.

    The state holds M = m/(1−β₁) and V = v/(1−β₂), which need no factor in front of dw: M ← β₁M + dw. With c =
    √((1−β₂)/(1−β₂ᵗ)), √v̂ is c·√V. Dividing numerator and denominator by c gives the same step:

        w ← w − [lr·(1−β₁)/(1−β₁ᵗ)/c] · M/(√V + ε/c)

    * `beta1`, `beta2`: in [0, 1); larger means a longer memory, of about 1/(1−β) steps.
    * `epsilon`: ε, which bounds the step where v̂ is almost 0.
    """

    vectors = ("mean", "square")
    numbers = 2

    def __init__(self, lr, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(lr)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def step_scalars(self):
        """Return the two numbers of step t = `steps`: the factor of M/(…) and ε/c."""
        c = math.sqrt((1 - self.beta2) / (1 - self.beta2**self.steps))
        return [self.lr * self.lr_scale * (1 - self.beta1) / (1 - self.beta1**self.steps) / c, self.epsilon / c]

    def kernel(self, w, dw, mean, square, lr):
        """Change w, M and V (m,) in place; `lr` holds the two numbers of `step_scalars`."""
        self.backend.adam(w, dw, mean, square, lr, self.beta1, self.beta2)


def step_schedule(decays):
    """Return epoch -> factor: each `{epoch: factor}` multiplies the learning rate from that epoch on.

    Factors multiply: after {50: 0.1, 100: 0.1} the factor is 0.01 from epoch 100 on.
    """
    return lambda epoch: math.prod(factor for start, factor in decays.items() if epoch >= start)


def linear_schedule(start, end):
    """Return epoch -> factor: 1 until epoch `start`, then a straight line that reaches 0.01 at epoch `end`."""
    return lambda epoch: 1.0 if epoch <= start else max(0.01, (end - epoch) / (end - start))
