"""A stand-in for CuPy where there is no GPU: its arrays are a tape's, its compiler is g++, its cuBLAS a page of C++.

With it the CuPy backend itself runs, line by line: its CUDA kernels as ordinary C++, one thread after another, its
calls of cuBLAS through a C library with the same signatures, its graphs on the tape. What it cannot tell is whether
CUDA does what is believed of it here; the same tests say so on a machine with a GPU.
"""

import ctypes
import operator
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter
from types import SimpleNamespace
from weakref import WeakValueDictionary

import numpy as np
from tape_backend import Tape, TapeArray, TapedFunctions, as_ndarray, on_tape

from tinyaae.backend.cuda import cublas
from tinyaae.backend.cuda import kernels as cuda_kernels
from tinyaae.backend.cuda.backend import CupyBackend
from tinyaae.errors import UserError

COMPILER = shutil.which("g++")

CUDA = r"""
#include <cmath>
#include <csetjmp>
#include <ucontext.h>
struct Dim { unsigned x; };
static Dim blockIdx, blockDim, threadIdx, gridDim;
#define __global__
#define __device__ static
#define __shared__ static

// The threads of a block take turns; at a barrier each waits until all the others have come to it.
static ucontext_t start[1024];
static jmp_buf scheduler, waiting[1024];
static char stacks[1024][1 << 14];
static enum { NEW, WAITING, DONE } state[1024];
static void (*body)();

static void leave() { if (!_setjmp(waiting[threadIdx.x])) _longjmp(scheduler, 1); }
static void __syncthreads() { state[threadIdx.x] = WAITING; leave(); }
static void whole_thread() { body(); state[threadIdx.x] = DONE; leave(); }

static void run_block(void (*function)()) {
    body = function;
    for (unsigned t = 0; t < blockDim.x; ++t) {
        getcontext(&start[t]);
        start[t].uc_stack.ss_sp = stacks[t];
        start[t].uc_stack.ss_size = sizeof stacks[t];
        makecontext(&start[t], whole_thread, 0);
        state[t] = NEW;
    }
    static bool left;  // not on the stack, which the jumps leave and come back to
    do {
        left = false;
        for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) {
            if (state[threadIdx.x] == DONE) continue;
            if (!_setjmp(scheduler)) {
                if (state[threadIdx.x] == NEW) setcontext(&start[threadIdx.x]);
                else _longjmp(waiting[threadIdx.x], 1);
            }
            left |= state[threadIdx.x] != DONE;
        }
    } while (left);
}
static float cospif(float x) { return (float)std::cos(M_PI * x); }
static float sinpif(float x) { return (float)std::sin(M_PI * x); }
static double cospi(double x) { return std::cos(M_PI * x); }
static double sinpi(double x) { return std::sin(M_PI * x); }
"""

CUBLAS = r"""
#include <cstddef>
#include <set>
struct Handle { int streams_set, workspaces_set; };
static std::set<Handle*> handles;
extern "C" int handles_alive() { return (int)handles.size(); }
extern "C" int cublasCreate_v2(Handle** handle) { return !handles.insert(*handle = new Handle()).second; }
extern "C" int cublasDestroy_v2(Handle* handle) { return !handles.erase(handle); }
extern "C" int cublasSetMathMode(Handle* handle, int mode) { return !handles.count(handle) || mode != 3; }
extern "C" int cublasSetStream_v2(Handle* handle, void* stream) {
    return !handles.count(handle) || !++handle->streams_set;
}
extern "C" int cublasSetWorkspace_v2(Handle* handle, void* memory, size_t bytes) {
    return !handles.count(handle) || ++handle->workspaces_set != handle->streams_set || !memory || bytes < 1024;
}
template <class Real>  // C = alpha op(A) op(B) + beta C, columns first; refuses what cuBLAS would refuse
static int gemm(Handle* handle, int ta, int tb, int m, int n, int k, const Real* alpha, const Real* a, int lda,
                const Real* b, int ldb, const Real* beta, Real* c, int ldc) {
    if (!handles.count(handle) || lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m) return 7;
    for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) {
            double sum = 0;
            for (int l = 0; l < k; ++l)
                sum += (double)(ta ? a[l + (long)i * lda] : a[i + (long)l * lda])
                     * (tb ? b[j + (long)l * ldb] : b[l + (long)j * ldb]);
            Real& out = c[i + (long)j * ldc];
            out = (Real)(*alpha * sum + (*beta == 0 ? 0 : *beta * out));
        }
    return 0;
}
#define GEMM(name, Real)                                                                                            \
    extern "C" int name(Handle* handle, int ta, int tb, int m, int n, int k, const Real* alpha, const Real* a,        \
                        int lda, const Real* b, int ldb, const Real* beta, Real* c, int ldc) {                      \
        return gemm(handle, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);                                  \
    }
GEMM(cublasSgemm_v2, float)
GEMM(cublasDgemm_v2, double)
"""


