# %% [markdown]
# # 15. Many machines: one all-reduce
#
# *About 90 minutes; difficulty 3 of 5.*
#
# **The one idea.** A batch can be split: each of $R$ *ranks* (a process, perhaps on a machine of its own) takes some
# rows, runs forward and backward on them, and then all agree on one gradient. A single operation does this, the
# *all-reduce*: every rank gives a vector, and every rank gets the sum. Each phase of this library has its gradient in
# one flat vector, so one all-reduce a phase is enough for it. (Batch norm needs further messages, see exercise 15.3.)
# Then all ranks make the same step. No rank ever sends a weight.
#
# The lesson plays four ranks in one process, so that you see what goes over the wire.

# %%
import os
import time
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.phases import Batch
from tinyaae.training import Batches

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 15.1: who takes which rows
#
# Rows 0 to $n - 1$ are dealt out in order, so that every row is taken once and the shares differ by at most one row:
# with 10 rows, 4 ranks take 3, 3, 2 and 2. Return the first row of each rank, and the row after its last.


# %%
def shares(n, ranks):
    """n rows, number of ranks -> starts (ranks,), stops (ranks,), whole numbers; the larger shares come first."""
    ### BEGIN SOLUTION
    sizes = np.full(ranks, n // ranks)
    sizes[: n % ranks] += 1
    stops = np.cumsum(sizes)
    return stops - sizes, stops
    ### END SOLUTION


# %% [markdown]
# ## Exercise 15.2: one gradient of many
#
# The loss is a mean over the batch. Rank $r$ has $n_r$ rows and the gradient $g_r$ of the mean over *its* rows. The
# gradient of the mean over all rows is not the mean of the $g_r$ when the shares differ:
#
# $$ g = \frac{1}{\sum_r n_r} \sum_r n_r\, g_r. $$


# %%
def combine(gradients, rows):
    """gradients (ranks, d), each a mean over its rows; rows (ranks,) -> the gradient of the whole batch (d,)."""
    ### BEGIN SOLUTION
    return rows @ gradients / np.sum(rows)
    ### END SOLUTION


# %% [markdown]
# ## Exercise 15.3: batch norm across machines
#
# Batch norm needs the mean and variance of each column over the *whole* batch. Every rank sends the sum of its rows and
# the sum of their squares; no rank needs the rows of another. From these and the number of rows return the mean
# and the variance, $\overline{x^2} - \bar x^2$.


# %%
def batch_statistics(sums, squares, rows):
    """sums (ranks, d) of x, squares (ranks, d) sums of x², rows (ranks,) -> mean (d,), variance (d,)."""
    ### BEGIN SOLUTION
    n = np.sum(rows)
    mean = np.sum(sums, axis=0) / n
    return mean, np.sum(squares, axis=0) / n - mean**2
    ### END SOLUTION


# %% [markdown]
# ## Exercise 15.4: where it stops paying
#
# More ranks do the arithmetic faster, but the gradient has to travel. In a *ring* all-reduce each rank sends its vector
# in $R$ pieces, $R - 1$ times to add up and $R - 1$ times to hand the sums round. Each of these $2(R-1)$ messages takes
# a latency $l$, and together they carry $2\frac{R-1}{R}$ of the vector's $B$ bytes over a link of $w$ bytes a second.
# With $t_1$ seconds of work for one rank,
#
# $$ t(R) = \frac{t_1}{R} + 2\frac{R-1}{R}\frac{B}{w} + 2(R-1)\,l. $$
#
# Return the speed-up $t(1)/t(R)$ for each number of ranks.


# %%
def speed_up(ranks, seconds, vector_bytes, bytes_per_second, latency):
    """ranks (k,), one rank's seconds, bytes of the gradient, bandwidth, latency in seconds -> speed-up (k,)."""
    ### BEGIN SOLUTION
    travel = 2 * (ranks - 1) / ranks * vector_bytes / bytes_per_second + 2 * (ranks - 1) * latency
    return seconds / (seconds / ranks + travel)
    ### END SOLUTION


# %% [markdown]
# ## Your all-reduce in real training
#
# Four models with the same weights each take their rows of a batch and compute the gradient of the classification
# phase. `combine` makes one vector of the four, and all four make the same step. A fifth model takes the whole batch.
# After the training the weights of the fifth and of the four should agree, except for rounding. So should the
# statistics that batch norm would use. (The phase has no noise here. In the library noise is a function of its place,
# as in lesson 14. So each rank can draw the noise of all rows, and takes the part for its rows.)

# %%
if __name__ == "__main__":
    mnist, backend = data.load_mnist(), Backend.named("numpy", "float64")
    flags = {"hidden": (60, 60), "labels": 1000, "input_noise": 0.0}
    config = replace(Config.of("semi-supervised", "paper", **flags), weight_std=None).for_data(mnist)
    alone, *ranks = [build(config, backend) for _ in range(5)]
    batches = Batches(mnist, config, backend)
    starts, stops = shares(config.batch_size, 4)
    before = alone.networks["Q"].flat.copy()
    for _, batch in zip(range(5 if SHORT else 40), batches.epoch(0), strict=False):
        alone.phases[-1].step(batch)
        gradients = []
        for model, start, stop in zip(ranks, starts, stops, strict=True):
            rows = slice(start, stop)
            phase = model.phases[-1]
            _, cache = phase.forward(Batch(batch.x, batch.x_labelled[rows], batch.y_labelled[rows]))
            phase.backward(cache)
            gradients.append(phase.gradients.flat.copy())
        total = combine(np.array(gradients), stops - starts)
        for model in ranks:
            model.phases[-1].gradients.flat[...] = total
            model.phases[-1].update()
    x = batch.x
    parts = [x[start:stop] for start, stop in zip(starts, stops, strict=True)]
    sums, squares = np.array([part.sum(0) for part in parts]), np.array([(part**2).sum(0) for part in parts])
    of_four = batch_statistics(sums, squares, stops - starts)
    of_one = batch_statistics(x.sum(0)[None], (x**2).sum(0)[None], np.array([len(x)]))
    apart = [np.max(np.abs(four - one)) for four, one in zip(of_four, of_one, strict=True)]
    print(f"mean and variance of the pixels, of four ranks and of one: {apart[0]:.0e} and {apart[1]:.0e} apart")
    apart = max(np.max(np.abs(alone.networks["Q"].flat - model.networks["Q"].flat)) for model in ranks)
    moved = np.max(np.abs(alone.networks["Q"].flat - before))
    print(f"the weights moved by up to {moved:.2f}; those of one rank and of four differ by at most {apart:.1e}")

# %% [markdown]
# ## Is it worth it here?
#
# We measure a step of the whole network on this machine, and put it into the formula of exercise 15.4. How much faster
# would 2, 4, … 64 such machines be, over three kinds of link? Guess before you look: the gradient vectors of a step are
# some 9 million numbers at the paper's width.

# %%
if __name__ == "__main__":
    width = 200 if SHORT else 1000
    backend = Backend.named("numpy")
    config = Config.of("semi-supervised", "paper", hidden=(width, width)).for_data(mnist)
    model, batches = build(config, backend), Batches(mnist, config, backend)
    seconds = []
    for _, batch in zip(range(8), batches.epoch(0), strict=False):
        started = time.perf_counter()
        model.step(batch)
        seconds.append(time.perf_counter() - started)
    seconds = float(np.median(seconds))
    moved = sum(phase.gradients.flat.size for phase in model.phases_with_optimizer())
    print(f"a step takes {1000 * seconds:.0f} ms and all-reduces {moved:,} numbers, {4 * moved / 1e6:.0f} MB")
    lines = {"1 Gbit/s Ethernet": (0.125e9, 5e-5), "25 Gbit/s Ethernet": (3.1e9, 1e-5), "NVLink": (2e11, 5e-6)}
    ranks = 2 ** np.arange(7)
    figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    ax.plot(ranks, ranks, ":", color="0.5", label="as many times faster as there are ranks")
    for name, (bandwidth, latency) in lines.items():
        gain = speed_up(ranks, seconds, 4 * moved, bandwidth, latency)
        ax.plot(ranks, gain, "o-", label=name)
        print(f"{name}: {gain[-1]:.1f} times faster on 64 ranks, {gain.max():.1f} times at best")
    ax.axhline(1, color="0.8", zorder=0)
    ax.set(xscale="log", yscale="log", xlabel="ranks", ylabel="times faster than one rank (modelled)",
           title=f"One step of {1000 * seconds:.0f} ms, {4 * moved / 1e6:.0f} MB of gradients")  # fmt: skip
    ax.set_xticks(ranks, ranks)
    ax.set_yticks([0.25, 1, 4, 16, 64], ["¼", "1", "4", "16", "64"])
    ax.minorticks_off()
    ax.legend()
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_15.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_15.png"))

# %% [markdown]
# You should see three curves that leave the dotted line: the slower the link, the sooner. A curve may fall below 1.
# That is so because the work is divided by the ranks, while the gradient to be sent stays as large as it was. In our
# run a step took 52 ms. Over 1 Gbit/s more ranks only lose time. Over 25 Gbit/s they gain a factor of two at best. Over
# NVLink 64 ranks are 29 times as fast as one.

# %% [markdown]
# ## The real thing
#
# In the library the ranks are processes, started by `mpiexec`, and the all-reduce is MPI's. In the repository (the
# folder you installed the library from):
#
# ```sh
# pip install -e ".[mpi]"
# OPENBLAS_NUM_THREADS=1 mpiexec -n 4 python run_mnist.py
# ```
#
# The code for this is in `tinyaae/backend/distributed/`: `mean` is your `combine` with equal shares, called once in
# `Phase.update`. `Context.moments` is your `batch_statistics`, but every rank sends its mean and its variance instead
# of its sums. $\overline{x^2} - \bar x^2$ loses its digits where the mean is much larger than the standard deviation
# (try 1000 ± 0.01 in float32). The mean of the variances plus the variance of the means does not. In the repository
# `tests/integration/test_many_machines.py` starts 2 and 4 ranks and compares them with one process. `python -m
# benchmarks.scaling` measures there what you have modelled, on your machine.

# %% [markdown]
# ## What to take with you
#
# * Gradients of shares are combined by weight, then every rank makes the same step.
# * Batch statistics need sums from all ranks, too. The mean of the ranks' variances is not the variance of the batch.
# * More ranks help until the message costs more than the work that they save.
