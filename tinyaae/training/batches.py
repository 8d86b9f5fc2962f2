"""Batches: the images of a step are a function of the seed and the step number, so a resumed run has the same.

An epoch passes once through all training images as unlabelled ones, never through the labelled images alone.
"""

import numpy as np

from ..config.modes import MODES
from ..data import split_of
from ..errors import UserError
from ..networks import one_hot
from ..phases import Batch


class Permutations:
    """An endless sequence of shuffles of `items`; any part of it can be taken again."""

    def __init__(self, items, seed, stream):
        self.items, self.key = items, [seed, stream]

    def take(self, start, count):
        """Return the `count` items of the sequence from position `start` on."""
        n, picked = len(self.items), []
        for k in range(start // n, (start + count - 1) // n + 1):
            bits = np.random.Philox(key=self.key, counter=[0, k, 0, 0]).random_raw(n)
            picked.append(self.items[np.argsort(bits, kind="stable")])
        row = np.concatenate(picked)
        return row[start % n : start % n + count]


class Batches:
    """The training set on the device, and the minibatches of each epoch; all ranks get equal shares of a batch.

    Raises `UserError` where the shares would not be equal, or where `config` was made for another `dataset`.
    """

    def __init__(self, dataset, config, backend):
        self.backend, self.classes = backend, dataset.classes
        config.expect_data(dataset)
        expect_labels(dataset, config)
        parts = split_of(dataset, config)
        self.images, self.y = backend.store(dataset.x_train), dataset.y_train
        self.validation = dataset.x_train[parts.validation], dataset.y_train[parts.validation]
        if dataset.x_validation is not None:
            self.validation = dataset.x_validation, dataset.y_validation
        self.size = min(config.batch_size, len(parts.train))
        self.steps = len(parts.train) // self.size
        self.all = Permutations(parts.train, config.seed, 11)
        self.labelled = Permutations(parts.labelled, config.seed, 12) if config.y_is_class else None
        self.labelled_size = min(config.batch_size, len(parts.labelled))
        expect_shares(backend.communicator, "--batch-size", self.size, "images")
        if self.labelled:
            expect_shares(backend.communicator, "--labels or --batch-size", self.labelled_size, "labelled images")
        self.told = None
        if config.label_to:  # the label, or one more class for "unlabelled"
            self.told = np.full(len(dataset.y_train), dataset.classes)
            self.told[parts.labelled] = dataset.y_train[parts.labelled]

    def epoch(self, k, first=0):
        """Yield the minibatches of epoch k = 0, 1, … from step `first` on; with ranks, this rank's rows."""
        order = self.all.take(k * self.steps * self.size, self.steps * self.size)
        if self.told is not None:
            told = self._one_hot(self.told[order], self.classes + 1)
        order = self._on_device(order)
        if self.labelled:
            m = self.labelled_size
            chosen = self.labelled.take(k * self.steps * m, self.steps * m)
            order_labelled, y_labelled = self._on_device(chosen), self._one_hot(self.y[chosen], self.classes)
        for step in range(first, self.steps):
            rows = self._own(step, self.size)
            batch = Batch(self.backend.rows(self.images, order[rows]))
            if self.told is not None:
                batch = batch._replace(labels=told[rows, :])
            if self.labelled:
                rows = self._own(step, m)
                x = self.backend.rows(self.images, order_labelled[rows])
                batch = batch._replace(x_labelled=x, y_labelled=y_labelled[rows, :])
            yield batch

    def _own(self, step, size):
        """Return the slice of an epoch's rows that are this rank's at a step of `size` rows."""
        own = self.backend.communicator.rows(size)
        return slice(step * size + own.start, step * size + own.stop)

    def _on_device(self, index):
        return self.backend.array(index, self.backend.xp.int64)

    def _one_hot(self, labels, classes):
        return self.backend.array(one_hot(labels, classes))


def expect_labels(dataset, config):
    """Raise `UserError` where the labels of `dataset` are not enough for the mode of `config`."""
    if config.labels == 0:
        return
    known = np.unique(dataset.y_train[dataset.y_train >= 0])
    if len(known) < 2:
        clusters = "clusters" in MODES[config.mode].has
        hint = "add labels, or " + ("give --labels 0 for clusters" if clusters else "choose mode aae or clustering")
        raise UserError(f"{dataset.name}: {len(known)} distinct labels, and mode {config.mode} reads labels; {hint}")
    for part, y in ("test", dataset.y_test), ("validation", dataset.y_validation):
        if y is not None and (lacking := sorted(set(y[y >= 0].tolist()) - set(known.tolist()))):
            name, hint = config.label_names[lacking[0]], "leave it out, or choose a mode that reads no label"
            raise UserError(f"{dataset.name}: the {part} set has label {name!r}, which no training image has; {hint}")
    unlabelled = sum(
        int(np.sum(y < 0)) for y in (dataset.y_train, dataset.y_test, dataset.y_validation) if y is not None
    )
    if config.label_to == "P" and unlabelled:
        hint = "leave them out, or choose mode semi-supervised"
        raise UserError(f"{dataset.name}: {unlabelled} images are unlabelled, and P reads the label of each; {hint}")


def expect_shares(communicator, flag, size, what):
    """Raise `UserError` unless a batch of `size` divides into equal shares."""
    if size % communicator.size:
        expected = f"a multiple of {communicator.size}, the number of ranks"
        nearest = size - size % communicator.size or communicator.size
        raise UserError(f"{flag}: a step has {size} {what}, expected {expected}; {nearest}?")
