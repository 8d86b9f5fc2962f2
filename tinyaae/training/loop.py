"""Training: batches in, phases stepped, one line of metrics an epoch, a checkpoint that can be continued.

An epoch goes once through all unlabelled images, never through the labelled ones alone. Which images a step sees is a
function of the seed and the step number, so a resumed run sees what the uninterrupted one would have seen. Ctrl-C
(or SIGTERM) lets the step finish and saves; a number that is not finite never reaches a checkpoint.
"""

import math
import signal
import sys
import threading
import time
import warnings

import numpy as np
from tqdm import tqdm

from ..config.modes import MODES
from ..data import split
from ..errors import Diverged, Interrupted, UserError
from ..metrics.evaluation import diagnostics
from ..optimizers import linear_schedule, step_schedule
from ..phases import Batch
from .checkpoint import START, Position
from .collapse import CollapseMonitor
from .divergence import all_finite, locate_non_finite

ANIMATED_IMAGES, FRAMES = 500, 200  # validation images in an animation, and frames at most (one more for the end)

WORDS = {  # metric -> how the progress bar says it
    "half_squared_error": "squared error {:.1f}",
    "cross_entropy": "cross-entropy {:.1f}",
    "D_gauss_accuracy": "D_gauss right {:.0%}",
    "D_cat_accuracy": "D_cat right {:.0%}",
    "classification": "loss on labels {:.3f}",
    "kl": "KL {:.1f}",
    "D_image_accuracy": "D right {:.0%}",
    "validation_error": "validation error {:.2%}",
    "validation_cluster_error": "cluster error on validation {:.2%}",
}

WATCH = 100  # steps between looks at whether all numbers are finite; each look waits for the device
VALIDATION = ("validation_error", "validation_cluster_error", "reconstruction_error")  # the first there is, says best


class Permutations:
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
    """The training set on the device, and the minibatches of each epoch; of each, a team's ranks get equal shares.

    `UserError` where the shares would not be equal, or where `dataset` is not what `config` was made for.
    """

    def __init__(self, dataset, config, backend):
        self.backend, self.classes = backend, dataset.classes
        config.expect_data(dataset)
        parts = split(dataset.y_train, dataset.classes, config.labels, config.seed, config.images)
        self.images, self.y = backend.store(dataset.x_train), dataset.y_train
        self.validation = dataset.x_train[parts.validation], dataset.y_train[parts.validation]
        self.size = min(config.batch_size, len(parts.train))
        self.steps = len(parts.train) // self.size
        self.all = Permutations(parts.train, config.seed, 11)
        self.labelled = Permutations(parts.labelled, config.seed, 12) if config.y_is_class else None
        self.labelled_size = min(config.batch_size, len(parts.labelled))
        expect_shares(backend.team, "--batch-size", self.size, "images")
        if self.labelled:
            expect_shares(backend.team, "--labels or --batch-size", self.labelled_size, "labelled images")
        self.told = None
        if MODES[config.mode].label_conditional:  # the label, or one more class for "unlabelled"
            self.told = np.full(len(dataset.y_train), dataset.classes)
            self.told[parts.labelled] = dataset.y_train[parts.labelled]

    def epoch(self, k, first=0):
        """Yield the minibatches of epoch k = 0, 1, …, from step `first` on, or this rank's rows of them."""
        order = self.all.take(k * self.steps * self.size, self.steps * self.size)
        if self.told is not None:
            told = self._one_hot(self.told[order], self.classes + 1)
        order = self._on_device(order)
        if self.labelled:
            m = self.labelled_size
            chosen = self.labelled.take(k * self.steps * m, self.steps * m)
            order_labelled, one_hot = self._on_device(chosen), self._one_hot(self.y[chosen], self.classes)
        for step in range(first, self.steps):
            rows = self._own(step, self.size)
            batch = Batch(self.backend.rows(self.images, order[rows]))
            if self.told is not None:
                batch = batch._replace(labels=told[rows, :])
            if self.labelled:
                rows = self._own(step, m)
                x = self.backend.rows(self.images, order_labelled[rows])
                batch = batch._replace(x_labelled=x, y_labelled=one_hot[rows, :])
            yield batch

    def _own(self, step, size):
        """Return which of an epoch's rows are this rank's at a step that has `size` of them."""
        own = self.backend.team.rows(size)
        return slice(step * size + own.start, step * size + own.stop)

    def _on_device(self, index):
        return self.backend.array(index, self.backend.xp.int64)

    def _one_hot(self, labels, classes):
        return self.backend.array(np.eye(classes, dtype=np.float32)[labels])