def signatures():
    """Return kernel -> [(type, name)] as the CUDA source has them."""
    found = re.findall(r'extern "C" __global__ void (\w+)\(([^)]*)\)', cuda_kernels.SOURCE)
    return {name: [tuple(part.strip().rsplit(" ", 1)) for part in parameters.split(",")] for name, parameters in found}


def built(source, *options):
    """Return C++ `source` as a library; its functions live until the process ends, so the file need not."""
    folder = Path(mkdtemp())
    (folder / "source.cpp").write_text(source, encoding="utf-8")
    command = [
        COMPILER,
        "-shared",
        "-fPIC",
        "-O1",
        "-U_FORTIFY_SOURCE",
        "-ffp-contract=off",
        *options,
        "-o",
        "library.so",
        "source.cpp",
    ]
    subprocess.run(command, cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "library.so"))
    shutil.rmtree(folder)
    return library


def functions():
    """Return name -> body of every function in the CUDA source."""
    parts = re.split(r"^(?:extern|__device__)", cuda_kernels.SOURCE, flags=re.MULTILINE)[1:]
    return {re.search(r"(\w+)\(", part)[1]: part.partition("{")[2] for part in parts}


def waits(name):
    """Return whether the threads of a function of the CUDA source wait for each other."""
    body = functions()[name]
    called = {*re.findall(r"(\w+)\(", body)} & functions().keys()
    return "__syncthreads" in body or any(waits(other) for other in called)


def calls_of_threads(name):
    """Return C++ that runs the threads of a block: in turns where they wait for each other, else one by one."""
    if waits(name):
        return f"run_block({name}_thread);"
    return f"for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) {name}_thread();"


@cache
def kernels(options):
    """Return the kernels built by g++, each with a `launch_` that runs its threads one after another."""
    launchers = []
    for name, parameters in signatures().items():
        given = "".join(f", {kind} {parameter}" for kind, parameter in parameters)
        kept = " ".join(f"static {kind} {name}_{parameter};" for kind, parameter in parameters)
        keep = " ".join(f"{name}_{parameter} = {parameter};" for _, parameter in parameters)
        call = f"{name}({', '.join(f'{name}_{parameter}' for _, parameter in parameters)});"
        launchers.append(
            f"{kept} static void {name}_thread() {{ {call} }}"
            f'extern "C" void launch_{name}(unsigned blocks, unsigned threads{given}) {{'
            f"{keep} gridDim.x = blocks; blockDim.x = threads;"
            f"for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {calls_of_threads(name)} }}"
        )
    defines = [option for option in options if option.startswith("-D")]
    return built(CUDA + cuda_kernels.SOURCE + "\n".join(launchers), *defines)


class Array(TapeArray):
    """A tape's array with CuPy's way of telling its address."""

    @property
    def data(self):
        return SimpleNamespace(ptr=self.ctypes.data)


class Kernel:
    """A compiled kernel, called as CuPy's are; every argument must be of exactly the type that the source says."""

    def __init__(self, library, name, real):
        self.function, self.parameters = getattr(library, f"launch_{name}"), signatures()[name]
        self.rows_apart = any(parameter == "stride" for _, parameter in self.parameters)
        self.types = {
            "Real": real, "Word": np.dtype("uint32"), "long long": np.dtype("int64"), "int": np.dtype("int32"),
            "unsigned char": np.dtype("uint8"),
        }  # fmt: skip

    def __call__(self, grid, block, arguments):
        assert len(arguments) == len(self.parameters)
        written, given = [], []
        for (kind, name), argument in zip(self.parameters, arguments, strict=True):
            pointed = kind.removeprefix("const ").removesuffix("*")
            expected = self.types[pointed]
            if kind.endswith("*") and isinstance(argument, np.ndarray):
                assert argument.dtype == expected, f"{name}: {argument.dtype}, expected {expected}"
                dense = argument.flags.c_contiguous or (self.rows_apart and argument.strides[-1] == argument.itemsize)
                assert dense, f"{name} is not contiguous"
                assert argument.ctypes.data % argument.itemsize == 0, f"{name} is not aligned, which CUDA refuses"
                if not kind.startswith("const"):
                    written.append(argument)
            elif kind.endswith("*"):
                assert isinstance(argument, np.uint64) and argument == 0, f"{name}: {argument!r} is no pointer"
            else:
                assert isinstance(argument, np.generic) and argument.dtype == expected, f"{name}: {argument!r}"
            given.append(argument)

        def call(*arguments):
            self.function(ctypes.c_uint(grid[0]), ctypes.c_uint(block[0]), *map(as_c, arguments))

        on_tape(call, *given, written=tuple(written))


def as_c(value):
    """Return a NumPy array's address or a NumPy number in C's type."""
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    if value.dtype == np.uint64:
        return ctypes.c_void_p(int(value))
    return np.ctypeslib.as_ctypes_type(value.dtype)(value.item())


