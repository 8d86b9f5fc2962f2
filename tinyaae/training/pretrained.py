"""The pretrained models of the package: networks in 8 bits, opened by name where a run is opened by path.

`tinyaae/pretrained/NAME.npz` has the networks of a finished run. A weight matrix `Q/0.W` is int8, and `Q/0.W_scale` has
the scale of each column. Other parameters and batch norm's averages are float32. `about` is JSON: the run's config, its
rows of metrics.csv, and its result.json. There the numbers are those of the weights in 8 bits; `before_quantization`
has those of the run. Optimizers are left out. `python -m results keep` writes such a file.
"""

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np

from ..backend.distributed.base import SINGLE_PROCESS
from ..config import Config
from ..data.files import write_safely
from ..data.npz import as_user_error, read_arrays
from ..errors import UserError
from ..layers import Linear
from ..surroundings import expanded
from .checkpoint import Position
from .quantize import dequantize, quantize
from .run_folder import RunFolder

HERE = Path(__file__).parent.parent / "pretrained"


def pretrained_names():
    """Return the names of the pretrained models, sorted."""
    return sorted(file.stem for file in HERE.glob("*.npz"))


def open_run(run, communicator=SINGLE_PROCESS):
    """Return the `RunFolder` at the path `run`, or the `PretrainedRun` of that name; an existing path wins.

    `UserError` where it is neither.
    """
    name, known = str(run), pretrained_names()
    if communicator.on_rank_0(lambda: os.path.lexists(expanded(run))):
        return RunFolder.open(run, communicator)
    if name in known:
        return PretrainedRun(HERE / f"{name}.npz")
    expected = f"expected the folder of a run, or one of {', '.join(known)}"
    raise UserError(f"{name}: no config.json there, {expected}; is the path right?")


class PretrainedRun:
    """The run of a pretrained model, read as a `RunFolder` is. Pictures and pages go to the current folder."""

    def __init__(self, file):
        self.file, self.revision, self.saved = file, file.stem, None
        self.path = Path(file.stem)
        with as_user_error(file):
            self.about = json.loads(str(read_arrays(file, {"about": ((), "str_")})["about"]))
        self.page, self._figures = Path(f"{file.stem}.html"), Path(f"{file.stem}-figures")

    @property
    def figures(self):
        """The folder of the pictures, made on first use."""
        self._figures.mkdir(exist_ok=True)
        return self._figures

    def locked(self):
        """Raise `UserError`: nothing is written to the package."""
        hint = f"train a run of your own, such as one with --start-from {self.revision}"
        raise UserError(f"{self.revision}: is a pretrained model, to which nothing is written; {hint}")

    def config(self):
        """Return the `Config` of the run."""
        return Config.from_json(json.dumps(self.about["config"]), self.file)

    def result(self):
        """Return the entries of result.json, and those that `python -m results keep` added."""
        return self.about["result"]

    def metrics(self):
        """Return the rows of metrics.csv."""
        return self.about["metrics"]

    def codes(self):
        """Return no codes: the run was not animated."""
        return []

    def restore(self, model, best=False):
        """Copy the networks into `model` and return their `Position`, the end of the run; optimizers stay fresh."""
        if best:
            raise UserError(f"{self.revision}: has the weights of the last epoch alone; leave best out")
        expected = {}
        for name, array, is_matrix in parameters_of(model):
            expected[name] = tuple(array.shape), "int8" if is_matrix else "floating"
            if is_matrix:
                expected[f"{name}_scale"] = (array.shape[1],), "floating"
        arrays = read_arrays(self.file, expected)
        for name, target, is_matrix in parameters_of(model):
            array = dequantize(arrays[name], arrays[f"{name}_scale"]) if is_matrix else arrays[name]
            target[...] = model.backend.array(array)
        self.saved = Position(model.config.epochs)
        return self.saved


def parameters_of(model):
    """Yield the name, the array (a view) and whether it is a weight matrix, for what the networks compute with."""
    for network in model.networks.values():
        for k, layer in enumerate(network.stack.walk()):
            for name in (*layer.shapes, *layer.buffers):
                yield f"{network.name}/{k}.{name}", getattr(layer, name), isinstance(layer, Linear) and name == "W"


def write_pretrained(file, model, about):
    """Write `model` in 8 bits to `file`, and the dict `about` (config, result, metrics)."""
    arrays = {"about": np.array(json.dumps(about, ensure_ascii=False))}
    for name, array, is_matrix in parameters_of(model):
        array = model.backend.to_numpy(array)
        if is_matrix:
            arrays[name], arrays[f"{name}_scale"] = quantize(array)
        else:
            arrays[name] = array

    def write(out):
        with zipfile.ZipFile(out, "w") as archive:
            for name, array in arrays.items():
                info = zipfile.ZipInfo(f"{name}.npy")  # without a time
                content = io.BytesIO()
                np.lib.format.write_array(content, np.asarray(array), version=(1, 0), allow_pickle=False)
                archive.writestr(info, content.getvalue(), zipfile.ZIP_DEFLATED, 9)

    write_safely(file, write)
