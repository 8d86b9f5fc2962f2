# %% [markdown]
# # 10. Style and content: tell the decoder the label
#
# *About 90 minutes; difficulty 2 of 5.*
#
# **The one idea.** A code $z$ of lesson 7 has to hold everything about an image: which digit it is, and how it was
# written. Now give the decoder the digit, as a one-hot $y$ together with $z$. Then $z$ need not contain what $P$ reads
# from $y$. The adversary matches $z$ to the *same* prior for all images. So $z$ is left with what the label does not
# determine, such as slant and width. Content and style are separated, although no style was labelled.
#
# *Predict: if you take the $z$ of a written 4 and give $P$ the label 7, what will it paint?*

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyaae import Backend, data
from tinyaae.config import Config
from tinyaae.layers import BatchNorm, Linear, ReLU
from tinyaae.model import Model
from tinyaae.networks import Decoder
from tinyaae.optimizers import linear_schedule
from tinyaae.phases import Adversary, Reconstruction
from tinyaae.recipes import Builder, aae
from tinyaae.training import Batches

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 10.1: what the decoder reads
#
# The decoder reads $[y, z]$ side by side: first the $k$ columns of the one-hot label, then the $d$ columns of the code.


# %%
def decoder_input(labels, z, classes):
    """labels (n,) integers from 0 to k − 1, z (n, d), the number k of classes -> [y, z] (n, k + d)."""
    ### BEGIN SOLUTION
    return np.concatenate([np.eye(classes)[labels], z], axis=1)
    ### END SOLUTION


# %% [markdown]
# ## Exercise 10.2: the way back splits
#
# The first layer of $P$ is linear, $h = [y, z]\,W + b$ with $W$ (k + d, o). Its first $k$ rows belong to $y$, the
# others to $z$. As $y$ is one-hot, its product with the first rows is row `label` of $W$: *each class has its own
# bias*.
#
# The backward pass splits in the same way. $dz$ goes on to the encoder. The label is a constant, so $dy$ is not needed.
# For a class $c < k$, row $c$ of $dW$ is the sum of the rows of $dh$ of all images with label $c$. Careful:
# `dW[labels] += dh` looks right, but where a label occurs twice NumPy keeps the last row only. Look up `np.add.at`,
# which adds all of them.
#
# Given $dh$ (n, o), return $dz$ (n, d) and $dW$ (k + d, o).


# %%
def label_layer_backward(dh, labels, z, W):
    """dh (n, o), labels (n,), z (n, d), W (k + d, o) -> dz (n, d), dW (k + d, o)."""
    ### BEGIN SOLUTION
    k = len(W) - z.shape[1]
    dW = np.zeros(W.shape)
    np.add.at(dW, labels, dh)
    dW[k:] = z.T @ dh
    return dh @ W[k:].T, dW
    ### END SOLUTION


# %% [markdown]
# ## Exercise 10.3: the grid of styles and contents
#
# To look at it, we want every style with every digit: one row a digit, one column a style. With $k$ classes and $s$
# styles that is a list of $k \cdot s$ codes, in the order in which one reads a page: the first row is digit 0 in all
# the styles, then digit 1 in the same styles, and so on.


# %%
def style_grid(styles, classes):
    """styles (s, d), the number k of classes -> labels (k·s,), z (k·s, d), in reading order."""
    ### BEGIN SOLUTION
    return np.repeat(np.arange(classes), len(styles)), np.tile(styles, (classes, 1))
    ### END SOLUTION


# %% [markdown]
# ## Exercise 10.4: does z still know the digit?
#
# A claim needs a number. Take the mean code of each class, over images whose labels we use, and classify other images
# by the nearest of these means (Euclidean distance). Where $z$ holds the digit this is often right; where it holds
# style only, the means lie on top of each other, and it is right in one case of $k$.
#
# Return the means (k, d) and the fraction (0 to 1) of the other images that is classified right.


# %%
def nearest_means(z, labels, other_z, other_labels, classes):
    """z (n, d), labels (n,), other_z (m, d), other_labels (m,), k -> means (k, d), accuracy ()."""
    ### BEGIN SOLUTION
    means = np.stack([z[labels == c].mean(axis=0) for c in range(classes)])
    distances = ((other_z[:, None, :] - means) ** 2).sum(axis=2)
    return means, np.mean(distances.argmin(axis=1) == other_labels)
    ### END SOLUTION


