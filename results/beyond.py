"""Beyond MNIST: scikit-learn's digits and a table, by the untuned estimators, beside other methods.

    python -m results beyond

Nothing is tuned: `AAEClassifier` and `AAEClusterer` have their defaults. Each seed splits the rows in halves, draws
which labels are shown, and is the seed of every method. The errors are written to beyond.json.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "beyond.json"
SEEDS = range(5)
TITLE = "## Beyond MNIST"
ABOUT = """\
scikit-learn's digits are 1797 images of 8 × 8 pixels, and its breast cancer table has 569 rows of 30 real numbers. Half
of the rows train and half test, split anew for each of five seeds. Ten labels of each class are shown. Nothing was
tuned on these data, with one exception: of two forms of ξ the one was kept that suits the digits (`LOG.md`). The
estimators have their defaults. The other methods have scikit-learn's, with more iterations and ten starts of k-means;
for them the table's columns are standardized. A cluster is named by the majority of its training rows. On the table the
AAE loses to logistic regression on the same labels, and without labels to k-means. Errors on the test half, mean ± s.d.
in %:"""
METHODS = {
    "AAE, few labels": "`AAEClassifier`, the shown labels and all rows",
    "label spreading, few labels": "`LabelSpreading(kernel=\"knn\")`, the same",
    "logistic regression, few labels": "`LogisticRegression`, the shown labels alone",
    "logistic regression, all labels": "`LogisticRegression`, every label of the training half",
    "AAE, no labels": "`AAEClusterer`, as many clusters as classes",
    "k-means, no labels": "`KMeans`, as many clusters as classes",
}  # fmt: skip


def run():
    """Measure every method on both data sets and all seeds, and write the errors."""
    from sklearn.datasets import load_breast_cancer, load_digits

    from tinyaae.training.run import commit

    found = {}
    for name, load, images in (("digits", load_digits, True), ("breast cancer", load_breast_cancer, False)):
        X, y = load(return_X_y=True)
        found[name] = [errors(X, y, images, seed) for seed in SEEDS]
        print(name, {method: [each[method] for each in found[name]] for method in METHODS}, flush=True)
    FILE.write_text(json.dumps({"commit": commit(), "errors": found}, indent=2) + "\n")


def errors(X, y, images, seed):
    """Return method -> test error of rows X (n, d) with labels y (n,)."""
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler
    from sklearn.semi_supervised import LabelSpreading

    from tinyaae.sklearn import AAEClassifier, AAEClusterer

    X = X / 16 if images else X
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    order = np.random.default_rng(seed).permutation(len(y))
    shown = np.concatenate([order[y[order] == label][:10] for label in np.unique(y)])
    partly = np.full(len(y), -1)
    partly[shown] = y[shown]
    scale = StandardScaler().fit(X)
    A, A_test = (X, X_test) if images else (scale.transform(X), scale.transform(X_test))
    k = len(np.unique(y))
    aae = AAEClassifier(images=images, random_state=seed).fit(X, partly)
    logistic = LogisticRegression(max_iter=10_000)
    spreading = LabelSpreading(kernel="knn", max_iter=1000).fit(A, partly)
    clusters = AAEClusterer(k, images=images, random_state=seed).fit(X)
    means = KMeans(k, random_state=seed, n_init=10).fit(A)
    predictions = {
        "AAE, few labels": aae.predict(X_test),
        "label spreading, few labels": spreading.predict(A_test),
        "logistic regression, few labels": logistic.fit(A[shown], y[shown]).predict(A_test),
        "logistic regression, all labels": logistic.fit(A, y).predict(A_test),
        "AAE, no labels": named(clusters.labels_, y, k)[clusters.predict(X_test)],
        "k-means, no labels": named(means.labels_, y, k)[means.predict(A_test)],
    }
    return {method: round(float(np.mean(found != y_test)), 5) for method, found in predictions.items()}


def named(clusters, y, k):
    """Return the most frequent label (k,) of each cluster, and that of all rows for a cluster without a row."""
    members = [y[clusters == cluster] for cluster in range(k)]
    return np.array([np.bincount(labels if len(labels) else y).argmax() for labels in members])


def lines():
    """Return the section of results/README.md."""
    if not FILE.exists():
        return []
    found = json.loads(FILE.read_text())["errors"]

    def cell(name, method):
        percent = [100 * each[method] for each in found[name]]
        return f"{np.mean(percent):.1f} ± {np.std(percent, ddof=1):.1f}"

    head = ["| method | " + " | ".join(found) + " |", "|---" * (1 + len(found)) + "|"]
    rows = [f"| {says} | " + " | ".join(cell(name, m) for name in found) + " |" for m, says in METHODS.items()]
    return ["", TITLE, "", ABOUT, "", *head, *rows]
