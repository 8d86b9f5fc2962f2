"""What `tinyaae.training` promises: every image in its turn, equal runs from equal seeds, nothing lost on resume."""

import dataclasses
import itertools
import math
import os
import re
import signal
import threading
import time

import numpy as np
import pytest
from backends import backend_for_test
from tiny import (
    BATCH,
    CLASSES,
    LABELS,
    STEPS,
    TEST,
    TRAIN,
    assembled,
    refusal,
    tiny_config,
    tiny_dataset,
    tiny_model,
    tiny_run,
)

from tinyaae.backend import Backend
from tinyaae.backend import numpy as numpy_backend
from tinyaae.backend.numpy import NumpyBackend
from tinyaae.config.modes import MODES
from tinyaae.data import split, unit_interval
from tinyaae.errors import Diverged, Interrupted
from tinyaae.metrics import diagnostics
from tinyaae.model import build
from tinyaae.training import Batches, Permutations, divergence, loop, schedule, train
from tinyaae.training.checkpoint import START, Position
from tinyaae.training.loop import measure
from tinyaae.training.run_folder import RunFolder

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


def checkpoint(run, name="checkpoint.npz"):
    return (run.path / name).read_bytes()


def metrics_but_seconds(run):
    """The text of metrics.csv without its last column, the wall time."""
    return [line.rpartition(",")[0] for line in (run.path / "metrics.csv").read_text().splitlines()]


# The order of the images


@pytest.fixture
def permutations():
    return Permutations(np.arange(100, 107), seed=3, stream=11)


@pytest.mark.parametrize("start", [0, 1, 6, 7, 13, 20])
@pytest.mark.parametrize("count", [1, 3, 7, 8, 20])
def test_any_stretch_of_permutations_is_that_stretch_of_the_whole(permutations, start, count):
    assert np.array_equal(permutations.take(start, count), permutations.take(0, 50)[start : start + count])


@pytest.mark.parametrize("k", range(4))
def test_each_permutation_holds_every_item_once(permutations, k):
    assert sorted(permutations.take(7 * k, 7)) == list(range(100, 107))


def test_one_permutation_is_not_the_next(permutations):
    assert not np.array_equal(permutations.take(0, 7), permutations.take(7, 7))


@pytest.mark.parametrize("other", [{"seed": 4, "stream": 11}, {"seed": 3, "stream": 12}])
def test_permutations_depend_on_seed_and_stream(permutations, other):
    assert not np.array_equal(permutations.take(0, 7), Permutations(np.arange(100, 107), **other).take(0, 7))


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
    validation = {image.tobytes() for image in DATASET.x_train[parts_of().validation]}
    batches = batches_of(labels="all")
    trained_on = [batch for epoch in range(3) for batch in batches.epoch(epoch)]
    for batch in trained_on:
        for images in (batch.x, batch.x_labelled):
            assert validation.isdisjoint(image.tobytes() for image in as_bytes(batches.backend, images))


def test_validation_images_come_with_their_labels():
    images, labels = batches_of().validation
    validation = parts_of().validation
    assert np.array_equal(images, DATASET.x_train[validation]) and np.array_equal(labels, DATASET.y_train[validation])


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


@pytest.mark.parametrize("mode", ["semi-supervised", "label-regularized"])
def test_an_epoch_can_be_entered_at_any_step(mode):
    whole = list(batches_of(mode).epoch(1))
    for first in (0, 1, STEPS - 1):
        rest = list(batches_of(mode).epoch(1, first))
        assert len(rest) == STEPS - first
        for batch, same in zip(rest, whole[first:], strict=True):
            pairs = [(a, b) for a, b in zip(batch, same, strict=True) if a is not None]
            assert all(np.array_equal(a, b) for a, b in pairs)


def test_batches_are_in_the_type_of_the_backend(backend):
    batch = next(batches_of(backend=backend).epoch(0))
    assert all(part.dtype == backend.xp.float32 for part in (batch.x, batch.x_labelled, batch.y_labelled))


@pytest.mark.parametrize("mode", [mode for mode in MODES if not tiny_config(mode).y_is_class])
def test_mode_without_classes_sees_no_labelled_batches(mode):
    assert next(batches_of(mode).epoch(0)).x_labelled is None


