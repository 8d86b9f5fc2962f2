# %% [markdown]
# # 11. A hundred labels and fifty-five thousand images
#
# *About 150 minutes; difficulty 4 of 5.*
#
# **The one idea.** In lesson 10 the label gave the decoder the digit. Now the encoder outputs it: $Q$ has two outputs,
# $y$ (n, k), a softmax over the classes, and the style $z$. A second adversary, $D_{cat}$, compares the $y$ of images
# with *one-hot vectors*, all $k$ of them equally often. To fool it, $Q$ must choose one class for each image, and use
# all of them equally often. A handful of labels then fixes which class means which digit. Three phases on each batch:
#
# 1. **Reconstruction**: $Q$ and $P$ move so that $P(y, z)$ is like $x$;
# 2. **Regularization**: $D_{cat}$ learns to tell $y$ from one-hot vectors, $D_{gauss}$ to tell $z$ from $N(0, I)$; then
#    $Q$ moves to fool both;
# 3. **Classification** (`SemiSupervised` in the library): $Q$ moves so that the few labelled images get their label.

# %%
import os
import tempfile
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

import tinyaae
from tinyaae import Backend, build, data
from tinyaae.config import Config
from tinyaae.metrics import error_rate
from tinyaae.metrics.content import Judge, content_report
from tinyaae.networks import Code, Encoder, Network
from tinyaae.phases import SemiSupervised
from tinyaae.training import Batches, Permutations, train
from tinyaae.training.run_folder import RunFolder

SHORT = bool(os.environ.get("LESSONS_SHORT"))  # set by tests: the same lesson with less training

# %% [markdown]
# ## Exercise 11.1: two heads, and three gradients that meet
#
# $Q$'s last layer makes $h$ (n, k + d). The first $k$ columns are logits $l$, of which the softmax makes $y$ in each
# row. The other $d$ columns are $z$ as they are. Three gradients come back:
#
# * $dy$ from whoever reads probabilities: $P$ in Reconstruction, $D_{cat}$ in Generate;
# * $dz$ from whoever reads the style: $P$, and $D_{gauss}$;
# * $dl$ from the loss of the few labels, which takes logits (exercise 11.2).
#
# They all meet in $dh = \partial L/\partial h$. $dy$ has to pass the softmax, which is exercise 2.4; $dl$ is
# a gradient of the logits already. What reaches $h$ in two ways adds up.
#
# Return $y$, $z$ and $dh$. (Subtract each row's largest logit first: $y$ stays the same, and $e^l$ cannot overflow.)
#
# *What is $dh$ in the first $k$ columns where $dy$ is the same for all classes, and no label is known? And where $y$ is
# one-hot already?*


# %%
def two_heads(h, classes, dy, dlogits, dz):
    """h (n, k + d), the number k of classes, dy, dlogits (n, k), dz (n, d) -> y (n, k), z (n, d), dh (n, k + d)."""
    ### BEGIN SOLUTION
    logits, z = h[:, :classes], h[:, classes:]
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    y = e / e.sum(axis=1, keepdims=True)
    through_softmax = y * (dy - (dy * y).sum(axis=1, keepdims=True))
    return y, z, np.concatenate([through_softmax + dlogits, dz], axis=1)
    ### END SOLUTION


# %% [markdown]
# (It is 0 in both cases. Where all $dy_i$ are one number $c$, the softmax passes $y_i (c - c \sum_j y_j) = 0$. Where
# $y$ is one-hot, $y_i$ is 0, or $dy_i - \sum_j dy_j y_j$ is. No gradient of $D_{cat}$ passes a one-hot $y$ any more.)
#
# ## Exercise 11.2: the loss of the few
#
# A batch in which only some labels are known; the others are −1. Only the known rows pay, each $-\ln y_{label}$, and
# the loss is the mean **over the known rows**: dividing by all $n$ would make it fainter the fewer labels there are.
# The gradient with respect to the logits is (softmax − one-hot) over the number of known rows, and zero where nothing
# is known. The softmax is that of exercise 11.1; the loss takes logits, and softmax twice is a classic mistake.


# %%
def loss_of_known(logits, labels):
    """logits (n, k), labels (n,) with −1 for unknown, at least one known -> loss (), dlogits (n, k)."""
    ### BEGIN SOLUTION
    log_y = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)  # finite, however small y is
    known = np.flatnonzero(labels >= 0)
    target = np.zeros(logits.shape)
    target[known, labels[known]] = 1
    share = (labels >= 0)[:, None] / len(known)
    return -log_y[known, labels[known]].mean(), (np.exp(log_y) - target) * share
    ### END SOLUTION


