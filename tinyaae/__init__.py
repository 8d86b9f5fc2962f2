"""tinyaae: adversarial autoencoders from scratch, on NumPy or CuPy.

    import tinyaae
    model = tinyaae.load("runs/my-run")
    model.classify(images)

The textbook lies at the top of the package, in this reading order: layers, losses, optimizers, priors, networks,
phases, extras, recipes, model, gradcheck. Everything else is a service: backend, config, data, training, metrics,
figures, testing, cli.
"""

import os

# After each matrix product OpenBLAS's idle threads spin for a while in case another follows, and slow down what runs
# meanwhile: on two cores a training step took 30 ms with the default, 20 ms with this. Must be set before NumPy loads.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "8")

from .backend import Backend, fused
from .config.modes import mode
from .config.priors import prior
from .errors import UserError
from .model import build
from .training.run import prepare, train
from .training.run_folder import RunFolder

__all__ = ["Backend", "UserError", "__version__", "build", "fused", "load", "mode", "prepare", "prior", "train"]
__version__ = "0.2.0"


def load(run, backend=None, best=False):
    """Return the trained `Model` in the folder `run`, of the last checkpoint or of the epoch `best` on validation.

    `UserError` where there is none or it is damaged.
    """
    folder = RunFolder.open(run)
    model = build(folder.config(), backend or Backend.named("numpy"))
    folder.restore(model, best)
    return model
