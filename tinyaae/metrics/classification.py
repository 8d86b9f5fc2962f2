"""How often labels are right: the error rate, counts of pairs of labels, precision and recall."""

import numpy as np


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
