"""What there is to see: from a model and its data to the arrays that pictures show. Nothing here draws.

A `Subject` is what all pictures of a run are made of. The functions that draw from the prior, choose images or find a
plane to look at codes in serve several pictures; those after them return the numbers of one chart each.
"""

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..backend import Context
from ..errors import UserError
from ..metrics import contingency, error_rate
from ..metrics.own import own_values
from ..networks import one_hot
from ..training.collapse import chance_of
from ..training.loop import VALIDATION

MOST_ROWS, MOST_POINTS = 20, 2000


class Subject:
    """What pictures show: a model, its data, the entries of result.json and the rows of metrics.csv.

    `name` is the run's and `epoch` says in words how long the model was trained, where that is known.
    """

    def __init__(self, model, dataset, result=None, metrics=(), name="", epoch=""):
        self.model, self.dataset, self.config = model, dataset, model.config
        self.result, self.metrics = result or {}, metrics
        self.name, self.epoch = name, epoch

    @classmethod
    def of_run(cls, model, dataset, folder, found=None):
        """Return the subject of a run's pictures; `folder` is where its model was saved or restored from.

        `found` is what `evaluate` reported. Without it, and for a model of the run's end, it is what result.json says.
        """
        done, metrics, epoch, epochs = folder.saved, folder.metrics(), "", model.config.epochs
        if done:
            metrics, epoch = metrics[: done.epoch], done.in_words(epochs)  # a run that was stopped may have more rows
            found = found or (folder.result() if done.epoch == epochs else None)
        return cls(model, dataset, found, metrics, folder.path.resolve().name, epoch)

    @property
    def run(self):
        """Name the run, its mode and its prior, on one line."""
        prior = f", {self.config.prior} prior" if self.model.has_prior else ""
        return (f"{self.name}: " if self.name else "") + self.config.mode + prior

    @property
    def run_and_epoch(self):
        """Name the run, and say at which of its epochs it is shown."""
        return self.run + (f", {self.epoch}" if self.epoch else "")

    @cached_property
    def code(self):
        """The `Code` of all test images, as D saw it."""
        return self.model.drawn(self.model.encode_rows(self.dataset.x_test))

    @property
    def names(self):
        """The labels of the data, by index."""
        return self.dataset.names or tuple(range(self.dataset.classes))

    def label(self, k):
        """Return the name of label k as a text, "" for an image without one."""
        return str(self.names[k]) if k >= 0 else ""

    @cached_property
    def labelled(self):
        """Which test images (n,) have a label."""
        return self.dataset.y_test >= 0


def examples(labels, each):
    """Return the indices (k, each) of images of each class among `labels` (n,), the first 20 classes at most.

    Where no image has a label they are ten groups, in the order of the images.
    """
    known = [k for k in np.unique(labels) if k >= 0]
    found = [np.flatnonzero(labels == k) for k in known[:MOST_ROWS]]
    found = found or [group for group in np.array_split(np.arange(len(labels)), 10) if len(group)]
    return np.stack([where[np.arange(each) % len(where)] for where in found])


def shown(n, things, word):
    """Return a sentence that says so where only `n` of `things` are shown."""
    return f" The first {n} of {things} {word}." if n < things else ""


def from_prior(model, n, labels=None):
    """Return z (n, d) from the prior; `labels` (n,) choose its modes where D reads labels in training."""
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
    part = np.pad(singular**2 / max(np.sum(singular**2), 1e-12), (0, 1))  # one coordinate has no second component
    directions = np.pad(directions, ((0, 1), (0, 0)))[:2]
    first, second = [f"principal component: {each:.0%} of the codes' variance" for each in part[:2]]
    return (lambda x: (x - mean) @ directions.T), (f"1st {first}", f"2nd {second}")


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


# The numbers of charts ------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A curve of metrics.csv: its `name` and `values`, a number an epoch; `second` of a pair, `dashed`."""

    name: str
    values: list
    second: bool
    dashed: bool


class Panel(NamedTuple):
    """Some `lines` over the epochs, a `reference` (height, name) or None, and the scale of the values."""

    title: str
    lines: list
    reference: tuple | None
    scale: str


CURVES = [  # title, column of metrics.csv -> its name, a dotted line (of a model: where, its name), scale
    ("Reconstruction error ½ Σ (x̂ − x)²",
     {"half_squared_error": "training", "reconstruction_error": "validation"}, None, "linear"),
    ("Cross-entropy of the pixels", {"cross_entropy": "training"}, None, "linear"),
    ("KL(q(z|x) ‖ p(z))", {"kl": "training"}, None, "linear"),
    ("Adversarial losses",
     {"D_gauss": "D_gauss", "G_gauss": "Q against D_gauss", "D_cat": "D_cat", "G_cat": "Q against D_cat",
      "D_image": "D_image", "G_image": "P against D_image"},
     lambda model: (chance_of(model), f"{chance_of(model):.3f}: D is constant"), "linear"),
    ("Accuracy of D",
     {"D_gauss_accuracy": "D_gauss", "D_cat_accuracy": "D_cat", "D_image_accuracy": "D_image"},
     lambda model: (0.5, "50 %: chance"), "percent"),
    ("Cluster heads closer than η", {"head_distance": "Σ max(0, η − distance)"}, None, "linear"),
    ("Latent noise: reconstruction from z + noise", {"latent_noise": "training"}, None, "linear"),
    ("Information maximization: λ·(H(y|x) − 4·H(y))", {"information_maximization": "training"}, None, "linear"),
    ("VAT: cross-entropy of y at x + r", {"vat": "training"}, None, "linear"),
    ("Cross-entropy of the labels (log scale)", {"classification": "training"}, None, "log"),
    ("Error rate",
     {"validation_error": "validation", "validation_cluster_error": "validation, named on it"}, None, "percent"),
]  # fmt: skip


