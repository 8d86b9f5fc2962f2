"""How good a trained system is: classification, clustering and likelihood, and the diagnostics that explain a run.

The test set is read once, with the weights of the last epoch; whatever is chosen (a cluster's name, the width of
a Parzen window) is chosen on validation images.
"""

import math

import numpy as np

from .data import unit_interval


def diagnostics(system, images, labels):
    """Return what a validation set tells about `system`, as name -> float.

    reconstruction_error: ½ Σ (x̂ − x)² per image. z_mean, z_std: over all coordinates of the codes, to compare with the
    prior. y_entropy: of the mean of q(y|x), in nats; ln k when all k outputs are used equally. dead_outputs: how many
    outputs are the most probable one for no image. validation_error: fraction classified wrong, or, where y stands
    for clusters, `validation_cluster_error` with the clusters named on these same images.
    """
    if "Q" not in system.networks:
        return {}
    code = system.encode(images)
    difference = system.decode(code.z, system.read_y(code, labels)) - unit_interval(images)
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
        if system.config.y_is_class:
            found["validation_error"] = error_rate(chosen, labels)
        else:
            found["validation_cluster_error"] = error_rate(heads_names(code.y, labels)[chosen], labels)
    return found


def evaluate(system, dataset, validation):
    """Return what `result.json` reports of the test set; `validation` = images (n, d), labels (n,) chooses.

    `test_error` is None where y does not stand for classes.
    """
    images, labels = dataset.x_test, dataset.y_test
    found = diagnostics(system, images, labels)
    result = {"test_error": found.get("validation_error"), "reconstruction_error": found.get("reconstruction_error")}
    if system.config.y and not system.config.y_is_class:
        result |= cluster_report(system.encode(validation[0]).y, validation[1], system.encode(images).y, labels)
    if system.config.given_y == 0:
        samples = system.sample(10000, seed=1)
        sigma, _ = parzen_sigma(samples, unit_interval(validation[0]))
        mean, error = parzen_log_likelihood([samples], unit_interval(images), sigma)
        result |= {"log_likelihood": mean, "log_likelihood_error": error, "parzen_sigma": sigma}
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


# Clustering (section 6) ----------------------------------------------------------------------------------------------


def heads_names(y, labels):
    """Return a label (k,) for each cluster, the paper's way: that of the image with the highest q(y_i|x): (n, k)."""
    return labels[np.argmax(y, axis=0)]


def majority_names(chosen, labels, k):
    """Return a label (k,) for each cluster: the most frequent one among its images; −1 for an empty cluster."""
    counts = contingency(chosen, labels, k, int(np.max(labels)) + 1)
    return np.where(np.sum(counts, axis=1) > 0, np.argmax(counts, axis=1), -1)


def hungarian_names(chosen, labels, k):
    """Return a label (k,) for each cluster so that each label names one cluster and most images are right; else −1.

    Needs SciPy for the assignment problem; None without it.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        return None
    counts = contingency(chosen, labels, k, int(np.max(labels)) + 1)
    names = np.full(k, -1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    names[rows] = columns
    return names


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
    chance = a * b / pairs(np.sum(counts))
    most = (a + b) / 2
    return float((both - chance) / (most - chance)) if most != chance else 1.0


def cluster_report(y_validation, labels_validation, y_test, labels_test):
    """Return the cluster errors of y_test (n, k) with clusters named on the validation set, and NMI and ARI.

    cluster_error is the paper's protocol; the others are named by majority and by the best one-to-one assignment.
    """
    k = y_test.shape[1]
    chosen = np.argmax(y_validation, axis=1)
    clusters = np.argmax(y_test, axis=1)
    counts = contingency(labels_test, clusters, int(np.max(labels_test)) + 1, k)
    one_to_one = hungarian_names(chosen, labels_validation, k)
    return {
        "cluster_error": error_rate(heads_names(y_validation, labels_validation)[clusters], labels_test),
        "cluster_error_majority": error_rate(majority_names(chosen, labels_validation, k)[clusters], labels_test),
        "cluster_error_one_to_one": None if one_to_one is None else error_rate(one_to_one[clusters], labels_test),
        "clusters_used": int(np.sum(np.bincount(clusters, minlength=k) > 0)),
        "nmi": normalized_mutual_information(counts),
        "ari": adjusted_rand_index(counts),
    }


# Likelihood by Parzen windows (section 3) ----------------------------------------------------------------------------


def parzen_log_likelihood(chunks, images, sigma):
    """Return the mean of ln p(x) over `images` (n, d) and its standard error, p a Gaussian window on every sample.

    p(x) = 1/N Σ_s N(x; s, σ²I) over all samples in `chunks`, an iterable of (m, d) arrays: millions of samples pass
    through in the memory of one chunk, as a running maximum and a running sum.
    """
    n, d = images.shape
    highest, total, count = np.full(n, -np.inf), np.zeros(n), 0
    for samples in chunks:
        for start in range(0, n, 1000):
            rows = slice(start, start + 1000)
            exponent = squared_distances(images[rows], samples)
            exponent *= -1 / (2 * sigma * sigma)
            top = np.maximum(highest[rows], np.max(exponent, axis=1))
            exponent -= top[:, None].astype(exponent.dtype)
            fresh = np.sum(np.exp(exponent, out=exponent), axis=1, dtype=np.float64)
            total[rows] = total[rows] * np.exp(highest[rows] - top) + fresh
            highest[rows] = top
        count += len(samples)
    values = highest + np.log(total) - math.log(count) - d * math.log(sigma * math.sqrt(2 * math.pi))
    return float(np.mean(values)), float(np.std(values) / math.sqrt(n))


def squared_distances(a, b):
    """Return ‖a_i − b_j‖² for rows (n, d), (m, d) -> (n, m), as ‖a‖² + ‖b‖² − 2a·b: one matrix product."""
    square = a @ b.T
    square *= -2
    square += np.sum(a * a, axis=1)[:, None]
    square += np.sum(b * b, axis=1)
    return square


SIGMAS = [float(sigma) for sigma in np.geomspace(0.1, 0.4, 13)]


def parzen_sigma(samples, validation, images=1000):
    """Return the σ with the highest likelihood of the first `images` of `validation`, and the curve [(σ, ln p), …]."""
    curve = [(sigma, parzen_log_likelihood([samples], validation[:images], sigma)[0]) for sigma in SIGMAS]
    return max(curve, key=lambda point: point[1])[0], curve
