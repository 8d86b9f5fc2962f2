"""What `tinyaae.metrics.content` promises: four measures that tell a model whose y decides from one whose z does."""

import numpy as np
import pytest
from tiny import CLASSES, TEST, assembled, tiny_config, tiny_dataset, tiny_model

from tinyaae.data import split, unit_interval
from tinyaae.metrics import content, evaluate
from tinyaae.metrics.content import IMAGES, Judge, content_report, judge_for, linear_probe, spread

DATA = tiny_dataset()
NAMES = np.arange(CLASSES)
TESTED = DATA.x_test, DATA.y_test
MEASURES = {"content_accuracy", "exchange_accuracy", "style_leak", "style_leak_chance", "style_spread"}
MEASURES |= {"judge_accuracy"}


class Stub:
    """A model with `encode_rows`, `decode_rows` and `sample_rows` alone: P paints what `paint(y, z)` says."""

    def __init__(self, paint, encode=None):
        self.config, self.paint = tiny_config(z=CLASSES), paint
        self.encode_rows = encode or (lambda x: code_of(np.eye(CLASSES)[DATA.y_test[: len(x)]]))

    def decode_rows(self, z, y):
        return self.paint(y, z)

    def sample_rows(self, n, labels):
        return self.paint(np.eye(CLASSES)[labels], np.random.default_rng(0).normal(size=(n, CLASSES)))


def code_of(z):
    from tinyaae.networks import Code

    return Code(y=z, z=z)


PICTURES = np.stack([unit_interval(DATA.x_train)[DATA.y_train == k].mean(axis=0) for k in range(CLASSES)])
PICTURES = PICTURES.astype(np.float32)


def report(stub, judge=None, names=NAMES, tested=TESTED):
    return content_report(stub, judge or Judge(PICTURES, NAMES), names, tested, tested)


def test_where_y_decides_content_and_exchange_are_whole():
    found = report(Stub(lambda y, z: y.astype(np.float32) @ PICTURES))
    assert found["content_accuracy"] == found["exchange_accuracy"] == 1


def test_where_z_decides_nothing_follows_the_new_y():
    found = report(Stub(lambda y, z: PICTURES[np.argmax(z, axis=1)]))
    assert found["exchange_accuracy"] == 0 and found["content_accuracy"] < 0.5


def test_class_means_have_no_spread():
    assert report(Stub(lambda y, z: y.astype(np.float32) @ PICTURES))["style_spread"] == pytest.approx(0, abs=1e-6)


def test_the_test_images_themselves_have_a_spread_of_one():
    """P paints a test image of the class of y, drawn by z."""

    def paint(y, z):
        rows = [np.flatnonzero(DATA.y_test == k) for k in np.argmax(y, axis=1)]
        return unit_interval(DATA.x_test)[[row[i % len(row)] for i, row in enumerate(rows)]]

    assert report(Stub(paint))["style_spread"] == pytest.approx(1, abs=0.15)


def test_a_class_that_can_be_read_off_z_leaks():
    assert report(Stub(lambda y, z: y.astype(np.float32) @ PICTURES))["style_leak"] == 1


def test_a_z_of_noise_leaks_no_more_than_chance():
    noise = np.random.default_rng(0).normal(size=(20_000, CLASSES))
    labels = np.random.default_rng(1).integers(0, CLASSES, 20_000)
    probe = linear_probe(noise[:10_000], labels[:10_000])
    assert np.mean(probe(noise[10_000:]) == labels[10_000:]) == pytest.approx(1 / CLASSES, abs=0.02)


def test_the_probe_separates_classes_on_a_ring_around_another():
    """Least squares on one-hot targets masks the class in the middle of a line; discriminant analysis does not."""
    z = np.repeat([[-4.0], [0.0], [4.0]], 500, axis=0) + np.random.default_rng(0).normal(size=(1500, 1))
    labels = np.repeat([3, 7, 9], 500)
    assert np.mean(linear_probe(z, labels)(z) == labels) > 0.95


def test_the_probe_bears_a_coordinate_that_is_constant():
    z = np.concatenate([np.repeat([[0.0], [1.0]], 5, axis=0), np.ones((10, 1))], axis=1)
    labels = np.repeat([0, 1], 5)
    assert np.all(linear_probe(z, labels)(z) == labels)


def test_clusters_are_asked_for_by_their_names():
    """Two of three clusters are called 0; exchanging y goes to a cluster of another name."""
    names = np.array([0, 0, 2])
    pictures = PICTURES[names]
    found = report(Stub(lambda y, z: y.astype(np.float32) @ pictures), names=names)
    assert found["content_accuracy"] == 1 and found["exchange_accuracy"] == 1


