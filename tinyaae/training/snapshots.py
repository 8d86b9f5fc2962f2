"""Snapshots of a training: about thirty views of a model from its start to its end, which the page of a run replays.

A snapshot only reads the model, in evaluation, and draws from a stream of its own. So the training goes on as without.
All of a run have at most half a megabyte together.
"""

import numpy as np

MOST = 30  # snapshots of a run, and one more of its start
CODES, CODE_BYTES = 300, 5000  # validation images whose codes are kept, and the bytes of their z
IMAGES, PIXELS = 10, 8000  # images of either kind, and the values of each kind together
LEVELS = 15  # above black: four bits a value once the file is compressed

ARRAYS = {  # array of a snapshot -> its shape and kind
    "z": ((None, None), "floating"), "y": ((None,), "integer"), "labels": ((None,), "integer"),
    "reconstructions": ((None, None), "integer"), "samples": ((None, None), "integer"),
}  # fmt: skip


def is_due(epoch, epochs):
    """Return whether a run of `epochs` keeps a snapshot after `epoch`; 0 is its start."""
    return epoch % -(-epochs // MOST) == 0 or epoch == epochs


def snapshot(model, validation):
    """Return the snapshot of a `model`, as the arrays that `ARRAYS` describes.

    z (n, d), y (n,), the most probable class or cluster, and `labels` (n,) are of the first of the `validation` images
    and labels. `reconstructions` (m, inputs) are of one image of each class among them. `samples` (m, inputs) have the
    values of y by turns. A part that the mode does not have is empty.
    """
    c = model.config
    n = min(CODES, CODE_BYTES // (2 * c.z))
    images, labels = (part[:n] for part in validation)
    found = {"z": np.zeros((0, c.z), np.float16), "y": np.zeros(0, np.uint16), "labels": labels.astype(np.int32)}
    m = min(IMAGES, PIXELS // c.inputs) if c.side and not c.is_table else 0
    found |= dict.fromkeys(("reconstructions", "samples"), np.zeros((0, c.inputs), np.uint8))
    if "Q" in model.networks and len(images):
        code = model.encode_rows(images)
        found["z"] = code.z.astype(np.float16)  # half precision: less than a pixel of a map
        if code.y is not None:
            found["y"] = np.argmax(code.y, axis=1).astype(np.uint16)
        if m:
            rows = np.sort(np.unique(labels, return_index=True)[1])[:m]
            y = model.read_y(code, np.maximum(labels, 0))
            found["reconstructions"] = in_levels(model.decode_rows(code.z[rows], None if y is None else y[rows]))
    if model.has_prior and m:
        found["samples"] = in_levels(model.sample_rows(m))
    return found


def in_levels(images):
    """Return images of values in [0, 1] as uint8 from 0 to `LEVELS`."""
    return np.rint(LEVELS * np.clip(np.nan_to_num(images), 0, 1)).astype(np.uint8)
