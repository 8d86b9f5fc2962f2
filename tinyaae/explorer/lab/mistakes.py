"""The shelf: classic mistakes as phases, each with the harm that a test measures in the lab's own setting.

None raises an exception, and training goes on. `tests/integration/test_lab.py` compares five seeds with the same seeds
without the mistake.
"""

from typing import Any, NamedTuple

from ...losses import softmax_cross_entropy
from ...networks import Code
from ...phases import Discriminate, Generate, Phase, Reconstruction, SemiSupervised


class Mistake(NamedTuple):
    """A mistake: what is wrong, what comes of it, and phase -> the phase with the mistake."""

    about: str
    harm: str
    change: Any


class NoDiscriminatorStep(Discriminate):
    """Computes D's gradient, and never moves D."""

    def update(self):
        self.optimizer.count()


class DiscriminatorMovedByGenerate(Generate):
    """Moves D by the gradient of Generate, too."""

    def __init__(self, encoder, adversaries, optimizer, seed):
        super().__init__(encoder, adversaries, optimizer, seed)
        moved = [*encoder.networks, *(each.discriminator for each in adversaries)]
        Phase.__init__(self, self.name, moved, optimizer, seed)

    def backward(self, cache):
        super().backward(cache)
        for adversary, (d_cache, dlogits, _) in zip(self.adversaries, cache[1], strict=True):
            adversary.discriminator.backward(dlogits, d_cache, self.gradients, want_dx=False)


class WrongSign(Generate):
    """Climbs the loss of Generate instead of descending it."""

    def backward(self, cache):
        super().backward(cache)
        self.gradients.flat *= -1


class ForgottenDetach(Discriminate):
    """Moves Q by the gradient of Discriminate, too."""

    def __init__(self, encoder, adversaries, optimizer, seed):
        super().__init__(encoder, adversaries, optimizer, seed)
        Phase.__init__(self, self.name, [*self.moves, *encoder.networks], optimizer, seed)

    def forward(self, batch):
        code, q_cache = self.encoder.forward(batch.x, self.context())
        values, caches = super().forward(batch, code)
        return values, (q_cache, caches)

    def backward(self, cache):
        q_cache, caches = cache
        self.gradients.zero()
        dcode = {}
        for adversary, (d_cache, dlogits) in zip(self.adversaries, caches, strict=True):
            dinput = adversary.discriminator.backward(dlogits, d_cache, self.gradients)
            n = dinput.shape[0] // 2  # the first half are draws from the prior
            dcode[adversary.field] = dinput[n:, : adversary.prior.d]
        self.encoder.backward(Code(**dcode), q_cache, self.gradients)


class SoftmaxTwice(SemiSupervised):
    """Gives probabilities to a loss that takes logits."""

    def forward(self, batch):
        code, q_cache = self.encoder.forward(batch.x_labelled, self.context())
        value, dy = softmax_cross_entropy(self.backend.xp, code.y, batch.y_labelled)
        return {"classification": value}, (q_cache, dy)

    def backward(self, cache):
        q_cache, dy = cache
        self.gradients.zero()
        self.encoder.backward(Code(y=dy), q_cache, self.gradients)


class GradientsAddUp(Reconstruction):
    """Adds its gradient to those of all earlier steps."""

    def backward(self, cache):
        earlier = self.gradients.flat + 0
        super().backward(cache)
        self.gradients.flat += earlier


def of(kind, base):
    """Return phase -> a phase of class `kind` in place of one of class `base`; others stay."""

    def change(phase):
        if type(phase) is not base:
            return phase
        if base in (Discriminate, Generate):
            return kind(phase.encoder, phase.adversaries, phase.optimizer, phase.seed)
        phase.__class__ = kind
        return phase

    return change


MISTAKES = {
    "no-d-step": Mistake(
        "D never steps.",
        "Q climbs a map that does not change: after 100 rounds the codes have left the prior. "
        "The gradient check passes.",
        of(NoDiscriminatorStep, Discriminate),
    ),
    "d-moved": Mistake(
        "The gradient of Generate moves D, too.",
        "Generate teaches D to call every code a draw: after 100 rounds the codes have left the prior. "
        "The gradient check finds it.",
        of(DiscriminatorMovedByGenerate, Generate),
    ),
    "detach": Mistake(
        "The gradient of Discriminate moves Q, too.",
        "Discriminate lets Q help D: after 200 rounds q(z) is more than 3 times as far from p(z). "
        "The gradient check finds it.",
        of(ForgottenDetach, Discriminate),
    ),
    "wrong-sign": Mistake(
        "Generate climbs its loss.",
        "All codes fall into one spot where D is sure of them, and one code cannot be decoded into every x. "
        "The gradient check finds it.",
        of(WrongSign, Generate),
    ),
    "add-up": Mistake(
        "Reconstruction adds its gradient to those of all earlier steps.",
        "Steps go on in past directions: after 100 rounds the reconstruction error is more than 10 times as large. "
        "The gradient check finds it.",
        of(GradientsAddUp, Reconstruction),
    ),
    "softmax-twice": Mistake(
        "SemiSupervised gives probabilities to a loss that takes logits.",
        "It is slower: after 10 rounds on the ring y is wrong for more than a quarter of the points, and without the "
        "mistake for less than a fifth. After 100 rounds it has caught up. The gradient check passes.",
        of(SoftmaxTwice, SemiSupervised),
    ),
}
