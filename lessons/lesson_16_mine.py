# %% [markdown]
# # 16. Mine: the whole thing out of your own parts
#
# *About 150 minutes; difficulty 4 of 5.*
#
# **The one idea.** Nothing is left in a semi-supervised adversarial autoencoder that you have not written. Its
# layers, its losses, its optimizer and its two heads are functions of lessons 1 to 11. Here you put them together
# into four phases, and train them on MNIST with 100 labels. Where all parts are yours, no layer of the library is used.
#
# The goals, in less than three minutes: at most 15 % of the test images wrong, and at least 80 % of the samples
# $P(y, z)$ show the digit $y$.
#
# What is missing is lent. Where a function of yours is not solved yet, or differs from the usual exercise this term,
# the library's own takes its place, and the lesson says so. So you can begin here and come back.

# %%
import functools
import importlib
import os
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, data
from tinyaae.backend import Context
from tinyaae.layers import Linear, ReLU, Softmax
from tinyaae.losses import binary_cross_entropy, half_squared_error, softmax_cross_entropy
from tinyaae.optimizers import Adam

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training
SEED = 0  # of the weights, the labels and the noise; the goals are reached with 0, 1, 2, 3 and 4

# %% [markdown]
# ## The parts
#
# | part | what it does here |
# |---|---|
# | 1.1 `linear_forward`, 2.2 `activation` | forward through the two layers that each of the four networks has |
# | 2.3 `stack_backward` | backward through the same two layers |
# | 3.3 `adam_step` | moves a network |
# | 4.1 `reconstruction_loss` | $P$'s image against the clean one |
# | 6.1 `discriminator_loss`, 6.2 `generator_loss` | the game, for $D_{cat}$ and $D_{gauss}$ |
# | 11.1 `two_heads`, 11.2 `loss_of_known` | $Q$'s output $y$, $z$, and the hundred labels |
#
# The next cell has the library's functions, which are lent where yours are missing. You need not read it.


# %%
def lent_layer(layer, x, dy=None, **parameters):
    """Return y of a layer of the library; with dy also dx and the gradients of its parameters."""
    backend = Backend.named("numpy", str(x.dtype))
    layer.bind(backend, parameters)
    y, cache = layer.forward(x, Context(backend))
    gradients = {name: np.zeros_like(value) for name, value in parameters.items()}
    return y if dy is None else (y, layer.backward(dy, cache, gradients), gradients)


def lent_stack_backward(dy, x, slope, h, W1, W2):
    _, dh, second = lent_layer(Linear(*W2.shape), h, dy, W=W2, b=np.zeros(W2.shape[1], h.dtype))
    _, dx, first = lent_layer(Linear(*W1.shape), x, dh * slope, W=W1, b=np.zeros(W1.shape[1], h.dtype))
    return dx, first["W"], first["b"], second["W"], second["b"]


def lent_adam(w, dw, mean, square, t, rate, beta1, beta2, epsilon):
    adam, w = Adam(rate, beta1, beta2, epsilon), w.copy()
    adam.bind(Backend.named("numpy", str(w.dtype)), w.size)
    adam.steps, adam.state = t - 1, {"mean": mean / (1 - beta1), "square": square / (1 - beta2)}
    adam.update([w], dw.astype(w.dtype))
    return w, adam.state["mean"] * (1 - beta1), adam.state["square"] * (1 - beta2)


def lent_discriminator_loss(real, fake):
    of_real, dreal = binary_cross_entropy(np, real, np.ones_like(real))
    of_fake, dfake = binary_cross_entropy(np, fake, np.zeros_like(fake))
    return of_real + of_fake, dreal, dfake


def lent_two_heads(h, classes, dy, dlogits, dz):
    y, dl, _ = lent_layer(Softmax(), h[:, :classes], dy)
    return y, h[:, classes:], np.concatenate([dl + dlogits, dz], axis=1)


def lent_loss_of_known(logits, labels):
    rows, dlogits = np.flatnonzero(labels >= 0), np.zeros_like(logits)
    targets = np.eye(logits.shape[1], dtype=logits.dtype)[labels[rows]]
    loss, dlogits[rows] = softmax_cross_entropy(np, logits[rows], targets)
    return loss, dlogits


