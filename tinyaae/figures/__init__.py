"""Figures: what a trained model looks like, saved as PNG beside its run.

What a picture shows is computed in `arrays`, `images` and `latent` from a `Subject`, as plain arrays and words.
`layout` and `charts` draw that. The table `PICTURES` says which belongs to which.
"""

from typing import Any, NamedTuple

from . import arrays, charts, images, latent, layout

__all__ = ["FIRST", "PICTURES", "can", "chosen", "draw_all"]

FIRST = 7  # pictures that a finished run draws; `everything` has the rest


class Picture(NamedTuple):
    """A picture: its file's `name`, what it shows of a `Subject`, how that is drawn, and what the subject `needs`."""

    name: str
    show: Any
    draw: Any
    needs: set


PICTURES = [  # those first that say most about a run
    Picture("learning_curves", arrays.learning_curves, charts.learning_curves, {"metrics"}),
    Picture("reconstructions", images.reconstructions, layout.image_page, {"encode"}),
    Picture("samples", images.samples, layout.image_page, {"sample"}),
    Picture("style_content", images.style_content, layout.image_page, {"sample", "read y"}),
    Picture("latent", latent.latent, layout.map_page, {"encode"}),
    Picture("confusion", arrays.confusion, charts.confusion, {"predict y"}),
    Picture("members", images.members, layout.image_page, {"predict y"}),
    Picture("along_the_prior", images.along_the_prior, layout.image_page, {"sample", "plane", "walks"}),
    Picture("manifold", images.manifold, layout.image_page, {"sample", "plane"}),
    Picture("sweep", images.sweep, layout.image_page, {"sample", "sweep"}),
    Picture("nearest", images.nearest, layout.image_page, {"sample"}),
    Picture("walk", images.walk, layout.image_page, {"encode"}),
    Picture("z_histogram", arrays.z_histogram, charts.z_histogram, {"encode"}),
    Picture("sigma_curve", arrays.sigma_curve, charts.sigma_curve, {"parzen_curve"}),
    Picture("matching", arrays.matching, charts.matching, {"per_label"}),
    Picture("circle", latent.circle, layout.map_page, {"circle"}),
    Picture("confidence", arrays.confidence, charts.confidence, {"predict y"}),
]


def can(subject):
    """Return what a `Subject` has, in the words of `PICTURES`."""
    config, model = subject.config, subject.model
    words = {
        "metrics": bool(subject.metrics),
        "encode": "Q" in model.networks,
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
    """Save in `folder.figures` the pictures that say most about `model`, or `everything`; return their paths.

    `folder` is the `RunFolder` that the model was saved to or restored from. `found` is what `evaluate` reported;
    without it, what the run's result.json says, if it has one. An animated run also gets `latent.gif`.
    """
    subject = arrays.Subject(model, dataset, found or folder.result(), folder.metrics())
    paths = []
    for picture in chosen(subject, everything):
        figure = picture.draw(picture.show(subject))
        paths.append(layout.save(figure, folder.figures / f"{picture.name}.png"))
    if folder.codes():
        paths.append(folder.figures / "latent.gif")
        layout.animate(*latent.animation(subject, folder.codes()), paths[-1])
    return paths
