"""CuPy on an NVIDIA GPU: the same interface, with every array on the device.

CuPy runs the portable code as it stands. This module adds the fused kernels (`kernels`) and matrix products that can be
recorded (`cublas`). It records a training step as a CUDA graph (`graph`).
"""

import gc
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib import import_module
from weakref import finalize

import numpy as np

from ...errors import UserError
from ..base import Functions
from ..distributed.nccl import between_gpus
from . import cublas
from . import kernels as cuda_kernels
from . import layers as cuda_layers
from .graph import CapturingBackend

INSTALL = "For CUDA 12 run pip install -e '.[cuda12]', for CUDA 13 .[cuda13]"
OLDEST = 14  # version of CuPy
DROPPED = []  # memory pools of graphs that are gone; CuPy would keep what it has split into blocks


def imported_cupy():
    """Return CuPy; `UserError` where it is missing, cannot be imported, or is too old."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name == "cupy":
            raise UserError(f"backend cupy: CuPy is not installed. {INSTALL}") from error
        raise UserError(f"backend cupy: CuPy cannot be imported ({error}). {INSTALL}") from error
    except Exception as error:  # its own text ends with what is wrong
        reason = ([line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__])[-1]
        raise UserError(f"backend cupy: CuPy cannot be imported ({reason}). {INSTALL}") from error
    if int(cupy.__version__.split(".")[0]) < OLDEST:
        raise UserError(f"backend cupy: CuPy {cupy.__version__} is here, expected {OLDEST} or later. {INSTALL}")
    return cupy


def driver_hint(cupy):
    """Return what may help where CuPy finds no usable GPU."""
    version, needed = [
        number // 1000 for number in (cupy.cuda.runtime.driverGetVersion(), cupy.cuda.runtime.runtimeGetVersion())
    ]
    if version == 0:
        return "is the driver installed?"
    if version >= needed:
        return "does nvidia-smi list one?"
    came = f"the driver is for CUDA {version}, this CuPy for CUDA {needed}"
    if version < 12:
        return f"{came}; update the driver"
    return f"{came}; pip uninstall cupy-cuda{needed}x, then pip install -e '.[cuda{version}]'"


def joined_by_eights(cupy):
    """Return `stack` and `concat` that join eight arrays at a time.

    For more, CuPy sends their addresses from the host to the device, which no recording may do.
    """

    def concat(arrays, axis=0):
        arrays = list(arrays)
        while len(arrays) > 8:
            arrays = [cupy.concat(arrays[k : k + 8], axis=axis) for k in range(0, len(arrays), 8)]
        return cupy.concat(arrays, axis=axis)

    def stack(arrays, axis=0):
        arrays = list(arrays)
        if len(arrays) <= 8:
            return cupy.stack(arrays, axis=axis)
        return concat([cupy.stack(arrays[k : k + 8], axis=axis) for k in range(0, len(arrays), 8)], axis=axis)

    return {"concat": concat, "stack": stack}


def return_memory(*pools):
    """Return the memory of `pools`, whose graphs are gone, to the device; blocks in use follow at a later call."""
    DROPPED.extend(pools)
    for pool in [*DROPPED]:
        pool.free_all_blocks()
        if pool.total_bytes() == 0:
            DROPPED.remove(pool)


@contextmanager
def no_garbage_collection():
    """Collect garbage now and not inside, where it would free memory on the device in the middle of a recording."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class CupyBackend(CapturingBackend):
    """Arrays are `cupy.ndarray`; raises `UserError` where CuPy or a GPU is missing.

    `graphs=False` runs every step as written. `tf32` rounds the operands of matrix products to 10 bits, as other
    libraries may do. Both are for comparisons.
    """

    name = "cupy"

    def __init__(self, dtype="float32", graphs=True, tf32=False):
        cupy = imported_cupy()
        try:
            devices = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"backend cupy: CuPy finds no usable GPU ({reason}); {driver_hint(cupy)}") from error
        if devices == 0:
            raise UserError("backend cupy: this machine has no NVIDIA GPU, which backend numpy does without")
        super().__init__(self.functions(), dtype)
        self.graphs, self.tf32 = graphs, tf32
        self._touch()

    def _touch(self):
        """Run a kernel of CuPy, and make this module's kernels and cuBLAS's handle, so that a lack is found now."""
        return_memory()
        try:
            self.zeros((1,)) + 1
            _ = self._kernels, self._cublas
        except Exception as error:  # each library that is missing raises a kind of its own
            if isinstance(error, MemoryError) or "out of memory" in str(error):
                raise UserError("backend cupy: the GPU has no free memory; does another program use it?") from error
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise UserError(f"backend cupy: {reason}; are CUDA's libraries here? {INSTALL}") from error

    def functions(self, name="cupy"):
        own = {"__name__": name, "matmul": self.matmul, "fused": cuda_layers.fused(self)}
        own |= joined_by_eights(import_module(name))
        return Functions(self, **vars(import_module(name)) | own)

    def join(self, communicator):
        if communicator.size > 1:
            self.graphs = False  # transfers between GPUs are not recorded: every step runs as written
            communicator.collectives = between_gpus(communicator, self)
            for made in ("_kernels", "_cublas"):  # on the first GPU; this rank may have another now
                vars(self).pop(made, None)
        return super().join(communicator)

    @property
    def device(self):
        """Return the name of the GPU."""
        runtime = self.xp.cuda.runtime
        return runtime.getDeviceProperties(runtime.getDevice())["name"].decode()

    @cached_property
    def _cublas(self):
        return cublas.shared(import_module(self.xp.__name__), self.tf32)

    @cached_property
    def _kernels(self):
        options = cuda_kernels.options(np.dtype(self.dtype))
        module = self.xp.RawModule(code=cuda_kernels.SOURCE, options=options)
        return {name: module.get_function(name) for name in cuda_kernels.KERNELS}

    def launch(self, name, threads, *arguments):
        """Start kernel `name` with a thread for each of `threads` elements, or fewer threads that take several."""
        if threads:
            self.launch_blocks(name, min(-(-threads // cuda_kernels.THREADS), cuda_kernels.BLOCKS), *arguments)

    def launch_blocks(self, name, blocks, *arguments):
        """Start kernel `name` on `blocks` blocks."""
        self._kernels[name]((blocks,), (cuda_kernels.THREADS,), arguments)

    def launch_columns(self, name, columns, *arguments):
        """Start kernel `name` on blocks of some columns each."""
        self.launch_blocks(name, -(-columns // cuda_kernels.COLUMNS), *arguments)

    def real(self, number):
        """Return `number` in the type in which a kernel takes it by value."""
        return np.dtype(self.dtype).type(number)

    def matmul(self, a, b):
        """Return a·b for a (m, k) and b (k, n) or (k,)."""
        return self._cublas.matmul(a, b)

    def add_product(self, c, a, b, add=True):
        """Add a·b to c (m, n) in place, in one product, or write it; a is (m, k), b (k, n)."""
        self._cublas.add_product(c, a, b, add)

    def to_numpy(self, x):
        return self.xp.asnumpy(x)

    def synchronize(self):
        self.xp.cuda.get_current_stream().synchronize()

    # Kernels ---------------------------------------------------------------------------------------------------

    def normal(self, place, shape):
        return self._noise("normal", place, shape)

    def uniform(self, place, shape):
        return self._noise("uniform", place, shape)

    def _noise(self, kernel, place, shape):
        seed, stream, step, draw = place
        out = self.xp.empty(shape, dtype=self.dtype)
        in_memory = isinstance(step, self.xp.ndarray)
        words = [np.uint32(number % 2**32) for number in (seed, seed >> 32, stream, draw, 0 if in_memory else step)]
        pointer = step if in_memory else np.uint64(0)
        self.launch(kernel, -(-out.size // 4), out, np.int64(out.size), *words, pointer)
        return out

    def rows(self, images, index):
        if images.dtype != self.xp.uint8:
            return super().rows(images, index)
        n, d = index.size, images.shape[1]
        out = self.xp.empty((n, d), dtype=self.dtype)
        self.launch("rows", n * d, out, images, index, np.int64(n), np.int32(d))
        return out

    def momentum(self, w, dw, velocity, rate, decay):
        self.launch("momentum", w.size, w, dw, velocity, rate, self.real(decay), np.int64(w.size))

    def adam(self, w, dw, mean, square, rate, beta1, beta2):
        betas = self.real(beta1), self.real(beta2)
        self.launch("adam", w.size, w, dw, mean, square, rate, *betas, np.int64(w.size))

    # Recording -------------------------------------------------------------------------------------------------

    def captured(self, function):
        return super().captured(function) if self.graphs else function

    def record(self, packed, function):
        """Record the kernels that `packed(function)` launches as a CUDA graph.

        Their memory comes from a pool of this graph alone, which lives as long as the graph. Only later kernels of the
        same graph reuse what is freed while recording.
        """
        cuda = self.xp.cuda
        pool, stream = cuda.MemoryPool(self._device_memory), cuda.Stream(non_blocking=True)
        pool.set_limit(size=0)  # CuPy frees blocks where a limit is reached, and the graph uses these
        self.synchronize()
        return_memory()
        with cuda.using_allocator(pool.malloc), stream, no_garbage_collection():
            stream.begin_capture()
            try:
                names, values = packed(function)
            except BaseException:  # end the recording; an error of the stream would hide the cause
                with suppress(Exception):
                    stream.end_capture()
                raise
            graph = stream.end_capture()

        def launch(graph=graph, pool=pool):  # on the current stream, after all earlier work
            graph.launch()

        finalize(launch, return_memory, pool).atexit = False  # the driver does so when the process ends
        return launch, names, values

    def _device_memory(self, size):
        """Allocate `size` bytes on the device; where there are none, do not free blocks and try again, as CuPy does."""
        cuda = self.xp.cuda
        try:
            return cuda.MemoryPointer(cuda.Memory(size), 0)
        except cuda.runtime.CUDARuntimeError as error:
            raise MemoryError(f"{size} bytes on the GPU") from error

    def write_words(self, table, words):
        for start in range(0, words.size, 16):
            sixteen = np.zeros(16, np.uint32)
            sixteen[: words.size - start] = words[start : start + 16]
            self.launch("write_words", 16, table[start : start + 16], *sixteen)

    def pack(self, values):
        packed = self.xp.empty((len(values),), dtype=self.dtype)
        for start in range(0, len(values), 16):
            some = values[start : start + 16]
            pointers = [*some, *[some[0]] * (16 - len(some))]
            self.launch("pack", len(some), packed[start:], np.int32(len(some)), *pointers)
        return packed
