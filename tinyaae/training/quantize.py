"""Round the weights of networks to 8 bits.

A weight matrix W (d_in, d_out) becomes whole numbers q from −127 to 127 and one scale s_j a column: W_ij ≈ q_ij·s_j,
with s_j = max_i |W_ij| / 127. The error of a weight is at most s_j / 2. Biases and batch norm stay in float32.
"""

import copy

import numpy as np

from ..layers import Linear


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
