"""Three terms that the paper does not have; all are off by default.

D_cat makes y one-hot and its values equally frequent. No objective of the paper decides what a value of y means.
`VirtualAdversarial` keeps y constant near each image. `InformationMaximization` also makes y confident and balanced.
`LatentNoise` also trains P between the codes. `examples/` has more terms, each a phase added from outside the package.

Each phase has its own optimizer. Under SGD the weight of a term scales its steps. Adam divides a gradient by its size,
so there the weight hardly matters, except between the two terms of one phase.
"""

from .backend import Context
from .losses import entropy, log_odds, softmax_cross_entropy
from .networks import Code
from .phases import Phase, image_error


class LatentNoise(Phase):
    """min over P of ½ Σ (P(y, z + h·ε) − x)², ε from N(0, I): P reconstructs x from noisy codes near Q(x).

    Samples of the prior fall between the codes that P was trained on, where no other term constrains P. The codes are
    those of evaluation: clean images, and batch norm by running averages. Q does not move in this phase. Otherwise Q
    would push the codes so far apart that the noise had no effect. h is `distance`.
    """

    def __init__(self, reconstruction, optimizer, seed=0, distance=0.15):
        super().__init__("latent-noise", [reconstruction.decoder], optimizer, seed)
        self.encoder, self.decoder, self.read = reconstruction.encoder, reconstruction.decoder, reconstruction.read
        self.distance = distance

    def forward(self, batch):
        """Return the loss at noisy codes: one encoder pass in evaluation, one decoder pass in training."""
        ctx = self.context()
        code, _ = self.encoder.forward(batch.x, Context(self.backend))
        code = self.read(code, batch)
        beside = code._replace(z=code.z + self.distance * ctx.normal(code.z.shape))
        output, p_cache = self.decoder.forward(beside, ctx)
        value, doutput = image_error(self.decoder, output, batch.x)
        return {"latent_noise": value}, (p_cache, doutput)

    def backward(self, cache):
        """Add P's gradient. The code is a constant here, so dcode is not needed."""
        p_cache, doutput = cache
        self.gradients.zero()
        self.decoder.backward(doutput, p_cache, self.gradients, want_dx=False)


class VirtualAdversarial(Phase):
    """min over Q of −Σ_k q(y_k|x) ln q(y_k|x + r): y stays constant within a distance ε of each image.

    r is the step of length ε against the gradient of the log-odds of the most probable y. No gradient flows
    through x + r or the target q(y|x). So borders between two values of y move away from the images, to where
    there are none. This is virtual adversarial training (Miyato et al. 2015) with another direction: one gradient
    step of the log-odds. Miyato et al. iterate to the dominant eigenvector of the KL's Hessian. The two directions
    agree where y is almost one-hot, as with labels. There the log-odds still have a slope, and the softmax is flat.

    ε is a Euclidean distance in pixels of [0, 1]. It grows linearly to `epsilon` over the first `rampup` updates.
    At the full distance from the start few clusters form, because none is far from the next yet. A term that keeps
    all y in use prevents this.
    """

    def __init__(self, encoder, optimizer, seed=0, epsilon=1.0, rampup=10_000):
        super().__init__("vat", [encoder], optimizer, seed)
        self.encoder, self.epsilon, self.rampup = encoder, epsilon, rampup

    def direction(self, x, code, cache, ctx):
        """Return dx (n, d), in which y changes; `code` and `cache` are Q's at x (n, d), read in the context `ctx`."""
        _, dlogits = log_odds(self.backend.xp, code.logits)
        return -self.encoder.backward(Code(logits=dlogits), cache, None, want_dx=True)  # dW is not needed

    def adversarial_example(self, x, code, cache, ctx):
        """Return x + r (n, d), and the target q(y|x) (n, k); the arguments are those of `direction`."""
        r = self.epsilon * self.warmup_factor(self.rampup) * self.unit_rows(self.direction(x, code, cache, ctx))
        return x + r, code.y

    def unit_rows(self, x):
        """Return x (n, d) with rows of length 1; a row of zeros stays as it is."""
        xp = self.backend.xp
        norm = xp.sqrt(xp.sum(x * x, axis=1, keepdims=True))
        return x / xp.maximum(norm, xp.full_like(norm, 1e-12))

    def forward(self, batch):
        """Return the loss at x + r, and the penalty at x.

        The cross-entropy with a constant target has the gradient q(y|x + r) − q(y|x) in the logits at x + r. The
        same noise is drawn in both passes, so that the two differ by r alone.
        """
        ctx = self.context()
        code, q_cache = self.encoder.forward(batch.x, ctx)
        x, y = self.constant("adversarial example", self.adversarial_example(batch.x, code, q_cache, ctx))
        there, there_cache = self.encoder.forward(x, self.context())  # with the noise of the first pass
        value, dlogits = softmax_cross_entropy(self.backend.xp, there.logits, y)
        penalty, dy = self.penalty(code.y, ctx)
        return {"vat": value} | penalty, (there_cache, dlogits, q_cache, dy)

    def penalty(self, y, ctx):
        """Return further losses of q(y|x) (n, k), name -> value, and their gradient (n, k); here there are none."""
        return {}, None

    def backward(self, cache):
        """Add Q's gradient at x + r, and that of the penalty at x, each with its own cache."""
        there_cache, dlogits, q_cache, dy = cache
        self.gradients.zero()
        self.encoder.backward(Code(logits=dlogits), there_cache, self.gradients)
        if dy is not None:
            self.encoder.backward(Code(y=dy), q_cache, self.gradients)


