"""What `tinyaae.train` promises: the command's run from Python, and without `out` one that leaves nothing."""

import json
import os

import numpy as np
import pytest
from tiny import BATCH, LABELS, refusal, tiny_config, tiny_dataset, tiny_run, write_npz

import tinyaae
from tinyaae import figures
from tinyaae.errors import Diverged
from tinyaae.training.run_folder import RunFolder

SMALL = dict(hidden=(8, 7), epochs=3, batch_size=BATCH, labels=LABELS)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Stand in an empty folder, and draw nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figures, "draw_all", lambda model, dataset, folder, found: [])
    return tmp_path


def test_a_run_without_out_leaves_no_file(here):
    run = tinyaae.train(data=tiny_dataset(), **SMALL)
    assert os.listdir(here) == []
    assert run.result["test_error"] < 0.7 and "log_likelihood" not in run.result
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
    assert run.model.sample(4, labels=2).shape == (4, 36)


def test_each_epoch_is_called_with_the_row_of_metrics():
    rows = []
    run = tinyaae.train("aae", data=tiny_dataset(), each_epoch=rows.append, hidden=(8,), epochs=2, batch_size=BATCH)
    assert rows == run.history and {"half_squared_error", "D_gauss", "seconds"} <= rows[0].keys()


def test_with_out_it_leaves_what_the_command_leaves(here):
    run = tinyaae.train(data=write_npz(here / "data.npz"), out="run", **SMALL)
    folder = RunFolder.open("run")
    assert folder.result() == run.result and folder.metrics() == run.history
    assert {path.name for path in folder.path.iterdir()} == {
        "config.json", "metrics.csv", "checkpoint.npz", "best.npz", "result.json", "snapshots",
    }  # fmt: skip
    assert json.loads((here / "run" / "config.json").read_text())["data"] == str(here / "data.npz")


def test_it_trains_to_the_weights_of_the_same_run_in_a_folder(here):
    _, kept = tiny_run(here / "kept", epochs=3)
    run = tinyaae.train(data=tiny_dataset(), **SMALL)
    again = tinyaae.load(kept.path)
    for name, array in again.state().items():
        np.testing.assert_array_equal(run.model.state()[name], array)


def test_what_the_command_refuses_is_refused_before_anything_is_made(here):
    assert "there is no mode" in refusal(tinyaae.train, "none", data=tiny_dataset(), out="run")
    assert "mode aae has no use for it" in refusal(tinyaae.train, "aae", data=tiny_dataset(), labels=5, out="run")
    (here / "full").mkdir()
    (here / "full" / "file").write_text("")
    assert "holds files already" in refusal(tinyaae.train, data=tiny_dataset(), out="full", **SMALL)
    assert sorted(os.listdir(here)) == ["full"]


def test_a_run_without_out_that_diverges_says_where():
    with np.errstate(all="ignore"), pytest.raises(Diverged) as error:
        tinyaae.train(
            "autoencoder", data=tiny_dataset(), hidden=(8,), epochs=2, batch_size=BATCH, optimizer="momentum",
            batch_norm=False, lr_reconstruction=1e30,
        )  # fmt: skip
    assert "not finite" in str(error.value)


def test_the_config_of_a_run_knows_its_data():
    run = tinyaae.train(data=tiny_dataset(), **SMALL)
    assert run.model.config.data_digest == tiny_config().data_digest


def test_each_epoch_that_returns_true_ends_the_run_properly(here):
    """Saved, evaluated and marked; another value that is true in Python, such as a count, is no stop."""
    run = tinyaae.train(data=tiny_dataset(), out="run", each_epoch=lambda row: row["epoch"] == 2, **SMALL)
    assert run.result["stopped_after"] == 2 and run.result["test_error"] is not None
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert RunFolder.open("run").result() == run.result
    assert tinyaae.load("run").state().keys() == run.model.state().keys()
    assert RunFolder.open("run").restore(run.model).epoch == 2
    assert tinyaae.train(data=tiny_dataset(), each_epoch=lambda row: 1, **SMALL).result["stopped_after"] is None


def test_prepare_returns_the_model_and_the_batches_that_train_would_start_from(here):
    model, batches = tinyaae.prepare(data=tiny_dataset(), **SMALL)
    for epoch in range(3):
        for step, batch in enumerate(batches.epoch(epoch)):
            for phase in model.phases_with_optimizer():
                phase.optimizer.lr_scale = tinyaae.training.schedule(model.config)(epoch + step / batches.steps)
            model.step(batch)
    trained = tinyaae.train(data=tiny_dataset(), **SMALL).model
    for name, array in trained.state().items():
        np.testing.assert_array_equal(model.state()[name], array)


def test_a_printed_model_shows_its_networks_and_which_phase_moves_what():
    model, _ = tinyaae.prepare("supervised", tiny_dataset(), hidden=(8, 7), batch_size=BATCH)
    assert str(model).splitlines() == [
        "supervised: z of 5, prior gaussian",
        "  Q        36-8-7-5, 429 weights",
        "  P        8-7-8-36, 481 weights",
        "  D_gauss  8-8-7-1, 143 weights",
        "  reconstruction  moves Q, P by Adam, learning rate 0.001",
        "  discriminate    moves D_gauss by Adam, learning rate 0.0003",
        "  generate        moves Q by Adam, learning rate 0.0003",
    ]
