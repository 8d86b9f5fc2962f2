"""Read IDX, the file format of MNIST.

An IDX file starts with four magic bytes: 0, 0, the kind of number, the number of dimensions. One big-endian 32-bit size
for each dimension follows, and then the numbers, row after row, big-endian, too. A file may be gzipped, whatever its
name is: gzip has magic bytes of its own.
"""

import gzip
import math
import struct
import zlib

import numpy as np

from ..errors import UserError

LARGEST = 4 * 10**9  # bytes in one array; a larger size in a header is refused
TYPES = {8: "u1", 9: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def read_up_to(file, size):
    """Read at most `size` bytes -> bytearray, in pieces, so a false size of gigabytes allocates nothing."""
    data = bytearray()
    while len(data) < size and (piece := file.read(min(size - len(data), 2**20))):
        data += piece
    return data


def is_idx(path):
    """Return whether a file starts as an IDX file does, gzipped or not; `OSError` where it cannot be read."""
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP
    try:
        with (gzip.open if packed else open)(path, "rb") as file:
            magic = file.read(4)
    except (EOFError, zlib.error):
        return False
    return len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in TYPES and 1 <= magic[3] <= 4


def read_idx(path, dimensions):
    """Read the IDX file `path` -> array with a number of axes that is in `dimensions`; `UserError` if it is none."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == GZIP
        with (gzip.open if packed else open)(path, "rb") as file:
            shape, dtype = _header(path, file, dimensions)
            size = math.prod(shape) * dtype.itemsize
            body = read_up_to(file, size + 1)  # one byte more finds a file that is too long, and checks gzip's sum
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: {error}, expected a readable IDX file; is the download broken?") from error
    if len(body) != size:
        held = f"only {len(body)}" if len(body) < size else f"more than {size}"
        raise UserError(f"{path}: holds {held} bytes of data, expected {size} for {shape}; is the download broken?")
    array = np.frombuffer(body, dtype).reshape(shape)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _header(path, file, dimensions):
    """Return the shape and the type that the header announces."""
    magic = file.read(4)
    if magic[:2] != b"\0\0" or len(magic) < 4 or magic[2] not in TYPES or magic[3] not in dimensions:
        axes = " or ".join(map(str, dimensions))
        raise UserError(
            f"{path}: starts with {magic.hex(' ') or 'nothing'}, expected 00 00 08 {dimensions[0]:02x} (IDX, numbers "
            f"in {axes} dimensions); are images and labels swapped?"
        )
    header = file.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise UserError(
            f"{path}: ends after {4 + len(header)} bytes, inside its header, expected {4 + 4 * magic[3]} and then the "
            "data; is the download broken?"
        )
    shape = struct.unpack(f">{magic[3]}I", header)
    if 0 in shape:
        raise UserError(f"{path}: is empty, its header says {shape}, expected at least one; was it cut down?")
    dtype = np.dtype(TYPES[magic[2]])
    if math.prod(shape) * dtype.itemsize > LARGEST:
        raise UserError(f"{path}: announces {shape} {dtype}, expected at most 4 GB in a file; is the header damaged?")
    return shape, dtype
