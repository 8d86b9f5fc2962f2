"""Figures: what a trained system looks like, saved as PNG beside its run.

Each picture is one function from a system and its data to a matplotlib `Figure`. The table `PICTURES` says what a
system must be able to do for a picture to make sense, and `draw_all` draws those that do. `pages` is the paper.
"""

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import PowerNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .context import Context
from .data import unit_interval
from .errors import UserError
from .evaluation import contingency, error_rate
from .layers import ClusterHeads
from .parzen import squared_distances
from .pages import BLUE, DPI, FAINT, GREY, INK, ORANGE, chart_page, image_page, name_axes

MOST_ROWS, MOST_POINTS = 20, 2000


# What there is to see: from a system to arrays ------------------------------------------------------------------------


def examples(labels, each):
    """Return the indices (k, each) of images of each class among `labels` (n,), the first 20 classes at most."""
    found = [np.flatnonzero(labels == k) for k in np.unique(labels)[:MOST_ROWS]]
    return np.stack([where[np.arange(each) % len(where)] for where in found])


def shown(n, things, word):
    """Return a sentence that says so where only `n` of `things` are shown."""
    return f" The first {n} of {things} {word}." if n < things else ""


def can(system):
    """Return what a system can do, in the words of `PICTURES`."""
    config = system.config
    words = {
        "encode": "Q" in system.networks,
        "sample": config.mode != "autoencoder",  # nothing pulled its codes to the prior
        "read y": config.given_y > 0,
        "say y": config.y > 0,
        "classify": config.y_is_class,
        "plane": config.z == 2 and config.given_y == 0,
        "axes": hasattr(system.prior, "walks"),
    }
    return {word for word, true in words.items() if true}


def from_prior(system, n, labels=None):
    """Return z (n, d) from the prior; `labels` (n,) choose its modes where training told D the labels."""
    if labels is not None and system.config.mode == "label-regularized":
        labels = system.backend.array(np.eye(system.prior.modes + 1)[labels])
    else:
        labels = None
    return system.backend.to_numpy(system.prior.sample(n, Context(system.backend, stream="figures"), labels))


def from_q(system, images):
    """Return the `Code` of images (n, d) as D saw it: where q(z|x) is a Gaussian, z is drawn from it."""
    code = system.encode(images)
    d = code.z.shape[1]
    if code.posterior.shape[1] == d:
        return code
    noise = np.random.default_rng(0).standard_normal(code.z.shape)
    return code._replace(z=code.z + np.exp(code.posterior[:, d:] / 2) * noise)


def decode(system, z, labels):
    """Return images (n, d) of z (n, z) and, where P reads a y, the one-hot of `labels` (n,)."""
    k = system.config.given_y
    return system.decode(z, np.eye(k)[labels] if k else None)


def style_grid(system, rows, columns):
    """Return z (rows·columns, d), the same down each column, and labels (rows·columns,), the same along each row."""
    return np.tile(from_prior(system, columns), (rows, 1)), np.repeat(np.arange(rows), columns)


def cluster_heads(system):
    """Return W_C (k, d) where P reads y·W_C + z, else None."""
    layer = system.networks["P"].stack.layers[0]
    return system.backend.to_numpy(layer.W) if isinstance(layer, ClusterHeads) else None


def plane(z):
    """Return a map from points (n, d) to (n, 2) made for z, and the names of the two axes."""
    if z.shape[1] == 2:
        return (lambda x: x), ("first coordinate", "second coordinate")
    mean = np.mean(z, axis=0)
    _, singular, directions = np.linalg.svd(z - mean, full_matrices=False)
    share = np.pad(singular**2 / max(np.sum(singular**2), 1e-12), (0, 1))  # one coordinate has no second component
    directions = np.pad(directions, ((0, 1), (0, 0)))[:2]
    names = [f"{word} principal component, {share[k]:.0%} of the variance" for k, word in enumerate(("1st", "2nd"))]
    return (lambda x: (x - mean) @ directions.T), names


