"""Priors p(z): the distributions that codes are matched to.

A discriminator needs only samples. This sets an AAE apart from a VAE. Any p(z) that can be sampled will do, with
or without a density (section 2.1). Every prior has `sample(n, ctx, labels)` and, where a formula exists,
`log_density` and its derivative `slope`. The VAE's KL and the score by density use these two.

A prior with modes can be given the label of each sample (section 2.3). `labels` is one-hot (n, modes + 1), and its
last column means "unlabelled": a sample from the whole mixture. Everywhere z is (n, d), and ln p(z) is in nats.
"""

import math

import numpy as np

from .errors import UserError


class Prior:
    """Base: a distribution over rows (n, d); `d` is its width, `modes` the number of its labelled modes (0: none)."""

    modes = 0
    planar = False  # whether d can be 2 alone

    def __init__(self, d):
        self.d = d

    def sample(self, n, ctx, labels=None):
        """Return n samples (n, d), using the noise of `ctx`, so that a gradient check can repeat them.

        A prior without modes ignores `labels`.
        """
        raise NotImplementedError

    def log_density(self, xp, z):
        """Return ln p(z) for each row: (n, d) -> (n,); `UserError` without a closed form."""
        raise UserError(f"prior {type(self).__name__.lower()}: has no density in closed form; it can only be sampled")

    def slope(self, xp, z):
        """Return ∂ ln p(z) / ∂z: (n, d) -> (n, d); `UserError` where it does not exist everywhere."""
        raise UserError(f"prior {type(self).__name__.lower()}: ln p(z) has no slope everywhere; only an AAE can use it")

    def _mode(self, n, ctx, labels):
        """Return a one-hot (n, modes): the label's mode, or a random mode where there is no label.

        With u the last column of `labels` the row is label + u·random, since label is all zero where u is 1.
        """
        random = random_one_hot(ctx, n, ctx.backend.constant(np.arange(1, self.modes + 1) / self.modes))
        return random if labels is None else labels[:, :-1] + labels[:, -1:] * random


class Gaussian(Prior):
    """N(0, std²·I): ln p(z) = −½ ‖z/std‖² − d·ln(std·√(2π)),  ∂ ln p/∂z = −z/std². `std` is above 0."""

    def __init__(self, d, std=1.0):
        super().__init__(d)
        expect_positive("gaussian", std=std)
        self.std = std

    def sample(self, n, ctx, labels=None):
        return ctx.normal((n, self.d)) * self.std

    def log_density(self, xp, z):
        square = xp.sum((z / self.std) ** 2, axis=1)
        return -square / 2 - self.d * math.log(self.std * math.sqrt(2 * math.pi))

    def slope(self, xp, z):
        return -z / self.std**2


class Laplace(Prior):
    """Independent Laplace: p(z) = e^{−|z|/scale} / (2·scale) in each dimension,  ∂ ln p/∂z = −sign(z)/scale.

    Sampled by the inverse of its distribution function, with u uniform in [−½, ½):

        z = −scale·sign(u)·ln(1 − 2|u|)
    """

    def __init__(self, d, scale=1.0):
        super().__init__(d)
        expect_positive("laplace", scale=scale)
        self.scale = scale

    def sample(self, n, ctx, labels=None):
        xp = ctx.backend.xp
        u = ctx.uniform((n, self.d)) - 0.5
        return -self.scale * xp.sign(u) * xp.log1p(-2 * xp.abs(u) * (1 - 1e-6))  # 1e-6 keeps ln 0 away

    def log_density(self, xp, z):
        return -xp.sum(xp.abs(z), axis=1) / self.scale - self.d * math.log(2 * self.scale)

    def slope(self, xp, z):
        return -xp.sign(z) / self.scale


class Uniform(Prior):
    """Uniform on the cube [low, high]^d: ln p(z) = −d·ln(high − low) inside, −∞ outside.

    ln p(z) jumps at the edge and is flat elsewhere, so no gradient pulls a code inside. An adversary can.
    """

    def __init__(self, d, low=-2.0, high=2.0):
        super().__init__(d)
        if not low < high:
            raise UserError(f"prior uniform: low is {low} and high {high}, expected low below high")
        self.low, self.high = low, high

    def sample(self, n, ctx, labels=None):
        return self.low + (self.high - self.low) * ctx.uniform((n, self.d))

    def log_density(self, xp, z):
        inside = xp.all((z >= self.low) & (z <= self.high), axis=1)
        inside_value = xp.full_like(z[:, 0], -self.d * math.log(self.high - self.low))
        return xp.where(inside, inside_value, xp.full_like(inside_value, -math.inf))


