"""The communicator: the processes that train one model together, each on its share of every batch.

`mpiexec -n 4 python run_mnist.py` starts four *ranks*, on one machine or on several. All hold the same weights. Each
takes its rows of a batch, runs forward and backward on them, and then all average one gradient vector (an all-reduce:
everybody puts in a vector, everybody gets the mean), so that all take the same step; no weight is ever sent. Shares are
equal, so the mean of the ranks' means is the mean over the batch. Two things ask for more than that: batch norm wants
the mean and variance over all rows (`Context.moments`), and noise must be what one process would have drawn for these
rows (`Context.normal`). Rank 0 alone prints, reads and writes a run's folder.

Without mpiexec a process is `SINGLE_PROCESS`: every method here is then the identity, and nothing is imported.
"""

import os
import sys
import warnings
from functools import wraps

from ...errors import UserError

SIZES = "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"  # what Open MPI, MPICH and MVAPICH tell a process
RANKS = "OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK"


class SingleProcess:
    """One process; `local_size` ranks are on this machine, and `local_rank` is the number of this one among them."""

    rank, size, local_rank, local_size = 0, 1, 0, 1

    def rows(self, n):
        """Return which of n rows are this rank's, as a slice; n must be a multiple of `size`."""
        share = n // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def mean(self, x):
        """Replace the array x by its mean over the ranks, in place, and return it."""
        return x

    def gather(self, x):
        """Return every rank's x, (size, *shape of x)."""
        return x[None, ...]

    def broadcast(self, x):
        """Replace the array x by rank 0's, in place."""

    def all_reduce_max(self, *numbers):
        """Return the largest over the ranks of each of some whole numbers, as a list."""
        return list(numbers)

    def on_rank_0(self, action):
        """Let rank 0 call `action()` while the others wait; return its result, or raise its exception, on all."""
        return action()

    def run(self, job):
        """Return the exit status of `job() -> (status, message)`, having printed the message if there is one."""
        status, message = job()
        if message:
            print(message, file=sys.stderr)
        return status


SINGLE_PROCESS = SingleProcess()


def started():
    """Return the communicator that mpiexec started this process in, `SINGLE_PROCESS` without mpiexec.

    `UserError` where mpi4py is missing, or speaks another MPI than mpiexec.
    """
    sizes = [int(os.environ[name]) for name in SIZES if os.environ.get(name, "").isdigit()]
    if max(sizes, default=1) < 2 and (sizes or "PMIX_RANK" not in os.environ):  # PMIx alone does not tell how many
        return SINGLE_PROCESS
    said = f"mpiexec started {max(sizes, default='several')} processes"
    try:
        with warnings.catch_warnings():  # mpi4py warns where it belongs to another MPI; that is told in one line below
            warnings.simplefilter("ignore", RuntimeWarning)
            from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: it finds no MPI library
        came = " ".join(str(error).split())
        raise UserError(f"{said}, but mpi4py cannot be loaded ({came}); pip install -e '.[mpi]'") from error
    size = MPI.COMM_WORLD.Get_size()
    if sizes and size != max(sizes):
        raise UserError(f"{said}, but mpi4py knows of {size}; is mpiexec from another MPI than mpi4py's?")
    from .mpi import MPICommunicator

    return MPICommunicator(MPI, MPI.COMM_WORLD) if size > 1 else SINGLE_PROCESS


def speaks():
    """Return whether this process is the one to print where there may be several, but `started` could not tell."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def by_rank_0(method):
    """Let rank 0 of `self.communicator` run the method, and all have its result or its exception."""

    @wraps(method)
    def call(self, *arguments, **named):
        return self.communicator.on_rank_0(lambda: method(self, *arguments, **named))

    return call
