"""One tab's model: the library's networks and phases, stepped one at a time, and what the page shows of them.

All numbers come from the library. Arrays are float64, as gradient checks need. The networks have neither noise nor
batch norm. So a training pass and an evaluation pass have the same values, and what is shown is what the phases read.
"""

import base64
import copy
import itertools
import math
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from ...backend import Backend, Context
from ...config import Config
from ...config.priors import has_modes, in_a_plane
from ...errors import UserError
from ...gradcheck import GradientError, check_phase, differences
from ...model import build
from ...networks import Code, one_hot
from ...phases import Batch, Discriminate, Generate, Reconstruction, SemiSupervised
from ...training import Batches
from .mistakes import MISTAKES
from .points import SHOWN, dataset_of

CHOICES = {  # setting -> its values, the first of them the default
    "data": ("moons", "ring", "spiral", "drawing", "mnist"),
    "mode": ("aae", "autoencoder", "label-regularized", "supervised", "semi-supervised", "clustering"),
    "prior": ("gaussian", "uniform", "laplace", "gamma", "mixture", "swiss-roll"),
    "z": (2, 1),
    "mistake": ("none", *MISTAKES),
}
TIMES = 0, 1, 2, 3, 5  # how often a phase steps in a round
CELLS = 36  # of D's map, along a side
PAIRS = 10  # images of MNIST that are shown with their reconstructions
MOVES = {Reconstruction: "QP", Discriminate: "D", Generate: "Q", SemiSupervised: "Q"}  # what a phase should move
NUMBERS = "error", "apart", "off", "right", "wrong"  # what `look` returns that is a number
NOT_FINITE = "The numbers are no longer finite: a rate is too large. Start again."
COUNT = itertools.count(1)  # of sessions


