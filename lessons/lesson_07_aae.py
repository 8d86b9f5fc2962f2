# %% [markdown]
# # 7. The adversarial autoencoder: two halves that share an encoder
#
# *About 150 minutes; difficulty 4 of 5.*
#
# **The one idea.** An autoencoder puts its codes wherever it likes (lesson 4). A game can make one distribution look
# like another (lesson 6). Put the two together: let the *encoder* be the player who wants to fool $D$. Then the codes
# of all images, taken together, become indistinguishable from draws of a prior $p(z)$, and the decoder learns to turn
# $p(z)$ into images.
#
# Three networks take part. The encoder $Q$ makes a code $z$ (n, d) of images $x$. The decoder $P$ makes images of
# codes. The discriminator $D$ outputs one logit for each code, positive for "drawn from the prior". Every batch is used
# in three phases:
#
# 1. **Reconstruction**: $Q$ and $P$ move so that $P(Q(x))$ is like $x$.
# 2. **Discriminate**: $D$ moves to tell draws of $p(z)$ from codes $Q(x)$.
# 3. **Generate**: $Q$ moves to fool $D$. The paper calls the last two phases together *regularization*.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, data
from tinyaae.backend import Context
from tinyaae.config import Config
from tinyaae.gradcheck import GradientError, check_phase
from tinyaae.losses import binary_cross_entropy
from tinyaae.networks import Code, Gradients, discriminator
from tinyaae.optimizers import Adam, linear_schedule
from tinyaae.phases import Adversary, Batch, Discriminate, Generate, Phase, Reconstruction, Variational
from tinyaae.recipes import Builder
from tinyaae.training import Batches

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training
SEED = 0  # of the first weights and the order of the images; what the text says was measured with 0, 1, 2, 3 and 4

# %% [markdown]
# ## Exercise 7.1: what the best D knows, and where it sends the codes
#
# $D$ is trained as in lesson 6, with draws of the prior as real samples and codes as made ones. There the best $D$
# answered $p/(p + q)$ in each cell, and its logit is $\ln p - \ln q$. Where both densities have a formula no cells
# are needed. Let the prior be $N(0, I)$, and take the codes of all images together as one Gaussian with a mean $m_k$
# and a variance $v_k$ in each of $d$ dimensions. A Gaussian has
#
# $$ \ln N(z;\ m, v) = -\tfrac12 \sum_{k=1}^{d} \Bigl(\frac{(z_k - m_k)^2}{v_k} + \ln v_k + \ln 2\pi\Bigr). $$
#
# Return the logit $l(z) = \ln p(z) - \ln q(z)$ of the best $D$ at each code, and its slope $\partial l/\partial z$,
# which is where a code should go to look more like the prior. Subtract logarithms: far out both densities are 0 on a
# computer.
#
# *Before you run it: the codes lie twice as wide as the prior. Which way does the slope point, and where is it 0?*


# %%
def best_logit(z, mean, variance):
    """Codes z (n, d); mean and variance (d,) of all of them -> the best D's logit (n,), its slope (n, d)."""
    ### BEGIN SOLUTION
    centred = z - mean
    logit = np.sum(centred**2 / variance + np.log(variance) - z**2, axis=1) / 2
    return logit, centred / variance - z
    ### END SOLUTION


if __name__ == "__main__":
    places = np.array([[0.0], [1.0], [3.0]])
    logits, slopes = best_logit(places, np.array([0.0]), np.array([4.0]))
    print("codes twice as wide as the prior:")
    for place, logit, slope in zip(places[:, 0], logits, slopes[:, 0], strict=True):
        print(f"  at z = {place:.0f} the best D has the logit {logit:+.2f}, and its slope there is {slope:+.2f}")
    print("(All codes are sent inwards, and the farther out, the harder; at the middle the slope is 0.)\n")

# %% [markdown]
# ## Exercise 7.2: through a D that is a network
#
# Nobody knows $q$ in a formula. So $D$ is a network that learns the logit from samples, and $Q$'s gradient comes from
# its slope. Ours has one hidden layer of $h$ units,
#
# $$ D(z) = \max(0,\; zW + b)\, v + c, \qquad W\ (d, h),\quad b\ (h,),\quad v\ (h,),\quad c\ (). $$
#
# Return its slope $\partial D/\partial z$ at each code, and the gradient $dz = \partial L_G/\partial z$ of the
# generator's loss of lesson 6, $L_G = -\frac1n \sum_i \ln s(D(z_i))$, where $s$ is the sigmoid. $D$ may be very sure,
# and $e^{\pm l}$ overflows for large logits $l$; write $s(l) = (\tanh(l/2) + 1)/2$, as in lesson 6. The gradient goes
# *through* $D$, all the way down to $z$. No `dW` is needed: in this half $D$ is a fixed function.
#
# *Which codes get the larger gradient: those that $D$ takes for draws, or those that it rejects?*