# %% [markdown]
# ## Exercise 11.3: is y what it should be?
#
# Two entropies tell whether $D_{cat}$ is doing its work. The entropy of probabilities $p$ (k,) is
# $H(p) = -\sum_j p_j \ln p_j$.
#
# * $H$ of the **mean** of $y$ over the images: $\ln k$ if all $k$ outputs are used equally, less if some are dead;
# * the mean over the images of $H(y)$: 0 if every $y$ is one-hot, $\ln k$ if $Q$ never decides.
#
# The difference is the information, in nats, that $y$ has about the image. An exact one-hot has $p_j = 0$, where
# $0 \ln 0$ counts as 0: take `np.log(np.maximum(p, 1e-12))`.


# %%
def two_entropies(y):
    """y (n, k), rows sum to 1 -> H of the mean row (), mean of the rows' H ()."""
    ### BEGIN SOLUTION
    middle = y.mean(axis=0)
    of_mean = -np.sum(middle * np.log(np.maximum(middle, 1e-12)))
    return of_mean, -np.sum(y * np.log(np.maximum(y, 1e-12))) / len(y)
    ### END SOLUTION


if __name__ == "__main__":
    uniform, dead = np.full((4, 10), 0.1), np.eye(10)[[3, 3, 3, 3]]
    spread = np.eye(10)
    for name, y in ("never decides", uniform), ("one class for all", dead), ("as it should be", spread):
        of_mean, of_each = two_entropies(y)
        print(f"y: {name:17}: H(mean) {abs(of_mean):.2f}, mean H {abs(of_each):.2f}, ", end="")
        print(f"information {of_mean - of_each:.2f}")
    print(f"ln 10 = {np.log(10):.2f}\n")

# %% [markdown]
# ## Exercise 11.4: choose the hundred fairly
#
# The paper draws the same number of labels from each class. Given the labels of all images and a shuffled `order` of
# their numbers, take for each class the first `each` images of that class in this order. Row $c$ of the result holds
# the numbers of the images of class $c$. (All from the training set: labels drawn from the test set are a well-known
# scandal.)


# %%
def draw_evenly(labels, order, each, classes):
    """labels (n,), order (n,), a permutation of 0 … n−1, each, classes -> numbers of images (classes, each)."""
    ### BEGIN SOLUTION
    return np.stack([order[labels[order] == c][:each] for c in range(classes)])
    ### END SOLUTION


# %% [markdown]
# ## Your functions in the semi-supervised AAE
#
# `MyEncoder` is $Q$ with your two heads. `MyClassification` takes the place of the third phase: it reads the labelled
# images and the whole batch beside them, whose labels are −1. The labelled images are yours, too. $z$ has three
# numbers only: with more, a short training leaves the digit in $z$, and $P$ does not need $y$. All else is the
# library's: `build` makes the model, `train` runs the epochs, and a run folder keeps the metrics.
#
# *Predict: with 100 labels, 10 of each digit, how many of the test images are classified wrong without the first two
# phases? And with them?* (The network of the labels alone has no batch norm, because Reconstruction, which does not run
# there, updates its running averages.)


# %%
class MyEncoder(Encoder):
    """The library's Q, with `two_heads` on its last layer."""

    def forward(self, x, ctx):
        h, cache = Network.forward(self, x, ctx)
        logits, style = h[:, : self.classes], h[:, self.classes :]
        y, z, _ = two_heads(h, self.classes, 0 * logits, 0 * logits, 0 * style)
        return Code(y, z, logits, z), (cache, h)

    def backward(self, dcode, cache, gradients, want_dx=False):
        cache, h = cache
        logits, style = h[:, : self.classes], h[:, self.classes :]
        pairs = (dcode.y, logits), (dcode.logits, logits), (dcode.z, style)
        given = [0 * like if gradient is None else gradient for gradient, like in pairs]
        _, _, dh = two_heads(h, self.classes, *given)
        return Network.backward(self, dh, cache, gradients, want_dx)


class MyClassification(SemiSupervised):
    """The library's third phase, with `loss_of_known`, on labelled and unlabelled images together."""

    def forward(self, batch):
        x = np.concatenate([batch.x_labelled, batch.x])
        labels = np.concatenate([np.argmax(batch.y_labelled, axis=1), np.full(len(batch.x), -1)])
        code, q_cache = self.encoder.forward(x, self.context())
        value, dlogits = loss_of_known(code.logits, labels)
        return {"classification": value}, (q_cache, Code(logits=dlogits))

    def backward(self, cache):
        q_cache, dcode = cache
        self.gradients.zero()
        self.encoder.backward(dcode, q_cache, self.gradients)


