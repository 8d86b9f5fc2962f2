"""Loss functions: how wrong an output is, and which way to move it.

Each returns the value and the gradient with respect to its first argument. `xp` is the backend's array library.
Values are sums over an example's outputs and means over the batch of n examples. So a gradient has a factor 1/n,
and its size does not depend on n. Averaging over pixels as well is a common mistake. It makes the reconstruction
gradient 784/2 times too small for the paper's learning rates. Cross-entropies and the KL divergence are in nats.
Values are arrays without dimensions, and stay on the device until a caller reads them.

Losses of probabilities take logits l, not s(l) or softmax(l). The logarithm of the loss and the exponential of the
activation cancel. The gradient becomes prediction minus target, and no ln 0 can arise.
"""

import math

from .layers import sigmoid


def half_squared_error(xp, output, target):
    """½ Σ (output − target)², summed over outputs, mean over the batch: (n, d), (n, d) -> value, (n, d).

    The reconstruction loss of the paper, half the squared Euclidean distance. The ½ cancels the 2 of the square:

        ∂L/∂output = (output − target) / n

    Up to a constant it is −ln p(target) of a Gaussian with mean `output` and variance 1.
    """
    n = output.shape[0]
    difference = output - target
    return xp.sum(difference * difference) / (2 * n), difference / n


def binary_cross_entropy(xp, logits, target):
    """−t·ln s(l) − (1−t)·ln(1−s(l)), s the sigmoid, from logits l: (n, d), (n, d) in [0, 1] -> value, (n, d).

    From −ln s(l) = ln(1 + e^{−l}) and −ln(1 − s(l)) = ln(1 + e^l) the two terms become one. Since s is the
    derivative of ln(1 + e^l), the gradient follows at once:

        L = ln(1 + e^l) − l·t = max(l, 0) − l·t + ln(1 + e^{−|l|})
        ∂L/∂l = (s(l) − t) / n

    The second form overflows nowhere. D's loss is this one, with t = 1 for samples of the prior and 0 for codes.
    At l = 0 each row costs ln 2. As a reconstruction loss it is the negative log-likelihood of Bernoulli pixels.
    """
    n = logits.shape[0]
    value = xp.maximum(logits, 0) - logits * target + xp.log1p(xp.exp(-xp.abs(logits)))
    return xp.sum(value) / n, (sigmoid(xp, logits) - target) / n


def accuracy(xp, logits, target):
    """Return the fraction of logits (n, 1) whose sign is right: above 0 where the target (n, 1) is, an array ()."""
    return xp.mean(xp.astype((logits > 0) == (target > 0), logits.dtype))


def least_squares(xp, logits, target):
    """½ Σ (l − (2t − 1))² from a discriminator's outputs l and targets t, 1 real and 0 fake: (n, 1), (n, 1).

    The adversarial loss of Mao et al. (2017), their 0 and 1 written as −1 and 1. So l > 0 still means "real".

        ∂L/∂l = (l − (2t − 1)) / n

    Returns value, (n, 1). Unlike s(l) − t, this gradient grows with the distance to the target.
    """
    return half_squared_error(xp, logits, 2 * target - 1)


def softmax_cross_entropy(xp, logits, target):
    """−Σ t_k ln softmax(l)_k from logits: (n, k), targets (n, k) whose rows sum to 1 -> value, (n, k).

    With y = softmax(l), ln y_j = l_j − ln Σ_i e^{l_i}, and ∂ ln y_j/∂l_k = δ_jk − y_k. Hence

        ∂L/∂l_k = −Σ_j t_j·(δ_jk − y_k) / n = (y_k·Σ_j t_j − t_k) / n = (y_k − t_k) / n

    The target may be one-hot (a label) or soft (another q(y|x)); it is a constant. The input is logits. With
    probabilities softmax is applied twice, a well-known mistake: training still works, but slowly.
    """
    n = logits.shape[0]
    shifted = logits - xp.max(logits, axis=1, keepdims=True)
    e = xp.exp(shifted)
    total = xp.sum(e, axis=1, keepdims=True)
    value = -xp.sum(target * (shifted - xp.log(total))) / n
    return value, (e / total - target) / n


