"""What `tinyaae.training` promises: every image in its turn, equal runs from equal seeds, nothing lost on resume."""

import dataclasses

import numpy as np
import pytest
from tiny import BATCH, CLASSES, LABELS, STEPS, TRAIN, assembled, tiny_config, tiny_dataset, tiny_run, tiny_system

from tinyaae.backend import Backend, numpy_backend
from tinyaae.backend.numpy_backend import NumpyBackend
from tinyaae.config import MODES
from tinyaae.data import split, unit_interval
from tinyaae.recipes import build
from tinyaae.run_folder import RunFolder
from tinyaae.training import Batches, Shuffles, schedule, train

DATASET = tiny_dataset()


def batches_of(mode="semi-supervised", backend=None, **flags):
    config = tiny_config(mode, **flags)
    return Batches(DATASET, config, backend or Backend.named("numpy"))


def parts_of(**flags):
    """The `Split` that a run with these flags makes."""
    config = tiny_config(**flags)
    return split(DATASET.y_train, CLASSES, config.labels, config.seed)


def as_bytes(backend, x):
    """Pixels in [0, 1] on the device, back to the bytes they were."""
    return np.rint(np.array(backend.to_numpy(x)) * 255).astype(np.uint8)


def sorted_rows(images):
    """The rows of `images` in an order of their own, so that sets of images can be compared."""
    return images[np.lexsort(images.T)]


def seen(batches, epoch):
    """All unlabelled images of an epoch, as bytes."""
    return np.concatenate([as_bytes(batches.backend, batch.x) for batch in batches.epoch(epoch)])


def checkpoint(run):
    return (run.path / "checkpoint.npz").read_bytes()


def metrics_but_seconds(run):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in run.metrics()]


# The order of the images


@pytest.fixture
def shuffles():
    return Shuffles(np.arange(100, 107), seed=3, stream=11)


@pytest.mark.parametrize("start", [0, 1, 6, 7, 13, 20])
@pytest.mark.parametrize("count", [1, 3, 7, 8, 20])
def test_any_stretch_of_shuffles_is_that_stretch_of_the_whole(shuffles, start, count):
    assert np.array_equal(shuffles.take(start, count), shuffles.take(0, 50)[start : start + count])


@pytest.mark.parametrize("k", range(4))
def test_each_shuffle_holds_every_item_once(shuffles, k):
    assert sorted(shuffles.take(7 * k, 7)) == list(range(100, 107))


def test_one_shuffle_is_not_the_next(shuffles):
    assert not np.array_equal(shuffles.take(0, 7), shuffles.take(7, 7))


@pytest.mark.parametrize("other", [{"seed": 4, "stream": 11}, {"seed": 3, "stream": 12}])
def test_shuffles_depend_on_seed_and_stream(shuffles, other):
    assert not np.array_equal(shuffles.take(0, 7), Shuffles(np.arange(100, 107), **other).take(0, 7))


# Batches


@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_an_epoch_holds_every_training_image_once(backend, epoch):
    images = seen(batches_of(backend=backend), epoch)
    assert np.array_equal(sorted_rows(images), sorted_rows(DATASET.x_train[parts_of().train]))


@pytest.mark.parametrize("labels", [LABELS, 60, "all"])
def test_an_epoch_is_as_long_however_many_labels_there_are(labels):
    assert len(list(batches_of(labels=labels).epoch(0))) == STEPS


def test_images_left_over_by_one_epoch_come_first_in_the_next():
    images = np.concatenate([seen(batches_of(batch_size=20), epoch) for epoch in range(11)])  # 11 × 100 = 10 × 110
    for k in range(10):
        shuffle = images[110 * k : 110 * (k + 1)]
        assert np.array_equal(sorted_rows(shuffle), sorted_rows(DATASET.x_train[parts_of().train]))


def test_batch_size_above_the_training_set_means_all_of_it():
    (batch,) = batches_of(batch_size=1000).epoch(0)
    assert batch.x.shape == (110, 36)


def test_validation_images_are_never_trained_on():
    held_out = {image.tobytes() for image in DATASET.x_train[parts_of().validation]}
    batches = batches_of(labels="all")
    trained_on = [batch for epoch in range(3) for batch in batches.epoch(epoch)]
    for batch in trained_on:
        for images in (batch.x, batch.x_labelled):
            assert held_out.isdisjoint(image.tobytes() for image in as_bytes(batches.backend, images))


def test_validation_images_come_with_their_labels():
    images, labels = batches_of().validation
    held_out = parts_of().validation
    assert np.array_equal(images, DATASET.x_train[held_out]) and np.array_equal(labels, DATASET.y_train[held_out])


def test_labelled_batches_hold_only_labelled_images(backend):
    labelled = {image.tobytes() for image in DATASET.x_train[parts_of(labels=30).labelled]}
    for batch in batches_of(backend=backend, labels=30).epoch(0):
        assert labelled.issuperset(image.tobytes() for image in as_bytes(backend, batch.x_labelled))


