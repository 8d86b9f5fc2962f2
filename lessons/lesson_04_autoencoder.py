# %% [markdown]
# # 4. The autoencoder, and why its latent space has gaps
#
# *About 120 minutes; difficulty 2 of 5.*
#
# **The one idea.** Squeeze an image through two numbers and try to get it back. The *encoder* Q makes a code z of the
# image x. The *decoder* P makes an image $\hat x$ of the code. The target is the image itself:
#
# $$ z = Q(x), \qquad \hat x = P(z), \qquad \min_{Q, P}\ \tfrac12 \sum_{\text{pixels}} (\hat x - x)^2. $$
#
# No labels are needed. But this objective does not fix *where* the codes lie. The end of the lesson shows what follows
# from that.

# %%
import os
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.metrics import diagnostics
from tinyaae.networks import Code
from tinyaae.optimizers import Adam, Momentum, linear_schedule
from tinyaae.phases import Reconstruction
from tinyaae.training import Batches

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 4.1: half the squared error
#
# $$ L = \frac{1}{n} \sum_{\text{images}} \tfrac12 \sum_{\text{pixels}} (\hat x - x)^2. $$
#
# The loss is a sum over the pixels of an image, and a mean over the images of the batch. The ½ is there so that the
# gradient has no 2. Return the value and the gradient with respect to the output $\hat x$.


# %%
def reconstruction_loss(output, target):
    """output x̂ (n, d), target x (n, d) -> value (), doutput (n, d)."""
    ### BEGIN SOLUTION
    apart = output - target
    return (apart**2).sum() / (2 * len(apart)), apart / len(apart)
    ### END SOLUTION


# %% [markdown]
# Two decoders give numbers to compare with. One outputs ½ for every pixel. The other outputs the average image of the
# training set, whatever the code. Guess both errors before you run. (An image has 784 pixels. Most of them are white,
# which is 0; black ink is 1.)

# %%
if __name__ == "__main__":
    mnist = data.load_mnist()
    x_train = data.unit_interval(mnist.x_train[:20000])
    mean_image = x_train.mean(axis=0, keepdims=True)
    for name, guess in {"grey everywhere": np.full((1, 784), 0.5), "always the average image": mean_image}.items():
        value, _ = reconstruction_loss(np.repeat(guess, len(x_train), axis=0), x_train)
        print(f"{name}: {value:.1f}")

# %% [markdown]
# ## Exercise 4.2: the whole autoencoder, as small as it gets
#
# Q and P are one matrix each: $z = \tilde x W_Q$ and $\hat x = z W_P$, where $\tilde x = x + \text{noise}$. Such a
# *denoising* autoencoder (Vincent et al. 2008) reads a noisy image, and its target is the clean one. So it has to learn
# what images look like, and cannot just copy. (The noise is an argument: a function that draws its own cannot be
# checked.)
#
# Write forward and backward: half the squared error, as in exercise 4.1, then the chain rule through P, then through Q.


# %%
def denoising_gradients(x, noise, WQ, WP):
    """x, noise (n, d), WQ (d, z), WP (z, d) -> value (), dWQ (d, z), dWP (z, d) of the loss against the clean x."""
    ### BEGIN SOLUTION
    spoiled = x + noise
    z = spoiled @ WQ
    missed = z @ WP - x
    doutput = missed / len(x)
    return np.sum(missed * doutput) / 2, spoiled.T @ (doutput @ WP.T), z.T @ doutput
    ### END SOLUTION


# %% [markdown]
# Your gradients can train a network already. The best possible result is known. The best linear map through two numbers
# is the principal component analysis (PCA): it keeps the two directions in which images vary most. PCA subtracts the
# average image first, and so does the cell. How near to PCA will your network come in 400 steps of momentum?

# %%
if __name__ == "__main__":
    centred = x_train - mean_image
    variances = np.linalg.eigvalsh(centred.T @ centred / len(centred))  # ascending
    rng, steps = np.random.default_rng(0), 20 if SHORT else 400
    weights = [rng.normal(0, 0.05, size=shape).astype("float32") for shape in ((784, 2), (2, 784))]
    velocities = [np.zeros_like(w) for w in weights]
    for _step in range(steps):
        x = centred[rng.integers(0, len(centred), 200)]
        _, *gradients = denoising_gradients(x, np.zeros_like(x), *weights)
        for w, v, dw in zip(weights, velocities, gradients, strict=True):
            v[...] = 0.9 * v + dw
            w -= 0.005 * v
    value, _, _ = denoising_gradients(centred, 0 * centred, *weights)
    print(f"linear autoencoder, {steps} steps: {value:.2f}; PCA, the best there is: {variances[:-2].sum() / 2:.2f}")

