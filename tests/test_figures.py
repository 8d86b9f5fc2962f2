"""What `tinyaae.figures` promises: the right pictures for each system, readable, repeatable, and true."""

import math
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from tinyaae import figures, pages
from tinyaae.backend import Backend
from tinyaae.config import MODES, Config
from tinyaae.context import Context
from tinyaae.data import Dataset, unit_interval
from tinyaae.networks import Code
from tinyaae.priors import prior_named
from tinyaae.recipes import build
from tinyaae.run_folder import RunFolder

ENCODER = {"learning_curves", "reconstructions", "walk", "latent", "z_histogram"}
SAMPLED = ENCODER | {"samples", "nearest"}
SAYS_Y = {"style_content", "confusion", "members"}
EXPECTED = {
    "autoencoder": ENCODER,
    "vae": SAMPLED,
    "gan": {"learning_curves", "samples", "nearest"},
    "aae": SAMPLED,
    "label-regularized": SAMPLED | {"manifold", "along_the_prior"},
    "supervised": SAMPLED | {"style_content"},
    "semi-supervised": SAMPLED | SAYS_Y | {"confidence"},
    "clustering": SAMPLED | SAYS_Y,
    "reduction": SAMPLED | SAYS_Y | {"confidence"},
}
METRICS = [
    {"epoch": epoch, "reconstruction": 9.0 / epoch, "reconstruction_error": 8.0 / epoch, "D_z": 1.3, "G_z": 0.8,
     "D_z_accuracy": 0.6, "seconds": 1.0}
    for epoch in (1, 2, 3)
]  # fmt: skip


def dataset(classes=3, side=(6, 6), pixels=36, test=60):
    """Noisy copies of one random picture a class: 200 training images and `test` test images (n, pixels), uint8."""
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 1, (classes, pixels))

    def drawn(n):
        y = np.arange(n) % classes
        return (255 * np.clip(pictures[y] + rng.normal(0, 0.3, (n, pixels)), 0, 1)).astype(np.uint8), y

    return Dataset("noise", *drawn(200), *drawn(test), classes, side)


def system_for(data, mode, **flags):
    """A tiny, untrained system of `mode` for `data`."""
    if "labels" in MODES[mode].flags:
        flags = {"labels": 0 if "clusters" in flags else 100} | flags
    return build(Config.of(mode, hidden=(8, 7), **flags).for_data(data), Backend.named("numpy"))


def drawn(system, data, folder, metrics=METRICS):
    """Draw all pictures in a run folder with `metrics`; return name -> path."""
    folder.mkdir()
    run = RunFolder(folder, "run")
    for row in metrics:
        run.append_metrics(row)
    paths = figures.draw_all(system, data, run)
    assert sorted(paths) == sorted((folder / "figures").iterdir())
    return {path.stem: path for path in paths}


def canvas(figure):
    """The picture (height, width) inside the figure of an image grid."""
    return np.asarray(figure.axes[0].images[0].get_array())


def expect_readable(path):
    pixels = imread(path)
    assert 250 <= pixels.shape[0] <= 2000 and 600 <= pixels.shape[1] <= 2000
    assert pixels.std() > 0.01
    assert path.stat().st_size < 400_000


def test_expected_covers_every_mode():
    assert EXPECTED.keys() == MODES.keys()


@pytest.mark.parametrize("mode", EXPECTED)
def test_each_mode_gets_its_pictures(mode, tmp_path):
    data = dataset()
    paths = drawn(system_for(data, mode), data, tmp_path / "run")
    assert paths.keys() == EXPECTED[mode]
    for path in paths.values():
        expect_readable(path)


@pytest.mark.parametrize(
    "mode, data, flags",
    [
        ("semi-supervised", dataset(30, None, 37), {}),  # many classes, and no rectangle
        ("autoencoder", dataset(120, (2, 20), 40, 150), {}),
        ("autoencoder", dataset(2, None, 1, 1), {"z": 1}),  # one pixel, one test image, one coordinate
        ("aae", dataset(3, (100, 2), 200), {"prior": "swiss-roll", "reconstruction": "cross-entropy"}),  # thin images
        ("reduction", dataset(), {"clusters": 40, "z": 3}),  # heads in more dimensions than two
    ],
)
def test_odd_data_is_drawn_too(mode, data, flags, tmp_path):
    paths = drawn(system_for(data, mode, **flags), data, tmp_path / "run")
    assert paths.keys() >= EXPECTED[mode] - {"confidence"}  # reduction without labels has none
    for path in paths.values():
        assert imread(path).std() > 0.005


def test_the_same_system_gives_the_same_bytes(tmp_path):
    data = dataset()
    once, again = (drawn(system_for(data, "vae", z=2), data, tmp_path / name) for name in ("once", "again"))
    for name in once:
        assert once[name].read_bytes() == again[name].read_bytes(), name


