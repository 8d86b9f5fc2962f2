# %% [markdown]
# # 5. Mean and standard deviation: the variational autoencoder
#
# *About 120 minutes; difficulty 3 of 5.*
#
# **The one idea.** An autoencoder's code is a point, and between points there are gaps. So let Q answer with a little
# cloud instead: a mean $\mu(x)$ and a standard deviation $\sigma(x)$, the normal distribution $q(z|x) = N(\mu,
# \sigma^2)$. P has to decode any z from that cloud, so it learns to be right in a whole neighbourhood. A second term
# of the loss, a formula called KL, keeps the clouds large and near the *prior* $p(z) = N(0, I)$, the distribution
# that we want to draw from later. This is the variational autoencoder, the VAE (Kingma and Welling 2014).
#
# Notation: $z$ (n, d) codes, $\epsilon$ noise from $N(0, 1)$. Q's last layer gives $\mu$ and $\ln \sigma^2$ side by
# side. Its second half is a logarithm because a network's outputs may be negative, and a variance may not.

# %%
import os
from dataclasses import replace
from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import EllipseCollection

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.gradcheck import check_layer, check_phase
from tinyaae.layers import GaussianSampling, Sequential
from tinyaae.metrics import diagnostics
from tinyaae.networks import Code
from tinyaae.optimizers import Adam
from tinyaae.phases import Batch, Variational
from tinyaae.training import Batches

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training
PRIOR_STD = 1.0  # the standard deviation of the prior in every direction

# %% [markdown]
# ## Exercise 5.1: draw a code
#
# $$ z = \mu + \sigma\, \epsilon, \qquad \sigma = \sqrt{e^{\ln \sigma^2}} . $$


# %%
def draw(mean, log_var, noise):
    """mean μ, log_var ln σ², noise ε, all (n, d) -> z (n, d)."""
    ### BEGIN SOLUTION
    return mean + np.exp(log_var / 2) * noise
    ### END SOLUTION


# %%
if __name__ == "__main__":
    noise = np.random.default_rng(0).normal(size=(10000, 1))
    z = draw(np.full((10000, 1), 3.0), np.full((10000, 1), np.log(0.25)), noise)
    print(f"10000 draws with μ = 3 and σ = 0.5: mean {z.mean():.2f}, standard deviation {z.std():.2f}")

# %% [markdown]
# ## Exercise 5.2: and go back through the draw
#
# How can a gradient pass through a random draw? It cannot: "a number from $N(\mu, \sigma^2)$" has no derivative. But
# written as above, the randomness is an *input*, and z is a plain function of $\mu$ and $\ln\sigma^2$. That is the
# whole trick, and it is called the *reparametrisation*. Given `dz`, with the same noise as in forward, find the two
# gradients. Where a cloud is drawn out by positive $\epsilon$, should its $\sigma$ grow if z should grow?


# %%
def draw_backward(dz, log_var, noise):
    """dz, log_var, noise (n, d) -> dmean (n, d), dlog_var (n, d)."""
    ### BEGIN SOLUTION
    return dz, dz * noise * np.exp(log_var / 2) / 2
    ### END SOLUTION


# %%
class MySampling(GaussianSampling):
    """The library's layer with your two functions: [μ, ln σ²] (n, 2d) -> z (n, d). In evaluation z is μ."""

    def forward(self, x, ctx):
        mean, log_var = np.split(x, 2, axis=1)
        noise = ctx.normal(mean.shape) if ctx.training else 0 * mean
        return draw(mean, log_var, noise), (log_var, noise)

    def backward(self, dz, cache, grads=None):
        return np.concatenate(draw_backward(dz, *cache), axis=1)


if __name__ == "__main__":
    error = check_layer(MySampling(), np.random.default_rng(1).normal(size=(3, 4)))
    print(f"your draw against central differences, with its noise repeated: relative error {error:.0e}")

# %% [markdown]
# ## Exercise 5.3: the pull towards the prior
#
# Left alone, Q would make every $\sigma$ tiny and push the clouds apart, and we would be back at lesson 4. The
# *Kullback-Leibler divergence* is the price for that. It measures how far $q(z|x)$ is from the prior, in *nats*
# (1 nat = 1.44 bits). For two normal distributions the integral can be done, and
#
# $$ \mathrm{KL} = \int q \ln \frac{q}{p}\, dz = \tfrac12 \sum_{i=1}^{d} \left( \mu_i^2 + \sigma_i^2 - \ln \sigma_i^2
#    - 1 \right) \quad \text{for } p = N(0, I). $$
#
# Sum over the coordinates, mean over the batch, as for every loss. Return the value and its gradients with respect to
# $\mu$ and $\ln\sigma^2$ (not $\sigma$, and not $\sigma^2$). For which $\mu$ and $\sigma$ is it 0?


