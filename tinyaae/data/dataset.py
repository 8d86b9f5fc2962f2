"""A checked data set: images or rows of a table, with labels or without, and how it is split.

`from_arrays` checks everything once, and a fault is reported in one line. Other modules rely on that. Labels are
names: distinct values are counted and sorted, and the k-th belongs to column k of y. −1, an empty word and NaN mean
"unlabelled". How raw numbers become pixels in [0, 1] is found in the training images and applied to all others.
"""

import hashlib
import math
from typing import NamedTuple

import numpy as np

from ..errors import UserError

VALIDATION, LABELS, REMAINDER, TEST = 1, 2, 3, 4  # random streams: one for each draw, so the draws are independent
HELD_OUT = 10_000  # images at most that play the test set where there is none
MOST_CLASSES = 65_535


class Dataset(NamedTuple):
    """Rows `x (n, d)`, uint8 or float32, and labels `y (n,)`, int64: an index into `names`, or −1 for unlabelled."""

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    side: tuple[int, int] | None  # height and width of an image; None if unknown and d is no square
    names: tuple = ()  # the user's labels, sorted; empty: 0 … classes − 1
    channels: int = 1  # 3: colour, stored as (height, width, 3)
    integer_range: float = 255.0  # what 1 in [0, 1] is in the user's images of whole numbers
    float_range: float = 1.0  # and in those of real numbers
    x_validation: np.ndarray | None = None  # None: a part of the training images
    y_validation: np.ndarray | None = None
    held_out: bool = False  # whether the test set is a part of the training file
    mean: tuple = ()  # of each column of a table, whose rows are (x − mean) / std here
    std: tuple = ()


class Split(NamedTuple):
    """Indices into the training set; `labelled` is a subset of `train`; `validation` and `train` are disjoint."""

    train: np.ndarray
    validation: np.ndarray
    labelled: np.ndarray


def from_arrays(x_train, y_train=None, x_test=None, y_test=None, x_validation=None, y_validation=None, *,
                name="arrays", table=False, where=None):  # fmt: skip
    """Return the `Dataset` of arrays; what a mode does not read may be left out.

    x: images (n, d), (n, height, width), with a last or second axis of 1 or 3 channels, of any real type; or, where
    `table`, rows of real numbers (n, d), which are standardized by the mean and deviation of the training rows.
    y: labels (n,), whole numbers, words or booleans; −1, an empty word or NaN means unlabelled.
    Without x_test a seventh of the training rows, 10 000 at most, is held out and plays the test set.

    Raises `UserError` that names the array (as in `where`, key -> text) and its fault.
    """
    given = {
        "x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test, "x_validation": x_validation,
        "y_validation": y_validation,
    }  # fmt: skip
    where = where or {key: key for key in given}
    sets = [key[2:] for key in ("x_train", "x_test", "x_validation") if given[key] is not None]
    if "train" not in sets:
        raise UserError(f"{name}: no training images; expected x_train")
    rows, shapes = {}, {}
    for part in sets:
        rows[part], *shapes[part] = _rows(where[f"x_{part}"], np.asarray(given[f"x_{part}"]), table)
        if (rows[part].shape[1], shapes[part]) != (rows["train"].shape[1], shapes["train"]):
            came, expected = np.shape(given[f"x_{part}"])[1:], np.shape(x_train)[1:]
            raise UserError(f"{where[f'x_{part}']}: images are {came}, expected {expected} as in training; other sets?")
    labels = {part: _labels(where.get(f"y_{part}", ""), given[f"y_{part}"], len(rows[part])) for part in sets}
    for part in {"train", "test", "validation"} - set(sets):
        if given[f"y_{part}"] is not None:
            raise UserError(f"{where[f'y_{part}']}: labels without images; expected x_{part}, too")
    names, labels = _indices(where, labels)
    side, channels = shapes["train"]
    extra = {"integer_range": 255.0, "float_range": 1.0, "mean": (), "std": ()}
    if table:
        for part, x in rows.items():
            _expect_finite(where[f"x_{part}"], x)
        mean, std = _standards(rows["train"])
        rows = {part: ((x - mean) / std).astype(np.float32) for part, x in rows.items()}
        extra |= {"mean": tuple(mean.tolist()), "std": tuple(std.tolist())}
    else:
        divisor = _divisor(where["x_train"], rows["train"])
        extra["float_range" if rows["train"].dtype.kind == "f" else "integer_range"] = divisor
        rows = {part: scaled(where[f"x_{part}"], x, divisor) for part, x in rows.items()}
    held_out = "test" not in rows
    if held_out:
        rest, test = _held_out(where["x_train"], labels["train"])
        for parts in (rows, labels):
            parts["test"], parts["train"] = parts["train"][test], parts["train"][rest]
    numbered = all(type(name) is int and name == k for k, name in enumerate(names))
    return Dataset(
        name, rows["train"], labels["train"], rows["test"], labels["test"], len(names), side,
        () if numbered else names, channels, x_validation=rows.get("validation"),
        y_validation=labels.get("validation"), held_out=held_out, **extra,
    )  # fmt: skip