LENT = {
    "1.1": lambda x, W, b: lent_layer(Linear(*W.shape), x, W=W, b=b),
    "2.2": lambda x: lent_layer(ReLU(), x, np.ones_like(x))[:2],
    "2.3": lent_stack_backward,
    "3.3": lent_adam,
    "4.1": lambda output, target: half_squared_error(np, output, target),
    "6.1": lent_discriminator_loss,
    "6.2": lambda fake: binary_cross_entropy(np, fake, np.ones_like(fake)),
    "11.1": lent_two_heads,
    "11.2": lent_loss_of_known,
}

# %% [markdown]
# `part("6.1")` is your function of exercise 6.1 if it passes its usual check, else the library's.


# %%
@functools.cache
def yours():
    """Return number -> function of those parts that you have solved; none where the other lessons are not here."""
    try:
        folder = str(Path(__file__).resolve().parent.parent)
        sys.path[:0] = [] if folder in sys.path[:1] else [folder]
        return importlib.import_module("lessons.student").solved_functions(LENT)
    except (ImportError, NameError):  # a notebook somewhere else, or this file graded alone
        return {}


def part(number):
    return yours().get(number, LENT[number])


if __name__ == "__main__":
    for number in LENT:
        whose = "yours" if number in yours() else "lent by the library; yours is not solved, or varied"
        print(f"part {number:4}:", whose)
    print()

# %% [markdown]
# ## The networks
#
# Each of $Q$, $P$, $D_{cat}$ and $D_{gauss}$ is linear, activation, linear. All its weights lie in one vector $w$, so
# that one gradient and one call of `adam_step` are enough for a network.


# %%
def layers_of(w, d_in, hidden):
    """w, d_in columns, the number of hidden units -> views W1 (d_in, hidden), b1, W2 (hidden, d_out), b2 into w."""
    first = (d_in + 1) * hidden
    d_out = (len(w) - first) // (hidden + 1)
    W1, b1, W2, b2 = np.split(w, [d_in * hidden, first, first + hidden * d_out])
    return W1.reshape(d_in, hidden), b1, W2.reshape(hidden, d_out), b2


def forward(x, w, hidden):
    """x (n, d_in) -> output (n, d_out), and what `backward` needs."""
    W1, b1, W2, b2 = layers_of(w, x.shape[1], hidden)
    h, slope = part("2.2")(part("1.1")(x, W1, b1))
    return part("1.1")(h, W2, b2), (x, slope, h, W1, W2)


def backward(doutput, cache):
    """doutput (n, d_out) -> dx (n, d_in), dw."""
    dx, *dlayers = part("2.3")(doutput, *cache)
    return dx, np.concatenate([gradient.ravel() for gradient in dlayers])


def encode(x, q, classes, hidden):
    """x (n, d), Q's weights -> y (n, k), z (n, e), and what `encode_backward` needs."""
    h, cache = forward(x, q, hidden)
    y, z, _ = part("11.1")(h, classes, 0 * h[:, :classes], 0 * h[:, :classes], 0 * h[:, classes:])
    return y, z, (h, classes, cache)


def encode_backward(cache, dy=0, dlogits=0, dz=0):
    """Gradients (n, k), (n, k), (n, e) of y, its logits and z, or 0 where there is none -> dq."""
    h, classes, cache = cache
    logits, style = 0 * h[:, :classes], 0 * h[:, classes:]
    _, _, dh = part("11.1")(h, classes, logits + dy, logits + dlogits, style + dz)
    return backward(dh, cache)[1]


# %% [markdown]
# ## Exercise 16.1: Reconstruction
#
# $Q$ reads the image with noise on it, $P$ reads $[y, z]$, in this order, and pays for the distance to the clean image.
# Both move. Return the loss and the gradients of both networks. With `forward`, `encode` and the two backwards above,
# five lines will do.
#
# *Which of the three gradients that meet in $Q$'s last layer occur here?*


