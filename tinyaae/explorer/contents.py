"""Gather what the page of a run shows: networks, codes, prior, numbers and curves, as one dict and one row of bytes."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..config import Config
from ..config.fields import ABOUT
from ..config.modes import MODES
from ..data import unit_interval
from ..errors import UserError
from ..figures.arrays import Subject, confusion, examples, from_prior, learning_curves
from ..metrics import error_rate
from ..training.quantize import with_quantized_weights
from .described import layers_of

MOST_IMAGES, MOST_NUMBERS = 400, 400_000  # test images that come along, and the pixels of all together
DRAWS = 256  # draws from the prior that come along
CELLS = 80  # side of the grid of the prior's density
MOST_CELLS = 1200  # of a confusion matrix

MEANINGS = {  # entry of result.json -> its name, how it is written, what it means
    "test_error": ("test error", "{:.2%}", "the share of test images whose most probable y is the wrong class"),
    "cluster_error": (
        "cluster error", "{:.2%}", "the same, after each cluster is named by a class on validation images",
    ),
    "reconstruction_error": ("reconstruction error", "{:.2f}", "½ Σ (x̂ − x)² of a test image, on average"),
    "content_accuracy": (
        "content accuracy", "{:.1%}", "the share of samples P(y, z) that the nearest training image calls y",
    ),
    "exchange_accuracy": (
        "exchange accuracy", "{:.1%}", "the same for test images that keep their z and get another y",
    ),
    "style_leak": ("style leak", "{:.1%}", "how often a linear rule finds the class in z alone"),
    "style_leak_chance": ("its chance level", "{:.1%}", "the share of the most frequent class"),
    "style_spread": ("style spread", "{:.2f}", "how much samples of one y differ; test images of one class have 1"),
    "log_likelihood": ("log-likelihood", "{:.0f} nats", "ln p(x) of a test image under samples, by Parzen windows"),
    "log_likelihood_resampled": ("the same, resampled", "{:.0f} nats", "with z resampled by D_gauss"),
    "seconds": ("training time", "{:.0f} s", "on the machine that made the run"),
}  # fmt: skip


class Bytes:
    """Arrays one behind the other, each from a multiple of four bytes on."""

    def __init__(self):
        self.pieces, self.size = [], 0

    def __call__(self, array, kind=None):
        """Store an array, as float32 unless it has whole numbers; return where it lies, its shape and its type."""
        kind = kind or (array.dtype if array.dtype in (np.int8, np.uint8) else np.float32)
        array = np.ascontiguousarray(array, np.dtype(kind).newbyteorder("<"))
        content = array.tobytes() + b"\0" * (-array.nbytes % 4)
        described = {"at": self.size, "shape": list(array.shape), "type": np.dtype(kind).name}
        self.pieces.append(content)
        self.size += len(content)
        return described


def contents(model, dataset, folder, with_images=False):
    """Return what the page shows, as a dict for JSON, and the bytes of its arrays.

    Test images of `dataset` and their codes come along for MNIST, and for other data where `with_images`.
    """
    subject, coarse, pack = Subject.of_run(model, dataset, folder), with_quantized_weights(model), Bytes()
    c = model.config
    own = c.data is not None or dataset.name != "mnist"
    page = {
        "run": subject.name, "mode": c.mode, "about": MODES[c.mode].about, "epoch": subject.epoch, "own": own,
        "kind": "table" if c.is_table else "image" if c.side else "values",
        "side": list(c.side or ()), "channels": c.channels, "inputs": c.inputs,
        "mean": list(c.mean), "std": list(c.std), "z": c.z, "prior": c.prior if model.has_prior else None,
        "y": y_of(subject), "label_names": [subject.label(k) for k in range(dataset.classes)],
    }  # fmt: skip
    names = {"Q": "Q", "P": "P", "D": "D_gauss"}
    page["networks"] = {
        short: layers_of(coarse.networks[name], pack) for short, name in names.items() if name in coarse.networks
    }
    page["D_reads"] = "label" if c.label_to == "prior" else "y" if c.condition_on_y else "z"
    page["draws"] = pack(from_prior(model, DRAWS)) if model.has_prior else None
    page["plane"] = plane_of(coarse, subject, pack)
    page["images"] = images_of(coarse, dataset, pack) if with_images or not own else None
    page["report"] = report(subject, coarse)
    page["curves"] = [panel._asdict() | {"lines": [line._asdict() for line in panel.lines]}
                      for panel in learning_curves(subject)]  # fmt: skip
    return page, b"".join(pack.pieces)


def y_of(subject):
    """Return the widths of Q's y and of the y that P reads, and a name for each value."""
    c = subject.config
    k = max(c.y_dim, c.decoder_y_dim)
    if c.y_dim and not c.y_is_class:
        named = subject.result.get("cluster_names", [])
        names = [f"{j}: {named[j]}" if j < len(named) else str(j) for j in range(k)]
    else:
        names = [subject.label(j) for j in range(k)]
    return {"Q": c.y_dim, "P": c.decoder_y_dim, "names": names, "is_class": not c.y_dim or c.y_is_class}


