"""What `tinyaae.figures` promises: the right pictures for each model, readable, repeatable, and true."""

import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.text import Text
from PIL import Image
from tiny import assembled, refusal, takes, tiny_config, tiny_dataset, tiny_run, write_npz

from tinyaae import figures
from tinyaae.backend import Backend, Context
from tinyaae.config import Config
from tinyaae.config.fields import names
from tinyaae.config.modes import MODES
from tinyaae.config.priors import prior_named
from tinyaae.data import Dataset, split, unit_interval
from tinyaae.figures import arrays as seen
from tinyaae.figures import charts, images
from tinyaae.figures import latent as codes
from tinyaae.figures import layout as pages
from tinyaae.figures.__main__ import main as command
from tinyaae.metrics import evaluate
from tinyaae.model import Model, build
from tinyaae.networks import Code
from tinyaae.training.loop import keep_codes
from tinyaae.training.run_folder import RunFolder

ENCODER = {"learning_curves", "reconstructions", "walk", "latent", "z_histogram"}
SAMPLED = ENCODER | {"samples", "nearest"}
SAYS_Y = {"style_content", "confusion", "members", "label_histogram", "confidence", "embedding", "matching"}
EXPECTED = {
    "autoencoder": ENCODER,
    "vae": SAMPLED | {"sweep", "sigma_curve"},
    "gan": {"learning_curves", "samples", "nearest", "sweep", "sigma_curve"},
    "aae": SAMPLED | {"sweep", "sigma_curve"},
    "label-regularized": SAMPLED | {"manifold", "along_the_prior", "sigma_curve"},
    "supervised": SAMPLED | {"style_content", "sweep", "sigma_curve"},
    "semi-supervised": SAMPLED | SAYS_Y | {"sweep", "sigma_curve"},
    "clustering": SAMPLED | SAYS_Y | {"sweep"},
    "reduction": SAMPLED | SAYS_Y | {"sweep"},
}
METRICS = [
    {"epoch": epoch, "half_squared_error": 9.0 / epoch, "reconstruction_error": 8.0 / epoch, "D_gauss": 1.3,
     "G_gauss": 0.8, "D_gauss_accuracy": 0.6, "seconds": 1.0}
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


def model_for(data, mode, **flags):
    """A tiny, untrained model of `mode` for `data`."""
    if takes(mode, "labels"):
        flags = {"labels": 0 if "clusters" in flags else 100} | flags
    return build(Config.of(mode, hidden=(8, 7), **flags).for_data(data), Backend.named("numpy"))


def drawn(model, data, folder, metrics=METRICS):
    """Draw all pictures in a run folder with `metrics`; return name -> path."""
    folder.mkdir()
    run = RunFolder(folder, "run")
    for row in metrics:
        run.append_metrics(row)
    paths = figures.draw_all(model, data, run, evaluate(model, data, (data.x_train[:30], data.y_train[:30])))
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
    paths = drawn(model_for(data, mode), data, tmp_path / "run")
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
    paths = drawn(model_for(data, mode, **flags), data, tmp_path / "run")
    assert paths.keys() >= EXPECTED[mode] - ({"sweep"} if "prior" in flags else set())  # a roll lies in a plane
    for path in paths.values():
        assert imread(path).std() > 0.005


def test_the_same_system_gives_the_same_bytes(tmp_path):
    data = dataset()
    once, again = (drawn(model_for(data, "vae", z=2), data, tmp_path / name) for name in ("once", "again"))
    for name in once:
        assert once[name].read_bytes() == again[name].read_bytes(), name


def test_no_metrics_no_curves(tmp_path):
    data = dataset()
    assert "learning_curves" not in drawn(model_for(data, "gan"), data, tmp_path / "run", metrics=[])


def test_no_pyplot():
    code = "import sys, tinyaae.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_curves_show_the_columns_there_are_and_where_d_cannot_tell():
    axes = charts.learning_curves(model_for(dataset(), "aae"), METRICS).axes
    assert [len(ax.lines) for ax in axes] == [2, 3, 2]  # reconstruction; D, G and 2 ln 2; accuracy and 50 %
    assert axes[1].lines[-1].get_ydata()[0] == pytest.approx(2 * math.log(2))
    assert axes[2].lines[-1].get_ydata()[0] == 0.5
    np.testing.assert_array_equal(axes[0].lines[1].get_ydata(), [8.0, 4.0, 8.0 / 3])


def test_cross_entropy_is_not_drawn_on_the_scale_of_squares():
    model = model_for(dataset(), "autoencoder", reconstruction="cross-entropy")
    metrics = [{"epoch": 1, "cross_entropy": 0.3, "reconstruction_error": 20.0}]
    axes = charts.learning_curves(model, metrics).axes
    assert [ax.lines[0].get_ydata()[0] for ax in axes] == [20.0, 0.3]


@pytest.mark.parametrize("mode", MODES)
def test_every_loss_has_a_place_among_the_curves(mode):
    extras = {extra: 0.5 for extra in names("extra") if takes(mode, extra)}
    model, batches = assembled(tiny_config(mode, **extras))
    losses = model.step(next(iter(batches.epoch(0))))
    assert set(losses) <= {column for _, names, *_ in charts.CURVES for column in names}


def test_style_grid_keeps_z_down_the_column_and_y_along_the_row():
    z, labels = seen.style_grid(model_for(dataset(), "semi-supervised", z=4), rows=3, columns=5)
    z, labels = z.reshape(3, 5, 4), labels.reshape(3, 5)
    np.testing.assert_array_equal(z, np.broadcast_to(z[:1], z.shape))
    assert len(np.unique(z[0], axis=0)) == 5
    np.testing.assert_array_equal(labels, [[0] * 5, [1] * 5, [2] * 5])


def test_examples_are_of_their_class_and_repeat_where_there_are_few():
    labels = np.array([7, 2, 2, 7, 2, 5])
    chosen = seen.examples(labels, 3)
    np.testing.assert_array_equal(labels[chosen], [[2] * 3, [5] * 3, [7] * 3])
    assert len(set(chosen[0])) == 3
    assert len(seen.examples(np.arange(50), 1)) == 20


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
    painted = canvas(images.walk(model_for(data, "supervised"), data))
    real = pages.thumbnails(data.x_test, data.side)
    size = real.shape[1]
    top = painted.shape[0] - pages.EDGE - 8 * (size + pages.GAP)
    left = pages.EDGE
    for x in (left, left + 11 * (size + pages.GAP) + 24):
        corner = painted[top : top + size, x : x + size]
        assert min(np.abs(real - corner).max(axis=(1, 2))) < 1e-6


def test_reconstructions_show_what_the_system_reconstructs():
    data = dataset()
    model = model_for(data, "aae")
    painted = canvas(images.reconstructions(model, data))
    first = pages.thumbnails(model.reconstruct(data.x_test[:1]), data.side)[0]  # class 0, under the first image
    size = len(first)
    y = painted.shape[0] - pages.EDGE - 12 - 3 * (size + pages.GAP)  # the second of four rows
    second_row = np.lib.stride_tricks.sliding_window_view(painted[y : y + size], (size, size))[0]
    assert np.min(np.max(np.abs(second_row - first), axis=(1, 2))) < 1e-6


def test_plane_is_z_itself_or_its_principal_components():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(500, 5)) * [0.1, 3, 0.1, 1, 0.1]
    onto, (first, _) = seen.plane(z)
    variance = np.var(z, axis=0)
    np.testing.assert_allclose(np.var(onto(z), axis=0), [variance[1], variance[3]], rtol=0.02)
    assert f"{variance[1] / variance.sum():.0%}" in first
    np.testing.assert_array_equal(seen.plane(z[:, :2])[0](z[:, :2]), z[:, :2])


