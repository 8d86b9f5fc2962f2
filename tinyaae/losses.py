"""Loss functions: how wrong an output is, and which way to move it.

Each returns the value and the gradient with respect to its first argument. Values are sums over an example's
outputs and means over the batch, so that the gradient does not depend on how many examples are in the batch.
(Averaging over pixels as well, a common slip, makes the reconstruction gradient 784/2 times too small for the
paper's learning rates.) Values are arrays without dimensions and stay on the device until somebody asks.
"""

import math

from .layers import sigmoid


def half_squared_error(xp, output, target):
    """½ Σ (output − target)², summed over outputs, mean over the batch: (n, d), (n, d) -> value, (n, d)."""
    n = output.shape[0]
    difference = output - target
    return xp.sum(difference * difference) / (2 * n), difference / n


def binary_cross_entropy(xp, logits, target):
    """−t·ln s(l) − (1−t)·ln(1−s(l)), s the sigmoid, from logits l: (n, d), (n, d) in [0, 1] -> value, (n, d).

    Written as max(l, 0) − l·t + ln(1 + e^{−|l|}), which overflows nowhere; its gradient is s(l) − t.
    """
    n = logits.shape[0]
    value = xp.maximum(logits, 0) - logits * target + xp.log1p(xp.exp(-xp.abs(logits)))
    return xp.sum(value) / n, (sigmoid(xp, logits) - target) / n


def least_squares(xp, logits, target):
    """½ Σ (l − (2t − 1))² from a discriminator's outputs l and targets t, 1 real and 0 fake: (n, 1), (n, 1).

    The adversarial loss of Mao et al. (2017), their 0 and 1 written as −1 and 1: so l > 0 still means "real".
    """
    return half_squared_error(xp, logits, 2 * target - 1)


def softmax_cross_entropy(xp, logits, target):
    """−Σ t_k ln softmax(l)_k from logits: (n, k), targets (n, k) whose rows sum to 1 -> value, (n, k).

    The gradient is softmax(l) − t. Give it logits, not probabilities: softmax twice is a classic mistake.
    """
    n = logits.shape[0]
    shifted = logits - xp.max(logits, axis=1, keepdims=True)
    e = xp.exp(shifted)
    total = xp.sum(e, axis=1, keepdims=True)
    value = -xp.sum(target * (shifted - xp.log(total))) / n
    return value, (e / total - target) / n


def log_odds(xp, logits):
    """Σ ln y_k/(1 − y_k), y the softmax and k its largest, summed over the rows: (n, k) -> value, (n, k).

    Written as l_k − ln Σ_{j≠k} e^{l_j}. Where y is as good as one-hot, ln y_k is 0 and flat; this still has a slope.
    """
    top = xp.max(logits, axis=1, keepdims=True)
    own = xp.astype(logits == top, logits.dtype)
    others = logits - own * (2 * xp.max(xp.abs(logits)) + 100)  # so far below that e to the power of it is 0
    second = xp.max(others, axis=1, keepdims=True)
    e = xp.exp(others - second)
    total = xp.sum(e, axis=1, keepdims=True)
    return xp.sum(top - second - xp.log(total)), own - e / total


def entropy(xp, y):
    """−Σ y_k ln y_k of probabilities y, in nats, mean over the rows: (n, k) -> value, (n, k)."""
    n = y.shape[0]
    log = xp.log(xp.maximum(y, xp.full_like(y, 1e-12)))
    return -xp.sum(y * log) / n, -(log + 1) / n


def kl_to_standard_normal(xp, posterior):
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (μ² + σ² − ln σ² − 1), posterior = [μ, ln σ²]: (n, 2d) -> value, (n, 2d)."""
    n, d = posterior.shape[0], posterior.shape[1] // 2
    mean, log_var = posterior[:, :d], posterior[:, d:]
    variance = xp.exp(log_var)
    value = xp.sum(mean * mean + variance - log_var - 1) / (2 * n)
    return value, xp.concat([mean / n, (variance - 1) / (2 * n)], axis=1)


def negative_entropy(xp, posterior):
    """∫ q ln q of N(μ, σ²) = −½ Σ (ln 2πσ² + 1), posterior = [μ, ln σ²]: (n, 2d) -> value, (n, 2d)."""
    n, d = posterior.shape[0], posterior.shape[1] // 2
    log_var = posterior[:, d:]
    value = -xp.sum(log_var + (math.log(2 * math.pi) + 1)) / (2 * n)
    return value, xp.concat([xp.zeros_like(log_var), xp.full_like(log_var, -1 / (2 * n))], axis=1)


def negative_log_density(xp, z, prior):
    """−ln p(z) of a prior whose ln p(z) has a slope: (n, d) -> value, (n, d)."""
    n = z.shape[0]
    return -xp.sum(prior.log_density(xp, z)) / n, -prior.slope(xp, z) / n


def head_distance(xp, heads, eta):
    """Σ over pairs of max(0, η − ‖c_i − c_j‖) for heads (k, d) -> value, (k, d).

    Each pair that is too close pushes both its heads along the unit vector between them.
    """
    between = heads[:, None, :] - heads[None, :, :]  # (k, k, d), zero on the diagonal
    square = xp.sum(between * between, axis=2)
    distance = xp.sqrt(xp.maximum(square, xp.full_like(square, 1e-12)))  # no division by zero for equal heads
    close = xp.astype(distance < eta, heads.dtype)
    value = xp.sum(xp.tril(close * (eta - distance), k=-1))  # below the diagonal every pair stands once
    return value, -xp.sum((close / distance)[:, :, None] * between, axis=1)
