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
