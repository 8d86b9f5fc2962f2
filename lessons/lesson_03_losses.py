# %% [markdown]
# # 3. Losses and optimizers: a digit classifier
#
# *About 120 minutes; difficulty 2 of 5.*
#
# **The one idea.** A *loss* measures how wrong an output is, as one number. Its gradient points to larger losses. The
# layers carry this gradient down to every weight. An *optimizer* turns it into a step downhill. Loss, backward and
# step follow each other in a loop. All learning in this course is this loop.
#
# The example is a plain one: which digit does an image show? An image x has 784 pixels. The network outputs $k = 10$
# scores, and the highest score wins. From lesson 11 on a network like this is one half of an encoder.

# %%
import os
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, data
from tinyaae.backend import Context
from tinyaae.gradcheck import check_loss
from tinyaae.layers import Softmax
from tinyaae.metrics import confusion, error_rate
from tinyaae.networks import Gradients, Network, hidden_layers
from tinyaae.optimizers import SGD, Optimizer, linear_schedule

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 3.1: the cross-entropy
#
# Scores $s_j$ may be any numbers.
# The softmax makes them probabilities $p_j$, and the loss is the mean of $-\ln p_j$, weighted with the target $t$:
#
# $$ p_j = \frac{e^{s_j}}{\sum_i e^{s_i}}, \qquad L = -\frac{1}{n} \sum_{\text{rows}} \sum_j t_j \ln p_j. $$
#
# $t$ (n, k) is the *target*: each row sums to 1, and is usually one-hot, a 1 at the right class. The sum runs over an
# example's outputs, the mean over the batch. That is the library's rule for every loss: the size of a gradient does
# then not depend on how many examples happen to be in the batch.
#
# Return $L$ and its gradient with respect to the scores. Put $\partial(-\ln p)/\partial p = -1/p$ and the softmax's
# backward of exercise 2.4 together, and simplify. The result is short.
#
# The check has two edges. $e^{900}$ is too large for a computer; but adding the same number to all scores of a row does
# not change $p$. And scores of one row may lie 1600 apart. Then a $p$ is rounded to 0, and its logarithm is lost. So
# compute $\ln p$ from the scores, not from $p$.


# %%
def softmax_cross_entropy(scores, target):
    """scores (n, k), target (n, k) whose rows sum to 1 -> value (), dscores (n, k)."""
    ### BEGIN SOLUTION
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    n = len(scores)
    return -(target * log_p).sum() / n, (np.exp(log_p) - target) / n
    ### END SOLUTION


# %% [markdown]
# Guess: a network outputs ten equal scores. What is its loss?

# %%
if __name__ == "__main__":
    one_hot = np.eye(10, dtype="float32")
    value, dscores = softmax_cross_entropy(np.zeros((4, 10)), one_hot[[3, 1, 4, 1]])
    print(f"ten equal scores cost {value:.4f}; ln 10 is {np.log(10):.4f}")
    print("a step against the gradient lifts the right score, and lowers the others:", np.round(4 * dscores[0], 1))

    def yours(xp, scores, target):
        return softmax_cross_entropy(scores, target)

    rng = np.random.default_rng(0)
    error = check_loss(yours, (rng.normal(size=(3, 4)), rng.dirichlet(np.ones(4), size=3)))
    print(f"your loss against central differences: relative error {error:.0e}")

# %% [markdown]
# ## Exercise 3.2: momentum
#
# *Stochastic gradient descent* (SGD) steps against the gradient: $w \leftarrow w - \eta\, dw$, with the *learning rate*
# $\eta$, in short the rate. In a long narrow valley SGD is slow. Across the valley the slope is steep, so the rate must
# be small. Along the valley the slope is gentle, so a small rate makes little progress. Momentum (Polyak 1964) moves
# $w$ like a heavy ball. Its velocity $v$ sums up gradients: what they have in common grows, and opposite directions
# cancel:
#
# $$ v \leftarrow \mu v + dw, \qquad w \leftarrow w - \eta\, v. $$
#
# Return new arrays. The arguments must stay as they are, here and in all exercises.
#
# Guess: if the gradient is the same at every step, how many times faster than SGD is the ball in the end with
# $\mu = 0.9$?