def images_of(model, dataset, pack):
    """Return some test images of each class, in the order of the test set, their labels, and their codes."""
    d = dataset.x_test.shape[1]
    most = min(MOST_IMAGES, max(20, MOST_NUMBERS // d), len(dataset.x_test))
    groups = examples(dataset.y_test, max(1, len(dataset.x_test)))
    chosen = np.unique(groups[:, : max(1, most // len(groups))])
    x = dataset.x_test[chosen]
    if not model.config.is_table:
        x = np.rint(255 * unit_interval(x)).astype(np.uint8)
    kept = {"x": pack(x), "labels": dataset.y_test[chosen].tolist(), "z": None}
    if "Q" in model.networks:
        kept["z"] = pack(model.encode_rows(x).z)
    return kept


def plane_of(model, subject, pack):
    """Return the plane of z that the page shows: its origin, two directions, how far it reaches, and the prior there.

    The directions are those along which P's output changes most: the first eigenvectors of E[JᵀJ], where J is the
    Jacobian of P, estimated from differences at codes, or at draws from the prior where there is no Q.
    """
    d, points = model.config.z, []
    if "Q" in model.networks:
        points.append(model.encode_rows(subject.dataset.x_test[:2000]).z)
    if model.has_prior:
        points.append(from_prior(model, 50_000 if d <= 16 else 5000))
    values = np.concatenate(points).astype(float)
    origin, shares, directions = np.mean(points[-1], axis=0, dtype=float), np.ones(2), np.eye(2, d)
    if d > 2:
        squares, directions = np.linalg.eigh(sensitivity(model, points[0]))
        shares, directions = squares[::-1][:2] / max(np.sum(squares), 1e-12), directions.T[::-1][:2]
        directions = directions * np.sign(np.sum(directions, axis=1, keepdims=True) + 1e-12)
    flat = [(each - origin) @ directions.T for each in points]
    reach = float(1.1 * max(np.quantile(np.abs(each), 0.998) for each in flat)) or 1.0
    low, high = np.quantile(values, 0.0005, axis=0), np.quantile(values, 0.9995, axis=0)
    found = {"origin": pack(origin), "directions": pack(directions), "reach": reach, "shares": shares.tolist(),
             "low": float(np.min(low)), "high": float(np.max(high)), "density": None}  # fmt: skip
    if model.has_prior and d > 1:
        density = density_of(model.prior, origin, reach) if d == 2 else None
        density = density_on_grid(flat[-1], reach, 8 if d > 2 else 2) if density is None else density
        mass = np.sort(density.ravel())[::-1]
        held = np.cumsum(mass) / max(np.sum(mass), 1e-12)
        found["density"] = pack(density / max(np.max(density), 1e-12))
        levels = [mass[min(np.searchsorted(held, share), len(mass) - 1)] for share in (0.5, 0.9, 0.99)]
        found["levels"] = [float(level / max(np.max(density), 1e-12)) for level in levels]
    return found


def sensitivity(model, z, step=0.1):
    """Return E[JᵀJ] (d, d) of P at some of the codes z (n, d), by central differences."""
    d, k = z.shape[1], model.config.decoder_y_dim
    total = np.zeros((d, d))
    for row, at in enumerate(z[:: max(1, len(z) // 32)][:32] if d <= 64 else z[:8]):
        moved = np.concatenate([at + step * np.eye(d), at - step * np.eye(d)]).astype(np.float32)
        y = np.tile(np.eye(k, dtype=np.float32)[row % k], (2 * d, 1)) if k else None
        ahead, behind = np.split(model.decode_rows(moved, y), 2)
        J = (ahead - behind) / (2 * step)
        total += J @ J.T
    return total


def density_of(prior, origin, reach):
    """Return p(z) of a prior in the plane (CELLS, CELLS) around its origin, or None where it has no density."""
    middle = reach * ((2 * np.arange(CELLS) + 1) / CELLS - 1)
    u, v = np.meshgrid(middle, middle)
    try:
        return np.exp(prior.log_density(np, np.stack([u.ravel(), v.ravel()], axis=1) + origin)).reshape(u.shape)
    except UserError:
        return None


def density_on_grid(points, reach, times):
    """Return counts (CELLS, CELLS) of points (n, 2) in [−reach, reach]², smoothed some times; the first axis is v."""
    edges = np.linspace(-reach, reach, CELLS + 1)
    counts = np.histogram2d(points[:, 1], points[:, 0], (edges, edges))[0]
    for _ in range(times):
        for axis in (0, 1):
            counts = (np.roll(counts, 1, axis) + 2 * counts + np.roll(counts, -1, axis)) / 4
    return counts


# The report ----------------------------------------------------------------------------------------------------------


def report(subject, coarse):
    """Return a run's numbers and their meaning, its command and warnings, the confusions, and what 8 bits change."""
    result = subject.result
    numbers = [
        {"name": name, "value": form.format(result[key]), "meaning": meaning}
        for key, (name, form, meaning) in MEANINGS.items()
        if result.get(key) is not None
    ]
    warnings = [without_folders(warning) for warning in result.get("warnings", []) if "no pictures" not in warning]
    found = {"numbers": numbers, "command": command(subject.config), "warnings": warnings, "confusion": None,
             "quantization": quantization(subject, coarse)}  # fmt: skip
    if subject.config.y_dim and np.any(subject.labelled):
        table = confusion(subject)
        if table.counts.size <= MOST_CELLS:
            found["confusion"] = {
                "counts": table.counts.tolist(), "rows": [str(name) for name in table.rows],
                "columns": [str(name) for name in table.columns], "clusters": table.clusters,
            }  # fmt: skip
    return found


def quantization(subject, coarse):
    """Return in a sentence what 8 bits change: the test error, the reconstruction error, or the samples."""
    if before := subject.result.get("before_quantization"):  # a pretrained model has 8 bits already
        key = next(key for key in MEANINGS if key in before)
        name, form, _ = MEANINGS[key]
        values = form.format(before[key]), form.format(subject.result[key])
        return "{} with the weights of training: {}. With weights in 8 bits, as here: {}.".format(
            name[0].upper() + name[1:], *values
        )
    model, x, known = subject.model, subject.dataset.x_test, subject.labelled
    if "Q" not in model.networks:
        change = np.mean(np.abs(model.sample_rows(200) - coarse.sample_rows(200)))
        return f"Weights in 8 bits change a pixel of a sample by {change:.4f} on average (0 is black, 1 is white)."
    if model.config.y_is_class and np.any(known):
        codes = [each.encode_rows(x[known]) for each in (model, coarse)]
        errors = [error_rate(np.argmax(code.logits, axis=1), subject.dataset.y_test[known]) for code in codes]
        return "Test error with the weights of training: {:.2%}. With weights in 8 bits, as here: {:.2%}.".format(
            *errors
        )
    errors = []
    for each in (model, coarse):
        code = each.encode_rows(x)
        y = each.read_y(code, np.maximum(subject.dataset.y_test, 0))
        rows = x if model.config.is_table else unit_interval(x)
        errors.append(np.mean(np.sum((each.decode_rows(code.z, y) - rows) ** 2, axis=1)) / 2)
    return "Reconstruction error with the weights of training: {:.3f}. With weights in 8 bits: {:.3f}.".format(*errors)


def command(config):
    """Return the command that makes such a run: the flags that differ from those of its mode and preset."""
    words = ["tinyaae", "train", "--mode", config.mode]
    if config.preset != "quick":
        words += ["--preset", config.preset]
    given = {"data": config.data} if config.data else {}
    if {"labels", "clusters"} <= MODES[config.mode].has:  # its other numbers follow from these
        given["labels"] = config.labels
    usual = asdict(Config.of(config.mode, config.preset, **given))
    usual = {name: value for name, value in usual.items() if name not in given}
    for name, value in asdict(config).items():
        about = ABOUT[name]
        if name in ("mode", "preset", "backend") or about.how in ("filled", "preset") or usual.get(name) == value:
            continue
        flag, text = name.replace("_", "-"), written(value)
        if name == "prior_options":
            words += [word for option, number in value.items() for word in ("--set", f"prior_{option}={number:g}")]
        elif about.how == "set":
            words += ["--set", f"{name}={text}"]
        elif about.how == "extra":
            words += ["--extra", f"{flag}={text}"]
        elif isinstance(value, bool):
            words += [f"--{flag}"] if value else []
        else:
            words += [f"--{flag}", Path(text).name if name == "data" else text]
    return " ".join(words)


def written(value):
    """Return a value as the command line takes it."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def without_folders(text):
    """Return a text in which each absolute path is only the name of its file."""
    return re.sub(r"(?<![^\s\"'(=,])(?:[A-Za-z]:)?[\\/](?:[^\s\\/,;:]+[\\/])*([^\s\\/,;:]+)", r"\1", text)