def log_odds(xp, logits):
    """Σ ln y_k/(1 − y_k), y the softmax and k its largest, summed over the rows: (n, k) -> value, (n, k).

    Written as l_k − ln Σ_{j≠k} e^{l_j}, whose last term has the softmax over the others as its gradient:

        ∂L/∂l_k = 1        ∂L/∂l_j = −e^{l_j} / Σ_{i≠k} e^{l_i}  for j ≠ k

    Where y is almost one-hot, ln y_k is 0 and flat; this value still has a slope. It is a sum and not a mean,
    because `extras.VirtualAdversarial` uses each row's gradient for that row alone.
    """
    top = xp.max(logits, axis=1, keepdims=True)
    own = xp.astype(logits == top, logits.dtype)
    others = logits - own * (2 * xp.max(xp.abs(logits)) + 100)  # so far below that e to the power of it is 0
    second = xp.max(others, axis=1, keepdims=True)
    e = xp.exp(others - second)
    total = xp.sum(e, axis=1, keepdims=True)
    return xp.sum(top - second - xp.log(total)), own - e / total


def entropy(xp, y):
    """−Σ y_k ln y_k of probabilities y, in nats, mean over the rows: (n, k) -> value, (n, k).

        ∂H/∂y_k = −(ln y_k + 1) / n

    It lies between 0 (one-hot) and ln k (uniform). The product rule gives the 1, which softmax's backward removes
    again: it subtracts what is equal for all k. Below 1e-12 y counts as 1e-12, since ln 0 is not finite.
    """
    n = y.shape[0]
    log = xp.log(xp.maximum(y, xp.full_like(y, 1e-12)))
    return -xp.sum(y * log) / n, -(log + 1) / n


def kl_to_standard_normal(xp, posterior):
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (μ² + σ² − ln σ² − 1), posterior = [μ, ln σ²]: (n, 2d) -> value, (n, 2d).

    The KL is E[ln q(z) − ln p(z)] under q. It has two parts, for each dimension:

        E[ln q] = −½ (ln 2πσ² + 1)        E[ln p] = −½ (ln 2π + μ² + σ²)

    With v = ln σ² as the variable, σ² = e^v is its own derivative:

        ∂L/∂μ = μ / n        ∂L/∂v = (σ² − 1) / 2n

    Both are 0 exactly at μ = 0 and σ = 1. Source: Kingma and Welling 2014, appendix B.
    """
    n, d = posterior.shape[0], posterior.shape[1] // 2
    mean, log_var = posterior[:, :d], posterior[:, d:]
    variance = xp.exp(log_var)
    value = xp.sum(mean * mean + variance - log_var - 1) / (2 * n)
    return value, xp.concat([mean / n, (variance - 1) / (2 * n)], axis=1)


def negative_entropy(xp, posterior):
    """∫ q ln q of N(μ, σ²) = −½ Σ (ln 2πσ² + 1), posterior = [μ, ln σ²]: (n, 2d) -> value, (n, 2d).

    The half of a KL divergence without the prior. The entropy of a Gaussian does not depend on its mean:

        ∂L/∂μ = 0        ∂L/∂ ln σ² = −1 / 2n
    """
    n, d = posterior.shape[0], posterior.shape[1] // 2
    log_var = posterior[:, d:]
    value = -xp.sum(log_var + (math.log(2 * math.pi) + 1)) / (2 * n)
    return value, xp.concat([xp.zeros_like(log_var), xp.full_like(log_var, -1 / (2 * n))], axis=1)


def negative_log_density(xp, z, prior):
    """−ln p(z) of a prior whose ln p(z) has a slope: (n, d) -> value, (n, d).

    The other half of a KL divergence, estimated at one drawn z. `prior.slope` is ∂ ln p(z)/∂z:

        ∂L/∂z = −∂ ln p(z)/∂z / n

    `UserError` from a prior that has no density or no slope.
    """
    n = z.shape[0]
    return -xp.sum(prior.log_density(xp, z)) / n, -prior.slope(xp, z) / n


def head_distance(xp, heads, eta):
    """Σ over pairs of max(0, η − ‖c_i − c_j‖) for heads (k, d) -> value, (k, d).

    Each pair that is too close pushes both its heads along the unit vector between them, since ∂‖v‖/∂v = v/‖v‖:

        ∂L/∂c_i = −Σ_{j: ‖c_i − c_j‖ < η} (c_i − c_j) / ‖c_i − c_j‖

    Pairs at a distance of η or more have no gradient. Without a bound the heads would move apart for ever. Nothing
    is divided by n, because no image enters. Equal heads get no gradient. Source: section 7.
    """
    between = heads[:, None, :] - heads[None, :, :]  # (k, k, d), zero on the diagonal
    square = xp.sum(between * between, axis=2)
    distance = xp.sqrt(xp.maximum(square, xp.full_like(square, 1e-12)))  # no division by zero for equal heads
    close = xp.astype(distance < eta, heads.dtype)
    value = xp.sum(xp.tril(close * (eta - distance), k=-1))  # below the diagonal every pair stands once
    return value, -xp.sum((close / distance)[:, :, None] * between, axis=1)