# %%
def through_discriminator(z, W, b, v, c):
    """Codes z (n, d), and D's W (d, h), b (h,), v (h,), c () -> D's slope (n, d), dz (n, d)."""
    ### BEGIN SOLUTION
    units = z @ W + b
    slope = (v * (units > 0)) @ W.T
    logits = np.maximum(0, units) @ v + c
    dlogits = ((np.tanh(logits / 2) + 1) / 2 - 1) / len(z)
    return slope, dlogits[:, None] * slope
    ### END SOLUTION


# %%
def learned_from_samples(mean, variance, steps):
    """Return a D (2 → 200 → 1) that has seen draws of N(0, I), and codes from N(mean, variance), and no formula."""
    backend, rng = Backend.named("numpy"), np.random.default_rng(SEED)
    d, adam = discriminator(backend, "D", 2, (200,), seed=SEED), Adam(3e-3)
    gradients, target = Gradients(backend, [d]), np.repeat([[1], [0]], 100, axis=0).astype("float32")
    adam.bind(backend, d.size)
    for _ in range(steps):
        both = rng.standard_normal((200, 2), dtype="float32")
        both[100:] = mean + np.sqrt(variance) * both[100:]
        logits, cache = d.forward(both, Context(backend, training=True))
        _, dlogits = binary_cross_entropy(np, logits, target)
        gradients.zero()
        d.backward(dlogits, cache, gradients)
        adam.update([d.flat], gradients.flat)
        d.updates += 1
    return d


if __name__ == "__main__":
    mean, variance = np.array([1.0, -0.5]), np.array([2.0, 0.3])
    codes = mean + np.sqrt(variance) * np.random.default_rng(SEED).standard_normal((2000, 2))
    best, best_slope = best_logit(codes, mean, variance)
    d = learned_from_samples(mean, variance, 50 if SHORT else 1000)
    logits, _ = d.forward(codes.astype("float32"), Context(d.backend))
    first, _, last = d.stack.layers
    slope, _ = through_discriminator(codes, first.W, first.b, last.W[:, 0], last.b[0])
    cosine = np.sum(slope * best_slope, axis=1) / np.linalg.norm(slope, axis=1) / np.linalg.norm(best_slope, axis=1)
    correlation = np.corrcoef(logits[:, 0], best)[0, 1]
    print(f"a D trained on samples: the correlation of its logits with those of the best D is {correlation:.2f}")
    print(f"and its slope points where the best D's does: the cosine is {np.mean(cosine):.2f} on average\n")

# %% [markdown]
# (The larger gradient is that of the rejected codes: $s - 1$ is near −1 there, and near 0 where $D$ is fooled.) On five
# seeds the correlation is 0.99 and the cosine at least 0.98. So samples are enough: $D$ finds the difference of two
# logarithms that nobody has given it.
#
# ## Exercise 7.3: who may move
#
# The chain rule would happily carry every loss into every network it passed through. But a $Q$ that moves along $D$'s
# loss, too, *helps* $D$ to tell codes from draws, and undoes in one half what it does in the other. What that costs is
# measured below. So each of the three phases has a gradient of its own, and moves its own networks only:
#
# | row: phase | moves | only reads |
# |---|---|---|
# | 0 Reconstruction | Q, P | |
# | 1 Discriminate | D | Q |
# | 2 Generate | Q | D |
#
# All weights stand in one vector, first those of Q, then P, then D. Given the gradients that the chain rule gives for
# each phase, return masks with 1 where that phase may move and 0 elsewhere, and the weights after the three plain steps
# $w \leftarrow w - rate \cdot mask \cdot gradient$.


# %%
def three_steps(weights, gradients, sizes, rate):
    """weights (N,), gradients (3, N), sizes (3,) of Q, P, D with sum N, rate () -> masks (3, N), weights (N,)."""
    ### BEGIN SOLUTION
    q, p = sizes[0], sizes[0] + sizes[1]
    masks = np.zeros((3, len(weights)))
    masks[0, :p] = 1
    masks[1, p:] = 1
    masks[2, :q] = 1
    return masks, weights - rate * (masks * gradients).sum(axis=0)
    ### END SOLUTION


