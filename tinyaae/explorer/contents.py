"""Gather what the page of a run shows: networks, codes, prior, numbers and curves, as one dict and one row of bytes."""

import json
import math
import re
import shlex
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
from ..training.snapshots import LEVELS
from .described import layers_of

MOST_IMAGES, MOST_NUMBERS = 400, 400_000  # test images that come along, and the pixels of all together
DRAWS = 256  # draws from the prior that come along
CELLS = 80  # side of the grid of the prior's density
MOST_CELLS = 1200  # of a confusion matrix
IN_A_CELL = 4  # most test images of a cell that come along
UNIT = 20_000  # a replayed code at the edge of the map

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
    page["noun"] = "image" if page["kind"] == "image" else "row"
    page["D_reads"] = "label" if c.label_to == "prior" else "y" if c.condition_on_y else "z"
    page["draws"] = pack(from_prior(model, DRAWS)) if model.has_prior else None
    page["plane"], in_plane = plane_of(coarse, subject, pack)
    page["report"], cells = report(subject, coarse)
    page["images"] = images_of(coarse, dataset, pack, cells) if with_images or not own else None
    page["replay"] = replay_of(model, folder, with_images or not own, in_plane, pack)
    page["curves"] = [panel._asdict() | {"lines": [line._asdict() for line in panel.lines]}
                      for panel in learning_curves(subject)]  # fmt: skip
    page["axes"] = axes(page)
    page["words"] = words(page)
    return page, b"".join(pack.pieces)


def axes(page):
    """Return what the plane of a `page` shows."""
    said = "The horizontal axis is z." if page["z"] == 1 else "The two axes are the coordinates of z."
    if page["z"] > 2:
        said = f"z has {page['z']} dimensions. The two axes are the directions that change the {page['noun']} most: "
        said += "{:.0f} % and {:.0f} % of all change.".format(*(100 * share for share in page["plane"]["shares"]))
    return said + (f" Lines hold 50, 90 and 99 % of the {page['prior']} prior." if page["plane"]["density"] else "")


def words(page):
    """Return what the page says about its model, id of the element -> text."""
    prior, noun = page["prior"], page["noun"]
    on_map = [] if prior else ["This mode matches its codes to no prior."]
    if page["images"] and page["images"]["z"]:
        on_map.insert(0, f"A dot is the code of a test {noun}: point at it to see what it is.")
    if "D" in page["networks"]:
        on_map.append("The background is D, trained to tell draws from the prior and codes apart.")
        on_map.append("The greyer it is, the better Q has learned.")
    y = f"P reads y, which {'class' if page['y']['is_class'] else 'cluster'}, and z, the style."
    curves = "Each curve has a value an epoch."
    for panel in page["curves"]:
        if panel["title"] == "Adversarial losses" and panel["reference"]:
            chance = panel["reference"][0]
            level = "2 ln 2 = 1.386" if abs(chance - 2 * math.log(2)) < 1e-6 else f"{chance:.3f}"
            things = "samples from images" if page["mode"] == "gan" else "codes from draws of the prior"
            curves = f"A discriminator with one answer to everything has a loss of {level}, the dotted line. "
            curves += f"Near it D cannot tell {things}."
    replay, kept = ["The run has kept snapshots: play them."], page["replay"] or {}
    if kept.get("codes"):
        replay.append(f"A dot is the code of a validation {noun}.")
        replay += ["Training moves the dots to the prior."] if prior else []
    if kept.get("reconstructions") or kept.get("samples"):
        replay.append("The images are what P paints at that epoch.")
    named = [page["run"], f"mode {page['mode']}", f"{prior} prior" if prior else "", page["epoch"]]
    return {
        "run": " · ".join(each for each in named if each),
        "idea": f"The mode {page['mode']}: {page['about']}. Its networks run in this page.",
        "paint-lead": f"{y} Change one and keep the other." if page["y"]["P"] else "P reads z alone. Move it.",
        "map-lead": " ".join([*on_map, "Drag to decode other places.", page["axes"]]),
        "replay-lead": " ".join(replay),
        "curves-lead": curves,
    }


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


