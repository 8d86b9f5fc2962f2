# %% [markdown]
# # 2. Activations and the chain rule: a network is a stack
#
# *About 120 minutes; difficulty 2 of 5.*
#
# **The one idea.** A network is a stack of simple steps. Each step can do two things: compute its output from its
# input, and turn a gradient with respect to its output into one with respect to its input. Run the first from bottom
# to top and you have the network's answer. Run the second from top to bottom and you have the gradient of everything.
# That is all of backpropagation.
#
# Notation, as everywhere in the library: $n$ examples are the rows of `x (n, d)`. $L$ is the loss, one number. `dy`
# always means $\partial L/\partial y$ and has the shape of `y`.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend
from tinyaae.backend import Context
from tinyaae.gradcheck import GradientError, check_layer
from tinyaae.layers import Layer, Linear, Sequential, Sigmoid, Softmax
from tinyaae.losses import binary_cross_entropy
from tinyaae.networks import Gradients, Network
from tinyaae.optimizers import Adam
from tinyaae.priors import SwissRoll

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 2.1: two linear layers are one
#
# Put one linear layer on another: $h = xW_1 + b_1$, then $y = hW_2 + b_2$, with $h$ the *hidden* layer. Three numbers
# wide in the middle or three thousand: what can the pair do that a single layer cannot?
#
# Find the one layer $y = xW + b$ that does the same.


# %%
def collapse(W1, b1, W2, b2):
    """W1 (d, m), b1 (m,), W2 (m, o), b2 (o,) -> W (d, o), b (o,) of the one layer that does what the two do."""
    ### BEGIN SOLUTION
    return W1 @ W2, b1 @ W2 + b2
    ### END SOLUTION


# %%
if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 3))
    W1, b1, W2, b2 = rng.normal(size=(3, 1000)), rng.normal(size=1000), rng.normal(size=(1000, 2)), rng.normal(size=2)
    W, b = collapse(W1, b1, W2, b2)
    apart = np.abs((x @ W1 + b1) @ W2 + b2 - (x @ W + b)).max()
    print(f"{W1.size + b1.size + W2.size + b2.size} numbers, or {W.size + b.size}: outputs differ by {apart:.0e}")

# %% [markdown]
# So a second linear layer adds nothing. Between the layers there must be a *nonlinear* function: its graph bends.
#
# ## Exercise 2.2: the bend
#
# An *activation* is a function of one number, applied to each element by itself. Ours is the rectified linear unit,
#
# $$ y = \max(x, 0), \qquad \text{slope}\ \frac{dy}{dx} = 1 \text{ where } x > 0, \text{ else } 0. $$
#
# Return $y$ and the slope. The slope is computed in the forward pass, and kept for the backward pass.
# An element reaches the loss through its own output alone, so backward will be `dy * slope`, without a matrix product.


# %%
def activation(x):
    """x (n, d) -> y (n, d) = max(x, 0), slope (n, d) = dy/dx."""
    ### BEGIN SOLUTION
    return np.maximum(x, 0), (x > 0).astype(x.dtype)
    ### END SOLUTION


# %% [markdown]
# Here it is as a layer of the library. `forward` returns the output and a *cache*: whatever backward will need. The
# layer itself remembers nothing, so one layer may be in the middle of several passes at once. (`ctx` says whether this
# is training, and where noise comes from. We need neither yet.)


# %%
class MyActivation(Layer):
    """Your activation: the cache is its slope."""

    def forward(self, x, ctx):
        return activation(x)

    def backward(self, dy, slope, grads=None):
        return dy * slope


class Forgetful(MyActivation):
    """A mistake on purpose: the gradient goes straight through, as if nothing had bent."""

    def backward(self, dy, slope, grads=None):
        return dy


if __name__ == "__main__":
    x = np.random.default_rng(1).normal(size=(3, 4))
    print(f"your activation against central differences: relative error {check_layer(MyActivation(), x):.0e}")
    try:
        check_layer(Forgetful(), x)
    except GradientError as error:
        print(f"and the forgetful one: {error}")