def test_label_regularized_has_the_labels_it_knows_and_one_more_for_unlabelled():
    known = {DATASET.x_train[i].tobytes(): DATASET.y_train[i] for i in parts_of(labels=30).labelled}
    batches = batches_of("label-regularized", labels=30)
    for batch in batches.epoch(0):
        labels = [known.get(image.tobytes(), CLASSES) for image in as_bytes(batches.backend, batch.x)]
        assert np.array_equal(batch.labels, np.eye(CLASSES + 1)[labels])


def test_other_seed_other_order():
    assert not np.array_equal(seen(batches_of(seed=0), 0), seen(batches_of(seed=1), 0))


# The schedule


@pytest.mark.parametrize("epoch, factor", [(0, 1), (5.9, 1), (6, 1), (8, 0.5), (9, 0.25), (9.99, 0.01), (10, 0.01)])
def test_learning_rates_decay_linearly_after_the_given_part_of_the_run(epoch, factor):
    assert schedule(tiny_config(epochs=10, linear_decay_from=0.6))(epoch) == pytest.approx(factor)


@pytest.mark.parametrize("epoch, factor", [(0, 1), (49.9, 1), (50, 0.1), (999, 0.1), (1000, 0.01), (4999, 0.01)])
def test_paper_schedule_falls_to_a_tenth_at_epochs_50_and_1000(epoch, factor):
    assert schedule(tiny_config(preset="paper", epochs=5000))(epoch) == pytest.approx(factor)


def test_every_phase_follows_the_schedule(tmp_path):
    model, _ = tiny_run(tmp_path / "run", epochs=3, linear_decay_from=0.5)
    last = schedule(model.config)(2 + (STEPS - 1) / STEPS)
    assert last < 0.2 and {phase.optimizer.lr_scale for phase in model.phases_with_optimizer()} == {last}


# A run


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_trains(tmp_path, mode):
    model, run = tiny_run(tmp_path / "run", mode)
    assert [row["epoch"] for row in run.metrics()] == [1, 2]
    assert all(np.all(np.isfinite(array)) for array in model.state().values())


def test_every_phase_steps_once_a_batch(tmp_path):
    model, _ = tiny_run(tmp_path / "run")
    assert [phase.optimizer.steps for phase in model.phases_with_optimizer()] == [2 * STEPS] * 4


def test_metrics_hold_losses_and_diagnostics(tmp_path):
    _, run = tiny_run(tmp_path / "run")
    expected = {"epoch", "cross_entropy", "D_cat", "D_gauss", "D_cat_accuracy", "D_gauss_accuracy", "G_cat", "G_gauss"}
    expected |= {"classification"}
    expected |= {"reconstruction_error", "z_mean", "z_std", "y_entropy", "dead_outputs", "validation_error", "seconds"}
    assert all(row.keys() == expected for row in run.metrics())


def test_metrics_are_means_over_the_epoch(tmp_path):
    _, run = tiny_run(tmp_path / "run", epochs=1)
    model, batches = assembled(tiny_config(epochs=1))
    losses = []
    for step, batch in enumerate(batches.epoch(0)):
        for phase in model.phases_with_optimizer():
            phase.optimizer.lr_scale = schedule(model.config)(step / STEPS)
        losses.append(float(model.step(batch)["cross_entropy"]))
    assert run.metrics()[0]["cross_entropy"] == pytest.approx(np.mean(losses), rel=1e-6)


def test_training_makes_reconstructions_better(tmp_path):
    model, _ = tiny_run(tmp_path / "run", "autoencoder", epochs=20, hidden=(30, 20), lr_reconstruction=0.01)
    fresh = build(model.config, model.backend)
    clean = unit_interval(DATASET.x_test)
    error = [np.mean((s.reconstruct(DATASET.x_test) - clean) ** 2) for s in (fresh, model)]
    assert error[1] < 0.8 * error[0]


def test_training_learns_the_classes(tmp_path):
    model, _ = tiny_run(tmp_path / "run", epochs=10, labels=30)
    assert np.mean(model.classify(DATASET.x_test) == DATASET.y_test) > 0.8  # guessing: 1/3


