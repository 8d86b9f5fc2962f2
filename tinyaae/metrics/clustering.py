"""How good clusters are (section 6 of the paper): named by a label each, or compared with the classes as partitions."""

import numpy as np

from ..losses import entropy
from .classification import contingency, error_rate, label_report


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
    h_a, h_b, h_ab = [entropy(np, each.reshape(1, -1))[0] for each in (a, b, p)]
    information, mean = h_a + h_b - h_ab, (h_a + h_b) / 2
    return float(information / mean) if mean > 0 else 1.0


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