# %% [markdown]
# ## Exercise 2.3: the chain rule, by hand, once
#
# Now the smallest real network, with $f$ the activation:
#
# $$ u = xW_1 + b_1, \qquad h = f(u), \qquad y = hW_2 + b_2. $$
#
# You are given `dy`. Go down one step at a time: from `dy` to `dW2`, `db2` and `dh` (exercise 1.2), from `dh`
# to `du` (exercise 2.2; `slope` is $f'(u)$), from `du` to `dW1`, `db1` and `dx` (1.2 again).
#
# Guess first: which of the five gradients would still be right if you forgot the slope?


# %%
def stack_backward(dy, x, slope, h, W1, W2):
    """dy (n, o), x (n, d), slope and h (n, m), W1 (d, m), W2 (m, o) -> dx, dW1, db1 (m,), dW2, db2 (o,)."""
    ### BEGIN SOLUTION
    dW2, db2 = h.T @ dy, dy.sum(axis=0)
    du = (dy @ W2.T) * slope
    dW1, db1 = x.T @ du, du.sum(axis=0)
    return du @ W1.T, dW1, db1, dW2, db2
    ### END SOLUTION


# %% [markdown]
# The answer to the guess: only `dW2` and `db2`. They are computed from `dy` without the slope; `dx`, `dW1` and `db1`
# are computed from `du`, which has the slope as a factor.
#
# The library does this for any number of steps. A `Network` is a `Sequential` of layers whose weights lie in one flat
# vector. `Gradients` is a vector of the same shape, with views like `dW1` into it. The gradients belong to the
# objective that is trained, not to the layers: in later lessons several objectives each have a gradient of the same
# network.

# %%
if __name__ == "__main__":
    backend = Backend.named("numpy", "float64")
    network = Network(backend, "small", [Linear(4, 5), MyActivation(), Linear(5, 2)])
    gradients = Gradients(backend, [network])
    x, dy = rng.normal(size=(3, 4)), rng.normal(size=(3, 2))
    y, cache = network.forward(x, Context(backend, training=True))
    network.backward(dy, cache, gradients)

    first, _, second = network.stack.layers
    h, slope = activation(x @ first.W + first.b)
    _, dW1, db1, dW2, db2 = stack_backward(dy, x, slope, h, first.W, second.W)
    yours = np.concatenate([dW1.ravel(), db1, dW2.ravel(), db2])
    apart = np.abs(gradients.flat - yours).max()
    print(f"{network.size} weights in one vector; the library's gradient and yours differ by {apart:.0e}")

# %% [markdown]
# ## What becomes of a gradient on its way down?
#
# On its way down the gradient is multiplied by one slope after another. The sigmoid $s(x) = 1/(1 + e^{-x})$ has the
# slope $s(1 - s)$. What is the largest value that can take? And what then is left of a gradient after twenty layers?
# Write down a guess, then run the cell. It starts each gradient at size 1 and prints it every five layers.

# %%
DEPTH, WIDTH = 20, 100


def sizes_on_the_way_down(bend, std):
    """Return the size (DEPTH + 1,) of the gradient above the top layer, and below each layer in turn."""
    backend = Backend.named("numpy", "float64")
    layers = [part for _ in range(DEPTH) for part in (Linear(WIDTH, WIDTH, std), bend())]
    network, ctx = Network(backend, f"{DEPTH} layers", layers), Context(backend)
    y, caches = network.stack.forward(np.random.default_rng(2).normal(size=(50, WIDTH)), ctx)
    dy = np.random.default_rng(3).normal(size=y.shape)
    sizes = [np.sqrt(np.mean(dy**2))]
    for layer, cache in zip(reversed(network.stack.layers), reversed(caches), strict=True):  # this is the chain rule
        dy = layer.backward(dy, cache)
        if isinstance(layer, Linear):
            sizes.append(np.sqrt(np.mean(dy**2)))
    return np.array(sizes)


