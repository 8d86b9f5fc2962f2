"""Read IDX, the file format of MNIST.

An IDX file starts with four magic bytes: 0, 0, the kind of number, the number of dimensions. One big-endian 32-bit size
for each dimension follows, and then the numbers, row after row. Only unsigned bytes are read, from plain or gzipped
files. MNIST and its relatives use no other kind.
"""

import gzip
import math
import struct
import zlib

import numpy as np

from ..errors import UserError

LARGEST = 4 * 10**9  # bytes in one array; a larger size in a header is refused


def read_up_to(file, size):
    """Read at most `size` bytes -> bytearray, in pieces, so a false size of gigabytes allocates nothing."""
    data = bytearray()
    while len(data) < size and (piece := file.read(min(size - len(data), 2**20))):
        data += piece
    return data


def read_idx(path, dimensions):
    """Read the IDX file `path` (.gz or plain) -> uint8 array with `dimensions` axes; `UserError` if it is none."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            header = file.read(4 + 4 * dimensions)
            shape = _shape(path, header, dimensions)
            size = math.prod(shape)
            body = read_up_to(file, size + 1)  # one byte more finds a file that is too long, and checks gzip's sum
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: {error}, expected a readable IDX file; is the download broken?") from error
    if len(body) != size:
        held = f"only {len(body)}" if len(body) < size else f"more than {size}"
        raise UserError(f"{path}: holds {held} bytes of data, expected {size} for {shape}; is the download broken?")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _shape(path, header, dimensions):
    magic = bytes([0, 0, 8, dimensions])
    if header[:4] != magic:
        raise UserError(
            f"{path}: starts with {header[:4].hex(' ') or 'nothing'}, expected {magic.hex(' ')} (IDX, bytes in "
            f"{dimensions} dimensions); are images and labels swapped, or .gz missing from the name?"
        )
    if len(header) < 4 + 4 * dimensions:
        raise UserError(
            f"{path}: ends after {len(header)} bytes, inside its header, expected {4 + 4 * dimensions} and then the "
            "data; is the download broken?"
        )
    shape = struct.unpack(f">{dimensions}I", header[4:])
    if 0 in shape:
        raise UserError(f"{path}: is empty, its header says {shape}, expected at least one; was it cut down?")
    if math.prod(shape) > LARGEST:
        raise UserError(f"{path}: announces {shape} bytes, expected at most 4 GB in a file; is the header damaged?")
    return shape
