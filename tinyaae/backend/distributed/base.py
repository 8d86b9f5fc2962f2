"""A team: the processes that train one system together, each on its share of every batch.

`mpiexec -n 4 python run_mnist.py` starts four *ranks*, on one machine or on several. All hold the same weights. Each
takes its rows of a batch, runs forward and backward on them, and then all average one gradient vector (an all-reduce:
everybody puts in a vector, everybody gets the mean), so that all take the same step; no weight is ever sent. Shares are
equal, so the mean of the ranks' means is the mean over the batch. Two things ask for more than that: batch norm wants
the mean and variance over all rows (`Context.moments`), and noise must be what one process would have drawn for these
rows (`Context.normal`). Rank 0 alone prints, reads and writes a run's folder.

Without mpiexec a process is `SINGLE_PROCESS`: every method here is then the identity, and nothing is imported.
"""

import os
import pickle
import sys
import time
import traceback
import warnings
from functools import wraps

import numpy as np

from ...errors import UserError

SIZES = "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"  # what Open MPI, MPICH and MVAPICH tell a process
RANKS = "OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK"
TIMEOUT = 5.0  # seconds that a rank which fails waits for all others to fail with it


class SingleProcess:
    """A team of one process; of its ranks `local_size` are on this machine, and `local_rank` is this one's number."""

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


class Collectives:
    """How arrays travel between the ranks of `team`: NumPy's go by MPI. A backend may bring its own."""

    def __init__(self, team):
        self.team = team

    def all_reduce_sum(self, x):
        """Replace x by its sum over the ranks."""
        self.team.world.Allreduce(self.team.MPI.IN_PLACE, x)

    def gather(self, x):
        """Return every rank's x, (size, *shape of x)."""
        everybody = np.empty((self.team.size, *x.shape), x.dtype)
        self.team.world.Allgather(np.ascontiguousarray(x), everybody)
        return everybody

    def broadcast(self, x):
        """Replace x by rank 0's."""
        self.team.world.Bcast(x)


class MPICommunicator(SingleProcess):
    """The processes of an MPI communicator."""

    def __init__(self, mpi, world):
        self.MPI, self.world, self.rank, self.size = mpi, world, world.Get_rank(), world.Get_size()
        neighbours = world.Split_type(mpi.COMM_TYPE_SHARED)
        self.local_rank, self.local_size = neighbours.Get_rank(), neighbours.Get_size()
        self.messages = Collectives(self)
        self.ends = world.Dup()  # what is said here cannot be taken for what `world` is in the middle of

    def mean(self, x):
        if self.size > 1:
            self.messages.all_reduce_sum(x)
            x /= self.size
        return x

    def gather(self, x):
        return self.messages.gather(x) if self.size > 1 else super().gather(x)

    def broadcast(self, x):
        if self.size > 1:
            self.messages.broadcast(x)

    def all_reduce_max(self, *numbers):
        if self.size == 1:
            return list(numbers)
        numbers = np.array(numbers, np.int64)
        self.world.Allreduce(self.MPI.IN_PLACE, numbers, self.MPI.MAX)
        return numbers.tolist()

    def on_rank_0(self, action):
        if self.size == 1:
            return action()
        result = error = None
        if self.rank == 0:
            size, self.size = self.size, 1  # while it acts it is alone: nobody would answer
            try:
                result = action()
            except Exception as raised:
                error = raised
            finally:
                self.size = size
        self.meet(self.world)
        result, told = self.world.bcast((result, portable(error)))
        if error or told:
            raise error or told
        return result

    def meet(self, comm, timeout=float("inf")):
        """Wait for all ranks, asleep: MPI's own waiting keeps a core busy. Return whether they came in time."""
        arrived, started = comm.Ibarrier(), time.monotonic()
        while not arrived.Test():
            if time.monotonic() - started > timeout:
                return False
            time.sleep(0.001)
        return True

    def run(self, job):
        """Rank 0 alone is heard. Where one rank fails and the others do not, it says so and ends them all."""
        voices = sys.stdout, sys.stderr
        with open(os.devnull, "w") as silence:
            if self.rank:
                sys.stdout = sys.stderr = silence
            try:
                status, message = job()
            except Exception:
                status, message = 1, traceback.format_exc()
            finally:
                sys.stdout, sys.stderr = voices
        if message and self.rank == 0:
            print(message, file=sys.stderr, flush=True)
        if status and not self.meet(self.ends, TIMEOUT):
            if message and self.rank:
                print(f"rank {self.rank}: {message.strip()}", file=sys.stderr)
            print(f"rank {self.rank} ends all {self.size}; what was saved is kept", file=sys.stderr, flush=True)
            self.world.Abort(status)
        return status


def portable(error):
    """Return an exception as it can be sent to other ranks."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def started():
    """Return the team that mpiexec started this process in, `SINGLE_PROCESS` without mpiexec.

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
    return MPICommunicator(MPI, MPI.COMM_WORLD) if size > 1 else SINGLE_PROCESS


def speaks():
    """Return whether this process is the one to print where there may be a team, but `started` could not tell."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def by_rank_0(method):
    """Let rank 0 of `self.team` run the method, and all have its result or its exception."""

    @wraps(method)
    def call(self, *arguments, **named):
        return self.team.on_rank_0(lambda: method(self, *arguments, **named))

    return call