if __name__ == "__main__":
    down = {
        "sigmoid": sizes_on_the_way_down(Sigmoid, 1 / np.sqrt(WIDTH)),
        "yours": sizes_on_the_way_down(MyActivation, 1 / np.sqrt(WIDTH)),
        "yours, weights × √2": sizes_on_the_way_down(MyActivation, np.sqrt(2 / WIDTH)),
    }
    for name, sizes in down.items():
        print(f"{name:>20}: " + "  ".join(f"{size:.0e}" for size in sizes[::5]))

# %% [markdown]
# A slope of at most ¼ makes twenty layers of sigmoids untrainable: $(1/4)^{20}$ is about $10^{-12}$, so the lowest
# layers receive almost no gradient. Networks became deep
# when people changed two plain things, the activation and the size of the first weights. (For the rectifier half of the
# slopes are 0, so weights with twice the variance, $2/d$ in place of $1/d$, keep the size.)
#
# ## Exercise 2.4: an activation that mixes its columns
#
# The softmax turns $k$ scores into probabilities, $y_j = e^{x_j} / \sum_i e^{x_i}$. Raise one score, and all
# probabilities change, because they still have to add up to one:
#
# $$ \frac{\partial y_j}{\partial x_i} = y_j\,(\delta_{ji} - y_i), \qquad \delta_{ji} = 1 \text{ if } j = i,
#    \text{ else } 0. $$
#
# So now $x_i$ reaches the loss through every $y_j$ of its row. Add up all the ways, and write the sum without a loop.


# %%
def softmax_backward(dy, y):
    """dy (n, k), y (n, k) the softmax's output -> dx (n, k)."""
    ### BEGIN SOLUTION
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))
    ### END SOLUTION


# %%
class MySoftmax(Softmax):
    """The library's softmax, going back your way: the cache is y."""

    def backward(self, dy, y, grads=None):
        return softmax_backward(dy, y)


if __name__ == "__main__":
    stack = Sequential([Linear(4, 6), MyActivation(), Linear(6, 3), MySoftmax()])
    error = check_layer(stack, np.random.default_rng(4).normal(size=(5, 4)))
    print(f"a whole stack with both of your backwards, against differences: relative error {error:.0e}")

# %% [markdown]
# ## Your bend in real training
#
# There are two spirals in the plane. Is a point $x = (x_1, x_2)$ on the first or on the second? The spirals are the
# library's swiss-roll prior, once as it is and once turned by half a circle. (Lesson 8 uses it for codes.) Three
# networks with one
# output learn to answer. They differ in how often they bend: never, once, three times. What will the border between the
# two answers look like for the first? How many straight pieces can the second make of 32 hidden units?
#
# (The loss and the optimizer are the subject of the next lesson.)


# %%
def two_spirals(n, backend, step):
    """Return points (2n, 2) and which spiral each is on, 1 or 0 (2n, 1)."""
    points = SwissRoll(noise=0.1).sample(2 * n, Context(backend, stream="spirals", step=step))
    points[n:] *= -1
    return points, np.repeat([[1.0], [0.0]], n, axis=0).astype(points.dtype)


def train(layers, steps):
    """Train a network of these layers to tell the spirals apart; return it, its losses and its accuracy (0 to 1)."""
    backend = Backend.named("numpy")
    network = Network(backend, "spirals", layers)
    gradients, optimizer, losses = Gradients(backend, [network]), Adam(0.005), []
    optimizer.bind(backend, network.size)
    for step in range(steps):
        x, target = two_spirals(100, backend, step)
        logits, cache = network.forward(x, Context(backend, training=True))
        loss, dlogits = binary_cross_entropy(np, logits, target)
        gradients.zero()
        network.backward(dlogits, cache, gradients)
        optimizer.update([network.flat], gradients.flat)
        network.updates += 1
        losses.append(float(loss))
    x, target = two_spirals(2000, backend, steps)
    logits, _ = network.forward(x, Context(backend))
    return network, losses, np.mean((logits > 0) == (target > 0.5))


