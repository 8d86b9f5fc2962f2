"""Several processes: the ranks of an MPI communicator, each with its share of every batch."""

import os
import pickle
import sys
import time
import traceback

import numpy as np

from .base import SingleProcess

TIMEOUT = 5.0  # seconds that a failing rank waits for all other ranks to fail, too


class Collectives:
    """Move arrays between the ranks of `communicator`: NumPy arrays by MPI. A backend may have its own collectives."""

    def __init__(self, communicator):
        self.communicator = communicator

    def all_reduce_sum(self, x):
        """Replace x by its sum over the ranks."""
        self.communicator.world.Allreduce(self.communicator.MPI.IN_PLACE, x)

    def gather(self, x):
        """Return every rank's x, (size, *shape of x)."""
        everybody = np.empty((self.communicator.size, *x.shape), x.dtype)
        self.communicator.world.Allgather(np.ascontiguousarray(x), everybody)
        return everybody

    def broadcast(self, x):
        """Replace x by rank 0's."""
        self.communicator.world.Bcast(x)


class MPICommunicator(SingleProcess):
    """The processes of an MPI communicator."""

    def __init__(self, mpi, world):
        self.MPI, self.world, self.rank, self.size = mpi, world, world.Get_rank(), world.Get_size()
        neighbours = world.Split_type(mpi.COMM_TYPE_SHARED)
        self.local_rank, self.local_size = neighbours.Get_rank(), neighbours.Get_size()
        self.collectives = Collectives(self)
        self.ends = world.Dup()  # a second communicator: its messages do not mix with those of `world`

    def mean(self, x):
        if self.size > 1:
            self.collectives.all_reduce_sum(x)
            x /= self.size
        return x

    def gather(self, x):
        return self.collectives.gather(x) if self.size > 1 else super().gather(x)

    def broadcast(self, x):
        if self.size > 1:
            self.collectives.broadcast(x)

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
            size, self.size = self.size, 1  # during `action` no other rank answers, so rank 0 acts as one process
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
        """Return whether all ranks arrive within `timeout` s; sleep meanwhile, for MPI's own wait uses a core."""
        arrived, started = comm.Ibarrier(), time.monotonic()
        while not arrived.Test():
            if time.monotonic() - started > timeout:
                return False
            time.sleep(0.001)
        return True

    def run(self, job):
        """Run `job` with the output of rank 0 alone; a rank that fails while others do not prints why, and ends all."""
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
    """Return an exception that can be pickled and sent to other ranks."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