class Session:
    """A model with its data, and the round that is going on.

    A round is what `Model.step` does: every phase steps on one batch, in order, or as often as `times` says. A phase
    that is stepped by itself takes the next batch.

    `settings` are values of `CHOICES` and a `seed`; `drawing` are places [x, y, label], for the data "drawing". Phases
    have the rates and times of an `earlier` session, and, with `keep`, networks of equal shape its weights.
    """

    def __init__(self, settings, drawing=(), earlier=None, keep=False):
        self.settings, self.number = agreed(settings), next(COUNT)
        changed = [f"{name} is {value}" for name, value in self.settings.items() if value != settings[name]]
        self.said = f"This choice needs another one: {' and '.join(changed)}. " if changed else ""
        self.dataset = dataset_of(self.settings["data"], drawing)
        self.config = config_of(self.settings, self.dataset)
        self.backend = Backend.named("numpy", "float64")
        self.batches = Batches(self.dataset, self.config, self.backend)
        self.model = build(self.config, self.backend)
        kept = self.take_weights(earlier) if keep else []
        self.said += f"{', '.join(kept)} keep their weights." if kept else "All networks have their first weights."
        self.phases = self.model.phases_with_optimizer()
        if self.settings["mistake"] != "none":
            mistake = MISTAKES[self.settings["mistake"]]
            self.phases = [mistake.change(phase) for phase in self.phases]
        self.times = {phase.name: 1 for phase in self.phases}
        for phase in earlier.phases if earlier else ():
            if phase.name in self.times:
                self.times[phase.name] = earlier.times[phase.name]
                if earlier.config.lr_adversarial == self.config.lr_adversarial:  # images need another one than points
                    self.phase(phase.name).optimizer.lr = phase.optimizer.lr
        self.steps = {phase.name: 0 for phase in self.phases}
        self.norms, self.values, self.begun, self.reach = {}, [], [], 0.0
        self.stream = (batch for epoch in itertools.count() for batch in self.batches.epoch(epoch))
        self.batch, self.round = next(self.stream), 0
        self.arrows_of = next((phase.name for phase in self.phases if isinstance(phase, Generate)), self.phases[0].name)
        self.label = self.dataset.classes  # what D is shown beside z in mode label-regularized: "unlabelled"
        self.rows, self.labels = self.dataset.x_test[:SHOWN], self.dataset.y_test[:SHOWN]
        self.draw_from_prior()
        self.seen = self.look()

    def take_weights(self, earlier):
        """Copy the weights of another session into the networks that have the same shapes; return their names."""
        kept = []
        for name, network in self.model.networks.items():
            other = earlier.model.networks.get(name)
            if other is not None and shapes_of(other) == shapes_of(network):
                network.flat[...] = other.flat
                kept.append(name)
        return kept

    def draw_from_prior(self):
        """Draw the samples of the prior that are shown, a label in turn for each where the prior or P reads one."""
        c, n = self.config, len(self.rows)
        ctx = Context(self.backend, seed=c.seed, stream="shown")
        self.turn = np.arange(n) % max(1, c.decoder_y_dim or c.classes)
        labels = self.backend.array(one_hot(self.turn, c.classes + 1)) if c.label_to == "prior" else None
        self.prior = self.backend.to_numpy(self.model.prior.sample(n, ctx, labels))

    # Stepping --------------------------------------------------------------------------------------------------------

    def phase(self, name):
        """Return the phase called `name`; `UserError` where there is none."""
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise UserError(f"phase: {name!a} given, expected one of {', '.join(phase.name for phase in self.phases)}")

    def step(self, name, times):
        """Step one phase on the next `times` batches; a round that has begun ends there."""
        phase, self.begun = self.phase(name), []
        with self.watched(phase):
            for _ in range(times):
                self.take(phase)
                self.batch = next(self.stream)

    def next(self):
        """Step the next phase of the round."""
        phase = self.begin().pop(0)
        with self.watched(phase):
            self.take(phase)
            if not self.begun:
                self.finish()

    def rounds(self, times):
        """Finish `times` rounds, the one that has begun first."""
        self.begin()
        with self.watched():
            for _ in range(times):
                for phase in self.begin():
                    self.take(phase)
                self.finish()

    def begin(self):
        """Return the phases that this round still has; all of them where it has not begun."""
        if not self.begun:
            self.begun = [phase for phase in self.phases for _ in range(self.times[phase.name])]
        if not self.begun:
            raise UserError("round: all phases are off; let one step at least once a round")
        return self.begun

    def finish(self):
        """End the round; the next one has another batch."""
        self.begun, self.round, self.batch = [], self.round + 1, next(self.stream)

    def take(self, phase):
        """Step a phase on the present batch, and keep its values and the norms of its gradient."""
        values = phase.step(self.batch)
        self.values.append({"phase": phase.name} | {name: number(float(value)) for name, value in values.items()})
        self.norms[phase.name] = norms_of(phase)
        self.steps[phase.name] += 1

    @contextmanager
    def watched(self, phase=None):
        """Look at what the steps in this block have changed, and say it; `phase` is None for rounds."""
        self.values, before = [], self.seen
        with np.errstate(all="ignore"):
            yield
            self.seen = self.look()
        self.said = self.in_words(phase, before, self.seen)

    def set(self, name, rate, times):
        """Set the learning rate of a phase, and how often it steps in a round."""
        phase = self.phase(name)
        phase.optimizer.lr, self.times[name], self.begun = rate, times, []
        self.values, self.said = [], f"{name}: learning rate {rate:g}, {times} steps a round."

    def show(self, arrows, label):
        """Choose the phase whose step the arrows show, and the label that D reads beside z, where it reads one."""
        self.arrows_of = self.phase(arrows).name
        self.values, self.label = [], min(label, self.dataset.classes)

    # Looking ---------------------------------------------------------------------------------------------------------

    def look(self):
        """Return what the networks make of the shown points and draws, as arrays and numbers."""
        c, model = self.config, self.model
        code = model.encode_rows(self.rows)
        made = model.decode_rows(code.z, model.read_y(code, self.labels))
        y = one_hot(self.turn, c.decoder_y_dim) if c.decoder_y_dim else None
        samples = model.decode_rows(self.prior, y)
        x = np.asarray(self.rows / 255 if self.rows.dtype == np.uint8 else self.rows, dtype=float)
        seen = {"z": code.z, "y": None if code.y is None else np.argmax(code.y, axis=1), "made": made,
                "samples": samples, "error": float(np.mean(np.sum((made - x) ** 2, axis=1)) / 2),
                "apart": distance(code.z, self.prior), "off": distance(samples, x)}  # fmt: skip
        if code.y is not None and c.y_is_class:
            seen["wrong"] = float(np.mean(seen["y"] != self.labels))
        adversary = self.adversary()
        if adversary:
            fake, real = (self.logits(*pair, adversary) for pair in ((code.z, self.labels), (self.prior, self.turn)))
            seen |= {"fake": fake, "taken": float(np.mean(fake > 0)),
                     "right": float((np.mean(real > 0) + np.mean(fake <= 0)) / 2)}  # fmt: skip
        return seen

    def adversary(self):
        """Return the `Adversary` of z, or None where the mode has none."""
        pairs = [each for phase in self.phases if isinstance(phase, Generate) for each in phase.adversaries]
        return next((each for each in pairs if each.field == "z"), None)

    def logits(self, z, labels, adversary):
        """Return D's logits (n,) of codes z (n, d), beside the labels (n,) where D reads one."""
        z, k = self.backend.array(z), self.config.classes + 1
        read = adversary.discriminator_input(
            self.backend.xp, z, Code(), Batch(z, labels=self.backend.array(one_hot(labels, k)))
        )
        return self.backend.to_numpy(adversary.discriminator.forward(read, Context(self.backend))[0])[:, 0]

    def arrows(self):
        """Return the step (n, d) that the phase `arrows_of` will give each code: it is taken by a copy of the phase."""
        phase = twin_of(self.phase(self.arrows_of))
        if not any(network.name == "Q" for network in phase.moves):
            return None
        with np.errstate(all="ignore"):
            phase.step(self.batch)
            x = self.backend.array(self.rows)
            code, _ = phase.encoder.forward(x / 255 if self.rows.dtype == np.uint8 else x, Context(self.backend))
        return self.backend.to_numpy(code.z) - self.seen["z"]

    def heat(self):
        """Return D's probability of "drawn from the prior" over the plane, row by row from below; None without a D.

        Where D reads a label it is shown the chosen one. With a z of one dimension there is one row.
        """
        adversary = self.adversary()
        if not adversary:
            return None
        middle = self.reach * ((2 * np.arange(CELLS) + 1) / CELLS - 1)
        axes = np.meshgrid(*[middle] * self.config.z)
        z = np.stack([axis.ravel() for axis in axes], axis=1)
        logits = self.logits(z, np.full(len(z), self.label), adversary)
        return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))

    def check(self, name):
        """Return what the gradient check says of a phase on the present batch, and the slopes that it compares.

        It is done on a copy, and nothing here moves. A network that this kind of phase should not move is `frozen`.
        """
        if not self.is_finite():
            raise UserError(NOT_FINITE)
        found, copied = slopes_of(twin_of(self.phase(name)), self.batch), twin_of(self.phase(name))
        right = next(names for kind, names in MOVES.items() if isinstance(copied, kind))
        frozen = [network for network in networks_of(copied) if network.name[0] not in right]
        try:
            error = check_phase(copied, self.batch, frozen)
            verdict = f"The gradient is right: the largest relative error of all its arrays is {error:.0e}."
        except GradientError as error:
            verdict = f"The gradient check fails: {error}."
        return {"phase": name, "slopes": found, "verdict": verdict}

    def is_finite(self):
        """Return whether all weights are finite."""
        return all(np.all(np.isfinite(network.flat)) for network in self.model.networks.values())

    def in_words(self, phase, before, now):
        """Return in a sentence what the last steps have changed."""
        if not self.is_finite():
            return NOT_FINITE
        if isinstance(phase, Discriminate) and "right" in now:
            return f"D is right about {now['right']:.0%} of draws and codes (before: {before['right']:.0%})."
        if isinstance(phase, Generate) and "fake" in now:
            up = np.mean(now["fake"] > before["fake"])
            return (f"{up:.0%} of the codes went up in D's map; D takes {now['taken']:.0%} of them for draws "
                    f"(before: {before['taken']:.0%}).")  # fmt: skip
        if isinstance(phase, SemiSupervised):
            return f"Q's y is wrong for {now['wrong']:.0%} of the points (before: {before['wrong']:.0%})."
        if phase is None and "right" in now:
            return (f"The distance of q(z) from p(z) went from {before['apart']:.3f} to {now['apart']:.3f}, the "
                    f"reconstruction error from {before['error']:.3f} to {now['error']:.3f}.")  # fmt: skip
        return f"The error of a point went from {before['error']:.4f} to {now['error']:.4f}."

    def state(self):
        """Return all that the page draws, as a dict for JSON."""
        seen, c, points = self.seen, self.config, self.settings["data"] != "mnist"
        needed = 1.1 * max(np.quantile(np.abs(tamed(each)), 0.995) for each in (seen["z"], self.prior))
        if not 0.55 * self.reach < needed <= self.reach:
            self.reach = float(min(max(1.15 * needed, 0.5), 1e6))
        mistake = MISTAKES.get(self.settings["mistake"])
        shown = {
            "settings": self.settings, "said": self.said, "round": self.round, "values": self.values,
            "batch": len(self.batch.x), "classes": [str(name) for name in c.label_names],
            "phases": [self.about(phase) for phase in self.phases],
            "session": self.number, "next": self.next_name(), "reach": self.reach,
            "cells": CELLS,
            "arrows_of": self.arrows_of, "label": self.label if c.label_to == "prior" else None,
            "labels": self.labels.tolist(), "turn": self.turn.tolist(), "z": rounded(seen["z"]),
            "prior": rounded(self.prior), "arrows": rounded(self.arrows(), 6), "heat": rounded(self.heat()),
            "y": None if seen["y"] is None else seen["y"].tolist(), "labelled": self.labelled(),
            "numbers": {name: number(seen[name]) for name in NUMBERS if name in seen},
            "harm": mistake and f"A mistake is on: {mistake.about} {mistake.harm}",
            "points": None, "images": None,
        }  # fmt: skip
        if points:
            shown["points"] = {"x": rounded(c.raw(self.rows)), "made": rounded(c.raw(seen["made"])),
                               "samples": rounded(c.raw(seen["samples"]))}  # fmt: skip
        else:
            rows = [self.rows[:PAIRS] / 255, seen["made"][:PAIRS], seen["samples"][: 2 * PAIRS]]
            pixels = np.rint(255 * np.clip(tamed(np.concatenate(rows)), 0, 1)).astype(np.uint8)
            shown["images"] = base64.b64encode(pixels.tobytes()).decode()
        return shown

    def next_name(self):
        """Return the name of the phase that `next` will step, or None where all are off."""
        left = self.begun or [phase for phase in self.phases if self.times[phase.name]]
        return left[0].name if left else None

    def about(self, phase):
        """Return what the page says of a phase: its networks, rate, steps, and the norms of its last gradient."""
        roles = {}
        for network in networks_of(phase):
            through = "passed through" if isinstance(phase, Generate) else "only read"
            roles[network.name] = "moves" if network in phase.moves else through
        return {"name": phase.name, "roles": roles,
                "norms": {name: number(value) for name, value in self.norms.get(phase.name, {}).items()},
                "lr": phase.optimizer.lr, "times": self.times[phase.name], "steps": self.steps[phase.name]}  # fmt: skip

    def labelled(self):
        """Return which of the shown points show their label to SemiSupervised."""
        if not any(isinstance(phase, SemiSupervised) for phase in self.phases) or self.settings["data"] == "mnist":
            return []
        return sorted(set(self.batches.labelled.items.tolist()) & set(range(len(self.rows))))