if __name__ == "__main__":
    steps, h = (60 if SHORT else 3000), 32
    stacks = {
        "three layers, no bend": [Linear(2, h), Linear(h, h), Linear(h, 1)],
        "one bend": [Linear(2, h, 1.0), MyActivation(), Linear(h, 1)],
        "three bends": [
            *(Linear(2, h, 1.0), MyActivation()),
            *(Linear(h, h), MyActivation()),
            *(Linear(h, h), MyActivation()),
            Linear(h, 1),
        ],
    }
    trained = {name: train(layers, steps) for name, layers in stacks.items()}
    for name, (network, losses, right) in trained.items():
        print(f"{name:>21}: {network.size:4} weights, loss {np.mean(losses[-50:]):.3f}, {right:.1%} right")

# %% [markdown]
# The upper row shows what each network answers, from "certainly the blue spiral" to "certainly the red one". With no
# bend the border is one straight line, whatever the number of weights. With one bend each hidden unit bends the output
# along one line of the plane. 32 lines divide the plane into at most $1 + 32 + 32 \cdot 31/2 = 529$ regions. (With
# rectifiers the output is linear in each region, so the border has at most one straight segment there. It has far fewer
# than 529, because it does not cross every region.) In a stack of bends later units bend what earlier units have bent.

# %%
if __name__ == "__main__":
    backend, reach = Backend.named("numpy"), np.linspace(-3.6, 3.6, 241)
    places = np.stack(np.meshgrid(reach, reach), axis=2).reshape(-1, 2).astype("float32")
    figure, axes = plt.subplots(2, 3, figsize=(12, 8), layout="constrained")
    points, target = two_spirals(300, backend, 0)
    for ax, (name, (network, _, right)) in zip(axes[0], trained.items(), strict=True):
        logits, _ = network.forward(places, Context(backend))
        answer = (np.tanh(logits / 2).reshape(241, 241) + 1) / 2
        ax.imshow(answer, "RdYlBu", origin="lower", extent=(-3.6, 3.6, -3.6, 3.6), vmin=-0.15, vmax=1.15)
        ax.contour(reach, reach, answer, [0.5], colors="k", linewidths=0.8)
        ax.scatter(*points.T, s=7, c=np.where(target[:, 0] > 0.5, "#123a6b", "#a8290c"), linewidths=0)
        ax.set(title=f"{name}: {right:.1%} right", xticks=[], yticks=[])
    x = np.linspace(-4, 4, 401)[None]
    ax, (y, slope), s = axes[1, 0], activation(x), (np.tanh(x / 2) + 1) / 2
    ax.plot(x[0], y[0], "C0", label="your activation")
    ax.plot(x[0], slope[0], "C0--", label="its slope")
    ax.plot(x[0], s[0], "C3", lw=1, label="sigmoid")
    ax.plot(x[0], (s * (1 - s))[0], "C3--", lw=1, label="its slope, at most ¼")
    ax.set(title="The bend and its slope", xlabel="x", ylim=(-0.4, 3))
    ax = axes[1, 1]
    for (name, sizes), look in zip(down.items(), ("C3", "C0:", "C0"), strict=True):
        ax.semilogy(sizes, look, label=name)
    ax.set(title="A gradient on its way down", xlabel="layers passed", ylabel="size of the gradient")
    ax = axes[1, 2]
    for name, (_, losses, _) in trained.items():
        smooth = np.convolve(losses, np.ones(20) / 20, "valid")
        ax.plot(smooth, label=name)
    ax.axhline(np.log(2), color="grey", ls=":", label="ln 2: a coin")
    ax.set(title="Learning the spirals", xlabel="step", ylabel="loss", ylim=(0, 0.8))
    for ax in axes[1]:
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=9)
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_02.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_02.png"))

# %% [markdown]
# You should see a straight border, then one of straight pieces with corners, then one that looks smooth. Below, the
# gradient of the sigmoids falls by many powers of ten while yours with wider weights keeps its size. That is so
# because only bends make a border bend, and because each layer multiplies the gradient by its slope.

# %% [markdown]
# ## What to take with you
#
# * Two linear layers in a row are one linear layer. With activations between them the border can bend.
# * Backpropagation runs the backward of each step, from top to bottom. No step needs the whole formula.
# * A gradient is multiplied by every slope it passes. Slopes and first weights decide whether it arrives.
