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
from tinyaae.cli import verbs
from tinyaae.config import Config
from tinyaae.config.fields import names
from tinyaae.config.modes import MODES
from tinyaae.config.priors import prior_named
from tinyaae.data import Dataset, split, unit_interval
from tinyaae.figures import arrays, charts, images, latent, layout
from tinyaae.figures.arrays import Subject
from tinyaae.metrics import evaluate
from tinyaae.model import Model, build
from tinyaae.networks import Code
from tinyaae.training.checkpoint import Position
from tinyaae.training.loop import keep_codes
from tinyaae.training.run_folder import RunFolder

DRAWN = {  # mode -> the pictures that a finished run of it draws
    "autoencoder": "learning_curves reconstructions latent walk z_histogram",
    "vae": "learning_curves reconstructions samples latent sweep nearest walk",
    "gan": "learning_curves samples sweep nearest sigma_curve",
    "aae": "learning_curves reconstructions samples latent sweep nearest walk",
    "label-regularized": "learning_curves reconstructions samples latent along_the_prior manifold nearest",
    "supervised": "learning_curves reconstructions samples style_content latent sweep nearest",
    "semi-supervised": "learning_curves reconstructions samples style_content latent confusion members",
    "clustering": "learning_curves reconstructions samples style_content latent confusion members",
    "reduction": "learning_curves reconstructions samples style_content latent confusion members",
}
REST = {  # mode -> those that `everything` adds
    "autoencoder": "",
    "vae": "z_histogram sigma_curve",
    "gan": "",
    "aae": "z_histogram sigma_curve",
    "label-regularized": "walk z_histogram sigma_curve",
    "supervised": "walk z_histogram sigma_curve",
    "semi-supervised": "sweep nearest walk z_histogram sigma_curve matching confidence",
    "clustering": "sweep nearest walk z_histogram matching confidence",
    "reduction": "sweep nearest walk z_histogram matching confidence",
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


def subject_for(mode, data=None, **flags):
    """What pictures are made of, for a tiny, untrained model of `mode`."""
    data = data or dataset()
    return Subject(model_for(data, mode, **flags), data)


def drawn(model, data, folder, metrics=METRICS, everything=True):
    """Draw the pictures of a model in a run folder with `metrics`; return name -> path."""
    folder.mkdir(parents=True)
    run = RunFolder(folder, "run")
    for row in metrics:
        run.append_metrics(row)
    found = evaluate(model, data, (data.x_train[:30], data.y_train[:30]))
    paths = figures.draw_all(model, data, run, found, everything)
    assert sorted(paths) == sorted((folder / "figures").iterdir())
    return {path.stem: path for path in paths}


def expect_readable(path):
    pixels = imread(path)
    assert 250 <= pixels.shape[0] <= 2000 and 600 <= pixels.shape[1] <= 2000
    assert pixels.std() > 0.01
    assert path.stat().st_size < 400_000


def test_every_mode_has_its_pictures():
    assert DRAWN.keys() == REST.keys() == MODES.keys()


def test_a_finished_run_draws_the_first_seven_pictures(tmp_path):
    data = dataset()
    paths = drawn(model_for(data, "supervised"), data, tmp_path / "run", everything=False)
    assert list(paths) == DRAWN["supervised"].split() and len(paths) == 7


@pytest.mark.parametrize("mode", MODES)
def test_everything_draws_the_rest_too(mode, tmp_path):
    data = dataset()
    paths = drawn(model_for(data, mode), data, tmp_path / "run")
    assert list(paths) == [*DRAWN[mode].split(), *REST[mode].split()]
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
    left_out = {"sweep"} if flags.get("prior") == "swiss-roll" else set()  # a roll lies in a plane
    assert paths.keys() >= {*DRAWN[mode].split(), *REST[mode].split()} - left_out
    for path in paths.values():
        assert imread(path).std() > 0.005


def test_the_same_system_gives_the_same_bytes(tmp_path):
    data = dataset()
    once, again = (drawn(model_for(data, "vae", z=2), data, tmp_path / name / "run") for name in ("once", "again"))
    for name in once:
        assert once[name].read_bytes() == again[name].read_bytes(), name


def test_no_metrics_no_curves(tmp_path):
    data = dataset()
    assert "learning_curves" not in drawn(model_for(data, "gan"), data, tmp_path / "run", metrics=[])


@pytest.fixture
def pages(monkeypatch):
    """The texts of each figure that is saved."""
    saved, save = [], layout.save
    monkeypatch.setattr(layout, "save", lambda figure, path: saved.append(text_of(figure)) or save(figure, path))
    return saved


def text_of(figure):
    """All of a figure's heading, on one line."""
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


@pytest.mark.parametrize("mode", MODES)
def test_every_picture_says_which_run_it_shows_and_after_which_epoch(mode, tmp_path, pages):
    model, run = tiny_run(tmp_path / "my-run", mode)
    figures.draw_all(model, tiny_dataset(), run, everything=True)
    prior = f", {model.config.prior} prior" if mode != "autoencoder" else ""
    assert pages and all(f" my-run: {mode}{prior}, epoch 2 of 2 " in page for page in pages)


def test_pictures_of_the_best_epoch_show_the_run_up_to_it_and_nothing_of_its_end(tmp_path):
    model, run = tiny_run(tmp_path / "run")
    run.write_result({"content_accuracy": 0.5})
    assert Subject.of_run(model, tiny_dataset(), run).result == {"content_accuracy": 0.5}
    run.saved = Position(1)
    subject = Subject.of_run(model, tiny_dataset(), run)
    assert (subject.result, len(subject.metrics), subject.epoch) == ({}, 1, "epoch 1 of 2")


def test_no_pyplot():
    code = "import sys, tinyaae.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_curves_show_the_columns_there_are_and_where_d_cannot_tell():
    subject = Subject(model_for(dataset(), "aae"), dataset(), metrics=METRICS)
    reconstruction, losses, accuracy = arrays.learning_curves(subject)
    assert [line.name for line in reconstruction.lines] == ["training", "validation"]
    assert reconstruction.lines[1].values == [8.0, 4.0, 8.0 / 3]
    assert losses.reference[0] == pytest.approx(2 * math.log(2))
    assert accuracy.reference[0] == 0.5
    axes = charts.learning_curves([reconstruction, losses, accuracy]).axes
    assert [len(ax.lines) for ax in axes] == [2, 3, 2]  # reconstruction; D, G and 2 ln 2; accuracy and 50 %


def test_training_and_validation_have_two_colours():
    panels = arrays.learning_curves(Subject(model_for(dataset(), "aae"), dataset(), metrics=METRICS))
    training, validation = charts.learning_curves(panels).axes[0].lines
    assert training.get_color() != validation.get_color()


def test_the_names_of_curves_lie_on_no_curve():
    metrics = [row | {"D_cat": 1.2, "G_cat": 2.0 - row["epoch"] / 9} for row in METRICS]
    subject = Subject(model_for(dataset(), "semi-supervised"), dataset(), metrics=metrics)
    figure = charts.learning_curves(arrays.learning_curves(subject))
    figure.draw_without_rendering()
    for ax in figure.axes:
        bottom = ax.get_legend().get_window_extent().y0
        assert all(np.all(line.get_window_extent().y1 < bottom) for line in ax.lines)


def test_a_curve_of_one_epoch_is_seen():
    panels = arrays.learning_curves(Subject(model_for(dataset(), "aae"), dataset(), metrics=METRICS[:1]))
    for ax, panel in zip(charts.learning_curves(panels).axes, panels, strict=True):
        assert all(line.get_marker() == "o" for line in ax.lines[: len(panel.lines)])


def test_cross_entropy_is_not_drawn_on_the_scale_of_squares():
    model = model_for(dataset(), "autoencoder", reconstruction="cross-entropy")
    metrics = [{"epoch": 1, "cross_entropy": 0.3, "reconstruction_error": 20.0}]
    panels = arrays.learning_curves(Subject(model, dataset(), metrics=metrics))
    assert [panel.lines[0].values for panel in panels] == [[20.0], [0.3]]


def test_the_loss_of_a_phase_of_ones_own_has_a_curve_and_a_run_without_losses_has_none():
    model = model_for(dataset(), "gan")
    own = Subject(model, dataset(), metrics=[{"epoch": 1, "own_loss": 2.0}])
    assert [panel.title for panel in arrays.learning_curves(own)] == ["own_loss"]
    none = Subject(model, dataset(), metrics=[{"epoch": 1, "seconds": 2.0}])
    assert "learning_curves" not in [picture.name for picture in figures.chosen(none)]


@pytest.mark.parametrize("mode", MODES)
def test_every_loss_has_a_place_among_the_curves(mode):
    extras = {extra: 0.5 for extra in names("extra") if takes(mode, extra)}
    model, batches = assembled(tiny_config(mode, **extras))
    losses = model.step(next(iter(batches.epoch(0))))
    assert set(losses) <= {column for _, names, *_ in arrays.CURVES for column in names}


def test_style_grid_keeps_z_down_the_column_and_y_along_the_row():
    z, labels = arrays.style_grid(model_for(dataset(), "semi-supervised", z=4), rows=3, columns=5)
    z, labels = z.reshape(3, 5, 4), labels.reshape(3, 5)
    np.testing.assert_array_equal(z, np.broadcast_to(z[:1], z.shape))
    assert len(np.unique(z[0], axis=0)) == 5
    np.testing.assert_array_equal(labels, [[0] * 5, [1] * 5, [2] * 5])


def test_examples_are_of_their_class_and_repeat_where_there_are_few():
    labels = np.array([7, 2, 2, 7, 2, 5])
    chosen = arrays.examples(labels, 3)
    np.testing.assert_array_equal(labels[chosen], [[2] * 3, [5] * 3, [7] * 3])
    assert len(set(chosen[0])) == 3
    assert len(arrays.examples(np.arange(50), 1)) == 20


def test_thumbnails_only_enlarge():
    images = dataset().x_test
    pictures = layout.thumbnails(images, (6, 6))
    h, w = pictures.shape[1] // 6, pictures.shape[2] // 6
    assert h == w > 1
    for dy, dx in ((0, 0), (h - 1, w - 1)):
        np.testing.assert_array_equal(pictures[:, dy::h, dx::w].reshape(len(images), -1), unit_interval(images))


def test_pixels_that_are_no_rectangle_are_all_there():
    images = dataset(side=None, pixels=37).x_test
    pictures = layout.thumbnails(images, None)  # 7 numbers a row, 6 rows, 5 of the 42 places empty
    h, w = pictures.shape[1] // 6, pictures.shape[2] // 7
    small = pictures[:, ::h, ::w].reshape(len(images), -1)
    np.testing.assert_array_equal(small[:, :37], unit_interval(images))
    assert np.all(small[:, 37:] == 0)


def test_a_walk_starts_and_ends_at_real_images():
    subject = subject_for("supervised")
    steps = images.walk(subject).images.reshape(8, 12, -1)
    real = unit_interval(subject.dataset.x_test)
    for end in (*steps[:, 0], *steps[:, -1]):
        assert min(np.abs(real - end).max(axis=1)) < 1e-6


def test_reconstructions_show_what_the_model_reconstructs():
    subject = subject_for("aae")
    page = images.reconstructions(subject)
    x, reconstructed = page.images.reshape(4, -1, 36)[:2]
    np.testing.assert_allclose(reconstructed, subject.model.reconstruct(x), atol=1e-6)
    assert page.columns == [str(k) for k in np.repeat([0, 1, 2], 4)]


def test_an_image_page_has_each_image_at_its_row_and_column():
    data = dataset()
    shown = images.ImagePage(data.side, data.x_test[:6], (2, 3), "title", "note", gaps_above=(1,), gaps_before=(1,))
    painted = np.asarray(layout.image_page(shown).axes[0].images[0].get_array())
    size = layout.thumbnails(data.x_test[:1], data.side).shape[1]
    top, left = len(painted) - layout.EDGE - (size + layout.GAP), layout.EDGE + 12 + (size + layout.GAP)
    corner = painted[top : top + size, left : left + size]
    np.testing.assert_array_equal(corner, layout.thumbnails(data.x_test[4:5], data.side)[0])


def test_plane_is_z_itself_or_its_principal_components():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(500, 5)) * [0.1, 3, 0.1, 1, 0.1]
    onto, (first, _) = arrays.plane(z)
    variance = np.var(z, axis=0)
    np.testing.assert_allclose(np.var(onto(z), axis=0), [variance[1], variance[3]], rtol=0.02)
    assert f"{variance[1] / variance.sum():.0%}" in first
    np.testing.assert_array_equal(arrays.plane(z[:, :2])[0](z[:, :2]), z[:, :2])


