"""Is everything here that the lessons need? One line for each thing: ok, something to know, or what to mend and how."""

import ctypes
import gzip
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import sys
from pathlib import Path

import numpy as np

import tinyaae
from tinyaae import data
from tinyaae.backend.numpy import cores
from tinyaae.data.readers import IDX_FILES
from tinyaae.surroundings import expect_printed, usable_cpus

MEGABYTE = 2**20
WORDS = {True: "ok  ", None: "note", False: "MEND"}


def main():
    """Print a line for each finding; return 1 if there is something to mend."""
    findings = []
    for find in (python, library, arrays, threads, pictures, gpu, digits, disk, notebooks):
        try:
            findings.append(find())
        except Exception as error:  # one that cannot be asked hides no other
            findings.append((find.__name__, False, one_line(error)))
    for name, well, says in findings:
        print(f"{WORDS[well]}  {name}: {says}")
    expect_printed()
    return int(any(well is False for _, well, _ in findings))


# Each returns its name, whether all is well (None: no, but the lessons run), and what to say.


def python():
    where = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    well = sys.version_info >= (3, 10)
    return "Python", well, where + ("" if well else "; the lessons need 3.10, install a newer one")


def library():
    return "tinyaae", True, str(Path(tinyaae.__file__).parent)


def arrays():
    well = int(np.__version__.split(".")[0]) >= 2
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    says = f"{np.__version__}, matrix products by {blas.get('name', 'an unknown library')} {blas.get('version', '')}"
    return "NumPy", well, says.strip() + ("" if well else '; the lessons need 2.0, pip install -U "numpy>=2"')


def threads():
    """The threads of the BLAS that came with NumPy, asked of it where it is an OpenBLAS, else guessed."""
    used, available, all_of_them = openblas_threads() or cores(), usable_cpus(), os.cpu_count() or 1
    says = f"{used} of {available} for matrix products"
    if available < all_of_them:
        says += f" (this process may use {available} of the machine's {all_of_them} processors)"
    if used > available:
        return "threads", False, says + f"; set OPENBLAS_NUM_THREADS={available}, more than there are slow each other"
    return "threads", True, says + "; if other programs keep a core busy, OPENBLAS_NUM_THREADS=1 is faster"


def openblas_threads():
    """Return the number of threads of NumPy's own OpenBLAS, or None."""
    folder = Path(np.__file__).parent
    for path in (*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")):
        try:
            blas = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name in ("scipy_openblas_get_num_threads64_", "scipy_openblas_get_num_threads", "openblas_get_num_threads"):
            if hasattr(blas, name):
                return getattr(blas, name)()
    return None


def pictures():
    try:
        import matplotlib.pyplot as plt

        plt.figure()
        plt.close()
    except Exception as error:
        return "Matplotlib", False, f"{one_line(error)}; set MPLBACKEND=agg to draw into files only"
    return "Matplotlib", True, f"draws with {plt.get_backend()}"


def gpu():
    """CuPy is wanted in one lesson only, and not by everybody."""
    if importlib.util.find_spec("cupy") is None:
        return (
            "GPU",
            None,
            "CuPy is not here, the lessons run on the CPU; pip install 'cupy-cuda12x[ctk]' (or 13x), if you want it",
        )
    try:
        import cupy

        driver, devices = cupy.cuda.runtime.driverGetVersion(), cupy.cuda.runtime.getDeviceCount()
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        cupy.arange(3).sum().get()
    except Exception as error:
        return (
            "GPU",
            None,
            f"CuPy is here, but not its GPU, the lessons run on the CPU; the driver? ({one_line(error)})",
        )
    version = f"driver for CUDA {driver // 1000}.{driver % 1000 // 10}"
    return "GPU", True, f"CuPy {cupy.__version__}, {devices} device(s), {name}, {version}"


def digits():
    """The four files of MNIST against the sums in the README beside them."""
    folder = Path(data.__file__).parent
    sums = dict(re.findall(r"\| `([\w-]+)` \| `([0-9a-f]{64})` \|", (folder / "README.md").read_text(encoding="utf-8")))
    for name in IDX_FILES.values():
        path = folder / f"{name}.gz"
        try:
            well = hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest() == sums[name]
            says = f"{path} is damaged"
        except Exception as error:  # damaged gzip shows itself in several kinds
            well, says = False, f"{path}: {one_line(error)}"
        if not well:
            return "data", False, f"{says}; install tinyaae again"
    return "data", True, f"MNIST is here, and each of its {len(IDX_FILES)} files is what it should be"


def disk():
    free = shutil.disk_usage(".").free // MEGABYTE
    return "disk", free >= 200, f"{free} MB free here" + ("" if free >= 200 else "; pictures and runs need about 200")


def notebooks():
    if importlib.util.find_spec("jupytext") is None:
        return "notebooks", None, "Jupytext is not here; pip install jupytext, if you want them"
    return "notebooks", True, "Jupytext is here"


def one_line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())
