"""A tiny data set, and models and runs over it: what the tests of training, folders and the command line share.

120 training and 40 test images of 6 x 6 pixels in 3 classes, noisy enough that two epochs do not tell them all apart.
Ten of the training images are for validation, so 110 are trained on: 11 batches of 10 an epoch, none left over.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinyaae.backend import Backend
from tinyaae.config import Config
from tinyaae.config.fields import lacks, names
from tinyaae.config.modes import MODES
from tinyaae.data import Dataset
from tinyaae.errors import UserError
from tinyaae.model import build
from tinyaae.training import Batches, train
from tinyaae.training.run_folder import RunFolder

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TRAIN, TEST, SIDE, CLASSES, BATCH, STEPS, LABELS = 120, 40, 6, 3, 10, 11, 6
sys.path.insert(0, str(REPOSITORY))  # run_mnist.py lies there


def arrays(classes=CLASSES, height=SIDE, width=SIDE, train=TRAIN, test=TEST):
    """Return what an .npz holds: noisy copies of one random picture a class, uint8."""
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 1, (classes, height, width))

    def drawn(n):
        y = np.arange(n) % classes
        x = pictures[y] + rng.normal(0, 0.5, (n, height, width))
        return (255 * np.clip(x, 0, 1)).astype(np.uint8), y

    x_train, y_train = drawn(train)
    x_test, y_test = drawn(test)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def write_npz(path, **changed):
    """Write the data set to `path`, some of its arrays changed, and return `path`."""
    np.savez(path, **(arrays() | changed))
    return path


def tiny_dataset(classes=CLASSES):
    """Return the data set as `tinyaae.data.load` would."""
    parts = {key: part.reshape(len(part), -1) if part.ndim == 3 else part for key, part in arrays(classes).items()}
    return Dataset("tiny", **parts, classes=classes, side=(SIDE, SIDE))


def tiny_config(mode="semi-supervised", **flags):
    """Return a `Config` of `mode` for the tiny data set, changed by `flags`, those that only presets set included."""
    small = {"hidden": (8, 7), "epochs": 2, "batch_size": BATCH}
    if takes(mode, "labels"):
        small["labels"] = LABELS
    return config_of(mode, **(small | flags)).for_data(tiny_dataset())


def config_of(mode=None, preset="quick", **flags):
    """Return `Config.of(…)`, where `flags` may be fields that only presets set, too."""
    ours = {name: flags.pop(name) for name in list(flags) if name in names("preset")}
    return replace(Config.of(mode, preset, **flags), **ours)


def takes(mode, name):
    """Return whether a mode has a use for field `name`."""
    return not lacks(MODES[mode], name)


def assembled(config, backend=None):
    """Return the fresh model of `config` and its batches."""
    backend = backend or Backend.named("numpy")
    return build(config, backend), Batches(tiny_dataset(), config, backend)


def tiny_model(mode="semi-supervised", backend=None, **flags):
    """Return a model that has been trained for one epoch."""
    model, batches = assembled(tiny_config(mode, **flags), backend)
    for batch in batches.epoch(0):
        model.step(batch)
    return model


def tiny_run(folder, mode="semi-supervised", backend=None, **flags):
    """Train into the new folder `folder`, without evaluation; return the model and the `RunFolder`."""
    model, batches = assembled(tiny_config(mode, **flags), backend)
    run = RunFolder.create(folder)
    run.write_config(model.config)
    train(model, batches, run, quiet=True)
    return model, run


def refusal(call, *arguments, **named):
    """Return the one line that a `UserError` says."""
    with pytest.raises(UserError) as caught:
        call(*arguments, **named)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)
