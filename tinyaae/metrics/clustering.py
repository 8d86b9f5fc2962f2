"""Measure how good clusters are (section 6 of the paper): named by labels, or as a partition of the images."""

import numpy as np

from ..losses import entropy
from .classification import contingency, error_rate, label_report


def names_by_most_confident(y, labels):
    """Return a label (k,) for each cluster, the paper's way: that of the image with the highest q(y_i|x), y (n, k)."""
    return labels[np.argmax(y, axis=0)]


def majority_names(chosen, labels, k):
    """Return a label (k,) for each cluster: the most frequent one among its images; −1 for an empty cluster."""
    counts = contingency(chosen, labels, k, int(np.max(labels)) + 1)
    return np.where(np.sum(counts, axis=1) > 0, np.argmax(counts, axis=1), -1)


def one_to_one_names(chosen, labels, k):
    """Return a label (k,) for each cluster: a label names one cluster at most, most images are right; −1: none."""
    counts = contingency(chosen, labels, k, int(np.max(labels)) + 1)
    names = np.full(k, -1)
    for cluster, label in enumerate(best_assignment(counts)):
        if label >= 0 and counts[cluster, label] > 0:  # the assignment gives an empty cluster any free label
            names[cluster] = label
    return names


def best_assignment(gain):
    """Return a different column, or −1, for each row of gain (r, c), with the largest sum of the chosen entries.

    The Hungarian method (Kuhn 1955) in its O(n³) form. It adds the rows one by one, each along the shortest augmenting
    path. Potentials keep all reduced costs ≥ 0.
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
    joint = counts / np.sum(counts)
    a, b = np.sum(joint, axis=1), np.sum(joint, axis=0)
    h_a, h_b, h_ab = [entropy(np, each.reshape(1, -1))[0] for each in (a, b, joint)]
    information, mean = h_a + h_b - h_ab, (h_a + h_b) / 2
    return float(information / mean) if mean > 0 else 1.0


def adjusted_rand_index(counts):
    """Return the adjusted Rand index of a contingency table (r, c): 1 for equal partitions, 0 on average by chance.

    It counts pairs of images that are together in both partitions, less the number expected by chance (Hubert and
    Arabie 1985).
    """
    counts = counts.astype(np.float64)
    pairs = lambda x: np.sum(x * (x - 1)) / 2  # noqa: E731
    both, a, b = pairs(counts), pairs(np.sum(counts, axis=1)), pairs(np.sum(counts, axis=0))
    chance = a * b / max(pairs(np.sum(counts)), 1.0)  # one image has no pair; both partitions are equal
    most = (a + b) / 2
    return float((both - chance) / (most - chance)) if most != chance else 1.0


def cluster_report(y_validation, labels_validation, y_test, labels_test):
    """Return the cluster errors of y_test (n, k) with clusters named on the validation set, and NMI and ARI.

    cluster_error, cluster_names and per_label follow the paper's protocol; per_label also lists the clusters of each
    label. cluster_error_majority names a cluster by its most frequent label. cluster_error_one_to_one names clusters by
    the best one-to-one assignment. Errors are fractions in [0, 1].
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
