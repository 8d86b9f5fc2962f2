# %% [markdown]
# # 14. The same code on a GPU, and where the time goes
#
# *About 120 minutes; difficulty 4 of 5.*
#
# **The one idea.** No layer of this library says "NumPy". A `Backend` is built once and handed down; layers call the
# functions of its array library `xp`, which is `numpy` on a CPU and `cupy` on a GPU. In the repository (the folder
# you installed the library from) `python run_mnist.py --backend cupy` is the whole change.
#
# What does change is where the time goes. In this lesson you predict the time of an operation from two numbers of the
# machine, measure it, and explain the difference. You also write the one computation that a GPU has to do in another
# way than a CPU: random numbers.

# %%
import os
import time

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, build, data
from tinyaae.backend.numpy import NumpyBackend
from tinyaae.config import Config
from tinyaae.training import Batches

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 14.1: how much arithmetic is it
#
# The product of an $(m, k)$ and a $(k, n)$ matrix takes $2mkn$ operations: a multiplication and an addition for each of
# $m \cdot n$ sums of $k$ terms. A network with layers of widths $s_0, s_1, \dots, s_L$ has a product $xW$ in each
# forward layer, and two in each backward layer, $x^\top dy$ for $dW$ and $dy\,W^\top$ for $dx$. Nobody needs $dx$ of
# the first layer: nothing before it learns. Return the operations of all products forward, and of all products
# backward. Leave out the biases and the activations.


# %%
def operations(sizes, n):
    """sizes (L + 1,) widths, input first; n rows -> operations of the products forward (), and backward ()."""
    ### BEGIN SOLUTION
    products = 2 * n * sizes[:-1] * sizes[1:]
    return np.sum(products), 2 * np.sum(products) - products[0]
    ### END SOLUTION


# %% [markdown]
# ## Exercise 14.2: the roofline
#
# A machine does at most $f$ operations and moves at most $w$ bytes a second. An operation that needs both cannot be
# faster than the slower of the two lets it be: that is the *roofline*. Return the shortest possible time of each of
# several operations, and the number of operations for each byte moved: the *arithmetic intensity* (Williams, Waterman
# and Patterson 2009). A matrix product has a high intensity. An activation has a low one: it reads four bytes and
# writes four bytes for one comparison.


# %%
def roofline(flops, moved, flops_per_second, bytes_per_second):
    """flops (k,) operations, moved (k,) bytes, the machine's two limits -> seconds (k,), intensity (k,)."""
    ### BEGIN SOLUTION
    seconds = np.maximum(flops / flops_per_second, moved / bytes_per_second)
    return seconds, flops / moved
    ### END SOLUTION


# %% [markdown]
# ## Exercise 14.3: random numbers without a state
#
# An ordinary generator draws number after number: each depends on the one before. A GPU draws thousands at once, and a
# run that is resumed in the middle needs number 5 000 000 without the numbers before it. *Counter-based* noise is a
# function of the number of the draw, whose outcome looks random. Philox (Salmon et al. 2011) scrambles four
# 32-bit words $c_0 \dots c_3$ with a key $k_0, k_1$ in ten rounds. One round multiplies two words by odd constants,
# which gives 64 bits each; with hi and lo their upper and lower 32 bits,
#
# $$ c_0' = \mathrm{hi}(M_1 c_2) \oplus c_1 \oplus k_0, \quad c_1' = \mathrm{lo}(M_1 c_2), \quad
#    c_2' = \mathrm{hi}(M_0 c_0) \oplus c_3 \oplus k_1, \quad c_3' = \mathrm{lo}(M_0 c_0), $$
#
# where $\oplus$ is the exclusive or, `^` in Python. Multiply in `np.uint64`, so that no bit is lost; the upper half is
# `>> 32`, the lower half what `.astype(np.uint32)` keeps.

# %%
M_0, M_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)


def philox_round(counter, key):
    """counter (n, 4) uint32, key (2,) uint32 -> the scrambled counter (n, 4) uint32."""
    ### BEGIN SOLUTION
    first, third = counter[:, 0].astype(np.uint64) * M_0, counter[:, 2].astype(np.uint64) * M_1
    low_first, low_third = first.astype(np.uint32), third.astype(np.uint32)
    high_first, high_third = (first >> np.uint64(32)).astype(np.uint32), (third >> np.uint64(32)).astype(np.uint32)
    return np.stack(
        [high_third ^ counter[:, 1] ^ key[0], low_third, high_first ^ counter[:, 3] ^ key[1], low_first], axis=1
    )
    ### END SOLUTION


