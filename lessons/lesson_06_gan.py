# %% [markdown]
# # 6. The game: a generative adversarial network in the plane
#
# *About 150 minutes; difficulty 3 of 5.*
#
# **The one idea.** Two networks play a game. A *generator* makes samples out of noise. A *discriminator* D reads real
# samples and made ones, and outputs which is which. D learns to tell them apart. The generator learns to make samples
# that D takes for real. The generator never reads a real sample. It gets only the gradient that comes down through D.
# When even the best D cannot tell them apart, made samples are distributed like real ones (Goodfellow et al. 2014).
#
# In lesson 7 the "generator" will be the encoder Q and the "real samples" draws from a prior. Here everything lies in
# the plane, so that you can watch. The real samples x (n, 2) come from ten Gaussians like the petals of a flower.
#
# D has one output, a *logit* $l$: any number, positive for "real". Its probability is the sigmoid
# $s(l) = 1/(1 + e^{-l})$.

# %%
import math
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend
from tinyaae.backend import Context
from tinyaae.gradcheck import check_phase
from tinyaae.networks import Decoder, discriminator, hidden_layers
from tinyaae.optimizers import Adam
from tinyaae.phases import Adversary, Batch, Discriminate, Generate, PriorGenerator, Regularization
from tinyaae.priors import Gaussian, GaussianMixture

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 6.1: D's loss
#
# D pays $-\ln s(l)$ for each real sample and $-\ln(1 - s(l))$ for each made one, which is called *fake*:
#
# $$ L_D = \frac1n \sum_{\text{real}} -\ln s(l) + \frac1m \sum_{\text{fake}} -\ln(1 - s(l)). $$
#
# Return it with the gradients with respect to both kinds of logits. For a logit of 50, $1 - s$ is 0 on a computer, and
# its logarithm is lost. Write $-\ln s(l) = \ln(1 + e^{-l})$ and $-\ln(1 - s(l)) = \ln(1 + e^{l})$ first;
# `np.logaddexp(0, x)` is $\ln(1 + e^x)$ for any x. The function `sigmoid` below the exercise is given: it is $s$ and
# does not overflow, however large the logit.


# %%
def discriminator_loss(real, fake):
    """real (n, 1), fake (m, 1), logits -> value (), dreal (n, 1), dfake (m, 1)."""
    ### BEGIN SOLUTION
    value = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    return value, (sigmoid(real) - 1) / len(real), sigmoid(fake) / len(fake)
    ### END SOLUTION


def sigmoid(x):
    """Return 1 / (1 + e^-x), for any x without overflow."""
    return (np.tanh(x / 2) + 1) / 2


# %% [markdown]
# Suppose that D outputs the logit 0, the probability ½, for every sample. Guess its loss, as a formula.

# %%
if __name__ == "__main__":
    value, _, _ = discriminator_loss(np.zeros((3, 1)), np.zeros((5, 1)))
    print(f"no idea: {value:.4f} = 2 ln 2 = {2 * math.log(2):.4f}")
    value, _, _ = discriminator_loss(np.full((3, 1), 4.0), np.full((5, 1), -4.0))
    print(f"right, and quite sure: {value:.4f}")

# %% [markdown]
# ## Exercise 6.2: the generator's loss
#
# The generator wants its samples called real. Its loss is D's loss for real ones, on the fakes:
#
# $$ L_G = \frac1m \sum_{\text{fake}} -\ln s(l). $$
#
# Why not simply the opposite of what D pays for fakes, $\ln(1 - s(l))$? Where D is sure of a fake, $s$ is near 0 and
# that curve is flat: the worst samples would get the least gradient. The one above is steep there. It is called
# *non-saturating*.


# %%
def generator_loss(fake):
    """fake (m, 1), D's logits for made samples -> value (), dfake (m, 1)."""
    ### BEGIN SOLUTION
    return np.logaddexp(0, -fake).mean(), (sigmoid(fake) - 1) / len(fake)
    ### END SOLUTION


