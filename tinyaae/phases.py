"""Phases: training is a list of them, and each is one objective.

A phase has the networks it reads, the ones it moves, its own gradient vector and its own optimizer:

    values, cache = phase.forward(batch)    the losses (arrays on the device), and what backward needs
    phase.backward(cache)                   the gradient of the objective, into the phase's own vector
    phase.update()                          move the parameters that are this phase's, and no others

`phase.step(batch)` is exactly these three. The objective is the sum of the values, without those that
`phase.metrics` names: they only describe the step, such as D's accuracy. `gradcheck.check_phase` relies on that. A
model steps a phase at its first step, and then at every step. A phase with `every` = k steps at each k-th.

An adversarial autoencoder (section 2 of the paper) is Reconstruction, then Regularization (Discriminate, then
Generate), then, given labels, SemiSupervised.

    phase            minimises                          reads              moves
    Reconstruction   ½ Σ (P(Q(x)) − x)²                 x                  Q, P
    Discriminate     −ln s(D(z_p)) − ln(1 − s(D(z_q)))  x, z_p ~ p(z)      D
    Generate         −ln s(D(z_q)), z_q = Q(x)          x                  Q
    SemiSupervised   −Σ t_k ln q(y_k|x)                 labelled x, t      Q

Discriminate and Generate have opposite aims for one logit, so neither may move the network of the other. If
Generate moved D, D would learn to accept every code. If Discriminate moved Q, Q would move its codes to where D
rejects them. Gradients pass through D in Generate, and stop at its input in Discriminate.
"""

from typing import Any, NamedTuple

from .backend import Context
from .losses import (
    accuracy,
    binary_cross_entropy,
    half_squared_error,
    head_distance,
    kl_to_standard_normal,
    negative_entropy,
    negative_log_density,
    softmax_cross_entropy,
)
from .networks import Code, Gradients


class Batch(NamedTuple):
    """One minibatch. One-hot labels have a last column for "unlabelled" where a phase reads labels."""

    x: Any  # (n, d) images in [0, 1]
    x_labelled: Any = None  # (m, d) images whose labels we know
    y_labelled: Any = None  # (m, k) their labels, one-hot
    labels: Any = None  # (n, k + 1) the labels of x where the recipe reads them


class Phase:
    """Base of all phases: `moves` lists the networks it updates, `name` keys its noise and its checkpoint entries.

    `metrics` names the values of `forward` that are no part of the objective. A subclass gives two methods:

    * `forward(batch)` returns (values, cache): `values` maps names to numbers on the device.
    * `backward(cache)` sets `gradients` to zero, then adds the gradient of the objective.

    * `optimizer`: new, not another phase's; its state is allocated here.
    * `seed`: the run's seed. With `name` and the step number it determines the noise.
    * `every`: k, a whole number from 1 on; the phase steps at each k-th step of the model.

    The cache is handed through, and not kept in the phase. So forward can be evaluated at other weights in
    between, as a gradient check does. It is valid until the next update of any network it passed.
    """

    metrics = ()
    held = None  # during a gradient check: name -> what `constant` returned at its start

    def __init__(self, name, moves, optimizer, seed=0, every=1):
        self.name, self.moves, self.optimizer, self.seed, self.every = name, moves, optimizer, seed, every
        self.backend = moves[0].backend
        self.gradients = Gradients(self.backend, moves)
        self.statistics = []  # (network, cache) pairs whose running averages `update` moves; most phases have none
        optimizer.bind(self.backend, self.gradients.flat.shape[0])

    def context(self):
        """Return the training context of this phase's present step."""
        step = self.backend.counter(lambda: self.optimizer.steps)
        return Context(self.backend, True, self.seed, self.name, step)

    def constant(self, name, value):
        """Return `value`, through which no gradient flows: a stop-gradient.

        The value depends on the weights, but backward does not follow it there. Central differences would, so a
        gradient check holds the value that it had at its start.
        """
        return value if self.held is None else self.held.setdefault(name, value)

    def warmup_factor(self, updates):
        """Return min(1, steps / updates) of this phase's present step, an array (1,)."""
        return self.backend.step_scalars(1, lambda: [min(1.0, self.optimizer.steps / updates)])

    def step(self, batch):
        """Forward, backward and update once; return the values."""
        values, cache = self.forward(batch)
        self.backward(cache)
        self.update()
        return values

    def update(self):
        """Take one step of the optimizer along the gradient of the last `backward`, averaged over all ranks.

        The counts of updates of the moved networks grow by 1, which makes their open caches stale. Only then do
        running averages move, and only those of networks that this phase moves.
        """
        gradient = self.backend.communicator.mean(self.gradients.flat)
        self.optimizer.update([network.flat for network in self.moves], gradient)
        self.backend.on_replay(self._count)
        for network, cache in self.statistics:
            if any(moved in network.networks for moved in self.moves):
                network.update_running_statistics(cache)

    def _count(self):
        for network in self.moves:
            network.updates += 1

    def phases_with_optimizer(self):
        """Return the phases inside this one that have an optimizer of their own."""
        return [self]


