"""Pictures made of images: reconstructions, samples, walks, and what each y and each z stands for.

Each is one function from a model and its data to a matplotlib `Figure`.
"""

import numpy as np

from ..data import split_of, unit_interval
from ..metrics.likelihood import squared_distances
from .arrays import MOST_ROWS, decode, examples, from_prior, shown, style_grid
from .layout import image_page


def reconstructions(model, dataset):
    """Draw test images of every class, each above what the decoder makes of its code."""
    images, labels = dataset.x_test, dataset.y_test
    across = -(-10 // min(10, len(np.unique(labels))))
    where = examples(labels, 2 * across)
    pairs = []
    for band in (where[:, :across].ravel(), where[:, across:].ravel()):
        code = model.encode_rows(images[band])
        pairs += [unit_interval(images[band]), model.decode_rows(code.z, model.read_y(code, labels[band]))]
    note = "Test images x, each above x̂ = P(Q(x)), what the decoder makes of its code."
    note += shown(len(where), dataset.classes, "classes")
    return image_page(
        model, np.concatenate(pairs), (4, across * len(where)), "Reconstructions", note, ["x", "x̂", "x", "x̂"],
        [str(k) for k in labels[where[:, :across]].ravel()], wide_above=(2,),
    )  # fmt: skip


def samples(model, dataset, found=None):
    """Draw images decoded from the prior; where the content can be chosen, each row has its own."""
    told = model.config.label_to == "prior"
    k = model.prior.modes if told else model.config.decoder_y_dim
    rows = min(k, MOST_ROWS) or 10
    labels = np.repeat(np.arange(rows), 10)
    images = decode(model, from_prior(model, 10 * rows, labels), labels)
    note = "z is drawn from the prior p(z), and the decoder P makes it an image."
    if told:
        note += " In each row, z comes from the part of the prior that belongs to one class."
    elif k:
        note += " Each row has one y, and each image a z of its own."
    names = [f"{'class' if told else 'y ='} {i}" for i in range(rows)] if k else ()
    note += content_sentence(found) + shown(rows, k, "rows")
    return image_page(model, images, (rows, 10), "Samples from the prior", note, names)


def content_sentence(found):
    """Return a sentence with the content accuracy in `found`, entries of result.json; "" where there is none."""
    if not found or found.get("content_accuracy") is None:
        return ""
    return (
        f" Of 1000 samples P(y, z) an independent judge calls {found['content_accuracy']:.0%} what their y stands for."
    )


def style_content(model, dataset, found=None):
    """Draw the same styles with every content."""
    rows = min(model.config.decoder_y_dim, MOST_ROWS)
    z, labels = style_grid(model, rows, 10)
    note = "A row shares its content y; a column shares its style z, drawn from the prior."
    note += content_sentence(found) + shown(rows, model.config.decoder_y_dim, "rows")
    title, names = "Style × content: each row one y, each column one z", [f"y = {k}" for k in range(rows)]
    return image_page(model, decode(model, z, labels), (rows, 10), title, note, names)


def sweep(model, dataset):
    """Draw what one coordinate of z does: each row one y, or, where P reads no y, each row another coordinate."""
    drawn = from_prior(model, 20000)
    share, middle = (np.arange(10) + 0.5) / 10, np.median(drawn, axis=0)
    k = model.config.decoder_y_dim
    things, word = (k, "rows") if k else (drawn.shape[1], "coordinates")
    rows = min(things, MOST_ROWS)
    z, labels = np.tile(middle, (rows, 10, 1)), np.repeat(np.arange(rows), 10)
    if k:
        moved = np.full(rows, liveliest(model, middle, drawn))
        names, which = [f"y = {i}" for i in range(rows)], f"coordinate {moved[0]} of z (it changes most)"
    else:
        moved = np.arange(rows)
        names, which = [f"z {i}" for i in range(rows)], "one coordinate of z"
    for row, i in enumerate(moved):
        z[row, :, i] = np.quantile(drawn[:, i], share)
    note = f"Along each row, {which} runs through percentiles 5, 15, … 95 of the prior; the others stay in the middle."
    images = decode(model, z.reshape(rows * 10, -1), labels)
    return image_page(model, images, (rows, 10), "Sweeping z", note + shown(rows, things, word), names)


def liveliest(model, middle, drawn):
    """Return the coordinate of z that changes P's image most between its percentiles 5 and 95, over all y."""
    k, d = model.config.decoder_y_dim, len(middle)
    ends = []
    for q in (0.05, 0.95):
        z = np.tile(middle, (d, 1))
        np.fill_diagonal(z, np.quantile(drawn, q, axis=0))
        ends.append(decode(model, np.repeat(z, k, axis=0), np.tile(np.arange(k), d)))
    return int(np.argmax(np.sum((ends[0] - ends[1]) ** 2, axis=1).reshape(d, k).sum(axis=1)))


def manifold(model, dataset):
    """Draw what P makes of a plane z, cut by percentiles of the prior: as many samples fall between any two rows."""
    share = (np.arange(20) + 0.5) / 20
    drawn = from_prior(model, 20000)
    across, down = np.quantile(drawn[:, 0], share), np.quantile(drawn[:, 1], share)[::-1]
    z = np.stack(np.meshgrid(across, down), axis=2).reshape(-1, 2)
    note = (
        "Each image is one z. Columns are the percentiles 2.5, 7.5, … 97.5 of its first coordinate, rows of its second."
    )
    return image_page(model, model.decode_rows(z), (20, 20), "The manifold that P has learned", note)


def along_the_prior(model, dataset):
    """Draw what P makes of walks along the prior (figure 4): each petal of the mixture, or the length of the roll."""
    z = model.prior.walks(12)
    rows = min(len(z), MOST_ROWS)
    note = "Each row walks along one mode of the prior, from one end to the other." + shown(rows, len(z), "modes")
    images = model.decode_rows(z[:rows].reshape(-1, 2))
    return image_page(model, images, (rows, 12), "Along the prior", note, [f"mode {k}" for k in range(rows)])


def nearest(model, dataset):
    """Draw samples above the training images nearest to them: does P remember, or imagine?"""
    config = model.config
    drawn = decode(model, from_prior(model, 20), np.arange(20) % max(config.decoder_y_dim, 1))
    trained = split_of(dataset, config).train
    train = unit_interval(dataset.x_train[trained[:: -(-len(trained) // 20000)]])  # 20000 at most
    found = train[np.argmin(squared_distances(np, drawn, train), axis=1)]
    images = np.concatenate([drawn[:10], found[:10], drawn[10:], found[10:]])
    note = f"Each sample stands above the nearest of {len(train)} images trained on, by Euclidean distance."
    names = ["sample", "nearest"] * 2
    return image_page(model, images, (4, 10), "Remembered or generated_samples?", note, names, wide_above=(2,))


def members(model, dataset, found=None):
    """Draw for each y what P makes of it with z = 0, and the test images that Q is surest of, if any choose it."""
    k = min(model.config.y_dim, 2 * MOST_ROWS)
    code = model.encode_rows(dataset.x_test)
    chosen = np.bincount(np.argmax(code.logits, axis=1), minlength=model.config.y_dim)  # by how many images
    modes = decode(model, np.zeros((k, model.config.z)), np.arange(k))
    surest = np.argsort(-code.y[:, :k], axis=0, kind="stable")[:10].T  # (k, 10)
    images = []
    for i in range(k):
        row = unit_interval(dataset.x_test[surest[i]])
        images.append(np.concatenate([modes[i : i + 1], row if chosen[i] else 0 * row]))
    note = "Framed: P(y, z = 0), the typical image of one y. After it, the test images with the highest q(y|x)."
    note += " In brackets, how many test images have this y as their most probable; where none has, the row is empty."
    note += content_sentence(found) + shown(k, model.config.y_dim, "outputs of y")
    across = len(images[0])
    return image_page(model, np.concatenate(images), (k, across), "What each y stands for", note,
                      [f"y = {i} ({chosen[i]})" for i in range(k)], wide_before=(1,), framed=(0,))  # fmt: skip


def walk(model, dataset):
    """Draw eight straight lines in latent space, from one test image to another."""
    where, rows, steps, images = examples(dataset.y_test, 8), 8, 10, []
    k = len(where)
    for row in range(rows):
        ends = [where[row % k, row // k], where[(row + k // 2) % k, -1 - row // k]]
        a, b = unit_interval(dataset.x_test[ends])
        labels = dataset.y_test[ends] if model.config.decoder_y_dim else None
        images += [a, *model.interpolate(a, b, steps, labels), b]
    note = "Framed: two test images. Between: what the decoder makes of the straight line from one code to the other."
    names = ["real", "t = 0", *[""] * (steps - 2), "t = 1", "real"]
    return image_page(model, np.stack(images), (rows, steps + 2), "A walk through latent space", note, columns=names,
                      wide_before=(1, steps + 1), framed=(0, steps + 1))  # fmt: skip
