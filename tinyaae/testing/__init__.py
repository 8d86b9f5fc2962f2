"""Checks for layers, losses, phases and priors of your own; those of gradients are in the textbook, `gradcheck`.

`Backend.named("strict")` is the array backend to check them on where there is no GPU.
"""

from ..gradcheck import GradientError, check_layer, check_loss, check_phase
from .priors import PriorError, check_prior

__all__ = ["GradientError", "PriorError", "check_layer", "check_loss", "check_phase", "check_prior"]