class Reconstruction(Phase):
    """min over Q, P of ½ Σ (P(Q(x)) − x)². Noise on the input is a layer of Q; the target is the clean image.

    Backward is the chain rule through both networks, with x̂ = P(code):

        dx̂ = (x̂ − x)/n        dcode = dx̂ · ∂P/∂code        dQ = dcode · ∂Q/∂w        dP = dx̂ · ∂P/∂w

    Where P's output is logits the loss is the cross-entropy of its pixels instead: x is a probability of ink. With
    `decode_true_label` the decoder gets the true label instead of Q's y, and z is left with the style (figure 6).
    With `detach_y` no gradient of this phase flows into y, so a y that is still soft cannot encode style. No D
    moves here, since the objective does not contain one. The update of this phase moves batch norm's running
    averages. With `moves` = [decoder] it trains P alone.
    """

    def __init__(self, encoder, decoder, optimizer, seed=0, decode_true_label=False, detach_y=False,
                 name="reconstruction", moves=None, every=1):  # fmt: skip
        super().__init__(name, moves or [encoder, decoder], optimizer, seed, every)
        self.encoder, self.decoder = encoder, decoder
        self.decode_true_label, self.detach_y = decode_true_label, detach_y

    def forward(self, batch):
        """Return the loss and the penalties of the code, and the caches of Q and P with the gradients of both."""
        ctx = self.context()
        code, q_cache = self.encoder.forward(batch.x, ctx)
        output, p_cache = self.decoder.forward(self.read(code, batch), ctx)
        value, doutput = image_error(self.decoder, output, batch.x)
        penalty, dcode = self.penalty(code)
        loss = "cross_entropy" if self.decoder.logits else "half_squared_error"
        return {loss: value} | penalty, (q_cache, p_cache, doutput, dcode)

    def read(self, code, batch):
        """Return the Code that P reads: Q's own, or z with the true label as y (n, k).

        `labels` has a last column for "unlabelled", which P does not read.
        """
        if self.decode_true_label:
            return Code(batch.labels[:, :-1], code.z)
        return code._replace(y=self.constant("y", code.y)) if self.detach_y else code

    def penalty(self, code):
        """Return further losses of the code, name -> value, and their gradient as a Code; here there are none."""
        return {}, Code()

    def backward(self, cache):
        """Add the gradients of P, then of Q: the code's gradient is the sum of P's and the penalty's.

        A true label is no output of Q, and a detached y has no gradient. In both cases dy is dropped.
        """
        q_cache, p_cache, doutput, dpenalty = cache
        self.gradients.zero()
        dcode = self.decoder.backward(doutput, p_cache, self.gradients)
        dcode = Code(None if self.decode_true_label or self.detach_y else dcode.y, dcode.z).plus(dpenalty)
        self.encoder.backward(dcode, q_cache, self.gradients)
        self.statistics = [(self.encoder, q_cache), (self.decoder, p_cache)]


