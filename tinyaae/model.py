"""A model: the networks of a recipe and the phases that train them, and what a trained one is good for.

Everything here takes and returns NumPy arrays, whatever the backend; images are rows (n, d), uint8 or in [0, 1].
"""

from functools import partial

import numpy as np

from .backend import Context
from .errors import UserError, expect_columns, whole_number
from .layers import ClusterHeads
from .networks import Code, one_hot
from .priors import Categorical
from .recipes import Builder, networks_and_phases

CHUNK = 1000  # rows at a time, so that a whole test set needs little memory


def unit_interval(images):
    """Return rows `(n, d)`, uint8 or float already in [0, 1], as float32 in [0, 1]; `UserError` for other types."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    if images.dtype.kind != "f":
        raise UserError(f"unit_interval: images are {images.dtype}, expected uint8 or float; astype('uint8')?")
    return images.astype(np.float32, copy=False)


def expect_distinct(names):
    """Raise `UserError` where two networks or phases have one name: it keys checkpoints, weights and noise."""
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"system: {names.count(name)} networks or phases are called {name!r}; give each its own")


class Model:
    """Networks by name, phases in order, the prior of z, and inference with them.

    Inference passes are evaluation passes: no noise, no dropout, and batch norm by its running averages. They
    change nothing. `phases` are in the order of steps, and at least one has `every` = 1. Raises `UserError`
    otherwise, and where two of the networks and phases have one name.
    """

    by_hand = False  # whether Q or P is not the one that the config says

    def __init__(self, config, backend, networks, phases, prior):
        self.config, self.backend, self.phases, self.prior = config, backend, phases, prior
        self.networks = {network.name: network for network in networks}
        expect_distinct([each.name for each in (*networks, *self.phases_with_optimizer())])
        if min((phase.every for phase in phases), default=1) != 1:
            raise UserError("system: no phase steps at every step; expected every=1 for one, and larger for others")
        self._captured = {}  # the phases that a step has -> the step

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_captured"}

    def __setstate__(self, state):
        """Restore a pickled or copied model, which computes as the original does and shares no array with it."""
        vars(self).update(state)
        self._captured = {}

    def __str__(self):
        """Return a line for the mode, each network (its widths and number of weights) and each phase."""
        c = self.config
        lines = [f"{c.mode}: {f'y of {c.y_dim}, ' if c.y_dim else ''}z of {c.z}, prior {c.prior}"]
        for name, network in self.networks.items():
            widths = [layer.shapes["W"] for layer in network.stack.walk() if "W" in layer.shapes]
            words = "-".join(str(width) for width in (widths[0][0], *(d_out for _, d_out in widths)))
            lines.append(f"  {name:<8} {words}, {network.size} weights")
        for phase in self.phases_with_optimizer():
            moved = ", ".join(network.name for network in phase.moves)
            kind = type(phase.optimizer).__name__
            every = f", every {phase.every} steps" if phase.every > 1 else ""
            lines.append(f"  {phase.name:<15} moves {moved} by {kind}, learning rate {phase.optimizer.lr:g}{every}")
        return "\n".join(lines)

    def step(self, batch):
        """Step every phase that is due, in order; return all their values, arrays on the device, means over all ranks.

        A GPU records a step for each set of phases that are due together.
        """
        due = tuple(self.due())
        if due not in self._captured:
            self._captured[due] = self.backend.captured(partial(self._step, due))
        values, communicator = self._captured[due](batch), self.backend.communicator
        if communicator.size == 1:
            return values
        means = communicator.mean(self.backend.xp.stack(list(values.values())))
        return {name: means[k, ...] for k, name in enumerate(values)}

    def due(self):
        """Return the phases that the next step has: all, but of those with `every` = k only at each k-th step."""
        taken = max((phase.optimizer.steps for phase in self.phases_with_optimizer()), default=0)
        return [phase for phase in self.phases if taken % phase.every == 0]

    def _step(self, phases, batch):
        values = {}
        for phase in phases:
            found = phase.step(batch)
            if again := sorted(values.keys() & found):
                raise UserError(f"{phase.name}: its value {again[0]} is another phase's already; name it differently")
            values |= found
        return values

    def phases_with_optimizer(self):
        """Return every phase that has an optimizer of its own, in order."""
        return [each for phase in self.phases for each in phase.phases_with_optimizer()]

    def state(self):
        """Return name -> array for everything that training changes (views, not copies)."""
        arrays = {}
        for name, network in self.networks.items():
            arrays |= {f"{name}/{key}": value for key, value in network.state().items()}
        for phase in self.phases_with_optimizer():
            arrays |= {f"{phase.name}/{key}": value for key, value in phase.optimizer.state.items()}
        return arrays

    # Inference -----------------------------------------------------------------------------------------------

    def encode(self, images):
        """Return the `Code` of images (n, d): y (n, k) probabilities or None, z (n, z), logits, posterior.

        Images may also be (n, height, width) or (n, height, width, channels). They are scaled as the training images
        were, never by their own range; rows of a table are standardized by the training columns.
        """
        return self.encode_rows(self.config.rows_of("encode", images))

    def encode_rows(self, rows):
        """Return the `Code` of rows (n, d) as a `Dataset` has them: uint8, in [0, 1], or standardized."""
        if "Q" not in self.networks:
            raise UserError(f"encode: mode {self.config.mode} has no encoder; it can only sample and decode")
        return Code(*self._in_chunks(self._encode, rows))

    def sample_posterior(self, images):
        """Return the `Code` of images (n, d) as D saw it: where q(z|x) is a Gaussian, z is drawn from it."""
        return self.drawn(self.encode(images))

    def drawn(self, code):
        """Return a host `Code` with z = μ + σ·ε where q(z|x) is a Gaussian, with one fixed ε; else as it is."""
        d = code.z.shape[1]
        if code.posterior.shape[1] == d:
            return code
        noise = np.random.default_rng(0).standard_normal(code.z.shape)
        return code._replace(z=code.z + np.exp(code.posterior[:, d:] / 2) * noise)

    def heads(self):
        """Return W_C (k, z), the cluster heads, where P reads y·W_C + z, else None."""
        layer = self.networks["P"].stack.layers[0]
        return self.backend.to_numpy(layer.W) if isinstance(layer, ClusterHeads) else None

    def decoder_input(self, code):
        """Return the points (n, z) where P reads a `Code`: y·W_C + z where there are cluster heads, else z."""
        heads = self.heads()
        return code.z if heads is None else code.y @ heads + code.z

    def decode(self, z, y=None):
        """Return images (n, d) in [0, 1], or rows of a table, for styles z (n, z) and y (n, k).

        y is given where P reads one, and None elsewhere. It may be soft: P then mixes classes.
        """
        return self.config.raw(self.decode_rows(z, y))

    def decode_rows(self, z, y=None):
        """Return rows (n, d) as a `Dataset` has them, for z (n, z) and, where P reads a y, y (n, k)."""
        z, y = np.asarray(z), None if y is None else np.asarray(y)
        expect_columns("decode", z, self.config.z, "is this z?", "z")
        if (y is None) != (self.config.decoder_y_dim == 0):
            came = "missing" if y is None else "given"
            raise UserError(f"decode: y is {came}, but P reads a y of width {self.config.decoder_y_dim}")
        if y is not None:
            expect_columns("decode", y, self.config.decoder_y_dim, "it is one-hot, a column a class or cluster", "y")
            if len(y) != len(z):
                raise UserError(f"decode: y has {len(y)} rows, expected {len(z)}, as many as z; a label too few?")
        return self._in_chunks(self._decode, z, y)[0]

    def classify(self, images):
        """Return the most probable label (n,) of each image (n, d), by its name in the training data.

        Raises `UserError` where y does not stand for classes.
        """
        if not self.config.y_is_class:
            raise UserError(f"classify: mode {self.config.mode} was shown no label that y could stand for")
        return np.array(self.config.label_names)[np.argmax(self.encode(images).logits, axis=1)]

    def score(self, images, by="reconstruction"):
        """Return a number (n,) for each image (n, d), which should be lower for images unlike those of training.

        by: "reconstruction", −½ Σ (P(Q(x)) − x)²; "density", ln p(z) of the code; or "discriminator", the logit of
        D_gauss (a GAN's D_image), positive for what looks like a draw from the prior. It approaches ln p(z)/q(z),
        so it is low far from the prior. It is high where the prior has density and no training image has its code.
        On MNIST without one digit only "reconstruction" has a mean AUC above ½ (`results/README.md`).
        Raises `UserError` where the mode has no such number.
        """
        rows = self.config.rows_of("score", images)
        if by == "discriminator" and "D_image" in self.networks:
            return self._in_chunks(self._logits("D_image"), unit_interval(rows))[0][:, 0]
        if by not in ("reconstruction", "discriminator", "density"):
            raise UserError(f"score: by={by!r} given, expected reconstruction, discriminator or density")
        code = self.encode_rows(rows)
        if by == "reconstruction":
            if self.decoder_reads_label:
                raise UserError(f"score: P in mode {self.config.mode} reads the true label of an image; by density?")
            difference = self.decode_rows(code.z, code.y) - unit_interval(rows)
            return -np.sum(difference * difference, axis=1) / 2
        if by == "density":
            if not self.has_prior:
                raise UserError(f"score: mode {self.config.mode} matches codes to no prior; by reconstruction?")
            return self.prior.log_density(np, code.z.astype(np.float64))
        if not self.can_resample or (self.decoder_reads_label and self.config.condition_on_y):
            other = "density" if self.decoder_reads_label else "reconstruction"
            raise UserError(f"score: mode {self.config.mode} has no discriminator of codes alone; by {other}?")
        read = np.concatenate([code.z, code.y], axis=1) if self.config.condition_on_y and code.y is not None else code.z
        expect_columns(
            "score", read, self.networks["D_gauss"].stack.layers[0].shapes["W"][0], "by reconstruction?", "z"
        )
        return self._in_chunks(self._logits("D_gauss"), read)[0][:, 0]

    def _logits(self, name):
        return lambda x: [self.networks[name].forward(self.backend.array(x), Context(self.backend))[0]]

    def reconstruct(self, images, labels=None):
        """Return P(Q(x)) (n, d) for images (n, d); mode supervised needs their labels (n,), since P reads them."""
        code = self.encode(images)
        return self.decode(code.z, self.read_y(code, self.config.indices_of("reconstruct", labels)))

    def sample(self, n, labels=None, seed=0, candidates=1):
        """Return n images (n, d) from the prior; `labels`, one for all or (n,), fixes their y where P reads one.

        Without `labels` the values of y come in turn.

        With `candidates` > 1 each z is resampled from that many by D_gauss (see `draw`).
        """
        return self.config.raw(self.sample_rows(n, self.config.indices_of("sample", labels), seed, candidates))

    def sample_rows(self, n, labels=None, seed=0, candidates=1):
        """Return what `sample` does as rows (n, d) of a `Dataset`; `labels` are indices of names."""
        n, seed = whole_number("sample", "n", n, 0), whole_number("sample", "seed", seed, 0)
        ctx, k = Context(self.backend, seed=seed, stream="sample"), self.config.decoder_y_dim
        if k == 0:
            if labels is not None:
                raise UserError(f"sample: labels are given, but mode {self.config.mode} has no y")
            return self.decode_rows(self.backend.to_numpy(self.draw(n, ctx, candidates=candidates).z))
        labels = np.arange(n) % k if labels is None else labels
        y = self._one_hot("sample", np.full(n, labels) if np.ndim(labels) == 0 else labels)
        return self.decode_rows(self.backend.to_numpy(self.draw(n, ctx, self.backend.array(y), candidates).z), y)

    @property
    def has_prior(self):
        """Whether training has pulled the codes to the prior, so that samples of it mean something."""
        return self.config.has_prior

    @property
    def has_joint_prior(self):
        """Whether P was trained on such pairs as p(y) p(z) draws: P reads no y, or D judged y and z together.

        Judged apart, q(y) and q(z) may match their priors while their pairs do not.
        """
        return self.has_prior and (self.config.decoder_y_dim == 0 or self.config.condition_on_y)

    @property
    def decoder_reads_label(self):
        """Whether P reads the true label of an image, as in mode supervised, and not Q's y."""
        return self.config.decoder_y_dim != self.config.y_dim

    @property
    def can_resample(self):
        """Whether D_gauss can judge a draw: there is one, and it does not ask for the label of an image."""
        return "D_gauss" in self.networks and self.config.label_to != "prior"

    def draw(self, n, ctx, y=None, candidates=1):
        """Return a `Code` of n draws from the prior, on the device; y (n, k) is drawn too where P reads one.

        With `candidates` > 1 each z is drawn from that many, with odds exp(−logit of D_gauss). The logit
        approaches ln p(z)/q(z) (Goodfellow et al. 2014, proposition 1). So such draws are approximately of q(z),
        on which P was trained. Azadi et al. (2018) reject instead. `UserError` where there is no D_gauss of z
        alone, or of z and y.
        """
        candidates = whole_number("sample", "candidates", candidates, 1)
        k = self.config.decoder_y_dim
        if k and y is None:
            y = Categorical(k).sample(n, ctx)
        z = self.prior.sample(n * candidates, ctx)
        return Code(y, z if candidates == 1 else self._resampled(z, y, candidates, ctx))

    def _resampled(self, z, y, candidates, ctx):
        """z (n·candidates, d) -> (n, d): the largest of −logit plus a Gumbel draw has odds exp(−logit).

        A Gumbel draw is g = −ln(−ln u), u uniform. With a_i the −logit of candidate i:

            P(argmax_j (a_j + g_j) = i) = e^{a_i} / Σ_j e^{a_j}
        """
        if not self.can_resample:
            raise UserError(f"sample: mode {self.config.mode} has no D_gauss to resample candidates by")
        xp, n = self.backend.xp, z.shape[0] // candidates
        read = xp.concat([z, xp.repeat(y, candidates, axis=0)], axis=1) if self.config.condition_on_y else z
        pieces = [read[k : k + CHUNK, :] for k in range(0, max(n * candidates, 1), CHUNK)]
        logits = xp.concat([self.networks["D_gauss"].forward(piece, Context(self.backend))[0] for piece in pieces])
        gumbel = -xp.log(-xp.log(ctx.uniform((n * candidates, 1)) + 1e-12))
        best = xp.argmax(xp.reshape(gumbel - logits, (n, candidates)), axis=1)
        return xp.take(z, best + self.backend.array(np.arange(n) * candidates, best.dtype), axis=0)

    def interpolate(self, a, b, steps=8, labels=None):
        """Return images (steps, d) on the straight line in latent space from image a (d,) to image b (d,).

            z(t) = (1 − t)·z_a + t·z_b, t from 0 to 1, and y in the same way

        Mode supervised needs the two `labels`.
        """
        pair = [unit_interval(self.config.rows_of("interpolate", np.asarray(image)[None])) for image in (a, b)]
        ends, labels = self.encode_rows(np.concatenate(pair)), self.config.indices_of("interpolate", labels)
        t = np.linspace(0, 1, whole_number("interpolate", "steps", steps, 0))[:, None]
        z, y = ends.z, self.read_y(ends, labels, "interpolate")
        return self.decode(*[None if both is None else (1 - t) * both[:1] + t * both[1:] for both in (z, y)])

    def read_y(self, code, labels, where="reconstruct"):
        """Return the y that P reads with the z of `code`: Q's own, or the one-hot of `labels`, indices of names."""
        if not self.decoder_reads_label:
            return code.y
        if labels is None:
            raise UserError(f"{where}: P in mode {self.config.mode} reads the true label; give labels (n,)")
        return self._one_hot(where, labels)

    def _one_hot(self, where, labels):
        labels, k = np.asarray(labels), self.config.decoder_y_dim
        if labels.dtype.kind not in "iu":
            raise UserError(f"{where}: labels are {labels.dtype}, expected integers")
        if labels.ndim != 1:
            raise UserError(f"{where}: labels are {labels.shape}, expected (n,), one a row; argmax(axis=1) of one-hot?")
        wrong = labels[(labels < 0) | (labels >= k)]
        if wrong.size:
            raise UserError(f"{where}: label {wrong[0]}, expected 0 to {k - 1}")
        return one_hot(labels, k)

    def _encode(self, images):
        x = self.backend.array(images)
        if images.dtype == np.uint8:
            x = x / 255
        return self.networks["Q"].forward(x, Context(self.backend))[0]

    def _decode(self, z, y):
        code = Code(z=self.backend.array(z), y=None if y is None else self.backend.array(y))
        decoder = self.networks["P"]
        return [decoder.image(decoder.forward(code, Context(self.backend))[0])]

    def _in_chunks(self, function, *inputs):
        """Return `function` of the rows of `inputs`, arrays or None, as a list of host arrays or None."""
        chunks = []
        for start in range(0, max(len(inputs[0]), 1), CHUNK):
            chunks.append(function(*[None if rows is None else rows[start : start + CHUNK] for rows in inputs]))
        outputs = []
        for pieces in zip(*chunks, strict=True):
            host = [None if piece is None else self.backend.to_numpy(piece) for piece in pieces]
            outputs.append(None if host[0] is None else np.concatenate(host))
        return outputs


def build(config, backend, encoder=None, decoder=None):
    """Return the `Model` that `config` describes, with fresh weights from its seed; `UserError` if it is too big.

    `encoder` and `decoder` make Q and P in place of the recipe's. They are functions of the `Builder`, which
    return an `Encoder` and a `Decoder`. The decoder of a mode with cluster heads is also given `heads`, their
    number.
    """
    config.expect_memory()
    make = Builder(config, backend)
    for name, function in (("encoder", encoder), ("decoder", decoder)):
        if function:
            setattr(make, name, partial(function, make))
    networks, phases = networks_and_phases(make)
    model = Model(config, backend, networks, phases, make.prior)
    model.by_hand = bool(encoder or decoder)
    config.expect_widths(model)
    return model