def test_everything_stays_float32(backend):
    model = tiny_model(backend=backend)
    assert all(array.dtype == backend.xp.float32 for array in model.state().values())
    assert all(phase.gradients.flat.dtype == backend.xp.float32 for phase in model.phases_with_optimizer())


@pytest.mark.parametrize("mode", MODES)
def test_every_backend_trains_to_the_same_numbers(backend64, mode, monkeypatch):
    """In float64, for rounding grows from step to step; the noise is the same, being drawn by the plain backend."""
    backend = backend64
    for kind in (type(backend), NumpyBackend):
        monkeypatch.setattr(kind, "normal", Backend.normal)
        monkeypatch.setattr(kind, "uniform", Backend.uniform)
    monkeypatch.setattr(type(backend), "captured", Backend.captured)  # that noise comes from the host at every step
    ours, theirs = (assembled(tiny_config(mode), each) for each in (backend, NumpyBackend("float64")))
    for batch, same_batch in zip(ours[1].epoch(0), theirs[1].epoch(0), strict=True):
        values, expected = ours[0].step(batch), theirs[0].step(same_batch)
        assert {name: float(value) for name, value in values.items()} == pytest.approx(
            {name: float(value) for name, value in expected.items()}, rel=1e-8, abs=1e-9
        )


# Determinism and resume


def test_same_seed_same_bytes(tmp_path):
    one, two = (tiny_run(tmp_path / name)[1] for name in ("one", "two"))
    assert checkpoint(one) == checkpoint(two)
    assert metrics_but_seconds(one) == metrics_but_seconds(two)


def test_other_seed_other_weights(tmp_path):
    one, two = (tiny_run(tmp_path / str(seed), seed=seed)[0] for seed in (0, 1))
    assert not np.array_equal(one.state()["Q/flat"], two.state()["Q/flat"])


