# %% [markdown]
# # 1. A linear layer, and how to be sure of its gradient
#
# *About 60 minutes; difficulty 1 of 5.*
#
# **The one idea.** A neural network is a long formula with many adjustable numbers in it. Training needs one thing of
# every step of that formula: if we know how the loss $L$ depends on the step's output $y$, how does it depend on its
# input $x$ and on its weights? In this library `dy` is the slope $\partial L/\partial y$, not a small change of $y$. If
# one element of $y$ grows by a small $\delta$, $L$ grows by $\delta$ times the same element of $dy$. Likewise `dW` is
# $\partial L/\partial W$. Each gradient has the shape of the array that it belongs to.
#
# Shapes stand in brackets: `(n, d)` is a matrix of $n$ rows and $d$ columns, `(d,)` a vector, `()` a single number.
#
# A batch of $n$ images is one array `x (n, d)`: one row an image, one column a pixel. The linear layer is
#
# $$ y = x W + b, \qquad W\ (d_{in}, d_{out}),\quad b\ (d_{out}). $$

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, data
from tinyaae.backend import Context
from tinyaae.layers import Linear
from tinyaae.losses import softmax_cross_entropy
from tinyaae.networks import Gradients, Network
from tinyaae.optimizers import Momentum

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 1.1: forward
#
# Write the layer. `x @ W` is the matrix product; NumPy adds `b` to each row by itself.


# %%
def linear_forward(x, W, b):
    """x (n, d_in), W (d_in, d_out), b (d_out,) -> y (n, d_out)."""
    ### BEGIN SOLUTION
    return x @ W + b
    ### END SOLUTION


# %% [markdown]
# ## Exercise 1.2: backward
#
# One element of the output is $y_{rj} = \sum_i x_{ri} W_{ij} + b_j$, with $r$ the row of the batch. The chain rule
# adds up every way in which a number reaches the loss. $W_{ij}$ does so through column $j$ of every row of the batch,
# so $dW_{ij} = \sum_r x_{ri}\, dy_{rj}$. Find $dx$ and $db$ in the same way, and write all three as array operations.
#
# Shapes are a good guide: `dW` has the shape of `W`, `dx` that of `x`, `db` that of `b`.


# %%
def linear_backward(dy, x, W):
    """dy (n, d_out), x (n, d_in), W (d_in, d_out) -> dx (n, d_in), dW (d_in, d_out), db (d_out,)."""
    ### BEGIN SOLUTION
    dx = dy @ W.T
    dW = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dW, db
    ### END SOLUTION


# %% [markdown]
# ## Exercise 1.3: ask the definition
#
# A wrong gradient raises no exception. Training goes less well, without a visible reason. So we compare the gradient
# with its definition: move one number by $\pm h$ and measure the loss. The *central difference* is near the gradient:
#
# $$ dx_i \approx \frac{L(x + h e_i) - L(x - h e_i)}{2h}. $$
#
# Given the two losses for every $i$, return the central differences, the right side of this equation. Return also the
# largest absolute difference between them and a gradient `ours`,
# relative to the largest absolute value among both gradients.


# %%
def compare_with_differences(above, below, h, ours):
    """above, below (d,): L(x ± h·e_i); ours (d,) -> differences (d,), relative error ()."""
    ### BEGIN SOLUTION
    theirs = (above - below) / (2 * h)
    scale = max(np.abs(ours).max(), np.abs(theirs).max())
    return theirs, np.abs(ours - theirs).max() / scale
    ### END SOLUTION


# %% [markdown]
# The next cell compares your backward with central differences. To make one number $L$ of an output, we weight its
# elements with random numbers: $L = \sum dy \cdot y$ has the gradient $dy$ with respect to $y$. The weights are random,
# because with weights of 1 many a wrong backward would pass.

