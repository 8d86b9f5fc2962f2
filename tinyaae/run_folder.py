"""The folder of a run: config.json, metrics.csv, checkpoint.npz, result.json and figures/.

A checkpoint holds the epoch and every array that training changes, nothing else: no name, path or time, so that equal
runs give equal bytes. It is written beside the old one, flushed to the disk and then renamed, so a good one is always
there; it opens without pickle. Lines of metrics.csv after the checkpoint's epoch are dropped on resume.
"""

import csv
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from .config import Config
from .errors import UserError

FORMAT = 1


class RunFolder:
    """One run's folder at `path`; `revision` is its name for people."""

    def __init__(self, path, revision):
        self.path, self.revision = Path(path), revision

    @staticmethod
    def check(out=None, revision=None):
        """Raise `UserError` where `create` would refuse, before any work is done."""
        if revision is not None and (Path(revision).name != revision or revision in ("", ".", "..")):
            raise UserError(f"--revision: {revision!r} given, expected a plain name; use --out for a path")
        if out == "":
            raise UserError("--out: an empty name given, expected the folder to make")
        path = Path(out) if out else Path("runs") / revision if revision else None
        if path is not None and os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path)):
            what = "holds files already" if os.path.isdir(path) else "is a file"
            raise UserError(f"--{'out' if out else 'revision'}: {path} {what}; name another, or --resume {path}")

    @classmethod
    def create(cls, out=None, revision=None):
        """Make a new folder, exactly `out` or runs/<revision>; `UserError` where something lies already."""
        cls.check(out, revision)
        stamp = revision or time.strftime("%Y%m%d-%H%M%S")
        path, copy = Path(out) if out else Path("runs") / stamp, 1
        while True:
            try:
                path.mkdir(parents=True, exist_ok=bool(out or revision))
                return cls(path, stamp if copy == 1 else f"{stamp}-{copy}")
            except FileExistsError as error:
                if out or revision:
                    raise UserError(f"{path}: something else has just been put there; name another") from error
                copy += 1  # another run was started in the same second
                path = Path("runs") / f"{stamp}-{copy}"
            except OSError as error:
                raise UserError(f"{path}: cannot make this folder ({error.strerror}); is the disk writable?") from error

    @classmethod
    def open(cls, path):
        """Open an existing run; `UserError` where `path` is none."""
        path = Path(path)
        if not os.path.isfile(path / "config.json"):  # unlike Path.is_file it takes any name, however long
            raise UserError(f"{path}: no config.json there, expected the folder of a run; is the path right?")
        folder = cls(path, path.name)
        folder.revision = folder.config().revision
        return folder

    @property
    def figures(self):
        """The folder of the pictures, made on first use."""
        folder = self.path / "figures"
        folder.mkdir(exist_ok=True)
        return folder

    def write_config(self, config):
        text = replace(config, revision=self.revision).to_json()
        write_safely(self.path / "config.json", lambda file: file.write(text.encode()))

    def config(self):
        """Return the run's `Config`; `UserError` where config.json is broken."""
        file = self.path / "config.json"
        try:
            return Config.from_json(file.read_text(encoding="utf-8"), file)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: cannot be read ({error})") from error

    def write_result(self, result):
        text = json.dumps(result, indent=2) + "\n"
        write_safely(self.path / "result.json", lambda file: file.write(text.encode()))

    def result(self):
        """Return result.json as a dict, or None while the run is not finished."""
        file = self.path / "result.json"
        try:
            return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{file}: cannot be read ({error}); delete it and --resume writes it anew") from error

    def append_metrics(self, row):
        """Add one epoch's `row` (name -> number) to metrics.csv, with a header before the first."""
        file = self.path / "metrics.csv"
        new = not file.exists() or file.stat().st_size == 0
        with file.open("a", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, row, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)

    def metrics(self):
        """Return metrics.csv as a list of dicts of floats."""
        file = self.path / "metrics.csv"
        if not file.is_file():
            return []
        try:
            with file.open(newline="", encoding="utf-8") as lines:
                return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]
        except (OSError, ValueError, TypeError, csv.Error) as error:  # TypeError: a line too short or too long
            raise UserError(f"{file}: cannot be read ({error}); was it edited?") from error

    def drop_metrics_after(self, epoch):
        """Keep the header and the lines up to `epoch` in metrics.csv."""
        file = self.path / "metrics.csv"
        if file.is_file():
            lines = file.read_bytes().splitlines(keepends=True)[: epoch + 1]
            write_safely(file, lambda out: out.writelines(lines))

    def save(self, system, epoch):
        """Write checkpoint.npz: the arrays of `system`, its counters, and the number of epochs done."""
        arrays = {name: system.backend.to_numpy(value) for name, value in system.state().items()}
        counters = {f"{phase.name}/steps": np.int64(phase.optimizer.steps) for phase in system.optimized()}
        everything = {"format": np.int64(FORMAT), "epoch": np.int64(epoch), **counters, **arrays}
        write_safely(self.path / "checkpoint.npz", lambda file: np.savez(file, **everything))

    def save_codes(self, epoch, places, labels):
        """Keep for the animation the codes (n, d) of some images after `epoch`, and the images' labels (n,)."""
        folder = self.path / "codes"
        folder.mkdir(exist_ok=True)
        arrays = {"places": places.astype(np.float16), "labels": labels}  # half precision: less than a pixel
        write_safely(folder / f"{epoch:06}.npz", lambda file: np.savez(file, **arrays))

    def codes(self):
        """Return [(epoch, codes (n, d), labels (n,)), …] of an animated run, in order; empty for another."""
        frames = []
        for file in sorted((self.path / "codes").glob("*.npz")):
            try:
                with np.load(file, allow_pickle=False) as saved:
                    frames.append((int(file.stem), saved["places"].astype(np.float32), saved["labels"]))
            except Exception as error:
                came = " ".join(f"{type(error).__name__}: {error}".split())
                raise UserError(f"{file}: cannot be read ({came}); is it damaged?") from error
        return frames

    def restore(self, system):
        """Copy checkpoint.npz into `system` and return the number of epochs done; `UserError` where it does not fit."""
        file = self.path / "checkpoint.npz"
        if not file.is_file():
            raise UserError(f"{file}: no such file, expected the run's checkpoint; did the run ever start?")
        try:
            with file.open("rb") as content, np.load(content, allow_pickle=False) as saved:
                arrays = {name: saved[name] for name in saved.files}
        except Exception as error:  # a damaged zip or array header shows itself in a dozen kinds of exception
            came = " ".join(f"{type(error).__name__}: {error}".split())
            raise UserError(f"{file}: cannot be read ({came}); is it damaged?") from error
        self._expect_arrays_of(system, arrays, file)
        for name, target in system.state().items():
            target[...] = system.backend.array(arrays[name])
        for phase in system.optimized():
            phase.optimizer.steps = int(arrays[f"{phase.name}/steps"])
        return int(arrays["epoch"])

    @staticmethod
    def _expect_arrays_of(system, arrays, file):
        """Raise `UserError` unless `arrays` are what `save` writes for `system`, before any of them is used."""
        weights = system.state()
        numbers = {"format", "epoch", *(f"{phase.name}/steps" for phase in system.optimized())}
        if set(arrays) != numbers | weights.keys():
            raise UserError(f"{file}: its arrays are not those of this system; was config.json changed?")
        for name, array in arrays.items():
            shape, kind = (tuple(weights[name].shape), "floating") if name in weights else ((), "integer")
            if array.shape != shape or not np.issubdtype(array.dtype, getattr(np, kind)):
                came, expected = f"{array.shape} {array.dtype}", f"{shape} {kind}"
                raise UserError(f"{file}: {name} is {came}, expected {expected}; was config.json changed?")
        if arrays["format"] != FORMAT:
            raise UserError(f"{file}: format {arrays['format']}, expected {FORMAT}; was it written by another version?")
        if not 0 <= arrays["epoch"] <= system.config.epochs or min(arrays[name] for name in numbers) < 0:
            raise UserError(f"{file}: epoch {arrays['epoch']} of {system.config.epochs}; was config.json changed?")


def write_safely(path, write):
    """Call `write(file)` on a file beside `path`, flush it to the disk, then rename it to `path`."""
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
