"""tinyaae: adversarial autoencoders from scratch, on NumPy or CuPy.

import tinyaae
system = tinyaae.load("runs/my-run")
system.classify(images)
"""

from .backend import Backend
from .errors import UserError
from .recipes import build
from .run_folder import RunFolder

__all__ = ["Backend", "UserError", "build", "load"]


def load(run, backend=None):
    """Return the trained `System` in the folder `run`; `UserError` where there is none or it is damaged."""
    folder = RunFolder.open(run)
    system = build(folder.config(), backend or Backend.named("numpy"))
    folder.restore(system)
    return system
