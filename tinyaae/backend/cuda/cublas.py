"""Matrix products by cuBLAS itself; CuPy's own wrappers refuse to run while a graph is being recorded.

cuBLAS can be recorded if it has its own stream and workspace (its manual, "CUDA Graphs Support"). CuPy does not allow
it (cupy issue 6290). So this is the one place that calls a C library: one handle, one workspace, `gemm`. cuBLAS stores
matrices by columns: a matrix that NumPy stores by rows is its transpose to cuBLAS. So C = A·B is computed as
Cᵀ = Bᵀ·Aᵀ, and a transposed view costs a flag and no copy.
"""

import ctypes
import weakref

WORKSPACE = 32 << 20  # bytes; the manual advises this for Hopper
NORMAL, TRANSPOSED = 0, 1  # cublasOperation_t
NO_MEMORY = 3  # cublasStatus_t
TF32_MATH = 3  # cublasMath_t: products of float32 rounded to 10 bits, on the tensor cores
POINTER, INTEGER = ctypes.c_void_p, ctypes.c_int
GEMM = [POINTER, *[INTEGER] * 5, POINTER, POINTER, INTEGER, POINTER, INTEGER, POINTER, POINTER, INTEGER]
REALS = {"float32": ("cublasSgemm_v2", ctypes.c_float), "float64": ("cublasDgemm_v2", ctypes.c_double)}
SHARED = weakref.WeakValueDictionary()  # (GPU, tf32) -> Cublas


def load():
    """Return the cuBLAS that CuPy uses, as a C library."""
    from cuda import pathfinder  # comes with CuPy

    return ctypes.CDLL(pathfinder.load_nvidia_dynamic_lib("cublas").abs_path)


def shared(cupy, tf32):
    """Return the `Cublas` of the current GPU and this precision, which all backends of this process share.

    A handle takes tens of megabytes on the GPU. It lives as long as a backend that uses it.
    """
    key = cupy.cuda.runtime.getDevice(), tf32
    found = SHARED.get(key)  # a reference, so that it cannot be collected in between
    if found is None:
        found = SHARED[key] = Cublas(cupy, tf32=tf32)
    return found


def layout(shape, strides):
    """Return (transposed, leading dimension) of a matrix, strides in elements; None where it must be copied first.

    Rows that lie one after another are a transposed matrix to cuBLAS. In this module they are the normal case.
    """
    (rows, columns), (down, along) = shape, strides
    if (along == 1 or columns == 1) and (down >= columns or rows == 1):
        return NORMAL, max(down, columns) if rows > 1 else columns
    if (down == 1 or rows == 1) and (along >= rows or columns == 1):
        return TRANSPOSED, max(along, rows) if columns > 1 else rows
    return None


class Cublas:
    """Multiply CuPy matrices on the current stream; `tf32` trades precision for speed, for comparisons."""

    def __init__(self, cupy, library=None, tf32=False):
        self.cupy, self.library = cupy, library or load()
        self.handle, self.stream = POINTER(), None
        self.workspace = cupy.empty((WORKSPACE,), dtype=cupy.uint8)
        self._call("cublasCreate_v2", ctypes.byref(self.handle))
        weakref.finalize(self, self.library.cublasDestroy_v2, self.handle)
        if tf32:
            self._call("cublasSetMathMode", self.handle, INTEGER(TF32_MATH))
        self.gemms = {}
        for dtype, (name, real) in REALS.items():
            gemm = getattr(self.library, name)
            gemm.argtypes, gemm.restype = GEMM, INTEGER
            self.gemms[dtype] = gemm, ctypes.byref(real(0)), ctypes.byref(real(1))

    def matmul(self, a, b):
        """Return a·b for a (m, k) and b (k, n) or (k,)."""
        if b.ndim == 1:
            return self.matmul(a, b[:, None])[:, 0]
        if a.ndim != 2 or b.ndim != 2 or a.dtype != b.dtype or a.shape[1] != b.shape[0]:
            raise ValueError(f"matmul: {a.shape} {a.dtype} times {b.shape} {b.dtype}; expected (m, k) times (k, n)")
        (m, k), n = a.shape, b.shape[1]
        c = self.cupy.empty((m, n), dtype=a.dtype)
        if c.size == 0 or k == 0:
            c[...] = 0
        else:
            self._gemm(a, b, c, add=False)
        return c

    def add_product(self, c, a, b, add=True):
        """Add a·b to c (m, n), whose rows lie one after another, or write it; a (m, k) and b (k, n) are not empty."""
        self._gemm(a, b, c, add)

    def _gemm(self, a, b, c, add):
        (m, k), n = a.shape, b.shape[1]
        (a, (a_transposed, a_leading)), (b, (b_transposed, b_leading)) = self._readable(a), self._readable(b)
        gemm, zero, one = self.gemms[str(a.dtype)]
        self._use_current_stream()
        status = gemm(
            self.handle, b_transposed, a_transposed, n, m, k,
            one, b.data.ptr, b_leading, a.data.ptr, a_leading, one if add else zero, c.data.ptr, n,
        )  # fmt: skip
        if status:
            raise RuntimeError(f"cuBLAS: gemm of {a.shape} and {b.shape} returned status {status}")

    def _readable(self, x):
        """Return `x`, or a copy of it that cuBLAS can read, and its layout."""
        found = layout(x.shape, [stride // x.itemsize for stride in x.strides])
        if found is None:
            x = self.cupy.ascontiguousarray(x)
            found = NORMAL, x.shape[1]
        return x, found

    def _use_current_stream(self):
        stream = self.cupy.cuda.get_current_stream().ptr
        if stream != self.stream:  # setting the stream removes the workspace
            self._call("cublasSetStream_v2", self.handle, POINTER(stream))
            self._call(
                "cublasSetWorkspace_v2", self.handle, POINTER(self.workspace.data.ptr), ctypes.c_size_t(WORKSPACE)
            )
            self.stream = stream

    def _call(self, name, *arguments):
        status = getattr(self.library, name)(*arguments)
        if status == NO_MEMORY:
            raise MemoryError(f"cuBLAS: {name} finds no free memory on the GPU")
        if status:
            raise RuntimeError(f"cuBLAS: {name} returned status {status}")
