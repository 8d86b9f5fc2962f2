"""Do one run from start to end: train, evaluate, draw, and write the results and what made them."""

import os
import platform
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from .. import data as datasets
from ..backend import Backend
from ..config import Config
from ..errors import UserError
from ..metrics import content, evaluate
from ..model import build
from ..surroundings import expanded
from .batches import Batches
from .checkpoint import START
from .loop import train as train_epochs
from .pretrained import open_run
from .run_folder import RunFolder


class Run(NamedTuple):
    """A finished run: the trained `model`, `result` as in result.json, and `history`, the rows of metrics.csv."""

    model: Any
    result: dict
    history: list


def prepare(mode=None, data=None, dtype="float32", **flags):
    """Return a fresh model and its `Batches`, to step the phases by hand; arguments as in `train`.

    `for batch in batches.epoch(0): model.step(batch)` trains for an epoch. dtype: of all arrays that training changes;
    gradient checks need "float64".
    """
    config, dataset = configured(mode, data, flags)
    backend = Backend.named(config.backend, dtype)
    config = config.for_data(dataset).for_backend(backend)
    batches = Batches(dataset, config, backend)
    return build(config, backend), batches


def configured(mode, data, flags):
    """Return the config and the dataset that `train` is asked for."""
    if isinstance(data, str | os.PathLike):
        flags["data"] = data = os.path.abspath(expanded(data))
    elif not isinstance(data, datasets.Dataset | None):
        raise UserError(f"data: {type(data).__name__} given, expected a path or a Dataset; data.from_arrays(x, y)?")
    config = Config.of(mode, **flags)
    if isinstance(data, datasets.Dataset):
        if data.name != "mnist" and "labels" not in flags and config.labels != 0:
            config = replace(config, labels="all")  # the labels that somebody has
        return config, data
    return config, datasets.load_mnist() if data is None else datasets.load(data, table=config.is_table)


def train(mode=None, data=None, out=None, each_epoch=None, start_from=None, **flags):
    """Train a model and return the finished `Run`.

    mode: semi-supervised unless given.
    flags: as on the command line, with underscores (`labels=100`, `vat=2`, `lr_adversarial=1e-3`, `seed=1`).
    data: a `Dataset`, or a path as for --data; the default is MNIST.
    out: a new folder for everything that the command writes. Without it nothing is written or drawn, and no likelihood
    is estimated.
    each_epoch: called with the row of metrics (name -> number) after every epoch, and with the model, too, where it
        needs two arguments. Where it returns True the run ends there, properly: it is saved and evaluated, and
        `result["stopped_after"]` is that epoch.
    start_from: the folder of a run, or the name of a pretrained model. This run starts from its last
        weights, with optimizers and a schedule of its own. Networks that both have are copied; `result["start_from"]`
        names them.

    Raises `UserError` for what the command refuses in one line, and `Diverged` when a number is no longer finite.
    """
    started = time.perf_counter()
    if out is not None:
        RunFolder.check(out)
    config, dataset = configured(mode, data, flags)
    backend = Backend.named(config.backend)
    config = config.for_data(dataset).for_backend(backend)
    batches = Batches(dataset, config, backend)
    model = build(config, backend)
    start = started_from(start_from, model)
    if out is None:
        kept = InMemory()
        warnings = train_epochs(model, batches, kept, quiet=True, each_epoch=each_epoch)
        found = evaluate(model, dataset, batches.validation, likelihoods=False)
        found |= {"stopped_after": stopped_after(kept, config), "warnings": warnings + content.warnings_in(found)}
        return Run(model, found | start, kept.metrics())
    folder = RunFolder.create(out)
    folder.begin(model, start)
    with folder.locked():
        result, _ = complete(model, batches, dataset, folder, START, True, started, each_epoch)
    return Run(model, result, folder.metrics())


def started_from(run, model):
    """Copy the weights of the `run` in a folder into the networks of `model`; return what result.json says of it.

    `UserError` where they do not fit, or where the two have no network in common; {} where `run` is None.
    """
    if run is None:
        return {}
    folder = open_run(run, model.backend.communicator)
    other = build(folder.config(), model.backend)
    position, shared = folder.restore(other), [name for name in model.networks if name in other.networks]
    if not shared:
        raise UserError(
            f"--start-from: {run} has {', '.join(other.networks)}, expected one of {', '.join(model.networks)}"
        )
    for name in shared:
        mine, theirs = model.networks[name], other.networks[name]
        if layers_of(mine) != layers_of(theirs):
            came = f"{name} of {run} has {layers_of(theirs)}, expected {layers_of(mine)}"
            made = other.config
            preset = "" if made.preset == "quick" else f" --preset {made.preset}"
            numbers = f"--mode {made.mode}{preset} --hidden {','.join(map(str, made.hidden))} --z {made.z}"
            raise UserError(f"--start-from: {came}; that run has {numbers}, and {made.inputs} numbers a row")
        for array, earlier in zip(mine.state().values(), theirs.state().values(), strict=True):
            array[...] = earlier
    return {"start_from": {"run": str(run), "epoch": position.epoch, "networks": shared}}