def test_contours_hold_what_they_say():
    drawn = np.random.default_rng(0).normal(size=(20000, 2))
    *_, levels = seen.prior_contours(prior_named("gaussian", 2), drawn)
    radius = np.sqrt(-2 * np.log(2 * np.pi * levels))  # the level line of N(0, I) is this circle
    np.testing.assert_allclose(1 - np.exp(-(radius**2) / 2), [0.99, 0.9, 0.5], atol=0.01)
    *_, p, flat = seen.prior_contours(prior_named("uniform", 2), drawn[:20] / 9)
    assert np.all((flat > 0) & (flat < p.max()))  # else there is no line
    assert seen.prior_contours(prior_named("swiss-roll", 2), drawn) is None


def test_told_labels_choose_the_petal():
    model = model_for(dataset(), "label-regularized")
    labels = np.repeat([0, 1, 2], 50)
    z = seen.from_prior(model, 150, labels)
    nearest = np.argmax(z @ model.prior.axes.T, axis=1)
    assert np.mean(nearest == labels) > 0.95


def test_codes_of_a_gaussian_posterior_are_drawn_from_it():
    class Sure(Model):
        def __init__(self):
            pass

        def encode(self, images):
            mean = np.ones((len(images), 2))
            return Code(z=mean, posterior=np.concatenate([mean, np.full_like(mean, math.log(4))], axis=1))

    z = Sure().sample_posterior(np.zeros((20000, 1))).z
    np.testing.assert_allclose([z.mean(), z.std()], [1, 2], atol=0.05)


