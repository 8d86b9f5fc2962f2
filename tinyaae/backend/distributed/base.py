"""The communicator: the processes that train one model together, each on its share of every batch.

`mpiexec -n 4 python run_mnist.py` starts four *ranks*, on one machine or on several. All hold the same weights. Each
runs forward and backward on its rows of a batch. Then one all-reduce gives every rank the mean of the gradient vectors,
so all ranks take the same step. No weight is ever sent. Shares are equal, so the mean of the ranks' means is the mean
over the batch. Two things need more than this mean. Batch norm needs the mean and variance over all rows
(`Context.moments`). Noise must be what one process would have drawn for these rows (`Context.normal`). Rank 0 alone
prints, and reads and writes a run's folder.

Without mpiexec a process is `SINGLE_PROCESS`. Every method is then the identity, and nothing is imported.
"""

import os
import sys
import warnings
from functools import wraps

from ...errors import UserError

SIZES = "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"  # set by Open MPI, MPICH, MVAPICH
RANKS = "OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK"


class SingleProcess:
    """One process; `local_size` is the number of ranks on this machine, `local_rank` this rank's number among them."""

    rank, size, local_rank, local_size = 0, 1, 0, 1

    def rows(self, n):
        """Return this rank's rows of n rows as a slice; n must be a multiple of `size`."""
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
        """Return the maximum over the ranks of each of the whole numbers, as a list."""
        return list(numbers)

    def on_rank_0(self, action):
        """Call `action()` on rank 0 while the others wait; return its result, or raise its exception, on all ranks."""
        return action()

    def run(self, job):
        """Run `job() -> (status, message)`, print the message if there is one, and return the status."""
        status, message = job()
        if message:
            print(message, file=sys.stderr)
        return status


SINGLE_PROCESS = SingleProcess()


def started():
    """Return the communicator in which mpiexec started this process; `SINGLE_PROCESS` without mpiexec.

    Raises `UserError` where mpi4py is missing, or belongs to another MPI than mpiexec.
    """
    sizes = [int(os.environ[name]) for name in SIZES if os.environ.get(name, "").isdigit()]
    if max(sizes, default=1) < 2 and (sizes or "PMIX_RANK" not in os.environ):  # PMIx alone does not give the size
        return SINGLE_PROCESS
    said = f"mpiexec started {max(sizes, default='several')} processes"
    try:
        with warnings.catch_warnings():  # mpi4py warns where it belongs to another MPI; the message below reports it
            warnings.simplefilter("ignore", RuntimeWarning)
            from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py finds no MPI library
        came = " ".join(str(error).split())
        raise UserError(f"{said}, but mpi4py cannot be loaded ({came}); pip install -e '.[mpi]'") from error
    size = MPI.COMM_WORLD.Get_size()
    if sizes and size != max(sizes):
        raise UserError(f"{said}, but mpi4py knows of {size}; is mpiexec from another MPI than mpi4py's?")
    from .mpi import MPICommunicator

    return MPICommunicator(MPI, MPI.COMM_WORLD) if size > 1 else SINGLE_PROCESS


def speaks():
    """Return whether this process should print, where there may be several but `started` failed."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def by_rank_0(method):
    """Run the method on rank 0 of `self.communicator`; all ranks return its result or raise its exception."""

    @wraps(method)
    def call(self, *arguments, **named):
        return self.communicator.on_rank_0(lambda: method(self, *arguments, **named))

    return call