# %% [markdown]
# ## Your layer in the decoder
#
# `LabelLinear` is the library's linear layer, with your two functions inside. The recipe around it is short: compare
# `supervised` in `recipes.py`. With `decode_true_label=True` Reconstruction gives the decoder the label.


# %%
class LabelLinear(Linear):
    """A Linear that reads [y, z], of which the first `classes` columns are a one-hot label."""

    def __init__(self, classes, d, d_out):
        super().__init__(classes + d, d_out)
        self.classes = classes

    def forward(self, x, ctx):
        labels, z = np.argmax(x[:, : self.classes], axis=1), x[:, self.classes :]
        return decoder_input(labels, z, self.classes).astype(z.dtype) @ self.W + self.b, (labels, z)

    def backward(self, dh, cache, grads=None, want_dx=True):
        labels, z = cache
        dz, dW = label_layer_backward(dh, labels, z, self.W)
        if grads is not None:
            grads["W"] += dW
            grads["b"] += dh.sum(axis=0)
        return np.concatenate([np.zeros((len(z), self.classes), dz.dtype), dz], axis=1)


def supervised(make):
    """The networks and phases of a supervised AAE whose decoder begins with `LabelLinear`."""
    q, hidden = make.encoder(), make.config.hidden[0]
    layers = [LabelLinear(10, make.prior.d, hidden), BatchNorm(hidden), ReLU(), Linear(hidden, hidden), ReLU()]
    p = Decoder(make.backend, [*layers, Linear(hidden, 784)], logits=True)
    d = make.discriminator("D_gauss", make.prior.d)
    return [q, p, d], [
        Reconstruction(q, p, make.optimizer("reconstruction"), decode_true_label=True),
        make.regularization(q, [Adversary("z", d, make.prior)]),
    ]


def trained(mode, recipe, dataset, backend, epochs):
    """Return a `Model` of this recipe after `epochs` epochs."""
    config = Config.of(
        mode, z=2, hidden=(200, 200), reconstruction="cross-entropy", input_noise=0.0, lr_adversarial=1e-3,
    )  # fmt: skip
    make = Builder(config, backend)
    model = Model(config, backend, *recipe(make), make.prior)
    batches, fade = Batches(dataset, config, backend), linear_schedule(epochs / 2, epochs)
    for epoch in range(epochs):
        for step, batch in enumerate(batches.epoch(epoch)):
            if SHORT and step == 20:
                break
            for phase in model.phases_with_optimizer():
                phase.optimizer.lr_scale = fade(epoch + step / batches.steps)
            values = model.step(batch)
        print(f"{mode:10} epoch {epoch + 1}: cross-entropy of the pixels {values['cross_entropy']:.1f}")
    return model


if __name__ == "__main__":
    mnist, backend = data.load_mnist(), Backend.named("numpy")
    told = trained("supervised", supervised, mnist, backend, 1 if SHORT else 3)
    untold = trained("aae", aae, mnist, backend, 1 if SHORT else 2)
    known, other = slice(0, 4000), slice(4000, 8000)
    accuracy = {}
    for name, model in ("decoder not told: AAE", untold), ("decoder told the label", told):
        z = model.encode(mnist.x_test[:8000]).z.astype(float)
        _, right = nearest_means(z[known], mnist.y_test[known], z[other], mnist.y_test[other], 10)
        accuracy[name] = right
        print(f"{name}: the digit can be read off z in {right:.0%} of the cases (chance is 10 %)")