class Gamma(Prior):
    """Independent Gamma(shape, scale), shape ≥ 1: p(z) ∝ z^{shape−1} e^{−z/scale}, a prior with a hard edge at 0.

    Sampled by Marsaglia and Tsang's method (2000), with d = shape − 1/3: propose v = (1 + x/√(9d))³. Accept d·v
    when ln u < x²/2 + d − d·v + d·ln v. x is N(0, 1), u uniform. More than 95 % of the proposals are accepted.
    Eight are always drawn and the last accepted one is taken, so no step waits for the value of an array.
    """

    def __init__(self, d, shape=2.0, scale=1.0):
        super().__init__(d)
        if shape < 1:
            raise UserError(f"prior gamma: shape is {shape}, expected at least 1")
        expect_positive("gamma", scale=scale)
        self.shape, self.scale = shape, scale

    def sample(self, n, ctx, labels=None):
        xp = ctx.backend.xp
        d = self.shape - 1 / 3
        kept = ctx.backend.zeros((n, self.d)) + d
        for _ in range(8):  # the last accepted proposal has the same distribution as the first
            x = ctx.normal((n, self.d))
            u = ctx.uniform((n, self.d))
            v = (1 + x / math.sqrt(9 * d)) ** 3
            safe = xp.maximum(v, xp.full_like(v, 1e-12))
            accept = (v > 0) & (xp.log(u + 1e-12) < x * x / 2 + d - d * v + d * xp.log(safe))
            kept = xp.where(accept, d * v, kept)
        return kept * self.scale

    def log_density(self, xp, z):
        safe = xp.maximum(z, xp.full_like(z, 1e-30))
        k, theta = self.shape, self.scale
        each = (k - 1) * xp.log(safe) - safe / theta - math.lgamma(k) - k * math.log(theta)
        return xp.sum(xp.where(z > 0, each, xp.full_like(each, -math.inf)), axis=1)


class GaussianMixture(Prior):
    """A mixture of 2-D Gaussians like the petals of a flower (figure 4a), all of one weight.

    Petal k is N(0, diag(long², short²)), moved by `distance` along its long axis, and turned by 2πk/`modes`. Let
    a_k and b_k be the offsets of z along and across petal k, in standard deviations. Then

        ln p(z) = ln Σ_k e^{−½ (a_k² + b_k²)} − ln(2π·long·short·modes)

    The largest exponent is taken out of the sum, so that no term overflows and not all become 0.
    """

    planar = True

    def __init__(self, d=2, modes=10, distance=1.4, long=0.5, short=0.1):
        if d != 2:
            raise UserError(f"prior mixture: its petals lie in a plane, so z has 2 dimensions, not {d}")
        super().__init__(d)
        expect_positive("mixture", distance=distance, long=long, short=short)
        self.modes, self.distance, self.long, self.short = modes, distance, long, short
        angle = 2 * np.pi * np.arange(modes) / modes
        self.axes = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # (modes, 2), the direction of each petal

    def sample(self, n, ctx, labels=None):
        """Return samples (n, 2): the centre of the mode's petal, plus noise along and across its axis."""
        xp = ctx.backend.xp
        axis = xp.matmul(self._mode(n, ctx, labels), ctx.backend.constant(self.axes))  # (n, 2)
        across = xp.stack([-axis[:, 1], axis[:, 0]], axis=1)
        noise = ctx.normal((n, 2))
        return axis * (self.distance + self.long * noise[:, :1]) + across * (self.short * noise[:, 1:])

    def log_density(self, xp, z):
        *_, exponent = self._petals(xp, z)
        highest = xp.max(exponent, axis=1)
        total = xp.sum(xp.exp(exponent - highest[:, None]), axis=1)
        return highest + xp.log(total) - math.log(2 * math.pi * self.long * self.short * self.modes)

    def slope(self, xp, z):
        """Return ∂ ln p(z) / ∂z (n, 2): each petal's gradient, weighted by the probability of the petal given z.

        As ∂ ln Σ_k p_k = Σ_k (p_k / Σ_j p_j)·∂ ln p_k, the weights are a softmax of the exponents. Petal k
        contributes −a_k/long along its axis and −b_k/short across it. Both are then turned back to the axes of the
        plane.
        """
        along, across, exponent = self._petals(xp, z)
        share = xp.exp(exponent - xp.max(exponent, axis=1, keepdims=True))
        share = share / xp.sum(share, axis=1, keepdims=True)
        out, side = -share * along / self.long, -share * across / self.short  # (n, modes), along and across each axis
        x = sum(out[:, k] * cosine - side[:, k] * sine for k, (cosine, sine) in enumerate(self.axes.tolist()))
        y = sum(out[:, k] * sine + side[:, k] * cosine for k, (cosine, sine) in enumerate(self.axes.tolist()))
        return xp.stack([x, y], axis=1)

    def _petals(self, xp, z):
        """Return z's offsets along and across each petal in standard deviations, and −½ Σ of squares: (n, modes)."""
        x, y, axes = z[:, 0], z[:, 1], self.axes.tolist()
        along = xp.stack([(x * cosine + y * sine - self.distance) / self.long for cosine, sine in axes], axis=1)
        across = xp.stack([(y * cosine - x * sine) / self.short for cosine, sine in axes], axis=1)
        return along, across, -(along * along + across * across) / 2

    def walks(self, steps):
        """Return points (modes, steps, 2) along the long axis of each petal, two standard deviations to either side."""
        out = self.distance + self.long * np.linspace(-2, 2, steps)
        return self.axes[:, None, :] * out[:, None]


