"""How good a trained model is: classification, clustering and likelihood, and the diagnostics that explain a run.

The test set is read once, with the weights of the last epoch; whatever is chosen (a cluster's name, the width of
a Parzen window) is chosen on validation images.
"""

import numpy as np

from ..data import unit_interval
from .content import content_report, judge_for
from .likelihood import likelihood

CANDIDATES = 32  # draws of which D_gauss picks one; with 8 or 128 the likelihood was the same, with 4 a little less


def diagnostics(model, images, labels):
    """Return what a validation set tells about `model`, as name -> float.

    reconstruction_error: ½ Σ (x̂ − x)² per image. z_mean, z_std: over all coordinates of the codes, as D saw them, to
    compare with the prior. y_entropy: of the mean of q(y|x), in nats; ln k when all k outputs are used equally.
    dead_outputs: how many outputs are the most probable one for no image. validation_error: fraction classified wrong,
    or, where y stands for clusters, `validation_cluster_error` with the clusters named on these same images; neither
    where all `labels` are the same.
    """
    if "Q" not in model.networks:
        return {}
    code = model.encode(images)
    z = model.drawn(code).z
    difference = model.decode(code.z, model.read_y(code, labels)) - unit_interval(images)
    found = {
        "reconstruction_error": float(np.sum(difference * difference) / (2 * len(images))),
        "z_mean": float(np.mean(z)),
        "z_std": float(np.std(z)),
    }
    if code.y is not None:
        mean = np.mean(code.y, axis=0)
        chosen = np.argmax(code.logits, axis=1)
        found["y_entropy"] = float(-np.sum(mean * np.log(np.maximum(mean, 1e-12))))
        found["dead_outputs"] = int(np.sum(np.bincount(chosen, minlength=mean.size) == 0))
        if np.all(labels == labels[0]):  # data without labels have one value for all; any answer would be right
            return found
        if model.config.y_is_class:
            found["validation_error"] = error_rate(chosen, labels)
        else:
            found["validation_cluster_error"] = error_rate(names_by_most_confident(code.y, labels)[chosen], labels)
    return found


def evaluate(model, dataset, validation, likelihoods=True):
    """Return what `result.json` reports of the test set; `validation` = images (n, d), labels (n,) chooses.

    `test_error` is None where y does not stand for classes. Where P reads a y, the entries of `content_report` say
    whether it decides what is painted. The likelihood is that of draws from the prior and, where there is a D_gauss to
    do so, of resampled ones; it is left out unless `likelihoods`.
    """
    images, labels = dataset.x_test, dataset.y_test
    found = diagnostics(model, images, labels)
    result = {"test_error": found.get("validation_error"), "reconstruction_error": found.get("reconstruction_error")}
    if model.config.y_is_class:
        result["per_label"] = label_report(model.classify(images), labels, dataset.classes)
    elif model.config.y_dim:
        result |= cluster_report(model.encode(validation[0]).y, validation[1], model.encode(images).y, labels)
    if model.config.decoder_y_dim:
        names = np.array(result.get("cluster_names", range(model.config.decoder_y_dim)))
        judge = judge_for(dataset, model.config)
        result |= content_report(model, judge, names, validation, (images, labels))
    if likelihoods and model.has_joint_prior:
        result |= likelihood(model, images, validation[0], 10_000)
        if model.can_resample:
            result |= likelihood(model, images, validation[0], 10_000, candidates=CANDIDATES)
    return result


# Classification ------------------------------------------------------------------------------------------------------


def error_rate(predicted, true):
    """Return the fraction of labels (n,) that differ."""
    return float(np.mean(predicted != true))


def confusion(predicted, true, classes):
    """Return counts (classes, classes): row = true class, column = predicted class."""
    return contingency(true, predicted, classes, classes)


def contingency(a, b, rows, columns):
    """Return counts (rows, columns) of the pairs (a, b) of labels (n,), (n,)."""
    return np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns)


def label_report(given, true, classes):
    """Return for each label {"label", "images", "given", "precision", "recall"}, from labels (n,) given and true.

    precision: of the images that were given it, the share that have it; recall: of those that have it, the share that
    were given it; None where there are none.
    """
    counts = contingency(true, np.maximum(given, 0) + (given < 0) * classes, classes, classes + 1)  # −1: no label
    report = []
    for label in range(classes):
        images, got, right = int(np.sum(counts[label])), int(np.sum(counts[:, label])), int(counts[label, label])
        precision, recall = right / got if got else None, right / images if images else None
        report.append({"label": label, "images": images, "given": got, "precision": precision, "recall": recall})
    return report


# Clustering (section 6) ----------------------------------------------------------------------------------------------


def names_by_most_confident(y, labels):
    """Return a label (k,) for each cluster, the paper's way: that of the image with the highest q(y_i|x): (n, k)."""
    return labels[np.argmax(y, axis=0)]


