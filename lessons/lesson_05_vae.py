# %% [markdown]
# # 5. Mean and standard deviation: the variational autoencoder
#
# *About 120 minutes; difficulty 3 of 5.*
#
# **The one idea.** An autoencoder's code is a point, and between points there are gaps. So let Q output a mean $\mu(x)$
# and a standard deviation $\sigma(x)$ instead. They make a normal distribution $q(z|x) = N(\mu, \sigma^2)$, the
# *cloud* of the image. P has to decode any z of that cloud, so P is trained in a whole neighbourhood. The loss has a
# second term, the KL. It keeps the clouds large and near the *prior* $p(z) = N(0, I)$, the distribution
# from which z is drawn later. This is the variational autoencoder, the VAE (Kingma and Welling 2014).
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
# in exercise 5.1 the noise is an *input*, and z is a plain function of $\mu$ and $\ln\sigma^2$. This is called the
# *reparametrisation*. Given `dz` and the noise of the forward pass, find the two gradients, element by element. (The
# loss has taken the mean over the batch already.) Suppose that $\epsilon$ is positive, and that z should grow. Should
# $\sigma$ grow, too?


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
# The reconstruction error alone makes every $\sigma$ tiny and pushes the clouds apart, as in lesson 4. The
# *Kullback-Leibler divergence* (KL) is a penalty for that. It measures how far $q(z|x)$ is from the prior, in *nats*
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
# It is 0 only for $\mu = 0$ and $\sigma = 1$, where the cloud is the prior. The answer to the question of 5.2 is yes.
# With a positive $\epsilon$ a wider cloud makes z larger, and $d\ln\sigma^2 = dz\, \epsilon\, \sigma / 2$ has the sign
# of `dz`.
#
# How much is a nat? About ten clouds with a tenth of the prior's $\sigma$ fit side by side into the prior. To name one
# of ten takes $\ln 10 = 2.3$ nats. The formula gives about half a nat less, because clouds have no edges:

# %%
if __name__ == "__main__":
    for sigma in (1.0, 0.5, 0.1, 0.01):
        value, _, _ = kl(np.zeros((1, 1)), np.full((1, 1), 2 * np.log(sigma * PRIOR_STD)))
        print(f"σ = {sigma} × the prior's: KL {value:.2f} nats, ln(1/σ) {np.log(1 / sigma):.2f}")

# %% [markdown]
# ## The VAE, with your functions in it
#
# The library's `Variational` is the reconstruction phase of lesson 4, and adds a penalty on the code. `weight`
# multiplies the gradient of this penalty. Weight 1 is the VAE; later we try two others. (The loss of a pixel is the
# cross-entropy here, because P outputs the probability of ink. Both terms are then in nats, and may be added without a
# factor.)


# %%
class MyVariational(Variational):
    """The library's VAE phase with your KL."""

    weight = 1.0

    def penalty(self, code):
        value, dmean, dlog_var = kl(*np.split(code.posterior, 2, axis=1))
        return {"kl": value}, Code(posterior=self.weight * np.concatenate([dmean, dlog_var], axis=1))


def new_model(config, backend):
    """Return a fresh VAE with your draw and your KL."""
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
# Each image has its own cloud. Draw an image at random, then draw z from its cloud. This z follows $q(z) = \frac1n
# \sum_x q(z|x)$, the *aggregated posterior*. Later z is drawn from the prior. So q(z), all clouds together, should look
# like the prior. A single cloud need not. (The AAE of lesson 7 works on q(z) directly.)
#
# Return the mean and the variance of q(z), for each coordinate. The n clouds are all there are, so divide by n, not by
# n − 1. Is the variance of all clouds together the mean of their variances?


# %%
def all_together(mean, log_var):
    """mean, log_var (n, d) of n clouds -> mean (d,), variance (d,) of the n clouds together."""
    ### BEGIN SOLUTION
    return mean.mean(axis=0), np.exp(log_var).mean(axis=0) + mean.var(axis=0)
    ### END SOLUTION


# %% [markdown]
# ## Three weights
#
# (The answer to the question of 5.4 is no. The variance of the means is added to the mean of the variances.)
#
# Now train the VAE three times: without the KL, with the KL, and with forty times the KL. Guess for each: how large
# will the clouds be? And to which number will the third error be near, if its codes hold nothing about the image? Half
# the squared error is 26.5 where P always outputs the average image, and 15.2 for lesson 4's autoencoder.

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
# Read the middle line. All clouds together are about as wide as the prior, and each cloud is much smaller. The KL is an
# upper bound on what a code holds about its image, in nats. To name one of ten classes takes $\ln 10 = 2.3$ nats. What
# is beyond that can only describe handwriting. In the last line the error is near 26.5: P outputs the average image.
#
# The ellipses are the clouds of 400 test images, out to one standard deviation, coloured by digit. The dotted circle
# holds 86 % of the prior. Below each panel is what P makes of the prior: z runs through its percentiles 4, 12, … 96 in
# both directions.

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
# You should see points on the left, crowded in the circle and spread far outside it. In the middle small ellipses lie
# side by side, in and around the circle. On the right all ellipses lie on one place, and the sheet has one image
# everywhere. That is so because the reconstruction error makes clouds small, and the KL makes them like the prior. The
# weight sets the balance of the two.

# %% [markdown]
# ## What to take with you
#
# * The noise is an input: $z = \mu + \sigma\epsilon$ lets gradients pass through a draw.
# * Reconstruction pushes the clouds apart and makes them small. The KL pulls them together and makes them wide. A VAE
#   minimises the sum of both.
# * The KL is a formula for *each* cloud, and needs a prior with a formula. The aim is that *all clouds together* look
#   like the prior, whatever the prior is. For this a discriminator needs only samples. It is the next lesson.