# %%
def reconstruct(x, noise, q, p, classes, hidden):
    """Images x and noise (n, d), weights q, p, numbers of classes and hidden units -> loss (), dq, dp."""
    ### BEGIN SOLUTION
    y, z, q_cache = encode(x + noise, q, classes, hidden)
    output, p_cache = forward(np.concatenate([y, z], axis=1), p, hidden)
    loss, doutput = part("4.1")(output, x)
    dcode, dp = backward(doutput, p_cache)
    return loss, encode_backward(q_cache, dy=dcode[:, :classes], dz=dcode[:, classes:]), dp
    ### END SOLUTION


# %% [markdown]
# (Those of $y$ and $z$. No label takes part.)
#
# ## Exercise 16.2: Discriminate
#
# A discriminator reads real rows and made ones. The function is called twice a step: for $D_{cat}$ with one-hot vectors
# and $y$, for $D_{gauss}$ with draws and $z$, both beside $y$. $D$ reads both kinds as one batch, the real ones first.
# Return its loss and its gradient, and none for the rows.


# %%
def discriminate(real, fake, d, hidden):
    """real (n, e), fake (m, e), weights d of a discriminator, its hidden units -> loss (), dd."""
    ### BEGIN SOLUTION
    logits, cache = forward(np.concatenate([real, fake]), d, hidden)
    loss, dreal, dfake = part("6.1")(logits[: len(real)], logits[len(real) :])
    return loss, backward(np.concatenate([dreal, dfake]), cache)[1]
    ### END SOLUTION


# %% [markdown]
# ## Exercise 16.3: Generate
#
# $Q$ pays wherever one of the two discriminators rejects its code. $D_{cat}$ reads $y$. $D_{gauss}$ reads $[z, y]$, in
# this order, so that $z$ is matched to its prior for each $y$, and keeps little of the digit. In $D_{gauss}$ the $y$ is
# a constant: from there the gradient goes to $z$ alone. Return the sum of the two losses, and $Q$'s gradient.


# %%
def generate(x, q, d_cat, d_gauss, classes, hidden):
    """Images x (n, d), weights q, d_cat, d_gauss, numbers of classes and hidden units -> loss (), dq."""
    ### BEGIN SOLUTION
    y, z, q_cache = encode(x, q, classes, hidden)
    of_y, cat_cache = forward(y, d_cat, hidden)
    of_z, gauss_cache = forward(np.concatenate([z, y], axis=1), d_gauss, hidden)
    (loss_y, dlogit_y), (loss_z, dlogit_z) = part("6.2")(of_y), part("6.2")(of_z)
    dy = backward(dlogit_y, cat_cache)[0]
    dz = backward(dlogit_z, gauss_cache)[0][:, : z.shape[1]]
    return loss_y + loss_z, encode_backward(q_cache, dy=dy, dz=dz)
    ### END SOLUTION


# %% [markdown]
# ## Exercise 16.4: Classification
#
# The images of which a label is known pay for it, and the others, with −1, do not. `encode` does not return the logits,
# but its third output is (h, classes, cache), and the logits are the first $k$ columns of $h$.


# %%
def classify(x, labels, q, classes, hidden):
    """x (n, d), labels (n,), −1 unknown, weights q, numbers of classes and hidden units -> loss (), dq."""
    ### BEGIN SOLUTION
    _, _, q_cache = encode(x, q, classes, hidden)
    loss, dlogits = part("11.2")(q_cache[0][:, :classes], labels)
    return loss, encode_backward(q_cache, dlogits=dlogits)
    ### END SOLUTION


# %% [markdown]
# ## Exercise 16.5: what do the samples show?
#
# The judge is no part of the model: a sample shows the digit of the real image that is nearest to it. Return the share
# of the samples that show what was wanted. All differences at once, as in lesson 4, are (m, n, d) numbers, far too many
# here: $|s - x|^2 = |s|^2 - 2 s \cdot x + |x|^2$ needs one matrix product, and $|s|^2$ is the same for all images.


# %%
def content_accuracy(samples, wanted, images, labels):
    """samples (m, d), wanted digits (m,), real images (n, d), their labels (n,) -> accuracy ()."""
    ### BEGIN SOLUTION
    square = np.sum(images**2, axis=1) - 2 * samples @ images.T
    return np.mean(labels[np.argmin(square, axis=1)] == wanted)
    ### END SOLUTION