def prior_contours(prior, drawn):
    """Return x, y, p(z), levels for lines that hold 99, 90 and 50 % of a prior in the plane; None without density."""
    try:
        levels = np.quantile(prior.log_density(np, drawn), [0.01, 0.1, 0.5])
    except UserError:  # this prior can only be sampled
        return None
    reach = np.linspace(np.min(drawn) - 1, np.max(drawn) + 1, 201)
    x, y = np.meshgrid(reach, reach)
    p = np.exp(prior.log_density(np, np.stack([x.ravel(), y.ravel()], axis=1))).reshape(x.shape)
    return x, y, p, np.unique(np.exp(levels) * 0.999)  # 0.999: a flat density has no line at its very height


def palette(classes):
    """Return a colour (classes, 4) for each class."""
    places = np.arange(10) if classes <= 10 else np.linspace(0.05, 0.95, classes)
    return colormaps["tab10" if classes <= 10 else "turbo"](places)[:classes]


# The pictures ---------------------------------------------------------------------------------------------------------

CURVES = [  # title, column of metrics.csv -> its name, a dotted line (where, its name), scale
    ("Reconstruction error ½ Σ (x̂ − x)²",
     {"reconstruction": "training, on noisy input", "reconstruction_error": "validation"}, None, "linear"),
    ("Cross-entropy of the pixels", {"cross_entropy": "training, on noisy input"}, None, "linear"),
    ("KL(q(z|x) ‖ N(0, I))", {"kl": "training"}, None, "linear"),
    ("Adversarial losses",
     {"D_z": "D of z", "G_z": "Q against D of z", "D_y": "D of y", "G_y": "Q against D of y", "D_x": "D of images",
      "G_x": "P against D of images"}, (2 * math.log(2), "2 ln 2: D cannot tell"), "linear"),
    ("How often D is right", {"D_z_accuracy": "D of z", "D_y_accuracy": "D of y", "D_x_accuracy": "D of images"},
     (0.5, "50 %: D guesses"), "share"),
    ("Cluster heads closer than η", {"head_distance": "Σ max(0, η − distance)"}, None, "linear"),
    ("Classification loss (log scale)", {"classification": "training, on labelled images"}, None, "log"),
    ("Given the wrong class",
     {"validation_error": "validation", "validation_cluster_error": "validation, clusters named"}, None, "share"),
]  # fmt: skip