@pytest.mark.parametrize("mode, epoch, step", [("semi-supervised", 0, 1), *((mode, 1, STEPS // 2) for mode in MODES)])
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, mode, epoch, step):
    """The signal comes in the middle of a step; that step is finished, saved, and not taken again."""
    _, whole = tiny_run(tmp_path / "whole", mode, epochs=3)
    part = RunFolder.create(tmp_path / "part")
    model, batches = assembled(whole.config())
    with pytest.raises(Interrupted) as stop:
        train(model, InterruptedIn(batches, epoch, step), part, quiet=True)
    assert stop.value.status == 130
    model, batches = assembled(whole.config())
    position = part.restore(model)
    assert (position.epoch, position.step) == (epoch, step + 1)
    train(model, batches, part, position, quiet=True)
    same_run(part, whole)


def test_resume_is_exact_on_every_backend(tmp_path, backend):
    _, whole = tiny_run(tmp_path / "whole", backend=backend)
    part = RunFolder.create(tmp_path / "part")
    model, batches = assembled(tiny_config(), backend)
    with pytest.raises(Interrupted):
        train(model, InterruptedIn(batches, 0, 6), part, quiet=True)
    model, batches = assembled(tiny_config(), backend)
    train(model, batches, part, part.restore(model), quiet=True)
    same_run(part, whole)


def same_run(part, whole):
    assert checkpoint(part) == checkpoint(whole)
    assert (part.path / "best.npz").exists() == (whole.path / "best.npz").exists() == (whole.config().mode != "gan")
    if whole.config().mode != "gan":
        assert checkpoint(part, "best.npz") == checkpoint(whole, "best.npz")
    assert metrics_but_seconds(part) == metrics_but_seconds(whole)


class InterruptedIn:
    """Batches in whose reading a signal comes at a step of an epoch, or at two."""

    def __init__(self, batches, epoch, *steps, sent=signal.SIGINT):
        self.batches, self.at, self.sent = batches, [(epoch, step) for step in steps], sent
        self.steps, self.validation = batches.steps, batches.validation

    def epoch(self, k, first):
        for step, batch in enumerate(self.batches.epoch(k, first), first):
            if (k, step) in self.at:
                signal.raise_signal(self.sent)
            yield batch


@pytest.mark.parametrize("save_every", [1, 3])
def test_signal_in_the_last_step_of_an_epoch_ends_the_run_after_that_epoch(tmp_path, save_every):
    model, batches = assembled(tiny_config(epochs=3, save_every=save_every))
    run = RunFolder.create(tmp_path / "run")
    with pytest.raises(Interrupted):
        train(model, InterruptedIn(batches, 0, STEPS - 1), run, quiet=True)
    assert run.restore(model) == run.saved == Position(1)
    assert len(run.metrics()) == 1


def test_sigterm_has_a_status_of_its_own(tmp_path):
    model, batches = assembled(tiny_config())
    with pytest.raises(Interrupted) as stop:
        train(model, InterruptedIn(batches, 0, 1, sent=signal.SIGTERM), RunFolder.create(tmp_path / "run"), quiet=True)
    assert stop.value.status == 143


def test_second_signal_stops_at_once_and_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    """It comes while the first one's checkpoint is being written."""
    model, batches = assembled(tiny_config())
    run = RunFolder.create(tmp_path / "run")
    fsync = os.fsync

    def fsync_interrupted(handle):
        if run.saved is not None and run.saved == START:
            signal.raise_signal(signal.SIGINT)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync_interrupted)
    with pytest.raises(Interrupted):
        train(model, InterruptedIn(batches, 0, 2), run, quiet=True)
    assert run.restore(model) == START
    assert {path.name for path in run.path.iterdir()} == {"config.json", "checkpoint.npz", "snapshots"}


def test_handlers_of_signals_are_put_back(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    tiny_run(tmp_path / "run")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_trains_in_a_thread_that_can_have_no_handlers(tmp_path):
    thread = threading.Thread(target=tiny_run, args=[tmp_path / "run"])
    thread.start()
    thread.join()
    assert len(RunFolder.open(tmp_path / "run").metrics()) == 2


def test_resume_where_an_epoch_has_fewer_steps(tmp_path):
    model, batches = assembled(tiny_config())
    line = refusal(train, model, batches, RunFolder.create(tmp_path / "run"), Position(0, STEPS), quiet=True)
    assert "has the data changed?" in line


# When to save


def positions_saved(monkeypatch, tmp_path, **flags):
    """The (epoch, step) of every checkpoint of a run."""
    saved, save = [], RunFolder.save

    def noted(run, model, position):
        saved.append((position.epoch, position.step))
        save(run, model, position)

    monkeypatch.setattr(RunFolder, "save", noted)
    tiny_run(tmp_path / "run", **flags)
    return saved


def test_checkpoint_every_few_epochs_and_at_the_end(tmp_path, monkeypatch):
    assert positions_saved(monkeypatch, tmp_path, epochs=5, save_every=2) == [(0, 0), (2, 0), (4, 0), (5, 0)]


def test_checkpoint_every_few_minutes(tmp_path, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: 60 * next(clock))  # every look at the clock is a minute later
    saved = positions_saved(monkeypatch, tmp_path, epochs=1, save_minutes=4)
    assert saved == [(0, 0), (0, 4), (0, 8), (1, 0)]


def test_checkpoints_change_no_number(tmp_path):
    one, two = (tiny_run(tmp_path / str(m), epochs=3, save_minutes=m, save_every=e)[1] for m, e in ((0.0, 1), (9.0, 2)))
    same_run(one, two)


def test_run_without_an_encoder_has_no_best_epoch_and_says_so(tmp_path):
    model, run = tiny_run(tmp_path / "run", "gan")
    assert "so no best epoch" in refusal(run.restore, model, best=True)


def test_best_is_the_epoch_with_the_lowest_validation_error(tmp_path):
    model, run = tiny_run(tmp_path / "run", epochs=6)
    errors = [row["validation_error"] for row in run.metrics()]
    best = run.restore(model, best=True).epoch
    assert errors[best - 1] == min(errors) and errors.index(min(errors)) == best - 1
    assert diagnostics(model, *batches_of().validation)["validation_error"] == min(errors)


@pytest.mark.parametrize("row, best", [({"reconstruction_error": 3.0}, 3.0), ({"D_image": 1.0}, math.inf)])
def test_what_says_best_where_there_is_no_validation_error(row, best):
    assert measure(row) == best
    assert measure(row | {"validation_cluster_error": 0.5}) == 0.5


def test_without_true_labels_the_best_epoch_is_that_of_the_reconstruction(tmp_path):
    """One value for all labels makes every cluster's name right, so an error of 0 says nothing."""
    dataset = tiny_dataset()._replace(y_train=np.zeros(TRAIN, int), y_test=np.zeros(TEST, int), classes=2)
    config = tiny_config("clustering", clusters=3, epochs=4).for_data(dataset)
    model, batches = build(config, Backend.named("numpy")), Batches(dataset, config, Backend.named("numpy"))
    run = RunFolder.create(tmp_path / "run")
    run.write_config(config)
    train(model, batches, run, quiet=True)
    errors = [row["reconstruction_error"] for row in run.metrics()]
    assert "validation_cluster_error" not in run.metrics()[0]
    assert run.restore(model, best=True).epoch == 1 + errors.index(min(errors)) > 1


# Divergence


class NaNFrom:
    """Batches whose images are NaN from a step of epoch 1 on, each time they are read."""

    def __init__(self, batches, step):
        self.batches, self.step, self.steps, self.validation = batches, step, batches.steps, batches.validation

    def epoch(self, k, first):
        for step, batch in enumerate(self.batches.epoch(k, first), first):
            yield batch._replace(x=batch.x * math.nan) if (k, step) >= (1, self.step) else batch


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_is_found_on_every_backend(tmp_path, backend):
    model, batches = assembled(tiny_config(), backend)
    with pytest.raises(Diverged, match=r"epoch 2, step 5: phase reconstruction, Q layer 1"):
        train(model, NaNFrom(batches, 4), RunFolder.create(tmp_path / "run"), quiet=True)


@pytest.mark.parametrize("save_minutes", [0.0, 10.0])
def test_divergence_names_phase_layer_and_step_and_keeps_the_last_healthy_state(tmp_path, save_minutes):
    model, batches = assembled(tiny_config(save_minutes=save_minutes))
    run = RunFolder.create(tmp_path / "run")
    with pytest.raises(Diverged, match=r"epoch 2, step 5: phase reconstruction, Q layer 1 of 10 \(Gaussian") as found:
        train(model, NaNFrom(batches, 4), run, quiet=True)
    assert len(str(found.value).splitlines()) == 1
    position = run.restore(model)
    assert (position.epoch, position.step) == (1, 4 if save_minutes == 0 else 0)
    assert divergence.finite(model.backend, model.state().values())


@pytest.mark.parametrize("flat", ["D_gauss", "Q"])
def test_nan_in_a_weight_alone_never_reaches_a_checkpoint(tmp_path, monkeypatch, flat):
    """No loss has seen it yet: it came with the last update."""
    model, batches = assembled(tiny_config(epochs=1, save_minutes=0.0))
    run, step, steps = RunFolder.create(tmp_path / "run"), type(model).step, itertools.count(1)

    def poisoned(model, batch):
        values = step(model, batch)
        if next(steps) == 4:
            model.networks[flat].flat[0] = math.nan
        return values

    monkeypatch.setattr(type(model), "step", poisoned)
    with pytest.raises(Diverged, match="by step 4 of epoch 1; not finite: which did not happen again"):
        train(model, batches, run, quiet=True)
    assert run.restore(model).step == 3


@pytest.mark.parametrize(
    "poison, words",
    [
        (("Q", 2, "backward"), r"phase reconstruction, Q layer 3 of 9 \(BatchNorm\) backward"),
        (("P", 2, "forward"), r"phase reconstruction, P layer 3 of 8 \(ReLU\) forward"),
        (("P", 6, "backward"), r"phase reconstruction, P layer 7 of 8 \(Linear\) backward"),
        (("D_cat", 4, "forward"), r"phase discriminate, D_cat layer 5 of 5 \(Linear\) forward"),
        (("D_gauss", 1, "backward"), r"phase discriminate, D_gauss layer 2 of 5 \(ReLU\) backward"),
    ],
)
def test_replay_names_the_layer_that_is_sick(poison, words):
    model, batches = assembled(tiny_config(reconstruction="squared", head_norm=False))
    name, k, method = poison
    layer = list(model.networks[name].stack.walk())[k]
    original = getattr(layer, method)

    def sick(*arguments, **named):
        result = original(*arguments, **named)
        return (result[0] * math.nan, result[1]) if method == "forward" else result * math.nan

    setattr(layer, method, sick)
    steps = [("step 1", batch) for batch in batches.epoch(0)]
    assert re.match(f"step 1: {words}", divergence.locate_non_finite(model, steps))


@pytest.mark.parametrize("backend", ["numpy", "numpy-fast", "cupy-without-gpu"])
def test_replay_names_the_layer_on_a_backend_that_pairs_layers(backend, monkeypatch):
    config = tiny_config("aae", preset="paper")  # no batch norm between a Linear and its ReLU
    model, batches = assembled(config, backend_for_test(backend, "float32", monkeypatch))
    model.networks["P"].stack.layers[0].W[...] = math.nan
    words = divergence.locate_non_finite(model, [("step 1", batch) for batch in batches.epoch(0)])
    assert re.match(r"step 1: phase reconstruction, P layer 1 of \d+ \(Linear\) forward", words)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_replay_names_an_update_that_is_sick():
    model, batches = assembled(tiny_config())
    model.phases[-1].optimizer.lr = math.inf
    words = divergence.locate_non_finite(model, [("step 1", batch) for batch in batches.epoch(0)])
    assert words == "step 1: phase semi-supervised, update of Q"


def test_replay_leaves_no_check_behind():
    model, batches = assembled(tiny_config())
    steps = [(str(step), batch) for step, batch in enumerate(batches.epoch(0))]
    assert "did not happen again" in divergence.locate_non_finite(model, steps)
    layers = [layer for network in model.networks.values() for layer in network.stack.walk()]
    for owner in [*layers, *model.phases, *model.phases_with_optimizer()]:
        assert not {"forward", "backward", "update", "step"} & vars(owner).keys()


@pytest.mark.without_kernels
def test_every_backend_knows_what_is_finite(backend):
    one = backend.zeros((3, 4))
    assert divergence.finite(backend, [one, one[0, 0]])
    for bad in (math.nan, math.inf, -math.inf):
        assert not divergence.finite(backend, [one, one[:1, :] + bad])
    with np.errstate(invalid="ignore"):
        assert not divergence.finite(backend, [one + math.inf, one - math.inf])


def test_optimizers_give_the_same_bytes_on_one_thread_and_on_two(tmp_path, monkeypatch):
    monkeypatch.setattr(numpy_backend, "BLOCK", 16)  # so that the tiny vectors are shared out in many blocks
    one, two = (tiny_run(tmp_path / str(n), backend=NumpyBackend(threads=n))[1] for n in (1, 2))
    assert checkpoint(one) == checkpoint(two)


def test_progress_names_the_epoch_and_its_losses_in_words(tmp_path):
    model, batches = assembled(tiny_config())
    said = []
    train(model, batches, RunFolder.create(tmp_path / "run"), say=said.append)
    assert [line.split(":")[0] for line in said] == ["epoch 1/2", "epoch 2/2"]
    for words in ("cross-entropy", "D_gauss right", "D_cat right", "loss on labels", "validation error"):
        assert all(words in line for line in said)


@pytest.mark.parametrize("threads, often, said_once", [(2, 10**6, True), (2, 0, False), (1, 10**6, False)])
def test_a_run_says_once_that_other_processes_take_the_cores_from_its_threads(
    tmp_path, monkeypatch, threads, often, said_once
):
    counts = itertools.count(step=often)
    monkeypatch.setattr(loop, "times_displaced", lambda: next(counts))
    monkeypatch.setattr(loop, "FINITE_CHECK_EVERY", 1)
    model, batches = assembled(tiny_config(), NumpyBackend(threads=threads))
    said = []
    train(model, batches, RunFolder.create(tmp_path / "run"), say=said.append)
    assert sum("OPENBLAS_NUM_THREADS=1" in line for line in said) == said_once


def test_quiet_training_says_nothing(tmp_path, capfd):
    model, batches = assembled(dataclasses.replace(tiny_config(), epochs=1))
    train(model, batches, RunFolder.create(tmp_path / "run"), quiet=True)
    assert capfd.readouterr() == ("", "")


def test_training_images_are_counted_right():
    assert (TRAIN, STEPS * BATCH, len(parts_of().validation)) == (120, 110, 10)