# %%
def momentum_step(w, dw, velocity, rate, momentum):
    """w, dw, velocity (m,), the numbers η (rate) and μ (momentum) -> the new w (m,), the new velocity (m,)."""
    ### BEGIN SOLUTION
    velocity = momentum * velocity + dw
    return w - rate * velocity, velocity
    ### END SOLUTION


# %%
if __name__ == "__main__":
    w, velocity = np.zeros(1), np.zeros(1)
    for _ in range(100):
        before = w
        w, velocity = momentum_step(w, np.ones(1), velocity, 0.01, 0.9)
    print(f"after 100 equal gradients a step is {(before - w)[0] / 0.01:.2f} times the one of SGD; 1/(1 − 0.9) is 10")

# %% [markdown]
# ## Exercise 3.3: Adam
#
# Adam (Kingma and Ba 2015) gives each weight its own step size. It keeps a running mean of the gradient and one of its
# square,
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1)\, dw, \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, dw^2, $$
#
# and divides the first by the root of the second. So a step is about $\eta$ in size, whether the gradients are large or
# tiny. Both means start at 0, so they are too small at first. After $t$ steps the weights in such a mean add up to
# $1 - \beta^t$, not to 1. So we divide by this sum:
#
# $$ \hat m = \frac{m}{1 - \beta_1^t}, \qquad \hat v = \frac{v}{1 - \beta_2^t}, \qquad
#    w \leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}. $$
#
# Return the new $w$, $m$ and $v$. The next step continues from $m$ and $v$, so return them without the correction.
#
# Guess: how long is the very first step ($t = 1$) of a weight whose gradient is 1000? And if the gradient is 0.001?


# %%
def adam_step(w, dw, mean, square, t, rate, beta1, beta2, epsilon):
    """w, dw, mean m, square v (d,), t = 1 for the first step, and four numbers -> the new w, mean, square (d,)."""
    ### BEGIN SOLUTION
    mean = beta1 * mean + (1 - beta1) * dw
    square = beta2 * square + (1 - beta2) * dw**2
    share1, share2 = 1 - beta1**t, 1 - beta2**t
    return w - rate * (mean / share1) / (np.sqrt(square / share2) + epsilon), mean, square
    ### END SOLUTION


# %%
if __name__ == "__main__":
    zero = np.zeros(2)
    first, _, _ = adam_step(zero, np.array([1000.0, 0.001]), zero, zero, 1, 0.01, 0.9, 0.999, 1e-8)
    print(f"first steps of Adam at rate 0.01: {first}")

# %% [markdown]
# ## Three ways down a valley
#
# Before the digits comes a loss that can be drawn: $L(w) = \tfrac12 (w_1^2 + 30\, w_2^2)$. Its graph is a valley,
# thirty times more curved across than along. Each optimizer takes 40 steps from the same start.


# %%
def walk_down(step, start=(-4.0, 1.2), steps=40):
    """Return the places (steps + 1, 2) of a walker; `step(t, w, dw, state)` returns the new w and state."""
    w, state = np.array(start), (np.zeros(2), np.zeros(2))
    places = [w]
    for t in range(1, steps + 1):
        w, state = step(t, w, np.array([1.0, 30.0]) * w, state)
        places.append(w)
    return np.array(places)


def sgd_walker(t, w, dw, state):
    return w - 0.055 * dw, state


def momentum_walker(t, w, dw, state):
    w, velocity = momentum_step(w, dw, state[0], 0.02, 0.8)
    return w, (velocity, state[1])


def adam_walker(t, w, dw, state):
    w, *state = adam_step(w, dw, *state, t, 0.3, 0.9, 0.99, 1e-8)
    return w, state


if __name__ == "__main__":
    walkers = {"SGD": sgd_walker, "momentum": momentum_walker, "Adam": adam_walker}
    paths = {name: walk_down(step) for name, step in walkers.items()}
    for name, places in paths.items():
        loss = 0.5 * (places[-1] ** 2 @ [1, 30])
        print(f"{name:>8}: {loss:.4f} above the bottom after 40 steps")

