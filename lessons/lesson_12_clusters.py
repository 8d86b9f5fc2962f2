# %% [markdown]
# # 12. No labels at all: clusters, and codes that can be drawn
#
# *About 120 minutes; difficulty 3 of 5.*
#
# **The one idea.** Take the classification phase of lesson 11 away. The adversary still presses y to be one of $k$,
# and P still reconstructs the image from y and z. No label determines what y means. But y lowers the reconstruction
# error most where images with the same y are alike, and images of one digit are alike. Classes without labels are
# *clusters* (section 6 of the paper).
#
# To *draw* the codes of all images on paper, each code needs to be two numbers. The paper (section 7) gives each
# cluster a *head*: a row of a matrix $W_C$ (k, d). P reads
#
# $$ r = y\,W_C + z, $$
#
# the place of the head, and a little step away from it. With $d = 2$ that is a map of the data set.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.phases import HeadSeparation, Reconstruction
from tinyaae.training import Batches, schedule

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 12.1: giving a cluster its name
#
# To count errors, each cluster needs a label. The paper's way uses very little: for cluster $i$ take the one image with
# the highest $q(y_i|x)$, and the label of that image names the cluster. (So a cluster costs one label, and no more.)
# Validation images serve for this; the error is then counted on other images.


# %%
def names_of(y, labels):
    """y (n, k) probabilities q(y|x), labels (n,) of the same images -> the label of each cluster (k,)."""
    ### BEGIN SOLUTION
    purest = np.argmax(y, axis=0)
    return labels[purest]
    ### END SOLUTION


# %% [markdown]
# ## Exercise 12.2: heads that keep their distance
#
# Nothing yet keeps two heads apart, and where they coincide their clusters are drawn on top of each other. So the loss
# gets a term for close heads: each pair nearer than $\eta$ costs what is missing,
#
# $$ C = \sum_{i<j} \max(0,\ \eta - \|c_i - c_j\|). $$
#
# Return $C$ and its gradient. For a pair that is too close $\|c_i - c_j\|$ changes fastest along the unit vector
# $(c_i - c_j)/\|c_i - c_j\|$, so the pair adds minus that vector to $dc_i$, and plus that vector to $dc_j$.


# %%
def head_cost(heads, eta):
    """heads (k, d), eta -> C (), dheads (k, d)."""
    ### BEGIN SOLUTION
    apart = heads[:, None, :] - heads[None, :, :]
    distance = np.sqrt(np.sum(apart * apart, axis=2)) + np.eye(len(heads))  # a head is no pair with itself
    close = (distance < eta) & ~np.eye(len(heads), dtype=bool)
    unit = apart / distance[:, :, None]
    return np.sum((eta - distance)[close]) / 2, -np.sum(close[:, :, None] * unit, axis=1)
    ### END SOLUTION


# %% [markdown]
# ## Exercise 12.3: from ten dimensions to a picture
#
# Two dimensions are few for P; with ten it paints better and the clusters are purer. To draw ten dimensions the paper
# gives each head its own place on a circle. Head $i = 0, \dots, k - 1$ gets
# $p_i = (\cos 2\pi i/k,\ \sin 2\pi i/k)$,
# which is row $i$ of a matrix $P\ (k, 2)$. (Only in this exercise $P$ is not the decoder.) The heads are sent there by
# the linear map $A\ (d, 2)$ with the smallest $\|W_C A - P\|^2$, which is *least squares*. It solves
# $W_C^\top W_C\, A = W_C^\top P$.


# %%
def to_the_circle(heads):
    """heads (k, d) with k at least d -> the map A (d, 2) that sends them nearest to k even places on the circle."""
    ### BEGIN SOLUTION
    angles = 2 * np.pi * np.arange(len(heads)) / len(heads)
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.linalg.lstsq(heads, places, rcond=None)[0]
    ### END SOLUTION


# %% [markdown]
# ## Your cost in the reduction's training
#
# `HeadSeparation` is the library's phase for this: Reconstruction together with the cost of the heads. The subclass
# computes the cost with your function; the heads are the first parameter of P. The model has twenty clusters and two
# dimensions, and reads no label.
#
# A question first: P reads $y W_C + z$, and z is pulled to a Gaussian of width 1. What should $\eta$ be, if the
# neighbourhoods of two heads are not to overlap much? (The library takes 5.)
#
# (Two neighbourhoods of width 1 overlap little from a distance of four or five widths on.)
#
# The library draws the heads from $N(0, I)$, all within a few steps of each other. A long training moves them apart. We
# have half a minute. So in two dimensions the heads start eight times as far from the middle, and only few pairs are
# nearer than $\eta$.


# %%
class MySeparated(HeadSeparation):
    """The library's phase with the cost of the heads computed above."""

    def forward(self, batch):
        values, cache = Reconstruction.forward(self, batch)
        cost, dheads = head_cost(self.decoder.stack.layers[0].W, self.eta)
        return values | {"head_distance": cost}, (cache, dheads)


def new_model(epochs, **flags):
    """Return a fresh model with your phase in it, and its batches."""
    config = Config.of("reduction", hidden=(128, 128), epochs=1 if SHORT else epochs, **flags).for_data(mnist)
    model = build(config, backend)
    Q, P, optimizer = model.networks["Q"], model.networks["P"], model.phases[0].optimizer
    model.phases[0] = MySeparated(Q, P, optimizer, config.seed, config.eta)
    return model, Batches(mnist, config, backend)