# %%
def kl(mean, log_var):
    """mean, log_var (n, d) -> value (), dmean (n, d), dlog_var (n, d)."""
    ### BEGIN SOLUTION
    n, variance = len(mean), np.exp(log_var)
    return (mean**2 + variance - log_var - 1).sum() / (2 * n), mean / n, (variance - 1) / (2 * n)
    ### END SOLUTION


# %% [markdown]
# It is 0 only for $\mu = 0$ and $\sigma = 1$, where the cloud is the prior. And the question of 5.2: yes. With a
# positive $\epsilon$ a wider cloud makes z larger, and $d\ln\sigma^2 = dz\, \epsilon\, \sigma / 2$ has the sign of
# `dz`.
#
# What does a nat buy? A cloud with $\mu = 0$ and $\sigma$ a tenth of the prior's is one of about ten that fit side by
# side, so knowing which one should be worth about $\ln 10 = 2.3$ nats. The formula says a little less, because clouds
# have no edges:

# %%
if __name__ == "__main__":
    for sigma in (1.0, 0.5, 0.1, 0.01):
        value, _, _ = kl(np.zeros((1, 1)), np.full((1, 1), 2 * np.log(sigma * PRIOR_STD)))
        print(f"σ = {sigma} × the prior's: KL {value:.2f} nats, ln(1/σ) {np.log(1 / sigma):.2f}")

# %% [markdown]
# ## The VAE, with your functions in it
#
# The library's `Variational` is the reconstruction phase of lesson 4 with one thing more: a penalty on the code.
# `weight` multiplies its gradient. At 1 it is the VAE; we shall turn it, too. (The pixels' error is the cross-entropy
# here: P's output is the probability of ink. Both terms are then in nats, and may be added without a factor.)


# %%
class MyVariational(Variational):
    """The library's VAE phase with your KL."""

    weight = 1.0

    def penalty(self, code):
        value, dmean, dlog_var = kl(*np.split(code.posterior, 2, axis=1))
        return {"kl": value}, Code(posterior=self.weight * np.concatenate([dmean, dlog_var], axis=1))


def new_model(config, backend):
    """Return a fresh VAE that draws, and is pulled to the prior, your way."""
    model = build(config, backend)
    q, p = model.networks["Q"], model.networks["P"]
    q.sampling = Sequential([MySampling()])
    model.phases = [MyVariational(q, p, Adam(1e-3), config.seed)]
    return model


if __name__ == "__main__":
    mnist = data.load_mnist()
    config = Config.of("vae", z=2, hidden=(256, 256), batch_norm=False, reconstruction="cross-entropy", input_noise=0.0)
    config = config.for_data(mnist)
    small = new_model(replace(config, inputs=7, side=None, hidden=(6, 5)), Backend.named("numpy", "float64"))
    batch = Batch(np.random.default_rng(2).uniform(size=(4, 7)))
    error = check_phase(small.phases[0], batch)
    print(f"the whole phase, Q, draw, P and KL, along a random direction: relative error {error:.0e}")

# %% [markdown]
# ## Exercise 5.4: all clouds together
#
# Each image has a cloud of its own. Draw an image at random, then z from its cloud: that z follows $q(z) = \frac1n
# \sum_x q(z|x)$, the *aggregated posterior*. If we want to draw z from the prior later, it is q(z), all clouds
# together, that should look like the prior. No single cloud has to. (The AAE of lesson 7 works on q(z) directly.)
#
# Return the mean and the variance of q(z), for each coordinate. Is the variance of a heap of clouds the mean of their
# variances?


# %%
def all_together(mean, log_var):
    """mean, log_var (n, d) of n clouds -> mean (d,), variance (d,) of the n clouds together."""
    ### BEGIN SOLUTION
    return mean.mean(axis=0), np.exp(log_var).mean(axis=0) + mean.var(axis=0)
    ### END SOLUTION


# %% [markdown]
# ## Three weights
#
# (5.4: no. The variance of the means comes on top of the mean of the variances.)
#
# Now train the VAE three times: with no KL at all, with the KL as it is, and with forty times as much. Guess for each:
# how large will the clouds be? And which number should the third error come near to, if the clouds tell P nothing? Half
# the squared error is 26.5 for the average image, always the same, and 15.2 for lesson 4's autoencoder.