class SwissRoll(Prior):
    """A spiral band (figure 4b): u uniform in [0, 1), r = length·√u, θ = 4π√u, plus noise of N(0, noise²).

    √u spreads the samples evenly along the arc, whose length grows approximately with θ². Label k of `modes` has
    the stretch u ∈ [k/modes, (k+1)/modes). Its density has no closed form, so only an AAE can use it.
    """

    planar = True

    def __init__(self, d=2, modes=10, length=3.0, noise=0.05):
        if d != 2:
            raise UserError(f"prior swiss-roll: the roll lies in a plane, so z has 2 dimensions, not {d}")
        super().__init__(d)
        expect_positive("swiss-roll", length=length)
        self.modes, self.length, self.noise = modes, length, noise

    def sample(self, n, ctx, labels=None):
        xp = ctx.backend.xp
        stretch = xp.matmul(self._mode(n, ctx, labels), ctx.backend.constant(np.arange(self.modes)))  # (n,)
        root = xp.sqrt((stretch + ctx.uniform((n,))) / self.modes)
        return self.on_roll(xp, root) + self.noise * ctx.normal((n, 2))

    def walks(self, steps):
        """Return points (modes, steps, 2) along the roll, a row for the stretch of each label, from the centre out."""
        u = (np.arange(self.modes)[:, None] + np.linspace(0, 1, steps)) / self.modes
        return self.on_roll(np, np.sqrt(u.ravel())).reshape(self.modes, steps, 2)

    def on_roll(self, xp, root):
        """Return the points (n, 2) at √u = `root` (n,), from the roll's centre (0) to its end (1)."""
        angle = 4 * math.pi * root
        return xp.stack([self.length * root * xp.cos(angle), self.length * root * xp.sin(angle)], axis=1)


class Categorical(Prior):
    """One-hot vectors, each of the d classes with probability 1/d: p(y), the prior of D_cat (figure 8).

    Matching q(y) to it asks two things of Q: that y is one-hot, and that all its values are equally frequent.
    """

    def sample(self, n, ctx, labels=None):
        return random_one_hot(ctx, n, ctx.backend.constant(np.cumsum(np.full(self.d, 1 / self.d))))

    def log_density(self, xp, z):
        """Return −ln d for one-hot rows (n, d)."""
        return xp.log(xp.sum(z, axis=1) / self.d)


def random_one_hot(ctx, n, cumulative):
    """Return n random one-hot rows (n, k); class j where u falls between the `cumulative` (k,) weights j−1 and j."""
    xp, edges = ctx.backend.xp, cumulative[:-1]  # the last weight is 1 except for rounding, and u < 1 always
    beyond = xp.astype(ctx.uniform((n, 1)) >= edges, edges.dtype)  # (n, k − 1): is u beyond the end of class j?
    side = ctx.backend.zeros((n, 1))
    return xp.concat([side + 1, beyond], axis=1) - xp.concat([beyond, side], axis=1)


def is_same(a, b):
    """Return whether two priors are of one kind with equal numbers, and so draw the same samples."""
    mine, other = vars(a), vars(b)
    return type(a) is type(b) and mine.keys() == other.keys() and all(np.array_equal(mine[k], other[k]) for k in mine)


def expect_positive(name, **options):
    """Raise `UserError` unless all `options` of a prior are above 0."""
    for option, value in options.items():
        if not value > 0:
            raise UserError(f"prior {name}: {option} is {value}, expected a number above 0")
