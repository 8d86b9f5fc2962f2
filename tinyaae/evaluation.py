"""How good a trained system is: test error, confusion, and the diagnostics that explain a training run.

The test set is read once, with the weights of the last epoch; whatever is chosen is chosen on validation images.
"""

import numpy as np

from .data import unit_interval


def error_rate(predicted, true):
    """Return the fraction of labels (n,) that differ."""
    return float(np.mean(predicted != true))


def confusion(predicted, true, classes):
    """Return counts (classes, classes): row = true class, column = predicted class."""
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def diagnostics(system, images, labels):
    """Return what a validation set tells about `system`, as name -> float.

    reconstruction_error: ½ Σ (x̂ − x)² per image. z_mean, z_std: over all coordinates of the codes, to compare with the
    prior. y_entropy: of the mean of q(y|x), in nats; ln k when all k outputs are used equally. dead_outputs: how many
    outputs are the most probable one for no image. validation_error: fraction classified wrong.
    """
    code = system.encode(images)
    difference = system.decode(code.z, code.y) - unit_interval(images)
    found = {
        "reconstruction_error": float(np.sum(difference * difference) / (2 * len(images))),
        "z_mean": float(np.mean(code.z)),
        "z_std": float(np.std(code.z)),
    }
    if code.y is not None:
        mean = np.mean(code.y, axis=0)
        chosen = np.argmax(code.logits, axis=1)
        found["y_entropy"] = float(-np.sum(mean * np.log(np.maximum(mean, 1e-12))))
        found["dead_outputs"] = int(np.sum(np.bincount(chosen, minlength=mean.size) == 0))
        found["validation_error"] = error_rate(chosen, labels)
    return found


def evaluate(system, images, labels):
    """Return what `result.json` reports of a test set: reconstruction_error and test_error (None without a y)."""
    found = diagnostics(system, images, labels)
    return {"test_error": found.get("validation_error"), "reconstruction_error": found["reconstruction_error"]}
