"""What there is to see: from a model and its data to the arrays that pictures show.

Everything that several pictures share is here: which images to show, draws of the prior, a plane to look at codes in.
"""

import numpy as np
from matplotlib import colormaps

from ..backend import Context
from ..errors import UserError
from ..networks import one_hot

MOST_ROWS, MOST_POINTS = 20, 2000


def examples(labels, each):
    """Return the indices (k, each) of images of each class among `labels` (n,), the first 20 classes at most."""
    found = [np.flatnonzero(labels == k) for k in np.unique(labels)[:MOST_ROWS]]
    return np.stack([where[np.arange(each) % len(where)] for where in found])


def shown(n, things, word):
    """Return a sentence that says so where only `n` of `things` are shown."""
    return f" The first {n} of {things} {word}." if n < things else ""


def from_prior(model, n, labels=None):
    """Return z (n, d) from the prior; `labels` (n,) choose its modes where training told D the labels."""
    if labels is not None and model.config.label_to == "prior":
        labels = model.backend.array(one_hot(labels, model.prior.modes + 1))
    else:
        labels = None
    return model.backend.to_numpy(model.prior.sample(n, Context(model.backend, stream="figures"), labels))


def decode(model, z, labels):
    """Return images (n, d) of z (n, z) and, where P reads a y, the one-hot of `labels` (n,)."""
    k = model.config.decoder_y_dim
    return model.decode_rows(z, one_hot(labels, k) if k else None)


def style_grid(model, rows, columns):
    """Return z (rows·columns, d), the same down each column, and labels (rows·columns,), the same along each row."""
    return np.tile(from_prior(model, columns), (rows, 1)), np.repeat(np.arange(rows), columns)


def plane(z):
    """Return a map from points (n, d) to (n, 2) made for z, and the names of the two axes."""
    if z.shape[1] == 2:
        return (lambda x: x), ("first coordinate", "second coordinate")
    mean = np.mean(z, axis=0)
    _, singular, directions = np.linalg.svd(z - mean, full_matrices=False)
    share = np.pad(singular**2 / max(np.sum(singular**2), 1e-12), (0, 1))  # one coordinate has no second component
    directions = np.pad(directions, ((0, 1), (0, 0)))[:2]
    names = [f"{word} principal component, {share[k]:.0%} of the variance" for k, word in enumerate(("1st", "2nd"))]
    return (lambda x: (x - mean) @ directions.T), names


def prior_contours(prior, drawn):
    """Return x, y, p(z), levels for lines that hold 99, 90 and 50 % of a prior in the plane; None without density."""
    try:
        levels = np.quantile(prior.log_density(np, drawn), [0.01, 0.1, 0.5])
    except UserError:  # this prior can only be sampled
        return None
    reach = np.linspace(np.min(drawn) - 1, np.max(drawn) + 1, 201)
    x, y = np.meshgrid(reach, reach)
    p = np.exp(prior.log_density(np, np.stack([x.ravel(), y.ravel()], axis=1))).reshape(x.shape)
    return x, y, p, np.unique(np.exp(levels) * 0.999)  # 0.999: a flat density has no line at its very height


def palette(classes):
    """Return a colour (classes, 4) for each class."""
    places = np.arange(10) if classes <= 10 else np.linspace(0.05, 0.95, classes)
    return colormaps["tab10" if classes <= 10 else "turbo"](places)[:classes]