def test_contours_hold_what_they_say():
    drawn = np.random.default_rng(0).normal(size=(20000, 2))
    *_, levels = arrays.prior_contours(prior_named("gaussian", 2), drawn)
    radius = np.sqrt(-2 * np.log(2 * np.pi * levels))  # the level line of N(0, I) is this circle
    np.testing.assert_allclose(1 - np.exp(-(radius**2) / 2), [0.99, 0.9, 0.5], atol=0.01)
    *_, p, flat = arrays.prior_contours(prior_named("uniform", 2), drawn[:20] / 9)
    assert np.all((flat > 0) & (flat < p.max()))  # else there is no line
    assert arrays.prior_contours(prior_named("swiss-roll", 2), drawn) is None


def test_told_labels_choose_the_petal():
    model = model_for(dataset(), "label-regularized")
    labels = np.repeat([0, 1, 2], 50)
    z = arrays.from_prior(model, 150, labels)
    nearest = np.argmax(z @ model.prior.axes.T, axis=1)
    assert np.mean(nearest == labels) > 0.95


def test_codes_of_a_gaussian_posterior_are_drawn_from_it():
    class Sure(Model):
        def __init__(self):
            pass

        def encode_rows(self, images):
            mean = np.ones((len(images), 2))
            return Code(z=mean, posterior=np.concatenate([mean, np.full_like(mean, math.log(4))], axis=1))

    sure = Sure()
    z = sure.drawn(sure.encode_rows(np.zeros((20000, 1)))).z
    np.testing.assert_allclose([z.mean(), z.std()], [1, 2], atol=0.05)


