"""Figures: what a trained model looks like, saved as PNG beside its run.

Each picture is one function, in `images`, `latent` or `charts`, to a matplotlib `Figure`. The table `PICTURES` says
what a model must be able to do for a picture to make sense, and `draw_all` draws those that do. `layout` holds what
all pages share.

    python -m tinyaae.figures draw RUN                  the pictures of a run again
    python -m tinyaae.figures compare RUN RUN …         latent spaces side by side, such as an AAE's and a VAE's
"""

import sys

from ..errors import UserError
from ..surroundings import import_matplotlib

try:
    import_matplotlib()  # before the modules that draw, so that no MPLBACKEND stops them
except UserError as error:
    if sys.argv[:1] != ["-m"]:  # which is what Python has there while it imports this package for -m
        raise
    print(f"python -m tinyaae.figures: {error}", file=sys.stderr)
    sys.exit(2)

from . import charts, images, latent
from .layout import save

__all__ = ["MEASURED", "PICTURES", "REPORTS", "can", "draw_all"]


def can(model):
    """Return what a model can do, in the words of `PICTURES`."""
    config = model.config
    words = {
        "encode": "Q" in model.networks,
        "sample": model.has_prior,
        "read y": config.decoder_y_dim > 0,
        "say y": config.y_dim > 0,
        "classify": config.y_is_class,
        "plane": config.z == 2 and config.decoder_y_dim == 0,
        "axes": hasattr(model.prior, "walks"),
        "sweep": config.z > 2 or config.decoder_y_dim > 0,
        "circle": model.heads() is not None and config.z > 2,
        "embed": config.y_dim > 0,  # without a y it would repeat `latent`
    }
    return {word for word, true in words.items() if true}


PICTURES = [  # the picture, and what a model must be able to do for it to make sense
    (images.reconstructions, {"encode"}),
    (images.walk, {"encode"}),
    (latent.latent, {"encode"}),
    (latent.embedding, {"encode", "embed"}),
    (latent.circle, {"encode", "circle"}),
    (latent.z_histogram, {"encode"}),
    (images.sweep, {"sample", "sweep"}),
    (images.nearest, {"sample"}),
    (images.manifold, {"sample", "plane"}),
    (images.along_the_prior, {"sample", "axes", "plane"}),
    (charts.label_histogram, {"say y"}),
    (charts.confusion, {"say y"}),
    (charts.confidence, {"say y"}),
]
MEASURED = [  # the same for pictures whose caption has a number of result.json
    (images.samples, {"sample"}),
    (images.style_content, {"sample", "read y"}),
    (images.members, {"say y", "read y"}),
]
REPORTS = [  # the picture, and how the names of the entries of result.json begin that it shows
    (charts.matching, "per_label"),
    (charts.sigma_curve, "parzen_curve"),
]


def draw_all(model, dataset, folder, found=None):
    """Save in `folder.figures` the pictures that make sense for `model`; return their paths.

    `found` is what `evaluate` reported; without it, what the run's result.json says, if it has one.
    """
    found = found or folder.result() or {}
    figures = {draw.__name__: draw(model, dataset) for draw, needs in PICTURES if needs <= can(model)}
    figures |= {draw.__name__: draw(model, dataset, found) for draw, needs in MEASURED if needs <= can(model)}
    figures |= {draw.__name__: draw(found) for draw, key in REPORTS if any(name.startswith(key) for name in found)}
    if folder.metrics():
        figures["learning_curves"] = charts.learning_curves(model, folder.metrics())
    paths = [save(figure, folder.figures / f"{name}.png") for name, figure in figures.items()]
    if folder.codes():
        paths.append(folder.figures / "latent.gif")
        latent.animation(model, folder.codes(), paths[-1])
    return paths
