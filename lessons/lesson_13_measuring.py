# %% [markdown]
# # 13. Measuring it: likelihood, clusters, and error bars
#
# *About 90 minutes; difficulty 3 of 5.*
#
# **The one idea.** "It works" is not a number. This lesson is about three numbers, and about how each of them can
# mislead:
#
# * the **log-likelihood** of images the model has never seen, for a model that cannot say how probable an image is;
# * how well **clusters** agree with labels, where the number of clusters decides the answer;
# * the **spread over seeds**, without which no two of these numbers can be compared.
#
# The rule behind all three: *choose on validation images, read the test images once.*

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.data import unit_interval
from tinyaae.metrics import adjusted_rand_index, contingency
from tinyaae.training import Batches

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 13.1: Parzen windows
#
# An adversarial autoencoder draws images, but gives no density. Section 3 of the paper makes one: draw $N$ samples $s$,
# and put a little Gaussian, a *window* of width $\sigma$, on each of them,
#
# $$ p(x) = \frac{1}{N} \sum_{s} \frac{1}{(2\pi\sigma^2)^{d/2}} \exp\Big(-\frac{\|x - s\|^2}{2\sigma^2}\Big). $$
#
# With $d = 784$ pixels most of the exponentials are too small for a computer: $e^{-800}$ is 0 in float64. Where all are
# 0, the logarithm is $-\infty$. The remedy is called *log-sum-exp*. Take the largest exponent $m$ out of the sum first:
# $\ln \sum_s e^{a_s} = m + \ln \sum_s e^{a_s - m}$, whose largest term is $e^0 = 1$.
#
# You are given the squared distances $\|x_i - s_j\|^2$. Return $\ln p(x_i)$ for every image.


# %%
def parzen(squared_distances, sigma, d):
    """squared_distances (n, N) from images to samples, window width sigma, d pixels -> ln p(x) (n,)."""
    ### BEGIN SOLUTION
    exponent = -squared_distances / (2 * sigma**2)
    largest = np.max(exponent, axis=1, keepdims=True)
    log_sum = largest[:, 0] + np.log(np.sum(np.exp(exponent - largest), axis=1))
    return log_sum - np.log(squared_distances.shape[1]) - d / 2 * np.log(2 * np.pi * sigma**2)
    ### END SOLUTION


# %% [markdown]
# ## Exercise 13.2: is the difference real?
#
# Two recipes are trained with five seeds each. Their mean errors are 3.8 % and 3.3 %. Is the second recipe better? The
# means alone do not answer this. A seed determines the weights, the noise and the labelled images. So a run is one draw
# from a distribution, and the mean of five runs is a draw, too.
#
# From the errors of several seeds return their mean, their *standard deviation* (how far one more run would fall from
# the mean; divide by $k - 1$, since the mean was fitted to the same $k$ numbers) and the *standard error* of the mean
# (how far the mean of another $k$ runs would fall: the standard deviation over $\sqrt{k}$). The paper's $\pm$ is one of
# these two, and papers do not always say which.


# %%
def over_seeds(values):
    """values (k,), one a seed -> mean (), standard deviation (), standard error of the mean ()."""
    ### BEGIN SOLUTION
    mean = np.mean(values)
    deviation = np.sqrt(np.sum((values - mean) ** 2) / (len(values) - 1))
    return mean, deviation, deviation / np.sqrt(len(values))
    ### END SOLUTION


# %% [markdown]
# ## Exercise 13.3: clusters without names
#
# An *error* of clusters needs a name for each cluster, and with as many clusters as images the error is 0. The *mutual
# information* needs no names. It measures how much the cluster of an image determines its label,
#
# $$ I = \sum_{r,c} p_{rc} \ln \frac{p_{rc}}{p_r\, p_c}, $$
#
# with $p_{rc}$ the share of images that have label $r$ and lie in cluster $c$, and $p_r$, $p_c$ its sums over rows and
# columns. Divided by the mean of the two entropies $-\sum p \ln p$ it lies between 0 and 1, and many tiny clusters no
# longer look perfect. Empty cells add nothing: $0 \ln 0 = 0$.


# %%
def normalized_information(counts):
    """counts (classes, clusters) of images -> I divided by the mean entropy of classes and clusters, ()."""
    ### BEGIN SOLUTION
    p = counts / np.sum(counts)
    rows, columns = np.sum(p, axis=1), np.sum(p, axis=0)
    seen = p > 0
    information = np.sum(p[seen] * np.log(p[seen] / np.outer(rows, columns)[seen]))
    entropies = [-np.sum(q[q > 0] * np.log(q[q > 0])) for q in (rows, columns)]
    return information / np.mean(entropies)
    ### END SOLUTION


# %% [markdown]
# Before you run the next cell: one clustering puts every image in a cluster of its own, another one throws dice. What
# do the error (each cluster named by its majority), the mutual information and the adjusted Rand index (which subtracts
# what dice would reach) say of each?

# %%
if __name__ == "__main__":
    labels = np.arange(1000) % 10
    dice = np.random.default_rng(0).integers(0, 10, 1000)
    for name, clusters in (("alone", np.arange(1000)), ("dice", dice), ("right", labels)):
        counts = contingency(labels, clusters, 10, 1 + clusters.max())
        error = 1 - np.sum(np.max(counts, axis=0)) / 1000
        print(f"{name:6} majority error {error:6.1%}   information {normalized_information(counts):.2f}"
              f"   adjusted Rand {adjusted_rand_index(counts):5.2f}")  # fmt: skip