# %% [markdown]
# ## Exercise 6.3: the smallest game there is
#
# Which network moves when, and along which gradient? A GAN trains only if both are right. So play it once with a single
# number on each side. All real samples are 0. The generator makes a single point, $\theta$. D's logit is
# $l(x) = \psi x$, with the one weight $\psi$. One step of the game is the library's step:
#
# 1. D goes down $L_D$: $\psi \leftarrow \psi - \eta\, \partial L_D / \partial \psi$. For D, $\theta$ is a constant.
#    (D's loss has a gradient with respect to $\theta$ as well. This gradient must not move $\theta$: it is *detached*.)
# 2. The generator goes down $L_G$, through the D that has just moved: $\theta \leftarrow \theta - \eta\, \partial L_G /
#    \partial \theta$. For the generator, $\psi$ is a constant: the gradient passes through D, and D does not move.
#
# The arguments are arrays with one number for each game. Games do not mix: take no sum and no mean over them. Guess:
# where do $\theta$ and $\psi$ end?


# %%
def game_step(theta, psi, rate):
    """theta, psi (k,), k games, rate η -> the new theta, psi (k,) after D's move and then the generator's."""
    ### BEGIN SOLUTION
    psi = psi - rate * sigmoid(psi * theta) * theta
    return theta + rate * sigmoid(-psi * theta) * psi, psi
    ### END SOLUTION


# %%
if __name__ == "__main__":
    theta, psi = np.array([1.0, 0.3]), np.zeros(2)
    orbit = [(theta, psi)]
    for _step in range(400):
        theta, psi = game_step(theta, psi, 0.2)
        orbit.append((theta, psi))
    orbit = np.array(orbit)  # (401, 2, games)
    far = np.hypot(orbit[:, 0], orbit[:, 1])
    print("distance from θ = ψ = 0 after 0, 100, 200, 300, 400 steps:")
    print(np.round(far[::100].T, 2))

# %% [markdown]
# The point $(\theta, \psi)$ circles around (0, 0). It comes nearer to it, ever more slowly. A game is no descent
# into a valley: no single number measures how far training has come. Rates that fall, and little momentum, help.
# So the loss curve of a GAN may go up and down although the training goes well.
#
# ## Exercise 6.4: the best D, and what 2 ln 2 means
#
# Suppose D could output any value in any cell. Cut the plane into k cells; a share $p_i$ of the real samples is in cell
# i, and a share $q_i$ of the fakes. In that cell D pays $-p_i \ln d_i - q_i \ln(1 - d_i)$ for its answer $d_i$. Set the
# derivative to zero to find the best answer, and return it with the loss, summed over the cells. (All shares are
# above 0.)


# %%
def best_discriminator(p, q):
    """p, q (k,), shares of real and fake that each sum to 1 -> the best answers d (k,), their loss ()."""
    ### BEGIN SOLUTION
    d = p / (p + q)
    return d, -(p * np.log(d) + q * np.log(1 - d)).sum()
    ### END SOLUTION


# %% [markdown]
# Where $p = q$ everywhere the best D says one half and pays **2 ln 2 = 1.386**. Every difference lets it pay less, down
# to 0 when no cell has both. So 2 ln 2 minus the best D's loss is a distance between two distributions (twice what is
# called the Jensen-Shannon divergence), and making it small is what the generator is for.
#
# One warning: the trained D is not the best D. It pays at least as much. So a D at 2 ln 2 means one of two things. Both
# distributions are the same, or this D does not find the difference. If D is at 2 ln 2 from the start, it has learned
# nothing. If D comes to 2 ln 2 late, that may be success; the game below is a case where it is not yet.

# %%
if __name__ == "__main__":
    print("two cells; each has half of the real samples, and these shares of the fake ones:")
    for share in (0.5, 0.6, 0.9, 0.999):
        d, loss = best_discriminator(np.array([0.5, 0.5]), np.array([share, 1 - share]))
        print(f"  {share:5} {1 - share:.3f}: the best D answers {d[0]:.2f}, {d[1]:.2f} and pays {loss:.3f}")

# %% [markdown]
# ## The game in the plane, with your losses
#
# The library plays it as two phases. *Discriminate* moves D: real and fake samples go through D as one batch, and its
# `backward` ends at D's first layer (`want_dx=False`), so nothing reaches the generator. *Generate* moves the
# generator: its `backward` passes through D with `None` in place of D's gradient, so D's weights collect nothing, and
# goes on into the generator. Here are both with your losses. `PriorGenerator` is a decoder P that reads draws from a
# prior.