# %% [markdown]
# ## Your loss and your optimizers in real training
#
# An `Optimizer` of the library holds its state in flat vectors. It updates the network's one flat vector of weights.
# A schedule lowers the rate by the factor `lr_scale`. Your functions are written for vectors, so they train a network
# as they are.


# %%
class MyMomentum(Optimizer):
    """Your step of exercise 3.2, on the network's flat vector."""

    vectors = ("velocity",)

    def step_scalars(self):
        return [self.lr * self.lr_scale]

    def kernel(self, w, dw, velocity, rate):
        w[...], velocity[...] = momentum_step(w, dw, velocity, float(rate[0]), 0.9)


class MyAdam(Optimizer):
    """Your step of exercise 3.3; `steps` is t."""

    vectors = ("mean", "square")

    def step_scalars(self):
        return [self.lr * self.lr_scale]

    def kernel(self, w, dw, mean, square, rate):
        moved = adam_step(w, dw, mean, square, self.steps, float(rate[0]), 0.9, 0.999, 1e-8)
        w[...], mean[...], square[...] = moved


class Trained(NamedTuple):
    """A network, and its loss at every step."""

    network: Network
    losses: np.ndarray


def train(mnist, optimizer, steps, factor_at=lambda step: 1.0):
    """Train 784-100-10 on batches of 100 images, the rate times `factor_at(step)`."""
    backend, losses = Backend.named("numpy"), []
    network = Network(backend, "classifier", hidden_layers([784, 100, 10])[:-1])  # scores have no ReLU
    gradients, one_hot = Gradients(backend, [network]), np.eye(10, dtype="float32")
    optimizer.bind(backend, network.size)
    for step in range(steps):
        rows = np.random.default_rng(step).integers(0, 60000, 100)
        scores, cache = network.forward(data.unit_interval(mnist.x_train[rows]), Context(backend, training=True))
        loss, dscores = softmax_cross_entropy(scores, one_hot[mnist.y_train[rows]])
        gradients.zero()
        network.backward(dscores, cache, gradients, want_dx=False)
        optimizer.lr_scale = factor_at(step)
        optimizer.update([network.flat], gradients.flat)
        network.updates += 1
        losses.append(float(loss))
    return Trained(network, np.array(losses))


# %% [markdown]
# Which rate is right? That must be tried. So each optimizer takes 150 steps at each of eleven rates. Guess from the
# formulas: how many times smaller than SGD's best rate will momentum's best rate be? And which of the three depends
# least on the rate? (A rate that is too large can make the weights infinite. The cell switches NumPy's warnings off,
# and leaves out each loss of 2.4 or more.)

# %%
if __name__ == "__main__":
    mnist = data.load_mnist()
    kinds, rates = {"SGD": SGD, "momentum": MyMomentum, "Adam": MyAdam}, 10.0 ** np.arange(-4, 1.5, 0.5)
    after = {name: [] for name in kinds}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for name, kind in kinds.items():
            for rate in rates:
                loss = np.mean(train(mnist, kind(rate), 10 if SHORT else 150).losses[-5 if SHORT else -30 :])
                after[name].append(loss if loss < 2.4 else np.nan)
    best = {name: rates[np.nanargmin(losses)] for name, losses in after.items()}
    for name, losses in after.items():
        print(f"{name:>8}: best at rate {best[name]:.2g}, loss {np.nanmin(losses):.3f}")

# %% [markdown]
# Now each optimizer trains for two epochs, 1200 steps, at its best rate. Adam trains once more with a *schedule*: over
# the last half of the steps the rate falls in a straight line towards 0. At a large rate $w$ reaches the valley soon.
# At a small rate $w$ stops jumping from side to side.