# %% [markdown]
# Ten rounds make a generator; after each round two constants are added to the key. The library of the authors,
# Random123, has a test vector for counter and key 0: the outcome should begin with `6627e8d5`.

# %%
GROWTH = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)


def philox(counter, key):
    """counter (n, 4) uint32, key (2,) uint32 -> random words (n, 4) uint32."""
    for _ in range(10):
        counter = philox_round(counter, key)
        key = key + GROWTH  # wraps around at 2³², as it should
    return counter


if __name__ == "__main__":
    words = philox(np.zeros((1, 4), np.uint32), np.zeros(2, np.uint32))
    print("philox(0) =", " ".join(f"{word:08x}" for word in words[0]))

# %% [markdown]
# ## Your noise in real training
#
# `MyNoise` is the library's NumPy backend with its noise drawn by your round. A *place* identifies a draw. It has the
# seed of the run, the stream (which phase), the step, and the number of the draw within the step. The same place gives
# the same noise, whatever was drawn before. Two uniform numbers $u, v$ make a normal one:
# $\sqrt{-2 \ln u}\,\cos 2\pi v$ (Box and Muller 1958).


# %%
class MyNoise(NumpyBackend):
    """The NumPy backend with noise of our own."""

    def uniform(self, place, shape):
        seed, stream, step, draw = place
        count = -(-int(np.prod(shape)) // 4)  # four numbers a counter, rounded up
        counter = np.zeros((count, 4), np.uint32)
        counter[:, 0], counter[:, 1:] = np.arange(count), [step % 2**32, draw, stream % 2**32]
        words = philox(counter, np.array([seed % 2**32, 0], np.uint32)).ravel()[: int(np.prod(shape))]
        return ((words >> 8) * np.float32(2.0**-24)).reshape(shape)  # 24 bits are what a float32 can hold

    def normal(self, place, shape):
        u, v = np.split(self.uniform(place, (2 * int(np.prod(shape)),)), 2)
        return (np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v)).reshape(shape)


if __name__ == "__main__":
    mnist, backend = data.load_mnist(), MyNoise()
    place = (0, 1, 2, 3)
    drawn = backend.normal(place, (200, 500))
    print(
        f"100 000 normal numbers: mean {drawn.mean():.3f}, deviation {drawn.std():.3f}; "
        f"again at the same place: {'the same' if np.all(drawn == backend.normal(place, (200, 500))) else 'others'}"
    )
    config = Config.of("autoencoder", hidden=(100, 100), input_noise=0.3).for_data(mnist)
    model, batches = build(config, backend), Batches(mnist, config, backend)
    for step, batch in zip(range(10 if SHORT else 300), batches.epoch(0), strict=False):
        values = model.step(batch)
        if step % 100 == 0:
            print(f"step {step}: reconstruction {float(values['half_squared_error']):.1f}")

# %% [markdown]
# ## Predict, then measure
#
# First the machine's two limits: the fastest of three products of large matrices, and a pass over a long array. Then
# five operations of one training step at the paper's width. Before you look: which one is furthest from its roof?


# %%
def seconds_of(operation, times=3 if SHORT else 20):
    """Return the shortest time of a call after the first one: what other programs do can only make it longer."""
    operation()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        operation()
        backend.synchronize()  # a GPU answers before it is done; a CPU has nothing to wait for
        found.append(time.perf_counter() - started)
    return min(found)