def agreed(settings):
    """Return settings that go together: a prior with modes where labels choose them, and two dimensions for a plane."""
    found = dict(settings)
    if found["mode"] == "label-regularized" and not has_modes(found["prior"]):
        found["prior"] = "mixture"
    if found["mode"] != "autoencoder" and in_a_plane(found["prior"]):
        found["z"] = 2
    return found


def config_of(settings, dataset):
    """Return the `Config` of a session: small networks without noise or batch norm."""
    data, mode = settings["data"], settings["mode"]
    flags = {"z": settings["z"], "seed": settings["seed"], "hidden": (200, 200) if data == "mnist" else (64, 64)}
    if mode != "autoencoder":
        flags["prior"] = settings["prior"]
    if mode == "semi-supervised":
        flags["labels"] = 100 if data == "mnist" else 4 * dataset.classes
    if mode == "label-regularized":
        flags["labels"] = "all"
    if mode == "clustering":
        flags["clusters"] = max(2, dataset.classes)
    return replace(
        Config.of(mode, **flags).for_data(dataset),
        reconstruction="squared" if data == "mnist" else "gaussian", input_noise=0.0, input_dropout=0.0,
        batch_size=100, batch_norm=False, head_norm=False, decoder_norm=None, weight_std=None, condition_on_y=False,
        optimizer="adam", lr_reconstruction=1e-3, lr_adversarial=3e-4 if data == "mnist" else 1e-3,
        lr_classifier=0.05, adversarial_momentum=0.5,
    )  # fmt: skip


