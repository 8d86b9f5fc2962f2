"""Pictures of the latent space: where codes lie beside the prior, on a circle, run beside run, or moving.

Each is one function to the `MapPage` that `layout.map_page` draws. Where P reads y·W_C + z, that is the code that is
shown. Codes of more than two dimensions are seen in the plane of their two principal components, unless a picture says
that it maps them otherwise.
"""

from itertools import combinations

import numpy as np

from ..errors import UserError
from .arrays import MOST_POINTS, from_prior, plane, prior_contours
from .layout import Map, MapPage


def codes_shown(subject):
    """Return where P reads the codes of test images (n, d), their labels (n,), and what such a code is called."""
    model, code = subject.model, subject.code
    name = "z" if model.heads() is None else "y·W_C + z"
    return model.decoder_input(code)[:MOST_POINTS], subject.dataset.y_test[:MOST_POINTS], name


def prior_shown(model, n):
    """Return n draws of the prior (n, d), around the cluster heads in turn where there are any, and their y (n,)."""
    contents = np.arange(n) % (model.config.decoder_y_dim or model.config.classes or 1)
    drawn, heads = from_prior(model, n, contents), model.heads()
    return (drawn if heads is None else heads[contents] + drawn), contents


def contours_of(model, drawn):
    """Return the prior's lines in the plane, or None where its codes lie elsewhere or it has no density."""
    flat = model.config.z == 2 and model.heads() is None and model.has_prior
    return prior_contours(model.prior, drawn) if flat else None


def heads_on(onto, model):
    """Return the cluster heads (k, 2) mapped by `onto`; none where there are none."""
    return () if model.heads() is None else onto(model.heads())


def about_lines(contours):
    """Return the sentence on the prior's lines where `contours` are drawn, else nothing."""
    return " Lines hold 50, 90 and 99 % of the prior." if contours else ""


def reach_of(*clouds):
    """Return the interval that holds nearly all coordinates of some clouds of points (n, 2), with a margin."""
    low, high = np.quantile(np.concatenate(clouds).astype(float), [0.001, 0.999])
    margin = 0.15 * (high - low) + 1e-6
    return low - margin, high + margin


def latent(subject):
    """Show where the codes of test images lie, coloured by class, and samples from the prior on the same map."""
    model, by_class = subject.model, subject.config.label_to == "prior"
    z, labels, name = codes_shown(subject)
    onto, axes = plane(z)
    clouds, contours = [(f"Codes {name} of {len(z)} test images", onto(z), labels)], None
    if model.has_prior:
        drawn, contents = prior_shown(model, len(z))
        around = "" if model.heads() is None else ", around the heads in turn"
        title = f"{len(z)} samples of z from the prior{around}"
        clouds.append((title, onto(drawn), contents if by_class else None))
        contours = contours_of(model, drawn)
    note = objective(model) + about_lines(contours)
    if z.shape[1] > 2 and model.has_prior:
        note += " Both maps show the plane of the first two principal components of the codes."
    heads = heads_on(onto, model)
    note += " Circles are the cluster heads, the rows of W_C." if len(heads) else ""
    reach = reach_of(*[points for _, points, _ in clouds])
    maps = [Map(title, axes, points, classes, reach, contours, heads) for title, points, classes in clouds]
    return MapPage("Latent space", note, maps, subject.names)


def objective(model):
    """Return what training compares the codes of a `model` with, in a sentence."""
    config = model.config
    if not model.has_prior:
        return "No term of the loss compares codes with a prior."
    if "D_gauss" not in model.networks:
        return "The KL divergence in the loss compares q(z|x) of each image with the prior."
    if config.label_to == "prior":
        rest = "" if config.labels == "all" else ", and z of images without a label with all of it"
        return f"D_gauss compares z of each class with its mode of the prior{rest}."
    return f"D_gauss compares z of {'each y' if config.condition_on_y else 'all images together'} with the prior."