class InformationMaximization(VirtualAdversarial):
    """VirtualAdversarial plus λ·(H(y|x) − 4·H(y)): y is confident for each image and balanced over all images.

    H(y|x) is the entropy of q(y|x), averaged over the images. H(y) is the entropy of the mean of q(y|x). H(y) − H(y|x)
    is I(x; y), the mutual information (Krause et al. 2010). H(y) has the factor 4, as in Hu et al. (2017), who cluster
    by VAT and this term alone. D_cat's loss has the same optimum, but makes y one-hot too early. λ is `weight`.

    y stays soft for long, and many values of y compete for an image. So r has the direction of Miyato et al. (2015):
    the gradient of KL(q(y|x) ‖ q(y|x + ξd)) at x + ξd, where d is random and of length 1. This is one step of their
    power iteration. They take a small ξ, and approximate the dominant eigenvector of the KL's Hessian. Here ξ is 13·ε,
    in MNIST about twice the length of an image. So r is the direction in which the y of a very noisy image changes.
    With a small ξ, or with the log-odds, ten clusters of MNIST confuse several digits (`results/LOG.md`).
    """

    EVEN = 4  # the factor of H(y)
    PROBE = 13  # ξ/ε

    def __init__(self, encoder, optimizer, seed=0, epsilon=1.0, rampup=10_000, weight=0.1):
        super().__init__(encoder, optimizer, seed, epsilon, rampup)
        self.weight = weight

    def direction(self, x, code, cache, ctx):
        """Return dx (n, d), the gradient of the KL at x + ξd; d is the next noise of `ctx`."""
        beside = x + self.PROBE * self.epsilon * self.unit_rows(ctx.normal(x.shape))
        there, there_cache = self.encoder.forward(beside, self.context())
        _, dlogits = softmax_cross_entropy(self.backend.xp, there.logits, code.y)  # the KL plus a constant
        return self.encoder.backward(Code(logits=dlogits), there_cache, None, want_dx=True)

    def penalty(self, y, ctx):
        """Return λ·(H(y|x) − 4·H(y)) of q(y|x) (n, k), and its gradient (n, k)."""
        n, (mean,) = y.shape[0], ctx.means(y)
        each, deach = entropy(self.backend.xp, y)
        whole, dmean = entropy(self.backend.xp, mean[None, :])
        dy = deach - self.EVEN * dmean / n  # each row is a part 1/n of the mean
        return {"information_maximization": self.weight * (each - self.EVEN * whole)}, self.weight * dy