# %% [markdown]
# Why is the second accuracy not 10 %? A narrow upright stroke is more often a 1 than a 0, so the style itself contains
# a little of the digit. Three epochs are few, too. (The AAE had two, so the comparison is a rough one.) With more
# numbers in $z$ more of the digit can stay there: try 5 in place of 2.
#
# No phase requires the same distribution of $z$ for every digit: $D$ reads the codes of all ten digits together, and
# only the whole follows the prior. With `Adversary("z", d, make.prior, condition_on_y=True)` $D$ reads the label
# together with $z$, for codes and for draws of the prior. (This `d` reads ten numbers more.) Try it here.
# `python run_mnist.py --mode supervised`
# does so, in the repository (the folder you installed the library from).
#
# The left picture is your grid, with styles drawn from the prior. In the right picture the styles come from the real
# images in its first column: $Q$ computes the $z$ of each, and $P$ paints all ten digits with this $z$. The
# first and the fifth style of the left picture give smudges: each lies more than three standard deviations from 0.

# %%
if __name__ == "__main__":
    figure, axes = plt.subplots(1, 3, figsize=(15.5, 6.6), layout="constrained", width_ratios=[10, 11.5, 3.2])

    def show(ax, images, columns, title, x, y):
        rows = len(images) // columns
        page = images.reshape(rows, columns, 28, 28).swapaxes(1, 2).reshape(rows * 28, columns * 28)
        ax.imshow(page, cmap="gray_r")
        ax.set(title=title, xticks=[], yticks=[], xlabel=x, ylabel=y)

    def written(labels, z):
        return told.decode(z.astype("float32"), decoder_input(labels, z, 10)[:, :10].astype("float32"))

    styles = np.random.default_rng(3).standard_normal((10, told.config.z))
    labels, z = style_grid(styles, 10)
    names = ("one column a style z", "one row a digit y")
    names = names if labels[1] == labels[0] else names[::-1]
    show(axes[0], written(labels, z), 10, "every digit in every style", *names)

    writers = np.stack([np.flatnonzero(mnist.y_test == digit)[7] for digit in range(10)])
    hands = told.encode(mnist.x_test[writers]).z
    pages = [mnist.x_test[writers] / 255]
    pages += [np.ones((10, 784)) * 0.15]
    pages += [written(np.full(10, digit), hands) for digit in range(10)]
    show(axes[1], np.stack(pages, axis=1).reshape(-1, 784), 12, "left a real image, then its style with every label",
         "real, then y = 0, 1, … 9", "one row a handwriting")  # fmt: skip

    bars = axes[2].bar([0, 1], list(accuracy.values()), color=["0.6", "tab:blue"])
    axes[2].bar_label(bars, [f"{right:.0%}" for right in accuracy.values()])
    axes[2].axhline(0.1, color="0.3", ls=":", label="chance")
    axes[2].set(xticks=[0, 1], xticklabels=["not told", "told"], ylim=(0, 1), title="digit read off z",
                ylabel="accuracy of the nearest mean")  # fmt: skip
    axes[2].legend()
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_10_supervised.png", dpi=100)
    print("The picture:", os.path.abspath("pictures/lesson_10_supervised.png"))

# %% [markdown]
# You should see a 7 about as wide and as upright as the real 4 of its row. Most rows of the right picture keep slant
# and width while the digit changes. That is so because P reads the digit from y, and z holds what y does not determine.
# The thickness of the strokes is lost: z has only two numbers. Some cells are smudges, such as the wide 1s, because
# hardly any training image has this pair of y and z.

# %% [markdown]
# ## Predict, then look
#
# ```sh
# tinyaae train --mode supervised --out my-supervised
# tinyaae explore my-supervised
# ```
#
# The library's page of a run has the trained networks in it, and needs no server. Draw a digit, keep its z, and
# choose another y. *Predict: which traits of your hand stay in every digit? Then look.* (In the picture above slant and
# width stayed, and the thickness of the strokes did not.)
#
# In `tinyaae lab`, at `#data=moons&mode=aae&z=1&seed=1`, play 300 rounds. One number must say on which moon a point
# lies, and where. *Predict what changes when P is told the moon.* Then play 300 rounds at
# `#data=moons&mode=supervised&z=1&seed=1`. $P$ paints both moons, and the codes of the two now overlap: z has lost
# much of the label.
#
# ## What to take with you
#
# * What the decoder is given as $y$ need not be in $z$. The prior, the same for all classes, presses it out.
# * A one-hot in front of a linear layer picks a row of $W$. Its gradient goes to that row alone.
# * Whether $z$ still holds the label is a question for a measurement, not for the eye.
