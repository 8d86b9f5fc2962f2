"""Images and labels: read files into checked arrays.

MNIST lies in this folder, so nothing is downloaded. Other data is a folder of IDX files with MNIST's names, or one
.npz. Shapes, labels and pixels are checked once, in this module, and a fault is reported in one line. Other modules
rely on that. `split` chooses the training images for validation, and the few that show their label to a semi-supervised
model.
"""

import hashlib
import math
import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import UserError
from ..model import unit_interval
from .idx import read_idx
from .npz import as_user_error, read_member

__all__ = ["Dataset", "Split", "digest", "load", "load_mnist", "split", "unit_interval"]

IDX_FILES = {  # key -> name, dimensions
    "x_train": ("train-images-idx3-ubyte", 3),
    "y_train": ("train-labels-idx1-ubyte", 1),
    "x_test": ("t10k-images-idx3-ubyte", 3),
    "y_test": ("t10k-labels-idx1-ubyte", 1),
}
VALIDATION, LABELS, REMAINDER = 1, 2, 3  # random streams: one for each draw, so the draws are independent


class Dataset(NamedTuple):
    """Images `x (n, d)`, uint8 or float32 in [0, 1], and labels `y (n,)`, int64 in [0, classes)."""

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    side: tuple[int, int] | None  # height and width of an image; None if unknown and d is no square


class Split(NamedTuple):
    """Indices into the training set; `labelled` is a subset of `train`; `validation` and `train` are disjoint."""

    train: np.ndarray
    validation: np.ndarray
    labelled: np.ndarray


def load_mnist():
    """Return the MNIST that ships with the package: `x_train (60000, 784)` and `x_test (10000, 784)`, uint8."""
    return _dataset("mnist", *_read_folder(Path(__file__).parent))


def load(path):
    """Return the `Dataset` in a folder of IDX files or an .npz; `UserError` names the file and its fault."""
    path = Path(path)
    if os.path.isdir(path):
        return _dataset(path.resolve().name, *_read_folder(path))
    if os.path.isfile(path) and path.suffix == ".npz":
        return _dataset(path.stem, *_read_npz(path))
    came = "neither a folder nor an .npz" if os.path.exists(path) else "no such file or folder"
    raise UserError(f"{path}: {came}, expected a folder of IDX files or an .npz; is the path spelled right?")