def train(model, batches):
    """Train with all phases, with learning rates that fall at the end; print losses after each epoch."""
    factor_at = schedule(model.config)
    for epoch in range(model.config.epochs):
        for step, batch in zip(range(20 if SHORT else batches.steps), batches.epoch(epoch), strict=False):
            for phase in model.phases_with_optimizer():
                phase.optimizer.lr_scale = factor_at(epoch + step / batches.steps)
            values = model.step(batch)
        heads = model.heads()
        nearest = np.min(np.linalg.norm(heads[:, None] - heads, axis=2) + 1e9 * np.eye(len(heads)))
        said = ", ".join(
            f"{name} {float(values[name]):.2f}" for name in ("half_squared_error", "head_distance", "D_cat")
        )
        print(f"epoch {epoch + 1}: {said}, nearest heads {nearest:.1f} apart")


def error_of(model, batches, images, labels):
    """Return the fraction of images in a cluster with another name; clusters are named on validation images."""
    names = names_of(model.encode(batches.validation[0]).y, batches.validation[1])
    return np.mean(names[np.argmax(model.encode(images).y, axis=1)] != labels)


if __name__ == "__main__":
    mnist, backend = data.load_mnist(), Backend.named("numpy")
    model, batches = new_model(4, labels=0, clusters=20, z=2, lr_reconstruction=5e-4)
    model.heads()[...] *= 8
    train(model, batches)
    error = error_of(model, batches, mnist.x_test, mnist.y_test)
    print(f"{error:.1%} of the test images lie in a cluster of another digit; dice would give 90 %")

# %% [markdown]
# The map has one point for each test image, in the colour of its digit; no phase has read a label. The crosses are the
# heads. Which
# digits share a cluster? Look at what P paints there. Some names (red) will surprise you: the purest image of a cluster
# need not be a typical one.
#
# In our run six of the twenty heads have nearly all images. 4, 7 and 9 share two heads. 3, 5 and 8 share one head,
# and so do 2 and 6. 0 and 1 have one head each. Where P paints a mixture of digits, the head has hardly an image. Four
# epochs are few: hence the large error, and the points between the heads, where y is not yet one-hot.

# %%
if __name__ == "__main__":
    code, heads = model.encode(mnist.x_test[:3000]), model.heads()
    r = code.y @ heads + code.z
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained", width_ratios=[3, 2])
    drawn = left.scatter(*r.T, c=mnist.y_test[:3000], cmap="tab10", s=4, vmin=-0.5, vmax=9.5)
    left.plot(*heads.T, "kx", markersize=8)
    left.set(title=f"y·W_C + z in two dimensions, no label used: {error:.0%} error", xlabel="first", ylabel="second")
    figure.colorbar(drawn, ax=left, ticks=range(10), label="digit")
    k = len(heads)
    painted = model.decode(np.zeros((k, 2)), np.eye(k, dtype=np.float32)).reshape(-1, 5, 28, 28)
    right.imshow(painted.swapaxes(1, 2).reshape(-1, 5 * 28), cmap="gray_r")
    names = names_of(model.encode(batches.validation[0]).y, batches.validation[1])
    right.set(title="What P paints at each head", xticks=[], yticks=[])
    for place, name in enumerate(names):
        right.text(place % 5 * 28 + 1, place // 5 * 28 + 5, str(name), color="tab:red")
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_12.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_12.png"))

# %% [markdown]
# ## Your map of ten dimensions
#
# The next model has ten dimensions, drawn through `to_the_circle`. It is also the paper's other case: a hundred labels
# and the third phase of lesson 11. There are ten heads, one for each digit. They start along the ten axes, ten steps
# from the
# middle, so far apart that your cost is 0. With as many heads as dimensions the map $A$ sends each head exactly to its
# place. A point between two of them is an image that y was not sure about, or one whose z is large.
#
# *Predict: what do the hundred labels do to the error?*

# %%
if __name__ == "__main__":
    model, batches = new_model(3, labels=100, z=10, lr_reconstruction=1e-3)
    model.heads()[...] = 10 * np.eye(10)
    train(model, batches)
    error = error_of(model, batches, mnist.x_test, mnist.y_test)
    print(f"with a hundred labels and ten dimensions: {error:.1%}")
    code, heads = model.encode(mnist.x_test[:3000]), model.heads()
    A = to_the_circle(heads)
    figure, ax = plt.subplots(figsize=(6.5, 5.5), layout="constrained")
    drawn = ax.scatter(
        *((code.y @ heads + code.z) @ A).T, c=mnist.y_test[:3000], cmap="tab10", s=4, vmin=-0.5, vmax=9.5
    )
    ax.plot(*(heads @ A).T, "kx", markersize=8)
    ax.set(title=f"Ten dimensions through A, 100 labels: {error:.0%} error", aspect="equal")
    ax.set(xlabel="first", ylabel="second")
    figure.colorbar(drawn, ax=ax, ticks=range(10), label="digit")
    figure.savefig("pictures/lesson_12_circle.png", dpi=120)
    print("The picture:", os.path.abspath("pictures/lesson_12_circle.png"))

# %% [markdown]
# You should see ten groups near the crosses of a circle, most of one colour, with points between them. That is so
# because the map A sends each head to its place, and what P reads is a mixture of heads plus z. A group may lie next to
# its cross: z follows the prior over all images together, so the mean of z may differ from digit to digit.
#
# With the hundred labels the error is much lower. The labels are not the only reason: z has ten dimensions in place of
# two, too.

# %% [markdown]
# In the repository (the folder you installed the library from) `python run_mnist.py --mode clustering --clusters 30`
# and `--mode reduction --labels 0` train longer and draw more: the clusters with their members, the confusion with the
# labels, and the map of heads.

# %% [markdown]
# ## What to take with you
#
# * Without labels the adversary still pushes $y$ towards one of $k$. The clusters get their names afterwards.
# * A cluster is named with few labels. The error depends on how that is done, so say how.
# * Heads that keep their distance make clusters that can be drawn in the plane.