# %% [markdown]
# ## One step by hand
#
# Here is $Q$'s half of the game as a phase of the library, with your gradient. `forward` computes the values and
# returns what `backward` needs, `backward` fills the phase's own gradient, `update` moves the phase's own networks.
# $D$'s half is the library's `Discriminate`, with the loss of lesson 6.


# %%
class MyGenerate(Generate):
    """The library's phase, going through D by `through_discriminator`."""

    def forward(self, batch, encoded=None):
        code, q_cache = self.encoder.forward(batch.x, self.context())
        d = self.adversaries[0].discriminator
        first, _, last = d.stack.layers
        _, dz = through_discriminator(code.z, first.W, first.b, last.W[:, 0], last.b[0])
        logits, _ = d.forward(code.z, self.context())
        loss, _ = binary_cross_entropy(np, logits, np.ones_like(logits))
        return {"G": loss}, (q_cache, dz)

    def backward(self, cache):
        q_cache, dz = cache
        self.gradients.zero()
        self.encoder.backward(Code(z=dz), q_cache, self.gradients)


def new_aae(make, first_half=Discriminate):
    """Fresh networks {name: network} and the three phases of an AAE, with the sizes in `make.config`."""
    q, p, d = make.encoder(), make.decoder(), discriminator(make.backend, "D", 2, (200,), seed=make.seed)
    adversaries = [Adversary("z", d, make.prior)]
    phases = [
        Reconstruction(q, p, Adam(1e-3)),
        first_half(q, adversaries, Adam(1e-3, 0.5)),
        MyGenerate(q, adversaries, Adam(1e-4, 0.5)),  # ten times slower than D: the text below says why
    ]
    return {"Q": q, "P": p, "D": d}, phases


if __name__ == "__main__":
    SIZES = dict(z=2, hidden=(200, 200), reconstruction="cross-entropy", input_noise=0.0, seed=SEED)
    mnist, backend = data.load_mnist(), Backend.named("numpy")
    config = Config.of("aae", epochs=1 if SHORT else 3, **SIZES)
    make = Builder(config, backend)
    batches = Batches(mnist, config, backend)
    networks, phases = new_aae(make)
    batch = next(batches.epoch(0))
    sizes = np.array([network.size for network in networks.values()])
    yours, _ = three_steps(np.zeros(sizes.sum()), np.zeros((3, sizes.sum())), sizes, 0.1)
    ends = np.cumsum(sizes) - 1
    print("weights that moved, of each network:       Q       P       D   your masks")
    for row, phase in enumerate(phases):
        before = [network.flat.copy() for network in networks.values()]
        values, cache = phase.forward(batch)
        phase.backward(cache)
        phase.update()
        moved = [np.sum(n.flat != old) for n, old in zip(networks.values(), before, strict=True)]
        print(f"  {phase.name:34}", *(f"{count:7}" for count in moved), "  ", *yours[row, ends].astype(int))
    print(
        "(Fewer weights of Q than there are: a pixel that is 0, white, in the whole batch moves nothing in layer 1.)\n"
    )

# %% [markdown]
# ## The training, and what happens without the mask
#
# Lesson 6 had a warning: a $D$ at 50 % from the start has learned nothing. With equal rates for $D$ and $Q$ that is
# what happens here: $Q$ moves its codes before $D$ has learned where they were, and $D$'s accuracy means nothing. So
# the learning rate of Generate is a tenth of that of Discriminate. Now $D$ gets ahead first, and $Q$ has to catch up.
#
# *Predict: from 50 % at the first step, where does the accuracy of $D$ go, and where does it end?*
#
# Then the same training runs with `ForgottenDetach`. It has one mask wrong: Discriminate moves $D$ **and** $Q$. Nothing
# else differs, and training raises no exception. The library's `check_phase` compares a phase's gradient with central
# differences, and asks whether it reaches a network that should stay as it is.


# %%
class ForgottenDetach(Discriminate):
    """The famous slip: D's loss moves the encoder, too."""

    def __init__(self, encoder, adversaries, optimizer):
        super().__init__(encoder, adversaries, optimizer)
        Phase.__init__(self, "discriminate", [adversaries[0].discriminator, encoder], optimizer)

    def forward(self, batch, code=None):
        code, q_cache = self.encoder.forward(batch.x, self.context())
        values, ((d_cache, dlogits),) = super().forward(batch, code)
        return values, (q_cache, d_cache, dlogits)

    def backward(self, cache):
        q_cache, d_cache, dlogits = cache
        self.gradients.zero()
        dcodes = self.adversaries[0].discriminator.backward(dlogits, d_cache, self.gradients)
        n = len(dcodes) // 2
        self.encoder.backward(Code(z=dcodes[n:]), q_cache, self.gradients)


