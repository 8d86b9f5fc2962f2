"""Pictures of the latent space: where codes lie beside the prior, on a map, run beside run, or moving.

Where P reads y·W_C + z, that is the code that is shown. Codes of more than two dimensions are seen in the plane of
their two principal components, unless a picture says that it maps them otherwise.
"""

from itertools import combinations

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.lines import Line2D

from ..errors import UserError
from .arrays import MOST_POINTS, from_prior, palette, plane, prior_contours, shown
from .layout import BLUE, DPI, INK, chart_page, name_axes

HEAD = dict(boxstyle="circle,pad=0.2", fc="white", ec=INK, lw=0.8)


def codes_seen(model, dataset):
    """Return where P reads the codes of test images (n, d), their labels (n,), and what such a code is called."""
    images, labels = dataset.x_test[:MOST_POINTS], dataset.y_test[:MOST_POINTS]
    name = "z" if model.heads() is None else "y·W_C + z"
    return model.decoder_input(model.drawn(model.encode_rows(images))), labels, name


def prior_seen(model, n):
    """Return n draws of the prior (n, d), around the cluster heads in turn where there are any, and their y (n,)."""
    contents = np.arange(n) % (model.config.decoder_y_dim or model.config.classes)
    drawn, heads = from_prior(model, n, contents), model.heads()
    return (drawn if heads is None else heads[contents] + drawn), contents


def contours_of(model, drawn):
    """Return the prior's lines in the plane, or None where its codes lie elsewhere or it has no density."""
    flat = model.config.z == 2 and model.heads() is None and model.has_prior
    return prior_contours(model.prior, drawn) if flat else None


def about_lines(contours, more=""):
    """Return the sentence on the prior's lines where `contours` are drawn, else nothing."""
    return f" Lines hold 50, 90 and 99 % of the prior{more}." if contours else ""


def reach_of(*clouds):
    """Return the interval that holds nearly all coordinates of some clouds of points (n, 2), with a margin."""
    low, high = np.quantile(np.concatenate(clouds).astype(float), [0.001, 0.999])
    margin = 0.15 * (high - low) + 1e-6
    return low - margin, high + margin


def scatter(ax, points, colours, reach, contours=None, heads=()):
    """Draw points (n, 2) with a colour each, the prior's lines, and the cluster heads (k, 2) by number."""
    dots = ax.scatter(*points.T, s=7, c=colours, alpha=0.8, linewidths=0)
    if contours:
        ax.contour(*contours, colors=INK, linewidths=0.7, alpha=0.6)
    for k, (x, y) in enumerate(heads):
        ax.text(x, y, str(k), fontsize=9, color=INK, ha="center", va="center", clip_on=True, bbox=HEAD)
    ax.set(xlim=reach, ylim=reach, aspect="equal")
    return dots