def _held_out(where, y):
    """Return the indices of the rows to train on, and of those that play the test set, from labels y (n,)."""
    order, count = _shuffled(len(y), 0, TEST), min(HELD_OUT, len(y) // 7)
    if count < 1:
        raise UserError(f"{where}: {len(y)} rows and no test set; expected x_test, or 7 rows at least")
    rest, test = order[count:], order[:count]
    lost = np.setdiff1d(y[test], y[rest])  # classes with no row left to train on get one back
    back = [np.flatnonzero(y[test] == label)[0] for label in lost if label >= 0]
    if len(back) < count:
        rest, test = np.append(rest, test[back]), np.delete(test, back)
    return np.sort(rest), np.sort(test)


def digest(dataset):
    """Return 32 hexadecimal digits of the SHA-256 of the arrays of a dataset, their types and shapes, and its names."""
    found = hashlib.sha256()
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        found.update(f"{array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    for array in (dataset.x_validation, dataset.y_validation):
        if array is not None:
            found.update(f"{array.dtype.str} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
    if dataset.names:
        found.update(repr(dataset.names).encode())
    return found.hexdigest()[:32]


def split_of(dataset, config):
    """Return the `Split` of a dataset that the numbers of a run ask for."""
    own = dataset.x_validation is not None
    return split(
        dataset.y_train, dataset.classes, config.labels, config.seed, config.images, own, names=config.label_names
    )


def split(y_train, classes, labels, seed, images=0, own_validation=False, names=None):
    """Return the `Split` of `y_train (n,)`; `labels` is 0, "all" or at least one for each class, else `UserError`.

    `train` has the images that are not held out for validation. With `images` > 0 it is a random subset of at most that
    size. Where some images are unlabelled (−1), those for validation are labelled ones. With `own_validation` none is
    held out. Messages call class k `names[k]`, or k.
    """
    n = len(y_train)
    if n < 2:
        raise UserError(f"split: {n} training images, expected at least 2; one goes to validation")
    order = _shuffled(n, seed, VALIDATION)
    known = order[y_train[order] >= 0]
    candidates = known if 0 < len(known) < n else order
    held_out = 0 if own_validation else max(1, min(5000, len(candidates) // 12))
    validation = np.sort(candidates[:held_out])
    train = np.sort(order[~np.isin(order, validation)][: images or n])
    return Split(train, validation, _labelled(train, y_train, labels, seed, names or range(classes)))


def _labelled(train, y_train, labels, seed, names):
    """Return the images of `train` that show their label."""
    known = train[y_train[train] >= 0]
    if isinstance(labels, str) and labels == "all":
        return known
    if not isinstance(labels, (int, np.integer)) or labels < 0:
        raise UserError(f'labels: {labels!r} asked for, expected a whole number from 0 up, or "all"')
    if labels == 0:
        return train[:0]
    present = np.unique(y_train[y_train >= 0])  # a class without images needs no label
    if labels < len(present):
        raise UserError(
            f"labels: {labels} asked for, expected at least {len(present)}, one for each class; {len(present)}?"
        )
    if labels > len(known):
        came, what = f"{labels} asked for (by --labels or the mode)", "training images"
        what = what if len(known) == len(train) else f"labelled {what}"
        raise UserError(f'labels: {came}, expected at most {len(known)}, the {what}; use "all"?')
    one_more = present[_shuffled(len(present), seed, REMAINDER)[: labels % len(present)]]
    candidates = train[_shuffled(len(train), seed, LABELS)]
    chosen = []
    for label in present:
        share = labels // len(present) + (label in one_more)
        images = candidates[y_train[candidates] == label]
        if len(images) < share:
            came = f"class {names[label]!r} has {len(images)} training images"
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


# Shapes and numbers ------------------------------------------------------------------------------------------------


def _rows(where, x, table):
    """Return images as rows (n, d) of their own type, (height, width) or None, and the number of channels."""
    if x.dtype.kind not in "biuf":
        hint = "a ragged list?" if x.dtype.hasobject else "astype('uint8')?"
        raise UserError(f"{where}: pixels are {x.dtype}, expected whole or real numbers; {hint}")
    expected = "(n, d)" if table else "(n, d), (n, height, width), or a last axis of 1 or 3 channels"
    if x.ndim not in ((2,) if table else (2, 3, 4)) or min(x.shape, default=0) < 1:
        raise UserError(f"{where}: is {x.shape}, expected {expected}, not empty; is it the right array?")
    if x.ndim == 4 and x.shape[3] not in (1, 3) and x.shape[1] in (1, 3):
        x = np.moveaxis(x, 1, 3)
    channels = x.shape[3] if x.ndim == 4 else 1
    if channels not in (1, 3):
        hint = "without transparency, x[..., :3]?" if channels in (2, 4) else "is it the right array?"
        raise UserError(f"{where}: is {x.shape}, expected {expected}; {hint}")
    root = math.isqrt(x.shape[1])
    square = (root, root) if x.ndim == 2 and root * root == x.shape[1] and not table else None
    side = square if x.ndim == 2 else x.shape[1:3]
    return np.ascontiguousarray(x.reshape(len(x), -1)), side, channels


def _divisor(where, x):
    """Return what the training images (n, d) must be divided by to lie in [0, 1]: 1 or 255; else `UserError`."""
    low, high = limits(where, x)
    whole = x.dtype.kind != "f" or (high > 1.5 and np.array_equal(x, np.rint(x)))
    if low >= 0 and (high <= 1 if x.dtype.kind == "f" else high == 1):
        return 1.0
    if low >= 0 and whole and (128 <= high <= 255 or high == 0):
        return 255.0
    raise UserError(f"{where}: {off_scale(low, high)}")


def scaled(where, x, divisor):
    """Return images as uint8, or as float32 in [0, 1]: divided by 1 or 255; `UserError` where they do not fit."""
    low, high = limits(where, x)
    if not 0 <= low <= high <= divisor:
        raise UserError(f"{where}: {off_scale(low, high, divisor)}")
    if divisor == 255 and (x.dtype.kind != "f" or np.array_equal(x, np.rint(x))):
        return x.astype(np.uint8, copy=False)
    return (x / np.float32(divisor)).astype(np.float32) if divisor != 1 else x.astype(np.float32, copy=False)


def limits(where, x):
    """Return the smallest and the largest number; `UserError` where one is not finite."""
    low, high = float(x.min()), float(x.max())  # a NaN anywhere makes both NaN
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{where}: holds NaN or infinite pixels, expected numbers in [0, 1]; a division by zero?")
    return low, high


def _expect_finite(where, x):
    """Raise `UserError` where a number of a table's rows x (n, d) is NaN or infinite."""
    wrong = np.argwhere(~np.isfinite(x))
    if len(wrong):
        row, column = wrong[0]
        came = f"row {row}, column {column}, counted from 0, is {x[row, column]}"
        raise UserError(f"{where}: {came}, expected finite numbers; fill it, or leave the row out")


def off_scale(low, high, divisor=1):
    """Return what is wrong with pixels from `low` to `high`, and what to do about it, as found from these two."""
    came = f"pixels from {low:g} to {high:g}, expected 0 to {divisor:g}"
    if divisor != 1:
        return f"{came} as in training; are they scaled otherwise?"
    if low >= 0:
        if 1 < high <= 1.1:
            return f"{came}; did a resize overshoot? x.clip(0, 1)"
        number = 255 if 128 <= high <= 255 else f"{high:g}" if float(f"{high:g}") >= high else repr(high)
        table = "; for a table: --set reconstruction=gaussian" if high > 255 else ""
        return f"{came}; the largest is {high:g}: divide by {number}?{table}"
    if low >= -0.2 and high <= 1.2:
        return f"{came}; did a resize overshoot? x.clip(0, 1)"
    if low >= -1 and high <= 1:
        return f"{came}; are they scaled to [-1, 1]? (x + 1) / 2"
    down, span = math.floor(low * 1e3) / 1e3, math.ceil((high - math.floor(low * 1e3) / 1e3) * 1e3) / 1e3
    undo = f"(x {'+' if down < 0 else '-'} {abs(down):g}) / {span:g}"
    return f"{came}; were the images standardized? {undo} is in [0, 1]; for a table: --set reconstruction=gaussian"


def _standards(x):
    """Return the mean and the standard deviation (d,) of each column, 1 where a column is constant."""
    mean, std = np.mean(x, axis=0, dtype=np.float64), np.std(x, axis=0, dtype=np.float64)
    return mean, np.where(std > 1e-12 * np.abs(mean), std, 1.0)


# Labels ------------------------------------------------------------------------------------------------------------


def _labels(where, y, n):
    """Return labels (n,) as an array of whole numbers, words or booleans, and a mask (n,) of the unlabelled."""
    if y is None:
        return np.full(n, -1), np.ones(n, bool)
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype == object and all(isinstance(label, str) for label in y.ravel()):
        y = y.astype(str)
    if y.ndim != 1 or len(y) < 1:
        raise UserError(f"{where}: is {y.shape}, expected (n,), not empty; one-hot labels? np.argmax(y, axis=1)")
    if y.dtype.hasobject:
        raise UserError(f"{where}: holds Python objects, which we never unpickle, expected numbers or words")
    if len(y) != n:
        raise UserError(f"{where}: {len(y)} labels, expected {n}, one an image; from different sets?")
    if y.dtype.kind == "f":
        unlabelled = np.isnan(y)
        filled = np.where(unlabelled, -1, y)
        if not np.array_equal(filled, np.rint(filled)):
            raise UserError(f"{where}: labels are {y.dtype} with fractions, expected whole numbers or words; a target?")
        y = filled.astype(np.int64)
    if y.dtype.kind not in "biuUS":
        raise UserError(f"{where}: labels are {y.dtype}, expected whole numbers, words or booleans")
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    none = (y == "") if y.dtype.kind == "U" else (y == -1) if y.dtype.kind == "i" else np.zeros(len(y), bool)
    return y, none


def _indices(where, labels):
    """Return the distinct labels, sorted, and for each set its labels as indices into them, −1 for the unlabelled."""
    kinds = {y.dtype.kind.replace("u", "i") for y, none in labels.values() if not none.all()}
    if len(kinds) > 1:
        raise UserError(f"{where['y_train']}: labels of two kinds, numbers and words; the same set?")
    known = [y[~none] for y, none in labels.values()]
    names = np.unique(np.concatenate([y for y in known if len(y)] or [np.zeros(0, np.int64)]))
    if len(names) == 1 and any(none.any() and not none.all() for _, none in labels.values()):
        what = f"-1 and {names[0]}" if kinds == {"i"} else f"nothing and {names[0]!a}"
        raise UserError(
            f"{where['y_train']}: labels are {what}, and -1 means unlabelled; are these two classes? use 0 and 1"
        )
    if len(names) > MOST_CLASSES:
        came = f"{len(names)} distinct labels"
        raise UserError(f"{where['y_train']}: {came}, expected at most {MOST_CLASSES}; are these really class names?")
    found = {}
    for part, (y, none) in labels.items():
        index = np.full(len(y), -1, np.int64)
        index[~none] = np.searchsorted(names, y[~none])
        found[part] = index
    return tuple(names.tolist()), found