def image_error(decoder, output, x):
    """Return the loss of a decoder's output (n, d) against the images x (n, d), and its gradient (n, d)."""
    loss = binary_cross_entropy if decoder.logits else half_squared_error
    return loss(decoder.backend.xp, output, x)


class Variational(Reconstruction):
    """The VAE: min over Q, P of ½ Σ (P(z) − x)² + KL(q(z|x) ‖ p(z)).

    z is drawn from q(z|x) = N(μ, σ²).

    The objective is the negative evidence lower bound, up to a constant (Kingma and Welling 2014). Its first term
    is the negative log-likelihood of a Gaussian decoder with variance 1. Averaging the error over pixels is a
    well-known mistake. It makes the KL 784 times too heavy, and q(z|x) becomes the prior for every image.

    The KL uses a formula, for each image alone. The adversary of an AAE uses samples, of all images together
    (section 2.1). The formula is whole where p(z) is N(0, I). For another `prior` the half without the entropy of
    q is taken at the z that was drawn. Its gradient dz reaches μ and σ by the reparametrisation. With noise on Q's
    input, which the quick preset has, this is a denoising VAE.
    """

    def __init__(self, encoder, decoder, optimizer, seed=0, prior=None, **options):
        super().__init__(encoder, decoder, optimizer, seed, **options)
        self.prior = prior

    def penalty(self, code):
        """Return KL = ∫ q ln q − E_q[ln p(z)], and its gradient with respect to the posterior [μ, ln σ²].

        For another prior than N(0, I) the second term is estimated at the drawn z. It then has a gradient with
        respect to z.
        """
        if self.prior is not None:
            entropy, dposterior = negative_entropy(self.backend.xp, code.posterior)
            surprise, dz = negative_log_density(self.backend.xp, code.z, self.prior)
            return {"kl": entropy + surprise}, Code(z=dz, posterior=dposterior)
        kl, dposterior = kl_to_standard_normal(self.backend.xp, code.posterior)
        return {"kl": kl}, Code(posterior=dposterior)


class HeadSeparation(Reconstruction):
    """Reconstruction plus Σ_{i<j} max(0, η − ‖c_i − c_j‖): cluster heads closer than η push each other away.

    c_i is row i of W_C, the first parameter of a decoder that reads y·W_C + z (section 7).
    """

    def __init__(self, encoder, decoder, optimizer, seed=0, eta=1.0, **options):
        super().__init__(encoder, decoder, optimizer, seed, **options)
        self.eta = eta

    def forward(self, batch):
        """Return the values of Reconstruction and the distance loss, which reads W_C and no image."""
        values, cache = super().forward(batch)
        value, dheads = head_distance(self.backend.xp, self.decoder.stack.layers[0].W, self.eta)
        return values | {"head_distance": value}, (cache, dheads)

    def backward(self, cache):
        """Add the gradient of the reconstruction, then that of the distances, to the dW_C in P's first layer."""
        cache, dheads = cache
        super().backward(cache)
        self.gradients.by_network["P"][0]["W"] += dheads


