"""Measure whether y decides what P decodes, and z only its style: four measures that a classification error lacks.

A model can classify well and still hold the digit in z. P then ignores y, and a sample with y = 7 is any digit. The
measures read P's images, so they need a judge that is no part of the model. The judge is the nearest training image
(Euclidean). It has all labels of the data, also those that training does not use. The judge's accuracy on real test
images is reported, too, because it limits what the measures can mean.
"""

from typing import NamedTuple

import numpy as np

from ..data import split_of, unit_interval
from ..networks import one_hot
from .likelihood import squared_distances

IMAGES = 1000  # number of samples, and of test images, that are judged
CHUNK = 5000  # training images compared at a time
FIT_TO_JUDGE = 0.75  # the two accuracies need a judge with at least this accuracy on real images
LOW = 0.8  # a lower content accuracy gives a warning


class Judge(NamedTuple):
    """The nearest of `images` (n, d), uint8 or in [0, 1], gives its label, one of `labels` (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def __call__(self, x):
        """Return the label (m,) of the image nearest to each row of x (m, d), in [0, 1]."""
        smallest, nearest = np.full(len(x), np.inf), np.zeros(len(x), int)
        for start in range(0, len(self.images), CHUNK):
            square = squared_distances(np, x, unit_interval(self.images[start : start + CHUNK]))
            candidate = np.argmin(square, axis=1)
            distance = square[np.arange(len(x)), candidate]
            nearest = np.where(distance < smallest, start + candidate, nearest)
            smallest = np.minimum(distance, smallest)
        return self.labels[nearest]


def judge_for(dataset, config):
    """Return the `Judge` with the training images of a run and all their labels."""
    train = split_of(dataset, config).train
    train = train[dataset.y_train[train] >= 0]
    return Judge(dataset.x_train[train], dataset.y_train[train])


def content_report(model, judge, names, validation, test):
    """Return the four measures of a `model` whose P reads a y, as entries of result.json.

    content_accuracy: of samples P(y_k, z), z from p(z) and each k in turn, the share that the judge calls `names[k]`.
    exchange_accuracy: test images are encoded, y is replaced by a y of another class, z is kept. It is the share of
    decoded images that the judge calls the new class.
    style_leak: the accuracy of a linear probe that predicts the class from z alone. It is fitted to the codes of the
    `validation` images and scored on the codes of the `test` images.
    style_leak_chance: the share of the most frequent class in `test`.
    style_spread: the mean squared distance of two samples of one y, divided by that of two test images of one class. A
    decoder with a single image for each y has 0.
    judge_accuracy: the accuracy of the judge on the test images.

    `names` (k,) is the class that each value of y stands for. `validation` and `test` are pairs of images (n, d) and
    labels (n,); the first thousand of `test` are used. The two accuracies are None where the judge is right on less
    than 75 % of the test images. With fewer than two classes the accuracies and the leak are None, and the spread is
    None where no two test images of one class differ.
    """
    x, labels = unit_interval(test[0][:IMAGES]), test[1][:IMAGES]
    k, z = model.config.decoder_y_dim, model.encode_rows(x).z
    y = np.arange(IMAGES) % k
    samples = model.sample_rows(IMAGES, y)
    found = dict.fromkeys(["content_accuracy", "exchange_accuracy", "style_leak", "style_leak_chance"])
    real = spread(x, labels)
    found["style_spread"] = spread(samples, y) / real if real > 1e-9 else None  # less is rounding
    found["judge_accuracy"] = float(np.mean(judge(x) == labels))
    if len(np.unique(labels)) < 2 or len(np.unique(validation[1])) < 2:
        return found
    predicted = linear_probe(model.encode_rows(validation[0]).z, validation[1])(z)
    found["style_leak"] = float(np.mean(predicted == labels))
    found["style_leak_chance"] = float(np.max(np.bincount(labels)) / len(labels))
    others = [np.flatnonzero(names != label) for label in labels]
    if found["judge_accuracy"] >= FIT_TO_JUDGE and all(map(len, others)):
        new = np.array([other[i % len(other)] for i, other in enumerate(others)])
        exchanged = model.decode_rows(z, one_hot(new, k))
        found["content_accuracy"] = float(np.mean(judge(samples) == names[y]))
        found["exchange_accuracy"] = float(np.mean(judge(exchanged) == names[new]))
    return found


def in_words(found):
    """Return a `content_report` in one line of words, or "" where there is none."""
    if found.get("judge_accuracy") is None:
        return ""
    words = []
    if found["content_accuracy"] is not None:
        words.append(f"content accuracy {found['content_accuracy']:.1%}")
        words.append(f"exchange accuracy {found['exchange_accuracy']:.1%}")
    if found["style_leak"] is not None:
        chance = found["style_leak_chance"]
        words.append(f"z alone predicts the class of {found['style_leak']:.1%} (chance {chance:.1%})")
    if found["style_spread"] is not None:
        words.append(f"style spread {found['style_spread']:.2f}")
    judge = f"judge: the nearest training image, right on {found['judge_accuracy']:.1%} of real ones"
    return f"{', '.join(words)} ({judge})" if words else judge


def warnings_in(found):
    """Return the warnings that a `content_report` gives, each in one line."""
    content = found.get("content_accuracy")
    if content is None or content >= LOW:
        return []
    return [
        f"content accuracy {content:.0%}: only this share of the samples with a given y is what that y stands for; z "
        "holds the class, P reads it there, and y does not decide what is painted; what usually helps: a smaller --z, "
        "--set condition_on_y=true where it is not so, a larger lr_adversarial (--set), more epochs on few images"
    ]


def linear_probe(z, labels):
    """Return a function from codes (m, d) to classes (m,): linear discriminant analysis of z (n, d) and `labels` (n,).

    The classes are Gaussians with means μ_k and one common covariance Σ (Fisher 1936). The function returns the most
    probable class: argmax over k of z·Σ⁻¹μ_k − ½ μ_k·Σ⁻¹μ_k + ln p_k, which is linear in z.
    """
    classes, members = np.unique(labels, return_inverse=True)
    z = z.astype(np.float64)
    means = np.stack([np.mean(z[members == k], axis=0) for k in range(len(classes))])
    within = z - means[members]
    ridge = 1e-6 * np.trace(within.T @ within) / len(z) + 1e-12  # a coordinate of z may be constant
    covariance = within.T @ within / len(z) + ridge * np.eye(z.shape[1])
    weights = np.linalg.solve(covariance, means.T)
    offset = np.log(np.bincount(members) / len(members)) - np.sum(means.T * weights, axis=0) / 2
    return lambda codes: classes[np.argmax(codes @ weights + offset, axis=1)]


def spread(images, groups):
    """Return the mean squared distance of two images (n, d) of one group (n,), averaged over the groups.

    It is twice the variance, so no pairs are formed. Groups of one image do not count.
    """
    counts = {group: np.sum(groups == group) for group in np.unique(groups)}
    distances = [2 * np.sum(np.var(images[groups == g], axis=0, ddof=1)) for g, n in counts.items() if n > 1]
    return float(np.mean(distances)) if distances else 0.0