def learning_curves(subject):
    """Return the `Panel`s of the columns that metrics.csv has: the losses of each phase, and validation."""
    rows, panels = subject.metrics, []
    own = [(name, {name: "training"}, None, "linear") for name in own_values(rows[0])] if rows else []
    for title, names, reference, scale in [*CURVES, *own]:
        lines = []
        for column in [column for column in names if rows and column in rows[0]]:
            values = [max(row[column], 1e-9) if scale == "log" else row[column] for row in rows]
            second = "_cat" in column or column in VALIDATION
            lines.append(Line(names[column], values, second, column.startswith("G_")))
        if lines:
            dotted = reference and reference(subject.model)
            panels.append(Panel(title, lines, dotted if dotted and math.isfinite(dotted[0]) else None, scale))
    return panels


class Confusion(NamedTuple):
    """`counts` (classes, k) of test images by true class, called `rows`, and by argmax q(y|x), called `columns` (k,).

    `error` is the test error, or the cluster error where y stands for `clusters` and it was measured, else None.
    """

    counts: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    clusters: bool
    error: float | None


def confusion(subject):
    """Return the `Confusion` of the test images; clusters stand in the order of the class that most images have."""
    known, k = subject.labelled, subject.config.y_dim
    true, chosen = subject.dataset.y_test[known], np.argmax(subject.code.logits, axis=1)[known]
    counts, names = contingency(true, chosen, subject.dataset.classes, k), np.array(subject.names).astype(str)
    if subject.config.y_is_class:
        return Confusion(counts, names, names, False, error_rate(chosen, true))
    order = np.argsort(np.argmax(counts, axis=0), kind="stable")
    return Confusion(counts[:, order], names, order, True, subject.result.get("cluster_error"))


class Confidence(NamedTuple):
    """The `probability` (n,) of the y, one of `k`, that each test image gets, and whether it is `right` (n,).

    `right` is None where y stands for clusters.
    """

    probability: np.ndarray
    right: np.ndarray | None
    k: int


def confidence(subject):
    """Return the `Confidence` of q(y|x) on the test images."""
    y, right = subject.code.y, None
    if subject.config.y_is_class:
        y = y[subject.labelled]
        right = np.argmax(y, axis=1) == subject.dataset.y_test[subject.labelled]
    return Confidence(np.max(y, axis=1), right, y.shape[1])


class Histogram(NamedTuple):
    """Densities between `edges` (b + 1,) of all coordinates of `codes` (b,), of some alone (few, b), of the prior."""

    edges: np.ndarray
    codes: np.ndarray
    alone: np.ndarray
    prior: np.ndarray | None
    d: int


def z_histogram(subject):
    """Return the `Histogram` of the values of z; it has no prior where the model has none."""
    model = subject.model
    z = subject.code.z.astype(float)
    drawn = from_prior(model, 20000, np.arange(20000) % max(1, model.config.classes)) if model.has_prior else z
    low, high = [mix(np.quantile(z, q), np.quantile(drawn, q)) for mix, q in ((min, 0.002), (max, 0.998))]
    edges = np.linspace(low - 1e-6, high + 1e-6, 61)
    density = lambda values: np.histogram(values, edges)[0] / (values.size * (edges[1] - edges[0]))  # noqa: E731
    alone = np.stack([density(coordinate) for coordinate in z.T[:50]])
    return Histogram(edges, density(z), alone, density(drawn) if model.has_prior else None, z.shape[1])


def columns(subject):
    """Return for each column of a table the mean of (x̂ − x)² over the test rows (d,): 1 is as bad as the mean of x."""
    code = subject.model.encode_rows(subject.dataset.x_test)
    decoded = subject.model.decode_rows(code.z, subject.model.read_y(code, subject.dataset.y_test))
    return np.mean((decoded - subject.dataset.x_test) ** 2, axis=0)


class Search(NamedTuple):
    """A search of the Parzen windows' width: a name, the widths tried, and the mean of ln p(x) with each."""

    name: str
    sigmas: np.ndarray
    values: np.ndarray


def sigma_curve(subject):
    """Return the `Search`es that result.json has, one for each number of samples that has been tried."""
    found, searches = subject.result, []
    for end in [name.removeprefix("parzen_curve") for name in found if name.startswith("parzen_curve")]:
        sigmas, values = np.array(found[f"parzen_curve{end}"]).T
        samples = "samples resampled by D" if end.endswith("_resampled") else "samples"
        name = f"{found[f'parzen_searched{end}']:,} {samples}: σ = {sigmas[np.argmax(values)]:.3f}"
        searches.append(Search(name.replace(",", " "), sigmas, values))
    return searches


def matching(subject):
    """Return precision and recall of each label, as `evaluate` reported them."""
    return subject.result["per_label"]