# %% [markdown]
# ## The reconstruction phase, with your loss in it
#
# Layers with activations can do better. The library's model for this is a list of one *phase*. A phase has one
# objective, its own gradient and its own optimizer. It reads some networks, and moves some of these. It has three
# steps: `forward`, `backward` and `update`. Here is `forward` with your loss inside. The inherited `backward` is the
# chain rule that you have just written:
#
#     dcode = self.decoder.backward(doutput, p_cache, self.gradients)
#     self.encoder.backward(dcode, q_cache, self.gradients)


# %%
class MyReconstruction(Reconstruction):
    """The library's phase with your loss; `factor` multiplies the gradient, for the experiment below."""

    factor = 1.0

    def forward(self, batch):
        ctx = self.context()  # knows that this is training, and where noise comes from
        code, q_cache = self.encoder.forward(batch.x, ctx)
        output, p_cache = self.decoder.forward(code, ctx)
        value, doutput = reconstruction_loss(output, batch.x)
        return {"half_squared_error": value}, (q_cache, p_cache, doutput * self.factor, Code())


def new_model(config, optimizer):
    """Return a fresh autoencoder, moved by your phase."""
    model = build(config, Backend.named("numpy"))
    model.phases = [MyReconstruction(model.networks["Q"], model.networks["P"], optimizer, config.seed)]
    return model


# %% [markdown]
# ## The most expensive slip in this subject
#
# Many frameworks offer a mean squared error that averages over pixels *and* batch: $\frac{1}{784}\sum(\hat x - x)^2$.
# The minimum is at the same place. Only the gradient differs, by the factor $\frac{2}{784} = \frac{1}{392}$. Does that
# matter? Take the optimizer of "Adversarial Autoencoders" (Makhzani et al. 2015), the paper that this course leads to:
# momentum 0.9 at rate 0.01. Train both for 200 steps. (*Batch norm*, a layer that gives each column of a batch mean 0
# and standard deviation 1, spares us a slow start.) Guess the second error, with the two numbers at the top of the
# lesson in mind.

# %%
if __name__ == "__main__":
    config = Config.of("autoencoder", z=2, hidden=(256, 256), input_noise=0.0, batch_norm=False).for_data(mnist)
    batches = Batches(mnist, config, Backend.named("numpy"))
    steps, curves = 10 if SHORT else 200, {}
    for name, factor in {"sum over pixels": 1.0, "mean over pixels": 2 / 784}.items():
        model = new_model(replace(config, batch_norm=True), Momentum(0.01, 0.9))
        model.phases[0].factor = factor
        some = zip(range(steps), batches.epoch(0), strict=False)
        curves[name] = [float(model.step(batch)["half_squared_error"]) for _, batch in some]
        print(f"{name}: error {curves[name][0]:.1f} at first, {np.mean(curves[name][-10:]):.1f} after {steps} steps")

# %% [markdown]
# The steps of the second run are about 400 times too small. After 200 of them its error is still nearer to that of the
# grey decoder than to that of the average image. (With Adam the factor would hardly matter, because Adam divides by the
# size of the gradient.)
#
# Now the real training: four epochs of Adam, a rate that falls over the last half, and no batch norm. Watch the last
# number of each line.

# %%
if __name__ == "__main__":
    model, epochs = new_model(config, Adam(2e-3)), 1 if SHORT else 4
    fade = linear_schedule(epochs / 2, epochs)
    for epoch in range(epochs):
        for step, batch in enumerate(batches.epoch(epoch)):
            if SHORT and step == 20:
                break
            model.phases[0].optimizer.lr_scale = fade(epoch + step / batches.steps)
            values = model.step(batch)
        found = diagnostics(model, *batches.validation)
        print(f"epoch {epoch + 1}: error {found['reconstruction_error']:.1f}; codes spread {found['z_std']:.1f} wide")

