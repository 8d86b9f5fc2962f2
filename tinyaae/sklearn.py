"""Estimators for scikit-learn: `AAEClassifier`, `AAEClusterer` and `AAETransformer`.

Rows are those of a table, real numbers whose columns are standardized by the training rows. With `images=True` they
are pixels, and their scale is found in the training rows. `fit` writes no file, prints nothing, and trains on all rows.
A fitted estimator has the `Model` in `model_`, a row of metrics for each epoch in `history_`, and what the training
warned of in `warnings_`.

This module needs scikit-learn, `pip install -e ".[sklearn]"`, and the rest of the package does not import it.
"""

from numbers import Integral

import numpy as np

try:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        ClusterMixin,
        TransformerMixin,
    )
    from sklearn.utils import _safe_indexing, check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_array, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("tinyaae.sklearn: needs scikit-learn 1.6; run pip install -e '.[sklearn]'") from error

from .config.presets import PRESETS
from .data import from_arrays
from .errors import UserError
from .training.loop import train
from .training.run import InMemory, prepare

MEASURED = 1000  # training rows at most on which each epoch is measured


class _AAE(BaseEstimator):
    """What the three share: `fit` validates the parameters and trains a model of `_mode` in memory."""

    def _train(self, X, y=None, **flags):
        """Train on rows X (n, d) and class indices y (n,), where −1 is unlabelled."""
        step = -(-len(X) // MEASURED)
        measured = None if y is None else y[::step]
        data = from_arrays(X, y, X[:1], None, X[::step], measured, name="X", table=not self.images)
        flags |= {"seed": _seed(self.random_state), "z": self.z, "hidden": self.hidden}
        flags |= {"epochs": self.epochs, "batch_size": self.batch_size}
        flags |= {} if self.images else {"reconstruction": "gaussian"}
        if "mode" in (self.settings or {}):
            raise UserError(f"settings: {type(self).__name__} has mode {self._mode}; leave mode out")
        model, batches = prepare(self._mode, data, dtype=self.dtype, **flags | (self.settings or {}))
        kept = InMemory()
        self.warnings_ = train(model, batches, kept, quiet=True)
        self._scale = data.float_range if X.dtype.kind == "f" else data.integer_range
        self.model_, self.history_ = model, kept.metrics()
        return self

    def _rows(self, X):
        """Return rows X (n, d) as a checked array; `NotFittedError` before `fit`."""
        check_is_fitted(self)
        return validate_data(self, X, reset=False)

    def _y(self, X):
        """Return q(y|x) (n, k) of rows X (n, d)."""
        X = self._rows(X)
        return self.model_.encode(X).y


class AAEClassifier(ClassifierMixin, _AAE):
    """Classify with mode semi-supervised; rows whose y is −1 (or an empty word) are unlabelled.

    hidden: widths of the hidden layers of Q, P and D. z: dimensions of the style. images: whether X is pixels.
    settings: further numbers of the run, as in `tinyaae.train`, such as {"vat": 1.0}. dtype: "float64", or "float32",
    which is faster. random_state: the seed of the run.
    """

    _mode = "semi-supervised"

    def __init__(self, hidden=(100, 100), z=4, epochs=100, batch_size=50, images=False, settings=None,
                 dtype="float64", random_state=None):  # fmt: skip
        self.hidden, self.z, self.epochs, self.batch_size = hidden, z, epochs, batch_size
        self.images, self.settings, self.dtype, self.random_state = images, settings, dtype, random_state

    def fit(self, X, y):
        """Train on rows X (n, d) and labels y (n,), of which at least two differ; return self."""
        X, y = validate_data(self, X, y, ensure_min_samples=2)
        known = _is_labelled(y)
        check_classification_targets(y[known])
        self.classes_, index = np.unique(y[known], return_inverse=True)
        if len(self.classes_) < 2:
            hint = "-1 means unlabelled; use 0 and 1?" if not known.all() else "a classifier needs two"
            raise ValueError(f"y: {len(self.classes_)} class, expected at least 2; {hint}")
        indices = np.full(len(y), -1)
        indices[known] = index
        return self._train(X, indices)

    def predict_proba(self, X):
        """Return q(y|x) (n, k) of rows X (n, d), a column for each of `classes_`."""
        return self._y(X)

    def predict(self, X):
        """Return the most probable class (n,) of rows X (n, d)."""
        chosen = np.argmax(self.predict_proba(X), axis=1)
        return self.classes_[chosen]

    def score(self, X, y, sample_weight=None):
        """Return the accuracy on the labelled rows of X (n, d)."""
        known = np.flatnonzero(_is_labelled(np.asarray(y)))
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        return super().score(_safe_indexing(X, known), np.asarray(y)[known], weight)


class AAEClusterer(ClusterMixin, _AAE):
    """Cluster with mode clustering, into at most `n_clusters`; `labels_` (n,) numbers them by size, 0 the largest.

    Further parameters are those of `AAEClassifier`.
    """

    _mode = "clustering"

    def __init__(self, n_clusters=8, hidden=(100, 100), z=4, epochs=100, batch_size=50, images=False, settings=None,
                 dtype="float64", random_state=None):  # fmt: skip
        self.n_clusters = n_clusters
        self.hidden, self.z, self.epochs, self.batch_size = hidden, z, epochs, batch_size
        self.images, self.settings, self.dtype, self.random_state = images, settings, dtype, random_state

    def fit(self, X, y=None):
        """Train on rows X (n, d); return self."""
        X = validate_data(self, X, ensure_min_samples=2)
        k = 2 if self.n_clusters == 1 else self.n_clusters  # y has two outputs at least
        # distances between standardized rows grow with the root of their columns; with 30 it is the preset's
        distance = {} if self.images else {"vat": PRESETS["clustering-16"]["vat"] * (X.shape[1] / 30) ** 0.5}
        self._train(X, clusters=k, preset="clustering-16", **distance)
        chosen = np.argmax(self._y(X), axis=1)
        by_size = np.argsort(-np.bincount(chosen, minlength=k), kind="stable")
        self._number = np.minimum(np.argsort(by_size), self.n_clusters - 1)  # output of y -> cluster
        self.labels_ = self._number[chosen]
        return self

    def predict(self, X):
        """Return the cluster (n,) of rows X (n, d)."""
        chosen = np.argmax(self._y(X), axis=1)
        return self._number[chosen]


class AAETransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _AAE):
    """Encode rows as codes that follow a prior, with mode aae.

    by: what `score_samples` measures: "reconstruction", "discriminator" or "density" (see `Model.score`). Further
    parameters are those of `AAEClassifier`.
    """

    _mode = "aae"

    def __init__(self, z=2, hidden=(100, 100), epochs=100, batch_size=50, by="reconstruction", images=False,
                 settings=None, dtype="float64", random_state=None):  # fmt: skip
        self.z, self.hidden, self.epochs, self.batch_size, self.by = z, hidden, epochs, batch_size, by
        self.images, self.settings, self.dtype, self.random_state = images, settings, dtype, random_state

    def fit(self, X, y=None):
        """Train on rows X (n, d); return self."""
        return self._train(validate_data(self, X, ensure_min_samples=2))

    def transform(self, X):
        """Return the codes (n, z) of rows X (n, d), in their floating-point type."""
        X = self._rows(X)
        return self.model_.encode(X).z.astype(X.dtype if X.dtype.kind == "f" else np.float64)

    def inverse_transform(self, X):
        """Return rows (n, d) in the units of the training rows, for codes X (n, z)."""
        check_is_fitted(self)
        return self._raw(self.model_.decode(check_array(X)))

    def sample(self, n_samples=1, random_state=None):
        """Return rows (n_samples, d) from the prior, in the units of the training rows."""
        check_is_fitted(self)
        return self._raw(self.model_.sample(n_samples, seed=_seed(random_state)))

    def score_samples(self, X):
        """Return a number (n,) for each row of X (n, d): the larger, the more it should be like the training rows."""
        X = self._rows(X)
        return self.model_.score(X, self.by)

    def score(self, X, y=None):
        """Return the mean of `score_samples`."""
        return float(np.mean(self.score_samples(X)))

    @property
    def _n_features_out(self):
        return self.model_.config.z

    def _raw(self, rows):
        return rows if self.model_.config.is_table else rows * self._scale


def _seed(random_state):
    """Return a whole number as it is, and for anything else that scikit-learn takes a draw from it."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _is_labelled(y):
    """Return which labels (n,) are neither −1 nor an empty word."""
    return np.array([label not in (-1, "") for label in y.tolist()], bool)
