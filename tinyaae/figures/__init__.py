"""Figures: what a trained model looks like, saved as PNG beside its run.

What a picture shows is computed in `arrays`, `images` and `latent` from a `Subject`, as plain arrays and words.
`layout` and `charts` draw that. The table `PICTURES` says which belongs to which.
"""

from typing import Any, NamedTuple

from ..surroundings import import_matplotlib

import_matplotlib()  # before the modules that draw, so that no MPLBACKEND stops them

import numpy as np  # noqa: E402

from . import arrays, charts, images, latent, layout  # noqa: E402
from .arrays import Subject  # noqa: E402

__all__ = ["FIRST", "PICTURES", "Subject", "can", "chosen", "draw_all"]

FIRST = 7  # pictures that a finished run draws; `everything` draws the rest, too


class Picture(NamedTuple):
    """A picture: `show` computes it from a `Subject` that has what it `needs`, and `draw` makes a Figure of that.

    Its file is called `name`, and `about` says in a line what is on it.
    """

    name: str
    about: str
    show: Any
    draw: Any
    needs: set


IMAGES, MAP = layout.image_page, layout.map_page
PICTURES = [  # in this order: those that tell most about a run come first
    Picture("learning_curves", "losses and errors", arrays.learning_curves, charts.learning_curves, {"metrics"}),
    Picture(
        "reconstructions", "test images, each above x̂ = P(Q(x))", images.reconstructions, IMAGES, {"image", "encode"}
    ),
    Picture("samples", "P(y, z) or P(z), z from the prior", images.samples, IMAGES, {"image", "sample"}),
    Picture("columns", "the error of each column of a table", arrays.columns, charts.columns, {"table", "encode"}),
    Picture(
        "style_content", "a row has one y, a column one z", images.style_content, IMAGES, {"image", "sample", "read y"}
    ),
    Picture("latent", "codes of test images beside the prior", latent.latent, MAP, {"encode"}),
    Picture(
        "confusion", "true class and y of test images", arrays.confusion, charts.confusion, {"labels", "predict y"}
    ),
    Picture(
        "members",
        "for each y the images with the highest q(y|x)",
        images.members,
        IMAGES,
        {"image", "predict y"},
    ),
    Picture(
        "along_the_prior", "P(z) along its modes", images.along_the_prior, IMAGES, {"image", "sample", "plane", "walks"}
    ),
    Picture("manifold", "P(z) over the plane of z", images.manifold, IMAGES, {"image", "sample", "plane"}),
    Picture("sweep", "P(y, z) or P(z) along one coordinate of z", images.sweep, IMAGES, {"image", "sample", "sweep"}),
    Picture("nearest", "samples and the nearest training images", images.nearest, IMAGES, {"image", "sample"}),
    Picture("walk", "between the codes of two test images", images.walk, IMAGES, {"image", "encode"}),
    Picture("z_histogram", "the values of z, and of the prior", arrays.z_histogram, charts.z_histogram, {"encode"}),
    Picture("sigma_curve", "likelihood by Parzen width", arrays.sigma_curve, charts.sigma_curve, {"parzen_curve"}),
    Picture("matching", "precision and recall of each label", arrays.matching, charts.matching, {"per_label"}),
    Picture("circle", "codes on the circle of the cluster heads", latent.circle, MAP, {"circle"}),
    Picture("confidence", "max q(y|x) of test images", arrays.confidence, charts.confidence, {"predict y"}),
]


def can(subject):
    """Return what a `Subject` has, in the words of `PICTURES`."""
    config, model = subject.config, subject.model
    words = {
        "metrics": bool(arrays.learning_curves(subject)),
        "encode": "Q" in model.networks,
        "image": not config.is_table,
        "table": config.is_table,
        "labels": len(np.unique(subject.dataset.y_test[subject.labelled])) > 1,
        "sample": model.has_prior,
        "read y": config.decoder_y_dim > 0,
        "predict y": config.y_dim > 0,
        "plane": config.z == 2 and config.decoder_y_dim == 0,
        "walks": hasattr(model.prior, "walks"),
        "sweep": config.z > 2 or config.decoder_y_dim > 0,
        "circle": model.heads() is not None and config.z > 2,
        "per_label": "per_label" in subject.result,
        "parzen_curve": any(name.startswith("parzen_curve") for name in subject.result),
    }
    return {word for word, true in words.items() if true}


def chosen(subject, everything=False):
    """Return the `Picture`s of a `Subject`: the first seven of `PICTURES` that it has, or `everything` that it has."""
    able = can(subject)
    return [picture for picture in PICTURES if picture.needs <= able][: None if everything else FIRST]


def draw_all(model, dataset, folder, found=None, everything=False):
    """Save in `folder.figures` the pictures that tell most about `model`, or `everything`; return their paths.

    `folder` and `found`: see `Subject.of_run`. An animated run also gets `latent.gif`.
    """
    subject = Subject.of_run(model, dataset, folder, found)
    paths = []
    for picture in chosen(subject, everything):
        figure = picture.draw(picture.show(subject), subject.run_and_epoch)
        paths.append(layout.save(figure, folder.figures / f"{picture.name}.png"))
    if folder.codes():
        paths.append(folder.figures / "latent.gif")
        layout.animate(*latent.animation(subject, folder.codes()), paths[-1], subject.run)
    return paths