# %%
class MyDiscriminate(Discriminate):
    """The library's phase with your exercise 6.1."""

    metrics = ()  # its one value is the objective; the library's phase reports D's accuracy, too

    def forward(self, batch, code=None):
        ctx, (adversary,) = self.context(), self.adversaries
        if code is None:
            code, _ = self.encoder.forward(batch.x, ctx)
        n = len(batch.x)
        logits, d_cache = adversary.discriminator.forward(np.concatenate([batch.x, code.x]), ctx)
        value, dreal, dfake = discriminator_loss(logits[:n], logits[n:])
        return {"D": value}, [(d_cache, np.concatenate([dreal, dfake]))]

    def backward(self, caches):
        self.gradients.zero()
        ((d_cache, dlogits),) = caches
        self.adversaries[0].discriminator.backward(dlogits, d_cache, self.gradients, want_dx=False)


class MyGenerate(Generate):
    """The library's phase with your exercise 6.2; its `backward` passes through D."""

    def forward(self, batch, encoded=None):
        (adversary,) = self.adversaries
        code, p_cache, ctx = encoded or self.encode(batch)
        logits, d_cache = adversary.discriminator.forward(code.x, ctx)
        value, dlogits = generator_loss(logits)
        return {"G": value}, (p_cache, [(d_cache, dlogits, code.x.shape[1])])


def new_game(backend, hidden, rate):
    """Return a generator P, a discriminator D, and the two phases that play them against each other."""
    p = Decoder(backend, hidden_layers([2, *hidden, 2])[:-1])
    d = discriminator(backend, "D", 2, hidden)
    player, adversaries = PriorGenerator(p, Gaussian(2)), [Adversary("x", d, None)]
    game = Regularization(player, adversaries, Adam(rate, 0.5), Adam(rate, 0.5))
    game.discriminate = MyDiscriminate(player, adversaries, Adam(rate, 0.5))
    game.generate = MyGenerate(player, adversaries, Adam(rate, 0.5))
    return p, d, game


if __name__ == "__main__":
    p, d, small = new_game(Backend.named("numpy", "float64"), (5, 4), 0.01)
    batch = Batch(np.random.default_rng(0).normal(size=(6, 2)))
    error = check_phase(small.discriminate, batch, frozen=[p])
    print(f"D's phase: relative error {error:.0e}, and it moved no weight of the generator")
    error = check_phase(small.generate, batch, frozen=[d])
    print(f"the generator's phase: relative error {error:.0e}, and it moved no weight of D")

# %% [markdown]
# Now play. At six moments the cell keeps 1500 made samples and D's outputs on a grid. Your exercise 6.4 computes what
# the best D would pay. It reads the shares of real and fake samples in 30 × 30 cells. Which D will pay less, ours or
# the best one, and how far from 2 ln 2 will they end? (What our D pays is printed as a mean over the next 150 steps.)

