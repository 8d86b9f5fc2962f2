# %% [markdown]
# # 9. Three encoders: a point, a cloud, or any shape at all
#
# *About 120 minutes; difficulty 4 of 5.*
#
# **The one idea.** An AAE matches the *aggregated posterior* to the prior. This is $q(z) = \frac1n \sum_i q(z|x_i)$,
# the bag of all codes (lesson 7). So one image need not have *one* code. The paper has three kinds of encoder $q(z|x)$:
#
# 1. **deterministic**: $z = \mu(x)$, one point for each image;
# 2. **Gaussian**: $z = \mu(x) + \sigma(x)\,\varepsilon$ with $\varepsilon \sim N(0, I)$, a cloud, as in lesson 5's VAE;
# 3. **universal approximator**: $z = f(x, \eta)$, where the network $f$ reads noise $\eta \sim N(0, I)$ together with
#    the image. As $f$ is a network, it can bend the noise into any shape.
#
# With 60 000 images the bag is full even if each image is a point. So we take only **ten**, one of each digit, and
# ask for codes spread evenly over a square. *Predict: which of the three can do it? What will the bag look like for
# each?*

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, data
from tinyaae.backend import Context
from tinyaae.gradcheck import check_layer
from tinyaae.layers import Layer, Linear, ReLU, Tanh
from tinyaae.networks import Encoder, decoder, discriminator
from tinyaae.optimizers import Adam, linear_schedule
from tinyaae.phases import Adversary, Batch, Discriminate, Reconstruction, Regularization
from tinyaae.priors import Uniform

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 9.1: three codes of the same images
#
# To have all three on one page, let every encoder be a single layer. $x$ (n, i) is what it reads, $A$, $B$ and $C$
# are weights, and the noise $\varepsilon$ (n, d), $\eta$ (n, e) is given:
#
# $$ z_{det} = xA, \qquad z_{gauss} = xA + \sigma\varepsilon, \qquad z_{univ} = \tanh(xA + \eta C), $$
#
# where $xB$ is $\ln\sigma^2$, the logarithm of the variance:
# it may be any number, and $\sigma$ is always positive.
# The last is one linear layer that reads $[x, \eta]$ side by side, its weights being $A$ above $C$, and an activation.


# %%
def three_codes(x, epsilon, eta, A, B, C):
    """x (n, i), epsilon (n, d), eta (n, e), A (i, d), B (i, d), C (e, d) -> three codes z, each (n, d)."""
    ### BEGIN SOLUTION
    mean = x @ A
    gaussian = mean + np.exp(x @ B / 2) * epsilon
    return mean, gaussian, np.tanh(mean + eta @ C)
    ### END SOLUTION


# %% [markdown]
# ## Exercise 9.2: back through the Gaussian
#
# The noise is a constant: it was drawn before, and no weight changes it. Given $dz$ (n, d), find $dx$, $dA$ and $dB$.
# $z$ depends on $x$ in two ways, through the mean and through $\sigma$; $dx$ is the sum of both contributions.
#
# *What does $dB$ have to do with $\varepsilon$? Think of a row with $\varepsilon = 0$.*


# %%
def gaussian_backward(dz, x, epsilon, A, B):
    """dz (n, d), x (n, i), epsilon (n, d), A (i, d), B (i, d) -> dx (n, i), dA (i, d), dB (i, d)."""
    ### BEGIN SOLUTION
    sigma = np.exp(x @ B / 2)
    dspread = dz * epsilon * sigma / 2
    return dz @ A.T + dspread @ B.T, x.T @ dz, x.T @ dspread
    ### END SOLUTION


# %% [markdown]
# ($dB$ is $dz\,\varepsilon\,\sigma/2$ carried back to the weights, so a row with $\varepsilon = 0$ adds nothing to
# it: a draw that equals the mean gives no gradient for $\sigma$.)
#
# ## Exercise 9.3: back through the universal approximator
#
# The same for $z = \tanh(xA + \eta C)$. The derivative of $\tanh a$ is $1 - \tanh^2 a$.


# %%
def universal_backward(dz, x, eta, A, C):
    """dz (n, d), x (n, i), eta (n, e), A (i, d), C (e, d) -> dx (n, i), dA (i, d), dC (e, d)."""
    ### BEGIN SOLUTION
    z = np.tanh(x @ A + eta @ C)
    dsum = dz * (1 - z**2)
    return dsum @ A.T, x.T @ dsum, eta.T @ dsum
    ### END SOLUTION


# %% [markdown]
# ## Exercise 9.4: how much of a code is noise
#
# Encode each of $n$ images $S$ times, each time with fresh noise: $z$ (S, n, d). How far do the codes of *one* image
# lie apart, and how far do the images lie apart from *each other*?
#
# * **within**: the variance over the $S$ draws, of each image and coordinate; then the mean of these n·d numbers;
# * **between**: the mean over the $S$ draws, of each image and coordinate; then the variance of that over the images,
#   and the mean over the coordinates.
#
# Variances are means of squares (`np.var` as it comes). Together they are the whole variance of the bag: that is the
# law of total variance, and exercise 7.4 was a case of it.


