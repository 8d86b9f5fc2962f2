"""Export a trained model: one .npz with the names and the order of each network's layers, and their arrays.

A file has for each network the array of its layers' names in order, such as `Q.1.Linear` for layer 1 of Q. Each array
and number of a layer has that name and its own, such as `Q.1.Linear.W`. Noise layers are listed; in a trained network
they are the identity. Where P's output is logits, a last layer `Sigmoid` makes pixels of them. `y_dim` is the number of
Q's first outputs that are the logits of y; the others are z, or its mean and log variance.

`Model.export` is entered from here, so that the textbook need not know of files.
"""

from pathlib import Path

import numpy as np

from ..data.files import write_safely
from ..errors import UserError
from ..model import Model


def exported(model):
    """Return name -> array of everything that a trained `model` computes with."""
    arrays = {"y_dim": np.int64(model.config.y_dim)}
    for network in model.networks.values():
        names = []
        for k, layer in enumerate(network.stack.walk()):
            names.append(f"{network.name}.{k}.{type(layer).__name__}")
            for name in (*layer.shapes, *layer.buffers):
                arrays[f"{names[-1]}.{name}"] = model.backend.to_numpy(getattr(layer, name))
            for name, value in vars(layer).items():
                if isinstance(value, int | float):
                    arrays[f"{names[-1]}.{name}"] = np.asarray(value)
        if getattr(network, "logits", False):
            names.append(f"{network.name}.{len(names)}.Sigmoid")
        arrays[network.name] = np.array(names)
    return arrays


def export(model, path):
    """Write the networks of a trained model to an .npz at `path`, whole or not at all; see `docs/extending.md`.

    Raises `UserError` where `path` does not end in .npz or cannot be written.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise UserError(f"export: {path} given, expected a name that ends in .npz")
    try:
        write_safely(path, lambda file: np.savez(file, **exported(model)))
    except UserError as error:
        reason = getattr(error.__cause__, "strerror", error)
        raise UserError(f"export: {path} cannot be written ({reason}); does its folder exist?") from error


Model.export = export
