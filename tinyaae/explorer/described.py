"""Describe the layers of networks for a page, their weights in 8 bits."""

import numpy as np

from ..errors import UserError
from ..layers import (
    AppendNoise,
    BatchNorm,
    ClusterHeads,
    Dropout,
    GaussianNoise,
    LeakyReLU,
    Linear,
    ReLU,
    Sigmoid,
    Tanh,
)
from ..training.quantize import quantize


def layers_of(network, pack):
    """Return a list of dicts, one a layer, for what the `network` does in evaluation.

    pack: stores an array and returns its description. Noise and dropout do nothing in evaluation and are left out.
    Raises `UserError` for a layer that a page cannot compute.
    """
    described = []
    for layer in network.stack.walk():
        if isinstance(layer, Linear):
            q, scale = quantize(layer.W)
            described.append({"is": "linear", "q": pack(q), "scale": pack(scale), "b": pack(layer.b)})
        elif isinstance(layer, BatchNorm):
            slope = layer.gamma / np.sqrt(layer.running_var + layer.epsilon)
            shift = layer.beta - layer.running_mean * slope
            described.append({"is": "affine", "slope": pack(slope), "shift": pack(shift)})
        elif isinstance(layer, ClusterHeads):
            described.append({"is": "heads", "W": pack(layer.W)})
        elif isinstance(layer, AppendNoise):
            described.append({"is": "pad", "zeros": layer.d_noise})
        elif isinstance(layer, LeakyReLU):
            described.append({"is": "leaky", "slope": layer.slope})
        elif isinstance(layer, ReLU | Tanh | Sigmoid):
            described.append({"is": type(layer).__name__.lower()})
        elif not isinstance(layer, GaussianNoise | Dropout):
            came = f"a layer {type(layer).__name__} in {network.name}"
            raise UserError(f"explore: {came}, which a page cannot compute; draw RUN shows such a run in pictures")
    if getattr(network, "logits", False):
        described.append({"is": "sigmoid"})
    return described