# %%
if __name__ == "__main__":
    backend, models = Backend.named("numpy"), {}
    batches = Batches(mnist, config, backend)
    for weight in (0.0, 1.0, 40.0):
        model = models[weight] = new_model(config, backend)
        model.phases[0].weight = weight
        for epoch in range(1 if SHORT else 3):
            model.phases[0].optimizer.lr_scale = (1.0, 1.0, 0.2)[epoch]
            for step, batch in enumerate(batches.epoch(epoch)):
                if SHORT and step == 20:
                    break
                values = model.step(batch)
        images = batches.validation[0]
        mean, log_var = np.split(model.encode(images).posterior, 2, axis=1)
        error = diagnostics(model, *batches.validation)["reconstruction_error"]
        nats, _, _ = kl(mean, log_var)
        _, variance = all_together(mean, log_var)
        print(
            f"weight {weight:4.1f}: reconstruction error {error:.1f} with z = μ, KL {nats:.1f} nats; "
            f"a cloud's σ {np.exp(log_var / 2).mean():.2f}, all together {np.sqrt(variance.mean()):.2f}"
        )

# %% [markdown]
# Read the middle line. All clouds together are about as wide as the prior, each of them is much smaller, and the KL
# says how many nats one code tells about its image. Ten classes would take $\ln 10 = 2.3$ of them; the rest is
# handwriting.
#
# The ellipses are the clouds of 400 test images, out to one standard deviation, coloured by digit; the dotted circle
# holds 86 % of the prior. Below each, what P makes of the prior: z runs through its percentiles 4, 12, … 96 in both
# directions.

# %%
if __name__ == "__main__":
    figure, axes = plt.subplots(2, 3, figsize=(13, 9), layout="constrained")
    share = (np.arange(12) + 0.5) / 12
    across = np.array([NormalDist(0, PRIOR_STD).inv_cdf(p) for p in share])
    plane = np.stack(np.meshgrid(across, across[::-1]), axis=2).reshape(-1, 2)
    says = ("no KL: points, and gaps", "the VAE: small clouds, side by side", "KL × 40: every cloud is the prior")
    circle = 2 * PRIOR_STD * np.exp(1j * np.linspace(0, 2 * np.pi, 100))
    colours = plt.colormaps["tab10"](mnist.y_test[:400])
    for model, title, (ax, below) in zip(models.values(), says, axes.T, strict=True):
        mean, log_var = np.split(model.encode(mnist.x_test[:400]).posterior, 2, axis=1)
        width, height = 2 * np.exp(log_var / 2).T
        clouds = EllipseCollection(width, height, np.zeros(400), units="xy", offsets=mean, transOffset=ax.transData,
                                   facecolors=colours, edgecolors=colours, alpha=0.35)  # fmt: skip
        ax.add_collection(clouds)
        ax.scatter(*mean.T, c=colours, s=3)
        ax.plot(circle.real, circle.imag, "k:", lw=1.3)
        reach = max(3.8 * PRIOR_STD, np.quantile(np.abs(mean - np.median(mean, axis=0)), 0.985))
        middle = np.median(mean, axis=0) if reach > 4 * PRIOR_STD else np.zeros(2)
        ax.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
        ax.set(aspect="equal", title=title, xlabel="$z_1$", ylabel="$z_2$")
        sheet = model.decode(plane).reshape(12, 12, 28, 28).transpose(0, 2, 1, 3).reshape(336, 336)
        below.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
        below.set_title("what P makes of the prior")
        below.axis("off")
    keys = [plt.Line2D([], [], ls="", marker="o", color=plt.colormaps["tab10"](k), label=k) for k in range(10)]
    figure.legend(handles=keys, ncols=10, loc="outside upper center", frameon=False, handletextpad=0.0)
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_05.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_05.png"))

# %% [markdown]
# You should see points far apart on the left, small ellipses side by side in and around the circle in the middle, and
# on the right all ellipses on one place, with one image everywhere on the sheet. That is so because the
# reconstruction makes clouds small and the KL makes them like the prior, and the weight says which of the two wins.

# %% [markdown]
# ## What to take with you
#
# * Randomness as an input: $z = \mu + \sigma\epsilon$ lets gradients pass through a draw.
# * Reconstruction pushes the clouds apart and makes them small. The KL pulls them together and makes them wide. A VAE
#   is the truce between the two.
# * The KL is a formula for *each* cloud, and needs a prior with a formula. What we want is that *all together* look
#   like the prior, whatever the prior is. A discriminator can see to that, with nothing but samples. It is next.