def test_many_rows_are_cut_and_the_picture_says_so():
    figure = layout.image_page(images.style_content(subject_for("supervised", dataset(30))))
    assert any("The first 20 of 30 rows." in text.get_text().replace("\n", " ") for text in figure.texts)
    assert [text.get_text() for text in figure.axes[0].texts] == [f"y = {k}" for k in range(20)]


def test_confusion_counts_and_error():
    subject = subject_for("semi-supervised")
    figure = charts.confusion(arrays.confusion(subject))
    data = subject.dataset
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == len(data.y_test)
    wrong = np.mean(subject.model.classify(data.x_test) != data.y_test)
    assert f"{wrong:.2%}" in figure.texts[0].get_text()


def test_under_each_sample_stands_the_nearest_image_that_the_run_trained_on():
    data = dataset()
    put = images.nearest(subject_for("aae", data, seed=3, images=20)).images
    train = unit_interval(data.x_train[split(data.y_train, 3, 0, seed=3, images=20).train])
    for sample, found in zip(put[:10], put[10:20], strict=True):
        distances = np.linalg.norm(train - sample, axis=1)
        assert np.linalg.norm(found - sample) == pytest.approx(distances.min(), rel=1e-4)


def test_members_are_the_test_images_with_the_highest_q_after_the_image_of_z_0():
    subject = subject_for("clustering", clusters=4)
    data, model = subject.dataset, subject.model
    put = images.members(subject).images.reshape(4, 11, -1)
    code = model.encode(data.x_test)
    np.testing.assert_allclose(put[:, 0], model.decode(np.zeros((4, model.config.z)), np.eye(4)), atol=1e-6)
    for k in np.unique(np.argmax(code.logits, axis=1)):
        np.testing.assert_array_equal(put[k, 1], unit_interval(data.x_test)[np.argmax(code.y[:, k])])