def expect_shares(team, flag, size, what):
    """Raise `UserError` unless a batch of `size` can be dealt out in equal shares."""
    if size % team.size:
        expected = f"a multiple of {team.size}, the number of ranks"
        raise UserError(
            f"{flag}: a step has {size} {what}, expected {expected}; {size - size % team.size or team.size}?"
        )


def schedule(config):
    """Return epoch -> factor on every phase's rate: the decays of `config` times its fade."""
    steps = step_schedule(config.step_decay)
    if config.linear_decay_from is None:
        return steps
    fade = linear_schedule(config.linear_decay_from * config.epochs, config.epochs)
    return lambda epoch: steps(epoch) * fade(epoch)


def train(model, batches, folder, position=START, quiet=False, say=print, each_epoch=None):
    """Train `model` from `position` to the end of its config, with metrics and checkpoints; return the warnings.

    `each_epoch(row)` is called after every epoch. Where a team trains, every rank calls this, and rank 0 alone touches
    the folder.

    Raises `Diverged`, and leaves the last healthy checkpoint, when a number is no longer finite; `Interrupted`, after
    saving, on Ctrl-C or SIGTERM; `UserError` where the disk is full or `position` is not in this data.
    """
    if position.step >= batches.steps:
        raise UserError(f"step {position.step} of {batches.steps} in an epoch; has the data changed?")
    epochs = model.config.epochs
    training = Training(model, batches, folder, quiet)
    with warnings.catch_warnings(), Interruption(model.backend.team) as interruption:
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow and NaN are looked for below, and told in one line
        if position == START:
            keep_codes(model, batches, folder, 0)
            folder.save(model, START)
        for epoch in range(position.epoch, epochs):
            row = training.epoch(epoch, position, interruption)
            position = Position(epoch + 1)
            warned = training.symptoms.see(row)
            if not quiet:
                words = ", ".join(text.format(row[name]) for name, text in WORDS.items() if name in row)
                say(f"epoch {epoch + 1:>{len(str(epochs))}}/{epochs}: {words} ({row['seconds']:.0f} s)")
                for words in warned:
                    say(f"warning: {words}")
            if each_epoch:
                each_epoch(row)
            stop, _ = interruption.agreed()
            if stop and folder.saved.epoch <= epoch:
                training.save(position)
            interruption.obey()
    return training.symptoms.warnings