def test_many_rows_are_cut_and_the_picture_says_so():
    data = dataset(30)
    figure = images.style_content(model_for(data, "supervised"), data)
    assert any("The first 20 of 30 rows." in text.get_text().replace("\n", " ") for text in figure.texts)
    assert [text.get_text() for text in figure.axes[0].texts] == [f"y = {k}" for k in range(20)]


def test_confusion_counts_and_error():
    data = dataset()
    model = model_for(data, "semi-supervised")
    figure = charts.confusion(model, data)
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == len(data.y_test)
    wrong = np.mean(model.classify(data.x_test) != data.y_test)
    assert f"{wrong:.2%}" in figure.texts[0].get_text()


@pytest.fixture
def shown_images(monkeypatch):
    """Return a function that draws a picture and returns the images (n, d) it put on its page."""
    put, original = [], images.image_page

    def spy(model, pictures, *rest, **more):
        put.append(np.asarray(pictures))
        return original(model, pictures, *rest, **more)

    monkeypatch.setattr(images, "image_page", spy)

    def draw(picture, model, data):
        picture(model, data)
        return put[-1]

    return draw


def test_under_each_sample_stands_the_nearest_image_that_the_run_trained_on(shown_images):
    data = dataset()
    put = shown_images(images.nearest, model_for(data, "aae", seed=3, images=20), data)
    train = unit_interval(data.x_train[split(data.y_train, 3, 0, seed=3, images=20).train])
    for sample, found in zip(put[:10], put[10:20], strict=True):
        distances = np.linalg.norm(train - sample, axis=1)
        assert np.linalg.norm(found - sample) == pytest.approx(distances.min(), rel=1e-4)


def test_members_are_the_test_images_with_the_highest_q_after_the_typical_image(shown_images):
    data = dataset()
    model = model_for(data, "clustering", clusters=4)
    put = shown_images(images.members, model, data).reshape(4, 11, -1)
    code = model.encode(data.x_test)
    typical = model.decode(np.zeros((4, model.config.z)), np.eye(4))
    np.testing.assert_allclose(put[:, 0], typical, atol=1e-6)
    for k in np.unique(np.argmax(code.logits, axis=1)):
        np.testing.assert_array_equal(put[k, 1], unit_interval(data.x_test)[np.argmax(code.y[:, k])])


def test_the_row_of_a_y_that_no_image_chooses_is_empty_and_says_so(shown_images, monkeypatch):
    data = dataset()
    model = model_for(data, "clustering", clusters=3)
    logits = np.eye(3)[data.y_test % 2]  # 40 images choose 0, 20 choose 1, none 2
    monkeypatch.setattr(model, "encode", lambda _: Code(y=logits, z=None, logits=logits))
    put = shown_images(images.members, model, data).reshape(3, 11, -1)
    assert put[:, 1:].any(axis=(1, 2)).tolist() == [True, True, False]
    names = [text.get_text() for text in images.members(model, data).axes[0].texts]
    assert names == ["y = 0 (40)", "y = 1 (20)", "y = 2 (0)"]


def test_the_manifold_cuts_the_prior_into_equal_shares(shown_images, monkeypatch):
    data, places = dataset(), []
    model = model_for(data, "aae", z=2)
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z: places.append(z) or decode(z))
    assert len(shown_images(images.manifold, model, data)) == 400
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


def test_a_sweep_moves_one_coordinate_of_z_and_nothing_else(monkeypatch):
    data, places = dataset(), []
    model = model_for(data, "aae", z=4)
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z, y: places.append(z) or decode(z, y))
    images.sweep(model, data)
    z = places[0].reshape(4, 10, 4)
    for row in range(4):
        share = [0.5 * (1 + math.erf(x / math.sqrt(2))) for x in z[row, :, row]]
        np.testing.assert_allclose(share, (np.arange(10) + 0.5) / 10, atol=0.02)
        assert np.all(z[row, :, np.arange(4) != row] == z[row, :1, np.arange(4) != row])


def test_the_coordinate_swept_under_every_y_is_the_one_that_changes_the_image_most():
    class Third:
        config = SimpleNamespace(decoder_y_dim=2)

        def decode(self, z, y):
            return z * [1, 2, 5, 3]

    drawn = np.random.default_rng(0).normal(size=(1000, 4))
    assert images.liveliest(Third(), np.median(drawn, axis=0), drawn) == 2