def semi_supervised(dataset, backend, chosen, **changes):
    """Return the model with your functions inside, and batches whose labelled images are `chosen` (m,)."""
    numbers = dict(
        hidden=(200, 200), z=3, input_noise=0.3, condition_on_y=False, batch_size=100, lr_reconstruction=1e-3,
        lr_adversarial=3e-4,
    )  # fmt: skip
    config = replace(Config.of("semi-supervised", **numbers), **changes)
    model = build(config, backend)
    q = model.networks["Q"]
    q.__class__ = MyEncoder  # the same weights
    model.phases[2] = MyClassification(q, model.phases[2].optimizer, config.seed)
    batches = Batches(dataset, config, backend)
    batches.labelled = Permutations(chosen, config.seed, 12)
    if SHORT:
        batches.steps = 10
    return model, batches


if __name__ == "__main__":
    mnist, backend = data.load_mnist(), Backend.named("numpy")
    epochs = 1 if SHORT else 3
    candidates = data.split(mnist.y_train, 10, 0, seed=0).train  # the rest is for validation
    order = np.random.default_rng(0).permutation(len(candidates))
    chosen = candidates[draw_evenly(mnist.y_train[candidates], order, 10, 10)].ravel()
    print("labels of each digit:", *np.bincount(mnist.y_train[chosen]))

    alone, batches = semi_supervised(mnist, backend, chosen, batch_norm=False, head_norm=False)
    for step, batch in enumerate(batches.epoch(0)):
        alone.phases[2].step(batch)  # 100 labelled images at a time: all there are
        if step == 300:
            break
    alone_error = error_rate(alone.classify(mnist.x_test), mnist.y_test)
    print(f"the labels alone: {alone_error:.1%} of the test images wrong")

    model, batches = semi_supervised(mnist, backend, chosen, epochs=epochs)
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder.create(os.path.join(place, "run"))
        folder.write_config(model.config)
        train(model, batches, folder, quiet=True)
        for row in folder.metrics():
            print(f"  epoch {row['epoch']:.0f}: D_cat is right in {row['D_cat_accuracy']:.0%}", end=", ")
            print(f"{row['validation_error']:.1%} of the validation images wrong ({row['seconds']:.0f} s)")
        again = tinyaae.load(folder.path)  # what somebody else would do with your run
    error = error_rate(model.classify(mnist.x_test), mnist.y_test)
    print(f"with all 55 000 images, the others without labels: {error:.1%} wrong")
    same = np.mean(again.classify(mnist.x_test[:1000]) == model.classify(mnist.x_test[:1000]))
    print(f"loaded again from its folder it agrees with itself on {same:.0%} of the images")
    of_mean, of_each = two_entropies(model.encode(mnist.x_test).y.astype(float))
    print(f"y: H(mean) {of_mean:.2f}, mean H {of_each:.2f}; where D_cat is fooled they are {np.log(10):.2f} and 0")

# %% [markdown]
# ## Does y decide what P paints?
#
# The error says how well $Q$ reads $y$. It does not say whether $P$ reads it. $z$ may hold the digit, too, and then
# $P$ can take it from there and leave $y$ aside: nothing in the three phases forbids that. Four measures find out. The
# judge in them is no part of the model: it gives an image the digit of the nearest training image.
#
# * **content accuracy**: of 1000 samples $P(y_k, z)$ with $z$ from the prior, how many does the judge call $k$?
# * **exchange accuracy**: encode a test image, keep its $z$, put another $y$ in: how many become the new digit?
# * **style leak**: how often does a linear probe predict the digit from $z$ alone? (Chance is 11 %.)
# * **style spread**: how far apart are two samples of one $y$, compared with two test images of one digit? A decoder
#   with ten pictures, one a digit, would have 0.
#
# *Predict all four for your model, with its three numbers in $z$. And for fifteen numbers, which reconstruct far
# better: which of the four will fall?* The third line is fifteen again, but $D_{gauss}$ reads $y$ beside $z$
# (`condition_on_y=True`) and learns faster. Then $z$ is matched to its prior for each $y$, and holds less of the digit.

# %%
if __name__ == "__main__":
    judge = Judge(mnist.x_train[candidates], mnist.y_train[candidates])
    held_out = batches.validation
    models = {"z of 3": model}
    for name, changes in {
        "z of 15": {},
        "z of 15, judged with y": dict(condition_on_y=True, lr_adversarial=1e-3),
    }.items():
        models[name], more = semi_supervised(mnist, backend, chosen, epochs=epochs, z=15, **changes)
        with tempfile.TemporaryDirectory() as place:
            folder = RunFolder.create(os.path.join(place, "run"))
            folder.write_config(models[name].config)
            train(models[name], more, folder, quiet=True)
    print(f"{'':23} content  exchange   leak  spread   squared error")
    for name, each in models.items():
        found = content_report(each, judge, np.arange(10), held_out, (mnist.x_test, mnist.y_test))
        far = mnist.x_test[:1000] / 255 - each.reconstruct(mnist.x_test[:1000])
        row = [found[key] or 0 for key in ("content_accuracy", "exchange_accuracy", "style_leak")]
        print(f"{name:23}", *(f"{value:8.0%}" for value in row), end="")
        print(f"{found['style_spread']:8.2f} {(far * far).sum(axis=1).mean() / 2:12.1f}")
    print(f"the judge itself is right on {found['judge_accuracy']:.0%} of real images")