# %%
def within_and_between(z):
    """z (S, n, d) -> within (), between ()."""
    ### BEGIN SOLUTION
    return z.var(axis=0).mean(), z.mean(axis=0).var(axis=0).mean()
    ### END SOLUTION


# %% [markdown]
# ## Layers of your own, checked
#
# Here are two layers for the library. Their noise comes from `ctx`, and is 0 outside training. `check_layer` compares
# `dx` and every `dW` with central differences, on the same noise. Where they differ, it raises an exception.


# %%
class WithNoise(Layer):
    """A layer with weights drawn like the library's Linear, and noise only in training."""

    def initial(self, name, rng):
        return rng.normal(0, 1 / np.sqrt(3 * self.shapes["A"][0]), self.shapes[name])

    def draw(self, ctx, shape):
        return ctx.normal(shape) if ctx.training else ctx.backend.zeros(shape)


class MyGaussian(WithNoise):
    """z = xA + σ·ε: the second of `three_codes`."""

    def __init__(self, d_in, d):
        self.shapes = {"A": (d_in, d), "B": (d_in, d)}

    def forward(self, x, ctx):
        epsilon = self.draw(ctx, (len(x), self.shapes["A"][1]))
        return three_codes(x, epsilon, epsilon, self.A, self.B, 0 * self.A[: epsilon.shape[1]])[1], (x, epsilon)

    def backward(self, dz, cache, grads=None, want_dx=True):
        x, epsilon = cache
        dx, dA, dB = gaussian_backward(dz, x, epsilon, self.A, self.B)
        if grads is not None:
            grads["A"] += dA
            grads["B"] += dB
        return dx if want_dx else None


class MyUniversal(WithNoise):
    """tanh(xA + ηC): the third of `three_codes`, here as the first layer of a deeper f(x, η)."""

    def __init__(self, d_in, d, d_noise):
        self.shapes = {"A": (d_in, d), "C": (d_noise, d)}

    def initial(self, name, rng):
        return super().initial(name, rng) if name == "A" else rng.normal(0, 1, self.shapes["C"])

    def forward(self, x, ctx):
        eta = self.draw(ctx, (len(x), self.shapes["C"][0]))
        return three_codes(x, 0 * (x @ self.A), eta, self.A, 0 * self.A, self.C)[2], (x, eta)

    def backward(self, dz, cache, grads=None, want_dx=True):
        x, eta = cache
        dx, dA, dC = universal_backward(dz, x, eta, self.A, self.C)
        if grads is not None:
            grads["A"] += dA
            grads["C"] += dC
        return dx if want_dx else None


if __name__ == "__main__":
    x = np.random.default_rng(0).normal(size=(3, 4))
    print(f"MyGaussian:  relative error of the gradients {check_layer(MyGaussian(4, 2), x):.0e}")
    print(f"MyUniversal: relative error of the gradients {check_layer(MyUniversal(4, 5, 2), x):.0e}\n")

# %% [markdown]
# ## Ten images, three encoders
#
# To be quick, we take every second pixel in both directions, 196 of them. A batch is the ten images, twenty times over.
# The prior is uniform on the square $[-2, 2]^2$. Only the encoder differs.
#
# The accuracy of $D$ during the training shows little: ten points that move faster than $D$ learns look like a success.
# So afterwards we keep $Q$ fixed. A *fresh* discriminator, the examiner, learns to separate the codes of $Q$ from draws
# of the square. The library's phase `Discriminate` does this, without the other phases.


# %%
def encoder_layers(kind, hidden):
    """Return the layers of Q for images of 196 pixels and codes of 2 numbers."""
    if kind == "universal":
        return [MyUniversal(196, hidden, 2), Linear(hidden, hidden), ReLU(), Linear(hidden, 2)]
    last = MyGaussian(hidden, 2) if kind == "Gaussian" else Linear(hidden, 2)
    return [Linear(196, hidden), Tanh(), Linear(hidden, hidden), ReLU(), last]


def train(kind, images, backend, steps, hidden=100):
    """Train an AAE on these few images; return Q and P."""
    q = Encoder(backend, encoder_layers(kind, hidden), 0, "deterministic")  # the noise is in our own layers
    p = decoder(backend, 2, (hidden, hidden), 196, logits=True)
    d = discriminator(backend, "D", 2, (hidden, hidden))
    reconstruct = Reconstruction(q, p, Adam(2e-4))
    regularize = Regularization(q, [Adversary("z", d, Uniform(2))], Adam(2e-3, 0.5), Adam(5e-4, 0.5))
    batch, fade = Batch(np.tile(images, (20, 1))), linear_schedule(steps / 2, steps)
    for step in range(steps):
        for phase in [*reconstruct.phases_with_optimizer(), *regularize.phases_with_optimizer()]:
            phase.optimizer.lr_scale = fade(step)
        reconstruct.step(batch)
        regularize.step(batch)
    return q, p


