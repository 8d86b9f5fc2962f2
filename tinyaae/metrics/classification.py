"""Measure how often labels are right: error rate, confusion counts, precision and recall."""

import numpy as np


def error_rate(predicted, true):
    """Return the fraction of labels (n,) that differ."""
    return float(np.mean(predicted != true))


def auc(score, positive):
    """Return the area under the ROC curve: how often a positive row (n,) has a larger score (n,) than another one.

    Equal scores count half. It is the statistic of Mann and Whitney (1947) as a fraction of all pairs. Raises
    `ValueError` where all rows are of one kind.
    """
    score, positive = np.asarray(score), np.asarray(positive, bool)
    n, m = int(np.sum(positive)), int(np.sum(~positive))
    if not n or not m:
        raise ValueError("auc: all rows are of one kind")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2  # of each distinct score, the mean rank of its rows
    return float((np.sum(rank[inverse][positive]) - n * (n + 1) / 2) / (n * m))


def confusion(predicted, true, classes):
    """Return counts (classes, classes): row = true class, column = predicted class."""
    return contingency(true, predicted, classes, classes)


def contingency(a, b, rows, columns):
    """Return counts (rows, columns) of the pairs (a, b) of labels (n,), (n,)."""
    return np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns)


def label_report(given, true, classes):
    """Return a dict {"label", "images", "given", "precision", "recall"} for each label; `given` and `true` are (n,).

    A given label of −1 means "no label". precision: of the images given the label, the share that have it. recall: of
    the images that have the label, the share given it. Both are None where there are no such images.
    """
    counts = contingency(true, np.maximum(given, 0) + (given < 0) * classes, classes, classes + 1)  # −1: no label
    report = []
    for label in range(classes):
        images, got, right = int(np.sum(counts[label])), int(np.sum(counts[:, label])), int(counts[label, label])
        precision, recall = right / got if got else None, right / images if images else None
        report.append({"label": label, "images": images, "given": got, "precision": precision, "recall": recall})
    return report