# %% [markdown]
# ## The training
#
# A step is the four phases in turn. Each phase has its own averages for Adam, even where two phases move the same
# network. The learning rates of the game are smaller than that of the reconstruction. All of them fall over the last
# quarter. The mean of each pixel over the training images is subtracted, and the rest is doubled: inputs around 0 and
# of size 1 train faster.


# %%
class Moved:
    """Adam's averages for one network in one phase."""

    def __init__(self, rate, beta1):
        self.rate, self.beta1, self.t, self.mean, self.square = rate, beta1, 0, 0, 0

    def step(self, w, dw, fade):
        """Return the new w, by your `adam_step`."""
        self.t += 1
        state = (w.dtype.type(0) * w + self.mean, w.dtype.type(0) * w + self.square)
        numbers = (self.t, self.rate * fade, self.beta1, 0.999, 1e-8)
        w, self.mean, self.square = part("3.3")(w, dw.astype(w.dtype), *state, *numbers)
        return w


def new_network(d_in, hidden, d_out, rng):
    """Return the weights of a network in one vector, small and random, the biases 0."""
    w = np.zeros((d_in + 1) * hidden + (hidden + 1) * d_out, "float32")
    W1, _, W2, _ = layers_of(w, d_in, hidden)
    W1[...] = rng.normal(0, np.sqrt(2 / d_in), W1.shape)
    W2[...] = rng.normal(0, np.sqrt(1 / hidden), W2.shape)
    return w


def train(images, known, labels, rng, epochs, hidden=200, style=8, noise=0.8):
    """Train on `images` (n, 784), of which those numbered `known` (m,) show their `labels` (m,); return Q and P."""
    ones = np.eye(10, dtype="float32")
    q, p = new_network(784, hidden, 10 + style, rng), new_network(10 + style, hidden, 784, rng)
    d_cat, d_gauss = new_network(10, hidden, 1, rng), new_network(style + 10, hidden, 1, rng)
    moved = {name: Moved(1e-3, 0.9) for name in ("q", "p", "labels")}
    moved |= {name: Moved(3e-4, 0.5) for name in ("d_cat", "d_gauss", "game")}

    def noise_for(x):
        return noise * rng.standard_normal(x.shape, dtype="float32")

    steps = 20 if SHORT else 600
    for epoch in range(epochs):
        losses = []
        for step, batch in enumerate(rng.permutation(len(images))[: steps * 100].reshape(steps, 100)):
            fade = min(1.0, max(0.01, 4 * (1 - (epoch + step / steps) / epochs)))
            x = images[batch]

            reconstruction, dq, dp = reconstruct(x, noise_for(x), q, p, 10, hidden)
            q, p = moved["q"].step(q, dq, fade), moved["p"].step(p, dp, fade)

            y, z, _ = encode(x + noise_for(x), q, 10, hidden)
            drawn, normal = ones[rng.integers(10, size=len(x))], rng.standard_normal(z.shape, dtype="float32")
            of_cat, dd = discriminate(drawn, y, d_cat, hidden)
            d_cat = moved["d_cat"].step(d_cat, dd, fade)
            both = np.concatenate([normal, y], axis=1), np.concatenate([z, y], axis=1)
            of_gauss, dd = discriminate(*both, d_gauss, hidden)
            d_gauss = moved["d_gauss"].step(d_gauss, dd, fade)

            _, dq = generate(x + noise_for(x), q, d_cat, d_gauss, 10, hidden)
            q = moved["game"].step(q, dq, fade)

            x = images[known]
            of_labels, dq = classify(x + noise_for(x), labels, q, 10, hidden)
            q = moved["labels"].step(q, dq, fade)
            losses.append((reconstruction, of_cat, of_gauss, of_labels))
        says = "epoch {}: reconstruction {:.1f}, D_cat pays {:.2f}, D_gauss {:.2f}, the labels {:.4f}"
        print(says.format(epoch + 1, *np.mean(losses, axis=0)))
    return q, p