# %% [markdown]
# The error of "alone" is 0, although this clustering is useless, and its normalized information is still a half. Only
# the adjusted Rand index is 0 for both "alone" and "dice". The error of the dice is a little below 90 %, because each
# cluster is named by its majority on the same images.
#
# ## Your ruler on real models: the width of the window
#
# An adversarial autoencoder is trained for a short while, and 2 000 samples are drawn from it. We choose the $\sigma$
# with the highest likelihood of *validation* images. With $\sigma$ chosen on the test images their likelihood would be
# too high. Chosen on training images, $\sigma$ would be too small, because a model may reproduce these images.


# %%
def curve_of(model, images, sigmas, samples):
    """Return the mean of ln p over `images` (n, d) for each width, with your function."""
    drawn = model.sample(samples, seed=1)
    square = ((images**2).sum(1)[:, None] + (drawn**2).sum(1) - 2 * images @ drawn.T).astype(np.float64)
    return [np.mean(parzen(square, sigma, images.shape[1])) for sigma in sigmas]


def trained(mode, seed, epochs, steps, **flags):
    """Return a small model after `epochs` of `steps` minibatches."""
    config = Config.of(mode, seed=seed, hidden=(100, 100), epochs=epochs, **flags).for_data(mnist)
    model, batches = build(config, backend), Batches(mnist, config, backend)
    for epoch in range(epochs):
        for _, batch in zip(range(steps), batches.epoch(epoch), strict=False):
            model.step(batch)
    return model, batches


if __name__ == "__main__":
    mnist, backend = data.load_mnist(), Backend.named("numpy")
    steps = 20 if SHORT else 550
    model, batches = trained("aae", 0, 1 if SHORT else 3, steps)
    sigmas = np.geomspace(0.1, 0.5, 9)
    validation = unit_interval(batches.validation[0][:500])
    curve = curve_of(model, validation, sigmas, 2000)
    best = sigmas[int(np.argmax(curve))]
    few = curve_of(model, validation, sigmas, 200)
    test = curve_of(model, unit_interval(mnist.x_test[:500]), [best], 2000)[0]
    print(f"best width {best:.2f}; mean ln p of 500 test images: {test:.0f} (10 000 samples would give more)")

# %% [markdown]
# ## Your error bars: two recipes, the same seeds
#
# Does noise on the input help a classifier with 100 labels, if there is only time for one epoch? We train the
# semi-supervised model with and without it. Each seed draws its own 100 labelled images, and a bad draw may raise the
# error of *both* recipes. In the difference seed by seed this common part cancels. So the standard error of the
# difference can be smaller than those of the two means suggest. How much smaller it is depends on what seeds share.

# %%
if __name__ == "__main__":
    seeds = range(2 if SHORT else 4)
    errors = {0.0: [], 0.4: []}
    for noise, found in errors.items():
        for seed in seeds:
            model, batches = trained("semi-supervised", seed, 1, 20 if SHORT else 400, input_noise=noise)
            found.append(np.mean(model.classify(batches.validation[0]) != batches.validation[1]))
        mean, deviation, standard_error = over_seeds(np.array(found))
        print(f"input noise {noise}: {mean:.1%}, deviation {deviation:.1%}, standard error {standard_error:.1%}")
    mean, _, standard_error = over_seeds(np.array(errors[0.0]) - np.array(errors[0.4]))
    print(f"what noise takes off the error, seed by seed: {mean:.1%} ± {standard_error:.1%}")

# %%
if __name__ == "__main__":
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    left.plot(sigmas, curve, "o-", label="2 000 samples")
    left.plot(sigmas, few, "o-", color="0.6", label="200 samples")
    left.axvline(best, color="tab:orange", linestyle=":", label=f"chosen: {best:.2f}")
    left.set(xscale="log", xlabel="width σ of the windows", ylabel="mean ln p of validation images",
             title="More samples, narrower windows, higher likelihood", ylim=(min(curve) / 2, None))  # fmt: skip
    left.set_xticks([0.1, 0.2, 0.3, 0.5], ["0.1", "0.2", "0.3", "0.5"])
    left.minorticks_off()
    left.legend()
    for place, found in enumerate(errors.values()):
        mean, deviation, standard_error = over_seeds(np.array(found))
        right.errorbar(place, 100 * mean, 100 * deviation, color="0.7", capsize=9, linewidth=2)
        right.errorbar(place, 100 * mean, 100 * standard_error, fmt="o", color="tab:blue", capsize=5, linewidth=2)
    for pair in zip(*errors.values(), strict=True):
        right.plot([0.15, 0.85], 100 * np.array(pair), ".-", color="tab:orange", alpha=0.6)
    right.set(xticks=[0, 1], xticklabels=["no noise", "input noise 0.4"], xlim=(-0.4, 1.4),
              ylabel="validation error %", title="Grey: s.d. Blue: standard error. Orange: each seed")  # fmt: skip
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_13.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_13.png"))

# %% [markdown]
# You should see the curve for 2 000 samples above the curve for 200 where the windows are narrow. That is so because
# with more samples more images lie within a narrow window of one of them. Each orange line is one seed: its two runs
# have the same labelled images.
#
# Did the noise help? Not in our run of one epoch: it made the error larger, by more than two standard errors. The
# orange lines are far from parallel: a seed that is hard for one recipe is not always hard for the other, so little
# cancels.

# %% [markdown]
# In the repository (the folder you installed the library from) `python run_mnist.py` reports these figures for its
# modes, and `results/README.md` has them seed by seed for the tables of the paper. Try `python -m results check` there:
# it recomputes the table from the files of the runs and compares.

# %% [markdown]
# ## What to take with you
#
# * A Parzen likelihood depends on its window and on the number of samples. Compare only what was measured alike.
# * One run is no result. Report the mean of several seeds and its standard error.
# * Choose on validation images, and look at the test images once.