def learning_curves(system, metrics):
    """Draw each phase's losses over the epochs, from the rows of metrics.csv, and what validation says of them."""
    if system.config.reconstruction == "cross-entropy":
        metrics = [{{"reconstruction": "cross_entropy"}.get(name, name): row[name] for name in row} for row in metrics]
    panels = [panel for panel in CURVES if panel[1].keys() & metrics[0].keys()]
    columns = min(3, len(panels))
    shape = -(-len(panels) // columns), columns
    figure, axes = chart_page(max(380 * columns, 620), 300 * shape[0], "Learning curves", "One point an epoch.", shape)
    epochs = [row["epoch"] for row in metrics]
    look = dict(lw=1.5, marker="o", ms=3) if len(epochs) < 40 else dict(lw=0.8)
    for ax, (title, names, reference, scale) in zip(axes, panels, strict=False):
        for column in [column for column in names if column in metrics[0]]:
            values = [max(row[column], 1e-9) if scale == "log" else row[column] for row in metrics]
            colour = ORANGE if column[1:3] == "_y" or "error" in column else BLUE
            style = "--" if column.startswith("G_") else "-"
            ax.plot(epochs, values, style, color=colour, label=names[column], **look)
        if reference:
            ax.axhline(reference[0], color=GREY, ls=":", lw=1.2, label=reference[1])
        name_axes(ax, title, "epoch")
        ax.set_yscale("log" if scale == "log" else "linear")
        if scale == "share":
            ax.yaxis.set_major_formatter(PercentFormatter(1))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(axis="y", color=FAINT, lw=0.5)
        ax.margins(y=0.15)
        free = "best" if len(epochs) < 1000 else "upper right"  # searching the best place is slow among many points
        ax.legend(loc=free, fontsize=7.5, edgecolor="none", framealpha=0.8, labelcolor=INK)
    for ax in axes[len(panels) :]:
        ax.remove()
    return figure


def reconstructions(system, dataset):
    """Draw test images of every class, each above what the decoder makes of its code."""
    images, labels = dataset.x_test, dataset.y_test
    across = -(-10 // min(10, len(np.unique(labels))))
    where = examples(labels, 2 * across)
    pairs = []
    for band in (where[:, :across].ravel(), where[:, across:].ravel()):
        pairs += [unit_interval(images[band]), system.reconstruct(images[band], labels[band])]
    note = "Test images x, each above x̂ = P(Q(x)), what the decoder makes of its code."
    note += shown(len(where), dataset.classes, "classes")
    return image_page(
        system, np.concatenate(pairs), (4, across * len(where)), "Reconstructions", note, ["x", "x̂", "x", "x̂"],
        [str(k) for k in labels[where[:, :across]].ravel()], wide_above=(2,),
    )  # fmt: skip


def samples(system, dataset):
    """Draw images decoded from the prior; where the content can be chosen, each row has its own."""
    told = system.config.mode == "label-regularized"
    k = system.prior.modes if told else system.config.given_y
    rows = min(k, MOST_ROWS) or 10
    labels = np.repeat(np.arange(rows), 10)
    images = decode(system, from_prior(system, 10 * rows, labels), labels)
    note = "Nobody drew these: z comes from the prior p(z), and the decoder P makes it an image."
    if told:
        note += " In each row, z comes from the part of the prior that belongs to one class."
    elif k:
        note += " Each row has one y, and each image a z of its own."
    names = [f"{'class' if told else 'y ='} {i}" for i in range(rows)] if k else ()
    return image_page(system, images, (rows, 10), "Samples from the prior", note + shown(rows, k, "rows"), names)


def style_content(system, dataset):
    """Draw the same styles with every content."""
    rows = min(system.config.given_y, MOST_ROWS)
    z, labels = style_grid(system, rows, 10)
    note = "A row shares its content y; a column shares its style z, drawn from the prior."
    note += shown(rows, system.config.given_y, "rows")
    title, names = "Style × content: each row one y, each column one z", [f"y = {k}" for k in range(rows)]
    return image_page(system, decode(system, z, labels), (rows, 10), title, note, names)


def manifold(system, dataset):
    """Draw what P makes of a plane z, cut by percentiles of the prior: as many samples fall between any two rows."""
    share = (np.arange(20) + 0.5) / 20
    drawn = from_prior(system, 20000)
    across, down = np.quantile(drawn[:, 0], share), np.quantile(drawn[:, 1], share)[::-1]
    z = np.stack(np.meshgrid(across, down), axis=2).reshape(-1, 2)
    note = (
        "Each image is one z. Columns are the percentiles 2.5, 7.5, … 97.5 of its first coordinate, rows of its second."
    )
    return image_page(system, system.decode(z), (20, 20), "The manifold that P has learned", note)


def along_the_prior(system, dataset):
    """Draw what P makes of walks along the prior (figure 4): each petal of the mixture, or the length of the roll."""
    z = system.prior.walks(12)
    rows = min(len(z), MOST_ROWS)
    note = "Each row walks along one mode of the prior, from one end to the other." + shown(rows, len(z), "modes")
    images = system.decode(z[:rows].reshape(-1, 2))
    return image_page(system, images, (rows, 12), "Along the prior", note, [f"mode {k}" for k in range(rows)])


def nearest(system, dataset):
    """Draw samples above the training images nearest to them: does P remember, or imagine?"""
    k = system.config.given_y
    drawn = decode(system, from_prior(system, 20), np.arange(20) % max(k, 1))
    train = unit_interval(dataset.x_train[:: max(1, len(dataset.x_train) // 20000)])
    found = train[np.argmin(squared_distances(np, drawn, train), axis=1)]
    images = np.concatenate([drawn[:10], found[:10], drawn[10:], found[10:]])
    note = f"Each sample stands above the nearest of {len(train)} training images, by Euclidean distance."
    names = ["sample", "nearest"] * 2
    return image_page(system, images, (4, 10), "Remembered or imagined?", note, names, wide_above=(2,))


def members(system, dataset):
    """Draw for each y what P makes of it with z = 0, and the test images that Q is surest of."""
    k = min(system.config.y, 2 * MOST_ROWS)
    y = system.encode(dataset.x_test).y
    modes = decode(system, np.zeros((k, system.config.z)), np.arange(k))
    surest = np.argsort(-y[:, :k], axis=0, kind="stable")[:10].T  # (k, 10)
    images = [np.concatenate([modes[i : i + 1], unit_interval(dataset.x_test[surest[i]])]) for i in range(k)]
    note = "Framed: P(y, z = 0), the typical image of one y. After it, the test images with the highest q(y|x)."
    note += shown(k, system.config.y, "outputs of y")
    across = len(images[0])
    return image_page(system, np.concatenate(images), (k, across), "What each y stands for", note,
                      [f"y = {i}" for i in range(k)], wide_before=(1,), framed=(0,))  # fmt: skip


def walk(system, dataset):
    """Draw eight straight lines in latent space, from one test image to another."""
    where, rows, steps, images = examples(dataset.y_test, 8), 8, 10, []
    k = len(where)
    for row in range(rows):
        ends = [where[row % k, row // k], where[(row + k // 2) % k, -1 - row // k]]
        a, b = unit_interval(dataset.x_test[ends])
        labels = dataset.y_test[ends] if system.config.given_y else None
        images += [a, *system.interpolate(a, b, steps, labels), b]
    note = "Framed: two test images. Between: what the decoder makes of the straight line from one code to the other."
    names = ["real", "t = 0", *[""] * (steps - 2), "t = 1", "real"]
    return image_page(system, np.stack(images), (rows, steps + 2), "A walk through latent space", note, columns=names,
                      wide_before=(1, steps + 1), framed=(0, steps + 1))  # fmt: skip


def latent(system, dataset):
    """Draw where the codes of test images lie, coloured by class, and samples from the prior on the same map."""
    images, labels = dataset.x_test[:MOST_POINTS], dataset.y_test[:MOST_POINTS]
    code, heads, name = from_q(system, images), cluster_heads(system), "z"
    contents = np.arange(len(images)) % (system.config.given_y or system.config.classes)
    z, drawn = code.z, from_prior(system, len(images), contents)
    if heads is not None:
        name, z, drawn = "y·W_C + z", code.y @ heads + z, heads[contents] + drawn  # what P reads
    onto, (x_name, y_name) = plane(z)
    clouds = [(f"Codes {name} of {len(z)} test images", onto(z), labels)]
    note = "Nothing tells a plain autoencoder where its codes should lie."
    if "sample" in can(system):
        told = contents if system.config.mode == "label-regularized" else None
        clouds.append((f"As many samples of {name} from the prior", onto(drawn), told))
        note = "Training pulls the codes on the left, all classes together, into the shape of the prior on the right."
    contours = prior_contours(system.prior, drawn) if z.shape[1] == 2 and heads is None and len(clouds) == 2 else None
    note += " Lines hold 50, 90 and 99 % of the prior." if contours else ""
    note += " Circles are the cluster heads, the rows of W_C." if heads is not None else ""
    figure, axes = chart_page(100 + 520 * len(clouds), 565, "Latent space", note, (1, len(clouds)))
    low, high = np.quantile(np.concatenate([points for _, points, _ in clouds]).astype(float), [0.002, 0.998])
    margin = 0.12 * (high - low) + 1e-6
    for ax, (title, points, classes) in zip(axes, clouds, strict=True):
        colours = "#9a9a9a" if classes is None else palette(dataset.classes)[classes]
        ax.scatter(*points.T, s=7, c=colours, alpha=0.8, linewidths=0)
        if contours:
            ax.contour(*contours, colors=INK, linewidths=0.7, alpha=0.6)
        for k, (x, y) in enumerate(() if heads is None else onto(heads)):
            ax.text(x, y, str(k), fontsize=9, color=INK, ha="center", va="center", clip_on=True,
                    bbox=dict(boxstyle="circle,pad=0.2", fc="white", ec=INK, lw=0.8))  # fmt: skip
        name_axes(ax, title, x_name, y_name)
        ax.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
    colours, step = palette(dataset.classes), 1 if dataset.classes <= 10 else -(-dataset.classes // 7)
    keys = [Line2D([], [], ls="", marker="o", color=colours[k], label=k) for k in range(0, dataset.classes, step)]
    look = dict(fontsize=8.5, frameon=False, columnspacing=0.6, handletextpad=-0.2)
    figure.legend(handles=keys, loc="upper right", ncols=10, **look)
    return figure


def z_histogram(system, dataset):
    """Draw how often each value of z occurs, over all its coordinates, and how often the prior wants it."""
    z = from_q(system, dataset.x_test[:MOST_POINTS]).z.astype(float)
    drawn = from_prior(system, 20000, np.arange(20000) % system.config.classes) if "sample" in can(system) else z
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


def confidence(system, dataset):
    """Draw how sure q(y|x) is where it is right, and where it is wrong."""
    y = system.encode(dataset.x_test).y
    right, sure = system.classify(dataset.x_test) == dataset.y_test, np.max(y, axis=1)
    note = "The probability q(y|x) of the chosen class, on test images; counts on a log scale."
    figure, (ax,) = chart_page(620, 400, "How sure is the classifier?", note)
    bins = np.linspace(1 / y.shape[1], 1, 41)
    looks = dict(color=BLUE, alpha=0.4), dict(color=ORANGE, histtype="step", lw=1.8)
    for where, name, look in zip((right, ~right), ("right", "wrong"), looks, strict=True):
        mean = f", {np.mean(sure[where]):.1%} sure on average" if np.any(where) else ""
        ax.hist(np.clip(sure[where], bins[0], 1), bins, label=f"{np.sum(where)} {name}{mean}", **look)
    ax.set_yscale("symlog", linthresh=1)
    name_axes(ax, "", "max q(y|x)", "images")
    ax.legend(fontsize=8.5, frameon=False, labelcolor=INK, loc="upper left")
    return figure


def confusion(system, dataset):
    """Draw how many test images of each class get each y: a class, or a cluster that nobody named."""
    chosen = np.argmax(system.encode(dataset.x_test).logits, axis=1)
    counts = contingency(dataset.y_test, chosen, dataset.classes, system.config.y)
    shares = counts / np.maximum(np.sum(counts, axis=1, keepdims=True), 1)
    title, column = "Which classes share a cluster?", "cluster: argmax q(y|x)"
    if "classify" in can(system):
        column, title = "argmax q(y|x)", f"Confusion: {error_rate(chosen, dataset.y_test):.2%} of test images wrong"
    note = f"Counts of {len(chosen)} test images. The colour is the share of the row."
    figure, (ax,) = chart_page(620, 600, title, note)
    ax.imshow(shares, "Blues", norm=PowerNorm(0.4, 0, 1), aspect="auto", interpolation="nearest")
    ticks = [range(0, n, -(-n // MOST_ROWS)) for n in counts.shape]
    ax.set(xticks=ticks[1], yticks=ticks[0])
    for (i, j), count in np.ndenumerate(counts):
        if count and max(counts.shape) <= MOST_ROWS:  # more numbers could not be read
            colour = "white" if shares[i, j] > 0.2 else INK
            ax.text(j, i, count, fontsize=7.5, color=colour, ha="center", va="center")
    ax.tick_params(length=0)
    name_axes(ax, "", column, "true class")
    return figure


PICTURES = [  # the picture, and what a system must be able to do for it to make sense
    (reconstructions, {"encode"}),
    (walk, {"encode"}),
    (latent, {"encode"}),
    (z_histogram, {"encode"}),
    (samples, {"sample"}),
    (style_content, {"sample", "read y"}),
    (nearest, {"sample"}),
    (manifold, {"sample", "plane"}),
    (along_the_prior, {"sample", "axes", "plane"}),
    (members, {"say y", "read y"}),
    (confusion, {"say y"}),
    (confidence, {"classify"}),
]


def draw_all(system, dataset, folder):
    """Save as PNG in `folder.figures` the pictures that make sense for `system`; return their paths."""
    paths = []

    def save(name, figure):
        paths.append(folder.figures / f"{name}.png")
        figure.savefig(paths[-1], format="png", dpi=DPI, metadata={"Software": None})  # the same bytes anywhere

    metrics = folder.metrics()
    if metrics:
        save("learning_curves", learning_curves(system, metrics))
    for draw, needs in PICTURES:
        if needs <= can(system):
            save(draw.__name__, draw(system, dataset))
    return paths