def test_no_metrics_no_curves(tmp_path):
    data = dataset()
    assert drawn(system_for(data, "gan"), data, tmp_path / "run", metrics=[]).keys() == {"samples", "nearest"}


def test_no_pyplot():
    code = "import sys, tinyaae.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_curves_show_the_columns_there_are_and_where_d_cannot_tell():
    axes = figures.learning_curves(system_for(dataset(), "aae"), METRICS).axes
    assert [len(ax.lines) for ax in axes] == [2, 3, 2]  # reconstruction; D, G and 2 ln 2; accuracy and 50 %
    assert axes[1].lines[-1].get_ydata()[0] == pytest.approx(2 * math.log(2))
    assert axes[2].lines[-1].get_ydata()[0] == 0.5
    np.testing.assert_array_equal(axes[0].lines[1].get_ydata(), [8.0, 4.0, 8.0 / 3])


def test_cross_entropy_is_not_drawn_on_the_scale_of_squares():
    system = system_for(dataset(), "autoencoder", reconstruction="cross-entropy")
    metrics = [{"epoch": 1, "reconstruction": 0.3, "reconstruction_error": 20.0}]
    axes = figures.learning_curves(system, metrics).axes
    assert [ax.lines[0].get_ydata()[0] for ax in axes] == [20.0, 0.3]


def test_style_grid_keeps_z_down_the_column_and_y_along_the_row():
    z, labels = figures.style_grid(system_for(dataset(), "semi-supervised", z=4), rows=3, columns=5)
    z, labels = z.reshape(3, 5, 4), labels.reshape(3, 5)
    np.testing.assert_array_equal(z, np.broadcast_to(z[:1], z.shape))
    assert len(np.unique(z[0], axis=0)) == 5
    np.testing.assert_array_equal(labels, [[0] * 5, [1] * 5, [2] * 5])


def test_examples_are_of_their_class_and_repeat_where_there_are_few():
    labels = np.array([7, 2, 2, 7, 2, 5])
    chosen = figures.examples(labels, 3)
    np.testing.assert_array_equal(labels[chosen], [[2] * 3, [5] * 3, [7] * 3])
    assert len(set(chosen[0])) == 3
    assert len(figures.examples(np.arange(50), 1)) == 20


def test_thumbnails_only_enlarge():
    images = dataset().x_test
    pictures = pages.thumbnails(images, (6, 6))
    h, w = pictures.shape[1] // 6, pictures.shape[2] // 6
    assert h == w > 1
    for dy, dx in ((0, 0), (h - 1, w - 1)):
        np.testing.assert_array_equal(pictures[:, dy::h, dx::w].reshape(len(images), -1), unit_interval(images))


def test_pixels_that_are_no_rectangle_are_all_there():
    images = dataset(side=None, pixels=37).x_test
    pictures = pages.thumbnails(images, None)  # 7 numbers a row, 6 rows, 5 of the 42 places empty
    h, w = pictures.shape[1] // 6, pictures.shape[2] // 7
    small = pictures[:, ::h, ::w].reshape(len(images), -1)
    np.testing.assert_array_equal(small[:, :37], unit_interval(images))
    assert np.all(small[:, 37:] == 0)


def test_a_walk_starts_and_ends_at_real_images():
    data = dataset()
    painted = canvas(figures.walk(system_for(data, "supervised"), data))
    real = pages.thumbnails(data.x_test, data.side)
    size = real.shape[1]
    top = painted.shape[0] - pages.EDGE - 8 * (size + pages.GAP)
    left = pages.EDGE
    for x in (left, left + 11 * (size + pages.GAP) + 24):
        corner = painted[top : top + size, x : x + size]
        assert min(np.abs(real - corner).max(axis=(1, 2))) < 1e-6


def test_reconstructions_show_what_the_system_reconstructs():
    data = dataset()
    system = system_for(data, "aae")
    painted = canvas(figures.reconstructions(system, data))
    first = pages.thumbnails(system.reconstruct(data.x_test[:1]), data.side)[0]  # class 0, under the first image
    size = len(first)
    y = painted.shape[0] - pages.EDGE - 12 - 3 * (size + pages.GAP)  # the second of four rows
    second_row = np.lib.stride_tricks.sliding_window_view(painted[y : y + size], (size, size))[0]
    assert np.min(np.max(np.abs(second_row - first), axis=(1, 2))) < 1e-6


def test_plane_is_z_itself_or_its_principal_components():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(500, 5)) * [0.1, 3, 0.1, 1, 0.1]
    onto, (first, _) = figures.plane(z)
    variance = np.var(z, axis=0)
    np.testing.assert_allclose(np.var(onto(z), axis=0), [variance[1], variance[3]], rtol=0.02)
    assert f"{variance[1] / variance.sum():.0%}" in first
    np.testing.assert_array_equal(figures.plane(z[:, :2])[0](z[:, :2]), z[:, :2])