class Gemm:
    """A product of the C library, which goes on the tape like every other operation."""

    def __init__(self, function):
        self.function, self.argtypes, self.restype = function, None, None

    def __call__(self, *arguments):
        self.function.argtypes, self.function.restype = self.argtypes, self.restype
        if TapeArray.tape is not None:
            TapeArray.tape.steps.append((self.function, arguments, {}, None))
        return self.function(*arguments)


@cache
def fake_cublas():
    """Return the C library, its products such that the tape sees them."""
    library = built(CUBLAS)
    names = [*re.findall(r"int (cublas\w+)\(", CUBLAS), "handles_alive"]
    gemms = {name: Gemm(getattr(library, name)) for name, _ in cublas.REALS.values()}
    return SimpleNamespace(**{name: getattr(library, name) for name in names}, **gemms)


class Stream:
    """The default stream, or one that records."""

    current = None

    def __init__(self, non_blocking=False):
        self.ptr = id(self) if non_blocking else 0

    def __enter__(self):
        Stream.previous, Stream.current = Stream.current, self

    def __exit__(self, *_):
        Stream.current = Stream.previous

    def synchronize(self):
        assert TapeArray.tape is None, "synchronize while recording"

    def begin_capture(self):
        assert self.ptr, "CUDA does not record the default stream"
        TapeArray.tape = Tape()

    def end_capture(self):
        tape, TapeArray.tape = TapeArray.tape, None
        tape.forget_all()
        return SimpleNamespace(launch=tape.play)


class Event:
    """A moment on the stream."""

    def record(self):
        self.time = perf_counter()

    def synchronize(self):
        """Nothing is under way."""


class MemoryPool:
    """A pool that holds no memory."""

    def __init__(self, allocator):
        self.malloc = None

    def set_limit(self, size):
        """Nothing is allocated."""

    def free_all_blocks(self):
        """Nothing is held."""

    def total_bytes(self):
        return 0


class RawModule:
    def __init__(self, code, options):
        assert code == cuda_kernels.SOURCE
        self.library, self.real = (
            kernels(options),
            np.dtype({"float": "float32", "double": "float64"}[real_of(options)]),
        )

    def get_function(self, name):
        return Kernel(self.library, name, self.real)


def real_of(options):
    return next(option for option in options if option.startswith("-DReal=")).removeprefix("-DReal=")


def eight_at_most(function):
    """Return `function(arrays, axis)`, refusing more than eight arrays as a recording of CuPy's would."""

    def checked(arrays, axis=0):
        if len(arrays) > 8:
            raise RuntimeError("the current stream is capturing, so H2D transfers are disallowed")
        return function(arrays, axis=axis)

    return checked


def fake_cupy():
    """Return a namespace that `CupyBackend` takes for CuPy."""
    functions = TapedFunctions(Array)
    names = [name for name in dir(np) if not name.startswith("_")]
    cupy = SimpleNamespace(**{name: getattr(functions, name) for name in names})
    cupy.stack, cupy.concat = eight_at_most(cupy.stack), eight_at_most(cupy.concat)
    cupy.__version__, cupy.ndarray, cupy.RawModule = "14.2.0", Array, RawModule
    cupy.asnumpy = as_ndarray
    cupy.get_default_memory_pool = lambda: SimpleNamespace(total_bytes=lambda: 0)
    Stream.current = Stream()

    class CUDARuntimeError(RuntimeError):
        pass

    cupy.cuda = SimpleNamespace(
        runtime=SimpleNamespace(
            getDeviceCount=lambda: 1, CUDARuntimeError=CUDARuntimeError, runtimeGetVersion=lambda: 0,
            driverGetVersion=lambda: 0, getDevice=lambda: 0, getDeviceProperties=lambda device: {"name": b"no GPU"},
        ),
        get_current_stream=lambda: Stream.current, Stream=Stream, Event=Event,
        get_elapsed_time=lambda first, last: 1e3 * (last.time - first.time),
        Device=lambda number: SimpleNamespace(use=lambda: None),
        MemoryPool=MemoryPool,
        using_allocator=lambda malloc: nullcontext(),
    )  # fmt: skip
    return cupy


def install(monkeypatch, threads=64):
    """Let `import cupy` find the stand-in, and the backend the stand-in for cuBLAS; blocks have fewer `threads`."""
    monkeypatch.setattr(cuda_kernels, "THREADS", threads)
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy())
    monkeypatch.setattr(cublas, "load", fake_cublas)
    monkeypatch.setattr(cublas, "SHARED", WeakValueDictionary())


def stand_in(dtype="float32", **options):
    """Return the real `CupyBackend` on the stand-in, which stays for the rest of this process; needs g++."""
    if COMPILER is None:
        raise UserError("stand-in for CuPy: g++ is not installed, which builds the CUDA kernels")
    permanent = SimpleNamespace(setattr=setattr, setitem=operator.setitem)
    return backend_without_gpu(permanent, dtype, **options)


def backend_without_gpu(monkeypatch, dtype="float32", threads=64, **options):
    """Return the real `CupyBackend` on the stand-in."""
    install(monkeypatch, threads)
    return CupyBackend(dtype, **options)
