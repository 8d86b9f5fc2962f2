"""What a run keeps of its training for the page that replays it, and that the training goes on as without."""

import io

import numpy as np
import pytest
from tiny import assembled, refusal, tiny_config, tiny_run

from tinyaae.model import build
from tinyaae.training import train
from tinyaae.training.run import InMemory
from tinyaae.training.run_folder import RunFolder
from tinyaae.training.snapshots import LEVELS, in_levels, is_due, snapshot


def contents_of(run):
    """Return name -> bytes of the snapshots of a run."""
    return {file.name: file.read_bytes() for file in (run.path / "snapshots").iterdir()}


def test_a_run_that_keeps_snapshots_has_the_same_weights_as_one_that_keeps_none(tmp_path):
    model, run = tiny_run(tmp_path / "run", "semi-supervised")
    other, batches = assembled(tiny_config("semi-supervised"))
    train(other, batches, InMemory(), quiet=True)
    assert len(run.snapshots()) == 3
    for name, array in model.state().items():
        np.testing.assert_array_equal(array, other.state()[name], err_msg=name)


def test_a_resumed_run_has_the_snapshots_of_one_that_was_never_stopped(tmp_path):
    _, whole = tiny_run(tmp_path / "whole", "aae", epochs=4)
    _, stopped = tiny_run(tmp_path / "stopped", "aae", epochs=4)
    for epoch in (3, 4):
        (stopped.path / "snapshots" / f"{epoch:06}.npz").unlink()
    model, batches = assembled(tiny_config("aae", epochs=4))
    run = RunFolder.create(tmp_path / "resumed")
    train(model, batches, run, quiet=True, each_epoch=lambda row: row["epoch"] == 2)
    assert contents_of(run) == contents_of(stopped)
    again = build(model.config, model.backend)
    train(again, batches, run, run.restore(again), quiet=True)
    assert contents_of(run) == contents_of(whole)


def test_a_run_of_any_length_keeps_thirty_one_snapshots_at_most():
    for epochs in (1, 17, 30, 31, 59, 1001):
        kept = [epoch for epoch in range(epochs + 1) if is_due(epoch, epochs)]
        assert len(kept) <= 31 and kept[0] == 0 and kept[-1] == epochs


def test_the_snapshots_of_a_run_have_half_a_megabyte_even_where_nothing_in_them_repeats():
    rng, file = np.random.default_rng(0), io.BytesIO()
    images = in_levels(rng.uniform(0, 1, (20, 784)))
    np.savez_compressed(file, z=rng.normal(size=(250, 10)).astype(np.float16), y=rng.integers(0, 999, 250, np.uint16),
                        labels=rng.integers(0, 999, 250, np.int32), reconstructions=images[:10],
                        samples=images[10:])  # fmt: skip
    assert 31 * len(file.getvalue()) <= 500_000


@pytest.mark.parametrize("mode, parts", [
    ("semi-supervised", {"z", "y", "labels", "reconstructions", "samples"}), ("gan", {"labels", "samples"}),
    ("autoencoder", {"z", "labels", "reconstructions"}), ("supervised", {"z", "labels", "reconstructions", "samples"}),
])  # fmt: skip
def test_a_snapshot_has_the_parts_of_its_mode(mode, parts):
    model, batches = assembled(tiny_config(mode))
    found = snapshot(model, batches.validation)
    assert {name for name, array in found.items() if array.size} == parts


def test_a_snapshot_holds_what_the_model_says_of_validation_images():
    model, batches = assembled(tiny_config("semi-supervised"))
    images, labels = batches.validation
    found, code = snapshot(model, (images, labels)), model.encode_rows(images)
    np.testing.assert_allclose(found["z"], code.z, atol=2e-3)
    np.testing.assert_array_equal(found["y"], np.argmax(code.y, axis=1))
    first = [np.flatnonzero(labels == k)[0] for k in np.unique(labels)]
    painted = model.decode_rows(code.z, code.y)[sorted(first)]
    np.testing.assert_allclose(found["reconstructions"] / LEVELS, painted, atol=0.5 / LEVELS + 1e-6)


def test_a_damaged_snapshot_is_told_in_one_line(tmp_path):
    _, run = tiny_run(tmp_path / "run", "aae")
    (run.path / "snapshots" / "000001.npz").write_bytes(b"nonsense")
    assert "000001.npz: cannot be read" in refusal(run.snapshots)
