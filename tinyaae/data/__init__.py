"""Images and labels: read files into checked arrays.

MNIST lies in this folder, so nothing is downloaded. Other data is a folder of IDX or .npy files, an .npz, .npy or .csv
file, or arrays. `split` chooses the training images for validation, and the few that show their label to a
semi-supervised model.
"""

from pathlib import Path

from ..model import unit_interval
from .dataset import Dataset, Split, digest, from_arrays, split, split_of
from .readers import read, read_images, stem

__all__ = [
    "Dataset",
    "Split",
    "digest",
    "from_arrays",
    "load",
    "load_mnist",
    "read_images",
    "split",
    "split_of",
    "stem",
    "unit_interval",
]


def load_mnist():
    """Return the MNIST that ships with the package: `x_train (60000, 784)` and `x_test (10000, 784)`, uint8."""
    arrays, where = read(Path(__file__).parent)
    return from_arrays(**arrays, where=where, name="mnist")


def load(path, table=False):
    """Return the `Dataset` in a folder or a file (see `from_arrays`); `UserError` names the file and its fault."""
    arrays, where = read(Path(path))
    return from_arrays(**arrays, where=where, name=stem(path), table=table)