def test_a_judge_that_errs_too_often_withholds_its_measures():
    wrong = Judge(PICTURES, (NAMES + 1) % CLASSES)
    found = report(Stub(lambda y, z: y.astype(np.float32) @ PICTURES), wrong)
    assert found["judge_accuracy"] < 0.1
    assert found["content_accuracy"] is found["exchange_accuracy"] is None
    assert found["style_leak"] == 1


def test_data_without_labels_have_a_spread_alone():
    blank = DATA.x_test, np.zeros(TEST, int)
    found = report(Stub(lambda y, z: y.astype(np.float32) @ PICTURES), tested=blank)
    assert [name for name, value in found.items() if value is None] == [
        "content_accuracy", "exchange_accuracy", "style_leak", "style_leak_chance"
    ]  # fmt: skip


def test_where_no_two_test_images_of_a_class_differ_there_is_no_spread():
    twins = np.repeat(DATA.x_test[:1], TEST, axis=0), DATA.y_test
    found = report(Stub(lambda y, z: y.astype(np.float32) @ PICTURES), tested=twins)
    assert found["style_spread"] is None and "spread" not in content.in_words(found)


def test_the_judge_is_the_nearest_image_however_many_there_are(monkeypatch):
    rng = np.random.default_rng(0)
    images, labels, x = rng.random((50, 4), np.float32), rng.integers(0, 9, 50), rng.random((7, 4), np.float32)
    expected = labels[np.argmin(np.sum((x[:, None] - images) ** 2, axis=2), axis=1)]
    for chunk in (5000, 50, 7, 1):
        monkeypatch.setattr(content, "CHUNK", chunk)
        assert np.array_equal(Judge(images, labels)(x), expected)


def test_the_judge_knows_all_training_labels_and_no_validation_image():
    config = tiny_config()
    judge = judge_for(DATA, config)
    parts = split(DATA.y_train, CLASSES, config.labels, config.seed)
    assert np.array_equal(judge.images, DATA.x_train[parts.train])
    assert np.array_equal(judge.labels, DATA.y_train[parts.train])
    assert len(judge.labels) > len(parts.labelled)


def test_spread_is_the_mean_squared_distance_of_two_images_of_a_group():
    images, groups = np.random.default_rng(0).random((6, 4)), np.array([0, 0, 0, 1, 1, 2])

    def mean_of_pairs(rows):
        pairs = [np.sum((a - b) ** 2) for i, a in enumerate(rows) for b in rows[:i]]
        return np.mean(pairs)

    expected = (mean_of_pairs(images[:3]) + mean_of_pairs(images[3:5])) / 2
    assert spread(images, groups) == pytest.approx(expected)


@pytest.mark.parametrize("mode", ["supervised", "semi-supervised", "clustering", "reduction"])
def test_a_mode_whose_p_reads_a_y_reports_them(mode):
    model, batches = assembled(tiny_config(mode))
    found = evaluate(model, DATA, batches.validation)
    assert found.keys() >= MEASURES


@pytest.mark.parametrize("mode", ["autoencoder", "vae", "gan", "aae", "label-regularized"])
def test_a_mode_whose_p_reads_no_y_reports_none(mode):
    model, batches = assembled(tiny_config(mode))
    found = evaluate(model, DATA, batches.validation)
    assert not found.keys() & MEASURES
    assert content.in_words(found) == "" and content.warnings_in(found) == []


def test_the_report_is_the_same_each_time():
    model = tiny_model()
    assert report(model, judge_for(DATA, model.config)) == report(model, judge_for(DATA, model.config))


def test_in_words_every_number_stands_and_what_is_withheld_does_not():
    found = report(Stub(lambda y, z: y.astype(np.float32) @ PICTURES))
    words = content.in_words(found)
    for name in ("content accuracy 100.0%", "exchange accuracy 100.0%", "z alone", "style spread 0.00", "judge"):
        assert name in words
    words = content.in_words(found | {"content_accuracy": None, "exchange_accuracy": None})
    assert "content accuracy" not in words and "z alone" in words


@pytest.mark.parametrize("value, warned", [(0.79, True), (0.8, False), (None, False)])
def test_a_content_accuracy_under_80_percent_is_warned_of(value, warned):
    warnings = content.warnings_in({"content_accuracy": value})
    assert bool(warnings) == warned
    assert all("79%" in warning and "--set condition_on_y=true" in warning for warning in warnings)


def test_the_spread_is_that_of_a_thousand_samples():
    seen = []
    stub = Stub(lambda y, z: seen.append(len(y)) or y.astype(np.float32) @ PICTURES)
    report(stub)
    assert seen == [IMAGES, TEST]
