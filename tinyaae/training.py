"""Training: batches in, phases stepped, one line of metrics an epoch, a checkpoint that can be continued.

An epoch goes once through all unlabelled images, never through the labelled ones alone. Which images a step sees is a
function of the seed and the step number, so a resumed run sees what the uninterrupted one would have seen.
"""

import math
import sys
import time
import warnings

import numpy as np
from tqdm import tqdm

from .config import MODES
from .data import split
from .errors import Diverged
from .evaluation import diagnostics
from .optimizers import linear_schedule, step_schedule
from .phases import Batch

WATCHED, FRAMES = 500, 200  # validation images in an animation, and frames at most (one more for the end)

WORDS = {  # metric -> how the progress bar says it
    "reconstruction": "reconstruction {:.1f}",
    "D_z_accuracy": "D_gauss right {:.0%}",
    "D_y_accuracy": "D_cat right {:.0%}",
    "classification": "loss on labels {:.3f}",
    "kl": "KL {:.1f}",
    "D_x_accuracy": "D right {:.0%}",
    "validation_error": "validation error {:.2%}",
    "validation_cluster_error": "cluster error on validation {:.2%}",
}


class Shuffles:
    """An endless row of shuffles of `items`; any stretch of it can be had again."""

    def __init__(self, items, seed, stream):
        self.items, self.key = items, [seed, stream]

    def take(self, start, count):
        """Return `count` items from place `start` of the row."""
        n, picked = len(self.items), []
        for k in range(start // n, (start + count - 1) // n + 1):
            bits = np.random.Philox(key=self.key, counter=[0, k, 0, 0]).random_raw(n)
            picked.append(self.items[np.argsort(bits, kind="stable")])
        row = np.concatenate(picked)
        return row[start % n : start % n + count]


class Batches:
    """The training set on the device, and the minibatches of each epoch."""

    def __init__(self, dataset, config, backend):
        self.backend, self.size, self.classes = backend, config.batch_size, dataset.classes
        parts = split(dataset.y_train, dataset.classes, config.labels, config.seed, config.images)
        self.images, self.y = backend.store(dataset.x_train), dataset.y_train
        self.validation = dataset.x_train[parts.validation], dataset.y_train[parts.validation]
        self.size = min(config.batch_size, len(parts.train))
        self.steps = len(parts.train) // self.size
        self.all = Shuffles(parts.train, config.seed, 11)
        self.labelled = Shuffles(parts.labelled, config.seed, 12) if config.y_is_class else None
        self.labelled_size = min(config.batch_size, len(parts.labelled))
        self.told = None
        if MODES[config.mode].told_labels:  # the label, or one more class for "unlabelled"
            self.told = np.full(len(dataset.y_train), dataset.classes)
            self.told[parts.labelled] = dataset.y_train[parts.labelled]

    def epoch(self, k):
        """Yield the minibatches of epoch k = 0, 1, …"""
        order = self.all.take(k * self.steps * self.size, self.steps * self.size)
        if self.told is not None:
            told = self._one_hot(self.told[order], self.classes + 1)
        order = self._on_device(order)
        if self.labelled:
            m = self.labelled_size
            chosen = self.labelled.take(k * self.steps * m, self.steps * m)
            order_labelled, one_hot = self._on_device(chosen), self._one_hot(self.y[chosen], self.classes)
        for step in range(self.steps):
            rows = slice(step * self.size, (step + 1) * self.size)
            batch = Batch(self.backend.rows(self.images, order[rows]))
            if self.told is not None:
                batch = batch._replace(labels=told[rows, :])
            if self.labelled:
                rows = slice(step * m, (step + 1) * m)
                x = self.backend.rows(self.images, order_labelled[rows])
                batch = batch._replace(x_labelled=x, y_labelled=one_hot[rows, :])
            yield batch

    def _on_device(self, index):
        return self.backend.array(index, self.backend.xp.int64)

    def _one_hot(self, labels, classes):
        return self.backend.array(np.eye(classes, dtype=np.float32)[labels])


def schedule(config):
    """Return epoch -> factor on every phase's rate: the decays of `config` times its fade."""
    steps = step_schedule(config.decay)
    if config.fade is None:
        return steps
    fade = linear_schedule(config.fade * config.epochs, config.epochs)
    return lambda epoch: steps(epoch) * fade(epoch)


def train(system, batches, folder, first_epoch=0, quiet=False, say=print):
    """Train `system` from `first_epoch` to the end of its config, writing metrics and a checkpoint each epoch.

    Raises `Diverged`, and leaves the last healthy checkpoint, when a number is no longer finite after an epoch.
    """
    config = system.config
    factor_at = schedule(config)
    if first_epoch == 0:
        keep_codes(system, batches, folder, 0)
        folder.save(system, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow and NaN are looked for below, and told in one line
        for epoch in range(first_epoch, config.epochs):
            row = train_epoch(system, batches, folder, epoch, factor_at, quiet)
            if not quiet:
                words = ", ".join(text.format(row[name]) for name, text in WORDS.items() if name in row)
                say(f"epoch {epoch + 1:>{len(str(config.epochs))}}/{config.epochs}: {words} ({row['seconds']:.0f} s)")


def train_epoch(system, batches, folder, epoch, factor_at, quiet):
    """Train through all images once, with rates times `factor_at(epoch)`; save, and return the line of metrics."""
    started = time.perf_counter()
    totals = {}
    bar = tqdm(
        batches.epoch(epoch), total=batches.steps, desc=f"epoch {epoch + 1}/{system.config.epochs}",
        disable=quiet, leave=False, file=sys.stderr, unit="batch",
    )  # fmt: skip
    for step, batch in enumerate(bar):
        for phase in system.optimized():
            phase.optimizer.scale = factor_at(epoch + step / batches.steps)
        for name, value in system.step(batch).items():
            totals[name] = totals[name] + value if name in totals else value
    row = {"epoch": epoch + 1, **{name: float(total) / batches.steps for name, total in totals.items()}}
    row |= diagnostics(system, *batches.validation)
    sick = [name for name, value in row.items() if not math.isfinite(value)]
    if sick:
        kept = f"{folder.path} keeps the checkpoint of epoch {epoch}"
        raise Diverged(f"epoch {epoch + 1}: {', '.join(sick)} no longer finite; {kept}; are the rates too high?")
    row["seconds"] = round(time.perf_counter() - started, 3)
    folder.append_metrics(row)
    keep_codes(system, batches, folder, epoch + 1)
    folder.save(system, epoch + 1)
    return row


def keep_codes(system, batches, folder, epoch):
    """Where the run is to be animated, write where P reads some validation images, in about 200 epochs of the run."""
    config = system.config
    if config.animate and (epoch % -(-config.epochs // FRAMES) == 0 or epoch == config.epochs):
        images, labels = (part[:WATCHED] for part in batches.validation)
        folder.save_codes(epoch, system.places(system.encode_drawn(images)), labels)