def test_few_labels_are_all_in_every_batch():
    labelled = DATASET.x_train[parts_of().labelled]
    batches = batches_of()
    for batch in batches.epoch(0):
        assert np.array_equal(sorted_rows(as_bytes(batches.backend, batch.x_labelled)), sorted_rows(labelled))


def test_labels_are_drawn_evenly_over_the_classes():
    counts = sum(np.sum(batch.y_labelled, axis=0) for k in range(3) for batch in batches_of(labels=30).epoch(k))
    assert counts.tolist() == [3 * STEPS * BATCH / CLASSES] * CLASSES


def test_labelled_images_come_with_their_own_labels(backend):
    label = {image.tobytes(): y for image, y in zip(DATASET.x_train, DATASET.y_train, strict=True)}
    for batch in batches_of(backend=backend, labels=30).epoch(0):
        truth = [label[image.tobytes()] for image in as_bytes(backend, batch.x_labelled)]
        assert np.array_equal(backend.to_numpy(batch.y_labelled), np.eye(CLASSES)[truth])


def test_pixels_of_a_batch_are_those_of_the_data_set():
    rows = {row.tobytes() for row in unit_interval(DATASET.x_train)}
    assert all(row.tobytes() in rows for row in next(batches_of().epoch(0)).x)


def test_batches_are_in_the_type_of_the_backend(backend):
    batch = next(batches_of(backend=backend).epoch(0))
    assert all(part.dtype == backend.xp.float32 for part in (batch.x, batch.x_labelled, batch.y_labelled))


@pytest.mark.parametrize("mode", [mode for mode in MODES if not tiny_config(mode).y_is_class])
def test_mode_without_classes_sees_no_labelled_batches(mode):
    assert next(batches_of(mode).epoch(0)).x_labelled is None


def test_label_regularized_tells_the_labels_it_knows_and_one_more_for_unlabelled():
    known = {DATASET.x_train[i].tobytes(): DATASET.y_train[i] for i in parts_of(labels=30).labelled}
    batches = batches_of("label-regularized", labels=30)
    for batch in batches.epoch(0):
        told = [known.get(image.tobytes(), CLASSES) for image in as_bytes(batches.backend, batch.x)]
        assert np.array_equal(batch.labels, np.eye(CLASSES + 1)[told])


def test_other_seed_other_order():
    assert not np.array_equal(seen(batches_of(seed=0), 0), seen(batches_of(seed=1), 0))


# The schedule


@pytest.mark.parametrize("epoch, factor", [(0, 1), (5.9, 1), (6, 1), (8, 0.5), (9, 0.25), (9.99, 0.01), (10, 0.01)])
def test_rates_fade_in_a_straight_line_after_the_given_share_of_the_run(epoch, factor):
    assert schedule(tiny_config(epochs=10, fade=0.6))(epoch) == pytest.approx(factor)


@pytest.mark.parametrize("epoch, factor", [(0, 1), (49.9, 1), (50, 0.1), (999, 0.1), (1000, 0.01), (4999, 0.01)])
def test_paper_schedule_falls_to_a_tenth_at_epochs_50_and_1000(epoch, factor):
    assert schedule(tiny_config(preset="paper", epochs=5000))(epoch) == pytest.approx(factor)


def test_every_phase_follows_the_schedule(tmp_path):
    system, _ = tiny_run(tmp_path / "run", epochs=3, fade=0.5)
    last = schedule(system.config)(2 + (STEPS - 1) / STEPS)
    assert last < 0.2 and {phase.optimizer.scale for phase in system.optimized()} == {last}


# A run


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_trains(tmp_path, mode):
    system, run = tiny_run(tmp_path / "run", mode)
    assert [row["epoch"] for row in run.metrics()] == [1, 2]
    assert all(np.all(np.isfinite(array)) for array in system.state().values())


def test_every_phase_steps_once_a_batch(tmp_path):
    system, _ = tiny_run(tmp_path / "run")
    assert [phase.optimizer.steps for phase in system.optimized()] == [2 * STEPS] * 4


def test_metrics_hold_losses_and_diagnostics(tmp_path):
    _, run = tiny_run(tmp_path / "run")
    expected = {"epoch", "reconstruction", "D_y", "D_z", "D_y_accuracy", "D_z_accuracy", "G_y", "G_z", "classification"}
    expected |= {"reconstruction_error", "z_mean", "z_std", "y_entropy", "dead_outputs", "validation_error", "seconds"}
    assert all(row.keys() == expected for row in run.metrics())


def test_metrics_are_means_over_the_epoch(tmp_path):
    _, run = tiny_run(tmp_path / "run", epochs=1)
    system, batches = assembled(tiny_config(epochs=1))
    losses = []
    for step, batch in enumerate(batches.epoch(0)):
        for phase in system.optimized():
            phase.optimizer.scale = schedule(system.config)(step / STEPS)
        losses.append(float(system.step(batch)["reconstruction"]))
    assert run.metrics()[0]["reconstruction"] == pytest.approx(np.mean(losses), rel=1e-6)


