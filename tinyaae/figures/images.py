"""Pictures made of images: reconstructions, samples, walks, and what each y and each z stands for.

Each is one function from a `Subject` to the `ImagePage` that `layout.image_page` draws.
"""

import numpy as np

from ..data import split_of, unit_interval
from ..metrics.content import Judge
from .arrays import MOST_ROWS, decode, examples, from_prior, shown, style_grid
from .layout import ImagePage


def reconstructions(subject):
    """Show test images of every class, each above what the decoder makes of its code."""
    dataset, model = subject.dataset, subject.model
    images, labels = dataset.x_test, dataset.y_test
    across = -(-10 // min(10, max(1, len(np.unique(labels[labels >= 0])))))
    where = examples(labels, 2 * across)
    pairs = []
    for band in (where[:, :across].ravel(), where[:, across:].ravel()):
        code = model.encode_rows(images[band])
        pairs += [unit_interval(images[band]), model.decode_rows(code.z, model.read_y(code, labels[band]))]
    label = ", true label" if reads_true_label(model.config) else ""
    note = f"Test images x, each above x̂ = P(Q(x){label})."
    if "reconstruction_error" in subject.result:
        note += f" The mean of ½ Σ (x̂ − x)² over all test images is {subject.result['reconstruction_error']:.2f}."
    note += shown(len(where), dataset.classes, "classes")
    return ImagePage(
        subject.config.side, np.concatenate(pairs), (4, across * len(where)), "Reconstructions", note,
        ["x", "x̂", "x", "x̂"], [subject.label(k) for k in labels[where[:, :across]].ravel()], gaps_above=(2,),
    )  # fmt: skip


def name_of(subject, i):
    """Return what the value i of y stands for: the label of a class, or the number of a cluster."""
    config = subject.config
    return subject.label(i)[:12] if config.y_is_class or config.label_to else str(i)


def reads_true_label(config):
    """Return whether P reads the label of an image in place of a y of Q's."""
    return config.label_to == "P"


def samples(subject):
    """Show images decoded from the prior; where the content can be chosen, each row has its own."""
    model = subject.model
    by_class = model.config.label_to == "prior"
    k = model.prior.modes if by_class else model.config.decoder_y_dim
    rows = min(k, MOST_ROWS) or 10
    labels = np.repeat(np.arange(rows), 10)
    images = decode(model, from_prior(model, 10 * rows, labels), labels)
    note = "Each image is P(y, z)" if k and not by_class else "Each image is P(z)"
    note += ", and its z is a sample of the prior p(z)."
    if by_class:
        note += " The samples of a row are from the mode of the prior that belongs to one class."
    names = [f"{'class' if by_class else 'y ='} {name_of(subject, i)}" for i in range(rows)] if k else ()
    note += content_sentence(subject.result) + shown(rows, k, "rows")
    return ImagePage(subject.config.side, images, (rows, 10), "Samples from the prior", note, names)


def content_sentence(found):
    """Return a sentence with the content accuracy in `found`, entries of result.json; "" where there is none."""
    if found.get("content_accuracy") is None:
        return ""
    accuracy = f"{found['content_accuracy']:.0%} of 1000 such samples"
    return f" Content accuracy: {accuracy} lie nearest to a training image of y's class."


def style_content(subject):
    """Show the same styles with every content."""
    model, k = subject.model, subject.config.decoder_y_dim
    rows = min(k, MOST_ROWS)
    z, labels = style_grid(model, rows, 10)
    note = "Each image is P(y, z). A row has one y, and a column has one z, a sample of the prior."
    note += content_sentence(subject.result) + shown(rows, k, "rows")
    title, names = (
        "Content and style: one y in each row, one z in each column",
        [f"y = {name_of(subject, i)}" for i in range(rows)],
    )
    return ImagePage(subject.config.side, decode(model, z, labels), (rows, 10), title, note, names)


def sweep(subject):
    """Show what one coordinate of z does: each row one y, or, where P reads no y, each row another coordinate."""
    model = subject.model
    drawn = from_prior(model, 20000)
    levels, middle = (np.arange(10) + 0.5) / 10, np.median(drawn, axis=0)
    k = model.config.decoder_y_dim
    things, word = (k, "rows") if k else (drawn.shape[1], "coordinates")
    rows = min(things, MOST_ROWS)
    z, labels = np.tile(middle, (rows, 10, 1)), np.repeat(np.arange(rows), 10)
    if k:
        moved = np.full(rows, liveliest(model, middle, drawn))
        names, which = (
            [f"y = {name_of(subject, i)}" for i in range(rows)],
            f"coordinate {moved[0]} of z, which changes the images most,",
        )
    else:
        moved = np.arange(rows)
        names, which = [f"z {i}" for i in range(rows)], "one coordinate of z"
    for row, i in enumerate(moved):
        z[row, :, i] = np.quantile(drawn[:, i], levels)
    note = f"Along each row, {which} runs through percentiles 5, 15, … 95 of the prior. The others stay at the median."
    note += shown(rows, things, word)
    images = decode(model, z.reshape(rows * 10, -1), labels)
    return ImagePage(subject.config.side, images, (rows, 10), "Images along one coordinate of z", note, names)


def liveliest(model, middle, drawn):
    """Return the coordinate of z that changes P's image most between its percentiles 5 and 95, over all y."""
    k, d = model.config.decoder_y_dim, len(middle)
    ends = []
    for q in (0.05, 0.95):
        z = np.tile(middle, (d, 1))
        np.fill_diagonal(z, np.quantile(drawn, q, axis=0))
        ends.append(decode(model, np.repeat(z, k, axis=0), np.tile(np.arange(k), d)))
    return int(np.argmax(np.sum((ends[0] - ends[1]) ** 2, axis=1).reshape(d, k).sum(axis=1)))


def manifold(subject):
    """Show what P makes of a plane z, cut by percentiles of the prior: as many samples fall between any two rows."""
    levels = (np.arange(20) + 0.5) / 20
    drawn = from_prior(subject.model, 20000)
    across, down = np.quantile(drawn[:, 0], levels), np.quantile(drawn[:, 1], levels)[::-1]
    z = np.stack(np.meshgrid(across, down), axis=2).reshape(-1, 2)
    note = "Each image is P(z). z lies at percentiles 2.5, 7.5, … 97.5 of the prior: "
    note += "of its first coordinate from left to right, of its second upwards."
    if hasattr(subject.model.prior, "walks"):
        note += " Many of these z lie where the prior has nearly no density."
    images = subject.model.decode_rows(z)
    return ImagePage(subject.config.side, images, (20, 20), "Images over the plane of z", note)


def along_the_prior(subject):
    """Show what P makes of walks along the prior (figure 4): each petal of the mixture, or the length of the roll."""
    z = subject.model.prior.walks(12)
    rows = min(len(z), MOST_ROWS)
    note = "Each image is P(z). In each row z runs along one mode of the prior, from one end to the other."
    note += shown(rows, len(z), "modes")
    images = subject.model.decode_rows(z[:rows].reshape(-1, 2))
    names = [f"mode {k}" for k in range(rows)]
    return ImagePage(subject.config.side, images, (rows, 12), "Images along the modes of the prior", note, names)


def nearest(subject):
    """Show samples above the training images nearest to them: does P copy images that it was trained on?"""
    config, dataset = subject.config, subject.dataset
    drawn = decode(subject.model, from_prior(subject.model, 20), np.arange(20) % max(config.decoder_y_dim, 1))
    trained = split_of(dataset, config).train
    found = unit_interval(dataset.x_train[Judge(dataset.x_train[trained], trained)(drawn)])
    images = np.concatenate([drawn[:10], found[:10], drawn[10:], found[10:]])
    note = f"Under each sample stands the nearest (Euclidean) of the {len(trained)} images that the run trained on."
    title, names = "Samples and the training images nearest to them", ["sample", "nearest"] * 2
    return ImagePage(config.side, images, (4, 10), title, note, names, gaps_above=(2,))


def members(subject):
    """Show for each y what P makes of it with z = 0, and the test images with the highest q(y|x), if any choose it."""
    model, dataset, code = subject.model, subject.dataset, subject.code
    k = min(model.config.y_dim, 2 * MOST_ROWS)
    chosen = np.bincount(np.argmax(code.logits, axis=1), minlength=model.config.y_dim)  # by how many images
    modes = decode(model, np.zeros((k, model.config.z)), np.arange(k))
    highest = np.argsort(-code.y[:, :k], axis=0, kind="stable")[:10].T  # (k, 10)
    images = []
    for i in range(k):
        row = unit_interval(dataset.x_test[highest[i]])
        images.append(np.concatenate([modes[i : i + 1], row if chosen[i] else 0 * row]))
    note = "Framed: P(y, z = 0). After it, the ten test images with the highest q(y|x), the highest first. "
    note += "In brackets, how many test images have this y as their most probable; where none has, the row is empty."
    note += shown(k, model.config.y_dim, "values of y")
    names = [f"y = {name_of(subject, i)} ({chosen[i]})" for i in range(k)]
    title, shape = "Test images with the highest q(y|x)", (k, len(images[0]))
    return ImagePage(
        subject.config.side, np.concatenate(images), shape, title, note, names, gaps_before=(1,), framed=(0,)
    )


def walk(subject):
    """Show eight straight lines in latent space, from one test image to another."""
    model, dataset = subject.model, subject.dataset
    where, rows, steps, images = examples(dataset.y_test, 8), 8, 10, []
    k = len(where)
    for row in range(rows):
        ends = [where[row % k, row // k], where[(row + k // 2) % k, -1 - row // k]]
        a, b = unit_interval(dataset.x_test[ends])
        labels = np.array(subject.names)[dataset.y_test[ends]] if reads_true_label(model.config) else None
        images += [a, *model.interpolate(*dataset.x_test[ends], steps, labels), b]
    note = "Framed: two test images. Between them: what P makes of the codes (1 − t) Q(a) + t Q(b)"
    note += ", and of labels mixed likewise." if reads_true_label(model.config) else "."
    columns = ["real", "t = 0", *[""] * (steps - 2), "t = 1", "real"]
    title, shape = "Interpolation between the codes of two test images", (rows, steps + 2)
    return ImagePage(
        subject.config.side, np.stack(images), shape, title, note, columns=columns, gaps_before=(1, steps + 1),
        framed=(0, steps + 1),
    )  # fmt: skip