@pytest.mark.parametrize("k, d", [(3, 2), (10, 10), (5, 7)])
def test_heads_are_mapped_to_points_evenly_spaced_on_a_circle(k, d):
    heads = np.random.default_rng(0).normal(size=(k, d))
    onto, placed = codes.onto_circle(heads)
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1)
    angle = np.sort(np.arctan2(placed[:, 1], placed[:, 0]))
    np.testing.assert_allclose(np.diff(angle), 2 * np.pi / k)
    np.testing.assert_allclose(onto(heads), placed, atol=1e-9)
    a, b = np.random.default_rng(1).normal(size=(2, d))
    np.testing.assert_allclose(onto(a) + onto(b), 2 * onto((a + b) / 2))  # a straight line stays one


def test_heads_on_a_circle_already_stay_where_they_are():
    angle = 2 * np.pi * np.array([0, 3, 1, 4, 2]) / 5  # in another order
    heads = 4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    _, placed = codes.onto_circle(heads)
    distances = np.linalg.norm(heads[:, None] - heads, axis=2)
    np.testing.assert_allclose(np.linalg.norm(placed[:, None] - placed, axis=2), distances / 4)


def test_runs_side_by_side_each_have_their_codes_and_say_their_prior():
    data = dataset()
    runs = [("one", "aae", {"z": 2}), ("two", "vae", {"prior": "mixture"}), ("three", "autoencoder", {"z": 2})]
    figure = codes.side_by_side([(name, model_for(data, mode, **flags), data) for name, mode, flags in runs])
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["one: aae, gaussian prior", "two: vae, mixture prior", "three: autoencoder"]
    assert [len(ax.collections[0].get_offsets()) for ax in figure.axes] == [60, 60, 60]


@pytest.mark.parametrize("z", [2, 8])
def test_only_a_page_with_lines_of_the_prior_speaks_of_them(z):
    data = dataset()
    model = model_for(data, "aae", z=z)
    for figure in (codes.side_by_side([("it", model, data)]), codes.latent(model, data)):
        assert ("Lines hold 50, 90 and 99 %" in figure.texts[1].get_text().replace("\n", " ")) == (z == 2)


@pytest.mark.parametrize("mode, classes", [("autoencoder", 10), ("autoencoder", 120), ("aae", 10)])
def test_the_keys_of_classes_lie_on_no_text(mode, classes):
    data = dataset(classes, test=150)
    model = model_for(data, mode)
    for figure in (codes.latent(model, data), codes.side_by_side([("a run", model, data)])):
        figure.draw_without_rendering()
        keys = figure.legends[0].get_window_extent()
        others = set(figure.findobj(Text)) - set(figure.legends[0].findobj(Text))
        assert not any(keys.overlaps(text.get_window_extent()) for text in others if text.get_text())


def test_a_gan_has_nothing_to_lay_beside():
    data = dataset()
    run = "it", model_for(data, "gan"), data
    assert "no encoder" in refusal(codes.side_by_side, [run])
    others = dataset(5)
    pair = [("it", model_for(data, "aae"), data), ("that", model_for(others, "aae"), others)]
    assert "classes" in refusal(codes.side_by_side, pair)


def test_label_histogram_counts_images():
    data = dataset()
    model = model_for(data, "semi-supervised")
    bars = [bar.get_height() for bar in charts.label_histogram(model, data).axes[0].patches]
    assert bars == [*np.bincount(data.y_test), *np.bincount(model.classify(data.x_test), minlength=3)]
    model = model_for(data, "clustering", clusters=4)
    chosen = np.argmax(model.encode(data.x_test).logits, axis=1)
    bars = [bar.get_height() for bar in charts.label_histogram(model, data).axes[0].patches]
    assert np.reshape(bars, (3, 4)).sum(axis=0).tolist() == np.bincount(chosen, minlength=4).tolist()


def test_matching_names_the_clusters_of_each_label():
    found = {"per_label": [
        {"label": 0, "clusters": [1, 7], "images": 5, "given": 4, "precision": 0.5, "recall": 0.4},
        {"label": 1, "clusters": [], "images": 3, "given": 0, "precision": None, "recall": 0.0},
        {"label": 2, "clusters": [4], "images": 3, "given": 3, "precision": 1.0, "recall": 1.0},
    ]}  # fmt: skip
    ax = charts.matching(found).axes[0]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["0:  clusters 1, 7", "1:  no cluster", "2:  cluster 4"]
    assert [bar.get_width() for bar in ax.patches] == [0.5, 0, 1, 0.4, 0, 1]


