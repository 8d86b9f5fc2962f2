"""What each rank does in tests/integration/test_many_machines.py, and what one process does for comparison.

mpiexec -n 2 python tests/support/ranks.py train FILE          every case in `RANK_CASES`; rank 0 writes what came out
mpiexec -n 2 python tests/support/ranks.py without-gpu FILE    some of them with CuPy's backend on its stand-in
mpiexec -n 2 python tests/support/ranks.py kill FLAGS…         run_mnist.py, but rank 1 gets SIGKILL in its 8th step
mpiexec -n 2 python tests/support/ranks.py interrupt FLAGS…    or SIGINT
mpiexec -n 2 python tests/support/ranks.py raise FLAGS…        or an exception
mpiexec -n 2 python tests/support/ranks.py diverge FLAGS…      or one weight that is not finite
mpiexec -n 2 python tests/support/ranks.py evaluate FLAGS…     or rank 0 gets SIGINT while it evaluates
"""

import os
import signal
import sys
from dataclasses import replace
from itertools import chain, islice

import numpy as np
from fake_cupy import backend_without_gpu
from pytest import MonkeyPatch
from tiny import takes, tiny_config, tiny_dataset

from tinyaae.backend import Backend
from tinyaae.backend.distributed import base as distributed
from tinyaae.config.modes import MODES
from tinyaae.model import Model, build
from tinyaae.training import Batches

RANKS, STEPS_TRAINED, EIGHTH = (2, 4), 20, 8
BATCH_OF_8 = {"batch_size": 8}  # a multiple of 4; there are 13 such batches in an epoch
MOMENTUM = {"optimizer": "momentum", "lr_reconstruction": 0.01, "lr_adversarial": 0.1}
ALL_EXTRAS = {"information_maximization": 0.2, "vat": 0.3, "latent_noise": 0.2}


def momentum_config(mode, flags=None, **fields):
    """Return the config of `mode` with command-line `flags`, and with `fields` changed that have no flag.

    Momentum unless the flags or fields say otherwise. The gradient of a bias in front of batch norm is 0 except for
    rounding. Adam divides a gradient by its own size, so its steps would differ with the order of the sums.
    """
    labels = {"labels": 8} if takes(mode, "labels") and not (flags or {}).get("clusters") else {}
    return replace(tiny_config(mode, **(BATCH_OF_8 | labels | (flags or {}))), **(MOMENTUM | fields))


RANK_CASES = {
    **{mode: momentum_config(mode) for mode in MODES},
    "Adam, without batch norm": momentum_config("semi-supervised", batch_norm=False, head_norm=False, optimizer="adam"),
    "the paper's preset": momentum_config("semi-supervised", {"preset": "paper"}),
    "universal posterior": momentum_config("semi-supervised", {"posterior": "universal"}),
    "gaussian posterior": momentum_config("aae", {"posterior": "gaussian"}),
    "dropout in D": momentum_config("semi-supervised", dropout=0.3, leak=0.2, smoothing=0.1),
    "dropout of the input": momentum_config("aae", input_dropout=0.2),
    "vae with a mixture": momentum_config("vae", {"prior": "mixture"}),
    "gan with noise": momentum_config("gan", {"input_noise": 0.4}, reconstruction="cross-entropy"),
    "half the labels": momentum_config("label-regularized", {"labels": 40, "prior": "swiss-roll"}),
    "vat with labels": momentum_config("semi-supervised", {"vat": 0.3, "vat_rampup": 12}),
    "heads without labels": momentum_config("reduction", {"labels": 0, "clusters": 4}),
    # Batch norm divides what little comes out of first weights of 0.01, the preset's, by its size: each step then
    # multiplies the rounding of the last, to 1e-9 after twenty. With the usual first weights they end 1e-14 apart.
    "extras": momentum_config(
        "clustering", ALL_EXTRAS | {"vat_rampup": 12, "adversarial_warmup": 9, "lr_vat": 0.03}, weight_std=None
    ),
    **{
        f"{prior} prior": momentum_config("aae", {"prior": prior})
        for prior in ("laplace", "uniform", "gamma", "mixture")
    },
}

WITHOUT_GPU = "semi-supervised", "dropout in D"


def arrays_after_training(config, ranks=distributed.SINGLE_PROCESS, without_gpu=False):
    """Return name -> array of all that the float64 model of `config` holds after 20 steps, and of its values."""
    with MonkeyPatch.context() as patch:
        backend = backend_without_gpu(patch, "float64") if without_gpu else Backend.named("numpy", "float64")
        return arrays_on(backend.join(ranks), config)


def arrays_on(backend, config):
    """Return what `arrays_after_training` does, on a backend that has joined its ranks."""
    model, batches = build(config, backend), Batches(tiny_dataset(), config, backend)
    values = {}
    for step, batch in enumerate(islice(chain(batches.epoch(0), batches.epoch(1)), STEPS_TRAINED)):
        values |= {f"value of {name}, step {step}": v for name, v in model.step(batch).items()}
    return {key: np.array(backend.to_numpy(array)) for key, array in (model.state() | values).items()}


def write_arrays(ranks, file, cases, without_gpu=False):
    """Write all arrays of all `cases`, and for each case how far the ranks are apart."""
    found = {}
    for name in cases:
        arrays = arrays_after_training(RANK_CASES[name], ranks, without_gpu)
        everybody = [np.array(ranks.world.allgather(array)) for array in arrays.values()]
        found |= {f"{name}/{key}": array for key, array in arrays.items()}
        found[f"{name}/apart"] = max(np.max(np.ptp(array, axis=0)) for array in everybody)
    if ranks.rank == 0:
        np.savez(file, **found)


def fail(ranks, how):
    """Let something go wrong in the 8th step from now."""
    step, taken = Model.step, []

    def failing(model, batch):
        taken.append(1)
        if len(taken) == EIGHTH and ranks.rank == 1:
            if how == "raise":
                raise RuntimeError("a mistake in the program")
            if how == "diverge":
                model.networks["Q"].flat[0] = np.inf
            else:
                os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGINT)
        return step(model, batch)

    Model.step = failing


def main():
    what, *arguments = sys.argv[1:]
    ranks = distributed.started()
    if what == "train":
        return write_arrays(ranks, *arguments, RANK_CASES)
    if what == "without-gpu":
        return write_arrays(ranks, *arguments, WITHOUT_GPU, without_gpu=True)
    from tinyaae import cli
    from tinyaae.training import run as whole_run

    if what == "evaluate":
        whole_run.evaluate = lambda *_: os.kill(os.getpid(), signal.SIGINT)
    else:
        fail(ranks, what)
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
