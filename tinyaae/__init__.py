"""tinyaae: adversarial autoencoders from scratch, on NumPy or CuPy.

    import tinyaae
    model = tinyaae.load("runs/my-run")
    model.classify(images)

The textbook lies at the top of the package, in this reading order: layers, losses, optimizers, priors, networks,
phases, extras, recipes, model, gradcheck. Everything else is a service: backend, config, data, training, metrics,
figures, testing, surroundings, inference, cli.
"""

import os

from .surroundings import THREADS, threads_by_quota

# After each matrix product OpenBLAS's idle threads spin for a while in case another follows, and slow down what runs
# meanwhile: on two cores a training step took 30 ms with the default, 20 ms with this. Must be set before NumPy loads.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "8")
if threads_by_quota():  # OpenBLAS would start a thread for each processor, also where a container may use only one
    os.environ[THREADS[0]] = str(threads_by_quota())

from .backend import Backend, fused
from .config.modes import mode
from .config.priors import prior
from .errors import UserError
from .model import build
from .training.pretrained import open_run
from .training.run import prepare, train

__all__ = ["Backend", "UserError", "__version__", "build", "fused", "load", "mode", "prepare", "prior", "train"]
__version__ = "0.2.0"


def load(run, backend="numpy", best=False):
    """Return the trained `Model` of a `run`, of the last checkpoint or of the epoch `best` on validation.

    run: the folder of a run, or the name of a pretrained model, such as "semi-supervised-100".
    backend: a `Backend` or the name of one.

    Raises `UserError` where there is no such run or it is damaged.
    """
    folder = open_run(run)
    backend = "numpy" if backend is None else backend
    model = build(folder.config(), Backend.named(backend) if isinstance(backend, str) else backend)
    folder.restore(model, best)
    return model