class Adversary(NamedTuple):
    """One `field` of the code ("y" or "z") with the discriminator that judges it and the prior it should follow.

    Where `label_conditional`, the discriminator reads the one-hot label together with the code, and the prior may
    use it (figure 3). Where `condition_on_y`, it reads z and the y that P reads, for real samples, too. So q(z
    given y) is matched to p(z), as draws from p(y) p(z) assume. Where `prior` is None the field is the image
    itself and the real samples are the batch's images: a GAN. The weight of this discriminator's loss in Generate
    grows linearly from 0 to 1 over the first `adversarial_warmup` updates; with 0 it is 1 from the start.

    `loss` maps outputs of D and their targets to a mean over the rows and its gradient. Outputs and targets are
    (n, 1), and the targets 1 for real and 0 for fake. Generate uses `generator_loss` with targets of 1, or `loss`
    where it is None.
    """

    field: str
    discriminator: Any
    prior: Any
    label_conditional: bool = False
    adversarial_warmup: int = 0
    condition_on_y: bool = False
    loss: Any = binary_cross_entropy
    generator_loss: Any = None

    def real(self, batch, ctx):
        """Return what the discriminator should call real: (n, d), draws from the prior, or the images of a GAN."""
        if self.prior is None:
            return batch.x
        return self.prior.sample(batch.x.shape[0], ctx, batch.labels if self.label_conditional else None)

    def discriminator_input(self, xp, sample, code, batch):
        """Return what the discriminator reads of `sample` (n, d): (n, d), (n, d + k + 1) or (n, d + k).

        `sample` is real or Q's. Real and fake rows have the same label or y appended. Otherwise D could separate
        them by it alone.
        """
        if self.label_conditional:
            return xp.concat([sample, batch.labels], axis=1)
        if self.condition_on_y:  # a Q without y leaves it to the label
            return xp.concat([sample, batch.labels[:, :-1] if code.y is None else code.y], axis=1)
        return sample


class Discriminate(Phase):
    """min over the D of −ln s(D(real)) − ln(1 − s(D(fake))): real from the prior, fake from Q.

        dlogit = (s(l) − 1)/n for real rows, s(l)/n for fake rows

    For fixed Q the best D has the logit ln p(z)/q(z) (Goodfellow et al. 2014, proposition 1). Where D cannot
    separate them, each half costs ln 2 and the sum is 2 ln 2. Q only makes the fake rows. Its code is a constant
    here, and backward stops at D's input.

    An adversary with another `loss` has that in its place. The two halves are one product of 2n rows. With
    `smoothing` = s real rows have the target 1 − s, which keeps D below certainty (Salimans et al. 2016). The
    famous mistake is to smooth the target of the fake rows as well.
    """

    def __init__(self, encoder, adversaries, optimizer, seed=0, smoothing=0.0, name="discriminate", every=1):
        super().__init__(name, [each.discriminator for each in adversaries], optimizer, seed, every)
        self.encoder, self.adversaries, self.smoothing = encoder, adversaries, smoothing

    @property
    def metrics(self):
        """Return the names of the accuracies: fractions of the 2n rows in [0, 1], ½ where D guesses."""
        return tuple(f"{each.discriminator.name}_accuracy" for each in self.adversaries)

    def forward(self, batch, code=None):
        """Return the loss and the accuracy of each D; `code` is Q's where it has been computed already.

        A given `code` is still Q's present one, because Q does not move between the two halves of Regularization.
        """
        xp, ctx = self.backend.xp, self.context()
        if code is None:
            code, _ = self.encoder.forward(batch.x, ctx)
        n = batch.x.shape[0]
        target = self.backend.constant([[1 - self.smoothing]] * n + [[0.0]] * n)
        values, caches = {}, []
        for adversary in self.adversaries:
            fake = getattr(code, adversary.field)
            pair = [
                adversary.discriminator_input(xp, sample, code, batch) for sample in (adversary.real(batch, ctx), fake)
            ]
            logits, d_cache = adversary.discriminator.forward(xp.concat(pair, axis=0), ctx.stacked(2))
            value, dlogits = adversary.loss(xp, logits, target)
            values[adversary.discriminator.name] = 2 * value  # the mean over 2n rows, counted once for each half
            values[f"{adversary.discriminator.name}_accuracy"] = accuracy(xp, logits, target)
            caches.append((d_cache, 2 * dlogits))
        return values, caches

    def backward(self, caches):
        """Add dW of each D. The dx of D's input is not needed, since neither prior nor code moves."""
        self.gradients.zero()
        for adversary, (d_cache, dlogits) in zip(self.adversaries, caches, strict=True):
            adversary.discriminator.backward(dlogits, d_cache, self.gradients, want_dx=False)