def test_training_makes_reconstructions_better(tmp_path):
    system, _ = tiny_run(tmp_path / "run", "autoencoder", epochs=20, hidden=(30, 20), rate_reconstruction=0.01)
    fresh = build(system.config, system.backend)
    clean = unit_interval(DATASET.x_test)
    error = [np.mean((s.reconstruct(DATASET.x_test) - clean) ** 2) for s in (fresh, system)]
    assert error[1] < 0.8 * error[0]


def test_training_learns_the_classes(tmp_path):
    system, _ = tiny_run(tmp_path / "run", epochs=10, labels=30)
    assert np.mean(system.classify(DATASET.x_test) == DATASET.y_test) > 0.8  # guessing: 1/3


def test_everything_stays_float32(backend):
    system = tiny_system(backend=backend)
    assert all(array.dtype == backend.xp.float32 for array in system.state().values())
    assert all(phase.gradients.flat.dtype == backend.xp.float32 for phase in system.optimized())


@pytest.mark.parametrize("mode", MODES)
def test_every_backend_trains_to_the_same_numbers(backend, mode, monkeypatch):
    """float32 rounds differently from library to library; the noise is the same, being drawn by the plain backend."""
    for kind in (type(backend), NumpyBackend):
        monkeypatch.setattr(kind, "normal", Backend.normal)
        monkeypatch.setattr(kind, "uniform", Backend.uniform)
    monkeypatch.setattr(type(backend), "replayed", Backend.replayed)  # that noise comes from the host at every step
    ours, theirs = (assembled(tiny_config(mode), each) for each in (backend, NumpyBackend()))
    for batch, same_batch in zip(ours[1].epoch(0), theirs[1].epoch(0), strict=True):
        values, expected = ours[0].step(batch), theirs[0].step(same_batch)
        assert {name: float(value) for name, value in values.items()} == pytest.approx(
            {name: float(value) for name, value in expected.items()}, rel=1e-3, abs=1e-4
        )


# Determinism and resume


def test_same_seed_same_bytes(tmp_path):
    one, two = (tiny_run(tmp_path / name)[1] for name in ("one", "two"))
    assert checkpoint(one) == checkpoint(two)
    assert metrics_but_seconds(one) == metrics_but_seconds(two)


def test_other_seed_other_weights(tmp_path):
    one, two = (tiny_run(tmp_path / str(seed), seed=seed)[0] for seed in (0, 1))
    assert not np.array_equal(one.state()["Q/flat"], two.state()["Q/flat"])


@pytest.mark.parametrize("mode, epoch", [("semi-supervised", 0), *((mode, 1) for mode in MODES)])
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, mode, epoch):
    _, whole = tiny_run(tmp_path / "whole", mode, epochs=3)
    system, batches = assembled(whole.config())
    part = RunFolder.create(tmp_path / "part")
    with pytest.raises(KeyboardInterrupt):
        train(system, InterruptedIn(batches, epoch, STEPS // 2), part, quiet=True)
    system, batches = assembled(whole.config())
    assert part.restore(system) == epoch
    train(system, batches, part, epoch, quiet=True)
    assert checkpoint(part) == checkpoint(whole)
    assert metrics_but_seconds(part) == metrics_but_seconds(whole)


class InterruptedIn:
    """Batches whose reader presses Ctrl-C at a step of an epoch."""

    def __init__(self, batches, epoch, step):
        self.batches, self.at, self.steps, self.validation = batches, (epoch, step), batches.steps, batches.validation

    def epoch(self, k):
        for step, batch in enumerate(self.batches.epoch(k)):
            if (k, step) == self.at:
                raise KeyboardInterrupt
            yield batch


def test_optimizers_give_the_same_bytes_on_one_thread_and_on_two(tmp_path, monkeypatch):
    monkeypatch.setattr(numpy_backend, "BLOCK", 16)  # so that the tiny vectors are shared out in many blocks
    one, two = (tiny_run(tmp_path / str(n), backend=NumpyBackend(threads=n))[1] for n in (1, 2))
    assert checkpoint(one) == checkpoint(two)


def test_progress_names_the_epoch_and_its_losses_in_words(tmp_path):
    system, batches = assembled(tiny_config())
    said = []
    train(system, batches, RunFolder.create(tmp_path / "run"), say=said.append)
    assert [line.split(":")[0] for line in said] == ["epoch 1/2", "epoch 2/2"]
    for words in ("reconstruction", "D_gauss right", "D_cat right", "loss on labels", "validation error"):
        assert all(words in line for line in said)


def test_quiet_training_says_nothing(tmp_path, capfd):
    system, batches = assembled(dataclasses.replace(tiny_config(), epochs=1))
    train(system, batches, RunFolder.create(tmp_path / "run"), quiet=True)
    assert capfd.readouterr() == ("", "")


def test_training_images_are_counted_right():
    assert (TRAIN, STEPS * BATCH, len(parts_of().validation)) == (120, 110, 10)
