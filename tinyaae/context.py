"""What a forward pass needs to know besides its input: is this training, and where does noise come from.

Noise is a function of four numbers, never of what was drawn before: the run's seed, the stream (which phase is
asking), that phase's step, and the number of the draw within this pass. So a phase draws the same noise alone
or among others, a gradient check can draw the same noise twice, and a run is resumed by remembering step numbers.
"""

from zlib import crc32


class Context:
    """One forward pass: `training` switches noise, dropout and batch statistics on; `normal`, `uniform` draw."""

    def __init__(self, backend, training=False, seed=0, stream="evaluation", step=0):
        self.backend, self.training = backend, training
        self._place = seed, crc32(stream.encode()), step
        self._draws = 0

    def _next(self):
        self._draws += 1
        return (*self._place, self._draws)

    def normal(self, shape):
        """Return N(0, 1) noise of `shape`; each call of a pass is a draw of its own."""
        return self.backend.normal(self._next(), shape)

    def uniform(self, shape):
        """Return uniform noise in [0, 1) of `shape`; each call of a pass is a draw of its own."""
        return self.backend.uniform(self._next(), shape)
