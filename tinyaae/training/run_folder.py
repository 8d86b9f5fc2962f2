"""The folder of a run: config.json, metrics.csv, checkpoint.npz, best.npz, start.json, result.json and figures/.

Files from which a run is continued and evaluated are written next to the old ones, flushed to the disk and renamed. So
a good one always exists, whatever stops the process or fills the disk. metrics.csv grows; a resume drops its lines
after the checkpoint's epoch. Two processes never share a folder. Creating config.json claims the folder, and a process
holds a lock on it while it works there.
"""

import csv
import json
import math
import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..backend.distributed.base import SINGLE_PROCESS, by_rank_0
from ..config import Config
from ..data.files import write_safely, writing
from ..data.npz import read_arrays
from ..errors import UserError
from ..priors import is_same
from ..surroundings import expanded
from .checkpoint import START, read_checkpoint, write_checkpoint

try:
    import fcntl
except ImportError:  # Windows has no fcntl, so no lock
    fcntl = None


class RunFolder:
    """One run's folder at `path`; `revision` is its readable name. Rank 0 alone reads and writes it."""

    def __init__(self, path, revision, communicator=SINGLE_PROCESS):
        self.communicator = communicator
        self.path, self.revision = Path(expanded(path)), revision
        self.saved = None  # the position of the last checkpoint that was written or read

    @staticmethod
    def check(out=None, revision=None):
        """Raise `UserError` where `create` would refuse, before any work is done."""
        if revision is not None and (Path(revision).name != revision or revision in ("", ".", "..")):
            raise UserError(f"--revision: {revision!r} given, expected a plain name; use --out for a path")
        if out == "":
            raise UserError("--out: an empty name given, expected the folder to make")
        path = Path(expanded(out)) if out else Path("runs") / revision if revision else None
        if path is not None and os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path)):
            what = "holds files already" if os.path.isdir(path) else "is a file"
            raise UserError(f"--{'out' if out else 'revision'}: {path} {what}; name another, or --resume {path}")

    @classmethod
    def create(cls, out=None, revision=None, communicator=SINGLE_PROCESS):
        """Make a new folder, exactly `out` or runs/<revision>; `UserError` where something exists already."""
        return cls(*communicator.on_rank_0(lambda: cls._created(out, revision)), communicator)

    @classmethod
    def _created(cls, out, revision):
        cls.check(out, revision)
        stamp, copy = revision or time.strftime("%Y%m%d-%H%M%S"), 1
        while True:
            name = stamp if copy == 1 else f"{stamp}-{copy}"
            path = Path(expanded(out)) if out else Path("runs") / name
            try:
                path.mkdir(parents=True, exist_ok=True)
                (path / "config.json").open("x").close()  # only one process can create it, and so owns the run
                return path, name
            except FileExistsError as error:
                if out or revision:
                    raise UserError(f"{path}: something else has just been put there; name another") from error
                copy += 1  # another run was started in the same second
            except OSError as error:
                raise UserError(f"{path}: cannot make this folder ({error.strerror}); is the disk writable?") from error

    @classmethod
    def open(cls, path, communicator=SINGLE_PROCESS):
        """Open an existing run; `UserError` where `path` is not the folder of a run."""
        folder = cls(path, Path(expanded(path)).name, communicator)
        folder.revision = folder.config().revision
        return folder

    @contextmanager
    def locked(self):
        """While open, keep every other process from working in this folder; `UserError` where one does already."""
        with ExitStack() as stack:
            self.communicator.on_rank_0(lambda: self._lock(stack))
            yield

    def _lock(self, stack):
        file = stack.enter_context((self.path / "config.json").open("rb"))
        try:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system releases it however the process ends
        except BlockingIOError as error:
            raise UserError(f"{self.path}: another process is at work there; wait for it, or stop it") from error
        except OSError:  # a file system without locks
            pass

    @property
    def figures(self):
        """The folder of the pictures, made on first use."""
        folder = self.path / "figures"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def page(self):
        """The path of the page that `explore` writes."""
        return self.path / "explorer.html"

    def begin(self, model, start):
        """Write what a new run has before its first step; `start` is what `started_from` returned.

        config.json comes last. With it the run can be resumed, and then it needs the weights that it started from.
        """
        if start:
            self._write_json("start.json", start)
            self.save(model, START)
        self.write_config(model.config)

    @by_rank_0
    def start(self):
        """Return what `begin` was given: the run whose weights this one started from, or {}."""
        file = self.path / "start.json"
        try:
            return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{file}: cannot be read ({error}); delete it to go on without it") from error

    @by_rank_0
    def _write_json(self, name, content):
        text = json.dumps(content, indent=2) + "\n"
        write_safely(self.path / name, lambda file: file.write(text.encode()))

    @by_rank_0
    def write_config(self, config):
        text = replace(config, revision=self.revision).to_json()
        write_safely(self.path / "config.json", lambda file: file.write(text.encode()))

    @by_rank_0
    def config(self):
        """Return the run's `Config`; `UserError` where config.json is missing or broken."""
        file = self.path / "config.json"
        if not os.path.isfile(file):  # unlike Path.is_file it accepts a name of any length
            raise UserError(f"{self.path}: no config.json there, expected the folder of a run; is the path right?")
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: cannot be read ({error})") from error
        if not text:
            raise UserError(f"{file}: empty, so the run was stopped before it began; delete {self.path} and start anew")
        return Config.from_json(text, file)

    def write_result(self, result):
        self._write_json("result.json", result)

    @by_rank_0
    def result(self):
        """Return result.json as a dict, or None while the run is not finished."""
        file = self.path / "result.json"
        try:
            return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{file}: cannot be read ({error}); delete it and --resume writes it anew") from error

    @by_rank_0
    def append_metrics(self, row):
        """Add one epoch's `row` (name -> number) to metrics.csv, with a header before the first."""
        file = self.path / "metrics.csv"
        with writing(file), file.open("a", newline="", encoding="utf-8") as out:
            columns = self.columns() if out.tell() else list(row)  # a phase that skips the first step comes later
            writer = csv.DictWriter(out, columns, lineterminator="\n")
            if out.tell() == 0:
                writer.writeheader()
            elif sorted(columns) != sorted(row):
                raise UserError(f"{file}: its columns are not those of this run; was it edited?")
            writer.writerow(row)
            out.flush()
            os.fsync(out.fileno())  # a checkpoint is never ahead of its metrics

    def columns(self):
        """Return the names in the header of metrics.csv."""
        with (self.path / "metrics.csv").open(newline="", encoding="utf-8", errors="replace") as lines:
            return next(csv.reader(lines), [])

    @by_rank_0
    def metrics(self):
        """Return metrics.csv as a list of dicts of floats."""
        file = self.path / "metrics.csv"
        if not file.is_file():
            return []
        try:
            with file.open(newline="", encoding="utf-8") as lines:
                rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]
            if [row.get("epoch") for row in rows] != list(range(1, len(rows) + 1)):
                raise ValueError("its epochs are not 1, 2, …")
            if not all(math.isfinite(value) for row in rows for value in row.values()):
                raise ValueError("a number is not finite")
            return rows
        except (OSError, ValueError, TypeError, csv.Error) as error:  # TypeError: a line too short or too long
            raise UserError(f"{file}: cannot be read ({error}); was it edited?") from error

    @by_rank_0
    def drop_metrics_after(self, epoch):
        """Keep the header and the lines up to `epoch` in metrics.csv; for epoch 0 keep nothing."""
        file = self.path / "metrics.csv"
        if file.is_file():
            lines = file.read_bytes().splitlines(keepends=True)[: epoch + 1 if epoch else 0]
            write_safely(file, lambda out: out.writelines(lines))

    @by_rank_0
    def began(self):
        """Return whether the run has written anything of its training; it may have stopped before its first save."""
        return any((self.path / name).exists() for name in ("checkpoint.npz", "metrics.csv"))

    def save(self, model, position):
        """Write `model` at `position` to checkpoint.npz."""
        self._write("checkpoint.npz", model, position)
        self.saved = position

    @by_rank_0
    def save_codes(self, epoch, places, labels):
        """Write the codes (n, d) of some images after `epoch`, and their labels (n,), for the animation."""
        folder = self.path / "codes"
        folder.mkdir(exist_ok=True)
        arrays = {"places": places.astype(np.float16), "labels": labels}  # half precision: less than a pixel
        write_safely(folder / f"{epoch:06}.npz", lambda file: np.savez(file, **arrays))

    def codes(self):
        """Return [(epoch, codes (n, d), labels (n,)), …] of an animated run, in order; empty without animation."""
        expected, frames = {"places": ((None, None), "floating"), "labels": ((None,), "integer")}, []
        for file in sorted((self.path / "codes").glob("*.npz")):
            kept = read_arrays(file, expected)
            frames.append((int(file.stem), kept["places"].astype(np.float32), kept["labels"]))
        return frames

    def save_best(self, model, position):
        """Write `model` at `position` to best.npz."""
        self._write("best.npz", model, position)

    @by_rank_0
    def _write(self, name, model, position):
        expect_named(model)
        write_safely(self.path / name, lambda file: write_checkpoint(file, model, position))

    def restore(self, model, best=False):
        """Copy checkpoint.npz, or best.npz, into `model` and return its `Position`; `UserError` if it does not fit."""
        file = self.path / ("best.npz" if best else "checkpoint.npz")
        if best and "Q" not in model.networks:
            raise UserError(f"{file}: mode {model.config.mode} has no error on validation images, so no best epoch")
        optimizers = [phase.optimizer for phase in model.phases_with_optimizer()]
        position, steps = self.communicator.on_rank_0(
            lambda: (read_checkpoint(file, model), [o.steps for o in optimizers])
        )
        for array in model.state().values():
            self.communicator.broadcast(array)
        for optimizer, taken in zip(optimizers, steps, strict=True):
            optimizer.steps = taken
        self.saved = position
        return position


def expect_named(model):
    """Raise `UserError` where a network or a prior of z is not what the config names: a load would build the latter."""
    if model.by_hand:
        hint = "make them in a mode of your own, registered by @tinyaae.mode"
        raise UserError(f"network: Q or P put in by hand, which a load would not find in config.json; {hint}")
    expected = model.config.make_prior()
    adversaries = [found for phase in model.phases_with_optimizer() for found in getattr(phase, "adversaries", ())]
    for prior in (model.prior, *(adversary.prior for adversary in adversaries if adversary.field == "z")):
        if not is_same(prior, expected):
            came = f"{type(prior).__name__} put in by hand"
            hint = "give its options by --set, or register its class by @tinyaae.prior"
            raise UserError(f"prior: {came}, expected the {model.config.prior} prior that config.json names; {hint}")