# %%
if __name__ == "__main__":
    steps = 30 if SHORT else 1200
    fade = linear_schedule(steps / 2, steps)
    runs = {name: train(mnist, kind(best[name]), steps) for name, kind in kinds.items()}
    runs["Adam, rate fading"] = train(mnist, MyAdam(best["Adam"]), steps, fade)
    images, errors = data.unit_interval(mnist.x_test), {}
    for name, (network, losses) in runs.items():
        scores, _ = network.forward(images, Context(network.backend))
        errors[name] = error_rate(np.argmax(scores, axis=1), mnist.y_test)
        print(f"{name:>17}: loss of the last 100 steps {losses[-100:].mean():.3f}, test error {errors[name]:.2%}")

# %% [markdown]
# The linear layer of lesson 1 got one image in twelve wrong. Which images does the last network still get wrong, and
# which mistake is the most frequent?

# %%
if __name__ == "__main__":
    softmax = Softmax()
    softmax.bind(Backend.named("numpy"), {})
    p, _ = softmax.forward(scores, Context(Backend.named("numpy")))
    said = np.argmax(p, axis=1)
    counts = confusion(said, mnist.y_test, 10)
    np.fill_diagonal(counts, 0)
    true, taken_for = np.unravel_index(np.argmax(counts), counts.shape)
    print(f"most frequent: {counts[true, taken_for]} times a {true} is taken for a {taken_for}")
    wrong = np.flatnonzero(said != mnist.y_test)
    surest = wrong[np.argsort(-p[wrong, said[wrong]])][:10]

    figure = plt.figure(figsize=(13, 7.4), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(2.6, 1))
    axes = upper.subplots(1, 3)
    colours = {"SGD": "C3", "momentum": "C0", "Adam": "C2", "Adam, rate fading": "k"}
    a, b = np.meshgrid(np.linspace(-4.6, 2, 200), np.linspace(-1.7, 1.7, 200))
    axes[0].contour(a, b, np.sqrt(0.5 * (a**2 + 30 * b**2)), 14, colors="#cccccc", linewidths=0.8)
    for name, places in paths.items():
        axes[0].plot(*places.T, ".-", color=colours[name], lw=1, ms=4, label=name)
    axes[0].plot(0, 0, "k*", ms=11)
    axes[0].set(title="40 steps down a valley", xlabel="$w_1$, along", ylabel="$w_2$, across")
    for name, losses in after.items():
        axes[1].semilogx(rates, losses, "o-", color=colours[name], ms=4, label=name)
    axes[1].set(title="Loss after 150 steps, by rate", xlabel="rate η", ylim=(0, 3.1))
    axes[1].axhline(np.log(10), color="grey", ls=":", label="ln 10: nothing learned")
    for name, (_, losses) in runs.items():
        smooth = np.exp(np.convolve(np.log(losses + 1e-6), np.ones(25) / 25, "valid"))
        axes[2].semilogy(smooth, color=colours[name], lw=1, label=f"{name}: {errors[name]:.1%} test error")
    axes[2].set(title="1200 steps at the best rate", xlabel="step", ylabel="loss")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=8.5, loc="upper right", ncols=2 if ax is axes[1] else 1)
    lower.suptitle("Wrong, and sure of it", fontsize=12)
    for ax, k in zip(lower.subplots(1, 10), surest, strict=True):
        ax.imshow(mnist.x_test[k].reshape(28, 28), cmap="gray_r")
        ax.set_title(f"a {mnist.y_test[k]}; said {said[k]}\nwith {p[k, said[k]]:.1%}", fontsize=8.5)
        ax.axis("off")
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_03.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_03.png"))

# %% [markdown]
# You should see SGD jump from side to side of the valley at first, and then creep along it. Momentum ends lowest. Adam
# runs past the bottom and turns back. The middle panel has three curves with their lowest points a factor
# of ten apart: momentum is best at a tenth of SGD's rate, as 1/(1 − µ) = 10 says. Adam depends least on the rate:
# its loss stays below 0.6 from 0.001 to 0.1, because it divides by the size of the gradient.

# %% [markdown]
# ## What to take with you
#
# * A loss returns two things: its value and its gradient with respect to the output. For the softmax and the
#   cross-entropy together this gradient is short, so the two are one function of the scores.
# * Momentum sums up what gradients have in common. Adam divides by their size. Each is a few lines on one vector.
# * The rate is the number that matters most. Scan it in factors of three before you believe anything about a method.
