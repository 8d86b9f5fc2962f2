"""The verbs that use a trained run on a file: codes and classes of its images, and scores."""

import argparse
import csv
import io
from pathlib import Path

import numpy as np

from . import data, load
from .data.files import write_safely
from .errors import UserError
from .surroundings import with_home


def main(argv, parser=argparse.ArgumentParser):
    """Do `encode RUN FILE` or `score RUN FILE`; return the exit status. Raises `UserError`."""
    verb, *rest = argv
    p = parser(prog=f"tinyaae {verb}", description=encode.__doc__ if verb == "encode" else score.__doc__)
    p.add_argument("run", help="the folder of a trained run, or a pretrained model")
    p.add_argument("file", help="images: .npz, .npy, .csv, IDX, or a folder of such")
    if verb == "score":
        p.add_argument("--by", default="reconstruction", help="reconstruction (the default), discriminator or density")
    p.add_argument("--out", metavar="NAME", help=f"write NAME.npz and NAME.csv; default: FILE-{verb}")
    args = with_home(p.parse_args(rest), ("file", "out"))
    model = load(args.run)
    images, where = data.read_images(Path(args.file))
    out = Path(args.out or f"{data.stem(Path(args.file))}-{verb}")
    if not out.parent.is_dir():
        raise UserError(f"--out: {out.parent} is no folder; make it first")
    try:
        columns = encode(model, images) if verb == "encode" else score(model, images, args.by)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    write_npz(Path(f"{out}.npz"), columns)
    write_csv(Path(f"{out}.csv"), columns)
    print(f"{len(images)} rows of {where}: {', '.join(columns)} in {out}.npz and {out}.csv")
    return 0


def encode(model, images):
    """Write the codes of images: z, and y and the most probable class or cluster where the mode has a y."""
    code = model.encode(images)
    columns = {"z": code.z}
    if code.y is not None:
        columns["y"] = code.y
        known = model.config.label_names if model.config.y_is_class else range(model.config.y_dim)
        columns["label" if model.config.y_is_class else "cluster"] = np.array(known)[np.argmax(code.logits, axis=1)]
    return columns


def score(model, images, by):
    """Write a number for each image: the larger, the more it should be like the training images."""
    return {"score": model.score(images, by)}


def write_npz(path, columns):
    """Write name -> array as an .npz."""
    content = io.BytesIO()
    np.savez(content, **columns)
    write_safely(path, lambda file: file.write(content.getvalue()))


def write_csv(path, columns):
    """Write name -> array (n,) or (n, d) as a .csv with a line a row: z_0, z_1, …"""
    flat = {}
    for name, array in columns.items():
        flat |= {name: array} if array.ndim == 1 else {f"{name}_{k}": array[:, k] for k in range(array.shape[1])}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(flat)
    writer.writerows(zip(*(array.tolist() for array in flat.values()), strict=True))
    write_safely(path, lambda file: file.write(text.getvalue().encode()))