def digest(dataset):
    """Return 32 hexadecimal digits of the SHA-256 of the dataset's four arrays, their types and their shapes."""
    found = hashlib.sha256()
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        found.update(f"{array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:32]


def split(y_train, classes, labels, seed, images=0):
    """Return the `Split` of `y_train (n,)`; `labels` is 0, "all" or at least one for each class, else `UserError`.

    `train` has the images that are not held out for validation. With `images` > 0 it is a random subset of at most that
    size.
    """
    n = len(y_train)
    if n < 2:
        raise UserError(f"split: {n} training images, expected at least 2; one goes to validation")
    order = _shuffled(n, seed, VALIDATION)
    held_out = max(1, min(5000, n // 12))
    train = np.sort(order[held_out:][: images or n])
    return Split(train, np.sort(order[:held_out]), _labelled(train, y_train, classes, labels, seed))


def _labelled(train, y_train, classes, labels, seed):
    if isinstance(labels, str) and labels == "all":
        return train
    if not isinstance(labels, (int, np.integer)) or labels < 0:
        raise UserError(f'labels: {labels!r} asked for, expected a whole number from 0 up, or "all"')
    if labels == 0:
        return train[:0]
    present = np.flatnonzero(np.bincount(y_train, minlength=classes))  # a class without images needs no label
    if labels < len(present):
        raise UserError(
            f"labels: {labels} asked for, expected at least {len(present)}, one for each class; {len(present)}?"
        )
    if labels > len(train):
        came = f"{labels} asked for (by --labels or the mode)"
        raise UserError(f'labels: {came}, expected at most {len(train)}, the training images; use "all"?')
    one_more = present[_shuffled(len(present), seed, REMAINDER)[: labels % len(present)]]
    candidates = train[_shuffled(len(train), seed, LABELS)]
    chosen = []
    for label in present:
        share = labels // len(present) + (label in one_more)
        images = candidates[y_train[candidates] == label]
        if len(images) < share:
            came = f"class {label} has {len(images)} training images"
            raise UserError(f'labels: {came}, expected {share}, an even share of {labels}; ask for fewer, or "all"?')
        chosen.append(images[:share])
    return np.sort(np.concatenate(chosen))


def _shuffled(n, seed, stream):
    """Return 0..n−1 in an order that depends on `seed` and `stream` only."""
    if not 0 <= seed < 2**64:
        raise UserError(f"seed: {seed} given, expected 0 to 2**64 - 1")
    # NumPy keeps Philox's raw bits in all versions, but not Generator.permutation; a seed keeps its images this way.
    bits = np.random.Philox(key=np.array([seed, stream], np.uint64)).random_raw(n)
    return np.argsort(bits, kind="stable")


def _read_folder(folder):
    """Return the four arrays and, for error messages, the source of each; both as dicts over the keys."""
    where = {}
    for key, (name, _) in IDX_FILES.items():
        spellings = [folder / (stem + end) for stem in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
        where[key] = next((path for path in spellings if path.is_file()), None)
        if where[key] is None:
            raise UserError(f"{folder}: no {name} or {name}.gz, expected the four files of MNIST; is it this folder?")
    return {key: read_idx(where[key], dimensions) for key, (_, dimensions) in IDX_FILES.items()}, where


def _read_npz(path):
    where = {key: f"{path}: {key}" for key in IDX_FILES}
    with (
        as_user_error(path, "{}, expected what numpy.savez writes", "is the file damaged?"),
        zipfile.ZipFile(path) as archive,
    ):
        return {key: _read_member(where[key], archive, key) for key in IDX_FILES}, where


def _read_member(where, archive, key):
    if key + ".npy" not in archive.namelist():
        raise UserError(f"{where}: no such array, expected {', '.join(IDX_FILES)}; saved under another name?")
    return read_member(where, archive, key, lambda shape, dtype: _expect_kind(where, key, shape, dtype))


def _expect_kind(where, key, shape, dtype):
    images = key.startswith("x")
    if len(shape) not in ((2, 3) if images else (1,)) or min(shape) < 1:
        expected = "(n, d) or (n, height, width)" if images else "(n,)"
        raise UserError(f"{where}: is {shape}, expected {expected}, not empty; a channel axis, or one-hot labels?")
    if dtype.hasobject:
        raise UserError(f"{where}: holds Python objects, which we never unpickle, expected numbers; a ragged list?")
    if images and dtype != np.uint8 and dtype.kind != "f":
        raise UserError(f"{where}: pixels are {dtype}, expected uint8 or float; astype('uint8')?")
    if not images and dtype.kind not in "iu":
        raise UserError(f"{where}: labels are {dtype}, expected integers; astype('int64')?")


def _dataset(name, arrays, where):
    for x, y in (("x_train", "y_train"), ("x_test", "y_test")):
        if len(arrays[x]) != len(arrays[y]):
            came, expected = len(arrays[y]), len(arrays[x])
            raise UserError(f"{where[y]}: {came} labels, expected {expected}, one an image; from different sets?")
    came, expected = arrays["x_test"].shape[1:], arrays["x_train"].shape[1:]
    if came != expected:
        raise UserError(f"{where['x_test']}: images are {came}, expected {expected} as in training; different sets?")
    _expect_labels(where["y_train"], arrays["y_train"], 65535, "are these really class numbers?")
    classes = max(2, int(arrays["y_train"].max()) + 1)
    _expect_labels(where["y_test"], arrays["y_test"], classes - 1, "a class that the training set lacks?")
    x_train, x_test = (_pixels(where[key], arrays[key]) for key in ("x_train", "x_test"))
    y_train, y_test = (arrays[key].astype(np.int64) for key in ("y_train", "y_test"))
    root = math.isqrt(x_train.shape[1])
    square = (root, root) if root * root == x_train.shape[1] else None
    side = expected if len(expected) == 2 else square
    return Dataset(name, x_train, y_train, x_test, y_test, classes, side)


def _expect_labels(where, labels, highest, hint):
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > highest:
        raise UserError(f"{where}: labels from {low} to {high}, expected 0 to {highest}; {hint}")


def _pixels(where, images):
    """Return images as `(n, d)`, uint8 or float32 in [0, 1]; `UserError` for other numbers."""
    images = np.ascontiguousarray(images.reshape(len(images), -1))
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())  # a NaN anywhere makes both NaN
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{where}: holds NaN or infinite pixels, expected numbers in [0, 1]; a division by zero?")
    if low < 0 or high > 1:
        raise UserError(f"{where}: pixels from {low} to {high}, expected [0, 1]; divide by 255?")
    return images.astype(np.float32)