# %%
if __name__ == "__main__":
    backend, flower, n = Backend.named("numpy"), GaussianMixture(), 256
    steps = 60 if SHORT else 6000
    moments = [round(steps * share) for share in (0, 0.02, 0.1, 0.3, 0.6, 1)]
    edges = np.linspace(-3, 3, 31)

    def draw_flower(n, step):
        return flower.sample(n, Context(backend, stream="real", step=step))

    def shares(points):
        counts, _, _ = np.histogram2d(*points.T, bins=(edges, edges))
        return ((counts + 1e-3) / np.sum(counts + 1e-3)).ravel()

    places = np.stack(np.meshgrid(edges, edges), axis=2).reshape(-1, 2).astype("float32")
    real = draw_flower(20000, steps)
    (p, d, game), losses, best, kept = new_game(backend, (128, 128), 1e-3), [], [], []
    for step in range(steps + 1):
        if step in moments or step % max(1, steps // 40) == 0:
            fake, _ = game.generate.encoder.forward(np.zeros((20000, 2)), Context(backend, stream="look"))
            best.append((step, best_discriminator(shares(real), shares(fake.x))[1]))
        if step in moments:
            kept.append((step, fake.x[:1500], sigmoid(d.forward(places, Context(backend))[0])))
        for phase in (game.discriminate, game.generate):
            phase.optimizer.lr_scale = min(1.0, 2 * (1 - step / (steps + 1)))  # the rates fade over the last half
        values = game.step(Batch(draw_flower(n, step)))
        losses.append((float(values["D"]), float(values["G"])))
    losses, best = np.array(losses), np.array(best)
    for step, loss in best[np.isin(best[:, 0], moments)]:
        recent = losses[int(step) : int(step) + max(1, steps // 40), 0].mean()
        print(f"step {int(step):4}: D pays {recent:.3f}, the best D would pay {loss:.3f}; 2 ln 2 is 1.386")
    same = best_discriminator(shares(real), shares(draw_flower(20000, steps + 1)))[1]
    print(f"for comparison, between two heaps of 20000 real samples the best D would pay {same:.3f}")

# %% [markdown]
# The best D pays less: it ends at about 1.26, and our D at 2 ln 2, which is 1.39. Our D finds no difference any more.
# But the made samples are not yet like the real ones: they are needles inside the petals. The best D finds this in the
# cells where one kind is rare. (Chance alone costs little: for two heaps of real samples the best D would pay 1.37.)
# So a D at 2 ln 2 is no proof that the samples are alike.
#
# On blue ground D outputs "real", on red ground "fake". Arrows show the gradient that comes down through D to the
# generator. They point in the direction in which a sample should move.

# %%
if __name__ == "__main__":
    figure = plt.figure(figsize=(13, 10.5), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(2, 1))
    for ax, (step, fake, answer) in zip(upper.subplots(2, 3).flat, kept, strict=True):
        answer = answer.reshape(31, 31)
        ax.imshow(answer, "RdBu", origin="lower", extent=(-3, 3, -3, 3), vmin=0, vmax=1, alpha=0.75)
        ax.scatter(*real[:1500].T, s=2, c="#666666", linewidths=0, label="real")
        ax.scatter(*fake.T, s=3, c="k", linewidths=0, label="made")
        logit = np.log(answer + 1e-6) - np.log(1 - answer + 1e-6)
        down, right = np.gradient(logit)
        some = np.s_[1::4, 1::4]
        pull = (1 - answer)[some]
        ax.quiver(*(axis[some] for axis in np.meshgrid(edges, edges)), pull * right[some], pull * down[some],
                  color="#0b6b3a", width=0.005)  # fmt: skip
        pays = best[best[:, 0] == step][0, 1]
        ax.set(title=f"step {step}: the best D would pay {pays:.2f}", xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[])
        if step == 0:
            ax.legend(loc="upper left", fontsize=8, markerscale=3)
    left, right = lower.subplots(1, 2, width_ratios=(2, 1))
    smooth = np.ones(min(50, steps)) / min(50, steps)
    for column, name, colour in ((0, "D pays", "C0"), (1, "the generator pays", "C1")):
        left.plot(np.convolve(losses[:, column], smooth, "valid"), colour, lw=0.9, label=name)
    left.plot(*best.T, "k.-", lw=1, label="the best D would pay (900 cells)")
    left.axhline(2 * math.log(2), color="grey", ls=":", label="2 ln 2: D cannot tell")
    left.axhline(math.log(2), color="C1", ls=":", lw=0.8, label="ln 2")
    left.set(title="Losses of a game", xlabel="step", ylabel="loss (mean of 50 steps)", ylim=(0, 2.4))
    left.legend(frameon=False, fontsize=8.5, ncols=3, loc="upper right")
    for k, colour in enumerate(("C0", "C3")):
        right.plot(orbit[:, 0, k], orbit[:, 1, k], colour, lw=0.8)
        right.plot(orbit[0, 0, k], orbit[0, 1, k], "o", color=colour)
    right.plot(0, 0, "k*", ms=10)
    right.set(title="The smallest game: 400 steps", xlabel="θ, the made sample", ylabel="ψ, D's weight", aspect="equal")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_06.png", dpi=110)
    print("The picture:", os.path.abspath("pictures/lesson_06.png"))

# %% [markdown]
# You should see the made samples come out of one point, and end as ten needles inside the petals, while the ground
# stays red only between the petals. (Arrows are scaled panel by panel: compare directions, not lengths.) That is so
# because D's slope pulls each sample to the nearest petal, and near a petal's middle D has no slope left that would
# spread them again.

# %% [markdown]
# ## What to take with you
#
# * Two phases, two losses, two optimizers. D's gradient ends at the samples; the generator's passes through D and
#   leaves it as it was.
# * The best D's loss measures how different two heaps of samples are: 2 ln 2 if not at all. A trained D estimates it.
#   No formula for either distribution is needed, only samples. So an AAE can give its codes any distribution that can
#   be drawn from.
