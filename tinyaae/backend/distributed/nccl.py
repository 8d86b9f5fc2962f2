"""Move arrays between the GPUs of the ranks, one rank to a GPU.

NCCL moves arrays from device to device where CuPy finds NCCL and every rank on a machine has its own GPU. Otherwise
arrays pass through the host's memory and MPI. This is slow, but right, and lets two ranks share a single GPU. *Not yet
run:* two GPUs. The tests run the way through the host on a stand-in for CuPy. They compare the calls of NCCL with
CuPy's own signatures.
"""

from .mpi import Collectives


def between_gpus(communicator, backend):
    """Choose this rank's GPU, and return the `Collectives` for its arrays."""
    cuda = backend.xp.cuda
    devices = cuda.runtime.getDeviceCount()
    cuda.Device(communicator.local_rank % devices).use()
    crowded, missing = communicator.all_reduce_max(int(communicator.local_size > devices), int(not nccl_is_here()))
    return ThroughHost(communicator, backend) if crowded or missing else Nccl(communicator, backend)


def nccl_is_here():
    """Return whether CuPy has found NCCL."""
    try:
        from cupy.cuda import nccl
    except ImportError:
        return False
    return nccl.available


class Nccl(Collectives):
    """Move arrays from device to device, in the order of the current stream; no rank waits for the host."""

    def __init__(self, communicator, backend):
        from cupyx.distributed import NCCLBackend

        super().__init__(communicator)
        self.backend, self.nccl = backend, NCCLBackend(communicator.size, communicator.rank, use_mpi=True)

    def all_reduce_sum(self, x):
        self.nccl.all_reduce(x, x)

    def gather(self, x):
        everybody = self.backend.xp.empty((self.communicator.size, *x.shape), dtype=x.dtype)
        self.nccl.all_gather(self.backend.xp.ascontiguousarray(x), everybody, x.size)
        return everybody

    def broadcast(self, x):
        self.nccl.broadcast(x)


class ThroughHost(Collectives):
    """Move arrays from device to host, by MPI, and from host to device."""

    def __init__(self, communicator, backend):
        super().__init__(communicator)
        self.backend = backend

    def all_reduce_sum(self, x):
        host = self.backend.to_numpy(x).copy()
        super().all_reduce_sum(host)
        x[...] = self.backend.array(host)

    def gather(self, x):
        return self.backend.array(super().gather(self.backend.to_numpy(x)))

    def broadcast(self, x):
        host = self.backend.to_numpy(x).copy()
        super().broadcast(host)
        x[...] = self.backend.array(host)
