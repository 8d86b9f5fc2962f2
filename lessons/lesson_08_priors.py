# %% [markdown]
# # 8. Any prior you can draw from
#
# *About 150 minutes; difficulty 3 of 5.*
#
# **The one idea.** The KL of a VAE is a formula, and needs a formula of the prior, too. The adversary of an AAE needs
# only *samples*. So the prior $p(z)$ may be anything that a few lines of code can draw: a flower of ten
# Gaussians, a rolled-up band, a distribution with a hard edge. And if $D$ reads labels, we can choose which class lies
# where.
#
# The functions get their noise as arguments: `u` is uniform in $[0, 1)$, `noise` and $\varepsilon$ are $N(0, 1)$. The
# library draws this noise, in such a way that each step can be repeated.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, data
from tinyaae.config import Config
from tinyaae.model import Model
from tinyaae.optimizers import linear_schedule
from tinyaae.priors import Gamma, GaussianMixture, SwissRoll
from tinyaae.recipes import Builder
from tinyaae.training import Batches

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 8.1: a flower
#
# Petal $k$ of $K$ points in the direction $\alpha_k = 2\pi k / K$. Petal 0 lies along the first axis, and the next
# petals turn towards the second axis. A petal is a long thin Gaussian. Its standard deviation is `long` along the
# petal and `short` across. Its middle is moved outwards by `distance`:
#
# $$ z = (distance + long \cdot \varepsilon_1)\, a_k + short \cdot \varepsilon_2\, c_k, \qquad
#    a_k = (\cos\alpha_k, \sin\alpha_k),\quad c_k = (-\sin\alpha_k, \cos\alpha_k). $$


# %%
def flower(petal, noise, petals, distance, long, short):
    """petal (n,) integers below `petals`, noise (n, 2) normal, three lengths -> z (n, 2)."""
    ### BEGIN SOLUTION
    angle = 2 * np.pi * petal / petals
    out = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    across = np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return out * (distance + long * noise[:, :1]) + across * (short * noise[:, 1:])
    ### END SOLUTION


# %% [markdown]
# ## Exercise 8.2: the same flower as a formula
#
# A mixture has a density. Each petal is chosen with probability $1/K$, and the density of a Gaussian turns with it.
# With $e_k = (z \cdot a_k - distance)/long$ and $f_k = (z \cdot c_k)/short$,
#
# $$ \ln p(z) = \ln \sum_{k=0}^{K-1} \frac1K\; \frac{1}{2\pi\, long\, short}\; e^{-(e_k^2 + f_k^2)/2}. $$
#
# Far from all petals every $e^{…}$ is rounded to 0, and $\ln 0$ is $-\infty$. Take the largest exponent $M$ out first:
# $\ln \sum_k e^{t_k} = M + \ln \sum_k e^{t_k - M}$. The check asks for points that are far away.


# %%
def flower_log_density(z, petals, distance, long, short):
    """z (n, 2), the number of petals and three lengths -> ln p(z) (n,)."""
    ### BEGIN SOLUTION
    angle = 2 * np.pi * np.arange(petals) / petals
    along = (z[:, :1] * np.cos(angle) + z[:, 1:] * np.sin(angle) - distance) / long
    across = (z[:, 1:] * np.cos(angle) - z[:, :1] * np.sin(angle)) / short
    exponent = -(along**2 + across**2) / 2
    largest = exponent.max(axis=1)
    total = np.exp(exponent - largest[:, None]).sum(axis=1)
    return largest + np.log(total) - np.log(petals * 2 * np.pi * long * short)
    ### END SOLUTION


# %% [markdown]
# A density and a sampler must agree, and that can be tested without a picture. The mean of $\ln p(z)$ over draws of
# $p$ is minus the entropy of $p$. The mean logarithm of a *wrong* density is smaller on the same draws.

# %%
if __name__ == "__main__":
    rng, shape = np.random.default_rng(0), (10, 1.4, 0.5, 0.1)
    z = flower(rng.integers(0, 10, 20000), rng.standard_normal((20000, 2)), *shape)
    own = flower_log_density(z, *shape)
    print(f"mean ln p(z) of the flower's own draws: {np.mean(own):.3f}")
    for wrong in (10, 1.4, 0.6, 0.1), (10, 1.3, 0.5, 0.1), (10, 1.4, 0.5, 0.15):
        print(f"  and by the density with lengths {wrong[1:]}: {np.mean(flower_log_density(z, *wrong)):.3f}, less")