def test_contours_hold_what_they_say():
    drawn = np.random.default_rng(0).normal(size=(20000, 2))
    *_, levels = figures.prior_contours(prior_named("gaussian", 2), drawn)
    radius = np.sqrt(-2 * np.log(2 * np.pi * levels))  # the level line of N(0, I) is this circle
    np.testing.assert_allclose(1 - np.exp(-(radius**2) / 2), [0.99, 0.9, 0.5], atol=0.01)
    *_, p, flat = figures.prior_contours(prior_named("uniform", 2), drawn[:20] / 9)
    assert np.all((flat > 0) & (flat < p.max()))  # else there is no line
    assert figures.prior_contours(prior_named("swiss-roll", 2), drawn) is None


def test_told_labels_choose_the_petal():
    system = system_for(dataset(), "label-regularized")
    labels = np.repeat([0, 1, 2], 50)
    z = figures.from_prior(system, 150, labels)
    nearest = np.argmax(z @ system.prior.axes.T, axis=1)
    assert np.mean(nearest == labels) > 0.95


def test_codes_of_a_gaussian_posterior_are_drawn_from_it():
    class Sure:
        def encode(self, images):
            mean = np.ones((len(images), 2))
            return Code(z=mean, posterior=np.concatenate([mean, np.full_like(mean, math.log(4))], axis=1))

    z = figures.from_q(Sure(), np.zeros((20000, 1))).z
    np.testing.assert_allclose([z.mean(), z.std()], [1, 2], atol=0.05)


def test_many_rows_are_cut_and_the_picture_says_so():
    data = dataset(30)
    figure = figures.style_content(system_for(data, "supervised"), data)
    assert any("The first 20 of 30 rows." in text.get_text().replace("\n", " ") for text in figure.texts)
    assert [text.get_text() for text in figure.axes[0].texts] == [f"y = {k}" for k in range(20)]


def test_confusion_counts_and_error():
    data = dataset()
    system = system_for(data, "semi-supervised")
    figure = figures.confusion(system, data)
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == len(data.y_test)
    wrong = np.mean(system.classify(data.x_test) != data.y_test)
    assert f"{wrong:.2%}" in figure.texts[0].get_text()


@pytest.fixture
def shown_images(monkeypatch):
    """Return a function that draws a picture and returns the images (n, d) it put on its page."""
    seen, original = [], figures.image_page

    def spy(system, images, *rest, **more):
        seen.append(np.asarray(images))
        return original(system, images, *rest, **more)

    monkeypatch.setattr(figures, "image_page", spy)

    def draw(picture, system, data):
        picture(system, data)
        return seen[-1]

    return draw


def test_under_each_sample_stands_the_nearest_training_image(shown_images):
    data = dataset()
    images = shown_images(figures.nearest, system_for(data, "aae"), data)
    train = unit_interval(data.x_train)
    for sample, found in zip(images[:10], images[10:20], strict=True):
        distances = np.linalg.norm(train - sample, axis=1)
        assert np.linalg.norm(found - sample) == pytest.approx(distances.min(), rel=1e-4)


def test_members_are_the_test_images_with_the_highest_q_after_the_typical_image(shown_images):
    data = dataset()
    system = system_for(data, "clustering", clusters=4)
    images = shown_images(figures.members, system, data).reshape(4, 11, -1)
    y = system.encode(data.x_test).y
    typical = system.decode(np.zeros((4, system.config.z)), np.eye(4))
    np.testing.assert_allclose(images[:, 0], typical, atol=1e-6)
    for k in range(4):
        np.testing.assert_array_equal(images[k, 1], unit_interval(data.x_test)[np.argmax(y[:, k])])


def test_the_manifold_cuts_the_prior_into_equal_shares(shown_images, monkeypatch):
    data, places = dataset(), []
    system = system_for(data, "aae", z=2)
    decode = system.decode
    monkeypatch.setattr(system, "decode", lambda z: places.append(z) or decode(z))
    assert len(shown_images(figures.manifold, system, data)) == 400
    z = places[0].reshape(20, 20, 2)
    share = [0.5 * (1 + math.erf(x / math.sqrt(2))) for x in z[0, :, 0]]  # N(0, 1): share of the prior to the left
    np.testing.assert_allclose(share, (np.arange(20) + 0.5) / 20, atol=0.02)
    assert np.all(np.diff(z[:, 0, 1]) < 0)  # upwards, as on a map


@pytest.mark.parametrize("prior", ["mixture", "swiss-roll"])
def test_walks_run_along_the_modes_of_the_prior(prior):
    walked = prior_named(prior, 2)
    z = walked.walks(9)
    assert z.shape == (10, 9, 2)
    middle = z[:, 4]
    drawn = walked.sample(5000, Context(Backend.named("numpy")), np.eye(11)[np.arange(5000) % 10])
    near = np.array([np.argmin(np.linalg.norm(middle - point, axis=1)) for point in drawn])
    assert np.mean(near == np.arange(5000) % 10) > (0.95 if prior == "mixture" else 0.6)
