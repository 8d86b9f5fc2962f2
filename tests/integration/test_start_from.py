"""A new run that starts from the weights of an earlier one, and functions that are called after each epoch."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny import refusal, tiny_dataset, write_npz

import tinyaae
from tinyaae import cli, figures
from tinyaae.training import loop
from tinyaae.training.run_folder import RunFolder

SMALL = {"hidden": (8, 7), "epochs": 2, "batch_size": 10, "z": 5}
TINY = ["--data", "data.npz", "--hidden", "8,7", "--epochs", "2", "--batch-size", "10", "--z", "5", "--quiet"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Stand in an empty folder with the tiny data.npz; draw nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figures, "draw_all", lambda model, dataset, folder, found=None, everything=False: [])
    write_npz(tmp_path / "data.npz")
    return tmp_path


@pytest.fixture
def first():
    """A finished run of an AAE in the folder first."""
    return tinyaae.train("aae", data=tiny_dataset(), out="first", **SMALL)


def weights(model, name="Q"):
    return model.networks[name].flat.copy()


def trained(**flags):
    """Train an AAE, without a folder unless `out` is given."""
    return tinyaae.train("aae", data=tiny_dataset(), **(SMALL | flags))


def weights_at_the_start(monkeypatch, **flags):
    """Return the weights of Q and P with which a run begins its first step."""
    seen = []
    epoch = loop.Training.epoch

    def watched(training, *arguments):
        seen.append({name: weights(training.model, name) for name in ("Q", "P")})
        return epoch(training, *arguments)

    monkeypatch.setattr(loop.Training, "epoch", watched)
    trained(**flags)
    return seen[0]


def test_a_run_starts_from_the_last_weights_of_another(first, monkeypatch):
    start = weights_at_the_start(monkeypatch, start_from="first")
    np.testing.assert_array_equal(start["Q"], weights(first.model))
    np.testing.assert_array_equal(start["P"], weights(first.model, "P"))


def test_running_averages_are_copied_too(first):
    model = tinyaae.build(first.model.config, tinyaae.Backend.named("numpy"))
    tinyaae.training.run.started_from("first", model)
    images = tiny_dataset().x_test
    np.testing.assert_array_equal(model.encode(images).z, first.model.encode(images).z)


def test_optimizers_and_epochs_begin_anew(first):
    run = trained(start_from="first")
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert all(phase.optimizer.steps == 2 * 11 for phase in run.model.phases_with_optimizer())


@pytest.mark.parametrize("out", [None, "second"])
def test_the_result_says_where_the_weights_are_from(first, out):
    run = trained(start_from="first", out=out)
    assert run.result["start_from"] == {"run": "first", "epoch": 2, "networks": ["Q", "P", "D_gauss"]}


def test_a_run_that_starts_from_none_has_no_such_entry(first):
    assert "start_from" not in first.result


def test_an_aae_can_start_from_an_autoencoder(monkeypatch):
    ae = tinyaae.train("autoencoder", data=tiny_dataset(), out="ae", **SMALL)
    start = weights_at_the_start(monkeypatch, start_from="ae")
    np.testing.assert_array_equal(start["Q"], weights(ae.model))
    assert trained(start_from="ae").result["start_from"]["networks"] == ["Q", "P"]


def test_the_command_line_says_the_same(first, capsys):
    assert cli.main([*TINY[:-1], "--mode", "aae", "--start-from", "first", "--out", "second"]) == 0
    assert "starts from first after epoch 2: Q, P, D_gauss\n" in capsys.readouterr().out
    assert json.loads(Path("second/result.json").read_text())["start_from"]["run"] == "first"


def test_a_run_stopped_before_its_first_step_resumes_from_the_same_weights(first, here, monkeypatch):
    flags = [*TINY, "--mode", "aae", "--start-from", "first"]
    assert cli.main([*flags, "--out", "whole"]) == 0
    monkeypatch.setattr("tinyaae.cli.finish", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main([*flags, "--out", "stopped"])
    monkeypatch.undo()
    monkeypatch.chdir(here)
    monkeypatch.setattr(figures, "draw_all", lambda model, dataset, folder, found=None, everything=False: [])
    assert cli.main(["--resume", "stopped", "--quiet"]) == 0
    assert (here / "stopped" / "checkpoint.npz").read_bytes() == (here / "whole" / "checkpoint.npz").read_bytes()
    assert json.loads((here / "stopped" / "result.json").read_text())["start_from"]["run"] == "first"


def test_other_widths_are_refused_before_anything_is_written(first, here):
    said = refusal(trained, start_from="first", out="second", hidden=(9, 7))
    assert said.startswith("--start-from: Q of first has Linear (36, 8)")
    assert said.endswith("that run has --mode aae --hidden 8,7 --z 5, and 36 numbers a row")
    assert not (here / "second").exists()


def test_another_size_of_z_is_refused(first):
    assert "that run has --mode aae --hidden 8,7 --z 5" in refusal(trained, start_from="first", z=4)


@pytest.mark.parametrize("run", ["nothing", "data.npz", ""])
def test_what_is_no_run_is_refused_before_anything_is_written(here, run, capsys):
    assert cli.main([*TINY, "--mode", "aae", "--start-from", run, "--out", "second"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (here / "second").exists()


def test_a_damaged_note_of_the_start_is_one_line(first, here):
    trained(start_from="first", out="second")
    (here / "second" / "start.json").write_text("{")
    assert "start.json: cannot be read" in refusal(RunFolder.open("second").start)


# Functions after each epoch ------------------------------------------------------------------------------------------


def two(row, model):
    """A function that needs the model."""
    SEEN.append((row, model))


def one(row, *, more=None):
    SEEN.append((row,))


def default(row, k=3):
    SEEN.append((row, k))


SEEN = []


@pytest.mark.parametrize("function, given", [(two, 2), (lambda row, model: two(row, model), 2), (one, 1), (default, 2)])
def test_a_function_gets_the_model_where_it_needs_two_arguments(function, given):
    SEEN.clear()
    run = trained(each_epoch=function)
    assert [len(seen) for seen in SEEN] == [given, given]
    assert SEEN[0][0]["epoch"] == 1
    assert SEEN[0][1:] == {1: (), 2: (3,) if function is default else (run.model,)}[given]


@pytest.mark.parametrize("function", [print, [].append, dict, None])
def test_print_and_append_get_the_row_alone(function):
    trained(each_epoch=function)
    assert not loop.needs_model(function)


def test_a_function_with_the_model_can_stop_the_run():
    run = trained(each_epoch=lambda row, model: row["epoch"] == 1 and "Q" in model.networks)
    assert run.result["stopped_after"] == 1