def test_the_row_of_a_y_that_no_image_chooses_is_empty_and_says_so():
    subject = subject_for("clustering", clusters=3)
    logits = np.eye(3)[subject.dataset.y_test % 2]  # 40 images choose 0, 20 choose 1, none 2
    subject.code = Code(y=logits, z=None, logits=logits)
    page = images.members(subject)
    assert page.images.reshape(3, 11, -1)[:, 1:].any(axis=(1, 2)).tolist() == [True, True, False]
    assert page.rows == ["y = 0 (40)", "y = 1 (20)", "y = 2 (0)"]


def test_the_manifold_cuts_the_prior_into_equal_parts(monkeypatch):
    places, subject = [], subject_for("aae", z=2)
    decode = subject.model.decode_rows
    monkeypatch.setattr(subject.model, "decode_rows", lambda z: places.append(z) or decode(z))
    assert len(images.manifold(subject).images) == 400
    z = places[0].reshape(20, 20, 2)
    left = [0.5 * (1 + math.erf(x / math.sqrt(2))) for x in z[0, :, 0]]  # N(0, 1): the part of the prior to the left
    np.testing.assert_allclose(left, (np.arange(20) + 0.5) / 20, atol=0.02)
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
    places, subject = [], subject_for("aae", z=4)
    decode = subject.model.decode_rows
    monkeypatch.setattr(subject.model, "decode_rows", lambda z, y: places.append(z) or decode(z, y))
    images.sweep(subject)
    z = places[0].reshape(4, 10, 4)
    for row in range(4):
        below = [0.5 * (1 + math.erf(x / math.sqrt(2))) for x in z[row, :, row]]
        np.testing.assert_allclose(below, (np.arange(10) + 0.5) / 10, atol=0.02)
        assert np.all(z[row, :, np.arange(4) != row] == z[row, :1, np.arange(4) != row])


