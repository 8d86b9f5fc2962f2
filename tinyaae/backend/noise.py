"""Context: what a forward pass needs besides its input. Is it training, which noise, which ranks have other rows?

Noise is a function of four numbers, never of what was drawn before: the run's seed, the stream (one for each phase),
the phase's step, and the number of the draw within this context. So a phase draws the same noise alone or among others.
A gradient check can draw the same noise twice. A run is resumed from its step numbers. A second context of the same
phase and step repeats the draws of the first. A phase that passes through several networks therefore passes one context
on. Regularization encodes once, in the context of Generate. Run alone, Discriminate draws the encoder's noise itself.

Where several ranks share a training batch, each draws the noise of all rows and takes its own rows. Means over the
batch are means over the rows of all ranks. An evaluation pass is not shared between ranks.
"""

from copy import copy
from zlib import crc32

from .distributed.base import SINGLE_PROCESS


class Context:
    """One forward pass: `training` turns on noise, dropout and batch statistics; `normal` and `uniform` draw."""

    def __init__(self, backend, training=False, seed=0, stream="evaluation", step=0):
        self.backend, self.training = backend, training
        self._place = seed, crc32(stream.encode()), step
        self._draws, self._batches = [0], 1

    @property
    def communicator(self):
        """Return the ranks that share the rows of this pass."""
        return self.backend.communicator if self.training else SINGLE_PROCESS

    def stacked(self, batches):
        """Return this pass for rows that stack `batches` batches, e.g. real and fake samples."""
        other = copy(self)  # shares the list, and with it the count of draws
        other._batches = batches
        return other

    # Noise -------------------------------------------------------------------------------------------------------

    def normal(self, shape):
        """Return N(0, 1) noise of `shape`, rows first; each call of a pass is another draw."""
        return self._own_rows(self.backend.normal, shape)

    def uniform(self, shape):
        """Return uniform noise in [0, 1) of `shape`, rows first; each call of a pass is another draw."""
        return self._own_rows(self.backend.uniform, shape)

    def _own_rows(self, draw, shape):
        """Return this rank's rows of a draw for all ranks' rows, in each of the batches."""
        self._draws[0] += 1
        size, place = self.communicator.size, (*self._place, *self._draws)
        if size == 1:
            return draw(place, shape)
        rows, *others = shape
        all_rows = self.backend.xp.reshape(draw(place, (rows * size, *others)), (self._batches, -1, *others))
        mine = all_rows[:, self.communicator.rows(all_rows.shape[1]), ...]
        return self.backend.xp.reshape(mine, shape)

    # Statistics of the batch -------------------------------------------------------------------------------------

    def means(self, *arrays):
        """Return the column means (d,) of each array (n, d), over all rows of the batch."""
        xp = self.backend.xp
        own = [xp.mean(x, axis=0) for x in arrays]
        return own if self.communicator.size == 1 else list(self.communicator.mean(xp.stack(own)))

    def moments(self, x):
        """Return the column means (d,) and variances (d,) of x (n, d) over all rows of the batch, and x − mean.

        The variance over all rows is the mean of the ranks' variances plus the variance of their means. In this form no
        digits cancel.
        """
        xp = self.backend.xp
        mean = xp.mean(x, axis=0)
        centred = x - mean
        var = xp.mean(centred * centred, axis=0)
        if self.communicator.size == 1:
            return mean, var, centred
        ranks = self.communicator.gather(xp.stack([mean, var]))  # (size, 2, d)
        mean = xp.mean(ranks[:, 0, :], axis=0)
        apart = ranks[:, 0, :] - mean
        return mean, xp.mean(ranks[:, 1, :] + apart * apart, axis=0), x - mean
