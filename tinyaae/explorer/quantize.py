"""Round the weights of networks to 8 bits, and describe their layers for a page.

A weight matrix W (d_in, d_out) becomes whole numbers q from −127 to 127 and one scale s_j a column: W_ij ≈ q_ij·s_j,
with s_j = max_i |W_ij| / 127. The error of a weight is at most s_j / 2. Biases and batch norm stay in float32.
"""

import copy

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


def quantize(W):
    """Return q (d_in, d_out), int8, and the scale of each column (d_out,), float32, of weights W (d_in, d_out)."""
    scale = (np.max(np.abs(W), axis=0) / 127).astype(np.float32)
    scale[scale == 0] = 1  # a column of zeros
    return np.clip(np.rint(W / scale), -127, 127).astype(np.int8), scale


def dequantize(q, scale):
    """Return the weights (d_in, d_out), float32, that q and its scales stand for."""
    return q.astype(np.float32) * scale


def with_quantized_weights(model):
    """Return a copy of a `Model` on NumPy whose matrices have the values that 8 bits can hold."""
    copied = copy.deepcopy(model)
    for network in copied.networks.values():
        for layer in network.stack.walk():
            if isinstance(layer, Linear):
                layer.W[...] = dequantize(*quantize(layer.W))
    return copied


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
