"""Collapse: detect and explain how an adversarial run goes wrong without a NaN.

Each symptom is a condition on the metrics of an epoch that must hold for several epochs in a row. The state of the
monitor is a function of the lines of metrics.csv, so a resumed run restores it.
"""

import math

import numpy as np

from ..backend import Context
from ..losses import binary_cross_entropy

STUCK, STUCK_FOR = 0.005, 5  # distance of D's loss to chance in each of the first epochs; later it may mean success
WON, WON_FOR = 0.98, 3  # share of samples on which D is right
DEAD, DEAD_FOR = 0.1, 3  # share of the outputs of y that are the most probable for no validation image
FAR, FAR_FOR = 0.5, 3  # mean off by more than this times the prior's std, or std off by a factor of more than 2

WORDS = {
    "stuck": "the discriminator behind {name} has had a loss of {loss:.3f} since the first epoch: it answers the same "
    "to everything and teaches {pupil} nothing; what usually helps: a larger lr_adversarial, or Adam instead of "
    "momentum (--set optimizer=adam)",
    "won": "the discriminator behind {name} is right {right:.0%} of the time: it has won, and {pupil} learns little "
    "from it; what usually helps: a smaller lr_adversarial (--set), more --input-noise, or momentum instead of Adam",
    "dead": "{dead} of the {k} outputs of y are chosen for no validation image; what usually helps: momentum "
    "instead of Adam (--set optimizer=momentum, with larger lr_ settings), fewer clusters, or another --seed",
    "far": "the codes z have mean {0:.2f} and standard deviation {1:.2f}, the prior {2:.2f} and {3:.2f}, so samples "
    "will look bad; what usually helps: more epochs, a larger lr_adversarial (--set), or a smaller z",
}


def chance(smoothing=0.0):
    """Return the least loss of a D with a constant output c: 2 ln 2, and less where its targets are smoothed by s.

    −(1 − s) ln c − (1 + s) ln(1 − c) is least at c = (1 − s)/2.
    """
    c = (1 - smoothing) / 2
    return -2 * (c * math.log(c) + (1 - c) * math.log(1 - c))


def adversaries_of(model):
    """Return the list of the adversaries of all phases of `model`; Discriminate and Generate share theirs."""
    return [each for phase in model.phases_with_optimizer() for each in getattr(phase, "adversaries", ())]


def chance_of(model):
    """Return `chance` of a model's discriminators; ∞, which no loss reaches, where one has a loss of its own."""
    known = all(each.loss is binary_cross_entropy for each in adversaries_of(model))
    return chance(model.config.smoothing) if known else math.inf


class CollapseMonitor:
    """Read a run's metrics line by line; `warnings` lists the warnings so far, each once."""

    def __init__(self, model):
        self.warnings, self._streak, self._seen = [], {}, set()
        self.outputs, self.chance = model.config.y_dim, chance_of(model)
        # while the weight of its loss grows, a D is meant to teach Q little
        self.waiting = {each.discriminator.name for each in adversaries_of(model) if each.adversarial_warmup}
        self.pupil = "Q" if "Q" in model.networks else "P"
        draws = model.backend.to_numpy(model.prior.sample(10_000, Context(model.backend, stream="symptoms")))
        self.mean, self.std = float(np.mean(draws)), float(np.std(draws))

    def update(self, row):
        """Take the metrics `row` (name -> number) of the next epoch; return the warnings that are new."""
        new = []
        for symptom, holds, epochs, words in self.symptoms(row):
            self._streak[symptom] = self._streak.get(symptom, 0) + 1 if holds else 0
            words = f"epoch {int(row['epoch'])}: {words}"
            if self._streak[symptom] == epochs and symptom not in self._seen:
                self._seen.add(symptom)
                new.append(words)
        self.warnings += new
        return new

    def symptoms(self, row):
        """Yield (name, whether it holds in this row, epochs for which it must hold, warning) of each symptom."""
        for name in [key for key in row if key.startswith("D_") and f"{key}_accuracy" in row]:
            right = row[f"{name}_accuracy"]
            early = row["epoch"] <= STUCK_FOR and name not in self.waiting
            stuck = early and abs(row[name] - self.chance) < STUCK
            told = dict(name=name, pupil=self.pupil, loss=self.chance, right=right)
            yield f"{name} stuck", stuck, STUCK_FOR, WORDS["stuck"].format(**told)
            yield f"{name} won", right > WON, WON_FOR, WORDS["won"].format(**told)
        if "dead_outputs" in row:
            dead, k = int(row["dead_outputs"]), self.outputs
            yield "dead", dead >= max(1, DEAD * k), DEAD_FOR, WORDS["dead"].format(dead=dead, k=k)
        if {"D_gauss", "z_mean", "z_std"} <= row.keys():
            mean, std = row["z_mean"], row["z_std"]
            far = abs(mean - self.mean) > FAR * self.std or not FAR < std / self.std < 1 / FAR
            yield "far", far, FAR_FOR, WORDS["far"].format(mean, std, self.mean, self.std)