class Generate(Phase):
    """min over Q of −ln s(D(Q(x))), the non-saturating loss: move the codes to where D calls them real.

        dlogit = (s(l) − 1)/n        dcode = dlogit · ∂D/∂code        dQ = dcode · ∂Q/∂w

    Minimising ln(1 − s(l)) has the same aim, but its gradient −s(l) is almost 0 where D rejects a code: it
    saturates. There the gradient of this loss is largest (Goodfellow et al. 2014, section 3). It is Discriminate's
    loss with the target 1 for fake rows.

    D is only passed through: its dx is needed, its dW is not. P does not take part. An adversary with another loss
    has that in its place. In a GAN, which has no Reconstruction, this phase `updates_statistics`: its update moves
    batch norm's running averages.
    """

    def __init__(self, encoder, adversaries, optimizer, seed=0, updates_statistics=False, name="generate", every=1):
        super().__init__(name, encoder.networks, optimizer, seed, every)
        self.encoder, self.adversaries, self.updates_statistics = encoder, adversaries, updates_statistics

    def encode(self, batch):
        """Return Q's code, its cache and the context of the pass, whose further draws are D's."""
        ctx = self.context()
        return *self.encoder.forward(batch.x, ctx), ctx

    def forward(self, batch, encoded=None):
        """Return the loss of each adversary; `encoded` is what `encode` returned, if Q's forward has been computed.

        D must be passed after its own update, with a new cache: the cache of Discriminate is stale by then.
        """
        xp = self.backend.xp
        code, q_cache, ctx = encoded or self.encode(batch)
        ones = self.backend.constant([[1.0]] * batch.x.shape[0])
        values, d_caches = {}, []
        beside = code if code.y is None else code._replace(y=self.constant("y beside z", code.y))
        for adversary in self.adversaries:
            discriminator_input = adversary.discriminator_input(xp, getattr(code, adversary.field), beside, batch)
            logits, d_cache = adversary.discriminator.forward(discriminator_input, ctx)
            value, dlogits = (adversary.generator_loss or adversary.loss)(xp, logits, ones)
            if adversary.adversarial_warmup:
                factor = self.warmup_factor(adversary.adversarial_warmup)
                value, dlogits = xp.sum(factor * value), factor * dlogits
            values[f"G_{adversary.discriminator.name.removeprefix('D_')}"] = value
            d_caches.append((d_cache, dlogits, getattr(code, adversary.field).shape[1]))
        return values, (q_cache, d_caches)

    def backward(self, cache):
        """Add Q's gradient: each D returns dx of its input, whose first d columns are the gradient of the field."""
        q_cache, d_caches = cache
        self.gradients.zero()
        dcode = {}
        for adversary, (d_cache, dlogits, d) in zip(self.adversaries, d_caches, strict=True):
            dinput = adversary.discriminator.backward(dlogits, d_cache)  # D's dW is not needed here
            dcode[adversary.field] = dinput[:, :d]  # the label or y beside it, if any, is no variable
        self.encoder.backward(self.encoder.output(**dcode), q_cache, self.gradients)
        self.statistics = [(self.encoder, q_cache)] if self.updates_statistics else []


class GeneratedSamples(NamedTuple):
    """Images that P has made of draws from the prior, where `Code` would be Q's."""

    z: Any = None  # (n, d) the draws
    x: Any = None  # (n, d_in) the images
    y: Any = None


