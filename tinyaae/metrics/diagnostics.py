"""What a set of images says about a model while it trains."""

import numpy as np

from ..data import unit_interval
from ..losses import entropy
from .classification import error_rate
from .clustering import names_by_most_confident


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
        found["y_entropy"] = float(entropy(np, mean[None, :])[0])
        found["dead_outputs"] = int(np.sum(np.bincount(chosen, minlength=mean.size) == 0))
        if np.all(labels == labels[0]):  # data without labels have one value for all; any answer would be right
            return found
        if model.config.y_is_class:
            found["validation_error"] = error_rate(chosen, labels)
        else:
            found["validation_cluster_error"] = error_rate(names_by_most_confident(code.y, labels)[chosen], labels)
    return found