def twin_of(phase):
    """Return a copy of a phase and of all its networks, with the gradient that it has now."""
    twin = copy.deepcopy(phase)
    twin.gradients.flat[...] = phase.gradients.flat
    return twin


def networks_of(phase):
    """Return every network that a phase reads or moves."""
    found = [phase.encoder, getattr(phase, "decoder", None)]
    found += [each.discriminator for each in getattr(phase, "adversaries", ())]
    return [network for network in found if network is not None]


def norms_of(phase):
    """Return for each network that a phase moves the Euclidean norm of its last gradient."""
    found, start = {}, 0
    for network in phase.moves:
        found[network.name] = float(np.linalg.norm(phase.gradients.flat[start : start + network.size]))
        start += network.size
    return found


def slopes_of(phase, batch):
    """Return a row for each network that a phase moves: its slope along a random direction, in two ways.

    The first is dw · v by backward. The second is by central differences with three step sizes, of which the nearest
    counts, as in `check_phase`.
    """
    _, cache = phase.forward(batch)
    phase.backward(cache)
    gradient, rng, rows, start = phase.gradients.flat + 0, np.random.default_rng(0), [], 0
    for network in phase.moves:
        home, t = network.flat + 0, np.zeros(1)
        direction = rng.normal(size=network.size)
        direction /= np.linalg.norm(direction)

        def objective(scale, network=network, home=home, t=t, direction=direction):
            network.flat[...] = home + scale * t[0] * direction
            values, _ = phase.forward(batch)
            return sum(float(value) for name, value in values.items() if name not in phase.metrics)

        ours = float(gradient[start : start + network.size] @ direction)
        found = [differences(phase.backend, lambda s=s: objective(s), t)[0] / s for s in (1, 0.1, 0.01)]
        objective(0)
        rows.append([network.name, ours, float(min(found, key=lambda slope: abs(slope - ours)))])
        start += network.size
    return rows


def shapes_of(network):
    """Return the shapes of a network's parameters, layer by layer."""
    return [layer.shapes for layer in network.stack.walk()]


def distance(a, b):
    """Return the energy distance 2 E‖a − b‖ − E‖a − a′‖ − E‖b − b′‖ of points (n, d) and (m, d).

    It is 0 for two equal distributions, and needs samples alone (Székely and Rizzo 2013).
    """

    def mean(u, v):
        square = np.sum(u * u, 1)[:, None] + np.sum(v * v, 1) - 2 * u @ v.T
        return np.mean(np.sqrt(np.maximum(square, 0)))

    return float(2 * mean(a, b) - mean(a, a) - mean(b, b))


def number(value):
    """Return a finite number, or None, which JSON has."""
    return value if math.isfinite(value) else None


def tamed(array):
    """Return an array as float64 in [−1e9, 1e9], with 0 for NaN."""
    return np.clip(np.nan_to_num(np.asarray(array, float)), -1e9, 1e9)


def rounded(array, digits=4):
    """Return an array, tamed, as lists of rounded numbers; None stays."""
    return None if array is None else np.round(tamed(array), digits).tolist()