def images_of(model, dataset, pack, cells):
    """Return some test images of each class, in the order of the test set, their labels, and their codes.

    Then come `extra` ones, those of `cells` (test images by row and column of the confusion matrix), which become
    positions among all.
    """
    d = dataset.x_test.shape[1]
    most = min(MOST_IMAGES, max(20, MOST_NUMBERS // d), len(dataset.x_test))
    groups = examples(dataset.y_test, max(1, len(dataset.x_test)))
    chosen = np.unique(groups[:, : max(1, most // len(groups))])
    each = min(IN_A_CELL, MOST_NUMBERS // d // 2 // max(1, sum(len(cell) > 0 for row in cells for cell in row)))
    for row in cells:
        row[:] = [cell[np.argsort(~np.isin(cell, chosen), kind="stable")][:IN_A_CELL] for cell in row]
        row[:] = [cell[np.isin(cell, chosen) | (np.arange(len(cell)) < each)] for cell in row]
    wanted = np.concatenate([chosen[:0], *(cell for row in cells for cell in row)])
    everything = np.concatenate([chosen, np.setdiff1d(wanted, chosen)])
    place = {int(index): position for position, index in enumerate(everything)}
    for row in cells:
        row[:] = [[place[int(index)] for index in cell] for cell in row]
    x = dataset.x_test[everything]
    if not model.config.is_table:
        x = np.rint(255 * unit_interval(x)).astype(np.uint8)
    kept = {"x": pack(x), "labels": dataset.y_test[everything].tolist(), "z": None,
            "extra": len(everything) - len(chosen), "cells": cells}  # fmt: skip
    if "Q" in model.networks:
        kept["z"] = pack(model.encode_rows(x[: len(chosen)]).z)
    return kept


def replay_of(model, folder, with_images, in_plane, pack):
    """Return the snapshots of the run, up to the epoch of its model; None where it has kept fewer than two.

    Codes lie where `in_plane` puts them, in units of its reach / `UNIT`. Without `with_images` only samples come along.
    """
    epoch = folder.saved.epoch if folder.saved else model.config.epochs
    kept = [(at, arrays) for at, arrays in folder.snapshots() if at <= epoch]
    if len(kept) < 2:
        return None
    stacked = {name: np.stack([arrays[name] for _, arrays in kept]) for name in kept[0][1]}
    found = {"epochs": [at for at, _ in kept], "levels": LEVELS, "unit": UNIT, "labels": [], "codes": None, "y": None,
             "reconstructions": None, "samples": None}  # fmt: skip
    when = [f"After epoch {at} of {model.config.epochs}." if at else "Before the first step." for at in found["epochs"]]
    found["words"] = when
    if stacked["samples"].size:
        found["samples"] = pack(stacked["samples"])
    if not with_images or not stacked["z"].size:
        return found
    found["labels"] = stacked["labels"][0].tolist()
    found["codes"] = pack(np.clip(np.rint(UNIT * in_plane(stacked["z"])), -32767, 32767), np.int16)
    about = [""] * len(kept)
    if model.config.y_dim and model.config.y_is_class:
        found["y"] = pack(stacked["y"], np.int16)
        right, n = np.sum(stacked["y"] == stacked["labels"], axis=1), np.sum(stacked["labels"][0] >= 0)
        about = [f"Q reads the label of {k} of {n} images; the others have a ring." for k in right]
    elif model.config.y_dim:
        used = [len(np.unique(y)) for y in stacked["y"]]
        about = [f"Q puts these images into {k} of {model.config.y_dim} clusters." for k in used]
    found["words"] = [" ".join(pair).strip() for pair in zip(when, about, strict=True)]
    if stacked["reconstructions"].size:
        found["reconstructions"] = pack(stacked["reconstructions"])
    return found


def plane_of(model, subject, pack):
    """Return the plane of z that the page shows: its origin, two directions, how far it reaches, and the prior there.

    Return also a function from z (…, d) to where it lies in the plane (…, 2), as shares of its reach.

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
    return found, lambda z: (z - origin) @ directions.T / reach


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
    """Return a run's numbers and their meaning, its command and warnings, the confusions, and what 8 bits change.

    Return also the cells of the confusion matrix, where test images can be shown in them.
    """
    result = subject.result
    numbers = [
        {"name": name, "value": form.format(result[key]), "meaning": meaning}
        for key, (name, form, meaning) in MEANINGS.items()
        if result.get(key) is not None
    ]
    warnings = [without_folders(warning) for warning in result.get("warnings", []) if "no pictures" not in warning]
    found = {"numbers": numbers, "command": command(subject.config), "warnings": warnings, "confusion": None,
             "quantization": quantization(subject, coarse)}  # fmt: skip
    cells = []
    if subject.config.y_dim and np.any(subject.labelled):
        table = confusion(subject)
        if table.counts.size <= MOST_CELLS:
            found["confusion"] = {
                "counts": table.counts.tolist(), "rows": [str(name) for name in table.rows],
                "columns": [str(name) for name in table.columns], "clusters": table.clusters,
            }  # fmt: skip
            cells = cells_of(subject, coarse, table) if subject.config.side else []
    return found, cells


def cells_of(subject, coarse, table):
    """Return for each cell of a `Confusion` which test images it counts, of those that 8 bits read in the same way."""
    again = coarse.encode_rows(subject.dataset.x_test)
    read, same = [np.argmax(code.logits, axis=1) for code in (subject.code, again)]
    true = np.where(read == same, subject.dataset.y_test, -1)
    columns = table.columns if table.clusters else range(len(table.columns))
    return [[np.flatnonzero((true == i) & (read == j)) for j in columns] for i in range(len(table.rows))]


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
        same = usual.get(name) == value
        if name == "prior" and usual["prior_options"].keys() - config.prior_options.keys():
            same = False  # the flag leaves out the options that the preset gives its prior
        if name in ("mode", "preset", "backend") or about.how in ("filled", "preset") or same:
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
    return shlex.join(words)


def written(value):
    """Return a value as the command line takes it."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return json.dumps(value) if value is None or isinstance(value, bool | dict) else str(value)


def without_folders(text):
    """Return a text in which each absolute path is only the name of its file."""
    return re.sub(r"(?<![^\s\"'(=,])(?:[A-Za-z]:)?[\\/](?:[^\s\\/,;:]+[\\/])*([^\s\\/,;:]+)", r"\1", text)