if __name__ == "__main__":
    backend = Backend.named("auto")  # the GPU, where there is one
    xp, n, d = backend.xp, 100, 1000
    squares, long = [backend.zeros((m, m)) + 1 for m in (500, 1000, 2000)], backend.zeros((1 << 24,)) + 1
    flops_per_second = max(2 * len(s) ** 3 / seconds_of(lambda s=s: s @ s) for s in squares)
    bytes_per_second = 8 * 2**24 / seconds_of(lambda: xp.multiply(long, 1, out=long))  # 4 bytes read, 4 written
    print(f"{backend.name}: {flops_per_second / 1e9:.0f} Gflop/s, {bytes_per_second / 1e9:.0f} GB/s")

    x, dy, W, size = backend.zeros((n, d)) + 1, backend.zeros((n, d)) + 2, backend.zeros((d, d)) + 1, d * d
    w, dw, mean, square = (backend.zeros((size,)) + 1 for _ in range(4))
    rate = backend.array([1e-3, 1e-8])
    measured = {  # name -> operations, bytes, what to call
        "x·W": (2 * n * d * d, 4 * (2 * n * d + d * d), lambda: x @ W),
        "xᵀ·dy": (2 * n * d * d, 4 * (2 * n * d + d * d), lambda: x.T @ dy),
        "ReLU": (n * d, 8 * n * d, lambda: xp.maximum(x, 0)),
        "noise": (30 * n * 784, 4 * n * 784, lambda: backend.normal(place, (n, 784))),
        "Adam": (10 * size, 28 * size, lambda: backend.adam(w, dw, mean, square, rate, 0.9, 0.999)),
    }
    flops, moved = (np.array([row[k] for row in measured.values()], float) for k in (0, 1))
    predicted, intensity = roofline(flops, moved, flops_per_second, bytes_per_second)
    taken = np.array([seconds_of(row[2]) for row in measured.values()])
    for name, p, t, i in zip(measured, predicted, taken, intensity, strict=True):
        print(f"{name:6} {i:6.1f} operations a byte: at best {1e6 * p:6.0f} µs, measured {1e6 * t:6.0f} µs")

# %% [markdown]
# The products are near the roof: BLAS libraries are made for them. ReLU and Adam are on the left, where bytes count. In
# our run they took about twice their shortest time. There it pays to read and write each number once: Adam in
# `tinyaae/backend/numpy.py` works in blocks that stay in the cache. On a CPU the noise is furthest below the roof. We
# count some thirty operations for each number. But they scramble bits, look up tables and branch. A processor does a
# dozen multiplications and additions at once, but not a dozen of these.
#
# On a GPU the arithmetic of the whole step would take a tenth of a millisecond. But each of a hundred small operations
# has to be *launched*, which takes as long as the work itself. The remedy is to record the whole step once, and to
# replay it as a CUDA graph.

# %%
if __name__ == "__main__":
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
    reach = np.geomspace(0.05, 100, 100)
    left.plot(reach, np.minimum(flops_per_second, reach * bytes_per_second) / 1e9, color="0.5", label="the roof")
    for k, (name, i, f, t) in enumerate(zip(measured, intensity, flops, taken, strict=True)):
        left.plot(i, f / t / 1e9, "o", markersize=8)
        side = {"xytext": (-8, -4), "ha": "right"} if k == 0 else {"xytext": (6, -12)}  # two products lie at one place
        left.annotate(name, (i, f / t / 1e9), textcoords="offset points", **side)
    left.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="billion operations a second",
             title=f"Five operations under the roof ({backend.name})")  # fmt: skip
    left.margins(y=0.15)
    left.legend()

    widths = [50, 100] if SHORT else [125, 250, 500, 1000]
    forward, backward, steps = [], [], []
    for width in widths:
        config = Config.of("autoencoder", hidden=(width, width)).for_data(mnist)
        model, batch = build(config, backend), next(iter(Batches(mnist, config, backend).epoch(0)))
        sizes = np.array([784, width, width, 10, width, width, 784])  # Q and P in a row
        there, back = operations(sizes, 100)
        forward.append(1000 * there / flops_per_second)
        backward.append(1000 * back / flops_per_second)
        steps.append(1000 * seconds_of(lambda model=model, batch=batch: model.step(batch), 3 if SHORT else 9))
    places = np.arange(len(widths))
    right.bar(places, forward, color="tab:blue", label="products forward, at full speed")
    right.bar(places, backward, bottom=forward, color="tab:orange", label="products backward")
    right.plot(places, steps, "ko", label="a whole Reconstruction step, measured")
    right.set(xticks=places, xticklabels=widths, xlabel="hidden width", ylabel="milliseconds",
              title="What the products explain, and what they do not")  # fmt: skip
    right.legend()
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_14.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_14.png"))

# %% [markdown]
# You should see the products near the roof and the other points below it. On the right the bars explain a growing
# part of a step as the width grows. That is so because the products grow with the number of weights, here
# $1588\,w + 2 w^2$ at width $w$. Much of the rest grows with the width only, or not at all.

# %% [markdown]
# ## What to take with you
#
# * Count the operations and the bytes before you optimize. The slower of the two limits decides.
# * On a GPU many small operations cost their launch, not their work. Fewer and larger ones help.
# * A counter-based generator draws the same noise anywhere and in any order.