# %% [markdown]
# ## Exercise 4.3: how far is the next code?
#
# Two numbers now stand for an image. Where do the codes of images lie, and what is between them? For each of a list of
# probes, return the Euclidean distance to the code nearest to it. (Give each array an axis of length 1 in the right
# place. NumPy then makes all pairs of a probe and a code. A probe may be a code itself; then its distance is 0.)


# %%
def nearest(probes, codes):
    """probes (m, d), codes (n, d) -> the distance (m,) of each probe to the code nearest to it."""
    ### BEGIN SOLUTION
    apart = probes[:, None, :] - codes[None, :, :]
    return np.sqrt((apart**2).sum(axis=2)).min(axis=1)
    ### END SOLUTION


# %% [markdown]
# A decoder turns any z into an image, so can it invent digits? Draw z at random and decode. We draw in two ways: from
# $N(0, I)$, the usual first try, and from a Gaussian with the mean and the spread of the codes.
# Before you run: which of these draws will be near to the codes of images?

# %%
if __name__ == "__main__":
    codes = model.encode(mnist.x_test[:2000]).z
    fresh = model.encode(mnist.x_test[2000:2500]).z
    rng = np.random.default_rng(5)
    draws = {
        "codes of other images": fresh,
        "draws from N(0, I)": rng.normal(size=(500, 2)),
        "draws with the codes' mean and spread": codes.mean(axis=0) + codes.std(axis=0) * rng.normal(size=(500, 2)),
    }
    gap_from = np.quantile(nearest(fresh, codes), 0.99)  # farther out than 99 of 100 new images: we call it a gap
    for name, z in draws.items():
        far = nearest(z, codes)
        print(f"{name:>38}: the nearest code is {np.median(far):.2f} away, {np.mean(far > gap_from):.0%} are in a gap")
    inside = np.mean(np.sum(codes**2, axis=1) < 4)
    print(f"N(0, I) is a small place in the middle: two standard deviations hold {inside:.0%} of the codes")

# %% [markdown]
# Both ways fail, each in its own way. $N(0, I)$ falls where codes are dense, and never into a gap; but the digits that
# live farther out are not drawn. (On each of five seeds fewer than 1 % of the decoded draws were sevens.) The wide
# Gaussian reaches them, and 14 to 29 % of its draws fall into gaps.

# %% [markdown]
# ## Exercise 4.4: a straight walk
#
# To see what lies between two codes a and b, walk there: $z_k = (1 - t_k)\,a + t_k\, b$, with $t$ going from 0 to 1 in
# equal steps, both ends included.


# %%
def walk(a, b, steps):
    """a, b (d,) -> points (steps, d) from a, the first, to b, the last."""
    ### BEGIN SOLUTION
    t = np.linspace(0, 1, steps)[:, None]
    return (1 - t) * a + t * b
    ### END SOLUTION


# %% [markdown]
# We choose the worst walk. Of all pairs among the 200 outermost codes we take the pair whose middle is farthest from
# any code.

# %%
if __name__ == "__main__":
    outermost = np.argsort(np.linalg.norm(codes - codes.mean(axis=0), axis=1))[-200:]
    pairs = outermost[np.transpose(np.triu_indices(200, 1))]
    middles = np.array([walk(codes[a], codes[b], 3)[1] for a, b in pairs])
    widest = np.argmax(np.concatenate([nearest(some, codes) for some in np.split(middles, 100)]))
    steps_across = walk(codes[pairs[widest, 0]], codes[pairs[widest, 1]], 12)
    ends = mnist.y_test[pairs[widest]]
    print(f"from a {ends[0]} to a {ends[1]}; distances to the nearest code on the way:")
    print(np.round(nearest(steps_across, codes), 1), f"and a gap begins at {gap_from:.1f}")

# %% [markdown]
# On the map every dot is the code of a test image, and its colour is the digit. Darker ground is farther from the
# nearest code. A gap begins at the red line.

