"""Measure a model on a set of images while it trains."""

import numpy as np

from ..data import unit_interval
from ..losses import entropy
from .classification import error_rate
from .clustering import names_by_most_confident


def diagnostics(model, images, labels):
    """Return name -> number for `model` on a validation set: `images` (n, d), `labels` (n,); empty without Q.

    reconstruction_error: ½ Σ (x̂ − x)², averaged over the images.
    z_mean, z_std: over all coordinates of the codes that D reads, to compare with the prior.
    y_entropy: the entropy of the mean of q(y|x), in nats; ln k when all k outputs are used equally.
    dead_outputs: the number of outputs that are the most probable for no image.
    validation_error: the fraction of images classified wrong. Where y stands for clusters, it is
    validation_cluster_error, with the clusters named on these same images; it does not exist where all `labels` are
    equal. Neither exists without labels.
    """
    if "Q" not in model.networks:
        return {}
    code = model.encode_rows(images)
    z = model.drawn(code).z
    difference = model.decode_rows(code.z, model.read_y(code, labels)) - unit_interval(images)
    found = {
        "reconstruction_error": float(np.sum(difference * difference) / (2 * len(images))),
        "z_mean": float(np.mean(z)),
        "z_std": float(np.std(z)),
    }
    if code.y is not None:
        mean = np.mean(code.y, axis=0)
        chosen = np.argmax(code.logits, axis=1)
        found["y_entropy"] = float(entropy(np, mean[None, :])[0])
        found["dead_outputs"] = int(np.sum(np.bincount(chosen, minlength=mean.size) == 0))
        known = labels >= 0  # −1: unlabelled
        distinct = len(np.unique(labels[known]))
        if distinct < (1 if model.config.y_is_class else 2):  # where all have one label, any cluster is named rightly
            return found
        y, chosen, labels = code.y[known], chosen[known], labels[known]
        if model.config.y_is_class:
            found["validation_error"] = error_rate(chosen, labels)
        else:
            found["validation_cluster_error"] = error_rate(names_by_most_confident(y, labels)[chosen], labels)
    return found