def key_of_classes(figure, classes):
    """Write which colour is which class: at the top right, or, on a narrow page, between the heading and a title."""
    colours, step = palette(classes), 1 if classes <= 10 else -(-classes // 7)
    keys = [Line2D([], [], ls="", marker="o", color=colours[k], label=k) for k in range(0, classes, step)]
    look = dict(fontsize=8.5, frameon=False, columnspacing=0.6, handletextpad=-0.2, borderaxespad=0.2)
    ax, whole = figure.axes[0], figure.get_figheight() * DPI
    box, wide = ax.get_position(), figure.get_figwidth() * DPI > 760
    if not wide and ax.get_title(loc="left"):  # it goes down, for the keys to stand above it
        ax.set_position([box.x0, box.y0, box.width, box.height - 20 / whole])
    top = 1 if wide else box.y1 + 30 / whole
    figure.legend(handles=keys, loc="upper right", bbox_to_anchor=(1, top), ncols=10, **look)


def latent(model, dataset):
    """Draw where the codes of test images lie, coloured by class, and samples from the prior on the same map."""
    z, labels, name = codes_seen(model, dataset)
    onto, axis_names = plane(z)
    colours, heads, contours = palette(dataset.classes), model.heads(), None
    clouds = [(f"Codes {name} of {len(z)} test images", onto(z), colours[labels])]
    note = "Nothing tells a plain autoencoder where its codes should lie."
    if model.has_prior:
        drawn, contents = prior_seen(model, len(z))
        told = colours[contents] if model.config.label_to == "prior" else "#9a9a9a"
        clouds.append((f"As many samples of {name} from the prior", onto(drawn), told))
        note = "Training pulls the codes on the left, all classes together, into the shape of the prior on the right."
        if model.config.label_to == "prior":
            note = (
                "Training pulls the codes on the left, class by class, to that class's part of the prior on the right."
            )
        contours = contours_of(model, drawn)
    note += about_lines(contours)
    note += " Circles are the cluster heads, the rows of W_C." if heads is not None else ""
    figure, axes = chart_page(100 + 520 * len(clouds), 565, "Latent space", note, (1, len(clouds)))
    reach = reach_of(*[points for _, points, _ in clouds])
    for ax, (title, points, chosen) in zip(axes, clouds, strict=True):
        scatter(ax, points, chosen, reach, contours, () if heads is None else onto(heads))
        name_axes(ax, title, *axis_names)
    key_of_classes(figure, dataset.classes)
    return figure


def side_by_side(runs):
    """Draw the latent spaces of several runs on one page (figure 2); `runs` = [(name, model, dataset), …].

    Raises `UserError` for a model without an encoder, or where the classes are not the same.
    """
    for name, model, dataset in runs:
        if "Q" not in model.networks:
            raise UserError(f"{name}: mode {model.config.mode} has no encoder, so no codes to compare; leave it out")
        if dataset.classes != runs[0][2].classes:
            came, expected = dataset.classes, runs[0][2].classes
            raise UserError(f"{name}: data of {came} classes, expected {expected} as in {runs[0][0]}; the same --data?")
    spaces = []
    for _, model, dataset in runs:
        z, labels, _ = codes_seen(model, dataset)
        drawn = prior_seen(model, len(z))[0] if model.has_prior else z
        spaces.append((z, labels, drawn, contours_of(model, drawn)))
    columns = len(runs) if len(runs) <= 3 else 2 if len(runs) == 4 else 3
    shape = -(-len(runs) // columns), columns
    more = ": the prior will hardly draw a code that lies outside, and in an empty place inside P has learned nothing"
    note = "Codes of test images, coloured by class, run beside run."
    note += about_lines(any(contours for *_, contours in spaces), more)
    width, height = max(100 + 400 * columns, 620), 430 * shape[0] + 10
    figure, axes = chart_page(width, height, "Latent spaces side by side", note, shape, between=0.25)
    for ax, (name, model, dataset), (z, labels, drawn, contours) in zip(axes, runs, spaces, strict=False):
        onto, axis_names = plane(z)
        heads, reach = model.heads(), reach_of(onto(z), onto(drawn))
        scatter(ax, onto(z), palette(dataset.classes)[labels], reach, contours, () if heads is None else onto(heads))
        prior = f", {model.config.prior} prior" if model.has_prior else ""
        name_axes(ax, f"{name}: {model.config.mode}{prior}", *axis_names)
    for ax in axes[len(runs) :]:
        ax.remove()
    key_of_classes(figure, dataset.classes)
    return figure


def z_histogram(model, dataset):
    """Draw how often each value of z occurs, over all its coordinates, and how often the prior wants it."""
    z = model.drawn(model.encode_rows(dataset.x_test[:MOST_POINTS])).z.astype(float)
    drawn = from_prior(model, 20000, np.arange(20000) % model.config.classes) if model.has_prior else z
    low, high = [mix(np.quantile(z, q), np.quantile(drawn, q)) for mix, q in ((min, 0.002), (max, 0.998))]
    edges = np.linspace(low - 1e-6, high + 1e-6, 61)
    density = lambda values: np.histogram(values, edges)[0] / (values.size * (edges[1] - edges[0]))  # noqa: E731
    few = min(z.shape[1], 50)
    note = f"All {z.shape[1]} coordinates of z together. Each thin line is one coordinate alone."
    figure, (ax,) = chart_page(620, 400, "The values of z", note + shown(few, z.shape[1], "have one"))
    for coordinate in z.T[:few]:
        ax.stairs(density(coordinate), edges, color=BLUE, alpha=0.25, lw=0.6)
    ax.stairs(density(z), edges, color=BLUE, alpha=0.35, fill=True, label="codes z of test images")
    if drawn is not z:
        ax.stairs(density(drawn), edges, color=INK, lw=1.5, label="prior p(z)")
    name_axes(ax, "", "value of a coordinate", "density")
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK)
    return figure


# Maps of more than two dimensions ------------------------------------------------------------------------------------


def embedding(model, dataset):
    """Draw the principal components of the whole code, y beside z, coloured by class."""
    images, labels = dataset.x_test[:MOST_POINTS], dataset.y_test[:MOST_POINTS]
    code = model.drawn(model.encode_rows(images))
    parts = [part - np.mean(part, axis=0) for part in (code.y, code.z) if part is not None]
    whole = np.concatenate([part / np.sqrt(np.sum(np.var(part, axis=0)) + 1e-12) for part in parts], axis=1)
    note = f"The codes ({'y, z' if len(parts) == 2 else 'z'}) of {len(images)} test images, coloured by class."
    note += " y and z are scaled to the same total variance." if len(parts) == 2 else ""
    onto, names = plane(whole)
    figure, (ax,) = chart_page(660, 640, "A map of the codes: principal components", note)
    scatter(ax, onto(whole), palette(dataset.classes)[labels], reach_of(onto(whole)))
    name_axes(ax, "", *names)
    key_of_classes(figure, dataset.classes)
    return figure


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


def circle(model, dataset):
    """Draw the codes y·W_C + z mapped so that the cluster heads lie evenly on a circle (figure 11)."""
    z, labels, name = codes_seen(model, dataset)
    k, d = model.heads().shape
    onto, heads = onto_circle(model.heads().astype(float))
    note = f"The linear map from {d} dimensions to 2 that sends the {k} cluster heads, the rows of W_C, "
    note += "to points evenly spaced on a circle"
    note += "." if k <= d + 1 else f", as nearly as it can: {k} heads in {d} dimensions leave it no free choice."
    note += " Heads stand in the order that stretches z least."
    figure, (ax,) = chart_page(660, 640, f"Codes {name} on the circle of their heads", note)
    scatter(ax, onto(z), palette(dataset.classes)[labels], reach_of(onto(z), heads), heads=heads)
    name_axes(ax)
    key_of_classes(figure, dataset.classes)
    return figure


# Over the epochs ------------------------------------------------------------------------------------------------------


def animation(model, frames, path):
    """Save as GIF how codes move over the epochs; `frames` = [(epoch, codes (n, d), labels (n,)), …], in order."""
    _, last, labels = frames[-1]
    onto, axis_names = plane(last)
    drawn = prior_seen(model, 2000)[0] if model.has_prior else last
    contours = contours_of(model, drawn)
    note = f"Codes of {len(labels)} validation images, coloured by class, epoch by epoch."
    note += about_lines(contours)
    figure, (ax,) = chart_page(620, 600, "How the latent space took shape", note)
    reach = reach_of(*[onto(z) for _, z, _ in frames[len(frames) // 2 :]], onto(drawn))
    dots = scatter(ax, onto(frames[0][1]), palette(model.config.classes)[labels], reach, contours)
    name_axes(ax, "", *axis_names)
    key_of_classes(figure, model.config.classes)
    writer = PillowWriter(fps=max(4, min(15, len(frames) / 10)))
    writer.setup(figure, path, dpi=DPI)
    for epoch, z, _ in frames + 8 * frames[-1:]:  # the end stands still for a while
        dots.set_offsets(onto(z))
        ax.set_title(f"epoch {epoch}", fontsize=9.5, color=INK, loc="left")
        writer.grab_frame()
    writer.finish()
