"""Read the arrays of a data set from the files that people have: IDX, .npz, .npy, .csv."""

import csv
import os
import warnings
import zipfile
from pathlib import Path

import numpy as np

from ..errors import UserError
from .idx import is_idx, read_idx
from .npz import as_user_error, read_array, read_member

KEYS = "x_train", "y_train", "x_test", "y_test", "x_validation", "y_validation"
IDX_FILES = {
    "x_train": "train-images-idx3-ubyte", "y_train": "train-labels-idx1-ubyte", "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}  # fmt: skip
X, Y = ("x", "images", "data", "features", "inputs", "pixels"), ("y", "labels", "target", "targets", "classes", "label")
SETS = {"train": ("train", "training"), "test": ("test", "testing"), "validation": ("validation", "valid", "val")}
LABEL_COLUMNS = "label", "class", "target", "y", "labels"


def names_of(key):
    """Return the names under which an array may be stored, in small letters: x_train, train_images, X, …"""
    kind, part = key.split("_")
    words = X if kind == "x" else Y
    found = [f"{word}_{name}" for name in SETS[part] for word in words]
    found += [f"{name}_{word}" for name in SETS[part] for word in words]
    found += [f"{kind}{name}" for name in SETS[part]]
    return [*found, *words] if part == "train" else found


def find(stored):
    """Return key -> the name in `stored` of its array, where there is one."""
    small = {name.lower(): name for name in stored}
    return {key: small[name] for key in KEYS if (name := next((n for n in names_of(key) if n in small), None))}


def read(path):
    """Return key -> array and key -> where it is from, of a folder or a file; `UserError` where there is none."""
    if os.path.isdir(path):
        return _folder(path)
    if not os.path.isfile(path):
        came = "neither a folder nor a file" if os.path.exists(path) else "no such file or folder"
        raise UserError(f"{path}: {came}, expected a folder of IDX or .npy files, an .npz, an .npy or a .csv")
    if path.suffix == ".npz":
        return _npz(path)
    if path.suffix == ".npy":
        return {"x_train": read_array(path)}, {"x_train": path}
    if path.suffix in (".csv", ".tsv", ".txt"):
        return _csv(path)
    if is_idx(path):
        return {"x_train": read_idx(path, (3, 2, 4))}, {"x_train": path}
    raise UserError(f"{path}: no data that is known, expected an .npz, .npy, .csv or IDX file, or a folder of such")


def read_images(path):
    """Return the images (n, …) of a file, for a trained model: x, or the test images where it holds a data set."""
    arrays, where = read(path)
    key = "x_test" if "x_test" in arrays else "x_train"
    return arrays[key], where[key]


def _folder(folder):
    where = {}
    for key, name in IDX_FILES.items():
        spellings = [folder / (stem + end) for stem in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
        if path := next((path for path in spellings if path.is_file()), None):
            where[key] = path
    if where:
        if "x_train" not in where:
            raise UserError(
                f"{folder}: no {IDX_FILES['x_train']} or .gz, expected the files of MNIST; is it this folder?"
            )
        dimensions = {"x": (3, 2, 4), "y": (1, 2)}
        return {key: read_idx(path, dimensions[key[0]]) for key, path in where.items()}, where
    files = {path.stem: path for path in sorted(folder.glob("*.npy"))}
    where = {key: files[name] for key, name in find(files).items()}
    if "x_train" not in where:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        expected = f"{IDX_FILES['x_train']} (IDX) or x_train.npy"
        raise UserError(f"{folder}: holds {there}, expected {expected} and its companions; is it this folder?")
    return {key: read_array(path) for key, path in where.items()}, where


def _npz(path):
    with (
        as_user_error(path, "{}, expected what numpy.savez writes", "is the file damaged?"),
        zipfile.ZipFile(path) as archive,
    ):
        stored = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        found = find(stored)
        if "x_train" not in found:
            there = ", ".join(stored[:12]) or "nothing"
            raise UserError(f"{path}: holds {there}, expected x_train, and y_train, x_test, y_test; other names?")
        where = {key: f"{path}: {name}" for key, name in found.items()}
        return {
            key: read_member(where[key], archive, name, numbers_only(where[key])) for key, name in found.items()
        }, where


def numbers_only(where):
    """Return what refuses an array by its header, before it is read."""

    def expect(shape, dtype):
        if dtype.hasobject:
            raise UserError(f"{where}: holds Python objects, which we never unpickle, expected numbers; a ragged list?")

    return expect


def _csv(path):
    """Return the columns of a .csv with a header; a column called label, class, target or y holds the labels."""
    hint = f"is a cell empty, or is there a column of words that is not called {' or '.join(LABEL_COLUMNS)}?"
    expected = "{}, expected numbers with a line of names above them"
    with as_user_error(path, expected, hint), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of a table without rows, which is refused later
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = file.readline(), file.readline()
        delimiter = next((sign for sign in ",;\t" if sign in lines[0]), ",")
        names = [name.strip() for name in next(csv.reader(lines, delimiter=delimiter))]
        if not names or all(is_number(name) for name in names):
            raise UserError(f"{path}: begins with numbers, expected a line with the names of the columns")
        if "" in names:
            came = f"column {names.index('') + 1} has no name"
            raise UserError(f"{path}: {came}; is it the index that pandas writes? to_csv(…, index=False)")
        column = next((k for k, name in enumerate(names) if name.lower() in LABEL_COLUMNS), None)
        how = {
            "delimiter": delimiter,
            "skiprows": 1,
            "encoding": "utf-8-sig",
            "ndmin": 2,
            "comments": None,
            "quotechar": '"',
        }
        rest = [k for k in range(len(names)) if k != column]
        x = np.loadtxt(path, usecols=rest, **how)
        where = {"x_train": path, "y_train": f"{path}: column {names[column]}" if column is not None else ""}
        if column is None:
            return {"x_train": x}, where
        y = np.loadtxt(path, usecols=[column], dtype=str, **how)[:, 0]
    numbers = all(is_number(label) or label == "" for label in y)
    return {"x_train": x, "y_train": np.array([float(label or "nan") for label in y]) if numbers else y}, where


def is_number(text):
    """Return whether a text is written as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def stem(path):
    """Return a name for the data at `path`."""
    path = Path(path)
    return path.resolve().name if path.is_dir() else path.name.removesuffix(".gz").rsplit(".", 1)[0]