def side_by_side(runs):
    """Show the latent spaces of several runs, a list of `Subject`s, on one page (figure 2).

    Raises `UserError` for a model without an encoder, or where the classes are not the same.
    """
    expected = runs[0].names
    maps = []
    for subject in runs:
        model, name, classes = subject.model, subject.name, subject.names
        if "Q" not in model.networks:
            raise UserError(f"{name}: mode {model.config.mode} has no encoder, so no codes to compare; leave it out")
        if classes != expected:
            came, there = (", ".join(map(str, each[:5])) + ", …" * (len(each) > 5) for each in (classes, expected))
            came = f"{len(classes)} classes ({came}), expected {len(expected)} ({there}) as in {runs[0].name}"
            raise UserError(f"{name}: {came}; the same --data?")
        z, labels, _ = codes_shown(subject)
        drawn = prior_shown(model, len(z))[0] if model.has_prior else z
        onto, axes = plane(z)
        title, reach = subject.run_and_epoch, reach_of(onto(z), onto(drawn))
        maps.append(Map(title, axes, onto(z), labels, reach, contours_of(model, drawn), heads_on(onto, model)))
    note = "Codes of test images, coloured by class. Each map has its own scale."
    note += about_lines(any(each.contours for each in maps))
    return MapPage("Latent spaces side by side", note, maps, expected)


def onto_circle(heads):
    """Return a map from points (n, d) to (n, 2), linear around the heads' centre, and where it sends `heads` (k, d).

    Heads go to points evenly spaced on the unit circle (section 7). Which to which is ours to choose, and decides how
    much the map must stretch z to get them there: heads swap places as long as that makes it stretch less. With more
    heads than d + 1 no such map is exact, and the error of the nearest one counts first.
    """
    angle = 2 * np.pi * np.arange(len(heads)) / len(heads)
    places, centre = np.stack([np.cos(angle), np.sin(angle)], axis=1), np.mean(heads, axis=0)
    inverse = np.linalg.pinv(heads - centre)

    def cost(order):
        linear = inverse @ places[order]
        return np.sum(linear**2) + 100 * np.sum(((heads - centre) @ linear - places[order]) ** 2)

    order, improved = np.arange(len(heads)), True
    while improved:
        improved = False
        for i, j in combinations(range(len(heads)), 2):
            swapped = order.copy()
            swapped[[i, j]] = order[[j, i]]
            if cost(swapped) < cost(order) - 1e-9:
                order, improved = swapped, True
    linear = inverse @ places[order]
    return (lambda x: (x - centre) @ linear), (heads - centre) @ linear


def circle(subject):
    """Show the codes y·W_C + z mapped so that the cluster heads lie evenly on a circle (figure 11)."""
    z, labels, name = codes_shown(subject)
    k, d = subject.model.heads().shape
    onto, heads = onto_circle(subject.model.heads().astype(float))
    note = f"The linear map from {d} dimensions to 2 that sends the {k} cluster heads, the rows of W_C, "
    note += "to points evenly spaced on a circle"
    note += "." if k <= d + 1 else f", as nearly as a linear map can: {k} heads in {d} dimensions allow no exact one."
    note += " Heads stand in the order that stretches z least."
    maps = [Map("", ("", ""), onto(z), labels, reach_of(onto(z), heads), None, heads)]
    return MapPage(f"Codes {name} on the circle of their heads", note, maps, subject.names)


def animation(subject, frames):
    """Show how codes move; `frames` = [(epoch, codes (n, d), labels (n,)), …], in order.

    Return the `MapPage` of the first frame, and [(title, points (n, 2)), …] of all.
    """
    model = subject.model
    _, last, labels = frames[-1]
    onto, axes = plane(last)
    drawn = prior_shown(model, 2000)[0] if model.has_prior else last
    contours = contours_of(model, drawn)
    note = f"The same {len(labels)} images in each epoch, coloured by class." + about_lines(contours)
    moves = [(f"epoch {epoch}", onto(z)) for epoch, z, _ in frames]
    reach = reach_of(*[points for _, points in moves[len(moves) // 2 :]], onto(drawn))
    maps = [Map(moves[0][0], axes, moves[0][1], labels, reach, contours)]
    return MapPage("Codes of validation images, epoch by epoch", note, maps, subject.names), moves