# %% [markdown]
# Fifteen numbers reconstruct best, but content and exchange accuracy fall, and the leak rises: the digit moved into
# $z$, and $P$ takes it from there. Three numbers give up half of the reconstruction for a $y$ that decides. Fifteen
# numbers with a $D_{gauss}$ that reads $y$ give up less of it.
#
# On the left of the picture are the two errors. In the middle, each row is one class $y$: first with the style $z = 0$,
# then with styles drawn from the prior. $Q$ has seen ten labelled images of each class. On the right are, for each
# class, the test images of which $Q$ is least sure.

# %%
if __name__ == "__main__":
    figure, axes = plt.subplots(1, 3, figsize=(15.5, 6), layout="constrained", width_ratios=[3.6, 8, 6.4])
    bars = axes[0].bar([0, 1], [alone_error, error], color=["0.6", "tab:blue"])
    axes[0].bar_label(bars, [f"{value:.1%}" for value in (alone_error, error)])
    axes[0].set(xticks=[0, 1], xticklabels=["100 labels\nalone", f"and {len(candidates):,}\nimages"],
                ylabel="share of test images classified wrong", title="What unlabelled images give")  # fmt: skip

    def show(ax, images, columns, title, x):
        rows = len(images) // columns
        page = images.reshape(rows, columns, 28, 28).swapaxes(1, 2).reshape(rows * 28, columns * 28)
        ax.imshow(page, cmap="gray_r")
        ax.set(title=title, xticks=[], yticks=28 * np.arange(rows) + 14, yticklabels=range(rows), xlabel=x, ylabel="y")
        ax.tick_params(length=0)

    styles = np.random.default_rng(1).standard_normal((10, model.config.z)).astype("float32")
    styles[0] = 0
    pages = model.decode(np.tile(styles, (10, 1)), np.repeat(np.eye(10, dtype="float32"), 10, axis=0))
    show(axes[1], pages, 10, "P(y, z): what the classes have become", "z = 0, then one column a style")

    y = model.encode(mnist.x_test).y
    said, sure = np.argmax(y, axis=1), np.max(y, axis=1)
    unsure = [np.flatnonzero(said == k)[np.argsort(sure[said == k])[:8]] for k in range(10)]
    unsure = np.array([np.resize(found, 8) if len(found) else np.zeros(8, int) for found in unsure])
    show(axes[2], mnist.x_test[unsure.ravel()] / 255, 8, "what Q is least sure of, by the class it said", "test images")
    os.makedirs("pictures", exist_ok=True)
    figure.savefig("pictures/lesson_11_semi_supervised.png", dpi=100)
    print("The picture:", os.path.abspath("pictures/lesson_11_semi_supervised.png"))

# %% [markdown]
# You should see the error fall by a large part when unlabelled images are added. Most rows of the middle picture show
# one digit in many handwritings. A column that shows one digit in every row, or a row that fades or shows another
# digit, is where $y$ does not decide, because $z$ still holds some of the digit.

# %% [markdown]
# ## Predict, then look
#
# ```sh
# tinyaae train --mode semi-supervised --out my-semi
# tinyaae explore my-semi
# ```
#
# The library's page of a run has the trained networks in it, and needs no server. Draw a digit that could be a 4 or a
# 9, and watch y. *Predict: does $y$ go from one to the other slowly, or in a jump? Then look.*
#
# In `tinyaae lab`, at `#data=ring&mode=semi-supervised&seed=1`, play 100 rounds and step SemiSupervised once: the page
# says how many y are wrong. *Predict y without any label.* Switch SemiSupervised off, start again and play 100 rounds.
# The three colours are still about equally frequent, but y is wrong for most points. $D_{cat}$ makes clusters, and
# cannot name them.
#
# ## What to take with you
#
# * Two heads share one $Q$: $D_{cat}$ makes $y$ one-hot, and a hundred labels fix which class means which digit.
# * Gradients that meet add up. A gradient of probabilities passes the softmax; a gradient of logits does not.
# * A low error does not mean that $P$ reads $y$. Measure the content of the samples, too.