class PriorGenerator:
    """P in Q's place: draws from the prior become images, and the same two phases train a GAN (section 2.2)."""

    output = GeneratedSamples

    def __init__(self, decoder, prior):
        self.decoder, self.prior, self.networks = decoder, prior, [decoder]

    def forward(self, x, ctx):
        """x (n, d_in), which is only counted -> GeneratedSamples, n of them."""
        drawn = Code(z=self.prior.sample(x.shape[0], ctx))
        output, cache = self.decoder.forward(drawn, ctx)
        image = self.decoder.image(output)
        return GeneratedSamples(drawn.z, image), (cache, image)

    def backward(self, dsamples, cache, gradients):
        """Add P's gradient from `dsamples.x` (n, d_in); the drawn z are constants."""
        cache, image = cache
        self.decoder.backward(self.decoder.image_backward(dsamples.x, image), cache, gradients, want_dx=False)

    def update_running_statistics(self, cache):
        self.decoder.update_running_statistics(cache[0])


class Regularization:
    """Make q(z) (and q(y)) match the prior: Discriminate, then Generate, with one encoder pass for both.

    q(z) = ∫ q(z|x) p(x) dx is the aggregated posterior, the distribution of the codes of all images (section 2).
    The minimax game of the two halves is at rest where q(z) = p(z):

        min over Q, max over D of  E_{z~p(z)}[ln s(D(z))] + E_x[ln(1 − s(D(Q(x))))]

    * `d_optimizer`, `g_optimizer`: of Discriminate and of Generate.
    * `smoothing`, `updates_statistics`: see `Discriminate` and `Generate`.

    Discriminate moves D alone, so Q's cache stays valid for Generate. Regularization has the `step` and the
    `phases_with_optimizer` of a phase, but no gradient: a gradient check takes each half by itself. Where D is to
    step more often than Q, the list of phases has the two themselves instead, with an `every` each.
    """

    def __init__(self, encoder, adversaries, d_optimizer, g_optimizer, seed=0, smoothing=0.0, updates_statistics=False,
                 name="regularization", every=1):  # fmt: skip
        self.name, self.every = name, every
        halves = "discriminate", "generate"
        d_name, g_name = halves if name == "regularization" else [f"{name}-{half}" for half in halves]
        self.discriminate = Discriminate(encoder, adversaries, d_optimizer, seed, smoothing, d_name, every)
        self.generate = Generate(encoder, adversaries, g_optimizer, seed, updates_statistics, g_name, every)

    def step(self, batch):
        """One step of each half; Generate passes through D after D's own update.

        The codes of both halves are from one pass of Q, in Generate's context, from which D's noise is drawn next.
        """
        encoded = self.generate.encode(batch)
        values, cache = self.discriminate.forward(batch, encoded[0])
        self.discriminate.backward(cache)
        self.discriminate.update()
        more, cache = self.generate.forward(batch, encoded)
        self.generate.backward(cache)
        self.generate.update()
        return values | more

    def phases_with_optimizer(self):
        return [self.discriminate, self.generate]


class SemiSupervised(Phase):
    """min over Q of the cross-entropy of q(y|x) on the few labelled images (section 5).

        L = −Σ_k t_k ln y_k, t one-hot        dlogits = (y − t)/n

    It reads the logits, not y. z has no gradient, and no D or P takes part. The labels fix which value of y is
    which class; the adversary of y alone leaves their order open.
    """

    def __init__(self, encoder, optimizer, seed=0, name="semi-supervised", every=1):
        super().__init__(name, [encoder], optimizer, seed, every)
        self.encoder = encoder

    def forward(self, batch):
        """Return the cross-entropy, in nats for each labelled image.

        It reads `x_labelled` (m, d) and `y_labelled` (m, k) of the batch, and not `x`.
        """
        code, q_cache = self.encoder.forward(batch.x_labelled, self.context())
        value, dlogits = softmax_cross_entropy(self.backend.xp, code.logits, batch.y_labelled)
        return {"classification": value}, (q_cache, dlogits)

    def backward(self, cache):
        """Add Q's gradient: dlogits enters below the softmax."""
        q_cache, dlogits = cache
        self.gradients.zero()
        self.encoder.backward(Code(logits=dlogits), q_cache, self.gradients)