def layers_of(network):
    """Return the layers that have weights, with their shapes, in words."""
    layers = [layer for layer in network.stack.walk() if layer.shapes]
    return " ".join(f"{type(each).__name__} {next(iter(each.shapes.values()))}" for each in layers)


class InMemory:
    """The part of a `RunFolder` that the loop's `train` needs, for a run that writes nothing."""

    path = "the run"

    def __init__(self):
        self.rows, self.saved = [], None

    def metrics(self):
        """Return the rows so far."""
        return list(self.rows)

    def append_metrics(self, row):
        self.rows.append(row)

    def save(self, model, position):
        """Copy everything that training changes, for `restore`."""
        backend, self.saved = model.backend, position
        self.arrays = {name: backend.to_numpy(array).copy() for name, array in model.state().items()}
        self.steps = [phase.optimizer.steps for phase in model.phases_with_optimizer()]

    def save_best(self, model, position):
        pass

    def save_codes(self, epoch, places, labels):
        pass

    def save_snapshot(self, epoch, take):
        pass

    def restore(self, model):
        """Copy back what `save` kept, and return its position."""
        for name, array in model.state().items():
            array[...] = model.backend.array(self.arrays[name])
        for phase, steps in zip(model.phases_with_optimizer(), self.steps, strict=True):
            phase.optimizer.steps = steps
        return self.saved


def complete(model, batches, dataset, folder, position, quiet, started, each_epoch=None):
    """Train from `position` to the end, evaluate, draw and write result.json; return it and the pictures' paths."""
    config, before = model.config, sum(row.get("seconds", 0) for row in folder.metrics())
    ranks = model.backend.communicator
    try:
        warnings = train_epochs(model, batches, folder, position, quiet, each_epoch=each_epoch)
        found = ranks.on_rank_0(lambda: evaluate(model, dataset, batches.validation))
        pictures, undrawn = ranks.on_rank_0(lambda: draw(model, dataset, folder, found))
    except KeyboardInterrupt as stop:
        if folder.saved:
            done = f"epoch {folder.saved.epoch}" + (f", step {folder.saved.step}" if folder.saved.step else "")
            stop.args = (f"; saved after {done}, continue with --resume {folder.path}",)
        raise
    seconds = round(before + time.perf_counter() - started, 1)
    result = {
        "revision": folder.revision, "mode": config.mode, "seed": config.seed, "backend": model.backend.name,
        "labels": config.labels, "epochs": config.epochs, "stopped_after": stopped_after(folder, config),
        "seconds": seconds, "machine": machine(model.backend), "commit": commit(), **found,
        "warnings": warnings + content.warnings_in(found) + undrawn, **folder.start(),
    }  # fmt: skip
    folder.write_result(result)
    return result, pictures


def draw(model, dataset, folder, found):
    """Return the pictures' paths, and in a list of at most one line why there are none: a run does not need them."""
    try:
        from .. import figures  # not before: Matplotlib is loaded where something is drawn
    except UserError as error:
        return [], [f"no pictures: {error}, then tinyaae draw {folder.path}"]
    return figures.draw_all(model, dataset, folder, found), []


def stopped_after(folder, config):
    """Return the epoch after which `each_epoch` ended the run, or None where it trained to its end."""
    last = folder.metrics()[-1]["epoch"]
    return int(last) if last < config.epochs else None


def commit():
    """Return the commit of this checkout, with "+" where files differ from it; None outside of a checkout."""
    here = Path(__file__).resolve().parent.parent.parent

    def git(*words):
        run = subprocess.run(["git", "-C", here, *words], capture_output=True, timeout=10, check=True)
        return os.fsdecode(run.stdout)

    try:
        if not os.path.samefile(git("rev-parse", "--show-toplevel").strip(), here):
            return None  # the package lies in another project's repository
        changed = git("status", "--porcelain", "tinyaae", "run_mnist.py")
        return git("rev-parse", "HEAD").strip() + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def machine(backend):
    """Return the hardware and library of the run in words, for comparing times."""
    library = backend.xp
    device = f"{backend.device}, " if backend.device else ""
    ranks = f"{backend.communicator.size} ranks of " if backend.communicator.size > 1 else ""
    return f"{ranks}{device}{platform.machine()}, {backend.threads} threads, {library.__name__} {library.__version__}"