def test_the_search_of_sigma_says_which_samples_d_has_picked():
    found = {"parzen_curve": [[0.1, 1.0]], "parzen_searched": 10000}
    found |= {"parzen_curve_resampled": [[0.1, 2.0]], "parzen_searched_resampled": 10000}
    names = [text.get_text() for text in charts.sigma_curve(found).axes[0].get_legend().get_texts()]
    assert names == ["10 000 samples: σ = 0.100", "10 000 samples resampled by D: σ = 0.100"]


def test_the_search_of_sigma_is_drawn_for_each_number_of_samples():
    found = {"parzen_curve": [[0.1, -5.0], [0.2, 3.0], [0.3, 1.0]], "parzen_searched": 10000}
    found |= {"parzen_curve_10m": [[0.1, 6.0], [0.2, 5.0]], "parzen_searched_10m": 1000000}
    lines = charts.sigma_curve(found).axes[0].lines
    assert [line.get_xydata().tolist() for line in lines[::2]] == [found["parzen_curve"], found["parzen_curve_10m"]]
    assert [line.get_xydata().tolist() for line in lines[1::2]] == [[[0.2, 3.0]], [[0.1, 6.0]]]


# Over the epochs


@pytest.mark.parametrize("mode, flags", [("aae", {"z": 2}), ("semi-supervised", {}), ("reduction", {"z": 3})])
def test_an_animated_run_has_a_frame_an_epoch(mode, flags, tmp_path):
    model, run = tiny_run(tmp_path / "run", mode, animate=True, **flags)
    frames = run.codes()
    assert [epoch for epoch, *_ in frames] == [0, 1, 2]
    images_, labels = assembled(model.config)[1].validation
    expected = model.decoder_input(model.sample_posterior(images_))
    np.testing.assert_allclose(frames[-1][1], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(frames[-1][2], labels)
    figures.draw_all(model, tiny_dataset(), run)
    with Image.open(run.figures / "latent.gif") as gif:
        assert gif.n_frames == 3  # the end is shown for longer, in one frame


def test_a_run_that_is_not_animated_keeps_no_codes(tmp_path):
    _, run = tiny_run(tmp_path / "run", "aae")
    assert run.codes() == [] and not (run.path / "codes").exists()


def test_a_long_run_keeps_about_200_frames(tmp_path):
    kept = []
    model, batches = assembled(tiny_config("aae", animate=True, epochs=1001))
    folder = SimpleNamespace(save_codes=lambda epoch, *_: kept.append(epoch))
    for epoch in range(1002):
        keep_codes(model, batches, folder, epoch)
    assert len(kept) <= 202 and kept[0] == 0 and kept[-1] == 1001 and np.max(np.diff(kept)) == 6


def test_a_damaged_frame_is_told_in_one_line(tmp_path):
    _, run = tiny_run(tmp_path / "run", "aae", animate=True)
    (run.path / "codes" / "000001.npz").write_bytes(b"nonsense")
    assert "000001.npz: cannot be read" in refusal(run.codes)


# The command


def test_pictures_of_a_run_are_drawn_again(tmp_path, capsys):
    npz = write_npz(tmp_path / "data.npz")
    tiny_run(tmp_path / "run", "aae", z=2, data=str(npz))
    assert command(["draw", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "figures" / "latent.png").is_file()


def test_runs_are_compared_on_one_page(tmp_path, capsys):
    npz = write_npz(tmp_path / "data.npz")
    runs = [str(tmp_path / mode) for mode in ("aae", "vae")]
    for run, mode in zip(runs, ("aae", "vae"), strict=True):
        tiny_run(run, mode, z=2, data=str(npz))
    assert command(["compare", *runs, "--out", str(tmp_path / "both.png")]) == 0
    expect_readable(tmp_path / "both.png")


@pytest.mark.parametrize(
    "words, says",
    [
        (["draw", "nowhere"], "no config.json"),
        (["compare", "nowhere", "elsewhere"], "no config.json"),
        (["compare", "{run}", "--out", "picture.jpg"], ".png"),
        (["compare", "{run}", "--out", "{run}/nowhere/picture.png"], "cannot be written"),
        (["draw", "{run}"], "not ours to read or write"),
    ],
)
def test_mistakes_are_one_line_and_status_2(words, says, tmp_path, capsys):
    npz = write_npz(tmp_path / "data.npz")
    tiny_run(tmp_path / "run", "aae", z=2, data=str(npz))
    (tmp_path / "run" / "figures").write_text("a file where the folder should be")
    assert command([word.format(run=tmp_path / "run") for word in words]) == 2
    error = capsys.readouterr().err
    assert says in error and len(error.splitlines()) == 1