class Training:
    """One run from now on: what it needs from epoch to epoch beside the model."""

    def __init__(self, model, batches, folder, quiet):
        self.model, self.batches, self.folder, self.quiet = model, batches, folder, quiet
        self.team = model.backend.team
        self.factor_at = schedule(model.config)
        self.symptoms, self.best, self.saved_at = CollapseMonitor(model), math.inf, time.monotonic()
        for row in folder.metrics():
            self.symptoms.see(row)
            self.best = min(self.best, measure(row))

    def epoch(self, epoch, position, interruption):
        """Train through all images once, or from `position.step` on; save what is due, and return the metrics."""
        started, config, steps = time.perf_counter(), self.model.config, self.batches.steps
        totals = dict(position.totals)
        bar = tqdm(
            self.batches.epoch(epoch, position.step), total=steps, initial=position.step,
            desc=f"epoch {epoch + 1}/{config.epochs}", leave=False, file=sys.stderr, unit="batch",
            disable=self.quiet or None,  # None: no bar where nobody looks, as in a log file
        )  # fmt: skip
        for done, batch in enumerate(bar, position.step + 1):
            self.set_rates(epoch, done - 1)
            for name, value in self.model.step(batch).items():
                totals[name] = totals.get(name, 0.0) + value
            if done < steps:
                stop, due = interruption.agreed(time.monotonic() - self.saved_at >= 60 * config.save_minutes)
                if due or stop:
                    self.save(Position(epoch, done, totals))
                    interruption.obey()
                elif done % WATCH == 0:
                    self.expect_healthy(Position(epoch, done, totals))
        end = Position(epoch, steps, totals)
        self.expect_healthy(end)
        row = self.team.on_rank_0(lambda: self.measured(end))
        row["seconds"] = round(time.perf_counter() - started, 3)
        self.finish_epoch(row, Position(epoch + 1))
        return row

    def measured(self, end):
        """Return the metrics of the epoch that has reached its `end`."""
        row = {"epoch": end.epoch + 1, **{name: float(total) / end.step for name, total in end.totals.items()}}
        row |= diagnostics(self.model, *self.batches.validation)
        sick = [name for name, value in row.items() if not math.isfinite(value)]
        if sick:
            raise self.diverged(end, f"{', '.join(sick)} of the validation images")
        return row

    def finish_epoch(self, row, position):
        """Keep the metrics, the weights if they are the best so far, and a checkpoint if one is due."""
        config = self.model.config
        if measure(row) < self.best:  # before the metrics, which say after an interruption what was best
            self.folder.save_best(self.model, position)
            self.best = measure(row)
        self.folder.append_metrics(row)
        keep_codes(self.model, self.batches, self.folder, position.epoch)
        if position.epoch % config.save_every == 0 or position.epoch == config.epochs:
            self.save(position)

    def set_rates(self, epoch, step):
        """Set every phase's rate to what the schedule says at a step."""
        for phase in self.model.phases_with_optimizer():
            phase.optimizer.scale = self.factor_at(epoch + step / self.batches.steps)

    def save(self, position):
        """Write a checkpoint, having made sure that it is healthy."""
        self.expect_healthy(position)
        self.folder.save(self.model, position)
        self.saved_at = time.monotonic()

    def expect_healthy(self, position):
        """Raise `Diverged`, with the first phase, layer and step, if any number is not finite."""
        (sick,) = self.team.all_reduce_max(int(not all_finite(self.model, position.totals)))
        if sick:
            start = self.folder.restore(self.model)
            # by one rank, on whole batches
            words = self.team.on_rank_0(lambda: locate_non_finite(self.model, self.steps(start, position)))
            raise self.diverged(position, words)

    def steps(self, start, end):
        """Yield (name, batch) of the steps from position `start` to `end`, with the rates set for each."""
        for epoch in range(start.epoch, end.epoch + 1):
            first = start.step if epoch == start.epoch else 0
            for step, batch in enumerate(self.batches.epoch(epoch, first), first):
                if (epoch, step) >= (end.epoch, end.step):
                    return
                self.set_rates(epoch, step)
                yield f"epoch {epoch + 1}, step {step + 1}", batch

    def diverged(self, position, words):
        """Return the error that says what is not finite, and what is kept."""
        kept = self.folder.saved
        return Diverged(
            f"diverged by step {position.step} of epoch {position.epoch + 1}; not finite: {words}; {self.folder.path} "
            f"keeps the checkpoint after epoch {kept.epoch}, step {kept.step}; are the rates too high?"
        )


def measure(row):
    """Return the number in a line of metrics that says how good the epoch was, less is better; ∞ where none does."""
    return next((row[name] for name in VALIDATION if name in row), math.inf)


class Interruption:
    """While open, the first Ctrl-C or SIGTERM is kept in `signal` for `agreed`; a second one raises at once.

    The ranks of a team get it at different moments, or only one gets it: all `obey` once they have agreed on it.
    """

    signal = None

    def __init__(self, team):
        self.team = team

    def __enter__(self):
        self.before = {}
        if threading.current_thread() is threading.main_thread():  # Python takes handlers from no other
            self.before = {number: signal.signal(number, self.take) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def take(self, number, frame):
        if self.signal is not None:
            raise Interrupted(number)
        self.signal = number

    def agreed(self, due=False):
        """Return the signal that any rank has got, or 0, and whether a checkpoint is `due` on any."""
        self.known, due = self.team.all_reduce_max(self.signal or 0, int(due))
        return self.known, due

    def obey(self):
        """Raise `Interrupted` if all have `agreed` on a signal."""
        if self.known:
            raise Interrupted(self.known)


def keep_codes(model, batches, folder, epoch):
    """Where the run is to be animated, write where P reads some validation images, in about 200 epochs of the run."""
    config = model.config
    if config.animate and (epoch % -(-config.epochs // FRAMES) == 0 or epoch == config.epochs):
        images, labels = (part[:ANIMATED_IMAGES] for part in batches.validation)
        folder.save_codes(epoch, model.places(model.sample_posterior(images)), labels)