# %%
if __name__ == "__main__":
    low, high = np.quantile(codes, [0.001, 0.999], axis=0)
    middle, reach = (low + high) / 2, 0.56 * np.max(high - low)
    low, high = middle - reach, middle + reach  # a square, so that a circle is one
    grid = np.stack(np.meshgrid(*(np.linspace(a, b, 80) for a, b in zip(low, high, strict=True))), axis=2)
    gap = nearest(grid.reshape(-1, 2).astype("float32"), codes).reshape(80, 80)
    figure = plt.figure(figsize=(14, 8.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1))
    ax = left.subplots()
    extent = (low[0], high[0], low[1], high[1])
    shade = ax.imshow(gap, "Greys", origin="lower", extent=extent, vmin=0, vmax=4 * gap_from)
    ax.contour(gap, [gap_from], extent=extent, colors="#c0392b", linewidths=0.8)
    left.colorbar(shade, ax=ax, shrink=0.6, extend="max", label="distance to the next code")
    dots = ax.scatter(*codes.T, c=mnist.y_test[:2000], cmap="tab10", s=9, vmin=-0.5, vmax=9.5, linewidths=0)
    ax.plot(*steps_across.T, "k.-", lw=1, label="the walk on the right")
    _, narrow, wide = draws.values()
    in_gap = np.mean(nearest(wide, codes) > gap_from)
    ax.plot(*wide[:10].T, "kx", ms=8, mew=2, label="ten random draws")
    circle = 2 * np.exp(1j * np.linspace(0, 2 * np.pi, 100))
    ax.plot(circle.real, circle.imag, "k:", label=f"N(0, I), two standard deviations: {inside:.0%} of the codes")
    ax.set(title="Where 2000 test images lie in the latent space", xlabel="$z_1$", ylabel="$z_2$")
    ax.set(xlim=extent[:2], ylim=extent[2:])
    keys = dots.legend_elements(num=list(range(10)))
    left.legend(*keys, ncols=10, loc="outside upper center", frameon=False, columnspacing=0.8, handletextpad=0.0)
    ax.legend(loc="upper right", fontsize=8.5)

    ten = mnist.x_test[2000:2010]
    rows = {
        "real images x": data.unit_interval(ten),
        "their reconstructions P(Q(x))": model.reconstruct(ten),
        "decoded draws from N(0, I), a small place in the middle": model.decode(narrow[:10]),
        f"the crosses, decoded: {in_gap:.0%} of such draws are in a gap": model.decode(wide[:10]),
        f"the walk from a {ends[0]} to a {ends[1]}, across the gap": model.decode(
            steps_across[[0, 1, 3, 4, 5, 6, 7, 8, 10, 11]]
        ),
    }
    *axes, ax = right.subplots(len(rows) + 1, 1, height_ratios=[1] * len(rows) + [2.2])
    for row, (title, images) in zip(axes, rows.items(), strict=True):
        row.imshow(np.hstack([image.reshape(28, 28) for image in images]), cmap="gray_r", vmin=0, vmax=1)
        row.set_title(title, fontsize=10, loc="left")
        row.axis("off")
    for (name, errors), colour in zip(curves.items(), ("C0", "C3"), strict=True):
        ax.plot(errors, colour, label=name)
    average, _ = reconstruction_loss(np.repeat(mean_image, len(x_train), axis=0), x_train)
    ax.axhline(average, color="grey", ls=":", label="always the average image")
    ax.set(xlabel="step of momentum at rate 0.01", ylabel="reconstruction error", ylim=(0, None))
    ax.set_title("One factor of 392", fontsize=10, loc="left")
    ax.legend(frameon=False, fontsize=8.5)
    ax.spines[["top", "right"]].set_visible(False)
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_04.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_04.png"))

# %% [markdown]
# You should see arms that spread from a crowded middle, with gaps of darker ground between them. The walk crosses
# one: on five seeds its middle was about three to four times as far from the nearest code as the edge of a gap. That is
# so because the squared error needs only codes that differ from each other. So Q spreads the codes, and leaves gaps.
#
# P's outputs in the gap are not noise. They pass from the first image to the last, because P is a continuous function.
# But hardly an image has its code there. And nothing fixes which z should be drawn, and how often. That is the harm.

# %% [markdown]
# ## What to take with you
#
# * An autoencoder is one phase, Reconstruction. Its target is the input itself.
# * Sum over pixels, mean over the batch, or your gradient is hundreds of times too small for the paper's rates.
# * P is trained only at the places where Q has put codes. Drawing z is of use only where P has been trained. The next
#   lessons show two ways to *make* the codes follow a distribution from which z can be drawn: a formula (lesson 5), and
#   an adversary (lessons 6 and 7).
