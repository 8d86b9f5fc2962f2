"""A catalogue of wrong backward passes: every mistake here is one that people make, and none of them raises anything.

Each entry is the right class (or function) with one method written wrongly, and a gradient check which accepts the
right one and rejects the wrong one. That is how the checker itself is tested, and the course uses the same list.

    for entry in WRONG:
        entry.check(entry.right, backend)    passes
        entry.check(entry.wrong, backend)    raises GradientError

An entry appends itself to `WRONG` with a decorator, which also says what it is checked on. Shapes are square where
otherwise NumPy would notice.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from helpers import (
    ConstantExampleInformationMaximization,
    ConstantExampleVirtualAdversarial,
    ConstantYGenerate,
    ConstantYReconstruction,
    EveryField,
    phase_of,
    tiny_networks,
    tiny_phase,
)

from tinyaae.extras import LatentNoise
from tinyaae.gradcheck import check_layer, check_loss, check_phase
from tinyaae.layers import (
    AppendNoise,
    BatchNorm,
    ClusterHeads,
    Dropout,
    GaussianNoise,
    GaussianSampling,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from tinyaae.losses import (
    binary_cross_entropy,
    entropy,
    half_squared_error,
    head_distance,
    kl_to_standard_normal,
    least_squares,
    log_odds,
    negative_entropy,
    negative_log_density,
    softmax_cross_entropy,
)
from tinyaae.networks import Code, Decoder, Encoder
from tinyaae.phases import Discriminate, Generate, HeadSeparation, Phase, Reconstruction, SemiSupervised, Variational
from tinyaae.priors import GaussianMixture


class Wrong(NamedTuple):
    """One mistake: what it is, the right thing and the wrong one, and `check(thing, backend, seed=0)`."""

    mistake: str
    right: Callable
    wrong: Callable
    check: Callable


WRONG = []


def wrong_layer(mistake, *sizes, n=3, d=4, training=True):
    """Enter a layer, made as `Layer(*sizes)` and checked at x (n, d), which is at least 0.1 away from 0."""

    def check(layer, backend, seed=0):
        x = np.random.default_rng(1).normal(size=(n, d))
        return check_layer(layer(*sizes), x + np.sign(x) * 0.1, backend, training, seed=seed)

    return _enter(mistake, check)


OUTPUT = np.random.default_rng(2).normal(size=(3, 4))
TARGET = np.random.default_rng(3).dirichlet(np.ones(4), size=3)  # in [0, 1], rows that sum to 1
ARGS = {
    half_squared_error: [OUTPUT, TARGET],
    binary_cross_entropy: [OUTPUT, TARGET],
    least_squares: [OUTPUT, TARGET],
    softmax_cross_entropy: [OUTPUT, TARGET],
    kl_to_standard_normal: [OUTPUT],
    log_odds: [OUTPUT],
    entropy: [TARGET],
    negative_entropy: [OUTPUT],
    negative_log_density: [OUTPUT[:, :2], GaussianMixture()],
    head_distance: [OUTPUT, 3.0],  # of the three distances between the rows, one is above 3 and two are below
}


def wrong_loss(mistake, right):
    """Enter a loss, checked at `ARGS[right]`."""
    return _enter(mistake, lambda loss, backend, seed=0: check_loss(loss, ARGS[right], backend), right)


def wrong_network(mistake, **options):
    """Enter an encoder or a decoder, checked in a phase of the tiny networks that uses all of its outputs."""

    def check(kind, backend, seed=0):
        nets = tiny_networks(backend, **options)
        if issubclass(kind, Encoder):
            encoder = kind(backend, nets.encoder.stack.layers, nets.encoder.classes, options.get("posterior"))
            return check_phase(EveryField(encoder), nets.batch, seed=seed)
        decoder = kind(backend, nets.decoder.stack.layers)
        phase = phase_of(nets._replace(decoder=decoder), "reconstruction")
        return check_phase(phase, nets.batch, seed=seed)

    return _enter(mistake, check)


def wrong_phase(mistake, name, **options):
    """Enter a phase, `name` being its name in `helpers.PHASES`."""

    def check(kind, backend, seed=0):
        phase, nets, frozen = tiny_phase(backend, name, kind=kind, **options)
        return check_phase(phase, nets.batch, frozen, seed=seed)

    return _enter(mistake, check)


def _enter(mistake, check, right=None):
    def enter(wrong):
        original = right or next(kind for kind in wrong.__mro__ if kind.__module__ != __name__)
        WRONG.append(Wrong(f"{original.__name__}: {mistake}", original, wrong, check))
        return wrong

    return enter


# Linear ----------------------------------------------------------------------------------------------------------


@wrong_layer("dx goes through W instead of Wᵀ", 4, 4)
class LinearDxThroughW(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        super().backward(dy, x, grads)
        return dy @ self.W


@wrong_layer("dx has its sign flipped", 4, 5)
class LinearDxSign(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        return -super().backward(dy, x, grads)


@wrong_layer("dx is zero", 4, 5)
class LinearDxZero(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        return 0 * super().backward(dy, x, grads)


@wrong_layer("dW is transposed", 4, 4)
class LinearDwTransposed(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] += dy.T @ x
            grads["b"] += self.xp.sum(dy, axis=0)
        return dy @ self.W.T


@wrong_layer("dW is forgotten", 4, 5)
class LinearNoDw(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["b"] += self.xp.sum(dy, axis=0)
        return dy @ self.W.T


@wrong_layer("dW is a mean over the batch, which the loss has taken already", 4, 5)
class LinearDwMean(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] += x.T @ dy / x.shape[0]
            grads["b"] += self.xp.sum(dy, axis=0)
        return dy @ self.W.T


@wrong_layer("dW overwrites what is there instead of being added", 4, 5)
class LinearDwOverwritten(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["W"][...] = x.T @ dy
            grads["b"] += self.xp.sum(dy, axis=0)
        return dy @ self.W.T


@wrong_layer("dW is put into the dictionary, and the phase's vector never hears of it", 4, 5)
class LinearDwRebound(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] = grads["W"] + x.T @ dy
            grads["b"] += self.xp.sum(dy, axis=0)
        return dy @ self.W.T


@wrong_layer("db is forgotten", 4, 5)
class LinearNoDb(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] += x.T @ dy
        return dy @ self.W.T


@wrong_layer("db is the mean over the batch instead of the sum", 4, 5)
class LinearDbMean(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] += x.T @ dy
            grads["b"] += self.xp.mean(dy, axis=0)
        return dy @ self.W.T


@wrong_layer("db is summed over the outputs instead of the batch", 4, 5, n=5)
class LinearDbWrongAxis(Linear):
    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] += x.T @ dy
            grads["b"] += self.xp.sum(dy, axis=1)
        return dy @ self.W.T


@wrong_layer("remembers x in self, so that a second forward replaces it", 4, 5)
class LinearRemembersX(Linear):
    def forward(self, x, ctx):
        self.x = x
        return super().forward(x, ctx)

    def backward(self, dy, x, grads=None, want_dx=True):
        return super().backward(dy, self.x, grads)


@wrong_layer("keeps a sum of dW in self that nobody zeroes", 4, 5)
class LinearKeepsSum(Linear):
    def bind(self, backend, parameters):
        super().bind(backend, parameters)
        self.sum = backend.zeros(self.shapes["W"])

    def backward(self, dy, x, grads=None, want_dx=True):
        if grads is not None:
            self.sum += x.T @ dy
            grads["W"] += self.sum
            grads["b"] += self.xp.sum(dy, axis=0)
        return dy @ self.W.T


@wrong_layer("no gradient passes to y", 1, 3)
class ClusterHeadsNoDy(ClusterHeads):
    def backward(self, dr, y, grads=None, want_dx=True):
        dx = super().backward(dr, y, grads)
        dx[:, : self.k] = 0
        return dx


@wrong_layer("the gradient of the heads is a mean over the batch", 1, 3)
class ClusterHeadsMean(ClusterHeads):
    def backward(self, dr, y, grads=None, want_dx=True):
        if grads is not None:
            grads["W"] += y.T @ dr / y.shape[0]
        return super().backward(dr, y)


# Activations -----------------------------------------------------------------------------------------------------


@wrong_layer("the gradient passes everywhere")
class ReLUPassesAll(ReLU):
    def backward(self, dy, y, grads=None):
        return dy


@wrong_layer("passes where dy > 0 instead of where x > 0")
class ReLUMaskOfDy(ReLU):
    def backward(self, dy, y, grads=None):
        return self.xp.maximum(dy, 0)


@wrong_layer("passes where x < 0")
class ReLUInverted(ReLU):
    def backward(self, dy, y, grads=None):
        return dy * self.xp.astype(y <= 0, dy.dtype)


@wrong_layer("gives the derivative and forgets dy")
class ReLUForgetsDy(ReLU):
    def backward(self, dy, y, grads=None):
        return self.xp.astype(y > 0, dy.dtype)


@wrong_layer("edits dy in place, which another branch may still need")
class ReLUEditsDy(ReLU):
    def backward(self, dy, y, grads=None):
        dy *= self.xp.astype(y > 0, dy.dtype)
        return dy


@wrong_layer("nothing passes where x < 0, as if it were a ReLU")
class LeakyReLUNotLeaky(LeakyReLU):
    def backward(self, dy, slope, grads=None):
        return dy * self.xp.astype(slope == 1, dy.dtype)


@wrong_layer("divides by the slope")
class LeakyReLUDivides(LeakyReLU):
    def backward(self, dy, slope, grads=None):
        return dy / slope


@wrong_layer("1 − y instead of 1 − y²")
class TanhNoSquare(Tanh):
    def backward(self, dy, y, grads=None):
        return dy * (1 - y)


@wrong_layer("takes the derivative at y instead of at x")
class TanhDerivativeAtY(Tanh):
    def backward(self, dy, y, grads=None):
        return dy * (1 - self.xp.tanh(y) ** 2)


@wrong_layer("y without the factor 1 − y")
class SigmoidOnlyY(Sigmoid):
    def backward(self, dy, y, grads=None):
        return dy * y


@wrong_layer("edits its cache in place, which is also the input of the next layer")
class SigmoidEditsCache(Sigmoid):
    def backward(self, dy, y, grads=None):
        y *= 1 - y
        return dy * y


@wrong_layer("the derivative of tanh")
class SigmoidAsTanh(Sigmoid):
    def backward(self, dy, y, grads=None):
        return dy * (1 - y * y)


@wrong_layer("zeros, which pass any check with dy = 1")
class SoftmaxZeros(Softmax):
    def backward(self, dy, y, grads=None):
        return 0 * dy


@wrong_layer("no cross term between the classes")
class SoftmaxNoCrossTerm(Softmax):
    def backward(self, dy, y, grads=None):
        return dy * y


@wrong_layer("elementwise, as if it were a sigmoid")
class SoftmaxElementwise(Softmax):
    def backward(self, dy, y, grads=None):
        return dy * y * (1 - y)


@wrong_layer("the cross term is summed over the batch")
class SoftmaxWrongAxis(Softmax):
    def backward(self, dy, y, grads=None):
        return y * (dy - self.xp.sum(dy * y, axis=0))


@wrong_layer("the cross term is a mean instead of a sum")
class SoftmaxMean(Softmax):
    def backward(self, dy, y, grads=None):
        return y * (dy - self.xp.mean(dy * y, axis=1, keepdims=True))


# Batch norm ------------------------------------------------------------------------------------------------------


class BatchNormDx(BatchNorm):
    """The right gradients of γ and β; the entries below override `dx` and `mean` (or the whole)."""

    def backward(self, dy, cache, grads=None, want_dx=True):
        super().backward(dy, cache, grads)
        xhat, scale, _, _, _ = cache
        return self.dx(dy, xhat, scale)

    def dx(self, dy, xhat, scale):
        mean = self.xp.mean
        return self.gamma * scale * (dy - mean(dy, axis=0) - xhat * mean(dy * xhat, axis=0))


@wrong_layer("zeros, which pass any check with dy = 1", 4)
class BatchNormZeros(BatchNormDx):
    def dx(self, dy, xhat, scale):
        return 0 * dy


@wrong_layer("no path through the mean", 4)
class BatchNormNoMeanPath(BatchNormDx):
    def dx(self, dy, xhat, scale):
        return self.gamma * scale * (dy - xhat * self.xp.mean(dy * xhat, axis=0))


@wrong_layer("no path through the variance", 4)
class BatchNormNoVariancePath(BatchNormDx):
    def dx(self, dy, xhat, scale):
        return self.gamma * scale * (dy - self.xp.mean(dy, axis=0))


@wrong_layer("mean and variance taken for constants, as in evaluation", 4)
class BatchNormConstants(BatchNormDx):
    def dx(self, dy, xhat, scale):
        return self.gamma * scale * dy


@wrong_layer("γ is missing from dx", 4)
class BatchNormNoGamma(BatchNormDx):
    def dx(self, dy, xhat, scale):
        return super().dx(dy, xhat, scale) / self.gamma


@wrong_layer("sums where means belong", 4)
class BatchNormSums(BatchNormDx):
    def dx(self, dy, xhat, scale):
        return self.gamma * scale * (dy - self.xp.sum(dy, axis=0) - xhat * self.xp.sum(dy * xhat, axis=0))


@wrong_layer("the variance over n − 1 in backward, over n in forward", 4)
class BatchNormUnbiased(BatchNormDx):
    def dx(self, dy, xhat, scale):
        n = dy.shape[0]
        path = xhat * self.xp.sum(dy * xhat, axis=0) / (n - 1)
        return self.gamma * scale * (dy - self.xp.mean(dy, axis=0) - path)


@wrong_layer("divides by the running standard deviation instead of the batch's", 4)
class BatchNormRunningVariance(BatchNormDx):
    def dx(self, dy, xhat, scale):
        return super().dx(dy, xhat, 1 / self.xp.sqrt(self.running_var + self.epsilon))


@wrong_layer("the training form in evaluation", 4, training=False)
class BatchNormTrainingForm(BatchNormDx):
    def dx(self, dy, xhat, scale):
        return super().dx(dy, xhat, scale)


@wrong_layer("dγ forgets x̂", 4)
class BatchNormDgamma(BatchNorm):
    def backward(self, dy, cache, grads=None, want_dx=True):
        if grads is not None:
            grads["gamma"] += self.xp.sum(dy, axis=0)
            grads["beta"] += self.xp.sum(dy, axis=0)
        return super().backward(dy, cache)


@wrong_layer("the running averages move in forward, so every phase that passes through moves them", 4)
class BatchNormMovesInForward(BatchNorm):
    def forward(self, x, ctx):
        y, cache = super().forward(x, ctx)
        self.update_running_statistics(cache)
        return y, cache


# Noise -----------------------------------------------------------------------------------------------------------


@wrong_layer("the gradient passes where the input was dropped", 0.5)
class DropoutPassesAll(Dropout):
    def backward(self, dy, mask, grads=None):
        return dy


@wrong_layer("1/(1−p) is forgotten on the way back", 0.5)
class DropoutNotRescaled(Dropout):
    def backward(self, dy, mask, grads=None):
        return dy * self.xp.astype(mask > 0, dy.dtype)


@wrong_layer("draws a fresh mask on the way back", 0.5)
class DropoutFreshMask(Dropout):
    def forward(self, x, ctx):
        y, _ = super().forward(x, ctx)
        return y, ctx

    def backward(self, dy, ctx, grads=None):
        return super().forward(dy, ctx)[0]


@wrong_layer("draws from a generator of its own, so no forward can be repeated", 0.5)
class NoiseOfItsOwn(GaussianNoise):
    rng = np.random.default_rng(0)

    def forward(self, x, ctx):
        return x + self.std * ctx.backend.array(self.rng.normal(size=x.shape)), None


@wrong_layer("dx is scaled like the noise", 0.5)
class NoiseScalesDx(GaussianNoise):
    def backward(self, dy, cache, grads=None):
        return self.std * dy


@wrong_layer("dx is read from the columns of the noise", 4, 4)
class AppendNoiseWrongColumns(AppendNoise):
    def backward(self, dy, cache, grads=None):
        return dy[:, self.d_in :]


@wrong_layer("the ½ of d ln σ² is missing")
class SamplingNoHalf(GaussianSampling):
    def backward(self, dz, spread, grads=None):
        return self.xp.concat([dz, dz * spread], axis=1)


@wrong_layer("ε is missing: the spread is taken for a constant")
class SamplingNoEpsilon(GaussianSampling):
    def backward(self, dz, spread, grads=None):
        return self.xp.concat([dz, dz / 2], axis=1)


@wrong_layer("no gradient passes to μ")
class SamplingNoMean(GaussianSampling):
    def backward(self, dz, spread, grads=None):
        return self.xp.concat([0 * dz, dz * spread / 2], axis=1)


@wrong_layer("no gradient passes to σ")
class SamplingNoSpread(GaussianSampling):
    def backward(self, dz, spread, grads=None):
        return self.xp.concat([dz, 0 * dz], axis=1)


@wrong_layer("μ and ln σ² are swapped")
class SamplingSwapped(GaussianSampling):
    def backward(self, dz, spread, grads=None):
        return self.xp.concat([dz * spread / 2, dz], axis=1)


# Sequential ------------------------------------------------------------------------------------------------------

STACK = [Linear(4, 4), Tanh(), Linear(4, 4), Sigmoid()]


@wrong_layer("backward runs in the order of forward", STACK)
class SequentialForwardOrder(Sequential):
    def backward(self, dy, caches, grads=None, want_dx=True):
        for k, layer in enumerate(self.layers):
            dy = layer.backward(dy, caches[k], None if grads is None else grads[k])
        return dy


@wrong_layer("stops before the first layer", STACK)
class SequentialStopsEarly(Sequential):
    def backward(self, dy, caches, grads=None, want_dx=True):
        for k in reversed(range(1, len(self.layers))):
            dy = self.layers[k].backward(dy, caches[k], None if grads is None else grads[k])
        return dy


@wrong_layer("the last activation is skipped", STACK)
class SequentialSkipsLast(Sequential):
    def backward(self, dy, caches, grads=None, want_dx=True):
        for k in reversed(range(len(self.layers) - 1)):
            dy = self.layers[k].backward(dy, caches[k], None if grads is None else grads[k])
        return dy


# Losses ----------------------------------------------------------------------------------------------------------


@wrong_loss("the softmax of all k, not of the others: the slope goes flat", log_odds)
def log_odds_of_all(xp, logits):
    value, gradient = log_odds(xp, logits)
    e = xp.exp(logits)
    own = xp.astype(gradient > 0, logits.dtype)
    return value, own - e / xp.sum(e, axis=1, keepdims=True)


@wrong_loss("the others are not pushed down", log_odds)
def log_odds_own_only(xp, logits):
    value, gradient = log_odds(xp, logits)
    return value, xp.maximum(gradient, xp.zeros_like(gradient))


@wrong_loss("1/n is missing: a sum over the batch", half_squared_error)
def squared_error_no_mean(xp, output, target):
    return half_squared_error(xp, output, target)[0], output - target


@wrong_loss("a mean over the pixels too", half_squared_error)
def squared_error_mean_of_pixels(xp, output, target):
    value, gradient = half_squared_error(xp, output, target)
    return value, gradient / output.shape[1]


@wrong_loss("the ½ is forgotten", half_squared_error)
def squared_error_no_half(xp, output, target):
    value, gradient = half_squared_error(xp, output, target)
    return value, 2 * gradient


@wrong_loss("the sign is flipped: target − output", half_squared_error)
def squared_error_sign(xp, output, target):
    return half_squared_error(xp, output, target)[0], (target - output) / output.shape[0]


@wrong_loss("the output is overwritten by the difference", half_squared_error)
def squared_error_in_place(xp, output, target):
    n = output.shape[0]
    output -= target
    return xp.sum(output * output) / (2 * n), output / n


@wrong_loss("the derivative with respect to the probability, not the logit", binary_cross_entropy)
def bce_of_probability(xp, logits, target):
    value, gradient = binary_cross_entropy(xp, logits, target)
    s = (xp.tanh(logits / 2) + 1) / 2
    return value, gradient / (s * (1 - s))


@wrong_loss("the sigmoid's derivative once too often", binary_cross_entropy)
def bce_sigmoid_twice(xp, logits, target):
    value, gradient = binary_cross_entropy(xp, logits, target)
    s = (xp.tanh(logits / 2) + 1) / 2
    return value, gradient * s * (1 - s)


@wrong_loss("only the examples from the prior, t, and not 1 − t", binary_cross_entropy)
def bce_one_half(xp, logits, target):
    value, gradient = binary_cross_entropy(xp, logits, target)
    return value, gradient * target


@wrong_loss("1/n is missing", binary_cross_entropy)
def bce_no_mean(xp, logits, target):
    value, gradient = binary_cross_entropy(xp, logits, target)
    return value, gradient * logits.shape[0]


@wrong_loss("the target is 0 or 1, not −1 or 1", least_squares)
def least_squares_of_the_target(xp, logits, target):
    return least_squares(xp, logits, target)[0], half_squared_error(xp, logits, target)[1]


@wrong_loss("1/n is missing", least_squares)
def least_squares_no_mean(xp, logits, target):
    value, gradient = least_squares(xp, logits, target)
    return value, gradient * logits.shape[0]


@wrong_loss("softmax twice", softmax_cross_entropy)
def cross_entropy_softmax_twice(xp, logits, target):
    value, _ = softmax_cross_entropy(xp, logits, target)
    once = xp.exp(logits) / xp.sum(xp.exp(logits), axis=1, keepdims=True)
    return value, softmax_cross_entropy(xp, once, target)[1]


@wrong_loss("1/n is missing", softmax_cross_entropy)
def cross_entropy_no_mean(xp, logits, target):
    value, gradient = softmax_cross_entropy(xp, logits, target)
    return value, gradient * logits.shape[0]


@wrong_loss("a mean over the classes too", softmax_cross_entropy)
def cross_entropy_mean_of_classes(xp, logits, target):
    value, gradient = softmax_cross_entropy(xp, logits, target)
    return value, gradient / logits.shape[1]


@wrong_loss("−t/p: the derivative with respect to the probability, not the logit", softmax_cross_entropy)
def cross_entropy_of_probability(xp, logits, target):
    value, gradient = softmax_cross_entropy(xp, logits, target)
    p = gradient * logits.shape[0] + target
    return value, -target / p / logits.shape[0]


@wrong_loss("only the right class gets a gradient", softmax_cross_entropy)
def cross_entropy_right_class_only(xp, logits, target):
    value, gradient = softmax_cross_entropy(xp, logits, target)
    return value, gradient * target


@wrong_loss("the variance has no gradient", kl_to_standard_normal)
def kl_no_variance(xp, posterior):
    value, gradient = kl_to_standard_normal(xp, posterior)
    d = posterior.shape[1] // 2
    return value, xp.concat([gradient[:, :d], 0 * gradient[:, d:]], axis=1)


@wrong_loss("takes ln σ² for ln σ", kl_to_standard_normal)
def kl_of_log_std(xp, posterior):
    value, gradient = kl_to_standard_normal(xp, posterior)
    d = posterior.shape[1] // 2
    return value, xp.concat([gradient[:, :d], (xp.exp(2 * posterior[:, d:]) - 1) / posterior.shape[0]], axis=1)


@wrong_loss("takes ln σ² for σ²", kl_to_standard_normal)
def kl_of_variance(xp, posterior):
    value, gradient = kl_to_standard_normal(xp, posterior)
    d = posterior.shape[1] // 2
    return value, xp.concat([gradient[:, :d], gradient[:, d:] * xp.exp(-posterior[:, d:])], axis=1)


@wrong_loss("the sign is flipped: y is made unsure", entropy)
def entropy_sign(xp, y):
    value, gradient = entropy(xp, y)
    return value, -gradient


@wrong_loss("y in front of the logarithm is taken for a constant", entropy)
def entropy_of_fixed_weights(xp, y):
    return entropy(xp, y)[0], xp.full_like(y, -1 / y.shape[0])


@wrong_loss("half of the entropy of a coordinate", negative_entropy)
def entropy_of_log_std(xp, posterior):
    value, gradient = negative_entropy(xp, posterior)
    return value, gradient / 2


@wrong_loss("each petal pulls, however unlikely z is its own", negative_log_density)
def density_of_all_petals(xp, z, prior):
    value, _ = negative_log_density(xp, z, prior)
    along, across, _ = prior._petals(xp, z)
    out, side = along / prior.long / prior.modes, across / prior.short / prior.modes
    x = sum(out[:, k] * cosine - side[:, k] * sine for k, (cosine, sine) in enumerate(prior.axes.tolist()))
    y = sum(out[:, k] * sine + side[:, k] * cosine for k, (cosine, sine) in enumerate(prior.axes.tolist()))
    return value, xp.stack([x, y], axis=1) / z.shape[0]


@wrong_loss("across a petal counts the wrong way round", negative_log_density)
def density_mirrored(xp, z, prior):
    mirrored = xp.stack([z[:, 0], -z[:, 1]], axis=1)
    return negative_log_density(xp, z, prior)[0], negative_log_density(xp, mirrored, prior)[1]


@wrong_loss("the pairs that are far apart push, too", head_distance)
def head_distance_of_all(xp, heads, eta):
    return head_distance(xp, heads, eta)[0], head_distance(xp, heads, 1e9)[1]


@wrong_loss("heads are pulled together", head_distance)
def head_distance_sign(xp, heads, eta):
    value, gradient = head_distance(xp, heads, eta)
    return value, -gradient


@wrong_loss("each pair is counted twice", head_distance)
def head_distance_twice(xp, heads, eta):
    value, gradient = head_distance(xp, heads, eta)
    return value, 2 * gradient


# Encoder and decoder ---------------------------------------------------------------------------------------------


@wrong_network("the gradient of y is dropped")
class EncoderDropsY(Encoder):
    def backward(self, dcode, cache, gradients):
        super().backward(dcode._replace(y=None), cache, gradients)


@wrong_network("the gradient of z is dropped")
class EncoderDropsZ(Encoder):
    def backward(self, dcode, cache, gradients):
        super().backward(dcode._replace(z=None), cache, gradients)


@wrong_network("the gradient of [μ, ln σ²] is dropped: a VAE without its KL", posterior="gaussian")
class EncoderDropsPosterior(Encoder):
    def backward(self, dcode, cache, gradients):
        super().backward(dcode._replace(posterior=None), cache, gradients)


@wrong_network("the gradient of y is taken for one of the logits")
class EncoderSkipsSoftmax(Encoder):
    def backward(self, dcode, cache, gradients):
        super().backward(dcode._replace(y=None, logits=dcode.logits + dcode.y), cache, gradients)


@wrong_network("the columns are in the wrong order")
class EncoderFlipsColumns(Encoder):
    def backward(self, dcode, cache, gradients):
        (_, caches), y_cache, z_cache, _ = cache
        dlogits = self.softmax.backward(dcode.y, y_cache) + dcode.logits
        dposterior = self.sampling.backward(dcode.z, z_cache) + dcode.posterior
        dh = self.backend.xp.concat([dposterior, dlogits], axis=1)
        self.stack.backward(dh, caches, gradients.by_network[self.name], want_dx=False)


@wrong_network("the gradients of y and z are read from each other's columns")
class DecoderFlipsColumns(Decoder):
    def backward(self, dx, cache, gradients=None):
        dy, dz = super().backward(dx, cache, gradients)[:2]
        both, k = self.backend.xp.concat([dz, dy], axis=1), dy.shape[1]
        return Code(both[:, :k], both[:, k:])


@wrong_network("no gradient passes to y")
class DecoderDropsY(Decoder):
    def backward(self, dx, cache, gradients=None):
        return super().backward(dx, cache, gradients)._replace(y=None)


# Phases ----------------------------------------------------------------------------------------------------------


@wrong_phase("only the decoder learns", "reconstruction")
class ReconstructionStopsAtCode(Reconstruction):
    def backward(self, cache):
        super().backward(cache)
        self.gradients.flat[: self.encoder.size] = 0


@wrong_phase("gradients are never zeroed, and add up from step to step", "reconstruction")
class ReconstructionNeverZeroes(Reconstruction):
    def backward(self, cache):
        left_over = self.gradients.flat + 0
        super().backward(cache)
        flat = self.gradients.flat
        flat += left_over


@wrong_phase("y is detached, but its gradient goes back into Q", "detach-y")
class DetachYMovesQ(ConstantYReconstruction):
    def backward(self, cache):
        self.detach_y = False
        super().backward(cache)


@wrong_phase("the given label's gradient leaks into the encoder's y", "decode-true-label")
class ReconstructionLabelLeaks(Reconstruction):
    def backward(self, cache):
        super().backward(cache)
        q_cache, p_cache, doutput = cache[:3]
        leak = self.decoder.backward(doutput, p_cache).y
        self.encoder.backward(Code(y=leak), q_cache, self.gradients)


@wrong_phase("batch norm's statistics move in backward instead of in update", "reconstruction", batch_norm=True)
class ReconstructionUpdatesStatisticsInBackward(Reconstruction):
    def backward(self, cache):
        super().backward(cache)
        for network, its_cache in zip(self.moves, cache[:2], strict=True):
            network.update_running_statistics(its_cache)


@wrong_phase("the slope of the prior at z is forgotten", "variational-laplace")
class VariationalWithoutSlope(Variational):
    def penalty(self, code):
        values, dcode = super().penalty(code)
        return values, dcode._replace(z=None)


@wrong_phase("the entropy of q is forgotten", "variational-laplace")
class VariationalWithoutEntropy(Variational):
    def penalty(self, code):
        values, dcode = super().penalty(code)
        return values, dcode._replace(posterior=None)


@wrong_phase("the gradient of the KL is that of a sum over the batch, and grows with it", "variational")
class VariationalOfTheBatch(Variational):
    def penalty(self, code):
        values, dcode = super().penalty(code)
        return values, Code(posterior=dcode.posterior * code.z.shape[0])


@wrong_phase("the slope of the prior at z overwrites the decoder's gradient of z", "variational-laplace")
class VariationalOverwrites(Variational):
    def backward(self, cache):
        super().backward(cache)
        q_cache, p_cache, doutput, _ = cache
        self.encoder.backward(Code(z=-self.decoder.backward(doutput, p_cache).z), q_cache, self.gradients)


@wrong_phase("the gradient of the KL is forgotten", "variational")
class VariationalWithoutKL(Variational):
    def penalty(self, code):
        values, dcode = super().penalty(code)
        return values, dcode._replace(posterior=None)


@wrong_phase("the push between heads overwrites the gradient of the reconstruction", "head-separation")
class HeadSeparationOverwrites(HeadSeparation):
    def backward(self, cache):
        super().backward(cache)
        self.gradients.by_network["P"][0]["W"][...] = cache[1]


@wrong_phase("forgotten detach: its gradient reaches the encoder, too", "discriminate")
class DiscriminateMovesEncoder(Discriminate):
    def __init__(self, encoder, adversaries, optimizer, seed=0):
        Phase.__init__(
            self, "discriminate", [encoder, *(adversary.discriminator for adversary in adversaries)], optimizer, seed
        )
        self.encoder, self.adversaries = encoder, adversaries


@wrong_phase("real and fake are confused", "discriminate")
class DiscriminateConfused(Discriminate):
    def backward(self, caches):
        super().backward([(d_cache, -dlogits) for d_cache, dlogits in caches])


@wrong_phase("the mean over 2n rows counts each half by half", "discriminate")
class DiscriminateHalf(Discriminate):
    def backward(self, caches):
        super().backward([(d_cache, dlogits / 2) for d_cache, dlogits in caches])


@wrong_phase("only the real half has a gradient", "discriminate")
class DiscriminateRealOnly(Discriminate):
    def backward(self, caches):
        real = [self.backend.xp.astype(dlogits < 0, dlogits.dtype) for _, dlogits in caches]
        super().backward([(d_cache, dlogits * r) for (d_cache, dlogits), r in zip(caches, real, strict=True)])


@wrong_phase("the smoothed target is forgotten on the way back", "discriminate-smoothed")
class DiscriminateUnsmoothed(Discriminate):
    def backward(self, caches):
        n = caches[0][1].shape[0] // 2
        rows = self.backend.zeros((2 * n, 1))
        rows[:n, :] += self.smoothing / n
        super().backward([(d_cache, dlogits - rows) for d_cache, dlogits in caches])


@wrong_phase("the sign is flipped: the codes move to where D calls them fake", "generate")
class GenerateSign(Generate):
    def backward(self, cache):
        q_cache, d_caches = cache
        super().backward((q_cache, [(d_cache, -dlogits, d) for d_cache, dlogits, d in d_caches]))


@wrong_phase("the gradient of the first adversary is overwritten by the last", "generate")
class GenerateLastAdversaryOnly(Generate):
    def backward(self, cache):
        q_cache, d_caches = cache
        self.gradients.zero()
        dz = self.adversaries[-1].discriminator.backward(d_caches[-1][1], d_caches[-1][0])
        self.encoder.backward(Code(z=dz), q_cache, self.gradients)


@wrong_phase("dz is read from the columns of the label", "generate-label-conditional")
class GenerateWrongColumns(Generate):
    def backward(self, cache):
        q_cache, d_caches = cache
        self.gradients.zero()
        dy, dz = [
            adversary.discriminator.backward(dlogits, d_cache)[:, -adversary.prior.d :]
            for adversary, (d_cache, dlogits, _) in zip(self.adversaries, d_caches, strict=True)
        ]
        self.encoder.backward(Code(y=dy, z=dz), q_cache, self.gradients)


@wrong_phase("the y that D reads beside z moves Q, too", "generate-condition-on-y")
class ConditionOnYMovesQ(ConstantYGenerate):
    def backward(self, cache):
        q_cache, d_caches = cache
        self.gradients.zero()
        dy, dboth = [
            adversary.discriminator.backward(dlogits, d_cache)
            for adversary, (d_cache, dlogits, _) in zip(self.adversaries, d_caches, strict=True)
        ]
        width = self.adversaries[1].prior.d
        self.encoder.backward(Code(y=dy + dboth[:, width:], z=dboth[:, :width]), q_cache, self.gradients)


@wrong_phase("it moves Q, too, which spreads its codes", "latent-noise")
class LatentNoiseMovesQ(LatentNoise):
    def __init__(self, reconstruction, optimizer, seed=0, distance=0.15):
        super().__init__(reconstruction, optimizer, seed, distance)
        Phase.__init__(self, "latent-noise", [self.encoder, self.decoder], optimizer, seed)


@wrong_phase("it moves batch norm's running averages to those of noisy codes", "latent-noise", batch_norm=True)
class LatentNoiseUpdatesStatistics(LatentNoise):
    def backward(self, cache):
        super().backward(cache)
        self.decoder.update_running_statistics(cache[0])


@wrong_phase("it moves the discriminators, too, and they learn to be fooled", "generate")
class GenerateMovesD(Generate):
    def __init__(self, encoder, adversaries, optimizer, seed=0):
        Phase.__init__(
            self, "generate", [encoder, *(adversary.discriminator for adversary in adversaries)], optimizer, seed
        )
        self.encoder, self.adversaries = encoder, adversaries


@wrong_phase("the update moves the discriminators against the encoder's gradient", "generate")
class GenerateUpdatesD(Generate):
    def update(self):
        super().update()
        for adversary in self.adversaries:
            adversary.discriminator.flat -= 0.1 * self.gradients.flat[: adversary.discriminator.size]


@wrong_phase("the image is moved to where D calls it fake", "generate-images")
class GenerateImagesSign(Generate):
    def backward(self, cache):
        q_cache, d_caches = cache
        super().backward((q_cache, [(d_cache, -dlogits, d) for d_cache, dlogits, d in d_caches]))


@wrong_phase("batch norm's statistics move in backward instead of in update", "generate-images", batch_norm=True)
class GenerateUpdatesStatisticsInBackward(Generate):
    def backward(self, cache):
        super().backward(cache)
        self.encoder.update_running_statistics(cache[0])


@wrong_phase("the sigmoid between logits and image is skipped", "generate-images-of-logits")
class GenerateSkipsSigmoid(Generate):
    def backward(self, cache):
        (p_cache, _), [(d_cache, dlogits, _)] = cache
        self.gradients.zero()
        dx = self.adversaries[0].discriminator.backward(dlogits, d_cache)
        self.encoder.decoder.backward(dx, p_cache, self.gradients, want_dx=False)


@wrong_phase("1/n is missing", "semi-supervised")
class SemiSupervisedNoMean(SemiSupervised):
    def backward(self, cache):
        q_cache, dlogits = cache
        super().backward((q_cache, dlogits * dlogits.shape[0]))


@wrong_phase("the gradient of the logits is handed over as that of y: softmax twice", "semi-supervised")
class SemiSupervisedSoftmaxTwice(SemiSupervised):
    def backward(self, cache):
        q_cache, dlogits = cache
        self.gradients.zero()
        self.encoder.backward(Code(y=dlogits), q_cache, self.gradients)


@wrong_phase("the y of each image counts fully in the mean, not as a part of it", "information-maximization")
class InformationOfSums(ConstantExampleInformationMaximization):
    def penalty(self, y, ctx):
        value, dy = super().penalty(y, ctx)
        _, dmean = entropy(self.backend.xp, self.backend.xp.mean(y, axis=0)[None, :])
        return value, dy - self.weight * 4 * (1 - 1 / y.shape[0]) * dmean


@wrong_phase("the mean of y over the batch is taken for a constant", "information-maximization")
class InformationOfFixedMean(ConstantExampleInformationMaximization):
    def penalty(self, y, ctx):
        return super().penalty(y, ctx)[0], self.weight * entropy(self.backend.xp, y)[1]


@wrong_phase("the gradient of y is handed over as that of the logits", "information-maximization")
class InformationSkipsSoftmax(ConstantExampleInformationMaximization):
    def backward(self, cache):
        there_cache, dlogits, q_cache, dy = cache
        self.gradients.zero()
        self.encoder.backward(Code(logits=dlogits), there_cache, self.gradients)
        self.encoder.backward(Code(logits=dy), q_cache, self.gradients)


@wrong_phase("the gradient is that at x, not at x + r", "vat")
class VatAtImage(ConstantExampleVirtualAdversarial):
    def forward(self, batch):
        values, (_, dlogits, cache, dy) = super().forward(batch)
        return values, (cache, dlogits, cache, dy)


@wrong_phase("the sign is flipped: y is made to change", "vat")
class VatSign(ConstantExampleVirtualAdversarial):
    def backward(self, cache):
        there_cache, dlogits, q_cache, dy = cache
        super().backward((there_cache, -dlogits, q_cache, dy))


@wrong_phase("the gradient of the logits is handed over as that of y: softmax twice", "vat")
class VatSoftmaxTwice(ConstantExampleVirtualAdversarial):
    def backward(self, cache):
        there_cache, dlogits, _, _ = cache
        self.gradients.zero()
        self.encoder.backward(Code(y=dlogits), there_cache, self.gradients)
