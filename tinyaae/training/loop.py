"""Training: batches in, phases stepped, one line of metrics an epoch, a checkpoint that can be continued.

A number that is not finite never reaches a checkpoint.
"""

import inspect
import math
import sys
import time
import warnings

from tqdm import tqdm

from ..errors import Diverged, UserError
from ..metrics import diagnostics
from ..metrics.own import own_values
from ..optimizers import linear_schedule, step_schedule
from ..surroundings import times_displaced
from .checkpoint import START, Position
from .collapse import CollapseMonitor
from .divergence import all_finite, locate_non_finite
from .interruption import Interruption
from .snapshots import is_due, snapshot

ANIMATED_IMAGES, FRAMES = 500, 200  # validation images in an animation, and its most frames (and one for the end)

WORDS = {  # metric -> its text in the line of an epoch
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

COUNT = "count of "  # begins the name of the number of steps that a total is over, where some phase skips steps
FINITE_CHECK_EVERY = 100  # steps between checks that all numbers are finite; each check waits for the device
DISPLACED = 200  # times a second: alone on two cores two threads had 90, beside another process 280 to 390
VALIDATION = ("validation_error", "validation_cluster_error", "reconstruction_error")  # the first ranks epochs


def schedule(config):
    """Return epoch -> factor on every phase's learning rate: the step decay of `config` times its linear decay."""
    steps = step_schedule(config.step_decay)
    if config.linear_decay_from is None:
        return steps
    fade = linear_schedule(config.linear_decay_from * config.epochs, config.epochs)
    return lambda epoch: steps(epoch) * fade(epoch)


def train(model, batches, folder, position=START, quiet=False, say=print, each_epoch=None):
    """Train `model` from `position` to the end of its config, with metrics and checkpoints; return the warnings.

    `each_epoch(row)`, or `each_epoch(row, model)` where it needs two arguments, is called after every epoch; True ends
    the training there. Where several ranks train, each calls this, and rank 0 alone touches the folder.

    Raises `Diverged` when a number is no longer finite, and leaves the last good checkpoint. Raises `Interrupted`,
    after saving, on Ctrl-C or SIGTERM. Raises `UserError` where the disk is full or `position` is not in this data.
    """
    if position.step >= batches.steps:
        raise UserError(f"step {position.step} of {batches.steps} in an epoch; has the data changed?")
    epochs = model.config.epochs
    training = Training(model, batches, folder, quiet, say)
    given = (model,) if needs_model(each_epoch) else ()
    with warnings.catch_warnings(), Interruption(model.backend.communicator) as interruption:
        warnings.simplefilter("ignore", RuntimeWarning)  # `expect_healthy` reports overflow and NaN in one line
        if position == START:
            keep_codes(model, batches, folder, 0)
            keep_snapshot(model, batches, folder, 0)
            folder.save(model, START)
        for epoch in range(position.epoch, epochs):
            row = training.epoch(epoch, position, interruption)
            position = Position(epoch + 1)
            warned = training.monitor.update(row)
            if not quiet:
                words = [text.format(row[name]) for name, text in WORDS.items() if name in row]
                words += [f"{name} {row[name]:.4g}" for name in own_values(row)]
                say(f"epoch {epoch + 1:>{len(str(epochs))}}/{epochs}: {', '.join(words)} ({row['seconds']:.0f} s)")
                for words in warned:
                    say(f"warning: {words}")
            (early,) = model.backend.communicator.all_reduce_max(
                int(bool(each_epoch) and each_epoch(row, *given) is True)
            )
            stop, _ = interruption.agreed()
            if (stop or early) and folder.saved.epoch <= epoch:
                training.save(position)
            interruption.obey()
            if early:
                break
    return training.monitor.warnings


def needs_model(each_epoch):
    """Return whether a function after each epoch needs a second argument, the model, in addition to the row."""
    try:
        takes = inspect.signature(each_epoch).parameters.values()
    except (TypeError, ValueError):  # None, and some functions in C
        return False
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return len([each for each in takes if each.kind in plain and each.default is each.empty]) == 2


class Training:
    """A run in progress: what it keeps from epoch to epoch in addition to the model."""

    def __init__(self, model, batches, folder, quiet, say):
        self.model, self.batches, self.folder, self.quiet, self.say = model, batches, folder, quiet, say
        self.told = quiet or model.backend.threads == 1  # that other processes need the cores, too
        self.communicator = model.backend.communicator
        self.factor_at = schedule(model.config)
        self.monitor, self.best, self.saved_at = CollapseMonitor(model), math.inf, time.monotonic()
        self.skips = any(phase.every > 1 for phase in model.phases)
        for phase in model.phases:
            if phase.every > batches.steps:
                came = f"steps every {phase.every} steps, but an epoch has {batches.steps}"
                raise UserError(f"{phase.name}: {came}; expected every={batches.steps} or less")
        for row in folder.metrics():
            self.monitor.update(row)
            self.best = min(self.best, measure(row))

    def epoch(self, epoch, position, interruption):
        """Train on all images once, or from `position.step` on; save what is due, and return the metrics."""
        started, config, steps = time.perf_counter(), self.model.config, self.batches.steps
        totals, displaced = position.totals, times_displaced()
        bar = tqdm(
            self.batches.epoch(epoch, position.step), total=steps, initial=position.step,
            desc=f"epoch {epoch + 1}/{config.epochs}", leave=False, file=sys.stderr, unit="batch",
            disable=self.quiet or None,  # None: no bar without a terminal, e.g. in a log file
        )  # fmt: skip
        for done, batch in enumerate(bar, position.step + 1):
            self.set_rates(epoch, done - 1)
            values = self.model.step(batch)
            if self.skips:  # then the values of some phases are not those of every step
                values = {**values, **{COUNT + name: self.model.backend.zeros(()) + 1 for name in values}}
            totals = self.model.backend.accumulate(totals, values)
            if done < steps:
                stop, due = interruption.agreed(time.monotonic() - self.saved_at >= 60 * config.save_minutes)
                if due or stop:
                    self.save(Position(epoch, done, totals))
                    interruption.obey()
                elif done % FINITE_CHECK_EVERY == 0:
                    self.expect_healthy(Position(epoch, done, totals))
                    self.tell_of_others((times_displaced() - displaced) / (time.perf_counter() - started))
        end = Position(epoch, steps, totals)
        self.expect_healthy(end)
        row = self.communicator.on_rank_0(lambda: self.measured(end))
        row["seconds"] = round(time.perf_counter() - started, 3)
        self.finish_epoch(row, Position(epoch + 1))
        return row

    def tell_of_others(self, rate):
        """Say once that other processes take the processors from the threads of this one, `rate` times a second."""
        if not self.told and rate > DISPLACED:
            self.told = True
            threads = self.model.backend.threads
            self.say(
                f"other processes need the cores, too, and {threads} threads then wait for each other: with "
                "OPENBLAS_NUM_THREADS=1 this run may be several times as fast"
            )

    def measured(self, end):
        """Return the metrics of the epoch that has reached its `end`."""
        sums = {name: float(total) for name, total in end.totals.items()}
        means = {name: sums[name] / sums.get(COUNT + name, end.step) for name in sums if not name.startswith(COUNT)}
        row, found = {"epoch": end.epoch + 1}, diagnostics(self.model, *self.batches.validation)
        if taken := sorted(means.keys() & {"epoch", "seconds", *found}):
            raise UserError(f"{taken[0]}: a phase's value is called like a column of metrics.csv; rename it")
        row |= means | found
        sick = [name for name, value in row.items() if not math.isfinite(value)]
        if sick:
            raise self.diverged(end, f"{', '.join(sick)} of the validation images")
        return row

    def finish_epoch(self, row, position):
        """Write the metrics, the weights if they are the best so far, and a checkpoint if one is due."""
        config = self.model.config
        if measure(row) < self.best:  # before the metrics: a resumed run reads from them which epoch was best
            self.folder.save_best(self.model, position)
            self.best = measure(row)
        self.folder.append_metrics(row)
        keep_codes(self.model, self.batches, self.folder, position.epoch)
        keep_snapshot(self.model, self.batches, self.folder, position.epoch)
        if position.epoch % config.save_every == 0 or position.epoch == config.epochs:
            self.save(position)

    def set_rates(self, epoch, step):
        """Set every phase's factor on the learning rate to the schedule's value at a step."""
        for phase in self.model.phases_with_optimizer():
            phase.optimizer.lr_scale = self.factor_at(epoch + step / self.batches.steps)

    def save(self, position):
        """Write a checkpoint; `Diverged` where a number is not finite."""
        self.expect_healthy(position)
        self.folder.save(self.model, position)
        self.saved_at = time.monotonic()

    def expect_healthy(self, position):
        """Raise `Diverged`, with the first phase, layer and step, if any number is not finite."""
        (sick,) = self.communicator.all_reduce_max(int(not all_finite(self.model, position.totals)))
        if sick:
            start = self.folder.restore(self.model)
            # one rank repeats the steps, on whole batches
            words = self.communicator.on_rank_0(lambda: locate_non_finite(self.model, self.steps(start, position)))
            raise self.diverged(position, words)

    def steps(self, start, end):
        """Yield (name, batch) of the steps from position `start` to `end`, with the learning rates set for each."""
        for epoch in range(start.epoch, end.epoch + 1):
            first = start.step if epoch == start.epoch else 0
            for step, batch in enumerate(self.batches.epoch(epoch, first), first):
                if (epoch, step) >= (end.epoch, end.step):
                    return
                self.set_rates(epoch, step)
                yield f"epoch {epoch + 1}, step {step + 1}", batch

    def diverged(self, position, words):
        """Return the error that names what is not finite, and which checkpoint is kept."""
        kept = self.folder.saved
        return Diverged(
            f"diverged by step {position.step} of epoch {position.epoch + 1}; not finite: {words}; {self.folder.path} "
            f"keeps the checkpoint after epoch {kept.epoch}, step {kept.step}; are the rates too high?"
        )


def measure(row):
    """Return the number in a line of metrics that ranks the epoch, less is better; ∞ where there is none."""
    return next((row[name] for name in VALIDATION if name in row), math.inf)


def keep_codes(model, batches, folder, epoch):
    """For an animated run, write the codes of some validation images, as P reads them, in about 200 of its epochs."""
    config = model.config
    if config.animate and (epoch % -(-config.epochs // FRAMES) == 0 or epoch == config.epochs):
        images, labels = (part[:ANIMATED_IMAGES] for part in batches.validation)
        folder.save_codes(epoch, model.decoder_input(model.drawn(model.encode_rows(images))), labels)


def keep_snapshot(model, batches, folder, epoch):
    """Write a snapshot in about 30 of a run's epochs."""
    if is_due(epoch, model.config.epochs):
        folder.save_snapshot(epoch, lambda: snapshot(model, batches.validation))