def test_the_coordinate_swept_under_every_y_is_the_one_that_changes_the_image_most():
    class Third:
        config = SimpleNamespace(decoder_y_dim=2)

        def decode_rows(self, z, y):
            return z * [1, 2, 5, 3]

    drawn = np.random.default_rng(0).normal(size=(1000, 4))
    assert images.liveliest(Third(), np.median(drawn, axis=0), drawn) == 2


@pytest.mark.parametrize("k, d", [(3, 2), (10, 10), (5, 7)])
def test_heads_are_mapped_to_points_evenly_spaced_on_a_circle(k, d):
    heads = np.random.default_rng(0).normal(size=(k, d))
    onto, placed = latent.onto_circle(heads)
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1)
    angle = np.sort(np.arctan2(placed[:, 1], placed[:, 0]))
    np.testing.assert_allclose(np.diff(angle), 2 * np.pi / k)
    np.testing.assert_allclose(onto(heads), placed, atol=1e-9)
    a, b = np.random.default_rng(1).normal(size=(2, d))
    np.testing.assert_allclose(onto(a) + onto(b), 2 * onto((a + b) / 2))  # a straight line stays one


def test_heads_on_a_circle_already_stay_where_they_are():
    angle = 2 * np.pi * np.array([0, 3, 1, 4, 2]) / 5  # in another order
    heads = 4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    _, placed = latent.onto_circle(heads)
    distances = np.linalg.norm(heads[:, None] - heads, axis=2)
    np.testing.assert_allclose(np.linalg.norm(placed[:, None] - placed, axis=2), distances / 4)