# %% [markdown]
# ## Exercises 8.3 and 8.4: a rolled-up band, and a hard edge
#
# The **swiss roll** is a curve with two windings. A place on it is $t \in [0, 1)$; at $t$ it has the radius
# $r = length\cdot\sqrt t$ and the angle $\theta = 4\pi\sqrt t$, so the point is $(r\cos\theta,\, r\sin\theta)$. Class
# $k$ of $K$ has the stretch $t \in [k/K, (k+1)/K)$: with $u$ uniform in $[0, 1)$, $t = (k + u)/K$. Then a little
# normal noise, `width` times $\varepsilon$, makes the curve a band.
#
# The **gamma** distribution with a whole number as its shape is a sum of waiting times: with $u$ uniform,
# $-\ln(1 - u)$ is exponential, and the sum of $s$ of them is Gamma with shape $s$. All its draws are positive.
# (The library's `Gamma` takes any shape from 1, by another method.)


# %%
def swiss_roll(k, u, noise, classes, length, width):
    """Class k (n,), u (n,) uniform, noise (n, 2) normal, the number of classes, two lengths -> z (n, 2)."""
    ### BEGIN SOLUTION
    root = np.sqrt((k + u) / classes)
    angle = 4 * np.pi * root
    return length * root[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + width * noise
    ### END SOLUTION


# %%
def gamma(u, scale):
    """u (s, n, d) uniform -> z (n, d), draws of Gamma with shape s, times `scale`."""
    ### BEGIN SOLUTION
    return -scale * np.log1p(-u).sum(axis=0)
    ### END SOLUTION


if __name__ == "__main__":
    z = gamma(rng.random((2, 100000, 1)), 1.0)
    print(f"\nGamma(2): mean {np.mean(z):.3f}, variance {np.var(z):.3f} (both should be 2); smallest {z.min():.4f}")

# %% [markdown]
# ## Exercise 8.5: telling D the label, and the slot for "I do not know"
#
# So far $D$ reads codes alone, and nothing fixes which digit goes to which petal. Now let $D$ read the label together
# with the code, `[z, one-hot label]`. A draw of the prior has a label, too, and comes from the petal of that label.
# Then $D$ can reject a seven that lies in the petal of the threes.
#
# Most labels are unknown, though. For them the one-hot has an extra, last slot: with 10 classes it is 11 wide. The
# prior's draw for such a row comes from the *whole* mixture: from a random petal. (What would go wrong if we left
# these rows all zero, and took petal 0 for them?)
#
# The arguments are labels (n,), whether each is `known` (n,), a `random` petal (n,) for the others, and the number $K$
# of classes. Return what $D$ reads beside the code, and from which petal each row's draw of the prior comes. (An
# unknown row has a number in `labels`, too. It must not be used.)


# %%
def label_slots(labels, known, random, classes):
    """labels (n,), known (n,) bool, random (n,), K -> one-hot (n, K + 1) with the extra slot, petal (n,)."""
    ### BEGIN SOLUTION
    slot = np.where(known, labels, classes)
    return np.eye(classes + 1)[slot], np.where(known, labels, random)
    ### END SOLUTION


# %% [markdown]
# ## Your priors in training
#
# (The answer to the question of 8.5: D would learn that a row without a label lies in petal 0. Q would be trained to
# send every unlabelled image there.)
#
# A prior of the library has the method `sample(n, ctx, labels)`. `ctx` draws the noise, and `labels` is the one-hot
# (n, 11) or None. Here are three priors with your functions inside:


# %%
def class_of_each(labels, n, ctx, classes):
    """Turn the one-hot labels (n, K + 1), or None, into the mode (n,) of the prior that each row comes from."""
    random = np.floor(ctx.uniform((n,)) * classes).astype(int)
    if labels is None:
        return random
    slot = np.argmax(labels, axis=1)
    return label_slots(slot, slot < classes, random, classes)[1]


class MyFlower(GaussianMixture):
    """The library's mixture, drawing with `flower`."""

    def sample(self, n, ctx, labels=None):
        petal = class_of_each(labels, n, ctx, self.modes)
        z = flower(petal, ctx.normal((n, 2)), self.modes, self.distance, self.long, self.short)
        return z.astype("float32")


class MyRoll(SwissRoll):
    """The library's swiss roll, drawing with `swiss_roll`."""

    def sample(self, n, ctx, labels=None):
        k = class_of_each(labels, n, ctx, self.modes)
        return swiss_roll(k, ctx.uniform((n,)), ctx.normal((n, 2)), self.modes, 3.0, 0.05).astype("float32")


class MyGamma(Gamma):
    """The library's Gamma(2), drawing with `gamma`."""

    def sample(self, n, ctx, labels=None):
        return gamma(ctx.uniform((2, n, self.d)), self.scale).astype("float32")


class MyBatches(Batches):
    """The library's batches, whose labels for D are made with `label_slots`: the class, or K for unknown."""

    def _one_hot(self, labels, classes):
        unknown = classes - 1
        return label_slots(labels, labels != unknown, 0 * labels, unknown)[0].astype("float32")


# %% [markdown]
# The recipe of the library is the AAE of lesson 7 with a $D$ that reads 2 + 11 numbers: compare `label_regularized` and
# `aae` in `recipes.py`. We take 10 000 labels for the flower and the roll, and none for the gamma.
#
# *Predict: what share of the test images, which no network was trained on, will lie in the petal of their own digit?*


# %%
def trained(mode, prior, dataset, backend, epochs):
    """Return a `Model` trained to have the codes of `prior`."""
    config = Config.of(
        mode, z=2, hidden=(200, 200), reconstruction="cross-entropy", input_noise=0.0,
        lr_reconstruction=3e-4, lr_adversarial=1e-3, epochs=epochs,
    )  # fmt: skip
    make = Builder(config, backend)
    make.prior = prior
    model = Model(config, backend, *config.recipe(make), prior)
    batches, fade = MyBatches(dataset, config, backend), linear_schedule(0.6 * epochs, epochs)
    for epoch in range(epochs):
        for step, batch in enumerate(batches.epoch(epoch)):
            if SHORT and step == 20:
                break
            for phase in model.phases_with_optimizer():
                phase.optimizer.lr_scale = fade(epoch + step / batches.steps)
            model.step(batch)
    return model


if __name__ == "__main__":
    mnist, backend = data.load_mnist(), Backend.named("numpy")
    epochs = 1 if SHORT else 3
    models = [
        trained("label-regularized", MyFlower(), mnist, backend, epochs),
        trained("label-regularized", MyRoll(), mnist, backend, epochs),
        trained("aae", MyGamma(2), mnist, backend, 1),
    ]
    images, labels = mnist.x_test[:4000], mnist.y_test[:4000]
    codes = [model.encode(images).z for model in models]
    petals = flower(np.arange(10), np.zeros((10, 2)), *shape)
    home = np.mean(np.argmax(codes[0] @ petals.T, axis=1) == labels)
    print(f"{home:.0%} of the test images lie in the direction of their own digit's petal (10 % would be chance)")
    density = flower_log_density(codes[0].astype(float), *shape)
    print(
        f"median ln p(z) of their codes: {np.median(density):.2f}; of draws of the flower itself: {np.median(own):.2f}"
    )
    print(f"with the gamma prior {np.mean(codes[2] < 0):.1%} of the coordinates of z are negative; p(z) has none")

# %% [markdown]
# The upper row shows the codes of test images that $Q$ was never trained on, with a colour for each digit. The lines in
# the first panel are your density. The lower row shows what the decoders make of the priors: along each petal, along
# each stretch of the roll, and over the plane of the gamma prior.

# %%
if __name__ == "__main__":

    def show_codes(ax, codes, low, high, title):
        points = ax.scatter(*codes.T, c=labels, cmap="tab10", s=4, linewidths=0, vmin=-0.5, vmax=9.5)
        ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", title=title, xlabel="$z_1$", ylabel="$z_2$")
        return points

    def show_images(ax, model, z, title, names, x, y):
        pictures = model.decode(z.reshape(-1, 2).astype("float32")).reshape(*z.shape[:2], 28, 28)
        rows, columns = z.shape[:2]
        ax.imshow(pictures.swapaxes(1, 2).reshape(rows * 28, columns * 28), cmap="gray_r")
        ax.set(title=title, xticks=[], yticks=28 * np.arange(rows) + 14, yticklabels=names, xlabel=x, ylabel=y)
        ax.tick_params(length=0)

    figure, axes = plt.subplots(2, 3, figsize=(14.5, 9.4), layout="constrained")
    show_codes(axes[0, 0], codes[0], -3.2, 3.2, f"the flower, labels told: {home:.0%} in their petal")
    reach = np.linspace(-3.2, 3.2, 161)
    plane = np.stack(np.meshgrid(reach, reach), axis=2)
    heights = flower_log_density(plane.reshape(-1, 2), *shape).reshape(161, 161)
    axes[0, 0].contour(reach, reach, heights, levels=[-5, -3.5, -2], colors="0.2", linewidths=0.7, linestyles="-")
    show_codes(axes[0, 1], codes[1], -3.6, 3.6, "the swiss roll, labels told")
    points = show_codes(axes[0, 2], codes[2], -0.5, 7, "Gamma(2), no labels: nothing below 0")
    figure.colorbar(points, ax=axes[0, 2], ticks=range(10), label="digit", shrink=0.8)

    steps, k = 10, np.repeat(np.arange(10), 10)
    along = np.stack([np.tile(np.linspace(-2, 2, steps), 10), np.zeros(100)], axis=1)
    show_images(axes[1, 0], models[0], flower(k, along, *shape).reshape(10, steps, 2), "a walk along each petal",
                range(10), "from the heart outwards", "petal")  # fmt: skip
    u = np.tile(np.linspace(0, 1, steps), 10)
    roll = swiss_roll(k, u, np.zeros((100, 2)), 10, 3.0, 0.05).reshape(10, steps, 2)
    show_images(axes[1, 1], models[1], roll, "a walk along the roll", range(10), "from one end to the other", "stretch")
    edges = np.quantile(gamma(np.random.default_rng(0).random((2, 50000, 1)), 1.0), (np.arange(10) + 0.5) / 10)
    grid = np.stack(np.meshgrid(edges, edges[::-1]), axis=2)
    show_images(axes[1, 2], models[2], grid, "the plane of Gamma(2)", [f"{e:.1f}" for e in edges[::-1]],
                "percentiles 5 to 95 of $z_1$", "$z_2$")  # fmt: skip
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_08_priors.png", dpi=100)
    print("The picture:", os.path.abspath("pictures/lesson_08_priors.png"))

# %% [markdown]
# You should see most codes of each digit in their own petal or stretch, and some scattered between petals or windings.
# With the gamma prior hardly a code lies below 0. That is so because for the first two priors D reads the label with
# the code. And D easily rejects a code where the prior has no draws.

# %% [markdown]
# ## Predict, then look
#
# ```sh
# tinyaae train --mode aae --z 2 --prior swiss-roll --out my-roll
# tinyaae explore my-roll
# ```
#
# The library's page of a run has the trained networks in it, and needs no server. The background of its map is what $D$
# answers at each place. *Predict: what does $D$ answer between two windings, and what does $P$ paint there? Then look.*
#
# In `tinyaae lab`, at `#data=moons&mode=aae&prior=gaussian&z=2&seed=0`, play 100 rounds. *Predict what the codes do if
# the prior is now a swiss roll, and the weights are kept.* Choose it: the distance of $q(z)$ from $p(z)$ jumps, and
# falls again within 100 rounds. The codes roll up. Nothing but samples of the new prior was needed.
#
# ## What to take with you
#
# * $D$ reads samples, so any prior that can be drawn from will do. No density is needed.
# * With a label beside the code, $D$ compares an image with its own part of the prior. An extra slot stands for an
#   unknown label, and is compared with the whole prior.
# * The prior decides how codes are arranged: in petals by class, along a winding band, or above a hard edge.
