"""The checkpoint of a run: one .npz from which training continues as if it had never stopped.

It holds every array that training changes, the optimizers' counters, the config and a format number. It also holds the
position in the run: epochs done, steps done of the next, and that epoch's running totals. It has no name, path or time,
so equal runs give equal bytes. It opens without pickle. The last 64 characters of the file are the SHA-256 of all bytes
before them, which any tool can check: `head -c -64 checkpoint.npz | sha256sum`. One changed bit anywhere is detected.

A checkpoint may come from a stranger. The model determines all shapes before the file is opened. Whatever sizes the
file states are compared with these shapes before memory is spent.
"""

import hashlib
import json
import os
import zipfile
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from ..data.npz import as_user_error, read_member
from ..errors import UserError

FORMAT = 2  # format 1 opens, too; it has no step, no config and no checksum
SEAL, DIGITS = b"sha256:", 64  # the comment at the end of the zip
HERE_ONLY = (  # fields that change no number, or only its last bits
    "revision", "data", "data_name", "backend", "threads", "ranks", "save_every", "save_minutes",
)  # fmt: skip
TOTAL = "total/"
ROOM = 2**20  # bytes for headers, the config and the totals
CHANGED = "was config.json changed?"


class Position(NamedTuple):
    """A position in a run: epochs done, steps done of the next one, and the sums of that epoch, name -> array."""

    epoch: int = 0
    step: int = 0
    totals: dict = {}


START = Position()


def write_checkpoint(file, model, position):
    """Write `model` at `position` to `file`, open for writing and reading."""
    backend = model.backend
    with zipfile.ZipFile(file, "w") as archive:
        contents = {
            "format": np.int64(FORMAT),
            "config": np.array(json.dumps(lasting(model.config), sort_keys=True)),
            "epoch": np.int64(position.epoch),
            "step": np.int64(position.step),
            **{TOTAL + name: backend.to_numpy(total) for name, total in position.totals.items()},
            **{f"{phase.name}/steps": np.int64(phase.optimizer.steps) for phase in model.phases_with_optimizer()},
            **{name: backend.to_numpy(array) for name, array in model.state().items()},
        }
        for name, array in contents.items():
            with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), version=(1, 0), allow_pickle=False)
        archive.comment = SEAL + b"0" * DIGITS
    digest = digest_of(file)
    file.seek(-DIGITS, os.SEEK_END)
    file.write(digest)


def read_checkpoint(path, model):
    """Copy the checkpoint at `path` into `model` and return its `Position`.

    Raises `UserError`, and changes nothing, where the file is damaged, too large, of a later format or of another
    model.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file, expected the run's checkpoint; did the run ever start?")
    with as_user_error(path), path.open("rb") as file:
        arrays = checked_arrays(path, file, model)
    for name, target in model.state().items():
        target[...] = model.backend.array(arrays[name])
    for phase in model.phases_with_optimizer():
        phase.optimizer.steps = int(arrays[f"{phase.name}/steps"])
    totals = {name[len(TOTAL) :]: model.backend.array(a) for name, a in arrays.items() if name.startswith(TOTAL)}
    return Position(int(arrays["epoch"]), int(arrays.get("step", 0)), totals)


def checked_arrays(path, file, model):
    """Return name -> array of an open checkpoint; `UserError` unless they are exactly those that `model` needs."""
    state = model.state()
    size, most = os.fstat(file.fileno()).st_size, ROOM + 8 * sum(array.size for array in state.values())
    if size > most:
        raise UserError(f"{path}: holds {size} bytes, expected at most {most}; was config.json changed?")
    with zipfile.ZipFile(file) as archive:
        names = [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
        sealed = archive.comment[: len(SEAL)] == SEAL and len(archive.comment) == len(SEAL) + DIGITS
        if sealed and digest_of(file) != archive.comment[len(SEAL) :]:
            raise UserError(f"{path}: its bytes do not have the checksum at its end; is it damaged?")

        def read(name, shape, kind):
            def expect(came, dtype):
                if came != shape or not np.issubdtype(dtype, getattr(np, kind)) or dtype.itemsize > ROOM:
                    raise UserError(f"{path}: {name} is {came} {dtype}, expected {shape} {kind}; {CHANGED}")

            if name not in names:
                raise UserError(f"{path}: no {name}, expected the arrays of this system; {CHANGED}")
            return read_member(f"{path}: {name}", archive, name, expect)

        version = int(read("format", (), "integer"))
        if version not in (1, FORMAT) or sealed != (version == FORMAT):
            seal = "with" if sealed else "without"
            hint = "is it damaged, or from a newer version? pip install -U tinyaae"
            raise UserError(f"{path}: format {version} {seal} checksum, expected 1 without or {FORMAT} with; {hint}")
        shapes = {"format": ((), "integer"), "epoch": ((), "integer")}
        if version > 1:
            shapes |= {"step": ((), "integer"), "config": ((), "str_")}
            shapes |= {name: ((), "floating") for name in names if name.startswith(TOTAL)}
        shapes |= {f"{phase.name}/steps": ((), "integer") for phase in model.phases_with_optimizer()}
        shapes |= {name: (tuple(array.shape), "floating") for name, array in state.items()}
        foreign = sorted({*names} - shapes.keys())
        if foreign or len(names) > len(shapes):
            more = foreign[0] if foreign else "one of them twice"
            raise UserError(f"{path}: {ascii(more)[:80]}, expected only the arrays of this system; {CHANGED}")
        arrays = {name: read(name, *expected) for name, expected in shapes.items()}
    epochs, numbers = model.config.epochs, [a for name, a in arrays.items() if shapes[name] == ((), "integer")]
    epoch, step = int(arrays["epoch"]), int(arrays.get("step", 0))
    if min(numbers) < 0 or max(numbers) >= 2**62 or epoch > epochs or (epoch == epochs and step > 0):
        raise UserError(f"{path}: epoch {epoch} of {epochs}, step {step}; {CHANGED}")
    if version > 1:
        expect_config(path, str(arrays["config"]), lasting(model.config))
    return arrays


def expect_config(path, text, now):
    """Raise `UserError` unless the config in a checkpoint equals the present one."""
    then = json.loads(text)
    now = json.loads(json.dumps(now))  # JSON makes tuples lists, and keys strings
    for name, value in then.items():
        if name not in now:
            raise UserError(f"{path}: made with a {ascii(name)[:80]} that this version does not know; a newer one?")
        if value != now[name]:
            raise UserError(f"{path}: made with {name} {value}, config.json says {now[name]}; {CHANGED}"[:500])


def lasting(config):
    """Return name -> value of the fields of a config that determine the numbers of a run, on any machine."""
    return {name: value for name, value in asdict(config).items() if name not in HERE_ONLY}


def digest_of(file):
    """Return the SHA-256 of an open file without its last 64 bytes, in hexadecimal digits."""
    left, digest = file.seek(0, os.SEEK_END) - DIGITS, hashlib.sha256()
    file.seek(0)
    while left > 0 and (piece := file.read(min(left, 2**20))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest().encode()