def train(phases, batches, epochs):
    """Step the phases through `epochs` epochs with rates that fade in the second half; return D's accuracies."""
    fade, accuracies = linear_schedule(epochs / 2, epochs), []
    for epoch in range(epochs):
        for step, batch in enumerate(batches.epoch(epoch)):
            if SHORT and step == 30:
                break
            values = {}
            for phase in phases:
                phase.optimizer.lr_scale = fade(epoch + step / batches.steps)
                values |= phase.step(batch)
            accuracies.append(values.get("D_accuracy", 0))
    return accuracies


def ask_a_fresh_discriminator(q, make, batches, steps):
    """Train a new D while `q` stands still; return how often it is right in the second half of its training."""
    d = discriminator(make.backend, "D", 2, (200,))
    phase, found = Discriminate(q, [Adversary("z", d, make.prior)], Adam(3e-3)), []
    for _, batch in zip(range(steps), batches.epoch(0), strict=False):
        found.append(phase.step(batch)["D_accuracy"])
    return np.mean(found[len(found) // 2 :])


if __name__ == "__main__":
    small = Config.of("aae", z=2, hidden=(5, 4), inputs=6, side=None, batch_norm=False)
    tiny, few = Builder(small, Backend.named("numpy", "float64")), Batch(np.random.default_rng(0).random((7, 6)))
    for half in Discriminate, ForgottenDetach:
        nets, three = new_aae(tiny, half)
        try:
            print(f"check_phase: {half.__name__}: right to {check_phase(three[1], few, frozen=[nets['Q']]):.0e}")
        except GradientError as complaint:
            print(f"check_phase: {half.__name__}: {complaint}\n")

    runs, accuracies = {}, {}
    for name, half in ("AAE", Discriminate), ("mask forgotten", ForgottenDetach), ("no game", None):
        runs[name], phases = new_aae(make, half or Discriminate)
        accuracies[name] = train(phases if half else phases[:1], batches, config.epochs)
        right = ask_a_fresh_discriminator(runs[name]["Q"], make, batches, 10 if SHORT else 400)
        says = f"; a fresh D is right in {right:.0%}"
        if half:
            first, middle, last = (np.mean(accuracies[name][part]) for part in np.s_[:10, 50:100, -100:])
            says = f"; D is right in {first:.0%}, {middle:.0%} (steps 50 to 100), {last:.0%} at the end" + says
        print(f"{name:>14}, {config.epochs} epochs{says}")

# %% [markdown]
# On five seeds $D$ climbs from a coin's 50 % to between 57 and 61 % within a hundred steps. $Q$ brings it back to
# between 53 and 56 %. Is that success, or is this $D$ too weak? Ask a fresh $D$, which learns while $Q$ stands still.
# It is right in 52 to 54 %. Where no game was played it is right in 59 to 68 %. So this 50 % came late, and was earned.
#
# With the forgotten mask $D$ and the fresh $D$ are right in 98 to 100 % on each of five seeds, after three epochs as
# after one: $Q$ helps $D$ ten times as fast as it hinders it, and its codes leave the prior for good. The
# reconstruction error is 4 to 9 % higher, too. (With equal rates the slip only delays: after one epoch the two runs
# differ, after three they end alike. A slip that hides so well is the more dangerous one. `check_phase` finds it before
# the first step.)

# %% [markdown]
# ## The VAE beside the AAE, and exercise 7.4: where is the KL?
#
# The VAE of lesson 5 also pulls codes towards $N(0, I)$, but image by image. It pays
# $KL\bigl(q(z|x_i)\,\|\,N(0, I)\bigr)$ for each $x_i$, which is 0 only where every image has the *whole* prior as its
# code. The AAE has no such term. What it matches is the **aggregated posterior**
#
# $$ q(z) = \frac1n \sum_i q(z|x_i), $$
#
# the codes of all images in one bag. To see the difference, measure both. Image $i$ has a Gaussian code with mean
# $\mu_i$ and variance $\sigma_i^2$ in each of $d$ dimensions. The KL from $N(0, I)$ of a Gaussian with mean $m$ and
# variance $v$ is
#
# $$ KL(m, v) = \tfrac12 \sum_{k=1}^{d} \bigl(m_k^2 + v_k - \ln v_k - 1\bigr). $$
#
# Return $KL(\mu_i, \sigma_i^2)$ of each image, and the KL of the bag, taken as one Gaussian. The mean of the bag is
# the mean of the means. Its variance has two sources: how wide the single codes are on average, and how far their
# means lie apart (`np.var`).
#
# *Which of the two numbers do you expect to be smaller?*


# %%
def two_kls(mean, log_var):
    """Means and ln σ² of the codes, both (n, d) -> KL of each image (n,), KL of all together ()."""
    ### BEGIN SOLUTION
    variance = np.exp(log_var)
    each = 0.5 * np.sum(mean**2 + variance - log_var - 1, axis=1)
    m = np.mean(mean, axis=0)
    v = np.mean(variance, axis=0) + np.var(mean, axis=0)
    return each, 0.5 * np.sum(m**2 + v - np.log(v) - 1)
    ### END SOLUTION


# %%
if __name__ == "__main__":
    vae_config = Config.of("vae", epochs=config.epochs, **SIZES)
    vae_make = Builder(vae_config, backend)
    vae = {"Q": vae_make.encoder(), "P": vae_make.decoder()}
    train([Variational(vae["Q"], vae["P"], Adam(1e-3))], Batches(mnist, vae_config, backend), config.epochs)

    seen, labels = mnist.x_test[:4000] / np.float32(255), mnist.y_test[:4000]
    posterior = vae["Q"].forward(seen, Context(backend))[0].posterior.astype(float)
    mean, log_var = posterior[:, :2], posterior[:, 2:]
    each, together = two_kls(mean, log_var)
    print(f"VAE: {np.mean(each):.2f} nats for each image on average, but {together:.2f} for all of them together")
    codes_vae = mean + np.exp(log_var / 2) * np.random.default_rng(0).standard_normal(mean.shape)
    codes_aae = runs["AAE"]["Q"].forward(seen, Context(backend))[0].z
    _, together = two_kls(codes_aae.astype(float), np.full(codes_aae.shape, -np.inf))
    print(
        f"AAE: its codes are points (σ = 0), each infinitely far from the prior, yet all together {together:.2f} nats"
    )

# %% [markdown]
# The bag is nearer to the prior than the code of one image is, for both. The difference is what a code says *about* its
# image. The VAE pays for it; the AAE has it for free, as long as the bag as a whole looks like the prior.
#
# ## What has the game brought?
#
# The run "no game" is an autoencoder with the same networks. Draw from $N(0, I)$ and look for the nearest code. How far
# is it, in units of what is usual for a new image, and of which digit?


# %%
def next_codes(probes, codes):
    """probes (m, 2), codes (n, 2) -> for each probe the distance to the nearest code, and that code's row."""
    square = np.sum(probes**2, axis=1)[:, None] - 2 * probes @ codes.T + np.sum(codes**2, axis=1)
    return np.sqrt(np.maximum(np.min(square, axis=1), 0)), np.argmin(square, axis=1)


if __name__ == "__main__":
    drawn = np.random.default_rng(5).standard_normal((1000, 2))
    codes = {name: nets["Q"].forward(seen, Context(backend))[0].z.astype(float) for name, nets in runs.items()}
    plain = codes["no game"]
    for name in "no game", "AAE":
        z = codes[name]
        usual, _ = next_codes(z[3000:], z[:3000])
        far, rows = next_codes(drawn, z[:3000])
        counts = np.bincount(labels[rows], minlength=10)
        print(f"{name:>7}: the nearest code is {np.median(far) / np.median(usual):.1f} times as far as usual; ", end="")
        print(f"the rarest digit is {np.argmin(counts)}, {np.min(counts) / len(rows):.1%} of the draws")

# %% [markdown]
# Draws from $N(0, I)$ fall near codes in both, as they did in lesson 4. What the game adds is the right *amounts*. On
# five seeds the rarest digit makes 1 to 6 % of the draws without it, and 6.6 to 8.8 % with it. Fair would be 10 %.
#
# In the picture, the upper row shows codes of test images, a colour for each digit; the VAE's are one draw an image.
# Circles hold 50, 90 and 99 % of the prior. The lower row shows what three decoders make of the prior: columns and rows
# are percentiles of $N(0, 1)$. Last is the accuracy of $D$, with and without the mask.

# %%
if __name__ == "__main__":
    NORMAL_PERCENTILES = np.quantile(np.random.default_rng(0).standard_normal(100000), (np.arange(14) + 0.5) / 14)

    def show_codes(ax, codes, title, reach=4.0):
        for radius in np.sqrt(-2 * np.log([0.5, 0.1, 0.01])):
            ax.add_patch(plt.Circle((0, 0), radius, fill=False, color="0.25", lw=0.8))
        points = ax.scatter(*codes.T, c=labels, cmap="tab10", s=4, linewidths=0, vmin=-0.5, vmax=9.5)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title, xlabel="$z_1$", ylabel="$z_2$")
        return points

    def show_decoded(ax, decoder, title):
        across, down = np.meshgrid(NORMAL_PERCENTILES, NORMAL_PERCENTILES[::-1])
        z = np.stack([across.ravel(), down.ravel()], axis=1).astype("float32")
        images = decoder.image(decoder.forward(Code(z=z), Context(backend))[0])
        ax.imshow(images.reshape(14, 14, 28, 28).swapaxes(1, 2).reshape(14 * 28, -1), cmap="gray_r")
        ax.set(title=title, xticks=[], yticks=[], xlabel="percentiles of $z_1$", ylabel="percentiles of $z_2$")

    figure, axes = plt.subplots(2, 4, figsize=(18, 9.2), layout="constrained")
    show_codes(axes[0, 0], codes["no game"], "no game: wherever Q likes", reach=max(4, 1.05 * np.abs(plain).max()))
    show_codes(axes[0, 1], codes["AAE"], "AAE: all codes together look like the prior")
    show_codes(axes[0, 2], codes_vae, "VAE: each code is a cloud of its own")
    reach = max(4, 1.05 * np.abs(codes["mask forgotten"]).max())
    points = show_codes(axes[0, 3], codes["mask forgotten"], "mask forgotten: the codes leave the prior", reach=reach)
    figure.colorbar(points, ax=axes[0, 3], ticks=range(10), label="digit", shrink=0.8)
    for ax, (name, decoder) in zip(
        axes[1], {"autoencoder": runs["no game"]["P"], "AAE": runs["AAE"]["P"], "VAE": vae["P"]}.items(), strict=False
    ):
        show_decoded(ax, decoder, f"the prior, through the {name}'s decoder")
    ax, window = axes[1, 3], 10 if SHORT else 50
    for name in "mask forgotten", "AAE":
        ax.plot(np.convolve(accuracies[name], np.ones(window) / window, "valid"), label=name)
    ax.axhline(0.5, color="0.4", ls=":", label="guessing")
    ax.set(title="How often D is right", xlabel="step", ylabel=f"accuracy, mean of {window} steps", ylim=(0.3, 1.02))
    ax.legend()
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_07_aae.png", dpi=100)
    print("The picture:", os.path.abspath("pictures/lesson_07_aae.png"))

# %% [markdown]
# You should see the codes of AAE and VAE inside the circles, those without a game partly outside, and those with the
# forgotten mask nowhere near. That is so because the AAE's Q works against D, and the Q without the mask helps it. D's
# accuracy comes down to near ½ for the one, and climbs to 100 % for the other.
#
# ## Predict, then look
#
# ```sh
# tinyaae train --mode aae --z 2 --out my-aae
# tinyaae explore my-aae
# ```
#
# The library's page of a run has the trained networks in it, and needs no server. Draw a digit and see where its code
# falls on the map of the codes. *Predict: where do a thin and a slanted 1 lie, and what does $P$ paint halfway
# between a 1 and a 0? Then look.*
#
# `tinyaae lab` is a page on which a small model is trained by hand, one phase at a time. Open it at
# `#data=moons&mode=aae&prior=gaussian&z=2&seed=0` and press *Ten rounds* six times. *Predict which codes move if only
# Discriminate is stepped.* Step it ten times, five times over: no code moves, and $D$ is right more often.
# *Predict from the arrows where Generate will move the codes.* Step it ten times: they leave the orange for the blue,
# and $D$ is right for less than half. Then choose the mistake "Discriminate moves Q, too", start again and play 200
# rounds. Here the slip lasts: the codes stay away from the prior. *Check this gradient* under Discriminate says why.
#
# ## What to take with you
#
# * An AAE is a reconstruction and a game for one encoder. It needs samples of the prior, and no formula.
# * Each phase moves its own networks. A forgotten detach raises nothing; whether it is seen depends on the rates.
# * $D$ at 50 % means success only if it comes late, and if a fresh $D$ agrees.