def reached(goal):
    return "reached" if goal else "not reached" + (" (the lesson was cut short)" if SHORT else "")


if __name__ == "__main__":
    mnist, rng, started, hidden, style = data.load_mnist(), np.random.default_rng(SEED), time.perf_counter(), 200, 8
    mean = np.mean(mnist.x_train, axis=0, dtype="float32")
    images, test = ((x - mean) / np.float32(127.5) for x in (mnist.x_train, mnist.x_test))
    known = data.split(mnist.y_train, 10, 100, SEED).labelled  # ten of each digit
    q, p = train(images, known, mnist.y_train[known], rng, 1 if SHORT else 14, hidden, style)
    y, _, _ = encode(test, q, 10, hidden)
    error = np.mean(np.argmax(y, axis=1) != mnist.y_test)
    wanted = np.arange(1000) % 10
    drawn = rng.standard_normal((1000, style), dtype="float32")
    samples, _ = forward(np.concatenate([np.eye(10, dtype="float32")[wanted], drawn], axis=1), p, hidden)
    real, digits = images[:10000], mnist.y_train[:10000]
    content = np.mean(
        [content_accuracy(samples[k : k + 50], wanted[k : k + 50], real, digits) for k in range(0, 1000, 50)]
    )
    print(f"test error {error:.1%}; the goal of 15 % is {reached(error <= 0.15)}")
    print(f"content accuracy {content:.0%}; the goal of 80 % is {reached(content >= 0.8)}")
    print(f"{time.perf_counter() - started:.0f} s, with {len(yours())} of {len(LENT)} parts of your own")

# %% [markdown]
# In the picture a row is one class $y$, and a column is one style $z$ from the prior. On the right are test images that
# are classified wrong, with what $Q$ took them for.

# %%
if __name__ == "__main__":

    def tiles(rows):
        """Return images (r, c, 784) as one picture."""
        return rows.reshape(*rows.shape[:2], 28, 28).swapaxes(1, 2).reshape(28 * rows.shape[0], -1)

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 6.2), layout="constrained")
    styles = np.tile(rng.standard_normal((10, style), dtype="float32"), (10, 1))
    digits = np.repeat(np.eye(10, dtype="float32"), 10, axis=0)
    samples, _ = forward(np.concatenate([digits, styles], axis=1), p, hidden)
    left.imshow(tiles((samples / 2 + mean / 255).reshape(10, 10, 784)), cmap="gray_r", vmin=0, vmax=1)
    left.set(title=f"P(y, z): {content:.0%} show their y", xlabel="one column a style z", ylabel="y", xticks=[])
    left.set_yticks(28 * np.arange(10) + 14, range(10))
    wrong = np.flatnonzero(np.argmax(y, axis=1) != mnist.y_test)[:100]
    wrong = np.resize(wrong, 100)
    right.imshow(tiles(mnist.x_test[wrong].reshape(10, 10, 784)), cmap="gray_r")
    for k, image in enumerate(wrong):
        right.text(28 * (k % 10) + 1, 28 * (k // 10) + 7, np.argmax(y[image]), color="tab:red", fontsize=8)
    right.set(title=f"{error:.1%} of the test images are wrong: taken for …", xticks=[], yticks=[])
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_16_mine.png", dpi=100)
    print("The picture:", os.path.abspath("pictures/lesson_16_mine.png"))

# %% [markdown]
# You should see ten rows of ten digits, nearly all of them the digit of their row, and one handwriting a column. That
# is so because $D_{gauss}$ reads $y$ beside $z$. So $z$ keeps little of the digit, and $P$ has to take it from $y$.
#
# $D_{gauss}$ ends at about 0.6, well below $2 \ln 2 = 1.39$. Its loss falls from epoch 5 on: it separates codes from
# draws better and better. For $P$ the draws are near enough all the same, as the content accuracy shows.
#
# ## What to take with you
#
# * An AAE is four phases of a few lines. Everything below them is a linear layer, an activation, and the chain rule.
# * The library adds batch norm, more layers, more epochs and care: 3 to 4 % in place of 9.
# * You can write this. You have.
