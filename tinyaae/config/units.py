"""A user's images, rows and labels, and the rows of a `Dataset`: from one to the other by the numbers of a run."""

import numpy as np

from ..errors import UserError, expect_columns
from .fields import Numbers


class Units(Numbers):
    """What a config says about the scale of images, the columns of a table and the names of labels."""

    def rows_of(self, where, images):
        """Return a user's images as the rows (n, d) of a `Dataset`: uint8, in [0, 1], or standardized."""
        images = np.asarray(images)
        if images.ndim > 2:
            if images.ndim == 4 and images.shape[3] != self.channels and images.shape[1] == self.channels:
                images = np.moveaxis(images, 1, 3)
            images = images.reshape(len(images), -1)
        expect_columns(where, images, self.inputs, "is the image flattened?")
        if images.dtype.kind not in "buif":
            raise UserError(f"{where}: images are {images.dtype}, expected whole or real numbers; astype('uint8')?")
        if images.dtype.kind == "f" and not np.all(np.isfinite(images)):
            raise UserError(f"{where}: a number is NaN or infinite, expected [0, 1] or finite ones; a missing value?")
        if self.is_table:
            return ((images - np.array(self.mean)) / np.array(self.std)).astype(np.float32) if self.mean else images
        scale = self.float_range if images.dtype.kind == "f" else self.integer_range
        if images.size and not 0 <= np.min(images) <= np.max(images) <= scale:
            low, high, hint = np.min(images), np.max(images), "; divide by 255?" if scale == 1 else ""
            raise UserError(f"{where}: pixels from {low} to {high}, expected [0, {scale:g}]{hint}")
        if images.dtype == np.uint8 and scale == 255:
            return images
        if images.dtype.kind != "f":
            images = images.astype(np.float32)
        return images / images.dtype.type(scale) if scale != 1 else images

    def raw(self, rows):
        """Return rows (n, d) of a `Dataset` as the user has them: a table's in the units of its columns, in float64."""
        return rows * np.array(self.std) + np.array(self.mean) if self.is_table and self.mean else rows

    def indices_of(self, where, labels):
        """Return labels, one or (n,), as indices into the names of the data, where y stands for classes."""
        if labels is None or not self.names or not (self.y_is_class or self.label_to):
            return labels
        index = {name: k for k, name in enumerate(self.names)}
        for label in np.unique(labels).tolist():
            if label not in index:
                known = ", ".join(map(str, self.names[:12])) + (", …" if len(self.names) > 12 else "")
                raise UserError(f"{where}: label {label!r}, expected one of {known}")
        found = [index[label] for label in np.ravel(labels).tolist()]
        return found[0] if np.ndim(labels) == 0 else np.array(found)
