"""Measure how good a trained model is on the test set: classification, clustering, content and likelihood.

The test set is read once, with the weights of the last epoch. Whatever is chosen, such as a cluster's name or the width
of a Parzen window, is chosen on validation images.
"""

import numpy as np

from .classification import label_report
from .clustering import cluster_report
from .content import content_report, judge_for
from .diagnostics import diagnostics
from .likelihood import likelihood

CANDIDATES = 32  # draws from the prior for one resampled z


def evaluate(model, dataset, validation, likelihoods=True):
    """Return the entries of `result.json` about the test set; `validation` is a pair of images (n, d) and labels (n,).

    `test_error` is None where y does not stand for classes. Where P reads a y, the entries of `content_report` measure
    whether y decides what P decodes. With `likelihoods` there is the likelihood of samples from the prior and, with a
    D_gauss, of resampled ones.
    """
    images, labels = dataset.x_test, dataset.y_test
    found = diagnostics(model, images, labels)
    result = {"test_error": found.get("validation_error"), "reconstruction_error": found.get("reconstruction_error")}
    if dataset.held_out:
        result["test_set"] = "held out of the training file"
    (x_validation, y_validation), known = [with_labels(*pair) for pair in (validation, (images, labels))]
    has_labels = len(np.unique(known[1])) > 1 and len(y_validation) > 0
    names = np.arange(model.config.decoder_y_dim)
    if model.config.y_is_class and has_labels:
        chosen = np.argmax(model.encode_rows(known[0]).logits, axis=1)
        result["per_label"] = label_report(chosen, known[1], dataset.classes)
    elif model.config.y_dim and has_labels:
        y_known = model.encode_rows(known[0]).y
        result |= cluster_report(model.encode_rows(x_validation).y, y_validation, y_known, known[1])
        names = np.array(result["cluster_names"])
    if model.config.decoder_y_dim and has_labels:
        judge = judge_for(dataset, model.config)
        result |= content_report(model, judge, names, (x_validation, y_validation), known)
    if dataset.names:
        label_of = dict(enumerate(dataset.names))
        for row in result.get("per_label", []):
            row["label"] = label_of[row["label"]]
        if "cluster_names" in result:
            result["cluster_names"] = [label_of[k] for k in result["cluster_names"]]
    if likelihoods and model.has_joint_prior:
        result |= likelihood(model, images, validation[0], 10_000)
        if model.can_resample:
            result |= likelihood(model, images, validation[0], 10_000, candidates=CANDIDATES)
    return result


def with_labels(images, labels):
    """Return the images (n, d) and labels (n,) without those that are unlabelled (−1)."""
    known = labels >= 0
    return (images, labels) if np.all(known) else (images[known], labels[known])