def majority_names(chosen, labels, k):
    """Return a label (k,) for each cluster: the most frequent one among its images; −1 for an empty cluster."""
    counts = contingency(chosen, labels, k, int(np.max(labels)) + 1)
    return np.where(np.sum(counts, axis=1) > 0, np.argmax(counts, axis=1), -1)


def one_to_one_names(chosen, labels, k):
    """Return a label (k,) for each cluster so that each label names one cluster and most images are right; else −1."""
    counts = contingency(chosen, labels, k, int(np.max(labels)) + 1)
    names = np.full(k, -1)
    for cluster, label in enumerate(best_assignment(counts)):
        if label >= 0 and counts[cluster, label] > 0:  # an empty cluster is given any label that is left
            names[cluster] = label
    return names


def best_assignment(gain):
    """Return for each row of gain (r, c) a column of its own, or −1, so that the sum of what is chosen is largest.

    The Hungarian method (Kuhn 1955) in its O(n³) form: rows are added one by one, each along the shortest augmenting
    path under potentials that keep all reduced costs ≥ 0.
    """
    n = max(gain.shape)
    cost = np.zeros((n + 1, n + 1))  # row and column 0 stand for "none yet"
    cost[1 : gain.shape[0] + 1, 1 : gain.shape[1] + 1] = -gain
    u, v, row_of = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1, int)
    for row in range(1, n + 1):
        row_of[0], column = row, 0
        least, before, done = np.full(n + 1, np.inf), np.zeros(n + 1, int), np.zeros(n + 1, bool)
        while row_of[column]:
            done[column] = True
            reduced = cost[row_of[column]] - u[row_of[column]] - v
            shorter = ~done & (reduced < least)
            least[shorter], before[shorter] = reduced[shorter], column
            nearest = int(np.argmin(np.where(done, np.inf, least)))
            step = least[nearest]
            u[row_of[done]] += step
            v[done] -= step
            least[~done] -= step
            column = nearest
        while column:  # shift every row on the path by one column
            row_of[column] = row_of[before[column]]
            column = before[column]
    columns = np.zeros(n + 1, int)
    columns[row_of] = np.arange(n + 1)
    chosen = columns[1 : gain.shape[0] + 1] - 1
    return np.where(chosen < gain.shape[1], chosen, -1)


def normalized_mutual_information(counts):
    """Return I(a; b) / mean(H(a), H(b)) from a contingency table (r, c): 1 for equal partitions, 0 for independent."""
    p = counts / np.sum(counts)
    a, b = np.sum(p, axis=1), np.sum(p, axis=0)
    information = _entropy(a) + _entropy(b) - _entropy(p.ravel())
    mean = (_entropy(a) + _entropy(b)) / 2
    return float(information / mean) if mean > 0 else 1.0


def _entropy(p):
    p = p[p > 0]
    return -np.sum(p * np.log(p))


def adjusted_rand_index(counts):
    """Return the adjusted Rand index of a contingency table (r, c): 1 for equal partitions, 0 on average by chance.

    Pairs of images that are together in both partitions, less what chance would give (Hubert and Arabie 1985).
    """
    counts = counts.astype(np.float64)
    pairs = lambda x: np.sum(x * (x - 1)) / 2  # noqa: E731
    both, a, b = pairs(counts), pairs(np.sum(counts, axis=1)), pairs(np.sum(counts, axis=0))
    chance = a * b / max(pairs(np.sum(counts)), 1.0)  # one image makes no pair, and both partitions are equal
    most = (a + b) / 2
    return float((both - chance) / (most - chance)) if most != chance else 1.0


def cluster_report(y_validation, labels_validation, y_test, labels_test):
    """Return the cluster errors of y_test (n, k) with clusters named on the validation set, and NMI and ARI.

    cluster_error is the paper's protocol; the others are named by majority and by the best one-to-one assignment.
    cluster_names and per_label (with the clusters of each label, and how good they are) are the paper's protocol, too.
    """
    k = y_test.shape[1]
    chosen = np.argmax(y_validation, axis=1)
    clusters = np.argmax(y_test, axis=1)
    counts = contingency(labels_test, clusters, int(np.max(labels_test)) + 1, k)
    one_to_one = one_to_one_names(chosen, labels_validation, k)
    names = names_by_most_confident(y_validation, labels_validation)
    per_label = label_report(names[clusters], labels_test, max(int(np.max(names)), int(np.max(labels_test))) + 1)
    for row in per_label:
        row["clusters"] = np.flatnonzero(names == row["label"]).tolist()
    return {
        "cluster_error": error_rate(names[clusters], labels_test),
        "cluster_error_majority": error_rate(majority_names(chosen, labels_validation, k)[clusters], labels_test),
        "cluster_error_one_to_one": error_rate(one_to_one[clusters], labels_test),
        "clusters_used": int(np.sum(np.bincount(clusters, minlength=k) > 0)),
        "nmi": normalized_mutual_information(counts),
        "ari": adjusted_rand_index(counts),
        "cluster_names": names.tolist(),
        "per_label": per_label,
    }