def examine(q, images, backend, steps):
    """Return how often a fresh D, trained while Q stands still, is right in the second half of its training."""
    d = discriminator(backend, "examiner", 2, (100, 100))
    phase, batch = Discriminate(q, [Adversary("z", d, Uniform(2))], Adam(3e-3)), Batch(np.tile(images, (20, 1)))
    return np.mean([phase.step(batch)["examiner_accuracy"] for _ in range(steps)][steps // 2 :])


if __name__ == "__main__":
    mnist, backend = data.load_mnist(), Backend.named("numpy")
    ten = mnist.x_train[[np.flatnonzero(mnist.y_train == k)[0] for k in range(10)]] / np.float32(255)
    ten = ten.reshape(10, 28, 28)[:, ::2, ::2].reshape(10, 196)
    codes, pictures, accuracy = {}, {}, {}
    steps, draws = 60 if SHORT else 2500, 500
    for kind in "deterministic", "Gaussian", "universal":
        q, p = train(kind, ten, backend, steps)
        accuracy[kind] = examine(q, ten, backend, steps // 3)
        noisy = Context(backend, training=True, stream="many draws")
        codes[kind] = q.forward(np.tile(ten, (draws, 1)), noisy)[0].z.reshape(draws, 10, 2)
        reach = np.linspace(-2, 2, 11, dtype="float32")
        plane = np.stack(np.meshgrid(reach, reach[::-1]), axis=2).reshape(-1, 2)
        pictures[kind] = p.image(p.stack.forward(plane, Context(backend))[0])
        within, between = within_and_between(codes[kind].astype(float))
        print(f"{kind:13}: the examiner is right in {accuracy[kind]:.0%}; variance within {within:.3f}, ", end="")
        print(f"between {between:.3f}, together {within + between:.2f}")
    print(f"{'the square':13}: variance {4**2 / 12:.2f}\n")

# %% [markdown]
# Ten points cannot fill a square, however they are placed, and the examiner learns where they are. The Gaussian
# encoder makes clouds, but small ones. The reconstruction error is lower for a small cloud. No term of the loss draws
# $\sigma$ to 1; in a VAE the KL divergence does. Wider clouds would be ellipses with soft edges, and ellipses
# cannot tile a square either. The universal encoder bends its noise, so each image gets a *territory*. The ten
# territories fill much more of the square. But gaps are left, and some territories overlap, so the examiner is still
# right more often than a coin.
#
# All three variances are near that of the square: the variance alone does not show whether the square is filled.
#
# The lower row shows what the decoder paints at 11 × 11 points of the square. Far from all codes no training example
# determines what it paints.

# %%
if __name__ == "__main__":
    figure, axes = plt.subplots(2, 3, figsize=(13.5, 9.4), layout="constrained")
    for (kind, z), ax in zip(codes.items(), axes[0], strict=True):
        size = 60 if kind == "deterministic" else 3
        points = ax.scatter(z[:, :, 0], z[:, :, 1], c=np.tile(np.arange(10), draws), cmap="tab10", s=size, linewidths=0,
                            vmin=-0.5, vmax=9.5)  # fmt: skip
        ax.add_patch(plt.Rectangle((-2, -2), 4, 4, fill=False, color="0.25", lw=1))
        title = f"{kind}: the examiner is right in {accuracy[kind]:.0%}"
        ax.set(xlim=(-2.9, 2.9), ylim=(-2.9, 2.9), aspect="equal", title=title, xlabel="$z_1$", ylabel="$z_2$")
    figure.colorbar(points, ax=axes[0, 2], ticks=range(10), label="which image", shrink=0.8)
    for (kind, images), ax in zip(pictures.items(), axes[1], strict=True):
        ax.imshow(images.reshape(11, 11, 14, 14).swapaxes(1, 2).reshape(11 * 14, -1), cmap="gray_r")
        ax.set(title=f"{kind}: the square, decoded", xticks=[], yticks=[], xlabel="$z_1$, −2 to 2", ylabel="$z_2$")
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_09_encoders.png", dpi=100)
    print("The picture:", os.path.abspath("pictures/lesson_09_encoders.png"))

# %% [markdown]
# You should see ten points, ten small clouds and ten territories with gaps. (A cloud may be as small as a point.) That
# is so because only the last encoder can bend its noise into a shape that fills part of the square.

# %% [markdown]
# ## What to take with you
#
# * $D$ sees the codes of all images together. One image may have a point, a cloud, or any shape.
# * Noise that is drawn first, and then scaled or bent, lets the gradient through.
# * A few points cannot fill a prior, whatever D does. With few images, an encoder with bent noise comes nearest to it.