# %%
if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=5)
    dy = rng.normal(size=(3, 5))
    dx, dW, db = linear_backward(dy, x, W)

    def loss_with(W):
        return np.sum(dy * linear_forward(x, W, b))

    h, above, below = 1e-5, [], []
    for k in range(W.size):
        step = np.zeros(W.size)
        step[k] = h
        above.append(loss_with(W + step.reshape(W.shape)))
        below.append(loss_with(W - step.reshape(W.shape)))
    _, error = compare_with_differences(np.array(above), np.array(below), h, dW.ravel())
    print(f"relative error of dW: {error:.1e} (below 1e-6 is right; 1e-2 would be a bug)")

# %% [markdown]
# ## Your layer in real training
#
# `MyLinear` is the library's layer with your two functions inside. One such layer, 784 pixels in and 10 scores out, is
# already a classifier of digits. The loss and the optimizer are the subject of lesson 3. The cell uses six more names.
# A `Backend` chooses the array library (NumPy here). A `Context`, `ctx` for short, records whether this is training.
# `Gradients` holds one array for each weight array. With `want_dx=False` a layer need not compute a `dx` that no other
# layer reads. A label becomes a *one-hot* row, which has a 1 in the column of its digit and 0 elsewhere.
# `network.updates` counts the steps.


# %%
class MyLinear(Linear):
    """The library's Linear, computing with the two functions above."""

    def forward(self, x, ctx):
        return linear_forward(x, self.W, self.b), x

    def backward(self, dy, x, grads=None, want_dx=True):
        dx, dW, db = linear_backward(dy, x, self.W)
        grads["W"] += dW
        grads["b"] += db
        return dx


if __name__ == "__main__":
    mnist = data.load_mnist()
    backend = Backend.named("numpy")
    network = Network(backend, "classifier", [MyLinear(784, 10)])
    gradients, optimizer = Gradients(backend, [network]), Momentum(0.02)
    optimizer.bind(backend, network.size)
    one_hot = np.eye(10, dtype="float32")
    for step in range(200 if SHORT else 3000):
        rows = np.random.default_rng(step).integers(0, 60000, 100)
        scores, cache = network.forward(mnist.x_train[rows] / np.float32(255), Context(backend, training=True))
        loss, dscores = softmax_cross_entropy(np, scores, one_hot[mnist.y_train[rows]])
        gradients.zero()
        network.backward(dscores, cache, gradients)
        optimizer.update([network.flat], gradients.flat)
        network.updates += 1
        if step % 500 == 0:
            print(f"step {step}: loss {loss:.3f}")
    scores, _ = network.forward(mnist.x_test / np.float32(255), Context(backend))
    right = np.mean(np.argmax(scores, axis=1) == mnist.y_test)
    print(f"{right:.1%} of the test images are classified right, by one linear layer")

# %% [markdown]
# Each column of $W$ is an image. Ink on a red pixel raises the score of the digit; ink on a blue pixel lowers it.

# %%
if __name__ == "__main__":
    figure, axes = plt.subplots(2, 5, figsize=(10, 4.4))
    for digit, ax in enumerate(axes.flat):
        ax.imshow(network.stack.layers[0].W[:, digit].reshape(28, 28), cmap="RdBu_r", vmin=-0.5, vmax=0.5)
        ax.set_title(f"what speaks for {digit}")
        ax.axis("off")
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_01.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_01.png"))

# %% [markdown]
# You should see, for most digits, red where the digit has ink and blue where other digits have ink: the 0 is a broken
# red ring with a blue middle. That is so because a score is the sum of ink times weight. So most weights are positive
# where this digit has more ink than the others, and negative where it has less.

# %% [markdown]
# ## What to take with you
#
# * `dy` is a slope, $\partial L/\partial y$. A layer turns it into `dx`, `dW` and `db`; the shapes leave little choice.
# * A weight reaches the loss through every row, so `dW` and `db` are sums over the batch.
# * Compare every gradient with central differences, in float64, before you trust it.