def test_runs_side_by_side_each_have_their_codes_and_say_their_prior_and_epoch():
    runs = [("one", "aae", {"z": 2}), ("two", "vae", {"prior": "mixture"}), ("three", "autoencoder", {"z": 2})]
    subjects = [subject_for(mode, **flags) for _, mode, flags in runs]
    for subject, (name, *_) in zip(subjects, runs, strict=True):
        subject.name, subject.epoch = name, "epoch 2 of 9"
    page = latent.side_by_side(subjects)
    titles = ["one: aae, gaussian prior", "two: vae, mixture prior", "three: autoencoder"]
    assert [each.title for each in page.maps] == [f"{title}, epoch 2 of 9" for title in titles]
    axes = layout.map_page(page).axes
    assert [len(ax.collections[0].get_offsets()) for ax in axes] == [60, 60, 60]


@pytest.mark.parametrize(
    "mode, flags, says",
    [
        ("autoencoder", {}, "No term of the loss compares codes with a prior."),
        ("vae", {}, "The KL divergence in the loss compares q(z|x) of each image with the prior."),
        ("aae", {}, "D_gauss compares z of all images together with the prior."),
        ("semi-supervised", {"condition_on_y": True}, "D_gauss compares z of each y with the prior."),
        ("label-regularized", {"labels": "all"}, "D_gauss compares z of each class with its mode of the prior."),
        ("label-regularized", {}, "and z of images without a label with all of it."),
    ],
)
def test_the_latent_space_says_what_its_codes_are_compared_with(mode, flags, says):
    assert says in latent.latent(subject_for(mode, **flags)).note


def test_only_the_mode_that_reads_true_labels_says_so():
    for mode in ("supervised", "semi-supervised", "aae"):
        assert ("true label" in images.reconstructions(subject_for(mode)).note) == (mode == "supervised")


def test_captions_give_the_measures_that_were_found():
    subject = subject_for("clustering", clusters=4)
    subject.result = {"content_accuracy": 0.421, "reconstruction_error": 7.126, "cluster_error": 0.0312}
    for page in (images.samples(subject), images.style_content(subject)):
        assert "Content accuracy: 42% of 1000" in page.note
    assert "over all test images is 7.13." in images.reconstructions(subject).note
    assert charts.confusion(arrays.confusion(subject)).texts[0].get_text().endswith("cluster error 3.12%")


@pytest.mark.parametrize("z", [2, 8])
def test_only_a_page_with_lines_of_the_prior_speaks_of_them(z):
    subject = subject_for("aae", z=z)
    for page in (latent.side_by_side([subject]), latent.latent(subject)):
        assert ("Lines hold 50, 90 and 99 %" in page.note) == (z == 2)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_long_title_of_a_map_stays_over_its_map(n):
    subject = subject_for("aae", z=2)
    subject.name, subject.epoch = "a-run-that-has-a-long-name", "epoch 2 of 9"
    figure = layout.map_page(latent.side_by_side(n * [subject]))
    figure.draw_without_rendering()
    for ax in figure.axes:
        title, map_ = ax._left_title.get_window_extent(), ax.get_window_extent()
        assert title.x1 < map_.x1 + 30 and title.y1 < figure.texts[-1].get_window_extent().y0


@pytest.mark.parametrize("mode, classes", [("autoencoder", 10), ("autoencoder", 120), ("aae", 10)])
def test_the_keys_of_classes_lie_on_no_text(mode, classes):
    subject = subject_for(mode, dataset(classes, test=150))
    for page in (latent.latent(subject), latent.side_by_side([subject])):
        figure = layout.map_page(page)
        figure.draw_without_rendering()
        keys = figure.legends[0].get_window_extent()
        others = set(figure.findobj(Text)) - set(figure.legends[0].findobj(Text))
        assert not any(keys.overlaps(text.get_window_extent()) for text in others if text.get_text())


