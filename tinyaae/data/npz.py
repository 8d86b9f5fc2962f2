"""Read arrays from an .npz that is not trusted.

An .npz is a zip of .npy files, each a header (shape and type) before the numbers. Nothing is unpickled. A header is
checked against the zip's directory, and then against the data themselves. So a small file cannot allocate gigabytes.
"""

import math
import warnings
import zipfile
from contextlib import contextmanager

import numpy as np

from ..errors import UserError
from .idx import LARGEST, read_up_to


@contextmanager
def as_user_error(path, what="cannot be read ({})", cause="is it damaged?"):
    """Turn every exception inside into a `UserError`: a damaged zip or array raises one of a dozen kinds."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        came = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path}: {what.format(came)}; {cause}") from error


def read_arrays(path, expected, cause="is it damaged?"):
    """Return name -> array of the .npz at `path`; `expected` is name -> (shape, kind), with None for any length.

    Raises `UserError` where the file is damaged, or where an array is missing or of another shape or kind.
    """

    def read(archive, name, shape, kind):
        def expect(came, dtype):
            fits = len(came) == len(shape) and all(b in (a, None) for a, b in zip(came, shape, strict=True))
            if not fits or not np.issubdtype(dtype, getattr(np, kind)):
                raise UserError(f"{path}: {name} is {came} {dtype}, expected {shape} {kind}; {cause}")

        return read_member(f"{path}: {name}", archive, name, expect)

    with as_user_error(path, cause=cause), zipfile.ZipFile(path) as archive:
        return {name: read(archive, name, *what) for name, what in expected.items()}


def read_member(where, archive, key, expect):
    """Return the array `key` of the open zip; `expect(shape, dtype)` may refuse it before a byte of it is read."""
    info = archive.getinfo(key + ".npy")
    with archive.open(info) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of odd headers: they are refused below, or harmless
        version = np.lib.format.read_magic(file)
        if version != (1, 0):  # later versions have headers of any length, and only exotic arrays need them
            raise UserError(f"{where}: .npy format {version}, expected (1, 0); is it a plain array of numbers?")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        expect(shape, dtype)
        size = math.prod(shape) * dtype.itemsize
        held = info.file_size - file.tell()
        if size > LARGEST:
            raise UserError(f"{where}: announces {shape} {dtype}, expected at most 4 GB; store uint8, or fewer images?")
        if size == held:
            held = len(data := read_up_to(file, size))
        if size != held:
            raise UserError(f"{where}: holds {held} bytes, expected {size} for {shape} {dtype}; is the file damaged?")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C")


def read_array(path):
    """Return the array of the .npy file `path`; `UserError` where it is damaged or holds Python objects."""
    with as_user_error(path, "{}, expected what numpy.save writes", "is the file damaged?"):
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # a header alone allocates nothing
        if array.nbytes > LARGEST:
            raise UserError(f"{path}: holds {array.nbytes / 1e9:.3g} GB, expected at most 4; store uint8?")
        return np.array(array)