def test_a_gan_has_nothing_to_lay_beside():
    assert "no encoder" in refusal(latent.side_by_side, [subject_for("gan")])
    pair = [subject_for("aae"), subject_for("aae", dataset(5))]
    assert "classes" in refusal(latent.side_by_side, pair)


def test_matching_names_the_clusters_of_each_label():
    found = {"per_label": [
        {"label": 0, "clusters": [1, 7], "images": 5, "given": 4, "precision": 0.5, "recall": 0.4},
        {"label": 1, "clusters": [], "images": 3, "given": 0, "precision": None, "recall": 0.0},
        {"label": 2, "clusters": [4], "images": 3, "given": 3, "precision": 1.0, "recall": 1.0},
    ]}  # fmt: skip
    ax = charts.matching(found["per_label"]).axes[0]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["0:  clusters 1, 7", "1:  no cluster", "2:  cluster 4"]
    assert [bar.get_width() for bar in ax.patches] == [0.5, 0, 1, 0.4, 0, 1]


def test_the_search_of_sigma_says_which_samples_d_has_picked():
    found = {"parzen_curve": [[0.1, 1.0]], "parzen_searched": 10000}
    found |= {"parzen_curve_resampled": [[0.1, 2.0]], "parzen_searched_resampled": 10000}
    names = [
        text.get_text()
        for text in charts.sigma_curve(arrays.sigma_curve(Subject(model_for(dataset(), "aae"), None, found)))
        .axes[0]
        .get_legend()
        .get_texts()
    ]
    assert names == ["10 000 samples: σ = 0.100", "10 000 samples resampled by D: σ = 0.100"]


def test_the_search_of_sigma_is_drawn_for_each_number_of_samples():
    found = {"parzen_curve": [[0.1, -5.0], [0.2, 3.0], [0.3, 1.0]], "parzen_searched": 10000}
    found |= {"parzen_curve_10m": [[0.1, 6.0], [0.2, 5.0]], "parzen_searched_10m": 1000000}
    lines = charts.sigma_curve(arrays.sigma_curve(Subject(model_for(dataset(), "aae"), None, found))).axes[0].lines
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


@pytest.fixture
def run(tmp_path):
    """The folder of a run of mode aae."""
    tiny_run(tmp_path / "run", "aae", z=2, data=str(write_npz(tmp_path / "data.npz")))
    return tmp_path / "run"


def test_draw_draws_the_first_seven_pictures_and_all_draws_the_rest(run, capsys):
    assert verbs(["draw", str(run)]) == 0
    assert capsys.readouterr().out == f"7 pictures in {run / 'figures'}\n"
    assert verbs(["draw", str(run), "--all"]) == 0
    assert capsys.readouterr().out == f"8 pictures in {run / 'figures'}\n"
    assert (run / "figures" / "z_histogram.png").is_file()


def test_the_help_of_draw_lists_every_picture(capsys):
    with pytest.raises(SystemExit):
        verbs(["draw", "--help"])
    out = capsys.readouterr().out
    assert all(f"{picture.name:16} {picture.about}\n" in out for picture in figures.PICTURES)


def test_runs_are_compared_on_one_page(run, tmp_path):
    tiny_run(tmp_path / "vae", "vae", z=2, data=str(tmp_path / "data.npz"))
    assert verbs(["compare", str(run), str(tmp_path / "vae"), "--out", str(tmp_path / "both.png")]) == 0
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
def test_mistakes_are_one_line_and_status_2(words, says, run, capsys):
    (run / "figures").write_text("a file where the folder should be")
    assert verbs([word.format(run=run) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"tinyaae {words[0]}: ") and says in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("words", [["draw"], ["draw", "a", "b"], ["compare"], ["draw", "a", "--most"]])
def test_words_that_are_not_understood_are_one_line_and_status_2(words, capsys):
    with pytest.raises(SystemExit) as stop:
        verbs(words)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and len(error.splitlines()) == 1 and f"tinyaae {words[0]} --help" in error
